"""The claim of [SA] at small scale: PSNR of equivariant networks beside a plain one, at equal steps and width.

    python benchmarks/quality.py IMAGES --out runs [--size cpu|gpu] [--device cpu|cuda] [--tasks denoise sr derain]

IMAGES holds BSD100/HR, Set14/HR, Urban20/HR and Rain100L. The first 80 images of BSD100 train; the other 20, Set14 and
Urban20 test. Denoising (sigma 50, unclipped) with the ResNet denoiser and super-resolution x2 with EDSR; methods cnn,
gcnn (p4), fconv, tl, sa (p8); fconv and sa over p4 too; and "audit": what an audit of the training images recommends,
its w as the start and its w_n as the hypernetwork's. Deraining has Rain100L's own halves, with RCDNet, RCDNet with
EQ-Reg towards p2 as in [EQ], and SA-RCDNet. Every network is equally wide in channels and takes equally many steps of
the same patches; three seeds. Stopped and started again it goes on where it was. Last it prints means with 95 %
intervals (Student's t over the seeds), which results.csv in --out holds as well.

gpu: small networks, 3000 steps, whole test sets: 25 minutes on one modern GPU. cpu: tiny networks, 200 steps, three
images of each test set: an hour and a half of one core. cpu-small: small networks, 60 steps, for deraining.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import symmetry_audit
from symmetry_audit.checkpoints import load_checkpoint
from symmetry_audit.data import open_source
from symmetry_audit.inference import evaluate, prepared
from symmetry_audit.nets import build, costs
from symmetry_audit.results import AuditReport
from symmetry_audit.tasks import Pairs, PatchCache, Task, make_task, open_pairs
from symmetry_audit.training import make_settings, start_from_report, train

TRAINED = 80  # of the 100 images of BSD100
SEEDS = (0, 1, 2)
STUDENT = 4.303  # 97.5 % quantile of Student's t with two degrees of freedom
CONTENDERS = {
    "cnn": ("cnn", None, {}),
    "cnn, not augmented": ("cnn", None, {"augment": "none"}),
    "gcnn p4": ("gcnn", "p4", {}),
    "fconv p4": ("fconv", "p4", {}),
    "fconv p8": ("fconv", "p8", {}),
    "tl p8": ("tl", "p8", {}),
    "sa p4": ("sa", "p4", {}),
    "sa p8": ("sa", "p8", {}),
    "audit": (None, None, {}),
}
DERAINING = {
    "RCDNet": ("cnn", None, {}),
    "RCDNet-EQ": ("cnn", None, {"eq_reg": 0.1, "eq_group": "p2"}),
    "SA-RCDNet": ("sa", "p8", {}),
}
# task -> backbone, task, contenders, further settings
TASKS = {
    "denoise": ("resnet", make_task("denoise", sigma=50), CONTENDERS, {}),
    "sr": ("edsr", make_task("sr", scale=2), CONTENDERS, {}),
    "derain": ("rcdnet", make_task("derain"), DERAINING, {"loss": "stages", "augment": "hflip", "batch": 4}),
}


@dataclass(frozen=True)
class Size:
    """How large the networks are, how long they train and how many images of each test set are used."""

    preset: str
    steps: int
    batch: int
    patch: int
    lr: float
    images: int | None
    warmup: int


SIZES = {
    "cpu": Size("tiny", 200, 8, 32, 1e-3, 3, 20),
    "cpu-small": Size("small", 60, 4, 32, 1e-3, 3, 10),
    "gpu": Size("small", 3000, 16, 48, 1e-3, None, 100),
}


def lists(images: Path, out: Path, size: Size) -> dict[str, str]:
    """Text lists of the images of every set of photographs, by its name."""
    found = {}
    for name in ("BSD100", "Set14", "Urban20"):
        found[name] = [ref.path.resolve() for ref in open_source(str(images / name / "HR")).refs]
    train_set, held_out = found["BSD100"][:TRAINED], found["BSD100"][TRAINED:]
    sets = {"train": train_set, "Set14": found["Set14"], "BSD held out": held_out, "Urban20": found["Urban20"]}
    texts = {}
    for name, paths in sets.items():
        chosen = paths if name == "train" else paths[: size.images]
        path = out / f"{name.replace(' ', '-')}.txt"
        path.write_text("".join(f"{one}\n" for one in chosen), encoding="utf-8")
        texts[name] = str(path)
    return texts


def opened(task: Task, images: Path, out: Path, size: Size) -> tuple[Pairs, dict[str, Pairs], Pairs]:
    """The training images, the test sets by name, and one image to validate on."""
    if task.paired:
        halves = [str(images / "Rain100L" / half) for half in ("train", "test")]
        return (
            open_pairs(halves[0], task),
            {"Rain100L": open_pairs(halves[1], task)},
            open_pairs(halves[1], task, limit=1),
        )
    texts = lists(images, out, size)
    tests = {name: open_pairs(text, task) for name, text in texts.items() if name != "train"}
    return open_pairs(texts["train"], task), tests, open_pairs(texts["Set14"], task, limit=1)


def audited(images: Path, out: Path, size: Size) -> AuditReport:
    """The audit of the training photographs, made once."""
    folder = out / "audit"
    if (folder / "report.json").is_file():
        return AuditReport.load(folder)
    return symmetry_audit.measure(lists(images, out, size)["train"], group="p8", fit="joint", out=folder)


def trained(
    contender: tuple[str | None, str | None, dict],
    task: Task,
    backbone: str,
    further: dict,
    seed: int,
    data: tuple[Pairs, Pairs, PatchCache],
    folder: Path,
    size: Size,
    report: AuditReport | None,
    device: str,
) -> None:
    """One run; a finished one is left alone."""
    method, group, options = contender
    start = None
    if method is None:
        start = start_from_report(report, None, allow_other_data=True)  # the cache names the same images otherwise
        method, group = start.method, start.group
        hyper_init = "audit" if method == "sa" and start.fits else "zero"
        options = {"audit": dict(start.audit), "hyper_init": hyper_init, "relax": start.relax}
        options["start"] = (start.w.a, start.w.b) if start.w else None
    relaxed = options.get("relax") is not None
    network = build(backbone, method, preset=size.preset, scale=task.scale, group=group, relaxed=relaxed)
    given = {"steps": size.steps, "batch": size.batch, "patch": size.patch, "lr": size.lr, "warmup": size.warmup}
    given |= {"seed": seed, "validate_every": size.steps, "tl_steps": int(0.4 * size.steps) if method == "sa" else 0}
    settings = make_settings(task=task.to_dict(), architecture=network.architecture, **{**given, **further, **options})
    pairs, valid, cache = data
    train(settings, pairs, valid, folder, cache=cache, device=device, fits=start.fits if start else None)


def scored(folder: Path, tests: dict[str, Pairs], task: Task, device: str) -> dict[str, float]:
    """PSNR on every test set, kept beside the run."""
    path = folder / "scores.json"
    if path.is_file():
        return json.loads(path.read_text())
    network = prepared(load_checkpoint(folder / "last.safetensors").network())
    scores = {name: evaluate(network, pairs, task, device=device).psnr for name, pairs in tests.items()}
    path.write_text(json.dumps(scores))
    return scores


def row_of(task: str, name: str, folder: Path, found: list[dict], tests: dict[str, Pairs], size: Size) -> dict:
    """The means of one contender, with what it costs."""
    architecture = json.loads((folder / "settings.json").read_text())["settings"]["architecture"]
    named = {key: architecture[key] for key in ("backbone", "method", "preset", "scale", "group")}
    cost = costs(**named, size=size.patch)
    row = {"task": task, "contender": name, "method": architecture["method"], "group": architecture["group"]}
    row |= {"parameters": cost.parameters, "activation_bytes": cost.activation_bytes, "steps": size.steps}
    for test in tests:
        values = [scores[test] for scores in found]
        half = STUDENT * stdev(values) / len(values) ** 0.5 if len(values) == len(SEEDS) else None
        row |= {test: mean(values), f"{test} +-": half}
    return row


def line_of(row: dict, tests: dict[str, Pairs]) -> str:
    """A row of the table."""
    scores = "  ".join(f"{test} {row[test]:.2f} +- {row[f'{test} +-'] or 0:.2f}" for test in tests)
    cost = f"{row['parameters']:8,d} {row['activation_bytes'] / 2**20:6.1f} MiB"
    return f"{row['contender']:10s} {row['method']:6s}{row['group']:4s} {cost}  {scores}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", choices=SIZES, default="cpu")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--contenders", nargs="+", choices=[*CONTENDERS, *DERAINING])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    chosen = parser.parse_args()
    size, rows, report = SIZES[chosen.size], [], None
    chosen.out.mkdir(parents=True, exist_ok=True)
    if set(chosen.tasks) - {"derain"}:
        report = audited(chosen.images, chosen.out, size)
        held = report.recommendation
        print(f"audit of {report.dataset.images} images: build {held.build.name}, by the {held.build.evidence}")
    for task_name in chosen.tasks:
        backbone, task, contenders, further = TASKS[task_name]
        pairs, tests, valid = opened(task, chosen.images, chosen.out, size)
        data = pairs, valid, PatchCache(pairs, task)
        batch = further.get("batch", size.batch)
        print(f"\n{task.text}: {backbone} {size.preset}, {size.steps} steps of {batch} patches of {size.patch} px")
        for name, contender in contenders.items():
            if chosen.contenders and name not in chosen.contenders:
                continue
            start, found = time.perf_counter(), []
            for seed in chosen.seeds:
                folder = chosen.out / f"{task_name}-{size.preset}-{name.replace(' ', '-')}-{seed}"
                trained(contender, task, backbone, further, seed, data, folder, size, report, chosen.device)
                found.append(scored(folder, tests, task, chosen.device))
            rows.append(row_of(task_name, name, folder, found, tests, size))
            print(f"{line_of(rows[-1], tests)}  {time.perf_counter() - start:.0f} s", flush=True)
    with (chosen.out / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
