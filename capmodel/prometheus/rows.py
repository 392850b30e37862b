"""From what servers did in a window to a row of measured runs, and a reason for every cell that stays empty."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from capmodel.prometheus import operations
from capmodel.prometheus.datastore import Use
from capmodel.prometheus.scrapes import Samples, total
from capmodel.prometheus.windows import Window
from capmodel.schemas import OPERATIONS, SCHEMAS, expected, kind
from capmodel.words import percent

if TYPE_CHECKING:
    from capmodel.costs import CostResults

#: Cores that Go uses, since Go 1.25 no more than a container may have.
CORES = "go_sched_gomaxprocs_threads"
_RELEASE = re.compile(r"v?(\d+)[._](\d+)[._](\d+)(.*)")
_SAFE = re.compile(r"[^A-Za-z0-9._:-]+")
_LONGEST_NAME = 60
#: The process's CPU counter moves in steps of 10 ms: below this, a step is more than 2 % of what was counted.
_LEAST_CPU_S = 0.5


@dataclass(frozen=True)
class Setup:
    """What metrics do not tell of a deployment. What is None stays empty in the rows.

    Parameters
    ----------
    spire_version, sync_mode : str, optional
        Needed where the metrics show neither (releases before v0.12.3 drop the series that has the version).
    datastore : str, optional
        Told by the database's exporter, if there is one.
    agents, entries : int, optional
        Attested agents and registration entries. With the events cache the metrics tell.
    entries_per_agent, selectors_per_entry, node_selectors_per_agent : int, optional
        As in ``sync_runs.csv``. A crawl's metrics tell the first.
    ca_key_type : str, optional
        Key type of the server's CA.
    concurrency : int, optional
        Callers of one server; ``agents`` over the servers where ``sync_interval_s`` is given.
    think_time_s : float, optional
        Mean pause of a caller; ``sync_interval_s`` where that is given.
    think_distribution : str, optional
        ``uniform`` where ``sync_interval_s`` is given, ``none`` without a pause.
    client_cpu_s_per_op : float, optional
        For a load client on the server's host: its CPU seconds an operation.
    sync_interval_s : float, optional
        For callers that are real agents: their sync interval.
    reload_interval_s : float, optional
        Pause between cache reloads.
    cores : int, optional
        Cores of a server's host. Servers built with Go 1.25 or newer tell.

    Raises
    ------
    ValueError
        If a value is not one that its column may hold.

    Examples
    --------
    >>> Setup(datastore="postgresql", agents=40).agents
    40
    """

    spire_version: str | None = None
    sync_mode: str | None = None
    datastore: str | None = None
    agents: int | None = None
    entries: int | None = None
    entries_per_agent: int | None = None
    selectors_per_entry: int | None = None
    node_selectors_per_agent: int | None = None
    ca_key_type: str | None = None
    concurrency: int | None = None
    think_time_s: float | None = None
    think_distribution: str | None = None
    client_cpu_s_per_op: float | None = None
    sync_interval_s: float | None = None
    reload_interval_s: float | None = None
    cores: int | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            column = next(schema.columns[each.name] for schema in SCHEMAS.values() if each.name in schema.columns)
            if value is not None and not fits(column, value):
                raise ValueError(f"{each.name}: got {value!r}, expected {expected(column)}")


class Row(NamedTuple):
    """A row of measured runs.

    Attributes
    ----------
    cells : dict
        By column; what is missing is empty.
    notes : dict of str to str
        Why a cell is empty, or what to know of it, by column; ``row`` for the row as a whole.
    """

    cells: dict[str, Any]
    notes: dict[str, str]


def fits(column: Any, value: Any) -> bool:
    """Tell whether a column of :mod:`capmodel.schemas` may hold a value."""
    number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if kind(column) != "text" and not number:
        return False
    if kind(column) == "integer" and value != round(value):
        return False
    values = pd.Series([value])
    return all(bool(check(values).check_passed) for check in column.checks)


def release(samples: Samples, prefix: str) -> tuple[str | None, str]:
    """Read a server's release, which SPIRE writes as ``1_15_3``, and what follows it in the release of a build."""
    for labels in samples.get(f"{prefix}_started", {}):
        match = _RELEASE.fullmatch(dict(labels).get("version", ""))
        if match:
            *numbers, rest = match.groups()
            return "v" + ".".join(numbers), rest.strip("_")
    return None, ""


