"""What SPIRE's operations cost: CPU seconds of the server and of the datastore, fitted to measured runs.

The work in an operation is what SPIRE's code does; the unit costs are estimated here, with non-negative coefficients
and a constant coefficient of variation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from capmodel import datasets
from capmodel.cost_results import NO_RESPONSE, CostResults
from capmodel.memory import ServerMemory
from capmodel.regression import fit_families
from capmodel.response import ResponseResults, fit_response, stretch
from capmodel.sources import CONFIGURATIONS_PER_COST, SHIPPED, SourceSpeed, estimate_speeds, joined, sources_of
from capmodel.steady import waiting
from capmodel.work import (
    COMPONENTS,
    OperatingPoint,
    Work,
    configurations,
    cores_of,
    families,
    measured_point,
    work_of,
)

__all__ = ["CostResults", "OperationCosts"]


#: Times that the fit is repeated at the operating point it predicts itself; the costs settle to four digits.
_REFITS = 2


class _SourceRows(NamedTuple):
    """Rows of one source, and what is asked of them again and again while its speed is sought."""

    rows: pd.DataFrame
    work: Work
    configuration: NDArray[np.intp]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> _SourceRows:
        """Look at what the rows do."""
        return cls(rows, work_of(rows), configurations(rows))


class OperationCosts:
    """Model of what each operation costs server and datastore.

    Parameters
    ----------
    runs : DataFrame
        Rows of ``sync_runs.csv`` (:func:`capmodel.datasets.load_sync_runs`).
    reload_runs : DataFrame, optional
        Rows of ``reload_runs.csv``; the shipped ones by default.

    Raises
    ------
    ValueError
        If `runs` is empty.

    Notes
    -----
    Mean CPU seconds an operation = sum of work x unit cost, with b >= 0 and variance proportional to the mean squared
    (Gamma family, identity link). ``waking_`` items are multiplied by :func:`capmodel.waking.waking_share`, and
    ``churn_`` items by :func:`capmodel.spire.churn`. A request that finds the host at rest pays for waking cores and
    for cold caches; when requests follow each other quickly, one waking serves many.

    Rows of several sources (column ``source``) share the unit costs; each source but the shipped one has a speed for
    each component, by which its costs are divided (``capmodel.sources.estimate_speeds``). Where `runs` hold no
    shipped rows, the first source is the reference.

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

    def fit(self, sources: str = "all") -> CostResults:
        """Estimate the unit costs.

        Parameters
        ----------
        sources : {"all", "own"}
            ``"all"`` fits one structure to all rows and a speed to each source. ``"own"`` takes the costs that the
            rows of the one source beside the reference contain from these rows alone; work that they do not contain is
            priced by all rows at that source's speed.

        Returns
        -------
        CostResults
            Estimates, their errors and predictions.

        Raises
        ------
        ValueError
            If `sources` is unknown; for ``"own"``, if there is not exactly one source beside the reference, or too few
            of its configurations: there must be three for each unit cost.
        """
        if sources not in ("all", "own"):
            raise ValueError(f"sources: got {sources!r}, expected 'all' or 'own'")
        names = [str(name) for name in pd.unique(sources_of(self.runs))]
        reference = SHIPPED if SHIPPED in names else names[0]
        own = [name for name in names if name != reference]
        if sources == "own" and len(own) != 1:
            raise ValueError(f"sources: got 'own' with {len(own)} sources beside {reference}, expected exactly one")
        runs, reloads = self.runs, self.reload_runs.assign(source=reference)
        results = None
        if own:
            # Speeds are sought from costs that the other machines had no part in; for a start, coarse ones will do.
            first = pd.concat([runs[sources_of(runs) == reference], reloads], ignore_index=True)
            results = self._fitted(first, reference, [], None, refits=0)
        rows = pd.concat([runs, reloads], ignore_index=True)
        results = self._fitted(rows, reference, own, results)
        results = replace(results, response=_fit_responses(results, runs))
        return results if sources == "all" else _alone(results, runs[sources_of(runs) != reference])

    def _fitted(
        self, rows: pd.DataFrame, reference: str, own: list[str], start: CostResults | None, refits: int = _REFITS
    ) -> CostResults:
        """Fit costs and speeds, one given the other, until both are settled."""
        memory = ServerMemory(self.runs, self.reload_runs).fit()
        idle_constant = self._idle_constant(reference)
        work, configuration = work_of(rows), configurations(rows)
        point, source = measured_point(rows), own[0] if len(own) == 1 else reference
        speeds: dict[str, dict[str, SourceSpeed]] = {}
        sources = sources_of(rows)
        parts = {name: _SourceRows.of(rows[sources == name]) for name in own}
        if start is not None:
            speeds = _speeds(start, parts)
        for turn in range(refits + 1):
            # Only the last costs get intervals: leaving every configuration out in turn is half of the work.
            scaled = _at_reference(rows, speeds)
            last = turn == _REFITS
            points = {component: _at_speed(point, rows, component, speeds) for component in COMPONENTS}
            fits = fit_families(scaled, work, configuration, points, calibrate=last)
            results = CostResults(
                fits=fits,
                idle_constant=idle_constant,
                memory=memory,
                ranges=_ranges(rows, work.families),
                highest_rate_per_s=_highest_rate(self.runs),
                reference=reference,
                source=source,
                speeds=speeds,
            )
            if own:
                speeds = _speeds(results, parts)
                results = replace(results, speeds=speeds)
            # A prediction knows the callers, not how busy they made the host. Fitting at the predicted operating point
            # keeps that error inside the dispersion, where the intervals can see it.
            point = results.operating_point(rows, work)
        return results

    def _idle_constant(self, reference: str) -> float:
        """Estimate how many callers without pause leave half of the reference's host idle."""
        runs = self.runs[sources_of(self.runs) == reference]
        runs = runs[(runs["think_time_s"] == 0.0) & (runs["operation"] != "post_status")]
        callers = runs["concurrency"].to_numpy(float)
        used = np.minimum(measured_point(runs).rate_per_core_s * _host_cpu_s(runs), 1.0)
        if not len(runs):
            return float("nan")

        def squared_error(constant: float) -> float:
            return float(np.sum((callers / (callers + constant) - used) ** 2))

        return float(minimize_scalar(squared_error, bounds=(0.0, 5.0), method="bounded").x)


