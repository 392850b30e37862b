"""Fitted unit costs: what they say of an operation, of a source's machine, and of a cluster.

:mod:`capmodel.costs` fits them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.iolib.summary import Summary
from statsmodels.iolib.table import SimpleTable

from capmodel import host
from capmodel.demands import Block, UnitCosts
from capmodel.memory import MemoryResults
from capmodel.regression import RESOLUTION_S, ComponentFit, normal_quantile
from capmodel.response import ResponseResults
from capmodel.sources import SHIPPED, SourceSpeed, sources_of
from capmodel.waking import Waking, at_speed, waking_share
from capmodel.words import percent
from capmodel.work import (
    COMPONENTS,
    MEMBERS,
    PREFIXES,
    Layout,
    OperatingPoint,
    Work,
    at_rows,
    cores_of,
    work_of,
)

#: What stands for response times before they are fitted, or where no callers that pause were measured.
NO_RESPONSE = ResponseResults(
    critical_share={"cache": 1.0, "crawl": 1.0}, interference=0.0, interference_error=0.0, dispersion=0.0, rows=0
)


@dataclass(frozen=True)
class CostResults:
    """Fitted unit costs.

    Attributes
    ----------
    fits : dict
        One :class:`ComponentFit` for each (family, component).
    idle_constant : float
        Callers without pause that leave half of the measured host idle.
    memory : MemoryResults
        Fitted memory of a server.
    ranges : DataFrame
        Smallest and largest measured value of each covariate, one row a family.
    highest_rate_per_s : float
        Most syncs a second in a measured window.
    response : ResponseResults
        Fitted response times.
    reference : str
        Source whose machine has the speed 1: the shipped runs', where the fit has any.
    source : str
        Source on whose machine `params`, predictions of rows that name no source, and plans are: the one that the fit
        has beside the reference, or the reference if there are none or several (:meth:`for_source`).
    speeds : dict of str to dict of str to SourceSpeed
        For each other source and component its speed.

    Notes
    -----
    Rows that name a source of the fit in a column ``source`` are predicted on that source's machine. The speeds of a
    :class:`capmodel.Deployment` multiply on top: 1 is the machine of `source`.

    Examples
    --------
    What a call costs a server with a full cache, with its standard error and 90 % interval, microseconds:

    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> key = ("cache", "server", "rpc", "all")
    >>> round(float(1e6 * costs.params[key])), round(float(1e6 * costs.bse[key]))
    (217, 16)
    >>> (1e6 * costs.conf_int(0.9).loc[key]).round().tolist()
    [191.0, 244.0]
    >>> costs.table().columns.tolist()[:4], len(costs.table()) == len(costs.params)
    (['family', 'component', 'item', 'datastore'], True)
    >>> print(costs.summary().tables[0].title.split(":")[0])
    cache, server

    What measured rows would cost, and the constants that a plan reads:

    >>> runs = cm.load_sync_runs(paths=()).query("operation == 'sync' and sync_mode == 'full_cache'").head(1)
    >>> costs.predict(runs)["component"].tolist()
    ['server', 'datastore']
    >>> costs.unit_costs("sqlite").datastore, costs.half_saturation("sqlite")
    ({}, inf)
    >>> costs.at_source("cache", "server").rows > 100
    True
    """

    fits: dict[tuple[str, str], ComponentFit] = field(repr=False)
    idle_constant: float
    memory: MemoryResults = field(repr=False)
    ranges: pd.DataFrame = field(repr=False)
    highest_rate_per_s: float
    response: ResponseResults = NO_RESPONSE
    reference: str = SHIPPED
    source: str = SHIPPED
    speeds: dict[str, dict[str, SourceSpeed]] = field(default_factory=dict, repr=False)
    #: Unit costs that were asked for, by datastore: looking them up takes longer than a prediction from them.
    _known: dict[str, UnitCosts] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def params(self) -> pd.Series:
        """Unit costs in CPU seconds, indexed by (family, component, item, datastore)."""
        return pd.concat({key: self.at_source(*key).params for key in self.fits}).rename_axis(_LEVELS)

    @property
    def bse(self) -> pd.Series:
        """Standard errors of `params`, given the speed of the source; NaN where the data put a cost at zero."""
        errors = {}
        for key in self.fits:
            fit = self.at_source(*key)
            error = pd.Series(np.sqrt(np.diag(fit.covariance)), index=fit.params.index)
            errors[key] = error.where(fit.params > 0.0)
        return pd.concat(errors).rename_axis(_LEVELS)

    def for_source(self, name: str) -> CostResults:
        """Return the same costs for another source's machine.

        Parameters
        ----------
        name : str
            A source in the fit: ``"shipped"`` or the stem of a file's name.

        Returns
        -------
        CostResults
            With `source` changed.

        Raises
        ------
        ValueError
            If the fit has no such source.
        """
        known = [self.reference, *self.speeds]
        if name not in known:
            raise ValueError(f"name: got {name!r}, expected a source in the fit: {', '.join(known)}")
        return replace(self, source=name)

    def at_source(self, family: str, component: str) -> ComponentFit:
        """Return a fit on the machine of `source`; what is not known of its speed is part of the dispersion.

        Parameters
        ----------
        family, component : str
            A key of `fits`.

        Returns
        -------
        ComponentFit
            All of a machine's costs err together, as operations do in the run-to-run part.
        """
        fit = self.fits[family, component]
        if self.source not in self.speeds:
            return fit
        found = self.speeds[self.source][component]
        return replace(
            fit,
            params=fit.params / found.speed,
            covariance=fit.covariance / found.speed**2,
            shape=replace(
                fit.shape, waking={key: at_speed(value, found.speed) for key, value in fit.shape.waking.items()}
            ),
            dispersion={key: value + found.log_error**2 for key, value in fit.dispersion.items()},
        )

    def sources(self, level: float = 0.9) -> pd.DataFrame:
        """Report what the rows of each source beside the reference say of their machine.

        Parameters
        ----------
        level : float
            Coverage of the interval.

        Returns
        -------
        DataFrame
            source, component, rows, configurations, speed, lower, upper, residual_error (median, relative; NaN where a
            component was not measured).

        Raises
        ------
        ValueError
            If `level` is not between 0 and 1.

        Examples
        --------
        Rows of a machine with slow servers, beside the shipped ones:

        >>> import capmodel as cm
        >>> runs = cm.load_sync_runs(paths=())
        >>> mine = runs.query("operation == 'sync' and sync_mode == 'full_cache'").iloc[::5]
        >>> mine = mine.assign(source="mine", server_cpu_s_per_op=2.0 * mine["server_cpu_s_per_op"])
        >>> costs = cm.OperationCosts(pd.concat([runs, mine], ignore_index=True)).fit()
        >>> found = costs.sources().set_index("component")
        >>> round(float(found["speed"]["server"]), 1), round(float(found["speed"]["datastore"]), 1)
        (0.4, 1.0)

        The costs are those of that machine, unless another is asked for; shipped rows can be turned into its own:

        >>> costs.source, costs.for_source("shipped").source
        ('mine', 'shipped')
        >>> slowed = costs.as_on_source(runs)["server_cpu_s_per_op"] / runs["server_cpu_s_per_op"]
        >>> round(float(slowed.median()))
        2
        """
        lines = []
        for name, parts in self.speeds.items():
            for component, found in parts.items():
                ends = found.interval(level)
                counts = (found.rows, found.configurations)
                lines.append((name, component, *counts, found.speed, *ends, found.residual_error))
        columns = ["source", "component", "rows", "configurations", "speed", "lower", "upper", "residual_error"]
        return pd.DataFrame(lines, columns=columns)

    def as_on_source(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return measured rows as the machine of `source` would have given them.

        Parameters
        ----------
        rows : DataFrame
            Rows of ``sync_runs.csv`` of any source in the fit.

        Returns
        -------
        DataFrame
            CPU seconds keep their ratio to the model's; ``source`` is `source`. Rows of `source` are as they were.
        """
        moved = (sources_of(rows) != self.source) & np.isin(sources_of(rows), [self.reference, *self.speeds])
        if not moved.any():
            return rows
        result, there, here = rows.assign(), rows[moved], rows[moved].assign(source=self.source)
        work = work_of(there)
        points = (self.operating_point(there, work), self.operating_point(here, work))
        for component in COMPONENTS:
            means = [
                self.linear_predictor(part, component, point, work)[0]
                for part, point in zip((there, here), points, strict=True)
            ]
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio = means[1] / means[0]
            column = f"{component}_cpu_s_per_op"
            result.loc[moved, column] = rows.loc[moved, column] * ratio
        return result.assign(source=self.source)

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

        Raises
        ------
        ValueError
            If `level` is not between 0 and 1.
        """
        half = normal_quantile(level) * self.bse
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
            One table a family and component, in microseconds; where several sources were fitted, one of their speeds.
        """
        summary = Summary()
        for family, component in self.fits:
            fit = self.at_source(family, component)
            errors = np.where(fit.params > 0.0, np.sqrt(np.diag(fit.covariance)), np.nan)
            body = [
                [item, where, f"{1e6 * value:.4g}", f"{1e6 * error:.3g}"]
                for item, where, value, error in zip(
                    fit.params.index.get_level_values(0),
                    fit.params.index.get_level_values(1),
                    fit.params,
                    errors,
                    strict=True,
                )
            ]
            title = f"{family}, {component}: {fit.rows} runs, dispersion " + ", ".join(
                f"{name}{' writes' * writing} {percent(np.sqrt(value))}"
                for (name, writing), value in fit.dispersion.items()
            )
            summary.tables.append(SimpleTable(body, ["work", "datastore", "cost (us)", "std err"], title=title))
        if self.speeds:
            body = [
                [
                    line.source,
                    line.component,
                    line.rows,
                    f"{line.speed:.3g}",
                    f"{line.lower:.3g} to {line.upper:.3g}",
                    percent(line.residual_error) if line.rows else "",
                ]
                for line in self.sources().itertuples()
            ]
            title = (
                f"Speed of each source's machine, 1 for {self.reference}; the costs above are those on {self.source}"
            )
            headings = ["source", "component", "rows", "speed", "90 % interval", "median error"]
            summary.tables.append(SimpleTable(body, headings, title=title))
        return summary

    def _layouts(self, work: Work, component: str) -> Iterator[tuple[NDArray[np.bool_], ComponentFit, Layout]]:
        """Yield the rows of each family that the component was measured for, their fit and their work."""
        for family in pd.unique(work.families):
            fit = self.fits.get((family, component))
            if fit is not None:
                own = work.families == family
                known = np.isin(work.datastores, fit.datastores)
                yield own & known, fit, work.layout(family, component).of(known[own])

    def _speeds_of(self, frame: pd.DataFrame, component: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the speed of each row's machine, and the standard error of its logarithm."""
        known = {name: (parts[component].speed, parts[component].log_error) for name, parts in self.speeds.items()}
        known[self.reference] = (1.0, 0.0)
        own = known[self.source]
        names = sources_of(frame) if "source" in frame else [self.source] * len(frame)
        found = np.array([known.get(name, own) for name in names], dtype=float).reshape(-1, 2)
        return found[:, 0], found[:, 1]

    def linear_predictor(
        self, frame: pd.DataFrame, component: str, point: OperatingPoint, work: Work | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return mean, variance of the mean, and run-to-run variance of each row's cost.

        Parameters
        ----------
        frame : DataFrame
            Rows with the work columns and ``datastore``; ``source`` where a row is of one in the fit.
        component : {"server", "datastore"}
            Whose CPU seconds.
        point : OperatingPoint
            How busy each row's host is.
        work : Work, optional
            :func:`capmodel.work.work_of` of the frame, where it is known already.

        Returns
        -------
        mean, parameter_variance, run_variance : ndarray
            CPU seconds and their squares; NaN where the component was not measured for such a row.

        Examples
        --------
        >>> import capmodel as cm
        >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
        >>> runs = cm.load_sync_runs(paths=()).query("operation == 'sync' and sync_mode == 'full_cache'").head(1)
        >>> mean_s, of_parameters, of_runs = costs.linear_predictor(runs, "server", costs.operating_point(runs))
        >>> mean_s.round(4).tolist(), bool(of_runs[0] > of_parameters[0])
        ([0.001], True)
        """
        mean = np.full(len(frame), np.nan)
        parameter_variance = np.full(len(frame), np.nan)
        run_variance = np.full(len(frame), np.nan)
        work = work or work_of(frame)
        if self.speeds:
            speed, error = self._speeds_of(frame, component)
            point = point._replace(rate_per_core_s=point.rate_per_core_s / speed)
        for rows, fit, layout in self._layouts(work, component):
            design = layout.amounts * layout.factors(at_rows(point, rows), fit.shape)
            priced = layout.columns.get_indexer(fit.params.index)
            matrix = design[:, priced]
            value = matrix @ fit.params.to_numpy()
            # Work that no run in the fit contained has no price: no number is better than a wrong one.
            value[(np.delete(design, priced, axis=1) != 0.0).any(axis=1)] = np.nan
            mean[rows] = value
            parameter_variance[rows] = np.einsum("ij,jk,ik->i", matrix, fit.covariance.to_numpy(), matrix)
            kinds = zip(work.datastores[rows], work.writes[rows], strict=True)
            run_variance[rows] = np.array([fit.dispersion_of(name, kind) for name, kind in kinds]) * value**2
        if self.speeds:
            mean, parameter_variance = mean / speed, parameter_variance / speed**2
            run_variance = run_variance / speed**2 + (error * mean) ** 2
        return mean, parameter_variance, run_variance

    def predict(self, frame: pd.DataFrame, level: float = 0.9) -> pd.DataFrame:
        """Predict the CPU seconds of each row's operation.

        Parameters
        ----------
        frame : DataFrame
            Rows of ``sync_runs.csv`` or ``reload_runs.csv``, or any frame with ``datastore`` and the work columns.
            Optional columns: ``rate_per_core_s`` and ``in_flight`` (see :class:`OperatingPoint`). Without them the
            operating point follows from ``concurrency``, ``think_time_s`` and ``client_cpu_s_per_op`` where present,
            else from ``operations`` and ``window_s``, else a busy host is meant.
        level : float
            Coverage of the prediction interval.

        Returns
        -------
        DataFrame
            One row for each row of `frame` and component: row, component, estimate_s, lower_s, upper_s; NaN where no
            run in the fit contains the work.

        Raises
        ------
        ValueError
            If `level` is not between 0 and 1, or an operation, a sync mode or a datastore is unknown.
        """
        quantile = normal_quantile(level)
        work = work_of(frame)
        point = self.operating_point(frame, work)
        total = frame["operations"].to_numpy(float) if "operations" in frame else np.full(len(frame), np.inf)
        parts = []
        for component in COMPONENTS:
            mean, parameter_variance, run_variance = self.linear_predictor(frame, component, point, work)
            with np.errstate(invalid="ignore", divide="ignore"):
                spread = np.sqrt(
                    (parameter_variance + run_variance) / mean**2 + (RESOLUTION_S / np.maximum(total * mean, 1e-9)) ** 2
                )
            # Work that the component has no part in costs nothing, for certain.
            spread[mean == 0.0] = 0.0
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

    def half_saturation(self, datastore: str) -> float:
        """Return the constant of connection churn on a datastore.

        Parameters
        ----------
        datastore : str
            ``"postgresql"`` or ``"mariadb"``; others do not churn.

        Returns
        -------
        float
            See :func:`capmodel.spire.churn`; infinite where nothing was fitted.
        """
        fit = self.fits.get(("crawl", "datastore"))
        name = "mariadb" if datastore == "mysql" else datastore
        return fit.shape.half_saturation.get(name, np.inf) if fit else np.inf

    def unit_costs(self, datastore: str) -> UnitCosts:
        """Return the unit costs that apply on one datastore, on the machine of `source`, as plain values.

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
        if datastore not in self._known:
            self._known[datastore] = self._unit_costs(datastore)
        return self._known[datastore]

    def _unit_costs(self, datastore: str) -> UnitCosts:
        """Gather the unit costs that apply on one datastore."""
        name = "mariadb" if datastore == "mysql" else datastore
        blocks: dict[str, dict[str, Block]] = {component: {} for component in COMPONENTS}
        for family, component in self.fits:
            fit = self.at_source(family, component)
            chosen = [key for key in fit.params.index if name in MEMBERS[key[1]]]
            if name not in fit.datastores:
                continue
            kinds = [
                next((kind for kind in ("waking", "churn") if key[0].startswith(kind + "_")), "busy") for key in chosen
            ]
            blocks[component][family] = Block(
                items=[key[0].removeprefix(kind + "_") for key, kind in zip(chosen, kinds, strict=True)],
                kinds=kinds,
                costs_s=fit.params[chosen].tolist(),
                covariance=fit.covariance.loc[chosen, chosen].to_numpy().tolist(),
                dispersion=fit.dispersion_of(name, False),
                write_dispersion=fit.dispersion_of(name, True),
                waking=fit.shape.waking[name],
            )
        if not blocks["server"]:
            raise ValueError(f"datastore: got {datastore!r}, expected one that the fitted runs contain")
        return UnitCosts(
            server=blocks["server"],
            datastore=blocks["datastore"],
            half_saturation=min(self.half_saturation(name), 1e300),
            memory_bytes=self.memory.params.tolist(),
            memory_covariance=self.memory.covariance.to_numpy().tolist(),
            memory_dispersion=self.memory.dispersion,
            critical_share=self.response.critical_share,
            interference=self.response.interference,
            interference_error=self.response.interference_error,
            response_dispersion=self.response.dispersion,
        )

    def operating_point(self, frame: pd.DataFrame, work: Work | None = None) -> OperatingPoint:
        """Work out how busy the host of each row is, from the load offered to it and the fitted costs.

        Parameters
        ----------
        frame : DataFrame
            As for :meth:`predict`.
        work : Work, optional
            :func:`capmodel.work.work_of` of the frame, where it is known already.

        Returns
        -------
        OperatingPoint
            Nothing that was measured about server or datastore enters: only the number of callers, their pauses and
            their own CPU seconds, or the rate of operations where no callers are given.

        Examples
        --------
        Four callers without a pause keep the host of a row busier than one:

        >>> import capmodel as cm
        >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
        >>> row = cm.load_sync_runs(paths=()).query("operation == 'sync' and concurrency == 1").head(1)
        >>> point = costs.operating_point(pd.concat([row, row.assign(concurrency=4)]))
        >>> point.rate_per_core_s.round(-2).tolist()
        [200.0, 400.0]
        """
        rows = len(frame)
        in_flight = frame["in_flight"].to_numpy(float) if "in_flight" in frame else np.zeros(rows)
        if "rate_per_core_s" in frame:
            return OperatingPoint(frame["rate_per_core_s"].to_numpy(float), in_flight)
        if "operations" not in frame or "window_s" not in frame:
            return OperatingPoint(np.full(rows, np.inf), in_flight)
        rate = (frame["operations"] / frame["window_s"]).to_numpy(float, copy=True)
        in_flight = np.zeros(rows)
        for k, state in self.loops(frame, work):
            rate[k], in_flight[k] = state.throughput_per_s, state.in_flight
        return OperatingPoint(rate / cores_of(frame), in_flight)

    def loops(self, frame: pd.DataFrame, work: Work | None = None) -> Iterator[tuple[int, host.HostState]]:
        """Solve each row's callers as a closed loop on the host that they share with server and datastore.

        Parameters
        ----------
        frame : DataFrame
            Rows with the work columns, ``datastore``, ``concurrency`` and ``think_time_s``.
        work : Work, optional
            :func:`capmodel.work.work_of` of the frame, where it is known already.

        Yields
        ------
        row, state : int, HostState
            Position of each row that has callers, and its stationary state.

        Examples
        --------
        >>> import capmodel as cm
        >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
        >>> runs = cm.load_sync_runs(paths=()).query("operation == 'sync' and concurrency == 1").head(1)
        >>> [(row, round(state.in_flight, 1)) for row, state in costs.loops(runs)]
        [(0, 1.0)]
        """
        callers = frame.reindex(columns=["concurrency"]).fillna(0.0).to_numpy(float)[:, 0]
        pause_s = frame.reindex(columns=["think_time_s"]).fillna(0.0).to_numpy(float)[:, 0]
        client_s = frame.reindex(columns=["client_cpu_s_per_op"]).fillna(0.0).to_numpy(float)[:, 0]
        cores, parts = cores_of(frame), self.demand_parts(frame, work)
        for k in np.flatnonzero(callers >= 1.0):
            state = host.closed_loop(
                callers=int(callers[k]),
                think_time_s=pause_s[k],
                demand_s=parts.demand_at(int(k), cores[k], client_s[k]),
                churn_s=float(np.nansum(parts.churn_s[:, k])),
                half_saturation=self.half_saturation(str(frame["datastore"].iloc[k])),
                cores=cores[k],
                idle_constant=self.idle_constant,
            )
            yield int(k), state

    def demand_parts(self, frame: pd.DataFrame, work: Work | None = None) -> DemandParts:
        """Split each row's cost into what it is on a busy host, the extra of waking it, and the extra of churn.

        Parameters
        ----------
        frame : DataFrame
            Rows with the work columns and ``datastore``.
        work : Work, optional
            :func:`capmodel.work.work_of` of the frame, where it is known already.

        Returns
        -------
        DemandParts
            CPU seconds an operation, NaN where a component has no estimate.

        Examples
        --------
        >>> import capmodel as cm
        >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
        >>> runs = cm.load_sync_runs(paths=()).query("operation == 'sync' and sync_mode == 'full_cache'").head(1)
        >>> parts = costs.demand_parts(runs)
        >>> (1e3 * parts.busy_s[:, 0]).round(1).tolist(), (1e3 * parts.waking_s[:, 0]).round(1).tolist()
        ([0.6, 0.2], [2.1, 0.2])
        """
        shape = (len(COMPONENTS), len(frame))
        parts = {prefix: np.full(shape, np.nan) for prefix in ("", *PREFIXES)}
        wakes = np.zeros(shape)
        waking = [[Waking(1.0, 0.0)] * len(frame) for _ in COMPONENTS]
        work = work or work_of(frame)
        for place, component in enumerate(COMPONENTS):
            for rows, fit, layout in self._layouts(work, component):
                priced = layout.columns.get_indexer(fit.params.index)
                costs_s = np.zeros(len(layout.columns))
                costs_s[priced] = fit.params.to_numpy()
                for prefix, values in parts.items():
                    own = layout.prefixes == prefix
                    values[place, rows] = layout.amounts[:, own] @ costs_s[own]
                wakes[place, rows] = layout.wakes
                for row in np.flatnonzero(rows):
                    waking[place][row] = fit.shape.waking[work.datastores[row]]
            if self.speeds:
                speed, _ = self._speeds_of(frame, component)
                for values in parts.values():
                    values[place] /= speed
                waking[place] = [at_speed(one, factor) for one, factor in zip(waking[place], speed, strict=True)]
        return DemandParts(parts[""], parts["waking_"], parts["churn_"], wakes, waking)


class DemandParts(NamedTuple):
    """CPU seconds an operation, in parts; each of shape (2, rows) for server and datastore.

    Attributes
    ----------
    busy_s, waking_s, churn_s : ndarray
        On a busy host, the extra on one at rest, the extra at full churn.
    wakes : ndarray
        Wakes an operation.
    waking : list of list of Waking
        For each component and row how the extra of waking fades.
    """

    busy_s: NDArray[np.float64]
    waking_s: NDArray[np.float64]
    churn_s: NDArray[np.float64]
    wakes: NDArray[np.float64]
    waking: list[list[Waking]]

    def demand_at(self, row: int, cores: float, client_s: float) -> Callable[[float], float]:
        """Return the demand of a row's operation on a shared host as a function of its throughput.

        Parameters
        ----------
        row : int
            Position of the row.
        cores : float
            Cores of the host.
        client_s : float
            CPU seconds an operation of the client on the same host.

        Returns
        -------
        callable
            Operations a second to CPU seconds an operation, without churn.
        """
        busy_s = client_s + float(np.nansum(self.busy_s[:, row]))
        parts = [
            (float(np.nan_to_num(extra[row])), float(wakes[row]) / cores, waking[row])
            for extra, wakes, waking in zip(self.waking_s, self.wakes, self.waking, strict=True)
        ]

        def demand(throughput_per_s: float) -> float:
            extra_s = sum(extra * waking_share(throughput_per_s * wakes, waking) for extra, wakes, waking in parts)
            return busy_s + extra_s

        return demand


_LEVELS = ["family", "component", "item", "datastore"]
