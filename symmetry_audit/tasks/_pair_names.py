"""Names of degraded images -> names of their clean partners: by words of the sides, by a pattern, or by a list."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from symmetry_audit.errors import DataError, SettingError, one_line

__all__ = ["SIDES", "PairRule", "named_alike", "side_of"]

ARROW = "->"
SIDES = {  # names of the folders of each side, in upper or lower case
    "clean": (
        *("norain", "clean", "gt", "target", "targets", "hq", "ground_truth", "groundtruth", "real_world_gt"),
        *("sharp", "hr"),
    ),
    "degraded": (
        *("rain", "rainy", "input", "inputs", "lq", "noisy", "degraded", "rainy_image", "real_world", "blur"),
        *("blurry", "hazy", "lr"),
    ),
}
WORDS = "|".join(sorted((word for words in SIDES.values() for word in words), key=len, reverse=True))
# a word of a side between separators, or gt right behind a number, as in 001gt
SIDE_WORD = re.compile(rf"(?:^|(?<=[-_ ]))(?:{WORDS})(?:[-_ ]|$)|(?<=\d)gt$", re.IGNORECASE)


@dataclass(frozen=True)
class PairRule:
    """How names without suffix belong together: ``pattern`` of the degraded name, whole, and ``template`` of the clean
    one, or ``names``, from each degraded name to the clean one."""

    pattern: re.Pattern[str] | None = None
    template: str = ""
    names: Mapping[str, str] | None = None

    @classmethod
    def parse(cls, text: str) -> PairRule:
        """``PATTERN -> TEMPLATE``, such as ``rain-(.*) -> norain-\\1``, or the path of a file with a degraded and a
        clean name in each line, with a tab or a comma between them. Raises SettingError, DataError.
        """
        degraded, arrow, clean = text.partition(ARROW)
        if not arrow:
            return cls(names=_listed_names(Path(text).expanduser()))
        try:
            pattern = re.compile(degraded.strip())
            pattern.sub(clean.strip(), "")  # parses the template, whatever it is applied to
        except (re.error, IndexError) as error:
            raise SettingError(f"--pair-by \"{text}\": {error}; write it as 'rain-(.*) -> norain-\\1'") from None
        return cls(pattern, clean.strip())

    def clean_name(self, degraded: str) -> str | None:
        """The name of the partner of ``degraded``, None where that is no name of a degraded image."""
        if self.names is not None:
            return self.names.get(degraded)
        assert self.pattern is not None
        found = self.pattern.fullmatch(degraded)
        return found and found.expand(self.template)

    def partners(self, clean: Mapping[str, object], degraded: Iterable[str]) -> dict[str, str]:
        """The clean name of every degraded one that has a partner."""
        named = ((name, self.clean_name(name)) for name in degraded)
        return {name: own for name, own in named if own is not None and own in clean}


def _listed_names(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        hint = "give a pattern such as 'rain-(.*) -> norain-\\1', or a text file"
        raise SettingError(f"--pair-by {path}: {one_line(error)}; {hint}") from None
    names: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t" if "\t" in line else ",")]
        if len(cells) != 2 or not all(cells):
            raise DataError(f"{path}, line {number}: give a degraded and a clean name, with a tab or a comma between")
        if cells == ["degraded", "clean"] and not names:
            continue
        degraded, clean = (PurePosixPath(cell).with_suffix("").as_posix() for cell in cells)
        if names.setdefault(degraded, clean) != clean:
            raise DataError(f"{path}, line {number}: {cells[0]} has two partners; keep one of them")
    return names


def named_alike(clean: Iterable[str], degraded: Iterable[str], text: str) -> dict[str, str]:
    """The clean name of every degraded one that has a partner, by the first rule that finds any.

    Raises DataError where two clean names of the source ``text`` become one without the words of their side.
    """
    rules: list[tuple[Callable[[str], str], Callable[[str], str]]] = [
        (str, str),
        (_bare, _bare),
        (_bare, lambda stem: re.sub(r"[-_]\d+$", "", _bare(stem))),
    ]
    for of_clean, of_degraded in rules:
        own: defaultdict[str, list[str]] = defaultdict(list)
        for stem in clean:
            own[of_clean(stem)].append(stem)
        found = {stem: own[of_degraded(stem)] for stem in degraded if of_degraded(stem) in own}
        for stem, (one, *others) in found.items():
            if others:
                raise DataError(f'"{text}": {stem} may belong to {one} or to {others[0]}; say with --pair-by which')
        if found:
            return {stem: one for stem, (one,) in found.items()}
    return {}


def side_of(parts: Sequence[str]) -> tuple[str | None, str]:
    """The side that the one folder or the name among ``parts`` tells, None where none or both do; and the key without
    that folder."""
    sides = [
        (at, side) for at, part in enumerate(parts[:-1]) for side, words in SIDES.items() if part.casefold() in words
    ]
    if len(sides) == 1:
        at, side = sides[0]
        return side, "/".join((*parts[:at], *parts[at + 1 :]))
    tokens = re.split(r"[-_ ]", PurePosixPath(parts[-1]).stem.casefold())
    named = {side for side, words in SIDES.items() if not sides and set(tokens) & set(words)}
    return (named.pop() if len(named) == 1 else None), "/".join(parts)


def _bare(stem: str) -> str:
    """``stem`` without the word of a side in its last part: "1" of "norain-1"."""
    folder, slash, name = stem.rpartition("/")
    return folder + slash + (SIDE_WORD.sub("", name).strip("-_ ") or name)
