"""Checks of the fits against measured rows: what is scored, what is not and why, and what the scores mean."""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from fitted import costs

import capmodel as cm
from capmodel import validation
from capmodel.costs import OperationCosts
from capmodel.datasets import DataError
from capmodel.schemas import RUN_KINDS, SCHEMAS

LOADERS = {
    "sync_runs": lambda: cm.load_sync_runs(paths=()),
    "reload_runs": cm.load_reload_runs,
    "saturation_runs": cm.load_saturation_runs,
    "fleet_runs": cm.load_fleet_runs,
    "shared_datastore_runs": cm.load_shared_datastore_runs,
    "datastore_distance_runs": cm.load_datastore_distance_runs,
}
QUANTITIES = {
    "sync_runs": {"server_cpu_s_per_op", "datastore_cpu_s_per_op"},
    "reload_runs": {"server_cpu_s_per_op", "datastore_cpu_s_per_op"},
    "saturation_runs": {"throughput_per_s", "response_time_mean_s"},
    "fleet_runs": {"server_cpu_cores", "datastore_cpu_cores", "sync_per_s", "response_time_mean_s"},
    "shared_datastore_runs": {"server_cpu_cores", "datastore_cpu_cores", "sync_per_s", "response_time_mean_s"},
    "datastore_distance_runs": {"throughput_per_s", "response_time_mean_s"},
}


#: Rows that stand for each kind where every row would take long: solving a loop takes tens of milliseconds.
SOME = {
    "sync_runs": slice(None, None, 6),
    "saturation_runs": slice(None, None, 8),
    "fleet_runs": slice(None, None, 3),
    "shared_datastore_runs": slice(1, 9, 2),
    "datastore_distance_runs": slice(None, None, 7),
}


@cache
def all_runs(kind: str) -> pd.DataFrame:
    return LOADERS[kind]()


def some_runs(kind: str) -> pd.DataFrame:
    runs = all_runs(kind)[SOME.get(kind, slice(None))]
    if kind == "shared_datastore_runs":
        runs = pd.concat([runs, all_runs(kind)[:1]])
    return runs.reset_index(drop=True)


@pytest.fixture(scope="module", params=RUN_KINDS)
def kind_and_result(request):
    runs = some_runs(request.param)
    return request.param, runs, cm.check(runs, costs())


def test_every_kind_has_a_test():
    assert set(LOADERS) == set(QUANTITIES) == set(RUN_KINDS)


def test_every_kind_is_known_and_scored(kind_and_result):
    kind, runs, result = kind_and_result
    assert result.kind == kind
    assert result.rows == len(runs)
    assert set(result.predictions["quantity"]) == QUANTITIES[kind]
    assert len(result.predictions) >= len(runs) / 2


def test_every_quantity_of_every_row_is_scored_or_said_why_not(kind_and_result):
    kind, runs, result = kind_and_result
    both = pd.concat([result.predictions[["row", "quantity"]], result.unscored[["row", "quantity"]]])
    assert not both.duplicated().any()
    own_datastore = (runs["datastore"] != "sqlite").sum()
    if kind in ("sync_runs", "reload_runs"):
        assert len(both) == len(runs) + own_datastore
    elif kind in ("saturation_runs", "datastore_distance_runs"):
        assert len(both) == 2 * len(runs)
    else:
        loaded = (runs["load"] == "agents").sum() if "load" in runs else len(runs)
        assert len(both) == len(runs) + own_datastore + 2 * loaded
    assert (result.unscored["reason"].str.len() > 10).all()


def test_what_was_measured_is_the_cell_of_the_row(kind_and_result):
    _, runs, result = kind_and_result
    assert result.predictions["row"].between(0, len(runs) - 1).all()
    cells = [
        runs.iloc[row][name]
        for row, name in zip(result.predictions["row"], result.predictions["quantity"], strict=True)
    ]
    assert result.predictions["measured"].tolist() == cells
    for column in ("sync_mode", "datastore"):
        assert result.predictions[column].tolist() == runs[column].iloc[result.predictions["row"]].tolist()


