"""Intervals from one run (batch means) and the end of a warm-up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]


class Estimate(NamedTuple):
    """A simulated figure and its interval.

    Attributes
    ----------
    estimate, lower, upper : float or ndarray
        Arrays have one entry a station, or a probability.

    Examples
    --------
    >>> figure = Estimate(estimate=2.0, lower=1.5, upper=2.5)
    >>> figure.upper - figure.estimate
    0.5
    """

    estimate: Array | float
    lower: Array | float
    upper: Array | float


def student_interval(center: Array, spread: Array, count: int, level: float) -> Estimate:
    """Return an interval around a mean of independent values.

    Parameters
    ----------
    center : ndarray
        The mean, or another estimate with the same limit.
    spread : ndarray
        Standard deviation of one value.
    count : int
        Number of values.
    level : float
        Probability that the interval holds the truth.

    Returns
    -------
    Estimate
        center -+ t spread / sqrt(count), t being Student's quantile with count - 1 degrees of freedom.

    Examples
    --------
    >>> student_interval(np.float64(2.0), np.float64(1.0), 4, 0.95).upper.round(3)
    np.float64(3.591)
    """
    half = stdtrit(count - 1, 0.5 + 0.5 * level) * spread / np.sqrt(count)
    return Estimate(center, center - half, center + half)


def ratio_interval(totals: Array, weights: Array, level: float) -> Estimate:
    """Return the ratio of two totals with a batch-means interval.

    Parameters
    ----------
    totals : ndarray, shape (batches,) or (batches, k)
        Sum of the measured quantity in each batch.
    weights : ndarray, broadcastable to `totals`
        What it is a mean over: completions or seconds of each batch.
    level : float
        Level of the interval.

    Returns
    -------
    Estimate
        sum(totals) / sum(weights); the spread is that of totals - ratio x weights, relative to the mean weight, so
        that batches with more completions count for more.

    Examples
    --------
    >>> ratio_interval(np.array([1.0, 3.0]), np.array([1.0, 1.0]), 0.9).estimate
    np.float64(2.0)
    """
    weights = np.broadcast_to(weights, totals.shape)
    ratio = totals.sum(axis=0) / weights.sum(axis=0)
    count = len(totals)
    residual = totals - ratio * weights
    spread = np.sqrt((residual**2).sum(axis=0) / (count - 1)) / weights.mean(axis=0)
    return student_interval(ratio, spread, count, level)


def mser5(series: Array) -> int:
    """Return how many values at the start of a series belong to its warm-up, by the MSER-5 rule.

    Parameters
    ----------
    series : ndarray, shape (n,)
        A quantity in the order in which it arose.

    Returns
    -------
    int
        Number of values to drop, a multiple of five and less than half of them: the number that leaves the smallest
        squared standard error of the mean of what remains, on means of five values.

    Raises
    ------
    ValueError
        If the rule asks for half of the series or more: the run is too short to tell.

    Notes
    -----
    White, Cobb, Spratt. A comparison of five steady-state truncation heuristics for simulation. Winter Simulation
    Conference 2000.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(size=5000)
    >>> noise[:500] += 10.0
    >>> mser5(noise)
    500
    """
    fives = len(series) // 5
    if fives < 10:
        raise ValueError(f"series: got {len(series)} values, expected at least 50 to find the end of a warm-up")
    means = series[: 5 * fives].reshape(fives, 5).mean(axis=1)
    # Sums from the end: entry d belongs to what is left after d groups are dropped.
    centred = means - means.mean()
    left = np.arange(fives, 0, -1)
    total = np.cumsum(centred[::-1])[::-1]
    squares = np.cumsum((centred**2)[::-1])[::-1]
    error = (squares - total**2 / left) / left.astype(float) ** 2
    dropped = int(np.argmin(error[: fives // 2 + 1]))
    if dropped >= fives // 2:
        raise ValueError(
            f"series: got a warm-up of {5 * dropped} of {len(series)} values or more, expected less than half: "
            "the run is too short"
        )
    return 5 * dropped
