"""PSNR and SSIM of a network in training, on training patches and on the validation images."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path

from torch import nn

from symmetry_audit.inference import evaluate, restore_image
from symmetry_audit.nets import smallest_side
from symmetry_audit.tasks import Pairs, Task, evaluation_items
from symmetry_audit.training._distributed import World
from symmetry_audit.training._log import save_sample
from symmetry_audit.training._measure import Measure, Validation, shared
from symmetry_audit.training._prefit import w_statistics

__all__ = ["IMAGES"]

SEED = 0  # seed of the degradation, the same in every validation
SAMPLES = 3  # images that are saved as samples, and whose w is recorded

EQUAL = 1000.0  # represents the infinite PSNR of equal images in JSON


def _validate_images(network: nn.Module, samples: Path, *, pairs: Pairs, task: Task, world: World) -> Validation:
    """Run every image through ``network``; the first ones are saved under names that begin with ``samples``."""
    device = world.device
    found = shared(lambda part: evaluate(network, part, task, seed=SEED, device=device), pairs, world)
    scores = {"psnr": min(found.psnr, EQUAL), "ssim": found.ssim, "input_psnr": min(found.input_psnr, EQUAL)}
    w = _sampled(network, samples, pairs, task, device) if world.first else None
    return Validation(found.protocol, scores, len(found.images), w)


def _sampled(network: nn.Module, samples: Path, pairs: Pairs, task: Task, device: str) -> dict[str, float] | None:
    """Save the first images restored, and return their w."""
    items = list(islice(evaluation_items(pairs, task, SEED), SAMPLES))
    for index, item in enumerate(items):
        restored = restore_image(network, item.input, device=device)
        pictures = [task.displayed(image) for image in (task.shown(item.input), restored, item.clean)]
        save_sample(samples.with_name(f"{samples.name}_{index}.png"), *pictures)
    large = [item.input for item in items if min(item.input.shape[:2]) >= smallest_side(network)]
    return w_statistics(network, large, device) if large else None


def _psnr(squared_error: float) -> float:
    """PSNR in dB from a mean squared error in squared grey levels of 0..255."""
    return 10 * math.log10(255**2 / max(squared_error, 1e-10))


IMAGES = Measure(
    "psnr", {"psnr": "valid_psnr", "ssim": "valid_ssim", "input_psnr": "input_psnr"}, _psnr, _validate_images
)
