"""What SPIRE's operations cost: CPU seconds of the server and of the datastore, fitted to measured runs.

An operation's cost is a sum of work times unit cost. The work is what SPIRE's code does (:func:`capmodel.spire.work`);
the unit costs are estimated here, with non-negative coefficients and a constant coefficient of variation. A unit cost
is shared by all datastores where the work does not touch the datastore.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.optimize import minimize_scalar, nnls
from scipy.stats import norm
from statsmodels.iolib.summary import Summary
from statsmodels.iolib.table import SimpleTable

from capmodel import datasets, host, spire
from capmodel.cluster import Block, UnitCosts
from capmodel.memory import MemoryResults, ServerMemory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

COMPONENTS = ("server", "datastore")

#: CPU seconds a window to which the idle consumption taken off a measurement is known (data/README.md).
RESOLUTION_S = 0.04

#: Relative standard deviation of two windows of one configuration, as data/README.md gives it, for weights only.
_USUAL_SPREAD = 0.12

#: Cores of the machine that the shipped runs were measured on (data/README.md).
MEASURED_CORES = 2

_SIGNATURES = tuple(f"{kind}_signature:{key}" for kind in ("x509", "jwt") for key in spire.CA_KEY_TYPES)

#: Unit costs of each family and component. ``pooled``: one cost for every datastore. ``each``: one a datastore.
#: An item with ``idle_`` before its name is the extra that the work costs on an idle host; it fades as the host fills.
TERMS: dict[tuple[str, str], dict[str, str]] = {
    ("cache", "server"): {
        "rpc": "pooled",
        "idle_rpc": "each",
        "transaction": "each",
        "entry_sent": "pooled",
        "revision_sent": "pooled",
        "handshake": "pooled",
        **dict.fromkeys(_SIGNATURES, "pooled"),
        "entry_list": "each",
        "write_statement": "each",
        "entry_write_statement": "each",
        "entry_created": "pooled",
        "entry_updated": "pooled",
        "entry_deleted": "pooled",
        "entry_listed": "each",
    },
    ("cache", "datastore"): {
        "transaction": "each",
        "idle_transaction": "each",
        "entry_list": "each",
        "write_statement": "each",
        "entry_created": "each",
        "entry_updated": "each",
        "entry_deleted": "each",
        "entry_listed": "pooled",
    },
    ("crawl", "server"): {
        "crawl": "each",
        "visit": "each",
        "selector_list": "each",
        "idle_crawl": "each",
        "idle_visit": "each",
    },
    ("crawl", "datastore"): {
        "crawl": "each",
        "visit": "each",
        "selector_list": "each",
        "idle_crawl": "each",
        "idle_visit": "each",
        "churn_visit": "each",
        "churn_crawl": "each",
    },
    ("reload", "server"): {
        "reload": "each",
        "entry_read": "each",
        "entry_detail_read": "each",
        "agent_read": "pooled",
        "node_selector_read": "pooled",
    },
    ("reload", "datastore"): {
        "reload": "each",
        "entry_read": "each",
        "entry_detail_read": "each",
        "agent_read": "each",
        "node_selector_read": "each",
    },
    ("poll", "server"): {"poll": "each"},
    ("poll", "datastore"): {"poll": "each"},
}

#: Columns that decide an operation's work, and what stands in where a file does not have one.
WORK_COLUMNS: dict[str, str | float] = {
    "operation": "sync",
    "sync_mode": "full_cache",
    "batch_size": 1.0,
    "federated_domains": 0.0,
    "entries_per_agent": 0.0,
    "agents": 0.0,
    "entries": 0.0,
    "selectors_per_entry": 2.0,
    "node_selectors_per_agent": 0.0,
    "dns_names_per_entry": 0.0,
    "ca_key_type": "ec-p256",
}


def work_items(frame: pd.DataFrame) -> pd.DataFrame:
    """Count the work of each row's operation.

    Parameters
    ----------
    frame : DataFrame
        Rows with the columns of `WORK_COLUMNS`; a missing column takes its default.

    Returns
    -------
    DataFrame
        One column an item of work, 0 where an operation has none, with the index of `frame`.

    Raises
    ------
    ValueError
        If an operation is unknown.
    """
    complete = frame.reindex(columns=list(WORK_COLUMNS)).astype(object)
    complete = complete.where(complete.notna(), pd.Series(WORK_COLUMNS), axis=1)
    # A file of a million rows has few distinct configurations: each is counted once.
    code, distinct = pd.factorize(pd.MultiIndex.from_frame(complete))
    counted = [spire.work(**dict(zip(WORK_COLUMNS, row, strict=True))) for row in distinct]
    table = pd.DataFrame(counted, dtype=float).fillna(0.0)
    return table.iloc[code].set_axis(frame.index)


class OperatingPoint(NamedTuple):
    """How busy a row's host was.

    Attributes
    ----------
    utilization : ndarray
        Share of the host's cores in use, 0 to 1.
    in_flight : ndarray
        Operations being served at a time.
    """

    utilization: NDArray[np.float64]
    in_flight: NDArray[np.float64]


def measured_point(runs: pd.DataFrame) -> OperatingPoint:
    """Return the operating point of measured rows, from their own CPU seconds and latency.

    Parameters
    ----------
    runs : DataFrame
        Rows of ``sync_runs.csv`` or ``reload_runs.csv``.

    Returns
    -------
    OperatingPoint
        Utilization of the host by server, datastore and client together, and operations in flight by Little's law.
    """
    rate = (runs["operations"] / runs["window_s"]).to_numpy(float)
    cpu_s = runs.reindex(columns=[f"{part}_cpu_s_per_op" for part in (*COMPONENTS, "client")]).fillna(0.0).sum(axis=1)
    cores = runs["cores"].to_numpy(float) if "cores" in runs else float(MEASURED_CORES)
    return OperatingPoint(
        utilization=np.minimum(rate * cpu_s.to_numpy(float) / cores, 1.0),
        in_flight=rate * runs["latency_mean_s"].fillna(0.0).to_numpy(float),
    )


def families(frame: pd.DataFrame) -> pd.Series:
    """Name the family of each row's operation.

    Parameters
    ----------
    frame : DataFrame
        Rows with ``sync_mode`` and ``operation``.

    Returns
    -------
    Series of str
        See :func:`capmodel.spire.family`.
    """
    pairs = zip(frame["sync_mode"], frame["operation"], strict=True)
    return pd.Series([spire.family(mode, operation) for mode, operation in pairs], index=frame.index, dtype=object)


_PREFIXES = ("idle_", "churn_")


def _prefix(item: str) -> str:
    """Return what scales an item beyond its amount of work: ``"idle_"``, ``"churn_"`` or nothing."""
    return next((prefix for prefix in _PREFIXES if item.startswith(prefix)), "")


def _datastores(frame: pd.DataFrame) -> NDArray[np.object_]:
    """Return each row's datastore, MariaDB standing for MySQL."""
    return frame["datastore"].astype(object).replace("mysql", "mariadb").to_numpy()


