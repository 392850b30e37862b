"""The only public table of a SPIRE datastore's statements, held against the code that sent them and against the model.

The table counts 86 seconds of MySQL statements of about 3500 agents with 31 000 workloads, in January 2020. The servers
ran v0.9.2 by date: a crawl at every sync, no caches, every statement prepared anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from capmodel import spire
from capmodel.datasets import load_issue_1351
from capmodel.deployment import Deployment
from capmodel.plan import evaluate, size

if TYPE_CHECKING:
    from capmodel.costs import CostResults
    from capmodel.outcome import Evaluation

#: What the report says of the fleet: "approximately" this many.
AGENTS = 3500
WORKLOADS = 31_000

#: Statements in the table, without the total. BEGIN and ROLLBACK are in the total only.
STATEMENTS = (
    "list_registration_entries",
    "fetch_node_selectors",
    "fetch_attested_node",
    "fetch_bundle",
    "prepare",
    "close_statement",
)

_CRAWL = "v0.9.2 pkg/server/util/regentryutil/fetch.go:61-109"
_PREPARED = "v0.9.2 pkg/server/plugin/datastore/sql/sql.go:1026,1378"
_TRANSACTION = "v0.9.2 pkg/server/plugin/datastore/sql/sql.go:556-590"
_HANDSHAKE = "v0.9.2 pkg/server/endpoints/endpoints.go:36,93,258-266"


def statement_rates(sync_per_s: float, ids_per_sync: float, connections_per_s: float) -> dict[str, float]:
    """Return what v0.9.2 sends to MySQL.

    Parameters
    ----------
    sync_per_s : float
        Calls of ``FetchX509SVID`` a second, those that sign among them.
    ids_per_sync : float
        SPIFFE ids that a crawl visits: the agent's own and those of its entries.
    connections_per_s : float
        TLS handshakes a second.

    Returns
    -------
    dict of str to float
        Statements a second by kind, and their ``total``.

    Notes
    -----
    A call reads the attested node (v0.9.2 pkg/server/endpoints/node/handler.go:559), lists the entries and reads the
    selectors below each id (pkg/server/util/regentryutil/fetch.go:61-109) and reads the bundle
    (pkg/server/endpoints/node/handler.go:1000-1030), as every handshake does
    (pkg/server/endpoints/endpoints.go:258-266). Every query is prepared, executed and closed
    (pkg/server/plugin/datastore/sql/sql.go:1026,1378); node and bundle are read in a transaction, BEGIN and ROLLBACK
    (:556-590).

    Examples
    --------
    >>> statement_rates(1.0, 10.0, 0.0)["total"]
    70.0
    """
    lists = sync_per_s * ids_per_sync
    bundles = sync_per_s + connections_per_s
    queries = 2.0 * lists + sync_per_s + bundles
    return {
        "list_registration_entries": lists,
        "fetch_node_selectors": lists,
        "fetch_attested_node": sync_per_s,
        "fetch_bundle": bundles,
        "prepare": queries,
        "close_statement": queries,
        "total": 3.0 * queries + 2.0 * (sync_per_s + bundles),
    }


def window_s(table: pd.DataFrame) -> float:
    """Return how long the table's statements were counted.

    Parameters
    ----------
    table : DataFrame
        Rows of ``issue_1351.csv`` (:func:`capmodel.datasets.load_issue_1351`).

    Returns
    -------
    float
        Seconds: the total's count over its rate.

    Examples
    --------
    >>> round(window_s(load_issue_1351()), 1)
    86.3
    """
    total = table[table["statement"] == "total"].iloc[0]
    return float(total["count_in_window"]) / float(total["rate_per_s"])


def identities(table: pd.DataFrame | None = None, agents: float = AGENTS) -> pd.DataFrame:
    """Hold the counts against each other as v0.9.2's code says that they belong together.

    Parameters
    ----------
    table : DataFrame, optional
        Rows of ``issue_1351.csv``; the shipped ones by default.
    agents : float
        Agents connected; only the number of handshakes depends on it.

    Returns
    -------
    DataFrame
        identity (in words), left and right (statements in the window), relative_difference (left over right, less 1),
        source (the line of SPIRE that makes them equal).

    Raises
    ------
    ValueError
        If a kind of statement is missing.

    Notes
    -----
    Nothing is fitted and, but for the handshakes, nothing about the fleet enters: counts are compared with counts.
    An agent's new connection after the renewal of its own SVID is not among the handshakes, because its lifetime was
    not published.

    Examples
    --------
    >>> bool((identities()["relative_difference"].abs() < 0.01).all())
    True
    """
    table = load_issue_1351() if table is None else table
    count = table.set_index("statement")["count_in_window"].astype(float)
    missing = [name for name in (*STATEMENTS, "total") if name not in count.index]
    if missing:
        raise ValueError(f"table: got no row {missing[0]!r}, expected the statements of issue_1351.csv")
    lists, selectors = count["list_registration_entries"], count["fetch_node_selectors"]
    nodes, bundles = count["fetch_attested_node"], count["fetch_bundle"]
    prepared, closed, total = count["prepare"], count["close_statement"], count["total"]
    queries = lists + selectors + nodes + bundles
    transactions = nodes + bundles
    rows = [
        ("node selectors read = lists of entries: one of each for every id visited", selectors, lists, _CRAWL),
        ("prepared = lists + node selectors + nodes + bundles", prepared, queries, _PREPARED),
        ("closed = lists + node selectors + nodes + bundles", closed, queries, _PREPARED),
        ("closed = prepared", closed, prepared, _PREPARED),
        (
            "total less prepared and closed = each query once, and BEGIN and ROLLBACK of nodes and bundles",
            total - prepared - closed,
            queries + 2.0 * transactions,
            _TRANSACTION,
        ),
        (
            "total = 3 for each query, and 2 more for each node and bundle",
            total,
            3.0 * queries + 2.0 * transactions,
            f"{_TRANSACTION}; {_PREPARED}",
        ),
        (
            f"bundles less nodes = a handshake an agent every {spire.CONNECTION_AGE_S:.0f} s",
            bundles - nodes,
            agents * window_s(table) / spire.CONNECTION_AGE_S,
            _HANDSHAKE,
        ),
    ]
    frame = pd.DataFrame(rows, columns=["identity", "left", "right", "source"])
    frame.insert(3, "relative_difference", frame["left"] / frame["right"] - 1.0)
    return frame


class Crawl(NamedTuple):
    """A crawling fleet on MySQL as the model sees it; each value is (estimate, lower, upper).

    Attributes
    ----------
    sync_per_s : tuple of float
        Calls that crawl, a second: syncs, signing and renewals.
    ids_per_sync : float
        SPIFFE ids that each visits.
    connections_per_s : float
        TLS handshakes a second.
    statements : dict of str to tuple of float
        Statements a second by kind, and their ``total``, as v0.9.2 sends them.
    cores : tuple of float
        Datastore cores in use, with statements prepared once as in v0.9.3.
    shape : tuple of int
        Servers, cores of each, cores of the datastore.
    """

    sync_per_s: tuple[float, float, float]
    ids_per_sync: float
    connections_per_s: float
    statements: dict[str, tuple[float, float, float]]
    cores: tuple[float, float, float]
    shape: tuple[int, int, int]


def crawl(
    costs: CostResults,
    agents: float,
    workloads: float,
    level: float = 0.9,
    shape: tuple[int, int, int] | None = None,
) -> Crawl:
    """Predict a crawling fleet on MySQL from its agents and workloads alone.

    Parameters
    ----------
    costs : CostResults
        Fitted costs.
    agents, workloads : float
        The fleet; rounded to whole numbers.
    level : float
        Coverage of the intervals.
    shape : tuple of int, optional
        Servers, cores of each, cores of the datastore; the smallest that holds the fleet by default, since none was
        published.

    Returns
    -------
    Crawl
        Rates and cores.

    Raises
    ------
    ValueError
        If the fleet is impossible or `level` is not between 0 and 1.
    """
    fleet = Deployment(
        agents=round(agents),
        workloads=round(workloads),
        datastore="mysql",
        sync_mode="crawl",
        spire_version="v0.9.2",
        ca_key_type="ec-p384",
    )
    if shape is None:
        smallest = size(fleet, costs).clusters[0]
        shape = (smallest.servers, smallest.cores_per_server, smallest.datastore_cores)
    servers, cores, datastore_cores = shape
    result = evaluate(fleet, costs, servers=servers, cores=cores, datastore_cores=datastore_cores, level=level)
    return _crawl(fleet, result, shape)


def _crawl(fleet: Deployment, result: Evaluation, shape: tuple[int, int, int]) -> Crawl:
    answer = result.response_time_s
    calls = []
    for response_s in (answer.estimate, answer.upper, answer.lower):
        rates = fleet.rates(servers=result.servers, response_time_s=response_s).set_index("operation")["rate_per_s"]
        calls.append(float(rates["sync"] + rates["renew_agent"]))
    connections = float(rates["connect"])
    ids = 1.0 + fleet.entries_of_agent
    sent = [statement_rates(rate, ids, connections) for rate in calls]
    used = result.cores_used["datastore"]
    return Crawl(
        sync_per_s=(calls[0], calls[1], calls[2]),
        ids_per_sync=ids,
        connections_per_s=connections,
        statements={kind: (sent[0][kind], sent[1][kind], sent[2][kind]) for kind in sent[0]},
        cores=(used.estimate, used.lower, used.upper),
        shape=shape,
    )


def datastore_load(
    costs: CostResults,
    table: pd.DataFrame | None = None,
    *,
    agents: float = AGENTS,
    workloads: float = WORKLOADS,
    level: float = 0.9,
) -> pd.DataFrame:
    """Predict the fleet's load on its datastore from agents and workloads alone, and set what was counted beside it.

    Parameters
    ----------
    costs : CostResults
        Fitted costs.
    table : DataFrame, optional
        Rows of ``issue_1351.csv``; the shipped ones by default.
    agents, workloads : float
        What the report says of the fleet.
    level : float
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        quantity, unit, predicted, lower, upper, counted, relative_difference (predicted over counted, less 1), because
        (what the prediction does not know).

    Raises
    ------
    ValueError
        If the fleet is impossible or `level` is not between 0 and 1.

    Notes
    -----
    :func:`identities` is exact because it compares counts with counts of one window, and the code fixes how many of
    each a call sends. This is not, because it knows neither how many agents were alive, nor how long a sync waited
    (each wait lengthens the 5 s between two syncs), nor how deep the entries lie below an agent. The intervals hold
    what the model knows of its own error, that of the measured costs; they do not hold those three. The cores are those
    of v0.9.3, which prepares a statement once, on the machine of the measured runs; the table has the mean number of
    statements being executed, which counts waiting too. v0.9.2 itself was not measured.
    """
    table = load_issue_1351() if table is None else table
    counted = table.set_index("statement")
    rate = counted["count_in_window"] / window_s(table)
    running = (rate * counted["mean_time_ms"] / 1e3).drop("total")
    once = running.drop(["prepare", "close_statement"])
    found = crawl(costs, agents, workloads, level)
    ids, total = found.ids_per_sync, found.statements["total"]
    rows = [
        (
            "calls that crawl",
            "a second",
            *found.sync_per_s,
            rate["fetch_attested_node"],
            "how many agents were alive, and how long a sync waited for the network and for connections",
        ),
        (
            "ids visited in a crawl",
            "ids",
            *(ids, ids, ids),
            rate["list_registration_entries"] / rate["fetch_attested_node"],
            "how deep the entries lie, and how many agents share one",
        ),
        ("statements", "a second", *total, rate["total"], "the two above, whose errors have opposite signs"),
        (
            "datastore, statements prepared once",
            "cores",
            *found.cores,
            float(once.sum()),
            "that machine, and what its statements waited for",
        ),
        (
            "datastore, all statements",
            "cores",
            *found.cores,
            float(running.sum()),
            "what preparing and closing every statement costs: v0.9.2 was not measured, v0.9.3 was",
        ),
    ]
    columns = ["quantity", "unit", "predicted", "lower", "upper", "counted", "because"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.insert(6, "relative_difference", frame["predicted"] / frame["counted"] - 1.0)
    return frame.astype(dict.fromkeys(["predicted", "lower", "upper", "counted"], np.float64))
