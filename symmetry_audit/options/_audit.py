"""Options for measuring a dataset: what is measured, on which images, and the statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt

from symmetry_audit.data import DEFAULT_MAX_PIXELS
from symmetry_audit.options._option import FilePath, Option, Options
from symmetry_audit.options._parsed import BANDS, COUNT_OR_ALL, NUMBERS, WHOLE_NUMBERS, Names
from symmetry_audit.options.names import GROUPS, kernels, regularizers

__all__ = [
    "AdaptiveOptions",
    "AuditOptions",
    "BandOptions",
    "CtOptions",
    "DomainOptions",
    "ImageOptions",
    "MeasureOptions",
    "MeasuredOptions",
    "QuickLookOptions",
]


class ImageOptions(Options):
    """Which images are measured, and the seed."""

    heading: ClassVar[str] = "Images"

    limit: Annotated[
        int | None,
        Ge(1),
        Option("Use only the first N images by name, which may be of one kind; --sample draws them at random."),
    ] = None
    sample: Annotated[
        int | None, Ge(1), Option("Use a random sample of N images, drawn by their names and the seed.")
    ] = None
    max_pixels: Annotated[int, Ge(1), Option("Skip images with more pixels than this.")] = DEFAULT_MAX_PIXELS
    seed: Annotated[int, Option("Seed of the random number generator.")] = 0
    tile: Annotated[
        int | None,
        Ge(1),
        Option(
            "Measure large pictures as tiles of N x N px, each an image of its own; of TIFF, only a tile is in memory.",
            metavar="N",
        ),
    ] = None


class MeasuredOptions(Options):
    """What is measured; the settings of an audit have these fields too."""

    heading: ClassVar[str] = "Measurement"

    kernel: Annotated[str, Option("Kernel model: gaussian, bicubic or fourier.", complete=kernels)] = "gaussian"
    response: Annotated[
        str,
        Option(
            "Response per pixel: abs; energy (mean of squares); or rectified (mean of squares of positive responses, "
            "which sees half turns and mirrors)."
        ),
    ] = "abs"


class BandOptions(Options):
    """How the samples of a picture are read; the settings of an audit have these fields too."""

    heading: ClassVar[str] = "Images"

    bands: Annotated[
        tuple[int, ...] | None,
        BANDS,
        Option(
            "Channels of a multispectral TIFF to take as red, green and blue, such as 3,2,1, or one as grey; counted "
            "from 1.",
            default="those of a grey or RGB file",
        ),
    ] = None
    white: Annotated[
        float | None,
        Gt(0),
        Option(
            "White level: the sample that is white, in files of more than 8 bits, such as 4095 for 12 bits in 16, or 1 "
            "for floating-point pictures.",
            default="what the files say; 65535 of 16 bits",
        ),
    ] = None


class DomainOptions(Options):
    """Which pixels of the images count; the settings of an audit have these fields too."""

    heading: ClassVar[str] = "Images"

    padding: Annotated[
        bool, Option("Leave out bars, frames, and corners of rotated tiles, where they have one value.")
    ] = True
    body: Annotated[
        bool, Option("Of CT images, measure only the body: the largest part above -500 HU, with its holes.")
    ] = False


class CtOptions(Options):
    """How CT slices are found and read; the settings of an audit have these fields too."""

    heading: ClassVar[str] = "CT"

    unit: Annotated[
        Literal["HU", "grey"] | None,
        Option(
            "Unit of samples whose file does not say it: of signed and floating-point TIFF, and of NIfTI.",
            default="HU for signed TIFF and NIfTI, grey levels for floating-point TIFF",
        ),
    ] = None
    window: Annotated[
        tuple[float, float] | None,
        NUMBERS,
        Option("Show level - width/2 to level + width/2 HU as 0 to 255 and clip the rest.", metavar="LEVEL,WIDTH"),
    ] = None
    plane: Annotated[Literal["axial", "coronal", "sagittal"], Option("Plane of the slices of NIfTI volumes.")] = "axial"
    file_names: Annotated[
        bool,
        Option(
            "Whether results name DICOM files by their file names, which may be those of patients, and not by a hash "
            "of the series."
        ),
    ] = False


class AuditOptions(MeasuredOptions, ImageOptions, BandOptions, DomainOptions, CtOptions):
    """What is measured, as a user writes it; ``audit.make_settings`` makes settings from it."""

    heading: ClassVar[str] = "Measurement"

    reg: Annotated[
        Names,
        Option("Regularizers, as a comma list.", default="tv,tv2,sobel,laplacian,prewitt", complete=regularizers),
    ] = None
    stencils: Annotated[FilePath | None, Option("TOML file that defines your own regularizers.")] = None
    group: Annotated[str, Option("Group: pT for T rotations, pTm with mirrors too.", complete=lambda: GROUPS)] = "p32"
    sigma: Annotated[
        float | Sequence[float] | None,
        NUMBERS,
        Option("Width of the Gaussian kernel in px; a comma list measures every width.", default="1.5"),
    ] = None
    margin: Annotated[
        int | None, Ge(0), Option("Width of the border that is not measured, in px.", default="from the kernels; 15")
    ] = None
    downscale: Annotated[
        int | Sequence[int] | None,
        WHOLE_NUMBERS,
        Option("Repeat the audit on copies of the images that are this many times coarser."),
    ] = None
    mask: Annotated[
        FilePath | None,
        Option("Pictures of the pixels to measure, not black, by the images' names; one file serves all images."),
    ] = None


class AdaptiveOptions(Options):
    """Options of the adaptive scenario and of the statistics; the settings of an audit have these fields too."""

    heading: ClassVar[str] = "Adaptive scenario and statistics"

    fit: Annotated[
        str,
        Option(
            "Which fitted deformation to use per image: one per regularizer, one joint fit, or the fit of the named "
            "regularizer.",
            complete=lambda: ("per-regularizer", "joint", "tv", "tv2", "sobel", "prewitt"),
        ),
    ] = "per-regularizer"
    spacing: Annotated[
        bool,
        Option(
            "Measure strict rows under the rotations of the body, not of the pixel grid, by the distances of rows and "
            "of columns that the files state; nothing is fitted."
        ),
    ] = False
    controls: Annotated[
        bool,
        Option(
            "Also run the control experiments (transfer, held-out halves, isotropic noise, random w) on some of the "
            "images."
        ),
    ] = True
    control_images: Annotated[
        Annotated[int, Ge(1)] | Literal["all"],
        COUNT_OR_ALL,
        Option("Number of images, drawn at random, that the control experiments run on."),
    ] = 64
    clusters: Annotated[
        str,
        Option(
            "Unit that the bootstrap resamples: image, folder, duplicates (groups of pixel-identical images), or "
            "series (DICOM series, NIfTI volumes, and the tiles of one picture).",
            default="series for CT slices and for tiles of several pictures, else image",
        ),
    ] = "auto"


class QuickLookOptions(Options):
    """How much of every image is measured; the settings of an audit have these fields too."""

    heading: ClassVar[str] = "Images"

    pixels: Annotated[
        int | None,
        Ge(1),
        Option("For a quick look, measure only about M pixels of every image, drawn at random.", metavar="M"),
    ] = None


class MeasureOptions(AuditOptions, AdaptiveOptions, QuickLookOptions):
    """Everything that changes the numbers of an audit."""

    heading: ClassVar[str] = "Measurement"

    scenario: Annotated[
        Names,
        Option("Scenarios to measure: sample_strict, dataset_strict, dataset_adaptive or all.", default="all"),
    ] = None
    affine: Annotated[
        FilePath | None, Option("File with fitted w (affine.parquet or .csv) to use; nothing is fitted.")
    ] = None
