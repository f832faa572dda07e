"""What decides the last bits of a run's numbers, apart from the versions of its libraries."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

__all__ = ["arithmetic"]

PROCESSOR = Path("/proc/cpuinfo")


def arithmetic() -> dict[str, str | list[str]]:
    """The ``machine``, such as x86_64; the ``vendor`` of its processor, by which libraries choose kernels; the
    instruction sets that numpy uses (``simd``); the kinds of processor that ``blas`` libraries took it for; and the
    ``capability`` that torch found, where torch is in use: it is not imported for this.
    """
    import numpy as np
    from threadpoolctl import threadpool_info

    simd = np.show_config(mode="dicts").get("SIMD Extensions", {})
    kinds = {str(item.get("architecture")) for item in threadpool_info() if item["user_api"] == "blas"}
    found: dict[str, str | list[str]] = {
        "machine": platform.machine(),
        "vendor": _vendor(),
        "simd": [*simd.get("baseline", []), *simd.get("found", [])],
        "blas": sorted(kinds),
    }
    if (torch := sys.modules.get("torch")) is not None:
        found["capability"] = torch.backends.cpu.get_cpu_capability()
    return found


def _vendor() -> str:
    """As the system names it, such as GenuineIntel; empty where it does not."""
    try:
        lines = PROCESSOR.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")), "")
