"""Crawl, full cache and events cache."""

from __future__ import annotations

import json

import altair as alt
import numpy as np
import pandas as pd
from altair.typing import ChartType

from capmodel.charts._look import (
    BAND,
    CLOSE,
    LABELS,
    LIMIT,
    MEASURED,
    MODEL,
    choice,
    inline,
    labels,
    number,
    reach,
    told,
)

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

    Examples
    --------
    >>> import itertools
    >>> modes, parts, many = ("crawl", "full_cache", "events_cache"), ("server", "datastore"), (100.0, 10_000.0)
    >>> frame = pd.DataFrame(itertools.product(modes, parts, many), columns=["sync_mode", "component", "x"])
    >>> frame = frame.assign(against="agents", datastore="postgresql", cores=frame["x"] / 5000, crossing=None)
    >>> frame = frame.assign(lower=0.8 * frame["cores"], upper=1.2 * frame["cores"])
    >>> chart = sync_modes(frame, "The cache costs least", {"agents": 5000.0})
    >>> print(chart.description.split("; ")[1])
    full cache: 2 server and 2 datastore cores
    """
    modes = [name for name in ("crawl", "full_cache", "events_cache") if name in set(frame["sync_mode"])]
    names = {name: LABELS[name] + (", with subtree cache or not" if name == "crawl" else "") for name in modes}
    lines = frame[frame["sync_mode"].notna()]
    ends = reach(lines[["cores"]])
    scale = alt.Scale(type="log", domain=ends, nice=False, clamp=True)
    ticks = [10.0**power for power in range(-4, 6) if ends[0] <= 10.0**power <= ends[1]]
    label = "format(datum.value, datum.value < 1 ? '~r' : '~s')"
    axis = alt.Axis(values=ticks, labelExpr=label)
    x = alt.X(
        "x:Q",
        title=None,
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(labelExpr=label, tickCount=5),
    )
    look = told("sync_mode:N", modes, columns=1, offset=CLOSE, labelExpr=f"{json.dumps(names)}[datum.value]")
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
        drawn = chosen.transform_filter("isValid(datum.sync_mode)").encode(x, color=look.color)
        crossing = chosen.transform_filter("isValid(datum.crossing)").encode(x)
        return alt.layer(
            here.mark_rule(**LIMIT).encode(x),
            drawn.mark_area(**BAND, clip=True).encode(alt.Y("lower:Q", scale=scale, axis=axis), alt.Y2("upper:Q")),
            drawn.mark_line(**MODEL).encode(y, look.dash, tooltip=tooltip),
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
        alt.hconcat(panel("server"), panel("datastore"), data=inline(frame, "sync_modes"))
        .add_params(
            choice("against", AGAINST, "agents", "against"),
            choice("store", stores, "postgresql", "datastore"),
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

    Examples
    --------
    >>> frame = pd.DataFrame({"gaps_per_s": [0.0, 1.0, 0.0, 1.0], "cores": [0.01, 0.4, 0.2, 0.2], "here": None})
    >>> frame["sync_mode"] = ["events_cache", "events_cache", "full_cache", "full_cache"]
    >>> chart = event_gaps(frame.assign(lower=0.8 * frame["cores"], upper=1.2 * frame["cores"]))
    >>> print(chart.description.split(". ")[1])
    0 a second: 0.01 cores, 1 a second: 0.4 cores
    """
    modes = ["events_cache", "full_cache"]
    x = alt.X(
        "gaps_per_s:Q",
        title="event numbers missing a second",
        scale=alt.Scale(type="symlog", constant=0.1, nice=False),
        axis=alt.Axis(values=[0, 0.1, 1, 10, 100], format="~r"),
    )
    scale = alt.Scale(type="log", domain=reach(frame[["lower", "upper"]]), nice=False)
    axis = alt.Axis(values=[0.1, 0.3, 1, 3, 10, 30], format="~g", title="datastore cores")
    look = told("sync_mode:N", modes, labelExpr=labels(modes))
    tooltip = [
        alt.Tooltip("gaps_per_s:Q", title="missing a second"),
        alt.Tooltip("sync_mode:N", title="sync mode"),
        alt.Tooltip("cores:Q", format=".2~g"),
    ]
    base = alt.Chart(inline(frame, "event_gaps")).encode(x, color=look.color)
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
        base.mark_line(**MODEL).encode(y, look.dash, tooltip=tooltip),
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
