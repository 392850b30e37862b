"""Connections between servers and datastore: against closed forms, limits of SPIRE's releases, and each other."""

import heapq
import math

import numpy as np
import pytest
from fitted import costs
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import geom, poisson

import capmodel as cm
from capmodel import pool


def answer(**values):
    return cm.size(cm.Deployment(**({"agents": 5000, "workloads": 10_000} | values)), costs()).clusters[0]


@given(utilization=st.floats(0.05, 0.9), servers=st.integers(1, 12))
def test_a_share_of_one_cores_queue_is_geometric(utilization, servers):
    """A single core's queue is geometric, and so is each server's share of it: a closed form."""
    mean = utilization / (1.0 - utilization) / servers
    found = pool.quantile_of(mean, utilization, 1, servers, 0.999)
    exact = int(geom.ppf(0.999, 1.0 / (1.0 + mean))) - 1
    assert abs(found - exact) <= 1


@given(mean=st.floats(0.01, 300.0))
def test_without_a_queue_the_number_is_poisson(mean):
    assert pool.quantile_of(mean, 0.0, 4, 3, 0.999) == poisson.ppf(0.999, mean)


@given(utilization=st.floats(0.05, 0.95), cores=st.integers(1, 32))
def test_the_queue_is_that_of_its_cores(utilization, cores):
    """Its probabilities add up to 1, its mean is Erlang's, and the cores in use are the load that is offered."""
    lengths = pool._queue_lengths(utilization, cores)
    counts = np.arange(len(lengths))
    assert lengths.sum() == pytest.approx(1.0, abs=1e-6)
    erlang = float(cm.queueing.mmc(arrival_rate=utilization * cores, service_time=1.0, servers=cores).in_system)
    assert float(lengths @ counts) == pytest.approx(erlang, rel=1e-3)
    assert float(lengths @ np.minimum(counts, cores)) == pytest.approx(utilization * cores, rel=1e-3)


@given(utilization=st.floats(0.05, 0.9), mean=st.floats(0.0, 50.0), servers=st.integers(1, 8))
def test_more_in_use_needs_more_connections(utilization, mean, servers):
    few = pool.quantile_of(mean, utilization, 2, servers, 0.999)
    assert few >= math.floor(mean)
    assert pool.quantile_of(mean + 5.0, utilization, 2, servers, 0.999) > few


def simulated(agents, service_s, cores, servers, network_s, seconds=600.0):
    """Follow a closed fleet whose syncs hold a connection on the network, then at the datastore's shared cores.

    Returns the mean number that one server holds, the share of the cores in use, and the 99.9 % quantile over time.
    """
    random = np.random.default_rng(1)
    pausing = [(random.uniform(0.0, 5.0), agent) for agent in range(agents)]
    heapq.heapify(pausing)
    travelling: list[tuple[float, int]] = []
    left: dict[int, float] = {}
    server_of, held, spent = [0] * agents, [0] * servers, np.zeros(agents + 1)
    now = busy = 0.0
    while now < seconds:
        pace = min(1.0, cores / len(left)) if left else 0.0
        first = min(left, key=left.__getitem__) if left else -1
        times = (
            pausing[0][0] if pausing else math.inf,
            travelling[0][0] if travelling else math.inf,
            now + left[first] / pace if left else math.inf,
        )
        step = min(times) - now
        for count in held:
            spent[count] += step
        busy += step * min(len(left), cores)
        for agent in left:
            left[agent] -= step * pace
        now += step
        if times[2] == now:
            del left[first]
            held[server_of[first]] -= 1
            heapq.heappush(pausing, (now + 5.0 * random.uniform(0.9, 1.1), first))
        elif times[0] == now:
            agent = heapq.heappop(pausing)[1]
            server_of[agent] = int(random.integers(servers))
            held[server_of[agent]] += 1
            heapq.heappush(travelling, (now + network_s, agent))
        else:
            left[heapq.heappop(travelling)[1]] = random.exponential(service_s)
    share = spent / spent.sum()
    mean = float(share @ np.arange(len(share)))
    return mean, busy / now / cores, int(np.searchsorted(np.cumsum(share), 0.999))


@pytest.mark.parametrize(
    ("agents", "service_s", "cores", "servers", "network_s"),
    [(600, 0.004, 1, 3, 0.004), (300, 0.012, 1, 1, 0.0), (400, 0.012, 2, 2, 0.02), (400, 0.025, 4, 3, 0.05)],
)
def test_a_simulated_fleet_needs_as_many(agents, service_s, cores, servers, network_s):
    """The closed loop is simulated without any formula of the package; it bounds the queue that the formula has not."""
    mean, utilization, most = simulated(agents, service_s, cores, servers, network_s)
    found = pool.quantile_of(mean, utilization, cores, servers, 0.999)
    assert most - 1 <= found <= max(most + 3, 1.2 * most)


def test_the_pool_carries_what_is_in_use():
    found = answer().datastore_connections
    assert found.in_use.lower <= found.in_use.estimate <= found.in_use.upper <= found.in_use_most
    assert found.per_server >= found.in_use_most + found.background
    assert found.per_server >= 2 * found.in_use.upper + found.background
    assert found.all_servers == answer().servers * found.per_server
    assert found.datastore_limit > found.all_servers


def test_littles_law_with_a_distant_datastore():
    """At 40 ms a round trip each sync holds its connection for four of them: rate x 160 ms, whatever the CPU does."""
    part = answer(datastore_round_trip_time_s=0.04)
    sync_per_s = part.degraded.throughput_per_s.estimate
    found = part.datastore_connections
    assert found.in_use.estimate == pytest.approx(sync_per_s * 0.16 / (part.servers - 1), rel=0.05)
    assert found.per_server > found.default_open, "SPIRE's own limit would hold this fleet up"


@pytest.mark.parametrize(
    ("mode", "version", "most", "idle"),
    [
        ("full_cache", None, 100, 100),
        ("full_cache", "v1.11.2", 100, 2),
        ("full_cache", "v1.8.6", 0, 2),
        ("full_cache", "v1.12.0", 100, 100),
        ("crawl_cached", None, 0, 2),
    ],
)
def test_what_a_release_does_by_itself(mode, version, most, idle):
    """SPIRE's changes: a limit of 100 from v1.8.7 (pull request 4656), as many idle from v1.12.0 (5802)."""
    found = answer(sync_mode=mode, spire_version=version).datastore_connections
    assert (found.default_open, found.default_idle) == (most, idle)


def test_federation_polls_beside_the_requests():
    assert answer(federated_peers=7).datastore_connections.background == answer().datastore_connections.background + 8


def test_agents_in_flight_bound_the_connections():
    found = answer(agents=3, workloads=6, datastore_round_trip_time_s=0.05).datastore_connections
    assert found.in_use.upper <= 3


@pytest.mark.parametrize("values", [{"datastore": "sqlite"}, {"agents": 10_000_000, "workloads": 100_000_000}])
def test_there_is_no_pool_without_a_datastore_or_a_shape(values):
    part = answer(**values)
    assert part.datastore_connections is None
    assert part.to_dict()["datastore_connections"] is None


def test_json_has_the_pool():
    part = answer()
    found = part.to_dict()["datastore_connections"]
    assert found["per_server"] == part.datastore_connections.per_server
    assert set(found["in_use"]) == {"estimate", "lower", "upper"}
