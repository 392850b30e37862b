"""What the modules of the package define, as the translator sees it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

PACKAGE = "capmodel"

#: Words that no variable of a script may be.
_RESERVED = """
    arguments await break case catch class const continue debugger default delete do else enum eval export extends
    false finally for function if implements import in instanceof interface let new null package private protected
    public return static super switch this throw true try typeof undefined var void while with yield Array Error
    Infinity Math NaN Number Object String
"""
RESERVED_WORDS = frozenset(_RESERVED.split())


class TranslationError(ValueError):
    """A construct that JavaScript cannot say with the same meaning."""


@dataclass
class Record:
    """A named tuple: its fields, the defaults of the last of them, and those that are true or false."""

    fields: list[str]
    defaults: list[ast.expr]
    flags: list[str]


@dataclass
class Module:
    """What a module of the package defines at its top level."""

    name: str
    path: str
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    #: Local name: (module, name), the name being empty where the module itself is meant.
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: Line of each definition.
    lines: dict[str, int] = field(default_factory=dict)


def parse(name: str, source: str, path: str) -> Module:
    """Read what a module defines.

    Parameters
    ----------
    name : str
        Name of the module inside the package.
    source : str
        Its text.
    path : str
        What errors call it.

    Returns
    -------
    Module
        Definitions that are not in the subset are in there too: they matter only when something reaches them.
    """
    module = Module(name, path)
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            module.functions[node.name] = node
            module.lines[node.name] = node.lineno
        elif isinstance(node, ast.ClassDef):
            if any(isinstance(base, ast.Name) and base.id == "NamedTuple" for base in node.bases):
                items = [item for item in node.body if isinstance(item, ast.AnnAssign)]
                names = [ast.unparse(item.target) for item in items]
                defaults = [item.value for item in items if item.value is not None]
                flags = [ast.unparse(item.target) for item in items if is_bool(item.annotation)]
                module.records[node.name] = Record(names, defaults, flags)
                module.lines[node.name] = node.lineno
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            module.constants[node.targets[0].id] = node.value
            module.lines[node.targets[0].id] = node.lineno
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            module.constants[node.target.id] = node.value
            module.lines[node.target.id] = node.lineno
        elif isinstance(node, ast.Import):
            for alias in node.names:
                module.imports[alias.asname or alias.name] = (alias.name, "")
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inside = node.module == PACKAGE
                home = alias.name if inside else (node.module or "").removeprefix(PACKAGE + ".")
                module.imports[alias.asname or alias.name] = (home, "" if inside else alias.name)
    return module


def is_bool(annotation: ast.expr | None) -> bool:
    """Tell whether an annotation says true or false."""
    return isinstance(annotation, ast.Name) and annotation.id == "bool"


def identifier(name: str) -> str:
    """Return the name of a variable in the script."""
    return name + "$" if name in RESERVED_WORDS else name
