"""What changes the answer."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import pandas as pd
from altair.typing import ChartType

from capmodel.charts._look import (
    BAND,
    BLUE,
    CLOSE,
    COLORS,
    GREEN,
    INTERVAL,
    LIMIT,
    MEASURED,
    MODEL,
    PERCENT_LABEL,
    PURPLE,
    SIGNED_PERCENT_LABEL,
    TIME_LABEL,
    VERMILION,
    choice,
    inline,
    number,
    percent,
    reach,
    told,
)

#: A duration with its unit, for an axis in seconds.
DURATION_LABEL = (
    "datum.value < 60 ? format(datum.value, '~r') + ' s' : "
    "datum.value < 3600 ? format(datum.value / 60, '~r') + ' min' : "
    "datum.value < 86400 ? format(datum.value / 3600, '~r') + ' h' : format(datum.value / 86400, '~r') + ' d'"
)


#: What a factor is drawn to change.
QUANTITIES = {"cores": "cores kept busy", "time": "time of a sync"}

#: A value of a factor's chart: cores as they are, a time with its unit.
_VALUE_LABEL = f"quantity == 'cores' ? format(datum.value, '~r') : ({TIME_LABEL})"


def factors(frame: pd.DataFrame, panels: dict[str, dict[str, Any]], title: str) -> ChartType:
    """Draw the cores that servers and datastore keep busy, and the time of a sync, against each of several factors.

    The script of the page replaces the rows when a reader has another fleet.

    Parameters
    ----------
    frame : DataFrame
        One row a point, quantity and component: ``factor``, ``x`` or, where the factor has no order, ``name``;
        ``quantity`` (a key of `QUANTITIES`), ``component`` (``"server"``, ``"datastore"`` or ``"sync"``), ``value``,
        ``lower``, ``upper`` and ``here``, true for the fleet's own value.
    panels : dict of str to dict
        For each factor ``title``; ``scale`` (``"log"``, ``"linear"``, ``"symlog"`` or ``"names"``); ``ticks``; and
        ``label``, an expression that writes a tick.
    title : str
        What the chart shows.

    Returns
    -------
    Chart
        A panel a factor; all vertical axes are the same, and logarithmic. Control ``quantity``; cores at first.

    Examples
    --------
    >>> rows = [("jwt_per_s", x, "cores", part, cores, 0.8 * cores, 1.2 * cores, x == 1.0)
    ...         for part in ("server", "datastore") for x, cores in ((1.0, 0.4), (1000.0, 1.5))]
    >>> names = ["factor", "x", "quantity", "component", "value", "lower", "upper", "here"]
    >>> panel = {"title": "JWT-SVIDs a second", "scale": "log", "ticks": [1, 1000], "label": "datum.label"}
    >>> chart = factors(pd.DataFrame(rows, columns=names), {"jwt_per_s": panel}, "JWT-SVIDs cost the servers")
    >>> print(chart.description.split(". ")[1])
    JWT-SVIDs a second: server 0.4 to 1.5, datastore 0.4 to 1.5.
    """
    parts = {"server": "all servers", "datastore": "datastore", "sync": "time of a sync"}
    axis = alt.Axis(values=[10.0**k for k in range(-6, 7)], labelExpr=_VALUE_LABEL, title=None, grid=True)
    scale = alt.Scale(type="log", nice=False)
    y = alt.Y("value:Q", scale=scale, axis=axis)
    colors = {"server": COLORS["server"], "datastore": COLORS["datastore"], "sync": GREEN}
    # The legend names what is drawn, and nothing else.
    shown = alt.expr("quantity == 'cores' ? ['server', 'datastore'] : ['sync']")
    look = told("component:N", colors, values=shown, labelExpr=f"{json.dumps(parts)}[datum.value]", offset=CLOSE)
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
        chosen = f"datum.factor == '{factor}' && datum.quantity == quantity"
        rows = alt.Chart().transform_filter(chosen).encode(x, color=look.color)
        tooltip = [
            alt.Tooltip("name:N" if names else "x:Q", title="at"),
            alt.Tooltip("component:N", title="of"),
            alt.Tooltip("value:Q", title="cores, or seconds", format=".2~r"),
            alt.Tooltip("lower:Q", title="from", format=".2~r"),
            alt.Tooltip("upper:Q", title="to", format=".2~r"),
        ]
        here = rows.transform_filter("datum.here")
        span = {"y": alt.Y("lower:Q", scale=scale, axis=axis), "y2": alt.Y2("upper:Q")}
        layers: list[ChartType] = []
        if names:
            layers.append(rows.mark_rule(**{**INTERVAL, "strokeWidth": 5}).encode(**span))
            layers.append(rows.mark_point(size=60, filled=True, opacity=1).encode(y, look.shape, tooltip=tooltip))
        else:
            layers.append(rows.mark_area(**BAND).encode(**span))
            layers.append(rows.mark_line(**MODEL).encode(y, look.dash, tooltip=tooltip))
        layers.append(here.mark_point(**{**MEASURED, "size": 80, "opacity": 1}).encode(y, look.shape, tooltip=tooltip))
        drawn.append(
            alt.layer(*layers).properties(
                width="container", height=120, title=alt.Title(panel["title"], fontSize=12, fontWeight="bold", offset=6)
            )
        )
    cores = frame[frame["quantity"] == "cores"]
    own_rows = cores[cores["here"]].drop_duplicates("component").set_index("component")["value"]
    said = "; ".join(
        f"{panels[str(factor)]['title']}: "
        + ", ".join(
            f"{name} {number(rows['value'].min())} to {number(rows['value'].max())}"
            for name, rows in part.groupby("component", sort=False)
        )
        for factor, part in cores.groupby("factor", sort=False)
    )
    # Said all at once: each method of a chart copies all its panels.
    return alt.concat(
        *drawn,
        columns=2,
        data=inline(frame, "factors"),
        resolve=alt.Resolve(scale=alt.ScaleResolveMap(x="independent", y="shared", color="shared")),
        params=[choice("quantity", QUANTITIES, "cores", "draw").param],
        title=alt.Title(
            title,
            subtitle="One factor at a time, with 90 % intervals; all vertical axes are alike and logarithmic. "
            "Large points: the fleet as it is.",
        ),
        description=(
            f"Cores against each factor, the others as in the fleet, which keeps {number(own_rows['server'])} "
            f"server and {number(own_rows['datastore'])} datastore cores busy. {said}."
        ),
    )


def tornado(frame: pd.DataFrame, title: str) -> ChartType:
    """Draw what a small change of each input does to servers and datastore.

    The script of the page replaces the rows when a reader has another fleet.

    Parameters
    ----------
    frame : DataFrame
        One row a bar, the largest effect first: ``input`` as readers call it, ``component`` (``"server"`` or
        ``"datastore"``), ``lower`` and ``higher``, the relative change of the utilization.
    title : str
        What the chart shows.

    Returns
    -------
    Chart
        A bar from the utilization at the input's lower value to that at its higher one, which has the point.

    Examples
    --------
    >>> rows = {"input": ["agents", "agents"], "component": ["server", "datastore"], "lower": [-0.1, -0.09]}
    >>> chart = tornado(pd.DataFrame(rows | {"higher": [0.1, 0.09]}), "Agents matter most")
    >>> print(chart.description.split(". ")[1])
    agents: server −10.0 % and +10.0 %, datastore −9.0 % and +9.0 %.
    """
    parts = ["server", "datastore"]
    scale = alt.Scale(zero=True, nice=True)
    axis = alt.Axis(labelExpr=SIGNED_PERCENT_LABEL, tickCount=5, grid=True)
    look = told("component:N", parts, points=True, title="utilization of the", offset=CLOSE)
    side = alt.Axis(labelLimit=150, domain=False, ticks=False)
    y = alt.Y("input:N", title=None, sort=None, axis=side)
    offset = alt.YOffset("component:N", sort=parts)
    tooltip = [
        alt.Tooltip("input:N"),
        alt.Tooltip("component:N", title="utilization of the"),
        alt.Tooltip("lower:Q", title="input lower", format="+.1%"),
        alt.Tooltip("higher:Q", title="input higher", format="+.1%"),
    ]
    base = alt.Chart().encode(y, offset)
    low = alt.X("lower:Q", title="change of the utilization", scale=scale, axis=axis)
    bars = base.mark_rule(**INTERVAL).encode(low, alt.X2("higher:Q"), look.color, tooltip=tooltip)
    ends = base.mark_point(**{**MEASURED, "size": 55}).encode(
        alt.X("higher:Q", scale=scale, axis=axis), look.color, look.shape, tooltip=tooltip
    )
    zero = alt.Chart(alt.Data(values=[{"lower": 0}], name="guide_zero")).mark_rule(opacity=0.6)
    said = "; ".join(
        f"{name}: "
        + ", ".join(
            f"{row['component']} {percent(row['lower'], 1, sign=True)} and {percent(row['higher'], 1, sign=True)}"
            for row in rows.to_dict("records")
        )
        for name, rows in frame.groupby("input", sort=False)
    )
    return alt.layer(bars, ends, zero.encode(low), data=inline(frame, "tornado")).properties(
        width="container",
        height=26 * frame["input"].nunique(),
        title=alt.Title(
            title,
            subtitle="Change of the utilization when one input is 10 % lower or higher (the point). Fitted costs: "
            "the ends of the model's own 90 % interval.",
        ),
        description=f"Change of utilization at the lower and at the higher value of each input. {said}.",
    )


def servers_lost(frame: pd.DataFrame, limit: float, title: str) -> ChartType:
    """Draw how full the servers are that are left when some are lost.

    The script of the page replaces the rows when a reader has another fleet.

    Parameters
    ----------
    frame : DataFrame
        One row a state: ``lost`` in words, ``utilization``, ``lower``, ``upper`` (1 where the rest is full), ``label``.
    limit : float
        Utilization that is not to be exceeded.
    title : str
        What the chart shows.

    Returns
    -------
    Chart
        A point with its interval a state, and the limit.

    Examples
    --------
    >>> rows = {"lost": ["none", "one"], "utilization": [0.25, 0.5], "lower": [0.2, 0.4], "upper": [0.3, 0.6]}
    >>> chart = servers_lost(pd.DataFrame(rows | {"label": ["25 %", "50 %"]}), 0.6, "One server may be lost")
    >>> print(chart.description)
    Share of the cores in use when servers are lost. none: 25 %; one: 50 %.
    """
    domain = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(labelExpr=PERCENT_LABEL, values=[0, 0.25, 0.5, 0.75, 1], grid=True)
    y = alt.Y("lost:N", title=None, sort=None, axis=alt.Axis(labelLimit=150, domain=False, ticks=False))
    base = alt.Chart().encode(y)
    low = alt.X("lower:Q", title="cores in use on the servers that are left", scale=domain, axis=axis)
    words = base.mark_text(align="left", baseline="bottom", dx=4, dy=-6, fontSize=11.5)
    at_limit = alt.Chart(alt.Data(values=[{"lower": limit}], name="guide_limit")).mark_rule(**LIMIT)
    said = "; ".join(f"{row.lost}: {row.label}" for row in frame.itertuples())
    return alt.layer(
        at_limit.encode(low),
        base.mark_rule(**INTERVAL, color=BLUE).encode(low, alt.X2("upper:Q")),
        base.mark_point(**{**MEASURED, "size": 70, "opacity": 1}, color=BLUE).encode(
            alt.X("utilization:Q", scale=domain, axis=axis)
        ),
        words.encode(x=alt.value(0), text="label:N"),
        data=inline(frame, "servers_lost"),
    ).properties(
        width="container",
        height=42 * len(frame),
        title=alt.Title(
            title,
            subtitle=f"With 90 % intervals. Dashed: the limit of {percent(limit)} that shapes are chosen by.",
        ),
        description=f"Share of the cores in use when servers are lost. {said}.",
    )


def _lasting(seconds: float) -> str:
    """Write a time of seconds or minutes."""
    return f"{number(seconds)} s" if seconds < 120 else f"{number(seconds / 60)} min"


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

    Examples
    --------
    >>> rows = {"addresses": [1, 5000], "limit": ["attestations an address"] * 2, "seconds": [1249.0, 0.1]}
    >>> rows |= {"lower": rows["seconds"], "upper": rows["seconds"], "binds": [True, True]}
    >>> chart = cold_start(pd.DataFrame(rows))
    >>> print(chart.description.split(". ")[1])
    1: 1,200 s, attestations an address; 5,000: 0.1 s, attestations an address.
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
    look = told("limit:N", colors, columns=1)
    tooltip = [
        alt.Tooltip("addresses:Q", format=","),
        alt.Tooltip("limit:N", title="by"),
        alt.Tooltip("seconds:Q", format=",.3~r"),
        alt.Tooltip("lower:Q", title="from", format=",.3~r"),
        alt.Tooltip("upper:Q", title="to", format=",.3~r"),
    ]
    base = alt.Chart(inline(shown, "cold_start")).encode(x, color=look.color)
    ends = frame[frame["binds"]].set_index("addresses").sort_index()
    most, least = ends.iloc[-1], ends.iloc[0]
    title = alt.Title(
        f"A cold start takes {_lasting(most['seconds'])} where each agent has its own address, "
        f"{_lasting(least['seconds'])} where all share {'one' if ends.index[0] == 1 else ends.index[0]}",
        subtitle="Lines: time by each limit alone, with its 90 % interval; the highest line binds. Both axes are "
        "logarithmic.",
    )
    said = "; ".join(f"{address:,}: {number(row['seconds'])} s, {row['limit']}" for address, row in ends.iterrows())
    return alt.layer(
        base.mark_area(**BAND).encode(alt.Y("lower:Q", scale=scale, axis=axis), alt.Y2("upper:Q")),
        base.mark_line(**MODEL).encode(alt.Y("seconds:Q", scale=scale, axis=axis), look.dash, tooltip=tooltip),
        base.mark_point(size=30, filled=True, opacity=1).encode(
            alt.Y("seconds:Q", scale=scale), look.shape, tooltip=tooltip
        ),
    ).properties(
        width="container",
        height=260,
        title=title,
        description=f"Time until every agent has its SVIDs by number of source addresses, and what binds. {said}.",
    )
