"""The ``symaudit`` command: finds the verbs; reports errors as one line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys

import click

from symmetry_audit.errors import SettingError, SymmetryAuditError, suggest
from symmetry_audit.wording import escaped

from .options import exit_codes
from .streams import prepare_streams

__all__ = ["cli", "main"]

# name -> (module, one-line help): the modules are imported only when their verb runs
VERBS = {
    "measure": ("measure", "Measure the symmetry error of a dataset."),
    "merge": ("merge", "Make one report of an audit measured in parts."),
    "fit-affine": ("fit_affine", "Fit the deformed group of every image."),
    "demo": ("demo", "Audit the photographs that ship inside scikit-image."),
    "report": ("report", "Rebuild tables and figures of a report folder."),
    "recommend": ("recommend", "Advise which group to build into a network."),
    "pilot": ("pilot", "Train tiny networks to find out which group pays."),
    "verify": ("verify", "Recompute a report and compare every number."),
    "nets": ("nets", "List networks with their parameters and costs."),
    "train": ("train", "Train a network, optionally from an audit."),
    "evaluate": ("evaluate", "Measure PSNR and SSIM, or accuracy, of a trained network."),
    "degrade": ("degrade", "Write noisy, smaller or incomplete versions of images."),
    "restore": ("restore", "Restore images with a trained network."),
    "compare": ("compare", "Compare trained networks in one table."),
    "compare-datasets": ("compare_datasets", "Compare the symmetry of several sets of images."),
    "align": ("align", "Compare a network's equivariance with the data's symmetry."),
    "bounds": ("bounds", "Compute what the theorems guarantee for a report."),
    "datasets": ("datasets", "List, find, check and add datasets."),
    "synth": ("synth", "Write datasets with a known symmetry."),
}
CONTEXT = {
    "help_option_names": ["-h", "--help"],
    "auto_envvar_prefix": "SYMAUDIT",
    "max_content_width": 100,
}


class LazyGroup(click.Group):
    """Lists its verbs without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        return getattr(importlib.import_module(f"symmetry_audit.cli.{VERBS[cmd_name][0]}"), VERBS[cmd_name][0])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple:
        if args[0] not in VERBS and not args[0].startswith("-"):
            ctx.fail(f'no command "{args[0]}".{suggest(args[0], VERBS)}')
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings=CONTEXT, epilog=exit_codes(3, 4, 130))
@click.version_option(None, "--version", package_name="symaudit", prog_name="symaudit")
def cli() -> None:
    """How symmetric is an image dataset? Measures the symmetry error epsilon_G, Eq. (8) of arXiv 2605.13744.

    \b
    Example:
      symaudit demo
      symaudit measure photos/ --group p32
    """


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit; an error that symaudit raises on purpose becomes one line on stderr."""
    prepare_streams()
    os.environ["MPLBACKEND"] = "agg"  # figures are files; that of a notebook may name a module that is not here
    try:
        code = cli(args, standalone_mode=False) or 0
    except click.ClickException as error:
        vars(error).update(message=escaped(error.message, keep="\n\t"))  # may hold what the user typed
        error.show()
        code = error.exit_code
    except SymmetryAuditError as error:
        click.echo(escaped(f"Error: {error}"), err=True)
        code = 2 if isinstance(error, SettingError) else 1
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. To continue a measurement or a training run, give the same command again.", err=True)
        code = 130
    except MemoryError:
        click.echo("Error: not enough memory; give fewer or smaller images at a time, or fewer --workers", err=True)
        code = 1
    except OSError as error:  # a full disk, a folder that went away; click keeps broken pipes quiet
        click.echo(escaped(f"Error: {error}"), err=True)
        code = 1
    sys.exit(code)
