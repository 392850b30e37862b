"""What a database's exporter tells of the datastore."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from capmodel.prometheus.scrapes import Labels, Samples, Snapshot, counter

#: Metrics of postgres_exporter and mysqld_exporter that are read here.
NAMES = (
    "pg_stat_database_xact_commit",
    "pg_stat_statements_calls",
    "pg_stat_statements_calls_total",
    "mysql_version_info",
    "mysql_global_status_questions",
    "mysql_global_status_commands_total",
)


class Use(NamedTuple):
    """What the datastore did in a window, a second; None where no metric tells.

    Attributes
    ----------
    engine : str or None
        ``"postgresql"``, ``"mariadb"`` or ``"mysql"``.
    cpu_cores : float or None
        CPU seconds a second.
    queries_per_s, prepares_per_s, transactions_per_s : float or None
        As the columns of ``sync_runs.csv`` count them.
    reasons : dict
        Why a column is empty, or what to know of it, by column.
    """

    engine: str | None
    cpu_cores: float | None
    queries_per_s: float | None
    prepares_per_s: float | None
    transactions_per_s: float | None
    reasons: dict[str, str]


_NOT_GIVEN = "no metrics of the datastore were given"
_OTHERS = "counts all clients of the database, its exporter among them"

NOTHING = Use(
    None,
    None,
    None,
    None,
    None,
    dict.fromkeys(("cpu", "queries", "prepares", "transactions"), _NOT_GIVEN),
)


def use(before: Snapshot, after: Snapshot, cpu: tuple[Snapshot, Snapshot] | None = None) -> Use:
    """Work out what a datastore did between two snapshots of its exporter.

    Parameters
    ----------
    before, after : Snapshot
        Of postgres_exporter or mysqld_exporter; samples of other metrics are passed over.
    cpu : pair of Snapshot, optional
        Of a counter of CPU seconds, of the database's host or container: all series in them are added up.

    Returns
    -------
    Use
        PostgreSQL's queries are the calls of ``pg_stat_statements``; MariaDB's and MySQL's are ``Questions``, prepares
        ``Com_stmt_prepare``, transactions commits and rollbacks.

    Examples
    --------
    >>> one = Snapshot(0.0, {"pg_stat_statements_calls_total": {frozenset(): 10.0}})
    >>> other = Snapshot(2.0, {"pg_stat_statements_calls_total": {frozenset(): 16.0}})
    >>> use(one, other).queries_per_s
    3.0
    """

    def rate(name: str, **labels: str) -> float | None:
        return _rate(before, after, name, labels)

    reasons = dict(NOTHING.reasons)
    cores = None
    if cpu is not None:
        # One selector, whatever the metric is called.
        parts = [_rate(*cpu, name, {}) for name in cpu[1].samples]
        cores = sum(part for part in parts if part is not None)
        reasons["cpu"] = "as the counter that was named tells, with what else runs there"
    engine = _engine(after.samples)
    if engine is None:
        return Use(None, cores, None, None, None, reasons)
    queries = prepares = transactions = None
    if engine == "postgresql":
        queries = rate("pg_stat_statements_calls")
        reasons["queries"] = _OTHERS
        if queries is None:
            reasons["queries"] = "postgres_exporter was started without --collector.stat_statements"
        reasons["prepares"] = reasons["transactions"] = "counted for MariaDB only"
    else:
        queries = rate("mysql_global_status_questions")
        prepares = rate("mysql_global_status_commands", command="stmt_prepare")
        ends = [rate("mysql_global_status_commands", command=name) for name in ("commit", "rollback")]
        transactions = sum(part for part in ends if part is not None) if ends != [None, None] else None
        reasons |= dict.fromkeys(("queries", "prepares", "transactions"), _OTHERS)
    return Use(engine, cores, queries, prepares, transactions, reasons)


def _engine(samples: Samples) -> str | None:
    if any(name.startswith("pg_stat") for name in samples):
        return "postgresql"
    if not any(name.startswith("mysql_global_status_") for name in samples):
        return None
    versions = [dict(labels).get("version", "") for labels in samples.get("mysql_version_info", {})]
    return "mariadb" if any("mariadb" in version.lower() for version in versions) else "mysql"


def _rate(before: Snapshot, after: Snapshot, name: str, labels: Mapping[str, str]) -> float | None:
    """Return a counter's rise a second over its series; one that fell began anew."""
    old: dict[Labels, float] = counter(before.samples, name)
    new = {key: value for key, value in counter(after.samples, name).items() if labels.items() <= dict(key).items()}
    if not new or after.time_s <= before.time_s:
        return None
    rise = 0.0
    for key, value in new.items():
        # pg_stat_statements shows the most frequent statements only: one that appears need not be new.
        start = old.get(key, value)
        rise += value - start if value >= start else value
    return rise / (after.time_s - before.time_s)
