"""How names are described: a constant in its own words, and names that share a description once, together."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext.napoleon import NumpyDocstring

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
            while end < len(lines) and (lines[end].startswith((" ", ":vartype ")) or _type_follows(lines, end)):
                end += 1
            for name in names[1].split(", "):
                found.append(f":ivar {name}:{lines[place][names.end() :]}")
                found += [re.sub(r"^:vartype [^:]*:", f":vartype {name}:", line) for line in lines[place + 1 : end]]
        place = end
    return found


def _type_follows(lines: list[str], place: int) -> bool:
    """Tell whether a line is the blank one that napoleon leaves before the type of the last attributes."""
    return not lines[place] and place + 1 < len(lines) and lines[place + 1].startswith(":vartype ")


def together(document: nodes.document) -> None:
    """Let neighbours of a list of parameters or attributes that say the same be one entry with all their names.

    Napoleon takes them apart, and a reader would read the same words several times.

    Parameters
    ----------
    document : docutils.nodes.document
        A page, changed in place.
    """
    for field in list(document.findall(nodes.field)):
        first, said = None, ""
        for item in list(field.findall(nodes.list_item)):
            entry = item.next_node(nodes.paragraph)
            name = entry.children[0] if entry and len(item) == 1 else None
            rest = "".join(part.pformat() for part in entry.children[1:]) if entry else ""
            if first is not None and isinstance(name, nodes.strong) and rest == said:
                last = max(place for place, part in enumerate(first) if isinstance(part, nodes.strong))
                first.insert(last + 1, [nodes.Text(", "), name])
                item.parent.remove(item)
            else:
                first, said = (entry, rest) if isinstance(name, nodes.strong) else (None, "")


def lines_of(entries: list[Any]) -> list[Any]:
    """Give modules one line of the index each, which is a link.

    Parameters
    ----------
    entries : list
        The index as Sphinx has it: letters with names, each with links, what stands below it, and a key.

    Returns
    -------
    list
        The same, without what stands below a name that is a module alone, and without the list of all modules.

    Examples
    --------
    >>> lines_of([("C", [("capmodel.plan", ([], [("module", [("main", "x.html")])], None))])])
    [('C', [('capmodel.plan (module)', ([('main', 'x.html')], [], None))])]
    """

    def line(name: str, said: Any) -> Any:
        links, below, key = said
        alone = not links and [kind for kind, _ in below] == ["module"]
        return (f"{name} (module)", (below[0][1], [], key)) if alone else (name, said)

    return [(letter, [line(*entry) for entry in names if entry[0] != "module"]) for letter, names in entries]


def _shorten_index(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if page == "genindex":
        context["genindexentries"] = lines_of(context["genindexentries"])


class _Constants:
    """Descriptions of constants and properties as those of functions are read.

    Napoleon takes what stands before their first colon for the type, and reads no sections.
    """

    def __init__(self) -> None:
        self._lines: list[str] | None = None

    def keep(self, app: Sphinx, kind: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
        self._lines = list(lines) if kind in ("attribute", "data", "property") else None

    def give_back(self, app: Sphinx, kind: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
        if self._lines is not None:
            lines[:] = str(NumpyDocstring(self._lines, app.config, app, "function", name, item, options)).splitlines()
        lines[:] = apart(lines)


def setup(app: Sphinx) -> None:
    """Rewrite descriptions after napoleon has, and what they became once a page is read."""
    constants = _Constants()
    app.connect("autodoc-process-docstring", constants.keep, priority=100)
    app.connect("autodoc-process-docstring", constants.give_back, priority=900)
    app.connect("doctree-read", lambda app, document: together(document))
    app.connect("html-page-context", _shorten_index)
