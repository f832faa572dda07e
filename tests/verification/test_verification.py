"""Two audits compared: rounding passes, every other change of a number is named."""

from __future__ import annotations

import copy
from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from symmetry_audit import measure, reports
from symmetry_audit.reports import RESPONSES_FILE, mean_profiles
from symmetry_audit.results import Answer, AuditReport, Build, ResultRow, SkippedImage
from symmetry_audit.theory import recommend
from symmetry_audit.verification import differences, response_differences
from symmetry_audit.verification._tolerance import OTHER, SAME, UNRECORDED
from tests.conftest import save_photos

KEYS = ("scenario", "regularizer", "sigma", "downscale")
TEXTS = ("group", "selected_image", "fit")
UNCHECKED = ("reasons",)  # sentences; which values are null is checked
MEASURED_ONCE = [item.name for item in fields(ResultRow) if item.name not in (*KEYS, *UNCHECKED)]
FITTED = [
    *("epsilon", "ci_low", "ci_high", "null_epsilon", "excess", "floor", "epsilon_within_limit", "gain", "gain_low"),
    *("gain_high", "random_epsilon", "held_out_epsilon", "held_out_strict_epsilon", "held_out_gain"),
    *("held_out_gain_low", "held_out_gain_high"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> AuditReport:
    """All scenarios of eleven images, so that no test is left out; rows of two regularizers each."""
    folder = tmp_path_factory.mktemp("compare")
    for name, count in (("a", 4), ("b", 7)):
        save_photos(folder / "photos" / name, np.random.default_rng(count), count=count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reports, "render", lambda folder: ())
        return measure(folder / "photos", reg="sobel,chiral", group="p8", out=folder / "run")


@pytest.fixture(scope="module")
def profiles(report):
    return mean_profiles(report.folder, report)


def edited(report: AuditReport, at: int, **changes: object) -> AuditReport:
    rows = list(report.results)
    rows[at] = replace(rows[at], **changes)
    return replace(report, results=tuple(rows))


def test_a_report_agrees_with_itself(report, profiles):
    assert [row.scenario for row in report.results[::2]] == ["sample_strict", "dataset_strict", "dataset_adaptive"]
    assert differences(report, report, profiles) == ()
    assert differences(AuditReport.load(report.folder), report, profiles) == ()


@pytest.mark.parametrize("at", [0, 3, 4], ids=["sample", "dataset", "adaptive"])
@pytest.mark.parametrize("name", MEASURED_ONCE)
def test_every_field_of_a_row_is_checked(report, profiles, name, at):
    row = report.results[at]
    value = getattr(row, name)
    if value is None:  # fields of other scenarios
        changed = "photo_0.png" if name in TEXTS else 0.5
    elif name in TEXTS:
        changed = value + "x"
    else:
        changed = not value if isinstance(value, bool) else value + 1
    found = differences(edited(report, at, **{name: changed}), report, profiles)
    assert found == (f"{row.regularizer}, {row.scenario}: {name} is {changed}, recomputed {value}",)


def test_a_value_that_became_null_differs(report, profiles):
    for at, name in ((0, "ci_low"), (2, "p_value"), (4, "held_out_gain_low")):
        assert getattr(report.results[at], name) is not None
        (found,) = differences(edited(report, at, **{name: None}), report, profiles)
        assert f"{name} is None, recomputed" in found


def passes(report, profiles, at, name, change) -> bool:
    value = getattr(report.results[at], name)
    return differences(edited(report, at, **{name: value + change}), report, profiles) == ()


@pytest.mark.parametrize(
    ("at", "name"),
    [
        *((0, name) for name in ("epsilon", "mean_response", "median", "q25", "q75", "epsilon_selected", "ci_low")),
        *((2, name) for name in ("epsilon", "ci_high", "null_epsilon", "excess", "floor")),
        (4, "identity_response"),
    ],
)
def test_a_ten_thousandth_of_the_mean_response_passes_and_no_more(report, profiles, at, name):
    scale = report.results[at].mean_response
    for share, holds in ((0.9e-4, True), (-0.9e-4, True), (1.1e-4, False), (float("nan"), False)):
        assert passes(report, profiles, at, name, share * scale) is holds


@pytest.mark.parametrize(
    ("at", "name"), [*((4, name) for name in FITTED), (2, "epsilon_within_limit"), (4, "mean_response")]
)
def test_five_thousandths_of_the_mean_response_pass_where_w_was_fitted_and_no_more(report, profiles, at, name):
    scale = report.results[at].mean_response
    for share, holds in ((4.9e-3, True), (-4.9e-3, True), (5.1e-3, False), (float("nan"), False)):
        assert passes(report, profiles, at, name, share * scale) is holds


@pytest.mark.parametrize("name", ["relative_epsilon", "relative_ci_high", "relative_floor", "normalized_epsilon"])
def test_relative_values_have_the_same_limits(report, profiles, name):
    for at, allowed in ((0, 1e-4), (2, 1e-4), (4, 5e-3)):
        assert passes(report, profiles, at, name, 0.99 * allowed)
        assert not passes(report, profiles, at, name, 1.01 * allowed)


@pytest.mark.parametrize(("at", "name"), [(2, "p_value"), (4, "held_out_p_value")])
def test_p_values_may_differ_by_a_few_draws(report, profiles, at, name):
    for change, holds in ((0.019, True), (-0.019, True), (0.021, False)):
        assert passes(report, profiles, at, name, change) is holds


def test_one_image_in_a_hundred_may_leave_the_limit(report, profiles):
    assert not passes(report, profiles, 4, "images_at_limit", 1)  # of eleven none
    many = replace(report, results=tuple(replace(row, images=250) for row in report.results))
    at_limit = report.results[4].images_at_limit
    for change, holds in ((2, True), (3, False)):
        changed = edited(many, 4, images_at_limit=at_limit + change)
        assert (differences(changed, many, profiles) == ()) is holds


@pytest.mark.parametrize("value", ["0.1", None, [1]])
def test_values_of_another_type_differ(report, profiles, value):
    (found,) = differences(edited(report, 0, normalized_epsilon=value), report, profiles)
    assert "normalized_epsilon" in found


@pytest.mark.parametrize(("at", "allowed"), [(0, 1e-4), (4, 5e-3)])
def test_another_worst_element_passes_in_a_tie_alone(report, profiles, at, allowed):
    row = report.results[at]
    key = tuple(getattr(row, name) for name in KEYS)
    other = (row.worst_element + 1) % 8 or 1
    swapped = edited(report, at, worst_element=other, worst_angle_deg=45.0 * other)

    def with_gap(away):
        """The profile with the other element ``away`` from being as bad as the worst."""
        profile = profiles[key].copy()
        profile[other] = profile[0] + abs(profile[row.worst_element] - profile[0]) - away * row.mean_response
        return {**profiles, key: profile}

    assert differences(swapped, report, with_gap(0.9 * allowed)) == ()
    assert len(differences(swapped, report, with_gap(1.1 * allowed))) == 2
    # the angle must be that of the element
    wrong = edited(report, at, worst_element=other)
    assert differences(wrong, report, with_gap(0.9 * allowed)) != ()


def test_the_images_are_compared(report, profiles):
    old = replace(report, dataset=replace(report.dataset, images=4, fingerprint="0" * 64))
    assert differences(old, report, profiles) == (
        "the report has 4 images, the source now has 11",
        "the image files are not the report's: the fingerprint differs",
    )
    moved = replace(report, dataset=replace(report.dataset, name="elsewhere", source="/mnt"))
    assert differences(moved, report, profiles) == ()


def test_images_left_out_are_compared_by_name_since_reasons_come_from_libraries(report, profiles):
    old, new, more = (
        replace(report, skipped=tuple(SkippedImage(*item) for item in items))
        for items in ([("a.png", "broken data stream")], [("a.png", "bad chunk")], [("b.png", "")])
    )
    assert differences(old, new, profiles) == ()
    for other in (more, report):
        (found,) = differences(old, other, profiles)
        assert found.startswith("the skipped images are not the report's")


def test_rows_that_the_settings_do_not_give(report, profiles):
    expected = ("the report's rows do not match its settings",)
    for rows in (report.results[1:], (*report.results, report.results[0])):
        assert differences(replace(report, results=rows), report, profiles) == expected


def test_between_processors_a_hundred_images_agree_more_closely(report, profiles):
    many = replace(report, results=tuple(replace(row, images=100, control_images=None) for row in report.results))
    for at, limit in ((2, 1e-5), (4, 3e-4)):
        row = many.results[at]
        for share, holds in ((0.9, True), (-0.9, True), (1.1, False)):
            changed = edited(many, at, epsilon=row.epsilon + share * limit * row.mean_response)
            assert (differences(changed, many, profiles, OTHER) == ()) is holds
    few = edited(report, 4, epsilon=report.results[4].epsilon + 4.5e-4 * report.results[4].mean_response)
    assert differences(few, report, profiles, OTHER) == ()  # eleven images


@pytest.mark.parametrize(
    ("section", "name"),
    [("fits", "median_alpha_deg"), ("fits", "median_ratio"), ("directions", "direction_deg"), ("directions", "share"),
     ("folders", "epsilon"), ("transfer", "epsilon")],
)  # fmt: skip
def test_the_last_digits_of_an_analysis_are_checked_where_the_arithmetic_is_the_same(report, profiles, section, name):
    def change(analyses):
        analyses[section][-1][name] += 4e-9 * max(abs(analyses[section][-1][name]), 1.0)

    assert differences(altered(report, change), report, profiles, SAME) in (
        named(section),
        named(section) + NO_CONSEQUENCE,
    )
    assert differences(altered(report, change), report, profiles) in ((), NO_CONSEQUENCE)
    assert differences(report, report, profiles, SAME) == ()


# --- analyses


def altered(report: AuditReport, change) -> AuditReport:
    """The report with ``change`` applied to a copy of its analyses."""
    analyses = copy.deepcopy(dict(report.analyses))
    change(analyses)
    return replace(report, analyses=analyses)


def named(section: str) -> tuple[str, ...]:
    return (f'the analysis "{section}" differs from the recomputed one',)


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("transfer", "epsilon"),
        ("transfer", "relative_epsilon"),
        ("transfer", "fit"),
        ("folders", "epsilon"),
        ("folders", "relative_epsilon"),
        ("folders", "images"),
        ("folders", "folder"),
        ("subsets", "enough"),
        ("subsets", "sizes"),
        ("leverage", "regularizer"),
        ("fits", "images"),
        ("fits", "failed"),
        ("fits", "at_limit"),
        ("fits", "share_at_limit"),
        ("fits", "median_a"),
        ("fits", "median_b"),
        ("fits", "median_ratio"),
        ("fits", "median_alpha_deg"),
        ("fits", "mean_ratio"),
        ("directions", "amplitude"),
        ("directions", "single_amplitude"),
        ("directions", "floor"),
        ("directions", "images"),
        ("directions", "regularizer"),
    ],
)
def test_every_value_of_an_analysis_is_checked(report, profiles, section, name):
    def change(analyses):
        entry = analyses[section][-1]
        entry[name] = entry[name] + ("x" if isinstance(entry[name], str) else [1] if name == "sizes" else 1)

    found = differences(altered(report, change), report, profiles)
    assert found in (named(section), named(section) + NO_CONSEQUENCE)  # the advice rests on the directions


