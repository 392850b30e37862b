"""Each cell of the published sizing table as the other cells predict it, and what its fleet needs at measured costs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from capmodel.datasets import load_reference_sizing
from capmodel.deployment import Deployment
from capmodel.plan import size
from capmodel.sizing import SizingRegression, shape_of_rung

if TYPE_CHECKING:
    from capmodel.costs import CostResults


def reference_cells(costs: CostResults, level: float = 0.9) -> pd.DataFrame:
    """Predict each cell of the published sizing table from the other cells, and say what its fleet needs.

    Parameters
    ----------
    costs : CostResults
        Fitted costs.
    level : float
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        agents, workloads; servers, cores_per_server, memory_gb_per_server as printed; the same with ``_estimate``,
        ``_lower`` and ``_upper`` from a ladder fitted to the other cells; ``needed_servers``,
        ``needed_cores_per_server``, ``needed_memory_gb_per_server`` and ``needed_datastore_cores`` of the smallest
        shape that holds the fleet at the measured costs with PostgreSQL and the full cache.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.
    """
    table = load_reference_sizing().sort_values(["workloads", "agents"]).reset_index(drop=True)
    ladders = {total: SizingRegression(table, response=total) for total in ("cores", "memory")}
    rows = []
    for cell, (agents, workloads) in enumerate(zip(table["agents"], table["workloads"], strict=True)):
        rungs = {total: _held_out_rungs(ladder, cell, level) for total, ladder in ladders.items()}
        shapes = shape_of_rung(table.drop(index=cell), rungs["cores"])
        split = shapes["servers"].iloc[0]
        smallest = size(Deployment(agents=int(agents), workloads=int(workloads)), costs, level=level).clusters[0]
        values = {
            **{f"{name}_{end}": shapes[name].iloc[k] for name in shapes for k, end in enumerate(_INTERVAL)},
            **{f"memory_gb_per_server_{end}": rungs["memory"][k] / split for k, end in enumerate(_INTERVAL)},
            "needed_servers": smallest.servers,
            "needed_cores_per_server": smallest.cores_per_server,
            "needed_memory_gb_per_server": smallest.memory_gb_per_server,
            "needed_datastore_cores": smallest.datastore_cores,
        }
        rows.append(values)
    return pd.concat([table, pd.DataFrame(rows)], axis=1)


_INTERVAL = ("estimate", "lower", "upper")


def _held_out_rungs(ladder: SizingRegression, cell: int, level: float) -> list[int]:
    """Return the median rung of a cell without it, and those that hold the ends of its interval."""
    fleet = ladder.table[["agents", "workloads"]].to_numpy(float)[cell]
    found = ladder.without(cell).fit().predict(fleet[0], fleet[1], level, "bounded").iloc[0]
    ends = [max(math.ceil(math.log2(found[end]) - 1e-6), ladder.lowest) for end in ("lower", "upper")]
    return [int(found["rung"]), *(int(2**end) for end in ends)]
