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
from symmetry_audit.results._candidate import LAWS, Candidate, CandidateValue
from symmetry_audit.results._comparison import COMPARISON_SCHEMA, Comparison
from symmetry_audit.results._documents import Origin, read_fields, read_value
from symmetry_audit.results._evaluation import EVALUATION_SCHEMA, EvaluatedModel, Evaluation, FurtherScore, ImageScore
from symmetry_audit.results._left_out import LeftOut
from symmetry_audit.results._linear_pilot import LINEAR_MARGIN, LINEAR_VERDICTS, GainAt, LinearGain, LinearPilot
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
    ADAPTIVE_STEPS,
    DIRECTION_VERDICTS,
    EVIDENCE,
    RECOMMENDATION_FILE,
    RECOMMENDATION_SCHEMA,
    Build,
    Direction,
    Recommendation,
    directions_of,
)
from symmetry_audit.results._relative import PIXEL_FIELDS, RELATIVE_FIELDS, folder_of
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
from symmetry_audit.results._symmetrization import Symmetrization, SymmetrizedScore

__all__ = [
    "ADAPTIVE_STEPS",
    "AFFINE_COLUMNS",
    "AFFINE_FILE",
    "AFFINE_SCHEMA",
    "ALIGNMENT_SCHEMA",
    "AS_PRINTED",
    "BOUNDS_SCHEMA",
    "COMPARISON_SCHEMA",
    "DATASET_ADAPTIVE",
    "DATASET_STRICT",
    "DIRECTION_VERDICTS",
    "EPSILON_UNITS",
    "EVALUATION_SCHEMA",
    "EVIDENCE",
    "JOINT",
    "LAWS",
    "LINEAR_MARGIN",
    "LINEAR_VERDICTS",
    "PILOT_FILE",
    "PILOT_SCHEMA",
    "PIXEL_FIELDS",
    "RECOMMENDATION_FILE",
    "RECOMMENDATION_SCHEMA",
    "RELATIVE_FIELDS",
    "REPORT_SCHEMA",
    "SAMPLE_STRICT",
    "SCENARIOS",
    "AffineFit",
    "AffineFits",
    "Alignment",
    "AuditReport",
    "AverageGain",
    "Bound",
    "BoundRow",
    "Build",
    "Candidate",
    "CandidateValue",
    "Comparison",
    "DataCurve",
    "DataSymmetry",
    "DatasetInfo",
    "Direction",
    "EvaluatedModel",
    "Evaluation",
    "FailedFit",
    "FurtherScore",
    "GainAt",
    "GroupAlignment",
    "ImageAlignment",
    "ImageScore",
    "LayerAlignment",
    "LeftOut",
    "LinearGain",
    "LinearPilot",
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
    "Symmetrization",
    "SymmetrizedScore",
    "directions_of",
    "dump_json",
    "folder_of",
    "read_fields",
    "read_pilot",
    "read_value",
]
