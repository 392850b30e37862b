"""The speed of a machine: known factors come back inside the interval, and no interval is narrower than its rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fitted import costs
from hypothesis import given, settings
from hypothesis import strategies as st

import capmodel as cm
from capmodel.machine import machine_speed

RUNS = cm.load_sync_runs(paths=())
SYNCS = RUNS[(RUNS["operation"] == "sync") & (RUNS["sync_mode"] == "full_cache")]


def slower(runs, factor):
    """Return what a machine would have measured on which everything takes ``factor`` as long, the client apart."""
    times = ["server_cpu_s_per_op", "datastore_cpu_s_per_op", "latency_mean_s", "window_s"]
    return runs.assign(**{name: runs[name] * factor for name in times})


def test_ten_rows_from_a_machine_half_as_fast_give_a_half():
    speed = machine_speed(slower(SYNCS.sample(10, random_state=1), 2.0), costs())
    assert speed.lower < 0.5 < speed.upper
    assert (speed.rows, speed.left_out, speed.component) == (10, 0, "server")
    # Ten rows are worth something: a machine of the shipped runs' speed is told apart.
    assert speed.upper < 0.75


@pytest.mark.parametrize("component", ["server", "datastore"])
@pytest.mark.parametrize("factor", [0.2, 2.0, 7.0])
def test_a_slower_machine_has_the_speed_divided_by_the_factor(component, factor):
    rows = SYNCS[SYNCS["datastore"] != "sqlite"]
    one, other = machine_speed(rows, costs(), component), machine_speed(slower(rows, factor), costs(), component)
    for end in ("estimate", "lower", "upper"):
        assert getattr(other, end) == pytest.approx(getattr(one, end) / factor, rel=1e-9)


def test_the_shipped_runs_were_measured_on_a_machine_of_speed_one():
    for component in ("server", "datastore"):
        speed = machine_speed(RUNS, costs(), component)
        assert speed.lower < 1.0 < speed.upper
        assert speed.rows + speed.left_out == len(RUNS)


def test_intervals_hold_the_truth_as_often_as_they_say():
    # With 10 of the shipped rows 30 times, at least 90 % less three standard errors of such a count.
    random = np.random.default_rng(7)
    inside = 0
    for _ in range(30):
        speed = machine_speed(RUNS.iloc[random.choice(len(RUNS), 10, replace=False)], costs())
        inside += speed.lower < 1.0 < speed.upper
    assert inside >= 30 * 0.9 - 3 * np.sqrt(30 * 0.9 * 0.1)


@settings(max_examples=15)
@given(rows=st.integers(1, 30), level=st.floats(0.5, 0.98))
def test_an_interval_holds_its_estimate_and_grows_with_its_level(rows, level):
    part = SYNCS.iloc[:rows]
    one, wider = machine_speed(part, costs(), level=level), machine_speed(part, costs(), level=level + 0.01)
    assert wider.lower < one.lower < one.estimate < one.upper < wider.upper


def test_windows_of_one_configuration_count_once():
    row = SYNCS.iloc[[0]]
    many = pd.concat([row] * 20, ignore_index=True)
    one, twenty = machine_speed(row, costs()), machine_speed(many, costs())
    assert (one.configurations, twenty.configurations, twenty.rows) == (1, 1, 20)
    assert twenty.upper / twenty.lower == pytest.approx(one.upper / one.lower)


def test_rows_without_a_measurement_are_left_out():
    runs = SYNCS.head(6).assign(server_cpu_s_per_op=[np.nan, 0.0, *SYNCS["server_cpu_s_per_op"].iloc[2:6]])
    assert machine_speed(runs, costs()) == machine_speed(SYNCS.iloc[2:6], costs())._replace(left_out=2)


@pytest.mark.parametrize(
    ("runs", "options", "message"),
    [
        (SYNCS, {"component": "client"}, "component: got 'client'"),
        (SYNCS, {"level": 1.0}, "level: got 1.0"),
        (SYNCS.head(0), {}, "no row with server_cpu_s_per_op"),
        (RUNS[RUNS["datastore"] == "sqlite"], {"component": "datastore"}, "no row with datastore_cpu_s_per_op"),
    ],
)
def test_what_cannot_be_estimated_is_refused(runs, options, message):
    with pytest.raises(ValueError, match=message):
        machine_speed(runs, costs(), **options)


def test_operations_without_a_price_tell_no_speed():
    few = replace(costs(), fits={key: fit for key, fit in costs().fits.items() if key[0] == "crawl"})
    with pytest.raises(ValueError, match=r"^runs: got operations that no run in the fit contains, expected one with a"):
        machine_speed(SYNCS.head(3), few)


# How many windows are enough


def test_precision_is_the_median_width_over_orders_of_the_windows():
    windows = SYNCS.reset_index(drop=True)
    found = cm.machine.speed_precision(windows, costs(), [4, len(windows)], component="datastore", draws=3, seed=5)
    random = np.random.default_rng(5)
    orders = [random.permutation(len(windows)) for _ in range(3)]
    four = [machine_speed(windows.iloc[order[:4]], costs(), "datastore") for order in orders]
    whole = machine_speed(windows, costs(), "datastore")
    assert found["windows"].tolist() == [4, len(windows)]
    assert found["half_width"].tolist() == pytest.approx(
        [sorted((one.upper / one.lower) ** 0.5 for one in four)[1] - 1, (whole.upper / whole.lower) ** 0.5 - 1]
    )


@pytest.mark.parametrize("counts", [[0], [5, 6]])
def test_no_more_windows_are_drawn_than_there_are(counts):
    with pytest.raises(ValueError, match=rf"counts: got \[.*{counts[-1]}\], expected numbers from 1 to 5"):
        cm.machine.speed_precision(SYNCS[:5], costs(), counts)
