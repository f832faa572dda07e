"""Slow float64 reference for equivariant convolutions, written from SPEC sections 3, 5, 9 and ARCHITECTURES 1-2, 4.

Nothing of the project is imported.  Points are (x right, y down) in pixels, windows are {-c..c}^2 with
c = (p - 1)/2, arrays are indexed [row y, column x].  Group elements come in the order of `symmetry.group_matrices`.
Filters are applied by cross-correlation.  Channel = feature * order + element.  Readings where the texts leave room:

1.  The mask of a basis is that of the deformed coordinate u, and every basis turns and deforms by its u alone.
2.  The mixing matrix of fourier, harmonic and steerable comes from the same group and the same mask setting.
3.  The functions of a ring with frequency k >= 1 are 0 at u = 0, where the angle is undetermined.
4.  `equivariance_error` subtracts the mean over the disc from the reference in the denominator only: an output
    with the wrong level is wrong.
5.  The mask of ARCHITECTURES 2.2, exp(-max(|u|^2/c^2 - 1, 0)/tau), has a kink on pixels of the window.  Here the ramp
    max(|u|^2 - c^2, 0) is replaced between 0 and 1 by the cubic with the same values and slopes at both ends, slope
    0 at 0 and 1 at 1: the same mask wherever |u|^2 is a whole number, smooth elsewhere.
"""

import math
import re

import numpy as np
import scipy.ndimage
from scipy.interpolate import CubicHermiteSpline

from . import symmetry

# one row for each power of d_x or d_y: correlation weights at offsets -2..2
STENCILS = np.array([[0, 0, 1, 0, 0], [0, -0.5, 0, 0.5, 0], [0, 1, -2, 1, 0], [-0.5, 1, 0, -1, 0.5], [1, -4, 6, -4, 1]])
# powers of d_u and d_v: 1, d_u, d_v, d_uu, d_uv, d_vv, d_uuv, d_uvv, d_uuvv
OPERATORS = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (2, 1), (1, 2), (2, 2)]
MIXED = ("fourier", "harmonic", "steerable")


# ---------------------------------------------------------------- functions on one turned window


def window(p, matrix):
    """u = matrix @ x for every x of the window, as arrays u_x and u_y of shape (p, p)."""
    c = (p - 1) // 2
    ux, uy = np.zeros((p, p)), np.zeros((p, p))
    for y in range(-c, c + 1):
        for x in range(-c, c + 1):
            ux[y + c, x + c] = matrix[0, 0] * x + matrix[0, 1] * y
            uy[y + c, x + c] = matrix[1, 0] * x + matrix[1, 1] * y
    return ux, uy


def mask(ux, uy, p, tau):
    """exp(-ramp/(c^2 tau)), radial in u (reading 5): ramp is 0 for |u|^2 <= c^2 and |u|^2 - c^2 from c^2 + 1 on."""
    c = (p - 1) // 2
    excess = ux**2 + uy**2 - c**2
    cubic = CubicHermiteSpline([0.0, 1.0], [0.0, 1.0], [0.0, 1.0])
    return np.exp(-np.where(excess < 1.0, cubic(np.clip(excess, 0.0, 1.0)), excess) / (c**2 * tau))


def bicubic(ux, uy, p):
    """b(u_x - k) b(u_y - l) at index (l + c) p + (k + c), b = Keys' cubic with a = -1/2."""
    c = (p - 1) // 2
    offsets = range(-c, c + 1)
    return [symmetry.keys(ux - k) * symmetry.keys(uy - l) for l in offsets for k in offsets]  # noqa: E741


def fourier(ux, uy, p):
    """1, then cos and sin of 2 pi (k u_x + l u_y)/p, one of each pair +-(k, l): the one with l > 0, or l = 0 < k."""
    c = (p - 1) // 2
    functions = [np.ones_like(ux)]
    for l in range(c + 1):  # noqa: E741
        for k in range(-c, c + 1):
            if l > 0 or k > 0:
                angle = 2.0 * math.pi * (k * ux + l * uy) / p
                functions += [np.cos(angle), np.sin(angle)]
    return functions


def steerable_rings(c):
    """Standard deviations and highest frequencies of the rings 0..c of R2Conv, measured on e2cnn 0.2.3, escnn 1.0.11.

    Ring 0 has 0.005, so it is the centre pixel alone; the last has 0.4 and min(2 c, 2), those between 0.6 and the
    largest odd number up to 2 j (odd j: 2 j), which gives K = 6, 11, 18 for p = 3, 5, 7.
    """
    between = range(1, c)
    return [0.005, *(0.6 for _ in between), 0.4], [0, *(2 * j if j % 2 else 2 * j - 1 for j in between), min(2 * c, 2)]


