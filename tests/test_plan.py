"""The search for shapes: against a search that looks at every shape, and against the limits it promises to keep."""

import dataclasses
import functools
import json
import math

import pytest
from fitted import costs as fitted
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import capmodel as cm
from capmodel import cluster, plan, reach, search, shapes

few = settings(max_examples=12)
LARGEST_DATASTORE = shapes.DATASTORE_CORE_RUNGS[-1]


@pytest.fixture(scope="session")
def costs():
    return fitted()


def limits_of(deployment, *, max_utilization=0.6, max_response_time_s=1.0, level=0.9, spare_servers=1):
    spare = 0 if deployment.datastore == "sqlite" else spare_servers
    return shapes.Limits(max_utilization, max_response_time_s, float(norm.ppf(0.5 + level / 2.0)), spare)


fleets = st.builds(
    cm.Deployment,
    agents=st.sampled_from([1, 30, 400, 3000, 20_000, 90_000]),
    workloads=st.sampled_from([10, 1000, 50_000, 400_000]),
    datastore=st.sampled_from(["postgresql", "mariadb", "sqlite"]),
    sync_mode=st.sampled_from(["full_cache", "full_cache", "events_cache", "crawl"]),
    x509_ttl_s=st.sampled_from([600.0, 3600.0]),
    jwt_per_s=st.sampled_from([0.0, 500.0]),
    datastore_round_trip_time_s=st.sampled_from([0.0, 0.02]),
    cores_taken=st.sampled_from([0.0, 0.0, 0.7]),
)


# Against a search without shortcuts


def first_that_holds(fleet, unit, limits, end):
    """Look at every shape: servers with an ample datastore, the datastore with ample servers, both for the response."""

    @functools.cache
    def forecast(servers, cores, datastore_cores):
        return cluster.forecast(fleet, unit, servers - limits.spare_servers, cores, datastore_cores, limits.quantile)

    def holds(servers, cores, datastore_cores):
        server = forecast(servers, cores, rungs[-1]).server_utilization
        datastore = forecast(servers, shapes.CORE_RUNGS[-1], datastore_cores).datastore_utilization
        response = forecast(servers, cores, datastore_cores).response_time_s
        memory = forecast(servers, cores, rungs[-1]).memory_bytes
        return (
            getattr(server, end) <= limits.max_utilization
            and getattr(datastore, end) <= limits.max_utilization
            and getattr(response, end) <= limits.max_response_time_s
            and getattr(memory, end) <= shapes.MEMORY_FILL * shapes.MEMORY_RUNGS_GB[-1] * 1e9
        )

    sqlite = fleet.datastore == "sqlite"
    rungs = (1,) if sqlite else shapes.DATASTORE_CORE_RUNGS
    counts = [1] if sqlite else [count for count in shapes.SERVER_RUNGS if count > limits.spare_servers]
    every = [(servers, cores, last) for servers in counts for cores in shapes.CORE_RUNGS for last in rungs]
    every.sort(key=lambda shape: (shape[0] * shape[1], shape[0], shape[2]))
    return next((shape for shape in every if holds(*shape)), None)


@settings(few, max_examples=10)
@given(
    fleet=fleets,
    spare=st.sampled_from([0, 1, 2]),
    utilization=st.sampled_from([0.3, 0.6, 0.9]),
    response=st.sampled_from([0.004, 0.02, 1.0]),
)
def test_the_search_finds_what_looking_at_every_shape_finds(fleet, spare, utilization, response):
    inputs, unit = fleet.inputs(), fitted().unit_costs(fleet.datastore)
    limits = limits_of(fleet, spare_servers=spare, max_utilization=utilization, max_response_time_s=response)
    with pytest.MonkeyPatch.context() as patch:
        # Few shapes, so that looking at every one does not take minutes.
        patch.setattr(shapes, "SERVER_RUNGS", (1, 2, 3, 5))
        patch.setattr(shapes, "CORE_RUNGS", (1, 2, 8))
        patch.setattr(shapes, "DATASTORE_CORE_RUNGS", (1, 4, 16))
        for end in ("upper", "lower"):
            expected = first_that_holds(inputs, unit, limits, end)
            found = search.smallest(inputs, unit, limits, end)
            assert (tuple(found.shape) if found.holds else None) == expected


def test_shapes_come_by_cores_in_all_then_by_servers():
    fleet = cm.Deployment(agents=1, workloads=1).inputs()
    listed = [(shape.servers * shape.cores, shape.servers) for shape in shapes.server_shapes(fleet, 1)]
    assert listed == sorted(listed)
    assert len(set(listed)) == len(listed) == 6 * sum(count > 1 for count in shapes.SERVER_RUNGS)


# What an answer promises


