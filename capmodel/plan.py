"""What a deployment needs: evaluate a given shape, or find the smallest that holds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from scipy.stats import norm

from capmodel import cluster, spire
from capmodel.cluster import Forecast, Interval
from capmodel.deployment import Deployment

if TYPE_CHECKING:
    from capmodel.costs import CostResults

#: Shapes that :func:`size` tries: servers, cores of each, memory of each, cores of the datastore.
SERVER_RUNGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
CORE_RUNGS = (1, 2, 4, 8, 16, 32)
MEMORY_RUNGS_GB = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
DATASTORE_CORE_RUNGS = (1, 2, 4, 8, 16, 32, 64, 128)

#: Share of a server's memory that its resident set may fill: Go's collector lets the heap grow before it collects.
MEMORY_FILL = 0.8

_GB = 1e9


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


def evaluate(
    deployment: Deployment,
    costs: CostResults,
    *,
    servers: int = 2,
    cores: int = 2,
    datastore_cores: int = 2,
    level: float = 0.9,
) -> Evaluation:
    """Predict a deployment on servers and a datastore of given size.

    Parameters
    ----------
    deployment : Deployment
        The fleet.
    costs : CostResults
        Fitted costs.
    servers, cores, datastore_cores : int
        Servers, cores of each, cores of the datastore.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Evaluation
        Agents are a closed population that pauses and syncs; servers and datastore share their cores among requests.

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
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: got {level!r}, expected more than 0 and less than 1")
    if deployment.datastore == "sqlite" and servers > 1:
        raise ValueError(f"servers: got {servers}, expected 1: SQLite lives inside one server")
    fleet = deployment.inputs()
    unit = costs.unit_costs(deployment.datastore)
    predicted = cluster.forecast(fleet, unit, servers, cores, datastore_cores, float(norm.ppf(0.5 + level / 2.0)))
    return _evaluation(deployment, costs, predicted, servers, cores, datastore_cores, level)


def _evaluation(
    deployment: Deployment,
    costs: CostResults,
    predicted: Forecast,
    servers: int,
    cores: int,
    datastore_cores: int,
    level: float,
) -> Evaluation:
    because = _extrapolations(deployment, costs, cores, datastore_cores)
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
        memory_gb_per_server=Interval(*(value / _GB for value in predicted.memory_bytes)),
        cores_used={"server": predicted.server_cores_used, "datastore": predicted.datastore_cores_used},
        bottleneck="datastore" if datastore_binds else "server",
        extrapolated=bool(because),
        extrapolated_because=because,
    )


