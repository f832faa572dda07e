"""Slow float64 reference for the symmetry audit, written from SPEC sections 1-4 and 6.

Nothing of the project is imported.  Kernels are arrays indexed [u_y + c, u_x + c]; x points right (columns),
y points down (rows); a matrix acts on the column vector (x, y).  Readings chosen where SPEC leaves room:

1.  `gaussian` is cut by the window W alone, not by a disc; the support radius only sets c (section 3).
2.  "unit mass" is the continuous mass 1 / (2 pi sigma^2); the sampled kernel is not renormalised.
3.  `fourier`: the mask m multiplies the sum over the stencil once, at x, not at x - p_k; hence a support
    radius of 4 whatever rho is.  The envelope is beta(x) m(x), beta a product of two 1-D interpolants.
4.  c belongs to one stencil (its own rho), not to the run.  The default margin takes the largest support
    radius, so rho + 4 sigma is replaced by that of the model when the kernel has no sigma.
5.  V is rows margin .. H-1-margin and columns margin .. W-1-margin.
6.  The normalised epsilon divides each image's profile by its mean over all listed elements, repeated ones
    (half turns) included, then takes Eq. (8) without dividing by f_0 again.
7.  closed_form_floor sums over 0 < |k| <= 1/2 on an N x N transform grid: k = 0 is left out, because the
    zero sum makes its term vanish while P may be infinite there.
8.  1-bit images become RGB first, so white is 255 up to the rounding of the weights; "LA" counts as grey.
"""

import io
import math
import re
from pathlib import Path

import numpy as np
from PIL import Image

FIVE = ("tv", "tv2", "sobel", "laplacian", "prewitt")
ORIENTATION_TAG = 0x0112


# ---------------------------------------------------------------- section 1: images


def oriented(array, tag):
    """SPEC section 1: the displayed array of a stored one, EXIF orientation 1-8 (else unchanged)."""
    turned = np.swapaxes(array, 0, 1) if tag in (5, 6, 7, 8) else array
    flip_rows = tag in (3, 4, 7, 8)
    flip_columns = tag in (2, 3, 6, 7)
    if flip_rows:
        turned = turned[::-1]
    if flip_columns:
        turned = turned[:, ::-1]
    return turned


def luminance(path):
    """SPEC section 1: Y_audit in [0, 255] of an 8-bit or 1-bit file, (H, W) float64, never rounded.

    The orientation tag is read after loading, because Pillow turns TIFF files itself and then drops the tag.
    The bytes are handed over in memory: opened by path, an uncompressed L, P, RGBA or CMYK TIFF with tag
    5-8 is memory-mapped with its width and height swapped, and the pixels come out scrambled.
    """
    with Image.open(io.BytesIO(Path(path).read_bytes())) as image:
        image.load()
        tag = image.getexif().get(ORIENTATION_TAG, 1)
        if image.mode not in ("L", "LA", "RGB", "RGBA"):
            image = image.convert("RGB")
        stored = np.array(image, dtype=np.float64)
    stored = oriented(stored, tag)
    if stored.ndim == 2:
        return stored.copy()
    if stored.shape[2] == 2:
        return stored[:, :, 0].copy()
    return 0.299 * stored[:, :, 0] + 0.587 * stored[:, :, 1] + 0.114 * stored[:, :, 2]


# ---------------------------------------------------------------- section 2: stencils and kernels


def three_by_three(rows):
    """SPEC section 2: columns -1, 0, +1 times the given row weights, points of weight zero left out."""
    points = []
    for y, row in zip((-1, 0, 1), rows, strict=True):
        for x in (-1, 1):
            points.append((float(x), float(y), float(x * row)))
    return points


def stencil(name):
    """SPEC section 2, the table: list of (x, y, weight)."""
    table = {
        "tv": [(-0.5, 0.0, -1.0), (0.5, 0.0, 1.0)],
        "tv2": [(-1.0, 0.0, 1.0), (0.0, 0.0, -2.0), (1.0, 0.0, 1.0)],
        "sobel": three_by_three((1, 2, 1)),
        "laplacian": [(-1.0, 0.0, 1.0), (1.0, 0.0, 1.0), (0.0, -1.0, 1.0), (0.0, 1.0, 1.0), (0.0, 0.0, -4.0)],
        "prewitt": three_by_three((1, 1, 1)),
        "chiral": [(1.0, 0.0, 2.0), (0.0, 1.0, -1.0), (-1.0, -1.0, -1.0)],
    }
    return table[name]


