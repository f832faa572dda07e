"""What a V that is no rectangle costs: strict responses of one image, a disc beside the rectangle.

    python benchmarks/domain.py [--rounds 15] [--out FILE.json]

White noise of 512 x 512 px, as a slice of CT has, and of 2040 x 1356 px, p32 and the five regularizers, one thread.
Every round runs every contender once, in turn; figures are medians of CPU time and of its ratios to the rectangle. The
disc has the largest radius that the image has room for. ``engine`` is the compiled loop alone; ``image`` is everything
after decoding: V, the values that replace padding, the periodogram and the loop.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

from symmetry_audit import audit
from symmetry_audit.audit._domain import domain, filled
from symmetry_audit.engine import HarmonicEngine, strict_engine, welch_power

SIZES = ((512, 512), (1356, 2040))


def run(rounds: int) -> dict:
    """Milliseconds and ratios by size and contender."""
    torch.set_num_threads(1)
    settings = audit.make_settings(scenario="dataset_strict")
    bank = audit.strict_bank(settings, settings.models[0])
    engine = strict_engine(bank.kernels, settings.models[0], settings.margin)
    if not isinstance(engine, HarmonicEngine):
        raise SystemExit("the compiled engine is not installed here")
    return {f"{width} x {height}": _size(engine, settings.margin, (height, width), rounds) for height, width in SIZES}


def _size(engine: HarmonicEngine, margin: int, shape: tuple[int, int], rounds: int) -> dict:
    image = np.random.default_rng(0).normal(0, 60, shape).astype(np.float32)
    y, x = np.indices(shape)
    valid = np.hypot(y - (shape[0] - 1) / 2, x - (shape[1] - 1) / 2) <= min(shape) / 2

    def whole(valid: np.ndarray | None) -> np.ndarray:
        found = domain(filled(image, valid), valid, margin)
        assert found is not None
        power = welch_power(found.image, found.valid)
        return engine.row_means(found.image, margin, power=power, inside=found.inside)

    disc, power = domain(image, valid, margin), welch_power(image)
    assert disc is not None
    inside, cut = disc.inside, disc.image
    works: dict[str, Callable[[], object]] = {
        "engine, rectangle": lambda: engine.row_means(image, margin, power=power),
        "engine, disc": lambda: engine.row_means(cut, margin, power=power, inside=inside),
        "image, rectangle": lambda: whole(None),
        "image, disc": lambda: whole(valid),
    }
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            started = time.process_time()
            work()
            seconds[name].append(time.process_time() - started)
    ratios = {
        what: median(d / r for d, r in zip(seconds[f"{what}, disc"], seconds[f"{what}, rectangle"], strict=True))
        for what in ("engine", "image")
    }
    return {"milliseconds": {name: 1e3 * median(each) for name, each in seconds.items()}, "disc / rectangle": ratios}


def main() -> None:
    """Print the figures as JSON, and keep them in a file if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    text = json.dumps(run(asked.rounds), indent=2)
    print(text)
    if asked.out:
        asked.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
