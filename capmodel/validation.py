"""How wrong the model is: predictions against measured runs that the fit did not see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from capmodel import cluster, host, spire
from capmodel.datasets import DataError
from capmodel.regression import normal_quantile
from capmodel.schemas import RUN_KINDS, SCHEMAS
from capmodel.work import COMPONENTS, OperatingPoint, Work, at_rows, cores_of, work_of

if TYPE_CHECKING:
    from capmodel.costs import CostResults

_LOOP_QUANTITIES = ("throughput_per_s", "response_time_mean_s")
_GROUP = ["sync_mode", "datastore", "operation", "component"]


class Scored(NamedTuple):
    """One predicted quantity of one row; `row` counts from 0.

    Examples
    --------
    >>> found = Scored(0, "server_cores_used", 0.8, 0.9, 0.7, 1.2, "full_cache", "postgresql", "sync", "server")
    >>> found.lower <= found.measured <= found.upper
    True
    """

    row: int
    quantity: str
    measured: float
    predicted: float
    lower: float
    upper: float
    sync_mode: str
    datastore: str
    operation: str
    component: str


@dataclass(frozen=True)
class CheckResults:
    """Predictions beside measurements.

    Attributes
    ----------
    kind : str
        Kind of the rows, a name in :data:`capmodel.schemas.RUN_KINDS`.
    rows : int
        Rows given.
    level : float
        Coverage asked of the intervals.
    predictions : DataFrame
        One row a scored quantity: row, quantity, measured, predicted, lower, upper, sync_mode, datastore, operation,
        component. ``row`` counts the rows given from 0, whatever their index.
    unscored : DataFrame
        row, quantity, reason.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> result = cm.check(cm.load_fleet_runs(), costs)
    >>> result.kind, result.rows, len(result.predictions), len(result.unscored)
    ('fleet_runs', 9, 34, 0)
    >>> round(float(result.relative_error.abs().median()), 2), round(float(result.inside.mean()), 1)
    (0.1, 0.9)
    >>> result.groups()["component"].unique().tolist()
    ['datastore', 'response_time_mean_s', 'server', 'sync_per_s']
    >>> result.to_dict()["scored"]
    34
    """

    kind: str
    rows: int
    level: float
    predictions: pd.DataFrame
    unscored: pd.DataFrame

    @property
    def relative_error(self) -> pd.Series:
        """Predicted over measured, less 1."""
        return self.predictions["predicted"] / self.predictions["measured"] - 1.0

    @property
    def inside(self) -> pd.Series:
        """Whether each measurement lies inside its interval."""
        return self.predictions["measured"].between(self.predictions["lower"], self.predictions["upper"])

    def groups(self) -> pd.DataFrame:
        """Score each group of rows.

        Returns
        -------
        DataFrame
            sync_mode, datastore, operation, component, rows, median_abs_relative_error, coverage.
        """
        frame = self.predictions.assign(error=self.relative_error.abs(), inside=self.inside.astype(float))
        scored = frame.groupby(_GROUP, sort=True, observed=True)
        return scored.agg(
            rows=("error", "size"), median_abs_relative_error=("error", "median"), coverage=("inside", "mean")
        ).reset_index()

    def to_dict(self) -> dict[str, Any]:
        """Return the plain values that the command line prints as JSON.

        Returns
        -------
        dict
            rows, scored, level, median_abs_relative_error, coverage, groups, unscored.
        """
        scored = bool(len(self.predictions))
        return {
            "kind": self.kind,
            "rows": self.rows,
            "scored": len(self.predictions),
            "level": self.level,
            "median_abs_relative_error": float(self.relative_error.abs().median()) if scored else None,
            "coverage": float(self.inside.mean()) if scored else None,
            "groups": self.groups().to_dict("records"),
            "unscored": self.unscored.groupby("reason").size().rename("rows").reset_index().to_dict("records"),
        }


def check(runs: pd.DataFrame, costs: CostResults, level: float = 0.9) -> CheckResults:
    """Score fitted costs against measured rows.

    Parameters
    ----------
    runs : DataFrame
        Rows of one kind in :data:`capmodel.schemas.RUN_KINDS`; the columns tell which.
    costs : CostResults
        Fitted costs; rows that took part in the fit are not a test of it.
    level : float
        Coverage asked of the intervals, between 0 and 1.

    Returns
    -------
    CheckResults
        CPU seconds an operation of sync and reload rows; throughput and response time of saturation and distance rows;
        cores used and syncs a second of fleet and shared-datastore rows. The CPU seconds of the measuring client are
        an input, not a prediction.

    Raises
    ------
    DataError
        If the columns are of no known kind.
    ValueError
        If `level` is not between 0 and 1.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> cm.check(cm.load_fleet_runs(), costs).rows
    9
    """
    quantile = normal_quantile(level)
    kind = kind_of(runs)
    runs = runs.reset_index(drop=True)
    predict = {
        "sync_runs": _operations,
        "reload_runs": _operations,
        "saturation_runs": _closed_loops,
        "datastore_distance_runs": _closed_loops,
        "fleet_runs": _fleets,
        "shared_datastore_runs": _fleets,
    }[kind]
    scored, unscored = [], []
    for found in predict(runs, costs, quantile):
        reason = _unscorable(found)
        if found.component in _LOOP_QUANTITIES and runs.loc[found.row].get("start") == "together":
            reason = "agents that started together are not in a stationary state"
        if reason:
            unscored.append((found.row, found.quantity, reason))
        else:
            scored.append(found)
    return CheckResults(
        kind=kind,
        rows=len(runs),
        level=level,
        predictions=pd.DataFrame(scored, columns=list(Scored._fields)),
        unscored=pd.DataFrame(unscored, columns=["row", "quantity", "reason"]),
    )


def kind_of(runs: pd.DataFrame) -> str:
    """Tell of which kind a frame of runs is.

    Parameters
    ----------
    runs : DataFrame
        Rows with the columns of one data file.

    Returns
    -------
    str
        A name in :data:`capmodel.schemas.RUN_KINDS`.

    Raises
    ------
    DataError
        If a required column of every kind is missing.

    Examples
    --------
    >>> import capmodel as cm
    >>> kind_of(cm.load_fleet_runs())
    'fleet_runs'
    >>> kind_of(cm.load_fleet_runs().drop(columns="sync_mode"))
    Traceback (most recent call last):
        ...
    capmodel.tables.DataError: frame, line 1, column sync_mode: expected a column of fleet_runs (fleet_runs.csv).
    """
    missing = {
        kind: [name for name, column in SCHEMAS[kind].columns.items() if column.required and name not in runs]
        for kind in RUN_KINDS
    }
    whole = [kind for kind in RUN_KINDS if not missing[kind]]
    if whole:
        return max(whole, key=lambda kind: len(SCHEMAS[kind].columns))
    closest = min(RUN_KINDS, key=lambda kind: len(missing[kind]))
    raise DataError(
        file="frame", row=1, column=missing[closest][0], value=None, expected=f"a column of {closest} ({closest}.csv)"
    )


def _unscorable(found: Scored) -> str:
    """Return why a quantity cannot be scored, or nothing."""
    if not np.isfinite(found.measured):
        return "not measured"
    if found.measured <= 0.0:
        return "measured as zero or less: below the resolution of the measurement"
    if not np.isfinite(found.predicted):
        return "no run in the fit contains this work on this datastore"
    return ""


def _operations(runs: pd.DataFrame, costs: CostResults, quantile: float) -> Iterator[Scored]:
    """Predict CPU seconds an operation."""
    level = 2.0 * float(norm.cdf(quantile)) - 1.0
    predicted = costs.predict(runs, level=level)
    for component in COMPONENTS:
        quantity = f"{component}_cpu_s_per_op"
        table = predicted[predicted["component"] == component]
        for row, (measured, estimate, lower, upper, mode, datastore, operation) in enumerate(
            zip(
                runs[quantity],
                table["estimate_s"],
                table["lower_s"],
                table["upper_s"],
                runs["sync_mode"],
                runs["datastore"],
                runs["operation"],
                strict=True,
            )
        ):
            if component == "datastore" and datastore == "sqlite":
                continue
            yield Scored(row, quantity, float(measured), estimate, lower, upper, mode, datastore, operation, component)


class _Loop(NamedTuple):
    """A closed loop of syncs at the estimate and at both ends of the demand."""

    estimate: host.HostState
    low: host.HostState
    high: host.HostState


def _solve(
    runs: pd.DataFrame,
    costs: CostResults,
    quantile: float,
    callers: NDArray[np.float64],
    pauses_s: NDArray[np.float64],
) -> list[_Loop]:
    """Solve each row's callers as a closed loop on one host shared by server, datastore and client."""
    syncs = runs.assign(operation="sync")
    cores, work = cores_of(syncs), work_of(syncs)
    parts, priced = costs.demand_parts(syncs, work), _priced(syncs, work, costs)

    def solver(place: int) -> Callable[[float, float], host.HostState]:
        run, churn_s = syncs.iloc[place], float(np.nansum(parts.churn_s[:, place]))
        client_s = _client(run, callers[place] / max(pauses_s[place], 1e-9))
        demand = parts.demand_at(place, cores[place], client_s)
        trip_s = float(run.get("round_trip_time_s", 0.0))
        trips = cluster.round_trips(run["sync_mode"], run["entries_per_agent"], 0.0)

        def state(factor: float, sign: float) -> host.HostState:
            return host.fleet_loop(
                callers=float(callers[place]),
                think_time_s=float(pauses_s[place]),
                delay_s=lambda rate: trips * trip_s + cluster.bundle_wait(trip_s, rate),
                demand_s=lambda rate: client_s + factor * (demand(rate) - client_s),
                churn_s=factor * churn_s,
                half_saturation=costs.half_saturation(str(run["datastore"])),
                cores=float(cores[place]),
                critical_share=costs.response.critical_share[spire.family(run["sync_mode"], "sync")],
                interference=max(
                    costs.response.interference + sign * quantile * costs.response.interference_error, 0.0
                ),
            )

        return state

    states = {place: solver(place) for place in range(len(runs)) if priced[place]}
    estimates = [states[place](1.0, 0.0) if place in states else _UNKNOWN for place in range(len(runs))]
    total, variance, run_sd = np.zeros((3, len(runs)))
    point = _point(estimates, cores)
    for component in COMPONENTS:
        found = costs.linear_predictor(syncs, component, point, work)
        mean, parameters, between = (np.where(np.isfinite(found[0]), part, 0.0) for part in found)
        total, variance, run_sd = total + mean, variance + parameters, run_sd + np.sqrt(between)
    loops = []
    for place, estimate in enumerate(estimates):
        if place in states:
            spread = float(quantile * np.sqrt(variance[place] + run_sd[place] ** 2) / total[place])
            ends = states[place](np.exp(-spread), -1.0), states[place](np.exp(spread), 1.0)
            loops.append(_Loop(estimate, *ends))
        else:
            loops.append(_Loop(_UNKNOWN, _UNKNOWN, _UNKNOWN))
    return loops


