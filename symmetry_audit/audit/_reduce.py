"""Records of single images -> the rows, tables, warnings and fingerprint of an AuditReport (SPEC 3-8)."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np

from symmetry_audit.audit._analyses import LeverageList, analyses
from symmetry_audit.audit._candidates import candidates
from symmetry_audit.audit._collect import Collected, collector
from symmetry_audit.audit._epsilon import symmetry_error
from symmetry_audit.audit._fit_rows import fit_rows
from symmetry_audit.audit._floor import mean_floors, relative_error
from symmetry_audit.audit._image import ImageRecord
from symmetry_audit.audit._plan import visible_elements
from symmetry_audit.audit._rows import RowMaker
from symmetry_audit.audit._run import Measurements
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._tables import ImageTables, TableLayout, scales
from symmetry_audit.data import ImageSource, set_fingerprint
from symmetry_audit.results import AffineFit, AuditReport, DatasetInfo, FailedFit, Recommendation, ResultRow
from symmetry_audit.statistics import leave_one_out
from symmetry_audit.theory import recommend

__all__ = ["build_report", "untested_elements"]

# image, regularizer, scenario, sigma, downscale, response (T,), leverage
KeepResponse = Callable[[str, str, str, float | None, int, np.ndarray, float], None]
KeepFit = Callable[[AffineFit | FailedFit], None]
PROFILES = {"sample_strict": "strict", "dataset_strict": "strict", "dataset_adaptive": "adaptive"}
MESH_SHARE = 0.2  # of relative epsilon; above it a warning names the discretisation floor
SHOWN = 5  # names in one warning


def build_report(
    source: ImageSource,
    settings: AuditSettings,
    found: Measurements,
    keep: KeepResponse = lambda *row: None,
    keep_fit: KeepFit = lambda fit: None,
) -> AuditReport:
    """Reduce all records in constant memory: one pass for the sums, one for what needs them.

    ``keep`` is handed every response profile with its leverage, ``keep_fit`` every fit.
    """
    layout = TableLayout.of(settings, found.banks)
    collected, notes = collector(settings, found.images, found.pixel_hashes), _Notes()
    files = []
    for record in found.records():
        tables = layout.tables(record)
        collected.add(record.image, tables, record.arrays["spectrum"])
        notes.add(record, flat=not tables.profiles["strict"].any())
        files.append((record.sha256, record.image))
    leverage = LeverageList()
    means = {name: collected.mean(PROFILES[name]) for name in settings.scenarios}
    means["sample_strict"] = np.mean(collected.strict.epsilons, axis=0)
    for record in found.records():
        tables = layout.tables(record)
        _keep_all(keep, leverage, record.image, tables, collected, means)
        for fit in fit_rows(record.image, tables, settings):
            keep_fit(fit)
    floors = mean_floors(collected)
    rows = list(_maker(settings, found, collected, layout, floors).rows())
    return AuditReport(
        dataset=DatasetInfo(source.name, source.text, collected.images, set_fingerprint(files)),
        settings=settings.to_dict(),
        results=tuple(rows),
        skipped=found.skipped,
        warnings=(*notes.warnings(), *_blindness(settings, found), *_mesh(rows)),
        analyses=analyses(collected, leverage, _source_names(settings)),
        recommendation=_recommendation(collected, floors),
    )


def _maker(
    settings: AuditSettings,
    found: Measurements,
    collected: Collected,
    layout: TableLayout,
    floors: dict[str, np.ndarray],
) -> RowMaker:
    chosen = found.images[random.Random(settings.seed).randrange(len(found.images))]
    visible = np.stack([visible_elements(bank).sum(1) for bank in found.banks for _ in settings.downscale])
    sources = _source_names(settings)
    return RowMaker(
        collected=collected,
        selected=layout.tables(found.journal.read(chosen)).profiles["strict"],
        selected_name=chosen,
        visible=visible,
        tested=len(untested_elements(settings, found)) < settings.group.order - 1,
        floors={name: np.apply_along_axis(relative_error, -1, profile) for name, profile in floors.items()},
        fits=tuple(sources[f] for f in layout.own),
    )


def _source_names(settings: AuditSettings) -> tuple[str, ...]:
    if not settings.adaptive:
        return ()
    from symmetry_audit.audit._adaptive import fit_sources

    return tuple(source.name for source in fit_sources(settings))


def _recommendation(collected: Collected, floors: dict[str, np.ndarray]) -> Recommendation | None:
    """The group that the dataset rows support, None where there are none."""
    found = candidates(collected, {name: profile[0] for name, profile in floors.items()})
    if not found:
        return None
    unit = "grey levels" if collected.settings.response == "abs" else "squared grey levels"
    return recommend(found, images=collected.images, unit=unit)


def untested_elements(settings: AuditSettings, found: Measurements) -> list[int]:
    """Elements other than the identity that no regularizer of the run can tell from it."""
    seen = np.any([visible_elements(bank).any(0) for bank in found.banks], axis=0)
    return [t for t in range(1, settings.group.order) if not seen[t]]


def _keep_all(
    keep: KeepResponse,
    top: LeverageList,
    image: str,
    tables: ImageTables,
    collected: Collected,
    means: dict[str, np.ndarray],
) -> None:
    """Hand on every profile of one image with its leverage on the epsilon of its row; ``means`` by scenario."""
    settings, images = collected.settings, collected.images
    for scenario in settings.scenarios:
        profiles = tables.profiles[PROFILES[scenario]]
        if scenario == "sample_strict":  # a mean over images of single epsilons
            leverage = (symmetry_error(profiles)[0] - means[scenario]) / max(images - 1, 1)
        else:
            leverage = leave_one_out(means[scenario], images, profiles)
        for s, (sigma, factor) in enumerate(scales(settings)):
            for r, stencil in enumerate(settings.stencils):
                value = float(leverage[s, r])
                keep(image, stencil.name, scenario, sigma, factor, profiles[s, r], value)
                top.add((scenario, stencil.name, sigma, factor), image, value)


def _blindness(settings: AuditSettings, found: Measurements) -> list[str]:
    blind = untested_elements(settings, found)
    if not blind:
        return []
    names = [str(settings.group.elements[t]) for t in blind]
    return [
        f"no regularizer of this run can tell {_some(names)} of {settings.group} from the identity, so epsilon does "
        "not test for that; --reg chiral sees half turns and mirrors"
    ]


def _mesh(rows: list[ResultRow]) -> list[str]:
    """Where the pixel mesh alone explains a good part of epsilon, SPEC 2's reason for the default kernel."""
    dataset = [row for row in rows if row.scenario == "dataset_strict"] or rows
    found = [row for row in dataset if row.floor is not None and row.floor > MESH_SHARE * row.epsilon > 0]
    if not found:
        return []
    shown = dict.fromkeys(f"{row.regularizer} {100 * row.floor / row.mean_response:.2g} %" for row in found)
    return [
        "much of epsilon may be the pixel mesh and no property of the images: an ideal isotropic field would show "
        f"{', '.join(shown)} with this kernel; the gaussian of 1.5 px or wider shows next to nothing"
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
