"""The sets of benchmarks/advice.py: pools of pictures with the source of each, by set, and the task on them.

Real pictures come from the folder that the benchmark is given, faces from scikit-image, texts from installed fonts;
everything else is drawn here. All are grey, three equal channels, but for rain. The halves are fixed beforehand: "tune"
has the sets on which the rule of SPEC 8 was made, "report" those that it had not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from symmetry_audit.groups import Affine
from symmetry_audit.synth import gaussian_field
from symmetry_audit.tasks import Task, make_task

__all__ = ["SETS", "AdviceSet", "Picture"]

SIDE = 128  # px of a training picture
FIELD_STD = 40.0  # grey levels
SIGMA = 50.0  # noise
LATIN, CHINESE, HEBREW = Path(__file__).with_name("advice_words.txt").read_text(encoding="utf-8").splitlines()


@dataclass(frozen=True)
class Picture:
    """A picture, its degraded partner if the set has pairs, and the picture or scene that it was cut from."""

    source: int
    clean: np.ndarray  # (h, w, 3) uint8
    degraded: np.ndarray | None = None


@dataclass(frozen=True)
class AdviceSet:
    """A set and the task on it. ``pictures(rng)`` draws its pool; ``half`` is "tune" or "report"."""

    name: str
    half: str
    task: Task
    pictures: Callable[[Path, np.random.Generator], list[Picture]]


@dataclass(frozen=True, kw_only=True)
class GreyNoise(Task):
    """Gaussian noise of grey pictures: one field for the three equal channels, and column offsets if asked for."""

    name = "denoise"

    sigma: float = SIGMA
    columns: float = 0.0

    def corrupt(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        noise = self.sigma * rng.standard_normal(image.shape[:2])
        noise += self.columns * rng.standard_normal((1, image.shape[1]))
        return image.astype(np.float32) + noise[..., None].astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class GreyInpainting(Task):
    """Half of the pixels are missing."""

    name = "inpaint"

    def corrupt(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.where(rng.random(image.shape[:2])[..., None] < 0.5, np.float32(0), image).astype(np.float32)


def _grey(image: np.ndarray) -> np.ndarray:
    """(h, w) of any kind as (h, w, 3) uint8, three equal channels."""
    return np.repeat(np.clip(np.rint(image), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _cuts(images: list[np.ndarray], rng: np.random.Generator, each: int, side: int = SIDE) -> list[Picture]:
    """``each`` random squares of every image (h, w)."""
    found = []
    for source, image in enumerate(images):
        for _ in range(each):
            top, left = (int(rng.integers(length - side + 1)) for length in image.shape[:2])
            found.append(Picture(source, _grey(image[top : top + side, left : left + side])))
    return found


def _photos(folder: str, each: int = 1, part: slice = slice(None)) -> Callable[..., list[Picture]]:
    def pictures(images: Path, rng: np.random.Generator) -> list[Picture]:
        paths = sorted(path for name in folder.split("+") for path in (images / name).rglob("*") if path.is_file())
        paths = [path for path in paths if path.suffix.lower() in (".png", ".jpg", ".tif", ".bmp")][part]
        loaded = [np.asarray(Image.open(path).convert("L"), float) for path in paths]
        return _cuts([image for image in loaded if min(image.shape) >= SIDE], rng, each)

    return pictures


def _small_tiles(images: Path, rng: np.random.Generator) -> list[Picture]:
    paths = sorted((images / "RSSCN7-80").rglob("*.png")) or sorted((images / "RSSCN7-80").rglob("*.jpg"))
    chosen = rng.permutation(len(paths))[:120]
    return [Picture(at, _grey(np.asarray(Image.open(paths[n]).convert("L"), float))) for at, n in enumerate(chosen)]


def _rain(images: Path, rng: np.random.Generator) -> list[Picture]:
    found = []
    paths = sorted((images / "Rain100L").glob("*/norain/*.png"))
    for source, path in enumerate(paths):
        clean, rainy = (np.asarray(Image.open(path.parents[1] / kind / path.name)) for kind in ("norain", "rain"))
        for _ in range(2):
            top, left = (int(rng.integers(length - SIDE + 1)) for length in clean.shape[:2])
            window = np.s_[top : top + SIDE, left : left + SIDE]
            found.append(Picture(source, clean[window], rainy[window]))
    return found


def _windowed(units: np.ndarray) -> np.ndarray:
    """Hounsfield units as grey levels, -160 to 240 HU."""
    return (units + 160) / 400 * 255


def _abdomen(images: Path, rng: np.random.Generator) -> list[Picture]:
    paths = sorted((images / "CT" / "aapm").glob("*.raw"))
    slices = [np.fromfile(path, "<f4").reshape(512, 512)[96:416, 64:448] for path in paths]
    return _cuts([_windowed(one) for one in slices], rng, each=6)


def _head(images: Path, rng: np.random.Generator) -> list[Picture]:
    import pydicom

    files = [pydicom.dcmread(path) for path in sorted((images / "CT" / "head").glob("*.dcm"))]
    units = [one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept) for one in files]
    return _cuts([_windowed(one[128:400, 128:400]) for one in units], rng, each=6)


def _faces(images: Path, rng: np.random.Generator) -> list[Picture]:
    import skimage

    faces = np.load(Path(skimage.__file__).parent / "data" / "lfw_subset.npy")[
        :100
    ]  # then come pictures of other things
    return [Picture(at, _grey(255 * face)) for at, face in enumerate(faces)]


def _text(font: str, words: list[str], between: str = " ", n: int = 110) -> Callable[..., list[Picture]]:
    def pictures(images: Path, rng: np.random.Generator) -> list[Picture]:
        found = []
        for source in range(n):
            size = int(rng.integers(12, 18))
            page = Image.new("L", (SIDE + 80, SIDE + 40), 255)
            pen, face = ImageDraw.Draw(page), ImageFont.truetype(font, size)
            for top in range(int(rng.integers(-10, 0)), SIDE + 40, int(1.5 * size)):
                pen.text((-20, top), between.join(rng.choice(words, 40)), fill=int(rng.integers(0, 60)), font=face)
            found.append(Picture(source, _grey(np.asarray(page, float)[20 : 20 + SIDE, 40 : 40 + SIDE])))
        return found

    return pictures


def _fields(ratio: float, turned: bool, n: int = 110) -> Callable[..., list[Picture]]:
    def pictures(images: Path, rng: np.random.Generator) -> list[Picture]:
        angles = rng.uniform(0, np.pi, n) if turned else np.zeros(n)
        ws = [Affine(np.log(ratio) * np.cos(2 * angle), np.log(ratio) * np.sin(2 * angle)) for angle in angles]
        fields = [gaussian_field((SIDE, SIDE), w, rng=rng, limit=None) for w in ws]
        return [Picture(source, _grey(127.5 + FIELD_STD * field)) for source, field in enumerate(fields)]

    return pictures


def _fabric(turned: bool, n: int = 110) -> Callable[..., list[Picture]]:
    """Plain weave: threads that pass over and under each other, warp of higher contrast than weft."""

    def pictures(images: Path, rng: np.random.Generator) -> list[Picture]:
        found = []
        y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
        for source in range(n):
            angle = rng.uniform(0, 2 * np.pi) if turned else rng.normal(0, np.radians(3))
            u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
            pitch, shift = rng.uniform(6, 10), rng.uniform(0, 10, 2)
            a, b = (np.pi * (part + move) / pitch for part, move in zip((u, v), shift, strict=True))
            over = np.sin(a) * np.sin(b) > 0
            warp, weft = np.abs(np.sin(a)) * rng.uniform(70, 100), np.abs(np.sin(b)) * rng.uniform(30, 60)
            shade = 60 + rng.uniform(0, 60) + np.where(over, warp, weft)
            found.append(Picture(source, _grey(shade + 12 * gaussian_field((SIDE, SIDE), rng=rng))))
        return found

    return pictures


def _stripes(images: Path, rng: np.random.Generator, n: int = 110) -> list[Picture]:
    found = []
    for source in range(n):
        rows = np.convolve(rng.standard_normal(SIDE + 8), np.ones(int(rng.integers(1, 6))), "same")[4 : 4 + SIDE]
        found.append(Picture(source, _grey(127.5 + FIELD_STD * np.repeat((rows / rows.std())[:, None], SIDE, axis=1))))
    return found


def _shapes(images: Path, rng: np.random.Generator, n: int = 110) -> list[Picture]:
    """Dark upright letters T of 11 px, bar and stem alike, in most cells of a grid of 16 px."""
    stamp = np.zeros((11, 11))
    stamp[:2], stamp[:, 4:7] = 1, 1
    found = []
    for source in range(n):
        page = np.full((SIDE, SIDE), 220.0)
        for top in range(0, SIDE, 16):
            for left in range(0, SIDE, 16):
                if rng.random() < 0.8:
                    dy, dx = rng.integers(0, 6, 2)
                    page[top + dy : top + dy + 11, left + dx : left + dx + 11] -= 180 * stamp
        found.append(Picture(source, _grey(page)))
    return found


SERIF = "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf"
SANS = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
HAN = "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"
NOISE = GreyNoise()

SETS = {
    one.name: one
    for one in (
        AdviceSet("bsd100", "tune", NOISE, _photos("BSD100")),
        AdviceSet("ct-head", "report", NOISE, _head),
        AdviceSet("text-latin", "tune", NOISE, _text(SERIF, LATIN.split())),
        AdviceSet("text-chinese", "report", NOISE, _text(HAN, list(CHINESE), "")),
        AdviceSet("fields-2-one-direction", "tune", NOISE, _fields(2.0, turned=False)),
        AdviceSet("fields-1.3-one-direction", "report", NOISE, _fields(1.3, turned=False)),
        AdviceSet("rain", "tune", make_task("derain"), _rain),
        AdviceSet("rsscn7-sr", "report", make_task("sr", scale=2), _small_tiles),
        AdviceSet("rsscn7", "tune", NOISE, _photos("RSSCN7")),
        AdviceSet("ct-abdomen", "report", NOISE, _abdomen),
        AdviceSet("t-shapes", "tune", NOISE, _shapes),
        AdviceSet("text-hebrew", "report", NOISE, _text(SANS, HEBREW.split())),
        AdviceSet("urban20", "tune", NOISE, _photos("Urban20", each=6)),
        AdviceSet("set14+5", "report", NOISE, _photos("Set14+Set5", each=6)),
        AdviceSet("fields-isotropic", "tune", NOISE, _fields(1.0, turned=False)),
        AdviceSet("fields-2.5-turned", "report", NOISE, _fields(2.5, turned=True)),
        AdviceSet("column-noise", "tune", GreyNoise(sigma=15.0, columns=25.0), _photos("BSD100")),
        AdviceSet("stripes", "report", NOISE, _stripes),
        AdviceSet("faces", "tune", NOISE, _faces),
        AdviceSet("fabric-aligned", "report", NOISE, _fabric(turned=False)),
        AdviceSet("fabric-turned", "report", NOISE, _fabric(turned=True)),
        AdviceSet("bsd100-inpaint", "report", GreyInpainting(), _photos("BSD100")),
    )
}
