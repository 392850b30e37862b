"""The calculator's elements as HTML."""

from __future__ import annotations

import html
from typing import Any

from controls import Choice, Number, started


def tag(kind: str, content: str = "", /, **attributes: Any) -> str:
    """Write an element; an underscore in a name is a hyphen, True stands for an attribute without a value."""
    shown = "".join(
        f" {key.strip('_').replace('_', '-')}" + ("" if value is True else f'="{html.escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return f"<{kind}{shown}>" if kind == "input" else f"<{kind}{shown}>{content}</{kind}>"


def field(control: Number | Choice, **attributes: Any) -> str:
    """Write a control with its label, its unit and one line of help."""
    own, label = f"calc-{control.name}", html.escape(control.label)
    described: str | None = f"{own}-help" if control.help else None
    if isinstance(control, Choice):
        options = "".join(
            tag("option", html.escape(option.label), value=value, selected=number == 0)
            for number, (value, option) in enumerate(control.options.items())
        )
        entry = tag(
            "select", options, id=own, name=control.name, autocomplete="off", aria_describedby=described or None
        )
    else:
        described = f"{described} {own}-error" if described else f"{own}-error"
        label += f' <span class="calc-unit">{html.escape(control.unit)}</span>' if control.unit else ""
        entry = tag(
            "input", type="number", id=own, name=control.name, value=started(control), min=f"{control.low:.15g}",
            max=f"{control.high:.15g}", step="any", required=control.start is not None, autocomplete="off",
            inputmode="numeric" if control.whole else "decimal", placeholder=control.empty or None,
            aria_describedby=described, data_unit=control.unit,
        )  # fmt: skip
        if control.slider:
            start, end, scale, steps = control.slider
            entry += tag(
                "input", type="range", min=0, max=steps, value=0, step=1, autocomplete="off",
                aria_label=f"{control.label}, slider", data_for=control.name, data_from=start, data_to=end,
                data_scale=scale,
            )  # fmt: skip
        entry += tag("p", class_="calc-error", id=f"{own}-error")
    if control.help:
        entry += tag("p", html.escape(control.help), class_="calc-help", id=f"{own}-help")
    return tag("div", tag("label", label, for_=own) + entry, class_="calc-field", **attributes)


def group(title: str, *fields: str) -> str:
    """Write controls that stay in sight."""
    return tag("fieldset", tag("legend", title) + "".join(fields))


def folded(title: str, *fields: str) -> str:
    """Write controls that a reader opens."""
    summary = tag("summary", html.escape(title) + tag("span", class_="calc-changed"))
    return tag("details", summary + tag("div", "".join(fields), class_="calc-fold"), class_="calc-group")


def listing(lines: list[str], name: str) -> str:
    """Write a list that the page's script rewrites."""
    return tag("ul", "".join(tag("li", html.escape(line)) for line in lines), data_out=name)


def table_rows(rows: list[list[str]]) -> str:
    """Write the rows of a table; the first cell names its row."""
    return "".join(
        tag("tr", "".join(tag("td" if number else "th", html.escape(text), scope=None if number else "row")
                          for number, text in enumerate(row)))
        for row in rows
    )  # fmt: skip


def table(caption: str, heads: list[str], rows: list[list[str]], name: str, **attributes: Any) -> str:
    """Write a table whose body the page's script rewrites."""
    first = "".join(tag("th", head, scope="col") if head else tag("td") for head in heads)
    body = tag("tbody", table_rows(rows), data_out=name)
    return tag(
        "table", tag("caption", caption) + tag("thead", tag("tr", first)) + body, class_="calc-table", **attributes
    )
