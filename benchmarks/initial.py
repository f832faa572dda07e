"""Does the smooth initialisation train as well as the published one? A small denoiser, both ways.

    python benchmarks/initial.py [--steps 500] [--rate 1e-3] [--seeds 3] [--methods fconv bconv harnet pdoe e2cnn tl]

Lifting, two residual blocks and a projection over p8, 4 features (32 channels), no normalisation; white noise of
25 / 255 on 32 x 32 patches of half of scikit-image's photographs, Adam, batches of 8. Prints the PSNR on patches
of the other half, means over the seeds, and the 45-degree equivariance error before and after training.
"""

from __future__ import annotations

import argparse
from statistics import mean, stdev

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from symmetry_audit.data import demo_source
from symmetry_audit.layers import Layers
from symmetry_audit.testing import GaussianBlobs, equivariance_error

NOISE = 25 / 255


class Denoiser(nn.Module):
    def __init__(self, layers: Layers, features: int = 4) -> None:
        super().__init__()
        self.head = layers.lifting(3, features)
        self.blocks = nn.ModuleList(
            nn.Sequential(layers.group_conv(features, features), nn.ReLU(), layers.group_conv(features, features))
            for _ in range(2)
        )
        self.tail = layers.projection(features, 3)

    def features(self, x: Tensor) -> Tensor:
        found = self.head(x)
        for block in self.blocks:
            found = found + 0.5 * block(found)
        return found

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(torch.relu(self.features(x)))


def photographs() -> list[np.ndarray]:
    images = [np.asarray(Image.open(ref.path).convert("RGB")) for ref in demo_source().refs]
    return [image for image in images if min(image.shape[:2]) >= 128]


def patches(images: list[np.ndarray], count: int, rng: np.random.Generator) -> Tensor:
    found = np.empty((count, 32, 32, 3), np.float32)
    for patch in found:
        image = images[rng.integers(len(images))]
        y, x = (rng.integers(extent - 31) for extent in image.shape[:2])
        patch[:] = image[y : y + 32, x : x + 32] / 255
    return torch.from_numpy(found).permute(0, 3, 1, 2).contiguous()


def train(method: str, init: str, steps: int, rate: float, seed: int) -> tuple[float, float, float]:
    """PSNR on unseen patches, and the 45-degree error before and after."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    images = photographs()
    net = Denoiser(Layers(method, "p8", init=init))
    before = turning_error(net)
    adam = torch.optim.Adam(net.parameters(), rate)
    for _ in range(steps):
        clean = patches(images[::2], 8, rng)
        loss = nn.functional.mse_loss(net(clean + NOISE * torch.randn_like(clean)), clean)
        adam.zero_grad()
        loss.backward()
        adam.step()
    held_out = patches(images[1::2], 256, np.random.default_rng(100))
    noisy = held_out + NOISE * torch.randn(held_out.shape, generator=torch.Generator().manual_seed(100))
    with torch.no_grad():
        error = nn.functional.mse_loss(net(noisy), held_out)
    return -10 * float(torch.log10(error)), before, turning_error(net)


def turning_error(net: Denoiser) -> float:
    fields = GaussianBlobs(65, sigma=3.0)
    errors = equivariance_error(lambda x: net.features(x.float()), "p8", fields, kind="features", border=12)
    return float(errors[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--rate", type=float, default=1e-3, help="Adam's learning rate")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=["fconv", "bconv", "harnet", "pdoe", "e2cnn", "tl"])
    asked = parser.parse_args()
    print("| method | init | PSNR, mean (deviation) | error before | error after |\n|---|---|---|---|---|")
    for method in asked.methods:
        for init in ("smooth", "kaiming"):
            runs = [train(method, init, asked.steps, asked.rate, seed) for seed in range(asked.seeds)]
            psnr, before, after = zip(*runs, strict=True)
            spread = f" ({stdev(psnr):.2f})" if len(psnr) > 1 else ""
            print(
                f"| {method} | {init} | {mean(psnr):.2f}{spread} | {mean(before):.3f} | {mean(after):.3f} |", flush=True
            )


if __name__ == "__main__":
    main()
