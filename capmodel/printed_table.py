"""The published sizing table as cells of a ladder, and what its cells say of other fleets without a model.

Every printed total is a power of two: r says that the author's need lay above r/2 and not above r.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from capmodel.ladder import Array, Censored

#: What can be modelled: unit of the total, and the column that servers are multiplied by.
RESPONSES = {"cores": "cores_per_server", "memory": "memory_gb_per_server", "servers": None}
READINGS = ("registered", "per_agent")
_COLUMNS = ("agents", "workloads", "servers", "cores_per_server", "memory_gb_per_server")
_LARGEST_FLEET = 1e12


class Points(NamedTuple):
    """Fleets, as two flat arrays of one length."""

    agents: Array
    workloads: Array


def points_of(agents: ArrayLike, workloads: ArrayLike) -> Points:
    """Check fleets, and broadcast them.

    Parameters
    ----------
    agents, workloads : array_like
        The fleets.

    Returns
    -------
    Points
        See there.

    Raises
    ------
    ValueError
        If one is not from 1 to 1e12, or shapes do not broadcast.
    """
    checked = []
    for name, given in (("agents", agents), ("workloads", workloads)):
        try:
            values = np.asarray(given, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(f"{name}: got {given!r}, expected numbers") from None
        wrong = values[~((values >= 1.0) & (values <= _LARGEST_FLEET))]
        if wrong.size:
            raise ValueError(f"{name}: got {wrong.flat[0]:g}, expected at least 1 and at most {_LARGEST_FLEET:g}")
        checked.append(values)
    try:
        first, second = np.broadcast_arrays(*checked)
    except ValueError:
        shapes = " and ".join(str(values.shape) for values in checked)
        raise ValueError(f"agents, workloads: got shapes {shapes}, expected shapes that broadcast") from None
    return Points(first.ravel().astype(float), second.ravel().astype(float))


def one_of(name: str, value: object, allowed: tuple[str, ...]) -> str:
    """Return a choice.

    Parameters
    ----------
    name : str
        What errors call it.
    value : object
        What was given.
    allowed : tuple of str
        What may be chosen.

    Returns
    -------
    str
        The value.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if value not in allowed:
        raise ValueError(f"{name}: got {value!r}, expected one of {', '.join(map(repr, allowed))}")
    return str(value)


def _totals(table: pd.DataFrame, response: str) -> NDArray[np.int64]:
    """Return the printed total of each cell, checked to be a power of two."""
    one_of("response", response, tuple(RESPONSES))
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise ValueError(f"table: got no column {missing[0]!r}, expected {', '.join(_COLUMNS)}")
    for name in _COLUMNS:
        values = pd.to_numeric(table[name], errors="coerce").to_numpy(float)
        wrong = ~(np.isfinite(values) & (values > 0.0))
        if wrong.any():
            raise ValueError(f"table: got {table[name][wrong].iloc[0]!r} in {name}, expected a number above 0")
    per_server = RESPONSES[response]
    totals = table["servers"].to_numpy(float) * (1.0 if per_server is None else table[per_server].to_numpy(float))
    for total in totals:
        if total < 1 or total != 2.0 ** round(float(np.log2(total))):
            raise ValueError(f"table: got {total:g} {response} in all, expected a power of two")
    return totals.astype(np.int64)


def _registered(table: pd.DataFrame, workloads_are: str) -> Array:
    """Return the registered workloads of each cell under a reading of the table."""
    one_of("workloads_are", workloads_are, READINGS)
    workloads = table["workloads"].to_numpy(float)
    return workloads * table["agents"].to_numpy(float) if workloads_are == "per_agent" else workloads


def bounds_at(cells: Censored, points: Points) -> tuple[Array, Array]:
    """Bound log2 of the totals of fleets by the cells around them.

    Parameters
    ----------
    cells : Censored
        The cells.
    points : Points
        The fleets.

    Returns
    -------
    lower, upper : ndarray
        The largest rung of a cell at or below each fleet, and the smallest of one at or above; infinite if none.
    """
    # A millionth apart is the same fleet, so that 10 ** log10(x) is.
    slack = 1e-6
    agents, workloads = points.agents[:, None], points.workloads[:, None]
    below = (cells.agents <= agents * (1.0 + slack)) & (cells.workloads <= workloads * (1.0 + slack))
    above = (cells.agents >= agents * (1.0 - slack)) & (cells.workloads >= workloads * (1.0 - slack))
    lower = np.where(below, cells.upper, -np.inf).max(axis=1)
    upper = np.where(above, cells.upper, np.inf).min(axis=1)
    return lower, upper


