"""How candidates lie in each other, and what contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.theory import recommend
from symmetry_audit.theory._candidates import preference, subgroups, with_trivial
from tests.theory.situations import candidates, isotropic, photo


def test_subgroups_act_alike_and_include_the_trivial_one() -> None:
    found = candidates("p8m", photo, photo)
    by_name = {item.name: item for item in found}

    def names(name: str) -> set[str]:
        return {item.name for item in subgroups(by_name[name], found)}

    assert names("p8m, strict") == {"p1", *(f"{g}, strict" for g in ("p2", "p4", "p8", "p1m", "p2m", "p4m"))}
    assert names("p4m, adaptive") == {"p1", *(f"{g}, adaptive" for g in ("p2", "p4", "p1m", "p2m"))}
    assert names("p2, strict") == {"p1"}
    assert names("p1") == set()


def test_preference_is_strict_then_unmirrored_then_few() -> None:
    found = sorted(candidates("p4m", photo, photo), key=preference)
    names = "p1, p2 strict, p4 strict, p1m strict, p2m strict, p4m strict, p2 adaptive, p4 adaptive"
    assert ", ".join(item.name.replace(",", "") for item in found).startswith(names)


def test_the_trivial_group_is_added_where_a_run_had_adaptive_rows_alone() -> None:
    found = candidates("p8", isotropic, isotropic)
    added = with_trivial(found[4:])
    assert [item.name for item in added] == ["p1", "p2, adaptive", "p4, adaptive", "p8, adaptive"]
    names = [value.regularizer for value in found[0].values]
    assert [value.regularizer for value in added[0].values] == names
    assert all(value.epsilon == 0 and not value.tested for value in added[0].values)
    assert with_trivial(found) == tuple(found)
    assert dict(recommend(found[4:], images=100).law) == {}  # which is about strict groups
    assert recommend([], images=100).candidate("p1").values == ()


DAMAGE = {
    "p4, strict occurs twice": lambda found: [*found, found[-1]],
    "p4 has 4 elements, not 5": lambda found: [*found[:-1], replace(found[-1], order=5)],
    '"q4" is not a group': lambda found: [*found[:-1], replace(found[-1], group="q4")],
    "p4, strict has two values of one regularizer": lambda found: [
        *found[:-1],
        replace(found[-1], values=(*found[-1].values, found[-1].values[0])),
    ],
}


@pytest.mark.parametrize("message", DAMAGE)
def test_candidates_that_contradict_themselves(message: str) -> None:
    with pytest.raises(ReportError, match=f"cannot choose among these candidates .*{message}.*measure again") as caught:
        recommend(DAMAGE[message](candidates("p4", photo)), images=100)
    assert "\n" not in str(caught.value)