def size(
    deployment: Deployment,
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
    deployment : Deployment
        The fleet.
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
        Fewest cores in all, then fewest servers. `next_smaller` says why the shape before it fails.

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
    """
    if not 0.0 < max_utilization < 1.0:
        raise ValueError(f"max_utilization: got {max_utilization!r}, expected more than 0 and less than 1")
    if not max_response_time_s > 0.0:
        raise ValueError(f"max_response_time_s: got {max_response_time_s!r}, expected more than 0 seconds")
    if spare_servers != int(spare_servers) or spare_servers < 0:
        raise ValueError(f"spare_servers: got {spare_servers!r}, expected a whole number of at least 0")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: got {level!r}, expected more than 0 and less than 1")
    spare = 0 if deployment.datastore == "sqlite" else int(spare_servers)
    limits = _Limits(max_utilization, max_response_time_s, level, spare)
    part = _size_cluster("cluster", deployment, costs, limits)
    return Sizing(
        topology="single trust domain",
        level=level,
        clusters=(part,),
        reference_cell=reference_cell(deployment.agents, deployment.workloads),
        assumptions=_assumptions(deployment, limits),
    )


@dataclass(frozen=True)
class _Limits:
    max_utilization: float
    max_response_time_s: float
    level: float
    spare_servers: int


def _shapes(deployment: Deployment, spare: int) -> Iterator[tuple[int, int]]:
    """Yield (servers, cores of each) from small to large."""
    rungs = (1,) if deployment.datastore == "sqlite" else [count for count in SERVER_RUNGS if count > spare]
    shapes = [(servers, cores) for servers in rungs for cores in CORE_RUNGS]
    yield from sorted(shapes, key=lambda shape: (shape[0] * shape[1], shape[0]))


def _size_cluster(name: str, deployment: Deployment, costs: CostResults, limits: _Limits) -> ClusterSizing:
    fleet, unit = deployment.inputs(), costs.unit_costs(deployment.datastore)
    quantile = float(norm.ppf(0.5 + limits.level / 2.0))
    spare = limits.spare_servers

    def predict(servers: int, cores: int, datastore_cores: int, normal_quantile: float) -> Forecast:
        return cluster.forecast(fleet, unit, servers, cores, datastore_cores, normal_quantile)

    def broken(state: Forecast, bound: str) -> list[str]:
        """List the limits that the given bound of the intervals breaks."""
        held = {"upper": "up to ", "lower": "at least ", "estimate": ""}[bound]
        values = {
            "server utilization": getattr(state.server_utilization, bound),
            "datastore utilization": getattr(state.datastore_utilization, bound),
        }
        found = [
            f"{part} {held}{value:.2f}, limit {limits.max_utilization:.2f}"
            for part, value in values.items()
            if value > limits.max_utilization
        ]
        response_s = getattr(state.response_time_s, bound)
        if response_s > limits.max_response_time_s:
            found.append(f"response time {held}{response_s:.3g} s, limit {limits.max_response_time_s:g} s")
        return found

    def smallest(bound: str) -> tuple[int, int, int, bool]:
        """Return servers, cores, datastore cores at one bound of the demand, and whether they hold."""
        datastore_rungs = DATASTORE_CORE_RUNGS if unit.datastore else (1,)
        for servers, cores in _shapes(deployment, spare):
            ample = broken(predict(servers - spare, cores, datastore_rungs[-1], quantile), bound)
            if not any(reason.startswith("server") for reason in ample):
                break
        for datastore_cores in datastore_rungs:
            if not broken(predict(servers - spare, cores, datastore_cores, quantile), bound):
                return servers, cores, datastore_cores, True
        return servers, cores, datastore_rungs[-1], False

    servers, cores, datastore_cores, holds = smallest("upper")
    degraded_forecast = predict(servers - spare, cores, datastore_cores, quantile)
    memory_gb = _memory_rung(degraded_forecast.memory_bytes.upper)
    low = smallest("lower")
    low_memory_gb = _memory_rung(predict(low[0] - spare, low[1], low[2], quantile).memory_bytes.lower)
    with_datastore = deployment.datastore != "sqlite"
    interval = {
        "servers": {"lower": min(low[0], servers), "upper": max(low[0], servers)},
        "cores_per_server": {"lower": min(low[1], cores), "upper": max(low[1], cores)},
        "memory_gb_per_server": {"lower": min(low_memory_gb, memory_gb), "upper": memory_gb},
        "datastore_cores": {"lower": low[2], "upper": datastore_cores} if with_datastore else {"lower": 0, "upper": 0},
    }
    whole = predict(servers, cores, datastore_cores, quantile)
    evaluation = _evaluation(deployment, costs, whole, servers, cores, datastore_cores, limits.level)
    degraded = _evaluation(deployment, costs, degraded_forecast, servers - spare, cores, datastore_cores, limits.level)
    lost = f" with {spare} of {servers} servers lost" if spare else ""
    reasons = tuple(broken(degraded_forecast, "upper")) or (
        f"server utilization at most {degraded_forecast.server_utilization.upper:.2f}{lost}, "
        f"limit {limits.max_utilization:.2f}",
        f"datastore utilization at most {degraded_forecast.datastore_utilization.upper:.2f}, "
        f"limit {limits.max_utilization:.2f}",
        f"response time at most {degraded_forecast.response_time_s.upper:.3g} s, "
        f"limit {limits.max_response_time_s:g} s",
    )
    return ClusterSizing(
        name=name,
        agents=deployment.agents,
        workloads=deployment.workloads,
        servers=servers,
        cores_per_server=cores,
        memory_gb_per_server=memory_gb,
        datastore_cores=datastore_cores if with_datastore else 0,
        interval=interval,
        evaluation=evaluation,
        degraded=degraded,
        holds=holds,
        reasons=reasons,
        next_smaller=_next_smaller(
            deployment,
            spare,
            (servers, cores, datastore_cores),
            lambda s, c, d: broken(predict(s, c, d, quantile), "upper"),
        ),
    )


def _next_smaller(deployment: Deployment, spare: int, shape: tuple[int, int, int], broken: Any) -> dict[str, Any]:
    """Describe the shape before the chosen one, and why it fails."""
    servers, cores, datastore_cores = shape
    shapes = list(_shapes(deployment, spare))
    place = shapes.index((servers, cores))
    with_datastore = deployment.datastore != "sqlite"
    if place > 0:
        fewer, smaller = shapes[place - 1]
        reasons = broken(fewer - spare, smaller, datastore_cores)
        lost = f" with {spare} of {fewer} servers lost" if spare else ""
        because = "; ".join(reasons) + lost if reasons else "more cores in all, or as many on more servers"
        smaller_datastore = datastore_cores
    else:
        fewer, smaller, smaller_datastore = servers, cores, datastore_cores
        rung = DATASTORE_CORE_RUNGS.index(datastore_cores)
        if with_datastore and rung > 0:
            smaller_datastore = DATASTORE_CORE_RUNGS[rung - 1]
            because = "; ".join(broken(servers - spare, cores, smaller_datastore))
        elif servers > 1:
            fewer = servers - 1
            because = f"availability: {spare} spare server{'s' * (spare > 1)} asked for, none would be left to serve"
        else:
            return {"fails_because": "there is none: this is the smallest shape"}
    return {
        "servers": fewer,
        "cores_per_server": smaller,
        "datastore_cores": smaller_datastore if with_datastore else 0,
        "fails_because": because,
    }


def _memory_rung(resident_bytes: float) -> int:
    """Return the smallest size of memory that leaves room beside the resident set."""
    for rung in MEMORY_RUNGS_GB:
        if resident_bytes <= MEMORY_FILL * rung * _GB:
            return rung
    return MEMORY_RUNGS_GB[-1]


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
    from capmodel.datasets import load_reference_sizing

    table = load_reference_sizing()
    covering = table[(table["agents"] >= agents) & (table["workloads"] >= workloads)]
    if not len(covering):
        return None
    cell = covering.sort_values(["agents", "workloads"]).iloc[0]
    columns = ["agents", "workloads", "servers", "cores_per_server", "memory_gb_per_server"]
    result: dict[str, Any] = {name: int(cell[name]) for name in columns}
    result["exact"] = bool(cell["agents"] == agents and cell["workloads"] == workloads)
    return result


def _extrapolations(deployment: Deployment, costs: CostResults, cores: int, datastore_cores: int) -> tuple[str, ...]:
    """Name every input outside the measured runs."""
    found = []
    family = spire.family(deployment.sync_mode, "sync")
    checks = {
        "entries_per_agent": ("entries per agent", deployment.entries_of_agent, family),
        "selectors_per_entry": ("selectors per entry", deployment.selectors_per_entry, family),
        "federated_domains": ("federated trust domains", deployment.federated_domains, family),
    }
    if deployment.sync_mode == "full_cache":
        checks["entries"] = ("registration entries", float(deployment.workloads), "reload")
        checks["agents"] = ("agents in the datastore", float(deployment.agents), "reload")
    for column, (label, value, group) in checks.items():
        low, high = costs.ranges[column].loc[group].to_numpy(float)
        if value > high or (value < low and column == "selectors_per_entry"):
            found.append(f"{label}: {value:g}, measured {low:g} to {high:g}")
    measured_cores = 2
    if cores > measured_cores:
        found.append(f"cores per server: {cores}, measured {measured_cores}; cores are taken to add up")
    if deployment.datastore != "sqlite" and datastore_cores > measured_cores:
        found.append(f"cores of the datastore: {datastore_cores}, measured {measured_cores}; cores are taken to add up")
    rate = deployment.agents / deployment.sync_interval_s
    if rate > costs.highest_rate_per_s:
        found.append(f"syncs per second: {rate:g}, measured up to {costs.highest_rate_per_s:.0f}")
    return tuple(found)


def _assumptions(deployment: Deployment, limits: _Limits) -> tuple[str, ...]:
    """State what the answer rests on."""
    found = [
        f"{deployment.workloads} workloads are {deployment.workloads} registration entries, "
        f"{deployment.entries_of_agent:.3g} an agent.",
        "Agents spread evenly over the servers.",
        f"A core is worth {deployment.machine_speed:g} of the measured machine's.",
        f"Utilization stays under {limits.max_utilization:.0%} with {limits.spare_servers} server lost."
        if limits.spare_servers
        else f"Utilization stays under {limits.max_utilization:.0%}; no server is spare.",
        "Servers and the datastore have hosts of their own.",
    ]
    if deployment.datastore == "mysql":
        found.append("MySQL is answered with MariaDB's measured costs.")
    if deployment.datastore == "sqlite":
        found.append("SQLite lives inside one server: there is no second server to fail over to.")
    if deployment.sync_mode.startswith("crawl"):
        found.append("Signing, renewal and writes cost what they cost in v1.15.3; only the sync was measured here.")
    return tuple(found)


def _plain(value: Interval) -> dict[str, float | None]:
    return {key: part if math.isfinite(part) else None for key, part in value._asdict().items()}
