"""What a deployment needs: evaluate a given shape, or find the smallest that holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from capmodel import cluster, shapes
from capmodel.cluster import Forecast, Interval
from capmodel.deployment import Deployment
from capmodel.regression import normal_quantile
from capmodel.shapes import Choice, Limits, Measured, ReferenceCell, Shape, Smaller
from capmodel.topology import Federated, Nested, SingleTrustDomain, Topology, topology_of

if TYPE_CHECKING:
    from capmodel.costs import CostResults


@dataclass(frozen=True)
class Evaluation:
    """A deployment on servers and a datastore of given size.

    Attributes
    ----------
    servers, cores, datastore_cores : int
        The shape: servers, cores of each, cores of the datastore (0 for SQLite, which runs in the server).
    level : float
        Coverage of the intervals.
    utilization : dict of str to Interval
        Share of the cores in use, ``"server"`` and ``"datastore"``.
    throughput_per_s : Interval
        Syncs of all agents a second.
    response_time_s : Interval
        Mean response time of a sync.
    staleness_s : Interval
        Mean time from a registration change to an agent's view of it.
    memory_gb_per_server : Interval
        Resident set of a server, 10^9 bytes.
    cores_used : dict of str to Interval
        Cores in use on all servers together and on the datastore.
    bottleneck : str
        ``"server"`` or ``"datastore"``: the one with the larger utilization.
    extrapolated : bool
        Whether the deployment lies outside the measured runs.
    extrapolated_because : tuple of str
        In what.
    """

    servers: int
    cores: int
    datastore_cores: int
    level: float
    utilization: dict[str, Interval]
    throughput_per_s: Interval
    response_time_s: Interval
    staleness_s: Interval
    memory_gb_per_server: Interval
    cores_used: dict[str, Interval]
    bottleneck: str
    extrapolated: bool
    extrapolated_because: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return the evaluation as a tidy frame.

        Returns
        -------
        DataFrame
            quantity, unit, estimate, lower, upper.
        """
        rows: list[tuple[str, str, Interval]] = [
            ("server utilization", "share of cores", self.utilization["server"]),
            ("datastore utilization", "share of cores", self.utilization["datastore"]),
            ("server cores used", "cores", self.cores_used["server"]),
            ("datastore cores used", "cores", self.cores_used["datastore"]),
            ("syncs", "per second", self.throughput_per_s),
            ("response time of a sync", "s", self.response_time_s),
            ("staleness of an agent's view", "s", self.staleness_s),
            ("memory of a server", "GB", self.memory_gb_per_server),
        ]
        return pd.DataFrame([{"quantity": name, "unit": unit, **value._asdict()} for name, unit, value in rows])


