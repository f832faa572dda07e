"""Tables, figures and the table of single responses, from results to files. No torch."""

from symmetry_audit.reports._affine import AFFINE_CSV, AffineWriter
from symmetry_audit.reports._alignment import alignment_csv, alignment_figure, alignment_tex, alignment_text
from symmetry_audit.reports._bounds import bounds_text
from symmetry_audit.reports._checked import ProfileKey
from symmetry_audit.reports._curve import write_learning_curve
from symmetry_audit.reports._evaluation import (
    comparison_csv,
    comparison_tex,
    comparison_text,
    evaluation_csv,
    evaluation_tex,
    evaluation_text,
)
from symmetry_audit.reports._fits import fits_text
from symmetry_audit.reports._plots import affine_figure, plot_name
from symmetry_audit.reports._recommendation import recommendation_text, write_recommendation
from symmetry_audit.reports._render import FORMATS, render
from symmetry_audit.reports._responses import (
    RESPONSES_FILE,
    RESPONSES_SCHEMA,
    ResponseWriter,
    mean_profiles,
)
from symmetry_audit.reports._table1 import table1_csv, table1_markdown, table1_tex, table1_text

__all__ = [
    "AFFINE_CSV",
    "FORMATS",
    "RESPONSES_FILE",
    "RESPONSES_SCHEMA",
    "AffineWriter",
    "ProfileKey",
    "ResponseWriter",
    "affine_figure",
    "alignment_csv",
    "alignment_figure",
    "alignment_tex",
    "alignment_text",
    "bounds_text",
    "comparison_csv",
    "comparison_tex",
    "comparison_text",
    "evaluation_csv",
    "evaluation_tex",
    "evaluation_text",
    "fits_text",
    "mean_profiles",
    "plot_name",
    "recommendation_text",
    "render",
    "table1_csv",
    "table1_markdown",
    "table1_tex",
    "table1_text",
    "write_learning_curve",
    "write_recommendation",
]
