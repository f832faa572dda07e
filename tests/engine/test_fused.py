"""Harmonics by torch: against the compiled engine and the oracle, compiled against eager, CUDA against CPU."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from symmetry_audit import measure
from symmetry_audit.audit import make_settings, strict_bank
from symmetry_audit.engine import (
    DeviceBank,
    FusedHarmonics,
    HarmonicEngine,
    instruction_sets,
    strict_engine,
    welch_power,
)
from symmetry_audit.engine import _fused as module
from symmetry_audit.kernels import HarmonicPlan, harmonic_plan, sees_sign
from tests.conftest import save_photos, smooth_noise
from tests.devices import META, HostWork, arriving  # noqa: F401 - a fixture
from tests.oracles import symmetry as oracle

ALL = "tv,tv2,sobel,laplacian,prewitt,chiral"
LIMITS = {"abs": 2e-5, "energy": 4e-5, "rectified": 4e-5}  # of a plan: relative, on every response
KINDS = pytest.mark.parametrize("kind", list(LIMITS))
GROUPS = pytest.mark.parametrize("group", ["p32", "p8m"])


@cache
def plan_of(group: str, reg: str = ALL, kind: str = "abs", **asked: Any) -> tuple[HarmonicPlan, np.ndarray]:
    """The plan of a run, and the run's (R, T) index."""
    settings = make_settings(group=group, reg=reg, scenario="dataset_strict", response=kind, **asked)
    bank = strict_bank(settings, settings.models[0])
    signed = sees_sign(kind)
    plan = harmonic_plan(bank.kernels, settings.models[0].sigma, settings.margin, 2e-5, signed=signed)
    assert plan is not None
    return plan, bank.index


@pytest.fixture
def narrow_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands of a few rows, so that small images have several."""
    monkeypatch.setitem(module.BAND_PIXELS, "cpu", 1500)
    monkeypatch.setitem(module.BAND_PIXELS, META, 1500)


@KINDS
@GROUPS
@pytest.mark.parametrize("size", [(131, 173), (64, 158), (31, 90), (90, 31), (46, 1630)], ids=str)
@pytest.mark.skipif(not instruction_sets(), reason="installed without a compiler")
@pytest.mark.usefixtures("narrow_bands")
def test_rows_equal_those_of_the_compiled_engine(
    rng: np.random.Generator, size: tuple[int, int], group: str, kind: str
) -> None:
    """Odd and even sizes, a V of one row and of one column, rows wider than a band."""
    image = smooth_noise(rng, *size)
    plan, _ = plan_of(group, kind=kind)
    found = FusedHarmonics.from_plan(plan, "cpu").row_means(image, 15, kind)
    theirs = HarmonicEngine(plan, instruction_sets()[0]).row_means(image, 15, kind)
    assert found.shape == theirs.shape == (size[0] - 30, len(plan.exact))
    assert np.abs(found.mean(0) / theirs.mean(0) - 1).max() < 2e-6 * (1 if kind == "abs" else 2)
    # single rows may respond with next to nothing: up to the rounding of the blurred image
    exponent = 1 if kind == "abs" else 2
    rounding = np.finfo(np.float32).eps * np.ptp(image) * np.abs(plan.stencils).sum((1, 2))
    assert (np.abs(found ** (1 / exponent) - theirs ** (1 / exponent)) < rounding).all()


@KINDS
@GROUPS
def test_responses_equal_the_oracle(rng: np.random.Generator, group: str, kind: str) -> None:
    """Every stencil, on the scale of the mean over the group."""
    plan, index = plan_of(group, kind=kind)
    engine = FusedHarmonics.from_plan(plan, "cpu")
    for image in (smooth_noise(rng, 64, 157), rng.uniform(0, 255, (131, 90))):
        table = engine.row_means(image, 15, kind).mean(0)[index]
        for row, name in zip(table, ALL.split(","), strict=True):
            theirs = oracle.responses(image, name, oracle.group_matrices(group), kind=kind)
            assert np.abs(row - theirs).max() < LIMITS[kind] * theirs.mean(), name


def test_a_wider_kernel(rng: np.random.Generator) -> None:
    plan, index = plan_of("p16", "tv,sobel,laplacian", sigma=2.0)
    image = smooth_noise(rng, 150, 140)
    table = FusedHarmonics.from_plan(plan, "cpu").row_means(image, 19).mean(0)[index]
    for row, name in zip(table, ("tv", "sobel", "laplacian"), strict=True):
        theirs = oracle.responses(image, name, oracle.group_matrices("p16"), margin=19, sigma=2.0)
        assert np.abs(row / theirs - 1).max() < LIMITS["abs"], name


def test_taps_that_are_spaced(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against sums of products with the kernels that the plan says it applies."""
    monkeypatch.setattr("symmetry_audit.kernels._harmonic.DESIGNS", ((4, 3, 2),))
    settings = make_settings(group="p8", reg="sobel,chiral", scenario="dataset_strict", sigma=2.0)
    plan = harmonic_plan(strict_bank(settings, settings.models[0]).kernels, 2.0, 21, 1.0)
    assert plan is not None and plan.step == 2
    image = smooth_noise(rng, 70, 64)
    found = FusedHarmonics.from_plan(plan, "cpu").row_means(image, 21).mean(0)
    gains = plan.gains(welch_power(image))
    line = np.concatenate([plan.blur[:0:-1], plan.blur])
    spread = np.zeros((len(plan.stencils), *[4 * plan.reach + 1] * 2))
    spread[:, ::2, ::2] = plan.stencils
    kernels = (convolve2d(stencil, np.outer(line, line)) for stencil in spread)
    theirs = [np.abs(oracle.convolved(image, kernel, 21)).mean() for kernel in kernels]
    assert np.abs(found / (gains * theirs) - 1).max() < 1e-6


