"""One trust domain, nested clusters and federated trust domains."""

from __future__ import annotations

import altair as alt
import pandas as pd
from altair.typing import ChartType

from capmodel.charts._look import (
    BAND,
    CLOSE,
    GREY,
    INTERVAL,
    LABELS,
    MEASURED,
    MODEL,
    PERCENT_LABEL,
    TIME_LABEL,
    VERMILION,
    choice,
    inline,
    labels,
    number,
    reach,
    told,
)

#: What a part of a topology is called, and how its marks look.
_TOPOLOGIES = ("single trust domain", "nested", "federated")

_PART_SIZE = 1080


def topologies(frame: pd.DataFrame, title: str, description: str, most: float) -> ChartType:
    """Draw three topologies, their servers and datastores coloured by utilization, and what their datastores do.

    Parameters
    ----------
    frame : DataFrame
        One row a kind of cluster: ``topology``, ``part`` (``"cluster"``, ``"root"`` or ``"trust domain"``),
        ``federates`` (``"all"`` or ``"none"``, federated only), ``clusters`` of the topology, ``count`` of such
        clusters, ``start`` and ``drawn`` (place of the first in the drawing, and how many are drawn), ``agents_each``;
        ``server`` and ``datastore`` (utilization, 0 to 1; no ``datastore`` where there is none) and
        ``datastore_cores`` (work of one), each with ``_lower`` and ``_upper``; ``response_ms``.
    title, description : str
        Words of the state that is drawn first.
    most : float
        Clusters that are drawn at most, among which the rows' places are shared out.

    Returns
    -------
    Chart
        A control ``federates``. A page gives it other rows for another fleet or number of clusters.

    Examples
    --------
    >>> row = {"topology": "single trust domain", "part": "cluster", "federates": "all", "clusters": 1, "count": 1}
    >>> row |= {"start": 0, "drawn": 1, "agents_each": 5000, "response_ms": 3.5}
    >>> for name, value in {"server": 0.4, "datastore": 0.3, "datastore_cores": 0.3}.items():
    ...     row |= {name: value, f"{name}_lower": 0.8 * value, f"{name}_upper": 1.2 * value}
    >>> chart = topologies(pd.DataFrame([row]), "One datastore serves all", "5000 agents on one datastore", 5)
    >>> chart.description, len(chart.vconcat)
    ('5000 agents on one datastore', 4)
    """
    each = "(datum.count < datum.clusters ? 'up to ' : '') + format(datum.agents_each, ',') + "
    each += "(datum.agents_each == 1 ? ' agent' : ' agents')"
    heads = {
        "single trust domain": f"'One trust domain: ' + {each}",
        "nested": f"'Nested: ' + format(datum.clusters, ',') + ' clusters of ' + {each}",
        "federated": f"'Federated: ' + format(datum.clusters, ',') + ' domains of ' + {each}",
    }
    state = "datum.topology != 'federated' || datum.federates == federates"
    data = inline(frame, "topologies")
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, 1]), axis=None)
    legend = alt.Legend(
        title="share of the cores in use", labelExpr=PERCENT_LABEL, gradientLength=160, values=[0, 0.5, 1], offset=8
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
            .transform_filter("datum.drawn > 0")
            .transform_calculate(place="sequence(datum.start, datum.start + datum.drawn)")
            .transform_flatten(["place"])
            .transform_calculate(
                x=f"datum.part == 'root' ? 0.5 : (datum.place + 0.5) / min(datum.clusters, {most:.0f})"
            )
        )
        clusters = parts.transform_filter("datum.part != 'root'")
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
            marks = parts.transform_filter(f"isValid(datum.{name})").transform_calculate(
                used=f"datum.{name}",
                y=f"(datum.part == 'root' ? 4 : 2) - {step}",
                label=f"format(100 * datum.{name}, '.0f') + '\u00a0%'",
            )
            layers.append(
                marks.mark_point(
                    shape=shape, size=_PART_SIZE, filled=True, stroke="currentColor", strokeWidth=1, opacity=1
                ).encode(x, y, color, tooltip=tooltip)
            )
            layers.append(
                marks.mark_text(fontSize=10.5, fontWeight="bold", tooltip=None).encode(x, y, text="label:N", color=ink)
            )
        head = (
            alt.Chart()
            .transform_filter(f"datum.topology == '{topology}' && datum.part != 'root' && datum.start == 0")
            .transform_filter(state)
            .transform_calculate(head=heads[topology])
            .mark_text(align="left", baseline="top", fontWeight="bold")
            .encode(x=alt.value(0), y=alt.value(0), text="head:N")
        )
        return alt.layer(*layers, head).properties(width="container", height=44 * levels + 34)

    kinds = ["fullest datastore", "all datastores together"]
    scale = alt.Scale(type="log", nice=False, padding=16)
    axis = alt.Axis(values=[base * 10**power for power in range(-6, 5) for base in (1, 3)], format="~g", grid=True)
    work = alt.Chart().transform_filter(state).transform_filter("datum.datastore_cores > 0")
    totals = work.transform_aggregate(
        all_cores="sum(all_cores)",
        all_lower="sum(all_lower)",
        all_upper="sum(all_upper)",
        one_cores="max(datastore_cores)",
        one_lower="max(datastore_cores_lower)",
        one_upper="max(datastore_cores_upper)",
        groupby=["topology"],
    )
    look = told("kind:N", dict(zip(kinds, [VERMILION, GREY], strict=True)), points=True, offset=8, direction="vertical")
    loads = []
    for kind, prefix, dy in ((kinds[0], "one", 2), (kinds[1], "all", 14)):
        rows = totals.transform_calculate(kind=f"'{kind}'")
        y = alt.Y("topology:N", sort=list(_TOPOLOGIES), axis=None)
        shown = [
            alt.Tooltip("topology:N"),
            alt.Tooltip(f"{prefix}_cores:Q", title="cores of work", format=".2~g"),
            alt.Tooltip(f"{prefix}_lower:Q", title="from", format=".2~g"),
            alt.Tooltip(f"{prefix}_upper:Q", title="to", format=".2~g"),
        ]
        loads.append(
            rows.mark_rule(**{**INTERVAL, "strokeWidth": 5}, yOffset=dy, y2Offset=dy).encode(
                alt.X(f"{prefix}_lower:Q", scale=scale, axis=axis), alt.X2(f"{prefix}_upper:Q"), y, look.color
            )
        )
        loads.append(
            rows.mark_point(**{**MEASURED, "size": 70}, yOffset=dy).encode(
                alt.X(f"{prefix}_cores:Q", scale=scale, axis=axis, title="cores of datastore work"),
                y,
                look.color,
                look.shape,
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
    headline = alt.Title(
        title,
        subtitle="Squares: servers, circles: datastores, with the share of their cores in use. Every cluster has the "
        "same shape. Below: datastore work on busy hosts with its interval, on a logarithmic axis.",
    )
    # Stacked panels share nothing: each has its own scale of colours.
    apart = alt.ScaleResolveMap(color="independent", shape="independent", x="independent", y="independent")
    federates = choice(
        "federates", {"all": "with all others", "none": "with none"}, "all", "entries of federated domains federate"
    )
    # Said all at once: each method of a chart copies all its panels.
    return alt.vconcat(
        *(panel(name) for name in _TOPOLOGIES),
        load_panel,
        data=data,
        spacing=8,
        resolve=alt.Resolve(scale=apart),
        params=[federates.param],
        title=headline,
        description=description,
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

    Examples
    --------
    >>> rows = [("model", 1, 0.1, 0.08, 0.12, None), ("model", 3, 0.3, 0.24, 0.36, None)]
    >>> rows += [("measured", 1, 0.11, None, None, "a1"), ("measured", 3, 0.32, None, None, "a2")]
    >>> frame = pd.DataFrame(rows, columns=["kind", "servers", "cores", "lower", "upper", "run_id"])
    >>> chart = shared_datastore(frame.assign(datastore="postgresql", load="reloads alone"))
    >>> print(chart.description.split(". ")[1])
    PostgreSQL: 0.11 cores with 1 server, 0.32 with 3.
    """
    stores = [name for name in ("postgresql", "mariadb") if name in set(frame["datastore"])]
    measured = frame[frame["kind"] == "measured"]
    alone = measured[measured["load"] == "reloads alone"].set_index(["datastore", "servers"])["cores"]
    low, high = int(measured["servers"].min()), int(measured["servers"].max())
    times = {name: alone[name, high] / alone[name, low] for name in stores}
    look = told("datastore:N", stores, labelExpr=labels(stores), offset=CLOSE)
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
            model.mark_area(**BAND).encode(x, alt.Y("lower:Q", title="", scale=scale), alt.Y2("upper:Q"), look.color),
            model.mark_line(**MODEL).encode(x, y, look.color, look.dash),
            part.transform_filter("datum.kind == 'measured'")
            .mark_point(**MEASURED)
            .encode(x, y, look.color, look.shape, tooltip=tooltip),
        ).properties(width="container", height=220)

    said = "; ".join(
        f"{LABELS[name]}: {number(alone[name, low])} cores with {low} server, {number(alone[name, high])} with {high}"
        for name in stores
    )
    title = alt.Title(
        f"{high} servers reload {' or '.join(f'{times[name]:.1f} ({LABELS[name]})' for name in stores)} times as much "
        f"from their datastore as {low}",
        subtitle="Points: measured, no fit saw them. Lines: model with its 90 % interval.",
    )
    return alt.hconcat(panel("reloads alone"), panel("with agents"), data=inline(frame, "shared_datastore")).properties(
        title=title, description=f"Cores of a datastore that several servers reload from. {said}."
    )


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

    Examples
    --------
    >>> rows = [("model", 0.0, 0.003), ("model", 50.0, 0.2), ("measured", 50.0, 0.21)]
    >>> frame = pd.DataFrame(rows, columns=["kind", "round_trip_ms", "response_s"])
    >>> frame = frame.assign(lower_s=0.8 * frame["response_s"], upper_s=1.2 * frame["response_s"], run_id="a1")
    >>> chart = datastore_distance(frame.assign(datastore="postgresql", sync_mode="full_cache", population=100))
    >>> print(chart.description)
    Mean time of a sync with 50 ms to the datastore and back. PostgreSQL, full cache: 0.21 s.
    """
    modes = [name for name in ("full_cache", "crawl") if name in set(frame["sync_mode"])]
    measured = frame[frame["kind"] == "measured"]
    far = measured["round_trip_ms"].max()
    x = alt.X("round_trip_ms:Q", title="round trip to the datastore, ms", scale=alt.Scale(nice=False, zero=True))
    ends = reach(frame[["response_s", "lower_s", "upper_s"]])
    scale = alt.Scale(type="log", domain=ends, nice=False)
    axis = alt.Axis(values=[0.001, 0.01, 0.1, 1], labelExpr=TIME_LABEL)
    look = told("sync_mode:N", modes, labelExpr=labels(modes), offset=CLOSE)
    callers = sorted(int(value) for value in measured["population"].unique())
    shape = alt.Shape(
        "callers:N",
        title=None,
        scale=alt.Scale(domain=[_agents(value) for value in callers], range=["circle", "square"][: len(callers)]),
        legend=alt.Legend(orient="bottom", offset=CLOSE),
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
                x, alt.Y("lower_s:Q", scale=scale, axis=axis), alt.Y2("upper_s:Q"), look.color
            ),
            model.mark_line(**MODEL, interpolate="monotone").encode(x, y, look.color, look.dash),
            points.encode(x, y, look.color, shape, tooltip=tooltip),
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
    return alt.hconcat(panel("postgresql"), panel("mariadb"), data=inline(frame, "datastore_distance")).properties(
        title=title, description=f"Mean time of a sync with {far:.0f} ms to the datastore and back. {said}."
    )


def _agents(value: float) -> str:
    return "1 agent" if value == 1 else f"{value:,.0f} agents"
