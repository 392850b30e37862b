"""Python's functions and statements as JavaScript."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from translate.expressions import Expressions
from translate.modules import identifier, is_bool


class Statements(Expressions):
    """Translate functions and the statements in them."""

    def function(self, node: ast.FunctionDef, name: str) -> str:
        """Translate a definition; parameters keep their order, those by keyword included."""
        if node.decorator_list:
            raise self.error(node, "a decorator")
        arguments = self._parameters(node.args, node)
        inner = self._inside(set(arguments) | set(_assigned(node.body)))
        inner.flags |= {item.arg for item in [*node.args.args, *node.args.kwonlyargs] if is_bool(item.annotation)}
        inner._find_flags(node.body, set(_assigned(node.body)) - set(arguments))
        shown = [
            identifier(item) + (f" = {self.value(default)}" if default is not None else "")
            for item, default in arguments.items()
        ]
        body = node.body
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]
        local = [identifier(item) for item in _assigned(body) if item not in arguments]
        lines = [f"let {', '.join(local)};"] if local else []
        lines += inner.block(body)
        if not body or not isinstance(body[-1], (ast.Return, ast.Raise)):
            lines.append("return null;")
        return f"function {name}({', '.join(shown)}) {{\n" + "".join(f"  {line}\n" for line in lines) + "}"

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
            return [f"{identifier(node.name)} = {lines[0]}", *lines[1:-1], lines[-1] + ";"]
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

    def _store(self, target: ast.expr, value: str) -> str:
        if isinstance(target, ast.Name):
            return f"{identifier(target.id)} = {value};"
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


def _loaded(node: ast.expr) -> ast.expr:
    """Return the expression that reads what another one stores."""
    if isinstance(node, ast.Name):
        return ast.Name(node.id, ast.Load())
    if isinstance(node, ast.Subscript):
        return ast.copy_location(ast.Subscript(node.value, node.slice, ast.Load()), node)
    return node
