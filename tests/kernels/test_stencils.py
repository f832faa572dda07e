"""Stencils: the table of SPEC 2, the TOML file, and what is refused."""

from __future__ import annotations

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
        with pytest.raises(SettingError, match=r"sigma must lie between 0\.3 and 64"):
            kernel_model("gaussian", sigma)
