"""How fast the reader's machine is: what the fit predicts for their own runs, over what they measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t

from capmodel.regression import normal_quantile
from capmodel.work import COMPONENTS, configurations, work_of

if TYPE_CHECKING:
    from capmodel.costs import CostResults


class MachineSpeed(NamedTuple):
    """Speed of a core against one of the machine that the shipped runs were measured on.

    Attributes
    ----------
    estimate, lower, upper : float
        0.5 is half as fast: the same operation takes twice the CPU seconds. Both ends of the interval at `level`.
    level : float
        Coverage of the interval.
    component : str
        Whose CPU: ``"server"`` or ``"datastore"``.
    rows, configurations : int
        Rows that tell, and distinct configurations among them.
    left_out : int
        Rows without a measurement or without a price in the fit.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> speed = machine_speed(cm.load_sync_runs(paths=()), costs, component="datastore")
    >>> speed.component, round(speed.estimate, 1), round(speed.lower, 1), round(speed.upper, 1)
    ('datastore', 1.0, 0.9, 1.1)
    """

    estimate: float
    lower: float
    upper: float
    level: float
    component: str
    rows: int
    configurations: int
    left_out: int


def machine_speed(
    runs: pd.DataFrame, costs: CostResults, component: str = "server", level: float = 0.9
) -> MachineSpeed:
    """Estimate the speed of a machine from runs measured on it.

    Parameters
    ----------
    runs : DataFrame
        Rows of ``sync_runs.csv``.
    costs : CostResults
        Costs fitted to other runs, such as the shipped ones.
    component : {"server", "datastore"}
        Whose CPU seconds.
    level : float
        Coverage of the interval, between 0 and 1.

    Returns
    -------
    MachineSpeed
        For ``machine_speed`` or ``datastore_speed`` of :class:`capmodel.Deployment`.

    Raises
    ------
    ValueError
        If an argument is out of range, or no row tells.

    Notes
    -----
    The mean of log(predicted / measured) over configurations, which are independent of each other while windows of one
    configuration share what the fit gets wrong about it. Its standard error holds their scatter, with Student's t for
    their small number, and the fit's own uncertainty; a single configuration is taken to scatter as the fitted runs do.
    Predictions are for the callers of each row, as :meth:`capmodel.costs.CostResults.predict` makes them.

    Examples
    --------
    >>> import capmodel as cm
    >>> runs = cm.load_sync_runs(paths=())
    >>> costs = cm.OperationCosts(runs).fit()
    >>> speed = machine_speed(runs, costs)
    >>> speed.lower < 1.0 < speed.upper
    True
    """
    if component not in COMPONENTS:
        raise ValueError(f"component: got {component!r}, expected one of {', '.join(COMPONENTS)}")
    quantile = normal_quantile(level)
    given = len(runs)
    cpu_s = runs[f"{component}_cpu_s_per_op"]
    runs = runs[(cpu_s > 0.0) & np.isfinite(cpu_s)]
    if not len(runs):
        raise ValueError(f"runs: got no row with {component}_cpu_s_per_op, expected at least one")
    measured_s = runs[f"{component}_cpu_s_per_op"].to_numpy(float)
    # Rows that took part in the fit are compared with its reference, not with the speed that the fit gave them.
    costs, compared = costs.for_source(costs.reference), runs.drop(columns="source", errors="ignore")
    work = work_of(compared)
    point = costs.operating_point(compared, work)
    mean_s, parameters, between = costs.linear_predictor(compared, component, point, work)
    priced = np.isfinite(mean_s) & (mean_s > 0.0)
    if not priced.any():
        raise ValueError("runs: got operations that no run in the fit contains, expected one with a price")
    ratios = pd.Series(np.log(mean_s[priced] / measured_s[priced]))
    each = ratios.groupby(configurations(runs[priced])).mean()
    log_speed, number = float(each.mean()), len(each)
    # The fit may be wrong about all rows alike, which no number of rows mends.
    shared = float(np.mean(np.sqrt(parameters[priced]) / mean_s[priced]))
    if number > 1:
        scatter = float(t.ppf(0.5 + level / 2.0, number - 1) * each.std(ddof=1)) / np.sqrt(number)
    else:
        scatter = quantile * float(np.sqrt(np.mean(between[priced] / mean_s[priced] ** 2)))
    spread = np.hypot(scatter, quantile * shared)
    low, middle, high = (float(np.exp(log_speed + sign * spread)) for sign in (-1.0, 0.0, 1.0))
    rows = int(priced.sum())
    return MachineSpeed(middle, low, high, level, component, rows, number, given - rows)


def speed_precision(
    runs: pd.DataFrame,
    costs: CostResults,
    counts: Sequence[int],
    *,
    component: str = "server",
    level: float = 0.9,
    draws: int = 15,
    seed: int = 0,
) -> pd.DataFrame:
    """Tell how well so many windows would tell a machine's speed, from windows that there are.

    Parameters
    ----------
    runs : DataFrame
        Rows of ``sync_runs.csv``, at least as many as the largest of `counts`.
    costs : CostResults
        Fitted costs.
    counts : sequence of int
        Numbers of windows, each at least 1.
    component, level
        As in :func:`machine_speed`.
    draws : int
        How often the windows are shuffled; the first so many of each order are taken.
    seed : int
        Of the orders.

    Returns
    -------
    DataFrame
        A row for each of `counts`: windows, half_width, the median over the orders of how far the interval's ends lie
        from its middle, as a share of it.

    Raises
    ------
    ValueError
        If there are fewer rows than windows asked for, or :func:`machine_speed` cannot tell.

    Examples
    --------
    >>> import capmodel as cm
    >>> runs = cm.load_sync_runs(paths=()).query("operation == 'sync' and sync_mode == 'full_cache'")
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> found = speed_precision(runs, costs, [3, 30], draws=5)
    >>> found["windows"].tolist(), bool(found["half_width"].is_monotonic_decreasing)
    ([3, 30], True)
    """
    if not all(1 <= count <= len(runs) for count in counts):
        raise ValueError(f"counts: got {list(counts)}, expected numbers from 1 to {len(runs)}, the rows of runs")
    generator = np.random.default_rng(seed)
    orders = [generator.permutation(len(runs)) for _ in range(draws)]
    lines = []
    for count in counts:
        speeds = [machine_speed(runs.iloc[order[:count]], costs, component, level) for order in orders]
        half_width = float(np.median([np.sqrt(speed.upper / speed.lower) for speed in speeds])) - 1.0
        lines.append({"windows": count, "half_width": half_width})
    return pd.DataFrame(lines)
