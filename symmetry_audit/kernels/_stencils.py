"""The regularizers' point stencils (SPEC 2), and a TOML file for the user's own."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from math import hypot, isclose, isfinite
from pathlib import Path

import numpy as np

from symmetry_audit.errors import SettingError, suggest

__all__ = ["DEFAULT_REGULARIZERS", "STENCILS", "Stencil", "load_stencils"]

LONG_WAVE = 1e-3  # cycles/px: low enough for the leading term to dominate, high enough for its digits
MAX_RADIUS = 8.0  # px; a wider stencil needs windows that no longer fit ordinary margins


@dataclass(frozen=True)
class Stencil:
    """Point weights of one regularizer: ``points`` holds (x, y, weight), x right, y down, in px.

    Raises SettingError unless the weights sum to 0, and do not cancel at every point.
    """

    name: str
    title: str
    points: tuple[tuple[float, float, float], ...]

    def __post_init__(self) -> None:
        values = [value for point in self.points for value in point]
        weights = [
            sum(w for x, y, w in self.points if (x, y) == place) for place in {(x, y) for x, y, _ in self.points}
        ]
        if not self.points or not all(isfinite(value) for value in values) or not any(weights):
            raise SettingError(f'stencil "{self.name}" needs finite points [x, y, weight], whose weights do not cancel')
        if not isclose(sum(weights), 0.0, abs_tol=1e-9 * max(map(abs, weights))):
            raise SettingError(
                f'stencil "{self.name}" has weights that sum to {sum(weights):g}; they must sum to 0, '
                "or the response would measure brightness"
            )
        if self.radius > MAX_RADIUS:
            reach = f"{self.radius:g} px from the origin; the limit is {MAX_RADIUS:g}"
            raise SettingError(f'stencil "{self.name}" reaches {reach}')

    @property
    def radius(self) -> float:
        """rho = max |p_k| in px."""
        return max(hypot(x, y) for x, y, _ in self.points)

    @cached_property
    def directed(self) -> bool:
        """Whether the response to long waves depends on their direction; if not, it identifies no deformation.

        The transfer function of the Laplacian has the same size in every direction there.
        """
        angles = np.arange(16) * np.pi / 16
        waves = 2 * np.pi * LONG_WAVE * np.stack([np.cos(angles), np.sin(angles)])
        points, weights = np.array([point[:2] for point in self.points]), np.array([point[2] for point in self.points])
        size = np.abs(weights @ np.exp(-1j * points @ waves))
        return bool(np.ptp(size) > 1e-3 * size.max())


def _grid(*rows: tuple[float, ...]) -> tuple[tuple[float, float, float], ...]:
    """Points of a 3x3 table of weights, rows from top (y = -1) to bottom."""
    return tuple(
        (float(x), float(y), float(weight))
        for y, row in zip((-1, 0, 1), rows, strict=True)
        for x, weight in zip((-1, 0, 1), row, strict=True)
        if weight
    )


STENCILS: dict[str, Stencil] = {
    stencil.name: stencil
    for stencil in (
        Stencil("tv", "TV", ((-0.5, 0.0, -1.0), (0.5, 0.0, 1.0))),
        Stencil("tv2", "Second-order TV", ((-1.0, 0.0, 1.0), (0.0, 0.0, -2.0), (1.0, 0.0, 1.0))),
        Stencil("sobel", "Sobel", _grid((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))),
        Stencil("laplacian", "Laplacian", _grid((0, 1, 0), (1, -4, 1), (0, 1, 0))),
        Stencil("prewitt", "Prewitt", _grid((-1, 0, 1), (-1, 0, 1), (-1, 0, 1))),
        Stencil("chiral", "Chiral", ((1.0, 0.0, 2.0), (0.0, 1.0, -1.0), (-1.0, -1.0, -1.0))),
    )
}
DEFAULT_REGULARIZERS = ("tv", "tv2", "sobel", "laplacian", "prewitt")


def load_stencils(path: Path) -> dict[str, Stencil]:
    """Read further stencils from a TOML file of ``[name]`` tables with ``points = [[x, y, weight], ...]``.

    An optional ``title`` heads the table column. Raises SettingError naming the file and the table.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"cannot read the stencil file {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, no TOML, or nested without end
        raise SettingError(f"{path} is not valid TOML: {error}") from None
    stencils = {name: _parse_stencil(path, name, table) for name, table in document.items()}
    if not stencils:
        raise SettingError(f"{path} defines no stencil; write [name] and points = [[x, y, weight], ...]")
    return stencils


def _parse_stencil(path: Path, name: str, table: object) -> Stencil:
    if name in STENCILS:
        raise SettingError(f'{path}: "{name}" is a built-in regularizer; choose another name')
    if not isinstance(table, dict) or "points" not in table:
        raise SettingError(f"{path}: [{name}] needs points = [[x, y, weight], ...]")
    for key in table:
        if key not in ("points", "title"):
            raise SettingError(f'{path}: [{name}] has an unknown key "{key}".{suggest(key, ("points", "title"))}')
    try:
        points = tuple((float(x), float(y), float(weight)) for x, y, weight in table["points"])
    except (TypeError, ValueError):
        raise SettingError(f"{path}: points of [{name}] must be triples of numbers [x, y, weight]") from None
    title = table.get("title", name)
    if not isinstance(title, str):
        raise SettingError(f"{path}: title of [{name}] must be text")
    return Stencil(name, title, points)
