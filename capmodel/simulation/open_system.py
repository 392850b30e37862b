"""An open queue, customer by customer: who comes, which server is free next, how long that takes."""

from __future__ import annotations

import functools
import heapq
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from capmodel.simulation._arguments import real, seed_sequence, whole
from capmodel.simulation.distributions import Distribution, named
from capmodel.simulation.estimates import Array, Estimate, mser5, ratio_interval


class OpenQueue(NamedTuple):
    """Result of :func:`open_queue`; times in the unit of `service_time`.

    Attributes
    ----------
    mean_wait, response_time : Estimate
        Mean time before service, and with it.
    wait_probability : Estimate
        Share of customers that wait.
    utilization : Estimate
        Share of the servers in use, averaged over time.
    in_system : Estimate
        Mean number of customers waiting or served, averaged over time.
    customers : int
        Customers that the estimates rest on.
    warmup : int
        Customers before them, dropped.

    Examples
    --------
    >>> run = open_queue(arrival_rate=3.2, service_time=1.0, servers=4, customers=100_000, seed=2)
    >>> round(float(run.utilization.estimate), 1), run.customers + run.warmup
    (0.8, 100000)
    """

    mean_wait: Estimate
    response_time: Estimate
    wait_probability: Estimate
    utilization: Estimate
    in_system: Estimate
    customers: int
    warmup: int


def open_queue(
    *,
    arrival_rate: float,
    service_time: float,
    servers: int,
    customers: int,
    seed: int | np.random.SeedSequence,
    arrival_distribution: str | Distribution = "exponential",
    service_distribution: str | Distribution = "exponential",
    warmup: float | str = 0.1,
    level: float = 0.95,
    batches: int = 20,
) -> OpenQueue:
    """Simulate a queue with several servers, first come first served.

    Parameters
    ----------
    arrival_rate : float
        Customers a unit of time.
    service_time : float
        Mean time that a server needs for one.
    servers : int
        Servers that share the queue.
    customers : int
        Customers to simulate, warm-up included.
    seed : int or numpy.random.SeedSequence
        Same seed, same numbers.
    arrival_distribution, service_distribution : str or Distribution
        Times between arrivals, and of service: ``"exponential"``, ``"deterministic"``, ``"uniform"``, or for instance
        ``Distribution("gamma", squared_cv=0.5)``.
    warmup : float or "mser5"
        Share of the customers that is dropped at the start, where the queue is empty; ``"mser5"`` lets
        :func:`capmodel.simulation.mser5` choose by the waits.
    level : float
        Probability that an interval holds the truth.
    batches : int
        The customers that remain are cut into so many batches, whose means are taken as independent.

    Returns
    -------
    OpenQueue

    Raises
    ------
    ValueError
        If an argument is out of bounds, the servers cannot keep up (utilization of 1 or more), or ``"mser5"`` finds
        no end of the warm-up.

    Notes
    -----
    A customer starts when it has come and the next of the servers is free; a heap holds when each of them is. The
    draws are made at once, so the optional numba (used where it is installed, about five times as fast) gives the same
    numbers as the loop in Python.

    Examples
    --------
    M/M/4 at 80 % has a mean wait of 2048/2747 = 0.7455 service times.

    >>> run = open_queue(arrival_rate=3.2, service_time=1.0, servers=4, customers=100_000, seed=2)
    >>> bool(run.mean_wait.lower < 2048 / 2747 < run.mean_wait.upper)
    True
    """
    real("arrival_rate", arrival_rate, above=0.0)
    real("service_time", service_time, above=0.0)
    whole("servers", servers, 1)
    whole("batches", batches, 2)
    real("level", level, above=0.0, below=1.0)
    if arrival_rate * service_time >= servers:
        raise ValueError(f"servers: got {servers}, expected more than the load ({arrival_rate * service_time:g})")
    if warmup != "mser5":
        real("warmup", warmup, least=0.0, below=1.0)
    whole("customers", customers, 10 * batches)

    coming, serving = (np.random.default_rng(child) for child in seed_sequence(seed).spawn(2))
    services = named(service_distribution).draw(serving, service_time, customers)
    arrivals = np.cumsum(named(arrival_distribution).draw(coming, 1.0 / arrival_rate, customers))
    waits = _waits()(arrivals, services, servers)

    dropped = mser5(waits) if warmup == "mser5" else int(float(warmup) * customers)
    size = (customers - dropped) // batches
    if size < 1:
        raise ValueError(f"warmup: got {warmup!r}, expected to leave at least a customer in each of {batches} batches")
    dropped = customers - size * batches

    def sums(values: Array) -> Array:
        return values[dropped:].reshape(batches, size).sum(axis=1)

    # A batch lasts from its first arrival to the next batch's, the last one to the last arrival. What its customers
    # leave unfinished then belongs to the next batch's time.
    waited, served = sums(waits), sums(services)
    responses = waits + services
    stops = np.append(np.arange(dropped, customers, size), customers)
    edges = arrivals[np.minimum(stops, customers - 1)]
    earliest = np.searchsorted(arrivals, edges - responses.max())
    left = np.zeros((2, len(edges)))
    for i, (moment, start, stop) in enumerate(zip(edges, earliest, stops, strict=True)):
        remaining = np.maximum(arrivals[start:stop] + responses[start:stop] - moment, 0.0)
        left[:, i] = remaining.sum(), np.minimum(remaining, services[start:stop]).sum()
    in_system, working = np.array([waited + served, served]) - np.diff(left)
    lengths = np.diff(edges)
    counts = np.full(batches, float(size))
    return OpenQueue(
        mean_wait=ratio_interval(waited, counts, level),
        response_time=ratio_interval(waited + served, counts, level),
        wait_probability=ratio_interval(sums(np.sign(waits)), counts, level),
        utilization=ratio_interval(working, lengths * servers, level),
        in_system=ratio_interval(in_system, lengths, level),
        customers=customers - dropped,
        warmup=dropped,
    )


def _waits_in_python(arrivals: Array, services: Array, servers: int) -> Array:
    """Return the waits of customers who are served in the order of their arrival."""
    free = [0.0] * servers
    waits: list[float] = []
    wait = waits.append
    replace = heapq.heapreplace
    for arrival, service in zip(arrivals.tolist(), services.tolist(), strict=True):
        next_free = free[0]
        if next_free > arrival:
            wait(next_free - arrival)
            replace(free, next_free + service)
        else:
            wait(0.0)
            replace(free, arrival + service)
    return np.array(waits)


def _waits_for_numba(arrivals: Array, services: Array, servers: int) -> Array:
    """Do the same on arrays: the heap is sifted by hand, the sums are the same sums in the same order."""
    free = np.zeros(servers)
    waits = np.empty(len(arrivals))
    for i in range(len(arrivals)):
        start = max(free[0], arrivals[i])
        waits[i] = start - arrivals[i]
        end = start + services[i]
        hole = 0
        while 2 * hole + 1 < servers:
            child = 2 * hole + 1
            if child + 1 < servers and free[child + 1] < free[child]:
                child += 1
            if free[child] >= end:
                break
            free[hole] = free[child]
            hole = child
        free[hole] = end
    return waits


@functools.cache
def _waits() -> Callable[[Array, Array, int], Array]:
    """Return the loop, compiled where numba is installed."""
    try:
        from numba import njit
    except ImportError:
        return _waits_in_python
    compiled: Callable[[Array, Array, int], Array] = njit(_waits_for_numba)
    return compiled
