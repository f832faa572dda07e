"""Pages with pictures: the images of a run are read again, as far as they are still there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symmetry_audit.errors import DataError, ImageError, ReportError, SettingError
from symmetry_audit.options import FilePath
from symmetry_audit.verbs._sources import reopened
from symmetry_audit.wording import GREY_LEVELS, HU

if TYPE_CHECKING:
    from symmetry_audit.data import DecodedImage, ImageSource, ShardedSource
    from symmetry_audit.reports.pages import Picture
    from symmetry_audit.results import AuditReport

__all__ = ["draw_page", "pictures_of", "span", "write_page"]

UNITS = {"HU": HU, "grey": GREY_LEVELS, None: None}  # as settings name them
AIR_TO_BONE = (-1000, 1000)  # HU in black and in white


def span(image: DecodedImage) -> tuple[float, float]:
    """The luminance that is drawn black and white."""
    return AIR_TO_BONE if image.unit == HU else (0, 255)


def write_page(folder: FilePath, report: AuditReport, source: ImageSource | ShardedSource | None) -> Path:
    """report.html in ``folder``, with pictures from ``source``, without any where that is None.

    Raises ReportError where the folder cannot be used.
    """
    from symmetry_audit.data import DEMO_TEXT
    from symmetry_audit.files import write_atomically
    from symmetry_audit.reports.pages import PAGE_FILE, audit_page

    text = report.dataset.source
    data = "photos/" if text == DEMO_TEXT else text
    page = audit_page(folder, report, pictures_of(source, report.settings), data)
    return write_atomically(Path(folder) / PAGE_FILE, page)


def draw_page(folder: FilePath) -> Path:
    """report.html of a report folder again; its images are looked for where they were measured.

    Raises ReportError where the folder cannot be used.
    """
    from symmetry_audit.reports import load_report

    report = load_report(folder)
    try:
        source = reopened(report, Path(folder), None, None)
    except (DataError, SettingError, ReportError):  # the last: settings of a run that cannot be repeated
        source = None
    return write_page(folder, report, source)


def pictures_of(
    source: ImageSource | ShardedSource | None, settings: Mapping[str, Any]
) -> Callable[[Sequence[str]], dict[str, Picture]]:
    """A function that reads the images named, as a run with ``settings`` did; those that cannot be read are left
    out, and all of shards.

    Volumes and archives are read in one pass.
    """
    from symmetry_audit.data import BYTES_PER_PIXEL, DEFAULT_MAX_PIXELS, ImageSource, Reading, load_image
    from symmetry_audit.reports.pages import Picture

    window = settings.get("window")
    unit = UNITS[settings.get("unit")]
    reading = Reading(unit, None if window is None else (window[0], window[1]))
    most = settings.get("max_pixels", DEFAULT_MAX_PIXELS)

    def read(names: Sequence[str]) -> dict[str, Picture]:
        found: dict[str, Picture] = {}
        if not isinstance(source, ImageSource):  # of shards a whole one would be read for each picture
            return found
        chosen = set(names)
        wanted = [ref for ref in source.refs if ref.key in chosen]
        with suppress(DataError):  # an archive may have been damaged since
            for ref in source.stream(wanted, most * BYTES_PER_PIXEL):
                with suppress(ImageError):
                    image = load_image(ref, most, reading)
                    found[ref.key] = Picture.of(image.luminance, span(image))
        return {name: found[name] for name in names if name in found}

    return read
