"""Networks from files that hold the whole computation: TorchScript, torch.export and ONNX."""

from __future__ import annotations

import logging
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from symmetry_audit.errors import ModelError, one_line

__all__ = ["FileNetwork", "read_export", "read_onnx", "read_torchscript"]

ANY = (None, None, None, None)


class FileNetwork(nn.Module):
    """A computation ``run`` from a file, for images of shape ``takes`` (N, C, H, W), None for any number.

    It only has the mode that it was saved in, and a copy is the same object. Raises ModelError for images of another
    shape.
    """

    def __init__(self, run: Callable[[Tensor], Tensor], takes: Sequence[int | None] = ANY) -> None:
        super().__init__()
        self.run, self.takes = run, tuple(takes)
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
        for name, size, index in (("channels", x.shape[1], 1), ("rows", x.shape[2], 2), ("columns", x.shape[3], 3)):
            if self.takes[index] not in (None, size):
                raise ModelError(
                    f"the network's file only accepts images of {self.takes[index]} {name}, got {size}; "
                    "export it with dynamic sizes"
                )
        if self.takes[0] is None:
            return self._ran(x)
        results = [self._ran(image) for image in x.split(1)]
        return torch.cat(results) if len(results) > 1 else results[0]

    def _ran(self, x: Tensor) -> Tensor:
        try:
            return self.run(x)
        except Exception as error:  # errors of three libraries, without a common class
            if "memory" in str(error):
                raise
            raise ModelError(
                f"the network's file failed on images of shape {tuple(x.shape)} ({one_line(error)}); "
                "give it images of the size that it was exported for"
            ) from None


def read_torchscript(path: Path) -> FileNetwork:
    """Runs no Python. Raises ModelError."""
    _check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a deprecation of all of torch.jit
            network = torch.jit.load(path, map_location="cpu")
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(
            f"{path} is truncated or not a TorchScript file ({one_line(error)}); if it holds weights, give the code "
            f"that builds the network: path/file.py:name --weights {path}"
        ) from None
    return FileNetwork(network)


def read_export(path: Path) -> FileNetwork:
    """Can run code that the file holds, as :func:`torch.export.load` says. Raises ModelError."""
    _check_file(path)
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
    takes = _checked(path, shapes, len(program.graph_signature.user_outputs))
    return FileNetwork(network, takes)


def read_onnx(path: Path) -> FileNetwork:
    """Runs no Python. Raises ModelError, also if onnxruntime is not installed."""
    try:
        import onnxruntime
    except ImportError:
        raise ModelError(f"{path} needs the package onnxruntime: pip install onnxruntime") from None
    _check_file(path)
    session = _Session(onnxruntime, path)
    inputs, outputs = session.of("cpu").get_inputs(), session.of("cpu").get_outputs()
    takes = _checked(path, [value.shape for value in inputs], len(outputs))
    if inputs[0].type != "tensor(float)":
        raise ModelError(f"{path} takes {inputs[0].type}, expected tensor(float); export it with float32 inputs")
    return FileNetwork(session, takes)


class _Session:
    """The onnxruntime sessions of one file, one for each kind of device: (N, C, H, W) float32 in and out."""

    def __init__(self, runtime: Any, path: Path) -> None:
        self._runtime, self._path, self._sessions = runtime, path, {}

    def __call__(self, x: Tensor) -> Tensor:
        session = self.of(x.device.type)
        (result,) = session.run(None, {session.get_inputs()[0].name: x.detach().float().cpu().numpy()})
        return torch.from_numpy(result).to(x.device)

    def of(self, device: str) -> Any:
        if device not in self._sessions:
            self._sessions[device] = self._opened(device)
        return self._sessions[device]

    def _opened(self, device: str) -> Any:
        wanted = [f"{device.upper()}ExecutionProvider", "CPUExecutionProvider"]
        there = self._runtime.get_available_providers()
        try:
            return self._runtime.InferenceSession(
                str(self._path), providers=[name for name in dict.fromkeys(wanted) if name in there]
            )
        except Exception as error:  # onnxruntime's errors have no common class
            raise ModelError(
                f"{self._path} is truncated or not an ONNX file ({one_line(error)}); export it again"
            ) from None


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"there is no file {path}; give a network")


def _checked(path: Path, inputs: Sequence[Sequence[object]], outputs: int) -> tuple[int | None, ...]:
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
