"""CT files crafted for tests: DICOM of a fictitious patient, and NIfTI volumes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

# what no output may hold
PATIENT = {
    "PatientName": "Zweistein^Alberta",
    "PatientID": "PID-770077",
    "PatientBirthDate": "19010203",
    "PatientAddress": "Rue Imaginaire 9",
    "OtherPatientIDs": "OTHER-4711",
    "InstitutionName": "Clinique Introuvable",
    "ReferringPhysicianName": "Doolittle^John",
    "AccessionNumber": "ACC-31337",
    "StudyDate": "19991231",
    "StudyID": "STUDY-88",
    "StudyDescription": "Fictitious head",
    "SeriesDescription": "Confidential 5.0",
}
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


def series_uid(name: object) -> str:
    """The same identifier for the same name."""
    return str(generate_uid(entropy_srcs=[f"series {name}"]))


def dicom(stored: np.ndarray, series: object = 1, number: int | None = 1, **tags: Any) -> bytes:
    """A CT file whose pixels are ``stored``, 16-bit; HU = stored - 1024. ``tags`` replace others, None removes them."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = tags.pop("TransferSyntaxUID", ExplicitVRLittleEndian)
    found = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    signed = stored.dtype.kind == "i"
    all_tags: dict[str, Any] = {
        **PATIENT,
        **{name: generate_uid() for name in UIDS},
        "SOPClassUID": CTImageStorage,
        "SeriesInstanceUID": series_uid(series),
        "InstanceNumber": number,
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "Rows": stored.shape[-2],
        "Columns": stored.shape[-1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": int(signed),
        "PixelSpacing": [0.5, 0.25],
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "PixelData": stored.astype("<i2" if signed else "<u2").tobytes(),
    }
    for name, value in (all_tags | tags).items():
        if value is not None:
            setattr(found, name, value)
    if "PixelData" in found:
        found["PixelData"].VR = "OW"
    file = io.BytesIO()
    found.save_as(file, enforce_file_format=True)
    return file.getvalue()


def save_series(folder: Path, stored: np.ndarray, series: object = 1, prefix: str = "ZWEISTEIN_ALBERTA_") -> None:
    """One DICOM file for each of the images ``stored`` (n, H, W), named as many archives name them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(stored, 1):
        (folder / f"{prefix}{number:03d}.dcm").write_bytes(dicom(pixels, series, number))


def nifti(voxels: np.ndarray, affine: np.ndarray, **header: Any) -> bytes:
    """A NIfTI file of ``voxels`` (x, y, z); ``header`` sets fields of the header by name."""
    image = nibabel.Nifti1Image(voxels, affine)
    image.header.set_slope_inter(1, 0)
    data, fields = bytearray(image.to_bytes()), image.header.template_dtype.fields
    for name, value in header.items():
        kind, at = fields[name][:2]
        raw = np.array(value, kind.base).tobytes()
        data[at : at + len(raw)] = raw
    return bytes(data)
