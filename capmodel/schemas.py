"""The data dictionary: one pandera schema per data file.

Every column carries its type, its unit, its meaning and what it may hold. The loaders in :mod:`capmodel.datasets`
validate with these schemas, and :func:`capmodel.datasets.dictionary` prints them, so the check and the documentation
cannot differ.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import pandas as pd
import pandera.pandas as pa

__all__ = [
    "DATASTORES",
    "DEFAULT_CORES",
    "OPERATIONS",
    "RUN_KINDS",
    "SCHEMAS",
    "SYNC_MODES",
    "allowed",
    "expected",
    "kind",
]

#: How a server tells which entries an agent may have.
SYNC_MODES = ("crawl", "crawl_cached", "full_cache", "events_cache")
#: Where servers keep their data.
DATASTORES = ("sqlite", "postgresql", "mariadb", "mysql")
#: What agents and registrars call.
OPERATIONS = (
    "sync",
    "sync_entries",
    "get_entries",
    "get_bundle",
    "sync_federated",
    "connect_and_sync",
    "sign_x509",
    "sign_jwt",
    "renew_agent",
    "post_status",
    "create_join_token",
    "create_join_token_and_attest",
    "create_entry",
    "update_entry",
    "create_and_delete_entry",
    "list_entries",
)
THINK_DISTRIBUTIONS = ("none", "uniform", "exponential")
DEFAULT_CORES = 2
"""Cores of the machine on which every shipped run was measured; taken where a file has no column ``cores``."""

RUN_KINDS = (
    "sync_runs",
    "reload_runs",
    "saturation_runs",
    "fleet_runs",
    "shared_datastore_runs",
    "datastore_distance_runs",
)
"""The kinds of measured runs that :func:`capmodel.datasets.read_runs` recognises."""

# A unit that is wrong by a thousand (milliseconds for seconds) must fail; an honest measurement must not. Quantities
# that a law ties together differ by less than a quarter in the shipped data, so a factor of thirty parts the two cases.
_SCALE_TOLERANCE = 30.0
# CPU seconds are counted at a window's edges, so a busy host can seem to use a little more than it has.
_CORES_TOLERANCE = 1.5
# One operation's share of a window is known less well; this much is a wrong unit or a wrong number of cores.
_OPERATION_TOLERANCE = 5.0
_DAY_S = 86_400.0
_WEEK_S = 7 * _DAY_S


def _number(
    title: str,
    unit: str,
    meaning: str,
    low: float = 0.0,
    high: float = 1e9,
    *,
    positive: bool = False,
    nullable: bool = False,
) -> pa.Column:
    text = f"more than {low:g}, at most {high:g}" if positive else f"{low:g} to {high:g}"
    return pa.Column(
        float,
        pa.Check.in_range(low, high, include_min=not positive, error=text),
        nullable=nullable,
        title=title,
        description=meaning,
        metadata={"unit": unit, "allowed": text},
    )


def _duration(title: str, meaning: str, *, nullable: bool = False) -> pa.Column:
    return _number(title, "s", meaning, high=_DAY_S, positive=True, nullable=nullable)


def _cpu(title: str, meaning: str, *, positive: bool = False, nullable: bool = False) -> pa.Column:
    return _number(title, "CPU s", meaning, high=3600.0, positive=positive, nullable=nullable)


def _integer(
    title: str, unit: str, meaning: str, low: int = 0, high: int = 10**9, *, required: bool = True
) -> pa.Column:
    text = f"{low} to {high}"
    return pa.Column(
        int,
        pa.Check.in_range(low, high, error=text),
        required=required,
        title=title,
        description=meaning,
        metadata={"unit": unit, "allowed": text},
    )


def _category(title: str, meaning: str, values: Iterable[str]) -> pa.Column:
    values = tuple(values)
    text = ", ".join(values)
    return pa.Column(
        str, pa.Check.isin(values, error=text), title=title, description=meaning, metadata={"unit": "", "allowed": text}
    )


def _text(
    title: str,
    meaning: str,
    *,
    pattern: str = "",
    like: str = "any text",
    unique: bool = False,
    nullable: bool = False,
    required: bool = True,
) -> pa.Column:
    return pa.Column(
        str,
        pa.Check.str_matches(pattern, error=like) if pattern else None,
        unique=unique,
        nullable=nullable,
        required=required,
        title=title,
        description=meaning,
        metadata={"unit": "", "allowed": like + (", unique" if unique else "")},
    )


def _row_check(column: str, expectation: str, holds: Callable[[pd.DataFrame], "pd.Series[bool]"]) -> pa.Check:
    """Tie columns of one row together; ``column`` is the one to name when the rule is broken."""
    return pa.Check(holds, name=column, error=expectation, ignore_na=False)


def _at_least(column: str, other: str) -> pa.Check:
    return _row_check(
        column,
        f"at least {other}",
        lambda frame: frame[[column, other]].isna().any(axis=1) | (frame[column] >= frame[other]),
    )


def _percentiles(prefix: str) -> list[pa.Check]:
    return [_at_least(f"{prefix}_p95_s", f"{prefix}_p50_s"), _at_least(f"{prefix}_p99_s", f"{prefix}_p95_s")]


def _closed_loop(population: str, response_time: str) -> list[pa.Check]:
    """Little's law for a closed loop: population x window = operations x (response time + think time)."""

    def ratio(frame: pd.DataFrame) -> "pd.Series[float]":
        cycle_s: pd.Series[float] = frame[response_time] + frame["think_time_s"]
        return frame["operations"] * cycle_s / (frame[population] * frame["window_s"])

    law = f"operations x ({response_time} + think_time_s) / {population}"
    return [
        _row_check(
            "window_s", f"seconds near {law} (milliseconds?)", lambda frame: ratio(frame) >= 1 / _SCALE_TOLERANCE
        ),
        _row_check(
            response_time,
            f"seconds near {population} x window_s / operations - think_time_s (milliseconds?)",
            lambda frame: ratio(frame) <= _SCALE_TOLERANCE,
        ),
    ]