@dataclass(frozen=True)
class ClusterSizing:
    """The smallest shape of one cluster that holds.

    Attributes
    ----------
    name : str
        Name of the cluster.
    agents, workloads : int
        What it serves.
    servers, cores_per_server, memory_gb_per_server, datastore_cores : int
        The shape.
    interval : dict
        For each part of the shape its value at the lower and at the upper end of the fleet's demand.
    evaluation : Evaluation
        All servers up.
    degraded : Evaluation
        With the spare servers lost; this is what must hold.
    holds : bool
        False if even the largest shape tried does not hold.
    reasons : tuple of str
        Each limit with the value that met it.
    next_smaller : dict
        The next smaller shape and why it fails.
    next_smaller_datastore : dict or None
        The same servers with a smaller datastore, and why that fails; None for SQLite.
    limits : Limits
        What had to hold.
    choice : Choice
        The same answer as :mod:`capmodel.shapes` gives it, which :mod:`capmodel.answer` puts into words.
    """

    name: str
    agents: int
    workloads: int
    servers: int
    cores_per_server: int
    memory_gb_per_server: int
    datastore_cores: int
    interval: dict[str, dict[str, int]]
    evaluation: Evaluation
    degraded: Evaluation
    holds: bool
    reasons: tuple[str, ...]
    next_smaller: dict[str, Any]
    next_smaller_datastore: dict[str, Any] | None
    limits: Limits = field(repr=False)
    choice: Choice = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain values that the command line prints as JSON.

        Returns
        -------
        dict
            Infinite values become None.
        """
        result = self.evaluation
        return {
            "name": self.name,
            "agents": self.agents,
            "workloads": self.workloads,
            "servers": self.servers,
            "cores_per_server": self.cores_per_server,
            "memory_gb_per_server": self.memory_gb_per_server,
            "datastore_cores": self.datastore_cores,
            "interval": self.interval,
            "utilization": {key: _plain(value) for key, value in result.utilization.items()},
            "cores_used": {key: _plain(value) for key, value in result.cores_used.items()},
            "memory_gb_used": _plain(result.memory_gb_per_server),
            "sync_per_s": _plain(result.throughput_per_s),
            "response_time_s": _plain(result.response_time_s),
            "staleness_s": _plain(result.staleness_s),
            "bottleneck": result.bottleneck,
            "holds": self.holds,
            "reasons": list(self.reasons),
            "next_smaller": self.next_smaller,
            "next_smaller_datastore": self.next_smaller_datastore,
            "extrapolated": result.extrapolated,
            "extrapolated_because": list(result.extrapolated_because),
        }


@dataclass(frozen=True)
class Sizing:
    """The answer for a deployment.

    Attributes
    ----------
    topology : str
        Name of the topology.
    level : float
        Coverage of the intervals.
    clusters : tuple of ClusterSizing
        One a cluster.
    reference_cell : dict or None
        The published table's cell for the same fleet, None beyond the table.
    assumptions : tuple of str
        What the answer rests on.
    """

    topology: str
    level: float
    clusters: tuple[ClusterSizing, ...]
    reference_cell: dict[str, Any] | None
    assumptions: tuple[str, ...]

    @property
    def binding(self) -> ClusterSizing:
        """The cluster with the least room: the highest utilization with its spare servers lost."""
        return max(self.clusters, key=lambda part: _fullest(part.degraded))

    def to_frame(self) -> pd.DataFrame:
        """Return the shapes as a tidy frame.

        Returns
        -------
        DataFrame
            One row a cluster: name, agents, workloads, servers, cores_per_server, memory_gb_per_server,
            datastore_cores, and estimate, lower and upper of server_utilization, datastore_utilization,
            response_time_s and staleness_s; bottleneck, binding, extrapolated.
        """
        rows = []
        for part in self.clusters:
            row: dict[str, Any] = {
                name: getattr(part, name)
                for name in (
                    "name", "agents", "workloads", "servers", "cores_per_server", "memory_gb_per_server",
                    "datastore_cores",
                )
            }  # fmt: skip
            row |= _columns(part.evaluation)
            rows.append(row | {"binding": part is self.binding, "extrapolated": part.evaluation.extrapolated})
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain values that the command line prints as JSON.

        Returns
        -------
        dict
            topology, level, clusters, reference_cell, assumptions.
        """
        return {
            "topology": self.topology,
            "level": self.level,
            "clusters": [part.to_dict() for part in self.clusters],
            "reference_cell": self.reference_cell,
            "assumptions": list(self.assumptions),
        }


@dataclass(frozen=True)
class TopologyEvaluation:
    """A topology on given shapes.

    Attributes
    ----------
    topology : str
        Name of the topology.
    clusters : dict of str to Evaluation
        One a cluster.
    """

    topology: str
    clusters: dict[str, Evaluation]

    @property
    def binding(self) -> str:
        """Name of the cluster with the least room."""
        return max(self.clusters, key=lambda name: _fullest(self.clusters[name]))

    def to_frame(self) -> pd.DataFrame:
        """Return the evaluation as a tidy frame.

        Returns
        -------
        DataFrame
            One row a cluster: name, servers, cores_per_server, datastore_cores; estimate, lower and upper of
            server_utilization, datastore_utilization, response_time_s and staleness_s; bottleneck, binding,
            extrapolated.
        """
        return pd.DataFrame(
            [
                {
                    "name": name,
                    "servers": part.servers,
                    "cores_per_server": part.cores,
                    "datastore_cores": part.datastore_cores,
                    **_columns(part),
                    "binding": name == self.binding,
                    "extrapolated": part.extrapolated,
                }
                for name, part in self.clusters.items()
            ]
        )


