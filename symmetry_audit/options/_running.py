"""Options for running trained networks."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Ge

from symmetry_audit.options import names
from symmetry_audit.options._audit import BandOptions
from symmetry_audit.options._machine import DeviceOptions, SourceOptions
from symmetry_audit.options._option import Option, Options

__all__ = ["TEST_IMAGES", "EvaluationOptions", "TilingOptions"]

TEST_IMAGES = Option(
    "Clean test images: a folder, glob, list, archive or dataset. For deraining, with the rainy images too.",
    complete=names.datasets,
)


class TilingOptions(Options):
    """How an image passes through a network."""

    heading: ClassVar[str] = "Network"

    self_ensemble: Annotated[bool, Option("Average the outputs for the eight flips and quarter turns of an image.")] = (
        False
    )
    overlap: Annotated[int, Ge(0), Option("Context around each tile, in px.")] = 32


class EvaluationOptions(BandOptions, DeviceOptions, SourceOptions):
    """The images that a network is run on, and the seed for their noise."""

    heading: ClassVar[str] = "Run"

    limit: Annotated[int | None, Ge(1), Option("Use only the first N images.")] = None
    seed: Annotated[int, Ge(0), Option("Seed for the noise.")] = 0
