"""What to give in place of something that is no network."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from symmetry_audit.inference._factories import holds_weights
from symmetry_audit.inference._python_files import builders

__all__ = ["is_script", "what_to_give"]

WEIGHTS = (".pth", ".ckpt", ".bin", ".tar")
SHOWN = 5


def is_script(path: Path) -> bool:
    """Whether ``path`` is a TorchScript archive with the suffix of weights; nothing in it runs."""
    if path.suffix.lower() not in WEIGHTS or not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def what_to_give(text: str, suffixes: Iterable[str]) -> str:
    """A clause for ``text``, which is no network; ``suffixes`` are those of files that hold one."""
    path, suffix = Path(text), Path(text).suffix.lower()
    if path.is_file() and suffix == ".py":
        names = ", ".join(f"{text}:{name}" for name in builders(path)[:SHOWN])
        return f"say what in it builds the network{f', one of {names}' if names else f': {text}:name'}"
    if path.is_file() and suffix in WEIGHTS:
        if holds_weights(path):
            return f"it holds weights alone; give the code that builds the network: path/file.py:name --weights {text}"
        return (
            "it is damaged, or a pickled object, which could run code and is therefore refused; save its weights, "
            'torch.save(network.state_dict(), "weights.pth"), and give path/file.py:name --weights weights.pth'
        )
    known = ", ".join(suffixes)
    absent = "there is no such file; " if suffix in (*WEIGHTS, ".py") else ""
    return (
        f"{absent}give the folder of a training run, a file ({known}), or package.module:factory or "
        "path/file.py:factory with its --weights"
    )