def safe_name(text: str) -> str:
    """Return a name that no spreadsheet takes for a formula and no page for markup.

    Parameters
    ----------
    text : str
        A label's value, which anyone may have chosen.

    Returns
    -------
    str
        Letters, digits, dots, colons, hyphens and underscores, beginning with a letter or digit.

    Examples
    --------
    >>> safe_name("=cmd|'/C calc'!A0"), safe_name("10.0.0.1:9988")
    ('cmd_C_calc_A0', '10.0.0.1:9988')
    """
    return _SAFE.sub("_", text)[:_LONGEST_NAME].strip("_.:-") or "server"


def run_id(name: str, start_s: float) -> str:
    """Name a row by the server and the time at which its window begins."""
    return f"{name}-{datetime.fromtimestamp(round(start_s, 3), UTC):%Y%m%dT%H%M%S.%f}"[:-3] + "Z"


def sync_row(
    name: str, window: Window, servers: int, setup: Setup, prefix: str, costs: Callable[[], CostResults] | None
) -> tuple[Row, str]:
    """Make a row of ``sync_runs.csv`` from what one server did, the datastore's columns apart.

    Parameters
    ----------
    name : str
        Of the server.
    window : Window
        What it did.
    servers : int
        Servers on the datastore.
    setup : Setup
        What the metrics do not tell.
    prefix : str
        What SPIRE's metric names begin with.
    costs : callable or None
        Returns fitted costs, to tell how much of the CPU other ones took.

    Returns
    -------
    Row, str
        The row, and its operation.

    Raises
    ------
    ValueError
        If the process's CPU is not that of one operation to :data:`operations.NEGLIGIBLE_CPU`.
    """
    cells, notes = _shared(window, setup, prefix)
    done = operations.activity(window, prefix)
    operation = _main(done, cells, costs, window.seconds)
    amount = done.amounts[operation]
    cells |= {
        "run_id": run_id(name, window.start_s),
        "operation": operation,
        "batch_size": max(round(amount.batch_size), 1),
        "federated_domains": _federated(amount),
        "window_s": window.seconds,
        "operations": round(amount.number),
        "server_cpu_s_per_op": window.cpu_s / amount.number,
        "latency_mean_s": amount.seconds,
        "client_cpu_s_per_op": setup.client_cpu_s_per_op,
        "server_memory_bytes": _memory(window),
    }
    _callers(cells, servers, setup)
    notes |= {
        "server_cpu_s_per_op": "all that the process used, with what it uses at rest",
        "latency_mean_s": "as the server measures it, without the network and the agent",
        "response_bytes_per_op": "SPIRE does not count the bytes of its answers",
    } | dict.fromkeys(
        ("latency_p50_s", "latency_p95_s", "latency_p99_s"),
        "SPIRE's quantiles are those of the 10 s before a scrape, not of the window",
    )
    if setup.client_cpu_s_per_op is None:
        notes["client_cpu_s_per_op"] = "not in a server's metrics; without it, clients are taken to be on other hosts"
    if math.isnan(amount.seconds):
        notes["latency_mean_s"] = "the metrics have no elapsed time of the call"
    if cells["sync_mode"] == "crawl" and operation == "sync" and cells["entries_per_agent"] is None:
        _crawled(cells, notes, window, prefix, amount.number)
    return Row(cells, notes), operation


