"""Networks by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.groups import Affine, Group
from symmetry_audit.layers import Layers
from symmetry_audit.nets._edsr import edsr
from symmetry_audit.nets._presets import PRESETS, SIZES, Plan
from symmetry_audit.nets._rcan import rcan
from symmetry_audit.nets._rcdnet import rcdnet
from symmetry_audit.nets._rdn import rdn

__all__ = ["BACKBONES", "build", "scales_of", "smallest_side"]

BACKBONES: dict[str, Callable[[Plan], nn.Module]] = {
    "edsr": edsr,
    "rdn": rdn,
    "rcan": rcan,
    "resnet": edsr,
    "rcdnet": rcdnet,
}
SAME_SIZE = ("resnet", "rcdnet")  # these do not enlarge


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
) -> nn.Module:
    """A network that takes images (N, 3, H, W) in 0..255 and gives (N, 3, scale H, scale W), 0..255, unclipped.

    ``backbone`` is one of ``BACKBONES``, ``method`` one of ``METHODS``, ``preset`` one of ``PRESETS``: "paper" is the
    published network with its quirks; "small" and "tiny" have one structure for all methods, equally
    wide in channels, equivariant from end to end, and close to interpolation before training. Their sizes stand
    in ``SIZES``. ``scale`` is 2 by default, 1 for resnet (the denoiser) and rcdnet, which cannot enlarge. ``group``
    and ``basis`` are the method's own by default, but TL and SA of the paper have the basis they were published
    with. ``start`` is where the shared w of TL and SA starts. ``relaxed``
    gives every equivariant layer a free filter beside its own (see ``EquivariantConv2d``).

    The network has ``scale``; ``smallest``, the smallest side of an input in pixels; and ``architecture``, a
    dictionary for JSON: ``build(**architecture)`` makes the same network again, w at its usual start.
    Raises SettingError for unknown names and for what does not fit together.
    """
    for name, value, known in (("backbone", backbone, BACKBONES), ("preset", preset, PRESETS)):
        if value not in known:
            raise SettingError(f'no {name} is called "{value}".{suggest(value, known)}')
    if scale is None:
        scale = scales_of(backbone)[0]
    if not isinstance(scale, int) or scale not in scales_of(backbone):
        allowed = " or ".join(map(str, sorted(scales_of(backbone))))
        hint = "" if len(scales_of(backbone)) > 1 else "; edsr, rdn and rcan enlarge"
        raise SettingError(f"{backbone} has scale {allowed}, got {scale!r}{hint}")
    if basis is None and preset == "paper" and method in ("tl", "sa"):
        basis = "fourier" if backbone in ("rcan", "rcdnet") else "bicubic"
    layers = Layers(
        method, group, basis=basis, preset="paper" if preset == "paper" else "shared", start=start, relaxed=relaxed
    )
    network = BACKBONES[backbone](Plan(method, layers, SIZES[preset][backbone], scale))
    network.scale = scale
    network.smallest = max(getattr(part, "smallest", 1) for part in network.modules())
    network.architecture = {
        **{"backbone": backbone, "method": method, "preset": preset, "scale": scale},
        **{"group": str(layers.group), "basis": layers.basis, "relaxed": relaxed},
    }
    return network


def scales_of(backbone: str) -> tuple[int, ...]:
    """By how much a backbone can enlarge, its default first."""
    return (1,) if backbone in SAME_SIZE else (2, 1, 3, 4)


def smallest_side(network: nn.Module) -> int:
    """The smallest side in px of an image that ``network`` takes: what its hypernetworks ask for."""
    return max((getattr(part, "smallest", 1) for part in network.modules()), default=1)
