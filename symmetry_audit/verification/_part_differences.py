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
from symmetry_audit.verification._tolerance import Tolerance

__all__ = ["part_differences"]

PAIRS = 4  # p-values of an answer are multiplied by as many at most
SHARES = ("relative_epsilon", "ci_low", "ci_high", "null_epsilon", "floor")  # of an answer
SECTIONS = ("fits", "transfer", "leverage", "folders", "subsets", "directions")
LATER = ("directions",)  # sections that reports of earlier versions lack
ERRORS = ("epsilon_se", "relative_epsilon_se")  # fields of entries that they lack
RULE = ("images", "tolerance", "margin", "kappa", "unit")
NUMBERS = ("epsilon", "epsilon_se", "mean", "deviation")
RELATIVE_NUMBERS = ("relative_epsilon", "relative_epsilon_se")
# fields that name a candidate's value or are no share of the mean response; kappa follows from the others
NOT_RELATIVE = ("regularizer", "sigma", "downscale", "classes", "mean_response", "epsilon", "kappa_low", "kappa_high")


@dataclass(frozen=True)
class _Allowed:
    """The ``tolerance`` and what it is of: ``scales`` holds the mean responses by (regularizer, sigma, downscale).
    ``former``: the old report is of the first schema, whose relative numbers are of another kind than the recomputed
    ones."""

    tolerance: Tolerance
    scales: Mapping[tuple, float]
    former: bool = False

    def of(self, scenario: str, images: int | None = None) -> float:
        """The share allowed in a row of ``scenario``, of so many ``images`` where it is not of all; transfer tables,
        which have none, are fitted."""
        tolerance = self.tolerance if images is None else self.tolerance.over(images)
        return tolerance.strict if scenario in (SAMPLE_STRICT.name, DATASET_STRICT.name) else tolerance.fitted

    def close(self, old: Any, new: Any, limit: float | None) -> bool:
        """``Tolerance.allows``."""
        return self.tolerance.allows(old, new, limit)

    def epsilon(self, entry: Mapping[str, Any]) -> float:
        """The same for an entry of the analyses, in the unit of epsilon."""
        scale = self.scales[entry["regularizer"], entry["sigma"], entry["downscale"]]
        return self.of(entry.get("scenario", ""), _images(entry)) * scale


def part_differences(old: AuditReport, new: AuditReport, tolerance: Tolerance) -> list[str]:
    """Where the recomputed ``new`` contradicts the analyses and the recommendation of ``old``, as sentences.

    Numbers may differ by the ``tolerance``. Decisions are not compared, since borderline values may fall on either side
    on another machine; they must follow from the report's own values.
    """
    scales = {_name(row): row.mean_response or 0.0 for row in new.results}
    allowed = _Allowed(tolerance, scales, old.written != new.written)
    return [
        *_analyses(old.analyses, new.analyses, allowed),
        *_answers(old.answers, new.answers, tolerance),
        *_recommendations(old, new, allowed),
    ]


def _name(row: Any) -> tuple:
    return row.regularizer, row.sigma, row.downscale


def _images(entry: Mapping[str, Any]) -> int | None:
    """Of how many images an entry of the folders is."""
    found = entry.get("images")
    return found if isinstance(found, int) else None


def _analyses(old: Mapping[str, Any], new: Mapping[str, Any], allowed: _Allowed) -> Iterator[str]:
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
                compare.get(section, _same_entry)(*pair, allowed) for pair in zip(before, after, strict=True)
            )
        except (KeyError, TypeError, ValueError, AttributeError):  # an edited report may hold anything
            alike = False
        if not alike:
            yield f'the analysis "{section}" differs from the recomputed one'


def _same_entry(old: Mapping[str, Any], new: Mapping[str, Any], allowed: _Allowed) -> bool:
    share = allowed.of(new.get("scenario", ""), _images(new))
    limits: dict[str, float] = dict.fromkeys(NUMBERS, allowed.epsilon(new))
    limits |= dict.fromkeys(RELATIVE_NUMBERS, share)
    new = {name: value for name, value in new.items() if name in old or name not in ERRORS}
    names = [name for name in new if not (allowed.former and name == "relative_epsilon")]
    return old.keys() == new.keys() and all(allowed.close(old[name], new[name], limits.get(name)) for name in names)


