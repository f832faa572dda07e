"""The fan beam of SPEC 12: seconds of CPU and wall time of its maps and of a synthetic scan, beside ASTRA and deepinv.

    python benchmarks/tomography.py [--rounds 3] [--threads 1]

One slice of 416 x 416, 640 views of 641 elements, float32; the median over rounds in which all contenders run in turn.
ASTRA (line_fanflat, CPU) and deepinv are measured where they can be imported. For ASTRA the root mean square difference
of the sinograms is printed as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from statistics import median
from types import ModuleType

import numpy as np
import torch
from costs import in_turn, of_work

from symmetry_audit.tomography import FanBeam, backproject, clean_slice, fbp, project, synthesise, to_mu

BEAM = FanBeam()
VIEWS = 64  # that deepinv, which keeps all of its samples, projects in a call


def phantom() -> np.ndarray:
    """A head of tissue with bone around it, in HU, (416, 416) float32."""
    x = BEAM.centres
    hu = np.full((BEAM.side, BEAM.side), -1000.0)
    hu[np.hypot(x[:, None] / 1.2, x) < 5.5] = 1200
    hu[np.hypot(x[:, None] / 1.2, x) < 5] = 40
    return hu.astype(np.float32)


def optional(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except (ImportError, RuntimeError) as error:
        print(f"{name} is not measured: {error}")
        return None


def ours() -> dict[str, Callable[[], object]]:
    hu = phantom()
    image = torch.from_numpy(to_mu(hu).astype(np.float32))
    sinogram = project(image, BEAM)
    metal = np.zeros(hu.shape, bool)
    metal[180:200, 150:180] = True
    clean = clean_slice(hu, BEAM)

    def with_gradient() -> None:
        project(image.clone().requires_grad_(), BEAM).square().sum().backward()

    return {
        "project": lambda: project(image, BEAM),
        "backproject": lambda: backproject(sinogram, BEAM),
        "project, forward and backward": with_gradient,
        "fbp": lambda: fbp(sinogram, BEAM),
        "clean_slice": lambda: clean_slice(hu, BEAM),
        "synthesise": lambda: synthesise(clean, metal, np.random.default_rng(0)),
    }


def of_astra(astra: ModuleType) -> dict[str, Callable[[], object]]:
    """ASTRA's array has y downwards in rows and x in columns; [r, c] of ours lies at (x, y) = (r, c)."""
    image = to_mu(phantom()).astype(np.float32)
    radius, spacing = BEAM.distance, float(BEAM.elements[1] - BEAM.elements[0])
    half = BEAM.field / 2
    volume = astra.create_vol_geom(BEAM.side, BEAM.side, -half, half, -half, half)
    beam = astra.create_proj_geom("fanflat", spacing, BEAM.detectors, BEAM.angles, radius, radius)
    projector = astra.create_projector("line_fanflat", beam, volume)
    turned = np.ascontiguousarray(image.T[::-1])
    _, sinogram = astra.create_sino(turned, projector)
    difference = sinogram - project(torch.from_numpy(image), BEAM).numpy()
    print(f"ASTRA differs by {np.sqrt(np.mean(difference**2)):.4f} of {np.sqrt(np.mean(sinogram**2)):.3f} rms")

    def projected() -> None:
        astra.data2d.delete(astra.create_sino(turned, projector)[0])

    def spread() -> None:
        astra.data2d.delete(astra.create_backprojection(sinogram, projector)[0])

    return {"ASTRA, project": projected, "ASTRA, backproject": spread}


def of_deepinv(deepinv: ModuleType) -> dict[str, Callable[[], object]]:
    """A tenth of the views, since all of them take 8 GB; multiply by ten."""
    physics = deepinv.physics.Tomography(
        angles=torch.from_numpy(np.degrees(BEAM.angles[:: BEAM.views // VIEWS])).float(),
        img_width=BEAM.side,
        circle=False,
        fan_beam=True,
        fan_parameters={
            "pixel_spacing": BEAM.pixel,
            "source_radius": BEAM.distance,
            "detector_radius": BEAM.distance,
            "n_detector_pixels": BEAM.detectors,
            "detector_spacing": float(BEAM.elements[1] - BEAM.elements[0]),
        },
    )
    image = torch.from_numpy(to_mu(phantom()).astype(np.float32))[None, None]
    sinogram = physics.A(image)
    return {
        f"deepinv, project, {VIEWS} views": lambda: physics.A(image),
        f"deepinv, backproject, {VIEWS} views": lambda: physics.A_adjoint(sinogram),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    image = torch.zeros(BEAM.side, BEAM.side)
    for name, work in (
        ("project", lambda: project(image, BEAM)),
        ("backproject", lambda: backproject(torch.zeros(BEAM.shape), BEAM)),
        ("fbp", lambda: fbp(torch.zeros(BEAM.shape), BEAM)),
    ):
        cost = of_work(work)
        print(f"{name + ', first call':40s} CPU {cost.cpu:6.2f} s  wall {cost.wall:6.2f} s")
    contenders = ours()
    for name, theirs in (("astra", of_astra), ("deepinv", of_deepinv)):
        module = optional(name)
        contenders |= theirs(module) if module else {}
    costs = in_turn({name: lambda work=work: of_work(work) for name, work in contenders.items()}, options.rounds)
    for name, found in costs.items():
        cpu, wall = median(cost.cpu for cost in found), median(cost.wall for cost in found)
        print(f"{name:40s} CPU {cpu:6.3f} s  wall {wall:6.3f} s")


if __name__ == "__main__":
    main()