def _fullest(part: Evaluation) -> float:
    """Return the upper bound of the higher utilization."""
    return max(value.upper for value in part.utilization.values())


def _columns(part: Evaluation) -> dict[str, Any]:
    """Lay an evaluation's intervals out as columns."""
    values = {
        "server_utilization": part.utilization["server"],
        "datastore_utilization": part.utilization["datastore"],
        "response_time_s": part.response_time_s,
        "staleness_s": part.staleness_s,
    }
    row: dict[str, Any] = {}
    for name, value in values.items():
        row |= {name: value.estimate, f"{name}_lower": value.lower, f"{name}_upper": value.upper}
    return row | {"bottleneck": part.bottleneck}


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
    because = tuple(shapes.extrapolations(deployment.inputs(), measured(costs), Shape(servers, cores, datastore_cores)))
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

    Returns
    -------
    Sizing
        For each cluster the fewest cores in all, then the fewest servers. `next_smaller` says why the shape before it
        fails.

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
    topology = topology_of(fleet)
    names = [part.name for part in topology.clusters()]
    sized: dict[str, ClusterSizing] = {}
    assumptions: dict[str, None] = {}
    alike: dict[Deployment, ClusterSizing] = {}
    # A cluster's servers are agents of the one above, so the lowest are sized first.
    for name in reversed(names):
        known = {lower: part.servers for lower, part in sized.items()}
        deployment = next(part.deployment for part in topology.clusters(known) if part.name == name)
        limits = Limits(
            max_utilization=max_utilization,
            max_response_time_s=max_response_time_s,
            quantile=quantile,
            spare_servers=0 if deployment.datastore == "sqlite" else int(spare_servers),
        )
        if deployment not in alike:
            choice = shapes.choose(deployment.inputs(), costs.unit_costs(deployment.datastore), limits)
            alike[deployment] = _cluster_sizing(name, deployment, costs, choice, limits, level)
        sized[name] = replace(alike[deployment], name=name)
        assumptions.update(dict.fromkeys(shapes.assumptions(deployment.inputs(), limits, deployment.datastore)))
    whole = fleet if isinstance(fleet, Deployment) else fleet.fleet if isinstance(fleet, SingleTrustDomain) else None
    return Sizing(
        topology=topology.name,
        level=level,
        clusters=tuple(sized[name] for name in names),
        reference_cell=None if whole is None else reference_cell(whole.agents, whole.workloads),
        assumptions=tuple(assumptions),
    )


def _cluster_sizing(
    name: str, deployment: Deployment, costs: CostResults, choice: Choice, limits: Limits, level: float
) -> ClusterSizing:
    """Present the answer of the search."""
    servers, cores, datastore_cores = choice.shape
    low, spare = choice.low_shape, limits.spare_servers
    own_datastore = deployment.datastore != "sqlite"
    return ClusterSizing(
        name=name,
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
        next_smaller=_smaller(choice.smaller, own_datastore),
        next_smaller_datastore=_smaller(choice.smaller_datastore, own_datastore) if own_datastore else None,
        limits=limits,
        choice=choice,
    )


def _span(one: int, other: int) -> dict[str, int]:
    return {"lower": min(one, other), "upper": max(one, other)}


def _smaller(smaller: Smaller, own_datastore: bool) -> dict[str, Any]:
    """Describe a smaller shape, or only say that there is none."""
    if not smaller.exists:
        return {"fails_because": smaller.fails_because}
    return {
        "servers": smaller.shape.servers,
        "cores_per_server": smaller.shape.cores,
        "datastore_cores": smaller.shape.datastore_cores if own_datastore else 0,
        "fails_because": smaller.fails_because,
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
        What :func:`capmodel.shapes.extrapolations` reads.
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
    """
    cell = shapes.covering_cell(reference_table(), agents, workloads)
    if cell is None:
        return None
    return {**cell._asdict(), "exact": cell.agents == agents and cell.workloads == workloads}


def _plain(value: Interval) -> dict[str, float | None]:
    return {key: part if math.isfinite(part) else None for key, part in value._asdict().items()}
