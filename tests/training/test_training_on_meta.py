"""Training steps on the meta device: nothing is left on the CPU, and only the patches are uploaded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import Tensor

from symmetry_audit.actions import _resampling
from symmetry_audit.nets import build
from symmetry_audit.tasks import make_task
from symmetry_audit.training import EquivarianceRegularizer, TrainSettings
from symmetry_audit.training._average import Average
from symmetry_audit.training._distributed import World
from symmetry_audit.training._eq_reg import _disc, _moves
from symmetry_audit.training._stage import Stage
from tests.devices import META, HostWork

WORLD, SIDE = World(device=META), 32


@pytest.fixture(autouse=True)
def what_meta_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fused Adam and products with sparse matrices exist on a CPU and on a GPU, but not on meta."""
    adam = torch.optim.Adam
    monkeypatch.setattr(torch.optim, "Adam", lambda parameters, lr, fused: adam(parameters, lr))

    def dense(table: sparse.csr_array, dtype: torch.dtype, device: torch.device) -> Tensor:
        return torch.zeros(table.shape, dtype=dtype, device=device)

    monkeypatch.setattr(_resampling, "_as_torch", dense)
    for cached in (_resampling.resampling, _disc, _moves):  # built by other tests, or for them
        cached.cache_clear()


RUNS: dict[str, dict] = {
    "denoise": {},
    "denoise, mse": {"loss": "mse"},
    **{
        f"denoise {method}": {"method": method}
        for method in ("gcnn", "e2cnn", "harnet", "pdoe", "fconv", "bconv", "tl")
    },
    "denoise sa": {"method": "sa"},
    "denoise sa, first stage": {"method": "sa", "tl_steps": 3},
    "denoise relaxed": {"method": "gcnn", "relaxed": True, "relax": 0.1},
    "denoise, accumulated and clipped": {"accumulate": 2, "clip": 1.0},
    "sr": {"backbone": "edsr", "task": make_task("sr", scale=2)},
    "sr sa": {"backbone": "edsr", "task": make_task("sr", scale=2), "method": "sa"},
    "inpaint": {"task": make_task("inpaint", missing=0.3)},
    "derain": {"backbone": "rcdnet", "task": make_task("derain"), "loss": "stages"},
    "derain sa": {"backbone": "rcdnet", "task": make_task("derain"), "loss": "stages", "method": "sa"},
    "EQ-Reg p4": {"eq_reg": 0.1, "eq_group": "p4"},
    "EQ-Reg p8": {"eq_reg": 0.1, "eq_group": "p8"},
    "EQ-Reg of sa": {"method": "sa", "eq_reg": 0.1, "eq_group": "p4"},
    "EQ-Reg of stages": {
        "backbone": "rcdnet",
        "task": make_task("derain"),
        "loss": "stages",
        "eq_reg": 0.1,
        "eq_group": "p4",
    },
}


@pytest.mark.parametrize("run", list(RUNS))
def test_a_step_of_every_kind(run: str, settings: Callable[..., TrainSettings]) -> None:
    chosen = settings(ema=0.9, **RUNS[run])
    network = build(**chosen.architecture).to(META)
    second = not chosen.tl_steps
    stage = Stage(chosen, network, WORLD, torch.amp.GradScaler(META, enabled=False), second)
    average = Average(network, chosen.ema)
    scale = network.scale
    batch = (np.zeros((4, 3, side, side), dtype=np.float32) for side in (SIDE, scale * SIDE))
    x, clean = batch
    elements = 8 if chosen.eq_group == "p8" else 4
    for step in range(1 + elements):  # every element of the group has had its turn
        with HostWork() as work:
            found = stage.gradients(step, 1e-3, (x, clean))
            norm = stage.gradient_norm()
            stage.update()
            average.follow(network)
        assert found.is_meta and norm.is_meta
        trained = [one for one in network.parameters() if one.requires_grad]
        assert all(one.is_meta and one.grad is not None for one in trained)
    assert all(value.is_meta for value in average.weights.values())
    assert work.found == ["aten::_to_copy"] * 2  # degraded and clean patches


def test_the_penalty_reaches_every_layer() -> None:
    network = build("resnet", "cnn", preset="tiny").to(META)
    regularizer = EquivarianceRegularizer(network, "p8")
    for element in range(1, 8):
        restored, penalty = regularizer(torch.zeros(1, 3, SIDE, SIDE, device=META), element)
        assert restored.is_meta and penalty.is_meta
        network.zero_grad()
        penalty.backward()
        assert all(one.grad.is_meta for one in network.parameters())
