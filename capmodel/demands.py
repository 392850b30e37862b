"""What a fleet's operations ask of servers and of one datastore: work times unit costs.

The functions are scalar and use plain arithmetic only: the site's calculators are translated from them, so that page
and package cannot differ.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel import spire
from capmodel.deployment import Inputs, Rate, classes_of
from capmodel.waking import Waking, at_speed


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

    Examples
    --------
    A call costs 2 ms on a busy host, and 1 ms more on one at rest:

    >>> nothing = [[0.0, 0.0], [0.0, 0.0]]
    >>> block = Block(["rpc", "rpc"], ["busy", "waking"], [2e-3, 1e-3], nothing, 0.0, 0.0, Waking(700.0, 2000.0))
    >>> demand_of({"cache": block}, "cache", {"rpc": 1.0})
    Demand(busy_s=0.002, waking_s=0.001, churn_s=0.0, wakes=1.0)
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

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> unit = costs.unit_costs("postgresql")
    >>> sorted(unit.server)
    ['cache', 'crawl', 'poll', 'reload']
    >>> round(unit.memory_bytes[0] / 1e6, -1)
    100.0
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
    """CPU seconds: on a busy host, the extra on one at rest, the extra at full churn; and how often it wakes a host.

    Examples
    --------
    >>> demand = Demand(busy_s=0.002, waking_s=0.001, churn_s=0.0, wakes=1.0)
    >>> demand.busy_s + demand.waking_s
    0.003
    """

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

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> from capmodel.deployment import operation_rates
    >>> load = load_of(fleet, unit, operation_rates(fleet, 2, 0.0, 0.0), 2)
    >>> round(1e3 * load.sync_server.busy_s, 1)
    0.6
    """

    sync_server: Demand
    sync_datastore: Demand
    other_server: Demand
    other_datastore: Demand
    server_waking: Waking
    datastore_waking: Waking
    critical_share: float
    interference: float


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

    Examples
    --------
    >>> from capmodel import Deployment
    >>> fleet = Deployment(agents=10, workloads=100).inputs()
    >>> work_of(fleet, "sync", 1.0)["entry_sent"]
    10.0
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

    Examples
    --------
    >>> block = Block(["rpc"], ["busy"], [2e-3], [[0.0]], 0.0, 0.0, Waking(1.0, 0.0))
    >>> demand_of({"cache": block}, "cache", {"rpc": 3.0}).busy_s
    0.006
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

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> from capmodel.deployment import operation_rates
    >>> rates = operation_rates(fleet, 2, 0.0, 0.0)
    >>> round(math.sqrt(relative_variance(fleet, unit.server, rates, 0.0, 0.0)), 1)
    0.2
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

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> from capmodel.deployment import operation_rates
    >>> rates = operation_rates(fleet, 2, 0.0, 0.0)
    >>> [round(load_of(fleet, unit, rates, servers).other_server.busy_s, 2) for servers in (1, 2)]
    [0.06, 0.03]
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

    Examples
    --------
    >>> scaled(Demand(1.0, 2.0, 0.0, 3.0), 2.0, 0.5)
    Demand(busy_s=1.0, waking_s=2.0, churn_s=0.0, wakes=6.0)
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

    Examples
    --------
    >>> added(Demand(1.0, 2.0, 0.0, 3.0), Demand(0.5, 0.0, 0.0, 1.0))
    Demand(busy_s=1.5, waking_s=2.0, churn_s=0.0, wakes=4.0)
    """
    return Demand(
        busy_s=one.busy_s + other.busy_s,
        waking_s=one.waking_s + other.waking_s,
        churn_s=one.churn_s + other.churn_s,
        wakes=one.wakes + other.wakes,
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

    Examples
    --------
    >>> nothing, way = Demand(0.0, 0.0, 0.0, 0.0), Waking(700.0, 2000.0)
    >>> load = Load(nothing, Demand(0.002, 0.0, 0.003, 1.0), nothing, nothing, way, way, 1.0, 0.0)
    >>> churned_throughout(load).sync_datastore
    Demand(busy_s=0.005, waking_s=0.0, churn_s=0.0, wakes=1.0)
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

    Examples
    --------
    >>> one, way = Demand(1.0, 1.0, 0.0, 1.0), Waking(700.0, 2000.0)
    >>> load = with_errors(Load(one, one, one, one, way, way, 1.0, 0.0), 2.0, 1.0, 0.5)
    >>> load.sync_server.busy_s, load.sync_datastore.busy_s, load.interference
    (2.0, 1.0, 0.5)
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