@pytest.mark.parametrize("section", ["fits", "transfer", "leverage", "folders", "subsets", "directions"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda entries: entries.pop(),
        lambda entries: entries[0].clear(),
        lambda entries: entries[0].update(more=1),
        lambda entries: entries.__setitem__(0, None),
        lambda entries: entries.__setitem__(0, [1]),
    ],
    ids=["shorter", "empty", "longer", "null", "list"],
)
def test_a_damaged_analysis_is_named(report, profiles, section, damage):
    follows = NO_CONSEQUENCE if section == "directions" else ()  # the advice rests on them
    found = differences(altered(report, lambda analyses: damage(analyses[section])), report, profiles)
    assert found in (named(section), named(section) + follows)
    missing = differences(altered(report, lambda analyses: analyses.pop(section)), report, profiles)
    assert missing == (follows if section == "directions" else named(section))  # earlier versions did not write it


@pytest.mark.parametrize(
    ("section", "at", "share"),
    [("transfer", 0, 5e-3), ("folders", 0, 1e-4), ("folders", -1, 5e-3), ("subsets", 0, 1e-4), ("subsets", -1, 5e-3)],
)
def test_analyses_have_the_limits_of_their_rows(report, profiles, section, at, share):
    entry = report.analyses[section][at]
    rows = [row for row in report.results if row.regularizer == entry["regularizer"]]
    for part, holds in ((0.9, True), (-0.9, True), (1.1, False), (float("nan"), False)):

        def change(analyses, part=part):
            away = part * share * rows[0].mean_response
            if section == "subsets":
                analyses[section][at]["mean"][1] += away
                analyses[section][at]["deviation"][1] += away
            else:
                analyses[section][at]["epsilon"] += away

        assert (differences(altered(report, change), report, profiles) == ()) is holds


