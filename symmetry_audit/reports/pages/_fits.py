"""The page of fits: under which stretch each image is most symmetric."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median

import numpy as np

from symmetry_audit.groups import Group
from symmetry_audit.reports.fits._fits import fits_table
from symmetry_audit.reports.pages._blocks import Block, Screen, Text, Verdict
from symmetry_audit.reports.pages._glossary import glossary
from symmetry_audit.reports.pages._how import how_made, listed_settings, run_facts
from symmetry_audit.reports.pages._idea import idea
from symmetry_audit.reports.pages._images import ImageNumbers
from symmetry_audit.reports.pages._page import made_page
from symmetry_audit.reports.pages._parts import directions
from symmetry_audit.reports.pages._pictures import Ellipse, Pictures, shown
from symmetry_audit.reports.pages._ranked import Choice, ranked
from symmetry_audit.reports.pages._tables import tables
from symmetry_audit.reports.pages._words import percent
from symmetry_audit.results import JOINT, AffineFit, AffineFits
from symmetry_audit.statistics import relative_error
from symmetry_audit.wording import count, printable

__all__ = ["Profiles", "fits_page"]

# by image: the fit and the responses divided by their mean, before and after, (order,) each
Profiles = Mapping[str, tuple[AffineFit, np.ndarray, np.ndarray]]
WORDS = ("ellipse", "response", "regularizer", "relative ε", "adaptive")


def fits_page(folder: str | Path, fits: AffineFits, profiles: Profiles, pictures: Pictures) -> str:
    """The page of ``fits``, the same bytes for the same fits and pictures.

    ``profiles`` hold one fit of every image at the first scale, and its responses; ``pictures`` reads the images named
    that are still there.
    """
    group = Group.parse(fits.settings["group"])
    blocks: tuple[list[Block], ...] = ([], [], [])
    if profiles:
        found = _numbers(profiles, group)
        choice = Choice.of(found, {})
        small = shown(pictures(choice.names))
        blocks = idea(found, small), ranked(found, choice, "", small), directions(found, ())
    absent = (Text(("No image was fitted.",)),)
    titles = {"idea": "One picture of the idea", "images": "Images", "directions": "Directions"}
    command, facts = run_facts(Path(folder), "fit-affine")
    facts = [("images from", fits.source), ("settings", listed_settings(fits.settings)), *facts]
    screens = (
        Screen("verdict", "How much does a stretch help?", (Verdict(_sentence(profiles)),)),
        *(Screen(key, titles[key], tuple(own) or absent) for key, own in zip(titles, blocks, strict=True)),
        Screen("numbers", "All numbers", tables(fits_table(fits)) if len(fits) else absent),
        how_made(facts, glossary(*WORDS), fits.skipped, command=command),
    )
    images = count(len({fit.image for fit in fits}), "image")
    return made_page("Each image its own symmetry", f"{images} of {printable(fits.source)} under {group}.", screens)


def _numbers(profiles: Profiles, group: Group) -> ImageNumbers:
    made = list(profiles.values())
    before = np.array([values for _, values, _ in made])
    return ImageNumbers(
        title="all filters together" if made[0][0].regularizer == JOINT else printable(made[0][0].regularizer),
        group=group,
        names=tuple(profiles),
        before=relative_error(before),
        profiles=before,
        adapted=np.array([values for _, _, values in made]),
        ellipses=tuple(Ellipse(fit.alpha, fit.ratio) for fit, _, _ in made),
        at_limit=sum(fit.at_limit for fit, _, _ in made),
    )


def _sentence(profiles: Profiles) -> str:
    fits = [fit for fit, _, _ in profiles.values()]
    if not fits:
        return "No image was fitted."
    before, after = (median(getattr(fit, f"relative_epsilon_{when}") for fit in fits) for when in ("before", "after"))
    ratio = median(fit.ratio for fit in fits)
    what = "the image's response" if len(fits) == 1 else "the response of the image in the middle"
    return (
        f"Turning changes {what} by {percent(before)}; after a stretch by {ratio:.2f}, chosen for "
        f"{'it' if len(fits) == 1 else 'each image'}, by {percent(after)}."
    )
