"""``symaudit bounds``: what the theorems promise for the symmetry that a run measured."""

from __future__ import annotations

from typing import Any

import click

from symmetry_audit.verbs import BoundsRequest
from symmetry_audit.verbs import bounds as run

from .derived import RequestCommand, asked, request_options
from .options import config_option, exit_codes, json_option, quiet_option, speaker

__all__ = ["bounds"]


@click.command(
    cls=RequestCommand, short_help="What the theory promises for the measured symmetry.", epilog=exit_codes(130)
)
@request_options(BoundsRequest)
@json_option
@config_option
@quiet_option
def bounds(as_json: bool, quiet: bool, **options: Any) -> None:
    """Bound the equivariance error of a restoration by the symmetry error in REPORT, a folder of `symaudit measure`.

    For every regularizer and scenario: what epsilon, the pixel grid and, with --loss, a network's error contribute to
    Theorems 3.3, 3.7 and 4.2 of arXiv 2605.13744, and whether a bound says more than the trivial one. The images of
    REPORT are read for their smoothness, unless --smoothness gives it.

    \b
    Example:
      symaudit bounds symaudit-demo --mu 10 --limit 3
      symaudit bounds symaudit-demo --smoothness 1 0.05 0.01
    """
    from symmetry_audit.reports import bounds_text
    from symmetry_audit.results import dump_json

    found = run(asked(BoundsRequest, options, say=speaker(quiet)))
    click.echo(dump_json(found.to_dict()) if as_json else bounds_text(found), nl=False)
