"""Does a symmetry help to classify? Accuracy of plain, equivariant, regularized and partial networks on aerial tiles.

    python benchmarks/classify.py FOLDER --minutes 20 --out benchmarks/classify.csv [--arms p4,plain] [--seeds 0,1,2]

FOLDER has one folder of images for each class, such as RSSCN7-80. For every seed a third of each class is held out;
the seed also draws weights and batches, so the arms of a seed differ in nothing but the arm. Every run has the same
processor time, which the learning rate follows: what a costly arm gains has to make up for its fewer steps, and other
work on the machine changes little. All arms are trained on random windows of 64 px without mirrors or
turns, unless the arm says so, and tested on whole images; weights are those of the last step. Besides the accuracy on
the third that was held out, a run has the share of these images whose label changes under a quarter turn.

The file has a row for every run; stopped and started again, the benchmark goes on with the rows that are missing, arm
by arm for each seed, and prints the table so far.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _resumable import add_row, rows
from torch import nn

from symmetry_audit.nets import architecture_of, build
from symmetry_audit.statistics import proportion_interval, student_interval
from symmetry_audit.tasks import PatchSampler, Task, held_out, make_task, open_pairs
from symmetry_audit.training import TrainSettings, make_settings
from symmetry_audit.training._distributed import World
from symmetry_audit.training._stage import Stage

ROWS = Path(__file__).with_name("classify.csv")
SHARE, PATCH, BATCH, RATE, WARMUP = 1 / 3, 64, 32, 2e-3, 50
STEPS = 10**6  # more than any run takes
CHUNK = 64  # images that are tested at a time


@dataclass(frozen=True)
class Arm:
    """One way to train: the network's method and options, and settings of the training."""

    method: str = "cnn"
    network: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


PAIRS = {"eq_group": "p4", "eq_paired": True}
ARMS = {
    "plain": Arm(),
    "p4": Arm("gcnn", {"group": "p4"}),
    "p8": Arm("fconv", {"group": "p8"}),
    "partial": Arm("gcnn", {"group": "p4", "partial": True}),
    "augmented": Arm(training={"augment": "flips+turns"}),
    "pairs": Arm(training={"eq_reg": 0.0, **PAIRS}),
    "eq-reg": Arm(training={"eq_reg": 0.1, **PAIRS}),
    "eq-reg-features": Arm(training={"eq_reg": 0.1, "eq_output": 0.0, **PAIRS}),
}


@dataclass(frozen=True)
class Row:
    """One run; ``minutes`` of processor time were asked for, ``seconds`` of it were used by ``steps``."""

    arm: str
    seed: int
    minutes: float
    steps: int
    seconds: float
    images: int
    correct: int
    cross_entropy: float
    turned: float

    @property
    def accuracy(self) -> float:
        return self.correct / self.images


@dataclass(frozen=True)
class Images:
    """Examples in memory, as a training run takes them."""

    items: list[tuple[np.ndarray, np.ndarray]]

    @property
    def keys(self) -> list[str]:
        return [str(at) for at in range(len(self.items))]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, at: int) -> tuple[np.ndarray, np.ndarray]:
        return self.items[at]


def read(folder: Path) -> tuple[Task, list[str], list[tuple[np.ndarray, np.ndarray]]]:
    """The task with its classes, and the class and the pixels of every image."""
    task = make_task("classify")
    pairs = open_pairs(str(folder), task)
    task = task.fitted(pairs)
    found = [task.read(pair) for pair in pairs.refs]
    return task, [pair.label or "" for pair in pairs.refs], [(one.degraded, one.clean) for one in found]


def settings_of(arm: Arm, task: Task, seed: int, minutes: float) -> TrainSettings:
    """The settings of one run; the learning rate follows the time."""
    architecture = architecture_of(
        build("classifier", arm.method, preset="tiny", classes=len(task.class_names), **arm.network)
    )
    common = {"batch": BATCH, "patch": PATCH, "lr": RATE, "augment": "none", "loss": "cross-entropy"}
    length = {"steps": STEPS, "minutes": minutes, "warmup": WARMUP, "seed": seed}
    return make_settings(task=task.to_dict(), architecture=architecture, **{**common, **length, **arm.training})


