"""Bounds enclose the exact answer and meet it where they must; staffing meets published values."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmodel import queueing

properties = settings(derandomize=True, deadline=None, max_examples=80)
stations = st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 10.0)), min_size=1, max_size=5).filter(any)
think_times = st.one_of(st.just(0.0), st.floats(1e-3, 1e3))


def encloses(bounds, found):
    slack = 1e-9
    assert bounds.throughput_low <= found.throughput * (1 + slack)
    assert bounds.throughput_high >= found.throughput * (1 - slack)
    assert bounds.response_low <= found.response_time * (1 + slack)
    assert bounds.response_high >= found.response_time * (1 - slack)


@properties
@given(population=st.integers(1, 500), think=think_times, demands=stations, data=st.data())
def test_asymptotic_bounds_enclose_the_exact_answer(population, think, demands, data):
    servers = data.draw(st.lists(st.integers(1, 40), min_size=len(demands), max_size=len(demands)))
    network = {"population": population, "think_time": think, "demands": demands, "servers": servers}
    encloses(queueing.asymptotic_bounds(**network), queueing.closed_network(**network))


@properties
@given(population=st.integers(1, 500), think=think_times, demands=stations)
def test_balanced_job_bounds_enclose_the_exact_answer_more_tightly(population, think, demands):
    network = {"population": population, "think_time": think, "demands": demands}
    balanced = queueing.balanced_job_bounds(**network)
    encloses(balanced, queueing.closed_network(**network))
    wide = queueing.asymptotic_bounds(**network)
    assert balanced.throughput_low >= wide.throughput_low * (1 - 1e-12)
    assert balanced.throughput_high <= wide.throughput_high * (1 + 1e-12)


@pytest.mark.parametrize("bounds", [queueing.asymptotic_bounds, queueing.balanced_job_bounds])
def test_one_customer_never_waits(bounds):
    found = bounds(population=1, think_time=3.0, demands=[1.0, 2.0, 0.5])
    assert found.throughput_low == pytest.approx(1.0 / 6.5)
    assert found.throughput_high == pytest.approx(1.0 / 6.5)


def test_balanced_networks_without_thinking_are_known_exactly():
    """N customers and K equal stations: X = N / (D (N + K - 1) / K)."""
    population = np.arange(1, 30)
    found = queueing.balanced_job_bounds(population=population, think_time=0.0, demands=[2.0, 2.0, 2.0])
    np.testing.assert_allclose(found.throughput_low, population / (2.0 * (population + 2)), rtol=1e-14)
    np.testing.assert_allclose(found.throughput_high, found.throughput_low, rtol=1e-14)


def test_the_asymptotes_cross_at_the_knee():
    think, demands, servers = 5.0, np.array([0.016, 0.012]), np.array([16, 8])
    crossing = queueing.knee(think_time=think, demands=demands, servers=servers)
    assert crossing == pytest.approx((think + 0.028) / 0.0015, rel=1e-14)
    before, after = (
        queueing.asymptotic_bounds(population=n, think_time=think, demands=demands, servers=servers)
        for n in (np.floor(crossing), np.ceil(crossing))
    )
    assert before.throughput_high == pytest.approx(np.floor(crossing) / 5.028, rel=1e-12)
    assert after.throughput_high == pytest.approx(8 / 0.012, rel=1e-12)
    assert np.isinf(queueing.knee(think_time=1.0, demands=[0.0]))
    assert queueing.knee(think_time=np.array([0.0, 1.0, np.nan]), demands=[1.0, 1.0]).tolist()[:2] == [2.0, 3.0]


def halfin_whitt(safety):
    return 1 / (1 + safety * mpmath.ncdf(safety) / mpmath.npdf(safety))


def test_halfin_whitt_values():
    servers, load = np.array([4, 16, 128]), np.array([3.2, 14.4, 118.0])
    for safety in ((1.0 - load / servers) * np.sqrt(servers), (servers - load) / np.sqrt(load)):
        found = queueing.halfin_whitt_wait_probability(safety=safety)
        np.testing.assert_allclose(found, [float(halfin_whitt(value)) for value in safety], rtol=1e-13)
    # The two conventions differ where servers are few, and both come near the exact answer where they are many.
    assert queueing.halfin_whitt_wait_probability(safety=0.4) == pytest.approx(0.58415, abs=5e-6)
    assert queueing.halfin_whitt_wait_probability(safety=0.8 / np.sqrt(3.2)) == pytest.approx(0.5455, abs=5e-5)
    exact = queueing.erlang_c(offered_load=load, servers=servers)
    np.testing.assert_allclose(exact, [0.5964, 0.5913, 0.2694], atol=5e-5)
    assert queueing.halfin_whitt_wait_probability(safety=30.0) == pytest.approx(float(halfin_whitt(30.0)), rel=1e-12)
    assert queueing.halfin_whitt_wait_probability(safety=100.0) == 0.0


@properties
@given(load=st.floats(1.0, 10_000.0), probability=st.floats(0.001, 0.9))
def test_square_root_staffing_is_within_two_servers_of_the_exact_answer(load, probability):
    rule = queueing.square_root_staffing(offered_load=load, probability=probability)
    exact = queueing.servers_for_wait_probability(offered_load=load, probability=probability)
    assert abs(rule - exact) <= 2.0


def test_bad_arguments_are_named():
    network = {"population": 3, "think_time": 1.0, "demands": [1.0, 2.0], "servers": [1, 2]}
    for argument, value in {"population": -1, "think_time": -1.0, "demands": [-1.0, 1.0], "servers": [0, 1]}.items():
        with pytest.raises(ValueError, match=rf"^{argument}: got "):
            queueing.asymptotic_bounds(**{**network, argument: value})
        single = {k: v for k, v in {**network, argument: value}.items() if k != "servers"}
        if argument != "servers":
            with pytest.raises(ValueError, match=rf"^{argument}: got "):
                queueing.balanced_job_bounds(**single)
        if argument != "population":
            crossing = {k: v for k, v in {**network, argument: value}.items() if k != "population"}
            with pytest.raises(ValueError, match=rf"^{argument}: got "):
                queueing.knee(**crossing)
    with pytest.raises(ValueError, match=r"^demands: got 2, expected an array with the stations on its last axis$"):
        queueing.knee(think_time=1.0, demands=2.0)
    with pytest.raises(ValueError, match=r"^safety: got 0, expected more than 0"):
        queueing.halfin_whitt_wait_probability(safety=0.0)
    with pytest.raises(ValueError, match=r"^probability: got 1, expected less than 1"):
        queueing.square_root_staffing(offered_load=1.0, probability=1.0)


def test_shapes_and_nan():
    grid = queueing.asymptotic_bounds(population=np.ones((3, 1)), think_time=[1.0, np.nan], demands=[[0.5, 0.2]] * 2)
    assert grid.throughput_low.shape == (3, 2)
    assert np.isnan(grid.throughput_high[:, 1]).all()
    empty = queueing.balanced_job_bounds(population=np.empty((0, 2)), think_time=1.0, demands=[0.5, 0.2])
    assert empty.response_high.shape == (0, 2)
    nobody = queueing.balanced_job_bounds(population=0, think_time=1.0, demands=[0.5, 0.2])
    assert nobody.throughput_low == nobody.throughput_high == 0.0
    assert isinstance(nobody.throughput_low, np.float64)
    assert np.isnan(queueing.square_root_staffing(offered_load=[1.0, np.nan], probability=[np.nan, 0.5])).all()


#: Networks with what is special in them: nobody thinks, nothing to do at a station, nothing to do at all, one customer.
NETWORKS = [
    {"population": 4, "think_time": 3.0, "demands": [1.0, 2.0, 0.5], "servers": [1, 4, 2]},
    {"population": 9, "think_time": 0.0, "demands": [0.0, 2.0, 7.0], "servers": [3, 1, 5]},
    {"population": 5, "think_time": 2.0, "demands": [0.0, 0.0, 0.0], "servers": [1, 1, 1]},
    {"population": 1, "think_time": 1.0, "demands": [0.2, 0.3, 1.0], "servers": [2, 2, 2]},
    {"population": 0, "think_time": 1.0, "demands": [0.2, 0.3, 0.1], "servers": [1, 1, 1]},
]


@pytest.mark.parametrize("name", ["asymptotic_bounds", "balanced_job_bounds", "knee"])
def test_networks_at_once_are_as_networks_one_by_one(name):
    function = getattr(queueing, name)
    taken = ["population", "think_time", "demands", "servers"]
    taken = [key for key in taken if not (name == "knee" and key == "population")]
    taken = [key for key in taken if not (name == "balanced_job_bounds" and key == "servers")]
    together = function(**{key: np.array([network[key] for network in NETWORKS]) for key in taken})
    alone = [function(**{key: network[key] for key in taken}) for network in NETWORKS]
    np.testing.assert_array_equal(np.array(together), np.array(alone).T)


@pytest.mark.parametrize("bounds", [queueing.asymptotic_bounds, queueing.balanced_job_bounds])
def test_without_demands_only_thinking_takes_time(bounds):
    found = bounds(population=6, think_time=[2.0, 0.0], demands=[0.0, 0.0])
    for throughput in (found.throughput_low, found.throughput_high):
        assert throughput.tolist() == [3.0, np.inf]
    for response in (found.response_low, found.response_high):
        assert response.tolist() == [0.0, 0.0]
    nobody = bounds(population=0, think_time=[2.0, 0.0], demands=[0.0, 0.0])
    assert nobody.throughput_low.tolist() == nobody.throughput_high.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("bounds", [queueing.asymptotic_bounds, queueing.balanced_job_bounds])
def test_without_stations_only_thinking_takes_time(bounds):
    found = bounds(population=6, think_time=[2.0, 3.0], demands=np.empty((2, 0)))
    assert found.throughput_low.tolist() == found.throughput_high.tolist() == [3.0, 2.0]
    assert found.response_low.tolist() == found.response_high.tolist() == [0.0, 0.0]
    assert queueing.knee(think_time=2.0, demands=np.empty(0)) == np.inf


def test_stations_without_demand_do_not_change_the_bounds():
    for bounds in (queueing.asymptotic_bounds, queueing.balanced_job_bounds):
        network = {"population": np.arange(1, 40), "think_time": 1.0}
        np.testing.assert_allclose(
            bounds(**network, demands=[0.5, 0.2, 0.0, 0.0]), bounds(**network, demands=[0.5, 0.2]), rtol=1e-14
        )


def test_balanced_job_bounds_are_the_published_formulas():
    """Written out for three customers and demands of 1, 2 and 3 with a think time of 6 (Zahorjan and others, 1982)."""
    found = queueing.balanced_job_bounds(population=3, think_time=6.0, demands=[1.0, 2.0, 3.0])
    assert found.throughput_low == pytest.approx(3 / (6 + 6 + 2 * 3 / (1 + 6 / 18)), rel=1e-14)
    assert found.throughput_high == pytest.approx(3 / (6 + 6 + 2 * 2 / (1 + 6 / 6)), rel=1e-14)


def test_crowded_stations_wait_for_all_others_at_each_server():
    """At worst a request finds all the others before it: the demand of each station times N / c where N exceeds c."""
    found = queueing.asymptotic_bounds(population=6, think_time=1.0, demands=[1.0, 2.0], servers=[2, 12])
    assert found.response_high == pytest.approx(1.0 * 3 + 2.0)
    assert found.throughput_low == pytest.approx(6 / 6.0)


def test_square_root_staffing_rounds_up_to_at_least_one_server():
    assert queueing.square_root_staffing(offered_load=0.0, probability=0.2) == 1.0
    low = queueing.square_root_staffing(offered_load=0.04, probability=0.9)
    assert low == 1.0
    safety = mpmath.findroot(lambda x: halfin_whitt(x) - 0.01, 2.0)
    for load in (1.0, 50.0, 1234.5):
        found = queueing.square_root_staffing(offered_load=load, probability=0.01)
        assert found == int(mpmath.ceil(load + safety * mpmath.sqrt(load)))
