"""The arithmetic of one cluster: servers and one datastore under a closed loop of agents.

The functions are scalar and use plain arithmetic only: the site's calculators are translated from them, so that page
and package cannot differ.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel import response, spire
from capmodel.deployment import Inputs, Rate, cached_share, classes_of, operation_rates
from capmodel.waking import Waking, at_speed, waking_share


class Block(NamedTuple):
    """Unit costs of one family on one component and datastore, as plain lists.

    Attributes
    ----------
    items : list of str
        Items of work, as counted by :func:`capmodel.spire.work`.
    kinds : list of str
        For each item ``"busy"``, ``"waking"`` (fades as requests come quicker) or ``"churn"`` (grows with syncs in
        flight).
    costs_s : list of float
        CPU seconds a unit.
    covariance : list of list of float
        Covariance of `costs_s`.
    dispersion, write_dispersion : float
        Variance of a run around its mean, relative to the mean squared, of operations that read and that write.
    waking : Waking
        How the extra of a host at rest fades.
    """

    items: list[str]
    kinds: list[str]
    costs_s: list[float]
    covariance: list[list[float]]
    dispersion: float
    write_dispersion: float
    waking: Waking


class UnitCosts(NamedTuple):
    """Unit costs of servers on one datastore, and of the datastore.

    Attributes
    ----------
    server, datastore : dict of str to Block
        One block a family; `datastore` is empty for SQLite, which runs inside the server.
    half_saturation : float
        Constant of :func:`capmodel.spire.churn`.
    memory_bytes : list of float
        Bytes of a server: base, an entry, a detail of an entry, an agent, a connection.
    memory_covariance : list of list of float
        Covariance of `memory_bytes`.
    memory_dispersion : float
        Variance of a server's memory around its mean, relative to the mean squared.
    critical_share : dict of str to float
        For each family of syncs, see :func:`capmodel.response.stretch`.
    interference, interference_error : float
        See :func:`capmodel.response.stretch`; estimate and standard error.
    response_dispersion : float
        Variance of the logarithm of a measured response time around its prediction.
    """

    server: dict[str, Block]
    datastore: dict[str, Block]
    half_saturation: float
    memory_bytes: list[float]
    memory_covariance: list[list[float]]
    memory_dispersion: float
    critical_share: dict[str, float]
    interference: float
    interference_error: float
    response_dispersion: float


class Demand(NamedTuple):
    """CPU seconds: on a busy host, the extra on one at rest, the extra at full churn; and how often it wakes a host."""

    busy_s: float
    waking_s: float
    churn_s: float
    wakes: float


class Load(NamedTuple):
    """What agents and background ask of servers and datastore.

    Attributes
    ----------
    sync_server, sync_datastore : Demand
        CPU seconds a sync.
    other_server, other_datastore : Demand
        CPU seconds a second of everything else: for one server, and for the datastore.
    server_waking, datastore_waking : Waking
        See :class:`Block`.
    critical_share, interference : float
        See :func:`capmodel.response.stretch`.
    """

    sync_server: Demand
    sync_datastore: Demand
    other_server: Demand
    other_datastore: Demand
    server_waking: Waking
    datastore_waking: Waking
    critical_share: float
    interference: float


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
    """

    sync_per_s: float
    server_utilization: float
    datastore_utilization: float
    response_time_s: float
    server_waking: float
    datastore_waking: float
    churn_weight: float


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
    """

    load: Load
    state: State
    server_error: float
    datastore_error: float
    reload_s: float


class Interval(NamedTuple):
    """An estimate with the bounds of its interval."""

    estimate: float
    lower: float
    upper: float


class Forecast(NamedTuple):
    """A cluster's state with intervals."""

    sync_per_s: Interval
    server_utilization: Interval
    datastore_utilization: Interval
    response_time_s: Interval
    staleness_s: Interval
    memory_bytes: Interval
    server_cores_used: Interval
    datastore_cores_used: Interval


def work_of(fleet: Inputs, operation: str, batch_size: float, cached_share: float = 0.0) -> dict[str, float]:
    """Count the work of one operation of a fleet.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    operation : str
        Name of an operation.
    batch_size : float
        Requests in it.
    cached_share : float
        Share of its entries' ids that a crawl finds in the server's cache.

    Returns
    -------
    dict of str to float
        See :func:`capmodel.spire.work`; the mean over the agents.
    """
    total: dict[str, float] = {}
    for part in classes_of(fleet):
        work = spire.work(
            operation=operation,
            sync_mode=fleet.sync_mode,
            batch_size=batch_size,
            federated_domains=fleet.federated_peers if operation == "list_peers" else fleet.federated_domains,
            entries_per_agent=part.entries,
            agents=fleet.agents,
            entries=fleet.workloads,
            selectors_per_entry=fleet.selectors_per_entry,
            node_selectors_per_agent=fleet.node_selectors_per_agent,
            dns_names_per_entry=fleet.dns_names_per_entry,
            ca_key_type=fleet.ca_key_type,
            cached_share=cached_share,
        )
        if part.share == 1.0:
            return work
        for item in work:
            if item not in total:
                total[item] = 0.0
            total[item] = total[item] + part.share * work[item]
    return total


