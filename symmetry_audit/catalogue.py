"""The names of methods, networks and presets, and their properties that need no torch.

The command line lists them in its help, and a request is checked against them before torch is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from symmetry_audit.errors import SettingError, suggest

__all__ = [
    "ARMS",
    "BACKBONES",
    "BASELINES",
    "METHODS",
    "PRESETS",
    "TASKS",
    "Arm",
    "Backbone",
    "Method",
    "find_arm",
    "find_backbone",
    "find_method",
]

Found = TypeVar("Found")


@dataclass(frozen=True)
class Method:
    """One method of the literature: its filter basis, its usual window and group, and how its w is found.

    Parameters
    ----------
    title : str
        Its name in papers.
    basis : str
        The filter basis, a name in ``symmetry_audit.layers.BASES``.
    kernel_size : int
        The usual side of its filters in pixels.
    group : str
        The usual group.
    deformation : str
        "none" (w = 1), "learned" (the same for all images) or "sample" (with an offset for each image).

    Examples
    --------
    >>> from symmetry_audit.layers import METHODS
    >>> METHODS["sa"].title, METHODS["sa"].basis, METHODS["sa"].deformation
    ('SA-Conv', 'fourier', 'sample')
    """

    title: str
    basis: str
    kernel_size: int = 5
    group: str = "p8"
    deformation: str = "none"

    @property
    def deformed(self) -> bool:
        """Whether its filters have a trained w."""
        return self.deformation != "none"

    @property
    def adaptive(self) -> bool:
        """Whether a hypernetwork gives every image a w of its own."""
        return self.deformation == "sample"


METHODS: dict[str, Method] = {
    "cnn": Method("CNN", "pixel", 3, "p1"),
    "gcnn": Method("G-CNN", "pixel", 3, "p4"),
    "e2cnn": Method("E2-CNN", "steerable"),
    "harnet": Method("Har-Net", "harmonic"),
    "pdoe": Method("PDO-eConv", "difference"),
    "fconv": Method("F-Conv", "fourier"),
    "bconv": Method("B-Conv", "bicubic"),
    "tl": Method("TL-Conv", "fourier", deformation="learned"),
    "sa": Method("SA-Conv", "fourier", deformation="sample"),
}


@dataclass(frozen=True)
class Backbone:
    """One network structure: the ``module`` whose ``NETWORK`` builds it, and the factors by which it can enlarge.

    ``scales`` are these factors, the default first. ``loss`` is the loss of a network that unrolls stages, which
    compares them one by one. ``inputs`` and ``outputs`` are the channels that it takes and gives; a network that
    ``classifies`` gives logits instead of an image.
    """

    module: str
    scales: tuple[int, ...] = (1,)
    loss: str | None = None
    inputs: int = 3
    outputs: int = 3
    classifies: bool = False

    @property
    def enlarges(self) -> bool:
        """Whether its output can have more pixels than its input."""
        return max(self.scales) > 1


ENLARGING = (2, 1, 3, 4)
BACKBONES: dict[str, Backbone] = {
    "edsr": Backbone("symmetry_audit.nets._edsr", ENLARGING),
    "rdn": Backbone("symmetry_audit.nets._rdn", ENLARGING),
    "rcan": Backbone("symmetry_audit.nets._rcan", ENLARGING),
    "resnet": Backbone("symmetry_audit.nets._edsr"),
    "rcdnet": Backbone("symmetry_audit.nets._rcdnet", loss="stages"),
    "unet": Backbone("symmetry_audit.nets._unet"),
    "dicdnet": Backbone("symmetry_audit.nets._dicdnet", loss="mar", outputs=1),
    "acdnet": Backbone("symmetry_audit.nets._acdnet", loss="mar", outputs=1),
    "oscnet": Backbone("symmetry_audit.nets._oscnet", loss="mar", outputs=1),
    "oscnet+": Backbone("symmetry_audit.nets._oscnet_plus", loss="mar", outputs=1),
    "classifier": Backbone("symmetry_audit.nets._classifier", classifies=True),
}
# task -> the module whose TASK it is
TASKS: dict[str, str] = {
    "sr": "symmetry_audit.tasks._super_resolution",
    "denoise": "symmetry_audit.tasks._denoising",
    "derain": "symmetry_audit.tasks._deraining",
    "inpaint": "symmetry_audit.tasks._inpainting",
    "mar": "symmetry_audit.tasks._metal",
    "classify": "symmetry_audit.tasks._classification",
}
# what restores without a network: of the tasks that have it
BASELINES = ("bicubic", "identity", "li", "nmar")
# as published, quirks included; for an hour on one GPU; for minutes on a CPU
PRESETS = ("paper", "small", "tiny")


@dataclass(frozen=True)
class Arm:
    """One way to train in a pilot: method and group of the network, its relaxation, and how patches are augmented."""

    name: str
    method: str = "cnn"
    group: str | None = None
    augment: str = "none"
    relax: float | None = None


# In the order of preference where arms are equal: the cheaper step (1 for the first four, relaxed 1.2 and p8 1.9 times
# that on a processor), then the larger group, and a group that is built in before one that is learned.
ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("p4", "gcnn", "p4"),
        Arm("augmented", augment="flips+turns"),
        Arm("mirrored", augment="hflip"),
        Arm("plain"),
        Arm("relaxed", "gcnn", "p4", relax=0.1),
        Arm("p8", "fconv", "p8"),
    )
}


def find_arm(name: str) -> Arm:
    """The arm ``name`` of ``ARMS``. Raises SettingError for another name."""
    return _find("arm", name, ARMS)


def find_method(name: str) -> Method:
    """The method ``name`` of ``METHODS``. Raises SettingError for another name."""
    return _find("method", name, METHODS)


def find_backbone(name: str) -> Backbone:
    """The network ``name`` of ``BACKBONES``. Raises SettingError for another name."""
    return _find("backbone", name, BACKBONES)


def _find(kind: str, name: str, known: Mapping[str, Found]) -> Found:
    if name not in known:
        raise SettingError(f'no {kind} is called "{name}".{suggest(str(name), known)}')
    return known[name]
