"""The results of every command, as frozen values, to and from JSON. Standard library only (pandas on request)."""

from symmetry_audit.results._affine import (
    AFFINE_COLUMNS,
    AFFINE_FILE,
    AFFINE_SCHEMA,
    JOINT,
    AffineFit,
    AffineFits,
    FailedFit,
)
from symmetry_audit.results._alignment import ALIGNMENT_SCHEMA, Alignment
from symmetry_audit.results._alignment_parts import (
    DataCurve,
    DataSymmetry,
    GroupAlignment,
    ImageAlignment,
    LayerAlignment,
    MeanAlignment,
    ScenarioAlignment,
)
from symmetry_audit.results._bounds import AS_PRINTED, BOUNDS_SCHEMA, Bound, BoundRow, RunBounds, Smoothness
from symmetry_audit.results._comparison import COMPARISON_SCHEMA, Comparison
from symmetry_audit.results._documents import Origin, read_fields, read_value
from symmetry_audit.results._evaluation import EVALUATION_SCHEMA, EvaluatedModel, Evaluation, ImageScore
from symmetry_audit.results._pilot import (
    PILOT_FILE,
    PILOT_SCHEMA,
    AverageGain,
    Pilot,
    PilotDifference,
    PilotRun,
    PilotVerdict,
    read_pilot,
)
from symmetry_audit.results._recommendation import (
    RECOMMENDATION_SCHEMA,
    VERDICTS,
    Candidate,
    CandidateValue,
    Recommendation,
)
from symmetry_audit.results._report import (
    EPSILON_UNITS,
    REPORT_SCHEMA,
    AuditReport,
    DatasetInfo,
    ResultRow,
    dump_json,
)
from symmetry_audit.results._scenario import DATASET_ADAPTIVE, DATASET_STRICT, SAMPLE_STRICT, SCENARIOS, Scenario
from symmetry_audit.results._skipped import SkippedImage

__all__ = [
    "AFFINE_COLUMNS",
    "AFFINE_FILE",
    "AFFINE_SCHEMA",
    "ALIGNMENT_SCHEMA",
    "AS_PRINTED",
    "BOUNDS_SCHEMA",
    "COMPARISON_SCHEMA",
    "DATASET_ADAPTIVE",
    "DATASET_STRICT",
    "EPSILON_UNITS",
    "EVALUATION_SCHEMA",
    "JOINT",
    "PILOT_FILE",
    "PILOT_SCHEMA",
    "RECOMMENDATION_SCHEMA",
    "REPORT_SCHEMA",
    "SAMPLE_STRICT",
    "SCENARIOS",
    "VERDICTS",
    "AffineFit",
    "AffineFits",
    "Alignment",
    "AuditReport",
    "AverageGain",
    "Bound",
    "BoundRow",
    "Candidate",
    "CandidateValue",
    "Comparison",
    "DataCurve",
    "DataSymmetry",
    "DatasetInfo",
    "EvaluatedModel",
    "Evaluation",
    "FailedFit",
    "GroupAlignment",
    "ImageAlignment",
    "ImageScore",
    "LayerAlignment",
    "MeanAlignment",
    "Origin",
    "Pilot",
    "PilotDifference",
    "PilotRun",
    "PilotVerdict",
    "Recommendation",
    "ResultRow",
    "RunBounds",
    "Scenario",
    "ScenarioAlignment",
    "SkippedImage",
    "Smoothness",
    "dump_json",
    "read_fields",
    "read_pilot",
    "read_value",
]
