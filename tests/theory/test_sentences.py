"""What a user reads: what to build, each evidence by its name and numbers, the law, and what would change it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from symmetry_audit.theory import recommend
from tests.theory.situations import CHIRAL, SHARED, candidates, direction, horizon, isotropic, linear, photo
from tests.theory.test_build import DECIDED, SITUATIONS, TIE, UNSURE, Situation

LONGEST = 250  # characters
JARGON = r"\b(kappa|epsilon|equivarian\w*|Holm|bootstrap|harmonic|isotrop\w*|moment\w*|relative|null|prior\b(?! for))"
TITLES = {"pilot": "Evidence, network pilot: ", "prior": "The choice rests on the prior for photographs: "}


def said(situation: Situation, start: str) -> str:
    """The first sentence that starts so; of directions there may be one for each layer, the degradation's first."""
    return next(sentence for sentence in situation.advice.sentences if sentence.startswith(start))


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_first_sentence_is_what_to_build(name: str) -> None:
    build, first = SITUATIONS[name].advice.build, SITUATIONS[name].advice.sentences[0]
    assert first.startswith("Build ")
    assert re.findall(r"p\d+m?", first) == [build.group]
    assert ("relaxed" in first) is (build.relax is not None)


@pytest.mark.parametrize("name", SITUATIONS)
def test_evidence_is_told_by_name_and_decided_evidence_alone_is_called_so(name: str) -> None:
    situation = SITUATIONS[name]
    evidence = situation.advice.build.evidence
    assert said(situation, TITLES.get(evidence, f"Evidence, {evidence}: "))
    undecided = [sentence for sentence in situation.advice.sentences if sentence.startswith("Undecided, ")]
    layers = {item.layer for item in situation.directions}
    assert len(layers) > 1 or not any(evidence in sentence for sentence in undecided)


@pytest.mark.parametrize("name", SITUATIONS)
def test_sentences_are_short_and_plain(name: str) -> None:
    for sentence in SITUATIONS[name].advice.sentences:
        assert len(sentence) <= LONGEST
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert ".." not in sentence
        if "network pilot" not in sentence:  # its own sentence is tested with the pilot
            assert not re.search(JARGON, sentence), sentence


@pytest.mark.parametrize("name", SITUATIONS)
def test_open_advice_says_what_would_settle_it(name: str) -> None:
    advice = SITUATIONS[name].advice
    settled = advice.build.evidence == "pilot" or (
        advice.build.evidence == "linear pilot" and advice.build.relax is None and advice.group != "p1"
    )
    if not settled:
        assert re.search("--task|--pilot|network pilot is undecided", advice.sentences[-1])


def test_numbers_of_the_directions() -> None:
    assert said(SITUATIONS["Urban100"], "Evidence, common") == (
        "Evidence, common direction: directions differ from image to image (common share R² 0.00 of 1; 0.00 to 0.04)."
    )
    assert said(SITUATIONS["text"], "Evidence, common") == (
        "Evidence, common direction: the images share one direction (common share R² 0.80 of 1; 0.70 to 0.90)."
    )
    assert said(SITUATIONS["rain"], "Evidence, common") == (
        "Evidence, common direction: what degrades the images has one direction (common share R² 0.69 of 1; 0.61 to "
        "0.77)."
    )
    bare = recommend(candidates("p4", photo), images=1, directions=(replace(SHARED, ci_low=None, ci_high=None),))
    assert (
        "Undecided, common direction: the images may share a direction (common share R² 0.80 of 1)." in bare.sentences
    )


@pytest.mark.parametrize("unit", ["HU", "squared HU", "grey levels of the window"])
@pytest.mark.parametrize("shared", [(), (direction(0.8, 0.7, 0.9),), (direction(0.5, 0.3, 0.7),)])
def test_no_photograph_is_evidence_for_ct_slices(unit: str, shared: tuple) -> None:
    told = recommend(candidates("p4", photo), images=100, directions=shared, unit=unit).sentences
    assert not any("photograph" in sentence or "92 of 100" in sentence for sentence in told)
    assert any("on a table" in sentence for sentence in told)
    assert told[-1].startswith("Trying it on your task tells more: symaudit train --task mar, once with --method cnn ")
    assert all(len(sentence) <= LONGEST and not re.search(JARGON, sentence) for sentence in told)


def test_slices_that_share_a_direction() -> None:
    shared = recommend((), images=20, directions=(direction(0.8, 0.7, 0.9),), unit="HU").sentences
    assert (
        "Evidence, common direction: the images share one direction, as patients who lie on a table do (common share "
        "R² 0.80 of 1; 0.70 to 0.90)."
    ) in shared
    mixed = recommend((), images=20, directions=(direction(0.1, 0.0, 0.2),), unit="HU").sentences
    assert any("directions differ from image to image" in sentence for sentence in mixed)
    assert not any("table" in sentence for sentence in mixed)


