"""The page of an audit: its screens, its sentences, its size, and names that try to break it."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from dataclasses import replace

import click
import numpy as np
import pytest
import tifffile

from symmetry_audit.data import open_source
from symmetry_audit.reports.pages import PAGE_FILE
from symmetry_audit.results import AuditReport, Recommendation
from symmetry_audit.verbs._pages import pictures_of
from tests.reports.pages.examples import ANSWERS, HOSTILE, Read, noise, page_of, with_answers, written_report
from tests.results.test_recommendation import candidate, recommendation

SCREENS = ["verdict", "do", "sure", "idea", "images", "folders", "directions", "numbers", "made"]
NAMES = [f"img_{at:02}.png" for at in range(7)]


@pytest.fixture
def report(tmp_path) -> AuditReport:
    return written_report(tmp_path / "run", NAMES)


def read(report, pictures=noise) -> Read:
    return Read(page_of(report.folder, report, pictures))


def test_the_screens_are_always_the_same_nine(report, write_run):
    assert list(read(report).sections) == SCREENS
    bare = write_run("bare", scenarios=("sample_strict",))
    assert list(Read(page_of(bare.folder, bare.report)).sections) == SCREENS
    (bare.folder / "responses.parquet").unlink()
    without = Read(page_of(bare.folder, bare.report)).sections
    assert list(without) == SCREENS and "no numbers" in without["images"]


def test_the_verdict_is_said_in_words_and_badges(report):
    said = read(report).sections["verdict"]
    assert "Flipped left-right, these images are the same as a set." in said
    assert "Flipped upside down, these images are no longer the same as a set." in said
    assert "Turned by 90 degrees: not settled." in said
    assert "Flip upside down: chiral changes by 7 % (4.1 to 10 %), p = 0.009." in said
    assert "about 150 images would settle it" in said
    for answer in ANSWERS:
        assert f"{answer.transformation} {answer.verdict}" in said


def test_an_older_report_speaks_of_its_groups(report):
    found = replace(with_answers(report), recommendation=advised())
    said = read(found).sections
    assert "No: quarter turns (p4). Not settled: all of p16." in said["verdict"]
    assert "Quarter turns (p4): tv changes by 12 %." in said["verdict"]
    assert "All the same: build p4 (quarter turns) into a network" in said["verdict"]
    assert "5 %" in said["sure"]


def test_without_any_verdict_the_page_says_so(report):
    said = read(with_answers(report)).sections
    assert "does not say whether these images may be flipped or turned" in said["verdict"]


def test_strips_stand_at_their_numbers_and_print_them(report):
    html = page_of(report.folder, report)
    # the largest end is 16 %, so the axis goes to 20 % in steps of 5
    left_right = html[html.index("flip left-right: 2 %") :]
    assert re.search(r'class="value" cx="10.00%"', left_right[:1500])
    assert re.search(r'class="interval" x1="5.00%" x2="15.50%"', left_right[:1500])
    assert re.search(r'class="null" x1="7.50%"', left_right[:1500])
    assert "2 % (95 % interval 1 to 3.1 %); chance 1.5 %; pixel grid 0.01 %; p = 0.27" in read(report).sections["sure"]


def test_what_is_accepted_is_drawn(report):
    html = page_of(report.folder, replace(report, recommendation=advised(tolerance=0.05)))
    assert html.count('class="accepted" x1="25.00%"') == 3  # of the axis to 20 %; one answer has no number
    assert "5 %, up to which counts as none" in Read(html).sections["sure"]
    assert 'class="accepted"' not in page_of(report.folder, report)


def test_the_images_are_ranked_by_their_own_change(report):
    said = read(report).sections
    # image n changes by 2 (n + 1) / 7 of a mean of 10
    assert re.search(r"Most symmetric .*img_00.png 2.9 %, ratio 1.00 .*img_02.png 8.6 %", said["images"])
    assert re.search(r"Least symmetric .*img_06.png 20 %, ratio 1.86 .*img_04.png 14 %", said["images"])
    assert re.search(r"img_00.png 2.9 %, ratio 1.00; moves ε by \+0.5", said["images"])
    assert "img_03.png: half of the images are more symmetric, the ellipse stretches it by 1.43." in said["idea"]
    assert re.search(r"0°: \+5.7 % .* 45°: \+0.0 % .* 90°: -5.7 % .* 135°: \+0.0 %", said["idea"])


def test_pictures_that_are_gone_are_said_to_be(report):
    html = page_of(report.folder, report, lambda names: {})
    assert "data:image" not in html
    said = Read(html).sections
    assert "no longer where they were measured" in said["idea"]
    assert "no longer where they were measured" in said["images"] and "img_06.png" in said["images"]


def test_folders_are_strips_the_worst_first(tmp_path):
    folders = [(f"class{at}", 0.01 * at) for at in range(50)]
    said = read(written_report(tmp_path / "run", NAMES, folders=folders)).sections["folders"]
    assert said.index("class49") < said.index("class48") and "class9 " not in said
    assert "The 40 least symmetric of 50 folders" in said


def test_names_cannot_break_out(tmp_path):
    html = page_of(tmp_path / "run", written_report(tmp_path / "run", [HOSTILE, *NAMES], folders=[(HOSTILE, 0.1)]))
    found = Read(html)
    assert [tag for tag, _ in found.tags].count("script") == 1
    assert "\u202e" not in html and "alert(1)</" not in html
    shown = "a/<script>alert(1)</script>\"'& gnp.exe .png"
    assert shown in found.sections["images"] and shown in found.sections["folders"]


@pytest.mark.parametrize("count", [60, 1000])
def test_the_size_does_not_grow_with_the_images(tmp_path, count):
    names = [f"a folder with a long name/image number {at:04}.png" for at in range(count)]
    folders = [(f"folder {at}", 0.001 * at) for at in range(count)]
    report = written_report(tmp_path / "run", names, folders=folders)
    html = page_of(report.folder, report, lambda names: noise(names, side=400))
    assert len(html.encode()) <= 500_000
    assert len(set(re.findall(r'"data:image/webp;base64,([^"]+)"', html))) <= 25


def test_the_same_report_gives_the_same_bytes(report):
    assert page_of(report.folder, report) == page_of(report.folder, AuditReport.load(report.folder))


def test_only_its_own_script_and_style_may_run(report):
    html = page_of(report.folder, report)
    policy = next(text for text in Read(html).attributes("meta", "content") if "default-src 'none'" in text)
    for kind in ("style", "script"):
        text = html.split(f"<{kind}>")[1].split(f"</{kind}>")[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
        assert len(text.encode()) < 15_000
    addresses = [*Read(html).attributes("a", "href"), *Read(html).attributes("image", "href")]
    assert all(address.startswith(("#", "data:image/webp")) or address == "table1.csv" for address in addresses)
    assert not Read(html).attributes("link", "href") and not Read(html).attributes("script", "src")


def test_the_command_to_train_has_only_options_of_train(report, tmp_path):
    from symmetry_audit.cli.train import train

    moved = report.folder.rename(tmp_path / "my run")
    said = Read(page_of(moved, replace(report, recommendation=advised()))).sections["do"]
    found = re.search(r"symaudit train .*? --out \S+", said)
    assert found
    command = shlex.split(found[0])
    known = {name for item in train.params if isinstance(item, click.Option) for name in item.opts}
    assert {word for word in command if word.startswith("--")} <= known
    assert command[:4] == ["symaudit", "train", "--from-report", "my run"] and command[-1] == "network-p4"


@pytest.mark.parametrize(
    ("augment", "told"),
    [
        (None, "Allowed: flip left-right. Not: flip upside down."),
        ("hflip", "Augment with left-right mirrors."),
        ("none", "Do not augment."),
    ],
)
def test_augmentation_is_what_was_advised_or_what_the_answers_allow(report, augment, told):
    build = replace(advised().build, augment=augment)
    assert f"Augment {told} Why:" in read(replace(report, recommendation=advised(build=build))).sections["do"]


def test_how_it_was_made(report):
    (report.folder / "run.json").write_text(
        '{"request": {"source": "my photos", "group": "p8", "controls": false, "out": "x", "workers": 2},'
        ' "versions": {"numpy": "2"}}'
    )
    said = read(report).sections["made"]
    assert "symaudit measure 'my photos' --group p8 --no-controls" in said and "--out" not in said
    assert "numpy 2" in said and "0" * 64 in said and "arXiv:2605.13744" in said
    for word in ("relative ε", "chance", "not settled", "quarter turns"):
        assert word in said


def test_the_verb_writes_it(tmp_path, photos):
    from symmetry_audit import measure

    out = tmp_path / "run"
    measure(photos, reg="tv", group="p4", controls=False, out=out)
    html = (out / PAGE_FILE).read_text(encoding="utf-8")
    assert "data:image/webp" in html and "photo_0.png" in Read(html).sections["images"]


def test_pictures_are_read_as_the_run_read_them(tmp_path):
    """A signed TIFF is in HU, unless the run took it for grey levels."""
    folder = tmp_path / "slices"
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", np.full((40, 40), -500, "int16"))
    source = open_source(str(folder))
    for settings, value, span in (({}, -500, (-1000, 1000)), ({"window": [0, 2000]}, 63.75, (0, 255))):
        picture = pictures_of(source, settings)(["a.tif", "gone.tif"])["a.tif"]
        assert picture.values.mean() == pytest.approx(value) and picture.span == span
    assert pictures_of(source, {"unit": "grey"})(["a.tif"])["a.tif"].span == (0, 255)
    assert pictures_of(None, {})(["a.tif"]) == {}


def advised(**changes) -> Recommendation:
    """Quarter turns refuted, more not settled, p4 to be built all the same."""
    groups = (
        candidate("p4", 4, verdict="refuted", reason="tv changes by 12 %"),
        candidate("p16", 16, verdict="not settled", reason="tv changes by 9 %", images_needed=400),
    )
    return recommendation(**{"candidates": groups, "sentences": ("Build p4.", "Evidence, prior: many."), **changes})
