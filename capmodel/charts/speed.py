"""What a reader's own measurements are worth."""

from __future__ import annotations

import altair as alt
import pandas as pd
from altair.typing import ChartType

from capmodel.charts._look import LABELS, MEASURED, MODEL, PERCENT_LABEL, choice, color_scale, inline, percent


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
    y = alt.Y(
        "half_width:Q", title="half of the interval", scale=alt.Scale(zero=True), axis=alt.Axis(labelExpr=PERCENT_LABEL)
    )
    color = alt.Color("component:N", scale=color_scale(parts), title=None)
    chosen = alt.Chart(inline(frame, "speed_precision")).transform_filter("datum.mode == mode").encode(x, y, color)
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
    said = ", ".join(f"{count} windows {percent(width)}" for count, width in server.items())
    return (
        alt.layer(chosen.mark_line(**MODEL), chosen.mark_point(**MEASURED).encode(tooltip=tooltip))
        .add_params(choice("mode", modes, next(iter(modes)), "sync mode"))
        .properties(
            width="container",
            height=260,
            title=title,
            description=f"Half of the 90 % interval of a machine's speed by the number of windows. Server: {said}.",
        )
    )
