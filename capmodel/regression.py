"""Gamma regression with non-negative unit costs, the statistics behind :mod:`capmodel.costs`.

Mean CPU seconds are linear in the unit costs, the variance is proportional to the mean squared, and no unit cost is
negative. Two constants enter otherwise and are profiled: how quickly the cost of waking a host fades, and how quickly
connection churn sets in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar, nnls
from scipy.stats import norm
from statsmodels.regression.linear_model import WLS

from capmodel.waking import Waking
from capmodel.work import TERMS, Layout, OperatingPoint, Shape, Work, at_rows

#: CPU seconds a window to which the idle consumption taken off a measurement is known (data/README.md).
RESOLUTION_S = 0.04

#: Wakes a second and core between which the constant of waking is sought; at the upper end the fade is linear.
_WAKING_BOUNDS = (10.0, 10_000.0)

#: Smallest relative standard deviation of two windows of one configuration (data/README.md): no interval is narrower.
SMALLEST_SPREAD = 0.10

#: Relative change of the costs at which the iteration stops.
_TOLERANCE = 1e-8

#: Rows left out that it takes to tell whether intervals hold.
_FEWEST_TO_CALIBRATE = 15

#: Relative standard deviation of two windows of one configuration, as data/README.md gives it.
_USUAL_SPREAD = 0.12


def normal_quantile(level: float) -> float:
    """Return how many standard deviations an interval reaches to each side.

    Parameters
    ----------
    level : float
        Coverage asked for.

    Returns
    -------
    float
        1.645 for 0.9.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.

    Examples
    --------
    >>> round(normal_quantile(0.9), 3)
    1.645
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: got {level!r}, expected more than 0 and less than 1")
    return float(norm.ppf(0.5 + level / 2.0))


@dataclass(frozen=True)
class ComponentFit:
    """The unit costs of one family on one component.

    Attributes
    ----------
    params : Series
        CPU seconds a unit of work, indexed by (item, datastore). A cost that the data put at zero is 0.
    covariance : DataFrame
        Covariance of `params`; zero for a cost at its bound.
    at_bound : frozenset
        Costs that the data put at zero.
    dispersion : dict
        For each (datastore, whether the operation writes) the variance of a run around its mean, relative to the mean
        squared, calibrated.
    calibration : dict
        For each key of `dispersion` the factor by which standard deviations were widened so that intervals hold for
        configurations left out of the fit; a datastore with few rows takes that of all datastores.
    held_out : DataFrame
        For each row of the fit: measured, estimate without the row's configuration (NaN where no other configuration
        contains the work), standard deviation of the logarithm before calibration.
    rows : int
        Rows in the fit.
    deviance : float
        Gamma deviance, weighted.
    shape : Shape
        The constants in which the cost is not linear.
    """

    params: pd.Series
    covariance: pd.DataFrame
    at_bound: frozenset[tuple[str, str]]
    dispersion: dict[tuple[str, bool], float]
    calibration: dict[tuple[str, bool], float]
    held_out: pd.DataFrame = field(repr=False)
    rows: int
    deviance: float
    shape: Shape
    fitted: pd.DataFrame = field(repr=False)

    @property
    def datastores(self) -> list[str]:
        """Datastores that the fit has seen."""
        return sorted({name for name, _ in self.dispersion})

    def dispersion_of(self, datastore: str, writes: bool) -> float:
        """Return the dispersion of an operation; that of the other kind where only it was measured.

        Parameters
        ----------
        datastore : str
            One of `datastores`.
        writes : bool
            Whether the operation writes.

        Returns
        -------
        float
            Relative variance.
        """
        return self.dispersion.get((datastore, writes), self.dispersion.get((datastore, not writes), np.nan))


