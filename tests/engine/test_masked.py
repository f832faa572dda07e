"""Responses over a V that is no rectangle: every engine against the oracle, bits, and rows without a pixel."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import pytest
import torch

from symmetry_audit.audit import make_settings, strict_bank
from symmetry_audit.engine import (
    DeformedEngine,
    DeviceBank,
    FusedHarmonics,
    HarmonicEngine,
    instruction_sets,
    kernel_rows,
    strict_engine,
    welch_power,
)
from symmetry_audit.engine._compiled import direct_rows
from symmetry_audit.kernels import direct_design, factor_bank, harmonic_plan, sees_sign
from tests.conftest import smooth_noise
from tests.oracles import affine
from tests.oracles import symmetry as oracle

MARGIN = 15
COMPILED = pytest.mark.skipif(not instruction_sets(), reason="installed without a compiler")
EACH = pytest.mark.parametrize("instructions", instruction_sets())
Engine = Callable[..., np.ndarray]  # (image, kind=, inside=) -> row means


def mask(height: int, width: int) -> np.ndarray:
    """A disc with a hole in it, an island, single pixels at both ends of a row, and two rows without a pixel."""
    y, x = np.indices((height, width))
    middle = height / 2, width / 3
    inside = np.hypot(y - middle[0], x - middle[1]) < 0.4 * min(height, width)
    inside &= np.hypot(y - middle[0], x - middle[1] - 5) > 4
    inside[3:9, -12:-5] = True
    inside[[1, 1], [0, -1]] = True
    inside[[0, height - 4]] = False
    return inside


def strict(reg: str = "tv,tv2,sobel,laplacian,prewitt,chiral") -> tuple[list[np.ndarray], float]:
    settings = make_settings(group="p8", reg=reg, scenario="dataset_strict")
    return list(strict_bank(settings, settings.models[0]).kernels), 1.5


def stretched(ratio: float) -> np.ndarray:
    """The oracle's deformed kernels of two stencils, (8, 31, 31)."""
    matrices = affine.adaptive_matrices(*affine.to_ab(0.7, ratio), 8)[:4]
    return np.concatenate([affine.kernel_stack(name, matrices, 1.5, 15) for name in ("tv", "chiral")])


@cache
def engines(*, signed: bool = False) -> dict[str, tuple[Engine, np.ndarray, float]]:
    """Each with the kernels that it stands for, and its relative error; for ``signed`` responses or others."""
    kernels, sigma = strict()
    plan = harmonic_plan(kernels, sigma, MARGIN, 2e-5, signed=signed)
    assert plan is not None
    bank = DeviceBank.from_bank(factor_bank(np.concatenate(kernels), 3e-4))
    small = stretched(1.2)
    deformed = DeformedEngine(lambda ratio: stretched(ratio), 1.5, 7.5, MARGIN)
    found = {
        "fused": (partial(FusedHarmonics.from_plan(plan, "cpu").row_means, margin=MARGIN), kernels, 2e-5),
        "bank": (partial(bank.row_means, margin=MARGIN), kernels, 4e-5),
        "transforms": (partial(kernel_rows, kernels=small, margin=MARGIN), [small], 1e-5),
        "transforms64": (partial(kernel_rows, kernels=small, margin=MARGIN, dtype=torch.float64), [small], 1e-10),
        "deformed": (lambda image, **about: deformed.row_means(image, [(small, 1.2)], **about)[0], [small], 1e-5),
    }
    for name in instruction_sets():
        found[name] = (partial(HarmonicEngine(plan, name).row_means, margin=MARGIN), kernels, 2e-5)
    return {name: (engine, np.concatenate(theirs), error) for name, (engine, theirs, error) in found.items()}


@pytest.mark.parametrize("kind", ["abs", "energy", "rectified"])
def test_means_over_a_mask_equal_the_oracle(rng: np.random.Generator, kind: str) -> None:
    image = smooth_noise(rng, 121, 146)
    inside = mask(91, 116)
    exponent = 1 if kind == "abs" else 2
    for name, (engine, kernels, error) in engines(signed=sees_sign(kind)).items():
        rows = engine(image, kind=kind, inside=inside)
        sizes = [oracle.sized(oracle.convolved(image, kernel, MARGIN), kind) for kernel in kernels]
        theirs = np.array([size[inside].mean() for size in sizes])
        found = np.average(rows, 0, inside.sum(1))
        scale = theirs.reshape(-1, 1).mean() if name == "bank" else theirs
        assert np.abs(found - theirs).max() < np.max(2 * exponent * error * scale), name
        assert not rows[[0, 87]].any(), name
        single = [size[1, [0, -1]].mean() for size in sizes]
        assert np.abs(rows[1] - single).max() < 5e-4 * exponent * np.max(single), name


