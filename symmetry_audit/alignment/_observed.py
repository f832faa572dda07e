"""Running a network on one image, and recording the features of its layers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from symmetry_audit.alignment._domain import Domain
from symmetry_audit.errors import ModelError, SettingError, SymmetryAuditError, one_line
from symmetry_audit.inference import restore_image

__all__ = ["Observed"]


class Observed:
    """``network`` on images (3, side, side) float64; the outputs of ``layers`` (by name) are recorded.

    Of the layers in ``optional`` those that do not run, or give no features, are left out from then on, with the reason
    in ``left_out``; for the others that is an error.
    """

    def __init__(
        self, network: nn.Module, layers: Mapping[str, nn.Module], device: str, optional: Collection[str] = ()
    ) -> None:
        self.network, self.layers, self.device, self.optional = network, dict(layers), device, frozenset(optional)
        self.left_out: dict[str, str] = {}

    def __call__(self, image: Tensor, domain: Domain) -> tuple[Tensor, dict[str, Tensor]]:
        """Phi of ``image`` faded at the edge of ``domain``, (3, s side, s side) float64, and the layers' features.

        It runs as :func:`restore_image` says: in eval mode, not clipped. Raises ModelError if it fails, and for NaN.
        """
        pixels = domain.faded(image).permute(1, 2, 0).numpy()
        with self._catching() as features:
            try:
                restored = torch.from_numpy(restore_image(self.network, pixels, device=self.device))
            except SymmetryAuditError:
                raise
            except Exception as error:  # foreign code can raise anything
                side = image.shape[-1]
                raise ModelError(
                    f"the network failed on a square of {side} px ({one_line(error)}); if the size is the reason, "
                    "choose another --crop"
                ) from error
        if not torch.isfinite(restored).all():
            raise ModelError(
                "the network returned NaN or infinite values; check its weights and its input range (--unit)"
            )
        return restored.permute(2, 0, 1).double(), features

    @contextmanager
    def _catching(self) -> Iterator[dict[str, Tensor]]:
        """Outputs by layer, recorded by hooks; the last one of a layer that runs several times."""
        found: dict[str, object] = {}
        with ExitStack() as stack:
            for name, module in self.layers.items():
                stack.callback(module.register_forward_hook(_keeper(name, found)).remove)
            features: dict[str, Tensor] = {}
            yield features
        for name in list(self.layers):
            reason = _fault(name, found)
            if not reason:
                output = found[name]
                assert isinstance(output, Tensor)
                features[name] = output.detach().cpu().double()
            elif name in self.optional:
                self.left_out[name] = reason
                del self.layers[name]
            else:
                raise SettingError(f'layer "{name}" {reason}; choose others with --layers')


def _keeper(name: str, found: dict[str, object]) -> Callable[[nn.Module, tuple, object], None]:
    def keep(module: nn.Module, inputs: tuple, output: object) -> None:
        found[name] = output

    return keep


def _fault(name: str, found: Mapping[str, object]) -> str:
    """Why the output of layer ``name`` cannot be compared; empty where it can."""
    if name not in found:
        return "did not run"
    output = found[name]
    if not isinstance(output, Tensor) or output.dim() != 4:
        got = f"shape {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
        return f"returns {got}, not features (N, C, H, W)"
    return "" if output.shape[-1] == output.shape[-2] else f"returns {tuple(output.shape)} for a square image"
