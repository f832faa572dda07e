"""``symaudit bounds``: the guarantees that the theorems give for a measured symmetry."""

from __future__ import annotations

from typing import Any

import click

from symmetry_audit.verbs import BoundsRequest
from symmetry_audit.verbs import bounds as run

from .derived import RequestCommand, asked, request_options
from .options import config_option, exit_codes, json_option, quiet_option, speaker

__all__ = ["bounds"]


@click.command(
    cls=RequestCommand, short_help="Compute what the theorems guarantee for a report.", epilog=exit_codes(130)
)
@request_options(BoundsRequest)
@json_option
@config_option
@quiet_option
def bounds(as_json: bool, quiet: bool, **options: Any) -> None:
    """Bound the equivariance error of a restoration by the symmetry error in REPORT, a folder of `symaudit measure`.

    The table has a row for every regularizer and scenario. It gives the shares of epsilon, of the pixel grid and, with
    --loss, of a network's error in Theorems 3.3, 3.7 and 4.2 of arXiv 2605.13744, and says whether the bound is
    below the trivial one. The images of REPORT are read to find how smooth they are, unless --smoothness gives that.

    \b
    Example:
      symaudit bounds symaudit-demo --mu 10 --limit 3
      symaudit bounds symaudit-demo --smoothness 1 0.05 0.01
    """
    from symmetry_audit.reports import bounds_text
    from symmetry_audit.results import dump_json

    found = run(asked(BoundsRequest, options, say=speaker(quiet)))
    click.echo(dump_json(found.to_dict()) if as_json else bounds_text(found), nl=False)
