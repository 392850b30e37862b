"""How fast the machine of each source of rows is, so that a few rows of the reader's move the costs to their hardware.

Rows of several sources share one structure of costs; each source but the reference has a speed of its own for each
component, which divides all of its costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, t

from capmodel.regression import ComponentFit, normal_quantile
from capmodel.work import COMPONENTS, configurations

#: The source of rows that name none.
SHIPPED = "shipped"

#: Standard deviation of the logarithm of a machine's speed before anything was measured: half to twice as fast.
PRIOR_SPEED = np.log(2.0)

#: The same of how much the datastore's machine differs from the server's: 1.5 times faster or slower.
PRIOR_DIFFERENCE = np.log(1.5)

#: Configurations that the usual scatter counts for: the scatter of few says little.
_PRIOR_CONFIGURATIONS = 2.0

#: Distinct configurations for each unit cost that it takes to fit costs to one source alone.
CONFIGURATIONS_PER_COST = 3


class SourceSpeed(NamedTuple):
    """Speed of a source's machine against the reference's.

    Attributes
    ----------
    log_speed, log_error : float
        Estimate of the logarithm and its standard deviation, such that an interval of 90 % holds for few rows too.
    rows, configurations : int
        Rows that tell, and distinct configurations among them; 0 where the component was not measured: its speed
        follows that of the other component then.
    residual_error : float
        Median relative error of the rows' costs at that speed; NaN without rows.
    """

    log_speed: float
    log_error: float
    rows: int
    configurations: int
    residual_error: float

    @property
    def speed(self) -> float:
        """0.5 is half as fast: the same operation takes twice the CPU seconds."""
        return float(np.exp(self.log_speed))

    def interval(self, level: float) -> tuple[float, float]:
        """Return both ends of the speed's interval.

        Parameters
        ----------
        level : float
            Coverage asked for.

        Returns
        -------
        tuple of float
            Lower and upper end.

        Raises
        ------
        ValueError
            If `level` is not between 0 and 1.
        """
        half = normal_quantile(level) * self.log_error
        return float(np.exp(self.log_speed - half)), float(np.exp(self.log_speed + half))


class _Told(NamedTuple):
    """What the rows of a source say of one component's speed, in logarithms."""

    mean: float
    variance: float
    widening: float
    rows: int
    configurations: int
    ratios: NDArray[np.float64]


_NOTHING = _Told(0.0, np.inf, 1.0, 0, 0, np.empty(0))


def sources_of(frame: pd.DataFrame) -> NDArray[np.object_]:
    """Return the source of each row.

    Parameters
    ----------
    frame : DataFrame
        Rows, with or without ``source``.

    Returns
    -------
    ndarray of str
        `SHIPPED` where a row names none.
    """
    if "source" not in frame:
        return np.full(len(frame), SHIPPED, dtype=object)
    return np.asarray(frame["source"].astype(object).fillna(SHIPPED).to_numpy(), dtype=object)


def estimate_speeds(
    rows: pd.DataFrame,
    predicted: Mapping[str, tuple[NDArray, NDArray, NDArray]],
    configuration: NDArray[np.intp] | None = None,
) -> dict[str, SourceSpeed]:
    """Estimate the speed of the machine that rows of one source were measured on.

    Parameters
    ----------
    rows : DataFrame
        Rows of ``sync_runs.csv`` of that source.
    predicted : mapping
        For each component the mean, its variance and the run-to-run variance of each row's cost on the reference's
        machine (:meth:`capmodel.costs.CostResults.linear_predictor`).
    configuration : ndarray of int, optional
        :func:`capmodel.work.configurations` of the rows, where they are known already.

    Returns
    -------
    dict of str to SourceSpeed
        One for each component.

    Notes
    -----
    The mean of log(predicted / measured) over configurations, as in ``capmodel.machine_speed``, is pooled with what
    is known of machines in general: log speeds of servers scatter by `PRIOR_SPEED`, those of the datastore around the
    server's by `PRIOR_DIFFERENCE`. Both are normal, so the posterior is, too. Ten rows outweigh it by far; without rows
    of the datastore its speed is the server's.
    """
    windows = configurations(rows) if configuration is None else configuration
    told = [_told(rows, windows, component, *predicted[component]) for component in COMPONENTS]
    prior = PRIOR_SPEED**2 * np.ones((2, 2)) + np.diag([0.0, PRIOR_DIFFERENCE**2])
    known = np.diag([1.0 / part.variance for part in told])
    posterior = np.linalg.inv(np.linalg.inv(prior) + known)
    log_speeds = posterior @ known @ np.array([part.mean for part in told])
    found = {}
    for place, (component, part) in enumerate(zip(COMPONENTS, told, strict=True)):
        found[component] = SourceSpeed(
            log_speed=float(log_speeds[place]),
            log_error=float(np.sqrt(posterior[place, place])) * part.widening,
            rows=part.rows,
            configurations=part.configurations,
            residual_error=float(np.median(np.abs(np.expm1(part.ratios - log_speeds[place])))) if part.rows else np.nan,
        )
    return found


def _told(
    rows: pd.DataFrame,
    configuration: NDArray[np.intp],
    component: str,
    mean: NDArray,
    parameters: NDArray,
    between: NDArray,
) -> _Told:
    measured = rows[f"{component}_cpu_s_per_op"].to_numpy(float)
    telling = (measured > 0.0) & (mean > 0.0)
    if not telling.any():
        return _NOTHING
    ratios = np.log(mean[telling] / measured[telling])
    _, windows = np.unique(configuration[telling], return_inverse=True)
    each = np.bincount(windows, ratios) / np.bincount(windows)
    number = len(each)
    usual = float(np.mean(between[telling] / mean[telling] ** 2))
    squares = float(((each - each.mean()) ** 2).sum()) + _PRIOR_CONFIGURATIONS * usual
    degrees = number - 1 + _PRIOR_CONFIGURATIONS
    # What the fit has wrong about all rows alike is mended by no number of rows.
    shared = float(np.mean(np.sqrt(parameters[telling]) / mean[telling]))
    return _Told(
        mean=float(each.mean()),
        variance=squares / degrees / number + shared**2,
        widening=float(t.ppf(0.95, degrees) / norm.ppf(0.95)),
        rows=len(ratios),
        configurations=number,
        ratios=ratios,
    )


def joined(own: ComponentFit | None, other: ComponentFit) -> ComponentFit:
    """Let the costs that one source told alone take the place of the others.

    Parameters
    ----------
    own : ComponentFit or None
        Fitted to rows of one source.
    other : ComponentFit
        Fitted to all rows, on the machine of that source.

    Returns
    -------
    ComponentFit
        All costs of `other`, those of `own` in place of theirs; the shape is that of `other`.
    """
    if own is None:
        return other
    rest = other.params.index.difference(own.params.index, sort=False)
    index = own.params.index.append(rest)
    covariance = own.covariance.reindex(index=index, columns=index, fill_value=0.0)
    covariance.loc[rest, rest] = other.covariance.loc[rest, rest]
    return ComponentFit(
        params=pd.concat([own.params, other.params[rest]]),
        covariance=covariance,
        at_bound=own.at_bound | (other.at_bound & set(rest)),
        dispersion=other.dispersion | own.dispersion,
        calibration=other.calibration | own.calibration,
        held_out=own.held_out,
        rows=own.rows,
        deviance=own.deviance,
        shape=other.shape,
        fitted=own.fitted,
    )
