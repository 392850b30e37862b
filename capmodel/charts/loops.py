"""When agents wait: closed loops, measured loops and the wave after a common start."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from altair.typing import ChartType

from capmodel.charts._look import (
    BAND,
    BLUE,
    GREEN,
    GREY,
    LABELS,
    LIMIT,
    MEASURED,
    MODEL,
    PERCENT_LABEL,
    TIME_LABEL,
    VERMILION,
    choice,
    inline,
    number,
    percent,
    told,
)

#: One colour for one curve of the closed loop; the bounds are dashed as limits are.
_LOOP_SERIES = {"closed loop": BLUE, "whole model": GREEN, "open queue": VERMILION, "bounds": GREY}

_LOOP_DASHES = {"closed loop": [1, 0], "whole model": [1, 0], "open queue": [1, 0], "bounds": [5, 4]}


def closed_loop(frame: pd.DataFrame, title: str) -> ChartType:
    """Draw response time and utilization of agents in a closed loop against their number.

    The script of the page replaces the curves when a reader changes the setting.

    Parameters
    ----------
    frame : DataFrame
        One row a point, with its ``kind``, ``agents``, ``response_s`` and ``utilization``. ``"curve"`` has ``series``
        as :class:`capmodel.loop.Point`; ``"mark"`` has ``name`` and ``label`` as :class:`capmodel.loop.Mark`;
        ``"whole"`` is the whole model, with ``lower_s`` and ``upper_s``; ``"simulated"`` has the same bounds.
    title : str
        What the chart shows.

    Returns
    -------
    Chart
        Response time above utilization; the axis of the agents is logarithmic.

    Examples
    --------
    >>> from capmodel import loop
    >>> rows = [{"kind": "curve", **point._asdict()} for point in loop.curve(5.0, 0.001, 2)]
    >>> rows += [{"kind": "mark", **mark._asdict()} for mark in loop.marks(5000, 5.0, 0.001, 2)]
    >>> whole = {"kind": "whole", "agents": 5000, "utilization": 0.5, "response_s": 0.003, "lower_s": 0.001}
    >>> chart = closed_loop(pd.DataFrame([*rows, whole | {"upper_s": 0.01}]), loop.headline(5000, 5.0, 0.001, 2))
    >>> print(chart.description.split(". ")[-1])
    The asymptotes cross at 10,000 agents.
    """
    # On a slow machine the upper end of a response time may have no bound; the band ends there.
    bounded = frame["upper_s"].replace(np.inf, np.nan)
    frame = frame.assign(series=frame["series"].mask(frame["kind"] == "whole", "whole model"), upper_s=bounded)
    marks = frame[(frame["kind"] == "mark") & (frame["name"] != "knee")]
    knees = frame[frame["name"] == "knee"]
    x = alt.X(
        "agents:Q",
        title="agents",
        scale=alt.Scale(type="log", domain=[100, 1_000_000], nice=False),
        axis=alt.Axis(values=[100, 1000, 10_000, 100_000, 1_000_000], format="~s"),
    )
    timed: dict[str, Any] = {
        "title": "until a sync is answered, mean",
        "scale": alt.Scale(type="log", domain=[1e-4, 100], nice=False),
        "axis": alt.Axis(values=[10.0**power for power in range(-4, 3)], labelExpr=TIME_LABEL),
    }
    seconds = alt.Y("response_s:Q", **timed)
    share = alt.Y(
        "utilization:Q",
        title="share of the cores in use",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(labelExpr=PERCENT_LABEL, values=[0, 0.5, 1]),
    )
    names = list(_LOOP_SERIES)
    color = alt.Color("series:N", legend=None, scale=alt.Scale(domain=names, range=list(_LOOP_SERIES.values())))
    dash = alt.StrokeDash("series:N", legend=None, scale=alt.Scale(domain=names, range=list(_LOOP_DASHES.values())))
    base = alt.Chart()
    lines = base.transform_filter("datum.kind == 'curve' || datum.kind == 'whole'")
    whole = base.transform_filter("datum.kind == 'whole'")
    simulated = base.transform_filter("datum.kind == 'simulated'")
    knee = base.transform_filter("datum.name == 'knee'")
    fleets = base.transform_filter("datum.kind == 'mark' && datum.name != 'knee'")
    tooltip = [
        alt.Tooltip("agents:Q", format=",.0f"),
        alt.Tooltip("label:N", title="a sync takes"),
        alt.Tooltip("utilization:Q", title="cores in use", format=".1%"),
    ]
    found = [
        alt.Tooltip("agents:Q", format=",.0f"),
        alt.Tooltip("response_s:Q", title="simulated, s", format=".3~r"),
        alt.Tooltip("lower_s:Q", title="from", format=".3~r"),
        alt.Tooltip("upper_s:Q", title="to", format=".3~r"),
    ]
    hollow: dict[str, Any] = {"size": 130, "filled": False, "stroke": "currentColor", "strokeWidth": 1.5, "opacity": 1}
    dot: dict[str, Any] = {"size": 55, "color": BLUE, "opacity": 1, "stroke": "currentColor", "strokeWidth": 1}
    rule = knee.mark_rule(**LIMIT, clip=True).encode(x)

    # Each curve is named at its first or last point inside the axes, each fleet at its dot.
    ended = lines.transform_filter("datum.agents >= 100 && datum.agents <= 1000000 && datum.response_s <= 100")
    ended = ended.transform_aggregate(first="argmin(agents)", last="argmax(agents)", groupby=["series"])
    ended = ended.transform_calculate(
        end="indexof(['closed loop', 'open queue'], datum.series) < 0 ? datum.first : datum.last",
        agents="datum.end.agents",
        response_s="datum.end.response_s",
    )
    names_of_lines = ended.mark_text(
        fontWeight="bold",
        fontSize=11.5,
        align=alt.expr("datum.series == 'open queue' ? 'right' : 'left'"),
        dx=alt.expr("datum.series == 'open queue' ? -8 : 5"),
        dy=alt.expr("{'closed loop': 17, 'open queue': 0, 'whole model': -12, bounds: 26}[datum.series]"),
    ).encode(x, seconds, color, text="series:N")
    names_of_fleets = (
        fleets.transform_filter("datum.agents <= 1000000")
        .mark_text(
            baseline="top",
            fontWeight="bold",
            align=alt.expr("datum.name == 'one' ? 'right' : 'left'"),
            dx=alt.expr("{one: -4, two: 4, four: 8}[datum.name]"),
            dy=alt.expr("datum.name == 'two' ? 14 : 6"),
        )
        .encode(x, seconds, text="label:N")
    )

    def line(series: str, **style: Any) -> alt.Chart:
        one = lines.transform_filter(f"datum.series == '{series}'")
        return one.mark_line(**{**MODEL, **style}, clip=True).encode(x, color=color, strokeDash=dash)

    # The exact curve lies on top, the open queue shows on both sides of it as long as they agree.
    order = [
        line("bounds"),
        line("open queue", strokeWidth=5, opacity=0.75),
        line("whole model"),
        line("closed loop"),
    ]
    top = alt.layer(
        whole.mark_area(**BAND, color=GREEN, clip=True).encode(x, alt.Y("lower_s:Q", **timed), alt.Y2("upper_s:Q")),
        rule,
        *(part.encode(seconds) for part in order),
        knee.transform_filter("datum.agents >= 100 && datum.agents <= 1000000")
        .mark_text(align="right", dx=-5, baseline="top")
        .encode(x, y=alt.value(2), text="label:N"),
        fleets.mark_point(**dot, clip=True).encode(x, seconds, tooltip=tooltip),
        simulated.mark_rule(strokeWidth=1.5, clip=True).encode(x, alt.Y("lower_s:Q", **timed), alt.Y2("upper_s:Q")),
        simulated.mark_point(**hollow, clip=True).encode(x, seconds, tooltip=found),
        names_of_lines,
        names_of_fleets,
    )
    bottom = alt.layer(
        rule,
        *(part.encode(share) for part in (order[0], *order[2:])),
        fleets.transform_filter("datum.agents <= 1000000").mark_point(**dot).encode(x, share, tooltip=tooltip),
        simulated.mark_point(**hollow).encode(x, share),
    )
    data = inline(frame.drop(columns="kind").assign(kind=frame["kind"]), "closed_loop", 3)
    said = ", ".join(
        f"{row.agents:,.0f} agents {row.label} at {percent(row.utilization)} of the cores" for row in marks.itertuples()
    )
    return alt.vconcat(
        top.properties(width="container", height=300),
        bottom.properties(width="container", height=90),
        data=data,
    ).properties(
        title=alt.Title(
            title,
            subtitle="Dots: the fleet, twice and four times as many. Circles: simulation, with 99 % intervals. "
            "Times and agents are on logarithmic axes.",
        ),
        description=(
            "Mean time until a sync is answered, and share of the cores in use, against the number of agents in a "
            f"closed loop: {said}. The asymptotes cross at {number(knees['agents'].iloc[0], 3)} agents."
        ),
    )


def saturation(frame: pd.DataFrame) -> ChartType:
    """Draw measured throughput and response time of closed loops beside their predictions.

    Parameters
    ----------
    frame : DataFrame
        One row a point: ``measured_loop`` (mode and datastore, as ``"full_cache postgresql"``), ``kind`` (``"model"``,
        ``"queue"`` or ``"measured"``), ``population``, ``throughput_per_s``, ``response_s``; of the model both also
        with ``_lower`` and ``_upper``; of a measurement ``run_id`` and the model's ``throughput_predicted`` and
        ``response_predicted``.

    Returns
    -------
    Chart
        Control ``measured_loop``; the full cache on PostgreSQL at first.

    Examples
    --------
    >>> frame = pd.DataFrame({"kind": ["model", "model", "queue", "measured"], "population": [100, 400, 400, 400]})
    >>> frame = frame.assign(throughput_per_s=[90.0, 210.0, 200.0, 205.0], response_s=[0.05, 0.9, 1.0, 0.95])
    >>> for name in ("throughput_per_s", "response_s"):
    ...     frame[f"{name}_lower"], frame[f"{name}_upper"] = 0.9 * frame[name], 1.1 * frame[name]
    >>> frame = frame.assign(throughput_predicted=210.0, response_predicted=0.9, run_id="a1")
    >>> chart = saturation(frame.assign(measured_loop="full_cache postgresql"))
    >>> print(chart.description.split(". ")[1])
    full cache, PostgreSQL: 400 agents got 205 syncs a second in 950 ms each, predicted 210 and 900 ms.
    """
    runs = frame[frame["kind"] == "measured"]
    errors = {
        name: (runs[f"{name}_predicted"] / runs[column] - 1.0).abs().median()
        for name, column in (("throughput", "throughput_per_s"), ("response", "response_s"))
    }
    axis = alt.Axis(tickCount=4, format=",.0f")
    x = alt.X("population:Q", title="agents, each pausing 1 s", scale=alt.Scale(zero=True, nice=False), axis=axis)
    rate = {"scale": alt.Scale(zero=True), "axis": alt.Axis(tickCount=5), "title": "syncs a second"}
    scale = alt.Scale(type="log", domain=[0.5 * runs["response_s"].min(), 10], nice=False, clamp=True)
    ticks = [0.001, 0.01, 0.1, 1, 10]
    seconds = {
        "scale": scale,
        "axis": alt.Axis(values=ticks, labelExpr=TIME_LABEL),
        "title": "until a sync is answered, mean",
    }
    chosen = alt.Chart().transform_filter("datum.measured_loop == measured_loop")
    model = chosen.transform_filter("datum.kind == 'model'")
    queue = chosen.transform_filter("datum.kind == 'queue'")
    measured = chosen.transform_filter("datum.kind == 'measured'")

    def panel(column: str, name: str, how: dict[str, Any]) -> ChartType:
        y = alt.Y(f"{column}:Q", **how)
        tooltip = [
            alt.Tooltip("population:Q", title="agents"),
            alt.Tooltip(f"{column}:Q", title="measured", format=".3~r"),
            alt.Tooltip(f"{name}_predicted:Q", title="predicted", format=".3~r"),
            alt.Tooltip("run_id:N", title="run"),
        ]
        return alt.layer(
            model.mark_area(**BAND, color=BLUE, clip=True).encode(
                x, alt.Y(f"{column}_lower:Q", **how), alt.Y2(f"{column}_upper:Q")
            ),
            queue.mark_line(strokeWidth=1.5, strokeDash=[5, 4], color=GREY).encode(x, y),
            model.mark_line(**MODEL, color=BLUE).encode(x, y),
            measured.mark_point(**MEASURED, color=VERMILION).encode(x, y, tooltip=tooltip),
        ).properties(width="container", height=270)

    options = {}
    for name in ("full_cache postgresql", "full_cache sqlite", "crawl postgresql", "crawl sqlite"):
        mode, store = name.split()
        options[name] = f"{LABELS[mode]}, {LABELS[store]}"
    said = "; ".join(
        f"{options[name]}: {row['population']:,.0f} agents got {number(row['throughput_per_s'], 3)} syncs a second in "
        f"{number(1e3 * row['response_s'])} ms each, predicted {number(row['throughput_predicted'], 3)} and "
        f"{number(1e3 * row['response_predicted'])} ms"
        for name in options
        for row in runs[runs["measured_loop"] == name].nlargest(1, "population").to_dict("records")
    )
    title = alt.Title(
        f"Predicted from costs alone, the median error is {percent(errors['throughput'])} of the throughput and "
        f"{percent(errors['response'])} of the response time",
        subtitle="Points: measured runs. Line: model with its 90 % interval. Dashed: queueing alone, with each run's "
        "own measured CPU a sync.",
    )
    panels = [panel("throughput_per_s", "throughput", rate), panel("response_s", "response", seconds)]
    return (
        alt.hconcat(*panels, data=inline(frame, "saturation", 3))
        .add_params(choice("measured_loop", options, "full_cache postgresql", "runs"))
        .properties(title=title, description=f"Closed loops measured and predicted at the largest population. {said}.")
    )


def restart(frame: pd.DataFrame) -> ChartType:
    """Draw how the wave of a common start dissolves.

    Parameters
    ----------
    frame : DataFrame
        One row a window of a simulated run: ``agents``, ``time_s`` (its middle, since the start), ``response_s``;
        ``kind`` is ``"wave"``, or ``"level"`` for the stationary mean that it falls to, at the ends of the run.

    Returns
    -------
    Chart
        A line a fleet; the axis of the response times is logarithmic.

    Examples
    --------
    >>> rows = {"kind": ["wave", "wave", "level", "level"], "time_s": [2.5, 97.5, 0.0, 100.0]}
    >>> chart = restart(pd.DataFrame(rows | {"agents": 5000, "response_s": [1.0, 0.01, 0.002, 0.002]}))
    >>> print(chart.description.split(": ")[1])
    5,000 agents start at 1 s and fall to 2 ms, with more than twice that until 98 s.
    """
    fleets = sorted(int(agents) for agents in frame["agents"].unique())
    named = {agents: f"{agents:,} agents" for agents in fleets}
    x = alt.X("time_s:Q", title="seconds since all agents asked at once", scale=alt.Scale(nice=False, zero=True))
    ends = [0.7 * frame["response_s"].min(), 1.5 * frame["response_s"].max()]
    y = alt.Y(
        "response_s:Q",
        title="until a sync is answered, mean of 5 s",
        scale=alt.Scale(type="log", domain=ends, nice=False),
        axis=alt.Axis(values=[10.0**power for power in range(-4, 3)], labelExpr=TIME_LABEL),
    )
    look = told("fleet:N", dict(zip(named.values(), [BLUE, VERMILION, GREEN], strict=False)), columns=2)
    base = alt.Chart(inline(frame.assign(fleet=frame["agents"].map(named)), "restart", 3))
    wave = base.transform_filter("datum.kind == 'wave'")
    level = base.transform_filter("datum.kind == 'level'")
    tooltip = [
        alt.Tooltip("time_s:Q", title="seconds"),
        alt.Tooltip("response_s:Q", title="mean, s", format=".3~r"),
        alt.Tooltip("fleet:N"),
    ]
    waves = frame[frame["kind"] == "wave"]
    levels = frame[frame["kind"] == "level"].groupby("agents")["response_s"].first()
    after = {
        agents: waves[(waves["agents"] == agents) & (waves["response_s"] > 2.0 * levels[agents])]["time_s"].max()
        for agents in fleets
    }
    said = "; ".join(
        f"{named[agents]} start at {number(waves[waves['agents'] == agents]['response_s'].iloc[0])} s and fall to "
        f"{number(1e3 * levels[agents])} ms, with more than twice that until {after[agents]:.0f} s"
        for agents in fleets
    )
    return alt.layer(
        level.mark_line(**LIMIT).encode(x, y, detail="fleet:N"),
        wave.mark_line(**MODEL).encode(x, y, look.color, look.dash),
        wave.mark_point(size=25, filled=True, opacity=1).encode(x, y, look.color, look.shape, tooltip=tooltip),
    ).properties(
        width="container",
        height=260,
        title=alt.Title(
            "After a common start, syncs take more than twice their usual time for "
            + ", ".join(f"{after[agents]:.0f} s ({named[agents]})" for agents in fleets),
            subtitle="Simulated: one server of 2 cores, pauses of 5 s give or take 10 %. Dashed: the stationary mean.",
        ),
        description=f"Mean time until a sync is answered after all agents ask at once: {said}.",
    )


def started_together(frame: pd.DataFrame) -> ChartType:
    """Draw how much longer syncs took than queueing alone says, for agents mixed and started together.

    Parameters
    ----------
    frame : DataFrame
        One row a run: ``kind`` (``"mixed, measured"``, ``"together, measured"`` or ``"together, simulated"``),
        ``utilization`` and ``queue_s`` by queueing alone, ``response_s``, and the run's ``run_id``, ``sync_mode``,
        ``datastore`` and ``population``.

    Returns
    -------
    Chart
        A point a run; the vertical axis is logarithmic.

    Examples
    --------
    >>> kinds = ["mixed, measured", "together, measured", "together, simulated"]
    >>> frame = pd.DataFrame({"kind": kinds, "utilization": 0.9, "queue_s": 0.01, "response_s": [0.012, 0.1, 0.09]})
    >>> frame = frame.assign(run_id=["a1", "a2", "a2"], population=100)
    >>> chart = started_together(frame.assign(sync_mode="full_cache", datastore="postgresql"))
    >>> print(chart.description.split("its median is ")[1])
    1.2 for 1 runs mixed, measured, 10.0 for 1 runs together, measured, 9.0 for 1 runs together, simulated.
    """
    names = ["mixed, measured", "together, measured", "together, simulated"]
    frame = frame.assign(ratio=frame["response_s"] / frame["queue_s"])
    between = frame[frame["utilization"].between(0.75, 0.999)].groupby("kind")["ratio"]
    typical, count = between.median(), between.size()
    x = alt.X(
        "utilization:Q",
        title="share of the cores in use, by queueing alone",
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(labelExpr=PERCENT_LABEL, values=[0, 0.25, 0.5, 0.75, 1]),
    )
    ends = [0.8 * frame["ratio"].min(), 1.25 * frame["ratio"].max()]
    y = alt.Y(
        "ratio:Q",
        title="response time over that of queueing alone",
        scale=alt.Scale(type="log", domain=ends, nice=False),
        axis=alt.Axis(values=[0.5, 1, 2, 5, 10, 20, 50, 100], format="~r"),
    )
    tooltip = [
        alt.Tooltip("sync_mode:N", title="sync mode"),
        alt.Tooltip("datastore:N"),
        alt.Tooltip("population:Q", title="agents"),
        alt.Tooltip("response_s:Q", title="response time, s", format=".3~r"),
        alt.Tooltip("queue_s:Q", title="by queueing alone, s", format=".3~r"),
        alt.Tooltip("run_id:N", title="run"),
    ]
    look = told("kind:N", dict(zip(names, [BLUE, VERMILION, GREY], strict=True)), points=True, columns=2)
    base = alt.Chart(inline(frame.drop(columns="ratio"), "started_together", 3)).transform_calculate(
        ratio="datum.response_s / datum.queue_s"
    )
    equal = alt.Chart(alt.Data(values=[{"ratio": 1}], name="guide_equal")).mark_rule(**LIMIT).encode(y)
    simulated = base.transform_filter(f"datum.kind == '{names[2]}'").mark_point(size=40, opacity=0.85)
    measured = base.transform_filter(f"datum.kind != '{names[2]}'").mark_point(**MEASURED)
    return alt.layer(
        equal, *(part.encode(x, y, look.color, look.shape, tooltip=tooltip) for part in (simulated, measured))
    ).properties(
        width="container",
        height=260,
        title=alt.Title(
            f"On nearly full cores, agents that started together waited {typical[names[1]]:.1f} times as long as "
            f"queueing says, mixed ones {typical[names[0]]:.1f} times",
            subtitle="Points: measured runs, each against queueing with its own measured CPU a sync, and simulations "
            "of those that started together. Title: medians from 75 to 99.9 %.",
        ),
        description=(
            "Response time over that of queueing alone against utilization. Between 75 and 99.9 % its median is "
            + ", ".join(f"{typical[name]:.1f} for {count[name]} runs {name}" for name in names)
            + "."
        ),
    )
