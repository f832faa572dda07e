"""Sources of images in all the forms that users give, and the source of a report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.options import BandOptions, CtOptions, FilePath, Images
from symmetry_audit.verbs._white import likely_white

if TYPE_CHECKING:
    from symmetry_audit.data import ImageSource
    from symmetry_audit.results import AuditReport

__all__ = ["mask_of_run", "opened", "pictures_of_run", "prepared", "reopened"]


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


def prepared(
    source: ImageSource, white: float | None, limit: int | None, max_pixels: int, tile: int | None, margin: int
) -> ImageSource:
    """``source`` with its white level as ``likely_white`` has it; its pictures in tiles of ``tile`` px, if that is
    given.

    Raises DataError where it holds no pictures to cut.
    """
    from symmetry_audit.data import scenes_of, tiles_of

    if tile is None:
        return likely_white(source, white, limit, max_pixels)
    scenes = scenes_of(source, max_pixels)
    # the white level is that of scenes: a dark tile of a bright one is no file of fewer bits
    used = len({ref.series for ref in tiles_of(scenes, tile, margin).refs[:limit]})
    return tiles_of(likely_white(scenes, white, used, max_pixels), tile, margin)


def reopened(
    report: AuditReport, folder: Path, source: Images | None, data_root: FilePath | None, option: str = "--source"
) -> ImageSource:
    """The images of ``report``: at ``source``, or where they were measured, relative to here or to the run's start.

    Raises DataError if they are no longer there, which says to give their place with ``option``.
    """
    from symmetry_audit.data import DEFAULT_MAX_PIXELS, DEMO_NAME, DEMO_TEXT, demo_source

    pictures, settings = pictures_of_run(report), report.settings
    ct = CtOptions(**{name: report.settings[name] for name in CtOptions.model_fields if name in report.settings})
    if source is None and (report.dataset.name, report.dataset.source) == (DEMO_NAME, DEMO_TEXT):
        return demo_source()

    def found(place: Images) -> ImageSource:
        read = opened(place, data_root, ct, pictures.bands)
        most, tile = settings.get("max_pixels", DEFAULT_MAX_PIXELS), settings.get("tile")
        return prepared(read, pictures.white, settings.get("limit"), most, tile, settings["margin"])

    if source is not None:
        return found(source)
    text, started = report.dataset.source, _run_directory(folder) / report.dataset.source
    try:
        return found(started if started.exists() and not Path(text).exists() else text)
    except (SettingError, DataError):
        hint = f"give their place now with {option}"
        raise DataError(f'{folder} was measured from "{text}", which is not here; {hint}') from None


def pictures_of_run(report: AuditReport) -> BandOptions:
    """How the samples of the pictures of ``report`` were read."""
    return BandOptions(**{name: report.settings[name] for name in BandOptions.model_fields if name in report.settings})


def mask_of_run(folder: Path) -> Path:
    """Where the masks of the run in ``folder`` were, by its run.json; the folder itself where that does not say it.

    Raises ReportError where it is damaged.
    """
    from symmetry_audit.results import read_run

    request = read_run(folder).get("request")
    place = request.get("mask") if isinstance(request, dict) else None
    return _run_directory(folder) / place if isinstance(place, str) else folder


def _run_directory(folder: Path) -> Path:
    from symmetry_audit.results import read_run

    found = read_run(folder).get("directory")
    return Path(found) if isinstance(found, str) else Path()