def test_bands_change_no_more_than_rounding(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    image = smooth_noise(rng, 140, 81)
    engine = FusedHarmonics.from_plan(plan_of("p32")[0], "cpu")
    whole = engine.row_means(image, 15)
    for pixels in (1, 7 * 51, 109 * 51):
        monkeypatch.setitem(module.BAND_PIXELS, "cpu", pixels)
        assert np.abs(engine.row_means(image, 15) - whole).max() < 1e-6 * whole.mean()


@KINDS
def test_flat_colour_and_ramps_respond_with_zero_not_with_rounding(kind: str) -> None:
    plan, index = plan_of("p32", kind=kind)
    engine = FusedHarmonics.from_plan(plan, "cpu")
    x, y = np.meshgrid(np.arange(60.0), np.arange(50.0))
    assert not engine.row_means(np.full((50, 60), 137.25), 15, kind).any()
    ramp = engine.row_means(2 * x + y, 15, kind).mean(0)[index]
    assert not ramp[[1, 3]].any()
    assert (np.maximum(ramp, np.roll(ramp, 16, axis=1))[[0, 2, 4]] > 0).all()  # a ramp rises in half of the directions


def test_samples_that_overflow_are_passed_on(rng: np.random.Generator) -> None:
    engine = FusedHarmonics.from_plan(plan_of("p32")[0], "cpu")
    assert not np.isfinite(engine.row_means(rng.uniform(-3e38, 3e38, (60, 70)), 15)).all()


@KINDS
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.usefixtures("narrow_bands")
def test_nothing_is_left_on_the_cpu(
    rng: np.random.Generator,
    arriving: list[torch.Size],  # noqa: F811
    kind: str,
    masked: bool,
) -> None:
    plan, _ = plan_of("p8m")
    engine = FusedHarmonics.from_plan(plan, META)
    inside = rng.random((61, 53)) < 0.5 if masked else None
    with HostWork() as work:
        found = engine.row_means(255 * rng.random((91, 83)), 15, kind, inside=inside)
    assert found.shape == (61, len(plan.exact))
    assert work.found == ["aten::_to_copy"] * (1 + masked)  # the image and its V
    assert [shape[-1] for shape in arriving] == [61]  # the sums of all bands at once


def test_a_gpu_needs_no_compiled_extension_and_the_bank_takes_what_harmonics_cannot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("symmetry_audit.engine._compiled._harmonics", None)
    settings = make_settings(reg="tv", group="p8", scenario="dataset_strict")
    kernels = strict_bank(settings, settings.models[0]).kernels
    engine = strict_engine(kernels, settings.models[0], 15, META)
    assert isinstance(engine, FusedHarmonics)
    assert str(engine) == f"{engine.plan}; torch, meta"
    assert isinstance(strict_engine(kernels, settings.models[0], 7, META), DeviceBank)  # no room for harmonics
    bicubic = make_settings(reg="tv", group="p8", kernel="bicubic", scenario="dataset_strict")
    others = strict_bank(bicubic, bicubic.models[0]).kernels
    assert isinstance(strict_engine(others, bicubic.models[0], 15, META), DeviceBank)


def weights_of(count: int) -> torch.Tensor:
    """Of two passes of three pairs, the same for the same count, (2, 3, count)."""
    return torch.randn(2, 3, count, generator=torch.Generator().manual_seed(5))


def sums(reduce: module.Reduction, images: torch.Tensor, width: int, count: int) -> torch.Tensor:
    """Those of ``count`` parts."""
    return reduce(images, weights_of(count), width)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[torch.fx.GraphModule]]:
    """Those that torch.compile has made; they run as they are, without a compiler."""
    made: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, inputs: list) -> Any:
        made.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    module.row_sums.cache_clear()
    yield made
    module.row_sums.cache_clear()


