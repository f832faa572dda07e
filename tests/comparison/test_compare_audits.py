"""Constructed response profiles, whose relative epsilons, differences and shares undone are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.comparison import AuditedSet, Cell, compare_audits
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.results import DatasetComparison

P8 = Group.parse("p8")
THETA = np.deg2rad(P8.angles_deg())
SETTINGS = {"group": "p8"}


def profiles(amplitude: np.ndarray | float, images: int = 12, size: float = 1.0) -> np.ndarray:
    """(N, 1, 8): f(t) = s (1 + a cos 2t), so that relative epsilon is 2 mean(s a) / mean(s), under p4 and under p8."""
    sizes = size * (1 + np.arange(images)[:, None] % 3)
    return (sizes * (1 + np.broadcast_to(amplitude, (images,))[:, None] * np.cos(2 * THETA)))[:, None]


def one(name: str, values: np.ndarray, **further: object) -> AuditedSet:
    images = further.pop("images", [f"{at}.png" for at in range(len(values))])
    return AuditedSet(name=name, report=name, source=name, images=images, profiles=values, **further)


def cell(group: str = "p8", at: int = 0, regularizer: str = "tv") -> Cell:
    return Cell(at, group, P8.indices_of(Group.parse(group)), "dataset_strict", regularizer, 1.5, 1)


def compared(*sets: AuditedSet, cells: tuple[Cell, ...] = (cell(),), **options: object) -> DatasetComparison:
    return compare_audits(
        sets, cells, settings=SETTINGS, unit="grey levels", group=cells[-1].group, scenario="dataset_strict", **options
    )


def degradation(clean: float, degraded: float, restored: float, **options: object) -> DatasetComparison:
    roles = {"clean": clean, "degraded": degraded, "restored": restored}
    return compared(*(one(role, profiles(a), role=role) for role, a in roles.items()), **options)


def test_differences_in_closed_form() -> None:
    found = compared(one("a", profiles(0.1)), one("b", profiles(0.04, size=3.0)))
    first, second = found.rows
    assert (first.relative_epsilon, second.relative_epsilon) == (pytest.approx(0.2), pytest.approx(0.08))
    assert (first.response_ratio, second.response_ratio) == (1, pytest.approx(3))
    assert (first.mean_response, second.mean_response) == (pytest.approx(2), pytest.approx(6))
    assert first.difference is first.verdict is None
    # every image has the same relative epsilon, so that no draw changes the difference
    ends = second.difference, second.difference_low, second.difference_high
    assert ends == (pytest.approx(-0.12),) * 3
    assert (second.verdict, second.p_value) == ("differs", pytest.approx(2 / 1001))
    assert found.verdict("b").verdict == "differs"


def test_a_paired_interval_holds_what_is_not_common_to_both(rng: np.random.Generator) -> None:
    amplitudes = 0.2 + 0.1 * rng.standard_normal(40)
    first, second = one("a", profiles(amplitudes, 40)), one("b", profiles(amplitudes - 0.02, 40))
    paired, apart = compared(first, second).rows[1], compared(first, second, key="none").rows[1]
    assert paired.difference == apart.difference == pytest.approx(-0.04)
    assert paired.difference_high - paired.difference_low < 1e-9
    assert apart.difference_high - apart.difference_low > 0.08
    assert (paired.verdict, apart.verdict) == ("differs", "not settled")


def test_subgroups_see_their_own_elements() -> None:
    quarter = np.where(np.arange(8) % 4 == 2, 0.9, 1.0)  # lower after 90 and 270 degrees
    eighth = np.where(np.arange(8) % 2 == 1, 0.8, 1.0)  # lower after 45 degrees and so on
    values = np.broadcast_to(quarter * eighth, (12, 1, 8))
    found = compared(one("a", np.ones((12, 1, 8))), one("b", values), cells=(cell("p4"), cell("p8")))
    p4, p8 = (row for row in found.rows if row.dataset == "b")
    assert p4.difference == pytest.approx(0.1 / 0.95)
    assert p8.difference == pytest.approx(0.2 / ((2 + 2 * 0.9 + 4 * 0.8) / 8))


def test_the_share_undone_in_closed_form() -> None:
    found = degradation(0.1, 0.04, 0.07)
    row = found.rows[2]
    assert (row.undone, row.undone_low, row.undone_high) == (pytest.approx(0.5),) * 3
    assert row.restoration == found.verdict("restored").verdict == "partly restored"
    assert found.degradation


@pytest.mark.parametrize(
    ("amplitudes", "restoration", "overall"),
    [
        ((0.1, 0.04, 0.095), "restored", "restored"),
        ((0.1, 0.04, 0.2), "overshot", "not restored"),
        ((0.1, 0.04, 0.03), "not restored", "not restored"),
        ((0.1, 0.095, 0.02), "nothing to restore", "nothing to restore"),
        ((0.02, 0.1, 0.05), "partly restored", "partly restored"),
    ],
)
def test_what_a_network_does(amplitudes: tuple[float, float, float], restoration: str, overall: str) -> None:
    found = degradation(*amplitudes)
    assert found.rows[2].restoration == restoration
    assert found.verdict("restored").verdict == overall


def test_a_tolerance_decides_what_does_not_matter() -> None:
    verdicts = [compared(one("a", profiles(0.1)), one("b", profiles(0.09)), tolerance=t) for t in (0.03, 0.01)]
    assert [found.rows[1].verdict for found in verdicts] == ["does not differ", "differs"]


def test_several_regularizers_are_corrected_together(rng: np.random.Generator) -> None:
    """One p-value of about 0.03 is below 0.05 alone, and above it beside another regularizer."""
    noise = rng.standard_normal(100)
    noise = (noise - noise.mean()) / noise.std()
    sizes = np.ones((100, 1, 1))
    first = sizes * (1 + 0.2 * np.cos(2 * THETA))
    second = sizes * (1 + (0.2 + 0.05 * (noise + 0.22))[:, None, None] * np.cos(2 * THETA))
    both = [np.concatenate([values, values], axis=1) for values in (first, second)]
    alone = compared(one("a", first), one("b", second), tolerance=1e-6)
    pair = compared(
        one("a", both[0]), one("b", both[1]), cells=(cell(), cell(at=1, regularizer="sobel")), tolerance=1e-6
    )
    assert 0.025 < alone.rows[1].p_value < 0.05
    assert alone.rows[1].verdict == "differs"
    assert [row.verdict for row in pair.rows if row.dataset == "b"] == ["not settled"] * 2


def test_names_that_differ_by_their_suffix_are_paired() -> None:
    values = profiles(0.1)
    png, jpg = ([f"sub/{at}.{suffix}" for at in range(12)] for suffix in ("png", "jpg"))
    by_stem = compared(one("a", values, images=png), one("b", values, images=jpg))
    by_name = compared(one("a", values, images=png), one("b", values, images=jpg), key="name")
    assert (by_stem.paired, [item.shared for item in by_stem.datasets]) == (True, [12, 12])
    assert (by_name.paired, [item.shared for item in by_name.datasets]) == (False, [12, 0])


def test_images_that_differ_by_their_suffix_alone_are_refused() -> None:
    names = ["a.png", "a.jpg", *(f"{at}.png" for at in range(10))]
    with pytest.raises(SettingError, match=r"one: a.png and a.jpg differ only in their suffix; pair .* --pair-by name"):
        compared(one("one", profiles(0.1), images=names), one("two", profiles(0.1), images=names))


def test_a_part_of_the_images_is_paired(rng: np.random.Generator) -> None:
    amplitudes = 0.2 + 0.1 * rng.standard_normal(60)
    values = profiles(amplitudes, 60)
    found = compared(one("a", values), one("b", values[:50], images=[f"{at}.png" for at in range(50)]))
    assert not found.paired
    assert [item.shared for item in found.datasets] == [60, 50]
    width, alone = (row.difference_high - row.difference_low for row in (found.rows[1], _apart(values)))
    assert width < 0.5 * alone


def _apart(values: np.ndarray):
    return compared(one("a", values), one("b", values[:50]), key="none").rows[1]


def test_clusters_are_drawn_as_a_whole() -> None:
    amplitudes = np.repeat([0.1, 0.3], 10)
    values = np.broadcast_to(1 + amplitudes[:, None, None] * np.cos(2 * THETA), (20, 1, 8))
    clustered = [one(name, values, clusters=["x"] * 10 + ["y"] * 10) for name in "ab"]
    row = compared(*clustered).rows[0]
    # two clusters: a quarter of the draws takes one of them twice
    assert (row.ci_low, row.ci_high) == (pytest.approx(0.2), pytest.approx(0.6))
    assert compared(*clustered).rows[1].reasons["p_value"].startswith("fewer than 10 images, or clusters")


def test_few_images_give_no_verdict_and_one_image_no_interval() -> None:
    few = compared(one("a", profiles(0.1, 9)), one("b", profiles(0.5, 9))).rows[1]
    assert few.difference_low is not None
    assert (few.p_value, few.verdict) == (None, "not settled")
    single = compared(one("a", profiles(0.1, 1)), one("b", profiles(0.5, 1))).rows[1]
    assert single.difference == pytest.approx(0.8)
    assert (single.ci_low, single.difference_low, single.verdict) == (None, None, "not settled")
    assert "more than one image" in single.reasons["difference_low"]


def test_flat_images_have_no_number_and_a_reason() -> None:
    row = compared(one("a", profiles(0.1)), one("b", np.zeros((12, 1, 8)))).rows[1]
    assert (row.relative_epsilon, row.difference, row.verdict) == (None, None, "not settled")
    assert "every image is flat" in row.reasons["difference"]
    back = compared(one("b", np.zeros((12, 1, 8))), one("a", profiles(0.1))).rows[1]
    assert (back.response_ratio, back.reasons["response_ratio"]) == (None, row.reasons["difference"])


def test_few_or_flat_images_restore_nothing() -> None:
    sets = [one(role, profiles(a, 5), role=role) for role, a in (("clean", 0.1), ("degraded", 0.9), ("restored", 0.5))]
    row = compared(*sets).rows[2]
    assert (row.restoration, row.undone) == ("not settled", None)
    assert "fewer than 10" in row.reasons["undone"]


def test_ten_thousand_images_in_seconds() -> None:
    amplitudes = np.linspace(0, 0.4, 10_000)
    values = 1 + amplitudes[:, None, None] * np.cos(2 * THETA) * np.ones((1, 5, 1))
    found = compared(one("a", values), one("b", values * 0.5))
    assert found.rows[1].difference == pytest.approx(0)


def test_the_document_is_json_and_the_same_twice() -> None:
    first, second = (degradation(0.1, 0.04, 0.07).to_json() for _ in range(2))
    assert first == second
    assert '"schema": "symaudit.datasetcomparison/1"' in first
