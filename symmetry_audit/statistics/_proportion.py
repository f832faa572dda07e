"""Wilson's interval for a proportion, such as an accuracy."""

from __future__ import annotations

from symmetry_audit.errors import SettingError

__all__ = ["proportion_interval"]


def proportion_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Low and high end of Wilson's score interval for a proportion, in [0, 1].

    (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n) with p = ``successes`` / n, n = ``trials``, and
    z the (1 + level)/2 quantile of the normal distribution (Wilson 1927). Unlike p -+ z sqrt(p (1 - p) / n) it has a
    width at 0 and 1. Trials are taken to be independent. Raises SettingError for numbers that are not 0 <= successes
    <= trials, for no trial, and for a ``level`` outside (0, 1).

    >>> [round(end, 4) for end in proportion_interval(45, 50)]
    [0.7864, 0.9565]
    """
    from scipy.special import ndtri  # most users of this room need no scipy

    if not 0 <= successes <= trials or trials < 1:
        raise SettingError(f"a proportion needs 0 <= successes <= trials and a trial, got {successes} of {trials}")
    if not 0 < level < 1:
        raise SettingError(f"the confidence level must be between 0 and 1, got {level}; use 0.95, for example")
    share, z = successes / trials, float(ndtri((1 + level) / 2))
    middle = share + z * z / (2 * trials)
    half = z * (share * (1 - share) / trials + (z / (2 * trials)) ** 2) ** 0.5
    low, high = ((middle + sign * half) / (1 + z * z / trials) for sign in (-1, 1))
    return (0.0 if not successes else low, 1.0 if successes == trials else high)
