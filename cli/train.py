"""``symaudit train``: from an audit and a folder of images to a trained network."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symmetry_audit.cli.evaluating import task_options
from symmetry_audit.cli.options import EXIT_CODES, config_option, progress_on_stderr, quiet_option
from symmetry_audit.cli.training import network_options, schedule_options

if TYPE_CHECKING:
    from symmetry_audit.tasks import Pairs, PatchCache, Task
    from symmetry_audit.training import Start, TrainSettings

__all__ = ["train"]

TRAIN_SCHEMA = "symaudit.training/1"
USUAL = {"sr": "edsr", "denoise": "resnet", "inpaint": "resnet", "derain": "rcdnet"}  # task -> backbone
LEAST_FEATURES = 4  # over a recommended group; with fewer a network has little to mix
TL_SHARE = 0.4  # of the steps, after a report; the published protocol has 0.6
SETTINGS = (
    *("steps", "minutes", "tl_steps", "batch", "accumulate", "patch", "augment", "loss", "lr", "schedule", "warmup"),
    *("clip", "ema", "precision", "compile", "seed", "validate_every", "log_every", "hyper_init"),
    *("eq_reg", "eq_layers", "relax"),
)


@click.command(short_help="Train a restoration network, from an audit.", epilog=EXIT_CODES)
@click.option("--from-report", "report", type=click.Path(path_type=Path), help="A folder of `symaudit measure`.")
@click.option("--data", required=True, help="Training images: folder, glob, list, archive or dataset.")
@click.option("--valid", required=True, help="Validation images, none of them in --data.")
@task_options(required=True)
@click.option("--valid-inputs", help="As --inputs, of --valid.")
@network_options
@schedule_options
@click.option("--weights", type=click.Path(path_type=Path), help="Checkpoint to start from, such as TL for SA.")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder.  [default: symaudit-train-TASK-METHOD, here]")
@click.option("--limit", type=click.IntRange(1), help="Only the first N training images.")
@click.option("--valid-limit", type=click.IntRange(1), help="Only the first N validation images.")
@click.option(
    "--cache-folder", type=click.Path(path_type=Path), help="For decoded images.  [default: the user's cache]"
)
@click.option("--cache-limit", type=click.FloatRange(0, min_open=True), default=30.0, show_default=True, help="In GiB.")
@click.option("--allow-other-data", is_flag=True, help="Take a report about other images than --data.")
@click.option("--allow-leak", is_flag=True, help="Train although validation images stand in --data.")
@click.option("--tensorboard", is_flag=True, help="Log for TensorBoard, too.")
@click.option("--device", type=click.Choice(("auto", "cpu", "cuda")), default="auto", show_default=True)
@click.option("--data-root", envvar="SYMAUDIT_DATA", type=click.Path(path_type=Path), help="Where datasets lie.")
@click.option("--dry-run", is_flag=True, help="Print what would be trained, and stop.")
@click.option("--force", is_flag=True, help="Start over, whatever run --out holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
@config_option
@quiet_option
def train(report: Path | None, data: str, valid: str, out: Path | None, quiet: bool, **options: Any) -> int:
    """Train a network for super-resolution, denoising, deraining or inpainting.

    With --from-report the group, the method and the start of w come from an audit of the training images. The run
    folder gets best.safetensors, log.csv, learning_curve.png/.svg/.pdf and restored samples. The same command
    continues a run that was stopped. Several processes: torchrun --nproc-per-node=N -m symmetry_audit.cli train ...

    \b
    Example:
      symaudit train --from-report symaudit-photos --task sr --data photos/ --valid Set5 --minutes 30
      symaudit train --task denoise --sigma 50 --data photos/ --valid Set14 --conv fconv --group p8 --preset tiny
    """
    from symmetry_audit.audit import resolve_device
    from symmetry_audit.tasks import PatchCache
    from symmetry_audit.training import Interrupted
    from symmetry_audit.training import train as run

    first = int(os.environ.get("RANK", 0)) == 0
    say = _speaker(quiet or not first)
    task, pairs, valid_pairs = _images(data, valid, options, say)
    with progress_on_stderr(quiet or not first) as progress:
        cache = PatchCache(pairs, task, options["cache_folder"], int(options["cache_limit"] * 2**30), progress)
    _refuse_leaks(valid_pairs, cache, options["allow_leak"])
    start = _start(report, cache.fingerprint, task, options, say)
    settings = _settings(task, start, options)
    folder = out or Path(f"symaudit-train-{task.name}-{settings.architecture['method']}")
    _refuse_folder(folder, data, valid)
    if options["dry_run"]:
        click.echo(_json({"task": task.text, "folder": str(folder), "settings": settings.model_dump(mode="json")}))
        return 0
    say(f"{task.text}; {_described(settings)}; {len(pairs.refs)} images, validated on {len(valid_pairs.refs)}")
    with _progress(quiet or not first) as progress:
        try:
            result = run(
                settings,
                pairs,
                valid_pairs,
                folder,
                fits=start.fits if start else None,
                weights=options["weights"],
                cache=cache,
                device=resolve_device(options["device"]),
                force=options["force"],
                tensorboard=options["tensorboard"],
                progress=progress,
                say=say,
            )
        except Interrupted as stop:
            click.echo(str(stop), err=True)
            return 130
    if first:
        _finish(result, options["as_json"], say)
    return 0


def _images(data: str, valid: str, options: dict[str, Any], say: Callable[[str], None]) -> tuple[Task, Pairs, Pairs]:
    from symmetry_audit.tasks import make_task, open_pairs

    names = ("scale", "sigma", "missing", "peak")
    task = make_task(options.pop("task"), **{name: options.pop(name) for name in names})
    found = []
    for text, inputs, limit in ((data, "inputs", "limit"), (valid, "valid_inputs", "valid_limit")):
        pairs = open_pairs(
            text, task, inputs=options.pop(inputs), data_root=options["data_root"], limit=options.pop(limit)
        )
        if pairs.note:
            say(pairs.note)
        for item in pairs.skipped:
            say(f"Left out: {item.image}: {item.reason}")
        found.append(pairs)
    return task, *found


def _refuse_folder(folder: Path, *sources: str) -> None:
    """Raise SettingError where restored samples would come to lie among the images."""
    from symmetry_audit.errors import SettingError

    for text in sources:
        if Path(text).is_dir() and folder.resolve().is_relative_to(Path(text).resolve()):
            raise SettingError(f"{folder} lies in {text}, whose images are used; choose another --out")


def _refuse_leaks(valid: Pairs, cache: PatchCache, allowed: bool) -> None:
    """Raise DataError where validation images are trained on: the best state would be chosen by heart."""
    from symmetry_audit.errors import DataError
    from symmetry_audit.tasks import clean_fingerprints, leaks

    found = leaks(clean_fingerprints(valid), cache.fingerprints)
    if found and not allowed:
        listed = "; ".join(f"{test} = {train} ({how})" for test, train, how in found[:10])
        raise DataError(f"{len(found)} validation images are trained on: {listed}; take them out, or say --allow-leak")


def _start(
    report: Path | None, fingerprint: str, task: Task, options: dict[str, Any], say: Callable[[str], None]
) -> Start | None:
    """What the report gives, with the reasons printed."""
    if report is None:
        return None
    from symmetry_audit.groups import Group
    from symmetry_audit.nets import size_of
    from symmetry_audit.results import AuditReport
    from symmetry_audit.training import start_from_report

    channels = size_of(options["backbone"] or USUAL[task.name], options["preset"]).channels

    def fitting(group: str) -> bool:
        order = Group.parse(group).order
        return channels % order == 0 and channels // order >= LEAST_FEATURES

    found = start_from_report(
        AuditReport.load(report),
        fingerprint,
        method=options["conv"],
        group=options["group"],
        shared=options["preset"] != "paper" and options["weights"] is None,
        fitting=fitting,
        allow_other_data=options["allow_other_data"],
    )
    say(f"From {report}:")
    for line in found.lines:
        say(f"  {line}")
    return found


def _settings(task: Task, start: Start | None, options: dict[str, Any]) -> TrainSettings:
    """The settings of the run: flags before the report before the recipe."""
    from symmetry_audit.errors import SettingError
    from symmetry_audit.nets import build
    from symmetry_audit.training import RECIPES, make_settings

    backbone = options["backbone"] or USUAL[task.name]
    method = options["conv"] or (start.method if start else "cnn")
    group = options["group"] or (start.group if start else None)
    given = {name: options[name] for name in SETTINGS}
    if given["eq_reg"] is not None:
        given["eq_group"] = _eq_group(group, start)
        group = None if method == "cnn" else group
    elif method == "cnn" and group not in (None, "p1"):
        raise SettingError(
            f"a plain network has no group: add --eq-reg 0.1 to teach it {group}, choose --conv fconv, sa, ... to "
            f"build {group} in, or --group p1"
        )
    # building it finds out what does not fit together, and the group and basis that are the method's own
    named = {"scale": task.scale, "group": group, "basis": options["basis"], "relaxed": given["relax"] is not None}
    network = build(backbone, method, preset=options["preset"], **named)
    if given["loss"] is None and backbone == "rcdnet":
        given["loss"] = "stages"
    if given["augment"] is None and task.name == "derain" and "augment" not in RECIPES.get(options["recipe"], {}):
        given["augment"] = "hflip"  # rain falls downwards
    recipe = RECIPES.get(options["recipe"], {})
    if given["tl_steps"] is None and start is not None and method == "sa" and "tl_steps" not in recipe:
        given["tl_steps"] = int(TL_SHARE * (given["steps"] or recipe.get("steps", 20_000)))
    return make_settings(
        options["recipe"],
        task=task.to_dict(),
        architecture=network.architecture,
        start=(start.w.a, start.w.b) if start and start.w else None,
        audit=dict(start.audit) if start else None,
        **given,
    )


def _eq_group(group: str | None, start: Start | None) -> str:
    """The group that EQ-Reg teaches: what was asked for, or what the report recommends."""
    from symmetry_audit.errors import SettingError

    found = group if group != "p1" else None
    found = found or (start.audit["recommended"] if start else None)
    if found in (None, "p1"):
        raise SettingError("--eq-reg needs to know towards which group: add --group, such as --group p4")
    return found


def _described(settings: TrainSettings) -> str:
    net = settings.architecture
    ways = f"{net['method']} over {net['group']}" if net["method"] != "cnn" else "cnn"
    if settings.eq_reg is not None:
        ways += f", EQ-Reg {settings.eq_reg:g} towards {settings.eq_group}"
    if settings.relax is not None:
        ways += f", relaxed at {settings.relax:g}"
    length = f"{settings.steps} steps" + (f" or {settings.minutes:g} minutes" if settings.minutes else "")
    return f"{net['backbone']} {net['preset']}, {ways}; {length} of {settings.batch} patches of {settings.patch} px"


def _finish(result: Any, as_json: bool, say: Callable[[str], None]) -> None:
    from symmetry_audit.reports import write_learning_curve

    for path in write_learning_curve(result.folder):
        say(f"wrote {click.format_filename(path)}")
    found, card = result.best.card.validation, result.best.card
    if as_json:
        document = {"folder": str(result.folder), "step": result.step, "seconds": result.seconds}
        click.echo(_json({**document, "best_step": card.step, "validation": found, "audit": card.audit}))
        return
    click.echo(
        f"{result.folder}: {found['psnr']:.3f} dB, SSIM {found['ssim']:.4f} ({found['protocol']}, {found['images']} "
        f"images; input {found['input_psnr']:.3f} dB) at step {card.step} of {result.step}, {result.seconds:.0f} s"
    )


def _json(document: Mapping[str, Any]) -> str:
    from symmetry_audit.results import dump_json

    return dump_json({"schema": TRAIN_SCHEMA, **document}).rstrip()


def _speaker(quiet: bool) -> Callable[[str], None]:
    return (lambda line: None) if quiet else (lambda line: click.echo(line, err=True))


@contextmanager
def _progress(quiet: bool, interval: float = 10.0) -> Iterator[Callable[[int, int, Mapping[str, float]], None]]:
    """A bar with loss, PSNR and time left on a terminal, a plain line now and then elsewhere."""
    if quiet:
        yield lambda step, steps, values: None
        return
    shown: dict[str, str] = {}
    if sys.stderr.isatty():
        from tqdm import tqdm

        # with a time limit the bar's own guess of what is left would be wrong
        form = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}, {rate_fmt}{postfix}]"
        with tqdm(unit="step", file=sys.stderr, dynamic_ncols=True, bar_format=form) as bar:

            def show(step: int, steps: int, values: Mapping[str, float]) -> None:
                if bar.total is None:
                    bar.reset(steps)
                    bar.initial = step - 1
                shown.update(_shown(values))
                bar.set_postfix(shown, refresh=False)
                bar.update(step - bar.n)

            yield show
        return
    last = time.monotonic()

    def tell(step: int, steps: int, values: Mapping[str, float]) -> None:
        nonlocal last
        shown.update(_shown(values))
        if "valid" in values or time.monotonic() - last >= interval:
            last = time.monotonic()
            click.echo(f"step {step} of {steps}: " + ", ".join(f"{k} {v}" for k, v in shown.items()), err=True)

    yield tell


def _shown(values: Mapping[str, float]) -> dict[str, str]:
    """Loss, PSNR and the time left, for people."""
    forms = {"loss": "{:.3g}", "eta": "{:.0f} s"}
    return {name: forms.get(name, "{:.2f}").format(value) for name, value in values.items()}
