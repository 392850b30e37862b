"""Validated, typed loaders for every data file, and the dictionary that describes them.

Each ``load_*`` function returns a :class:`pandas.DataFrame` that has passed the file's schema
(:mod:`capmodel.schemas`). A file that does not pass raises :class:`DataError`, which names the file, the line, the
column, the value and what was expected. This is the only module that reads or writes data files.
"""

import csv
import difflib
import io
import os
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.errors
import pandera.pandas as pa

from capmodel.pooling import POOLED_FROM, pool_windows
from capmodel.schemas import DEFAULT_CORES, RUN_KINDS, SCHEMAS, allowed, expected, kind

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

PathLike = str | os.PathLike[str]
#: Told what is being done with a file, and which share of it is done.
Progress = Callable[[str, float], None]
Rows = npt.NDArray[np.intp]

# Cells are held as single strings only one chunk at a time, so that a million rows fit into memory.
_CHUNK_ROWS = 100_000
_TRUTH_VALUES = (b"true", b"True", b"TRUE", b"false", b"False", b"FALSE")
_LONGEST_QUOTE = 60
_LARGEST_EXACT_INTEGER = 2.0**53
_TEXT_DTYPE = pd.Series(["text"]).dtype


class DataError(ValueError):
    """A data file that cannot be used, and the first cell that shows why.

    Parameters
    ----------
    file : path-like
        The file.
    expected : str
        What should have been there.
    row : int, optional
        Line of the file, counted from 1 as an editor does (the header is line 1).
    column : str, optional
        Name of the column.
    value : str, optional
        What was found there, as written in the file.
    further : int, default 0
        How many cells fail besides this one.

    Attributes
    ----------
    file, row, column, value, expected, further
        As given. ``row``, ``column`` and ``value`` are None where the fault is not in one line, column or cell.

    Examples
    --------
    >>> str(DataError("runs.csv", "a number", row=3, column="window_s", value="soon"))
    "runs.csv, line 3, column window_s: found 'soon', expected a number."
    """

    def __init__(
        self,
        file: PathLike,
        expected: str,
        *,
        row: int | None = None,
        column: str | None = None,
        value: str | None = None,
        further: int = 0,
    ) -> None:
        self.file = os.fspath(file)
        self.row = row
        self.column = column
        self.value = value
        self.expected = expected
        self.further = further
        place = self.file
        if row is not None:
            place += f", line {row}"
        if column is not None:
            place += f", column {_in_a_line(column)}"
        found = "" if value is None else "found an empty cell, " if value == "" else f"found {_shortened(value)!r}, "
        more = f" ({further} more {'cell fails' if further == 1 else 'cells fail'})" if further else ""
        super().__init__(f"{place}: {found}expected {expected}{more}.")

    def __reduce__(self) -> tuple[Any, ...]:
        # The default rebuilds an exception from its message alone, which breaks passing it between processes.
        return _rebuild_error, (self.file, self.expected, self.row, self.column, self.value, self.further)


def _shortened(value: str) -> str:
    return value if len(value) <= _LONGEST_QUOTE else value[:_LONGEST_QUOTE] + "..."


def _in_a_line(name: str) -> str:
    return _shortened(name) if name.isprintable() else repr(_shortened(name))


def _rebuild_error(
    file: str, expected: str, row: int | None, column: str | None, value: str | None, further: int
) -> DataError:
    return DataError(file, expected, row=row, column=column, value=value, further=further)


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


class _Table:
    """The text of one CSV file: a header, and below it records of the same width."""

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)
        try:
            self.data = self.path.read_bytes()
        except OSError as error:
            raise DataError(path, f"a readable file ({error.strerror or error})") from None
        self._check_encoding()
        header = next(self.records(), None)
        if header is None:
            raise DataError(path, "a header line and rows below it, not an empty file", row=1)
        self.header_line, names = header
        self.header = [name.strip() for name in names]

    def _check_encoding(self) -> None:
        if self.data.isascii():
            offset = self.data.find(0)
        else:
            try:
                offset = self.data.decode("utf-8").find("\0")
            except UnicodeDecodeError as error:
                offset = error.start
        if offset >= 0:
            line = self.data.count(b"\n", 0, offset) + 1
            raise DataError(self.path, "text in UTF-8", row=line, value=f"byte 0x{self.data[offset]:02x}")

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line on which each record begins, and its cells; empty lines are passed over."""
        text = io.TextIOWrapper(io.BytesIO(self.data), encoding="utf-8-sig", newline="")
        reader = csv.reader(text, strict=True)
        line = 1
        try:
            for record in reader:
                if record:
                    yield line, record
                line = reader.line_num + 1
        except csv.Error as error:
            raise DataError(self.path, f"comma-separated values ({error})", row=line) from None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the records below the header."""
        return islice(self.records(), 1, None)

    def check_width(self) -> None:
        """Raise for the first record that has another number of cells than the header."""
        width = len(self.header)
        # Counting commas takes a fifth of the time of parsing, and is enough where nothing is quoted.
        plain = b'"' not in self.data and self.data.count(b"\r") == self.data.count(b"\r\n")
        if plain and all(line.count(b",") == width - 1 for line in io.BytesIO(self.data)):
            return
        for line, record in self.rows():
            if len(record) != width:
                raise DataError(self.path, _fields(width), row=line, value=_fields(len(record)))

    def read(self, **options: Any) -> Any:
        """Parse the rows with pandas, which takes no cell for missing of its own accord."""
        return pd.read_csv(
            io.BytesIO(self.data),
            encoding="utf-8-sig",
            header=0,
            names=self.header,
            index_col=False,
            keep_default_na=False,
            **options,
        )


