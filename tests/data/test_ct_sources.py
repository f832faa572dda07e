"""Folders, archives, lists and manifests of CT files: counts, names without patients, series, what is skipped."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.data import ImageSource, Listing, load_image, open_source, source_of_files
from symmetry_audit.errors import DataError
from tests.slices import PATIENT, dicom, nifti, save_series

STACK = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)


@pytest.fixture(autouse=True)
def own_manifests(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMAUDIT_MANIFESTS", str(tmp_path / "own manifests"))
    monkeypatch.delenv("SYMAUDIT_DATA", raising=False)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two series of three slices, files without a suffix, a localizer, a DICOMDIR, and files of other kinds."""
    place = tmp_path / "cases"
    save_series(place / "ZWEISTEIN", STACK, "first")
    save_series(place / "ZWEISTEIN", STACK, "second", prefix="IM")
    for path in (place / "ZWEISTEIN").glob("IM*"):
        path.rename(path.with_suffix(""))
    scout = dicom(STACK[0], "first", 9, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    (place / "scout.dcm").write_bytes(scout)
    (place / "DICOMDIR").write_bytes(dicom(STACK[0], None, None, SOPClassUID="1.2.840.10008.1.3.10"))
    (place / "Zweistein report.pdf").write_bytes(b"%PDF")
    (place / "surface.stl").touch()
    (place / "README.txt").touch()
    return place


def keys(source: ImageSource) -> list[str]:
    return [ref.key for ref in source.refs]


def test_dicom_files_are_named_by_series_and_number(folder):
    source = open_source(str(folder))
    first, second = sorted({ref.series for ref in source.refs})
    assert keys(source) == [f"series-{series}/{n:04d}" for series in (first, second) for n in (1, 2, 3)]
    assert {ref.series for ref in source.refs} == {first, second}
    assert {item.reason for item in source.skipped} == {
        "a DICOMDIR, the index of a medium, and no image",
        "a localizer (scout view), not a slice",
    }
    assert source.remarks == ("2 files of other kinds beside the images: .pdf 1, .stl 1",)
    shown = repr([(ref.key, ref.series) for ref in source.refs]) + repr(source.skipped) + repr(source.remarks)
    assert not [text for text in ("ZWEISTEIN", "Zweistein", *PATIENT.values()) if text in shown]


def test_file_names_are_kept_where_they_are_asked_for(folder):
    source = open_source(str(folder), listing=Listing(file_names=True))
    names = [f"IM{n:03d}" for n in (1, 2, 3)] + [f"ZWEISTEIN_ALBERTA_{n:03d}.dcm" for n in (1, 2, 3)]
    assert keys(source) == [f"ZWEISTEIN/{name}" for name in names]
    assert [item.image for item in source.skipped] == ["DICOMDIR", "scout.dcm"]
    assert source.remarks == ("2 files of other kinds beside the images: .pdf 1, .stl 1",)
    assert len({ref.series for ref in source.refs}) == 2


def test_slices_of_one_number_are_told_apart_and_lost_numbers_are_no_harm(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.dcm").write_bytes(dicom(STACK[0], "one", 5))
    (tmp_path / "c.dcm").write_bytes(dicom(STACK[1], "one", None))
    (tmp_path / "d.dcm").write_bytes(dicom(STACK[2], SeriesInstanceUID=None, number=1))
    source = open_source(str(tmp_path))
    assert len(set(keys(source))) == 4
    assert len([ref for ref in source.refs if ref.series]) == 3
    assert len({key.rpartition("/")[0] for key in keys(source)}) == 2
    assert keys(source) == keys(open_source(str(tmp_path)))


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tgz"])
def test_archives_hold_slices_and_volumes_too(tmp_path, kind):
    volume = nifti(STACK, np.eye(4))
    members = {"a/1.dcm": dicom(STACK[0], 1, 1), "a/IM2": dicom(STACK[1], 1, 2), "b.nii": volume, "c.stl": b"x"}
    members = members | {"../evil.dcm": dicom(STACK[2], 1, 3), "._d.dcm": b"", "e.nii.gz": b"no volume"}
    path = tmp_path / f"all{kind}"
    if kind == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz" if kind == ".tgz" else "w") as archive:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    source = open_source(str(path))
    assert [key for key in keys(source) if key.startswith("b.nii")] == [f"b.nii/axial/00{k}" for k in range(5)]
    assert len(source.refs) == 7
    assert source.remarks == ("1 file of other kinds beside the images: .stl 1",)
    reasons = {item.image: item.reason for item in source.skipped}
    assert reasons.pop("e.nii.gz").startswith("damaged or truncated NIfTI volume")
    ((name, reason),) = reasons.items()
    assert (name[:6], reason) == ("dicom-", "the archive member's name leads outside the archive")
    assert all(ref.payload is None for ref in source.refs)
    for ref in source.stream(list(source.refs), 10**6):
        alone = next(other for other in source.refs if other.key == ref.key)
        assert np.array_equal(load_image(ref).luminance, load_image(alone).luminance)


def test_the_plane_and_flat_slices_of_volumes(tmp_path):
    voxels = STACK.copy()
    voxels[:, :, 1] = -1000
    (tmp_path / "v.nii").write_bytes(nifti(voxels, np.eye(4)))
    axial, coronal = (open_source(str(tmp_path), listing=Listing(plane)) for plane in ("axial", "coronal"))
    assert keys(axial) == [f"v.nii/axial/00{k}" for k in (0, 2, 3, 4)]
    assert [(item.image, item.reason) for item in axial.skipped] == [
        ("v.nii/axial", "1 of 5 slices have one value alone")
    ]
    assert keys(coronal) == [f"v.nii/coronal/00{k}" for k in range(4)]
    assert {ref.series for ref in axial.refs} == {"v.nii"}


def test_single_files_lists_globs_and_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_series(tmp_path, STACK, prefix="s")
    (tmp_path / "s004").write_bytes(dicom(STACK[0], number=4))
    (tmp_path / "list.txt").write_text("s001.dcm\ns004\n")
    counts = [len(open_source(text).refs) for text in ("s001.dcm", "s004", "list.txt", "*.dcm", "s*")]
    assert counts == [1, 1, 2, 3, 4]
    assert len(source_of_files(["s001.dcm", "s004"]).refs) == 2


def test_a_source_without_any_slice_says_why(tmp_path):
    path = tmp_path / "scout.dcm"
    path.write_bytes(dicom(STACK[0], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
    for source in (tmp_path, path):
        with pytest.raises(DataError, match=r"\(1 skipped, the first: a localizer \(scout view\), not a slice\)"):
            open_source(str(source))
    with pytest.raises(DataError, match=r"^no images in 1 file, the first skipped: a localizer"):
        source_of_files([path])


def test_slices_and_pictures_do_not_mix(tmp_path):
    save_series(tmp_path, STACK)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(
        DataError, match=r"holds CT slices in HU \(series-\w+/0001\) and pictures in grey levels \(a\.png\)"
    ):
        open_source(str(tmp_path))


def test_other_kinds_beside_pictures_are_counted(tmp_path):
    for name in ("notes.xyz", "b.h5", "c.mat", "labels.csv", ".hidden", "LICENSE"):
        (tmp_path / name).touch()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    assert open_source(str(tmp_path)).remarks == ("3 files of other kinds beside the images: .h5 1, .mat 1, .xyz 1",)
    for number in range(4):
        (tmp_path / f"z{number}.xyz").touch()
    (remark,) = open_source(str(tmp_path)).remarks
    assert remark.endswith("the images: .xyz 5, .h5 1, .mat 1")


@pytest.mark.data
def test_real_folders(shared_data):
    head, odd = (open_source(str(shared_data / "CT" / name)) for name in ("head", "odd"))
    assert (len(head.refs), head.skipped) == (20, ())
    assert len({ref.series for ref in head.refs}) == 1
    assert len(odd.refs) == 112 + 12
    assert len(odd.skipped) == 4
