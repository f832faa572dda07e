"""Pages in a real headless Chromium: no request, no overflow, accessible, valid, readable without JavaScript, in print.

Skipped where there is no Chromium or where `make page` has not installed the node modules of package.json.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symmetry_audit.alignment import compare_with_data, with_verdict
from symmetry_audit.reports.pages import alignment_page, comparison_page, pilot_page
from symmetry_audit.results import Comparison
from tests.alignment.findings import alignment, audit
from tests.conftest import save_photos
from tests.reports.networks.test_evaluation_report import CNN, evaluation
from tests.reports.pages.examples import HOSTILE, page_of, written_report
from tests.results.test_pilot_result import CLEAR

HERE = Path(__file__).resolve().parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGES = ("answers", "measured", "fits", "alignment", "comparison", "pilot")
SECONDS = 120


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, dict[str, Any]]:
    """What the browser found, by page."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or shutil.which("node") is None:
        pytest.skip("no chromium or no node: apt-get install chromium nodejs npm")
    if not (HERE / "node_modules" / "puppeteer-core").is_dir():
        pytest.skip("no node modules for page tests: make page installs them")
    folder = tmp_path_factory.mktemp("pages")
    pages = written_pages(folder)
    command = ["node", HERE / "check.mjs", browser, tmp_path_factory.mktemp("profile"), *pages.values()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    by_path = json.loads(done.stdout)
    return {name: by_path[str(path)] for name, path in pages.items()}


def written_pages(folder: Path) -> dict[str, Path]:
    """A page of every kind, with the hardest names there are; two of them from real runs."""
    from symmetry_audit import fit_affine, measure

    photos = save_photos(folder / "photos", np.random.default_rng(2))
    (photos / "photo_0.png").rename(photos / '<b> & "quotes" \'\u202egnp.png')
    measure(photos, reg="tv,tv2", group="p8", controls=False, out=folder / "run")
    fit_affine(photos, reg="tv", group="p8", out=folder / "fits")
    made = {"measured": folder / "run" / "report.html", "fits": folder / "fits" / "report.html"}
    names = [HOSTILE, *(f"a rather long folder name/{at:030}.png" for at in range(20))]
    report = written_report(folder / "answers", names, folders=[(name, 0.1) for name in names])
    network = with_verdict(alignment("p4", [0, 0.25, 0.1, 0.25], [0, 0.1, 0, 0.1]))
    beside = compare_with_data(network, *audit("p4", {"tv": (10.0, 9.0, 10.0, 9.0)}, floor=0.1))
    texts = {
        "answers": page_of(folder / "answers", report),
        "alignment": alignment_page(beside),
        "comparison": comparison_page(Comparison((evaluation(), evaluation(CNN)))),
        "pilot": pilot_page(CLEAR),
    }
    for name, text in texts.items():
        made[name] = folder / f"{name}.html"
        made[name].write_text(text, encoding="utf-8")
    return made


@pytest.mark.parametrize("page", PAGES)
def test_every_view_is_whole_and_accessible(found, page):
    views = found[page]["views"]
    assert [(view["width"], view["scheme"]) for view in views] == [
        (width, scheme) for width in (1280, 375) for scheme in ("light", "dark")
    ]
    for view in views:
        assert (view["overflow"], view["violations"], view["requests"], view["errors"]) == (0, [], [], []), view


@pytest.mark.parametrize("page", PAGES)
def test_the_html_is_valid(found, page):
    assert found[page]["html"] == []


@pytest.mark.parametrize("page", PAGES)
def test_it_is_complete_without_javascript_and_in_print(found, page):
    plain = found[page]["plain"]
    assert plain["requests"] == plain["errors"] == []
    assert all(length > 20 for _, length in plain["sections"]), plain["sections"]
    assert plain["buttons"] == 0
    assert plain["folded"] and all(height > 10 for height in plain["folded"])
    head, size = plain["pdf"]
    assert head == "%PDF-" and size > 10_000


@pytest.mark.parametrize("page", ["answers", "measured", "fits"])
def test_the_slider_turns_the_picture_and_moves_the_dot(found, page):
    turned = found[page]["turned"]
    assert turned["picture"].startswith("rotate(135deg)")  # the middle of eight turns, rounded down
    x, y = turned["dot"]
    assert x < 0 < -y and x == pytest.approx(y)  # up and to the left, on the diagonal
    assert turned["said"].startswith("turned by 135°: response ")


def test_the_slider_is_only_where_there_is_a_picture(found):
    assert [page for page in PAGES if found[page]["turned"] is None] == ["alignment", "comparison", "pilot"]
