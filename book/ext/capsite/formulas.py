"""Formulas as MathML, which browsers draw themselves: docutils translates them while the book is built."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

NAME = "capsite"

_log = logging.getLogger(__name__)

#: Space between lines, which the style sheet gives.
_LINE_SPACE = re.compile(r"\\\\\[[^]]*\]")


def mathml(formula: str, block: bool = False) -> str:
    r"""Translate a formula.

    Parameters
    ----------
    formula : str
        LaTeX, without the signs around it.
    block : bool
        Whether it stands on a line of its own.

    Returns
    -------
    str
        A ``math`` element.

    Raises
    ------
    docutils.utils.math.MathError
        If there is no translation.

    Examples
    --------
    >>> "<mfrac>" in mathml(r"\frac{a}{b}")
    True
    """
    text = tex2mathml(_LINE_SPACE.sub(r"\\\\", formula), as_block=block)
    return re.sub(r">\s+<", "><", text.replace("&ApplyFunction;", "\u2061"))


def _written(node: nodes.Element, block: bool) -> str:
    try:
        return mathml(node.astext(), block)
    except MathError as error:
        _log.warning("no MathML for the formula %r: %s", node.astext(), error, location=node)
        return ""


def _inline(translator: HTML5Translator, node: nodes.Element) -> None:
    translator.body.append(f'<span class="math">{_written(node, block=False)}</span>')
    raise nodes.SkipNode


def _block(translator: HTML5Translator, node: nodes.Element) -> None:
    translator.body.append(f'<div class="math">{_written(node, block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the renderer; the configuration chooses it."""
    app.add_html_math_renderer(NAME, (_inline, None), (_block, None))
