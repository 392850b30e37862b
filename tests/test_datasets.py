"""What the loaders promise: every shipped file passes its schema, and no wrong cell gets through unnamed."""

import csv
import os
import pickle
import re
import shutil
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmodel import datasets, tables
from capmodel.datasets import DataError, data_path, dictionary, load_sync_runs, read_runs, write_csv
from capmodel.schemas import RUN_KINDS, SCHEMAS

LOADERS = {
    "reference_sizing": datasets.load_reference_sizing,
    "sync_runs": lambda: datasets.load_sync_runs(()),
    "reload_runs": datasets.load_reload_runs,
    "event_write_runs": datasets.load_event_write_runs,
    "saturation_runs": datasets.load_saturation_runs,
    "fleet_runs": datasets.load_fleet_runs,
    "shared_datastore_runs": datasets.load_shared_datastore_runs,
    "datastore_distance_runs": datasets.load_datastore_distance_runs,
    "connection_memory_runs": datasets.load_connection_memory_runs,
    "issue_1351": datasets.load_issue_1351,
    "field_reports": datasets.load_field_reports,
    "scrapes/index": datasets.load_scrape_index,
}


def shipped_rows(name="sync_runs", count=5):
    with data_path(f"{name}.csv").open(newline="") as stream:
        return list(csv.reader(stream))[: count + 1]


class Sheet:
    """A few shipped rows under new run ids, to be spoiled and written."""

    def __init__(self, folder, name="sync_runs", count=5):
        self.folder = folder
        self.header, *self.rows = shipped_rows(name, count)
        if "run_id" in self.header:
            for number, row in enumerate(self.rows):
                row[self.header.index("run_id")] = f"mine{number}"

    def set(self, row, column, value):
        self.rows[row][self.header.index(column)] = value
        return self

    def scale(self, column, factor):
        at = self.header.index(column)
        for row in self.rows:
            row[at] = repr(float(row[at]) * factor) if row[at] else ""
        return self

    def drop(self, *columns):
        keep = [at for at, name in enumerate(self.header) if name not in columns]
        self.header = [self.header[at] for at in keep]
        self.rows = [[row[at] for at in keep] for row in self.rows]
        return self

    def add(self, column, *values):
        self.header.append(column)
        for row, value in zip(self.rows, values * len(self.rows), strict=False):
            row.append(value)
        return self

    def write(self, name="mine.csv", newline="\n", encoding="utf-8"):
        path = self.folder / name
        lines = [self.header, *self.rows]
        with path.open("w", encoding=encoding, newline="") as stream:
            csv.writer(stream, lineterminator=newline).writerows(lines)
        return path


@pytest.fixture
def sheet(tmp_path):
    return Sheet(tmp_path)


def error_of(path, reader=read_runs):
    with pytest.raises(DataError) as caught:
        reader(path)
    error = caught.value
    message = str(error)
    assert message.count("\n") == 0
    assert message.endswith(".")
    assert str(path) in message
    if error.row is not None:
        assert f"line {error.row}" in message
    if error.column is not None:
        assert error.column in message
    assert error.__cause__ is None
    return error


# The shipped files


@pytest.mark.parametrize("name", LOADERS)
def test_every_shipped_file_passes_its_schema_and_keeps_every_cell(name):
    frame = LOADERS[name]()
    raw = pd.read_csv(data_path(f"{name}.csv"), dtype=str, keep_default_na=False)
    assert len(frame) == len(raw)
    assert list(frame.columns)[: raw.shape[1]] == list(raw.columns)
    for column in raw:
        empty = raw[column] == ""
        assert frame[column].isna().equals(empty), column
        if pd.api.types.is_numeric_dtype(frame[column]):
            np.testing.assert_array_equal(frame[column][~empty], raw[column][~empty].astype(float))
        else:
            assert (frame[column][~empty] == raw[column][~empty]).all()