_UNKNOWN = host.HostState(*[np.nan] * len(host.HostState._fields))


def _point(states: Sequence[host.HostState], cores: NDArray[np.float64]) -> OperatingPoint:
    """Return how busy hosts are in these states; one that is not known counts as idle."""
    known = np.nan_to_num([(state.throughput_per_s, state.in_flight) for state in states])
    rates, in_flight = known.reshape(-1, 2).T
    return OperatingPoint(rates / cores, in_flight)


def _priced(runs: pd.DataFrame, work: Work, costs: CostResults) -> NDArray[np.bool_]:
    """Tell for which rows the fit has a price for all that server and datastore do in the operation."""
    busy = OperatingPoint(np.full(len(runs), np.inf), np.zeros(len(runs)))
    server, datastore = (np.isfinite(costs.linear_predictor(runs, name, busy, work)[0]) for name in COMPONENTS)
    return server & (datastore | (work.datastores == "sqlite"))


def _client(run: pd.Series, rate_per_s: float) -> float:
    """Return the client's CPU seconds an operation, where the row has them."""
    if "client_cpu_s_per_op" in run:
        return float(np.nan_to_num(run["client_cpu_s_per_op"]))
    return float(np.nan_to_num(run.get("client_cpu_cores", 0.0))) / rate_per_s


