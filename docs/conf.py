"""The documentation site. ``make docs`` builds it into build/docs, from the root of the repository.

The root is the source folder, so that README, SPEC, RESULTS and the notebooks are pages where they lie, and their links
lead to the same places here and on a forge. Nothing is fetched while it is built, and no page loads anything from
elsewhere: formulas become MathML, fonts are the reader's own. What the extensions write is in docs/build.
"""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docs" / "extensions"))
os.environ.setdefault("OMP_NUM_THREADS", "1")  # also for notebooks and the gallery: the same numbers everywhere

_setup = configparser.ConfigParser()
_setup.read(ROOT / "setup.cfg")

project = "symaudit"
author = "symaudit contributors"
copyright = author
version = release = _setup["metadata"]["version"]

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "references",
    "commands",
    "rooms",
    "columns",
    "measured",
    "offline",
]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "docs/**",
    "notebooks/*.ipynb",
    "benchmarks/RESULTS.md",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
exclude_patterns = [
    "docs/INDEX_PAGE.md",
    "docs/gallery/**",
    "docs/build/parts/**",
    "docs/build/gallery/*.ipynb",
    "**/.ipynb_checkpoints",
]
nitpicky = True
maximum_signature_line_length = 88

autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_param = False  # types of a numpydoc section are words, such as "array of shape (N, C)"
napoleon_use_rtype = False

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "build" / "docs-cache")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_in_temp = True
suppress_warnings = ["mystnb.unknown_mime_type"]

sphinx_gallery_conf = {
    "examples_dirs": str(ROOT / "docs" / "gallery"),
    "gallery_dirs": "docs/build/gallery",
    "filename_pattern": r"/\w+\.py$",
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
    "min_reported_time": 1e9,
    "abort_on_example_error": True,
    "within_subsection_order": "FileNameSortKey",
}

html_theme = "furo"
html_title = "symaudit"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_root"]  # index.html of the site, which leads to that of docs
html_math_renderer = "mathml"
html_show_sphinx = False
html_copy_source = False
copybutton_prompt_text = "$ "