@pytest.mark.parametrize("name", LOADERS)
def test_a_loaded_frame_has_the_types_of_the_dictionary(name):
    frame = LOADERS[name]()
    kinds = dictionary().query("file == @name + '.csv'").set_index("column")["type"]
    assert list(frame.columns) == list(kinds.index)
    for column, kind in kinds.items():
        dtype = frame[column].dtype
        assert {
            "integer": dtype == np.int64,
            "number": dtype == np.float64,
            "text": dtype not in (np.int64, np.float64),
        }[kind], column


def test_every_csv_file_of_the_data_folder_has_a_loader():
    folder = data_path()
    files = {str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.csv")}
    assert {name for name in files if not name.startswith("measurements")} == set(LOADERS) == set(SCHEMAS)


def test_sizes_of_the_shipped_files():
    assert len(LOADERS["sync_runs"]()) == 305
    assert len(LOADERS["reference_sizing"]()) == 16
    assert len(LOADERS["field_reports"]()) == 280


def test_a_frame_belongs_to_the_caller():
    first = datasets.load_fleet_runs()
    first["agents"] = 0
    assert (datasets.load_fleet_runs()["agents"] > 0).all()


def test_a_shipped_file_that_has_changed_is_read_again_and_one_that_has_gone_is_named(tmp_path, monkeypatch):
    path = tmp_path / "reference_sizing.csv"
    shutil.copy(data_path("reference_sizing.csv"), path)
    monkeypatch.setattr(datasets, "data_path", lambda name: tmp_path / name)
    assert len(datasets.load_reference_sizing()) == 16
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert len(datasets.load_reference_sizing()) == 15
    path.unlink()
    assert error_of(path, lambda _: datasets.load_reference_sizing()).expected.startswith("a readable file")


def test_cores_are_those_of_the_shipped_machine_where_no_column_says_so():
    assert (LOADERS["sync_runs"]()["cores"] == 2).all()
    assert (LOADERS["reload_runs"]()["cores"] == 2).all()


def test_scrapes_of_the_index_are_there():
    for name in datasets.load_scrape_index()["name"]:
        for edge in ("before", "after"):
            assert data_path(f"scrapes/{name}.{edge}.prom").is_file()


# Where the data lie


def test_data_lie_inside_an_installed_package(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(datasets.resources, "files", lambda _: tmp_path)
    assert data_path("sync_runs.csv") == tmp_path / "data" / "sync_runs.csv"


def test_data_lie_beside_the_package_in_a_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.resources, "files", lambda _: tmp_path)
    assert data_path("scrapes") == Path(datasets.__file__).resolve().parent.parent / "data" / "scrapes"


def test_importing_the_package_imports_neither_pandas_nor_pandera():
    code = "import sys, capmodel; sys.exit(bool({'pandas', 'pandera'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# The dictionary


def readme_tables():
    """Column tables of data/README.md, by the file that their heading names."""
    tables, file = {}, None
    for line in data_path("README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("### "):
            file = line[4:]
        elif file and line.startswith("| `"):
            tables.setdefault(file, []).append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    return tables


def test_readme_tables_are_the_dictionary():
    wanted = {
        file: [(f"`{row.column}`", row.type, row.unit, row.meaning, row.allowed) for row in rows.itertuples()]
        for file, rows in dictionary().groupby("file", sort=False)
    }
    assert readme_tables() == wanted


def test_every_column_has_a_title_a_meaning_and_a_range():
    for schema in SCHEMAS.values():
        assert schema.description
        for name, column in schema.columns.items():
            assert column.title, name
            assert column.description, name
            assert column.metadata["allowed"], name


def test_units_agree_with_the_names_of_columns():
    endings = {
        "_per_s": "1/s",
        "_bytes": "bytes",
        "_bytes_per_op": "bytes",
        "_cpu_s_per_op": "CPU s",
        "_cpu_cores": "cores",
    }
    for row in dictionary().query("type != 'text'").itertuples():
        for ending, unit in endings.items():
            if row.column.endswith(ending):
                assert row.unit == unit, (row.file, row.column)
        if row.column.endswith("_s") and not row.column.endswith("_per_s"):
            assert row.unit == "s", (row.file, row.column)


def test_template_is_the_header_of_sync_runs():
    header = data_path("sync_runs.csv").read_text().splitlines()[0]
    assert data_path("measurements/template.csv").read_text() == header + "\n"


# Kinds of runs


@pytest.mark.parametrize("kind", RUN_KINDS)
def test_a_run_file_is_known_by_its_columns(kind, tmp_path):
    copy = Sheet(tmp_path, kind).write("anything.csv")
    runs = read_runs(copy)
    assert runs.kind == kind
    assert len(runs.frame) == 5
    assert (runs.frame["source"] == "anything").all()
    assert list(runs.frame.columns) == list(LOADERS[kind]().columns)


def test_order_of_columns_does_not_matter(tmp_path):
    sheet = Sheet(tmp_path)
    straight = read_runs(sheet.write()).frame
    sheet.header.reverse()
    for row in sheet.rows:
        row.reverse()
    pd.testing.assert_frame_equal(read_runs(sheet.write()).frame, straight)


def test_a_file_of_no_known_kind_names_the_closest_and_what_it_lacks(tmp_path):
    path = Sheet(tmp_path, "fleet_runs").drop("sync_per_s", "server_cpu_cores").write()
    error = error_of(path)
    assert "fleet_runs.csv" in error.expected
    assert "sync_per_s, server_cpu_cores" in error.expected
    assert (error.row, error.column) == (1, "sync_per_s")


# Good input in odd clothes


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_line_ends_and_byte_order_mark_make_no_difference(sheet, newline, encoding):
    plain = read_runs(sheet.write()).frame
    pd.testing.assert_frame_equal(read_runs(sheet.write(newline=newline, encoding=encoding)).frame, plain)


def test_empty_lines_and_quotes_make_no_difference(sheet):
    plain = read_runs(sheet.write()).frame
    path = sheet.folder / "mine.csv"
    lines = [",".join(f'"{cell}"' for cell in row) for row in [sheet.header, *sheet.rows]]
    path.write_text("\n" + lines[0] + "\n\n" + "\n\n".join(lines[1:]) + "\n\n")
    pd.testing.assert_frame_equal(read_runs(path).frame, plain)


def test_no_line_end_after_the_last_row(sheet):
    path = sheet.write()
    path.write_text(path.read_text().rstrip("\n"))
    assert len(read_runs(path).frame) == 5


@pytest.mark.parametrize("value", ["0.5", "-0.5", "9.007e15", "inf"])
def test_a_part_of_a_whole_is_refused_where_none_would_be_allowed(sheet, value):
    error = error_of(sheet.set(1, "node_selectors_per_agent", value).write())
    assert (error.row, error.column, error.value, error.further) == (3, "node_selectors_per_agent", value, 0)


def test_whole_numbers_may_be_written_as_decimals(sheet):
    frame = read_runs(sheet.set(0, "operations", "36.0").write()).frame
    assert frame["operations"].dtype == np.int64
    assert frame["operations"][0] == 36


def test_mysql_is_a_datastore(sheet):
    row = next(at for at, cells in enumerate(sheet.rows) if "mariadb" in cells)
    assert read_runs(sheet.set(row, "datastore", "mysql").write()).frame["datastore"][row] == "mysql"


def test_cores_may_be_given(sheet):
    frame = read_runs(sheet.add("cores", "16").write()).frame
    assert (frame["cores"] == 16).all()
    assert frame["cores"].dtype == np.int64


def test_the_loader_sets_the_source_whatever_the_file_says(sheet):
    assert (read_runs(sheet.add("source", "shipped").write()).frame["source"] == "mine").all()


# Bad cells: the error names file, line, column, value and expectation


@pytest.mark.parametrize(
    ("column", "value", "expectation"),
    [
        ("server_cpu_s_per_op", "-0.1", "a number (CPU s), more than 0"),
        ("server_cpu_s_per_op", "0", "a number (CPU s), more than 0"),
        ("datastore_cpu_s_per_op", "-1e-9", "a number (CPU s), 0 to 3600, or an empty cell"),
        ("server_cpu_s_per_op", "", "a number (CPU s)"),
        ("server_cpu_s_per_op", "inf", "a number (CPU s)"),
        ("latency_p99_s", "-inf", "a number (s)"),
        ("latency_mean_s", "1e999", "a number (s)"),
        ("latency_mean_s", "nan", "a number (s)"),
        ("latency_p50_s", "NA", "a number (s), more than 0, at most 86400, or an empty cell"),
        ("window_s", "soon", "a number (s)"),
        ("window_s", "3,5", "a number (s)"),
        ("window_s", "3_5", "a number (s)"),
        ("window_s", "٣", "a number (s)"),
        ("window_s", "0x3", "a number (s)"),
        ("window_s", "True", "a number (s)"),
        ("window_s", "0", "a number (s), 0.1 to"),
        ("agents", "4.5", "a whole number (agents)"),
        ("agents", "0", "a whole number (agents), 1 to"),
        ("operations", "1e300", "a whole number (operations)"),
        ("operations", "", "a whole number (operations)"),
        ("batch_size", "many", "a whole number (items)"),
        ("server_memory_bytes", "114", "a number (bytes), 1e+06 to"),
        ("sync_mode", "cache", "one of crawl, crawl_cached, full_cache, events_cache"),
        ("datastore", "oracle", "one of sqlite, postgresql, mariadb, mysql"),
        ("datastore", "", "one of sqlite, postgresql, mariadb, mysql"),
        ("operation", "Sync", "one of sync, "),
        ("think_distribution", "normal", "one of none, uniform, exponential"),
        ("spire_version", "latest", "a release such as v1.15.3"),
        ("run_id", "", "any text"),
        ("run_id", "mine0", "an identifier that no earlier row has"),
    ],
)
def test_a_wrong_cell_is_named(sheet, column, value, expectation):
    path = sheet.set(3, column, value).write()
    error = error_of(path)
    assert error.file == str(path)
    assert (error.row, error.column, error.value, error.further) == (5, column, value, 0)
    assert error.expected.startswith(expectation)


def test_a_column_of_truth_values_is_not_a_column_of_numbers(sheet):
    for row in range(len(sheet.rows)):
        sheet.set(row, "window_s", "True")
    error = error_of(sheet.write())
    assert (error.row, error.column, error.value, error.further) == (2, "window_s", "True", 4)


def test_the_first_cell_in_the_files_order_is_named_and_the_others_counted(sheet):
    sheet.set(4, "run_id", "mine0").set(2, "agents", "0").set(2, "concurrency", "x").set(3, "datastore", "oracle")
    error = error_of(sheet.write())
    assert (error.row, error.column, error.value, error.further) == (4, "agents", "0", 3)
    assert "3 more cells fail" in str(error)


def test_order_is_that_of_the_file_not_of_the_schema(tmp_path):
    sheet = Sheet(tmp_path)
    sheet.set(2, "agents", "0").set(2, "server_memory_bytes", "x")
    sheet.header.reverse()
    for row in sheet.rows:
        row.reverse()
    assert error_of(sheet.write()).column == "server_memory_bytes"


def test_lines_are_counted_as_an_editor_does(sheet):
    sheet.set(0, "run_id", "two\nlines").set(2, "agents", "-1")
    path = sheet.write()
    text = path.read_text().splitlines()
    text.insert(1, "")
    path.write_text("\n".join(text) + "\n")
    error = error_of(path)
    assert (error.row, error.column) == (6, "agents")
    assert ",-1," in path.read_text().splitlines()[5]


def test_a_wrong_cell_far_down_is_found(tmp_path, monkeypatch):
    sheet = Sheet(tmp_path, count=305)
    path = sheet.set(301, "agents", "x").set(302, "window_s", "y").set(303, "operations", "0").write()
    monkeypatch.setattr(tables, "_CHUNK_ROWS", 100)
    error = error_of(path)
    assert (error.row, error.column, error.value, error.further) == (303, "agents", "x", 2)


def test_a_long_value_is_cut_in_the_message_only(sheet):
    error = error_of(sheet.set(0, "agents", "x" * 5000).write())
    assert error.value == "x" * 5000
    assert len(str(error)) < 500


def test_a_datastore_of_its_own_is_refused_for_sqlite(sheet):
    row = next(at for at, cells in enumerate(sheet.rows) if "sqlite" in cells)
    error = error_of(sheet.set(row, "datastore_cpu_s_per_op", "0.001").write())
    assert (error.row, error.column) == (row + 2, "datastore_cpu_s_per_op")
    assert "sqlite" in error.expected


def test_percentiles_must_rise(sheet):
    error = error_of(sheet.set(1, "latency_p95_s", "0.001").write())
    assert (error.row, error.column, error.expected) == (3, "latency_p95_s", "at least latency_p50_s")


@pytest.mark.parametrize(
    ("name", "column", "factor"),
    [
        ("sync_runs", "window_s", 1e3),
        ("sync_runs", "latency_mean_s", 1e3),
        ("sync_runs", "server_cpu_s_per_op", 1e3),
        ("sync_runs", "server_memory_bytes", 2.0**-20),
        ("reload_runs", "window_s", 1e3),
        ("event_write_runs", "window_s", 1e3),
        ("saturation_runs", "window_s", 1e3),
        ("saturation_runs", "window_s", 1e-3),
        ("fleet_runs", "window_s", 1e3),
        ("fleet_runs", "server_cpu_cores", 1e3),
        ("shared_datastore_runs", "server_cpu_cores", 1e3),
        ("datastore_distance_runs", "window_s", 1e3),
    ],
)
def test_a_unit_that_is_wrong_by_a_thousand_is_found(tmp_path, name, column, factor):
    error = error_of(
        Sheet(tmp_path, name).scale(column, factor).write(),
        lambda path: tables.validated(tables.Table(path), SCHEMAS[name], "mine"),
    )
    assert error.row == 2
    assert error.column == column


# Bad files


def test_a_missing_column_is_named(sheet):
    error = error_of(sheet.drop("server_cpu_s_per_op", "agents").write())
    assert (error.row, error.column) == (1, "agents")
    assert "agents, server_cpu_s_per_op" in error.expected


def test_of_several_missing_columns_the_first_is_named_and_all_are_listed(sheet):
    error = error_of(sheet.drop("agents", "window_s").write())
    assert (error.row, error.column) == (1, min("agents", "window_s", key=shipped_rows()[0].index))
    assert "agents" in error.expected
    assert "window_s" in error.expected
    assert "unknown" not in error.expected


def test_of_several_unknown_columns_the_first_is_named_and_the_others_counted(sheet):
    error = error_of(sheet.add("zzzz", "1").add("qqqq", "2").write())
    assert (error.row, error.column, error.value, error.further) == (1, "zzzz", "zzzz", 1)
    assert "did you mean" not in error.expected
    assert "'zzzz', 'qqqq'" in error.expected


def test_of_several_repeated_columns_the_first_is_named(sheet):
    error = error_of(sheet.add("agents", "1").add("window_s", "2").write())
    assert (error.row, error.column, error.value) == (1, "agents", "agents")


def test_one_column_alone_is_not_taken_for_another_separator(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("run_id\na\n")
    assert "separated by commas" not in error_of(path).expected


def test_what_is_done_with_a_file_is_told_in_order(sheet):
    told = []
    read_runs(sheet.write(), lambda *step: told.append(step))
    doing, shares = zip(*(step for step in told if step[0].startswith("mine.csv: ")), strict=True)
    assert [text.removeprefix("mine.csv: ") for text in doing][:3] == [
        "counting fields", "reading numbers", "checking every cell",
    ]  # fmt: skip
    assert list(shares) == sorted(shares)


def test_a_misspelled_column_is_named_with_what_was_meant(sheet):
    sheet.header[sheet.header.index("server_cpu_s_per_op")] = "server_cpu_per_op"
    error = error_of(sheet.write())
    assert error.column == "server_cpu_s_per_op"
    assert "server_cpu_per_op" in error.expected


def test_an_unknown_column_is_refused(sheet):
    error = error_of(sheet.add("coers", "4").write())
    assert (error.row, error.column) == (1, "coers")
    assert "did you mean cores?" in error.expected


def test_a_repeated_column_is_refused(sheet):
    assert error_of(sheet.add("agents", "4").write()).column == "agents"


def test_another_separator_is_named(sheet):
    path = sheet.write()
    path.write_text(path.read_text().replace(",", ";"))
    error = error_of(path)
    assert error.row == 1
    assert "separated by commas" in error.expected


@pytest.mark.parametrize("cells", [-1, 1])
def test_a_ragged_row_is_named(sheet, cells):
    sheet.rows[2] = sheet.rows[2][:cells] if cells < 0 else [*sheet.rows[2], "7"]
    error = error_of(sheet.write())
    assert (error.row, error.column, error.value, error.expected) == (4, None, f"{30 + cells} fields", "30 fields")


def test_ragged_rows_that_cancel_out_are_found(sheet):
    sheet.rows[1] = [*sheet.rows[1], "7"]
    sheet.rows[2] = sheet.rows[2][:-1]
    assert error_of(sheet.write()).row == 3


@pytest.mark.parametrize("line", ["   ", '""', "\x0b"])
def test_a_line_that_only_looks_empty_is_a_ragged_row(sheet, line):
    path = sheet.write()
    path.write_text(path.read_text() + line + "\n")
    error = error_of(path)
    assert (error.row, error.value) == (7, "1 field")


def test_header_without_rows(sheet):
    sheet.rows.clear()
    error = error_of(sheet.write())
    assert "at least one row" in error.expected
    assert error.row == 2


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file(tmp_path, content):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    error = error_of(path)
    assert "not an empty file" in error.expected
    assert error.row == 1


def test_text_that_is_not_utf8_is_named_by_its_line(sheet):
    path = sheet.set(2, "run_id", "größe").write(encoding="latin-1")
    error = error_of(path)
    assert (error.row, error.value, error.expected) == (4, "byte 0xf6", "text in UTF-8")


def test_utf16_as_a_spreadsheet_writes_it(sheet):
    assert error_of(sheet.write(encoding="utf-16")).expected == "text in UTF-8"


@pytest.mark.parametrize("content", [b"\x00" * 100, b"run_id,agents\nx\x00y,3\n", b'"never closed\na,b\n', b'"a"b,c\n'])
def test_binary_and_broken_files(tmp_path, content):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    error_of(path)


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=300))
def test_garbage_is_a_data_error_and_nothing_else(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("garbage") / "mine.csv"
    header = ",".join(shipped_rows()[0]).encode()
    for prefix in (b"", header + b"\n"):
        path.write_bytes(prefix + content)
        error_of(path)


@settings(max_examples=60, deadline=None)
@given(row=st.integers(0, 4), column=st.integers(0, 29), value=st.text(max_size=12) | st.floats().map(str))
def test_any_cell_either_loads_or_is_named(row, column, value, tmp_path_factory):
    sheet = Sheet(tmp_path_factory.mktemp("cell"))
    name = sheet.header[column]
    path = sheet.set(row, name, value).write()
    try:
        frame = read_runs(path).frame
    except DataError as error:
        assert error.row is not None  # noqa: PT017
        return
    cell = frame[name][row]
    if pd.isna(cell):
        assert value == ""
    elif isinstance(cell, str):
        assert cell == value
    else:
        assert cell == float(value)
        assert np.isfinite(cell)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({}, "runs.csv: expected a number."),
        ({"row": 3, "column": "window_s"}, "runs.csv, line 3, column window_s: expected a number."),
        ({"row": 3, "value": ""}, "runs.csv, line 3: found an empty cell, expected a number."),
        ({"value": "x", "further": 1}, "runs.csv: found 'x', expected a number (1 more cell fails)."),
        ({"value": "x", "further": 2}, "runs.csv: found 'x', expected a number (2 more cells fail)."),
        ({"value": 60 * "x"}, f"runs.csv: found '{60 * 'x'}', expected a number."),
        ({"value": 61 * "x"}, f"runs.csv: found '{60 * 'x'}...', expected a number."),
        ({"column": "two\nlines"}, "runs.csv, column 'two\\nlines': expected a number."),
    ],
)
def test_what_an_error_says(fault, message):
    assert str(DataError("runs.csv", "a number", **fault)) == message


