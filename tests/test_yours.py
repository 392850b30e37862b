"""The section on a reader's own runs, and what is kept from one page to the next."""

import dataclasses
import json
import os
import re
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
import remember
import yours
from conftest import ROOT
from fitted import costs

import capmodel as cm
from capmodel import charts, datasets
from capmodel.charts import _packed

RUNS = cm.load_sync_runs(paths=())
SYNCS = RUNS[(RUNS["operation"] == "sync") & (RUNS["sync_mode"] == "full_cache") & (RUNS["think_time_s"] == 0.0)]
HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture
def shown(monkeypatch):
    """Return what a section displays, as text: markdown, tables and specifications of charts."""
    found = []

    def keep(thing):
        if hasattr(thing, "to_dict"):
            found.append(("chart", thing.to_dict()))
        else:
            found.append((type(thing).__name__, thing.data))

    monkeypatch.setattr(yours, "display", keep)
    return found


@pytest.fixture(scope="module")
def joined():
    """Return shipped rows with eight of another machine, and the fit to both."""
    own = SYNCS.iloc[::5].head(8)
    times = [name for name in own if name.endswith("_s_per_op") or name.startswith("latency")]
    own = own.assign(**{name: 2.0 * own[name] for name in times if "cpu" in name}, source=HOSTILE)
    own = own.assign(run_id=["=1+1", HOSTILE, *[f"mine-{k}" for k in range(len(own) - 2)]])
    runs = pd.concat([RUNS, own], ignore_index=True)
    return runs, cm.OperationCosts(runs).fit()


def test_without_own_runs_one_line_says_how_to_add_them(shown):
    yours.show(RUNS, costs())
    assert len(shown) == 1
    kind, text = shown[0]
    assert kind == "Markdown"
    assert "(measurements.md)" in text


def test_own_runs_are_counted_drawn_and_compared(shown, joined):
    runs, fitted = joined
    yours.show(runs, fitted, operations=("sync",))
    assert [kind for kind, _ in shown] == ["Markdown", "chart", "HTML"]
    text, chart, table = (content for _, content in shown)
    assert ": 8 rows." in text
    speed = fitted.sources().set_index("component").loc["server"]
    assert f"server {charts.number(speed.speed)} ({charts.number(speed.lower)} to {charts.number(speed.upper)}" in text
    drawn = json.dumps(chart)
    assert "diamond" in drawn
    assert chart["description"]
    assert table.count("<tr>") == len(
        runs.tail(8).melt(["datastore", "sync_mode"], ["server_cpu_s_per_op", "datastore_cpu_s_per_op"])
        .query("value > 0").drop(columns="value").drop_duplicates()
    )  # fmt: skip


def test_nothing_in_a_name_is_taken_for_markup_or_a_formula(shown, joined):
    runs, fitted = joined
    yours.show(runs, fitted)
    text, chart, table = (content for _, content in shown)
    assert "<script" not in text + table
    values = [row for part in chart["datasets"].values() for row in part] if "datasets" in chart else []
    values += [row for panel in chart["hconcat"] for layer in panel["layer"] for row in layer["data"].get("values", [])]
    names = [row["run_id"] for row in values if "run_id" in row]
    assert "'=1+1" in names
    assert not any(name.startswith(("=", "+", "-", "@")) for name in names)
    # What is written into a page ends no script.
    assert "</script" not in _packed.short(chart)


def test_pages_that_are_about_something_else_say_so(shown, joined):
    runs, fitted = joined
    yours.show(runs, fitted, operations=("sign_jwt",))
    assert [kind for kind, _ in shown] == ["Markdown", "Markdown"]
    yours.show(runs, fitted, quantity="loops")
    assert "None of them" in shown[-1][1]


def test_callers_that_pause_are_predicted_as_loops(shown):
    pausing = RUNS[(RUNS["think_time_s"] > 0.0) & (RUNS["operation"] == "sync")].head(3)
    own = pausing.assign(source="mine", run_id=["a", "b", "c"])
    runs = pd.concat([RUNS, own], ignore_index=True)
    yours.show(runs, costs(), quantity="loops")
    assert [kind for kind, _ in shown] == ["Markdown", "chart", "HTML"]
    assert "throughput" in shown[2][1]
    assert "response time" in shown[2][1]


def test_of_many_points_some_are_drawn_and_all_are_counted(shown, monkeypatch):
    drawn = []
    monkeypatch.setattr(charts, "own_runs", lambda checked, _: drawn.append(len(checked)) or yours.Markdown("a chart"))
    own = pd.concat([SYNCS] * 10, ignore_index=True).head(700)
    own = own.assign(source="mine", run_id=[str(k) for k in range(len(own))])
    yours.show(pd.concat([RUNS, own], ignore_index=True), costs())
    scored = int((own["server_cpu_s_per_op"] > 0.0).sum() + (own["datastore_cpu_s_per_op"] > 0.0).sum())
    assert 0 < drawn[0] <= 300 < scored
    rows = re.findall(r"<td>(\d+) of (\d+)</td>", shown[-1][1])
    assert sum(int(count) for _, count in rows) == scored


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_is_written_as_text(tmp_path, start):
    frame = pd.DataFrame({"label": [f"{start}cmd|' /C calc'!A0", "a-b=c", None], "value": [-1.5, 2.0, np.nan]})
    before = frame.copy()
    datasets.write_csv(frame, tmp_path / "out.csv")
    read = pd.read_csv(tmp_path / "out.csv", lineterminator="\n")
    assert read["label"].iloc[0].startswith("'" + start)
    assert read["label"].iloc[1] == "a-b=c"
    assert read["value"].tolist()[:2] == [-1.5, 2.0]
    pd.testing.assert_frame_equal(frame, before)


