"""From measured symmetry errors to a choice: which group pays (Eq. (46) of [SA]), which one to build in (SPEC 8)."""

from symmetry_audit.theory._kappa import kappa_intervals
from symmetry_audit.theory._recommend import recommend

__all__ = ["kappa_intervals", "recommend"]
