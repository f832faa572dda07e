"""The text of a manifest -> values, or one line that says what to mend."""

import pytest

from symmetry_audit.data import manifests
from symmetry_audit.errors import SettingError

from .samples import TINY

RAW = 'raw = {width = 3, height = 2, dtype = "int16", byte_order = "little", unit = "HU"}'


def test_parsed_values(tiny):
    assert tiny.split().layouts == (manifests.Layout("tiny/a"), manifests.Layout("a_flat", ("*_HR.png",)))
    assert (tiny.count(tiny.split("two")), tiny.count(tiny.split("both"))) == (2, None)
    assert [tiny.reference(tiny.split(name)) for name in ("a", "B")] == ["tiny", "tiny:b"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("count = 3", "cuont = 3", r'^t.toml, split "a": unknown key \'cuont\'. Did you mean "count"\?$'),
        ("count = 3", RAW.replace("int16", "int8"), "raw: dtype should be one of int16, uint16, .*, not 'int8'"),
        ("count = 3", RAW.replace("HU", "K"), "raw: unit should be one of HU, grey levels, not 'K'"),
        ("count = 3", RAW.replace("width = 3", "width = 0"), "raw: width should be a whole number above 0, not 0"),
        ("count = 3", RAW.replace("width = 3, ", ""), '"width" is missing; add it'),
        ("count = 3", RAW.replace("}", ", spacing = [1]}"), "spacing should be the distances of rows and of columns"),
        ("count = 3", RAW, 'split "both": its parts hold files of different formats; give them the same raw table'),
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
        ('default_split = "a"', 'default_split = "aa"', 'default_split "aa" is not a split. Did you mean "a"'),
        ('name = "tiny"', 'name = "ti ny"', "t.toml: 'ti ny' cannot be a name; use up to 64"),
        ("splits.both", 'splits."x:y"', "a split: 'x:y' cannot be a name"),
        ('licence = "CC0"', "", '^t.toml: "licence" is missing; add it to the manifest$'),
        ("manifest/1", "manifest/9", "schema should be \"symaudit.manifest/1\", not 'symaudit.manifest/9'"),
        ("[splits.a]", "[splits.a", r"^t.toml: not valid TOML \(.*line 8.*\); correct that line$"),
    ],
)
def test_malformed_manifests_say_what_to_mend(old, new, message):
    assert old in TINY
    with pytest.raises(SettingError, match=message) as caught:
        manifests.parse_manifest(TINY.replace(old, new), "t.toml")
    assert "\n" not in str(caught.value)


def test_the_format_of_bare_samples():
    text = TINY.replace('parts = ["a", "b"]', 'layouts = ["c"]').replace("count = 3", f"count = 3\n{RAW}")
    spaced = text.replace('unit = "HU"', 'unit = "grey levels", spacing = [1, 0.5]')
    found = [manifests.parse_manifest(each, "t.toml") for each in (text, spaced)]
    assert found[0].split("a").raw == manifests.RawFormat(3, 2, "int16", "little", "HU")
    assert found[1].raw("two") == manifests.RawFormat(3, 2, "int16", "little", "grey levels", (1.0, 0.5))
    assert found[0].raw("b") is None


def test_references():
    assert manifests.parse_reference("DIV2K") == ("DIV2K", None)
    assert manifests.parse_reference("DIV2K:valid") == ("DIV2K", "valid")


@pytest.mark.parametrize("text", ["", ":valid", "DIV2K:"])
def test_half_a_reference_is_refused(text):
    with pytest.raises(SettingError, match="is not a dataset; write NAME or NAME:split"):
        manifests.parse_reference(text)
