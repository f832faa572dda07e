"""``nets``: the networks that can be trained, with their parameters and costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Literal

from annotated_types import Ge, Le

from symmetry_audit.catalogue import BACKBONES, METHODS, find_backbone
from symmetry_audit.options import Names, Option, Options
from symmetry_audit.verbs._network_costs import NetworkCost, stored_costs
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


@verb(NetsRequest)
def nets(request: NetsRequest) -> Iterator[NetworkCost]:
    """Every backbone with every method, and its costs, one after another.

    Costs at the default scale and size are read from a table, others are counted.

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
    for backbone in request.backbone or BACKBONES:
        if not request.backbone and not _exists(backbone, request.preset):
            continue
        scales = find_backbone(backbone).scales
        # a backbone that does not enlarge has scale 1 only
        scale = request.scale if request.backbone or request.scale in scales else None
        for method in request.method or METHODS:
            key = backbone, method, request.preset, scale or scales[0], request.size
            yield stored_costs().get(key) or _counted(*key)


def _exists(backbone: str, preset: str) -> bool:
    """Whether ``backbone`` has the ``preset``; the table names all presets of those that it names."""
    presets = {stored.preset for stored in stored_costs().values() if stored.backbone == backbone}
    if presets:
        return preset in presets
    from symmetry_audit.nets import presets_of

    return preset in presets_of(backbone)


def _counted(backbone: str, method: str, preset: str, scale: int, size: int) -> NetworkCost:
    from symmetry_audit.nets import costs

    found = costs(backbone, method, preset, scale, size)
    return NetworkCost(backbone, method, preset, scale, size, METHODS[method].group, **asdict(found))
