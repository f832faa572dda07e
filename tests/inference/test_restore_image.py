"""One image through small networks: tiles against the whole image, eight positions, w of an SA network."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from symmetry_audit.errors import ModelError, SettingError
from symmetry_audit.inference import can_tile, prepared, restore_image
from symmetry_audit.layers import HyperNetwork, Layers, SampleAdaptive

RADIUS = 4  # of the networks below: two 5 x 5 convolutions


def plain(scale: int = 1, seed: int = 0) -> nn.Sequential:
    """Two 5 x 5 convolutions and a shuffle, with gains that keep 0..255 about there."""
    torch.manual_seed(seed)
    layers = nn.Conv2d(3, 6, 5, padding=2), nn.Tanh(), nn.Conv2d(6, 3 * scale**2, 5, padding=2), nn.PixelShuffle(scale)
    network = nn.Sequential(*layers)
    with torch.no_grad():
        network[0].weight.mul_(0.02)
        network[2].weight.mul_(300)
    return network


def adaptive(method: str = "sa", group: str = "p4") -> nn.Module:
    torch.manual_seed(1)
    layers = Layers(method, group)
    network = layers.network(nn.Sequential(layers.lifting(3, 2), nn.ReLU(), layers.projection(2, 3)))
    if method == "sa":
        nn.init.normal_(network.hypernetwork.head[-1].weight, std=0.5)
        nn.init.normal_(network.hypernetwork.head[-1].bias, std=0.5)
    return network


def photograph(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)


def direct(network: nn.Module, image: np.ndarray) -> np.ndarray:
    """What the network itself gives."""
    with torch.no_grad():
        return network.eval()(torch.tensor(image).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()


def close(result: np.ndarray, expected: np.ndarray) -> bool:
    return result.shape == expected.shape and np.abs(result - expected).max() < 2e-6 * np.abs(expected).max()


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_the_whole_image_in_one_pass(scale):
    network, image = plain(scale), photograph(19, 26)
    result = restore_image(network, image)
    assert result.shape == (19 * scale, 26 * scale, 3) and result.dtype == np.float32
    np.testing.assert_array_equal(result, direct(network, image))


@pytest.mark.parametrize(("scale", "size"), [*product([1, 2, 3, 4], [(37, 23), (16, 61), (5, 40), (1, 33)])])
def test_tiles_are_the_whole_image_up_to_its_borders(scale, size):
    network, image = plain(scale), photograph(*size)
    for tile in (1, 7, 16):
        assert close(restore_image(network, image, tile=tile, overlap=RADIUS), direct(network, image)), tile


def test_an_overlap_short_of_the_reach_shows():
    network, image = plain(), photograph(37, 23)
    result = restore_image(network, image, tile=8, overlap=RADIUS - 1)
    assert not close(result, direct(network, image))
    np.testing.assert_allclose(result[:4, :4], direct(network, image)[:4, :4], rtol=1e-5)


def test_no_tile_is_larger_than_asked_for():
    class Spy(nn.Module):
        seen: tuple = ()

        def forward(self, x):
            self.seen = (*self.seen, tuple(x.shape[-2:]))
            return x

    spy, image = Spy(), photograph(21, 50)
    np.testing.assert_array_equal(restore_image(spy, image, tile=10, overlap=0), image)
    assert len(spy.seen) == 3 * 5 and set(spy.seen) == {(7, 10)}
    whole = Spy()
    restore_image(whole, image, tile=50, overlap=0)
    assert whole.seen == ((21, 50),)


def test_arrays_of_any_layout_and_type():
    network, image = plain(), photograph(20, 30).round()
    expected = restore_image(network, image)
    for same in (image.astype(np.uint8), image.astype(np.float64), np.asfortranarray(image), image[::-1][::-1]):
        np.testing.assert_array_equal(restore_image(network, same), expected)


def test_self_ensemble_is_the_mean_over_the_square():
    network, image = plain(2), photograph(17, 22)
    moves = [lambda a, k=k, f=f: np.rot90(a[:, ::-1] if f else a, k) for k in range(4) for f in (0, 1)]
    backs = [lambda a, k=k, f=f: np.rot90(a, -k)[:, ::-1] if f else np.rot90(a, -k) for k in range(4) for f in (0, 1)]
    assert len({move(np.arange(4).reshape(2, 2)).tobytes() for move in moves}) == 8
    expected = np.mean(
        [back(direct(network, move(image).copy())) for move, back in zip(moves, backs, strict=True)], axis=0
    )
    result = restore_image(network, image, self_ensemble=True)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-4)
    assert np.abs(result - direct(network, image)).max() > 1
    # so the whole turns with the image, which the network alone does not
    turned = restore_image(network, np.rot90(image), self_ensemble=True)
    np.testing.assert_allclose(turned, np.rot90(result), rtol=1e-5, atol=1e-4)
    tiled = restore_image(network, image, self_ensemble=True, tile=9, overlap=RADIUS)
    np.testing.assert_allclose(tiled, result, rtol=1e-5, atol=1e-4)


def test_tiles_of_an_sa_network_share_the_w_of_the_whole_image():
    network, image = adaptive(), photograph(40, 70)
    image[:, :35] *= np.linspace(0, 1, 40, dtype=np.float32)[:, None, None]  # w of the parts differs
    calls = []
    network.hypernetwork.register_forward_hook(lambda module, given, w: calls.append(tuple(given[0].shape)))
    result = restore_image(network, image, tile=30, overlap=RADIUS)
    assert calls == [(1, 3, 40, 70)]
    assert close(result, direct(network, image))
    # the tester: tiles that each find their own w differ
    own = np.concatenate([restore_image(network, image[:, :35]), restore_image(network, image[:, 35:])], axis=1)
    assert not close(own[:, :30], result[:, :30])


def test_w_found_on_the_way_cannot_be_shared():
    inner = nn.Sequential(adaptive(), nn.ReLU())
    image = photograph(30, 30)
    assert not can_tile(inner) and can_tile(adaptive()) and can_tile(plain())
    assert restore_image(inner, image).shape == image.shape
    with pytest.raises(SettingError, match="finds w from inner features, so tiles would get different w"):
        restore_image(inner, image, tile=10)


@pytest.mark.parametrize("size", [(1, 1), (24, 60), (60, 3), (25, 25)])
def test_images_smaller_than_a_hypernetwork_takes(size):
    network, image = adaptive(), photograph(*size)
    result = restore_image(network, image)
    least = network.hypernetwork.smallest
    padded = np.pad(image, (*((0, max(least - side, 0)) for side in size), (0, 0)), mode="edge")
    assert padded.shape != image.shape
    np.testing.assert_array_equal(result, direct(network, padded)[: size[0], : size[1]])
    tiled = restore_image(network, image, tile=12, overlap=RADIUS)
    assert np.abs(tiled - result).max() < 1e-5 * np.abs(direct(network, padded)).max()


def test_the_network_keeps_its_mode_and_statistics():
    network = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Dropout(0.5))
    network[1].eval()  # frozen statistics amid training
    before = {name: value.clone() for name, value in network.state_dict().items()}
    image = photograph(12, 12)
    result = restore_image(network, image)
    assert [part.training for part in network.modules()] == [True, True, False, True]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    np.testing.assert_array_equal(result, direct(network, image))


def test_training_goes_on_afterwards():
    for network in (adaptive("sa"), adaptive("tl"), adaptive("fconv")):
        network.train()
        restore_image(network, photograph(30, 30), tile=20)
        x = torch.rand(2, 3, 30, 30)
        network(x).square().mean().backward()
        assert all(value.grad is not None for value in network.parameters() if value.requires_grad)


def test_filters_are_built_once_for_all_images():
    network = adaptive("fconv").eval()
    with torch.no_grad():
        restore_image(network, photograph(10, 10))
        first = network[0].filters()
        restore_image(network, photograph(10, 10))
        assert network[0].filters() is first


@pytest.mark.parametrize("method", ["gcnn", "fconv", "bconv", "tl"])
def test_prepared_networks_are_folded_and_give_the_same(method):
    network, image = adaptive(method), photograph(33, 41)
    if method == "tl":
        with torch.no_grad():
            network[0].deformation.position.copy_(torch.tensor([0.7, -0.4]))
    ready = prepared(network)
    assert type(ready[0]) is nn.Conv2d and type(network[0]) is not nn.Conv2d
    assert not ready.training
    expected = restore_image(network, image)
    np.testing.assert_allclose(restore_image(ready, image), expected, atol=1e-4)


def test_prepared_sa_networks_stay_adaptive():
    network = adaptive().train()
    ready = prepared(network)
    assert ready is network and isinstance(ready, SampleAdaptive) and not ready.training
    assert isinstance(ready.hypernetwork, HyperNetwork)


def test_refusals():
    image = photograph(8, 8)
    with pytest.raises(SettingError, match=r"expected an image \(H, W, C\), got shape \(8, 8\)"):
        restore_image(plain(), image[..., 0])
    with pytest.raises(SettingError, match=r"got shape \(0, 8, 3\)"):
        restore_image(plain(), image[:0])
    with pytest.raises(SettingError, match="tile must be 1 px or more, got 0"):
        restore_image(plain(), image, tile=0)
    with pytest.raises(SettingError, match="overlap must be 0 px or more, got -1"):
        restore_image(plain(), image, overlap=-1)
    for network, got in (
        (nn.Conv2d(3, 3, 3), r"\(1, 3, 6, 6\)"),
        (nn.Conv2d(3, 1, 1), r"\(1, 1, 8, 8\)"),
        (nn.Flatten(), r"\(1, 192\)"),
        (nn.AdaptiveMaxPool2d(8, return_indices=True), "tuple"),
    ):
        with pytest.raises(ModelError, match=f"the network returned {got}; expected an RGB image"):
            restore_image(network, image)


def test_on_cuda_as_on_the_cpu(cuda):
    for network in (plain(2), adaptive()):
        image = photograph(40, 33)
        expected = restore_image(network, image, tile=20)
        found = restore_image(network, image, tile=20, device=cuda)
        assert next(network.parameters()).is_cuda
        assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()  # TF32 convolutions
