"""The compiled engine against the oracle, on every instruction set that this processor has."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from symmetry_audit.audit import make_settings, strict_bank
from symmetry_audit.engine import (
    DeviceBank,
    FusedHarmonics,
    HarmonicEngine,
    instruction_sets,
    strict_engine,
    welch_power,
)
from symmetry_audit.engine import _compiled as module
from symmetry_audit.groups import Group
from symmetry_audit.kernels import Stencil, harmonic_plan, kernel_model, sampled_kernels, sees_sign
from tests.conftest import save_photos, smooth_noise
from tests.oracles import symmetry as oracle

SETS = instruction_sets()
EACH = pytest.mark.parametrize("instructions", SETS)
ALL = "tv,tv2,sobel,laplacian,prewitt,chiral"
BANDS = ((0, 1), (1, 40), (41, 49))  # of 90 rows of V: (first, rows)
ABS, ENERGY = 2e-5, 4e-5  # relative, on every response of a photograph
pytestmark = pytest.mark.skipif(not SETS, reason="installed without a compiler")


def engine_of(
    group: str = "p32", reg: str = ALL, instructions: str = SETS[0] if SETS else "", kind: str = "abs", **asked: object
):
    """The harmonic engine of a run, and the run's (R, T) index."""
    settings = make_settings(group=group, reg=reg, scenario="dataset_strict", response=kind, **asked)
    bank = strict_bank(settings, settings.models[0])
    engine = strict_engine(bank.kernels, settings.models[0], settings.margin, signed=sees_sign(kind))
    assert isinstance(engine, HarmonicEngine)
    return replace(engine, instructions=instructions), bank.index


def test_responses_to_sharp_and_soft_images_equal_the_oracle(rng: np.random.Generator) -> None:
    """Every stencil, p8m, both responses, odd and even sizes, on the scale of the mean over the group.

    A staircase, flat but for a few edges, is the worst found: its mean spectrum says little about its edges.
    """
    stairs = smooth_noise(rng, 149, 70, 3.0) // 32 * 32
    images = [(smooth_noise(rng, 64, 157), 1), (rng.uniform(0, 255, (131, 90)), 1), (stairs, 2)]
    for instructions in SETS:
        for kind, limit in (("abs", ABS), ("energy", ENERGY), ("rectified", ENERGY)):
            engine, index = engine_of("p8m", instructions=instructions, kind=kind)
            for image, slack in images:
                found = engine.row_means(image, 15, kind).mean(0)[index]
                for row, name in zip(found, ALL.split(","), strict=True):
                    theirs = oracle.responses(image, name, oracle.group_matrices("p8m"), kind=kind)
                    assert np.abs(row - theirs).max() < slack * limit * theirs.mean(), (instructions, kind, name)


@pytest.mark.data
@pytest.mark.parametrize("kind", ["abs", "energy", "rectified"])
def test_responses_to_photographs_equal_the_oracle(shared_data: Path, kind: str) -> None:
    """Largest relative error of any of the 160 responses, each on its own scale."""
    paths = [
        *sorted((shared_data / "Set5" / "HR").glob("*.png"))[1:4],
        *sorted((shared_data / "Urban20" / "HR").glob("*.png"))[:1],
    ]
    engine, index = engine_of("p32", "tv,tv2,sobel,laplacian,prewitt", kind=kind)
    for path in paths:
        image = oracle.luminance(path)[:260, :280]
        found = engine.row_means(image, 15, kind).mean(0)[index]
        for row, name in zip(found, ALL.split(",")[:5], strict=True):
            theirs = oracle.responses(image, name, oracle.group_matrices("p32"), kind=kind)
            assert np.abs(row / theirs - 1).max() < (ABS if kind == "abs" else ENERGY), (path.name, name)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.0])
def test_other_widths(rng: np.random.Generator, sigma: float) -> None:
    image = smooth_noise(rng, 150, 140)
    engine, index = engine_of("p16", "tv,tv2,sobel,laplacian,prewitt", sigma=sigma)
    found = engine.row_means(image, 15 if sigma < 2 else 19).mean(0)[index]
    for row, name in zip(found, ALL.split(",")[:5], strict=True):
        theirs = oracle.responses(
            image, name, oracle.group_matrices("p16"), margin=15 if sigma < 2 else 19, sigma=sigma
        )
        assert np.abs(row / theirs - 1).max() < ABS, name