def fleet_row(windows: Sequence[Window], used: Use, setup: Setup, prefix: str) -> Row:
    """Make a row of ``shared_datastore_runs.csv`` from what all servers of a datastore did together.

    Parameters
    ----------
    windows : sequence of Window
        What each server did, all in the same window.
    used : Use
        What the datastore did.
    setup : Setup
        What the metrics do not tell.
    prefix : str
        What SPIRE's metric names begin with.

    Returns
    -------
    Row
        Cores used and syncs a second, whatever the mix of operations.

    Raises
    ------
    ValueError
        If the servers crawl, which that file has no row for.
    """
    cells, notes = _shared(windows[0], setup, prefix)
    if str(cells["sync_mode"]).startswith("crawl"):
        raise ValueError("shared_datastore_runs.csv has no row for servers that crawl")
    cells["datastore"] = cells["datastore"] or used.engine
    done = [operations.activity(window, prefix) for window in windows]
    names = ("sync", "sync_federated")
    syncs = [sum(part.amounts[name].number for name in names if name in part.amounts) for part in done]
    memory = [_memory(window) for window in windows]
    start_s, end_s = min(window.start_s for window in windows), max(window.end_s for window in windows)
    rate = sum(count / window.seconds for count, window in zip(syncs, windows, strict=True))
    cells |= {
        "run_id": run_id("fleet", start_s),
        "servers": len(windows),
        "load": "agents" if rate > 0.0 else "none",
        "workloads": cells["entries"],
        "sync_interval_s": setup.sync_interval_s,
        "reload_interval_s": _reload_interval(windows[0], done[0], setup),
        "window_s": end_s - start_s,
        "sync_per_s": rate,
        "server_cpu_cores": sum(window.cpu_s / window.seconds for window in windows),
        "datastore_cpu_cores": used.cpu_cores,
        "datastore_queries_per_s": used.queries_per_s,
        "servers_memory_bytes": None if None in memory else sum(part for part in memory if part is not None),
    }
    notes |= {
        "datastore_cpu_cores": used.reasons["cpu"],
        "datastore_queries_per_s": used.reasons["queries"],
        "client_cpu_cores": "a server's metrics do not have its clients' CPU",
        "response_time_mean_s": "a server's metrics do not have what an agent waits for",
        "sync_interval_s": "the agents' setting",
        "reload_interval_s": "no reload in the window tells it",
    }
    remarks = sorted({remark for window in windows for remark in window.remarks})
    if remarks:
        notes["row"] = "; ".join(remarks)
    return Row(cells, notes)


