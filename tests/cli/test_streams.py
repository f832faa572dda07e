"""Where the program runs: narrow encodings, streams that are closed, a notebook's matplotlib."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

PREPARED = "from symmetry_audit.cli.streams import prepare_streams; prepare_streams()\nimport os, sys\n"


def python(*words, closed="", **variables):
    """Run Python with streams ``closed`` as a shell writes it, before it starts."""
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, *words]
    return subprocess.run(command, env=os.environ | variables, capture_output=True)


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("ascii", b"epsilon 1 <= 2\\xb2 sigma \\u68ee \\ud800"),
        ("latin-1", b"epsilon 1 <= 2\xb2 sigma \\u68ee \\ud800"),
        ("cp1252", b"epsilon 1 <= 2\xb2 sigma \\u68ee \\ud800"),
        ("utf-8", "ε 1 ≤ 2² σ 森 \\ud800".encode()),
    ],
)
def test_what_an_encoding_cannot_hold_is_spelt(encoding, said):
    """Greek letters by name, other scripts as escapes: no letter is lost, and no error ends the run."""
    text = "for file in (sys.stdout, sys.stderr): print('ε 1 ≤ 2² σ 森 \\ud800', end='', file=file)"
    found = python("-c", PREPARED + text, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert (found.stdout, found.stderr) == (said, said)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "2</dev/null", "<&- >&- 2>&-"])
def test_a_closed_stream_takes_what_is_written_and_no_file_gets_its_number(closed):
    text = "print(1); print(2, file=sys.stderr); assert not sys.stderr.isatty(); os._exit(os.open('/dev/null', 0))"
    found = python("-c", PREPARED + text, closed=closed)
    assert found.returncode > 2, found.stderr
    assert (found.stderr == b"2\n") == ("2" not in closed)


def test_streams_of_the_calling_program_stay_its_own():
    code = "from symmetry_audit.cli.main import main; import io, sys; sys.stdout = own = io.StringIO()\n"
    code += "try: main(['--version'])\nexcept SystemExit: sys.__stdout__.write(own.getvalue())"
    assert python("-c", code).stdout.startswith(b"symaudit, version")


def test_a_run_without_stderr_in_a_narrow_locale_and_a_notebook(tmp_path):
    """A kernel's MPLBACKEND names a module that this environment need not have."""
    pixels = np.random.default_rng(0).integers(0, 256, (80, 80), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "森.png")
    words = f"measure {tmp_path} --group p4 --reg tv --scenario dataset_strict --out {tmp_path}/r".split()
    surroundings = {"MPLBACKEND": "module://not_there.backend_inline", "PYTHONIOENCODING": "latin-1"}
    found = python("-m", "symmetry_audit.cli", *words, closed="2>&-", **surroundings)
    assert found.returncode == 0
    assert b"Relative epsilon" in found.stdout
    assert (tmp_path / "r" / "figure2.png").is_file()
