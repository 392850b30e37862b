"""From snapshots of servers and their datastore to validated rows."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from capmodel.prometheus import datastore, operations
from capmodel.prometheus.rows import Row, Setup, datastore_cells, fits, fleet_row, release, safe_name, sync_row
from capmodel.prometheus.scrapes import CPU, Labels, Samples, Snapshot, parse_time, read_scrape, targets
from capmodel.prometheus.windows import FIRST_WITHOUT_EXPIRY, Window, between
from capmodel.schemas import SCHEMAS, expected, kind

if TYPE_CHECKING:
    from capmodel.costs import CostResults

PREFIX = "spire_server"
SYNC, FLEET = "sync_runs", "shared_datastore_runs"
#: Rows that may be asked for, and the file each is of.
KINDS = {"sync": SYNC, "fleet": FLEET}

#: Digits of a number in a row: more than any counter is good for.
_DIGITS = 9
_NOT_IN_METRICS = "not in the metrics"


@dataclass(frozen=True)
class Imported:
    """Rows made from metrics.

    Attributes
    ----------
    kind : str
        The file whose rows these are: ``sync_runs`` (a server did one operation) or ``shared_datastore_runs`` (all that
        a fleet did).
    frame : DataFrame
        The rows, with the columns of that file. A cell that the metrics do not tell is missing.
    notes : DataFrame
        run_id, column, empty, reason: why a cell is empty, and what to know of one that is not.
    refused : DataFrame
        server, start_s, end_s, reason: windows that make no such row.

    Examples
    --------
    >>> from capmodel.datasets import data_path
    >>> pair = [data_path(f"scrapes/crawl_mariadb_e1.{edge}.prom") for edge in ("before", "after")]
    >>> made = import_scrapes(pair, [1795457176.597, 1795457180.705])
    >>> made.kind, len(made.frame), len(made.refused), made.to_fill[:3]
    ('sync_runs', 1, 0, ['spire_version', 'datastore', 'agents'])
    >>> made.notes["column"].tolist()[:2]
    ['spire_version', 'sync_mode']
    """

    kind: str
    frame: pd.DataFrame
    notes: pd.DataFrame
    refused: pd.DataFrame

    @property
    def to_fill(self) -> list[str]:
        """Columns with an empty cell that their file does not allow: rows to complete before they can be used."""
        columns = SCHEMAS[self.kind].columns
        return [str(name) for name in self.frame if not columns[name].nullable and self.frame[name].isna().any()]


class Source(NamedTuple):
    """Snapshots of everything at the same times.

    Attributes
    ----------
    servers : dict of str to list
        By server: its snapshot at each time, None where it had none.
    databases : list
        Snapshot of the datastore's exporter at each time.
    database_cpu : list
        Snapshot of a counter of the datastore's CPU seconds at each time.
    remarks : list of str
        What holds for every row.
    """

    servers: dict[str, list[Snapshot | None]]
    databases: list[Snapshot | None]
    database_cpu: list[Snapshot | None]
    remarks: list[str]


@dataclass
class _Findings:
    """Rows and reasons, as they are found."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {SYNC: [], FLEET: []})
    refused: dict[str, list[tuple[str, float, float, str]]] = field(default_factory=lambda: {SYNC: [], FLEET: []})


