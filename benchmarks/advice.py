"""Does the advice of SPEC 8 train best? PSNR of several ways to train on 22 sets, and the regret of ways to choose.

    python benchmarks/advice.py train IMAGES --steps 960 --out scores.csv [--part K/N]

`train` trains tiny networks, 4 patches of 32 px a step, on 20, 4 and 80 pictures of 128 px of every set. It scores them
on 16 pictures of other sources, after half of the steps and after all. A seed draws the split, the pictures, the
weights, the patches and the noise; all arms of a seed share them. 960 steps with the arms plain, p4 and relaxed take
about half an hour of one quiet core for each size and seed; `--steps 240` has all arms (p8 on 20 pictures only). The
file has a row for every run; stopped and started again, the benchmark goes on with the rows that are missing. The rows
of all processes and machines may be put into one file. benchmarks/advice.csv has ours.

    python benchmarks/advice.py advise IMAGES --scores scores.csv --out evidence.jsonl

`advise` measures the same training pictures as a user would: a strict audit under p8 and a linear pilot for the task,
and an audit of the degradation where there are pairs. About ten seconds for each cell, resumable.

    python benchmarks/advice.py regret --scores scores.csv --evidence evidence.jsonl

`regret` lets the rule of the installed version choose from that evidence and prints how much worse than the best way to
train it is, beside always plain, always p4, always relaxed, the rule before SPEC 8, and a pilot of one seed and 240
steps. Seconds.

IMAGES holds BSD100, Urban20, Set14, Set5 (each HR), RSSCN7, RSSCN7-80, Rain100L and CT (aapm, head); needs pydicom, and
the fonts DejaVu and WenQuanYi Zen Hei.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from _resumable import add_row, rows
from advice_sets import SETS, AdviceSet, GreyNoise, Picture
from PIL import Image

import symmetry_audit
from symmetry_audit.catalogue import ARMS, Arm
from symmetry_audit.data import open_source
from symmetry_audit.pilots import linear_pilot
from symmetry_audit.pilots._arms import Length, run_arm
from symmetry_audit.results import Build, Recommendation, directions_of
from symmetry_audit.tasks import Task, make_task, open_pairs
from symmetry_audit.theory import recommend

SCORES = Path(__file__).with_name("advice.csv")
SIZES, SEEDS = (20, 80, 4), (0, 1, 2)
HELD_OUT, LARGEST = 16, 96  # pictures to score, and their side in px
STEP_COST = {"relaxed": 1.2, "p8": 1.9}  # of a plain step, on a processor
COLUMNS = ("set", "images", "seed", "arm", "steps", "half", "full", "seconds")
PILOT = 240  # steps of a pilot
MARGIN = 0.05  # dB


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
    everything = [(one, size, seed) for seed in SEEDS for size in SIZES for one in SETS.values()]
    number, parts = part
    yield from everything[number - 1 :: parts]


def arms(size: int, steps: int) -> list[Arm]:
    """The arms to train: all in short runs, but p8, which takes twice the time, on 20 pictures only."""
    if steps > PILOT:
        return [ARMS[name] for name in ("plain", "p4", "relaxed")]
    return [arm for arm in ARMS.values() if arm.name != "p8" or size == 20]


def train(folder: Path, out: Path, steps: int, part: tuple[int, int]) -> None:
    """Train all arms of the cells of one part that have no row yet."""
    torch.set_num_threads(1)
    done = {tuple(row[name] for name in COLUMNS[:5]) for row in rows(out)}
    for one, size, seed in cells(part):
        own = (one.name, str(size), str(seed))
        todo = [arm for arm in arms(size, steps) if (*own, arm.name, str(steps)) not in done]
        if not todo:
            continue
        pictures, held_out = split(one, folder, size, seed)
        items, tests = Prepared(prepared(one, pictures)), scored(one, held_out, seed)
        length = Length(steps=steps, patch=min(32, *items[0][0].shape[:2]) // 8 * 8)
        for arm in todo:
            found = run_arm(arm, one.task, items, tests, seed=seed, length=length)
            half, full = (f"{np.mean(values):.4f}" for values in found.psnr)
            row = (*own, arm.name, steps, half, full, f"{found.seconds:.1f}")
            add_row(out, dict(zip(COLUMNS, row, strict=True)))
            print(*own, arm.name, half, full, f"{found.seconds:.1f} s", flush=True)


def advise(folder: Path, scores: Path, out: Path) -> None:
    """What an audit and a linear pilot say of the training pictures of every cell that has scores."""
    done = {tuple(json.loads(line)[name] for name in COLUMNS[:3]) for line in lines(out)}
    scored_cells = {(row["set"], int(row["images"]), int(row["seed"])) for row in rows(scores)}
    for one, size, seed in cells((1, 1)):
        key = (one.name, size, seed)
        if key in done or key not in scored_cells:
            continue
        found = evidence(one, split(one, folder, size, seed)[0])
        with open(out, "a", encoding="utf-8") as file:
            document = found.to_dict()
            file.write(json.dumps(dict(zip(COLUMNS[:3], key, strict=True)) | {"found": document}) + "\n")
        print(*key, found.build.name, found.build.augment, found.build.evidence, flush=True)


def evidence(one: AdviceSet, pictures: Sequence[Picture]) -> Recommendation:
    """The advice for the training pictures, with all that it rests on."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for at, picture in enumerate(pictures):
            save(place / "clean" / f"{at:03}.png", picture.clean)
            layer = _layer(one.task, picture, at)
            if layer is not None:
                save(place / "degraded" / f"{at:03}.tif", layer)
            if picture.degraded is not None:
                save(place / "inputs" / f"{at:03}.png", picture.degraded)
        task = _stated(one.task)
        inputs = str(place / "inputs") if task.paired else None
        pairs = open_pairs(open_source(str(place / "clean")), task, inputs=inputs)
        own = audited(place / "clean")
        directions = own.directions
        if (place / "degraded").is_dir():
            directions += tuple(replace(item, layer="degradation") for item in audited(place / "degraded").directions)
        linear = linear_pilot(pairs, task)
        return recommend(own.candidates, images=len(pictures), directions=directions, linear=linear)