def monotone_bounds(
    table: pd.DataFrame,
    agents: ArrayLike,
    workloads: ArrayLike,
    response: str = "cores",
    workloads_are: str = "registered",
) -> pd.DataFrame:
    """Bound a fleet's total by the printed cells around it, without a model.

    Parameters
    ----------
    table : DataFrame
        Columns of ``reference_sizing.csv``.
    agents, workloads : array_like
        The fleets; registered workloads of the deployment. They broadcast.
    response : {"cores", "memory", "servers"}
        Which total: cores, gigabytes or servers.
    workloads_are : {"registered", "per_agent"}
        How the table's workloads are read.

    Returns
    -------
    DataFrame
        agents, workloads, lower, upper: the largest printed total of a fleet that is no larger in either direction,
        and the smallest of one that is no smaller; 0 and infinity where the table has none. A larger fleet needs no
        less, and that is all that is assumed.

    Raises
    ------
    ValueError
        If a column is missing, a total is not a power of two or a fleet is not from 1 to 1e12.

    Examples
    --------
    >>> import capmodel as cm
    >>> monotone_bounds(cm.load_reference_sizing(), 3500, 5000)[["lower", "upper"]].iloc[0].tolist()
    [32.0, 128.0]
    """
    cells = cells_of(table, response, workloads_are)
    points = points_of(agents, workloads)
    lower, upper = bounds_at(cells, points)
    return pd.DataFrame({**points._asdict(), "lower": 2.0**lower, "upper": 2.0**upper})


def cells_of(table: pd.DataFrame, response: str, workloads_are: str) -> Censored:
    """Read the printed totals as intervals of the need.

    Parameters
    ----------
    table : DataFrame
        Columns of ``reference_sizing.csv``.
    response : {"cores", "memory", "servers"}
        Which total.
    workloads_are : {"registered", "per_agent"}
        How the table's workloads are read.

    Returns
    -------
    Censored
        One interval of log2 of the need for each cell.

    Raises
    ------
    ValueError
        If a column is missing, a value is not a positive number or a total is not a power of two.
    """
    upper = np.log2(_totals(table, response).astype(float))
    # The lowest rung is the least that the guide prescribes, so any smaller need is printed as it too.
    lower = np.where(upper == upper.min(), -np.inf, upper - 1.0)
    return Censored(table["agents"].to_numpy(float), _registered(table, workloads_are), lower, upper)


def shape_of_rung(table: pd.DataFrame, cores: ArrayLike) -> pd.DataFrame:
    """Split a total of cores into servers as the table does.

    Parameters
    ----------
    table : DataFrame
        Columns of ``reference_sizing.csv``.
    cores : array_like of int
        Totals, powers of two.

    Returns
    -------
    DataFrame
        servers, cores_per_server. A printed total is split as printed. Above the table cores per server stay at their
        largest and servers are added; below it, servers stay at their smallest number while cores last.

    Raises
    ------
    ValueError
        If a total is not a power of two of at least 1.

    Examples
    --------
    >>> import capmodel as cm
    >>> shape_of_rung(cm.load_reference_sizing(), [32, 256])["servers"].tolist()
    [2, 16]
    """
    printed = dict(zip(_totals(table, "cores").tolist(), table["servers"].astype(int).tolist(), strict=True))
    largest, fewest = int(table["cores_per_server"].max()), int(table["servers"].min())
    rows = []
    for total in np.asarray(cores, dtype=float).ravel():
        if not total >= 1.0 or total != 2.0 ** round(float(np.log2(total))):
            raise ValueError(f"cores: got {total:g}, expected a power of two of at least 1")
        servers = printed.get(int(total)) or min(max(int(total) // largest, fewest), int(total))
        rows.append((servers, int(total) // servers))
    return pd.DataFrame(rows, columns=["servers", "cores_per_server"])
