"""The closed loop in scalars: against exact answers, the array functions of the package, and the laws of queues."""

import math
from fractions import Fraction

import pytest
import queueing_exact as exact
from hypothesis import given
from hypothesis import strategies as st

from capmodel import loop, queueing

POPULATIONS = st.integers(0, 6).flatmap(lambda power: st.integers(1, 10**power))
SERVERS = st.integers(1, 64)
TIMES = st.floats(-5.0, 1.0).map(lambda power: 10.0**power)


def test_machine_repair_of_the_textbook():
    # Five machines that run 30 hours, two crews that need 3 hours (Gross and others 2008): exact rationals.
    expected = [float(value) for value in exact.finite_source(5, Fraction(30), Fraction(3), 2)]
    assert list(loop.finite_source(5, 30.0, 3.0, 2)) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("population", "think", "service", "servers"),
    [
        (5000, 5.0, 0.0128, 16),
        (5000, 5.0, 0.0176, 16),
        (16395, 5.0, 0.00061, 2),
        (40, 1.0, 0.5, 64),
        (1, 5.0, 0.001, 3),
    ],
)
def test_against_fifty_digits(population, think, service, servers):
    reference = exact.finite_source(population, exact.exact(think), exact.exact(service), servers)
    assert exact.worst_error(list(loop.finite_source(population, think, service, servers)), list(reference)) < 1e-12


@given(POPULATIONS, TIMES, TIMES, SERVERS)
def test_scalars_equal_the_arrays(population, think, service, servers):
    own = loop.finite_source(population, think, service, servers)
    whole = queueing.finite_source(population=population, think_time=think, service_time=service, servers=servers)
    assert list(own) == pytest.approx([float(value) for value in whole], rel=1e-11)
    bound = queueing.asymptotic_bounds(population=population, think_time=think, demands=[service], servers=servers)
    # N S / c - Z loses digits where both are nearly equal.
    tolerance = 1e-12 * (think + service)
    lowest = loop.asymptote(population, think, service, servers)
    assert lowest.response_time == pytest.approx(float(bound.response_low), rel=1e-12, abs=tolerance)
    assert lowest.throughput == pytest.approx(float(bound.throughput_high), rel=1e-12)
    knee = queueing.knee(think_time=think, demands=[service], servers=servers)
    assert loop.knee(think, service, servers) == pytest.approx(float(knee), rel=1e-12)


@given(st.floats(0.0, 0.999), TIMES, SERVERS)
def test_open_queue_equals_the_arrays(utilization, service, servers):
    rate = utilization * servers / service
    own = loop.open_queue(rate, service, servers)
    whole = queueing.mmc(arrival_rate=rate, service_time=service, servers=servers)
    assert own.response_time == pytest.approx(float(whole.response_time), rel=1e-11)
    assert own.in_system == pytest.approx(float(whole.in_system), rel=1e-11)
    assert own.utilization == pytest.approx(float(whole.utilization), rel=1e-12)


def test_open_queue_has_no_end_from_saturation_on():
    assert loop.open_queue(2000.0, 0.001, 2).response_time == math.inf
    assert loop.open_queue(3000.0, 0.001, 2)[:3] == (2000.0, math.inf, 1.0)


@given(POPULATIONS, TIMES, TIMES, SERVERS)
def test_laws(population, think, service, servers):
    state = loop.finite_source(population, think, service, servers)
    # Interactive law, utilization law, Little's law.
    assert state.throughput * (think + state.response_time) == pytest.approx(population, rel=1e-10)
    assert state.utilization == pytest.approx(state.throughput * service / servers, rel=1e-10)
    assert state.in_system == pytest.approx(state.throughput * state.response_time, rel=1e-10)
    lowest = loop.asymptote(population, think, service, servers)
    assert state.response_time >= lowest.response_time * (1.0 - 1e-10) - 1e-12 * think
    assert state.throughput <= lowest.throughput * (1.0 + 1e-10)


