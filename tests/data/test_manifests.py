"""Manifests: what is parsed, found and checked; checksums are recomputed here naively from their definitions."""

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from symmetry_audit.data import manifests
from symmetry_audit.errors import DataError, SettingError

COUNTS = {  # images in each split, from the datasets' own pages and repositories
    "Ada4DIR": dict.fromkeys(["train_clean", "train_noise", "train_blur", "train_dark", "train_haze", "test", "val"]),
    "BSD100": {"HR": 100, "LR_X2": 100},
    "DIV2K": {
        "train": 800,
        "valid": 100,
        "all": 900,
        "train_LR_bicubic_X2": 800,
        "valid_LR_bicubic_X2": 100,
        "train_LR_bicubic_X4": 800,
        "valid_LR_bicubic_X4": 100,
    },
    "Rain100L": {"train_rain": 200, "train_norain": 200, "test_rain": 100, "test_norain": 100},
    "RSSCN7": {"all": 2800, "train": 2600, "test": 200},
    "Set14": {"HR": 14, "LR_X2": 14},
    "Set5": {"HR": 5, "LR_X2": 5},
    "Urban100": {"HR": 100},
}
TINY = """schema = "symaudit.manifest/1"
name = "tiny"
title = "made by hand"
url = "https://example.org/tiny"
licence = "CC0"
citation = "nobody"
default_split = "a"
[splits.a]
layouts = ["tiny/a", {folder = "a_flat", pattern = "*_HR.png"}]
count = 3
[splits.b]
layouts = ["tiny/b"]
pattern = ["*/*.png", "*.jpg"]
[splits.both]
parts = ["a", "b"]
[splits.two]
sample = {of = "a", seed = "s", skip = 1, take = 2}
"""


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMAUDIT_MANIFESTS", str(tmp_path / "manifests"))
    monkeypatch.delenv("SYMAUDIT_DATA", raising=False)


@pytest.fixture
def tiny():
    return manifests.parse_manifest(TINY, "tiny.toml")


def fill(folder: Path, *keys: str) -> Path:
    """Write one small file for each key; its content is its name."""
    for key in keys:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(os.fsencode(Path(key).name))
    return folder


def keys(located) -> list[str]:
    return [file.key for file in located]


def statuses(result) -> dict[str, str]:
    return {check.name: check.status for check in result.checks}


def sums(*names: str) -> tuple[int, str, str]:
    """Total size, folder md5 and list sha256 of files named ``names`` as :func:`fill` writes them."""
    md5 = "".join(hashlib.md5(name.encode()).hexdigest() for name in sorted(names))
    lines = "".join(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in sorted(names))
    folder_md5, list_sha256 = hashlib.md5(md5.encode()).hexdigest(), hashlib.sha256(lines.encode()).hexdigest()
    return sum(map(len, names)), folder_md5, list_sha256


def with_variant(names: tuple[str, ...], **more: str):
    size, folder_md5, list_sha256 = sums(*names)
    row = {"source": "here", "names": "?.png", "folder_md5": folder_md5, "list_sha256": list_sha256, **more}
    inline = ", ".join(f'{key} = "{value}"' for key, value in row.items())
    text = TINY.replace("count = 3", f"count = 3\nvariants = [{{ {inline}, bytes = {size} }}]")
    return manifests.parse_manifest(text, "tiny.toml")


# --- the manifests that are shipped


def test_shipped_datasets_have_the_counts_of_their_sources():
    found = {m.name: {split.name: m.count(split) for split in m.splits} for m in manifests.shipped()}
    assert found == COUNTS


def test_shipped_manifests_are_complete_relative_and_named_after_their_file():
    for manifest in manifests.shipped():
        assert manifest.origin == f"{manifest.name.lower()}.toml"
        assert manifest.url.startswith("http")
        for layout in (layout for split in manifest.splits for layout in split.layouts):
            assert not Path(layout.folder).is_absolute()
            assert re.fullmatch(r"[\w./-]+", layout.folder)


