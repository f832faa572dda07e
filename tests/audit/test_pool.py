"""The threads that images are measured in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, get_ident
from typing import Any

import pytest
import torch

from symmetry_audit.audit import _pool
from symmetry_audit.audit._pool import pooled
from symmetry_audit.data import ImageRef
from symmetry_audit.errors import OutOfMemory


@pytest.mark.parametrize(("device", "expected"), [("cpu", 0), ("cuda", 3)])
def test_every_thread_has_a_stream_of_its_own_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch, device: str, expected: int
) -> None:
    current: dict[int, object] = {}
    together = Barrier(3)

    def work(ref: ImageRef) -> Any:
        together.wait(20)
        return current.get(get_ident())

    monkeypatch.setattr(torch.cuda, "Stream", object)
    monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: current.update({get_ident(): stream}))
    refs = [ImageRef(name, Path(name)) for name in "abc"]
    found = [outcome for _, outcome in pooled(work, iter(refs), 3, device)]
    assert len(found) == 3
    assert len({id(stream) for stream in found if stream is not None}) == expected


def test_a_run_ends_where_memory_does() -> None:
    """An image left out for it would be another one in the next run."""

    def work(ref: ImageRef) -> Any:
        raise MemoryError

    with pytest.raises(OutOfMemory, match=r"^not enough memory to measure a; try again with fewer --workers$"):
        list(pooled(work, iter([ImageRef("a", Path("a"))]), 1))


def test_bytes_that_come_with_images_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members of archives wait with their bytes; slices of one volume share theirs."""
    monkeypatch.setattr(_pool, "MOST_HELD", 5)
    taken: list[str] = []

    def refs(payloads: list[bytes]) -> Iterator[ImageRef]:
        for at, payload in enumerate(payloads):
            taken.append(str(at))
            yield ImageRef(str(at), Path("a.zip"), str(at), payload)

    ahead = []
    for _ in pooled(lambda ref: ref, refs([bytes([at] * 3) for at in range(8)]), 4):  # pyright: ignore
        ahead.append(len(taken) - len(ahead))
    assert len(taken) == 8 and max(ahead) <= 2
    taken.clear()
    next(pooled(lambda ref: ref, refs([b"volume"] * 2 + [b"x"] * 6), 4))  # pyright: ignore
    assert len(taken) == 1