def _fields(number: int) -> str:
    return "1 field" if number == 1 else f"{number} fields"


class _Failures:
    """Cells that are not what their column asks for, by column and row."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, Rows]] = []

    def add(self, column: str, expectation: str, rows: Rows) -> None:
        """Note ``rows`` of ``column``, but for those noted before."""
        rows = np.setdiff1d(rows, self.rows(column))
        if len(rows):
            self.found.append((column, expectation, rows))

    def rows(self, column: str | None = None) -> Rows:
        """Return the rows in which a cell (of ``column``) has failed, without repetition."""
        parts = [rows for name, _, rows in self.found if column in (None, name)]
        return np.unique(np.concatenate(parts)) if parts else _NO_ROWS

    def error(self, table: _Table) -> DataError:
        """Name the first failing cell in the file's order and count the others."""
        order = {name: position for position, name in enumerate(table.header)}
        row, position, expectation = min(
            (int(rows.min()), order[column], expectation) for column, expectation, rows in self.found
        )
        line, record = next(islice(table.rows(), row, None))
        further = sum(len(rows) for _, _, rows in self.found) - 1
        return DataError(
            table.path,
            expectation,
            row=line,
            column=table.header[position],
            value=record[position],
            further=further,
        )


_NO_ROWS: Rows = np.empty(0, dtype=np.intp)


