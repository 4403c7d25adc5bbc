"""Sphinx configuration. Every warning is an error in .ci/run."""

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path

from docutils.utils import new_document
from matplotlib.sphinxext.plot_directive import PlotDirective
from myst_parser.mocking import MockRSTParser

sys.path.insert(0, str(Path(__file__).parent / "_generate"))
import architecture
import gallery
import model_pages
import second_page
import stage_page
import traceability

import sdmodel
from sdmodel.study.finding import Finding

project = "sdmodel"
author = "the sdmodel authors"
copyright = "2026, the sdmodel authors"
version = release = installed("sdmodel")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "matplotlib.sphinxext.plot_directive",
]
exclude_patterns = [
    *("_build", "_generate"),
    *("part-*.md", "generated/part-*.md", "models/generated/part-*.md", "models/measured/part-*.md"),
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Signatures carry the types; attributes stand in the docstring of their class.
numpydoc_show_class_members = False
autodoc_typehints = "signature"
autosummary_generate = True

# The pages' {plot} blocks write nothing.
os.environ["MPLBACKEND"] = "Agg"
plot_working_directory = str(Path(__file__).parent)
plot_formats = [("png", 120)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = True
plot_rcparams = {"figure.figsize": (7, 3.5), "figure.constrained_layout.use": True}

html_theme = "pydata_sphinx_theme"
html_title = "sdmodel"
html_theme_options = {"navigation_with_keys": False, "show_prev_next": False}
html_static_path = ["_static"]
# Pages of the explorer; Sphinx wants the folder before it builds.
EXPLORER = Path(__file__).parent / "generated" / "explorer"
EXPLORER.mkdir(parents=True, exist_ok=True)
html_extra_path = [str(EXPLORER)]
html_css_files = ["pages.css"]
html_sidebars = {"choices": [], "numerics": [], "tutorial": []}


class MarkdownPlot(PlotDirective):
    """matplotlib's plot directive for pages in Markdown.

    The directive hands reStructuredText to the parser of the page, which here is Markdown's and cannot
    take it. It is caught and parsed on its own.
    """

    def run(self):
        caught = []
        self.state_machine.insert_input = lambda lines, source: caught.extend(lines)
        messages = super().run()
        document = new_document(self.state.document["source"], self.state.document.settings)
        MockRSTParser().parse("\n".join(caught), document)
        return [*messages, *document.children]


def write_generated_pages(app):
    source = Path(app.srcdir)
    for pages in (model_pages, second_page, stage_page, traceability):
        pages.write(source / "models" / "generated")
    architecture.write(source / "generated")
    gallery.write(source / "generated")
    findings = [Finding.load(path) for path in sorted((source / "findings").glob("*.json"))]
    answers = {one.name: (one.headline, f"findings/{one.name}.html") for one in findings}
    sdmodel.load("adoption").explore().write(EXPLORER / "adoption.html", overwrite=True)
    sdmodel.load("shandong").explore(findings=answers).write(EXPLORER / "shandong.html", overwrite=True)


def setup(app):
    app.connect("builder-inited", write_generated_pages)
    app.add_directive("plot", MarkdownPlot, override=True)
