"""Records of single images -> the rows, tables, warnings and fingerprint of an AuditReport (SPEC 3-8)."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np

from symmetry_audit.audit import (
    AuditSettings,
    ImageRecord,
    ImageTables,
    Measurements,
    TableLayout,
    fit_rows,
    fit_sources,
    scales,
    visible_elements,
)
from symmetry_audit.data import ImageSource, set_fingerprint
from symmetry_audit.findings._analyses import LeverageList, analyses
from symmetry_audit.findings._candidates import candidates
from symmetry_audit.findings._floor import mean_floors, relative_error
from symmetry_audit.findings._rows import RowMaker
from symmetry_audit.findings._totals import Totals, empty_totals
from symmetry_audit.results import (
    DATASET_STRICT,
    EPSILON_UNITS,
    AffineFit,
    AuditReport,
    DatasetInfo,
    FailedFit,
    Recommendation,
    ResultRow,
    Scenario,
)
from symmetry_audit.statistics import leave_one_out, symmetry_error
from symmetry_audit.theory import recommend
from symmetry_audit.wording import count

__all__ = ["build_report", "untested_elements"]

# image, regularizer, scenario, sigma, downscale, response (T,), leverage
KeepResponse = Callable[[str, str, str, float | None, int, np.ndarray, float], None]
KeepFit = Callable[[AffineFit | FailedFit], None]
MESH_SHARE = 0.2  # of relative epsilon; above it a warning names the discretisation floor
SHOWN = 5  # names in one warning


def build_report(
    source: ImageSource,
    settings: AuditSettings,
    measured: Measurements,
    keep: KeepResponse = lambda *row: None,
    keep_fit: KeepFit = lambda fit: None,
) -> AuditReport:
    """Reduce all records in constant memory: one pass for the sums, one for what needs them.

    ``keep`` is handed every response profile with its leverage, ``keep_fit`` every fit.
    """
    layout = TableLayout.of(settings, measured.banks)
    totals, notes = empty_totals(settings, measured.images, measured.pixel_hashes), _Notes()
    files = []
    for record, tables in layout.read(measured.records()):
        totals.add(record.image, tables, record.arrays["spectrum"])
        notes.add(record, flat=not tables.profiles["strict"].any())
        files.append((record.sha256, record.image))
    leverage = LeverageList()
    means = {name: _mean(totals, Scenario.named(name)) for name in settings.scenarios}
    for record, tables in layout.read(measured.records()):
        _keep_all(keep, leverage, record.image, tables, totals, means)
        for fit in fit_rows(record.image, tables, settings):
            keep_fit(fit)
    floors = mean_floors(totals)
    rows = list(_maker(settings, measured, totals, layout, floors).rows())
    return AuditReport(
        dataset=DatasetInfo(source.name, source.text, totals.images, set_fingerprint(files)),
        settings=settings.to_dict(),
        results=tuple(rows),
        skipped=measured.skipped,
        warnings=(*notes.warnings(), *_blindness(settings, measured), *_mesh(rows)),
        analyses=analyses(totals, leverage, _source_names(settings)),
        recommendation=_recommendation(totals, floors),
    )


def _mean(totals: Totals, scenario: Scenario) -> np.ndarray:
    """What leverage is measured from: the mean profile (S, R, T), or the mean of the images' own epsilons (S, R)."""
    return np.mean(totals.strict.epsilons, axis=0) if scenario.single else totals.mean(scenario.profile)


def _maker(
    settings: AuditSettings,
    measured: Measurements,
    totals: Totals,
    layout: TableLayout,
    floors: dict[str, np.ndarray],
) -> RowMaker:
    chosen = measured.images[random.Random(settings.seed).randrange(len(measured.images))]
    visible = np.stack([visible_elements(bank).sum(1) for bank in measured.banks for _ in settings.downscale])
    sources = _source_names(settings)
    return RowMaker(
        totals=totals,
        selected=layout.tables(measured.journal.read(chosen)).profiles["strict"],
        selected_name=chosen,
        visible=visible,
        tested=len(untested_elements(settings, measured)) < settings.group.order - 1,
        floors={name: np.apply_along_axis(relative_error, -1, profile) for name, profile in floors.items()},
        fits=tuple(sources[f] for f in layout.own),
    )


