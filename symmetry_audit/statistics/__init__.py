"""How sure epsilon is, and what it would be by chance (SPEC 6), streamed over images in constant memory. No torch."""

from symmetry_audit.statistics._bootstrap import BootstrapMeans, percentile_interval
from symmetry_audit.statistics._epsilon import leave_one_out, subgroup_error
from symmetry_audit.statistics._invariance import InvarianceDraws, null_level, p_value
from symmetry_audit.statistics._subsets import SubsetCurve, default_sizes, enough

__all__ = [
    "BootstrapMeans",
    "InvarianceDraws",
    "SubsetCurve",
    "default_sizes",
    "enough",
    "leave_one_out",
    "null_level",
    "p_value",
    "percentile_interval",
    "subgroup_error",
]
