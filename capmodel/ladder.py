"""Interval-censored regression on a ladder of powers of two: likelihood, families of means, its maximum.

A printed rung r means that the latent need, on the scale of log2, lies in (log2 r - 1, log2 r]. The need is normal
around a mean that a :class:`Family` gives as a function of agents and workloads; one standard deviation, `sigma`, in
rungs. What the rungs count is the business of :mod:`capmodel.sizing`, what a fit leaves open that of
:mod:`capmodel.posterior`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import log_ndtr

Array = NDArray[np.float64]

#: Smallest standard deviation that a fit may claim, rungs: a ladder of doublings cannot show less.
SMALLEST_SIGMA = float(np.exp(-2.3))
_LARGEST_SIGMA = 20.0
_LOG_SQRT_TWO_PI = 0.5 * float(np.log(2.0 * np.pi))
_LN2 = float(np.log(2.0))
#: Agents and workloads at which the scales of the power laws are stated.
_REFERENCE = 1000.0
_SMALLEST_SCALE = 1e-4
_LARGEST_POWER = 5.0


@dataclass(frozen=True)
class Family:
    """A mean of the latent need.

    Attributes
    ----------
    name : str
        Name of the family.
    formula : str
        The mean of log2 of the need, A agents, W workloads.
    parameters : tuple of str
        Names of the parameters of the mean.
    lower, upper : tuple of float
        Bounds of the parameters. Slopes and scales are not negative: a larger fleet never needs less.
    starts : tuple of tuple of float
        Where the optimiser starts from.
    terms : callable
        ``terms(p, A, W)`` returns the mean and a list of its derivatives by each parameter; `p` holds one value or
        array for each parameter, and everything broadcasts.
    monotone : bool
        Whether the mean rises with agents and workloads for every allowed parameter.
    """

    name: str
    formula: str
    parameters: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    starts: tuple[tuple[float, ...], ...]
    terms: Callable[[Any, Array, Array], tuple[Array, list[Array]]]
    monotone: bool = True

    def mean(self, params: Array, agents: Array, workloads: Array) -> Array:
        """Return the mean of log2 of the need.

        Parameters
        ----------
        params : ndarray, shape (k,) or (draws, k)
            Parameters of the mean; a further last entry, sigma, is ignored.
        agents, workloads : ndarray, shape (n,)
            The fleets.

        Returns
        -------
        ndarray, shape (n,) or (draws, n)
            Rungs above one core (or gigabyte, or server).
        """
        columns = [params[..., index, None] for index in range(len(self.parameters))]
        mean = self.terms(columns, agents, workloads)[0]
        return np.broadcast_to(mean, (*params.shape[:-1], *np.shape(agents)))


def _log_linear(p: Any, agents: Array, workloads: Array) -> tuple[Array, list[Array]]:
    a, w = np.log10(agents), np.log10(workloads)
    return p[0] + p[1] * a + p[2] * w, [np.ones_like(a), a, w]


def _interaction(p: Any, agents: Array, workloads: Array) -> tuple[Array, list[Array]]:
    a, w = np.log10(agents), np.log10(workloads)
    return p[0] + p[1] * a + p[2] * w + p[3] * a * w, [np.ones_like(a), a, w, a * w]


def _additive_power(p: Any, agents: Array, workloads: Array) -> tuple[Array, list[Array]]:
    log_a, log_w = np.log(agents / _REFERENCE), np.log(workloads / _REFERENCE)
    a, w = np.exp(p[1] * log_a), np.exp(p[3] * log_w)
    need = p[0] * a + p[2] * w
    scale = 1.0 / (need * _LN2)
    return np.log2(need), [a * scale, p[0] * a * log_a * scale, w * scale, p[2] * w * log_w * scale]


def _additive_linear(p: Any, agents: Array, workloads: Array) -> tuple[Array, list[Array]]:
    a, w = agents / _REFERENCE, workloads / _REFERENCE
    need = p[0] + p[1] * a + p[2] * w
    scale = 1.0 / (need * _LN2)
    return np.log2(need), [scale, a * scale, w * scale]


def _scaled_power(p: Any, agents: Array, workloads: Array) -> tuple[Array, list[Array]]:
    load = ((1.0 - p[1]) * agents + p[1] * workloads) / _REFERENCE
    log_load = np.log2(load)
    by_share = p[2] * (workloads - agents) / (_REFERENCE * load * _LN2)
    return np.log2(p[0]) + p[2] * log_load, [np.ones_like(load) / (p[0] * _LN2), by_share, log_load]


_INF = float("inf")

#: Families by name.
FAMILIES = {
    family.name: family
    for family in (
        Family(
            "log-linear",
            "intercept + agents lg A + workloads lg W",
            ("intercept", "agents", "workloads"),
            (-_INF, 0.0, 0.0),
            (_INF, _INF, _INF),
            ((0.0, 1.0, 1.0),),
            _log_linear,
        ),
        Family(
            "interaction",
            "intercept + agents lg A + workloads lg W + agents:workloads lg A lg W",
            ("intercept", "agents", "workloads", "agents:workloads"),
            (-_INF, -_INF, -_INF, -_INF),
            (_INF, _INF, _INF, _INF),
            ((0.0, 1.0, 1.0, 0.0),),
            _interaction,
            monotone=False,
        ),
        Family(
            "additive power",
            "log2(agents_scale (A/1000)^agents_power + workloads_scale (W/1000)^workloads_power)",
            ("agents_scale", "agents_power", "workloads_scale", "workloads_power"),
            (_SMALLEST_SCALE, 0.0, _SMALLEST_SCALE, 0.0),
            (_INF, _LARGEST_POWER, _INF, _LARGEST_POWER),
            ((5.0, 0.5, 10.0, 0.5), (5.0, 1.0, 10.0, 1.0), (2.0, 0.2, 20.0, 0.8)),
            _additive_power,
        ),
        Family(
            "additive linear",
            "log2(base + per_1000_agents A/1000 + per_1000_workloads W/1000)",
            ("base", "per_1000_agents", "per_1000_workloads"),
            (_SMALLEST_SCALE, 0.0, 0.0),
            (_INF, _INF, _INF),
            ((2.0, 4.0, 8.0),),
            _additive_linear,
        ),
        Family(
            "scaled power",
            "log2(scale (((1 - workload_share) A + workload_share W)/1000)^power)",
            ("scale", "workload_share", "power"),
            (_SMALLEST_SCALE, 0.0, 0.0),
            (_INF, 1.0, _LARGEST_POWER),
            ((10.0, 0.5, 0.5), (10.0, 0.8, 0.8), (10.0, 0.2, 0.4)),
            _scaled_power,
        ),
    )
}


class Censored(NamedTuple):
    """Cells of a ladder.

    Attributes
    ----------
    agents, workloads : ndarray, shape (n,)
        The fleet of each cell.
    lower, upper : ndarray, shape (n,)
        The latent need, log2, lies in (lower, upper]; -inf where the cell is open below.
    """

    agents: Array
    workloads: Array
    lower: Array
    upper: Array

    def take(self, chosen: NDArray[np.bool_]) -> Censored:
        """Return the chosen cells."""
        return Censored(*(column[chosen] for column in self))


class LadderFit(NamedTuple):
    """A maximum of the likelihood.

    Attributes
    ----------
    params : ndarray, shape (k,)
        Parameters of the mean, then sigma.
    llf : float
        Log-likelihood there.
    hessian : ndarray, shape (k, k)
        Second derivatives of the log-likelihood.
    at_bound : ndarray of bool, shape (k,)
        Parameters that the data put at a bound.
    """

    params: Array
    llf: float
    hessian: Array
    at_bound: NDArray[np.bool_]


def log_cell_probability(lower: Array, upper: Array, mean: Array, sigma: Array) -> Array:
    """Return the log-probability that a normal lies between two bounds.

    Parameters
    ----------
    lower, upper : ndarray
        Bounds, lower below upper; infinite ones are allowed.
    mean, sigma : ndarray
        Mean and standard deviation. Everything broadcasts.

    Returns
    -------
    ndarray
        log(Phi((upper - mean) / sigma) - Phi((lower - mean) / sigma)), accurate far into either tail.

    Examples
    --------
    >>> float(np.exp(log_cell_probability(-1.0, 1.0, 0.0, 1.0)).round(4))
    0.6827
    >>> float(log_cell_probability(40.0, 41.0, 0.0, 1.0).round(2))
    -804.61
    """
    low, high = (lower - mean) / sigma, (upper - mean) / sigma
    # The lower tail keeps its digits where the upper tail rounds to one.
    mirrored = low > 0.0
    near, far = np.where(mirrored, -low, high), np.where(mirrored, -high, low)
    log_near = log_ndtr(near)
    # Farther out than 1e8 deviations both logarithms round to the same number; their difference is never zero.
    return log_near + np.log(-np.expm1(np.minimum(log_ndtr(far) - log_near, -1e-300)))


def _value_and_gradient(params: Array, family: Family, cells: Censored) -> tuple[float, Array]:
    sigma = params[-1]
    mean, derivatives = family.terms(params[:-1], cells.agents, cells.workloads)
    log_p = log_cell_probability(cells.lower, cells.upper, mean, sigma)
    low, high = (cells.lower - mean) / sigma, (cells.upper - mean) / sigma
    density_low = np.exp(-0.5 * low * low - _LOG_SQRT_TWO_PI - log_p)
    density_high = np.exp(-0.5 * high * high - _LOG_SQRT_TWO_PI - log_p)
    by_mean = (density_low - density_high) / sigma
    low_part = np.where(np.isfinite(low), density_low * np.where(np.isfinite(low), low, 0.0), 0.0)
    by_sigma = (low_part - density_high * high) / sigma
    gradient = np.array([float(np.sum(by_mean * column)) for column in derivatives] + [float(by_sigma.sum())])
    return float(log_p.sum()), gradient


def parameter_bounds(family: Family) -> tuple[Array, Array]:
    """Return the bounds of the parameters.

    Parameters
    ----------
    family : Family
        The mean.

    Returns
    -------
    tuple of ndarray, shape (k,)
        Lower and upper bounds of the parameters of the mean, then of sigma.
    """
    return np.array([*family.lower, SMALLEST_SIGMA]), np.array([*family.upper, _LARGEST_SIGMA])


def _hessian(params: Array, family: Family, cells: Censored) -> Array:
    """Return second derivatives as differences of the exact gradient, one-sided at a bound."""
    lower, upper = parameter_bounds(family)
    step = 1e-5 * np.maximum(np.abs(params), 0.1)
    columns = []
    for index in range(len(params)):
        ahead, behind = params.copy(), params.copy()
        ahead[index] = min(params[index] + step[index], upper[index])
        behind[index] = max(params[index] - step[index], lower[index])
        change = _value_and_gradient(ahead, family, cells)[1] - _value_and_gradient(behind, family, cells)[1]
        columns.append(change / (ahead[index] - behind[index]))
    matrix = np.column_stack(columns)
    return 0.5 * (matrix + matrix.T)


def _climb(start: Array, family: Family, cells: Censored, free: NDArray[np.bool_]) -> tuple[Array, float]:
    """Maximise the likelihood over the free parameters from one start by Newton steps inside the bounds."""
    # A library's quasi-Newton method starts threads for four parameters, and waits for them when cores are busy.
    lower, upper = parameter_bounds(family)
    params = np.where(free, np.clip(start, lower, upper), start)
    value, gradient = _value_and_gradient(params, family, cells)
    for _ in range(200):
        held = ((params <= lower) & (gradient < 0.0)) | ((params >= upper) & (gradient > 0.0))
        moving = free & ~held
        if not moving.any() or np.abs(gradient[moving]).max() < 1e-9:
            break
        curvature = -_hessian(params, family, cells)[np.ix_(moving, moving)]
        scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(curvature)), 1e-8))
        values, vectors = np.linalg.eigh(curvature * np.outer(scale, scale))
        # Where the likelihood curves upwards its Newton step would descend: turn it round.
        ascent = vectors @ ((vectors.T @ (gradient[moving] * scale)) / np.maximum(np.abs(values), 1e-6))
        for halvings in range(40):
            proposal = params.copy()
            proposal[moving] += 0.5**halvings * scale * ascent
            proposal = np.where(moving, np.clip(proposal, lower, upper), proposal)
            proposed, slope = _value_and_gradient(proposal, family, cells)
            if proposed > value:
                break
        else:
            break
        params, value, gradient = proposal, proposed, slope
    return params, value


def _midpoint_starts(family: Family, cells: Censored) -> list[Array]:
    """Return least-squares fits to the middles of the rungs, one from each of the family's starts."""
    lower, upper = np.array(family.lower), np.array(family.upper)
    middle = cells.upper - 0.5

    def residuals(values: Array) -> Array:
        return family.mean(values, cells.agents, cells.workloads) - middle

    def jacobian(values: Array) -> Array:
        return np.column_stack(family.terms(values, cells.agents, cells.workloads)[1])

    starts = []
    for guess in family.starts:
        found = least_squares(residuals, guess, jac=jacobian, bounds=(lower, upper), x_scale="jac", max_nfev=200)
        sigma = float(np.sqrt(np.mean(found.fun**2)))
        starts.append(np.append(found.x, min(max(sigma, 0.3), 5.0)))
    return starts


