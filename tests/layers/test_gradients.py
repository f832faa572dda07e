"""Derivatives of layers with respect to images, coefficients, biases and w, and the paths that compute them."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor

from symmetry_audit.groups import Affine
from symmetry_audit.layers import (
    Deformation,
    EquivariantConv2d,
    FreeDeformation,
    GroupConv2d,
    LiftingConv2d,
    ProjectionConv2d,
    SharedDeformation,
)

KINDS = {"lifting": LiftingConv2d, "group": GroupConv2d, "projection": ProjectionConv2d}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)
OFFSETS = ((0.1, 0.2, -0.3), (-0.2, 0.05, 0.15), (0.02, -0.1, 0.05))


def deformation(name: str) -> Deformation:
    """w at ratio 1, at ratio 1.5 or free."""
    if name == "free":
        free = FreeDeformation()
        with torch.no_grad():
            free.values.copy_(torch.tensor([0.4, 1.15, 0.85]))
        return free
    return SharedDeformation(Affine.from_axes(0.7, 1.5) if name == "ratio 1.5" else None)


def layer(kind: str, bent: str | None = None, **settings) -> EquivariantConv2d:
    torch.manual_seed(0)
    settings = {"group": "p3", "basis": "fourier", "kernel_size": 3, **settings}
    made = KINDS[kind](2, 2, deformation=None if bent is None else deformation(bent), **settings).double()
    with torch.no_grad():
        made.weight.normal_()
        made.bias.normal_()
    return made


def images(made: EquivariantConv2d, count: int = 1, size: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (count, made.in_channels, size, size - 1)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def offsets(count: int) -> Tensor:
    return torch.tensor(OFFSETS[:count], dtype=torch.float64, requires_grad=True)


def agree(first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> None:
    """Up to the rounding of sums of a few thousand terms."""
    for one, other in zip(first, second, strict=True):
        assert one.shape == other.shape
        assert other.abs().max() > 1e-3  # a gradient of zeros tells nothing
        assert (one - other).abs().max() < 1e-12 * other.abs().max()


# ---------------------------------------------------------------- finite differences


def checked(made: EquivariantConv2d, x: Tensor, offset: Tensor | None = None) -> bool:
    """gradcheck with respect to the image, every parameter and the offset, against finite differences."""
    names, values = zip(*made.named_parameters(), strict=True)

    def output(x: Tensor, offset: Tensor | None, *values: Tensor) -> Tensor:
        if made.deformation is not None:
            made.deformation.offset = offset
        return torch.func.functional_call(made, dict(zip(names, values, strict=True)), (x,))

    wanted = 3 if made.deformation is not None else 2
    assert len(names) == wanted
    values = [value.detach().clone().requires_grad_() for value in values]
    return torch.autograd.gradcheck(output, (x, offset, *values), fast_mode=True)


@EACH_KIND
@pytest.mark.parametrize("basis", ["bicubic", "fourier", "harmonic", "steerable"])
@pytest.mark.parametrize("bent", [None, "ratio 1.5", "free"])
def test_one_w_for_all_images(kind: str, basis: str, bent: str | None) -> None:
    made = layer(kind, bent, basis=basis)
    assert checked(made, images(made, 2))


@EACH_KIND
@pytest.mark.parametrize("basis", ["steerable", "difference"])
def test_at_w_0(kind: str, basis: str) -> None:
    """Twice differentiable there; Keys' cubic and the mask are so once only, see ``test_bases``."""
    made = layer(kind, "ratio 1", basis=basis, group="p2m", kernel_size=5)
    assert checked(made, images(made))


