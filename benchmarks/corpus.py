"""Every file of a folder: read, or refused with a reason that names its kind; compared with another library.

    python benchmarks/corpus.py FOLDER [--out FILE.csv] [--compare pyvips|cv2]

Files of every kind are tried, not only those with the suffix of an image. A file passes if it is read or refused in
time; a traceback, a signal, more than 30 s or more than 4 GiB fail, and so does a luminance that differs by more than
2.5 grey levels on average, since decoders of JPEG differ by one. Prints counts by reason. Stopped, it goes on.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from _probe import CRASHED, HUNG, READ, REFUSED, Probe  # noqa: E402
from _resumable import add_row, rows  # noqa: E402
from tqdm import tqdm  # noqa: E402

__all__ = ["kind_of_reason", "main"]

LIBRARIES = ("pyvips", "cv2")
MOST_MIB = 4096
MOST_LEVELS = 2.5


def kind_of_reason(reason: str) -> str:
    """A reason without what is one file's own: numbers and quoted names.

    >>> kind_of_reason("too large (9000 x 9000 px, the limit is 200)")
    'too large (# x # px, the limit is #)'
    """
    return re.sub(r"\d[\d.,]*", "#", re.sub(r'"[^"]*"', '""', reason))


def main() -> int:
    """Read every file and print what became of them; 1 where a file fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("corpus.csv"), help="a row for each file (default corpus.csv)")
    parser.add_argument("--compare", choices=LIBRARIES, help="default: the first that is installed")
    asked = parser.parse_args()
    compared = asked.compare or next((name for name in LIBRARIES if find_spec(name)), None)
    files = sorted(path for path in asked.folder.rglob("*") if path.is_file())
    done = {row["file"] for row in rows(asked.out)}
    with Probe(compared=compared) as probe:
        for path in tqdm(files, unit="file", file=sys.stderr):
            name = path.relative_to(asked.folder).as_posix()
            if name not in done:
                add_row(asked.out, {"file": name, **asdict(probe.read(path))})
    return _told(rows(asked.out), compared)


def _told(found: list[dict[str, str]], compared: str | None) -> int:
    counts = Counter(row["status"] for row in found)
    print(", ".join(f"{counts[status]} {status}" for status in (READ, REFUSED, CRASHED, HUNG)))
    reasons = Counter(kind_of_reason(row["reason"]) for row in found if row["status"] == REFUSED)
    for reason, count in reasons.most_common():
        print(f"{count:6d}  {reason}")
    apart = [row for row in found if row["difference"]]
    far = [row for row in apart if float(row["difference"]) > MOST_LEVELS]
    print(f"{len(apart)} compared with {compared}, {len(far)} differ by more than {MOST_LEVELS} grey levels")
    large = [row for row in found if float(row["mib"]) > MOST_MIB]
    bad = [row for row in found if row["status"] in (CRASHED, HUNG)]
    for row in (*bad, *large, *far):
        print(
            f"  {row['file']}: {row['status']} {row['reason']} {row['mib']} MiB, difference {row['difference'] or '-'}"
        )
    return int(bool(bad or large or far))


if __name__ == "__main__":
    sys.exit(main())
