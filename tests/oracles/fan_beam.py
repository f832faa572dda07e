"""CT in a fan beam, one ray, one pixel and one energy at a time, in plain float64 (written from SPEC 12)."""

from __future__ import annotations

import math

import numpy as np

SIDES_TO_SOURCE = 1075 / 416


def ray(views: int, detectors: int, field: float, view: int, element: int) -> tuple[complex, complex]:
    """Where a ray starts and its direction, of length one, as complex numbers x + iy in cm."""
    beta = (view + 0.5) * 2 * math.pi / views
    source = SIDES_TO_SOURCE * field * complex(math.sin(beta), -math.cos(beta))
    u = (element - (detectors - 1) / 2) * 2 * math.sqrt(2) * field / detectors
    towards = -source + u * complex(math.cos(beta), math.sin(beta)) - source
    return source, towards / abs(towards)


def ray_sum(image: np.ndarray, views: int, detectors: int, field: float, view: int, element: int) -> float:
    """Joseph's sum along one ray of a square ``image``."""
    side = len(image)
    pixel = field / side
    source, direction = ray(views, detectors, field, view, element)
    rows = abs(direction.real) >= abs(direction.imag)
    total = 0.0
    for line in range(side):
        centre = (line - (side - 1) / 2) * pixel
        if rows:
            travelled = (centre - source.real) / direction.real
            across = source.imag + travelled * direction.imag
        else:
            travelled = (centre - source.imag) / direction.imag
            across = source.real + travelled * direction.real
        place = across / pixel + (side - 1) / 2
        low = math.floor(place)
        for tap, weight in ((low, low + 1 - place), (low + 1, place - low)):
            if 0 <= tap < side:
                total += weight * (image[line, tap] if rows else image[tap, line])
    return total * pixel / max(abs(direction.real), abs(direction.imag))


def chords(views: int, detectors: int, field: float, centre: complex, radius: float, step: int = 1) -> np.ndarray:
    """The length of the rays of every ``step``-th view, (views/step, detectors), within a disc, in cm."""
    lengths = np.zeros((views // step, detectors))
    for line in range(views // step):
        for element in range(detectors):
            source, direction = ray(views, detectors, field, line * step, element)
            distance = ((centre - source) * direction.conjugate()).imag
            lengths[line, element] = 2 * math.sqrt(max(radius**2 - distance**2, 0))
    return lengths


def fbp(sinogram: np.ndarray, side: int, field: float) -> np.ndarray:
    """Filtered backprojection, pixel by pixel."""
    cleaned = filtered(sinogram, field, cosine=1)
    return np.array([[pixel(cleaned, side, field, row, column, 2) for column in range(side)] for row in range(side)])


def filtered(sinogram: np.ndarray, field: float, cosine: int) -> np.ndarray:
    """Rays times the cosine of their angle to that power, convolved with the ramp, view by view."""
    _, detectors = sinogram.shape
    distance, spacing = SIDES_TO_SOURCE * field, math.sqrt(2) * field / detectors  # of elements at the centre
    at = [(j - (detectors - 1) / 2) * spacing for j in range(detectors)]
    weights = np.array([(distance / math.hypot(distance, s)) ** cosine for s in at])
    taps = [spacing * ramp(lag, spacing) for lag in range(1 - detectors, detectors)]
    return np.array([np.convolve(view * weights, taps)[detectors - 1 : 2 * detectors - 1] for view in sinogram])


def pixel(views: np.ndarray, side: int, field: float, row: int, column: int, power: int) -> float:
    """The sum of filtered ``views`` at one pixel, each over U to that power, linear between elements."""
    number, detectors = views.shape
    distance, spacing = SIDES_TO_SOURCE * field, math.sqrt(2) * field / detectors
    x, y = ((line - (side - 1) / 2) * field / side for line in (row, column))
    total = 0.0
    for view in range(number):
        beta = (view + 0.5) * 2 * math.pi / number
        depth = distance - x * math.sin(beta) + y * math.cos(beta)
        place = distance * (x * math.cos(beta) + y * math.sin(beta)) / depth / spacing + (detectors - 1) / 2
        low = math.floor(place)
        for tap, weight in ((low, low + 1 - place), (low + 1, place - low)):
            if 0 <= tap < detectors:
                total += weight * views[view, tap] * (distance / depth) ** power
    return total * math.pi / number


def ramp(lag: int, spacing: float) -> float:
    """The band-limited ramp at ``lag`` elements."""
    if lag == 0:
        return 1 / (4 * spacing**2)
    return -1 / (math.pi * lag * spacing) ** 2 if lag % 2 else 0.0


def polychromatic(table: dict[str, list[float]], spectrum: list[float], integrals: dict[str, float]) -> float:
    """-log of the photons left of one ray; ``table`` has mass attenuation from 20 keV on, 70 keV is its entry 50."""
    left = 0.0
    for energy, share in enumerate(spectrum):
        depth = sum(integral * table[name][energy] / table[name][50] for name, integral in integrals.items())
        left += share * math.exp(-depth)
    return -math.log(left / sum(spectrum))


def interpolated(values: list[float], hidden: list[bool]) -> list[float]:
    """Values along a detector with those that are ``hidden`` on the line between their nearest neighbours."""
    out = list(values)
    for place, gone in enumerate(hidden):
        if gone:
            left = next((i for i in range(place, -1, -1) if not hidden[i]), None)
            right = next((i for i in range(place, len(values)) if not hidden[i]), None)
            if left is None or right is None:
                out[place] = values[right if left is None else left]
            else:
                share = (place - left) / (right - left)
                out[place] = (1 - share) * values[left] + share * values[right]
    return out


def thinned(lengths: list[float]) -> list[float]:
    """Metal along a detector, a quarter of it at both ends of every run; the ends of the detector are no such ends."""
    there = [length > 0 for length in lengths]
    last = len(lengths) - 1
    return [
        length / 4 if there[i] and not (there[max(i - 1, 0)] and there[min(i + 1, last)]) else length
        for i, length in enumerate(lengths)
    ]
