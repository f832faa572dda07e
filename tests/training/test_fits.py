"""Fits of a report for images that are its own, under other names, or others under its names."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.data import ImageRef, load_image
from symmetry_audit.groups import Affine
from symmetry_audit.tasks import Pair, Pairs
from symmetry_audit.training import matched_fits
from tests.training.test_start import FITS, Report, fits_table, report

OWN, OTHER = "f" * 64, "e" * 64  # fingerprints: that of the report is the first


def audited(folder, *, hashed=True, empty=False):
    """The report of a.png, b.png and c.png, which hold three levels of grey."""
    hashes = {}
    for at, name in enumerate(FITS):
        Image.fromarray(np.full((4, 5), 40 * at, np.uint8)).save(folder / name)
        hashes[name] = load_image(ImageRef(name, folder / name)).pixel_sha256
    fits = fits_table()
    fits["pixel_sha256"] = fits["image"].map(hashes) if hashed else None

    class Own(Report):
        table = fits[:0] if empty else fits

    made = report()
    return Own(made.dataset, made.settings, made.results, recommendation=made.recommendation)


def pairs(**files):
    """Images by key."""
    refs = tuple(Pair(key, ImageRef(path.name, path)) for key, path in files.items())
    return Pairs("set", "set", refs)


@pytest.fixture
def renamed(tmp_path):
    """b.png under the name of a.png, as a TIFF; and other pixels under the name of c.png."""
    folder = tmp_path / "other"
    folder.mkdir()
    Image.fromarray(np.full((4, 5), 40, np.uint8)).save(folder / "a.tif")
    Image.fromarray(np.full((4, 5), 99, np.uint8)).save(folder / "c.png")
    return pairs(first=folder / "a.tif", second=folder / "c.png")


def test_other_files_are_matched_by_their_pixels(tmp_path, renamed):
    assert matched_fits(audited(tmp_path), renamed, OTHER) == {"first": Affine(*FITS["b.png"])}


def test_a_kernel_without_a_width_has_fits_too(tmp_path, renamed):
    made = audited(tmp_path)
    one = made.table["sigma"] == made.table["sigma"].iloc[0]
    type(made).table = made.table[one].assign(sigma=None)
    assert matched_fits(made, renamed, OTHER) == {"first": Affine(*FITS["b.png"])}


def test_a_report_without_hashes_matches_its_own_files_alone(tmp_path, renamed):
    made = audited(tmp_path, hashed=False)
    assert matched_fits(made, renamed, OTHER) == {}
    own = pairs(one=tmp_path / "a.png", two=tmp_path / "c.png")
    assert matched_fits(made, own, OWN) == {"one": Affine(*FITS["a.png"]), "two": Affine(*FITS["c.png"])}
    assert matched_fits(audited(tmp_path, empty=True), own, OWN) == {}
