"""What an audit costs beside looking at its images, whole commands, start-up and report included.

    python benchmarks/audit.py [--only LINE ...] [--rounds 5] [--device cpu|cuda] [--out FILE.json]

Images are mosaics of photographs, 2040 x 1356 px. Every round runs every contender of a line once, in turn, and the
figures are medians and ranges of the rounds and of their ratios. CPU time is that of all processes of a contender; it
scatters less than wall time where other work shares the cores. Lines:

* ``strict-png``: 96 files (hard links to 12), strict scenarios, over two processes that decode them with Pillow.
* ``strict-jpeg``: the same pixels as JPEG of quality 90, over two processes that decode them with libjpeg-turbo.
* ``joint``: 12 files, all scenarios, one joint fit, no controls, over Pillow.
* ``default``: the command without options over its strict scenarios, on 200 crops of 480 x 320 px and on 24 mosaics.
* ``memory``: the largest resident memory for 24 and for 96 files.
* ``growth``: CPU seconds per image against its size and against the number of regularizers, each with a line.
* ``peers``: one image, 80 kernels, one thread: this engine beside other ways to convolve.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
from costs import Cost, decoding, in_turn, memory_of, of_commands, of_work, ratios, spread  # noqa: E402
from mosaics import as_jpeg, crops, links, make_mosaics  # noqa: E402

__all__ = ["LINES", "Bench"]

STRICT = ("--scenario", "sample_strict,dataset_strict")
JOINT = ("--scenario", "all", "--fit", "joint", "--no-controls")
FILES, LINKED, FEWER = 12, 96, 24
SMALL, CROPS = (480, 320), 200
SIZES = ((480, 320), (960, 640), (1440, 960), (2040, 1356), (2880, 1920))
GROWTH = 12  # images of one run of ``growth``, of which the time of a run of one image is taken off
REGULARIZERS = ("tv", "tv2", "sobel", "laplacian", "prewitt", "roberts", "central", "scharr")
OWN = """
[roberts]
points = [[0, 0, 1], [1, 1, -1]]
[central]
points = [[-1, 0, -1], [1, 0, 1]]
[scharr]
points = [[-1, -1, -3], [1, -1, 3], [-1, 0, -10], [1, 0, 10], [-1, 1, -3], [1, 1, 3]]
"""


class Bench:
    """The images, made when a line needs them, and the commands over them. ``place`` is an empty folder."""

    def __init__(self, place: Path, rounds: int, device: str = "cpu") -> None:
        self.place, self.rounds, self.device = place, rounds, device

    @cached_property
    def mosaics(self) -> list[Path]:
        return make_mosaics(self.place / "mosaics", FILES)

    @cached_property
    def many(self) -> list[Path]:
        return links(self.place / "many", self.mosaics, LINKED)

    @cached_property
    def fewer(self) -> list[Path]:
        return links(self.place / "fewer", self.mosaics, FEWER)

    def command(self, paths: Sequence[Path], *options: str) -> list[str]:
        """`symaudit measure` of the folder that holds ``paths``."""
        command = [sys.executable, "-m", "symmetry_audit.cli", "measure", str(paths[0].parent), *options]
        command += ["--workers", "2", "--device", self.device, "--out", str(self.place / "run")]
        return [*command, "--force", "--quiet"]

    def measured(self, paths: Sequence[Path], *options: str) -> Cost:
        """The cost of the command."""
        return of_commands(self.command(paths, *options))

    def compared(self, ours: str, contenders: Mapping[str, Callable[[], Cost]], images: int) -> dict:
        """Seconds per image of every contender, and the ratios of ``ours`` to the others."""
        costs = in_turn(contenders, self.rounds)
        each = {
            name: {kind: spread([getattr(cost, kind) / images for cost in found]) for kind in ("cpu", "wall")}
            for name, found in costs.items()
        }
        return {"images": images, "seconds_per_image": each, f"{ours}_over": ratios(costs, ours)}


def strict_png(bench: Bench) -> dict:
    paths = bench.many
    runs = {"strict": partial(bench.measured, paths, *STRICT), "pillow": partial(decoding, paths)}
    return bench.compared("strict", runs, len(paths))


def strict_jpeg(bench: Bench) -> dict:
    paths = links(bench.place / "jpegs", as_jpeg(bench.place / "jpeg", bench.mosaics), LINKED)
    decoder = "simplejpeg" if find_spec("simplejpeg") else "imagecodecs"
    runs = {"strict": partial(bench.measured, paths, *STRICT), decoder: partial(decoding, paths, decoder)}
    return bench.compared("strict", runs, len(paths))


def joint(bench: Bench) -> dict:
    paths = bench.mosaics
    runs = {"joint": partial(bench.measured, paths, *JOINT), "pillow": partial(decoding, paths)}
    return bench.compared("joint", runs, len(paths))


def default(bench: Bench) -> dict:
    small = crops(bench.place / "crops", bench.mosaics, CROPS, SMALL)
    sets = {f"{SMALL[0]} x {SMALL[1]}": small, "mosaics": bench.fewer}
    found = {}
    for name, paths in sets.items():
        runs = {"default": partial(bench.measured, paths), "strict": partial(bench.measured, paths, *STRICT)}
        found[name] = bench.compared("default", runs, len(paths))
    return found


def memory(bench: Bench) -> dict:
    sets = {len(paths): paths for paths in (bench.fewer, bench.many)}
    runs = {count: partial(memory_of, bench.command(paths, *STRICT)) for count, paths in sets.items()}
    peaks = in_turn(runs, bench.rounds)
    ratio = [many / few for few, many in zip(peaks[FEWER], peaks[LINKED], strict=True)]
    return {"peak_mib": {count: spread(found) for count, found in peaks.items()}, "ratio": spread(ratio)}


def growth(bench: Bench) -> dict:
    (stencils := bench.place / "own.toml").write_text(OWN)
    sizes, numbers = {}, {}
    for width, height in SIZES:
        made = make_mosaics(bench.place / f"made_{width}", 3, (width, height))
        sizes[width * height / 1e6] = partial(_each, bench, made, *STRICT)
    for count in range(1, len(REGULARIZERS) + 1):
        options = ("--reg", ",".join(REGULARIZERS[:count]), "--stencils", str(stencils), *STRICT)
        numbers[float(count)] = partial(_each, bench, bench.mosaics, *options)
    return {"megapixels": _line(bench, sizes), "regularizers": _line(bench, numbers)}


def _each(bench: Bench, paths: Sequence[Path], *options: str) -> float:
    """CPU seconds per image: a run of GROWTH + 1 images less a run of one, so that start-up and figures drop out."""
    folder = bench.place / f"growing_{paths[0].parent.name}"
    linked = sorted(folder.iterdir()) if folder.is_dir() else links(folder, paths, GROWTH + 1)
    whole = bench.measured(linked, *options).cpu
    return (whole - bench.measured(linked, "--limit", "1", *options).cpu) / GROWTH


def _line(bench: Bench, runs: Mapping[float, Callable[[], float]]) -> dict:
    """Medians of the rounds against the keys of ``runs``, the line through them, and how far they are off it."""
    rounds = in_turn(runs, bench.rounds)
    x, y = np.array(list(rounds)), np.array([median(found) for found in rounds.values()])
    slope, start = np.polyfit(x, y, 1)
    return {
        "cpu_seconds_per_image": {f"{at:g}": spread(found) for at, found in rounds.items()},
        "line": {"slope": float(slope), "at_zero": float(start)},
        "largest_residual_over_the_largest_value": float(np.abs(y - start - slope * x).max() / y.max()),
    }


def peers(bench: Bench) -> dict:
    import torch
    from peers import KERNELS, absent
    from peers import peers as contenders

    from symmetry_audit import data

    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False  # as in a run
    if find_spec("cv2"):
        import cv2  # pyright: ignore[reportMissingImports]

        cv2.setNumThreads(1)
    for name, package in absent().items():
        print(f"  {name} is left out: {package} is not installed", file=sys.stderr)
    works = contenders(data.decode(bench.mosaics[0].read_bytes(), 10**9).luminance, bench.device)
    costs = in_turn({name: partial(of_work, work) for name, (work, _) in works.items()}, bench.rounds)
    scaled = {
        name: [Cost(cost.cpu * KERNELS / works[name][1], cost.wall * KERNELS / works[name][1]) for cost in found]
        for name, found in costs.items()
    }
    seconds = {name: spread([cost.wall for cost in found]) for name, found in scaled.items()}
    extrapolated = {name: count for name, (_, count) in works.items() if count < KERNELS}
    found = {"seconds": seconds, "engine_over": ratios(scaled, "engine")}
    return {**found, "kernels": KERNELS, "kernels_timed": extrapolated, "left_out": dict(absent())}


LINES: dict[str, Callable[[Bench], dict]] = {
    line.__name__.replace("_", "-"): line for line in (strict_png, strict_jpeg, joint, default, memory, growth, peers)
}


def main() -> None:
    """Run the lines asked for; print each as it comes, and write all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(LINES), default=list(LINES), metavar="LINE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    document: dict = {
        "schema": "symaudit.benchmark/1",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "device": asked.device,
        "rounds": asked.rounds,
        "lines": {},
    }
    with TemporaryDirectory() as place:
        bench = Bench(Path(place), asked.rounds, asked.device)
        for name in asked.only:
            document["load_before"] = os.getloadavg()[0]
            document["lines"][name] = LINES[name](bench)
            print(json.dumps({name: document["lines"][name]}, indent=2), flush=True)
    if asked.out:
        asked.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
