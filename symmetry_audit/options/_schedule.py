"""Options of how a network is trained, and the recipes that give them other defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.options._option import Option, Options, option_of
from symmetry_audit.options._parsed import LAYERS

__all__ = ["RECIPES", "ScheduleOptions", "recipe", "shown_default"]


class ScheduleOptions(Options):
    """How a network is trained. Defaults are those of no recipe; ``RECIPES`` replaces some of them."""

    heading: ClassVar[str] = "Training (defaults of the recipe quick)"

    recipe: Annotated[
        str,
        Option(
            "Defaults of the options below: quick, or a published protocol such as sa-sr.", complete=lambda: RECIPES
        ),
    ] = "quick"
    steps: Annotated[int, Ge(1), Option("Steps of all stages together.")] = 20_000
    # minutes stop earlier and speed the schedule up, at the price that two such runs are not equal bit for bit
    minutes: Annotated[float | None, Gt(0), Option("Stop, and end the schedule, after this time.")] = None
    tl_steps: Annotated[
        int,
        Ge(0),
        Option("Steps of SA's first stage, without its hypernetwork (TL).", default="40 % after a report, else 0"),
    ] = 0
    batch: Annotated[int, Ge(1), Option("Patches per step, over all processes.")] = 16
    accumulate: Annotated[int, Ge(1), Option("Parts into which a batch is cut.")] = 1
    patch: Annotated[int, Ge(8), Option("Side of an input patch in pixels.")] = 48
    augment: Annotated[
        Literal["flips+turns", "flips", "hflip", "none"],
        Option("Augmentation of patches.", default="flips+turns; hflip for rain, which falls downwards"),
    ] = "flips+turns"
    loss: Annotated[
        Literal["l1", "mse", "stages"],
        Option("Loss; stages is RCDNet's own, over everything that it unrolls.", default="l1; stages for rcdnet"),
    ] = "l1"
    lr: Annotated[float, Gt(0), Option("Learning rate of Adam.")] = 1e-3
    schedule: Annotated[Literal["constant", "cosine", "multistep"], Option("Learning rate over the steps.")] = "cosine"
    warmup: Annotated[int, Ge(0), Option("Steps over which the learning rate rises.")] = 0
    clip: Annotated[float | None, Gt(0), Option("Largest norm of the gradient.")] = None
    ema: Annotated[
        float | None, Gt(0), Lt(1), Option("Validate and keep averaged weights of this decay, such as 0.999.")
    ] = None
    precision: Annotated[Literal["fp32", "bf16", "fp16", "fp64"], Option("Number format of the forward pass.")] = "fp32"
    compile: Annotated[bool, Option("Compile the network with torch.compile.")] = False
    seed: Annotated[int, Ge(0), Option("Seed of weights, patches and noise.")] = 0
    validate_every: Annotated[int, Ge(1), Option("Steps between validations; the state is saved as often.")] = 500
    log_every: Annotated[int, Ge(1), Option("Steps between rows of log.csv.")] = 50
    hyper_init: Annotated[
        Literal["zero", "audit"],
        Option("Start of SA's hypernetwork: zero as published, or first fitted to the audit's w_n."),
    ] = "zero"
    eq_reg: Annotated[
        float | None,
        Gt(0),
        Option("EQ-Reg: add this much of the equivariance error under --group, whatever the network is."),
    ] = None
    eq_layers: Annotated[
        int | tuple[str, ...] | None,
        LAYERS,
        Option("Layers of --eq-reg: the first N, or names such as body.*,output.", default="all"),
    ] = None
    relax: Annotated[
        float | None,
        Ge(0),
        Option("Relax equivariant layers: a free filter beside each, whose squares cost this much."),
    ] = None
    # of recipes alone
    stage2_lr: Annotated[float, Gt(0)] = 0.5  # beside lr, once the hypernetwork runs after tl_steps
    milestones: tuple[float, ...] = ()  # of "multistep", as parts of the first (or only) stage
    stage2_milestones: tuple[float, ...] = ()
    gamma: Annotated[float, Gt(0), Le(1)] = 0.5


SR = {"batch": 16, "patch": 48, "augment": "flips+turns", "loss": "l1", "schedule": "multistep", "validate_every": 1000}
# The published protocols (released code of [SA]; epochs of 1000 steps, the last of which it never runs), and ours
RECIPES: dict[str, dict[str, Any]] = {
    "quick": {"warmup": 100},
    "sa-sr-stage1": SR | {"steps": 149_000, "lr": 1e-4, "milestones": (100 / 149,)},
    "sa-sr": SR
    | {
        "steps": 248_000,
        "tl_steps": 149_000,
        "lr": 1e-4,
        "milestones": (100 / 149,),
        "stage2_milestones": (50 / 99,),
    },
    "sa-denoise-stage1": SR | {"augment": "none", "steps": 149_000, "lr": 1.3e-4, "milestones": (100 / 149,)},
    "sa-denoise": SR
    | {
        "augment": "none",
        "steps": 248_000,
        "tl_steps": 149_000,
        "lr": 1.3e-4,
        "milestones": (100 / 149,),
        "stage2_milestones": (50 / 99,),
    },
    # 16,600 samples an epoch, 99 epochs, a fifth of the rate every 45
    "sa-derain": {
        "batch": 16,
        "patch": 64,
        "augment": "hflip",
        "loss": "stages",
        "schedule": "multistep",
        "steps": 102_713,
        "lr": 4e-4,
        "milestones": (45 / 99, 90 / 99),
        "gamma": 0.2,
        "validate_every": 1038,
    },
}


def shown_default(request: type[Options], name: str) -> str | None:
    """What help texts say about the default of an option; None for nothing."""
    field = request.model_fields[name]
    option = option_of(field)
    if option is not None and option.default is not None:
        return option.default
    usual = RECIPES["quick"] if issubclass(request, ScheduleOptions) else {}
    value = usual.get(name, field.default)
    if field.is_required() or value is None or value is False or value == ():
        return None
    return name.replace("_", "-") if value is True else f"{value}"


def recipe(name: str) -> Mapping[str, Any]:
    """The defaults of the recipe ``name``. Raises SettingError for an unknown one."""
    if name not in RECIPES:
        raise SettingError(f'no recipe is called "{name}".{suggest(name, RECIPES)}')
    return RECIPES[name]
