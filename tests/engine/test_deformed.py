"""Responses to deformed kernels by small stencils: against the oracle, and against transforms."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.audit import make_settings
from symmetry_audit.audit._adaptive_plan import adaptive_plan
from symmetry_audit.engine import DeformedEngine, _deformed, instruction_sets, kernel_rows
from symmetry_audit.engine import _compiled as module
from symmetry_audit.groups import Affine
from symmetry_audit.kernels import direct_design
from tests.conftest import smooth_noise
from tests.oracles import affine as oracle

SETS = instruction_sets()
NAMES = ("tv", "tv2", "sobel", "laplacian", "prewitt", "chiral")
MARGIN = 15
COMPILED = pytest.mark.skipif(not SETS, reason="installed without a compiler")
RATIOS = pytest.mark.parametrize("ratio", [1.0, 1.05, 1.18, 1.3])


def engine(group: str = "p8", **asked: object) -> DeformedEngine:
    settings = make_settings(reg=NAMES, group=group, **asked)
    return adaptive_plan(settings, settings.models[0]).engine


def kernels(ratio: float, order: int = 8, alpha: float = 0.7) -> np.ndarray:
    matrices = oracle.adaptive_matrices(*oracle.to_ab(alpha, ratio), order)
    return np.concatenate([oracle.kernel_stack(name, matrices, 1.5, MARGIN) for name in NAMES])


@COMPILED
@RATIOS
@pytest.mark.parametrize("kind", ["abs", "energy", "rectified"])
def test_responses_equal_the_oracle(rng: np.random.Generator, ratio: float, kind: str) -> None:
    """Even, odd and other stencils together; wider than one tile of columns."""
    power = {"abs": 1, "energy": 2, "rectified": 2}[kind]
    for image in (smooth_noise(rng, 130, 90), rng.uniform(0, 255, (70, 110)), smooth_noise(rng, 50, 1100, 1.5)):
        found = engine().row_means(image, [(kernels(ratio), ratio)], kind)[0]
        assert found.shape == (len(image) - 2 * MARGIN, 6 * 8)
        if kind == "abs":
            theirs = oracle.mean_abs_responses(image, kernels(ratio), MARGIN)
        else:
            theirs = kernel_rows(image, kernels(ratio), MARGIN, kind).mean(0)
        assert np.abs(found.mean(0) / theirs - 1).max() < 2e-5 * power


@COMPILED
def test_it_is_the_small_stencils_that_are_tested(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_deformed, "MOST_TAPS", dict.fromkeys(SETS, 8))  # on every processor
    image = smooth_noise(rng, 60, 60)
    small = engine().row_means(image, [(kernels(1.2), 1.2)])[0]
    transformed = kernel_rows(image, kernels(1.2), MARGIN)
    assert not np.array_equal(small, transformed)
    for hide in ("ratio", "model", "compiler"):
        with monkeypatch.context() as patch:
            other = engine(kernel="bicubic", margin=MARGIN) if hide == "model" else engine()
            if hide == "compiler":
                patch.setattr(module, "_harmonics", None)
            ratio = 1.6 if hide == "ratio" else 1.2
            found = other.row_means(image, [(kernels(1.2), ratio)])[0]
        assert np.array_equal(found, transformed), hide


@pytest.mark.parametrize("sigma", [6.0, 8.0])
def test_wide_kernels_are_measured_by_transforms(rng: np.random.Generator, sigma: float) -> None:
    """Their windows would meet their own repetition on the grid of a design."""
    settings = make_settings(reg="tv", group="p4", sigma=sigma)
    plan = adaptive_plan(settings, settings.models[0])
    w = Affine.from_axes(0.4, 1.1)
    part = plan.measured.kernels(w)[0]
    image = smooth_noise(rng, 2 * settings.margin + 30, 2 * settings.margin + 40, 1.5)
    found = plan.engine.row_means(image, [(part, w.ratio)])[0].mean(0)
    assert np.abs(found / kernel_rows(image, part, settings.margin).mean(0) - 1).max() < 2e-5


@COMPILED
def test_parts_come_back_in_their_order_whatever_is_measured_together(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 80, 70)
    parts = [(kernels(1.3)[:5], 1.3), (kernels(1.02)[:7], 1.02), (kernels(1.28)[3:4], 1.28), (kernels(2.0)[:2], 2.0)]
    together = engine().row_means(image, parts)
    assert [part.shape[1] for part in together] == [5, 7, 1, 2]
    for found, part in zip(together, parts, strict=True):
        alone = engine().row_means(image, [part])[0]
        assert np.allclose(found, alone, rtol=1e-6, atol=1e-6 * alone.mean())


@COMPILED
def test_instruction_sets_agree_to_rounding(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    image, design = smooth_noise(rng, 60, 150), direct_design(kernels(1.1), 1.5, 9, 1e-5)
    assert design is not None
    found = []
    for name in SETS:
        monkeypatch.setattr(module, "instruction_sets", lambda name=name: [name])
        found.append(module.direct_rows(image, design.plan(kernels(1.1)), MARGIN).mean(0))
    for other in found[1:]:
        assert np.abs(other / found[0] - 1).max() < 2e-6


@COMPILED
@pytest.mark.parametrize("kind", ["abs", "energy", "rectified"])
def test_flat_colour_responds_with_zero_not_with_rounding(kind: str) -> None:
    assert not engine().row_means(np.full((50, 60), 137.25), [(kernels(1.2), 1.2)], kind)[0].any()


@COMPILED
def test_a_damaged_plan_is_refused_not_run() -> None:
    design = direct_design(kernels(1.1), 1.5, 9, 1e-5)
    assert design is not None
    plan = design.plan(kernels(1.1))
    ints, floats = plan.tables
    image, out = np.zeros((60, 60), np.float32), np.zeros((30, len(plan.stencils)))
    about = SETS[0], image, 6 * 61, 60, 30, 30, None, False
    module._harmonics.direct_rows(*about, ints, floats, out)
    for at in range(6):
        wrong = np.where(np.arange(len(ints)) == at, 999, ints).astype(np.int32)
        with pytest.raises(ValueError, match="plan"):
            module._harmonics.direct_rows(*about, wrong, floats, out)
    for tables in (
        (ints[:-1], floats),
        (ints, floats[:-1]),
        (np.where(ints == ints[-1], 999, ints).astype(np.int32), floats),
    ):
        with pytest.raises(ValueError, match="plan"):
            module._harmonics.direct_rows(*about, *tables, out)


def test_a_design_tells_its_error_and_none_is_made_that_errs_more() -> None:
    designs = [direct_design(kernels(ratio), 1.5, 10, 1e-5) for ratio in (1.02, 1.15, 1.3)]
    assert all(design is not None and design.error <= 1e-5 for design in designs)
    sides = [len(design.matrix) for design in designs if design]
    assert sides == sorted(sides) and sides[0] < sides[-1]
    assert direct_design(kernels(2.0), 1.5, 15, 1e-5) is None
    assert direct_design(kernels(1.3), 1.5, 10, 1e-5, most=5) is None


def test_stencils_repeat_their_kernels_after_the_blur() -> None:
    """The composite kernel, multiplied out, beside the kernel itself."""
    from scipy.signal import convolve2d

    exact = kernels(1.1, 4)
    design = direct_design(exact, 1.5, 10, 1e-5)
    assert design is not None
    plan = design.plan(exact)
    line = np.concatenate([plan.blur[:0:-1], plan.blur])
    for stencil, kernel, parity in zip(plan.stencils, exact, plan.parity, strict=True):
        composite = convolve2d(stencil, np.outer(line, line))
        inner = kernel[MARGIN - plan.radius : MARGIN + plan.radius + 1, MARGIN - plan.radius : MARGIN + plan.radius + 1]
        assert np.abs(composite - inner).max() < 1e-3 * np.abs(kernel).max()
        assert abs(stencil.sum()) < 1e-9
        turned = kernel[::-1, ::-1]
        assert parity == (0 if np.allclose(kernel, turned) else 1 if np.allclose(kernel, -turned) else 2)


def test_deformations_within_one_bucket_share_a_design(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(_deformed, "instruction_sets", lambda: ["avx2"])
    monkeypatch.setattr(_deformed, "direct_design", lambda *about: made.append(about))
    one = engine()
    image = smooth_noise(rng, 50, 50)
    for ratio in (1.11, 1.12, 1.15, 1.16):
        one.row_means(image, [(kernels(ratio), ratio)])
    assert len(made) == 2 and made[0][-1] == _deformed.MOST_TAPS["avx2"]