@few
@given(fleet=fleets, spare=st.sampled_from([0, 1, 2]))
def test_the_chosen_shape_keeps_every_limit_with_the_spare_servers_lost(fleet, spare):
    part = cm.size(fleet, fitted(), spare_servers=spare).clusters[0]
    lost = 0 if fleet.datastore == "sqlite" else spare
    assert part.servers > lost
    if part.holds:
        result = cm.evaluate(
            fleet,
            fitted(),
            servers=part.servers - lost,
            cores=part.cores_per_server,
            datastore_cores=max(part.datastore_cores, 1),
        )
        assert result == part.degraded
        assert result.utilization["server"].upper <= 0.6
        assert result.utilization["datastore"].upper <= 0.6
        assert result.response_time_s.upper <= 1.0
        assert result.memory_gb_per_server.upper <= 0.8 * part.memory_gb_per_server
        assert part.memory_gb_per_server == 1 or result.memory_gb_per_server.upper > 0.4 * part.memory_gb_per_server


@few
@given(fleet=fleets, spare=st.sampled_from([0, 1]))
def test_the_next_smaller_shape_fails_for_the_reason_given(fleet, spare):
    part = cm.size(fleet, fitted(), spare_servers=spare).clusters[0]
    lost = 0 if fleet.datastore == "sqlite" else spare
    for smaller in (part.next_smaller, part.next_smaller_datastore or {"fails_because": "there is none"}):
        because = smaller["fails_because"]
        if "servers" not in smaller:
            assert because.startswith("there is none")
            continue
        shape = (smaller["servers"], smaller["cores_per_server"], smaller["datastore_cores"])
        chosen = (part.servers, part.cores_per_server, part.datastore_cores)
        assert shape[0] * shape[1] < chosen[0] * chosen[1] or shape[0] < chosen[0] or shape[2] < chosen[2]
        if because.startswith("availability"):
            assert shape[0] <= lost
            continue
        left, datastore_cores = shape[0] - lost, max(shape[2], 1)
        ample = 1 if fleet.datastore == "sqlite" else LARGEST_DATASTORE
        server = cm.evaluate(fleet, fitted(), servers=left, cores=shape[1], datastore_cores=ample)
        datastore = cm.evaluate(
            fleet, fitted(), servers=left, cores=shapes.CORE_RUNGS[-1], datastore_cores=datastore_cores
        )
        both = cm.evaluate(fleet, fitted(), servers=left, cores=shape[1], datastore_cores=datastore_cores)
        broken = {
            "server utilization": server.utilization["server"].upper > 0.6,
            "datastore utilization": fleet.datastore != "sqlite" and datastore.utilization["datastore"].upper > 0.6,
            "response time": both.response_time_s.upper > 1.0,
        }
        assert any(broken.values())
        assert {name: name in because for name in broken} == broken


@few
@given(
    agents=st.integers(1, 200_000),
    datastore=st.sampled_from(["postgresql", "mariadb"]),
    sync_mode=st.sampled_from(["full_cache", "events_cache"]),
)
def test_twice_the_agents_never_need_fewer_cores(agents, datastore, sync_mode):
    def cores(number):
        fleet = cm.Deployment(agents=number, workloads=50_000, datastore=datastore, sync_mode=sync_mode)
        part = cm.size(fleet, fitted()).clusters[0]
        return part.servers * part.cores_per_server, part.datastore_cores

    once, twice = cores(agents), cores(2 * agents)
    assert twice[0] >= once[0]
    assert twice[1] >= once[1]


def test_a_surer_or_stricter_answer_is_no_smaller(costs):
    fleet = cm.Deployment(agents=30_000, workloads=90_000)

    def cores(**limits):
        part = cm.size(fleet, costs, **limits).clusters[0]
        return part.servers * part.cores_per_server

    by_level = [cores(level=level) for level in (0.5, 0.9, 0.99)]
    by_utilization = [cores(max_utilization=share) for share in (0.9, 0.6, 0.3)]
    by_spare = [cores(spare_servers=spare) for spare in (0, 1, 3)]
    for values in (by_level, by_utilization, by_spare):
        assert values == sorted(values)
        assert values[0] < values[-1]


def test_cores_that_others_use_are_not_there_to_serve(costs):
    fleet = cm.Deployment(agents=5000, workloads=10_000)
    alone, beside = (cm.size(dataclasses.replace(fleet, cores_taken=cores), costs).clusters[0] for cores in (0.0, 1.0))
    assert beside.holds
    assert beside.cores_per_server > 1
    assert beside.servers * beside.cores_per_server > alone.servers * alone.cores_per_server


