"""Erlang's loss and delay formulas and their inverses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincc

from capmodel.queueing._arguments import Floats, non_negative, positive, positive_probabilities, whole

#: Up to this many servers the recurrence is quicker than the closed form, and exact to the last digits.
_RECURRENCE_LIMIT = 128

#: Load per server above which the incomplete gamma function loses digits.
_OVERLOAD = 1.1


def erlang_b(*, offered_load: ArrayLike, servers: ArrayLike) -> Floats:
    r"""Return the probability that all servers of a loss system are busy (Erlang B).

    :math:`B = \frac{a^c / c!}{\sum_{k=0}^{c} a^k / k!}` for offered load :math:`a` and :math:`c` servers. Holds for any
    distribution of service times.

    Parameters
    ----------
    offered_load : array_like
        Arrival rate times mean service time, in erlangs.
    servers : array_like
        Number of servers.

    Returns
    -------
    float or ndarray
        Blocking probability, shape of the broadcast arguments.

    Raises
    ------
    ValueError
        If `offered_load` is negative or infinite, or `servers` is not a whole number of at least 1.

    Notes
    -----
    Up to 128 servers :math:`1/B_k = 1 + \frac{k}{a} / B_{k-1}`, in which nothing cancels. Above, the Poisson
    probability of :math:`c` over the distribution function at :math:`c`. The relative error is below 1e-15 times
    :math:`\max(20, |\log B|)`.

    References
    ----------
    A. O. Allen, Probability, Statistics, and Queueing Theory, 2nd ed.,
    Academic Press 1990, chapter 5.

    Examples
    --------
    >>> float(erlang_b(offered_load=2.0, servers=2))
    0.4
    """
    (load,) = non_negative(offered_load=offered_load)
    (count,) = whole(1, servers=servers)
    return blocking(*np.broadcast_arrays(load, count))[()]


def erlang_c(*, offered_load: ArrayLike, servers: ArrayLike) -> Floats:
    r"""Return the probability that an arrival to an M/M/c queue waits (Erlang C).

    :math:`C = \frac{c B}{c - a + a B}` with :math:`B` of :func:`erlang_b`.

    Parameters
    ----------
    offered_load : array_like
        Arrival rate times mean service time, in erlangs.
    servers : array_like
        Number of servers.

    Returns
    -------
    float or ndarray
        Probability of waiting, shape of the broadcast arguments; 1 where the load is `servers` or more.

    Raises
    ------
    ValueError
        If `offered_load` is negative or infinite, or `servers` is not a whole number of at least 1.

    References
    ----------
    D. Gross, J. F. Shortle, J. M. Thompson, C. M. Harris,
    Fundamentals of Queueing Theory, 4th ed., Wiley 2008, M/M/c.

    Examples
    --------
    Three doctors, six patients an hour, 20 minutes each: 4/9 of the patients wait.

    >>> round(float(erlang_c(offered_load=2.0, servers=3)), 6)
    0.444444
    """
    (load,) = non_negative(offered_load=offered_load)
    (count,) = whole(1, servers=servers)
    return waiting(*np.broadcast_arrays(load, count))[()]


def servers_for_blocking(*, offered_load: ArrayLike, probability: ArrayLike) -> Floats:
    """Return the fewest servers of a loss system that block no more than the given share of arrivals.

    Parameters
    ----------
    offered_load : array_like
        Arrival rate times mean service time, in erlangs.
    probability : array_like
        Largest blocking probability allowed, more than 0 and less than 1.

    Returns
    -------
    float or ndarray
        Whole numbers of at least 1; NaN where an argument is NaN.

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Examples
    --------
    >>> float(servers_for_blocking(offered_load=100.0, probability=0.01))
    117.0
    """
    (load,) = non_negative(offered_load=offered_load)
    (target,) = positive_probabilities(probability=probability)
    load, target = np.broadcast_arrays(load, target)
    # The servers that are left over carry at most one erlang each: B >= 1 - c/a.
    return fewest(blocking, np.maximum(np.floor(load * (1.0 - target)), 1.0), load, target)[()]


def servers_for_wait_probability(*, offered_load: ArrayLike, probability: ArrayLike) -> Floats:
    """Return the fewest servers of an M/M/c queue at which no more than the given share of arrivals wait.

    Parameters
    ----------
    offered_load : array_like
        Arrival rate times mean service time, in erlangs.
    probability : array_like
        Largest probability of waiting allowed, more than 0 and less than 1.

    Returns
    -------
    float or ndarray
        Whole numbers of at least 1, always more than the load; NaN where an argument is NaN.

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Examples
    --------
    >>> float(servers_for_wait_probability(offered_load=100.0, probability=0.2))
    111.0
    """
    (load,) = non_negative(offered_load=offered_load)
    (target,) = positive_probabilities(probability=probability)
    return fewest(waiting, np.floor(load) + 1.0, *np.broadcast_arrays(load, target))[()]


def servers_for_mean_wait(*, arrival_rate: ArrayLike, service_time: ArrayLike, mean_wait: ArrayLike) -> Floats:
    """Return the fewest servers of an M/M/c queue at which the mean wait is no longer than the given one.

    Parameters
    ----------
    arrival_rate : array_like
        Arrivals a unit of time.
    service_time : array_like
        Mean service time.
    mean_wait : array_like
        Longest mean wait allowed, in the unit of `service_time`, more than 0.

    Returns
    -------
    float or ndarray
        Whole numbers of at least 1, always more than the load; NaN where an argument is NaN.

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Examples
    --------
    >>> float(servers_for_mean_wait(arrival_rate=6.0, service_time=1 / 3, mean_wait=0.15))
    3.0
    """
    rate, time = non_negative(arrival_rate=arrival_rate, service_time=service_time)
    (target,) = positive(mean_wait=mean_wait)
    rate, time, target = np.broadcast_arrays(rate, time, target)
    load = rate * time
    # In service times the wait depends on load and servers alone; no service takes no time, and nobody waits.
    relative = np.divide(target, time, out=np.full(load.shape, np.inf), where=time != 0.0)

    def wait(load: Floats, servers: Floats) -> Floats:
        return waiting(load, servers) / (servers - load)

    return fewest(wait, np.floor(load) + 1.0, load, relative)[()]


def blocking(load: Floats, servers: Floats) -> Floats:
    """Return Erlang B of arrays of one shape, unchecked."""
    shape = load.shape
    load, servers = load.ravel(), servers.ravel()
    known = ~np.isnan(load + servers)
    if not known.all():
        result = np.full(load.shape, np.nan)
        result[known] = blocking(load[known], servers[known])
        return result.reshape(shape)
    few = servers <= _RECURRENCE_LIMIT
    if few.all():
        return _recurrence(load, servers).reshape(shape)
    result = np.empty(load.shape)
    result[few] = _recurrence(load[few], servers[few])
    over = ~few & (load > _OVERLOAD * servers)
    result[over] = _overloaded(load[over], servers[over])
    rest = ~(few | over)
    result[rest] = _closed_form(load[rest], servers[rest])
    return result.reshape(shape)


def waiting(load: Floats, servers: Floats) -> Floats:
    """Return Erlang C of arrays of one shape, unchecked."""
    probability = np.asarray(blocking(load, servers))
    # servers - load is exact when it is small, so that nothing is lost close to saturation.
    divisor = np.asarray(servers - load)
    divisor += load * probability
    probability *= servers
    with np.errstate(divide="ignore", invalid="ignore"):
        probability /= divisor
    np.copyto(probability, 1.0, where=load >= servers)
    return probability


def fewest(value: Callable[[Floats, Floats], Floats], least: Floats, load: Floats, target: Floats) -> Floats:
    """Return the smallest whole number of servers of at least `least` for which `value`, falling, is within target."""
    shape = load.shape
    load, target = load.ravel(), target.ravel()
    unknown = np.isnan(load + target)
    low = np.where(unknown, 1.0, np.broadcast_to(least, shape).ravel()) - 1.0  # taken as too few
    width = np.where(unknown, 0.0, np.floor(np.sqrt(load))) + 1.0
    high = low + width
    todo = ~unknown
    while todo.any():
        todo[todo] = value(load[todo], high[todo]) > target[todo]
        low[todo] = high[todo]
        width[todo] *= 2.0
        high[todo] += width[todo]
    todo = high - low > 1.0
    while todo.any():
        middle = np.floor((low[todo] + high[todo]) / 2.0)
        enough = value(load[todo], middle) <= target[todo]
        high[todo] = np.where(enough, middle, high[todo])
        low[todo] = np.where(enough, low[todo], middle)
        todo = high - low > 1.0
    return np.where(unknown, np.nan, high).reshape(shape)


def _recurrence(load: Floats, servers: Floats) -> Floats:
    """Return Erlang B by its recurrence, all points at once."""
    if not load.size:
        return np.empty(0)
    most = int(servers.max())
    # With the points sorted by servers, step k touches a prefix: those with at least k servers.
    counts = servers.astype(np.int16)
    remaining = np.bincount(counts)[::-1].cumsum()[::-1].tolist()
    sort = remaining[most] != load.size
    order = np.argsort(most - counts, kind="stable") if sort else slice(None)
    with np.errstate(divide="ignore", over="ignore"):  # a load of 0, or a blocking probability too small for a float
        inverse_load = load[order] if sort else load.copy()
        np.reciprocal(inverse_load, out=inverse_load)
        inverse = np.ones(load.shape)
        for k in range(1, most + 1):
            part = inverse[: remaining[k]]
            part *= inverse_load[: remaining[k]]
            part *= k
            part += 1.0
    np.reciprocal(inverse, out=inverse)
    result = inverse_load
    result[order] = inverse
    return result


def _overloaded(load: Floats, servers: Floats) -> Floats:
    """Return Erlang B under overload: the recurrence forgets its start within a few hundred steps."""
    steps = int(np.ceil(41.0 / np.log(_OVERLOAD)))  # shrinks an error of the start by exp(-41)
    start = np.maximum(servers - steps, 0.0)
    inverse = 1.0 / (1.0 - start / load)
    for j in range(1, steps + 1):
        k = start + j
        inverse = np.where(k <= servers, 1.0 + inverse * (k / load), inverse)
    return 1.0 / inverse


def _closed_form(load: Floats, servers: Floats) -> Floats:
    """Return Erlang B as the Poisson probability of `servers` over the distribution function there."""
    # C. Loader, Fast and accurate computation of binomial probabilities, 2000: the deviance carries the large terms.
    distance = load - servers
    v = distance / (load + servers)
    square = v * v
    series = np.zeros(load.shape)
    for j in range(12, 0, -1):
        series = (series + 1.0 / (2 * j + 1)) * square
    with np.errstate(divide="ignore", under="ignore"):
        deviance = np.where(
            np.abs(v) < 0.1,
            distance * v - 2.0 * servers * v * series,
            servers * np.log(servers / load) + distance,
        )
        n2 = servers * servers
        stirling = (1 / 12 - (1 / 360 - 1 / (1260 * n2)) / n2) / servers  # with 129 servers 1e-18 is left out
        probability = np.exp(-stirling - deviance) / np.sqrt(2.0 * np.pi * servers)
    return probability / gammaincc(servers + 1.0, load)
