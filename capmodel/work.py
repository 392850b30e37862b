"""How an operation's work lies over unit costs, and how busy its host is.

An operation's cost is a sum of work times unit cost. The work is what SPIRE's code does (:func:`capmodel.spire.work`).
A unit cost is shared by all datastores where the work does not touch the datastore.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from capmodel import spire
from capmodel.waking import Waking, waking_share

COMPONENTS = ("server", "datastore")

#: Cores of the machine that the shipped runs were measured on (data/README.md).
MEASURED_CORES = 2

_SIGNATURES = tuple(f"{kind}_signature:{key}" for kind in ("x509", "jwt") for key in spire.CA_KEY_TYPES)

#: Unit costs of each family and component. ``pooled``: one cost for every datastore. ``each``: one a datastore.
#: ``remote``: one for SQLite, which runs in the server, and one for all datastores behind a connection.
#: ``waking_`` before an item: the extra that it costs to wake an idle host; it fades as requests come quicker.
#: ``churn_``: the extra of connections opened anew; it grows with the syncs in flight.
TERMS: dict[tuple[str, str], dict[str, str]] = {
    ("cache", "server"): {
        "rpc": "pooled",
        "waking_rpc": "each",
        "transaction": "each",
        "entry_sent": "pooled",
        "revision_sent": "pooled",
        "handshake": "pooled",
        **dict.fromkeys(_SIGNATURES, "pooled"),
        "entry_list": "each",
        "write_statement": "each",
        "entry_write_statement": "each",
        "entry_created": "pooled",
        "entry_updated": "pooled",
        "entry_deleted": "pooled",
        "entry_listed": "remote",
    },
    ("cache", "datastore"): {
        "transaction": "each",
        "waking_transaction": "each",
        "entry_list": "each",
        "write_statement": "each",
        "entry_created": "each",
        "entry_updated": "each",
        "entry_deleted": "each",
        "entry_listed": "pooled",
    },
    ("crawl", "server"): {
        "crawl": "each",
        "visit": "each",
        "selector_list": "each",
        "waking_crawl": "each",
        "waking_visit": "each",
    },
    ("crawl", "datastore"): {
        "crawl": "each",
        "visit": "each",
        "selector_list": "each",
        "waking_crawl": "each",
        "waking_visit": "each",
        "churn_visit": "each",
        "churn_crawl": "each",
    },
    ("reload", "server"): {
        "reload": "each",
        "entry_read": "each",
        "entry_detail_read": "each",
        "agent_read": "pooled",
        "node_selector_read": "pooled",
    },
    ("reload", "datastore"): {
        "reload": "each",
        "entry_read": "each",
        "entry_detail_read": "each",
        "agent_read": "each",
        "node_selector_read": "each",
    },
    ("poll", "server"): {"poll": "each"},
    ("poll", "datastore"): {"poll": "each"},
}

#: Datastores that each name of a unit cost stands for.
MEMBERS: dict[str, tuple[str, ...]] = {
    "all": spire.DATASTORES,
    "remote": tuple(name for name in spire.DATASTORES if name != "sqlite"),
    **{name: (name,) for name in spire.DATASTORES},
}
_SHARING = {"pooled": ("all",), "each": spire.DATASTORES, "remote": ("sqlite", "remote")}

#: Columns that decide an operation's work, and what stands in where a file does not have one.
WORK_COLUMNS: dict[str, str | float] = {
    "operation": "sync",
    "sync_mode": "full_cache",
    "batch_size": 1.0,
    "federated_domains": 0.0,
    "entries_per_agent": 0.0,
    "agents": 0.0,
    "entries": 0.0,
    "selectors_per_entry": 2.0,
    "node_selectors_per_agent": 0.0,
    "dns_names_per_entry": 0.0,
    "ca_key_type": "ec-p256",
}


def work_items(frame: pd.DataFrame) -> pd.DataFrame:
    """Count the work of each row's operation.

    Parameters
    ----------
    frame : DataFrame
        Rows with the columns of `WORK_COLUMNS`; a missing column takes its default.

    Returns
    -------
    DataFrame
        One column an item of work, 0 where an operation has none, with the index of `frame`.

    Raises
    ------
    ValueError
        If an operation is unknown.
    """
    if not len(frame):
        return pd.DataFrame(index=frame.index)
    columns = [
        frame[name].fillna(value).tolist() if name in frame else [value] * len(frame)
        for name, value in WORK_COLUMNS.items()
    ]
    # A file of a million rows has few distinct configurations: each is counted once.
    distinct: dict[tuple[Any, ...], int] = {}
    code = [distinct.setdefault(row, len(distinct)) for row in zip(*columns, strict=True)]
    counted = [spire.work(**dict(zip(WORK_COLUMNS, row, strict=True))) for row in distinct]
    table = pd.DataFrame(counted, dtype=float).fillna(0.0)
    return table.iloc[code].set_axis(frame.index)


class OperatingPoint(NamedTuple):
    """How busy a row's host is.

    Attributes
    ----------
    rate_per_core_s : ndarray
        Operations a second for each core of the host.
    in_flight : ndarray
        Operations being served at a time.
    """

    rate_per_core_s: NDArray[np.float64]
    in_flight: NDArray[np.float64]


def cores_of(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Return the cores of each row's host, those of the measured machine where a file or a cell does not say.

    Parameters
    ----------
    frame : DataFrame
        Rows, with or without ``cores``.

    Returns
    -------
    ndarray
        Cores.
    """
    given = frame.reindex(columns=["cores"])["cores"].to_numpy(float, na_value=np.nan)
    return np.where(np.isnan(given), float(MEASURED_CORES), given)


