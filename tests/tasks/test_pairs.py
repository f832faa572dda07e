"""Sources of clean images and of pairs: folders, archives, --inputs; partners; fingerprints equal to an audit's."""

import hashlib
import io
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.audit import make_settings, measure_source, open_run
from symmetry_audit.data import open_source
from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.findings import build_report
from symmetry_audit.tasks import make_task, open_pairs, source_fingerprint
from symmetry_audit.tasks._pairs import Pair, listed, streamed

DERAIN, DENOISE = make_task("derain"), make_task("denoise", sigma=10)


def save(path, value, size=(6, 5)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, 0, 0)).save(path)


@pytest.fixture
def rainy(tmp_path):
    """Three pairs, one of them in a sub-folder, one with another suffix."""
    for at, name in enumerate(("a.png", "b.png", "deep/c.png")):
        save(tmp_path / "set" / "norain" / name, at)
        save(tmp_path / "set" / "rain" / name.replace("b.png", "b.bmp"), 100 + at)
    return tmp_path / "set"


def red(ref) -> int:
    return Image.open(io.BytesIO(ref.read(10**6))).getpixel((0, 0))[0]


def told(pairs) -> list:
    return [(pair.key, red(pair.clean), red(pair.degraded)) for pair in pairs.refs]


ALL = [("a.png", 0, 100), ("b.png", 1, 101), ("deep/c.png", 2, 102)]


def test_every_image_of_an_unpaired_task_is_clean(photos):
    pairs = open_pairs(str(photos), DENOISE)
    assert [pair.key for pair in pairs.refs] == [f"photo_{at}.png" for at in range(4)]
    assert all(pair.degraded is None and pair.clean.path == photos / pair.key for pair in pairs.refs)
    assert (pairs.name, pairs.text) == ("photos", str(photos))


def test_two_folders_make_pairs(rainy):
    assert told(open_pairs(str(rainy), DERAIN)) == ALL


@pytest.mark.parametrize(
    ("clean", "degraded"), [("GT", "input"), ("target", "LQ"), ("clean", "Noisy"), ("hq", "rainy")]
)
def test_folders_go_by_several_names(rainy, clean, degraded):
    (rainy / "norain").rename(rainy / clean)
    (rainy / "rain").rename(rainy / degraded)
    assert told(open_pairs(str(rainy), DERAIN)) == ALL


def test_inputs_name_the_degraded_images(rainy):
    pairs = open_pairs(str(rainy / "norain"), DERAIN, inputs=str(rainy / "rain"))
    assert told(pairs) == ALL
    assert pairs.name == "norain"


def test_partners_may_be_named_after_their_sides(tmp_path, monkeypatch):
    for at in range(12):
        save(tmp_path / f"Rain12/norain/norain-{at:03}.png", at)
        save(tmp_path / f"Rain12/rain/rain-{at:03}.png", 100 + at)
    expected = [(f"norain-{at:03}.png", at, 100 + at) for at in range(12)]
    assert told(open_pairs(str(tmp_path / "Rain12"), DERAIN)) == expected
    monkeypatch.setenv("SYMAUDIT_DATA", str(tmp_path))
    assert told(open_pairs("Rain12", DERAIN, inputs="Rain12:test_rain")) == expected
    save(tmp_path / "Rain12/rain/rain-77.png", 0)
    with pytest.raises(DataError, match=r"1 of 13 images have no partner of the same name: rain-77\.png \(no clean"):
        open_pairs(str(tmp_path / "Rain12"), DERAIN)


@pytest.mark.parametrize("packed", [False, True])
def test_a_clean_image_may_have_several_degraded_ones(tmp_path, packed):
    folder = tmp_path / "set"
    for at in (901, 902):
        save(folder / f"ground_truth/{at}.png", at - 900)
        for kind in (1, 2, 14):
            save(folder / f"rainy_image/{at}_{kind}.png", 10 * (at - 900) + kind)
    sources = [folder / "ground_truth", folder / "rainy_image"]
    if packed:
        sources = [shutil.make_archive(str(source), "zip", source) for source in sources]
    pairs = open_pairs(str(sources[0]), DERAIN, inputs=str(sources[1]))
    expected = [(f"{900 + at}_{kind}.png", at, 10 * at + kind) for at in (1, 2) for kind in (1, 14, 2)]
    assert told(pairs) == expected
    read = [(pair.key, red(pair.clean), red(pair.degraded)) for pair in streamed(pairs.refs)]
    assert sorted(read) == expected
    alone = open_pairs(str(sources[0]), DENOISE)
    assert source_fingerprint(pairs) == source_fingerprint(alone)  # that of an audit of the clean images


