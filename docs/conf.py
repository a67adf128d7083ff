"""Sphinx configuration; builds without a network."""

import ohmr_fem

project = "ohmr_fem"
author = "The ohmr_fem developers"
copyright = "2026, the ohmr_fem developers"
release = version = ohmr_fem.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
nb_execution_mode = "cache"
nb_execution_timeout = 180
nb_execution_raise_on_error = True
nb_execution_show_tb = True
html_theme = "furo"
html_title = "ohmr_fem"
exclude_patterns = ["_build", "jupyter_execute"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
suppress_warnings = ["mystnb.unknown_mime_type"]


def setup(app):  # type: ignore[no-untyped-def]
    """Docstrings write |x| for a magnitude; reStructuredText would read a substitution."""
    app.connect("autodoc-process-docstring",
                lambda _app, _what, _name, _obj, _options, lines: lines.__setitem__(
                    slice(None), [line.replace("|", "\N{DIVIDES}") for line in lines]))
