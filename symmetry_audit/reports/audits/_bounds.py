"""What the theorems promise for a run, as text for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from symmetry_audit.reports._columns import column
from symmetry_audit.reports._table import NULL, Part, Table, text_table
from symmetry_audit.results import AS_PRINTED, SCENARIOS, BoundRow, RunBounds, Scenario
from symmetry_audit.wording import count, printable

__all__ = ["bounds_text"]

PRINTED = ("mesh: regularizer", "mesh: norm", "mesh: data")  # keys of bounds.json: the terms in C1, and in C2


def bounds_text(found: RunBounds) -> str:
    """A row for every regularizer and scenario with what each term of the bounds contributes; ends in a line break.

    Bounds are integrals of squared intensities in [0, 1] over the domain; epsilon is in the unit of the run.
    """
    images = count(found.images, "image")
    caption = f"Bounds on the equivariance error of restoring {printable(found.dataset)} ({images}), mu = {found.mu:g}."
    parts = [_part(found.rows, _columns(found))] if found.rows else []
    if any(_total(row, AS_PRINTED) is not None for row in found.rows):
        parts.append(_part(found.rows, _printed_columns(found.rows)))
    return text_table(Table(caption, tuple(parts), _notes(found)))


def _part(rows: Sequence[BoundRow], columns: dict[str, list[str]]) -> Part:
    """Blocks by scenario; sigma and downscale are shown where they vary."""
    scales = {"σ (px)": [row.sigma for row in rows], "Downscale": [row.downscale for row in rows]}
    swept = {title: values for title, values in scales.items() if len(set(values)) > 1}
    columns = {
        "Regularizer": [printable(row.regularizer) for row in rows],
        **{title: [NULL if value is None else f"{value:g}" for value in values] for title, values in swept.items()},
        **columns,
    }
    lines = list(zip(*columns.values(), strict=True))
    blocks = {row.scenario: [] for row in rows}
    for row, line in zip(rows, lines, strict=True):
        blocks[row.scenario].append(line)
    titles = {name: Scenario.named(name).title if name in SCENARIOS else printable(name) for name in blocks}
    titled = tuple((titles[name], tuple(block)) for name, block in blocks.items())
    return Part(tuple(columns), 1, titled)


def _columns(found: RunBounds) -> dict[str, list[str]]:
    """What each term contributes, with the constants derived here."""
    rows = found.rows
    return {
        "ε": column([row.epsilon for row in rows]),
        "2ε/μ": column([_terms(row, "epsilon") for row in rows]),
        "Distances": column([_terms(row, "mesh: norm", "mesh: data") for row in rows]),
        "Filter": column([_terms(row, "mesh: filter") for row in rows]),
        "Sum": column([_terms(row, "mesh: sum") for row in rows]),
        **{f"Thm {name}": column([_total(row, name) for row in rows]) for name in _theorems(rows)},
        "Vacuous": [_vacuous(row) for row in rows],
        **_kappa_columns(found),
    }


def _printed_columns(rows: Sequence[BoundRow]) -> dict[str, list[str]]:
    """What each term of Theorem 3.7 contributes as printed."""
    return {
        "As printed: Ĉε": column([_terms(row, "epsilon", theorem=AS_PRINTED) for row in rows]),
        "C₁(Dᵣ+D_R)²h²": column([_terms(row, PRINTED[0], theorem=AS_PRINTED) for row in rows]),
        "C₂(Dᵣ+Dₖ)²h²": column([_terms(row, *PRINTED[1:], theorem=AS_PRINTED) for row in rows]),
        "Thm 3.7": column([_total(row, AS_PRINTED) for row in rows]),
    }


def _theorems(rows: Sequence[BoundRow]) -> list[str]:
    """Theorem 3.3 is its only term, which has a column anyway; the printed one has a table of its own."""
    named = dict.fromkeys(bound.theorem for row in rows for bound in row.bounds)
    return [name for name in named if name in ("3.7", "4.2")]


def _terms(row: BoundRow, *names: str, theorem: str = "3.7") -> float:
    """The sum of these terms of a theorem."""
    terms = next((bound.terms for bound in row.bounds if bound.theorem == theorem), {})
    return sum(terms.get(name, 0.0) for name in names)


def _total(row: BoundRow, theorem: str) -> float | None:
    return next((bound.total for bound in row.bounds if bound.theorem == theorem), None)


def _vacuous(row: BoundRow) -> str:
    return ", ".join(bound.theorem for bound in row.bounds if bound.vacuous) or "none"


def _kappa_columns(found: RunBounds) -> dict[str, list[str]]:
    if found.kappa is None:
        return {}
    pays = {None: NULL, True: "yes", False: "no"}
    return {
        "Allowed ε": column([row.allowed_epsilon for row in found.rows]),
        "Pays": [pays[row.pays] for row in found.rows],
    }


def _notes(found: RunBounds) -> tuple[str, ...]:
    trivial = 4 * found.smoothness.value**2 * found.area
    of = found.smoothness
    return (
        "Bounded: the squared difference between restoring a rotated image and rotating the restored image, for the "
        "energy (mu/2) ||x - y||² + R(x), integrated over the domain of radius 1, with intensities in [0, 1]. "
        f"ε is in {found.unit}. A bound above the trivial bound, {trivial:.3g}, says nothing: it is vacuous.",
        "Theorem 3.3, in the continuum: 2ε/μ. Theorem 3.7, on the pixel grid: 2ε/μ + C h². C h² has three parts: "
        "distances (sums for integrals of squared differences), filter (the sampled kernel) and sum (of responses over "
        "the grid). The composition of C is ours.",
        *_printed_note(found),
        f"C is computed from F = {of.value:.3g}, G = {of.gradient:.3g} per px, H = {of.hessian:.3g} per px² "
        f"({printable(of.estimator)}); on the domain these are G/h and H/h², and h cancels in C h².",
        *(() if found.loss is None else (f"Theorem 4.2: 2L + 2C h² + 4ε/μ with L = {found.loss:g}.",)),
        *_kappa_note(found),
    )


def _printed_note(found: RunBounds) -> tuple[str, ...]:
    if found.points is None:
        return ()
    return (
        "As printed: the constants C₁, C₂ and Ĉ of arXiv 2605.13744 (supplement, SM5), without blur, h = 2/m, "
        f"m = {found.points} px, for ||x - y||² + (2/mu) R(x). Its mean R is multiplied by (1 + D_R)², because R is "
        "an integral here. Its μ is half of ours, so Ĉε is twice 2ε/μ. Its first term allows for a kernel as wide as "
        "the domain, is stated for responses without absolute values, and grows about as m².",
    )


def _kappa_note(found: RunBounds) -> tuple[str, ...]:
    if found.kappa is None:
        return ()
    return (
        f"κ = {found.kappa:.4g} {found.unit}: a group pays if its ε is below the allowed ε, which is κ(1 - 1/√t) "
        "minus the fitting term and the measured floor (Eq. (46)). t counts the elements that the regularizer tells "
        "apart.",
    )
