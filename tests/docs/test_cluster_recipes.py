"""The recipes of the documentation, run as they stand: srun, ssh and queues are stand-ins that start the same programs
on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import save_photos

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="shell scripts")]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "measure-on-many-machines.md"
SRUN = '#!/bin/bash\n"$@" & "$@" & wait\n'  # two tasks
SSH = '#!/bin/bash\nshift; exec bash -c "$*"\n'  # on this host


@pytest.fixture
def machine(tmp_path: Path, rng):
    """A folder with photos, the report of one process, and a function that runs a script there."""
    save_photos(tmp_path / "photos", rng, count=6)
    tools = tmp_path / "bin"
    tools.mkdir()
    # partitions of two names, where the recipe's command decides them
    script = Path(__file__).resolve().parents[1] / "workers" / "small_partitions.py"
    programs = {
        "srun": SRUN,
        "ssh": SSH,
        "symaudit": f'#!/bin/bash\nexec {sys.executable} {script} 2 "$@"\n',
        "dask": f'#!/bin/bash\nexec {sys.executable} -m dask "$@"\n',
    }
    for name, text in programs.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    env = {name: value for name, value in os.environ.items() if not name.startswith("SYMAUDIT_")}
    paths = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    env |= {"PATH": f"{tools}:{env['PATH']}", "PYTHONPATH": os.pathsep.join(paths), "SYMAUDIT_MEASURE_GROUP": "p4"}
    env |= {"SYMAUDIT_MEASURE_SCENARIO": "dataset_strict", "SYMAUDIT_MEASURE_REG": "tv"}

    def run(text: str, **variables: str) -> None:
        subprocess.run(["bash", "-c", text], cwd=tmp_path, env=env | variables, check=True, timeout=300)

    run("symaudit measure photos/ --out whole -q")
    return tmp_path, run


def block(heading: str, language: str = "bash") -> str:
    found = re.search(
        rf"^#+ {re.escape(heading)}\n.*?```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    assert found, heading
    return found[1]


def report(folder: Path) -> bytes:
    return (folder / "report.json").read_bytes()


@pytest.mark.parametrize("heading", ["SLURM", "Plain ssh"])
def test_a_cluster_gives_the_report_of_one_process(machine, heading) -> None:
    folder, run = machine
    run(block(heading), SLURM_JOB_ID="17")
    assert report(folder / "audit") == report(folder / "whole")
    assert len(list((folder / "audit" / "records").iterdir())) == 3


def test_an_array_and_its_merge_give_the_report_of_one_process(machine) -> None:
    folder, run = machine
    for task in range(1, 4):
        run(block("SLURM arrays"), SLURM_ARRAY_TASK_ID=str(task), SLURM_ARRAY_TASK_COUNT="3")
    run("symaudit merge symaudit-photos-part-*-of-3")
    assert report(folder / "symaudit-photos") == report(folder / "whole")


def test_an_indexed_job_and_its_merge_give_the_report_of_one_process(machine) -> None:
    folder, run = machine
    found = re.search(r"command: \[bash, -c, '(.*)'\]", block("Kubernetes", "yaml"))
    assert found
    command = found[1].replace("/data/photos", "photos").replace("/8", "/3")
    for index in range(3):
        run(command, JOB_COMPLETION_INDEX=str(index))
    run("symaudit merge symaudit-photos-part-*-of-3")
    assert report(folder / "symaudit-photos") == report(folder / "whole")
