"""Options that say how a network is trained, and the recipes that change their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.options._option import Option, Options, option_of
from symmetry_audit.options._parsed import LAYERS

__all__ = ["RECIPES", "ScheduleOptions", "recipe", "shown_default"]


class ScheduleOptions(Options):
    """How a network is trained. The defaults belong to no recipe; ``RECIPES`` replaces some of them."""

    heading: ClassVar[str] = "Training (defaults of the recipe quick)"

    recipe: Annotated[
        str,
        Option(
            "Recipe that sets the defaults of the options below: quick, or a published protocol such as sa-sr.",
            complete=lambda: RECIPES,
        ),
    ] = "quick"
    steps: Annotated[int, Ge(1), Option("Number of steps, all stages together.")] = 20_000
    # a time limit ends the run earlier and compresses the schedule, so two such runs are not equal bit for bit
    minutes: Annotated[float | None, Gt(0), Option("Time limit; the schedule of the learning rate ends with it.")] = (
        None
    )
    tl_steps: Annotated[
        int,
        Ge(0),
        Option(
            "Steps of SA's first stage, which trains without the hypernetwork (as TL).",
            default="40 % of the steps with --from-report, else 0",
        ),
    ] = 0
    batch: Annotated[int, Ge(1), Option("Patches per step, all processes together.")] = 16
    accumulate: Annotated[int, Ge(1), Option("Number of parts into which a batch is cut to save memory.")] = 1
    patch: Annotated[int, Ge(8), Option("Side of a degraded patch in px.")] = 48
    augment: Annotated[
        Literal["flips+turns", "flips", "hflip", "none", "rotations"],
        Option(
            "Augmentation of patches; rotations (left-right flips and any angle) is for classify.",
            default="flips+turns; hflip for deraining, since rain falls downwards",
        ),
    ] = "flips+turns"
    loss: Annotated[
        Literal["l1", "mse", "stages", "mar", "cross-entropy"],
        Option(
            "Loss function. stages (RCDNet) and mar (networks against metal artefacts) sum over unrolled stages.",
            default="the task's or the network's own, else l1",
        ),
    ] = "l1"
    self_supervised: Annotated[
        Literal["ei", "rei"] | None,
        Option(
            "Train without clean images, in place of --loss: equivariant imaging, or rei, which knows the noise. "
            "For inpaint and denoise."
        ),
    ] = None
    transforms: Annotated[
        Literal["shifts", "rotations", "quarter-turns"],
        Option("What --self-supervised does to restored images, which should look no less natural afterwards."),
    ] = "shifts"
    ei_weight: Annotated[float, Ge(0), Option("Weight of the transformed images in the loss of --self-supervised.")] = (
        1.0
    )
    lr: Annotated[float, Gt(0), Option("Initial learning rate of Adam.")] = 1e-3
    schedule: Annotated[
        Literal["constant", "cosine", "multistep"], Option("How the learning rate changes over the steps.")
    ] = "cosine"
    warmup: Annotated[int, Ge(0), Option("Steps over which the learning rate rises at the start.")] = 0
    clip: Annotated[
        float | None, Gt(0), Option("Largest norm of the gradient; longer gradients are shortened to it.")
    ] = None
    ema: Annotated[
        float | None,
        Gt(0),
        Lt(1),
        Option("Validate and save an exponential moving average of the weights with this decay, such as 0.999."),
    ] = None
    precision: Annotated[Literal["fp32", "bf16", "fp16", "fp64"], Option("Number format of the forward pass.")] = "fp32"
    compile: Annotated[bool, Option("Compile the network with torch.compile.")] = False
    seed: Annotated[int, Ge(0), Option("Seed for weights, patches and noise.")] = 0
    validate_every: Annotated[int, Ge(1), Option("Steps between validations. The state is saved at each of them.")] = (
        500
    )
    log_every: Annotated[int, Ge(1), Option("Steps between rows of log.csv.")] = 50
    hyper_init: Annotated[
        Literal["zero", "audit"],
        Option(
            "Start of SA's hypernetwork: zero, as published, or audit, which first fits it to the w_n of the audit."
        ),
    ] = "zero"
    eq_reg: Annotated[
        float | None,
        Ge(0),
        Option("EQ-Reg: add the equivariance error under --group to the loss, with this weight. Any network will do."),
    ] = None
    eq_output: Annotated[
        float | None,
        Ge(0),
        Option(
            "Weight of the output's own term in EQ-Reg: of a classifier, of the invariance of its logits.",
            default="that of --eq-reg",
        ),
    ] = None
    eq_paired: Annotated[
        bool,
        Option("Train on the batch that EQ-Reg rotates, too; with --eq-reg 0 this is augmentation by rotated pairs."),
    ] = False
    eq_layers: Annotated[
        int | tuple[str, ...] | None,
        LAYERS,
        Option("Layers that --eq-reg compares: the first N, or names such as body.*,output.", default="all"),
    ] = None
    relax: Annotated[
        float | None,
        Ge(0),
        Option(
            "Relax equivariant layers: add a free filter to each. This is the weight of its squared norm in the loss."
        ),
    ] = None
    # set by recipes only
    stage2_lr: Annotated[float, Gt(0)] = 0.5  # factor of lr, once the hypernetwork runs after tl_steps
    milestones: tuple[float, ...] = ()  # of "multistep", as fractions of the first (or only) stage
    stage2_milestones: tuple[float, ...] = ()
    gamma: Annotated[float, Gt(0), Le(1)] = 0.5


SR = {"batch": 16, "patch": 48, "augment": "flips+turns", "loss": "l1", "schedule": "multistep", "validate_every": 1000}
BLIND = {"batch": 1, "patch": 256, "augment": "none", "schedule": "multistep", "gamma": 0.1, "validate_every": 900}
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
    # 90 images an epoch, 500 epochs of [REI] and 2000 of [EI]
    "rei-inpaint": BLIND | {"self_supervised": "rei", "steps": 45_000, "lr": 1e-4, "milestones": (0.2, 0.4, 0.6, 0.8)},
    "ei-inpaint": BLIND | {"self_supervised": "ei", "steps": 180_000, "lr": 1e-3, "milestones": (0.25, 0.5, 0.75)},
}


def shown_default(request: type[Options], name: str) -> str | None:
    """The default of an option as help texts show it; None if they show nothing."""
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
    """The defaults of the recipe ``name``. Raises SettingError for an unknown recipe."""
    if name not in RECIPES:
        raise SettingError(f'no recipe is called "{name}".{suggest(name, RECIPES)}')
    return RECIPES[name]
