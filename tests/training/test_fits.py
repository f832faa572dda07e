"""Fits of a report for images that are its own, under other names, or others under its names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.data import ImageRef, load_image
from symmetry_audit.groups import Affine
from symmetry_audit.tasks import Pair, Pairs
from symmetry_audit.training import matched_fits
from tests.training.test_start import report

OWN, OTHER = "f" * 64, "e" * 64  # fingerprints: that of the report is the first


def audited(folder, *, hashed=True):
    """The report of a.png, b.png and c.png, which hold three levels of grey, and their sizes and places."""
    made = report()
    for at, name in enumerate("abc"):
        Image.fromarray(np.full((4, 5), 40 * at, np.uint8)).save(folder / f"{name}.png")
    if not hashed:
        return made

    def known(fit):
        path = folder / fit.image
        return replace(fit, pixel_sha256=load_image(ImageRef(path.name, path)).pixel_sha256)

    return replace(made, fits=tuple(map(known, made.fits)))


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


def axes(report, image):
    (fit,) = (fit for fit in report.fits if fit.image == image and fit.regularizer == "joint" and fit.sigma == 1.5)
    return Affine(fit.a, fit.b)


def test_other_files_are_matched_by_their_pixels(tmp_path, renamed):
    made = audited(tmp_path)
    assert matched_fits(made, renamed, OTHER) == {"first": axes(made, "b.png")}


def test_a_report_without_hashes_matches_its_own_files_alone(tmp_path, renamed):
    made = audited(tmp_path, hashed=False)
    assert matched_fits(made, renamed, OTHER) == {}
    own = pairs(one=tmp_path / "a.png", two=tmp_path / "c.png")
    assert matched_fits(made, own, OWN) == {"one": axes(made, "a.png"), "two": axes(made, "c.png")}
    assert matched_fits(replace(made, fits=()), own, OWN) == {}