@given(TIMES, TIMES, SERVERS)
def test_at_the_knee_both_asymptotes_agree(think, service, servers):
    middle = loop.knee(think, service, servers)
    assert middle * service / servers - think == pytest.approx(service, rel=1e-9, abs=1e-12 * (think + service))
    if middle >= 1.0:
        assert loop.asymptote(middle, think, service, servers).utilization == pytest.approx(1.0, rel=1e-9)


@given(TIMES, SERVERS)
def test_a_curve_lies_between_its_bounds_and_the_open_queue(service, servers):
    points = loop.curve(5.0, service, servers)
    series = {name: [point for point in points if point.series == name] for name in ("closed loop", "bounds")}
    steep = [point for point in points if point.series == "open queue" and point.utilization >= 0.99]
    free = {point.agents: point.response_s for point in points if point.series == "open queue"}
    closed = series["closed loop"]
    agents = [point.agents for point in closed]
    assert agents == sorted(set(agents))
    assert all(loop.FEWEST <= number <= loop.MOST and number == int(number) for number in agents)
    assert (agents[0], agents[-1]) == (loop.FEWEST, loop.MOST)
    for point, bound in zip(closed, series["bounds"], strict=True):
        assert point.agents == bound.agents
        assert point.response_s >= bound.response_s * (1.0 - 1e-9) - 1e-11
        # Without back-pressure the queue is longer, and from saturation on it has no end.
        assert (point.agents in free) == (point.agents / 5.0 * service / servers < 1.0)
        if point.agents in free:
            assert point.response_s <= free[point.agents] * (1.0 + 1e-9)
    if 0.99 * 5.0 * servers / service > loop.FEWEST and 5.0 * servers / service < loop.MOST:
        # One server's queue takes S / (1 - u), several servers' as long divided among them.
        assert max(point.response_s for point in steep) > 0.9e6 * service / servers


def test_marks_and_sentence_say_what_the_model_says():
    marks = {mark.name: mark for mark in loop.marks(5000, 5.0, 0.00061, 2)}
    for name, agents in (("one", 5000), ("two", 10_000), ("four", 20_000)):
        state = queueing.finite_source(population=agents, think_time=5.0, service_time=0.00061, servers=2)
        assert marks[name].agents == agents
        assert marks[name].response_s == pytest.approx(float(state.response_time), rel=1e-11)
        assert marks[name].utilization == pytest.approx(float(state.utilization), rel=1e-11)
    # 2 (5 + 0.00061) / 0.00061 by hand.
    assert marks["knee"].agents == pytest.approx(16395.443, abs=0.001)
    words = loop.sentence(5000, 5.0, 0.00061, 2)
    for part in ("5,000 agents", "30 % of 2 cores", "10,000", "20,000", "1.1 s", "16,400 agents"):
        assert part in words
    assert "of 1 core " in loop.sentence(10, 5.0, 0.001, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 5.0, 0.001, 2), "population: got 0, expected a finite number of at least 1"),
        ((math.inf, 5.0, 0.001, 2), "population: got inf"),
        ((math.nan, 5.0, 0.001, 2), "population: got nan"),
        ((1, 0.0, 0.001, 2), "think_time: got 0, expected a finite number of more than 0"),
        ((1, 5.0, 0.0, 2), "service_time: got 0, expected a finite number of more than 0"),
        ((1, 5.0, -1.0, 2), "service_time: got -1"),
        ((1, 5.0, 0.001, 0), "servers: got 0, expected a whole number of at least 1"),
        ((1, 5.0, 0.001, 1.5), "servers: got 1.5"),
    ],
)
def test_impossible_loops_are_refused(arguments, message):
    for function in (loop.finite_source, loop.asymptote, loop.marks, loop.sentence):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


def test_an_impossible_rate_is_refused():
    with pytest.raises(ValueError, match="arrival_rate: got -1, expected a finite number of at least 0"):
        loop.open_queue(-1.0, 0.001, 2)
