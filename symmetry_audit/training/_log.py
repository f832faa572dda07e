"""Output of a run for people: log.csv, the learning curve, restored samples, TensorBoard."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from symmetry_audit.errors import SettingError
from symmetry_audit.files import write_atomically
from symmetry_audit.training._measure import Measure
from symmetry_audit.training._state import RunPosition

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["Log", "save_sample"]
SAMPLE_SIDE = 192  # of the crops in sample pictures, in pixels


class Log:
    """``log.csv`` of ``folder``; rows after ``position`` are dropped first.

    A killed run repeats the steps since its last saved state, and logs them again. ``measure`` has its scores. What
    does not fit the saved state is told to ``say``.
    """

    def __init__(
        self,
        folder: Path,
        position: RunPosition,
        measure: Measure,
        tensorboard: bool = False,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.path, self.measure = folder / "log.csv", measure
        kept = [row for row in read_log(self.path) if int(row["step"]) <= position.step] if position.step else []
        lines = io.StringIO()
        writer = csv.DictWriter(lines, measure.columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
        if position.log not in (None, sha256(lines.getvalue().encode()).hexdigest()):
            say(f"{self.path} was damaged or edited before step {position.step}; training is not affected")
        write_atomically(self.path, lines.getvalue())
        self.board = _board(folder / "tensorboard") if tensorboard else None
        # loss, error, gradient norm of the steps since the last row
        self._steps = [(float(loss), float(error), float(norm)) for loss, error, norm in position.notes]

    def note(self, loss: float, error: float, norm: float) -> None:
        """Remember one step for the next row."""
        self._steps.append((loss, error, norm))

    def mark(self, position: RunPosition) -> None:
        """Note in ``position`` what is logged, so that a continued run goes on with the same rows."""
        position.log = sha256(self.path.read_bytes()).hexdigest()
        # as texts, since a skipped step of fp16 has an infinite norm, which JSON has not
        position.notes = [(repr(loss), repr(error), repr(norm)) for loss, error, norm in self._steps]

    def add(self, **values: float) -> None:
        """Append one row with the means over the steps since the last row; columns without a value stay empty."""
        loss, error, norm = np.mean(self._steps, axis=0).tolist()
        self._steps.clear()
        values |= {"loss": loss, self.measure.column: self.measure.of(error), "gradient_norm": norm}
        row = {name: f"{value:.12g}" if isinstance(value, float) else value for name, value in values.items()}
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, self.measure.columns, lineterminator="\n").writerow(row)
        if self.board is not None:
            for name in values.keys() - {"step"}:
                self.board.add_scalar(name, values[name], values["step"])
            self.board.flush()


def read_log(path: Path) -> list[dict[str, str]]:
    """The rows of a log.csv; none if there is no such file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return [row for row in csv.DictReader(file) if (row.get("step") or "").isdecimal()]


def save_sample(path: Path, degraded: np.ndarray, restored: np.ndarray, clean: np.ndarray) -> None:
    """The centers of the degraded, restored and clean image side by side, as PNG; arrays (H, W, 3) in [0, 255]."""
    scale = clean.shape[0] // degraded.shape[0]
    enlarged = degraded.repeat(scale, 0).repeat(scale, 1)
    strip = np.concatenate([_middle(image) for image in (enlarged, restored, clean)], axis=1)
    picture = io.BytesIO()
    Image.fromarray(np.rint(strip).clip(0, 255).astype(np.uint8)).save(picture, "PNG")
    write_atomically(path, picture.getvalue())


def _middle(image: np.ndarray) -> np.ndarray:
    starts = [max(0, (size - SAMPLE_SIDE) // 2) for size in image.shape[:2]]
    return image[starts[0] : starts[0] + SAMPLE_SIDE, starts[1] : starts[1] + SAMPLE_SIDE]


def _board(folder: Path) -> SummaryWriter:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise SettingError("--tensorboard needs the package tensorboard: pip install tensorboard") from None
    return SummaryWriter(str(folder))
