"""The relative numbers of a result row by name, and the folder and the cluster of an image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

__all__ = [
    "CONTROL_FIELDS",
    "PIXEL_FIELDS",
    "RELATIVE_FIELDS",
    "cluster_of",
    "clusters_by_name",
    "folder_of",
    "names_tell_clusters",
    "stem_of",
]

TILE = re.compile(r"#\d{3,},\d{3,}$")  # the row and the column behind the name of a scene
# the relative numbers of adaptive rows alone, each with the field in the unit of epsilon that it belongs to
CONTROL_FIELDS = {
    "relative_null_se": "null_epsilon_se",
    "relative_random": "random_epsilon",
    "relative_random_se": "random_epsilon_se",
    "relative_held_out": "held_out_epsilon",
    "relative_held_out_se": "held_out_epsilon_se",
    "relative_held_out_strict": "held_out_strict_epsilon",
    "relative_held_out_gain": "held_out_gain",
    "relative_held_out_gain_low": "held_out_gain_low",
    "relative_held_out_gain_high": "held_out_gain_high",
}
PIXEL_FIELDS = ("mean_response_pixel_se", "epsilon_pixel_se", "relative_epsilon_pixel_se")  # of a quick look
RELATIVE_FIELDS = {
    "relative_epsilon": "epsilon",
    "relative_ci_low": "ci_low",
    "relative_ci_high": "ci_high",
    "relative_null": "null_epsilon",
    "relative_floor": "floor",
    **CONTROL_FIELDS,
}


def folder_of(image: str) -> str:
    """The sub-folder that the image of this name is in, its class in the breakdown; empty for the top folder.

    >>> folder_of("cats/1.png"), folder_of("1.png")
    ('cats', '')
    """
    return str(PurePosixPath(image).parent) if "/" in image else ""


def cluster_of(image: str, clusters: str, *, pixel_sha256: str, series: str | None = None) -> str | None:
    """What the image of this name is drawn with by the setting ``clusters``; None where it is drawn alone.

    >>> cluster_of("cats/1.png", "folder", pixel_sha256="ab"), cluster_of("cats/1.png", "duplicates", pixel_sha256="ab")
    ('cats', 'ab')
    """
    if clusters == "image":
        return None
    if clusters == "duplicates":
        return pixel_sha256
    return series if clusters == "series" and series is not None else folder_of(image)


def clusters_by_name(images: Sequence[str], clusters: str, *, file_names: bool = False) -> list[str] | None:
    """What the bootstrap draws, one label per image; None where each image is drawn alone or names do not tell.

    ``clusters`` and ``file_names`` are the settings of the run. Slices are named by their series or volume, which is
    their folder, unless file names were asked for; tiles by their scene.
    """
    if clusters == "image" or not names_tell_clusters(clusters, file_names=file_names):
        return None
    return [_scene_of(name) if clusters == "series" and TILE.search(name) else folder_of(name) for name in images]


def _scene_of(tile: str) -> str:
    """The scene of a tile of this name.

    >>> _scene_of("rome/1.tif#003,012")
    'rome/1.tif'
    """
    return TILE.sub("", tile)


def stem_of(image: str) -> str:
    """The name of an image without the suffix of its file; a tile keeps its place in the scene.

    >>> stem_of("rome/1.tif"), stem_of("rome/1.tif#003,012")
    ('rome/1', 'rome/1#003,012')
    """
    scene = _scene_of(image)
    stem = str(PurePosixPath(scene).with_suffix("")) if PurePosixPath(scene).name else scene
    return stem + image[len(scene) :]


def names_tell_clusters(clusters: str, *, file_names: bool = False) -> bool:
    """Whether :func:`clusters_by_name` gives the labels of the run."""
    return clusters in ("image", "folder") or (clusters == "series" and not file_names)