def test_leverage_may_list_another_image_in_a_tie_alone(report, profiles):
    entry = report.analyses["leverage"][2]  # sobel, dataset_strict
    allowed = 1e-4 * report.results[0].mean_response

    def last(image, value):
        def change(analyses):
            analyses["leverage"][2]["images"][-1] = {"image": image, "leverage": value}

        return differences(altered(report, change), report, profiles)

    assert entry["scenario"] == "dataset_strict"
    assert len(entry["images"]) == 10  # of eleven
    least = entry["images"][-1]["leverage"]
    assert last("another.png", least + 0.9 * allowed) == ()
    assert last("another.png", -least) == ()
    assert last("another.png", abs(least) + 1.1 * allowed) == named("leverage")
    assert last(entry["images"][-1]["image"], least + 0.9 * allowed) == ()
    assert last(entry["images"][-1]["image"], least + 1.1 * allowed) == named("leverage")


def test_a_list_of_leverages_cannot_be_shortened_or_padded(report, profiles):
    for change in (lambda images: images.pop(), lambda images: images.__setitem__(1, images[0])):
        changed = altered(report, lambda analyses, change=change: change(analyses["leverage"][0]["images"]))
        assert differences(changed, report, profiles) == named("leverage")


def test_a_median_that_is_no_number_is_named(report, profiles):
    def change(analyses):
        analyses["fits"][0]["median_a"] = float("nan")

    assert differences(altered(report, change), report, profiles) == named("fits")


