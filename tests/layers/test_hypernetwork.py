"""w of each image: the published hypernetwork, the equivariant one, and networks that they steer."""

from __future__ import annotations

import pickle
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from symmetry_audit.actions import move
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine, Group
from symmetry_audit.layers import (
    Deformation,
    EquivariantHyperNetwork,
    FreeDeformation,
    HyperNetwork,
    Layers,
    SampleAdaptive,
    SharedDeformation,
    load_weights,
)
from symmetry_audit.testing import GaussianBlobs, equivariance_error
from tests.oracles import layers as oracle


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def images(number: int = 2, height: int = 29, width: int | None = None, channels: int = 3) -> Tensor:
    """Blurred noise with an orientation, in [0, 1]."""
    drawn = torch.Generator().manual_seed(1)
    x = torch.rand(number, channels, height, width or height, generator=drawn, dtype=torch.float64)
    return nn.functional.avg_pool2d(x, (3, 5), 1, (1, 2))


def stirred(hypernetwork: nn.Module, last: float = 1.0) -> nn.Module:
    """In evaluation mode, with running statistics and a last layer that do something."""
    torch.manual_seed(5)
    with torch.no_grad():
        for part in hypernetwork.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.uniform_(-0.2, 0.2)
                part.running_var.uniform_(0.5, 1.5)
                part.weight.uniform_(0.5, 1.5)
                part.bias.uniform_(0, 0.3)
        hypernetwork.head[-1].weight.normal_(0, last)
        for layer in hypernetwork.head[::2]:
            if layer.bias is not None:
                layer.bias.uniform_(0.1, 0.3)
    return hypernetwork.double().eval()


# ---------------------------------------------------------------- the published one


def parameters(model: HyperNetwork) -> dict[str, list[np.ndarray]]:
    """As the oracle takes them."""
    convolutions, norms = [block[0] for block in model.encoder], [block[1] for block in model.encoder]
    linears = [model.head[index] for index in (0, 2, 4)]
    sources = {
        "conv_weight": [part.weight for part in convolutions],
        "conv_bias": [part.bias for part in convolutions],
        "norm_weight": [part.weight for part in norms],
        "norm_bias": [part.bias for part in norms],
        "norm_mean": [part.running_mean for part in norms],
        "norm_variance": [part.running_var for part in norms],
        "linear_weight": [part.weight for part in linears],
        "linear_bias": [part.bias for part in linears],
    }
    return {name: [value.detach().numpy() for value in values] for name, values in sources.items()}


@pytest.mark.parametrize(("height", "width"), [(25, 25), (30, 37)])
def test_published_network(height: int, width: int) -> None:
    torch.manual_seed(0)
    model, x = stirred(HyperNetwork(normalized=False)), 255 * images(2, height, width)
    found = model(x).detach().numpy()
    expected = np.stack([oracle.hypernetwork(one.numpy(), parameters(model)) for one in x])
    assert np.abs(found[0] - found[1]).max() > 1e-3 * np.abs(found).max()
    assert np.allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("channels", "depth", "number"), [(3, 5, 33523), (1, 5, 33523), (35, 4, 29107)])
def test_number_of_parameters(channels: int, depth: int, number: int) -> None:
    model = HyperNetwork(channels, depth)
    assert sum(value.numel() for value in model.parameters()) == number
    assert model.eval()(torch.rand(2, channels, 32, 32)).shape == (2, 3)


def test_a_grey_image_is_that_image_in_colour() -> None:
    grey, colour = HyperNetwork(1), HyperNetwork(3)
    colour.load_state_dict(grey.state_dict())
    grey, colour = stirred(grey), stirred(colour)
    x = images(channels=1)
    # the published weights of red, green and blue add up to 0.9999
    assert torch.allclose(grey(x), colour(x.expand(-1, 3, -1, -1)), atol=1e-10)


def test_other_channels_meet_their_mean() -> None:
    model, x = stirred(HyperNetwork(4, normalized=False)), images(channels=4)
    features = model.encoder(x)
    down = nn.functional.adaptive_avg_pool2d(x.mean(1, keepdim=True), features.shape[-2:])
    assert torch.allclose(model(x), model.head((features * down).mean((2, 3))), atol=1e-12)