@pytest.mark.parametrize("sigma", [8.0, 20.0])
def test_kernels_too_wide_for_a_plan_are_measured_by_the_bank(rng: np.random.Generator, sigma: float) -> None:
    """A window of 65 px or more does not fit the grids of a plan, with which width alone is no mistake."""
    settings = make_settings(reg="tv,laplacian", group="p4", scenario="dataset_strict", sigma=sigma)
    bank = strict_bank(settings, settings.models[0])
    engine = strict_engine(bank.kernels, settings.models[0], settings.margin)
    assert isinstance(engine, DeviceBank)
    side = 2 * settings.margin + 60
    image = smooth_noise(rng, side, side, 1.5)
    found = engine.row_means(image, settings.margin).mean(0)[bank.index]
    for row, name in zip(found, ("tv", "laplacian"), strict=True):
        theirs = oracle.responses(image, name, oracle.group_matrices("p4"), sigma=sigma, margin=settings.margin)
        assert np.abs(row / theirs - 1).max() < 4e-5, name


def test_a_stencil_of_more_images_than_the_loop_combines_goes_to_the_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings(reg="chiral", group="p32", scenario="dataset_strict")
    kernels = strict_bank(settings, settings.models[0]).kernels
    assert isinstance(strict_engine(kernels, settings.models[0], 15), HarmonicEngine)
    monkeypatch.setattr("symmetry_audit.kernels._harmonic.MOST_IMAGES", 18)  # chiral needs 19
    assert isinstance(strict_engine(kernels, settings.models[0], 15), DeviceBank)


@EACH
def test_neither_bands_nor_threads_nor_the_place_in_a_larger_image_change_a_bit(
    rng: np.random.Generator, instructions: str
) -> None:
    """Wider than one tile of 512 columns; V of one row and of one column as well."""
    image = smooth_noise(rng, 120, 1091).astype(np.float32)
    image[:, 20:22] = 0.0, 255.0  # half of the range is subtracted first: here every band has the same
    engine, _ = engine_of(instructions=instructions)
    power = welch_power(image)
    whole = engine.row_means(image, 15, power=power)
    bands = [engine.row_means(image[first : first + rows + 30], 15, power=power) for first, rows in BANDS]
    assert np.array_equal(np.concatenate(bands), whole)
    with ThreadPoolExecutor(4) as pool:
        for again in pool.map(lambda _: engine.row_means(image, 15, power=power), range(8)):
            assert np.array_equal(again, engine.row_means(image, 15, power=power))
    narrow = engine.row_means(image[:, :31], 15)
    assert narrow.shape == (90, whole.shape[1]) and np.isfinite(narrow).all()


def test_instruction_sets_agree_to_rounding(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 90, 700)
    found = [engine_of(instructions=name)[0].row_means(image, 15).mean(0) for name in SETS]
    for other in found[1:]:
        assert np.abs(other / found[0] - 1).max() < 1e-6


@EACH
def test_mirror_images_that_hardly_differ_both_respond(rng: np.random.Generator, instructions: str) -> None:
    """A ring of points has next to no harmonics beside its mean: pairs of kernels have P and no Q."""
    turns = np.arange(8) * np.pi / 4
    ring = Stencil("ring", "Ring", ((0, 0, -8), *((float(np.cos(turn)), float(np.sin(turn)), 1) for turn in turns)))
    kernels = sampled_kernels(ring, Group(32).matrices()[:4], kernel_model("gaussian"), 8)
    plan = harmonic_plan([kernels], 1.5, 15, 2e-5)
    assert plan is not None and not plan.groups[0].minus and plan.groups[0].targets.min(1).max() >= 0
    image = smooth_noise(rng, 64, 57)
    theirs = [np.abs(oracle.convolved(image, kernel, 15)).mean() for kernel in kernels]
    for engine in (HarmonicEngine(plan, instructions), FusedHarmonics.from_plan(plan, "cpu")):
        assert np.abs(engine.row_means(image, 15).mean(0) / theirs - 1).max() < ABS


