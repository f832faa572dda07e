"""Masks from files, the body, and metal put inside it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from scipy.ndimage import label

from symmetry_audit.errors import DataError
from symmetry_audit.tomography import body_mask, random_metal, read_masks


@pytest.fixture
def masks(rng) -> np.ndarray:
    return rng.uniform(size=(3, 20, 20)) < 0.2


def test_numpy_file(tmp_path, masks):
    np.save(tmp_path / "last.npy", np.moveaxis(masks, 0, -1).astype(np.uint8))
    np.save(tmp_path / "first.npy", masks)
    np.testing.assert_array_equal(read_masks(tmp_path / "last.npy"), masks)
    np.testing.assert_array_equal(read_masks(tmp_path / "first.npy"), masks)


def test_matlab_file_with_grey_rims(tmp_path, masks):
    savemat(tmp_path / "masks.mat", {"tumor_imgs": np.where(masks, 255, 100).astype(np.uint8)})
    np.testing.assert_array_equal(read_masks(tmp_path / "masks.mat"), masks)


def test_folder_of_pictures(tmp_path, masks):
    for index, mask in enumerate(masks):
        Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / f"{index}.png")
    np.testing.assert_array_equal(read_masks(str(tmp_path)), masks)


def test_files_that_hold_no_masks(tmp_path):
    (tmp_path / "a.txt").write_text("none")
    (tmp_path / "broken.npy").write_text("none")
    np.save(tmp_path / "flat.npy", np.zeros((4, 4)))
    savemat(tmp_path / "flat.mat", {"x": np.zeros((4, 4))})
    for name, message in (
        ("a.txt", r"holds no masks; give a \.npy or \.mat file, or a folder of pictures"),
        ("broken.npy", "cannot read the masks in .*broken.npy"),
        ("missing.mat", "cannot read the masks in .*missing.mat"),
        ("flat.npy", r"holds no square masks .* but shape \(4, 4\)"),
        ("flat.mat", r"holds no square masks .* but shape \(0,\)"),
    ):
        with pytest.raises(DataError, match=message):
            read_masks(tmp_path / name)


def test_pictures_of_several_sizes(tmp_path):
    for side in (8, 9):
        Image.fromarray(np.zeros((side, side), np.uint8)).save(tmp_path / f"{side}.png")
    with pytest.raises(DataError, match="have different sizes; bring them to one"):
        read_masks(tmp_path)


def test_the_body_is_the_largest_piece_without_holes():
    hu = np.full((40, 40), -1000.0)
    hu[5:30, 8:35] = 40
    hu[10:15, 12:20] = -850  # a lung
    hu[34:36, 2:38] = 0  # the table
    expected = np.zeros((40, 40), bool)
    expected[5:30, 8:35] = True
    np.testing.assert_array_equal(body_mask(hu), expected)
    assert not body_mask(np.full((6, 6), -1000.0)).any()


def shapes() -> np.ndarray:
    """A disc, and a bar four times as long as wide."""
    x = np.arange(64) - 31.5
    return np.stack([np.hypot(x[:, None], x) < 25, (abs(x[:, None]) < 7) & (abs(x) < 28)])


def test_metal_lies_inside_the_body(rng):
    x = np.arange(128) - 63.5
    body = np.hypot(x[:, None] / 1.3, x) < 40
    areas, pieces = [], set()
    for _ in range(60):
        metal = random_metal(shapes(), body, rng)
        assert not (metal & ~body).any()
        areas.append(metal.mean())
        pieces.add(label(metal, np.ones((3, 3)))[1])
    assert pieces == {1, 2, 3}
    assert 1e-4 < min(areas) < 1e-3 < 5e-3 < max(areas) < 1.4e-2


def test_the_same_draws_are_the_same_metal():
    body = np.ones((64, 64), bool)
    one, other, third = (random_metal(shapes(), body, np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, other)
    assert (one != third).any()


def test_pieces_keep_their_shape_and_area(rng):
    """A bar stays a bar: its length, from the second moments, is about four times its width."""
    body = np.ones((256, 256), bool)
    large = 0
    for _ in range(40):
        pieces, count = label(random_metal(shapes()[1:], body, rng))
        bars = [np.argwhere(pieces == piece) for piece in range(1, 4)] if count == 3 else []  # none touches another
        for bar in (bar for bar in bars if len(bar) > 100):
            large += 1
            moments = np.linalg.eigvalsh(np.cov(bar.T))
            assert np.sqrt(moments[1] / moments[0]) == pytest.approx(4, rel=0.2)
        assert len({len(bar) for bar in bars}) <= 1
    assert large >= 3


def test_a_body_without_room(rng):
    with pytest.raises(DataError, match=r"the body of 0 px has no room for .* px of metal; leave the slice out"):
        random_metal(shapes(), np.zeros((64, 64), bool), rng)