def _shared(window: Window, setup: Setup, prefix: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the cells that do not depend on what the server did, and their notes."""
    version, build = release(window.samples, prefix)
    notes = {}
    if version and build:
        notes["spire_version"] = f"a build of its own, {safe_name(build)}"
    version = setup.spire_version or version
    mode = setup.sync_mode or operations.sync_mode(window.samples, prefix, version)
    cells: dict[str, Any] = {
        "spire_version": version,
        "sync_mode": mode,
        "datastore": setup.datastore,
        "entries_per_agent": setup.entries_per_agent,
        "agents": _told(setup.agents, window.samples, f"{prefix}_node_agents_by_id_cache_count"),
        "entries": _told(setup.entries, window.samples, f"{prefix}_entry_entries_by_entryid_cache_count"),
        "selectors_per_entry": setup.selectors_per_entry,
        "node_selectors_per_agent": setup.node_selectors_per_agent,
        "ca_key_type": setup.ca_key_type,
        "cores": _told(setup.cores, window.samples, CORES),
    }
    if version is None:
        notes["spire_version"] = "this release drops the series that has its version"
    if mode == "crawl" and version is None:
        notes["sync_mode"] = "v0.10.0 looks the same, and is crawl_cached"
    remarks = list(window.remarks)
    if window.cpu_s < _LEAST_CPU_S:
        remarks.append(f"the CPU counter rose by {window.cpu_s:.2f} s in steps of 0.01 s: too short a window")
    if remarks:
        notes["row"] = "; ".join(remarks)
    return cells, notes


def _told(given: int | None, samples: Samples, name: str) -> int | None:
    """Return what was given, or else what a gauge tells."""
    series = samples.get(name)
    return round(total(series)) if given is None and series else given


def _memory(window: Window) -> float | None:
    series = window.samples.get("process_resident_memory_bytes")
    return total(series) if series else None


def _main(
    done: operations.Activity, cells: Mapping[str, Any], costs: Callable[[], CostResults] | None, seconds: float
) -> str:
    """Return the operation whose cost the window shows; raise if it shows none."""
    calls = sum(amount.number for amount in done.amounts.values())
    if not calls:
        raise ValueError(
            "no call of an agent was counted (an idle server, or telemetry that blocks spire_server_rpc_*; another "
            "prefix than spire_server?)"
        )
    strange = done.failed + done.unpriced
    if strange > 2.0 + operations.NEGLIGIBLE_CALLS * calls:
        raise ValueError(
            f"{done.failed:.0f} calls failed and {done.unpriced:.0f} were of a kind without a price, of "
            f"{calls + strange:.0f}: what an operation costs cannot be told from them"
        )
    share = operations.shares(done, cells, costs, seconds)
    operation = max(share, key=lambda name: share[name])
    rest = {name: part for name, part in share.items() if name != operation}
    if sum(rest.values()) > operations.NEGLIGIBLE_CPU:
        parts = ", ".join(
            f"{name} {percent(part, '.2g')}" for name, part in sorted(rest.items(), key=lambda pair: -pair[1])
        )
        raise ValueError(
            f"beside {operation}, other operations took more than {percent(operations.NEGLIGIBLE_CPU, '.2g')} of the "
            f"CPU by the fitted costs ({parts}), and a process's CPU is not parted by operation"
        )
    if operation not in OPERATIONS:
        raise ValueError(f"the window is one of {operation}, for which sync_runs.csv has no row")
    if operation == "list_entries":
        raise ValueError("the window is one of lists, and the metrics do not tell how many pages make one list")
    return operation


def _federated(amount: operations.Amount) -> int:
    domains = operations.whole(amount.federated_domains)
    if domains is None:
        raise ValueError(
            f"a sync fetched {amount.federated_domains:.2f} federated bundles on average, and a row has a whole number"
        )
    return domains


def _callers(cells: dict[str, Any], servers: int, setup: Setup) -> None:
    """Fill in who calls."""
    concurrency, pause_s, distribution = setup.concurrency, setup.think_time_s, setup.think_distribution
    if setup.sync_interval_s is not None:
        if concurrency is None and cells["agents"] is not None:
            concurrency = max(round(cells["agents"] / servers), 1)
        pause_s = setup.sync_interval_s if pause_s is None else pause_s
        distribution = distribution or "uniform"
    if pause_s == 0.0:
        distribution = distribution or "none"
    cells |= {"concurrency": concurrency, "think_time_s": pause_s, "think_distribution": distribution}


def _crawled(cells: dict[str, Any], notes: dict[str, str], window: Window, prefix: str, syncs: float) -> None:
    """Count an agent's entries: a crawl asks once for the node selectors of the agent and of each of its entries."""
    visits = window.count(f"{prefix}_datastore_node_selectors_fetch") / syncs
    if visits < 1.0:
        return
    cells["entries_per_agent"] = round(visits - 1.0)
    notes["entries_per_agent"] = f"from {visits:.2f} ids that a crawl visited"
    lists = window.count(f"{prefix}_datastore_registration_entry_list") / syncs
    # An agent with node selectors makes one list more. v0.10.2 pkg/server/util/regentryutil/fetch.go:49-78
    if cells["node_selectors_per_agent"] is None and abs(lists - visits) < 0.1:
        cells["node_selectors_per_agent"] = 0
        notes["node_selectors_per_agent"] = "no crawl asked for entries by them"


def _reload_interval(window: Window, done: operations.Activity, setup: Setup) -> float | None:
    """Return the pause between reloads: given, or from how many there were and how long they took."""
    if setup.reload_interval_s is not None:
        return setup.reload_interval_s
    reloads = done.amounts.get("reload")
    # The window's edges cut one reload: with fewer, the pause would be wrong by more than a tenth.
    if reloads is None or reloads.number < 10.0 or math.isnan(reloads.seconds):
        return None
    return max(window.seconds / reloads.number - reloads.seconds, 0.0) or None


def datastore_cells(cells: dict[str, Any], notes: dict[str, str], used: Use, rate_per_s: float | None) -> None:
    """Fill in what the datastore did for each operation.

    Parameters
    ----------
    cells, notes : dict
        Of a row of ``sync_runs.csv``; changed.
    used : Use
        What the datastore did.
    rate_per_s : float or None
        Operations of all its servers a second; None if they were not all of one kind.
    """
    cells["datastore"] = cells["datastore"] or used.engine
    for column, value, name in (
        ("datastore_cpu_s_per_op", used.cpu_cores, "cpu"),
        ("datastore_queries_per_op", used.queries_per_s, "queries"),
        ("datastore_prepares_per_op", used.prepares_per_s, "prepares"),
        ("datastore_transactions_per_op", used.transactions_per_s, "transactions"),
    ):
        notes[column] = used.reasons[name]
        if cells["datastore"] == "sqlite":
            notes[column] = "sqlite runs in the server's process and is counted there"
        elif value is not None and rate_per_s is None:
            notes[column] = "another server of this datastore did something else in the window"
        elif value is not None and rate_per_s is not None:
            cells[column] = value / rate_per_s