def _closed_loops(runs: pd.DataFrame, costs: CostResults, quantile: float) -> Iterator[Scored]:
    """Predict throughput and mean response time of callers in a closed loop."""
    scatter = np.sqrt(costs.response.dispersion)
    callers, pauses_s = runs["population"].to_numpy(float), runs["think_time_s"].to_numpy(float)
    loops = _solve(runs, costs, quantile, callers, pauses_s)
    for row, ((_, run), loop, pause_s) in enumerate(zip(runs.iterrows(), loops, pauses_s, strict=True)):
        answers = [state.response_time_s for state in loop]
        # Answers scatter around the model; the rate of syncs follows, and a window counts it with its own error.
        answer = [answers[0], min(answers) * np.exp(-quantile * scatter), max(answers) * np.exp(quantile * scatter)]
        counted = np.exp(quantile / np.sqrt(loop.estimate.throughput_per_s * float(run["window_s"])))
        rates = [run["population"] / (pause_s + seconds) for seconds in answer]
        for quantity, (value, low, high) in {
            "throughput_per_s": (rates[0], min(rates) / counted, max(rates) * counted),
            "response_time_mean_s": answer,
        }.items():
            yield Scored(
                row,
                quantity,
                float(run[quantity]),
                value,
                low,
                high,
                run["sync_mode"],
                run["datastore"],
                "sync",
                quantity,
            )


