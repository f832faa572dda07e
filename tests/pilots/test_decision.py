"""The sequential decision against a second program of the rule, and its errors in simulated pilots."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from symmetry_audit.pilots._decision import ALPHA, LOOKS, Limits, decide, paired, reached, student

MARGIN, SPREAD = 0.05, 0.1


def oracle(table: np.ndarray, margin: float) -> np.ndarray:
    """The arm that each pilot builds, -1 for none, from (pilots, arms, seeds) with the arms in order of preference."""
    pilots, arms, _ = table.shape
    built = np.full(pilots, -1)
    for look in LOOKS:
        lower = np.empty((pilots, arms, arms))
        for a in range(arms):
            for b in range(arms):
                d = table[:, a, :look] - table[:, b, :look]
                error = stats.sem(d, axis=1)
                lower[:, a, b] = d.mean(1) + stats.t.ppf(0.05 / 3 / (arms - 1), look - 1) * error
        candidate = np.full(pilots, -1)
        for a in reversed(range(arms)):
            bounds = [0.0 if b < a else -margin for b in range(arms)]
            holds = np.all([lower[:, a, b] > bounds[b] for b in range(arms) if b != a], axis=0)
            candidate = np.where(holds, a, candidate)
        built = np.where(built == -1, candidate, built)
    return built


def pilots(rng: np.random.Generator, means, count: int, spread: float = SPREAD) -> np.ndarray:
    """Tables (count, arms, 8) whose paired differences have the standard deviation ``spread``."""
    shared = rng.normal(25, 1, (count, 1, LOOKS[-1]))  # a seed's images are easy or hard for all arms
    return shared + np.array(means)[:, None] + rng.normal(0, spread / np.sqrt(2), (count, len(means), LOOKS[-1]))


def as_scores(table: np.ndarray) -> dict[str, list[float]]:
    return {f"arm{at}": row.tolist() for at, row in enumerate(table)}


def built_by(table: np.ndarray) -> np.ndarray:
    found = [reached(as_scores(one), MARGIN)[0].arm for one in table]
    return np.array([-1 if arm is None else int(arm[3:]) for arm in found])


def wrong(means) -> list[int]:
    """Arms that must not be built: worse than another by the margin or more, or no better than an earlier one."""
    found = []
    for at, mean in enumerate(means):
        later = any(other - mean >= MARGIN for other in means[at + 1 :])
        if later or any(other >= mean for other in means[:at]):
            found.append(at)
    return found


def test_limits_are_those_of_student():
    values = [0.3, -0.1, 0.25, 0.4, 0.05]
    low, high = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    found = student(values, 0.025)
    assert (found.mean, found.low, found.high) == pytest.approx((0.18, low, high))


def test_limits_without_a_library_of_distributions():
    """The density of Student's t with 2 degrees of freedom, integrated up to the limit."""
    values, error = [0.0, 1.0, 5.0], ALPHA / 3
    found = student(values, error)
    assert found.high is not None
    t = (found.high - 2.0) / (np.std(values, ddof=1) / np.sqrt(3))
    mass, _ = integrate.quad(lambda x: (2 + x * x) ** -1.5, -np.inf, t)
    assert mass == pytest.approx(1 - error, abs=1e-9)


def test_one_value_has_no_limits():
    found = student([0.4], 0.01)
    assert found == Limits(0.4) and not found.above(-100) and not found.inside(100)


@pytest.mark.parametrize("means", [(0.0, 0.0), (0.1, 0.0, -0.4), (-0.3, 0.0, 0.02), (0.0, 0.1, 0.3, 0.2)])
def test_the_rule_against_a_second_program(rng, means):
    table = pilots(rng, means, 200)
    expected = oracle(table, MARGIN)
    np.testing.assert_array_equal(built_by(table), expected)
    assert len(set(expected)) > 1


WORST = [
    (0.0, 0.0),
    (-0.05, 0.0),
    (0.3, 0.3),
    (0.0, 0.0, 0.0),
    (-0.05, 0.0, 0.0),
    (0.0, 0.0, 0.05),
    (-0.05, -0.05, 0.0, -0.05),
    (-0.2, -0.1, 0.0, 0.0),
]


@pytest.mark.parametrize("spread", [0.02, 0.1])
@pytest.mark.parametrize("means", WORST)
def test_at_most_one_pilot_in_twenty_builds_a_wrong_arm(rng, means, spread):
    table = pilots(rng, means, 20_000, spread)
    np.testing.assert_array_equal(built_by(table[:50]), oracle(table[:50], MARGIN))
    assert np.isin(oracle(table, MARGIN), wrong(means)).mean() <= ALPHA


