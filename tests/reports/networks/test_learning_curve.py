"""The learning curve: plain numbers, the input's PSNR all along, and where the second stage begins."""

from __future__ import annotations

import csv
import io

import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.reports import write_learning_curve
from symmetry_audit.reports.networks._learning import _drawn

LOG = """step,stage,seconds,lr,loss,train_psnr,gradient_norm,valid_psnr,valid_ssim,input_psnr
10,1,1.0,0.001,0.006,25.0,1.0,,,
20,1,2.0,0.001,0.004,26.0,1.0,27.0,0.8,20.5
30,2,3.0,0.0005,0.002,27.0,1.0,,,
"""


def rows(text: str = LOG) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_loss_within_one_decade_has_plain_labels():
    figure = _drawn(rows())
    figure.draw_without_rendering()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels() if label.get_text()]
    assert {"0.002", "0.005"} <= set(labels)
    assert not any("$" in label for axes in figure.axes for label in (item.get_text() for item in axes.texts))
    assert not any("$" in label for label in labels)


def test_the_input_is_a_line_across():
    right = _drawn(rows()).axes[1]
    lines = {line.get_label(): line for line in right.lines}
    assert lines["validation input"].get_ydata() == [20.5, 20.5]
    assert list(lines["validation"].get_xdata()) == [20]
    assert list(lines["training patches"].get_ydata()) == [25, 26, 27]


def test_the_second_stage_is_marked():
    assert any(list(line.get_xdata()) == [30, 30] for line in _drawn(rows()).axes[0].lines)
    first = LOG.rsplit("30,2", 1)[0]
    assert not any(list(line.get_xdata()) == [30, 30] for line in _drawn(rows(first)).axes[0].lines)


def test_a_run_without_validation_has_no_line_of_the_input():
    right = _drawn(rows(LOG.replace(",27.0,0.8,20.5", ",,,"))).axes[1]
    assert "validation input" not in {line.get_label() for line in right.lines}


def test_three_files_the_same_every_time(tmp_path):
    (tmp_path / "log.csv").write_text(LOG)
    first = {path.name: path.read_bytes() for path in write_learning_curve(tmp_path)}
    assert set(first) == {"learning_curve.png", "learning_curve.svg", "learning_curve.pdf"}
    assert {path.name: path.read_bytes() for path in write_learning_curve(tmp_path)} == first


def test_what_is_no_log(tmp_path):
    with pytest.raises(ReportError, match=r"log.csv is not the log of a training run"):
        write_learning_curve(tmp_path)