def test_the_900_images_of_the_paper_are_train_and_valid():
    assert manifests.load_manifest("div2k").split("ALL").parts == ("train", "valid")


def test_merged_div2k_folder_is_split_by_number(tmp_path):
    fill(tmp_path / "DIV2K/DIV2K_train_HR", *(f"{number:04}.png" for number in range(1, 901)))
    div2k = manifests.load_manifest("DIV2K")
    train, valid = (keys(manifests.locate(div2k, split, tmp_path)) for split in ("train", "valid"))
    assert (train[0], train[-1], len(train)) == ("0001.png", "0800.png", 800)
    assert (valid[0], valid[-1], len(valid)) == ("0801.png", "0900.png", 100)
    both = keys(manifests.locate(div2k, "all", tmp_path))
    assert both[:1] + both[-1:] == ["train/0001.png", "valid/0900.png"]
    assert len(set(both)) == 900


def test_rsscn7_draw_never_changes(tmp_path):
    classes = ["aGrass", "bField", "cIndustry", "dRiverLake", "eForest", "fResident", "gParking"]
    names = [f"{folder}/{folder[0]}{number:03}.jpg" for folder in classes for number in range(1, 401)]
    fill(tmp_path / "RSSCN7", *names)
    rsscn7 = manifests.load_manifest("RSSCN7")
    test, train = (keys(manifests.locate(rsscn7, split, tmp_path)) for split in ("test", "train"))
    assert (len(test), len(train), sorted(test + train)) == (200, 2600, names)
    naive = sorted(names, key=lambda k: hashlib.sha256(f"symaudit-rsscn7-1 {k[-8:]}".encode()).hexdigest())
    assert test == sorted(naive[:200])
    digest = hashlib.sha256("\n".join(test).encode()).hexdigest()
    assert digest == "7bb3be6a6255dbfc3ac77cb3a9d7182c0643c2bcae4f23a4a849a18047d7f938"


# --- parsing


def test_parsed_values(tiny):
    assert tiny.split().layouts == (manifests.Layout("tiny/a"), manifests.Layout("a_flat", ("*_HR.png",)))
    assert (tiny.count(tiny.split("two")), tiny.count(tiny.split("both"))) == (2, None)
    assert [tiny.reference(tiny.split(name)) for name in ("a", "B")] == ["tiny", "tiny:b"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("count = 3", "cuont = 3", r'^t.toml, split "a": unknown key \'cuont\'. Did you mean "count"\?$'),
        ("count = 3", "count = true", "count should be a whole number above 0, not True"),
        ("count = 3", 'folder_md5 = "x"', "unknown key 'folder_md5'"),
        ("count = 3", 'variants = ["x"]', "expected a table, not 'x'"),
        ("count = 3", "variants = [{bytes = 1}]", '"source" is missing; add it'),
        ("count = 3", 'archive_md5 = "XY"', "should be 32 lower-case hex digits, not 'XY'"),
        ("count = 3", 'files = "abc  x.png"', "lines of \"sha256, two spaces, name\", not 'abc  x.png'"),
        ('"tiny/a"', '"../a"', 'layout "../a" leaves the data root'),
        ('"tiny/a"', "7", "layouts: expected a table, not 7"),
        ('parts = ["a", "b"]', "", 'split "both": give exactly one of "layouts", "parts" and "sample"'),
        ('parts = ["a", "b"]', 'parts = ["a"]\ncount = 1', '"count" belongs to a split with layouts'),
        ('parts = ["a", "b"]', 'parts = ["bb"]', 'no split "bb" with layouts. Did you mean "b"'),
        ("take = 2", "take = 3", 'split "two": needs 4 images; give "a" a count of that many'),
        ('default_split = "a"', 'default_split = "aa"', 'default_split "aa" is no split. Did you mean "a"'),
        ('name = "tiny"', 'name = "ti ny"', "t.toml: 'ti ny' cannot be a name; use up to 64"),
        ("splits.both", 'splits."x:y"', "a split: 'x:y' cannot be a name"),
        ('licence = "CC0"', "", '^t.toml: "licence" is missing; add it to the manifest$'),
        ("manifest/1", "manifest/9", "schema should be \"symaudit.manifest/1\", not 'symaudit.manifest/9'"),
        ("[splits.a]", "[splits.a", r"^t.toml: not valid TOML \(.*line 8.*\); mend that line$"),
    ],
)
def test_malformed_manifests_say_what_to_mend(old, new, message):
    assert old in TINY
    with pytest.raises(SettingError, match=message) as caught:
        manifests.parse_manifest(TINY.replace(old, new), "t.toml")
    assert "\n" not in str(caught.value)


