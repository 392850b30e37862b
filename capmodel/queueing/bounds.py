"""What can be said without solving a model: bounds of closed networks, their knee, and square-root staffing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr

from capmodel.queueing._arguments import Floats, non_negative, positive, positive_probabilities, whole


class Bounds(NamedTuple):
    """Bounds of a closed network; floats for scalar arguments, else arrays of their broadcast shape without stations.

    Attributes
    ----------
    throughput_low, throughput_high : float or ndarray
        Bounds of the throughput.
    response_low, response_high : float or ndarray
        Bounds of the mean response time.

    Examples
    --------
    >>> bounds = asymptotic_bounds(population=[1, 20], think_time=15.0, demands=[5.0, 4.0, 3.0])
    >>> bounds.throughput_high.round(3).tolist(), bounds.response_low.tolist()
    ([0.037, 0.2], [12.0, 85.0])
    """

    throughput_low: Floats
    throughput_high: Floats
    response_low: Floats
    response_high: Floats


def _stations(demands: ArrayLike, servers: ArrayLike) -> tuple[Floats, Floats]:
    """Return checked demands and servers, broadcast, with stations on the last axis."""
    (demand,) = non_negative(demands=demands)
    (count,) = whole(1, servers=servers)
    if not (demand.ndim or count.ndim):
        raise ValueError(f"demands: got {demand:.16g}, expected an array with the stations on its last axis")
    demand, count = np.broadcast_arrays(demand, count)
    return demand, count


def _bounds(customers: Floats, think: Floats, low: Floats, high: Floats) -> Bounds:
    """Return the bounds that belong to response times, by Little's law over a cycle."""
    customers, think, low, high = np.broadcast_arrays(customers, think, low, high)
    with np.errstate(divide="ignore", invalid="ignore"):
        slow = np.where(customers == 0.0, 0.0, customers / (think + high))
        fast = np.where(customers == 0.0, 0.0, customers / (think + low))
    return Bounds(slow[()], fast[()], low[()], high[()])


def asymptotic_bounds(
    *, population: ArrayLike, think_time: ArrayLike, demands: ArrayLike, servers: ArrayLike = 1
) -> Bounds:
    r"""Return the asymptotic bounds of a closed network.

    .. math:: \frac{N}{Z + \sum_k D_k \max(1, N / c_k)} \le X(N) \le
        \min\Bigl(\frac{N}{Z + \sum_k D_k},\; \min_k \frac{c_k}{D_k}\Bigr)

    On the left every customer finds all others in front of it at every station, on the right nobody waits or the
    bottleneck never rests. The right side holds for any network, the left one for those of :func:`closed_network`.

    Parameters
    ----------
    population : array_like
        Number of customers.
    think_time : array_like
        Mean time between an answer and the next request.
    demands : array_like
        Total mean service time of a cycle at each station, stations on the last axis.
    servers : array_like, default 1
        Servers of each station.

    Returns
    -------
    Bounds
        Of throughput and response time.

    Raises
    ------
    ValueError
        As :func:`closed_network`.

    References
    ----------
    E. D. Lazowska, J. Zahorjan, G. S. Graham, K. C. Sevcik, Quantitative System Performance, Prentice-Hall 1984,
    chapter 5.

    Examples
    --------
    >>> bounds = asymptotic_bounds(population=20, think_time=15.0, demands=[5.0, 4.0, 3.0])
    >>> float(bounds.throughput_high), float(bounds.response_low)
    (0.2, 85.0)
    """
    (customers,) = whole(0, population=population)
    (think,) = non_negative(think_time=think_time)
    demand, count = _stations(demands, servers)
    alone = demand.sum(axis=-1)
    slowest = (demand / count).max(axis=-1, initial=0.0)
    crowded = (demand * np.maximum(1.0, customers[..., None] / count)).sum(axis=-1)
    return _bounds(customers, think, np.maximum(alone, customers * slowest - think), crowded)


