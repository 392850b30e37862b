"""How well the costs predict configurations that took no part in the fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from capmodel import validation
from capmodel.costs import OperationCosts
from capmodel.work import configurations

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GROUP = ("operation", "component")


@dataclass(frozen=True)
class CrossValidation:
    """Predictions of each row by a fit without its configuration.

    Attributes
    ----------
    predictions : DataFrame
        One row a scored quantity: file, row (from 0), quantity, measured, predicted, lower, upper (90 %), sync_mode,
        datastore, operation, component, fold, score. The score is the logarithm of measured over predicted in units of
        the prediction's own standard deviation: standard normal if the intervals are right.
    folds : int
        Parts that the configurations were dealt into.

    Examples
    --------
    Four predictions, two of which miss by more than the 90 % interval allows:

    >>> rows = {"component": ["server", "server", "datastore", "datastore"], "measured": [1.0, 2.0, 3.0, 4.0]}
    >>> scored = pd.DataFrame(rows | {"predicted": [1.1, 2.0, 6.0, 4.0], "score": [-1.0, 0.0, -3.0, 2.0]})
    >>> held_out = CrossValidation(scored, folds=10)
    >>> held_out.relative_error.round(2).tolist()
    [0.1, 0.0, 1.0, 0.0]
    >>> table = held_out.summary_frame(by=("component",), levels=(0.9,))
    >>> table["component"].tolist(), table["coverage_90"].tolist()
    (['datastore', 'server'], [0.0, 1.0])
    """

    predictions: pd.DataFrame
    folds: int

    @property
    def relative_error(self) -> pd.Series:
        """Predicted over measured, less 1."""
        return self.predictions["predicted"] / self.predictions["measured"] - 1.0

    def summary_frame(self, by: tuple[str, ...] = _GROUP, levels: tuple[float, ...] = (0.5, 0.8, 0.9)) -> pd.DataFrame:
        """Score groups of rows.

        Parameters
        ----------
        by : tuple of str
            Columns of `predictions` that make the groups; empty for all rows together.
        levels : tuple of float
            Coverages asked for.

        Returns
        -------
        DataFrame
            The columns of `by`, rows, median_abs_relative_error, and for each level the share of measurements inside:
            ``coverage_50`` and so on.
        """
        score = self.predictions["score"].abs()
        inside = {f"coverage_{100 * level:g}": (score <= norm.ppf(0.5 + level / 2.0)).astype(float) for level in levels}
        frame = self.predictions.assign(error=self.relative_error.abs(), **inside)
        grouped = frame.groupby(list(by) if by else lambda _: "all", sort=True, observed=True)
        table = grouped.agg(
            rows=("error", "size"),
            median_abs_relative_error=("error", "median"),
            **{name: (name, "mean") for name in inside},
        )
        return table.reset_index() if by else table.reset_index(drop=True)


def cross_validate(
    runs: pd.DataFrame, reload_runs: pd.DataFrame | None = None, *, folds: int = 10, seed: int = 0, n_jobs: int = 1
) -> CrossValidation:
    """Predict every row by costs fitted without its configuration.

    Parameters
    ----------
    runs : DataFrame
        Rows of ``sync_runs.csv`` (:func:`capmodel.datasets.load_sync_runs`).
    reload_runs : DataFrame, optional
        Rows of ``reload_runs.csv``; the shipped ones by default.
    folds : int
        Parts that the configurations are dealt into. All windows of a configuration are in one part, because
        replicates of one configuration would tell the fit what it is asked to predict.
    seed : int
        Of the deal.
    n_jobs : int
        Fits at a time, as in :class:`joblib.Parallel`.

    Returns
    -------
    CrossValidation
        Work that only the part left out contains has no estimate and is not scored.

    Raises
    ------
    ValueError
        If `folds` is less than 2 or more than the configurations.

    Examples
    --------
    >>> import capmodel as cm
    >>> held_out = cross_validate(cm.load_sync_runs(paths=()), folds=2)
    >>> bool(held_out.summary_frame(by=()).median_abs_relative_error.item() < 0.2)
    True
    """
    from joblib import Parallel, delayed

    from capmodel.datasets import load_reload_runs

    files = {"sync_runs": runs, "reload_runs": load_reload_runs() if reload_runs is None else reload_runs}
    parts = {name: _deal(frame, folds, seed) for name, frame in files.items()}
    tables = Parallel(n_jobs=n_jobs)(delayed(_predict_fold)(files, parts, fold) for fold in range(folds))
    return CrossValidation(predictions=pd.concat(tables, ignore_index=True), folds=folds)


def _deal(frame: pd.DataFrame, folds: int, seed: int) -> NDArray[np.intp]:
    """Return the part of each row."""
    configuration = configurations(frame)
    count = int(configuration.max()) + 1
    if not 2 <= folds <= count:
        raise ValueError(f"folds: got {folds!r}, expected at least 2 and at most {count}, the configurations measured")
    return (np.random.default_rng(seed).permutation(count) % folds)[configuration]


def _predict_fold(
    files: dict[str, pd.DataFrame], parts: dict[str, NDArray[np.intp]], fold: int, level: float = 0.9
) -> pd.DataFrame:
    """Predict the rows of one part by a fit to all others."""
    kept = {name: frame[parts[name] != fold] for name, frame in files.items()}
    costs = OperationCosts(kept["sync_runs"], kept["reload_runs"]).fit()
    tables = []
    for name, frame in files.items():
        out = np.flatnonzero(parts[name] == fold)
        table = validation.check(frame.iloc[out], costs, level).predictions
        table["row"] = out[table["row"]]
        table = table[table["predicted"] > 0.0]
        spread = np.log(table["upper"] / table["predicted"]) / norm.ppf(0.5 + level / 2.0)
        score = np.log(table["measured"] / table["predicted"]) / spread
        tables.append(table.assign(file=f"{name}.csv", fold=fold, score=score))
    return pd.concat(tables, ignore_index=True)
