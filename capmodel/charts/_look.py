"""The look that all charts share."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

#: Colours that people with any colour vision can tell apart (Okabe and Ito), those with contrast on white and on black.
BLUE, VERMILION, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7F7F7F"

#: One colour for one thing on all pages.
COLORS = {
    "postgresql": BLUE,
    "mariadb": VERMILION,
    "sqlite": GREEN,
    "server": BLUE,
    "datastore": VERMILION,
    "client": GREY,
    "full_cache": BLUE,
    "crawl": VERMILION,
    "crawl_cached": PURPLE,
    "events_cache": GREEN,
}

#: How readers are to see each name.
LABELS = {
    "postgresql": "PostgreSQL",
    "mariadb": "MariaDB",
    "sqlite": "SQLite",
    "server": "server",
    "datastore": "datastore",
    "full_cache": "full cache",
    "crawl": "crawl",
    "crawl_cached": "crawl with subtree cache",
    "events_cache": "events cache",
}

#: The same marks for the same things on all pages: a model is a line with a band, a measurement a point.
MODEL: dict[str, Any] = {"strokeWidth": 2.5}

BAND: dict[str, Any] = {"opacity": 0.22}

MEASURED: dict[str, Any] = {"filled": True, "size": 45, "opacity": 0.85, "stroke": "currentColor", "strokeWidth": 0.5}

#: The reader's own measurements, beside the shipped ones.
OWN: dict[str, Any] = MEASURED | {"shape": "diamond", "size": 90, "color": PURPLE, "opacity": 1.0}

LIMIT: dict[str, Any] = {"strokeDash": [5, 4], "color": "currentColor", "opacity": 0.7}


@alt.theme.register("capmodel", enable=False)
def _theme() -> alt.theme.ThemeConfig:
    line = {"domainColor": "currentColor", "tickColor": "currentColor", "gridColor": "currentColor"}
    text = {"labelColor": "currentColor", "titleColor": "currentColor"}
    config: Any = {
        "background": "transparent",
        "font": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
        "view": {"stroke": None, "continuousHeight": 300, "discreteHeight": 300},
        "axis": {
            **line,
            **text,
            "domainOpacity": 0.6,
            "tickOpacity": 0.6,
            "gridOpacity": 0.12,
            "labelFontSize": 12,
            "titleFontSize": 12.5,
            "titleFontWeight": "normal",
            "labelOverlap": "greedy",
            "titlePadding": 8,
        },
        "axisX": {"grid": False},
        "axisY": {
            "titleAngle": 0,
            "titleAlign": "left",
            "titleAnchor": "end",
            "titleX": 0,
            "titleY": -10,
            "titleBaseline": "bottom",
        },
        "legend": {
            **text,
            "orient": "top",
            "offset": 26,  # clears the title of the vertical axis, which stands above its axis
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "symbolStrokeWidth": 1.5,
            "labelLimit": 260,
            "titleLimit": 260,
        },
        "header": {**text, "labelFontSize": 13, "titleFontSize": 13, "labelFontWeight": "bold"},
        "title": {
            "color": "currentColor",
            "subtitleColor": "currentColor",
            "anchor": "start",
            "fontSize": 14,
            "subtitleFontSize": 12.5,
        },
        "text": {"color": "currentColor", "fontSize": 12},
        "rule": {"color": "currentColor"},
        "line": {"strokeWidth": MODEL["strokeWidth"]},
        "point": {"filled": True, "size": MEASURED["size"]},
        "range": {"category": [BLUE, VERMILION, GREEN, PURPLE, GREY], "heatmap": {"scheme": "viridis"}},
    }
    return alt.theme.ThemeConfig(config=config)


def enable(renderer: str = "default") -> None:
    """Give every chart the book's look.

    Parameters
    ----------
    renderer : {"default", "site"}
        ``"default"`` draws in a notebook; ``"site"`` writes what the book's own script draws, with a picture for
        readers without scripts.

    Raises
    ------
    ValueError
        If there is no such renderer.
    """
    if renderer not in ("default", "site"):
        raise ValueError(f"renderer: got {renderer!r}, expected 'default' or 'site'")
    alt.theme.enable("capmodel")
    alt.renderers.enable(renderer)


def number(value: float, digits: int = 2) -> str:
    """Write a number for a sentence: so many significant digits, thousands apart, no exponent.

    Parameters
    ----------
    value : float
        The number.
    digits : int
        Significant digits.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> number(163.4), number(0.0567), number(12_345, 3)
    ('160', '0.057', '12,300')
    """
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10 ** (digits - 1) else f"{rounded:.{digits}g}"


def percent(value: Any, digits: int = 0, *, sign: bool = False) -> str:
    r"""Write a share for a sentence.

    Parameters
    ----------
    value : float
        The share, of any type that is written as a number; 1 is the whole.
    digits : int
        Digits after the point.
    sign : bool
        Whether a positive share gets a plus.

    Returns
    -------
    str
        Percent, with a space that no line ends at.

    Examples
    --------
    >>> percent(0.256), percent(0.0123, 1, sign=True)
    ('26\xa0%', '+1.2\xa0%')
    """
    return f"{100 * value:{'+' if sign else ''}.{digits}f}\u00a0%"


def inline(frame: pd.DataFrame, name: str) -> alt.InlineData:
    """Return a frame as a chart carries it.

    Parameters
    ----------
    frame : DataFrame
        Rows to draw.
    name : str
        The script of the page offers the data as NAME.csv; a name that begins with ``guide`` stays the chart's own.

    Returns
    -------
    altair.InlineData
        With four digits, which is what a reader can see, and no empty cells.
    """

    def value(cell: Any) -> Any:
        return float(f"{cell:.4g}") if isinstance(cell, float) else cell

    records = frame.to_dict("records")
    return alt.InlineData(
        values=[{str(key): value(cell) for key, cell in record.items() if pd.notna(cell)} for record in records],
        name=name,
    )


def choice(name: str, options: dict[str, str], value: str, label: str) -> alt.Parameter:
    """Return radio buttons.

    Parameters
    ----------
    name : str
        Name of the choice in a link.
    options : dict of str to str
        Values, as they stand in the data and in a link, and what readers see.
    value : str
        Chosen at first.
    label : str
        Said before the buttons.

    Returns
    -------
    altair.Parameter
        To add to a chart.
    """
    return alt.param(
        name=name,
        value=value,
        bind=alt.binding_radio(options=list(options), labels=list(options.values()), name=label),
    )


def color_scale(names: list[str]) -> alt.Scale:
    """Return the colours of names that have one on all pages.

    Parameters
    ----------
    names : list of str
        Keys of `COLORS`.

    Returns
    -------
    altair.Scale
        Names to colours.
    """
    return alt.Scale(domain=names, range=[COLORS[name] for name in names])


def reach(values: pd.DataFrame) -> list[float]:
    """Return the ends of a logarithmic axis.

    Parameters
    ----------
    values : DataFrame
        What the axis has to hold, NaN apart.

    Returns
    -------
    list of float
        Lower and upper end, with some room.
    """
    found = values.to_numpy(float)
    return [0.8 * float(np.nanmin(found)), 1.25 * float(np.nanmax(found))]


#: A share in percent, for an axis; and one with its sign.
PERCENT_LABEL = "format(100 * datum.value, '~r') + '\u00a0%'"
SIGNED_PERCENT_LABEL = "(datum.value ? format(100 * datum.value, '+~r') : '0') + '\u00a0%'"

#: A time with its unit, for an axis in seconds.
TIME_LABEL = "datum.value < 1 ? format(1000 * datum.value, '~r') + ' ms' : format(datum.value, '~r') + ' s'"


def labels(names: list[str]) -> str:
    """Return an expression that writes names as readers are to see them."""
    return f"{json.dumps({name: LABELS[name] for name in names})}[datum.value]"
