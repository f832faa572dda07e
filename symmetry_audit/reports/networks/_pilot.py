"""What a network pilot found, for people: the sentence first, then a line for each arm."""

from __future__ import annotations

from statistics import fmean

from symmetry_audit.results import Pilot
from symmetry_audit.wording import count

__all__ = ["pilot_text"]


def pilot_text(found: Pilot) -> str:
    """The sentence, and at most ten lines of numbers."""
    half, full = found.readings
    lines = [
        found.sentence,
        f"{found.task_text}; {found.used} images of {found.data.name}, {found.held_out} held out; "
        f"{count(found.seeds, 'seed')}; {found.preset} networks, batches of {found.batch} patches of {found.patch} px",
        f"{'arm':<10} {f'dB at {half}':>11} {f'dB at {full}':>11} {'against plain':>24} {'s a run':>8}",
        *(_row(found, arm) for arm in found.arms),
    ]
    if found.trend:
        lines.append(_upper("; ".join(found.trend)) + ".")
    if found.average is not None:
        average = found.average
        proof = "an equivariant restorer is better than it" if average.certified else "this shows nothing"
        gain = _gain(average.gain_db, average.low, average.high)
        lines.append(f"Averaged over quarter turns, the first plain network gains {gain} dB; {proof}.")
    return "\n".join(lines) + "\n"


def _row(found: Pilot, arm: str) -> str:
    runs = [run for run in found.runs if run.arm == arm]
    values = [fmean(run.psnr[reading] for run in runs) for reading in (0, 1)]
    last = next((item for item in found.differences if (item.arm, item.step) == (arm, found.steps)), None)
    against = "-" if last is None else _gain(last.mean, last.low, last.high)
    seconds = fmean(run.seconds for run in runs)
    return f"{arm:<10} {values[0]:>11.2f} {values[1]:>11.2f} {against:>24} {seconds:>8.1f}"


def _gain(mean: float, low: float | None, high: float | None) -> str:
    return f"{mean:+.2f}" + ("" if low is None or high is None else f" ({low:+.2f} to {high:+.2f})")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
