"""Validated, typed loaders for every data file, and the dictionary that describes them.

Each ``load_*`` function returns a :class:`pandas.DataFrame` that has passed the file's schema
(:mod:`capmodel.schemas`). A file that does not pass raises :class:`DataError`, which names the file, the line, the
column, the value and what was expected. How one file is read and written is the business of :mod:`capmodel.tables`.
"""

import os
import warnings
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from capmodel.pooling import POOLED_FROM, pool_windows
from capmodel.schemas import RUN_KINDS, SCHEMAS, allowed, kind
from capmodel.tables import DataError, Failures, PathLike, Progress, Table, silent, validated, write_csv

__all__ = [
    "DataError",
    "Runs",
    "data_path",
    "dictionary",
    "load_connection_memory_runs",
    "load_datastore_distance_runs",
    "load_event_write_runs",
    "load_field_reports",
    "load_fleet_runs",
    "load_issue_1351",
    "load_reference_sizing",
    "load_reload_runs",
    "load_saturation_runs",
    "load_scrape_index",
    "load_shared_datastore_runs",
    "load_sync_runs",
    "read_entries_by_agent",
    "read_runs",
    "write_csv",
]


class Runs(NamedTuple):
    """Measured runs of one kind.

    Attributes
    ----------
    kind : str
        One of :data:`capmodel.schemas.RUN_KINDS`.
    frame : pandas.DataFrame
        The validated rows.

    Examples
    --------
    >>> runs = read_runs(data_path("fleet_runs.csv"))
    >>> runs.kind, len(runs.frame)
    ('fleet_runs', 9)
    """

    kind: str
    frame: pd.DataFrame


def data_path(name: PathLike = "") -> Path:
    """Return where a shipped data file or folder lies.

    Parameters
    ----------
    name : path-like, default ""
        Path below the data folder, such as ``"sync_runs.csv"`` or ``"scrapes"``; empty for the folder itself.

    Returns
    -------
    pathlib.Path
        The path inside the installed package, or beside the package in a checkout. It need not exist.

    Examples
    --------
    >>> data_path("sync_runs.csv").name, data_path("sync_runs.csv").is_file()
    ('sync_runs.csv', True)
    """
    installed = Path(str(resources.files("capmodel"))) / "data"
    folder = installed if installed.is_dir() else Path(__file__).resolve().parent.parent / "data"
    return folder / name


def _shipped(name: str) -> pd.DataFrame:
    path = data_path(f"{name}.csv")
    found = path.stat() if path.is_file() else None
    return _looked_through(name, path, found and (found.st_mtime_ns, found.st_size)).copy()


@lru_cache
def _looked_through(name: str, path: Path, changed: tuple[int, int] | None) -> pd.DataFrame:
    """Return a file's rows, once for as long as the file stays as it is: one answer asks for some of them often."""
    return validated(Table(path), SCHEMAS[name], "shipped")


def load_reference_sizing() -> pd.DataFrame:
    """Load SPIRE's published sizing table (``reference_sizing.csv``).

    Returns
    -------
    pandas.DataFrame
        16 rows, a cell of the 4 x 4 table each: ``workloads``, ``agents``, ``servers``, ``cores_per_server``,
        ``memory_gb_per_server``.

    Examples
    --------
    >>> load_reference_sizing().query("workloads == 10_000 and agents == 5000").servers.item()
    8
    """
    return _shipped("reference_sizing")


def load_sync_runs(paths: PathLike | Iterable[PathLike] | None = None, progress: Progress = silent) -> pd.DataFrame:
    """Load the measured windows of single operations, shipped and your own (``sync_runs.csv``).

    Parameters
    ----------
    paths : path-like or iterable of path-like, optional
        Your CSV files, or folders whose ``*.csv`` are taken, with the columns of ``sync_runs.csv``. By default all
        files of ``data/measurements``; ``()`` for the shipped rows alone. A file named ``template.csv`` is passed over.
    progress : callable, optional
        Called with what is being done and the share of your files that is done, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        One row a window; windows of a file with more than 10 000 are pooled by configuration
        (:func:`capmodel.pooling.pool_windows`). Column ``source`` is ``"shipped"`` or the stem of your file's name;
        ``cores`` is 2 where your file has no such column.

    Raises
    ------
    DataError
        If a file cannot be read, breaks the schema, or repeats a ``run_id`` of another file.

    Examples
    --------
    >>> load_sync_runs(()).source.unique().tolist()
    ['shipped']
    """
    frames = [_shipped("sync_runs")]
    identifiers = {"the shipped sync_runs.csv": frames[0]["run_id"]}
    files = _measurement_files(data_path("measurements") if paths is None else paths)
    for number, path in enumerate(files):

        def part(doing: str, share: float, done: int = number) -> None:
            progress(doing, (done + share) / len(files))

        if path.stem == "shipped":
            raise DataError(path, "another file name, since the source shipped means the data of this package")
        part(f"{path.name}: opening", 0.0)
        table = Table(path)
        frame = validated(table, SCHEMAS["sync_runs"], path.stem, part)
        failures = Failures()
        for name, taken in identifiers.items():
            expectation = f"an identifier that {name} does not have"
            failures.add("run_id", expectation, np.flatnonzero(frame["run_id"].isin(taken)))
        if failures.found:
            raise failures.error(table)
        identifiers[str(path)] = frame["run_id"]
        if len(frame) > POOLED_FROM:
            part(f"{path.name}: pooling windows", 0.9)
            frame = pool_windows(frame)
        frames.append(frame)
        part(path.name, 1.0)
    return pd.concat(frames, ignore_index=True)


