"""Write the table of the costs of all networks, from which `symaudit nets` answers: python tests/network_costs.py."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path

from symmetry_audit import verbs
from symmetry_audit.catalogue import BACKBONES, METHODS, PRESETS
from symmetry_audit.files import write_atomically
from symmetry_audit.nets import costs, presets_of
from symmetry_audit.verbs._network_costs import COSTS_FILE, Key, NetworkCost

SIZE = 48  # the default of `symaudit nets`
TABLE = Path(verbs.__file__).with_name(COSTS_FILE)


def keys() -> Iterator[Key]:
    """Every network that there is, at the default scale and size."""
    for preset in PRESETS:
        for name, backbone in BACKBONES.items():
            for method in METHODS if preset in presets_of(name) else ():
                yield name, method, preset, backbone.scales[0], SIZE


def counted(key: Key) -> NetworkCost:
    """The costs of one network, counted."""
    return NetworkCost(*key, METHODS[key[1]].group, **asdict(costs(*key)))


def main() -> None:
    """Write the table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [item.name for item in fields(NetworkCost)], lineterminator="\n")
    writer.writeheader()
    for key in keys():
        writer.writerow(asdict(counted(key)))
    write_atomically(TABLE, text.getvalue())


if __name__ == "__main__":
    main()
