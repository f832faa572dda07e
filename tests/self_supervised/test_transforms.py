"""Transformations: which are drawn, what they do, and the operators that see their copies."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from symmetry_audit.actions import move
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.self_supervised import MaskOperator, Rotations, Shifts


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def offsets(shifted: torch.Tensor) -> list[tuple[int, int]]:
    """Where the only pixel of each image went, from row 0 and column 0."""
    return [(int(at) // shifted.shape[-1], int(at) % shifted.shape[-1]) for at in shifted.flatten(1).argmax(1)]


def test_shifts_are_circular_and_never_zero():
    """All rows but the first and all columns but the first are reached, and the same one at most once per sign."""
    image = torch.zeros(1, 1, 5, 7)
    image[..., 0, 0] = 1
    found = [offsets(Shifts(3)(image, generator(seed))) for seed in range(60)]
    assert {dy for step in found for dy, _ in step} == set(range(1, 5))
    assert {dx for step in found for _, dx in step} == set(range(1, 7))
    everything = Shifts(8)(image, generator())  # all of -4 .. 4 but 0
    assert sorted(dy for dy, _ in offsets(everything)) == [1, 1, 2, 2, 3, 3, 4, 4]


def test_copies_come_batch_by_batch():
    images = torch.rand(2, 3, 5, 5)
    shifted = Shifts(2)(images, generator()).unflatten(0, (2, 2))
    turned = Rotations(3, "p4")(images, generator()).unflatten(0, (3, 2))
    for copies in (shifted, turned):
        for copy in copies:
            assert [float(one.sum()) for one in copy] == pytest.approx([float(one.sum()) for one in images])


def test_quarter_turns_are_all_different():
    images = torch.rand(1, 1, 4, 4)
    turned = Rotations(3, "p4")(images, generator())
    expected = {np.rot90(images[0, 0].numpy(), k).tobytes() for k in (1, 2, 3)}
    assert {one[0].numpy().tobytes() for one in turned} == expected


def test_other_angles_agree_with_splines():
    """Keys' cubic and splines of order 5 differ by little on a smooth image."""
    at = torch.arange(41, dtype=torch.float64) - 20
    image = torch.exp(-((at[:, None] - 4) ** 2 + (at - 2) ** 2) / 40)[None, None]
    turned = Rotations(2, "p360")(image, generator(1))
    angles = 1 + torch.randperm(359, generator=generator(1))[:2]
    for one, angle in zip(turned, angles, strict=True):
        expected = move(image[0], Group.parse("p360").elements[int(angle)].matrix())
        assert float((one - expected).abs().max()) < 2e-3


def test_a_batch_turns_alike_and_so_do_equal_generators():
    images = torch.rand(1, 3, 9, 9).repeat(2, 1, 1, 1)
    for transforms in (Shifts(1), Rotations(1)):
        one, other = transforms(images, generator(3))
        assert torch.equal(one, other)
        assert torch.equal(transforms(images, generator(3))[0], one)


def test_masks_follow_the_copies():
    kept = torch.tensor([[[[1.0, 0.0]]], [[[0.0, 1.0]]]])
    images = torch.ones(6, 3, 1, 2)
    found = MaskOperator(kept).forward(images)
    assert torch.equal(found, kept.expand(2, 3, 1, 2).repeat(3, 1, 1, 1))
    assert torch.equal(MaskOperator(kept[0, 0]).forward(images)[3], found[0])


def test_refusals():
    with pytest.raises(SettingError, match="p4 has 3 elements beside the identity"):
        Rotations(4, "p4")
    with pytest.raises(SettingError, match="at least 1 transformation"):
        Shifts(0)
    with pytest.raises(SettingError, match="square images"):
        Rotations()(torch.zeros(1, 1, 4, 5))
    with pytest.raises(SettingError, match="3 different shifts need a side of 3 px or more, got 2"):
        Shifts(3)(torch.zeros(1, 1, 5, 2))
    with pytest.raises(SettingError, match=r"a mask has the shape \(H, W\) or \(N, 1, H, W\), got \(2, 3, 4, 4\)"):
        MaskOperator(torch.ones(2, 3, 4, 4))
    for wrong in (torch.full((2, 2), 0.5), torch.zeros(2, 2), torch.tensor([[[[1.0]]], [[[0.0]]]])):
        with pytest.raises(SettingError, match="a mask holds 1 for pixels that are kept"):
            MaskOperator(wrong)
