"""Does the advice of SPEC 8 train best? PSNR of six ways to train on 22 sets, and the regret of each way to choose.

    python benchmarks/advice.py train IMAGES --out scores.csv [--part K/N]

`train` trains tiny networks, 240 steps of 4 patches of 32 px, on 4, 20 and 80 pictures of 128 px of every set, with
three seeds, and scores them on 16 pictures of other sources after 120 and 240 steps. A seed draws the split, the
pictures, the weights, the patches and the noise; all arms of a seed share them. About 10,000 seconds of one core. The
file has a row for every run; stopped and started again, the benchmark goes on with the rows that are missing. The rows
of all processes and machines may be put into one file. benchmarks/advice.csv has ours.

IMAGES holds BSD100, Urban20, Set14, Set5 (each HR), RSSCN7, RSSCN7-80, Rain100L and CT (aapm, head); needs pydicom, and
the fonts DejaVu and WenQuanYi Zen Hei.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from advice_sets import SETS, AdviceSet, Picture

from symmetry_audit.pilots._arms import ARMS, Arm, Length, run_arm

SIZES, SEEDS = (4, 20, 80), (0, 1, 2)
HELD_OUT, LARGEST = 16, 96  # pictures to score, and their side in px
COLUMNS = ("set", "images", "seed", "arm", "half", "full", "seconds")


@dataclass(frozen=True)
class Prepared:
    """Pictures in memory, as a training run takes them."""

    items: list[tuple[np.ndarray, np.ndarray]]

    @property
    def keys(self) -> list[str]:
        return [str(at) for at in range(len(self.items))]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, at: int) -> tuple[np.ndarray, np.ndarray]:
        return self.items[at]


def split(one: AdviceSet, folder: Path, size: int, seed: int) -> tuple[list[Picture], list[Picture]]:
    """``size`` training pictures, and those to score, of other sources; the latter do not depend on ``size``."""
    rng = np.random.default_rng([seed, crc32(one.name.encode())])
    pool = one.pictures(folder, rng)
    sources = rng.permutation(sorted({picture.source for picture in pool}))
    apart = set(sources[: max(len(sources) // 5, 4)].tolist())
    order = rng.permutation(len(pool))
    held_out = [pool[at] for at in order if pool[at].source in apart][:HELD_OUT]
    others = [pool[at] for at in order if pool[at].source not in apart]
    return (others * (size // len(others) + 1))[:size], held_out


def prepared(one: AdviceSet, pictures: list[Picture]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(degraded, clean) of each picture before noise is drawn."""
    return [one.task.prepare(picture.clean, picture.degraded) for picture in pictures]


def scored(one: AdviceSet, pictures: list[Picture], seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Input and clean picture of those to score, cut to at most LARGEST px, with noise that depends on the seed."""
    rng = np.random.default_rng([seed, 1])
    found = []
    for degraded, clean in prepared(one, pictures):
        scale = one.task.scale
        side = min(LARGEST // scale, *degraded.shape[:2])
        fixed = one.task.corrupt(degraded[:side, :side], rng)
        found.append((fixed, clean[: side * scale, : side * scale]))
    return found


def cells(part: tuple[int, int]) -> Iterator[tuple[AdviceSet, int, int]]:
    """All (set, size, seed) of one part, the seeds outermost, so that what is there first covers all sets."""
    everything = [(one, size, seed) for seed in SEEDS for size in (20, 80, 4) for one in SETS.values()]
    number, parts = part
    yield from everything[number - 1 :: parts]


def arms(size: int) -> list[Arm]:
    """The arms to train on ``size`` pictures; p8, which takes twice the time of the others, on 20 only."""
    return [arm for arm in ARMS.values() if arm.name != "p8" or size == 20]


def train(folder: Path, out: Path, part: tuple[int, int]) -> None:
    torch.set_num_threads(1)
    done = {tuple(row[name] for name in COLUMNS[:4]) for row in rows(out)}
    for one, size, seed in cells(part):
        todo = [arm for arm in arms(size) if (one.name, str(size), str(seed), arm.name) not in done]
        if not todo:
            continue
        pictures, held_out = split(one, folder, size, seed)
        items, tests = Prepared(prepared(one, pictures)), scored(one, held_out, seed)
        length = Length(patch=min(32, *items[0][0].shape[:2]) // 8 * 8)
        for arm in todo:
            found = run_arm(arm, one.task, items, tests, seed=seed, length=length)
            half, full = (f"{np.mean(values):.4f}" for values in found.psnr)
            append(out, (one.name, size, seed, arm.name, half, full, f"{found.seconds:.1f}"))
            print(one.name, size, seed, arm.name, half, full, f"{found.seconds:.1f} s", flush=True)


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a file of scores, none if there is no file."""
    if not path.is_file():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path, row: tuple) -> None:
    new = not path.is_file()
    with open(path, "a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        writer.writerow(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train and score all arms")
    training.add_argument("images", type=Path)
    training.add_argument("--out", type=Path, default=Path(__file__).with_name("advice.csv"))
    training.add_argument("--part", default="1/1", help="this process's part of the cells, such as 1/2")
    given = parser.parse_args()
    number, parts = map(int, given.part.split("/"))
    train(given.images, given.out, (number, parts))


if __name__ == "__main__":
    main()
