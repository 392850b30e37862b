"""The published table: what it says between its cells, and how generous it is."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from altair.typing import ChartType

from capmodel.charts._look import BLUE, LABELS, choice, inline, percent


def reference_map(frame: pd.DataFrame, cells: pd.DataFrame, hull: pd.DataFrame) -> ChartType:
    """Draw the rung that the sizing table would print over agents and workloads, and the cells that it prints.

    Parameters
    ----------
    frame : DataFrame
        One row a tile of an even grid on logarithmic axes: ``total`` (``"cores"`` or ``"memory"``), ``agents``,
        ``workloads``, ``rung``, ``odds`` (its probability), ``lower`` and ``upper`` (90 % interval of the
        need), ``extrapolated``.
    cells : DataFrame
        One row a printed cell: ``total``, ``agents``, ``workloads``, ``printed``, ``predicted`` (from the other cells),
        ``exact``, ``odds`` (the probability that the other cells gave it).
    hull : DataFrame
        Corners of the table's convex hull in order: ``agents``, ``workloads``.

    Returns
    -------
    Chart
        Control ``total``; cores at first.

    Examples
    --------
    >>> import capmodel as cm
    >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
    >>> agents, workloads = np.meshgrid(np.geomspace(10, 10_000, 4), np.geomspace(10, 10_000, 4))
    >>> map_ = ladder.predict(agents.ravel(), workloads.ravel()).rename(columns={"probability": "odds"})
    >>> cells = ladder.in_sample().assign(total="cores", odds=0.5)
    >>> chart = reference_map(map_.assign(total="cores"), cells, ladder.model.hull())
    >>> print(chart.description.split(". ")[-1])
    Beyond the table the map reaches 128 cores.
    """
    units = {"cores": "cores", "memory": "GB"}
    rungs = sorted(int(rung) for rung in frame["rung"].unique())
    # From the middle of a tile to its edge, as a factor.
    reach = {name: np.sort(frame[name].unique())[:2] for name in ("agents", "workloads")}
    edge = {name: float(np.sqrt(following / first)) for name, (first, following) in reach.items()}
    held_out = cells["exact"].map({True: "the same", False: "another"})
    cells = cells.drop(columns="exact").assign(held_out=held_out)

    def axis(name: str, title: str) -> dict[str, Any]:
        domain = [float(frame[name].min()) / edge[name], float(frame[name].max()) * edge[name]]
        ticks = [10.0**power for power in range(int(np.ceil(np.log10(domain[0]))), int(np.log10(domain[1])) + 1)]
        return {
            "title": title,
            "scale": alt.Scale(type="log", domain=domain, nice=False),
            "axis": alt.Axis(values=ticks, format="~s", grid=False),
        }

    across, up = axis("agents", "agents"), axis("workloads", "registered workloads")
    # Small rungs are dark and large ones light, so that numbers on them are white and black.
    light = f"datum.rung > {rungs[int(0.5 * len(rungs))]}"
    ink = alt.condition(light, alt.value("black"), alt.value("white"))
    sides = {
        f"{name}_{side}": f"datum.{name} {sign} {factor}"
        for name, factor in edge.items()
        for side, sign in (("from", "/"), ("to", "*"))
    }
    unit = f"datum.total == 'cores' ? '{units['cores']}' : '{units['memory']}'"
    place = "datum.extrapolated ? 'beyond the table' : 'between its cells'"
    chosen = alt.Chart(inline(frame, "reference_map")).transform_filter("datum.total == total")
    chosen = chosen.transform_calculate(**sides, unit=unit, place=place)
    color = alt.Color("rung:O", sort=rungs, scale=alt.Scale(domain=rungs, scheme="viridis"), legend=None)
    shared = [alt.Tooltip("agents:Q", format=",.0f"), alt.Tooltip("workloads:Q", format=",.0f")]
    ground = chosen.mark_rect().encode(
        alt.X("agents_from:Q", **across),
        alt.X2("agents_to:Q"),
        alt.Y("workloads_from:Q", **up),
        alt.Y2("workloads_to:Q"),
        color,
        tooltip=[
            *shared,
            alt.Tooltip("rung:Q", title="total", format=","),
            alt.Tooltip("unit:N", title="of"),
            alt.Tooltip("odds:N", title="odds"),
            alt.Tooltip("lower:Q", title="need, from", format=",.3~r"),
            alt.Tooltip("upper:Q", title="to", format=",.3~r"),
            alt.Tooltip("place:N", title="place"),
        ],
    )
    x, y = alt.X("agents:Q", **across), alt.Y("workloads:Q", **up)
    names = alt.Chart(inline(_region_labels(frame, cells), "guide_regions")).transform_filter("datum.total == total")
    number = alt.Text("rung:Q", format=",")
    labels = names.mark_text(fontSize=13, fontWeight="bold").encode(x, y, text=number, color=ink)
    corners = pd.concat([hull, hull.iloc[:1]]).assign(corner=range(len(hull) + 1))
    border = alt.Chart(inline(corners, "guide_hull")).encode(x, y, order="corner:O")
    # White below black dashes is seen on dark tiles and on light ones.
    borders = [
        border.mark_line(strokeWidth=3, color="white"),
        border.mark_line(strokeWidth=1.5, color="black", strokeDash=[6, 4]),
    ]
    printed = alt.Chart(inline(cells, "reference_cells")).transform_filter("datum.total == total")
    printed = printed.transform_calculate(unit=unit)
    shapes = alt.Scale(domain=["the same", "another"], range=["circle", "square"])
    shape = alt.Shape("held_out:N", scale=shapes, legend=None)
    spots = printed.mark_point(size=560, filled=True, fill="white", stroke="black", strokeWidth=1, opacity=1).encode(
        x,
        y,
        shape,
        tooltip=[
            *shared,
            alt.Tooltip("printed:Q", title="printed"),
            alt.Tooltip("unit:N", title="of"),
            alt.Tooltip("predicted:Q", title="from the other cells"),
            alt.Tooltip("odds:N", title="they gave it"),
        ],
    )
    numbers = printed.mark_text(fontSize=11, color="black").encode(x, y, text="printed:Q")

    cores = cells[cells["total"] == "cores"]
    beyond = frame[(frame["total"] == "cores") & frame["extrapolated"]]
    hits = int((cores["held_out"] == "the same").sum())
    title = alt.Title(
        f"For cores, the other cells would have printed {hits} of the table's {len(cores)} cells",
        subtitle="Colour and bold number: the total, cores or GB of all servers together, that the table would print. "
        "Circle: a printed cell that the others predict; square: one that they miss. Dashed: the edge of the table.",
    )
    by_cell = ", ".join(
        f"{row.agents:,.0f} agents and {row.workloads:,.0f} workloads {row.printed}"
        for row in cores[cores["agents"].isin([cores["agents"].min(), cores["agents"].max()])].itertuples()
    )
    return (
        alt.layer(ground, *borders, labels, spots, numbers)
        .add_params(choice("total", {"cores": "cores", "memory": "memory, GB"}, "cores", "total"))
        .properties(
            width="container",
            height=420,
            title=title,
            description=(
                f"Total cores that the sizing table would print over agents and workloads. It prints: {by_cell}. Held "
                f"out, {hits} of {len(cores)} cells are predicted exactly by the others. Beyond the table the map "
                f"reaches {int(beyond['rung'].max()):,} cores."
            ),
        )
    )


def _region_labels(frame: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return one tile for each rung's region, near its middle and away from the printed cells."""
    found = []
    for (total, _), region in frame.groupby(["total", "rung"]):
        at = np.log10(region[["agents", "workloads"]].to_numpy(float))
        printed = np.log10(cells.loc[cells["total"] == total, ["agents", "workloads"]].to_numpy(float))
        clear = np.linalg.norm(at[:, None, :] - printed, axis=2).min(axis=1) > 0.3
        distance = np.linalg.norm(at - np.median(at, axis=0), axis=1) + np.where(clear, 0.0, 100.0)
        found.append(region.iloc[[int(distance.argmin())]][["total", "agents", "workloads", "rung"]])
    return pd.concat(found, ignore_index=True)


