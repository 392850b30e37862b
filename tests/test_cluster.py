"""The arithmetic of a cluster: against exact queueing, against sums by hand, and against measured distances."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from fitted import costs
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import capmodel as cm
from capmodel import cluster, queueing, spire
from capmodel.cluster import Block, Demand, Load
from capmodel.deployment import Inputs, Rate, operation_rates
from capmodel.response import stretch
from capmodel.waking import Waking

NOTHING = Demand(busy_s=0.0, waking_s=0.0, churn_s=0.0, wakes=0.0)
AWAKE = Waking(1.0, 0.0)
Q90 = 1.6448536269514722
# Shrinking a counterexample of floats takes minutes and seldom makes it plainer.
QUICK = settings(derandomize=True, deadline=None, phases=(Phase.explicit, Phase.generate), report_multiple_bugs=False)


def inputs(**changes: object) -> Inputs:
    return cm.Deployment(**({"agents": 5000, "workloads": 10_000} | changes)).inputs()


def plain_load(server_s: float, datastore_s: float, **changes: object) -> Load:
    """Return a load of syncs alone, without waking, churn or interference."""
    return Load(
        sync_server=NOTHING._replace(busy_s=server_s),
        sync_datastore=NOTHING._replace(busy_s=datastore_s),
        other_server=NOTHING,
        other_datastore=NOTHING,
        server_waking=AWAKE,
        datastore_waking=AWAKE,
        critical_share=1.0,
        interference=0.0,
    )._replace(**changes)


def solve(load: Load, servers: int = 1, cores: int = 2, datastore_cores: int = 2, **fleet: object) -> cluster.State:
    return cluster.solve(inputs(**fleet), load, 10.0, servers, cores, datastore_cores)


# Erlang's delay


def delay_probability(servers: int, offered: Fraction) -> Fraction:
    """Erlang's C by its definition, exactly."""
    terms = [offered**k / math.factorial(k) for k in range(servers)]
    last = offered**servers / math.factorial(servers) / (1 - offered / servers)
    return last / (sum(terms) + last)


def test_waiting_of_four_cores_at_four_fifths_is_a_known_fraction():
    """M/M/4 with 3.2 arrivals in a service time waits 2048/2747 service times."""
    assert cluster.waiting(4, 0.8) == pytest.approx(2048 / 2747, rel=1e-14)


@pytest.mark.parametrize("cores", [1, 2, 3, 8, 32, 64])
@pytest.mark.parametrize("utilization", [Fraction(1, 100), Fraction(1, 2), Fraction(9, 10), Fraction(999, 1000)])
def test_waiting_is_erlangs(cores, utilization):
    exact = delay_probability(cores, cores * utilization) / (cores * (1 - utilization))
    assert cluster.waiting(cores, float(utilization)) == pytest.approx(float(exact), rel=1e-10)


@pytest.mark.parametrize("utilization", [1e-300, 1e-3, 0.5])
def test_nobody_waits_at_thousands_of_cores(utilization):
    """The inverse of Erlang's loss overflows there; numbers of numpy's make no warning of it."""
    assert cluster.waiting(np.float64(4000.0), np.float64(utilization)) == pytest.approx(0.0, abs=1e-300)


@given(cores=st.integers(1, 64), utilization=st.floats(0.0, 0.999), more=st.floats(0.0, 0.2))
@settings(QUICK, max_examples=200)
def test_waiting_grows_with_utilization_and_shrinks_with_cores(cores, utilization, more):
    here = cluster.waiting(cores, utilization)
    assert 0.0 <= here <= utilization / (1.0 - utilization) + 1e-12
    assert cluster.waiting(cores, min(utilization + more, 0.999)) >= here
    assert cluster.waiting(cores + 1, utilization) <= here
    assert cluster.waiting(cores, 0.0) == 0.0


# Demands


def test_work_is_priced_by_kind():
    block = Block(
        items=["rpc", "transaction", "rpc", "visit", "other"],
        kinds=["busy", "busy", "waking", "churn", "busy"],
        costs_s=[1.0, 10.0, 100.0, 1000.0, 1e6],
        covariance=[[0.0] * 5 for _ in range(5)],
        dispersion=0.01,
        write_dispersion=0.01,
        waking=AWAKE,
    )
    demand = cluster.demand_of(
        {"cache": block}, "cache", {"rpc": 2.0, "transaction": 3.0, "visit": 4.0, "unknown": 9.0}
    )
    assert demand == Demand(busy_s=2.0 + 30.0, waking_s=200.0, churn_s=4000.0, wakes=2.0)
    assert cluster.demand_of({"cache": block}, "crawl", {"rpc": 2.0}) == NOTHING