def _source_names(settings: AuditSettings) -> tuple[str, ...]:
    if not settings.adaptive:
        return ()
    return tuple(source.name for source in fit_sources(settings))


def _recommendation(totals: Totals, floors: dict[str, np.ndarray]) -> Recommendation | None:
    """The group that the dataset rows support, None where there are none."""
    listed = candidates(totals, {name: profile[0] for name, profile in floors.items()})
    if not listed:
        return None
    return recommend(listed, images=totals.images, unit=EPSILON_UNITS[totals.settings.response])


def untested_elements(settings: AuditSettings, measured: Measurements) -> list[int]:
    """Elements other than the identity that no regularizer of the run can tell from it."""
    seen = np.any([visible_elements(bank).any(0) for bank in measured.banks], axis=0)
    return [t for t in range(1, settings.group.order) if not seen[t]]


def _keep_all(
    keep: KeepResponse,
    top: LeverageList,
    image: str,
    tables: ImageTables,
    totals: Totals,
    means: dict[str, np.ndarray],
) -> None:
    """Hand on every profile of one image with its leverage on the epsilon of its row; ``means`` by scenario."""
    settings, images = totals.settings, totals.images
    for scenario in map(Scenario.named, settings.scenarios):
        profiles, mean = tables.profiles[scenario.profile], means[scenario.name]
        if scenario.single:
            leverage = (symmetry_error(profiles)[0] - mean) / max(images - 1, 1)
        else:
            leverage = leave_one_out(mean, images, profiles)
        for s, (sigma, factor) in enumerate(scales(settings)):
            for r, stencil in enumerate(settings.stencils):
                value = float(leverage[s, r])
                keep(image, stencil.name, scenario.name, sigma, factor, profiles[s, r], value)
                top.add((scenario.name, stencil.name, sigma, factor), image, value)


def _blindness(settings: AuditSettings, measured: Measurements) -> list[str]:
    blind = untested_elements(settings, measured)
    if not blind:
        return []
    names = [str(settings.group.elements[t]) for t in blind]
    return [
        f"no regularizer of this run can tell {_some(names)} of {settings.group} from the identity, so epsilon does "
        "not test for that; --reg chiral sees half turns and mirrors"
    ]


def _mesh(rows: list[ResultRow]) -> list[str]:
    """Where the pixel mesh alone explains a good part of epsilon, SPEC 2's reason for the default kernel."""
    dataset = [row for row in rows if row.scenario == DATASET_STRICT.name] or rows
    coarse = [row for row in dataset if row.floor is not None and row.floor > MESH_SHARE * row.epsilon > 0]
    if not coarse:
        return []
    shown = dict.fromkeys(f"{row.regularizer} {100 * row.floor / row.mean_response:.2g} %" for row in coarse)
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
        sentences = []
        if self.turned:
            sentences.append(f"EXIF orientation applied to {count(len(self.turned), 'image')}: {_some(self.turned)}")
        sentences += _duplicates("byte", self.same_bytes.values())
        byte_twins = {tuple(group) for group in self.same_bytes.values()}
        sentences += _duplicates(
            "pixel", (group for group in self.same_pixels.values() if tuple(group) not in byte_twins)
        )
        for what, kinds in (("sizes", self.sizes), ("bit depths", self.depths)):
            if len(kinds) > 1:
                most = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
                sentences.append(f"mixed {what}: {_some([f'{kind} ({number})' for kind, number in most])}")
        if self.floats:
            where = f"{count(len(self.floats), 'image')}: {_some(self.floats)}"
            sentences.append(f"float samples taken as they are, not scaled to 0-255, in {where}")
        if self.flat:
            where = f"{count(len(self.flat), 'image')}: {_some(self.flat)}"
            sentences.append(f"no response at all, hence no say in the normalized epsilon, in {where}")
        return sentences


def _duplicates(kind: str, groups: object) -> list[str]:
    twins = [group for group in groups if len(group) > 1]
    if not twins:
        return []
    extra = sum(len(group) - 1 for group in twins)
    return [
        f"{extra} image{'s are' if extra > 1 else ' is'} {kind}-identical to another and counted again: "
        f"{_some([' = '.join(group[:SHOWN]) for group in twins])}"
    ]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
