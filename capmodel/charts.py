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
import textwrap
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd
from altair.typing import ChartType

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


alt.renderers.register("site", _figure)


# Every chart below: data frame in, chart out, its words made from the data.


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


def _data(frame: pd.DataFrame, name: str) -> alt.InlineData:
    """Return a frame as a chart carries it: four digits, which is what a reader can see, and no empty cells.

    The script of the page offers it as NAME.csv; a name that begins with ``guide`` stays the chart's own.
    """

    def value(cell: Any) -> Any:
        return float(f"{cell:.4g}") if isinstance(cell, float) else cell

    records = frame.to_dict("records")
    return alt.InlineData(
        values=[{str(key): value(cell) for key, cell in record.items() if pd.notna(cell)} for record in records],
        name=name,
    )


def _choice(name: str, options: dict[str, str], value: str, label: str) -> alt.Parameter:
    """Return radio buttons: `options` maps values, as they stand in the data and in a link, to what readers see."""
    return alt.param(
        name=name,
        value=value,
        bind=alt.binding_radio(options=list(options), labels=list(options.values()), name=label),
    )


def _colors(names: list[str]) -> alt.Scale:
    return alt.Scale(domain=names, range=[COLORS[name] for name in names])


def sync_cost(frame: pd.DataFrame) -> ChartType:
    """Draw the CPU time of one sync against the entries of its agent, server and datastore apart.

    Parameters
    ----------
    frame : DataFrame
        One row a point: ``sync_mode``, ``datastore``, ``load`` (``"busy"`` or ``"alone"``), ``component``, ``kind``
        (``"model"`` or ``"measured"``), ``entries_per_agent``, ``cpu_ms``, for the model ``lower_ms`` and ``upper_ms``,
        for a measurement ``run_id``. The model has 10, 30 and 100 entries among its points.

    Returns
    -------
    Chart
        Controls ``datastore`` and ``load``; PostgreSQL on a busy host at first.
    """
    modes = ["crawl", "full_cache"]
    model = frame[frame["kind"] == "model"]
    label = model["sync_mode"].map(LABELS)[model["entries_per_agent"] == 30]
    first_state = model[(model["datastore"] == "postgresql") & (model["load"] == "busy")]
    costs = first_state.set_index(["sync_mode", "entries_per_agent", "component"])["cpu_ms"].to_dict()

    said, growth = [], []
    for mode in modes:
        few, few_stored = costs[mode, 10, "server"], costs[mode, 10, "datastore"]
        many, many_stored = costs[mode, 100, "server"], costs[mode, 100, "datastore"]
        growth.append(f"{(many + many_stored) / (few + few_stored):.1f}-fold")
        said.append(
            f"{LABELS[mode]}: {number(few)} ms of server and {number(few_stored)} ms of datastore CPU with 10 entries, "
            f"{number(many)} and {number(many_stored)} ms with 100"
        )
    x = alt.X(
        "entries_per_agent:Q",
        title="entries of the agent",
        scale=alt.Scale(type="symlog", constant=1, domain=[0, int(model["entries_per_agent"].max())], nice=False),
        axis=alt.Axis(values=[0, 1, 3, 10, 30, 100, 300, 1000], labelExpr="format(datum.value, ',')"),
    )
    # One scale for all choices: what a control changes is seen as a move of the lines.
    scale = alt.Scale(type="log", domain=[0.8 * frame["cpu_ms"].min(), 1.6 * frame["cpu_ms"].max()], nice=False)
    color = alt.Color("sync_mode:N", scale=_colors(modes), legend=None)
    tooltip = [
        alt.Tooltip("entries_per_agent:Q", title="entries"),
        alt.Tooltip("cpu_ms:Q", title="measured, ms"),
        alt.Tooltip("run_id:N", title="run"),
    ]

    def panel(component: str) -> ChartType:
        axis = alt.Axis(values=[0.1, 0.3, 1, 3, 10, 30, 100, 300], format="~g", title=f"CPU ms a sync, {component}")
        y = alt.Y("cpu_ms:Q", scale=scale, axis=axis)
        chosen = f"datum.component == '{component}' && datum.datastore == datastore && datum.load == load"
        points = alt.Chart().transform_filter(chosen)
        lines = points.transform_filter("datum.kind == 'model'").encode(x, color)
        runs = points.transform_filter("datum.kind == 'measured'").encode(x, y, color)
        names = lines.transform_filter("isValid(datum.label)")
        layers = [
            lines.mark_area(**BAND).encode(alt.Y("lower_ms:Q", scale=scale, axis=axis), alt.Y2("upper_ms:Q")),
            lines.mark_line(**MODEL).encode(y),
            runs.mark_point(**MEASURED).encode(tooltip=tooltip),
            names.mark_text(align="right", baseline="bottom", dy=-14, fontWeight="bold").encode(y, text="label:N"),
        ]
        if component == "datastore":
            place = {"x": alt.value(24), "y": alt.value(140)}
            note = alt.Chart(alt.Data(values=[{}], name="guide_note")).transform_filter("datastore == 'sqlite'")
            layers.append(note.mark_text(align="left").encode(**place, text=alt.value("SQLite runs inside the server")))
        return alt.layer(*layers).properties(width="container", height=280)

    stores = {name: LABELS[name] for name in ("postgresql", "mariadb", "sqlite")}
    title = alt.Title(
        f"From 10 to 100 entries a crawl grows {growth[0]}, a sync from the full cache {growth[1]}",
        subtitle="Lines: model with its 90% interval. Points: measured windows. Both axes are logarithmic.",
    )
    return (
        alt.hconcat(panel("server"), panel("datastore"), data=_data(frame.assign(label=label), "sync_cost"))
        .add_params(
            _choice("datastore", stores, "postgresql", "datastore"),
            _choice("load", {"busy": "busy host", "alone": "one agent at a time"}, "busy", "load"),
        )
        .properties(title=title, description="CPU of one sync on a busy host with PostgreSQL. " + "; ".join(said) + ".")
    )


def statement_counts(frame: pd.DataFrame) -> ChartType:
    """Draw the datastore statements that were counted against those that SPIRE's code says.

    Parameters
    ----------
    frame : DataFrame
        One row a window: ``run_id``, ``operation``, ``sync_mode``, ``expected``, ``counted`` (both per operation, above
        0) and ``operations`` in the window.

    Returns
    -------
    Chart
        A point a window, and the line on which both are equal.
    """
    gap = (frame["counted"] / frame["expected"] - 1.0).abs()
    ends = [0.8 * frame["expected"].min(), 1.25 * frame["expected"].max()]
    scale = alt.Scale(type="log", domain=ends, nice=False)
    axis = alt.Axis(values=[1, 3, 10, 30, 100, 300, 1000], format="~g")
    x = alt.X("expected:Q", title="statements an operation, by SPIRE's code", scale=scale, axis=axis)
    y = alt.Y("counted:Q", title="statements an operation, counted", scale=scale, axis=axis)
    tooltip = [
        alt.Tooltip("operation:N"),
        alt.Tooltip("sync_mode:N", title="sync mode"),
        alt.Tooltip("expected:Q", title="by the code"),
        alt.Tooltip("counted:Q"),
        alt.Tooltip("operations:Q", title="operations in the window"),
        alt.Tooltip("run_id:N", title="run"),
    ]
    kinds = {True: "sync", False: "other operations"}
    data = _data(frame.assign(kind=(frame["operation"] == "sync").map(kinds)), "statement_counts")
    color = alt.Color("kind:N", scale=alt.Scale(domain=list(kinds.values()), range=[BLUE, VERMILION]), title=None)
    points = alt.Chart(data).mark_point(**MEASURED).encode(x, y, color, tooltip=tooltip)
    diagonal = alt.Data(values=[{"expected": end, "counted": end} for end in ends], name="guide_equal")
    title = alt.Title(
        f"The code says how many statements PostgreSQL gets: the median window is {gap.median():.1%} off",
        subtitle="Points: measured windows. Dashed: both equal. Both axes are logarithmic.",
    )
    description = (
        f"Statements an operation counted by PostgreSQL against those that SPIRE's code says: {len(frame)} windows, "
        f"{frame['expected'].min():.0f} to {frame['expected'].max():.0f} statements. The median difference is "
        f"{gap.median():.1%}, nine of ten are within {gap.quantile(0.9):.1%}."
    )
    equal = alt.Chart(diagonal).mark_line(**LIMIT).encode(x, y)
    return alt.layer(equal, points).properties(width="container", height=280, title=title, description=description)


