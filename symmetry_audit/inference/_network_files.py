"""Networks from files that hold the whole computation: TorchScript and torch.export."""

from __future__ import annotations

import logging
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from symmetry_audit.errors import ModelError, one_line

__all__ = ["FileNetwork", "check_file", "checked_shape", "holds_script", "read_export", "read_torchscript"]

ANY = (None, None, None, None)
_DYNAMIC = "export it with dynamic sizes"


class FileNetwork(nn.Module):
    """A computation ``run`` from a file, for arrays of shape ``shape``, None for any number.

    It takes and gives images (N, C, H, W), also where the file has channels last (N, H, W, C), which its shape shows.
    It only has the mode that it was saved in, and a copy is the same object. Raises ModelError for images of another
    shape.
    """

    def __init__(self, run: Callable[[Tensor], Tensor], shape: Sequence[int | None] = ANY) -> None:
        super().__init__()
        self.run = run
        self.channels_last = shape[1] not in (1, 3) and shape[3] in (1, 3)
        self.takes = tuple(shape[index] for index in ((0, 3, 1, 2) if self.channels_last else range(4)))
        for part in self.modules():  # exported programs refuse eval()
            part.training = False

    def __deepcopy__(self, memo: object) -> FileNetwork:
        return self  # some runners cannot be copied, and none of them can be changed

    def sides(self, usual: int) -> tuple[int, int]:
        """Height and width of an image that it accepts: ``usual`` if any size will do."""
        return self.takes[2] or usual, self.takes[3] or usual

    def train(self, mode: bool = True) -> FileNetwork:
        """Do nothing: there is no other mode."""
        return self

    def forward(self, x: Tensor) -> Tensor:
        square = self.takes[2] is not None and self.takes[2] == self.takes[3]
        remedy = f"give --crop {self.takes[2]}, or export it with dynamic sizes" if square else _DYNAMIC
        for name, size, index in (("channels", x.shape[1], 1), ("rows", x.shape[2], 2), ("columns", x.shape[3], 3)):
            if self.takes[index] not in (None, size):
                raise ModelError(
                    f"the network's file only accepts images of {self.takes[index]} {name}, got {size}; "
                    f"{_DYNAMIC if index == 1 else remedy}"
                )
        if self.takes[0] is None:
            return self._ran(x)
        results = [self._ran(image) for image in x.split(1)]
        return torch.cat(results) if len(results) > 1 else results[0]

    def _ran(self, x: Tensor) -> Tensor:
        try:
            if not self.channels_last:
                return self.run(x)
            return self.run(x.permute(0, 2, 3, 1).contiguous()).permute(0, 3, 1, 2)
        except Exception as error:  # errors of three libraries, without a common class
            if "memory" in str(error):
                raise
            raise ModelError(
                f"the network's file failed on images of shape {tuple(x.shape)} ({one_line(error)}); "
                "give it images of the size that it was exported for"
            ) from None


def read_torchscript(path: Path, *, trust: bool = False) -> FileNetwork:
    """Runs the file's own code, which can read and write files, and therefore needs ``trust``. Raises ModelError."""
    check_file(path)
    if not holds_script(path):  # nothing but a whole archive is given to torch, which reads further formats
        raise ModelError(
            f"{path} is truncated or not a TorchScript file; if it holds weights, give the code that builds the "
            f"network: path/file.py:name --weights {path}"
        )
    _check_trust(path, "TorchScript", trust=trust)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a deprecation of all of torch.jit
            network = torch.jit.load(path, map_location="cpu")
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(
            f"{path} is a damaged TorchScript file, or one of another torch ({one_line(error)}); save it again"
        ) from None
    return FileNetwork(network)


def read_export(path: Path, *, trust: bool = False) -> FileNetwork:
    """Can run code that the file holds, as :func:`torch.export.load` says, and needs ``trust``. Raises ModelError."""
    check_file(path)
    if zipfile.is_zipfile(path):
        _check_trust(path, "torch.export", trust=trust)
    try:
        with _silent("torch.export"):
            if not zipfile.is_zipfile(path):
                raise ValueError("not a zip archive, or truncated")
            program = torch.export.load(path)
        network = program.module()
    except Exception as error:  # torch raises many types for damaged files
        # torch refers to its log, which would be a traceback
        reason = "an archive of another kind" if "warnings above" in str(error) else one_line(error)
        raise ModelError(
            f"{path} is truncated or not a torch.export file ({reason}); save it again with this version of torch"
        ) from None
    names = set(program.graph_signature.user_inputs)
    inputs = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    shapes = [getattr(value, "shape", ()) for value in inputs]
    takes = checked_shape(path, shapes, len(program.graph_signature.user_outputs))
    return FileNetwork(network, takes)


def holds_script(path: Path) -> bool:
    """Whether ``path`` is a TorchScript archive; nothing in it runs."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _check_trust(path: Path, what: str, *, trust: bool) -> None:
    if not trust:
        raise ModelError(
            f"{path} is a {what} file, which can run its author's code, write files included; if you trust its author, "
            "give --trust (trust=True)"
        )


def check_file(path: Path) -> None:
    """Raise ModelError where there is no file."""
    if not path.is_file():
        raise ModelError(f"there is no file {path}; give a network")


def checked_shape(path: Path, inputs: Sequence[Sequence[object]], outputs: int) -> tuple[int | None, ...]:
    """The shape of the one input, None for dynamic sizes. Raises ModelError."""
    if len(inputs) != 1 or outputs != 1:
        raise ModelError(
            f"{path} has {len(inputs)} inputs and {outputs} outputs, expected one image in and one image out"
        )
    takes = tuple(size if type(size) is int else None for size in inputs[0])
    if len(takes) != 4 or takes[0] not in (None, 1):
        raise ModelError(f"{path} takes arrays of shape {takes}, expected one image (1, C, H, W) or any number")
    return takes


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Silence the logger ``name``."""
    logger = logging.getLogger(name)
    logger.disabled, before = True, logger.disabled
    try:
        yield
    finally:
        logger.disabled = before
