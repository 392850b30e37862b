"""How long a sync takes: what part of its CPU time is waited for, and how waiting grows with utilization.

Measured at light load a sync answers sooner than its CPU seconds add up, because part of them is spent beside or after
the answer. At high load it answers later than processor sharing says, because garbage collection, bursts and other
work on the host interfere.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

Times = TypeVar("Times", float, NDArray[np.float64])


class ResponseResults(NamedTuple):
    """Fitted response times.

    Attributes
    ----------
    critical_share : dict of str to float
        For each family the share of a sync's CPU seconds that the caller waits for on a host at rest.
    interference : float
        How strongly the square of the waiting under processor sharing adds to it.
    interference_error : float
        Standard error of `interference`. Its effect grows with the square of the waiting, so near saturation this is
        what an interval consists of.
    dispersion : float
        Variance of the logarithm of measured over predicted.
    rows : int
        Rows in the fit.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fitted = costs.response
    >>> {family: round(share, 1) for family, share in fitted.critical_share.items()}
    {'cache': 0.7, 'crawl': 0.8}
    """

    critical_share: dict[str, float]
    interference: float
    interference_error: float
    dispersion: float
    rows: int


def stretch(waiting: Times, critical_share: Times, interference: float) -> Times:
    """Return the response time at a station in service times.

    Parameters
    ----------
    waiting : float or ndarray
        Waiting under processor sharing in service times, C / (cores (1 - u)).
    critical_share : float or ndarray
        See :class:`ResponseResults`.
    interference : float
        See :class:`ResponseResults`.

    Returns
    -------
    float or ndarray
        critical share + waiting + interference x waiting squared.

    Examples
    --------
    >>> stretch(0.5, 0.6, 2.0)
    1.6
    """
    return critical_share + waiting + interference * waiting * waiting


def fit_response(
    family: NDArray[np.object_],
    demand_s: NDArray[np.float64],
    waiting: NDArray[np.float64],
    measured_s: NDArray[np.float64],
) -> ResponseResults:
    """Estimate the two constants from measured mean latencies.

    Parameters
    ----------
    family : ndarray of str, shape (n,)
        Family of each row's operation.
    demand_s : ndarray, shape (n,)
        Measured CPU seconds an operation, server, datastore and client together: an error in a predicted demand would
        pass for interference, or hide it.
    waiting : ndarray, shape (n,)
        Waiting under processor sharing in service times, at the measured utilization.
    measured_s : ndarray, shape (n,)
        Measured mean latency, seconds.

    Returns
    -------
    ResponseResults
        Least squares of logarithms, both constants non-negative; the tails of a few outliers are damped.

    Examples
    --------
    Answers that take 0.6 of the CPU seconds at rest, and wait twice the square of the waiting on top:

    >>> waiting = np.array([0.0, 0.1, 0.3, 0.5, 1.0, 2.0])
    >>> family, demand_s = np.array(["cache"] * 6, dtype=object), np.full(6, 0.002)
    >>> fitted = fit_response(family, demand_s, waiting, demand_s * stretch(waiting, 0.6, 2.0))
    >>> round(fitted.critical_share["cache"], 3), round(fitted.interference, 3)
    (0.6, 2.0)
    """
    names, code = np.unique(family.astype(str), return_inverse=True)

    def residuals(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        predicted = demand_s * stretch(waiting, parameters[:-1][code], parameters[-1])
        return np.log(measured_s / predicted)

    start = np.append(np.full(len(names), 0.7), 1.0)
    found = least_squares(residuals, start, bounds=(1e-6, np.inf), loss="soft_l1", f_scale=0.3)
    degrees = max(len(measured_s) - len(start), 1)
    dispersion = float(np.sum(residuals(found.x) ** 2) / degrees)
    slopes = np.asarray(found.jac, dtype=float)
    covariance = dispersion * np.linalg.pinv(slopes.T @ slopes)
    return ResponseResults(
        critical_share=dict(zip(names.tolist(), found.x[:-1].tolist(), strict=True)),
        interference=float(found.x[-1]),
        interference_error=float(np.sqrt(covariance[-1, -1])),
        dispersion=dispersion,
        rows=len(measured_s),
    )
