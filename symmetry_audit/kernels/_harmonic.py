"""A plan that computes many rotated kernels at once: one blur, small stencils, few circular harmonics (SPEC 2-3).

Every kernel is a Gaussian times a small stencil rotated in the plane. Blurred once with a narrower Gaussian g, an image
needs only small stencils s_m after that: kernel_m ~ g(y) g(x) * s_m. Over a group of rotations these stencils are
combinations of a few circular harmonics cos(h theta), sin(h theta), which a singular value decomposition finds for any
stencil. Kernels and their mirror images are P + Q and P - Q of the same two parts, so that a pair costs two
combinations of two to four coefficient images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from symmetry_audit.kernels._kernel_spectra import GRID, expected_error, half_plane, pink_plane, power_spectra
from symmetry_audit.kernels._taps import LEAST_RADIUS, SEARCH_GRID, Taps, best_blur, blurred_power

__all__ = ["HarmonicPlan", "KernelGroup", "harmonic_plan"]

FAINT = 7e-5  # a harmonic is kept if its rms response is above this share of its regularizer's, on a pink image
UNSEEN = 1e-12  # of the largest squared response that the power of an image could give
SAME = 1e-4  # of a coefficient image's own response: two that are multiples of each other up to this are one
MOST_IMAGES = 24  # that one group of kernels combines, in the compiled engine
EQUAL = 1e-10  # sampled kernels that are mirror images of each other agree to this
# taps on each side of the centre for the parts of a stencil that a half turn leaves as they are and for those whose
# sign it changes, and px between taps, in order of cost; what the Laplacian differs by needs the most digits
DESIGNS = ((4, 3, 1), (4, 4, 1), (4, 3, 2), (4, 4, 2))
CLASSES = ((0, 0), (0, 1), (1, 0), (1, 1))  # (odd along y, odd along x)


@dataclass(frozen=True)
class KernelGroup:
    """Pairs of kernels P + Q and P - Q made of the same coefficient images.

    ``plus`` and ``minus`` list the images of P and of Q; ``weights`` (pairs, len(plus) + len(minus)) combines them;
    ``targets`` (pairs, 2) are the kernels that P + Q and P - Q give, -1 where there is none.
    """

    plus: tuple[int, ...]
    minus: tuple[int, ...]
    weights: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class HarmonicPlan:
    """Kernels (m, k, k) as a blur, coefficient images and combinations, applied as true convolutions.

    ``blur`` (r0 + 1,) holds the symmetric filter g from its centre on; ``taps`` has for each parity class (even-even,
    even-odd, odd-even, odd-odd in y, x) the filters of its coefficient images, (n, folded taps) with ``step`` px
    between taps and ``reaches`` of them on each side: of the classes that a half turn leaves as they are, and of the
    others. ``exact`` (m, GRID, GRID / 2 + 1) are the power spectra of the exact kernels.
    """

    blur: np.ndarray
    reaches: tuple[int, int]
    step: int
    taps: tuple[np.ndarray, ...]
    groups: tuple[KernelGroup, ...]
    exact: np.ndarray = field(repr=False)

    @property
    def radius(self) -> int:
        """The pixels that responses reach on each side."""
        return len(self.blur) - 1 + self.reach * self.step

    @property
    def reach(self) -> int:
        """The largest number of taps on each side."""
        return max(self.reaches)

    @property
    def images(self) -> int:
        """The number of coefficient images."""
        return sum(map(len, self.taps))

    @cached_property
    def tables(self) -> tuple[np.ndarray, np.ndarray]:
        """The plan as two flat tables, int32 and float32, for the compiled engine."""
        counts = [len(taps) for taps in self.taps]
        ints = [[len(self.blur) - 1, *self.reaches, self.step, *counts, len(self.exact), len(self.groups)]]
        floats = [self.blur, *(taps.ravel() for taps in self.taps)]
        for group in self.groups:
            ints += [[len(group.plus), len(group.minus), len(group.targets), *group.plus, *group.minus]]
            ints += [group.targets.ravel()]
            floats += [group.weights.ravel()]
        return np.concatenate(ints).astype(np.int32), np.concatenate(floats).astype(np.float32)

    @cached_property
    def filters(self) -> np.ndarray:
        """Those of the coefficient images multiplied out, (n, 2 reach + 1, 2 reach + 1), taps ``step`` px apart."""
        return np.concatenate(
            [
                np.pad(_unfolded(taps, odd, reach), ((0, 0), *[(self.reach - reach,) * 2] * 2))
                for taps, odd in zip(self.taps, CLASSES, strict=True)
                for reach in [self.reaches[sum(odd) % 2]]
            ]
        )

    @cached_property
    def stencils(self) -> np.ndarray:
        """The small stencils s_m, combinations of ``filters``, (m, 2 reach + 1, 2 reach + 1)."""
        images = self.filters
        stencils = np.zeros((len(self.exact), *images.shape[1:]))
        for group in self.groups:
            cut = len(group.plus)
            p = np.tensordot(group.weights[:, :cut], images[list(group.plus)], 1)
            q = np.tensordot(group.weights[:, cut:], images[list(group.minus)], 1)
            stencils[group.targets[:, 0]] = p + q
            paired = group.targets[:, 1] >= 0
            stencils[group.targets[paired, 1]] = (p - q)[paired]
        return stencils

    @cached_property
    def realized(self) -> np.ndarray:
        """The power spectra of the kernels that the plan applies, (m, GRID, GRID / 2 + 1)."""
        return blurred_power(self.stencils, self.blur, self.step)

    def gains(self, power: np.ndarray) -> np.ndarray:
        """Factors (m,) that make each rms response right for an image of the power spectrum ``power``.

        ``power`` is (n, n), for any n that divides GRID, in any unit. What the realized kernels lack is known, and so
        is how much of it this image has: responses become several times truer than the kernels are.
        """
        thin, weights = GRID // len(power), half_plane(power)
        exact, realized = (
            table[:, ::thin, ::thin].reshape(len(table), -1) @ weights for table in (self.exact, self.realized)
        )
        # what is left of a kernel where it passes nothing is rounding, and so is a quotient of such remains
        seen = np.minimum(exact, realized) > UNSEEN * self._passed * weights.max()
        return np.sqrt(np.divide(exact, realized, out=np.ones_like(exact), where=seen))

    @cached_property
    def _passed(self) -> np.ndarray:
        return self.exact.sum((1, 2))

    @cached_property
    def error(self) -> float:
        """The largest relative error to expect of a mean absolute response; twice that for an energy."""
        return expected_error(self.exact, self.realized)

    def __str__(self) -> str:
        sides = (2 * reach + 1 for reach in self.reaches)
        even, odd = (f"{side} x {side}" for side in sides)
        spaced = f" {self.step} px apart" if self.step > 1 else ""
        return (
            f"harmonics: blur of {2 * len(self.blur) - 1} taps, {self.images} coefficient images of {even} (even) and "
            f"{odd} taps (odd){spaced}, {len(self.exact)} kernels, error {self.error:.1e}"
        )


def harmonic_plan(
    kernels: Sequence[np.ndarray], sigma: float, margin: int, tolerance: float, *, signed: bool = False
) -> HarmonicPlan | None:
    """The cheapest plan of ``kernels``, one array (m, k, k) of distinct kernels per stencil, all of one odd size k.

    ``sigma`` (px) is the width of their Gaussian and ``margin`` (px) the most that responses may reach. Where responses
    are ``signed``, kernels keep their signs; else each is right up to its sign, so that more are pairs. None where no
    plan's error is at most ``tolerance``, or the kernels are wider than the grid of the search.
    """
    whole = np.concatenate(kernels)
    radius = whole.shape[1] // 2
    if whole.shape[1] > SEARCH_GRID:
        return None
    for even, odd, step in DESIGNS:
        r0 = max(radius, LEAST_RADIUS) - odd * step  # so that the whole reaches as far as the kernels at least
        if r0 < odd or r0 + even * step > margin:
            continue
        plan = _plan(kernels, sigma, r0, (even, odd), step, signed)
        if plan.error <= tolerance and all(len(one.plus) + len(one.minus) <= MOST_IMAGES for one in plan.groups):
            return plan
    return None


def _plan(
    kernels: Sequence[np.ndarray], sigma: float, r0: int, reaches: tuple[int, int], step: int, signed: bool
) -> HarmonicPlan:
    examples = np.concatenate([part[: len(part) // 2 + 1 : 4] for part in kernels])
    blur = best_blur(examples, sigma, r0, reaches[1], step)
    taps: list[list[np.ndarray]] = [[], [], [], []]
    groups, first = [], 0
    metrics = tuple(Taps(blur, reach, step) for reach in reaches)
    for part in kernels:
        groups.append(_Group(part, first, signed).combined(taps, metrics))
        first += len(part)
    starts = np.cumsum([0, *map(len, taps)])

    def numbered(images: list[tuple[int, int]]) -> tuple[int, ...]:
        return tuple(int(starts[of] + n) for of, n in images)

    return HarmonicPlan(
        blur=blur.astype(np.float32).astype(np.float64),
        reaches=reaches,
        step=step,
        taps=tuple(
            np.array(rows, dtype=np.float32).astype(np.float64).reshape(len(rows), (reach + 1 - y) * (reach + 1 - x))
            for rows, (y, x) in zip(taps, CLASSES, strict=True)
            for reach in [reaches[(y + x) % 2]]
        ),
        groups=tuple(
            KernelGroup(numbered(plus), numbered(minus), weights.astype(np.float32).astype(np.float64), targets)
            for plus, minus, weights, targets in groups
        ),
        exact=power_spectra(np.concatenate(kernels)),
    )


class _Group:
    """One stencil's kernels on their way into coefficient images."""

    def __init__(self, kernels: np.ndarray, first: int, signed: bool) -> None:
        self.kernels, self.first = kernels, first
        self.pairs, flips = _alone(kernels) if signed else _pairs(kernels)
        # convolution turns a stencil by a half turn: the parts that are odd under it change sign
        self.signs = [1.0 if (y + x) % 2 == 0 else -1.0 for y, x in CLASSES]
        # Q are the parts that the pairing flips
        self.flipped = [bool((y * flips[0] + x * flips[1]) % 2) for y, x in CLASSES]

    def combined(self, taps: list[list[np.ndarray]], metrics: Sequence[Taps]) -> tuple:
        """Add the coefficient images that are missing to ``taps``; (images of P, images of Q, weights, targets).

        ``metrics`` are those of the parts that a half turn leaves as they are, and of those whose sign it changes.
        """
        leaders, turned = self.pairs[:, 0], self.kernels[:, ::-1, ::-1]
        stencils = [
            metric.stencils((self.kernels + sign * turned) / 2) for sign, metric in zip((1, -1), metrics, strict=True)
        ]
        parts = [_folded(stencils[sum(odd) % 2], odd) * sign for odd, sign in zip(CLASSES, self.signs, strict=True)]
        pink = [metric.gram(pink_plane(2, GRID)) for metric in metrics]
        grams = [_folded_gram(pink[sum(odd) % 2], odd, metrics[sum(odd) % 2].reach) for odd in CLASSES]
        norm = np.sqrt(sum(np.einsum("mi,ij,mj->", part, gram, part) for part, gram in zip(parts, grams, strict=True)))
        sides: tuple[list, list] = ([], [])
        weights: tuple[list, list] = ([], [])
        for of, (part, gram, flipped) in enumerate(zip(parts, grams, self.flipped, strict=True)):
            for image, weight in _coefficient_images(part, gram, FAINT * norm, taps[of]):
                sides[flipped].append((of, image))
                weights[flipped].append(weight[leaders])
        first = 0 if sides[0] else 1  # all in Q: then P - Q is no other kernel
        combined = np.stack([*weights[first], *weights[1 - first]], axis=1)
        targets = np.where(self.pairs < 0, -1, self.pairs + self.first).astype(np.int32)
        return sides[first], sides[1 - first], combined, targets


