"""Which tolerance two runs are compared with, by what run.json says of their arithmetic."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from symmetry_audit.audit._arithmetic import arithmetic
from symmetry_audit.verification import Tolerance, tolerance_between
from symmetry_audit.verification._tolerance import OTHER, SAME, UNRECORDED

RUN = {
    "device": "cpu",
    "engines": ["harmonics"],
    "versions": {"symaudit": "0.1.0", "torch": "2.13.0"},
    "arithmetic": {"machine": "x86_64", "blas": ["SkylakeX"], "capability": "AVX512"},
}


def changed(part: str, **values: object) -> dict:
    return RUN | {part: {**RUN[part], **values}}


@pytest.mark.parametrize(
    ("old", "tolerance", "why"),
    [
        (RUN, SAME, "same processor capability and versions"),
        (changed("arithmetic", blas=["Zen"]), OTHER, "blas is SkylakeX, was Zen"),
        (
            changed("arithmetic", machine="arm64", capability="DEFAULT"),
            OTHER,
            "machine is x86_64, was arm64; capability",
        ),
        (changed("versions", torch="2.12.0"), OTHER, "torch is 2.13.0, was 2.12.0"),
        (RUN | {"versions": None}, OTHER, "versions are not recorded"),
        (RUN | {"engines": []}, OTHER, "responses are computed in another way"),
        (RUN | {"device": "cuda"}, UNRECORDED, "a GPU rounds otherwise"),
        (RUN | {"arithmetic": None}, UNRECORDED, "run.json does not record the arithmetic of the report"),
        ({}, UNRECORDED, "run.json does not record the arithmetic of the report"),
    ],
)
def test_the_tolerance_and_why(old, tolerance, why):
    found, words = tolerance_between(old, RUN)
    assert found == tolerance
    assert why in words


def test_torch_is_silent_where_it_was_not_in_use():
    silent = RUN | {"arithmetic": {"machine": "x86_64", "blas": ["SkylakeX"]}}
    assert tolerance_between(silent, RUN)[0] == tolerance_between(RUN, silent)[0] == SAME


@pytest.mark.parametrize(
    ("old", "new", "limit", "same", "other"),
    [
        (1.0, 1.0, 0.0, True, True),
        (1 + 0.9e-9, 1.0, 0.0, True, False),
        (1 + 1.1e-9, 1.0, 0.0, False, False),
        (1.2, 1.0, 0.25, True, True),
        (float("nan"), 1.0, 1e9, False, False),
        (None, 1.0, 1e9, False, False),
        (None, None, 1.0, True, True),
        ("a", "a", 1.0, True, True),
        ([1.0, 2.0], [1.1, 2.2], 0.25, True, True),
        ([1.0, 2.0], [1.1, 2.3], 0.25, False, False),
        ([1.0], [1.0, 2.0], 9.0, False, False),
        (1.0, 1.0 + 1e-12, None, False, False),
    ],
)
def test_numbers_and_lists_of_them_are_compared(old, new, limit, same, other):
    assert Tolerance(0, 0, 0, relative=1e-9).allows(old, new, limit) is same
    assert Tolerance(0, 0, 0).allows(old, new, limit) is other


def test_one_image_may_decide_a_mean_over_few():
    found = [(OTHER.over(n).of("dataset_adaptive"), OTHER.over(n).of("dataset_strict")) for n in (1, 5, 16, 17, 900)]
    assert found == [(5e-3, 1e-5), (1e-3, 1e-5), (5e-3 / 16, 1e-5), (3e-4, 1e-5), (3e-4, 1e-5)]
    for tolerance in (SAME, UNRECORDED):
        assert tolerance.over(1) == tolerance


def test_the_arithmetic_is_that_of_this_process_and_leaves_torch_alone():
    code = "import json, sys; from symmetry_audit.audit._arithmetic import arithmetic; found = arithmetic(); "
    code += "print(json.dumps([found, 'torch' in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    found, torch_came = json.loads(done.stdout)
    assert not torch_came and "capability" not in found
    import torch

    here = arithmetic()
    assert here.pop("capability") == torch.backends.cpu.get_cpu_capability()
    assert here == found
    assert set(found) == {"machine", "vendor", "simd", "blas"}


def test_other_kernels_are_seen():
    """As the libraries say when the environment forces kernels of an older processor."""
    code = "from symmetry_audit.audit._arithmetic import arithmetic; found = arithmetic(); print(found['blas'])"
    env = os.environ | {"OPENBLAS_CORETYPE": "Nehalem"}
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, env=env)
    if not any(kind in str(arithmetic()["blas"]) for kind in ("SkylakeX", "Haswell", "Zen", "Cooperlake", "Sapphire")):
        pytest.skip("numpy has no OpenBLAS of several kernels here")
    assert done.stdout == "['Nehalem']\n"
