"""``measure``: from a source of images to a report."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from symmetry_audit.options import FilePath, Images, MeasureOptions, Option, RunOptions, ShardOptions, names
from symmetry_audit.verbs._machine import measured, measured_parts, opened_run, resolved, results_folder, run_document
from symmetry_audit.verbs._pages import write_page
from symmetry_audit.verbs._sources import opened_to_measure
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    import numpy as np

    from symmetry_audit.audit import AuditSettings, Estimate, Masks, Measurements, PartialRun
    from symmetry_audit.data import ImageSource, ShardedSource
    from symmetry_audit.results import AffineFit, AuditReport, FailedFit

__all__ = ["DemoRequest", "MeasurePlan", "MeasureRequest", "measure", "plan_demo", "plan_measure"]

PLAN_SCHEMA = "symaudit.plan/1"


class MeasureRequest(MeasureOptions, RunOptions, ShardOptions):
    """The options of ``measure``."""

    source: Annotated[Images, Option("Images to measure.", complete=names.datasets)] = Field(kw_only=False)


class DemoRequest(RunOptions):
    """The options of the command ``demo``."""

    group: Annotated[str, Option("Group: pT for T rotations, pTm with mirrors too.")] = "p32"


@dataclass(frozen=True)
class MeasurePlan:
    """An audit that is about to run: the images, and the settings that change its numbers.

    ``given`` maps image names to the (a, b) of their deformations, (S, F, 2), which are then used instead of fits;
    ``masks`` say which pixels of the images count. With ``apart``, statistics draw all images or clusters
    apart, however many there are, as earlier versions did.
    """

    request: RunOptions
    source: ImageSource | ShardedSource
    settings: AuditSettings
    given: Mapping[str, np.ndarray] | None = None
    masks: Masks | None = None
    apart: bool = False

    @property
    def folder(self) -> Path:
        """Where the command line writes the report."""
        return Path(self.request.out or results_folder("symaudit", self.source))

    @property
    def text(self) -> str:
        """A description in one line, for people."""
        settings = self.settings
        names = ",".join(stencil.name for stencil in settings.stencils)
        return (
            f"{self._images} of {self.source.name}: {names} under "
            f"{settings.group}, {settings.kernel} kernel, margin {settings.margin} px, into {self.folder}"
        )

    @property
    def _images(self) -> str:
        (chosen, what), (found, _) = map(_counted, (self.settings.images_of(self.source), self.source))
        if self.settings.sample is None or chosen == found:
            return f"{chosen} {what}"
        return f"a random sample of {chosen} of {found} {what} (seed {self.settings.seed})"

    @property
    def machine(self) -> str:
        """The device and the number of workers, for people."""
        device, workers = resolved(self.request)
        return f"device {device}, workers {workers}"

    @property
    def estimate(self) -> Estimate | None:
        """What the run will cost by the cost model; None for shards, whose images are not known before."""
        from symmetry_audit import audit
        from symmetry_audit.data import ImageSource

        source = self.settings.images_of(self.source)
        if not isinstance(source, ImageSource):
            return None
        return audit.estimated(source.refs, self.settings, resolved(self.request)[1])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        (number, what), estimate = _counted(self.settings.images_of(self.source)), self.estimate
        return {
            "schema": PLAN_SCHEMA,
            "dataset": self.source.name,
            what: number,
            "out": str(self.folder),
            "estimate": None if estimate is None else estimate.to_dict(),
            "settings": self.settings.to_dict(),
        }

    def run(
        self, out: FilePath | None = None, *, draw: bool = True, first: Callable[[AuditReport], None] | None = None
    ) -> AuditReport:
        """Measure, and write into ``out`` unless it is None; without ``draw``, neither tables nor figures.

        With ``first``, all images are measured under strict rotations before any is fitted, which takes a quarter of
        the time, and ``first`` is called with the report of these rows alone.

        Raises DataError if the source has no usable image, ReportError if ``out`` holds another run.
        """
        from symmetry_audit import findings, reports
        from symmetry_audit.files import write_atomically
        from symmetry_audit.results import RUN_FILE, dump_checked

        request, settings, started = self.request, self.settings, datetime.now(UTC)
        source = settings.images_of(self.source)
        with tempfile.TemporaryDirectory() if out is None else nullcontext(out) as place:
            folder = Path(place)

            def early(strict: AuditSettings, found: Measurements) -> None:
                if first is not None:
                    first(findings.build_report(source, strict, found))

            waiting = None if first is None else early
            with measured(request, source, settings, folder, self.given, self.masks, waiting) as found:
                if out is None:
                    fits: list[AffineFit | FailedFit] = []
                    report = findings.build_report(source, settings, found, keep_fit=fits.append)
                    return replace(report, fits=tuple(fits))
                apart = {"limit": None} if self.apart else {}
                with ExitStack() as files:
                    responses = reports.ResponseWriter(folder / reports.RESPONSES_FILE, settings.group)
                    keep = files.enter_context(responses).extend
                    # only an adaptive run has fits, and a table of them
                    fits_table = files.enter_context(reports.AffineWriter(folder)) if settings.adaptive else None
                    keep_fit = fits_table.append if fits_table else lambda fit: None
                    report = findings.build_report(source, settings, found, keep, keep_fit, **apart)
                # run.json knows the bytes of report.json: a kill between the two must not leave the old one
                (folder / RUN_FILE).unlink(missing_ok=True)
                reports.write_skipped(folder, report, found.skipped)
                text = report.to_json()
                write_atomically(folder / "report.json", text)
                about = run_document(request, started, found, report=text)
                write_atomically(folder / RUN_FILE, dump_checked(about))
                if draw:
                    reports.render(folder)
                    write_page(folder, report, source)
            return replace(report, folder=folder)

    def run_part(self, share: tuple[int, int], out: FilePath | None = None) -> PartialRun:
        """Measure the partitions K, K + N, ... into ``out``, ``share`` being (K, N); ``merge`` makes the report.

        Raises as ``run`` does.
        """
        from symmetry_audit import audit

        folder = self.part_folder(share) if out is None else Path(out)
        source = self.settings.images_of(self.source)
        with opened_run(self.request, source, self.settings, folder) as journal:
            given = {"given": self.given, "masks": self.masks}
            measured_parts(self.request, source, self.settings, journal, share=share, **given)
        return audit.partial_run(folder)

    def part_folder(self, share: tuple[int, int]) -> Path:
        """Where ``run_part`` writes by default."""
        return Path(f"{self.folder}-part-{share[0]}-of-{share[1]}")


def plan_measure(request: MeasureRequest) -> MeasurePlan:
    """Open the source and check all options before anything is measured. Raises SettingError or DataError."""
    from symmetry_audit import audit

    settings = audit.make_settings(request)
    given = None if request.affine is None else audit.given_fits(Path(request.affine), settings)
    if given is not None and audit.by_name(given):
        request.say(f"Note: {request.affine} has no column pixel_sha256; its fits find their images by name")
    masks = None if request.mask is None else audit.open_masks(Path(request.mask))
    source = opened_to_measure(request, settings)
    settings = audit.clustered_settings(settings, request, source)
    for line in filter(None, (source.note, *settings.images_of(source).remarks)):
        request.say(line)
    return MeasurePlan(request, source, settings, given, masks)


def _counted(source: ImageSource | ShardedSource) -> tuple[int, str]:
    """How many images, or shards, and which of the two."""
    from symmetry_audit.data import ImageSource

    return (len(source.refs), "images") if isinstance(source, ImageSource) else (len(source.shards), "shards")


def plan_demo(request: DemoRequest) -> MeasurePlan:
    """The audit of the photographs that ship inside scikit-image, without controls, to be quick."""
    from symmetry_audit import audit
    from symmetry_audit.data import demo_source

    return MeasurePlan(request, demo_source(), audit.make_settings(group=request.group, controls=False))


@verb(MeasureRequest)
def measure(request: MeasureRequest) -> AuditReport:
    """Measure the dataset-level symmetry error epsilon_G, Eq. (8) of [SA], of the images of ``source``.

    Parameters
    ----------
    source
        A folder (searched recursively), a file, a glob, a text list, a .zip or .tar archive, the name of a dataset
        manifest such as "DIV2K" or "DIV2K:valid" (found under ``data_root`` or SYMAUDIT_DATA), an ``ImageSource``, or
        a sequence of paths. Or shards, which are read one after the other and never listed before: tar archives by a
        brace range, "shards/{0000..0999}.tar", Parquet files with images inside, what lies behind URLs (s3, gs, https,
        hf).
    column
        Column of the images in Parquet files; by default the only one that can be.
    cluster
        "local" or "local:N", the file or the address of a Dask scheduler, to measure there. The report is the same.
    reg, stencils
        Regularizers by name (default: tv, tv2, sobel, laplacian, prewitt); a TOML file that defines more of them.
    group
        A group such as "p32" or "p8m".
    kernel, sigma
        Kernel model: gaussian, bicubic or fourier; width of the Gaussian in px, or several widths.
    margin
        Width of the border that is not measured, in px, also around padding.
    padding, mask, body
        Whether bars, frames and corners of one value are left out; a folder of pictures that are zero where the images
        of the same names are not to be measured, or one picture for all; whether only the body of CT images counts.
    bands
        For multispectral TIFF: the numbers of the channels that are red, green and blue, or of one to take as grey,
        counted from 1.
    white
        The sample that is white in files of more than 8 bits, above 0; by default what each file says, else what the
        16-bit samples of the set suggest. Signed samples with it are grey levels and no HU.
    response
        "abs" or "energy". Intensities are luminance in [0, 255], and HU for CT slices.
    unit, window, plane, file_names
        For CT: "HU" or "grey", the unit of samples whose file does not say it; (level, width) in HU to show as 0 to
        255; the plane of the slices of NIfTI volumes; whether to name DICOM files by their file names, which may be
        those of patients.
    scenario
        sample_strict, dataset_strict and/or dataset_adaptive. In the last, each image has its own group G_w.
    fit, affine, spacing
        Which fitted w to use per image: per-regularizer, joint, or a regularizer's name; a file with w to use instead;
        whether strict rows are under the rotations of the body, by the pixel spacing that files state, in place of
        those of the pixel grid (then nothing is fitted, and there are no adaptive rows).
    controls, control_images
        Whether to run the control experiments of adaptive rows, and on how many of the images, drawn at random ("all"
        for all). An image with controls takes about one and a half times to twice as long as one without.
    clusters
        The unit that the bootstrap resamples: image, folder, duplicates (groups of pixel-identical images), or series
        (DICOM series, NIfTI volumes and the tiles of one picture; the default where the images are of some, but not for
        the tiles of a single picture).
    downscale, max_pixels, seed
        Factors of coarser copies to measure too; largest image in pixels; seed of all random numbers.
    limit, sample
        Number of images: the first by name, or a random sample of all, by the seed and their names. A larger sample
        holds the smaller one, so that a run in ``out`` goes on with it.
    tile
        Side in px of the tiles in which pictures are measured, each as an image of its own. Their V are disjoint and
        make up that of the picture, so its response is the mean of theirs over pixels. They overlap by twice the
        margin. Of a TIFF file only a tile is in memory, and ``max_pixels`` limits this; other files are decoded whole.
    pixels
        For a quick look: about how many pixels of every image to measure, in bands of rows drawn by the seed and the
        image's name. Rows then have the standard errors that this adds.
    out
        Folder for the report (report.json, responses.parquet, tables, figures). A killed run in it is continued.
        Without a folder, nothing is kept but the returned value.
    device, workers
        "auto", "cpu" or "cuda"; number of images measured at a time (default: all cores). Neither changes a number.
    resume, force, on_error, data_root
        Whether to continue a run in ``out``, or to start over; "skip" or "fail" for images that cannot be measured;
        folder of the datasets.
    progress, estimate, say
        Functions that are called with (images done, number of images), with the largest strict relative epsilon of the
        images measured so far, and with notes for people.

    Raises
    ------
    SettingError
        If an option is wrong.
    DataError
        If the source has no usable image.
    ReportError
        If ``out`` holds another run.

    Examples
    --------
    >>> from symmetry_audit import measure
    >>> from symmetry_audit.data import demo_source
    >>> report = measure(demo_source(), reg="tv", group="p4", scenario="dataset_strict", limit=2)
    >>> report.results[0].images
    2
    """
    return plan_measure(request).run(request.out)