@pytest.mark.parametrize("kind", [HyperNetwork, EquivariantHyperNetwork])
def test_units_brightness_and_contrast_do_not_matter(kind: type) -> None:
    model, x = stirred(kind()), images()
    expected = model(x)
    assert expected.abs().max() > 1e-3
    for other in (255 * x, x + 0.4, 0.1 * x - 3):
        assert torch.allclose(model(other), expected, rtol=1e-9, atol=1e-12)
    assert (model(x.flip(1)) - expected).abs().max() > 1e-5


def test_they_matter_to_the_published_one() -> None:
    model, x = stirred(HyperNetwork(normalized=False)), images()
    assert not torch.allclose(model(255 * x), model(x), rtol=0.1)


@pytest.mark.parametrize("kind", [HyperNetwork, EquivariantHyperNetwork])
@pytest.mark.parametrize("level", [0.0, 0.3, 255.0])
def test_flat_images(kind: type, level: float) -> None:
    model = stirred(kind())
    x = torch.full((1, 3, 29, 29), level, dtype=torch.float64, requires_grad=True)
    w = model(x)
    w.sum().backward()
    assert w.isfinite().all()
    assert x.grad.isfinite().all()
    single = model.float()(x.detach().float())
    assert single.isfinite().all()


@pytest.mark.parametrize("model", [HyperNetwork(), HyperNetwork(35, depth=4), EquivariantHyperNetwork()])
def test_zero_at_the_start(model: nn.Module) -> None:
    w = model(torch.rand(2, model.in_channels, 29, 29))
    assert torch.equal(w, torch.zeros(2, 3))
    stirred(model).reset_output()
    assert torch.equal(model(images(channels=model.in_channels)), torch.zeros(2, 3, dtype=torch.float64))


@pytest.mark.parametrize(
    ("model", "smallest"),
    [
        (HyperNetwork(normalized=False), 25),
        (HyperNetwork(depth=4, normalized=False), 17),
        (HyperNetwork(), 29),
        (HyperNetwork(depth=4), 21),
        (EquivariantHyperNetwork(), 9),
    ],
)
def test_the_smallest_image(model: nn.Module, smallest: int) -> None:
    model.eval()
    assert model(torch.rand(1, 3, smallest, smallest)).shape == (1, 3)
    for shape in ((1, 3, smallest - 1, smallest), (1, 3, 40, smallest - 1)):
        with pytest.raises(SettingError, match=f"of {smallest} pixels a side or more, got shape"):
            model(torch.rand(shape))


@pytest.mark.parametrize("model", [HyperNetwork(), HyperNetwork(depth=4), EquivariantHyperNetwork()])
def test_images_of_the_smallest_size_differ(model: nn.Module) -> None:
    """With one feature left, its product with the mean of a normalised image would be 0 for each."""
    w = stirred(model)(images(2, model.smallest, model.smallest))
    assert (w[0] - w[1]).abs().max() > 1e-6 * w.abs().max()


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32)])
def test_wrong_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingError, match=r"expects images \(N, 3, H, W\)"):
        HyperNetwork()(torch.rand(shape))


def test_wrong_depth() -> None:
    with pytest.raises(SettingError, match="4 or 5 convolutions, got depth=3"):
        HyperNetwork(depth=3)


# ---------------------------------------------------------------- the equivariant one


def coordinates(model: EquivariantHyperNetwork, x: Tensor) -> Tensor:
    w = SharedDeformation().double()
    w.offset = model(x).detach()
    return w.coordinates().detach()


@pytest.mark.parametrize("group", ["p8", "p8m", "p16"])
@pytest.mark.parametrize(("height", "width"), [(17, 17), (13, 21)])
def test_w_turns_with_the_image(group: str, height: int, width: int) -> None:
    """(a, b) -> R(2 theta) (a, b): a quarter turn changes both signs."""
    model, x = stirred(EquivariantHyperNetwork(group=group), 100), images(2, height, width)
    before = coordinates(model, x)
    assert before.abs().min() > 1e-3
    for turns in range(1, 4):
        after = coordinates(model, torch.rot90(x, turns, (2, 3)))
        assert torch.allclose(after, before * (-1) ** turns, rtol=0, atol=1e-12)


def test_w_is_mirrored_with_the_image() -> None:
    model, x = stirred(EquivariantHyperNetwork(group="p8m"), 100), images(2, 17, 21)
    before, after = coordinates(model, x), coordinates(model, x.flip(3))
    assert before.abs().min() > 1e-3
    assert torch.allclose(after, before * torch.tensor([1.0, -1.0]), rtol=0, atol=1e-12)
    unmirrored = stirred(EquivariantHyperNetwork(group="p8"), 100)
    found = coordinates(unmirrored, x.flip(3)) - coordinates(unmirrored, x) * torch.tensor([1.0, -1.0])
    assert found.abs().max() > 1e-6


