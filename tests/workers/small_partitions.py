"""``python small_partitions.py N ...``: the command line with partitions of N names."""

from __future__ import annotations

import sys

from symmetry_audit.audit import _partition
from symmetry_audit.cli.main import main

if __name__ == "__main__":  # worker processes import this file
    _partition.NAMES = int(sys.argv.pop(1))
    main()