def test_a_share_below_nothing_is_by_chance() -> None:
    found = recommend((), images=4, directions=(replace(SHARED, share=-0.33, ci_low=0.0, ci_high=1.0),))
    assert "(common share R² 0.00 of 1; 0.00 to 1.00)" in found.sentence


@pytest.mark.parametrize("layer", ["images", "degradation"])
@pytest.mark.parametrize("limits", [(0.0, 0.2), (0.3, 0.7), (0.7, 0.9)])
def test_every_verdict_on_directions_has_words(layer: str, limits: tuple[float, float]) -> None:
    found = recommend((), images=20, directions=(direction(0.5, *limits, layer=layer),))
    assert any("common direction: " in sentence for sentence in found.sentences)


def test_numbers_of_the_linear_pilot() -> None:
    assert said(SITUATIONS["BSD100"], "Evidence, linear") == (
        "Evidence, linear pilot: the best linear filter restores held-out images 0.013 dB better with quarter turns "
        "built in (+0.003 to +0.023; 80 images; denoising, noise of 50)."
    )
    assert said(SITUATIONS["Urban100"], "Undecided, linear").startswith(
        "Undecided, linear pilot: the best linear filter restores held-out images 0.080 dB worse with quarter turns "
    )


def test_the_network_pilot_speaks_for_itself() -> None:
    for situation, pilot in (("pilot for p4", DECIDED), ("pilot with a tie", TIE)):
        told = said(SITUATIONS[situation], "Evidence, network pilot: ")
        assert pilot.sentence == "Build p4: " + told.removeprefix("Evidence, network pilot: ")
    undecided = said(SITUATIONS["pilot undecided"], "The network pilot")
    assert undecided == "The network pilot is u" + UNSURE.sentence.removeprefix("U")


# --- the law


def law(*found, **asked) -> str:
    """The sentences about the law."""
    told = recommend(*found, **asked).sentences
    return " ".join(sentence for sentence in told if re.search("images are (not )?symmetric", sentence))


def test_the_largest_shown_and_the_smallest_refuted_group_are_named() -> None:
    assert law(candidates("p32", photo), images=100) == (
        "The images are symmetric under quarter turns (p4) up to 5 %: tv2 changes by 3.2 % (2.6 to 3.8 %), p = 0.001. "
        "The images are not symmetric under turns by 45 degrees (p8): tv2 changes by 6.4 % (5.1 to 7.7 %), p = 0.001."
    )
    assert law(candidates("p32", isotropic), images=100, tolerance=0.1).startswith(
        "The images are symmetric under p32 up to 10 %: tv changes by 0.8 %"
    )
    assert law(candidates("p8", horizon), images=100) == (
        "The images are not symmetric under quarter turns (p4): tv changes by 12 % (9.6 to 14 %), p = 0.001."
    )


def test_what_is_not_settled_says_how_many_images_would_settle_it() -> None:
    unsure = [replace(item, images_needed=1400) for item in candidates("p4", horizon, spread=1.0)]
    assert law(unsure, images=80) == (
        "Whether the images are symmetric under quarter turns (p4) is not settled: tv changes by 12 % (0 to 24 %), "
        "p = 0.001; about 1,400 images would settle it."
    )


def test_what_was_not_tested_says_why() -> None:
    assert law(candidates("p8", photo), images=5) == (
        "Whether the images are symmetric under turns by 45 degrees (p8) was not tested: it takes 10 images, and "
        "there are 5."
    )
    assert law(candidates("p2", photo), images=50) == (
        "Whether the images are symmetric under half turns (p2) was not tested: nothing measured tells it from p1."
    )
    assert law(candidates("p1", photo), images=50) == (
        "Whether the images are symmetric was not tested: the run measured no group."
    )


def test_mirrors_are_named() -> None:
    assert law(candidates("p1m", isotropic, means=CHIRAL), images=50).startswith(
        "The images are symmetric under mirrors (p1m) up to 5 %: chiral changes"
    )


# --- how


def test_augmentation() -> None:
    assert "Augment with left-right mirrors, which cost a filter nothing." in SITUATIONS["rain"].advice.sentences
    assert "Augment with left-right mirrors, as in the pilot." in SITUATIONS["pilot for mirrors"].advice.sentences
    assert said(SITUATIONS["BSD100, mirrors safe"], "Augment")
    assert said(SITUATIONS["text"], "Do not augment with turns or mirrors")
    silent = SITUATIONS["BSD100"].advice.sentences
    assert not any("ugment" in sentence for sentence in silent)


def test_what_adapting_would_take() -> None:
    told = said(SITUATIONS["adapting gains, on a GPU"], "For 10,000 steps or more build p8 with SA-Conv")
    assert "gains on held-out blocks" in told


def test_a_pilot_without_quarter_turns_has_no_words_for_them() -> None:
    found = recommend(candidates("p8", isotropic), images=50, linear=linear(p1m=(0.01, 0.0, 0.02)))
    assert not any("linear pilot: " in sentence for sentence in found.sentences)
