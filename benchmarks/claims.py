"""Measure every figure that the closing notes quote, and print them as one JSON document.

    python benchmarks/claims.py [--rounds 5] [--out claims.json] [--only exactness ...]

The real images (SYMAUDIT_TEST_DATA, or shared/data beside the project) are used where they are, and figures
that need them are null with the reason where they are not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from fits import calibration, coverage, fit_speed, harder_kinds, real_adaptive, truth  # noqa: E402
from PIL import Image  # noqa: E402

from symmetry_audit import audit, findings, measure, statistics  # noqa: E402
from symmetry_audit.engine import TOLERANCES, DeviceBank, StrictEngine, strict_engine  # noqa: E402
from symmetry_audit.groups import Affine  # noqa: E402
from symmetry_audit.kernels import (  # noqa: E402
    DEFAULT_REGULARIZERS,
    KERNEL_MODELS,
    STENCILS,
    factor_bank,
    kernel_model,
    sampled_kernels,
    window_radius,
)
from tests.conftest import smooth_noise  # noqa: E402
from tests.oracles import symmetry as oracle  # noqa: E402

DATA = Path(os.environ.get("SYMAUDIT_TEST_DATA", ROOT.parent / "shared" / "data"))
STRICT = "sample_strict,dataset_strict"
SYMAUDIT = [sys.executable, "-m", "symmetry_audit.cli"]


def one_bank(name: str, kernel: str, matrices: np.ndarray, stretch: float, dtype: torch.dtype) -> DeviceBank:
    model = kernel_model(kernel)
    kernels = sampled_kernels(STENCILS[name], matrices, model, window_radius(STENCILS[name], model, stretch))
    return DeviceBank.from_bank(factor_bank(kernels, TOLERANCES[dtype]), dtype=dtype)


def responses(engine: StrictEngine, image: np.ndarray, kind: str = "abs") -> np.ndarray:
    """Mean responses (m,) inside the default margin."""
    return engine.row_means(image, 15, kind).mean(0)


def exactness(rounds: int) -> dict:
    """Largest relative difference from the oracle over all responses of six stencils."""
    rng, strict = np.random.default_rng(11), oracle.group_matrices("p8m")
    affine = Affine.from_axes(0.5, 1.6).conjugate(strict)
    images = [smooth_noise(rng, 64, 57), smooth_noise(rng, 71, 66), rng.uniform(0, 255, (60, 63))]
    worst: dict[str, float] = {}
    for kernel in KERNEL_MODELS:
        for kind in audit.RESPONSES:
            for label, matrices, stretch in (("strict", strict, 1.0), ("adaptive", affine, 2.0)):
                for dtype in TOLERANCES:
                    gaps = [
                        np.abs(responses(bank, image, kind) / truth - 1).max()
                        for name in STENCILS
                        for bank in [one_bank(name, kernel, matrices, stretch, dtype)]
                        for image in images
                        for truth in [oracle.responses(image, name, matrices, kernel=kernel, lam=stretch, kind=kind)]
                    ]
                    worst[f"{kernel}, {kind}, {label}, {str(dtype).removeprefix('torch.')}"] = float(max(gaps))
    settings = audit.make_settings(reg=list(STENCILS), group="p8m")
    bank = audit.strict_bank(settings, settings.models[0])
    engine = strict_engine(bank.kernels, settings.models[0], 15)
    for kind in audit.RESPONSES:
        gaps = [
            np.abs(responses(engine, image, kind)[index] / oracle.responses(image, name, strict, kind=kind) - 1).max()
            for name, index in zip(STENCILS, bank.index, strict=True)
            for image in images
        ]
        worst[f"gaussian, {kind}, strict, {engine}"] = float(max(gaps))
    return worst


def laws(rounds: int) -> dict:
    """The floor, isotropic fields, quarter turns, constants."""
    rng = np.random.default_rng(7)
    settings = audit.make_settings(scenario=STRICT)
    bank = audit.strict_bank(settings, settings.models[0])
    engine = strict_engine(bank.kernels, settings.models[0], 15)
    fields = [responses(engine, smooth_noise(rng, 512, 512))[bank.index] for _ in range(64)]
    mean = np.mean(fields, axis=0)
    exact = {name: one_bank(name, "gaussian", oracle.group_matrices("p16"), 1.0, torch.float64) for name in STENCILS}
    image = smooth_noise(rng, 61, 70)
    turned = {name: responses(one, np.rot90(image)) for name, one in exact.items()}
    plain = {name: responses(one, image) for name, one in exact.items()}
    return {
        "floor": {
            name: findings.discretization_floor(STENCILS[name], settings.group, settings.models[0])
            for name in DEFAULT_REGULARIZERS
        },
        "relative_epsilon_of_64_isotropic_fields_of_512_px": {
            name: float(statistics.relative_error(row)) for name, row in zip(DEFAULT_REGULARIZERS, mean, strict=True)
        },
        "quarter_turn_shift_float64": max(
            float(np.abs(turned[name] / np.roll(plain[name], 4) - 1).max()) for name in exact
        ),
    }


def real_images(rounds: int) -> dict:
    """Largest relative difference of any epsilon of Set5 and Set14 (p8) from the oracle's; BSD100 under p32."""
    gaps = {}
    for name in ("Set5", "Set14"):
        report = measure(DATA / name / "HR", group="p8", scenario=STRICT)
        images = [oracle.luminance(path) for path in sorted((DATA / name / "HR").glob("*.png"))]
        for row in report.results:
            responses = [oracle.responses(image, row.regularizer, oracle.group_matrices("p8")) for image in images]
            table = np.stack(responses)
            single = row.scenario == "sample_strict"
            truth = np.mean([oracle.epsilon(one[None])[0] for one in table]) if single else oracle.epsilon(table)[0]
            gaps[f"{name}, {row.scenario}, {row.regularizer}"] = abs(row.epsilon / truth - 1)
    rows = measure(DATA / "BSD100" / "HR", scenario=STRICT).results
    return {
        "largest_relative_difference_of_epsilon": float(max(gaps.values())),
        "BSD100_p32": {f"{row.scenario}, {row.regularizer}": [row.epsilon, row.relative_epsilon] for row in rows},
    }


