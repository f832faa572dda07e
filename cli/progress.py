"""Progress on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import click

__all__ = ["ImageProgress", "image_progress", "step_progress"]

INTERVAL = {"image": 30.0, "step": 10.0}  # seconds between plain lines
# with a time limit the bar's own estimate of the time left would be wrong
STEPS = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}, {rate_fmt}{postfix}]"
FORMS = {"loss": "{:.3g}", "eta": "{:.0f} s", "relative epsilon so far": "{:.1%}"}
Clock = Callable[[], float]  # seconds


@dataclass
class ImageProgress:
    """``progress(done, total)`` counts images; a value given to ``estimate`` is shown with the next count."""

    show: Callable[..., None]
    values: dict[str, float] = field(default_factory=dict)

    def __call__(self, done: int, total: int) -> None:
        self.show(done, total, self.values, done < total)

    def estimate(self, value: float) -> None:
        """Show ``value``, the relative epsilon of the images so far."""
        self.values["relative epsilon so far"] = value


@contextmanager
def image_progress(
    quiet: bool, interval: float = INTERVAL["image"], clock: Clock = time.monotonic
) -> Iterator[ImageProgress]:
    """Yield ``progress(done, total)``, which counts images."""
    # without smoothing the rate is the mean over this run: images differ more in size than the machine in speed
    with _shown(quiet, interval, clock, unit="image", smoothing=0) as show:
        yield ImageProgress(show)


@contextmanager
def step_progress(
    quiet: bool, interval: float = INTERVAL["step"]
) -> Iterator[Callable[[int, int, Mapping[str, float]], None]]:
    """Yield ``progress(step, steps, values)``, which counts training steps; every validation is reported."""
    with _shown(quiet, interval, time.monotonic, unit="step", bar_format=STEPS) as show:
        yield lambda step, steps, values: show(step, steps, values, True, "valid" in values)


@contextmanager
def _shown(quiet: bool, interval: float, clock: Clock, *, unit: str, **bar: Any) -> Iterator[Callable[..., None]]:
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
        yield _lines(unit, interval, clock)


def _bar(make: Callable[..., Any], bars: list[Any], behind: bool) -> Callable[..., None]:
    """A bar that appears with the first report. ``behind``: the first report comes after the first step, not before."""
    words: dict[str, str] = {}

    def show(done: int, total: int, values: Mapping[str, float], due: bool, always: bool = False) -> None:
        if not bars or done < bars[-1].n:  # the first round over the images, or one more
            for ended in bars:
                ended.close()
            # what was done by an earlier run says nothing about the speed of this one
            bars.append(make(total=total, initial=done - behind))
        bar = bars[-1]
        words.update(_words(values))
        if words:
            bar.set_postfix(words, refresh=False)
        bar.update(done - bar.n)

    return show


def _lines(unit: str, interval: float, clock: Clock) -> Callable[..., None]:
    words: dict[str, str] = {}
    last, latest = clock(), 0
    first: list[tuple[int, float]] = []  # what was done at the first report, and when that was

    def tell(done: int, total: int, values: Mapping[str, float], due: bool, always: bool = False) -> None:
        nonlocal last, latest
        words.update(_words(values))
        if not first or done < latest:  # the first round over the images, or one more
            first[:] = [(done, clock())]
            last = clock()
        latest = done
        if done == total and clock() - first[0][1] >= interval and unit == "image":
            click.echo(f"{total} of {total} images in {_clock(clock() - first[0][1])}", err=True)
        elif always or (due and clock() - last >= interval):
            last = clock()
            if unit == "image":
                pace = _pace(done - first[0][0], total - done, last - first[0][1])
                told = (f"{word} {name}" for name, word in words.items())
                click.echo(", ".join([f"{done} of {total} images", *pace, *told]), err=True)
            else:
                click.echo(f"step {done} of {total}: " + ", ".join(f"{k} {v}" for k, v in words.items()), err=True)

    return tell


def _pace(done: int, left: int, seconds: float) -> list[str]:
    """Images per second, of the ``done`` images that took ``seconds``, and the time that those ``left`` take."""
    if done < 1 or seconds <= 0:
        return []
    return [f"{done / seconds:.3g} images/s", f"{_clock(seconds)} so far", f"{_clock(left * seconds / done)} left"]


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds: "0:01:20"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _words(values: Mapping[str, float]) -> dict[str, str]:
    """Loss, PSNR and the time left, for people."""
    return {name: FORMS.get(name, "{:.2f}").format(value) for name, value in values.items()}
