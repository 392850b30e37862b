"""Attributes that a description names together are listed one by one, as parameters are."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

_TOGETHER = re.compile(r":ivar (\w+(?:, \w+)+):")


def apart(lines: list[str]) -> list[str]:
    """Give each of several attributes that share a description a field of its own.

    Parameters
    ----------
    lines : list of str
        A description, its sections already written as fields.

    Returns
    -------
    list of str
        The same with a field for each name.

    Examples
    --------
    >>> apart([":ivar low, high: Bounds,", "    both included.", ":ivar unit: Of both."])
    [':ivar low: Bounds,', '    both included.', ':ivar high: Bounds,', '    both included.', ':ivar unit: Of both.']
    """
    found: list[str] = []
    place = 0
    while place < len(lines):
        end = place + 1
        names = _TOGETHER.match(lines[place])
        if not names:
            found.append(lines[place])
        else:
            while end < len(lines) and (lines[end].startswith(" ") or lines[end].startswith(":vartype ")):
                end += 1
            for name in names[1].split(", "):
                found.append(f":ivar {name}:{lines[place][names.end() :]}")
                found += [re.sub(r"^:vartype [^:]*:", f":vartype {name}:", line) for line in lines[place + 1 : end]]
        place = end
    return found


def _describe(app: Sphinx, kind: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    lines[:] = apart(lines)


def setup(app: Sphinx) -> None:
    """Rewrite descriptions after napoleon has."""
    app.connect("autodoc-process-docstring", _describe, priority=900)