# --- the recommendation


def decided(report: AuditReport, **changes: object) -> AuditReport:
    return replace(report, recommendation=replace(report.recommendation, **changes))


def with_value(report: AuditReport, at: int, **changes: object) -> AuditReport:
    """Candidate ``at`` with its first value changed."""
    candidates = list(report.recommendation.candidates)
    value, *others = candidates[at].values
    candidates[at] = replace(candidates[at], values=(replace(value, **changes), *others))
    return decided(report, candidates=tuple(candidates))


NOT_RECOMPUTED = ("the candidates of the recommendation differ from the recomputed ones",)
NO_CONSEQUENCE = ("the recommendation does not follow from its candidates",)


@pytest.mark.parametrize(
    "changes", [{"images": 12}, {"tolerance": 0.5}, {"kappa": 1.0}, {"unit": "squared grey levels"}]
)
def test_what_a_recommendation_rests_on_is_checked(report, profiles, changes):
    assert differences(decided(report, **changes), report, profiles) == NOT_RECOMPUTED


@pytest.mark.parametrize(
    "changes",
    [
        {"build": Build(group="p8", method="fconv", relax=None, augment="none", evidence="pilot")},
        *({"sentences": ("Build p8.",)}, {"notes": ("none 1",)}, {"directions": ()}, {"margin": 0.5}, {"task": "x"}),
    ],
)
def test_a_recommendation_has_to_follow_from_its_candidates(report, profiles, changes):
    (name,) = changes
    assert getattr(report.recommendation, name) != changes[name]
    expected = NOT_RECOMPUTED if name == "margin" else NO_CONSEQUENCE
    assert differences(decided(report, **changes), report, profiles) == expected


