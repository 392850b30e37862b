"""Which servers and which datastore a cluster needs: the search over shapes, and the words that explain its answer.

The functions are scalar and use plain arithmetic only: the site's calculator is translated from them, so that page and
package cannot differ.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel import cluster
from capmodel.cluster import Forecast, Interval, UnitCosts
from capmodel.deployment import Inputs, operation_rates

#: Shapes that are tried: servers, cores of each, memory of each in GB, cores of the datastore.
SERVER_RUNGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
CORE_RUNGS = (1, 2, 4, 8, 16, 32)
MEMORY_RUNGS_GB = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
DATASTORE_CORE_RUNGS = (1, 2, 4, 8, 16, 32, 64, 128)

#: Share of a server's memory that its resident set may fill: Go's collector lets the heap grow before it collects.
MEMORY_FILL = 0.8
GB = 1e9


class Limits(NamedTuple):
    """What a shape must keep.

    Attributes
    ----------
    max_utilization : float
        Largest share of the cores in use, of servers and of the datastore.
    max_response_time_s : float
        Longest mean response time of a sync, seconds.
    quantile : float
        Normal quantile of the intervals' upper bound; a limit holds when the upper bound keeps it.
    spare_servers : int
        Servers that may be lost without a limit being broken.
    """

    max_utilization: float
    max_response_time_s: float
    quantile: float
    spare_servers: int


class Shape(NamedTuple):
    """Servers, cores of each, and cores of the datastore (1 for SQLite, which has none of its own)."""

    servers: int
    cores: int
    datastore_cores: int


class Smaller(NamedTuple):
    """A shape smaller than the chosen one, and why it fails.

    Attributes
    ----------
    exists : bool
        False if there is none; the other fields then repeat the chosen shape.
    shape : Shape
        The smaller shape.
    fails_because : str
        The limits that it breaks.
    """

    exists: bool
    shape: Shape
    fails_because: str


class Choice(NamedTuple):
    """The answer of the search.

    Attributes
    ----------
    holds : bool
        False if no shape holds; the others then describe the largest.
    shape : Shape
        Chosen at the upper end of the fleet's demand.
    memory_gb : int
        Memory of each server.
    low_shape : Shape
        What the search finds at the lower end of the demand.
    low_memory_gb : int
        Memory of each server at the lower end.
    whole, degraded : Forecast
        With all servers up, and with the spare ones lost; the second is what must hold.
    reasons : list of str
        Each limit with the value that keeps it, or the limits that are broken.
    smaller : Smaller
        The shape before the chosen one; where there is none, a smaller datastore or fewer servers.
    smaller_datastore : Smaller
        The same servers with a smaller datastore.
    """

    holds: bool
    shape: Shape
    memory_gb: int
    low_shape: Shape
    low_memory_gb: int
    whole: Forecast
    degraded: Forecast
    reasons: list[str]
    smaller: Smaller
    smaller_datastore: Smaller


class Least(NamedTuple):
    """What a number of servers needs at the least where every limit holds.

    Attributes
    ----------
    server, datastore : float
        Cores in use on one server and on the datastore.
    response_s : float
        Mean response time of a sync that waits for no other: its network round trips and its critical work.
    memory_bytes : float
        Resident set of one server.
    """

    server: float
    datastore: float
    response_s: float
    memory_bytes: float


class Found(NamedTuple):
    """A shape, and whether it holds."""

    holds: bool
    shape: Shape


class ReferenceCell(NamedTuple):
    """One cell of the published table (data/reference_sizing.csv)."""

    agents: int
    workloads: int
    servers: int
    cores_per_server: int
    memory_gb_per_server: int


def server_rungs(fleet: Inputs, spare_servers: int) -> list[int]:
    """List the numbers of servers that leave at least one when the spare ones are lost.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    spare_servers : int
        Servers that may be lost.

    Returns
    -------
    list of int
        One server for SQLite, which lives inside it.
    """
    if fleet.datastore == "sqlite":
        return [1]
    return [count for count in SERVER_RUNGS if count > spare_servers]


def datastore_rungs(fleet: Inputs) -> list[int]:
    """List the sizes of the datastore that are tried.

    Parameters
    ----------
    fleet : Inputs
        The deployment.

    Returns
    -------
    list of int
        Cores; 1 for SQLite, which has none of its own.
    """
    if fleet.datastore == "sqlite":
        return [1]
    return list(DATASTORE_CORE_RUNGS)


def server_shapes(fleet: Inputs, spare_servers: int) -> list[Shape]:
    """List servers and cores from small to large.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    spare_servers : int
        Servers that may be lost.

    Returns
    -------
    list of Shape
        By cores in all, then by servers; the datastore is at its largest.
    """
    counts = server_rungs(fleet, spare_servers)
    largest_datastore = datastore_rungs(fleet)[-1]
    shapes: list[Shape] = []
    total = 0
    while True:
        # The next larger number of cores in all that some shape has.
        following = 0
        for servers in counts:
            for cores in CORE_RUNGS:
                if servers * cores > total and (following == 0 or servers * cores < following):
                    following = servers * cores
        if following == 0:
            return shapes
        total = following
        for servers in counts:
            shapes.extend(
                [
                    Shape(servers=servers, cores=cores, datastore_cores=largest_datastore)
                    for cores in CORE_RUNGS
                    if servers * cores == total
                ]
            )


def least_of(fleet: Inputs, unit: UnitCosts, limits: Limits, servers: int, end: str) -> Least:
    """Return what a number of servers needs at the least where every limit holds.

    A shape that is too small even for this needs no solution of the closed loop.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    servers : int
        Servers in all.
    end : {"lower", "upper"}
        End of the intervals.

    Returns
    -------
    Least
        At the longest response time that is allowed, with the demand of a busy host that nothing wakes.
    """
    left = servers - limits.spare_servers
    widest = math.exp(limits.quantile * math.sqrt(unit.response_dispersion))
    scatter = widest if end == "lower" else 1.0 / widest
    longest_s = limits.max_response_time_s * scatter
    rates = operation_rates(fleet, left, longest_s, cluster.reload_duration(fleet, unit))
    load = cluster.load_of(fleet, unit, rates, left)
    sync_per_s = fleet.agents / (fleet.sync_interval_s + longest_s)
    server_factor = 1.0
    datastore_factor = 1.0
    if end == "lower":
        # The relative error is a norm over a positive linear form of the two shares, so it is largest at a corner.
        server_variance = 0.0
        datastore_variance = 0.0
        for waking in (0.0, 1.0):
            server_variance = max(server_variance, cluster.relative_variance(fleet, unit.server, rates, waking, 0.0))
            for churn in (0.0, 1.0):
                datastore_variance = max(
                    datastore_variance, cluster.relative_variance(fleet, unit.datastore, rates, waking, churn)
                )
        server_factor = math.exp(-limits.quantile * math.sqrt(server_variance))
        datastore_factor = math.exp(-limits.quantile * math.sqrt(datastore_variance))
    return Least(
        server=server_factor * (sync_per_s / left * load.sync_server.busy_s + load.other_server.busy_s)
        + fleet.cores_taken,
        datastore=datastore_factor * (sync_per_s * load.sync_datastore.busy_s + load.other_datastore.busy_s),
        response_s=(
            cluster.network_wait(fleet, fleet.agents / fleet.sync_interval_s / left)
            + load.critical_share
            * (server_factor * load.sync_server.busy_s + datastore_factor * load.sync_datastore.busy_s)
        )
        / scatter,
        memory_bytes=at_end(cluster.memory_of(fleet, unit, left, limits.quantile), end),
    )


def at_end(interval: Interval, end: str) -> float:
    """Return one end of an interval.

    Parameters
    ----------
    interval : Interval
        Estimate and bounds.
    end : {"lower", "upper"}
        Which.

    Returns
    -------
    float
        The bound.
    """
    return interval.upper if end == "upper" else interval.lower


def server_utilization(fleet: Inputs, unit: UnitCosts, limits: Limits, servers: int, cores: int, end: str) -> float:
    """Return the utilization of the servers that are left, with the datastore at its largest.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    servers, cores : int
        Servers in all, and cores of each.
    end : {"lower", "upper"}
        End of the interval.

    Returns
    -------
    float
        A slow datastore would hold agents back, and the servers would look idle.
    """
    left = servers - limits.spare_servers
    state = cluster.forecast(fleet, unit, left, cores, datastore_rungs(fleet)[-1], limits.quantile)
    return at_end(state.server_utilization, end)


def datastore_utilization(
    fleet: Inputs, unit: UnitCosts, limits: Limits, servers: int, datastore_cores: int, end: str
) -> float:
    """Return the utilization of the datastore, with the cores of the servers at their most.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    servers, datastore_cores : int
        Servers in all, and cores of the datastore.
    end : {"lower", "upper"}
        End of the interval.

    Returns
    -------
    float
        Slow servers would hold agents back, and the datastore would look idle.
    """
    left = servers - limits.spare_servers
    state = cluster.forecast(fleet, unit, left, CORE_RUNGS[-1], datastore_cores, limits.quantile)
    return at_end(state.datastore_utilization, end)


def response_time(fleet: Inputs, unit: UnitCosts, limits: Limits, shape: Shape, end: str) -> float:
    """Return the mean response time of a sync on the servers that are left.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    shape : Shape
        Servers in all, their cores, and cores of the datastore.
    end : {"lower", "upper"}
        End of the interval.

    Returns
    -------
    float
        Seconds.
    """
    left = shape.servers - limits.spare_servers
    state = cluster.forecast(fleet, unit, left, shape.cores, shape.datastore_cores, limits.quantile)
    return at_end(state.response_time_s, end)


def next_datastore(
    fleet: Inputs, unit: UnitCosts, limits: Limits, servers: int, least: Least, start: int, end: str
) -> int:
    """Find the next size of the datastore that keeps its utilization.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    servers : int
        Servers in all.
    least : Least
        What they need at the least.
    start : int
        Place in :func:`datastore_rungs` to start from.
    end : {"lower", "upper"}
        End of the intervals.

    Returns
    -------
    int
        Place in :func:`datastore_rungs`; their number where there is none.
    """
    rungs = datastore_rungs(fleet)
    for place in range(start, len(rungs)):
        if least.datastore > limits.max_utilization * rungs[place]:
            continue
        if datastore_utilization(fleet, unit, limits, servers, rungs[place], end) <= limits.max_utilization:
            return place
    return len(rungs)


def smallest(fleet: Inputs, unit: UnitCosts, limits: Limits, end: str) -> Found:
    """Find the first shape that holds, by cores of all servers, then by servers, then by cores of the datastore.

    Servers and datastore are each tested with the other at its largest, so the size of the datastore does not depend on
    the servers' cores; the response time is tested with both. Nothing is taken to fall with cores: on a larger host a
    request more often finds idle cores to wake.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    end : {"lower", "upper"}
        End of the intervals at which it must hold.

    Returns
    -------
    Found
        The largest shape where none holds.
    """
    counts = server_rungs(fleet, limits.spare_servers)
    rungs = datastore_rungs(fleet)
    shapes = server_shapes(fleet, limits.spare_servers)
    leasts: list[Least | None] = [None for _ in counts]
    places = [-1 for _ in counts]
    for shape in shapes:
        k = counts.index(shape.servers)
        least = leasts[k]
        if least is None:
            least = least_of(fleet, unit, limits, shape.servers, end)
            leasts[k] = least
        if least.response_s > limits.max_response_time_s or least.memory_bytes > MEMORY_FILL * MEMORY_RUNGS_GB[-1] * GB:
            continue
        if least.server > limits.max_utilization * shape.cores:
            continue
        if places[k] < 0:
            places[k] = next_datastore(fleet, unit, limits, shape.servers, least, 0, end)
        place = places[k]
        if place == len(rungs):
            continue
        if server_utilization(fleet, unit, limits, shape.servers, shape.cores, end) > limits.max_utilization:
            continue
        while place < len(rungs):
            tried = Shape(servers=shape.servers, cores=shape.cores, datastore_cores=rungs[place])
            if response_time(fleet, unit, limits, tried, end) <= limits.max_response_time_s:
                return Found(holds=True, shape=tried)
            place = next_datastore(fleet, unit, limits, shape.servers, least, place + 1, end)
    return Found(holds=False, shape=shapes[-1])


def choose(fleet: Inputs, unit: UnitCosts, limits: Limits) -> Choice:
    """Find the smallest shape that holds, and say why.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.

    Returns
    -------
    Choice
        See there.
    """
    found = smallest(fleet, unit, limits, "upper")
    return explained(fleet, unit, limits, found, smallest(fleet, unit, limits, "lower").shape)


def explained(fleet: Inputs, unit: UnitCosts, limits: Limits, found: Found, low: Shape) -> Choice:
    """Say of a shape that was found what it does, and why nothing smaller does.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    found : Found
        The shape.
    low : Shape
        What the same search finds at the lower end of the demand.

    Returns
    -------
    Choice
        See there.
    """
    spare = limits.spare_servers
    shape = found.shape
    degraded = cluster.forecast(fleet, unit, shape.servers - spare, shape.cores, shape.datastore_cores, limits.quantile)
    whole = degraded
    if spare > 0:
        whole = cluster.forecast(fleet, unit, shape.servers, shape.cores, shape.datastore_cores, limits.quantile)
    memory_gb = memory_rung(degraded.memory_bytes.upper)
    low_bytes = cluster.memory_of(fleet, unit, low.servers - spare, limits.quantile).lower
    smaller_datastore = smaller_datastore_of(fleet, unit, limits, shape)
    return Choice(
        holds=found.holds,
        shape=shape,
        memory_gb=memory_gb,
        low_shape=low,
        low_memory_gb=min(memory_rung(low_bytes), memory_gb),
        whole=whole,
        degraded=degraded,
        reasons=kept(fleet, limits, shape, degraded, memory_gb) if found.holds else broken(fleet, unit, limits, shape),
        smaller=smaller_of(fleet, unit, limits, shape, smaller_datastore),
        smaller_datastore=smaller_datastore,
    )


def memory_rung(resident_bytes: float) -> int:
    """Return the smallest size of memory that leaves room beside the resident set.

    Parameters
    ----------
    resident_bytes : float
        Resident set of a server.

    Returns
    -------
    int
        GB; the largest where none is large enough.

    Examples
    --------
    >>> memory_rung(0.5e9), memory_rung(0.9e9)
    (1, 2)
    """
    for rung in MEMORY_RUNGS_GB:
        if resident_bytes <= MEMORY_FILL * rung * GB:
            return rung
    return MEMORY_RUNGS_GB[-1]


def lost(limits: Limits, servers: int) -> str:
    """Say how many servers are lost.

    Parameters
    ----------
    limits : Limits
        What must hold.
    servers : int
        Servers in all.

    Returns
    -------
    str
        Nothing where none is spare.
    """
    if limits.spare_servers == 0:
        return ""
    return f" with {limits.spare_servers:g} of {servers:g} servers lost"


def above(value: float, limit: float) -> str:
    """Write a value so that it reads as more than its limit.

    Parameters
    ----------
    value, limit : float
        The two.

    Returns
    -------
    str
        Both, with two decimals where they tell them apart.

    Examples
    --------
    >>> above(0.62, 0.6), above(0.6001, 0.6)
    ('0.62, limit 0.60', '0.6001, limit 0.60')
    """
    text = f"{value:.2f}"
    if text == f"{limit:.2f}":
        text = f"{value:.4f}"
    return text + f", limit {limit:.2f}"


def kept(fleet: Inputs, limits: Limits, shape: Shape, degraded: Forecast, memory_gb: int) -> list[str]:
    """List the limits with the values that keep them.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    limits : Limits
        What must hold.
    shape : Shape
        The chosen shape.
    degraded : Forecast
        Its state with the spare servers lost.
    memory_gb : int
        Memory of each server.

    Returns
    -------
    list of str
        One line a limit.
    """
    found = [
        f"server utilization at most {degraded.server_utilization.upper:.2f}"
        + lost(limits, shape.servers)
        + f", limit {limits.max_utilization:.2f}"
    ]
    if fleet.datastore != "sqlite":
        found.append(
            f"datastore utilization at most {degraded.datastore_utilization.upper:.2f}, "
            f"limit {limits.max_utilization:.2f}"
        )
    found.append(
        f"response time at most {degraded.response_time_s.upper:.3g} s, limit {limits.max_response_time_s:g} s"
    )
    found.append(
        f"memory at most {degraded.memory_bytes.upper / GB:.3g} GB of {memory_gb:g} GB, "
        f"limit {MEMORY_FILL * memory_gb:.3g} GB"
    )
    return found


def broken(fleet: Inputs, unit: UnitCosts, limits: Limits, shape: Shape) -> list[str]:
    """List the limits that a shape breaks at the upper end of the demand.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    shape : Shape
        Servers in all, cores of each, cores of the datastore.

    Returns
    -------
    list of str
        Empty where the shape holds.
    """
    found = []
    value = server_utilization(fleet, unit, limits, shape.servers, shape.cores, "upper")
    if value > limits.max_utilization:
        found.append("server utilization up to " + above(value, limits.max_utilization))
    if fleet.datastore != "sqlite":
        value = datastore_utilization(fleet, unit, limits, shape.servers, shape.datastore_cores, "upper")
        if value > limits.max_utilization:
            found.append("datastore utilization up to " + above(value, limits.max_utilization))
    value = response_time(fleet, unit, limits, shape, "upper")
    if value > limits.max_response_time_s:
        most = "without bound" if value == math.inf else f"up to {value:.3g} s"
        found.append("response time " + most + f", limit {limits.max_response_time_s:g} s")
    value = cluster.memory_of(fleet, unit, shape.servers - limits.spare_servers, limits.quantile).upper / GB
    if value > MEMORY_FILL * MEMORY_RUNGS_GB[-1]:
        found.append(f"memory up to {value:.3g} GB, limit {MEMORY_FILL * MEMORY_RUNGS_GB[-1]:g} GB")
    return found


def smaller_datastore_of(fleet: Inputs, unit: UnitCosts, limits: Limits, shape: Shape) -> Smaller:
    """Describe the next smaller datastore, and why it fails.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    shape : Shape
        The chosen shape.

    Returns
    -------
    Smaller
        See there.
    """
    rungs = datastore_rungs(fleet)
    place = rungs.index(shape.datastore_cores)
    if place == 0:
        return Smaller(exists=False, shape=shape, fails_because="there is none: this is the smallest datastore")
    tried = Shape(servers=shape.servers, cores=shape.cores, datastore_cores=rungs[place - 1])
    return Smaller(exists=True, shape=tried, fails_because="; ".join(broken(fleet, unit, limits, tried)))


def smaller_of(fleet: Inputs, unit: UnitCosts, limits: Limits, shape: Shape, smaller_datastore: Smaller) -> Smaller:
    """Describe the shape before the chosen one, and why it fails.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    shape : Shape
        The chosen shape.
    smaller_datastore : Smaller
        Taken where the servers are the fewest and smallest.

    Returns
    -------
    Smaller
        See there.
    """
    before = shape
    for other in server_shapes(fleet, limits.spare_servers):
        if other.servers == shape.servers and other.cores == shape.cores:
            break
        before = Shape(servers=other.servers, cores=other.cores, datastore_cores=shape.datastore_cores)
    if before.servers != shape.servers or before.cores != shape.cores:
        reasons = broken(fleet, unit, limits, before)
        return Smaller(exists=True, shape=before, fails_because="; ".join(reasons) + lost(limits, before.servers))
    if smaller_datastore.exists:
        return smaller_datastore
    if limits.spare_servers > 0:
        fewer = Shape(servers=limits.spare_servers, cores=shape.cores, datastore_cores=shape.datastore_cores)
        return Smaller(
            exists=True,
            shape=fewer,
            fails_because="availability: " + spares(limits) + " asked for, none would be left to serve",
        )
    return Smaller(exists=False, shape=shape, fails_because="there is none: this is the smallest shape")


def spares(limits: Limits) -> str:
    """Name the spare servers.

    Parameters
    ----------
    limits : Limits
        What must hold.

    Returns
    -------
    str
        Their number and noun.
    """
    return f"{limits.spare_servers:g} spare " + ("server" if limits.spare_servers == 1 else "servers")


def covering_cell(table: list[ReferenceCell], agents: float, workloads: float) -> ReferenceCell | None:
    """Return the published table's cell for a fleet.

    Parameters
    ----------
    table : list of ReferenceCell
        The table.
    agents, workloads : float
        The fleet.

    Returns
    -------
    ReferenceCell or None
        The smallest cell with at least as many agents and workloads; None beyond the table.
    """
    best: ReferenceCell | None = None
    for cell in table:
        if cell.agents < agents or cell.workloads < workloads:
            continue
        fewer = best is None or cell.agents < best.agents
        if fewer or (best is not None and cell.agents == best.agents and cell.workloads < best.workloads):
            best = cell
    return best
