"""What a report advises: whether the images are symmetric, which group to build, and how (SPEC 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from symmetry_audit.results._candidate import ORIGIN, Candidate
from symmetry_audit.results._documents import Origin, check_agreement, dump_checked, read_json, read_value, unchecked
from symmetry_audit.results._linear_pilot import LinearPilot
from symmetry_audit.results._scenario import DATASET_STRICT

__all__ = [
    "ADAPTIVE_STEPS",
    "DIRECTION_VERDICTS",
    "EVIDENCE",
    "RECOMMENDATION_FILE",
    "RECOMMENDATION_SCHEMA",
    "Build",
    "Direction",
    "Recommendation",
    "directions_of",
]

RECOMMENDATION_SCHEMA = "symaudit.recommendation/2"
RECOMMENDATION_FILE = "recommendation.json"
ANALYSES = Origin('analyses["directions"] of the report', "measure again with --force")
EVIDENCE = ("pilot", "linear pilot", "common direction", "prior")  # the strongest first
LAYERS = ("images", "degradation")
DIRECTION_VERDICTS = ("one direction", "mixed directions", "undecided")
ADAPTIVE_STEPS = 10_000  # with fewer, no gain of SA over a strict network has been measured
HALF = 0.5  # of the images' own anisotropy; beyond it they are said to share a direction


@dataclass(frozen=True, kw_only=True)
class Direction:
    """The common-direction share R^2 of one regularizer: 0 if directions differ from image to image, 1 if all agree.

    ``layer`` is "images", or "degradation" for the degraded minus the clean image. ``ci_low`` to ``ci_high`` is its
    95 % interval. ``amplitude`` and ``single_amplitude`` are the relative amplitudes of the second harmonic of the
    whole set and of single images, ``fourth_amplitude`` that of the fourth harmonic of the set, None where the group
    does not see it; ``floor`` is the amplitude of the second harmonic that the pixel grid alone produces.

    Raises ReportError for another layer.
    """

    DERIVED = ("verdict",)

    layer: str
    regularizer: str
    share: float
    ci_low: float | None
    ci_high: float | None
    amplitude: float
    single_amplitude: float
    fourth_amplitude: float | None = None
    floor: float = 0.0

    def __post_init__(self) -> None:
        if self.layer not in LAYERS:
            raise ORIGIN.damaged(f"layer is {self.layer!r:.40}")

    @property
    def verdict(self) -> str:
        """One of DIRECTION_VERDICTS: where the interval lies, beside one half."""
        if self.ci_low is not None and self.ci_low > HALF:
            return "one direction"
        return "mixed directions" if self.ci_high is not None and self.ci_high <= HALF else "undecided"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with the verdict for readers of the file."""
        return {**asdict(self), "verdict": self.verdict}


def directions_of(
    rows: Iterable[Mapping[str, Any]], scale: tuple[float | None, int], layer: str = "images"
) -> tuple[Direction, ...]:
    """The shares among ``analyses["directions"]`` of a report at one ``scale`` (sigma, downscale), where defined.

    Raises ReportError where one of them has a value of another type.
    """
    own = [row for row in rows if (row["sigma"], row["downscale"]) == scale]
    fourth = {str(row["regularizer"]): row["amplitude"] for row in own if row["harmonic"] == 4}
    return tuple(
        read_value(
            Direction,
            {name: row[name] for name in ("regularizer", "share", "ci_low", "ci_high", "amplitude", "single_amplitude")}
            | {"fourth_amplitude": fourth.get(str(row["regularizer"])), "floor": row["floor"] or 0.0},
            ANALYSES,
            layer=layer,
        )
        for row in own
        if row["harmonic"] == 2 and row["share"] is not None
    )