def audited(folder: Path) -> Recommendation:
    """The strict audit of a folder of pictures."""
    small = min(Image.open(path).size[0] for path in folder.iterdir()) < 40
    options = {"sigma": 1.0, "margin": 6} if small else {}
    report = symmetry_audit.measure(folder, group="p8", scenario="dataset_strict", workers=1, **options)
    found = report.recommendation
    return replace(found, directions=directions_of(report.analyses["directions"], report.first_scale))


def save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(image).save(path)


def _layer(task: Task, picture: Picture, seed: int) -> np.ndarray | None:
    """Degraded minus clean luminance where a user would have both: rain, and the noise of a sensor's columns."""
    if picture.degraded is not None:
        layer = picture.degraded.astype(float) - picture.clean
        return (layer @ (0.299, 0.587, 0.114)).astype(np.float32)
    if isinstance(task, GreyNoise) and task.columns:
        zero = np.zeros_like(picture.clean)
        return task.corrupt(zero, np.random.default_rng([seed, 2]))[..., 0]
    return None


def _stated(task: Task) -> Task:
    """The task as a user would state it."""
    if isinstance(task, GreyNoise) and not task.columns:
        return make_task("denoise", sigma=task.sigma)
    return make_task("inpaint", missing=0.5) if task.name == "inpaint" else task


def arm_of(build: Build) -> str:
    """The arm that trains what is advised; mirrored patches for a network with a group are no arm of their own."""
    if build.group == "p1":
        return "mirrored" if build.augment == "hflip" else "plain"
    return "relaxed" if build.relax is not None else build.group


def former(found: Recommendation, task: Task) -> str:
    """The rule before SPEC 8: the largest group whose upper limit is at most null + floor or 5 %, else plain, which
    `train` then augmented by flips and turns, for rain by mirrors."""
    fits = "plain"
    for group in ("p4", "p8"):
        item = found.candidate(group)
        values = item.seen if item is not None and found.images >= 10 else ()
        limits = [max((one.floor or 0) + (one.null_epsilon or 0), 0.05) for one in values]
        if not values or any(one.upper > limit for one, limit in zip(values, limits, strict=True)):
            break
        fits = group
    if fits != "plain":
        return fits
    return "mirrored" if task.augment == "hflip" else "augmented"


Key = tuple[str, int, int]  # set, images, seed
Table = Mapping[Key, Mapping[str, float]]  # PSNR by arm
Choice = Callable[[Key], str]


def regret(scores: Path, evidence_file: Path) -> None:
    """Print the regret of every way to choose, for both halves, at equal steps and at equal time."""
    found: dict[Key, Recommendation] = {}
    for line in lines(evidence_file):
        document = json.loads(line)
        found[document["set"], document["images"], document["seed"]] = Recommendation.from_dict(document["found"])
    pilots = readings(scores, PILOT, equal_time=False)
    for steps in sorted({int(row["steps"]) for row in rows(scores)}):
        for equal_time in (False, True):
            table = {key: psnr for key, psnr in readings(scores, steps, equal_time=equal_time).items() if key in found}
            print(f"\n{steps} steps, equal {'time' if equal_time else 'steps'}: {len(table)} cells")
            for way, choice in _ways(found, pilots).items():
                told = [_told(_losses(table, half, choice), half) for half in ("tune", "report")]
                print(f"{way:20} " + "   ".join(filter(None, told)))