ANSWER = Answer(
    transformation="half turn",
    verdict="not settled",
    reason="edges differ by 6 %, p = 0.2",
    relative_epsilon=0.06,
    ci_low=0.01,
    ci_high=0.1,
    null_epsilon=0.03,
    p_value=0.2,
    images_needed=300,
)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, ()),
        ({"relative_epsilon": 0.06001}, ()),  # another machine rounds otherwise
        ({"relative_epsilon": 0.07}, ('the answer about "half turn" differs from the recomputed one',)),
        ({"p_value": 0.4}, ('the answer about "half turn" differs from the recomputed one',)),
        ({"images_needed": 200}, ('the answer about "half turn" differs from the recomputed one',)),
        ({"verdict": "fits"}, ('the answer about "half turn" differs from the recomputed one',)),
        (
            {"transformation": "flip left-right"},
            ("the answers are not about the transformations of the recomputed ones",),
        ),
    ],
)
def test_answers_are_checked(report, profiles, changes, found):
    def told(*answers: Answer) -> tuple[str, ...]:
        """What is said of answers; the recommendation does not follow from invented ones, which is another matter."""
        said = differences(replace(report, answers=answers), replace(report, answers=(ANSWER,)), profiles)
        return tuple(sentence for sentence in said if sentence.startswith("the answer"))

    assert told(replace(ANSWER, **changes)) == found
    assert told() == ()  # an earlier report


def test_directions_of_the_advice_are_those_of_the_analyses(report, profiles):
    """One that follows from an invented direction is found, too."""
    known = report.recommendation
    told = tuple(replace(item, share=0.95, ci_low=0.9, ci_high=0.99) for item in known.directions)
    again = recommend(
        known.candidates, images=known.images, directions=told, tolerance=known.tolerance, margin=known.margin
    )
    assert again.build != known.build
    assert differences(replace(report, recommendation=again), report, profiles) == NO_CONSEQUENCE


def test_another_version_may_word_a_recommendation_otherwise(report, profiles):
    """An older report with the same decisions holds; a text with another name or number does not."""
    known = report.recommendation
    worded = tuple(
        replace(item, reason=item.reason.replace("tells it from", "divides it from")) for item in known.candidates
    )
    sentences = tuple(sentence.replace("Build", "The choice is") for sentence in known.sentences)
    assert (worded, sentences) != (known.candidates, known.sentences)
    assert differences(decided(report, candidates=worded, sentences=sentences), report, profiles) == ()
    assert differences(decided(report, sentences=(*sentences, "At 7 %.")), report, profiles) == NO_CONSEQUENCE


def test_a_verdict_has_to_follow_from_the_values(report, profiles):
    candidates = list(report.recommendation.candidates)
    assert candidates[1].verdict != "shown"
    candidates[1] = replace(candidates[1], verdict="shown")
    assert differences(decided(report, candidates=tuple(candidates)), report, profiles) == NO_CONSEQUENCE
    assert differences(decided(report, candidates=tuple(candidates[:-1])), report, profiles) == NOT_RECOMPUTED


@pytest.mark.parametrize(
    "name", ["epsilon", "relative_epsilon", "ci_low", "ci_high", "null_epsilon", "p_value", "floor", "mean_response"]
)
def test_the_values_of_candidates_have_the_limits_of_their_rows(report, profiles, name):
    for at, candidate in enumerate(report.recommendation.candidates):
        value = candidate.values[0]
        known = getattr(value, name)
        if candidate.order == 1 or known is None:
            continue
        share = 0.02 if name == "p_value" else 5e-3 if candidate.adaptive else 1e-4
        row = next(row for row in reversed(report.results) if row.regularizer == value.regularizer)
        scale = row.mean_response if name in ("epsilon", "mean_response") else 1.0
        sign = -1 if known > 0.5 else 1  # no p is above 1
        outside, inside = (with_value(report, at, **{name: known + sign * part * share * scale}) for part in (1.1, 0.9))
        assert differences(outside, report, profiles) == NOT_RECOMPUTED
        assert differences(inside, report, profiles) in ((), NO_CONSEQUENCE)  # the sentences quote these values
        assert differences(with_value(report, at, kappa_low=1.5), report, profiles) == NO_CONSEQUENCE


