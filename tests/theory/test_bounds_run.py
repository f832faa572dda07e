"""The theorems on the rows of a report: units, scales, adaptive rows, what pays; and the values to and from JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from symmetry_audit.errors import ReportError, SettingError
from symmetry_audit.groups import MAX_RATIO
from symmetry_audit.reports import bounds_text
from symmetry_audit.results import (
    AuditReport,
    Bound,
    CandidateValue,
    DatasetInfo,
    ResultRow,
    RunBounds,
    Smoothness,
    dump_json,
)
from symmetry_audit.theory import (
    KernelSmoothness,
    distance_errors,
    response_errors,
    run_bounds,
    run_kappa,
    stretched,
)
from symmetry_audit.theory._bounds import allowed_epsilon
from symmetry_audit.theory._kappa import error_terms
from tests.oracles.printed_bounds import printed_bound

SCENARIOS = "dataset_strict", "dataset_adaptive"
IMAGE = Smoothness(value=1.0, gradient=0.05, hessian=0.01)
KERNEL = KernelSmoothness(value=0.04, gradient=0.02, hessian=0.03, area=100.0, radius=6.0, mass=0.5)


def row(scenario: str = "dataset_strict", **changes) -> ResultRow:
    fields = {
        "regularizer": "tv",
        "scenario": scenario,
        "group": "p8",
        "sigma": 1.5,
        "downscale": 1,
        "epsilon": 0.51,
        "relative_epsilon": 0.1,
        "normalized_epsilon": 0.1,
        "mean_response": 5.1,
        "identity_response": 5.0,
        "worst_element": 1,
        "worst_angle_deg": 45.0,
        "tested": True,
        "visible_elements": 6,
        "images": 100,
        "floor": 0.01,
        **changes,
    }
    return ResultRow(**fields)


def report(*rows: ResultRow, response: str = "abs") -> AuditReport:
    return AuditReport(DatasetInfo("DIV2K", "DIV2K", 100, "f" * 64), {"response": response}, rows or (row(),))


def bounds(*rows: ResultRow, response: str = "abs", **options) -> RunBounds:
    return run_bounds(report(*rows, response=response), IMAGE, lambda name, sigma: KERNEL, **options)


def terms(found: RunBounds, theorem: str = "3.7", at: int = 0) -> dict[str, float]:
    return dict(next(bound.terms for bound in found.rows[at].bounds if bound.theorem == theorem))


def test_epsilon_in_grey_levels_becomes_an_integral_of_images_in_0_1() -> None:
    assert terms(bounds(), "3.3") == {"epsilon": pytest.approx(2 * 4 * 0.51 / 255)}
    assert terms(bounds(mu=8.0), "3.3") == {"epsilon": pytest.approx(4 * 0.51 / 255 / 4)}
    assert terms(bounds(response="energy"), "3.3") == {"epsilon": pytest.approx(2 * 4 * 0.51 / 255**2)}
    assert bounds(response="energy").unit == "squared grey levels"


def test_the_mesh_terms_are_those_of_the_constants() -> None:
    found = terms(bounds(mu=2.0))
    distances, responses = distance_errors(IMAGE, 1.0, 2.0), response_errors(IMAGE, KERNEL, 1.0)
    assert found == {
        "epsilon": pytest.approx(4 * 0.51 / 255),
        "mesh: norm": pytest.approx(distances["norm"]),
        "mesh: data": pytest.approx(2 * distances["data"]),
        "mesh: filter": pytest.approx(2 * responses["filter"]),
        "mesh: sum": pytest.approx(2 * responses["sum"]),
    }


def test_c_h2_does_not_depend_on_the_number_of_pixels() -> None:
    """On the domain of radius 1 G and H are divided by h and h^2, and the kernel shrinks with h."""
    h = 2 / 480
    domain = Smoothness(value=1.0, gradient=IMAGE.gradient / h, hessian=IMAGE.hessian / h**2)
    assert distance_errors(domain, h, 1.0) == pytest.approx(distance_errors(IMAGE, 1.0, 1.0))
    for response in ("abs", "energy"):
        inside = response_errors(domain, KERNEL.scaled(h), h, response)
        assert inside == pytest.approx(response_errors(IMAGE, KERNEL, 1.0, response))


def test_a_coarser_copy_has_a_coarser_mesh() -> None:
    found = terms(bounds(row(downscale=2)))
    assert found["mesh: norm"] == pytest.approx(4 * terms(bounds())["mesh: norm"])
    assert found["mesh: filter"] == pytest.approx(4 * response_errors(IMAGE, KERNEL.scaled(2.0), 2.0)["filter"])


def test_adaptive_rows_allow_for_their_deformations() -> None:
    """Ratio 2 at most: slopes twice as steep, second derivatives four times as large."""
    found = bounds(row(), row("dataset_adaptive"))
    strict, adaptive = terms(found), terms(found, at=1)
    assert adaptive["epsilon"] == strict["epsilon"]
    for name in ("mesh: norm", "mesh: data", "mesh: filter"):
        assert adaptive[name] == pytest.approx(4 * strict[name]), name
    assert adaptive["mesh: sum"] == pytest.approx(2 * strict["mesh: sum"])
    assert stretched(IMAGE, 2.0).hessian == 4 * IMAGE.hessian


def test_theorem_4_2_comes_with_a_loss() -> None:
    assert [bound.theorem for bound in bounds().rows[0].bounds] == ["3.3", "3.7"]
    found = bounds(loss=0.25)
    assert terms(found, "4.2")["loss"] == 0.5
    assert found.rows[0].bounds[2].total == pytest.approx(0.5 + 2 * found.rows[0].bounds[1].total)


@pytest.mark.parametrize(("mu", "side"), [(1.0, 1), (8.0, 2)])
def test_as_printed_is_for_2_over_mu_times_the_energy(mu: float, side: int) -> None:
    """||x - y||^2 + (2/mu) R, of growth 1, on the domain of radius 1; Lemma 3.5 has a mean where R is an integral."""
    px = 2 / 480
    image = 1.0, 0.05 / px, 0.01 / px**2
    radius = 6.0 * side * px
    weight = 2 / mu * (1 + radius) ** 2
    kernel = [weight * value / (side * px) ** power for value, power in ((0.04, 2), (0.02, 3), (0.03, 4))]
    epsilon = 2 / mu * 4 * 0.51 / 255
    wanted = printed_bound(epsilon, 1.0, side * px, image, (0.0, 0.0, 0.0), tuple(kernel), (1.0, 0.0, radius))
    found = bounds(row(downscale=side), mu=mu, points=480)
    assert found.rows[0].bounds[2].theorem == "3.7 as printed"
    assert found.points == 480
    printed = terms(found, "3.7 as printed")
    assert printed["epsilon"] == pytest.approx(wanted["Chat"] * epsilon)
    assert printed["mesh: regularizer"] == pytest.approx(wanted["C1"] * (1 + radius) ** 2 * (side * px) ** 2)
    curvature = (image[1] ** 2 + image[0] * image[2]) * (side * px) ** 2
    assert printed["mesh: norm"] == pytest.approx(8 * curvature)
    assert printed["mesh: data"] == pytest.approx(4 * 8 * curvature)  # Cbar with 1 for 4 D_k^2 F2, the mass of k


def test_as_printed_needs_the_mesh_and_a_response_without_squares() -> None:
    assert [bound.theorem for bound in bounds().rows[0].bounds] == ["3.3", "3.7"]
    energy = bounds(response="energy", points=480)
    assert [bound.theorem for bound in energy.rows[0].bounds] == ["3.3", "3.7"]
    assert energy.points is None and "As printed" not in bounds_text(energy)


def test_as_printed_allows_for_deformations_and_leaves_theorem_4_2_alone() -> None:
    """Fields stretched by 2 have twice the gradient and four times the Hessian."""
    strict, adaptive = (terms(bounds(row(name), points=480), "3.7 as printed") for name in SCENARIOS)
    assert adaptive["mesh: norm"] == pytest.approx(MAX_RATIO**2 * strict["mesh: norm"])
    with_loss = bounds(points=480, loss=0.25).rows[0].bounds
    assert [bound.theorem for bound in with_loss] == ["3.3", "3.7", "3.7 as printed", "4.2"]
    assert with_loss[3].total == pytest.approx(0.5 + 2 * with_loss[1].total)


def test_vacuous_is_said_where_it_is() -> None:
    found = bounds(row(), row(epsilon=600.0))
    assert [bound.vacuous for bound in found.rows[0].bounds] == [False, False]
    assert [bound.vacuous for bound in found.rows[1].bounds] == [True, True]
    lines = bounds_text(found).splitlines()
    assert [line.split()[-1] for line in lines if line.lstrip().startswith("tv")] == ["none", "3.7"]


# --- kappa


@pytest.mark.parametrize("kappa", [0.0, 0.5, 1.0, 1.041, 1.05, 2.0])
def test_what_pays_does_so_by_the_terms_of_the_kappa_intervals(kappa: float) -> None:
    """The same decision as Eq. (46) on the value of a candidate: t = 4 of p8, since half turns are not seen."""
    value = CandidateValue(
        regularizer="tv",
        sigma=1.5,
        downscale=1,
        classes=4,
        mean_response=5.1,
        epsilon=0.51,
        relative_epsilon=0.1,
        floor=0.01 / 5.1,
        held_out_epsilon=0.11,
    )
    found = bounds(row(held_out_epsilon=0.561), kappa=kappa).rows[0]
    assert found.allowed_epsilon == pytest.approx(kappa / 2 - 0.01 - 0.051)
    assert found.pays == (error_terms(value) < allowed_epsilon(value.classes, kappa))


def test_a_loss_has_to_be_paid_for() -> None:
    found = bounds(kappa=2.0, loss=0.001, mu=4.0).rows[0]
    assert found.allowed_epsilon == pytest.approx(1.0 - 0.01 - 2 * 0.001 * 255 / 4)


def test_a_group_that_is_not_seen_neither_pays_nor_not() -> None:
    found = bounds(row(visible_elements=0, tested=False), kappa=2.0)
    assert (found.rows[0].allowed_epsilon, found.rows[0].pays) == (None, None)
    assert "–" in bounds_text(found)


def test_kappa_of_a_run() -> None:
    assert run_kappa(report(), 4.0, 2.0, mu=3.0) == pytest.approx((4 / 100) ** 0.5 * 3 / 4 * 255 / 4)
    assert run_kappa(report(response="energy"), 4.0, 2.0) == pytest.approx(0.2 / 4 * 255**2 / 4)


# --- text


def test_text_shows_every_term_and_says_what_is_ours() -> None:
    text = bounds_text(bounds(row(), row("dataset_adaptive"), loss=0.01, kappa=2.0))
    head = " ".join(text.splitlines()[2].split())
    assert head == "Regularizer ε 2ε/μ Distances Filter Sum Thm 3.7 Thm 4.2 Vacuous Allowed ε Pays"
    assert text.startswith("Bounds on the equivariance error of restoring DIV2K (100 images), mu = 1.\n")
    plain = " ".join(text.split())
    assert "The composition of C is ours" in plain and "As printed" not in plain
    assert "F = 1, G = 0.05 per px, H = 0.01 per px² (given)" in plain
    assert "Dataset, strict rotations" in text and "Dataset, adaptive transformations" in text
    assert "with L = 0.01" in plain and "κ = 2 grey levels" in plain
    assert max(map(len, text.splitlines())) <= 110


def test_theorem_3_7_as_printed_has_a_table_of_its_own() -> None:
    text = bounds_text(bounds(row(), row("dataset_adaptive"), points=480, loss=0.01))
    head, printed = (" ".join(line.split()) for line in text.splitlines() if line.lstrip().startswith("Regularizer"))
    assert head == "Regularizer ε 2ε/μ Distances Filter Sum Thm 3.7 Thm 4.2 Vacuous"
    assert printed == "Regularizer As printed: Ĉε C₁(Dᵣ+D_R)²h² C₂(Dᵣ+Dₖ)²h² Thm 3.7"
    assert "m = 480 px" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 110


def test_scales_are_shown_where_they_vary() -> None:
    swept = bounds_text(bounds(row(), row(sigma=3.0), row(downscale=2), row(sigma=None)))
    assert "σ (px)  Downscale" in swept
    assert "Downscale" not in bounds_text(bounds())
    empty = run_bounds(replace(report(), results=()), IMAGE, lambda name, sigma: KERNEL)
    assert "Regularizer" not in bounds_text(empty)


# --- to and from JSON


def test_json_and_back() -> None:
    found = bounds(row(), row("dataset_adaptive", sigma=None), loss=0.01, kappa=2.0, points=480)
    document = json.loads(dump_json(found.to_dict()))
    assert next(iter(document)) == "schema" and document["schema"] == "symaudit.bounds/1"
    assert document["rows"][0]["bounds"][1]["total"] == found.rows[0].bounds[1].total
    assert RunBounds.from_dict(document) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "symaudit.bounds/2"}, 'schema "symaudit.bounds/2", which this version does not know'),
        ({"schema": "symaudit.report/1"}, 'schema "symaudit.report/1", expected "symaudit.bounds/1"'),
        ({"rows": {}}, r"damaged \(rows is not a list\)"),
        ({"rows": [3]}, r"damaged \(rows\[0\] is not an object\)"),
        ({"smoothness": {"value": -1, "gradient": 0, "hessian": 0}}, "the smoothness's value is -1"),
        ({"smoothness": {"value": 1}}, r"damaged \(smoothness.gradient is missing\)"),
        (
            {"colour": "red"},
            r'a field "colour" that this version does not know: it was written by a newer symaudit; update',
        ),
    ],
)
def test_damaged_documents(change: dict, message: str) -> None:
    with pytest.raises(ReportError, match=message):
        RunBounds.from_dict({**bounds().to_dict(), **change})


def test_damaged_rows_and_bounds() -> None:
    with pytest.raises(ReportError, match='has schema "None"'):
        RunBounds.from_dict([])
    document = json.loads(dump_json(bounds().to_dict()))
    with pytest.raises(ReportError, match=r"damaged \(rows\[0\].bounds is not a list\)"):
        RunBounds.from_dict({**document, "rows": [{**document["rows"][0], "bounds": {}}]})
    for terms in ({"epsilon": float("inf")}, {"epsilon": "1"}, {"epsilon": True}):
        with pytest.raises(ReportError, match=r"epsilon of 3.3 is .*compute them again with `symaudit bounds`"):
            Bound(theorem="3.3", terms=terms, trivial=16.0)
    document["rows"][0]["bounds"][0]["terms"] = [1]
    with pytest.raises(
        ReportError, match=r"damaged \(rows\[0\].bounds\[0\].terms is not an object\); compute them again"
    ):
        RunBounds.from_dict(document)


# --- errors


def test_errors() -> None:
    with pytest.raises(SettingError, match="mu must be a finite number above 0, got 0"):
        bounds(mu=0.0)
    with pytest.raises(SettingError, match="loss must be a finite number of at least 0, got -1"):
        bounds(loss=-1.0)
    with pytest.raises(SettingError, match="kappa must be a finite number of at least 0, got -1"):
        bounds(kappa=-1.0)
    for response in ("square", [], None):
        with pytest.raises(ReportError, match=r"settings name no known response \(.*\); measure again with --force"):
            bounds(response=response)


@pytest.mark.parametrize("damage", [{"epsilon": "x"}, {"epsilon": None}, {"downscale": 0}, {"visible_elements": 8}])
def test_damaged_rows_of_the_report(damage: dict) -> None:
    with pytest.raises(ReportError, match=r"the report's rows are damaged \(.*\); measure again with --force"):
        bounds(row(**damage))


def test_a_row_of_a_regularizer_without_a_kernel() -> None:
    with pytest.raises(ReportError, match=r"the report's rows are damaged \(KeyError\('tv'\)\)"):
        run_bounds(report(), IMAGE, lambda name, sigma: {}[name])
