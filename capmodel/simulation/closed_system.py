"""A closed loop: customers think, then pass through stations whose cores they share, and think again."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from capmodel.simulation._arguments import real, seed_sequence, whole
from capmodel.simulation.distributions import Distribution, named
from capmodel.simulation.estimates import Array, Estimate, mser5, ratio_interval, student_interval

#: The run is cut into so many slices, at whose edges queues are read; batches are made of whole slices.
_SLICES = 400


@dataclass(frozen=True, kw_only=True)
class Bursts:
    """Background work that takes cores of a station away, periodically.

    Parameters
    ----------
    interval : float
        Time from the start of a burst to the start of the next.
    duration : float
        How long a burst lasts, at most `interval`.
    cores : float
        Cores that it takes.
    station : int
        Which station, counted from 0.
    first : float
        When the first burst starts.

    Raises
    ------
    ValueError
        If an argument is out of bounds.

    Examples
    --------
    One core of the first station for half a second every five:

    >>> Bursts(interval=5.0, duration=0.5)
    Bursts(interval=5.0, duration=0.5, cores=1.0, station=0, first=0.0)
    """

    interval: float
    duration: float
    cores: float = 1.0
    station: int = 0
    first: float = 0.0

    def __post_init__(self) -> None:
        real("interval", self.interval, above=0.0)
        real("duration", self.duration, least=0.0)
        real("cores", self.cores, least=0.0)
        real("first", self.first, least=0.0)
        whole("station", self.station, 0)
        if self.duration > self.interval:
            raise ValueError(f"duration: got {self.duration}, expected at most interval ({self.interval})")


class Windows(NamedTuple):
    """What happened in consecutive windows from the start of a run, warm-up included.

    Attributes
    ----------
    start : ndarray, shape (n,)
        When each window starts.
    throughput : ndarray, shape (n,)
        Completions a unit of time.
    response_time : ndarray, shape (n,)
        Mean of the completions, nan where there was none.
    longest_response_time : ndarray, shape (n,)
        The longest of them.

    Examples
    --------
    >>> run = closed_loop(population=20, think_time=1.0, demands=0.05, servers=2, duration=1000.0, window=250.0, seed=1)
    >>> run.windows.start.tolist()
    [0.0, 250.0, 500.0, 750.0]
    >>> run.windows.throughput.round().tolist()
    [19.0, 19.0, 19.0, 19.0]
    """

    start: Array
    throughput: Array
    response_time: Array
    longest_response_time: Array


class ClosedLoop(NamedTuple):
    """Result of :func:`closed_loop`; times in the unit of `think_time`.

    Attributes
    ----------
    throughput : Estimate
        Completions a unit of time.
    response_time : Estimate
        Mean time from the end of thinking to the last station's answer.
    response_quantiles : Estimate
        Quantiles of that time at `probabilities`.
    residence_times, in_system, utilizations : Estimate
        A station each: mean time of a visit, mean number of customers, share of the cores in use by customers.
    probabilities : ndarray
        See `response_quantiles`.
    completions : int
        Completions that the estimates rest on.
    warmup : float
        Time before them, dropped.
    correlation : float
        Correlation of the mean response times of neighbouring batches. Far from 0 (twice 1 / sqrt(batches)) the run
        is too short for its intervals.
    windows : Windows or None
        The course of the run, if asked for.

    Examples
    --------
    >>> run = closed_loop(population=20, think_time=1.0, demands=0.05, servers=2, duration=1000.0, seed=1)
    >>> [round(float(value)) for value in run.throughput]
    [19, 19, 19]
    """

    throughput: Estimate
    response_time: Estimate
    response_quantiles: Estimate
    residence_times: Estimate
    in_system: Estimate
    utilizations: Estimate
    probabilities: Array
    completions: int
    warmup: float
    correlation: float
    windows: Windows | None


def closed_loop(
    *,
    population: int,
    think_time: float,
    demands: ArrayLike,
    servers: ArrayLike,
    duration: float,
    seed: int | np.random.SeedSequence,
    think_distribution: str | Distribution = "uniform",
    service_distribution: str | Distribution | Sequence[str | Distribution] = "exponential",
    start: str = "spread",
    background: Bursts | Iterable[Bursts] = (),
    warmup: float | str = 0.1,
    window: float | None = None,
    probabilities: ArrayLike = (0.5, 0.9, 0.95, 0.99),
    level: float = 0.95,
    batches: int = 20,
) -> ClosedLoop:
    """Simulate customers who think, then visit every station in turn, and start over.

    Parameters
    ----------
    population : int
        Customers.
    think_time : float
        Mean pause between an answer and the next request.
    demands : array_like, shape (stations,)
        Mean work of a visit, in time on one core; a number for a single station.
    servers : array_like, broadcastable to `demands`
        Cores of each station.
    duration : float
        Time to simulate, warm-up included.
    seed : int or numpy.random.SeedSequence
        Same seed, same numbers.
    think_distribution : str or Distribution
        Of the pauses; ``"uniform"`` is 0.9 to 1.1 of the mean.
    service_distribution : str, Distribution or a sequence of them
        Of the work, one for all stations or one each.
    start : {"spread", "together"}
        Whether the customers start somewhere in their pauses, or all with a request at time 0.
    background : Bursts or sequence of Bursts
        Work that takes cores away.
    warmup : float or "mser5"
        Share of the duration that is dropped at the start; ``"mser5"`` lets :func:`capmodel.simulation.mser5` choose
        by the response times.
    window : float, optional
        Length of the windows of :class:`Windows`; none are made by default.
    probabilities : array_like
        Which quantiles of the response time.
    level : float
        Probability that an interval holds the truth.
    batches : int
        What remains is cut into so many batches of equal length, taken as independent.

    Returns
    -------
    ClosedLoop

    Raises
    ------
    ValueError
        If an argument is out of bounds, the run is too short for its batches, or ``"mser5"`` finds no end of the
        warm-up.

    Notes
    -----
    A station shares its cores: with n customers each is served at the rate min(1, cores / n). A clock that runs at
    that rate shows what each customer has received since it came, so the next to leave is the one whose work ends
    first on that clock: a heap, and two steps of it a visit.

    Pauses that hardly vary keep the phases that the customers started with for hundreds of cycles. A single run then
    knows one set of phases only; for intervals use :func:`capmodel.simulation.replicate`, which draws them anew.

    Customers that start together make a wave, which lasts as their pauses are alike. Where service takes little time,
    the k-th requests vary like the sum of k pauses, and the rate of requests has a first harmonic of 2 abs(f) ** k
    of its mean, f being the characteristic function of a pause at one turn a cycle: for 0.9 to 1.1 of the mean
    sin(0.2 pi) / (0.2 pi) = 0.935, which leaves 53 % after 20 pauses, 7 % after 50 and 0.3 % after 100. Service that
    varies spreads the wave sooner, in one cycle where serving all takes a cycle's time.

    Examples
    --------
    Twenty customers of one station with two cores:

    >>> run = closed_loop(population=20, think_time=1.0, demands=0.05, servers=2, duration=1000.0, seed=1)
    >>> bool(abs(run.throughput.estimate * (1.0 + run.response_time.estimate) / 20 - 1) < 0.01)
    True
    """
    whole("population", population, 1)
    real("think_time", think_time, least=0.0)
    real("duration", duration, above=0.0)
    real("level", level, above=0.0, below=1.0)
    whole("batches", batches, 2)
    if batches > _SLICES // 4:
        raise ValueError(f"batches: got {batches}, expected at most {_SLICES // 4}")
    if warmup != "mser5":
        real("warmup", warmup, least=0.0, below=0.8)
    if start not in ("spread", "together"):
        raise ValueError(f"start: got {start!r}, expected spread or together")
    if window is not None:
        real("window", window, above=0.0)
    means = [real("demands", float(mean), above=0.0) for mean in np.atleast_1d(np.asarray(demands, dtype=float))]
    cores = [
        real("servers", float(number), least=1.0)
        for number in np.broadcast_to(np.asarray(servers, dtype=float), len(means))
    ]
    asked = np.atleast_1d(np.asarray(probabilities, dtype=float))
    for probability in asked:
        real("probabilities", float(probability), above=0.0, below=1.0)
    shapes = [service_distribution] * len(means)
    if not isinstance(service_distribution, (str, Distribution)):
        shapes = list(service_distribution)
        if len(shapes) != len(means):
            raise ValueError(f"service_distribution: got {len(shapes)} of them, expected one or {len(means)}")

    thinking, *serving = (np.random.default_rng(child) for child in seed_sequence(seed).spawn(1 + len(means)))
    pauses = named(think_distribution)
    stations = [
        _Station(number, named(shape).stream(generator, mean))
        for number, shape, generator, mean in zip(cores, shapes, serving, means, strict=True)
    ]
    wakes = [0.0] * population
    if start == "spread":
        wakes = pauses.draw_residual(thinking, think_time, population).tolist()
    edges = np.linspace(0.0, duration, _SLICES + 1)
    bursts = [background] if isinstance(background, Bursts) else list(background)
    moments = _moments(edges[1:], bursts, cores)
    when, took, read = _run(wakes, pauses.stream(thinking, think_time), stations, moments)
    ends, responses = np.frombuffer(when), np.frombuffer(took)

    if warmup == "mser5":
        dropped = mser5(responses)
        skipped = int(np.searchsorted(edges, ends[dropped], side="left"))
    else:
        skipped = math.ceil(float(warmup) * _SLICES - 1e-9)
    slices = (_SLICES - skipped) // batches
    if slices < 1:
        raise ValueError(f"warmup: got {warmup!r}, expected to leave a slice of the run to each of {batches} batches")
    skipped = _SLICES - slices * batches
    borders = edges[skipped::slices]
    split = np.searchsorted(ends, borders, side="right")
    counts = np.diff(split).astype(float)
    if counts.min() < 10:
        raise ValueError(
            f"duration: got {duration}, expected longer: {int(counts.min())} completions in one of {batches} batches, "
            "at least 10 are needed"
        )
    totals = np.diff(np.concatenate([[0.0], np.cumsum(responses)])[split])
    areas, busy = np.diff(read[skipped::slices], axis=0).transpose(1, 0, 2)
    lengths = np.diff(borders)
    held = responses[split[0] : split[-1]]
    parts = [
        np.quantile(held[low:high], asked)
        for low, high in np.lib.stride_tricks.sliding_window_view(split - split[0], 2)
    ]
    spread = np.std(parts, axis=0, ddof=1)
    return ClosedLoop(
        throughput=ratio_interval(counts, lengths, level),
        response_time=ratio_interval(totals, counts, level),
        response_quantiles=student_interval(np.quantile(held, asked), spread, batches, level),
        residence_times=ratio_interval(areas, counts[:, None], level),
        in_system=ratio_interval(areas, lengths[:, None], level),
        utilizations=ratio_interval(busy, lengths[:, None] * np.array(cores), level),
        probabilities=asked,
        completions=len(held),
        warmup=float(borders[0]),
        correlation=_correlation(totals / counts),
        windows=None if window is None else _windows(ends, responses, duration, window),
    )


class _Station:
    """Cores that are shared evenly by who is there, none getting more than one of them."""

    __slots__ = ("area", "busy", "clock", "cores", "due", "jobs", "since", "work")

    def __init__(self, cores: float, work: Iterator[float]) -> None:
        self.cores = cores
        self.work = work
        self.jobs: list[tuple[float, float]] = []  # (reading of the clock at the end, when the request started)
        self.clock = 0.0  # work that a customer would have received who was there all the time
        self.since = 0.0
        self.due = math.inf
        self.area = 0.0
        self.busy = 0.0

    def advance(self, time: float) -> None:
        """Let time pass without arrivals and departures."""
        there = len(self.jobs)
        if there:
            passed = time - self.since
            working = min(there, self.cores)
            self.area += there * passed
            self.busy += working * passed
            self.clock += working / there * passed
        self.since = time

    def foresee(self) -> None:
        """Find when the next customer leaves if nobody comes."""
        there = len(self.jobs)
        if not there:
            self.clock = 0.0  # nobody refers to it, and small numbers are exact
            self.due = math.inf
        elif there <= self.cores:
            self.due = self.since + (self.jobs[0][0] - self.clock)
        elif self.cores > 0.0:
            self.due = self.since + (self.jobs[0][0] - self.clock) * there / self.cores
        else:
            self.due = math.inf


def _run(
    wakes: list[float], pauses: Iterator[float], stations: list[_Station], moments: list[tuple[float, int, float]]
) -> tuple[array[float], array[float], Array]:
    """Simulate, and read the stations at the edges of the slices.

    Returns
    -------
    when, took : array of float
        Completions in order of time, and their response times.
    read : ndarray, shape (slices + 1, 2, stations)
        Integrals over time of customers present and of cores in use.
    """
    heapify(wakes)
    when, took = array("d"), array("d")
    read = [[[0.0] * len(stations), [0.0] * len(stations)]]
    last = stations[-1]
    for moment, which, change in moments:
        while True:
            time, leaving = (wakes[0] if wakes else math.inf), -1
            for index, station in enumerate(stations):
                if station.due < time:
                    time, leaving = station.due, index
            if time > moment:
                break
            if leaving < 0:
                began = heappop(wakes)
            else:
                station = stations[leaving]
                station.advance(time)
                station.clock, began = heappop(station.jobs)
                station.foresee()
                if station is last:
                    when.append(time)
                    took.append(time - began)
                    heappush(wakes, time + next(pauses))
                    continue
            station = stations[leaving + 1]
            station.advance(time)
            heappush(station.jobs, (station.clock + next(station.work), began))
            station.foresee()
        if which < 0:
            for station in stations:
                station.advance(moment)
            read.append([[station.area for station in stations], [station.busy for station in stations]])
        else:
            stations[which].advance(moment)
            stations[which].cores += change
            stations[which].foresee()
    return when, took, np.array(read)


def _moments(edges: Array, bursts: list[Bursts], cores: list[float]) -> list[tuple[float, int, float]]:
    """Return what interrupts the run, in order: (time, station or -1 to read them all, change of its cores)."""
    moments = [(float(edge), -1, 0.0) for edge in edges]
    end = float(edges[-1])
    taken = [0.0] * len(cores)
    for burst in bursts:
        if burst.station >= len(cores):
            raise ValueError(f"station: got {burst.station}, expected less than the {len(cores)} stations")
        taken[burst.station] += burst.cores
        if taken[burst.station] > cores[burst.station]:
            raise ValueError(
                f"cores: got {taken[burst.station]:g} for bursts of station {burst.station}, expected at most its "
                f"{cores[burst.station]:g}"
            )
        for begin in np.arange(burst.first, end, burst.interval).tolist():
            moments += [(begin, burst.station, -burst.cores), (begin + burst.duration, burst.station, burst.cores)]
    return sorted(moment for moment in moments if moment[0] <= end)


def _correlation(values: Array) -> float:
    """Return the correlation of neighbours in a series, 0 if they are all the same."""
    centred = values - values.mean()
    total = float(centred @ centred)
    return float(centred[:-1] @ centred[1:]) / total if total > 0.0 else 0.0


def _windows(ends: Array, responses: Array, duration: float, window: float) -> Windows:
    """Return the course of a run in windows."""
    edges = np.arange(0.0, duration + 0.5 * window, window)
    edges = edges[edges <= duration * (1.0 + 1e-12)]
    split = np.searchsorted(ends, edges, side="left")
    counts = np.diff(split)
    some = counts > 0
    starts = split[:-1][some]
    mean, longest = np.full((2, len(counts)), np.nan)
    held = responses[: split[-1]]
    if len(starts):
        mean[some] = np.add.reduceat(held, starts) / counts[some]
        longest[some] = np.maximum.reduceat(held, starts)
    return Windows(edges[:-1], counts / window, mean, longest)
