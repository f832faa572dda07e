"""What a page consists of, as values: screens in a fixed order, each a list of blocks. The template draws them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

__all__ = [
    "Badge",
    "Block",
    "Card",
    "Cards",
    "Code",
    "Directions",
    "Dot",
    "Idea",
    "Numbers",
    "Page",
    "Screen",
    "Strip",
    "Strips",
    "Terms",
    "Text",
    "Thumb",
    "Thumbs",
    "Turned",
    "Verdict",
]


@dataclass(frozen=True)
class Block:
    """One part of a screen; ``kind`` is the template's macro."""

    kind: ClassVar[str]


@dataclass(frozen=True)
class Badge:
    """``what`` was asked, and one of results.ANSWERS."""

    what: str
    verdict: str


@dataclass(frozen=True)
class Verdict(Block):
    """The sentence that people came for, what it rests on, and a badge for each question."""

    kind = "verdict"
    sentence: str
    more: tuple[str, ...] = ()
    badges: tuple[Badge, ...] = ()


@dataclass(frozen=True)
class Card:
    """Advice: the ``answer``, why, and what would change it; ``command`` is what to type."""

    title: str
    answer: str
    reason: str = ""
    change: str = ""
    command: str = ""


@dataclass(frozen=True)
class Cards(Block):
    """Cards side by side."""

    kind = "cards"
    items: tuple[Card, ...]


@dataclass(frozen=True)
class Strip:
    """A number with what it has to be read against, all in the unit of the axis; None where it is not known.

    ``numbers`` says the same in words; ``verdict`` is one of results.ANSWERS, or empty.
    """

    label: str
    value: float | None
    numbers: str
    low: float | None = None
    high: float | None = None
    null: float | None = None
    floor: float | None = None
    verdict: str = ""


@dataclass(frozen=True)
class Strips(Block):
    """Strips over one axis from ``start`` to ``end``, which has its ``ticks``; ``legend`` explains the marks.

    ``accepted`` is up to where numbers count as none, None where there is no such number.
    """

    kind = "strips"
    title: str
    items: tuple[Strip, ...]
    start: float
    end: float
    ticks: tuple[float, ...]
    unit: str
    legend: tuple[str, ...] = ()
    accepted: float | None = None

    def place(self, value: float) -> str:
        """Where ``value`` is on the axis, in percent of its width."""
        share = (min(max(value, self.start), self.end) - self.start) / (self.end - self.start)
        return f"{100 * share:.2f}%"


@dataclass(frozen=True)
class Text(Block):
    """Paragraphs, below a small heading where there is one."""

    kind = "text"
    lines: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True)
class Code(Block):
    """A command to copy."""

    kind = "code"
    command: str


@dataclass(frozen=True)
class Thumb:
    """An image: its name, the picture as a data URI of ``width`` x ``height`` px, the path of its ellipse, a line."""

    name: str
    uri: str
    width: int
    height: int
    line: str
    ellipse: str = ""


@dataclass(frozen=True)
class Thumbs(Block):
    """Images beside each other, ranked."""

    kind = "thumbs"
    title: str
    note: str
    items: tuple[Thumb, ...]


@dataclass(frozen=True)
class Turned:
    """The picture turned clockwise by ``angle`` degrees, and what its response is then."""

    angle: float
    line: str


class Dot(NamedTuple):
    """One place of the slider: the angle, where both curves are then, None without the second one, and a line."""

    angle: float
    x: float
    y: float
    own_x: float | None
    own_y: float | None
    line: str


@dataclass(frozen=True)
class Idea(Block):
    """One image under its ellipse, its responses against the angle before and after, and the image turned.

    ``before`` and ``after`` are closed paths about 0, ``rings`` pairs of radius and label; ``captions`` are of the
    picture, of the rose and of both.
    """

    kind = "idea"
    thumb: Thumb | None
    before: str
    after: str
    rings: tuple[tuple[float, str], ...]
    captions: tuple[str, str, str]
    turned: tuple[Turned, ...]
    dots: tuple[Dot, ...]

    @property
    def covering(self) -> str:
        """The transformation under which the picture covers the square from -50 to 50."""
        if self.thumb is None:
            return ""
        width, height = self.thumb.width, self.thumb.height
        return f"scale({100 / min(width, height):.4f}) translate({-width / 2:g} {-height / 2:g})"


@dataclass(frozen=True)
class Directions(Block):
    """Two histograms: ``wedges`` are paths with a name for each, ``bars`` heights from 0 to 1 with a name for each."""

    kind = "directions"
    wedges: tuple[tuple[str, str], ...]
    bars: tuple[tuple[float, str], ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Numbers(Block):
    """A table, closed where ``folded``; the first ``labels`` columns are words. ``blocks`` are titles and rows."""

    kind = "numbers"
    title: str
    header: tuple[str, ...]
    labels: int
    blocks: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    note: str = ""
    link: str = ""
    folded: bool = True


@dataclass(frozen=True)
class Terms(Block):
    """Names and what they are, closed where ``folded``."""

    kind = "terms"
    title: str
    items: tuple[tuple[str, str], ...]
    folded: bool = False


@dataclass(frozen=True)
class Screen:
    """One answer of the page; ``then`` is what to type next."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    then: str = ""


@dataclass(frozen=True)
class Page:
    """A whole page; ``about`` stands below the title."""

    title: str
    about: str
    version: str
    screens: tuple[Screen, ...] = field(default=())
