"""Records of single images -> the rows, warnings and fingerprint of an AuditReport (SPEC 3-4)."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np

from symmetry_audit.audit._epsilon import ProfileAccumulator, symmetry_error
from symmetry_audit.audit._floor import discretisation_floor
from symmetry_audit.audit._image import ImageRecord
from symmetry_audit.audit._plan import visible_elements
from symmetry_audit.audit._run import Measurements
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.data import ImageSource
from symmetry_audit.results import AuditReport, DatasetInfo, ResultRow

__all__ = ["build_report", "untested_elements"]

# image, regularizer, scenario, sigma, downscale, response (T,)
KeepResponse = Callable[[str, str, str, float | None, int, np.ndarray], None]
MESH_SHARE = 0.2  # of relative epsilon; above it a warning names the discretisation floor
SHOWN = 5  # names in one warning


def build_report(
    source: ImageSource, settings: AuditSettings, found: Measurements, keep: KeepResponse = lambda *row: None
) -> AuditReport:
    """Reduce all records in one pass in constant memory; ``keep`` is handed every response profile."""
    accumulator, notes = ProfileAccumulator(), _Notes()
    fingerprint = hashlib.sha256()
    for record in found.records():
        profiles = _profiles(record, settings, found)
        accumulator.add(profiles)
        notes.add(record, flat=not profiles.any())
        fingerprint.update(f"{record.sha256}  {record.image}\n".encode())
        _keep_all(keep, record.image, profiles, settings)
    rows = _rows(settings, found, accumulator)
    return AuditReport(
        dataset=DatasetInfo(source.name, source.text, accumulator.count, fingerprint.hexdigest()),
        settings=settings.to_dict(),
        results=tuple(rows),
        skipped=found.skipped,
        warnings=(*notes.warnings(), *_blindness(settings, found), *_mesh(settings, rows)),
    )


def untested_elements(settings: AuditSettings, found: Measurements) -> list[int]:
    """Elements other than the identity that no regularizer of the run can tell from it."""
    seen = np.any([visible_elements(bank).any(0) for bank in found.banks], axis=0)
    return [t for t in range(1, settings.group.order) if not seen[t]]


def _profiles(record: ImageRecord, settings: AuditSettings, found: Measurements) -> np.ndarray:
    """Responses of one image, (sigmas, downscales, R, T)."""
    values = record.values.reshape(len(found.banks), len(settings.downscale), -1)
    profiles = np.stack([value[:, bank.index] for value, bank in zip(values, found.banks, strict=True)])
    return np.ascontiguousarray(profiles)  # sums round as they lie in memory, so they must always lie the same way


def _keep_all(keep: KeepResponse, image: str, profiles: np.ndarray, settings: AuditSettings) -> None:
    for s, sigma in enumerate(settings.sigmas):
        for d, factor in enumerate(settings.downscale):
            for r, stencil in enumerate(settings.stencils):
                for scenario in settings.scenarios:
                    keep(image, stencil.name, scenario, sigma, factor, profiles[s, d, r])


def _rows(settings: AuditSettings, found: Measurements, accumulator: ProfileAccumulator) -> list[ResultRow]:
    """Rows ordered by sigma, downscale, scenario, regularizer."""
    chosen = random.Random(settings.seed).randrange(len(found.images))
    selected = _profiles(found.journal.read(found.images[chosen]), settings, found)
    tested = len(untested_elements(settings, found)) < settings.group.order - 1
    angles = settings.group.angles_deg()
    mean = accumulator.mean()
    per_image = np.stack(accumulator.epsilons), np.stack(accumulator.normalized)
    makers = {
        "sample_strict": lambda at: _sample_fields(at, per_image, selected, found.images[chosen]),
        "dataset_strict": lambda at: _dataset_fields(mean[at], accumulator.mean_normalized()[at]),
    }
    rows = []
    for s, sigma in enumerate(settings.sigmas):
        visible = visible_elements(found.banks[s]).sum(1)
        for d, factor in enumerate(settings.downscale):
            for scenario in settings.scenarios:
                for r, stencil in enumerate(settings.stencils):
                    fields = makers[scenario]((s, d, r))
                    identity = float(mean[s, d, r, 0])
                    rows.append(
                        ResultRow(
                            regularizer=stencil.name,
                            scenario=scenario,
                            group=str(settings.group),
                            sigma=sigma,
                            downscale=factor,
                            relative_epsilon=fields["epsilon"] / identity if identity > 0 else None,
                            mean_response=identity,
                            worst_angle_deg=float(angles[fields["worst_element"]]),
                            tested=tested,
                            visible_elements=int(visible[r]),
                            images=accumulator.count,
                            reason=None if identity > 0 else "the mean response is 0: every image is flat",
                            **fields,
                        )
                    )
    return rows


def _sample_fields(at: tuple, per_image: tuple[np.ndarray, np.ndarray], selected: np.ndarray, name: str) -> dict:
    epsilons, normalized = per_image[0][:, *at], per_image[1][:, *at]
    usable = normalized[~np.isnan(normalized)]
    epsilon, worst = symmetry_error(selected[at])
    q25, median, q75 = np.quantile(epsilons, (0.25, 0.5, 0.75)).tolist()
    return {
        "epsilon": float(epsilons.mean()),
        "normalized_epsilon": float(usable.mean()) if len(usable) else None,
        "worst_element": int(worst),
        "selected_image": name,
        "epsilon_selected": float(epsilon),
        "median": median,
        "q25": q25,
        "q75": q75,
    }


def _dataset_fields(mean: np.ndarray, mean_normalized: np.ndarray) -> dict:
    epsilon, worst = symmetry_error(mean)
    normalized = float(symmetry_error(mean_normalized)[0])
    return {
        "epsilon": float(epsilon),
        "normalized_epsilon": None if np.isnan(normalized) else normalized,
        "worst_element": int(worst),
    }


def _blindness(settings: AuditSettings, found: Measurements) -> list[str]:
    blind = untested_elements(settings, found)
    if not blind:
        return []
    names = [str(settings.group.elements[t]) for t in blind]
    return [
        f"no regularizer of this run can tell {_some(names)} of {settings.group} from the identity, so epsilon does "
        "not test for that; --reg chiral sees half turns and mirrors"
    ]


def _mesh(settings: AuditSettings, rows: list[ResultRow]) -> list[str]:
    """Where the pixel mesh alone explains a good part of epsilon, SPEC 2's reason for the default kernel."""
    found = []
    for model in settings.models:
        for stencil in settings.stencils:
            floor = discretisation_floor(stencil, settings.group, model)
            shown = [
                row.relative_epsilon for row in rows if (row.regularizer, row.sigma) == (stencil.name, model.sigma)
            ]
            if floor > MESH_SHARE * min((value for value in shown if value), default=floor + 1):
                found.append(f"{stencil.name} {100 * floor:.2g} %")
    if not found:
        return []
    return [
        "much of epsilon may be the pixel mesh and no property of the images: an ideal isotropic field would show "
        f"{', '.join(found)} with this kernel; the gaussian of 1.5 px or wider shows next to nothing"
    ]


