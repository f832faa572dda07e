"""The settings of a training run, from its options, the report and the recipe, in this order of precedence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symmetry_audit.catalogue import BACKBONES, find_backbone, find_method
from symmetry_audit.errors import SettingError
from symmetry_audit.options import ScheduleOptions, recipe
from symmetry_audit.verbs._train_request import TrainRequest

if TYPE_CHECKING:
    from symmetry_audit.tasks import PatchCache, Task
    from symmetry_audit.training import Start, TrainSettings

__all__ = ["backbone_of", "blind_defaults", "is_blind", "run_settings", "steps_of"]

BLIND_BACKBONE = "unet"
TL_SHARE = 0.4  # share of the steps with a report; the published protocol has 0.6


def run_settings(request: TrainRequest, task: Task, start: Start | None, cache: PatchCache) -> TrainSettings:
    """The settings of the run. Options have precedence over the report, and the report over the recipe."""
    from symmetry_audit.nets import architecture_of, build
    from symmetry_audit.training import make_settings

    backbone = backbone_of(request, task)
    wanted = task.labelled, task.outputs
    fitting = [name for name, one in BACKBONES.items() if (one.classifies, one.outputs) == wanted]
    find_backbone(backbone)  # an unknown one is named with its neighbours
    if backbone not in fitting:
        raise SettingError(f"{backbone} is no network for {task.name}; use {' or '.join(fitting)}")
    method = request.method or (start.method if start else "cnn")
    group = request.group or (start.group if start else None)
    given = request.given(ScheduleOptions)
    relax = given.get("relax", start.relax if start else None)
    name = given.pop("recipe", request.recipe)
    if request.eq_reg is not None:
        given["eq_group"] = _eq_group(group, start)
        group = None if method == "cnn" else group
    elif method == "cnn" and group not in (None, "p1"):
        raise SettingError(
            f"a plain network has no group: add --eq-reg 0.1 to teach it {group}, use --method fconv, sa, ... to "
            f"build {group} in, or use --group p1"
        )
    # building the network checks that the options fit, and finds the method's default group and basis
    network = build(
        backbone,
        method,
        preset=request.preset,
        scale=task.scale,
        group=group,
        basis=request.basis,
        relaxed=relax is not None,
        classes=len(task.class_names) or None,
        partial=request.partial,
    )
    given["relax"] = relax
    policy = _policy(request, task, backbone, method, start, cache)
    return make_settings(
        name,
        **policy | given,
        task=task.to_dict(),
        architecture=architecture_of(network),
        start=(start.w.a, start.w.b) if start and start.w else None,
        audit=dict(start.audit) if start else None,
    )


def _policy(
    request: TrainRequest, task: Task, backbone: str, method: str, start: Start | None, cache: PatchCache
) -> dict[str, Any]:
    """Defaults that depend on the task and the network; options and the recipe have precedence over them."""
    from symmetry_audit.tasks import whole_side

    known, found = recipe(request.recipe), {}
    if (loss := find_backbone(backbone).loss or task.loss) is not None:
        found["loss"] = loss
    if task.labelled and "patch" not in known:
        found["patch"] = whole_side(cache)
    # without clean images the loss transforms the restored ones
    advised = "none" if is_blind(request) else start.augment if start else None
    if (augment := advised or (None if "augment" in known else task.augment)) is not None:
        found["augment"] = augment
    if start is not None and find_method(method).adaptive and "tl_steps" not in known:
        found["tl_steps"] = int(TL_SHARE * steps_of(request))
    return found


def backbone_of(request: TrainRequest, task: Task) -> str:
    """The network structure: the requested one, that of [EI] and [REI] without clean images, else the task's."""
    return request.backbone or (BLIND_BACKBONE if is_blind(request) else task.backbone)


def is_blind(request: TrainRequest) -> bool:
    """Whether the run trains without clean images."""
    return (request.self_supervised or recipe(request.recipe).get("self_supervised")) is not None


def blind_defaults(request: TrainRequest) -> Mapping[str, Any]:
    """What training without clean images adds to the settings of a task."""
    from symmetry_audit.tasks import TASKS

    task = TASKS.get(request.task)
    return (task.blind or {}) if task is not None and is_blind(request) else {}


def steps_of(request: TrainRequest) -> int:
    """The length of the run."""
    asked = "steps" in request.model_fields_set
    return request.steps if asked else recipe(request.recipe).get("steps", request.steps)


def _eq_group(group: str | None, start: Start | None) -> str:
    """The group that EQ-Reg teaches: the requested one, or the one that the report recommends."""
    found = group if group != "p1" else None
    found = found or (start.audit["recommended"] if start else None)
    if found in (None, "p1"):
        raise SettingError("--eq-reg needs a group; add --group, such as --group p4")
    return found
