"""``fit_affine``: the deformation under which each image is most symmetric."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from symmetry_audit.errors import SettingError
from symmetry_audit.options import AuditOptions, FilePath, Images, Names, Option, RunOptions, ShardOptions, names
from symmetry_audit.results import JOINT
from symmetry_audit.verbs._machine import measured, resolve_device, results_folder, run_document
from symmetry_audit.verbs._pages import pictures_of, span
from symmetry_audit.verbs._sources import opened_to_measure
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    import numpy as np

    from symmetry_audit.audit import AuditSettings, ImageTables, Masks
    from symmetry_audit.data import ImageRef, ImageSource, ShardedSource
    from symmetry_audit.results import AffineFit, AffineFits, FailedFit

    ImagesOrArray = Images | np.ndarray
else:
    ImagesOrArray = Any

__all__ = ["FitPlan", "FitRequest", "fit_affine", "plan_fit"]


class FitRequest(AuditOptions, RunOptions, ShardOptions):
    """The options of ``fit_affine``."""

    source: Annotated[ImagesOrArray, Option("Images to fit.", complete=names.datasets)] = Field(kw_only=False)
    reg: Annotated[
        Names,
        Option("Regularizers, as a comma list.", default="tv,tv2,sobel,prewitt", complete=names.regularizers),
    ] = None
    plot: Annotated[
        bool, Option("Also draw a figure of every image, with its ellipse and its responses before and after the fit.")
    ] = False


@dataclass(frozen=True)
class FitPlan:
    """Fits that are about to run: the images, and the settings that change their numbers."""

    request: FitRequest
    source: ImageSource | ShardedSource
    settings: AuditSettings
    masks: Masks | None = None

    @property
    def folder(self) -> Path:
        """Where the command line writes the fits."""
        return Path(self.request.out or results_folder("symaudit-fits", self.source))

    def run(self, out: FilePath | None = None) -> AffineFits:
        """Fit, and write into ``out`` unless it is None. Raises DataError and ReportError as ``measure`` does."""
        from symmetry_audit import audit, reports
        from symmetry_audit.data import ImageSource
        from symmetry_audit.files import write_atomically
        from symmetry_audit.reports.pages import PAGE_FILE, fits_page
        from symmetry_audit.results import RUN_FILE, AffineFits, dump_checked

        request, settings, started = self.request, self.settings, datetime.now(UTC)
        source, fits = settings.images_of(self.source), []
        by_key = {ref.key: ref for ref in source.refs} if isinstance(source, ImageSource) else {}
        with tempfile.TemporaryDirectory() if out is None else nullcontext(out) as place:
            folder = Path(place)
            with measured(request, source, settings, folder, masks=self.masks) as found:
                profiles = {}
                with reports.AffineWriter(folder) as writer:
                    for image, tables, rows in audit.stored_fits(settings, found):
                        fits += rows
                        profiles |= _shown(tables, rows, settings)
                        for row in rows:
                            writer.append(row)
                        if request.plot:
                            _plot(folder / "plots", by_key[image], tables, rows, settings)
                write_atomically(folder / RUN_FILE, dump_checked(run_document(request, started, found)))
                fitted = AffineFits(tuple(fits), source.text, settings.to_dict(), tuple(found.skipped))
                if out is not None:
                    page = fits_page(folder, fitted, profiles, pictures_of(source, settings.to_dict()))
                    write_atomically(folder / PAGE_FILE, page)
        return fitted


def plan_fit(request: FitRequest) -> FitPlan:
    """Open the source and check all options before anything is fitted. Raises SettingError or DataError."""
    from symmetry_audit import audit
    from symmetry_audit.data import ImageSource

    settings = audit.fit_settings(request)
    masks = _masks(request)
    source = opened_to_measure(request, settings)
    if request.plot and not isinstance(source, ImageSource):
        raise SettingError("--plot reads every image once more, which shards cannot give one by one; drop --plot")
    for line in filter(None, (source.note, *settings.images_of(source).remarks)):
        request.say(line)
    return FitPlan(request, source, settings, masks)


@verb(FitRequest)
def fit_affine(request: FitRequest) -> AffineFits:
    """The deformation w_n of every image: the one under which its responses to the group D A D^-1 vary least (SPEC 5).

    Parameters
    ----------
    source
        As for ``measure``, or one image as an (H, W) array of luminance in [0, 255].
    reg
        Regularizers; tv, tv2, sobel and prewitt by default. There is one fit per image, scale and regularizer that
        depends on direction, and one named "joint" to all of these four that ``reg`` names.
    plot
        Whether to draw a figure of every image with its fits into ``out``.
    out
        Folder for affine.parquet and affine.csv. A killed run in it is continued.

    The other options are those of ``measure``.

    Returns
    -------
    AffineFits
        A sequence of AffineFit or FailedFit, which has a reason and is false in a condition; and the skipped images.

    Raises
    ------
    SettingError, DataError, ReportError
        As ``measure`` does.
    ImageError
        If an array cannot be measured.

    Examples
    --------
    >>> import numpy as np
    >>> from symmetry_audit import fit_affine
    >>> x, y = np.meshgrid(np.arange(64), np.arange(64))
    >>> stretched = 128 + 50 * np.sin(x / 9) * np.sin(y / 5)
    >>> [fit.regularizer for fit in fit_affine(stretched, reg="tv", group="p8")]
    ['tv', 'joint']
    """
    import numpy as np

    from symmetry_audit import audit
    from symmetry_audit.results import AffineFits

    if isinstance(request.source, np.ndarray):
        if request.tile is not None:
            raise SettingError("tile cuts pictures in files; cut the array itself")
        settings = audit.fit_settings(request)
        fits = audit.fit_array(request.source, settings, resolve_device(request.device), _masks(request))
        return AffineFits(tuple(fits), "array", settings.to_dict())
    return plan_fit(request).run(request.out)


def _masks(request: FitRequest) -> Masks | None:
    from symmetry_audit import audit

    return None if request.mask is None else audit.open_masks(Path(request.mask))


def _shown(
    tables: ImageTables, rows: Sequence[AffineFit | FailedFit], settings: AuditSettings
) -> dict[str, tuple[AffineFit, np.ndarray, np.ndarray]]:
    """By the image's name, the fit that the page shows, joint if there is one, and its responses before and after."""
    panels = _panels(tables, rows, settings)
    panels.sort(key=lambda panel: panel[0].regularizer != JOINT)
    return {panel[0].image: panel for panel in panels[:1]}