@EACH
@pytest.mark.parametrize("kind", ["abs", "energy", "rectified"])
def test_flat_colour_and_ramps_respond_with_zero_not_with_rounding(kind: str, instructions: str) -> None:
    engine, index = engine_of(instructions=instructions, kind=kind)
    x, y = np.meshgrid(np.arange(60.0), np.arange(50.0))
    assert not engine.row_means(np.full((50, 60), 137.25), 15, kind).any()
    ramp = engine.row_means(2 * x + y, 15, kind).mean(0)[index]
    assert not ramp[[1, 3]].any()
    assert (np.maximum(ramp, np.roll(ramp, 16, axis=1))[[0, 2, 4]] > 0).all()  # a ramp rises in half of the directions


def test_samples_that_overflow_are_passed_on(rng: np.random.Generator) -> None:
    engine, _ = engine_of()
    assert not np.isfinite(engine.row_means(rng.uniform(-3e38, 3e38, (60, 70)), 15)).all()


def test_quarter_turns_shift_the_profile(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 140, 150)
    engine, index = engine_of("p16", "tv,tv2,sobel,laplacian,prewitt")
    profiles, rotated = (engine.row_means(one, 15).mean(0)[index] for one in (image, np.rot90(image)))
    assert np.abs(rotated / np.roll(profiles, 4, axis=1) - 1).max() < ABS


def test_a_damaged_plan_is_refused_not_run() -> None:
    """Wrong tables would read beyond the arrays."""
    engine, _ = engine_of("p4", "tv")
    ints, floats = engine.plan.tables
    image, out = np.zeros((60, 60), np.float32), np.zeros((30, len(engine.plan.exact)))
    about = (SETS[0], image, 7 * 60 + 7, 60, 30, 30, None, False)
    module._harmonics.rows(*about, ints, floats, out)
    for wrong in (
        (*about, ints[:-1], floats, out),
        (*about, ints, floats[:-1], out),
        (*about, ints, floats, out[:-1]),
        ("sse9", *about[1:], ints, floats, out),
        (*about[:3], 40, *about[4:], ints, floats, out),
        (*about[:4], 32, *about[5:], ints, floats, out),
        *[
            (*about, np.where(np.arange(len(ints)) == at, 999, ints).astype(np.int32), floats, out)
            for at in range(len(ints))
        ],
    ):
        with pytest.raises(ValueError, match=r"plan|instruction set"):
            module._harmonics.rows(*wrong)


def test_the_choice_is_told_and_the_bank_takes_what_harmonics_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings(reg="tv", group="p8", scenario="dataset_strict")
    kernels = strict_bank(settings, settings.models[0]).kernels
    text = str(strict_engine(kernels, settings.models[0], 15))
    assert text.startswith(
        "harmonics: blur of 11 taps, 4 coefficient images of 9 x 9 (even) and 7 x 7 taps (odd), 4 kernels, error "
    )
    assert text.endswith(f"; compiled, {SETS[0]}")
    bicubic = make_settings(reg="tv", group="p8", kernel="bicubic", scenario="dataset_strict")
    others = strict_bank(bicubic, bicubic.models[0]).kernels
    assert isinstance(strict_engine(others, bicubic.models[0], 15), DeviceBank)
    assert isinstance(strict_engine(kernels, settings.models[0], 7), DeviceBank)  # no room for what harmonics reach
    wide = make_settings(sigma=2.5, scenario="dataset_strict")
    assert isinstance(
        strict_engine(strict_bank(wide, kernel_model("gaussian", 2.5)).kernels, wide.models[0], 23), DeviceBank
    )
    monkeypatch.setattr(module, "_harmonics", None)
    without = strict_engine(kernels, settings.models[0], 15)
    assert str(without).startswith("factored bank: ") and str(without).endswith("; torch, cpu")


def test_both_engines_give_the_same_report(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from symmetry_audit import measure

    folder = save_photos(tmp_path, rng, count=3, size=(150, 160))
    asked = {"scenario": "sample_strict,dataset_strict"}
    ours = measure(folder, **asked)
    monkeypatch.setattr(module, "_harmonics", None)
    theirs = measure(folder, **asked)
    for one, other in zip(ours.results, theirs.results, strict=True):
        assert one.mean_response == pytest.approx(other.mean_response, rel=ABS)
        assert abs(one.epsilon - other.epsilon) < 2 * ABS * other.mean_response
