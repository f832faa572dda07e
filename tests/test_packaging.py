"""What is installed is what is in the tree, and the source distribution is the tree."""

from __future__ import annotations

import configparser
import re
import subprocess
from fnmatch import fnmatch
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
# package -> its folder; all other packages lie below these
PLACES = {
    "symmetry_audit": "symmetry_audit",
    "symmetry_audit.cli": "cli",
    "symmetry_audit.data_manifests": "data_manifests",
}


def setup() -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.read(ROOT / "setup.cfg")
    return found


def index_page() -> str:
    """What a package index shows."""
    return (ROOT / setup()["metadata"]["long_description"].removeprefix("file: ")).read_text(encoding="utf-8")


def pairs(text: str) -> dict[str, str]:
    """The lines "name = value" of an option."""
    return dict(re.split(r"\s*=\s*", line) for line in text.strip().splitlines())


def packages(root: Path) -> set[str]:
    """Every folder of Python files below ``PLACES``, by the name under which it is imported."""
    found = set()
    for name, place in PLACES.items():
        for path in (root / place).rglob("*.py"):
            found.add(".".join((name, *path.parent.relative_to(root / place).parts)))
    return found


def packed(manifest: str, file: str) -> bool:
    """Whether ``file`` is in a source distribution by MANIFEST.in: the subset of its language that ours uses."""
    inside = False
    for line in manifest.splitlines():
        command, *words = line.split() or ("#",)
        if command == "include":
            inside |= any(fnmatch(file, word) and word.count("/") == file.count("/") for word in words)
        elif command == "graft":
            inside |= any(file.startswith(f"{word}/") for word in words)
        elif command == "prune":
            inside &= not any(file.startswith(f"{word}/") for word in words)
        elif command == "global-exclude":
            inside &= not any(fnmatch(Path(file).name, word) for word in words)
        else:
            assert command.startswith("#"), f"{command} is not read by this test"
    return inside


def test_every_package_is_listed_in_setup_cfg() -> None:
    assert set(setup()["options"]["packages"].split()) == packages(ROOT)


def test_every_package_has_its_init() -> None:
    folders = {path.parent for place in PLACES.values() for path in (ROOT / place).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_packages_are_where_setup_cfg_says() -> None:
    assert pairs(setup()["options"]["package_dir"]) == PLACES


@pytest.mark.parametrize("place", ["cli/verbs", "data_manifests/more", "symmetry_audit/layers/more"])
def test_a_new_package_is_seen(tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "new.py").touch()
    name = place.replace("/", ".")
    assert packages(tmp_path) == {name if name.startswith("symmetry_audit") else f"symmetry_audit.{name}"}


def test_types_manifests_and_tables_are_installed() -> None:
    assert (ROOT / "symmetry_audit" / "py.typed").is_file()
    assert dict(setup()["options.package_data"]) == {
        "symmetry_audit": "py.typed",
        "symmetry_audit.data_manifests": "*.toml",
        "symmetry_audit.reports.pages": "templates/*",
        "symmetry_audit.tomography": "*.csv",
        "symmetry_audit.verbs": "*.csv",
    }


def test_the_source_distribution_is_complete() -> None:
    """Also the dotfiles, so that this test and its neighbours pass in an unpacked one."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: there is no list of files to compare with")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    manifest = (ROOT / "MANIFEST.in").read_text(encoding="utf-8")
    assert [file for file in tracked.split("\0") if file and not packed(manifest, file)] == []


def test_what_a_manifest_leaves_out_is_found_out() -> None:
    manifest = "# ours\ninclude README.md *.txt\ngraft tests\nglobal-exclude *.py[cod]\nprune tests/tmp\n"
    inside = [
        *("README.md", "a.txt", "docs/a.txt", "docs/README.md"),
        *("tests/a.py", "tests/b/c.json", "tests/a.pyc", "tests/tmp/a.py", "testsuite/a.py"),
    ]
    assert [file for file in inside if packed(manifest, file)] == ["README.md", "a.txt", "tests/a.py", "tests/b/c.json"]


def test_the_index_page_needs_no_other_file() -> None:
    """A package index shows this page alone: pictures and relative links would be broken there."""
    page = index_page()
    assert "![" not in page
    assert "<img" not in page
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert all(link.startswith("https://") for link in links)


def test_the_index_page_names_commands_that_exist() -> None:
    from symmetry_audit.cli.main import VERBS

    page = index_page()
    commands = set(re.findall(r"^    symaudit (\w+)", page, re.MULTILINE)) - {"COMMAND"}
    assert commands
    assert commands <= set(VERBS)


def test_the_versions_agree() -> None:
    version = setup()["metadata"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {version} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_hosted_runs_do_what_the_readme_says() -> None:
    """Each job is `make test` alone, on the oldest and the newest Python of the classifiers."""
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert re.findall(r"run: (.*)", workflow) == ["make test PYTHON=python"]
    claimed = re.findall(r"Python :: (3\.\d+)", setup()["metadata"]["classifiers"])
    assert [f'"{claimed[0]}"', f'"{claimed[-1]}"'] == re.findall(r'"3\.\d+"', workflow)
    assert setup()["options"]["python_requires"] == f">={claimed[0]}"


def pins() -> dict[str, str]:
    """The versions in constraints.txt by the normal form of their names."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (re.split("==| ;", line)[:2] for line in lines)}


def requirements(text: str) -> list[Requirement]:
    return [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]


def test_every_requirement_has_a_pin_that_satisfies_it() -> None:
    options = setup()
    asked = requirements(options["options"]["install_requires"])
    asked += [one for text in options["options.extras_require"].values() for one in requirements(text)]
    known = pins()
    assert [one.name for one in asked if canonicalize_name(one.name) not in known] == []
    assert [str(one) for one in asked if known[canonicalize_name(one.name)] not in one.specifier] == []


def test_what_requirements_need_in_turn_is_pinned_too() -> None:
    """By the metadata of the packages that are installed here, not by the tool that wrote the pins."""
    left = [one for one in requirements(setup()["options"]["install_requires"])]
    seen: set[str] = set()
    while left:
        name = canonicalize_name(left.pop().name)
        if name not in seen:
            seen.add(name)
            further = map(Requirement, requires(name) or ())
            left += [one for one in further if one.marker is None or one.marker.evaluate({"extra": ""})]
    assert {"sympy", "pydantic-core"} < seen
    assert seen - pins().keys() == set()


def test_the_floors_exclude_versions_with_known_holes() -> None:
    """The last versions that read hostile files unsafely, by the advisories that SECURITY.md names."""
    asked = requirements("\n".join((setup()["options"]["install_requires"], setup()["options.extras_require"]["onnx"])))
    floors = {one.name: one.specifier for one in asked}
    for name, unsafe in {"torch": "2.9.1", "pillow": "12.1.1", "onnx": "1.20.1", "onnxruntime": "1.23.2"}.items():
        assert unsafe not in floors[name]
