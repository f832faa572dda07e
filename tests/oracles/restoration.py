"""Slow float64 reference for PSNR, SSIM, luma and MATLAB's imresize, written from the mathematics with plain loops.

Nothing of the project is imported.  Images are nested lists or arrays [row][column] of one channel; callers go
through channels themselves.  Readings chosen:

1.  imresize: Keys' kernel a = -1/2; output pixel i of n, counted from 1, sits at u = i/s + (1 - 1/s)/2 of the old
    axis; shrinking by s < 1 stretches the kernel to s k(s (u - j)); the axis goes on as 1 2 .. n n .. 2 1 1 2 ..;
    weights are divided by their sum; n = ceil(s length).
2.  SSIM: Wang et al. 2004, Eq. (13), with C3 = C2/2, exponents 1; (co)variances are of the weighted population,
    sum w (x - m)^2 with sum w = 1, computed about the mean and not as a difference of moments.
"""

import math
from fractions import Fraction

import numpy as np

WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03


# ---------------------------------------------------------------- luma


def luma_601(red, green, blue):
    """Y = 16 + (65.481 R + 128.553 G + 24.966 B)/255 of one pixel."""
    return 16.0 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255.0


def luma_edsr(red, green, blue):
    """(65.738 R + 129.057 G + 25.064 B)/256 of one pixel."""
    return (65.738 * red + 129.057 * green + 25.064 * blue) / 256.0


def per_pixel(function, rgb):
    """``function(r, g, b)`` at every pixel of (H, W, 3)."""
    height, width = len(rgb), len(rgb[0])
    return np.array([[function(*map(float, rgb[y][x])) for x in range(width)] for y in range(height)])


# ---------------------------------------------------------------- PSNR


def psnr(first, second, peak):
    """20 log10(peak) - 10 log10(mean squared difference) over all numbers of two equal arrays."""
    differences = [float(a) - float(b) for a, b in zip(np.ravel(first), np.ravel(second), strict=True)]
    mean = math.fsum(d * d for d in differences) / len(differences)
    return math.inf if mean == 0.0 else 20.0 * math.log10(peak) - 10.0 * math.log10(mean)


def psnr_of_norms(first, second):
    """20 log10(sqrt(HW) max|second| / norm of the difference), of two equal lists of channels (H, W)."""
    differences = [float(a) - float(b) for a, b in zip(np.ravel(first), np.ravel(second), strict=True)]
    norm = math.hypot(*differences)
    height, width = np.shape(first)[1:]
    largest = max(abs(float(value)) for value in np.ravel(second))
    return math.inf if norm == 0.0 else 20.0 * math.log10(math.sqrt(height * width) * largest / norm)


# ---------------------------------------------------------------- SSIM


def window():
    """The 11 x 11 Gaussian, of sum one, as a list of rows."""
    half = WINDOW // 2
    line = range(-half, half + 1)
    raw = [[math.exp(-(x * x + y * y) / (2.0 * SIGMA**2)) for x in line] for y in line]
    total = math.fsum(math.fsum(row) for row in raw)
    return [[value / total for value in row] for row in raw]


def at_window(first, second, weights, peak):
    """SSIM of two 11 x 11 windows: luminance times contrast times structure."""
    w, x, y = (np.asarray(values, dtype=np.float64).ravel() for values in (weights, first, second))
    mx, my = math.fsum(w * x), math.fsum(w * y)
    vx, vy = math.fsum(w * (x - mx) ** 2), math.fsum(w * (y - my) ** 2)
    vxy = math.fsum(w * (x - mx) * (y - my))
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    sx, sy = math.sqrt(vx), math.sqrt(vy)
    luminance = (2.0 * mx * my + c1) / (mx * mx + my * my + c1)
    contrast = (2.0 * sx * sy + c2) / (vx + vy + c2)
    structure = (vxy + c2 / 2.0) / (sx * sy + c2 / 2.0)
    return luminance * contrast * structure


def ssim(first, second, peak):
    """Mean of `at_window` over the windows that lie inside one channel (H, W)."""
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    weights = window()
    values = []
    for y in range(first.shape[0] - WINDOW + 1):
        for x in range(first.shape[1] - WINDOW + 1):
            here = slice(y, y + WINDOW), slice(x, x + WINDOW)
            values.append(at_window(first[here], second[here], weights, peak))
    return math.fsum(values) / len(values)


def ssim_zero_padded(first, second, peak):
    """As pytorch_ssim: `ssim` with the images framed by 5 px of zeros, so that every pixel has its window."""
    frame = WINDOW // 2
    return ssim(np.pad(np.asarray(first, float), frame), np.pad(np.asarray(second, float), frame), peak)


# ---------------------------------------------------------------- imresize


def cubic(x):
    """Keys 1981 with a = -1/2."""
    a, x = -0.5, abs(x)
    if x < 1.0:
        return (a + 2.0) * x**3 - (a + 3.0) * x**2 + 1.0
    if x < 2.0:
        return a * x**3 - 5.0 * a * x**2 + 8.0 * a * x - 4.0 * a
    return 0.0


def mirrored(j, length):
    """The pixel 1..length that stands at place j of the axis, walking step by step."""
    while not 1 <= j <= length:
        j = 1 - j if j < 1 else 2 * length + 1 - j
    return j


def resize_line(line, scale):
    """One line of numbers resized by ``scale``, a Fraction; reading 1."""
    scale = Fraction(scale)
    length = len(line)
    stretch = min(scale, Fraction(1))
    reach = math.ceil(2 / stretch) + 1
    out = []
    for i in range(1, math.ceil(scale * length) + 1):
        u = Fraction(i) / scale + (1 - 1 / scale) / 2
        places = range(math.floor(u) - reach, math.floor(u) + reach + 2)
        weights = [cubic(float(stretch * (u - j))) for j in places]
        values = [float(line[mirrored(j, length) - 1]) for j in places]
        out.append(math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights))
    return out


def imresize(plane, scale):
    """One channel (H, W), columns after rows."""
    rows = np.array([resize_line(row, scale) for row in plane])
    return np.array([resize_line(column, scale) for column in rows.T]).T


def to_8bit(plane):
    """Nearest whole number, halves up, within 0..255."""
    return np.array([[min(255, max(0, math.floor(value + 0.5))) for value in row] for row in plane])
