"""What a user may ask for, and what is said where it is wrong."""

from __future__ import annotations

import json
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symmetry_audit.audit import DEFAULT_MAX_PIXELS, AuditSettings, fit_settings, make_settings
from symmetry_audit.errors import ReportError, SettingError
from symmetry_audit.kernels import DEFAULT_REGULARIZERS, KERNEL_MODELS, STENCILS, kernel_model

OWN = "[ridge]\ntitle = 'Ridge'\npoints = [[-2, 0, -1], [0, 0, 2], [2, 0, -1]]\n"


def names(settings: AuditSettings) -> tuple[str, ...]:
    return tuple(stencil.name for stencil in settings.stencils)


def test_defaults_are_those_of_the_paper():
    settings = make_settings()
    assert names(settings) == DEFAULT_REGULARIZERS == ("tv", "tv2", "sobel", "laplacian", "prewitt")
    assert (str(settings.group), settings.kernel, settings.sigmas) == ("p32", "gaussian", (1.5,))
    assert (settings.response, settings.downscale, settings.limit, settings.seed) == ("abs", (1,), None, 0)
    assert settings.scenarios == ("sample_strict", "dataset_strict", "dataset_adaptive")
    assert (settings.fit, settings.affine, settings.controls) == ("per-regularizer", None, True)
    assert settings.clusters == "image"
    assert settings.adaptive
    assert settings.max_pixels == DEFAULT_MAX_PIXELS


@pytest.mark.parametrize(
    ("asked", "margin"),
    [
        ({}, 15),  # ceil(2 (sqrt 2 + 4 x 1.5)) of sobel and prewitt
        ({"reg": "tv"}, 13),  # 2 (0.5 + 6), no rounding up
        ({"reg": "tv,tv2"}, 14),
        ({"sigma": (1, 2)}, ceil(2 * (2**0.5 + 8))),  # the widest of a sweep
        ({"kernel": "fourier"}, 8),
        ({"kernel": "bicubic", "reg": "laplacian"}, ceil(2 * (1 + 8**0.5))),
        ({"margin": 40}, 40),
    ],
)
def test_the_margin_leaves_room_for_kernels_stretched_by_two(asked, margin):
    assert make_settings(**asked).margin == margin


def test_names_come_as_comma_lists_or_sequences_without_repeats_in_the_order_given():
    for reg in ("sobel,tv,sobel", ["sobel", "tv"], ("sobel , tv", "tv"), iter(["sobel,", "tv"])):
        assert names(make_settings(reg=reg)) == ("sobel", "tv")
    assert make_settings(scenario="dataset_strict").scenarios == ("dataset_strict",)
    # the order of the report, not of the question
    assert make_settings(scenario="dataset_strict,sample_strict").scenarios == ("sample_strict", "dataset_strict")


def test_without_a_regularizer_that_depends_on_direction_nothing_is_fitted(tmp_path):
    (tmp_path / "own.toml").write_text("[round]\npoints = [[0, 0, -4], [1, 0, 1], [0, 1, 1], [-1, 0, 1], [0, -1, 1]]\n")
    for asked in ({"reg": "laplacian"}, {"reg": "laplacian,round", "stencils": tmp_path / "own.toml"}):
        settings = make_settings(**asked)
        assert settings.scenarios == ("sample_strict", "dataset_strict")
        assert not settings.adaptive
    assert make_settings(reg="laplacian,tv").adaptive
    assert make_settings(scenario="all").scenarios == make_settings().scenarios


@pytest.mark.parametrize("fit", ["per-regularizer", "joint", "tv", "sobel"])
def test_a_fit_is_named_after_what_it_is_made_with(fit):
    assert make_settings(reg="tv,laplacian,sobel", fit=fit).fit == fit


@pytest.mark.parametrize("reg", [None, (), "", iter([])])
def test_a_run_that_only_fits_takes_the_regularizers_of_the_joint_fit(reg):
    settings = fit_settings(reg=reg)
    assert names(settings) == ("tv", "tv2", "sobel", "prewitt")
    assert (settings.scenarios, settings.controls, settings.fit) == (("dataset_adaptive",), False, "per-regularizer")


def test_a_run_that_only_fits_takes_other_regularizers_on_request(tmp_path):
    (tmp_path / "own.toml").write_text(OWN)
    assert names(fit_settings(reg=iter(["chiral"]))) == ("chiral",)
    assert names(fit_settings(stencils=tmp_path / "own.toml")) == (*DEFAULT_REGULARIZERS, "ridge")
    assert str(fit_settings(group="p8", limit=3).group) == "p8"
    with pytest.raises(SettingError, match=r"^dataset_adaptive needs a regularizer that depends on direction; add --r"):
        fit_settings(reg="laplacian")


