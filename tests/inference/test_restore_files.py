"""Where restored files go, and what is in them: depth, grey, orientation, formats, one bad file among good ones."""

from __future__ import annotations

import io
import json
import os
import tarfile

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import nn

from symmetry_audit.data import open_source
from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.inference import RECORD, claimed, planned, restore_files


class Brighter(nn.Module):
    """Adds 10, 20 and 30 levels to red, green and blue, and enlarges."""

    def __init__(self, scale: int = 1) -> None:
        super().__init__()
        self.levels = nn.Parameter(torch.tensor([10.0, 20.0, 30.0]).view(1, 3, 1, 1))
        self.scale = scale

    def forward(self, x):
        return (x + self.levels).repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)


SHIFT = np.array([10, 20, 30])
SETTINGS = {"tile": None, "overlap": 0, "self_ensemble": False, "device": "cpu"}


def image(rng, *shape, dtype=np.uint8):
    top = 200 * (257 if dtype == np.uint16 else 1)
    return rng.integers(0, top, shape or (9, 12, 3), dtype=dtype)


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3)).save(path)


def plan(text, out, root=None):
    """Results by input, as text relative to ``out``."""
    found = planned(open_source(str(text)), out)
    return {ref.key: target.relative_to(out).as_posix() for ref, target in found.items()}


def run(text, out, network=None, progress=lambda count: None):
    source = open_source(str(text))
    return restore_files(network or Brighter(), source, planned(source, out), SETTINGS, progress)[:2]


def test_relative_paths_and_suffixes(tmp_path):
    touch(tmp_path / "in", "a.png", "sub/b.JPG", "sub/deep/c.TIF", "d.webp", "e.bmp")
    assert plan(tmp_path / "in", tmp_path / "out") == {
        **{"a.png": "a.png", "d.webp": "d.png", "e.bmp": "e.png"},
        **{"sub/b.JPG": "sub/b.png", "sub/deep/c.TIF": "sub/deep/c.TIF"},
    }
    assert not (tmp_path / "out").exists()


def test_names_that_would_meet(tmp_path):
    touch(tmp_path / "in", "a.png", "a.jpg", "a.webp", "B.png", "b.jpg", "c.jpg")
    assert plan(tmp_path / "in", tmp_path / "out") == {
        **{"a.png": "a.png", "a.jpg": "a.jpg.png", "a.webp": "a.webp.png"},
        **{"B.png": "B.png", "b.jpg": "b.jpg.png", "c.jpg": "c.png"},
    }
    touch(tmp_path / "in", "a.jpg.png")
    with pytest.raises(DataError, match=r"2 images would be written to a\.jpg\.png; restore them one by one"):
        plan(tmp_path / "in", tmp_path / "out")


def test_globs_keep_what_lies_below_their_fixed_part(tmp_path, monkeypatch):
    touch(tmp_path / "in", "x/a.png", "y/b.png")
    expected = {"x/a.png", "y/b.png"}
    assert set(plan(f"{tmp_path}/in/*/*.png", tmp_path / "out").values()) == expected
    monkeypatch.chdir(tmp_path)
    assert set(plan("in/**/*.png", tmp_path / "out").values()) == expected
    assert set(plan("i*/x/*.png", tmp_path / "out").values()) == {"in/x/a.png"}
    monkeypatch.chdir(tmp_path / "in" / "x")
    assert set(plan("../y/*.png", tmp_path / "out").values()) == {"b.png"}
    assert set(plan("*.png", tmp_path / "out").values()) == {"a.png"}


def test_lists_cannot_lead_out_of_the_results(tmp_path):
    touch(tmp_path, "one/a.png", "two/b.png", "lists/c.png")
    text = f"../one/a.png\n{tmp_path}/two/b.png\nc.png\n"
    (tmp_path / "lists" / "all.txt").write_text(text, encoding="utf-8")
    found = set(plan(tmp_path / "lists" / "all.txt", tmp_path / "out").values())
    assert found == {"one/a.png", f"{tmp_path}/two/b.png".lstrip("/"), "c.png"}