@pytest.mark.parametrize("means", [(-0.05, 0.0), (0.0, 0.0)])
def test_the_errors_of_the_worst_cases_are_not_far_below(rng, means):
    """A rule that never decides would pass the test above. Looks overlap, so the sum of three is not reached."""
    assert np.isin(built_by(pilots(rng, means, 800)), wrong(means)).mean() > 0.02


@pytest.mark.parametrize("lead", [-0.1, 0.0, 0.1, 0.3])
def test_the_first_look_against_the_noncentral_distribution(rng, lead):
    """With two arms the first one is built at a look if a noncentral t of lead + margin exceeds the quantile of t."""
    count, look = 1000, LOOKS[0]
    found = [reached(as_scores(one[:, :look]), MARGIN)[0].arm for one in pilots(rng, (lead, 0.0), count)]
    quantile, scale = stats.t.ppf(1 - ALPHA / 3, look - 1), SPREAD / np.sqrt(look)
    for arm, shift in (("arm0", lead + MARGIN), ("arm1", -lead)):
        chance = stats.nct.sf(quantile, look - 1, shift / scale)
        error = np.sqrt(chance * (1 - chance) / count)
        share = np.mean([name == arm for name in found])
        if arm == "arm0":
            assert share == pytest.approx(chance, abs=4 * error)
        else:  # where both hold, the first is built
            assert share <= chance + 4 * error


# Percent of pilots that build the first arm, the second, none; the first leads by so much, and the paired differences
# have a standard deviation of 0.1 dB. With a third arm, level with the second, a lead of 0.1 is decided in 73 of 100.
POWER = {
    *((-0.3, (0, 100, 0)), (-0.1, (0, 64, 36)), (-0.05, (4, 23, 73)), (0.0, (23, 4, 73))),
    *((0.05, (64, 0, 35)), (0.1, (93, 0, 7)), (0.3, (100, 0, 0))),
}


@pytest.mark.parametrize(("lead", "expected"), sorted(POWER))
def test_operating_characteristics(rng, lead, expected):
    found = oracle(pilots(rng, (lead, 0.0), 20_000), MARGIN)
    assert [100 * np.mean(found == arm) for arm in (0, 1, -1)] == pytest.approx(expected, abs=1.5)


def test_a_lead_of_the_cheaper_arm_is_not_needed_but_one_of_the_dearer_is():
    level = [25.0, 25.01, 24.99, 25.0, 25.01, 25.0, 24.99, 25.0]
    a_little_worse = [value - 0.03 for value in level]
    found, looks = reached({"p4": a_little_worse, "plain": level}, MARGIN)
    assert (found.arm, found.tie, found.rival, looks) == ("p4", True, "plain", (3,))
    assert found.lead.mean == pytest.approx(-0.03)
    found, _ = reached({"plain": level, "p8": [value + 0.03 for value in level]}, MARGIN)
    assert (found.arm, found.tie) == ("plain", True)
    found, _ = reached({"plain": level, "p8": [value + 0.07 for value in level]}, MARGIN)
    assert (found.arm, found.tie) == ("p8", False)
    exactly = {"plain": level, "p8": level}
    assert reached(exactly, MARGIN)[0].arm == "plain"


def test_the_first_arm_within_the_margin_of_the_best_is_built():
    base = np.array([25.0, 24.0, 26.0])
    found = decide({"a": base - 0.08, "b": base - 0.04, "c": base}, MARGIN)
    assert (found.arm, found.tie, found.rival) == ("b", True, "c")
    found = decide({"a": base - 0.3, "b": base - 0.04, "c": base}, MARGIN)
    assert (found.arm, found.tie) == ("b", False)


def test_seeds_between_looks_are_not_looked_at():
    clear = {"p4": [25.5, 25.4, 25.6, 25.5], "plain": [25.0, 25.0, 25.0, 25.0]}
    assert reached({arm: values[:2] for arm, values in clear.items()}, MARGIN)[0].arm is None
    found, looks = reached(clear, MARGIN)
    assert (found.arm, looks) == ("p4", (3,))
    assert found.lead == paired({arm: values[:3] for arm, values in clear.items()}, "p4", "plain")
    noisy = {"p4": [26, 24, 26, 24], "plain": [25, 25, 25, 25]}
    found, looks = reached(noisy, MARGIN)
    assert (found.arm, looks, found.lead.mean) == (None, (3,), pytest.approx(0.0))
