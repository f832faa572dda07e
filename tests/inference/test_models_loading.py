"""Networks of every kind from files and factories: the same outputs, their scale, and every error."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import pickle
import sys
import types
import warnings
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from torch import Tensor, nn

from symmetry_audit.errors import ModelError, SettingError
from symmetry_audit.inference import ValueRange, load_model, prepared, restore_image
from symmetry_audit.inference._network_files import FileNetwork

from .models import save_checkpoint

ONE, BYTES = ValueRange(0, 1), ValueRange(0, 255)
SOURCE = '''
import torch
from torch import nn

class Network(nn.Sequential):
    """Two convolutions that enlarge by 2."""

    def __init__(self, width=4, channels=3):
        layers = nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 4 * channels, 3, padding=1)
        super().__init__(*layers, nn.PixelShuffle(2))

    @classmethod
    def wide(cls):
        return cls(8)

class Unit(Network):
    """As Network, for images in 0..1."""

    def forward(self, x):
        assert float(x.max()) <= 1
        return super().forward(x)

class Odd(nn.Module):
    """Gives something else than an image."""

    def __init__(self, what):
        super().__init__()
        self.what = what

    def forward(self, x):
        return {"list": [x], "size": x[..., 1:], "grey": x[:, :1], "nan": x * torch.nan}[self.what]

def number():
    return 3

def broken():
    raise RuntimeError("no\\nluck")

def ends():
    raise SystemExit(2)
'''


class Evil:
    """Writes the file "caught" wherever it is unpickled."""

    def __reduce__(self):
        return Path.write_text, (Path("caught"), "")


@pytest.fixture
def module(tmp_path, monkeypatch) -> types.SimpleNamespace:
    """SOURCE as module ``named`` in the current folder, which Python does not search by itself; its Network made."""
    name = f"their_networks_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", str(tmp_path))])
    torch.manual_seed(3)
    spec = importlib.util.spec_from_file_location("elsewhere", tmp_path / f"{name}.py")
    elsewhere = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(elsewhere)
    yield types.SimpleNamespace(name=name, Network=elsewhere.Network, Unit=elsewhere.Unit)
    sys.modules.pop(name, None)


@pytest.fixture
def network(module) -> nn.Module:
    return module.Network()


def images(count: int = 2, height: int = 12, width: int = 15) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return 255 * torch.rand(count, 3, height, width, generator=generator)


def same(model, network: nn.Module, x: Tensor | None = None) -> bool:
    """Whether both give the same, alone, copied for inference, and as one image."""
    x = images() if x is None else x
    expected = network.eval()(x).detach()
    image = x[0].permute(1, 2, 0).numpy()
    found = [
        *(model.network(x), prepared(model.network)(x)),
        *(torch.from_numpy(restore_image(part, image)).permute(2, 0, 1) for part in (model.network,)),
    ]
    wanted = [expected, expected, expected[0]]
    assert not any(part.training for part in model.network.modules())
    return all(
        a.shape == b.shape and (a - b).abs().max() < 1e-6 * b.abs().max() for a, b in zip(found, wanted, strict=True)
    )


def save_script(network: nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(network).save(path)
    return path


def save_export(network: nn.Module, path: Path, x: Tensor, dynamic: str = "") -> Path:
    """With the dimensions ``dynamic``, of n (images), h and w."""
    sizes = {{"n": 0, "h": 2, "w": 3}[letter]: torch.export.Dim(letter, min=1) for letter in dynamic}
    program = torch.export.export(network.eval(), (x,), dynamic_shapes=({**sizes},) if sizes else None)
    torch.export.save(program, path)
    return path


def save_onnx(network: nn.Module, path: Path, shape: tuple = (None, 3, None, None), kind=TensorProto.FLOAT) -> Path:
    """By hand, from the weights: convolution, ReLU, convolution, and a shuffle."""
    arrays = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    pads = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
    nodes = [
        helper.make_node("Cast", ["x"], ["image"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["image", "0.weight", "0.bias"], ["a"], **pads),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "2.weight", "2.bias"], ["c"], **pads),
        helper.make_node("DepthToSpace", ["c"], ["y"], blocksize=2, mode="CRD"),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 4)],
        [onnx.numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, path)
    return path


# ---------------------------------------------------------------- what loads


def test_a_checkpoint_of_ours_as_folder_and_as_file(tmp_path):
    folder = save_checkpoint(tmp_path / "runs" / "a net")
    for text in (folder, f"{folder}/", folder / "best.safetensors"):
        model = load_model(text)
        assert (model.name, model.kind, model.scale) == (os.path.normpath(text), "checkpoint", 2)
        assert model.checkpoint.task.name == "sr" and model.checkpoint.card.step == 1234
        assert same(model, model.checkpoint.network())
    assert load_model(save_checkpoint(tmp_path / "denoiser", "denoise")).scale == 1


def test_a_factory_in_the_current_folder(module, network):
    before = list(sys.path)
    save_file(network.state_dict(), "w.safetensors")
    model = load_model(f"{module.name}:Network", weights="w.safetensors")
    assert (model.name, model.kind, model.scale) == (f"{module.name}:Network", "factory", 2)
    assert model.checkpoint is None and same(model, network)
    assert type(model.network).__name__ == "Network", "layers keep the names that its author gave them"
    assert sys.path == before


@pytest.mark.parametrize("arguments", [{"width": 6}, '{"width": 6}'])
def test_arguments_of_a_factory(module, arguments):
    assert load_model(f"{module.name}:Network", arguments=arguments).network[0].out_channels == 6
    assert load_model(f"{module.name}:Network.wide").network[0].out_channels == 8


@pytest.mark.parametrize("suffix", ["pt", "pth"])
@pytest.mark.parametrize("nest", [(), ("state_dict",), ("params",), ("params_ema",), ("model",), ("model", "params")])
def test_weights_as_codebases_save_them(module, network, suffix, nest):
    state = network.state_dict()
    for name in reversed(nest):
        state = {"epoch": 7, name: state, "optimizer": {"lr": 0.1}}
    torch.save(state, f"w.{suffix}")
    assert same(load_model(f"{module.name}:Network", weights=f"w.{suffix}"), network)


def test_averaged_weights_come_first_and_the_prefix_of_data_parallel_goes(module, network):
    parallel = {f"module.{name}": value for name, value in network.state_dict().items()}
    torch.save({"params": module.Network().state_dict(), "params_ema": parallel}, "w.pth")
    assert same(load_model(f"{module.name}:Network", weights="w.pth"), network)


def test_a_factory_in_a_file(module, network, tmp_path):
    """The module of the package around the file, so that its own imports work; another one of its name stays."""
    package = tmp_path / "elsewhere" / "their_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text((tmp_path / f"{module.name}.py").read_text())
    (package / "json.py").write_text("from .parts import Network\n\nimport json as standard\n")
    torch.save(network.state_dict(), "w.pth")
    before, stays = list(sys.path), sys.modules["json"]
    try:
        model = load_model(f"{package}/json.py:Network", weights="w.pth")
        assert (model.name, model.kind, model.scale) == (f"{package}/json.py:Network", "factory", 2)
        assert same(model, network)
        assert sys.path == before and sys.modules["json"] is stays
        assert type(model.network).__module__ == "their_package.parts"
        assert load_model(f"{package}/json.py:Network").network.__class__ is model.network.__class__
    finally:
        for name in [name for name in sys.modules if name.startswith("their_package")]:
            del sys.modules[name]


def test_two_files_of_one_name(module, tmp_path):
    """Neither is taken for the other, nor for a module of Python."""
    stays = sys.modules["json"]
    for place, factor in (("one", 1), ("two", 2)):
        (tmp_path / place).mkdir()
        source = f"from torch import nn\n\n\ndef net():\n    return nn.Upsample(scale_factor={factor})\n"
        (tmp_path / place / "json.py").write_text(source)
    try:
        assert [load_model(f"{place}/json.py:net").scale for place in ("one", "two", "one")] == [1, 2, 1]
        assert sys.modules["json"] is stays
    finally:
        for name in [name for name in sys.modules if name.startswith("json_")]:
            del sys.modules[name]


def test_torchscript_with_the_suffix_of_weights(module, network, tmp_path):
    model = load_model(save_script(network, tmp_path / "net.pth"), trust=True)
    assert model.kind == "torchscript" and same(model, network)


@pytest.mark.parametrize("suffix", ["pt", "ts", "PT"])
def test_torchscript(module, network, tmp_path, suffix):
    model = load_model(save_script(network.train(), tmp_path / f"net.{suffix}"), trust=True)
    assert (model.name, model.kind, model.scale) == (str(tmp_path / f"net.{suffix}"), "torchscript", 2)
    assert same(model, network)


def test_torchscript_that_was_saved_in_training(tmp_path):
    path = save_script(nn.Sequential(nn.Dropout(0.5), nn.BatchNorm2d(3)).train(), tmp_path / "net.pt")
    x = images()
    torch.testing.assert_close(load_model(path, trust=True).network(x), x / (1 + 1e-5) ** 0.5)


def test_an_exported_program_of_any_size(module, network, tmp_path):
    model = load_model(save_export(network, tmp_path / "net.pt2", images(), "nhw"), trust=True)
    assert (model.kind, model.scale) == ("export", 2)
    assert same(model, network) and same(model, network, images(1, 9, 40))


def test_an_onnx_file_of_any_size(module, network, tmp_path):
    model = load_model(save_onnx(network, tmp_path / "net.onnx"))
    assert (model.kind, model.scale) == ("onnx", 2)
    assert same(model, network) and same(model, network, images(1, 9, 40))


@pytest.mark.parametrize("kind", ["export", "onnx"])
def test_a_file_of_one_size_says_which(module, network, tmp_path, kind):
    if kind == "onnx":
        path = save_onnx(network, tmp_path / "net.onnx", (1, 3, 12, 15))
    else:
        path = save_export(network, tmp_path / "net.pt2", images(1))
    model = load_model(path, trust=True)
    assert (model.kind, model.scale) == (kind, 2)
    assert same(model, network, images(1)) and same(model, network, images(3))
    with pytest.raises(ModelError, match=r"only accepts images of 12 rows, got 15; export it with dynamic sizes"):
        model.network(images(1, 15, 12))
    with pytest.raises(ModelError, match="only accepts images of 15 columns, got 16; export it"):
        model.network(images(1, 12, 16))


def test_a_network_for_white_of_one(module, network):
    unit = module.Unit()
    torch.save(unit.state_dict(), "w.pt")
    model = load_model(f"{module.name}:Unit", weights="w.pt", unit=1)
    x = images()
    expected = 255 * unit(x / 255)
    assert model.scale == 2 and (model.network(x) - expected).abs().max() < 1e-6 * expected.abs().max()
    with pytest.raises(ModelError, match=r"Unit failed on an RGB image of 64 x 64 px \(AssertionError\)"):
        load_model(f"{module.name}:Unit", weights="w.pt")


@pytest.mark.parametrize("kind", ["factory", "onnx"])
def test_a_grey_network_runs_on_each_channel(module, tmp_path, kind):
    grey = module.Network(channels=1)
    torch.save(grey.state_dict(), "w.pt")
    if kind == "onnx":
        model = load_model(save_onnx(grey, tmp_path / "grey.onnx", (1, 1, None, None)))
    else:
        model = load_model(f"{module.name}:Network", weights="w.pt", arguments={"channels": 1})
    x = images()
    expected = torch.cat([grey(x[:, [channel]]) for channel in range(3)], dim=1)
    assert model.scale == 2 and (model.network(x) - expected).abs().max() < 1e-6 * expected.abs().max()


def test_a_scale_that_is_given_is_believed(module, network):
    assert load_model(f"{module.name}:Odd", arguments={"what": "size"}, scale=3).scale == 3


# ---------------------------------------------------------------- what does not


def refused(
    match: str, *args: object, error: type[Exception] = ModelError, trust: bool = True, **options: object
) -> None:
    with pytest.raises(error, match=match) as caught:
        load_model(*args, trust=trust, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("net.pth", r'"net.pth" is not a network: there is no such file; give the folder of a training run'),
        ("nets.py", r'"nets.py" is not a network: there is no such file; give .* path/file.py:factory with its --weig'),
        ("nets.py:net", r"cannot import nets.py \(ImportError: there is no file .*nets.py\); check the path"),
        ("net.jpg", "is not a network: give the folder of a training run, a file .*onnx.*, or package.module:factory"),
        ("nowhere", "is not a network: give the folder"),
        ("a:b:c", "is not a network: give the folder"),
        ("net.pt", "there is no file net.pt"),
        ("net.pt2", "there is no file net.pt2"),
        ("net.onnx", "there is no file net.onnx"),
        ("net.safetensors", "there is no file net.safetensors"),
        (".", "holds no best.safetensors"),
    ],
)
def test_what_is_no_network(module, text, match):
    refused(match, text)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (
            {"weights": "w.pt"},
            'for a factory, package.module:name or path/file.py:name; "net.pt" contains its own',
        ),
        ({"arguments": {}}, "weights and arguments are for a factory"),
        ({"unit": -1}, "--unit -1 is no range of values; write white alone, or black:white, such as -1:1"),
        ({"unit": (1, 1)}, "--unit 1:1 is no range of values"),
        ({"scale": 0}, "scale must be 1 or more, got 0"),
    ],
)
def test_options_that_do_not_fit(module, options, match):
    refused(match, "net.pt", error=SettingError, **options)


def test_what_a_file_lacks_to_be_a_network(module, network):
    torch.save({"model": network.state_dict()}, "net.pth")
    refused("it holds weights alone; give the code that builds the network: path/file.py:name --weights net", "net.pth")
    torch.save(nn.Conv2d(3, 3, 1), "whole.pth")
    refused("pickled object, .* save its weights, .* and give path/file.py:name --weights weights.pth", "whole.pth")
    Path("net.pth").write_bytes(pickle.dumps(Evil()))
    refused("it is damaged, or a pickled object", "net.pth")
    assert not Path("caught").exists()
    file = f"{module.name}.py"
    names = ", ".join(f"{file}:{name}" for name in ("Network", "Unit", "Odd", "number", "broken"))
    refused(f"is not a network: say what in it builds the network, one of {names}$", file)
    Path("empty.py").write_text("")
    refused("say what in it builds the network: empty.py:name", "empty.py")
    Path("broken.py").write_text("def f(:")
    refused("say what in it builds the network: broken.py:name", "broken.py")


def test_another_unit_of_the_same_network(module, network, tmp_path):
    """Wherever it starts from, and for a grey network too."""
    save_file(network.state_dict(), "w.safetensors")
    x, expected = images(), 255 * network(images() / 255)
    for unit in (1, 255):
        model = load_model(f"{module.name}:Network", weights="w.safetensors", unit=unit)
        assert same(model.in_range(BYTES), network)
        found = model.in_range(ONE).in_range(BYTES).in_range(ONE).network(x)
        assert (found - expected).abs().max() < 1e-6 * expected.abs().max()
    grey = module.Network(channels=1)
    save_file(grey.state_dict(), "grey.safetensors")
    model = load_model(f"{module.name}:Network", weights="grey.safetensors", arguments={"channels": 1})
    wanted = 255 * torch.cat([grey(x[:, [channel]] / 255) for channel in range(3)], dim=1)
    assert (model.in_range(ONE).network(x) - wanted).abs().max() < 1e-6 * wanted.abs().max()


def test_a_checkpoint_says_itself_what_it_takes(tmp_path):
    path = save_checkpoint(tmp_path / "net")
    for options in ({"unit": 1}, {"scale": 2}):
        refused("is a checkpoint, which knows its scale and unit", path, error=SettingError, **options)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ("{width: 6}", r"arguments are not valid JSON \(.*\); write them as"),
        ("[6]", r"must be a JSON object.*got \[6\]"),
    ],
)
def test_arguments_that_are_no_keywords(module, arguments, match):
    refused(match, f"{module.name}:Network", arguments=arguments, error=SettingError)


@pytest.mark.parametrize(
    ("factory", "arguments", "match"),
    [
        ("Netwrk", {}, r'has no "Netwrk". Did you mean "Network"\?'),
        ("Network.tall", {}, 'has no "Network.tall"'),
        ("number", {}, r"number returned int, expected a network \(torch.nn.Module\)"),
        ("broken", {}, r"broken\(\) failed \(RuntimeError: no luck\)"),
        ("ends", {}, r"ends\(\) failed \(SystemExit: 2\)"),
        ("Network", {"depth": 2}, r"Network\(depth=2\) failed \(TypeError: .*unexpected keyword argument 'depth'"),
        ("Odd", {"what": "list"}, "the network returned list; expected an RGB image"),
        ("Odd", {"what": "size"}, r"the network returned \(1, 3, 64, 63\); expected an RGB image"),
        ("Odd", {"what": "nan"}, "returned NaN or infinite values for a grey ramp"),
        (
            "Odd",
            {"what": "other"},
            r"failed on an RGB image of 64 x 64 px \(.other.\); .* give its scale",
        ),
        ("Network", {"channels": 2}, r"failed on an RGB image of 64 x 64 px \(.*2 channels"),
    ],
)
def test_factories_that_do_not_work(module, factory, arguments, match):
    refused(match, f"{module.name}:{factory}", arguments=arguments)


@pytest.mark.parametrize(
    ("source", "match"),
    [
        (
            "import nothing_of_this_name",
            "cannot import .* .ModuleNotFoundError: No module named 'nothing_of_this_name'",
        ),
        ("def f(:", "cannot import .* .SyntaxError"),
        ("raise SystemExit('usage')", "cannot import .* .SystemExit: usage"),
    ],
)
def test_modules_that_cannot_be_imported(module, source, match):
    Path(f"{module.name}.py").write_text(source)
    refused(match, f"{module.name}:Network")
    refused(
        "ModuleNotFoundError.*install it, run symaudit from the folder that contains it, or give path/file.py:name",
        "nothing_of_this_name.nets:Network",
    )


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda state: state.pop("2.weight"), r'1 missing \(first "2.weight"\); check'),
        (lambda state: state.update(a=state["0.bias"], b=state["0.bias"]), r'2 unexpected \(first "a"\)'),
        (
            lambda state: state.update(c=state.pop("0.bias")),
            r'1 missing \(first "0.bias"\) and 1 unexpected \(first "c"',
        ),
        (lambda state: state.update({"0.bias": torch.zeros(5)}), r'"0.bias" is \(5,\), the network has \(4,\)'),
        (lambda state: state.clear(), "instead of weights by name"),
    ],
)
def test_weights_that_do_not_fit(module, network, change, match):
    state = dict(network.state_dict())
    change(state)
    torch.save(state, "w.pt")
    refused(match, f"{module.name}:Network", weights="w.pt")


def test_weights_that_are_none(module, network):
    text = f"{module.name}:Network"
    torch.save({"state_dict": network.state_dict(), "loss": nn.MSELoss()}, "more.ckpt")
    refused(
        r"holds more than weights \(torch.nn.modules.loss.MSELoss\), which could run code", text, weights="more.ckpt"
    )
    refused("a TorchScript file, which .*: give it as MODEL", text, weights=save_script(network, Path("script.pt")))
    torch.save([1, 2], "list.pt")
    refused("holds list instead of weights by name", text, weights="list.pt")
    refused("weights are read from .safetensors, .pt, .pth, .ckpt, .bin, .tar, got w.h5", text, weights="w.h5")
    refused("there is no file w.pt", text, weights="w.pt")
    torch.save(network.state_dict(), "whole.pt")
    save_file(network.state_dict(), "whole.safetensors")
    for suffix, match in (
        (".pt", "is damaged, or holds more than weights"),
        (".safetensors", "truncated or not a safetensors"),
    ):
        content = Path(f"whole{suffix}").read_bytes()
        for length in (0, 5, len(content) // 2):
            Path(f"cut{suffix}").write_bytes(content[:length])
            refused(match, text, weights=f"cut{suffix}")


def test_pickled_code_does_not_run(module, network):
    torch.save({"state_dict": network.state_dict(), "more": Evil()}, "zip.pt")
    Path("plain.pt").write_bytes(pickle.dumps(Evil()))
    for name in ("zip.pt", "plain.pt"):
        refused("could run code and is therefore refused", f"{module.name}:Network", weights=name)
        refused("truncated or not a TorchScript file", name)
        Path(f"{name}.onnx").write_bytes(Path(name).read_bytes())
        refused("truncated or not an ONNX file", f"{name}.onnx")
    assert not Path("caught").exists()
    pickle.loads(Path("plain.pt").read_bytes())
    assert Path("caught").exists(), "the bait itself does not work"


@pytest.mark.parametrize(
    ("suffix", "match"),
    [
        (".pt", "truncated or not a TorchScript file"),
        (".pt2", "truncated or not a torch.export file"),
        (".onnx", "truncated or not an ONNX file"),
    ],
)
def test_damaged_files_and_files_of_another_kind(module, network, suffix, match):
    whole = Path(f"whole{suffix}")
    save_script(network, Path("script"))
    if suffix == ".pt":
        save_script(network, whole)
    elif suffix == ".pt2":
        save_export(network, whole, images(1))
    else:
        save_onnx(network, whole)
    torch.save(network.state_dict(), "weights")
    content = whole.read_bytes()
    others = [b"", content[:50], content[: len(content) // 2], Path("weights").read_bytes()]
    others += [Path("script").read_bytes()] if suffix != ".pt" else []
    for index, data in enumerate(others):
        path = Path(f"bad_{index}{suffix}")
        path.write_bytes(data)
        refused(match, path)


def test_what_torch_logs_of_a_wrong_file_stays_unsaid(module, network, monkeypatch):
    torch.save(network.state_dict(), "net.pt2")
    said = []
    handler = logging.Handler()
    handler.emit = said.append
    logger = logging.getLogger("torch.export")
    monkeypatch.setattr(logger, "handlers", [handler])
    refused(r"truncated or not a torch.export file \(an archive of another kind\)", "net.pt2")
    assert said == [] and not logger.disabled


def test_an_archive_of_torch_export_without_its_network(module, network):
    save_export(network, Path("net.pt2"), images(1))
    with zipfile.ZipFile("net.pt2") as old, zipfile.ZipFile("bad.pt2", "w", zipfile.ZIP_STORED) as new:
        for item in old.infolist():
            content = old.read(item)
            new.writestr(item.filename, json.dumps({}) if item.filename.endswith("model.json") else content)
    refused("truncated or not a torch.export file", "bad.pt2")


def test_files_that_take_something_else(module, network, tmp_path):
    class Two(nn.Module):
        def forward(self, x, y):
            return x + y

    torch.export.save(torch.export.export(Two(), (images(), images())), "two.pt2")
    refused("has 2 inputs and 1 outputs, expected one image in and one image out", "two.pt2")
    save_export(network, Path("batch.pt2"), images(4))
    refused(r"takes arrays of shape \(4, 3, 12, 15\), expected one image", "batch.pt2")
    save_onnx(network, Path("half.onnx"), kind=TensorProto.FLOAT16)
    refused(r"takes tensor\(float16\), expected tensor\(float\)", "half.onnx")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (None, 3)) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), "flat.onnx")
    refused(r"takes arrays of shape \(None, 3\), expected one image", "flat.onnx")


def identity(shape: tuple, op: str = "Identity", opset: int = 17, tensors: tuple = ()) -> onnx.ModelProto:
    """A network of one operation, for arrays of ``shape``, that nothing is done to."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    inputs = ["x", *(tensor.name for tensor in tensors)]
    graph = helper.make_graph([helper.make_node(op, inputs, ["y"])], "net", ends[:1], ends[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def test_channels_last(module):
    """As TensorFlow exports: told apart by the shape, said, and transposed both ways."""
    notes = []
    onnx.save(identity((None, None, None, 3)), "last.onnx")
    x = images()
    model = load_model("last.onnx", say=notes.append)
    assert model.scale == 1 and torch.equal(model.network(x), x)
    assert notes == ["Note: last.onnx takes images in the layout N, H, W, C; they are passed to it so"]
    onnx.save(identity((1, 8, 8, 3)), "square.onnx")
    with pytest.raises(ModelError, match="only accepts images of 8 rows, got 12; give --crop 8, or export it with"):
        load_model("square.onnx").network(x)


def test_what_onnxruntime_does_not_know(module):
    onnx.save(identity((1, 3, None, None), op="Nonsense"), "op.onnx")
    refused(r"op.onnx uses an operation that onnxruntime does not know \(No Op registered for Nonsense", "op.onnx")
    onnx.save(identity((1, 3, None, None), opset=99), "new.onnx")
    refused("new.onnx is of a newer ONNX than this onnxruntime reads; update onnxruntime", "new.onnx")


def external(location: str, name: str = "w", dims: tuple = (3, 1, 1)) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("length", "12")):
        tensor.external_data.add(key=key, value=value)
    return tensor


@pytest.mark.parametrize("kind", ["parent", "absolute", "link", "sparse"])
def test_weights_outside_the_folder_of_an_onnx_file(module, tmp_path, kind, monkeypatch):
    """They are refused before onnxruntime sees the file, which does not look at sparse tensors."""
    (tmp_path / "in").mkdir()
    np.ones(3, np.float32).tofile("secret.bin")
    np.ones(3, np.float32).tofile("in/own.bin")
    onnx.save(identity((1, 3, None, None), "Add", tensors=(external("own.bin"),)), "in/own.onnx")
    x = images(1)
    assert torch.equal(load_model("in/own.onnx").network(x), x + 1)
    os.symlink("../secret.bin", "in/link.bin")
    where = {"absolute": str(tmp_path / "secret.bin"), "link": "link.bin"}.get(kind, "../secret.bin")
    if kind == "sparse":
        model = identity((1, 3, None, None))
        places = TensorProto(name="i", data_type=TensorProto.INT64, dims=(3,), int64_data=(0, 1, 2))
        model.graph.sparse_initializer.add(values=external(where, dims=(3,)), indices=places, dims=(9,))
    else:
        model = identity((1, 3, None, None), "Add", tensors=(external(where),))
    Path("in/net.onnx").write_bytes(model.SerializeToString())
    monkeypatch.setattr("onnxruntime.InferenceSession", None)
    refused(f"in/net.onnx keeps weights outside its own folder .{where}., which is refused", "in/net.onnx")


def test_weights_of_an_onnx_file_that_are_not_there(module):
    Path("net.onnx").write_bytes(
        identity((1, 3, None, None), "Add", tensors=(external("gone.bin"),)).SerializeToString()
    )
    refused("net.onnx lacks a file of its weights .*; copy it beside the network", "net.onnx")


class Writer(nn.Module):
    """Overwrites victim.txt when it is loaded, or when it runs, if its author meant to."""

    def __init__(self, late: bool) -> None:
        super().__init__()
        self.a, self.late = nn.Parameter(torch.zeros(1)), late

    @torch.jit.export
    def __getstate__(self):
        return (self.a, self.late, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[Tensor, bool, bool]):
        self.a, self.late, self.training = state[0], state[1], state[2]
        if not self.late:  # what is written is used, or TorchScript leaves it out
            self.a = self.a + torch.from_file("victim.txt", shared=True, size=4, dtype=torch.uint8).fill_(88).sum()

    def forward(self, x: Tensor) -> Tensor:
        return x + 0 * torch.from_file("victim.txt", shared=True, size=4, dtype=torch.uint8).fill_(88).sum()


@pytest.mark.parametrize(("suffix", "late"), [(".pt", False), (".pt", True), (".ts", False), (".pth", False)])
def test_torchscript_runs_on_trust_alone(module, suffix, late):
    """The files are TorchScript, which writes to files of the user; with trust they do it, so the bait works."""
    save_script(Writer(late), Path(f"net{suffix}"))
    Path("victim.txt").write_text("mine")
    refused("is a TorchScript file, which can run its author's code.*--trust", f"net{suffix}", trust=False)
    assert Path("victim.txt").read_text() == "mine"
    load_model(f"net{suffix}", trust=True)
    assert Path("victim.txt").read_text() == "XXXX"


def test_an_export_is_read_on_trust_alone(module, network, monkeypatch):
    save_export(network, Path("net.pt2"), images(1))
    monkeypatch.setattr(torch.export, "load", None)
    refused("net.pt2 is a torch.export file, which can run its author's code.*--trust", "net.pt2", trust=False)


def test_a_file_that_fails_on_an_image(module, tmp_path):
    class Fixed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.view(1, 3, 20, 24) * 2

    path = save_script(Fixed(), tmp_path / "net.pt")
    refused(
        r"net.pt: the network's file failed on images of shape \(1, 3, 64, 64\) \(.*\); give it images of the size",
        path,
    )
    x = images(1, 20, 24)
    assert torch.equal(load_model(path, scale=1, trust=True).network(x), 2 * x)
    model = load_model(save_onnx(module.Network(), tmp_path / "net.onnx", (None, None, None, None)))
    with pytest.raises(ModelError, match=r"failed on images of shape \(1, 2, 8, 8\)"):
        model.network(torch.zeros(1, 2, 8, 8))


def test_a_file_without_enough_memory_says_so_as_others_do(module):
    def run(x):
        raise RuntimeError("not enough memory: you tried to allocate 9 GB")

    with pytest.raises(ModelError, match="not enough memory for this image; restore it in tiles"):
        restore_image(FileNetwork(run), np.zeros((8, 8, 3), np.float32))


def test_without_onnxruntime(module, network, monkeypatch):
    save_onnx(network, Path("net.onnx"))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    refused("net.onnx needs the packages onnx and onnxruntime: pip install onnx onnxruntime", "net.onnx")


def test_the_image_that_is_restored_stays_as_it_was(module):
    image = np.full((8, 9, 3), 7.0, np.float32)
    restore_image(load_model(f"{module.name}:Network").network, image)
    assert (image == 7).all()
