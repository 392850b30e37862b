"""Networks: textbook values and exact arithmetic, also where the textbook recursion fails; properties; bad input."""

from fractions import Fraction

import numpy as np
import pytest
import queueing_exact as exact
from hypothesis import given, settings
from hypothesis import strategies as st

from capmodel import queueing

properties = settings(derandomize=True, deadline=None, max_examples=60)


@st.composite
def networks(draw, most=400):
    stations = draw(st.integers(1, 4))
    demand = st.one_of(st.just(0.0), st.floats(1e-4, 10.0))
    return {
        "population": draw(st.integers(1, most)),
        "think_time": draw(st.one_of(st.just(0.0), st.floats(1e-3, 1e3))),
        "demands": draw(st.lists(demand, min_size=stations, max_size=stations).filter(any)),
        "servers": draw(st.lists(st.integers(1, 40), min_size=stations, max_size=stations)),
    }


def error(found, reference):
    throughput, residence = reference
    return exact.worst_error(
        [found.throughput, found.response_time, *found.residence_times], [throughput, sum(residence), *residence]
    )


# Exactness


@pytest.mark.parametrize("population", [1, 2, 3, 7])
@pytest.mark.parametrize("think", [Fraction(0), Fraction(3, 2)])
@pytest.mark.parametrize(
    ("demands", "servers"),
    [((1, 2, 1), (1, 1, 1)), ((4, 1, 2), (3, 1, 2)), ((5, 5, 0), (4, 2, 1)), ((3, 1, 1), (9, 1, 1))],
)
def test_every_state_counted(population, think, demands, servers):
    reference = exact.network_by_states(population, think, [Fraction(d) for d in demands], servers)
    found = queueing.closed_network(
        population=population, think_time=float(think), demands=np.array(demands, float), servers=servers
    )
    assert error(found, reference) < 1e-14
    reference = exact.network(population, exact.exact(think), [exact.exact(d) for d in demands], servers)
    assert error(found, reference) < 1e-14


#: Sixteen servers would be busy 0.8, 1 and 1.1 of the time, were nobody to wait, with eight more less busy, as busy and
#: a hair less busy; the same without think time; single servers; many servers; many stations.
LARGE = [
    (5000, 5.0, (0.0128, 0.0064), (16, 8)),
    (5000, 5.0, (0.016, 0.004), (16, 8)),
    (5000, 5.0, (0.0176, 0.0064), (16, 8)),
    (5000, 5.0, (0.0176, 0.0088), (16, 8)),
    (5000, 5.0, (0.0176, 0.008799), (16, 8)),
    (5000, 0.0, (0.0176, 0.0088), (16, 8)),
    (5000, 5.0, (0.0008, 0.0005, 0.0003), (1, 1, 1)),
    (5000, 5.0, (0.0011, 0.0005, 0.0003), (1, 1, 1)),
    (1000, 1.0, (0.2, 1e-5), (150, 2)),
    (300, 0.3, (0.01, 0.02, 0.03, 0.04, 0.05, 0.06), (1, 2, 3, 4, 5, 6)),
]


@pytest.mark.parametrize(("population", "think", "demands", "servers"), LARGE)
def test_large_networks_against_50_digits(population, think, demands, servers):
    reference = exact.network(population, exact.exact(think), [exact.exact(d) for d in demands], servers)
    found = queueing.closed_network(population=population, think_time=think, demands=demands, servers=servers)
    assert error(found, reference) < 1e-13


@pytest.mark.parametrize("ratio", [0.8, 1.0, 1.1, 3.0])
@pytest.mark.parametrize("population", [50_000, 1_000_000])
def test_one_station_is_a_finite_source(population, ratio):
    """Two ways to one answer: the birth-death chain is itself held against 50 digits up to a million customers."""
    for servers in (1, 16, 300):
        service = ratio * servers * 5.0 / population
        network = queueing.closed_network(population=population, think_time=5.0, demands=[service], servers=[servers])
        station = queueing.finite_source(population=population, think_time=5.0, service_time=service, servers=servers)
        np.testing.assert_allclose(network.throughput, station.throughput, rtol=1e-13)
        np.testing.assert_allclose(network.response_time, station.response_time, rtol=1e-12)
        np.testing.assert_allclose(network.utilizations, [station.utilization], rtol=1e-13)
        np.testing.assert_allclose(network.in_system, station.in_system, rtol=1e-12)


def test_a_million_customers_in_two_stations_close_the_cycle():
    found = queueing.closed_network(population=10**6, think_time=5.0, demands=[8.16e-5, 4.08e-5], servers=[16, 8])
    assert found.throughput * (5.0 + found.response_time) == pytest.approx(1e6, rel=1e-12)


# Properties


