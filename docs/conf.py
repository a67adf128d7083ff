"""Sphinx configuration; the pages are built and read without a network: formulas become MathML."""

import re

from docutils import nodes
from latex2mathml.converter import convert

import ohmr_fem

project = "ohmr_fem"
author = "The ohmr_fem developers"
copyright = "2026, the ohmr_fem developers"
release = version = ohmr_fem.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
nb_render_markdown_format = "gfm"
nb_execution_mode = "cache"
nb_execution_timeout = 180
nb_execution_raise_on_error = True
nb_execution_show_tb = True
html_math_renderer = "mathml"
html_theme = "furo"
html_title = "ohmr_fem"
exclude_patterns = ["_build", "jupyter_execute", "paper"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
suppress_warnings = ["mystnb.unknown_mime_type", "ref.python"]  # two classes may each have an R


def formula(self, node):  # type: ignore[no-untyped-def]
    """A formula, in the line or on its own, as MathML, in words that the converter and the browsers
    know.
    """
    text = re.sub(r"\{\\rm ([^{}]*)\}", r"\\mathrm{\1}", node.astext()).replace(
        "{aligned}", "{align*}"
    )
    block = isinstance(node, nodes.math_block)
    mathml = convert(text, display="block" if block else "inline")
    mathml = mathml.replace('mathvariant="bold"', 'mathvariant="normal" style="font-weight:bold"')
    self.body.append(
        f'<div class="math" style="overflow-x:auto;margin:1em 0">{mathml}</div>'
        if block
        else mathml
    )
    raise nodes.SkipNode


def setup(app):  # type: ignore[no-untyped-def]
    """Docstrings write |x| for a magnitude; reStructuredText would read a substitution."""
    app.add_html_math_renderer("mathml", (formula, None), (formula, None))
    app.connect(
        "autodoc-process-docstring",
        lambda _app, _what, _name, _obj, _options, lines: lines.__setitem__(
            slice(None), [line.replace("|", "\N{DIVIDES}") for line in lines]
        ),
    )
