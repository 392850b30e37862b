"""What decides between topologies: the words agree with the model that they are about."""

import pytest
from fitted import costs
from hypothesis import given
from hypothesis import strategies as st

import capmodel as cm
from capmodel import advice, steady, whole
from capmodel.effects import demanded
from capmodel.growth import times
from capmodel.shapes import Limits, Shape

LIMITS = Limits(0.6, 1.0, 1.6448536269514722, 1)


def fleet_of(**changes):
    fleet = cm.Deployment(**{"agents": 5000, "workloads": 10_000, **changes})
    return fleet.inputs(), costs().unit_costs(fleet.datastore)


@given(st.integers(10, 10**6), st.integers(1, 40), st.sampled_from([0.01, 0.1, 1.0]))
def test_a_sync_waits_as_long_as_asked_at_the_distance(agents, servers, limit_s):
    inputs, _ = fleet_of(agents=agents)
    far = inputs._replace(datastore_round_trip_time_s=advice.distance(inputs, servers, limit_s))
    assert steady.network_wait(far, agents / inputs.sync_interval_s / servers) == pytest.approx(limit_s, rel=1e-6)


@pytest.mark.parametrize("mode", ["full_cache", "events_cache"])
def test_as_many_servers_as_are_even_double_the_rest_of_the_work(mode):
    inputs, unit = fleet_of(agents=50_000, workloads=400_000, sync_mode=mode)
    even = advice.even(inputs, unit, 3.0, LIMITS.quantile)
    work = demanded(inputs, unit, even, LIMITS.quantile).datastore.estimate
    assert even * advice.another_server(inputs, unit, 3.0, LIMITS.quantile) == pytest.approx(work / 2, rel=0.02)


@pytest.mark.parametrize("cores", advice.SIZES)
@pytest.mark.parametrize("store", ["postgresql", "mariadb"])
def test_a_datastore_is_full_with_the_agents_that_it_holds(cores, store):
    inputs, unit = fleet_of(datastore=store)
    agents = advice.held(inputs, unit, LIMITS, 3.0, cores)
    work = demanded(times(inputs, agents / inputs.agents), unit, 3.0, LIMITS.quantile).datastore.upper
    assert work == pytest.approx(0.6 * cores, rel=0.01)


def test_the_root_may_be_away_for_as_long_as_topologies_say():
    fleet = cm.Deployment(agents=7001, workloads=10_000, ca_ttl_s=7200.0)
    outage = cm.Nested.split(fleet, into=3).outage()
    words = advice.failures(fleet.inputs(), 3.0)[3][2]
    assert f"{advice.lasts(outage.shortest_s)} to {advice.lasts(outage.longest_s)}, " in words
    assert words.endswith("then all 7,001 agents")
    assert advice.failures(fleet.inputs(), 3.0)[1][2].startswith("up to 2,334 agents of its cluster")


def test_sqlite_is_given_no_advice_that_needs_a_datastore_of_its_own():
    inputs, unit = fleet_of(agents=7, workloads=30, datastore="sqlite")
    parts = whole.size(inputs, unit, LIMITS, "nested", 2.0)
    said = advice.rules(inputs, unit, LIMITS, Shape(1, 1, 1), parts)
    assert [line[1].partition(",")[0] for line in said] == ["nested", "nested", "federated"]
    assert not any("datastore core" in text for line in said for text in line)
    assert "one server alone" in advice.availability(inputs, unit, 1.0, LIMITS.quantile, "SQLite")
    assert "own disk" in advice.geography(inputs, unit, Shape(1, 1, 1), 2.0, LIMITS.quantile)


def test_a_crawl_has_no_cache_that_another_server_would_reload():
    inputs, unit = fleet_of(sync_mode="crawl")
    assert advice.availability(inputs, unit, 3.0, LIMITS.quantile, "PostgreSQL").endswith(" cores.")
    rules = advice.rules(inputs, unit, LIMITS, Shape(3, 2, 2), whole.size(inputs, unit, LIMITS, "nested", 5.0))
    assert not any("reloads" in line[2] for line in rules)
