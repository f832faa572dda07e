"""What a file is, by its first bytes: formats that are read here, and the names of others for the reason given."""

from __future__ import annotations

from symmetry_audit.data._jpegxl import JPEGXL_STARTS
from symmetry_audit.data._tiff import TIFF_MAGIC
from symmetry_audit.errors import ImageError

__all__ = [
    "AVIF",
    "BMP",
    "HEIC",
    "JPEG",
    "JPEG2000",
    "JPEGXL",
    "PNG",
    "START",
    "TIFF",
    "WEBP",
    "format_of",
    "unreadable",
]

PNG, JPEG, TIFF, BMP, WEBP = "PNG", "JPEG", "TIFF", "BMP", "WebP"
JPEG2000, AVIF, HEIC, JPEGXL = "JPEG 2000", "AVIF", "HEIC", "JPEG XL"
READ = (PNG, JPEG, TIFF, BMP, WEBP, JPEG2000, AVIF, JPEGXL)
START = 512  # bytes that tell a format

STARTS = {
    PNG: (b"\x89PNG\r\n\x1a\n",),
    JPEG: (b"\xff\xd8\xff",),
    TIFF: TIFF_MAGIC,
    BMP: (b"BM",),
    JPEG2000: (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"),
    JPEGXL: JPEGXL_STARTS,
}
BRANDS = {  # in the first box of an ISO base media file
    AVIF: (b"avif", b"avis"),
    HEIC: (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
    "camera RAW (CR3)": (b"crx ",),
}
OTHERS = {
    "GIF": (b"GIF87a", b"GIF89a"),
    "PDF": (b"%PDF",),
    "PostScript": (b"%!PS", b"\xc5\xd0\xd3\xc6"),
    "Photoshop (PSD)": (b"8BPS",),
    "GIMP (XCF)": (b"gimp xcf",),
    "PNM or PAM": (*(b"P%d%c" % (kind, space) for kind in range(1, 8) for space in b"\n \t\r"), b"Pf\n", b"PF\n"),
    "icon (ICO)": (b"\0\0\1\0", b"\0\0\2\0"),
    "icon (ICNS)": (b"icns",),
    "DDS": (b"DDS ",),
    "OpenEXR": (b"\x76\x2f\x31\x01",),
    "Radiance HDR": (b"#?RADIANCE", b"#?RGBE"),
    "DPX": (b"SDPX", b"XPDS"),
    "FITS": (b"SIMPLE  =",),
    "HDF5": (b"\x89HDF",),
    "NumPy": (b"\x93NUMPY",),
    "QOI": (b"qoif",),
    "MNG": (b"\x8aMNG", b"\x8bJNG"),
    "JPEG XR": (b"II\xbc",),
    "DjVu": (b"AT&TFORM",),
    "BPG": (b"BPG\xfb",),
    "FLIF": (b"FLIF",),
    "SGI": (b"\x01\xda\0", b"\x01\xda\1"),
    "Sun raster": (b"\x59\xa6\x6a\x95",),
    "PCX": (b"\x0a\5\1",),
    "SVG": (b"<svg",),
    "camera RAW": (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM"),
    "zip archive": (b"PK\3\4",),
    "gzip archive": (b"\x1f\x8b",),
    "web page (HTML)": (b"<!DOCTYPE html", b"<!doctype html", b"<html", b"<HTML", b"<!DOCTYPE HTML"),
    "XML": (b"<?xml",),
    "Git LFS pointer": (b"version https://git-lfs",),
    "Matroska or WebM video": (b"\x1aE\xdf\xa3",),
}
REMEDIES = {
    HEIC: "install pillow-heif or convert it to PNG",
    "Git LFS pointer": "fetch the file itself with git lfs pull",
    "web page (HTML)": "download the image itself",
    "zip archive": "give it by its own name, ending in .zip",
    "DICOM": "name it .dcm",
}


def format_of(start: bytes) -> str | None:
    """The format of a file that begins with ``start``, its first START bytes; None where it is not known."""
    for name, marks in STARTS.items():
        if start.startswith(marks):
            return name
    if start[:4] == b"RIFF":
        return {b"WEBP": WEBP, b"AVI ": "AVI video"}.get(start[8:12])
    if start[4:8] == b"ftyp":
        return _by_brand(start)
    if start[128:132] == b"DICM":
        return "DICOM"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")  # what may stand before markup
    return next((name for name, marks in OTHERS.items() if start.startswith(marks) or text.startswith(marks)), None)


def unreadable(name: str | None) -> ImageError:
    """Why a file of the format ``name`` is not read."""
    if name is None:
        return ImageError(f"not a readable {', '.join(READ[:-1])} or {READ[-1]} image")
    return ImageError(f"is of another format, {name}; {REMEDIES.get(name, 'convert it to PNG')}")


def _by_brand(start: bytes) -> str:
    length = min(int.from_bytes(start[:4]), len(start))
    brands = {start[8:12], *(start[at : at + 4] for at in range(16, length - 3, 4))}
    return next((name for name, marks in BRANDS.items() if brands & set(marks)), "MPEG-4 or QuickTime video")
