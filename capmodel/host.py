"""The bench as a queueing system: callers in a closed loop on one host that server, datastore and client share.

The shipped runs were taken on such a host. Predicting them needs its utilization, which follows from the number of
callers, their pauses and the demands, never from what was measured.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capmodel import spire


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
    busy_s: float,
    idle_s: float,
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
    busy_s, idle_s, churn_s : float
        CPU seconds an operation on a busy host, the extra on an idle one, the extra at full connection churn.
    half_saturation : float
        Constant of :func:`capmodel.spire.churn`.
    cores : float
        Cores of the host.
    idle_constant : float
        Callers without pause that leave half of the host idle.

    Returns
    -------
    HostState
        Exact for processor sharing given the mean utilization, which is found as a fixed point.

    Raises
    ------
    ValueError
        If there are no callers, no cores, or a negative time.

    Notes
    -----
    With n operations in flight the host completes min(n, cores) / D(n) a second, D(n) = busy + idle (1 - u) +
    churn(n). The number in flight is a birth-death chain, solved in logarithms. Callers without pause
    keep n = `callers` in flight; they still leave a share idle_constant / (n + idle_constant) of the host unused,
    because a caller waits while its answer travels.

    Examples
    --------
    >>> state = closed_loop(callers=100, think_time_s=1.0, busy_s=0.002, idle_s=0.0, churn_s=0.0, half_saturation=1.0,
    ...                     cores=2, idle_constant=0.6)
    >>> round(state.utilization, 3)
    0.1
    """
    if callers < 1 or cores <= 0 or min(think_time_s, busy_s, idle_s, churn_s) < 0:
        raise ValueError(
            f"closed_loop: got callers={callers}, cores={cores}, think_time_s={think_time_s}, busy_s={busy_s}, "
            f"idle_s={idle_s}, churn_s={churn_s}; expected at least one caller and core and no negative time"
        )
    count = np.arange(1, callers + 1, dtype=float)
    beyond = np.maximum(count - spire.IDLE_CONNECTIONS_BEFORE_V1_12, 0.0)
    weight = beyond / (count + half_saturation)
    if think_time_s == 0.0:
        utilization = callers / (callers + idle_constant)
        demand = busy_s + idle_s * (1.0 - utilization) + churn_s * weight[-1]
        throughput = utilization * cores / demand
        return HostState(throughput, callers / throughput, utilization, float(callers), demand, float(weight[-1]))
    births = np.log((callers - count + 1.0) / think_time_s)
    low, high = 0.0, 1.0
    while True:
        guess = 0.5 * (low + high)
        demand_at = busy_s + idle_s * (1.0 - guess) + churn_s * weight
        rate = np.minimum(count, cores) / demand_at
        probability = _chain(births - np.log(rate))
        throughput = float(probability[1:] @ rate)
        busy = float(probability[1:] @ np.minimum(count, cores)) / cores
        if high - low < 1e-9:
            break
        # More assumed utilization means a smaller demand, hence less of it: the fixed point is unique.
        low, high = (guess, high) if busy > guess else (low, guess)
    in_flight = float(probability[1:] @ count)
    completions = probability[1:] * rate / throughput
    return HostState(
        throughput,
        in_flight / throughput,
        busy,
        in_flight,
        float(completions @ demand_at),
        float(completions @ weight),
    )


def _chain(log_ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the stationary probabilities of a birth-death chain from the logarithms of its ratios."""
    logs = np.concatenate([[0.0], np.cumsum(log_ratios)])
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()