def test_a_mask_of_everything_gives_the_bits_of_the_rectangle(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 64, 95).astype(np.float32)
    for name, (engine, _, _) in engines().items():
        assert np.array_equal(engine(image, inside=np.ones((34, 65), bool)), engine(image)), name


def test_what_is_far_from_the_mask_changes_nothing(rng: np.random.Generator) -> None:
    """Within the range of the rest, which is what float32 starts from."""
    image = smooth_noise(rng, 121, 146)
    image[15, 15:17] = 0, 255
    other, inside = image.copy(), np.zeros((91, 116), bool)
    inside[20:50, 30:60] = True
    other[80:] = 255 - other[80:]
    power = welch_power(image)
    for name, (engine, _, _) in engines().items():
        about = {} if name.startswith(("transforms", "deformed")) else {"power": power}
        ours, theirs = (engine(each, inside=inside, **about) for each in (image, other))
        # transforms round over whole tiles, and the bank subtracts the mean of what it sees
        assert np.allclose(ours, theirs, rtol=0, atol=1e-5 * ours.max()), name
        assert name not in instruction_sets() or np.array_equal(ours, theirs)


@COMPILED
@EACH
def test_neither_bands_nor_threads_change_a_bit_of_a_mask(rng: np.random.Generator, instructions: str) -> None:
    """Wider than one tile, in compiled harmonics and in small stencils."""
    image = smooth_noise(rng, 90, 1131).astype(np.float32)
    image[:, 20:22] = 0.0, 255.0  # half of the range is subtracted first: here every band has the same
    inside = mask(60, 1101)
    inside[30:40] |= rng.random((10, 1101)) < 0.5
    plan = harmonic_plan(strict("tv,chiral")[0], 1.5, MARGIN, 2e-5)
    design = direct_design(stretched(1.1), 1.5, 9, 1e-5)
    assert plan is not None and design is not None
    small = design.plan(stretched(1.1))
    engine = partial(HarmonicEngine(plan, instructions).row_means, margin=MARGIN, power=welch_power(image))
    for measure in (engine, partial(direct_rows, plan=small, margin=MARGIN)):
        whole = measure(image, inside=inside)
        cuts = ((1, 30), (30, 31), (31, 60))
        bands = [measure(image[first : stop + 30], inside=inside[first:stop]) for first, stop in cuts]
        assert np.array_equal(np.concatenate(bands), whole[1:])
        # sums of a row are over its pixels alone, in vectors that start where they start for all pixels
        full = measure(image)
        every = inside.all(1)
        assert np.array_equal(whole[every], full[every])


@COMPILED
def test_a_mask_of_another_size_is_refused_not_read() -> None:
    plan = harmonic_plan(strict("tv")[0], 1.5, MARGIN, 2e-5)
    assert plan is not None
    from symmetry_audit.engine import _compiled

    ints, floats = plan.tables
    image, out = np.zeros((60, 60), np.float32), np.zeros((30, len(plan.exact)))
    start = (MARGIN - plan.radius) * 61
    with pytest.raises(ValueError, match="too small for the plan"):
        _compiled._harmonics.rows(
            instruction_sets()[0], image, start, 60, 30, 30, np.ones(899, np.uint8), False, ints, floats, out
        )


def test_flat_color_reads_as_zero_over_a_mask() -> None:
    image = np.full((91, 83), 137.25)
    for name, (engine, _, _) in engines().items():
        assert not engine(image, inside=mask(61, 53)).any(), name


def test_the_engine_of_a_run_takes_masks(rng: np.random.Generator) -> None:
    kernels, _ = strict("tv")
    settings = make_settings(reg="tv", group="p8", scenario="dataset_strict")
    engine = strict_engine(kernels, settings.models[0], MARGIN)
    image, inside = smooth_noise(rng, 80, 80), mask(50, 50)
    assert engine.row_means(image, MARGIN, inside=inside).shape == (50, len(kernels[0]))
