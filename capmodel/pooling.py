"""Many windows of one configuration as one row: what a million rows say, in a few hundred."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

#: Rows of a file from which on its windows are pooled.
POOLED_FROM = 10_000

#: Windows are pooled that agree in these,
_EQUAL = (
    "source",
    "spire_version",
    "sync_mode",
    "datastore",
    "operation",
    "batch_size",
    "federated_domains",
    "selectors_per_entry",
    "node_selectors_per_agent",
    "ca_key_type",
    "think_distribution",
    "cores",
)
#: and nearly in these and in the rate of operations: costs are linear in them or nearly so over so short a step.
_NEAR = ("entries_per_agent", "agents", "entries", "concurrency", "think_time_s")
#: Steps of a doubling within which values are nearly equal: 19 % from end to end.
_STEPS = 4.0

_SUMMED = ("window_s", "operations")
_UNKNOWN = ("latency_p50_s", "latency_p95_s", "latency_p99_s")


def pool_windows(runs: pd.DataFrame) -> pd.DataFrame:
    """Pool the windows of nearly one configuration.

    Parameters
    ----------
    runs : DataFrame
        Rows of ``sync_runs.csv``.

    Returns
    -------
    DataFrame
        One row for each configuration and rate of operations, with the columns of `runs`. ``window_s`` and
        ``operations`` are sums. All other numbers are means, each window weighted by its operations, so that CPU
        seconds and queries an operation are those of all operations together; memory is weighted by ``window_s``.
        Percentiles of several windows cannot be had from theirs and are empty. ``run_id`` is that of the first window,
        with the number of the others.

    Examples
    --------
    >>> import capmodel as cm
    >>> runs = cm.load_sync_runs(())
    >>> pooled = pool_windows(runs)
    >>> len(pooled) < len(runs), bool(pooled.operations.sum() == runs.operations.sum())
    (True, True)
    """
    near = [_step(runs[name]) for name in _NEAR] + [_step(runs["operations"] / runs["window_s"])]
    measured = [runs[name].isna() for name in ("datastore_cpu_s_per_op", "client_cpu_s_per_op")]
    keys = [runs[name] for name in _EQUAL if name in runs]
    code = runs.groupby([*keys, *near, *measured], sort=False, dropna=False, observed=True).ngroup().to_numpy()
    count = np.bincount(code)
    total: npt.NDArray[np.float64]
    first = np.unique(code, return_index=True)[1]
    pooled = runs.iloc[first].reset_index(drop=True)
    for name in runs.columns.difference([*_EQUAL, "run_id"], sort=False):
        values = runs[name].to_numpy(float)
        if name in _SUMMED:
            total = np.bincount(code, values).astype(float)
        elif name in _UNKNOWN:
            total = np.where(count > 1, np.nan, pooled[name].to_numpy(float))
        else:
            weight = runs["window_s" if name == "server_memory_bytes" else "operations"].to_numpy(float)
            known = ~np.isnan(values)
            with np.errstate(invalid="ignore", divide="ignore"):
                total = np.bincount(code[known], (weight * values)[known], len(count)) / np.bincount(
                    code[known], weight[known], len(count)
                )
        whole = pd.api.types.is_integer_dtype(runs[name].dtype)
        pooled[name] = np.rint(total).astype(np.int64) if whole else total
    others = count - 1
    pooled["run_id"] = [
        f"{name} and {more} more" if more else name for name, more in zip(pooled["run_id"], others, strict=True)
    ]
    return pooled


def _step(values: pd.Series) -> pd.Series:
    """Return the step on a logarithmic scale that each value lies on; -1 for zero."""
    logs = np.log2(values.to_numpy(float), where=values.to_numpy(float) > 0.0, out=np.full(len(values), -1e6))
    return pd.Series(np.floor(_STEPS * logs), index=values.index)
