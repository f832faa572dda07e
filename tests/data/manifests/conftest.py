"""Every test here has a folder of its own for the user's manifests."""

import pytest

from symmetry_audit.data import manifests

from .samples import TINY


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMAUDIT_MANIFESTS", str(tmp_path / "manifests"))
    monkeypatch.delenv("SYMAUDIT_DATA", raising=False)


@pytest.fixture
def tiny():
    return manifests.parse_manifest(TINY, "tiny.toml")
