"""A finite population in front of one station: the machine-repair model M/M/c//N."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from capmodel.queueing._arguments import Floats, flattened, non_negative, whole

#: Probabilities computed at once: a block of rows that stays in a core's cache.
_BLOCK = 1 << 16


class FiniteSource(NamedTuple):
    """Stationary means of a finite-source station; floats for scalar arguments, else arrays of their broadcast shape.

    Attributes
    ----------
    throughput : float or ndarray
        Requests served a unit of time.
    response_time : float or ndarray
        Mean time between request and answer.
    utilization : float or ndarray
        Share of time that a server is busy, 0 to 1.
    in_system : float or ndarray
        Mean number waiting or in service.

    Examples
    --------
    >>> shop = finite_source(population=[5, 10], think_time=30.0, service_time=3.0, servers=2)
    >>> shop.utilization.round(3).tolist(), shop.response_time.round(2).tolist()
    ([0.227, 0.448], [3.07, 3.48])
    """

    throughput: Floats
    response_time: Floats
    utilization: Floats
    in_system: Floats


def finite_source(
    *, population: ArrayLike, think_time: ArrayLike, service_time: ArrayLike, servers: ArrayLike
) -> FiniteSource:
    r"""Return the means of a station whose finite population thinks, asks, waits for the answer and thinks again.

    .. math:: p_n \propto \prod_{i=1}^{n} \frac{(N - i + 1)\,S}{Z \min(i, c)}

    Exact for exponential service first come first served, and under processor sharing for any distribution of service
    and think times.

    Parameters
    ----------
    population : array_like
        Number of customers.
    think_time : array_like
        Mean time between an answer and the next request.
    service_time : array_like
        Mean service time, in the same unit of time.
    servers : array_like
        Number of servers; each customer uses one at most.

    Returns
    -------
    FiniteSource
        Throughput, response time, utilization and number in system. Without customers the response time is that of the
        first one, the service time. Without think time and service time the throughput is infinite.

    Raises
    ------
    ValueError
        If `population` is not a whole number of at least 0, a time is negative or infinite, or `servers` is not a
        whole number of at least 1.

    Notes
    -----
    The probabilities are built outwards from the most likely number in system, where they are largest, by products that
    only shrink: nothing overflows and nothing cancels. Only the about :math:`20\sqrt{N}` numbers that matter are
    visited, also of a population of a million. Relative errors are below 1e-14 up to 5000 customers, 1e-13 up to 50 000
    and 1e-12 up to a million, against 50 digits at light load, at a utilization of 0.8, where the queue forms, and
    beyond.

    References
    ----------
    D. Gross, J. F. Shortle, J. M. Thompson, C. M. Harris, Fundamentals of Queueing Theory, 4th ed., Wiley 2008,
    finite-source queues.

    Examples
    --------
    Five machines that run 30 hours, two crews that need 3 hours:

    >>> shop = finite_source(population=5, think_time=30.0, service_time=3.0, servers=2)
    >>> round(float(shop.in_system), 6)
    0.464794
    """
    (customers,) = whole(0, population=population)
    think, service = non_negative(think_time=think_time, service_time=service_time)
    (count,) = whole(1, servers=servers)
    shape, (customers, think, service, count) = flattened(customers, think, service, count)
    results = np.empty((4, customers.size))
    ordinary = (customers > 0.0) & (think > 0.0) & (service > 0.0) & (count > 0.0)
    if ordinary.all():
        _solve(customers, think, service, count, results)
    else:
        solved = np.empty((4, int(ordinary.sum())))
        _solve(customers[ordinary], think[ordinary], service[ordinary], count[ordinary], solved)
        results[:, ordinary] = solved
        rest = ~ordinary
        results[:, rest] = _without_waiting_or_thinking(customers[rest], think[rest], service[rest], count[rest])
    return FiniteSource(*(result.reshape(shape)[()] for result in results))


def finite_source_distribution(
    *, population: ArrayLike, think_time: ArrayLike, service_time: ArrayLike, servers: ArrayLike
) -> Floats:
    """Return the probability of each number in a finite-source station at a random time.

    Parameters
    ----------
    population, think_time, service_time, servers : array_like
        As for :func:`finite_source`.

    Returns
    -------
    ndarray
        Probabilities of 0, 1, ... customers waiting or in service on a new last axis, as long as the largest population
        plus one; NaN where an argument is NaN.

    Raises
    ------
    ValueError
        As :func:`finite_source`.

    Examples
    --------
    >>> finite_source_distribution(population=2, think_time=1.0, service_time=1.0, servers=1).round(3)
    array([0.2, 0.4, 0.4])
    """
    (customers,) = whole(0, population=population)
    return _padded(customers, think_time, service_time, servers)


def finite_source_seen_on_arrival(
    *, population: ArrayLike, think_time: ArrayLike, service_time: ArrayLike, servers: ArrayLike
) -> Floats:
    """Return the probability of each number that a customer finds in a finite-source station on arrival.

    A customer sees the station as a random time would see it with one customer fewer (arrival theorem).

    Parameters
    ----------
    population, think_time, service_time, servers : array_like
        As for :func:`finite_source`, with a population of at least 1.

    Returns
    -------
    ndarray
        Probabilities of finding 0, 1, ... customers on a new last axis, as long as the largest population. Summed from
        `servers` on, the probability of waiting.

    Raises
    ------
    ValueError
        As :func:`finite_source`, and if `population` is 0.

    References
    ----------
    K. C. Sevcik, I. Mitrani, The distribution of queuing network states at input and output instants, Journal of the
    ACM 28(2), 1981, 358-371.

    Examples
    --------
    >>> finite_source_seen_on_arrival(population=2, think_time=1.0, service_time=1.0, servers=1)
    array([0.5, 0.5])
    """
    (customers,) = whole(1, population=population)
    return _padded(customers - 1.0, think_time, service_time, servers)


def _solve(customers: Floats, think: Floats, service: Floats, servers: Floats, results: Floats) -> None:
    """Write the four means of stations at which all arguments are positive."""
    throughput, response, utilization, in_system = results
    for rows, state, probability in _distributions(customers, think, service, servers):
        np.einsum("ij,ij->i", state, probability, out=in_system[rows])
        np.minimum(state, servers[rows, None], out=state)
        np.einsum("ij,ij->i", state, probability, out=utilization[rows])  # busy servers, so far
    np.divide(utilization, service, out=throughput)
    np.divide(in_system, throughput, out=response)
    utilization /= servers


def _without_waiting_or_thinking(customers: Floats, think: Floats, service: Floats, servers: Floats) -> Floats:
    """Return the four means where nobody comes, service takes no time, nobody thinks, or an argument is NaN."""
    busy = np.minimum(customers, servers)
    with np.errstate(divide="ignore", invalid="ignore"):
        throughput = np.where(service == 0.0, customers / think, busy / service)
        throughput[customers == 0.0] = 0.0
        in_system = np.where(service == 0.0, 0.0, customers)
        response = np.where(in_system == 0.0, service, in_system / throughput)
        utilization = np.where(service == 0.0, 0.0, busy / servers)
    return np.array([throughput, response, utilization, in_system]) + 0.0 * (customers + think + service + servers)


def _padded(customers: Floats, think_time: ArrayLike, service_time: ArrayLike, servers: ArrayLike) -> Floats:
    """Return the distributions as one array, zero beyond each population."""
    think, service = non_negative(think_time=think_time, service_time=service_time)
    (count,) = whole(1, servers=servers)
    shape, (customers, think, service, count) = flattened(customers, think, service, count)
    most = int(np.nanmax(customers, initial=0.0))
    result = np.zeros((customers.size, most + 1))
    result[np.isnan(customers + think + service + count)] = np.nan
    result[((customers == 0.0) | (service == 0.0)) & ~np.isnan(result[:, 0]), 0] = 1.0
    always = np.flatnonzero((customers > 0.0) & (think == 0.0) & (service > 0.0) & (count > 0.0))
    result[always, customers[always].astype(int)] = 1.0
    rest = np.flatnonzero((customers > 0.0) & (think > 0.0) & (service > 0.0) & (count > 0.0))
    for rows, state, probability in _distributions(customers[rest], think[rest], service[rest], count[rest]):
        for row, numbers, values in zip(rest[rows], state, probability, strict=True):
            inside = (numbers >= 0.0) & (numbers <= customers[row])
            result[row, numbers[inside].astype(int)] = values[inside]
    return result.reshape(*shape, most + 1)


def _distributions(
    customers: Floats, think: Floats, service: Floats, servers: Floats
) -> Iterator[tuple[slice, Floats, Floats]]:
    """Yield blocks of rows with the numbers in system around the most likely one and their probabilities.

    All arguments are positive. Numbers below 0 and above the population have probability 0.
    """
    if not customers.size:
        return
    ratio = service / think
    # p_n / p_(n-1) falls in n, so that p has one peak: the last n at which the ratio is at least 1.
    peak = np.floor((customers + 1.0) * (ratio / (1.0 + ratio)))
    queued = np.maximum(np.floor(customers + 1.0 - servers / ratio), servers)
    peak = np.minimum(np.maximum(np.where(peak < servers, peak, queued), 0.0), customers)
    below, above = _reach(customers, ratio, servers, peak)
    start = 0
    while start < customers.size:
        stop = start + max(1, int(_BLOCK // (below[start:].max() + above[start:].max() + 1)))
        rows = slice(start, min(stop, customers.size))
        down, up = int(below[rows].max()), int(above[rows].max())
        state = peak[rows, None] + np.arange(-down, up + 1, dtype=np.float64)
        probability: Floats = np.empty(state.shape)
        probability[:, down] = 1.0
        limit, scale = servers[rows, None], ratio[rows, None]
        thinking = customers[rows, None] + 1.0
        rising = state[:, down + 1 :]
        step = np.maximum(thinking - rising, 0.0)
        step *= scale
        step /= np.minimum(rising, limit)
        np.cumprod(step, axis=1, out=probability[:, down + 1 :])
        falling = state[:, down:0:-1]
        step = np.minimum(np.maximum(falling, 0.0), limit)
        step /= (thinking - falling) * scale
        np.cumprod(step, axis=1, out=probability[:, :down][:, ::-1])
        probability /= probability.sum(axis=1, keepdims=True)
        yield rows, state, probability
        start = rows.stop


def _reach(customers: Floats, ratio: Floats, servers: Floats, peak: Floats) -> tuple[Floats, Floats]:
    """Return how far below and above its peak each distribution has to be followed.

    Ten standard deviations and some, by bounds of the variance: what is left out is below 1e-18 of the whole.
    """
    # With all servers busy the number of customers thinking is a truncated Poisson variable, else binomial.
    crowd = servers / ratio
    spread = np.where(peak < servers, peak, np.minimum(crowd, customers))
    below = np.minimum(np.ceil(10.0 * np.sqrt(spread)) + 40.0, peak)
    above = np.ceil(10.0 * np.sqrt(np.minimum(crowd, customers))) + 40.0
    # At light load it decays sooner: geometrically beyond the last server.
    decay = (customers - servers) / crowd
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        geometric = np.maximum(servers - peak, 0.0) + np.ceil(45.0 / -np.log(decay)) + 1.0
    above = np.where((decay > 0.0) & (decay < 1.0), np.fmin(above, geometric), above)
    return below, np.minimum(above, customers - peak)