def _panels(
    tables: ImageTables, rows: Sequence[AffineFit | FailedFit], settings: AuditSettings
) -> list[tuple[AffineFit, np.ndarray, np.ndarray]]:
    """The fits at the first scale with the responses divided by their mean, before and after."""
    from symmetry_audit import audit
    from symmetry_audit.results import AffineFit

    profiles, made = audit.relative_profiles(tables, settings), [row for row in rows if isinstance(row, AffineFit)]
    panels = [(row, *profiles[row.regularizer]) for row in made if row.regularizer in profiles]
    return [panel for panel in panels if (panel[0].sigma, panel[0].downscale) == audit.first_scale(settings)]


def _plot(
    folder: Path,
    ref: ImageRef,
    tables: ImageTables,
    rows: list[AffineFit | FailedFit],
    settings: AuditSettings,
) -> None:
    """One figure per image, at the first scale."""
    from symmetry_audit import reports
    from symmetry_audit.data import load_image
    from symmetry_audit.files import write_atomically

    image = load_image(ref, settings.max_pixels, settings.reading)
    panels = _panels(tables, rows, settings)
    folder.mkdir(exist_ok=True)
    picture = reports.affine_figure(ref.key, image.luminance, settings.group, panels, span(image))
    write_atomically(folder / reports.plot_name(ref.key), picture)
