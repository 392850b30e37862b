"""Translate the plain arithmetic of the package to JavaScript, so that a page computes with the package's own code.

Only a subset of Python is known, the one that JavaScript can say with the same meaning: functions, named tuples,
numbers, strings, lists and dictionaries with string keys. Everything else is an error that names file and line. What
only shows while the script runs (a missing key, an object compared by value, something that is no list in a loop) is
checked there, so that a difference becomes an error and never another number.

``python book/ext/translate.py`` prints the script of the site.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PACKAGE = "capmodel"

#: What pages call, by module. What these reach is translated; nothing else is looked at.
EXPORTS: dict[str, tuple[str, ...]] = {
    "deployment": ("Inputs",),
    "cluster": ("forecast",),
    "shapes": ("Limits", "Shape", "choose"),
    "probability": ("chances",),
    "reach": ("extrapolations", "assumptions"),
    "answer": (
        "bar",
        "binding",
        "capacity",
        "comparison",
        "condition",
        "csv",
        "curve",
        "quantities",
        "room",
        "sentence",
        "smaller",
        "span",
        "written",
    ),
}

#: What stands in for Python's own meaning where JavaScript's differs. A name with a $ can be none of Python's.
RUNTIME = r"""
const $fail = (message) => { throw new Error(message); };
const $kind = (x) => x === null ? "none" : Array.isArray(x) ? "list" :
  typeof x !== "object" ? typeof x : Object.getPrototypeOf(x) === Object.prototype ? "dict" : "tuple";
const $iterate = (x) =>
  Array.isArray(x) ? x : $kind(x) === "dict" ? Object.keys(x) : $fail("cannot iterate " + $kind(x));
const $range = (from, to) => Array.from({ length: Math.max(to - from, 0) }, (_, k) => from + k);
const $size = (x) => Array.isArray(x) || typeof x === "string" ? x.length :
  $kind(x) === "dict" ? Object.keys(x).length : $fail("no length: " + $kind(x));
function $at(x, key) {
  if (Array.isArray(x) && key < 0) key += x.length;
  const value = x[key];
  return value === undefined || !Object.hasOwn(x, key) ? $fail("no item " + key) : value;
}
function $put(x, key, value) {
  if (Array.isArray(x) && !(key >= 0 && key < x.length)) $fail("no item " + key);
  x[key] = value;
}
const $contains = (x, item) => Array.isArray(x) ? x.some((other) => $same(other, item)) :
  $kind(x) === "dict" ? Object.hasOwn(x, item) : $fail("not a container: " + $kind(x));
const $same = (a, b) => a !== null && b !== null && (typeof a === "object" || typeof b === "object") ?
  $fail("objects are not compared by value") : a === b;
const $truth = (x) => typeof x === "boolean" ? x : typeof x === "number" ? x !== 0 : x === null ? false :
  typeof x === "string" || Array.isArray(x) || $kind(x) === "dict" ? $size(x) > 0 : $fail("no truth: " + $kind(x));
const $index = (x, item) => { const k = x.indexOf(item); return k < 0 ? $fail("not in list: " + item) : k; };
function $replace(x, changes) {
  for (const name of Object.keys(changes)) if (!Object.hasOwn(x, name)) $fail("no field " + name);
  return Object.assign(Object.create(Object.getPrototypeOf(x)), x, changes);
}
const $text = (x) => typeof x === "string" ? x : $fail("a format is needed for " + $kind(x));
const $join = (separator, x) => x.map($text).join(separator);

/* Python rounds what lies halfway to the even digit, JavaScript up; `long` tells whether `short` was such a case. */
function $even(short, long, end) {
  const tail = long.slice(end), last = +short.replace(/[^0-9]*$/, "").slice(-1);
  return /^50*$/.test(tail) && last % 2 ? long.slice(0, end).replace(/\.$/, "") : short;
}
function $fixed(x, digits) {
  if (x >= 1e21) $fail("too large to print: " + x);
  const long = x.toFixed(Math.min(digits + 60, 100));
  return $even(x.toFixed(digits), long, long.indexOf(".") + 1 + digits);
}
function $general(x, digits) {
  if (x === 0) return "0";
  const count = Math.max(digits, 1) - 1;
  const [short, power] = x.toExponential(count).split("e");
  const [long, before] = x.toExponential(Math.min(count + 60, 100)).split("e");
  let text = power === before ? $even(short, long, 2 + count) : short;
  const exponent = +power, strip = (s) => s.includes(".") ? s.replace(/\.?0+$/, "") : s;
  if (exponent >= -4 && exponent <= count) {
    const plain = text.replace(".", "");
    return exponent < 0 ? strip("0." + "0".repeat(-exponent - 1) + plain) :
      strip(plain.slice(0, exponent + 1) + (exponent < count ? "." + plain.slice(exponent + 1) : ""));
  }
  return strip(text) + "e" + (exponent < 0 ? "-" : "+") + String(Math.abs(exponent)).padStart(2, "0");
}
function $format(x, group, digits, type) {
  if (typeof x !== "number") $fail("not a number: " + $kind(x));
  const percent = type === "%" ? "%" : "", sign = x < 0 || Object.is(x, -0) ? "-" : "";
  if (Number.isNaN(x)) return "nan" + percent;
  let text = Math.abs(percent ? 100 * x : x);
  text = text === Infinity ? "inf" : type === "g" ? $general(text, digits) : $fixed(text, digits);
  if (group) text = text.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));
  return sign + text + percent;
}
function $build(type, fields, given) {
  for (const name of Object.keys(given)) if (!fields.includes(name)) $fail("unknown field " + name);
  return new type(...fields.map((name) => given[name] === undefined ? $fail("missing field " + name) : given[name]));
}
"""

#: Words that no variable of a script may be.
_RESERVED = """
    arguments await break case catch class const continue debugger default delete do else enum eval export extends
    false finally for function if implements import in instanceof interface let new null package private protected
    public return static super switch this throw true try typeof undefined var void while with yield Array Error
    Infinity Math NaN Number Object String