def unit_matrix(items: pd.DataFrame, datastores: NDArray[np.object_], terms: dict[str, str]) -> pd.DataFrame:
    """Lay out the work of each row over the unit costs.

    Parameters
    ----------
    items : DataFrame
        Work of each row (:func:`work_items`).
    datastores : ndarray of str
        Datastore of each row.
    terms : dict
        One value of `TERMS`.

    Returns
    -------
    DataFrame
        Columns (item, datastore), ``"all"`` for a pooled item; absent work is 0. Idle and churn items hold the work
        that they scale.
    """
    columns: dict[tuple[str, str], NDArray[np.float64]] = {}
    for item, sharing in terms.items():
        base = item.removeprefix(_prefix(item))
        amount = items[base].to_numpy(float) if base in items else np.zeros(len(items))
        for name in ("all",) if sharing == "pooled" else spire.DATASTORES:
            columns[item, name] = amount if name == "all" else np.where(datastores == name, amount, 0.0)
    return pd.DataFrame(columns, index=items.index)


def _factors(
    columns: pd.Index, datastores: NDArray[np.object_], point: OperatingPoint, half_saturation: dict[str, float]
) -> NDArray[np.float64]:
    """Return what each row's work is multiplied by in each column: its idle share, its churn weight, or 1."""
    constants = np.array([half_saturation.get(str(name), np.inf) for name in datastores])
    beyond = np.maximum(point.in_flight - spire.IDLE_CONNECTIONS_BEFORE_V1_12, 0.0)
    scale = {"": np.ones(len(datastores)), "idle_": 1.0 - point.utilization, "churn_": beyond / (point.in_flight + constants)}
    return np.column_stack([scale[_prefix(item)] for item, _ in columns])


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
        For each datastore the variance of a run around its mean, relative to the mean squared.
    rows : int
        Rows in the fit.
    deviance : float
        Gamma deviance, weighted.
    """

    params: pd.Series
    covariance: pd.DataFrame
    at_bound: frozenset[tuple[str, str]]
    dispersion: dict[str, float]
    rows: int
    deviance: float
    fitted: pd.DataFrame = field(repr=False)


def _constrained_mean(design: NDArray[np.float64], cost: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray:
    """Solve the Gamma regression with identity link under non-negative coefficients."""
    # Gamma's working weights are 1 / mean^2, so each step is a non-negative least-squares problem in relative errors.
    mean = cost.copy()
    params = np.zeros(design.shape[1])
    for _ in range(200):
        scale = np.sqrt(weights) / mean
        updated, _ = nnls(design * scale[:, None], cost * scale)
        mean = np.maximum(design @ updated, 1e-3 * cost)
        if np.allclose(updated, params, rtol=1e-9, atol=0.0):
            break
        params = updated
    return params


def _deviance(cost: NDArray[np.float64], mean: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the weighted Gamma deviance."""
    return float(2.0 * np.sum(weights * ((cost - mean) / mean - np.log(cost / mean))))


