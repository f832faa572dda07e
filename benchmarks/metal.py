"""Metal artefact reduction at the size of a processor: networks beside the input, LI and NMAR, and a picture.

    python benchmarks/metal.py CT --out runs [--arms cnn gcnn] [--steps 1700] [--seeds 0] [--device cpu|cuda]

CT holds aapm/NN.raw (512 x 512 float32 HU, 20 slices) and metal_masks.mat (97 shapes). Slices 02, 04, 14 and 18 are for
the test, with shapes that no training slice has; their neighbours, of the same patients as far as pictures tell (05, 19
and 20), are left out. 128 px from 640 views, 16 scans a slice, pieces of the shapes at random places in the body. The
tiny DICDNet by several methods sees 8 patches of 64 px in each step. Stopped and started again it goes on where it was.
Scores are those of the last state, under the protocols mar, mar-statistic and mar-window, and in HU outside the metal.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import tifffile
from _resumable import kept
from scipy.io import loadmat

from symmetry_audit import train
from symmetry_audit.checkpoints import load_checkpoint
from symmetry_audit.inference import evaluate, prepared, restore_image
from symmetry_audit.tasks import Pairs, evaluation_items, make_task, open_pairs

SIZE = {"ct_side": 128, "views": 640, "scans": 16}
TASK = make_task("mar", **SIZE)
TESTED, LEFT_OUT = ("02", "04", "14", "18"), ("05", "19", "20")
SHAPES = 80  # for training; the others are for the test
ARMS: dict[str, dict[str, Any]] = {
    "cnn": {"method": "cnn"},
    "pairs": {"method": "cnn", "group": "p4", "eq_reg": 0.0, "eq_paired": True},
    "EQ-Reg": {"method": "cnn", "group": "p4", "eq_reg": 0.1, "eq_paired": True},
    "gcnn": {"method": "gcnn", "group": "p4"},
    "fconv": {"method": "fconv", "group": "p8"},
}
PICTURES = ("Input", "LI", "Network", "Truth")


def prepared_data(ct: Path, folder: Path) -> None:
    """Write the slices of both sets as TIFF, and the masks of both."""
    for path in sorted((ct / "aapm").glob("*.raw")):
        if path.stem not in LEFT_OUT:
            side = folder / ("test" if path.stem in TESTED else "train")
            side.mkdir(parents=True, exist_ok=True)
            hu = np.fromfile(path, "<f4").reshape(512, 512)
            tifffile.imwrite(side / f"{path.stem}.tif", np.rint(hu).astype(np.int16))
    shapes = loadmat(ct / "metal_masks.mat")["tumor_imgs"]
    order = np.random.default_rng(0).permutation(len(shapes))
    np.save(folder / "train.npy", shapes[order[:SHAPES]])
    np.save(folder / "test.npy", shapes[order[SHAPES:]])


def run(arm: str, seed: int, chosen: argparse.Namespace, pairs: Pairs) -> dict[str, Any]:
    """Train one arm and score it; what is there already is kept."""
    folder = chosen.out / f"{arm}-{seed}"

    def scored() -> dict[str, Any]:
        found = train(
            task="mar",
            data=chosen.out / "train",
            inputs=chosen.out / "train.npy",
            valid=chosen.out / "test",
            valid_inputs=chosen.out / "test.npy",
            out=folder,
            cache_folder=chosen.out / "cache",
            device=chosen.device,
            **{"preset": "tiny", "steps": chosen.steps, "batch": 8, "patch": 64, "lr": 1e-3, "warmup": 100},
            **{"seed": seed, "validate_every": max(1, chosen.steps // 4), **SIZE, **ARMS[arm]},
        )
        scores = summary(evaluate(prepared(load_checkpoint(folder / "last.safetensors").network()), pairs, TASK))
        return {**scores, "seconds": found.seconds, "steps": chosen.steps}

    return kept(folder / "scores.json", scored)


def summary(found: Any) -> dict[str, float]:
    """Means by protocol."""
    further = {f"{one.protocol} {one.name}": one.value for one in found.further}
    return {"mar PSNR": found.psnr, "mar SSIM": found.ssim, **further}


def picture(folder: Path, pairs: Pairs, path: Path) -> None:
    """Input, LI, network, truth and the network's error in HU, a row for the first scan of each slice."""
    network = prepared(load_checkpoint(folder / "last.safetensors").network())
    items = [item for item in evaluation_items(pairs, TASK, 0) if item.pair.number == 1]
    figure, axes = plt.subplots(len(items), len(PICTURES) + 1, figsize=(10, 2.1 * len(items)), layout="constrained")
    for place, name in zip(axes[0], (*PICTURES, "Error (HU)"), strict=True):
        place.set_title(name)
    for row, item in zip(axes, items, strict=True):
        found = restore_image(network, item.input)
        images = (item.input[..., :1], item.input[..., 1:2], found, item.clean)
        for place, image in zip(row[:-1], images, strict=True):
            place.imshow(TASK.displayed(image))
        metal = item.input[..., 2] == 0
        error = np.where(metal, 0, (found - item.clean)[..., 0] / 255 * 1000 / 0.192)
        shown = row[-1].imshow(error, cmap="RdBu_r", vmin=-200, vmax=200)
        figure.colorbar(shown, ax=row[-1], shrink=0.8)
        row[0].set_ylabel(item.key)
    for place in axes.flat:
        place.set_xticks([])
        place.set_yticks([])
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ct", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=1700)
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    prepared_data(chosen.ct, chosen.out)
    pairs = open_pairs(str(chosen.out / "test"), TASK, inputs=str(chosen.out / "test.npy"))
    rows = {name: summary(evaluate(name, pairs, TASK)) for name in TASK.baselines}
    for arm in chosen.arms:
        for seed in chosen.seeds:
            rows[f"{arm} {seed}"] = run(arm, seed, chosen, pairs)
            picture(chosen.out / f"{arm}-{seed}", pairs, chosen.out / f"{arm}-{seed}.png")
    names = list(rows["li"])
    print(" | ".join(["", *names]))
    for name, row in rows.items():
        print(" | ".join([name, *(f"{row[one]:.3f}" for one in names)]))


if __name__ == "__main__":
    main()
