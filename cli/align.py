"""``symaudit align``: how equivariant a network is, beside the symmetry of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symmetry_audit.cli.evaluating import (
    TASK_OPTIONS,
    allow_skipped_option,
    data_option,
    data_root_option,
    device_option,
    limit_option,
    named,
    network_task,
    opened_pairs,
    seed_option,
    table_options,
    task_options,
    together,
    write_tables,
)
from symmetry_audit.cli.measuring import GROUPS
from symmetry_audit.cli.options import EXIT_CODES, complete, config_option, progress_on_stderr, quiet_option

if TYPE_CHECKING:
    from symmetry_audit.inference import Model
    from symmetry_audit.results import Alignment, AuditReport, EvaluatedModel
    from symmetry_audit.tasks import Pairs, Task

__all__ = ["align"]

FIGURES = (".svg", ".pdf", ".png")

model_options = together(
    (
        click.option("--state", type=click.Path(path_type=Path), help="State dict for a factory."),
        click.option("--arguments", help="Keyword arguments for a factory, as JSON."),
        click.option(
            "--unit",
            type=click.Choice(("1", "255")),
            default="255",
            show_default=True,
            help="What white is to a network of others.",
        ),
    )
)
measuring_options = together(
    (
        click.option(
            "--report",
            type=click.Path(path_type=Path),
            help="A folder of `symaudit measure`: the data's epsilon beside the network, and every image's own group.",
        ),
        click.option(
            "--group",
            shell_complete=complete(lambda: GROUPS),
            help="pT for T rotations, pTm with mirrors.  [default: the report's, else p8]",
        ),
        click.option(
            "--layers",
            multiple=True,
            help="Layers to compare, too: names or patterns such as 'body.*'; '*' is all convolutions. Repeat it.",
        ),
        click.option(
            "--crop",
            type=click.IntRange(0),
            default=256,
            show_default=True,
            help="Largest side of the centred square of each input that is used, in px; 0: all of it.",
        ),
        click.option(
            "--margin",
            type=click.FloatRange(0),
            help="What is left out along the edge, in px of the input.  [default: 16, at most an eighth of the side]",
        ),
    )
)


@click.command(short_help="Measure how equivariant a network is, beside the data.", epilog=EXIT_CODES)
@click.argument("model", metavar="MODEL")
@data_option(required=True)
@measuring_options
@task_options(required=False)
@model_options
@seed_option
@device_option
@limit_option
@data_root_option
@allow_skipped_option
@config_option
@click.option(
    "--figure", type=click.Path(dir_okay=False, path_type=Path), help="Draw error against angle (.svg, .pdf, .png)."
)
@table_options
@quiet_option
def align(
    model: str,
    report: Path | None,
    figure: Path | None,
    as_json: bool,
    csv: Path | None,
    latex: Path | None,
    quiet: bool,
    **options: Any,
) -> int:
    """Measure how far MODEL is from equivariance: turning its input against turning its output.

    MODEL is the folder of a training run, a .safetensors file of one, package.module:factory (Python code, which
    runs) with a --state dict, or a TorchScript (.pt), torch.export (.pt2; reading one can run its author's code) or
    ONNX (.onnx) file. Degraded images are
    made from those of --data as `symaudit evaluate` makes them. For every element of --group the table says how much
    the output differs, in grey levels and relative to its contrast, and what resampling alone costs. With --report
    the data's symmetry error stands beside it, and every image is turned in its own deformed group, too.

    \b
    Example:
      symaudit align runs/edsr-p8 --data BSD100 --report symaudit-BSD100 --figure align.svg
      symaudit align runs/resnet-cnn --data photos/ --group p4 --layers '*'
      symaudit align my.nets:denoiser --state net.pth --unit 1 --task denoise --sigma 25 --data Set14
    """
    from symmetry_audit.errors import SettingError
    from symmetry_audit.reports import alignment_csv, alignment_figure, alignment_tex, alignment_text
    from symmetry_audit.results import AuditReport

    if figure is not None and figure.suffix.lower() not in FIGURES:
        raise SettingError(f'--figure is drawn as {", ".join(FIGURES)}, got "{figure}"')
    audit = None if report is None else AuditReport.load(report)
    found = _aligned(model, options, audit, quiet)
    click.echo(found.to_json() if as_json else alignment_text(found), nl=False)
    files: dict[Path | None, Callable] = {csv: lambda: alignment_csv(found), latex: lambda: alignment_tex(found)}
    if figure is not None:
        files[figure] = lambda: alignment_figure(found)[figure.suffix.lower()[1:]]
    write_tables(files, quiet)
    return 4 if found.skipped and not options["allow_skipped"] else 0


def _aligned(model: str, options: Mapping[str, Any], report: AuditReport | None, quiet: bool) -> Alignment:
    from symmetry_audit.alignment import compare_with_data, measure_alignment, with_verdict
    from symmetry_audit.audit import resolve_device
    from symmetry_audit.reports import mean_profiles
    from symmetry_audit.results import DatasetInfo
    from symmetry_audit.tasks import evaluation_items, source_fingerprint
    from symmetry_audit.training import joint_fits

    profiles = None if report is None else mean_profiles(report.folder, report)
    loaded, task = _loaded(model, options, quiet)
    pairs = opened_pairs(task, options, quiet)
    data = DatasetInfo(pairs.name, pairs.text, len(pairs.refs), source_fingerprint(pairs))
    fits = {} if report is None else joint_fits(report)
    if not quiet:
        _say_fits(fits, pairs, report)
    with progress_on_stderr(quiet) as progress:
        found = measure_alignment(
            loaded.network,
            evaluation_items(pairs, task, options["seed"]),
            options["group"] or (report.settings["group"] if report else "p8"),
            fits=fits,
            crop=options["crop"] or None,
            device=resolve_device(options["device"]),
            model=_described(loaded),
            task=task,
            data=data,
            skipped=pairs.skipped,
            progress=lambda done: progress(done, len(pairs.refs)),
            **{name: options[name] for name in ("layers", "margin", "seed")},
        )
    if report is None:
        return with_verdict(found)
    same = data.fingerprint == report.dataset.fingerprint
    return compare_with_data(found, report, profiles, same_images=same)


def _loaded(model: str, options: Mapping[str, Any], quiet: bool) -> tuple[Model, Task]:
    """The network and what it is to restore. Raises SettingError where the two do not fit."""
    from symmetry_audit.errors import SettingError
    from symmetry_audit.inference import load_model
    from symmetry_audit.tasks import make_task

    loaded = load_model(model, weights=options["state"], arguments=options["arguments"], unit=float(options["unit"]))
    asked = named({name: options[name] for name in TASK_OPTIONS if options[name] is not None})
    if loaded.checkpoint is not None:
        return loaded, network_task(loaded.name, loaded.checkpoint.task, asked, quiet)
    if "name" not in asked and loaded.scale == 1:
        raise SettingError(f"{model} does not say what it restores; give --task, such as --task denoise --sigma 25")
    if asked.setdefault("name", "sr") == "sr":
        asked.setdefault("scale", max(loaded.scale, 2))
    task = make_task(**asked)
    if task.scale != loaded.scale:
        raise SettingError(f"{model} enlarges by {loaded.scale}, which is not {task.text}; give another --task")
    return loaded, task


def _described(loaded: Model) -> EvaluatedModel:
    from symmetry_audit.inference import describe
    from symmetry_audit.results import EvaluatedModel

    if loaded.checkpoint is not None:
        return describe(loaded.checkpoint, loaded.network, loaded.name)
    return EvaluatedModel(name=loaded.name, parameters=sum(value.numel() for value in loaded.network.parameters()))


def _say_fits(fits: Mapping[str, Any], pairs: Pairs, report: AuditReport | None) -> None:
    """What becomes of the report's fits, on stderr."""
    if report is None:
        return
    known = sum(pair.key in fits for pair in pairs.refs)
    if not fits:
        click.echo("Note: the report holds no fits; measured under strict rotations alone", err=True)
    elif known < len(pairs.refs):
        click.echo(f"Note: the report holds a fit of {known} of the {len(pairs.refs)} images", err=True)
