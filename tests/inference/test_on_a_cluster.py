"""Networks on a cluster: the documents and files of one process, whatever is lost on the way."""

from __future__ import annotations

import json
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from symmetry_audit.catalogue import BACKBONES, METHODS
from symmetry_audit.data import ImageRef
from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.inference import classify, prepared
from symmetry_audit.inference._spread import in_runs
from symmetry_audit.nets import build
from symmetry_audit.tasks import open_pairs
from symmetry_audit.verbs import evaluate, restore
from tests.conftest import save_photos
from tests.inference.models import save_checkpoint
from tests.inference.test_classify import TASK, Largest, folder
from tests.workers.stand_in import StandIn, stand_in

__all__ = ["folder", "stand_in"]  # fixtures


@pytest.fixture
def many(tmp_path: Path, rng: np.random.Generator) -> Path:
    """More images than make one task."""
    return save_photos(tmp_path / "photos", rng, count=19, size=(20, 24))


def without_times(document: dict[str, Any]) -> str:
    for image in document["images"]:
        assert image.pop("seconds") > 0
    return json.dumps(document)


@pytest.mark.parametrize("task", ["sr", "denoise"])
@pytest.mark.parametrize("options", [{}, {"symmetrize": "p4"}, {"tile": 12, "overlap": 4, "self_ensemble": True}])
def test_an_evaluation_is_that_of_one_process(tmp_path, many, stand_in, task, options):
    network = save_checkpoint(tmp_path / task, task)
    asked, seen = {"data": many, "seed": 3, **options}, []
    here = evaluate(network, **asked)
    there = evaluate(network, cluster="any", progress=lambda *count: seen.append(count), **asked)
    assert without_times(there.to_dict()) == without_times(here.to_dict())
    assert [len(run) for run in stand_in.tasks] == [8, 8, 3]
    assert seen == [(done, 19) for done in range(20)]


def test_baselines_archives_and_folders_that_workers_do_not_see(tmp_path, many, stand_in, monkeypatch):
    """Members of archives travel with their bytes; names of files are those that every process understands."""
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        for path in sorted(many.iterdir(), reverse=True):
            archive.add(path, path.name)
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "photos.tar"):
        here = evaluate("bicubic", data=name, scale=2)
        assert without_times(evaluate("bicubic", data=name, scale=2, cluster="any").to_dict()) == without_times(
            here.to_dict()
        )
    pairs = [pair for run in stand_in.tasks for pair in run]
    assert all(pair.clean.path.is_absolute() for pair in pairs)
    assert [pair.clean.payload is not None for pair in pairs] == [False] * 19 + [True] * 19


def test_an_image_that_ends_workers_ends_an_evaluation_by_name(tmp_path, many, stand_in):
    """Means over fewer images could not be compared."""
    stand_in.deadly = lambda pair: pair.key == "photo_7.png"
    with pytest.raises(DataError, match=r"photo_7\.png twice ended the process that scored it \(signal 9\).*remove"):
        evaluate(save_checkpoint(tmp_path / "sr"), data=many, cluster="any")
    (many / "photo_3.png").write_bytes(b"no image")
    stand_in.deadly = lambda pair: False
    with pytest.raises(DataError, match=r"photo_3\.png: not a readable"):
        evaluate("bicubic", data=many, scale=2, cluster="any")


def test_classes_are_those_of_one_process(folder):
    pairs, cluster = open_pairs(str(folder), TASK), StandIn()
    here, there = (classify(Largest(), pairs, TASK, cluster=place) for place in (None, cluster))
    assert without_times(there.to_dict()) == without_times(here.to_dict())
    assert sum(map(len, cluster.tasks)) == 7


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("method", METHODS)
def test_every_network_travels_with_the_same_bits(backbone, method):
    torch.manual_seed(0)
    try:
        network = prepared(build(backbone, method, preset="tiny"))
    except SettingError:  # not made with this method
        return
    side = max(24, network.smallest)
    x = torch.rand(1, network.inputs, side, side, generator=torch.Generator().manual_seed(1)) * 255
    with torch.no_grad():
        expected = network(x)
        there = pickle.loads(pickle.dumps(prepared(network)))  # also after it was used
        assert torch.equal(there(x), expected)


# --- files


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".png"}


def test_restored_files_are_those_of_one_process(tmp_path, many, stand_in):
    network = save_checkpoint(tmp_path / "denoise", "denoise")
    (many / "photo_4.png").write_bytes(b"no image")
    here = restore(network, many, out=tmp_path / "here")
    there = restore(network, many, out=tmp_path / "there", cluster="any")
    assert files(tmp_path / "there") == files(tmp_path / "here") and len(files(tmp_path / "there")) == 18
    documents = [found.to_dict() for found in (here, there)]
    for document in documents:
        for image in document["images"]:
            image["file"] = Path(image["file"]).name
            image.pop("seconds")
    assert documents[0] == documents[1]
    assert [item.image for item in there.skipped] == ["photo_4.png"]


def test_an_image_that_ends_workers_is_left_out_by_name(tmp_path, many, stand_in):
    stand_in.deadly = lambda job: job.ref.key == "photo_7.png"
    network = save_checkpoint(tmp_path / "denoise", "denoise")
    found = restore(network, many, out=tmp_path / "out", cluster="any")
    assert [(item.image, item.reason) for item in found.skipped] == [
        ("photo_7.png", "twice ended the process that restored it (signal 9): out of memory, or damaged")
    ]
    assert len(found.images) == len(files(tmp_path / "out")) == 18


def test_results_that_are_there_are_given_to_no_worker(tmp_path, many, stand_in):
    network, out = save_checkpoint(tmp_path / "denoise", "denoise"), tmp_path / "out"
    counts: list[int] = []

    def stop(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(network, many, out=out, cluster="any", progress=stop)
    before = files(out)
    assert len(before) == 10
    (out / min(before)).write_bytes(b"changed")
    stand_in.tasks.clear()
    found = restore(network, many, out=out, cluster="any", progress=lambda done, total: counts.append(done))
    assert found.kept == 9 and counts == list(range(20))
    assert sorted(job.ref.key for run in stand_in.tasks for job in run) == [item.image for item in found.images]
    assert files(out).items() > before.items() and len(files(out)) == 19


# --- tasks


def test_tasks_are_large_images_alone_and_small_ones_together():
    sizes = [1, 2 << 20, 3, 4, 600_000, 600_000, *[5] * 20]
    refs = [ImageRef(str(number), Path("none"), payload=bytes(size)) for number, size in enumerate(sizes)]
    runs = list(in_runs(refs, lambda ref: (ref,)))
    assert [int(ref.key) for run in runs for ref in run] == list(range(len(sizes)))
    assert [len(run) for run in runs] == [1, 1, 3, 8, 8, 5]
    missing = [ImageRef("a", Path("/no/such/file")), ImageRef("b", Path("/no/such/file"))]
    assert list(in_runs(missing, lambda ref: (ref,))) == [tuple(missing)]  # their reader tells
    assert list(in_runs([], lambda ref: (ref,))) == []