def test_numbers_come_alone_or_as_sequences():
    settings = make_settings(sigma=2, downscale=[4, 2, 4])
    assert (settings.sigmas, settings.downscale) == ((2,), (1, 2, 4))
    assert make_settings(sigma=[1.0, 3.0, 1.0]).sigmas == (1.0, 3.0)
    assert [model.sigma for model in make_settings(sigma=(1.0, 3.0)).models] == [1.0, 3.0]
    assert make_settings(kernel="bicubic").sigmas == (None,)


def test_own_stencils_join_the_default_five_or_stand_alone(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    assert names(make_settings(stencils=file)) == (*DEFAULT_REGULARIZERS, "ridge")
    assert names(make_settings(stencils=str(file), reg="ridge")) == ("ridge",)
    assert make_settings(stencils=file, reg="ridge").to_dict()["regularizers"] == [
        {"name": "ridge", "title": "Ridge", "points": [[-2.0, 0.0, -1.0], [0.0, 0.0, 2.0], [2.0, 0.0, -1.0]]}
    ]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"reg": "sobl"}, r'^unknown regularizer "sobl"\. Did you mean "sobel"\?$'),
        ({"reg": "tv,LAPLACIAN"}, r'^unknown regularizer "LAPLACIAN"\. Did you mean "laplacian"\?$'),
        ({"reg": "xyzzy"}, r'^unknown regularizer "xyzzy"\. Choose from: tv, tv2, sobel, laplacian, prewitt, chiral'),
        ({"group": "q4"}, '^"q4" is not a group; write pT .*, for example p4, p32, p8m '),
        ({"group": "p0"}, '^group "p0" has 0 rotations; use p1 to p360, for example p32$'),
        ({"kernel": "gausian"}, r'^unknown kernel model "gausian"\. Did you mean "gaussian"\?$'),
        ({"kernel": "fourier", "sigma": 1.5}, '^sigma belongs to the gaussian kernel; leave it out for "fourier"$'),
        ({"sigma": 0.1}, r"^sigma must be between 0\.3 and 64 px, got 0\.1; the default is 1\.5$"),
        ({"sigma": (1.5, float("nan"))}, r"^--sigma takes a finite number, got nan$"),
        ({"scenario": "dataset_strct"}, r'^unknown scenario "dataset_strct"\. Did you mean "dataset_strict"\?$'),
        (
            {"scenario": "dataset_adaptive", "reg": "laplacian"},
            r"^dataset_adaptive needs a regularizer that depends on direction; add --reg tv$",
        ),
        ({"scenario": "all", "reg": "laplacian"}, r"^dataset_adaptive needs a regularizer that depends on direction"),
        ({"fit": "joined"}, r'^unknown fit "joined"\. Did you mean "joint"\?$'),
        ({"fit": "sobel", "reg": "tv,tv2"}, r'^unknown fit "sobel"\. Choose from: per-regularizer, joint, tv, tv2\.$'),
        (
            {"fit": "laplacian"},
            '^--fit "laplacian" does not depend on direction, so no deformation can be fitted to it$',
        ),
        ({"clusters": "folders"}, r'^unknown clusters "folders"\. Did you mean "folder"\?$'),
        (
            {"affine": "0" * 64, "scenario": "dataset_strict"},
            r"^--affine gives w for dataset_adaptive, which is not measured; drop --affine$",
        ),
        ({"response": "square"}, r'^unknown response "square"\. Choose from: abs, energy, rectified\.$'),
        (
            {"margin": 14},
            r"^--margin 14 is narrower than the kernel window; use at least 15 px, or --scenario sample_strict",
        ),
        (
            {"margin": 7, "scenario": "dataset_strict"},
            r"^--margin 7 is narrower than the kernel window; use at least 8 px$",
        ),
        ({"downscale": 0}, "^--downscale takes whole factors from 2 to 64$"),
        ({"downscale": (2, 65)}, "^--downscale takes whole factors from 2 to 64$"),
        ({"downscale": 2.5}, r"^--downscale takes a whole number, got 2\.5$"),
        ({"limit": 0}, "^--limit must be at least 1, got 0$"),
        ({"max_pixels": 0}, "^--max-pixels must be at least 1, got 0$"),
        ({"stencils": "no.toml"}, "^cannot read the stencil file no.toml: No such file or directory$"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(asked, message):
    with pytest.raises(SettingError, match=message) as caught:
        make_settings(**asked)
    assert "\n" not in str(caught.value)


def test_the_narrowest_margin_is_the_window_of_the_widest_kernel():
    strict = "sample_strict,dataset_strict"
    assert make_settings(margin=8, scenario=strict).margin == 8
    assert make_settings(reg="tv", margin=7, scenario=strict).margin == 7
    # kernels of the adaptive scenario are stretched by up to two
    assert make_settings(margin=15).margin == 15
    assert make_settings(reg="tv", margin=13).margin == 13


def test_one_json_document_holds_all_settings(tmp_path):
    (tmp_path / "own.toml").write_text(OWN)
    settings = make_settings(
        reg="ridge,chiral",
        stencils=tmp_path / "own.toml",
        group="p8m",
        sigma=(1, 1.5),
        margin=30,
        response="energy",
        scenario="sample_strict",
        downscale=3,
        limit=7,
        seed=-4,
        max_pixels=10**6,
        fit="ridge",
        controls=False,
        control_images="all",
        clusters="duplicates",
    )
    document = json.loads(json.dumps(settings.to_dict(), allow_nan=False))
    assert document["sigma"] == [1, 1.5]
    assert (document["group"], document["limit"], document["seed"], document["downscale"]) == ("p8m", 7, -4, [1, 3])
    assert [document[name] for name in ("fit", "affine", "controls", "control_images", "clusters")] == [
        "ridge",
        None,
        False,
        "all",
        "duplicates",
    ]
    assert AuditSettings.from_dict(document) == settings


@given(
    reg=st.lists(st.sampled_from(list(STENCILS)), min_size=1),
    group=st.builds("p{}{}".format, st.integers(1, 360), st.sampled_from(["", "m"])),
    kernel=st.sampled_from(KERNEL_MODELS),
    downscale=st.lists(st.integers(1, 64)),
    limit=st.none() | st.integers(1),
)
def test_settings_survive_json(reg, group, kernel, downscale, limit):
    settings = make_settings(reg=reg, group=group, kernel=kernel, downscale=downscale, limit=limit)
    assert AuditSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    assert hash(settings) == hash(AuditSettings.from_dict(settings.to_dict()))
    assert settings.models == (kernel_model(kernel),)


@pytest.mark.parametrize(
    "damage",
    [
        {"regularizers": [{"name": "tv", "title": "TV", "points": [[0, 0]]}]},
        {"regularizers": 5},
        {"group": "q"},
        {"sigma": None},
        {"scenarios": None},
    ],
)
def test_damaged_settings_of_a_report_are_a_report_error(damage):
    with pytest.raises(ReportError, match=r"^the report is damaged \(settings.*\); measure again with --force$"):
        AuditSettings.from_dict(make_settings().to_dict() | damage)


def test_missing_settings_of_a_report_are_a_report_error():
    for document in ({}, [], {"group": "p4"}):
        with pytest.raises(ReportError, match=r"is damaged \(settings(\.\w+ is missing| is not an object)\);"):
            AuditSettings.from_dict(document)


def test_settings_of_an_older_version_take_the_defaults_of_what_it_did_not_know():
    settings = make_settings(reg="tv", clusters="image")
    document = settings.to_dict()
    for name in ("clusters", "controls", "fit", "affine", "max_pixels", "response"):
        del document[name]
    assert AuditSettings.from_dict(document) == settings


def test_reports_that_know_no_number_of_control_images_controlled_all_of_them():
    document = make_settings(reg="tv").to_dict()
    assert document.pop("control_images") == 64
    assert AuditSettings.from_dict(document) == make_settings(reg="tv", control_images="all")


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (0, r"^--control-images must be at least 1, got 0$"),
        ("some", r'^--control-images: "some" is not a number or all$'),
        (2.5, r"^--control-images takes a whole number, got 2.5$"),
    ],
)
def test_a_number_of_control_images_is_a_count_or_all(number, message):
    with pytest.raises(SettingError, match=message):
        make_settings(control_images=number)
    assert make_settings(control_images="7").control_images == 7


def test_settings_of_a_newer_version_say_so():
    message = r'^the report has a field "settings\.hue" that this version does not know: it was written by a new'
    with pytest.raises(ReportError, match=message):
        AuditSettings.from_dict(make_settings().to_dict() | {"hue": 99})
