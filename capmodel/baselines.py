"""Held-out cells of the sizing table as simple guesses predict them: what a regression has to beat."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from capmodel.ladder import Array
from capmodel.printed_table import Points, bounds_at

if TYPE_CHECKING:
    from capmodel.sizing import SizingRegression


def scored(model: SizingRegression, log_probabilities: Array, edges: Array) -> pd.DataFrame:
    """Set the median of each cell's rung probabilities beside its printed rung.

    Parameters
    ----------
    model : SizingRegression
        The table.
    log_probabilities : ndarray
        Logarithms, shape (cells, rungs).
    edges : ndarray
        log2 of the rungs.

    Returns
    -------
    DataFrame
        One row a cell: agents, workloads (as printed), printed, predicted, exact, within_one, log_density.
    """
    printed = model.cells.upper
    # The tolerance lets two halves make a half.
    median = edges[np.argmax(np.exp(log_probabilities).cumsum(axis=1) >= 0.5 - 1e-12, axis=1)]
    log_density = log_probabilities[np.arange(len(printed)), (printed - edges[0]).astype(int)]
    return pd.DataFrame(
        {
            "agents": model.table["agents"],
            "workloads": model.table["workloads"],
            "printed": (2**printed).astype(np.int64),
            "predicted": (2**median).astype(np.int64),
            "exact": median == printed,
            "within_one": np.abs(median - printed) <= 1.0,
            "log_density": log_density,
        }
    )


def _ladder(model: SizingRegression) -> Array:
    return np.arange(model.lowest, model.highest + 1.0)


def uniform_elpd(model: SizingRegression) -> float:
    """Return the log predictive density of the guess that takes every printed rung for equally likely.

    Parameters
    ----------
    model : SizingRegression
        The table.

    Returns
    -------
    float
        Sum over the cells.
    """
    return -len(model.table) * float(np.log(len(_ladder(model))))


def baselines(model: SizingRegression) -> list[dict[str, Any]]:
    """Score guesses that know less than a regression of the ladder, and one that knows its rungs' edges less.

    Parameters
    ----------
    model : SizingRegression
        The table.

    Returns
    -------
    list of dict
        An ordered probit, the monotone bounds alone and the uniform guess; columns of
        :meth:`capmodel.sizing.SizingResults.compare`.
    """
    return [_ordered_probit(model), _bounds_alone(model), _uniform(model)]


def _uniform(model: SizingRegression) -> dict[str, Any]:
    """Score the guess that takes every printed rung for equally likely."""
    edges = _ladder(model)
    cells = scored(model, np.full((len(model.table), len(edges)), -np.log(len(edges))), edges)
    return _baseline("uniform guess", 0, float(cells["log_density"].sum()), cells, cells)


def _bounds_alone(model: SizingRegression) -> dict[str, Any]:
    """Score the bounds that the other cells set on each."""
    edges = _ladder(model)
    rows = []
    for cell in range(len(model.table)):
        at = Points(model.cells.agents[[cell]], model.cells.workloads[[cell]])
        lower, upper = bounds_at(model.without(cell).cells, at)
        possible = (edges >= lower) & (edges <= upper)
        rows.append(np.where(possible, -np.log(max(possible.sum(), 1)), -np.inf))
    return _baseline("monotone bounds", 0, float("nan"), None, scored(model, np.array(rows), edges))


def _ordered_probit(model: SizingRegression) -> dict[str, Any]:
    """Score statsmodels' ordered probit on log agents and log workloads."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    exog = np.log10(np.column_stack([model.cells.agents, model.cells.workloads]))
    rung, edges = model.cells.upper, _ladder(model)

    def fitted(kept: NDArray[np.bool_]) -> tuple[Any, Array]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = OrderedModel(rung[kept], exog[kept], distr="probit").fit(
                method="bfgs", disp=False, maxiter=500, skip_hessian=True
            )
        log_p = np.full((len(rung), len(edges)), -np.inf)
        seen = np.searchsorted(edges, np.unique(rung[kept]))
        log_p[:, seen] = np.log(np.maximum(result.model.predict(result.params, exog=exog), 1e-300))
        return result, log_p

    whole, inside = fitted(np.ones(len(rung), dtype=bool))
    held_out = np.array([fitted(np.arange(len(rung)) != cell)[1][cell] for cell in range(len(rung))])
    cells = scored(model, held_out, edges)
    return _baseline("ordered probit", len(whole.params), float(whole.llf), scored(model, inside, edges), cells)


def _baseline(name: str, k: int, llf: float, inside: pd.DataFrame | None, held_out: pd.DataFrame) -> dict[str, Any]:
    cells = len(held_out)
    return {
        "family": name,
        "distribution": "none" if k == 0 else "plug-in",
        "k": k,
        "llf": llf,
        "aicc": 2.0 * k - 2.0 * llf + 2.0 * k * (k + 1) / (cells - k - 1),
        "in_sample_exact": None if inside is None else int(inside["exact"].sum()),
        "loo_exact": int(held_out["exact"].sum()),
        "loo_within_one": int(held_out["within_one"].sum()),
        "loo_elpd": float(held_out["log_density"].sum()),
    }
