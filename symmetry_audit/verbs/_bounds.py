"""``bounds``: the guarantees that the theorems give for a measured symmetry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge
from pydantic import Field

from symmetry_audit.errors import DataError, ImageError, ReportError, SettingError
from symmetry_audit.options import FilePath, Images, Option, SourceOptions
from symmetry_audit.verbs._sources import reopened_images
from symmetry_audit.verbs._verb import verb
from symmetry_audit.wording import HU, count

if TYPE_CHECKING:
    import numpy as np

    from symmetry_audit.audit import AuditSettings
    from symmetry_audit.data import ImageSource
    from symmetry_audit.results import AuditReport, RunBounds, Smoothness
    from symmetry_audit.theory import KernelSmoothness

__all__ = ["BoundsRequest", "bounds"]

FINE = 16  # samples per px at which a kernel's derivatives are taken


class BoundsRequest(SourceOptions):
    """The options of ``bounds``."""

    report: Annotated[FilePath, Option("Folder that `symaudit measure` wrote.")] = Field(kw_only=False)
    mu: Annotated[float, Option("Strong convexity mu: the data term of the restoration is (mu/2) ||x - y||².")] = 1.0
    loss: Annotated[
        float | None,
        Option("Squared distance of a network's output from the optimal restoration, for Theorem 4.2.", metavar="L"),
    ] = None
    complexity: Annotated[
        float | None,
        Option(
            "C~ of Eq. (46). With --dimension, the table also says which groups are worth building in.", metavar="C"
        ),
    ] = None
    dimension: Annotated[float | None, Option("d of Eq. (46), the dimension of the set of images.", metavar="D")] = None
    source: Annotated[
        Images | None, Option("Where the images of REPORT are now, if they were moved.", metavar="TEXT")
    ] = None
    limit: Annotated[int | None, Ge(1), Option("Take F, G and H from the first N images.")] = None
    estimator: Annotated[str, Option("How F, G and H are taken from an image's finite differences: max or q99.9.")] = (
        "max"
    )
    smoothness: Annotated[
        tuple[float, float, float] | None,
        Option(
            "Bounds on the intensity in [0, 1], its slope per px and its second derivative per px². With it no image "
            "is read, and Theorem 3.7 as printed is skipped, since that needs the size of the images.",
            metavar="F G H",
        ),
    ] = None


@verb(BoundsRequest)
def bounds(request: BoundsRequest) -> RunBounds:
    """Bound the equivariance error of a restoration by the symmetry error of a report (SPEC 7).

    Parameters
    ----------
    report
        Folder that ``measure`` wrote.
    mu, loss
        Strong convexity of the energy; a network's squared distance from the optimum, for Theorem 4.2.
    complexity, dimension
        C~ and d of Eq. (46), together or not at all.
    smoothness
        F, G and H: bounds on the intensity in [0, 1], its slope per px and its second derivative per px². By default
        they are taken from the images of the report (``source``, ``limit``, ``estimator``, ``data_root``).

    Raises
    ------
    SettingError
        For a wrong option.
    ReportError, DataError
        If the report or its images cannot be read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import measure, bounds
    >>> from symmetry_audit.data import demo_source
    >>> with TemporaryDirectory() as folder:
    ...     _ = measure(demo_source(), reg="tv", group="p4", scenario="dataset_strict", limit=2, out=folder)
    ...     bounds(folder, smoothness=(1, 0.05, 0.01)).unit
    'grey levels'
    """
    from symmetry_audit.audit import AuditSettings
    from symmetry_audit.results import AuditReport
    from symmetry_audit.theory import run_bounds, run_kappa

    complexity, dimension, mu = request.complexity, request.dimension, request.mu
    if (complexity is None) != (dimension is None):
        raise SettingError("--complexity and --dimension belong together; give both or neither")
    report = AuditReport.load(request.report)
    settings = AuditSettings.from_dict(report.settings)
    if report.dataset.unit == HU:
        raise SettingError("the theorems are about images in [0, 1] and the report is in HU; measure it with --window")
    kappa = None if complexity is None or dimension is None else run_kappa(report, complexity, dimension, mu)
    image, points = (_given(request.smoothness), None) if request.smoothness else _measured(request, report, settings)
    return run_bounds(report, image, _kernels(settings), mu=mu, loss=request.loss, kappa=kappa, points=points)


def _given(numbers: tuple[float, float, float]) -> Smoothness:
    from symmetry_audit.results import Smoothness

    try:
        return Smoothness(value=numbers[0], gradient=numbers[1], hessian=numbers[2])
    except ReportError:
        shown = " ".join(f"{number:g}" for number in numbers)
        raise SettingError(f"--smoothness takes three finite numbers of at least 0, got {shown}") from None


def _measured(request: BoundsRequest, report: AuditReport, settings: AuditSettings) -> tuple[Smoothness, int]:
    """F, G, H and the longest side in px of the images that the run measured, or of the first ``limit`` of them."""
    from symmetry_audit.theory import image_smoothness

    source = reopened_images(report, Path(request.report), request.source, request.data_root)
    source = settings.images_of(source).limited(request.limit)
    request.say(f"Reading {count(len(source.refs), 'image')} of {source.name} to find F, G and H")
    sides: list[int] = []

    def measured() -> Iterator[np.ndarray]:
        for luminance in _images(source, report, settings):
            sides.append(max(luminance.shape))
            yield luminance

    return image_smoothness(measured(), request.estimator), max(sides)


def _images(source: ImageSource, report: AuditReport, settings: AuditSettings) -> Iterator[np.ndarray]:
    """Luminance in [0, 1] of every image that the run measured. Raises DataError."""
    import numpy as np

    from symmetry_audit.data import BYTES_PER_PIXEL, load_image
    from symmetry_audit.reports import skipped_images

    skipped = {item.image for item in skipped_images(report)}
    most = settings.max_pixels * BYTES_PER_PIXEL
    for ref in source.stream([ref for ref in source.refs if ref.key not in skipped], most):
        try:
            yield np.asarray(load_image(ref, settings.max_pixels, settings.reading).luminance) / 255
        except ImageError as error:
            if ref.window is not None and ref.series in skipped:  # as some of its tiles were
                continue
            raise DataError(f"cannot read {ref.key} of the run: {error}; repair it, or give --smoothness") from None


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
        half = ceil(FINE * (window_radius(stencil, model) + 0.5))  # up to the outer edge of the outermost pixels
        return kernel_smoothness(sampled_kernels(stencil, enlarged, model, half)[0], 1 / FINE)

    return kernel
