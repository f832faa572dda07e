# pyright: reportUnnecessaryTypeIgnoreComment=true
"""What an editor must accept, and what it must mark. Pyright reads this file in `make types`; nothing runs it.

A line that must be marked carries an ignore with the rule that marks it; without the mark, the ignore is the error.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from symmetry_audit import AffineFits, AuditReport, fit_affine, measure, pilot, train
from symmetry_audit.results import Pilot
from symmetry_audit.training import TrainResult
from symmetry_audit.verbs import MeasureRequest, TrainRequest

assert_type(measure("photos", group="p8", out="run"), AuditReport)
assert_type(measure(MeasureRequest("photos")), AuditReport)
assert_type(measure(MeasureRequest(Path("photos"), group="p8")), AuditReport)
assert_type(pilot("photos", task="denoise", sigma=25, arms=["p4"]), Pilot)
assert_type(train(task="denoise", sigma=25, data="a", valid="b"), TrainResult)
assert_type(train(TrainRequest(task="denoise", sigma=25, data="a", valid="b")), TrainResult)

measure(1234)  # pyright: ignore[reportCallIssue, reportArgumentType]
measure("photos", grup="p8")  # pyright: ignore[reportCallIssue]
measure("photos", group=8)  # pyright: ignore[reportArgumentType]
measure(TrainRequest(task="denoise"))  # pyright: ignore[reportCallIssue, reportArgumentType]
measure()  # pyright: ignore[reportCallIssue]
print(measure("photos", group="p8").epsilons)  # pyright: ignore[reportAttributeAccessIssue]
MeasureRequest("photos", grup="p8")  # pyright: ignore[reportCallIssue]

fits = fit_affine("photos")
assert_type(fits, AffineFits)
for fit in fits:
    if fit:
        assert_type(fit.ratio, float)
    else:
        assert_type(fit.reason, str)
