"""Words for differences: one set and regularizer, then all regularizers together."""

from __future__ import annotations

from collections.abc import Sequence

from symmetry_audit.statistics import holm

__all__ = ["difference_verdicts", "overall_difference", "overall_restoration", "restoration_verdict"]

LEVEL = 0.05  # of the test over all regularizers
Interval = tuple[float, float]


def difference_verdicts(found: Sequence[tuple[float, float, float]], tolerance: float) -> list[str]:
    """A verdict for each (p-value, low end, high end) of the differences that several regularizers see.

    "does not differ": the interval is within the tolerance. "differs": it is not, and the p-value is at most 0.05 after
    Holm's adjustment for all of them.

    >>> difference_verdicts([(0.002, 0.01, 0.05), (0.4, -0.01, 0.01), (0.04, 0.001, 0.07)], 0.02)
    ['differs', 'does not differ', 'not settled']
    """
    adjusted = holm([p for p, _, _ in found])
    return [
        "does not differ" if -tolerance <= low and high <= tolerance else "differs" if p <= LEVEL else "not settled"
        for p, (_, low, high) in zip(adjusted, found, strict=True)
    ]


def restoration_verdict(change: str, difference: Interval, undone: Interval, tolerance: float) -> str:
    """What the network did for one regularizer.

    ``change`` is the verdict on degraded against clean images, ``difference`` the interval of restored minus clean,
    ``undone`` that of the share undone. "restored": the difference is within the tolerance. Otherwise "overshot" and
    "partly restored" where more than the whole, or more than nothing, is shown to be undone; "not restored" where no
    more than nothing is.

    >>> restoration_verdict("differs", (-0.04, -0.03), (0.4, 0.6), 0.02)
    'partly restored'
    """
    if change != "differs":
        return "not settled" if change == "not settled" else "nothing to restore"
    low, high = undone
    if max(map(abs, difference)) <= tolerance:
        return "restored"
    if low > 1:
        return "overshot"
    if low > 0:
        return "partly restored"
    return "not restored" if high <= 0 else "not settled"


def overall_difference(verdicts: Sequence[str]) -> str:
    """Over all regularizers: "differs" where one does, "does not differ" where none does."""
    if "differs" in verdicts:
        return "differs"
    return "does not differ" if set(verdicts) == {"does not differ"} else "not settled"


def overall_restoration(verdicts: Sequence[str]) -> str:
    """Over all regularizers whose number the degradation changed.

    >>> overall_restoration(["restored", "nothing to restore"]), overall_restoration(["restored", "not restored"])
    ('restored', 'partly restored')
    """
    changed = {verdict for verdict in verdicts if verdict != "nothing to restore"}
    if not changed:
        return "nothing to restore" if verdicts else "not settled"
    if changed == {"restored"}:
        return "restored"
    if changed & {"restored", "partly restored"}:
        return "partly restored"
    return "not restored" if changed <= {"not restored", "overshot"} else "not settled"
