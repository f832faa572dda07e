"""The machine that a verb runs on, and the record of it."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symmetry_audit.errors import SettingError
from symmetry_audit.options import Device, RunOptions, SpreadOptions
from symmetry_audit.wording import without_secrets

if TYPE_CHECKING:
    import numpy as np

    from symmetry_audit.audit import AuditSettings, Journal, Masks, Measurements
    from symmetry_audit.data import ImageSource, ShardedSource
    from symmetry_audit.tasks import Pairs
    from symmetry_audit.workers import Cluster

__all__ = [
    "LIBRARIES",
    "RUN_SCHEMA",
    "default_workers",
    "measured",
    "measured_parts",
    "opened_run",
    "resolve_device",
    "resolved",
    "results_folder",
    "run_document",
    "workplace",
]

RUN_SCHEMA = "symaudit.run/1"
LIBRARIES = (
    *("symaudit", "numpy", "scipy", "scikit-image", "torch"),
    *("pillow", "imagecodecs", "simplejpeg", "tifffile", "pydicom", "nibabel"),
)


def resolve_device(device: Device) -> str:
    """The device, cpu or cuda; ``auto`` is CUDA if there is any. Raises SettingError for cuda without a CUDA device."""
    if device == "cpu" or (device == "auto" and not _graphics_driver()):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise SettingError("no CUDA device is available to PyTorch; use --device cpu, or install a CUDA build of torch")
    return "cpu"


def _graphics_driver() -> bool:
    """Whether there is a driver that CUDA could use: asking torch takes a second, which most machines need not pay."""
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()


def default_workers() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def resolved(request: RunOptions) -> tuple[str, int]:
    """The device and the number of workers that a run uses."""
    return _device(request), request.workers or default_workers()


def _device(request: SpreadOptions) -> str:
    """The device of the run, on a cluster that of its workers: whether this machine has a GPU says nothing of them."""
    if request.cluster is None:
        return resolve_device(request.device)
    return "cuda" if request.device == "cuda" else "cpu"


@contextmanager
def measured(
    request: RunOptions,
    source: ImageSource | ShardedSource,
    settings: AuditSettings,
    folder: Path,
    given: Mapping[str, np.ndarray] | None = None,
    masks: Masks | None = None,
    first: Callable[[AuditSettings, Measurements], None] | None = None,
) -> Iterator[Measurements]:
    """What the images of ``source`` respond, measured into the journal or the parts of ``folder`` or read from there.

    With ``first``, strict rows are measured for all images before anything is fitted, and it is called with them; not
    in a run that is kept in parts.

    Inside, matrix products have one thread: those of the statistics are small too, and threads that wait cost a core.
    """
    from symmetry_audit import audit
    from symmetry_audit.data import ImageSource

    with opened_run(request, source, settings, folder) as journal:
        if request.cluster is not None or not isinstance(source, ImageSource) or audit.in_partitions(source, folder):
            found = measured_parts(request, source, settings, journal, given=given, masks=masks)
            assert found is not None, "a run of all partitions leaves none out"
            yield found
            return
        device, workers = resolved(request)
        measure = partial(
            audit.measure_source,
            source,
            journal=journal,
            device=device,
            workers=workers,
            given=given,
            masks=masks,
            on_error=request.on_error,
            progress=request.progress,
            estimate=request.estimate,
            say=request.say,
        )
        if first is not None and (strict := audit.strict_settings(settings)) is not None:
            first(strict, measure(settings=strict, whole=settings))
        yield measure(settings=settings)


@contextmanager
def opened_run(
    request: RunOptions, source: ImageSource | ShardedSource, settings: AuditSettings, folder: Path
) -> Iterator[Journal]:
    """``audit.open_run`` as ``request`` says; matrix products inside have one thread."""
    from threadpoolctl import threadpool_limits

    from symmetry_audit import audit

    run = audit.open_run(folder, source, settings, resume=request.resume, force=request.force)
    with threadpool_limits(1, user_api="blas"), run as journal:
        yield journal


def measured_parts(
    request: RunOptions,
    source: ImageSource | ShardedSource,
    settings: AuditSettings,
    journal: Journal,
    **options: Any,
) -> Measurements | None:
    """``audit.measure_parts`` with the workers that ``request`` asks for."""
    from symmetry_audit import audit
    from symmetry_audit.data import ImageSource

    options |= {name: getattr(request, name) for name in ("on_error", "progress", "estimate")}
    with workplace(request) as (device, cluster):
        workers = cluster.threads if cluster is not None else request.workers or default_workers()
        if isinstance(source, ImageSource) and (cost := audit.estimated(source.refs, settings, workers)).large:
            request.say(f"{cost.images} images: {cost.text}")
        if cluster is not None:
            return audit.measure_parts(source, settings, journal, device=device, spread=cluster.map, **options)
        return audit.measure_parts(source, settings, journal, device=device, workers=workers, **options)


@contextmanager
def workplace(request: SpreadOptions) -> Iterator[tuple[str, Cluster | None]]:
    """The device that ``request`` asks for, and the cluster whose workers have it; None: this process."""
    device = _device(request)
    if request.cluster is None:
        yield device, None
        return
    from symmetry_audit.workers import connected

    with connected(request.cluster, device=device, say=request.say) as cluster:
        yield device, cluster


def results_folder(prefix: str, source: ImageSource | ShardedSource | Pairs) -> Path:
    """``prefix-NAME`` here; NAME is the source's short name, with - for characters that a shell treats specially.

    Letters of every script stay. Where a name of the user's had to change, a hash keeps it apart from others like it.
    """
    name = source.short_name or source.name
    plain = re.sub(r"[^\w.\-\u0080-\U0010ffff]+|\s+", "-", name)
    if plain != name and source.short_name is None:
        plain += f"-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return Path(f"{prefix}-{plain}")


def run_document(
    request: RunOptions, started: datetime, found: Measurements, report: str | None = None
) -> dict[str, Any]:
    """run.json: the request, times, machine, versions, and of what was ``found`` the engines, by which responses were
    computed at each sigma, and the arithmetic of all processes.

    ``report`` is the text of the report.json beside it, whose hash tells damage.

    None of these changes a number of the report by more than the error that the engines state.
    """
    from symmetry_audit.audit import arithmetic, joint_arithmetic

    finished, (device, workers) = datetime.now(UTC), resolved(request)
    return {
        "schema": RUN_SCHEMA,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 3),
        "device": device,
        "workers": workers,
        "engines": list(found.engines),
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "arithmetic": joint_arithmetic([arithmetic(), found.arithmetic]),
        "command": without_secrets(sys.argv),
        "directory": os.getcwd(),
        "request": without_secrets(request.to_dict()),
        **({} if report is None else {"report_sha256": hashlib.sha256(report.encode()).hexdigest()}),
    }