def rings(ux, uy, widths, frequencies):
    """R_j cos(k phi), R_j sin(k phi), k = 0..frequencies[j], R_j = exp(-(r - j)^2 / (2 widths[j]^2)) (reading 3)."""
    r, phi = np.hypot(ux, uy), np.arctan2(uy, ux)
    functions = []
    for j, (width, highest) in enumerate(zip(widths, frequencies, strict=True)):
        profile = np.exp(-((r - j) ** 2) / (2.0 * width**2))
        functions.append(profile)
        for k in range(1, highest + 1):
            off_centre = np.where(r > 0.0, profile, 0.0)
            functions += [off_centre * np.cos(k * phi), off_centre * np.sin(k * phi)]
    return functions


def operators(matrix):
    """d_u^a d_v^b of OPERATORS as 5x5 stencils, d_u = F00 d_x + F10 d_y, d_v = F01 d_x + F11 d_y, F = matrix^-1."""
    F = np.linalg.inv(matrix)
    functions = []
    for a, b in OPERATORS:
        total = np.zeros((5, 5))
        for i in range(a + 1):  # d_x is taken i times out of the a factors d_u, j times out of the b factors d_v
            for j in range(b + 1):
                along_u = math.comb(a, i) * F[0, 0] ** i * F[1, 0] ** (a - i)
                along_v = math.comb(b, j) * F[0, 1] ** j * F[1, 1] ** (b - j)
                total += along_u * along_v * np.outer(STENCILS[a + b - i - j], STENCILS[i + j])
        functions.append(total)
    return functions


def pixels(ux, uy, p):
    """Indicators of u = (k, l) at index (l + c) p + (k + c); ValueError where u leaves the mesh."""
    c = (p - 1) // 2
    if max(np.abs(ux - np.round(ux)).max(), np.abs(uy - np.round(uy)).max()) > 1e-9:
        raise ValueError("not a quarter turn or mirror")
    offsets = range(-c, c + 1)
    return [(np.round(ux) == k) & (np.round(uy) == l) for l in offsets for k in offsets]  # noqa: E741


def raw(name, p, matrix, masked):
    """The functions of a basis at u = matrix @ x, before mixing and scaling, (K, p, p)."""
    ux, uy = window(p, matrix)
    c = (p - 1) // 2
    if name in ("bicubic", "fourier"):
        functions = np.array(bicubic(ux, uy, p) if name == "bicubic" else fourier(ux, uy, p))
        return functions * mask(ux, uy, p, 0.2 if p > 4 else 2.0) if masked else functions
    if name == "harmonic":
        functions = rings(ux, uy, [0.6] * (c + 1), [2 * j for j in range(c + 1)])
        return np.array(functions) * mask(ux, uy, p, 0.2)
    if name == "pixel":
        return np.array(pixels(ux, uy, p), dtype=np.float64)
    if name == "steerable":
        return np.array(rings(ux, uy, *steerable_rings(c)))
    if name == "difference" and p == 5:
        return np.array(operators(matrix))
    raise ValueError(f"{name} of size {p}")


# ---------------------------------------------------------------- bases


def rotations(group):
    """T of "pT" or "pTm"."""
    return int(re.fullmatch(r"p(\d+)m?", group).group(1))


def turned(name, p, group, inverse, masked):
    """`raw` at u = A_o^-1 inverse x for every element, (order, K, p, p)."""
    matrices = symmetry.group_matrices(group)
    return np.array([raw(name, p, np.linalg.inv(A) @ inverse, masked) for A in matrices])


def as_matrix(functions):
    """(order, K, p, p) to (order p^2, K): one column per function, stacked over (element, y, x)."""
    return functions.transpose(0, 2, 3, 1).reshape(-1, functions.shape[1])


def mixing(G, order):
    """(G^T G)^(-1/2) sqrt(order), the symmetric root; ValueError where the columns of G are dependent."""
    values, vectors = np.linalg.eigh(G.T @ G)
    if values[0] < 1e-10 * values[-1]:
        raise ValueError("the functions are linearly dependent")
    return vectors @ np.diag(values**-0.5) @ vectors.T * math.sqrt(order)