def test_the_first_pairs_are_kept(rainy, photos):
    assert told(open_pairs(str(rainy), DERAIN, limit=2)) == ALL[:2]
    assert len(open_pairs(str(photos), DENOISE, limit=3).refs) == 3
    assert len(open_pairs(str(photos), DENOISE, limit=9).refs) == 4


def pack_zip(folder, target, names) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.write(folder / name, f"around/it/{name}")


def pack_tar(folder, target, names) -> None:
    with tarfile.open(target, "w:gz") as archive:
        for name in names:
            archive.add(folder / name, f"./{name}")


@pytest.mark.parametrize(("suffix", "pack"), [("zip", pack_zip), ("tar.gz", pack_tar)])
def test_archives_hold_pairs_too(rainy, tmp_path, suffix, pack):
    names = sorted((path.relative_to(rainy).as_posix() for path in rainy.rglob("*.*")), reverse=True)
    pack(rainy, tmp_path / f"set.{suffix}", names)
    assert told(open_pairs(str(tmp_path / f"set.{suffix}"), DERAIN)) == ALL


def test_images_outside_the_two_folders_are_told(rainy):
    save(rainy / "stray.png", 5)
    save(rainy / "mask" / "a.png", 5)
    pairs = open_pairs(str(rainy), DERAIN)
    assert told(pairs) == ALL
    reason = "outside the folders norain and rain"
    assert [(item.image, item.reason) for item in pairs.skipped] == [("mask/a.png", reason), ("stray.png", reason)]


def test_images_without_partner_are_listed(rainy):
    save(rainy / "norain" / "d.png", 5)
    save(rainy / "rain" / "e.png", 5)
    expected = r"2 of 5 images have no partner of the same name: d.png \(no degraded image\), e.png \(no clean image\)"
    with pytest.raises(DataError, match=expected):
        open_pairs(str(rainy), DERAIN)


