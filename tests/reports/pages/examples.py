"""Reports with answers, fits and pictures whose numbers are known."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from symmetry_audit.groups import Group
from symmetry_audit.reports import AffineWriter, ResponseWriter
from symmetry_audit.reports.pages import Picture, audit_page
from symmetry_audit.results import AffineFit, Answer, AuditReport, DatasetInfo, ResultRow

HOSTILE = "a/<script>alert(1)</script>\"'&\u202egnp.exe\n.png"
ANSWERS = (
    Answer(
        transformation="flip left-right",
        verdict="fits",
        reason="chiral changes by at most 3.1 %",
        regularizer="chiral",
        response="rectified",
        relative_epsilon=0.02,
        ci_low=0.01,
        ci_high=0.031,
        null_epsilon=0.015,
        floor=0.0001,
        p_value=0.27,
    ),
    Answer(
        transformation="flip upside down",
        verdict="does not fit",
        reason="chiral changes by 7 % (4.1 to 10 %), p = 0.009",
        regularizer="chiral",
        response="rectified",
        relative_epsilon=0.07,
        ci_low=0.041,
        ci_high=0.1,
        null_epsilon=0.015,
        floor=0.0001,
        p_value=0.009,
    ),
    Answer(transformation="half turn", verdict="not tested", reason="no filter sees it"),
    Answer(
        transformation="quarter turns",
        verdict="not settled",
        reason="tv changes by 9 % (2 to 16 %)",
        regularizer="tv",
        response="abs",
        relative_epsilon=0.09,
        ci_low=0.02,
        ci_high=0.16,
        null_epsilon=0.025,
        images_needed=150,
    ),
)


def written_report(folder: Path, names: list[str], *, group: str = "p8", answers=ANSWERS, folders=()) -> AuditReport:
    """A report folder of one regularizer: image n has the responses 10 + (n + 1) / 10 cos(2 angle) under rotations,
    half of that change under its own group, and an ellipse of ratio 1 + n / N at the angle n / N pi."""
    parsed, count = Group.parse(group), len(names)
    wave = np.cos(2 * np.deg2rad(parsed.angles_deg()))
    changes = (np.arange(count) + 1) / count
    profiles = {"dataset_strict": 10 + changes[:, None] * wave, "dataset_adaptive": 10 + changes[:, None] / 2 * wave}
    rows = tuple(_row(scenario, group, values) for scenario, values in profiles.items())
    moved = [{"image": name, "leverage": 0.5 - at / count} for at, name in enumerate(names[:10])]
    key = {"scenario": "dataset_strict", "regularizer": "tv", "sigma": 1.5, "downscale": 1}
    report = AuditReport(
        DatasetInfo("photos", "photos/", count, "0" * 64),
        _settings(group),
        rows,
        analyses={
            "leverage": [{**key, "images": moved}],
            "folders": [
                {**key, "folder": name, "images": 3, "epsilon": 1.0, "relative_epsilon": value}
                for name, value in folders
            ],
        },
        answers=answers,
    )
    folder.mkdir(exist_ok=True)
    (folder / "report.json").write_text(report.to_json(), encoding="utf-8")
    with ResponseWriter(folder / "responses.parquet", parsed) as writer, AffineWriter(folder) as fits:
        for at, name in enumerate(names):
            for scenario, values in profiles.items():
                writer.append(name, "tv", scenario, 1.5, 1, values[at], 0.0)
            fits.append(fit(name, 1 + at / count, np.pi * at / count))
    return AuditReport.load(folder)


def _row(scenario: str, group: str, values: np.ndarray) -> ResultRow:
    mean = values.mean(0)
    return ResultRow(
        regularizer="tv",
        scenario=scenario,
        group=group,
        sigma=1.5,
        downscale=1,
        epsilon=float(np.abs(mean - mean[0]).max()),
        relative_epsilon=float(np.ptp(mean) / mean.mean()),
        normalized_epsilon=None,
        mean_response=float(mean.mean()),
        identity_response=float(mean[0]),
        worst_element=2,
        worst_angle_deg=90.0,
        tested=True,
        visible_elements=3,
        images=len(values),
    )


def _settings(group: str) -> dict:
    return {
        "group": group,
        "regularizers": [{"name": "tv", "title": "TV", "points": [[0, 0, 1]]}],
        "kernel": "gaussian",
        "sigma": [1.5],
        "margin": 15,
        "response": "abs",
        "scenarios": ["dataset_strict", "dataset_adaptive"],
        "downscale": [1],
        "limit": None,
        "seed": 0,
        "fit": "per-regularizer",
    }


def fit(name: str, ratio: float, alpha: float, regularizer: str = "tv") -> AffineFit:
    """A fit of one image with this ellipse."""
    return AffineFit(
        image=name,
        regularizer=regularizer,
        sigma=1.5,
        downscale=1,
        a=0.0,
        b=0.0,
        alpha=alpha,
        alpha_deg=np.rad2deg(alpha),
        s_x=ratio**0.5,
        s_y=ratio**-0.5,
        ratio=ratio,
        proxy_before=0.1,
        proxy_after=0.05,
        epsilon_before=0.2,
        epsilon_after=0.1,
        relative_epsilon_before=0.2,
        relative_epsilon_after=0.1,
        iterations=3,
        converged=True,
        at_limit=ratio == 2,
        orientation=0.0,
        coherence=0.5,
    )


def noise(names, side=12) -> dict[str, Picture]:
    """A picture of white noise for every name, ``side`` px: the hardest ones to compress."""
    rng = np.random.default_rng(1)
    return {name: Picture(rng.uniform(0, 255, (side, side)), (0, 255)) for name in names}


def page_of(folder: Path, report: AuditReport, pictures=noise) -> str:
    """The page of ``report``."""
    return audit_page(folder, report, pictures, "photos/")


def with_answers(report: AuditReport, *answers: Answer) -> AuditReport:
    """``report`` with these answers alone."""
    return replace(report, answers=answers)


class Read(HTMLParser):
    """What a browser reads: ``tags`` in order with their attributes, and the text of every section."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, str] = {}
        self._section: str | None = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag == "section":
            self._section = str(found["id"])
            self.sections[self._section] = ""

    def handle_endtag(self, tag):
        if tag == "section":
            self._section = None

    def handle_data(self, data):
        if self._section is not None:
            self.sections[self._section] += f" {' '.join(data.split())}" if data.strip() else ""

    def attributes(self, tag: str, name: str) -> list[str]:
        """The attribute ``name`` of all ``tag`` that have it."""
        return [str(attrs[name]) for found, attrs in self.tags if found == tag and name in attrs]
