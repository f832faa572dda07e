"""Every subgroup of the run's group as a candidate for a network, with its measured values (SPEC 8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from symmetry_audit.audit import elements_apart, first_scale
from symmetry_audit.findings._controls import ControlTotals
from symmetry_audit.findings._relative import resampled_error
from symmetry_audit.findings._totals import Totals
from symmetry_audit.groups import IDENTITY, Affine, Group
from symmetry_audit.kernels import KernelModel, Stencil, sampled_kernels, sees_sign, window_radius
from symmetry_audit.results import DATASET_ADAPTIVE, DATASET_STRICT, Candidate, CandidateValue, Scenario
from symmetry_audit.statistics import (
    images_to_show,
    null_level,
    p_value,
    percentile_interval,
    relative_error,
    subgroup_error,
)

__all__ = ["candidates", "spectral_classes"]

MIRROR_CONTRAST = 0.05  # relative: where single images differ less from their mirror images, nothing tests mirrors


def candidates(totals: Totals, floors: Mapping[str, np.ndarray]) -> tuple[Candidate, ...]:
    """All candidates at the first scale, strict ones first; ``floors`` maps dataset scenarios to mean profiles (R, T)
    of an ideal field. Empty where the run has no dataset rows."""
    settings = totals.settings
    classes = _classes(totals)
    listed = []
    for scenario in (DATASET_STRICT, DATASET_ADAPTIVE):
        if scenario.name not in settings.scenarios:
            continue
        for group in settings.group.subgroups():
            if scenario.adaptive and group.order == 1:
                continue
            elements = settings.group.indices_of(group)
            labels = [row[elements] for row in classes]
            listed.append(
                Candidate(
                    group=str(group),
                    scenario=scenario.name,
                    order=group.order,
                    tested_order=len(np.unique(np.stack(labels), axis=1).T),
                    values=tuple(_values(totals, scenario, group, elements, labels, floors[scenario.name])),
                    images_needed=_images_needed(totals, scenario, group, labels, floors[scenario.name]),
                )
            )
    return tuple(listed)


def _values(
    totals: Totals, scenario: Scenario, group: Group, elements: np.ndarray, labels: list[np.ndarray], floor: np.ndarray
) -> Iterator[CandidateValue]:
    """The values of each regularizer for one candidate."""
    settings = totals.settings
    mean, (sigma, factor) = totals.mean(scenario.profile)[0], first_scale(settings)
    errors, relative = subgroup_error(mean, elements), relative_error(mean, elements)
    resamples = resampled_error(totals.resamples(scenario.profile)[:, 0], elements) if totals.units > 1 else None
    shifted = _shifted(totals, scenario, group)
    null = _null(totals, scenario, elements, shifted)
    for r, stencil in enumerate(settings.stencils):
        if not mean[r].any():  # it sees nothing in these images
            continue
        about = {
            "regularizer": stencil.name,
            "sigma": sigma,
            "downscale": factor,
            "classes": len(np.unique(labels[r])),
            "mean_response": float(mean[r, elements].mean()),
            "epsilon": float(errors[r]),
        }
        if np.isnan(relative[r]):  # none of the group's own elements responds
            yield CandidateValue(**about, relative_epsilon=None)
            continue
        fields: dict[str, Any] = {}
        if resamples is not None:
            low, high = percentile_interval(resamples[:, r])
            fields |= {"ci_low": float(low), "ci_high": float(high)}
        if null is not None:
            fields["null_epsilon"] = float(null[r])
        if shifted is not None:
            fields["p_value"] = float(p_value(relative[r], shifted[:, r]))
        if scenario.adaptive and stencil.directed and totals.controls and totals.controls.measured("held_out"):
            fields |= _held_out(totals.controls, elements, r)
        yield CandidateValue(
            **about,
            relative_epsilon=float(relative[r]),
            floor=float(relative_error(floor[r], elements)),
            **fields,
        )


def _shifted(totals: Totals, scenario: Scenario, group: Group) -> np.ndarray | None:
    """Relative epsilons (B, R) of datasets that have the symmetry, by random shifts; None for adaptive candidates."""
    draws = None if scenario.adaptive else totals.draws.get(group)
    return None if draws is None else relative_error(draws.means()[:, 0])


def _null(totals: Totals, scenario: Scenario, elements: np.ndarray, shifted: np.ndarray | None) -> np.ndarray | None:
    """The relative epsilon expected by chance, (R,): from random shifts, or from fitted isotropic fields."""
    if scenario.adaptive:
        controls = totals.controls
        if controls is None or not controls.measured("null"):
            return None
        # a single field says nothing of more images
        level = controls.null_level(resampled_error, elements)[0][0]
        return None if np.isnan(level).any() else level
    return None if shifted is None else null_level(shifted)


def _images_needed(
    totals: Totals, scenario: Scenario, group: Group, labels: list[np.ndarray], floor: np.ndarray
) -> int | None:
    """How many images of this spread would show the group symmetric; None for adaptive and untested candidates."""
    draws = None if scenario.adaptive else totals.draws.get(group)
    seen = [r for r, row in enumerate(labels) if len(np.unique(row)) > 1 and totals.mean("strict")[0, r].any()]
    if draws is None or not seen:
        return None
    floors = relative_error(floor[seen], totals.settings.group.indices_of(group))
    return images_to_show(draws.means()[:, 0][:, seen], totals.images, floors=floors)


def _held_out(controls: ControlTotals, elements: np.ndarray, r: int) -> dict[str, float]:
    strict, adaptive = (profiles[0, r] for profiles in (controls.base("held_out"), controls.mean("held_out")))
    if not (strict[elements].any() and adaptive[elements].any()):
        return {}
    fields = {
        "held_out_epsilon": float(relative_error(adaptive, elements)),
        "held_out_strict_epsilon": float(relative_error(strict, elements)),
    }
    if controls.units > 1:
        strict, adaptive = (resampled_error(means[:, 0, r], elements) for means in controls.held_out_resamples())
        low, high = percentile_interval(strict - adaptive)
        fields |= {"held_out_gain_low": float(low), "held_out_gain_high": float(high)}
    return fields


def _classes(totals: Totals) -> list[np.ndarray]:
    """For every regularizer, which elements of the run's group it can tell apart: labels (T,), equal if it cannot.

    Kernels that differ in phase alone, as half turns of an asymmetric stencil do, respond alike to every Gaussian
    field, so they count as equal; and mirrors count as seen only where single images differ from their mirror images.
    Responses that see a kernel's sign are there to see just that: for them all kernels count that differ.
    """
    settings = totals.settings
    if sees_sign(settings.response):
        return list(elements_apart(settings, settings.models[0], totals.bodies))
    contrast = totals.contrast[0] / totals.images
    turns = settings.group.rotations
    # what a deformation tells apart, a stronger one does too
    classes, body = [], max(totals.bodies, key=lambda affine: affine.ratio)
    for r, stencil in enumerate(settings.stencils):
        labels = spectral_classes(stencil, settings.group, settings.models[0], body)
        if settings.group.mirrored and contrast[r] < MIRROR_CONTRAST:
            labels = np.concatenate([labels[:turns], labels[:turns]])
        classes.append(labels)
    return classes


def spectral_classes(stencil: Stencil, group: Group, model: KernelModel, affine: Affine = IDENTITY) -> np.ndarray:
    """Labels (T,) of the elements of ``group``, deformed by ``affine``: equal where the kernels' power spectra are."""
    matrices = affine.conjugate(group.matrices())
    kernels = sampled_kernels(stencil, matrices, model, window_radius(stencil, model, affine.ratio))
    side = 2 * kernels.shape[1]
    power = np.square(np.abs(np.fft.rfft2(kernels, (side, side)))).reshape(len(kernels), -1)
    labels = np.full(len(power), -1)
    for t, spectrum in enumerate(power):
        if labels[t] < 0:
            same = np.abs(power - spectrum).max(1) <= 1e-9 * np.abs(spectrum).max()
            labels[same & (labels < 0)] = t
    return labels
