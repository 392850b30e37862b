"""What a deployment needs: evaluate a given shape, or find the smallest that holds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from capmodel import cluster, probability, reach, shapes
from capmodel.choice import Choice, Smaller
from capmodel.cluster import Forecast, Interval, UnitCosts
from capmodel.deployment import Deployment, Inputs
from capmodel.outcome import ClusterSizing, Evaluation, Sizing, TopologyEvaluation
from capmodel.pool import connection_pool
from capmodel.prices import UNPRICED, Prices, choose_least, cost_of
from capmodel.reach import Measured
from capmodel.regression import normal_quantile
from capmodel.shapes import Limits, ReferenceCell, Shape
from capmodel.topology import Cluster, Federated, Nested, SingleTrustDomain, Topology, topology_of

if TYPE_CHECKING:
    from capmodel.costs import CostResults


@overload
def evaluate(
    fleet: Deployment | SingleTrustDomain,
    costs: CostResults,
    *,
    servers: int = ...,
    cores: int = ...,
    datastore_cores: int = ...,
    level: float = ...,
) -> Evaluation: ...


@overload
def evaluate(
    fleet: Nested | Federated,
    costs: CostResults,
    *,
    servers: int = ...,
    cores: int = ...,
    datastore_cores: int = ...,
    level: float = ...,
) -> TopologyEvaluation: ...


def evaluate(
    fleet: Deployment | Topology,
    costs: CostResults,
    *,
    servers: int = 2,
    cores: int = 2,
    datastore_cores: int = 2,
    level: float = 0.9,
) -> Evaluation | TopologyEvaluation:
    """Predict a deployment on servers and a datastore of given size.

    Parameters
    ----------
    fleet : Deployment, SingleTrustDomain, Nested or Federated
        The fleet.
    costs : CostResults
        Fitted costs.
    servers, cores, datastore_cores : int
        Servers, cores of each, cores of the datastore.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Evaluation or TopologyEvaluation
        One cluster's state; for nested and federated topologies each cluster's, all of the same shape. Agents are a
        closed population that pauses and syncs; servers and datastore share their cores among requests.

    Raises
    ------
    ValueError
        If a size is not a positive whole number, `level` is not between 0 and 1, or SQLite is asked to serve several
        servers.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> result = cm.evaluate(cm.Deployment(agents=5000, workloads=10_000), costs, servers=2, cores=4)
    >>> 0 < result.utilization["server"].estimate < 1
    True
    """
    for name, value in {"servers": servers, "cores": cores, "datastore_cores": datastore_cores}.items():
        if value != int(value) or value < 1:
            raise ValueError(f"{name}: got {value!r}, expected a whole number of at least 1")
    quantile = normal_quantile(level)
    topology = topology_of(fleet)
    found = {}
    names = [part.name for part in topology.clusters()]
    for part in topology.clusters(dict.fromkeys(names, servers)):
        deployment = part.deployment
        if deployment.datastore == "sqlite" and servers > 1:
            raise ValueError(f"servers: got {servers}, expected 1: SQLite lives inside one server")
        unit = costs.unit_costs(deployment.datastore)
        predicted = cluster.forecast(deployment.inputs(), unit, servers, cores, datastore_cores, quantile)
        found[part.name] = _evaluation(deployment, costs, predicted, servers, cores, datastore_cores, level)
    if isinstance(topology, SingleTrustDomain):
        return found["cluster"]
    return TopologyEvaluation(topology=topology.name, clusters=found)


def _evaluation(
    deployment: Deployment,
    costs: CostResults,
    predicted: Forecast,
    servers: int,
    cores: int,
    datastore_cores: int,
    level: float,
) -> Evaluation:
    because = tuple(reach.extrapolations(deployment.inputs(), measured(costs), Shape(servers, cores, datastore_cores)))
    datastore_binds = predicted.datastore_utilization.estimate > predicted.server_utilization.estimate
    return Evaluation(
        servers=servers,
        cores=cores,
        datastore_cores=0 if deployment.datastore == "sqlite" else datastore_cores,
        level=level,
        utilization={"server": predicted.server_utilization, "datastore": predicted.datastore_utilization},
        throughput_per_s=predicted.sync_per_s,
        response_time_s=predicted.response_time_s,
        staleness_s=predicted.staleness_s,
        memory_gb_per_server=Interval(*(value / shapes.GB for value in predicted.memory_bytes)),
        cores_used={"server": predicted.server_cores_used, "datastore": predicted.datastore_cores_used},
        bottleneck="datastore" if datastore_binds else "server",
        extrapolated=bool(because),
        extrapolated_because=because,
    )


def size(
    fleet: Deployment | Topology,
    costs: CostResults,
    *,
    max_utilization: float = 0.6,
    max_response_time_s: float = 1.0,
    level: float = 0.9,
    spare_servers: int = 1,
    prices: Prices | None = None,
) -> Sizing:
    """Find the smallest shape that holds.

    Parameters
    ----------
    fleet : Deployment, SingleTrustDomain, Nested or Federated
        The fleet, or its topology: each cluster then gets a shape of its own.
    costs : CostResults
        Fitted costs.
    max_utilization : float
        Largest share of the cores that servers and datastore may use.
    max_response_time_s : float
        Longest mean response time of a sync, seconds.
    level : float
        Coverage of the intervals; a limit holds when the upper bound of the interval keeps it.
    spare_servers : int
        Servers that may be lost without a limit being broken. SQLite allows none.
    prices : Prices, optional
        What cores and memory cost: the cheapest shape is then the smallest.

    Returns
    -------
    Sizing
        For each cluster the fewest cores in all, then the fewest servers; with prices the least cost. `next_smaller`
        says why the shape before it fails.

    Raises
    ------
    ValueError
        If a limit is impossible.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> answer = cm.size(cm.Deployment(agents=5000, workloads=10_000), costs)
    >>> answer.clusters[0].servers >= 2
    True
    >>> nested = cm.size(cm.Nested.split(cm.Deployment(agents=5000, workloads=10_000), into=5), costs)
    >>> [part.name for part in nested.clusters][:2]
    ['root', 'cluster 1']
    """
    if not 0.0 < max_utilization < 1.0:
        raise ValueError(f"max_utilization: got {max_utilization!r}, expected more than 0 and less than 1")
    if not max_response_time_s > 0.0:
        raise ValueError(f"max_response_time_s: got {max_response_time_s!r}, expected more than 0 seconds")
    most = shapes.SERVER_RUNGS[-1] - 1
    if not 0 <= spare_servers <= most or spare_servers != int(spare_servers):
        raise ValueError(
            f"spare_servers: got {spare_servers!r}, expected a whole number of at least 0 and at most {most}"
        )
    quantile = normal_quantile(level)
    per_hour = UNPRICED if prices is None else prices.per_hour()
    topology = topology_of(fleet)
    names = [part.name for part in topology.clusters()]
    sized: dict[str, ClusterSizing] = {}
    assumptions: dict[str, None] = {}
    alike: dict[Deployment, ClusterSizing] = {}
    # A cluster's servers are agents of the one above, so the lowest are sized first.
    for name in reversed(names):
        known = {lower: part.servers for lower, part in sized.items()}
        part = next(part for part in topology.clusters(known) if part.name == name)
        deployment = part.deployment
        limits = Limits(
            max_utilization=max_utilization,
            max_response_time_s=max_response_time_s,
            quantile=quantile,
            spare_servers=0 if deployment.datastore == "sqlite" else int(spare_servers),
        )
        if deployment not in alike:
            inputs, unit = deployment.inputs(), costs.unit_costs(deployment.datastore)
            choice = choose_least(inputs, unit, limits, per_hour)
            alike[deployment] = _cluster_sizing(part, costs, choice, limits, level)
            if prices is not None:
                alike[deployment] = replace(alike[deployment], cost_per_hour=cost_of(inputs, choice, per_hour))
        sized[name] = replace(alike[deployment], name=name, above=part.above)
        assumptions.update(dict.fromkeys(reach.assumptions(deployment.inputs(), limits, deployment.datastore)))
    whole = fleet if isinstance(fleet, Deployment) else fleet.fleet if isinstance(fleet, SingleTrustDomain) else None
    return Sizing(
        topology=topology.name,
        level=level,
        clusters=tuple(sized[name] for name in names),
        reference_cell=None if whole is None else reference_cell(whole.agents, whole.workloads),
        assumptions=tuple(assumptions),
    )


def _cluster_sizing(part: Cluster, costs: CostResults, choice: Choice, limits: Limits, level: float) -> ClusterSizing:
    """Present the answer of the search."""
    deployment = part.deployment
    servers, cores, datastore_cores = choice.shape
    low, spare = choice.low_shape, limits.spare_servers
    inputs, unit = deployment.inputs(), costs.unit_costs(deployment.datastore)
    own_datastore = deployment.datastore != "sqlite"
    return ClusterSizing(
        name=part.name,
        agents=deployment.agents,
        workloads=deployment.workloads,
        servers=servers,
        cores_per_server=cores,
        memory_gb_per_server=choice.memory_gb,
        datastore_cores=datastore_cores if own_datastore else 0,
        interval={
            "servers": _span(low.servers, servers),
            "cores_per_server": _span(low.cores, cores),
            "memory_gb_per_server": _span(choice.low_memory_gb, choice.memory_gb),
            "datastore_cores": _span(low.datastore_cores, datastore_cores) if own_datastore else _span(0, 0),
        },
        evaluation=_evaluation(deployment, costs, choice.whole, servers, cores, datastore_cores, level),
        degraded=_evaluation(deployment, costs, choice.degraded, servers - spare, cores, datastore_cores, level),
        holds=choice.holds,
        reasons=tuple(choice.reasons),
        chances=probability.chances(inputs, unit, limits, choice.shape, choice.memory_gb),
        next_smaller=_smaller(choice.smaller, inputs, unit, limits),
        next_smaller_datastore=_smaller(choice.smaller_datastore, inputs, unit, limits) if own_datastore else None,
        limits=limits,
        choice=choice,
        deployment=deployment,
        above=part.above,
        datastore_connections=connection_pool(deployment, unit, limits, choice),
    )


def _span(one: int, other: int) -> dict[str, int]:
    return {"lower": min(one, other), "upper": max(one, other)}


def _smaller(smaller: Smaller, inputs: Inputs, unit: UnitCosts, limits: Limits) -> dict[str, Any]:
    """Describe a smaller shape, or only say that there is none."""
    if not smaller.exists:
        return {"fails_because": smaller.fails_because}
    # Its servers would have the memory that they need: a shape is never smaller for its memory.
    left = max(smaller.shape.servers - limits.spare_servers, 1)
    memory_gb = shapes.memory_rung(cluster.memory_of(inputs, unit, left, limits.quantile).upper)
    return {
        "servers": smaller.shape.servers,
        "cores_per_server": smaller.shape.cores,
        "datastore_cores": smaller.shape.datastore_cores if inputs.datastore != "sqlite" else 0,
        "fails_because": smaller.fails_because,
        "probability_holds": probability.chances(inputs, unit, limits, smaller.shape, memory_gb).every,
    }


def measured(costs: CostResults) -> Measured:
    """Return what the fitted runs cover, as plain values.

    Parameters
    ----------
    costs : CostResults
        Fitted costs.

    Returns
    -------
    Measured
        What ``capmodel.reach.extrapolations`` reads.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> measured(costs).ranges["cache"]["entries_per_agent"]
    [0.0, 1000.0]
    """
    table = costs.ranges
    names = table.columns.get_level_values(0).unique().tolist()
    ranges: dict[str, dict[str, list[float]]] = {}
    for family, row in table.iterrows():
        columns = {column: [float(row[column, "min"]), float(row[column, "max"])] for column in names}
        ranges[str(family)] = {column: ends for column, ends in columns.items() if math.isfinite(ends[1])}
    return Measured(ranges=ranges, highest_rate_per_s=costs.highest_rate_per_s)


def reference_table() -> list[ReferenceCell]:
    """Return the published table as plain values.

    Returns
    -------
    list of ReferenceCell
        Its cells, by agents and workloads.

    Examples
    --------
    >>> len(reference_table()), reference_table()[0]
    (16, ReferenceCell(agents=10, workloads=10, servers=2, cores_per_server=1, memory_gb_per_server=1))
    """
    from capmodel.datasets import load_reference_sizing

    table = load_reference_sizing().sort_values(["agents", "workloads"])
    return [ReferenceCell(*(int(value) for value in row)) for row in table[list(ReferenceCell._fields)].to_numpy()]


def reference_cell(agents: int, workloads: int) -> dict[str, Any] | None:
    """Return the published table's cell for a fleet.

    Parameters
    ----------
    agents, workloads : int
        The fleet.

    Returns
    -------
    dict or None
        The smallest cell with at least as many agents and workloads: agents, workloads, servers, cores_per_server,
        memory_gb_per_server, exact; None beyond the table (data/reference_sizing.csv).

    Examples
    --------
    >>> cell = reference_cell(700, 5000)
    >>> cell["agents"], cell["workloads"], cell["servers"], cell["exact"]
    (1000, 10000, 4, False)
    >>> reference_cell(1_000_000, 5000) is None
    True
    """
    cell = shapes.covering_cell(reference_table(), agents, workloads)
    if cell is None:
        return None
    return {**cell._asdict(), "exact": cell.agents == agents and cell.workloads == workloads}
