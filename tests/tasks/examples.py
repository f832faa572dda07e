"""A task of each name, with what its options give as examples."""

from __future__ import annotations

from symmetry_audit.options import TaskSettings
from symmetry_audit.tasks import TASKS, Task, make_task


def example(name: str) -> Task:
    """The task ``name`` with the last example of each of its options, read as the command line reads it."""
    texts = {option.name: option.examples[-1] for option in TASKS[name].options}
    return make_task(name, **TaskSettings(**texts).given(TaskSettings))
