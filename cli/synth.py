"""``symaudit synth``: datasets whose symmetry is known, to see what an audit makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from symmetry_audit.cli.options import progress_on_stderr, quiet_option

__all__ = ["synth"]


class Range(click.ParamType):
    """A number, or ``LO:HI``; other words may be allowed as they are."""

    name = "range"

    def __init__(self, *words: str) -> None:
        self.words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Text to one of the words, a number, or the lowest and the highest."""
        if not isinstance(value, str) or value in self.words:
            return value
        try:
            ends = tuple(float(part) for part in value.split(":"))
        except ValueError:
            ends = ()
        if len(ends) not in (1, 2):
            self.fail(f'"{value}" is not {", ".join((*self.words, "a number or LO:HI"))}', param, ctx)
        return ends[0] if len(ends) == 1 else ends


@click.command(short_help="Write datasets whose symmetry is known.")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--n", type=int, default=20, show_default=True, help="How many images.")
@click.option("--size", type=int, default=384, show_default=True, help="Width and height in px.")
@click.option(
    "--kind",
    type=click.Choice(("gaussian", "dead-leaves")),
    default="gaussian",
    show_default=True,
    help="Gaussian fields, or opaque shaded discs that hide one another.",
)
@click.option(
    "--ratio",
    type=Range(),
    default="1.4",
    show_default=True,
    metavar="X|LO:HI",
    help="Axis ratio of the deformation; 1 is isotropic. LO:HI: each image has its own.",
)
@click.option(
    "--angle",
    type=Range("random"),
    default="random",
    show_default=True,
    metavar="random|DEG|LO:HI",
    help="Direction of the long axis, counter-clockwise from the x axis.",
)
@click.option("--slope", type=float, help="Gaussian fields: amplitude falls as 1/|k|^slope.  [default: 1]")
@click.option(
    "--flip-bias",
    type=float,
    default=0.0,
    show_default=True,
    help="Share of the leaves, 0 to 1, that are lit from the right; breaks mirrors and half turns.",
)
@click.option("--clip", type=float, default=0.0, show_default=True, help="Percentage of pixels that are 0 or 255.")
@click.option("--noise", type=float, default=0.0, show_default=True, help="Sigma of white noise, in grey levels.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, other images.")
@click.option("--force", is_flag=True, help="Start over, whatever dataset OUT holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the settings as one JSON document.")
@quiet_option
def synth(out: Path, force: bool, as_json: bool, quiet: bool, **options: Any) -> None:
    """Write images into the folder OUT whose group G_w is known: rotations deformed by a chosen ratio and angle.

    OUT gets image_00000.png and so on (8-bit grey), truth.csv with the deformation of every image, and
    synth.json. The same command continues a run; a larger --n adds images to a dataset.
    Exit codes: 0 done, 1 the folder holds something else or cannot be written, 2 usage, 130 interrupted.

    \b
    Example:
      symaudit synth isotropic --ratio 1
      symaudit synth stretched --n 50 --ratio 1.1:1.8 --angle 30
      symaudit synth lit --kind dead-leaves --ratio 1 --flip-bias 1
    """
    from symmetry_audit.results import dump_json
    from symmetry_audit.synth import SynthSettings, synth_document, write_dataset

    settings = SynthSettings(**options)
    with progress_on_stderr(quiet) as progress:
        truth = write_dataset(out, settings, progress, force=force)
    if as_json:
        click.echo(dump_json({**synth_document(settings), "folder": str(out), "truth": truth.name}), nl=False)
    else:
        click.echo(f"{settings.n} images of {settings.size} x {settings.size} px in {out}; what they are: {truth}")
