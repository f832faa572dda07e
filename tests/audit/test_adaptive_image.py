"""One image under its own group: what its calibrated windows are worth beside all of its pixels, by the oracle."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.audit import make_settings
from symmetry_audit.audit._adaptive_image import HELD_OUT, REST, WHOLE, AdaptiveImage, affine_of
from symmetry_audit.audit._adaptive_plan import adaptive_plan
from symmetry_audit.audit._bands import held_out_rows
from symmetry_audit.audit._row_sample import row_sample
from symmetry_audit.groups import Affine
from tests.conftest import smooth_noise
from tests.oracles import affine as oracle
from tests.oracles import symmetry

NAMES, MARGIN = ("tv", "sobel", "laplacian"), 15
AGREEMENT = 1e-4
SAMPLED = 3e-3  # largest error of a profile from every second pixel each way, relative to its mean
SIZE = (300, 330)
W = Affine.from_axes(0.6, 1.4)


def exact(image: np.ndarray, name: str, w: Affine, chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
    """The oracle's responses to the four distinct elements of p8 over the chosen rows of V."""
    matrices = oracle.adaptive_matrices(w.a, w.b, 8)[:4]
    kernels = oracle.kernel_stack(name, matrices, 1.5, oracle.fit_window(name))
    return np.array([np.abs(symmetry.convolved(image, kernel, MARGIN))[chosen].mean() for kernel in kernels])


@pytest.fixture(scope="module")
def work() -> AdaptiveImage:
    """A smooth image of which the lattice takes every second row and column, with exact strict profiles."""
    image = smooth_noise(np.random.default_rng(17), *SIZE)
    settings = make_settings(reg=NAMES, group="p8")
    held = held_out_rows(SIZE[0] - 2 * MARGIN)
    parts = {WHOLE: np.ones_like(held), REST: ~held, HELD_OUT: held}
    identity = Affine(0.0, 0.0)
    strict = {
        part: np.stack([np.tile(exact(image, name, identity, rows), 2) for name in NAMES])
        for part, rows in parts.items()
    }
    return AdaptiveImage(
        image, adaptive_plan(settings, settings.models[0]), strict, row_sample(image.shape, settings, "image")
    )


def rows_of(part: str) -> np.ndarray:
    held = held_out_rows(SIZE[0] - 2 * MARGIN)
    return {WHOLE: np.ones_like(held), REST: ~held, HELD_OUT: held}[part]


@pytest.mark.parametrize("part", [WHOLE, REST, HELD_OUT])
def test_exact_and_sampled_profiles_of_every_part(work, part) -> None:
    family = work.plan.measured
    theirs = np.stack([exact(work.image, name, W, rows_of(part)) for name in NAMES])
    mean = theirs.mean(-1, keepdims=True)
    assert np.abs(work.exact(W, family, (0, 1, 2), part) / theirs - 1).max() < AGREEMENT
    assert len(work._sample(family, part).rows) < 0.3 * rows_of(part).sum() * (SIZE[1] - 2 * MARGIN)
    assert (np.abs(work.sampled(W, family, (0, 1, 2), part) - theirs) / mean).max() < SAMPLED
    assert np.allclose(work.sampled(W, family, (2,), part)[0], work.sampled(W, family, (0, 1, 2), part)[2], rtol=1e-6)


def test_a_table_is_exact_under_own_fits_and_nearly_so_under_those_of_others(work) -> None:
    fits = work.fit()
    everything = [(0, 1, 2)] * len(work.plan.sources)
    table = work.table(fits, work.plan.measured, everything)
    some = work.table(fits, work.plan.measured, [source.stencils for source in work.plan.sources])
    assert work.plan.own == (0, 1, 2)
    for source, fit in enumerate(fits):
        for r, name in enumerate(NAMES):
            theirs = exact(work.image, name, affine_of(fit))
            own = work.plan.own[r] == source
            # fits to one image are near each other, and so are the errors of its sample there
            assert np.abs(table[source, r] / theirs - 1).max() < (AGREEMENT if own else SAMPLED / 3)
            known = own or r in work.plan.sources[source].stencils
            assert np.array_equal(some[source, r], table[source, r]) if known else np.isnan(some[source, r]).all()


def test_a_part_that_the_lattice_misses_is_measured_on_all_its_pixels() -> None:
    """V of five rows, of which the last three are held out, and of which a lattice takes the first."""
    image = smooth_noise(np.random.default_rng(3), 5 + 2 * MARGIN, 4000)
    settings = make_settings(reg=NAMES, group="p8", seed=1)
    strict = {part: np.ones((3, 8)) for part in (WHOLE, REST, HELD_OUT)}
    work = AdaptiveImage(
        image, adaptive_plan(settings, settings.models[0]), strict, row_sample(image.shape, settings, "image")
    )
    windows = work._windows(work.plan.measured)
    work._samples[work.plan.measured,] = windows.where(np.arange(5) == 0)
    assert not len(work._sample(work.plan.measured, HELD_OUT).rows)
    found = work.sampled(W, work.plan.measured, (0,), HELD_OUT)[0]
    theirs = exact(image, "tv", W, held_out_rows(5))
    assert np.abs(found / theirs - 1).max() < AGREEMENT