@pytest.mark.parametrize("basis", ["bicubic", "fourier", "harmonic"])
def test_at_w_0_once_differentiable(basis: str) -> None:
    """One-sided differences of steps of 1e-7 err by about the step where second derivatives jump."""
    made, step = layer("group", "ratio 1", basis=basis, group="p8"), 1e-7
    direction, position = torch.tensor([0.8, 0.6], dtype=torch.float64), made.deformation.position
    probe = torch.randn(made.filters().shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    (found,) = torch.autograd.grad((made.filters() * probe).sum(), position)
    values = []
    for side in (-1, 0, 1):
        with torch.no_grad():
            position.copy_(side * step * direction)
            values.append((made.filters() * probe).sum())
    assert found.isfinite().all()
    for slope in ((values[2] - values[1]) / step, (values[1] - values[0]) / step):
        assert slope.item() == pytest.approx((found @ direction).item(), rel=1e-4, abs=1e-4)


@EACH_KIND
@pytest.mark.parametrize("bent", ["ratio 1.5", "free"])
@pytest.mark.parametrize("settings", [{}, {"stride": 2, "padding": 2}, {"padding_mode": "replicate", "stride": 2}])
def test_a_w_for_each_image(kind: str, bent: str, settings: dict) -> None:
    made = layer(kind, bent, **settings)
    assert checked(made, images(made, 2), offsets(2))


@EACH_KIND
def test_other_windows(kind: str) -> None:
    one_pixel, wide = layer(kind, kernel_size=1, group="p2m"), layer(kind, "ratio 1.5", kernel_size=5, group="p2m")
    assert checked(one_pixel, images(one_pixel))
    assert checked(wide, images(wide, 2), offsets(2))


# ---------------------------------------------------------------- one w for each image, by plain operations


def plain(made: EquivariantConv2d, x: Tensor) -> Tensor:
    """Image by image through autograd's own operations: the coefficients, placed by the definition, times samples."""
    samples, group = made.basis.sample(made.deformation()), made.group
    places, p = torch.from_numpy(group.quotients()), made.kernel_size
    outputs = []
    for image, one in zip(x, samples, strict=True):
        if isinstance(made, LiftingConv2d):
            bank = torch.einsum("mnk,bkp->mbnp", made.weight, one)
        elif isinstance(made, ProjectionConv2d):
            bank = torch.einsum("mnk,bkp->mnbp", made.weight, one)
        else:
            bank = torch.einsum("mnbak,bkp->mbnap", made.weight[:, :, places], one)
        bank = bank.reshape(made.out_channels, made.in_channels, p, p)
        if made.padding_mode == "replicate":
            padded = torch.nn.functional.pad(image[None], [made.padding] * 4, mode="replicate")
        else:
            padded = torch.nn.functional.pad(image[None], [made.padding] * 4)
        outputs.append(torch.conv2d(padded, bank, made.channel_bias(), made.stride))
    return torch.cat(outputs)


@EACH_KIND
@pytest.mark.parametrize("bent", ["ratio 1", "ratio 1.5", "free"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"group": "p8m", "stride": 2, "padding": 1}, {"group": "p8", "padding_mode": "replicate", "kernel_size": 5}],
)
def test_gradients_of_each_image_are_those_of_a_plain_loop(kind: str, bent: str, settings: dict) -> None:
    made = layer(kind, bent, **settings)
    x, offset = images(made, 3, 7), offsets(3)
    made.deformation.offset = offset
    wanted, found = plain(made, x), made(x)
    assert torch.allclose(found, wanted, rtol=0, atol=1e-10)
    probe = torch.randn(found.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    sources = (x, offset, *made.parameters())
    agree(torch.autograd.grad((found * probe).sum(), sources), torch.autograd.grad((wanted * probe).sum(), sources))


@EACH_KIND
@pytest.mark.parametrize("alone", ["image", "offset", "weight", "bias"])
def test_one_gradient_alone(kind: str, alone: str) -> None:
    """What is not asked for is left out, and the rest is the same."""
    made = layer(kind, "ratio 1.5")
    x, offset = images(made, 2), offsets(2)
    sources = {"image": x, "offset": offset, "weight": made.weight, "bias": made.bias}
    made.deformation.offset = offset
    (wanted,) = torch.autograd.grad(plain(made, x).square().sum(), sources[alone])
    for name, source in {**sources, "position": made.deformation.position}.items():
        source.requires_grad_(name == alone)
    found = torch.autograd.grad(made(x).square().sum(), sources[alone])
    agree(found, (wanted,))


# ---------------------------------------------------------------- several passes through one bank


@EACH_KIND
@pytest.mark.parametrize("bent", [None, "ratio 1.5", "frozen"])
def test_accumulated_gradients(kind: str, bent: str | None) -> None:
    """Three forward and backward passes between optimizer steps add up to the gradient of all images at once."""

    def loss(output: Tensor) -> Tensor:
        # of order 1: torch's derivative of the matrix exponential loses digits as the gradient grows
        return output.square().sum() / 1000

    made = layer(kind, "ratio 1.5" if bent == "frozen" else bent)
    if bent == "frozen":
        made.deformation.requires_grad_(False)
    trained = [parameter for parameter in made.parameters() if parameter.requires_grad]
    x = images(made, 3)
    wanted = torch.autograd.grad(loss(made(x)), trained)
    for image in x.detach():
        loss(made(image[None])).backward()
    agree(tuple(parameter.grad for parameter in trained), wanted)
    banks = [made.filters(), made.filters()]
    assert (banks[0] is banks[1]) == (bent != "ratio 1.5")  # built anew only where w is trained


@EACH_KIND
def test_separate_backward_passes_through_one_bank(kind: str) -> None:
    made = layer(kind)
    x = images(made, 2)
    losses = [made(image[None]).square().sum() for image in x.detach()]  # both from the same filters
    together = [torch.autograd.grad(loss, (made.weight, made.bias)) for loss in losses]
    for image, found in zip(x.detach(), together, strict=True):
        fresh = layer(kind)
        agree(found, torch.autograd.grad(fresh(image[None]).square().sum(), (fresh.weight, fresh.bias)))


@EACH_KIND
def test_gradients_follow_an_optimizer_step(kind: str) -> None:
    made = layer(kind)
    x = images(made)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        made(x).square().sum().backward()
        optimizer.step()
    fresh = layer(kind)
    fresh.load_state_dict(made.state_dict())
    made.zero_grad()
    made(x).square().sum().backward()
    agree((made.weight.grad,), torch.autograd.grad(fresh(x).square().sum(), (fresh.weight,)))


def test_training_finds_w() -> None:
    """Filters deformed by ratio 1.3 are fitted by w alone."""
    wanted, made = (layer("lifting", w, group="p8", kernel_size=5) for w in ("ratio 1.5", "ratio 1"))
    wanted.deformation.set(Affine.from_axes(0.4, 1.3))
    target, w = wanted.filters().detach(), made.deformation
    optimizer = torch.optim.LBFGS(w.parameters(), max_iter=40, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        total = (made.filters() - target).square().mean()
        total.backward()
        return total

    optimizer.step(loss)
    found = w.coordinates().tolist()
    assert found == pytest.approx(wanted.deformation.coordinates().tolist(), abs=1e-4)
    assert max(map(abs, found)) < log(2.0)


# ---------------------------------------------------------------- mixed precision


@EACH_KIND
@pytest.mark.parametrize(("bent", "each"), [(None, False), ("ratio 1.5", False), ("ratio 1.5", True), ("free", True)])
def test_autocast(kind: str, bent: str | None, each: bool) -> None:
    """bfloat16 outputs, float32 gradients of parameters, both within bfloat16's 2^-8 times a few of the exact ones."""
    made = layer(kind, bent).float()
    x = images(made, 2, 8).detach().float().requires_grad_()
    offset = offsets(2).detach().float().requires_grad_() if each else None
    if each:
        made.deformation.offset = offset
    sources = [x, *made.parameters(), *([offset] if each else [])]
    exact = made(x)
    wanted = torch.autograd.grad(exact.square().sum(), sources)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = made(x)
        loss = mixed.float().square().sum()
    assert mixed.dtype == torch.bfloat16
    assert (mixed - exact).norm() < 0.02 * exact.norm()
    found = torch.autograd.grad(loss, sources)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == torch.float32
        assert (one - other).norm() < 0.05 * other.norm()