@pytest.mark.parametrize("index", [1, 3])
def test_the_sense_in_which_w_turns(index: int) -> None:
    """Quarter turns and mirrors cannot tell b from -b. 45 degrees are as good as the encoder, so only the sense."""
    model, blobs = stirred(EquivariantHyperNetwork(), 100), GaussianBlobs(65, 4.0, number=4)
    before, after = (coordinates(model, blobs(matrix)).numpy() for matrix in Group(8).matrices()[[0, index]])
    double = np.deg2rad(2 * 45 * index)
    turn = np.array([[np.cos(double), -np.sin(double)], [np.sin(double), np.cos(double)]])
    assert np.linalg.norm(before, axis=1).min() > 0.01
    assert np.linalg.norm(after - before @ turn.T) < 0.7 * np.linalg.norm(before)
    assert np.linalg.norm(after - before @ turn) > 1.5 * np.linalg.norm(before)


def test_the_deformation_is_conjugated() -> None:
    """D(pi_A x) = A D(x) A^-1."""
    model, x = stirred(EquivariantHyperNetwork(group="p8m"), 100), images(1, 17)
    for element in Group(4, True).elements:
        matrix = element.matrix()
        before, after = (coordinates(model, one)[0].tolist() for one in (x, move(x, matrix)))
        expected = matrix @ Affine(*before).matrix @ np.linalg.inv(matrix)
        assert np.allclose(Affine(*after).matrix, expected, rtol=0, atol=1e-12), element


def test_w_points_in_all_directions() -> None:
    """Not only along the elements: over random images both coordinates vary on their own."""
    model = stirred(EquivariantHyperNetwork())
    found = model(torch.randn(12, 3, 17, 17, dtype=torch.float64)).detach()
    assert torch.equal(found[:, 0], -found[:, 2])
    assert abs(np.corrcoef(found[:, 0], found[:, 1])[0, 1]) < 0.95


@pytest.mark.parametrize("group", ["p1", "p2m", "p4"])
def test_groups_that_cannot_turn_an_axis(group: str) -> None:
    with pytest.raises(SettingError, match="cannot rotate an axis to all directions; use p3 or p8"):
        EquivariantHyperNetwork(group=group)


# ---------------------------------------------------------------- networks


def body(method: str = "sa", features: int = 2, **options) -> nn.Sequential:
    torch.manual_seed(0)
    layers = Layers(method, "p8", **options)
    return nn.Sequential(
        *(layers.lifting(3, features), nn.ReLU(), layers.group_conv(features, features), nn.ReLU()),
        layers.projection(features, 3),
    ).double()


def jitter(module: nn.Module) -> None:
    """Another w for every deformation."""
    torch.manual_seed(2)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, FreeDeformation):
                part.values.add_(0.2 * torch.randn(3))
            elif isinstance(part, SharedDeformation):
                part.position.normal_(0, 0.5)


@pytest.mark.parametrize("preset", ["shared", "paper"])
def test_untrained_sa_is_tl(preset: str) -> None:
    tl = body("tl", preset=preset)
    jitter(tl)
    sa = Layers("sa", preset=preset).network(body("sa", preset=preset)).double()
    left = load_weights(sa, tl.state_dict())
    assert all(name.startswith("hypernetwork.") for name in left)
    assert sa.hypernetwork.normalized is (preset == "shared")
    for model in (sa.train(), sa.eval()):
        with torch.no_grad():
            difference = (model(images()) - tl(images())).abs().max()
        assert difference <= 1e-12
    with torch.no_grad():
        single = (sa.float()(images().float()) - tl.float()(images().float())).abs().max()
    assert single <= 1e-6


@pytest.mark.parametrize("kind", [HyperNetwork, EquivariantHyperNetwork])
def test_images_do_not_see_their_batch(kind: type) -> None:
    model = SampleAdaptive(body(), stirred(kind(), 30)).eval()
    x = images(3)
    with torch.no_grad():
        together = model(x)
        w = model.deformations()[0]().clone()
        assert (w[0] - w[1]).abs().max() > 1e-4
        for n in range(3):
            assert torch.allclose(model(x[n : n + 1]), together[n : n + 1], rtol=0, atol=1e-12)
        assert torch.allclose(model(x.flip(0)), together.flip(0), rtol=0, atol=1e-12)


