"""``symaudit demo``: a first audit with no download and no arguments."""

from __future__ import annotations

from typing import Any

import click

from symmetry_audit.verbs import DemoRequest, plan_demo

from .derived import RequestCommand, asked, request_options
from .measure import measure_and_print
from .options import config_option, exit_codes, json_option, quiet_option, verbose_option
from .progress import image_progress

__all__ = ["demo"]


@click.command(
    cls=RequestCommand,
    short_help="Audit the photographs that ship inside scikit-image.",
    epilog=exit_codes(130),
)
@request_options(DemoRequest)
@json_option
@config_option
@quiet_option
@verbose_option
def demo(as_json: bool, quiet: bool, verbose: bool, **options: Any) -> int:
    """Audit the photographs that ship inside scikit-image: nothing is downloaded, no window is opened.

    To be quick, the demo skips the control experiments (held-out halves, isotropic noise) that `symaudit measure` runs.

    \b
    Example:
      symaudit demo
    """
    with image_progress(quiet) as progress:
        plan = plan_demo(asked(DemoRequest, options, progress=progress))
        return measure_and_print(plan, as_json=as_json, quiet=quiet, verbose=verbose, allow_skipped=True)
