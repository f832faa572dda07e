"""The parts of a report beside its rows, compared with recomputed ones: the analyses and the recommendation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import degrees
from typing import Any

from symmetry_audit.groups import Affine
from symmetry_audit.results import (
    DATASET_STRICT,
    SAMPLE_STRICT,
    Answer,
    AuditReport,
    Candidate,
    CandidateValue,
    Recommendation,
    directions_of,
)
from symmetry_audit.theory import recommend

__all__ = ["P_TOLERANCE", "part_differences"]

W_TOLERANCE = 0.02  # of (a, b), and of the ratio: minima are flat
P_TOLERANCE = 0.02  # of a p-value: a few of the 999 draws are within rounding of epsilon
PAIRS = 4  # p-values of an answer are multiplied by as many at most
SHARES = ("relative_epsilon", "ci_low", "ci_high", "null_epsilon", "floor")  # of an answer
NEEDED = 0.1  # share of a number of images, which has two digits
SECTIONS = ("fits", "transfer", "leverage", "folders", "subsets", "directions")
LATER = ("directions",)  # sections that reports of earlier versions lack
ERRORS = ("epsilon_se", "relative_epsilon_se")  # fields of entries that they lack
RULE = ("images", "tolerance", "margin", "kappa", "unit")
NUMBERS = ("epsilon", "epsilon_se", "mean", "deviation")
RELATIVE_NUMBERS = ("relative_epsilon", "relative_epsilon_se")
# fields that name a candidate's value or are no share of the mean response; kappa follows from the others
NOT_RELATIVE = ("regularizer", "sigma", "downscale", "classes", "mean_response", "epsilon", "kappa_low", "kappa_high")


@dataclass(frozen=True)
class Tolerance:
    """Of the mean response: ``strict`` under rotations, ``fitted`` where a fitted w decides; ``scales`` holds the mean
    responses by (regularizer, sigma, downscale). ``former``: the old report is of the first schema, whose relative
    numbers are of another kind than the recomputed ones."""

    strict: float
    fitted: float
    scales: Mapping[tuple, float]
    former: bool = False

    def of(self, scenario: str) -> float:
        """The share allowed in a row of ``scenario``; transfer tables, which have none, are fitted."""
        return self.strict if scenario in (SAMPLE_STRICT.name, DATASET_STRICT.name) else self.fitted

    def epsilon(self, entry: Mapping[str, Any]) -> float:
        """The same for an entry of the analyses, in the unit of epsilon."""
        scale = self.scales[entry["regularizer"], entry["sigma"], entry["downscale"]]
        return self.of(entry.get("scenario", "")) * scale


def part_differences(old: AuditReport, new: AuditReport, strict: float, fitted: float) -> list[str]:
    """Where the recomputed ``new`` contradicts the analyses and the recommendation of ``old``, as sentences.

    ``strict`` and ``fitted`` are the differences allowed, as shares of the mean response. Decisions are not compared,
    since borderline values may fall on either side on another machine; they must follow from the report's own values.
    """
    scales = {_name(row): row.mean_response or 0.0 for row in new.results}
    tolerance = Tolerance(strict, fitted, scales, old.written != new.written)
    return [
        *_analyses(old.analyses, new.analyses, tolerance),
        *_answers(old.answers, new.answers, tolerance),
        *_recommendations(old, new, tolerance),
    ]


def _name(row: Any) -> tuple:
    return row.regularizer, row.sigma, row.downscale


def _analyses(old: Mapping[str, Any], new: Mapping[str, Any], tolerance: Tolerance) -> Iterator[str]:
    compare: dict[str, Callable[..., bool]] = {
        "fits": _same_fits,
        "leverage": _same_leverage,
        "directions": _same_directions,
    }
    for section in SECTIONS:
        if section in LATER and section not in old:
            continue
        before, after = old.get(section, ()), new[section]
        try:
            alike = len(before) == len(after) and all(
                compare.get(section, _same_entry)(*pair, tolerance) for pair in zip(before, after, strict=True)
            )
        except (KeyError, TypeError, ValueError, AttributeError):  # an edited report may hold anything
            alike = False
        if not alike:
            yield f'the analysis "{section}" differs from the recomputed one'


def _same_entry(old: Mapping[str, Any], new: Mapping[str, Any], tolerance: Tolerance) -> bool:
    share = tolerance.of(new.get("scenario", ""))
    limits: dict[str, float] = dict.fromkeys(NUMBERS, tolerance.epsilon(new))
    limits |= dict.fromkeys(RELATIVE_NUMBERS, share)
    new = {name: value for name, value in new.items() if name in old or name not in ERRORS}
    names = [name for name in new if not (tolerance.former and name == "relative_epsilon")]
    return old.keys() == new.keys() and all(_close(old[name], new[name], limits.get(name)) for name in names)


def _same_fits(old: Mapping[str, Any], new: Mapping[str, Any], tolerance: Tolerance) -> bool:
    flips = new["images"] // 100  # w at the limit here may be just inside on another machine
    limits = dict.fromkeys(("median_a", "median_b", "median_ratio", "mean_ratio"), W_TOLERANCE)
    limits |= {"at_limit": flips, "share_at_limit": flips / new["images"]}
    names = [name for name in new if name != "median_alpha_deg"]
    alike = old.keys() == new.keys() and all(_close(old[name], new[name], limits.get(name)) for name in names)
    return alike and _close(old["median_alpha_deg"], _median_angle(old), 1e-6)


def _same_directions(old: Mapping[str, Any], new: Mapping[str, Any], tolerance: Tolerance) -> bool:
    """An amplitude differs by at most four responses, and the share by twice that beside a single image's amplitude."""
    amplitude = 4 * tolerance.strict
    share = min(2 * amplitude / (new["single_amplitude"] or 1), 1)
    limits: dict[str, float] = dict.fromkeys(("share", "ci_low", "ci_high"), share)
    limits |= dict.fromkeys(("amplitude", "single_amplitude", "floor"), amplitude)
    # without a common direction two machines need not agree on it
    names = [name for name in new if name != "direction_deg"]
    return old.keys() == new.keys() and all(_close(old[name], new[name], limits.get(name)) for name in names)


