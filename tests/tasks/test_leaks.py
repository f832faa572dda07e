"""Fingerprints and leaks: by a naive perceptual hash, by hand, and on the real sets whose overlap is known."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from symmetry_audit.tasks import fingerprint, leaks
from tests.conftest import smooth_noise

SETS = {
    "BSD100": "BSD100/HR",
    "Set5": "Set5/HR",
    "Set14": "Set14/HR",
    "Urban20": "Urban20/HR",
    "RSSCN7": "RSSCN7",
    "train": "Rain100L/train/norain",
    "test": "Rain100L/test/norain",
}


def picture(rng, height=80, width=96) -> np.ndarray:
    return np.stack([smooth_noise(rng, height, width)] * 3, axis=-1).astype(np.uint8)


def jpeg(image, quality) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def resized(image, factor) -> np.ndarray:
    size = round(image.shape[1] * factor), round(image.shape[0] * factor)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def with_hash(sha256, bits) -> dict:
    return {"sha256": sha256, "phash": f"{bits:016x}"}


def test_the_perceptual_hash_is_the_sign_pattern_of_low_frequencies(rng):
    image = picture(rng, 64, 64)
    small = np.asarray(Image.fromarray(image).convert("L").resize((32, 32), Image.Resampling.LANCZOS), float)
    low = dctn(small, 2)[:8, :8]
    bits = "".join("01"[int(value > np.median(low))] for value in low.ravel())
    assert fingerprint(image)["phash"] == f"{int(bits, 2):016x}"


def test_the_sha256_is_that_of_size_and_pixels(rng):
    image = picture(rng)
    digest = hashlib.sha256(b"(80, 96, 3)" + image.tobytes()).hexdigest()
    assert fingerprint(image)["sha256"] == digest
    assert fingerprint(np.asfortranarray(image))["sha256"] == digest
    assert fingerprint(image.reshape(96, 80, 3))["sha256"] != digest
    image[3, 4, 1] ^= 1
    assert fingerprint(image)["sha256"] != digest


def test_near_is_at_most_six_bits_of_64():
    test = {"a": with_hash("x", 0), "b": with_hash("y", 2**64 - 1)}
    train = [("six", with_hash("1", 0b111111)), ("seven", with_hash("2", 0b1111111)), ("same", with_hash("x", 7 << 61))]
    assert leaks(test, train) == [("a", "six", "near"), ("a", "same", "exact")]
    assert leaks(test, iter(train)) == leaks(test, train)
    assert leaks(test, []) == leaks({}, train) == []
    assert leaks({"top": with_hash("z", 1 << 63)}, [("zero", with_hash("0", 0))]) == [("top", "zero", "near")]


def test_the_same_pixels_are_exact_even_where_they_are_flat():
    flat = {"sha256": "f", "phash": None}
    assert leaks({"a": flat}, [("b", flat), ("c", with_hash("g", 0))]) == [("a", "b", "exact")]


@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0, 2.0])
def test_flat_images_do_not_match_each_other(rng, spread):
    levels = np.linspace(20, 230, 20)
    images = [np.clip(rng.normal(level, spread, (480, 320, 1)).repeat(3, 2), 0, 255).round() for level in levels]
    prints = [fingerprint(image.astype(np.uint8)) for image in images]
    assert {item["phash"] for item in prints} == {None}
    marks = {str(at): item for at, item in enumerate(prints[:10])}
    assert leaks(marks, [(str(at), item) for at, item in enumerate(prints[10:])]) == []


def test_faint_images_still_have_a_picture(rng):
    faint = (picture(rng) // 20 + 100).astype(np.uint8)
    assert fingerprint(faint)["phash"] is not None


# --- the threshold, on real images


@pytest.fixture(scope="module")
def photographs(shared_data) -> dict[tuple[str, str], np.ndarray]:
    found = {}
    for name, folder in SETS.items():
        for path in sorted((shared_data / folder).rglob("*.[pj]*g")):
            found[name, path.name] = np.asarray(Image.open(path).convert("RGB"))
    return found


@pytest.fixture(scope="module")
def prints(photographs) -> dict[tuple[str, str], dict]:
    return {key: fingerprint(image) for key, image in photographs.items()}


def same_up_to_a_cut(one, other) -> bool:
    height, width = (min(sides) for sides in zip(one.shape[:2], other.shape[:2], strict=True))
    small = abs(one.shape[0] - other.shape[0]) <= 1 and abs(one.shape[1] - other.shape[1]) <= 1
    return small and np.array_equal(one[:height, :width], other[:height, :width])


@pytest.mark.data
def test_real_sets_match_where_the_pictures_are_the_same(photographs, prints):
    """All 48205 pairs of 311 photographs. The next distance between different ones is 14 bits."""
    assert len(prints) == 311
    found = {frozenset((one, other)) for one, other, _ in leaks(prints, prints.items()) if one != other}
    keys = list(photographs)
    same = {
        frozenset((one, other))
        for at, one in enumerate(keys)
        for other in keys[:at]
        if same_up_to_a_cut(photographs[one], photographs[other])
    }
    # the head of a child, once 280 x 280 and once 276 x 276 px: of one photograph, cut and resampled otherwise
    same.add(frozenset((("Set5", "img_004.png"), ("Set14", "img_006.png"))))
    assert found == same
    assert frozenset((("BSD100", "img_036.png"), ("test", "norain-19.png"))) in found


@pytest.mark.data
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda image: jpeg(image, 30), id="jpeg 30"),
        pytest.param(lambda image: resized(image, 0.5), id="half"),
        pytest.param(lambda image: image[:-1, :-1], id="one row and column less"),
        pytest.param(lambda image: image[:-3, :-3], id="cut to a multiple of 4"),
        pytest.param(lambda image: np.minimum(image, 235) + np.uint8(20), id="brighter"),
    ],
)
def test_changed_photographs_are_still_recognised(photographs, prints, change):
    chosen = [key for key in photographs if key[0] not in ("RSSCN7", "Urban20")]
    marks = {key: fingerprint(change(photographs[key])) for key in chosen}
    found = {(one, other) for one, other, how in leaks(marks, prints.items()) if how == "near"}
    assert {(key, key) for key in chosen} <= found
