"""Smaller copies beside the images of a source: thumbnails, and LR beside HR as in the folders of benchmarks."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import PurePosixPath

from symmetry_audit.data._expand import MAX_BYTES
from symmetry_audit.data._ref import ImageRef
from symmetry_audit.data._walk import PICTURE
from symmetry_audit.errors import DataError, ImageError
from symmetry_audit.wording import count

__all__ = ["without_copies"]

TRIED = 3  # pictures of a folder whose sizes are compared with those of their counterparts
SMALLER = 0.7  # of the pixels, at most: a thumbnail and a low resolution of factor 1.2 have fewer
SEEN = 5  # folders named in a message

# words in the names of folders and files; a number after x is a factor
LOW_FOLDER = re.compile(
    r"(?:(?P<rest>.*?)[-_ ]?(?:lr|lq|low[-_]?res(?:olution)?)(?:[-_ ]?(?:bicubic|bi|bic|unknown|wild|mild|difficult))*"
    r"(?:[-_ ]?x\d+)?|x\d+|_?(?:thumb|thumbs|thumbnail|thumbnails|small|previews?))",
    re.IGNORECASE,
)
HIGH_FOLDER = re.compile(
    r"(?:(?P<rest>.*?)[-_ ]?(?:hr|high[-_]?res(?:olution)?)|gt|gtmod\d+|hq|originals?|full|large)", re.IGNORECASE
)
FACTOR_FOLDER = re.compile(r"image_srf_\d+", re.IGNORECASE)  # of SelfExSR, with truth and all results in one folder
LOW_STEM = re.compile(
    r"(?:(?P<rest>.+?)(?:[-_]?x\d+(?:m|d|w)?|[-_](?:lr|lq|thumb|thumbnail|small)(?:[-_]?(?:bi|bicubic))?(?:[-_]?x\d+)?)"
    r"|(?:thumb|thumbnail|tn)[-_](?P<behind>.+))",
    re.IGNORECASE,
)
HIGH_STEM = re.compile(r"(?P<rest>.+?)[-_](?:hr|gt)", re.IGNORECASE)
SRF_STEM = re.compile(r"(?P<rest>.+?)_srf_\d+_(?P<kind>.+)", re.IGNORECASE)
PLAIN, HIGH, LOW, RESULT = "plain", "high", "low", "result"


@dataclass(frozen=True)
class _Role:
    """What the name of an image says: which ``picture`` it shows, and whether as the truth or as a copy of less."""

    picture: tuple[str, ...]
    level: str
    group: str  # the folder, and what marks the name in it: images of one group are made alike


def without_copies(text: str, refs: Sequence[ImageRef]) -> tuple[list[ImageRef], tuple[str, ...]]:
    """``refs`` without smaller copies of others among them, and a sentence that counts what was left out.

    A copy has the name of another picture up to words such as LR, X2, x2 or thumb in its name or its folder, and fewer
    pixels; a few of a folder are looked at. Raises DataError where the source ``text`` holds pictures in several sizes
    and none of them is the truth, or several.
    """
    roles = {ref.key: _role(ref.key) for ref in refs if ref.kind == PICTURE}
    marked = {role.picture for role in roles.values() if role.level != PLAIN}
    shown: defaultdict[tuple[str, ...], list[ImageRef]] = defaultdict(list)
    for ref in refs:
        role = roles.get(ref.key)
        if role is not None and role.picture in marked:
            shown[role.picture].append(ref)
    pairs: defaultdict[str, list[tuple[ImageRef, ImageRef]]] = defaultdict(list)  # copies and truths, by group
    rivals: defaultdict[tuple[str, ...], list[list[ImageRef]]] = defaultdict(list)
    for same in shown.values():
        copies = [ref for ref in same if roles[ref.key].level in (LOW, RESULT)]
        truths = [ref for ref in same if roles[ref.key].level == HIGH] or [ref for ref in same if ref not in copies]
        for ref in copies[: len(copies) if truths else 0]:
            pairs[roles[ref.key].group].append((ref, truths[0]))
        if copies and len(truths) != 1 and len(truths or copies) > 1:
            rivals[tuple(sorted({roles[ref.key].group for ref in truths or copies}))].append(truths or copies)
    left = [
        ref
        for found in pairs.values()
        if roles[found[0][0].key].level == RESULT or _are_smaller(found)
        for ref, _ in found
    ]
    out = {ref.key for ref in left}
    for groups, same in rivals.items():
        if len(groups) > 1 and (all(roles[ref.key].level == HIGH for ref in same[0]) or _differ(same)):
            _refuse(text, groups, len(same))
    if not out:
        return list(refs), ()
    kinds = Counter(roles[key].group for key in out)
    told = ", ".join(f"{number} in {group}" for group, number in sorted(kinds.items())[:SEEN])
    more = f" and {count(len(kinds) - SEEN, 'more folder')}" if len(kinds) > SEEN else ""
    remark = f"smaller copies of images of the same name left out: {told}{more}; to use them, give their folder alone"
    return [ref for ref in refs if ref.key not in out], (remark,)


def _role(key: str) -> _Role:
    path = PurePosixPath(key)
    *folders, name = path.with_suffix("").parts
    scope, levels, stem = [], [], name
    for folder in folders:
        rest, level = _folder(folder)
        scope += [rest] if rest else []
        levels.append(level)
    if found := SRF_STEM.fullmatch(name):
        stem = found["rest"]
        levels.append(HIGH if found["kind"].lower() == "hr" else RESULT)
    elif found := LOW_STEM.fullmatch(name):
        stem = found["rest"] or found["behind"]
        levels.append(LOW)
    elif found := HIGH_STEM.fullmatch(name):
        stem = found["rest"]
        levels.append(HIGH)
    level = next((level for level in (RESULT, LOW, HIGH) if level in levels), PLAIN)
    marks = name.replace(stem, "*", 1) if stem != name else ""
    return _Role((*scope, stem), level, "/".join([*folders, marks] if marks and marks != "*" else folders) or ".")


@cache
def _folder(name: str) -> tuple[str, str]:
    """The name of a folder without words of its resolution, and the level that these say."""
    if FACTOR_FOLDER.fullmatch(name):
        return "", PLAIN
    for pattern, level in ((LOW_FOLDER, LOW), (HIGH_FOLDER, HIGH)):
        if found := pattern.fullmatch(name):
            return found["rest"] or "", level
    return name, PLAIN


def _are_smaller(pairs: Iterable[tuple[ImageRef, ImageRef]]) -> bool:
    sizes = [(_pixels(copy), _pixels(truth)) for copy, truth in islice(pairs, TRIED)]
    return all(copy <= SMALLER * truth for copy, truth in sizes) and any(copy for copy, _ in sizes)


def _differ(pictures: Iterable[Sequence[ImageRef]]) -> bool:
    """Whether copies of one picture differ in size, in the first few ``pictures``."""
    sizes = [[_pixels(ref) for ref in same] for same in islice(pictures, TRIED)]
    return all(min(same) <= SMALLER * max(same) for same in sizes)


def _pixels(ref: ImageRef) -> int:
    """Width times height by the header, 0 where it cannot be read."""
    from symmetry_audit.data._rgb import pixel_count

    try:
        return pixel_count(ref if ref.member is None else replace(ref, payload=ref.read(MAX_BYTES)))
    except ImageError:
        return 0


def _refuse(text: str, groups: Sequence[str], pictures: int) -> None:
    more = f" and {len(groups) - SEEN} more" if len(groups) > SEEN else ""
    raise DataError(
        f'"{text}" holds {count(pictures, "picture")} in several versions, in {", ".join(groups[:SEEN])}{more}; '
        "give one of these alone, by its folder or a glob"
    )