def _measurement_files(paths: PathLike | Iterable[PathLike]) -> list[Path]:
    """Return the CSV files that ``paths`` name, each once, folders opened and templates left out."""
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    files: list[Path] = []
    for path in map(Path, given):
        files += sorted(path.glob("*.csv")) if path.is_dir() else [path]
    kept: dict[Path, Path] = {}
    for path in files:
        if path.name != "template.csv":
            kept.setdefault(path.resolve(), path)
        elif path.is_file() and path.read_bytes().strip().count(b"\n"):
            warnings.warn(f"{path} holds rows but is never read: give it another name", stacklevel=3)
    return list(kept.values())


def load_reload_runs() -> pd.DataFrame:
    """Load the windows of cache reloads and event polls (``reload_runs.csv``), a row each.

    Returns
    -------
    DataFrame
        Validated and typed, with the columns of the data dictionary.

    Raises
    ------
    DataError
        If the file is missing or a cell is not what the dictionary says.

    Examples
    --------
    >>> sorted(load_reload_runs().datastore.unique())
    ['mariadb', 'postgresql', 'sqlite']
    """
    return _shipped("reload_runs")


def load_event_write_runs() -> pd.DataFrame:
    """Load the windows of writes under the events cache (``event_write_runs.csv``), a row each.

    Returns
    -------
    DataFrame
        Validated and typed, with the columns of the data dictionary.

    Raises
    ------
    DataError
        If the file is missing or a cell is not what the dictionary says.

    Examples
    --------
    >>> load_event_write_runs().sync_mode.unique().tolist()
    ['events_cache']
    """
    return _shipped("event_write_runs")


def load_saturation_runs() -> pd.DataFrame:
    """Load the closed-loop runs that test the queueing model (``saturation_runs.csv``), a row each.

    Returns
    -------
    DataFrame
        Validated and typed, with the columns of the data dictionary.

    Raises
    ------
    DataError
        If the file is missing or a cell is not what the dictionary says.

    Examples
    --------
    >>> sorted(load_saturation_runs().start.unique())
    ['spread', 'together']
    """
    return _shipped("saturation_runs")


def load_fleet_runs() -> pd.DataFrame:
    """Load the whole fleets that test the plan (``fleet_runs.csv``), a row each.

    Returns
    -------
    DataFrame
        Validated and typed, with the columns of the data dictionary.

    Raises
    ------
    DataError
        If the file is missing or a cell is not what the dictionary says.

    Examples
    --------
    >>> len(load_fleet_runs())
    9
    """
    return _shipped("fleet_runs")


def load_shared_datastore_runs() -> pd.DataFrame:
    """Load the windows of several servers on one datastore (``shared_datastore_runs.csv``), a row each.

    Returns
    -------
    DataFrame
        Validated and typed, with the columns of the data dictionary.

    Raises
    ------
    DataError
        If the file is missing or a cell is not what the dictionary says.

    Examples
    --------
    >>> sorted(load_shared_datastore_runs().servers.unique().tolist())
    [1, 2, 3]
    """
    return _shipped("shared_datastore_runs")


def load_datastore_distance_runs() -> pd.DataFrame:
    """Load the runs with a datastore behind a network delay (``datastore_distance_runs.csv``), a row each.

    Returns
    -------
    DataFrame
        Validated and typed, with the columns of the data dictionary.

    Raises
    ------
    DataError
        If the file is missing or a cell is not what the dictionary says.

    Examples
    --------
    >>> sorted(load_datastore_distance_runs().datastore.unique())
    ['mariadb', 'postgresql']
    """
    return _shipped("datastore_distance_runs")


