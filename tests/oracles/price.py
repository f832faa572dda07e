"""Slow float64 reference for the price of a group, written from SPEC sections 5, 7 and 8.

Nothing of the project is imported.  Fields have the spectrum P(|D^T k|) = max(|D^T k|, 1/128)^-2 below 0.3 cycles/px.
Pixels of a window are in reading order, x to the right, y down.
"""

import math

import numpy as np
from scipy.stats import multivariate_normal

LIMIT, KINK = 0.3, 1 / 128


def rotation(angle):
    return np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])


def elements(turns, mirrored):
    """The matrices of pT, or of pTm with x -> -x as well."""
    found = [rotation(2 * math.pi * t / turns) for t in range(turns)]
    return found + [a @ np.diag([-1.0, 1.0]) for a in found if mirrored]


def radial(points=1500):
    """Midpoints q of |D^T k|, in equal steps below 1/128 and in equal steps of log q above, and q P(q) dq."""
    low = KINK * (np.arange(points) + 0.5) / points
    octaves = math.log(LIMIT / KINK)
    high = KINK * np.exp(octaves * (np.arange(points) + 0.5) / points)
    q = np.concatenate([low, high])
    step = np.concatenate([np.full(points, KINK / points), high * octaves / points])
    return q, q * np.maximum(q, KINK) ** -2.0 * step


def directions(ratio, alpha, turn, points=240):
    """Unit vectors of k, and |D^T k| of each for the field turned by ``turn``: its k is turned back first."""
    d = rotation(alpha) @ np.diag([ratio**0.5, ratio**-0.5]) @ rotation(-alpha)
    for step in range(points):
        unit = np.array([math.cos(2 * math.pi * step / points), math.sin(2 * math.pi * step / points)])
        yield unit, np.linalg.norm(d.T @ turn.T @ unit)


def covariance(lag, ratio, alpha, turn):
    """The integral of P(|D^T k|) cos(2 pi k . lag) over the plane of k, ray by ray, variance one."""
    q, weight = radial()
    total = variance = 0.0
    for unit, stretch in directions(ratio, alpha, turn):
        wave = np.cos(2 * math.pi * q / stretch * (unit @ lag))  # q = stretch |k|, |k| d|k| = q dq / stretch^2
        total += weight @ wave / stretch**2
        variance += weight.sum() / stretch**2
    return total / variance


def window_covariance(side, ratio, alpha, turn, std):
    """The covariance of a window of ``side`` pixels, entry by entry."""
    known = {}
    pixels = [(x, y) for y in range(side) for x in range(side)]
    found = np.zeros((side**2, side**2))
    for i, (x, y) in enumerate(pixels):
        for j, (u, v) in enumerate(pixels):
            lag = (u - x, v - y)
            if lag not in known:
                known[lag] = known[(-lag[0], -lag[1])] = covariance(np.array(lag), ratio, alpha, turn)
            found[i, j] = std**2 * known[lag]
    return found


def risk(weights, signal, sigma, target):
    """E (x - h^T y)^2 for the pixel ``target`` of the clean window."""
    noisy = signal + sigma**2 * np.eye(len(signal))
    return signal[target, target] - 2 * weights @ signal[:, target] + weights @ noisy @ weights


def wiener(signal, sigma, target):
    return np.linalg.inv(signal + sigma**2 * np.eye(len(signal))) @ signal[:, target]


def linear_price(signals, sigma, target):
    """In dB: the mean risk of one filter for all laws over that of a filter for each."""
    shared = wiener(sum(signals) / len(signals), sigma, target)
    own = [risk(wiener(signal, sigma, target), signal, sigma, target) for signal in signals]
    return 10 * math.log10(sum(risk(shared, signal, sigma, target) for signal in signals) / sum(own))


def mixture(y, signals, sigma, target):
    """The conditional mean of the target for every row of ``y`` if each law is equally likely, and rho (law, row)."""
    noisy = [signal + sigma**2 * np.eye(len(signal)) for signal in signals]
    logarithm = np.array([multivariate_normal(cov=matrix).logpdf(y) for matrix in noisy])
    likelihood = np.exp(logarithm - logarithm.max(0))
    rho = likelihood / likelihood.sum(0)
    means = np.array([y @ wiener(signal, sigma, target) for signal in signals])
    return (rho * means).sum(0), rho


def simulated(signals, sigma, target, draws, seed):
    """(x, y, law) drawn from the laws in turn, with the two restorers' errors: of the mixture and of the known law."""
    rng = np.random.default_rng(seed)
    clean, noisy, own, law = [], [], [], []
    for number, signal in enumerate(signals):
        x = rng.multivariate_normal(np.zeros(len(signal)), signal, draws, method="eigh")
        y = x + sigma * rng.standard_normal(x.shape)
        clean.append(x[:, target])
        noisy.append(y)
        own.append(y @ wiener(signal, sigma, target))
        law += [number] * draws
    clean, noisy, own = (np.concatenate(part) for part in (clean, noisy, own))
    mixed, rho = mixture(noisy, signals, sigma, target)
    return {
        "clean": clean,
        "noisy": noisy,
        "mixed": mixed,
        "excess": (clean - mixed) ** 2 - (clean - own) ** 2,  # of squared errors, no formula for their difference
        "recognised": rho[law, np.arange(len(law))],
    }


def price_by_orbits(signal, permutation, sigma, target, points=61, reach=5.0):
    """The least excess of any phi with phi(y) = phi(y[permutation]), an involution, by brute force on a grid of y.

    Every orbit of the grid gets one value, the one with the least summed squared distance from the conditional means
    of its two points. No mixture, no posterior.
    """
    noisy = signal + sigma**2 * np.eye(len(signal))
    edge = reach * math.sqrt(noisy.diagonal().max())
    axis = np.linspace(-edge, edge, points)
    grid = np.stack(np.meshgrid(*[axis] * len(signal), indexing="ij"), -1)
    density = multivariate_normal(cov=noisy).pdf(grid)
    mean = grid @ wiener(signal, sigma, target)
    other_density, other_mean = np.transpose(density, permutation), np.transpose(mean, permutation)
    value = (density * mean + other_density * other_mean) / (density + other_density)
    return (density * (mean - value) ** 2).sum() / density.sum()


def spectral_price(ratio, sigma, std, angles=(0.0, math.pi / 2), points=2000):
    """The linear price on an unbounded window, in dB: frequency by frequency, for the axis along x turned by angles.

    Frequencies beyond the spectrum of every copy cost nothing: there all gains are 0.
    """
    area = math.pi * (1 + 2 * math.log(LIMIT / KINK))  # the integral of P over its band, whatever D of determinant 1
    reach = LIMIT * ratio**0.5
    shared = own = 0.0
    for step in range(360):
        phi = 2 * math.pi * (step + 0.5) / 360
        k = reach * (np.arange(points) + 0.5) / points
        powers = []
        for angle in angles:
            q = k * math.hypot(ratio**0.5 * math.cos(phi - angle), ratio**-0.5 * math.sin(phi - angle))
            powers.append(np.where(q < LIMIT, std**2 / area * np.maximum(q, KINK) ** -2.0, 0.0))
        mean = sum(powers) / len(powers)
        gain = mean / (mean + sigma**2)
        for power in powers:
            best = power / (power + sigma**2)
            shared += (k * ((1 - gain) ** 2 * power + gain**2 * sigma**2)).sum()
            own += (k * ((1 - best) ** 2 * power + best**2 * sigma**2)).sum()
    return 10 * math.log10(shared / own)
