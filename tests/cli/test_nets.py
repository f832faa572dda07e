"""`symaudit nets`: the table, the document, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from symmetry_audit.layers import METHODS
from symmetry_audit.nets import BACKBONES, PRESETS, costs
from symmetry_audit.options import option_of
from symmetry_audit.verbs import NetsRequest, TrainRequest
from symmetry_audit.verbs._network_costs import stored_costs
from tests.cli.conftest import one_document
from tests.network_costs import counted, keys


@pytest.mark.parametrize("request_class", [NetsRequest, TrainRequest])
def test_the_networks_are_named_in_the_help(request_class) -> None:
    for name, known in (("backbone", BACKBONES), ("method", METHODS)):
        option = option_of(request_class.model_fields[name])
        assert option.help.endswith(f": {', '.join(known)}.")
        assert list(option.complete()) == list(known)
    assert get_args(request_class.model_fields["preset"].annotation) == PRESETS


def test_the_table(call) -> None:
    code, out, err = call("nets", "--backbone", "edsr", "--method", "cnn", "--method", "tl", "--preset", "paper")
    assert (code, err) == (0, "")
    head, plain, learned = out.splitlines()
    assert head.split() == [
        *("backbone", "method", "scale", "group", "parameters", "trainable", "multiply-adds", "memory")
    ]
    # (3 + 33 x 256 + 1024 + 4 x 3) x 256 x 9 x 48^2, and 3 x 3 + 3 x 3 x 4 for the mean shifts: 50,361,046,272
    assert plain.split() == ["edsr", "cnn", "x2", "p1", "21,847,067", "21,847,043", "50.361", "G", "159.9", "MiB"]
    assert learned.split()[:6] == ["edsr", "tl", "x2", "p8", "8,924,414", "8,924,390"]
    assert len({len(line) for line in (head, plain, learned)}) == 1


def test_all_networks_of_a_method(call) -> None:
    code, out, err = call("nets", "--method", "gcnn", "--preset", "tiny", "--scale", "4", "--size", "16", "--json")
    assert (code, err) == (0, "")
    document = one_document(out)
    assert document["schema"] == "symaudit.nets/2"
    scales = {name: 4 if backbone.enlarges else 1 for name, backbone in BACKBONES.items()}
    assert {row["backbone"]: row["scale"] for row in document["rows"]} == scales
    for row in document["rows"][::3]:
        cost = costs(row["backbone"], "gcnn", "tiny", row["scale"], 16)
        assert row == {
            **{"backbone": row["backbone"], "method": "gcnn", "preset": "tiny", "scale": scales[row["backbone"]]},
            **{"size": 16, "group": "p4", "parameters": cost.parameters, "trainable": cost.trainable},
            **{"multiply_adds": cost.multiply_adds, "activation_bytes": cost.activation_bytes},
        }


def test_default_costs_are_read_from_a_table_without_torch() -> None:
    code = "import sys; from symmetry_audit.verbs import nets; rows = list(nets(preset='paper')); "
    code += "sys.exit(0 if len(rows) > 80 and 'torch' not in sys.modules else 1)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_network_outside_the_table_is_counted(call) -> None:
    _, out, _ = call("nets", "--backbone", "edsr", "--method", "cnn", "--preset", "tiny", "--size", "12", "--json")
    assert one_document(out)["rows"][0]["multiply_adds"] == costs("edsr", "cnn", "tiny", size=12).multiply_adds


def test_the_table_has_every_network() -> None:
    assert list(stored_costs()) == list(keys())


@pytest.mark.parametrize(
    "key",
    [
        *(("edsr", method, "tiny", 2, 48) for method in ("cnn", "gcnn", "tl", "sa")),
        *((name, "cnn", "tiny", 1, 48) for name in ("resnet", "unet", "rcdnet", "classifier")),
    ],
)
def test_the_table_is_what_is_counted(key) -> None:
    assert stored_costs()[key] == counted(key)


@pytest.mark.slow
@pytest.mark.parametrize("key", stored_costs())
def test_all_of_the_table_is_what_is_counted(key) -> None:
    """Where it fails, networks have changed: python tests/network_costs.py writes the table anew."""
    assert stored_costs()[key] == counted(key)


def test_scale_2_by_default(call) -> None:
    _, out, _ = call(
        "nets", "--backbone", "rdn", "--backbone", "resnet", "--method", "cnn", "--preset", "tiny", "--json"
    )
    assert [row["scale"] for row in one_document(out)["rows"]] == [2, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--backbone", "resnet", "--scale", "2"), "Error: resnet has scale 1, got 2; edsr, rdn and rcan enlarge"),
        (("--backbone", "edsr", "--method", "sa", "--size", "9"), "Error: edsr with sa needs images of"),
        (("--backbone", "resnot"), 'no backbone is called "resnot". Did you mean "resnet"?'),
        (("--size", "0"), "0 is not in the range x>=1"),
    ],
)
def test_wrong_usage(call, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = call("nets", "--preset", "tiny", *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_help_does_not_wait_for_torch() -> None:
    script = (
        "import sys\nfrom symmetry_audit.cli.main import main\n"
        "try:\n    main(['nets', '--help'])\nfinally:\n    assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "symaudit nets --backbone edsr --preset paper" in done.stdout


def test_networks_without_the_preset_are_left_out_unless_they_are_asked_for(call, monkeypatch) -> None:
    few = {name: BACKBONES[name] for name in ("resnet", "classifier")}
    monkeypatch.setattr("symmetry_audit.verbs._nets.BACKBONES", few)
    code, out, _ = call("nets", "--method", "cnn", "--preset", "paper", "--size", "16", "--json")
    assert code == 0
    assert [row["backbone"] for row in one_document(out)["rows"]] == ["resnet"]
    code, _, err = call("nets", "--backbone", "classifier", "--preset", "paper")
    assert code == 2 and 'classifier has no preset "paper"; choose small or tiny' in err