def _rate_is(rate: str) -> pa.Check:
    def holds(frame: pd.DataFrame) -> "pd.Series[bool]":
        ratio = frame["operations"] / (frame["window_s"] * frame[rate])
        return ratio.between(1 / _SCALE_TOLERANCE, _SCALE_TOLERANCE)

    return _row_check("window_s", f"seconds near operations / {rate} (milliseconds?)", holds)


def _server_fits_host() -> pa.Check:
    return _row_check(
        "server_cpu_s_per_op",
        f"CPU seconds that fit into the window: at most {_OPERATION_TOLERANCE:g} x cores x window_s / operations"
        f" (milliseconds, or another number of cores than {DEFAULT_CORES}?)",
        lambda frame: (
            frame["server_cpu_s_per_op"] * frame["operations"]
            <= _OPERATION_TOLERANCE * frame["cores"] * frame["window_s"]
        ),
    )


def _datastore_plausible() -> pa.Check:
    # The datastore may have a larger host of its own, so only a wrong unit can be told.
    return _row_check(
        "datastore_cpu_s_per_op",
        f"CPU seconds: at most {_SCALE_TOLERANCE:g} x cores x window_s / operations (milliseconds?)",
        lambda frame: (
            frame["datastore_cpu_s_per_op"].fillna(0.0) * frame["operations"]
            <= _SCALE_TOLERANCE * frame["cores"] * frame["window_s"]
        ),
    )


def _none_for_sqlite(column: str) -> pa.Check:
    return _row_check(
        column,
        "an empty cell for sqlite, which runs inside the server's process and is counted there",
        lambda frame: (frame["datastore"] != "sqlite") | frame[column].isna(),
    )


