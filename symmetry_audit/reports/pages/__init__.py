"""Pages for browsers: one file with pictures, style and script inside, from results and one template."""

from symmetry_audit.reports.pages._alignment import alignment_page
from symmetry_audit.reports.pages._audit import audit_page
from symmetry_audit.reports.pages._comparison import comparison_page
from symmetry_audit.reports.pages._fits import Profiles, fits_page
from symmetry_audit.reports.pages._pictures import Picture, Pictures
from symmetry_audit.reports.pages._pilot import pilot_page

__all__ = [
    "PAGE_FILE",
    "PILOT_PAGE",
    "Picture",
    "Pictures",
    "Profiles",
    "alignment_page",
    "audit_page",
    "comparison_page",
    "fits_page",
    "pilot_page",
]

PAGE_FILE = "report.html"
PILOT_PAGE = "pilot.html"  # a pilot may share the folder of a report