def _median_angle(entry: Mapping[str, Any]) -> float | None:
    """The angle of the entry's own (a, b): near ratio 1 two machines need not agree on it."""
    a, b = entry["median_a"], entry["median_b"]
    return None if a is None else degrees(Affine(a, b).alpha)


def _same_leverage(old: Mapping[str, Any], new: Mapping[str, Any], tolerance: Tolerance) -> bool:
    """Whether the lists agree; among images that change epsilon equally, another machine may list others."""
    allowed = tolerance.epsilon(new)
    known = {item["image"]: item["leverage"] for item in new["images"]}
    least = min(map(abs, known.values()))
    listed = {item["image"]: item["leverage"] for item in old["images"]}
    if {**old, "images": None} != {**new, "images": None} or not len(listed) == len(old["images"]) == len(known):
        return False
    return all(
        _close(value, known[image], allowed) if image in known else _close(abs(value), least, allowed)
        for image, value in listed.items()
    )


def _answers(old: Sequence[Answer], new: Sequence[Answer], tolerance: Tolerance) -> Iterator[str]:
    """Earlier reports have none. Equal numbers have equal verdicts; others may be borderline on another machine."""
    if not old:
        return
    if [answer.transformation for answer in old] != [answer.transformation for answer in new]:
        yield "the answers are not about the transformations of the recomputed ones"
        return
    limits = dict.fromkeys(SHARES, 2 * tolerance.strict)
    for before, after in zip(old, new, strict=True):
        limits |= {"p_value": PAIRS * P_TOLERANCE, "images_needed": NEEDED * (after.images_needed or 0)}
        numbers = [(getattr(before, name), getattr(after, name), limit) for name, limit in limits.items()]
        same = all(one == other for one, other, _ in numbers)
        if not all(_close(*each) for each in numbers) or (same and before != after):
            yield f'the answer about "{after.transformation}" differs from the recomputed one'


def _recommendations(old: AuditReport, new: AuditReport, tolerance: Tolerance) -> Iterator[str]:
    before, after = old.recommendation, new.recommendation
    if tolerance.former:  # its recommendation followed another rule
        return
    if before is None or after is None:
        if before is not after:
            yield "the recommendation is missing" if before is None else "the report's rows support no recommendation"
        return
    rule, again = ({name: getattr(found, name) for name in RULE} for found in (before, after))
    if rule != again or not _same_candidates(before, after, tolerance):
        yield "the candidates of the recommendation differ from the recomputed ones"
    elif not _follows(before, old, rule):
        yield "the recommendation does not follow from its candidates"


def _follows(found: Recommendation, report: AuditReport, rule: Mapping[str, Any]) -> bool:
    """Whether the advice is what the report's own candidates and directions give."""
    try:
        directions = directions_of(report.analyses.get("directions", ()), report.first_scale)
    except (KeyError, TypeError):  # an edited report may hold anything
        return False
    return _facts(found) == _facts(recommend(found.candidates, directions=directions, answers=report.answers, **rule))


def _facts(found: Recommendation) -> Recommendation:
    """``found`` with the names and numbers of its texts in place of the texts: another version may word them anew."""
    candidates = tuple(replace(item, reason=_names_and_numbers(item.reason)) for item in found.candidates)
    notes = tuple(map(_names_and_numbers, found.notes))
    told = (_names_and_numbers(found.sentence),)
    return replace(found, sentences=told, notes=notes, candidates=candidates)


def _names_and_numbers(text: str) -> str:
    return " ".join(sorted(re.findall(r"\w*\d[\w.]*\b", text)))


def _same_candidates(old: Recommendation, new: Recommendation, tolerance: Tolerance) -> bool:
    if list(map(_about, old.candidates)) != list(map(_about, new.candidates)):
        return False
    return all(
        _close(candidate.images_needed, other.images_needed, NEEDED * (other.images_needed or 0))
        and all(
            _same_value(*pair, tolerance, tolerance.of(candidate.scenario))
            for pair in zip(candidate.values, other.values, strict=True)
        )
        for candidate, other in zip(old.candidates, new.candidates, strict=True)
    )


def _about(candidate: Candidate) -> tuple:
    names = [(*_name(value), value.classes) for value in candidate.values]
    return candidate.group, candidate.scenario, candidate.order, candidate.tested_order, names


def _same_value(old: CandidateValue, new: CandidateValue, tolerance: Tolerance, share: float) -> bool:
    scale = tolerance.scales[_name(new)]
    limits = {"epsilon": share * scale}
    if not tolerance.former:
        limits |= {name: share for name in vars(new) if name not in NOT_RELATIVE}
        limits |= {"mean_response": share * scale, "p_value": P_TOLERANCE}
    return all(_close(getattr(old, name), getattr(new, name), limit) for name, limit in limits.items())


def _close(old: Any, new: Any, limit: float | None) -> bool:
    """Whether numbers, or lists of numbers, differ by at most ``limit``; all else, and without limit, is equal."""
    if limit is None:
        return old == new
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_close(a, b, limit) for a, b in zip(old, new, strict=True))
    if not all(isinstance(value, int | float) for value in (old, new)):
        return old == new
    return abs(old - new) <= limit
