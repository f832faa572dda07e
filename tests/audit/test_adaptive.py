"""The adaptive scenario: fits, responses under them and controls, against the slow oracle."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from math import pi

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from symmetry_audit import fit_affine, measure
from symmetry_audit.audit import fit_sources, make_settings, own_sources
from symmetry_audit.audit._adaptive_plan import adaptive_plan
from symmetry_audit.audit._bands import held_out_rows
from symmetry_audit.audit._spectrum import radial_power, radial_spectrum
from symmetry_audit.data import decode
from symmetry_audit.engine import welch_power
from symmetry_audit.fits import sample_windows, solve, structure_tensor
from symmetry_audit.groups import MAX_RATIO, Affine
from symmetry_audit.results import AffineFit, AuditReport, FailedFit
from symmetry_audit.synth import gaussian_field
from tests.conftest import save_photos
from tests.oracles import affine as oracle
from tests.oracles import statistics as slow
from tests.oracles import symmetry

ASKED = {"reg": "tv,sobel,laplacian", "group": "p8"}
MARGIN = 15  # of these regularizers
AGREEMENT = 1e-4
SAMPLED = 3e-3  # of the mean response: what the windows of a sample and their subspace leave out
NAMES = ("tv", "sobel", "laplacian")

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> AuditReport:
    """Three photographs under p8 with all controls."""
    folder = tmp_path_factory.mktemp("adaptive")
    save_photos(folder / "photos", np.random.default_rng(4), count=3, size=(80, 72))
    return measure(folder / "photos", **ASKED, out=folder / "run")


def luminances(report: AuditReport) -> dict[str, np.ndarray]:
    folder = report.folder.parent / "photos"
    return {path.name: symmetry.luminance(path) for path in sorted(folder.iterdir())}


def responses(report: AuditReport, scenario: str) -> dict[tuple[str, str], np.ndarray]:
    """Profiles by image and regularizer, read with pyarrow alone."""
    rows = pq.read_table(report.folder / "responses.parquet").to_pylist()
    return {
        (row["image"], row["regularizer"]): np.array(row["response"]) for row in rows if row["scenario"] == scenario
    }


def row_of(report: AuditReport, regularizer: str, scenario: str = "dataset_adaptive", **keys):
    (found,) = (
        row
        for row in report.results
        if (row.regularizer, row.scenario) == (regularizer, scenario)
        and all(getattr(row, name) == value for name, value in keys.items())
    )
    return found


def whole(profile: np.ndarray, order: int = 8) -> np.ndarray:
    """The distinct elements' responses as those of all elements: half turns respond alike."""
    return np.tile(profile, order // len(profile))


def epsilon(profile: np.ndarray) -> float:
    return float(np.abs(profile[0] - profile).max())


# --- responses under fitted w


def test_every_adaptive_response_equals_the_oracle_at_the_fitted_w(report):
    fits = report.affine.set_index(["image", "regularizer"])
    found = responses(report, "dataset_adaptive")
    assert len(found) == 9
    for image, luminance in luminances(report).items():
        for name in NAMES:
            own = fits.loc[image, "joint" if name == "laplacian" else name]
            theirs = oracle.adaptive_responses(luminance, name, own.a, own.b, order=8, margin=MARGIN)
            assert np.abs(found[image, name] / whole(theirs) - 1).max() < AGREEMENT


def test_every_strict_response_equals_the_oracle(report):
    for scenario in ("sample_strict", "dataset_strict"):
        found = responses(report, scenario)
        for image, luminance in luminances(report).items():
            for name in NAMES:
                theirs = symmetry.responses(luminance, name, symmetry.group_matrices("p8"), margin=MARGIN)
                assert np.abs(found[image, name] / theirs - 1).max() < AGREEMENT


def test_adaptive_rows_against_numpy_on_the_parquet_file(report):
    found = responses(report, "dataset_adaptive")
    for name in NAMES:
        row, strict = row_of(report, name), row_of(report, name, "dataset_strict")
        table = np.stack([profile for (_, regularizer), profile in found.items() if regularizer == name])
        assert row.epsilon == pytest.approx(epsilon(table.mean(0)), rel=1e-12)
        assert row.mean_response == pytest.approx(table.mean(), rel=1e-12)
        assert row.identity_response == pytest.approx(table.mean(0)[0], rel=1e-12)
        assert row.relative_epsilon == pytest.approx(slow.relative(table.mean(0)), rel=1e-12)
        assert row.normalized_epsilon == pytest.approx(epsilon((table.T / table.mean(1)).T.mean(0)), rel=1e-12)
        assert row.gain == pytest.approx(strict.epsilon - row.epsilon, rel=1e-12)
        # the identity is in every group
        assert row.identity_response == pytest.approx(strict.identity_response, rel=AGREEMENT)


@pytest.mark.parametrize(("group", "reg"), [("p4m", "chiral"), ("p3", "tv"), ("p1", "tv")])
def test_groups_with_mirrors_or_few_rotations_are_measured_as_they_are(group, reg, tmp_path, rng):
    """w is fitted to p32 where the group has too few distinct elements, and measured under the group itself."""
    folder = save_photos(tmp_path / "photos", rng, count=1)
    report = measure(folder, reg=reg, group=group, out=tmp_path / "run", controls=False)
    (fit, _) = (row for row in report.affine.itertuples())
    (found,) = responses(report, "dataset_adaptive").values()
    luminance = symmetry.luminance(folder / "photo_0.png")
    matrices = symmetry.deformed(symmetry.group_matrices(group), oracle.deformation(*oracle.from_ab(fit.a, fit.b)))
    kernels = oracle.kernel_stack(reg, matrices, 1.5, oracle.fit_window(reg))
    theirs = oracle.mean_abs_responses(luminance, kernels, symmetry.default_margin([reg], "gaussian", 1.5))
    assert np.abs(found / theirs - 1).max() < AGREEMENT
    assert fit.ratio > 1.01


# --- fits


def test_fits_are_given_in_one_form(report):
    fits = report.affine
    # the isotropic regularizer first, then one fit for each other and the joint one
    assert fits.regularizer.tolist() == ["laplacian", "tv", "sobel", "joint"] * 3
    assert fits.reason[fits.regularizer != "laplacian"].isna().all()
    for fit in fits[fits.regularizer != "laplacian"].itertuples():
        assert (fit.a, fit.b) == pytest.approx(oracle.to_ab(fit.alpha, fit.ratio), rel=1e-9, abs=1e-12)
        assert fit.alpha_deg == pytest.approx(np.degrees(fit.alpha), rel=1e-12)
        assert fit.s_x * fit.s_y == pytest.approx(1, rel=1e-12)
        assert fit.s_x / fit.s_y == pytest.approx(fit.ratio, rel=1e-12)
        assert 0 <= fit.alpha < pi
        assert 1 <= fit.ratio <= 2 * (1 + 1e-9)
        assert fit.iterations > 0
        assert (fit.sigma, fit.downscale) == (1.5, 1)


@pytest.mark.parametrize(("group", "order"), [("p8", 8), ("p2", 32), ("p4m", 32)])
def test_proxy_and_epsilon_before_and_after_equal_the_oracle(group, order, rng, tmp_path):
    """Before and after are those of one group, whatever group the run measures."""
    folder = save_photos(tmp_path / "photos", rng, count=1)
    luminance = symmetry.luminance(folder / "photo_0.png")
    fits = {fit.regularizer: fit for fit in fit_affine(folder, reg="tv,sobel", group=group)}
    for name, over in (("tv", ["tv"]), ("sobel", ["sobel"]), ("joint", ["tv", "sobel"])):
        fit = fits[name]
        for when, w in (("before", (0.0, 0.0)), ("after", (fit.a, fit.b))):
            profiles = [oracle.adaptive_responses(luminance, one, *w, order=order, margin=MARGIN) for one in over]
            expected = {
                "proxy": np.mean([oracle.scaled_variance(profile) for profile in profiles]),
                "epsilon": np.mean([epsilon(profile) for profile in profiles]),
                "relative_epsilon": np.mean([slow.relative(profile) for profile in profiles]),
            }
            scale = np.mean([profile[0] for profile in profiles])
            # no row needs the joint fit here: what is measured under it comes from the sample
            exact = when == "before" or name != "joint"
            rel, limit = (1e-3, 1e-4) if exact else (0.03, 1e-3)
            # responses are right to 2e-5, and so is the root of the proxy, the relative deviation
            proxy = 4e-5 * expected["proxy"] ** 0.5
            for value, least in (("proxy", proxy), ("epsilon", limit * scale), ("relative_epsilon", limit)):
                assert getattr(fit, f"{value}_{when}") == pytest.approx(expected[value], rel=rel, abs=least)
        assert fit.proxy_after < fit.proxy_before


def test_the_fit_is_the_oracle_s_minimum(report):
    """To the value of the objective: the minimum is flat, so that w itself agrees less well."""
    image, luminance = next(iter(luminances(report).items()))
    fits = report.affine.set_index(["image", "regularizer"])
    for name in ("tv", "sobel"):
        best = oracle.grid_fit(luminance, name, points=5, order=8, margin=MARGIN, tolerance=1e-3)
        found = fits.loc[image, name]
        assert (found.a, found.b) == pytest.approx((best.a, best.b), abs=0.02)
        assert found.proxy_after < best.V + 0.02 * found.proxy_before


def test_what_cannot_be_fitted_says_why(report):
    failed = report.affine[report.affine.regularizer == "laplacian"]
    assert set(failed.reason) == {
        "isotropic: the response does not depend on direction, so it identifies no deformation"
    }
    assert failed[["a", "b", "ratio", "proxy_before", "epsilon_after", "at_limit"]].isna().all(axis=None)
    assert failed[["orientation", "coherence"]].notna().all(axis=None)


def test_orientation_and_coherence_are_those_of_the_structure_tensor(report):
    for image, luminance in luminances(report).items():
        tensor = structure_tensor(luminance, 1.5, MARGIN)
        for fit in report.affine[report.affine.image == image].itertuples():
            # the audit's luminance is rounded to float32
            assert fit.orientation == pytest.approx(tensor.orientation, rel=1e-6)
            assert fit.coherence == pytest.approx(tensor.coherence, rel=1e-6)


def test_a_flat_image_has_no_fit_and_the_run_goes_on(photos, tmp_path):
    Image.new("RGB", (64, 64), (90, 200, 30)).save(photos / "wall.png")
    Image.new("L", (64, 64), 90).save(photos / "grey.png")
    report = measure(photos, **ASKED, out=tmp_path / "run")
    reason = "an element of the group gives no response, or there is no pixel to fit to"
    for image in ("wall.png", "grey.png"):
        rows = report.affine[report.affine.image == image]
        assert rows[rows.regularizer != "laplacian"].reason.tolist() == [reason] * 3
    assert report.dataset.images == 6
    summary = {entry["regularizer"]: entry for entry in report.analyses["fits"]}
    assert {name: (entry["failed"], entry["images"]) for name, entry in summary.items()} == dict.fromkeys(
        ("tv", "sobel", "joint"), (2, 6)
    )
    assert AuditReport.load(tmp_path / "run") == report
    (photos / "wall.png").unlink()
    (photos / "grey.png").unlink()
    without = measure(photos, **ASKED)
    for name in NAMES:
        old, new = row_of(without, name), row_of(report, name)
        for field in ("epsilon", "mean_response", "random_epsilon", "null_epsilon", "held_out_epsilon"):
            assert getattr(new, field) == pytest.approx(getattr(old, field) * 4 / 6, rel=1e-9), field
        assert new.normalized_epsilon == pytest.approx(old.normalized_epsilon, rel=1e-9)


def test_stripes_that_some_elements_do_not_see_identify_no_w(rng):
    stripes = np.repeat(rng.uniform(0, 255, (70, 1)), 66, axis=1)
    fits = fit_affine(stripes, reg="tv,sobel", group="p8")
    assert [bool(fit) for fit in fits] == [False] * 3
    assert {fit.reason for fit in fits} == {"an element of the group gives no response, or there is no pixel to fit to"}


def test_a_ratio_beyond_two_is_found_at_the_limit(rng):
    truth = Affine.from_axes(0.7, 2.5)
    field = 128 + 40 * gaussian_field((160, 160), truth, rng=rng)
    for fit in fit_affine(field, reg="tv,sobel", group="p8"):
        assert fit.at_limit
        assert fit.ratio == pytest.approx(2, rel=1e-6)
        assert fit.alpha == pytest.approx(0.7, abs=0.1)
    inside = 128 + 40 * gaussian_field((160, 160), Affine.from_axes(0.7, 1.4), rng=rng)
    assert not any(fit.at_limit for fit in fit_affine(inside, reg="tv,sobel", group="p8"))


def test_a_failed_fit_is_a_value(report):
    fits = fit_affine(report.dataset.source, **ASKED)
    assert {type(fit) for fit in fits} == {AffineFit, FailedFit}
    assert [fit.regularizer for fit in fits if not fit] == ["laplacian"] * 3
    # the run with all scenarios and controls found the same
    for fit, row in zip(fits, report.affine.itertuples(), strict=True):
        assert fit.image == row.image
        assert not fit or (fit.a, fit.b, fit.proxy_after) == (row.a, row.b, row.proxy_after)


# --- whose w is used


def test_each_regularizer_uses_its_own_w_and_one_without_direction_the_joint_one(report):
    assert {name: row_of(report, name).fit for name in NAMES} == {"tv": "tv", "sobel": "sobel", "laplacian": "joint"}


@pytest.mark.parametrize("fit", ["joint", "tv"])
def test_one_fit_may_serve_all(report, fit):
    found = measure(report.dataset.source, **ASKED, fit=fit, controls=False)
    assert {row_of(found, name).fit for name in NAMES} == {fit}
    assert found.settings["fit"] == fit
    # nothing is fitted that no row needs
    assert [entry.regularizer for entry in found.fits] == ["laplacian", fit] * 3
    transfer = {(entry["fit"], entry["regularizer"]): entry for entry in report.analyses["transfer"]}
    for name in NAMES:
        row, entry = row_of(found, name), transfer[fit, name]
        assert row.epsilon == pytest.approx(entry["epsilon"], abs=SAMPLED * row.mean_response)
    joint = report.affine[report.affine.regularizer == fit]
    assert [entry.a for entry in found.fits if entry] == joint.a.tolist()


def test_without_controls_the_rows_are_the_same_and_less_is_known(report):
    found = measure(report.dataset.source, **ASKED, controls=False)
    for name in NAMES:
        row = row_of(report, name)
        assert row_of(found, name) == replace(
            row,
            **dict.fromkeys(MISSING),
            reasons=row.reasons | dict.fromkeys(MISSING, "measured without controls"),
        )


MISSING = (
    *("control_images", "random_epsilon", "random_epsilon_se", "null_epsilon", "null_epsilon_se", "excess"),
    *("held_out_epsilon", "held_out_epsilon_se", "held_out_strict_epsilon", "held_out_gain"),
    *("held_out_gain_low", "held_out_gain_high", "held_out_p_value", "relative_random", "relative_null"),
    *("relative_random_se", "relative_null_se", "relative_held_out_se"),
    *("relative_held_out", "relative_held_out_strict"),
    *("relative_held_out_gain", "relative_held_out_gain_low", "relative_held_out_gain_high"),
)


def test_the_sources_of_a_run():
    def names(**asked):
        settings = make_settings(**asked)
        return [source.name for source in fit_sources(settings)], own_sources(settings)

    assert names() == (["tv", "tv2", "sobel", "prewitt", "joint"], (0, 1, 2, 4, 3))
    assert names(reg="laplacian,chiral") == (["chiral", "joint"], (1, 0))
    assert names(reg="tv,chiral", fit="joint") == (["tv", "chiral", "joint"], (2, 2))
    assert names(reg="tv,chiral", fit="joint", controls=False) == (["joint"], (0, 0))
    assert names(reg="tv,chiral", fit="chiral", controls=False) == (["chiral"], (0, 0))
    # the joint fit is over those of the paper, or else over what there is
    joint = {name: fit_sources(make_settings(reg=name))[-1].stencils for name in ("chiral", "tv,chiral", "chiral,tv")}
    assert joint == {"chiral": (0,), "tv,chiral": (0,), "chiral,tv": (1,)}


# --- controls


def test_the_transfer_table_holds_the_adaptive_rows_on_its_diagonal(report):
    transfer = {(entry["fit"], entry["regularizer"]): entry for entry in report.analyses["transfer"]}
    assert set(transfer) == {(fit, name) for fit in ("tv", "sobel", "joint") for name in NAMES}
    for name in NAMES:
        row = row_of(report, name)
        entry = transfer[row.fit, name]
        assert (entry["epsilon"], entry["relative_epsilon"]) == (row.epsilon, row.relative_epsilon)
        assert (entry["fit_sigma"], entry["sigma"], entry["fit_downscale"], entry["downscale"]) == (1.5, 1.5, 1, 1)


def test_the_rest_of_the_transfer_table_equals_the_oracle(report):
    fits = report.affine.set_index(["image", "regularizer"])
    for entry in report.analyses["transfer"]:
        mean = 0
        for image, luminance in luminances(report).items():
            w = fits.loc[image, entry["fit"]]
            profile = oracle.adaptive_responses(luminance, entry["regularizer"], w.a, w.b, order=8, margin=MARGIN)
            mean = mean + profile / 3
        assert entry["epsilon"] == pytest.approx(epsilon(mean), abs=SAMPLED * mean[0])
        assert entry["relative_epsilon"] == pytest.approx(slow.relative(mean), abs=SAMPLED)


def test_fits_are_measured_at_other_scales_too(tmp_path, rng):
    folder = save_photos(tmp_path / "photos", rng, count=2, size=(110, 120))
    report = measure(folder, reg="tv", group="p8", sigma=(1.5, 2), downscale=2, out=tmp_path / "run")
    scales = [(sigma, factor) for sigma in (1.5, 2.0) for factor in (1, 2)]
    assert [(row.sigma, row.downscale) for row in report.results if row.scenario == "dataset_adaptive"] == scales
    between = {
        (entry["fit_sigma"], entry["fit_downscale"], entry["sigma"], entry["downscale"]): entry
        for entry in report.analyses["transfer"]
        if entry["fit"] == "per-regularizer"
    }
    assert set(between) == {(*first, *second) for first in scales for second in scales if first != second}
    assert len(report.affine) == 2 * 4 * 2
    fits = report.affine.set_index(["image", "regularizer", "sigma", "downscale"])
    margin = report.settings["margin"]
    entry, mean = between[1.5, 1, 2.0, 1], 0
    for path in sorted(folder.iterdir()):
        w = fits.loc[path.name, "tv", 1.5, 1]
        mean = mean + oracle.adaptive_responses(symmetry.luminance(path), "tv", w.a, w.b, 8, 2.0, margin) / 2
    assert entry["epsilon"] == pytest.approx(epsilon(mean), abs=SAMPLED * mean[0])


def test_random_deformations_keep_the_ratio_and_turn_the_axis(report):
    """Recomputed with the oracle from the angle that the image's own random numbers give."""
    fits = report.affine.set_index(["image", "regularizer"])
    for name in NAMES:
        row, mean = row_of(report, name), 0
        for image, luminance in luminances(report).items():
            angle = image_rng(report, image).uniform(0, 2 * pi)
            w = fits.loc[image, row.fit]
            alpha, ratio = oracle.from_ab(w.a, w.b)
            turned = oracle.to_ab(alpha + angle / 2, ratio)  # (a, b) turn twice as fast
            mean = mean + oracle.adaptive_responses(luminance, name, *turned, order=8, margin=MARGIN) / 3
        assert row.random_epsilon == pytest.approx(epsilon(mean), abs=SAMPLED * mean[0])
        assert row.relative_random == pytest.approx(slow.relative(mean), abs=SAMPLED)


def image_rng(report: AuditReport, image: str) -> np.random.Generator:
    """What is drawn for one image depends on the seed and on its pixels."""
    pixels = decode((report.folder.parent / "photos" / image).read_bytes(), 10**6).pixel_sha256
    digest = hashlib.sha256(pixels.encode()).digest()
    return np.random.default_rng([abs(report.settings["seed"]), int.from_bytes(digest[:8])])


def test_held_out_halves_equal_a_direct_computation(report):
    """w from the fits package on one half of the rows, then the oracle on the other."""
    settings = make_settings(**ASKED)
    plan = adaptive_plan(settings, settings.models[0])
    adaptive, strict = dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 0)
    for luminance in luminances(report).values():
        held = held_out_rows(luminance.shape[0] - 2 * MARGIN)
        sample = sample_windows(luminance, plan.fitted, MARGIN, seed=0).where(~held)
        known = [symmetry_rows(luminance, name, ~held)[plan.fitted.distinct] for name in NAMES]
        sample = sample.calibrated(np.stack(known))
        starts = [structure_tensor(luminance, 1.5, MARGIN).affine(MAX_RATIO), Affine(0.0, 0.0)]
        for name, stencils in (("tv", (0,)), ("sobel", (1,)), ("laplacian", (0, 1))):
            w = solve(sample, stencils, starts).affine
            matrices = oracle.adaptive_matrices(w.a, w.b, 8)
            adaptive[name] = adaptive[name] + rows_mean(luminance, name, matrices, held, oracle.fit_window(name)) / 3
            strict[name] = strict[name] + symmetry_rows(luminance, name, held) / 3
    for name in NAMES:
        row, scale = row_of(report, name), adaptive[name][0]
        assert row.held_out_epsilon == pytest.approx(epsilon(adaptive[name]), abs=SAMPLED * scale)
        assert row.held_out_strict_epsilon == pytest.approx(epsilon(strict[name]), abs=2 * AGREEMENT * scale)
        gain = row.held_out_strict_epsilon - row.held_out_epsilon
        assert row.held_out_gain == pytest.approx(gain, rel=1e-12)


