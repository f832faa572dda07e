"""One audit of a whole source: measure every image once, resumably, then reduce to an AuditReport."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symmetry_audit.audit._body import body_plan
from symmetry_audit.audit._control_images import control_images
from symmetry_audit.audit._costs import image_sizes
from symmetry_audit.audit._flips import flip_engine
from symmetry_audit.audit._forecast import Forecast
from symmetry_audit.audit._image import ImageRecord, measure_image, strict_arrays
from symmetry_audit.audit._journal import JOURNAL_NAME, Journal
from symmetry_audit.audit._masks import Masks
from symmetry_audit.audit._measurements import Measurements
from symmetry_audit.audit._memory import SHARE, Room, free_memory, memory_of
from symmetry_audit.audit._plan import ImagePlan, StrictBank, strict_bank
from symmetry_audit.audit._pool import pooled, single_threaded
from symmetry_audit.audit._running import RunningEpsilon
from symmetry_audit.audit._same_images import place_of, take_over
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._skipped import skipped_images
from symmetry_audit.audit._store import PARTS_NAME, RECORDS_FOLDER, Store
from symmetry_audit.audit._units import check_unit
from symmetry_audit.audit._unmeasured import reason_to_skip
from symmetry_audit.data import BYTES_PER_PIXEL, ImageRef, ImageSource, ShardedSource
from symmetry_audit.errors import DataError, ReportError
from symmetry_audit.files import locked
from symmetry_audit.groups import IDENTITY
from symmetry_audit.kernels import KernelModel, sees_sign
from symmetry_audit.results import AFFINE_FILE, SkippedImage

if TYPE_CHECKING:
    from symmetry_audit.audit._adaptive_plan import AdaptivePlan

__all__ = ["image_plans", "measure_source", "nothing_measured", "open_run"]

RESULTS = ("report.json", AFFINE_FILE, "affine.csv")  # a new run might not overwrite these
Progress = Callable[[int, int], None]  # images done, images in all


@contextmanager
def open_run(
    folder: Path, source: ImageSource | ShardedSource, settings: AuditSettings, *, resume: bool, force: bool
) -> Iterator[Journal]:
    """Lock ``folder`` and open its journal: continue the run there, or start over with ``force``.

    A run goes on where its images have moved, or their folder is spelt in another way, as long as names and contents
    are the same.

    Raises ReportError where the folder holds another run, is in use, cannot be written, or is not a report folder.
    """
    with ExitStack() as stack:
        try:
            if folder.is_dir():  # a folder of others gets no lock
                _check_content(folder, resume, force)
            stack.enter_context(locked(folder))
            if force:
                (folder / JOURNAL_NAME).write_bytes(b"")  # never missing: it marks the folder as ours
                for name in (*RESULTS, PARTS_NAME):
                    (folder / name).unlink(missing_ok=True)
                shutil.rmtree(folder / RECORDS_FOLDER, ignore_errors=True)
            place = place_of(source)
            journal = stack.enter_context(closing(Journal(folder, source.text, place, settings.to_dict())))
            take_over(journal, Store(folder), source, settings.max_pixels)
        except OSError as error:
            raise ReportError(f"cannot write to {folder}: {error.strerror}; choose another --out") from None
        yield journal


def _check_content(folder: Path, resume: bool, force: bool) -> None:
    """Raises ReportError where ``folder`` holds a run or files that must not be continued or overwritten."""
    held = {path.name for path in folder.iterdir()} - {".lock"}
    if JOURNAL_NAME in held and not (resume or force):
        raise ReportError(f"{folder} already holds a run; --resume continues it, --force starts over")
    if held and not held & {JOURNAL_NAME, "report.json"}:
        raise ReportError(f"{folder} holds other files and no report; choose another --out")
    if held and JOURNAL_NAME not in held and not force:
        raise ReportError(f"{folder} holds a report but no journal to continue; choose another --out, or --force")


def measure_source(
    source: ImageSource,
    settings: AuditSettings,
    journal: Journal,
    *,
    device: str = "cpu",
    workers: int = 1,
    on_error: str = "skip",
    given: Mapping[str, np.ndarray] | None = None,
    masks: Masks | None = None,
    whole: AuditSettings | None = None,
    progress: Progress = lambda done, total: None,
    estimate: Callable[[float], None] = lambda value: None,
    say: Callable[[str], None] = lambda line: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Measurements:
    """Measure every image that the journal does not hold yet, ``workers`` at a time.

    ``estimate`` is called with the relative epsilon of the images measured so far (RunningEpsilon), ``say`` with a
    prediction of the time once the first few images are measured (Forecast), which ``clock`` times in seconds; it is
    also about the run of the settings ``whole``, where this one measures their strict rows first.
    ``given`` maps image names to the (a, b) to measure them under, (scales, sources, 2), in place of fits; ``masks``
    say which of their pixels count.
    An image that cannot be measured is skipped with its reason, or ends the run with a DataError where
    ``on_error`` is ``fail``. Raises DataError also where no image could be measured, and where units differ.
    """
    banks, plans = image_plans(settings, device, given)
    controlled = control_images((ref.key for ref in source.refs), settings)
    stamps = {ref.key: ref.stamp() for ref in source.refs}
    todo = [
        ref
        for ref in source.refs
        if not journal.has(ref.key, stamps[ref.key], ref.key in controlled, fitted=settings.adaptive)
    ]
    done, failures = len(source.refs) - len(todo), {}
    sizes = image_sizes(todo, settings.max_pixels)
    needed = {name: memory_of(size, controlled=name in controlled) for name, size in sizes.items()}
    room = Room(SHARE * free_memory())
    if line := room.remark(needed.values(), workers):
        say(line)
    forecast = Forecast(sizes, controlled, workers, len(source.refs), settings, whole)
    running, seconds, units = RunningEpsilon(banks[0]), dict[str, float](), dict[str, str]()
    left = {ref.key for ref in todo}
    for ref in source.refs:
        if ref.key not in left:
            check_unit(units, ref.key, journal.unit(ref.key))
    progress(done, len(source.refs))

    def measure(ref: ImageRef) -> ImageRecord:
        about = {"controlled": ref.key in controlled, "masks": masks, "strict": known.pop(ref.key, None)}
        with room.taken(needed[ref.key]):
            started = clock()
            record = measure_image(ref, settings, plans, **about)
        seconds[ref.key] = clock() - started
        return record

    known: dict[str, Mapping[str, np.ndarray]] = {}

    def remembered(refs: Iterator[ImageRef]) -> Iterator[ImageRef]:
        """Each image with its strict arrays, read here: the journal's file belongs to one thread."""
        for ref in refs:
            if settings.adaptive and journal.has(ref.key, stamps[ref.key]):
                known[ref.key] = strict_arrays(journal.read(ref.key))
            yield ref

    first = set(forecast.first())
    todo.sort(key=lambda ref: ref.key not in first)
    stream = remembered(source.stream(todo, settings.max_pixels * BYTES_PER_PIXEL))
    # closing: an interrupted run waits for the images in work before anything is put back
    with single_threaded(), closing(pooled(measure, stream, workers, device)) as outcomes:
        for ref, outcome in outcomes:
            if isinstance(outcome, ImageRecord):
                check_unit(units, ref.key, outcome.unit)
                journal.append(outcome)
                estimate(running.add(outcome.arrays["strict"][0]))
                if line := forecast.add(ref.key, seconds.pop(ref.key)):
                    say(line)
            else:
                failures[ref.key] = reason_to_skip(ref, outcome, on_error)
            done += 1
            progress(done, len(source.refs))
    images = tuple(ref.key for ref in source.refs if ref.key not in failures)
    skipped = [*source.skipped, *skipped_images(source.refs, failures)]
    skipped.sort(key=lambda item: (item.image, item.reason))
    if not images:
        raise nothing_measured(skipped)
    return Measurements(
        banks=banks,
        images=len(images),
        controlled=len(controlled & set(images)),
        skipped=tuple(skipped),
        unit=next(iter(units)),
        engines=tuple(str(plan.strict) for plan in plans),
        records=lambda: map(journal.read, images),
    )


