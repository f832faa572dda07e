"""Every script of the gallery runs and draws one picture, and is short enough to be read."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"


def examples() -> list[str]:
    return sorted(path.name for path in GALLERY.glob("plot_*.py"))


def test_the_gallery_has_a_dozen_short_scripts() -> None:
    lengths = {name: len((GALLERY / name).read_text(encoding="utf-8").splitlines()) for name in examples()}
    assert len(lengths) >= 12
    assert {name: length for name, length in lengths.items() if length > 40} == {}


@pytest.mark.parametrize("name", examples())
def test_an_example_draws(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", lambda: None)
    plt.close("all")
    runpy.run_path(str(GALLERY / name))
    figures = [plt.figure(number) for number in plt.get_fignums()]
    assert len(figures) == 1
    assert all(axes.has_data() for axes in figures[0].axes)
    figures[0].canvas.draw()
    plt.close("all")