def reference_map(frame: pd.DataFrame, cells: pd.DataFrame, hull: pd.DataFrame) -> ChartType:
    """Draw the rung that the sizing table would print over agents and workloads, and the cells that it prints.

    Parameters
    ----------
    frame : DataFrame
        One row a tile of an even grid on logarithmic axes: ``total`` (``"cores"`` or ``"memory"``), ``agents``,
        ``workloads``, ``rung``, ``odds`` (the likeliest rungs in words), ``lower`` and ``upper`` (90 % interval of the
        need), ``extrapolated``.
    cells : DataFrame
        One row a printed cell: ``total``, ``agents``, ``workloads``, ``printed``, ``predicted`` (from the other cells),
        ``exact``, ``odds`` (what the other cells gave it, in words).
    hull : DataFrame
        Corners of the table's convex hull in order: ``agents``, ``workloads``.

    Returns
    -------
    Chart
        Control ``total``; cores at first.
    """
    units = {"cores": "cores", "memory": "GB"}
    rungs = sorted(int(rung) for rung in frame["rung"].unique())
    # From the middle of a tile to its edge, as a factor.
    reach = {name: np.sort(frame[name].unique())[:2] for name in ("agents", "workloads")}
    edge = {name: float(np.sqrt(following / first)) for name, (first, following) in reach.items()}
    held_out = cells["exact"].map({True: "the same", False: "another"})
    cells = cells.drop(columns="exact").assign(held_out=held_out)

    def axis(name: str, title: str) -> dict[str, Any]:
        domain = [float(frame[name].min()) / edge[name], float(frame[name].max()) * edge[name]]
        ticks = [10.0**power for power in range(int(np.ceil(np.log10(domain[0]))), int(np.log10(domain[1])) + 1)]
        return {
            "title": title,
            "scale": alt.Scale(type="log", domain=domain, nice=False),
            "axis": alt.Axis(values=ticks, format="~s", grid=False),
        }

    across, up = axis("agents", "agents"), axis("workloads", "registered workloads")
    # Small rungs are dark and large ones light, so that numbers on them are white and black.
    light = f"datum.rung > {rungs[int(0.5 * len(rungs))]}"
    ink = alt.condition(light, alt.value("black"), alt.value("white"))
    sides = {
        f"{name}_{side}": f"datum.{name} {sign} {factor}"
        for name, factor in edge.items()
        for side, sign in (("from", "/"), ("to", "*"))
    }
    unit = f"datum.total == 'cores' ? '{units['cores']}' : '{units['memory']}'"
    place = "datum.extrapolated ? 'beyond the table' : 'between its cells'"
    chosen = alt.Chart(_data(frame, "reference_map")).transform_filter("datum.total == total")
    chosen = chosen.transform_calculate(**sides, unit=unit, place=place)
    color = alt.Color("rung:O", sort=rungs, scale=alt.Scale(domain=rungs, scheme="viridis"), legend=None)
    shared = [alt.Tooltip("agents:Q", format=",.0f"), alt.Tooltip("workloads:Q", format=",.0f")]
    ground = chosen.mark_rect().encode(
        alt.X("agents_from:Q", **across),
        alt.X2("agents_to:Q"),
        alt.Y("workloads_from:Q", **up),
        alt.Y2("workloads_to:Q"),
        color,
        tooltip=[
            *shared,
            alt.Tooltip("rung:Q", title="total", format=","),
            alt.Tooltip("unit:N", title="of"),
            alt.Tooltip("odds:N", title="odds"),
            alt.Tooltip("lower:Q", title="need, from", format=",.3~r"),
            alt.Tooltip("upper:Q", title="to", format=",.3~r"),
            alt.Tooltip("place:N", title="place"),
        ],
    )
    x, y = alt.X("agents:Q", **across), alt.Y("workloads:Q", **up)
    names = alt.Chart(_data(_region_labels(frame, cells), "guide_regions")).transform_filter("datum.total == total")
    number = alt.Text("rung:Q", format=",")
    labels = names.mark_text(fontSize=13, fontWeight="bold").encode(x, y, text=number, color=ink)
    corners = pd.concat([hull, hull.iloc[:1]]).assign(corner=range(len(hull) + 1))
    border = alt.Chart(_data(corners, "guide_hull")).encode(x, y, order="corner:O")
    # White below black dashes is seen on dark tiles and on light ones.
    borders = [
        border.mark_line(strokeWidth=3, color="white"),
        border.mark_line(strokeWidth=1.5, color="black", strokeDash=[6, 4]),
    ]
    printed = alt.Chart(_data(cells, "reference_cells")).transform_filter("datum.total == total")
    printed = printed.transform_calculate(unit=unit)
    shapes = alt.Scale(domain=["the same", "another"], range=["circle", "square"])
    shape = alt.Shape("held_out:N", scale=shapes, legend=None)
    spots = printed.mark_point(size=560, filled=True, fill="white", stroke="black", strokeWidth=1, opacity=1).encode(
        x,
        y,
        shape,
        tooltip=[
            *shared,
            alt.Tooltip("printed:Q", title="printed"),
            alt.Tooltip("unit:N", title="of"),
            alt.Tooltip("predicted:Q", title="from the other cells"),
            alt.Tooltip("odds:N", title="they gave it"),
        ],
    )
    numbers = printed.mark_text(fontSize=11, color="black").encode(x, y, text="printed:Q")

    cores = cells[cells["total"] == "cores"]
    beyond = frame[(frame["total"] == "cores") & frame["extrapolated"]]
    hits = int((cores["held_out"] == "the same").sum())
    title = alt.Title(
        f"For cores, the other cells would have printed {hits} of the table's {len(cores)} cells",
        subtitle="Colour and bold number: the total, cores or GB of all servers together, that the table would print. "
        "Circle: a printed cell that the others predict; square: one that they miss. Dashed: the edge of the table.",
    )
    by_cell = ", ".join(
        f"{row.agents:,.0f} agents and {row.workloads:,.0f} workloads {row.printed}"
        for row in cores[cores["agents"].isin([cores["agents"].min(), cores["agents"].max()])].itertuples()
    )
    return (
        alt.layer(ground, *borders, labels, spots, numbers)
        .add_params(_choice("total", {"cores": "cores", "memory": "memory, GB"}, "cores", "total"))
        .properties(
            width="container",
            height=420,
            title=title,
            description=(
                f"Total cores that the sizing table would print over agents and workloads. It prints: {by_cell}. Held "
                f"out, {hits} of {len(cores)} cells are predicted exactly by the others. Beyond the table the map "
                f"reaches {int(beyond['rung'].max()):,} cores."
            ),
        )
    )