_SHARED: Mapping[str, pa.Column] = {
    "run_id": _text("Run", "identifier of the row", unique=True),
    "spire_version": _text(
        "SPIRE version",
        "release that was measured",
        pattern=r"^v\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$",
        like="a release such as v1.15.3",
    ),
    "sync_mode": _category("Sync mode", "how the server finds an agent's entries", SYNC_MODES),
    "datastore": _category("Datastore", "database engine; mysql is answered with the costs of mariadb", DATASTORES),
    "batch_size": _integer(
        "Batch size",
        "items",
        "requests in one call (sign_x509 and the writes of entries); CPU is per call, not per item",
        1,
    ),
    "federated_domains": _integer("Federated domains", "bundles", "federated bundles fetched in one operation"),
    "entries_per_agent": _integer(
        "Entries per agent", "entries", "registration entries whose parent is the calling agent"
    ),
    "agents": _integer("Agents", "agents", "attested agents in the datastore", 1),
    "entries": _integer("Entries", "entries", "registration entries in the datastore"),
    "workloads": _integer("Workloads", "entries", "registration entries of the fleet"),
    "selectors_per_entry": _integer("Selectors per entry", "selectors", "selectors of each entry"),
    "node_selectors_per_agent": _integer("Node selectors per agent", "selectors", "selectors of each agent"),
    "ca_key_type": _category(
        "CA key type", "key type of the server's CA and JWT keys", ("rsa-2048", "rsa-4096", "ec-p256", "ec-p384")
    ),
    "concurrency": _integer(
        "Concurrency",
        "agents",
        "agents calling at the same time, each again as soon as it was answered or after think_time_s",
        1,
    ),
    "population": _integer("Population", "agents", "agents of the closed loop", 1),
    "think_time_s": _number("Think time", "s", "mean pause of an agent between answer and next call", high=_DAY_S),
    "think_distribution": _category(
        "Think-time distribution",
        "none (no pause), uniform (0.9 to 1.1 of the mean, as real agents do) or exponential",
        THINK_DISTRIBUTIONS,
    ),
    "cores": _integer(
        "Cores", "cores", "cores of the measured host, shared by server, datastore and load client", 1, 4096
    ),
    "window_s": _number("Window", "s", "length of the window", 0.1, _WEEK_S),
    "operations": _integer("Operations", "operations", "operations completed in the window", 1, 10**12),
    "errors": _integer("Errors", "operations", "operations that failed", high=10**12),
    "server_cpu_s_per_op": _cpu(
        "Server CPU per operation",
        "server process, less its idle consumption; includes the datastore for sqlite",
        positive=True,
    ),
    "datastore_cpu_s_per_op": _cpu(
        "Datastore CPU per operation", "all database processes, less idle; empty for sqlite", nullable=True
    ),
    "client_cpu_s_per_op": _cpu("Client CPU per operation", "the load client; empty if not measured", nullable=True),
    "datastore_queries_per_op": _number(
        "Datastore queries per operation",
        "queries",
        "PostgreSQL: statements executed (pg_stat_statements); MariaDB: Questions, without prepares and closes;"
        " empty for sqlite",
        nullable=True,
    ),
    "server_memory_bytes": _number(
        "Server memory",
        "bytes",
        "resident set of the server at the window's end; a value below a megabyte is in the wrong unit",
        1e6,
        1e14,
        nullable=True,
    ),
    "throughput_per_s": _number(
        "Throughput", "1/s", "operations a second, by the load client's own clock", positive=True
    ),
    "response_time_mean_s": _duration("Mean response time", "mean, as seen by the client"),
    "response_time_p50_s": _duration("Median response time", "median, as seen by the client"),
    "response_time_p95_s": _duration("95th percentile of response time", "95th percentile, as seen by the client"),
    "response_time_p99_s": _duration("99th percentile of response time", "99th percentile, as seen by the client"),
    "sync_interval_s": _duration("Sync interval", "mean pause of an agent between syncs"),
    "reload_interval_s": _number(
        "Reload interval",
        "s",
        "pause between the end of a cache reload (or event poll) and the start of the next",
        high=_WEEK_S,
        positive=True,
    ),
    "sync_per_s": _number("Syncs per second", "1/s", "syncs of all agents a second"),
    "server_cpu_cores": _number("Server cores used", "cores", "CPU seconds a second of all servers", positive=True),
    "datastore_cpu_cores": _number(
        "Datastore cores used", "cores", "CPU seconds a second of the datastore; empty for sqlite", nullable=True
    ),
    "client_cpu_cores": _number(
        "Client cores used", "cores", "CPU seconds a second of the load client; empty without one", nullable=True
    ),
    "servers": _integer("Servers", "servers", "SPIRE servers on one datastore", 1),
}

