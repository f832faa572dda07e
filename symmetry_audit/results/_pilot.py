"""What a network pilot found, as frozen values, to and from JSON, and what it says in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from symmetry_audit.results._dataset import DatasetInfo
from symmetry_audit.results._documents import Origin, dump_checked, read_json, read_value, unchecked
from symmetry_audit.results._notebook import notebook_html
from symmetry_audit.results._skipped import SkippedImage

__all__ = [
    "PILOT_FILE",
    "PILOT_SCHEMA",
    "AverageGain",
    "Pilot",
    "PilotDifference",
    "PilotRun",
    "PilotVerdict",
    "read_pilot",
]

PILOT_FILE = "pilot.json"
PILOT_SCHEMA = "symaudit.pilot/1"
AGAIN = "run the pilot again with --force"
VERDICTS = ("decided", "tie", "undecided")


@dataclass(frozen=True)
class PilotRun:
    """One arm trained with one seed: mean PSNR in dB over the held-out images at both readings, seconds of training."""

    seed: int
    arm: str
    psnr: tuple[float, float]
    seconds: float


@dataclass(frozen=True)
class PilotDifference:
    """PSNR of ``arm`` minus that of the plain network in dB, paired by seed, after ``step`` steps.

    ``low`` and ``high`` are limits at the level of the verdict: the truth lies beyond one of them in at most
    5 % / (looks x rivals) of the pilots. They are None before the first look.
    """

    arm: str
    step: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class PilotVerdict:
    """``arm`` is what to build, None where ``kind`` is "undecided"; "tie": it is one of several within the margin.

    ``gain_db`` is the PSNR of ``better`` minus that of ``rival`` at the last reading, with its limits: the two arms
    that decide it, the chosen one (or the leading one) and the best of the others. ``looks`` are the numbers of seeds
    at which the numbers were looked at.
    """

    kind: str
    arm: str | None
    better: str
    rival: str
    gain_db: float
    low: float | None
    high: float | None
    looks: tuple[int, ...]


@dataclass(frozen=True)
class AverageGain:
    """What the plain network of the first seed gains in dB by averaging its output over the four quarter turns.

    By Lemma 4.1 of [SA] the average is a p4-equivariant restorer, at four times the computation; a network that is
    trained to be equivariant may be better or, after a short training, worse. ``low`` and
    ``high`` are its 99 % limits over the held-out ``images``, None for a single image. A lower limit above 0 certifies
    that an equivariant restorer is better than this network; otherwise nothing follows.
    """

    gain_db: float
    low: float | None
    high: float | None
    images: int

    @property
    def certified(self) -> bool:
        """Whether an equivariant restorer is shown to be better."""
        return self.low is not None and self.low > 0


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """Which of several networks restores held-out images best after a short training, for one task and dataset.

    ``data`` are all images of the source, of which ``used`` were taken (no near duplicates), cut to windows; each seed
    holds out ``held_out`` of them. ``arms`` are in the order of preference at a tie: cheaper steps first, then the
    larger group. The networks are of ``preset``, ``width`` channels wide, and trained for ``steps`` steps of ``batch``
    patches of ``patch`` px; they are read at half the steps too. ``margin`` is the difference in dB that does not
    matter, ``looks`` the numbers of seeds after which a decision can fall, ``seed`` the first seed.
    """

    DERIVED = ("schema", "sentence", "trend")

    data: DatasetInfo
    task: Mapping[str, Any]
    task_text: str
    used: int
    held_out: int
    preset: str
    width: int
    steps: int
    batch: int
    patch: int
    arms: tuple[str, ...]
    margin: float
    looks: tuple[int, ...]
    seed: int
    runs: tuple[PilotRun, ...]
    differences: tuple[PilotDifference, ...]
    average: AverageGain | None
    verdict: PilotVerdict
    skipped: tuple[SkippedImage, ...] = ()

    @property
    def seeds(self) -> int:
        """The number of seeds, each with a run of every arm."""
        return len(self.runs) // len(self.arms)

    @property
    def readings(self) -> tuple[int, int]:
        """The steps after which networks were scored."""
        return self.steps // 2, self.steps

    @property
    def seconds(self) -> float:
        """Seconds of all runs."""
        return sum(run.seconds for run in self.runs)

    @property
    def sentence(self) -> str:
        """The answer in a sentence."""
        found, seeds = self.verdict, f"{self.seeds} seeds" if self.seeds > 1 else "1 seed"
        between = f"{_signed(found.gain_db)} dB{_interval(found.low, found.high)}"
        if found.kind == "undecided":
            more = "" if self.seeds >= self.looks[-1] else " The same command with more --minutes goes on."
            return f"Undecided after {seeds}: {found.better} against {found.rival} {between}.{self._behind()}{more}"
        if found.kind == "tie" or (found.low is not None and found.low <= 0):
            where = f"within {self.margin:g} dB of" if found.kind == "tie" else f"at most {self.margin:g} dB behind"
            return (
                f"Build {found.arm}: it is {where} the others ({found.rival}: {between}; {seeds}) and the first choice "
                "where arms are equal."
            )
        return f"Build {found.arm}: {between} against {found.rival} on held-out images, {seeds}."

    def _behind(self) -> str:
        """Arms that are shown to be worse than the plain network, which an undecided verdict would hide."""
        last = [item for item in self.differences if item.step == self.steps]
        worse = [item for item in last if item.high is not None and item.high < 0]
        said = [f"{item.arm} loses {-item.mean:.2f} dB{_interval(item.low, item.high)}" for item in worse]
        return f" Against plain, {' and '.join(said)}." if said else ""

    @property
    def trend(self) -> tuple[str, ...]:
        """How each arm's difference to the plain network changed from half time to the end, in words."""
        half, full = self.readings
        at = {(item.arm, item.step): item.mean for item in self.differences}
        arms = [arm for arm in self.arms if (arm, full) in at]
        return tuple(
            text for arm in arms if (text := _trend(arm, self.readings, (at[arm, half], at[arm, full]), self.margin))
        )

    def _repr_html_(self) -> str:
        """What notebooks show: the sentence, and each arm against the plain network at the end."""
        rows = [
            (item.arm, _signed(item.mean), _interval(item.low, item.high).strip())
            for item in self.differences
            if item.step == self.steps
        ]
        title = f"Pilot: {self.task_text}, {self.data.name}"
        return notebook_html(title, (self.sentence, *self.trend), ("arm", "against plain (dB)", "limits"), rows)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first."""
        return {"schema": PILOT_SCHEMA, "sentence": self.sentence, "trend": list(self.trend), **asdict(self)}

    def to_json(self) -> str:
        """``to_dict`` as text."""
        return dump_checked(self.to_dict())

    @classmethod
    def load(cls, folder: str | Path) -> Pilot:
        """Read ``folder/pilot.json``. Raises ReportError where it is missing, damaged or of another schema."""
        path = Path(folder) / PILOT_FILE
        return cls.from_dict(read_json(path, "give the folder that `symaudit pilot` wrote", AGAIN), str(path))

    @classmethod
    def from_dict(cls, document: Any, where: str = "the pilot") -> Pilot:
        """The inverse of ``to_dict``. Raises ReportError where it is damaged or of another or a newer schema."""
        origin = Origin(where, AGAIN)
        document = unchecked(document, origin)
        origin.check_schema(document, PILOT_SCHEMA)
        found = read_value(cls, document, origin)
        verdict = found.verdict
        if verdict.kind not in VERDICTS:
            raise origin.damaged(f"the verdict is {verdict.kind!r:.40}")
        if (verdict.arm is None) != (verdict.kind == "undecided") or verdict.arm not in (None, *found.arms):
            raise origin.damaged(f"the verdict is {verdict.kind} for {verdict.arm!r:.40}")
        runs = sorted(run.arm for run in found.runs)
        if not runs or runs != sorted(found.seeds * found.arms) or len(found.arms) < 2:
            raise origin.damaged("its seeds do not have one run of each arm")
        return found


def read_pilot(folder: str | Path) -> Pilot | None:
    """The pilot in ``folder``, None where there is none. Raises ReportError for one that is damaged or newer."""
    return Pilot.load(folder) if (Path(folder) / PILOT_FILE).is_file() else None


def _trend(arm: str, steps: tuple[int, int], gains: tuple[float, float], margin: float) -> str | None:
    """Where one arm stands at both readings; None where it is level at both."""
    half, full = gains
    if max(abs(half), abs(full)) <= margin:
        return None
    where = "behind" if full < 0 else "ahead"
    if half * full <= 0:
        return f"after {steps[0]} steps {arm} is {_placed(half)}, after {steps[1]} {_placed(full)}"
    follower = arm if full < 0 else "plain"
    if abs(full) <= abs(half) / 2:
        change = f"{follower} is catching up"
    else:
        change = f"the gap {'grows' if abs(full) > abs(half) else 'shrinks'}"
    return f"after {steps[0]} steps {arm} is {abs(half):.2f} dB {where}, after {steps[1]} {abs(full):.2f}: {change}"


def _placed(gain: float) -> str:
    return f"{abs(gain):.2f} dB {'behind' if gain < 0 else 'ahead'}"


def _signed(value: float) -> str:
    return f"{value:+.2f}"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:+.2f} to {high:+.2f})"
