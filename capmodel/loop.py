"""The closed loop of agents in front of one station: the exact answer, its asymptotes, and what they are compared with.

The functions are scalar and use plain arithmetic only: the site's chart of the closed loop is translated from them, so
that page and package cannot differ. :func:`capmodel.queueing.finite_source` and its neighbours take arrays.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel.answer import count, written
from capmodel.steady import waiting

#: Probabilities below this share of the sum so far are left out.
NEGLIGIBLE = 1e-19

#: Populations that a curve reaches from and to, and half of the points that it has at the most.
FEWEST = 100.0
MOST = 1_000_000.0
HALF = 32


class LoopState(NamedTuple):
    """Stationary means of a finite population in front of one station.

    Attributes
    ----------
    throughput : float
        Requests served a second.
    response_time : float
        Mean seconds between request and answer.
    utilization : float
        Share of the cores in use, 0 to 1.
    in_system : float
        Mean number waiting or in service.

    Examples
    --------
    >>> state = finite_source(5, 30.0, 3.0, 2)
    >>> round(state.in_system, 3), round(state.throughput * state.response_time, 3)
    (0.465, 0.465)
    >>> round(state.utilization, 3)
    0.227
    """

    throughput: float
    response_time: float
    utilization: float
    in_system: float


class Point(NamedTuple):
    """A point of a curve.

    Attributes
    ----------
    series : str
        ``"closed loop"``, ``"bounds"`` or ``"open queue"``.
    agents : float
        Population, a whole number except at the end of the open queue.
    response_s : float
        Mean response time, seconds.
    utilization : float
        Share of the cores in use.

    Examples
    --------
    >>> first = curve(5.0, 0.001, 2)[0]
    >>> first.series, first.agents, round(first.response_s, 6)
    ('closed loop', 100.0, 0.001)
    """

    series: str
    agents: float
    response_s: float
    utilization: float


class Mark(NamedTuple):
    """A population to point out.

    Attributes
    ----------
    name : str
        ``"one"``, ``"two"`` and ``"four"`` times the fleet, or ``"knee"``.
    agents, response_s, utilization : float
        As in :class:`Point`, of the closed loop.
    label : str
        What to write beside it.

    Examples
    --------
    >>> middle = marks(5000, 5.0, 0.001, 2)[-1]
    >>> middle.name, middle.agents, middle.label
    ('knee', 10002.0, 'knee: 10,000')
    """

    name: str
    agents: float
    response_s: float
    utilization: float
    label: str


def finite_source(population: float, think_time: float, service_time: float, servers: float) -> LoopState:
    r"""Solve the machine-repair model M/M/c//N exactly.

    .. math:: p_n \propto \prod_{i=1}^{n} \frac{(N - i + 1)\,S}{Z \min(i, c)}

    The means are those of processor sharing with any distribution of work and pauses as well.

    Parameters
    ----------
    population : float
        Customers, a whole number of at least 1.
    think_time, service_time : float
        Mean seconds of a pause and of the work of a request, more than 0.
    servers : float
        Servers, a whole number of at least 1.

    Returns
    -------
    LoopState
        The same as :func:`capmodel.queueing.finite_source`, which has the source, to a relative 1e-12.

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Notes
    -----
    The products start at the most likely number in system and only shrink on both sides of it.

    Examples
    --------
    Five machines that run 30 hours, two crews that need 3 hours:

    >>> round(finite_source(5, 30.0, 3.0, 2).in_system, 6)
    0.464794
    """
    check(population, think_time, service_time, servers)
    ratio = service_time / think_time
    peak: float = math.floor((population + 1.0) * ratio / (1.0 + ratio))
    if peak >= servers:
        peak = max(math.floor(population + 1.0 - servers / ratio), servers)
    peak = min(peak, population)
    total = 1.0
    held = peak
    busy = min(peak, servers)
    probability = 1.0
    n = peak
    while n < population and probability > NEGLIGIBLE * total:
        n = n + 1.0
        probability = probability * (population - n + 1.0) * ratio / min(n, servers)
        total = total + probability
        held = held + n * probability
        busy = busy + min(n, servers) * probability
    probability = 1.0
    n = peak
    while n > 0.0 and probability > NEGLIGIBLE * total:
        probability = probability * min(n, servers) / ((population - n + 1.0) * ratio)
        n = n - 1.0
        total = total + probability
        held = held + n * probability
        busy = busy + min(n, servers) * probability
    throughput = busy / total / service_time
    return LoopState(
        throughput=throughput,
        response_time=held / total / throughput,
        utilization=busy / total / servers,
        in_system=held / total,
    )


def knee(think_time: float, service_time: float, servers: float) -> float:
    r"""Return the population at which the asymptotes cross, :math:`N^* = c\,(Z + S) / S`.

    Parameters
    ----------
    think_time, service_time, servers : float
        As for :func:`finite_source`.

    Returns
    -------
    float
        Customers; up to here their requests fit side by side if they come evenly, beyond it they cannot.

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Examples
    --------
    >>> knee(5.0, 0.001, 2)
    10002.0
    """
    check(1.0, think_time, service_time, servers)
    return servers * (think_time + service_time) / service_time


def asymptote(population: float, think_time: float, service_time: float, servers: float) -> LoopState:
    r"""Return the asymptotes: nobody waits, or the station never rests, whatever takes longer.

    .. math:: R \ge \max(S,\; N S / c - Z)

    Parameters
    ----------
    population, think_time, service_time, servers : float
        As for :func:`finite_source`.

    Returns
    -------
    LoopState
        The shortest response time that is possible, and what belongs to it; see
        :func:`capmodel.queueing.asymptotic_bounds`.

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Examples
    --------
    >>> asymptote(1000, 1.0, 0.004, 2).response_time
    1.0
    """
    check(population, think_time, service_time, servers)
    response = max(service_time, population * service_time / servers - think_time)
    throughput = population / (think_time + response)
    return LoopState(
        throughput=throughput,
        response_time=response,
        utilization=min(throughput * service_time / servers, 1.0),
        in_system=throughput * response,
    )


def open_queue(arrival_rate: float, service_time: float, servers: float) -> LoopState:
    """Solve the open M/M/c queue, whose arrivals come at the same rate however long they wait.

    Parameters
    ----------
    arrival_rate : float
        Requests a second, at least 0.
    service_time, servers : float
        As for :func:`finite_source`.

    Returns
    -------
    LoopState
        The same as :func:`capmodel.queueing.mmc`; infinite response time from saturation on.

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Examples
    --------
    >>> open_queue(0.5, 1.0, 1).response_time
    2.0
    """
    check(1.0, 1.0, service_time, servers)
    if not (arrival_rate >= 0.0 and arrival_rate < math.inf):
        raise ValueError(f"arrival_rate: got {arrival_rate:g}, expected a finite number of at least 0")
    offered = arrival_rate * service_time / servers
    response = service_time * (1.0 + waiting(servers, offered)) if offered < 1.0 else math.inf
    return LoopState(
        throughput=min(arrival_rate, servers / service_time),
        response_time=response,
        utilization=min(offered, 1.0),
        in_system=arrival_rate * response if arrival_rate > 0.0 else 0.0,
    )


def curve(think_time: float, service_time: float, servers: float) -> list[Point]:
    """Follow the closed loop, its bounds and the open queue over the population, densely at the knee.

    Parameters
    ----------
    think_time, service_time, servers : float
        As for :func:`finite_source`.

    Returns
    -------
    list of Point
        Populations from `FEWEST` to `MOST` in order; the open queue ends within a millionth of saturation.

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Examples
    --------
    >>> [(point.series, point.agents) for point in curve(5.0, 0.001, 2)[:3]]
    [('closed loop', 100.0), ('bounds', 100.0), ('open queue', 100.0)]
    """
    middle = knee(think_time, service_time, servers)
    reach = max(math.log(middle / FEWEST), math.log(MOST / middle), 1.0)
    points: list[Point] = []
    last = 0.0
    for k in range(-HALF, HALF + 1):
        share = k / HALF
        population: float = math.floor(middle * math.exp(share * (0.4 + reach * share * share)) + 0.5)
        population = min(max(population, FEWEST), MOST)
        if population > last:
            last = population
            exact = finite_source(population, think_time, service_time, servers)
            bound = asymptote(population, think_time, service_time, servers)
            free = open_queue(population / think_time, service_time, servers)
            points.append(Point("closed loop", population, exact.response_time, exact.utilization))
            points.append(Point("bounds", population, bound.response_time, bound.utilization))
            if free.response_time < math.inf:
                points.append(Point("open queue", population, free.response_time, free.utilization))
    # Without them the steepest part would be cut off where the next whole number of agents is too many.
    for left in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
        rate = (1.0 - left) * servers / service_time
        if rate * think_time >= FEWEST and rate * think_time <= MOST:
            free = open_queue(rate, service_time, servers)
            points.append(Point("open queue", rate * think_time, free.response_time, free.utilization))
    return points


def marks(population: float, think_time: float, service_time: float, servers: float) -> list[Mark]:
    """Point out a fleet, two and four times as many agents, and the knee.

    Parameters
    ----------
    population, think_time, service_time, servers : float
        As for :func:`finite_source`.

    Returns
    -------
    list of Mark

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Examples
    --------
    >>> [mark.label for mark in marks(5000, 5.0, 0.001, 2)]
    ['1.3 ms', '40 ms', '5 s', 'knee: 10,000']
    """
    found: list[Mark] = []
    for name, times in (("one", 1.0), ("two", 2.0), ("four", 4.0)):
        state = finite_source(times * population, think_time, service_time, servers)
        label = written(state.response_time, "s")
        found.append(Mark(name, times * population, state.response_time, state.utilization, label))
    middle = knee(think_time, service_time, servers)
    state = finite_source(math.floor(middle), think_time, service_time, servers)
    found.append(Mark("knee", middle, state.response_time, state.utilization, f"knee: {rounded(middle, 3):,.0f}"))
    return found


def sentence(population: float, think_time: float, service_time: float, servers: float) -> str:
    """Say what the marks show.

    Parameters
    ----------
    population, think_time, service_time, servers : float
        As for :func:`finite_source`.

    Returns
    -------
    str
        Words for a reader.

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Examples
    --------
    >>> sentence(5000, 5.0, 0.001, 2)[:47]
    '5,000 agents use 50 % of 2 cores and get a sync'
    """
    one, two, four, middle = marks(population, think_time, service_time, servers)
    used = [written(mark.utilization, "share") for mark in (one, two, four)]
    return (
        f"{one.agents:,.0f} agents use {used[0]} of " + count(servers, "core") + f" and get a sync in {one.label}, "
        f"{two.agents:,.0f} agents use {used[1]} and get it in {two.label}, {four.agents:,.0f} agents use {used[2]} "
        f"and get it in {four.label}. The knee is at {rounded(middle.agents, 3):,.0f} agents."
    )


def headline(population: float, think_time: float, service_time: float, servers: float) -> str:
    """Say in a few words how much longer a sync takes with more agents.

    Parameters
    ----------
    population, think_time, service_time, servers : float
        As for :func:`finite_source`.

    Returns
    -------
    str
        Words for a reader.

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Examples
    --------
    >>> headline(5000, 5.0, 0.001, 2)
    'Twice the agents: a sync takes 30 times as long; four times: 3,800 times'
    """
    one, two, four, _ = marks(population, think_time, service_time, servers)
    ratios = [two.response_s / one.response_s, four.response_s / one.response_s]
    words = [f"{rounded(ratio, 2):,.0f} times" if ratio >= 9.95 else f"{ratio:.1f} times" for ratio in ratios]
    return f"Twice the agents: a sync takes {words[0]} as long; four times: {words[1]}"


def rounded(value: float, digits: int) -> float:
    """Round a number of things to so many digits, so that it says no more than the model knows.

    Parameters
    ----------
    value : float
        At least 0.
    digits : int
        How many, at least 1; a number with fewer before its point becomes a whole one.

    Returns
    -------
    float
        The number.

    Examples
    --------
    >>> rounded(16_395.4, 3), rounded(42.6, 3)
    (16400.0, 43.0)
    """
    unit = 1.0
    while value >= 10.0**digits * unit:
        unit = 10.0 * unit
    return math.floor(value / unit + 0.5) * unit


def check(population: float, think_time: float, service_time: float, servers: float) -> None:
    """Refuse what is no closed loop.

    Parameters
    ----------
    population, think_time, service_time, servers : float
        As for :func:`finite_source`.

    Raises
    ------
    ValueError
        If an argument is out of its bounds.

    Examples
    --------
    >>> check(5000, 5.0, 0.001, 2)
    >>> check(5000, 5.0, 0.001, 0)
    Traceback (most recent call last):
        ...
    ValueError: servers: got 0, expected a whole number of at least 1
    """
    if not (population >= 1.0 and population < math.inf):
        raise ValueError(f"population: got {population:g}, expected a finite number of at least 1")
    if not (think_time > 0.0 and think_time < math.inf):
        raise ValueError(f"think_time: got {think_time:g}, expected a finite number of more than 0")
    if not (service_time > 0.0 and service_time < math.inf):
        raise ValueError(f"service_time: got {service_time:g}, expected a finite number of more than 0")
    if not (servers >= 1.0 and servers < math.inf and math.floor(servers) == servers):
        raise ValueError(f"servers: got {servers:g}, expected a whole number of at least 1")