def test_references():
    assert manifests.parse_reference("DIV2K") == ("DIV2K", None)
    assert manifests.parse_reference("DIV2K:valid") == ("DIV2K", "valid")


@pytest.mark.parametrize("text", ["", ":valid", "DIV2K:"])
def test_half_a_reference_is_refused(text):
    with pytest.raises(SettingError, match="is no dataset; write NAME or NAME:split"):
        manifests.parse_reference(text)


def test_unknown_names_get_the_nearest_one():
    with pytest.raises(SettingError, match=r'unknown dataset "urban10". Did you mean "Urban100"'):
        manifests.load_manifest("urban10")
    with pytest.raises(SettingError, match=r'DIV2K has no split "vald". Did you mean "valid"'):
        manifests.load_manifest("DIV2K").split("vald")


# --- finding files


def test_first_layout_that_holds_images_wins_with_its_own_pattern(tiny, tmp_path):
    fill(tmp_path / "a_flat", "1_HR.png", "1_LR.png", "2_HR.png", "3_hr.PNG", ".4_HR.png", "5_HR.txt")
    (tmp_path / "tiny/a").mkdir(parents=True)
    assert keys(manifests.locate(tiny, None, tmp_path)) == ["1_HR.png", "2_HR.png", "3_hr.PNG"]
    fill(tmp_path / "tiny/a", "x.png", "y.webp", "z.tif")
    assert keys(manifests.locate(tiny, None, tmp_path)) == ["x.png", "y.webp", "z.tif"]
    assert manifests.folders(tiny, None, tmp_path) == (tmp_path / "tiny/a",)


def test_patterns_match_part_by_part(tiny, tmp_path):
    fill(tmp_path / "tiny/b", "top.jpg", "top.png", "one/x.png", "one/y.jpg", "one/deep/y.png", ".git/z.png")
    assert keys(manifests.locate(tiny, "b", tmp_path)) == ["one/x.png", "top.jpg"]


def test_linked_folders_are_read_once_and_loops_end(tmp_path):
    own = fill(tmp_path / "own", "sub/x.png")
    (own / "sub/up").symlink_to(own)
    (own / "zz").symlink_to(own / "sub")
    (own / "self").symlink_to(own / "self")
    (own / "gone.png").symlink_to(tmp_path / "nowhere")
    manifests.add("own", own)
    assert keys(manifests.locate(manifests.load_manifest("own"))) == ["sub/x.png"]


def test_draw_is_ranked_by_hash_of_seed_and_name(tiny, tmp_path):
    fill(tmp_path / "tiny/a", "x.png", "y.png", "z.png")
    naive = sorted(["x.png", "y.png", "z.png"], key=lambda n: hashlib.sha256(f"s {n}".encode()).hexdigest())
    assert keys(manifests.locate(tiny, "two", tmp_path)) == sorted(naive[1:])


def test_data_root_comes_from_the_environment(tiny, tmp_path, monkeypatch):
    fill(tmp_path / "tiny/a", "x.png", "y.png", "z.png")
    with pytest.raises(DataError, match="no data folder is set; give --data-root, or set SYMAUDIT_DATA"):
        manifests.locate(tiny)
    monkeypatch.setenv("SYMAUDIT_DATA", str(tmp_path))
    assert len(manifests.locate(tiny)) == 3
    with pytest.raises(DataError, match="nowhere is no folder; create it, or correct --data-root"):
        manifests.locate(tiny, None, tmp_path / "nowhere")