def symmetry_rows(image: np.ndarray, name: str, chosen: np.ndarray) -> np.ndarray:
    """The oracle's strict responses over the chosen rows of V."""
    return rows_mean(
        image, name, symmetry.group_matrices("p8"), chosen, symmetry.window_radius(name, "gaussian", 1.5, 1)
    )


def rows_mean(image: np.ndarray, name: str, matrices: np.ndarray, chosen: np.ndarray, c: int) -> np.ndarray:
    kernels = oracle.kernel_stack(name, matrices, 1.5, c)
    return np.array([np.abs(symmetry.convolved(image, kernel, MARGIN))[chosen].mean() for kernel in kernels])


def test_the_null_level_is_that_of_fitted_isotropic_twins(report):
    """A field of the image's radial spectrum, fitted by the fits package, measured by the oracle."""
    settings = make_settings(**ASKED)
    family = adaptive_plan(settings, settings.models[0]).fitted
    found = responses(report, "dataset_adaptive")
    mean = dict.fromkeys(NAMES, 0)
    for image, luminance in luminances(report).items():
        rng = image_rng(report, image)
        rng.uniform()  # the angle of the random deformation
        power = radial_power(radial_spectrum(welch_power(luminance)))
        field = gaussian_field(luminance.shape, rng=rng, power=power, limit=None)
        whole_field = np.ones(field.shape[0] - 2 * MARGIN, dtype=bool)
        strict = np.stack([symmetry_rows(field, name, whole_field)[family.distinct] for name in NAMES])
        sample = sample_windows(field, family, MARGIN, seed=0).calibrated(strict)
        starts = [structure_tensor(field, 1.5, MARGIN).affine(MAX_RATIO), Affine(0.0, 0.0)]
        for name, over in (("tv", ("tv",)), ("sobel", ("sobel",)), ("laplacian", ("tv", "sobel"))):
            w = solve(sample, tuple(map(NAMES.index, over)), starts).affine
            null = oracle.adaptive_responses(field, name, w.a, w.b, order=8, margin=MARGIN)
            # a Gaussian field of the same spectrum responds more strongly than a photograph
            mean[name] = mean[name] + null / null.mean() * found[image, name].mean() / 3
    for name in NAMES:
        row = row_of(report, name)
        assert row.null_epsilon == pytest.approx(epsilon(mean[name]), abs=SAMPLED * row.mean_response)
        assert row.null_epsilon > 0
        assert row.excess == row.epsilon - row.null_epsilon


