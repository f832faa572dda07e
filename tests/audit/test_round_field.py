"""Acceptance: isotropic fields in a round field of view, whatever is outside it, and against float64 sums."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from symmetry_audit import measure
from symmetry_audit.audit import AuditSettings, make_settings
from symmetry_audit.audit._image import measure_scales, scaled_copies
from symmetry_audit.audit._plan import ImagePlan
from symmetry_audit.audit._pool import single_threaded
from symmetry_audit.audit._run import image_plans
from symmetry_audit.groups import IDENTITY
from symmetry_audit.synth import gaussian_field
from tests.oracles import affine
from tests.oracles import symmetry as oracle

SIDE, MARGIN = 200, 15
Y, X = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
ROUND = np.hypot(Y, X) <= SIDE / 2
NAMES = ("tv", "sobel")


def field(seed: int, side: int = SIDE) -> np.ndarray:
    """An isotropic field of standard deviation 60, with detail of a few px."""
    rng = np.random.default_rng(seed)
    found = gaussian_field((side, side), IDENTITY, rng=rng, power=lambda k: np.exp(-((k / 0.1) ** 2)), limit=None)
    return (60 * (found - found.mean()) / found.std()).astype(np.float32)


@cache
def plans_of(settings: AuditSettings) -> tuple[ImagePlan, ...]:
    return image_plans(settings, "cpu")[1]


def measured(image: np.ndarray, valid: np.ndarray | None, settings: AuditSettings) -> dict[str, np.ndarray]:
    """All arrays, with controls, as of an image of a run."""
    scales = scaled_copies(image, settings, valid)
    with single_threaded():
        return measure_scales(scales, settings, plans_of(settings), "a", (0, 1), controlled=settings.adaptive)


def test_no_array_depends_on_what_is_outside_the_field() -> None:
    """Strict and adaptive responses, fits, spectra, tensors, all controls, coarser copies, errors of a quick look."""
    image, settings = field(1), make_settings(reg="tv", group="p8", margin=MARGIN, downscale=2, pixels=8000)
    own = measured(image, ROUND, settings)
    assert {"held_out", "random", "null", "scales", "adaptive_errors", "spectrum", "tensor"} <= set(own)
    assert all(np.isfinite(own[name]).all() for name in own)
    other = measured(np.where(ROUND, image, np.float32(np.nan)), ROUND, settings)
    assert all(np.array_equal(own[name], other[name]) for name in own)


def test_values_are_those_of_the_field_itself_over_the_disc() -> None:
    """The oracle measures the field without padding, at the pixels farther than the margin from the disc's outside."""
    settings, image = make_settings(reg=NAMES, group="p8", margin=MARGIN, scenario="dataset_strict"), field(2)
    plans = plans_of(settings)
    found = measured(np.where(ROUND, image, np.float32(-3024)), ROUND, settings)
    outside, inner = np.argwhere(~ROUND), np.indices((SIDE - 2 * MARGIN,) * 2).reshape(2, -1).T + MARGIN
    squares = [np.square(part[:, None] - outside).sum(-1).min(1) for part in np.array_split(inner, 60)]
    inside = (np.concatenate(squares) > MARGIN**2).reshape((SIDE - 2 * MARGIN,) * 2)
    rows = np.flatnonzero(inside.any(1))
    held_out = inside & (np.arange(len(inside)) >= rows[len(rows) // 2])[:, None]
    for r, name in enumerate(NAMES):
        kernels = affine.kernel_stack(
            name, oracle.group_matrices("p8"), 1.5, oracle.window_radius(name, "gaussian", 1.5, 1)
        )
        sizes = [np.abs(oracle.convolved(image.astype(float), kernel, MARGIN)) for kernel in kernels]
        for part, chosen in (("strict", inside), ("strict_held_out", held_out)):
            theirs = [size[chosen].mean() for size in sizes]
            assert np.abs(found[part][0][plans[0].index[r]] / theirs - 1).max() < 2e-5, (name, part)


def test_isotropic_fields_are_not_told_from_symmetric_ones(tmp_path: Path) -> None:
    """Twelve of them, with a mask, with padding that is found, and with padding that is measured."""
    side = 128
    inner = np.hypot(*(np.indices((side, side)) - (side - 1) / 2)) <= side / 2
    for number in range(12):
        image = field(100 + number, side)
        for name, padding in (("air", -1000), ("scanner", -3024)):
            path = tmp_path / name / f"{number}.tif"
            path.parent.mkdir(exist_ok=True)
            tifffile.imwrite(path, np.where(inner, image, np.float32(padding)))
    Image.fromarray(inner).save(tmp_path / "round.png")
    asked = {"reg": "tv", "group": "p8", "scenario": "dataset_strict"}
    masked, other = (measure(tmp_path / name, mask=tmp_path / "round.png", **asked) for name in ("air", "scanner"))
    found, raw = (measure(tmp_path / "scanner", padding=padding, **asked) for padding in (True, False))
    (row,) = masked.results
    assert row.distinguishable is False and row.p_value is not None and row.p_value > 0.01
    assert other.results == masked.results and other.left_out == masked.left_out
    assert found.results[0].relative_epsilon == pytest.approx(row.relative_epsilon, abs=2e-3)
    assert found.results[0].distinguishable is False
    assert raw.results[0].distinguishable is True and raw.results[0].p_value == 0.001
    assert raw.results[0].relative_epsilon > 0.05
    share = 1 - np.pi * 51**2 / 102**2
    assert masked.left_out.mean == masked.left_out.largest == pytest.approx(share, abs=0.01)
    assert masked.warnings[0].startswith(f"V leaves out {100 * masked.left_out.mean:.3g} % of the pixels")
    assert raw.left_out.image is None and "padding" not in " ".join(raw.warnings)