# What is kept


def test_a_result_is_made_once_for_the_same_arguments(tmp_path):
    calls = []

    def double(value, by=2):
        calls.append(value)
        return value * by

    kept = remember.remembered(double, "double", tmp_path)
    assert [kept(3), kept(3), kept(3, by=3), kept(4), kept(3)] == [6, 6, 9, 8, 6]
    assert calls == [3, 3, 4]
    frame = pd.DataFrame({"x": [1.0, 2.0], "name": ["a", "b"]})
    for _ in range(2):
        pd.testing.assert_frame_equal(kept(frame[["x"]]), frame[["x"]] * 2)
    assert len(calls) == 4
    kept(frame[["x"]].assign(x=[1.0, 2.0 + 1e-12]))
    assert len(calls) == 5


def test_what_does_not_change_is_known_by_name_and_what_is_asked_of_it_by_another_process_too(tmp_path, monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Fit:
        numbers: object

    monkeypatch.setattr(sys.modules[__name__], "Fit", Fit, raising=False)
    Fit.__qualname__ = "Fit"
    calls = []

    def ask(fit, about):
        calls.append(about)
        return about

    def names():
        return {path.name for path in tmp_path.glob("*.pickle")}

    fitted = remember.remembered(lambda value: Fit(np.full(2, value)), "fit", tmp_path)
    asked = remember.remembered(ask, "ask", tmp_path)
    for fit in (fitted(1.0), fitted(1.0), fitted(2.0), Fit(np.full(2, 1.0)), Fit(np.full(2, 3.0))):
        asked(fit, "speed")
    # The first two are one by name; the others are told apart by what is in them.
    assert len(calls) == 4
    before = names()
    monkeypatch.setattr(remember, "_names", {})
    asked(fitted(1.0), "speed")
    assert (len(calls), names()) == (4, before)


@pytest.mark.parametrize("damage", [b"", b"no pickle", None])
def test_a_damaged_result_is_made_again(tmp_path, damage):
    kept = remember.remembered(lambda value: value + 1, "add", tmp_path)
    assert kept(1) == 2
    (path,) = tmp_path.glob("*.pickle")
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    assert kept(1) == 2
    assert not list(tmp_path.glob("*.new"))


def test_the_second_to_ask_waits_for_the_first(tmp_path):
    calls = []

    def slow(value):
        calls.append(value)
        time.sleep(0.2)
        return value

    kept = remember.remembered(slow, "slow", tmp_path)
    threads = [threading.Thread(target=kept, args=(1,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]


def test_what_cannot_be_told_apart_or_kept_is_computed(tmp_path):
    kept = remember.remembered(lambda call: call(), "call", tmp_path)
    values = iter([1, 2])
    assert [kept(lambda: next(values)), kept(lambda: next(values))] == [1, 2]
    unkept = remember.remembered(lambda value: lambda: value, "make", tmp_path)
    assert unkept(3)() == 3


def test_a_changed_file_under_the_same_name_is_read_again(tmp_path):
    path = tmp_path / "mine.csv"
    before = remember._files([path])
    path.write_text("a\n1\n")
    first = remember._files([path])
    path.write_text("a\n2\n")
    assert len({before, first, remember._files([path])}) == 3
    assert remember._files(tmp_path) == remember._files([path])
    assert remember._files(()) == ()


def test_results_of_other_code_are_removed(tmp_path):
    one = remember.prepare(tmp_path, "a" * 64)
    (one / "x.pickle").write_text("")
    other = remember.prepare(tmp_path, "b" * 64)
    assert not one.exists()
    assert other.is_dir()


def test_results_that_nobody_asks_for_go_in_time(tmp_path):
    folder = remember.prepare(tmp_path, "a" * 64)
    double = remember.remembered(lambda value: 2 * value, "double", folder)
    assert [double(1), double(2)] == [2, 4]
    for path in folder.iterdir():
        os.utime(path, (0.0, 0.0))
    assert double(2) == 4  # asked for again
    assert remember.prepare(tmp_path, "a" * 64) == folder
    assert [path.suffix for path in sorted(folder.iterdir())] == [".lock", ".pickle"]


def test_a_kernels_start_makes_every_named_function_keep_its_results(tmp_path):
    code = remember.startup(tmp_path) + (
        "import importlib\n"
        "for module, names in remember.REMEMBERED.items():\n"
        "    for name in names:\n"
        "        owner = importlib.import_module(module)\n"
        "        for part in name.split('.'):\n"
        "            owner = getattr(owner, part)\n"
        "        assert owner.__wrapped__, name\n"
        "import capmodel as cm\n"
        "print(len(cm.load_sync_runs(())), len(cm.load_sync_runs(())))\n"
    )
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == [str(len(RUNS))] * 2
    assert len(list(tmp_path.glob("*.pickle"))) == 1
