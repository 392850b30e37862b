"""Predicted against measured."""

from __future__ import annotations

import textwrap
from typing import Any

import altair as alt
import pandas as pd
from altair.typing import ChartType

from capmodel.charts._look import (
    BLUE,
    CLOSE,
    COLORS,
    GREEN,
    GREY,
    INTERVAL,
    LABELS,
    LIMIT,
    MEASURED,
    PERCENT_LABEL,
    PURPLE,
    VERMILION,
    choice,
    inline,
    percent,
    reach,
    steps,
    told,
)

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

    Examples
    --------
    >>> frame = pd.DataFrame({"run_id": ["a1", "a2"], "predicted_ms": [1.0, 2.0], "measured_ms": [1.1, 3.0]})
    >>> frame = frame.assign(sync_mode="full_cache", datastore="postgresql", operation="sync", group="sync")
    >>> chart = held_out_costs(frame.assign(component="server", inside=[True, False]))
    >>> print(chart.description.split(". ")[1])
    server: 2 values, median error 21 %, 50 % inside.
    """
    off = (frame["predicted_ms"] / frame["measured_ms"] - 1.0).abs()
    ends = reach(frame[["predicted_ms", "measured_ms"]])
    scale = alt.Scale(type="log", domain=ends, nice=False)
    axis = alt.Axis(values=[10.0**power for power in range(-2, 5)], format=",~g")
    x = alt.X("predicted_ms:Q", title="predicted CPU ms an operation", scale=scale, axis=axis)
    y = alt.Y("measured_ms:Q", title="measured CPU ms an operation", scale=scale, axis=axis)
    parts, groups = ["server", "datastore"], list(pd.unique(frame["group"]))
    shapes = alt.Scale(domain=groups, range=["circle", "square", "diamond", "triangle-up", "cross"][: len(groups)])
    # Shapes are taken: what the datastore used is hollow.
    key = alt.Legend(title="CPU of the", labelExpr="datum.label + (datum.value === 'server' ? ', filled' : ', hollow')")
    whose: dict[str, Any] = {
        "scale": alt.Scale(domain=parts, range=[COLORS[part] for part in parts]),
        "legend": key,
    }
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
        alt.Chart(inline(frame.drop(columns=["group", "inside"]), "held_out_costs"))
        .transform_filter("mode == 'all' || datum.sync_mode == mode")
        .transform_calculate(key="datum.sync_mode + ' ' + datum.operation")
        .transform_lookup("key", alt.LookupData(inline(kinds, "guide_groups"), "key", ["group"]))
        .mark_point(size=30, strokeWidth=1)
        .encode(
            x,
            y,
            alt.Fill("component:N", **whose),
            alt.Stroke("component:N", **whose),
            alt.FillOpacity("component:N", scale=alt.Scale(domain=parts, range=[0.7, 0]), legend=None),
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
        f"{part}: {len(own)} values, median error {percent(off[own.index].median())}, "
        f"{percent(own['inside'].mean())} inside"
        for part, own in frame.groupby("component", sort=False)
    )
    title = alt.Title(
        f"Of the costs left out of the fit, half are predicted within {percent(off.median())}, and "
        f"{percent(frame['inside'].mean())} lie in their 90 % interval",
        subtitle="Points: measured windows, hollow for the datastore. Solid: predicted exactly. Dashed: a quarter more "
        "or less. Both axes are logarithmic.",
    )
    return (
        alt.layer(
            guide.transform_filter("datum.line == 1").mark_line(**{**LIMIT, "strokeDash": [1, 0]}, strokeWidth=1.5),
            guide.transform_filter("datum.line != 1").mark_line(**LIMIT, strokeWidth=1),
            points,
        )
        .add_params(choice("mode", {"all": "all", **modes}, "all", "sync mode"))
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

    Examples
    --------
    >>> frame = pd.DataFrame({"group": "sync", "component": "server", "rows": 200, "level": [0.5, 0.8, 0.9]})
    >>> frame = frame.assign(share=[0.55, 0.8, 0.92], likely_low=[0.44, 0.75, 0.86], likely_high=[0.56, 0.85, 0.93])
    >>> chart = interval_coverage(frame)
    >>> print(chart.description)
    Share of left-out measurements inside their 90 % intervals. sync, server: 92 % of 200.
    """
    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], labelExpr=PERCENT_LABEL, grid=True)
    x = alt.X("share:Q", title="share inside", scale=alt.Scale(domain=[0, 1]), axis=axis)
    groups, parts = list(pd.unique(frame["group"])), ["server", "datastore"]
    y = alt.Y("group:N", title=None, sort=groups, axis=alt.Axis(labelLimit=150, domain=False, ticks=False))
    offset = alt.YOffset("component:N", sort=parts)
    look = told("component:N", parts, points=True, title="CPU of the", offset=CLOSE)
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
    band = chosen.mark_bar(color=GREY, opacity=INTERVAL["opacity"], height={"band": 0.7}).encode(
        alt.X("likely_low:Q"), alt.X2("likely_high:Q"), y, offset
    )
    asked = chosen.transform_aggregate(asked="max(level)").mark_rule(**LIMIT).encode(alt.X("asked:Q"))
    points = chosen.mark_point(**{**MEASURED, "size": 80}).encode(x, y, offset, look.color, look.shape, tooltip=tooltip)
    first = frame[frame["level"] == levels[0]]
    low = first[first["share"] < first["likely_low"] - 1e-9]
    title = alt.Title(
        f"In {len(first) - len(low)} of {len(first)} groups 90 % intervals hold as many measurements as they should",
        subtitle="Point: share of the measurements inside. Bar: where nine of ten groups of that size fall by chance "
        "if the intervals are right. Dashed: the level.",
    )
    said = "; ".join(f"{row.group}, {row.component}: {percent(row.share)} of {row.rows}" for row in first.itertuples())
    return (
        alt.layer(band, asked, points, data=inline(frame, "interval_coverage"))
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
    labels = [f"{percent(level)}" for level in levels]
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

    Examples
    --------
    >>> row = {"kind": "fleet_runs", "label": "full cache|300 agents", "quantity": "server cores", "run_id": "a1"}
    >>> frame = pd.DataFrame([row | {"measured": 1.0, "predicted": 1.1, "lower": 0.9, "upper": 1.3}])
    >>> frame["quantity"] = frame["quantity"].astype("category")
    >>> chart = unseen_runs(frame, {"fleet_runs": "whole fleets"})
    >>> print(chart.description)
    Measured quantities inside their 90 % intervals. whole fleets: 1 of 1.
    """
    inside = frame["measured"].between(frame["lower"], frame["upper"])
    low, high = reach(frame[["measured", "lower", "upper"]].div(frame["predicted"], axis=0))
    ends = [max(low, 0.05), min(high, 20.0)]
    scale = alt.Scale(type="log", domain=ends, clamp=True, nice=False)
    axis = alt.Axis(values=steps(ends), format="~g", grid=True)
    quantities = list(frame["quantity"].astype("category").cat.categories)
    hues = dict(zip(quantities, [BLUE, VERMILION, GREEN, PURPLE], strict=False))
    look = told("quantity:N", hues, points=True, columns=1, offset=CLOSE)
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
    intervals = chosen.mark_rule(**{**INTERVAL, "strokeWidth": 4}).encode(
        alt.X("low:Q", title="measured over predicted", scale=scale, axis=axis), alt.X2("high:Q"), look.color
    )
    points = chosen.mark_point(**MEASURED).encode(
        alt.X("ratio:Q", scale=scale, axis=axis), look.color, look.shape, tooltip=tooltip
    )
    exact = alt.Chart(alt.Data(values=[{"ratio": 1}], name="guide_exact")).mark_rule(**LIMIT)
    held = inside.groupby(frame["kind"]).agg(["sum", "size"])
    said = "; ".join(f"{name}: {held['sum'][kind]} of {held['size'][kind]}" for kind, name in kinds.items())
    title = alt.Title(
        f"Of {len(frame)} quantities of runs that no fit used, {percent(inside.mean())} lie in their 90 % interval",
        subtitle="Points: measured over predicted. Bars: the interval over the prediction. Dashed: predicted exactly.",
    )
    return (
        alt.layer(
            intervals,
            exact.encode(alt.X("ratio:Q", scale=scale, axis=axis)),
            points,
            data=inline(frame, "unseen_runs"),
        )
        .add_params(choice("runs", kinds, next(iter(kinds)), "runs"))
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

    Examples
    --------
    >>> frame = pd.DataFrame({"id": "a report", "quantity": ["server_cores", "syncs_per_s"], "unit": ["cores", "1/s"]})
    >>> frame = frame.assign(value=["3", "900"], low=[3.0, 900.0], high=[3.0, 900.0], predicted=[2.5, 1500.0])
    >>> frame = frame.assign(lower=[2.0, 1200.0], upper=[3.2, 1900.0], verdict=["inside", "outside"])
    >>> chart = field_figures(frame)
    >>> print(chart.description)
    1 of 2 published figures lie inside the interval predicted for them. Outside: syncs per s.
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
    ends = reach(data[["middle", "least", "to", "most"]])
    scale = alt.Scale(type="log", domain=ends, clamp=True, nice=False)
    axis = alt.Axis(values=steps(ends), format="~g", grid=True)
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
    look = told(
        "verdict:N", {"inside": BLUE, "outside": VERMILION}, points=True, title="published figure", offset=CLOSE
    )
    intervals = base.mark_rule(**INTERVAL, color=GREY).encode(
        alt.X("least:Q", title="published over predicted", scale=scale, axis=axis), alt.X2("most:Q")
    )
    published = base.mark_rule(strokeWidth=2).encode(
        alt.X("from_:Q", scale=scale, axis=axis), alt.X2("to:Q"), look.color
    )
    points = base.mark_point(**MEASURED).encode(
        alt.X("middle:Q", scale=scale, axis=axis), look.color, look.shape, tooltip=tooltip
    )
    inside = frame["verdict"] == "inside"
    outside = ", ".join(frame.loc[~inside, "quantity"].str.replace("_", " ")) or "none"
    title = alt.Title(
        f"{inside.sum()} of {len(frame)} public figures that measured costs predict lie inside",
        subtitle="Points and thin lines: the published figure and its range. Bars: the 90 % interval. All over the "
        "prediction.",
    )
    description = f"{inside.sum()} of {len(frame)} published figures lie inside the interval predicted for them."
    return alt.layer(intervals, published, points, data=inline(data, "field_figures")).properties(
        width="container",
        height=28 * len(frame),
        title=title,
        description=f"{description} Outside: {outside}.",
    )