@KINDS
def test_the_reduction_is_one_graph_for_all_sizes(graphs: list[torch.fx.GraphModule], kind: str) -> None:
    """``fullgraph`` raises where torch could not trace all of it."""
    traced, plain = (module.row_sums((4, 0), (1,), kind, way) for way in (True, False))
    for rows, width in ((40, 64), (17, 33), (40, 90), (25, 160)):
        images = torch.randn(6, rows, width + 16 - width % 16)
        expected = sums(plain, images, width, 3)
        torch.testing.assert_close(sums(traced, images, width, 3), expected, rtol=1e-6, atol=0)
    assert len(graphs) == 1


def test_groups_do_not_share_the_number_of_recompilations_that_torch_allows(graphs: list[torch.fx.GraphModule]) -> None:
    """Eight for one function, then it raises."""
    images = torch.randn(12, 5, 32)
    for i in range(12):
        found = sums(module.row_sums((i,), (), "abs", compiled=True), images, 20, 1)
        expected = images[i, :, :20].abs().sum(1) * weights_of(1).abs()
        torch.testing.assert_close(found, expected[:, :, None].expand(-1, -1, 2, -1))
    assert len(graphs) == 12


@pytest.mark.slow
# torch's own compiler still uses torch.jit
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.skipif(not any(map(shutil.which, ("g++", "c++", "clang++"))), reason="no C++ compiler")
def test_the_compiled_reduction_equals_the_eager_one() -> None:
    compiled, plain = (module.row_sums((0, 2), (1, 3), "abs", way) for way in (True, False))
    for rows, width in ((60, 130), (1, 33)):
        images = torch.randn(4, rows, width + 16 - width % 16)
        found, expected = (sums(reduce, images, width, 4) for reduce in (compiled, plain))
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)


@pytest.mark.cuda
@KINDS
@GROUPS
def test_cuda_agrees_with_cpu(cuda: str, rng: np.random.Generator, group: str, kind: str) -> None:
    """Compiled where the machine can; rows of several bands, and a V of one row."""
    plan, _ = plan_of(group)
    cpu, gpu = (FusedHarmonics.from_plan(plan, device) for device in ("cpu", cuda))
    assert str(gpu).endswith("; torch, cuda, compiled")
    for size in ((900, 1100), (301, 411), (31, 90)):
        image = smooth_noise(rng, *size)
        ours, theirs = (engine.row_means(image, 15, kind).mean(0) for engine in (gpu, cpu))
        assert np.abs(ours / theirs - 1).max() < 5e-6


@pytest.mark.cuda
def test_cuda_gives_the_same_report_whatever_the_number_of_workers(
    cuda: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    """Strict and adaptive rows; streams of several threads."""
    folder = save_photos(tmp_path / "photos", rng, count=6, size=(150, 160))
    theirs = measure(folder, device="cpu")
    alone, together = (measure(folder, device=cuda, workers=workers) for workers in (1, 4))
    assert together.results == alone.results
    for one, other in zip(alone.results, theirs.results, strict=True):
        rel = 5e-6 if other.scenario.endswith("strict") else 1e-4  # a fit may take other last steps
        assert one.mean_response == pytest.approx(other.mean_response, rel=rel)
        assert abs(one.epsilon - other.epsilon) < 2 * rel * other.mean_response
