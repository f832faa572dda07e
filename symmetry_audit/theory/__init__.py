"""From measured symmetry errors to bounds (SPEC 7) and to the choice of a group (SPEC 8).

The theorems of [SA] as functions, a solvable case that checks them, which groups pay (Eq. (46)), what a group costs
that the data lack, and which group to build in.
"""

from symmetry_audit.theory._answers import FlipValue, flip_answer, turn_answers
from symmetry_audit.theory._bounds import (
    AREA,
    allowed_epsilon,
    continuous_bound,
    kappa,
    mesh_bound,
    network_bound,
    risk_bound,
    sampling_term,
    trivial_bound,
)
from symmetry_audit.theory._constants import (
    ESTIMATORS,
    KernelSmoothness,
    difference_error,
    distance_errors,
    image_smoothness,
    kernel_smoothness,
    quadrature_error,
    response_errors,
    stretched,
)
from symmetry_audit.theory._kappa import kappa_intervals
from symmetry_audit.theory._price import GaussianDenoising, Price, linear_price, price
from symmetry_audit.theory._printed import PrintedConstants, printed_constants, printed_errors
from symmetry_audit.theory._quadratic import (
    ExactTurn,
    QuadraticProblem,
    Waves,
    difference_filters,
    mesh_frequencies,
)
from symmetry_audit.theory._recommend import TOLERANCE, recommend
from symmetry_audit.theory._run import run_bounds, run_kappa
from symmetry_audit.theory._verdicts import judged

__all__ = [
    "AREA",
    "ESTIMATORS",
    "TOLERANCE",
    "ExactTurn",
    "FlipValue",
    "GaussianDenoising",
    "KernelSmoothness",
    "Price",
    "PrintedConstants",
    "QuadraticProblem",
    "Waves",
    "allowed_epsilon",
    "continuous_bound",
    "difference_error",
    "difference_filters",
    "distance_errors",
    "flip_answer",
    "image_smoothness",
    "judged",
    "kappa",
    "kappa_intervals",
    "kernel_smoothness",
    "linear_price",
    "mesh_bound",
    "mesh_frequencies",
    "network_bound",
    "price",
    "printed_constants",
    "printed_errors",
    "quadrature_error",
    "recommend",
    "response_errors",
    "risk_bound",
    "run_bounds",
    "run_kappa",
    "sampling_term",
    "stretched",
    "trivial_bound",
    "turn_answers",
]
