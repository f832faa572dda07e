"""``symaudit synth``: datasets with a known symmetry, to check what an audit finds in them."""

from __future__ import annotations

from typing import Any

import click

from symmetry_audit.verbs import SynthRequest
from symmetry_audit.verbs import synth as run

from .derived import RequestCommand, asked, request_options
from .options import config_option, exit_codes, json_option, quiet_option
from .progress import image_progress

__all__ = ["synth"]


@click.command(
    cls=RequestCommand,
    short_help="Write datasets with a known symmetry.",
    epilog=exit_codes(130, _1="the folder holds other files or cannot be written"),
)
@request_options(SynthRequest)
@json_option
@config_option
@quiet_option
def synth(as_json: bool, quiet: bool, **options: Any) -> None:
    """Write images with a known symmetry group G_w into the folder OUT.

    G_w is the group of rotations, deformed by a chosen axis ratio and angle. OUT gets image_00000.png and so on
    (8-bit grey), truth.csv with the deformation of every image, and synth.json. The same command continues a run;
    a larger --n adds images to a dataset.

    \b
    Example:
      symaudit synth isotropic --ratio 1
      symaudit synth stretched --n 50 --ratio 1.1:1.8 --angle 30
      symaudit synth lit --kind dead-leaves --ratio 1 --flip-bias 1
    """
    from symmetry_audit.results import dump_json

    with image_progress(quiet) as progress:
        found = run(asked(SynthRequest, options, progress=progress))
    if as_json:
        click.echo(dump_json(found.to_dict()), nl=False)
        return
    made = found.settings
    click.echo(f"{made.n} images of {made.size} x {made.size} px in {found.folder}; their deformations: {found.truth}")