_OPTIONAL: Mapping[str, pa.Column] = {
    "cores": _integer(
        "Cores", "cores", f"cores of the measured host; {DEFAULT_CORES} if not given", 1, 4096, required=False
    ),
    "source": _text(
        "Source",
        "file that the row came from",
        like='"shipped" or the file\'s name without its ending; set by the loader',
        required=False,
    ),
}


def _schema(
    name: str, description: str, columns: str, checks: Iterable[pa.Check] = (), /, **own: pa.Column
) -> pa.DataFrameSchema:
    """Return a file's schema; ``columns`` are its header, defined in ``own`` or else as all files share them."""
    defined = {column: own[column] if column in own else _SHARED[column] for column in columns.split()}
    if "run_id" in defined:
        defined |= {column: optional for column, optional in _OPTIONAL.items() if column not in defined}
    return pa.DataFrameSchema(
        defined, checks=list(checks), strict=True, name=name, title=f"{name}.csv", description=description
    )


_ALL = (
    _schema(
        "reference_sizing",
        "SPIRE's published sizing table (scaling guide, first in the repository in May 2020). One row a cell.",
        "workloads agents servers cores_per_server memory_gb_per_server",
        [
            _row_check(
                "agents",
                "a pair of workloads and agents that no earlier row has",
                lambda frame: ~frame.duplicated(["workloads", "agents"]),
            )
        ],
        workloads=_integer("Workloads", "workloads", "as printed; the guide does not define them", 1),
        agents=_integer("Agents", "agents", "as printed", 1),
        servers=_integer("Servers", "servers", "server units", 1, 1024),
        cores_per_server=_integer("Cores per server", "cores", "CPU cores of one server unit", 1, 1024),
        memory_gb_per_server=_integer("Memory per server", "GB", "memory of one server unit", 1, 65_536),
    ),
    _schema(
        "sync_runs",
        "One row a measured window of one operation on a running server.",
        """
        run_id spire_version sync_mode datastore operation batch_size federated_domains entries_per_agent agents
        entries selectors_per_entry node_selectors_per_agent ca_key_type concurrency think_time_s
        think_distribution window_s operations server_cpu_s_per_op datastore_cpu_s_per_op client_cpu_s_per_op
        datastore_queries_per_op datastore_prepares_per_op datastore_transactions_per_op response_bytes_per_op
        latency_mean_s latency_p50_s latency_p95_s latency_p99_s server_memory_bytes
        """,
        [
            *_closed_loop("concurrency", "latency_mean_s"),
            _server_fits_host(),
            _datastore_plausible(),
            _none_for_sqlite("datastore_cpu_s_per_op"),
            *_percentiles("latency"),
        ],
        operation=_category("Operation", "what the agents called", OPERATIONS),
        datastore_prepares_per_op=_number(
            "Prepared statements per operation",
            "statements",
            "MariaDB: Com_stmt_prepare; empty for the others",
            nullable=True,
        ),
        datastore_transactions_per_op=_number(
            "Transactions per operation",
            "transactions",
            "MariaDB: commits and rollbacks; empty for the others",
            nullable=True,
        ),
        response_bytes_per_op=_number(
            "Response size",
            "bytes",
            "gRPC payload to the agent; empty where it was not counted (registration writes, join tokens)",
            nullable=True,
        ),
        latency_mean_s=_duration("Mean latency", "mean, as seen by the client"),
        latency_p50_s=_duration(
            "Median latency", "median, as seen by the client; empty if not measured", nullable=True
        ),
        latency_p95_s=_duration(
            "95th percentile of latency", "95th percentile, as seen by the client; empty if not measured", nullable=True
        ),
        latency_p99_s=_duration(
            "99th percentile of latency", "99th percentile, as seen by the client; empty if not measured", nullable=True
        ),
    ),
    _schema(
        "reload_runs",
        "One row a window of an otherwise idle server that reloads its cache or polls its event tables.",
        """
        run_id spire_version sync_mode datastore operation entries agents selectors_per_entry
        node_selectors_per_agent dns_names_per_entry reload_interval_s window_s operations server_cpu_s_per_op
        datastore_cpu_s_per_op datastore_queries_per_op latency_mean_s server_memory_bytes
        """,
        [
            _row_check(
                "window_s",
                "seconds near operations x (reload_interval_s + latency_mean_s) (milliseconds?)",
                lambda frame: (
                    frame["window_s"]
                    / (frame["operations"] * (frame["reload_interval_s"] + frame["latency_mean_s"].fillna(0.0)))
                ).between(1 / _SCALE_TOLERANCE, _SCALE_TOLERANCE),
            ),
            _server_fits_host(),
            _datastore_plausible(),
            _none_for_sqlite("datastore_cpu_s_per_op"),
        ],
        operation=_category(
            "Operation",
            "reload: the full cache is read again; poll_events: one poll of the events cache",
            ("reload", "poll_events"),
        ),
        dns_names_per_entry=_integer("DNS names per entry", "names", "DNS names of each entry"),
        window_s=_number(
            "Window", "s", "length of the window, a whole number of periods from the end of a reload", 0.1, _WEEK_S
        ),
        latency_mean_s=_duration(
            "Reload duration", "duration of a reload by the server's telemetry; empty for polls", nullable=True
        ),
    ),
    _schema(
        "event_write_runs",
        "One row a window of registration writes under the events cache, while the server polls its event tables.",
        """
        run_id spire_version sync_mode datastore operation entries agents writes_per_s window_s operations
        server_cpu_s_per_op datastore_cpu_s_per_op datastore_queries_per_op
        """,
        [
            _rate_is("writes_per_s"),
            _server_fits_host(),
            _datastore_plausible(),
            _none_for_sqlite("datastore_cpu_s_per_op"),
        ],
        operation=_category(
            "Operation", "what was written", ("create_entry", "update_entry", "create_and_delete_entry")
        ),
        writes_per_s=_number("Writes per second", "1/s", "writes a second", positive=True),
        server_cpu_s_per_op=_cpu(
            "Server CPU per write",
            "server process, less idle, with the polls' share; includes the datastore for sqlite",
            positive=True,
        ),
    ),
    _schema(
        "saturation_runs",
        "One row a closed-loop run. Not for fitting: these rows test the queueing model.",
        """
        run_id spire_version sync_mode datastore start think_distribution population think_time_s
        entries_per_agent entries selectors_per_entry cores window_s operations errors throughput_per_s
        response_time_mean_s response_time_p50_s response_time_p95_s response_time_p99_s server_cpu_s_per_op
        datastore_cpu_s_per_op client_cpu_s_per_op server_memory_bytes
        """,
        [
            *_closed_loop("population", "response_time_mean_s"),
            _rate_is("throughput_per_s"),
            _server_fits_host(),
            _datastore_plausible(),
            _none_for_sqlite("datastore_cpu_s_per_op"),
            *_percentiles("response_time"),
        ],
        start=_category(
            "Start",
            "spread: random phases, stationary; together: all at once, the wave of the start is still there",
            ("spread", "together"),
        ),
    ),
    _schema(
        "fleet_runs",
        "One row a whole fleet at the default interval. Not for fitting: these rows test the whole plan.",
        """
        run_id spire_version sync_mode datastore agents workloads entries_per_agent selectors_per_entry
        sync_interval_s reload_interval_s cores window_s operations errors sync_per_s server_cpu_cores
        datastore_cpu_cores client_cpu_cores response_time_mean_s response_time_p50_s response_time_p95_s
        response_time_p99_s server_memory_bytes
        """,
        [
            _rate_is("sync_per_s"),
            _row_check(
                "server_cpu_cores",
                f"at most {_CORES_TOLERANCE:g} x cores",
                lambda frame: frame["server_cpu_cores"] <= _CORES_TOLERANCE * frame["cores"],
            ),
            _none_for_sqlite("datastore_cpu_cores"),
            *_percentiles("response_time"),
        ],
        reload_interval_s=_number(
            "Reload interval",
            "s",
            "pause between cache reloads; empty for a crawl, which has no cache to reload",
            high=_WEEK_S,
            positive=True,
            nullable=True,
        ),
        sync_per_s=_number("Syncs per second", "1/s", "syncs of all agents a second", positive=True),
    ),
    _schema(
        "shared_datastore_runs",
        "One row a window of several servers on one datastore, idle or with agents spread evenly over them.",
        """
        run_id spire_version sync_mode datastore servers load agents workloads entries_per_agent
        selectors_per_entry sync_interval_s reload_interval_s window_s sync_per_s server_cpu_cores
        datastore_cpu_cores client_cpu_cores datastore_queries_per_s response_time_mean_s servers_memory_bytes
        """,
        [
            _row_check(
                "server_cpu_cores",
                f"at most {_CORES_TOLERANCE:g} x cores",
                lambda frame: frame["server_cpu_cores"] <= _CORES_TOLERANCE * frame["cores"],
            ),
            _row_check(
                "sync_per_s",
                "0 for a row without load, more than 0 with agents",
                lambda frame: (frame["load"] == "agents") == (frame["sync_per_s"] > 0),
            ),
        ],
        load=_category("Load", "none: reloads alone; agents: the agents sync as usual", ("none", "agents")),
        datastore_queries_per_s=_number(
            "Datastore queries per second", "1/s", "queries of all servers a second", nullable=True
        ),
        response_time_mean_s=_duration(
            "Mean response time",
            "mean response time of a sync, as seen by the client; empty without agents",
            nullable=True,
        ),
        servers_memory_bytes=_number(
            "Memory of all servers", "bytes", "resident set of all servers together", 1e6, 1e15, nullable=True
        ),
    ),
    _schema(
        "datastore_distance_runs",
        "One row a run of the same sync with the datastore behind a fixed network delay.",
        """
        run_id spire_version sync_mode datastore round_trip_time_s entries_per_agent population think_time_s
        think_distribution window_s operations errors throughput_per_s response_time_mean_s response_time_p50_s
        response_time_p95_s response_time_p99_s server_cpu_s_per_op datastore_cpu_s_per_op
        """,
        [
            *_closed_loop("population", "response_time_mean_s"),
            _rate_is("throughput_per_s"),
            _server_fits_host(),
            _datastore_plausible(),
            *_percentiles("response_time"),
        ],
        round_trip_time_s=_number("Round trip", "s", "delay added to the loopback's own round trip", 0, 60),
    ),
    _schema(
        "connection_memory_runs",
        "One row a server that holds many agent connections, each of which asks for the bundle now and then.",
        """
        run_id spire_version sync_mode datastore connections think_time_s get_bundle_per_s
        server_cpu_s_per_get_bundle entries agents server_memory_bytes
        """,
        connections=_integer("Connections", "connections", "open agent connections"),
        get_bundle_per_s=_number("Bundle calls per second", "1/s", "get_bundle calls of all connections a second"),
        server_cpu_s_per_get_bundle=_cpu(
            "Server CPU per bundle call", "server process, less its idle consumption", positive=True
        ),
    ),
    _schema(
        "issue_1351",
        "The statement table of spiffe/spire issue 1351 (January 2020). One row a statement, the last the total.",
        "statement count_in_window rate_per_s mean_time_ms share_of_time",
        statement=_text("Statement", "kind of statement", unique=True),
        count_in_window=_integer("Count", "statements", "statements counted in the window of 86.3 s", high=10**12),
        rate_per_s=_number("Rate", "1/s", "statements a second, as printed"),
        mean_time_ms=_number("Mean time", "ms", "mean time of a statement, as printed"),
        share_of_time=_number("Share of time", "fraction", "share of the datastore's time, as printed", high=1.0),
    ),
    _schema(
        "field_reports",
        "Public figures on SPIRE at scale. One row a figure with its source.",
        """
        id source_url source_title organisation date spire_version quantity value unit agents entries servers db
        conditions quote_of_the_figure confidence
        """,
        id=_text("Id", "identifier of the figure", pattern=r"^F\d{3}$", like="F and three digits", unique=True),
        source_url=_text("Address", "where it was published", pattern=r"^https?://\S+$", like="a web address"),
        source_title=_text("Title", "title of the source"),
        organisation=_text("Organisation", "who reports it, where the source shows it, else unknown"),
        date=_text("Date", "day, month or year of publication, or unknown; may carry a remark"),
        spire_version=_text("SPIRE version", "as the source states it; empty if not known", nullable=True),
        quantity=_text("Quantity", "what the figure counts or measures"),
        value=_text("Value", "the figure as text: a number, a range, a bound, a pair or words"),
        unit=_text("Unit", "unit of the value"),
        agents=_text("Agents", "size of the deployment in agents, as stated; empty if not", nullable=True),
        entries=_text("Entries", "size in entries or workloads, as stated; empty if not", nullable=True),
        servers=_text("Servers", "number of servers, as stated; empty if not", nullable=True),
        db=_text("Datastore", "datastore, as stated; empty if not", nullable=True),
        conditions=_text("Conditions", "kind of evidence in brackets, then the circumstances"),
        quote_of_the_figure=_text("Quote", "the source's words; empty if none can be quoted", nullable=True),
        confidence=_category(
            "Confidence",
            "stated by the source, derived by arithmetic shown in conditions, or ambiguous",
            ("stated", "derived", "ambiguous"),
        ),
    ),
    _schema(
        "scrapes/index",
        "One row a pair of Prometheus scrapes with the work known between them.",
        """
        name spire_version datastore entries_per_agent concurrency before_unix_s after_unix_s seconds sync_per_s
        server_cpu_cores datastore_cpu_cores
        """,
        [
            _row_check(
                "seconds",
                "after_unix_s - before_unix_s",
                lambda frame: (frame["after_unix_s"] - frame["before_unix_s"] - frame["seconds"]).abs() < 0.01,
            )
        ],
        name=_text("Name", "stem of NAME.before.prom and NAME.after.prom", unique=True),
        before_unix_s=_number("First scrape", "s", "time of the first scrape, unix seconds", 0, 1e11),
        after_unix_s=_number("Second scrape", "s", "time of the second scrape, unix seconds", 0, 1e11),
        seconds=_number("Seconds", "s", "seconds between the scrapes", high=_WEEK_S, positive=True),
    ),
)

