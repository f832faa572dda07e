"""The theorems applied to the rows of an audit (SPEC 7).

An audit rotates kernels, the theorems rotate images. R[pi x] and the response of x to the rotated kernel are the same
integral, and each of the two sums over the grid that approximate it has at most the grid error of R. Theorem 3.7 counts
the same two grid errors for R(pi x) - R(x), so the measured epsilon takes the place of the exact one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from symmetry_audit.errors import ReportError
from symmetry_audit.groups import MAX_RATIO, Group
from symmetry_audit.results import (
    AS_PRINTED,
    DATASET_ADAPTIVE,
    AuditReport,
    Bound,
    BoundRow,
    ResultRow,
    RunBounds,
    Smoothness,
    epsilon_unit,
)
from symmetry_audit.theory._bounds import (
    AREA,
    allowed_epsilon,
    continuous_bound,
    kappa,
    mesh_bound,
    network_bound,
    trivial_bound,
)
from symmetry_audit.theory._constants import KernelSmoothness, distance_errors, response_errors, stretched
from symmetry_audit.theory._printed import printed_errors

__all__ = ["run_bounds", "run_kappa"]

WHITE = 255.0
POWERS = {"abs": 1, "energy": 2}  # of intensity, in the unit of epsilon, by the response

Kernel = Callable[[str, float | None], KernelSmoothness]  # of a regularizer and sigma, in px


def run_bounds(
    report: AuditReport,
    smoothness: Smoothness,
    kernel: Kernel,
    *,
    mu: float = 1.0,
    loss: float | None = None,
    kappa: float | None = None,
    points: int | None = None,
) -> RunBounds:
    """Theorems 3.3 and 3.7, and with ``loss`` 4.2, for every row of ``report``.

    They bound the squared equivariance error of the restoration with the energy (mu/2) ||x - y||^2 + R(x), where R is
    the integral of the row's regularizer over the domain of radius 1, of images in [0, 1]; a regularizer of weight
    lambda is mu = 1/lambda. epsilon is that of the row, Eq. (8), taken as that of the restored images.
    ``smoothness`` holds F, G, H of the images per px, ``kernel`` those of a regularizer's kernel in px. Adaptive rows
    allow for deformations of the largest ratio that is fitted.

    With ``points``, m of h = 2/m, the pixels along the longest side of any image, Theorem 3.7 is also given as
    printed, where the response is "abs": without a blur, mu/2 times the squared distance for the data term, and
    Lemma 3.5, which has no absolute values, for the regularizer. Unlike our bound it grows with m.

    With ``kappa``, in the unit of the row's epsilon, Eq. (46) is decided for each row's group: its fitting term is
    (mu/2) ``loss`` plus the growth of epsilon on held-out blocks, its grid term the measured floor, as in `recommend`.
    Raises SettingError for a mu that is not positive, or a loss or kappa that is negative, ReportError where the
    report's settings or rows are damaged.
    """
    made = _Rows(smoothness, kernel, mu, loss, kappa, points, _response(report))
    try:
        rows = tuple(map(made.row, report.results))
    except (LookupError, TypeError, ArithmeticError) as error:
        raise ReportError(f"the report's rows are damaged ({error!r}); measure again with --force") from None
    return RunBounds(
        dataset=report.dataset.name,
        images=report.dataset.images,
        unit=epsilon_unit(made.response, report.dataset.unit),
        mu=mu,
        area=AREA,
        smoothness=smoothness,
        rows=rows,
        loss=loss,
        kappa=kappa,
        points=points if made.response == "abs" else None,
    )


def run_kappa(report: AuditReport, complexity: float, dimension: float, mu: float = 1.0) -> float:
    """kappa of Eq. (46) for as many training images as ``report`` has, in the unit of its epsilon.

    ``complexity`` is C~ and ``dimension`` d of :func:`sampling_term`. Raises SettingError and ReportError as
    ``run_bounds`` does.
    """
    return kappa(complexity, report.dataset.images, dimension, mu) / _per_unit(_response(report))


def _response(report: AuditReport) -> str:
    if (response := report.settings.get("response")) not in tuple(POWERS):
        raise ReportError(f"the report's settings name no known response ({response!r}); measure again with --force")
    return response


def _per_unit(response: str) -> float:
    """The integral over the domain, for images in [0, 1], that a mean response of 1 in the unit of epsilon gives."""
    return AREA / WHITE ** POWERS[response]


@dataclass(frozen=True)
class _Rows:
    """The settings of ``run_bounds``, applied to one row after the other."""

    smoothness: Smoothness
    kernel: Kernel
    mu: float
    loss: float | None
    kappa: float | None
    points: int | None
    response: str

    def row(self, found: ResultRow) -> BoundRow:
        order = _seen_order(found)
        allowed = None if self.kappa is None or order == 1 else self._allowed(found, order, self.kappa)
        return BoundRow(
            regularizer=found.regularizer,
            scenario=found.scenario,
            group=found.group,
            sigma=found.sigma,
            downscale=found.downscale,
            epsilon=found.epsilon,
            bounds=self._bounds(found),
            allowed_epsilon=allowed,
            pays=None if allowed is None else found.epsilon < allowed,
        )

    def _bounds(self, row: ResultRow) -> tuple[Bound, ...]:
        """The bounds of Theorems 3.3 and 3.7, of 3.7 as printed where ``points`` is given, and of 4.2 with a loss."""
        side, ratio = row.downscale, MAX_RATIO if row.scenario == DATASET_ADAPTIVE.name else 1.0
        image = stretched(self.smoothness, ratio)
        kernel = stretched(self.kernel(row.regularizer, row.sigma), ratio).scaled(side)
        mesh = {
            **distance_errors(image, side, self.mu),
            **response_errors(image, kernel, side, self.response),
        }
        epsilon, trivial = row.epsilon * _per_unit(self.response), trivial_bound(self.smoothness)
        exact = continuous_bound(epsilon, self.mu, trivial=trivial)
        optimal = mesh_bound(epsilon, self.mu, mesh, trivial=trivial)
        found = [exact, optimal]
        if self.points is not None and self.response == "abs":
            found.append(self._printed(self.points, epsilon, image, kernel, side))
        if self.loss is not None:
            found.append(network_bound(self.loss, optimal))
        return tuple(found)

    def _printed(self, points: int, epsilon: float, image: Smoothness, kernel: KernelSmoothness, side: int) -> Bound:
        """Theorem 3.7 as printed, on 2/mu times the energy: its data term has the weight 1, its growth is 1."""
        pixel = 2 / points  # on the domain of radius 1
        image = replace(image, gradient=image.gradient / pixel, hessian=image.hessian / pixel**2)
        kernel = kernel.scaled(pixel)
        off = printed_errors(image, kernel, side * pixel)
        mean = (1 + kernel.radius) ** 2  # R is an integral here, in Lemma 3.5 it is divided by this
        off["regularizer"] *= 2 / self.mu * mean
        bound = mesh_bound(2 / self.mu * epsilon, 1.0, off, trivial=trivial_bound(self.smoothness))
        return replace(bound, theorem=AS_PRINTED)

    def _allowed(self, found: ResultRow, order: int, kappa: float) -> float:
        """The largest epsilon at which the group pays, in the row's unit."""
        fitting = self.mu / 2 * (self.loss or 0.0) / _per_unit(self.response)
        unseen = max((found.held_out_epsilon or 0.0) - found.epsilon, 0.0)
        return allowed_epsilon(order, kappa, fitting + unseen + (found.floor or 0.0))


def _seen_order(row: ResultRow) -> int:
    """t of Eq. (46): the elements that the regularizer tells apart, the identity's class included."""
    order = Group.parse(row.group).order
    return order // (order - row.visible_elements)
