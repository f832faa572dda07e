"""Shifts by random elements, made visible by numbered profiles, and the means under them against matrices."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.statistics import InvarianceDraws, null_level, p_value, subgroup_error
from tests.oracles import statistics as oracle


def shifted_means(group: Group, profiles: np.ndarray, **options: object) -> np.ndarray:
    invariance = InvarianceDraws(group, len(profiles), **options)
    for profile in profiles:
        invariance.add(profile)
    return invariance.means()


def shifts_of(group: Group, images: int, elements: np.ndarray, **options: object) -> np.ndarray:
    """B of every draw and image, (draws, images), as positions in ``elements``.

    Image n numbers its elements in cell n and is 0 elsewhere, so cell n of a mean at the identity is B^-1 / N.
    """
    numbered = np.zeros((images, images, group.order))
    numbered[np.arange(images), np.arange(images)] = np.arange(group.order)
    inverses = shifted_means(group, numbered, elements=elements, **options)[..., 0] * images
    assert np.allclose(inverses, inverses.round(), rtol=0, atol=1e-9)
    products = group.matrices()[:, None] @ group.matrices()[elements]
    is_inverse = np.isclose(products, np.eye(2), atol=1e-9).all((-1, -2))
    return is_inverse[inverses.round().astype(int)].argmax(-1)


SUBGROUPS = [
    (group, subgroup)
    for group, subgroup in [
        *(("p4", name) for name in ("p1", "p2", "p4")),
        ("p5", "p5"),
        *(("p4m", name) for name in ("p1m", "p2m", "p4", "p4m")),
        ("p6m", "p6m"),
        ("p6m", "p3m"),
    ]
]


@pytest.mark.parametrize(("group", "subgroup"), SUBGROUPS)
def test_means_against_the_oracle(group: str, subgroup: str, rng: np.random.Generator) -> None:
    group, subgroup = Group.parse(group), Group.parse(subgroup)
    elements = group.indices_of(subgroup)
    profiles = rng.uniform(1, 9, (70, 2, group.order))  # more than one block
    options = {"elements": elements, "draws": 3, "seed": 11}
    shifts = shifts_of(group, 70, **options)
    assert len(np.unique(shifts)) == subgroup.order
    found = shifted_means(group, profiles, **options)
    assert found.shape == (3, 2, subgroup.order)
    for draw, row in enumerate(shifts):
        for cell in range(2):
            restricted = profiles[:, cell][:, elements]
            expected = oracle.shifted_mean(restricted, row, group.matrices()[elements])
            assert np.allclose(found[draw, cell], expected, rtol=1e-13)


@pytest.mark.parametrize(("order", "block"), [(4, 64), (32, 32), (48, 14)])
def test_blocks_do_not_show(order: int, block: int, rng: np.random.Generator) -> None:
    """Around the ends of blocks and with many cells: the loop over images with the same B."""
    group = Group(order)
    for images in (block - 1, block, block + 1, 2 * block):
        shifts = shifts_of(group, images, np.arange(order), draws=4, seed=2)
        profiles = rng.uniform(1, 9, (images, 37, order))
        expected = sum(
            np.stack([np.roll(profile, shift, axis=-1) for shift in column])
            for profile, column in zip(profiles, shifts.T, strict=True)
        )
        assert np.allclose(shifted_means(group, profiles, draws=4, seed=2), expected / images, rtol=1e-13)


def test_the_first_images_get_the_same_shifts_whatever_follows() -> None:
    few, many = (shifts_of(Group(8), images, np.arange(8), draws=5, seed=2) for images in (40, 150))
    assert np.array_equal(few, many[:, :40])


def test_shifts_are_uniform_and_independent() -> None:
    shifts = shifts_of(Group(4, True), 40, np.arange(8), draws=500, seed=2)
    # 20,000 draws of each of 8 elements; five standard errors
    counts = np.bincount(shifts.ravel(), minlength=8)
    assert counts == pytest.approx(2500, abs=5 * (20000 * 7 / 64) ** 0.5)
    pairs = np.bincount((8 * shifts[:, :-1] + shifts[:, 1:]).ravel(), minlength=64)
    assert pairs == pytest.approx(500 * 39 / 64, abs=5 * (500 * 39 / 64) ** 0.5)


def test_all_elements_by_default_and_cells_of_any_shape(rng: np.random.Generator) -> None:
    profiles = rng.uniform(1, 9, (20, 2, 3, 8))
    group = Group(8)
    every = shifted_means(group, profiles, draws=7, seed=1)
    assert every.shape == (7, 2, 3, 8)
    assert np.array_equal(every, shifted_means(group, profiles, draws=7, seed=1, elements=group.indices_of(group)))
    single = shifted_means(group, profiles[:, 1, 2], draws=7, seed=1)
    assert np.allclose(single, every[:, 1, 2], rtol=1e-14)  # the same B in all cells


def test_a_turned_mirror_makes_a_subgroup_too(rng: np.random.Generator) -> None:
    """The two elements A_0 and A_1 M, which no name describes."""
    found = shifted_means(Group(4, True), np.arange(8.0)[None], elements=np.array([0, 5]), draws=50, seed=1)
    assert {tuple(row) for row in found.tolist()} == {(0.0, 5.0), (5.0, 0.0)}


def test_symmetric_images_are_left_as_they_are(rng: np.random.Generator) -> None:
    constant = np.repeat(rng.uniform(1, 9, (30, 1)), 16, axis=1)
    means = shifted_means(Group(8, True), constant, seed=1)
    assert (subgroup_error(means) == 0).all()
    assert p_value(np.zeros(()), subgroup_error(means)) == 1


def test_half_turns_that_no_stencil_sees_have_p_1(rng: np.random.Generator) -> None:
    group = Group(8)
    profiles = np.tile(rng.uniform(1, 9, (30, 4)), 2)  # f_{-A} = f_A
    draws = subgroup_error(shifted_means(group, profiles, elements=np.array([0, 4]), seed=1))
    assert p_value(subgroup_error(profiles.mean(0), np.array([0, 4])), draws) == 1


@pytest.mark.parametrize("elements", [[], [1, 0], [0, 1], [0, 4, 4], [0, 2, 4], [0, 9], [0, -4]])
def test_what_is_no_subgroup_is_refused(elements: list[int]) -> None:
    with pytest.raises(SettingError, match=f"a subgroup of p8, the identity 0 first, got \\{str(elements)[:-1]}"):
        InvarianceDraws(Group(8), 5, elements=np.array(elements, dtype=int), seed=0)


def test_wrong_numbers_and_shapes_are_refused() -> None:
    invariance = InvarianceDraws(Group(4), 2, elements=np.array([0, 2]), seed=0)
    with pytest.raises(SettingError, match=r"profiles of p4 need shape \(..., 4\), got \(3, 2\)"):
        invariance.add(np.zeros((3, 2)))
    with pytest.raises(SettingError, match=r"need shape \(..., 4\), got \(\)"):
        invariance.add(np.zeros(()))
    with pytest.raises(SettingError, match="2 images were announced and 0 added"):
        invariance.means()


def test_memory_does_not_grow_with_the_images() -> None:
    peaks = []
    for images in (300, 3000):
        tracemalloc.start()
        invariance = InvarianceDraws(Group(8), images, draws=100, seed=0)
        for n in range(images):
            invariance.add(np.full((3, 8), float(n)))
        invariance.means()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


# --- p-values


def test_p_values_by_hand() -> None:
    draws = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    assert p_value(np.array([2.0, 6.0]), draws).tolist() == [3 / 4, 1 / 4]
    assert null_level(draws).tolist() == [2.0, 5.0]


def test_p_values_against_the_oracle(rng: np.random.Generator) -> None:
    draws = rng.integers(9, size=(99, 4)).astype(float)
    observed = np.array([0.0, 3.0, 4.5, 10.0])
    expected = [oracle.p_value(value, column) for value, column in zip(observed, draws.T, strict=True)]
    assert p_value(observed, draws).tolist() == expected


def test_ties_up_to_rounding_count_against_a_finding() -> None:
    assert p_value(np.array(1.0), np.array([1 - 1e-13, 1 - 1e-9, 0.5])) == 2 / 4