@properties
@given(network=networks())
def test_laws_of_a_closed_network(network):
    found = queueing.closed_network(**network)
    demands, servers = np.array(network["demands"]), np.array(network["servers"])
    population, think = network["population"], network["think_time"]
    # Nothing in the solution forces the cycle to close: numbers and throughput are found apart.
    assert found.throughput * (think + found.response_time) == pytest.approx(population, rel=1e-11)
    np.testing.assert_allclose(found.utilizations, found.throughput * demands / servers, rtol=1e-12)
    assert (found.utilizations <= 1.0 + 1e-12).all()
    assert (found.residence_times >= demands * (1 - 1e-12)).all()
    assert found.response_time == pytest.approx(found.residence_times.sum(), rel=1e-14)
    assert found.in_system == pytest.approx(found.throughput * found.response_time, rel=1e-14)
    more = queueing.closed_network(**{**network, "population": population + 1})
    assert more.throughput >= found.throughput * (1 - 1e-12)
    assert more.response_time >= found.response_time * (1 - 1e-12)
    wider = queueing.closed_network(**{**network, "servers": servers + 1})
    assert wider.throughput >= found.throughput * (1 - 1e-12)


@properties
@given(network=networks(), factor=st.floats(1e-6, 1e6))
def test_the_unit_of_time_and_the_order_of_stations_do_not_matter(network, factor):
    found = queueing.closed_network(**network)
    scaled = queueing.closed_network(
        population=network["population"],
        think_time=network["think_time"] * factor,
        demands=np.array(network["demands"])[::-1] * factor,
        servers=network["servers"][::-1],
    )
    assert scaled.throughput * factor == pytest.approx(found.throughput, rel=1e-12)
    np.testing.assert_allclose(scaled.residence_times[::-1], found.residence_times * factor, rtol=1e-11)


@properties
@given(network=networks(most=200))
def test_single_servers_agree_with_mean_value_analysis(network):
    network = {**network, "servers": 1}
    throughput, residence = exact.mean_value_analysis(network["population"], network["think_time"], network["demands"])
    found = queueing.closed_network(**network)
    assert found.throughput == pytest.approx(throughput, rel=1e-12)
    np.testing.assert_allclose(found.residence_times, residence, rtol=1e-11)


@properties
@given(
    population=st.integers(1, 3000), think=st.floats(1e-3, 1e3), ratio=st.floats(1e-3, 30.0), servers=st.integers(1, 70)
)
def test_one_station_is_a_finite_source_everywhere(population, think, ratio, servers):
    service = ratio * servers * think / population
    network = queueing.closed_network(population=population, think_time=think, demands=[service], servers=[servers])
    station = queueing.finite_source(population=population, think_time=think, service_time=service, servers=servers)
    assert network.throughput == pytest.approx(station.throughput, rel=1e-12)
    assert network.response_time == pytest.approx(station.response_time, rel=1e-11)


@properties
@given(utilization=st.floats(0.05, 0.9), visits=st.lists(st.floats(0.1, 10.0), min_size=1, max_size=4))
def test_a_large_closed_network_tends_to_the_open_one(utilization, visits):
    servers = np.arange(1, len(visits) + 1)
    times = 0.01 * servers / np.array(visits)  # every station is as busy as the others
    rate = utilization / 0.01
    found = queueing.open_network(arrival_rate=rate, service_times=times, servers=servers, visits=visits)
    np.testing.assert_allclose(found.utilizations, utilization, rtol=1e-12)
    for k, visit in enumerate(visits):
        station = queueing.mmc(arrival_rate=rate * visit, service_time=times[k], servers=servers[k])
        assert found.residence_times[k] == pytest.approx(visit * station.response_time, rel=1e-12)
    assert found.in_system == pytest.approx(rate * found.response_time, rel=1e-12)
    closed = queueing.closed_network(
        population=300_000, think_time=300_000 / rate, demands=times * visits, servers=servers
    )
    assert closed.response_time == pytest.approx(found.response_time, rel=2e-3)


# Arguments

NETWORK = {"population": 10, "think_time": 1.0, "demands": [0.2, 0.3], "servers": [2, 1]}
OPEN = {"arrival_rate": 1.0, "service_times": [0.2, 0.3], "servers": [2, 1], "visits": [1.0, 2.0]}


@pytest.mark.parametrize(("name", "arguments"), [("closed_network", NETWORK), ("open_network", OPEN)])
def test_bad_arguments_are_named(name, arguments):
    bad = {"servers": [0, 1.5, np.inf], "population": [-1, 0.5, np.inf]}
    for argument in arguments:
        for value in bad.get(argument, [-1e-9, np.inf]):
            with pytest.raises(ValueError, match=rf"^{argument}: got "):
                getattr(queueing, name)(**{**arguments, argument: [value, 1]})


def test_stations_need_an_axis():
    with pytest.raises(ValueError, match=r"^demands: got 1, expected an array with the stations on its last axis$"):
        queueing.closed_network(population=1, think_time=1.0, demands=1.0)
    with pytest.raises(
        ValueError, match=r"^service_times: got 1, expected an array with the stations on its last axis$"
    ):
        queueing.open_network(arrival_rate=1.0, service_times=1.0)


