"""Intervals hold for configurations that the fit never saw, and the check of that can fail."""

import functools

import numpy as np
import pandas as pd
import pytest

import capmodel as cm
from capmodel.cross_validation import CrossValidation, cross_validate
from capmodel.work import configurations

FOLDS = 4


@functools.cache
def runs() -> pd.DataFrame:
    return cm.load_sync_runs(paths=())


def on_sqlite() -> pd.DataFrame:
    """Return the runs that a fit takes the shortest for."""
    return runs().query("datastore == 'sqlite'").reset_index(drop=True)


@functools.cache
def held_out() -> CrossValidation:
    return cross_validate(runs(), folds=FOLDS)


def test_nine_of_ten_measurements_left_out_lie_inside_ninety_percent_intervals() -> None:
    table = held_out().summary_frame(by=()).iloc[0]
    assert table.rows > 450
    assert 0.85 <= table.coverage_90 <= 0.95
    assert 0.72 <= table.coverage_80 <= 0.88
    assert 0.42 <= table.coverage_50 <= 0.60


def test_the_median_error_of_rows_left_out_is_at_most_twelve_percent() -> None:
    assert held_out().summary_frame(by=()).median_abs_relative_error.item() <= 0.12


def test_shuffled_measurements_cannot_be_predicted() -> None:
    true = on_sqlite()
    shuffled = true.assign(server_cpu_s_per_op=np.random.default_rng(0).permutation(true["server_cpu_s_per_op"]))
    error, least = (
        cross_validate(rows, folds=2).summary_frame(by=()).median_abs_relative_error.item() for rows in (shuffled, true)
    )
    assert error > 4 * least


def test_windows_of_one_configuration_leave_together() -> None:
    frame = held_out().predictions.query("file == 'sync_runs.csv'")
    label = pd.Series(configurations(runs()), index=runs().index)
    assert len(set(zip(frame["row"].map(label), frame["fold"], strict=True))) == frame["row"].map(label).nunique()


def test_configurations_tell_apart_what_was_set_and_not_what_was_measured() -> None:
    pair = runs().iloc[[0, 0, 0]].reset_index(drop=True)
    pair.loc[1, "server_cpu_s_per_op"] = 1.0
    pair.loc[2, "concurrency"] = 99
    first, second, third = configurations(pair)
    assert first == second != third


def test_each_row_is_predicted_once() -> None:
    assert not held_out().predictions.duplicated(["file", "row", "quantity"]).any()


def test_groups_add_up() -> None:
    assert held_out().summary_frame().rows.sum() == len(held_out().predictions)


def test_the_number_of_jobs_changes_nothing() -> None:
    alone, together = (cross_validate(on_sqlite(), folds=2, n_jobs=jobs).predictions for jobs in (1, 2))
    pd.testing.assert_frame_equal(together, alone)


@pytest.mark.parametrize("folds", [0, 1, 10_000])
def test_an_impossible_number_of_folds_is_refused(folds: int) -> None:
    with pytest.raises(ValueError, match=f"folds: got {folds}, expected at least 2"):
        cross_validate(runs(), folds=folds)