def fit_ladder(family: Family, cells: Censored, start: Array | None = None) -> LadderFit:
    """Maximise the interval-censored likelihood.

    Parameters
    ----------
    family : Family
        The mean.
    cells : Censored
        At least one cell more than there are parameters.
    start : ndarray, shape (k,), optional
        A further start besides the least-squares fits to the rungs' middles.

    Returns
    -------
    LadderFit
        The best maximum found; the same every time.
    """
    everything = np.ones(len(family.parameters) + 1, dtype=bool)
    starts = _midpoint_starts(family, cells)
    if start is not None:
        starts.append(start)
    params, llf = max((_climb(guess, family, cells, everything) for guess in starts), key=lambda found: found[1])
    lower, upper = parameter_bounds(family)
    at_bound = (params <= lower + 1e-9) | (params >= upper - 1e-9)
    return LadderFit(params, llf, _hessian(params, family, cells), at_bound)


def profile_llf(family: Family, cells: Censored, index: int, value: float, start: Array) -> tuple[float, Array]:
    """Maximise the likelihood with one parameter held.

    Parameters
    ----------
    family : Family
        The mean.
    cells : Censored
        The cells.
    index : int
        Which parameter; the last is sigma.
    value : float
        Where it is held.
    start : ndarray, shape (k,)
        Where the other parameters start from.

    Returns
    -------
    tuple of (float, ndarray)
        The log-likelihood and the parameters.
    """
    free = np.ones(len(start), dtype=bool)
    free[index] = False
    held = start.copy()
    held[index] = value
    params, llf = _climb(held, family, cells, free)
    return llf, params


