"""What a set of names of the package reaches, each definition as JavaScript."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from translate.modules import PACKAGE, Module, TranslationError, identifier, parse
from translate.statements import Statements


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
            scope = Statements(self, module, set())
            first = len(fields) - len(module.records[name].defaults)
            defaults = ["" for _ in range(first)] + [
                " = " + scope.value(item) for item in module.records[name].defaults
            ]
            given = ", ".join(identifier(item) + default for item, default in zip(fields, defaults, strict=True))
            body = " ".join(f"this.{item} = {identifier(item)};" for item in fields)
            return f"class {flat} {{ constructor({given}) {{ {body} }} }}"
        if name in module.constants:
            return f"const {flat} = {Statements(self, module, set()).value(module.constants[name])};"
        return Statements(self, module, set()).function(module.functions[name], flat)
