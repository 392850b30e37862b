"""Rules that predict public figures on SPIRE at scale: what a report says of its fleet in, a range out.

The rules are pure functions in one table, `RULES`, by quantity and unit. What no rule covers is named, with the reason,
in :mod:`capmodel.not_comparable`. :mod:`capmodel.field_reports` reads the figures and judges them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from capmodel import cluster, issue_1351, spire
from capmodel.deployment import Deployment, operation_rates
from capmodel.plan import evaluate
from capmodel.regression import normal_quantile

if TYPE_CHECKING:
    from capmodel.costs import CostResults


class Span(NamedTuple):
    """A published figure as a range; an open end is infinite, no figure is NaN at both ends."""

    low: float
    high: float


NO_FIGURE = Span(math.nan, math.nan)


class Report(NamedTuple):
    """What a report says of one figure and of the fleet that it is about.

    Attributes
    ----------
    quantity, unit : str
        As in the file.
    published : Span
        The figure.
    agents, entries, selectors, servers : Span
        The fleet; NaN where it is not said.
    spire_version : str
        As in the file, words and all.
    datastores : tuple of str
        Datastores that it may have run on: the one named, or all behind a connection.
    stated : dict of str to Span
        Other figures that the same report states, by quantity.
    """

    quantity: str
    unit: str
    published: Span
    agents: Span
    entries: Span
    selectors: Span
    servers: Span
    spire_version: str
    datastores: tuple[str, ...]
    stated: dict[str, Span]


class Prediction(NamedTuple):
    """A predicted figure with its interval, in the unit of the report, and what only this row has to say."""

    estimate: float
    lower: float
    upper: float
    note: str = ""


class Model(NamedTuple):
    """What predictions are made with.

    Attributes
    ----------
    costs : CostResults
        Fitted costs.
    level : float
        Coverage of the intervals.
    crawl : callable
        Agents and workloads to :class:`capmodel.issue_1351.Crawl`, on one shape for one workload.
    cells : callable
        To the frame of :func:`capmodel.held_out_cells.reference_cells`.
    """

    costs: CostResults
    level: float
    crawl: Callable[[float, float, float, float], issue_1351.Crawl]
    cells: Callable[[], pd.DataFrame]


Predict = Callable[[Report, Model], Prediction]


class Rule(NamedTuple):
    """How a figure is predicted.

    Attributes
    ----------
    kind : str
        What the prediction rests on: ``"code"`` (what SPIRE's code fixes), ``"costs"`` (measured costs too) or
        ``"table"`` (the ladder of the published sizing table).
    made_of : str
        What it is made of.
    unknown : str
        What it does not know: the reason if the figure is outside.
    predict : callable
        Report and model to prediction.
    """

    kind: str
    made_of: str
    unknown: str
    predict: Predict


NOTHING = Prediction(math.nan, math.nan, math.nan)


def _middle(span: Span) -> float:
    """Return the middle of a range, or its only finite end."""
    if math.isinf(span.high):
        return span.low
    return 0.5 * (span.low + span.high)


def _ends(span: Span) -> tuple[float, ...]:
    """Return the finite ends of a range."""
    return (span.low,) if math.isinf(span.high) else (span.low, span.high)


def _either(predictions: Iterable[Prediction]) -> Prediction:
    """Return the prediction where any of several may apply: their mean, and all that they span."""
    found = list(predictions)
    mean = sum(one.estimate for one in found) / len(found)
    return Prediction(mean, min(one.lower for one in found), max(one.upper for one in found))


def _over(value: float, by: float) -> float:
    """Return a quotient; NaN where a report says that there is nothing to divide by."""
    return value / by if by else math.nan


def _scaled(prediction: Prediction, factor: float) -> Prediction:
    return prediction._replace(
        estimate=prediction.estimate * factor, lower=prediction.lower * factor, upper=prediction.upper * factor
    )


def _constant(value: float) -> Predict:
    """Return a prediction that SPIRE's code fixes."""
    return lambda report, model: Prediction(value, value, value)


# Crawling fleets. Nothing that was counted of them enters.

_Pick = Callable[[issue_1351.Crawl, float], tuple[float, float, float]]


def _crawling(pick: _Pick, factor: float = 1.0) -> Predict:
    """Predict a quantity of a crawling fleet, at both ends of the stated number of agents."""

    def predict(report: Report, model: Model) -> Prediction:
        agents = _middle(report.agents)
        if not agents >= 1.0:
            return NOTHING
        workloads = 0.0 if math.isnan(report.entries.low) else _middle(report.entries)
        points = [
            pick(model.crawl(agents, workloads, number, workloads), number)
            for number in (agents, *(max(end, 1.0) for end in _ends(report.agents)))
        ]
        low, high = min(point[1] for point in points), max(point[2] for point in points)
        return _scaled(Prediction(points[0][0], low, high), factor)

    return predict


def _statement(kind: str) -> _Pick:
    return lambda crawl, agents: crawl.statements[kind]


def _per_sync(kind: str) -> _Pick:
    def pick(crawl: issue_1351.Crawl, agents: float) -> tuple[float, float, float]:
        estimate, lower, upper = (
            sent / rate for sent, rate in zip(crawl.statements[kind], crawl.sync_per_s, strict=True)
        )
        return estimate, min(estimate, lower, upper), max(estimate, lower, upper)

    return pick


def _ratio(values: tuple[float, float, float], by: tuple[float, float, float]) -> tuple[float, float, float]:
    return values[0] / by[0], values[1] / by[2], values[2] / by[1]


# Reloads of the cache.


def _reload(
    model: Model,
    datastore: str,
    *,
    entries: float = 0.0,
    selectors_per_entry: float = 0.0,
    agents: float = 0.0,
    selectors_per_agent: float = 0.0,
    components: tuple[str, ...] = ("server", "datastore"),
) -> Prediction:
    """Predict the CPU seconds of one reload; server and datastore err together."""
    if math.isnan(entries + selectors_per_entry + agents + selectors_per_agent):
        return NOTHING
    row = {
        "operation": "reload",
        "sync_mode": "full_cache",
        "datastore": datastore,
        "entries": entries,
        "agents": agents,
        "selectors_per_entry": selectors_per_entry,
        "node_selectors_per_agent": selectors_per_agent,
    }
    table = model.costs.predict(pd.DataFrame([row]), level=model.level)
    own = components if datastore != "sqlite" else ("server",)
    parts = table[table["component"].isin(own)][["estimate_s", "lower_s", "upper_s"]].sum(skipna=False)
    return Prediction(float(parts["estimate_s"]), float(parts["lower_s"]), float(parts["upper_s"]))


def _reload_of_agents(report: Report, model: Model) -> Prediction:
    """Predict the seconds of a reload that reads agents and their selectors, entries being unknown."""
    selectors = report.stated.get("selectors_per_agent", NO_FIGURE)
    agents, each = _middle(report.agents), _middle(selectors)
    return _either(
        _reload(model, datastore, agents=agents, selectors_per_agent=each) for datastore in report.datastores
    )


def _reload_row_rate(report: Report, model: Model) -> Prediction:
    found = _reload_of_agents(report, model)
    rows = _middle(report.agents) * _middle(report.stated.get("selectors_per_agent", NO_FIGURE))
    return Prediction(_over(rows, found.estimate), _over(rows, found.upper), _over(rows, found.lower))


def _list_of_entries(report: Report, model: Model) -> Prediction:
    """Predict the datastore's seconds of a reload that reads entries and their selectors."""
    entries = _middle(report.entries)
    each = _over(_middle(report.selectors), entries)
    return _either(
        _reload(model, datastore, entries=entries, selectors_per_entry=each, components=("datastore",))
        for datastore in report.datastores
    )


def _benchmark_reload(report: Report, model: Model) -> Prediction:
    """Predict the seconds of a reload in the repository's own benchmark, an agent having one selector."""
    return _either(
        _reload(
            model,
            datastore,
            entries=_middle(report.entries),
            selectors_per_entry=1.0,
            agents=_middle(report.agents),
            selectors_per_agent=1.0,
        )
        for datastore in report.datastores
    )


def _idle_server(report: Report, model: Model) -> Prediction:
    """Predict the share of a core that reloads of an empty datastore use, in percent."""
    found = _either(_reload(model, datastore, components=("server",)) for datastore in report.datastores)
    return _scaled(found, 100.0 / spire.RELOAD_INTERVAL_S)


# Memory and processor time of servers.


def _per_connection(report: Report, model: Model) -> Prediction:
    """Predict kilobytes that a server holds for one connection."""
    memory = model.costs.memory
    each, error = float(memory.params["connection"]), float(memory.bse["connection"])
    spread = math.exp(normal_quantile(model.level) * math.hypot(error / each, math.sqrt(memory.dispersion)))
    return Prediction(each / 1e3, each / spread / 1e3, each * spread / 1e3)


def _memory_of_all(connected_to_all: bool) -> Predict:
    """Predict the gigabytes of all servers, from no entries to one for each workload of each agent."""

    def predict(report: Report, model: Model) -> Prediction:
        agents, servers = _middle(report.agents), _middle(report.servers)
        most = report.stated.get("workloads_per_node", NO_FIGURE).high * agents
        frame = pd.DataFrame(
            {
                "entries": [0.0, most],
                "agents": agents,
                "connections": agents if connected_to_all else _over(agents, servers),
                "selectors_per_entry": 2.0,
            }
        )
        table = model.costs.memory.predict(frame, level=model.level) * servers / 1e9
        low, high = float(table["lower_bytes"].iloc[0]), float(table["upper_bytes"].iloc[1])
        middle = math.sqrt(float(np.prod(table["estimate_bytes"].to_numpy(float))))
        times = _over(_middle(report.published) * servers, middle)
        note = (
            f"read as GB of each of {servers:.0f} servers instead of all, it would be {times:.1f} times the prediction"
        )
        return Prediction(middle, low, high, note)

    return predict


def _server_memory(report: Report, model: Model) -> Prediction:
    """Predict the mebibytes of one server of a small fleet."""
    agents = _middle(report.agents)
    frame = pd.DataFrame(
        {
            "entries": [_middle(report.entries)],
            "agents": agents,
            "connections": _over(agents, _middle(report.servers)),
            "selectors_per_entry": 2.0,
        }
    )
    table = model.costs.memory.predict(frame, level=model.level).iloc[0] / 2**20
    return Prediction(float(table["estimate_bytes"]), float(table["lower_bytes"]), float(table["upper_bytes"]))


def _server_cpu(report: Report, model: Model) -> Prediction:
    """Predict thousandths of a core that one server uses."""
    sizes = [_middle(span) for span in (report.agents, report.entries, report.servers)]
    remote = [name for name in report.datastores if name != "sqlite"]
    if not (sizes[0] >= 1.0 and sizes[1] >= 0.0 and sizes[2] >= 1.0 and remote):
        return NOTHING
    agents, workloads, servers = (round(value) for value in sizes)
    found = []
    for datastore in remote:
        fleet = Deployment(agents=agents, workloads=workloads, datastore=datastore)
        used = evaluate(fleet, model.costs, servers=servers, level=model.level).cores_used["server"]
        found.append(_scaled(Prediction(*used), 1e3 / servers))
    return _either(found)


def _fewer_connections(report: Report, model: Model) -> Prediction:
    """Predict the percentage of server CPU saved when an agent keeps one connection in place of one to each server."""
    most, servers = report.stated.get("workloads_per_node", NO_FIGURE).high, _middle(report.servers)
    if not (_middle(report.agents) >= 1.0 and servers >= 1.0 and most >= 0.0):
        return NOTHING
    agents = round(_middle(report.agents))
    saved = []
    for datastore in report.datastores:
        unit = model.costs.unit_costs(datastore)
        for each in (0.0, most):
            fleet = Deployment(agents=agents, workloads=round(each * agents), datastore=datastore).inputs()
            rates = operation_rates(fleet, servers, 0.0, cluster.reload_duration(fleet, unit))
            busy_s = {
                rate.operation: rate.rate_per_s
                * cluster.demand_of(
                    unit.server,
                    spire.family(fleet.sync_mode, rate.operation),
                    cluster.work_of(fleet, rate.operation, rate.batch_size),
                ).busy_s
                for rate in rates
            }
            handshake = {rate.operation: rate.rate_per_s for rate in rates}["connect"]
            more_s = busy_s["connect"] / handshake * (servers - 1.0) * agents / spire.CONNECTION_AGE_S
            saved.append(100.0 * more_s / (sum(busy_s.values()) + more_s))
    return Prediction(float(np.mean(saved)), min(saved), max(saved))


def _entry_returned(report: Report, model: Model) -> Prediction:
    """Predict microseconds of server CPU for one entry more in a sync."""
    fit = model.costs.fits["cache", "server"]
    key = ("entry_sent", "all")
    each, error = float(fit.params[key]), math.sqrt(float(fit.covariance.loc[[key], [key]].to_numpy()[0, 0]))
    dispersion = max(fit.dispersion_of(name, False) for name in fit.datastores)
    spread = math.exp(normal_quantile(model.level) * math.hypot(error / each, math.sqrt(dispersion)))
    return Prediction(1e6 * each, 1e6 * each / spread, 1e6 * each * spread)


# What the code's timers and limits imply.


def _sync_mode(spire_version: str) -> str:
    """Return the mode of a release that is named somewhere in a text; today's default where none is."""
    found = re.search(r"(\d+)\.(\d+)", spire_version)
    release = (int(found[1]), int(found[2])) if found else (1, 15)
    left = {mode: spire.version_tuple(end)[:2] for mode, (_, end) in spire.MODE_RELEASES.items() if end}
    return next((mode for mode, end in left.items() if release < end), "full_cache")


def _slowest_propagation(per_unit_s: float = 1.0) -> Predict:
    """Predict when the last agent has a new entry: the longest waits for the server's view and for the agent's sync."""

    def predict(report: Report, model: Model) -> Prediction:
        if _sync_mode(report.spire_version) == "full_cache":
            server_s = (spire.RELOAD_INTERVAL_S, spire.RELOAD_INTERVAL_S)
        else:
            server_s = (0.0, 1.0)
        low, high = server_s[0] + spire.SYNC_INTERVAL_S, server_s[1] + 1.1 * spire.SYNC_INTERVAL_S
        return _scaled(Prediction(low, low, high), 1.0 / per_unit_s)

    return predict


def _one_propagation(report: Report, model: Model) -> Prediction:
    """Predict when one agent has a new entry: the sum of two waits that begin at a random moment."""
    first, second = spire.RELOAD_INTERVAL_S, spire.SYNC_INTERVAL_S
    tail = math.sqrt((1.0 - model.level) * first * second)
    return Prediction(0.5 * (first + second), tail, first + second - tail)


def _signing_burst(report: Report, model: Model) -> Prediction:
    """Count the SVIDs of agents that hold the same entries, all due at once as before v1.8.3."""
    burst = _middle(report.agents) * _middle(report.entries)
    return Prediction(burst, burst, burst)


def _renewal(report: Report, model: Model) -> Prediction:
    """Predict minutes between two renewals at the default lifetime: the first check past half of it."""
    half_s = spire.X509_TTL_S - (spire.X509_TTL_S + spire.BACKDATE_S) / 2.0
    mean_s = spire.renewal_period(spire.X509_TTL_S, spire.SYNC_INTERVAL_S, False)
    return Prediction(mean_s / 60.0, half_s / 60.0, (half_s + spire.SYNC_INTERVAL_S) / 60.0)


def _doublings(report: Report, model: Model) -> Prediction:
    """Count the seconds from one request a call back to the limit, doubled at every sync."""
    seconds = math.ceil(math.log2(spire.SIGNING_BATCH_LIMIT)) * spire.SYNC_INTERVAL_S
    return Prediction(seconds, seconds, seconds)


#: Seconds that an authority stays in the bundle past its end, and between two looks for such.
#: v1.15.3 pkg/server/ca/manager/manager.go:37, pkg/server/ca/rotator/rotator.go:18; half a life: manager.go:42
_KEPT_S, _PRUNED_EVERY_S = 86_400.0, 21_600.0


def _jwt_keys(report: Report, model: Model) -> Prediction:
    """Count the JWT keys in a bundle: a new one each half of a CA's life."""
    servers = _middle(report.servers)
    fewest = servers * (spire.CA_TTL_S + _KEPT_S) / (spire.CA_TTL_S / 2.0)
    most = servers * (spire.CA_TTL_S + _KEPT_S + _PRUNED_EVERY_S) / (spire.CA_TTL_S / 2.0)
    return Prediction(0.5 * (fewest + most), fewest, most)


def _selector_rows(report: Report, model: Model) -> Prediction:
    """Count the node selectors that a reload reads."""
    rows = _middle(report.agents) * _middle(report.stated.get("selectors_per_agent", NO_FIGURE))
    return Prediction(rows, rows, rows)


# The sizing table.


def _cell(column: str) -> Predict:
    def predict(report: Report, model: Model) -> Prediction:
        cells = model.cells()
        is_it = (cells["agents"] == _middle(report.agents)) & (cells["workloads"] == _middle(report.entries))
        if not is_it.any():
            return NOTHING
        cell = cells[is_it].iloc[0]
        note = (
            f"at the measured costs {cell['needed_servers']} servers with {cell['needed_cores_per_server']} core(s) "
            f"and {cell['needed_memory_gb_per_server']} GB each hold this fleet"
        )
        estimate, lower, upper = (float(cell[f"{column}_{end}"]) for end in ("estimate", "lower", "upper"))
        return Prediction(estimate, lower, upper, note)

    return predict


_SPEED = "that machine and its datastore"
_ALIVE = "how many agents were alive and how long a sync waited: each wait lengthens the 5 s between two syncs"
_DEPTH = "how deep the entries lie below an agent, and how many agents share one"
_WAITED = (
    "preparing and closing every statement (v0.9.2 does, the measured v0.9.3 does not), waiting, which is counted too, "
    "and that machine"
)


class _Group(NamedTuple):
    """Rules that rest on the same things; see :class:`Rule`."""

    kind: str
    made_of: str
    unknown: str
    rules: dict[tuple[str, str], Predict]


_GROUPS = (
    _Group(
        "code",
        "agents and workloads, and what v0.9.2 sends for each call",
        f"{_ALIVE}; {_DEPTH}",
        {
            ("db_qps_total", "statements/s"): _crawling(_statement("total")),
            ("db_qps_entry_list", "queries/s"): _crawling(_statement("list_registration_entries")),
            ("db_qps_node_selectors", "queries/s"): _crawling(_statement("fetch_node_selectors")),
            ("db_qps_prepare", "statements/s"): _crawling(_statement("prepare")),
            ("db_qps_close_stmt", "statements/s"): _crawling(_statement("close_statement")),
            ("db_logical_queries", "queries/s"): _crawling(_statement("prepare")),
        },
    ),
    _Group(
        "code",
        "agents, and what v0.9.2 sends for each call",
        _ALIVE,
        {
            ("db_qps_bundles", "queries/s"): _crawling(_statement("fetch_bundle")),
            ("db_qps_attested_node", "queries/s"): _crawling(_statement("fetch_attested_node")),
            ("agent_sync_rate", "syncs/s"): _crawling(lambda crawl, agents: crawl.sync_per_s),
            ("agent_sync_rate_per_agent", "1/s"): _crawling(
                lambda crawl, agents: _ratio(crawl.sync_per_s, (agents, agents, agents))
            ),
            ("agent_effective_sync_period", "s"): _crawling(
                lambda crawl, agents: _ratio((agents, agents, agents), crawl.sync_per_s)
            ),
        },
    ),
    _Group(
        "code",
        "workloads an agent, and what v0.9.2 sends for each call",
        _DEPTH,
        {
            ("entry_queries_per_sync", "queries/sync"): _crawling(_per_sync("list_registration_entries")),
            ("db_logical_queries_per_sync", "queries/sync"): _crawling(_per_sync("prepare")),
            ("db_statements_per_sync", "statements/sync"): _crawling(_per_sync("total")),
        },
    ),
    _Group(
        "costs",
        "the datastore's CPU in a crawling fleet (v0.9.3 on MariaDB)",
        f"{_WAITED}; {_DEPTH}",
        {
            ("db_load_avg", "avg concurrent statements"): _crawling(lambda crawl, agents: crawl.cores),
            ("db_stmt_latency_avg", "ms"): _crawling(
                lambda crawl, agents: _ratio(crawl.cores, crawl.statements["total"]), 1e3
            ),
            ("db_time_per_sync", "ms"): _crawling(lambda crawl, agents: _ratio(crawl.cores, crawl.sync_per_s), 1e3),
        },
    ),
    _Group(
        "code",
        "agents times their selectors",
        "selectors of agents that are gone",
        {("table_rows_node_resolver_map_entries", "rows"): _selector_rows},
    ),
    _Group(
        "costs",
        "the measured costs of a reload; no entries, whose number is not given",
        f"the entries, {_SPEED}",
        {
            ("cache_reload_time", "s"): _reload_of_agents,
            ("cache_reload_per_agent", "us/agent"): lambda report, model: _scaled(
                _reload_of_agents(report, model), _over(1e6, _middle(report.agents))
            ),
            ("cache_reload_row_rate", "selector rows/s"): _reload_row_rate,
        },
    ),
    _Group(
        "costs",
        "the datastore's part in the measured costs of a reload (UNION ALL)",
        f"the older statement (UNION, which sorts), and {_SPEED}",
        {
            ("db_list_all_entries_time_before", "ms"): lambda report, model: _scaled(
                _list_of_entries(report, model), 1e3
            )
        },
    ),
    _Group(
        "costs",
        "the datastore's part in the measured costs of a reload",
        f"that EXPLAIN ANALYZE sends no rows, and {_SPEED}",
        {
            ("db_list_all_entries_time_after", "ms"): lambda report, model: _scaled(
                _list_of_entries(report, model), 1e3
            ),
            ("db_time_per_entry", "us/entry"): lambda report, model: _scaled(
                _list_of_entries(report, model), _over(1e6, _middle(report.entries))
            ),
            ("db_time_per_row", "us/row"): lambda report, model: _scaled(
                _list_of_entries(report, model), _over(1e6, _middle(report.entries) + _middle(report.selectors))
            ),
        },
    ),
    _Group(
        "costs",
        "the measured costs of a reload on SQLite",
        "that the benchmark reads the rows and builds no index, and that machine",
        {
            ("bench_build_from_sql", "ms"): lambda report, model: _scaled(_benchmark_reload(report, model), 1e3),
            ("db_read_cost_per_agent", "us/agent"): lambda report, model: _scaled(
                _benchmark_reload(report, model), _over(1e6, _middle(report.agents))
            ),
        },
    ),
    _Group(
        "costs",
        "the measured cost of an entry in a sync: looked up, cloned, encoded and sent",
        "that the benchmark only looks up and clones, and whether a call returns 300 entries or 600",
        {("cost_per_entry_returned", "us/entry"): _entry_returned},
    ),
    _Group(
        "costs",
        "the memory of all servers, from no entries to one a workload",
        "how many entries there were",
        {
            ("server_memory_round_robin", "GB"): _memory_of_all(True),
            ("server_memory_pick_first", "GB"): _memory_of_all(False),
        },
    ),
    _Group(
        "costs",
        "the measured memory of a connection",
        "how much of the published memory was not the connections'",
        {("server_memory_per_connection", "kB/connection"): _per_connection},
    ),
    _Group(
        "costs",
        "the measured memory of a connection",
        "whether the published GB were those of each server, as this figure takes them, or those of all",
        {("server_memory_per_connection_alt", "kB/connection"): _per_connection},
    ),
    _Group(
        "costs",
        "the measured costs of handshakes against those of everything else",
        "what a connection costs a server beside its handshake, such as collecting the memory that it holds",
        {("server_cpu_reduction", "%"): _fewer_connections},
    ),
    _Group(
        "costs",
        "the plan at the stated fleet",
        f"a probe that attests again and again, and {_SPEED}",
        {("server_cpu", "millicores"): _server_cpu, ("server_memory", "MiB"): _server_memory},
    ),
    _Group(
        "costs",
        "reloads of an empty datastore",
        "what a server does beside reloads",
        {("server_cpu_idle_normal", "% of a core"): _idle_server},
    ),
    _Group(
        "code",
        "agents times entries, all due within one sync interval",
        "the report's own arithmetic",
        {
            ("signing_burst", "signings per burst"): _signing_burst,
            ("signing_burst_rate", "signings/s"): lambda report, model: _scaled(
                _signing_burst(report, model), 1.0 / spire.SYNC_INTERVAL_S
            ),
        },
    ),
    _Group(
        "code",
        "the first check past half of the lifetime",
        "another lifetime or interval",
        {("burst_repeat", "min"): _renewal},
    ),
    _Group(
        "code",
        "doublings from 1 to the largest batch, one at each sync",
        "how the report counts: the code takes one doubling more to reach the largest batch",
        {("backoff_recovery_time", "s"): _doublings},
    ),
    _Group(
        "code",
        "the JWT keys that each server's authorities leave in the bundle",
        "restarts, each of which leaves a key",
        {("jwks_keys", "keys"): _jwt_keys},
    ),
    _Group(
        "code",
        "the server's reload interval and the agent's sync interval, reload and answer taking no time",
        "what comes on top: attestation, a controller that writes the entry, a long reload, retries after errors",
        {
            ("propagation_delay_max", "s"): _slowest_propagation(),
            ("propagation_delay_entry_to_svid", "s"): _slowest_propagation(),
            ("entry_to_svid_max", "s"): _slowest_propagation(),
            ("entry_to_svid_signed", "s"): _one_propagation,
            ("new_agent_entry_delay", "s"): _slowest_propagation(),
            ("workload_start_to_svid_baseline", "s"): _slowest_propagation(),
            ("workload_start_to_svid_mixed", "s"): _slowest_propagation(),
            ("pod_attestation_delay", "min"): _slowest_propagation(60.0),
        },
    ),
    _Group(
        "code",
        "constants of SPIRE's code that the model uses",
        "the constants of another release",
        {
            ("forced_reconnect_period", "min"): _constant(spire.CONNECTION_AGE_S / 60.0),
            ("server_max_connection_age", "min"): _constant(spire.CONNECTION_AGE_S / 60.0),
            ("lru_default_size", "SVIDs"): _constant(spire.SVID_CACHE_SIZE),
            ("agent_svid_cache_default", "SVIDs"): _constant(spire.SVID_CACHE_SIZE),
            ("signings_per_sync_max", "CSRs"): _constant(spire.SIGNING_BATCH_LIMIT),
            ("signing_demand_max_per_agent", "signings/s"): _constant(
                spire.SIGNING_BATCH_LIMIT / spire.SYNC_INTERVAL_S
            ),
            ("sync_entry_page_size", "entries"): _constant(spire.ENTRY_PAGE_SIZE),
            ("attest_rate_limit_per_ip", "1/s"): _constant(spire.ATTESTATIONS_PER_S),
            ("sign_rate_limit_per_ip", "1/s"): _constant(spire.SIGNATURES_PER_S),
            ("agent_sync_interval_default", "s"): _constant(spire.SYNC_INTERVAL_S),
            ("cache_reload_interval_default", "s"): _constant(spire.RELOAD_INTERVAL_S),
            ("default_jwt_svid_ttl", "min"): _constant(spire.JWT_TTL_S / 60.0),
            ("db_max_idle_conns_default", "connections"): _constant(spire.IDLE_CONNECTIONS_BEFORE_V1_12),
        },
    ),
    _Group(
        "table",
        "the ladder fitted to the other cells",
        "the table's own steps: the other cells lead elsewhere",
        {
            ("doc_servers", "servers"): _cell("servers"),
            ("doc_cpu_per_server", "cores"): _cell("cores_per_server"),
            ("doc_ram_per_server", "GB"): _cell("memory_gb_per_server"),
        },
    ),
)

#: How each figure is predicted, by its quantity and unit.
RULES = {
    key: Rule(group.kind, group.made_of, group.unknown, predict)
    for group in _GROUPS
    for key, predict in group.rules.items()
}
