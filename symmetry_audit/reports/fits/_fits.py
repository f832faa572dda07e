"""Fits as text for the terminal: of one image in full, of several in summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from symmetry_audit.reports._columns import column, fixed
from symmetry_audit.reports._table import NULL, Part, Table, text_table
from symmetry_audit.results import AffineFit, FailedFit
from symmetry_audit.wording import printable

__all__ = ["fits_table", "fits_text"]

Fit = AffineFit | FailedFit


def fits_text(fits: Sequence[Fit]) -> str:
    """A table of ``fits``, ending in a line break: a line per fit of one image, per regularizer of several images.

    Angles are those of the long axis, in degrees from the right, counter-clockwise; the proxy is the variance of the
    responses over the group divided by their squared mean, relative epsilon in percent. Before: under strict
    rotations; after: under the fitted group.
    """
    return text_table(fits_table(fits)) if fits else "No image was fitted.\n"


def fits_table(fits: Sequence[Fit]) -> Table:
    """The table of at least one fit."""
    images = dict.fromkeys(fit.image for fit in fits)
    if len(images) == 1:
        return Table(f"Fits of {printable(next(iter(images)))}.", (_one(fits),), _notes(fits))
    parts, notes = (_several(fits),), _notes(fits, "Medians are over the images whose fit succeeded.")
    return Table(f"Fits of {len(images)} images.", parts, notes)


def _one(fits: Sequence[Fit]) -> Part:
    """A line for every fit; the notes say why fits failed."""
    swept = _swept(fits)
    header = (*swept, "Regularizer", "Angle (°)", "Ratio", "Proxy", "Relative ε (%)", "Steps", "Outcome")
    columns = [
        ["" if not fit else f"{fit.alpha_deg:.1f}" for fit in fits],
        ["" if not fit else f"{fit.ratio:.3f}" for fit in fits],
        _arrows([(fit.proxy_before, fit.proxy_after) if fit else None for fit in fits], scientific=True),
        _arrows([_percents(fit) if fit else None for fit in fits]),
        ["" if not fit else str(fit.iterations) for fit in fits],
        [_outcome(fit) for fit in fits],
    ]
    return _part(header, [_labels(fit, swept) for fit in fits], columns)


def _several(fits: Sequence[Fit]) -> Part:
    """A line for every regularizer and scale: how many fits failed, and the medians of the others."""
    swept = _swept(fits)
    groups: dict[tuple[str, ...], list[Fit]] = {}
    for fit in fits:
        groups.setdefault(_labels(fit, swept), []).append(fit)
    found = [[fit for fit in group if fit] for group in groups.values()]
    header = (
        *swept,
        "Regularizer",
        "Images",
        "Failed",
        "At limit",
        "Not converged",
        "Ratio",
        "Proxy",
        "Relative ε (%)",
    )
    columns = [
        [str(len(group)) for group in groups.values()],
        [str(sum(not fit for fit in group)) for group in groups.values()],
        [_share(sum(fit.at_limit for fit in group), len(group)) for group in found],
        [_share(sum(not fit.converged for fit in group), len(group)) for group in found],
        column([median(fit.ratio for fit in group) if group else None for group in found]),
        _arrows([_medians((fit.proxy_before, fit.proxy_after) for fit in group) for group in found], scientific=True),
        _arrows([_medians(map(_percents, group)) for group in found]),
    ]
    return _part(header, list(groups), columns)


def _part(header: tuple[str, ...], labels: Sequence[tuple[str, ...]], columns: Sequence[Sequence[str]]) -> Part:
    rows = tuple((*label, *cells) for label, cells in zip(labels, zip(*columns, strict=True), strict=True))
    return Part(header, len(labels[0]), (("", rows),))


def _swept(fits: Iterable[Fit]) -> list[str]:
    """The titles of the scale's columns that differ between fits."""
    scales = {"σ (px)": {fit.sigma for fit in fits}, "Downscale": {fit.downscale for fit in fits}}
    return [title for title, values in scales.items() if len(values) > 1]


def _labels(fit: Fit, swept: Sequence[str]) -> tuple[str, ...]:
    scale = {"σ (px)": fit.sigma, "Downscale": fit.downscale}
    return (*(NULL if scale[title] is None else f"{scale[title]:g}" for title in swept), printable(fit.regularizer))


def _outcome(fit: Fit) -> str:
    if not fit:
        return "no fit"
    outcome = "converged" if fit.converged else "not converged"
    return f"{outcome}, at limit" if fit.at_limit else outcome


def _percents(fit: AffineFit) -> tuple[float, float]:
    return 100 * fit.relative_epsilon_before, 100 * fit.relative_epsilon_after


def _medians(pairs: Iterable[tuple[float, float]]) -> tuple[float, float] | None:
    columns = list(zip(*pairs, strict=True))
    return (median(columns[0]), median(columns[1])) if columns else None


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.0f} %)" if of and count else str(count)


def _arrows(pairs: Sequence[tuple[float, float] | None], scientific: bool = False) -> list[str]:
    """``before → after`` of every pair, empty where there is none."""
    write = "{:.1e}".format if scientific else fixed([value for pair in pairs for value in pair or ()], digits=2)
    return ["" if pair is None else " → ".join(map(write, pair)) for pair in pairs]


def _notes(fits: Iterable[Fit], *more: str) -> tuple[str, ...]:
    """What the columns are, and why fits failed."""
    reasons: dict[str, dict[str, None]] = {}
    for fit in fits:
        if isinstance(fit, FailedFit):
            reasons.setdefault(printable(fit.reason), {})[printable(fit.regularizer)] = None
    return (
        "Angle: of the long axis, counter-clockwise from the right. Proxy: variance of the responses over the group "
        "divided by their squared mean. Before → after: under strict rotations → under the fitted group.",
        *more,
        *(f"No fit for {', '.join(names)}: {reason}." for reason, names in reasons.items()),
    )
