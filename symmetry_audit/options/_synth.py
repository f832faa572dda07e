"""Options of a synthetic dataset."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from symmetry_audit.options._option import Option, Options
from symmetry_audit.options._parsed import SPAN, span_or

__all__ = ["SynthOptions"]


class SynthOptions(Options):
    """How the images are made; ``synth.SynthSettings`` checks that the values fit together."""

    heading: ClassVar[str] = "Images"

    n: Annotated[int, Option("Number of images.")] = 20
    size: Annotated[int, Option("Width and height in px.")] = 384
    kind: Annotated[
        Literal["gaussian", "dead-leaves"],
        Option("Gaussian random fields, or opaque shaded discs that overlap (dead leaves)."),
    ] = "gaussian"
    ratio: Annotated[
        float | tuple[float, float],
        SPAN,
        Option("Axis ratio of the deformation; 1 is isotropic. LO:HI draws one for each image.", metavar="X|LO:HI"),
    ] = 1.4
    angle: Annotated[
        float | Literal["random"] | tuple[float, float],
        span_or("random"),
        Option("Direction of the long axis in degrees, counter-clockwise from the x axis.", metavar="random|X|LO:HI"),
    ] = "random"
    slope: Annotated[float | None, Option("Gaussian fields: the amplitude falls as 1/|k|^slope.", default="1")] = None
    flip_bias: Annotated[
        float,
        Option("Share of the discs, 0 to 1, that are lit from the right. It breaks mirror and half-turn symmetry."),
    ] = 0.0
    clip: Annotated[float, Option("Percentage of pixels that are clipped to 0 or 255.")] = 0.0
    noise: Annotated[float, Option("Standard deviation of added white noise, in grey levels.")] = 0.0
    seed: Annotated[int, Option("Seed of the random number generator. Another seed gives other images.")] = 0