def _fleets(runs: pd.DataFrame, costs: CostResults, quantile: float) -> Iterator[Scored]:
    """Predict cores used and syncs a second of fleets with cache reloads, servers and datastore on one host."""
    fleets = runs.assign(entries=runs["workloads"])
    servers = fleets["servers"].to_numpy(float) if "servers" in fleets else np.ones(len(fleets))
    loaded = fleets[fleets["load"] == "agents"] if "load" in fleets else fleets
    agents, intervals_s = loaded["agents"].to_numpy(float), loaded["sync_interval_s"].to_numpy(float)
    loops = dict(zip(loaded.index, _solve(loaded, costs, quantile, agents, intervals_s), strict=True))
    states = [loops[row].estimate if row in loops else _UNKNOWN for row in fleets.index]
    syncs = loaded.assign(operation="sync")
    # What is done, its work, and how often.
    done = [(syncs, work_of(syncs), np.array([loop.estimate.throughput_per_s for loop in loops.values()]))]
    reloads = fleets[fleets["sync_mode"] == "full_cache"].assign(operation="reload")
    if len(reloads):
        seconds = costs.predict(reloads).groupby("row")["estimate_s"].sum()
        rate = servers[reloads.index] / (reloads["reload_interval_s"] + seconds).to_numpy(float)
        done.append((reloads, work_of(reloads), rate))
    used, spread = np.zeros((2, len(COMPONENTS), len(fleets)))
    for component, of_all, wide in zip(COMPONENTS, used, spread, strict=True):
        # Each server is woken by its own agents only; the datastore by all.
        point = _point(states, cores_of(fleets) * (servers if component == "server" else 1.0))
        variance, run_sd = np.zeros((2, len(fleets)))
        for frame, work, rate in done:
            rows = fleets.index.isin(frame.index)
            mean, parameters, between = costs.linear_predictor(frame, component, at_rows(point, rows), work)
            of_all[rows] += rate * mean
            variance[rows] += rate**2 * parameters
            run_sd[rows] += rate * np.sqrt(between)
        np.divide(quantile * np.sqrt(variance + run_sd**2), of_all, out=wide, where=of_all != 0.0)
    for row, (_, run) in enumerate(runs.iterrows()):
        loop = loops.get(row)
        for component, cpu, wide in zip(COMPONENTS, used[:, row], spread[:, row], strict=True):
            if component == "datastore" and run["datastore"] == "sqlite":
                continue
            yield Scored(
                row,
                f"{component}_cpu_cores",
                float(run[f"{component}_cpu_cores"]),
                cpu,
                cpu * np.exp(-wide),
                cpu * np.exp(wide),
                run["sync_mode"],
                run["datastore"],
                "fleet",
                component,
            )
        if loop is not None:
            scatter = np.exp(quantile * np.sqrt(costs.response.dispersion))
            answers = [state.response_time_s for state in loop]
            yield Scored(
                row,
                "response_time_mean_s",
                float(run["response_time_mean_s"]),
                answers[0],
                min(answers) / scatter,
                max(answers) * scatter,
                run["sync_mode"],
                run["datastore"],
                "fleet",
                "response_time_mean_s",
            )
            window_s = float(run["window_s"])
            rates = [loop.high.throughput_per_s, loop.low.throughput_per_s]
            # A window holds a whole number of syncs, and agents at random phases: half a sync an agent at each edge.
            edge = quantile * np.sqrt(run["agents"] / 6.0) / window_s
            yield Scored(
                row,
                "sync_per_s",
                float(run["sync_per_s"]),
                loop.estimate.throughput_per_s,
                max(min(rates) - edge, 0.0),
                max(rates) + edge,
                run["sync_mode"],
                run["datastore"],
                "fleet",
                "sync_per_s",
            )
