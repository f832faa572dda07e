"""w from pixel spacing: which way it goes, and that rows under it tell a body from its grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symmetry_audit import measure
from symmetry_audit.audit import _image as module
from symmetry_audit.audit import make_settings
from symmetry_audit.audit._known_axes import known_axes
from symmetry_audit.data import DecodedImage, ImageRef
from symmetry_audit.errors import ImageError, SettingError
from symmetry_audit.groups import IDENTITY
from symmetry_audit.synth import gaussian_field
from tests.conftest import save_photos


def picture(spacing: tuple[float, float] | None) -> DecodedImage:
    return DecodedImage(np.zeros((4, 4), np.float32), "16-bit", False, "", "HU", spacing=spacing)


def test_the_long_axis_is_along_the_finer_side() -> None:
    settings = make_settings(reg="tv", group="p8", spacing=True, sigma=(1.5, 2.0))
    found = known_axes("a", picture((0.6, 0.5)), settings, None)
    assert found is not None and found.shape == (2, 2, 2)  # two sigmas; tv and joint
    assert np.allclose(found, [np.log(1.2), 0])
    assert np.allclose(known_axes("a", picture((0.5, 0.6)), settings, None), [-np.log(1.2), 0])
    assert known_axes("a", picture((0.5, 0.6)), make_settings(reg="tv"), None) is None
    table = {"a": np.ones((2, 2, 2))}
    assert known_axes("a", picture(None), settings, table) is table["a"]
    with pytest.raises(ImageError, match="the table of fits has no row for this image"):
        known_axes("b", picture(None), settings, table)
    with pytest.raises(ImageError, match="does not state the pixel spacing; drop --spacing"):
        known_axes("a", picture(None), settings, None)
    with pytest.raises(ImageError, match=r"rows are 5 mm apart and its columns 2 mm; --spacing takes ratios up to 2"):
        known_axes("a", picture((5.0, 2.0)), settings, None)


def test_options_that_contradict_it(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="which is not measured; drop --spacing"):
        make_settings(reg="tv", scenario="dataset_strict", spacing=True)
    with pytest.raises(SettingError, match="and so does --affine; drop one"):
        make_settings(reg="tv", affine=tmp_path / "a.csv", spacing=True)


def test_an_isotropic_body_on_a_grid_of_unequal_spacing(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, tmp_path: Path
) -> None:
    """Every fourth row and every third column of isotropic fields: under rotations of the body they are symmetric."""
    source = save_photos(tmp_path, rng, count=10)
    spacing = (0.8, 0.6)

    def load(ref: ImageRef, max_pixels: int, reading: object) -> DecodedImage:
        draw = np.random.default_rng(int(ref.path.stem[-1]))
        soft = gaussian_field((640, 480), IDENTITY, rng=draw, power=lambda k: np.exp(-((k / 0.02) ** 2)), limit=None)
        image = (60 * soft[::4, ::3]).astype(np.float32)
        return DecodedImage(image, "16-bit", False, ref.key, "HU", spacing=spacing)

    monkeypatch.setattr(module, "load_image", load)
    report = measure(source, reg="tv", group="p8", scenario="dataset_strict,dataset_adaptive", spacing=True, workers=1)
    strict, body = report.results
    assert strict.relative_epsilon is not None and body.relative_epsilon is not None
    assert strict.relative_epsilon > 0.15 and body.relative_epsilon < 0.04
    assert body.reasons["p_value"] == "w was given, not fitted"
    assert all(fit.a == pytest.approx(np.log(4 / 3)) and fit.b == 0 for fit in report.fits)
