"""The search over shapes: the first that holds, in the order that is asked for.

The functions are scalar and use plain arithmetic only: the site's calculator is translated from them, so that page and
package cannot differ.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel import cluster, shapes
from capmodel.cluster import Interval, UnitCosts
from capmodel.deployment import Inputs, operation_rates
from capmodel.shapes import Limits, Shape, by_size, datastore_rungs, server_rungs


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

    Examples
    --------
    >>> at_end(Interval(2.0, 1.0, 3.0), "upper")
    3.0
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
    state = cluster.forecast(fleet, unit, left, shapes.CORE_RUNGS[-1], datastore_cores, limits.quantile)
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


def first_that_holds(fleet: Inputs, unit: UnitCosts, limits: Limits, listed: list[Shape], end: str) -> int:
    """Find the first of some shapes that holds.

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
    listed : list of Shape
        Shapes of :func:`capmodel.shapes.by_size`, in any order.
    end : {"lower", "upper"}
        End of the intervals at which it must hold.

    Returns
    -------
    int
        Its place; their number where none holds.
    """
    counts = server_rungs(fleet, limits.spare_servers)
    rungs = datastore_rungs(fleet)
    leasts: list[Least | None] = [None for _ in counts]
    most_bytes = shapes.MEMORY_FILL * shapes.MEMORY_RUNGS_GB[-1] * shapes.GB
    # Below 0 until a shape asks for it: many share their servers, or their number of servers and their datastore.
    server_used = [[-1.0 for _ in shapes.CORE_RUNGS] for _ in counts]
    datastore_used = [[-1.0 for _ in rungs] for _ in counts]
    for place in range(len(listed)):
        shape = listed[place]
        k = counts.index(shape.servers)
        least = leasts[k]
        if least is None:
            least = least_of(fleet, unit, limits, shape.servers, end)
            leasts[k] = least
        if least.response_s > limits.max_response_time_s or least.memory_bytes > most_bytes:
            continue
        if least.server > limits.max_utilization * shape.cores:
            continue
        if least.datastore > limits.max_utilization * shape.datastore_cores:
            continue
        j = shapes.CORE_RUNGS.index(shape.cores)
        if server_used[k][j] < 0.0:
            server_used[k][j] = server_utilization(fleet, unit, limits, shape.servers, shape.cores, end)
        if server_used[k][j] > limits.max_utilization:
            continue
        j = rungs.index(shape.datastore_cores)
        if datastore_used[k][j] < 0.0:
            datastore_used[k][j] = datastore_utilization(fleet, unit, limits, shape.servers, shape.datastore_cores, end)
        if datastore_used[k][j] > limits.max_utilization:
            continue
        if response_time(fleet, unit, limits, shape, end) <= limits.max_response_time_s:
            return place
    return len(listed)


def smallest(fleet: Inputs, unit: UnitCosts, limits: Limits, end: str) -> Found:
    """Find the first shape that holds, by cores of all servers, then by servers, then by cores of the datastore.

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
    listed = by_size(fleet, limits.spare_servers)
    place = first_that_holds(fleet, unit, limits, listed, end)
    return Found(holds=place < len(listed), shape=listed[min(place, len(listed) - 1)])
