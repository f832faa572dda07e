"""The response engine on the meta device, up to the figures that it returns: nothing is left on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from symmetry_audit.engine import TOLERANCES, DeviceBank, _responses, _spectral, kernel_rows
from symmetry_audit.groups import Group
from symmetry_audit.kernels import STENCILS, GaussianKernel, factor_bank, sampled_kernels
from tests.devices import META, HostWork, arriving  # noqa: F401 - a fixture

CPU_TABLES = [(_responses, "BAND_ROWS"), (_responses, "TILE_PIXELS"), (_spectral, "KERNELS")]


@pytest.fixture
def as_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands and tiles of the size that a CPU has, so that small images have several."""
    for module, name in CPU_TABLES:
        table = getattr(module, name)
        monkeypatch.setitem(table, META, max(1, table["cpu"] // 16))


@pytest.mark.parametrize("dtype", list(TOLERANCES))
@pytest.mark.parametrize("kind", ["abs", "energy", "rectified"])
@pytest.mark.usefixtures("as_on_a_cpu")
def test_both_ways_to_the_responses(
    rng: np.random.Generator,
    arriving: list[torch.Size],  # noqa: F811
    kind: str,
    dtype: torch.dtype,
) -> None:
    image = 255 * rng.random((61, 53))
    kernels = sampled_kernels(STENCILS["sobel"], Group(4).matrices(), GaussianKernel(), 4)
    bank = DeviceBank.from_bank(factor_bank(kernels, TOLERANCES[dtype]), META, dtype)
    with HostWork() as work:
        found = bank.row_means(image, 6, kind)
    assert work.found == ["aten::_to_copy"]  # the image
    assert found.shape == (49, 4)
    with HostWork() as work:
        assert kernel_rows(image, kernels, 6, kind, META, dtype).shape == (49, 4)
    assert work.found == ["aten::_to_copy"] * 2  # image and kernels
    assert arriving == [(49, 4), (49, 4)]
    inside = rng.random((49, 41)) < 0.5
    with HostWork() as work:
        assert bank.row_means(image, 6, kind, inside=inside).shape == (49, 4)
        assert kernel_rows(image, kernels, 6, kind, META, dtype, inside).shape == (49, 4)
    assert work.found == ["aten::_to_copy"] * 5
