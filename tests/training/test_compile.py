"""--compile: the same losses and weights, filters and hypernetwork included."""

from __future__ import annotations

import shutil

import pytest
import torch

pytestmark = [
    pytest.mark.slow,
    # torch's own compiler still uses torch.jit
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
    pytest.mark.skipif(not any(map(shutil.which, ("g++", "c++", "clang++"))), reason="no C++ compiler"),
]


@pytest.mark.parametrize("method", ["fconv", "sa"])
def test_a_compiled_run_takes_the_same_steps(run, settings, method):
    plain = run(settings(method, steps=3, precision="fp64", lr=1e-3), "plain").best.weights
    compiled = run(settings(method, steps=3, precision="fp64", lr=1e-3, compile=True), "compiled").best.weights
    for name, value in plain.items():
        torch.testing.assert_close(compiled[name], value, rtol=0, atol=1e-9, check_dtype=True)