def profile_bound(
    family: Family, cells: Censored, fit: LadderFit, index: int, drop: float, direction: int, first_step: float
) -> float:
    """Return where the profile log-likelihood has fallen by a given amount.

    Parameters
    ----------
    family : Family
        The mean.
    cells : Censored
        The cells.
    fit : LadderFit
        The maximum.
    index : int
        Which parameter; the last is sigma.
    drop : float
        How far the log-likelihood falls, such as half a quantile of chi-squared.
    direction : int
        -1 for the lower end, 1 for the upper.
    first_step : float
        A first guess of the distance from the maximum, such as the standard error.

    Returns
    -------
    float
        The end of the interval: the parameter's bound if the profile stays above the level up to it, infinity if
        there is no bound.
    """
    lower, upper = parameter_bounds(family)
    bound = lower[index] if direction < 0 else upper[index]
    target = fit.llf - drop
    inside, outside, warm = fit.params[index], np.nan, fit.params
    step = first_step
    for _ in range(40):
        value = inside + direction * step
        if direction * (value - bound) >= 0.0:
            value = bound
        llf, found = profile_llf(family, cells, index, value, warm)
        if llf < target:
            outside = value
            break
        if value == bound:
            return float(bound)
        inside, warm, step = value, found, 2.0 * step
    if np.isnan(outside):
        return direction * float("inf")
    # The signed root of the deviance is close to a straight line, so a secant on it needs few steps.
    root = np.sqrt(2.0 * drop)
    ends = {"inside": (inside, _root_deviance(fit.llf, family, cells, index, inside, warm) - root)}
    ends["outside"] = (outside, np.sqrt(2.0 * max(fit.llf - llf, 0.0)) - root)
    for _ in range(60):
        (low, f_low), (high, f_high) = ends["inside"], ends["outside"]
        if abs(high - low) <= 1e-9 * max(1.0, abs(high)):
            break
        share = -f_low / (f_high - f_low)
        middle = low + (high - low) * min(max(share, 0.02), 0.98)
        f_middle = _root_deviance(fit.llf, family, cells, index, middle, warm) - root
        if abs(f_middle) < 1e-9:
            return float(middle)
        ends["inside" if f_middle < 0.0 else "outside"] = (middle, f_middle)
    return float(0.5 * (ends["inside"][0] + ends["outside"][0]))


def _root_deviance(best: float, family: Family, cells: Censored, index: int, value: float, start: Array) -> float:
    return float(np.sqrt(max(2.0 * (best - profile_llf(family, cells, index, value, start)[0]), 0.0)))
