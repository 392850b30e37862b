"""With which probability a shape keeps its limits, from the same distributions as the intervals.

The functions are scalar and use plain arithmetic only: the site's calculator is translated from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from capmodel import cluster
from capmodel.cluster import Basis, UnitCosts
from capmodel.deployment import Inputs
from capmodel.shapes import CORE_RUNGS, GB, MEMORY_FILL, Limits, Shape, datastore_rungs

#: Standard deviations beyond which nothing is looked at.
FARTHEST = 4.0
#: Intervals that the range of a demand is cut into where a limit ends it.
CELLS = 6


class Chances(NamedTuple):
    """Probabilities that limits are kept with the spare servers lost.

    Attributes
    ----------
    server_utilization, datastore_utilization : float
        Each limit alone, the other station being at its largest as in the search; 1 for SQLite's datastore.
    response_time : float
        Where both utilizations are kept.
    memory : float
        The limit on a server's memory.
    every : float
        All of them together: their product.
    """

    server_utilization: float
    datastore_utilization: float
    response_time: float
    memory: float
    every: float


def normal_cdf(z: float) -> float:
    """Return the probability that a standard normal variable is at most z.

    Parameters
    ----------
    z : float
        Where.

    Returns
    -------
    float
        To 15 digits: Hart's rational function (algorithm 5666 of Hart and others, Computer Approximations, 1968), and
        a continued fraction far out, as in West, Better approximations to cumulative normal functions, Wilmott
        magazine, 2005.

    Examples
    --------
    >>> normal_cdf(0.0), round(normal_cdf(1.6448536269514722), 12)
    (0.5, 0.95)
    """
    x = abs(z)
    tail = 0.0
    if x < 37.0:
        density = math.exp(-0.5 * x * x)
        if x < 7.07106781186547:
            above = 3.52624965998911e-02 * x + 0.700383064443688
            above = above * x + 6.37396220353165
            above = above * x + 33.912866078383
            above = above * x + 112.079291497871
            above = above * x + 221.213596169931
            above = above * x + 220.206867912376
            below = 8.83883476483184e-02 * x + 1.75566716318264
            below = below * x + 16.064177579207
            below = below * x + 86.7807322029461
            below = below * x + 296.564248779674
            below = below * x + 637.333633378831
            below = below * x + 793.826512519948
            below = below * x + 440.413735824752
            tail = density * above / below
        else:
            fraction = x + 1.0 / (x + 2.0 / (x + 3.0 / (x + 4.0 / (x + 0.65))))
            tail = density / (fraction * 2.506628274631)
    return 1.0 - tail if z > 0.0 else tail


def chances(fleet: Inputs, unit: UnitCosts, limits: Limits, shape: Shape, memory_gb: float) -> Chances:
    """Return with which probabilities a shape keeps its limits.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold; the quantile has no part here.
    shape : Shape
        Servers in all, their cores, cores of the datastore.
    memory_gb : float
        Memory of each server.

    Returns
    -------
    Chances
        All 0 where no server is left.

    Notes
    -----
    What the intervals rest on: servers and datastore each ask for their estimate times a log-normal factor, whose
    variance is that of the parameters and from run to run; the interference is normal, cut at 0; a response time
    scatters around its prediction by a log-normal factor, and memory around its own. The five are independent. Inputs,
    for instance the agents, are taken as given. The response time is integrated over the factors of servers and
    datastore and over the interference (:func:`cells`), and exactly over its own scatter.
    """
    left = shape.servers - limits.spare_servers
    if left < 1:
        return Chances(server_utilization=0.0, datastore_utilization=0.0, response_time=0.0, memory=0.0, every=0.0)
    server_z = server_reach(fleet, unit, limits, left, shape.cores)
    datastore_z = math.inf
    if fleet.datastore != "sqlite":
        datastore_z = datastore_reach(fleet, unit, limits, left, shape.datastore_cores)
    server = normal_cdf(server_z)
    datastore = normal_cdf(datastore_z)
    memory = memory_chance(fleet, unit, left, MEMORY_FILL * memory_gb * GB)
    response = 0.0
    if server > 0.0 and datastore > 0.0:
        response = response_chance(fleet, unit, limits, shape, server_z, datastore_z)
    return Chances(
        server_utilization=server,
        datastore_utilization=datastore,
        response_time=response,
        memory=memory,
        every=server * datastore * response * memory,
    )


def server_reach(fleet: Inputs, unit: UnitCosts, limits: Limits, left: float, cores: float) -> float:
    """Return how far the servers' demand may lie above its estimate before their utilization breaks its limit.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    left, cores : float
        Servers that are left, and cores of each.

    Returns
    -------
    float
        Standard deviations of the demand's logarithm; negative where the estimate itself breaks the limit.
    """
    largest = datastore_rungs(fleet)[-1]
    basis = cluster.basis_of(fleet, unit, left, cores, largest)

    def utilization(factor: float) -> float:
        load = cluster.with_errors(basis.load, factor, 1.0, unit.interference)
        return cluster.solve(fleet, load, unit.half_saturation, left, cores, largest).server_utilization

    return reach(utilization, limits.max_utilization, fleet.cores_taken / cores, basis.server_error)


def datastore_reach(fleet: Inputs, unit: UnitCosts, limits: Limits, left: float, datastore_cores: float) -> float:
    """Return how far the datastore's demand may lie above its estimate before its utilization breaks its limit.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    left, datastore_cores : float
        Servers that are left, and cores of the datastore.

    Returns
    -------
    float
        Standard deviations of the demand's logarithm; negative where the estimate itself breaks the limit.
    """
    basis = cluster.basis_of(fleet, unit, left, CORE_RUNGS[-1], datastore_cores)

    def utilization(factor: float) -> float:
        load = cluster.with_errors(basis.load, 1.0, factor, unit.interference)
        state = cluster.solve(fleet, load, unit.half_saturation, left, CORE_RUNGS[-1], datastore_cores)
        return state.datastore_utilization

    return reach(utilization, limits.max_utilization, 0.0, basis.datastore_error)


def reach(utilization: Callable[[float], float], limit: float, taken: float, error: float) -> float:
    """Return how many standard deviations a demand may grow before a utilization breaks its limit.

    Parameters
    ----------
    utilization : callable
        Share of the cores in use as a function of the factor on the demand; it never falls.
    limit : float
        The largest that is allowed.
    taken : float
        Share of the cores that the demand has no part in.
    error : float
        Standard deviation of the factor's logarithm.

    Returns
    -------
    float
        Positive infinity where nothing reaches the limit, negative infinity where nothing keeps it.
    """
    used = utilization(1.0)
    if used <= taken:
        return math.inf if taken <= limit else -math.inf
    if taken >= limit:
        return -math.inf
    if error <= 0.0:
        return math.inf if used <= limit else -math.inf
    low = math.exp(-9.0 * error)
    high = math.exp(9.0 * error)
    factor = 1.0
    for _ in range(100):
        if used <= limit:
            low = factor
        else:
            high = factor
        # Agents that wait longer come less often, so a utilization grows a little less than its demand.
        following = factor * (limit - taken) / (used - taken)
        if abs(following / factor - 1.0) <= 1e-10 or high / low - 1.0 <= 1e-10:
            break
        factor = following if low < following and following < high else math.sqrt(low * high)
        used = utilization(factor)
    return math.log(factor) / error


def memory_chance(fleet: Inputs, unit: UnitCosts, left: float, limit_bytes: float) -> float:
    """Return the probability that a server's resident set keeps its limit.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    left : float
        Servers that are left.
    limit_bytes : float
        The largest that is allowed.

    Returns
    -------
    float
        0 to 1.
    """
    memory = cluster.memory_of(fleet, unit, left, 1.0)
    error = math.log(memory.upper / memory.estimate)
    return lognormal_chance(memory.estimate, error, limit_bytes)


def lognormal_chance(median: float, error: float, limit: float) -> float:
    """Return the probability that a log-normal value is at most a limit.

    Parameters
    ----------
    median : float
        The value's median; may be infinite.
    error : float
        Standard deviation of its logarithm.
    limit : float
        The limit.

    Returns
    -------
    float
        0 to 1.

    Examples
    --------
    >>> lognormal_chance(1.0, 0.5, 1.0), lognormal_chance(2.0, 0.0, 1.0)
    (0.5, 0.0)
    """
    if error <= 0.0 or median <= 0.0 or median == math.inf:
        return 1.0 if median <= limit else 0.0
    return normal_cdf(math.log(limit / median) / error)


def response_chance(
    fleet: Inputs, unit: UnitCosts, limits: Limits, shape: Shape, server_z: float, datastore_z: float
) -> float:
    """Return the probability that the response time keeps its limit where both utilizations keep theirs.

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
    server_z, datastore_z : float
        How far the demands may lie above their estimates, see :func:`server_reach`.

    Returns
    -------
    float
        0 to 1.
    """
    left = shape.servers - limits.spare_servers
    basis = cluster.basis_of(fleet, unit, left, shape.cores, shape.datastore_cores)
    scatter = math.sqrt(unit.response_dispersion)
    worst = response_at(fleet, unit, basis, left, shape, min(server_z, FARTHEST), min(datastore_z, FARTHEST), FARTHEST)
    if worst * math.exp(FARTHEST * scatter) <= limits.max_response_time_s:
        return 1.0
    servers = cells(server_z, basis.server_error)
    datastores = cells(datastore_z, basis.datastore_error)
    nodes = cells(math.inf, unit.interference_error)
    total = 0.0
    for one in servers:
        for other in datastores:
            for node in nodes:
                response_s = response_at(fleet, unit, basis, left, shape, one.z, other.z, node.z)
                kept = lognormal_chance(response_s, scatter, limits.max_response_time_s)
                total = total + one.weight * other.weight * node.weight * kept
    return total


class Cell(NamedTuple):
    """A value of a standard normal variable and its share of the probability."""

    z: float
    weight: float


def cells(most: float, error: float) -> list[Cell]:
    """Stand a few values for a standard normal variable that is at most a value.

    Parameters
    ----------
    most : float
        The largest value.
    error : float
        What the variable is multiplied by.

    Returns
    -------
    list of Cell
        The 3 nodes of Gauss and Hermite where `most` is far out, midpoints of equal parts where it is not, the lowest
        part being open, and a single 0 where nothing varies; the weights add up to 1.
    """
    if error <= 0.0:
        return [Cell(z=0.0, weight=1.0)]
    if most > FARTHEST - 0.5:
        outer = math.sqrt(3.0)
        return [Cell(z=-outer, weight=1.0 / 6.0), Cell(z=0.0, weight=2.0 / 3.0), Cell(z=outer, weight=1.0 / 6.0)]
    top = most
    bottom = min(-FARTHEST, top - 2.0)
    whole = normal_cdf(most)
    found = []
    before = 0.0
    for k in range(CELLS):
        end = bottom + (top - bottom) * (k + 1) / CELLS
        now = whole if k == CELLS - 1 else normal_cdf(end)
        middle = bottom + (top - bottom) * (k + 0.5) / CELLS
        found.append(Cell(z=middle, weight=(now - before) / whole))
        before = now
    return found


def response_at(
    fleet: Inputs,
    unit: UnitCosts,
    basis: Basis,
    left: float,
    shape: Shape,
    server_z: float,
    datastore_z: float,
    interference_z: float,
) -> float:
    """Return the median response time where demands and interference lie off their estimates.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    basis : Basis
        The cluster's state at the estimates.
    left : float
        Servers that are left.
    shape : Shape
        Cores of each, and of the datastore.
    server_z, datastore_z, interference_z : float
        How far, in standard deviations.

    Returns
    -------
    float
        Seconds.
    """
    load = cluster.with_errors(
        basis.load,
        math.exp(server_z * basis.server_error),
        math.exp(datastore_z * basis.datastore_error),
        max(unit.interference + interference_z * unit.interference_error, 0.0),
    )
    return cluster.solve(fleet, load, unit.half_saturation, left, shape.cores, shape.datastore_cores).response_time_s
