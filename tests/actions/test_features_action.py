"""Moving features is a group action, and the one that SPEC 9 writes down."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from symmetry_audit.actions import move, move_features
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine, Group

EACH = pytest.mark.parametrize("name", ["p1", "p3", "p8", "p1m", "p4m", "p8m"])


@EACH
def test_along_the_group_axis_it_composes(name: str) -> None:
    group = Group.parse(name)
    features = torch.randn(2, 3 * group.order, generator=torch.Generator().manual_seed(0))
    assert torch.equal(move_features(features, group, 0), features)
    for i, a in enumerate(group.elements):
        for j, b in enumerate(group.elements):
            twice = move_features(move_features(features, group, j), group, i)
            assert torch.equal(twice, move_features(features, group, group.index(a @ b)))


@EACH
def test_what_stood_at_b_stands_at_a_b(name: str) -> None:
    group = Group.parse(name)
    features = torch.arange(2.0 * group.order)[None]  # two features
    for i, a in enumerate(group.elements):
        moved = move_features(features, group, i)[0]
        for j, b in enumerate(group.elements):
            for feature in (0, group.order):
                assert moved[feature + group.index(a @ b)] == features[0, feature + j]


@pytest.mark.parametrize("size", [(5, 5), (6, 6), (4, 7)])
def test_in_space_it_composes_with_the_group_axis(size: tuple[int, int]) -> None:
    group = Group.parse("p4m")
    features = torch.randn(2, 2 * group.order, *size, generator=torch.Generator().manual_seed(1))
    for i, a in enumerate(group.elements):
        for j, b in enumerate(group.elements):
            twice = move_features(move_features(features, group, j), group, i)
            assert torch.equal(twice, move_features(features, group, group.index(a @ b)))


def test_the_turned_channels_by_hand() -> None:
    """SPEC 9: turning by A_s turns features in space and shifts t by s."""
    features = torch.randn(1, 8, 5, 5, generator=torch.Generator().manual_seed(2))
    moved = move_features(features, Group.parse("p8"), 2)
    assert torch.equal(moved, torch.rot90(features, 1, (-2, -1)).roll(2, 1))


def test_a_mirror_runs_through_the_turns_backwards() -> None:
    features = torch.arange(8.0)[None]
    assert move_features(features, Group.parse("p4m"), 4).tolist() == [[4, 7, 6, 5, 0, 3, 2, 1]]


def test_the_matrix_replaces_the_elements_own() -> None:
    group = Group.parse("p8")
    features = torch.randn(1, 8, 9, 9, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    matrix = Affine(0.3, 0.1).conjugate(group.elements[1].matrix())
    assert torch.equal(move_features(features, group, 1, matrix), move(features.roll(1, 1), matrix))
    assert torch.equal(move_features(features, group, 1, np.eye(2)), features.roll(1, 1))


def test_other_numbers_of_channels_are_refused() -> None:
    with pytest.raises(SettingError, match="features over p8 need a multiple of 8 channels, got 12"):
        move_features(torch.zeros(1, 12, 3, 3), Group.parse("p8"), 1)