def test_equivariant_from_end_to_end() -> None:
    """With the equivariant hypernetwork; not with the published one once it is trained."""
    x = images(2, 17)
    good = SampleAdaptive(body(), stirred(EquivariantHyperNetwork(), 30)).eval()
    assert equivariance_error(good, "p4", x).max() < 1e-11
    larger = images(2, 29)
    untrained = SampleAdaptive(body(), HyperNetwork()).double().eval()
    assert equivariance_error(untrained, "p4", larger).max() < 1e-12
    trained = SampleAdaptive(body(), stirred(HyperNetwork(), 3)).eval()
    errors = equivariance_error(trained, "p4", larger)
    assert errors[[1, 3]].min() > 0.05
    assert errors[2].min() > 1e-5
    assert equivariance_error(good, "p4", larger).max() < 1e-11
    with torch.no_grad():
        good(larger)
    assert good.deformations()[0].coordinates().abs().max() > 1e-3


def test_a_shared_w_does_not_turn_with_the_image() -> None:
    good = SampleAdaptive(body(), stirred(EquivariantHyperNetwork(), 30)).eval()
    deformation = good.deformations()[0]
    assert not deformation.position.requires_grad
    with torch.no_grad():
        deformation.position.fill_(0.4)  # as by weights of a TL network
    assert equivariance_error(good, "p4", images(2, 17)).max() < 1e-11
    with pytest.raises(SettingError, match="replaces the shared w: start it at 0"):
        SampleAdaptive(good.network, EquivariantHyperNetwork())


def test_units_of_other_channels() -> None:
    x = torch.rand(2, 8, 24, 24, dtype=torch.float64)
    model = stirred(HyperNetwork(8, depth=4), 3).eval()
    assert torch.allclose(model(x), model(255 * x + 3), rtol=1e-9)
    assert model(x).abs().max() > 1e-3


@pytest.mark.parametrize("value", [0.0, 0.3, 77.7, 200.3])
def test_flat_images_in_any_unit(value: float) -> None:
    model = stirred(HyperNetwork(), 3).eval().float()
    flat = torch.full((1, 3, 30, 30), value)
    assert torch.equal(model(flat), model(torch.zeros(1, 3, 30, 30)))


class Checkpointed(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.inner, x, use_reentrant=False)


@pytest.mark.parametrize("preset", ["shared", "paper"])
def test_activation_checkpointing(preset: str) -> None:
    plain = SampleAdaptive(body(preset=preset), stirred(HyperNetwork())).train()
    spared = SampleAdaptive(Checkpointed(deepcopy(plain.network)), deepcopy(plain.hypernetwork)).train()
    for model in (plain, spared):
        model(images()).square().mean().backward()
    for (name, value), other in zip(plain.named_parameters(), spared.parameters(), strict=True):
        assert torch.allclose(value.grad, other.grad, rtol=1e-10, atol=1e-14), name
    assert plain.hypernetwork.encoder[0][0].weight.grad.abs().max() > 0


def test_offsets_of_another_batch() -> None:
    model = SampleAdaptive(body(), HyperNetwork()).double()
    model(images(2))
    with pytest.raises(SettingError, match="has offsets for 2 images, got 3: call the whole network"):
        model.network(images(3))
    assert model.network(images(2)).shape == images(2).shape


@pytest.mark.parametrize("preset", ["shared", "paper"])
@pytest.mark.parametrize("copied", [deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_after_a_forward_pass(copied, preset: str) -> None:
    model = SampleAdaptive(body(preset=preset), stirred(HyperNetwork())).eval()
    expected = model(images())
    expected.sum().backward()
    names = list(model.state_dict())
    copy = copied(model)
    assert all(part.offset is None for part in copy.deformations())
    assert all(part.offset is not None for part in model.deformations())
    assert torch.equal(copy(images()), expected)
    assert list(copy.state_dict()) == names
    assert not any("offset" in name for name in names)


def test_deformations_are_found_once() -> None:
    shared, free = SampleAdaptive(body(), HyperNetwork()), SampleAdaptive(body(preset="paper"), HyperNetwork())
    assert [type(part) for part in shared.deformations()] == [SharedDeformation]
    assert [type(part) for part in free.deformations()] == [FreeDeformation] * 3
    assert all(isinstance(part, Deformation) for part in free.deformations())


def test_nothing_to_deform() -> None:
    with pytest.raises(SettingError, match="no layer of the network has a deformation"):
        SampleAdaptive(nn.Conv2d(3, 3, 3), HyperNetwork())
