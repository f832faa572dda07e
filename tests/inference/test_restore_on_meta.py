"""Restoring and symmetrizing an image on the meta device, up to the image that arrives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from symmetry_audit.inference import average_image, restore_image
from symmetry_audit.nets import build
from tests.devices import META, arriving  # noqa: F401 - a fixture


@pytest.mark.parametrize("tile", [None, 32])
@pytest.mark.parametrize("method", ["cnn", "fconv", "sa"])
def test_an_image_in_tiles_and_averaged(
    arriving: list[torch.Size],  # noqa: F811
    method: str,
    tile: int | None,
) -> None:
    network, image = build("edsr", method, preset="tiny"), np.zeros((40, 48, 3), dtype=np.uint8)
    assert restore_image(network, image, tile=tile, overlap=4, device=META).shape == (80, 96, 3)
    own, average = average_image(network, image, "p4", tile=tile, overlap=4, device=META)
    assert own.shape == average.shape == (80, 96, 3)
    assert all(one.is_meta for one in network.parameters()) and len(arriving) == 4
