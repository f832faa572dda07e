"""Epsilon of profiles (SPEC 4), its uncertainty and its null level (SPEC 6), in constant memory. No torch."""

from symmetry_audit.statistics._blocks import added
from symmetry_audit.statistics._bootstrap import BootstrapMeans, percentile_interval
from symmetry_audit.statistics._epsilon import (
    deviations,
    leave_one_out,
    relative_error,
    subgroup_error,
    symmetry_error,
)
from symmetry_audit.statistics._invariance import InvarianceDraws, null_level, p_value
from symmetry_audit.statistics._joint import bootstrap_p_value, joint_resamples
from symmetry_audit.statistics._law import FEWEST_IMAGES, LawEvidence, holm, images_to_show, law
from symmetry_audit.statistics._null_fields import NullFields
from symmetry_audit.statistics._profiles import ProfileAccumulator
from symmetry_audit.statistics._proportion import proportion_interval
from symmetry_audit.statistics._share import HARMONICS, CommonDirection, DirectionShares, directions, visible_part
from symmetry_audit.statistics._smallest import SmallestHashes
from symmetry_audit.statistics._student import student_interval
from symmetry_audit.statistics._subsets import SubsetCurve, default_sizes, enough
from symmetry_audit.statistics._units import UNITS, Member, UnitSums

__all__ = [
    "FEWEST_IMAGES",
    "HARMONICS",
    "UNITS",
    "BootstrapMeans",
    "CommonDirection",
    "DirectionShares",
    "InvarianceDraws",
    "LawEvidence",
    "Member",
    "NullFields",
    "ProfileAccumulator",
    "SmallestHashes",
    "SubsetCurve",
    "UnitSums",
    "added",
    "bootstrap_p_value",
    "default_sizes",
    "deviations",
    "directions",
    "enough",
    "holm",
    "images_to_show",
    "joint_resamples",
    "law",
    "leave_one_out",
    "null_level",
    "p_value",
    "percentile_interval",
    "proportion_interval",
    "relative_error",
    "student_interval",
    "subgroup_error",
    "symmetry_error",
    "visible_part",
]
