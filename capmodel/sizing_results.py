"""A fitted ladder: its parameters, what it predicts for other fleets, and how well it predicts cells held out.

:mod:`capmodel.sizing` fits it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri
from scipy.stats import chi2
from scipy.stats import f as f_distribution

from capmodel.baselines import baselines, scored, uniform_elpd
from capmodel.ladder import FAMILIES, Array, LadderFit, fit_ladder, parameter_bounds, profile_bound, profile_llf
from capmodel.posterior import Posterior, latent_quantile, log_rung_probabilities, rung_probabilities, sample_posterior
from capmodel.printed_table import Points, bounds_at, one_of, points_of, shape_of_rung

if TYPE_CHECKING:
    from capmodel.sizing import SizingRegression


#: How the uncertainty of the parameters enters a prediction.
DISTRIBUTIONS = ("plug-in", "posterior", "bounded")
#: Points that are worked on at a time: 500 draws by 500 points by 20 rungs fit into memory.
_CHUNK = 500
_TAIL = 1e-6
_LARGEST_LOG_RUNG = 62


def _chunks(points: Points) -> Iterator[Points]:
    """Yield the fleets in parts that are worked on at a time."""
    for start in range(0, len(points.agents), _CHUNK):
        yield Points(*(values[start : start + _CHUNK] for values in points))


def _level(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: got {level!r}, expected more than 0 and less than 1")
    return float(level)


class HeldOut(NamedTuple):
    """How well cells are predicted from the others.

    Attributes
    ----------
    cells : int
        Cells.
    exact, within_one : int
        Cells whose median rung is the printed one, or a neighbour of it at most.
    elpd : float
        Sum of the log-probabilities that were given to the printed rungs.
    elpd_uniform : float
        The same for a guess that takes every rung of the printed ladder for equally likely.

    Examples
    --------
    >>> import capmodel as cm
    >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
    >>> score = ladder.held_out("plug-in")
    >>> score.exact, score.within_one, score.cells
    (9, 16, 16)
    >>> round(score.elpd, 1), round(score.elpd_uniform, 1)
    (-20.9, -31.1)
    """

    cells: int
    exact: int
    within_one: int
    elpd: float
    elpd_uniform: float


@dataclass(frozen=True)
class SizingResults:
    """A fitted ladder.

    Attributes
    ----------
    model : SizingRegression
        What was fitted.
    solution : LadderFit
        The maximum of the likelihood.

    Notes
    -----
    Predictions come in three distributions. "plug-in" takes the parameters at their maximum, as if they were known.
    "posterior" (the default) averages over what 16 cells leave open about them, with a flat prior on the mean and a
    half-normal one of scale 1 rung on sigma (``capmodel.posterior.sample_posterior``). "bounded" also keeps to the
    cells around a fleet: no less than a smaller fleet is printed with, no more than a larger one
    (``capmodel.printed_table.monotone_bounds``), so at a printed cell it returns the cell.

    Examples
    --------
    >>> import capmodel as cm
    >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
    >>> pd.DataFrame({"estimate": ladder.params, "error": ladder.bse}).round(2).loc["agents"].tolist()
    [0.73, 0.15]
    >>> round(ladder.llf, 2), ladder.nobs, round(ladder.aic, 1), round(ladder.aicc, 1)
    (-14.17, 16, 36.3, 40.0)
    >>> ladder.predict(1000, 5000)["rung"].tolist(), ladder.beats_uniform()
    ([64], True)
    >>> ladder.posterior.draws.shape[1] == len(ladder.params)
    True
    >>> print(ladder.summary().tables[0].as_text().splitlines()[0].strip())
    Interval-censored regression of the sizing table
    """

    model: SizingRegression
    solution: LadderFit

    @property
    def _names(self) -> list[str]:
        return [*self.model.family.parameters, "sigma"]

    @property
    def params(self) -> pd.Series:
        """Parameters of the mean, and sigma in rungs (doublings)."""
        return pd.Series(self.solution.params, index=self._names, name="params")

    @property
    def llf(self) -> float:
        """Log-likelihood at the maximum."""
        return self.solution.llf

    @property
    def nobs(self) -> int:
        """Cells."""
        return len(self.model.table)

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 k - 2 llf."""
        return 2.0 * len(self.solution.params) - 2.0 * self.llf

    @property
    def aicc(self) -> float:
        """Akaike's criterion corrected for few cells (Hurvich and Tsai 1989)."""
        k = len(self.solution.params)
        return self.aic + 2.0 * k * (k + 1) / (self.nobs - k - 1)

    def cov_params(self) -> pd.DataFrame:
        """Return the covariance of `params`.

        Returns
        -------
        DataFrame
            Inverse of the observed information; NaN for a parameter at its bound.

        Examples
        --------
        >>> import capmodel as cm
        >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
        >>> ladder.cov_params().loc["agents", ["agents", "workloads"]].round(3).tolist()
        [0.022, 0.001]
        """
        free = ~self.solution.at_bound
        covariance = np.full((len(free), len(free)), np.nan)
        covariance[np.ix_(free, free)] = np.linalg.pinv(-self.solution.hessian[np.ix_(free, free)])
        return pd.DataFrame(covariance, index=self._names, columns=self._names)

    @property
    def bse(self) -> pd.Series:
        """Standard errors of `params`; NaN at a bound."""
        return pd.Series(np.sqrt(np.diag(self.cov_params())), index=self._names, name="bse")

    def conf_int(self, level: float = 0.95, method: str = "profile") -> pd.DataFrame:
        """Return intervals of the parameters.

        Parameters
        ----------
        level : float
            Coverage, between 0 and 1.
        method : {"profile", "profile-f", "posterior", "wald"}
            "profile": where twice the log-likelihood ratio stays below the chi-squared quantile, all other parameters
            maximised (Venzon and Moolgavkar 1988). "profile-f": the same with the quantile that is exact for least
            squares with n cells and p parameters of the mean, n log(1 + F / (n - p)), F of 1 and n - p degrees. Both
            end at a parameter's bound. "posterior": central quantiles of `posterior`. "wald": estimate and normal
            errors.

        Returns
        -------
        DataFrame
            lower, upper; one row a parameter.

        Raises
        ------
        ValueError
            If `level` or `method` is none of these.

        Notes
        -----
        On tables of 16 cells simulated from the log-linear fit, "posterior" covers about what it says, "profile-f" a
        little less and "profile" clearly less (:meth:`coverage`).

        Examples
        --------
        >>> import capmodel as cm
        >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
        >>> ladder.conf_int().loc["agents"].round(2).tolist()
        [0.43, 1.06]
        """
        level = _level(level)
        one_of("method", method, ("profile", "profile-f", "posterior", "wald"))
        if method == "wald":
            half = self.bse * float(ndtri(0.5 + level / 2.0))
            return pd.DataFrame({"lower": self.params - half, "upper": self.params + half})
        if method == "posterior":
            ends = np.quantile(self.posterior.draws, [0.5 - level / 2.0, 0.5 + level / 2.0], axis=0)
            return pd.DataFrame(ends.T, index=self._names, columns=["lower", "upper"])
        drop = self._drop(level, method)
        steps = self.bse.where(np.isfinite(self.bse), 0.1).clip(lower=1e-3)
        family, cells = self.model.family, self.model.cells
        rows = [
            [profile_bound(family, cells, self.solution, index, drop, direction, float(step)) for direction in (-1, 1)]
            for index, step in enumerate(steps)
        ]
        return pd.DataFrame(rows, index=self._names, columns=["lower", "upper"])

    def _drop(self, level: float, method: str) -> float:
        """Return how far the profile log-likelihood falls to the ends of an interval."""
        if method == "profile":
            return 0.5 * float(chi2.ppf(level, 1))
        degrees = self.nobs - len(self.model.family.parameters)
        return 0.5 * self.nobs * float(np.log1p(f_distribution.ppf(level, 1, degrees) / degrees))

    def profile(self, parameter: str, values: ArrayLike) -> pd.Series:
        """Return the profile log-likelihood of one parameter.

        Parameters
        ----------
        parameter : str
            A name in `params`.
        values : array_like
            Where it is held while the others are maximised.

        Returns
        -------
        Series
            Log-likelihood, indexed by value.

        Raises
        ------
        ValueError
            If there is no such parameter, or a value lies beyond its bounds.

        Examples
        --------
        >>> import capmodel as cm
        >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
        >>> bool((ladder.profile("agents", [0.5, 1.0]) < ladder.llf).all())
        True
        """
        index = self._names.index(one_of("parameter", parameter, tuple(self._names)))
        held = np.asarray(values, dtype=float).ravel()
        lower, upper = parameter_bounds(self.model.family)
        for value in held[~((held >= lower[index]) & (held <= upper[index]))]:
            raise ValueError(f"values: got {value:g}, expected {lower[index]:g} to {upper[index]:g}")
        found = [
            profile_llf(self.model.family, self.model.cells, index, float(value), self.solution.params)[0]
            for value in held
        ]
        return pd.Series(found, index=pd.Index(held, name=parameter), name="llf")

    @cached_property
    def posterior(self) -> Posterior:
        """Draws of the parameters in proportion to likelihood times prior."""
        return sample_posterior(self.model.family, self.model.cells, self.solution)

    def _draws(self, distribution: str) -> Array:
        one_of("distribution", distribution, DISTRIBUTIONS)
        return self.solution.params[None, :] if distribution == "plug-in" else self.posterior.draws

    def predict(
        self, agents: ArrayLike, workloads: ArrayLike, level: float = 0.9, distribution: str = "posterior"
    ) -> pd.DataFrame:
        """Predict what the table would print for other fleets.

        Parameters
        ----------
        agents, workloads : array_like
            The fleets; registered workloads of the deployment. They broadcast.
        level : float
            Coverage of the interval, between 0 and 1.
        distribution : {"posterior", "plug-in", "bounded"}
            See Notes of the class.

        Returns
        -------
        DataFrame
            One row a fleet: agents, workloads; rung (the power of two that holds the median need, no less than the
            lowest printed); estimate, lower, upper (median and central interval of the need before it is rounded up);
            probability of the rung; extrapolated (outside the convex hull of the cells on logarithmic axes). For
            cores also servers and cores_per_server (``capmodel.printed_table.shape_of_rung``).

        Raises
        ------
        ValueError
            If a fleet is not from 1 to 1e12, or `level` or `distribution` is none of these.

        Examples
        --------
        >>> import capmodel as cm
        >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
        >>> ladder.predict([10, 20_000], 1000)["extrapolated"].tolist()
        [False, True]
        """
        points = points_of(agents, workloads)
        level = _level(level)
        draws = self._draws(distribution)
        shares = (0.5 - level / 2.0, 0.5, 0.5 + level / 2.0)
        parts = []
        for part in _chunks(points):
            mean = self.model.family.mean(draws, *part)
            need_above, need_below = self._needs(part) if distribution == "bounded" else (None, None)
            parts.append([latent_quantile(mean, draws[:, -1:], share, need_above, need_below) for share in shares])
        lower, median, upper = np.concatenate(parts, axis=1) if parts else np.empty((3, 0))
        # A median a hair above a rung is that rung: bisection knows it to 1e-7.
        log_rung = np.maximum(np.ceil(median - 1e-6), self.model.lowest)
        frame = pd.DataFrame(
            {
                **points._asdict(),
                "rung": 2 ** np.clip(log_rung, 0, _LARGEST_LOG_RUNG).astype(np.int64),
                "estimate": 2.0**median,
                "lower": 2.0**lower,
                "upper": 2.0**upper,
                "probability": self._probability_of(points, log_rung, distribution),
                "extrapolated": self.model.outside(points),
            }
        )
        if self.model.response != "cores":
            return frame
        return pd.concat([frame, shape_of_rung(self.model.table, frame["rung"])], axis=1)

    def _needs(self, points: Points) -> tuple[Array, Array]:
        """Return the bounds that the printed cells set on log2 of the need at other fleets."""
        lower, upper = bounds_at(self.model.cells, points)
        if (lower > upper).any():
            raise ValueError("distribution: got 'bounded', expected a table whose totals rise in both directions")
        return np.where(lower > self.model.lowest, lower - 1.0, -np.inf), upper

    def _rungs(self, points: Points, edges: Array, distribution: str) -> Array:
        draws = self._draws(distribution)
        parts = [np.empty((0, len(edges)))]
        for part in _chunks(points):
            if distribution == "bounded":
                parts.append(np.exp(self._log_rungs(part, edges, distribution)))
            else:
                parts.append(rung_probabilities(self.model.family.mean(draws, *part), draws[:, -1:], edges))
        return np.concatenate(parts)

    def _log_rungs(self, points: Points, edges: Array, distribution: str) -> Array:
        draws = self._draws(distribution)
        mean = self.model.family.mean(draws, *points)
        if distribution != "bounded":
            return log_rung_probabilities(mean, draws[:, -1:], edges)
        above, upper = self._needs(points)
        return log_rung_probabilities(mean, draws[:, -1:], edges, above + 1.0, upper)

    def _edges(self, points: Points, distribution: str) -> Array:
        """Return log2 of the rungs, from the lowest printed to where what lies above has no weight."""
        draws = self._draws(distribution)
        largest = np.full(len(draws), -np.inf)
        for part in _chunks(points):
            largest = np.maximum(largest, self.model.family.mean(draws, *part).max(axis=1))
        tops = np.arange(self.model.highest + 1.0, _LARGEST_LOG_RUNG + 1.0)
        above = ndtr((largest[:, None] - tops) / draws[:, -1:]).mean(axis=0)
        top = tops[min(int(np.argmax(above < _TAIL)), len(tops) - 1)] if (above < _TAIL).any() else tops[-1]
        return np.arange(self.model.lowest, top + 1.0)

    def _probability_of(self, points: Points, log_rung: Array, distribution: str) -> Array:
        if not len(log_rung):
            return np.empty(0)
        top = max(log_rung.max(), self.model.highest) + 1.0
        edges = np.arange(self.model.lowest, top + 1.0)
        chosen = (log_rung - self.model.lowest).astype(int)
        return self._rungs(points, edges, distribution)[np.arange(len(chosen)), chosen]

    def probabilities(self, agents: ArrayLike, workloads: ArrayLike, distribution: str = "posterior") -> pd.DataFrame:
        """Return how likely each rung is.

        Parameters
        ----------
        agents, workloads : array_like
            The fleets; registered workloads of the deployment. They broadcast.
        distribution : {"posterior", "plug-in", "bounded"}
            See Notes of the class.

        Returns
        -------
        DataFrame
            One row a fleet, indexed by agents and workloads; one column a rung. The lowest holds every smaller need,
            the highest what lies above it. Rows sum to 1.

        Raises
        ------
        ValueError
            If a fleet is not from 1 to 1e12, or `distribution` is none of these.

        Examples
        --------
        >>> import capmodel as cm
        >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
        >>> float(ladder.probabilities(1000, 5000).sum(axis=1).iloc[0].round(9))
        1.0
        """
        points = points_of(agents, workloads)
        edges = self._edges(points, distribution)
        index = pd.MultiIndex.from_arrays(points, names=["agents", "workloads"])
        columns = pd.Index((2 ** edges.astype(np.int64)).tolist(), name="rung")
        return pd.DataFrame(self._rungs(points, edges, distribution), index=index, columns=columns)

    def in_sample(self, distribution: str = "plug-in") -> pd.DataFrame:
        """Compare the cells with what the fit says of them.

        Parameters
        ----------
        distribution : {"plug-in", "posterior", "bounded"}
            See Notes of the class.

        Returns
        -------
        DataFrame
            One row a cell: agents, workloads (as printed), printed, predicted, exact, within_one, log_density.

        Examples
        --------
        >>> import capmodel as cm
        >>> int(cm.SizingRegression(cm.load_reference_sizing()).fit().in_sample()["within_one"].sum())
        16
        """
        cells = self.model.cells
        edges = np.arange(self.model.lowest, self.model.highest + 3.0)
        points = Points(cells.agents, cells.workloads)
        return scored(self.model, self._log_rungs(points, edges, distribution), edges)

    def coverage(self, level: float = 0.9, tables: int = 200, seed: int = 0) -> pd.DataFrame:
        """Return how often intervals hold the parameters of tables that are drawn from this fit.

        Parameters
        ----------
        level : float
            Coverage that the intervals claim.
        tables : int
            Simulated tables, with the cells' fleets and the ladder's lowest rung.
        seed : int
            Of the random numbers.

        Returns
        -------
        DataFrame
            profile, profile-f, posterior (:meth:`conf_int`): shares of the tables; one row a parameter.

        Raises
        ------
        ValueError
            If `level` is not between 0 and 1 or `tables` is not at least 1.

        Examples
        --------
        >>> import capmodel as cm
        >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
        >>> found = ladder.coverage(level=0.9, tables=1)
        >>> found.columns.tolist(), found.index.tolist()
        (['profile', 'profile-f', 'posterior'], ['intercept', 'agents', 'workloads', 'sigma'])
        """
        level = _level(level)
        if tables != int(tables) or tables < 1:
            raise ValueError(f"tables: got {tables!r}, expected a whole number of at least 1")
        rng = np.random.default_rng(seed)
        family, cells, true = self.model.family, self.model.cells, self.solution.params
        mean = family.mean(true, cells.agents, cells.workloads)
        drops = {method: self._drop(level, method) for method in ("profile", "profile-f")}
        hits = pd.DataFrame(0, index=self._names, columns=[*drops, "posterior"])
        for _ in range(int(tables)):
            upper = np.maximum(np.ceil(mean + true[-1] * rng.standard_normal(len(mean))), self.model.lowest)
            lower = np.where(upper == self.model.lowest, -np.inf, upper - 1.0)
            drawn = cells._replace(lower=lower, upper=upper)
            fit = fit_ladder(family, drawn, true)
            fallen = np.array(
                [
                    fit.llf - profile_llf(family, drawn, index, float(value), fit.params)[0]
                    for index, value in enumerate(true)
                ]
            )
            for method, drop in drops.items():
                hits[method] += (fallen <= drop).astype(int)
            draws = sample_posterior(family, drawn, fit).draws
            below, above = np.quantile(draws, [0.5 - level / 2.0, 0.5 + level / 2.0], axis=0)
            hits["posterior"] += ((below <= true) & (true <= above)).astype(int)
        return hits / tables

    @cached_property
    def _held_out(self) -> list[SizingResults]:
        """The fit without each cell in turn."""
        models = [self.model.without(cell) for cell in range(self.nobs)]
        return [SizingResults(model, fit_ladder(model.family, model.cells, self.solution.params)) for model in models]

    def leave_one_out(self, distribution: str = "posterior") -> pd.DataFrame:
        """Predict each cell from the others.

        Parameters
        ----------
        distribution : {"posterior", "plug-in", "bounded"}
            See Notes of the class.

        Returns
        -------
        DataFrame
            One row a cell: agents, workloads (as printed), printed, predicted, exact, within_one (one doubling),
            log_density (log of the probability that was given to the printed rung).
            :meth:`held_out` sums it up.

        Examples
        --------
        >>> import capmodel as cm
        >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
        >>> cells = ladder.leave_one_out()
        >>> int(cells["exact"].sum()), int(cells["within_one"].sum())
        (9, 16)
        """
        one_of("distribution", distribution, DISTRIBUTIONS)
        cells = self.model.cells
        edges = np.arange(self.model.lowest, self.model.highest + 3.0)
        rows = np.concatenate(
            [
                fit._log_rungs(Points(cells.agents[[i]], cells.workloads[[i]]), edges, distribution)
                for i, fit in enumerate(self._held_out)
            ]
        )
        return scored(self.model, rows, edges)

    def held_out(self, distribution: str = "posterior") -> HeldOut:
        """Sum up :meth:`leave_one_out`.

        Parameters
        ----------
        distribution : {"posterior", "plug-in", "bounded"}
            See Notes of the class.

        Returns
        -------
        HeldOut
            Hits and the log predictive density.

        Examples
        --------
        >>> import capmodel as cm
        >>> score = cm.SizingRegression(cm.load_reference_sizing()).fit().held_out()
        >>> score.elpd > score.elpd_uniform
        True
        """
        cells = self.leave_one_out(distribution)
        return HeldOut(
            len(cells),
            int(cells["exact"].sum()),
            int(cells["within_one"].sum()),
            float(cells["log_density"].sum()),
            uniform_elpd(self.model),
        )

    def beats_uniform(self, distribution: str = "posterior") -> bool:
        """Tell whether the held-out cells speak for the family.

        Parameters
        ----------
        distribution : {"posterior", "plug-in", "bounded"}
            See Notes of the class.

        Returns
        -------
        bool
            False if taking every printed rung for equally likely predicts held-out cells better: then do not use it.
        """
        score = self.held_out(distribution)
        return score.elpd > score.elpd_uniform

    def jackknife_plus(self, agents: ArrayLike, workloads: ArrayLike, level: float = 0.8) -> pd.DataFrame:
        """Return intervals that rest on exchangeable cells alone, not on the normal distribution.

        Parameters
        ----------
        agents, workloads : array_like
            The fleets; registered workloads of the deployment. They broadcast.
        level : float
            Coverage aimed at; guaranteed is 2 level - 1 (Barber et al. 2021). With n cells it can be at most
            n / (n + 1), above which intervals are infinite.

        Returns
        -------
        DataFrame
            agents, workloads, lower, upper: bounds on the middle of the printed rung's octave (rung / sqrt 2), from the
            fits without each cell and their errors.

        Raises
        ------
        ValueError
            If a fleet is not from 1 to 1e12 or `level` is not between 0 and 1.

        Examples
        --------
        >>> import capmodel as cm
        >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
        >>> bounds = ladder.jackknife_plus(1000, 5000).iloc[0]
        >>> bool(bounds["lower"] < ladder.predict(1000, 5000)["estimate"].iloc[0] < bounds["upper"])
        True
        """
        points, alpha = points_of(agents, workloads), 1.0 - _level(level)
        mean, cells = self.model.family.mean, self.model.cells
        at_cells = np.array(
            [
                mean(fit.solution.params, cells.agents[[i]], cells.workloads[[i]])[0]
                for i, fit in enumerate(self._held_out)
            ]
        )
        error = np.abs(cells.upper - 0.5 - at_cells)[:, None]
        at_points = np.array([mean(fit.solution.params, *points) for fit in self._held_out])
        count = len(error)
        # The tolerance keeps 0.2 * 15 from becoming 3.0000000000000004 and the rank from jumping by one.
        rank = int(np.ceil((1.0 - alpha) * (count + 1) - 1e-9))
        if rank > count:
            lower, upper = np.zeros(len(points.agents)), np.full(len(points.agents), np.inf)
        else:
            lower = 2.0 ** np.sort(at_points - error, axis=0)[count - rank]
            upper = 2.0 ** np.sort(at_points + error, axis=0)[rank - 1]
        return pd.DataFrame({**points._asdict(), "lower": lower, "upper": upper})

    def compare(self, distribution: str | None = None) -> pd.DataFrame:
        """Compare all families on this table and response.

        Parameters
        ----------
        distribution : {"posterior", "plug-in", "bounded"}, optional
            Which held-out distribution to score; all three if not given.

        Returns
        -------
        DataFrame
            One row a family and distribution: family, distribution, k, llf, aicc, in_sample_exact, loo_exact,
            loo_within_one, loo_elpd, usable (elpd above that of the uniform guess). Hits in sample are those of the
            maximum-likelihood fit. Beside the families: an ordered probit, which estimates the rungs' edges and gives
            a rung that it never saw no probability at all; the monotone bounds alone, every rung between them taken
            for equally likely; and the uniform guess over the printed ladder.

        Examples
        --------
        >>> import capmodel as cm
        >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
        >>> table = ladder.compare("plug-in").set_index("family")
        >>> table.loc["log-linear", ["loo_exact", "loo_within_one"]].astype(int).tolist()
        [9, 16]
        """
        chosen = DISTRIBUTIONS if distribution is None else (one_of("distribution", distribution, DISTRIBUTIONS),)
        rows: list[dict[str, Any]] = []
        for name in FAMILIES:
            fit = self if name == self.model.family.name else self.model.of_family(name).fit()
            for kind in chosen:
                score = fit.held_out(kind)
                rows.append(
                    {
                        "family": name,
                        "distribution": kind,
                        "k": len(fit.params),
                        "llf": fit.llf,
                        "aicc": fit.aicc,
                        "in_sample_exact": int(fit.in_sample()["exact"].sum()),
                        "loo_exact": score.exact,
                        "loo_within_one": score.within_one,
                        "loo_elpd": score.elpd,
                    }
                )
        rows += baselines(self.model)
        frame = pd.DataFrame(rows)
        counts = ["k", "in_sample_exact", "loo_exact", "loo_within_one"]
        frame[counts] = frame[counts].astype("Int64")
        return frame.assign(usable=frame["loo_elpd"] > uniform_elpd(self.model))

    def summary(self, level: float = 0.95) -> Any:
        """Return a printable summary.

        Parameters
        ----------
        level : float
            Coverage of the profile-likelihood intervals.

        Returns
        -------
        statsmodels.iolib.summary.Summary
            The fit, its parameters with standard errors and profile intervals, and how well held-out cells are hit.
        """
        from statsmodels.iolib.summary import Summary
        from statsmodels.iolib.table import SimpleTable

        inside = self.in_sample()
        scores = {kind: self.held_out(kind) for kind in DISTRIBUTIONS}
        interval = self.conf_int(level)
        summary = Summary()
        top = [
            ("Total:", self.model.response, "Log-likelihood:", f"{self.llf:.2f}"),
            ("Family:", self.model.family.name, "AICc:", f"{self.aicc:.1f}"),
            ("Workloads are:", self.model.workloads_are, "Cells:", str(self.nobs)),
            ("Exact in sample:", str(inside["exact"].sum()), "Within one:", str(inside["within_one"].sum())),
        ]
        summary.tables.append(SimpleTable(top, title="Interval-censored regression of the sizing table"))
        ends = [f"[{0.5 - level / 2.0:.3f}", f"{0.5 + level / 2.0:.3f}]"]
        rows = [
            [f"{self.params[name]:.3f}", f"{self.bse[name]:.3f}", *(f"{end:.3f}" for end in interval.loc[name])]
            for name in self._names
        ]
        summary.tables.append(SimpleTable(rows, headers=["estimate", "std err", *ends], stubs=self._names))
        held = [[str(score.exact), str(score.within_one), f"{score.elpd:.2f}"] for score in scores.values()]
        summary.tables.append(
            SimpleTable(held, headers=["held-out exact", "within one", "elpd"], stubs=list(DISTRIBUTIONS))
        )
        notes = [f"Mean: {self.model.family.formula}; sigma in rungs; intervals by profile likelihood."]
        notes += [
            f"Do not use {kind!r}: held-out cells are predicted worse than by a uniform guess ({score.elpd:.1f}"
            f" against {score.elpd_uniform:.1f})."
            for kind, score in scores.items()
            if not score.elpd > score.elpd_uniform
        ]
        summary.add_extra_txt(notes)
        return summary
