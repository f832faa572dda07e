"""RCDNet's unfolded steps against scipy, its rain kernels, and what it hands back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import Tensor, nn

from symmetry_audit.nets import Stages, build
from symmetry_audit.nets._streaks import streaks
from symmetry_audit.nets._unfolding import Unfolding

METHODS = ("cnn", "sa")


def images(size: int, number: int = 2) -> Tensor:
    return 255 * torch.rand(number, 3, size, size, generator=torch.Generator().manual_seed(5))


# ---------------------------------------------------------------- the steps


def rain_layer(maps: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """C * M of one image: colour c is the sum over maps k of their correlation with kernel (c, k)."""
    pairs = [[correlate2d(m, kernel, "same") for m, kernel in zip(maps, row, strict=True)] for row in kernels]
    return np.array([sum(row) for row in pairs])


def adjoint(rain: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """C^T R: map k is the sum over colours of their correlation with kernel (c, k) turned by half a turn."""
    turned = kernels[:, :, ::-1, ::-1]
    return np.array(
        [sum(correlate2d(rain[c], turned[c, k], "same") for c in range(len(rain))) for k in range(kernels.shape[1])]
    )


def test_the_adjoint_of_the_oracle_is_one() -> None:
    rng = np.random.default_rng(1)
    kernels, maps, rain = rng.normal(size=(3, 4, 5, 5)), rng.normal(size=(4, 9, 8)), rng.normal(size=(3, 9, 8))
    assert np.vdot(rain_layer(maps, kernels), rain) == pytest.approx(np.vdot(maps, adjoint(rain, kernels)))


class Halved(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * x


def test_stages_are_proximal_gradient_steps() -> None:
    """Proximal operators x -> x / 2, three stages, kernels that are not symmetric, one image with hidden channels."""
    rng = np.random.default_rng(2)
    observed, state = rng.normal(size=(3, 11, 10)), rng.normal(size=(5, 11, 10))
    first, kernels = rng.normal(size=(2, 3, 4, 5, 5)) / 10
    etas, steps = [0.3, 0.7, 0.9], [0.2, 0.4]
    net = Unfolding(nn.Identity(), [Halved()] * 3, [Halved()] * 3)
    with torch.no_grad():
        net.eta_backgrounds.copy_(torch.tensor(etas))
        net.eta_maps.copy_(torch.tensor(steps))
        arguments = [torch.from_numpy(value) for value in (observed[None], state[None], first, kernels)]
        last, final, backgrounds, rains = net.double().unfold(*arguments)
    background, hidden = state[:3], state[3:]
    maps = adjoint(observed - background, first) / 2
    for stage in range(3):
        if stage:
            misfit = rain_layer(maps, kernels) - (observed - background)
            maps = (maps - steps[stage - 1] * adjoint(misfit, kernels)) / 2
        rain = rain_layer(maps, kernels)
        background = (background - etas[stage] * (background + rain - observed)) / 2
        hidden = hidden / 2
        assert rains[stage][0].numpy() == pytest.approx(rain, abs=1e-6)
        assert backgrounds[stage][0].numpy() == pytest.approx(background, abs=1e-6)
    assert last[0].numpy() == pytest.approx(np.concatenate([background, hidden]), abs=1e-6)
    assert final[0].numpy() == pytest.approx(maps, abs=1e-6)


# ---------------------------------------------------------------- rain kernels


@pytest.mark.parametrize("maps", [8, 16, 32])
def test_streaks(maps: int) -> None:
    kernels = streaks(maps).double()
    assert kernels.shape == (3, maps, 9, 9)
    assert torch.equal(kernels[0], kernels[1]) and torch.equal(kernels[0], kernels[2])
    assert kernels.min() >= 0
    flat = kernels[0].flatten(1)
    assert torch.corrcoef(flat).fill_diagonal_(0).max() < 0.9999  # no two are the same


def test_the_operator_of_the_streaks_has_norm_1() -> None:
    """Power iteration with scipy's correlations on a torus large enough: the gain of constant maps."""
    transforms = np.fft.fft2(streaks(16).double().numpy(), (64, 64))
    gains = [np.linalg.norm(transforms[:, :, i, j], 2) for i in range(64) for j in range(64)]
    assert max(gains) == pytest.approx(1, abs=1e-6)
    assert gains[0] == max(gains)


