"""The images that a page shows: the most and the least symmetric ones, and those that move the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symmetry_audit.reports.audits._checked import CheckedReport
from symmetry_audit.reports.audits._directions import strict_scenario
from symmetry_audit.reports.pages._blocks import Block, Text, Thumb, Thumbs
from symmetry_audit.reports.pages._images import ImageNumbers
from symmetry_audit.reports.pages._pictures import Shown, ellipse_path
from symmetry_audit.reports.pages._words import percent
from symmetry_audit.wording import printable

__all__ = ["GONE", "Choice", "moving_images", "ranked", "thumb"]

EACH = 8  # images of a list: at most 24 pictures, and the one of the idea
GONE = "The images are no longer where they were measured, so this page has no pictures of them."


@dataclass(frozen=True)
class Choice:
    """Which images a page shows: the most and the least symmetric ones, the one in the middle, and those that move the
    result, with by how much."""

    most: tuple[str, ...]
    least: tuple[str, ...]
    median: str | None
    moving: Mapping[str, float]

    @classmethod
    def of(cls, found: ImageNumbers, moving: Mapping[str, float]) -> Choice:
        """EACH of a kind, no image both most and least symmetric."""
        order = [found.names[at] for at in found.order()]
        size = min(EACH, len(order) // 2)
        middle = None if found.median is None else found.names[found.median]
        few = {name: moving[name] for name in list(moving)[:EACH] if name in found.places}
        return cls(tuple(order[:size]), tuple(order[::-1][:size]), middle, few)

    @property
    def names(self) -> list[str]:
        """Every image once."""
        return list(dict.fromkeys([*self.most, *self.least, *self.moving, *([self.median] if self.median else [])]))


def moving_images(run: CheckedReport, regularizer: str) -> dict[str, float]:
    """By how much each of the images that move ε most raises it, at the first scale."""
    for item in run.report.analyses.get("leverage", ()):
        own = (item["scenario"], item["regularizer"], item["sigma"], item["downscale"])
        if own == (strict_scenario(run), regularizer, *run.first_scale):
            return {image["image"]: float(image["leverage"]) for image in item["images"]}
    return {}


def ranked(found: ImageNumbers, choice: Choice, unit: str, pictures: Mapping[str, Shown]) -> list[Block]:
    """The three lists as far as they have images; each picture once. ``unit`` is that of ε."""
    ellipse = " The ellipse is the stretch under which the image is most symmetric." if any(found.ellipses) else ""
    moved = {name: f"; moves ε by {value:+.2g}" for name, value in choice.moving.items()}
    lists: tuple[tuple[str, str, Sequence[str], Mapping[str, str]], ...] = (
        ("Most symmetric", f"Their response ({found.title}) changes least when they turn.{ellipse}", choice.most, {}),
        ("Least symmetric", f"Their response ({found.title}) changes most when they turn.", choice.least, {}),
        (
            "What the result leans on",
            f"By how much ε ({unit}) is higher with the image than without it. Pictures above are not repeated.",
            tuple(moved),
            moved,
        ),
    )
    blocks: list[Block] = [] if pictures else [Text((GONE,))]
    left = dict(pictures)
    for heading, note, names, more in lists:
        items = tuple(thumb(found, name, left, _line(found, name) + more.get(name, "")) for name in names)
        left = {name: picture for name, picture in left.items() if name not in names}
        if items:
            blocks.append(Thumbs(heading, note, items))
    return blocks


def thumb(found: ImageNumbers, name: str, pictures: Mapping[str, Shown], line: str) -> Thumb:
    """One image, with its picture and its ellipse where these are there."""
    if name not in pictures:
        return Thumb(printable(name), "", 0, 0, line)
    picture, ellipse = pictures[name], found.ellipses[found.places[name]]
    path = "" if ellipse is None else ellipse_path(ellipse, picture.width, picture.height)
    return Thumb(printable(name), picture.uri, picture.width, picture.height, line, path)


def _line(found: ImageNumbers, name: str) -> str:
    at = found.places[name]
    ellipse = found.ellipses[at]
    return f"{percent(float(found.before[at]))}{'' if ellipse is None else f', ratio {ellipse.ratio:.2f}'}"
