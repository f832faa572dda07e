"""Report folders with known responses; every number of report.json is computed here, from the arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from symmetry_audit.groups import Group
from symmetry_audit.reports import ResponseWriter
from symmetry_audit.results import AuditReport, DatasetInfo, ResultRow, SkippedImage

# Table 1 of [SA]: sample strict, dataset strict, dataset adaptive
PAPER = {
    "tv": ("TV", 0.19, 0.04, 0.01),
    "tv2": ("Second-order TV", 0.90, 0.60, 0.18),
    "sobel": ("Sobel", 1.33, 0.32, 0.15),
    "laplacian": ("Laplacian", 3.33, 2.18, 0.48),
    "prewitt": ("Prewitt", 0.40, 0.18, 0.04),
}
STRICT = ("sample_strict", "dataset_strict")
ALL = (*STRICT, "dataset_adaptive")


@dataclass(frozen=True)
class Run:
    """A folder as `symaudit measure` leaves it, and the (images, order) responses behind it, by key."""

    folder: Path
    report: AuditReport
    responses: dict[tuple, np.ndarray]


def responses(group: Group, epsilons: tuple[float, ...], scenario: str, images: int) -> np.ndarray:
    """(images, order): amplitudes alternate, so that single images have the first epsilon, their mean the second."""
    sample, dataset, adaptive = epsilons
    theta, mirrored = np.deg2rad(group.angles_deg()), [element.mirrored for element in group.elements]
    shape = (1 - np.cos(2 * theta) + 0.3 * np.sin(2 * theta) * np.where(mirrored, -1, 1)) / 2
    shape /= max(np.abs(shape - shape[0]).max(), 1e-9)
    sign = np.where(np.arange(images) % 2, -1.0, 1.0)
    amplitude = np.full(images, adaptive) if scenario == "dataset_adaptive" else (dataset + sign * sample)
    return 20.0 + 0.01 * np.arange(images)[:, None] + amplitude[:, None] * shape


def result(key: tuple, group: Group, values: np.ndarray, **changes: object) -> ResultRow:
    scenario, regularizer, sigma, downscale = key
    gaps, mean = np.abs(values - values[:, :1]).max(axis=1), values.mean(axis=0)
    single = scenario == "sample_strict"
    epsilon = float(gaps.mean()) if single else float(np.abs(mean - mean[0]).max())
    worst = int(np.abs(mean - mean[0]).argmax())
    quartiles = np.quantile(gaps, (0.5, 0.25, 0.75)).tolist()
    names = ("selected_image", "epsilon_selected", "median", "q25", "q75")
    sample = dict(zip(names, (image_name(0), float(gaps[0]), *quartiles), strict=True)) if single else {}
    fields = {
        "epsilon": epsilon,
        "relative_epsilon": epsilon / float(mean[0]) if mean[0] else None,
        "normalized_epsilon": 0.01,
        "mean_response": float(mean[0]),
        "worst_element": worst,
        "worst_angle_deg": float(group.angles_deg()[worst]),
        "tested": True,
        "visible_elements": group.order - 1,
        "images": len(values),
        **sample,
        **changes,
    }
    return ResultRow(
        regularizer=regularizer, scenario=scenario, group=str(group), sigma=sigma, downscale=downscale, **fields
    )


def image_name(number: int) -> str:
    return f"images/{number:04}.png"


@pytest.fixture
def write_run(tmp_path):
    """A factory of runs, in ``tmp_path / folder``; ``row`` changes fields of every result row."""

    def write(
        folder="run",
        *,
        group="p8",
        scenarios=STRICT,
        images=6,
        titles=None,
        sigma=(1.5,),
        downscale=(1,),
        name="DIV2K",
        row=None,
        scale=1.0,
        skipped=0,
        **settings,
    ) -> Run:
        path, parsed = tmp_path / folder, Group.parse(group)
        path.mkdir()
        titles = titles or {key: value[0] for key, value in PAPER.items()}
        keys = [(c, r, s, d) for s in sigma for d in downscale for c in scenarios for r in titles]
        data = {}
        for number, key in enumerate(keys):
            epsilons = PAPER.get(key[1], ("", 0.5, 0.2, 0.1))[1:]
            drift = scale * (1 + 0.07 * (key[2] or 0) + 0.013 * key[3])  # every scale has its own numbers
            data[key] = responses(parsed, tuple(drift * value for value in epsilons), key[0], images)
            data[key] += 0.001 * number
        document = {
            "group": group,
            "regularizers": [{"name": key, "title": title, "points": [[0, 0, 1]]} for key, title in titles.items()],
            "kernel": "gaussian" if sigma[0] else "bicubic",
            "sigma": list(sigma),
            "margin": 15,
            "response": "abs",
            "scenarios": list(scenarios),
            "downscale": list(downscale),
            "limit": None,
            "seed": 0,
            **settings,
        }
        report = AuditReport(
            DatasetInfo(name, "folder", images, "0" * 64),
            document,
            tuple(result(key, parsed, values, **(row or {})) for key, values in data.items()),
            tuple(SkippedImage(f"bad{number}.png", "damaged") for number in range(skipped)),
        )
        (path / "report.json").write_text(report.to_json(), encoding="utf-8")
        with ResponseWriter(path / "responses.parquet", parsed, rows_per_group=16) as writer:
            for number in range(images):
                for (scenario, regularizer, *scales), values in data.items():
                    writer.append(image_name(number), regularizer, scenario, *scales, values[number])
        return Run(path, AuditReport.load(path), data)

    return write
