"""Evaluations and comparisons as text, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from math import inf

from symmetry_audit.reports import (
    comparison_csv,
    comparison_tex,
    comparison_text,
    evaluation_csv,
    evaluation_tex,
    evaluation_text,
)
from symmetry_audit.results import (
    Comparison,
    DatasetInfo,
    EvaluatedModel,
    Evaluation,
    ImageScore,
    SkippedImage,
    Symmetrization,
    SymmetrizedScore,
)

FCONV = EvaluatedModel(
    name="runs/f_p8", method="F-Conv", group="p8", backbone="edsr", preset="paper", step=9000, parameters=8924315
)
CNN = EvaluatedModel(
    name="runs/cnn", method="CNN", group="p1", backbone="edsr", preset="tiny", step=10, parameters=42259
)


def evaluation(model=FCONV, scores=((33.123, 0.91234), (35.0, 0.95)), seconds=0.25, **changes):
    images = tuple(
        ImageScore(image=f"img_{at}.png", psnr=psnr, ssim=ssim, input_psnr=30.0, input_ssim=0.9, seconds=seconds)
        for at, (psnr, ssim) in enumerate(scores)
    )
    values = {
        "task": {"name": "sr", "scale": 2},
        "task_text": "super-resolution x2",
        "protocol": "sr-y",
        "protocol_text": "luma, a border cut",
        "data": DatasetInfo("Set5", "data/Set5", 2, "f" * 64),
        "seed": 0,
        "settings": {"self_ensemble": False, "tile": None, "overlap": 32, "device": "cpu"},
        "skipped": (),
    }
    return Evaluation(model=model, images=images, **{**values, **changes})


def lines_of(text):
    return [line.split() for line in text.splitlines()]


def test_text_of_an_evaluation():
    assert evaluation_text(evaluation()) == (
        "runs/f_p8 after 9000 steps on Set5 (2 images): super-resolution x2; protocol sr-y; seed 0.\n\n"
        "Image             PSNR (sr-y, dB)  SSIM (sr-y)  Input PSNR  Input SSIM  Gain PSNR  Gain SSIM  Seconds\n"
        "img_0.png                   33.12       0.9123       30.00      0.9000      +3.12    +0.0123    0.250\n"
        "img_1.png                   35.00       0.9500       30.00      0.9000      +5.00    +0.0500    0.250\n"
        "Mean of 2 images            34.06       0.9312       30.00      0.9000      +4.06    +0.0312    0.250\n\n"
        "Protocol sr-y: luma, a border cut.\n"
        "Input: the degraded image, enlarged by bicubic interpolation. Gain: over the input. Seconds:\n"
        "restoring alone, on cpu.\n"
    )


def test_infinite_values_and_small_losses():
    text = evaluation_text(evaluation(scores=[(inf, 1.0), (29.999, 0.89999)]))
    rows = lines_of(text)
    assert rows[3] == ["img_0.png", "inf", "1.0000", "30.00", "0.9000", "–", "+0.1000", "0.250"]
    assert rows[4][5:7] == ["+0.00", "+0.0000"]
    assert rows[5][:5] == ["Mean", "of", "2", "images", "inf"]


def test_what_else_a_reader_has_to_know():
    found = evaluation(
        EvaluatedModel(name="identity"),
        scores=[(30.0, 0.9)],
        task={"name": "denoise", "scale": 1},
        settings={"self_ensemble": True, "device": "cuda"},
        skipped=(SkippedImage("a\nb.png", "twice"),),
    )
    text = evaluation_text(found)
    assert text.startswith("identity, eightfold self-ensemble, on Set5 (1 image): ")
    assert "Mean of 1 image " in text
    assert "Input: the degraded image. " in text and "on cuda." in text
    assert text.endswith("Skipped: 1 image.\n")


def test_names_cannot_break_lines():
    names = {"model": EvaluatedModel(name="a\nb"), "data": DatasetInfo("x\x1b[31m", "x", 2, "f" * 64)}
    assert evaluation_text(evaluation(**names)).startswith("a b on x [31m (2 images): ")


def test_csv_of_an_evaluation():
    rows = list(csv.DictReader(io.StringIO(evaluation_csv(evaluation(scores=[(1 / 3, 0.1), (inf, 1.0)])))))
    assert len(rows) == 2
    assert float(rows[0]["psnr"]) == 1 / 3 and rows[1]["psnr"] == "inf"
    assert rows[0]["protocol"] == "sr-y" and rows[0]["model"] == "runs/f_p8" and rows[1]["image"] == "img_1.png"
    assert rows[0]["input_psnr"] == "30.0" and rows[0]["seconds"] == "0.25"


def test_latex_of_an_evaluation():
    text = evaluation_tex(evaluation())
    assert r"\caption{runs/f\_p8 after 9000 steps on Set5 (2 images)" in text
    assert r"\label{tab:evaluation}" in text and r"\multicolumn" not in text
    assert r"img\_0.png" in text and text.count(r"\\") == 4
    assert text.count("{") == text.count("}") and r"\textbf" not in text


def test_text_of_a_comparison():
    runs = (
        evaluation(),
        evaluation(CNN, [(34.0, 0.95)], seconds=0.1),
        evaluation(EvaluatedModel(name="bicubic"), [(33.0, 0.9)], seconds=0.001),
    )
    rows = lines_of(comparison_text(Comparison(runs)))
    assert " ".join(rows[2]) == "Method Group Backbone #Param Steps PSNR (sr-y, dB) SSIM (sr-y) Seconds"
    assert rows[3] == ["F-Conv", "p8", "edsr", "8.92M", "9000", "34.06*", "0.9312", "0.250"]
    assert rows[4] == ["CNN", "p1", "edsr", "42.3K", "10", "34.00", "0.9500*", "0.100*"]
    assert rows[5] == ["bicubic", "–", "–", "–", "–", "33.00", "0.9000", "0.001"]
    text = comparison_text(Comparison(runs))
    assert "* The best of its column; of the seconds, among the networks." in text
    assert "The input itself: 30.00 dB, 0.9000." in text and "Protocol sr-y: luma" in text
    # points of one column stand below each other
    points = {line.index(".", line.index("SSIM") if "SSIM" in line else 50) for line in text.splitlines()[3:6]}
    assert len(points) == 1


def test_equals_are_all_the_best_and_one_alone_is_not():
    pair = lines_of(comparison_text(Comparison((evaluation(), evaluation(CNN)))))
    assert pair[3][-3:] == pair[4][-3:] == ["34.06*", "0.9312*", "0.250*"]
    text = comparison_text(Comparison((evaluation(),)))
    assert "*" not in text


def test_rows_alike_carry_their_names():
    again = EvaluatedModel(**{**vars(FCONV), "name": "runs/other"})
    rows = lines_of(comparison_text(Comparison((evaluation(), evaluation(again), evaluation(CNN)))))
    assert rows[2][0] == "Run"
    assert [row[0] for row in rows[3:6]] == ["runs/f_p8", "runs/other", "runs/cnn"]


def test_self_ensembles_are_marked():
    doubled = evaluation(settings={"self_ensemble": True, "device": "cuda"})
    text = comparison_text(Comparison((evaluation(), doubled)))
    assert [row[0] for row in lines_of(text)[3:5]] == ["F-Conv", "F-Conv+"]
    assert "+ Eightfold self-ensemble." in text and "on cpu and cuda." in text


def test_latex_of_a_comparison():
    text = comparison_tex(Comparison((evaluation(), evaluation(CNN, [(34.0, 0.95)], seconds=0.1))))
    assert text.count(r"\textbf{") == 3
    assert r"\textbf{34.06} & " in text and r"\textbf{0.9500} & \textbf{0.100} \\" in text
    assert r"\#Param" in text and "*" not in text and "Bold: the best of its column" in text
    assert text.count("{") == text.count("}")


def test_csv_of_a_comparison():
    runs = (evaluation(), evaluation(EvaluatedModel(name="bicubic"), [(inf, 1.0)]))
    rows = list(csv.DictReader(io.StringIO(comparison_csv(Comparison(runs)))))
    assert [row["name"] for row in rows] == ["runs/f_p8", "bicubic"]
    assert float(rows[0]["psnr"]) == runs[0].psnr and rows[0]["parameters"] == "8924315"
    assert rows[1]["parameters"] == "" and rows[1]["psnr"] == "inf" and rows[1]["self_ensemble"] == "False"


SENTENCE = "Some p4-equivariant restorer is better than this network " + "on such images, " * 12 + "which is all."


def symmetrized(*averages, interval=(0.125, 0.625), **changes):
    found = evaluation(**changes)
    images = [
        SymmetrizedScore(image=item.image, psnr=item.psnr, average_psnr=average, deviation=0.25)
        for item, average in zip(found.images, averages, strict=True)
    ]
    part = Symmetrization(group="p4", verdict="gain", sentence=SENTENCE, interval=interval, images=tuple(images))
    return evaluation(symmetrization=part, **changes)


def test_text_of_a_network_beside_its_average():
    text = evaluation_text(symmetrized(33.623, 35.25))
    lines = text.splitlines()
    assert len(lines) == 7 and max(map(len, lines)) <= 100 and " ".join(lines[:3]) == SENTENCE
    assert lines[3:] == [
        "",
        "runs/f_p8 after 9000 steps on Set5 (2 images): super-resolution x2; protocol sr-y; seed 0.",
        "PSNR: network 34.06 dB, average over p4 34.44 dB; better on 2 of 2 images.",
        "Average minus network: +0.375 dB, standard error 0.125, 95 % interval +0.125 to +0.625.",
    ]


def test_text_without_an_interval():
    one = evaluation_text(symmetrized(30.0, scores=[(30.25, 0.9)], interval=None))
    assert "average over p4 30.00 dB; better on 0 of 1 image.\nAverage minus network: -0.250 dB.\n" in one
    endless = evaluation_text(symmetrized(inf, scores=[(30.25, 0.9)], interval=None, skipped=(SkippedImage("c", "x"),)))
    assert "average over p4 inf dB; better on 1 of 1 image.\nAverage minus network: –.\n" in endless
    assert endless.endswith("Skipped: 1 image.\n")


def test_csv_and_latex_of_a_network_beside_its_average():
    found = symmetrized(33.623, inf)
    rows = list(csv.DictReader(io.StringIO(evaluation_csv(found))))
    assert [row["average_psnr"] for row in rows] == ["33.623", "inf"] and rows[1]["difference"] == "inf"
    assert float(rows[0]["difference"]) == 33.623 - 33.123
    assert (rows[0]["symmetrized"], rows[0]["deviation"], rows[0]["seconds"]) == ("p4", "0.25", "0.25")
    text = evaluation_tex(found)
    header = next(line for line in text.splitlines() if line.startswith("Image"))
    assert [cell.strip(" \\") for cell in header.split("&")][-2:] == ["p4 average PSNR", "Average gain"]
    assert "Some p4-equivariant restorer" in text
    row = next(line for line in text.splitlines() if line.startswith(r"img\_0.png"))
    assert [cell.strip(" \\") for cell in row.split("&")][-2:] == ["33.62", "+0.50"]