def test_a_limit_on_the_response_time_can_ask_for_a_larger_shape(costs):
    fleet = cm.Deployment(agents=5000, workloads=10_000)
    loose = cm.size(fleet, costs).clusters[0]
    upper_s = loose.degraded.response_time_s.upper
    strict = cm.size(fleet, costs, max_response_time_s=0.7 * upper_s).clusters[0]
    assert strict.holds
    assert strict.degraded.response_time_s.upper <= 0.7 * upper_s
    cores = [part.servers * part.cores_per_server + part.datastore_cores for part in (loose, strict)]
    assert cores[1] > cores[0]
    assert "response time" in strict.next_smaller["fails_because"] + strict.next_smaller_datastore["fails_because"]


def test_a_distant_datastore_that_no_cores_bring_nearer_is_said_so(costs):
    fleet = cm.Deployment(agents=100, workloads=1000, datastore_round_trip_time_s=0.5)
    part = cm.size(fleet, costs).clusters[0]
    assert not part.holds
    assert len(part.reasons) == 1
    assert part.reasons[0].startswith("response time up to ")


def test_a_fleet_that_nothing_carries_is_shown_with_the_largest_shape(costs):
    part = cm.size(cm.Deployment(agents=1_000_000, workloads=1_000_000, sync_mode="crawl"), costs).clusters[0]
    assert not part.holds
    largest = (shapes.SERVER_RUNGS[-1], shapes.CORE_RUNGS[-1], LARGEST_DATASTORE)
    assert (part.servers, part.cores_per_server, part.datastore_cores) == largest
    assert any(reason.startswith("datastore utilization") for reason in part.reasons)


def test_more_memory_than_the_largest_server_has_does_not_hold(costs):
    fleet = cm.Deployment(agents=1000, workloads=100_000_000, entries_per_agent=10, sync_mode="events_cache")
    fleet = dataclasses.replace(fleet, selectors_per_entry=100.0)
    part = cm.size(fleet, costs).clusters[0]
    assert not part.holds
    assert any(reason.startswith("memory") for reason in part.reasons)


def test_sqlite_has_one_server_and_no_datastore_of_its_own(costs):
    part = cm.size(cm.Deployment(agents=5000, workloads=10_000, datastore="sqlite"), costs, spare_servers=3).clusters[0]
    assert (part.servers, part.datastore_cores, part.next_smaller_datastore) == (1, 0, None)
    assert part.holds
    assert "lost" not in " ".join(part.reasons)


def test_the_smallest_answer_keeps_a_server_to_spare(costs):
    part = cm.size(cm.Deployment(agents=1, workloads=1), costs).clusters[0]
    assert (part.servers, part.cores_per_server, part.datastore_cores) == (2, 1, 1)
    assert part.next_smaller["servers"] == 1
    assert part.next_smaller["fails_because"].startswith("availability")
    alone = cm.size(cm.Deployment(agents=1, workloads=1), costs, spare_servers=0).clusters[0]
    assert alone.servers == 1
    assert alone.next_smaller == {"fails_because": "there is none: this is the smallest shape"}


def test_the_low_end_of_the_shape_is_what_the_low_end_of_the_demand_needs(costs):
    fleet = cm.Deployment(agents=30_000, workloads=90_000)
    part = cm.size(fleet, costs).clusters[0]
    low = search.smallest(fleet.inputs(), costs.unit_costs("postgresql"), limits_of(fleet), "lower").shape
    assert low.servers * low.cores < part.servers * part.cores_per_server
    for name, chosen in (("servers", part.servers), ("cores_per_server", part.cores_per_server)):
        assert chosen in part.interval[name].values()
        assert part.interval[name]["lower"] <= part.interval[name]["upper"]
    assert {low.servers, part.servers} == set(part.interval["servers"].values())


# Extrapolation


def test_nothing_is_extrapolated_inside_the_runs(costs):
    fleet = cm.Deployment(agents=1000, workloads=20_000)
    result = cm.evaluate(fleet, costs, servers=2, cores=2, datastore_cores=2)
    assert not result.extrapolated
    assert result.extrapolated_because == ()


@pytest.mark.parametrize(
    ("change", "shape", "word"),
    [
        ({"entries_per_agent": 5000.0}, {}, "entries per agent"),
        ({"zipf_exponent": 1.5}, {}, "entries of the largest agents"),
        ({"selectors_per_entry": 9.0}, {}, "selectors per entry"),
        ({"federated_domains": 50.0}, {}, "federated trust domains"),
        ({"workloads": 500_000, "entries_per_agent": 20.0}, {}, "registration entries"),
        ({"agents": 20_000, "sync_interval_s": 50.0}, {}, "agents in the datastore"),
        ({"agents": 10_000, "sync_interval_s": 1.0}, {}, "syncs per second"),
        ({"datastore_round_trip_time_s": 0.1}, {}, "round trip"),
        ({}, {"cores": 4}, "cores per server"),
        ({}, {"datastore_cores": 4}, "cores of the datastore"),
        ({}, {"servers": 4}, "servers"),
    ],
)
def test_what_lies_outside_the_runs_is_named(costs, change, shape, word):
    fleet = dataclasses.replace(cm.Deployment(agents=1000, workloads=20_000), **change)
    result = cm.evaluate(fleet, costs, **{"servers": 2, "cores": 2, "datastore_cores": 2, **shape})
    assert result.extrapolated
    assert len(result.extrapolated_because) == 1
    assert result.extrapolated_because[0].startswith(word)