"""
_RESERVED_WORDS = frozenset(_RESERVED.split())
_MATH = {
    "ceil": "Math.ceil",
    "exp": "Math.exp",
    "floor": "Math.floor",
    "inf": "Infinity",
    "isfinite": "Number.isFinite",
    "isnan": "Number.isNaN",
    "log": "Math.log",
    "nan": "NaN",
    "pi": "Math.PI",
    "sqrt": "Math.sqrt",
}
_MATH_CONSTANTS = frozenset({"inf", "nan", "pi"})
_BUILTINS = frozenset({"abs", "float", "int", "len", "list", "max", "min"})
_BINARY = {ast.Add: ("+", 11), ast.Sub: ("-", 11), ast.Mult: ("*", 12), ast.Div: ("/", 12), ast.Pow: ("**", 13)}
_ORDER = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
#: Precedence of what the translator writes: larger binds closer.
_ANY, _TERNARY, _OR, _AND, _EQUAL, _LESS, _ADD, _UNARY, _CALL = 0, 2, 3, 4, 8, 9, 11, 14, 17


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
                flags = [ast.unparse(item.target) for item in items if _is_bool(item.annotation)]
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


class Translator:
    """Translate what a set of names reaches.

    Parameters
    ----------
    sources : mapping of str to str
        Text of each module by its name.
    paths : mapping of str to str, optional
        What errors call each; ``capmodel/<name>.py`` by default.
    """

    def __init__(self, sources: Mapping[str, str], paths: Mapping[str, str] | None = None) -> None:
        paths = paths or {}
        self.modules = {
            name: parse(name, source, paths.get(name, f"{PACKAGE}/{name}.py")) for name, source in sources.items()
        }
        records = [record for module in self.modules.values() for record in module.records.values()]
        self.fields = {name for record in records for name in record.fields}
        #: Fields that are true or false in every named tuple that has them.
        self.flags = {name for record in records for name in record.flags}
        self.flags -= {name for record in records for name in record.fields if name not in record.flags}
        self.wanted: list[tuple[str, str]] = []
        self.done: dict[tuple[str, str], str] = {}

    def define(self, exports: Mapping[str, Iterable[str]]) -> str:
        """Return the JavaScript definitions of the named functions and named tuples and of all that they reach.

        Parameters
        ----------
        exports : mapping of str to iterable of str
            Names by module.

        Returns
        -------
        str
            Named tuples, constants, then functions, each in the order of modules and lines.

        Raises
        ------
        TranslationError
            If something that is reached is not in the subset.
        """
        for exporting, names in exports.items():
            for name in names:
                if self.reach(self.modules[exporting], name) is None:
                    raise TranslationError(f"{self.modules[exporting].path}: nothing is called {name}")
        while self.wanted:
            home, name = self.wanted.pop()
            self.done[home, name] = self._definition(self.modules[home], name)
        places = {name: place for place, name in enumerate(self.modules)}
        keys = sorted(self.done, key=lambda key: (places[key[0]], self.modules[key[0]].lines[key[1]]))
        groups: tuple[list[str], ...] = ([], [], [])
        for key in keys:
            module = self.modules[key[0]]
            groups[0 if key[1] in module.records else 1 if key[1] in module.constants else 2].append(self.done[key])
        return "\n".join(text for group in groups for text in group) + "\n"

    def reach(self, module: Module, name: str) -> tuple[Module, str] | None:
        """Find where a module's name is defined and have it translated; None where the package does not define it."""
        if name in module.imports:
            home, original = module.imports[name]
            if home not in self.modules or not original:
                return None
            return self.reach(self.modules[home], original)
        if not (name in module.functions or name in module.records or name in module.constants):
            return None
        key = (module.name, name)
        if key not in self.done:
            self.done[key] = ""
            self.wanted.append(key)
        return module, name

    def _definition(self, module: Module, name: str) -> str:
        flat = f"{module.name}${name}"
        if name in module.records:
            fields = module.records[name].fields
            scope = Scope(self, module, set())
            first = len(fields) - len(module.records[name].defaults)
            defaults = ["" for _ in range(first)] + [
                " = " + scope.value(item) for item in module.records[name].defaults
            ]
            given = ", ".join(_identifier(item) + default for item, default in zip(fields, defaults, strict=True))
            body = " ".join(f"this.{item} = {_identifier(item)};" for item in fields)
            return f"class {flat} {{ constructor({given}) {{ {body} }} }}"
        if name in module.constants:
            return f"const {flat} = {Scope(self, module, set()).value(module.constants[name])};"
        return Scope(self, module, set()).function(module.functions[name], flat)


