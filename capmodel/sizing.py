"""The published sizing table as a ladder of doublings: regression, prediction between and beyond its cells.

SPIRE's scaling guide prints servers, cores and memory for four numbers of agents by four numbers of workloads and calls
them order-of-magnitude guidelines. Every total is a power of two, so a printed total r says that the author's need lay
above r/2 and not above r; :mod:`capmodel.ladder` has the likelihood of that. Totals are modelled (servers times cores,
servers times memory) because they rise in both directions, which memory per server does not.

The guide does not define "number of workloads". It is read as the registered workloads of the whole deployment;
``workloads_are="per_agent"`` reads the printed number as workloads of each agent instead.
"""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from capmodel.ladder import FAMILIES, Family, fit_ladder
from capmodel.printed_table import Points, cells_of, monotone_bounds, one_of, shape_of_rung
from capmodel.sizing_results import DISTRIBUTIONS, HeldOut, SizingResults

__all__ = ["DISTRIBUTIONS", "HeldOut", "SizingRegression", "SizingResults", "monotone_bounds", "shape_of_rung"]


class SizingRegression:
    """Interval-censored regression of a sizing table.

    Parameters
    ----------
    table : DataFrame
        One row a cell: agents, workloads, servers, cores_per_server, memory_gb_per_server
        (:func:`capmodel.datasets.load_reference_sizing`).
    family : str, default "log-linear"
        A name in ``capmodel.ladder.FAMILIES``: "log-linear", "interaction", "additive power", "additive linear" or
        "scaled power".
    response : {"cores", "memory", "servers"}
        Which total is modelled: cores, gigabytes or servers of the whole deployment.
    workloads_are : {"registered", "per_agent"}
        The guide does not define its workloads. "registered" takes them as the registered workloads of the deployment,
        "per_agent" as those of each agent. Predictions always take the registered workloads of the deployment.

    Raises
    ------
    ValueError
        If a column is missing, a total is not a power of two, there are too few cells for the family, or all cells lie
        on one line.

    Notes
    -----
    log2 of the need is normal with the family's mean and standard deviation sigma. A cell with printed total r
    contributes log P(log2 r - 1 < need <= log2 r); cells on the lowest rung are open below.

    Examples
    --------
    >>> import capmodel as cm
    >>> ladder = cm.SizingRegression(cm.load_reference_sizing()).fit()
    >>> ladder.params.round(2).to_dict()
    {'intercept': -1.31, 'agents': 0.73, 'workloads': 1.34, 'sigma': 0.53}
    >>> int(ladder.predict(1000, 5000)["rung"].iloc[0])
    64
    """

    def __init__(
        self,
        table: pd.DataFrame,
        family: str = "log-linear",
        response: str = "cores",
        workloads_are: str = "registered",
    ) -> None:
        self.family: Family = FAMILIES[one_of("family", family, tuple(FAMILIES))]
        self.response = response
        self.workloads_are = workloads_are
        self.cells = cells_of(table, response, workloads_are)
        self.lowest, self.highest = float(self.cells.upper.min()), float(self.cells.upper.max())
        self.table = table.reset_index(drop=True)
        needed = len(self.family.parameters) + 3
        if len(self.table) < needed:
            raise ValueError(f"table: got {len(self.table)} cells, expected at least {needed} for {family}")
        where = np.log10(np.column_stack([self.cells.agents, self.cells.workloads]))
        if np.linalg.matrix_rank(where - where.mean(axis=0), tol=1e-9) < 2:
            raise ValueError("table: got cells on one line, expected agents and workloads that vary separately")
        self._hull = ConvexHull(where)

    def fit(self) -> SizingResults:
        """Maximise the likelihood.

        Returns
        -------
        SizingResults
            Estimates, their errors and predictions; the same every time.
        """
        return SizingResults(self, fit_ladder(self.family, self.cells))

    def without(self, cell: int) -> SizingRegression:
        """Return the regression without one cell.

        Parameters
        ----------
        cell : int
            Its position in the table.

        Returns
        -------
        SizingRegression
            The ladder stays known: its lowest and highest rung do not move when the only cell on one is taken out.

        Examples
        --------
        >>> import capmodel as cm
        >>> len(cm.SizingRegression(cm.load_reference_sizing()).without(0).table)
        15
        """
        kept = np.arange(len(self.table)) != cell
        rest = copy.copy(self)
        rest.cells = self.cells.take(kept)
        rest.table = self.table[kept].reset_index(drop=True)
        return rest

    def of_family(self, family: str) -> SizingRegression:
        """Return the regression of another family on the same table.

        Parameters
        ----------
        family : str
            See the class.

        Returns
        -------
        SizingRegression
            Not fitted yet.

        Raises
        ------
        ValueError
            If there is no such family, or there are too few cells for it.

        Examples
        --------
        >>> import capmodel as cm
        >>> regression = cm.SizingRegression(cm.load_reference_sizing())
        >>> round(regression.of_family("additive power").fit().llf, 2)
        -9.03
        """
        return SizingRegression(self.table, family, self.response, self.workloads_are)

    def hull(self) -> pd.DataFrame:
        """Return the corners of the cells' convex hull on logarithmic axes, beyond which a fleet is extrapolated.

        Returns
        -------
        DataFrame
            agents, workloads (registered, of the deployment), counterclockwise.

        Examples
        --------
        >>> import capmodel as cm
        >>> corners = cm.SizingRegression(cm.load_reference_sizing()).hull()
        >>> sorted(corners.to_numpy().tolist())
        [[10.0, 10.0], [10.0, 10000.0], [5000.0, 10.0], [5000.0, 10000.0]]
        """
        corners = self._hull.vertices
        return pd.DataFrame({"agents": self.cells.agents[corners], "workloads": self.cells.workloads[corners]})

    def outside(self, points: Points) -> NDArray[np.bool_]:
        """Return which fleets lie outside the convex hull of the cells on logarithmic axes.

        Parameters
        ----------
        points : Points
            Agents and workloads (registered, of the deployment), each an ndarray of shape (n,).

        Returns
        -------
        ndarray of bool, shape (n,)
            False on the edge of the hull.

        Examples
        --------
        >>> import capmodel as cm
        >>> regression = cm.SizingRegression(cm.load_reference_sizing())
        >>> regression.outside(Points(np.array([100.0, 20_000.0]), np.array([1000.0, 1000.0]))).tolist()
        [False, True]
        """
        where = np.log10(np.column_stack(points))
        return np.any(where @ self._hull.equations[:, :2].T + self._hull.equations[:, 2] > 1e-6, axis=1)
