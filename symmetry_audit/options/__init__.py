"""Every option, declared once, with its type, default, bounds and help. No torch, no numpy.

A class of options is a frozen pydantic model. The command line, config files, environment variables, the signatures of
the Python functions and the JSON of a run are all derived from its fields.
"""

from symmetry_audit.options import names
from symmetry_audit.options._audit import (
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
from symmetry_audit.options._machine import (
    ClusterOptions,
    Device,
    DeviceOptions,
    Estimate,
    Progress,
    RunOptions,
    Say,
    ShardOptions,
    SourceOptions,
    SpreadOptions,
    TalkOptions,
    silent_progress,
)
from symmetry_audit.options._network import NetworkOptions
from symmetry_audit.options._option import FilePath, Hidden, Images, Option, Options, option_of
from symmetry_audit.options._parsed import NAMES, PATHS, SHARE, SPAN, Names, Parsed
from symmetry_audit.options._running import TEST_IMAGES, EvaluationOptions, TilingOptions
from symmetry_audit.options._schedule import RECIPES, ScheduleOptions, recipe, shown_default
from symmetry_audit.options._synth import SynthOptions
from symmetry_audit.options._task import TASK, PairOptions, TaskOptions, TaskSettings

__all__ = [
    "NAMES",
    "PATHS",
    "RECIPES",
    "SHARE",
    "SPAN",
    "TASK",
    "TEST_IMAGES",
    "AdaptiveOptions",
    "AuditOptions",
    "BandOptions",
    "ClusterOptions",
    "CtOptions",
    "Device",
    "DeviceOptions",
    "DomainOptions",
    "Estimate",
    "EvaluationOptions",
    "FilePath",
    "Hidden",
    "ImageOptions",
    "Images",
    "MeasureOptions",
    "MeasuredOptions",
    "Names",
    "NetworkOptions",
    "Option",
    "Options",
    "PairOptions",
    "Parsed",
    "Progress",
    "QuickLookOptions",
    "RunOptions",
    "Say",
    "ScheduleOptions",
    "ShardOptions",
    "SourceOptions",
    "SpreadOptions",
    "SynthOptions",
    "TalkOptions",
    "TaskOptions",
    "TaskSettings",
    "TilingOptions",
    "names",
    "option_of",
    "recipe",
    "shown_default",
    "silent_progress",
]