def test_intervals_hold_the_prediction_and_are_finite(kind_and_result):
    _, _, result = kind_and_result
    table = result.predictions
    numbers = table[["measured", "predicted", "lower", "upper"]].to_numpy(float)
    assert np.isfinite(numbers).all()
    assert (numbers > 0.0).all()
    assert (table["lower"] <= table["predicted"]).all()
    assert (table["predicted"] <= table["upper"]).all()


def test_scores_are_those_of_the_predictions(kind_and_result):
    _, _, result = kind_and_result
    table = result.predictions
    errors = (table["predicted"] - table["measured"]).abs() / table["measured"]
    inside = (table["lower"] <= table["measured"]) & (table["measured"] <= table["upper"])
    printed = result.to_dict()
    assert printed["median_abs_relative_error"] == pytest.approx(np.median(errors))
    assert printed["coverage"] == pytest.approx(inside.mean())
    assert printed["scored"] == len(table) == sum(group["rows"] for group in printed["groups"])
    for group in printed["groups"]:
        own = np.all(
            [table[name] == group[name] for name in ("sync_mode", "datastore", "operation", "component")], axis=0
        )
        assert group["rows"] == own.sum()
        assert group["median_abs_relative_error"] == pytest.approx(np.median(errors[own]))
        assert group["coverage"] == pytest.approx(inside[own].mean())
    unscored = sum(group["rows"] for group in printed["unscored"])
    assert unscored == len(result.unscored)


def test_json_has_the_agreed_keys_and_no_number_that_json_lacks(kind_and_result):
    _, _, result = kind_and_result
    printed = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert {"rows", "scored", "level", "median_abs_relative_error", "coverage", "groups"} <= set(printed)
    keys = {"sync_mode", "datastore", "operation", "component", "rows", "median_abs_relative_error", "coverage"}
    assert all(set(group) == keys for group in printed["groups"])


def test_wider_intervals_hold_more(kind_and_result):
    _, runs, result = kind_and_result
    narrow, wide = (cm.check(runs, costs(), level) for level in (0.5, 0.99))
    assert narrow.predictions["predicted"].tolist() == pytest.approx(result.predictions["predicted"].tolist())
    assert (narrow.predictions["lower"] >= wide.predictions["lower"]).all()
    assert (narrow.predictions["upper"] <= wide.predictions["upper"]).all()
    assert narrow.to_dict()["coverage"] <= result.to_dict()["coverage"] <= wide.to_dict()["coverage"]


def test_rows_are_counted_from_0_whatever_their_labels(kind_and_result):
    _, runs, result = kind_and_result
    last = len(runs) - 1
    some = pd.concat([runs.iloc[[last]], runs.iloc[[0]], runs.iloc[[last]]])
    again = cm.check(some, costs())
    assert set(again.predictions["row"]) | set(again.unscored["row"]) == {0, 1, 2}
    for row, origin in enumerate((last, 0, last)):
        one = again.predictions[again.predictions["row"] == row].drop(columns="row").reset_index(drop=True)
        other = result.predictions[result.predictions["row"] == origin].drop(columns="row").reset_index(drop=True)
        pd.testing.assert_frame_equal(one, other, check_dtype=len(one) > 0)


def test_a_row_is_scored_by_itself(kind_and_result):
    _, runs, result = kind_and_result
    last, before = int(result.predictions["row"].max()), runs.copy()
    alone = cm.check(runs.iloc[[last]], costs()).predictions.drop(columns="row")
    among = result.predictions[result.predictions["row"] == last].drop(columns="row").reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, among)
    pd.testing.assert_frame_equal(runs, before)


def test_required_columns_are_enough(kind_and_result):
    kind, runs, result = kind_and_result
    required = [name for name, column in SCHEMAS[kind].columns.items() if column.required]
    assert len(required) < len(runs.columns)
    pd.testing.assert_frame_equal(cm.check(runs[required], costs()).predictions, result.predictions)


def test_no_rows_score_nothing(kind_and_result):
    kind, runs, _ = kind_and_result
    result = cm.check(runs.iloc[:0], costs())
    assert (result.kind, result.rows) == (kind, 0)
    printed = result.to_dict()
    assert (printed["scored"], printed["median_abs_relative_error"], printed["coverage"]) == (0, None, None)
    assert printed["groups"] == printed["unscored"] == []


# What cannot be scored


