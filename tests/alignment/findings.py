"""Alignments and audits with given numbers."""

from __future__ import annotations

import numpy as np

from symmetry_audit.groups import Group
from symmetry_audit.results import (
    Alignment,
    AuditReport,
    DatasetInfo,
    EvaluatedModel,
    ImageAlignment,
    ResultRow,
    ScenarioAlignment,
)

CONTRAST = 2500.0


def alignment(group, relative, floor=(), *, scenarios=("dataset_strict",), model_group=None, contrast=CONTRAST):
    """One whose relative errors and floors, by element, are given; two images, of half and three halves the squares."""
    group = Group.parse(group)
    floor = floor or (0.0,) * group.order
    error, floor = ([contrast * value**2 for value in row] for row in (relative, floor))
    images = tuple(
        ImageAlignment(
            image=f"{share}.png",
            side=64,
            pixels=100,
            error=tuple(share * value for value in error),
            floor=tuple(share * value for value in floor),
            contrast=(contrast,) * group.order,
        )
        for share in (0.5, 1.5)
    )
    return Alignment(
        model=EvaluatedModel(name="runs/a", group=model_group, parameters=5),
        task={"name": "sr", "scale": 2},
        task_text="super-resolution x2",
        data=DatasetInfo("Set5", "data/Set5", 2, "f" * 64),
        seed=0,
        group=str(group),
        elements=tuple(map(str, group.elements)),
        angles_deg=tuple(group.angles_deg().tolist()),
        mirrored=tuple(element.mirrored for element in group.elements),
        settings={"crop": 256, "margin": None, "scale": 2, "device": "cpu"},
        scenarios=tuple(ScenarioAlignment(scenario=name, images=images) for name in scenarios),
    )


def audit(group, profiles, *, floor=0.0, null=0.0, recommendation=None, scenarios=("dataset_strict",)):
    """The report of an audit and its ``profiles``, f_A by regularizer, under the keys that a folder has."""
    group = Group.parse(group)
    keys, rows = {}, []
    for scenario in scenarios:
        for name, profile in profiles.items():
            keys[scenario, name, 1.5, 1] = np.array(profile, dtype=float)
            rows.append(row(scenario, name, group, profile, floor, null))
    settings = {
        "group": str(group),
        "sigma": [1.5],
        "downscale": [1],
        "regularizers": [{"name": name, "title": name.upper()} for name in profiles],
    }
    info = DatasetInfo("Photos", "photos", 9, "e" * 64)
    return AuditReport(info, settings, tuple(rows), recommendation=recommendation), keys


def row(scenario, name, group, profile, floor, null):
    worst = int(np.argmax(np.abs(np.array(profile) - profile[0])))
    epsilon, mean = abs(profile[worst] - profile[0]), sum(profile) / len(profile)
    return ResultRow(
        regularizer=name,
        scenario=scenario,
        group=str(group),
        sigma=1.5,
        downscale=1,
        epsilon=epsilon,
        relative_epsilon=(max(profile) - min(profile)) / mean,
        normalized_epsilon=None,
        mean_response=mean,
        identity_response=profile[0],
        worst_element=worst,
        worst_angle_deg=0.0,
        tested=True,
        visible_elements=group.order - 1,
        images=9,
        floor=floor,
        null_epsilon=null,
    )