def radius(points):
    """SPEC section 2: rho = max |p_k|."""
    return max(math.hypot(x, y) for x, y, _ in points)


def support_radius(points, kernel, sigma):
    """SPEC section 2: rho + 4 sigma, rho + 2 sqrt 2, or 4."""
    if kernel == "gaussian":
        return radius(points) + 4.0 * sigma
    if kernel == "bicubic":
        return radius(points) + 2.0 * math.sqrt(2.0)
    if kernel == "fourier":
        return 4.0
    raise ValueError(kernel)


def keys(s):
    """SPEC section 2: Keys' cubic convolution kernel, a = -1/2, one dimension."""
    a = -0.5
    s = np.abs(s)
    inner = (a + 2.0) * s**3 - (a + 3.0) * s**2 + 1.0
    outer = a * s**3 - 5.0 * a * s**2 + 8.0 * a * s - 4.0 * a
    return np.where(s <= 1.0, inner, np.where(s < 2.0, outer, 0.0))


def dirichlet(s):
    """SPEC section 2: interpolant of period 7, the mean of the seven harmonics -3..3, one dimension.

    An odd number of harmonics, so a shift by any real amount (a half-integer point) is exact.
    """
    total = np.ones_like(s)
    for harmonic in (1, 2, 3):
        total = total + 2.0 * np.cos(2.0 * math.pi * harmonic * s / 7.0)
    return total / 7.0


def beta(x, y, kernel, sigma):
    """SPEC section 2: the kernel model beta at the points (x, y), without the mask of `fourier`."""
    if kernel == "gaussian":
        return np.exp(-(x**2 + y**2) / (2.0 * sigma**2)) / (2.0 * math.pi * sigma**2)
    if kernel == "bicubic":
        return keys(x) * keys(y)
    if kernel == "fourier":
        return dirichlet(x) * dirichlet(y)
    raise ValueError(kernel)


def mask(x, y, kernel):
    """SPEC section 2: m(x) of `fourier`; one elsewhere."""
    if kernel != "fourier":
        return np.ones_like(x)
    squared = x**2 + y**2
    smooth = np.exp(-np.maximum(squared / 9.0 - 1.0, 0.0) / 0.2)
    # |x| = 4 lies inside; turned by A^-1 such a point must stay there, whatever the last bit says
    return np.where(squared <= 16.0 + 1e-9, smooth, 0.0)


def continuous_kernel(points, x, y, kernel, sigma):
    """SPEC section 2: phi(x) = m(x) sum_k c_k beta(x - p_k)."""
    total = np.zeros_like(x)
    for px, py, weight in points:
        total = total + weight * beta(x - px, y - py, kernel, sigma)
    return mask(x, y, kernel) * total


def transformed_window(A, c):
    """SPEC section 3: A^-1 u for u in W = {-c..c}^2, as arrays x and y indexed [u_y + c, u_x + c]."""
    inverse = np.linalg.inv(np.asarray(A, dtype=np.float64))
    x = np.zeros((2 * c + 1, 2 * c + 1))
    y = np.zeros((2 * c + 1, 2 * c + 1))
    for uy in range(-c, c + 1):
        for ux in range(-c, c + 1):
            x[uy + c, ux + c] = inverse[0, 0] * ux + inverse[0, 1] * uy
            y[uy + c, ux + c] = inverse[1, 0] * ux + inverse[1, 1] * uy
    return x, y


def sampled_kernel(points, A, kernel, sigma, c):
    """SPEC sections 2 and 3: phi(A^-1 u) on W after the zero-sum correction k - (sum k / sum e) e."""
    x, y = transformed_window(A, c)
    k = continuous_kernel(points, x, y, kernel, sigma)
    e = beta(x, y, kernel, sigma) * mask(x, y, kernel)
    return k - (k.sum() / e.sum()) * e