def test_directions_of_the_streaks() -> None:
    """Second moments give each kernel's long axis: 60 degrees to one side of the vertical to 60 to the other."""
    kernels = streaks(16)[0].double().numpy()
    y, x = np.mgrid[-4:5, -4:5]
    angles, lengths = [], []
    for kernel in kernels / kernels.sum((1, 2), keepdims=True):
        moments = np.array([[(kernel * a * b).sum() for b in (x, y)] for a in (x, y)])
        values, vectors = np.linalg.eigh(moments)
        angles.append(np.degrees(np.arctan(vectors[0, 1] / vectors[1, 1])))
        lengths.append(values[1])
    assert angles == pytest.approx(2 * list(np.linspace(-60, 60, 8)), abs=2)
    assert min(lengths[:8]) > max(lengths[8:])


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize("preset", ["tiny", "paper"])
@pytest.mark.parametrize("method", METHODS)
def test_stages_on_demand(method: str, preset: str) -> None:
    torch.manual_seed(0)
    network = build("rcdnet", method, preset=preset).eval()
    x = images(29, 1)
    with torch.no_grad():
        restored, stages = network(x), network(x, stages=True)
    assert isinstance(stages, Stages)
    assert torch.equal(stages.backgrounds[-1], restored)
    number = {"tiny": 4, "paper": 17}[preset]
    # the published network has one more background network after its stages
    assert (len(stages.backgrounds), len(stages.rains)) == (number + (preset == "paper"), number)
    assert {value.shape for value in (stages.initial, *stages.backgrounds, *stages.rains)} == {x.shape}


def test_rain_is_additive_and_in_grey_levels() -> None:
    """With background networks that change nothing and step 1, background and rain add up to the image."""
    network = build("rcdnet", "cnn", preset="tiny")
    for net in (network.first, *network.background_nets):
        nn.init.zeros_(net[-1].weight)
    x = images(12)
    with torch.no_grad():
        stages = network(x, stages=True)
    for background, rain in zip(stages.backgrounds, stages.rains, strict=True):
        assert torch.allclose(background + rain, x, atol=1e-3)
    assert min(rain.min() for rain in stages.rains) >= 0  # kernels and maps are not negative
    assert stages.rains[0].max() > 1


def test_the_first_background_is_smooth() -> None:
    """So that there is something to call rain: the mean over 9 x 9 pixels, inside the image."""
    network = build("rcdnet", "cnn", preset="tiny")
    nn.init.zeros_(network.first[-1].weight)
    x = images(16, 1)
    with torch.no_grad():
        initial = network(x, stages=True).initial
    assert initial[0, 1, 5, 7].item() == pytest.approx(x[0, 1, 1:10, 3:12].mean().item(), rel=1e-4)
    assert initial[0, 2, 0, 0].item() == pytest.approx(x[0, 2, :5, :5].mean().item(), rel=1e-4)


def test_the_published_threshold() -> None:
    network = build("rcdnet", "cnn", preset="paper")
    with torch.no_grad():
        assert network.excess(torch.tensor([-3.0, 0.5, 4.0])).tolist() == [0, 0, 3]
        maps = network.map_nets[0].eval()
        for part in maps.blocks.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.zeros_(part.weight)
        found = maps(torch.tensor([-1.0, 0.2, 2.0]).view(1, 1, 1, 3).expand(1, 32, 1, 3))
    assert found[0, 5, 0].tolist() == pytest.approx([0, 0, 1.5])
