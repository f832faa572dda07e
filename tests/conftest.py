"""Fixtures that every folder of tests shares."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
collect_ignore = ["typing_examples.py"]  # for the type checker: it is read, never run

# an example may take longer than the default 0.2 s: machines may be busy
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow; run with --slow"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images (Set5/HR, BSD100/HR, ...); skips the test where it is absent."""
    folder = Path(os.environ.get("SYMAUDIT_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "Set5" / "HR").is_dir():
        pytest.skip("real images absent; set SYMAUDIT_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def cuda() -> str:
    """The CUDA device; skips the test where there is none."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return "cuda"


@pytest.fixture(scope="module")
def undrawn() -> Iterator[None]:
    """Reports without figures, which take longer than what these tests measure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("symmetry_audit.reports.render", lambda folder: ())
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260513)


def smooth_noise(rng: np.random.Generator, height: int, width: int, exponent: float = 1.0) -> np.ndarray:
    """An isotropic field with amplitude spectrum 1 / |k|^exponent, in [0, 255], (height, width) float64."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(height, width))) / frequency**exponent, (height, width))
    return 255 * (field - field.min()) / np.ptp(field)


def save_photos(folder: Path, rng: np.random.Generator, count: int = 4, size: tuple[int, int] = (64, 56)) -> Path:
    """``count`` small grey-to-colour PNG files of smooth noise, photo_0.png onwards."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        planes = [smooth_noise(rng, *size) for _ in range(3)]
        Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8)).save(folder / f"photo_{index}.png")
    return folder


@pytest.fixture
def photos(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A folder of four small photographs."""
    return save_photos(tmp_path / "photos", rng)


@pytest.fixture
def symaudit(tmp_path: Path):
    """Run the real command in a process of its own, in tmp_path, without SYMAUDIT_* variables."""

    def run(*args: object, env: dict[str, str] | None = None, **options: object) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("SYMAUDIT_")}
        command = [sys.executable, "-m", "symmetry_audit.cli", *map(str, args)]
        settings = {"capture_output": True, "text": True, "cwd": tmp_path, "timeout": 240, **options}
        return subprocess.run(command, env=clean | (env or {}), **settings)

    return run
