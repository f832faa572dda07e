"""The page of a comparison: which network restores best, a row for each."""

from __future__ import annotations

from math import isfinite

from symmetry_audit.reports.networks._evaluation import comparison_table
from symmetry_audit.reports.pages._blocks import Block, Screen, Strip, Text, Verdict
from symmetry_audit.reports.pages._glossary import glossary
from symmetry_audit.reports.pages._how import how_made
from symmetry_audit.reports.pages._page import made_page
from symmetry_audit.reports.pages._questions import strips_over
from symmetry_audit.reports.pages._tables import numbers
from symmetry_audit.results import Comparison, Evaluation
from symmetry_audit.wording import count, printable

__all__ = ["comparison_page"]


def comparison_page(found: Comparison) -> str:
    """The page of ``found``, the same bytes for the same comparison."""
    first, table = found.evaluations[0], comparison_table(found, "* The")
    notes = Text(tuple(table.notes))
    part = numbers("One row for each network", table.parts[0], folded=False)
    screens = (
        Screen("verdict", "Which network restores best?", (Verdict(_best(found), (_input(first),)),)),
        Screen("networks", "Networks", (*part, notes)),
        Screen("sure", "Gain over the input", _gains(found)),
        how_made(_facts(found), glossary("PSNR", "SSIM", "p4", "quarter turns"), first.skipped),
    )
    about = f"{first.task_text}; {first.data.name}, {count(first.data.images, 'image')}; protocol {first.protocol}."
    return made_page(f"{count(len(found.evaluations), 'network')} compared", printable(about), screens)


def _name(item: Evaluation) -> str:
    model = item.model
    return printable(" ".join(filter(None, (model.name, f"({model.group})" if model.group else ""))))


def _best(found: Comparison) -> str:
    ranked = sorted(found.evaluations, key=lambda item: -item.psnr)
    best = ranked[0]
    if not isfinite(best.psnr):
        return f"{_name(best)} gives back an image that equals the clean one."
    if len(ranked) == 1:
        return f"{_name(best)} reaches {best.psnr:.2f} dB."
    told = f"{_name(best)} restores best: {best.psnr:.2f} dB"
    ahead = best.psnr - ranked[1].psnr
    better = sum(one.psnr > two.psnr for one, two in zip(best.images, ranked[1].images, strict=True))
    return f"{told}, {ahead:.2f} dB ahead of {_name(ranked[1])}, on {better} of {count(len(best.images), 'image')}."


def _input(first: Evaluation) -> str:
    return f"The input itself has {first.input_psnr:.2f} dB and an SSIM of {first.input_ssim:.4f}."


def _gains(found: Comparison) -> tuple[Block, ...]:
    """A strip for each network: its PSNR minus that of the input."""
    items = [
        Strip(
            _name(item),
            item.psnr - item.input_psnr,
            f"{item.psnr:.2f} dB, {item.psnr - item.input_psnr:+.2f} dB over the input; SSIM {item.ssim:.4f}",
        )
        for item in found.evaluations
        if isfinite(item.psnr) and isfinite(item.input_psnr)
    ]
    return (strips_over("PSNR above that of the input", items, (), "dB"),) if items else ()


def _facts(found: Comparison) -> list[tuple[str, str]]:
    first = found.evaluations[0]
    return [
        ("images from", first.data.source),
        ("SHA-256 of the images", first.data.fingerprint),
        ("protocol", first.protocol_text),
        ("seed", str(first.seed)),
    ]