def test_missing_data_name_url_layout_and_next_command(tiny, tmp_path):
    message = (
        f"tiny: not found in {tmp_path}; expected 3 images in tiny/a or a_flat/*_HR.png; get them from "
        f"https://example.org/tiny and unpack them there, then run "
        f"`symaudit datasets verify tiny --data-root {tmp_path}`"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        manifests.locate(tiny, None, tmp_path)
    (tmp_path / "tiny/a").mkdir(parents=True)
    with pytest.raises(DataError, match="tiny/a holds none of its images; expected 3 images"):
        manifests.locate(tiny, None, tmp_path)


def test_wrong_count_is_an_error(tiny, tmp_path):
    fill(tmp_path / "tiny/a", "x.png")
    with pytest.raises(DataError, match=r"expected 3 images, found 1 in \S+a; run .* or give the folder itself"):
        manifests.locate(tiny, "both", tmp_path)


def test_copy_known_as_wrong_is_an_error(tmp_path):
    manifest = with_variant(("x.png", "y.png", "z.png"), reject="the small ones")
    fill(tmp_path / "tiny/a", "x.png", "y.png", "z.png")
    with pytest.raises(DataError, match=r"a holds the small ones, see `symaudit datasets show tiny`"):
        manifests.locate(manifest, None, tmp_path)
    result = manifests.verify(manifest, None, tmp_path)
    assert (result.ok, statuses(result)["folder_md5"]) == (False, "failed")
    assert "these are the small ones" in result.checks[1].detail
    fill(tmp_path / "tiny/a", "other.png")
    (tmp_path / "tiny/a/x.png").unlink()
    assert statuses(manifests.verify(manifest, None, tmp_path))["folder_md5"] == "not known"


def test_unreadable_folder_is_an_error(tiny, tmp_path, monkeypatch):
    fill(tmp_path / "tiny/a", "x.png")
    monkeypatch.setattr(os, "listdir", lambda folder: os.open(tmp_path / "tiny/a/x.png/y", os.O_RDONLY))
    with pytest.raises(DataError, match=r"a cannot be read \(Not a directory\); mend its permissions"):
        manifests.locate(tiny, None, tmp_path)


# --- checking files


def test_verify_knows_a_copy_whatever_its_names(tmp_path):
    manifest = with_variant(("x.png", "y.png", "z.png"))
    folder = fill(tmp_path / "tiny/a", "x.png", "y.png", "z.png")
    result = manifests.verify(manifest, None, tmp_path)
    assert result.ok
    assert statuses(result) == dict.fromkeys(["count", "folder_md5", "bytes", "list_sha256"], "ok")
    (folder / "x.png").rename(folder / "renamed-x.png")
    result = manifests.verify(manifest, None, tmp_path)
    assert result.ok
    assert statuses(result)["list_sha256"] == "not known"


def test_verify_finds_one_changed_byte(tmp_path):
    manifest = with_variant(("x.png", "y.png", "z.png"))
    fill(tmp_path / "tiny/a", "x.png", "y.png", "z.png")
    (tmp_path / "tiny/a/y.png").write_text("Y.png")
    result = manifests.verify(manifest, None, tmp_path)
    assert not result.ok
    assert statuses(result) == {"count": "ok", "folder_md5": "failed", "bytes": "ok", "list_sha256": "failed"}
    fill(tmp_path / "tiny/a", "more.png")
    result = manifests.verify(manifest, None, tmp_path)
    assert statuses(result) == {"count": "failed", "checksums": "not known"}


def test_verify_of_a_union_reports_each_part_and_does_not_raise(tiny, tmp_path):
    fill(tmp_path / "tiny/a", "x.png")
    result = manifests.verify(tiny, "both", tmp_path)
    assert [(check.split, check.name, check.status) for check in result.checks] == [
        ("a", "count", "failed"),
        ("a", "checksums", "not known"),
        ("b", "found", "failed"),
    ]
    assert (result.ok, result.found, result.expected) == (False, 1, None)
    assert "no data folder is set" in manifests.verify(tiny).checks[0].detail


def test_verify_checks_the_archive_where_it_lies(tmp_path):
    digest = hashlib.sha256(b"z.zip").hexdigest()
    archive = f'count = 3\narchive = "z.zip"\narchive_bytes = 5\narchive_sha256 = "{digest}"'
    manifest = manifests.parse_manifest(TINY.replace("count = 3", archive), "t.toml")
    fill(tmp_path / "tiny", "z.zip", "a/x.png", "a/y.png", "a/z.png")
    assert statuses(manifests.verify(manifest, None, tmp_path))["archive"] == "ok"
    (tmp_path / "tiny/z.zip").write_text("Z.zip")
    result = manifests.verify(manifest, None, tmp_path)
    assert (result.ok, statuses(result)["archive"]) == (False, "failed")
    assert "sha256 not as published; get it again from https://example.org/tiny" in result.checks[1].detail


# --- the user's own data


def test_added_data_are_listed_found_and_verified(tmp_path):
    own = fill(tmp_path / "own", "b.png", "sub/a.JPG", 'odd """ \\ name.png', "notes.txt")
    path = manifests.add("Mine", own)
    assert path == tmp_path / "manifests/Mine.toml"
    assert manifests.available()[-1] == "Mine"
    manifest = manifests.load_manifest("mine")
    assert keys(manifests.locate(manifest)) == ["b.png", 'odd """ \\ name.png', "sub/a.JPG"]
    assert dict(manifest.split().files)["b.png"] == hashlib.sha256(b"b.png").hexdigest()
    assert statuses(manifests.verify(manifest)) == {"count": "ok", "sha256": "ok"}


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is not installed")
def test_the_sha256_are_what_sha256sum_says(tmp_path):
    own = fill(tmp_path / "own", "b.png", "sub/a.jpg")
    text = manifests.add("mine", own).read_text()
    block = text[text.index('"""') + 4 : text.rindex('"""')]
    subprocess.run(["sha256sum", "--check", "--strict"], input=block, cwd=own, text=True, check=True)


def test_verify_names_what_is_missing_extra_and_changed(tmp_path):
    own = fill(tmp_path / "own", "a.png", "b.png", "c.png")
    manifests.add("mine", own)
    (own / "a.png").unlink()
    (own / "b.png").write_text("other")
    fill(own, "d/e.png")
    result = manifests.verify(manifests.load_manifest("mine"), track=iter)
    assert (result.ok, result.missing, result.changed, result.extra) == (False, ("a.png",), ("b.png",), ("d/e.png",))
    shutil.rmtree(own)
    result = manifests.verify(manifests.load_manifest("mine"))
    assert (result.ok, len(result.missing)) == (False, 3)
    assert "put them back there, then run `symaudit datasets verify mine`" in result.checks[0].detail


def test_a_file_that_cannot_be_read_fails_the_check_and_stops_add(tmp_path, monkeypatch):
    own = fill(tmp_path / "own", "a.png")
    manifests.add("mine", own)
    manifest = manifests.load_manifest("mine")
    monkeypatch.setattr(Path, "open", lambda *arguments: os.open(own / "a.png/x", os.O_RDONLY))
    result = manifests.verify(manifest)
    assert statuses(result) == {"count": "ok", "readable": "failed", "sha256": "failed"}
    with pytest.raises(DataError, match=r"a\.png cannot be read; mend its permissions"):
        manifests.add("mine2", own)


def test_add_replaces_only_with_force(tmp_path):
    own = fill(tmp_path / "own", "a.png")
    manifests.add("mine", own)
    fill(own, "b.png")
    with pytest.raises(
        SettingError, match=r'"MINE" exists already \(.*mine.toml\); choose another name, or add --force'
    ):
        manifests.add("MINE", own)
    manifests.add("MINE", own, force=True)
    assert manifests.available()[-1] == "MINE"
    assert [path.name for path in (tmp_path / "manifests").iterdir()] == ["MINE.toml"]
    assert manifests.load_manifest("mine").split().count == 2


def test_add_refuses_what_it_cannot_record(tmp_path, monkeypatch):
    own = fill(tmp_path / "own", "a.png")
    with pytest.raises(SettingError, match='"div2k" is a dataset symaudit ships; choose another name'):
        manifests.add("div2k", own, force=True)
    with pytest.raises(SettingError, match=r"'\.\./x' cannot be a name"):
        manifests.add("../x", own)
    with pytest.raises(DataError, match="nowhere is not a folder; give the folder that holds your images"):
        manifests.add("mine", tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"own2 holds no images \(\.bmp .*\); give the folder"):
        manifests.add("mine", fill(tmp_path / "own2", ".hidden.png", "a.txt"))
    monkeypatch.setenv("SYMAUDIT_MANIFESTS", str(own / "a.png/folder"))
    with pytest.raises(DataError, match=r"cannot be written .* set SYMAUDIT_MANIFESTS to a folder you can write"):
        manifests.add("mine", own)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS file names are always text")
@pytest.mark.parametrize("name", [b"line\nbreak.png", b"\xff.png"])
def test_add_refuses_names_no_manifest_can_hold(tmp_path, name):
    own = fill(tmp_path / "own", os.fsdecode(name))
    with pytest.raises(DataError, match=r"(\\n|\\udcff).*a line break or another character .*; rename it"):
        manifests.add("mine", own)


def test_damaged_user_manifests_are_named(tmp_path):
    folder = fill(tmp_path / "manifests", "bad.toml")
    (folder / "bytes.toml").write_bytes(b"\xff")
    (folder / "other.toml").write_text(TINY)
    with pytest.raises(SettingError, match=r"bad.toml: not valid TOML"):
        manifests.load_manifest("bad")
    with pytest.raises(SettingError, match=r"bytes.toml: cannot be read as UTF-8 text .* `symaudit datasets add"):
        manifests.load_manifest("bytes")
    with pytest.raises(SettingError, match=r'other.toml: names itself "tiny"; rename the file to tiny.toml'):
        manifests.load_manifest("other")
    assert manifests.available()[-3:] == ("bad", "bytes", "other")


def test_the_module_itself_imports_the_standard_library_and_errors_only():
    tree = ast.parse(Path(manifests.__file__).read_text())
    names = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert {name for name in names if name.split(".")[0] not in sys.stdlib_module_names} == {"symmetry_audit.errors"}


# --- real data


@pytest.mark.data
@pytest.mark.parametrize("name", ["Set5", "Set14", "BSD100"])
def test_real_files_are_the_published_ones(shared_data, name):
    result = manifests.verify(manifests.load_manifest(name), None, shared_data)
    assert statuses(result) == {"count": "ok", "folder_md5": "ok", "bytes": "ok", "list_sha256": "not known"}


@pytest.mark.data
@pytest.mark.parametrize("name", ["Set5", "Set14", "BSD100"])
def test_real_files_under_their_original_names(shared_data, tmp_path, name):
    folder = fill(tmp_path / name / "image_SRF_2", "img_001_SRF_2_LR.png")
    for path in (shared_data / name / "HR").iterdir():
        (folder / f"{path.stem}_SRF_2_HR.png").symlink_to(path)
    result = manifests.verify(manifests.load_manifest(name), None, tmp_path)
    assert statuses(result) == dict.fromkeys(["count", "folder_md5", "bytes", "list_sha256"], "ok")


@pytest.mark.data
def test_a_part_of_a_real_dataset_is_not_taken_for_the_whole(shared_data):
    with pytest.raises(DataError, match="expected 2800 images, found 112 in"):
        manifests.locate(manifests.load_manifest("RSSCN7"), "test", shared_data)
    with pytest.raises(DataError, match="expected 100 images, found 20 in"):
        manifests.locate(manifests.load_manifest("Rain100L"), "test_norain", shared_data)
