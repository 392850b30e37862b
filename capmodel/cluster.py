"""One cluster, servers and one datastore under a closed loop of agents: its state, with intervals.

The functions are scalar and use plain arithmetic only: the site's calculators are translated from them, so that page
and package cannot differ.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel import spire
from capmodel.demands import (
    Block,
    Demand,
    Load,
    UnitCosts,
    added,
    churned_throughout,
    demand_of,
    load_of,
    relative_variance,
    scaled,
    with_errors,
    work_of,
)
from capmodel.deployment import Inputs, operation_rates
from capmodel.steady import (
    State,
    bundle_wait,
    network_wait,
    round_trips,
    service_time,
    solve,
    state_at,
    station_waking,
    utilization_at,
    waiting,
)

__all__ = [
    "Basis",
    "Block",
    "Demand",
    "Forecast",
    "Interval",
    "Load",
    "State",
    "UnitCosts",
    "added",
    "basis_of",
    "bundle_wait",
    "churned_throughout",
    "demand_of",
    "forecast",
    "load_of",
    "memory_of",
    "multiplied",
    "network_wait",
    "relative_variance",
    "reload_duration",
    "round_trips",
    "scaled",
    "service_time",
    "solve",
    "spanned",
    "staleness",
    "state_at",
    "station_waking",
    "utilization_at",
    "waiting",
    "with_errors",
    "work_of",
]


class Basis(NamedTuple):
    """A cluster's state, and how well the demands behind it are known.

    Attributes
    ----------
    load : Load
        Demands.
    state : State
        The state that they make.
    server_error, datastore_error : float
        Standard deviations of the logarithms of what servers and datastore are asked for.
    reload_s : float
        Duration of a reload, seconds.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> basis = basis_of(fleet, unit, 2, 4, 2)
    >>> round(basis.state.sync_per_s), round(basis.server_error, 1), round(basis.reload_s, 1)
    (1000, 0.2, 0.2)
    """

    load: Load
    state: State
    server_error: float
    datastore_error: float
    reload_s: float


class Interval(NamedTuple):
    """An estimate with the bounds of its interval.

    Examples
    --------
    >>> cores = Interval(2.0, 1.5, 3.0)
    >>> cores.estimate, cores.upper - cores.lower
    (2.0, 1.5)
    """

    estimate: float
    lower: float
    upper: float


class Forecast(NamedTuple):
    """A cluster's state with intervals.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> [round(value, 1) for value in forecast(fleet, unit, 2, 4, 2, 1.645).server_cores_used]
    [2.0, 1.5, 2.6]
    """

    sync_per_s: Interval
    server_utilization: Interval
    datastore_utilization: Interval
    response_time_s: Interval
    staleness_s: Interval
    memory_bytes: Interval
    server_cores_used: Interval
    datastore_cores_used: Interval


def memory_of(fleet: Inputs, unit: UnitCosts, servers: float, quantile: float) -> Interval:
    """Return the memory of one server.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    servers : float
        Servers that share the agents' connections.
    quantile : float
        Normal quantile of the interval's upper bound.

    Returns
    -------
    Interval
        Bytes of resident set; a server that crawls holds no entries.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> [round(value / 1e9, 1) for value in memory_of(fleet, unit, 2, 1.645)]
    [0.4, 0.4, 0.5]
    """
    entries = 0.0 if spire.upkeep(fleet.sync_mode) == "" else fleet.workloads
    details = entries * (fleet.selectors_per_entry + fleet.dns_names_per_entry)
    amounts = [1.0, entries, details, fleet.agents, fleet.agents / servers]
    mean = 0.0
    variance = 0.0
    for k in range(len(amounts)):
        mean = mean + amounts[k] * unit.memory_bytes[k]
        for j in range(len(amounts)):
            variance = variance + amounts[k] * amounts[j] * unit.memory_covariance[k][j]
    spread = quantile * math.sqrt(variance / (mean * mean) + unit.memory_dispersion)
    return Interval(estimate=mean, lower=mean * math.exp(-spread), upper=mean * math.exp(spread))


def reload_duration(fleet: Inputs, unit: UnitCosts) -> float:
    """Return how long one full reload takes on an idle cluster.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.

    Returns
    -------
    float
        Seconds: server and datastore work one after the other; 0 where nothing is reloaded.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> round(reload_duration(fleet, unit), 1)
    0.2
    >>> reload_duration(fleet._replace(sync_mode="events_cache"), unit)
    0.0
    """
    if spire.upkeep(fleet.sync_mode) != "reload":
        return 0.0
    work = work_of(fleet, "reload", 1.0)
    server_s = demand_of(unit.server, "reload", work).busy_s / fleet.machine_speed
    datastore_s = demand_of(unit.datastore, "reload", work).busy_s / fleet.datastore_speed
    return server_s + datastore_s


def staleness(fleet: Inputs, reload_s: float, response_s: float) -> float:
    """Return the mean time from a registration change to an agent's view of it.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    reload_s, response_s : float
        Duration of a reload and mean response time of a sync, seconds.

    Returns
    -------
    float
        Half of what separates two reloads or polls, the reload itself, half a sync interval and the response.

    Examples
    --------
    Half a reload interval and half a sync interval, both 5 s, where neither reload nor answer takes time:

    >>> from capmodel import Deployment
    >>> staleness(Deployment(agents=10, workloads=100).inputs(), 0.0, 0.0)
    5.0
    """
    wait_s = 0.5 * fleet.sync_interval_s + response_s
    upkeep = spire.upkeep(fleet.sync_mode)
    if upkeep == "reload":
        return 0.5 * (fleet.reload_interval_s + reload_s) + reload_s + wait_s
    if upkeep == "poll":
        return 0.5 * fleet.reload_interval_s + wait_s
    return wait_s


def basis_of(fleet: Inputs, unit: UnitCosts, servers: float, cores: float, datastore_cores: float) -> Basis:
    """Find a cluster's state, and how well the demands behind it are known.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    servers, cores, datastore_cores : float
        Servers, cores of each, cores of the datastore.

    Returns
    -------
    Basis
        The rates of operations are those at the response time that they lead to.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> round(basis_of(fleet, unit, 2, 4, 2).state.sync_per_s)
    1000
    """
    reload_s = reload_duration(fleet, unit)
    rates = operation_rates(fleet, servers, 0.0, reload_s)
    load = load_of(fleet, unit, rates, servers)
    state = solve(fleet, load, unit.half_saturation, servers, cores, datastore_cores)
    if state.response_time_s < math.inf:
        rates = operation_rates(fleet, servers, state.response_time_s, reload_s)
        load = load_of(fleet, unit, rates, servers)
    state = solve(fleet, load, unit.half_saturation, servers, cores, datastore_cores)
    return Basis(
        load=load,
        state=state,
        server_error=math.sqrt(relative_variance(fleet, unit.server, rates, state.server_waking, 0.0)),
        datastore_error=math.sqrt(
            relative_variance(fleet, unit.datastore, rates, state.datastore_waking, state.churn_weight)
        ),
        reload_s=reload_s,
    )


def forecast(
    fleet: Inputs, unit: UnitCosts, servers: float, cores: float, datastore_cores: float, quantile: float
) -> Forecast:
    """Predict a cluster's state with intervals.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    servers, cores, datastore_cores : float
        Servers, cores of each, cores of the datastore.
    quantile : float
        Normal quantile of the intervals' upper bound, 1.645 for 90 %.

    Returns
    -------
    Forecast
        Bounds are the states with the demands of servers and datastore and the interference all at their quantile.
        Below saturation utilization and response time grow with each, so nothing within its interval leaves them. A
        full station slows all syncs: beyond it the other station's utilization falls as this one's demand grows.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> state = forecast(fleet, unit, 2, 4, 2, 1.645)
    >>> [round(value) for value in state.sync_per_s]
    [1000, 1000, 1000]
    >>> [round(value, 2) for value in state.server_utilization]
    [0.25, 0.19, 0.33]
    """
    basis = basis_of(fleet, unit, servers, cores, datastore_cores)
    load = basis.load
    estimate = basis.state
    server_sd = basis.server_error
    datastore_sd = basis.datastore_error
    reload_s = basis.reload_s
    states = []
    for sign in (-1.0, 1.0):
        moved = with_errors(
            load,
            math.exp(sign * quantile * server_sd),
            math.exp(sign * quantile * datastore_sd),
            max(unit.interference + sign * quantile * unit.interference_error, 0.0),
        )
        states.append(solve(fleet, moved, unit.half_saturation, servers, cores, datastore_cores))
    low = states[0]
    high = states[1]
    server_cores = servers * cores
    scatter = math.exp(quantile * math.sqrt(unit.response_dispersion))
    response_s = Interval(
        estimate=estimate.response_time_s,
        lower=min(low.response_time_s, estimate.response_time_s) / scatter,
        upper=max(high.response_time_s, estimate.response_time_s) * scatter,
    )
    server = spanned(estimate.server_utilization, low.server_utilization, high.server_utilization)
    datastore = spanned(estimate.datastore_utilization, low.datastore_utilization, high.datastore_utilization)
    return Forecast(
        sync_per_s=spanned(estimate.sync_per_s, low.sync_per_s, high.sync_per_s),
        server_utilization=server,
        datastore_utilization=datastore,
        response_time_s=response_s,
        staleness_s=Interval(
            estimate=staleness(fleet, reload_s, response_s.estimate),
            lower=staleness(fleet, reload_s * math.exp(-quantile * server_sd), response_s.lower),
            upper=staleness(fleet, reload_s * math.exp(quantile * server_sd), response_s.upper),
        ),
        memory_bytes=memory_of(fleet, unit, servers, quantile),
        server_cores_used=multiplied(server, server_cores),
        datastore_cores_used=multiplied(datastore, datastore_cores),
    )


def spanned(estimate: float, one: float, other: float) -> Interval:
    """Return the interval that holds an estimate and the values at both ends of what it depends on.

    Parameters
    ----------
    estimate, one, other : float
        The estimate and the values, in any order: at a full station they differ by rounding only.

    Returns
    -------
    Interval
        The estimate, the smallest and the largest of the three.

    Examples
    --------
    >>> spanned(2.0, 3.0, 1.0)
    Interval(estimate=2.0, lower=1.0, upper=3.0)
    """
    return Interval(estimate=estimate, lower=min(estimate, min(one, other)), upper=max(estimate, max(one, other)))


def multiplied(interval: Interval, factor: float) -> Interval:
    """Multiply an interval by a positive number.

    Parameters
    ----------
    interval : Interval
        Estimate and bounds.
    factor : float
        More than 0.

    Returns
    -------
    Interval
        The products.

    Examples
    --------
    >>> multiplied(Interval(2.0, 1.0, 3.0), 10.0)
    Interval(estimate=20.0, lower=10.0, upper=30.0)
    """
    return Interval(estimate=interval.estimate * factor, lower=interval.lower * factor, upper=interval.upper * factor)
