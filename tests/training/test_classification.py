"""Training a classifier: its loss, EQ-Reg on features and logits, rotated pairs, gates, and whole runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from symmetry_audit.checkpoints import load_checkpoint
from symmetry_audit.layers import PartialGate
from symmetry_audit.nets import build
from symmetry_audit.tasks import PatchCache, Task, make_task, open_pairs
from symmetry_audit.training import EquivarianceRegularizer, TrainResult, TrainSettings, make_settings, train
from symmetry_audit.training._distributed import World
from symmetry_audit.training._objective import Objective
from symmetry_audit.training._stage import Stage

TASK = make_task("classify", classes=["dark", "light"])


class Linear(nn.Module):
    """Logits that are sums of pixels under fixed weights, and one convolution for EQ-Reg to look into."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.weight = nn.Parameter(torch.randn(4, 8, 8, 3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("nchw,chwk->nk", self.second(self.first(x / 255)), self.weight)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    return 255 * torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([2, 0, 1])


def by_hand(logits: Tensor, labels: Tensor) -> float:
    """-ln of the softmax at the label, image by image, in float64."""
    rows = logits.detach().double().numpy()
    return float(np.mean([np.log(np.exp(row - row[label]).sum()) for row, label in zip(rows, labels, strict=True)]))


# ---------------------------------------------------------------- losses


def test_cross_entropy_and_the_share_of_wrong_labels(batch: tuple[Tensor, Tensor]) -> None:
    x, labels = batch
    network = Linear()
    loss, error = Objective(network, "cross-entropy")(x, labels)
    logits = network(x)
    assert loss.item() == pytest.approx(by_hand(logits, labels), rel=1e-5)
    assert error.item() == pytest.approx(np.mean(logits.argmax(1).numpy() != labels.numpy()))


@pytest.mark.parametrize(
    ("weights", "features", "logits"),
    [({"eq_reg": 0.3}, 0.3, 0.3), ({"eq_reg": 0.3, "eq_output": 0.05}, 0.3, 0.05), ({"eq_output": 0.2}, 0, 0.2)],
)
def test_eq_reg_compares_features_and_logits_each_with_its_weight(batch, weights, features, logits) -> None:
    x, labels = batch
    network, element = Linear(), 3
    regularize = partial(EquivarianceRegularizer, group="p4")
    objective = Objective(network, "cross-entropy", regularize=regularize, **weights)
    objective.element = element
    turned = torch.rot90(x, element, (2, 3))
    inside = torch.hypot(*torch.meshgrid(*[torch.arange(8) - 3.5] * 2, indexing="ij")) <= 3.5
    before = torch.rot90(network.first(x / 255), element, (2, 3)).roll(element, 1)  # one feature over p4
    error = (network.first(turned / 255) - before).square()[..., inside].mean().item()
    change = (network(turned) - network(x)).square().mean().item()
    expected = by_hand(network(x), labels) + features * error + logits * change
    assert error > 1e-3 and change > 1e-3
    assert objective(x, labels).loss.item() == pytest.approx(expected, rel=1e-5)


def test_rotated_pairs_of_labels_and_of_images(batch: tuple[Tensor, Tensor]) -> None:
    x, labels = batch
    regularize = partial(EquivarianceRegularizer, group="p4", layers=())
    turned = torch.rot90(x, 1, (2, 3))
    network = Linear()
    loss, error = Objective(network, "cross-entropy", regularize=regularize, paired=True)(x, labels)
    assert loss.item() == pytest.approx((by_hand(network(x), labels) + by_hand(network(turned), labels)) / 2, rel=1e-5)
    assert error.item() == Objective(network, "cross-entropy")(x, labels).error.item()
    restorer, clean = nn.Conv2d(3, 3, 3, padding=1), 255 * torch.rand(3, 3, 8, 8)
    found = Objective(restorer, "l1", regularize=regularize, paired=True)(x, clean).loss.item()
    sides = [(restorer(x), clean), (restorer(turned), torch.rot90(clean, 1, (2, 3)))]
    assert found == pytest.approx(np.mean([(one - other).abs().mean().item() for one, other in sides]), rel=1e-5)


