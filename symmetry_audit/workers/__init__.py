"""Other processes that work on a run's tasks: those of a cluster, and one that may die in place of a worker."""

from symmetry_audit.workers._apart import Apart, Died
from symmetry_audit.workers._cluster import Cluster, connected

__all__ = ["Apart", "Cluster", "Died", "connected"]
