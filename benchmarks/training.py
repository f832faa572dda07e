"""A full training step beside its parts, in one run.

    python benchmarks/training.py IMAGES [--preset small] [--batch 8] [--patch 48] [--rounds 9] [--device cpu|cuda]

IMAGES is a folder of photographs. Per contender, medians over the rounds in milliseconds: "step", forward, loss,
backward and Adam on tensors that are in memory already; "full", what `symaudit train` does for a step of denoising
or super-resolution x2 (patches cut, augmented and degraded beside it, learning rate, guard against NaN, counters);
"plain", the step of SA's network folded to plain convolutions, a CNN of equal width and kernel size; and "EQ-Reg", the
step of the CNN with EQ-Reg towards p4 or p8, whose elements take turns. Rounds take all contenders in turn; ratios are
medians of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import torch

from symmetry_audit.checkpoints import Card
from symmetry_audit.groups import Group
from symmetry_audit.layers import fold
from symmetry_audit.nets import build
from symmetry_audit.tasks import PatchCache, PatchSampler, make_task, open_pairs
from symmetry_audit.training import EquivarianceRegularizer, make_settings
from symmetry_audit.training._distributed import World
from symmetry_audit.training._loop import Loop
from symmetry_audit.training._objective import Objective

TASKS = {"denoise": ("resnet", make_task("denoise", sigma=50)), "sr": ("edsr", make_task("sr", scale=2))}


def bare(network: torch.nn.Module, x: torch.Tensor, clean: torch.Tensor, group: str = "") -> Callable[[], None]:
    """One step on tensors in memory, with EQ-Reg towards ``group`` if there is one."""
    regularize = partial(EquivarianceRegularizer, group=group) if group else None
    objective = Objective(network.train(), "l1", regularize=regularize, eq_reg=0.1)
    optimizer = torch.optim.Adam(network.parameters(), 1e-4, fused=True)
    elements = cycle(range(1, Group.parse(group).order if group else 2))

    def step() -> None:
        objective.element = next(elements)
        optimizer.zero_grad(set_to_none=True)
        objective(x, clean).loss.backward()
        optimizer.step()

    return step


def full(loop: Loop) -> Callable[[], None]:
    """One step of a run, its data included."""
    loop.begin()
    batches = loop.batches(ThreadPoolExecutor(1))

    def step() -> None:
        for number, batch in islice(batches, 1):
            loop.step(number, batch)

    return step


def timed(step: Callable[[], None], device: str, repeats: int) -> float:
    """Milliseconds for a step."""
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    if device != "cpu":
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - start) / repeats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--patch", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    steps = chosen.rounds * chosen.repeats + 4
    where = f"{chosen.device}, {torch.get_num_threads()} threads"
    print(f"{chosen.preset}, batch {chosen.batch}, patch {chosen.patch} px, {where}")
    for name, (backbone, task) in TASKS.items():
        cache = PatchCache(open_pairs(chosen.images, task), task)
        sampler = PatchSampler(cache, task, chosen.patch, 0)
        x, clean = (torch.from_numpy(part).to(chosen.device) for part in sampler.batch(0, chosen.batch))
        contenders = {}
        for method in ("cnn", "fconv", "sa"):
            networks = [build(backbone, method, preset=chosen.preset, scale=task.scale).to(chosen.device) for _ in "ab"]
            settings = make_settings(
                task=task.to_dict(),
                architecture=networks[0].architecture,
                steps=steps,
                batch=chosen.batch,
                patch=chosen.patch,
                log_every=10**6,
                validate_every=10**6,
            )
            card = Card(architecture=networks[0].architecture, task=task.to_dict(), step=0)
            loop = Loop(
                settings,
                networks[0],
                sampler,
                World(device=chosen.device),
                Path(tempfile.gettempdir()),
                card=card,
                validation=lambda *_: None,
            )
            contenders[f"{method} full"] = full(loop)
            contenders[f"{method} step"] = bare(networks[1], x, clean)
            if method == "cnn":
                for group in ("p4", "p8"):
                    network = build(backbone, method, preset=chosen.preset, scale=task.scale).to(chosen.device)
                    contenders[f"cnn EQ-Reg {group}"] = bare(network, x, clean, group)
            if method == "sa":
                contenders["sa plain"] = bare(fold(networks[1].eval(), x[:1]), x, clean)
                networks[1].train()
        for step in contenders.values():
            timed(step, chosen.device, 1)
        found = {key: [] for key in contenders}
        for _ in range(chosen.rounds):
            for key, step in contenders.items():
                found[key].append(timed(step, chosen.device, chosen.repeats))
        for key, values in found.items():
            print(f"{name:8s} {key:13s} {median(values):8.1f} ms")
        for one, other in [(f"{m} full", f"{m} step") for m in ("cnn", "fconv", "sa")] + [
            ("sa step", "sa plain"),
            ("cnn EQ-Reg p4", "cnn step"),
            ("cnn EQ-Reg p8", "cnn step"),
        ]:
            ratio = median(a / b for a, b in zip(found[one], found[other], strict=True))
            print(f"{name:8s} {one} / {other}: {ratio:.3f}", flush=True)


if __name__ == "__main__":
    main()