def test_a_quote_inside_a_cell_is_refused(sheet):
    path = sheet.write()
    path.write_text(path.read_text().replace("mine1,", '"mi"ne1,'))
    error = error_of(path)
    assert error.row == 3
    assert error.expected.startswith("comma-separated values (")


@pytest.mark.parametrize("parting", ["\r", "\n"])
def test_records_that_are_no_lines_are_counted_by_their_cells(sheet, parting):
    """Every line has as many commas as the header; the records, parted inside a line or across two, have not."""
    first, *others = ",".join(sheet.header), *map(",".join, sheet.rows)
    start, _, end = others[0].rpartition(",")
    others[0] = f"{start},\r{end}" if parting == "\r" else f'{start},"{end}\n{end}",{start}'
    path = sheet.write()
    path.write_bytes("\n".join([first, *others]).encode())
    error = error_of(path)
    assert error.row == 2 + (parting == "\r")
    assert error.value == ("1 field" if parting == "\r" else "59 fields")


@pytest.mark.parametrize(("text", "line"), [("\0", 1), ("\n\0", 2), ("a\n\nb\0", 3)])
def test_a_byte_of_no_text_is_named_by_its_line(tmp_path, text, line):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    error = error_of(path)
    assert (error.row, error.value, error.expected) == (line, "byte 0x00", "text in UTF-8")