def basis(name, p, group, inverse=None, masked=None):
    """B_k(A_o^-1 inverse x) for every element o, (order, K, p, p).

    name: bicubic, fourier, harmonic, steerable, difference or pixel; inverse: D_w^-1, the identity by default.
    masked: bicubic and fourier only; by default True unless the group has 1, 2 or 4 rotations.
    Mixing and scaling are those of the undeformed functions.  Another order of the raw functions, or the other sine
    of a pair +-(k, l), permutes the mixed functions or changes their sign.
    """
    order = len(symmetry.group_matrices(group))
    if p == 1:
        return np.ones((order, 1, 1, 1))
    inverse = np.eye(2) if inverse is None else np.asarray(inverse, dtype=np.float64)
    masked = rotations(group) not in (1, 2, 4) if masked is None else masked
    functions = turned(name, p, group, inverse, masked)
    if name not in (*MIXED, "difference"):
        return functions
    undeformed = turned(name, p, group, np.eye(2), masked)
    if name in MIXED:
        return np.einsum("okyx,kj->ojyx", functions, mixing(as_matrix(undeformed), order))
    energy = (undeformed**2).sum(axis=(2, 3)).mean(axis=0)
    return functions / np.sqrt(energy)[:, None, None]


def projector(functions):
    """The orthogonal projector on the span of the columns of `as_matrix`, (order p^2, order p^2)."""
    vectors, values, _ = np.linalg.svd(as_matrix(functions), full_matrices=False)
    vectors = vectors[:, values > 1e-10 * values[0]]
    return vectors @ vectors.T


def span_distance(basis_a, basis_b):
    """Spectral norm of the difference of the projectors, in [0, 1]: 0 where the spans are the same."""
    return float(np.linalg.norm(projector(basis_a) - projector(basis_b), 2))


# ---------------------------------------------------------------- filters and convolution


def left_translation(group, b):
    """For every element A the index of B^-1 A, B element number b, by comparing matrices, (order,)."""
    matrices = symmetry.group_matrices(group)
    places = []
    for A in matrices:
        distances = np.abs(matrices - np.linalg.inv(matrices[b]) @ A).max(axis=(1, 2))
        (place,) = np.flatnonzero(distances < 1e-9)
        places.append(int(place))
    return np.array(places)


def filters(kind, v, functions, group=None):
    """SPEC section 9: dense filters (channels out, channels in, p, p) of coefficients v and a `basis`.

    "lifting": v (m, n, K) to (m order, n); "group": v (m, n, order, K) to (m order, n order), needs the group;
    "projection": v (m, n, K) to (m, n order).
    """
    order, _, p, _ = functions.shape
    m, n = v.shape[:2]
    channels = {"lifting": (m * order, n), "group": (m * order, n * order), "projection": (m, n * order)}
    W = np.zeros((*channels[kind], p, p))
    for B in range(order):
        places = left_translation(group, B) if kind == "group" else []
        for out in range(m):
            for into in range(n):
                if kind == "lifting":
                    W[out * order + B, into] = np.tensordot(v[out, into], functions[B], axes=1)
                elif kind == "projection":
                    W[out, into * order + B] = np.tensordot(v[out, into], functions[B], axes=1)
                else:
                    for A, place in enumerate(places):
                        filter_ = np.tensordot(v[out, into, place], functions[B], axes=1)
                        W[out * order + B, into * order + A] = filter_
    return W


def convolve(x, filters, bias_per_channel=None, padding=0):
    """Cross-correlation sum over u of filter(u) x(. + u), zero padding, stride 1.

    x: (C, H, W); filters: (C', C, p, p); bias_per_channel: (C',) or None; returns (C', H', W').
    """
    p = filters.shape[-1]
    padded = np.pad(np.asarray(x, dtype=np.float64), [(0, 0), (padding, padding), (padding, padding)])
    height, width = padded.shape[1] - p + 1, padded.shape[2] - p + 1
    total = np.zeros((len(filters), height, width))
    for row in range(p):
        for column in range(p):
            moved = padded[:, row : row + height, column : column + width]
            total += np.tensordot(filters[:, :, row, column], moved, axes=1)
    if bias_per_channel is not None:
        total += np.asarray(bias_per_channel)[:, None, None]
    return total


# ---------------------------------------------------------------- affine maps


def inverse_smooth(a, b):
    """SPEC section 5: D^-1, D = Rot(alpha) diag(sqrt ratio, 1/sqrt ratio) Rot(-alpha), ln ratio = |(a, b)|."""
    alpha, root = 0.5 * math.atan2(b, a), math.exp(0.5 * math.hypot(a, b))
    D = symmetry.rotation(alpha) @ np.diag([root, 1.0 / root]) @ symmetry.rotation(-alpha)
    return np.linalg.inv(D)


def bounded(z):
    """The pair z drawn into the disc of radius ln 2 (ratio 2): ln 2 z / sqrt(1 + |z|^2)."""
    a, b = z
    return np.array([a, b]) * math.log(2.0) / math.sqrt(1.0 + a**2 + b**2)


