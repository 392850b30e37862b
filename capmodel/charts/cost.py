"""What a sync costs, and how many statements it sends."""

from __future__ import annotations

import altair as alt
import pandas as pd
from altair.typing import ChartType

from capmodel.charts._look import (
    BAND,
    BLUE,
    LABELS,
    LIMIT,
    MEASURED,
    MODEL,
    OWN,
    VERMILION,
    choice,
    inline,
    number,
    percent,
    told,
)


def sync_cost(frame: pd.DataFrame) -> ChartType:
    """Draw the CPU time of one sync against the entries of its agent, server and datastore apart.

    Parameters
    ----------
    frame : DataFrame
        One row a point: ``sync_mode``, ``datastore``, ``load`` (``"busy"`` or ``"alone"``), ``component``, ``kind``
        (``"model"``, ``"measured"`` or ``"own"``, the reader's), ``entries_per_agent``, ``cpu_ms``, for the model
        ``lower_ms`` and ``upper_ms``, for a measurement ``run_id``. The model has 10, 30 and 100 entries among its
        points.

    Returns
    -------
    Chart
        Controls ``datastore`` and ``load``; PostgreSQL on a busy host at first.

    Examples
    --------
    >>> import itertools
    >>> modes, parts, many = ("crawl", "full_cache"), ("server", "datastore"), (10, 30, 100)
    >>> names = ["sync_mode", "component", "entries_per_agent"]
    >>> frame = pd.DataFrame(itertools.product(modes, parts, many), columns=names)
    >>> frame["cpu_ms"] = 0.2 + 0.01 * frame["entries_per_agent"]
    >>> frame = frame.assign(datastore="postgresql", load="busy", kind="model", lower_ms=0.1, upper_ms=2.0, run_id=None)
    >>> chart = sync_cost(frame)
    >>> print(chart.description.split("; ")[1])
    full cache: 0.3 ms of server and 0.3 ms of datastore CPU with 10 entries, 1.2 and 1.2 ms with 100.
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
        axis=alt.Axis(values=[0, 1, 10, 100, 1000], labelExpr="format(datum.value, ',')"),
    )
    # One scale for all choices: what a control changes is seen as a move of the lines.
    scale = alt.Scale(type="log", domain=[0.8 * frame["cpu_ms"].min(), 1.6 * frame["cpu_ms"].max()], nice=False)
    look = told("sync_mode:N", modes, hidden=True)
    color = look.color
    tooltip = [
        alt.Tooltip("entries_per_agent:Q", title="entries"),
        alt.Tooltip("cpu_ms:Q", title="measured, ms"),
        alt.Tooltip("run_id:N", title="run"),
    ]

    in_color = {name: value for name, value in OWN.items() if name != "color"}
    has_own = bool((frame["kind"] == "own").any())

    def panel(component: str) -> ChartType:
        axis = alt.Axis(values=[0.1, 0.3, 1, 3, 10, 30, 100, 300], format="~g", title=f"CPU ms a sync, {component}")
        y = alt.Y("cpu_ms:Q", scale=scale, axis=axis)
        chosen = f"datum.component == '{component}' && datum.datastore == datastore && datum.load == load"
        points = alt.Chart().transform_filter(chosen)
        lines = points.transform_filter("datum.kind == 'model'").encode(x, color)
        runs = points.transform_filter("datum.kind == 'measured'").encode(x, y, color)
        own = points.transform_filter("datum.kind == 'own'")
        names = lines.transform_filter("isValid(datum.label)")
        layers = [
            lines.mark_area(**BAND).encode(alt.Y("lower_ms:Q", scale=scale, axis=axis), alt.Y2("upper_ms:Q")),
            lines.mark_line(**MODEL).encode(y, look.dash),
            runs.mark_point(**MEASURED).encode(look.shape, tooltip=tooltip),
            *([own.mark_point(**in_color).encode(x, y, color, tooltip=tooltip)] if has_own else []),
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
        subtitle="Lines: model with its 90 % interval. Points: measured windows. "
        + ("Diamonds: your own. " if has_own else "")
        + "Both axes are logarithmic.",
    )
    return (
        alt.hconcat(panel("server"), panel("datastore"), data=inline(frame.assign(label=label), "sync_cost"))
        .add_params(
            choice("datastore", stores, "postgresql", "datastore"),
            choice("load", {"busy": "busy host", "alone": "one agent at a time"}, "busy", "load"),
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

    Examples
    --------
    >>> rows = {"run_id": ["a1", "a2"], "operation": "sync", "sync_mode": "crawl", "expected": [8, 28]}
    >>> chart = statement_counts(pd.DataFrame(rows | {"counted": [8.1, 28.0], "operations": [100, 100]}))
    >>> print(chart.description.split(". ")[1])
    The median difference is 0.6 %, nine of ten are within 1.1 %.
    """
    gap = (frame["counted"] / frame["expected"] - 1.0).abs()
    ends = [0.8 * frame["expected"].min(), 1.25 * frame["expected"].max()]
    scale = alt.Scale(type="log", domain=ends, nice=False)
    axis = alt.Axis(values=[1, 3, 10, 30, 100, 300, 1000], format=",~g")
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
    data = inline(frame.assign(kind=(frame["operation"] == "sync").map(kinds)), "statement_counts")
    look = told("kind:N", dict(zip(kinds.values(), [BLUE, VERMILION], strict=True)), points=True)
    points = alt.Chart(data).mark_point(**MEASURED).encode(x, y, look.color, look.shape, tooltip=tooltip)
    diagonal = alt.Data(values=[{"expected": end, "counted": end} for end in ends], name="guide_equal")
    title = alt.Title(
        f"The code says how many statements PostgreSQL gets: the median window is {percent(gap.median(), 1)} off",
        subtitle="Points: measured windows. Dashed: both equal. Both axes are logarithmic.",
    )
    description = (
        f"Statements an operation counted by PostgreSQL against those that SPIRE's code says: {len(frame)} windows, "
        f"{frame['expected'].min():.0f} to {frame['expected'].max():.0f} statements. The median difference is "
        f"{percent(gap.median(), 1)}, nine of ten are within {percent(gap.quantile(0.9), 1)}."
    )
    equal = alt.Chart(diagonal).mark_line(**LIMIT).encode(x, y)
    return alt.layer(equal, points).properties(width="container", height=280, title=title, description=description)
