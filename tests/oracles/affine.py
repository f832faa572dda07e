"""Slow float64 reference for the per-image affine fit and the statistics, written from SPEC sections 3, 5 and 6.

Nothing of the project is imported.  Conventions are those of `symmetry`: x right, y down, kernels indexed
[u_y + c, u_x + c], angles positive counter-clockwise on the screen.  Readings chosen where SPEC leaves room:

1.  The variance over t is the plain one (divided by the number of elements, not by one less), over all T
    elements of pT.  It is then the same over the T/2 distinct elements of an odd or even stencil.
2.  c belongs to one stencil, ceil(2 x support radius): 13 for tv, 14 for tv2, 15 for sobel and prewitt.
3.  The value at ratio 1 + 1e-4 that each term of the joint objective is divided by is taken at alpha = 0.
4.  alpha = 0 at ratio 1, where it is undetermined.
5.  Within the disc |(a, b)| <= ln 2 the fit is free; outside, the objective is that of the nearest point of
    the disc, times 1 + the distance to it.  So the minimum over the plane lies in the disc.
6.  Statistics work on epsilon itself, not on the relative one; for bootstrap and leave-one-out the statistic
    is an argument.  epsilon* counts as reaching epsilon up to 1e-12 relative, the rounding of a mean taken
    in another order.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.fft
import scipy.optimize

from . import symmetry

JOINT = ("tv", "tv2", "sobel", "prewitt")
LIMIT = math.log(2.0)
NEARLY_ONE = 1.0 + 1e-4


# ---------------------------------------------------------------- section 5: coordinates


def deformation(alpha, ratio):
    """SPEC section 5: D = Rot(alpha) diag(sqrt ratio, 1/sqrt ratio) Rot(-alpha), of determinant one."""
    root = math.sqrt(ratio)
    return symmetry.rotation(alpha) @ np.diag([root, 1.0 / root]) @ symmetry.rotation(-alpha)


def to_ab(alpha, ratio):
    """SPEC section 5: (a, b) = ln(ratio) (cos 2 alpha, sin 2 alpha)."""
    return math.log(ratio) * math.cos(2.0 * alpha), math.log(ratio) * math.sin(2.0 * alpha)


def from_ab(a, b):
    """SPEC section 5: (alpha, ratio) with alpha in [0, pi) and ratio >= 1."""
    return (0.5 * math.atan2(b, a)) % math.pi, math.exp(math.hypot(a, b))


def at_distance(alpha1, ratio1, alpha2, ratio2):
    """(difference of the angles modulo pi, in [0, pi/2]; |ratio1 / ratio2 - 1|)."""
    difference = abs(alpha1 - alpha2) % math.pi
    return min(difference, math.pi - difference), abs(ratio1 / ratio2 - 1.0)


def adaptive_matrices(a, b, order=32):
    """SPEC sections 3 and 5: D A_t D^-1 for the elements of pT, T = order, shape (order, 2, 2)."""
    return symmetry.deformed(symmetry.group_matrices(f"p{order}"), deformation(*from_ab(a, b)))


# ---------------------------------------------------------------- sections 3 and 5: the objective


def fit_window(name, sigma=1.5):
    """SPEC section 3: c with lambda = 2, the largest axis ratio allowed (reading 2)."""
    return symmetry.window_radius(name, "gaussian", sigma, 2.0)


def kernel_stack(name, matrices, sigma, c):
    """SPEC sections 2 and 3: `symmetry.sampled_kernel` of a Gaussian for many matrices, without its loops."""
    u = np.arange(-c, c + 1, dtype=np.float64)
    inverse = np.linalg.inv(np.asarray(matrices, dtype=np.float64))[:, :, :, None, None]
    x = inverse[:, 0, 0] * u[None, None, :] + inverse[:, 0, 1] * u[None, :, None]
    y = inverse[:, 1, 0] * u[None, None, :] + inverse[:, 1, 1] * u[None, :, None]
    k = symmetry.continuous_kernel(symmetry.stencil(name), x, y, "gaussian", sigma)
    e = symmetry.beta(x, y, "gaussian", sigma)
    return k - (k.sum(axis=(1, 2)) / e.sum(axis=(1, 2)))[:, None, None] * e


def mean_abs_responses(image, kernels, margin):
    """SPEC section 3: mean over V of |sum_u k(u) r(y - u)| for each kernel of the stack, shape (kernels,).

    A product of transforms wraps around the border by at most c <= margin pixels, all of them outside V.
    """
    image = np.asarray(image, dtype=np.float64)
    height, width = image.shape
    c = kernels.shape[1] // 2
    if margin < c:
        raise ValueError("the margin is smaller than the window")
    if min(height, width) <= 2 * margin:
        raise ValueError("V is empty")
    size = (scipy.fft.next_fast_len(height, real=True), scipy.fft.next_fast_len(width, real=True))
    transform = scipy.fft.rfft2(image, s=size)
    # the kernel's centre sits at (c, c) of its own array, so the response at y lands at y + c
    rows, columns = slice(margin + c, height - margin + c), slice(margin + c, width - margin + c)
    means = []
    for k in kernels:
        values = scipy.fft.irfft2(transform * scipy.fft.rfft2(k, s=size), s=size)
        means.append(np.abs(values[rows, columns]).mean())
    return np.array(means)


@cache
def distinct(name, order):
    """SPEC section 3: how many leading elements of pT cover all responses: half when the half turn is unseen."""
    found = symmetry.symmetries(name)
    return order // 2 if order % 2 == 0 and (found["odd"] or found["even"]) else order


def scaled_variance(profile):
    """SPEC section 5: variance over t divided by the squared mean over t (reading 1)."""
    profile = np.asarray(profile, dtype=np.float64)
    return float(profile.var() / profile.mean() ** 2)


def adaptive_responses(image, name, a, b, order=32, sigma=1.5, margin=15):
    """SPEC section 3: f_t(r; w) of the distinct elements of the adaptive pT, shape (T or T/2,)."""
    matrices = adaptive_matrices(a, b, order)[: distinct(name, order)]
    return mean_abs_responses(image, kernel_stack(name, matrices, sigma, fit_window(name, sigma)), margin)


def variance_proxy(image, names, a, b, order=32, sigma=1.5, margin=15):
    """SPEC section 5: V of each named regularizer at (a, b), shape (len(names),)."""
    return np.array([scaled_variance(adaptive_responses(image, name, a, b, order, sigma, margin)) for name in names])


def joint_scale(image, **settings):
    """SPEC section 5: V of the four regularizers at ratio 1 + 1e-4 and alpha = 0 (reading 3), shape (4,)."""
    return variance_proxy(image, JOINT, *to_ab(0.0, NEARLY_ONE), **settings)


def joint_objective(image, a, b, scale=None, **settings):
    """SPEC section 5: the sum over tv, tv2, sobel, prewitt of V / V at ratio 1 + 1e-4.

    scale: `joint_scale` of the same image and settings, to save computing it again.
    """
    scale = joint_scale(image, **settings) if scale is None else scale
    return float((variance_proxy(image, JOINT, a, b, **settings) / scale).sum())


# ---------------------------------------------------------------- section 5: the fit


@dataclass(frozen=True)
class Fit:
    """A minimum (a, b) of the objective in the disc, its value V there and the evaluations spent."""

    a: float
    b: float
    V: float
    evaluations: int


def objective(image, regularizer, **settings):
    """SPEC section 5: the function of (a, b) that "joint" or one regularizer minimises."""
    if regularizer == "joint":
        scale = joint_scale(image, **settings)
        return lambda a, b: joint_objective(image, a, b, scale, **settings)
    return lambda a, b: float(variance_proxy(image, [regularizer], a, b, **settings)[0])


def disc_grid(points=9, limit=LIMIT):
    """The nodes of a points x points grid over [-limit, limit]^2 that lie in the disc, as (a, b) pairs."""
    axis = np.linspace(-limit, limit, points)
    return [(float(a), float(b)) for a in axis for b in axis if math.hypot(a, b) <= limit * (1.0 + 1e-12)]


def in_disc(a, b, limit=LIMIT):
    """The nearest point of the disc |(a, b)| <= limit and the distance to it."""
    length = math.hypot(a, b)
    if length <= limit:
        return a, b, 0.0
    return a * limit / length, b * limit / length, length - limit


def polish(function, start, limit=LIMIT, step=0.05, tolerance=1e-4):
    """Nelder-Mead from one start, kept in the disc (reading 5); tolerance is on a and b."""

    def bounded(point):
        a, b, outside = in_disc(*point, limit)
        return function(a, b) * (1.0 + outside)

    a, b = start
    simplex = [(a, b), (a + step, b), (a, b + step)]
    # the simplex ends by its size alone: V has a different scale for every image
    options = {"initial_simplex": simplex, "xatol": tolerance, "fatol": math.inf, "maxiter": 200}
    found = scipy.optimize.minimize(bounded, (a, b), method="Nelder-Mead", options=options)
    a, b, _ = in_disc(*map(float, found.x), limit)
    return Fit(a, b, function(a, b), found.nfev + 1)


def grid_fit(image, regularizer="joint", points=9, limit=LIMIT, polished=True, tolerance=1e-4, **settings):
    """SPEC section 5: the minimum over a grid in the disc, polished from the best two nodes.

    regularizer: "joint" or one name.  polished=False returns the best node itself.
    """
    function = objective(image, regularizer, **settings)
    nodes = sorted((function(a, b), a, b) for a, b in disc_grid(points, limit))
    if not polished:
        return Fit(nodes[0][1], nodes[0][2], nodes[0][0], len(nodes))
    fits = [polish(function, (a, b), limit, tolerance=tolerance) for _, a, b in nodes[:2]]
    best = min(fits, key=lambda fit: fit.V)
    return Fit(best.a, best.b, best.V, len(nodes) + sum(fit.evaluations for fit in fits))


# ---------------------------------------------------------------- section 5: fields of known w


def field_power(size, alpha, ratio, slope, limit=0.3):
    """SPEC section 5: P(|D^T k|) = |D^T k|^(-2 slope) below limit, else 0, on the size x size grid of fftfreq.

    Indexed [k_y, k_x], cycles/px; the sum is one, the value at k = 0 is zero.
    """
    axis = np.fft.fftfreq(size)
    transposed = deformation(alpha, ratio).T
    qx = transposed[0, 0] * axis[None, :] + transposed[0, 1] * axis[:, None]
    qy = transposed[1, 0] * axis[None, :] + transposed[1, 1] * axis[:, None]
    q = np.hypot(qx, qy)
    inside = (q > 0.0) & (q < limit)
    power = np.zeros((size, size))
    power[inside] = q[inside] ** (-2.0 * slope)
    return power / power.sum()


def field(rng, size, alpha, ratio, slope, limit=0.3):
    """SPEC section 5: a stationary Gaussian field of spectrum `field_power`, mean 0, variance 1 in law, periodic."""
    white = np.fft.fft2(rng.normal(size=(size, size)))
    return np.fft.ifft2(white * size * np.sqrt(field_power(size, alpha, ratio, slope, limit))).real


def expected_responses(name, matrices, power, sigma=1.5, c=None):
    """SPEC section 6: f_t = sqrt(2/pi sum_k |phi_t^(k)|^2 P(k)) for any P on a grid of fftfreq, shape (T,).

    c: window radius; that of the fit by default.
    """
    c = fit_window(name, sigma) if c is None else c
    squares = [symmetry.transfer_power(k, len(power)) for k in kernel_stack(name, matrices, sigma, c)]
    return np.array([math.sqrt(2.0 / math.pi * float((square * power).sum())) for square in squares])


# ---------------------------------------------------------------- section 6: statistics


def epsilon_value(table):
    """SPEC section 4, Eq. (8): epsilon of an (N, T) table."""
    return symmetry.epsilon(table)[0]


def bootstrap_values(table, indices, statistic=epsilon_value):
    """SPEC section 6: the statistic of the images indices[b], for every resample b of a (B, N) array."""
    table = np.asarray(table, dtype=np.float64)
    return np.array([statistic(table[list(row)]) for row in indices])


def bootstrap_interval(table, resamples, rng, level=0.95, statistic=epsilon_value):
    """SPEC section 6: percentile interval (lower, upper) over images drawn with replacement."""
    indices = rng.integers(0, len(table), size=(resamples, len(table)))
    values = bootstrap_values(table, indices, statistic)
    lower, upper = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(lower), float(upper)


def left_translation(matrices, b):
    """SPEC section 6: for every A the index of B^-1 A, B = matrices[b], found by comparing matrices."""
    matrices = np.asarray(matrices, dtype=np.float64)
    inverse = np.linalg.inv(matrices[b])
    places = []
    for A in matrices:
        distances = np.abs(matrices - inverse @ A).max(axis=(1, 2))
        (place,) = np.flatnonzero(distances < 1e-9)
        places.append(place)
    return np.array(places)


def shifted_epsilons(table, matrices, choices):
    """SPEC section 6: epsilon* for every row of choices (draws, N): image n is shifted by B = choices[., n]."""
    table = np.asarray(table, dtype=np.float64)
    translations = [left_translation(matrices, b) for b in range(len(matrices))]
    values = []
    for row in choices:
        shifted = np.array([profile[translations[b]] for profile, b in zip(table, row, strict=True)])
        values.append(epsilon_value(shifted))
    return np.array(values)


def invariance_p(table, matrices, draws, rng):
    """SPEC section 6: (p, null level) from `draws` random shifts; (None, None) below ten images."""
    table = np.asarray(table, dtype=np.float64)
    if len(table) < 10:
        return None, None
    choices = rng.integers(0, len(matrices), size=(draws, len(table)))
    values = shifted_epsilons(table, matrices, choices)
    reached = int((values >= epsilon_value(table) * (1.0 - 1e-12)).sum())
    return (1 + reached) / (draws + 1), float(values.mean())


def leave_one_out(table, statistic=epsilon_value):
    """The statistic of the table without image n, for every n, shape (N,)."""
    table = np.asarray(table, dtype=np.float64)
    return np.array([statistic(np.delete(table, n, axis=0)) for n in range(len(table))])
