"""``symaudit align``: how equivariant a network is, compared with the symmetry of the data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from symmetry_audit.errors import ModelError, SettingError
from symmetry_audit.verbs import AlignRequest
from symmetry_audit.verbs import align as run

from .checks import conditions_options, judged
from .derived import RequestCommand, asked, request_options
from .options import (
    allow_skipped_option,
    config_option,
    exit_codes,
    html_option,
    not_nan,
    quiet_option,
    speaker,
    table_options,
    write_tables,
)
from .progress import image_progress

__all__ = ["align"]

FIGURES = (".svg", ".pdf", ".png")


@click.command(
    cls=RequestCommand,
    short_help="Compare a network's equivariance with the data's symmetry.",
    epilog=exit_codes(3, 4, 130),
)
@request_options(AlignRequest)
@click.option(
    "--figure", type=click.Path(dir_okay=False, path_type=Path), help="Draw error against angle (.svg, .pdf, .png)."
)
@click.option(
    "--fail-above",
    type=click.FloatRange(0, 1e9),
    callback=not_nan,
    metavar="X",
    help="Exit with 3 if the relative error of an element exceeds X by more than resampling explains.",
)
@table_options
@conditions_options
@html_option
@allow_skipped_option
@config_option
@quiet_option
def align(
    figure: Path | None,
    fail_above: float | None,
    as_json: bool,
    csv: Path | None,
    latex: Path | None,
    html: Path | None,
    allow_skipped: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Measure how far MODEL is from equivariance: compare rotating its input with rotating its output.

    MODEL is the folder or the .safetensors file of a training run, an ONNX (.onnx) file, a TorchScript (.pt) or
    torch.export (.pt2) file with --trust, or package.module:factory or path/file.py:factory with a --weights file. A
    factory is Python code, which is run; TorchScript and .pt2 files can run their author's code too. The images of
    --data are degraded as `symaudit evaluate` degrades them. The answer comes first: yes, no or cannot tell. For every
    element of --group the table says how much the output differs, in grey levels and relative to its contrast, and how
    much of that resampling alone causes. The network's error to the clean image is beside it, and what averaging the
    network over the group gains. With --report the table also has the data's symmetry error, and every image is also
    rotated by the elements of its own deformed group.

    Of a classifier, the table says how much the logits change, and how many labels.

    \b
    Example:
      symaudit align runs/edsr-p8 --data BSD100 --report symaudit-BSD100 --figure align.svg
      symaudit align runs/resnet-cnn --data photos/ --group p4 --layers '*'
      symaudit align my/nets.py:denoiser --weights net.pth --task denoise --sigma 25 --data Set14
    """
    from symmetry_audit.reports import (
        alignment_csv,
        alignment_figure,
        alignment_tex,
        alignment_text,
        invariance_csv,
        invariance_tex,
        invariance_text,
    )
    from symmetry_audit.reports.pages import alignment_page
    from symmetry_audit.results import Invariance

    if figure is not None and figure.suffix.lower() not in FIGURES:
        raise SettingError(f'--figure is drawn as {", ".join(FIGURES)}, got "{figure}"')
    with image_progress(quiet) as progress:
        found = run(asked(AlignRequest, options, progress=progress, say=speaker(quiet)))
    files: dict[Path | None, Callable[[], Any]]
    if isinstance(found, Invariance):
        for name, path in {"--figure": figure, "--html": html}.items():
            if path is not None:
                raise SettingError(f"{name} draws errors of restored images, and this network classifies; remove it")
        labels = found
        text = invariance_text(labels)
        files = {csv: lambda: invariance_csv(labels), latex: lambda: invariance_tex(labels)}
    else:
        images = found
        text = alignment_text(images)
        files = {
            csv: lambda: alignment_csv(images),
            latex: lambda: alignment_tex(images),
            html: lambda: alignment_page(images),
        }
        if figure is not None:
            files[figure] = lambda: alignment_figure(images)[figure.suffix.lower()[1:]]
    click.echo(found.to_json() if as_json else text, nl=False)
    write_tables(files, quiet)
    code = 4 if found.skipped and not allow_skipped else 0
    if found.excess is None:
        raise ModelError(
            f"{found.model.name} gives the same output everywhere, so nothing can be told; check its weights, its "
            "input range (--unit), and that the images are not blank"
        )
    if fail_above is not None and found.excess > fail_above:
        click.echo(
            f"The relative error above its floor, {found.excess:.4g}, exceeds --fail-above {fail_above:g}", err=True
        )
        code = 3
    return judged(found, code, as_json=as_json)
