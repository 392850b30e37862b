"""Every chart of the book, and the look that they share: data frame in, Altair chart out.

A chart's title states what it shows and its description says the same in words and numbers; both are made from the
data, so that neither can outlive it. Call :func:`enable` once before the first chart.

Colours of text and lines are those of the page (``currentColor``), and colours of marks hold on white and on black, so
one drawing serves the light and the dark theme.
"""

from __future__ import annotations

import copy
import hashlib
import html
import json
import re
from typing import Any

import altair as alt

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
MODEL: dict[str, Any] = {"strokeWidth": 2.5, "interpolate": "monotone"}
BAND: dict[str, Any] = {"opacity": 0.22, "interpolate": "monotone"}
MEASURED: dict[str, Any] = {"filled": True, "size": 45, "opacity": 0.85, "stroke": "currentColor", "strokeWidth": 0.5}
LIMIT: dict[str, Any] = {"strokeDash": [5, 4], "color": "currentColor", "opacity": 0.7}

#: Width in pixels of a chart's picture, and of a panel where a chart has several; on a page it has what there is.
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
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "symbolStrokeWidth": 2.5,
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
    if isinstance(spec, dict):
        if spec.get("width") == "container":
            spec["width"] = width
        for key in ("spec", "vconcat", "hconcat", "concat", "layer"):
            _panels(spec.get(key), width)
    elif isinstance(spec, list):
        for part in spec:
            _panels(part, width)


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


alt.renderers.register("site", _figure)
