"""Makes symmetry_audit/tomography/attenuation.csv from the tables of Elam, Ravel & Sieber (2002), as xraydb has them.

python tests/oracles/attenuation.py > symmetry_audit/tomography/attenuation.csv
"""

from __future__ import annotations

import numpy as np

ENERGIES = np.arange(20, 121)  # keV
WATER = {"H": 0.111898, "O": 0.888102}
BONE = {  # cortical bone, mass fractions of ICRU Report 44
    **{"H": 0.034, "C": 0.155, "N": 0.042, "O": 0.435, "Na": 0.001},
    **{"Mg": 0.002, "P": 0.103, "S": 0.003, "Ca": 0.225},
}
MATERIALS = {"water": WATER, "bone": BONE, "titanium": {"Ti": 1.0}, "aluminium": {"Al": 1.0}}
HEADER = (
    "# Mass attenuation with coherent scattering in cm2/g (Elam, Ravel & Sieber 2002, from xraydb); "
    "made by tests/oracles/attenuation.py"
)


def tabulated() -> dict[str, np.ndarray]:
    """Mass attenuation in cm2/g at ``ENERGIES`` of each material: the mean over its elements, by mass."""
    import xraydb

    return {
        name: sum(share * xraydb.mu_elam(element, 1e3 * ENERGIES) for element, share in parts.items())
        for name, parts in MATERIALS.items()
    }


def main() -> None:
    columns = tabulated()
    print(HEADER)
    print(",".join(("keV", *columns)))
    for row, energy in enumerate(ENERGIES):
        print(",".join((str(energy), *(f"{values[row]:.6g}" for values in columns.values()))))


if __name__ == "__main__":
    main()