def _identifier(name: str) -> str:
    return name + "$" if name in _RESERVED_WORDS else name


def _assigned(body: Sequence[ast.stmt]) -> list[str]:
    """List the names that statements assign, nested functions left out, in order."""
    found: dict[str, None] = {}

    def targets(node: ast.expr) -> None:
        for item in ast.walk(node):
            if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
                found[item.id] = None

    def visit(statements: Sequence[ast.stmt]) -> None:
        for node in statements:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    targets(target)
            elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.For)):
                targets(node.target)
            elif isinstance(node, ast.FunctionDef):
                found[node.name] = None
            for part in ("body", "orelse"):
                if not isinstance(node, ast.FunctionDef):
                    visit(getattr(node, part, []))

    visit(body)
    return list(found)


def _is_bool(annotation: ast.expr | None) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id == "bool"


class Scope:
    """Translate the body of one function.

    Parameters
    ----------
    translator : Translator
        Finds what names of the module mean.
    module : Module
        Where the code stands.
    local : set of str
        Names that are variables here.
    flags : set of str
        Those of them that are true or false.
    """

    def __init__(
        self, translator: Translator, module: Module, local: set[str], flags: frozenset[str] | set[str] = frozenset()
    ) -> None:
        self.translator = translator
        self.module = module
        self.local = local
        self.flags = set(flags)
        self.temporaries = 0

    def error(self, node: ast.AST, why: str) -> TranslationError:
        """Return an error that names the place."""
        return TranslationError(f"{self.module.path}:{getattr(node, 'lineno', 0)}: {why}")

    # Functions and statements

    def function(self, node: ast.FunctionDef, name: str) -> str:
        """Translate a definition; parameters keep their order, those by keyword included."""
        if node.decorator_list:
            raise self.error(node, "a decorator")
        arguments = self._parameters(node.args, node)
        inner = self._inside(set(arguments) | set(_assigned(node.body)))
        inner.flags |= {item.arg for item in [*node.args.args, *node.args.kwonlyargs] if _is_bool(item.annotation)}
        inner._find_flags(node.body, set(_assigned(node.body)) - set(arguments))
        shown = [
            _identifier(item) + (f" = {self.value(default)}" if default is not None else "")
            for item, default in arguments.items()
        ]
        body = node.body
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]
        local = [_identifier(item) for item in _assigned(body) if item not in arguments]
        lines = [f"let {', '.join(local)};"] if local else []
        lines += inner.block(body)
        if not body or not isinstance(body[-1], (ast.Return, ast.Raise)):
            lines.append("return null;")
        return f"function {name}({', '.join(shown)}) {{\n" + "".join(f"  {line}\n" for line in lines) + "}"

    def _inside(self, names: set[str]) -> Scope:
        """Return the scope of something inside that has variables of its own."""
        return Scope(self.translator, self.module, self.local | names, self.flags - names)

    def _find_flags(self, body: Sequence[ast.stmt], names: set[str]) -> None:
        """Learn which of some variables are only ever true or false."""
        values: dict[str, list[ast.expr | None]] = {name: [] for name in names}
        for node in (node for statement in body for node in ast.walk(statement)):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                values.setdefault(node.targets[0].id, []).append(node.value)
            elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.comprehension)):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                for item in ast.walk(target):
                    if isinstance(item, ast.Name):
                        values.setdefault(item.id, []).append(None)
        for name in sorted(names):
            if values[name] and all(value is not None and self.boolean(value) for value in values[name]):
                self.flags.add(name)

    def boolean(self, node: ast.expr) -> bool:
        """Tell whether an expression is known to be true or false."""
        if isinstance(node, ast.BoolOp):
            return all(self.boolean(item) for item in node.values)
        if isinstance(node, ast.UnaryOp):
            return isinstance(node.op, ast.Not)
        if isinstance(node, ast.Name):
            return node.id in self.flags
        if isinstance(node, ast.Attribute):
            return node.attr in self.translator.flags
        return isinstance(node, ast.Compare) or (isinstance(node, ast.Constant) and isinstance(node.value, bool))

    def _parameters(self, arguments: ast.arguments, node: ast.AST) -> dict[str, ast.expr | None]:
        if arguments.vararg or arguments.kwarg:
            raise self.error(node, "a variable number of arguments")
        positional = [*arguments.posonlyargs, *arguments.args]
        missing: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        found = dict(zip([item.arg for item in positional], missing + list(arguments.defaults), strict=True))
        found.update(zip([item.arg for item in arguments.kwonlyargs], arguments.kw_defaults, strict=True))
        return found

    def block(self, body: Sequence[ast.stmt]) -> list[str]:
        """Translate statements, one or more lines each."""
        return [line for node in body for line in self.statement(node)]

    def _braced(self, head: str, body: Sequence[ast.stmt], tail: str = "}") -> list[str]:
        return [head + " {", *("  " + line for line in self.block(body)), tail]

    def statement(self, node: ast.stmt) -> list[str]:
        """Translate one statement."""
        if isinstance(node, ast.Return):
            return ["return null;" if node.value is None else f"return {self.value(node.value)};"]
        if isinstance(node, ast.Assign):
            return self._assign(node)
        if isinstance(node, ast.AnnAssign):
            if node.value is None:
                return []
            return [self._store(node.target, self.value(node.value))]
        if isinstance(node, ast.AugAssign):
            load = ast.copy_location(_loaded(node.target), node)
            both = ast.copy_location(ast.BinOp(load, node.op, node.value), node)
            return [self._store(node.target, self.value(both))]
        if isinstance(node, ast.If):
            return self._if(node)
        if isinstance(node, ast.For):
            return self._for(node)
        if isinstance(node, ast.While):
            if node.orelse:
                raise self.error(node, "an else of a loop")
            return self._braced(f"while ({self.condition(node.test)})", node.body)
        if isinstance(node, (ast.Break, ast.Continue, ast.Pass)):
            return [{"Break": "break;", "Continue": "continue;", "Pass": ";"}[type(node).__name__]]
        if isinstance(node, ast.Raise):
            call = node.exc
            if not isinstance(call, ast.Call) or len(call.args) != 1 or call.keywords:
                raise self.error(node, "a raise of anything but an error with one message")
            return [f"throw new Error({self.value(call.args[0])});"]
        if isinstance(node, ast.FunctionDef):
            lines = self.function(node, "").split("\n")
            return [f"{_identifier(node.name)} = {lines[0]}", *lines[1:-1], lines[-1] + ";"]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            return [self.value(node.value) + ";"]
        raise self.error(node, f"a statement of the kind {type(node).__name__}")

    def _assign(self, node: ast.Assign) -> list[str]:
        if len(node.targets) != 1:
            raise self.error(node, "an assignment to several targets")
        target = node.targets[0]
        if isinstance(target, ast.Tuple):
            names = [self._variable(item) for item in target.elts]
            return [f"[{', '.join(names)}] = {self.value(node.value)};"]
        return [self._store(target, self.value(node.value))]

    def _variable(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Name):
            raise self.error(node, "unpacking into anything but names")
        return _identifier(node.id)

    def _store(self, target: ast.expr, value: str) -> str:
        if isinstance(target, ast.Name):
            return f"{_identifier(target.id)} = {value};"
        if isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
            return f"$put({self.value(target.value)}, {self.value(target.slice)}, {value});"
        raise self.error(target, "an assignment to anything but a name or an item")

    def _if(self, node: ast.If) -> list[str]:
        lines = self._braced(f"if ({self.condition(node.test)})", node.body)
        if not node.orelse:
            return lines
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            rest = self._if(node.orelse[0])
            return [*lines[:-1], "} else " + rest[0], *rest[1:]]
        return [*lines[:-1], *self._braced("} else", node.orelse)]

    def _for(self, node: ast.For) -> list[str]:
        if node.orelse:
            raise self.error(node, "an else of a loop")
        self.temporaries += 1
        bounds = self._range(node.iter)
        if bounds is None:
            return self._braced(f"for ({self._pattern(node.target)} of $iterate({self.value(node.iter)}))", node.body)
        # Python counts on whatever the body does to the variable, and leaves it at its last value.
        k, name = f"$k{self.temporaries}", self._variable(node.target)
        lines = self._braced(f"for (let {k} = {bounds[0]}, $end = {bounds[1]}; {k} < $end; {k}++)", node.body)
        return [lines[0], f"  {name} = {k};", *lines[1:]]

    def _pattern(self, node: ast.expr) -> str:
        if isinstance(node, ast.Tuple):
            return "[" + ", ".join(self._variable(item) for item in node.elts) + "]"
        return self._variable(node)

    def _range(self, node: ast.expr) -> tuple[str, str] | None:
        """Return the bounds of a range, or None for anything else."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"):
            return None
        if node.keywords or not 1 <= len(node.args) <= 2:
            raise self.error(node, "a range with a step")
        values = [self.value(item) for item in node.args]
        return ("0", values[0]) if len(values) == 1 else (values[0], values[1])

    # Expressions

    def condition(self, node: ast.expr) -> str:
        """Translate an expression of which only the truth matters."""
        return self.truth(node)[0]

    def truth(self, node: ast.expr) -> tuple[str, int]:
        """Translate an expression to true or false."""
        if isinstance(node, ast.BoolOp):
            word, level = ("||", _OR) if isinstance(node.op, ast.Or) else ("&&", _AND)
            return f" {word} ".join(_wrapped(*self.truth(item), level + 1) for item in node.values), level
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return "!" + _wrapped(*self.truth(node.operand), _UNARY), _UNARY
        if self.boolean(node):
            return self.expression(node)
        return f"$truth({self.value(node)})", _CALL

    def value(self, node: ast.expr, level: int = _ANY) -> str:
        """Translate an expression, in parentheses if it binds less closely than asked for."""
        return _wrapped(*self.expression(node), level)

    def expression(self, node: ast.expr) -> tuple[str, int]:
        """Translate an expression and say how closely it binds."""
        kind = type(node).__name__
        method = getattr(self, "_" + kind.lower(), None)
        if method is None:
            raise self.error(node, f"an expression of the kind {kind}")
        result: tuple[str, int] = method(node)
        return result

    def _constant(self, node: ast.Constant) -> tuple[str, int]:
        value = node.value
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value], _CALL
        if isinstance(value, str):
            return json.dumps(value), _CALL
        if isinstance(value, (int, float)):
            if isinstance(value, int) and abs(value) > 2**53:
                raise self.error(node, "a whole number that JavaScript cannot hold")
            return (repr(value) if math.isfinite(value) else "Infinity"), _CALL
        raise self.error(node, f"a constant of the type {type(value).__name__}")

    def _name(self, node: ast.Name) -> tuple[str, int]:
        if node.id in self.local:
            return _identifier(node.id), _CALL
        found = self.translator.reach(self.module, node.id)
        if found is None:
            raise self.error(node, f"the name {node.id}")
        home, name = found
        if name in home.records:
            raise self.error(node, f"the class {name} as a value")
        return f"{home.name}${name}", _CALL

    def _imported(self, node: ast.expr) -> str | None:
        """Return the module that an expression names, or None."""
        if isinstance(node, ast.Name) and node.id not in self.local and node.id in self.module.imports:
            home, name = self.module.imports[node.id]
            return None if name else home
        return None

    def _member(self, node: ast.Attribute) -> tuple[Module, str] | None:
        """Return the definition that ``module.name`` means, or None where it is no module of the package."""
        home = self._imported(node.value)
        if home is None or home == "math":
            return None
        found = (
            self.translator.reach(self.translator.modules[home], node.attr) if home in self.translator.modules else None
        )
        if found is None:
            raise self.error(node, f"the name {node.attr} of the module {home}")
        return found

    def _attribute(self, node: ast.Attribute) -> tuple[str, int]:
        if self._imported(node.value) == "math":
            if node.attr not in _MATH:
                raise self.error(node, f"math.{node.attr}")
            return _MATH[node.attr], _CALL
        member = self._member(node)
        if member is not None:
            home, name = member
            if name in home.records:
                raise self.error(node, f"the class {name} as a value")
            return f"{home.name}${name}", _CALL
        if node.attr not in self.translator.fields:
            raise self.error(node, f"the attribute {node.attr}, which no named tuple has")
        return f"{self.value(node.value, _CALL)}.{node.attr}", _CALL

    def _subscript(self, node: ast.Subscript) -> tuple[str, int]:
        if isinstance(node.slice, (ast.Slice, ast.Tuple)):
            raise self.error(node, "a slice")
        return f"$at({self.value(node.value)}, {self.value(node.slice)})", _CALL

    def _binop(self, node: ast.BinOp) -> tuple[str, int]:
        if type(node.op) not in _BINARY:
            raise self.error(node, f"the operator {type(node.op).__name__}")
        text = not isinstance(node.op, ast.Add)
        for side in (node.left, node.right):
            listed = isinstance(side, (ast.List, ast.Tuple, ast.ListComp, ast.Dict))
            if listed or (text and (isinstance(side, ast.JoinedStr) or _is_text(side))):
                raise self.error(node, "arithmetic with anything but numbers")
        sign, level = _BINARY[type(node.op)]
        # JavaScript refuses a bare minus before a power, and groups powers from the right as Python does.
        power = isinstance(node.op, ast.Pow)
        left = self.value(node.left, _CALL if power else level)
        return f"{left} {sign} {self.value(node.right, level if power else level + 1)}", level

    def _unaryop(self, node: ast.UnaryOp) -> tuple[str, int]:
        if isinstance(node.op, ast.Not):
            return self.truth(node)
        if not isinstance(node.op, ast.USub):
            raise self.error(node, f"the operator {type(node.op).__name__}")
        text = self.value(node.operand, _UNARY)
        return ("-(" + text + ")" if text.startswith("-") else "-" + text), _UNARY

    def _boolop(self, node: ast.BoolOp) -> tuple[str, int]:
        if not self.boolean(node):
            raise self.error(node, "and/or as a value of what is not known to be true or false")
        return self.truth(node)

    def _compare(self, node: ast.Compare) -> tuple[str, int]:
        sides = [node.left, *node.comparators]
        for middle in sides[1:-1]:
            if not isinstance(middle, (ast.Name, ast.Constant, ast.Attribute)):
                raise self.error(node, "a chain of comparisons around anything but a name")
        parts = [self._pair(*item) for item in zip(sides[:-1], node.ops, sides[1:], strict=True)]
        if len(parts) == 1:
            return parts[0]
        return " && ".join(_wrapped(*part, _AND + 1) for part in parts), _AND

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> tuple[str, int]:
        sides = (left, right)
        if isinstance(op, (ast.In, ast.NotIn)):
            text = f"$contains({self.value(right)}, {self.value(left)})"
            return (text, _CALL) if isinstance(op, ast.In) else ("!" + text, _UNARY)
        if any(isinstance(side, (ast.List, ast.Tuple, ast.Dict, ast.ListComp)) for side in sides):
            raise self.error(left, "a comparison of lists")
        if type(op) in _ORDER:
            return f"{self.value(left, _LESS + 1)} {_ORDER[type(op)]} {self.value(right, _LESS + 1)}", _LESS
        equal = isinstance(op, (ast.Eq, ast.Is))
        constants = [side for side in sides if isinstance(side, ast.Constant)]
        if isinstance(op, (ast.Is, ast.IsNot)) and not any(side.value is None for side in constants):
            raise self.error(left, "a comparison by identity with anything but None")
        if constants:
            sign = "===" if equal else "!=="
            return f"{self.value(left, _EQUAL + 1)} {sign} {self.value(right, _EQUAL + 1)}", _EQUAL
        text = f"$same({self.value(left)}, {self.value(right)})"
        return (text, _CALL) if equal else ("!" + text, _UNARY)

    def _ifexp(self, node: ast.IfExp) -> tuple[str, int]:
        test = _wrapped(*self.truth(node.test), _TERNARY + 1)
        return f"{test} ? {self.value(node.body, _TERNARY)} : {self.value(node.orelse, _TERNARY)}", _TERNARY

    def _list(self, node: ast.List | ast.Tuple) -> tuple[str, int]:
        return "[" + ", ".join(self.value(item) for item in node.elts) + "]", _CALL

    _tuple = _list

    def _dict(self, node: ast.Dict) -> tuple[str, int]:
        parts = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                raise self.error(node, "unpacking of a dictionary")
            name = self.value(key) if _is_text(key) else f"[$text({self.value(key)})]"
            parts.append(f"{name}: {self.value(value)}")
        return "{ " + ", ".join(parts) + " }" if parts else "{}", _CALL

    def _starred(self, node: ast.Starred) -> tuple[str, int]:
        raise self.error(node, "unpacking with a star")

    def _listcomp(self, node: ast.ListComp) -> tuple[str, int]:
        if len(node.generators) != 1:
            raise self.error(node, "a comprehension with several loops")
        loop = node.generators[0]
        bounds = self._range(loop.iter)
        text = f"$range({bounds[0]}, {bounds[1]})" if bounds else f"$iterate({self.value(loop.iter)})"
        inner = self._inside({item.id for item in ast.walk(loop.target) if isinstance(item, ast.Name)})
        target = f"({self._pattern(loop.target)}) =>"
        for test in loop.ifs:
            text += f".filter({target} {inner.condition(test)})"
        if isinstance(node.elt, ast.Name) and isinstance(loop.target, ast.Name) and node.elt.id == loop.target.id:
            return text + ("" if loop.ifs else ".slice()"), _CALL
        return text + f".map({target} {inner._arrow(node.elt)})", _CALL

    def _arrow(self, node: ast.expr) -> str:
        text = self.value(node, _TERNARY)
        return f"({text})" if text.startswith("{") else text

    def _lambda(self, node: ast.Lambda) -> tuple[str, int]:
        arguments = self._parameters(node.args, node)
        if any(default is not None for default in arguments.values()):
            raise self.error(node, "a lambda with defaults")
        inner = self._inside(set(arguments))
        return f"({', '.join(map(_identifier, arguments))}) => {inner._arrow(node.body)}", _ANY

    def _joinedstr(self, node: ast.JoinedStr) -> tuple[str, int]:
        parts = []
        for item in node.values:
            if isinstance(item, ast.FormattedValue):
                parts.append(self._formatted(item))
            else:
                parts.append(self.value(item))
        if not parts:
            return '""', _CALL
        return (" + ".join(parts), _ADD) if len(parts) > 1 else (parts[0], _CALL)

    def _formatted(self, node: ast.FormattedValue) -> str:
        if node.conversion != -1:
            raise self.error(node, "a conversion in a format")
        if node.format_spec is None:
            return f"$text({self.value(node.value)})"
        texts = [item.value for item in getattr(node.format_spec, "values", []) if isinstance(item, ast.Constant)]
        spec = "".join(map(str, texts))
        if len(texts) != len(getattr(node.format_spec, "values", [])):
            raise self.error(node, "a format that is computed")
        group, rest = spec.startswith(","), spec.removeprefix(",")
        digits, kind = rest[:-1], rest[-1:]
        if kind not in ("f", "g", "%") or not (digits == "" or (digits[0] == "." and digits[1:].isdigit())):
            raise self.error(node, f"the format {spec!r}, expected .2f, .3g, g, .0% and such")
        count = int(digits[1:]) if digits else 6
        return f'$format({self.value(node.value)}, {"true" if group else "false"}, {count}, "{kind}")'

    # Calls

    def _call(self, node: ast.Call) -> tuple[str, int]:
        function = node.func
        if any(isinstance(item, ast.Starred) for item in node.args) or any(item.arg is None for item in node.keywords):
            raise self.error(node, "unpacking with a star")
        if isinstance(function, ast.Attribute):
            if self._imported(function.value) == "math":
                if function.attr in _MATH_CONSTANTS or len(node.args) != 1 or node.keywords:
                    raise self.error(node, f"this call of math.{function.attr}")
                return f"{self.value(function)}({self.value(node.args[0])})", _CALL
            member = self._member(function)
            return self._method(node, function) if member is None else self._known(node, *member)
        if isinstance(function, ast.Name) and function.id not in self.local:
            found = self.translator.reach(self.module, function.id)
            if found is not None:
                return self._known(node, *found)
            return self._builtin(node, function.id)
        if not isinstance(function, ast.Name) or node.keywords:
            raise self.error(node, "this call")
        return f"{_identifier(function.id)}({', '.join(self.value(item) for item in node.args)})", _CALL

    def _known(self, node: ast.Call, home: Module, name: str) -> tuple[str, int]:
        """Translate a call of a function or named tuple whose parameters are known."""
        if name in home.records:
            record = home.records[name]
            names, required = record.fields, len(record.fields) - len(record.defaults)
            optional = set(names[required:])
            head = f"new {home.name}${name}"
        elif name in home.functions:
            parameters = self._parameters(home.functions[name].args, node)
            names, optional = list(parameters), {item for item, default in parameters.items() if default is not None}
            if len(node.args) > len(names) - len(home.functions[name].args.kwonlyargs):
                raise self.error(node, f"{name} with too many arguments by position")
            head = f"{home.name}${name}"
        else:
            raise self.error(node, f"a call of the constant {name}")
        if len(node.args) > len(names):
            raise self.error(node, f"{name} with {len(node.args)} arguments, expected at most {len(names)}")
        given = dict(zip(names, node.args, strict=False))
        for item in node.keywords:
            if item.arg not in names or item.arg in given:
                raise self.error(node, f"{name} with the argument {item.arg}")
            given[item.arg] = item.value
        missing = [item for item in names if item not in given and item not in optional]
        if missing:
            raise self.error(node, f"{name} without {', '.join(missing)}")
        # Python evaluates in the order of the call, JavaScript in the order of the parameters: nothing here can tell.
        values = [self.value(given[item], _TERNARY) if item in given else "undefined" for item in names]
        while values and values[-1] == "undefined":
            values.pop()
        return f"{head}({', '.join(values)})", _CALL

    def _builtin(self, node: ast.Call, name: str) -> tuple[str, int]:
        if name not in _BUILTINS or node.keywords:
            raise self.error(node, f"a call of {name}")
        if name in ("min", "max"):
            if len(node.args) < 2:
                raise self.error(node, f"{name} of one list")
        elif len(node.args) != 1:
            raise self.error(node, f"{name} of {len(node.args)} arguments")
        values = ", ".join(self.value(item, _TERNARY) for item in node.args)
        if name in ("int", "float") and any(_is_text(item) for item in node.args):
            raise self.error(node, f"{name} of a text")
        if name == "float":
            return values, self.expression(node.args[0])[1]
        word = {"abs": "Math.abs", "int": "Math.trunc", "len": "$size", "max": "Math.max", "min": "Math.min"}
        return (f"$iterate({values}).slice()" if name == "list" else f"{word[name]}({values})"), _CALL

    def _method(self, node: ast.Call, function: ast.Attribute) -> tuple[str, int]:
        """Translate a method of a list or a text."""
        name = function.attr
        if name == "_replace" and not node.args:
            unknown = [item.arg for item in node.keywords if item.arg not in self.translator.fields]
            if unknown:
                raise self.error(node, f"the field {unknown[0]}, which no named tuple has")
            changes = ", ".join(f"{item.arg}: {self.value(item.value, _TERNARY)}" for item in node.keywords)
            return f"$replace({self.value(function.value)}, {{ {changes} }})", _CALL
        if len(node.args) != 1 or node.keywords:
            raise self.error(node, f"the method {name} with {len(node.args) + len(node.keywords)} arguments")
        argument = self.value(node.args[0], _TERNARY)
        if name == "join" and _is_text(function.value):
            return f"$join({self.value(function.value)}, {argument})", _CALL
        owner = self.value(function.value, _CALL)
        if name == "append":
            return f"{owner}.push({argument})", _CALL
        if name == "extend":
            return f"{owner}.push(...$iterate({argument}))", _CALL
        if name == "index":
            return f"$index({owner}, {argument})", _CALL
        raise self.error(node, f"the method {name}")


def _wrapped(text: str, binds: int, level: int) -> str:
    return f"({text})" if binds < level else text


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _loaded(node: ast.expr) -> ast.expr:
    """Return the expression that reads what another one stores."""
    if isinstance(node, ast.Name):
        return ast.Name(node.id, ast.Load())
    if isinstance(node, ast.Subscript):
        return ast.copy_location(ast.Subscript(node.value, node.slice, ast.Load()), node)
    return node


def plain(value: Any) -> Any:
    """Return a value with named tuples as dictionaries, for JSON.

    Parameters
    ----------
    value : object
        Named tuples, dictionaries, lists, numbers and texts.

    Returns
    -------
    object
        The same without named tuples.
    """
    if hasattr(value, "_fields"):
        return {name: plain(getattr(value, name)) for name in value._fields}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def script(
    sources: Mapping[str, str], exports: Mapping[str, Sequence[str]], data: Mapping[str, Any], name: str = PACKAGE
) -> str:
    """Return a classic script that sets one name of ``window``.

    Parameters
    ----------
    sources : mapping of str to str
        Text of each module by its name.
    exports : mapping of str to sequence of str
        Functions and named tuples that the page gets, by module. A named tuple becomes a function of one object.
    data : mapping of str to object
        Values that the page gets beside them; finite numbers only.
    name : str
        What it sets.

    Returns
    -------
    str
        ``window.<name>.<module>.<function>`` and ``window.<name>.<key>``.

    Raises
    ------
    TranslationError
        If something that is reached is not in the subset.
    ValueError
        If a number of the data is not finite.
    """
    translator = Translator(sources)
    code = translator.define(exports)
    parts = []
    for module, names in exports.items():
        own = []
        for item in names:
            record = translator.modules[module].records.get(item)
            flat = f"{module}${item}"
            build = f"(given) => $build({flat}, {json.dumps(record.fields)}, given)" if record else flat
            own.append(f"{item}: {build}")
        parts.append(f"{module}: {{ {', '.join(own)} }}")
    for key, value in data.items():
        text = json.dumps(plain(value), allow_nan=False, separators=(",", ":"))
        parts.append(f"{key}: {text}".replace("</", "<\\/"))
    members = ",\n".join(parts)
    head = f'(function () {{\n"use strict";{RUNTIME}{code}'
    return head + f"window.{name} = Object.assign(window.{name} || {{}}, {{\n{members}\n}});\n}})();\n"


def package_sources(exports: Iterable[str] = EXPORTS) -> dict[str, str]:
    """Return the text of some modules of the package and of those that they import.

    Parameters
    ----------
    exports : iterable of str
        Names of modules.

    Returns
    -------
    dict of str to str
        Each module after those that it imports.
    """
    import capmodel

    folder = Path(capmodel.__file__).parent
    found: dict[str, str] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        path = folder / f"{name}.py"
        if name in found or name in above or not path.is_file():
            return
        source = path.read_text(encoding="utf-8")
        for home, _ in parse(name, source, str(path)).imports.values():
            add(home, (*above, name))
        found[name] = source

    for name in exports:
        add(name, ())
    return found


def site_script(costs: Any) -> str:
    """Return the script of the site: the package's arithmetic with the fitted costs.

    Parameters
    ----------
    costs : CostResults
        Fitted costs.

    Returns
    -------
    str
        See :func:`script`; the data are ``unit_costs`` by datastore, ``measured`` and ``reference_table``.
    """
    from capmodel import plan, spire

    data = {
        "unit_costs": {name: costs.unit_costs(name) for name in spire.DATASTORES},
        "measured": plan.measured(costs),
        "reference_table": plan.reference_table(),
    }
    return script(package_sources(), EXPORTS, data)


def main() -> None:
    """Print the script of the site."""
    import os

    import capmodel as cm

    costs = cm.OperationCosts(cm.load_sync_runs(os.environ.get("CAPMODEL_MEASUREMENTS"))).fit()
    print(site_script(costs), end="")


if __name__ == "__main__":
    main()
