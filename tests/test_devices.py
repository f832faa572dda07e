"""Constants reach a device once, and autocast is left alone where there is none."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from symmetry_audit.devices import DeviceCopies, autocast_type, without_autocast
from tests.devices import META, HostWork


def test_a_constant_is_copied_once_for_each_device_and_type() -> None:
    copies, constant = DeviceCopies(), torch.arange(3.0, dtype=torch.float64)
    assert copies.of(constant, torch.device("cpu")) is constant
    with HostWork() as work:
        first = copies.of(constant, torch.device(META))
        assert copies.of(constant, torch.device(META)) is first
        half = copies.of(constant, torch.device(META), torch.float16)
    assert first.is_meta and first.dtype == torch.float64 and half.dtype == torch.float16
    assert len(work.found) == 2


def test_constants_of_equal_value_are_not_mistaken_for_each_other() -> None:
    copies = DeviceCopies()
    for value in range(20):  # each is gone before the next one, which may take its place in memory
        made = copies.of(torch.tensor([value]), torch.device("cpu"), torch.float32)
        assert made.tolist() == [value]


def test_a_copy_made_in_inference_mode_can_be_trained_with() -> None:
    copies, constant = DeviceCopies(), torch.ones(2, dtype=torch.float64)
    with torch.inference_mode():
        copies.of(constant, torch.device("cpu"), torch.float32)
    w = torch.ones(2, requires_grad=True)
    (w * copies.of(constant, torch.device("cpu"), torch.float32)).sum().backward()
    assert w.grad is not None


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))], ids=["copy", "pickle"])
def test_copies_and_pickles_start_empty(copied) -> None:
    copies, constant = DeviceCopies(), torch.ones(2)
    copies.of(constant, torch.device(META))
    with HostWork() as work:
        copied(copies).of(constant, torch.device(META))
    assert len(work.found) == 1


def test_host_work_sees_uploads_and_decisions() -> None:
    """The instrument of the other tests: what it must find, and what it must not."""
    here, there = torch.ones(2), torch.ones(2, 2, device=META)
    with HostWork() as work:
        there + 1
        there.double() @ there.double()
    assert work.found == []
    with HostWork() as work:
        there + here.to(META)
        torch.linalg.matrix_exp(there)
    assert work.found == ["aten::_to_copy", "aten::linalg_matrix_exp"]


def test_autocast_is_switched_off_inside_and_back_on_behind() -> None:
    x = torch.ones(2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert autocast_type("cpu") == torch.bfloat16
        with without_autocast("cpu"):
            assert (x @ x).dtype == torch.float32 and autocast_type("cpu") is None
        assert (x @ x).dtype == torch.bfloat16
    with without_autocast(META):
        assert autocast_type(META) is None
