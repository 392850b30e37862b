"""The cheapest shape, and several topologies side by side."""

import functools

import pytest
from fitted import costs as fitted
from hypothesis import given, settings
from hypothesis import strategies as st

import capmodel as cm
from capmodel import cluster, shapes
from capmodel.alternatives import alternatives_of

PRICES = cm.Prices(core_per_hour=0.03, gb_per_hour=0.004, datastore_core_per_hour=0.1)
FLEET = cm.Deployment(agents=5000, workloads=10_000)


def least_cost(fleet, prices, spare=1):
    """Price every shape that keeps its limits, without shortcuts."""
    inputs, unit = fleet.inputs(), fitted().unit_costs(fleet.datastore)

    @functools.cache
    def forecast(servers, cores, datastore_cores):
        return cluster.forecast(inputs, unit, servers - spare, cores, datastore_cores, 1.6448536269514722)

    sqlite = fleet.datastore == "sqlite"
    rungs = (1,) if sqlite else shapes.DATASTORE_CORE_RUNGS
    found = []
    for servers in (1,) if sqlite else [count for count in shapes.SERVER_RUNGS if count > spare]:
        for cores in shapes.CORE_RUNGS:
            for datastore_cores in rungs:
                state = forecast(servers, cores, datastore_cores)
                kept = (
                    forecast(servers, cores, rungs[-1]).server_utilization.upper <= 0.6
                    and forecast(servers, shapes.CORE_RUNGS[-1], datastore_cores).datastore_utilization.upper <= 0.6
                    and state.response_time_s.upper <= 1.0
                )
                memory = shapes.memory_rung(state.memory_bytes.upper)
                if kept:
                    found.append(
                        servers * (prices.server_per_hour + cores * prices.core_per_hour + memory * prices.gb_per_hour)
                        + (0.0 if sqlite else datastore_cores * prices.datastore_core_per_hour)
                    )
    return min(found)


@settings(max_examples=6)
@given(
    agents=st.sampled_from([30, 3000, 40_000]),
    workloads=st.sampled_from([100, 300_000]),
    datastore=st.sampled_from(["postgresql", "mariadb", "sqlite"]),
    prices=st.sampled_from(
        [
            PRICES,
            cm.Prices(core_per_hour=0.03, gb_per_hour=0.2, datastore_core_per_hour=0.1),
            cm.Prices(core_per_hour=0.01, gb_per_hour=0.0, datastore_core_per_hour=0.0, server_per_hour=1.0),
        ]
    ),
)
def test_no_shape_that_holds_costs_less(agents, workloads, datastore, prices):
    fleet = cm.Deployment(agents=agents, workloads=workloads, datastore=datastore)
    part = cm.size(fleet, fitted(), prices=prices).clusters[0]
    assert part.holds
    assert part.cost_per_hour.estimate == pytest.approx(least_cost(fleet, prices, part.limits.spare_servers))
    assert 0.0 < part.cost_per_hour.lower <= part.cost_per_hour.estimate == part.cost_per_hour.upper
    if "servers" in part.next_smaller and not part.next_smaller["fails_because"].startswith("availability"):
        assert part.next_smaller["fails_because"].split(" with ")[0]


def test_dear_servers_make_few_large_ones_and_dear_memory_too():
    fleet = cm.Deployment(agents=40_000, workloads=300_000)
    few = cm.Prices(core_per_hour=0.03, gb_per_hour=0.004, datastore_core_per_hour=0.1, server_per_hour=1.0)
    many, large = (cm.size(fleet, fitted(), prices=prices).clusters[0] for prices in (PRICES, few))
    assert large.servers < many.servers or large.servers == 2
    assert large.cores_per_server >= many.cores_per_server


def test_where_nothing_holds_the_largest_shape_is_named_and_priced():
    crowd = cm.Deployment(agents=1_000_000, workloads=1_000_000, sync_mode="crawl")
    part = cm.size(crowd, fitted(), prices=PRICES).clusters[0]
    assert not part.holds
    assert (part.servers, part.cores_per_server, part.datastore_cores) == (
        shapes.SERVER_RUNGS[-1],
        shapes.CORE_RUNGS[-1],
        shapes.DATASTORE_CORE_RUNGS[-1],
    )
    shape = shapes.Shape(part.servers, part.cores_per_server, part.datastore_cores)
    assert part.cost_per_hour.upper == PRICES.of(shape, part.memory_gb_per_server, True)


def test_without_prices_nothing_is_said_of_cost():
    part = cm.size(FLEET, fitted()).clusters[0]
    assert part.cost_per_hour is None
    assert part.to_dict()["cost_per_hour"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"core_per_hour": -1.0}, "core_per_hour: got -1.0, expected a finite number of at least 0"),
        ({"gb_per_hour": float("nan")}, "gb_per_hour: got nan, expected a finite number"),
        ({"server_per_hour": "1"}, "server_per_hour: got '1', expected a finite number"),
        ({"core_per_hour": 0.0}, "core_per_hour: got 0, expected more than 0"),
    ],
)
def test_impossible_prices_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        cm.Prices(**({"core_per_hour": 0.03, "gb_per_hour": 0.0, "datastore_core_per_hour": 0.1} | change))


def test_topologies_stand_side_by_side():
    frame = cm.compare(FLEET, fitted(), prices=PRICES).set_index("topology")
    assert frame["clusters"].to_dict() == {"single trust domain": 1, "nested in 5": 6, "federated in 2": 2}
    for name, topology in alternatives_of(FLEET).items():
        parts = cm.size(topology, fitted(), prices=PRICES).clusters
        row = frame.loc[name]
        assert row["servers"] == sum(part.servers for part in parts)
        assert row["server_cores"] == sum(part.servers * part.cores_per_server for part in parts)
        assert row["datastore_cores"] == sum(part.datastore_cores for part in parts)
        assert row["cost_per_hour"] == pytest.approx(sum(part.cost_per_hour.estimate for part in parts))
        assert row["datastore_utilization_upper"] == max(
            part.evaluation.utilization["datastore"].upper for part in parts
        )
        assert row["staleness_s_lower"] <= row["staleness_s"] <= row["staleness_s_upper"]
        assert row["probability_holds"] <= min(part.chances.every for part in parts)
    quantities = ("servers", "server_cores", "memory_gb", "datastore_cores", "cost_per_hour", "staleness_s")
    for quantity in quantities:
        assert (frame[f"{quantity}_lower"] <= frame[quantity]).all()
        assert (frame[quantity] <= frame[f"{quantity}_upper"]).all()
    assert not frame.isna().any().any()


def test_topologies_of_ones_own_are_compared_by_name():
    frame = cm.compare({"as it is": FLEET, "split": cm.Nested.split(FLEET, 3)}, fitted())
    assert frame["topology"].tolist() == ["as it is", "split"]
    assert "cost_per_hour" not in frame
    with pytest.raises(ValueError, match="fleet: got no topology"):
        cm.compare({}, fitted())


def test_a_fleet_is_not_split_further_than_it_has_agents():
    assert list(alternatives_of(cm.Deployment(agents=1, workloads=0))) == ["single trust domain"]
