"""Options of a made-up dataset."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from symmetry_audit.options._option import Option, Options
from symmetry_audit.options._parsed import SPAN, span_or

__all__ = ["SynthOptions"]


class SynthOptions(Options):
    """What the images are made of; ``synth.SynthSettings`` checks that the values belong together."""

    heading: ClassVar[str] = "Images"

    n: Annotated[int, Option("Number of images.")] = 20
    size: Annotated[int, Option("Width and height in px.")] = 384
    kind: Annotated[
        Literal["gaussian", "dead-leaves"], Option("Gaussian fields, or opaque shaded discs that hide one another.")
    ] = "gaussian"
    ratio: Annotated[
        float | tuple[float, float],
        SPAN,
        Option("Axis ratio of the deformation; 1 is isotropic. LO:HI: each image has its own.", metavar="X|LO:HI"),
    ] = 1.4
    angle: Annotated[
        float | Literal["random"] | tuple[float, float],
        span_or("random"),
        Option("Direction of the long axis in degrees, counter-clockwise from the x axis.", metavar="random|X|LO:HI"),
    ] = "random"
    slope: Annotated[float | None, Option("Gaussian fields: amplitude falls as 1/|k|^slope.", default="1")] = None
    flip_bias: Annotated[
        float,
        Option("Share of the leaves, 0 to 1, that are lit from the right; breaks mirrors and half turns."),
    ] = 0.0
    clip: Annotated[float, Option("Percentage of pixels that are 0 or 255.")] = 0.0
    noise: Annotated[float, Option("Sigma of white noise, in grey levels.")] = 0.0
    seed: Annotated[int, Option("Seed of the random number generator: another seed, other images.")] = 0
