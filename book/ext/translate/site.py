"""The script of the site: the package's arithmetic and the fitted costs, as one file that all pages share."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from translate.definitions import Translator
from translate.modules import PACKAGE, parse

#: The script's file on the site.
FILE = "capmodel.js"

_RUNTIME = (Path(__file__).parent / "runtime.js").read_text(encoding="utf-8")

#: What pages call, by module. What these reach is translated; nothing else is looked at.
EXPORTS: dict[str, tuple[str, ...]] = {
    "deployment": ("Inputs",),
    "cluster": ("forecast",),
    "division": ("divided", "federated", "root_alone"),
    "shapes": ("Limits", "Shape"),
    "choice": ("choose",),
    "answer": ("bar", "binding", "comparison", "duration", "quantities", "smaller", "span", "written"),
    "growth": ("capacity", "curve", "room"),
    "prices": ("PerHour",),
    "whole": (
        "about",
        "assumptions",
        "binding",
        "condition",
        "cost",
        "csv",
        "extrapolations",
        "priced",
        "rows",
        "sentence",
        "size",
        "surety",
    ),
    "what_if": ("change", "steps"),
    "effects": ("LABELS", "bars", "bars_title", "demanded"),
    "factors": ("about", "amount", "changes", "losses", "losses_title", "points", "points_title", "sentence"),
    "probability": ("chances",),
    "side_by_side": (
        "about",
        "answers",
        "columns",
        "description",
        "difference",
        "sentence",
        "sides",
        "title",
        "totals",
    ),
    "advice": ("availability", "failures", "geography", "rules"),
    "loop": ("finite_source", "asymptote", "open_queue", "knee", "curve", "marks", "sentence", "headline"),
}  # fmt: skip


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
    head = f'(function () {{\n"use strict";\n{_RUNTIME}{code}'
    text = head + f"window.{name} = Object.assign(window.{name} || {{}}, {{\n{members}\n}});\n}})();\n"
    # No text of the script spans lines, so what indents them only weighs.
    return "\n".join(line.strip() for line in text.split("\n"))


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
        See :func:`script`; the data are ``unit_costs`` by datastore, ``measured``, ``reference_table``, ``controls``
        and ``fields`` of what the controls set, with the prices that :class:`capmodel.Prices` asks for.
    """
    import controls

    from capmodel import plan, spire
    from capmodel.deployment import Inputs
    from capmodel.prices import PerHour, Prices
    from capmodel.shapes import Limits

    required = [field.name for field in fields(Prices) if field.default is MISSING]
    data = {
        "unit_costs": {name: costs.unit_costs(name) for name in spire.DATASTORES},
        "measured": plan.measured(costs),
        "reference_table": plan.reference_table(),
        "controls": controls.listed(),
        "fields": {
            "Inputs": Inputs._fields,
            "Limits": Limits._fields,
            "PerHour": PerHour._fields,
            "required_prices": required,
        },
    }
    return script(package_sources(), EXPORTS, data)


def write(folder: Path) -> None:
    """Write the script of the site, with the costs fitted to the shipped runs and the reader's own.

    Parameters
    ----------
    folder : Path
        Receives ``capmodel.js``.
    """
    import capmodel as cm

    costs = cm.OperationCosts(cm.load_sync_runs(os.environ.get("CAPMODEL_MEASUREMENTS"))).fit()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(site_script(costs), encoding="utf-8")
