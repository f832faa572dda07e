"""A task of each name, with what its options give as examples."""

from __future__ import annotations

from symmetry_audit.tasks import TASKS, Task, make_task


def example(name: str) -> Task:
    """The task ``name`` with the last example of each of its options."""
    return make_task(name, **{option.name: option.read(option.examples[-1]) for option in TASKS[name].options})