def inverse_free(theta0, cx, cy):
    """ARCHITECTURES 2.1: D^-1 = diag(cx, cy) [[cos, -sin], [sin, cos]](theta0)."""
    cos, sin = math.cos(theta0), math.sin(theta0)
    return np.diag([cx, cy]) @ np.array([[cos, -sin], [sin, cos]])


# ---------------------------------------------------------------- the hypernetwork


def adaptive_average(image, rows, columns):
    """Mean over PyTorch's bins: i runs from floor(i H / rows) to ceil((i + 1) H / rows), columns alike."""
    height, width = image.shape
    pooled = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, bottom = i * height // rows, -(-(i + 1) * height // rows)
            left, right = j * width // columns, -(-(j + 1) * width // columns)
            pooled[i, j] = image[top:bottom, left:right].mean()
    return pooled


def hypernetwork(x, parameters):
    """ARCHITECTURES 2.5: the published HyperNet in evaluation mode, x (3, H, W) with H, W >= 25; returns (3,).

    parameters: dict of lists of arrays, in the order of the network.  conv_weight: five (out, in, 3, 3), channels
    1-16-32-32-32-32; conv_bias, norm_weight, norm_bias, norm_mean, norm_variance: five (out,) each;
    linear_weight: three (out, in), 32-16-8-3; linear_bias: three (out,).
    """
    grey = 0.2989 * x[0] + 0.5870 * x[1] + 0.1140 * x[2]
    features = grey[None]
    names = ("norm_mean", "norm_variance", "norm_weight", "norm_bias")
    for layer, stride in enumerate((1, 2, 2, 1, 1)):
        features = convolve(features, parameters["conv_weight"][layer], parameters["conv_bias"][layer])
        mean, variance, weight, bias = (parameters[name][layer][:, None, None] for name in names)
        features = np.maximum((features[:, ::stride, ::stride] - mean) / np.sqrt(variance + 1e-5) * weight + bias, 0.0)
    values = (features * adaptive_average(grey, *features.shape[1:])).mean(axis=(1, 2))
    for layer in range(3):
        values = parameters["linear_weight"][layer] @ values + parameters["linear_bias"][layer]
        values = np.maximum(values, 0.0) if layer < 2 else values
    return values


# ---------------------------------------------------------------- the equivariance error


def blob_image(x, y, sigma, channels, blobs, reach, seed):
    """Signed Gaussian blobs at the points (x, y): amplitudes normal, centres uniform in a disc of radius reach."""
    rng = np.random.default_rng(seed)
    image = np.zeros((channels, *x.shape))
    for channel in image:
        for _ in range(blobs):
            r, phi, amplitude = reach * math.sqrt(rng.random()), 2.0 * math.pi * rng.random(), rng.normal()
            squared = (x - r * math.cos(phi)) ** 2 + (y - r * math.sin(phi)) ** 2
            channel += amplitude * np.exp(-squared / (2.0 * sigma**2))
    return image


def equivariance_error(forward, group_matrix, shift, sigma=3.0, channels=3, seed=0, size=81, radius=18.0, blobs=60):
    """ARCHITECTURES section 4: relative L2 distance on a central disc between the output of the turned input and
    the turned output, 0 for a layer that has the element.

    forward: function of a (channels, size, size) array returning (C', size, size); group_matrix: (2, 2) G, acting on
    points about the image centre as r(G^-1 x), so A_s, or D A_s D^-1 of a deformed group; shift: `left_translation`
    of the element, element t of the turned output being element shift[t] of the output, or [0] where the output has
    no group axis.  The blobs cover the disc and its images, so the disc holds structure everywhere.  Borders do not
    matter while |G^-1| radius + reach of the layers + 10 px for the spline stays below size/2: at the defaults that
    is |G| <= 1.3 for three 5x5 layers; give a larger size beyond.
    """
    axis = np.arange(size) - (size - 1) / 2.0
    x, y = np.meshgrid(axis, axis)
    inverse = np.linalg.inv(group_matrix)
    stretch = np.linalg.norm(inverse, 2)
    back_x, back_y = inverse[0, 0] * x + inverse[0, 1] * y, inverse[1, 0] * x + inverse[1, 1] * y
    settings = (sigma, channels, blobs, stretch * radius, seed)
    got = forward(blob_image(back_x, back_y, *settings))
    plain = forward(blob_image(x, y, *settings))
    places = np.array([back_y, back_x]) + (size - 1) / 2.0
    wanted = np.array([scipy.ndimage.map_coordinates(channel, places, order=5) for channel in plain])
    wanted = wanted.reshape(-1, len(shift), size, size)[:, shift].reshape(got.shape)
    disc = np.hypot(x, y) <= radius
    got, wanted = got[:, disc], wanted[:, disc]
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted - wanted.mean(axis=1, keepdims=True)))
