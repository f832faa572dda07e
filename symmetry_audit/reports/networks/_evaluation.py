"""Evaluations and their comparison as text for the terminal, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterator, Sequence
from math import isfinite

from symmetry_audit.reports._table import BEST, COLUMNS, NULL, Part, Table, tex_table, text_table
from symmetry_audit.results import Comparison, Evaluation, FurtherScore, Symmetrization
from symmetry_audit.wording import count, csv_row, printable

__all__ = [
    "comparison_csv",
    "comparison_table",
    "comparison_tex",
    "comparison_text",
    "evaluation_csv",
    "evaluation_tex",
    "evaluation_text",
]


def evaluation_text(evaluation: Evaluation) -> str:
    """Scores of every image and their means, beside those of the input, aligned; ends in a line break.

    PSNR in dB with 2 decimals, SSIM with 4, seconds of restoring alone. Where the network was compared with its average
    over a group, that comparison alone in a few lines. Raises ReportError without images.
    """
    if evaluation.symmetrization is not None:
        return _symmetrization_text(evaluation, evaluation.symmetrization)
    return text_table(_evaluation_table(evaluation))


def evaluation_tex(evaluation: Evaluation) -> str:
    r"""``evaluation_text`` as a LaTeX ``table`` float with booktabs rules."""
    return tex_table(_evaluation_table(evaluation), "tab:evaluation")


def evaluation_csv(evaluation: Evaluation) -> str:
    """One line for each image at full precision; an infinite PSNR is ``inf``.

    Where the network was compared with its average over a group, also the average's PSNR, average minus network in dB,
    and the root mean square of the outputs' difference in grey levels.
    """
    head = ("model", "task", "data", "protocol", "seed")
    said = (evaluation.model.name, evaluation.task_text, evaluation.data.name, evaluation.protocol, evaluation.seed)
    names = ("image", "psnr", "ssim", "input_psnr", "input_ssim", "seconds")
    rows = [(*said, *(getattr(item, name) for name in names)) for item in evaluation.images]
    found = evaluation.symmetrization
    if found is None:
        return _csv([(*head, *names), *rows])
    further = ("average_psnr", "difference", "deviation")
    pairs = [(found.group, *(getattr(item, name) for name in further)) for item in found.images]
    return _csv([(*head, *names, "symmetrized", *further), *map(tuple.__add__, rows, pairs)])


def comparison_text(comparison: Comparison) -> str:
    """A row for each network, as in Tables 2 to 6 of [SA]; the best of a column is marked. Ends in a line break."""
    return text_table(comparison_table(comparison, f"{BEST} The"))


def comparison_tex(comparison: Comparison) -> str:
    r"""``comparison_text`` as a LaTeX ``table`` float with booktabs rules; the best of a column is bold."""
    return tex_table(comparison_table(comparison, "Bold: the"), "tab:comparison")


def comparison_csv(comparison: Comparison) -> str:
    """One line for each network at full precision; what a baseline lacks is empty."""
    model = ("name", "method", "group", "backbone", "preset", "parameters", "step")
    means = ("psnr", "ssim", "input_psnr", "input_ssim", "seconds")
    rows = [
        (
            *(getattr(item.model, name) for name in model),
            *(item.task_text, item.data.name, item.protocol, item.settings["self_ensemble"]),
            *(getattr(item, name) for name in means),
        )
        for item in comparison.evaluations
    ]
    return _csv([(*model, "task", "data", "protocol", "self_ensemble", *means), *rows])


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(csv_row, rows))
    return text.getvalue()


def _evaluation_table(found: Evaluation) -> Table:
    header = ("Image", *_units(found), "Input PSNR", "Input SSIM", "Gain PSNR", "Gain SSIM", "Seconds")
    mean = (found.psnr, found.ssim, found.input_psnr, found.input_ssim, found.seconds)
    rows = [
        (printable(item.image), *_scores(item.psnr, item.ssim, item.input_psnr, item.input_ssim, item.seconds))
        for item in found.images
    ]
    last = (f"Mean of {count(len(found.images), 'image')}", *_scores(*mean))
    rows = [*rows, last]
    if found.symmetrization is not None:
        header = (*header, f"{found.symmetrization.group} average PSNR", "Average gain")
        rows = [(*row, *cells) for row, cells in zip(rows, _averages(found.symmetrization), strict=True)]
    part = Part(header, 1, (("", tuple(rows)),))
    caption = f"{_name(found)}{_doubled(found)} on {_conditions(found)}"
    said = () if found.symmetrization is None else (found.symmetrization.sentence,)
    notes = (*said, *_further_notes(found), _protocol_note(found), _input_note(found), *_skipped_note(found))
    return Table(caption, (part,), notes)


def _averages(found: Symmetrization) -> list[tuple[str, str]]:
    """PSNR of the average and its gain over the network, image by image and in the mean."""
    values = [*((item.average_psnr, item.difference) for item in found.images), (found.average_psnr, found.difference)]
    return [(_decibel(psnr), _difference(difference)) for psnr, difference in values]


def _difference(value: float | None) -> str:
    return NULL if value is None or not isfinite(value) else _signed(value, 2)


def _symmetrization_text(evaluation: Evaluation, found: Symmetrization) -> str:
    """The sentence, then the numbers that it rests on: ten lines at most."""
    error = "" if found.standard_error is None else f", standard error {found.standard_error:.3f}"
    ends = "" if found.interval is None else f", 95 % interval {' to '.join(_signed(end, 3) for end in found.interval)}"
    better, images = sum(item.difference > 0 for item in found.images), count(len(found.images), "image")
    psnr = f"network {_decibel(found.psnr)} dB, average over {found.group} {_decibel(found.average_psnr)} dB"
    mean = NULL if found.difference is None else f"{_signed(found.difference, 3)} dB"
    lines = [
        *_wrapped(found.sentence),
        "",
        *_wrapped(f"{_name(evaluation)} on {_conditions(evaluation)}"),
        f"PSNR: {psnr}; better on {better} of {images}.",
        f"Average minus network: {mean}{error}{ends}.",
        *_skipped_note(evaluation),
    ]
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, break_on_hyphens=False)


def _units(found: Evaluation) -> tuple[str, str]:
    return f"PSNR ({found.protocol}, dB)", f"SSIM ({found.protocol})"


def _scores(psnr: float, ssim: float, input_psnr: float, input_ssim: float, seconds: float) -> tuple[str, ...]:
    gain = psnr - input_psnr if isfinite(psnr) and isfinite(input_psnr) else None
    return (
        *(_decibel(psnr), f"{ssim:.4f}", _decibel(input_psnr), f"{input_ssim:.4f}"),
        *(NULL if gain is None else _signed(gain, 2), _signed(ssim - input_ssim, 4), _time(seconds)),
    )


def _decibel(value: float) -> str:
    return f"{value:.2f}" if isfinite(value) else "inf"


def _signed(value: float, decimals: int) -> str:
    return f"{round(value, decimals) + 0.0:+.{decimals}f}"  # adding 0 leaves no -0.00


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"


def _name(found: Evaluation) -> str:
    steps = "" if found.model.step is None else f" after {found.model.step} steps"
    return f"{printable(found.model.name)}{steps}"


def _doubled(found: Evaluation) -> str:
    return ", eightfold self-ensemble," if found.settings["self_ensemble"] else ""


def _conditions(found: Evaluation) -> str:
    data = f"{printable(found.data.name)} ({count(len(found.images), 'image')})"
    return f"{data}: {found.task_text}; protocol {found.protocol}; seed {found.seed}."


def _further_notes(found: Evaluation) -> Iterator[str]:
    """The means of further numbers, a line for each protocol."""
    for protocol in dict.fromkeys(item.protocol for item in found.further):
        numbers = [item for item in found.further if item.protocol == protocol]
        yield f"{protocol}: {'; '.join(map(_further_text, numbers))}."


def _further_text(item: FurtherScore) -> str:
    both = (item.value, item.input_value)
    value, before = (f"{number:.4f}" if item.name == "SSIM" else _decibel(number) for number in both)
    return f"mean {item.name} {value}{item.unit and ' ' + item.unit} (input {before})"


def _protocol_note(found: Evaluation) -> str:
    return f"Protocol {found.protocol}: {found.protocol_text}."


def _input_note(found: Evaluation) -> str:
    enlarged = ", enlarged by bicubic interpolation" if found.task.get("scale", 1) > 1 else ""
    seconds = f"Seconds: restoring alone, on {found.settings['device']}."
    return f"Input: the degraded image{enlarged}. Gain: over the input. {seconds}"


def _skipped_note(found: Evaluation) -> tuple[str, ...]:
    return (f"Skipped: {count(len(found.skipped), 'image')}.",) if found.skipped else ()


def comparison_table(comparison: Comparison, sign: str) -> Table:
    found = comparison.evaluations
    labels = [_labels(item) for item in found]
    named = len(set(labels)) < len(labels)  # networks that differ in their name alone
    header = ("Method", "Group", "Backbone", "#Param", "Steps", *_units(found[0]), "Seconds")
    trained = [item.seconds for item in found if item.model.parameters is not None]
    columns = [
        [_count(item.model.parameters) for item in found],
        [NULL if item.model.step is None else str(item.model.step) for item in found],
        _marked([_decibel(item.psnr) for item in found], _decibel(max(item.psnr for item in found))),
        _marked([f"{item.ssim:.4f}" for item in found], f"{max(item.ssim for item in found):.4f}"),
        _marked([_time(item.seconds) for item in found], _time(min(trained)) if len(trained) > 1 else None),
    ]
    rows = [(*label, *cells) for label, *cells in zip(labels, *columns, strict=True)]
    if named:
        header = ("Run", *header)
        rows = [(printable(item.model.name), *row) for item, row in zip(found, rows, strict=True)]
    first, among = found[0], "; of the seconds, among the networks" if len(trained) > 1 else ""
    notes = (
        _protocol_note(first),
        f"The input itself: {_decibel(first.input_psnr)} dB, {first.input_ssim:.4f}. {_devices(found)}",
        *([f"{sign} best of its column{among}."] if len(found) > 1 else []),
        *(["+ Eightfold self-ensemble."] if any(item.settings["self_ensemble"] for item in found) else []),
    )
    return Table(_conditions(first), (Part(header, len(header) - len(columns), (("", tuple(rows)),)),), notes)


def _labels(item: Evaluation) -> tuple[str, str, str]:
    model = item.model
    ensemble = "+" if item.settings["self_ensemble"] else ""
    return (
        printable(f"{model.method or model.name}{ensemble}"),
        printable(model.group or NULL),
        printable(model.backbone or NULL),
    )


def _devices(found: Sequence[Evaluation]) -> str:
    devices = " and ".join(dict.fromkeys(item.settings["device"] for item in found))
    return f"Seconds: restoring one image, on {devices}."


def _count(parameters: int | None) -> str:
    """As tables print it: 8.92M, 33.5K, 512."""
    if parameters is None:
        return NULL
    for size, letter, decimals in ((10**6, "M", 2), (10**3, "K", 1)):
        if parameters >= size:
            return f"{parameters / size:.{decimals}f}{letter}"
    return str(parameters)


def _marked(cells: Sequence[str], best: str | None) -> list[str]:
    """Cells that read as ``best`` are marked, if there are others to compare with; numbers stay in line."""
    if len(cells) < 2 or best is None:
        return list(cells)
    return [cell + (BEST if cell == best else " ") for cell in cells]