def test_results_inside_the_source_are_no_input(tmp_path):
    touch(tmp_path / "in", "a.png", "out/a.png", "out/old.png")
    assert plan(tmp_path / "in", tmp_path / "in" / "out") == {"a.png": "a.png"}
    assert list(plan(f"{tmp_path}/in/**/*.png", tmp_path / "in" / "out").values()) == ["a.png"]
    touch(tmp_path / "other", "out/a.png")
    with pytest.raises(
        DataError,
        match=r'all images of ".*other" are in ".*out", the folder for the results; choose another folder for -o',
    ):
        plan(tmp_path / "other", tmp_path / "other" / "out")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    assert plan(tmp_path / "link", tmp_path / "in" / "out") == {"a.png": "a.png"}


def test_a_source_inside_the_results_stays_as_it_is(tmp_path):
    touch(tmp_path / "all", "in/a.png")
    assert plan(tmp_path / "all" / "in", tmp_path / "all") == {"a.png": "a.png"}


def test_no_input_is_overwritten(tmp_path, monkeypatch):
    touch(tmp_path / "in", "a.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match='"in" is the folder of the images themselves; choose another folder for -o'):
        plan(tmp_path / "in", tmp_path.__class__("in"))
    for text, out in ((tmp_path / "in" / "a.png", tmp_path / "in"), (tmp_path / "in" / "a.png", tmp_path / "in/a.png")):
        with pytest.raises(SettingError, match=r"a\.png is one of the images to restore \(a\.png would overwrite it\)"):
            planned(open_source(str(text)), out)


def test_one_file_may_go_to_one_file(tmp_path):
    touch(tmp_path / "in", "a.jpg", "b.jpg")
    one = open_source(str(tmp_path / "in" / "a.jpg"))
    assert list(planned(one, tmp_path / "x.tif").values()) == [tmp_path / "x.tif"]
    assert list(planned(one, tmp_path / "new").values()) == [tmp_path / "new" / "a.png"]
    assert list(planned(one, tmp_path / "v1.5").values()) == [tmp_path / "v1.5" / "a.png"]
    (tmp_path / "folder.png").mkdir()
    assert list(planned(one, tmp_path / "folder.png").values()) == [tmp_path / "folder.png" / "a.png"]
    with pytest.raises(SettingError, match=r'restored images are written as \.png, \.tif, \.tiff, got ".*x\.jpg"'):
        planned(one, tmp_path / "x.jpg")
    many = open_source(str(tmp_path / "in"))
    with pytest.raises(SettingError, match=r'x\.png" is a file name, but ".*in" is not a single image; give a folder'):
        planned(many, tmp_path / "x.png")


def test_depth_grey_and_format_are_kept(tmp_path, rng):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    rgb8, rgb16 = image(rng), image(rng, 9, 12, 3, dtype=np.uint16)
    grey8, grey16 = image(rng, 9, 12), image(rng, 9, 12, dtype=np.uint16)
    Image.fromarray(rgb8).save(folder / "rgb8.png")
    Image.fromarray(grey8).save(folder / "grey8.png")
    Image.fromarray(grey16).save(folder / "grey16.png")
    tifffile.imwrite(folder / "rgb16.tif", rgb16, photometric="rgb")
    tifffile.imwrite(folder / "grey8.tiff", grey8)
    done, skipped = run(folder, out)
    assert len(done) == 5 and not skipped
    np.testing.assert_array_equal(np.asarray(Image.open(out / "rgb8.png")), rgb8 + SHIFT)
    np.testing.assert_array_equal(np.asarray(Image.open(out / "grey8.png")), grey8 + 20)
    with Image.open(out / "grey16.png") as file:
        assert file.mode == "I;16"
    np.testing.assert_array_equal(np.asarray(Image.open(out / "grey16.png")), grey16 + 20 * 257)
    np.testing.assert_array_equal(tifffile.imread(out / "rgb16.tif"), rgb16 + SHIFT * 257)
    np.testing.assert_array_equal(tifffile.imread(out / "grey8.tiff"), grey8 + 20)
    with tifffile.TiffFile(out / "rgb16.tif") as file:
        assert file.pages[0].photometric.name == "RGB" and file.pages[0].compression.name == "ADOBE_DEFLATE"


def test_png_of_16_bits_in_colour(tmp_path, rng):
    import imagecodecs

    pixels = image(rng, 7, 5, 3, dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(pixels))
    run(tmp_path / "a.png", tmp_path / "b.png")
    header = (tmp_path / "b.png").read_bytes()[:26]
    assert header[24:26] == bytes([16, 2])  # bit depth, truecolour
    np.testing.assert_array_equal(imagecodecs.png_decode((tmp_path / "b.png").read_bytes()), pixels + SHIFT * 257)


def test_enlarging(tmp_path, rng):
    pixels = image(rng)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    run(tmp_path / "a.png", tmp_path / "b.png", Brighter(2))
    expected = (pixels + SHIFT).repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "b.png")), expected)


