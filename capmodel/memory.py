"""How much memory a server holds: fitted to the resident set of measured servers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import nnls
from statsmodels.regression.linear_model import WLS

from capmodel import datasets, spire
from capmodel.regression import normal_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What a server's memory is made of; an entry's detail is a selector or a DNS name.
TERMS = ("base", "entry", "entry_detail", "agent", "connection")


def _design(frame: pd.DataFrame) -> NDArray[np.float64]:
    entries = frame["entries"].to_numpy(float)
    details = frame.reindex(columns=["selectors_per_entry", "dns_names_per_entry"]).fillna(0.0).sum(axis=1)
    columns = [np.ones(len(frame)), entries, entries * details, frame["agents"], frame["connections"]]
    return np.column_stack([np.asarray(column, dtype=float) for column in columns])


class ServerMemory:
    """Model of a caching server's resident set.

    Parameters
    ----------
    runs, reload_runs : DataFrame
        Rows of ``sync_runs.csv`` and ``reload_runs.csv``; servers that cache entries are used (full and events cache).
    connection_runs : DataFrame, optional
        Rows of ``connection_memory_runs.csv``; the shipped ones by default.

    Raises
    ------
    ValueError
        If no row holds the memory of such a server.

    Examples
    --------
    >>> import capmodel as cm
    >>> memory = ServerMemory(cm.load_sync_runs(paths=()), cm.load_reload_runs()).fit()
    >>> memory.params.index.tolist() == list(TERMS)
    True
    >>> round(float(memory.params["entry"]) / 1e3, 1)
    1.0
    """

    def __init__(
        self, runs: pd.DataFrame, reload_runs: pd.DataFrame, connection_runs: pd.DataFrame | None = None
    ) -> None:
        connections = datasets.load_connection_memory_runs() if connection_runs is None else connection_runs
        parts = [
            runs.assign(connections=runs["concurrency"]),
            reload_runs.assign(connections=0.0),
            connections.assign(selectors_per_entry=2.0),
        ]
        rows = pd.concat(parts, ignore_index=True)
        modes = [name for name in spire.SYNC_MODES if spire.upkeep(name)]
        caching = rows["sync_mode"].isin(modes) & (rows["spire_version"] != "v0.12.3")
        self.rows = rows[caching & rows["server_memory_bytes"].notna()]
        if not len(self.rows):
            raise ValueError("runs: got no row with the memory of a server that caches entries, expected some")

    def fit(self) -> MemoryResults:
        """Estimate bytes a server, entry, entry detail, agent and connection.

        Returns
        -------
        MemoryResults
            Non-negative estimates with relative errors of constant size.
        """
        design, held = _design(self.rows), self.rows["server_memory_bytes"].to_numpy(float)
        start, _ = nnls(design / held[:, None], np.ones(len(held)))
        free = start > 0.0
        result = WLS(held, design[:, free], weights=held**-2.0).fit()
        params = np.zeros(len(TERMS))
        params[free] = result.params
        covariance = np.zeros((len(TERMS), len(TERMS)))
        covariance[np.ix_(free, free)] = result.cov_params()
        return MemoryResults(
            params=pd.Series(params, index=TERMS),
            covariance=pd.DataFrame(covariance, index=TERMS, columns=TERMS),
            dispersion=float(result.scale),
            rows=len(held),
        )


@dataclass(frozen=True)
class MemoryResults:
    """Fitted memory of a server, bytes.

    Attributes
    ----------
    params : Series
        Bytes for each of `TERMS`.
    covariance : DataFrame
        Covariance of `params`.
    dispersion : float
        Variance of a server's memory around its mean, relative to the mean squared.
    rows : int
        Rows in the fit.

    Examples
    --------
    >>> import capmodel as cm
    >>> memory = ServerMemory(cm.load_sync_runs(paths=()), cm.load_reload_runs()).fit()
    >>> float(memory.params["entry"]) > 3 * float(memory.bse["entry"])
    True
    >>> fleet = pd.DataFrame({"entries": [10_000], "agents": [5000], "connections": [2500], "selectors_per_entry": [2]})
    >>> (memory.predict(fleet) / 1e9).round(1).to_dict("records")
    [{'estimate_bytes': 0.4, 'lower_bytes': 0.4, 'upper_bytes': 0.5}]
    """

    params: pd.Series
    covariance: pd.DataFrame = field(repr=False)
    dispersion: float
    rows: int

    @property
    def bse(self) -> pd.Series:
        """Standard errors of `params`."""
        return pd.Series(np.sqrt(np.diag(self.covariance)), index=self.params.index)

    def predict(self, frame: pd.DataFrame, level: float = 0.9) -> pd.DataFrame:
        """Predict the resident set of a server.

        Parameters
        ----------
        frame : DataFrame
            Columns entries, agents, connections, selectors_per_entry, dns_names_per_entry (optional).
        level : float
            Coverage of the interval.

        Returns
        -------
        DataFrame
            estimate_bytes, lower_bytes, upper_bytes.

        Raises
        ------
        ValueError
            If `level` is not between 0 and 1.
        """
        design = _design(frame)
        mean = design @ self.params.to_numpy()
        variance = np.einsum("ij,jk,ik->i", design, self.covariance.to_numpy(), design)
        spread = normal_quantile(level) * np.sqrt(variance / mean**2 + self.dispersion)
        bounds = {"lower_bytes": mean * np.exp(-spread), "upper_bytes": mean * np.exp(spread)}
        return pd.DataFrame({"estimate_bytes": mean, **bounds}, index=frame.index)