def test_what_weight_zero_compares() -> None:
    common = {"eq_group": "p4", "eq_paired": True}
    assert made("cnn", eq_reg=0.0, **common).compared_layers == ()
    assert made("cnn", eq_reg=0.0, eq_output=0.1, **common).compared_layers == ("output",)
    assert made("cnn", eq_reg=0.1, eq_layers=2, **common).compared_layers == 2


# ---------------------------------------------------------------- runs


def made(method: str = "gcnn", partial: bool = False, **given) -> TrainSettings:
    network = build("classifier", method, preset="tiny", classes=2, partial=partial)
    short = {"steps": 4, "batch": 4, "patch": 16, "validate_every": 2, "log_every": 2, "lr": 3e-3, "warmup": 0}
    common = {"task": TASK.to_dict(), "architecture": network.architecture, "loss": "cross-entropy"}
    return make_settings(**{**common, **short, **given})


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Dark and light images, six and two of each."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 6), ("valid", 2)):
        for label, level in (("dark", 60), ("light", 190)):
            folder = tmp_path / part / label
            folder.mkdir(parents=True)
            for at in range(count):
                pixels = np.clip(level + 40 * rng.standard_normal((18, 20, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{at}.png")
    return tmp_path / "train", tmp_path / "valid"


@pytest.fixture
def run(folders: tuple[Path, Path], tmp_path: Path) -> Callable[..., TrainResult]:
    def start(settings: TrainSettings, folder: str = "run", **options) -> TrainResult:
        pairs, valid = (open_pairs(str(one), TASK) for one in folders)
        cache = PatchCache(pairs, TASK, tmp_path / "cache")
        return train(settings, pairs, valid, tmp_path / folder, cache=cache, **options)

    return start


def test_a_run_learns_and_keeps_the_classes_in_its_checkpoint(run, tmp_path: Path) -> None:
    found = run(made(steps=12, validate_every=6, augment="flips+turns"))
    assert found.best.card.validation["accuracy"] == 1.0
    assert found.best.card.validation["images"] == 4
    assert isinstance(found.best.task, Task) and found.best.task == TASK
    assert found.best.task.class_names == ("dark", "light")
    header = (tmp_path / "run" / "log.csv").read_text().splitlines()[0]
    assert header.endswith("loss,train_accuracy,gradient_norm,valid_accuracy,valid_cross_entropy")
    assert found.best.network()(torch.zeros(1, 3, 16, 16)).shape == (1, 2)


def test_a_partial_run_continues_with_the_same_draws(run, tmp_path: Path) -> None:
    """Gates draw in every step; a run of four steps equals one that was stopped after two, bit for bit."""
    whole = run(made(partial=True), "whole").folder
    stopped = {}

    def stop(step: int, steps: int, values) -> None:
        if step == 2 and "valid" in values:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(made(partial=True), "parts", progress=stop)
    parts = run(made(partial=True), "parts").folder
    assert stopped == {}
    one, other = (load_checkpoint(folder / "last.safetensors").weights for folder in (whole, parts))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_every_step_and_process_draws_anew() -> None:
    settings = made(partial=True)
    network = build(**settings.architecture)
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, PartialGate):
                part.logits.copy_(torch.tensor([0.0, -0.7, -0.7, -0.7]))
    seen: list[Tensor] = []
    gate = next(part for part in network.modules() if isinstance(part, PartialGate))
    gate.register_forward_hook(lambda module, inputs, output: seen.append(output.detach()))
    rng = np.random.default_rng(0)
    batch = 255 * rng.random((2, 3, 16, 16), dtype=np.float32), np.array([0, 1])

    def kept(step: int, rank: int) -> tuple[bool, ...]:
        stage = Stage(settings, network, World(rank=rank, size=1), torch.amp.GradScaler(enabled=False), second=True)
        stage.gradients(step, 0.0, batch)
        return tuple(seen[-1].unflatten(1, (-1, 4)).abs().amax((0, 1, 3, 4)).bool().tolist())

    assert kept(3, 0) == kept(3, 0)
    assert len({kept(step, 0) for step in range(12)}) > 2
    assert len({kept(0, rank) for rank in range(12)}) > 2
    assert settings.draw_seed(1, 0) != settings.model_copy(update={"seed": 1}).draw_seed(1, 0)
