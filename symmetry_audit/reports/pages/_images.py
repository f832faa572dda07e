"""What a page says of single images: responses, deviation and deformation of each, read from the report's folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from symmetry_audit.errors import ReportError, one_line
from symmetry_audit.groups import Group
from symmetry_audit.reports.audits._checked import CheckedReport, ProfileKey
from symmetry_audit.reports.audits._directions import NO_HASH, strict_scenario
from symmetry_audit.reports.audits._responses import RESPONSES_FILE, image_profiles, image_rows
from symmetry_audit.reports.pages._pictures import Ellipse
from symmetry_audit.results import AFFINE_FILE, DATASET_ADAPTIVE, JOINT
from symmetry_audit.statistics import Member, SmallestHashes, relative_error

__all__ = ["ImageNumbers", "image_numbers"]

MOST = 100_000  # images that a page looks at one by one


@dataclass(frozen=True)
class ImageNumbers:
    """All images at the first scale, for the regularizer that the page shows, whose ``title`` is for people; of more
    than MOST those of smallest hash, and the ones that the report names.

    ``before`` (N,) is each image's relative epsilon under rotations, ``profiles`` (N, T) its responses to ``group``;
    ``adapted`` (N, T) those under its own group and ``ellipses`` its deformation, both None without fits. ``at_limit``
    counts the images whose deformation is the largest one admitted.
    """

    title: str
    group: Group
    names: tuple[str, ...]
    before: np.ndarray
    profiles: np.ndarray
    adapted: np.ndarray | None
    ellipses: tuple[Ellipse | None, ...]
    at_limit: int

    @cached_property
    def places(self) -> dict[str, int]:
        """Where an image stands, by name."""
        return {name: at for at, name in enumerate(self.names)}

    def order(self) -> np.ndarray:
        """The images from the most to the least symmetric one; flat images are left out."""
        ranked = np.argsort(self.before, kind="stable")
        return ranked[np.isfinite(self.before[ranked])]

    @property
    def median(self) -> int | None:
        """The image in the middle of that order; None where there is none."""
        ranked = self.order()
        return int(ranked[(len(ranked) - 1) // 2]) if len(ranked) else None


def image_numbers(folder: Path, run: CheckedReport) -> ImageNumbers | None:
    """Of every image, or of a large sample; None where the run measured no strict scenario, or the folder has no
    responses.

    Raises ReportError where the responses cannot be used.
    """
    scenario = strict_scenario(run)
    if scenario is None or not (folder / RESPONSES_FILE).is_file():
        return None
    name = next(iter(run.regularizers))
    keys = [ProfileKey(scenario, name, *run.first_scale)]
    if DATASET_ADAPTIVE.name in run.scenarios:
        keys.append(keys[0]._replace(scenario=DATASET_ADAPTIVE.name))
    places = _places(folder, run, keys)
    profiles = enumerate(image_profiles(folder / RESPONSES_FILE, run.group, keys))
    found = [item for at, item in profiles if places is None or at in places]
    if not found:
        return None
    tables = np.array([table for _, table in found])
    names = tuple(image for image, _ in found)
    fits = _fits(folder, run, name, frozenset(names)) if len(keys) > 1 else {}
    ellipses = tuple(fits[image][0] if image in fits else None for image in names)
    return ImageNumbers(
        title=run.regularizers[name],
        group=run.group,
        names=names,
        before=relative_error(tables[:, 0]),
        profiles=tables[:, 0],
        adapted=tables[:, 1] if len(keys) > 1 else None,
        ellipses=ellipses,
        at_limit=sum(limit for _, limit in fits.values()),
    )


def _places(folder: Path, run: CheckedReport, keys: list[ProfileKey]) -> frozenset[int] | None:
    """Where in the order of the run the images stand that a page is about; None where it is about all."""
    if run.report.dataset.images <= MOST:
        return None
    leverage = run.report.analyses.get("leverage", ())
    named = {image["image"] for item in leverage for image in item["images"]}
    sample, also = SmallestHashes(MOST), []
    for at, (name, pixels, _) in enumerate(image_rows(folder / RESPONSES_FILE, run.group, keys)):
        sample.add(Member.of(pixels or NO_HASH).number, np.array(at))
        if name in named:
            also.append(at)
    return frozenset([*sample.rows().tolist(), *also])


def _fits(folder: Path, run: CheckedReport, name: str, images: frozenset[str]) -> dict[str, tuple[Ellipse, bool]]:
    """The deformation under which the adaptive row of each of ``images`` was measured, and whether it is at the
    limit."""
    path = folder / AFFINE_FILE
    if not path.is_file():
        return {}
    chosen = run.report.settings.get("fit", "per-regularizer")
    source = name if chosen == "per-regularizer" else chosen
    columns = ["image", "regularizer", "sigma", "downscale", "alpha", "ratio", "at_limit"]
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            batches = file.iter_batches(columns=columns)
            rows = [row for batch in batches for row in batch.to_pylist() if row["image"] in images]
    except (pa.ArrowException, OSError) as error:
        raise ReportError(f"{path} is damaged ({one_line(error)}); measure again with --force") from None
    own = [row for row in rows if (row["sigma"], row["downscale"]) == run.first_scale and row["ratio"] is not None]
    if not any(row["regularizer"] == source for row in own):  # it sees no direction of its own: see SPEC 5
        source = JOINT
    return {
        row["image"]: (Ellipse(row["alpha"], row["ratio"]), bool(row["at_limit"]))
        for row in own
        if row["regularizer"] == source
    }
