"""What an input is worth, against sums done by hand from round unit costs."""

import math
from dataclasses import replace

import fitted
import pytest
from hypothesis import given
from hypothesis import strategies as st
from round_costs import round_costs

import capmodel as cm
from capmodel.sensitivity import ABSOLUTE_STEPS, INPUTS, demand, tornado

FLEET = cm.Deployment(agents=1000, workloads=0, sync_mode="events_cache")
SHAPE = {"servers": 2, "cores": 2, "datastore_cores": 2}


def test_demand_is_rates_times_costs():
    # 200 syncs a second of 4 ms; 1000 / 180 s + 1000 / 1665.2 s handshakes of 3 ms; 1000 / 1665.2 s renewals of 9.5 ms.
    cores = demand(FLEET, round_costs(), servers=2)
    assert cores.server.estimate == pytest.approx(0.8 + (5.55556 + 0.60053) * 0.003 + 0.60053 * 0.0095, rel=1e-5)
    # 200 transactions of 1 ms, and two with five statements of 0.5 ms for each renewal.
    assert cores.datastore.estimate == pytest.approx(0.2 + 0.60053 * 0.0045, rel=1e-5)
    assert cores.server.upper == pytest.approx(cores.server.estimate * math.exp(1.6449 * 0.2), rel=1e-4)


def test_neighbours_add_their_cores_on_every_server():
    beside = demand(replace(FLEET, cores_taken=0.5), round_costs(), servers=3).server.estimate
    assert beside == pytest.approx(demand(FLEET, round_costs(), servers=3).server.estimate + 1.5)


def test_a_crawl_churns_with_what_is_in_flight():
    # 200 crawls a second of 10 ms on the server and, at half churn, 10 + 0.5 x 100 ms on the datastore: with one server
    # 14 in flight, and (14 - 2) / (14 + 10) is a half.
    crawl = cm.Deployment(agents=1000, workloads=0, sync_mode="crawl", x509_ttl_s=1e6, agent_ttl_s=1e6)
    assert demand(crawl, round_costs(), servers=1).datastore.estimate == pytest.approx(200 * 0.06, rel=2e-3)
    # Shared by ten servers, no more than two are in flight on each.
    assert demand(crawl, round_costs(), servers=10).datastore.estimate == pytest.approx(200 * 0.01, rel=2e-3)


@given(
    agents=st.integers(1, 100_000),
    mode=st.sampled_from(["crawl", "full_cache", "events_cache"]),
    store=st.sampled_from(["sqlite", "postgresql", "mariadb"]),
)
def test_demand_grows_with_agents_and_its_interval_holds_it(agents, mode, store):
    few, more = (
        demand(cm.Deployment(agents=number, workloads=2 * number, datastore=store, sync_mode=mode), fitted.costs())
        for number in (agents, 2 * agents)
    )
    for part, other in zip(few, more, strict=True):
        assert part.lower <= part.estimate <= part.upper
        assert part.estimate <= other.estimate
    assert (few.datastore.estimate == 0.0) is (store == "sqlite")


def test_a_tenth_more_and_less_of_what_is_in_proportion():
    table = tornado(FLEET, round_costs(), **SHAPE).set_index("input")
    # All load but nothing else is in proportion to the agents; a core that is faster by a tenth does it in 1 / 1.1.
    agents, speed = table.loc["agents"], table.loc["machine_speed"]
    assert agents["server_utilization_high"] / agents["server_utilization"] == pytest.approx(1.1, rel=1e-3)
    assert agents["server_utilization_low"] / agents["server_utilization"] == pytest.approx(0.9, rel=1e-3)
    assert agents["effect"] == pytest.approx(0.2, rel=1e-2)
    assert speed["server_utilization_high"] / speed["server_utilization"] == pytest.approx(1 / 1.1, rel=1e-3)
    assert speed["datastore_utilization_high"] == pytest.approx(speed["datastore_utilization"], rel=1e-3)
    # Twenty times a second of 0.1 cores in four.
    taken = table.loc["cores_taken"]
    assert taken["server_utilization_high"] - taken["server_utilization"] == pytest.approx(0.1 / 2, rel=1e-3)
    assert (taken["step"], taken["low"], taken["high"]) == ("absolute", 0.0, 0.1)
    assert table.loc["fitted costs", "step"] == "interval"


def test_every_numeric_input_is_there_once_and_the_largest_effect_comes_first():
    table = tornado(cm.Deployment(agents=5000, workloads=10_000), fitted.costs(), **SHAPE)
    assert sorted(table["input"]) == sorted([*INPUTS, "fitted costs"])
    effects = table["effect"].dropna()
    assert effects.is_monotonic_decreasing
    assert effects.index.tolist() == list(range(len(effects)))
    assert (table["left_out"] != "").equals(table["effect"].isna())
    zero = table[(table["value"] == 0.0) & (table["left_out"] == "")].set_index("input")
    assert zero["high"].to_dict() == {name: ABSOLUTE_STEPS[name] for name in zero.index}


def test_numeric_inputs_are_those_of_a_deployment():
    fleet = cm.Deployment(agents=5000, workloads=10_000)
    numeric = {name for name in fleet.inputs()._fields if isinstance(getattr(fleet, name, None), int | float)}
    numeric -= {"reattests", "entries_per_agent"}  # a yes or no; and workloads over agents
    assert set(INPUTS) == numeric


def test_what_cannot_be_changed_is_left_out_with_a_reason():
    listed = cm.Deployment(agents=3, workloads=9, datastore="sqlite", entries_by_agent=[1, 2, 6])
    table = tornado(listed, fitted.costs(), servers=1, cores=2, datastore_cores=1).set_index("input")["left_out"]
    assert table["datastore_speed"] == "SQLite runs inside the server"
    assert table["agents"] == "the entries of each agent are given one by one"
    assert table["sync_interval_s"] == ""


def test_given_entries_of_an_agent_follow_the_workloads():
    shared = cm.Deployment(agents=100, workloads=1000, entries_per_agent=1000)
    row = tornado(shared, fitted.costs(), **SHAPE).set_index("input").loc["workloads"]
    assert row["server_utilization_low"] < row["server_utilization"] < row["server_utilization_high"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"servers": 0}, "servers: got 0, expected a whole number of at least 1"),
        ({"cores": 1.5}, "cores: got 1.5, expected a whole number of at least 1"),
        ({"change": 0.0}, "change: got 0.0, expected more than 0 and less than 1"),
        ({"level": 1.0}, "level: got 1.0, expected more than 0 and less than 1"),
    ],
)
def test_bad_input_is_named(given, message):
    with pytest.raises(ValueError, match=message):
        tornado(FLEET, round_costs(), **{**SHAPE, **given})


def test_bad_input_of_demand_and_servers_on_sqlite():
    with pytest.raises(ValueError, match="servers: got 0, expected a whole number of at least 1"):
        demand(FLEET, round_costs(), servers=0)
    with pytest.raises(ValueError, match="level: got 2, expected more than 0 and less than 1"):
        demand(FLEET, round_costs(), level=2)
    with pytest.raises(ValueError, match="servers: got 2, expected 1: SQLite lives inside one server"):
        tornado(replace(FLEET, datastore="sqlite"), round_costs(), **SHAPE)
