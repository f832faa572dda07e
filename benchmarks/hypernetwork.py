"""What a hypernetwork learns from an audit: w of unseen fields whose w is known, seen clean, noisy and small.

    python benchmarks/hypernetwork.py [--fields 200] [--steps 1500] [--size 160] [--seed 0]

Gaussian fields with the amplitude spectrum of photographs and a deformation of any angle and of ratio 1 to 1.8 are
fitted as an audit does; the hypernetwork of SA is pre-fitted to those w_n on noisy inputs (sigma 25), then asked for
w of 100 unseen fields. Printed: the error of the ratio in percent and of the angle in radians (where the ratio is
1.2 or more), median and 90th percentile, of the audit itself and of the hypernetwork; then the gap between fits of
clean and of degraded fields.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from symmetry_audit import fit_affine
from symmetry_audit.groups import Affine, affine_distance
from symmetry_audit.nets import build
from symmetry_audit.synth import degrade, gaussian_field
from symmetry_audit.tasks import make_task, resize_8bit
from symmetry_audit.training import predicted, prefit

TEST = 100


def made(count: int, size: int, seed: int) -> tuple[list[np.ndarray], list[Affine]]:
    """(size, size, 3) uint8 fields and the w of each."""
    rng = np.random.default_rng(seed)
    truth = [Affine.from_axes(rng.uniform(0, np.pi), rng.uniform(1, 1.8)) for _ in range(count)]
    fields = [degrade(gaussian_field((size, size), w, rng=rng), rng=rng) for w in truth]
    return [np.repeat(field[..., None], 3, axis=2) for field in fields], truth


def fitted(images: list[np.ndarray]) -> list[Affine | None]:
    """The joint fit of each, as an audit makes it."""
    found = []
    for image in images:
        joint = fit_affine(image[..., 0].astype(np.float64), group="p8")[-1]
        found.append(Affine(joint.a, joint.b) if joint else None)
    return found


def report(what: str, found: list[Affine | None], truth: list[Affine]) -> None:
    """One line: how far ``found`` is from ``truth``."""
    pairs = [(one, other) for one, other in zip(found, truth, strict=True) if one is not None]
    ratio = [100 * abs(one.ratio / other.ratio - 1) for one, other in pairs]
    turns = [
        abs((one.alpha - other.alpha + np.pi / 2) % np.pi - np.pi / 2) for one, other in pairs if other.ratio >= 1.2
    ]
    apart = [affine_distance(one, other) for one, other in pairs]
    numbers = [np.quantile(values, (0.5, 0.9)) for values in (ratio, turns, apart)]
    texts = "  ".join(f"{middle:7.3f} {high:7.3f}" for middle, high in numbers)
    print(f"{what:42s} {texts}  {len(pairs)} of {len(found)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", type=int, default=200)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.manual_seed(chosen.seed)
    noisy = make_task("denoise", sigma=25)
    train, _ = made(chosen.fields, chosen.size, chosen.seed)
    test, truth = made(TEST, chosen.size, chosen.seed + 1)
    print(f"{'':42s} {'ratio (%)':>15s}  {'angle (rad)':>15s}  {'ln ratio apart':>15s}  (median, 90th percentile)")
    fits = fitted(train)
    known = [(image, fit) for image, fit in zip(train, fits, strict=True) if fit is not None]
    clean_fits = fitted(test)
    report("audit of the unseen fields", clean_fits, truth)
    network = build("resnet", "sa", preset="tiny")
    start = time.perf_counter()
    prefit(network, *zip(*known, strict=True), noisy.corrupt, smallest=48, steps=chosen.steps, seed=chosen.seed)
    print(f"pre-fitted in {time.perf_counter() - start:.0f} s")
    rng = np.random.default_rng(chosen.seed + 2)
    degraded = [noisy.corrupt(image, rng) for image in test]
    report("hypernetwork, noisy input (as trained)", predicted(network, degraded), truth)
    report("hypernetwork, clean input", predicted(network, test), truth)
    eight_bit = [np.rint(image).clip(0, 255).astype(np.uint8) for image in degraded]
    report("gap: audit of noisy against clean", fitted(eight_bit), clean_fits)
    report("gap: audit of half size against clean", fitted([resize_8bit(image, 0.5) for image in test]), clean_fits)


if __name__ == "__main__":
    main()
