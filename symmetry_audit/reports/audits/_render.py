"""Table 1, Figure 2 and the details as files beside the report they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.files import write_atomically
from symmetry_audit.reports.audits._checked import checked
from symmetry_audit.reports.audits._details import details_markdown
from symmetry_audit.reports.audits._directions import strict_scenario
from symmetry_audit.reports.audits._load import load_report
from symmetry_audit.reports.audits._responses import mean_profiles
from symmetry_audit.reports.audits._table1 import table1_csv, table1_markdown, table1_short_tex, table1_tex

__all__ = ["FORMATS", "render"]

FORMATS = ("table1", "figure2", "details", "directions")


def render(
    folder: str | Path, formats: Sequence[str] = FORMATS, regularizer: str | None = None, *, short: bool = False
) -> tuple[Path, ...]:
    """Rebuild ``formats`` in ``folder`` from its report.json and responses.parquet alone; return the files.

    "table1" gives table1.csv, .md and .tex; "figure2" gives figure2.png, .svg and .pdf, whose curves are those
    of ``regularizer`` (a name; None: the first of the run); "details" gives details.md and subsets.png, .svg and
    .pdf; "directions" gives directions.png, .svg and .pdf where a strict scenario was measured; ``short`` gives
    table1-short.tex beside them, for a paper. The same input gives the same bytes. All files are made before the first
    is written, each through a temporary name. Raises SettingError for an unknown format or regularizer, ReportError
    where the folder cannot be read or written.
    """
    for name in formats:
        if name not in FORMATS:
            raise SettingError(f'"{name}" is not a format.{suggest(name, FORMATS)}')
    run = checked(load_report(folder))
    names = tuple(run.regularizers)
    if regularizer is not None and regularizer not in names:
        raise SettingError(f'"{regularizer}" is not a regularizer of this run.{suggest(regularizer, names)}')
    files: dict[str, bytes] = {}
    if "table1" in formats:
        writers = {"csv": table1_csv, "md": table1_markdown, "tex": table1_tex}
        files |= {f"table1.{suffix}": write(run).encode() for suffix, write in writers.items()}
    if short:
        files["table1-short.tex"] = table1_short_tex(run).encode()
    if "figure2" in formats:
        from symmetry_audit.reports.audits._figure2 import figure2

        drawn = figure2(run, mean_profiles(folder, run), regularizer or names[0])
        files |= {f"figure2.{suffix}": content for suffix, content in drawn.items()}
    if "details" in formats:
        from symmetry_audit.reports.audits._subsets import subsets_figure

        files["details.md"] = details_markdown(run).encode()
        files |= {f"subsets.{suffix}": content for suffix, content in subsets_figure(run).items()}
    if "directions" in formats and strict_scenario(run):
        from symmetry_audit.reports.audits._directions_figure import directions_figure

        files |= {f"directions.{suffix}": content for suffix, content in directions_figure(folder, run).items()}
    return tuple(write_atomically(Path(folder) / name, content) for name, content in files.items())
