"""Which images of several sets are versions of the same one, and which are drawn together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from symmetry_audit.errors import SettingError
from symmetry_audit.results import stem_of
from symmetry_audit.wording import printable

__all__ = ["KEYS", "image_keys", "shared", "units"]

KEYS = ("stem", "name", "none")


def image_keys(images: Sequence[str], key: str, where: str) -> list[str]:
    """What images are paired by: their path below the source, without its suffix where ``key`` is "stem".

    Raises SettingError where two images of ``where`` have the same.

    >>> image_keys(["a/1.png", "a/2.jpg"], "stem", "photos")
    ['a/1', 'a/2']
    """
    if key != "stem":
        return list(images)
    found: dict[str, str] = {}
    for image in images:
        stem = stem_of(image)
        if stem in found:
            both = f"{printable(found[stem])} and {printable(image)}"
            raise SettingError(f"{where}: {both} differ only in their suffix; pair images with --pair-by name")
        found[stem] = image
    return list(found)


def shared(keys: Sequence[Sequence[str]]) -> list[int]:
    """How many images of each set are in the first one too, by their key."""
    first = set(keys[0])
    return [len(first.intersection(of_set)) for of_set in keys]


def units(keys: Sequence[Sequence[str]], clusters: Sequence[Sequence[str] | None], key: str) -> list[list[Hashable]]:
    """What the bootstrap draws, a label for each image of each set: the image by its key, or its cluster.

    Where ``key`` is "none", no label is that of another set.
    """
    labels = [images if drawn is None else drawn for images, drawn in zip(keys, clusters, strict=True)]
    apart = key == "none"
    return [[(at, label) if apart else label for label in of_set] for at, of_set in enumerate(labels)]
