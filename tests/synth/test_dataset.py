"""Datasets on disk: their truth, and folders that are continued, refused or cleared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from symmetry_audit.errors import ReportError
from symmetry_audit.groups import Affine
from symmetry_audit.synth import SynthSettings, _dataset, make_image, write_dataset

SMALL = SynthSettings(n=4, size=32, ratio=(1.1, 1.8), seed=3)
COLUMNS = "image,kind,ratio,alpha,alpha_deg,s_x,s_y,a,b,clip,noise,flip_bias,seed"
NAMES = [f"image_{index:05}.png" for index in range(4)]


def changed(settings: SynthSettings, **change: Any) -> SynthSettings:
    return SynthSettings(**settings.to_dict() | change)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def made(monkeypatch) -> list[int]:
    """The numbers of the images that were made, in order."""
    numbers = []

    def count(settings: SynthSettings, index: int) -> tuple:
        numbers.append(index)
        return make_image(settings, index)

    monkeypatch.setattr(_dataset, "make_image", count)
    return numbers


def test_a_dataset_is_images_their_truth_and_the_settings(tmp_path):
    told = []
    truth = write_dataset(tmp_path / "new/set", SMALL, lambda done, total: told.append((done, total)))
    assert truth == tmp_path / "new/set/truth.csv"
    assert set(content(truth.parent)) == {*NAMES, "truth.csv", "synth.json"}
    assert told == [(done, 4) for done in range(5)]
    for index, name in enumerate(NAMES):
        with Image.open(truth.parent / name) as image:
            assert image.mode == "L"
            assert np.array_equal(np.asarray(image), make_image(SMALL, index)[0])
    document = json.loads((truth.parent / "synth.json").read_text())
    assert document == {"schema": "symaudit.synth/1", "settings": SMALL.to_dict()}


def test_the_truth_says_how_every_image_was_deformed(tmp_path):
    settings = changed(SMALL, n=40, size=16, clip=2, noise=1.5)
    file = write_dataset(tmp_path, settings)
    assert file.read_text().splitlines()[0] == COLUMNS
    truth = pd.read_csv(file)
    assert list(truth.image[:4]) == NAMES
    for index, row in truth.iterrows():
        affine = make_image(settings, index)[1]
        assert (row.a, row.b, row.ratio, row.alpha) == (affine.a, affine.b, affine.ratio, affine.alpha)
        assert (row.s_x * row.s_y, row.s_x / row.s_y) == pytest.approx((1, row.ratio))
        assert row.alpha_deg == pytest.approx(np.degrees(row.alpha))
    assert ((truth.ratio > 1.1) & (truth.ratio < 1.8) & (truth.alpha >= 0) & (truth.alpha < np.pi)).all()
    assert truth.ratio.nunique() == truth.alpha.nunique() == 40
    constant = truth[["kind", "clip", "noise", "flip_bias", "seed"]].drop_duplicates()
    assert constant.to_numpy().tolist() == [["gaussian", 2, 1.5, 0, 3]]


def test_random_angles_are_spread_over_the_half_circle():
    turns = [make_image(changed(SMALL, size=16), index)[1].alpha / np.pi for index in range(200)]
    counts = np.histogram(turns, bins=4, range=(0, 1))[0]
    assert (np.abs(counts - 50) < 5 * 50**0.5).all()


@pytest.mark.parametrize(("angle", "alpha"), [(0, 0), (180, 0), (-1e-20, 0), (-45, 135), (270, 90), (179, 179)])
def test_angles_come_back_between_0_and_180(angle, alpha):
    affine = make_image(changed(SMALL, ratio=1.5, angle=angle), 0)[1]
    assert np.degrees(affine.alpha) == pytest.approx(alpha, abs=1e-9)
    assert 0 <= affine.alpha < np.pi


def test_ratio_1_is_the_isotropic_control():
    assert make_image(changed(SMALL, ratio=1), 0)[1] == Affine(0, 0)


@pytest.mark.parametrize("kind", ["gaussian", "dead-leaves"])
def test_images_depend_on_seed_and_number_alone(kind):
    settings = SynthSettings(n=10, size=32, kind=kind, noise=2, clip=3)
    pictures = [make_image(settings, index)[0] for index in range(3)]
    assert np.array_equal(pictures[2], make_image(changed(settings, n=20), 2)[0])
    others = [*pictures[1:], make_image(changed(settings, seed=1), 0)[0]]
    assert all((other != pictures[0]).mean() > 0.5 for other in others)


def test_every_setting_changes_the_images():
    leaves = changed(SMALL, kind="dead-leaves", slope=None)
    pairs = [
        (SMALL, {"slope": 1.5}),
        (SMALL, {"ratio": 1.3}),
        (SMALL, {"angle": 20}),
        (SMALL, {"clip": 5}),
        (SMALL, {"noise": 5}),
        (leaves, {"flip_bias": 1}),
    ]
    for settings, change in pairs:
        assert not np.array_equal(make_image(settings, 0)[0], make_image(changed(settings, **change), 0)[0]), change


def test_an_interrupted_run_is_continued(tmp_path, made):
    whole = content(write_dataset(tmp_path / "whole", SMALL).parent)

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    made.clear()
    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "again", SMALL, interrupt)
    assert set(content(tmp_path / "again")) == {*NAMES[:2], "synth.json"}
    write_dataset(tmp_path / "again", SMALL)
    assert made == [0, 1, 2, 3]
    assert content(tmp_path / "again") == whole
    write_dataset(tmp_path / "again", SMALL)
    assert len(made) == 4


def test_a_dataset_grows_but_does_not_shrink(tmp_path, made):
    write_dataset(tmp_path / "grown", changed(SMALL, n=2))
    write_dataset(tmp_path / "grown", SMALL)
    assert made == [0, 1, 2, 3]
    assert content(tmp_path / "grown") == content(write_dataset(tmp_path / "whole", SMALL).parent)
    with pytest.raises(
        ReportError, match=r"grown holds a dataset with other settings \(n: 4, now 3\); choose another folder"
    ):
        write_dataset(tmp_path / "grown", changed(SMALL, n=3))


def test_the_truth_is_absent_until_it_covers_every_image(tmp_path):
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    write_dataset(tmp_path, changed(SMALL, n=2))
    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path, SMALL, interrupt)
    assert not (tmp_path / "truth.csv").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 4}, r"other settings \(seed: 3, now 4\); choose another folder, or --force to start over$"),
        ({"ratio": 1.2}, r"other settings \(ratio: \[1\.1, 1\.8\], now \[1\.2, 1\.2\]\); "),
        ({"size": 48, "n": 9}, r"other settings \(size: 32, now 48\); "),
        ({"kind": "dead-leaves", "slope": None}, r"other settings \(kind: gaussian, now dead-leaves\); "),
    ],
)
def test_another_dataset_cannot_land_in_the_same_folder(tmp_path, change, message):
    before = content(write_dataset(tmp_path, SMALL).parent)
    with pytest.raises(ReportError, match=message):
        write_dataset(tmp_path, changed(SMALL, **change))
    assert content(tmp_path) == before


def test_force_starts_over_and_touches_no_other_file(tmp_path):
    write_dataset(tmp_path / "set", SMALL)
    (tmp_path / "set/notes.txt").write_text("mine")
    (tmp_path / "set/image_of_mine.png").write_text("mine")
    other = changed(SMALL, n=2, seed=9)
    write_dataset(tmp_path / "set", other, force=True)
    fresh = content(write_dataset(tmp_path / "fresh", other, force=True).parent)
    assert content(tmp_path / "set") == fresh | {"notes.txt": b"mine", "image_of_mine.png": b"mine"}


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_something_else_is_refused(tmp_path, force):
    (tmp_path / "image_00000.png").write_text("a photograph")
    with pytest.raises(ReportError, match=r"holds other files and no dataset of `symaudit synth`; choose another fol"):
        write_dataset(tmp_path, SMALL, force=force)
    assert content(tmp_path) == {"image_00000.png": b"a photograph"}


def test_hidden_files_do_not_make_a_folder_someone_elses(tmp_path):
    (tmp_path / ".DS_Store").write_text("")
    assert write_dataset(tmp_path, SMALL).exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "symaudit.synth/1", "settings": {"n": "x"}}'])
def test_damaged_settings_are_told(tmp_path, text):
    (tmp_path / "synth.json").write_text(text)
    with pytest.raises(ReportError, match=r"synth\.json is damaged; choose another folder, or --force to start over$"):
        write_dataset(tmp_path, SMALL)
    assert write_dataset(tmp_path, SMALL, force=True).exists()


def test_a_dataset_of_another_version_is_told(tmp_path):
    (tmp_path / "synth.json").write_text('{"schema": "symaudit.synth/0", "settings": {}}')
    with pytest.raises(ReportError, match=r"holds a dataset of another version; choose another folder, or --force"):
        write_dataset(tmp_path, SMALL)


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"^cannot read the folder .*file: Not a directory; choose another folder$"):
        write_dataset(tmp_path / "file", SMALL)
    with pytest.raises(ReportError, match=r"^cannot write .*synth\.json: .*; choose another folder$"):
        write_dataset(tmp_path / "file/set", SMALL)


def test_what_cannot_be_removed_is_told(tmp_path):
    write_dataset(tmp_path, SMALL)
    (tmp_path / "truth.csv").unlink()
    (tmp_path / "truth.csv").mkdir()
    with pytest.raises(ReportError, match=r"^cannot clear .*: .*; choose another folder$"):
        write_dataset(tmp_path, SMALL, force=True)