def _constrained_mean(
    design: NDArray[np.float64],
    cost: NDArray[np.float64],
    operations: NDArray[np.float64],
    start: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Solve the Gamma regression with identity link under non-negative coefficients; return costs, weights, means."""
    # Gamma's working weights are 1 / mean^2, so each step is a non-negative least-squares problem in relative errors.
    mean = cost if start is None else start
    params = np.zeros(design.shape[1])
    for _ in range(200):
        # Weights follow the mean, not the measurement: a cost measured too small would else count for nothing.
        weights = _weights(mean, operations)
        scale = np.sqrt(weights) / mean
        updated, _ = nnls(design * scale[:, None], cost * scale)
        mean = np.maximum(design @ updated, 1e-3 * cost)
        settled = (np.abs(updated - params) <= _TOLERANCE * updated).all()
        params = updated
        if settled:
            break
    return params, weights, mean


def _deviance(cost: NDArray[np.float64], mean: NDArray, weights: NDArray[np.float64]) -> float:
    """Return the weighted Gamma deviance."""
    return float(2.0 * np.sum(weights * ((cost - mean) / mean - np.log(cost / mean))))


def _weights(cost: NDArray[np.float64], operations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of each window: one in which little CPU time was used is known less well."""
    return 1.0 / (1.0 + (RESOLUTION_S / (_USUAL_SPREAD * cost * operations)) ** 2)


def _spread(squares: NDArray, degrees: NDArray) -> float:
    """Return the variance of relative errors; the usual one counts as much as two windows, since few say little."""
    return float((squares.sum() + 2.0 * _USUAL_SPREAD**2) / (degrees.sum() + 2.0))


def _fit_component(
    layout: Layout,
    design: NDArray[np.float64],
    cost: NDArray[np.float64],
    operations: NDArray[np.float64],
    writes: NDArray[np.bool_],
    configuration: NDArray[np.intp],
    index: pd.Index,
    shape: Shape,
    calibrate: bool,
) -> ComponentFit:
    """Fit one family and component: constrained mean first, then statsmodels' inference on what is not at zero."""
    used = (design != 0.0).any(axis=0)
    design, columns, datastores = design[:, used], layout.columns[used], layout.datastores
    found, weights, mean = _constrained_mean(design, cost, operations)
    free = found > 0.0
    exog = design[:, free]
    # The last step of the iteration as ordinary weighted least squares gives the errors at the constrained optimum.
    # Columns differ by five orders of magnitude; unit scale keeps the normal equations well conditioned.
    scale = exog.mean(axis=0) / cost.mean()
    result = WLS(cost, exog / scale, weights=weights / mean**2).fit()
    leverage = np.einsum("ij,jk,ik->i", result.model.wexog, result.normalized_cov_params, result.model.wexog)
    squares, degrees = weights * ((cost - mean) / mean) ** 2, 1.0 - leverage
    covariance = np.zeros((len(found), len(found)))
    covariance[np.ix_(free, free)] = result.normalized_cov_params / np.outer(scale, scale) * _spread(squares, degrees)
    keys = sorted(set(zip(datastores.astype(str), writes.tolist(), strict=True)))
    groups = {(name, kind): (datastores == name) & (writes == kind) for name, kind in keys}
    dispersion = {key: max(_spread(squares[rows], degrees[rows]), SMALLEST_SPREAD**2) for key, rows in groups.items()}
    parameters = np.einsum("ij,jk,ik->i", design, covariance, design) / mean**2
    runs = np.array([dispersion[key] for key in zip(datastores, writes, strict=True)])
    estimate = _held_out(design, cost, operations, configuration, mean) if calibrate else np.full(len(cost), np.nan)
    spread = np.sqrt(parameters + runs + (RESOLUTION_S / (operations * mean)) ** 2)
    scores = np.abs(np.log(cost / estimate) / spread)
    calibration = {
        (name, kind): _calibration(scores[rows]) or _calibration(scores[writes == kind]) or 1.0
        for (name, kind), rows in groups.items()
    }
    return ComponentFit(
        params=pd.Series(found, index=columns),
        covariance=pd.DataFrame(covariance * max(calibration.values()) ** 2, index=columns, columns=columns),
        at_bound=frozenset(columns[~free]),
        dispersion={key: value * calibration[key] ** 2 for key, value in dispersion.items()},
        calibration=calibration,
        held_out=pd.DataFrame({"measured": cost, "estimate": estimate, "spread": spread}, index=index),
        rows=len(cost),
        deviance=_deviance(cost, mean, weights),
        shape=shape,
        fitted=pd.DataFrame({"measured": cost, "estimate": mean}, index=index),
    )


def _held_out(
    design: NDArray[np.float64],
    cost: NDArray[np.float64],
    operations: NDArray[np.float64],
    configuration: NDArray[np.intp],
    mean: NDArray,
) -> NDArray[np.float64]:
    """Predict each row by a fit without its configuration, starting from the mean of all; replicates leave together."""
    predicted = np.full(len(cost), np.nan)
    for label in np.unique(configuration):
        out = configuration == label
        kept = design[~out]
        seen = (kept != 0.0).any(axis=0)
        if not seen.any() or (design[out][:, ~seen] != 0.0).any():
            continue
        params, _, _ = _constrained_mean(kept[:, seen], cost[~out], operations[~out], mean[~out])
        estimate = design[out][:, seen] @ params
        predicted[out] = np.where(estimate > 0.0, estimate, np.nan)
    return predicted


def _calibration(scores: NDArray[np.float64]) -> float:
    """Return by how much to widen for nine of ten rows left out to lie inside; 0 where too few rows can tell."""
    known = scores[~np.isnan(scores)]
    if len(known) < _FEWEST_TO_CALIBRATE:
        return 0.0
    return max(float(np.quantile(known, 0.9) / norm.ppf(0.95)), 1.0)


def fit_families(
    rows: pd.DataFrame,
    work: Work,
    configuration: NDArray[np.intp],
    points: dict[str, OperatingPoint],
    calibrate: bool,
    shapes: dict[tuple[str, str], Shape] | None = None,
) -> dict[tuple[str, str], ComponentFit]:
    """Fit every family and component at each row's operating point; shapes are fitted where none are given."""
    fits = {}
    operations = rows["operations"].to_numpy(float)
    for family, component in TERMS:
        cost = rows[f"{component}_cpu_s_per_op"].to_numpy(float)
        own = work.families == family
        chosen = own & (cost > 0.0)
        if not chosen.any():
            continue
        layout = work.layout(family, component).of(chosen[own]).used()
        point = at_rows(points[component], chosen)
        shape = shapes[family, component] if shapes else _fit_shape(layout, cost[chosen], operations[chosen], point)
        fits[family, component] = _fit_component(
            layout,
            layout.amounts * layout.factors(point, shape),
            cost[chosen],
            operations[chosen],
            work.writes[chosen],
            configuration[chosen],
            rows.index[chosen],
            shape,
            calibrate,
        )
    return fits


def _fit_shape(
    layout: Layout, cost: NDArray[np.float64], operations: NDArray[np.float64], point: OperatingPoint
) -> Shape:
    """Choose the constants of waking and churn by least deviance, one after the other."""
    datastores = layout.datastores
    names = [str(name) for name in pd.unique(datastores)]
    wakes_per_s = layout.wakes_per_core(point)
    busiest = {name: float(wakes_per_s[datastores == name].max()) for name in names}

    def best(make: Callable[[float], Shape], rows: NDArray[np.bool_], low: float, high: float) -> Shape:
        part, there, measured, operated = layout.of(rows), at_rows(point, rows), cost[rows], operations[rows]

        def deviance(log: float) -> float:
            design = part.amounts * part.factors(there, make(float(np.exp(log))))
            _, weights, mean = _constrained_mean(design, measured, operated)
            return _deviance(measured, mean, weights)

        ends = (np.log(low), np.log(high))
        found = minimize_scalar(deviance, bounds=ends, method="bounded", options={"xatol": 1e-2})
        return make(float(np.exp(found.x)))

    def with_waking(kept: Shape, constant_per_s: float) -> Shape:
        return replace(kept, waking={name: Waking(constant_per_s, busiest[name]) for name in names})

    prefixes = set(layout.prefixes)
    every = np.ones(len(cost), dtype=bool)
    shape = with_waking(Shape({}, dict.fromkeys(names, 10.0)), _WAKING_BOUNDS[1])
    if "waking_" in prefixes:
        before = shape
        shape = best(lambda value: with_waking(before, value), every, *_WAKING_BOUNDS)
    if "churn_" in prefixes:
        for name in names:

            def with_constant(value: float, name: str = name, kept: Shape = shape) -> Shape:
                return replace(kept, half_saturation={**kept.half_saturation, name: value})

            shape = best(with_constant, datastores == name, 1.0, 100.0)
        after = shape
        shape = best(lambda value: with_waking(after, value), every, *_WAKING_BOUNDS)
    return shape