def test_a_file_that_is_not_there(tmp_path):
    error = error_of(tmp_path / "nowhere.csv")
    assert error.row is None
    assert error.expected == "a readable file (No such file or directory)"


def test_a_folder_is_no_file(tmp_path):
    error_of(tmp_path)


def test_an_error_survives_the_way_to_another_process(sheet):
    error = error_of(sheet.set(0, "agents", "x").set(1, "agents", "y").write())
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))


# The user's own runs beside the shipped


def test_own_runs_come_after_the_shipped(sheet):
    sheet.write("b.csv")
    Sheet(sheet.folder, count=2).set(0, "run_id", "x").set(1, "run_id", "y").write("a.csv")
    frame = load_sync_runs([sheet.folder])
    shipped = load_sync_runs(())
    assert frame["source"].value_counts(sort=False).to_dict() == {"shipped": len(shipped), "a": 2, "b": 5}
    assert frame.index.equals(pd.RangeIndex(len(shipped) + 7))
    assert frame["run_id"].is_unique
    pd.testing.assert_frame_equal(frame[: len(shipped)], shipped)


@pytest.mark.parametrize("form", [str, Path, lambda path: [path], lambda path: (str(path), path.parent), iter])
def test_paths_may_be_given_in_several_forms(sheet, form):
    path = sheet.write()
    paths = iter([path]) if form is iter else form(path)
    assert (load_sync_runs(paths)["source"] == "mine").sum() == 5


