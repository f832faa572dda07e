"""Random groups of images by the hash of their pixels, SPEC section 6: sums, resamples and shifts as slow loops.

Nothing of the project is imported.
"""

import hashlib

import numpy as np


def groups_of_images(hashes, limit):
    """Places of the images by group: each alone up to the limit, else by the first eight bytes of the hash."""
    if len(hashes) <= limit:
        return [[place] for place in range(len(hashes))]
    found = {}
    for place, text in enumerate(hashes):
        found.setdefault(int.from_bytes(bytes.fromhex(text)[:8], "big") % limit, []).append(place)
    return [found[number] for number in sorted(found)]


def groups_of_clusters(labels, limit):
    """Places of the images by cluster as they come, or by group of clusters: the hash of a name decides."""
    clusters = {}
    for place, label in enumerate(labels):
        clusters.setdefault(label, []).append(place)
    if len(clusters) <= limit:
        return list(clusters.values())
    found = {}
    for label, places in clusters.items():
        number = int(hashlib.sha256(label.encode()).hexdigest()[:16], 16) % limit
        found[number] = sorted(found.get(number, []) + places)
    return [found[number] for number in sorted(found)]


def bootstrap_deviation(tables, groups):
    """Standard deviation of the mean of tables (N, ...) under resampling of whole groups, to first order in 1/N."""
    mean = tables.mean(0)
    square = sum(np.square((tables[places] - mean).sum(0)) for places in groups)
    return np.sqrt(square) / len(tables)


def bootstrap_means(tables, groups, resamples, rng):
    """Means of tables (N, ...): draw as many groups as there are, with all their images."""
    found = []
    for _ in range(resamples):
        drawn = np.concatenate([groups[number] for number in rng.integers(len(groups), size=len(groups))])
        found.append(tables[drawn].mean(0))
    return np.array(found)


def rotated_means(profiles, groups, draws, rng):
    """Means of profiles (N, T) over T rotations after each group is turned by a random one of its own."""
    found = []
    for _ in range(draws):
        total = np.zeros(profiles.shape[1])
        for places in groups:
            total += np.roll(profiles[places].sum(0), rng.integers(profiles.shape[1]))
        found.append(total / len(profiles))
    return np.array(found)