def symmetries(name):
    """SPEC section 3, "what the metric cannot see": parity and mirror axes of a stencil, from its points.

    odd: the half turn gives minus the stencil; even: the half turn gives the stencil; mirror: reflection in
    some axis through 0 gives plus or minus the stencil; axes: the angles of those axes in [0, pi).
    """
    points = [point for point in stencil(name) if point[2] != 0.0]
    half_turn = [(-x, -y, weight) for x, y, weight in points]
    axes = [angle for angle in candidate_axes(points) if mirrored_to_itself(points, angle)]
    return {
        "odd": same_stencil(half_turn, negative(points)),
        "even": same_stencil(half_turn, points),
        "mirror": bool(axes),
        "axes": axes,
    }


def candidate_axes(points):
    """SPEC section 3: angles in [0, pi) that hold every possible mirror axis.

    A mirror must carry one given point off 0 to some point of the set, which leaves the angles halfway
    between the two; k pi / 8 is added for good measure.
    """
    first = max(points, key=lambda point: math.hypot(point[0], point[1]))
    start = math.atan2(first[1], first[0])
    angles = [k * math.pi / 8.0 for k in range(8)]
    angles += [(start + math.atan2(y, x)) / 2.0 for x, y, _ in points]
    found = []
    for angle in sorted(a % math.pi for a in angles):
        if all(abs(math.sin(angle - other)) > 1e-9 for other in found):
            found.append(angle)
    return found


def mirrored_to_itself(points, angle):
    """SPEC section 3: does the reflection in the axis at this angle give plus or minus the stencil?"""
    cos, sin = math.cos(2.0 * angle), math.sin(2.0 * angle)
    mirrored = [(cos * x + sin * y, sin * x - cos * y, weight) for x, y, weight in points]
    return same_stencil(mirrored, points) or same_stencil(mirrored, negative(points))


def negative(points):
    """SPEC section 3: the stencil with the sign of every weight changed."""
    return [(x, y, -weight) for x, y, weight in points]


def same_stencil(first, second):
    """SPEC section 3: equal as sets of weighted points, up to the rounding of cos and sin."""
    if len(first) != len(second):
        return False
    return all(any(np.allclose(p, q, rtol=0, atol=1e-9) for q in second) for p in first)


# ---------------------------------------------------------------- section 3: groups and responses


def rotation(theta):
    """SPEC section 3: A = [[cos, sin], [-sin, cos]], counter-clockwise on the screen for theta > 0."""
    return np.array([[math.cos(theta), math.sin(theta)], [-math.sin(theta), math.cos(theta)]])


def group_matrices(text):
    """SPEC section 3: "pT" is A_0..A_{T-1}; "pTm" appends A_0 M..A_{T-1} M, M: x -> -x."""
    found = re.fullmatch(r"p(\d+)(m?)", text)
    if found is None or int(found.group(1)) < 1:
        raise ValueError(text)
    order = int(found.group(1))
    matrices = [rotation(2.0 * math.pi * t / order) for t in range(order)]
    if found.group(2):
        mirror = np.array([[-1.0, 0.0], [0.0, 1.0]])
        matrices += [A @ mirror for A in matrices]
    return np.array(matrices)


def affine(alpha, s_x, s_y):
    """SPEC section 3, Eqs. (47)-(48): D_w = Rot(alpha) diag(s_x, s_y), Rot with the sign of A."""
    return rotation(alpha) @ np.diag([float(s_x), float(s_y)])


def deformed(matrices, D):
    """SPEC section 3: the adaptive group, D A D^-1 for each A."""
    inverse = np.linalg.inv(D)
    return np.array([D @ A @ inverse for A in matrices])


def window_radius(name, kernel, sigma, lam):
    """SPEC section 3: c = ceil(lambda x support radius)."""
    return math.ceil(lam * support_radius(stencil(name), kernel, sigma))


def default_margin(names, kernel, sigma):
    """SPEC section 3: ceil(lambda_max x largest support radius), lambda_max = 2 always (reading 4)."""
    return max(window_radius(name, kernel, sigma, 2.0) for name in names)


def convolved(image, k, margin):
    """SPEC section 3: sum over u of k(u) r(y - u) at every y of V, signed."""
    image = np.asarray(image, dtype=np.float64)
    c = k.shape[0] // 2
    height, width = image.shape
    rows, columns = height - 2 * margin, width - 2 * margin
    if rows < 1 or columns < 1:
        raise ValueError("V is empty")
    if margin < c:
        raise ValueError("the margin is smaller than the window")
    total = np.zeros((rows, columns))
    for uy in range(-c, c + 1):
        for ux in range(-c, c + 1):
            top, left = margin - uy, margin - ux
            total += k[uy + c, ux + c] * image[top : top + rows, left : left + columns]
    return total


