"""The w_n that an audit has fitted, by the name of the image or by its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symmetry_audit.errors import ReportError
from symmetry_audit.groups import Affine
from symmetry_audit.results import JOINT, AuditReport
from symmetry_audit.tasks import Pairs, pixel_hashes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["joint_fits", "matched_fits"]


def joint_fits(report: AuditReport) -> dict[str, Affine]:
    """w_n by image: the successful joint fits at the report's first sigma and downscale."""
    return {row.image: Affine(row.a, row.b) for row in _joint(report).itertuples()}


def matched_fits(report: AuditReport, pairs: Pairs, fingerprint: str) -> dict[str, Affine]:
    """``joint_fits`` by the key in ``pairs`` of the image with the same pixels, whatever it is called in the report.

    ``fingerprint`` is that of ``pairs``. Where the report has it too, all files and names are the same, and nothing is
    decoded. A report without hashes of pixels, which is an older one, matches no other files. Raises DataError for an
    image that cannot be read.
    """
    table = _joint(report)
    if fingerprint == report.dataset.fingerprint:
        by_name = joint_fits(report)
        return {pair.key: by_name[pair.clean.key] for pair in pairs.refs if pair.clean.key in by_name}
    known = table[table["pixel_sha256"].notna()]
    if not len(known):
        return {}
    by_pixels = {row.pixel_sha256: Affine(row.a, row.b) for row in known.itertuples()}
    hashes = pixel_hashes(pairs)
    return {pair.key: by_pixels[hashes[pair.clean.key]] for pair in pairs.refs if hashes[pair.clean.key] in by_pixels}


def _joint(report: AuditReport) -> pd.DataFrame:
    """The rows of the successful joint fits at the first scale; none where the report has no table of fits."""
    try:
        table = report.affine
    except ReportError:
        return _empty()
    table = table[(table["regularizer"] == JOINT) & table["reason"].isna()]
    scales = table[["sigma", "downscale"]].fillna(-1)  # a kernel without a width has no sigma, and NaN is not NaN
    return table[(scales == scales.iloc[:1].to_numpy()).all(axis=1)]


def _empty() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=["image", "a", "b", "pixel_sha256"])