def _coefficient_images(part: np.ndarray, gram: np.ndarray, faintest: float, known: list[np.ndarray]) -> list:
    """The images that span ``part`` (m, taps of one class): (position in ``known``, weights (m,)) each.

    Directions whose norm over all kernels is below ``faintest`` are left out. Images that are missing are added to
    ``known``, each of norm one.
    """
    values, vectors = np.linalg.eigh(gram)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    left, sizes, _ = np.linalg.svd(part @ root, full_matrices=False)
    found = []
    for weight, size in zip(left.T, sizes, strict=True):
        if size <= faintest:
            break
        taps = weight @ part  # of norm `size`: the image of this direction
        for position, other in enumerate(known):
            along = other @ gram @ taps
            rest = taps - along * other
            if rest @ gram @ rest <= (SAME * size) ** 2:
                found.append((position, weight * along))
                break
        else:
            known.append(taps / size)
            found.append((len(known) - 1, weight * size))
    return found


def _pairs(kernels: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Pairs of ``kernels`` (m, k, k) that are mirror images up to sign, (pairs, 2), and the axes (y, x) flipped.

    The second of a pair is -1 where a kernel has no partner. Found in the sampled numbers, never from a name.
    """
    ways = ((1, 0), (1, 1))
    found = [_partners(kernels, np.flip(kernels, tuple(axis + 1 for axis in (0, 1) if flips[axis]))) for flips in ways]
    return min(zip(found, ways, strict=True), key=lambda pair: len(pair[0]))


def _alone(kernels: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """As ``_pairs``, every kernel by itself: a partner would be right up to its sign alone."""
    return np.stack([np.arange(len(kernels)), np.full(len(kernels), -1)], axis=1), (0, 0)


def _partners(kernels: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    scale = EQUAL * np.abs(kernels).max()
    pairs, left = [], list(range(len(kernels)))
    while left:
        first = left.pop(0)
        gaps = ((other, min(np.abs(mirrored[first] - s * kernels[other]).max() for s in (1, -1))) for other in left)
        partner = next((other for other, gap in gaps if gap <= scale), -1)
        if partner >= 0:
            left.remove(partner)
        pairs.append((first, partner))
    return np.array(pairs)


def _folded(stencils: np.ndarray, odd: tuple[int, int]) -> np.ndarray:
    """The part of ``stencils`` (m, n, n) of one parity class, (m, folded taps): centre and one side of each axis."""
    part, middle = stencils, stencils.shape[1] // 2
    for axis, sign in zip((1, 2), odd, strict=True):
        part = (part - np.flip(part, axis)) / 2 if sign else (part + np.flip(part, axis)) / 2
    return part[:, middle + odd[0] :, middle + odd[1] :].reshape(len(stencils), -1)


def _unfolded(taps: np.ndarray, odd: tuple[int, int], reach: int) -> np.ndarray:
    """The inverse of ``_folded``, as a true convolution applies it, (n, 2 reach + 1, 2 reach + 1)."""
    side = 2 * reach + 1
    full = np.zeros((len(taps), side, side))
    full[:, reach + odd[0] :, reach + odd[1] :] = taps.reshape(len(taps), reach + 1 - odd[0], reach + 1 - odd[1])
    for axis, sign in zip((1, 2), odd, strict=True):
        centre = full.take([reach], axis)
        full = full + (-1) ** sign * np.flip(full, axis)
        index = [slice(None)] * 3
        index[axis] = slice(reach, reach + 1)
        full[tuple(index)] = centre
    return full * (-1) ** sum(odd)


def _folded_gram(gram: np.ndarray, odd: tuple[int, int], reach: int) -> np.ndarray:
    """Scalar products of the folded taps of one class."""
    count = (reach + 1 - odd[0]) * (reach + 1 - odd[1])
    basis = _unfolded(np.eye(count), odd, reach).reshape(count, -1)
    return basis @ gram @ basis.T
