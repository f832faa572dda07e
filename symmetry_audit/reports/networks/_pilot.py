"""What a network pilot found, for people: the sentence first, then a line for each arm."""

from __future__ import annotations

from statistics import fmean

from symmetry_audit.results import Pilot
from symmetry_audit.wording import count

__all__ = ["pilot_conditions", "pilot_header", "pilot_remarks", "pilot_row", "pilot_text"]


def pilot_text(found: Pilot) -> str:
    """The sentence, and at most ten lines of numbers."""
    table = [pilot_header(found), *(pilot_row(found, arm) for arm in found.arms)]
    lines = [
        found.sentence,
        pilot_conditions(found),
        *(f"{arm:<10} {before:>11} {after:>11} {gain:>24} {time:>8}" for arm, before, after, gain, time in table),
        *pilot_remarks(found),
    ]
    return "\n".join(lines) + "\n"


def pilot_conditions(found: Pilot) -> str:
    """Task, images, networks."""
    return (
        f"{found.task_text}; {found.used} images of {found.data.name}, {found.held_out} held out; "
        f"{count(found.seeds, 'seed')}; {found.preset} networks, batches of {found.batch} patches of {found.patch} px"
    )


def pilot_header(found: Pilot) -> tuple[str, ...]:
    """What the columns of ``pilot_row`` are."""
    half, full = found.readings
    return ("arm", f"dB at {half}", f"dB at {full}", "against plain", "s a run")


def pilot_remarks(found: Pilot) -> list[str]:
    """How the arms changed during training, and what the average of the plain network gains, each a sentence."""
    lines = [_upper("; ".join(found.trend)) + "."] if found.trend else []
    if found.average is not None:
        average = found.average
        proof = "an equivariant restorer is better than it" if average.certified else "this shows nothing"
        gain = _gain(average.gain_db, average.low, average.high)
        lines.append(f"Averaged over quarter turns, the first plain network gains {gain} dB; {proof}.")
    return lines


def pilot_row(found: Pilot, arm: str) -> tuple[str, ...]:
    """The cells of one arm."""
    runs = [run for run in found.runs if run.arm == arm]
    values = [fmean(run.psnr[reading] for run in runs) for reading in (0, 1)]
    last = next((item for item in found.differences if (item.arm, item.step) == (arm, found.steps)), None)
    against = "-" if last is None else _gain(last.mean, last.low, last.high)
    seconds = fmean(run.seconds for run in runs)
    return (arm, *(f"{value:.2f}" for value in values), against, f"{seconds:.1f}")


def _gain(mean: float, low: float | None, high: float | None) -> str:
    return f"{mean:+.2f}" + ("" if low is None or high is None else f" ({low:+.2f} to {high:+.2f})")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
