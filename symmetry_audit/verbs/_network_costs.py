"""The costs of all networks by default sizes, from a table: counting them takes minutes.

``python tests/network_costs.py`` writes the table, and a test counts entries again.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

__all__ = ["COSTS_FILE", "Key", "NetworkCost", "stored_costs"]

COSTS_FILE = "network_costs.csv"
Key = tuple[str, str, str, int, int]  # backbone, method, preset, scale, size


@dataclass(frozen=True)
class NetworkCost:
    """The costs of one network; multiply-adds and bytes kept by a training step are for ``size`` x ``size`` px."""

    backbone: str
    method: str
    preset: str
    scale: int
    size: int
    group: str
    parameters: int
    trainable: int
    multiply_adds: int
    activation_bytes: int

    @property
    def key(self) -> Key:
        """What the costs are of."""
        return self.backbone, self.method, self.preset, self.scale, self.size


@cache
def stored_costs() -> dict[Key, NetworkCost]:
    """The costs in the table: of every network of the backbones that it names, at the default scale and size."""
    numbers = [item.name for item in fields(NetworkCost) if item.type == "int"]
    lines = files("symmetry_audit.verbs").joinpath(COSTS_FILE).read_text("utf-8").splitlines()
    rows = csv.DictReader(lines)
    costs = [NetworkCost(**{**row, **{name: int(row[name]) for name in numbers}}) for row in rows]
    return {cost.key: cost for cost in costs}
