"""How many connections to the datastore a server needs, and how many the datastore must accept."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binom, poisson

from capmodel import cluster, response, spire
from capmodel.cluster import Interval
from capmodel.deployment import operation_rates
from capmodel.queueing import mmc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capmodel.choice import Choice
    from capmodel.cluster import Forecast, UnitCosts
    from capmodel.deployment import Deployment, Inputs
    from capmodel.shapes import Limits

#: Share of moments at which a request must find a connection free.
FREE_SHARE = 0.999
#: A pool's size is a multiple of this, and at least twice this.
STEP = 5
#: Connections that the datastore keeps for people, backups and exporters, beside those that it reserves itself.
RESERVE = 10
#: Connections that a datastore accepts by default: PostgreSQL 15 and MariaDB 10.11, ``max_connections``.
DATASTORE_DEFAULTS = {"postgresql": 100, "mariadb": 151}
#: Loops of a server that use the datastore beside the requests, each with the connections that it holds at a time.
#: v1.15.3 pkg/server/endpoints/entryfetcher.go:64-85; pkg/server/datastore/sqlstore/sqlstore.go:450-458,657 (an event
#: is read on a second connection); pkg/server/registration/manager.go:15, pkg/server/node/manager.go:15-17,
#: pkg/server/endpoints/endpoints.go:53-65 (pruning of entries, nodes, events); pkg/server/ca/rotator/rotator.go:17;
#: spire-controller-manager pkg/reconciler/reconciler.go:83-106
LOOPS = {"reload or poll": 2, "pruning": 3, "CA rotation": 1, "controller manager": 1}


@dataclass(frozen=True)
class ConnectionPool:
    """Connections between servers and datastore.

    Attributes
    ----------
    per_server : int
        Most connections that a server may open, and as many that it keeps when they are idle.
    in_use : Interval
        Mean number that one server uses, with the spare servers lost.
    in_use_most : int
        Enough for the requests at all but one in a thousand moments, at the upper bound of `in_use`.
    background : int
        Enough for a server's own loops: reloads or polls, pruning, CA rotation, federation.
    all_servers : int
        Connections of all servers together.
    datastore_limit : int
        What the datastore must accept, with a reserve for people, backups and exporters.
    datastore_default : int
        What it accepts unless told otherwise.
    default_open, default_idle : int
        What a server of this release does by itself: most connections (0 for no limit) and those kept idle.
    """

    per_server: int
    in_use: Interval
    in_use_most: int
    background: int
    all_servers: int
    datastore_limit: int
    datastore_default: int
    default_open: int
    default_idle: int

    def to_dict(self) -> dict[str, Any]:
        """Return the plain values that the command line prints as JSON.

        Returns
        -------
        dict
            The attributes; `in_use` as estimate, lower and upper.
        """
        return asdict(self) | {"in_use": self.in_use._asdict()}


def connection_pool(deployment: Deployment, unit: UnitCosts, limits: Limits, choice: Choice) -> ConnectionPool | None:
    """Size the connections between servers and datastore.

    Parameters
    ----------
    deployment : Deployment
        The fleet.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What the shape keeps.
    choice : Choice
        The shape, and its state with the spare servers lost.

    Returns
    -------
    ConnectionPool or None
        None for SQLite, which lives inside the server, and where no shape holds.

    Notes
    -----
    By Little's law the connections in use are the requests at the datastore or on the way to it. The upper bound lets a
    sync hold its connection (ten where it fetches federated bundles) as long as it lasts, at the upper bound of its
    response time. Requests at the datastore are the queue of its cores, of which each server holds a binomial share;
    the rest are a Poisson number. A pool holds the 99.9 % quantile, or twice the mean where that is more, so that a
    fleet which was held up catches up as quickly as it came, and the background's connections on top.

    A fleet that syncs all at once waits for a connection instead of filling the datastore.
    """
    if deployment.datastore == "sqlite" or not choice.holds:
        return None
    fleet, shape, degraded = deployment.inputs(), choice.shape, choice.degraded
    left = shape.servers - limits.spare_servers
    in_use = connections_in_use(fleet, unit, limits, left, shape.datastore_cores, degraded)
    most = quantile_of(in_use.upper, degraded.datastore_utilization.upper, shape.datastore_cores, left, FREE_SHARE)
    background = sum(LOOPS.values()) + (1 + math.ceil(fleet.federated_peers) if fleet.federated_peers > 0 else 0)
    needed = max(most, math.ceil(2.0 * in_use.upper)) + background
    per_server = max(math.ceil(needed / STEP), 2) * STEP
    version = spire.version_tuple(deployment.spire_version or spire.MODE_VERSIONS[deployment.sync_mode])
    return ConnectionPool(
        per_server=per_server,
        in_use=in_use,
        in_use_most=most,
        background=background,
        all_servers=shape.servers * per_server,
        datastore_limit=shape.servers * per_server + RESERVE,
        datastore_default=DATASTORE_DEFAULTS[fleet.datastore],
        default_open=spire.OPEN_CONNECTIONS if version >= (1, 8, 7) else 0,
        default_idle=spire.OPEN_CONNECTIONS if version >= (1, 12, 0) else spire.IDLE_CONNECTIONS_BEFORE_V1_12,
    )


def connections_in_use(
    fleet: Inputs, unit: UnitCosts, limits: Limits, servers: int, datastore_cores: int, state: Forecast
) -> Interval:
    """Return the mean number of connections that requests use on one server.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        Quantile of the bounds.
    servers, datastore_cores : int
        Servers that serve, and cores of the datastore.
    state : Forecast
        Their state.

    Returns
    -------
    Interval
        Never more than what the agents in flight can hold.
    """
    rates = operation_rates(fleet, servers, state.response_time_s.estimate, cluster.reload_duration(fleet, unit))
    critical = cluster.load_of(fleet, unit, rates, servers).critical_share
    trip_s = fleet.datastore_round_trip_time_s
    on_the_way = sum(rate.rate_per_s * round_trips(fleet, rate.operation, rate.batch_size) for rate in rates) * trip_s

    def at(end: str, sign: float) -> float:
        utilization = getattr(state.datastore_utilization, end)
        interference = max(unit.interference + sign * limits.quantile * unit.interference_error, 0.0)
        waiting = cluster.waiting(datastore_cores, utilization)
        requests = utilization * datastore_cores * response.stretch(waiting, critical, interference)
        return (requests + on_the_way) / servers

    parallel = max(1.0, min(fleet.federated_domains, spire.FEDERATED_WORKERS))
    in_flight = state.sync_per_s.upper * state.response_time_s.upper / servers
    estimate, lower, upper = at("estimate", 0.0), at("lower", -1.0), max(at("upper", 1.0), parallel * in_flight)
    held = parallel * fleet.agents / servers
    return Interval(*(min(value, held) for value in (estimate, min(lower, estimate), max(upper, estimate))))


def round_trips(fleet: Inputs, operation: str, batch_size: float) -> float:
    """Count the round trips during which an operation holds connections.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    operation : str
        Name of an operation.
    batch_size : float
        Requests in it.

    Returns
    -------
    float
        Four for each three statements: BEGIN, a prepare, the statement, ROLLBACK. 0 for reloads, polls and lists, which
        hold a connection of their own (see `LOOPS`), and for what needs none.

    Examples
    --------
    >>> from capmodel import Deployment
    >>> round_trips(Deployment(agents=1, workloads=1).inputs(), "sync", 1.0)
    4.0
    """
    if operation in ("reload", "poll_events", "list_entries", "list_peers", "poll_peer"):
        return 0.0
    statements = spire.datastore_statements(
        operation=operation,
        sync_mode=fleet.sync_mode,
        batch_size=batch_size,
        federated_domains=fleet.federated_domains,
        entries_per_agent=fleet.entries_per_agent,
        selectors_per_entry=fleet.selectors_per_entry,
        node_selectors_per_agent=fleet.node_selectors_per_agent,
    )
    return statements * spire.TRANSACTION_ROUND_TRIPS / 3.0


def quantile_of(mean: float, utilization: float, datastore_cores: int, servers: int, share: float) -> int:
    """Return how many connections are enough for a share of the moments.

    Parameters
    ----------
    mean : float
        Mean number in use on one server.
    utilization : float
        Share of the datastore's cores in use.
    datastore_cores, servers : int
        Cores of the datastore, and servers that share it.
    share : float
        Share of the moments, more than 0 and less than 1.

    Returns
    -------
    int
        Quantile of a binomial share of the requests at the datastore, an M/M/c queue (under processor sharing whatever
        the distribution of service times), plus a Poisson number that makes up the mean.

    Examples
    --------
    With no queue to speak of, a Poisson quantile.

    >>> quantile_of(10.0, 1e-9, 2, 1, 0.999)
    21
    """
    queue = _shared(_queue_lengths(utilization, datastore_cores), servers)
    rest = max(mean - float(queue @ np.arange(len(queue))), 0.0)
    top = int(poisson.isf(1e-9, rest)) + 1
    total = np.convolve(queue, poisson.pmf(np.arange(top + 1), rest))
    return int(np.searchsorted(np.cumsum(total), share))


def _queue_lengths(utilization: float, cores: int) -> NDArray[np.float64]:
    """Return the probabilities of 0, 1, 2 ... requests in an M/M/c queue."""
    if utilization <= 0.0:
        return np.ones(1)
    state = mmc(arrival_rate=utilization * cores, service_time=1.0, servers=cores)
    tail = max(math.log(1e-9) / math.log(utilization), 1.0)
    up_to_cores = poisson.pmf(np.arange(cores), utilization * cores)
    beyond = utilization ** np.arange(math.ceil(tail)) * (1.0 - utilization) * float(state.wait_probability)
    below = up_to_cores / up_to_cores.sum() * (1.0 - float(state.wait_probability))
    return np.concatenate([below, beyond])


def _shared(lengths: NDArray[np.float64], servers: int) -> NDArray[np.float64]:
    """Return the probabilities of one server's share, each request being its own with equal chance."""
    if servers == 1:
        return lengths
    counts = np.arange(len(lengths))
    return np.asarray(lengths @ binom.pmf(counts[None, :], counts[:, None], 1.0 / servers), dtype=float)