def import_scrapes(
    paths: Sequence[str | os.PathLike[str]],
    times: Sequence[str | float],
    setup: Setup | None = None,
    *,
    shape: str = "auto",
    costs: Callable[[], CostResults] | None = None,
    prefix: str = PREFIX,
) -> Imported:
    """Make rows of measured runs from text scrapes of one server.

    Parameters
    ----------
    paths : sequence of path-like
        Two or more scrapes, in the order in which they were taken; each window lies between two that follow each other.
    times : sequence of str or float
        When each was taken: unix seconds or ISO 8601.
    setup : Setup, optional
        What the metrics do not tell.
    shape : {"auto", "sync", "fleet"}
        ``sync``: rows of ``sync_runs.csv``, for windows in which one operation took the CPU. ``fleet``: rows of
        ``shared_datastore_runs.csv``, whatever happened. ``auto``: the first where there is any, else the second.
    costs : callable, optional
        Returns fitted costs; called only if a window holds several operations, to tell their shares.
    prefix : str
        What SPIRE's metric names begin with, if ``MetricPrefix`` is set.

    Returns
    -------
    Imported
        At least one row.

    Raises
    ------
    DataError
        If a file is no whole scrape of a SPIRE server.
    ValueError
        If the scrapes or their times do not fit together, or no window makes a row.

    Examples
    --------
    >>> from capmodel.datasets import data_path
    >>> pair = [data_path(f"scrapes/crawl_mariadb_e1.{edge}.prom") for edge in ("before", "after")]
    >>> made = import_scrapes(pair, [1795457176.597, 1795457180.705])
    >>> made.kind, int(made.frame["entries_per_agent"].item()), round(made.frame["server_cpu_s_per_op"].item(), 5)
    ('sync_runs', 1, 0.00352)
    """
    check_asked(shape, prefix)
    if len(paths) < 2:
        raise ValueError(f"scrapes: got {len(paths)}, expected at least two")
    if len(paths) != len(times):
        raise ValueError(f"times: got {len(times)}, expected one for each of the {len(paths)} scrapes")
    seconds = [parse_time(text) for text in times]
    for earlier, later in pairwise(seconds):
        if later <= earlier:
            raise ValueError(f"times: got {later:.3f} after {earlier:.3f}, expected each later than the one before")
    servers: dict[str, list[Snapshot | None]] = {}
    databases: list[Snapshot | None] = []
    for number, (path, time_s) in enumerate(zip(paths, seconds, strict=True)):
        samples = canonical(read_scrape(path), prefix)
        _check_server(os.fspath(path), samples, prefix)
        databases.append(Snapshot(time_s, samples))
        parts = targets(samples)
        for target, name in names_of(parts).items():
            servers.setdefault(name, [None] * len(paths))[number] = Snapshot(time_s, parts[target])
    # A plain scrape has no label of its target; SPIRE's own label is the better name for its rows.
    hosts = {host for snapshots in servers.values() for host in map(_host, snapshots) if host}
    if len(servers) == 1 and len(hosts) > 1:
        raise ValueError(
            f"scrapes: got those of {', '.join(sorted(map(safe_name, hosts)))}, expected those of one server"
        )
    if len(servers) == 1 and hosts:
        servers = {safe_name(hosts.pop()): next(iter(servers.values()))}
    source = Source(servers, databases, [None] * len(paths), [])
    return build(source, setup or Setup(), shape=shape, costs=costs, prefix=prefix, strict=True)


def check_asked(shape: str, prefix: str) -> None:
    """Raise if there are no such rows, or no metric can have such a name: it becomes part of a question."""
    if not re.fullmatch(r"[A-Za-z_:][A-Za-z0-9_:]*", prefix):
        raise ValueError(f"prefix: got {prefix!r}, expected what names of metrics begin with, such as {PREFIX}")
    if shape not in ("auto", *KINDS):
        raise ValueError(f"shape: got {shape!r}, expected one of auto, {', '.join(KINDS)}")


def _host(snapshot: Snapshot | None) -> str:
    """Return SPIRE's own label of its host, which telemetry may hide."""
    for name, series in (snapshot.samples if snapshot else {}).items():
        if "_datastore_" in name or "_runtime_" in name:
            for labels in series:
                return dict(labels).get("host", "")
    return ""


def _check_server(path: str, samples: Samples, prefix: str) -> None:
    """Raise if a scrape is not that of a SPIRE server."""
    if not any(name.startswith(f"{prefix}_") for name in samples):
        agent = any(name.startswith("spire_agent_") for name in samples)
        what = "the server's metrics, not an agent's" if agent else f"metrics that begin with {prefix}_"
        raise ValueError(f"{path}: expected {what} (cut off, another process, or another MetricPrefix?)")
    if CPU not in samples:
        raise ValueError(f"{path}: expected {CPU}, which every server on Linux has (cut off?)")


