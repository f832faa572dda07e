"""Loading the weights of one network into another, across methods."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from symmetry_audit.errors import SettingError
from symmetry_audit.layers._hypernetwork import SampleAdaptive

__all__ = ["load_weights"]


def load_weights(model: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Load the state dict of a network with the same layers, perhaps of another method, into ``model``.

    Loading TL into SA starts the second stage of training: the layers and w are loaded, and the hypernetwork keeps its
    values. ``state`` may lack w, and the hypernetwork may be missing on either side. Everything else must be there with
    the same shape, or nothing is loaded. Shapes do not distinguish a Fourier from a bicubic basis, although the
    coefficients of one are meaningless in the other.

    Parameters
    ----------
    model : nn.Module
        The network to load into.
    state : mapping of str to Tensor
        The other network's ``state_dict()``.

    Returns
    -------
    list of str
        The names in ``model`` that keep their values, because ``state`` does not have them.

    Raises
    ------
    SettingError
        If layers or shapes differ; the message names the first difference.

    Examples
    --------
    >>> from symmetry_audit.layers import Layers, load_weights
    >>> fixed, learned = Layers("fconv", "p8").lifting(3, 2), Layers("tl", "p8").lifting(3, 2)
    >>> load_weights(learned, fixed.state_dict())
    ['deformation.position']
    """
    prefix = "network." if isinstance(model, SampleAdaptive) else ""
    from_adaptive = any(name.startswith("hypernetwork.") for name in state)
    renamed = {}
    for name, value in state.items():
        bare = name.removeprefix("network.") if from_adaptive else name
        renamed[bare if bare.startswith("hypernetwork.") else prefix + bare] = value
    own = model.state_dict()
    missing = [name for name in own if name not in renamed]
    unknown = [name for name in renamed if name not in own]
    forms, own_forms = ({name.rsplit(".", 1)[-1] for name in names if _of_w(name)} for names in (renamed, own))
    if forms and not own_forms:
        raise SettingError(
            "the weights contain a w, but no layer of this network has one: load them into the method tl or sa"
        )
    if own_forms and forms - own_forms:
        raise SettingError(
            "the weights have another form of w: a shared w and one per layer (preset) cannot be converted"
        )
    wrong = [name for name in missing + unknown if not (_of_w(name) or name.startswith("hypernetwork."))]
    if wrong:
        where = "the weights have no" if wrong[0] in own else "this network has no"
        raise SettingError(f'{where} "{wrong[0]}" ({len(wrong)} in all): both networks must have the same layers')
    for name in own:
        if name in renamed and own[name].shape != renamed[name].shape:
            raise SettingError(
                f'"{name}" has shape {tuple(renamed[name].shape)} in the weights and {tuple(own[name].shape)} here: '
                "methods can share weights if basis size, group and widths agree"
            )
    model.load_state_dict({name: value for name, value in renamed.items() if name in own}, strict=False)
    return missing


def _of_w(name: str) -> bool:
    return ".deformation." in f".{name}"
