"""An alignment as text for the terminal, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Mapping, Sequence

from symmetry_audit.reports._columns import column
from symmetry_audit.reports._table import COLUMNS, NULL, Part, Table, tex_table, text_table
from symmetry_audit.results import Alignment, DataSymmetry, RestorationScores, Scenario, ScenarioAlignment
from symmetry_audit.wording import count, csv_row, printable

__all__ = ["alignment_csv", "alignment_table", "alignment_tex", "alignment_text"]

SHOWN = 5  # layers left out that are named
HEADER = ("Element", "Angle", "Error RMS", "Floor RMS", "Relative (%)", "Its floor (%)")


def alignment_text(alignment: Alignment) -> str:
    """The verdict; then PSNR, errors by element, by layer and beside the data where these are there."""
    said = [
        line for text in alignment.verdict for line in textwrap.wrap(printable(text), COLUMNS, break_on_hyphens=False)
    ]
    table = text_table(alignment_table(alignment))
    return "\n".join([*said, "", table]) if said else table


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, break_on_hyphens=False)


def alignment_table(alignment: Alignment) -> Table:
    """What stands below the verdict."""
    return _table(alignment, _notes(alignment))


def alignment_tex(alignment: Alignment) -> str:
    r"""``alignment_text`` as a LaTeX ``table`` float with booktabs rules."""
    notes = (*_notes(alignment), *map(printable, alignment.verdict))
    return tex_table(_table(alignment, notes), "tab:alignment")


def alignment_csv(alignment: Alignment) -> str:
    """One line for each scenario, image and element at full precision; mean squares in grey levels^2."""
    head = ("model", "scenario", "image", "element", "angle_deg", "mirrored", "error", "floor", "contrast", "pixels")
    rows = [
        (alignment.model.name, item.scenario, image.image, *element, *values, image.pixels)
        for item in alignment.scenarios
        for image in item.images
        for element, values in zip(
            zip(alignment.elements, alignment.angles_deg, alignment.mirrored, strict=True),
            zip(image.error, image.floor, image.contrast, strict=True),
            strict=True,
        )
    ]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(csv_row, [head, *rows]))
    return text.getvalue()


def _table(found: Alignment, notes: tuple[str, ...]) -> Table:
    parts = [] if found.restoration is None else [_scores(found.restoration)]
    parts.append(_elements(found))
    layers = [item for item in found.scenarios if item.layers]
    if layers:
        parts.append(_layers(layers))
    if found.symmetry is not None:
        parts += [_groups(found.symmetry), _correlations(found.symmetry)]
    return Table(_caption(found), tuple(parts), notes)


def _caption(found: Alignment) -> str:
    task = "" if found.task_text is None else f": {found.task_text}; seed {found.seed}"
    images = count(found.data.images, "image")
    return f"{printable(found.model.name)} under {found.group} on {printable(found.data.name)} ({images}){task}."


def _scores(found: RestorationScores) -> Part:
    """PSNR of the input, of the network and of its average over the group."""
    cells = [("Input", found.input_psnr), ("Network", found.psnr)]
    if (average := found.symmetrization) is not None:
        cells.append((f"Averaged over {average.group}", average.average_psnr))
    names, values = zip(*cells, strict=True)
    row = (f"mean of {count(len(found.images), 'image')}", *(f"{value:.2f}" for value in values))
    return Part((f"PSNR ({found.protocol}, dB)", *names), 1, (("", (row,)),))


def _elements(found: Alignment) -> Part:
    blocks = []
    for item in found.scenarios:
        means = [mean.to_dict() for mean in item.elements[1:]]
        columns = [
            column([mean["error_rms"] for mean in means]),
            column([mean["floor_rms"] for mean in means]),
            column(_percents([mean["relative"] for mean in means])),
            column(_percents([mean["relative_floor"] for mean in means])),
        ]
        names = zip(found.elements[1:], found.angles_deg[1:], found.mirrored[1:], strict=True)
        labels = [(name, f"{angle:g} m" if mirrored else f"{angle:g}") for name, angle, mirrored in names]
        rows = tuple((*label, *cells) for label, *cells in zip(labels, *columns, strict=True))
        blocks.append((f"{item.title} ({count(len(item.images), 'image')})", rows))
    return Part(HEADER, 1, tuple(blocks))


def _percents(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else 100 * value for value in values]


def _layers(scenarios: Sequence[ScenarioAlignment]) -> Part:
    header = ("Layer", "Kind", "Group", "Channels", "Relative (%)", "Its floor (%)")
    blocks = []
    for item in scenarios:
        names = [(printable(layer.layer), layer.kind, layer.group, str(layer.channels)) for layer in item.layers]
        columns = [
            column(_percents([layer.relative for layer in item.layers])),
            column(_percents([layer.relative_floor for layer in item.layers])),
        ]
        rows = tuple((*name, *cells) for name, *cells in zip(names, *columns, strict=True))
        blocks.append((f"Layers: {item.title}", rows))
    return Part(header, 3, tuple(blocks))


def _groups(symmetry: DataSymmetry) -> Part:
    header = ("Group", "Network (%)", "Its floor (%)", "Data (%)", "Its floor (%)", "Regularizer", "The network is")
    blocks = []
    for scenario in dict.fromkeys(row.scenario for row in symmetry.groups):
        rows = [row for row in symmetry.groups if row.scenario == scenario]
        columns = [column(_percents([getattr(row, name) for row in rows])) for name in NUMBERS]
        blocks.append(
            (
                f"Beside {printable(symmetry.name)}: {Scenario.named(scenario).transformations}",
                tuple(
                    (row.group, *cells, row.regularizer or NULL, RELATIONS[row.relation])
                    for row, *cells in zip(rows, *columns, strict=True)
                ),
            )
        )
    return Part(header, 1, tuple(blocks))


NUMBERS = ("model", "model_floor", "data", "data_floor")
RELATIONS = {
    "more": "more symmetric",
    "less": "less symmetric",
    "as": "as symmetric",
    "cannot tell": "cannot tell",
    "not tested": NULL,
}


def _correlations(symmetry: DataSymmetry) -> Part:
    names = list(dict.fromkeys(curve.title for curve in symmetry.curves))
    blocks = []
    for scenario in dict.fromkeys(curve.scenario for curve in symmetry.curves):
        by_title = {curve.title: curve.correlation for curve in symmetry.curves if curve.scenario == scenario}
        cells = tuple(NULL if by_title.get(name) is None else f"{by_title[name]:+.2f}" for name in names)
        blocks.append(("", ((Scenario.named(scenario).transformations, *cells),)))
    return Part(("Rank correlation", *map(printable, names)), 1, tuple(blocks))


def _notes(found: Alignment) -> tuple[str, ...]:
    crop, scale = found.settings["crop"], found.settings["scale"]
    cut = "the largest centered square" if crop is None else f"centered squares of at most {crop} px"
    enlarged = f", on the {scale} times finer grid of the output" if scale > 1 else ""
    margin = found.settings["margin"]
    border = "16 px (an eighth of the side, if that is less)" if margin is None else f"{margin:g} px"
    notes = [
        f"Images: {cut}; compared on the inscribed disc (or ellipse) less {border}{enlarged}.",
        "Error RMS: root of the mean square of Phi(pi_A Y) - pi_A Phi(Y) per pixel and channel, in grey levels of "
        "[0, 255]; relative: divided by the contrast of the output on the same pixels. Floor: the error of resampling "
        "alone, of a rotation there and back and a shift by half a pixel; 0 for quarter turns and mirrors. m: after "
        "the mirror.",
    ]
    if found.restoration is not None:
        notes.append(f"PSNR: of the whole squares, {found.restoration.protocol_text}.")
    if (unit := found.settings.get("unit")) is not None:
        limits = str(unit).replace(":", " to ") if ":" in str(unit) else f"0 to {unit}"
        notes.append(f"Input range of the network: {limits} (--unit {unit}).")
    if any(item.layers for item in found.scenarios):
        notes.append(
            "Layers: the mean over all elements of their group but the identity. Features turn in space and along "
            "their group axis; images are plain channels, which turn in space alone, so in a plain network a filter "
            "with a direction counts as an error."
        )
        notes += _left_out(found.settings.get("layers_left_out", {}))
    if found.symmetry is not None:
        notes += _data_notes(found.symmetry)
    if found.skipped:
        notes.append(f"Skipped: {count(len(found.skipped), 'image')}.")
    return tuple(notes)


def _left_out(reasons: Mapping[str, str]) -> list[str]:
    """One note for the layers that a pattern names and that could not be compared."""
    listed = "; ".join(f"{printable(name)} {reason}" for name, reason in list(reasons.items())[:SHOWN])
    more = f" and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return [f"Layers left out: {listed}{more}."] if reasons else []


def _data_notes(symmetry: DataSymmetry) -> list[str]:
    notes = [
        "Data: relative epsilon, Eq. (8), of the regularizer that speaks most against the group. Its floor: the pixel "
        f"grid and chance. Rank correlation: Spearman's, over the elements of {symmetry.group} that the regularizer "
        "sees, between its deviation and the network's relative error above its floor."
    ]
    if not symmetry.same_images:
        notes.append(f"The report is about a different set of images, {printable(symmetry.name)}.")
    return notes