def _host_cpu_s(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return the CPU seconds of an operation on the whole host: server, datastore and callers, where they are known."""
    columns = [f"{part}_cpu_s_per_op" for part in (*COMPONENTS, "client")]
    return rows.reindex(columns=columns).sum(axis=1).to_numpy(float)


_RANGE_COLUMNS = ("entries_per_agent", "entries", "agents", "federated_domains", "selectors_per_entry")


def _factors(rows: pd.DataFrame, component: str, speeds: dict[str, dict[str, SourceSpeed]]) -> NDArray[np.float64]:
    """Return the speed of each row's machine."""
    return np.array([speeds[name][component].speed if name in speeds else 1.0 for name in sources_of(rows)])


def _at_reference(rows: pd.DataFrame, speeds: dict[str, dict[str, SourceSpeed]]) -> pd.DataFrame:
    """Return the rows with the CPU seconds that they would have taken on the reference's machine."""
    if not speeds:
        return rows
    columns = {f"{name}_cpu_s_per_op": _factors(rows, name, speeds) for name in COMPONENTS}
    return rows.assign(**{name: rows[name] * factors for name, factors in columns.items()})


def _at_speed(
    point: OperatingPoint, rows: pd.DataFrame, component: str, speeds: dict[str, dict[str, SourceSpeed]]
) -> OperatingPoint:
    """Return the rates that make the reference's machine as busy (:func:`capmodel.waking.at_speed`)."""
    if not speeds:
        return point
    return point._replace(rate_per_core_s=point.rate_per_core_s / _factors(rows, component, speeds))


def _speeds(results: CostResults, parts: dict[str, _SourceRows]) -> dict[str, dict[str, SourceSpeed]]:
    """Estimate the speed of each source from its rows, its host as busy as it makes it itself."""
    speeds = dict(results.speeds)
    for name, part in parts.items():
        at_reference = part.rows.assign(source=results.reference)
        for _ in range(_SPEED_STEPS):
            point = replace(results, speeds=speeds).operating_point(part.rows, part.work)
            points = {component: _at_speed(point, part.rows, component, speeds) for component in COMPONENTS}
            predicted = {
                component: results.linear_predictor(at_reference, component, where, part.work)
                for component, where in points.items()
            }
            speeds[name] = estimate_speeds(part.rows, predicted, part.configuration)
    return speeds


#: Times that a speed is sought again on a host as busy as the last one makes it; each step gains two digits.
_SPEED_STEPS = 4


def _alone(every: CostResults, own: pd.DataFrame) -> CostResults:
    """Replace the costs that the rows of one source contain by what these rows alone say."""
    name = str(sources_of(own)[0])
    work = work_of(own)
    shapes = {key: fit.shape for key, fit in every.fits.items()}
    known = {key for key in shapes if (work.families == key[0]).any()}
    configuration, point = configurations(own), every.operating_point(own, work)
    points = {component: _at_speed(point, own, component, every.speeds) for component in COMPONENTS}
    for family, component in sorted(known):
        there = work.families == family
        rows = there & (own[f"{component}_cpu_s_per_op"] > 0.0).to_numpy()
        layout = work.layout(family, component).of(rows[there]).used()
        unit_costs, got = len(layout.columns), len(np.unique(configuration[rows]))
        needed = CONFIGURATIONS_PER_COST * unit_costs
        if 0 < got < needed:
            raise ValueError(
                f"sources: got {got} configurations of {name} with the {component}'s CPU of the {family} family, "
                f"expected at least {needed} to fit its {unit_costs} unit costs alone (fit to all sources instead)"
            )
    fits = fit_families(own, work, configuration, points, calibrate=True, shapes=shapes)
    moved = {key: every.at_source(*key) for key in every.fits}
    return replace(
        every,
        fits={key: joined(fits.get(key), fit) for key, fit in moved.items()},
        reference=name,
        source=name,
        speeds={},
    )


def _ranges(rows: pd.DataFrame, group: NDArray[np.object_]) -> pd.DataFrame:
    """Return the smallest and largest measured value of each covariate, a family a row."""
    return rows.assign(family=group).groupby("family")[list(_RANGE_COLUMNS)].agg(["min", "max"])


def _highest_rate(runs: pd.DataFrame) -> float:
    syncs = runs[runs["operation"] == "sync"]
    return float((syncs["operations"] / syncs["window_s"]).max())


def _fit_responses(results: CostResults, runs: pd.DataFrame) -> ResponseResults:
    """Fit response times to the syncs of callers that pause, as agents do."""
    frame = runs[(runs["think_time_s"] > 0.0) & (runs["operation"] == "sync")]
    if not len(frame):
        return NO_RESPONSE
    cores, group, answer_s = cores_of(frame), families(frame).to_numpy(), frame["latency_mean_s"].to_numpy(float)
    cpu_s = _host_cpu_s(frame)
    used = measured_point(frame).rate_per_core_s * cpu_s
    states = [state for _, state in results.loops(frame)]
    # A host that churn has brought to its knees answers when its queue allows: nothing can be learnt there.
    open_ = (used < _OPEN) & np.array([state.utilization < _OPEN for state in states])
    wait = np.array([waiting(count, share) for count, share in zip(cores[open_], used[open_], strict=True)])
    fitted = fit_response(group[open_], cpu_s[open_], wait, answer_s[open_])
    # A reader's prediction rests on predicted demands: their error is part of what it scatters by.
    errors = [
        np.log(seconds / (state.demand_s * stretch(waiting(count, state.utilization), share, fitted.interference)))
        for seconds, state, count, share, kept in zip(
            answer_s, states, cores, (fitted.critical_share[name] for name in group), open_, strict=True
        )
        if kept
    ]
    return fitted._replace(dispersion=float(np.mean(np.square(errors))))


#: Utilization below which a host is taken to keep up.
_OPEN = 0.9
