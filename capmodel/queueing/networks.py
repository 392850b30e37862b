"""Networks of stations: closed, with a finite population that thinks between requests, and open."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg.blas import dtbsv

from capmodel.queueing._arguments import Floats, non_negative, whole
from capmodel.queueing.erlang import waiting

#: Standard deviations of a Poisson variable beyond which its probabilities are left out: exp(-60) is left.
_REACH = 11.0


class ClosedNetwork(NamedTuple):
    """Stationary means of a closed network.

    Attributes
    ----------
    throughput : float or ndarray
        Customers that complete a cycle a unit of time, shape of the broadcast population, think time and stations
        without their last axis.
    response_time : float or ndarray
        Mean time of a cycle without thinking: the sum of the residence times.
    residence_times : ndarray
        Mean time that a cycle spends at each station, stations on the last axis.
    utilizations : ndarray
        Share of time that a server of each station is busy.
    in_system : float or ndarray
        Mean number of customers that do not think. The number at each station is throughput times residence time.

    Examples
    --------
    >>> network = closed_network(population=3, think_time=15.0, demands=[0.605, 2.1, 1.35])
    >>> network.utilizations.round(3).tolist(), round(float(network.response_time), 2)
    ([0.092, 0.318, 0.205], 4.8)
    """

    throughput: Floats
    response_time: Floats
    residence_times: Floats
    utilizations: Floats
    in_system: Floats


class OpenNetwork(NamedTuple):
    """Stationary means of an open network.

    Attributes
    ----------
    utilizations : ndarray
        Offered load over servers of each station, stations on the last axis; 1 and more where unstable.
    residence_times : ndarray
        Mean time that a customer spends at each station in all visits, infinite where unstable.
    response_time : float or ndarray
        Mean time in the network: the sum of the residence times.
    in_system : float or ndarray
        Mean number in the network.

    Examples
    --------
    >>> shop = open_network(arrival_rate=2.0, service_times=[0.1, 0.05], visits=[1, 6])
    >>> shop.utilizations.round(3).tolist(), shop.residence_times.round(3).tolist()
    ([0.2, 0.6], [0.125, 0.75])
    """

    utilizations: Floats
    residence_times: Floats
    response_time: Floats
    in_system: Floats


def closed_network(
    *, population: ArrayLike, think_time: ArrayLike, demands: ArrayLike, servers: ArrayLike = 1
) -> ClosedNetwork:
    r"""Return the exact means of a closed product-form network of stations with one or more servers.

    Customers think, pass all stations and think again. With demands :math:`D_k`, servers :math:`c_k` and
    :math:`\beta_k(n) = \prod_{i \le n} \min(i, c_k)` the probability of :math:`n_k` customers at the stations and
    :math:`n_0` thinking is proportional to :math:`\frac{Z^{n_0}}{n_0!} \prod_k \frac{D_k^{n_k}}{\beta_k(n_k)}`. Holds
    for exponential service first come first served, and under processor sharing for any distribution of service and
    think times.

    Parameters
    ----------
    population : array_like
        Number of customers.
    think_time : array_like
        Mean time between an answer and the next request.
    demands : array_like
        Total mean service time of a cycle at each station, visits times service time, stations on the last axis.
    servers : array_like, default 1
        Servers of each station, stations on the last axis; each customer uses one at most.

    Returns
    -------
    ClosedNetwork
        Throughput, response time, residence times, utilizations and number in system. Without customers the times are
        those of a first one, the demands.

    Raises
    ------
    ValueError
        If `population` is not a whole number of at least 0, a time is negative or infinite, `servers` is not a
        whole number of at least 1, or neither `demands` nor `servers` has an axis of stations.

    Notes
    -----
    Convolution of the stations' probabilities as they would be in an open network whose arrival rate puts about
    :math:`N` customers into it. That scaling keeps every number near 1: nothing overflows. The probabilities of a
    station are a short polynomial over a geometric series, so that convolving with them is a recursive filter. All
    terms are positive: nothing cancels, unlike in the mean-value recursion for stations with several servers. The mean
    numbers are derivatives of the normalizing constant, from a second pass backwards through the stations.

    The work for each point is of order :math:`N` times the sum of the servers, less at light load. Relative errors are
    below 1e-13 for 5000 and 50 000 customers, below, at and beyond saturation, against 50 digits, and below 1e-12 for
    a million at one station.

    References
    ----------
    J. P. Buzen, Computational algorithms for closed queueing networks with exponential servers, Communications of the
    ACM 16(9), 1973, 527-531. E. D. Lazowska, J. Zahorjan, G. S. Graham, K. C. Sevcik, Quantitative System Performance,
    Prentice-Hall 1984.

    Examples
    --------
    Three customers, a processor and two disks (Lazowska et al., p. 117):

    >>> network = closed_network(population=3, think_time=15.0, demands=[0.605, 2.1, 1.35])
    >>> round(float(network.throughput), 4)
    0.1515
    >>> network.residence_times.round(4)
    array([0.6439, 2.6047, 1.5512])
    """
    (customers,) = whole(0, population=population)
    think, demand = non_negative(think_time=think_time, demands=demands)
    (count,) = whole(1, servers=servers)
    if not (demand.ndim or count.ndim):
        raise ValueError(f"demands: got {demand:.16g}, expected an array with the stations on its last axis")
    flat = np.broadcast_shapes(customers.shape, think.shape, demand.shape[:-1], count.shape[:-1])
    shape = (*flat, *np.broadcast_shapes(demand.shape[-1:], count.shape[-1:]))
    points = (math.prod(flat), shape[-1])
    customers, think = (np.broadcast_to(array, flat).ravel() for array in (customers, think))
    demand, count = (np.broadcast_to(array, shape).reshape(points) for array in (demand, count))

    throughput = np.zeros(customers.shape)
    present = np.zeros(demand.shape)
    unknown = np.isnan(customers + think + demand.sum(axis=1) + count.sum(axis=1))
    throughput[unknown] = np.nan
    # A station with a server for every customer only delays, as thinking does.
    delaying = (count >= customers[:, None]) | (demand == 0.0)
    queueing = ~unknown & ~delaying.all(axis=1)
    delay = think + np.where(delaying, demand, 0.0).sum(axis=1)
    free = ~unknown & ~queueing & (customers > 0.0)
    with np.errstate(divide="ignore"):
        throughput[free] = customers[free] / delay[free]
    rows = np.flatnonzero(queueing)
    rates = _open_rates(customers[rows], delay[rows], np.where(delaying, 0.0, demand)[rows], count[rows])
    for row, rate in zip(rows.tolist(), rates.tolist(), strict=True):
        chosen = ~delaying[row]
        throughput[row], present[row, chosen] = _convolve(
            int(customers[row]), float(delay[row]), demand[row, chosen], count[row, chosen].astype(int), rate
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        residence = np.where(delaying | (customers == 0.0)[:, None], demand, present / throughput[:, None])
        residence[unknown] = np.nan
        utilizations = np.where(demand == 0.0, 0.0, throughput[:, None] * demand / count)
        utilizations[unknown] = np.nan
    response = residence.sum(axis=1)
    with np.errstate(invalid="ignore"):
        in_system = np.where(response == 0.0, 0.0, throughput * response)
    return ClosedNetwork(
        throughput.reshape(flat)[()],
        response.reshape(flat)[()],
        residence.reshape(shape),
        utilizations.reshape(shape),
        in_system.reshape(flat)[()],
    )


def open_network(
    *, arrival_rate: ArrayLike, service_times: ArrayLike, servers: ArrayLike = 1, visits: ArrayLike = 1.0
) -> OpenNetwork:
    r"""Return the means of an open network of M/M/c stations (Jackson network).

    Station :math:`k` is busy :math:`\lambda v_k S_k / c_k` of the time (utilization law) and behaves like
    :func:`mmc` at arrival rate :math:`\lambda v_k`. Under processor sharing the means hold for any distribution of
    service times.

    Parameters
    ----------
    arrival_rate : array_like
        Customers that enter a unit of time.
    service_times : array_like
        Mean service time of a visit to each station, stations on the last axis.
    servers : array_like, default 1
        Servers of each station.
    visits : array_like, default 1
        Mean number of visits of a customer to each station.

    Returns
    -------
    OpenNetwork
        Utilizations, residence times, response time and number in system.

    Raises
    ------
    ValueError
        If a rate, time or number of visits is negative or infinite, `servers` is not a whole number of at least 1, or
        no argument has an axis of stations.

    References
    ----------
    J. R. Jackson, Networks of waiting lines,
    Operations Research 5(4), 1957, 518-521.

    Examples
    --------
    >>> shop = open_network(arrival_rate=2.0, service_times=[0.1, 0.05], visits=[1, 6])
    >>> shop.utilizations.round(3)
    array([0.2, 0.6])
    >>> round(float(shop.response_time), 4)
    0.875
    """
    rate, time, visit = non_negative(arrival_rate=arrival_rate, service_times=service_times, visits=visits)
    (count,) = whole(1, servers=servers)
    if not (time.ndim or count.ndim or visit.ndim):
        raise ValueError(f"service_times: got {time:.16g}, expected an array with the stations on its last axis")
    rate, time, count, visit = np.broadcast_arrays(rate[..., None], time, count, visit)
    load = rate * visit * time
    with np.errstate(divide="ignore", invalid="ignore"):
        residence = visit * time * (1.0 + waiting(load, count) / np.maximum(count - load, 0.0))
    response = residence.sum(axis=-1)
    return OpenNetwork(load / count, residence, response, rate[..., 0] * response)


def _open_rates(customers: Floats, delay: Floats, demands: Floats, servers: Floats) -> Floats:
    """Return arrival rates at which open networks hold about as many customers as the closed ones, by bisection."""
    relative = demands / servers
    slowest = relative.max(axis=1, initial=0.0)
    capacity = 1.0 / np.where(slowest > 0.0, slowest, 1.0)
    relative = relative * capacity[:, None]  # 1 at the bottleneck
    # The unknown is the log odds of the bottleneck's utilization, so that a utilization close to 1 is found as well.
    low, high = np.full(customers.shape, -60.0), np.full(customers.shape, 40.0)
    power = np.sqrt(2.0 * (servers + 1.0))
    for _ in range(28):
        odds = (low + high) / 2.0
        busy = 1.0 / (1.0 + np.exp(-odds))
        use = relative * busy[:, None]
        spare = (1.0 - relative) + relative * (1.0 / (1.0 + np.exp(odds)))[:, None]
        # Sakasegawa's approximation of M/M/c is near enough: any rate gives the same answer, a good one stays in range.
        held = delay * capacity * busy + (use * servers + use**power / spare).sum(axis=1)
        low, high = np.where(held < customers, odds, low), np.where(held < customers, high, odds)
    return capacity / (1.0 + np.exp(-(low + high) / 2.0))


def _convolve(
    population: int, delay: float, demands: Floats, servers: NDArray[np.int_], rate: float
) -> tuple[float, Floats]:
    """Return throughput and mean number at each station of one network that queues."""
    loads = rate * demands
    use = loads / servers
    thinking = rate * delay
    # Fewer customers think than this with a probability that does not count, so shorter arrays will do.
    least = min(max(0, int(thinking - _REACH * np.sqrt(thinking) - 20.0)), population - 1)
    size = population + 1 - least
    # The most used station goes first: behind it no probability decays into the range where arithmetic is slow.
    order = np.argsort(-use, kind="stable")
    heads = [_head(loads[k], servers[k]) for k in order]
    filters = [_geometric(use[k], size) for k in order]

    before = [_poisson_shape(thinking, least, population)]
    for head, band in zip(heads, filters, strict=True):
        before.append(dtbsv(1, band, _forward(before[-1], head), lower=1, diag=1, overwrite_x=1))
    constants = before[-1]
    throughput = rate * constants[-2] / constants[-1]

    present = np.empty(len(demands))
    after = np.zeros(size)
    after[-1] = 1.0 / constants[-1]
    for k, head, band, start, end in zip(
        order[::-1], heads[::-1], filters[::-1], before[-2::-1], before[:0:-1], strict=True
    ):
        after = dtbsv(1, band, after, lower=1, trans=1, diag=1, overwrite_x=1)
        # The derivative of head / (1 - use z) is use z / (1 - use z) of the whole plus that of the head.
        present[k] = use[k] * (after[1:] @ end[:-1])
        first, weights = head
        if servers[k] > 1:
            slope = weights * np.arange(first, first + len(weights))
            present[k] += after @ _forward(start, (first, slope))
        after = _forward(after[::-1], head)[::-1]
    return throughput, present


def _geometric(ratio: float, size: int) -> Floats:
    """Return the banded matrix that, solved for, convolves with a geometric series."""
    band = np.empty((2, size), order="F")
    band[1] = -ratio
    return band


def _head(load: float, servers: int) -> tuple[int, Floats]:
    """Return first power and weights of the polynomial (1 - load/servers z) sum load^n/beta(n) z^n, up to a factor.

    Its coefficients load^n / n! (1 - n/servers), n < servers, are positive; those too small to count are left out.
    """
    if servers == 1:
        return 0, np.ones(1)
    spread = _REACH * np.sqrt(load)
    first, last = max(0, int(load - spread - 20.0)), min(servers - 1, int(load + spread + 30.0))
    weights = _poisson_shape(load, first, last)
    weights *= 1.0 - np.arange(first, last + 1) / servers
    return first, weights


def _poisson_shape(mean: float, first: int, last: int) -> Floats:
    """Return Poisson probabilities of first ... last over that of the most likely one among them."""
    peak = min(max(int(mean), first), last)
    shape = np.empty(last - first + 1)
    middle = peak - first
    shape[middle] = 1.0
    np.cumprod(mean / np.arange(peak + 1, last + 1), out=shape[middle + 1 :])
    if middle:
        np.cumprod(np.arange(peak, first, -1) / mean, out=shape[:middle][::-1])
    return shape


def _forward(values: Floats, head: tuple[int, Floats]) -> Floats:
    """Return the convolution with a polynomial, cut to the length of the values."""
    first, weights = head
    if first == 0 and len(weights) == 1:  # a single server
        return values * weights
    result = np.zeros(len(values))
    if first < len(values):
        result[first:] = np.convolve(values[: len(values) - first], weights)[: len(values) - first]
    return result