def adaptive_images(rounds: int) -> dict:
    """Adaptive against strict on BSD100, Urban20 and RSSCN7."""
    return real_adaptive(DATA)


def speed(rounds: int) -> dict:
    """benchmarks/audit.py: an audit beside decoding, one line after another."""
    from audit import LINES, Bench

    with tempfile.TemporaryDirectory() as place:
        bench = Bench(Path(place), rounds)
        return {name: line(bench) for name, line in LINES.items()}


def memory(rounds: int) -> dict:
    """Peak resident memory of `symaudit measure`, strict rows, on 100 and on 1,000 images of 480 x 320."""
    rng, peaks = np.random.default_rng(5), {}
    with tempfile.TemporaryDirectory() as place:
        for index in range(20):
            picture = np.stack([smooth_noise(rng, 320, 480) for _ in range(3)], axis=-1).astype(np.uint8)
            Image.fromarray(picture).save(Path(place) / f"{index}.png")
        for count in (100, 1000):
            folder = Path(place) / f"run{count}"
            folder.mkdir()
            for index in range(count):
                os.link(Path(place) / f"{index % 20}.png", folder / f"{index:04d}.png")
            code = (
                "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True); "
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
            )
            command = [*SYMAUDIT, "measure", str(folder), "--scenario", STRICT, "--out", f"{place}/out{count}", "-q"]
            run = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True, text=True)
            peaks[count] = int(run.stdout) / 1024
    return {"peak_mib": peaks, "ratio": peaks[1000] / peaks[100]}


def start_up(rounds: int) -> dict:
    """`symaudit --help` beside `python -c "import click"`, interleaved."""
    commands = {"help": [str(Path(sys.executable).with_name("symaudit")), "--help"]}
    commands["import_click"] = [sys.executable, "-c", "import click"]
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(4 * rounds):
        for name, command in commands.items():
            seconds[name].append(_seconds(command))
    ratios = [a / b for a, b in zip(seconds["help"], seconds["import_click"], strict=True)]
    return {"seconds": {name: median(values) for name, values in seconds.items()}, "ratio": median(ratios)}


def demo(rounds: int) -> dict:
    """Wall time of `symaudit demo`, whole process."""
    with tempfile.TemporaryDirectory() as place:
        command = [*SYMAUDIT, "demo", "--force", "-q", "--out", f"{place}/demo"]
        return {"seconds": median(_seconds(command) for _ in range(min(rounds, 3)))}


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


CLAIMS: dict[str, Callable[[int], dict]] = {
    claim.__name__: claim
    for claim in (
        *(exactness, laws, real_images, speed, memory, start_up, demo),
        *(truth, harder_kinds, adaptive_images, calibration, coverage, fit_speed),
    )
}
SMALL = ("calibration", "coverage")  # thousands of small images, on which threads only wait for each other
REAL = {"real_images": "BSD100/HR", "adaptive_images": "RSSCN7"}


def main() -> None:
    """Run the claims asked for and print the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("claims.json"))
    parser.add_argument("--only", nargs="*", choices=list(CLAIMS), default=list(CLAIMS))
    arguments = parser.parse_args()
    document = {
        "schema": "symaudit.claims/1",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_processor()}",
        "threads": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "rounds": arguments.rounds,
        "claims": {},
    }
    for name in arguments.only:
        print(f"measuring {name} ...", file=sys.stderr)
        if name in REAL and not (DATA / REAL[name]).is_dir():
            document["claims"][name] = {"value": None, "reason": "the real images are absent: set SYMAUDIT_TEST_DATA"}
            continue
        torch.set_num_threads(1 if name in SMALL else os.cpu_count() or 1)
        document["claims"][name] = CLAIMS[name](arguments.rounds)
    text = json.dumps(document, indent=2)
    arguments.out.write_text(text + "\n", encoding="utf-8")
    print(text)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
