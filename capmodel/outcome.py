"""What :mod:`capmodel.plan` answers: results with their intervals, as frames and as plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from capmodel.choice import Choice
from capmodel.cluster import Interval
from capmodel.probability import Chances
from capmodel.shapes import Limits

if TYPE_CHECKING:
    from capmodel.deployment import Deployment
    from capmodel.pool import ConnectionPool


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

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> result = cm.evaluate(cm.Deployment(agents=5000, workloads=10_000), costs, servers=2, cores=4)
    >>> [round(value) for value in result.throughput_per_s], result.bottleneck
    ([1000, 1000, 1000], 'server')
    >>> result.to_frame()["quantity"].tolist()[:2]
    ['server utilization', 'datastore utilization']
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
    chances : Chances
        Probability that each limit is kept, and all of them, with the spare servers lost.
    next_smaller : dict
        The next smaller shape, why it fails, and the probability that it would hold.
    next_smaller_datastore : dict or None
        The same servers with a smaller datastore, and why that fails; None for SQLite.
    limits : Limits
        What had to hold.
    choice : Choice
        The same answer as :mod:`capmodel.shapes` gives it, which :mod:`capmodel.answer` puts into words.
    deployment : Deployment
        What was sized: the cluster's part of the fleet, with the servers that hang below it.
    above : str or None
        The cluster that signs this one's CA, in a nested topology.
    cost_per_hour : Interval or None
        What the shape costs at the prices given, the lower bound being the cheapest shape at the lower end of the
        demand; None without prices.
    datastore_connections : ConnectionPool or None
        Connections between servers and datastore; None for SQLite and where no shape holds.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> (part,) = cm.size(cm.Deployment(agents=5000, workloads=10_000), costs).clusters
    >>> part.servers, part.cores_per_server, part.memory_gb_per_server, part.datastore_cores
    (4, 1, 1, 1)
    >>> part.next_smaller["fails_because"]
    'server utilization up to 61 %, limit 60 % with 1 of 2 servers lost'
    >>> part.to_dict()["interval"]["servers"]
    {'lower': 2, 'upper': 4}
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
    chances: Chances
    next_smaller: dict[str, Any]
    next_smaller_datastore: dict[str, Any] | None
    limits: Limits = field(repr=False)
    choice: Choice = field(repr=False)
    deployment: Deployment = field(repr=False)
    above: str | None
    datastore_connections: ConnectionPool | None
    cost_per_hour: Interval | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the plain values that the command line prints as JSON.

        Returns
        -------
        dict
            Infinite values become None.
        """
        result, connections = self.evaluation, self.datastore_connections
        return {
            "name": self.name,
            "agents": self.agents,
            "workloads": self.workloads,
            "servers": self.servers,
            "cores_per_server": self.cores_per_server,
            "memory_gb_per_server": self.memory_gb_per_server,
            "datastore_cores": self.datastore_cores,
            "datastore_connections": None if connections is None else connections.to_dict(),
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
            "probability_holds": self.chances.every,
            "probability_by_limit": {key: part for key, part in self.chances._asdict().items() if key != "every"},
            "next_smaller": self.next_smaller,
            "next_smaller_datastore": self.next_smaller_datastore,
            "cost_per_hour": None if self.cost_per_hour is None else _plain(self.cost_per_hour),
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

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> answer = cm.size(cm.Nested.split(cm.Deployment(agents=5000, workloads=10_000), into=2), costs)
    >>> answer.to_frame()[["name", "agents"]].to_dict("records")
    [{'name': 'root', 'agents': 6}, {'name': 'cluster 1', 'agents': 2500}, {'name': 'cluster 2', 'agents': 2500}]
    >>> answer.binding.name, answer.to_dict()["topology"]
    ('cluster 1', 'nested')
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
            response_time_s and staleness_s; bottleneck, probability_holds, binding, extrapolated.
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
            row |= _columns(part.evaluation) | {"probability_holds": part.chances.every}
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

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> nested = cm.Nested.split(cm.Deployment(agents=5000, workloads=10_000), into=2)
    >>> result = cm.evaluate(nested, costs, servers=2, cores=2, datastore_cores=2)
    >>> result.binding, result.to_frame()["name"].tolist()
    ('cluster 1', ['root', 'cluster 1', 'cluster 2'])
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


def _plain(value: Interval) -> dict[str, float | None]:
    return {key: part if math.isfinite(part) else None for key, part in value._asdict().items()}
