"""Damaged files of every format, made at random: read or refused in one line, in time and in bounded memory.

    python benchmarks/fuzz.py [--files 10000] [--seed 0] [--seeds FOLDER] [--keep FOLDER]

Small files of each format are damaged: bits flip, bytes change, blocks go, come twice or become zero, numbers in the
header become extreme, files end early, two files of a format are joined. The seed and the number of a file decide its
bytes. A traceback, a signal, more than 30 s or more than 4 GiB fail; --keep keeps such files. FOLDER adds real files as
seeds.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import nibabel  # noqa: E402
import numpy as np  # noqa: E402
import pydicom  # noqa: E402
import tifffile  # noqa: E402
from _probe import CRASHED, HUNG, Probe  # noqa: E402
from PIL import Image  # noqa: E402
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid  # noqa: E402
from tqdm import tqdm  # noqa: E402

__all__ = ["damaged", "main", "seeds"]

MOST_MIB = 4096
MOST_SEED = 200_000  # bytes of a real file that serves as a seed
EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
HEADER = 256  # bytes, where most formats say what follows

PILLOW = {  # suffix and options of what Pillow writes
    "png": (".png", {}),
    "jpeg": (".jpg", {"quality": 80}),
    "progressive": (".jpg", {"quality": 80, "progressive": True}),
    "bmp": (".bmp", {}),
    "webp": (".webp", {}),
    "webp-lossless": (".webp", {"lossless": True}),
    "avif": (".avif", {}),
    "jpeg2000": (".jp2", {}),
    "tiff-lzw": (".tif", {"compression": "tiff_lzw"}),
    "tiff-jpeg": (".tif", {"compression": "jpeg"}),
    "tiff-ccitt": (".tif", {"compression": "group4"}),
}
TIFFFILE = {
    "tiff-16": ("uint16", {}),
    "tiff-float": ("float32", {"compression": "zlib", "predictor": True}),
    "tiff-signed": ("int16", {}),
    "tiff-tiled": ("uint8", {"tile": (32, 32), "compression": "zstd"}),
    "tiff-big": ("uint16", {"bigtiff": True, "byteorder": ">"}),
    "tiff-webp": ("uint8", {"compression": "webp", "photometric": "rgb"}),
    "tiff-planar": ("uint16", {"planarconfig": "separate", "photometric": "rgb"}),
    "tiff-nodata": ("float32", {"extratags": [(42113, "s", 0, "-9999", True)]}),
}


def seeds(folder: Path | None) -> dict[str, list[tuple[str, bytes]]]:
    """format -> (suffix, bytes) of intact files; those of ``folder`` by their suffixes."""
    found: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    draw = np.random.default_rng(0)
    grey = draw.integers(0, 256, (61, 67), dtype=np.uint8)
    color = draw.integers(0, 256, (61, 67, 3), dtype=np.uint8)
    for name, (suffix, options) in PILLOW.items():
        for pixels in (grey, color):
            picture = Image.fromarray(pixels).convert("1") if name == "tiff-ccitt" else Image.fromarray(pixels)
            found[name].append((suffix, _written(lambda file, p=picture, s=suffix, o=options: _saved(p, file, s, o))))
    for name, (dtype, options) in TIFFFILE.items():
        planes = color.transpose(2, 0, 1) if options.get("planarconfig") else color
        pixels = planes if "photometric" in options else grey
        found[name].append(
            (".tif", _written(lambda file, p=pixels, d=dtype, o=options: tifffile.imwrite(file, p.astype(d), **o)))
        )
    found["dicom"].append((".dcm", _dicom(grey)))
    volume = nibabel.nifti1.Nifti1Image(np.stack([grey] * 3, -1).astype(np.int16), np.eye(4))
    found["nifti"].append((".nii", volume.to_bytes()))
    pictures = (*found["png"], *found["jpeg"])
    members = {f"{number}{suffix}": data for number, (suffix, data) in enumerate(pictures)}
    found["zip"].append((".zip", _zip(members)))
    for mode, suffix in (("w", ".tar"), ("w:gz", ".tar.gz"), ("w:xz", ".tar.xz")):
        found["tar"].append((suffix, _tar(members, mode)))
    for path in sorted(folder.rglob("*")) if folder else ():
        if path.is_file() and path.suffix and path.stat().st_size <= MOST_SEED:
            found[path.suffix.lower()].append((path.suffix.lower(), path.read_bytes()))
    return found


def damaged(data: bytes, other: bytes, draw: np.random.Generator) -> bytes:
    """``data`` with one to four kinds of damage; ``other`` is another file of its format."""
    for _ in range(draw.integers(1, 5)):
        kind = DAMAGE[draw.integers(len(DAMAGE))]
        data = kind(data, other, draw) if len(data) > 8 else data
    return data


def _flipped(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    found = np.frombuffer(data, np.uint8).copy()
    places = draw.integers(0, len(found), draw.integers(1, 20))
    found[places] ^= (1 << draw.integers(0, 8, len(places))).astype(np.uint8)
    return found.tobytes()


def _extreme(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    size, order = int(draw.choice([1, 2, 4])), ("little", "big")[draw.integers(2)]
    at = int(draw.integers(0, min(len(data) - size, HEADER)))
    value = EXTREMES[draw.integers(len(EXTREMES))] & (256**size - 1)
    return data[:at] + value.to_bytes(size, order) + data[at + size :]


def _block(data: bytes, draw: np.random.Generator) -> slice:
    first = int(draw.integers(0, len(data)))
    return slice(first, first + int(draw.integers(1, 1 + len(data) // 4)))


def _removed(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    block = _block(data, draw)
    return data[: block.start] + data[block.stop :]


def _repeated(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    block = _block(data, draw)
    return data[: block.stop] + data[block] * int(draw.integers(1, 4)) + data[block.stop :]


def _zeroed(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    block = _block(data, draw)
    return data[: block.start] + bytes(len(data[block])) + data[block.stop :]


def _cut(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    return data[: int(draw.integers(0, len(data)))]


def _joined(data: bytes, other: bytes, draw: np.random.Generator) -> bytes:
    return data[: int(draw.integers(0, len(data)))] + other[int(draw.integers(0, max(1, len(other)))) :]


DAMAGE: tuple[Callable[[bytes, bytes, np.random.Generator], bytes], ...] = (
    *(_flipped, _flipped, _extreme, _extreme, _removed),
    *(_repeated, _zeroed, _cut, _joined),
)


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def _saved(picture: Image.Image, file: io.BytesIO, suffix: str, options: dict) -> None:
    picture.save(file, Image.registered_extensions()[suffix], **options)


def _dicom(grey: np.ndarray) -> bytes:
    slice_ = pydicom.Dataset()
    slice_.file_meta = pydicom.dataset.FileMetaDataset()
    slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    slice_.file_meta.MediaStorageSOPClassUID = slice_.SOPClassUID = CTImageStorage
    slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID = generate_uid()
    slice_.SeriesInstanceUID, slice_.Modality = generate_uid(), "CT"
    slice_.Rows, slice_.Columns = grey.shape
    slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
    slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 12, 11, 0
    slice_.RescaleSlope, slice_.RescaleIntercept = 1, -1024
    slice_.PixelData = grey.astype("<u2").tobytes()
    return _written(lambda file: slice_.save_as(file, enforce_file_format=True))


def _zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def _tar(members: dict[str, bytes], mode: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def main() -> int:
    """Read damaged files and print what became of them; 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=Path, help="a folder of real files to damage too")
    parser.add_argument("--keep", type=Path, help="where files that fail are kept")
    asked = parser.parse_args()
    intact = seeds(asked.seeds)
    names, failed, counts, most, longest = sorted(intact), [], Counter[str](), 0.0, 0.0
    with TemporaryDirectory() as place, Probe() as probe:
        for number in tqdm(range(asked.files), unit="file", file=sys.stderr):
            name = names[number % len(names)]
            draw = np.random.default_rng((asked.seed, number))
            (suffix, data), (_, other) = (intact[name][draw.integers(len(intact[name]))] for _ in range(2))
            path = Path(place, f"{number}{suffix}")
            path.write_bytes(damaged(data, other, draw))
            outcome = probe.read(path)
            counts[outcome.status] += 1
            most, longest = max(most, outcome.mib), max(longest, outcome.seconds)
            if outcome.status in (CRASHED, HUNG) or outcome.mib > MOST_MIB:
                failed.append(f"{name} {number}: {outcome.status} {outcome.reason}, {outcome.mib:.0f} MiB")
                if asked.keep:
                    asked.keep.mkdir(parents=True, exist_ok=True)
                    (asked.keep / path.name).write_bytes(path.read_bytes())
            path.unlink()
    print(
        f"{asked.files} files of {len(names)} formats:", ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))
    )
    print(f"longest {longest:.1f} s of the processor, most {most:.0f} MiB")
    print(*failed, sep="\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