def measured_point(runs: pd.DataFrame) -> OperatingPoint:
    """Return the operating point of measured rows, from their own throughput and latency.

    Parameters
    ----------
    runs : DataFrame
        Rows of ``sync_runs.csv`` or ``reload_runs.csv``.

    Returns
    -------
    OperatingPoint
        Operations a second and core, and operations in flight by Little's law.
    """
    rate = (runs["operations"] / runs["window_s"]).to_numpy(float)
    return OperatingPoint(rate / cores_of(runs), rate * runs["latency_mean_s"].fillna(0.0).to_numpy(float))


def families(frame: pd.DataFrame) -> pd.Series:
    """Name the family of each row's operation.

    Parameters
    ----------
    frame : DataFrame
        Rows; ``sync_mode`` and ``operation`` take their defaults where they are missing.

    Returns
    -------
    Series of str
        See :func:`capmodel.spire.family`.

    Raises
    ------
    ValueError
        If a sync mode is unknown.
    """
    modes = _column(frame, "sync_mode")
    _check_names("sync_mode", modes, spire.SYNC_MODES)
    pairs = zip(modes, _column(frame, "operation"), strict=True)
    return pd.Series([spire.family(mode, operation) for mode, operation in pairs], index=frame.index, dtype=object)


PREFIXES = ("waking_", "churn_")


def prefix_of(item: str) -> str:
    """Return what scales an item beyond its amount of work: ``"waking_"``, ``"churn_"`` or nothing."""
    return next((prefix for prefix in PREFIXES if item.startswith(prefix)), "")


#: Columns, besides those of the work, in which two windows of one configuration agree.
_CONFIGURATION = ("spire_version", "datastore", "concurrency", "think_time_s", "cores", "source")


def configurations(runs: pd.DataFrame) -> NDArray[np.intp]:
    """Return a number for each row's configuration, so that its windows can be kept together.

    Parameters
    ----------
    runs : DataFrame
        Rows of ``sync_runs.csv`` or ``reload_runs.csv``.

    Returns
    -------
    ndarray of int
        Equal for rows that agree in everything but what was measured.
    """
    columns = [name for name in (*WORK_COLUMNS, *_CONFIGURATION) if name in runs]
    return np.asarray(runs.groupby(columns, dropna=False, observed=True).ngroup(), dtype=np.intp)


