"""The warnings of a report about its regularizers, its kernel and what its statistics draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symmetry_audit.audit import AuditSettings
from symmetry_audit.findings._some import some
from symmetry_audit.findings._totals import Totals
from symmetry_audit.results import DATASET_STRICT, ResultRow
from symmetry_audit.wording import count

__all__ = ["blind_spots", "cluster_notes", "coarse_grid", "folder_notes", "group_notes", "untested_elements"]

FLOOR_SHARE = 0.2  # of epsilon; above it a warning names the discretization floor


def untested_elements(settings: AuditSettings, visible: Sequence[np.ndarray]) -> list[int]:
    """Elements other than the identity that no regularizer tells from it; ``visible`` (R, T) says which does, at every
    sigma."""
    seen = np.any([each.any(0) for each in visible], axis=0)
    return [t for t in range(1, settings.group.order) if not seen[t]]


def blind_spots(settings: AuditSettings, visible: Sequence[np.ndarray]) -> list[str]:
    """The elements that no regularizer of the run can see, where nothing else measures flips and half turns either."""
    blind = untested_elements(settings, visible)
    if not blind:
        return []
    names = [str(settings.group.elements[t]) for t in blind]
    return [
        f"no regularizer of this run can tell {some(names)} of {settings.group} from the identity, so epsilon does "
        "not test for that; --response rectified sees half turns and mirrors"
    ]


def coarse_grid(rows: list[ResultRow]) -> list[str]:
    """Rows where the pixel grid alone explains much of relative epsilon, which is why SPEC 2 has its default kernel."""
    dataset = [row for row in rows if row.scenario == DATASET_STRICT.name] or rows
    coarse = [
        (row, row.relative_floor)
        for row in dataset
        if row.relative_floor is not None and row.relative_floor > FLOOR_SHARE * (row.relative_epsilon or 0) > 0
    ]
    if not coarse:
        return []
    shown = dict.fromkeys(f"{row.regularizer} {100 * floor:.2g} %" for row, floor in coarse)
    return [
        "much of epsilon may come from the pixel grid and not from the images: with this kernel an ideal isotropic "
        f"field would show {', '.join(shown)}; with a gaussian kernel of 1.5 px or wider it shows almost nothing"
    ]


def cluster_notes(totals: Totals) -> list[str]:
    """What the bootstrap draws, where the images themselves decided it."""
    settings, units = totals.settings, totals.units
    if settings.clusters == "image" and settings.tile is not None:
        return [
            "intervals draw single tiles, which are not independent where they are of one picture: they tell how alike "
            "its parts are, not what another picture would show"
        ]
    if settings.clusters != "series":
        return []
    if settings.tile is not None:
        drawn = f"{units} random groups of them" if totals.drawn_in_groups else count(units, "picture")
        return [
            f"intervals draw whole pictures ({drawn} with {count(totals.images, 'tile')}), since tiles of one picture "
            "are not independent; --clusters image draws single tiles"
        ]
    if totals.drawn_in_groups:
        drawn = f"{units} random groups of series"
    else:
        drawn = count(units, "series") if units == 1 else f"{units} series"
    return [
        f"intervals draw whole series or volumes ({drawn} of {count(totals.images, 'image')}), since slices of one "
        "series are not independent; --clusters image draws single slices"
    ]


def group_notes(totals: Totals) -> list[str]:
    """That many images are drawn in groups, and what it costs."""
    if not totals.shifted_in_groups:
        return []
    groups = totals.shift_units
    return [
        f"above {totals.limit} images, intervals, tests and null levels draw random groups of images "
        f"({groups} groups of {totals.images} images here): no null level is below about "
        f"{100 / groups**0.5:.2g} % of the epsilon that it belongs to"
    ]


def folder_notes(totals: Totals) -> list[str]:
    """That some sub-folders have no numbers of their own."""
    folders = totals.folders
    if not folders.others:
        return []
    return [
        f"only the first {len(folders.sums)} sub-folders have numbers of their own; {count(folders.others, 'image')} "
        f"{'is' if folders.others == 1 else 'are'} in others"
    ]