def _weights(cost: NDArray[np.float64], operations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of each window: one in which little CPU time was used is known less well."""
    return 1.0 / (1.0 + (RESOLUTION_S / (_USUAL_SPREAD * cost * operations)) ** 2)


def _fit_component(
    design: pd.DataFrame, cost: NDArray[np.float64], operations: NDArray[np.float64], datastores: NDArray[np.object_]
) -> ComponentFit:
    """Fit one family and component: constrained mean first, then statsmodels' inference on what is not at zero."""
    design = design.loc[:, (design != 0.0).any()]
    weights = _weights(cost, operations)
    params = pd.Series(_constrained_mean(design.to_numpy(), cost, weights), index=design.columns)
    free = params > 0.0
    exog = design.loc[:, free].to_numpy()
    mean = design.to_numpy() @ params.to_numpy()
    # The last step of the iteration as ordinary weighted least squares gives the errors at the constrained optimum.
    # Columns differ by five orders of magnitude; unit scale keeps the normal equations well conditioned.
    scale = exog.mean(axis=0) / cost.mean()
    result = sm.WLS(cost, exog / scale, weights=weights / mean**2).fit()
    covariance = pd.DataFrame(0.0, index=design.columns, columns=design.columns)
    covariance.loc[free, free] = result.cov_params() / np.outer(scale, scale)
    relative = (cost - mean) / mean
    leverage = np.einsum("ij,jk,ik->i", result.model.wexog, result.normalized_cov_params, result.model.wexog)
    dispersion = {
        name: float(np.sum((weights * relative**2)[datastores == name]) / np.sum((1.0 - leverage)[datastores == name]))
        for name in spire.DATASTORES
        if (datastores == name).any()
    }
    return ComponentFit(
        params=params,
        covariance=covariance,
        at_bound=frozenset(params.index[~free]),
        dispersion=dispersion,
        rows=len(cost),
        deviance=_deviance(cost, mean, weights),
        fitted=pd.DataFrame({"measured": cost, "estimate": mean}, index=design.index),
    )


class OperationCosts:
    """Model of what each operation costs server and datastore.

    Parameters
    ----------
    runs : DataFrame
        Rows of ``sync_runs.csv`` (:func:`capmodel.load_sync_runs`).
    reload_runs : DataFrame, optional
        Rows of ``reload_runs.csv``; the shipped ones by default.

    Raises
    ------
    ValueError
        If `runs` is empty.

    Notes
    -----
    Mean CPU seconds an operation = sum of work x unit cost, with b >= 0 and variance proportional to the mean squared
    (Gamma family, identity link). ``idle_`` items are multiplied by 1 - u, u being the utilization of the host, and
    ``churn_`` items by :func:`capmodel.spire.churn`.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> bool(costs.params["cache", "server", "rpc", "all"] > 0)
    True
    """

    def __init__(self, runs: pd.DataFrame, reload_runs: pd.DataFrame | None = None) -> None:
        if not len(runs):
            raise ValueError("runs: got no rows, expected rows of sync_runs.csv")
        self.runs = runs
        self.reload_runs = datasets.load_reload_runs() if reload_runs is None else reload_runs

    def fit(self) -> CostResults:
        """Estimate the unit costs.

        Returns
        -------
        CostResults
            Estimates, their errors and predictions.
        """
        rows = pd.concat([self.runs, self.reload_runs], ignore_index=True)
        memory = ServerMemory(self.runs, self.reload_runs).fit()
        idle_constant = self._idle_constant()
        group = families(rows).to_numpy()
        items, datastores = work_items(rows), _datastores(rows)
        point = measured_point(rows)
        for _ in range(_REFITS + 1):
            fits, half_saturation = _fit_at(rows, group, items, datastores, point)
            results = CostResults(
                fits, half_saturation, idle_constant, memory, _ranges(rows, group), _highest_rate(self.runs)
            )
            # A prediction knows the callers, not how busy they made the host. Fitting at the predicted operating point
            # keeps that error inside the dispersion, where the intervals can see it.
            point = results.operating_point(rows)
        return results

    def _idle_constant(self) -> float:
        """Estimate how many callers without pause leave half of the host idle."""
        runs = self.runs[(self.runs["think_time_s"] == 0.0) & (self.runs["operation"] != "post_status")]
        callers, used = runs["concurrency"].to_numpy(float), measured_point(runs).utilization
        if not len(runs):
            return float("nan")

        def squared_error(constant: float) -> float:
            return float(np.sum((callers / (callers + constant) - used) ** 2))

        return float(minimize_scalar(squared_error, bounds=(0.0, 5.0), method="bounded").x)


def _at(point: OperatingPoint, rows: NDArray[np.bool_]) -> OperatingPoint:
    return OperatingPoint(point.utilization[rows], point.in_flight[rows])


def _fit_at(
    rows: pd.DataFrame,
    group: NDArray[np.object_],
    items: pd.DataFrame,
    datastores: NDArray[np.object_],
    point: OperatingPoint,
) -> tuple[dict[tuple[str, str], ComponentFit], dict[str, float]]:
    """Fit every family and component at a given operating point of each row."""
    fits = {}
    half_saturation: dict[str, float] = {}
    operations = rows["operations"].to_numpy(float)
    for (family, component), terms in TERMS.items():
        cost = rows[f"{component}_cpu_s_per_op"].to_numpy(float)
        chosen = (group == family) & (cost > 0.0)
        if not chosen.any():
            continue
        where = _at(point, chosen)
        layout = unit_matrix(items[chosen], datastores[chosen], terms)
        if any(item.startswith("churn_") for item in terms):
            half_saturation = _half_saturation(layout, cost[chosen], operations[chosen], datastores[chosen], where)
        design = layout * _factors(layout.columns, datastores[chosen], where, half_saturation)
        fits[family, component] = _fit_component(design, cost[chosen], operations[chosen], datastores[chosen])
    return fits, half_saturation


def _half_saturation(
    layout: pd.DataFrame,
    cost: NDArray[np.float64],
    operations: NDArray[np.float64],
    datastores: NDArray[np.object_],
    point: OperatingPoint,
) -> dict[str, float]:
    """Choose the constant of connection churn for each datastore by least deviance."""
    found = {}
    for name in pd.unique(datastores):
        own = datastores == name
        part = layout.loc[own, (layout[own] != 0.0).any()]
        weights = _weights(cost[own], operations[own])

        def deviance(
            log_constant: float, own: NDArray = own, part: pd.DataFrame = part, weights: NDArray = weights, name: str = name
        ) -> float:
            factors = _factors(part.columns, datastores[own], _at(point, own), {name: float(np.exp(log_constant))})
            design = part.to_numpy() * factors
            mean = design @ _constrained_mean(design, cost[own], weights)
            return _deviance(cost[own], mean, weights)

        found[str(name)] = float(np.exp(minimize_scalar(deviance, bounds=(0.0, np.log(100.0)), method="bounded").x))
    return found


#: Times that the fit is repeated at the operating point it predicts itself; the costs settle to four digits.
_REFITS = 3
_RANGE_COLUMNS = ("entries_per_agent", "entries", "agents", "federated_domains", "selectors_per_entry")


def _ranges(rows: pd.DataFrame, group: NDArray[np.object_]) -> pd.DataFrame:
    """Return the smallest and largest measured value of each covariate, a family a row."""
    return rows.assign(family=group).groupby("family")[list(_RANGE_COLUMNS)].agg(["min", "max"])


def _highest_rate(runs: pd.DataFrame) -> float:
    syncs = runs[runs["operation"] == "sync"]
    return float((syncs["operations"] / syncs["window_s"]).max())


@dataclass(frozen=True)
class CostResults:
    """Fitted unit costs.

    Attributes
    ----------
    fits : dict
        One :class:`ComponentFit` for each (family, component).
    half_saturation : dict
        For each datastore the fitted constant of connection churn.
    idle_constant : float
        Callers without pause that leave half of the measured host idle.
    memory : MemoryResults
        Fitted memory of a server.
    ranges : DataFrame
        Smallest and largest measured value of each covariate, one row a family.
    highest_rate_per_s : float
        Most syncs a second in a measured window.
    """

    fits: dict[tuple[str, str], ComponentFit] = field(repr=False)
    half_saturation: dict[str, float]
    idle_constant: float
    memory: MemoryResults = field(repr=False)
    ranges: pd.DataFrame = field(repr=False)
    highest_rate_per_s: float

    @property
    def params(self) -> pd.Series:
        """Unit costs in CPU seconds, indexed by (family, component, item, datastore)."""
        return pd.concat({key: fit.params for key, fit in self.fits.items()}).rename_axis(_LEVELS)

    @property
    def bse(self) -> pd.Series:
        """Standard errors of `params`; NaN where the data put a cost at zero."""
        errors = {
            key: pd.Series(np.sqrt(np.diag(fit.covariance)), index=fit.params.index).where(fit.params > 0.0)
            for key, fit in self.fits.items()
        }
        return pd.concat(errors).rename_axis(_LEVELS)

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Return Wald intervals of the unit costs, cut at zero.

        Parameters
        ----------
        level : float
            Coverage asked for, between 0 and 1.

        Returns
        -------
        DataFrame
            Columns ``lower`` and ``upper``, CPU seconds; NaN where a cost is at its bound.
        """
        half = norm.ppf(0.5 + level / 2.0) * self.bse
        return pd.DataFrame({"lower": (self.params - half).clip(lower=0.0), "upper": self.params + half})

    def table(self) -> pd.DataFrame:
        """Return the unit costs as a tidy frame.

        Returns
        -------
        DataFrame
            family, component, item, datastore, unit_cost_s, standard_error_s, lower_s, upper_s (95 %).
        """
        interval = self.conf_int(0.95)
        return pd.DataFrame(
            {
                "unit_cost_s": self.params,
                "standard_error_s": self.bse,
                "lower_s": interval["lower"],
                "upper_s": interval["upper"],
            }
        ).reset_index()

    def summary(self) -> Summary:
        """Return the unit costs as a printable table.

        Returns
        -------
        statsmodels.iolib.summary.Summary
            One table a family and component, in microseconds.
        """
        summary = Summary()
        for (family, component), fit in self.fits.items():
            errors = self.bse.loc[(family, component)]
            body = [
                [item, where, f"{1e6 * value:.4g}", f"{1e6 * errors[item, where]:.3g}"]
                for (item, where), value in fit.params.items()
            ]
            title = f"{family}, {component}: {fit.rows} runs, dispersion " + ", ".join(
                f"{name} {np.sqrt(value):.0%}" for name, value in fit.dispersion.items()
            )
            summary.tables.append(SimpleTable(body, ["work", "datastore", "cost (us)", "std err"], title=title))
        return summary

    def _layouts(
        self, frame: pd.DataFrame, component: str
    ) -> Iterator[tuple[NDArray[np.bool_], ComponentFit, pd.DataFrame]]:
        """Yield the rows of each family that the component was measured for, their fit and their work."""
        group, datastores, items = families(frame).to_numpy(), _datastores(frame), work_items(frame)
        for family in pd.unique(group):
            fit = self.fits.get((family, component))
            if fit is not None:
                rows = (group == family) & np.isin(datastores, list(fit.dispersion))
                yield rows, fit, unit_matrix(items[rows], datastores[rows], TERMS[family, component])

    def linear_predictor(
        self, frame: pd.DataFrame, component: str, point: OperatingPoint
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return mean, variance of the mean, and run-to-run variance of each row's cost.

        Parameters
        ----------
        frame : DataFrame
            Rows with the work columns and ``datastore``.
        component : {"server", "datastore"}
            Whose CPU seconds.
        point : OperatingPoint
            How busy each row's host is.

        Returns
        -------
        mean, parameter_variance, run_variance : ndarray
            CPU seconds and their squares; NaN where the component was not measured for such a row.
        """
        mean = np.full(len(frame), np.nan)
        parameter_variance = np.full(len(frame), np.nan)
        run_variance = np.full(len(frame), np.nan)
        datastores = _datastores(frame)
        for rows, fit, layout in self._layouts(frame, component):
            factors = _factors(layout.columns, datastores[rows], _at(point, rows), self.half_saturation)
            design = layout * factors
            unknown = design.drop(columns=fit.params.index, errors="ignore")
            matrix = design[fit.params.index].to_numpy()
            value = matrix @ fit.params.to_numpy()
            # Work that no run in the fit contained has no price: no number is better than a wrong one.
            value[(unknown != 0.0).any(axis=1).to_numpy()] = np.nan
            mean[rows] = value
            parameter_variance[rows] = np.einsum("ij,jk,ik->i", matrix, fit.covariance.to_numpy(), matrix)
            run_variance[rows] = np.array([fit.dispersion[name] for name in datastores[rows]]) * value**2
        return mean, parameter_variance, run_variance

    def predict(self, frame: pd.DataFrame, level: float = 0.9) -> pd.DataFrame:
        """Predict the CPU seconds of each row's operation.

        Parameters
        ----------
        frame : DataFrame
            Rows of ``sync_runs.csv`` or ``reload_runs.csv``, or any frame with ``datastore`` and the work columns.
            Optional columns: ``utilization`` (of the host, 0 to 1) and ``in_flight``. Without them the operating point
            follows from ``operations``, ``window_s`` and ``client_cpu_s_per_op`` where present, else a busy host is
            meant.
        level : float
            Coverage of the prediction interval.

        Returns
        -------
        DataFrame
            One row for each row of `frame` and component: row, component, estimate_s, lower_s, upper_s.
        """
        point = self.operating_point(frame)
        quantile = norm.ppf(0.5 + level / 2.0)
        total = frame["operations"].to_numpy(float) if "operations" in frame else np.full(len(frame), np.inf)
        parts = []
        for component in COMPONENTS:
            mean, parameter_variance, run_variance = self.linear_predictor(frame, component, point)
            with np.errstate(invalid="ignore", divide="ignore"):
                spread = np.sqrt(
                    (parameter_variance + run_variance) / mean**2 + (RESOLUTION_S / np.maximum(total * mean, 1e-9)) ** 2
                )
            parts.append(
                pd.DataFrame(
                    {
                        "row": frame.index,
                        "component": component,
                        "estimate_s": mean,
                        "lower_s": mean * np.exp(-quantile * spread),
                        "upper_s": mean * np.exp(quantile * spread),
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def unit_costs(self, datastore: str) -> UnitCosts:
        """Return the unit costs that apply on one datastore, as plain values.

        Parameters
        ----------
        datastore : {"sqlite", "postgresql", "mariadb", "mysql"}
            The datastore; MySQL is answered with MariaDB's costs.

        Returns
        -------
        UnitCosts
            What the arithmetic of :mod:`capmodel.cluster` reads.

        Raises
        ------
        ValueError
            If no run on that datastore is in the fit.
        """
        name = "mariadb" if datastore == "mysql" else datastore
        blocks: dict[str, dict[str, Block]] = {component: {} for component in COMPONENTS}
        for (family, component), fit in self.fits.items():
            chosen = [key for key in fit.params.index if key[1] in ("all", name)]
            if name not in fit.dispersion:
                continue
            kinds = [next((kind for kind in ("idle", "churn") if key[0].startswith(kind + "_")), "busy") for key in chosen]
            blocks[component][family] = Block(
                items=[key[0].removeprefix(kind + "_") for key, kind in zip(chosen, kinds, strict=True)],
                kinds=kinds,
                costs_s=fit.params[chosen].tolist(),
                covariance=fit.covariance.loc[chosen, chosen].to_numpy().tolist(),
                dispersion=fit.dispersion[name],
            )
        if not blocks["server"]:
            raise ValueError(f"datastore: got {datastore!r}, expected one that the fitted runs contain")
        return UnitCosts(
            server=blocks["server"],
            datastore=blocks["datastore"],
            half_saturation=self.half_saturation.get(name, 1.0),
            memory_bytes=self.memory.params.tolist(),
            memory_covariance=self.memory.covariance.to_numpy().tolist(),
            memory_dispersion=self.memory.dispersion,
        )

    def operating_point(self, frame: pd.DataFrame) -> OperatingPoint:
        """Work out how busy the host of each row is, from the load offered to it and the fitted costs.

        Parameters
        ----------
        frame : DataFrame
            As for :meth:`predict`.

        Returns
        -------
        OperatingPoint
            Nothing that was measured about server or datastore enters: only the rate of operations, the client's own
            CPU seconds, the number of callers and their pauses.
        """
        rows = len(frame)
        if "utilization" in frame:
            in_flight = frame["in_flight"].to_numpy(float) if "in_flight" in frame else np.zeros(rows)
            return OperatingPoint(frame["utilization"].to_numpy(float), in_flight)
        if "operations" not in frame:
            return OperatingPoint(np.ones(rows), np.zeros(rows))
        cores = frame["cores"].to_numpy(float) if "cores" in frame else np.full(rows, float(MEASURED_CORES))
        client_s = frame.reindex(columns=["client_cpu_s_per_op"]).fillna(0.0).to_numpy(float)[:, 0]
        callers = frame.reindex(columns=["concurrency"]).fillna(0.0).to_numpy(float)[:, 0]
        pause_s = frame.reindex(columns=["think_time_s"]).fillna(0.0).to_numpy(float)[:, 0]
        busy_s, idle_s, churn_s = self.demand_parts(frame)
        utilization, in_flight = np.ones(rows), np.zeros(rows)
        for k in range(rows):
            demands = np.array([client_s[k] + np.nansum(busy_s[:, k]), np.nansum(idle_s[:, k]), np.nansum(churn_s[:, k])])
            if callers[k] >= 1:
                state = host.closed_loop(
                    callers=int(callers[k]),
                    think_time_s=pause_s[k],
                    busy_s=demands[0],
                    idle_s=demands[1],
                    churn_s=demands[2],
                    half_saturation=self.half_saturation.get(str(frame["datastore"].iloc[k]), 1.0),
                    cores=cores[k],
                    idle_constant=self.idle_constant,
                )
                utilization[k], in_flight[k] = state.utilization, state.in_flight
            else:
                rate = float(frame["operations"].iloc[k] / frame["window_s"].iloc[k])
                # u cores = rate (busy + idle (1 - u)), solved for u.
                utilization[k] = min(rate * (demands[0] + demands[1]) / (cores[k] + rate * demands[1]), 1.0)
        return OperatingPoint(utilization, in_flight)

    def demand_parts(
        self, frame: pd.DataFrame
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Split each row's cost into what it is on a busy host, the extra on an idle one, and the extra of churn.

        Parameters
        ----------
        frame : DataFrame
            Rows with the work columns and ``datastore``.

        Returns
        -------
        busy_s, idle_s, churn_s : ndarray, shape (2, rows)
            CPU seconds an operation, server and datastore; NaN where a component has no estimate.
        """
        parts = np.full((len(("", *_PREFIXES)), len(COMPONENTS), len(frame)), np.nan)
        for place, component in enumerate(COMPONENTS):
            for rows, fit, layout in self._layouts(frame, component):
                priced = layout.reindex(columns=fit.params.index, fill_value=0.0)
                for part, prefix in enumerate(("", *_PREFIXES)):
                    own = np.array([_prefix(item) == prefix for item, _ in fit.params.index])
                    parts[part, place, rows] = priced.to_numpy()[:, own] @ fit.params.to_numpy()[own]
        busy, idle, churn = parts
        return busy, idle, churn


_LEVELS = ["family", "component", "item", "datastore"]
