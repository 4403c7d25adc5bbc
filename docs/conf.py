"""Sphinx configuration. Every warning is an error in .ci/run."""

import os
from importlib.metadata import version as installed
from pathlib import Path

project = "sdmodel"
author = "the sdmodel authors"
copyright = "2026, the sdmodel authors"
version = release = installed("sdmodel")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "matplotlib.sphinxext.plot_directive",
]
exclude_patterns = ["_build", "examples"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "none"
autosummary_generate = True

# The pages' {plot} blocks run where the example models lie, and write nothing there.
os.environ["MPLBACKEND"] = "Agg"
plot_working_directory = str(Path(__file__).parent / "examples")
plot_formats = [("png", 120)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = True
plot_rcparams = {"figure.figsize": (7, 3.5), "figure.constrained_layout.use": True}

html_theme = "pydata_sphinx_theme"
html_title = "sdmodel"
html_theme_options = {"navigation_with_keys": False, "show_prev_next": False}
html_sidebars = {"choices": [], "numerics": [], "tutorial": []}
