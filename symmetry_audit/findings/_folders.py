"""Sums of the profiles by sub-folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from symmetry_audit.findings._sums import Sum
from symmetry_audit.results import folder_of

__all__ = ["FolderTotals"]

MOST = 1000  # folders with numbers of their own


class FolderTotals:
    """Sums of each of the first ``most`` folders in the order of the images; of others only the images are counted."""

    def __init__(self, most: int = MOST) -> None:
        self.sums: dict[str, dict[str, Sum]] = {}
        self.others = 0  # images in further folders
        self._most = most

    def add(self, images: Sequence[str], profiles: Mapping[str, np.ndarray]) -> None:
        """Add the named profiles (n, S, R, T) of n images."""
        names = [folder_of(image) for image in images]
        start = 0
        for folder, run in groupby(names):
            stop = start + len(list(run))
            self._add(folder, {name: table[start:stop] for name, table in profiles.items()}, stop - start)
            start = stop

    def _add(self, folder: str, profiles: Mapping[str, np.ndarray], images: int) -> None:
        """Add ``images`` images of one folder."""
        if folder not in self.sums and len(self.sums) >= self._most:
            self.others += images
            return
        sums = self.sums.setdefault(folder, {})
        for name, table in profiles.items():
            sums.setdefault(name, Sum()).add(table)