def nothing_measured(skipped: Sequence[SkippedImage]) -> DataError:
    """The error of a run in which all images were ``skipped``."""
    if not skipped:
        return DataError("the source holds no images")
    return DataError(f"none of the {len(skipped)} images could be measured; {skipped[0].image}: {skipped[0].reason}")


def image_plans(
    settings: AuditSettings, device: str, given: Mapping[str, np.ndarray] | None = None
) -> tuple[tuple[StrictBank, ...], tuple[ImagePlan, ...]]:
    """Everything that the images share, made once: one bank and one plan per sigma."""
    from symmetry_audit.engine import strict_engine

    banks, plans, flips = [], [], flip_engine(settings.margin, device)
    for model in settings.models:
        bank = strict_bank(settings, model)
        engine = strict_engine(bank.kernels, model, settings.margin, device, signed=sees_sign(settings.response))
        body = body_plan(settings, model, bank.index, device)
        banks.append(bank if body is None else replace(bank, index=body.index))
        own, adaptive = None if plans else flips, _adaptive_plan(settings, model, device, given)
        plans.append(ImagePlan(engine, banks[-1].index, own, adaptive, given, body))
    return tuple(banks), tuple(plans)


def _adaptive_plan(
    settings: AuditSettings, model: KernelModel, device: str, given: Mapping[str, np.ndarray] | None
) -> AdaptivePlan | None:
    if not settings.adaptive:
        return None
    from symmetry_audit.audit._adaptive_plan import adaptive_plan

    plan = adaptive_plan(settings, model, device)
    if given is None:
        plan.fitted.coefficients(IDENTITY, (0,))  # made once here, not by every worker
    return plan
