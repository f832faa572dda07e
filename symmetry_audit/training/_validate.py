"""PSNR and SSIM of a network in training on the validation images."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from torch import nn

from symmetry_audit.inference import evaluate, restore_image
from symmetry_audit.nets import smallest_side
from symmetry_audit.tasks import Pairs, Task, evaluation_items
from symmetry_audit.training._log import save_sample
from symmetry_audit.training._prefit import w_statistics

__all__ = ["Validation"]

SEED = 0  # seed of the degradation, the same in every validation
SAMPLES = 3  # images that are saved as samples, and whose w is recorded

EQUAL = 1000.0  # represents the infinite PSNR of equal images in JSON


@dataclass(frozen=True)
class Validation:
    """Mean scores over ``images`` images under ``protocol``; ``input_psnr`` is that of the degraded images."""

    protocol: str
    psnr: float
    ssim: float
    input_psnr: float
    images: int
    w: dict[str, float] | None = None  # w of the filters, for the first images

    @classmethod
    def of(cls, network: nn.Module, samples: Path, *, pairs: Pairs, task: Task, device: str) -> Validation:
        """Run every image through ``network``; the first ones are saved under names that begin with ``samples``."""
        found = evaluate(network, pairs, task, seed=SEED, device=device)
        items = list(islice(evaluation_items(pairs, task, SEED), SAMPLES))
        for index, item in enumerate(items):
            restored = restore_image(network, item.input, device=device)
            save_sample(samples.with_name(f"{samples.name}_{index}.png"), item.input, restored, item.clean)
        large = [item.input for item in items if min(item.input.shape[:2]) >= smallest_side(network)]
        w = w_statistics(network, large, device) if large else None
        psnr, input_psnr = (min(value, EQUAL) for value in (found.psnr, found.input_psnr))
        return cls(found.protocol, psnr, found.ssim, input_psnr, len(found.images), w)
