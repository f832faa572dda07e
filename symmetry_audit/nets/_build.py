"""Networks by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch import nn

from symmetry_audit.catalogue import BACKBONES, PRESETS, find_backbone, find_method
from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.groups import Affine, Group
from symmetry_audit.layers import Layers, kept_elements
from symmetry_audit.nets._plan import Network, Plan, Size

__all__ = ["architecture_of", "build", "presets_of", "scales_of", "size_of", "smallest_side"]

CLASSES = 10  # of a classifier that is not told how many


def build(
    backbone: str,
    method: str = "cnn",
    *,
    preset: str = "small",
    scale: int | None = None,
    group: Group | str | None = None,
    basis: str | None = None,
    start: Affine | None = None,
    relaxed: bool = False,
    classes: int | None = None,
    partial: bool = False,
) -> nn.Module:
    """A network from images (N, 3, H, W) in 0..255 to (N, 3, scale H, scale W), 0..255, unclipped.

    Networks against metal artefacts (acdnet, dicdnet, oscnet, oscnet+) take a corrupted CT image, one whose metal trace
    was interpolated (LI), and a mask, 0 on metal and 1 elsewhere, to one restored image (N, 1, H, W). Called with
    ``stages=True``, networks that unroll stages (rcdnet and these) give ``Stages``. A classifier gives logits
    (N, classes); ``classes`` is 10 by default.

    ``backbone`` is one of ``BACKBONES``, ``method`` one of ``METHODS``, ``preset`` one of ``PRESETS``. "paper" is the
    published network with its quirks. "small" and "tiny" have the same structure and the same width in channels for all
    methods, are equivariant from end to end, and start close to interpolation; ``size_of`` gives their sizes.
    ``scale`` is 2 by default, but 1 for networks that cannot enlarge, such as resnet (the denoiser) and rcdnet.
    ``group`` and ``basis`` are the method's own by default, except that TL and SA of the preset "paper" have their
    published basis. ``start`` is the initial shared w of TL and SA. ``relaxed`` adds a free filter to every equivariant
    layer (see ``EquivariantConv2d``). ``partial`` adds a ``PartialGate`` wherever the network has a place for one, as
    the classifier has.

    The network has five attributes: ``scale``; ``smallest``, the smallest side of an image in pixels; ``inputs`` and
    ``outputs``, the channels that it takes and gives; and ``architecture``, a dictionary for JSON.
    ``build(**architecture)`` makes the same network again, with w at its usual start. Raises SettingError for unknown
    names and for settings that do not fit together.
    """
    size, record = size_of(backbone, preset), _network(backbone)
    scale = _checked_scale(backbone, scale)
    if basis is None and preset == "paper" and find_method(method).deformed:
        basis = record.published_basis
    classes = _checked_classes(backbone, classes)
    options = {"basis": basis, "start": start, "relaxed": relaxed, "partial": partial}
    layers = Layers(method, group, preset="paper" if preset == "paper" else "shared", **options)
    network = record.make(Plan(method, layers, size, scale, classes))
    if partial and not kept_elements(network):
        raise SettingError(f"{backbone} has no gates on its group axis; use classifier, or remove --partial")
    architecture = {
        **{"backbone": backbone, "method": method, "preset": preset, "scale": scale},
        **{"group": str(layers.group), "basis": layers.basis, "relaxed": relaxed},
        **({"classes": classes} if classes else {}),
        **({"partial": True} if partial else {}),
    }
    # a Module takes any attribute, but declares that it takes parameters and parts alone
    vars(network).update(
        scale=scale,
        smallest=smallest_side(network),
        inputs=find_backbone(backbone).inputs,
        outputs=find_backbone(backbone).outputs,
        architecture=architecture,
    )
    return network


def scales_of(backbone: str) -> tuple[int, ...]:
    """The factors by which a backbone can enlarge, its default first."""
    return find_backbone(backbone).scales


def presets_of(backbone: str) -> tuple[str, ...]:
    """The presets that a backbone has, the largest first. Raises SettingError for an unknown name."""
    return tuple(preset for preset in PRESETS if preset in _network(backbone).sizes)


def size_of(backbone: str, preset: str) -> Size:
    """The size of ``backbone`` under ``preset``; every backbone has ``channels``, its width.

    Raises SettingError for unknown names and for a preset that the backbone does not have.
    """
    sizes = _network(backbone).sizes
    if preset not in PRESETS:
        raise SettingError(f'no preset is called "{preset}".{suggest(preset, PRESETS)}')
    if preset not in sizes:
        raise SettingError(f'{backbone} has no preset "{preset}"; choose {" or ".join(presets_of(backbone))}')
    return sizes[preset]


def _network(backbone: str) -> Network:
    return import_module(find_backbone(backbone).module).NETWORK


def _checked_scale(backbone: str, scale: int | None) -> int:
    """``scale`` if the backbone can have it, its default for None. Raises SettingError."""
    scales = scales_of(backbone)
    if scale is None:
        return scales[0]
    if not isinstance(scale, int) or scale not in scales:
        *others, last = (name for name, entry in BACKBONES.items() if entry.enlarges)
        hint = "" if len(scales) > 1 else f"; {', '.join(others)} and {last} enlarge"
        raise SettingError(f"{backbone} has scale {' or '.join(map(str, sorted(scales)))}, got {scale!r}{hint}")
    return scale


def _checked_classes(backbone: str, classes: int | None) -> int:
    """``classes`` of a classifier, its default for None; 0 for other networks. Raises SettingError."""
    if not find_backbone(backbone).classifies:
        if classes:
            raise SettingError(f"{backbone} restores images and has no classes; use classifier")
        return 0
    if classes is None:
        return CLASSES
    if not isinstance(classes, int) or classes < 2:
        raise SettingError(f"a classifier needs two classes or more, got {classes!r}")
    return classes


def architecture_of(network: nn.Module) -> dict[str, Any]:
    """The arguments with which ``build`` made ``network``, those that are its own by default included."""
    return vars(network)["architecture"]


def smallest_side(network: nn.Module) -> int:
    """The smallest side in px of an image that ``network`` accepts, which its hypernetworks determine."""
    return max((getattr(part, "smallest", 1) for part in network.modules()), default=1)
