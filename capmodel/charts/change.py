"""What changes the answer."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
from altair.typing import ChartType

from capmodel.charts._look import (
    BAND,
    BLUE,
    GREEN,
    MEASURED,
    MODEL,
    PURPLE,
    VERMILION,
    color_scale,
    inline,
    number,
    reach,
)

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
    scale = alt.Scale(type="log", domain=reach(frame[["lower", "upper"]]), nice=False)
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
            "component:N", scale=color_scale(parts), legend=alt.Legend(title=None, symbolOpacity=1, symbolType="stroke")
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
        alt.concat(*drawn, columns=2, data=inline(frame, "factors"))
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
    color = alt.Color("component:N", title="utilization of the", scale=color_scale(list(parts)))
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
    return alt.layer(bars, ends, zero.encode(low), data=inline(rows, "tornado")).properties(
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
    scale = alt.Scale(type="log", domain=reach(shown[["seconds", "lower", "upper"]]), nice=False)
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
    base = alt.Chart(inline(shown, "cold_start")).encode(x, color=color)
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
