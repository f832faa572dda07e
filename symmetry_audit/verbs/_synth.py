"""``synth``: datasets with a known symmetry, to check what an audit finds in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from symmetry_audit.options import FilePath, Hidden, Option, Progress, SynthOptions, silent_progress
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    from symmetry_audit.synth import SynthSettings

__all__ = ["SynthRequest", "SyntheticDataset", "synth"]


class SynthRequest(SynthOptions):
    """The options of ``synth``."""

    heading: ClassVar[str] = "Run"

    out: Annotated[FilePath, Option("Folder for the images.")] = Field(kw_only=False)
    force: Annotated[bool, Option("Start over, even if OUT holds another dataset.")] = False
    progress: Annotated[Progress, Hidden()] = silent_progress


@dataclass(frozen=True)
class SyntheticDataset:
    """A dataset that was written: its folder, and the table with the deformation of every image."""

    settings: SynthSettings
    folder: Path
    truth: Path

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first."""
        from symmetry_audit.synth import synth_document

        return {**synth_document(self.settings), "folder": str(self.folder), "truth": self.truth.name}


@verb(SynthRequest)
def synth(request: SynthRequest) -> SyntheticDataset:
    """Write images with a known group G_w: rotations deformed by a chosen ratio and angle (SPEC 5).

    Parameters
    ----------
    out
        Folder of image_00000.png and so on (8-bit grey), truth.csv and synth.json. A dataset there that was
        interrupted, or is shorter, is continued; ``force`` starts over.
    n, size, kind, seed
        Number of images, side in px, "gaussian" or "dead-leaves", seed.
    ratio, angle
        Axis ratio, 1 to 2.5, and direction of the long axis in degrees, or "random"; (lowest, highest) gives each image
        its own.
    slope, flip_bias, clip, noise
        Exponent of the amplitude; share of discs lit from the right; percentage of clipped pixels; sigma of noise.

    Raises
    ------
    SettingError
        If options are wrong or contradict each other.
    ReportError
        If ``out`` holds other files or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from symmetry_audit.verbs import synth
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     synth(folder, n=2, size=32, ratio=1).truth.name
    'truth.csv'
    """
    from symmetry_audit.synth import SynthSettings, write_dataset

    settings = SynthSettings(**request.only(SynthOptions))
    truth = write_dataset(Path(request.out), settings, request.progress, force=request.force)
    return SyntheticDataset(settings, Path(request.out), truth)
