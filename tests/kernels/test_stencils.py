"""Stencils: the table of SPEC 2, the TOML file, and what is refused."""

from __future__ import annotations

from math import cos, pi, sin, sqrt
from pathlib import Path

import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.kernels import STENCILS, Stencil, kernel_model, load_stencils
from tests.oracles import symmetry as oracle


@pytest.mark.parametrize("name", list(STENCILS))
def test_points_equal_the_oracle(name: str) -> None:
    assert sorted(STENCILS[name].points) == sorted((float(x), float(y), float(w)) for x, y, w in oracle.stencil(name))


def test_own_stencils(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[roberts]\ntitle = "Roberts"\npoints = [[0, 0, 1], [1, 1, -1]]\n')
    assert load_stencils(path) == {"roberts": Stencil("roberts", "Roberts", ((0.0, 0.0, 1.0), (1.0, 1.0, -1.0)))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "defines no stencil"),
        ("[a", "is not valid TOML"),
        ("a = 1", r"\[a\] needs points"),
        ("[a]\npoints = [[0, 0, 1], [1, 0, 1]]", "must sum to 0"),
        ("[a]\npoints = [[0, 0], [1, 0]]", "must be triples of numbers"),
        ("[a]\npoints = 3", "must be triples of numbers"),
        ("[a]\npoints = []", "needs finite points"),
        ("[a]\npoints = [[0, 0, 0.0]]", "needs finite points"),
        ("[a]\npoints = [[0, 0, 1], [0, 0, -1]]", "needs finite points"),
        ("[a]\npoints = [[0, 0, nan], [1, 0, 1]]", "needs finite points"),
        ("[a]\npoints = [[0, 0, 1], [40, 0, -1]]", "reaches 40 px"),
        ("[tv]\npoints = [[0, 0, 1], [1, 0, -1]]", "is a built-in regularizer"),
        ("[a]\npoint = 1\npoints = [[0, 0, 1], [1, 0, -1]]", 'unknown key "point". Did you mean "points"'),
        ("[a]\ntitle = 3\npoints = [[0, 0, 1], [1, 0, -1]]", "title of .* must be text"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(SettingError, match=message):
        load_stencils(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot read the stencil file"):
        load_stencils(tmp_path / "none.toml")


def test_kernel_models_refuse() -> None:
    with pytest.raises(SettingError, match=r'unknown kernel model "gausian"\. Did you mean "gaussian"'):
        kernel_model("gausian")
    with pytest.raises(SettingError, match=r'leave it out for "fourier"'):
        kernel_model("fourier", 1.5)
    for sigma in (0.0, -1.0, float("nan"), 100.0):
        with pytest.raises(SettingError, match=r"sigma must be between 0\.3 and 64"):
            kernel_model("gaussian", sigma)


@pytest.mark.parametrize(
    ("name", "directed"),
    [("tv", True), ("tv2", True), ("sobel", True), ("prewitt", True), ("chiral", True), ("laplacian", False)],
)
def test_only_the_laplacian_has_no_direction(name: str, directed: bool) -> None:
    assert STENCILS[name].directed is directed


CORNERS, SIDES = ((1, 1), (1, -1), (-1, 1), (-1, -1)), ((1, 0), (-1, 0), (0, 1), (0, -1))
DIAGONAL = (*((x, y, 1) for x, y in CORNERS), (0, 0, -4))
NINE = (*((x, y, 1) for x, y in CORNERS), *((x, y, 4) for x, y in SIDES), (0, 0, -20))
HEXAGON = (*((cos(pi * k / 3), sin(pi * k / 3), 1.0) for k in range(6)), (0.0, 0.0, -6.0))
BIHARMONIC = (
    *((x, y, -8) for x, y in SIDES),
    *((x, y, 2) for x, y in CORNERS),
    *((2 * x, 2 * y, 1) for x, y in SIDES),
    (0, 0, 20),
)


@pytest.mark.parametrize("points", [DIAGONAL, NINE, HEXAGON, BIHARMONIC], ids=["diagonal", "nine", "hexagon", "square"])
@pytest.mark.parametrize("scale", [1.0, 1e6, 1e-6])
@pytest.mark.parametrize("spacing", [1.0, 3.0])
def test_isotropic_stencils_have_no_direction(points: tuple, scale: float, spacing: float) -> None:
    """Their leading moments are those of a power of the Laplacian."""
    own = Stencil("own", "Own", tuple((spacing * x, spacing * y, scale * w) for x, y, w in points))
    assert not own.directed


@pytest.mark.parametrize(
    "points",
    [
        ((0, 0, 1), (1, 1, -1)),  # Roberts
        ((1, 0, 1), (-1, 0, 1), (0, 1, 1.1), (0, -1, 1.1), (0, 0, -4.2)),  # a Laplacian that prefers y
        ((1, 1, 1), (-1, -1, 1), (1, -1, -1), (-1, 1, -1)),  # the mixed second difference
        ((1, 0, 1), (-1, 0, 1), (0, 1, -1), (0, -1, -1)),  # x x - y y
        ((1, 0, 1), (-0.5, sqrt(3) / 2, 1), (-0.5, -sqrt(3) / 2, 1), (1.001, 0, -3)),  # a first difference in the end
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_stencils_with_a_direction(points: tuple, turned: bool) -> None:
    assert Stencil("own", "Own", tuple((y, -x, w) if turned else (x, y, w) for x, y, w in points)).directed


def test_a_triple_without_first_and_isotropic_second_moments_has_no_direction() -> None:
    """Three points at 120 degrees: odd terms come in third order only, and direction with them."""
    points = (*((cos(2 * pi * k / 3), sin(2 * pi * k / 3), 1.0) for k in range(3)), (0.0, 0.0, -3.0))
    assert not Stencil("own", "Own", points).directed
