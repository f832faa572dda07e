"""Everything that changes the numbers of an audit, validated once, as one frozen value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from numbers import Real
from pathlib import Path
from typing import Any

from symmetry_audit.data import DEFAULT_MAX_PIXELS
from symmetry_audit.errors import ReportError, SettingError, suggest
from symmetry_audit.groups import MAX_RATIO, Group
from symmetry_audit.kernels import (
    DEFAULT_REGULARIZERS,
    STENCILS,
    KernelModel,
    Stencil,
    kernel_model,
    load_stencils,
    window_radius,
)
from symmetry_audit.results import JOINT, SCENARIOS

__all__ = [
    "JOINT_REGULARIZERS",
    "PER_REGULARIZER",
    "RESPONSES",
    "AuditSettings",
    "fit_settings",
    "make_settings",
]

RESPONSES = ("abs", "energy")
CLUSTERS = ("image", "folder", "duplicates")
PER_REGULARIZER = "per-regularizer"
JOINT_REGULARIZERS = ("tv", "tv2", "sobel", "prewitt")
ADAPTIVE = "dataset_adaptive"
MAX_DOWNSCALE = 64


@dataclass(frozen=True)
class AuditSettings:
    """Settings of one audit; ``report.json`` holds them as ``to_dict`` gives them.

    ``margin`` in px; ``sigmas`` in px, (None,) for kernel models without one; every combination of
    ``sigmas`` and ``downscale`` is measured. ``limit`` keeps the first images, ``seed`` chooses the
    single image of ``sample_strict`` and everything else drawn at random, larger images than ``max_pixels``
    are left out. ``fit`` says whose w_n the adaptive scenario uses: "per-regularizer" (each regularizer its
    own), "joint", or a regularizer's name; ``affine`` is the SHA-256 of a file of fits to use in place of new
    ones. ``controls`` adds what tells how far to trust an adaptive row: other regularizers' and other scales'
    fits, held-out halves, refitted isotropic fields and random deformations. ``clusters`` says what the bootstrap
    draws: single images, whole sub-folders, or groups of pixel-identical images.
    """

    group: Group
    stencils: tuple[Stencil, ...]
    kernel: str
    sigmas: tuple[float | None, ...]
    margin: int
    response: str
    scenarios: tuple[str, ...]
    downscale: tuple[int, ...]
    limit: int | None
    seed: int
    max_pixels: int
    fit: str = PER_REGULARIZER
    affine: str | None = None
    controls: bool = True
    clusters: str = "image"

    @property
    def adaptive(self) -> bool:
        """Whether images are fitted and measured under their own groups."""
        return ADAPTIVE in self.scenarios

    @property
    def models(self) -> tuple[KernelModel, ...]:
        """One kernel model per entry of ``sigmas``."""
        return tuple(kernel_model(self.kernel, sigma) for sigma in self.sigmas)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; the inverse is ``from_dict``."""
        return {
            "group": str(self.group),
            "regularizers": [
                {"name": item.name, "title": item.title, "points": [list(point) for point in item.points]}
                for item in self.stencils
            ],
            "kernel": self.kernel,
            "sigma": list(self.sigmas),
            "margin": self.margin,
            "response": self.response,
            "scenarios": list(self.scenarios),
            "downscale": list(self.downscale),
            "limit": self.limit,
            "seed": self.seed,
            "max_pixels": self.max_pixels,
            "fit": self.fit,
            "affine": self.affine,
            "controls": self.controls,
            "clusters": self.clusters,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> AuditSettings:
        """Read the ``settings`` of a report. Raises ReportError where they are damaged."""
        try:
            stencils = tuple(
                Stencil(item["name"], item["title"], tuple((x, y, w) for x, y, w in item["points"]))
                for item in document["regularizers"]
            )
            return cls(
                group=Group.parse(document["group"]),
                stencils=stencils,
                kernel=document["kernel"],
                sigmas=tuple(document["sigma"]),
                margin=document["margin"],
                response=document["response"],
                scenarios=tuple(document["scenarios"]),
                downscale=tuple(document["downscale"]),
                limit=document["limit"],
                seed=document["seed"],
                max_pixels=document["max_pixels"],
                fit=document["fit"],
                affine=document["affine"],
                controls=document["controls"],
                clusters=document["clusters"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ReportError(f"the report's settings are damaged ({error}); measure again with --force") from None


def make_settings(
    *,
    reg: str | Iterable[str] | None = None,
    stencils: str | Path | None = None,
    group: str = "p32",
    kernel: str = "gaussian",
    sigma: float | Sequence[float] | None = None,
    margin: int | None = None,
    response: str = "abs",
    scenario: str | Iterable[str] | None = None,
    downscale: int | Sequence[int] | None = None,
    limit: int | None = None,
    seed: int = 0,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    fit: str = PER_REGULARIZER,
    affine: str | None = None,
    controls: bool = True,
    clusters: str = "image",
) -> AuditSettings:
    """Validate what a user asked for; names may come as comma lists. Raises SettingError.

    The default margin is ceil(2 x the widest kernel's support radius): room for the adaptive scenario, so
    that strict and adaptive rows are measured on the same pixels (SPEC 3). ``downscale`` adds coarser
    copies to the audit of the images as they are. Without ``scenario`` all three are measured, or the strict
    ones alone where no regularizer depends on direction, so that nothing could be fitted.
    """
    chosen = _stencils(reg, stencils)
    sigmas = _numbers("sigma", sigma) or (None,)
    margin = None if margin is None else _whole("margin", margin, 0)
    models = [kernel_model(kernel, value) for value in sigmas]
    scenarios = _scenarios(scenario, chosen)
    if affine is not None and ADAPTIVE not in scenarios:
        raise SettingError(f"--affine gives w for {ADAPTIVE}, which is not measured; leave it out")
    stretch = MAX_RATIO if ADAPTIVE in scenarios else 1.0
    least = max(window_radius(item, model, stretch) for item in chosen for model in models)
    room = ceil(MAX_RATIO * max(model.support(item.radius) for item in chosen for model in models) - 1e-9)
    if margin is not None and margin < least:
        strict = f", or --scenario {','.join(SCENARIOS[:2])}" if ADAPTIVE in scenarios else ""
        raise SettingError(f"--margin {margin} is narrower than the kernel window; use at least {least} px{strict}")
    factors = sorted({1, *_numbers("downscale", downscale)})
    if factors[0] < 1 or factors[-1] > MAX_DOWNSCALE or any(factor != int(factor) for factor in factors):
        raise SettingError(f"--downscale takes whole factors from 2 to {MAX_DOWNSCALE}")
    return AuditSettings(
        group=Group.parse(str(group)),
        stencils=chosen,
        kernel=kernel,
        sigmas=tuple(model.sigma for model in models),
        margin=room if margin is None else margin,
        response=_choice("response", response, RESPONSES),
        scenarios=scenarios,
        downscale=tuple(int(factor) for factor in factors),
        limit=None if limit is None else _whole("limit", limit, 1),
        seed=_whole("seed", seed, None),
        max_pixels=_whole("max-pixels", max_pixels, 1),
        fit=_fit(fit, chosen),
        affine=affine,
        controls=bool(controls),
        clusters=_choice("clusters", clusters, CLUSTERS),
    )


def fit_settings(
    *, reg: str | Iterable[str] | None = None, stencils: str | Path | None = None, **rest: Any
) -> AuditSettings:
    """Settings of a run that only fits; by default the regularizers of the joint fit. Raises SettingError."""
    names = _names(reg) or (JOINT_REGULARIZERS if stencils is None else None)
    return make_settings(reg=names, stencils=stencils, scenario=ADAPTIVE, controls=False, **rest)


def _stencils(reg: str | Iterable[str] | None, file: str | Path | None) -> tuple[Stencil, ...]:
    own = load_stencils(Path(file)) if file else {}
    known = {**STENCILS, **own}
    # a stencil file without --reg means: the default five and those in the file
    names = _names(reg) or (*DEFAULT_REGULARIZERS, *own)
    return tuple(known[_choice("regularizer", name, known)] for name in names)


def _scenarios(scenario: str | Iterable[str] | None, stencils: tuple[Stencil, ...]) -> tuple[str, ...]:
    names = [_choice("scenario", name, (*SCENARIOS, "all")) for name in _names(scenario)]
    wanted = SCENARIOS if "all" in names or not names else tuple(name for name in SCENARIOS if name in names)
    if ADAPTIVE not in wanted or any(stencil.directed for stencil in stencils):
        return wanted
    if names:
        raise SettingError(f"{ADAPTIVE} needs a regularizer that depends on direction; add --reg tv")
    return SCENARIOS[:2]


def _fit(fit: str, stencils: tuple[Stencil, ...]) -> str:
    """``fit`` once it names a way to fit that the run's regularizers allow."""
    directed = [stencil.name for stencil in stencils if stencil.directed]
    if fit in {stencil.name for stencil in stencils} - set(directed):
        raise SettingError(f'--fit "{fit}" does not depend on direction, so no deformation can be fitted to it')
    return _choice("fit", fit, (PER_REGULARIZER, JOINT, *directed))


def _names(values: str | Iterable[str] | None) -> tuple[str, ...]:
    """Flatten "a,b" and ["a", "b,c"] into names without repeats, in order."""
    values = [values] if isinstance(values, str) else values or []
    names = (name.strip() for value in values for name in value.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def _numbers(name: str, values: float | Iterable[float] | None) -> tuple[float, ...]:
    """One number or several as distinct floats, in order."""
    if values is None:
        return ()
    try:
        several = [values] if isinstance(values, Real) else [float(value) for value in values]
        return tuple(dict.fromkeys(float(value) for value in several))
    except (TypeError, ValueError):
        raise SettingError(f"--{name} takes a number or several, got {values!r}") from None


def _whole(name: str, value: object, least: int | None) -> int:
    """``value`` as an int of at least ``least``."""
    if not isinstance(value, Real) or isinstance(value, bool) or not isfinite(value) or value != int(value):
        raise SettingError(f"--{name} takes a whole number, got {value!r}")
    if least is not None and value < least:
        raise SettingError(f"--{name} must be at least {least}, got {value}")
    return int(value)


def _choice(kind: str, name: str, choices: Iterable[str]) -> str:
    if name not in choices:
        raise SettingError(f'unknown {kind} "{name}".{suggest(name, choices)}')
    return name
