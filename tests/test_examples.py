"""The public surface is documented: every name has an example that runs as it stands, with its own imports."""

from __future__ import annotations

import doctest
import importlib
import inspect

import pytest

from symmetry_audit import verbs

PUBLIC = [
    (module, name)
    for module in ("symmetry_audit.layers", "symmetry_audit.testing")
    for name in importlib.import_module(module).__all__
    if callable(getattr(importlib.import_module(module), name))
]
PUBLIC += [("symmetry_audit.verbs", name) for name in verbs.__all__ if hasattr(getattr(verbs, name), "request")]


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_a_public_name_has_an_example_that_runs(module: str, name: str) -> None:
    documented = inspect.getdoc(getattr(importlib.import_module(module), name)) or ""
    example = doctest.DocTestParser().get_doctest(documented, {}, name, module, 0)
    assert example.examples, f"{module}.{name} has no example"
    assert not doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example).failed