def test_demands_add_repeat_and_slow_down():
    one, other = Demand(1.0, 2.0, 3.0, 4.0), Demand(10.0, 20.0, 30.0, 40.0)
    assert cluster.added(one, other) == Demand(11.0, 22.0, 33.0, 44.0)
    # A slower machine needs more CPU seconds, and is woken no more often.
    assert cluster.scaled(one, 3.0, 2.0) == Demand(6.0, 12.0, 18.0, 12.0)
    assert cluster.service_time(one, 0.5, 0.1) == pytest.approx(1.0 + 1.0 + 0.3)
    assert cluster.utilization_at(10.0, one, other, 0.0, 0.0, 4.0) == pytest.approx((10.0 + 10.0) / 4.0)


def test_the_error_of_one_cost_and_its_runs():
    """One item, one operation: variance of the estimate and of a run, relative to the square."""
    block = Block(
        items=["rpc", "transaction", "entry_sent"],
        kinds=["busy", "busy", "busy"],
        costs_s=[0.001, 0.0, 0.0],
        covariance=[[0.0002**2, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
        dispersion=0.15**2,
        write_dispersion=0.15**2,
        waking=AWAKE,
    )
    rates = [Rate(operation="sync", rate_per_s=1000.0, batch_size=1.0)]
    variance = cluster.relative_variance(inputs(), {"cache": block}, rates, 0.0, 0.0)
    assert variance == pytest.approx(0.2**2 + 0.15**2, rel=1e-12)
    assert cluster.relative_variance(inputs(), {}, rates, 0.0, 0.0) == 0.0


def test_relative_errors_do_not_depend_on_how_much_there_is():
    unit = costs().unit_costs("postgresql")
    fleet = inputs()
    rates = operation_rates(fleet, 1, 0.0, 0.0)
    many = [rate._replace(rate_per_s=7.0 * rate.rate_per_s) for rate in rates]
    for blocks in (unit.server, unit.datastore):
        one, other = (cluster.relative_variance(fleet, blocks, part, 0.3, 0.0) for part in (rates, many))
        assert 0.0 < one < 1.0
        assert other == pytest.approx(one, rel=1e-12)


@pytest.mark.parametrize("datastore", ["sqlite", "postgresql", "mariadb"])
def test_load_is_rates_times_predicted_costs(datastore):
    """Busy CPU seconds a second of everything but the sync, from the predictions of each operation."""
    fleet = cm.Deployment(agents=5000, workloads=50_000, datastore=datastore, jwt_per_s=5, changes_per_s=2)
    rates = operation_rates(fleet.inputs(), 2, 0.0, 0.0)
    load = cluster.load_of(fleet.inputs(), costs().unit_costs(datastore), rates, 2.0)
    frame = pd.DataFrame(rates).assign(
        datastore=datastore, sync_mode="full_cache", entries_per_agent=10.0, agents=5000, entries=50_000,
        selectors_per_entry=2.0, rate_per_core_s=np.inf,
    )  # fmt: skip
    predicted = costs().predict(frame).pivot_table(index="row", columns="component", values="estimate_s")
    server = (predicted["server"] * frame["rate_per_s"]).iloc[1:].sum() / 2.0
    assert load.other_server.busy_s == pytest.approx(server, rel=1e-9)
    assert load.sync_server.busy_s == pytest.approx(predicted["server"].iloc[0], rel=1e-9)
    if datastore == "sqlite":
        assert load.sync_datastore == load.other_datastore == NOTHING
    else:
        datastore_s = (predicted["datastore"] * frame["rate_per_s"]).iloc[1:].sum()
        assert load.other_datastore.busy_s == pytest.approx(datastore_s, rel=1e-9)


@pytest.mark.parametrize("mode", ["crawl", "crawl_cached", "full_cache"])
def test_in_a_crawl_every_call_that_signs_crawls_on_top(mode):
    """Calls that sign X509-SVIDs, renew agents and sign JWT-SVIDs: each does the datastore's work of a sync.

    With a cache of subtrees a call that signs X509-SVIDs follows a sync of less than a second ago: only the agent's own
    id is read.
    """
    fleet = inputs(sync_mode=mode, workloads=50_000, x509_ttl_s=300, jwt_per_s=40.0)
    unit = costs().unit_costs("postgresql")
    rates = operation_rates(fleet, 1, 0.0, 0.0)
    load = cluster.load_of(fleet, unit, rates, 1.0)
    by_name = {rate.operation: rate for rate in rates[1:]}
    signing = sum(by_name[name].rate_per_s for name in ("sign_x509", "renew_agent", "sign_jwt"))
    crawled = signing * load.sync_datastore.busy_s if mode.startswith("crawl") else 0.0
    if mode == "crawl_cached":
        short = cluster.demand_of(
            unit.datastore, "crawl", cluster.work_of(fleet._replace(entries_per_agent=0), "sync", 1.0)
        )
        crawled -= by_name["sign_x509"].rate_per_s * (load.sync_datastore.busy_s - short.busy_s)
    alone = sum(
        rate.rate_per_s
        * cluster.demand_of(
            unit.datastore, spire.family(mode, rate.operation), cluster.work_of(fleet, rate.operation, rate.batch_size)
        ).busy_s
        for rate in rates[1:]
    )
    assert load.other_datastore.busy_s == pytest.approx(alone + crawled, rel=1e-9)


@pytest.mark.parametrize("speed", [0.5, 2.0, 10.0])
def test_a_quicker_machine_needs_fewer_seconds(speed):
    unit = costs().unit_costs("postgresql")
    slow, fast = inputs(), inputs(machine_speed=speed, datastore_speed=1.0)
    rates = operation_rates(slow, 1, 0.0, 0.0)
    one, other = (cluster.load_of(fleet, unit, rates, 1.0) for fleet in (slow, fast))
    assert other.sync_server.busy_s == pytest.approx(one.sync_server.busy_s / speed)
    assert other.other_server.busy_s == pytest.approx(one.other_server.busy_s / speed)
    assert other.sync_server.wakes == one.sync_server.wakes
    assert other.sync_datastore == one.sync_datastore


# The loop


@pytest.mark.parametrize("servers", [1, 2, 4])
@pytest.mark.parametrize("load", [0.05, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("agents", [1000, 5000])
def test_without_waking_and_interference_the_loop_is_the_closed_product_form_network(agents, servers, load):
    """Server stations and a datastore: throughput to 0.03 %, response time to 2 % below 80 % and to 12 % below 95 %.

    The loop takes the waiting of an open station at the closed network's utilization; with fewer agents or a station
    that is nearly full the finite population shows.
    """
    cores, datastore_cores = 2, 4
    server_s = load * servers * cores / (agents / 5.0)
    datastore_s = 0.9 * load * datastore_cores / (agents / 5.0)
    state = solve(
        plain_load(server_s, datastore_s), servers, cores, datastore_cores, agents=agents, workloads=2 * agents
    )
    exact = queueing.closed_network(
        population=agents,
        think_time=5.0,
        demands=[server_s / servers] * servers + [datastore_s],
        servers=[cores] * servers + [datastore_cores],
    )
    assert state.sync_per_s == pytest.approx(exact.throughput, rel=3e-4 if load <= 0.8 else 3e-3)
    assert state.response_time_s == pytest.approx(exact.response_time, rel=0.02 if load <= 0.8 else 0.12)
    assert state.server_utilization == pytest.approx(exact.utilizations[0], rel=3e-3)
    assert state.datastore_utilization == pytest.approx(exact.utilizations[-1], rel=3e-3)


@pytest.mark.parametrize("overload", [1.3, 3.0, 30.0])
@pytest.mark.parametrize("full", ["server", "datastore"])
def test_a_full_station_sets_the_rate(full, overload):
    agents = 5000
    full_s = overload * 2.0 / (agents / 5.0)
    load = plain_load(full_s, 1e-5) if full == "server" else plain_load(1e-5, full_s)
    state = solve(load, agents=agents)
    exact = queueing.closed_network(population=agents, think_time=5.0, demands=[full_s, 1e-5], servers=[2, 2])
    assert state.sync_per_s == pytest.approx(exact.throughput, rel=0.005)
    assert state.sync_per_s <= 2.0 / full_s
    assert state.response_time_s == pytest.approx(exact.response_time, rel=0.03)
    utilization = state.server_utilization if full == "server" else state.datastore_utilization
    assert utilization == pytest.approx(1.0, abs=0.005)


loads = st.builds(
    Load,
    sync_server=st.builds(Demand, st.floats(1e-5, 0.1), st.floats(0, 0.1), st.just(0.0), st.floats(0, 10)),
    sync_datastore=st.builds(
        Demand, st.floats(0, 0.1), st.floats(0, 0.1), st.sampled_from([0.0, 0.01, 0.2]), st.floats(0, 10)
    ),
    other_server=st.builds(Demand, st.floats(0, 1.5), st.floats(0, 0.2), st.just(0.0), st.floats(0, 100)),
    other_datastore=st.builds(Demand, st.floats(0, 1.5), st.floats(0, 0.2), st.just(0.0), st.floats(0, 100)),
    server_waking=st.builds(Waking, st.floats(10, 1e4), st.floats(10, 1e4)),
    datastore_waking=st.builds(Waking, st.floats(10, 1e4), st.floats(10, 1e4)),
    critical_share=st.floats(0.1, 1.0),
    interference=st.floats(0.0, 5.0),
)


@settings(QUICK, max_examples=100)
@given(
    load=loads, servers=st.integers(1, 8), cores=st.integers(2, 16), datastore_cores=st.integers(2, 16),
    agents=st.integers(1, 100_000), interval_s=st.floats(0.5, 60.0), trip_s=st.sampled_from([0.0, 0.001, 0.1]),
)  # fmt: skip
def test_laws_of_any_cluster(load, servers, cores, datastore_cores, agents, interval_s, trip_s):
    fleet = inputs(agents=agents, sync_interval_s=interval_s, datastore_round_trip_time_s=trip_s)
    state = cluster.solve(fleet, load, 10.0, servers, cores, datastore_cores)
    rate = state.sync_per_s
    assert 0.0 < rate <= agents / interval_s
    assert 0.0 < state.server_utilization <= 1.0
    assert 0.0 <= state.datastore_utilization <= 1.0
    assert 0.0 <= state.churn_weight < 1.0
    # Every agent pauses or waits.
    assert rate * (interval_s + state.response_time_s) == pytest.approx(agents, rel=1e-3)
    assert state.response_time_s > 0.0
    server = rate / servers * cluster.service_time(load.sync_server, state.server_waking, 0.0)
    server += cluster.service_time(load.other_server, state.server_waking, 0.0)
    assert state.server_utilization == pytest.approx(server / cores, rel=1e-9)


@settings(QUICK, max_examples=60)
@given(load=loads, factor=st.floats(1.01, 3.0), agents=st.integers(1, 50_000))
def test_dearer_syncs_are_fewer_and_more_agents_sync_more(load, factor, agents):
    load = load._replace(sync_datastore=load.sync_datastore._replace(churn_s=0.0))
    state = solve(load, 2, 4, 4, agents=agents)
    dearer = load._replace(
        sync_server=cluster.scaled(load.sync_server, 1.0, factor),
        sync_datastore=cluster.scaled(load.sync_datastore, 1.0, factor),
    )
    slack = 1.0 + 1e-9
    assert solve(dearer, 2, 4, 4, agents=agents).sync_per_s <= state.sync_per_s * slack
    assert solve(load, 2, 4, 4, agents=agents + 100).sync_per_s * slack >= state.sync_per_s
    # Each of more cores has longer rests to be woken from: only where that costs nothing do they help for certain.
    parts = ("sync_server", "sync_datastore", "other_server", "other_datastore")
    awake = load._replace(**{part: getattr(load, part)._replace(waking_s=0.0) for part in parts})
    few = solve(awake, 2, 4, 4, agents=agents).sync_per_s
    for larger in ((3, 4, 4), (2, 8, 4), (2, 4, 8)):
        assert solve(awake, *larger, agents=agents).sync_per_s * slack >= few


@pytest.mark.parametrize("background", [2.0, 2.5])
def test_background_that_fills_a_station_leaves_no_sync(background):
    """No finite answer time exists, and none is made up that looks good."""
    state = solve(plain_load(0.001, 0.001, other_server=NOTHING._replace(busy_s=background)))
    assert state.sync_per_s < 1e-6
    assert state.response_time_s > 1e6


def test_churn_brings_the_state_with_the_longest_queues():
    """Where several rates satisfy X (Z + R) = N, a fleet that starts together stays at the slowest."""
    load = plain_load(1e-4, 0.01, sync_datastore=Demand(busy_s=0.01, waking_s=0.0, churn_s=0.2, wakes=0.0))
    calm = solve(load, 1, 8, 8, agents=200)
    assert calm.sync_per_s == pytest.approx(40.0, rel=0.02)
    rates = np.linspace(0.5, 1000 / 5.0, 4000)
    crowded = inputs(agents=1000)
    states = [cluster.state_at(rate, crowded, load, 10.0, 1, 8, 8) for rate in rates]
    gap = np.array([rate * (5.0 + state.response_time_s) for rate, state in zip(rates, states, strict=True)]) - 1000
    first = rates[np.flatnonzero(gap >= 0.0)[0]]
    found = cluster.solve(crowded, load, 10.0, 1, 8, 8)
    assert found.sync_per_s == pytest.approx(first, rel=0.02)
    assert found.churn_weight > 0.9


# Distance to the datastore


@pytest.mark.parametrize(
    ("mode", "entries", "domains", "trips"),
    [("full_cache", 10, 0, 4), ("events_cache", 1000, 0, 4), ("crawl", 10, 0, 4 + 2 * 11),
     ("crawl_cached", 0, 0, 4 + 2), ("full_cache", 10, 1, 4 + 9), ("full_cache", 10, 10, 4 + 9),
     ("full_cache", 10, 11, 4 + 18)],
)  # fmt: skip
def test_round_trips_that_a_sync_waits_for(mode, entries, domains, trips):
    assert cluster.round_trips(mode, entries, domains) == trips


def test_answers_come_later_by_the_round_trips_that_were_measured():
    """One agent behind a delay of 10 or 40 ms; below, the delay's own clock shows."""
    runs = cm.load_datastore_distance_runs().query("population == 1")
    near = runs[runs["round_trip_time_s"] == 0.0].set_index(["sync_mode", "datastore"])["response_time_mean_s"]
    far = runs[runs["round_trip_time_s"] >= 0.01]
    assert len(far) >= 6
    for _, run in far.iterrows():
        fleet = inputs(
            agents=1, workloads=run["entries_per_agent"], sync_mode=run["sync_mode"], datastore=run["datastore"],
            datastore_round_trip_time_s=run["round_trip_time_s"],
        )  # fmt: skip
        waited = run["response_time_mean_s"] - near[run["sync_mode"], run["datastore"]]
        assert cluster.network_wait(fleet, run["throughput_per_s"]) == pytest.approx(waited, rel=0.15)


@pytest.mark.parametrize("rate", [0.0, 0.1, 1.0, 30.0, 1e6])
@pytest.mark.parametrize("trip_s", [0.0, 0.001, 0.1])
def test_the_bundle_is_read_once_a_second_and_by_those_who_come_meanwhile(rate, trip_s):
    wait_s = cluster.bundle_wait(trip_s, rate)
    assert 0.0 <= wait_s <= 4 * trip_s
    if rate >= 30.0:
        # A share of time in which a read runs, and of the syncs the ones that start it.
        read_s = 4 * trip_s
        assert wait_s == pytest.approx(read_s * (read_s + 1 / rate) / (1.0 + read_s), rel=1e-9)


# Memory, reloads, staleness


@pytest.mark.parametrize("mode", ["full_cache", "events_cache"])
def test_memory_is_that_of_the_fitted_servers(mode):
    fleet = cm.Deployment(agents=4000, workloads=50_000, dns_names_per_entry=1, sync_mode=mode)
    found = cluster.memory_of(fleet.inputs(), costs().unit_costs("postgresql"), 2.0, Q90)
    frame = pd.DataFrame(
        {
            "entries": [50_000],
            "agents": [4000],
            "connections": [2000],
            "selectors_per_entry": 2,
            "dns_names_per_entry": 1,
        }
    )
    table = costs().memory.predict(frame, level=0.9).iloc[0]
    assert list(found) == pytest.approx(table[["estimate_bytes", "lower_bytes", "upper_bytes"]].tolist(), rel=1e-9)


def test_a_server_that_crawls_holds_no_entries():
    unit = costs().unit_costs("postgresql")
    few, many = (
        cluster.memory_of(inputs(sync_mode="crawl", workloads=count), unit, 1.0, Q90).estimate
        for count in (0, 10_000_000)
    )
    assert few == many


def test_a_reload_takes_its_cpu_seconds_one_after_the_other():
    unit = costs().unit_costs("mariadb")
    fleet = inputs(datastore="mariadb", agents=1000, workloads=60_000)
    frame = pd.DataFrame(
        {"datastore": ["mariadb"], "sync_mode": ["full_cache"], "operation": ["reload"], "entries": [60_000],
         "agents": [1000], "selectors_per_entry": [2.0]}
    )  # fmt: skip
    seconds = costs().predict(frame)["estimate_s"].sum()
    assert cluster.reload_duration(fleet, unit) == pytest.approx(seconds, rel=1e-9)
    quicker = fleet._replace(machine_speed=2.0, datastore_speed=2.0)
    assert cluster.reload_duration(quicker, unit) == pytest.approx(seconds / 2.0, rel=1e-9)
    assert cluster.reload_duration(fleet._replace(sync_mode="events_cache"), unit) == 0.0
    # The server's own telemetry: a reload of 60 000 entries took that long, within what runs scatter by.
    measured = cm.load_reload_runs().query(
        "datastore == 'mariadb' and operation == 'reload' and entries == 60_000 and spire_version == 'v1.15.3'"
    )
    assert seconds == pytest.approx(measured["latency_mean_s"].mean(), rel=0.35)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        # Half of a period (interval and reload), the reload, half a sync interval and the answer.
        ("full_cache", (8.0 + 1.0) / 2 + 1.0 + 2.0 + 0.3),
        ("events_cache", 8.0 / 2 + 2.0 + 0.3),
        ("crawl", 2.0 + 0.3),
    ],
)
def test_staleness_by_hand(mode, expected):
    fleet = inputs(sync_mode=mode, reload_interval_s=8.0, sync_interval_s=4.0)
    assert cluster.staleness(fleet, 1.0, 0.3) == pytest.approx(expected)


def test_staleness_is_what_a_simulated_change_waits():
    """A change at a random moment, the next reload after it, the agent's next sync after that."""
    random = np.random.default_rng(7)
    interval_s, reload_s, sync_s, answer_s = 5.0, 1.5, 5.0, 0.2
    period_s = interval_s + reload_s
    change = random.uniform(0.0, period_s, 200_000)
    # A reload starts at every multiple of the period and reads at its start; it is in force when it ends.
    in_force = np.ceil(change / period_s) * period_s + reload_s
    seen = in_force + random.uniform(0.0, sync_s, len(change)) + answer_s
    fleet = inputs(reload_interval_s=interval_s, sync_interval_s=sync_s)
    assert cluster.staleness(fleet, reload_s, answer_s) == pytest.approx((seen - change).mean(), rel=0.01)


# Forecasts


def forecast(
    deployment: cm.Deployment, servers: int = 2, cores: int = 4, datastore_cores: int = 4, quantile: float = Q90
):
    unit = costs().unit_costs(deployment.datastore)
    return cluster.forecast(deployment.inputs(), unit, servers, cores, datastore_cores, quantile)


deployments = st.builds(
    cm.Deployment,
    agents=st.integers(1, 200_000),
    workloads=st.integers(0, 2_000_000),
    datastore=st.sampled_from(["sqlite", "postgresql", "mariadb", "mysql"]),
    sync_mode=st.sampled_from(spire.SYNC_MODES),
    sync_interval_s=st.sampled_from([1.0, 5.0, 30.0]),
    jwt_per_s=st.sampled_from([0.0, 50.0, 5000.0]),
    changes_per_s=st.sampled_from([0.0, 10.0]),
    federated_domains=st.sampled_from([0.0, 2.0, 15.0]),
    machine_speed=st.sampled_from([0.5, 1.0, 4.0]),
    datastore_round_trip_time_s=st.sampled_from([0.0, 0.002]),
)


@settings(QUICK, max_examples=60)
@given(deployment=deployments, servers=st.integers(1, 8), cores=st.sampled_from([1, 2, 8, 32]))
def test_every_interval_holds_its_estimate_and_grows_with_the_level(deployment, servers, cores):
    servers = 1 if deployment.datastore == "sqlite" else servers
    narrow, wide = (forecast(deployment, servers, cores, cores, quantile) for quantile in (0.5, 2.0))
    # A full station's bounds and estimate differ by less than what its steep curve is solved to.
    full = max(wide.server_utilization.upper, wide.datastore_utilization.upper) > 0.9
    slack = 1.01 if full else 1.0 + 1e-9
    for name in narrow._fields:
        one, other = getattr(narrow, name), getattr(wide, name)
        assert one.estimate == other.estimate
        assert one.lower <= one.estimate <= one.upper
        assert other.lower <= other.estimate <= other.upper
        assert 0.0 <= other.lower <= one.lower * slack
        assert one.upper <= other.upper * slack
    for used, share, count in (
        (wide.server_cores_used, wide.server_utilization, servers * cores),
        (wide.datastore_cores_used, wide.datastore_utilization, cores),
    ):
        assert list(used) == pytest.approx([count * value for value in share])
        # Only what does not wait for answers can ask for more than there is, and then nothing is left for syncs.
        assert share.upper <= 1.0 + 1e-9 or wide.sync_per_s.lower < 1e-6 * deployment.agents


@pytest.mark.parametrize("datastore", ["postgresql", "mariadb"])
@pytest.mark.parametrize("mode", ["full_cache", "events_cache"])
def test_more_of_anything_makes_utilization_smaller_and_more_agents_larger(datastore, mode):
    fleet = cm.Deployment(agents=5000, workloads=50_000, datastore=datastore, sync_mode=mode)
    here = forecast(fleet)
    assert forecast(fleet, servers=3).server_utilization.estimate < here.server_utilization.estimate
    assert forecast(fleet, cores=8).server_utilization.estimate < here.server_utilization.estimate
    assert forecast(fleet, datastore_cores=8).datastore_utilization.estimate < here.datastore_utilization.estimate
    larger = forecast(replace(fleet, agents=10_000, workloads=100_000))
    assert larger.server_utilization.estimate > here.server_utilization.estimate
    assert larger.datastore_utilization.estimate > here.datastore_utilization.estimate
    assert larger.memory_bytes.estimate > here.memory_bytes.estimate


@pytest.mark.parametrize("speed", [0.5, 4.0])
def test_a_quicker_machine_is_as_busy_with_as_many_more_agents(speed):
    fleet = cm.Deployment(agents=2000, workloads=20_000)
    here = forecast(fleet)
    more = replace(fleet, agents=int(2000 * speed), workloads=int(20_000 * speed))
    there = forecast(replace(more, machine_speed=speed, datastore_speed=speed))
    # As many times more syncs a second, each of as many times fewer seconds; its cores are as seldom at rest.
    for name in ("server_utilization", "datastore_utilization"):
        assert getattr(there, name).estimate == pytest.approx(getattr(here, name).estimate, rel=0.03)


def test_a_forecast_is_the_load_solved_by_hand():
    """The same steps spelled out: rates, loads, the loop, and the answer from its parts."""
    deployment = cm.Deployment(agents=5000, workloads=50_000, changes_per_s=1.0)
    fleet, unit = deployment.inputs(), costs().unit_costs("postgresql")
    found = forecast(deployment)
    reload_s = cluster.reload_duration(fleet, unit)
    answer_s = 0.0
    for _ in range(30):
        load = cluster.load_of(fleet, unit, operation_rates(fleet, 2, answer_s, reload_s), 2.0)
        rate = fleet.agents / (fleet.sync_interval_s + answer_s)
        server_waking = cluster.station_waking(rate / 2, load.sync_server, load.other_server, 4, load.server_waking)
        datastore_waking = cluster.station_waking(
            rate, load.sync_datastore, load.other_datastore, 4, load.datastore_waking
        )
        server = cluster.utilization_at(rate / 2, load.sync_server, load.other_server, server_waking, 0.0, 4)
        datastore = cluster.utilization_at(rate, load.sync_datastore, load.other_datastore, datastore_waking, 0.0, 4)
        answer_s = sum(
            cluster.service_time(demand, waking, 0.0)
            * stretch(cluster.waiting(4, used), load.critical_share, load.interference)
            for demand, waking, used in (
                (load.sync_server, server_waking, server),
                (load.sync_datastore, datastore_waking, datastore),
            )
        )
    assert found.sync_per_s.estimate == pytest.approx(rate, rel=1e-6)
    assert found.server_utilization.estimate == pytest.approx(server, rel=1e-4)
    assert found.datastore_utilization.estimate == pytest.approx(datastore, rel=1e-4)
    assert found.response_time_s.estimate == pytest.approx(answer_s, rel=1e-3)
