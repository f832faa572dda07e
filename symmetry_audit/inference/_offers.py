"""What to give in place of something that is no network."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from symmetry_audit.inference._network_files import holds_script
from symmetry_audit.inference._python_files import builders
from symmetry_audit.inference._weights import holds_weights

__all__ = ["is_script", "what_to_give"]

WEIGHTS = (".pth", ".ckpt", ".bin", ".tar")
SHOWN = 5


def is_script(path: Path) -> bool:
    """Whether ``path`` is a TorchScript archive with the suffix of weights; nothing in it runs."""
    return path.suffix.lower() in WEIGHTS and path.is_file() and holds_script(path)


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
