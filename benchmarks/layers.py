"""One layer of every method beside a plain 5 x 5 convolution of equal width, in one run.

    python benchmarks/layers.py [--rounds 7] [--batches 4 16] [--device cpu|cuda] [--bf16] [--contenders conv5 fconv sa]

256 -> 256 channels (32 features over p8; G-CNN: 64 over p4), 48 x 48 pixels. A training step is forward and
backward after a change of the weights, so that filters are built anew. Every round runs every contender once, in
turn; ratios to the plain convolution are medians over the rounds. Memory is the peak of a fresh process over what
it holds before the step (on CUDA: of allocated memory). "grouped" is the textbook way to do SA-Conv: all filter
banks of the batch in one grouped convolution.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from symmetry_audit.layers import EquivariantConv2d, Layers, fold

CHANNELS, SIZE = 256, 48


class Grouped(nn.Module):
    """An SA layer whose filter banks all stand in memory at once."""

    def __init__(self, layer: EquivariantConv2d) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        banks = self.layer.filters()
        bias = self.layer.channel_bias().repeat(len(x))
        wide = x.reshape(1, -1, *x.shape[2:])
        found = torch.conv2d(wide, banks.flatten(0, 1), bias, padding=self.layer.padding, groups=len(x))
        return found.view(len(x), -1, *found.shape[2:])


def layer(method: str, **options: object) -> EquivariantConv2d:
    made = Layers(method, **options)
    features = CHANNELS // made.group.order
    return made.group_conv(features, features)


CONTENDERS = {
    "conv5": lambda: nn.Conv2d(CHANNELS, CHANNELS, 5, padding=2),
    "conv3": lambda: nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
    "gcnn": lambda: layer("gcnn"),
    "e2cnn": lambda: layer("e2cnn"),
    "harnet": lambda: layer("harnet"),
    "pdoe": lambda: layer("pdoe"),
    "fconv": lambda: layer("fconv"),
    "bconv": lambda: layer("bconv"),
    "tl fourier": lambda: layer("tl"),
    "tl bicubic": lambda: layer("tl", basis="bicubic"),
    "sa fourier": lambda: layer("sa"),
    "sa bicubic": lambda: layer("sa", basis="bicubic"),
    "sa grouped": lambda: Grouped(layer("sa")),
    "fconv folded": lambda: fold(layer("fconv")),
    "tl folded": lambda: fold(layer("tl")),
}


class Step:
    """One contender with its input, ready to run."""

    def __init__(self, name: str, batch: int, device: str, bf16: bool) -> None:
        torch.manual_seed(0)
        self.module = CONTENDERS[name]().to(device)
        self.x = torch.randn(batch, CHANNELS, SIZE, SIZE, device=device)
        if device == "cuda":
            self.module, self.x = (part.to(memory_format=torch.channels_last) for part in (self.module, self.x))
        self.offset = 0.1 * torch.randn(batch, 3, device=device) if name.startswith("sa") else None
        self.device, self.bf16 = device, bf16

    def __call__(self, backward: bool) -> None:
        if self.offset is not None:
            deformation = next(part.deformation for part in self.module.modules() if hasattr(part, "deformation"))
            deformation.offset = self.offset.clone().requires_grad_(backward)
        self.x.requires_grad_(backward)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16), torch.set_grad_enabled(backward):
            found = self.module(self.x)
        if backward:
            found.backward(torch.ones_like(found))
            with torch.no_grad():
                for parameter in self.module.parameters():
                    parameter.mul_(1)  # a step: the filters are out of date
                    parameter.grad = None
            self.x.grad = None

    def seconds(self, backward: bool) -> float:
        start = time.perf_counter()
        self(backward)
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start


def speed(names: list[str], batch: int, rounds: int, device: str, bf16: bool) -> dict[str, dict[str, float]]:
    steps = {name: Step(name, batch, device, bf16) for name in names}
    found: dict[str, dict[str, float]] = {name: {} for name in names}
    for what, backward in (("forward", False), ("training", True)):
        for step in steps.values():
            step.module.train(backward)
        times: dict[str, list[float]] = {name: [] for name in names}
        for turn in range(rounds + 1):
            for name, step in steps.items():
                seconds = step.seconds(backward)
                if turn:  # the first round warms up
                    times[name].append(seconds)
        for name in names:
            found[name][f"{what}_s"] = median(times[name])
            ratios = [a / b for a, b in zip(times[name], times["conv5"], strict=True)]
            found[name][f"{what}_ratio"] = median(ratios)
    return found


def peak_memory(name: str, batch: int, device: str, bf16: bool) -> float:
    """MB that two training steps need beyond the module and its input."""
    Step(name, 1, device, bf16)(True)  # what is loaded at the first use belongs to no step
    step = Step(name, batch, device, bf16)
    if device == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step(True), step(True)
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = resident("VmRSS")
    step(True), step(True)
    return resident("VmHWM") - before


def resident(field: str) -> float:
    """A line of /proc/self/status, in MB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[field].split()[0]) * 1024 / 1e6


def in_fresh_process(name: str, batch: int, device: str, bf16: bool) -> float:
    command = [sys.executable, __file__, "--device", device, "--batches", str(batch), "--memory-of", name]
    done = subprocess.run([*command, *(["--bf16"] if bf16 else [])], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.memory_of:
        print(peak_memory(asked.memory_of, asked.batches[0], asked.device, asked.bf16))
        return
    names = list(dict.fromkeys(["conv5", *asked.contenders]))
    machine = torch.cuda.get_device_name() if asked.device == "cuda" else platform.processor() or platform.machine()
    found: dict[str, object] = {"machine": machine, "torch": torch.__version__, "bf16": asked.bf16}
    for batch in asked.batches:
        rows = speed(names, batch, asked.rounds, asked.device, asked.bf16)
        for name, row in rows.items():
            row["peak_MB"] = median(in_fresh_process(name, batch, asked.device, asked.bf16) for _ in range(3))
            row["peak_ratio"] = row["peak_MB"] / rows["conv5"]["peak_MB"]
            print(
                f"batch {batch:2}  {name:13}", *(f"{key} {value:8.3f}" for key, value in row.items()), file=sys.stderr
            )
        found[f"batch_{batch}"] = rows
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
