"""What an input is worth: the cores that a fleet keeps busy, and what a small change of each input does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from capmodel import cluster
from capmodel.deployment import Deployment
from capmodel.effects import ABSOLUTE_STEPS, INPUTS, Cores, changed, demanded, fixed, low_and_high, value_of
from capmodel.regression import normal_quantile

if TYPE_CHECKING:
    from capmodel.cluster import Forecast, Interval
    from capmodel.costs import CostResults
    from capmodel.deployment import Inputs

__all__ = ["ABSOLUTE_STEPS", "INPUTS", "Cores", "demand", "demanded", "tornado"]


def demand(fleet: Deployment, costs: CostResults, *, servers: int = 2, level: float = 0.9) -> Cores:
    """Return how many cores a fleet keeps busy, whatever shape it runs on.

    Parameters
    ----------
    fleet : Deployment
        The fleet.
    costs : CostResults
        Fitted costs.
    servers : int
        Servers: each reloads, polls or crawls for itself.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Cores
        Rates times the costs on busy hosts, no waiting; `cores_taken` is added for each server. Hosts with cores to
        spare use more, see :mod:`capmodel.waking`. The datastore's are 0 for SQLite, which runs inside the server.

    Raises
    ------
    ValueError
        If there is no server, or `level` is not between 0 and 1.

    Notes
    -----
    Where churn of connections adds to a crawl's cost, its weight is that of the syncs in flight without any waiting
    (Little's law): N = X R / S with R the work of one sync on server and datastore. With waiting it is more.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> cores = demand(cm.Deployment(agents=5000, workloads=10_000), costs)
    >>> cores.datastore.estimate < cores.server.estimate
    True
    """
    if not servers >= 1 or servers != int(servers):
        raise ValueError(f"servers: got {servers!r}, expected a whole number of at least 1")
    quantile = normal_quantile(level)
    inputs = fleet.inputs()
    return demanded(inputs, costs.unit_costs(fleet.datastore), float(servers), quantile)


def tornado(
    fleet: Deployment,
    costs: CostResults,
    *,
    servers: int,
    cores: int,
    datastore_cores: int,
    change: float = 0.1,
    level: float = 0.9,
) -> pd.DataFrame:
    """Change each numeric input by so much and tell what becomes of a cluster.

    Parameters
    ----------
    fleet : Deployment
        The fleet.
    costs : CostResults
        Fitted costs.
    servers, cores, datastore_cores : int
        Servers, cores of each, cores of the datastore.
    change : float
        Relative change, both ways: 0.1 for 10 %.
    level : float
        Coverage of the interval in the row ``"fitted costs"``.

    Returns
    -------
    DataFrame
        One row an input, the largest effect first: ``input``, ``value``, ``low``, ``high`` (values tried), ``step``
        (``"relative"``, ``"absolute"`` or ``"interval"``); ``server_utilization``, ``datastore_utilization`` and
        ``response_time_s``, each also with ``_low`` and ``_high``, the outcome at those values; ``effect``, the largest
        difference between the outcomes of a utilization over the utilization itself; ``left_out``, empty or the reason
        why the input was not changed. An input of 0 rises by :data:`ABSOLUTE_STEPS`. The row ``"fitted costs"`` has
        the ends of the cluster's own interval, to compare with: where it is larger, measure before you fine-tune.

    Raises
    ------
    ValueError
        If a size is not a positive whole number, `change` or `level` is not between 0 and 1, or SQLite is asked to
        serve several servers.

    Notes
    -----
    One input at a time, the others as they are. Where `entries_per_agent` is not given, more agents means fewer entries
    for each. Agents are rounded to whole numbers.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000)
    >>> effect = tornado(fleet, costs, servers=4, cores=1, datastore_cores=1).set_index("input")["effect"]
    >>> bool(effect["sync_interval_s"] > effect["x509_ttl_s"])
    True
    """
    for name, size in {"servers": servers, "cores": cores, "datastore_cores": datastore_cores}.items():
        if size != int(size) or size < 1:
            raise ValueError(f"{name}: got {size!r}, expected a whole number of at least 1")
    if not 0.0 < change < 1.0:
        raise ValueError(f"change: got {change!r}, expected more than 0 and less than 1")
    quantile = normal_quantile(level)
    if fleet.datastore == "sqlite" and servers > 1:
        raise ValueError(f"servers: got {servers}, expected 1: SQLite lives inside one server")
    unit = costs.unit_costs(fleet.datastore)

    inputs = fleet.inputs()

    def state(one: Inputs) -> Forecast:
        return cluster.forecast(one, unit, servers, cores, datastore_cores, quantile)

    now = state(inputs)
    rows = [_row("fitted costs", None, None, None, "interval", now, None, None)]
    for name in INPUTS:
        value = value_of(inputs, name)
        reason = fixed(inputs, name)
        if reason:
            rows.append(_row(name, value, None, None, "", now, None, None) | {"left_out": reason})
            continue
        low, high = low_and_high(inputs, name, change)
        step = "relative" if value > 0.0 else "absolute"
        at_low, at_high = state(changed(inputs, name, low)), state(changed(inputs, name, high))
        rows.append(_row(name, value, low, high, step, now, at_low, at_high))
    frame = pd.DataFrame(rows)
    return frame.sort_values("effect", ascending=False, kind="stable", na_position="last").reset_index(drop=True)


def _row(
    name: str,
    value: float | None,
    low: float | None,
    high: float | None,
    step: str,
    now: Forecast,
    at_low: Forecast | None,
    at_high: Forecast | None,
) -> dict[str, Any]:
    """Lay out what a change of an input does."""
    row: dict[str, Any] = {"input": name, "value": value, "low": low, "high": high, "step": step}
    effects: list[float] = []
    for quantity in ("server_utilization", "datastore_utilization", "response_time_s"):
        found: Interval = getattr(now, quantity)
        ends: list[float | None] = [None, None]
        if step == "interval":
            ends = [found.lower, found.upper]
        elif at_low is not None and at_high is not None:
            ends = [getattr(at_low, quantity).estimate, getattr(at_high, quantity).estimate]
        row |= {quantity: found.estimate, f"{quantity}_low": ends[0], f"{quantity}_high": ends[1]}
        if quantity != "response_time_s" and found.estimate > 0.0 and ends[0] is not None and ends[1] is not None:
            effects.append(abs(ends[1] - ends[0]) / found.estimate)
    return row | {"effect": max(effects) if effects else None, "left_out": ""}