def test_upright_and_without_alpha(tmp_path, rng):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    pixels = image(rng)
    exif = Image.Exif()
    exif[274] = 6  # the camera was turned: upright is a quarter turn clockwise from what is stored
    Image.fromarray(pixels).save(folder / "turned.png", exif=exif)
    Image.fromarray(np.dstack([pixels, pixels[..., :1].clip(1)])).save(folder / "alpha.png")
    done, _ = run(folder, out)
    np.testing.assert_array_equal(np.asarray(Image.open(out / "turned.png")), np.rot90(pixels, -1) + SHIFT)
    with Image.open(out / "turned.png") as file:
        assert file.getexif().get(274, 1) == 1
    np.testing.assert_array_equal(np.asarray(Image.open(out / "alpha.png")), pixels + SHIFT)
    assert {item.image: item.alpha_dropped for item in done} == {"alpha.png": True, "turned.png": False}


def test_a_bad_file_does_not_stop_the_others(tmp_path, rng):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in "ac":
        Image.fromarray(image(rng)).save(folder / f"{name}.png")
    (folder / "b.png").write_bytes(b"no image")
    Image.fromarray(rng.normal(size=(4, 4)).astype(np.float32)).save(folder / "d.tif")
    counts = []
    done, skipped = run(folder, out, progress=counts.append)
    assert [item.image for item in done] == ["a.png", "c.png"]
    assert [item.image for item in skipped] == ["b.png", "d.tif"]
    assert "not a readable" in skipped[0].reason and "float32 samples" in skipped[1].reason
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "c.png"]
    assert counts == [0, 1, 2, 3, 4]
    assert all(item.seconds > 0 for item in done) and done[0].file == (out / "a.png").as_posix()


def test_a_network_that_fails_on_an_image_leaves_it_out(tmp_path, rng):
    class Picky(Brighter):
        def forward(self, x):
            if x.shape[-1] == 5:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
            return super().forward(x) * (np.nan if x.shape[-1] == 6 else 1)

    folder = tmp_path / "in"
    folder.mkdir()
    for width in (4, 5, 6):
        Image.fromarray(image(rng, 4, width, 3)).save(folder / f"{width}.png")
    done, skipped = run(folder, tmp_path / "out", Picky())
    assert [item.image for item in done] == ["4.png"]
    assert skipped[0].reason == "not enough memory for this image; restore it in tiles, such as --tile 256"
    assert skipped[1].reason.startswith("the network returned NaN")


def test_other_errors_of_a_network_are_not_swallowed(tmp_path, rng):
    Image.fromarray(image(rng)).save(tmp_path / "a.png")
    with pytest.raises(RuntimeError, match="Given groups=1"):
        run(tmp_path / "a.png", tmp_path / "b.png", nn.Conv2d(1, 3, 1))


def test_archives(tmp_path, rng):
    pixels = {name: image(rng) for name in ("z.png", "sub/a.png")}
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz") as archive:
        for name, one in pixels.items():
            file = io.BytesIO()
            Image.fromarray(one).save(file, "PNG")
            member = tarfile.TarInfo(name)
            member.size = file.tell()
            file.seek(0)
            archive.addfile(member, file)
    done, skipped = run(tmp_path / "set.tar.gz", tmp_path / "out")
    assert len(done) == 2 and not skipped
    for name, one in pixels.items():
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / name)), one + SHIFT)


def test_nothing_can_be_written(tmp_path):
    touch(tmp_path / "in", "a.png")
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(DataError, match=r"cannot write .*out/a\.png"):
        run(tmp_path / "in", tmp_path / "out")


