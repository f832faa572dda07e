"""The network pilot: paired short trainings of a few arms, seed by seed, until one may be built (SPEC 8)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise, takewhile
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from symmetry_audit.catalogue import ARMS, find_arm
from symmetry_audit.errors import SettingError
from symmetry_audit.files import locked, write_atomically
from symmetry_audit.pilots._arms import PRESET, Length, width_for
from symmetry_audit.pilots._decision import LOOKS, paired, reached, student
from symmetry_audit.pilots._runs import RunLog
from symmetry_audit.pilots._split import Pictures
from symmetry_audit.pilots._trainings import Job, paces, trained
from symmetry_audit.results import (
    PILOT_FILE,
    AverageGain,
    DatasetInfo,
    Pilot,
    PilotDifference,
    PilotRun,
    PilotVerdict,
)

if TYPE_CHECKING:
    from symmetry_audit.workers import Cluster

__all__ = ["Design", "network_pilot", "ordered"]

PLAIN = "plain"  # the arm that the others are compared with
CERTAIN = 0.01  # how often the limit of the average's gain may be wrong
USUAL, SHORTEST, LONGEST, ROUND = 240, 120, 2000, 20  # steps of a run
SHARE = 0.8  # of the time that is planned with: a machine may become busier
SCORING = 30  # steps that take as long as scoring a run twice on 16 images of 96 px

OnStep = Callable[[int, int, Mapping[str, float]], None]  # (steps done, of all seeds, seconds left)


@dataclass(frozen=True)
class Design:
    """What is compared, and how long.

    ``arms`` are names of ARMS, in the order of preference. ``steps`` None: as many as fit into the ``minutes``.
    """

    arms: tuple[str, ...]
    margin: float = 0.05
    seed: int = 0
    minutes: float = 5.0
    steps: int | None = None


def ordered(names: Sequence[str]) -> tuple[str, ...]:
    """``names`` of arms and the plain one in the order of preference. Raises SettingError for a wrong one, or none."""
    wanted = {PLAIN, *(find_arm(name).name for name in names)}
    if len(wanted) < 2:
        raise SettingError(f"a pilot compares {PLAIN} with other arms; add some to --arms, such as p4")
    return tuple(arm for arm in ARMS if arm in wanted)


def network_pilot(
    pictures: Pictures,
    data: DatasetInfo,
    design: Design,
    folder: Path,
    *,
    device: str = "cpu",
    cluster: Cluster | None = None,
    force: bool = False,
    on_step: OnStep = lambda done, steps, values: None,
) -> Pilot:
    """Run the pilot, or go on with the one in ``folder``, and write its pilot.json there.

    Each seed draws a split of the images, patches, noise and weights, the same for all arms. No seed begins once the
    minutes are over, nor one that would not lead to a look. On a ``cluster`` the runs that lead to one look are trained
    at the same time, and no others: those of the next look may not be needed. Raises ReportError if the folder holds
    another pilot, or another run writes to it; ModelError and DataError as ``trained``.
    """
    with locked(folder):
        log = RunLog(folder, force=force)
        work = _Work(pictures, design, log, device, cluster, on_step)
        work.begin(data.fingerprint)
        work.run()
        found = _found(work, data)
        write_atomically(folder / PILOT_FILE, found.to_json())
    return found


class _Work:
    """The runs of a pilot: those that are done, in the log, and those to come."""

    def __init__(
        self,
        pictures: Pictures,
        design: Design,
        log: RunLog,
        device: str,
        cluster: Cluster | None,
        on_step: OnStep,
    ) -> None:
        self.pictures, self.design, self.log, self.on_step = pictures, design, log, on_step
        self.device, self.cluster = device, cluster
        # runs at a time; more workers than runs of a look are of no use
        self.abreast = 1 if cluster is None else min(cluster.threads, LOOKS[0] * len(design.arms))
        self.before = sum(run.seconds for run in log.runs.values()) / self.abreast
        self.start = time.monotonic()
        self.length = Length(patch=pictures.patch)

    def begin(self, fingerprint: str) -> None:
        """Settle the length of the runs. Raises ReportError if the log is of another pilot."""
        steps = self.design.steps or (self.log.begun or {}).get("steps") or self._fitting()
        self.length = replace(self.length, steps=steps)
        own = {"data": fingerprint, "pixels": self.pictures.digest, "task": self.pictures.task.to_dict()}
        design = {"arms": self.design.arms, "margin": self.design.margin, "seed": self.design.seed, "preset": PRESET}
        self.log.begin({**own, **design, **asdict(self.length)})

    def run(self) -> None:
        """Train look by look until an arm may be built, all looks are done or the time is over."""
        for begin, end in pairwise((0, *LOOKS)):
            jobs = self._missing(range(begin, end))
            for run in trained(jobs, self.pictures, self.length, self.device, self.cluster, self._stepped):
                self.log.append(run)
                if self.cluster is not None:  # whose steps are not seen
                    self._stepped(0)
            table = self.table()
            if len(table[PLAIN]) < end or reached(table, self.design.margin)[0].arm:
                return

    @property
    def average(self) -> AverageGain | None:
        """What the plain network of the first seed gains by averaging, None before it is trained."""
        run = self.log.runs.get((self.design.seed, PLAIN))
        if run is None or run.averaged is None:
            return None
        gain = student([a - b for a, b in zip(run.averaged, run.psnr[-1], strict=True)], CERTAIN)
        return AverageGain(gain.mean, gain.low, gain.high, len(run.averaged))

    def table(self, reading: int = -1) -> dict[str, list[float]]:
        """Mean PSNR by arm of the seeds that all arms have, in order; a killed pilot may have more runs behind them."""
        first, runs = self.design.seed, self.log.runs
        seeds = list(takewhile(self._complete, range(first, first + LOOKS[-1])))
        return {arm: [fmean(runs[seed, arm].psnr[reading]) for seed in seeds] for arm in self.design.arms}

    def _fitting(self) -> int:
        """Steps for which all looks fit into the minutes; if that is too few, the usual number, if one look fits.

        Seeds come before steps: the interval of 3 seeds is four times as wide as that of 8.
        """
        pace = paces(self.design.arms, self.pictures, self.length, self.device, self.design.seed, self.cluster)
        time = SHARE * 60 * self.design.minutes
        least, most = (time / self._seconds(looks, pace) - SCORING for looks in (LOOKS[:1], LOOKS))
        return int(min(max(most, min(USUAL, least), SHORTEST), LONGEST)) // ROUND * ROUND

    def _seconds(self, looks: Sequence[int], pace: Sequence[float]) -> float:
        """Seconds for one step of all runs that lead to ``looks``, of arms with the ``pace``: exact for one run at a
        time, and no less than what more of them need, however they are handed out (Graham 1966)."""
        seeds, others = looks[-1], self.abreast - 1
        return (seeds * sum(pace) + len(looks) * others * max(pace)) / self.abreast

    def _missing(self, numbers: Iterable[int]) -> Iterator[Job]:
        """The runs of some seeds that are not in the log, of a seed the plain one first, while there is time."""
        for number in numbers:
            if not self._may_begin(number):
                return
            seed = self.design.seed + number
            for arm in sorted(self.design.arms, key=lambda arm: arm != PLAIN):
                if (seed, arm) not in self.log.runs:
                    yield Job(seed, arm, average=arm == PLAIN and number == 0)

    def _complete(self, seed: int) -> bool:
        return all((seed, arm) in self.log.runs for arm in self.design.arms)

    def _may_begin(self, number: int) -> bool:
        """Whether a seed may be trained: there is time for it, and for the further ones that make up the next look."""
        seed, left = self.design.seed + number, 60 * self.design.minutes - self._elapsed()
        if number == 0 or self._complete(seed):
            return True
        wanted = next(look for look in LOOKS if look > number) - number if number in LOOKS else 0
        return left > wanted * self._elapsed() / number

    def _elapsed(self) -> float:
        """Seconds of this pilot, those of earlier parts included."""
        return self.before + time.monotonic() - self.start

    def _stepped(self, step: int) -> None:
        steps = self.length.steps
        done, whole = len(self.log.runs) * steps + step, LOOKS[-1] * len(self.design.arms) * steps
        left = min(self._elapsed() / done * (whole - done), 60 * self.design.minutes - self._elapsed())
        self.on_step(done, whole, {"eta": max(left, 0.0)})


def _found(work: _Work, data: DatasetInfo) -> Pilot:
    """The document of the seeds that all arms have."""
    design, table, pictures = work.design, work.table(), work.pictures
    seeds = range(design.seed, design.seed + len(table[PLAIN]))
    runs = (work.log.runs[seed, arm] for seed in seeds for arm in design.arms)
    return Pilot(
        data=data,
        task=pictures.task.to_dict(),
        task_text=pictures.task.text,
        used=len(pictures.items),
        held_out=pictures.held_out,
        preset=PRESET,
        width=width_for(pictures.task),
        steps=work.length.steps,
        batch=work.length.batch,
        patch=work.length.patch,
        arms=design.arms,
        margin=design.margin,
        looks=LOOKS,
        seed=design.seed,
        runs=tuple(PilotRun(run.seed, run.arm, (fmean(run.psnr[0]), fmean(run.psnr[-1])), run.seconds) for run in runs),
        differences=tuple(_differences(work)),
        average=work.average,
        verdict=_verdict(work),
        skipped=pictures.skipped,
    )


def _differences(work: _Work) -> Iterator[PilotDifference]:
    """Every other arm against the plain one at both readings."""
    for reading, step in enumerate(work.length.readings):
        table = work.table(reading)
        for arm in table:
            if arm != PLAIN:
                found = paired(table, arm, PLAIN)
                yield PilotDifference(arm, step, found.mean, found.low, found.high)


def _verdict(work: _Work) -> PilotVerdict:
    found, looks = reached(work.table(), work.design.margin)
    kind = "undecided" if found.arm is None else "tie" if found.tie else "decided"
    lead = (found.lead.mean, found.lead.low, found.lead.high)
    return PilotVerdict(kind, found.arm, found.better, found.rival, *lead, looks=looks)