def test_the_null_level_of_fields_without_direction_is_their_own_epsilon(tmp_path):
    """Isotropic fields are of the same law as their twins: both levels agree as far as chance allows."""
    (tmp_path / "fields").mkdir()
    rng = np.random.default_rng(12)
    for number in range(10):
        field = 128 + 30 * gaussian_field((96, 96), rng=rng)
        Image.fromarray(field.clip(0, 255).round().astype(np.uint8)).save(tmp_path / f"fields/{number}.png")
    report = measure(tmp_path / "fields", reg="tv", group="p8")
    row = row_of(report, "tv")
    single = [fit.epsilon_after for fit in report.fits if fit and fit.regularizer == "tv"]
    # both are means over ten fields of what fitting leaves of each
    assert row.null_epsilon < 3 * np.mean(single)
    assert row.epsilon < 3 * np.mean(single)
    assert max(row.null_epsilon, row.epsilon) < 0.5 * row_of(report, "tv", "sample_strict").epsilon


# --- what is drawn at random


def test_another_seed_draws_something_else_and_the_same_seed_the_same(report):
    again, other = (measure(report.dataset.source, **ASKED, seed=seed) for seed in (0, 1))
    assert again == report
    assert again.to_json() == (report.folder / "report.json").read_text(encoding="utf-8")
    for name in NAMES:
        old, new = row_of(report, name), row_of(other, name)
        assert new.random_epsilon != old.random_epsilon
        assert new.null_epsilon != old.null_epsilon
        assert new.epsilon == pytest.approx(old.epsilon, abs=5e-3 * old.mean_response)  # another sample of pixels
        assert new.identity_response == old.identity_response