def test_the_largest_measured_values_are_those_of_the_files():
    assert cm.load_shared_datastore_runs()["servers"].max() == reach.MEASURED_SERVERS
    assert cm.load_datastore_distance_runs()["round_trip_time_s"].max() == reach.MEASURED_ROUND_TRIP_TIME_S
    assert cm.load_fleet_runs()["cores"].max() == reach.MEASURED_CORES


def test_ranges_hold_every_measured_value(costs):
    measured = plan.measured(costs)
    runs = cm.load_sync_runs(paths=())
    syncs = runs[(runs["operation"] == "sync") & (runs["sync_mode"] == "full_cache")]
    low, high = measured.ranges["cache"]["entries_per_agent"]
    assert low <= syncs["entries_per_agent"].min()
    assert high >= syncs["entries_per_agent"].max()
    assert all(math.isfinite(end) for family in measured.ranges.values() for ends in family.values() for end in ends)


# The published table


def test_a_cell_of_the_published_table_is_its_own(costs):
    table = cm.load_reference_sizing()
    for row in table.to_dict("records"):
        cell = plan.reference_cell(row["agents"], row["workloads"])
        assert cell == {**row, "exact": True}


def test_between_cells_the_next_larger_one_covers_and_beyond_them_none():
    table = cm.load_reference_sizing()
    agents, workloads = sorted(set(table["agents"])), sorted(set(table["workloads"]))
    between = plan.reference_cell(agents[0] + 1, workloads[1] - 1)
    assert (between["agents"], between["workloads"], between["exact"]) == (agents[1], workloads[1], False)
    assert plan.reference_cell(agents[-1] + 1, 1) is None
    assert plan.reference_cell(1, workloads[-1] + 1) is None


# Presentation


def test_the_plain_answer_has_the_names_that_programs_read(costs):
    answer = cm.size(cm.Deployment(agents=5000, workloads=10_000), costs).to_dict()
    assert {"topology", "level", "clusters", "reference_cell", "assumptions"} <= set(answer)
    part = answer["clusters"][0]
    names = {
        "name",
        "agents",
        "workloads",
        "servers",
        "cores_per_server",
        "memory_gb_per_server",
        "datastore_cores",
        "utilization",
        "response_time_s",
        "staleness_s",
        "bottleneck",
        "next_smaller",
        "extrapolated",
        "extrapolated_because",
    }
    assert names <= set(part)
    for interval in (*part["utilization"].values(), part["response_time_s"], part["staleness_s"]):
        assert interval["lower"] <= interval["estimate"] <= interval["upper"]
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_what_is_infinite_is_none_in_the_plain_answer(costs):
    fleet = cm.Deployment(agents=100, workloads=100, jwt_per_s=1_000_000.0, datastore="sqlite")
    part = cm.size(fleet, costs).to_dict()["clusters"][0]
    assert not part["holds"]
    assert part["response_time_s"]["upper"] is None
    assert "response time without bound, limit 1 s" in part["reasons"]


@pytest.mark.parametrize(
    ("argument", "value", "bound"),
    [
        ("max_utilization", 1.0, "less than 1"),
        ("max_utilization", 0.0, "more than 0"),
        ("max_response_time_s", 0.0, "more than 0"),
        ("spare_servers", -1, "at least 0"),
        ("spare_servers", 64, "at most 63"),
        ("spare_servers", 0.5, "a whole number"),
        ("spare_servers", math.nan, "a whole number"),
        ("level", 1.0, "less than 1"),
    ],
)
def test_an_impossible_limit_is_named(costs, argument, value, bound):
    with pytest.raises(ValueError, match=f"{argument}: got {value!r}, expected .*{bound}"):
        cm.size(cm.Deployment(agents=10, workloads=10), costs, **{argument: value})


@pytest.mark.parametrize("size", [{"servers": 0}, {"cores": 1.5}, {"datastore_cores": -1}])
def test_a_shape_is_of_whole_servers_and_cores(size):
    ((name, value),) = size.items()
    with pytest.raises(ValueError, match=f"^{name}: got {value}, expected a whole number of at least 1"):
        cm.evaluate(cm.Deployment(agents=10, workloads=10), fitted(), **size)
