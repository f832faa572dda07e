"""Options of the network to train."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from symmetry_audit.catalogue import BACKBONES, METHODS
from symmetry_audit.options._option import Option, Options

__all__ = ["NetworkOptions"]


class NetworkOptions(Options):
    """The network to train."""

    heading: ClassVar[str] = "Network"

    backbone: Annotated[
        str | None,
        Option(
            f"Network structure: {', '.join(BACKBONES)}.",
            default="edsr, resnet, rcdnet or classifier, depending on the task; unet with --self-supervised",
            complete=lambda: BACKBONES,
        ),
    ] = None
    method: Annotated[
        str | None,
        Option(
            f"Kind of convolution: {', '.join(METHODS)}.",
            default="the report's, or cnn",
            names=("--conv",),
            complete=lambda: METHODS,
        ),
    ] = None
    group: Annotated[
        str | None,
        Option("Group: pT for T rotations, pTm with mirrors too.", default="the report's, or the method's usual group"),
    ] = None
    preset: Annotated[
        Literal["paper", "small", "tiny"],
        Option("Size of the network. paper: as published; small: trains in an hour on one GPU; tiny: for a CPU."),
    ] = "small"
    partial: Annotated[
        bool,
        Option("Learn which elements of the group each layer keeps (Partial G-CNN); for the network classifier."),
    ] = False
    basis: Annotated[str | None, Option("Filter basis to use instead of the method's own.")] = None
