"""Tables, figures and the tables of single responses and fits, from results to files. No torch.

Functions that draw are imported on first use: Matplotlib takes a second to import, and tables do not need it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from symmetry_audit.files import write_atomically
from symmetry_audit.reports.audits._answers import answers_sentences, answers_text
from symmetry_audit.reports.audits._bounds import bounds_text
from symmetry_audit.reports.audits._checked import ProfileKey
from symmetry_audit.reports.audits._dataset_comparison import (
    dataset_comparison_csv,
    dataset_comparison_tex,
    dataset_comparison_text,
)
from symmetry_audit.reports.audits._dataset_profiles import dataset_profiles, tested_keys
from symmetry_audit.reports.audits._directions import StrictProfiles, direction_rows
from symmetry_audit.reports.audits._load import load_report
from symmetry_audit.reports.audits._recommendation import recommendation_text, write_recommendation
from symmetry_audit.reports.audits._render import FORMATS, render
from symmetry_audit.reports.audits._response_writer import RESPONSES_FILE, RESPONSES_SCHEMA, ResponseWriter
from symmetry_audit.reports.audits._responses import drawn_limit, mean_profiles
from symmetry_audit.reports.audits._skipped import skipped_images, write_skipped
from symmetry_audit.reports.audits._table1 import (
    table1_csv,
    table1_markdown,
    table1_short_tex,
    table1_tex,
    table1_text,
)
from symmetry_audit.reports.fits._affine import AFFINE_CSV, AffineWriter
from symmetry_audit.reports.fits._fits import fits_text
from symmetry_audit.reports.networks._alignment import alignment_csv, alignment_tex, alignment_text
from symmetry_audit.reports.networks._classification import (
    classification_csv,
    classification_tex,
    classification_text,
    confusion_csv,
)
from symmetry_audit.reports.networks._evaluation import (
    comparison_csv,
    comparison_tex,
    comparison_text,
    evaluation_csv,
    evaluation_tex,
    evaluation_text,
)
from symmetry_audit.reports.networks._invariance import invariance_csv, invariance_tex, invariance_text
from symmetry_audit.reports.networks._pilot import pilot_text

if TYPE_CHECKING:
    from symmetry_audit.reports.audits._dataset_comparison_figure import dataset_comparison_figure
    from symmetry_audit.reports.fits._ellipses import affine_figure, plot_name
    from symmetry_audit.reports.networks._alignment_figure import alignment_figure
    from symmetry_audit.reports.networks._learning import write_learning_curve

__all__ = [
    "AFFINE_CSV",
    "FORMATS",
    "RESPONSES_FILE",
    "RESPONSES_SCHEMA",
    "AffineWriter",
    "ProfileKey",
    "ResponseWriter",
    "StrictProfiles",
    "affine_figure",
    "alignment_csv",
    "alignment_figure",
    "alignment_tex",
    "alignment_text",
    "answers_sentences",
    "answers_text",
    "bounds_text",
    "classification_csv",
    "classification_tex",
    "classification_text",
    "comparison_csv",
    "comparison_tex",
    "comparison_text",
    "confusion_csv",
    "dataset_comparison_csv",
    "dataset_comparison_figure",
    "dataset_comparison_tex",
    "dataset_comparison_text",
    "dataset_profiles",
    "direction_rows",
    "drawn_limit",
    "evaluation_csv",
    "evaluation_tex",
    "evaluation_text",
    "fits_text",
    "invariance_csv",
    "invariance_tex",
    "invariance_text",
    "load_report",
    "mean_profiles",
    "pilot_text",
    "plot_name",
    "recommendation_text",
    "render",
    "skipped_images",
    "table1_csv",
    "table1_markdown",
    "table1_short_tex",
    "table1_tex",
    "table1_text",
    "tested_keys",
    "write_atomically",
    "write_learning_curve",
    "write_recommendation",
    "write_skipped",
]

_DRAWING = {
    "affine_figure": "symmetry_audit.reports.fits._ellipses",
    "alignment_figure": "symmetry_audit.reports.networks._alignment_figure",
    "dataset_comparison_figure": "symmetry_audit.reports.audits._dataset_comparison_figure",
    "plot_name": "symmetry_audit.reports.fits._ellipses",
    "write_learning_curve": "symmetry_audit.reports.networks._learning",
}


def __getattr__(name: str) -> Any:
    if name not in _DRAWING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_DRAWING[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