class _Notes:
    """What a careful analyst would want to know about the files, collected image by image."""

    def __init__(self) -> None:
        self.turned: list[str] = []
        self.floats: list[str] = []
        self.flat: list[str] = []
        self.sizes: Counter[str] = Counter()
        self.depths: Counter[str] = Counter()
        self.same_bytes: defaultdict[str, list[str]] = defaultdict(list)
        self.same_pixels: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, record: ImageRecord, flat: bool) -> None:
        self.sizes[f"{record.width} x {record.height}"] += 1
        self.depths[record.depth] += 1
        self.same_bytes[record.sha256].append(record.image)
        self.same_pixels[record.pixel_sha256].append(record.image)
        lists = ((record.turned, self.turned), (record.depth == "float", self.floats), (flat, self.flat))
        for names in (names for condition, names in lists if condition):
            names.append(record.image)

    def warnings(self) -> list[str]:
        """One sentence each, in a fixed order."""
        found = []
        if self.turned:
            found.append(f"EXIF orientation applied to {_count(self.turned)}: {_some(self.turned)}")
        found += _duplicates("byte", self.same_bytes.values())
        byte_twins = {tuple(group) for group in self.same_bytes.values()}
        found += _duplicates("pixel", (group for group in self.same_pixels.values() if tuple(group) not in byte_twins))
        for what, kinds in (("sizes", self.sizes), ("bit depths", self.depths)):
            if len(kinds) > 1:
                most = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
                found.append(f"mixed {what}: {_some([f'{kind} ({number})' for kind, number in most])}")
        if self.floats:
            where = f"{_count(self.floats)}: {_some(self.floats)}"
            found.append(f"float samples taken as they are, not scaled to 0-255, in {where}")
        if self.flat:
            where = f"{_count(self.flat)}: {_some(self.flat)}"
            found.append(f"no response at all, hence no say in the normalized epsilon, in {where}")
        return found


def _duplicates(kind: str, groups: object) -> list[str]:
    twins = [group for group in groups if len(group) > 1]
    if not twins:
        return []
    extra = sum(len(group) - 1 for group in twins)
    return [
        f"{extra} image{'s are' if extra > 1 else ' is'} {kind}-identical to another and counted again: "
        f"{_some([' = '.join(group[:SHOWN]) for group in twins])}"
    ]


def _count(names: list[str]) -> str:
    return f"{len(names)} image{'s' if len(names) > 1 else ''}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