def trained(settings: TrainSettings, images: Images, task: Task) -> tuple[nn.Module, int, float]:
    """A network after the settings' minutes of processor time; the steps that it took, and their seconds."""
    torch.manual_seed(settings.seed)
    network = build(**settings.architecture)
    stage = Stage(settings, network, World(), torch.amp.GradScaler(enabled=False), second=True)
    sampler = PatchSampler(images, task, settings.patch, settings.seed, settings.augment)
    start, step, seconds = time.process_time(), 0, 0.0
    while seconds < 60 * (settings.minutes or 0):
        stage.gradients(step, settings.rate(step, seconds / 60), sampler.batch(step, settings.batch))
        stage.update()
        step, seconds = step + 1, time.process_time() - start
    return network.eval(), step, seconds


@torch.inference_mode()
def logits_of(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return torch.cat([network(part) for part in x.split(CHUNK)])


def run(name: str, seed: int, minutes: float, task: Task, train: Images, test: Images) -> Row:
    """Train one arm and test it."""
    arm = ARMS[name]
    network, steps, seconds = trained(settings_of(arm, task, seed, minutes), train, task)
    x = torch.from_numpy(np.stack([image.transpose(2, 0, 1) for image, _ in test.items])).float()
    labels = torch.tensor([int(label) for _, label in test.items])
    logits, turned = logits_of(network, x), logits_of(network, x.rot90(1, (2, 3)))
    predicted = logits.argmax(1)
    return Row(
        arm=name,
        seed=seed,
        minutes=minutes,
        steps=steps,
        seconds=round(seconds, 1),
        images=len(labels),
        correct=int((predicted == labels).sum()),
        cross_entropy=round(float(nn.functional.cross_entropy(logits, labels)), 4),
        turned=round(float((turned.argmax(1) != predicted).float().mean()), 4),
    )


def read_rows(path: Path) -> list[Row]:
    kinds = {"arm": str, "seed": int, "steps": int, "images": int, "correct": int}
    return [Row(**{key: kinds.get(key, float)(value) for key, value in row.items()}) for row in rows(path)]


def table(found: Sequence[Row], minutes: float) -> str:
    """A line for each arm: its mean accuracy, Wilson's interval of all its images, and its gain over plain by seed."""
    held = {(row.arm, row.seed): row for row in found if row.minutes == minutes}
    lines = [
        f"{'arm':24}{'seeds':>6}{'steps':>8}{'accuracy %':>12}{'95 %':>16}{'gain over plain, 95 %':>30}{'turned %':>10}"
    ]
    for name in ARMS:
        own = [row for (arm, _), row in held.items() if arm == name]
        if not own:
            continue
        low, high = proportion_interval(sum(row.correct for row in own), sum(row.images for row in own))
        pairs = [(row, held["plain", row.seed]) for row in own if ("plain", row.seed) in held]
        gains = [100 * (one.accuracy - plain.accuracy) for one, plain in pairs]
        gain = "" if name == "plain" or not gains else f"{np.mean(gains):+.2f}"
        if gain and len(gains) > 1:
            gain += " ({:+.2f} to {:+.2f})".format(*student_interval(gains))
        accuracy = 100 * float(np.mean([row.accuracy for row in own]))
        steps, turned = (np.mean([getattr(row, key) for row in own]) for key in ("steps", "turned"))
        ends = f"{100 * low:.1f} to {100 * high:.1f}"
        lines.append(f"{name:24}{len(own):6}{steps:8.0f}{accuracy:12.2f}{ends:>16}{gain:>30}{100 * turned:10.2f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="images, one folder for each class")
    parser.add_argument("--minutes", type=float, default=20.0, help="processor time of every run")
    parser.add_argument("--out", type=Path, default=ROWS, help="file for the rows")
    parser.add_argument("--arms", type=lambda text: text.split(","), default=list(ARMS))
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2])
    asked = parser.parse_args()
    torch.set_num_threads(1)
    task, labels, items = read(asked.folder)
    for seed in asked.seeds:
        held = held_out(labels, SHARE, seed)
        train, test = (Images([item for item, out in zip(items, held, strict=True) if out == one]) for one in (0, 1))
        for name in asked.arms:
            done = {(row.arm, row.seed, row.minutes) for row in read_rows(asked.out)}
            if (name, seed, asked.minutes) not in done:
                add_row(asked.out, asdict(run(name, seed, asked.minutes, task, train, test)))
                print(f"{name}, seed {seed}: done", flush=True)
    print(table(read_rows(asked.out), asked.minutes))


if __name__ == "__main__":
    main()
