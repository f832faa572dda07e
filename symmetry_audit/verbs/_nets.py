"""``nets``: the networks that can be trained, with their parameters and costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from symmetry_audit.catalogue import BACKBONES, METHODS
from symmetry_audit.options import Names, Option, Options
from symmetry_audit.verbs._verb import verb

__all__ = ["NetsRequest", "NetworkCost", "nets"]


class NetsRequest(Options):
    """The options of ``nets``."""

    backbone: Annotated[
        Names, Option(f"Network structures: {', '.join(BACKBONES)}.", default="all", complete=lambda: BACKBONES)
    ] = ()
    method: Annotated[
        Names, Option(f"Kinds of convolution: {', '.join(METHODS)}.", default="all", complete=lambda: METHODS)
    ] = ()
    preset: Annotated[
        Literal["paper", "small", "tiny"],
        Option("Size of the networks. paper: as published; small: trains in an hour on one GPU; tiny: for a CPU."),
    ] = "small"
    scale: Annotated[
        int | None,
        Ge(1),
        Le(4),
        Option("Factor by which edsr, rdn and rcan enlarge; it is 1 for the others.", default="2"),
    ] = None
    size: Annotated[int, Ge(1), Option("Side in px of the image that the costs are for.")] = 48


@dataclass(frozen=True)
class NetworkCost:
    """The costs of one network; multiply-adds and bytes kept by a training step are for ``size`` x ``size`` px."""

    backbone: str
    method: str
    preset: str
    scale: int
    size: int
    group: str
    parameters: int
    trainable: int
    multiply_adds: int
    activation_bytes: int


@verb(NetsRequest)
def nets(request: NetsRequest) -> Iterator[NetworkCost]:
    """Every backbone with every method, and its costs, one after another.

    Parameters
    ----------
    backbone, method
        Names; by default all.
    preset, scale, size
        Size of the networks; factor of enlargement; side of the image in px.

    Raises
    ------
    SettingError
        If a name is unknown, or if a backbone asked for by name cannot have the scale.

    Examples
    --------
    >>> from symmetry_audit.verbs import nets
    >>> next(nets(backbone="edsr", method="cnn", preset="paper")).parameters
    21847067
    """
    from symmetry_audit.nets import costs, presets_of, scales_of

    for backbone in request.backbone or BACKBONES:
        if not request.backbone and request.preset not in presets_of(backbone):
            continue
        scale = request.scale
        if not request.backbone and scale not in scales_of(backbone):
            scale = None  # a backbone that does not enlarge has scale 1 only
        for method in request.method or METHODS:
            cost = costs(backbone, method, request.preset, scale, request.size)
            yield NetworkCost(
                backbone=backbone,
                method=method,
                preset=request.preset,
                scale=scale or scales_of(backbone)[0],
                size=request.size,
                group=METHODS[method].group,
                parameters=cost.parameters,
                trainable=cost.trainable,
                multiply_adds=cost.multiply_adds,
                activation_bytes=cost.activation_bytes,
            )
