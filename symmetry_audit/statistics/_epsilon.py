"""Eq. (8) of [SA] on response profiles (SPEC 4): over a group or a subgroup, and the leverage of one image."""

from __future__ import annotations

import numpy as np

__all__ = ["deviations", "leave_one_out", "relative_error", "subgroup_error", "symmetry_error"]


def deviations(profiles: np.ndarray, elements: np.ndarray | None = None) -> np.ndarray:
    """|f_0 - f_t| of response profiles (..., T) for every t in ``elements`` (E,), indices into the last axis.

    Shape (..., E), in the unit of the profiles; all elements by default, the identity 0 with its difference 0 included.
    """
    others = profiles if elements is None else profiles[..., elements]
    return np.abs(profiles[..., :1] - others)


def symmetry_error(profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """epsilon_G = max_t |f_0 - f_t| of response profiles (..., T), and the worst element t; both of shape (...).

    The worst element is the lowest t within 1e-9 relative of the maximum; element 0 is the identity.
    """
    gaps = deviations(profiles)
    epsilon = gaps.max(-1)
    return epsilon, (gaps >= epsilon[..., None] * (1 - 1e-9)).argmax(-1)


def subgroup_error(means: np.ndarray, elements: np.ndarray | None = None) -> np.ndarray:
    """epsilon = max over t in ``elements`` of |m_0 - m_t| of mean profiles (..., T); shape (...), unit of m.

    ``elements`` are indices into the last axis, all of them by default; element 0 is the identity, whose own
    difference is 0, so listing it changes nothing.
    """
    return deviations(means, elements).max(-1)


def relative_error(means: np.ndarray, elements: np.ndarray | None = None) -> np.ndarray:
    """Relative epsilon (SPEC 8) of mean profiles (..., T) over ``elements`` (E,): (max - min) / mean, of shape (...).

    The same number whichever element is called the identity, so turning all images by an element changes nothing.
    At least 0, and at most E. NaN where nothing responds.

    >>> relative_error(np.array([[0.0, 2.0], [2.0, 0.0], [1.0, 1.0]])).tolist()
    [2.0, 2.0, 0.0]
    """
    chosen = means if elements is None else means[..., elements]
    middle = chosen.mean(-1)
    spread = chosen.max(-1) - chosen.min(-1)
    return np.divide(spread, middle, out=np.full_like(middle, np.nan), where=middle > 0)


def leave_one_out(mean: np.ndarray, count: int, profiles: np.ndarray) -> np.ndarray:
    """The leverage of one image on epsilon: epsilon minus the epsilon of the other ``count - 1`` images; shape (...).

    ``mean`` (..., T) is the mean profile over all ``count`` images and ``profiles`` (..., T) that of the image,
    one of those averaged; with leading image axes, (n, ..., T), the answer is (n, ...). Positive where the image
    raises epsilon. It needs no other images, because the mean of the others is mean + (mean - profiles) / (count - 1).
    It is 0 for a single image, which has no others to compare with.
    """
    if count == 1:
        return np.zeros(np.broadcast_shapes(mean.shape, profiles.shape)[:-1])
    others = mean + (mean - profiles) / (count - 1)
    return subgroup_error(mean) - subgroup_error(others)
