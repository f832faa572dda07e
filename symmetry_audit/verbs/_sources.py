"""Sources of images in all the forms that users give, and the source of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.options import BandOptions, CtOptions, FilePath, Images, Options
from symmetry_audit.verbs._white import likely_white, white_of_shards

if TYPE_CHECKING:
    from symmetry_audit.audit import AuditSettings
    from symmetry_audit.data import ImageSource, ShardedSource
    from symmetry_audit.results import AuditReport
    from symmetry_audit.verbs._fit import FitRequest
    from symmetry_audit.verbs._measure import MeasureRequest

    AuditRequest = MeasureRequest | FitRequest

Kind = TypeVar("Kind", bound=Options)

__all__ = [
    "as_measured",
    "mask_of_run",
    "opened",
    "opened_shards",
    "opened_to_measure",
    "pictures_of_run",
    "reopened",
    "reopened_images",
]


def opened(
    source: Images,
    data_root: FilePath | None,
    ct: CtOptions | None = None,
    bands: tuple[int, ...] | None = None,
) -> ImageSource:
    """The images of ``source``, CT slices as ``ct`` says, and of pictures the ``bands``.

    Raises DataError if there are none, SettingError if it is not a source.
    """
    from symmetry_audit.data import ImageSource, Listing, open_source, source_of_files

    listing = Listing() if ct is None else Listing(ct.plane, ct.file_names)
    if isinstance(source, ImageSource):
        return source.with_bands(bands)
    if isinstance(source, str | Path):
        return open_source(str(source), data_root, listing).with_bands(bands)
    paths = list(source) if isinstance(source, Iterable) else None
    if paths is None or any(not isinstance(path, str | Path) for path in paths):
        got = " ".join(repr(source).split())[:60]
        raise SettingError(f"a source is a folder, file, archive, dataset or several paths, got {got}")
    return source_of_files(paths, listing).with_bands(bands)


def opened_shards(
    source: Images | ShardedSource, column: str | None = None, bands: tuple[int, ...] | None = None
) -> ShardedSource | None:
    """The shards of ``source``, images in the ``column`` of Parquet files, and of pictures the ``bands``; None where it
    is no such source, but one for :func:`opened`.

    Raises DataError where a shard is missing or cannot be reached, SettingError for a ``column`` without Parquet.
    """
    from symmetry_audit.data import ShardedSource, open_shards

    if isinstance(source, ShardedSource):
        return source.with_bands(bands)
    found = open_shards(str(source), column) if isinstance(source, str | Path) else None
    if found is None and column is not None:
        raise SettingError("--column is for Parquet files; drop it")
    return None if found is None else found.with_bands(bands)


def opened_to_measure(request: AuditRequest, settings: AuditSettings) -> ImageSource | ShardedSource:
    """The images or shards that ``request`` names, with their white level. Raises SettingError and DataError."""
    shards = opened_shards(request.source, request.column, request.bands)
    if shards is not None:
        if settings.tile is not None:
            raise SettingError("--tile cuts pictures of folders, lists and archives; cut those of shards before")
        settings.images_of(shards)  # what shards cannot do is told before anything is measured
        return white_of_shards(shards, request.white, request.max_pixels)
    source = opened(request.source, request.data_root, request, request.bands)
    return prepared(source, settings, request.white)


def prepared(source: ImageSource, settings: AuditSettings, white: float | None) -> ImageSource:
    """``source`` with its white level as ``likely_white`` has it, and its pictures in tiles where ``settings`` say so.

    Raises DataError where it holds no pictures to cut.
    """
    from symmetry_audit.data import scenes_of, tiles_of

    if settings.tile is None:
        return likely_white(source, white, settings.images_of(source).refs, settings.max_pixels)
    scenes = scenes_of(source, settings.max_pixels)
    # the white level is that of scenes: a dark tile of a bright one is no file of fewer bits
    used = {ref.series for ref in settings.images_of(tiles_of(scenes, settings.tile, settings.margin)).refs}
    measured = [ref for ref in scenes.refs if ref.key in used]
    return tiles_of(likely_white(scenes, white, measured, settings.max_pixels), settings.tile, settings.margin)


def reopened(
    report: AuditReport, folder: Path, source: Images | None, data_root: FilePath | None, option: str = "--source"
) -> ImageSource | ShardedSource:
    """The images of ``report``: at ``source``, or where they were measured, relative to here or to the run's start.

    Raises DataError if they are no longer there, which says to give their place with ``option``.
    """
    from symmetry_audit.data import DEMO_NAME, DEMO_TEXT, demo_source

    if source is None and (report.dataset.name, report.dataset.source) == (DEMO_NAME, DEMO_TEXT):
        return demo_source()
    column = _column_of_run(folder)
    if source is not None:
        return as_measured(report.settings, source, data_root, column)
    text, started = report.dataset.source, _run_directory(folder) / report.dataset.source
    try:
        place = started if started.exists() and not Path(text).exists() else text
        return as_measured(report.settings, place, data_root, column)
    except (SettingError, DataError):
        hint = f"give their place now with {option}"
        raise DataError(f'{folder} was measured from "{text}", which is not here; {hint}') from None


def reopened_images(
    report: AuditReport, folder: Path, source: Images | None, data_root: FilePath | None, option: str = "--source"
) -> ImageSource:
    """:func:`reopened` for a verb that reads single images. Raises DataError also for shards."""
    from symmetry_audit.data import ImageSource

    found = reopened(report, folder, source, data_root, option)
    if not isinstance(found, ImageSource):
        raise DataError(f"{found.name} is in shards, and this reads single images; give a folder of them with {option}")
    return found


def as_measured(
    settings: Mapping[str, Any], place: Images, data_root: FilePath | None, column: str | None = None
) -> ImageSource | ShardedSource:
    """The images at ``place``, read as a run with ``settings`` does. Raises SettingError and DataError."""
    from symmetry_audit.audit import AuditSettings

    run = AuditSettings.from_dict(settings)
    shards = opened_shards(place, column, run.bands)
    if shards is not None:
        return white_of_shards(shards, run.white, run.max_pixels)
    return prepared(opened(place, data_root, _written(CtOptions, settings), run.bands), run, run.white)


def pictures_of_run(report: AuditReport) -> BandOptions:
    """How the samples of the pictures of ``report`` were read."""
    return _written(BandOptions, report.settings)


def _written(kind: type[Kind], settings: Mapping[str, Any]) -> Kind:
    """The options of a ``kind`` that ``settings`` name; an older version did not know all of them."""
    return kind(**{name: settings[name] for name in kind.model_fields if name in settings})


def mask_of_run(folder: Path) -> Path:
    """Where the masks of the run in ``folder`` were, by its run.json; the folder itself where that does not say it.

    Raises ReportError where it is damaged.
    """
    from symmetry_audit.results import read_run

    request = read_run(folder).get("request")
    place = request.get("mask") if isinstance(request, dict) else None
    return _run_directory(folder) / place if isinstance(place, str) else folder


def _column_of_run(folder: Path) -> str | None:
    """The column of Parquet files that the run in ``folder`` read, where it was told one."""
    from symmetry_audit.results import read_run

    request = read_run(folder).get("request")
    column = request.get("column") if isinstance(request, dict) else None
    return column if isinstance(column, str) else None


def _run_directory(folder: Path) -> Path:
    from symmetry_audit.results import read_run

    found = read_run(folder).get("directory")
    return Path(found) if isinstance(found, str) else Path()