def _same_fits(old: Mapping[str, Any], new: Mapping[str, Any], allowed: _Allowed) -> bool:
    flips = int(allowed.tolerance.flips * new["images"])  # w at the limit here may be just inside on another machine
    limits = dict.fromkeys(("median_a", "median_b", "median_ratio", "mean_ratio"), allowed.tolerance.w)
    limits |= {"at_limit": flips, "share_at_limit": flips / new["images"]}
    if allowed.tolerance.same:
        limits["median_alpha_deg"] = allowed.tolerance.w
    names = [name for name in new if name in limits or name != "median_alpha_deg"]
    alike = old.keys() == new.keys() and all(allowed.close(old[name], new[name], limits.get(name)) for name in names)
    return alike and allowed.close(old["median_alpha_deg"], _median_angle(old), 1e-6)


def _same_directions(old: Mapping[str, Any], new: Mapping[str, Any], allowed: _Allowed) -> bool:
    """An amplitude differs by at most four responses, and the share by twice that beside a single image's amplitude."""
    amplitude = 4 * allowed.tolerance.strict
    share = min(2 * amplitude / (new["single_amplitude"] or 1), 1)
    limits: dict[str, float] = dict.fromkeys(("share", "ci_low", "ci_high"), share)
    limits |= dict.fromkeys(("amplitude", "single_amplitude", "floor"), amplitude)
    if allowed.tolerance.same:
        limits["direction_deg"] = 0.0
    # without a common direction two machines need not agree on it
    names = [name for name in new if name in limits or name != "direction_deg"]
    return old.keys() == new.keys() and all(allowed.close(old[name], new[name], limits.get(name)) for name in names)


def _median_angle(entry: Mapping[str, Any]) -> float | None:
    """The angle of the entry's own (a, b): near ratio 1 two machines need not agree on it."""
    a, b = entry["median_a"], entry["median_b"]
    return None if a is None else degrees(Affine(a, b).alpha)


def _same_leverage(old: Mapping[str, Any], new: Mapping[str, Any], allowed: _Allowed) -> bool:
    """Whether the lists agree; among images that change epsilon equally, another machine may list others."""
    limit = allowed.epsilon(new)
    known = {item["image"]: item["leverage"] for item in new["images"]}
    least = min(map(abs, known.values()))
    listed = {item["image"]: item["leverage"] for item in old["images"]}
    if {**old, "images": None} != {**new, "images": None} or not len(listed) == len(old["images"]) == len(known):
        return False
    return all(
        allowed.close(value, known[image], limit) if image in known else allowed.close(abs(value), least, limit)
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
        limits |= {"p_value": PAIRS * tolerance.p_value, "images_needed": tolerance.needed * (after.images_needed or 0)}
        numbers = [(getattr(before, name), getattr(after, name), limit) for name, limit in limits.items()]
        same = all(one == other for one, other, _ in numbers)
        if not all(tolerance.allows(*each) for each in numbers) or (same and before != after):
            yield f'the answer about "{after.transformation}" differs from the recomputed one'


def _recommendations(old: AuditReport, new: AuditReport, allowed: _Allowed) -> Iterator[str]:
    before, after = old.recommendation, new.recommendation
    if allowed.former:  # its recommendation followed another rule
        return
    if before is None or after is None:
        if before is not after:
            yield "the recommendation is missing" if before is None else "the report's rows support no recommendation"
        return
    rule, again = ({name: getattr(found, name) for name in RULE} for found in (before, after))
    if rule != again or not _same_candidates(before, after, allowed):
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


def _same_candidates(old: Recommendation, new: Recommendation, allowed: _Allowed) -> bool:
    if list(map(_about, old.candidates)) != list(map(_about, new.candidates)):
        return False
    return all(
        allowed.close(
            candidate.images_needed, other.images_needed, allowed.tolerance.needed * (other.images_needed or 0)
        )
        and all(
            _same_value(*pair, allowed, allowed.of(candidate.scenario))
            for pair in zip(candidate.values, other.values, strict=True)
        )
        for candidate, other in zip(old.candidates, new.candidates, strict=True)
    )


def _about(candidate: Candidate) -> tuple:
    names = [(*_name(value), value.classes) for value in candidate.values]
    return candidate.group, candidate.scenario, candidate.order, candidate.tested_order, names


def _same_value(old: CandidateValue, new: CandidateValue, allowed: _Allowed, share: float) -> bool:
    scale = allowed.scales[_name(new)]
    limits = {"epsilon": share * scale}
    if not allowed.former:
        limits |= {name: share for name in vars(new) if name not in NOT_RELATIVE}
        limits |= {"mean_response": share * scale, "p_value": allowed.tolerance.p_value}
    if allowed.tolerance.same:
        limits |= dict.fromkeys(("kappa_low", "kappa_high"), 0.0)
    return all(allowed.close(getattr(old, name), getattr(new, name), limit) for name, limit in limits.items())
