"""Python's expressions as JavaScript, in the subset that both mean alike."""

from __future__ import annotations

import ast
import json
import math
from typing import TYPE_CHECKING, Self

from translate.modules import Module, TranslationError, identifier

if TYPE_CHECKING:
    from translate.definitions import Translator

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
_BUILTINS = frozenset({"abs", "float", "int", "len", "list", "max", "min", "sorted"})
_BINARY = {ast.Add: ("+", 11), ast.Sub: ("-", 11), ast.Mult: ("*", 12), ast.Div: ("/", 12), ast.Pow: ("**", 13)}
_ORDER = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
#: Precedence of what the translator writes: larger binds closer.
_ANY, _TERNARY, _OR, _AND, _EQUAL, _LESS, _ADD, _UNARY, _CALL = 0, 2, 3, 4, 8, 9, 11, 14, 17


class Expressions:
    """Translate expressions where some names are variables.

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

    def _inside(self, names: set[str]) -> Self:
        """Return the scope of something inside that has variables of its own."""
        return type(self)(self.translator, self.module, self.local | names, self.flags - names)

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

    def _variable(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Name):
            raise self.error(node, "unpacking into anything but names")
        return identifier(node.id)

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
            return identifier(node.id), _CALL
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
        return f"({', '.join(map(identifier, arguments))}) => {inner._arrow(node.body)}", _ANY

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
        return f"{identifier(function.id)}({', '.join(self.value(item) for item in node.args)})", _CALL

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
        if name == "sorted":
            if len(node.args) != 1 or [item.arg for item in node.keywords] != ["key"]:
                raise self.error(node, "a call of sorted without a key")
            return f"$sorted({self.value(node.args[0])}, {self.value(node.keywords[0].value, _TERNARY)})", _CALL
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
