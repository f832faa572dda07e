"""Names of symmetry_audit.data are imported when first used; editors and checkers see the same ones."""

from __future__ import annotations

import ast
import inspect

from symmetry_audit import data


def test_what_checkers_see_is_what_there_is() -> None:
    blocks = [node for node in ast.parse(inspect.getsource(data)).body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: node.module for node in imports for alias in node.names}
    assert seen == data._HOMES
    assert sorted(seen) == sorted(data.__all__)
