"""One image's record -> its response profiles over all elements of the run's group, and its fits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from symmetry_audit.audit._image import ImageRecord
from symmetry_audit.audit._plan import StrictBank
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._sources import own_sources

__all__ = ["FitTables", "ImageTables", "TableLayout", "first_scale", "scales"]


@dataclass(frozen=True)
class FitTables:
    """The fits of one image, and what was measured under them.

    ``transfer`` (S, F, R, T) is measured under every source's w, NaN where it was not; ``scales`` (S, S, R, T) under
    the first scale's w at the second, None where there is one scale or no control. ``at_limit`` (S, R) of bool is that
    of each regularizer's own w; ``fits`` (S, F, 5), ``tensor`` (S, 3), ``unfitted`` (S, R, E) and ``fitted``
    (S, F, R, E) are as ``measure_adaptive`` gives them.
    """

    transfer: np.ndarray
    scales: np.ndarray | None
    fits: np.ndarray
    unfitted: np.ndarray
    fitted: np.ndarray
    tensor: np.ndarray
    at_limit: np.ndarray


@dataclass(frozen=True)
class ImageTables:
    """Profiles (S, R, T) by name: ``strict``, and where images are fitted ``adaptive`` (each regularizer under its own
    w) and ``strict_held_out``; of controlled images also ``held_out``, ``random``, ``null``. ``adaptive`` is None where
    nothing is fitted. ``flips`` (8,) are the responses to ``flip_kernels``, None where the margin is too narrow for
    them. In a quick look ``errors`` (S, K, R, T) holds those of strict and adaptive profiles (RowSample).
    """

    profiles: dict[str, np.ndarray]
    adaptive: FitTables | None = None
    errors: dict[str, np.ndarray] = field(default_factory=dict)
    flips: np.ndarray | None = None


@dataclass(frozen=True)
class TableLayout:
    """How records become tables: ``strict`` (S, R, T) and ``adaptive`` (T,) index the arrays of a record."""

    strict: np.ndarray
    adaptive: np.ndarray | None
    own: tuple[int, ...]

    @classmethod
    def of(cls, settings: AuditSettings, banks: tuple[StrictBank, ...]) -> TableLayout:
        """The layout of a run."""
        strict = np.stack([bank.index for bank in banks for _ in settings.downscale])
        if not settings.adaptive:
            return cls(strict, None, ())
        from symmetry_audit.audit._adaptive_plan import adaptive_plan

        # parity is the same at every sigma, and so are the distinct elements
        return cls(strict, adaptive_plan(settings, settings.models[0]).measured.index, own_sources(settings))

    def read(self, records: Iterable[ImageRecord]) -> Iterator[tuple[ImageRecord, ImageTables]]:
        """Every record with its tables, one by one."""
        return ((record, self.tables(record)) for record in records)

    def tables(self, record: ImageRecord) -> ImageTables:
        """The tables of one image; S scales, R regularizers, T elements, F fit sources (ImageTables)."""
        arrays = record.arrays
        names = ("strict",) if self.adaptive is None else ("strict", "strict_held_out")
        profiles = {name: _gathered(arrays[name], self.strict) for name in names}
        errors = {}
        if "strict_errors" in arrays:
            found = zip(arrays["strict_errors"], self.strict, strict=True)
            errors["strict"] = np.stack([error[:, index] for error, index in found])
        flips = arrays["flips"][0] if "flips" in arrays else None
        if self.adaptive is None:
            return ImageTables(profiles, errors=errors, flips=flips)
        if "adaptive_errors" in arrays:
            errors["adaptive"] = _spread(arrays["adaptive_errors"], self.adaptive)
        transfer = _spread(arrays["adaptive"], self.adaptive)
        places = np.arange(len(self.own))
        profiles["adaptive"] = np.ascontiguousarray(transfer[:, list(self.own), places])
        for name in ("held_out", "random", "null"):
            if name in arrays:
                profiles[name] = _spread(arrays[name], self.adaptive)
        if "null" in profiles:
            profiles["null"] = _as_strong(profiles["null"], profiles["adaptive"])
        fitted = FitTables(
            transfer=transfer,
            scales=_spread(arrays["scales"], self.adaptive) if "scales" in arrays else None,
            fits=arrays["fits"],
            unfitted=arrays["unfitted"],
            fitted=arrays["fitted"],
            tensor=arrays["tensor"],
            at_limit=arrays["fits"][:, list(self.own), 4] == 1,
        )
        return ImageTables(profiles, fitted, errors, flips)


def scales(settings: AuditSettings) -> Iterator[tuple[float | None, int]]:
    """(sigma, downscale) in the order of the first axis of every table, sigma slowest."""
    for sigma in settings.sigmas:
        for factor in settings.downscale:
            yield sigma, factor


def first_scale(settings: AuditSettings) -> tuple[float | None, int]:
    """The first (sigma, downscale) of a run, which the recommendation and the pictures of fits use."""
    return next(scales(settings))


def _gathered(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """(S, m) by (S, R, T) -> (S, R, T), contiguous: rounding of sums depends on the memory layout."""
    return np.ascontiguousarray(np.stack([value[place] for value, place in zip(values, index, strict=True)]))


def _spread(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values[..., index])


def _as_strong(null: np.ndarray, profiles: np.ndarray) -> np.ndarray:
    """``null`` scaled to the mean responses of ``profiles``: a Gaussian field responds more than an image."""
    mean = null.mean(-1, keepdims=True)
    return np.divide(null * profiles.mean(-1, keepdims=True), mean, out=np.zeros_like(null), where=mean > 0)
