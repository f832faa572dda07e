"""``measure``: the whole path from a source of images to a report folder, for Python and the command line."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from symmetry_audit import audit, data, findings, reports, verification
from symmetry_audit.audit import DEFAULT_MAX_PIXELS, PER_REGULARIZER, AuditSettings
from symmetry_audit.data import DEMO_NAME, DEMO_TEXT
from symmetry_audit.errors import DataError, ReportError, SettingError
from symmetry_audit.files import write_atomically
from symmetry_audit.results import AFFINE_FILE, AffineFit, AuditReport, FailedFit, SkippedImage, dump_json

__all__ = ["RUN_SCHEMA", "fit_affine", "measure", "reopen", "run_audit", "run_fits", "verify"]

RUN_SCHEMA = "symaudit.run/1"
LIBRARIES = ("symaudit", "numpy", "torch", "pillow", "imagecodecs", "tifffile")


def measure(
    source: str | Path,
    *,
    reg: str | Iterable[str] | None = None,
    stencils: str | Path | None = None,
    group: str = "p32",
    kernel: str = "gaussian",
    sigma: float | Sequence[float] | None = None,
    margin: int | None = None,
    response: str = "abs",
    scenario: str | Iterable[str] | None = None,
    downscale: int | Sequence[int] | None = None,
    limit: int | None = None,
    seed: int = 0,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    fit: str = PER_REGULARIZER,
    affine: str | Path | None = None,
    controls: bool = True,
    clusters: str = "image",
    device: str = "auto",
    workers: int | None = None,
    out: str | Path | None = None,
    resume: bool = True,
    force: bool = False,
    on_error: str = "skip",
    data_root: str | Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> AuditReport:
    """Measure the dataset-level symmetry error epsilon_G, Eq. (8) of [SA], of ``source``.

    ``source`` is a folder (searched recursively), a file, a glob, a text list, a .zip or .tar archive, or
    the name of a dataset manifest such as "DIV2K" or "DIV2K:valid" (found under ``data_root`` or
    SYMAUDIT_DATA). ``reg`` names regularizers (default: tv, tv2, sobel, laplacian, prewitt), ``stencils``
    a TOML file with further ones, ``group`` a group such as "p32" or "p8m", ``kernel`` gaussian, bicubic or
    fourier with ``sigma`` in px for the first, ``margin`` the border left out in px, ``response`` abs or
    energy, ``scenario`` sample_strict, dataset_strict and/or dataset_adaptive. Intensities are luminance in
    [0, 255]. In the adaptive scenario every image has its own group G_w: ``fit`` says whose w (per-regularizer,
    joint, or a regularizer's name), ``affine`` names a file of w to use in place of fits, and without ``controls``
    what only tells how far to trust these rows is left out, which takes about two thirds of the time. The bootstrap
    draws images, or whole ``clusters``: image, folder or duplicates (groups of pixel-identical images).

    With ``out`` the report folder (report.json, responses.parquet, tables, figures) is written there, and a
    run that was killed continues; without it nothing is kept but the returned value. ``workers`` is the
    number of images in work at a time (default: all cores); it changes no number. ``progress`` is called
    with (images done, images in all).

    Raises SettingError for a bad argument, DataError for a source without usable images, ReportError where
    ``out`` holds another run.
    """
    settings = audit.make_settings(
        reg=reg,
        stencils=stencils,
        group=group,
        kernel=kernel,
        sigma=sigma,
        margin=margin,
        response=response,
        scenario=scenario,
        downscale=downscale,
        limit=limit,
        seed=seed,
        max_pixels=max_pixels,
        fit=fit,
        affine=None if affine is None else audit.fits_digest(Path(affine)),
        controls=controls,
        clusters=clusters,
    )
    opened = data.open_source(str(source), data_root)
    return run_audit(
        opened,
        settings,
        given=None if affine is None else audit.given_fits(Path(affine), settings),
        device=device,
        workers=workers,
        out=out,
        resume=resume,
        force=force,
        on_error=on_error,
        progress=progress,
    )


def run_audit(
    source: data.ImageSource,
    settings: AuditSettings,
    *,
    given: Mapping[str, np.ndarray] | None = None,
    device: str = "auto",
    workers: int | None = None,
    out: str | Path | None = None,
    resume: bool = True,
    force: bool = False,
    on_error: str = "skip",
    draw: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> AuditReport:
    """``measure`` for a source and settings that are already resolved; ``given`` are those of ``given_fits``.

    Without ``draw`` the folder gets neither tables nor figures, which take most of the time of a small run.
    """
    device, workers = _resolved(device, workers, on_error)
    source, started = source.limited(settings.limit), datetime.now(UTC)
    run = {"device": device, "workers": workers, "on_error": on_error, "given": given, "progress": progress}
    with tempfile.TemporaryDirectory() if out is None else nullcontext(out) as place:
        folder = Path(place)
        with audit.open_run(folder, source, settings, resume=resume, force=force) as journal:
            found = audit.measure_source(source, settings, journal, **run)
            if out is None:
                fits: list[AffineFit | FailedFit] = []
                return replace(findings.build_report(source, settings, found, keep_fit=fits.append), fits=tuple(fits))
            with ExitStack() as files:
                writer = files.enter_context(reports.ResponseWriter(folder / reports.RESPONSES_FILE, settings.group))
                keep = {"keep": writer.append}
                if settings.adaptive:
                    keep["keep_fit"] = files.enter_context(reports.AffineWriter(folder)).append
                report = findings.build_report(source, settings, found, **keep)
            write_atomically(folder / "report.json", report.to_json())
            write_atomically(folder / "run.json", dump_json(_run_info(started, device, workers)))
            if draw:
                reports.render(folder)
        return replace(report, folder=folder)


def fit_affine(
    source: str | Path | np.ndarray,
    *,
    reg: str | Iterable[str] | None = None,
    stencils: str | Path | None = None,
    group: str = "p32",
    kernel: str = "gaussian",
    sigma: float | Sequence[float] | None = None,
    margin: int | None = None,
    response: str = "abs",
    downscale: int | Sequence[int] | None = None,
    limit: int | None = None,
    seed: int = 0,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    device: str = "auto",
    workers: int | None = None,
    out: str | Path | None = None,
    resume: bool = True,
    force: bool = False,
    on_error: str = "skip",
    data_root: str | Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[AffineFit | FailedFit, ...]:
    """The deformation w_n of every image: that under which its responses to the group D A D^-1 vary least (SPEC 5).

    Arguments are those of ``measure``; ``source`` may also be one image as an (H, W) array of luminance in
    [0, 255]. One fit per image, scale and regularizer that depends on direction, and one named "joint" over tv, tv2,
    sobel and prewitt (those of ``reg``; default: the four). A fit that fails is a FailedFit, false in a condition,
    with its reason. With ``out`` affine.parquet and affine.csv are written there, and a run that was killed
    continues. Raises SettingError, DataError or ReportError as ``measure`` does, ImageError for an unusable array.
    """
    settings = audit.fit_settings(
        reg=reg,
        stencils=stencils,
        group=group,
        kernel=kernel,
        sigma=sigma,
        margin=margin,
        response=response,
        downscale=downscale,
        limit=limit,
        seed=seed,
        max_pixels=max_pixels,
    )
    if not isinstance(source, str | os.PathLike):
        return audit.fit_array(source, settings, audit.resolve_device(device))
    run = {"device": device, "workers": workers, "out": out, "resume": resume, "force": force, "on_error": on_error}
    fits, _ = run_fits(data.open_source(str(source), data_root), settings, progress=progress, **run)
    return fits


def run_fits(
    source: data.ImageSource,
    settings: AuditSettings,
    *,
    device: str = "auto",
    workers: int | None = None,
    out: str | Path | None = None,
    resume: bool = True,
    force: bool = False,
    on_error: str = "skip",
    plot: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[tuple[AffineFit | FailedFit, ...], tuple[SkippedImage, ...]]:
    """``fit_affine`` for a source and settings that are already resolved: the fits, and the images left out.

    ``plot`` writes a picture of every image with its fits into ``out``.
    """
    device, workers = _resolved(device, workers, on_error)
    source, started, fits = source.limited(settings.limit), datetime.now(UTC), []
    run = {"device": device, "workers": workers, "on_error": on_error, "progress": progress}
    with tempfile.TemporaryDirectory() if out is None else nullcontext(out) as place:
        folder = Path(place)
        with audit.open_run(folder, source, settings, resume=resume, force=force) as journal:
            found = audit.measure_source(source, settings, journal, **run)
            by_key = {ref.key: ref for ref in source.refs}
            with reports.AffineWriter(folder) as writer:
                for image, tables, rows in audit.stored_fits(settings, found):
                    fits += rows
                    for row in rows:
                        writer.append(row)
                    if plot:
                        _plot(folder / "plots", by_key[image], tables, rows, settings)
            write_atomically(folder / "run.json", dump_json(_run_info(started, device, workers)))
    return tuple(fits), found.skipped


def _plot(
    folder: Path,
    ref: data.ImageRef,
    tables: audit.ImageTables,
    rows: Sequence[AffineFit | FailedFit],
    settings: AuditSettings,
) -> None:
    """One picture of one image at the first scale."""
    image = data.decode(ref.read(settings.max_pixels * audit.BYTES_PER_PIXEL), settings.max_pixels)
    profiles = audit.relative_profiles(tables, settings)
    panels = [(row, *profiles[row.regularizer]) for row in rows if row and row.regularizer in profiles]
    panels = [panel for panel in panels if (panel[0].sigma, panel[0].downscale) == audit.first_scale(settings)]
    folder.mkdir(exist_ok=True)
    picture = reports.affine_figure(ref.key, image.luminance, settings.group, panels)
    write_atomically(folder / reports.plot_name(ref.key), picture)


def _resolved(device: str, workers: int | None, on_error: str) -> tuple[str, int]:
    """The device and the number of workers, once all three make sense. Raises SettingError."""
    if on_error not in ("skip", "fail"):
        raise SettingError(f'on_error must be "skip" or "fail", got "{on_error}"')
    workers = default_workers() if workers is None else workers
    if workers < 1:
        raise SettingError(f"--workers must be at least 1, got {workers}")
    return audit.resolve_device(device), workers


def verify(
    folder: str | Path,
    *,
    source: str | Path | None = None,
    data_root: str | Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[str, ...]:
    """Measure the images of a report again and say what does not agree; empty where everything does.

    ``source`` says where the images lie now, if not where the report found them. Both report.json and
    responses.parquet are checked. Raises ReportError or DataError where either cannot be read.
    """
    folder = Path(folder)
    report = AuditReport.load(folder)
    reports.mean_profiles(folder, report)
    settings = AuditSettings.from_dict(report.settings)
    opened = reopen(report, folder, source, data_root)
    given = None if settings.affine is None else _own_fits(folder, settings)
    with tempfile.TemporaryDirectory() as place:
        run = {"given": given, "device": device, "workers": workers, "progress": progress}
        again = run_audit(opened, settings, out=place, draw=False, **run)
        found = verification.differences(report, again, reports.mean_profiles(place, again))
        files = (path / reports.RESPONSES_FILE for path in (folder, Path(place)))
        return found or verification.response_differences(*files, again)


def _own_fits(folder: Path, settings: AuditSettings) -> Mapping[str, np.ndarray]:
    """The fits that a report was given, which it keeps. Raises ReportError where they cannot be used."""
    try:
        return audit.given_fits(folder / AFFINE_FILE, settings)
    except SettingError as error:
        raise ReportError(f"the fits that {folder} was measured with are damaged: {error}") from None


def reopen(
    report: AuditReport, folder: Path, source: str | Path | None, data_root: str | Path | None
) -> data.ImageSource:
    """The images of ``report``: where ``source`` says, or as given, also from where the run in ``folder`` started.

    Raises DataError where they are not there any more.
    """
    if source is None and (report.dataset.name, report.dataset.source) == (DEMO_NAME, DEMO_TEXT):
        return data.demo_source()
    if source is not None:
        return data.open_source(str(source), data_root)
    text, started = report.dataset.source, _run_directory(folder) / report.dataset.source
    try:
        return data.open_source(str(started) if started.exists() and not Path(text).exists() else text, data_root)
    except (SettingError, DataError):
        hint = "--source says where the images lie now"
        raise DataError(f'{folder} was measured from "{text}", which is not here; {hint}') from None


def _run_directory(folder: Path) -> Path:
    try:
        return Path(json.loads((folder / "run.json").read_text(encoding="utf-8"))["directory"])
    except (OSError, ValueError, KeyError, TypeError):
        return Path()


def default_workers() -> int:
    """The number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_info(started: datetime, device: str, workers: int) -> dict[str, Any]:
    """Times, machine and versions: everything about a run that must not change its numbers."""
    finished = datetime.now(UTC)
    return {
        "schema": RUN_SCHEMA,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 3),
        "device": device,
        "workers": workers,
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "command": sys.argv,
        "directory": os.getcwd(),
    }