def response(image, points, A, kernel, sigma, c, margin, kind="abs"):
    """SPEC section 3: f_A(r), the mean over V of |phi(A^-1 .) * r|, or what another kind has in place of |.|."""
    return float(np.mean(sized(convolved(image, sampled_kernel(points, A, kernel, sigma, c), margin), kind)))


def sized(values, kind):
    """SPEC section 3: what signed responses at pixels are averaged as."""
    if kind == "abs":
        return np.abs(values)
    if kind == "energy":
        return values**2
    if kind == "rectified":
        return np.where(values > 0, values, 0.0) ** 2
    raise ValueError(kind)


def responses(image, name, matrices, kernel="gaussian", sigma=1.5, lam=1.0, margin=15, kind="abs"):
    """SPEC section 3: f_t(r) for every element, all computed (no parity shortcut), shape (order,)."""
    points = stencil(name)
    c = window_radius(name, kernel, sigma, lam)
    return np.array([response(image, points, A, kernel, sigma, c, margin, kind) for A in matrices])


# ---------------------------------------------------------------- section 4: the metric


def epsilon(table):
    """SPEC section 4, Eq. (8): (value, worst_element) of an (N, T) table; element 0 is the identity."""
    means = np.asarray(table, dtype=np.float64).mean(axis=0)
    gaps = [abs(means[0] - mean) for mean in means]
    largest = max(gaps)
    # The lowest t within 1e-9 relative of the maximum: t and t + T/2 tie for odd and even stencils.
    worst = next(t for t, gap in enumerate(gaps) if gap >= largest * (1.0 - 1e-9))
    return float(largest), worst


def relative_epsilon(table, elements=None):
    """SPEC section 4: (max_t m_t - min_t m_t) / (mean over t of m_t) of an (N, T) table, m_t = mean_n f_t."""
    images, order = len(table), len(table[0])
    means = [sum(float(profile[t]) for profile in table) / images for t in elements or range(order)]
    return (max(means) - min(means)) / (sum(means) / len(means))


def normalized_epsilon(table):
    """SPEC section 4: Eq. (8) after every image's profile is divided by its own mean over t (reading 6)."""
    table = np.asarray(table, dtype=np.float64)
    return epsilon(np.array([profile / profile.mean() for profile in table]))[0]


# ---------------------------------------------------------------- section 6: the discretisation floor


def transfer_power(k, size=256):
    """SPEC section 6: |sum_u k(u) exp(-2 pi i k.u)|^2 on the size x size grid of np.fft.fftfreq.

    The place of the kernel inside the padded array changes the phase only.
    """
    if k.shape[0] > size:
        raise ValueError("the grid is smaller than the kernel")
    padded = np.zeros((size, size))
    padded[: k.shape[0], : k.shape[1]] = k
    return np.abs(np.fft.fft2(padded)) ** 2


def closed_form_profile(name, matrices, sigma, power, kernel="gaussian", size=256, c=None):
    """SPEC section 6: f_t = sqrt(2/pi sum_k |phi_t^(k)|^2 P(|k|)) over 0 < |k| <= 1/2, shape (order,).

    c overrides the window radius of section 3, which is that of strict rotations (lambda = 1).
    """
    axis = np.fft.fftfreq(size)
    k = np.sqrt(axis[:, None] ** 2 + axis[None, :] ** 2)
    inside = (k > 0.0) & (k <= 0.5)
    weights = np.zeros((size, size))
    weights[inside] = power(k[inside])
    if c is None:
        c = window_radius(name, kernel, sigma, 1.0)
    profile = []
    for A in matrices:
        squared = transfer_power(sampled_kernel(stencil(name), A, kernel, sigma, c), size)
        profile.append(math.sqrt(2.0 / math.pi * float((squared * weights).sum())))
    return np.array(profile)


def closed_form_floor(name, group, sigma, power, kernel="gaussian", size=256, c=None):
    """SPEC section 6: relative epsilon of the ideal isotropic field of spectrum P under strict rotations."""
    return relative_epsilon([closed_form_profile(name, group_matrices(group), sigma, power, kernel, size, c)])
