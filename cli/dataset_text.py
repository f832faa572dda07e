"""What `symaudit datasets` prints: tables, facts about splits, verifications."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from symmetry_audit.wording import escaped

if TYPE_CHECKING:
    from symmetry_audit.verbs.datasets import Split, Verification

__all__ = ["number", "print_json", "print_table", "print_verification", "split_facts"]

SHOWN = 10  # keys printed of each kind before "and N more"; --json has them all


def number(count: int | None) -> str:
    return "not known" if count is None else str(count)


def print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo(escaped("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()))


def print_json(command: str, **document: object) -> None:
    click.echo(json.dumps({"schema": f"symaudit.datasets.{command}/1", **document}, indent=2, default=str))


def split_facts(split: Split) -> list[tuple[str, str]]:
    """Return what is known about a split as labeled lines."""
    sums = {"bytes": split.archive_bytes, "md5": split.archive_md5, "sha256": split.archive_sha256}
    known = [f"{name} {value}" for name, value in sums.items() if value]
    facts = [("holds", split.about), ("archive", split.archive and ", ".join([split.archive, *known]))]
    facts += [("url", split.url), ("parts", " + ".join(split.parts))]
    if draw := split.sample:
        facts.append(("draw", f'{draw.take} of {draw.of} after {draw.skip}, seed "{draw.seed}"'))
    for layout in split.layouts:
        facts.append(("folder", f"{layout.folder} ({' '.join(layout.patterns or split.patterns)})"))
    for copy in split.variants:
        sums = {"bytes": copy.bytes, "folder md5": copy.folder_md5, "list sha256": copy.list_sha256}
        known = ", ".join(f"{name} {value}" for name, value in sums.items() if value)
        facts.append(("wrong" if copy.reject else "copy", f"{copy.source}: {known}"))
    if raw := split.raw:
        form = f"{raw.width} x {raw.height} {raw.dtype}, {raw.byte_order} byte order, {raw.unit}, no header"
        facts.append(("samples", form))
    facts.append(("sha256", f"known for each of {len(split.files)} files" if split.files else ""))
    return [(name, value) for name, value in facts if value]


def print_verification(result: Verification) -> None:
    for folder in result.folders:
        click.echo(f"in {escaped(str(folder))}")
    print_table([(check.split, check.name, check.status, escaped(check.detail)) for check in result.checks])
    for kind in ("missing", "extra", "changed"):
        keys = getattr(result, kind)
        for key in keys[:SHOWN]:
            click.echo(f"{kind}: {escaped(key)}")
        if len(keys) > SHOWN:
            click.echo(f"{kind}: and {len(keys) - SHOWN} more (--json lists all)")
    unknown = sum(check.status == "not known" for check in result.checks)
    left = f" ({unknown} of {len(result.checks)} checks not possible)" if unknown else ""
    click.echo(f"{result.dataset}:{result.split}: {'ok' if result.ok else 'FAILED'}{left}")
