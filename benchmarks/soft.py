"""Soft ways to a group beside hard ones: PSNR and measured equivariance error, EQ-Reg over four decades.

    python benchmarks/soft.py IMAGES --out runs [--seeds 0 1 2] [--steps 600] [--device cpu|cuda]

IMAGES holds BSD100/HR and Set14/HR. Denoising (sigma 50) with the tiny ResNet denoiser on the first 80 images of
BSD100: a plain network, the same with EQ-Reg towards p4 at weights from 0.001 to 10, G-CNN over p4 whose layers are
relaxed at 0 to 1 (residual pathways), and G-CNN as it is; equal steps of the same patches. PSNR is over Set14; the
equivariance error, its largest over the quarter turns, is relative to the contrast of the output, on the central
128 px of the same images. Stopped and started again it goes on where it was. Last it prints means with 95 % intervals
over the seeds, and the rank correlation of weight and error.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from statistics import mean, stdev

from _resumable import kept
from quality import STUDENT, TRAINED
from scipy.stats import spearmanr

from symmetry_audit.alignment import measure_alignment
from symmetry_audit.checkpoints import load_checkpoint
from symmetry_audit.data import open_source
from symmetry_audit.inference import evaluate, prepared
from symmetry_audit.layers import relaxation_of_layers
from symmetry_audit.nets import build
from symmetry_audit.tasks import PatchCache, evaluation_items, make_task, open_pairs
from symmetry_audit.training import make_settings, train

GROUP = "p4"
TASK = make_task("denoise", sigma=50)
WEIGHTS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
CONTENDERS = {
    "cnn": ("cnn", {}),
    **{f"cnn EQ-Reg {weight:g}": ("cnn", {"eq_reg": weight, "eq_group": GROUP}) for weight in WEIGHTS},
    **{f"gcnn relaxed {weight:g}": ("gcnn", {"relax": weight}) for weight in (0.0, 0.1, 1.0)},
    "gcnn": ("gcnn", {}),
}
EQ_REG = ["cnn", *(name for name in CONTENDERS if "EQ-Reg" in name)]


def run(name: str, seed: int, chosen: argparse.Namespace, sets: dict[str, object]) -> dict[str, float]:
    """The scores of one contender; those that are there already are kept."""
    folder = chosen.out / f"{name.replace(' ', '-')}-{seed}"
    return kept(folder / "scores.json", lambda: trained(name, seed, chosen, sets, folder))


def trained(
    name: str, seed: int, chosen: argparse.Namespace, sets: dict[str, object], folder: Path
) -> dict[str, float]:
    """Train one contender and measure it."""
    method, options = CONTENDERS[name]
    group = None if method == "cnn" else GROUP
    network = build("resnet", method, preset="tiny", group=group, relaxed="relax" in options)
    schedule = {"steps": chosen.steps, "batch": 8, "patch": 32, "lr": 2e-3, "warmup": 50, "clip": 100.0, "seed": seed}
    settings = make_settings(
        task=TASK.to_dict(), architecture=network.architecture, validate_every=chosen.steps, **schedule, **options
    )
    pairs, test = sets["train"], sets["test"]
    found = train(settings, pairs, sets["valid"], folder, cache=sets["cache"], device=chosen.device)
    network = load_checkpoint(folder / "last.safetensors").network()
    shares = relaxation_of_layers(network)
    network = prepared(network)
    errors = measure_alignment(network, evaluation_items(test, TASK, 0), GROUP, crop=128, device=chosen.device)
    return {
        "psnr": evaluate(network, test, TASK, device=chosen.device).psnr,
        "error": max(element.relative for element in errors.scenarios[0].elements),
        "relaxation": mean(shares.values()) if shares else None,
        "seconds": found.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    names = [ref.path.resolve() for ref in open_source(str(chosen.images / "BSD100" / "HR")).refs][:TRAINED]
    listed = chosen.out / "train.txt"
    listed.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    pairs, test = open_pairs(str(listed), TASK), open_pairs(str(chosen.images / "Set14" / "HR"), TASK)
    sets = {"train": pairs, "test": test, "valid": open_pairs(str(chosen.images / "Set14" / "HR"), TASK, limit=1)}
    sets["cache"] = PatchCache(pairs, TASK)
    rows = []
    for name in chosen.contenders:
        found = [run(name, seed, chosen, sets) for seed in chosen.seeds]
        row = {"contender": name}
        for key in ("psnr", "error", "seconds"):
            values = [scores[key] for scores in found]
            row[key] = mean(values)
            row[f"{key} +-"] = STUDENT * stdev(values) / 3**0.5 if len(values) == 3 else None
        row["relaxation"] = None if found[0]["relaxation"] is None else mean(one["relaxation"] for one in found)
        rows.append(row)
        shown = {key: f"{value:.4g}" for key, value in row.items() if isinstance(value, float)}
        print(f"{name:18s}", "  ".join(f"{key} {value}" for key, value in shown.items()), flush=True)
    for seed in chosen.seeds if set(EQ_REG) <= set(chosen.contenders) else ():
        errors = [run(name, seed, chosen, sets)["error"] for name in EQ_REG]
        found = spearmanr([0.0, *WEIGHTS], errors).statistic
        print(f"seed {seed}: rank correlation of the weight of EQ-Reg and the error {found:.2f}")
    with (chosen.out / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
