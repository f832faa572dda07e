"""Every command of the README, typed as it is printed, in its order, in one folder of small pictures."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from symmetry_audit.cli.main import main
from tests.conftest import save_photos, smooth_noise
from tests.test_readme import README, ROOT

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# what would take minutes; all else runs as printed
CUTS = {
    "--fit joint": "--fit joint --no-controls",
    "--steps 3000": "--steps 2",
    "--minutes 5": "--minutes 5 --steps 2",
}
NETWORK = """from torch import nn


def denoiser():
    return nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect")
"""
WRITTEN = [
    *(f"symaudit-{name}/report.json" for name in ("photos", "tiles", "tifs", "BSD100")),
    *(
        "symaudit-photos/report.html",
        "symaudit-photos/figure2.png",
        "symaudit-fits-photos/affine.parquet",
        "symaudit-pilot-photos/pilot.json",
    ),
    *("denoiser/best.safetensors", "noisy/photo_0.png", "restored/photo_0.png", "alignment.png"),
]


def lines() -> Iterator[tuple[str, str]]:
    """The language and text of each thing to run: a line of a console or shell block, a whole Python block.

    Blocks that show what a command prints, "$ symaudit ...", are replayed by test_readme.py.
    """
    for language, text in BLOCK.findall(README):
        if not text.startswith("$ "):
            yield from [(language, text)] if language == "python" else ((language, line) for line in text.splitlines())


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the README's reader has: photographs, tiles in class folders, TIFF files, two known datasets, a network."""
    small = (64, 64)
    save_photos(tmp_path / "photos", rng, 10, size=small)
    for name in ("field", "river"):
        save_photos(tmp_path / "tiles" / name, rng, 5, size=small)
    for name, count in (("BSD100", 100), ("Set14", 14)):
        save_photos(tmp_path / "datasets" / name / "HR", rng, count, size=small)
    for name in ("a", "b"):
        (tmp_path / "tifs" / name).mkdir(parents=True)
        Image.fromarray(smooth_noise(rng, *small).astype(np.uint8)).save(tmp_path / "tifs" / name / "scan.tif")
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "nets.py").write_text(NETWORK)
    torch.save(blur().state_dict(), tmp_path / "net.pth")
    for name in [name for name in os.environ if name.startswith("SYMAUDIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SYMAUDIT_DATA", str(tmp_path / "datasets"))
    for verb in ("MEASURE", "FIT_AFFINE"):  # no processes to start for so few pictures
        monkeypatch.setenv(f"SYMAUDIT_{verb}_WORKERS", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blur() -> nn.Module:
    """A mean of three by three pixels: it raises the PSNR of a noisy picture, as a network that works does."""
    net = nn.Conv2d(3, 3, 3)
    with torch.no_grad():
        net.weight.copy_(torch.eye(3)[:, :, None, None].expand(3, 3, 3, 3) / 9)
        nn.init.zeros_(net.bias)
    return net


def typed(line: str) -> list[str]:
    for printed, short in CUTS.items():
        line = line.replace(printed, short)
    program, *words = shlex.split(line, comments=True)
    assert program == "symaudit", line
    return words


def test_every_command_runs_in_order(folder: Path) -> None:
    run: dict[str, Callable[[str], None]] = {"console": symaudit, "python": lambda text: exec(text, {}), "sh": exists}
    for language, text in lines():
        run[language](text)
    assert [name for name in WRITTEN if not (folder / name).is_file()] == []
    assert [cut for cut in CUTS if cut not in README] == []


def symaudit(line: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(typed(line))
    assert stop.value.code == 0, line


def exists(line: str) -> None:
    """The README's reader has done this already: only look whether the Makefile has the target."""
    target = re.match(r"make (\w+)", line)
    assert line.startswith("git clone") or (target and f"\n{target[1]}: " in (ROOT / "Makefile").read_text()), line


def test_a_command_that_fails_is_found_out(folder: Path) -> None:
    with pytest.raises(AssertionError, match="symaudit-BSD100-HR"):
        symaudit("symaudit recommend symaudit-BSD100-HR")
    with pytest.raises(AssertionError, match="make dmeo"):
        exists("make dmeo")
