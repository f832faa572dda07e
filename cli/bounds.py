"""``symaudit bounds``: what the theorems promise for the symmetry that a run measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from symmetry_audit.cli.evaluating import data_root_option
from symmetry_audit.cli.options import EXIT_CODES, quiet_option

if TYPE_CHECKING:
    import numpy as np

    from symmetry_audit.audit import AuditSettings
    from symmetry_audit.data import ImageSource
    from symmetry_audit.results import AuditReport, Smoothness
    from symmetry_audit.theory import KernelSmoothness

__all__ = ["bounds"]

FINE = 16  # samples per px at which a kernel's derivatives are taken


@click.command(short_help="What the theory promises for the measured symmetry.", epilog=EXIT_CODES)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--mu", type=float, default=1.0, show_default=True, help="Strong convexity; 1 over the weight of R.")
@click.option("--loss", type=float, metavar="L", help="How far a network is from the optimum, for Theorem 4.2.")
@click.option("--complexity", type=float, metavar="C", help="C~ of Eq. (46); with --dimension: which groups pay.")
@click.option("--dimension", type=float, metavar="D", help="d of Eq. (46), the dimension of the set of images.")
@click.option("--source", help="Where the images of RUN lie now, if they were moved.")
@data_root_option
@click.option("--limit", type=click.IntRange(1), help="Take F, G and H from the first N images.")
@click.option(
    "--estimator", default="max", show_default=True, help="Of F, G, H: max or q99.9 of an image's finite differences."
)
@click.option(
    "--smoothness",
    type=float,
    nargs=3,
    metavar="F G H",
    help="Intensity in [0, 1], its slope per px and its second derivative per px²; no image is read, which leaves out "
    "Theorem 3.7 as printed: it needs the images' size.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@quiet_option
def bounds(
    run: Path,
    mu: float,
    loss: float | None,
    complexity: float | None,
    dimension: float | None,
    smoothness: tuple[float, float, float] | None,
    as_json: bool,
    **images: object,
) -> None:
    """Bound the equivariance error of a restoration by the symmetry error in RUN, a folder of `symaudit measure`.

    For every regularizer and scenario: what epsilon, the mesh and, with --loss, a network's error contribute to
    Theorems 3.3, 3.7 and 4.2 of arXiv 2605.13744, and whether a bound says more than the trivial one. The images of
    RUN are read for their smoothness, unless --smoothness gives it.

    \b
    Example:
      symaudit bounds symaudit-demo --mu 10 --limit 3
      symaudit bounds symaudit-demo --smoothness 1 0.05 0.01
    """
    from symmetry_audit.audit import AuditSettings
    from symmetry_audit.errors import SettingError
    from symmetry_audit.reports import bounds_text
    from symmetry_audit.results import AuditReport, dump_json
    from symmetry_audit.theory import run_bounds, run_kappa

    if (complexity is None) != (dimension is None):
        raise SettingError("--complexity and --dimension belong together; give both or neither")
    report = AuditReport.load(run)
    settings = AuditSettings.from_dict(report.settings)
    kappa = None if complexity is None else run_kappa(report, complexity, dimension, mu)
    image, points = (_given(smoothness), None) if smoothness else _measured(run, report, settings, **images)
    found = run_bounds(report, image, _kernels(settings), mu=mu, loss=loss, kappa=kappa, points=points)
    click.echo(dump_json(found.to_dict()) if as_json else bounds_text(found), nl=False)


def _given(numbers: tuple[float, float, float]) -> Smoothness:
    from symmetry_audit.errors import ReportError, SettingError
    from symmetry_audit.results import Smoothness

    try:
        return Smoothness(value=numbers[0], gradient=numbers[1], hessian=numbers[2])
    except ReportError:
        shown = " ".join(f"{number:g}" for number in numbers)
        raise SettingError(f"--smoothness takes three finite numbers of at least 0, got {shown}") from None


def _measured(
    run: Path,
    report: AuditReport,
    settings: AuditSettings,
    *,
    source: str | None,
    data_root: Path | None,
    limit: int | None,
    estimator: str,
    quiet: bool,
) -> tuple[Smoothness, int]:
    """F, G, H and the longest side in px of the images that the run measured, or the first ``limit`` of them."""
    from symmetry_audit.api import reopen
    from symmetry_audit.theory import image_smoothness

    opened = reopen(report, run, source, data_root).limited(settings.limit).limited(limit)
    if not quiet:
        images = f"{len(opened.refs)} image{'s' * (len(opened.refs) != 1)}"
        click.echo(f"Reading {images} of {opened.name} for F, G and H", err=True)
    sides: list[int] = []

    def measured() -> Iterator[np.ndarray]:
        for luminance in _images(opened, report, settings.max_pixels):
            sides.append(max(luminance.shape))
            yield luminance

    return image_smoothness(measured(), estimator), max(sides)


def _images(opened: ImageSource, report: AuditReport, max_pixels: int) -> Iterator[np.ndarray]:
    """Luminance in [0, 1] of every image but those that the run left out. Raises DataError."""
    from symmetry_audit.data import BYTES_PER_PIXEL, decode
    from symmetry_audit.errors import DataError, ImageError

    left_out = {item.image for item in report.skipped}
    most = max_pixels * BYTES_PER_PIXEL
    for ref in opened.stream([ref for ref in opened.refs if ref.key not in left_out], most):
        try:
            yield decode(ref.read(most), max_pixels).luminance / 255
        except ImageError as error:
            raise DataError(f"cannot read {ref.key} of the run: {error}; mend it or give --smoothness") from None


def _kernels(settings: AuditSettings) -> Callable[[str, float | None], KernelSmoothness]:
    """F2, G2 and H2 of every kernel of the run, each computed once."""
    import numpy as np

    from symmetry_audit.kernels import kernel_model, sampled_kernels, window_radius
    from symmetry_audit.theory import kernel_smoothness

    stencils = {item.name: item for item in settings.stencils}
    enlarged = np.eye(2)[None] * FINE

    @cache
    def kernel(regularizer: str, sigma: float | None) -> KernelSmoothness:
        stencil, model = stencils[regularizer], kernel_model(settings.kernel, sigma)
        half = ceil(FINE * (window_radius(stencil, model) + 0.5))  # to the rim of the outermost pixels
        return kernel_smoothness(sampled_kernels(stencil, enlarged, model, half)[0], 1 / FINE)

    return kernel
