"""Report folders with known responses; every number of report.json is computed here, from the arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from symmetry_audit.groups import Group
from symmetry_audit.reports import ResponseWriter
from symmetry_audit.results import RELATIVE_FIELDS, AuditReport, DatasetInfo, ResultRow, SkippedImage

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


def result(key: tuple, group: Group, values: np.ndarray) -> ResultRow:
    scenario, regularizer, sigma, downscale = key
    gaps, mean = np.abs(values - values[:, :1]).max(axis=1), values.mean(axis=0)
    single = scenario == "sample_strict"
    epsilon = float(gaps.mean()) if single else float(np.abs(mean - mean[0]).max())
    middle = float(mean.mean())
    spread = np.ptp(values, axis=1).mean() if single else np.ptp(mean)
    relative = float(spread) / middle if middle else None
    worst = int(np.abs(mean - mean[0]).argmax())
    quartiles = np.quantile(gaps, (0.5, 0.25, 0.75)).tolist()
    names = ("selected_image", "epsilon_selected", "median", "q25", "q75")
    sample = dict(zip(names, (image_name(0), float(gaps[0]), *quartiles), strict=True)) if single else {}
    fields = {
        "epsilon": epsilon,
        "relative_epsilon": relative if middle else None,
        "normalized_epsilon": 0.01,
        "mean_response": middle,
        "identity_response": float(mean[0]),
        "worst_element": worst,
        "worst_angle_deg": float(group.angles_deg()[worst]),
        "tested": True,
        "visible_elements": group.order - 1,
        "images": len(values),
        **sample,
    }
    return ResultRow(
        regularizer=regularizer, scenario=scenario, group=str(group), sigma=sigma, downscale=downscale, **fields
    )


def statistics(scenario: str, epsilon: float, relative: float) -> dict[str, object]:
    """Numbers and reasons as a run leaves them, each its own multiple of ``epsilon``, relative ones of ``relative``."""
    fields = {"ci_low": 0.6, "ci_high": 1.7, "floor": 0.013, "epsilon_within_limit": 0.83}
    shares = {"relative_ci_low": 0.61, "relative_ci_high": 1.72, "relative_floor": 0.0135}
    if scenario != "sample_strict":
        fields |= {"null_epsilon": 0.21, "excess": 0.79}
        shares |= {"relative_null": 0.22}
    if scenario == "dataset_adaptive":
        fields |= {"gain": 0.4, "gain_low": -0.1, "gain_high": 0.7, "random_epsilon": 1.31, "held_out_epsilon": 1.1}
        fields |= {"held_out_strict_epsilon": 1.9, "held_out_gain": 0.8}
        fields |= {"held_out_gain_low": -0.3, "held_out_gain_high": 1.4}
        shares |= {"relative_random": 1.32, "relative_held_out": 1.12, "relative_held_out_strict": 1.93}
        shares |= {"relative_held_out_gain": 0.81, "relative_held_out_gain_low": -0.32}
        shares |= {"relative_held_out_gain_high": 1.43}
    changes = {name: factor * epsilon for name, factor in fields.items()} | {"images_at_limit": 2}
    changes |= {name: factor * relative for name, factor in shares.items()}
    if scenario == "sample_strict":
        names = ("p_value", "null_epsilon", "excess", "relative_null")
        return changes | {"reasons": dict.fromkeys(names, "one profile each")}
    if scenario == "dataset_strict":
        return changes | {"p_value": 0.027}
    return changes | {"fit": "joint", "held_out_p_value": 0.342, "reasons": {"p_value": "the same images"}}


def relative_nulls(row: ResultRow) -> ResultRow:
    """``row`` without relative numbers where there is nothing to divide, each for the reason of its number."""
    bare = [name for name, of in RELATIVE_FIELDS.items() if getattr(row, of) is None or not row.mean_response]
    reasons = {name: row.reasons[RELATIVE_FIELDS[name]] for name in bare if RELATIVE_FIELDS[name] in row.reasons}
    return replace(row, **dict.fromkeys(bare), reasons={**row.reasons, **reasons})


def analyses(scenarios: tuple[str, ...], regularizers: list[str], sigma: tuple, downscale: tuple) -> dict[str, list]:
    """All tables that stand beside the rows, with numbers that tell their places."""
    scales = [{"sigma": s, "downscale": d} for s in sigma for d in downscale]
    sources = [*regularizers, "joint"]
    dataset = [name for name in scenarios if name != "sample_strict"]
    cells = [
        {"scenario": scenario, "regularizer": name, **scale}
        for scenario in dataset
        for scale in scales
        for name in regularizers
    ]
    return {
        "fits": [
            {
                **{"regularizer": name, **scale, "images": 6, "failed": 1, "at_limit": 2, "share_at_limit": 1 / 3},
                **{"median_a": 0.1, "median_b": 0.1, "median_ratio": 1.1 + at, "median_alpha_deg": 22.4 + at},
                "mean_ratio": 1.2347 + at,
            }
            for scale in scales
            for at, name in enumerate(sources)
        ],
        "transfer": [
            {
                **{"fit": source, "fit_sigma": scale["sigma"], "fit_downscale": scale["downscale"]},
                **{"regularizer": name, **scale, "epsilon": 1.0, "relative_epsilon": 0.01 * (row + 0.1 * column)},
            }
            for scale in scales
            for column, name in enumerate(regularizers)
            for row, source in enumerate(sources, start=1)
        ],
        "leverage": [
            cell | {"images": [{"image": image_name(at), "leverage": (-1) ** at / (at + 2)} for at in range(3)]}
            for cell in cells + [cell | {"scenario": "sample_strict"} for cell in cells]
        ],
        "folders": [
            {"folder": folder, **cell, "images": 3 + at, "epsilon": 1.0, "relative_epsilon": 0.05 * (at + 1)}
            for at, folder in enumerate(("", "a_b"))
            for cell in cells
        ],
        "subsets": [
            cell
            | {"sizes": [2, 3, 6], "mean": [3.0 + at, 2.0 + at, 1.9 + at], "deviation": [1.0, 0.5, 0.0], "enough": 3}
            for at, cell in enumerate(cells)
        ],
    }


def image_name(number: int) -> str:
    return f"images/{number:04}.png"


@pytest.fixture
def write_run(tmp_path):
    """A factory of runs, in ``tmp_path / folder``; ``row`` changes fields of every result row, ``full`` adds the
    statistics and analyses of a real run."""

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
        full=False,
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
        rows = [result(key, parsed, values) for key, values in data.items()]
        if full:
            rows = [replace(item, **statistics(item.scenario, item.epsilon, item.relative_epsilon)) for item in rows]
        report = AuditReport(
            DatasetInfo(name, "folder", images, "0" * 64),
            document,
            tuple(relative_nulls(replace(item, **(row or {}))) for item in rows),
            tuple(SkippedImage(f"bad{number}.png", "damaged") for number in range(skipped)),
            analyses=analyses(scenarios, list(titles), sigma, downscale) if full else {},
        )
        (path / "report.json").write_text(report.to_json(), encoding="utf-8")
        with ResponseWriter(path / "responses.parquet", parsed, rows_per_group=16) as writer:
            for number in range(images):
                for (scenario, regularizer, *scales), values in data.items():
                    writer.append(image_name(number), regularizer, scenario, *scales, values[number], 0.25 * number)
        return Run(path, AuditReport.load(path), data)

    return write
