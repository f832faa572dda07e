"""Other processes that work on a run's tasks: those of a cluster, and one that may die in place of a worker."""

from symmetry_audit.workers._apart import Apart, Died
from symmetry_audit.workers._cluster import Cluster, connected
from symmetry_audit.workers._threads import one_thread_for_good

__all__ = ["Apart", "Cluster", "Died", "connected", "one_thread_for_good"]
