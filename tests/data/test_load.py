"""From a reference to luminance and to slices for networks: units, windows, bare samples."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from symmetry_audit.data import ImageRef, RawFormat, Reading, decode, load_image, load_rgb, load_slice, open_source
from symmetry_audit.errors import ImageError
from symmetry_audit.wording import GREY_LEVELS, HU, WINDOWED
from tests.slices import dicom, nifti

MAX = 10**6
STORED = np.array([[24, 1024, 1064], [924, 1224, 4000]], np.int16)  # HU + 1024


@pytest.fixture
def one(tmp_path) -> ImageRef:
    (tmp_path / "one.dcm").write_bytes(dicom(STORED))
    (ref,) = open_source(str(tmp_path)).refs
    return ref


def test_a_picture_is_decoded_as_before(tmp_path, rng):
    Image.fromarray(rng.integers(0, 255, (5, 6, 3), np.uint8)).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    found, expected = load_image(ImageRef("a", tmp_path / "a.png")), decode(data, MAX)
    assert np.array_equal(found.luminance, expected.luminance)
    assert (found.pixel_sha256, found.unit, found.valid) == (expected.pixel_sha256, GREY_LEVELS, None)
    assert found.file_sha256 == hashlib.sha256(data).hexdigest()


def test_a_window_maps_its_ends_to_0_and_255_and_clips(one):
    image = load_image(one, reading=Reading(window=(40, 400)))  # -160 to 240 HU
    assert image.unit == WINDOWED
    expected = [[0, 160 / 400 * 255, 200 / 400 * 255], [60 / 400 * 255, 360 / 400 * 255, 255]]
    assert image.luminance == pytest.approx(np.array(expected), abs=1e-4)
    assert image.luminance.dtype == np.float32
    assert image.pixel_sha256 == load_image(one).pixel_sha256


def test_a_window_is_refused_for_grey_levels(tmp_path):
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"^is in grey levels, and --window is for HU; drop --window$"):
        load_image(ImageRef("a", tmp_path / "a.png"), reading=Reading(window=(40, 400)))


def test_a_slice_for_networks(one):
    found = load_slice(one)
    assert found.hu.tolist() == (STORED - 1024).tolist()
    assert (found.hu.dtype, found.valid.all(), found.spacing) == (np.float32, True, (0.5, 0.25))


def test_padding_of_a_slice_holds_the_mean_of_the_rest(tmp_path):
    stored = np.full((40, 40), 1024, np.int16)
    stored[::2] = 1044
    stored[:10] = -2000
    (tmp_path / "a.dcm").write_bytes(dicom(stored, PixelPaddingValue=-2000))
    found = load_slice(open_source(str(tmp_path)).refs[0])
    assert found.valid.tolist() == (stored != -2000).tolist()
    assert np.unique(found.hu[:10]).tolist() == [10]


def test_pictures_are_no_slices_and_slices_no_pictures(tmp_path, one):
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"^is in grey levels, not in HU; give CT slices$"):
        load_slice(ImageRef("a", tmp_path / "a.png"))
    with pytest.raises(ImageError, match=r"^is a CT slice and no picture; this task takes PNG, JPEG"):
        load_rgb(one)


def test_the_unit_of_files_that_do_not_say_it(tmp_path):
    tifffile.imwrite(tmp_path / "float.tif", np.array([[-1000, 40]], np.float32))
    (tmp_path / "volume.nii").write_bytes(nifti(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4)))
    (float_, *slices) = open_source(str(tmp_path)).refs
    assert [ref.key for ref in slices] == ["volume.nii/axial/000", "volume.nii/axial/001"]
    units = [
        load_image(ref, reading=Reading(unit)).unit for unit in (None, HU, GREY_LEVELS) for ref in (float_, slices[0])
    ]
    assert units == [GREY_LEVELS, HU, HU, HU, GREY_LEVELS, GREY_LEVELS]


def test_slices_of_one_volume_have_different_hashes_and_copies_the_same(tmp_path):
    data = nifti(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4))
    for name in ("a.nii", "b.nii"):
        (tmp_path / name).write_bytes(data)
    found = [load_image(ref) for ref in open_source(str(tmp_path)).refs]
    hashes = [image.file_sha256 for image in found]
    assert hashes[:2] == hashes[2:]
    assert len(set(hashes)) == 2
    assert [image.pixel_sha256 for image in found[:2]] == [image.pixel_sha256 for image in found[2:]]


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "uint32", "float32", "float64"])
@pytest.mark.parametrize(("order", "sign"), [("little", "<"), ("big", ">")])
def test_bare_samples_are_what_the_format_says(tmp_path, dtype, order, sign):
    values = np.array([[0, 1000, 40], [3071, 5, 260]])
    path = tmp_path / "a.raw"
    path.write_bytes(values.astype(np.dtype(dtype).newbyteorder(sign)).tobytes())
    form = RawFormat(3, 2, dtype, order, HU, (0.7, 0.8))
    found = load_slice(ImageRef("a", path, kind="raw", raw=form))
    assert found.hu.tolist() == values.tolist()
    assert found.spacing == (0.7, 0.8)
    grey = load_image(ImageRef("a", path, kind="raw", raw=RawFormat(3, 2, dtype, order, GREY_LEVELS)))
    assert (grey.unit, grey.luminance.tolist(), grey.spacing) == (GREY_LEVELS, values.tolist(), None)


def test_bare_samples_of_another_size_are_refused(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(23))
    with pytest.raises(ImageError, match=r"^has 23 bytes where 3 x 2 float32 samples have 24; correct the manifest$"):
        load_image(ImageRef("a", path, kind="raw", raw=RawFormat(3, 2, "float32")))
    with pytest.raises(ImageError, match=r"^too large \(3 x 2 px, the limit is 5\)"):
        load_image(ImageRef("a", path, kind="raw", raw=RawFormat(3, 2, "float32")), 5)


@pytest.mark.data
def test_real_clinical_slices_from_a_manifest(shared_data: Path, tmp_path, monkeypatch):
    monkeypatch.setenv("SYMAUDIT_MANIFESTS", str(tmp_path))
    (tmp_path / "aapm.toml").write_text(
        f"""
schema = "symaudit.manifest/1"
name = "aapm"
title = "clinical slices"
licence = "not stated"
citation = "not stated"
default_split = "all"
[splits.all]
layouts = ["{shared_data / "CT" / "aapm"}"]
pattern = "*.raw"
count = 20
raw = {{ width = 512, height = 512, dtype = "float32", byte_order = "little", unit = "HU" }}
"""
    )
    source = open_source("aapm")
    assert len(source.refs) == 20
    for ref in source.refs[::6]:
        found, expected = load_slice(ref), np.fromfile(ref.path, "<f4").reshape(512, 512)
        assert np.array_equal(found.hu[found.valid], expected[found.valid])
        assert 1 - found.valid.mean() == pytest.approx(1 - np.pi / 4, abs=0.015)  # outside the circle all is air
