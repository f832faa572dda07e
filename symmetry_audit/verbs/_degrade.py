"""``degrade``: images made noisy, smaller or incomplete, as a task does, as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge
from pydantic import Field

from symmetry_audit.errors import SettingError
from symmetry_audit.options import TASK, BandOptions, FilePath, Images, Option, SourceOptions, TaskSettings, names
from symmetry_audit.verbs._networks import asked_task, network_task, refuse_others
from symmetry_audit.verbs._restore import claim_results
from symmetry_audit.verbs._sources import opened
from symmetry_audit.verbs._verb import verb
from symmetry_audit.verbs._white import certain_white
from symmetry_audit.wording import count

if TYPE_CHECKING:
    from symmetry_audit.results import SkippedImage
    from symmetry_audit.tasks import Task

__all__ = ["Degradation", "DegradeRequest", "degrade"]

SCHEMA = "symaudit.degradation/1"


class DegradeRequest(TaskSettings, BandOptions, SourceOptions):
    """The options of ``degrade``."""

    source: Annotated[Images, Option("Clean images.", metavar="IN", complete=names.datasets)] = Field(kw_only=False)
    out: Annotated[FilePath, Option("Folder for the results, or a file for a single image.", names=("-o",))]
    task: Annotated[str | None, Option(TASK.help, default="that of --model", complete=TASK.complete)] = None
    model: Annotated[FilePath | None, Option("Trained network; images are degraded as in its training.")] = None
    limit: Annotated[int | None, Ge(1), Option("Use only the first N images.")] = None
    seed: Annotated[int, Ge(0), Option("Seed for the noise.")] = 0
    force: Annotated[bool, Option("Overwrite existing results.")] = False


@dataclass(frozen=True)
class Degradation:
    """What ``degrade`` did: the task, and the files it wrote, by image."""

    out: Path
    task: Mapping[str, Any]
    task_text: str
    seed: int
    files: Mapping[str, str]
    skipped: tuple[SkippedImage, ...]

    @property
    def text(self) -> str:
        """A summary in one line, for people."""
        return f"Degraded {count(len(self.files), 'image')} into {self.out} ({self.task_text})"

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first."""
        return {"schema": SCHEMA, **asdict(self), "out": str(self.out)}


@verb(DegradeRequest)
def degrade(request: DegradeRequest) -> Degradation:
    """Degrade clean images as ``evaluate`` does, and write them with 8 bits, clipped to 0 to 255 and rounded.

    Grey files stay grey, others become RGB.

    Parameters
    ----------
    source
        Clean images, as for ``measure``.
    out
        Folder for the results, in which relative paths are kept, or a file for a single image.
    task, scale, sigma, missing, peak, mask_seed, square, resize
        What to do to the images; or noise of a strength that differs from that of ``model``.
    model
        Folder of a training run, or a .safetensors file, whose task is taken.
    limit, bands, white, seed, force, data_root, progress, say
        Number of images; seed for the noise, which is that of ``evaluate`` with the same seed; whether to overwrite;
        the others as for ``measure``.

    Raises
    ------
    SettingError
        If no task is named, or one that makes no degraded images.
    DataError
        If there are no images, or if files would be overwritten.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import degrade
    >>> from symmetry_audit.verbs import synth
    >>> with TemporaryDirectory() as name:
    ...     clean = synth(Path(name) / "clean", n=2, size=32).folder
    ...     degrade(clean, out=Path(name) / "noisy", task="denoise", sigma=25).text.split(" into")[0]
    'Degraded 2 images'
    """
    from symmetry_audit.inference import planned, write_degraded
    from symmetry_audit.tasks import open_pairs

    task, out = _task(request), Path(request.out)
    source = opened(request.source, request.data_root, bands=request.bands).limited(request.limit)
    source = certain_white(source, request.white)
    targets = planned(source, out)
    record = {"schema": SCHEMA, "task": task.to_dict(), "seed": request.seed, **request.given(BandOptions)}
    with claim_results(out, targets, record, force=request.force, maker="degradation"):
        pairs = open_pairs(source, task, data_root=request.data_root)
        written = write_degraded(pairs, task, targets, request.seed, request.progress)
    files = {image: path.as_posix() for image, path in written.items()}
    return Degradation(out, task.to_dict(), task.text, request.seed, files, pairs.skipped)


def _task(request: DegradeRequest) -> Task:
    """The task that is asked for. Raises SettingError where there is none that makes degraded images."""
    from symmetry_audit.tasks import make_task

    asked: Any = request
    if request.model is not None:
        from symmetry_audit.checkpoints import load_checkpoint

        task = network_task(str(request.model), load_checkpoint(request.model).task, asked, request.say)
    elif request.task is None:
        raise SettingError("say what to do to the images: --task denoise --sigma 50, for example, or --model RUN")
    else:
        task = make_task(**asked_task(request.task, request))
    refuse_others(task, "degrading images")
    if task.paired or task.labelled:
        raise SettingError(f"{task.name} makes no degraded images; it has them from --inputs")
    return task
