"""Training on two machines: two agents on loopback, with working folders, images and caches of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from symmetry_audit.checkpoints import load_checkpoint
from symmetry_audit.training._log import read_log

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")]

LENGTH = ["--steps", "60", "--validate-every", "30", "--save-every", "5", "--log-every", "7", "--warmup", "0"]
RUN = ["--task", "denoise", "--sigma", "25", "--preset", "tiny", "--conv", "cnn", "--batch", "4", "--patch", "32"]


@pytest.fixture
def machines(images: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """Working folders, each with its own copy of the images."""
    for name in ("a", "b"):
        for folder in images:
            shutil.copytree(folder, tmp_path / name / folder.name)
    return tmp_path / "a", tmp_path / "b"


def command(out: str, *launch: str) -> list[str]:
    files = ["--data", "train", "--valid", "valid", "--out", out, "--cache-folder", "cache"]
    return [sys.executable, *launch, "-m", "symmetry_audit.cli", "train", *RUN, *LENGTH, *files]


def environment() -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("SYMAUDIT_")}
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)  # absolute, for other working folders
    return env | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(map(os.path.abspath, paths))}


def start(machines: tuple[Path, Path], out: str) -> list[subprocess.Popen[str]]:
    """One agent with one process on each machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    agents = []
    for rank, folder in enumerate(machines):
        launch = ["--nnodes=2", f"--node-rank={rank}", "--nproc-per-node=1", "--master-addr=127.0.0.1"]
        agent = command(out, "-m", "torch.distributed.run", *launch, f"--master-port={port}")
        agents.append(subprocess.Popen(agent, cwd=folder, env=environment(), text=True, stderr=subprocess.PIPE))
    return agents


def finish(agents: list[subprocess.Popen[str]]) -> list[str]:
    """Their messages, once all have ended."""
    return [agent.communicate(timeout=240)[1] for agent in agents]


def kill_processes(agents: list[subprocess.Popen[str]]) -> None:
    """What the agents have started dies without a word; the agents then end by themselves."""
    for agent in agents:
        for child in Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)


def test_both_machines_killed_and_started_again(machines):
    first = machines[0]
    whole = start(machines, "whole")
    messages = finish(whole)
    assert [agent.returncode for agent in whole] == [0, 0], messages
    agents = start(machines, "run")
    while not (first / "run" / "last.safetensors").is_file():
        assert agents[0].poll() is None
        time.sleep(0.01)
    kill_processes(agents)
    finish(agents)
    assert all(agent.returncode != 0 for agent in agents)
    assert load_checkpoint(first / "run" / "last.safetensors").card.step < 60

    shutil.copytree(first / "run", first / "alone", ignore=shutil.ignore_patterns(".lock"))
    again = start(machines, "run")
    messages = finish(again)
    assert [agent.returncode for agent in again] == [0, 0], messages
    assert "continuing after step" in messages[0]
    logs = [[{**row, "seconds": ""} for row in read_log(first / name / "log.csv")] for name in ("whole", "run")]
    assert logs[0] == logs[1]
    assert logs[0][-1]["step"] == "60"
    ends = [load_checkpoint(first / name / "last.safetensors").weights for name in ("whole", "run")]
    assert ends[0] and all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())
    assert not (machines[1] / "run").exists()  # one machine writes

    # one process continues the run of two: in fp32 its sums differ in last bits
    alone = subprocess.run(command("alone"), cwd=first, env=environment(), capture_output=True, text=True, timeout=240)
    assert alone.returncode == 0, alone.stderr
    losses = [[float(row["loss"]) for row in read_log(first / name / "log.csv")] for name in ("whole", "alone")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_other_images_on_one_machine(machines):
    next((machines[1] / "train").iterdir()).unlink()
    agents = start(machines, "run")
    messages = finish(agents)
    assert all(agent.returncode != 0 for agent in agents)
    for message in messages:
        assert "process 1 has another run than process 0 (other training images)" in message
        assert "Traceback (most recent call last)" not in message.split("process 1 has another run")[0]
    assert not list((machines[0] / "run").glob("*.safetensors"))
