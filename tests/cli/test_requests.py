"""One request per verb: signature, options, config keys, variables and JSON all come from its fields."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import click
import numpy as np
import pytest
import tomli_w

import symmetry_audit
from symmetry_audit import verbs
from symmetry_audit.cli import derived
from symmetry_audit.cli.main import cli
from symmetry_audit.cli.options import config_option
from symmetry_audit.data import ImageRef, ImageSource
from symmetry_audit.errors import SettingError, SymmetryAuditError
from symmetry_audit.options import Hidden, Options, ScheduleOptions, _audit, option_of, shown_default
from symmetry_audit.results import AuditReport

REQUESTS = {
    "align": verbs.AlignRequest,
    "bounds": verbs.BoundsRequest,
    "compare": verbs.CompareRequest,
    "compare-datasets": verbs.CompareDatasetsRequest,
    "degrade": verbs.DegradeRequest,
    "demo": verbs.DemoRequest,
    "evaluate": verbs.EvaluateRequest,
    "fit-affine": verbs.FitRequest,
    "measure": verbs.MeasureRequest,
    "merge": verbs.MergeRequest,
    "nets": verbs.NetsRequest,
    "pilot": verbs.PilotRequest,
    "recommend": verbs.RecommendRequest,
    "restore": verbs.RestoreRequest,
    "synth": verbs.SynthRequest,
    "train": verbs.TrainRequest,
    "verify": verbs.VerifyRequest,
}
WITHOUT_REQUEST = {"report", "datasets"}
SAYING = {  # what to print, not what to do
    *("as_json", "quiet", "verbose", "dry_run", "allow_skipped", "fail_above", "config", "csv", "latex", "figure"),
    "part",
    *("conditions", "confusion", "html", "junit"),
    *("plot", "help"),
}
STRICT = "sample_strict,dataset_strict"


def command(name: str) -> click.Command:
    return cli.get_command(click.Context(cli), name)


def offered(request: type[Options]) -> dict:
    return {name: field for name, field in request.model_fields.items() if option_of(field) is not None}


def function(name: str):
    return getattr(verbs, name.replace("-", "_"))


def test_the_package_offers_the_functions_whose_names_are_no_rooms():
    rooms = {"nets", "synth"}  # symmetry_audit.nets is the networks themselves
    for name in set(REQUESTS) - {"demo"} - rooms:
        assert getattr(symmetry_audit, name.replace("-", "_")) is function(name)
    assert not rooms & set(symmetry_audit.__all__)


def test_every_verb_has_its_request():
    assert set(REQUESTS) == set(cli.list_commands(click.Context(cli))) - WITHOUT_REQUEST


@pytest.mark.parametrize("name", REQUESTS)
def test_a_command_has_the_options_of_its_request(name):
    params = {param.name: param for param in command(name).params}
    fields = offered(REQUESTS[name])
    assert set(params) - SAYING == set(fields) - SAYING
    for key, field in fields.items():
        assert isinstance(params[key], click.Argument) == (field.kw_only is False), key
        if isinstance(params[key], click.Option):
            option = option_of(field)
            assert params[key].help == option.help
            assert set(option.names) <= set(params[key].opts)
            assert params[key].required == field.is_required()


@pytest.mark.parametrize("name", REQUESTS)
def test_every_field_is_an_option_or_says_why_not(name):
    silent = {"stage2_lr", "milestones", "stage2_milestones", "gamma"}  # of recipes alone
    for key, field in REQUESTS[name].model_fields.items():
        assert option_of(field) is not None or Hidden() in field.metadata or key in silent, key


@pytest.mark.parametrize("name", REQUESTS)
def test_help_shows_every_default(name):
    request, text = (
        REQUESTS[name],
        " ".join(command(name).get_help(click.Context(command(name), info_name=name)).split()),
    )
    for key, field in offered(request).items():
        shown = shown_default(request, key)
        if field.kw_only is not False and shown is not None:
            assert f"[default: {shown}" in text.replace("- ", "-"), (key, shown)


@pytest.mark.parametrize("name", sorted(set(REQUESTS) - {"demo"}))
def test_a_function_has_the_parameters_of_its_request(name):
    request, parameters = REQUESTS[name], inspect.signature(function(name)).parameters
    assert set(parameters) == set(request.model_fields)
    sources = [key for key, part in parameters.items() if part.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert tuple(sources) == request.sources() == tuple(parameters)[: len(sources)]
    for key, part in parameters.items():
        field = request.model_fields[key]
        assert (part.default is inspect.Parameter.empty) == field.is_required()
        assert field.is_required() or part.default == field.default


@pytest.mark.parametrize("name", sorted(set(REQUESTS) - {"demo"}))
def test_the_docstring_of_a_function_names_its_sources(name):
    text = inspect.getdoc(function(name))
    assert "Raises" in text
    for source in REQUESTS[name].sources():
        assert f"\n{source}" in text, source


def test_a_function_takes_its_request_or_its_options(photos):
    request = verbs.MeasureRequest(photos, reg="tv", group="p4", scenario=STRICT)
    assert request == verbs.MeasureRequest(source=photos, reg=("tv",), group="p4", scenario=STRICT.split(","))
    report = symmetry_audit.measure(request)
    assert report == symmetry_audit.measure(photos, reg="tv", group="p4", scenario=STRICT)
    assert report == symmetry_audit.measure(source=photos, reg="tv", group="p4", scenario=STRICT)


def test_a_request_is_frozen():
    request = verbs.RecommendRequest("report")
    with pytest.raises(ValueError, match="frozen"):
        request.tolerance = 1.0
    assert hash(request) == hash(verbs.RecommendRequest("report"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grup": "p8"}, r'^measure has no option "grup"\. Did you mean "group"\?$'),
        ({"limit": 0}, r"^--limit must be at least 1, got 0$"),
        ({"limit": 2.5}, r"^--limit takes a whole number, got 2\.5$"),
        ({"limit": True}, r"^--limit takes a whole number, got True$"),
        ({"sigma": "1,b"}, r'^--sigma: "1,b" is not a number or a comma list of numbers$'),
        ({"sigma": [1.0, float("inf")]}, r"^--sigma takes a finite number, got inf$"),
        ({"group": 8}, r"^--group takes a text, got 8$"),
        ({"reg": 8}, r"^--reg takes names, got 8$"),
        ({"reg": [8]}, r"^--reg takes names, got \[8\]$"),
        ({"controls": "perhaps"}, r"^--controls takes true or false, got 'perhaps'$"),
        ({"device": "gpu"}, r'^unknown device "gpu"\. Did you mean "cpu"\?$'),
        ({"out": 3}, r"^--out takes a path, got 3$"),
        ({"out": ""}, r"^--out takes a path, got an empty text$"),
        ({"sigma": [1, True]}, r"^--sigma takes a number, got \[1, True\]$"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_option(options, message):
    with pytest.raises(SettingError, match=message) as caught:
        symmetry_audit.measure("photos", **options)
    assert "\n" not in str(caught.value)


def test_an_unknown_option_of_a_request_is_answered_by_those_that_commands_have():
    with pytest.raises(SettingError, match=r'^no option is called "zzz"\. Choose from: .*\.$') as caught:
        verbs.MeasureRequest("photos", zzz=1)
    listed = str(caught.value).rstrip(".").partition("Choose from: ")[2].split(", ")
    assert {"group", "out"} < set(listed) and not {"progress", "say"} & set(listed)


def test_a_missing_option_is_named_with_what_it_takes():
    missing = r"^train\(\): missing a required argument: 'task'\. Task: sr, denoise, derain, inpaint, mar, classify\.$"
    with pytest.raises(TypeError, match=missing):
        symmetry_audit.train(data="a", valid="b")


def test_a_source_is_needed_and_must_be_one():
    with pytest.raises(TypeError, match="missing a required argument: 'source'"):
        symmetry_audit.measure()
    with pytest.raises(TypeError, match="too many positional arguments"):
        symmetry_audit.measure("photos", "p8")
    for wrong in (1234, [1, 2], None):
        with pytest.raises(SettingError, match=r"^a source is a folder, file, archive, dataset or several paths, got"):
            symmetry_audit.measure(wrong)


def test_a_wrong_call_says_what_is_wrong():
    with pytest.raises(SettingError, match=r"^measure takes a request or options; put all options into the request$"):
        symmetry_audit.measure(verbs.MeasureRequest("photos"), group="p4")
    with pytest.raises(SettingError, match=r"^--smoothness has too few values$"):
        symmetry_audit.bounds("report", smoothness=(1, 2))
    with pytest.raises(SymmetryAuditError, match="there is no file nothere"):  # one run, not seven letters
        symmetry_audit.compare("nothere", data="photos")


def test_editors_show_the_options_of_a_verb_first():
    names = list(inspect.signature(symmetry_audit.measure).parameters)
    assert names[0] == "source"
    assert names.index("group") < names.index("workers") < names.index("progress")


def test_a_request_takes_its_sources_once_each():
    for wrong in (lambda: verbs.MeasureRequest("a", "b"), lambda: verbs.MeasureRequest("a", source="b")):
        with pytest.raises(
            TypeError, match=r"^MeasureRequest\(source, \.\.\.\) takes other options by name, each once$"
        ):
            wrong()


def test_requests_with_lists_are_hashable():
    assert hash(verbs.MeasureRequest("p", sigma=[1.0], reg=["tv"])) == hash(
        verbs.MeasureRequest("p", sigma=(1.0,), reg="tv")
    )


def test_white_may_be_a_number_or_its_text_and_black_beside_it():
    for unit in (1, 1.0, "1"):
        assert verbs.AlignRequest("net.pt", data="x", unit=unit).unit == 1
    for unit in ("-1:1", (-1, 1), [-1.0, 1.0]):
        request = verbs.AlignRequest("net.pt", data="x", unit=unit)
        assert request.unit == (-1, 1) and verbs.AlignRequest.from_dict(request.to_dict()).unit == (-1, 1)
    with pytest.raises(SettingError, match=r'^--unit: "white" is not a number or a range such as 5:35$'):
        verbs.AlignRequest("net.pt", data="x", unit="white")


def test_layers_are_a_number_or_names():
    assert verbs.TrainRequest(task="sr", data="a", valid="b", eq_layers=["x", "y,z"]).eq_layers == ("x", "y", "z")
    with pytest.raises(SettingError, match=r"^--eq-layers.* takes names, got 2\.5$"):
        verbs.TrainRequest(task="sr", data="a", valid="b", eq_layers=2.5)


# --- JSON


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_survives_json(name):
    request = REQUESTS[name]
    needed = {key: "x" for key, field in request.model_fields.items() if field.is_required()}
    needed |= {"task": "denoise"} if "task" in needed else {}
    needed |= {"runs": ["x"]} if "runs" in needed else {}
    made = request(**needed)
    document = json.loads(json.dumps(made.to_dict(), allow_nan=False))
    assert set(document) == set(needed)  # what was asked for, no defaults: they may be a recipe's
    again = request.from_dict(document)
    assert again == made
    assert again.model_fields_set == made.model_fields_set
    message = '^the request has a field "later" that this version does not know: it was written by a newer symaudit; up'
    with pytest.raises(SettingError, match=message):
        request.from_dict(document | {"later": 1})
    for wrong in (None, [1], "x"):
        with pytest.raises(SettingError, match=r"^the request is damaged .it is not an object.; write it again$"):
            request.from_dict(wrong)


def test_a_training_request_from_json_is_the_same_run():
    """What is not asked for comes from the recipe, after a round trip too."""
    request = verbs.TrainRequest(task="denoise", data="a", valid="b", recipe="sa-denoise", batch=4)
    again = verbs.TrainRequest.from_dict(json.loads(json.dumps(request.to_dict())))
    assert again.given(ScheduleOptions) == request.given(ScheduleOptions) == {"recipe": "sa-denoise", "batch": 4}


def test_sources_of_any_kind_are_kept_as_they_can_be_read_again(photos):
    paths = sorted(photos.iterdir())
    assert verbs.MeasureRequest(iter(paths)).to_dict() == {"source": [str(path) for path in paths]}
    source = ImageSource("mine", "photos", tuple(ImageRef(path.name, path) for path in paths))
    assert verbs.MeasureRequest(source).to_dict() == {"source": "photos"}
    with pytest.raises(
        SettingError, match=r"^source is ndarray, which cannot be written as JSON; give a name or a path$"
    ):
        verbs.FitRequest(np.zeros((40, 40))).to_dict()


def test_the_request_of_a_run_is_kept_beside_it(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("symmetry_audit.reports.render", lambda folder: ())
    symmetry_audit.measure(photos, reg="tv", group="p4", scenario=STRICT, sigma=2, out=tmp_path / "run")
    held = json.loads((tmp_path / "run/run.json").read_text())["request"]
    again = verbs.MeasureRequest.from_dict(held | {"out": None})
    assert again.source == str(photos)
    assert symmetry_audit.measure(again) == AuditReport.load(tmp_path / "run")


# --- sources


def test_measure_takes_an_open_source_and_paths(photos):
    whole = symmetry_audit.measure(photos, reg="tv", group="p4", scenario=STRICT)
    paths = sorted(photos.iterdir())
    source = ImageSource("mine", "mine", tuple(ImageRef(path.name, path) for path in paths))
    for given in (source, paths, [str(path) for path in paths], iter(paths)):
        found = symmetry_audit.measure(given, reg="tv", group="p4", scenario=STRICT)
        assert [row.epsilon for row in found.results] == [row.epsilon for row in whole.results]
    fits = symmetry_audit.fit_affine(paths[:1], reg="tv", group="p8")
    assert [fit.image for fit in fits] == [paths[0].as_posix()] * 2


# --- config files and variables


@pytest.mark.parametrize("name", sorted(set(REQUESTS) - {"demo", "nets"}))
def test_every_verb_reads_a_config_file_and_refuses_unknown_keys(name, call, tmp_path):
    (tmp_path / "run.toml").write_text("grup = 1\n")
    code, _, err = call(name, "--config", "run.toml")
    assert code == 2
    assert 'run.toml: unknown key "grup".' in err


@pytest.mark.parametrize(
    ("name", "config", "expected"),
    [
        (
            "measure",
            {"reg": ["tv", "sobel"], "sigma": [1, 2.0], "controls": False, "limit": 3, "downscale": [2, 4]},
            {"reg": ("tv", "sobel"), "sigma": (1.0, 2.0), "controls": False, "limit": 3, "downscale": (2, 4)},
        ),
        ("bounds", {"smoothness": [1, 0.5, 0.25], "mu": 2}, {"smoothness": (1.0, 0.5, 0.25), "mu": 2.0}),
        ("synth", {"ratio": [1.1, 1.8], "angle": "random"}, {"ratio": (1.1, 1.8), "angle": "random"}),
        ("train", {"sigma": [5, 35], "eq-layers": "body.*", "conv": "sa"}, {"sigma": (5.0, 35.0), "method": "sa"}),
    ],
)
def test_flags_files_and_python_are_read_alike(name, config, expected, tmp_path, monkeypatch):
    (tmp_path / "run.toml").write_text(tomli_w.dumps(config))
    seen = []
    monkeypatch.setattr(f"symmetry_audit.cli.{name}.asked", _catching(seen))
    needed = {"train": ("--task", "denoise", "--data", "a", "--valid", "b")}.get(name, ("x",))
    with pytest.raises(SystemExit):
        _main([name, *needed, "--config", str(tmp_path / "run.toml")])
    flags = []
    for key, value in config.items():
        if isinstance(value, bool):
            flags.append(f"--{key}" if value else f"--no-{key}")
        elif name == "bounds" and isinstance(value, list):
            flags += [f"--{key}", *map(str, value)]
        else:
            joint = ":" if name in ("synth", "train") else ","
            flags += [f"--{key}", joint.join(map(str, value)) if isinstance(value, list) else str(value)]
    with pytest.raises(SystemExit):
        _main([name, *needed, *flags])
    for request in seen:
        assert {key: _tuple(getattr(request, key)) for key in expected} == expected
    assert len(seen) == 2


def _main(arguments: list[str]) -> None:
    from symmetry_audit.cli.main import main

    main(arguments)


def _catching(seen: list):
    from symmetry_audit.cli.derived import asked

    def catch(request, options, **further):
        seen.append(asked(request, options, **further))
        raise SettingError("caught")

    return catch


def _tuple(value):
    if isinstance(value, list):
        return tuple(value)
    return value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limit = true", "--limit takes a whole number, got True"),
        ("limit = 2.5", "--limit takes a whole number, got 2.5"),
    ],
)
def test_values_of_a_config_file_keep_their_types(text, message, call, tmp_path):
    (tmp_path / "run.toml").write_text(text + "\n")
    code, _, err = call("measure", "x", "--config", "run.toml")
    assert (code, err) == (2, f"Error: {message}\n")


def test_flags_go_before_variables_before_files(tmp_path, monkeypatch):
    (tmp_path / "run.toml").write_text('group = "p2"\nkernel = "bicubic"\nmargin = 20\n')
    monkeypatch.setenv("SYMAUDIT_MEASURE_GROUP", "p3")
    monkeypatch.setenv("SYMAUDIT_MEASURE_KERNEL", "fourier")
    monkeypatch.setenv("SYMAUDIT_DATA", str(tmp_path))
    seen = []
    monkeypatch.setattr("symmetry_audit.cli.measure.asked", _catching(seen))
    with pytest.raises(SystemExit):
        _main(["measure", "x", "--config", str(tmp_path / "run.toml"), "--group", "p4"])
    (request,) = seen
    assert (request.group, request.kernel, request.margin, request.data_root) == ("p4", "fourier", 20, tmp_path)


def test_the_field_that_contributing_adds_is_an_option_everywhere(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^# in ImageOptions of \S+\n(min_pixels: .*)$", page, re.MULTILINE)
    held = {**vars(_audit), "__name__": __name__}
    code = f"class Further(ImageOptions):\n    {line}"
    exec(compile(code, "CONTRIBUTING.md", "exec", dont_inherit=True), held)  # our own page
    asked_for = []

    @click.command(cls=derived.RequestCommand)
    @derived.request_options(held["Further"])
    @config_option
    def further(**options):
        asked_for.append(derived.asked(held["Further"], options).min_pixels)

    (tmp_path / "c.toml").write_text("min-pixels = 9\n")
    for arguments in ([], ["--min-pixels", "5"], ["--config", str(tmp_path / "c.toml")]):
        further(arguments, standalone_mode=False)
    assert asked_for == [0, 5, 9]
    assert held["Further"].from_dict({"limit": 3}).min_pixels == 0
    with pytest.raises(SettingError, match=r"^--min-pixels must be at least 0, got -1$"):
        held["Further"](min_pixels=-1)
