"""Inpainting without clean images: EI and REI beside A^+ y and supervised training of the same length.

    python benchmarks/selfsup.py IMAGES --out runs [--seeds 0] [--steps 1200] [--device cpu|cuda]

IMAGES is a folder of images of 512 px or more, such as Urban100; of the 20 images of it that the project has, the first
16 are trained on and the last 4 are for the test. The central 512 px become 128 px, always the same 30 % of the pixels
are missing, and the others hold Poisson noise of gamma 0.05 (20 photons at white), drawn anew at every visit. The tiny
ResNet sees one patch of 64 px in each step. Stopped and started again it goes on where it was. PSNR is that of the
protocols rei and rgb; A^+ y is the input itself.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean
from typing import Any

from _resumable import kept

from symmetry_audit.checkpoints import load_checkpoint
from symmetry_audit.data import open_source
from symmetry_audit.inference import evaluate, prepared
from symmetry_audit.nets import build
from symmetry_audit.tasks import PatchCache, make_task, open_pairs
from symmetry_audit.training import make_settings, train

TASK = make_task("inpaint", missing=0.3, peak=20, mask_seed=0, square=512, resize=128)
TESTED = 4  # images
CONTENDERS: dict[str, dict[str, Any]] = {
    "supervised": {"loss": "mse"},
    "rei": {"self_supervised": "rei"},
    "sure": {"self_supervised": "rei", "ei_weight": 0.0},  # what is measured alone
    "ei": {"self_supervised": "ei"},
}


def run(name: str, seed: int, chosen: argparse.Namespace, sets: dict[str, Any]) -> dict[str, Any]:
    """The scores of one contender; those that are there already are kept."""
    folder = chosen.out / f"{name}-{seed}"
    return kept(folder / "scores.json", lambda: trained(name, seed, chosen, sets, folder))


def trained(name: str, seed: int, chosen: argparse.Namespace, sets: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Train one contender and score its last state."""
    network = build("resnet", preset="tiny")
    schedule = {"steps": chosen.steps, "batch": 1, "patch": 64, "lr": 1e-3, "warmup": 100, "augment": "none"}
    settings = make_settings(
        **{"task": TASK.to_dict(), "architecture": network.architecture, "seed": seed, "validate_every": 250},
        **schedule | CONTENDERS[name],
    )
    found = train(settings, sets["train"], sets["test"], folder, cache=sets["cache"], device=chosen.device)
    network = prepared(load_checkpoint(folder / "last.safetensors").network())
    measured = evaluate(network, sets["test"], TASK, device=chosen.device)
    scores = {
        "images": [one.image for one in measured.images],
        **{"rgb": [one.psnr for one in measured.images], "input rgb": [one.input_psnr for one in measured.images]},
        **{"ssim": measured.ssim, "input ssim": measured.input_ssim, "seconds": found.seconds},
    }
    rei = [one.further[0] for one in measured.images]
    assert all((item.protocol, item.name) == ("rei", "PSNR") for item in rei)
    scores |= {"rei": [item.value for item in rei], "input rei": [item.input_value for item in rei]}
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    names = [ref.path.resolve() for ref in open_source(str(chosen.images)).refs]
    sets = {}
    for part, taken in (("train", names[:-TESTED]), ("test", names[-TESTED:])):
        listed = chosen.out / f"{part}.txt"
        listed.write_text("".join(f"{name}\n" for name in taken), encoding="utf-8")
        sets[part] = open_pairs(str(listed), TASK)
    sets["cache"] = PatchCache(sets["train"], TASK, chosen.out / "cache")
    for seed in chosen.seeds:
        for name in chosen.contenders:
            found = run(name, seed, chosen, sets)
            gain = mean(found["rei"]) - mean(found["input rei"])
            print(
                f"seed {seed} {name:12s} rei {mean(found['rei']):.2f} dB, rgb {mean(found['rgb']):.2f} dB, "
                f"SSIM {found['ssim']:.4f}; A^+ y: rei {mean(found['input rei']):.2f} dB, rgb "
                f"{mean(found['input rgb']):.2f} dB, SSIM {found['input ssim']:.4f}; gain {gain:.2f} dB; "
                f"{found['seconds']:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
