"""Configuration of the documentation: ``sphinx-build -W docs docs/_build/html``."""

import os

from sphinx.util.docutils import SphinxDirective

import skbss
from skbss.metrics import METRICS

project = "skbss"
author = "The skbss developers"
project_copyright = "the skbss developers, BSD-3-Clause"
version = release = skbss.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    # MathJax comes with the pages, which can then be read without a network.
    "sphinx-mathjax-offline",
]

exclude_patterns = ["_build", "clips", "auto_examples/*.ipynb", "auto_examples/*.py"]
templates_path = ["_templates"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
default_role = "py:obj"
nitpicky = False
# The changelog and the contributing page begin below their title.
suppress_warnings = ["myst.header"]

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_use_plots = False
numpydoc_xref_param_type = False

# Links to other projects need the network: SKBSS_DOCS_INTERSPHINX=1 makes them.
if os.environ.get("SKBSS_DOCS_INTERSPHINX") == "1":
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "librosa": ("https://librosa.org/doc/latest", None),
        "jax": ("https://docs.jax.dev/en/latest", None),
    }

html_theme = "pydata_sphinx_theme"
html_title = "skbss"
html_static_path = ["_static"]
html_css_files = ["skbss.css"]
html_show_sourcelink = False
html_copy_source = False
TOP_PAGES = (
    "index",
    "installation",
    "api",
    "differences",
    "mathematics",
    "whats_new",
    "contributing",
)
# Pages without pages below them need no navigation beside them.
html_sidebars = {page: [] for page in TOP_PAGES if page != "api"}
html_theme_options = {
    "logo": {"text": "skbss"},
    "show_prev_next": False,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    # Examples need the width for their code.
    "secondary_sidebar_items": {
        page: ["page-toc"] for page in (*TOP_PAGES, "guide/*", "generated/*")
    },
    "header_links_before_dropdown": 4,
    "pygments_light_style": "tango",
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    # Experiments take longer than a page may.
    "ignore_pattern": r"reproduce_",
    "within_subsection_order": "FileNameSortKey",
    "capture_repr": ("_repr_html_", "__repr__"),
    "image_scrapers": ("matplotlib",),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "abort_on_example_error": False,
    "min_reported_time": 3600,
    "reference_url": {"skbss": None},
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skbss",),
    "write_computation_times": False,
}


class MetricsTable(SphinxDirective):
    """A table of the metrics that have a name."""

    def run(self):
        heads = ["name", "metric", "unit", "range", "", "definition"]
        rows = [
            [
                f"``{metric.name}``",
                metric.title,
                metric.unit or "1",
                f"{metric.low:g} to {metric.high:g}".replace("inf", "∞"),
                metric.direction,
                metric.definition,
            ]
            for metric in METRICS.values()
        ]
        lines = [".. list-table::", "   :header-rows: 1", ""]
        for first, *others in [heads, *rows]:
            lines += [f"   * - {first}", *(f"     - {cell}" for cell in others)]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app):
    app.add_directive("metrics-table", MetricsTable)
