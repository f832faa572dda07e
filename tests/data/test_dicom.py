"""DICOM files: HU by hand, what is skipped and why, damaged bytes, and real files in twelve transfer syntaxes."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from symmetry_audit.data._dicom import decode_dicom, read_header
from symmetry_audit.errors import ImageError
from tests.slices import dicom

MAX = 10**6
STORED = np.arange(-6, 6, dtype=np.int16).reshape(3, 4) * 100


def reason(data: bytes) -> str:
    """Why a header is refused, which decoding must say too."""
    refusal = read_header(io.BytesIO(data)).refusal
    with pytest.raises(ImageError) as caught:
        decode_dicom(data, MAX)
    assert str(caught.value) == refusal
    assert "\n" not in refusal
    return refusal


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (2.5, 0.25), (-1, 10)])
def test_hu_are_slope_times_stored_plus_intercept(syntax, slope, intercept):
    tags = {"RescaleSlope": slope, "RescaleIntercept": intercept, "TransferSyntaxUID": syntax}
    found = decode_dicom(dicom(STORED, **tags), MAX)
    expected = [[slope * int(value) + intercept for value in row] for row in STORED]
    assert found.values.tolist() == expected
    assert (found.values.dtype, found.unit, found.depth) == (np.float32, "HU", "DICOM 16-bit")
    assert found.spacing == (0.5, 0.25)
    assert found.declared is None


def test_unsigned_values_and_unused_bits():
    stored = np.array([[0, 4095], [24, 1024]], np.uint16)
    dirty = stored | 0xF000  # old files keep overlays in the bits that are not stored
    found = decode_dicom(dicom(dirty, BitsStored=12, HighBit=11), MAX)
    assert found.values.tolist() == [[-1024, 3071], [-1000, 0]]
    assert found.depth == "DICOM 12-bit"


@pytest.mark.parametrize("value", [-2000, 63536])  # the same 16 bits, signed and not
def test_the_padding_value_is_a_stored_one(value):
    stored = np.array([[-2000, 0], [5, -2000]], np.int16)
    data = dicom(stored)
    found = pydicom.dcmread(io.BytesIO(data))
    found.add_new("PixelPaddingValue", "US" if value > 0 else "SS", value)
    file = io.BytesIO()
    found.save_as(file)
    slice_ = decode_dicom(file.getvalue(), MAX)
    assert slice_.declared is not None
    assert slice_.declared.tolist() == [[True, False], [False, True]]
    assert slice_.values.min() == -3024


def test_a_range_of_padding_values():
    found = decode_dicom(dicom(STORED, PixelPaddingValue=-600, PixelPaddingRangeLimit=-400), MAX)
    assert found.declared is not None
    assert np.array_equal(found.declared, STORED <= -400)


def test_monochrome1_changes_the_display_and_not_the_hu():
    one, two = (decode_dicom(dicom(STORED, PhotometricInterpretation=f"MONOCHROME{n}"), MAX) for n in (1, 2))
    assert np.array_equal(one.values, two.values)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "a localizer (scout view), not a slice"),
        ({"NumberOfFrames": 7}, "a multi-frame DICOM file of 7 frames; split it into single slices"),
        ({"Rows": None, "PixelData": None}, "a DICOM file without pixel data"),
        ({"Modality": "MR"}, "a DICOM image of modality MR, not CT, so its values are no HU"),
        (
            {"Modality": None, "SOPClassUID": "1.2.3"},
            "a DICOM image of modality unknown, not CT, so its values are no HU",
        ),
        ({"SamplesPerPixel": 3}, "a colour DICOM image (MONOCHROME2), which has no HU"),
        ({"PhotometricInterpretation": "RGB"}, "a colour DICOM image (RGB), which has no HU"),
        ({"RescaleType": "OD"}, "its values are in OD, not in HU (RescaleType)"),
        (
            {"RescaleSlope": None},
            "has no rescale slope and intercept, so its values cannot be turned into HU",
        ),
        ({"SOPClassUID": "1.2.840.10008.1.3.10"}, "a DICOMDIR, the index of a medium, and no image"),
    ],
)
def test_what_is_no_slice_is_skipped_with_the_reason(tags, expected):
    assert reason(dicom(STORED, **tags)) == expected


def test_a_ct_image_may_lack_its_modality_and_the_number_of_frames_may_be_one():
    assert decode_dicom(dicom(STORED, Modality=None, NumberOfFrames=1), MAX).unit == "HU"
    assert decode_dicom(dicom(STORED, PixelSpacing=None, RescaleType="HU"), MAX).spacing is None


def test_pixel_data_that_the_header_only_announces():
    with pytest.raises(ImageError, match=r"^a DICOM file without pixel data$"):
        decode_dicom(dicom(STORED, PixelData=None), MAX)


def test_the_series_is_a_hash_and_the_number_is_read():
    first, same, other = (read_header(io.BytesIO(dicom(STORED, name, 7))) for name in ("a", "a", "b"))
    assert first == same != other
    assert first.number == 7
    assert first.series is not None
    assert len(first.series) == 12
    assert read_header(io.BytesIO(dicom(STORED, number=None, SeriesInstanceUID=None))).series is None


def test_too_large_an_image_is_refused_before_it_is_decoded():
    with pytest.raises(ImageError, match=r"^too large \(4 x 3 px, the limit is 11\)"):
        decode_dicom(dicom(STORED), 11)


def test_a_deflated_bomb_is_refused():
    bomb = dicom(np.zeros((2000, 500), np.int16), Rows=2, Columns=2, TransferSyntaxUID=DeflatedExplicitVRLittleEndian)
    assert len(bomb) < 10**4
    with pytest.raises(ImageError, match=r"^unpacks to more than 16000 bytes; raise --max-pixels"):
        decode_dicom(bomb, 1000)


def test_damaged_files_have_one_line_that_does_not_quote_them(rng):
    data = dicom(STORED)
    for cut in (0, 100, 140, 300, len(data) // 2, len(data) - 3):
        header = read_header(io.BytesIO(data[:cut]))
        with pytest.raises(ImageError) as caught:
            decode_dicom(data[:cut], MAX)
        for text in (str(caught.value), header.refusal or ""):
            assert "Zweistein" not in text
            assert len(text.splitlines()) <= 1
    for _ in range(60):
        flipped = bytearray(data)
        for at in rng.integers(132, len(data), 3):
            flipped[at] ^= int(rng.integers(1, 256))
        with suppress(ImageError):  # and nothing else
            assert decode_dicom(bytes(flipped), MAX).values.dtype == np.float32


def test_the_missing_decoder_of_a_compressed_file_is_named(monkeypatch):
    data = dicom(STORED, TransferSyntaxUID=JPEG2000Lossless, PixelData=pydicom.encaps.encapsulate([b"no codestream"]))
    decoder = "pydicom.pixels.decoders.JPEG2000LosslessDecoder"
    monkeypatch.setattr(f"{decoder}._available", {})
    monkeypatch.setattr(f"{decoder}._unavailable", {"pylibjpeg": ("pylibjpeg>=2.0",)})
    assert reason(data) == (
        'cannot decode JPEG 2000 Image Compression (Lossless Only); `pip install "pylibjpeg[all]" python-gdcm`, '
        "or convert it to an uncompressed file"
    )


def test_a_damaged_codestream_is_no_missing_decoder():
    data = dicom(STORED, TransferSyntaxUID=JPEG2000Lossless, PixelData=pydicom.encaps.encapsulate([b"no codestream"]))
    assert read_header(io.BytesIO(data)).refusal is None
    expected = r"^cannot decode JPEG 2000 .* \(RuntimeError\): damaged, or of a kind that needs another decoder"
    with pytest.raises(ImageError, match=expected):
        decode_dicom(data, MAX)


def test_run_length_encoding_needs_no_extra():
    plain = pydicom.dcmread(io.BytesIO(dicom(STORED)))
    plain.compress(RLELossless, encoding_plugin="pydicom")
    file = io.BytesIO()
    plain.save_as(file)
    assert np.array_equal(decode_dicom(file.getvalue(), MAX).values, STORED - 1024)


@pytest.mark.data
def test_real_files_in_twelve_transfer_syntaxes(shared_data):
    folder = shared_data / "CT" / "odd"
    files = sorted(folder.glob("CTImage.dcm*"))
    assert len(files) == 11
    original = pydicom.dcmread(folder / "CTImage.dcm")
    exact = original.pixel_array.astype(np.float64) - 1024
    lossless, lossy, refused = [], {}, []
    for file in files:
        try:
            values = decode_dicom(file.read_bytes(), MAX).values
        except ImageError as error:
            refused.append((file.name, str(error)))
            continue
        worst = np.abs(values - exact).max()
        if worst == 0:
            lossless.append(file.name)
        else:
            lossy[file.name.split("_")[1]] = worst
    assert len(lossless) == 8
    assert set(lossy) == {"JPEGLSLossyTransferSyntax", "JPEGProcess2"}
    assert lossy["JPEGLSLossyTransferSyntax"] <= 3
    ((name, why),) = refused
    assert "4.53" in name
    assert why.startswith("cannot decode JPEG Spectral Selection")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no-pixel-data.dcm", "a DICOM file without pixel data"),
        ("no-pixel-spacing.dcm", "a colour DICOM image (PALETTE COLOR), which has no HU"),
        (
            "CT0012.fragmented_no_bot_jpeg_baseline.51.dcm",
            "a multi-frame DICOM file of 2 frames; split it into single slices",
        ),
    ],
)
def test_real_files_that_are_no_slices(shared_data, name, expected):
    assert reason((shared_data / "CT" / "odd" / name).read_bytes()) == expected


def slice_of(path: Path) -> np.ndarray:
    """By pydicom alone."""
    found = pydicom.dcmread(path)
    return found.pixel_array * float(found.RescaleSlope) + float(found.RescaleIntercept)


@pytest.mark.data
@pytest.mark.parametrize(("name", "lowest"), [("padding_3024.dcm", -3024), ("no_modality.dcm", -2048)])
def test_real_files_agree_with_pydicom(shared_data, name, lowest):
    path = shared_data / "CT" / "odd" / name
    values = decode_dicom(path.read_bytes(), MAX).values
    assert np.array_equal(values, slice_of(path))
    assert values.min() == lowest
