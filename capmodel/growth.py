"""How far a chosen shape carries a growing fleet.

The functions are scalar and use plain arithmetic only: the site's calculator is translated from them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel import answer, cluster
from capmodel.choice import Choice, servers_lost
from capmodel.cluster import Interval, UnitCosts
from capmodel.deployment import Inputs
from capmodel.shapes import Limits, Shape

#: Points of a curve for each factor of ten in agents, and how many of them lie below and above the fleet.
POINTS_A_DECADE = 20
POINTS_BELOW = 20
POINTS_ABOVE = 14


class Point(NamedTuple):
    """A fleet of another size on the chosen shape, with the spare servers lost.

    Attributes
    ----------
    agents : float
        Agents; workloads grow with them.
    server, datastore : Interval
        Shares of the cores in use.
    response_s : Interval
        Mean response time of a sync.
    here : bool
        Whether this is the reader's own fleet.
    """

    agents: float
    server: Interval
    datastore: Interval
    response_s: Interval
    here: bool


def capacity(fleet: Inputs, unit: UnitCosts, limits: Limits, shape: Shape) -> float:
    """Return how many agents of the fleet's kind a shape carries.

    Parameters
    ----------
    fleet : Inputs
        The deployment; workloads grow with the agents, entries of an agent stay.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    shape : Shape
        Servers in all, their cores, cores of the datastore.

    Returns
    -------
    float
        Agents, to about 1 %; 0 where the shape does not carry the fleet itself.
    """
    if not carries(fleet, unit, limits, shape):
        return 0.0
    low = 1.0
    high = 2.0
    while high < 1e6 and carries(times(fleet, high), unit, limits, shape):
        low = high
        high = 2.0 * high
    for _ in range(7):
        middle = math.sqrt(low * high)
        if carries(times(fleet, middle), unit, limits, shape):
            low = middle
        else:
            high = middle
    return math.floor(low * fleet.agents) * 1.0


def carries(fleet: Inputs, unit: UnitCosts, limits: Limits, shape: Shape) -> bool:
    """Tell whether a shape keeps every limit with the spare servers lost.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    shape : Shape
        Servers in all, their cores, cores of the datastore.

    Returns
    -------
    bool
        At the upper end of the intervals.
    """
    left = shape.servers - limits.spare_servers
    state = cluster.forecast(fleet, unit, left, shape.cores, shape.datastore_cores, limits.quantile)
    return (
        state.server_utilization.upper <= limits.max_utilization
        and state.datastore_utilization.upper <= limits.max_utilization
        and state.response_time_s.upper <= limits.max_response_time_s
    )


def times(fleet: Inputs, factor: float) -> Inputs:
    """Return a larger or smaller fleet of the same kind.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    factor : float
        On agents, workloads and what both ask for a second.

    Returns
    -------
    Inputs
        Entries of an agent stay what they are.
    """
    return fleet._replace(
        agents=fleet.agents * factor,
        workloads=fleet.workloads * factor,
        jwt_per_s=fleet.jwt_per_s * factor,
        changes_per_s=fleet.changes_per_s * factor,
        updates_per_s=fleet.updates_per_s * factor,
    )


def curve(fleet: Inputs, unit: UnitCosts, limits: Limits, shape: Shape) -> list[Point]:
    """Return the state of a shape for fleets of other sizes, with the spare servers lost.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    shape : Shape
        Servers in all, their cores, cores of the datastore.

    Returns
    -------
    list of Point
        By agents, from a tenth of the fleet, and from one agent.
    """
    left = shape.servers - limits.spare_servers
    found = []
    for k in range(-POINTS_BELOW, POINTS_ABOVE + 1):
        other = times(fleet, 10.0 ** (k / POINTS_A_DECADE))
        if k < 0 and other.agents < 1.0:
            continue
        state = cluster.forecast(other, unit, left, shape.cores, shape.datastore_cores, limits.quantile)
        found.append(
            Point(
                agents=other.agents,
                server=state.server_utilization,
                datastore=state.datastore_utilization,
                response_s=state.response_time_s,
                here=k == 0,
            )
        )
    return found


def room(fleet: Inputs, limits: Limits, choice: Choice, agents: float) -> str:
    """Say how many agents the chosen shape carries.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    limits : Limits
        What must hold.
    choice : Choice
        The answer.
    agents : float
        See :func:`capacity`.

    Returns
    -------
    str
        A title.
    """
    if not choice.holds:
        return "The largest shape that was tried does not carry this fleet"
    # Two digits downwards, so that the title never promises more than was computed.
    unit = 1.0
    while agents >= 100.0 * unit:
        unit = 10.0 * unit
    most = math.floor(agents / unit) * unit
    most = max(most, fleet.agents)
    servers = "This server carries " if choice.shape.servers == 1 else "These servers carry "
    return servers + "up to about " + answer.count(most, "such agent") + servers_lost(limits, choice.shape.servers)
