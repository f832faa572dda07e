"""The matrix of w against the matrix exponential, with its derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from torch import Tensor

from symmetry_audit.layers._affine import _exponential

# of both branches, at their border (a^2 + b^2 = 0.04) and at 0
PLACES = [(0.0, 0.0), (1e-9, 0.0), (0.03, -0.02), (0.12, 0.16 - 1e-9), (0.12, 0.16 + 1e-9), (-0.7, 0.4), (2.0, -3.0)]


def by_torch(a: Tensor, b: Tensor) -> Tensor:
    return torch.linalg.matrix_exp(torch.stack([-a, b, b, a], dim=-1).unflatten(-1, (2, 2)) / 2)


@pytest.mark.parametrize(("a", "b"), PLACES)
def test_it_is_the_exponential(a: float, b: float) -> None:
    found = _exponential(*torch.tensor([[a, b], [b, a]], dtype=torch.float64).unbind(-1))
    for one, (x, y) in zip(found, [(a, b), (b, a)], strict=True):
        np.testing.assert_allclose(one.numpy(), expm(np.array([[-x, y], [y, x]]) / 2), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(("a", "b"), PLACES)
def test_first_and_second_derivatives(a: float, b: float) -> None:
    at = torch.tensor([a, b], dtype=torch.float64)
    weights = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    first, second = torch.autograd.functional.jacobian, torch.autograd.functional.hessian
    for derivative in (first, second):
        found = derivative(lambda w: (weights * _exponential(*w)).sum(), at)
        expected = derivative(lambda w: (weights * by_torch(*w)).sum(), at)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