def demand_of(blocks: dict[str, Block], family: str, work: dict[str, float]) -> Demand:
    """Price a bundle of work.

    Parameters
    ----------
    blocks : dict of str to Block
        Unit costs of one component.
    family : str
        Family of the operation.
    work : dict of str to float
        Items and amounts.

    Returns
    -------
    Demand
        Zero where the component has no part in the family.
    """
    busy_s = 0.0
    waking_s = 0.0
    churn_s = 0.0
    wakes = 0.0
    if family in blocks:
        block = blocks[family]
        for k in range(len(block.items)):
            item = block.items[k]
            if item in work:
                cost_s = block.costs_s[k] * work[item]
                if block.kinds[k] == "busy":
                    busy_s = busy_s + cost_s
                elif block.kinds[k] == "churn":
                    churn_s = churn_s + cost_s
                else:
                    waking_s = waking_s + cost_s
                    if item == "rpc" or item == "transaction" or item == "visit":
                        wakes = wakes + work[item]
    return Demand(busy_s=busy_s, waking_s=waking_s, churn_s=churn_s, wakes=wakes)


def relative_variance(
    fleet: Inputs, blocks: dict[str, Block], rates: list[Rate], waking_share: float, churn_weight: float
) -> float:
    """Return the variance of a component's total CPU time, relative to its square.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    blocks : dict of str to Block
        Unit costs of the component.
    rates : list of Rate
        Operations with their rates.
    waking_share, churn_weight : float
        Share of the extra of waking that is left, and weight of churn.

    Returns
    -------
    float
        Parameters' part by the quadratic form of their covariance; run-to-run part as if all operations err together.
    """
    total_s = 0.0
    parameters = 0.0
    runs = 0.0
    for family in blocks:
        block = blocks[family]
        amounts = [0.0 for _ in block.items]
        for r in range(len(rates)):
            if spire.family(fleet.sync_mode, rates[r].operation) == family:
                work = work_of(fleet, rates[r].operation, rates[r].batch_size, rates[r].cached_share)
                used_s = 0.0
                for k in range(len(block.items)):
                    if block.items[k] in work:
                        amount = work[block.items[k]] * rates[r].rate_per_s
                        if block.kinds[k] == "waking":
                            amount = amount * waking_share
                        elif block.kinds[k] == "churn":
                            amount = amount * churn_weight
                        amounts[k] = amounts[k] + amount
                        used_s = used_s + amount * block.costs_s[k]
                total_s = total_s + used_s
                spread = block.write_dispersion if spire.writes(rates[r].operation) else block.dispersion
                runs = runs + used_s * math.sqrt(spread)
        for k in range(len(block.items)):
            for j in range(len(block.items)):
                parameters = parameters + amounts[k] * amounts[j] * block.covariance[k][j]
    if total_s <= 0.0:
        return 0.0
    return (parameters + runs * runs) / (total_s * total_s)


