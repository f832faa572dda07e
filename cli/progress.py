"""Progress on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import click

__all__ = ["image_progress", "step_progress"]

INTERVAL = 10.0  # seconds between plain lines
# with a time limit the bar's own estimate of the time left would be wrong
STEPS = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}, {rate_fmt}{postfix}]"
FORMS = {"loss": "{:.3g}", "eta": "{:.0f} s"}


@contextmanager
def image_progress(quiet: bool, interval: float = INTERVAL) -> Iterator[Callable[[int, int], None]]:
    """Yield ``progress(done, total)``, which counts images."""
    with _shown(quiet, interval, unit="image") as show:
        yield lambda done, total: show(done, total, {}, done < total)


@contextmanager
def step_progress(quiet: bool, interval: float = INTERVAL) -> Iterator[Callable[[int, int, Mapping[str, float]], None]]:
    """Yield ``progress(step, steps, values)``, which counts training steps; every validation is reported."""
    with _shown(quiet, interval, unit="step", bar_format=STEPS) as show:
        yield lambda step, steps, values: show(step, steps, values, True, "valid" in values)


@contextmanager
def _shown(quiet: bool, interval: float, *, unit: str, **bar: Any) -> Iterator[Callable[..., None]]:
    if quiet:
        yield lambda *state: None
    elif sys.stderr.isatty():
        from tqdm import tqdm

        bars: list[Any] = []
        make = partial(tqdm, unit=unit, file=sys.stderr, dynamic_ncols=True, **bar)
        try:
            yield _bar(make, bars, behind=unit == "step")
        finally:
            for drawn in bars:
                drawn.close()
    else:
        yield _lines(unit, interval)


def _bar(make: Callable[..., Any], bars: list[Any], behind: bool) -> Callable[..., None]:
    """A bar that appears with the first report. ``behind``: the first report comes after the first step, not before."""
    words: dict[str, str] = {}

    def show(done: int, total: int, values: Mapping[str, float], due: bool, always: bool = False) -> None:
        if not bars:  # steps of an earlier run say nothing about the speed of this one
            bars.append(make(total=total, initial=done - behind))
        bar = bars[0]
        words.update(_words(values))
        if words:
            bar.set_postfix(words, refresh=False)
        bar.update(done - bar.n)

    return show


def _lines(unit: str, interval: float) -> Callable[..., None]:
    words: dict[str, str] = {}
    last = time.monotonic()

    def tell(done: int, total: int, values: Mapping[str, float], due: bool, always: bool = False) -> None:
        nonlocal last
        words.update(_words(values))
        if always or (due and time.monotonic() - last >= interval):
            last = time.monotonic()
            if unit == "image":
                click.echo(f"{done} of {total} images", err=True)
            else:
                click.echo(f"step {done} of {total}: " + ", ".join(f"{k} {v}" for k, v in words.items()), err=True)

    return tell


def _words(values: Mapping[str, float]) -> dict[str, str]:
    """Loss, PSNR and the time left, for people."""
    return {name: FORMS.get(name, "{:.2f}").format(value) for name, value in values.items()}
