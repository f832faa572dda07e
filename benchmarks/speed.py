"""Side by side, in one run: Pillow decoding alone, plain conv2d over the distinct kernels, and this engine.

    python benchmarks/speed.py [--rounds 5] [--images 4] [--device cpu|cuda]

Images are 2040 x 1356 RGB PNG files (the size of DIV2K's), mosaics of the photographs inside scikit-image at
their own resolution. Five regularizers, p32, strict rotations (for fits see benchmarks/fits.py). Every round runs
every contender once, in turn; the figures are medians of seconds per image, and ratios are medians of the rounds'
ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image

from symmetry_audit import audit, data, measure
from symmetry_audit.data import demo_source
from symmetry_audit.engine import TOLERANCES, DeviceBank, bank_responses

SIZE = (2040, 1356)
CORES = 2
STRICT = "sample_strict,dataset_strict"


def make_images(folder: Path, count: int) -> list[Path]:
    """``count`` mosaics of photographs, each in another arrangement."""
    rng = np.random.default_rng(0)
    photos = [np.asarray(Image.open(ref.path).convert("RGB")) for ref in demo_source().refs]
    paths = []
    for index in range(count):
        mosaic = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        for top in range(0, SIZE[1], 339):
            for left in range(0, SIZE[0], 340):
                photo = np.rot90(photos[rng.integers(len(photos))], rng.integers(4))
                y, x = (rng.integers(max(1, extent - 340)) for extent in photo.shape[:2])
                piece = photo[y : y + 339, x : x + 340]
                mosaic[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
        paths.append(folder / f"mosaic_{index}.png")
        Image.fromarray(mosaic).save(paths[-1])
    return paths


def decode_with_pillow(paths: list[Path], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda path: np.asarray(Image.open(path)), paths))


def conv2d_loop(image: np.ndarray, kernels: np.ndarray, device: str, batch: int) -> None:
    """The textbook way: convolve, take absolute values, average; ``batch`` kernels per call."""
    pixels = torch.from_numpy(image - image.mean()).float().to(device)[None, None]
    for first in range(0, len(kernels), batch):
        weights = torch.from_numpy(np.ascontiguousarray(kernels[first : first + batch, None])).float().to(device)
        torch.nn.functional.conv2d(pixels, weights).abs_().mean((2, 3)).cpu()


def contenders(paths: list[Path], device: str) -> dict[str, tuple[Callable[[], object], int]]:
    """name -> (what to time, images it handles)."""
    settings = audit.make_settings(scenario=STRICT)
    bank = audit.strict_bank(settings, settings.models[0], TOLERANCES[torch.float32])
    on_device = DeviceBank.from_bank(bank.bank, device)
    # "distinct" for the plain loop means parity alone: 16 elements of each of the five
    eighty = bank.bank.kernels()[bank.index[:, :16].ravel()]
    image = data.decode(paths[0].read_bytes(), 10**9).luminance
    source = data.open_source(str(paths[0].parent))
    return {
        "pillow_decoding_1_thread": (lambda: decode_with_pillow(paths, 1), len(paths)),
        "pillow_decoding_2_threads": (lambda: decode_with_pillow(paths, CORES), len(paths)),
        "our_decoding_1_thread": (lambda: [data.decode(path.read_bytes(), 10**9) for path in paths], len(paths)),
        "engine_responses_alone": (lambda: bank_responses(image, on_device, settings.margin), 1),
        "engine_files_to_report": (
            lambda: measure(source, scenario=STRICT, device=device, workers=CORES if device == "cpu" else None),
            len(paths),
        ),
        "conv2d_16_kernels_a_call": (lambda: conv2d_loop(image, eighty, device, 16), 1),
        "conv2d_1_kernel_a_call": (lambda: conv2d_loop(image, eighty, device, 1), 1),
    }


def run(rounds: int, images: int, device: str = "cpu") -> dict:
    """All contenders in turn, ``rounds`` times."""
    torch.set_num_threads(CORES)
    with tempfile.TemporaryDirectory() as place:
        paths = make_images(Path(place), images)
        runners = contenders(paths, device)
        seconds: dict[str, list[float]] = {name: [] for name in runners}
        for work, _ in list(runners.values())[:-1]:
            work()  # warm caches and thread pools; the last and longest contender needs none
        for _ in range(rounds):
            for name, (work, handled) in runners.items():
                started = time.perf_counter()
                work()
                if device == "cuda":
                    torch.cuda.synchronize()
                seconds[name].append((time.perf_counter() - started) / handled)
        megabytes = sum(path.stat().st_size for path in paths) / len(paths) / 1e6
    ours = seconds["engine_files_to_report"]
    return {
        "images": f"{images} PNG files of {SIZE[0]} x {SIZE[1]}, {megabytes:.2f} MB each",
        "rounds": rounds,
        "threads": CORES,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "torch": torch.__version__,
        "seconds_per_image": {name: round(median(values), 4) for name, values in seconds.items()},
        "spread": {name: [round(min(values), 4), round(max(values), 4)] for name, values in seconds.items()},
        "engine_over": {
            name: round(median(a / b for a, b in zip(ours, values, strict=True)), 4) for name, values in seconds.items()
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    arguments = parser.parse_args()
    print(json.dumps(run(arguments.rounds, arguments.images, arguments.device), indent=2))
