"""Makes the layers of the catalogue's methods: one convolution with the method's basis and w."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import nn

from symmetry_audit.catalogue import METHODS, find_method
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine, Group, as_group
from symmetry_audit.layers._affine import Deformation, FreeDeformation, SharedDeformation
from symmetry_audit.layers._convolution import (
    EquivariantConv2d,
    GroupConv2d,
    LiftingConv2d,
    ProjectionConv2d,
)
from symmetry_audit.layers._hypernetwork import HyperNetwork, SampleAdaptive
from symmetry_audit.layers._partial import PartialGate

__all__ = ["PRESETS", "Layers"]

PRESETS = ("shared", "paper")
Conv = TypeVar("Conv", bound=EquivariantConv2d)


class Layers:
    """Makes the layers of one network by one method; all of them share one w.

    Parameters
    ----------
    method : str
        A name in ``METHODS``, such as "fconv", "tl" or "sa".
    group : Group or str, optional
        The group or its name; the method's own by default.
    basis : str, optional
        Replaces the method's basis; the published EDSR has "bicubic" with TL and SA.
    kernel_size : int, optional
        Replaces the method's window, in pixels, odd.
    preset : str
        "shared", or "paper": every layer (except 1 x 1) has a free w of its own and the published initial coefficients;
        such a network has no common group.
    start : Affine, optional
        Initial value of a shared w, for example an audit's joint fit.
    partial : bool
        Whether ``gate`` makes gates, which learn how much of the group each layer keeps; see ``PartialGate``.
    **options
        Options for every layer, such as ``relaxed``; see ``EquivariantConv2d``.

    Raises
    ------
    SettingError
        For unknown names and for settings that do not fit together.

    Examples
    --------
    >>> from torch import nn
    >>> from symmetry_audit.layers import Layers
    >>> layers = Layers("tl", "p8")
    >>> net = nn.Sequential(layers.lifting(3, 8), nn.ReLU(), layers.group_conv(8, 8), layers.projection(8, 3))
    """

    def __init__(
        self,
        method: str,
        group: Group | str | None = None,
        *,
        basis: str | None = None,
        kernel_size: int | None = None,
        preset: str = "shared",
        start: Affine | None = None,
        partial: bool = False,
        **options: Any,
    ) -> None:
        self.method, self.preset = find_method(method), preset
        if preset not in PRESETS:
            raise SettingError(f'preset must be one of {", ".join(PRESETS)}, got "{preset}"')
        self.group = as_group(self.method.group if group is None else group)
        if method == "cnn" and self.group.order > 1:
            raise SettingError(
                f'a plain convolution has no group: use group "p1" with cnn, or gcnn, fconv, ... with {self.group}'
            )
        if method == "cnn" and partial:
            raise SettingError(
                "a plain convolution has no group to keep a part of: use gcnn, fconv, ... with --partial"
            )
        if method == "cnn" and options.get("relaxed"):
            raise SettingError("a plain convolution cannot be relaxed: use gcnn, fconv, ..., or remove --relax")
        self.basis = self.method.basis if basis is None else basis
        self.kernel_size = self.method.kernel_size if kernel_size is None else kernel_size
        self.partial = partial
        self.options = {"init": "kaiming", **options} if preset == "paper" else options
        self._shared = None
        if self.method.deformed and preset == "shared":
            self._shared = SharedDeformation(start)
        elif start is not None:
            learned = " and ".join(name for name, one in METHODS.items() if one.deformed)
            raise SettingError(f"only a shared w can have a start: use the methods {learned} with the preset shared")

    def lifting(self, in_features: int, out_features: int, **options: Any) -> LiftingConv2d:
        """From plain channels to features over the group."""
        return self._make(LiftingConv2d, in_features, out_features, options)

    def group_conv(self, in_features: int, out_features: int, **options: Any) -> GroupConv2d:
        """From features to features."""
        return self._make(GroupConv2d, in_features, out_features, options)

    def pointwise(self, in_features: int, out_features: int, **options: Any) -> GroupConv2d:
        """From features to features, pixel by pixel (1 x 1); w does not affect it."""
        return self._make(GroupConv2d, in_features, out_features, {"kernel_size": 1, **options})

    def projection(self, in_features: int, out_features: int, **options: Any) -> ProjectionConv2d:
        """From features to plain channels."""
        return self._make(ProjectionConv2d, in_features, out_features, options)

    def gate(self) -> nn.Module:
        """What follows an activation: a ``PartialGate`` if the part of the group is to be learned, else nothing."""
        return PartialGate(self.group) if self.partial else nn.Identity()

    def network(self, body: nn.Module, hypernetwork: nn.Module | None = None, in_channels: int = 3) -> nn.Module:
        """``body``, ready to run: with a hypernetwork for the method "sa", unchanged for the others.

        Parameters
        ----------
        body : nn.Module
            A network of these layers.
        hypernetwork : nn.Module, optional
            For "sa" only: the network that finds w; the published ``HyperNetwork`` by default.
        in_channels : int
            Channels of the images, for the published hypernetwork.

        Raises
        ------
        SettingError
            For a hypernetwork with a method that has none, and if ``SampleAdaptive`` raises it.
        """
        if not self.method.adaptive:
            if hypernetwork is not None:
                raise SettingError(f"{self.method.title} has no hypernetwork; only the method sa has one")
            return body
        return SampleAdaptive(body, hypernetwork or HyperNetwork(in_channels, normalized=self.preset != "paper"))

    def _make(self, kind: type[Conv], in_features: int, out_features: int, options: dict[str, Any]) -> Conv:
        options = {"kernel_size": self.kernel_size, "basis": self.basis, **self.options, **options}
        deformation = self._deformation() if options["kernel_size"] > 1 else None
        return kind(in_features, out_features, group=self.group, deformation=deformation, **options)

    def _deformation(self) -> Deformation | None:
        if not self.method.deformed:
            return None
        return FreeDeformation() if self._shared is None else self._shared
