"""Charts in few characters: tables by columns, what a drawing repeats once, and nothing that draws nothing."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

#: What is shorter is not worth a reference.
_SHORT = 12

#: Characters that stand for the numbers of a column's values; the script of the page has the same.
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

#: What Vega-Lite says of an axis that is there for its grid alone; all else is also said of the axis with the labels.
_GRID_ALONE = {
    "aria", "domain", "grid", "gridScale", "labels", "maxExtent", "minExtent", "orient", "scale", "ticks", "zindex",
}  # fmt: skip

#: Styles that Vega has without being told.
_STYLES = {"cell", "circle", "group-subtitle", "group-title", "guide-label", "guide-title", "point", "square"}


def short(value: Any) -> str:
    """Write JSON that no HTML parser takes for the end of a script or for a comment."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return text.replace("</", "<\\/").replace("<!--", "<\\u0021--")


def column(values: list[Any]) -> Any:
    """Write a column as one value, as places of different values, or as it is, whichever is shortest.

    Parameters
    ----------
    values : list
        Cells; None where a row has none.

    Returns
    -------
    list or dict
        ``{"all": value}``, ``{"of": values, "at": places}`` or the list. The place of a value is its number, or a
        character where there are no more values than characters.

    Examples
    --------
    >>> column(["full cache", "full cache"])
    {'all': 'full cache'}
    """
    texts = [json.dumps(value, sort_keys=True) for value in values]
    different = list(dict.fromkeys(texts))
    if len(different) == 1:
        return {"all": values[0]}
    numbers = {text: number for number, text in enumerate(different)}
    at: Any = [numbers[text] for text in texts]
    if len(different) <= len(_DIGITS):
        at = "".join(_DIGITS[number] for number in at)
    coded = {"of": [json.loads(text) for text in different], "at": at}
    return min(values, coded, key=lambda one: len(short(one)))


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Write a table by columns.

    Parameters
    ----------
    rows : list of dict
        Not each has all columns.

    Returns
    -------
    dict
        The number of ``rows`` and the ``columns``, each its name and `column`.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {"rows": len(rows), "columns": [[name, column([row.get(name) for row in rows])] for name in names]}


def lean(spec: dict[str, Any]) -> None:
    """Take out of a drawing what Vega-Lite writes and Vega does not need.

    Parameters
    ----------
    spec : dict
        Vega; its axes, marks and their names become fewer, its picture stays.
    """
    whole = json.dumps(spec)
    styles = _STYLES | set(spec.get("config", {}).get("style", {}))

    def groups(part: dict[str, Any]) -> None:
        if "axes" in part:
            part["axes"] = _axes(part["axes"])
        for mark in part.get("marks", []):
            # Panels keep theirs.
            if "name" in mark and part is not spec and whole.count(json.dumps(mark["name"])) == 1:
                del mark["name"]
            if isinstance(mark.get("style"), list) and not styles.intersection(mark["style"]):
                del mark["style"]
            groups(mark)

    groups(spec)
    _domains(spec)
    for panel in spec.get("marks", []):
        if panel.get("type") == "group":
            _localize(spec, panel)


def _domains(spec: dict[str, Any]) -> None:
    """Leave out of a scale's domain the fields of rows that are a choice of other rows whose field is there too."""
    chosen = {
        data["name"]: data["source"]
        for data in spec.get("data", [])
        if isinstance(data.get("source"), str) and all(step["type"] == "filter" for step in data.get("transform", []))
    }

    def above(name: str) -> list[str]:
        found = [name]
        while found[-1] in chosen:
            found.append(chosen[found[-1]])
        return found[1:]

    for scale in spec.get("scales", []):
        domain = scale.get("domain")
        fields = domain.get("fields") if isinstance(domain, dict) else None
        if not isinstance(fields, list) or not all(
            isinstance(one, dict) and set(one) == {"data", "field"} for one in fields
        ):
            continue
        rest = [one for one in fields if not any({**one, "data": name} in fields for name in above(one["data"]))]
        # Names keep the order in which they come, which is that of the first field.
        if scale["type"] in ("linear", "log", "symlog"):
            domain.pop("fields")
            domain |= rest[0] if len(rest) == 1 else {"fields": rest}


