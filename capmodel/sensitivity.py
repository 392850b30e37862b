"""What an input is worth: the cores that a fleet keeps busy, and what a small change of each input does."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from capmodel import cluster, spire
from capmodel.cluster import Interval
from capmodel.deployment import Deployment, operation_rates
from capmodel.regression import normal_quantile

if TYPE_CHECKING:
    from capmodel.cluster import Forecast, Inputs, UnitCosts
    from capmodel.costs import CostResults

#: Inputs that a relative change of nothing would not move: the change that is made instead.
ABSOLUTE_STEPS = {
    "node_selectors_per_agent": 1.0,
    "dns_names_per_entry": 1.0,
    "zipf_exponent": 0.1,
    "jwt_per_s": 10.0,
    "changes_per_s": 1.0,
    "updates_per_s": 1.0,
    "cores_taken": 0.1,
    "federated_domains": 1.0,
    "federated_peers": 1.0,
    "downstream_servers": 1.0,
    "datastore_round_trip_time_s": 0.001,
}

#: Numeric inputs in the order in which a deployment lists them.
INPUTS = (
    "agents",
    "workloads",
    "selectors_per_entry",
    "dns_names_per_entry",
    "node_selectors_per_agent",
    "zipf_exponent",
    "sync_interval_s",
    "reload_interval_s",
    "x509_ttl_s",
    "agent_ttl_s",
    "ca_ttl_s",
    "jwt_per_s",
    "jwt_pairs_per_agent",
    "jwt_requests_per_pair_s",
    "jwt_ttl_s",
    "changes_per_s",
    "updates_per_s",
    "cores_taken",
    "federated_domains",
    "federated_peers",
    "downstream_servers",
    "datastore_round_trip_time_s",
    "machine_speed",
    "datastore_speed",
)

#: Least value of inputs that may not fall below.
_LEAST = {"agents": 1.0, "selectors_per_entry": 1.0, "x509_ttl_s": 60.0, "agent_ttl_s": 60.0, "jwt_ttl_s": 60.0}


class Cores(NamedTuple):
    """Cores that a fleet keeps busy, on all servers together and on the datastore."""

    server: Interval
    datastore: Interval


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


def demanded(inputs: Inputs, unit: UnitCosts, servers: float, quantile: float) -> Cores:
    """Return the same as :func:`demand` from plain values.

    Parameters
    ----------
    inputs : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs on its datastore.
    servers : float
        Servers.
    quantile : float
        Normal quantile of the intervals' upper bound.

    Returns
    -------
    Cores
        See :func:`demand`.
    """
    rates = operation_rates(inputs, servers, 0.0, cluster.reload_duration(inputs, unit))
    load = cluster.load_of(inputs, unit, rates, servers)
    sync_per_s = rates[0].rate_per_s
    weight = 0.0
    for _ in range(200):
        response_s = cluster.service_time(load.sync_server, 0.0, 0.0)
        response_s = response_s + cluster.service_time(load.sync_datastore, 0.0, weight)
        last, weight = weight, spire.churn(sync_per_s * response_s / servers, unit.half_saturation)
        if load.sync_datastore.churn_s <= 0.0 or abs(weight - last) < 1e-12:
            break
    if load.sync_datastore.churn_s <= 0.0:
        weight = 0.0
    server = sync_per_s * load.sync_server.busy_s + servers * load.other_server.busy_s
    datastore = sync_per_s * cluster.service_time(load.sync_datastore, 0.0, weight) + load.other_datastore.busy_s
    server_sd = math.sqrt(cluster.relative_variance(inputs, unit.server, rates, 0.0, 0.0))
    datastore_sd = math.sqrt(cluster.relative_variance(inputs, unit.datastore, rates, 0.0, weight))
    own, taken = _spread(server, quantile * server_sd), servers * inputs.cores_taken
    return Cores(Interval(*(value + taken for value in own)), _spread(datastore, quantile * datastore_sd))


def _spread(value: float, width: float) -> Interval:
    return Interval(value, value * math.exp(-width), value * math.exp(width))


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

    def state(one: Deployment) -> Forecast:
        return cluster.forecast(one.inputs(), unit, servers, cores, datastore_cores, quantile)

    now = state(fleet)
    rows = [_row("fitted costs", None, None, None, "interval", now, None, None)]
    for name in INPUTS:
        value = float(getattr(fleet, name))
        reason = _left_out(fleet, name)
        if reason:
            rows.append(_row(name, value, None, None, "", now, None, None) | {"left_out": reason})
            continue
        if value > 0.0:
            step, low, high = "relative", value * (1.0 - change), value * (1.0 + change)
        else:
            step, low, high = "absolute", value, ABSOLUTE_STEPS[name]
        low = max(low, _LEAST.get(name, 0.0))
        if name in ("agents", "workloads"):
            low, high = float(round(low)), max(float(round(high)), value + 1.0)
        rows.append(
            _row(
                name, value, low, high, step, now, state(_changed(fleet, name, low)), state(_changed(fleet, name, high))
            )
        )
    frame = pd.DataFrame(rows)
    return frame.sort_values("effect", ascending=False, kind="stable", na_position="last").reset_index(drop=True)


def _left_out(fleet: Deployment, name: str) -> str:
    """Say why an input cannot be changed, or nothing."""
    value = float(getattr(fleet, name))
    if fleet.entries_by_agent is not None and name in ("agents", "workloads", "zipf_exponent"):
        return "the entries of each agent are given one by one"
    if fleet.datastore == "sqlite" and name in ("datastore_round_trip_time_s", "datastore_speed"):
        return "SQLite runs inside the server"
    if name in ("jwt_pairs_per_agent", "jwt_requests_per_pair_s") and value == 0.0:
        return "acts only with the pairs of an agent and their requests together"
    if name == "workloads" and value == 0.0:
        return "there are none"
    return ""


def _changed(fleet: Deployment, name: str, value: float) -> Deployment:
    """Return the fleet with one input changed; what cannot stay beside it follows."""
    given = int(value) if name in ("agents", "workloads") else value
    changes: dict[str, Any] = {name: given}
    if name == "workloads" and fleet.entries_per_agent is not None and fleet.workloads > 0:
        changes["entries_per_agent"] = fleet.entries_per_agent * value / fleet.workloads
    return replace(fleet, **changes)


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