def test_what_was_not_measured_is_not_scored():
    runs = cm.load_sync_runs(paths=()).query("datastore == 'postgresql'").iloc[:3].copy()
    runs["datastore_cpu_s_per_op"] = [np.nan, 0.0, 0.001]
    result = cm.check(runs, costs())
    found = result.unscored.set_index("row")["reason"].to_dict()
    assert found == {
        0: "not measured",
        1: "measured as zero or less: below the resolution of the measurement",
    }


def test_agents_that_started_together_are_not_stationary():
    runs = some_runs("saturation_runs")
    result = cm.check(runs, costs())
    together = np.flatnonzero(runs["start"] == "together")
    assert set(result.unscored["row"]) == set(together)
    assert set(result.unscored["reason"]) == {"agents that started together are not in a stationary state"}


def test_work_that_no_run_in_the_fit_contains_is_not_scored():
    runs = all_runs("sync_runs")
    fit = OperationCosts(runs[(runs["sync_mode"] == "full_cache") & (runs["datastore"] != "mariadb")]).fit()
    for kind in ("sync_runs", "saturation_runs", "shared_datastore_runs", "datastore_distance_runs"):
        frame = some_runs(kind)
        if "start" in frame:
            frame = frame[frame["start"] == "spread"].reset_index(drop=True)
        result = cm.check(frame, fit)
        unknown = frame["sync_mode"].isin(["crawl", "crawl_cached"]) | (
            (frame["datastore"] == "mariadb") & (kind != "sync_runs")
        )
        scored = frame.index.isin(result.predictions["row"])
        assert scored[~unknown].any()
        quantities = result.predictions.set_index("row")["quantity"]
        # Reloads of MariaDB are in the fit, its syncs are not.
        assert set(quantities[quantities.index.isin(frame.index[unknown])]) <= {
            "server_cpu_cores",
            "datastore_cpu_cores",
        }
        if unknown.any():
            assert set(result.unscored["reason"]) == {"no run in the fit contains this work on this datastore"}


# Kinds and levels


@pytest.mark.parametrize("level", [0, 1, -0.5, 1.5, np.nan])
def test_a_level_that_is_none(level):
    with pytest.raises(ValueError, match=r"level: got .*, expected more than 0 and less than 1"):
        cm.check(all_runs("fleet_runs"), costs(), level)


@pytest.mark.parametrize("kind", RUN_KINDS)
def test_a_kind_is_told_by_its_columns(kind):
    assert validation.kind_of(LOADERS[kind]().sample(frac=1.0, axis="columns", random_state=1)) == kind


@pytest.mark.parametrize("kind", RUN_KINDS)
def test_a_missing_column_is_named(kind):
    runs = LOADERS[kind]().drop(columns="window_s")
    with pytest.raises(DataError, match=f"window_s.*{kind}"):
        validation.kind_of(runs)


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"a": [1]}), cm.load_issue_1351()])
def test_a_frame_of_no_kind(frame):
    with pytest.raises(DataError, match="expected a column of"):
        cm.check(frame, costs())


# Whether the scores can tell a wrong model from a right one


@pytest.mark.parametrize("kind", RUN_KINDS)
def test_measurements_of_another_machine_score_badly(kind):
    """Half as much of everything measured: errors near 100 % and few measurements inside."""
    runs = some_runs(kind)
    names = [name for name in QUANTITIES[kind] if name in runs]
    halved = cm.check(runs.assign(**{name: runs[name] / 2.0 for name in names}), costs())
    honest = cm.check(runs, costs())
    assert halved.predictions["predicted"].tolist() == honest.predictions["predicted"].tolist()
    assert halved.to_dict()["median_abs_relative_error"] > 0.7
    assert halved.to_dict()["coverage"] < honest.to_dict()["coverage"] - 0.3


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("saturation_runs", 0.2),
        ("fleet_runs", 0.2),
        ("shared_datastore_runs", 0.25),
        ("datastore_distance_runs", 0.2),
    ],
)
def test_rows_that_took_no_part_in_the_fit_are_predicted(kind, error):
    """Half of the predictions within a fifth or so of what was measured, and most inside of the 90 % intervals."""
    printed = cm.check(all_runs(kind), costs()).to_dict()
    assert printed["median_abs_relative_error"] < error
    assert printed["coverage"] >= 0.7