def load_of(fleet: Inputs, unit: UnitCosts, rates: list[Rate], servers: float) -> Load:
    """Price what the agents' syncs and everything else ask of one server and of the datastore.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    rates : list of Rate
        Operations of the whole deployment, the sync first.
    servers : float
        Servers that share the work.

    Returns
    -------
    Load
        CPU seconds on the reader's hardware.

    Raises
    ------
    ValueError
        If no run in the fit is of the deployment's sync mode.
    """
    sync = rates[0]
    sync_work = work_of(fleet, sync.operation, 1.0, sync.cached_share)
    family = spire.family(fleet.sync_mode, sync.operation)
    if family not in unit.server:
        raise ValueError("sync_mode: got " + fleet.sync_mode + ", expected one that the fitted runs contain")
    sync_server = scaled(demand_of(unit.server, family, sync_work), 1.0, 1.0 / fleet.machine_speed)
    sync_datastore = scaled(demand_of(unit.datastore, family, sync_work), 1.0, 1.0 / fleet.datastore_speed)
    other_server = Demand(busy_s=0.0, waking_s=0.0, churn_s=0.0, wakes=0.0)
    other_datastore = Demand(busy_s=0.0, waking_s=0.0, churn_s=0.0, wakes=0.0)
    for r in range(1, len(rates)):
        work = work_of(fleet, rates[r].operation, rates[r].batch_size)
        part = spire.family(fleet.sync_mode, rates[r].operation)
        other_server = added(
            other_server,
            scaled(demand_of(unit.server, part, work), rates[r].rate_per_s / servers, 1.0 / fleet.machine_speed),
        )
        other_datastore = added(
            other_datastore,
            scaled(demand_of(unit.datastore, part, work), rates[r].rate_per_s, 1.0 / fleet.datastore_speed),
        )
        if family == "crawl" and rates[r].operation in ("sign_x509", "renew_agent", "sign_jwt"):
            # Until v0.10 a call that signs crawls like a sync, but not in its turn: an agent makes it on top.
            # v0.10.2 pkg/agent/manager/sync.go:78-103, pkg/server/endpoints/node/handler.go:291-339,455,1014-1050
            found = sync.cached_share
            if fleet.sync_mode == "crawl_cached" and rates[r].operation == "sign_x509":
                # It follows the sync that found the SVID stale, on the same connection: all below is still there.
                found = 1.0
            elif rates[r].operation == "sign_jwt":
                # It crawls past the cache. v0.10.2 pkg/server/endpoints/node/handler.go:455
                found = 0.0
            crawl = work_of(fleet, sync.operation, 1.0, found)
            other_server = added(
                other_server,
                scaled(demand_of(unit.server, family, crawl), rates[r].rate_per_s / servers, 1.0 / fleet.machine_speed),
            )
            other_datastore = added(
                other_datastore,
                scaled(demand_of(unit.datastore, family, crawl), rates[r].rate_per_s, 1.0 / fleet.datastore_speed),
            )
    return Load(
        sync_server=sync_server,
        sync_datastore=sync_datastore,
        other_server=other_server,
        other_datastore=other_datastore,
        server_waking=at_speed(unit.server[family].waking, fleet.machine_speed),
        datastore_waking=at_speed(
            unit.datastore[family].waking if family in unit.datastore else unit.server[family].waking,
            fleet.datastore_speed,
        ),
        critical_share=unit.critical_share[family],
        interference=unit.interference,
    )


def scaled(demand: Demand, times: float, slowness: float) -> Demand:
    """Repeat a demand, on a slower or quicker machine.

    Parameters
    ----------
    demand : Demand
        CPU seconds.
    times : float
        How often it is made.
    slowness : float
        CPU seconds for one on the measured machine.

    Returns
    -------
    Demand
        The product.
    """
    factor = times * slowness
    return Demand(
        busy_s=demand.busy_s * factor,
        waking_s=demand.waking_s * factor,
        churn_s=demand.churn_s * factor,
        wakes=demand.wakes * times,
    )


def added(one: Demand, other: Demand) -> Demand:
    """Add two demands.

    Parameters
    ----------
    one, other : Demand
        CPU seconds.

    Returns
    -------
    Demand
        The sum.
    """
    return Demand(
        busy_s=one.busy_s + other.busy_s,
        waking_s=one.waking_s + other.waking_s,
        churn_s=one.churn_s + other.churn_s,
        wakes=one.wakes + other.wakes,
    )


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
    offered = cores * utilization
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
    """
    if sync_mode == "crawl" or sync_mode == "crawl_cached":
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


def churned_throughout(load: Load) -> Load:
    """Return a load with the extra of churn at its full weight, however few syncs are in flight.

    Parameters
    ----------
    load : Load
        Demands.

    Returns
    -------
    Load
        The same without churn, and with its extra in every demand on the datastore.
    """
    sync = load.sync_datastore
    other = load.other_datastore
    return load._replace(
        sync_datastore=sync._replace(busy_s=sync.busy_s + sync.churn_s, churn_s=0.0),
        other_datastore=other._replace(busy_s=other.busy_s + other.churn_s, churn_s=0.0),
    )


def with_errors(load: Load, server: float, datastore: float, interference: float) -> Load:
    """Multiply the demands on servers and datastore, and replace the interference.

    Parameters
    ----------
    load : Load
        Demands.
    server, datastore : float
        Factors.
    interference : float
        See :func:`capmodel.response.stretch`.

    Returns
    -------
    Load
        The products.
    """
    return Load(
        sync_server=scaled(load.sync_server, 1.0, server),
        sync_datastore=scaled(load.sync_datastore, 1.0, datastore),
        other_server=scaled(load.other_server, 1.0, server),
        other_datastore=scaled(load.other_datastore, 1.0, datastore),
        server_waking=load.server_waking,
        datastore_waking=load.datastore_waking,
        critical_share=load.critical_share,
        interference=interference,
    )


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
    """
    caches = fleet.sync_mode == "full_cache" or fleet.sync_mode == "events_cache"
    entries = fleet.workloads if caches else 0.0
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
    """
    if fleet.sync_mode != "full_cache":
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
    """
    wait_s = 0.5 * fleet.sync_interval_s + response_s
    if fleet.sync_mode == "full_cache":
        return 0.5 * (fleet.reload_interval_s + reload_s) + reload_s + wait_s
    if fleet.sync_mode == "events_cache":
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
    """
    return Interval(estimate=interval.estimate * factor, lower=interval.lower * factor, upper=interval.upper * factor)