def test_the_number_of_workers_changes_no_bit(report):
    assert {measure(report.dataset.source, **ASKED, workers=workers).to_json() for workers in (1, 3)} == {
        report.to_json()
    }


def test_what_is_drawn_for_an_image_depends_on_no_other_image(report, tmp_path):
    """So neither limit nor order nor resuming changes it."""
    (tmp_path / "one").mkdir()
    source = report.folder.parent / "photos/photo_1.png"
    (tmp_path / "one/another name.png").write_bytes(source.read_bytes())
    alone = measure(tmp_path / "one", **ASKED, out=tmp_path / "run")
    table = pq.read_table(report.folder / "responses.parquet").to_pylist()
    mine = [row["response"] for row in table if row["image"] == "photo_1.png"]
    assert [row["response"] for row in pq.read_table(tmp_path / "run/responses.parquet").to_pylist()] == mine
    direct = measure(source, **ASKED)
    for name in NAMES:
        for field in ("epsilon", "random_epsilon", "null_epsilon", "held_out_epsilon"):
            assert getattr(row_of(alone, name), field) == getattr(row_of(direct, name), field), field


# --- images at the limit


def test_epsilon_without_the_images_at_the_limit(tmp_path):
    (tmp_path / "fields").mkdir()
    rng = np.random.default_rng(5)
    for number, ratio in enumerate((2.5, 1.2, 2.5, 1.3)):
        field = 128 + 30 * gaussian_field((128, 128), Affine.from_axes(0.4, ratio), rng=rng)
        Image.fromarray(field.clip(0, 255).round().astype(np.uint8)).save(tmp_path / f"fields/{number}.png")
    report = measure(tmp_path / "fields", **ASKED, controls=False, fit="joint", out=tmp_path / "run")
    at_limit = [fit.at_limit for fit in report.affine[report.affine.regularizer == "joint"].itertuples()]
    assert at_limit == [True, False, True, False]
    for scenario in ("sample_strict", "dataset_strict", "dataset_adaptive"):
        found = responses(report, scenario)
        for name in NAMES:
            row = row_of(report, name, scenario)
            inside = [found[f"{number}.png", name] for number in (1, 3)]
            single = np.mean([epsilon(profile) for profile in inside])
            expected = single if scenario == "sample_strict" else epsilon(np.mean(inside, axis=0))
            assert row.epsilon_within_limit == pytest.approx(expected, rel=1e-12)
            assert row.images_at_limit == 2
    (summary,) = report.analyses["fits"]
    assert (summary["at_limit"], summary["share_at_limit"], summary["failed"]) == (2, 0.5, 0)
    (tmp_path / "fields/1.png").unlink()
    (tmp_path / "fields/3.png").unlink()
    all_there = measure(tmp_path / "fields", **ASKED, controls=False, fit="joint")
    for row in all_there.results:
        assert (row.images_at_limit, row.epsilon_within_limit) == (2, None)
        assert row.reasons["epsilon_within_limit"] == "every image is at the limit"


def test_the_summary_of_the_fits_is_their_geometric_median(report):
    for entry in report.analyses["fits"]:
        points = report.affine[report.affine.regularizer == entry["regularizer"]][["a", "b"]].to_numpy()
        matrices = [oracle.deformation(*oracle.from_ab(*point)) for point in points]

        def distance(point, matrices=matrices):
            """The sum of ln of the axis ratio between the deformation at ``point`` and each of the images'."""
            inverse = np.linalg.inv(oracle.deformation(*oracle.from_ab(*point)))
            return sum(np.log(np.linalg.cond(inverse @ matrix)) for matrix in matrices)

        median = np.array([entry["median_a"], entry["median_b"]])
        best = distance(median)
        for angle in np.arange(8) * pi / 4:
            assert distance(median + 1e-3 * np.array([np.cos(angle), np.sin(angle)])) >= best - 1e-9
        alpha, ratio = oracle.from_ab(*median)
        assert entry["median_ratio"] == pytest.approx(ratio, rel=1e-9)
        assert entry["median_alpha_deg"] == pytest.approx(np.degrees(alpha), rel=1e-9)
        assert entry["mean_ratio"] == pytest.approx(np.exp(np.hypot(*points.T)).mean(), rel=1e-9)
