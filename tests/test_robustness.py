"""What nobody meant: damaged files, odd fleets, tables in any order. Answers are finite, or errors that say why."""

import math
from dataclasses import fields

import fuzzing
import numpy as np
import pandas as pd
import pytest
import strategies
from fitted import costs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_pages import SCRAPES, given_for, pair, times

import capmodel as cm
from capmodel import datasets
from capmodel.deployment import operation_rates
from capmodel.plan import TopologyEvaluation
from capmodel.prometheus import import_scrapes
from capmodel.schemas import SCHEMAS

quick = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])

# Damaged files.


def test_damaged_tables_load_or_are_refused_with_a_reason(tmp_path):
    outcomes = list(fuzzing.tables(6, tmp_path))
    assert [outcome for outcome in outcomes if outcome.what.startswith("fault")] == []
    # Both happen, or the damage is none or too much to say anything.
    whats = [outcome.what for outcome in outcomes]
    assert whats.count("accepted") > len(whats) / 20
    assert whats.count("refused") > len(whats) / 2


def test_damaged_scrapes_are_imported_or_refused_and_leave_nothing_half_written(tmp_path):
    outcomes = list(fuzzing.scrapes(12, tmp_path))
    assert [outcome for outcome in outcomes if outcome.what.startswith("fault")] == []
    assert len({outcome.what for outcome in outcomes}) == 2


def test_what_damage_can_do_is_seen(tmp_path):
    """The harness tells a fault from a refusal."""

    def fails():
        int("x")

    assert fuzzing.tried(fails).startswith("fault: ValueError")
    assert fuzzing.tried(lambda: [][0]).startswith("fault: IndexError")
    assert fuzzing.tried(lambda: cm.Deployment(agents=0, workloads=1)) == "refused"
    assert fuzzing.tried(lambda: None) == "accepted"


def test_a_count_of_hundreds_of_digits_in_a_scrape_is_refused(tmp_path):
    row = SCRAPES[0]
    before, after = pair(row["name"])
    lines = after.read_text().splitlines(keepends=True)
    lines[-1] = lines[-1].rpartition(" ")[0] + " " + "9" * 400 + "\n"
    damaged = tmp_path / "after.prom"
    damaged.write_text("".join(lines))
    with pytest.raises(cm.DataError, match=r"expected lines of Prometheus' text format"):
        import_scrapes([before, damaged], times(row), given_for(row))


@pytest.mark.parametrize("name", ["two\nlines", "x" * 10_000])
def test_the_name_of_a_column_cannot_break_a_message(tmp_path, name):
    text = datasets.data_path("sync_runs.csv").read_text(encoding="utf-8")
    header, _, rest = text.partition("\n")
    path = tmp_path / "mine.csv"
    for columns in (f'"{name}",{header.partition(",")[2]}', f'{header},"{name}"'):
        path.write_text(f"{columns}\n{rest}")
        with pytest.raises(cm.DataError) as caught:
            cm.load_sync_runs([path])
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 1000


# Odd fleets.


@quick
@given(fleet=strategies.deployments(), servers=st.integers(1, 64), response_s=st.floats(0, 60))
def test_a_fleet_does_each_operation_at_a_finite_rate(fleet, servers, response_s):
    rates = operation_rates(fleet.inputs(), servers, response_s, 0.0)
    assert len({rate.operation for rate in rates}) == len(rates)
    for rate in rates:
        assert 0.0 <= rate.rate_per_s < math.inf
        assert 0.0 <= rate.batch_size < math.inf


@quick
@given(fleet=strategies.deployments())
def test_a_fleet_is_told_whole_by_its_fields(fleet):
    assert cm.Deployment(**{field.name: getattr(fleet, field.name) for field in fields(fleet)}) == fleet


@quick
@given(topology=strategies.topologies())
def test_a_topology_names_each_cluster_once_and_loses_no_agent(topology):
    clusters = topology.clusters()
    names = [cluster.name for cluster in clusters]
    assert len(set(names)) == len(names)
    assert all(cluster.above is None or cluster.above in names for cluster in clusters)

    def fleets(part):
        if isinstance(part, cm.Deployment):
            return [part]
        return [fleet for child in part.children for fleet in fleets(child)]

    own = {
        "single trust domain": lambda: [topology.fleet],
        "federated": lambda: topology.fleets,
        "nested": lambda: fleets(topology),
    }[topology.name]()
    leaves = [cluster for cluster in clusters if topology.name != "nested" or not _is_above(cluster, clusters)]
    assert [cluster.deployment.agents for cluster in leaves] == [fleet.agents for fleet in own]
    assert [cluster.deployment.workloads for cluster in leaves] == [fleet.workloads for fleet in own]


def _is_above(cluster, clusters):
    return any(other.above == cluster.name for other in clusters)


@settings(quick, max_examples=10)
@given(topology=strategies.topologies(), servers=st.integers(1, 8), cores=st.integers(1, 32))
def test_any_topology_on_any_shape_is_answered_in_order_or_refused(topology, servers, cores):
    try:
        answer = cm.evaluate(topology, costs(), servers=servers, cores=cores)
    except ValueError as error:
        assert "expected " in str(error)  # noqa: PT017
        return
    for state in answer.clusters.values() if isinstance(answer, TopologyEvaluation) else [answer]:
        for row in state.to_frame().to_dict("records"):
            assert row["lower"] <= row["estimate"] <= row["upper"], row


@settings(quick, max_examples=10)
@given(fleet=strategies.deployments(largest=1_000_000))
def test_any_fleet_gets_a_shape_and_the_reason_why_none_smaller(fleet):
    (part,) = cm.size(fleet, costs()).clusters
    assert part.servers >= 1
    assert part.cores_per_server >= 1
    assert part.reasons
    assert part.next_smaller["fails_because"]


# Tables of runs.


@quick
@given(drawn=strategies.runs())
def test_a_table_of_runs_is_the_same_after_it_was_written_and_read(drawn, tmp_path_factory):
    name, frame = drawn
    path = tmp_path_factory.mktemp("runs") / "mine.csv"
    datasets.write_csv(frame.drop(columns=["source"], errors="ignore"), path)
    read = datasets.read_runs(path)
    assert read.kind == name
    assert set(read.frame.columns) == set(SCHEMAS[name].columns)
    for column in frame.columns.drop("source", errors="ignore"):
        pd.testing.assert_series_equal(read.frame[column], frame[column], check_dtype=False, check_index=False)


@settings(quick, max_examples=12)
@given(drawn=strategies.runs(), level=st.floats(0.01, 0.99))
def test_a_table_of_runs_is_scored_row_by_row(drawn, level):
    _, frame = drawn
    found = cm.check(frame, costs(), level=level)
    scored = found.predictions
    assert set(scored["row"]) | set(found.unscored["row"]) <= set(range(len(frame)))
    values = scored[["measured", "predicted", "lower", "upper"]].to_numpy(dtype=float)
    assert np.isfinite(values).all()
    assert (values[:, 2] <= values[:, 1]).all()
    assert (values[:, 1] <= values[:, 3]).all()
    # One row at a time gives the same numbers: rows do not know of each other.
    alone = cm.check(frame.iloc[[-1]], costs(), level=level).predictions
    last = scored[scored["row"] == len(frame) - 1]
    np.testing.assert_allclose(alone["predicted"].astype(float), last["predicted"].astype(float), rtol=1e-9)
