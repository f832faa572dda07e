"""SOURCE -> images with the name of the class of each: one folder a class, or a CSV file; and a stratified split."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from symmetry_audit.data import ImageRef, ImageSource, open_source
from symmetry_audit.errors import DataError, SettingError, one_line
from symmetry_audit.results import SkippedImage

__all__ = ["Labelled", "folders_around", "held_out", "open_labelled"]

FILES, LABEL = ("file", "image"), "label"  # names of the columns, the first of FILES for the one that is there
SPLIT = 0xC1  # the purpose of a generator: separates these random numbers from those of training
Row = tuple[int, dict[str | None, str | None]]  # number of the line, and its fields


@dataclass(frozen=True)
class Labelled:
    """The images of ``source``, and the class of each, in their order."""

    source: ImageSource
    labels: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, sorted."""
        return tuple(sorted(set(self.labels)))

    def chosen(self, classes: Sequence[str], limit: int | None) -> Labelled:
        """The images of ``classes`` (of all, if there are none), at most ``limit`` of them, from all classes in turn.

        Images of other classes are skipped. Raises DataError where no image is left.
        """
        wanted = set(classes or self.classes)
        pairs = list(zip(self.source.refs, self.labels, strict=True))
        kept = [(ref, label) for ref, label in pairs if label in wanted]
        if not kept:
            raise DataError(
                f'"{self.source.text}" has no image of {", ".join(sorted(wanted))}; its classes are '
                f"{', '.join(self.classes)}"
            )
        turns: Counter[str] = Counter()
        order = []
        for place, (_, label) in enumerate(kept):
            order.append((turns[label], place))
            turns[label] += 1
        kept = [kept[place] for place in sorted(place for _, place in sorted(order)[:limit])]
        others = tuple(
            SkippedImage(ref.key, f"of another class, {label}") for ref, label in pairs if label not in wanted
        )
        source = replace(self.source, refs=tuple(ref for ref, _ in kept), skipped=(*self.source.skipped, *others))
        return Labelled(source, tuple(label for _, label in kept))


def open_labelled(source: str | ImageSource, data_root: str | Path | None = None) -> Labelled:
    """The images of ``source`` with their classes.

    ``source`` is anything that ``open_source`` takes, and the class of an image is the name of the outermost folder
    that is not around all of them; images in no such folder are skipped. Or it is a .csv file with the columns
    ``file`` (or ``image``), relative to its folder, and ``label``. Raises DataError if it is neither, if an image has
    two classes, or if files are missing.
    """
    if isinstance(source, str) and source.lower().endswith(".csv"):
        return _from_csv(source, Path(source).expanduser())
    opened = source if isinstance(source, ImageSource) else open_source(source, data_root)
    return _from_folders(opened)


def held_out(labels: Sequence[str], share: float, seed: int) -> np.ndarray:
    """Which of the images with these ``labels`` are held out: about ``share`` of each class, bool (n,).

    A class of n images holds out round(share n) of them, but at least one, and keeps at least one. The draw depends on
    ``seed`` and the order of the images. Raises SettingError for a ``share`` outside (0, 1), DataError for a class with
    one image only.
    """
    if not 0 < share < 1:
        raise SettingError(f"--hold-out takes a share between 0 and 1, such as 1/3, got {share:g}")
    found = np.zeros(len(labels), bool)
    rng, names = np.random.default_rng((seed, SPLIT)), np.array(labels)
    for name in sorted(set(labels)):
        places = np.flatnonzero(names == name)
        if len(places) < 2:
            raise DataError(f"{name} has one image, so none can be held out; add images, or give them with --valid")
        count = min(max(round(share * len(places)), 1), len(places) - 1)
        found[rng.permutation(places)[:count]] = True
    return found


def folders_around(keys: Sequence[tuple[str, ...]]) -> int:
    """How many folders are around all images, as in many archives; of ``keys``, the parts of their names."""
    shared = 0
    while all(len(parts) > shared + 2 and parts[shared] == keys[0][shared] for parts in keys):
        shared += 1
    return shared


def _from_folders(source: ImageSource) -> Labelled:
    keys = [PurePosixPath(ref.key).parts for ref in source.refs]
    shared = folders_around(keys)
    inside = [len(parts) > shared + 1 for parts in keys]
    if not any(inside):
        raise DataError(
            f'"{source.text}" has no folders, one for each class; sort the images into folders, or give a CSV file '
            f"with the columns {FILES[0]} and {LABEL}"
        )
    outside = tuple(
        SkippedImage(ref.key, "in no folder of a class")
        for ref, own in zip(source.refs, inside, strict=True)
        if not own
    )
    refs = tuple(ref for ref, own in zip(source.refs, inside, strict=True) if own)
    labels = tuple(parts[shared] for parts, own in zip(keys, inside, strict=True) if own)
    return Labelled(replace(source, refs=refs, skipped=(*source.skipped, *outside)), labels)


def _from_csv(text: str, path: Path) -> Labelled:
    column, rows = _rows(path)
    found: dict[str, str] = {}
    for line, row in rows:
        name, label = ((row.get(key) or "").strip() for key in (column, LABEL))
        if not name or not label:
            raise DataError(f"{path}, line {line}: {column if not name else LABEL} is empty; fill in the field")
        key = PurePosixPath(os.path.normpath(name)).as_posix()
        if found.setdefault(key, label) != label:
            raise DataError(f"{path}, line {line}: {key} has two labels, {found[key]} and {label}; keep one of them")
    missing = [key for key in found if not (path.parent / key).is_file()]
    if missing:
        raise DataError(
            f"{path}: {len(missing)} of {len(found)} images do not exist, the first is {missing[0]}; "
            "names are relative to the folder of the CSV file"
        )
    keys = sorted(found)
    refs = tuple(ImageRef(key, path.parent / key) for key in keys)
    return Labelled(ImageSource(path.stem, text, refs), tuple(found[key] for key in keys))


def _rows(path: Path) -> tuple[str, list[Row]]:
    """The name of the column of files, and the rows. Raises DataError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
            columns = list(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {one_line(error)}; give a UTF-8 CSV file") from None
    column = next((name for name in FILES if name in columns), None)
    if column is None or LABEL not in columns:
        held = ", ".join(columns) or "nothing"
        raise DataError(f"{path} needs the columns {FILES[0]} and {LABEL} in its first line, which holds {held}")
    if not rows:
        raise DataError(f"{path} names no image; add a line for each")
    return column, rows
