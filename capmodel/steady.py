"""The state that a cluster settles in: every agent is either pausing or waiting for its sync.

The functions are scalar and use plain arithmetic only: the site's calculators are translated from them, so that page
and package cannot differ.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel import response, spire
from capmodel.demands import Demand, Load, churned_throughout
from capmodel.deployment import Inputs, cached_share
from capmodel.waking import Waking, waking_share


class State(NamedTuple):
    """Stationary state of a cluster.

    Attributes
    ----------
    sync_per_s : float
        Syncs of all agents a second.
    server_utilization, datastore_utilization : float
        Shares of the cores in use, 0 to 1.
    response_time_s : float
        Mean response time of a sync.
    server_waking, datastore_waking : float
        Shares of the extra of waking that are left.
    churn_weight : float
        See :func:`capmodel.spire.churn`.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> from capmodel.cluster import basis_of
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> state = basis_of(fleet, costs.unit_costs("postgresql"), 2, 4, 2).state
    >>> round(state.sync_per_s), 0.0 < state.server_utilization < 1.0
    (1000, True)
    """

    sync_per_s: float
    server_utilization: float
    datastore_utilization: float
    response_time_s: float
    server_waking: float
    datastore_waking: float
    churn_weight: float


def station_waking(rate_per_s: float, sync: Demand, other: Demand, cores: float, waking: Waking) -> float:
    """Return which share of the extra of waking is left at a station.

    Parameters
    ----------
    rate_per_s : float
        Syncs that reach the station a second.
    sync, other : Demand
        A sync, and a second of everything else.
    cores : float
        Cores of the station.
    waking : Waking
        How the extra fades.

    Returns
    -------
    float
        1 at rest, 0 on a host as busy as the busiest measured one.

    Examples
    --------
    >>> sync, nothing = Demand(0.01, 0.002, 0.0, 1.0), Demand(0.0, 0.0, 0.0, 0.0)
    >>> station_waking(0.0, sync, nothing, 2.0, Waking(700.0, 2000.0))
    1.0
    >>> round(station_waking(1000.0, sync, nothing, 2.0, Waking(700.0, 2000.0)), 2)
    0.46
    """
    return waking_share((rate_per_s * sync.wakes + other.wakes) / cores, waking)


def utilization_at(
    rate_per_s: float, sync: Demand, other: Demand, waking: float, churn_weight: float, cores: float
) -> float:
    """Return the share of a station's cores in use.

    Parameters
    ----------
    rate_per_s : float
        Syncs that reach the station a second.
    sync, other : Demand
        CPU seconds a sync, and CPU seconds a second of everything else.
    waking, churn_weight : float
        Share of the extra of waking that is left, and weight of churn.
    cores : float
        Cores of the station.

    Returns
    -------
    float
        May exceed 1, which means that the load cannot be carried.

    Examples
    --------
    >>> nothing = Demand(0.0, 0.0, 0.0, 0.0)
    >>> utilization_at(100.0, nothing._replace(busy_s=0.01), nothing, 0.0, 0.0, 4.0)
    0.25
    """
    used = rate_per_s * service_time(sync, waking, churn_weight) + service_time(other, waking, churn_weight)
    return used / cores


def service_time(demand: Demand, waking: float, churn_weight: float) -> float:
    """Return the CPU seconds of a demand at a given state of its station.

    Parameters
    ----------
    demand : Demand
        CPU seconds in parts.
    waking, churn_weight : float
        Share of the extra of waking that is left, and weight of churn.

    Returns
    -------
    float
        CPU seconds.

    Examples
    --------
    >>> service_time(Demand(busy_s=1.0, waking_s=2.0, churn_s=4.0, wakes=1.0), 0.5, 0.25)
    3.0
    """
    return demand.busy_s + waking * demand.waking_s + churn_weight * demand.churn_s


def waiting(cores: float, utilization: float) -> float:
    """Return the waiting at a multi-core station under processor sharing, in service times.

    Parameters
    ----------
    cores : float
        Cores, a whole number.
    utilization : float
        Share in use, at least 0 and below 1.

    Returns
    -------
    float
        C / (cores (1 - u)), C being Erlang's delay probability.

    Examples
    --------
    >>> waiting(1.0, 0.5)
    1.0
    """
    if utilization <= 0.0:
        return 0.0
    # A float of Python's own: numpy's would warn of the infinity that the inverse is where nobody waits.
    offered = float(cores * utilization)
    inverse = 1.0
    for k in range(1, int(cores) + 1):
        inverse = 1.0 + inverse * k / offered
    blocking = 1.0 / inverse
    delay = blocking / (1.0 - utilization * (1.0 - blocking))
    return delay / (cores * (1.0 - utilization))


def state_at(
    sync_per_s: float,
    fleet: Inputs,
    load: Load,
    half_saturation: float,
    servers: float,
    cores: float,
    datastore_cores: float,
) -> State:
    """Return the state that a given rate of syncs makes.

    Parameters
    ----------
    sync_per_s : float
        Syncs of all agents a second.
    fleet : Inputs
        The deployment.
    load : Load
        Demands.
    half_saturation : float
        Constant of :func:`capmodel.spire.churn`.
    servers, cores, datastore_cores : float
        Servers, cores of each, cores of the datastore.

    Returns
    -------
    State
        Response time infinite where a station is full.

    Examples
    --------
    >>> from capmodel import Deployment
    >>> sync, nothing, way = Demand(0.01, 0.0, 0.0, 1.0), Demand(0.0, 0.0, 0.0, 0.0), Waking(700.0, 2000.0)
    >>> load = Load(sync, nothing, nothing, nothing, way, way, 1.0, 0.0)
    >>> state = state_at(50.0, Deployment(agents=250, workloads=250).inputs(), load, math.inf, 1, 1, 1)
    >>> state.server_utilization, state.response_time_s
    (0.5, 0.02)
    """
    in_flight = max(fleet.agents - sync_per_s * fleet.sync_interval_s, 0.0) / servers
    weight = spire.churn(in_flight, half_saturation) if load.sync_datastore.churn_s > 0.0 else 0.0
    share = sync_per_s / servers
    server_waking = station_waking(share, load.sync_server, load.other_server, cores, load.server_waking)
    datastore_waking = station_waking(
        sync_per_s, load.sync_datastore, load.other_datastore, datastore_cores, load.datastore_waking
    )
    server = utilization_at(share, load.sync_server, load.other_server, server_waking, 0.0, cores)
    server = server + fleet.cores_taken / cores
    datastore = utilization_at(
        sync_per_s, load.sync_datastore, load.other_datastore, datastore_waking, weight, datastore_cores
    )
    response_s = math.inf
    if server < 1.0 and datastore < 1.0:
        response_s = network_wait(fleet, share)
        service_s = service_time(load.sync_server, server_waking, 0.0)
        factor = response.stretch(waiting(cores, server), load.critical_share, load.interference)
        response_s = response_s + service_s * factor
        if datastore > 0.0:
            service_s = service_time(load.sync_datastore, datastore_waking, weight)
            factor = response.stretch(waiting(datastore_cores, datastore), load.critical_share, load.interference)
            response_s = response_s + service_s * factor
    return State(
        sync_per_s=sync_per_s,
        server_utilization=server,
        datastore_utilization=datastore,
        response_time_s=response_s,
        server_waking=server_waking,
        datastore_waking=datastore_waking,
        churn_weight=weight,
    )


def round_trips(sync_mode: str, entries_per_agent: float, federated_domains: float, cached_share: float = 0.0) -> float:
    """Count the round trips to the datastore that one sync waits for.

    Parameters
    ----------
    sync_mode : str
        One of :data:`capmodel.spire.SYNC_MODES`.
    entries_per_agent, federated_domains : float
        Entries of the agent, and trust domains that they federate with.
    cached_share : float
        Share of the entries' ids that a crawl finds in the server's cache.

    Returns
    -------
    float
        One transaction; a crawl adds two queries for each id visited, one after the other; federated bundles are
        fetched ten at a time, two transactions and a list each.

    Examples
    --------
    A crawl asks for one entry after the other:

    >>> round_trips("crawl", 10.0, 0.0) - round_trips("crawl", 0.0, 0.0)
    20.0
    """
    if spire.family(sync_mode, "sync") == "crawl":
        return spire.TRANSACTION_ROUND_TRIPS + 2.0 * (1.0 + entries_per_agent * (1.0 - cached_share))
    turns = math.ceil(federated_domains / spire.FEDERATED_WORKERS)
    return spire.TRANSACTION_ROUND_TRIPS + turns * (2.0 * spire.TRANSACTION_ROUND_TRIPS + 1.0)


def bundle_wait(round_trip_time_s: float, sync_per_s: float) -> float:
    """Return what a mean sync waits for the trust bundle to be read again.

    Parameters
    ----------
    round_trip_time_s : float
        Network round trip to the datastore, seconds.
    sync_per_s : float
        Syncs of one server a second.

    Returns
    -------
    float
        Seconds. The bundle is kept for 1 s; every sync that comes while it is read again reads it too.

    Examples
    --------
    The bundle is read for at most every sync, and seldom for each:

    >>> bundle_wait(0.01, 0.0) > bundle_wait(0.01, 1000.0) > 0.0
    True
    """
    read_s = spire.TRANSACTION_ROUND_TRIPS * round_trip_time_s
    if sync_per_s <= 0.0:
        return read_s
    reading = min((1.0 + sync_per_s * read_s) / (sync_per_s * (1.0 + read_s)), 1.0)
    return read_s * reading


def network_wait(fleet: Inputs, sync_per_s: float) -> float:
    """Return what a sync waits for the network between server and datastore.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    sync_per_s : float
        Syncs of one server a second.

    Returns
    -------
    float
        Seconds.

    Examples
    --------
    >>> from capmodel import Deployment
    >>> network_wait(Deployment(agents=10, workloads=100).inputs(), 2.0)
    0.0
    """
    found = cached_share(fleet, sync_per_s)
    trips = round_trips(fleet.sync_mode, fleet.entries_per_agent, fleet.federated_domains, found)
    trip_s = fleet.datastore_round_trip_time_s
    return trips * trip_s + bundle_wait(trip_s, sync_per_s)


def solve(
    fleet: Inputs, load: Load, half_saturation: float, servers: float, cores: float, datastore_cores: float
) -> State:
    """Find the rate of syncs at which every agent is either pausing or waiting.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    load : Load
        Demands.
    half_saturation : float
        Constant of :func:`capmodel.spire.churn`.
    servers, cores, datastore_cores : float
        Servers, cores of each, cores of the datastore.

    Returns
    -------
    State
        The solution of X (Z + R(X)) = N. Where churn makes several, the one with the longest queues: a fleet that
        starts together gets there and stays.

    Examples
    --------
    Agents that pause 5 s and ask a server for 10 ms of CPU, on one core: it carries at most 100 syncs a second.

    >>> from capmodel import Deployment
    >>> sync, nothing, way = Demand(0.01, 0.0, 0.0, 1.0), Demand(0.0, 0.0, 0.0, 0.0), Waking(700.0, 2000.0)
    >>> load = Load(sync, nothing, nothing, nothing, way, way, 1.0, 0.0)
    >>> for agents in (100, 1000):
    ...     state = solve(Deployment(agents=agents, workloads=agents).inputs(), load, math.inf, 1, 1, 1)
    ...     print(f"{state.sync_per_s:.1f} a second, answered in {state.response_time_s:.3f} s")
    20.0 a second, answered in 0.012 s
    99.8 a second, answered in 5.020 s
    """
    most = fleet.agents / fleet.sync_interval_s
    low = 0.0
    high = most
    if load.sync_datastore.churn_s > 0.0:
        # With churn at its full weight at any rate the agents come to no higher one: nothing below has to be searched.
        churned = churned_throughout(load)
        surely = solve(fleet, churned, half_saturation, servers, cores, datastore_cores).sync_per_s
        steps = 400
        # Where no more syncs are in flight than there are idle connections, nothing churns, and nothing has to be
        # searched either.
        in_flight = (fleet.agents - surely * fleet.sync_interval_s) / servers
        first = int(steps * surely / most) if in_flight > spire.IDLE_CONNECTIONS_BEFORE_V1_12 else steps + 1
        for k in range(max(first, 1), steps + 1):
            rate = most * k / steps
            state = state_at(rate, fleet, load, half_saturation, servers, cores, datastore_cores)
            if rate * (fleet.sync_interval_s + state.response_time_s) >= fleet.agents:
                low = most * (k - 1) / steps
                high = rate
                break
    # Agents that are missing at the lower end and too many at the upper one; unknown or without bound until found.
    missing = fleet.agents if low == 0.0 else -1.0
    excess = -1.0
    chords = 0
    for _ in range(200):
        rate = 0.5 * (low + high)
        # A chord between both ends comes closer than their middle, but can leave one of them where it is.
        chords = 0 if chords == 2 else chords + 1
        if missing > 0.0 and excess > 0.0 and chords > 0:
            rate = min(max(low + (high - low) * (missing / (missing + excess)), low), high)
        state = state_at(rate, fleet, load, half_saturation, servers, cores, datastore_cores)
        gap = rate * (fleet.sync_interval_s + state.response_time_s) - fleet.agents
        if gap > 1e-14 * fleet.agents:
            high = rate
            excess = gap if gap < math.inf else -1.0
        else:
            low = rate
            missing = -gap
        if high - low <= 1e-13 * most or abs(gap) <= 1e-14 * fleet.agents:
            break
    state = state_at(low, fleet, load, half_saturation, servers, cores, datastore_cores)
    waiting_s = fleet.agents / low - fleet.sync_interval_s if low > 0.0 else math.inf
    # Where the curve is steep, the response time follows from the rate more exactly than the reverse.
    saturated = max(state.server_utilization, state.datastore_utilization) > 0.999
    return State(
        sync_per_s=low,
        server_utilization=state.server_utilization,
        datastore_utilization=state.datastore_utilization,
        response_time_s=waiting_s if saturated else state.response_time_s,
        server_waking=state.server_waking,
        datastore_waking=state.datastore_waking,
        churn_weight=state.churn_weight,
    )
