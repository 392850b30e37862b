"""How far a shape carries a growing fleet."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
from altair.typing import ChartType

from capmodel.charts._look import BAND, CLOSE, COLORS, LIMIT, MODEL, PERCENT_LABEL, inline, steps, told


def size_curve(frame: pd.DataFrame, title: str, description: str) -> ChartType:
    """Draw what a shape uses and how long it takes to answer, against the number of agents.

    The script of the first page replaces the data when a reader changes the fleet.

    Parameters
    ----------
    frame : DataFrame
        One row a fleet: ``agents``, ``server``, ``datastore`` (shares of the cores in use, empty for SQLite) and
        ``response_s``, each with ``_lower`` and ``_upper``, empty where there is no bound; the limits
        ``max_utilization`` and ``max_response_s``; ``here`` is true for the reader's own fleet.
    title, description : str
        What the chart shows, in a line and for those who do not see it.

    Returns
    -------
    Chart
        Utilization above response time; both horizontal axes are logarithmic.

    Examples
    --------
    >>> agents = [2500.0, 5000.0, 10_000.0]
    >>> frame = pd.DataFrame({"agents": agents, "here": [False, True, False]})
    >>> frame = frame.assign(max_utilization=0.6, max_response_s=1.0)
    >>> for name, value in {"server": 1e-4, "datastore": 5e-5, "response_s": 1e-6}.items():
    ...     frame[name], frame[f"{name}_lower"], frame[f"{name}_upper"] = (
    ...         factor * value * frame["agents"] for factor in (1.0, 0.8, 1.2))
    >>> chart = size_curve(frame, "Room for 6000 agents", "Beyond 6000 agents the servers are full")
    >>> chart.description, len(chart.vconcat)
    ('Beyond 6000 agents the servers are full', 2)
    """
    parts = ["server", "datastore"]
    x = alt.X(
        "agents:Q",
        title="agents",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(format="~s", values=steps([1, 1e9]), labelOverlap="greedy"),
    )
    look = told("part:N", parts, offset=CLOSE)
    base = alt.Chart()
    here = base.transform_filter("datum.here")
    share = alt.Scale(domain=[0, 1], clamp=True)
    seconds = alt.Scale(type="log", nice=False)

    def used(part: str) -> list[ChartType]:
        axis = alt.Axis(labelExpr=PERCENT_LABEL, title="share of the cores in use")
        tooltip = [
            alt.Tooltip("agents:Q", format=",.0f"),
            alt.Tooltip(f"{part}:Q", title=f"{part} in use", format=".0%"),
            alt.Tooltip(f"{part}_upper:Q", title="up to", format=".0%"),
        ]
        lines = (
            base.transform_filter(f"isValid(datum.{part})").transform_calculate(part=f"'{part}'").encode(x, look.color)
        )
        return [
            lines.mark_area(**BAND).encode(alt.Y(f"{part}_lower:Q", scale=share, axis=axis), alt.Y2(f"{part}_upper:Q")),
            lines.mark_line(**MODEL).encode(alt.Y(f"{part}:Q", scale=share, axis=axis), look.dash, tooltip=tooltip),
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
    subtitle = "Lines: model with its 90 % interval. Dashed: the limits. Horizontal axes are logarithmic."
    return alt.vconcat(
        *(panel.properties(width="container", height=210) for panel in panels), data=inline(frame, "size_curve")
    ).properties(title=alt.Title(title, subtitle=subtitle), description=description)
