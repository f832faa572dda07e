"""Options of a network to be trained."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from symmetry_audit.catalogue import BACKBONES, METHODS
from symmetry_audit.options._option import Option, Options

__all__ = ["NetworkOptions"]


class NetworkOptions(Options):
    """Which network."""

    heading: ClassVar[str] = "Network"

    backbone: Annotated[
        str | None,
        Option(
            f"Network: {', '.join(BACKBONES)}.",
            default="edsr, resnet or rcdnet by the task",
            complete=lambda: BACKBONES,
        ),
    ] = None
    method: Annotated[
        str | None,
        Option(
            f"Kind of convolution: {', '.join(METHODS)}.",
            default="from the report, or cnn",
            names=("--conv",),
            complete=lambda: METHODS,
        ),
    ] = None
    group: Annotated[
        str | None, Option("pT for T rotations, pTm with mirrors.", default="from the report, or the method's own")
    ] = None
    preset: Annotated[
        Literal["paper", "small", "tiny"],
        Option("Size. paper: as published; small: an hour of one GPU; tiny: for a processor."),
    ] = "small"
    basis: Annotated[str | None, Option("Filter basis in place of the method's own.")] = None
