"""Finding a manifest by name, and what that costs to import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from symmetry_audit.data import manifests
from symmetry_audit.errors import SettingError

from .samples import TINY, fill


def test_unknown_names_get_the_nearest_one():
    with pytest.raises(SettingError, match=r'unknown dataset "urban10". Did you mean "Urban100"'):
        manifests.load_manifest("urban10")
    with pytest.raises(SettingError, match=r'DIV2K has no split "vald". Did you mean "valid"'):
        manifests.load_manifest("DIV2K").split("vald")


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


def test_the_package_imports_the_standard_library_and_a_few_light_modules_only():
    names = set()
    for file in Path(manifests.__file__).parent.glob("*.py"):
        body = ast.parse(file.read_text()).body
        names |= {node.module for node in body if isinstance(node, ast.ImportFrom)}
        names |= {alias.name for node in body if isinstance(node, ast.Import) for alias in node.names}
    others = {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}
    others = {name for name in others if not name.startswith("symmetry_audit.data.manifests.")}
    own = {"symmetry_audit.data._raw_format", "symmetry_audit.data._walk"}
    assert others == {*own, "symmetry_audit.errors", "symmetry_audit.files"}


def test_manifests_are_loaded_without_numpy_and_the_decoders():
    code = (
        "import sys; from symmetry_audit.data import manifests; "
        "assert manifests.load_manifest('DIV2K') and manifests.available(); "
        "heavy = {'numpy', 'PIL', 'imagecodecs', 'tifffile', 'torch'} & set(sys.modules); "
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
