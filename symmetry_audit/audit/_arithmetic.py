"""What decides the last bits of a run's numbers, apart from the versions of its libraries."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["arithmetic", "joint_arithmetic"]

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


def joint_arithmetic(each: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One arithmetic for a run of several processes: where they differ, all values in words, which equal none of them.

    A process that did not use torch says nothing of its capability.

    >>> joint_arithmetic([{"machine": "x86_64", "blas": ["Zen"]}, {"machine": "x86_64", "blas": ["Haswell"]}])
    {'machine': 'x86_64', 'blas': 'Haswell or Zen'}
    """
    found: dict[str, dict[str, Any]] = {}
    for one in each:
        for name, value in one.items():
            text = value if isinstance(value, str) else " ".join(value)
            found.setdefault(name, {})[text] = value
    return {
        name: next(iter(values.values())) if len(values) == 1 else " or ".join(sorted(values))
        for name, values in found.items()
    }


def _vendor() -> str:
    """As the system names it, such as GenuineIntel; empty where it does not."""
    try:
        lines = PROCESSOR.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")), "")
