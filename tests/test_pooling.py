"""Pooled windows say what all of them together say."""

import numpy as np
import pandas as pd
import pytest
from fitted import costs
from hypothesis import given, settings
from hypothesis import strategies as st

import capmodel as cm
from capmodel import datasets, pooling

RUNS = cm.load_sync_runs(paths=())


def many(copies, seed=0):
    """Return the shipped rows so many times, each with noise of its own."""
    random = np.random.default_rng(seed)
    runs = pd.concat([RUNS] * copies, ignore_index=True)
    noise = random.gamma(70.0, 1 / 70.0, (2, len(runs)))
    return runs.assign(
        run_id=[f"r{k}" for k in range(len(runs))],
        server_cpu_s_per_op=runs["server_cpu_s_per_op"] * noise[0],
        datastore_cpu_s_per_op=runs["datastore_cpu_s_per_op"] * noise[1],
    )


@pytest.fixture(scope="module")
def pooled():
    return pooling.pool_windows(many(40))


def test_no_window_operation_or_cpu_second_is_lost(pooled):
    runs = many(40)
    for name in ("window_s", "operations"):
        assert pooled[name].sum() == pytest.approx(runs[name].sum(), rel=1e-12)
    for name in ("server_cpu_s_per_op", "datastore_cpu_s_per_op", "latency_mean_s", "datastore_queries_per_op"):
        both = [(frame[name] * frame["operations"]).sum() for frame in (pooled, runs)]
        # Rows without a count of queries are pooled with those that have one.
        assert both[0] == pytest.approx(both[1], rel=0.02 if name == "datastore_queries_per_op" else 1e-9)


def test_many_rows_become_few_and_each_says_how_many_it_stands_for(pooled):
    assert len(pooled) <= len(RUNS)
    assert pooled["run_id"].is_unique
    more = pooled["run_id"].str.extract(r"and (\d+) more$", expand=False).fillna(0).astype(int)
    assert (more + 1).sum() == 40 * len(RUNS)


def test_windows_that_differ_in_what_a_cost_depends_on_stay_apart(pooled):
    for name in ("source", "spire_version", "sync_mode", "datastore", "operation", "batch_size", "ca_key_type"):
        assert set(pooled[name]) == set(RUNS[name])
    rows = RUNS[RUNS["datastore"] == "postgresql"].head(1)
    apart = [
        rows,
        rows.assign(entries_per_agent=2 * rows["entries_per_agent"] + 1),
        rows.assign(concurrency=4 * rows["concurrency"]),
        rows.assign(window_s=2.0 * rows["window_s"]),
        rows.assign(datastore_cpu_s_per_op=np.nan),
        rows.assign(source="mine"),
    ]
    assert len(pooling.pool_windows(pd.concat(apart, ignore_index=True))) == len(apart)


def test_percentiles_of_several_windows_are_not_made_up(pooled):
    several = pooled["run_id"].str.contains(" more")
    assert pooled.loc[several, ["latency_p50_s", "latency_p95_s", "latency_p99_s"]].isna().all(axis=None)
    single = pooling.pool_windows(RUNS.head(1))
    pd.testing.assert_frame_equal(single, RUNS.head(1).reset_index(drop=True), check_dtype=False)


@settings(max_examples=5)
@given(order=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(order):
    runs = many(2).head(400)
    places = list(range(len(runs)))
    order.shuffle(places)
    one, other = pooling.pool_windows(runs), pooling.pool_windows(runs.iloc[places])
    numbers = ["operations", "window_s", "server_cpu_s_per_op", "entries"]
    keys = ["operations", "server_cpu_s_per_op"]
    both = [frame[numbers].sort_values(keys).to_numpy() for frame in (one, other)]
    assert both[0] == pytest.approx(both[1], rel=1e-9)


def test_pooled_rows_tell_the_same_speed():
    own = many(40, seed=1)
    own = own[own["operation"] == "sync"]
    for part in ("server", "datastore"):
        one, all_ = (cm.machine_speed(rows, costs(), part) for rows in (own.head(237), pooling.pool_windows(own)))
        assert all_.estimate == pytest.approx(one.estimate, rel=0.03)
        assert all_.upper / all_.lower == pytest.approx(one.upper / one.lower, rel=0.15)


def test_a_large_file_is_pooled_when_it_is_loaded_and_progress_is_told(tmp_path):
    path = tmp_path / "large.csv"
    datasets.write_csv(many(40).drop(columns="source"), path)
    told = []
    runs = cm.load_sync_runs([path], lambda doing, share: told.append((doing, share)))
    own = runs[runs["source"] == "large"]
    assert len(own) <= len(RUNS)
    assert own["operations"].sum() == 40 * RUNS["operations"].sum()
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert any("pooling" in doing for doing, _ in told)
