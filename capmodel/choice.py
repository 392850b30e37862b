"""What a cluster needs, and the words that say why nothing smaller does.

The functions are scalar and use plain arithmetic only: the site's calculator is translated from them, so that page and
package cannot differ.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel import cluster
from capmodel.cluster import Forecast, UnitCosts
from capmodel.deployment import Inputs
from capmodel.search import Found, datastore_utilization, response_time, server_utilization, smallest
from capmodel.shapes import GB, MEMORY_FILL, MEMORY_RUNGS_GB, Limits, Shape, datastore_rungs, memory_rung, server_shapes


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


def servers_lost(limits: Limits, servers: int) -> str:
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

    Examples
    --------
    >>> servers_lost(Limits(0.6, 1.0, 1.645, 1), 3)
    ' with 1 of 3 servers lost'
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
        Both in percent, with as many digits as tell them apart.

    Examples
    --------
    >>> above(0.62, 0.6), above(0.6001, 0.6)
    ('62 %, limit 60 %', '60.01 %, limit 60 %')
    """
    text = f"{100.0 * value:.0f}"
    if text == f"{100.0 * limit:.0f}":
        text = f"{100.0 * value:.2f}"
    return text + f" %, limit {100.0 * limit:.3g} %"


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
        f"server utilization at most {100.0 * degraded.server_utilization.upper:.0f} %"
        + servers_lost(limits, shape.servers)
        + f", limit {100.0 * limits.max_utilization:.3g} %"
    ]
    if fleet.datastore != "sqlite":
        found.append(
            f"datastore utilization at most {100.0 * degraded.datastore_utilization.upper:.0f} %, "
            f"limit {100.0 * limits.max_utilization:.3g} %"
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
        return Smaller(
            exists=True, shape=before, fails_because="; ".join(reasons) + servers_lost(limits, before.servers)
        )
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

    Examples
    --------
    >>> spares(Limits(0.6, 1.0, 1.645, 2))
    '2 spare servers'
    """
    return f"{limits.spare_servers:g} spare " + ("server" if limits.spare_servers == 1 else "servers")
