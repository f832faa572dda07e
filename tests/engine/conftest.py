"""What the tests of the engine share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from symmetry_audit.audit._pool import single_threaded


@pytest.fixture
def cuda(cuda: str) -> Iterator[str]:
    """The CUDA device in full float32, as in a run."""
    with single_threaded():
        yield cuda
