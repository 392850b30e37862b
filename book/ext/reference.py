"""The pages about the package, written from its own descriptions: which name is described where, and what it says."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from functools import cached_property
from types import ModuleType
from typing import Any

from sphinx.pycode import ModuleAnalyzer

import capmodel as cm

#: Page: the modules that it describes.
ROOMS = {
    "api_data": ["datasets", "schemas", "prometheus"],
    "api_costs": ["costs", "memory", "response", "machine"],
    "api_tables": ["sizing", "cross_validation", "validation"],
    "api_fleets": ["deployment", "topology", "waking"],
    "api_spire": ["spire"],
    "api_answers": ["plan", "outcome", "prices"],
    "api_changes": ["sensitivity", "recovery", "alternatives"],
    "api_cluster": ["cluster"],
    "api_settings": ["helm", "alerts"],
    "api_queueing": ["queueing"],
    "api_simulation": ["simulation", "loop", "percentiles"],
    "api_charts": ["charts"],
}
# A public module that is new stands with the answers until it finds its place.
_PLACED = {short for modules in ROOMS.values() for short in modules}
ROOMS["api_answers"] += sorted({*cm._MODULES, *cm._HOME.values()} - _PLACED)

#: What lies inside can be linked to, and stands in no list of names.
_UNLISTED = ("   :no-contents-entry:", "   :no-index-entry:", "")


def first_sentence(item: Any) -> str:
    """Return the first paragraph of a description in one line, without the marks of references.

    Parameters
    ----------
    item : object
        A module, class or function.

    Returns
    -------
    str
        Markdown.
    """
    paragraph = (inspect.getdoc(item) or "").split("\n\n")[0].replace("\n", " ")
    return re.sub(r":\w+(?::\w+)?:`~?([^`]*)`|``([^`]*)``", r"`\1\2`", paragraph)


def names_of(module: ModuleType) -> list[str]:
    """Return a module's public functions and classes: those that it declares, else those that it defines.

    Parameters
    ----------
    module : module
        A module of the package.

    Returns
    -------
    list of str
        Names, in the order of the module.
    """
    found = getattr(module, "__all__", None) or [
        name
        for name, item in vars(module).items()
        if not name.startswith("_") and getattr(item, "__module__", None) == module.__name__
    ]
    return [
        name for name in found if inspect.isfunction(getattr(module, name)) or inspect.isclass(getattr(module, name))
    ]


def _module(short: str) -> ModuleType:
    return importlib.import_module(f"capmodel.{short}")


def listed(page: str) -> str:
    """Return a list of what ``import capmodel as cm`` gives of a page, one line each.

    Parameters
    ----------
    page : str
        Name of the page that describes it.

    Returns
    -------
    str
        Markdown.
    """
    rows = []
    for short in ROOMS[page]:
        if short in cm._MODULES:
            rows.append(f"- {{py:mod}}`cm.{short} <capmodel.{short}>`: {first_sentence(_module(short))}")
        rows += [
            f"- {{py:obj}}`cm.{name} <capmodel.{home}.{name}>`: {first_sentence(getattr(cm, name))}"
            for name, home in sorted(cm._HOME.items(), key=lambda item: item[0].lower())
            if home == short
        ]
    return "\n".join(rows)


def described(page: str) -> str:
    """Return what each module of a page is for, and every public name in it.

    Parameters
    ----------
    page : str
        Name of the page.

    Returns
    -------
    str
        Markdown that names what Sphinx has to describe.
    """
    lines = []
    for short in ROOMS[page]:
        module = _module(short)
        lines += [f".. automodule:: capmodel.{short}", "   :no-members:", ""]
        told = [name for owner, name in ModuleAnalyzer.for_module(module.__name__).find_attr_docs() if not owner]
        untold = [name for name in getattr(module, "__all__", []) if name.isupper() and name not in told]
        lines += [_constant(module, name) for name in told if name[0] != "_"]
        remarks = _remarks(module, untold) if untold else {}
        lines += [
            f".. py:data:: {name}\n   :module: capmodel.{short}\n\n   {remarks.get(name, '')}\n" for name in untold
        ]
        for name in names_of(module):
            item = getattr(module, name)
            if inspect.isfunction(item):
                lines += [f".. autofunction:: capmodel.{short}.{name}", ""]
                continue
            members = ", ".join(part for part, member in vars(item).items() if _is_told(part, member))
            lines += [f".. autoclass:: capmodel.{short}.{name}", *([f"   :members: {members}"] if members else []), ""]
    return "\n".join(["````{eval-rst}", *lines, "````"])


def _constant(module: ModuleType, name: str) -> str:
    """Return what Sphinx has to describe of a constant; a number or a word stands in its line."""
    short = isinstance(getattr(module, name), int | float | str)
    return f".. autodata:: {module.__name__}.{name}\n" + ("" if short else "   :no-value:\n")


def _remarks(module: Any, names: list[str]) -> dict[str, str]:
    """Return the remarks on names that a module has from others: from the parts of its folder, or by importing them."""
    parts = [f"{module.__name__}.{part.name}" for part in pkgutil.iter_modules(getattr(module, "__path__", []))]
    parts += [
        str(node.module)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & set(names)
    ]
    found = [ModuleAnalyzer.for_module(part).find_attr_docs() for part in parts]
    return {name: " ".join(lines).strip() for docs in found for (owner, name), lines in docs.items() if not owner}


def _is_told(name: str, member: Any) -> bool:
    kinds = (property, cached_property, classmethod, staticmethod)
    return not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, kinds))


def inside() -> str:
    """Return one line for each module and function that no other page describes.

    Returns
    -------
    str
        Markdown that names them.
    """
    shown = [short for modules in ROOMS.values() for short in modules]
    told = {id(getattr(_module(short), name)) for short in shown for name in names_of(_module(short))}
    lines = []
    for found in pkgutil.walk_packages(cm.__path__, "capmodel."):
        short = found.name.removeprefix("capmodel.")
        if short.split(".")[-1].startswith("_") or short == "cli":
            continue
        module = _module(short)
        if short not in shown:
            lines += [f".. py:module:: {found.name}", "", f"``{found.name}``"]
            lines += ["   " + first_sentence(module).replace("`", "``"), ""]
        for name, item in vars(module).items():
            own = getattr(item, "__module__", None) == found.name and not name.startswith("_")
            if own and inspect.isfunction(item) and id(item) not in told:
                lines += [f".. py:function:: {name}()", f"   :module: {found.name}", *_UNLISTED]
                lines += ["   " + first_sentence(item).replace("`", "``"), ""]
    return "\n".join(["````{eval-rst}", *lines, "````"])
