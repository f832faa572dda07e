"""Controls of some of the images as statements about all: against formulas on the profiles of the journal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from symmetry_audit import measure
from symmetry_audit.audit import AuditSettings, FitTables, ImageTables, measure_source, open_run, stored_fits
from symmetry_audit.data import open_source
from symmetry_audit.findings._controls import ControlTotals
from symmetry_audit.groups import Group
from symmetry_audit.results import AuditReport, ResultRow
from symmetry_audit.statistics import Member, subgroup_error
from tests.conftest import save_photos
from tests.oracles import affine as oracle
from tests.oracles import statistics as slow
from tests.oracles import symmetry

ASKED = {"reg": "tv,sobel", "group": "p8", "sigma": (1.5, 2.0)}
IMAGES, CONTROLLED = 16, 11
RESAMPLES, DRAWS, NAIVE, SIGMAS = 1000, 999, 2000, 4
NAMES = ("strict", "strict_held_out", "adaptive", "random", "held_out", "null")

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[AuditReport, list[ImageTables]]:
    """A report with controls on eleven of sixteen images, and the tables of the journal."""
    folder = tmp_path_factory.mktemp("controls")
    save_photos(folder / "photos", np.random.default_rng(8), count=IMAGES, size=(96, 90))
    report = measure(folder / "photos", **ASKED, control_images=CONTROLLED, out=folder / "run")
    settings, source = AuditSettings.from_dict(report.settings), open_source(report.dataset.source)
    with open_run(report.folder, source, settings, resume=True, force=False) as journal:
        return report, [tables for _, tables, _ in stored_fits(settings, measure_source(source, settings, journal))]


def rows(report: AuditReport) -> Iterator[tuple[tuple[int, int], ResultRow]]:
    """Adaptive rows with their scale and regularizer."""
    found = [row for row in report.results if row.scenario == "dataset_adaptive"]
    for number, row in enumerate(found):
        yield (number // 2, number % 2), row


def profiles(tables: list[ImageTables], name: str, at: tuple[int, int]) -> np.ndarray:
    """(n, T) of the images that have it."""
    return np.stack([table.profiles[name][at] for table in tables if name in table.profiles])


def having(tables: list[ImageTables]) -> list[ImageTables]:
    return [table for table in tables if "random" in table.profiles]


def estimated(base: np.ndarray, part: np.ndarray, control: np.ndarray) -> np.ndarray:
    """The difference estimate of survey sampling: all of ``base`` (N, T), and the pairs of ``part`` and ``control``."""
    return base.mean(0) + (control - part).mean(0)


@pytest.mark.parametrize(("control", "base"), [("random", "strict"), ("held_out", "strict_held_out")])
def test_controls_are_difference_estimates_with_bootstrap_errors(run, control, base) -> None:
    report, tables = run
    rng = np.random.default_rng(1)
    for at, row in rows(report):
        everything, part, found = (
            profiles(which, name, at) for which, name in ((tables, base), (having(tables), base), (tables, control))
        )
        assert (len(everything), len(part), len(found)) == (IMAGES, CONTROLLED, CONTROLLED)
        assert row.control_images == CONTROLLED and row.images == IMAGES
        mean = estimated(everything, part, found)
        drawn = rng.integers(CONTROLLED, size=(NAIVE, CONTROLLED))
        resampled = [estimated(everything, part[chosen], found[chosen]) for chosen in drawn]
        for unit, relative, measure_ in (("epsilon", False, slow.epsilon), ("relative", True, slow.relative)):
            name = f"relative_{control}" if relative else f"{control}_epsilon"
            assert getattr(row, name) == pytest.approx(measure_(mean), rel=1e-9), unit
            naive = np.std([measure_(profile) for profile in resampled])
            assert getattr(row, f"{name}_se") == pytest.approx(naive, rel=0.15), unit


def test_the_strict_half_and_the_gain_are_of_all_images(run) -> None:
    report, tables = run
    for at, row in rows(report):
        base, held = profiles(tables, "strict_held_out", at), profiles(tables, "held_out", at)
        mean = estimated(base, profiles(having(tables), "strict_held_out", at), held)
        assert row.held_out_strict_epsilon == pytest.approx(slow.epsilon(base.mean(0)), rel=1e-9)
        assert row.held_out_gain == pytest.approx(slow.epsilon(base.mean(0)) - slow.epsilon(mean), rel=1e-9)
        gain = slow.relative(base.mean(0)) - slow.relative(mean)
        assert row.relative_held_out_gain == pytest.approx(gain, rel=1e-9)


def test_the_interval_of_the_gain_draws_both_kinds_of_images_among_themselves(run) -> None:
    report, tables = run
    rng = np.random.default_rng(2)
    flags = np.array(["random" in table.profiles for table in tables])
    for at, row in rows(report):
        strict, held = profiles(tables, "strict_held_out", at), profiles(tables, "held_out", at)
        part, rest = strict[flags], strict[~flags]
        gains = []
        for _ in range(NAIVE):
            drawn, others = rng.integers(len(part), size=len(part)), rng.integers(len(rest), size=len(rest))
            base = np.concatenate([part[drawn], rest[others]])
            gains.append(slow.epsilon(base.mean(0)) - slow.epsilon(estimated(base, part[drawn], held[drawn])))
        allowed = SIGMAS * np.sqrt(0.025 * 0.975 * (1 / RESAMPLES + 1 / NAIVE))
        assert abs((np.array(gains) < row.held_out_gain_low).mean() - 0.025) < allowed
        assert abs((np.array(gains) > row.held_out_gain_high).mean() - 0.025) < allowed


def test_the_p_value_is_of_the_controlled_images_alone(run) -> None:
    report, tables = run
    choices = np.random.default_rng(3).integers(0, 8, (NAIVE, CONTROLLED))
    for at, row in rows(report):
        table = profiles(tables, "held_out", at)
        draws = oracle.shifted_epsilons(table, symmetry.group_matrices("p8"), choices)
        naive = slow.p_value(slow.epsilon(table.mean(0)) * (1 - 1e-12), draws.tolist())
        spread = SIGMAS * np.sqrt(max(naive * (1 - naive), 1 / NAIVE) * (1 / DRAWS + 1 / NAIVE))
        assert abs(row.held_out_p_value - naive) < spread + 1 / DRAWS


def test_the_null_level_is_that_of_as_many_fields_as_images_and_as_loud(run) -> None:
    """Its square is less than that of eleven fields by what chance explains of them; drawn here by other numbers."""
    report, tables = run
    rng = np.random.default_rng(4)
    for at, row in rows(report):
        fields, adaptive = profiles(tables, "null", at), profiles(tables, "adaptive", at)
        loud = adaptive.mean() / profiles(having(tables), "adaptive", at).mean()
        mean, covariance = fields.mean(0), np.cov(fields.T)
        center = np.eye(8) - 1 / 8
        square, chance = np.square(mean - mean.mean()).sum(), np.trace(center @ covariance) / CONTROLLED
        kept = np.sqrt(max(1 - chance / square, 0))
        drawn = rng.multivariate_normal(np.zeros(8), covariance / IMAGES, NAIVE)
        means = mean.mean() + kept * (mean - mean.mean()) + drawn
        levels = np.array([slow.epsilon(profile) for profile in means])
        allowed = SIGMAS * levels.std() / np.sqrt(256)
        assert row.null_epsilon == pytest.approx(loud * levels.mean(), abs=loud * allowed)
        relative = np.array([slow.relative(profile) for profile in means])
        assert row.relative_null == pytest.approx(relative.mean(), abs=SIGMAS * relative.std() / np.sqrt(256))
        assert row.excess == row.epsilon - row.null_epsilon
        assert 0 < row.null_epsilon_se < row.null_epsilon * 3


def test_transfer_is_known_of_all_images_where_rows_or_fits_are_and_estimated_elsewhere(run) -> None:
    report, tables = run
    rng = np.random.default_rng(5)
    transfer = {
        (entry["sigma"], entry["fit"], entry["regularizer"]): entry
        for entry in report.analyses["transfer"]
        if (entry["sigma"], entry["downscale"]) == (entry["fit_sigma"], entry["fit_downscale"])
    }
    assert len(transfer) == 2 * 3 * 2
    drawn = rng.integers(CONTROLLED, size=(NAIVE, CONTROLLED))
    for s, sigma in enumerate((1.5, 2.0)):
        for f, fit in enumerate(("tv", "sobel", "joint")):
            for r, regularizer in enumerate(("tv", "sobel")):
                entry = transfer[sigma, fit, regularizer]
                if fit in (regularizer, "joint"):
                    table = np.stack([each.adaptive.transfer[s, f, r] for each in tables])
                    assert entry["epsilon"] == pytest.approx(slow.epsilon(table.mean(0)), rel=1e-9)
                    assert (entry["epsilon_se"], entry["relative_epsilon_se"]) == (None, None)
                    continue
                table = np.stack([each.adaptive.transfer[s, f, r] for each in having(tables)])
                part, base = (profiles(which, "adaptive", (s, r)) for which in (having(tables), tables))
                mean = estimated(base, part, table)
                assert entry["epsilon"] == pytest.approx(slow.epsilon(mean), rel=1e-9)
                assert entry["relative_epsilon"] == pytest.approx(slow.relative(mean), rel=1e-9)
                naive = np.std([slow.epsilon(estimated(base, part[c], table[c])) for c in drawn])
                assert entry["epsilon_se"] == pytest.approx(naive, rel=0.3)


def test_transfer_between_scales_is_estimated_too(run) -> None:
    report, tables = run
    entries = [entry for entry in report.analyses["transfer"] if entry["sigma"] != entry["fit_sigma"]]
    assert len(entries) == 2 * 2
    for entry in entries:
        f, s = ((1.5, 2.0).index(entry[name]) for name in ("fit_sigma", "sigma"))
        r = ("tv", "sobel").index(entry["regularizer"])
        table = np.stack([each.adaptive.scales[f, s, r] for each in having(tables)])
        part, base = (profiles(which, "adaptive", (s, r)) for which in (having(tables), tables))
        assert entry["epsilon"] == pytest.approx(slow.epsilon(estimated(base, part, table)), rel=1e-9)
        assert entry["epsilon_se"] > 0


def test_the_difference_estimate_errs_no_more_than_it_says() -> None:
    """Simulated images whose controls resemble their strict profiles: far better than the subset's own mean."""
    rng = np.random.default_rng(6)
    angles = 2 * np.pi * np.arange(8) / 8
    errors, plain, stated = [], [], []
    for seed in range(60):
        strict = 100 + rng.standard_normal((200, 1)) * 5 * np.cos(2 * angles) + 2 * np.sin(angles)
        random = strict + 3 * np.cos(angles) + 0.5 * rng.standard_normal((200, 8))
        flags = np.zeros(200, dtype=bool)
        flags[rng.choice(200, 40, replace=False)] = True
        totals = ControlTotals(Group(8), seed=seed)
        for n, controlled in enumerate(flags):
            totals.add(tables_of(strict[n], random[n] if controlled else None), Member(n))
        truth = slow.epsilon(random.mean(0))
        estimate = float(subgroup_error(totals.mean("random"))[0, 0])
        assert estimate == pytest.approx(slow.epsilon(estimated(strict, strict[flags], random[flags])), rel=1e-12)
        errors.append(estimate - truth)
        plain.append(slow.epsilon(random[flags].mean(0)) - truth)
        stated.append(float(totals.standard_error("random", subgroup_error)[0, 0]))
    assert (np.abs(errors) < 2 * np.array(stated)).mean() > 0.9
    assert np.mean(stated) == pytest.approx(np.std(errors), rel=0.4)
    assert np.std(errors) < np.std(plain) / 3


def tables_of(strict: np.ndarray, random: np.ndarray | None) -> ImageTables:
    """One image at one scale with one regularizer, measured under one source's w."""
    profile = strict[None, None]
    named = {name: profile for name in ("strict", "strict_held_out", "adaptive")}
    if random is not None:
        named["random"] = random[None, None]
    nothing = np.zeros((1, 1, 5))
    fits = FitTables(profile[:, None], None, nothing, profile, profile[:, None], nothing[0], nothing[..., 0] > 0)
    return ImageTables(named, fits)