@dataclass(frozen=True, kw_only=True)
class Build:
    """The network to build: a decision, not a finding about the images.

    ``group`` and ``method`` are those of `symaudit train`; ``relax`` is the weight of its free filters, None for a
    strict network. ``augment`` says how patches are augmented, None
    where that is left to the recipe. ``evidence`` is one of EVIDENCE, the strongest that was
    decided. ``gain_db``, ``low`` and ``high`` are the held-out gain over a plain network (pilot) or filter (linear
    pilot) of the group that the decision was about, and its interval; None for other evidence. ``regret_db`` is how
    much worse than a plain one that group may be by that interval. ``adapt`` is the group for SA-Conv, which
    pays from 10,000 steps on, where adapting it to each image gains on held-out blocks and steps are cheap; else None.
    """

    group: str
    method: str
    relax: float | None
    augment: str | None
    evidence: str
    gain_db: float | None = None
    low: float | None = None
    high: float | None = None
    regret_db: float | None = None
    adapt: str | None = None

    def __post_init__(self) -> None:
        if self.evidence not in EVIDENCE:
            raise ORIGIN.damaged(f"evidence is {self.evidence!r}")

    @property
    def name(self) -> str:
        """The group, and whether the network is relaxed: "p1", "p4" or "p4, relaxed"."""
        return self.group if self.relax is None else f"{self.group}, relaxed"


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """Three answers (SPEC 8): ``law``, whether the images are symmetric; ``build``, which group and how.

    ``sentences`` say them in words: the law, the network, the evidence, what would change it. ``task`` describes the
    task that the advice is for, None for restoration in general; ``fingerprint`` is that of the images, None inside
    their report. ``directions`` are the shares that were looked at, the
    largest first; ``linear`` is the linear pilot, ``pilot`` the sentence of a network pilot, where there was one.
    ``tolerance`` belongs to the law, ``margin`` (dB) to the build. ``kappa``, in ``unit``, only marks the view of
    Eq. (46) of [SA]. ``images`` counts the images behind the values. ``notes`` are further remarks.
    ``degradation`` are the candidates of the layer degraded minus clean, where there are pairs.
    """

    DERIVED = ("law",)

    build: Build
    sentences: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    images: int
    tolerance: float
    margin: float
    kappa: float | None
    unit: str
    task: str | None = None
    fingerprint: str | None = None
    directions: tuple[Direction, ...] = ()
    linear: LinearPilot | None = None
    pilot: str | None = None
    notes: tuple[str, ...] = ()
    degradation: tuple[Candidate, ...] = ()

    @property
    def law(self) -> Mapping[str, str]:
        """The verdict (``LAWS``) by group, for transformations that all images share."""
        return {item.group: item.verdict for item in self.candidates if not item.adaptive and item.order > 1}

    @property
    def group(self) -> str:
        """The group to build."""
        return self.build.group

    @property
    def scenario(self) -> str:
        """The scenario whose rows belong to ``build``."""
        return DATASET_STRICT.name

    @property
    def sentence(self) -> str:
        """All sentences, the answer first."""
        return " ".join(self.sentences)

    def candidate(self, group: str, *, adaptive: bool = False) -> Candidate | None:
        """The candidate of that group; None where the run did not measure it."""
        found = (item for item in self.candidates if item.group == group and item.adaptive == adaptive)
        return next(found, None)

    def to_dict(self) -> dict[str, Any]:
        """The block "recommendation" of report.json."""
        document = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            "law": dict(self.law),
            **document,
            "build": asdict(self.build),
            "sentences": list(self.sentences),
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            "directions": [direction.to_dict() for direction in self.directions],
            "linear": None if self.linear is None else self.linear.to_dict(),
            "notes": list(self.notes),
            "degradation": [candidate.to_dict() for candidate in self.degradation],
        }

    def to_json(self) -> str:
        """The document that `symaudit recommend` writes and prints."""
        return dump_checked({"schema": RECOMMENDATION_SCHEMA, **self.to_dict()})

    @classmethod
    def from_dict(cls, document: Any) -> Recommendation:
        """The inverse of ``to_dict``, also with the schema that `symaudit recommend --json` prints.

        Raises ReportError where it is damaged or of another or a newer schema.
        """
        held = document = unchecked(document, ORIGIN)
        if isinstance(document, dict) and "schema" in document:
            ORIGIN.check_schema(document, RECOMMENDATION_SCHEMA)
            held = {name: value for name, value in document.items() if name != "schema"}
        found = read_value(cls, held, ORIGIN)
        check_agreement(held, found.to_dict(), ORIGIN)
        return found

    @classmethod
    def load(cls, folder: Any) -> Recommendation:
        """Read the file that `symaudit recommend` wrote into ``folder``. Raises ReportError."""
        from pathlib import Path

        return cls.from_dict(read_json(Path(folder) / RECOMMENDATION_FILE, "run symaudit recommend again"))
