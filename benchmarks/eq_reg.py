"""What the penalty of EQ-Reg does beyond the rotated copies that its released code trains on: weights over six decades.

    python benchmarks/eq_reg.py DATA --out runs [--tasks mar derain inpaint classify] [--seeds 0 1 2] [--minutes 2]

DATA holds CT, Rain100L, Urban20 and RSSCN7-80. Tiny plain networks on four tasks of [EQ]: as they are ("plain"), on
batches and their rotated copies ("pairs": --eq-paired at weight 0), and the same with the penalty, weights 1e-4 to 10,
group p4. Inpainting is trained without clean images (REI), which leaves nothing to pair: there the penalty comes alone.
All arms of a task take the same number of steps, which makes the plain one last --minutes on one core of the machine
where it was first timed (``STEPS``); an arm with pairs costs about twice as much. Rows are added to eq_reg.csv in --out
as runs end, and runs that are there are not repeated. Last it prints, for every task, the mean over seeds of each arm
minus "pairs" with its 95 % interval (Student), and minus "plain".
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from _resumable import add_row, rows
from metal import SIZE, prepared_data
from scipy.stats import t as student

from symmetry_audit import train

WEIGHTS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
PAIRS = {"group": "p4", "eq_paired": True}
# turned copies take clean images, which self-supervised training has none of: there the penalty comes alone
UNPAIRED = "inpaint"
ARMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "pairs": {**PAIRS, "eq_reg": 0.0},
    **{f"EQ-Reg {weight:g}": {**PAIRS, "eq_reg": weight} for weight in WEIGHTS},
}
SMALL = {"method": "cnn", "preset": "tiny", "lr": 1e-3, "warmup": 20}
STEPS = {"mar": 90, "derain": 60, "inpaint": 500, "classify": 250}  # a minute


def options(task: str, data: Path, out: Path) -> dict[str, Any]:
    """The options of one task but for the arm, the seed and the length."""
    if task == "mar":
        sets = {"data": out / "train", "inputs": out / "train.npy", "valid": out / "test"}
        return {**sets, "valid_inputs": out / "test.npy", **SIZE, "batch": 8, "patch": 64}
    if task == "derain":
        sets = {"data": data / "Rain100L/train", "valid": data / "Rain100L/test"}
        return {**sets, "valid_limit": 8, "batch": 4, "patch": 64, "augment": "none"}
    if task == "inpaint":
        folder = data / "Urban20/HR"
        names = sorted(folder.iterdir())
        size = {"missing": 0.3, "peak": 20.0, "mask_seed": 0, "square": 512, "resize": 128, "self_supervised": "rei"}
        return {"data": names[:16], "valid": names[16:], **size, "batch": 1, "patch": 64, "augment": "none"}
    return {"data": data / "RSSCN7-80", "hold_out": 1 / 3, "batch": 32, "patch": 64, "augment": "none"}


def missing_runs(path: Path, tasks: list[str], seeds: list[int], steps: dict[str, int]) -> list[tuple[str, str, int]]:
    """The runs that the table lacks, all arms of a task and seed together."""
    there = {(row["task"], row["arm"], int(row["seed"]), int(row["steps"])) for row in rows(path)}
    wanted = [
        (task, arm, seed) for seed in seeds for task in tasks for arm in ARMS if (task, arm) != (UNPAIRED, "pairs")
    ]
    return [one for one in wanted if (*one, steps[one[0]]) not in there]


def one_run(task: str, arm: str, seed: int, steps: int, data: Path, out: Path, device: str) -> dict[str, Any]:
    """Train, and return the row of the table."""
    found = train(
        task=task,
        **{
            "steps": steps,
            "validate_every": steps,
            "seed": seed,
            "out": out / f"{task}-{arm.replace(' ', '-')}-{seed}",
        },
        **{"cache_folder": out / "cache", "device": device, "force": True},
        **SMALL,
        **options(task, data, out),
        **{name: value for name, value in ARMS[arm].items() if (task, name) != (UNPAIRED, "eq_paired")},
    )
    scores = found.best.card.validation or {}
    score = scores["accuracy"] if task == "classify" else scores["psnr"]
    row = {"task": task, "arm": arm, "seed": seed, "steps": steps, "protocol": scores["protocol"]}
    return {**row, "score": f"{score:.5f}", "seconds": f"{found.seconds:.0f}"}


def report(found: list[dict[str, str]], steps: dict[str, int]) -> None:
    """Differences to pairs and to plain, by seed."""
    for task in dict.fromkeys(row["task"] for row in found):
        scores = {
            (row["arm"], row["seed"]): float(row["score"])
            for row in found
            if row["task"] == task and int(row["steps"]) == steps[task]
        }
        for arm in ARMS:
            texts = [
                difference(
                    [
                        scores[arm, seed] - scores[base, seed]
                        for name, seed in scores
                        if name == arm and (base, seed) in scores
                    ]
                )
                for base in ("pairs", "plain")
            ]
            own = [value for (name, _), value in scores.items() if name == arm]
            if own:
                print(f"{task:9} {arm:14} {mean(own):8.3f}   over pairs {texts[0]}   over plain {texts[1]}")


def difference(values: list[float]) -> str:
    """Mean and half the width of Student's 95 % interval."""
    if len(values) < 2:
        return f"{mean(values):+.3f}" if values else "-"
    half = student.ppf(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
    return f"{mean(values):+.3f} +- {half:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    steps = {task: round(count * chosen.minutes) for task, count in STEPS.items()}
    path = chosen.out / "eq_reg.csv"
    if "mar" in chosen.tasks:
        prepared_data(chosen.data / "CT", chosen.out)
    for task, arm, seed in missing_runs(path, chosen.tasks, chosen.seeds, steps):
        row = one_run(task, arm, seed, steps[task], chosen.data, chosen.out, chosen.device)
        add_row(path, row)
        print(" ".join(map(str, row.values())), flush=True)
    report(rows(path), steps)


if __name__ == "__main__":
    main()
