"""The words of a page, explained in a sentence each; only those that it uses are listed."""

from __future__ import annotations

from symmetry_audit.reports.pages._blocks import Terms

__all__ = ["glossary"]

WORDS = {
    "relative ε": "how much the mean response changes when all images are turned or flipped: the largest minus the "
    "smallest, divided by the mean. 0: it does not change.",
    "response": "the mean strength of a filter over an image, for example of its edges in one direction.",
    "regularizer": "a filter by which images are measured: tv and sobel see edges, tv2 and laplacian see lines.",
    "abs, energy, rectified": "how the strength of a filter counts: its size, its square, or the square of its "
    "positive part alone, which tells rising from falling edges, so that flips are seen.",
    "fits": "the images look the same, as a set, after the transformation: the whole interval is below 5 %.",
    "does not fit": "the set of images changes by more than chance and the pixel grid explain.",
    "not settled": "there are too few images to tell.",
    "not tested": "no filter of this run can see the transformation.",
    "95 % interval": "where the number would be for other images of the same kind, in 95 of 100 such sets.",
    "chance": "the change to be expected from as many images that have no direction in common.",
    "pixel grid": "the change that square pixels alone produce.",
    "p": "how often chance alone gives a change as large, where the images have no direction in common.",
    "quarter turns": "turns by 90, 180 and 270 degrees, which only move pixels.",
    "p4": "a group of transformations: the four quarter turns. p8 has steps of 45 degrees, and p4m flips too.",
    "ellipse": "the stretch of one image under which it is most symmetric; a circle means no stretch.",
    "adaptive": "each image is turned in its own stretched way; the opposite is strict.",
    "R²": "how much of the images' own directions they share: 1 if all point the same way, 0 if they differ.",
    "held out": "not used for fitting or training, only for measuring.",
    "PSNR": "how close an image is to the clean one, in dB: 1 dB more is a fifth less error energy.",
    "SSIM": "how similar the structure of an image is to that of the clean one, 1 if equal.",
    "floor": "the error that resampling a turned image on square pixels produces, whatever the network does.",
    "relative error": "the difference between turning the input and turning the output, divided by the contrast of the "
    "output.",
    "equivariant": "of a network: a turned input gives the turned output.",
    "arm": "one way to train that a pilot compares.",
    "seed": "the number that random choices start from; other seeds give other splits, weights and noise.",
    "margin": "the difference that does not matter.",
}


def glossary(*words: str) -> Terms:
    """The ``words`` with what they mean, closed."""
    return Terms("Words on this page", tuple((word, WORDS[word]) for word in words), folded=True)