def writes_of(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return whether each row's operation writes to the datastore."""
    return np.array([spire.writes(str(operation)) for operation in _column(frame, "operation")], dtype=bool)


def datastores_of(frame: pd.DataFrame) -> NDArray[np.object_]:
    """Return each row's datastore, MariaDB standing for MySQL; ValueError for a name that is none."""
    names = frame["datastore"].astype(object)
    _check_names("datastore", names, (*spire.DATASTORES, "mysql"))
    return names.replace("mysql", "mariadb").to_numpy()


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a column of the work, its default where the frame or a row has none."""
    default = WORK_COLUMNS[name]
    if name not in frame:
        return pd.Series(default, index=frame.index, dtype=object)
    return frame[name].astype(object).where(frame[name].notna(), default)


def _check_names(column: str, names: pd.Series, allowed: tuple[str, ...]) -> None:
    unknown = names[~names.isin(allowed)]
    if len(unknown):
        raise ValueError(f"{column}: got {unknown.iloc[0]!r}, expected one of {', '.join(allowed)}")


@dataclass(frozen=True)
class Layout:
    """The work of rows of one family, laid over the unit costs of one component.

    Attributes
    ----------
    columns : MultiIndex
        Unit costs (item, name), the names being keys of `MEMBERS`.
    amounts : ndarray
        A row for each row, a column for each unit cost; absent work is 0. Waking and churn items hold the work that
        they scale.
    datastores : ndarray of str
        Datastore of each row.
    """

    columns: pd.MultiIndex
    amounts: NDArray[np.float64]
    datastores: NDArray[np.object_]

    @cached_property
    def prefixes(self) -> NDArray[np.str_]:
        """What scales each column's item; see :func:`prefix_of`."""
        return np.array([prefix_of(str(item)) for item, _ in self.columns], dtype=str)

    @cached_property
    def wakes(self) -> NDArray[np.float64]:
        """How often one operation of each row wakes its host: requests, transactions or visits."""
        return self.amounts[:, [item in _WAKING_ITEMS for item, _ in self.columns]].sum(axis=1)

    def of(self, rows: NDArray[np.bool_]) -> Layout:
        """Return the layout of some rows."""
        return Layout(self.columns, self.amounts[rows], self.datastores[rows])

    def used(self) -> Layout:
        """Return the layout without the columns of work that no row has."""
        some = (self.amounts != 0.0).any(axis=0)
        return Layout(self.columns[some], self.amounts[:, some], self.datastores)

    def factors(self, point: OperatingPoint, shape: Shape) -> NDArray[np.float64]:
        """Return what each row's work is multiplied by in each column.

        Parameters
        ----------
        point : OperatingPoint
            How busy the hosts are.
        shape : Shape
            The constants in which the cost is not linear.

        Returns
        -------
        ndarray
            The row's share of waking, its weight of churn, or 1; of the shape of `amounts`.
        """
        factors = np.ones(self.amounts.shape)
        if (churning := self.prefixes == "churn_").any():
            constants = np.array([shape.half_saturation.get(str(name), np.inf) for name in self.datastores])
            beyond = np.maximum(point.in_flight - spire.IDLE_CONNECTIONS_BEFORE_V1_12, 0.0)
            factors[:, churning] = (beyond / (point.in_flight + constants))[:, None]
        if (waking := self.prefixes == "waking_").any():
            pairs = zip(self.wakes_per_core(point), self.datastores, strict=True)
            factors[:, waking] = np.array([waking_share(wakes, shape.waking[name]) for wakes, name in pairs])[:, None]
        return factors

    def wakes_per_core(self, point: OperatingPoint) -> NDArray[np.float64]:
        """Return how often each row's host is woken, a second and core.

        Parameters
        ----------
        point : OperatingPoint
            How busy the hosts are.

        Returns
        -------
        ndarray
            Infinite on a busy host, 0 for work that wakes nothing.
        """
        wakes_per_s = np.zeros(len(self.wakes))
        np.multiply(point.rate_per_core_s, self.wakes, out=wakes_per_s, where=self.wakes > 0.0)
        return wakes_per_s


@dataclass(frozen=True)
class Work:
    """What the operations of a frame's rows do, looked at once however much is asked of it.

    Attributes
    ----------
    families, datastores : ndarray of str
        Family of each row's operation (:func:`capmodel.spire.family`), and its datastore, MariaDB standing for MySQL.
    writes : ndarray of bool
        Whether the operation writes to the datastore.
    items : DataFrame
        See :func:`work_items`.
    """

    families: NDArray[np.object_]
    datastores: NDArray[np.object_]
    writes: NDArray[np.bool_]
    items: pd.DataFrame
    _whole: dict[tuple[str, str], Layout] = field(default_factory=dict, init=False, repr=False, compare=False)

    def layout(self, family: str, component: str) -> Layout:
        """Lay the work of a family's rows over the unit costs of a component.

        Parameters
        ----------
        family, component : str
            A key of `TERMS`.

        Returns
        -------
        Layout
            Of the rows of that family.
        """
        if (family, component) not in self._whole:
            rows = self.families == family
            self._whole[family, component] = _laid_out(self.items[rows], self.datastores[rows], family, component)
        return self._whole[family, component]


def work_of(frame: pd.DataFrame) -> Work:
    """Look at what each row's operation does.

    Parameters
    ----------
    frame : DataFrame
        Rows with ``datastore`` and the columns of `WORK_COLUMNS`; a missing column of these takes its default.

    Returns
    -------
    Work
        To hand to what asks for it.

    Raises
    ------
    ValueError
        If an operation, a sync mode or a datastore is unknown.

    Examples
    --------
    >>> work = work_of(pd.DataFrame({"datastore": ["mysql"], "operation": ["sync"]}))
    >>> str(work.families[0]), str(work.datastores[0]), work.layout("cache", "datastore").wakes.tolist()
    ('cache', 'mariadb', [1.0])
    """
    return Work(families(frame).to_numpy(), datastores_of(frame), writes_of(frame), work_items(frame))


def _laid_out(items: pd.DataFrame, datastores: NDArray[np.object_], family: str, component: str) -> Layout:
    columns: dict[tuple[str, str], NDArray[np.float64]] = {}
    nothing = np.zeros(len(items))
    there = {name: np.isin(datastores, members) for name, members in MEMBERS.items()}
    for item, sharing in TERMS[family, component].items():
        base = item.removeprefix(prefix_of(item))
        amount = items[base].to_numpy(float) if base in items else nothing
        for name in _SHARING[sharing]:
            columns[item, name] = np.where(there[name], amount, 0.0)
    return Layout(_unit_costs(tuple(columns)), np.column_stack(list(columns.values())), datastores)


@cache
def _unit_costs(names: tuple[tuple[str, str], ...]) -> pd.MultiIndex:
    return pd.MultiIndex.from_tuples(names)


#: Items whose count is the number of times an operation wakes its host.
_WAKING_ITEMS = ("waking_rpc", "waking_transaction", "waking_visit")


@dataclass(frozen=True)
class Shape:
    """The constants in which a cost is not linear.

    Attributes
    ----------
    waking : dict of str to Waking
        For each datastore how the extra of waking fades.
    half_saturation : dict of str to float
        For each datastore the constant of :func:`capmodel.spire.churn`.
    """

    waking: dict[str, Waking]
    half_saturation: dict[str, float]


def at_rows(point: OperatingPoint, rows: NDArray[np.bool_]) -> OperatingPoint:
    """Return the operating point of some rows.

    Parameters
    ----------
    point : OperatingPoint
        Of all rows.
    rows : ndarray of bool
        Which rows.

    Returns
    -------
    OperatingPoint
        Of those rows.
    """
    return OperatingPoint(point.rate_per_core_s[rows], point.in_flight[rows])