def load_connection_memory_runs() -> pd.DataFrame:
    """Load the memory held by agent connections (``connection_memory_runs.csv``), a row a number of connections.

    Returns
    -------
    DataFrame
        Validated and typed, with the columns of the data dictionary.

    Raises
    ------
    DataError
        If the file is missing or a cell is not what the dictionary says.

    Examples
    --------
    >>> list(load_connection_memory_runs().columns[:3])
    ['run_id', 'spire_version', 'sync_mode']
    """
    return _shipped("connection_memory_runs")


def load_issue_1351() -> pd.DataFrame:
    """Load the statement table of spiffe/spire issue 1351 (``issue_1351.csv``), a row a kind of statement.

    Returns
    -------
    DataFrame
        Validated and typed, with the columns of the data dictionary.

    Raises
    ------
    DataError
        If the file is missing or a cell is not what the dictionary says.

    Examples
    --------
    >>> len(load_issue_1351())
    7
    """
    return _shipped("issue_1351")


def load_field_reports() -> pd.DataFrame:
    """Load the public figures on SPIRE at scale (``field_reports.csv``), a row a figure with its source.

    Returns
    -------
    DataFrame
        Validated and typed, with the columns of the data dictionary.

    Raises
    ------
    DataError
        If the file is missing or a cell is not what the dictionary says.

    Examples
    --------
    >>> sorted(load_field_reports().confidence.unique())
    ['ambiguous', 'derived', 'stated']
    """
    return _shipped("field_reports")


def load_scrape_index() -> pd.DataFrame:
    """Load the list of shipped Prometheus scrapes (``scrapes/index.csv``), a row a pair of scrapes.

    Returns
    -------
    DataFrame
        Validated and typed, with the columns of the data dictionary.

    Raises
    ------
    DataError
        If the file is missing or a cell is not what the dictionary says.

    Examples
    --------
    >>> len(load_scrape_index())
    4
    """
    return _shipped("scrapes/index")


def read_runs(path: PathLike, progress: Progress = silent) -> Runs:
    """Read a CSV file of measured runs, whichever kind it is.

    Parameters
    ----------
    path : path-like
        A file with the columns of one of :data:`capmodel.schemas.RUN_KINDS`; the columns tell which.
    progress : callable, optional
        As in :func:`load_sync_runs`.

    Returns
    -------
    Runs
        The kind and the validated rows.

    Raises
    ------
    DataError
        If the columns are of no known kind (the closest kind and its missing columns are named), or the file breaks
        the schema of its kind.

    Examples
    --------
    >>> read_runs(data_path("fleet_runs.csv")).kind
    'fleet_runs'
    """
    table = Table(path)
    header = set(table.header)

    def likeness(name: str) -> float:
        columns = {name for name, column in SCHEMAS[name].columns.items() if column.required}
        return len(columns & header) / len(columns | header)

    closest = max(RUN_KINDS, key=likeness)
    return Runs(closest, validated(table, SCHEMAS[closest], table.path.stem, progress))


def read_entries_by_agent(path: PathLike) -> list[float]:
    r"""Read how many entries each agent of a fleet has.

    Parameters
    ----------
    path : path-like
        A number a line, an agent each; a first line of words is its header.

    Returns
    -------
    list of float
        In the order of the lines, as :class:`capmodel.deployment.Deployment` takes it.

    Raises
    ------
    DataError
        If the file cannot be read or a line is no number of at least 0.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "entries.csv"
    ...     _ = path.write_text("entries\n3\n250\n", encoding="utf-8")
    ...     read_entries_by_agent(path)
    [3.0, 250.0]
    """
    wanted = "a number of at least 0, the entries of an agent"
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(path, f"a readable file of text ({reason})") from None
    found: list[float] = []
    for row, line in enumerate(lines, 1):
        text = line.strip()
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if 0 <= value < np.inf:
            found.append(value)
        elif text and (row > 1 or not text[0].isalpha() or text.lower() in ("nan", "inf", "infinity")):
            raise DataError(path, wanted, row=row, value=text)
    if not found:
        raise DataError(path, wanted + " on each line", row=1)
    return found


def dictionary() -> pd.DataFrame:
    """Return the data dictionary: one row a column of every data file.

    Returns
    -------
    pandas.DataFrame
        ``file``, ``column``, ``type`` (text, integer, number), ``unit``, ``meaning``, ``allowed``; taken from the
        schemas that the loaders validate with.

    Examples
    --------
    >>> entry = dictionary().query("file == 'sync_runs.csv' and column == 'window_s'").iloc[0]
    >>> entry.unit, entry.meaning
    ('s', 'length of the window')
    """
    return pd.DataFrame(
        [
            (schema.title, name, kind(column), column.metadata["unit"], column.description, allowed(column))
            for schema in SCHEMAS.values()
            for name, column in schema.columns.items()
        ],
        columns=["file", "column", "type", "unit", "meaning", "allowed"],
    )