def canonical(samples: Samples, prefix: str) -> Samples:
    """Return samples with ``_total`` at the end of SPIRE's counters, whichever way they were read."""
    begin = tuple(f"{prefix}_{part}" for part in (*operations.INTERFACES, "datastore_", "server_ca_sign_"))
    whole = {f"{prefix}_{part}" for part in ("entry_cache_reload", "svid_rotate")}

    def name_of(name: str) -> str:
        counts = (name.startswith(begin) and "_elapsed_time" not in name) or name in whole
        return f"{name}_total" if counts and not name.endswith("_total") else name

    return {name_of(name): series for name, series in samples.items()}


def names_of(found: Iterable[Labels]) -> dict[Labels, str]:
    """Name targets by their instance, or by all their labels where that is not enough; the names are safe to write."""
    every = sorted(found, key=sorted)
    names = {target: safe_name(dict(target).get("instance", "server")) for target in every}
    if len(set(names.values())) < len(every):
        names = {target: safe_name("-".join(value for _, value in sorted(target))) for target in every}
    for name in names.values():
        if list(names.values()).count(name) > 1:
            raise ValueError(f"run_id: got two servers that would both be called {name}, expected one (select one)")
    return names


def build(
    source: Source,
    setup: Setup,
    *,
    shape: str,
    costs: Callable[[], CostResults] | None,
    prefix: str,
    strict: bool,
) -> Imported:
    """Make rows from snapshots.

    Parameters
    ----------
    source : Source
        The snapshots.
    setup, shape, costs, prefix
        As in :func:`import_scrapes`.
    strict : bool
        Whether snapshots that do not fit together end the import; if not, their window is refused.

    Returns
    -------
    Imported
        At least one row.

    Raises
    ------
    ValueError
        If no window makes a row, or the rows are not such as their file may hold.
    """
    found = _Findings()
    once = functools.cache(costs) if costs is not None else None
    for number in range(len(source.databases) - 1):
        _window(source, number, setup, prefix, once, found, strict=strict)
    choice = KINDS.get(shape) or (SYNC if found.rows[SYNC] or not found.rows[FLEET] else FLEET)
    if not found.rows[choice]:
        reasons = list(dict.fromkeys(reason for _, _, _, reason in found.refused[choice]))
        raise ValueError("no window makes a row: " + ("; ".join(reasons[:5]) or "there is none"))
    return _imported(choice, found, source.remarks)


def _window(
    source: Source,
    number: int,
    setup: Setup,
    prefix: str,
    costs: Callable[[], CostResults] | None,
    found: _Findings,
    *,
    strict: bool,
) -> None:
    """Make the rows of one window of every server."""
    windows: dict[str, Window] = {}
    for name, snapshots in source.servers.items():
        before, after = snapshots[number : number + 2]
        if before is None or after is None:
            if before is not after:
                # A server that came or went leaves a window in which the fleet was not one of a known size.
                present = before or after
                assert present is not None
                _refuse(found, (SYNC, FLEET), name, present.time_s, present.time_s, "seen at one of its edges only")
            continue
        try:
            windows[name] = between(
                before, after, prefix, expires=_expires(after.samples, setup, prefix), cores=setup.cores
            )
        except ValueError as error:
            if strict:
                raise
            _refuse(found, (SYNC, FLEET), name, before.time_s, after.time_s, str(error))
    if not windows:
        return
    used = _used(source, number)
    made: dict[str, tuple[Row, str]] = {}
    for name, window in windows.items():
        try:
            made[name] = sync_row(name, window, len(windows), setup, prefix, costs)
        except ValueError as error:
            _refuse(found, (SYNC,), name, window.start_s, window.end_s, str(error))
    alike = len(made) == len(windows) and len({operation for _, operation in made.values()}) == 1
    rates = [row.cells["operations"] / windows[name].seconds for name, (row, _) in made.items()]
    for row, _ in made.values():
        datastore_cells(row.cells, row.notes, used, sum(rates) if alike else None)
        found.rows[SYNC].append(row)
    known = [snapshots for snapshots in source.servers.values() if snapshots[number] or snapshots[number + 1]]
    if len(windows) < len(known):
        return
    try:
        found.rows[FLEET].append(fleet_row(list(windows.values()), used, setup, prefix))
    except ValueError as error:
        first = next(iter(windows.values()))
        _refuse(found, (FLEET,), "fleet", first.start_s, first.end_s, str(error))


