"""NIfTI volumes: which voxel lies where, by the affine; scaling, spacing, flat slices, damaged bytes."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from itertools import count

import nibabel
import numpy as np
import pytest

from symmetry_audit.data._nifti import Volume, read_volume
from symmetry_audit.errors import ImageError
from tests.slices import nifti

MAX = 10**6
ZOOMS = np.array([0.5, 0.75, 3.0])  # along right, anterior, superior
SHAPE = (4, 5, 6)
_keys = count()


def volume(data: bytes, max_bytes: int = MAX) -> Volume:
    return read_volume((next(_keys),), lambda: data, max_bytes)


def world(axis: int) -> np.ndarray:
    """The coordinate of every voxel along right, anterior or superior, in whole steps."""
    return np.indices(SHAPE)[axis].astype(np.int16)


def turned(values: np.ndarray, codes: str) -> bytes:
    """A file of the same voxels, stored along the axes ``codes``, such as "PIR"."""
    image = nibabel.Nifti1Image(values, np.diag([*ZOOMS, 1]))
    start, end = nibabel.io_orientation(image.affine), nibabel.orientations.axcodes2ornt(codes)
    return image.as_reoriented(nibabel.orientations.ornt_transform(start, end)).to_bytes()


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SAL", "IRP"])
def test_slices_lie_as_radiologists_look_at_them_however_they_are_stored(codes):
    right, anterior, superior = (volume(turned(world(axis), codes)) for axis in range(3))
    # columns towards the left of the patient, rows towards the back; slices from below
    cut = right.slice("axial", 0, MAX).values
    assert cut.tolist() == [[3, 2, 1, 0]] * 5
    assert anterior.slice("axial", 0, MAX).values.tolist() == [[row] * 4 for row in (4, 3, 2, 1, 0)]
    assert [superior.slice("axial", k, MAX).values[0, 0] for k in range(6)] == [0, 1, 2, 3, 4, 5]
    # columns towards the left, rows downwards; slices from the front
    assert right.slice("coronal", 0, MAX).values.tolist() == [[3, 2, 1, 0]] * 6
    assert superior.slice("coronal", 0, MAX).values.tolist() == [[row] * 4 for row in (5, 4, 3, 2, 1, 0)]
    assert [anterior.slice("coronal", k, MAX).values[0, 0] for k in range(5)] == [4, 3, 2, 1, 0]
    # columns towards the back, rows downwards; slices from the right
    assert anterior.slice("sagittal", 0, MAX).values.tolist() == [[4, 3, 2, 1, 0]] * 6
    assert superior.slice("sagittal", 0, MAX).values.tolist() == [[row] * 5 for row in (5, 4, 3, 2, 1, 0)]
    assert [right.slice("sagittal", k, MAX).values[0, 0] for k in range(4)] == [3, 2, 1, 0]


@pytest.mark.parametrize("codes", ["RAS", "PIR"])
def test_the_spacing_is_that_of_rows_and_columns(codes):
    found = volume(turned(world(0), codes))
    spacings = {plane: found.slice(plane, 0, MAX).spacing for plane in ("axial", "coronal", "sagittal")}
    assert spacings == {"axial": (0.75, 0.5), "coronal": (3.0, 0.5), "sagittal": (3.0, 0.75)}


def test_an_oblique_volume_keeps_its_slices_and_spacing():
    angle = 0.3
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    affine = np.eye(4)
    affine[:3, :3] = turn * ZOOMS
    found = volume(nifti(world(2), affine))
    assert found.slice("axial", 4, MAX).values.tolist() == [[4] * 4] * 5
    assert found.slice("axial", 4, MAX).spacing == pytest.approx((0.75, 0.5))


@pytest.mark.parametrize(
    ("header", "scale"),
    [
        ({"scl_slope": 2.5, "scl_inter": -1024}, lambda stored: 2.5 * stored - 1024),
        ({"scl_slope": np.nan, "scl_inter": np.nan}, lambda stored: stored),
        ({"scl_slope": 0, "scl_inter": -1024}, lambda stored: stored),
    ],
)
def test_values_are_scaled_where_the_header_has_a_slope(header: dict, scale: Callable[[int], float]):
    found = volume(nifti(world(0), np.diag([*ZOOMS, 1]), **header))
    assert found.slice("axial", 2, MAX).values.tolist() == [[scale(x) for x in (3, 2, 1, 0)]] * 5


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("version", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_all_real_numbers_and_both_versions_packed_or_not(kind, version):
    data = version(world(0).astype(kind), np.eye(4), dtype=kind).to_bytes()
    cuts = [volume(packed).slice("axial", 1, MAX) for packed in (data, gzip.compress(data))]
    assert cuts[0].values.tolist() == cuts[1].values.tolist() == [[3, 2, 1, 0]] * 5
    assert cuts[0].values.dtype == np.float32
    assert cuts[0].depth == f"NIfTI {np.dtype(kind).name}"


def test_flat_slices_are_known():
    voxels = world(0).astype(np.float32)
    voxels[:, :, 2] = -1000
    voxels[:, :, 4] = np.nan
    voxels[0, 0, 4] = 7
    assert volume(nifti(voxels, np.eye(4))).flat("axial") == [2, 4]
    voxels[:, 3, :] = 0
    assert volume(nifti(voxels, np.eye(4))).flat("coronal") == [1]  # from the front


def test_the_last_volumes_stay_in_memory():
    data, reads = nifti(world(0), np.eye(4)), []

    def read() -> bytes:
        reads.append(1)
        return data

    first, second, third = (((f"test {number}",), read, MAX) for number in range(3))
    assert read_volume(*first) is read_volume(*first)
    read_volume(*second)
    read_volume(*first)
    assert len(reads) == 2
    read_volume(*third)
    read_volume(*first)
    assert len(reads) == 4


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (nifti(np.zeros((4, 4, 4, 3), np.int16), np.eye(4)), "^a NIfTI file of 4 dimensions; split it into volumes$"),
        (nifti(np.zeros((2, 2, 2), np.complex64), np.eye(4)), "^holds complex64 samples, not numbers of one channel$"),
        (nifti(world(0), np.eye(4))[:-5], "^cut off: the header announces more voxels than the file holds$"),
        (nifti(world(0), np.eye(4))[:200], r"^damaged or truncated NIfTI volume \("),
        (gzip.compress(nifti(world(0), np.eye(4)), mtime=0)[:-20], r"^damaged or truncated NIfTI volume \("),
        (b"", r"^damaged or truncated NIfTI volume \("),
        (gzip.compress(bytes(MAX + 1), mtime=0), "^unpacks to more than 1000000 bytes; save it as several volumes$"),
        (nifti(world(0), np.eye(4), srow_x=[0, 0, 0, 0], sform_code=2), "^its affine has no direction for an axis$"),
    ],
)
def test_what_is_refused_and_why(data, message, capfd):
    with pytest.raises(ImageError, match=message):
        volume(data)
    assert capfd.readouterr() == ("", "")  # nibabel logs on stderr


def test_a_fourth_dimension_of_one_is_no_harm():
    found = volume(nifti(world(0)[..., None], np.eye(4)))
    assert found.count("axial") == 6


def test_too_large_a_slice_is_refused():
    with pytest.raises(ImageError, match=r"^too large \(4 x 5 px, the limit is 19\)"):
        volume(nifti(world(0), np.eye(4))).slice("axial", 0, 19)


@pytest.mark.data
def test_the_real_volume_agrees_with_nibabel(shared_data):
    path = shared_data / "CT" / "odd" / "example_ct.nii.gz"
    found, voxels = volume(path.read_bytes(), 10**8), np.asarray(nibabel.load(path).dataobj)
    assert found.count("axial") == 112
    assert found.flat("axial") == []
    for k in (0, 50, 111):  # stored along right, anterior, superior
        cut = found.slice("axial", k, MAX)
        assert np.array_equal(cut.values, voxels[::-1, ::-1, k].T)
        assert cut.spacing == (3.0, 3.0)
