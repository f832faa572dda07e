"""Tasks whose examples are no pairs of RGB images: samples of other depths and channels, and labels."""

from dataclasses import dataclass

import numpy as np
import pytest

from symmetry_audit.tasks import PatchCache, PatchSampler, Task, evaluation_items, open_pairs
from symmetry_audit.tasks._example import Example


@dataclass(frozen=True, kw_only=True)
class Doubled(Task):
    """Four channels of floats, of which the first is twice the red one; the clean image is the red one."""

    name = "doubled"

    def read(self, pair):
        pixels = self.picture(pair.clean)
        red = pixels[..., :1].astype(np.float32) + 0.25
        return Example(np.concatenate([2 * red, red, red, red], 2), red, pixels, grey=False)

    def shown(self, degraded):
        return degraded[..., :1]


@dataclass(frozen=True, kw_only=True)
class Brightness(Task):
    """A label for every image: whether its first pixel is bright."""

    name = "brightness"

    def read(self, pair):
        pixels = self.picture(pair.clean)
        return Example(pixels, np.array(int(pixels[0, 0, 0] > 127)), pixels, grey=False)

    def example(self, degraded, clean, rng):
        return degraded.astype(np.float32), clean


@pytest.fixture
def pairs(photos):
    return open_pairs(str(photos), Doubled())


def test_floats_are_cached_cut_and_augmented_together(pairs, tmp_path):
    cache = PatchCache(pairs, Doubled(), tmp_path / "cache")
    for (degraded, clean), pair in zip(cache, pairs.refs, strict=True):
        red = Doubled().picture(pair.clean)[..., :1] + np.float32(0.25)
        np.testing.assert_array_equal(clean, red)
        np.testing.assert_array_equal(degraded[..., :1], 2 * red)
    inputs, targets = PatchSampler(cache, Doubled(), 8, 0, "flips+turns").batch(0, 6)
    assert inputs.shape == (6, 4, 8, 8) and targets.shape == (6, 1, 8, 8)
    assert inputs.dtype == targets.dtype == np.float32 and inputs.flags.c_contiguous
    np.testing.assert_array_equal(inputs[:, :1], 2 * targets)


def test_labels_are_cached_and_batched(pairs, tmp_path):
    task = Brightness()
    cache = PatchCache(pairs, task, tmp_path / "cache")
    wanted = [int(task.picture(pair.clean)[0, 0, 0] > 127) for pair in pairs.refs]
    assert [int(label) for _, label in cache] == wanted
    count = len(pairs.refs)
    inputs, labels = PatchSampler(cache, task, 8, 0).batch(0, count)  # one epoch
    assert inputs.shape == (count, 3, 8, 8) and labels.shape == (count,) and labels.dtype == np.int64
    assert sorted(labels) == sorted(wanted)


def test_items_hold_what_the_network_gets(pairs):
    for item in evaluation_items(pairs, Doubled(), 0):
        assert item.input.shape[2] == 4 and item.clean.shape[2] == 1
        np.testing.assert_array_equal(Doubled().shown(item.input), 2 * item.clean)