def test_a_folder_belongs_to_one_network(tmp_path):
    touch(tmp_path / "in", "a.png", "b.png")
    out = tmp_path / "out"
    targets = planned(open_source(str(tmp_path / "in")), out)
    with claimed(out, targets, {"network": "one"}, force=False):
        pass
    assert json.loads((out / RECORD).read_text(encoding="utf-8")) == {"network": "one"}
    with claimed(out, targets, {"network": "two"}, force=False):  # nothing was restored yet
        pass
    touch(out, "a.png")
    stamp = os.stat(out / RECORD).st_mtime_ns
    with claimed(out, targets, {"network": "two"}, force=False):
        pass
    assert os.stat(out / RECORD).st_mtime_ns == stamp
    with (
        pytest.raises(
            DataError,
            match=r"a\.png already exists, and another network, or the same one with other settings, wrote it; choose",
        ),
        claimed(out, targets, {"network": "one"}, force=False),
    ):
        pass
    with claimed(out, targets, {"network": "one"}, force=True):
        pass
    assert json.loads((out / RECORD).read_text(encoding="utf-8")) == {"network": "one"}
    (out / RECORD).write_text("{", encoding="utf-8")
    with (
        pytest.raises(DataError, match="already exists, and there is no record of which network wrote it"),
        claimed(out, targets, {"network": "one"}, force=False),
    ):
        pass


def redo(source, out, record=None, *, force=False):
    """The files that one more run restores."""
    opened = open_source(str(source))
    targets = planned(opened, out)
    with claimed(out, targets, record or {"network": "one"}, force=force) as results:
        done, _, kept = restore_files(Brighter(), opened, targets, SETTINGS, lambda count: None, results)
    assert kept + len(done) == len(targets)
    return [item.image for item in done]


@pytest.mark.parametrize("change", ["nothing", "input", "touched", "empty", "gone", "of another", "damaged record"])
def test_what_is_restored_again(tmp_path, rng, change):
    """By content: another input of an old name, and a result that is not the one that was written."""
    touch(tmp_path / "in", "a.png", "b.png")
    out = tmp_path / "out"
    assert redo(tmp_path / "in", out) == ["a.png", "b.png"]
    if change == "input":
        stamp = os.stat(tmp_path / "in/a.png")
        Image.fromarray(image(rng, 3, 4, 3)).save(tmp_path / "in/a.png")
        os.utime(tmp_path / "in/a.png", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    elif change == "touched":
        os.utime(tmp_path / "in/a.png", ns=(0, 0))
    elif change == "empty":
        (out / "a.png").write_bytes(b"")
    elif change == "gone":
        (out / "a.png").unlink()
    elif change == "of another":
        (out / "a.png").write_bytes((tmp_path / "in/a.png").read_bytes())
    elif change == "damaged record":
        lines = (out / "restoration.jsonl").read_bytes()
        (out / "restoration.jsonl").write_bytes(lines.replace(b"a.png", b"c.png"))
    assert redo(tmp_path / "in", out) == ([] if change in ("nothing", "touched") else ["a.png"])
    np.testing.assert_array_equal(
        np.asarray(Image.open(out / "a.png")).astype(int), np.asarray(Image.open(tmp_path / "in/a.png")) + SHIFT
    )
    assert redo(tmp_path / "in", out) == []


def test_a_killed_takeover_leaves_nothing_of_the_first_network(tmp_path):
    """--force claims the folder for the second network; what the first one left does not count as its work."""
    touch(tmp_path / "in", "a.png", "b.png")
    out = tmp_path / "out"
    redo(tmp_path / "in", out)
    with claimed(out, planned(open_source(str(tmp_path / "in")), out), {"network": "two"}, force=True):
        pass  # killed before the first image
    assert redo(tmp_path / "in", out, {"network": "two"}) == ["a.png", "b.png"]


def test_one_process_at_a_time_writes_into_a_folder(tmp_path):
    touch(tmp_path / "in", "a.png")
    targets = planned(open_source(str(tmp_path / "in")), tmp_path / "out")
    with (
        claimed(tmp_path / "out", targets, {"network": "one"}, force=False),
        pytest.raises(DataError, match=r"another process writes images into \S+out; wait for it or choose another -o"),
        claimed(tmp_path / "out", targets, {"network": "two"}, force=True),
    ):
        pass
    assert json.loads((tmp_path / "out" / RECORD).read_text(encoding="utf-8")) == {"network": "one"}
