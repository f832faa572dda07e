"""Groups as values: names, algebra and exact matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Element, Group, as_group
from tests.oracles import symmetry as oracle
from tests.oracles.statistics import divisors

GROUPS = st.builds(Group, st.integers(1, 48), st.booleans())


@pytest.mark.parametrize("name", ["p1", "p2", "p3", "p4", "p8m", "p32", "p5m", "p360"])
def test_name_round_trip_and_matrices(name: str) -> None:
    group = Group.parse(name)
    assert str(group) == name
    assert np.allclose(group.matrices(), oracle.group_matrices(name), rtol=0, atol=1e-14)


def test_a_group_or_its_name() -> None:
    group = Group(8, True)
    assert as_group(group) is group and as_group("p8m") == group
    with pytest.raises(SettingError):
        as_group("rotations")


def test_parse_forgives_case_and_space() -> None:
    assert Group.parse(" P8M ") == Group(8, True)
    assert hash(Group.parse("p8m")) == hash(Group(8, True))


@pytest.mark.parametrize("text", ["", "8", "q4", "p", "p-4", "p4.0", "p8mm", "pm", "p²"])
def test_not_a_group(text: str) -> None:
    with pytest.raises(SettingError, match="is not a group; write pT"):
        Group.parse(text)


@pytest.mark.parametrize("text", ["p0", "p361", "p999999"])
def test_order_out_of_range(text: str) -> None:
    with pytest.raises(SettingError, match="use p1 to p360"):
        Group.parse(text)


@given(GROUPS, st.data())
def test_composition_is_the_matrix_product(group: Group, data: st.DataObject) -> None:
    elements, matrices = group.elements, group.matrices()
    i, j = (data.draw(st.integers(0, group.order - 1)) for _ in range(2))
    product = group.index(elements[i] @ elements[j])
    assert np.allclose(matrices[i] @ matrices[j], matrices[product], atol=1e-13)
    assert elements[i] @ ~elements[i] == elements[0]
    assert group.index(elements[i]) == i


def test_elements_of_different_groups_do_not_compose() -> None:
    with pytest.raises(SettingError, match="cannot compose elements of p4 and p8"):
        Element(1, False, 4) @ Element(1, False, 8)


def test_positive_angles_turn_counter_clockwise_on_the_screen() -> None:
    # y points down, so counter-clockwise sends the right (1, 0) to the top (0, -1)
    assert Group(4).matrices()[1] @ [1, 0] == pytest.approx([0, -1], abs=0)


@pytest.mark.parametrize("turns", [4, 8, 12, 32, 360])
def test_quarter_turns_are_exact(turns: int) -> None:
    matrices = Group(turns).matrices()
    quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])
    for t in range(turns):
        assert np.array_equal(quarter @ matrices[t], matrices[(t + turns // 4) % turns])


def test_order_of_elements() -> None:
    assert [str(element) for element in Group(2, True).elements] == ["A0", "A1", "A0M", "A1M"]
    assert Group(8, True).angles_deg()[9] == 45.0


# --- subgroups


@given(GROUPS, st.data())
def test_quotients_are_left_translations(group: Group, data: st.DataObject) -> None:
    b, a = (data.draw(st.integers(0, group.order - 1)) for _ in range(2))
    found = group.matrices()[group.quotients()[b, a]]
    assert np.allclose(found, np.linalg.inv(group.matrices()[b]) @ group.matrices()[a], atol=1e-13)
    assert group.quotients()[b, a] == group.index(~group.elements[b] @ group.elements[a])


def test_subgroups_by_hand() -> None:
    assert [str(group) for group in Group(1).subgroups()] == ["p1"]
    assert [str(group) for group in Group(32).subgroups()] == ["p1", "p2", "p4", "p8", "p16", "p32"]
    assert [str(group) for group in Group(4, True).subgroups()] == ["p1", "p2", "p1m", "p4", "p2m", "p4m"]
    assert [str(group) for group in Group(6, True).subgroups()] == [
        *("p1", "p2", "p1m", "p3", "p2m", "p6", "p3m", "p6m"),
    ]


@given(GROUPS)
def test_subgroups_are_what_trial_finds(group: Group) -> None:
    found = group.subgroups()
    turns = divisors(group.rotations)
    assert set(found) == {Group(t) for t in turns} | ({Group(t, True) for t in turns} if group.mirrored else set())
    assert list(found) == sorted(found, key=lambda each: (each.order, each.mirrored))
    assert found[0] == Group(1)
    assert found[-1] == group


@given(GROUPS)
def test_indices_of_subgroups_point_at_the_same_matrices(group: Group) -> None:
    for subgroup in group.subgroups():
        indices = group.indices_of(subgroup)
        assert indices[0] == 0
        assert np.allclose(group.matrices()[indices], subgroup.matrices(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ["p3", "p16", "p1m", "p8m"])
def test_no_subgroup(name: str) -> None:
    with pytest.raises(SettingError, match=f"{name} is not a subgroup of p8, whose subgroups are p1, p2, p4, p8$"):
        Group(8).indices_of(Group.parse(name))
