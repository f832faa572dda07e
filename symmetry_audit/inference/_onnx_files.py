"""Networks from ONNX files, run by onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from symmetry_audit.errors import ModelError, one_line
from symmetry_audit.inference._network_files import FileNetwork, check_file, checked_shape

__all__ = ["read_onnx"]


def read_onnx(path: Path, *, trust: bool = False) -> FileNetwork:
    """Runs no code of the file's author, so ``trust`` does not matter. Weights outside its folder are refused unread.

    Raises ModelError, also where onnx or onnxruntime is not installed.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError:
        raise ModelError(f"{path} needs the packages onnx and onnxruntime: pip install onnx onnxruntime") from None
    check_file(path)
    _check_locations(onnx, path)
    session = _Session(onnxruntime, path)
    inputs, outputs = session.of("cpu").get_inputs(), session.of("cpu").get_outputs()
    shape = checked_shape(path, [value.shape for value in inputs], len(outputs))
    if inputs[0].type != "tensor(float)":
        raise ModelError(f"{path} takes {inputs[0].type}, expected tensor(float); export it with float32 inputs")
    return FileNetwork(session, shape)


class _Session:
    """The onnxruntime sessions of one file, one for each kind of device: float32 in and out."""

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
            raise ModelError(f"{self._path} {_fault(str(error))}") from None


def _check_locations(onnx: Any, path: Path) -> None:
    """Raise ModelError for weights in files outside the folder of the network; none of them is opened.

    onnxruntime looks at most tensors, not at sparse ones.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's errors have no common class
        raise ModelError(f"{path} {_fault(str(error))}") from None
    folders = {os.path.realpath(path.parent), os.path.dirname(os.path.realpath(path))}  # a link may lead into a cache
    for location in _locations(model):
        place = os.path.realpath(path.parent / location)
        if os.path.isabs(location) or not any(place.startswith(folder + os.sep) for folder in folders):
            raise ModelError(
                f"{path} keeps weights outside its own folder ({location}), which is refused; put them beside the "
                "network and export it again"
            )


def _locations(message: Any) -> Iterator[str]:
    """The files that any tensor in a protobuf ``message`` names, those of sparse tensors and inner graphs too."""
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE:
            continue
        for item in [value] if hasattr(value, "ListFields") else value:
            if field.name == "external_data" and item.key == "location":
                yield item.value
            yield from _locations(item)


def _fault(text: str) -> str:
    """What onnxruntime's message ``text`` means, and what to do."""
    if "External data path" in text:
        said = one_line(ValueError(text[text.rfind("External data path") :]))
        return f"lacks a file of its weights ({said}); copy it beside the network"
    if "No Op registered" in text:
        said = one_line(ValueError(text[text.rfind("No Op registered") :]))
        return f"uses an operation that onnxruntime does not know ({said}); export it with operations of ONNX itself"
    if "Opset" in text or "Unsupported model IR version" in text:
        return "is of a newer ONNX than this onnxruntime reads; update onnxruntime, or export a lower opset"
    return f"is truncated or not an ONNX file ({one_line(ValueError(text))}); export it again"