def test_windows_are_pooled_only_in_a_file_of_more_than_so_many(sheet, monkeypatch):
    sheet.rows = [[f"mine{number}", *sheet.rows[0][1:]] for number in range(5)]
    path = sheet.write()
    shipped = len(load_sync_runs(()))
    for most, rows in ((5, 5), (4, 1)):
        monkeypatch.setattr(datasets, "POOLED_FROM", most)
        assert len(load_sync_runs(path)) - shipped == rows


def test_by_default_the_measurements_folder_is_read(sheet, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    (folder / "measurements").mkdir(parents=True)
    for name in ("sync_runs.csv", "measurements/template.csv", "measurements/README.md"):
        (folder / name).write_bytes(data_path(name).read_bytes())
    monkeypatch.setattr(datasets.resources, "files", lambda _: tmp_path)
    assert set(load_sync_runs()["source"]) == {"shipped"}
    sheet.write().rename(folder / "measurements" / "mine.csv")
    assert set(load_sync_runs()["source"]) == {"shipped", "mine"}
    assert set(load_sync_runs(())["source"]) == {"shipped"}


def test_a_template_with_rows_is_not_read_but_pointed_out(sheet):
    sheet.write("template.csv")
    with pytest.warns(UserWarning, match=r"template\.csv holds rows but is never read") as told:
        assert load_sync_runs(sheet.folder)["source"].eq("shipped").all()
    assert [warning.filename for warning in told] == [__file__]


def test_a_template_that_is_empty_or_absent_is_nothing_to_point_out(sheet):
    sheet.rows.clear()
    path = sheet.write("template.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_sync_runs(sheet.folder)
        path.unlink()
        load_sync_runs(path)


def test_run_ids_are_unique_across_files(sheet):
    path = sheet.set(3, "run_id", "op0007").write()
    error = error_of(path, load_sync_runs)
    assert (error.row, error.column, error.value) == (5, "run_id", "op0007")
    assert "the shipped sync_runs.csv" in error.expected
    first, second = Sheet(sheet.folder).write("first.csv"), Sheet(sheet.folder).write("second.csv")
    error = error_of(second, lambda path: load_sync_runs([first, path]))
    assert (error.row, error.value, error.further) == (2, "mine0", 4)
    assert str(first) in error.expected


def test_a_file_named_shipped_is_refused(sheet):
    error_of(sheet.write("shipped.csv"), load_sync_runs)


# Writing


def test_text_that_a_spreadsheet_would_run_is_written_as_text_and_the_rest_as_it_is(tmp_path):
    frame = pd.DataFrame({"name": ["=1+1", "a run", None], "more": ["b", "c", "d"], "number": [-1, 2, 3]})
    before = frame.copy()
    write_csv(frame, tmp_path / "runs.csv")
    assert (tmp_path / "runs.csv").read_text() == "name,more,number\n'=1+1,b,-1\na run,c,2\n,d,3\n"
    pd.testing.assert_frame_equal(frame, before)


def test_what_is_written_loads_again(tmp_path):
    frame = load_sync_runs(())
    path = tmp_path / "copy.csv"
    write_csv(frame, path)
    again = read_runs(path).frame
    pd.testing.assert_frame_equal(again.drop(columns="source"), frame.drop(columns="source"))
    assert re.search(rb"\r", path.read_bytes()) is None


class Unwritable(pd.DataFrame):
    """Fails after it has written a part."""

    def to_csv(self, stream, **options):
        stream.write("half a li")
        raise OSError("no space left")


@pytest.mark.parametrize("before", [None, "old\n"])
def test_nothing_half_written_is_left(tmp_path, before):
    path = tmp_path / "runs.csv"
    if before is not None:
        path.write_text(before)
    with pytest.raises(OSError, match="no space left"):
        write_csv(Unwritable({"a": [1]}), path)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == (
        {} if before is None else {"runs.csv": before}
    )


def test_the_file_is_replaced_only_when_complete(tmp_path, monkeypatch):
    path = tmp_path / "runs.csv"
    path.write_text("old\n")
    seen = []
    monkeypatch.setattr(tables.os, "fsync", lambda _: seen.append(path.read_text()))
    write_csv(pd.DataFrame({"a": [1]}), path)
    assert seen == ["old\n"]
    assert path.read_text() == "a\n1\n"


def test_permissions_are_those_of_the_old_file_or_of_any_new_one(tmp_path):
    old, new, plain = tmp_path / "old.csv", tmp_path / "new.csv", tmp_path / "plain"
    old.touch()
    old.chmod(0o640)
    plain.touch()
    for path in (old, new):
        write_csv(pd.DataFrame({"a": [1]}), path)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert stat.S_IMODE(new.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_link_still_points_to_the_file_after_writing(tmp_path):
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.touch()
    link.symlink_to(target)
    write_csv(pd.DataFrame({"a": [1]}), link)
    assert link.is_symlink()
    assert target.read_text() == "a\n1\n"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    """As a device is; but one that an error here would replace by a file is the machine's, not the test's."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # Open for both, so that nobody waits for the other end.
    end = os.open(pipe, os.O_RDWR)
    write_csv(pd.DataFrame({"a": [1]}), pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    os.set_blocking(end, False)
    assert os.read(end, 100) == b"a\n1\n"
    os.close(end)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