def table_generosity(frame: pd.DataFrame) -> ChartType:
    """Draw how busy the published table's servers would be at measured costs.

    Parameters
    ----------
    frame : DataFrame
        One row a cell and sync mode: agents, workloads, sync_mode, cores (in all), utilization, lower, upper.

    Returns
    -------
    altair.Chart
        One panel a sync mode; each cell with its share of the cores in use.

    Examples
    --------
    >>> rows = {"agents": [10, 5000], "workloads": [10, 10_000], "sync_mode": "full_cache", "cores": [2, 128]}
    >>> frame = pd.DataFrame(rows | {"utilization": [0.01, 0.014], "lower": 0.005, "upper": 0.02})
    >>> chart = table_generosity(frame)
    >>> print(chart.description.split(". ")[1])
    full cache: 1.00 % to 1.4 % in use, most at 5,000 agents and 10,000 workloads.
    """
    modes = [name for name in ("full_cache", "crawl") if (frame["sync_mode"] == name).any()]
    words = {}
    for name in modes:
        part = frame[frame["sync_mode"] == name]
        busiest = part.sort_values("utilization").iloc[-1]
        words[name] = (
            f"{LABELS[name]}: {percent(part['utilization'].min(), 2)} to {percent(busiest['utilization'], 1)} in use, "
            f"most at {busiest['agents']:,} agents and {busiest['workloads']:,} workloads"
        )
    shown = frame.assign(
        label=[f"{percent(value, 1)}" if value >= 0.001 else "<0.1 %" for value in frame["utilization"]],
        mode=frame["sync_mode"].map(LABELS),
        # Where the cell is dark the label must be light.
        light=frame["utilization"] > 0.25,
    )
    base = alt.Chart(inline(shown, "table_generosity")).encode(
        x=alt.X("agents:O", title="agents", axis=alt.Axis(labelAngle=0, format="~s")),
        y=alt.Y("workloads:O", title="workloads", sort="descending", axis=alt.Axis(format="~s")),
    )
    tiles = base.mark_rect(stroke="currentColor", strokeOpacity=0.3).encode(
        color=alt.Color(
            "utilization:Q",
            title="share of the cores in use",
            scale=alt.Scale(domain=[0, 1], range=["#F7FBFF", BLUE, "#08306B"]),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("agents:Q", format=","),
            alt.Tooltip("workloads:Q", format=","),
            alt.Tooltip("cores:Q", title="cores in the table"),
            alt.Tooltip("utilization:Q", title="in use", format=".2%"),
            alt.Tooltip("lower:Q", format=".2%"),
            alt.Tooltip("upper:Q", format=".2%"),
        ],
    )
    text = base.mark_text(fontSize=12).encode(
        text="label:N", color=alt.condition("datum.light", alt.value("white"), alt.value("black"))
    )
    panels = [
        alt.layer(tiles, text)
        .transform_filter(alt.datum.sync_mode == name)
        .properties(width="container", height=190, title=alt.Title(LABELS[name], fontSize=13))
        for name in modes
    ]
    least = frame.groupby("sync_mode")["utilization"].median()
    return alt.hconcat(*panels).properties(
        title=alt.Title(
            "Half of the table's cells would at most use this much of their cores: "
            + " or ".join(f"{percent(least[name], 1)} with a {LABELS[name]}" for name in modes),
            subtitle="Share of the servers' cores in use at measured costs. Point at a cell for its interval.",
        ),
        description="Utilization of each cell of the published table. " + "; ".join(words.values()) + ".",
    )
