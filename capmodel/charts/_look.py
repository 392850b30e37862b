"""The look that all charts share, and what draws them on a page."""

from __future__ import annotations

import copy
import hashlib
import html
import json
import re
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

LIMIT: dict[str, Any] = {"strokeDash": [5, 4], "color": "currentColor", "opacity": 0.7}

#: Width in pixels of a chart's picture; on a page a chart has what there is.
STILL_WIDTH = 640

#: Characters beyond which a picture is left out of the page, which then says in words what the chart shows.
STILL_LIMIT = 60_000

#: What a picture repeats on every mark and the page says once.
_REPEATED = re.compile(
    r' (?:font-family|aria-hidden|aria-roledescription|role|pointer-events|stroke-miterlimit)="[^"]*"|'
    r' opacity="1"| stroke-width="1"|<path class="(?:fore|back)ground"[^>]*/>'
)


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


def _panels(spec: Any, width: int) -> None:
    """Give a number of pixels to every view that is as wide as its container."""
    if isinstance(spec, list):
        for part in spec:
            _panels(part, width)
    elif isinstance(spec, dict):
        if spec.get("width") == "container":
            spec["width"] = width
        for key in ("spec", "vconcat", "concat", "layer"):
            _panels(spec.get(key), width)
        _panels(spec.get("hconcat"), width // max(len(spec.get("hconcat", [])), 1))


def _still(spec: dict[str, Any]) -> str:
    """Draw a chart's default state as SVG, or return nothing where that would be large."""
    import vl_convert

    picture = copy.deepcopy(spec)
    _panels(picture, STILL_WIDTH)
    # The picture has one description as a whole; one for each mark would make it many times larger.
    picture.setdefault("config", {})["aria"] = False
    svg = vl_convert.vegalite_to_svg(picture, vl_version=".".join(alt.VEGALITE_VERSION.lstrip("v").split(".")[:2]))
    svg = _REPEATED.sub("", re.sub(r"(\d\.\d{2})\d+", r"\1", svg))
    return svg if len(svg) <= STILL_LIMIT else ""


def _script_json(value: Any) -> str:
    """Write JSON that no HTML parser takes for the end of a script or for a comment."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return text.replace("</", "<\\/").replace("<!--", "<\\u0021--")


def _caption(spec: dict[str, Any]) -> str:
    """Take the title out of a chart and return it as text that wraps on a narrow screen."""
    title = spec.get("title")
    lines = {"text": title} if isinstance(title, str | list) else title
    if not isinstance(lines, dict) or not isinstance(lines.get("text"), str | list):
        return ""
    del spec["title"]

    def joined(key: str) -> str:
        value = lines.get(key) or ""
        return html.escape(" ".join(value) if isinstance(value, list) else value)

    below = joined("subtitle")
    return f"<figcaption><strong>{joined('text')}</strong>{f'<br>{below}' if below else ''}</figcaption>"


def _figure(spec: dict[str, Any], **_: Any) -> dict[str, str]:
    """Write a chart as a figure of the book."""
    description = spec.get("description")
    if not description:
        raise ValueError("chart: got no description, expected one made from the data")
    own = spec.get("usermeta", {}).get("capmodel", {})
    body = copy.deepcopy(spec)
    caption = _caption(body)
    name = hashlib.sha256(_script_json(spec).encode()).hexdigest()[:12]
    # Functions that a script adds to Vega exist in the browser only.
    picture = "" if own.get("scripts") else _still(body)
    words = html.escape(description)
    if picture:
        picture = f'<div class="capchart-still" role="img" aria-label="{words}">{picture}</div>'
    figure = (
        f'<figure class="capchart" id="chart-{name}">{caption}<div class="capchart-controls"></div>'
        f'<div class="capchart-view">{picture}</div>'
        f'<script type="application/json">{_script_json(body)}</script>'
        f"<noscript><p>{words}</p></noscript></figure>"
    )
    return {"text/html": figure, "text/plain": f"<chart: {description}>"}


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


#: A time with its unit, for an axis in seconds.
TIME_LABEL = "datum.value < 1 ? format(1000 * datum.value, '~r') + ' ms' : format(datum.value, '~r') + ' s'"


def labels(names: list[str]) -> str:
    """Return an expression that writes names as readers are to see them."""
    return f"{json.dumps({name: LABELS[name] for name in names})}[datum.value]"


alt.renderers.register("site", _figure)
