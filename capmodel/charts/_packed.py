"""Charts in few characters: tables by columns, and what a drawing says several times once."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

#: What is shorter is not worth a reference.
_SHORT = 16


def short(value: Any) -> str:
    """Write JSON that no HTML parser takes for the end of a script or for a comment."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return text.replace("</", "<\\/").replace("<!--", "<\\u0021--")


def column(values: list[Any]) -> Any:
    """Write a column as one value, as numbers of different values, or as it is, whichever is shortest.

    Parameters
    ----------
    values : list
        Cells; None where a row has none.

    Returns
    -------
    list or dict
        ``{"all": value}``, ``{"of": values, "at": numbers}`` or the list.

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
    coded = {"of": [json.loads(text) for text in different], "at": [numbers[text] for text in texts]}
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