def _check_header(table: _Table, schema: pa.DataFrameSchema) -> None:
    header, line, path = table.header, table.header_line, table.path
    columns = f"the columns of {schema.title}"
    if len(header) == 1 and any(separator in header[0] for separator in ";\t|"):
        raise DataError(path, f"{columns}, separated by commas", row=line, value=header[0])
    missing = [name for name, column in schema.columns.items() if column.required and name not in header]
    unknown = [name for name in header if name not in schema.columns]
    if missing:
        instead = f" (unknown there: {', '.join(map(_in_a_line, unknown))})" if unknown else ""
        raise DataError(
            path, f"{columns}, of which these are missing: {', '.join(missing)}{instead}", row=line, column=missing[0]
        )
    if unknown:
        close = difflib.get_close_matches(unknown[0], schema.columns, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise DataError(
            path,
            f"only {columns}, not {', '.join(repr(_shortened(name)) for name in unknown)}{hint}",
            row=line,
            column=unknown[0],
            value=unknown[0],
            further=len(unknown) - 1,
        )
    repeated = [name for position, name in enumerate(header) if name in header[:position]]
    if repeated:
        raise DataError(path, "each column once", row=line, column=repeated[0], value=repeated[0])


def _silent(doing: str, share: float) -> None:
    """Tell nobody."""


def _validated(table: _Table, schema: pa.DataFrameSchema, source: str, progress: Progress = _silent) -> pd.DataFrame:
    """Return the table as a typed frame that passes ``schema``."""
    file = table.path.name
    _check_header(table, schema)
    progress(f"{file}: counting fields", 0.1)
    table.check_width()
    failures = _Failures()
    progress(f"{file}: reading numbers", 0.2)
    frame = _parse(table, schema, failures)
    progress(f"{file}: checking every cell", 0.6)
    if frame.empty:
        raise DataError(table.path, "at least one row below the header", row=table.header_line + 1)
    for name in frame:
        frame[name] = _typed(frame[name], schema.columns[name], failures)
    if "cores" in schema.columns and "cores" not in frame:
        frame["cores"] = np.int64(DEFAULT_CORES)
    if "source" in schema.columns:
        frame["source"] = pd.Series(source, index=frame.index, dtype=_TEXT_DTYPE)
    frame = frame[list(schema.columns)]
    if not failures.found:
        try:
            schema.validate(frame, inplace=True)
        except pandera.errors.SchemaError:
            pass
        else:
            return frame
    _locate(frame, schema, failures)
    raise failures.error(table)


def _parse(table: _Table, schema: pa.DataFrameSchema, failures: _Failures) -> pd.DataFrame:
    """Return the cells as numbers (NaN where empty) and text; cells that should be numbers and are not are noted."""
    types = {name: str if kind(schema.columns[name]) == "text" else float for name in table.header}
    # pandas would read a column of truth values as ones and zeros.
    if not any(word in table.data for word in _TRUTH_VALUES):
        try:
            return table.read(dtype=types, na_values=[""])
        except ValueError:
            pass  # some cell is no number; pandas does not tell which
    parts: list[pd.DataFrame] = []
    for texts in table.read(dtype=str, na_filter=False, chunksize=_CHUNK_ROWS):
        part = {}
        for name, cells in texts.items():
            filled = cells != ""
            part[name] = cells.where(filled)
            if types[name] is float:
                part[name] = pd.to_numeric(cells, errors="coerce").astype(float)
                failures.add(name, expected(schema.columns[name]), cells.index[part[name].isna() & filled].to_numpy())
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def _typed(values: "pd.Series[Any]", column: pa.Column, failures: _Failures) -> "pd.Series[Any]":
    """Return ``values`` in the column's type; cells that have none are noted, and an integer's hold 0 from then on."""
    missing = values.isna().to_numpy(dtype=bool)
    if not column.nullable:
        failures.add(column.name, expected(column), np.flatnonzero(missing))
    if kind(column) != "integer":
        return values
    numbers = values.to_numpy(dtype=float)
    whole = (np.abs(numbers) <= _LARGEST_EXACT_INTEGER) & (numbers == np.trunc(numbers))
    failures.add(column.name, expected(column), np.flatnonzero(~whole))
    return pd.Series(np.where(whole, numbers, 0.0).astype(np.int64), index=values.index)


def _locate(frame: pd.DataFrame, schema: pa.DataFrameSchema, failures: _Failures) -> None:
    """Note every cell of ``frame`` that breaks a rule of ``schema``."""
    for name, column in schema.columns.items():
        for check in column.checks:
            failures.add(name, expected(column), _failing(check, frame[name]))
        if column.unique:
            repeated = np.flatnonzero(frame[name].duplicated() & frame[name].notna())
            failures.add(name, "an identifier that no earlier row has", repeated)
    # A rule between columns says nothing new about a row in which a cell has failed already.
    sound = np.setdiff1d(np.arange(len(frame)), failures.rows())
    for check in schema.checks:
        failures.add(str(check.name), str(check.error), sound[_failing(check, frame.iloc[sound])])


def _failing(check: pa.Check, values: "pd.Series[Any] | pd.DataFrame") -> Rows:
    """Return the positions at which ``check`` fails."""
    passed = check(values.reset_index(drop=True)).check_output
    return passed.index[~passed.to_numpy(dtype=bool)].to_numpy(dtype=np.intp)


def _shipped(name: str) -> pd.DataFrame:
    return _validated(_Table(data_path(f"{name}.csv")), SCHEMAS[name], "shipped")


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


def load_sync_runs(paths: PathLike | Iterable[PathLike] | None = None, progress: Progress = _silent) -> pd.DataFrame:
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
        table = _Table(path)
        frame = _validated(table, SCHEMAS["sync_runs"], path.stem, part)
        failures = _Failures()
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


def read_runs(path: PathLike, progress: Progress = _silent) -> Runs:
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
    table = _Table(path)
    header = set(table.header)

    def likeness(name: str) -> float:
        columns = {name for name, column in SCHEMAS[name].columns.items() if column.required}
        return len(columns & header) / len(columns | header)

    closest = max(RUN_KINDS, key=likeness)
    return Runs(closest, _validated(table, SCHEMAS[closest], table.path.stem, progress))


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


def write_csv(frame: pd.DataFrame, path: PathLike) -> None:
    """Write a frame as CSV, whole or not at all.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows; the index is left out.
    path : path-like
        The file to write. It is replaced only when the new one is complete on disk; if anything fails before, the
        old file stays and nothing else is left. A pipe or device is written to directly. Text that a spreadsheet would
        take for a formula gets an apostrophe before it (:func:`plain_text`).

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(load_fleet_runs().head(2), f"{folder}/mine.csv")
    ...     read_runs(f"{folder}/mine.csv").frame["agents"].tolist()
    [300, 400]
    """
    texts = {str(name): plain_text(frame[name]) for name in frame if _is_text(frame[name])}
    changed = {name: text for name, text in texts.items() if not text.equals(frame[name])}
    frame = frame.assign(**changed) if changed else frame
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8", newline="") as stream:
            frame.to_csv(stream, index=False, lineterminator="\n")
        return
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as stream:
            frame.to_csv(stream, index=False, lineterminator="\n")
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(_mode_of(target))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def plain_text(texts: "pd.Series[Any]") -> "pd.Series[Any]":
    """Put an apostrophe before texts that a spreadsheet would run as formulas.

    Parameters
    ----------
    texts : Series of str
        Anyone's text.

    Returns
    -------
    Series of str
        Texts that begin with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return are changed; missing ones stay.

    Examples
    --------
    >>> plain_text(pd.Series(["=1+1", "a run"])).tolist()
    ["'=1+1", 'a run']
    """
    risky = texts.str.startswith(_FORMULA).fillna(False).astype(bool)
    return texts.where(~risky, "'" + texts.astype(object).astype(str))


#: Characters that begin a formula in a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _is_text(values: "pd.Series[Any]") -> bool:
    return pd.api.types.infer_dtype(values, skipna=True) == "string"


def _mode_of(target: Path) -> int:
    """Return the permissions of a file, or those that a new file would get."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


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