SCHEMAS: Mapping[str, pa.DataFrameSchema] = MappingProxyType({schema.name: schema for schema in _ALL})
"""Schema of each data file, by the file's path below ``data/`` without ``.csv``."""

# Cells are located by calling checks one by one; pandera before 0.35 can do that only once a schema has been used.
pa.DataFrameSchema.register_default_backends(pd.DataFrame)


def allowed(column: pa.Column) -> str:
    """Say what a cell of ``column`` may hold, as the dictionary prints it.

    Parameters
    ----------
    column : pandera.Column
        A column of one of `SCHEMAS`.

    Returns
    -------
    str
        Such as ``"1 to 1000000000"``.

    Examples
    --------
    >>> allowed(SCHEMAS["sync_runs"].columns["batch_size"])
    '1 to 1000000000'
    """
    text: str = column.metadata["allowed"]
    if not column.required:
        text += "; optional"
    return text + ("; may be empty" if column.nullable else "")


def expected(column: pa.Column) -> str:
    """Say what a cell of ``column`` should have held, for an error message.

    Parameters
    ----------
    column : pandera.Column
        A column of one of `SCHEMAS`.

    Returns
    -------
    str
        A noun with its unit, and the bounds or the values allowed.

    Examples
    --------
    >>> expected(SCHEMAS["sync_runs"].columns["window_s"])
    'a number (s), 0.1 to 604800'
    """
    text: str = column.metadata["allowed"]
    if kind(column) != "text":
        noun = "a whole number" if kind(column) == "integer" else "a number"
        unit: str = column.metadata["unit"]
        return f"{noun}{f' ({unit})' if unit else ''}, {text}" + (", or an empty cell" if column.nullable else "")
    return f"one of {text}" if any(check.name == "isin" for check in column.checks) else text


def kind(column: pa.Column) -> str:
    """Name the type of ``column`` in the dictionary's words.

    Parameters
    ----------
    column : pandera.Column
        A column of one of `SCHEMAS`.

    Returns
    -------
    str
        ``"text"``, ``"integer"`` or ``"number"``.

    Examples
    --------
    >>> columns = SCHEMAS["sync_runs"].columns
    >>> kind(columns["datastore"]), kind(columns["agents"]), kind(columns["window_s"])
    ('text', 'integer', 'number')
    """
    name = str(column.dtype)
    return "integer" if name.startswith("int") else "number" if name.startswith("float") else "text"