def _refuse(found: _Findings, kinds: Sequence[str], server: str, start_s: float, end_s: float, reason: str) -> None:
    for each in kinds:
        found.refused[each].append((server, start_s, end_s, reason))


def _expires(samples: Samples, setup: Setup, prefix: str) -> bool:
    """Tell whether series that rest vanish: by the release, or else by the interface that such releases have."""
    version = setup.spire_version or release(samples, prefix)[0]
    if version is not None:
        return operations.numbers(version) < FIRST_WITHOUT_EXPIRY
    return any(name.startswith(f"{prefix}_node_api_") for name in samples)


def _used(source: Source, number: int) -> datastore.Use:
    """Return what the datastore did in a window."""
    before, after = source.databases[number : number + 2]
    first, last = source.database_cpu[number : number + 2]
    cpu = (first, last) if first is not None and last is not None else None
    if before is None or after is None:
        if cpu is None:
            return datastore.NOTHING
        before, after = Snapshot(cpu[0].time_s, {}), Snapshot(cpu[1].time_s, {})
    return datastore.use(before, after, cpu)


def _imported(choice: str, found: _Findings, remarks: Sequence[str]) -> Imported:
    """Lay out rows with the columns of their file, and check them."""
    schema = SCHEMAS[choice]
    columns = [name for name in schema.columns if name != "source"]
    made = found.rows[choice]
    frame = pd.DataFrame([[row.cells.get(name) for name in columns] for row in made], columns=columns, dtype=object)
    notes: list[tuple[str, str, bool, str]] = [("", "row", False, remark) for remark in remarks]
    for row in made:
        for name in columns:
            empty = bool(pd.isna(row.cells.get(name)))
            if empty or name in row.notes:
                notes.append((row.cells["run_id"], name, empty, row.notes.get(name, _NOT_IN_METRICS)))
        if "row" in row.notes:
            notes.append((row.cells["run_id"], "row", False, row.notes["row"]))
    for name in columns:
        frame[name] = _typed(frame[name], kind(schema.columns[name]))
    _check(frame, choice)
    return Imported(
        choice,
        frame,
        pd.DataFrame(notes, columns=["run_id", "column", "empty", "reason"]),
        pd.DataFrame(found.refused[choice], columns=["server", "start_s", "end_s", "reason"]),
    )


def _typed(cells: pd.Series, name: str) -> pd.Series:
    """Return cells of a column's type, numbers with as many digits as counters have."""
    if name == "integer":
        return cells.astype("Int64")
    if name == "number":
        return cells.astype(float).map(lambda value: float(f"{value:.{_DIGITS}g}"))
    return cells


def _check(frame: pd.DataFrame, choice: str) -> None:
    """Raise if a cell is none that its file may hold; only complete rows are checked as a whole."""
    schema = SCHEMAS[choice]
    twice = frame.loc[frame["run_id"].duplicated(), "run_id"]
    if len(twice):
        raise ValueError(f"run_id: got {twice.iloc[0]!r} twice, expected an identifier for each row")
    for name in frame:
        column = schema.columns[name]
        for value in frame[name].dropna().tolist():
            if not fits(column, value):
                raise ValueError(f"{name}: got {value!r}, expected {expected(column)}")
    required = [name for name in frame if not schema.columns[name].nullable]
    whole = frame[frame[required].notna().all(axis=1)]
    if not len(whole):
        return
    plain = whole.astype({name: "int64" for name in frame if kind(schema.columns[name]) == "integer"})
    for check in schema.checks:
        passed = check(plain.reset_index(drop=True)).check_output
        if not passed.all():
            value = plain.loc[~passed.to_numpy(), str(check.name)].tolist()[0]
            raise ValueError(f"{check.name}: got {value!r}, expected {check.error}")
