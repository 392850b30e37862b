"""The look that all charts share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from capmodel import words

#: A colour that people with any colour vision tell from the others (Okabe and Ito), clear on white and on black.
BLUE, VERMILION, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7F7F7F"

#: Beside each colour the dashes of its lines and the shape of its points: colour alone tells nothing.
DASHES = {BLUE: [1, 0], VERMILION: [9, 3], GREEN: [2, 2], PURPLE: [9, 3, 2, 3], GREY: [4, 4]}
SHAPES = {BLUE: "circle", VERMILION: "square", GREEN: "triangle-up", PURPLE: "diamond", GREY: "cross"}

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

#: The interval around a model's line.
BAND: dict[str, Any] = {"opacity": 0.28}

#: A bar from one end of an interval to the other, told from black at night.
INTERVAL: dict[str, Any] = {"strokeWidth": 7, "opacity": 0.5}

#: A measured run.
MEASURED: dict[str, Any] = {"filled": True, "size": 45, "opacity": 0.85, "stroke": "currentColor", "strokeWidth": 0.5}

#: Offset of a legend above panels, counted from their titles, or above an axis without a title.
CLOSE = 10

#: The reader's own measurements, beside the shipped ones.
OWN: dict[str, Any] = MEASURED | {"shape": "diamond", "size": 90, "color": PURPLE, "opacity": 1.0}

#: A limit, or where two things are equal.
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
            "labelSeparation": 6,
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
            "offset": 34,  # clears the title of the vertical axis, which stands above its axis
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "symbolStrokeWidth": 1.5,
            "symbolBaseFillColor": "currentColor",
            "symbolBaseStrokeColor": "currentColor",
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

    Examples
    --------
    >>> import altair as alt
    >>> from capmodel import charts
    >>> charts.enable()
    >>> alt.theme.active
    'capmodel'
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
        Percent, with a space that no line ends at and the minus sign of print.

    Examples
    --------
    >>> percent(0.256), percent(0.0123, 1, sign=True), percent(-0.1)
    ('26\xa0%', '+1.2\xa0%', '−10\xa0%')
    """
    return words.percent(value, f"{'+' if sign else ''}.{digits}f").replace(" ", "\u00a0").replace("-", "−")


def inline(frame: pd.DataFrame, name: str, digits: int = 4) -> alt.InlineData:
    """Return a frame as a chart carries it.

    Parameters
    ----------
    frame : DataFrame
        Rows to draw.
    name : str
        The script of the page offers the data as NAME.csv; a name that begins with ``guide`` stays the chart's own.
    digits : int
        Of each number; four are what a reader can see, three on a logarithmic axis.

    Returns
    -------
    altair.InlineData
        Without empty cells.
    """

    def value(cell: Any) -> Any:
        return float(f"{cell:.{digits}g}") if isinstance(cell, float) else cell

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


class Told(NamedTuple):
    """How a chart tells things apart: by colour, and by dashes or shapes as well."""

    color: alt.Color
    dash: alt.StrokeDash
    shape: alt.Shape


def told(field: str, colors: Mapping[str, str] | list[str], *, points: bool = False, **legend: Any) -> Told:
    """Tell things apart by colour, and their lines by dashes and their points by shapes.

    Parameters
    ----------
    field : str
        What is told apart, as Altair writes fields.
    colors : mapping or list of str
        The colour of each thing, one of those with dashes and a shape; or keys of `COLORS`.
    points : bool
        Whether the legend shows points rather than lines.
    **legend : object
        What else the legend is to have; ``hidden=True`` for none.

    Returns
    -------
    Told
        One legend for the colours and the dashes, or for the colours and the shapes.
    """
    own = dict(colors) if isinstance(colors, Mapping) else {name: COLORS[name] for name in colors}
    names, hues = list(own), list(own.values())
    shown: dict[str, Any] = {"title": None, "symbolOpacity": 1}
    if not points:
        shown |= {"symbolType": "stroke", "symbolSize": 360, "symbolStrokeWidth": MODEL["strokeWidth"]}
    key = None if legend.pop("hidden", False) else alt.Legend(**{**shown, **legend})
    return Told(
        alt.Color(field, scale=alt.Scale(domain=names, range=hues), legend=key),
        alt.StrokeDash(
            field, scale=alt.Scale(domain=names, range=[DASHES[hue] for hue in hues]), legend=None if points else key
        ),
        alt.Shape(
            field, scale=alt.Scale(domain=names, range=[SHAPES[hue] for hue in hues]), legend=key if points else None
        ),
    )


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


def steps(ends: list[float], of: tuple[int, ...] = (1, 2, 5)) -> list[float]:
    """Return so many times the powers of ten between the ends of a logarithmic axis.

    Parameters
    ----------
    ends : list of float
        Lower and upper end.
    of : tuple of int
        What multiplies the powers.

    Returns
    -------
    list of float
        In their order.

    Examples
    --------
    >>> steps([3, 60])
    [5.0, 10.0, 20.0, 50.0]
    """
    return [base * 10.0**power for power in range(-9, 10) for base in of if ends[0] <= base * 10.0**power <= ends[1]]


#: A share in percent, for an axis; and one with its sign.
PERCENT_LABEL = "format(100 * datum.value, '~r') + '\u00a0%'"
SIGNED_PERCENT_LABEL = "(datum.value ? format(100 * datum.value, '+~r') : '0') + '\u00a0%'"

#: A time with its unit, for an axis in seconds.
TIME_LABEL = "datum.value < 1 ? format(1000 * datum.value, '~r') + ' ms' : format(datum.value, '~r') + ' s'"


def labels(names: list[str]) -> str:
    """Return an expression that writes names as readers are to see them."""
    return f"{json.dumps({name: LABELS[name] for name in names})}[datum.value]"
