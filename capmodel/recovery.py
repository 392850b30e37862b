"""How long a fleet takes to come back when every agent attests at once: a cold start after everything was lost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from capmodel import cluster, spire
from capmodel.cluster import Interval
from capmodel.deployment import Deployment, Rate, classes_of, operation_rates
from capmodel.regression import normal_quantile

if TYPE_CHECKING:
    from capmodel.cluster import Block, Inputs
    from capmodel.costs import CostResults


@dataclass(frozen=True)
class Recovery:
    """How long a fleet takes to come back.

    Attributes
    ----------
    servers, cores, datastore_cores, addresses : int
        The shape, and the source addresses that the servers see; `datastore_cores` is 0 for SQLite.
    level : float
        Coverage of the intervals.
    seconds : Interval
        Time until every agent has its SVIDs: the largest of the limits.
    binds : str
        Which limit that is.
    limits : dict of str to Interval
        Seconds by each limit alone: ``"attestations an address"``, ``"signatures an address"``, ``"server cores"``,
        ``"datastore cores"`` (not for SQLite). The first two have no uncertainty.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> start = cm.recover(cm.Deployment(agents=5000, workloads=10_000), costs, servers=2, cores=4, datastore_cores=2)
    >>> start.binds, [round(value) for value in start.limits["server cores"]]
    ('datastore cores', [3, 2, 4])
    >>> start.to_frame()["limit"].tolist()
    ['attestations an address', 'signatures an address', 'server cores', 'datastore cores']
    """

    servers: int
    cores: int
    datastore_cores: int
    addresses: int
    level: float
    seconds: Interval
    binds: str
    limits: dict[str, Interval]

    def to_frame(self) -> pd.DataFrame:
        """Return the limits as a tidy frame.

        Returns
        -------
        DataFrame
            limit, estimate, lower, upper (seconds), binds.
        """
        return pd.DataFrame(
            [{"limit": name, **value._asdict(), "binds": name == self.binds} for name, value in self.limits.items()]
        )


def operations(fleet: Inputs) -> list[Rate]:
    """Count what a whole fleet asks of the servers until every agent has its SVIDs.

    Parameters
    ----------
    fleet : Inputs
        The deployment.

    Returns
    -------
    list of Rate
        ``rate_per_s`` is a number of operations here, once for the whole start: each agent attests, connects anew with
        its SVID, syncs, reports its start (releases with a cache) and has SVIDs signed, 500 a call and 1000 at most.
        Releases that crawl sign for every entry, and crawl again in each call that signs.

    Notes
    -----
    Source: v1.15.3 pkg/server/api/agent/v1/service.go:294-420 (attestation), pkg/agent/manager/manager.go:211 (report),
    pkg/agent/manager/cache/lru_cache.go:24 and pkg/server/api/limits/limits.go (1000 SVIDs, 500 a call). Full copies of
    entries, which an agent with more than 500 fetches at first, are left out: beside a signature they cost little.

    Examples
    --------
    >>> fleet = Deployment(agents=100, workloads=1000).inputs()
    >>> {part.operation: round(part.rate_per_s * part.batch_size) for part in operations(fleet)}
    {'sync': 100, 'attest': 100, 'connect': 100, 'post_status': 100, 'sign_x509': 1000}
    """
    crawls = spire.family(fleet.sync_mode, "sync") == "crawl"
    calls, svids = 0.0, 0.0
    for part in classes_of(fleet):
        kept = part.entries if crawls else min(part.entries, spire.SVID_CACHE_SIZE)
        calls += fleet.agents * part.share * math.ceil(kept / spire.SIGNING_BATCH_LIMIT)
        svids += fleet.agents * part.share * kept
    name = "sync_federated" if fleet.federated_domains > 0 and not crawls else "sync"
    found = [
        Rate(operation=name, rate_per_s=fleet.agents + (calls if crawls else 0.0), batch_size=1.0),
        Rate(operation="attest", rate_per_s=fleet.agents, batch_size=1.0),
        Rate(operation="connect", rate_per_s=fleet.agents, batch_size=1.0),
    ]
    if not crawls:
        found.append(Rate(operation="post_status", rate_per_s=fleet.agents, batch_size=1.0))
    if svids > 0.0:
        found.append(Rate(operation="sign_x509", rate_per_s=calls, batch_size=svids / calls))
    return found


def recover(
    deployment: Deployment,
    costs: CostResults,
    *,
    servers: int,
    cores: int,
    datastore_cores: int,
    addresses: int | None = None,
    level: float = 0.9,
) -> Recovery:
    """Tell how long a fleet takes to come back when all agents attest at once.

    Parameters
    ----------
    deployment : Deployment
        The fleet.
    costs : CostResults
        Fitted costs.
    servers, cores, datastore_cores : int
        Servers, cores of each, cores of the datastore.
    addresses : int, optional
        Source addresses that the servers see: one an agent by default, fewer where agents share a gateway or a proxy.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Recovery
        The largest of four limits.

    Raises
    ------
    ValueError
        If a size is not a positive whole number, there are more addresses than agents, `level` is not between 0 and 1,
        or SQLite is asked to serve several servers.

    Notes
    -----
    With N agents, E SVIDs in all, S servers and A addresses that agents share evenly and that reach all servers evenly:

    - a server lets each address attest once a second and have 500 SVIDs signed a second, with the allowance of a second
      to begin with: N / (A S) - 1 and E / (500 A S) - 1 seconds (v1.15.3 pkg/server/api/limits/limits.go,
      pkg/server/endpoints/middleware.go:129-165);
    - the work W of all attestations, first syncs and signatures takes W / (C - L / 2) seconds on C cores, where L is
      what the whole fleet keeps busy on an ordinary day, and half of it has come back on average. Without bound where
      L reaches C.

    Costs are those of busy hosts. Limits that bind one after the other can add up to more than the largest of them, and
    agents that are turned away come back after a pause, which makes it longer too.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000)
    >>> start = recover(fleet, costs, servers=4, cores=1, datastore_cores=1, addresses=1)
    >>> start.binds, start.seconds.estimate
    ('attestations an address', 1249.0)
    """
    sizes = {"servers": servers, "cores": cores, "datastore_cores": datastore_cores}
    if addresses is None:
        addresses = deployment.agents
    for name, value in (sizes | {"addresses": addresses}).items():
        if value != int(value) or value < 1:
            raise ValueError(f"{name}: got {value!r}, expected a whole number of at least 1")
    if addresses > deployment.agents:
        raise ValueError(f"addresses: got {addresses}, expected at most one an agent ({deployment.agents})")
    quantile = normal_quantile(level)
    if deployment.datastore == "sqlite" and servers > 1:
        raise ValueError(f"servers: got {servers}, expected 1: SQLite lives inside one server")
    fleet, unit = deployment.inputs(), costs.unit_costs(deployment.datastore)
    once = operations(fleet)
    usual = operation_rates(fleet, servers, 0.0, cluster.reload_duration(fleet, unit))
    signed = sum(part.rate_per_s * part.batch_size for part in once if part.operation == "sign_x509")
    limits = {
        "attestations an address": _paced(fleet.agents, spire.ATTESTATIONS_PER_S * addresses * servers),
        "signatures an address": _paced(signed, spire.SIGNATURES_PER_S * addresses * servers),
        "server cores": _worked(
            fleet, unit.server, once, usual, servers * (cores - fleet.cores_taken), fleet.machine_speed, quantile
        ),
    }
    if unit.datastore:
        limits["datastore cores"] = _worked(
            fleet, unit.datastore, once, usual, datastore_cores, fleet.datastore_speed, quantile
        )
    binds = max(limits, key=lambda name: limits[name].estimate)
    seconds = Interval(*(max(value[end] for value in limits.values()) for end in range(3)))
    return Recovery(
        servers=servers,
        cores=cores,
        datastore_cores=datastore_cores if unit.datastore else 0,
        addresses=addresses,
        level=level,
        seconds=seconds,
        binds=binds,
        limits=limits,
    )


def _paced(number: float, rate_per_s: float) -> Interval:
    """Return how long a limiter holds a number of requests back that come at once."""
    seconds = max(number / rate_per_s - 1.0, 0.0)
    return Interval(seconds, seconds, seconds)


def _busy(fleet: Inputs, blocks: dict[str, Block], rates: list[Rate], speed: float) -> float:
    """Price operations on busy hosts, CPU seconds."""
    total_s = 0.0
    for rate in rates:
        work = cluster.work_of(fleet, rate.operation, rate.batch_size, rate.cached_share)
        family = spire.family(fleet.sync_mode, rate.operation)
        total_s += rate.rate_per_s * cluster.demand_of(blocks, family, work).busy_s
    return total_s / speed


def _worked(
    fleet: Inputs,
    blocks: dict[str, Block],
    once: list[Rate],
    usual: list[Rate],
    cores: float,
    speed: float,
    quantile: float,
) -> Interval:
    """Return how long cores work on a whole start beside the fleet that has come back."""
    work_s, load = _busy(fleet, blocks, once, speed), _busy(fleet, blocks, usual, speed)
    spread = quantile * math.sqrt(cluster.relative_variance(fleet, blocks, once, 0.0, 0.0))

    def seconds(factor: float) -> float:
        return factor * work_s / (cores - 0.5 * factor * load) if factor * load < cores else math.inf

    return Interval(seconds(1.0), seconds(math.exp(-spread)), seconds(math.exp(spread)))