def test_shapes():
    found = queueing.closed_network(**NETWORK)
    assert all(isinstance(value, np.float64) for value in (found.throughput, found.response_time, found.in_system))
    assert found.residence_times.shape == found.utilizations.shape == (2,)
    grid = queueing.closed_network(
        population=np.arange(1, 4)[:, None], think_time=[1.0, 2.0, 3.0, 4.0], demands=[0.2, 0.3], servers=[2, 1]
    )
    assert grid.throughput.shape == grid.in_system.shape == (3, 4)
    assert grid.residence_times.shape == grid.utilizations.shape == (3, 4, 2)
    for n in range(3):
        for z in range(4):
            alone = queueing.closed_network(population=n + 1, think_time=z + 1.0, demands=[0.2, 0.3], servers=[2, 1])
            np.testing.assert_allclose(grid.residence_times[n, z], alone.residence_times, rtol=1e-14)
    for empty in (np.empty(0), np.empty((0, 3))):
        found = queueing.closed_network(population=empty, think_time=1.0, demands=[0.2, 0.3])
        assert found.throughput.shape == empty.shape
        assert found.residence_times.shape == (*empty.shape, 2)
        assert queueing.open_network(arrival_rate=empty, service_times=[0.2, 0.3]).in_system.shape == empty.shape
    nowhere = queueing.closed_network(population=[2, 3], think_time=2.0, demands=np.empty((2, 0)))
    assert nowhere.throughput.tolist() == [1.0, 1.5]


#: Networks with what is special in them: nobody thinks, nobody waits, nothing to do, nobody there, nobody knows.
NETWORKS = [
    {"population": 9, "think_time": 3.0, "demands": [1.0, 2.0, 0.5], "servers": [1, 4, 2]},
    {"population": 9, "think_time": 0.0, "demands": [0.0, 2.0, 7.0], "servers": [3, 1, 5]},
    {"population": 3, "think_time": 1.0, "demands": [0.2, 0.3, 1.0], "servers": [3, 4, 9]},
    {"population": 5, "think_time": 2.0, "demands": [0.0, 0.0, 0.0], "servers": [1, 1, 1]},
    {"population": 5, "think_time": 0.0, "demands": [0.0, 0.0, 0.0], "servers": [1, 1, 1]},
    {"population": 0, "think_time": 1.0, "demands": [0.2, 0.3, 0.1], "servers": [1, 1, 1]},
    {"population": 2, "think_time": 1.0, "demands": [0.2, 0.3, 0.1], "servers": [1, np.nan, 1]},
]


def test_networks_at_once_are_as_networks_one_by_one():
    together = queueing.closed_network(**{key: np.array([each[key] for each in NETWORKS]) for key in NETWORKS[0]})
    for row, network in enumerate(NETWORKS):
        for part, alone in zip(together, queueing.closed_network(**network), strict=True):
            np.testing.assert_array_equal(part[row], alone)
    assert np.isinf(together.throughput[4])
    assert np.isnan(together.utilizations[6]).all()


def test_nan_stays_in_its_row():
    for argument, value in {"population": [10, np.nan], "think_time": [1.0, np.nan]}.items():
        found = queueing.closed_network(**{**NETWORK, argument: value})
        for part, alone in zip(found, queueing.closed_network(**NETWORK), strict=True):
            np.testing.assert_allclose(part[0], alone, rtol=1e-14)
            assert np.isnan(part[1]).all()
    found = queueing.closed_network(**{**NETWORK, "demands": [[0.2, np.nan], [0.2, 0.3]]})
    assert np.isnan(found.throughput).tolist() == [True, False]


def test_an_unstable_station_makes_the_whole_open_network_wait():
    found = queueing.open_network(arrival_rate=[1.0, 4.0], service_times=[0.1, 0.25])
    assert found.utilizations[1].tolist() == [0.4, 1.0]
    assert np.isfinite(found.residence_times[1, 0])
    assert np.isinf([found.residence_times[1, 1], found.response_time[1], found.in_system[1]]).all()
    assert np.isfinite(found.response_time[0])


def test_without_customers_demands_or_queues():
    nobody = queueing.closed_network(population=0, think_time=1.0, demands=[0.2, 0.3])
    assert nobody.throughput == nobody.in_system == 0.0
    assert nobody.residence_times.tolist() == [0.2, 0.3]
    idle = queueing.closed_network(population=4, think_time=2.0, demands=[0.0, 0.0])
    assert (idle.throughput, idle.response_time, idle.in_system) == (2.0, 0.0, 0.0)
    endless = queueing.closed_network(population=4, think_time=0.0, demands=[0.0, 0.0])
    assert np.isinf(endless.throughput)
    assert endless.in_system == endless.response_time == 0.0
    assert endless.utilizations.tolist() == [0.0, 0.0]
    ample = queueing.closed_network(population=4, think_time=1.0, demands=[0.5, 0.5], servers=[4, 9])
    assert ample.throughput == pytest.approx(2.0, rel=1e-15)
    assert ample.residence_times.tolist() == [0.5, 0.5]