def test_the_number_of_images_needed_is_checked(report, profiles):
    candidates = list(report.recommendation.candidates)
    at, known = next((at, item.images_needed) for at, item in enumerate(candidates) if item.images_needed)
    for number in (known // 2, None):
        changed = [*candidates[:at], replace(candidates[at], images_needed=number), *candidates[at + 1 :]]
        assert differences(decided(report, candidates=tuple(changed)), report, profiles) == NOT_RECOMPUTED


def test_a_recommendation_that_is_missing_or_too_much(report, profiles):
    none = replace(report, recommendation=None)
    assert differences(none, report, profiles) == ("the recommendation is missing",)
    assert differences(report, none, profiles) == ("the report's rows support no recommendation",)
    assert differences(none, none, profiles) == ()


# --- responses.parquet


def rewritten(report, tmp_path, change, tolerance=UNRECORDED):
    """What is said of responses.parquet with ``change`` applied to its rows, as a file of its own."""
    table = pq.read_table(report.folder / RESPONSES_FILE)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), tmp_path / "edited.parquet", row_group_size=5)
    return response_differences(tmp_path / "edited.parquet", report.folder / RESPONSES_FILE, report, tolerance)


def place(report, scenario):
    """Where the last row of ``scenario`` stands in responses.parquet."""
    scenarios = pq.read_table(report.folder / RESPONSES_FILE)["scenario"].to_pylist()
    return len(scenarios) - 1 - scenarios[::-1].index(scenario)


def test_responses_agree_with_themselves_whatever_the_row_groups(report, tmp_path):
    assert rewritten(report, tmp_path, lambda rows: None) == ()


@pytest.mark.parametrize("element", range(8))
@pytest.mark.parametrize(("scenario", "share"), [("dataset_strict", 1.01), ("dataset_adaptive", 1.05)])
def test_any_single_response_is_checked(report, tmp_path, element, scenario, share):
    def change(rows):
        rows[place(report, scenario)]["response"][element] *= share

    (found,) = rewritten(report, tmp_path, change)
    assert found.endswith(f"chiral, {scenario}: the responses of b/photo_6.png differ from the recomputed ones")


@pytest.mark.parametrize(("scenario", "allowed"), [("sample_strict", 1e-4), ("dataset_adaptive", 5e-3)])
@pytest.mark.parametrize("column", ["response", "leverage"])
def test_responses_and_leverages_have_the_limits_of_their_rows(report, tmp_path, scenario, allowed, column):
    at = place(report, scenario)
    row = next(row for row in report.results if (row.regularizer, row.scenario) == ("chiral", scenario))
    own = pq.read_table(report.folder / RESPONSES_FILE)["response"][at].as_py()
    scale = max(row.mean_response, np.mean(own))
    for part, holds in ((0.99, True), (1.01, False), (float("nan"), False)):

        def change(rows, part=part):
            if column == "leverage":
                rows[at]["leverage"] += part * allowed * scale
            else:
                rows[at]["response"][3] += part * allowed * scale

        assert (rewritten(report, tmp_path, change) == ()) is holds


def test_rounding_passes(report, tmp_path):
    def change(rows):
        for row in rows:
            row["response"] = [float(np.float32(value)) for value in row["response"]]

    assert rewritten(report, tmp_path, change) == ()


def test_exchanged_rows_are_found(report, tmp_path):
    def change(rows):
        rows[0], rows[1] = rows[1], rows[0]

    assert len(rewritten(report, tmp_path, change)) == 1


@pytest.mark.parametrize(
    ("tolerance", "scenario", "limit"),
    [
        *((SAME, scenario, 1e-9) for scenario in ("dataset_strict", "dataset_adaptive")),
        *((OTHER, "dataset_strict", 1e-5), (OTHER, "dataset_adaptive", 5e-3)),
        *((UNRECORDED, "dataset_strict", 1e-4), (UNRECORDED, "dataset_adaptive", 5e-3)),
    ],
)
def test_single_responses_have_the_tolerance_of_single_images(report, tmp_path, tolerance, scenario, limit):
    row = next(row for row in report.results if (row.scenario, row.regularizer) == (scenario, "chiral"))

    def found(share):
        def change(rows):
            response = rows[place(report, scenario)]["response"]
            largest = max(row.mean_response, sum(response) / len(response))
            response[3] += share * limit * (response[3] if tolerance is SAME else largest)

        return rewritten(report, tmp_path, change, tolerance)

    assert found(0.99) == found(-0.99) == ()
    assert len(found(1.01)) == 1
