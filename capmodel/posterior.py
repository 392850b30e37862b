"""What a fitted ladder leaves open: draws of its parameters, and what they say of the rungs together.

:mod:`capmodel.ladder` has the likelihood that they are drawn from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from capmodel.ladder import Array, Censored, Family, LadderFit, log_cell_probability, parameter_bounds

#: Numbers of an intermediate array that fit into a processor's cache.
_LARGEST_BLOCK = 100_000
#: Seed of the posterior's draws: a prediction is the same every time.
_SEED = 5108
_ADAPTATIONS = 5
_DRAWS = 2000
_KEPT = 500
_DEGREES = 5.0


class Posterior(NamedTuple):
    """Draws of the parameters.

    Attributes
    ----------
    draws : ndarray, shape (500, k)
        Parameters of the mean, then sigma, each draw as likely as any other.
    effective : float
        Independent draws that the weighted sample before resampling is worth.
    """

    draws: Array
    effective: float


def sample_posterior(family: Family, cells: Censored, fit: LadderFit) -> Posterior:
    """Draw parameters in proportion to likelihood times prior.

    Parameters
    ----------
    family : Family
        The mean.
    cells : Censored
        The cells.
    fit : LadderFit
        Their maximum-likelihood fit, where the search starts.

    Returns
    -------
    Posterior
        The prior is flat over the allowed parameters of the mean, and half-normal with scale 1 rung for sigma: without
        it a family that separates the rungs would claim certainty. Adaptive importance sampling with a Student
        proposal (Cappé et al. 2004), then systematic resampling.
    """
    lower, upper = parameter_bounds(family)
    size = len(fit.params)
    rng = np.random.default_rng(_SEED)
    _, derivatives = family.terms(fit.params[:-1], cells.agents, cells.workloads)
    jacobian = np.column_stack([np.broadcast_to(column, cells.agents.shape) for column in derivatives])
    scale = max(float(np.linalg.norm(jacobian, axis=0).max()), 1.0)
    information = jacobian.T @ jacobian + 1e-6 * scale * np.eye(size - 1)
    sigma = max(fit.params[-1], 0.3)
    covariance = np.zeros((size, size))
    covariance[:-1, :-1] = np.linalg.inv(information) * (sigma**2 + 1.0 / 12.0)
    covariance[-1, -1] = 0.15
    centre = np.append(fit.params[:-1], np.log(sigma))
    for _ in range(_ADAPTATIONS):
        normal = rng.standard_normal((_DRAWS, size))
        chi = rng.chisquare(_DEGREES, _DRAWS) / _DEGREES
        root = np.linalg.cholesky(covariance)
        points = centre + (normal / np.sqrt(chi)[:, None]) @ root.T
        params = points.copy()
        params[:, -1] = np.exp(np.minimum(points[:, -1], 50.0))
        allowed = ((params >= lower) & (params <= upper)).all(axis=1)
        log_weight = np.full(_DRAWS, -np.inf)
        inside = params[allowed]
        mean = family.mean(inside, cells.agents, cells.workloads)
        llf = log_cell_probability(cells.lower, cells.upper, mean, inside[:, -1:]).sum(axis=1)
        distance = ((normal[allowed] ** 2).sum(axis=1)) / (_DEGREES * chi[allowed])
        log_proposal = -0.5 * (_DEGREES + size) * np.log1p(distance)
        # The last term turns a density of sigma into one of its logarithm.
        log_weight[allowed] = llf - 0.5 * inside[:, -1] ** 2 + points[allowed, -1] - log_proposal
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        centre = weight @ points
        spread = points - centre
        covariance = 1.2 * (spread * weight[:, None]).T @ spread + 1e-9 * np.eye(size)
    chosen = np.searchsorted(np.cumsum(weight), (np.arange(_KEPT) + 0.5) / _KEPT)
    return Posterior(params[np.minimum(chosen, _DRAWS - 1)], float(1.0 / np.sum(weight**2)))


def log_rung_probabilities(
    mean: Array, sigma: Array, edges: Array, lowest: Array | None = None, highest: Array | None = None
) -> Array:
    """Return the log-probability of each rung, averaged over draws of the parameters.

    Parameters
    ----------
    mean : ndarray, shape (draws, n)
        Mean of log2 of the need.
    sigma : ndarray, shape (draws, 1)
        Standard deviation, rungs.
    edges : ndarray, shape (rungs,)
        log2 of the rungs, rising by one; the first is open below, the last above.
    lowest, highest : ndarray, shape (n,), optional
        log2 of the lowest and highest rung that is possible at each point. Each draw is conditioned on them, which
        keeps the order of the draws and so the monotony of their average.

    Returns
    -------
    ndarray, shape (n, rungs)
        Accurate for rungs that are all but impossible; the exponentials of each row sum to 1.
    """
    upper, lower = edges.copy(), edges - 1.0
    lower[0], upper[-1] = -np.inf, np.inf
    points = mean.shape[1]
    bounded = lowest is not None and highest is not None
    possible = np.ones((points, len(edges)), dtype=bool)
    if lowest is not None and highest is not None:
        possible = (edges >= lowest[:, None]) & (edges <= highest[:, None])
    total = np.full((points, len(edges)), -np.inf)
    at_once = max(_LARGEST_BLOCK // (max(points, 1) * len(edges)), 1)
    for start in range(0, len(mean), at_once):
        block = slice(start, start + at_once)
        log_p = log_cell_probability(lower, upper, mean[block, :, None], sigma[block, :, None])
        if bounded:
            log_p = np.where(possible, log_p, -np.inf)
            log_p -= _log_sum(log_p, axis=-1)
        total = np.logaddexp(total, _log_sum(log_p, axis=0)[0])
    return total - np.log(len(mean))


def _log_sum(logs: Array, axis: int) -> Array:
    """Return the logarithm of a sum of exponentials, the axis kept; many times faster than logaddexp.reduce."""
    top = logs.max(axis=axis, keepdims=True)
    finite = np.where(np.isfinite(top), top, 0.0)
    total = np.exp(logs - finite).sum(axis=axis, keepdims=True)
    return finite + np.where(total > 0.0, np.log(np.where(total > 0.0, total, 1.0)), -np.inf)


def rung_probabilities(mean: Array, sigma: Array, edges: Array) -> Array:
    """Return the probability of each rung, averaged over draws of the parameters.

    Parameters
    ----------
    mean : ndarray, shape (draws, n)
        Mean of log2 of the need.
    sigma : ndarray, shape (draws, 1)
        Standard deviation, rungs.
    edges : ndarray, shape (rungs,)
        log2 of the rungs, rising by one; the first is open below, the last above.

    Returns
    -------
    ndarray, shape (n, rungs)
        Each row sums to 1. What :func:`log_rung_probabilities` returns, in a third of the time.
    """
    cumulative = ndtr((edges[:-1] - mean[..., None]) / sigma[..., None]).mean(axis=0)
    return np.diff(cumulative, axis=-1, prepend=0.0, append=1.0)


def latent_quantile(
    mean: Array, sigma: Array, share: float, lowest: Array | None = None, highest: Array | None = None
) -> Array:
    """Return a quantile of log2 of the need, over draws of the parameters and the scatter around their mean.

    Parameters
    ----------
    mean : ndarray, shape (draws, n)
        Mean of log2 of the need.
    sigma : ndarray, shape (draws, 1)
        Standard deviation, rungs.
    share : float
        Which quantile, between 0 and 1.
    lowest, highest : ndarray, shape (n,), optional
        Bounds on log2 of the need; infinite ones are allowed.

    Returns
    -------
    ndarray, shape (n,)
        Where the average of the draws' distribution functions reaches `share`.
    """
    low = (mean - 12.0 * sigma).min(axis=0)
    high = (mean + 12.0 * sigma).max(axis=0)
    below = np.full(mean.shape[1], -np.inf) if lowest is None else lowest
    above = np.full(mean.shape[1], np.inf) if highest is None else highest
    low = np.where(np.isfinite(below), below, np.minimum(low, above - 1.0))
    high = np.where(np.isfinite(above), above, np.maximum(high, low + 1.0))
    unbounded = lowest is None and highest is None
    mass = 0.0 if unbounded else log_cell_probability(below, above, mean, sigma)
    while (high - low).max(initial=0.0) > 1e-7:
        middle = 0.5 * (low + high)
        if unbounded:
            reached = ndtr((middle - mean) / sigma).mean(axis=0)
        else:
            reached = np.exp(log_cell_probability(below, middle, mean, sigma) - mass).mean(axis=0)
        low, high = np.where(reached >= share, low, middle), np.where(reached >= share, middle, high)
    return 0.5 * (low + high)
