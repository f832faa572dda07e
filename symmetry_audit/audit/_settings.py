"""Everything that changes the numbers of an audit, validated once, as one frozen value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from symmetry_audit.audit._masks import open_masks
from symmetry_audit.data import Reading, ShardedSource
from symmetry_audit.errors import SettingError, one_line, suggest
from symmetry_audit.groups import MAX_RATIO, Group
from symmetry_audit.kernels import (
    DEFAULT_REGULARIZERS,
    RESPONSES,
    STENCILS,
    KernelModel,
    Stencil,
    kernel_model,
    load_stencils,
    window_radius,
)
from symmetry_audit.options import (
    AdaptiveOptions,
    AuditOptions,
    BandOptions,
    CtOptions,
    DomainOptions,
    ImageOptions,
    MeasuredOptions,
    MeasureOptions,
    QuickLookOptions,
)
from symmetry_audit.results import JOINT, SCENARIOS, Origin, read_fields
from symmetry_audit.wording import GREY_LEVELS, HU

if TYPE_CHECKING:
    from symmetry_audit.data import ImageSource

__all__ = [
    "JOINT_REGULARIZERS",
    "PER_REGULARIZER",
    "AuditSettings",
    "clustered_settings",
    "fit_settings",
    "fits_digest",
    "make_settings",
    "strict_settings",
]

CLUSTERS = ("image", "folder", "duplicates", "series")
AUTO = "auto"  # the clusters that the images themselves suggest
PER_REGULARIZER = "per-regularizer"
JOINT_REGULARIZERS = ("tv", "tv2", "sobel", "prewitt")
ADAPTIVE, STRICT = SCENARIOS[2], SCENARIOS[:2]
MAX_DOWNSCALE = 64
REQUIRED = ("group", "regularizers", "sigma", "margin", "scenarios", "downscale")  # in every report
OLDER = {"control_images": "all", "clusters": "image"}  # what versions without these options did
ORIGIN = Origin("the report", "measure again with --force")


class AuditSettings(
    MeasuredOptions, ImageOptions, BandOptions, DomainOptions, CtOptions, QuickLookOptions, AdaptiveOptions
):
    """Settings of one audit; ``report.json`` holds them as ``to_dict`` gives them.

    Besides the options that are settings as they are: the ``group``; the regularizers' ``stencils``; ``sigmas`` in px,
    (None,) for kernel models without one; ``margin`` in px; every combination of ``sigmas`` and ``downscale`` is
    measured. ``affine`` is the SHA-256 of a file of fits to use in place of new ones, ``mask`` that of the user's
    masks.
    """

    group: Group
    stencils: tuple[Stencil, ...]
    sigmas: tuple[float | None, ...]
    margin: int
    scenarios: tuple[str, ...]
    downscale: tuple[int, ...]
    affine: str | None = None
    mask: str | None = None

    if TYPE_CHECKING:  # pydantic gives a frozen class its hash, unseen by type checkers

        def __hash__(self) -> int: ...

    @property
    def adaptive(self) -> bool:
        """Whether images are fitted and measured under their own groups."""
        return ADAPTIVE in self.scenarios

    @property
    def fitted(self) -> bool:
        """Whether images are fitted, so that w is not known before."""
        return self.adaptive and self.affine is None

    @overload
    def images_of(self, source: ImageSource) -> ImageSource: ...
    @overload
    def images_of(self, source: ImageSource | ShardedSource) -> ImageSource | ShardedSource: ...
    def images_of(self, source: ImageSource | ShardedSource) -> ImageSource | ShardedSource:
        """The images of ``source`` to measure: the first ones, a random sample (of whole shards, if any), or all."""
        return source.limited(self.limit, self.sample, self.seed)

    @property
    def reading(self) -> Reading:
        """How samples become luminance."""
        return Reading({"HU": HU, "grey": GREY_LEVELS, None: None}[self.unit], self.window)

    @property
    def models(self) -> tuple[KernelModel, ...]:
        """One kernel model per entry of ``sigmas``."""
        return tuple(kernel_model(self.kernel, sigma) for sigma in self.sigmas)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; the inverse is ``from_dict``."""
        own = {
            "group": str(self.group),
            "regularizers": [
                {"name": item.name, "title": item.title, "points": [list(point) for point in item.points]}
                for item in self.stencils
            ],
            "sigma": list(self.sigmas),
            "margin": self.margin,
            "scenarios": list(self.scenarios),
            "downscale": list(self.downscale),
            "affine": self.affine,
            "mask": self.mask,
        }
        kinds = (
            *(MeasuredOptions, ImageOptions, BandOptions, DomainOptions, CtOptions),
            *(QuickLookOptions, AdaptiveOptions),
        )
        options = {name: value for kind in kinds for name, value in self.only(kind).items()}
        listed = {name: list(value) for name, value in options.items() if isinstance(value, tuple)}
        return own | options | listed

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> AuditSettings:
        """Read the ``settings`` of a report, also of an older one: a missing option takes its default, except that
        versions without ``control_images`` controlled all images and those without ``clusters`` drew images.

        Raises ReportError where they are damaged or of a newer version.
        """
        optional = {name: field.default for name, field in cls.model_fields.items() if not field.is_required()}
        values = read_fields(document, ORIGIN, REQUIRED, optional | OLDER, "settings")
        try:
            return cls(
                group=Group.parse(values.pop("group")),
                stencils=tuple(
                    Stencil(item["name"], item["title"], tuple((x, y, w) for x, y, w in item["points"]))
                    for item in values.pop("regularizers")
                ),
                sigmas=tuple(values.pop("sigma")),
                **values,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ORIGIN.damaged(f"settings: {one_line(error)}") from None


def make_settings(options: MeasureOptions | None = None, /, **asked: Any) -> AuditSettings:
    """Settings of the audit that ``options``, or ``MeasureOptions(**asked)``, ask for. Raises SettingError.

    The default margin is ceil(2 x the widest kernel's support radius): room for the
    adaptive scenario, so that strict and adaptive rows are measured on the same pixels (SPEC 3). ``downscale`` adds
    coarser copies to the audit of the images as they are. Without ``scenario`` all three are measured, or the strict
    ones alone where nothing could be fitted: no regularizer depends on direction, or w is that of the pixel spacing.
    """
    options = MeasureOptions(**asked) if options is None else options
    chosen = _stencils(tuple(options.reg or ()), Path(options.stencils) if options.stencils else None)
    models = [kernel_model(options.kernel, sigma) for sigma in _numbers(options.sigma) or (None,)]
    scenarios = _scenarios(tuple(options.scenario or ()), chosen, body=options.spacing)
    if options.limit is not None and options.sample is not None:
        raise SettingError("--limit takes the first images and --sample a random sample of all; give one of them")
    if options.affine is not None and ADAPTIVE not in scenarios:
        raise SettingError(f"--affine gives w for {ADAPTIVE}, which is not measured; drop --affine")
    margin, factors = options.margin, sorted({1, *map(int, _numbers(options.downscale))})
    stretch = MAX_RATIO if ADAPTIVE in scenarios or options.spacing else 1.0
    least = max(window_radius(item, model, stretch) for item in chosen for model in models)
    room = ceil(MAX_RATIO * max(model.support(item.radius) for item in chosen for model in models) - 1e-9)
    if margin is not None and margin < least:
        strict = f", or --scenario {','.join(STRICT)}" if ADAPTIVE in scenarios else ""
        raise SettingError(f"--margin {margin} is narrower than the kernel window; use at least {least} px{strict}")
    if factors[0] < 1 or factors[-1] > MAX_DOWNSCALE:
        raise SettingError(f"--downscale takes whole factors from 2 to {MAX_DOWNSCALE}")
    _choice("response", options.response, RESPONSES)
    _choice("clusters", options.clusters, (*CLUSTERS, AUTO))
    if options.window is not None and not options.window[1] > 0:
        raise SettingError("--window takes LEVEL,WIDTH in HU with a width above 0, such as 40,400")
    _check_fit(options.fit, chosen)
    _check_tile(options, factors)
    adaptive = options.only(AdaptiveOptions)
    if options.clusters == AUTO:
        adaptive["clusters"] = "image"
    return AuditSettings(
        group=Group.parse(options.group),
        stencils=chosen,
        sigmas=tuple(model.sigma for model in models),
        margin=room if margin is None else margin,
        scenarios=scenarios,
        downscale=tuple(factors),
        affine=None if options.affine is None else fits_digest(Path(options.affine)),
        mask=None if options.mask is None else open_masks(Path(options.mask)).sha256(),
        **options.only(MeasuredOptions),
        **options.only(ImageOptions),
        **options.only(BandOptions),
        **options.only(DomainOptions),
        **options.only(CtOptions),
        **options.only(QuickLookOptions),
        **adaptive,
    )


def strict_settings(settings: AuditSettings) -> AuditSettings | None:
    """``settings`` without the rows that need fits, on the same pixels; None where there are none of either kind."""
    strict = tuple(name for name in settings.scenarios if name != ADAPTIVE)
    return settings.model_copy(update={"scenarios": strict}) if strict and settings.adaptive else None


def clustered_settings(
    settings: AuditSettings, options: MeasureOptions, source: ImageSource | ShardedSource
) -> AuditSettings:
    """``settings`` whose bootstrap draws series, where ``source`` has some, but tiles where all are of one picture,
    since a single series has no interval; and shards, where these were drawn; if ``options`` leave the choice open."""
    if options.clusters != AUTO:
        return settings
    if isinstance(source, ShardedSource):
        drawn = settings.clusters if settings.sample is None else "folder"
    else:
        series = {ref.series for ref in settings.images_of(source).refs}
        one = series == {None} or (settings.tile is not None and len(series) == 1)
        drawn = settings.clusters if one else "series"
    return settings.model_copy(update={"clusters": drawn})


def fit_settings(options: AuditOptions | None = None, /, **asked: Any) -> AuditSettings:
    """Settings of a run that only fits; by default the regularizers of the joint fit. Raises SettingError."""
    options = AuditOptions(**asked) if options is None else options
    default = JOINT_REGULARIZERS if options.stencils is None else None
    given = options.only(AuditOptions) | {"reg": options.reg or default}
    return make_settings(**given, scenario=ADAPTIVE, controls=False)


def fits_digest(path: Path) -> str:
    """The SHA-256 of the file, which ``AuditSettings.affine`` holds. Raises SettingError where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SettingError(f"cannot read the fits in {path}: {error.strerror}") from None


def _stencils(reg: tuple[str, ...], file: Path | None) -> tuple[Stencil, ...]:
    own = load_stencils(file) if file else {}
    known = {**STENCILS, **own}
    # a stencil file without --reg means: the default five and those in the file
    names = reg or (*DEFAULT_REGULARIZERS, *own)
    return tuple(known[_choice("regularizer", name, known)] for name in names)


def _scenarios(names: tuple[str, ...], stencils: tuple[Stencil, ...], *, body: bool) -> tuple[str, ...]:
    """The scenarios to measure; ``body``: strict ones are under the rotations of the body, so nothing is adaptive."""
    for name in names:
        _choice("scenario", name, (*SCENARIOS, "all"))
    wanted = SCENARIOS if "all" in names or not names else tuple(name for name in SCENARIOS if name in names)
    if ADAPTIVE not in wanted or (not body and any(stencil.directed for stencil in stencils)):
        return wanted
    if not names:
        return STRICT
    if body:
        raise SettingError(
            f"--spacing measures every image under the rotations of its body, which leaves no w to fit; drop "
            f"--spacing, or ask for --scenario {','.join(STRICT)}"
        )
    raise SettingError(f"{ADAPTIVE} needs a regularizer that depends on direction; add --reg tv")


def _check_fit(fit: str, stencils: tuple[Stencil, ...]) -> None:
    """Raise SettingError unless ``fit`` names a way to fit that the run's regularizers allow."""
    directed = [stencil.name for stencil in stencils if stencil.directed]
    if fit in {stencil.name for stencil in stencils} - set(directed):
        raise SettingError(f'--fit "{fit}" does not depend on direction, so no deformation can be fitted to it')
    _choice("fit", fit, (PER_REGULARIZER, JOINT, *directed))


def _check_tile(options: MeasureOptions, factors: Sequence[int]) -> None:
    """Raise SettingError for options that mean something else for a tile than for its scene."""
    if options.tile is None:
        return
    if factors != [1]:
        raise SettingError(
            "--tile cannot be combined with --downscale: coarser copies of tiles are no tiles of a coarser copy; make "
            "a coarser file (gdal_translate -outsize), or drop one of them"
        )
    if options.body or options.window is not None or options.unit == "HU":
        raise SettingError(
            "--tile is for pictures and maps, and --body, --window and --unit HU are for CT; drop --tile"
        )


def _numbers(values: float | Sequence[float] | None) -> tuple[float, ...]:
    """One number or several as distinct floats, in order."""
    several = () if values is None else values if isinstance(values, Sequence) else (values,)
    return tuple(dict.fromkeys(map(float, several)))


def _choice(kind: str, name: str, choices: Iterable[str]) -> str:
    """``name`` where it is one of ``choices``. Raises SettingError."""
    if name not in choices:
        raise SettingError(f'unknown {kind} "{name}".{suggest(name, choices)}')
    return name