def _localize(spec: dict[str, Any], panel: dict[str, Any]) -> None:
    """Give a panel its own scales, and short names to what only it knows: panels alike are then written alike."""
    for group in panel.get("marks", []):
        facet = group.get("from", {}).get("facet", {})
        if facet.get("name", "").startswith("faceted_path"):
            old, facet["name"] = facet["name"], "path"
            for mark in group["marks"]:
                if mark.get("from", {}).get("data") == old:
                    mark["from"]["data"] = "path"
    if "name" not in panel or "scales" not in spec:
        return
    prefix = panel["name"].removesuffix("group")
    taken = {scale["name"] for scale in spec["scales"]}
    rest = {**spec, "marks": [mark for mark in spec["marks"] if mark is not panel]}
    for scale in list(spec["scales"]):
        name = scale["name"]
        own = name.removeprefix(prefix)
        others = json.dumps({**rest, "scales": [one for one in spec["scales"] if one is not scale]})
        if own == name or own in taken or name in others:
            continue
        spec["scales"].remove(scale)
        text = json.dumps({key: value for key, value in panel.items() if key != "name"})
        kept = panel["name"]
        panel.clear()
        # Expressions name scales too, in quotes of their own.
        for quoted in ('"{}"', "'{}'", r"\"{}\""):
            text = text.replace(quoted.format(name), quoted.format(own))
        panel.update(json.loads(text))
        panel |= {"name": kept, "scales": [*panel.get("scales", []), {**scale, "name": own}]}


def _axes(axes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let the axis with the labels draw the grid too."""
    kept = [dict(axis) for axis in axes if not axis.get("gridScale")]
    alone = []
    for grid in (axis for axis in axes if axis.get("gridScale")):
        rest = {key: value for key, value in grid.items() if key not in _GRID_ALONE}
        same = (
            axis
            for axis in kept
            if all(axis.get(key) == grid.get(key) for key in ("scale", "orient", "zindex"))
            and all(axis.get(key) == value for key, value in rest.items())
        )
        axis = next(same, None)
        if axis is None:
            alone.append(grid)
        else:
            axis |= {"grid": True, "gridScale": grid["gridScale"]}
    for axis in (*alone, *kept):
        if axis.get("zindex") == 0:
            del axis["zindex"]
    return alone + kept


def shared(value: Any) -> dict[str, Any]:
    """Write once what a value holds several times.

    Parameters
    ----------
    value : object
        What JSON can hold; no part may have the one key ``$``.

    Returns
    -------
    dict
        ``parts``, and the ``whole``, in which ``{"$": n}`` stands for the part of that number. A part refers to parts
        before it only.

    Examples
    --------
    >>> shared([{"scale": "logarithmic"}, {"scale": "logarithmic"}])
    {'parts': [{'scale': 'logarithmic'}], 'whole': [{'$': 0}, {'$': 0}]}
    """
    times: Counter[str] = Counter()

    def count(part: Any) -> None:
        text = short(part)
        times[text] += 1
        if times[text] == 1 and isinstance(part, dict | list):
            for inner in part.values() if isinstance(part, dict) else part:
                count(inner)

    numbers: dict[str, int] = {}
    parts: list[Any] = []

    def written(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: reference(inner) for key, inner in part.items()}
        return [reference(inner) for inner in part] if isinstance(part, list) else part

    def reference(part: Any) -> Any:
        text = short(part)
        if len(text) <= _SHORT or times[text] < 2:
            return written(part)
        if text not in numbers:
            content = written(part)
            numbers[text] = len(parts)
            parts.append(content)
        return {"$": numbers[text]}

    count(value)
    whole = written(value)
    return {"parts": parts, "whole": whole}