def _ways(found: Mapping[Key, Recommendation], pilots: Table) -> dict[str, Choice]:
    return {
        "advice": lambda key: arm_of(_again(found[key], "cpu")),
        "advice, gpu": lambda key: arm_of(_again(found[key], "gpu")),
        "rule before": lambda key: former(found[key], SETS[key[0]].task),
        "always plain": lambda key: "plain",
        "always p4": lambda key: "p4",
        "always relaxed": lambda key: "relaxed",
        "pilot, 1 seed": lambda key: _piloted(pilots.get(key, {})),
    }


def readings(scores: Path, steps: int, *, equal_time: bool) -> Table:
    """PSNR by cell and arm; with ``equal_time`` arms with dearer steps are read earlier, by linear interpolation."""
    table: dict[Key, dict[str, float]] = defaultdict(dict)
    for row in rows(scores):
        if int(row["steps"]) != steps:
            continue
        half, full = float(row["half"]), float(row["full"])
        share = 1 / STEP_COST.get(row["arm"], 1.0) if equal_time else 1.0
        found = half + (full - half) * max(2 * share - 1, 0.0)
        table[row["set"], int(row["images"]), int(row["seed"])][row["arm"]] = found
    return {key: psnr for key, psnr in table.items() if {"plain", "p4", "relaxed"} <= set(psnr)}


def _losses(table: Table, half: str, choice: Choice) -> dict[tuple[str, int], float]:
    """dB below the best arm, by set and size, means over the seeds. An arm that was not trained counts as its like:
    p8 as p4, augmented and mirrored as plain."""
    losses = {}
    for name, size in sorted({key[:2] for key in table if SETS[key[0]].half == half}):
        seeds = [key for key in table if key[:2] == (name, size)]
        shared = set.intersection(*(set(table[key]) for key in seeds))
        best = max(np.mean([table[key][arm] for key in seeds]) for arm in shared)
        chosen = [table[key].get(arm := choice(key), table[key]["p4" if arm == "p8" else "plain"]) for key in seeds]
        losses[name, size] = float(best - np.mean(chosen))
    return losses


def _told(losses: Mapping[tuple[str, int], float], half: str) -> str:
    if not losses:
        return ""
    worst = max(losses, key=lambda cell: losses[cell])
    return f"{half} {np.mean(list(losses.values())):.3f} {losses[worst]:.3f} ({worst[0]}, {worst[1]})"


def _again(found: Recommendation, budget: str) -> Build:
    """The rule of the installed version on stored evidence."""
    about = {"images": found.images, "directions": found.directions, "linear": found.linear, "budget": budget}
    return recommend(found.candidates, **about).build


def _piloted(psnr: Mapping[str, float]) -> str:
    """Of plain, p4 and relaxed the first, in the order of cost, that is at most the margin below the best."""
    tried = [arm for arm in ARMS if arm in ("plain", "p4", "relaxed")]
    if not all(arm in psnr for arm in tried):
        return "p4"
    best = max(psnr[arm] for arm in tried)
    return next(arm for arm in tried if psnr[arm] > best - MARGIN)


def lines(path: Path) -> list[str]:
    """The lines of a file, none if there is no file."""
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train and score all arms")
    training.add_argument("images", type=Path)
    training.add_argument("--out", type=Path, default=SCORES)
    training.add_argument("--steps", type=int, default=960)
    training.add_argument("--part", default="1/1", help="this process's part of the cells, such as 1/2")
    advising = commands.add_parser("advise", help="measure what the advice rests on")
    advising.add_argument("images", type=Path)
    advising.add_argument("--out", type=Path, default=Path("evidence.jsonl"))
    judging = commands.add_parser("regret", help="print the regret of the advice")
    judging.add_argument("--evidence", type=Path, default=Path("evidence.jsonl"))
    for command in (advising, judging):
        command.add_argument("--scores", type=Path, default=SCORES)
    given = parser.parse_args()
    if given.command == "train":
        number, parts = map(int, given.part.split("/"))
        train(given.images, given.out, given.steps, (number, parts))
    elif given.command == "advise":
        advise(given.images, given.scores, given.out)
    else:
        regret(given.scores, given.evidence)


if __name__ == "__main__":
    main()
