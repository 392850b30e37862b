"""What a reader's own measurements are worth."""

from __future__ import annotations

import altair as alt
import pandas as pd
from altair.typing import ChartType

from capmodel.charts._look import (
    LABELS,
    LIMIT,
    MEASURED,
    MODEL,
    OWN,
    PERCENT_LABEL,
    choice,
    inline,
    percent,
    reach,
    told,
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

    Examples
    --------
    >>> rows = {"mode": "full_cache", "component": "server", "windows": [1, 10], "half_width": [0.3, 0.1]}
    >>> chart = speed_precision(pd.DataFrame(rows))
    >>> print(chart.description)
    Half of the 90 % interval of a machine's speed by the number of windows. Server: 1 window 30 %, 10 windows 10 %.
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
    y = alt.Y(
        "half_width:Q", title="half of the interval", scale=alt.Scale(zero=True), axis=alt.Axis(labelExpr=PERCENT_LABEL)
    )
    look = told("component:N", parts)
    chosen = alt.Chart(inline(frame, "speed_precision")).transform_filter("datum.mode == mode").encode(x, y, look.color)
    tooltip = [
        alt.Tooltip("windows:Q"),
        alt.Tooltip("component:N", title="CPU of the"),
        alt.Tooltip("half_width:Q", title="half of the interval", format=".0%"),
    ]
    few, many = server.index[0], server.index[-1]
    title = alt.Title(
        f"{few} windows tell the speed of a server's core to {percent(server[few])}, {many} to {percent(server[many])}",
        subtitle="Half of the 90 % interval, by the CPU of server or datastore; median over draws of that many of the "
        "shipped windows.",
    )
    said = ", ".join(f"{count} window{'s' * (count > 1)} {percent(width)}" for count, width in server.items())
    return (
        alt.layer(
            chosen.mark_line(**MODEL).encode(look.dash),
            chosen.mark_point(**MEASURED).encode(look.shape, tooltip=tooltip),
        )
        .add_params(choice("mode", modes, next(iter(modes)), "sync mode"))
        .properties(
            width="container",
            height=260,
            title=title,
            description=f"Half of the 90 % interval of a machine's speed by the number of windows. Server: {said}.",
        )
    )


def own_runs(frame: pd.DataFrame, what: str) -> ChartType:
    """Draw the reader's own measurements against their predictions.

    Parameters
    ----------
    frame : DataFrame
        One row a scored quantity: ``run_id``, ``operation``, ``component``, ``measured``, ``predicted``, ``lower``,
        ``upper``, ``inside``.
    what : str
        What was measured, as a noun.

    Returns
    -------
    Chart
        One panel for each component: a point a row, its interval, and the line on which prediction and measurement
        are equal.

    Examples
    --------
    >>> rows = {"run_id": ["mine 1", "mine 2"], "operation": "sync", "component": "server"}
    >>> frame = pd.DataFrame(rows | {"measured": [0.001, 0.002], "predicted": 0.001, "lower": 0.0005, "upper": 0.0015})
    >>> chart = own_runs(frame.assign(inside=[True, False]), "CPU time of an operation")
    >>> print(chart.description.split(": ")[1])
    median difference 25 %, 1 of 2 inside their intervals.
    """
    panels = []
    for component, part in frame.groupby("component", sort=False, observed=True):
        in_seconds = str(component) != "throughput_per_s"
        scale = 1e3 if in_seconds else 1.0
        columns = {name: scale * part[name] for name in ("measured", "predicted", "lower", "upper")}
        drawn = part[["run_id", "operation", "inside"]].assign(**columns)
        ends = reach(drawn[["measured", "predicted"]])
        named = {"throughput_per_s": "throughput", "response_time_mean_s": "response time"}
        title = f"{named.get(str(component), LABELS.get(str(component), str(component)))}, " + (
            "ms" if in_seconds else "a second"
        )
        axis = alt.Axis(format="~g", tickCount=4)
        limits = alt.Scale(type="log", domain=ends, nice=False, clamp=True)
        x = alt.X("predicted:Q", title=f"predicted, {title}", scale=limits, axis=axis)
        y = alt.Y("measured:Q", title=f"measured, {title}", scale=limits, axis=axis)
        tooltip = [
            alt.Tooltip("run_id:N", title="run"),
            alt.Tooltip("operation:N"),
            alt.Tooltip("measured:Q"),
            alt.Tooltip("predicted:Q"),
        ]
        points = alt.Chart(inline(drawn, f"own_runs_{component}"))
        equal = alt.Chart(alt.Data(values=[{"end": end} for end in ends], name=f"guide_{component}"))
        panels.append(
            alt.layer(
                equal.mark_line(**LIMIT).encode(
                    alt.X("end:Q", scale=limits, title=f"predicted, {title}"),
                    alt.Y("end:Q", scale=limits, title=f"measured, {title}"),
                ),
                points.mark_rule(strokeWidth=1.5, opacity=0.4).encode(
                    alt.X("lower:Q", scale=limits, axis=axis, title=f"predicted, {title}"), alt.X2("upper:Q"), y
                ),
                points.mark_point(**OWN).encode(x, y, tooltip=tooltip),
            ).properties(width="container", height=240)
        )
    error = (frame["predicted"] / frame["measured"] - 1.0).abs().median()
    inside = f"{int(frame['inside'].sum())} of {len(frame)}"
    heading = alt.Title(
        f"{what} in your runs: half of the predictions are within {percent(error)}",
        subtitle=f"Diamonds: your runs, {inside} inside their intervals (lines). Dashed: both equal. Logarithmic axes.",
    )
    description = (
        f"{what}, {len(frame)} quantities measured by the reader against the model's predictions on their machine: "
        f"median difference {percent(error)}, {inside} inside their intervals."
    )
    return alt.hconcat(*panels).properties(title=heading, description=description)
