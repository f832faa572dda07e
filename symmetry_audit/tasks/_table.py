"""All tasks by name, and all their options."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from symmetry_audit.catalogue import TASKS as MODULES
from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.tasks._options import Option
from symmetry_audit.tasks._task import ALWAYS, Task

__all__ = ["OPTIONS", "TASKS", "check_blind", "make_task", "read_task"]

TASKS: dict[str, type[Task]] = {name: import_module(module).TASK for name, module in MODULES.items()}
OPTIONS: dict[str, Option] = {option.name: option for task in TASKS.values() for option in task.options}


def make_task(name: str, **options: Any) -> Task:
    """The task ``name`` of ``TASKS`` with its ``options``; None means that an option is not set.

    "sr" takes ``scale`` (2, 3 or 4; default 2), "denoise" ``sigma`` in grey levels (or the lowest and the highest),
    "inpaint" the share ``missing`` of the pixels, ``peak``, the photons at white of Poisson noise, ``mask_seed`` of a
    mask that is always the same, and the sides ``square`` and ``resize`` of the central square; "derain" takes none.
    Raises SettingError for other names and values, and for options that the task does not take.

    >>> make_task("denoise", sigma=50).text
    'denoising, Gaussian noise of sigma 50'
    """
    if name not in TASKS:
        raise SettingError(f'unknown task "{name}".{suggest(str(name), TASKS)}')
    task = TASKS[name]
    own = {option.name: option for option in task.options}
    chosen = {option: value for option, value in options.items() if value is not None}
    if "scale" not in own and chosen.get("scale") == 1:  # every task has it
        del chosen["scale"]
    for option in chosen.keys() - own.keys():
        raise SettingError(_misplaced(option, name))
    for option in own.values():
        if option.required and option.name not in chosen:
            raise SettingError(f"{name} needs {_written(option.name)}, such as {' or '.join(option.examples)}")
    return task(**{option: own[option].check(value) for option, value in chosen.items()})


def read_task(document: Mapping[str, Any]) -> Task:
    """The task that ``Task.to_dict`` described; see ``Task.from_dict``."""
    known = dict.fromkeys(["name", *ALWAYS, *(option.name for task in TASKS.values() for option in task.options)])
    if not isinstance(document, Mapping) or not isinstance(document.get("name"), str):
        raise SettingError(f"a task is described by {', '.join(known)}; got {document!r:.80}")
    if unknown := [str(key) for key in document if key not in known]:
        raise SettingError(f"the task has {', '.join(unknown)}: written by a newer symaudit; update symaudit")
    return make_task(**document)


def check_blind(task: Task) -> None:
    """Raise SettingError for a task that cannot be trained without clean images."""
    if task.blind is None:
        able = " or ".join(name for name, one in TASKS.items() if one.blind is not None)
        raise SettingError(f"--self-supervised is for {able}; remove it for {task.name}")


def _misplaced(option: str, name: str) -> str:
    takers = [other for other, task in TASKS.items() if any(one.name == option for one in task.options)]
    if not takers:
        return f"no task has an option {_written(option)}.{suggest(option, OPTIONS)}"
    return f"{_written(option)} belongs to {' or '.join(takers)}; remove it for {name}"


def _written(option: str) -> str:
    return f"--{option.replace('_', '-')}"