def _region_labels(frame: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return one tile for each rung's region, near its middle and away from the printed cells."""
    found = []
    for (total, _), region in frame.groupby(["total", "rung"]):
        at = np.log10(region[["agents", "workloads"]].to_numpy(float))
        printed = np.log10(cells.loc[cells["total"] == total, ["agents", "workloads"]].to_numpy(float))
        clear = np.linalg.norm(at[:, None, :] - printed, axis=2).min(axis=1) > 0.3
        distance = np.linalg.norm(at - np.median(at, axis=0), axis=1) + np.where(clear, 0.0, 100.0)
        found.append(region.iloc[[int(distance.argmin())]][["total", "agents", "workloads", "rung"]])
    return pd.concat(found, ignore_index=True)


def size_curve(frame: pd.DataFrame, title: str) -> ChartType:
    """Draw what a shape uses and how long it takes to answer, against the number of agents.

    The script of the first page replaces the data when a reader changes the fleet.

    Parameters
    ----------
    frame : DataFrame
        One row a fleet: ``agents``, ``server``, ``datastore`` (shares of the cores in use, empty for SQLite) and
        ``response_s``, each with ``_lower`` and ``_upper``, empty where there is no bound; the limits
        ``max_utilization`` and ``max_response_s``; ``here`` is true for the reader's own fleet.
    title : str
        What the chart shows.

    Returns
    -------
    Chart
        Utilization above response time; both horizontal axes are logarithmic.
    """
    own = frame[frame["here"]].iloc[0]
    parts = ["server", "datastore"]
    x = alt.X(
        "agents:Q", title="agents", scale=alt.Scale(type="log", nice=False), axis=alt.Axis(format="~s", tickCount=6)
    )
    colors = alt.Scale(domain=parts, range=[COLORS[part] for part in parts])
    base = alt.Chart()
    here = base.transform_filter("datum.here")
    share = alt.Scale(domain=[0, 1], clamp=True)
    seconds = alt.Scale(type="log", nice=False)

    def used(part: str) -> list[ChartType]:
        axis = alt.Axis(format="%", title="share of the cores in use")
        color = alt.Color("part:N", scale=colors, title=None, legend=alt.Legend(symbolOpacity=1))
        tooltip = [
            alt.Tooltip("agents:Q", format=",.0f"),
            alt.Tooltip(f"{part}:Q", title=f"{part} in use", format=".0%"),
            alt.Tooltip(f"{part}_upper:Q", title="up to", format=".0%"),
        ]
        lines = base.transform_filter(f"isValid(datum.{part})").transform_calculate(part=f"'{part}'").encode(x, color)
        return [
            lines.mark_area(**BAND).encode(alt.Y(f"{part}_lower:Q", scale=share, axis=axis), alt.Y2(f"{part}_upper:Q")),
            lines.mark_line(**MODEL).encode(alt.Y(f"{part}:Q", scale=share, axis=axis), tooltip=tooltip),
        ]

    def guides(limit: str, scale: alt.Scale) -> list[ChartType]:
        mark = here.mark_rule(strokeWidth=1.5)
        return [
            here.mark_rule(**LIMIT).encode(alt.Y(f"{limit}:Q", scale=scale)),
            mark.encode(x),
            here.mark_text(align="left", dx=5, baseline="top").encode(x, y=alt.value(2), text=alt.value("this fleet")),
        ]

    decades = [10.0**power for power in range(-4, 5)]
    axis = alt.Axis(format="~g", title="seconds until a sync is answered, mean", values=decades)
    timed = base.transform_filter("isValid(datum.response_s)").encode(x)
    grey: dict[str, Any] = {"color": COLORS["client"]}
    tooltip = [
        alt.Tooltip("agents:Q", format=",.0f"),
        alt.Tooltip("response_s:Q", title="response time, s", format=".2~g"),
    ]
    response = [
        timed.transform_filter("isValid(datum.response_s_upper)")
        .mark_area(**BAND, **grey)
        .encode(alt.Y("response_s_lower:Q", scale=seconds, axis=axis), alt.Y2("response_s_upper:Q")),
        timed.mark_line(**MODEL, **grey).encode(alt.Y("response_s:Q", scale=seconds, axis=axis), tooltip=tooltip),
    ]
    panels = [
        alt.layer(*used("server"), *used("datastore"), *guides("max_utilization", share)),
        alt.layer(*response, *guides("max_response_s", seconds)),
    ]
    ends = frame["agents"].min(), frame["agents"].max()
    description = (
        f"{title}. At {own['agents']:,.0f} agents the servers use {own['server']:.0%} of their cores and a sync takes "
        f"{number(1e3 * own['response_s'])} ms. The curves go from {ends[0]:,.0f} to {ends[1]:,.0f} agents."
    )
    subtitle = "Lines: model with its 90 % interval. Dashed: the limits. Horizontal axes are logarithmic."
    return alt.vconcat(
        *(panel.properties(width="container", height=210) for panel in panels), data=_data(frame, "size_curve")
    ).properties(title=alt.Title(title, subtitle=subtitle), description=description)


#: Long names beside a chart, on two lines so that a narrow screen has room for both.
_LINES = alt.Axis(
    labelExpr="split(datum.label, '|')",
    labelFontSize=10.5,
    labelLineHeight=11,
    labelLimit=150,
    labelOverlap=False,
    domain=False,
    ticks=False,
)


def _steps(ends: list[float]) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten between the ends of a logarithmic axis."""
    return [
        step
        for power in range(-4, 5)
        for step in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)
        if ends[0] <= step <= ends[1]
    ]


def _reach(values: pd.DataFrame) -> list[float]:
    """Return the ends of a logarithmic axis that holds all values with some room."""
    found = values.to_numpy(float)
    return [0.8 * float(np.nanmin(found)), 1.25 * float(np.nanmax(found))]


def held_out_costs(frame: pd.DataFrame) -> ChartType:
    """Draw measured CPU costs against what a fit without their configuration predicted.

    Parameters
    ----------
    frame : DataFrame
        One row a measurement: ``run_id``, ``sync_mode``, ``datastore``, ``operation``, ``group`` (kind of operation),
        ``component``, ``predicted_ms``, ``measured_ms``, ``inside`` (whether it lies in its 90 % interval).

    Returns
    -------
    Chart
        Control ``mode``; all sync modes at first.
    """
    off = (frame["predicted_ms"] / frame["measured_ms"] - 1.0).abs()
    ends = _reach(frame[["predicted_ms", "measured_ms"]])
    scale = alt.Scale(type="log", domain=ends, nice=False)
    axis = alt.Axis(values=[10.0**power for power in range(-2, 5)], format="~g")
    x = alt.X("predicted_ms:Q", title="predicted CPU ms an operation", scale=scale, axis=axis)
    y = alt.Y("measured_ms:Q", title="measured CPU ms an operation", scale=scale, axis=axis)
    parts, groups = ["server", "datastore"], list(pd.unique(frame["group"]))
    shapes = alt.Scale(domain=groups, range=["circle", "square", "diamond", "triangle-up", "cross"][: len(groups)])
    tooltip = [
        alt.Tooltip("operation:N"),
        alt.Tooltip("sync_mode:N", title="sync mode"),
        alt.Tooltip("datastore:N"),
        alt.Tooltip("component:N", title="CPU of the"),
        alt.Tooltip("predicted_ms:Q", title="predicted, ms"),
        alt.Tooltip("measured_ms:Q", title="measured, ms"),
        alt.Tooltip("run_id:N", title="run"),
    ]
    # Said once for each operation instead of once for each point.
    names = frame[["sync_mode", "operation", "group"]].drop_duplicates()
    kinds = names[["group"]].assign(key=names["sync_mode"] + " " + names["operation"])
    points = (
        alt.Chart(_data(frame.drop(columns=["group", "inside"]), "held_out_costs"))
        .transform_filter("mode == 'all' || datum.sync_mode == mode")
        .transform_calculate(key="datum.sync_mode + ' ' + datum.operation")
        .transform_lookup("key", alt.LookupData(_data(kinds, "guide_groups"), "key", ["group"]))
        .mark_point(**{**MEASURED, "size": 30, "opacity": 0.7})
        .encode(
            x,
            y,
            alt.Color("component:N", scale=_colors(parts), title="CPU of the"),
            alt.Shape("group:N", scale=shapes, legend=alt.Legend(title=None, orient="bottom", columns=3, offset=8)),
            tooltip=tooltip,
        )
    )
    lines = [
        {"line": line, "predicted_ms": at, "measured_ms": at * line}
        for line in (0.75, 1.0, 1.25)
        for at in (ends[0] / min(line, 1.0), ends[1] / max(line, 1.0))
    ]
    guide = alt.Chart(alt.Data(values=lines, name="guide_lines")).encode(x, y, detail="line:N")
    modes = {name: LABELS[name] for name in pd.unique(frame["sync_mode"])}
    by_part = "; ".join(
        f"{part}: {len(own)} values, median error {off[own.index].median():.0%}, {own['inside'].mean():.0%} inside"
        for part, own in frame.groupby("component", sort=False)
    )
    title = alt.Title(
        f"Of the costs left out of the fit, half are predicted within {off.median():.0%}, and "
        f"{frame['inside'].mean():.0%} lie in their 90 % interval",
        subtitle="Points: measured windows. Solid: predicted exactly. Dashed: a quarter more or less. Both axes are "
        "logarithmic.",
    )
    return (
        alt.layer(
            guide.transform_filter("datum.line == 1").mark_line(**{**LIMIT, "strokeDash": [1, 0]}, strokeWidth=1.5),
            guide.transform_filter("datum.line != 1").mark_line(**LIMIT, strokeWidth=1),
            points,
        )
        .add_params(_choice("mode", {"all": "all", **modes}, "all", "sync mode"))
        .properties(
            width="container",
            height=420,
            title=title,
            description=f"Measured CPU costs against predictions by fits without their configuration. {by_part}.",
        )
    )


def interval_coverage(frame: pd.DataFrame) -> ChartType:
    """Draw how many measurements lie inside their intervals, for each kind of operation.

    Parameters
    ----------
    frame : DataFrame
        One row a group and level: ``group``, ``component``, ``rows``, ``level`` (0 to 1), ``share`` (measurements
        inside), ``likely_low`` and ``likely_high`` (shares between which nine of ten such groups would fall by chance).

    Returns
    -------
    Chart
        Control ``level``; 90 % at first.
    """
    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format="%", grid=True)
    x = alt.X("share:Q", title="share inside", scale=alt.Scale(domain=[0, 1]), axis=axis)
    groups, parts = list(pd.unique(frame["group"])), ["server", "datastore"]
    y = alt.Y("group:N", title=None, sort=groups, axis=alt.Axis(labelLimit=150, domain=False, ticks=False))
    offset = alt.YOffset("component:N", sort=parts)
    levels = sorted(frame["level"].unique(), reverse=True)
    chosen = alt.Chart().transform_filter("datum.level == level")
    tooltip = [
        alt.Tooltip("group:N", title="operations"),
        alt.Tooltip("component:N", title="CPU of the"),
        alt.Tooltip("rows:Q", title="measurements"),
        alt.Tooltip("share:Q", title="inside", format=".0%"),
        alt.Tooltip("likely_low:Q", title="by chance from", format=".0%"),
        alt.Tooltip("likely_high:Q", title="to", format=".0%"),
    ]
    band = chosen.mark_bar(color=GREY, opacity=0.3, height={"band": 0.7}).encode(
        alt.X("likely_low:Q"), alt.X2("likely_high:Q"), y, offset
    )
    asked = chosen.transform_aggregate(asked="max(level)").mark_rule(**LIMIT).encode(alt.X("asked:Q"))
    points = chosen.mark_point(**{**MEASURED, "size": 80}).encode(
        x, y, offset, alt.Color("component:N", scale=_colors(parts), title="CPU of the"), tooltip=tooltip
    )
    first = frame[frame["level"] == levels[0]]
    low = first[first["share"] < first["likely_low"] - 1e-9]
    title = alt.Title(
        f"In {len(first) - len(low)} of {len(first)} groups 90 % intervals hold as many measurements as they should",
        subtitle="Point: share of the measurements inside. Bar: where nine of ten groups of that size fall by chance "
        "if the intervals are right. Dashed: the level.",
    )
    said = "; ".join(f"{row.group}, {row.component}: {row.share:.0%} of {row.rows}" for row in first.itertuples())
    return (
        alt.layer(band, asked, points, data=_data(frame, "interval_coverage"))
        .add_params(_level_choice(levels))
        .properties(
            width="container",
            height=30 * len(groups),
            title=title,
            description=f"Share of left-out measurements inside their 90 % intervals. {said}.",
        )
    )


def _level_choice(levels: list[float]) -> alt.Parameter:
    """Return radio buttons for the level of an interval."""
    labels = [f"{level:.0%}" for level in levels]
    return alt.param(
        name="level", value=levels[0], bind=alt.binding_radio(options=levels, labels=labels, name="intervals of")
    )


def unseen_runs(frame: pd.DataFrame, kinds: dict[str, str]) -> ChartType:
    """Draw measured over predicted for runs that no fit used, with the interval of each prediction.

    Parameters
    ----------
    frame : DataFrame
        One row a quantity: ``kind`` (which runs), ``label`` (what was run; ``|`` begins a new line), ``quantity`` (for
        readers; categories in their order), ``measured``, ``predicted``, ``lower``, ``upper``, ``run_id``.
    kinds : dict of str to str
        Each kind with its name for readers, in order.

    Returns
    -------
    Chart
        Control ``runs``; the first kind at first.
    """
    inside = frame["measured"].between(frame["lower"], frame["upper"])
    low, high = _reach(frame[["measured", "lower", "upper"]].div(frame["predicted"], axis=0))
    ends = [max(low, 0.05), min(high, 20.0)]
    scale = alt.Scale(type="log", domain=ends, clamp=True, nice=False)
    axis = alt.Axis(values=_steps(ends), format="~g", grid=True)
    quantities = list(frame["quantity"].astype("category").cat.categories)
    colors = alt.Scale(domain=quantities, range=[BLUE, VERMILION, GREEN, PURPLE][: len(quantities)])
    legend = alt.Legend(title=None, columns=1, symbolType="circle", symbolOpacity=1)
    color = alt.Color("quantity:N", scale=colors, legend=legend)
    # All these names have two lines: their middle belongs beside the row, not their first line.
    y = alt.Y("label:N", title=None, sort=None, axis=alt.Axis(**_LINES.to_dict(), labelOffset=-5))
    offset = alt.YOffset("quantity:N", sort=quantities)
    ratios = {"ratio": "measured", "low": "lower", "high": "upper"}
    chosen = alt.Chart().transform_filter("datum.kind == runs").encode(y, offset)
    chosen = chosen.transform_calculate(**{name: f"datum.{part} / datum.predicted" for name, part in ratios.items()})
    tooltip = [
        alt.Tooltip("label:N", title="run of"),
        alt.Tooltip("quantity:N"),
        alt.Tooltip("measured:Q"),
        alt.Tooltip("predicted:Q"),
        alt.Tooltip("lower:Q", title="interval from"),
        alt.Tooltip("upper:Q", title="to"),
        alt.Tooltip("run_id:N", title="run"),
    ]
    intervals = chosen.mark_rule(strokeWidth=4, opacity=0.3).encode(
        alt.X("low:Q", title="measured over predicted", scale=scale, axis=axis), alt.X2("high:Q"), color
    )
    points = chosen.mark_point(**MEASURED).encode(alt.X("ratio:Q", scale=scale, axis=axis), color, tooltip=tooltip)
    exact = alt.Chart(alt.Data(values=[{"ratio": 1}], name="guide_exact")).mark_rule(**LIMIT)
    held = inside.groupby(frame["kind"]).agg(["sum", "size"])
    said = "; ".join(f"{name}: {held['sum'][kind]} of {held['size'][kind]}" for kind, name in kinds.items())
    title = alt.Title(
        f"Of {len(frame)} quantities of runs that no fit used, {inside.mean():.0%} lie inside their 90 % interval",
        subtitle="Points: measured over predicted. Bars: the interval over the prediction. Dashed: predicted exactly.",
    )
    return (
        alt.layer(
            intervals,
            exact.encode(alt.X("ratio:Q", scale=scale, axis=axis)),
            points,
            data=_data(frame, "unseen_runs"),
        )
        .add_params(_choice("runs", kinds, next(iter(kinds)), "runs"))
        .properties(
            width="container",
            height=13 * int(frame.groupby("kind").size().max()),
            title=title,
            description=f"Measured quantities inside their 90 % intervals. {said}.",
        )
    )


def field_figures(frame: pd.DataFrame) -> ChartType:
    """Draw published figures beside the intervals that measured costs predict for them.

    Parameters
    ----------
    frame : DataFrame
        One row a figure: ``id``, ``quantity``, ``unit``, ``value`` (as published), ``low`` and ``high`` (above 0 and
        finite), ``predicted``, ``lower``, ``upper``, ``verdict``.

    Returns
    -------
    Chart
        All over the prediction, on a logarithmic axis.
    """
    data = frame.assign(
        from_=frame["low"] / frame["predicted"],
        to=frame["high"] / frame["predicted"],
        middle=(frame["low"] + frame["high"]) / 2 / frame["predicted"],
        least=frame["lower"] / frame["predicted"],
        most=frame["upper"] / frame["predicted"],
        label=[
            "|".join(textwrap.wrap(name, 24)) for name in frame["id"] + " " + frame["quantity"].str.replace("_", " ")
        ],
    )
    ends = _reach(data[["middle", "least", "to", "most"]])
    scale = alt.Scale(type="log", domain=ends, clamp=True, nice=False)
    axis = alt.Axis(values=_steps(ends), format="~g", grid=True)
    base = alt.Chart().encode(alt.Y("label:N", title=None, sort=None, axis=_LINES))
    tooltip = [
        alt.Tooltip("id:N", title="figure"),
        alt.Tooltip("quantity:N"),
        alt.Tooltip("value:N", title="published"),
        alt.Tooltip("unit:N"),
        alt.Tooltip("predicted:Q"),
        alt.Tooltip("lower:Q", title="interval from"),
        alt.Tooltip("upper:Q", title="to"),
        alt.Tooltip("verdict:N"),
    ]
    color = alt.Color(
        "verdict:N", scale=alt.Scale(domain=["inside", "outside"], range=[BLUE, VERMILION]), title="published figure"
    )
    intervals = base.mark_rule(strokeWidth=7, opacity=0.3, color=GREY).encode(
        alt.X("least:Q", title="published over predicted", scale=scale, axis=axis), alt.X2("most:Q")
    )
    published = base.mark_rule(strokeWidth=2).encode(alt.X("from_:Q", scale=scale, axis=axis), alt.X2("to:Q"), color)
    points = base.mark_point(**MEASURED).encode(
        alt.X("middle:Q", scale=scale, axis=axis), color, alt.Shape("verdict:N", legend=None), tooltip=tooltip
    )
    inside = frame["verdict"] == "inside"
    outside = ", ".join(frame.loc[~inside, "quantity"].str.replace("_", " "))
    title = alt.Title(
        f"{inside.sum()} of {len(frame)} public figures that measured costs predict lie inside",
        subtitle="Points and thin lines: the published figure and its range. Bars: the 90 % interval. All over the "
        "prediction.",
    )
    description = f"{inside.sum()} of {len(frame)} published figures lie inside the interval predicted for them."
    return alt.layer(intervals, published, points, data=_data(data, "field_figures")).properties(
        width="container",
        height=24 * len(frame),
        title=title,
        description=f"{description} Outside: {outside}.",
    )


#: One colour for one curve of the closed loop; the bounds are dashed as limits are.
_LOOP_SERIES = {"closed loop": BLUE, "whole model": GREEN, "open queue": VERMILION, "bounds": GREY}
_LOOP_DASHES = {"closed loop": [1, 0], "whole model": [1, 0], "open queue": [1, 0], "bounds": [5, 4]}
#: A time with its unit, for an axis in seconds.
_TIME_LABEL = "datum.value < 1 ? format(1000 * datum.value, '~r') + ' ms' : format(datum.value, '~r') + ' s'"


def closed_loop(frame: pd.DataFrame, title: str) -> ChartType:
    """Draw response time and utilization of agents in a closed loop against their number.

    The script of the page replaces the curves when a reader changes the setting.

    Parameters
    ----------
    frame : DataFrame
        One row a point, with its ``kind``, ``agents``, ``response_s`` and ``utilization``. ``"curve"`` has ``series``
        as :class:`capmodel.loop.Point`; ``"mark"`` has ``name`` and ``label`` as :class:`capmodel.loop.Mark`;
        ``"whole"`` is the whole model, with ``lower_s`` and ``upper_s``; ``"simulated"`` has the same bounds.
    title : str
        What the chart shows.

    Returns
    -------
    Chart
        Response time above utilization; the axis of the agents is logarithmic.
    """
    frame = frame.assign(series=frame["series"].mask(frame["kind"] == "whole", "whole model"))
    marks = frame[(frame["kind"] == "mark") & (frame["name"] != "knee")]
    knees = frame[frame["name"] == "knee"]
    x = alt.X(
        "agents:Q",
        title="agents",
        scale=alt.Scale(type="log", domain=[100, 1_000_000], nice=False),
        axis=alt.Axis(values=[100, 1000, 10_000, 100_000, 1_000_000], format="~s"),
    )
    timed: dict[str, Any] = {
        "title": "until a sync is answered, mean",
        "scale": alt.Scale(type="log", domain=[1e-4, 100], nice=False),
        "axis": alt.Axis(values=[10.0**power for power in range(-4, 3)], labelExpr=_TIME_LABEL),
    }
    seconds = alt.Y("response_s:Q", **timed)
    share = alt.Y(
        "utilization:Q",
        title="share of the cores in use",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%", values=[0, 0.5, 1]),
    )
    names = list(_LOOP_SERIES)
    legend = alt.Legend(columns=2, symbolType="stroke", symbolSize=400, symbolStrokeWidth=2.5)
    color = alt.Color(
        "series:N", title=None, legend=legend, scale=alt.Scale(domain=names, range=list(_LOOP_SERIES.values()))
    )
    dash = alt.StrokeDash(
        "series:N", title=None, legend=legend, scale=alt.Scale(domain=names, range=list(_LOOP_DASHES.values()))
    )
    base = alt.Chart()
    lines = base.transform_filter("datum.kind == 'curve' || datum.kind == 'whole'")
    whole = base.transform_filter("datum.kind == 'whole'")
    simulated = base.transform_filter("datum.kind == 'simulated'")
    knee = base.transform_filter("datum.name == 'knee'")
    fleets = base.transform_filter("datum.kind == 'mark' && datum.name != 'knee'")
    tooltip = [
        alt.Tooltip("agents:Q", format=",.0f"),
        alt.Tooltip("label:N", title="a sync takes"),
        alt.Tooltip("utilization:Q", title="cores in use", format=".1%"),
    ]
    found = [
        alt.Tooltip("agents:Q", format=",.0f"),
        alt.Tooltip("response_s:Q", title="simulated, s", format=".3~r"),
        alt.Tooltip("lower_s:Q", title="from", format=".3~r"),
        alt.Tooltip("upper_s:Q", title="to", format=".3~r"),
    ]
    hollow: dict[str, Any] = {"size": 130, "filled": False, "stroke": "currentColor", "strokeWidth": 1.5, "opacity": 1}
    dot: dict[str, Any] = {"size": 55, "color": BLUE, "opacity": 1, "stroke": "currentColor", "strokeWidth": 1}
    rule = knee.mark_rule(**LIMIT, clip=True).encode(x)

    def label(name: str, align: Literal["left", "right"], dx: int, dy: int) -> ChartType:
        here = fleets.transform_filter(f"datum.name == '{name}' && datum.agents <= 1000000")
        text = here.mark_text(align=align, baseline="top", dx=dx, dy=dy, fontWeight="bold")
        return text.encode(x, seconds, text="label:N")

    def line(series: str, **style: Any) -> alt.Chart:
        one = lines.transform_filter(f"datum.series == '{series}'")
        return one.mark_line(**{**MODEL, **style}, clip=True).encode(x, color=color, strokeDash=dash)

    # The exact curve lies on top, the open queue shows on both sides of it as long as they agree.
    order = [
        line("bounds"),
        line("open queue", strokeWidth=5, opacity=0.75),
        line("whole model"),
        line("closed loop"),
    ]
    top = alt.layer(
        whole.mark_area(**BAND, color=GREEN, clip=True).encode(x, alt.Y("lower_s:Q", **timed), alt.Y2("upper_s:Q")),
        rule,
        *(part.encode(seconds) for part in order),
        knee.transform_filter("datum.agents >= 100 && datum.agents <= 1000000")
        .mark_text(align="right", dx=-5, baseline="top")
        .encode(x, y=alt.value(2), text="label:N"),
        fleets.mark_point(**dot, clip=True).encode(x, seconds, tooltip=tooltip),
        simulated.mark_rule(strokeWidth=1.5, clip=True).encode(x, alt.Y("lower_s:Q", **timed), alt.Y2("upper_s:Q")),
        simulated.mark_point(**hollow, clip=True).encode(x, seconds, tooltip=found),
        label("one", "right", -4, 6),
        label("two", "left", 4, 14),
        label("four", "left", 8, 6),
    )
    bottom = alt.layer(
        rule,
        *(part.encode(share) for part in (order[0], *order[2:])),
        fleets.transform_filter("datum.agents <= 1000000").mark_point(**dot).encode(x, share, tooltip=tooltip),
        simulated.mark_point(**hollow).encode(x, share),
    )
    data = _data(frame.drop(columns="kind").assign(kind=frame["kind"]), "closed_loop")
    said = ", ".join(
        f"{row.agents:,.0f} agents {row.label} at {row.utilization:.0%} of the cores" for row in marks.itertuples()
    )
    return alt.vconcat(
        top.properties(width="container", height=300),
        bottom.properties(width="container", height=90),
        data=data,
    ).properties(
        title=alt.Title(
            title,
            subtitle="Dots: the fleet, twice and four times as many. Circles: simulation, with 99 % intervals. "
            "Times and agents are on logarithmic axes.",
        ),
        description=(
            "Mean time until a sync is answered, and share of the cores in use, against the number of agents in a "
            f"closed loop: {said}. The asymptotes cross at {knees['agents'].iloc[0]:,.0f} agents."
        ),
    )


def saturation(frame: pd.DataFrame) -> ChartType:
    """Draw measured throughput and response time of closed loops beside their predictions.

    Parameters
    ----------
    frame : DataFrame
        One row a point: ``measured_loop`` (mode and datastore, as ``"full_cache postgresql"``), ``kind`` (``"model"``,
        ``"queue"`` or ``"measured"``), ``population``, ``throughput_per_s``, ``response_s``; of the model both also
        with ``_lower`` and ``_upper``; of a measurement ``run_id`` and the model's ``throughput_predicted`` and
        ``response_predicted``.

    Returns
    -------
    Chart
        Control ``measured_loop``; the full cache on PostgreSQL at first.
    """
    runs = frame[frame["kind"] == "measured"]
    errors = {
        name: (runs[f"{name}_predicted"] / runs[column] - 1.0).abs().median()
        for name, column in (("throughput", "throughput_per_s"), ("response", "response_s"))
    }
    axis = alt.Axis(tickCount=4, format=",.0f")
    x = alt.X("population:Q", title="agents, each pausing 1 s", scale=alt.Scale(zero=True, nice=False), axis=axis)
    rate = {"scale": alt.Scale(zero=True), "axis": alt.Axis(tickCount=5), "title": "syncs a second"}
    scale = alt.Scale(type="log", domain=[0.5 * runs["response_s"].min(), 10], nice=False, clamp=True)
    ticks = [0.001, 0.01, 0.1, 1, 10]
    seconds = {
        "scale": scale,
        "axis": alt.Axis(values=ticks, labelExpr=_TIME_LABEL),
        "title": "until a sync is answered, mean",
    }
    chosen = alt.Chart().transform_filter("datum.measured_loop == measured_loop")
    model = chosen.transform_filter("datum.kind == 'model'")
    queue = chosen.transform_filter("datum.kind == 'queue'")
    measured = chosen.transform_filter("datum.kind == 'measured'")

    def panel(column: str, name: str, how: dict[str, Any]) -> ChartType:
        y = alt.Y(f"{column}:Q", **how)
        tooltip = [
            alt.Tooltip("population:Q", title="agents"),
            alt.Tooltip(f"{column}:Q", title="measured", format=".3~r"),
            alt.Tooltip(f"{name}_predicted:Q", title="predicted", format=".3~r"),
            alt.Tooltip("run_id:N", title="run"),
        ]
        return alt.layer(
            model.mark_area(**BAND, color=BLUE, clip=True).encode(
                x, alt.Y(f"{column}_lower:Q", **how), alt.Y2(f"{column}_upper:Q")
            ),
            queue.mark_line(strokeWidth=1.5, strokeDash=[5, 4], color=GREY).encode(x, y),
            model.mark_line(**MODEL, color=BLUE).encode(x, y),
            measured.mark_point(**MEASURED, color=VERMILION).encode(x, y, tooltip=tooltip),
        ).properties(width="container", height=270)

    options = {}
    for name in ("full_cache postgresql", "full_cache sqlite", "crawl postgresql", "crawl sqlite"):
        mode, store = name.split()
        options[name] = f"{LABELS[mode]}, {LABELS[store]}"
    said = "; ".join(
        f"{options[name]}: {row['population']:,.0f} agents got {number(row['throughput_per_s'], 3)} syncs a second in "
        f"{number(1e3 * row['response_s'])} ms each, predicted {number(row['throughput_predicted'], 3)} and "
        f"{number(1e3 * row['response_predicted'])} ms"
        for name in options
        for row in runs[runs["measured_loop"] == name].nlargest(1, "population").to_dict("records")
    )
    title = alt.Title(
        f"Predicted from costs alone, the median error is {errors['throughput']:.0%} of the throughput and "
        f"{errors['response']:.0%} of the response time",
        subtitle="Points: measured runs. Line: model with its 90 % interval. Dashed: queueing alone, with each run's "
        "own measured CPU a sync.",
    )
    panels = [panel("throughput_per_s", "throughput", rate), panel("response_s", "response", seconds)]
    return (
        alt.hconcat(*panels, data=_data(frame, "saturation"))
        .add_params(_choice("measured_loop", options, "full_cache postgresql", "runs"))
        .properties(title=title, description=f"Closed loops measured and predicted at the largest population. {said}.")
    )


def restart(frame: pd.DataFrame) -> ChartType:
    """Draw how the wave of a common start dissolves.

    Parameters
    ----------
    frame : DataFrame
        One row a window of a simulated run: ``agents``, ``time_s`` (its middle, since the start), ``response_s``;
        ``kind`` is ``"wave"``, or ``"level"`` for the stationary mean that it falls to, at the ends of the run.

    Returns
    -------
    Chart
        A line a fleet; the axis of the response times is logarithmic.
    """
    fleets = sorted(int(agents) for agents in frame["agents"].unique())
    named = {agents: f"{agents:,} agents" for agents in fleets}
    x = alt.X("time_s:Q", title="seconds since all agents asked at once", scale=alt.Scale(nice=False, zero=True))
    ends = [0.7 * frame["response_s"].min(), 1.5 * frame["response_s"].max()]
    y = alt.Y(
        "response_s:Q",
        title="until a sync is answered, mean of 5 s",
        scale=alt.Scale(type="log", domain=ends, nice=False),
        axis=alt.Axis(values=[10.0**power for power in range(-4, 3)], labelExpr=_TIME_LABEL),
    )
    colors = alt.Scale(domain=list(named.values()), range=[BLUE, VERMILION, GREEN][: len(named)])
    color = alt.Color("fleet:N", title=None, scale=colors)
    base = alt.Chart(_data(frame.assign(fleet=frame["agents"].map(named)), "restart"))
    wave = base.transform_filter("datum.kind == 'wave'")
    level = base.transform_filter("datum.kind == 'level'")
    tooltip = [
        alt.Tooltip("time_s:Q", title="seconds"),
        alt.Tooltip("response_s:Q", title="mean, s", format=".3~r"),
        alt.Tooltip("fleet:N"),
    ]
    waves = frame[frame["kind"] == "wave"]
    levels = frame[frame["kind"] == "level"].groupby("agents")["response_s"].first()
    after = {
        agents: waves[(waves["agents"] == agents) & (waves["response_s"] > 2.0 * levels[agents])]["time_s"].max()
        for agents in fleets
    }
    said = "; ".join(
        f"{named[agents]} start at {number(waves[waves['agents'] == agents]['response_s'].iloc[0])} s and fall to "
        f"{number(1e3 * levels[agents])} ms, with more than twice that until {after[agents]:.0f} s"
        for agents in fleets
    )
    return alt.layer(
        level.mark_line(**LIMIT).encode(x, y, detail="fleet:N"),
        wave.mark_line(**MODEL).encode(x, y, color),
        wave.mark_point(size=25, filled=True, opacity=1).encode(x, y, color, tooltip=tooltip),
    ).properties(
        width="container",
        height=260,
        title=alt.Title(
            "After a common start, syncs take more than twice their usual time for "
            + ", ".join(f"{after[agents]:.0f} s ({named[agents]})" for agents in fleets),
            subtitle="Simulated: one server of 2 cores, pauses of 5 s give or take 10 %. Dashed: the stationary mean.",
        ),
        description=f"Mean time until a sync is answered after all agents ask at once: {said}.",
    )


def started_together(frame: pd.DataFrame) -> ChartType:
    """Draw how much longer syncs took than queueing alone says, for agents mixed and started together.

    Parameters
    ----------
    frame : DataFrame
        One row a run: ``kind`` (``"mixed, measured"``, ``"together, measured"`` or ``"together, simulated"``),
        ``utilization`` and ``queue_s`` by queueing alone, ``response_s``, and the run's ``run_id``, ``sync_mode``,
        ``datastore`` and ``population``.

    Returns
    -------
    Chart
        A point a run; the vertical axis is logarithmic.
    """
    names = ["mixed, measured", "together, measured", "together, simulated"]
    frame = frame.assign(ratio=frame["response_s"] / frame["queue_s"])
    between = frame[frame["utilization"].between(0.75, 0.999)].groupby("kind")["ratio"]
    typical, count = between.median(), between.size()
    x = alt.X(
        "utilization:Q",
        title="share of the cores in use, by queueing alone",
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
    )
    ends = [0.8 * frame["ratio"].min(), 1.25 * frame["ratio"].max()]
    y = alt.Y(
        "ratio:Q",
        title="response time over that of queueing alone",
        scale=alt.Scale(type="log", domain=ends, nice=False),
        axis=alt.Axis(values=[0.5, 1, 2, 5, 10, 20, 50, 100], format="~r"),
    )
    tooltip = [
        alt.Tooltip("sync_mode:N", title="sync mode"),
        alt.Tooltip("datastore:N"),
        alt.Tooltip("population:Q", title="agents"),
        alt.Tooltip("response_s:Q", title="response time, s", format=".3~r"),
        alt.Tooltip("queue_s:Q", title="by queueing alone, s", format=".3~r"),
        alt.Tooltip("run_id:N", title="run"),
    ]
    color = alt.Color(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=names, range=[BLUE, VERMILION, GREY]),
        legend=alt.Legend(columns=2, offset=32, symbolOpacity=1),
    )
    base = alt.Chart(_data(frame.drop(columns="ratio"), "started_together")).transform_calculate(
        ratio="datum.response_s / datum.queue_s"
    )
    equal = alt.Chart(alt.Data(values=[{"ratio": 1}], name="guide_equal")).mark_rule(**LIMIT).encode(y)
    simulated = base.transform_filter(f"datum.kind == '{names[2]}'").mark_point(size=30, opacity=0.6)
    measured = base.transform_filter(f"datum.kind != '{names[2]}'").mark_point(**MEASURED)
    return alt.layer(
        equal, simulated.encode(x, y, color, tooltip=tooltip), measured.encode(x, y, color, tooltip=tooltip)
    ).properties(
        width="container",
        height=260,
        title=alt.Title(
            f"On nearly full cores, agents that started together waited {typical[names[1]]:.1f} times as long as "
            f"queueing says, mixed ones {typical[names[0]]:.1f} times",
            subtitle="Points: measured runs, each against queueing with its own measured CPU a sync, and simulations "
            "of those that started together. Title: medians from 75 to 99.9 %.",
        ),
        description=(
            "Response time over that of queueing alone against utilization. Between 75 and 99.9 % its median is "
            + ", ".join(f"{typical[name]:.1f} for {count[name]} runs {name}" for name in names)
            + "."
        ),
    )


def speed_precision(frame: pd.DataFrame) -> ChartType:
    """Draw how well a number of measured windows tells the speed of a machine.

    Parameters
    ----------
    frame : DataFrame
        One row a number of windows: ``mode`` (sync mode), ``component``, ``windows``, ``half_width`` (half of the 90 %
        interval over the estimate).

    Returns
    -------
    Chart
        Control ``mode``, the sync mode; the first one at first.
    """
    modes = {mode: LABELS[mode] for mode in pd.unique(frame["mode"])}
    first = frame[frame["mode"] == next(iter(modes))]
    server = first[first["component"] == "server"].set_index("windows")["half_width"]
    parts = ["server", "datastore"]
    x = alt.X(
        "windows:Q",
        title="measured windows",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(values=list(server.index)),
    )
    y = alt.Y("half_width:Q", title="half of the interval", scale=alt.Scale(zero=True), axis=alt.Axis(format="%"))
    color = alt.Color("component:N", scale=_colors(parts), title=None)
    chosen = alt.Chart(_data(frame, "speed_precision")).transform_filter("datum.mode == mode").encode(x, y, color)
    tooltip = [
        alt.Tooltip("windows:Q"),
        alt.Tooltip("component:N", title="CPU of the"),
        alt.Tooltip("half_width:Q", title="half of the interval", format=".0%"),
    ]
    few, many = server.index[0], server.index[-1]
    title = alt.Title(
        f"{few} windows tell the speed of a server's core to {server[few]:.0%}, {many} to {server[many]:.0%}",
        subtitle="Half of the 90 % interval, by the CPU of server or datastore; median over draws of that many of the "
        "shipped windows.",
    )
    said = ", ".join(f"{count} windows {width:.0%}" for count, width in server.items())
    return (
        alt.layer(chosen.mark_line(**MODEL), chosen.mark_point(**MEASURED).encode(tooltip=tooltip))
        .add_params(_choice("mode", modes, next(iter(modes)), "sync mode"))
        .properties(
            width="container",
            height=260,
            title=title,
            description=f"Half of the 90 % interval of a machine's speed by the number of windows. Server: {said}.",
        )
    )


# Topologies.

#: What a part of a topology is called, and how its marks look.
_TOPOLOGIES = ("single trust domain", "nested", "federated")
_PART_SIZE = 760


def topologies(frame: pd.DataFrame, first: dict[str, Any]) -> ChartType:
    """Draw three topologies, their servers and datastores coloured by utilization, and what their datastores do.

    Parameters
    ----------
    frame : DataFrame
        One row a kind of part of a topology: ``topology``, ``part`` (``"cluster"`` or ``"root"``), ``agents`` of the
        whole fleet (empty for a root, which does not depend on them), ``clusters``, ``federates`` (``"all"`` or
        ``"none"``, federated only), ``count`` of such parts, ``agents_each``; ``server`` and ``datastore``
        (utilization, 0 to 1) and ``datastore_cores`` (work of one), each with ``_lower`` and ``_upper``;
        ``response_ms``.
    first : dict
        First state: ``agents``, ``clusters`` and ``federates``.

    Returns
    -------
    Chart
        Controls ``agents``, ``clusters`` and ``federates``.
    """
    each = "format(datum.agents_each, ',') + ' agents"
    heads = {
        "single trust domain": f"'One trust domain: ' + {each}'",
        "nested": f"'Nested: ' + datum.clusters + ' clusters of ' + {each} below a root'",
        "federated": f"'Federated: ' + datum.clusters + ' trust domains of ' + {each}'",
    }
    state = (
        "(datum.part == 'root' || datum.agents == agents) && "
        "(datum.topology == 'single trust domain' || datum.clusters == clusters) && "
        "(datum.topology != 'federated' || datum.federates == federates)"
    )
    data = _data(frame, "topologies")
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, 1]), axis=None)
    legend = alt.Legend(
        title="share of the cores in use", format="%", gradientLength=160, values=[0, 0.5, 1], offset=8
    )  # fmt: skip
    shades = alt.Scale(domain=[0, 1], scheme="viridis")
    ink = alt.condition("datum.used > 0.6", alt.value("black"), alt.value("white"))
    tooltip = [
        alt.Tooltip("topology:N"),
        alt.Tooltip("part:N"),
        alt.Tooltip("agents_each:Q", title="agents", format=","),
        alt.Tooltip("server:Q", title="servers in use", format=".0%"),
        alt.Tooltip("server_upper:Q", title="up to", format=".0%"),
        alt.Tooltip("datastore:Q", title="datastore in use", format=".0%"),
        alt.Tooltip("datastore_upper:Q", title="up to ", format=".0%"),
        alt.Tooltip("response_ms:Q", title="a sync takes, ms", format=".2~g"),
    ]

    def panel(topology: str) -> ChartType:
        nested = topology == "nested"
        color = alt.Color("used:Q", scale=shades, legend=legend if topology == _TOPOLOGIES[0] else None)
        levels = 4 if nested else 2
        y = alt.Y("y:Q", scale=alt.Scale(domain=[0.3, levels + 1.1]), axis=None)
        parts = (
            alt.Chart()
            .transform_filter(f"datum.topology == '{topology}'")
            .transform_filter(state)
            .transform_calculate(place="sequence(0, datum.count)")
            .transform_flatten(["place"])
            .transform_calculate(x="datum.part == 'root' ? 0.5 : (datum.place + 0.5) / datum.count")
        )
        clusters = parts.transform_filter("datum.part == 'cluster'")
        layers: list[ChartType] = []
        if nested:
            up = clusters.transform_calculate(y="2", above="4", middle="0.5")
            layers.append(up.mark_rule(opacity=0.45).encode(x, y, alt.X2("middle:Q"), alt.Y2("above:Q")))
        if topology == "federated":
            across = clusters.transform_calculate(y="2")
            layers.append(
                across.mark_line(opacity=0.45, strokeDash=[4, 3], color="currentColor", strokeWidth=1).encode(x, y)
            )
        down = parts.transform_calculate(y="datum.part == 'root' ? 4 : 2", below="datum.part == 'root' ? 3 : 1")
        layers.append(down.mark_rule(opacity=0.45).encode(x, y, alt.Y2("below:Q")))
        for name, shape, step in (("server", "square", 0), ("datastore", "circle", 1)):
            marks = parts.transform_calculate(used=f"datum.{name}", y=f"(datum.part == 'root' ? 4 : 2) - {step}")
            layers.append(
                marks.mark_point(
                    shape=shape, size=_PART_SIZE, filled=True, stroke="currentColor", strokeWidth=1, opacity=1
                ).encode(x, y, color, tooltip=tooltip)
            )
            layers.append(
                marks.mark_text(fontSize=10.5, fontWeight="bold", tooltip=None).encode(
                    x, y, text=alt.Text("used:Q", format=".0%"), color=ink
                )
            )
        head = (
            alt.Chart()
            .transform_filter(f"datum.topology == '{topology}' && datum.part == 'cluster'")
            .transform_filter(state)
            .transform_calculate(head=heads[topology])
            .mark_text(align="left", baseline="top", fontWeight="bold")
            .encode(x=alt.value(0), y=alt.value(0), text="head:N")
        )
        return alt.layer(*layers, head).properties(width="container", height=44 * levels + 34)

    kinds = ["fullest datastore", "all datastores together"]
    reach = [0.6 * float(frame["datastore_cores_lower"][frame["part"] == "cluster"].min())]
    reach.append(1.4 * float((frame["datastore_cores_upper"] * frame["count"]).max()))
    scale = alt.Scale(type="log", domain=reach, nice=False)
    axis = alt.Axis(values=[0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100], format="~g", grid=True)
    work = alt.Chart().transform_filter(state)
    totals = work.transform_aggregate(
        all_cores="sum(all_cores)",
        all_lower="sum(all_lower)",
        all_upper="sum(all_upper)",
        one_cores="max(datastore_cores)",
        one_lower="max(datastore_cores_lower)",
        one_upper="max(datastore_cores_upper)",
        groupby=["topology"],
    )
    loads = []
    for kind, prefix, dy in ((kinds[0], "one", 2), (kinds[1], "all", 14)):
        rows = totals.transform_calculate(kind=f"'{kind}'")
        y = alt.Y("topology:N", sort=list(_TOPOLOGIES), axis=None)
        hue = alt.Color(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=kinds, range=[VERMILION, GREY]),
            legend=alt.Legend(offset=8, symbolType="circle", symbolOpacity=1, direction="vertical"),
        )
        shown = [
            alt.Tooltip("topology:N"),
            alt.Tooltip(f"{prefix}_cores:Q", title="cores of work", format=".2~g"),
            alt.Tooltip(f"{prefix}_lower:Q", title="from", format=".2~g"),
            alt.Tooltip(f"{prefix}_upper:Q", title="to", format=".2~g"),
        ]
        loads.append(
            rows.mark_rule(strokeWidth=5, opacity=0.35, yOffset=dy, y2Offset=dy).encode(
                alt.X(f"{prefix}_lower:Q", scale=scale, axis=axis), alt.X2(f"{prefix}_upper:Q"), y, hue
            )
        )
        loads.append(
            rows.mark_point(**{**MEASURED, "size": 70}, yOffset=dy).encode(
                alt.X(f"{prefix}_cores:Q", scale=scale, axis=axis, title="datastore cores of work"),
                y,
                hue,
                tooltip=shown,
            )
        )
    names = totals.mark_text(align="left", fontWeight="bold", dy=-14).encode(
        x=alt.value(0), y=alt.Y("topology:N", sort=list(_TOPOLOGIES), axis=None), text="topology:N"
    )
    load_panel = (
        alt.layer(*loads, names)
        .transform_calculate(
            all_cores="datum.count * datum.datastore_cores",
            all_lower="datum.count * datum.datastore_cores_lower",
            all_upper="datum.count * datum.datastore_cores_upper",
        )
        .properties(width="container", height=150)
    )
    chosen = frame[
        ((frame["agents"] == first["agents"]) | (frame["part"] == "root"))
        & ((frame["clusters"] == first["clusters"]) | (frame["topology"] == "single trust domain"))
        & ((frame["federates"] == first["federates"]) | (frame["topology"] != "federated"))
    ]
    main = chosen[chosen["part"] == "cluster"].set_index("topology")
    said = "; ".join(
        f"{name}: servers at {row['server']:.0%}, each datastore at {row['datastore']:.0%} with "
        f"{number(row['datastore_cores'])} cores of work"
        for name, row in ((name, main.loc[name].to_dict()) for name in _TOPOLOGIES)
    )
    share = main.loc["nested", "datastore_cores"] / main.loc["single trust domain", "datastore_cores"]
    title = alt.Title(
        f"Nested in {first['clusters']}, {first['agents']:,} agents leave each datastore {share:.0%} of the work",
        subtitle="Squares: servers, circles: datastores, with the share of their cores in use. Every cluster has the "
        "same shape. Below: datastore work on busy hosts with its 90 % interval, on a logarithmic axis.",
    )
    options = sorted(int(value) for value in frame["agents"].dropna().unique())
    clusters = sorted(int(value) for value in frame["clusters"].dropna().unique())
    # Stacked panels share nothing: each has its own scale of colours.
    return (
        alt.vconcat(*(panel(name) for name in _TOPOLOGIES), load_panel, data=data, spacing=8)
        .resolve_scale(color="independent", x="independent", y="independent")
        .add_params(
            alt.param(
                name="agents",
                value=first["agents"],
                bind=alt.binding_radio(options=options, labels=[f"{value:,}" for value in options], name="agents"),
            ),
            alt.param(
                name="clusters",
                value=first["clusters"],
                bind=alt.binding_range(min=clusters[0], max=clusters[-1], step=1, name="clusters or trust domains"),
            ),
            _choice(
                "federates",
                {"all": "with all others", "none": "with none"},
                first["federates"],
                "entries of federated domains federate",
            ),
        )
        .properties(
            title=title,
            description=(
                f"Topologies of {first['agents']:,} agents, nested and federated in {first['clusters']}. {said}."
            ),
        )
    )


def shared_datastore(frame: pd.DataFrame) -> ChartType:
    """Draw what several servers on one datastore cost it, measured and predicted.

    Parameters
    ----------
    frame : DataFrame
        One row a point: ``kind`` (``"model"`` or ``"measured"``), ``datastore``, ``load`` (``"reloads alone"`` or
        ``"with agents"``), ``servers``, ``cores``, for the model ``lower`` and ``upper``, for a measurement ``run_id``.

    Returns
    -------
    Chart
        Reloads alone beside reloads with agents.
    """
    stores = [name for name in ("postgresql", "mariadb") if name in set(frame["datastore"])]
    measured = frame[frame["kind"] == "measured"]
    alone = measured[measured["load"] == "reloads alone"].set_index(["datastore", "servers"])["cores"]
    low, high = int(measured["servers"].min()), int(measured["servers"].max())
    times = {name: alone[name, high] / alone[name, low] for name in stores}
    color = alt.Color(
        "datastore:N",
        scale=_colors(stores),
        title=None,
        legend=alt.Legend(labelExpr=_labels(stores), symbolOpacity=1, symbolType="stroke"),
    )
    x = alt.X("servers:O", title="servers", axis=alt.Axis(labelAngle=0))

    def panel(load: str) -> ChartType:
        scale = alt.Scale(domain=[0, 1.08 * float(frame["upper"].max())], nice=False)
        y = alt.Y("cores:Q", title=f"datastore cores, {load}", scale=scale)
        part = alt.Chart().transform_filter(f"datum.load == '{load}'")
        model = part.transform_filter("datum.kind == 'model'")
        tooltip = [
            alt.Tooltip("datastore:N"),
            alt.Tooltip("servers:Q"),
            alt.Tooltip("cores:Q", title="measured", format=".2~g"),
            alt.Tooltip("run_id:N", title="run"),
        ]
        return alt.layer(
            model.mark_area(**BAND).encode(x, alt.Y("lower:Q", title="", scale=scale), alt.Y2("upper:Q"), color),
            model.mark_line(**MODEL).encode(x, y, color),
            part.transform_filter("datum.kind == 'measured'")
            .mark_point(**MEASURED)
            .encode(x, y, color, tooltip=tooltip),
        ).properties(width="container", height=220)

    said = "; ".join(
        f"{LABELS[name]}: {number(alone[name, low])} cores with {low} server, {number(alone[name, high])} with {high}"
        for name in stores
    )
    title = alt.Title(
        f"{high} servers reload {' and '.join(f'{times[name]:.1f}' for name in stores)} times as much from one "
        f"datastore as {low}",
        subtitle="Points: measured, no fit saw them. Lines: model with its 90 % interval.",
    )
    return alt.hconcat(panel("reloads alone"), panel("with agents"), data=_data(frame, "shared_datastore")).properties(
        title=title, description=f"Cores of a datastore that several servers reload from. {said}."
    )


def _labels(names: list[str]) -> str:
    """Return an expression that writes names as readers are to see them."""
    return f"{json.dumps({name: LABELS[name] for name in names})}[datum.value]"


def datastore_distance(frame: pd.DataFrame) -> ChartType:
    """Draw how long a sync takes when the datastore is far away, measured and predicted.

    Parameters
    ----------
    frame : DataFrame
        One row a point: ``kind`` (``"model"`` or ``"measured"``), ``datastore``, ``sync_mode``, ``population``,
        ``round_trip_ms``, ``response_s``, for the model ``lower_s`` and ``upper_s``, for a measurement ``run_id``.

    Returns
    -------
    Chart
        PostgreSQL beside MariaDB; the vertical axis is logarithmic.
    """
    modes = [name for name in ("full_cache", "crawl") if name in set(frame["sync_mode"])]
    measured = frame[frame["kind"] == "measured"]
    far = measured["round_trip_ms"].max()
    x = alt.X("round_trip_ms:Q", title="round trip to the datastore, ms", scale=alt.Scale(nice=False, zero=True))
    ends = _reach(frame[["response_s", "lower_s", "upper_s"]])
    scale = alt.Scale(type="log", domain=ends, nice=False)
    axis = alt.Axis(values=[0.001, 0.01, 0.1, 1], labelExpr=_TIME_LABEL)
    color = alt.Color(
        "sync_mode:N",
        scale=_colors(modes),
        title=None,
        legend=alt.Legend(labelExpr=_labels(modes), symbolOpacity=1, symbolType="stroke"),
    )
    callers = sorted(int(value) for value in measured["population"].unique())
    shape = alt.Shape(
        "callers:N",
        title=None,
        scale=alt.Scale(domain=[_agents(value) for value in callers], range=["circle", "square"][: len(callers)]),
    )
    frame = frame.assign(callers=frame["population"].map(_agents))

    def panel(store: str) -> ChartType:
        y = alt.Y("response_s:Q", title=f"a sync takes, {LABELS[store]}", scale=scale, axis=axis)
        part = alt.Chart().transform_filter(f"datum.datastore == '{store}'")
        model = part.transform_filter("datum.kind == 'model'")
        tooltip = [
            alt.Tooltip("round_trip_ms:Q", title="round trip, ms"),
            alt.Tooltip("response_s:Q", title="measured, s", format=".3~r"),
            alt.Tooltip("callers:N", title="callers"),
            alt.Tooltip("run_id:N", title="run"),
        ]
        points = part.transform_filter("datum.kind == 'measured'").mark_point(**MEASURED)
        return alt.layer(
            model.mark_area(**BAND, interpolate="monotone").encode(
                x, alt.Y("lower_s:Q", scale=scale, axis=axis), alt.Y2("upper_s:Q"), color
            ),
            model.mark_line(**MODEL, interpolate="monotone").encode(x, y, color),
            points.encode(x, y, color, shape, tooltip=tooltip),
        ).properties(width="container", height=240)

    most = measured[(measured["round_trip_ms"] == far) & (measured["population"] == callers[-1])]
    said = "; ".join(
        f"{LABELS[row.datastore]}, {LABELS[row.sync_mode]}: {number(row.response_s)} s" for row in most.itertuples()
    )
    typical = most.groupby("sync_mode")["response_s"].mean()
    title = alt.Title(
        f"{far:.0f} ms to the datastore and back make a sync take "
        + " and ".join(f"{number(typical[mode])} s ({LABELS[mode]})" for mode in modes),
        subtitle="Points: measured, no fit saw them. Lines: model with its 90 % interval.",
    )
    return alt.hconcat(panel("postgresql"), panel("mariadb"), data=_data(frame, "datastore_distance")).properties(
        title=title, description=f"Mean time of a sync with {far:.0f} ms to the datastore and back. {said}."
    )


def _agents(value: float) -> str:
    return "1 agent" if value == 1 else f"{value:,.0f} agents"


def table_generosity(frame: pd.DataFrame) -> ChartType:
    """Draw how busy the published table's servers would be at measured costs.

    Parameters
    ----------
    frame : DataFrame
        One row a cell and sync mode: agents, workloads, sync_mode, cores (in all), utilization, lower, upper.

    Returns
    -------
    altair.Chart
        One panel a sync mode; each cell with its share of the cores in use.
    """
    modes = [name for name in ("full_cache", "crawl") if (frame["sync_mode"] == name).any()]
    words = {}
    for name in modes:
        part = frame[frame["sync_mode"] == name]
        busiest = part.loc[part["utilization"].idxmax()]
        words[name] = (
            f"{LABELS[name]}: {part['utilization'].min():.2%} to {busiest['utilization']:.1%} in use, most at "
            f"{busiest['agents']:,} agents and {busiest['workloads']:,} workloads"
        )
    shown = frame.assign(
        label=[f"{value:.1%}" if value >= 0.001 else "<0.1%" for value in frame["utilization"]],
        mode=frame["sync_mode"].map(LABELS),
        # Where the cell is dark the label must be light.
        light=frame["utilization"] > 0.25,
    )
    base = alt.Chart(_data(shown, "table_generosity")).encode(
        x=alt.X("agents:O", title="agents", axis=alt.Axis(labelAngle=0, format="~s")),
        y=alt.Y("workloads:O", title="workloads", sort="descending", axis=alt.Axis(format="~s")),
    )
    tiles = base.mark_rect(stroke="currentColor", strokeOpacity=0.3).encode(
        color=alt.Color(
            "utilization:Q",
            title="share of the cores in use",
            scale=alt.Scale(domain=[0, 1], range=["#F7FBFF", BLUE, "#08306B"]),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("agents:Q", format=","),
            alt.Tooltip("workloads:Q", format=","),
            alt.Tooltip("cores:Q", title="cores in the table"),
            alt.Tooltip("utilization:Q", title="in use", format=".2%"),
            alt.Tooltip("lower:Q", format=".2%"),
            alt.Tooltip("upper:Q", format=".2%"),
        ],
    )
    text = base.mark_text(fontSize=12).encode(
        text="label:N", color=alt.condition("datum.light", alt.value("white"), alt.value("black"))
    )
    panels = [
        alt.layer(tiles, text)
        .transform_filter(alt.datum.sync_mode == name)
        .properties(width="container", height=190, title=alt.Title(LABELS[name], fontSize=13))
        for name in modes
    ]
    least = frame.groupby("sync_mode")["utilization"].median()
    return alt.hconcat(*panels).properties(
        title=alt.Title(
            "Half of the table's cells would use at most "
            + " or ".join(f"{least[name]:.1%} of their cores with a {LABELS[name]}" for name in modes),
            subtitle="Share of the servers' cores in use at measured costs. Point at a cell for its interval.",
        ),
        description="Utilization of each cell of the published table. " + "; ".join(words.values()) + ".",
    )


# What changes the answer.

#: A duration with its unit, for an axis in seconds.
DURATION_LABEL = (
    "datum.value < 60 ? format(datum.value, '~r') + ' s' : "
    "datum.value < 3600 ? format(datum.value / 60, '~r') + ' min' : "
    "datum.value < 86400 ? format(datum.value / 3600, '~r') + ' h' : format(datum.value / 86400, '~r') + ' d'"
)


def factors(frame: pd.DataFrame, panels: dict[str, dict[str, Any]], title: str) -> ChartType:
    """Draw the cores that servers and datastore keep busy against each of several factors.

    Parameters
    ----------
    frame : DataFrame
        One row a point and component: ``factor``, ``x`` or, where the factor has no order, ``name``; ``component``,
        ``cores``, ``lower``, ``upper`` and ``here``, true for the reader's own fleet.
    panels : dict of str to dict
        For each factor ``title``; ``scale`` (``"log"``, ``"linear"``, ``"symlog"`` or ``"names"``); ``ticks``; and
        ``label``, an expression that writes a tick.
    title : str
        What the chart shows.

    Returns
    -------
    Chart
        A panel a factor; all vertical axes are the same, and logarithmic.
    """
    parts = ["server", "datastore"]
    scale = alt.Scale(type="log", domain=_reach(frame[["lower", "upper"]]), nice=False)
    axis = alt.Axis(values=[0.01, 0.1, 1, 10, 100], format="~g", title=None, grid=True)
    y = alt.Y("cores:Q", scale=scale, axis=axis)
    drawn: list[ChartType] = []
    for factor, panel in panels.items():
        names = panel["scale"] == "names"
        if names:
            x: alt.X = alt.X("name:N", title=None, sort=None, axis=alt.Axis(labelAngle=0, labelOverlap=False))
        else:
            kind = {"type": panel["scale"]} | ({"constant": panel["ticks"][1]} if panel["scale"] == "symlog" else {})
            marks = alt.Axis(
                values=panel["ticks"],
                labelExpr=panel.get("label", "format(datum.value, datum.value < 1000 ? '~r' : '~s')"),
                grid=False,
            )
            x = alt.X("x:Q", title=None, scale=alt.Scale(nice=False, **kind), axis=marks)
        color = alt.Color(
            "component:N", scale=_colors(parts), legend=alt.Legend(title=None, symbolOpacity=1, symbolType="stroke")
        )
        rows = alt.Chart().transform_filter(f"datum.factor == '{factor}'").encode(x, color=color)
        tooltip = [
            alt.Tooltip("name:N" if names else "x:Q", title=panel["title"]),
            alt.Tooltip("component:N", title="cores of the"),
            alt.Tooltip("cores:Q", format=".2~g"),
            alt.Tooltip("lower:Q", title="from", format=".2~g"),
            alt.Tooltip("upper:Q", title="to", format=".2~g"),
        ]
        here = rows.transform_filter("datum.here")
        span = {"y": alt.Y("lower:Q", scale=scale, axis=axis), "y2": alt.Y2("upper:Q")}
        layers: list[ChartType] = []
        if names:
            layers.append(rows.mark_rule(strokeWidth=5, opacity=0.3).encode(**span))
            layers.append(rows.mark_point(size=60, filled=True, opacity=1).encode(y, tooltip=tooltip))
        else:
            layers.append(rows.mark_area(**BAND).encode(**span))
            layers.append(rows.mark_line(**MODEL).encode(y, tooltip=tooltip))
        layers.append(here.mark_point(**{**MEASURED, "size": 80, "opacity": 1}).encode(y, tooltip=tooltip))
        drawn.append(
            alt.layer(*layers).properties(
                width="container", height=130, title=alt.Title(panel["title"], fontSize=12, fontWeight="bold", offset=6)
            )
        )
    own_rows = frame[frame["here"]].drop_duplicates("component").set_index("component")["cores"]
    said = "; ".join(
        f"{panels[factor]['title']}: servers {number(rows['cores'].min())} to {number(rows['cores'].max())}, datastore "
        f"{number(other['cores'].min())} to {number(other['cores'].max())}"
        for factor in panels
        for rows, other in [tuple(frame[(frame["factor"] == factor) & (frame["component"] == part)] for part in parts)]
    )
    return (
        alt.concat(*drawn, columns=2, data=_data(frame, "factors"))
        .resolve_scale(x="independent", color="shared")
        .properties(
            title=alt.Title(
                title,
                subtitle="Cores kept busy, on all servers together and on the datastore, with 90 % intervals; the "
                "vertical axes are logarithmic and the same. Large points: this fleet.",
            ),
            description=(
                f"Cores against each factor, the others as in the fleet, which keeps {number(own_rows['server'])} "
                f"server and {number(own_rows['datastore'])} datastore cores busy. {said}."
            ),
        )
    )


def tornado(frame: pd.DataFrame, labels: dict[str, str]) -> ChartType:
    """Draw what a small change of each input does to servers and datastore.

    Parameters
    ----------
    frame : DataFrame
        Rows of :func:`capmodel.sensitivity.tornado` with an effect, the largest first.
    labels : dict of str to str
        Each input with its name for readers.

    Returns
    -------
    Chart
        A bar from the utilization at the input's lower value to that at its higher one, which has the point.
    """
    parts = {"server": "server_utilization", "datastore": "datastore_utilization"}
    rows = pd.DataFrame(
        [
            {"input": labels[str(row["input"])], "component": part}
            | {end: row[f"{name}_{side}"] / row[name] - 1 for side, end in (("low", "lower"), ("high", "higher"))}
            for row in frame.to_dict("records")
            for part, name in parts.items()
        ]
    )
    reach = 1.08 * float(rows[["lower", "higher"]].abs().to_numpy().max())
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    axis = alt.Axis(format="+.0%", tickCount=5, grid=True)
    color = alt.Color("component:N", title="utilization of the", scale=_colors(list(parts)))
    side = alt.Axis(labelLimit=150, domain=False, ticks=False)
    y = alt.Y("input:N", title=None, sort=[labels[str(name)] for name in frame["input"]], axis=side)
    offset = alt.YOffset("component:N", sort=list(parts))
    tooltip = [
        alt.Tooltip("input:N"),
        alt.Tooltip("component:N", title="utilization of the"),
        alt.Tooltip("lower:Q", title="input lower", format="+.1%"),
        alt.Tooltip("higher:Q", title="input higher", format="+.1%"),
    ]
    base = alt.Chart().encode(y, offset)
    low = alt.X("lower:Q", title="change of the utilization", scale=scale, axis=axis)
    bars = base.mark_rule(strokeWidth=7, opacity=0.45).encode(low, alt.X2("higher:Q"), color, tooltip=tooltip)
    ends = base.mark_point(**{**MEASURED, "size": 55}).encode(
        alt.X("higher:Q", scale=scale, axis=axis), color, tooltip=tooltip
    )
    zero = alt.Chart(alt.Data(values=[{"lower": 0}], name="guide_zero")).mark_rule(opacity=0.6)
    largest = frame[frame["step"] == "relative"].iloc[0]
    said = "; ".join(
        f"{labels[str(row['input'])]}: servers "
        f"{row['server_utilization_low'] / row['server_utilization'] - 1:+.1%} and "
        f"{row['server_utilization_high'] / row['server_utilization'] - 1:+.1%}, datastore "
        f"{row['datastore_utilization_low'] / row['datastore_utilization'] - 1:+.1%} and "
        f"{row['datastore_utilization_high'] / row['datastore_utilization'] - 1:+.1%}"
        for row in frame.to_dict("records")
    )
    return alt.layer(bars, ends, zero.encode(low), data=_data(rows, "tornado")).properties(
        width="container",
        height=26 * len(frame),
        title=alt.Title(
            f"Of the inputs, {labels[str(largest['input'])]} {_matters(frame, labels)}",
            subtitle="Change of the utilization when one input is 10 % lower or higher (the point). Fitted costs: the "
            "ends of the model's own 90 % interval.",
        ),
        description=f"Change of utilization at the lower and at the higher value of each input. {said}.",
    )


def _matters(frame: pd.DataFrame, labels: dict[str, str]) -> str:
    """Say whether the largest effect of an input is larger than what is not known of the costs."""
    largest = frame[frame["step"] == "relative"]["effect"].iloc[0]
    unknown = frame[frame["input"] == "fitted costs"]["effect"].iloc[0]
    return "matters most, and " + ("more" if largest > unknown else "less") + " than what is not known of the costs"


def cold_start(frame: pd.DataFrame) -> ChartType:
    """Draw how long a fleet takes to come back against the source addresses that its agents share.

    Parameters
    ----------
    frame : DataFrame
        One row an address count and limit: ``addresses``, ``limit``, ``seconds``, ``lower``, ``upper`` (0 where it does
        not bind at all), ``binds``.

    Returns
    -------
    Chart
        A line a limit; both axes are logarithmic.
    """
    names = list(pd.unique(frame["limit"]))
    colors = dict(zip(names, [PURPLE, GREEN, BLUE, VERMILION], strict=False))
    shown = frame[frame["seconds"] > 0]
    x = alt.X(
        "addresses:Q",
        title="source addresses that the agents share",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(values=[1, 10, 100, 1000, 10_000], format="~s"),
    )
    scale = alt.Scale(type="log", domain=_reach(shown[["seconds", "lower", "upper"]]), nice=False)
    axis = alt.Axis(
        values=[0.1, 1, 10, 60, 600, 3600, 36_000], labelExpr=DURATION_LABEL, title="until every agent has its SVIDs"
    )
    legend = alt.Legend(title="by", symbolOpacity=1, symbolType="stroke", columns=2)
    color = alt.Color("limit:N", scale=alt.Scale(domain=names, range=[colors[name] for name in names]), legend=legend)
    tooltip = [
        alt.Tooltip("addresses:Q", format=","),
        alt.Tooltip("limit:N", title="by"),
        alt.Tooltip("seconds:Q", format=",.3~r"),
        alt.Tooltip("lower:Q", title="from", format=",.3~r"),
        alt.Tooltip("upper:Q", title="to", format=",.3~r"),
    ]
    base = alt.Chart(_data(shown, "cold_start")).encode(x, color=color)
    ends = frame[frame["binds"]].set_index("addresses").sort_index()
    most, least = ends.iloc[-1], ends.iloc[0]
    title = alt.Title(
        f"A cold start takes {number(most['seconds'])} s where each agent has its own address, "
        f"{number(least['seconds'])} s where all share {ends.index[0]}",
        subtitle="Lines: time by each limit alone, with its 90 % interval; the highest line binds. Both axes are "
        "logarithmic.",
    )
    said = "; ".join(f"{address:,}: {number(row['seconds'])} s, {row['limit']}" for address, row in ends.iterrows())
    return alt.layer(
        base.mark_area(**BAND).encode(alt.Y("lower:Q", scale=scale, axis=axis), alt.Y2("upper:Q")),
        base.mark_line(**MODEL).encode(alt.Y("seconds:Q", scale=scale, axis=axis), tooltip=tooltip),
        base.mark_point(size=30, filled=True, opacity=1).encode(alt.Y("seconds:Q", scale=scale), tooltip=tooltip),
    ).properties(
        width="container",
        height=260,
        title=title,
        description=f"Time until every agent has its SVIDs by number of source addresses, and what binds. {said}.",
    )


# Sync modes.

#: What the cost of a sync mode is drawn against.
AGAINST = {
    "agents": "agents",
    "workloads": "workloads a node",
    "changes": "entries created and deleted a second",
}


def sync_modes(frame: pd.DataFrame, title: str, own: dict[str, float]) -> ChartType:
    """Draw the cores that each sync mode keeps busy, and where the modes cross.

    Parameters
    ----------
    frame : DataFrame
        One row a point: ``against`` (``"agents"``, ``"workloads"`` or ``"changes"``), ``x``, ``datastore``,
        ``sync_mode``, ``component``, ``cores``, ``lower``, ``upper``; rows with a ``crossing`` (in words) mark where
        two modes cost the same and have no mode.
    title : str
        What the chart shows.
    own : dict of str to float
        The fleet's own value of each quantity that costs are drawn against.

    Returns
    -------
    Chart
        Servers beside datastore; controls ``against`` and ``store``. Agents and PostgreSQL at first.
    """
    modes = [name for name in ("crawl", "full_cache", "events_cache") if name in set(frame["sync_mode"])]
    names = {name: LABELS[name] + (", with subtree cache or not" if name == "crawl" else "") for name in modes}
    lines = frame[frame["sync_mode"].notna()]
    ends = _reach(lines[["cores"]])
    scale = alt.Scale(type="log", domain=ends, nice=False, clamp=True)
    ticks = [10.0**power for power in range(-4, 6) if ends[0] <= 10.0**power <= ends[1]]
    axis = alt.Axis(values=ticks, format="~r")
    x = alt.X(
        "x:Q",
        title=None,
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(labelExpr="format(datum.value, datum.value < 1 ? '~r' : '~s')", tickCount=5),
    )
    legend = alt.Legend(
        title=None, symbolOpacity=1, symbolType="stroke", columns=1, labelExpr=f"{json.dumps(names)}[datum.value]"
    )
    color = alt.Color("sync_mode:N", scale=_colors(modes), legend=legend)
    tooltip = [
        alt.Tooltip("x:Q", title="at", format=",.3~r"),
        alt.Tooltip("sync_mode:N", title="sync mode"),
        alt.Tooltip("cores:Q", format=".2~g"),
        alt.Tooltip("lower:Q", title="from", format=".2~g"),
        alt.Tooltip("upper:Q", title="to", format=".2~g"),
    ]
    marks = [{"against": key, "x": value} for key, value in own.items() if value > 0]
    here = alt.Chart(alt.Data(values=marks, name="guide_fleet")).transform_filter("datum.against == against")

    def panel(component: str) -> ChartType:
        y = alt.Y("cores:Q", title=f"{component} cores", scale=scale, axis=axis)
        chosen = alt.Chart().transform_filter(
            f"datum.against == against && datum.datastore == store && datum.component == '{component}'"
        )
        drawn = chosen.transform_filter("isValid(datum.sync_mode)").encode(x, color=color)
        crossing = chosen.transform_filter("isValid(datum.crossing)").encode(x)
        return alt.layer(
            here.mark_rule(**LIMIT).encode(x),
            drawn.mark_area(**BAND, clip=True).encode(alt.Y("lower:Q", scale=scale, axis=axis), alt.Y2("upper:Q")),
            drawn.mark_line(**MODEL).encode(y, tooltip=tooltip),
            crossing.mark_point(**{**MEASURED, "size": 90, "opacity": 1}, color="currentColor", shape="diamond").encode(
                y,
                tooltip=[alt.Tooltip("crossing:N", title="same cost"), alt.Tooltip("x:Q", title="at", format=",.2~r")],
            ),
        ).properties(width="container", height=260)

    first = lines[(lines["against"] == "agents") & (lines["datastore"] == "postgresql")]
    most = first[first["x"] == first["x"].max()].set_index(["sync_mode", "component"])["cores"]
    said = "; ".join(
        f"{LABELS[mode]}: {number(most[mode, 'server'])} server and {number(most[mode, 'datastore'])} datastore cores"
        for mode in modes
    )
    stores = {name: LABELS[name] for name in ("postgresql", "mariadb") if name in set(frame["datastore"])}
    return (
        alt.hconcat(panel("server"), panel("datastore"), data=_data(frame, "sync_modes"))
        .add_params(
            _choice("against", AGAINST, "agents", "against"),
            _choice("store", stores, "postgresql", "datastore"),
        )
        .properties(
            title=alt.Title(
                title,
                subtitle="Cores kept busy on busy hosts, with 90 % intervals. Diamonds: two modes cost the same. "
                "Dashed: the fleet above. All axes are logarithmic.",
            ),
            description=f"Cores of each sync mode on PostgreSQL at {first['x'].max():,.0f} agents. {said}.",
        )
    )


def event_gaps(frame: pd.DataFrame) -> ChartType:
    """Draw what missing event numbers cost the datastore of servers with the events cache.

    Parameters
    ----------
    frame : DataFrame
        One row a point: ``gaps_per_s``, ``sync_mode`` (``"events_cache"`` or ``"full_cache"``), ``cores`` of the
        datastore, ``lower``, ``upper``; ``here`` in words for a point worth a name.

    Returns
    -------
    Chart
        The full cache does not depend on gaps.
    """
    modes = ["events_cache", "full_cache"]
    x = alt.X(
        "gaps_per_s:Q",
        title="event numbers missing a second",
        scale=alt.Scale(type="symlog", constant=0.1, nice=False),
        axis=alt.Axis(values=[0, 0.1, 1, 10, 100], format="~r"),
    )
    scale = alt.Scale(type="log", domain=_reach(frame[["lower", "upper"]]), nice=False)
    axis = alt.Axis(values=[0.1, 0.3, 1, 3, 10, 30], format="~g", title="datastore cores")
    legend = alt.Legend(title=None, symbolOpacity=1, symbolType="stroke", labelExpr=_labels(modes))
    color = alt.Color("sync_mode:N", scale=_colors(modes), legend=legend)
    tooltip = [
        alt.Tooltip("gaps_per_s:Q", title="missing a second"),
        alt.Tooltip("sync_mode:N", title="sync mode"),
        alt.Tooltip("cores:Q", format=".2~g"),
    ]
    base = alt.Chart(_data(frame, "event_gaps")).encode(x, color=color)
    named = base.transform_filter("isValid(datum.here)")
    y = alt.Y("cores:Q", scale=scale, axis=axis)
    events = frame[frame["sync_mode"] == "events_cache"].sort_values("gaps_per_s")
    full = float(frame[frame["sync_mode"] == "full_cache"]["cores"].to_numpy()[0])
    equal = float(np.interp(full, events["cores"], events["gaps_per_s"]))
    title = alt.Title(
        f"From {number(equal)} missing event numbers a second on, the events cache costs more than the full cache",
        subtitle="Datastore cores of the whole fleet, with 90 % intervals. The vertical axis is logarithmic.",
    )
    pairs = zip(events["gaps_per_s"].tolist(), events["cores"].tolist(), strict=True)
    said = ", ".join(f"{gaps:g} a second: {number(cores)} cores" for gaps, cores in pairs)
    return alt.layer(
        base.mark_area(**BAND).encode(alt.Y("lower:Q", scale=scale, axis=axis), alt.Y2("upper:Q")),
        base.mark_line(**MODEL).encode(y, tooltip=tooltip),
        named.mark_point(**{**MEASURED, "size": 70, "opacity": 1}).encode(y, tooltip=tooltip),
        named.mark_text(align="right", dx=-8, dy=-8, color="currentColor").encode(
            x, y, text="here:N", color=alt.value("currentColor")
        ),
    ).properties(
        width="container",
        height=240,
        title=title,
        description=f"Datastore cores of the events cache by missing event numbers. {said}. Full: {number(full)}.",
    )