def balanced_job_bounds(*, population: ArrayLike, think_time: ArrayLike, demands: ArrayLike) -> Bounds:
    r"""Return the balanced job bounds of a closed network of single servers, tighter than the asymptotic ones.

    With :math:`D = \sum_k D_k`, the largest demand :math:`D_{max}` and the mean :math:`D_{ave}` of those that are not 0

    .. math:: \frac{N}{Z + D + \frac{(N - 1) D_{max}}{1 + Z / (N D)}} \le X(N) \le
        \min\Bigl(\frac{1}{D_{max}},\; \frac{N}{Z + D + \frac{(N - 1) D_{ave}}{1 + Z / D}}\Bigr)

    Parameters
    ----------
    population : array_like
        Number of customers.
    think_time : array_like
        Mean time between an answer and the next request.
    demands : array_like
        Total mean service time of a cycle at each station, one server each, stations on the last axis.

    Returns
    -------
    Bounds
        Of throughput and response time.

    Raises
    ------
    ValueError
        As :func:`closed_network`.

    References
    ----------
    J. Zahorjan, K. C. Sevcik, D. L. Eager, B. Galler, Balanced job bound analysis of queueing networks, Communications
    of the ACM 25(2), 1982, 134-141.

    Examples
    --------
    >>> bounds = balanced_job_bounds(population=2, think_time=0.0, demands=[1.0, 1.0])
    >>> round(float(bounds.throughput_low), 6), round(float(bounds.throughput_high), 6)
    (0.666667, 0.666667)
    """
    (customers,) = whole(0, population=population)
    (think,) = non_negative(think_time=think_time)
    demand, _ = _stations(demands, 1)
    alone, slowest = demand.sum(axis=-1), demand.max(axis=-1, initial=0.0)
    others = np.maximum(customers - 1.0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(alone == 0.0, 0.0, alone / (demand != 0.0).sum(axis=-1))
        thinning = np.where(think == 0.0, 1.0, 1.0 / (1.0 + think / alone))
        crowd = np.where(think == 0.0, 1.0, 1.0 / (1.0 + think / (customers * alone)))
    low = np.maximum(alone + others * mean * thinning, customers * slowest - think)
    return _bounds(customers, think, low, alone + others * slowest * crowd)


def knee(*, think_time: ArrayLike, demands: ArrayLike, servers: ArrayLike = 1) -> Floats:
    r"""Return the population at which the two asymptotes of the throughput cross.

    :math:`N^* = (Z + \sum_k D_k) / \max_k (D_k / c_k)`: with fewer customers a closed network could be without queues,
    with more some wait.

    Parameters
    ----------
    think_time : array_like
        Mean time between an answer and the next request.
    demands : array_like
        Total mean service time of a cycle at each station, stations on the last axis.
    servers : array_like, default 1
        Servers of each station.

    Returns
    -------
    float or ndarray
        Number of customers, not rounded; infinite without demands.

    Raises
    ------
    ValueError
        If a time is negative or infinite, `servers` is not a whole number of at least 1, or no argument has an axis of
        stations.

    References
    ----------
    E. D. Lazowska, J. Zahorjan, G. S. Graham, K. C. Sevcik, Quantitative System Performance, Prentice-Hall 1984,
    chapter 5.

    Examples
    --------
    Agents that rest five seconds between syncs of 16 ms on a server with 16 cores and 4 ms on a datastore with 8:

    >>> round(float(knee(think_time=5.0, demands=[0.016, 0.004], servers=[16, 8])))
    5020
    """
    (think,) = non_negative(think_time=think_time)
    demand, count = _stations(demands, servers)
    slowest = (demand / count).max(axis=-1, initial=0.0)
    cycle = think + demand.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(slowest == 0.0, np.inf, cycle / slowest)[()]


def halfin_whitt_wait_probability(*, safety: ArrayLike) -> Floats:
    r"""Return the probability of waiting in the limit of many servers, given the safety factor of the staffing.

    :math:`\bigl[1 + \beta\,\Phi(\beta) / \varphi(\beta)\bigr]^{-1}`. For :math:`c` servers and load :math:`a` authors
    use :math:`\beta = (c - a) / \sqrt a`, as :func:`square_root_staffing` does, or :math:`(1 - a/c) \sqrt c`, which is
    smaller.

    Parameters
    ----------
    safety : array_like
        The factor :math:`\beta`, more than 0.

    Returns
    -------
    float or ndarray
        Probability of waiting.

    Raises
    ------
    ValueError
        If `safety` is 0, negative or infinite.

    References
    ----------
    S. Halfin, W. Whitt, Heavy-traffic limits for queues with many exponential servers, Operations Research 29(3), 1981,
    567-588.

    Examples
    --------
    >>> round(float(halfin_whitt_wait_probability(safety=0.4)), 4)
    0.5841
    """
    (factor,) = positive(safety=safety)
    return _limit(factor)[()]


def square_root_staffing(*, offered_load: ArrayLike, probability: ArrayLike) -> Floats:
    r"""Return the servers that square-root staffing asks for: the load and a safety of some of its square roots.

    :math:`\lceil a + \beta \sqrt a \rceil` with the :math:`\beta` at which
    :func:`halfin_whitt_wait_probability` is the given one. :func:`servers_for_wait_probability` is the exact answer.

    Parameters
    ----------
    offered_load : array_like
        Arrival rate times mean service time, in erlangs.
    probability : array_like
        Probability of waiting aimed at, more than 0 and less than 1.

    Returns
    -------
    float or ndarray
        Whole numbers of at least 1.

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Examples
    --------
    >>> float(square_root_staffing(offered_load=100.0, probability=0.2))
    111.0
    """
    (load,) = non_negative(offered_load=offered_load)
    (target,) = positive_probabilities(probability=probability)
    load, target = np.broadcast_arrays(load, target)
    low, high = np.zeros(load.shape), np.full(load.shape, 40.0)
    for _ in range(60):
        middle = (low + high) / 2.0
        above = _limit(middle) > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (np.maximum(np.ceil(load + high * np.sqrt(load)), 1.0) + 0.0 * target)[()]


def _limit(factor: Floats) -> Floats:
    """Return the limit of Halfin and Whitt."""
    with np.errstate(over="ignore"):
        ratio = np.exp(log_ndtr(factor) + 0.5 * factor * factor + 0.5 * np.log(2.0 * np.pi))
    return 1.0 / (1.0 + factor * ratio)
