"""One unit of luminance for all images of a run."""

from __future__ import annotations

from symmetry_audit.errors import DataError

__all__ = ["check_unit"]


def check_unit(units: dict[str, str], image: str, unit: str) -> None:
    """Note the unit of ``image`` in ``units``, unit -> image. Raises DataError where another image has another one."""
    units.setdefault(unit, image)
    if len(units) > 1:
        # which of the two was measured first is a matter of chance
        (first, one), (second, other) = sorted(units.items(), key=lambda item: item[1])
        raise DataError(f"{one} is in {first} and {other} in {second}; measure them apart, or say --unit HU or grey")
