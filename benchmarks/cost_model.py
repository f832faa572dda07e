"""What measuring one picture costs: milliseconds of one core, by the picture's size and what is measured.

    python benchmarks/cost_model.py PHOTOS [--pictures 8] [--rounds 5] [--out FILE.csv]

Photographs of the folder PHOTOS, scaled to cover each size, as JPEG of quality 90 in memory, so that decoding is part
of the cost and reading is not. Default settings, one thread; statistics and report are left out. Every round measures
every picture in every way, in turn; a row of the CSV file is the least CPU time of a picture over the rounds, since
other work on the machine only adds. Stopped, it goes on with the next size. The median of the rows of a size and a way
is what symmetry_audit/audit/_costs.py has.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import torch
from _resumable import add_row, rows
from costs import in_turn, of_work
from PIL import Image, ImageOps
from tqdm import tqdm

from symmetry_audit.audit import AuditSettings, make_settings
from symmetry_audit.audit._image import measure_image
from symmetry_audit.audit._plan import ImagePlan
from symmetry_audit.audit._pool import single_threaded
from symmetry_audit.audit._run import image_plans
from symmetry_audit.data import ImageRef

SIZES = ((256, 256), (512, 384), (1024, 768), (2040, 1356))
WAYS: dict[str, tuple[AuditSettings, bool]] = {  # settings, and whether the picture is measured with controls
    "strict": (make_settings(scenario="sample_strict,dataset_strict"), False),
    "joint": (make_settings(fit="joint", controls=False), False),
    "default": (make_settings(), False),
    "controls": (make_settings(), True),
}


def as_jpeg(photograph: Path, size: tuple[int, int]) -> bytes:
    """The photograph, scaled to cover ``size`` (width, height) and cut to it."""
    with Image.open(photograph) as image:
        scaled = ImageOps.fit(image.convert("RGB"), size, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    scaled.save(file, "JPEG", quality=90)
    return file.getvalue()


def measuring(name: str, data: bytes, way: str, plans: tuple[ImagePlan, ...]) -> Callable[[], object]:
    """What measures the picture ``data`` once."""
    ref = ImageRef(name, Path(name), member=name, payload=data)
    settings, controlled = WAYS[way]
    return partial(measure_image, ref, settings, plans, controlled=controlled)


def measure_size(size: tuple[int, int], photographs: list[Path], rounds: int, plans: dict, out: Path) -> None:
    """Append the rows of one size."""
    files = {path.stem: as_jpeg(path, size) for path in photographs}
    works = {(name, way): measuring(name, data, way, plans[way]) for name, data in files.items() for way in WAYS}
    for work in works.values():
        work()  # what is made once is not timed
    found = in_turn({key: partial(of_work, work) for key, work in works.items()}, rounds)
    for (name, way), costs in found.items():
        least = 1e3 * min(cost.cpu for cost in costs)
        add_row(out, {"width": size[0], "height": size[1], "picture": name, "way": way, "ms": f"{least:.1f}"})


def main() -> None:
    """Measure all sizes and print the medians over the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("cost_model.csv"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    photographs = sorted(path for path in asked.photos.rglob("*") if path.suffix.lower() in (".png", ".jpg"))
    chosen = photographs[:: max(1, len(photographs) // asked.pictures)][: asked.pictures]
    done = {(int(row["width"]), int(row["height"])) for row in rows(asked.out)}
    with single_threaded():
        plans = {way: image_plans(settings, "cpu")[1] for way, (settings, _) in WAYS.items()}
        for size in tqdm([size for size in SIZES if size not in done], unit="size"):
            measure_size(size, chosen, asked.rounds, plans, asked.out)
    found = rows(asked.out)
    for width, height in SIZES:
        at = [row for row in found if (row["width"], row["height"]) == (str(width), str(height))]
        times = {way: [float(row["ms"]) for row in at if row["way"] == way] for way in WAYS}
        print(f"{width} x {height}:", ", ".join(f"{way} {median(ms):.1f} ms" for way, ms in times.items()))


if __name__ == "__main__":
    main()
