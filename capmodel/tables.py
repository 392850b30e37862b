"""One CSV file held against a schema, cell by cell, and frames written whole or not at all.

A file that does not pass raises :class:`DataError`, which names the file, the line, the column, the value and what was
expected. Which files there are is the business of :mod:`capmodel.datasets`.
"""

import csv
import difflib
import io
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.errors
import pandera.pandas as pa

from capmodel.schemas import DEFAULT_CORES, expected, kind

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


class Table:
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


class Failures:
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

    def error(self, table: Table) -> DataError:
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


def _check_header(table: Table, schema: pa.DataFrameSchema) -> None:
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


def silent(doing: str, share: float) -> None:
    """Tell nobody."""


def validated(table: Table, schema: pa.DataFrameSchema, source: str, progress: Progress = silent) -> pd.DataFrame:
    """Return the table as a typed frame that passes ``schema``; a cell that does not raises :class:`DataError`."""
    file = table.path.name
    _check_header(table, schema)
    progress(f"{file}: counting fields", 0.1)
    table.check_width()
    failures = Failures()
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


def _parse(table: Table, schema: pa.DataFrameSchema, failures: Failures) -> pd.DataFrame:
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


def _typed(values: "pd.Series[Any]", column: pa.Column, failures: Failures) -> "pd.Series[Any]":
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


def _locate(frame: pd.DataFrame, schema: pa.DataFrameSchema, failures: Failures) -> None:
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


def write_csv(frame: pd.DataFrame, path: PathLike) -> None:
    """Write a frame as CSV, whole or not at all.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows; the index is left out.
    path : path-like
        The file to write. It is replaced only when the new one is complete on disk; if anything fails before, the
        old file stays and nothing else is left. A pipe or device is written to directly. Text that a spreadsheet would
        take for a formula gets an apostrophe before it (:func:`capmodel.tables.plain_text`).

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from capmodel.datasets import load_fleet_runs, read_runs
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
    risky = texts.str.startswith(_FORMULA, na=False).astype(bool)
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
