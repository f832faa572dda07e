"""The page of an alignment: is the network equivariant, and how does it compare with the data?"""

from __future__ import annotations

from symmetry_audit.reports.networks._alignment import alignment_table
from symmetry_audit.reports.pages._blocks import Block, Screen, Strip, Text, Verdict
from symmetry_audit.reports.pages._glossary import glossary
from symmetry_audit.reports.pages._how import how_made, listed_settings
from symmetry_audit.reports.pages._page import made_page
from symmetry_audit.reports.pages._questions import strips_over
from symmetry_audit.reports.pages._tables import tables
from symmetry_audit.reports.pages._words import percent
from symmetry_audit.results import Alignment, ScenarioAlignment
from symmetry_audit.wording import count, printable

__all__ = ["alignment_page"]

MANY = 16  # strips of one scenario; of larger groups every 45 degrees
STEP = 45
HARDEST = 12  # images that are listed
LEGEND = ("● the network's error", "solid upright: its floor, from resampling alone", "dashed upright: the data")
WORDS = ("equivariant", "relative error", "floor", "relative ε", "quarter turns", "p4", "adaptive", "PSNR")


def alignment_page(found: Alignment) -> str:
    """The page of ``found``, the same bytes for the same alignment."""
    said = tuple(map(printable, found.verdict))
    name, data = printable(found.model.name), printable(found.data.name)
    first = said[0] if said else "Nothing was measured but the identity."
    screens = (
        Screen("verdict", "Is the network equivariant?", (Verdict(first, (*_restored(found), *said[1:])),)),
        Screen("sure", "How sure this is", tuple(_strips(found, item) for item in found.scenarios)),
        Screen("images", "Where it fails most", _hardest(found)),
        Screen("numbers", "All numbers", tables(alignment_table(found), said)),
        how_made(_facts(found), glossary(*WORDS), found.skipped),
    )
    task = "" if found.task_text is None else f", {found.task_text}"
    about = f"{count(found.data.images, 'image')} of {data} under {found.group}{task}."
    return made_page(f"Is {name} equivariant?", printable(about), screens)


def _restored(found: Alignment) -> tuple[str, ...]:
    """How well it restores the same squares: an untrained network, or a wrong input range, is seen here."""
    scores = found.restoration
    if scores is None:
        return ()
    average = scores.symmetrization
    more = "" if average is None else f", of its average over {average.group} {average.average_psnr:.2f} dB"
    return (f"PSNR of the input {scores.input_psnr:.2f} dB, of the output {scores.psnr:.2f} dB{more}.",)


def _strips(found: Alignment, item: ScenarioAlignment) -> Block:
    """A strip for every element but the identity, or for those at multiples of STEP where there are many."""
    means, elements = item.elements, range(1, len(found.elements))
    shown = [at for at in elements if len(elements) <= MANY or not found.angles_deg[at] % STEP]
    items = []
    for at in shown:
        mean, data = means[at], _of_data(found, item, at)
        if mean.relative is None or mean.relative_floor is None:
            continue
        told = [percent(mean.relative), f"floor {percent(mean.relative_floor)}" if mean.floor else "exact: no floor"]
        told += [] if data is None else [f"data {percent(data)}"]
        items.append(
            Strip(
                f"{'mirrored, ' if found.mirrored[at] else ''}turned by {found.angles_deg[at]:g}°",
                100 * mean.relative,
                "; ".join(told),
                null=None if data is None else 100 * data,
                floor=100 * mean.relative_floor,
            )
        )
    if not items:
        return Text(("The output is constant, so there is no relative error.",), item.title)
    legend = LEGEND if found.symmetry is not None else LEGEND[:2]
    return strips_over(f"{item.title}: difference in percent of the output's contrast", items, legend)


def _of_data(found: Alignment, item: ScenarioAlignment, at: int) -> float | None:
    """How far the data are from invariance under element ``at``: the mean over the regularizers that see it."""
    if found.symmetry is None or at not in found.symmetry.indices:
        return None
    place = found.symmetry.indices.index(at)
    curves = [curve for curve in found.symmetry.curves if curve.scenario == item.scenario]
    seen = [curve.deviation[place] for curve in curves if curve.deviation[place]]
    return sum(seen) / len(seen) if seen else None


def _hardest(found: Alignment) -> tuple[Block, ...]:
    """The images with the largest error at the element of the largest mean error, under strict rotations."""
    item, others = found.scenarios[0], range(1, len(found.elements))
    if not others:
        return (Text(("The group has no element but the identity.",)),)
    at = item.worst(others)
    ranked = sorted(item.images, key=lambda image: (-image.error[at], image.image))[:HARDEST]
    strips = [
        Strip(
            printable(image.image),
            image.error[at] ** 0.5,
            f"{image.error[at] ** 0.5:.3g} grey levels RMS; floor {image.floor[at] ** 0.5:.3g}",
            floor=image.floor[at] ** 0.5,
        )
        for image in ranked
    ]
    title = f"Error at {found.angles_deg[at]:g}°, the largest one, image by image"
    return (strips_over(title, strips, LEGEND[:2], "grey levels"),)


def _facts(found: Alignment) -> list[tuple[str, str]]:
    model = found.model
    built = ", ".join(filter(None, (model.method, model.group, model.backbone, model.preset)))
    size = "" if model.parameters is None else f"{model.parameters:,} parameters"
    return [
        ("network", "; ".join(filter(None, (model.name, built, size)))),
        ("images from", found.data.source),
        ("SHA-256 of the images", found.data.fingerprint),
        ("settings", listed_settings({"group": found.group, "seed": found.seed, **found.settings})),
    ]
