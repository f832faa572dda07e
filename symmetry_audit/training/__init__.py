"""Training restoration networks on what an audit found."""

from symmetry_audit.training._eq_reg import OUTPUT, EquivarianceRegularizer
from symmetry_audit.training._loop import Interrupted
from symmetry_audit.training._prefit import predicted, prefit
from symmetry_audit.training._settings import RECIPES, TrainSettings, make_settings
from symmetry_audit.training._start import Start, joint_fits, start_from_report
from symmetry_audit.training._train import TrainResult, train

__all__ = [
    "OUTPUT",
    "RECIPES",
    "EquivarianceRegularizer",
    "Interrupted",
    "Start",
    "TrainResult",
    "TrainSettings",
    "joint_fits",
    "make_settings",
    "predicted",
    "prefit",
    "start_from_report",
    "train",
]