def test_long_lists_end():
    assert listed([str(at) for at in range(12)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    assert listed(["a", "b"], "; ") == "a; b"


def test_folders_that_do_not_hold_pairs(rainy, photos):
    with pytest.raises(DataError, match=r"no folder of clean images \(norain, .*\); give the folder that"):
        open_pairs(str(photos), DERAIN)
    (rainy / "rain").rename(rainy / "norain" / "a")
    with pytest.raises(
        DataError, match=r"no folder of clean images .*, but the folders a, deep; give .* with --inputs"
    ):
        open_pairs(str(rainy / "norain"), DERAIN)


def test_a_folder_of_degraded_images_is_missed(rainy):
    (rainy / "rain").rename(rainy / "drops")
    with pytest.raises(
        DataError, match=r"no folder of degraded images \(rain, rainy, .*\), but the folders drops, norain"
    ):
        open_pairs(str(rainy), DERAIN)


def test_several_folders_of_one_side_are_refused(rainy):
    shutil.copytree(rainy / "rain", rainy / "input")
    with pytest.raises(DataError, match="several folders of degraded images, input, rain; keep only one of them"):
        open_pairs(str(rainy), DERAIN)


def test_two_images_of_one_name_are_refused(rainy):
    save(rainy / "rain" / "a.bmp", 3)
    with pytest.raises(
        DataError, match=r"rain\" holds both a.bmp and a.png; remove one of them, so that partners are clear"
    ):
        open_pairs(str(rainy), DERAIN)


def test_an_image_is_not_its_own_partner(photos):
    with pytest.raises(DataError, match=r"photo_0.png is its own degraded image; choose other"):
        open_pairs(str(photos), DERAIN, inputs=str(photos))


def test_settings_that_do_not_fit(photos):
    with pytest.raises(
        SettingError, match="--inputs is for tasks with pairs; denoise degrades the clean images itself"
    ):
        open_pairs(str(photos), DENOISE, inputs=str(photos))
    with pytest.raises(SettingError, match="--limit must be at least 1, got 0"):
        open_pairs(str(photos), DENOISE, limit=0)


# --- fingerprints


def audited(folder, out) -> str:
    """The fingerprint in the report of an audit."""
    source, settings = open_source(str(folder)), make_settings(group="p4", scenario="dataset_strict")
    with open_run(out, source, settings, resume=False, force=False) as journal:
        return build_report(source, settings, measure_source(source, settings, journal)).dataset.fingerprint


def test_fingerprints_are_those_of_audits(photos, tmp_path):
    shutil.copytree(photos, tmp_path / "both" / "clean")
    shutil.copytree(photos, tmp_path / "both" / "noisy")
    expected = audited(photos, tmp_path / "out")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(photos.iterdir())]
    assert expected == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert source_fingerprint(open_pairs(str(photos), DENOISE)) == expected
    assert source_fingerprint(open_pairs(str(tmp_path / "both"), DERAIN)) == expected
    assert source_fingerprint(open_pairs(str(photos), DENOISE, limit=3)) != expected


def test_fingerprints_of_archives_are_in_key_order(photos, tmp_path):
    names = sorted((path.name for path in photos.iterdir()), reverse=True)
    pack_tar(photos, tmp_path / "set.tar.gz", names)
    found = open_pairs(str(tmp_path / "set.tar.gz"), DENOISE)
    lines = [f"{hashlib.sha256((photos / name).read_bytes()).hexdigest()}  {name}\n" for name in sorted(names)]
    assert source_fingerprint(found) == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_a_file_that_cannot_be_read_has_no_fingerprint(photos):
    pairs = open_pairs(str(photos), DENOISE)
    (photos / "photo_2.png").unlink()
    with pytest.raises(DataError, match=r"photo_2.png: cannot be read \(No such file"):
        source_fingerprint(pairs)


# --- reading archives


def test_archives_are_read_in_one_pass(rainy, tmp_path, monkeypatch):
    pack_zip(rainy, tmp_path / "set.zip", [path.relative_to(rainy) for path in rainy.rglob("*.*")])
    pairs = open_pairs(str(tmp_path / "set.zip"), DERAIN)
    opened = []
    real = zipfile.ZipFile.__init__
    monkeypatch.setattr(zipfile.ZipFile, "__init__", lambda *args, **more: (opened.append(1), real(*args, **more))[1])
    found = list(streamed(pairs.refs))
    assert opened == [1]
    assert sorted((pair.key, red(pair.clean), red(pair.degraded)) for pair in found) == ALL
    assert opened == [1]  # the bytes are there


def test_files_and_archives_mix(rainy, tmp_path):
    pack_zip(rainy / "rain", tmp_path / "rain.zip", ["a.png", "b.bmp", "deep/c.png"])
    packed = {ref.member.removeprefix("around/it/"): ref for ref in open_source(str(tmp_path / "rain.zip")).refs}
    clean = {ref.key: ref for ref in open_source(str(rainy / "norain")).refs}
    alone = Pair("alone", clean["a.png"])
    pairs = [Pair("b", clean["b.png"], packed["b.bmp"]), alone, Pair("c", clean["deep/c.png"], packed["deep/c.png"])]
    found = list(streamed(pairs))
    assert found[0] == alone
    assert sorted((pair.key, red(pair.clean), red(pair.degraded)) for pair in found[1:]) == [
        ("b", 1, 101),
        ("c", 2, 102),
    ]


def test_members_that_are_gone_come_without_bytes(rainy, tmp_path):
    pack_tar(rainy / "norain", tmp_path / "set.tar.gz", ["a.png", "b.png"])
    pairs = open_pairs(str(tmp_path / "set.tar.gz"), DENOISE)
    pack_tar(rainy / "norain", tmp_path / "set.tar.gz", ["a.png"])
    assert sorted((pair.key, pair.clean.payload is None) for pair in streamed(pairs.refs)) == [
        ("a.png", False),
        ("b.png", True),
    ]


@pytest.mark.data
def test_rain100l_makes_forty_pairs(shared_data):
    pairs = open_pairs(str(shared_data / "Rain100L" / "train"), DERAIN)
    assert len(pairs.refs) == 40 and not pairs.skipped
    for pair in pairs.refs[:3]:
        assert pair.key == pair.clean.path.name == pair.degraded.path.name
        clean, given = (np.asarray(Image.open(ref.path), float) for ref in pair.refs)
        assert clean.shape == given.shape
        assert (given - clean).mean() > 0.5  # rain is brighter than what it hides


def fill(folder, *names):
    for at, name in enumerate(names):
        save(folder / name, at)
    return str(folder)


LAYOUTS = {  # public layouts: degraded and clean names, in order
    "Rain1400": ("rainy_image/901_1.png", "ground_truth/901.png"),
    "SPA": ("rain/001.png", "gt/001gt.png"),
    "SPA, real": ("real_world/a.png", "real_world_gt/a.png"),
    "GoPro": ("train/G1/blur/1.png", "train/G1/sharp/1.png", "train/G2/blur/1.png", "train/G2/sharp/1.png"),
    "SIDD": (
        "1_S6/1_NOISY_SRGB_010.png",
        "1_S6/1_GT_SRGB_010.png",
        "2_S6/2_NOISY_SRGB_010.png",
        "2_S6/2_GT_SRGB_010.png",
    ),
    "SIDD, small": ("0001/NOISY_SRGB_010.png", "0001/GT_SRGB_010.png"),
    "HR": ("LR/a.png", "HR/a.png"),
    "suffixes": ("set/1_rain.png", "set/1_clean.png"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_benchmarks_are_recognized(tmp_path, layout):
    names = LAYOUTS[layout]
    pairs = open_pairs(fill(tmp_path / "set", *names), DERAIN).refs
    assert [(red(pair.degraded), red(pair.clean)) for pair in pairs] == [(at, at + 1) for at in range(0, len(names), 2)]


def test_a_pattern_says_how_names_belong_together(tmp_path):
    one = fill(tmp_path / "one", "x/in7b.png", "x/out7.png", "x/in8c.png", "x/out8.png")
    found = open_pairs(one, DERAIN, pair_by=r"(.*)in(\d)[a-z] -> \1out\2").refs
    assert [(red(pair.degraded), red(pair.clean)) for pair in found] == [(0, 1), (2, 3)]
    clean, degraded = fill(tmp_path / "c", "7.png", "8.png"), fill(tmp_path / "d", "b7.png", "a8.png")
    found = open_pairs(clean, DERAIN, inputs=degraded, pair_by=r".(\d) -> \1").refs
    assert [(red(pair.degraded), red(pair.clean)) for pair in found] == [(0, 0), (1, 1)]
    with pytest.raises(DataError, match=r"4 of 4 images have no partner .* --pair-by"):
        open_pairs(clean, DERAIN, inputs=degraded, pair_by=r"b(\d) -> x\1")


def test_a_list_says_how_names_belong_together(tmp_path):
    one = fill(tmp_path / "one", "a.png", "b.png", "c.png", "d.png")
    (tmp_path / "pairs.csv").write_text("degraded,clean\nd.png, a.png\n# odd\nb,c.png\n")
    found = open_pairs(one, DERAIN, pair_by=str(tmp_path / "pairs.csv")).refs
    assert [(red(pair.degraded), red(pair.clean)) for pair in found] == [(3, 0), (1, 2)]


@pytest.mark.parametrize(
    ("pair_by", "error"),
    [
        ("(a -> b", r"unterminated subpattern .*; write it as"),
        (r"a -> \1", "invalid group reference 1"),
        ("missing.txt", "missing.txt: No such file .*; give a pattern such as"),
        (r"x(.*) -> \1", "takes none of its 6 names for a degraded image"),
    ],
)
def test_rules_that_cannot_be_used(rainy, pair_by, error):
    with pytest.raises((DataError, SettingError), match=error):
        open_pairs(str(rainy), DERAIN, pair_by=pair_by)


def test_names_that_fit_two_partners_are_refused(tmp_path):
    fill(tmp_path / "set", "rain/rain-1.png", "norain/norain-1.png", "norain/gt-1.png")
    with pytest.raises(DataError, match="rain-1 may belong to gt-1 or to norain-1; say with --pair-by which"):
        open_pairs(str(tmp_path / "set"), DERAIN)
