"""The bench as a queueing system: callers in a closed loop on one host that server, datastore and client share.

The shipped runs were taken on such a host. Predicting them needs its utilization, which follows from the number of
callers, their pauses and the demands, never from what was measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from capmodel import spire
from capmodel.response import stretch
from capmodel.steady import waiting


class HostState(NamedTuple):
    """Stationary state of the host.

    Attributes
    ----------
    throughput_per_s : float
        Operations completed a second.
    response_time_s : float
        Mean time from call to answer.
    utilization : float
        Share of the cores in use, 0 to 1.
    in_flight : float
        Mean number of operations being served.
    demand_s : float
        Mean CPU seconds an operation at that state.
    churn_weight : float
        Mean of :func:`capmodel.spire.churn` over the operations.
    """

    throughput_per_s: float
    response_time_s: float
    utilization: float
    in_flight: float
    demand_s: float
    churn_weight: float


def closed_loop(
    *,
    callers: int,
    think_time_s: float,
    demand_s: Callable[[float], float],
    churn_s: float,
    half_saturation: float,
    cores: float,
    idle_constant: float,
) -> HostState:
    """Solve the closed loop.

    Parameters
    ----------
    callers : int
        Callers, each with one operation at a time.
    think_time_s : float
        Mean pause between an answer and the next call, seconds.
    demand_s : callable
        Operations a second to CPU seconds an operation, churn apart; positive and not increasing.
    churn_s : float
        The extra CPU seconds at full connection churn.
    half_saturation : float
        Constant of :func:`capmodel.spire.churn`.
    cores : float
        Cores of the host.
    idle_constant : float
        Callers without pause that leave half of the host idle.

    Returns
    -------
    HostState
        Exact for processor sharing given the mean throughput, which is found as a fixed point.

    Raises
    ------
    ValueError
        If there are no callers, no cores, or a negative time.

    Notes
    -----
    With n operations in flight the host completes min(n, cores) / D(n) a second, D(n) = demand + churn(n). The number
    in flight is a birth-death chain, solved in logarithms. Callers without pause keep n = `callers` in flight; they
    still leave a share idle_constant / (n + idle_constant) of the host unused, because a caller waits while its answer
    travels.

    Examples
    --------
    >>> state = closed_loop(callers=100, think_time_s=1.0, demand_s=lambda rate: 0.002, churn_s=0.0,
    ...                     half_saturation=1.0, cores=2, idle_constant=0.6)
    >>> round(state.utilization, 3)
    0.1
    """
    if callers < 1 or cores <= 0 or think_time_s < 0 or churn_s < 0:
        raise ValueError(
            f"closed_loop: got callers={callers}, cores={cores}, think_time_s={think_time_s}, churn_s={churn_s}; "
            "expected at least one caller, some cores and no negative time"
        )
    count = np.arange(1, callers + 1, dtype=float)
    beyond = np.maximum(count - spire.IDLE_CONNECTIONS_BEFORE_V1_12, 0.0)
    weight = beyond / (count + half_saturation) if churn_s > 0.0 else np.zeros(callers)
    working = np.minimum(count, cores)
    births = np.log(callers - count + 1.0)

    def state_at(throughput: float) -> HostState:
        """Return the state that the demand at a given throughput makes."""
        demand = demand_s(throughput) + churn_s * weight
        if think_time_s == 0.0:
            share = callers / (callers + idle_constant)
            rate = share * cores / demand[-1]
            return HostState(rate, callers / rate, share, float(callers), float(demand[-1]), float(weight[-1]))
        completions = working / demand
        probability = _chain(births - np.log(completions * think_time_s))[1:]
        rate = float(probability @ completions)
        seen = probability * completions / rate
        held = float(probability @ count)
        used = float(probability @ working) / cores
        return HostState(rate, held / rate, used, held, float(seen @ demand), float(seen @ weight))

    def gain(throughput: float) -> float:
        return state_at(throughput).throughput_per_s - throughput

    # A higher assumed throughput means a smaller demand, hence a higher one in return, but less than in proportion:
    # the first crossing from below is the state that a fleet grows into.
    low, high = 0.0, state_at(1e12).throughput_per_s
    at_rest = state_at(0.0)
    if at_rest.throughput_per_s >= high * (1.0 - 1e-12):  # no throughput changes the demand
        return at_rest
    for _ in range(_HALVINGS):
        guess = 0.5 * (low + high)
        low, high = (guess, high) if gain(guess) > 0.0 else (low, guess)
    return state_at(high if gain(high) >= 0.0 else float(brentq(gain, low, high, xtol=1e-9 * high)))


#: Times that the range of throughputs is halved, so that one crossing is left, which is then approached more quickly.
_HALVINGS = 8


def fleet_loop(
    *,
    callers: float,
    think_time_s: float,
    delay_s: Callable[[float], float],
    demand_s: Callable[[float], float],
    churn_s: float,
    half_saturation: float,
    cores: float,
    critical_share: float,
    interference: float,
) -> HostState:
    """Solve the closed loop of many callers with the response times of real servers.

    Parameters
    ----------
    callers, think_time_s, demand_s, churn_s, half_saturation, cores
        As in :func:`closed_loop`.
    delay_s : callable
        Operations a second to seconds that an operation waits for a network, beside its CPU time.
    critical_share, interference : float
        See :func:`capmodel.response.stretch`.

    Returns
    -------
    HostState
        The solution of X (Z + R(X)) = N; where churn makes several, the one with the longest queues.

    Examples
    --------
    >>> state = fleet_loop(callers=100, think_time_s=1.0, delay_s=lambda rate: 0.0, demand_s=lambda rate: 0.002,
    ...                    churn_s=0.0, half_saturation=1.0, cores=2, critical_share=1.0, interference=0.0)
    >>> round(state.utilization, 3)
    0.1
    """

    def state_at(rate: float) -> HostState:
        held = max(callers - rate * think_time_s, 0.0)
        weight = spire.churn(held, half_saturation) if churn_s > 0.0 else 0.0
        demand = demand_s(rate) + churn_s * weight
        used = rate * demand / cores
        answer_s = np.inf
        if used < 1.0:
            answer_s = delay_s(rate) + demand * stretch(waiting(cores, used), critical_share, interference)
        return HostState(rate, answer_s, used, held, demand, weight)

    most = callers / max(think_time_s, 1e-9)
    most = min(most, cores / demand_s(1e12))
    steps = most * np.arange(1, 401) / 400 if churn_s > 0.0 else np.array([most])
    low, high = 0.0, most
    for rate in steps:
        if rate * (think_time_s + state_at(rate).response_time_s) >= callers:
            low, high = float(max(rate - steps[0], 0.0)), float(rate)
            break
    for _ in range(200):
        guess = 0.5 * (low + high)
        if guess * (think_time_s + state_at(guess).response_time_s) > callers:
            high = guess
        else:
            low = guess
        if high - low <= 1e-12 * most:
            break
    found = state_at(low)
    return found._replace(response_time_s=callers / low - think_time_s)


def _chain(log_ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the stationary probabilities of a birth-death chain from the logarithms of its ratios."""
    logs = np.concatenate([[0.0], np.cumsum(log_ratios)])
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()
