"""What the strict engine does for one image, how long it takes, and how near that is to what one core can do.

    python benchmarks/roofline.py [--rounds 9]

Operations are counted from the plan; the peak is that of a float32 matrix product, the bandwidth that of a copy, both
on one thread and measured in the same rounds. Medians of CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
from mosaics import make_mosaics

from symmetry_audit import audit, data
from symmetry_audit.engine import HarmonicEngine, strict_engine, welch_power
from symmetry_audit.kernels import HarmonicPlan

SIDE = 2048  # of the matrices


def counts(plan: HarmonicPlan) -> dict[str, int]:
    """Multiply-adds, additions and absolute values for each pixel of V."""
    even, odd = plan.reaches
    synthesis = sum(group.weights.size for group in plan.groups)
    pairs = sum(len(group.targets) for group in plan.groups)
    return {
        "multiply_adds_blur": 2 * len(plan.blur),
        "multiply_adds_coefficient_images": sum(taps.size for taps in plan.taps),
        "multiply_adds_synthesis": synthesis,
        "additions": 2 * (2 * len(plan.blur) - 2) + 2 * odd + 2 * even + (even + 1 + even) * 2 * even + 4 * pairs,
        "absolute_values": 2 * pairs,
    }


def run(rounds: int) -> dict:
    """Everything, ``rounds`` times in turn."""
    torch.set_num_threads(1)
    settings = audit.make_settings(scenario="dataset_strict")
    bank = audit.strict_bank(settings, settings.models[0])
    engine = strict_engine(bank.kernels, settings.models[0], settings.margin)
    if not isinstance(engine, HarmonicEngine):
        raise SystemExit("the compiled engine is not installed here")
    with TemporaryDirectory() as place:
        image = data.decode(make_mosaics(Path(place), 1)[0].read_bytes(), 10**9).luminance
    power, (a, b) = welch_power(image), torch.rand(2, SIDE, SIDE)
    source, target = (np.ones(1 << 26, np.float32) for _ in range(2))
    works: dict[str, Callable[[], object]] = {
        "engine": lambda: engine.row_means(image, settings.margin, power=power),
        "matrix_product": lambda: a @ b,
        "copy": lambda: np.copyto(target, source),
    }
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            started = time.thread_time()
            work()
            seconds[name].append(time.thread_time() - started)
    took = {name: median(values[1:]) for name, values in seconds.items()}  # the first round warms the caches
    each = counts(engine.plan)
    pixels = (image.shape[0] - 2 * settings.margin) * (image.shape[1] - 2 * settings.margin)
    products = pixels * sum(value for name, value in each.items() if name.startswith("multiply"))
    peak, bandwidth = SIDE**3 / took["matrix_product"], 2 * source.nbytes / took["copy"]
    return {
        "engine": str(engine),
        "pixels_of_V": pixels,
        "per_pixel": each,
        "ms": {name: round(1e3 * value, 1) for name, value in took.items()},
        "peak_multiply_adds_per_s": peak,
        "bandwidth_bytes_per_s": bandwidth,
        "ms_at_peak": round(1e3 * products / peak, 1),
        "ms_at_bandwidth": round(1e3 * image.nbytes / bandwidth, 1),
        "share_of_peak": round(products / peak / took["engine"], 2),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    print(json.dumps(run(parser.parse_args().rounds), indent=2))
