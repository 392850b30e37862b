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
