"""The bench as a closed loop: against the machine-repair formulas, and against laws that any queue keeps."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmodel import queueing, spire
from capmodel.host import HostState, closed_loop, fleet_loop

QUICK = settings(derandomize=True, deadline=None, max_examples=60)


Demand = float | Callable[[float], float]


def at_any_rate(demand_s: Demand) -> Callable[[float], float]:
    return demand_s if callable(demand_s) else lambda rate: demand_s


def loop(callers: int, think_time_s: float, demand_s: Demand, cores: float = 2.0, **changes: object) -> HostState:
    values = {
        "demand_s": at_any_rate(demand_s),
        "churn_s": 0.0,
        "half_saturation": 10.0,
        "idle_constant": 0.5,
    } | changes
    return closed_loop(callers=callers, think_time_s=think_time_s, cores=cores, **values)


def fleet(callers: float, think_time_s: float, demand_s: Demand, cores: float = 2.0, **changes: object) -> HostState:
    values = {
        "delay_s": lambda rate: 0.0,
        "demand_s": at_any_rate(demand_s),
        "churn_s": 0.0,
        "half_saturation": 10.0,
        "critical_share": 1.0,
        "interference": 0.0,
    } | changes
    return fleet_loop(callers=callers, think_time_s=think_time_s, cores=cores, **values)


def machine_repair(
    callers: int, think_time: Fraction, service_time: Fraction, servers: int
) -> tuple[Fraction, Fraction]:
    """Return throughput and mean number being served or waiting, exactly, from the balance of flows."""
    weights = [Fraction(1)]
    for count in range(1, callers + 1):
        into = (callers - count + 1) / think_time
        out = min(count, servers) / service_time
        weights.append(weights[-1] * into / out)
    total = sum(weights)
    held = sum(count * weight for count, weight in enumerate(weights)) / total
    busy = sum(min(count, servers) * weight for count, weight in enumerate(weights)) / total
    return busy / service_time, held


@pytest.mark.parametrize("servers", [1, 2, 7])
@pytest.mark.parametrize("callers", [1, 2, 5, 40])
@pytest.mark.parametrize("service_time", [Fraction(1, 1000), Fraction(1, 10), Fraction(3)])
def test_a_constant_demand_is_the_machine_repair_model(callers, servers, service_time):
    state = loop(callers, 1.0, float(service_time), cores=float(servers))
    throughput, held = machine_repair(callers, Fraction(1), service_time, servers)
    assert state.throughput_per_s == pytest.approx(float(throughput), rel=1e-9)
    assert state.in_flight == pytest.approx(float(held), rel=1e-9)
    assert state.response_time_s == pytest.approx(float(held / throughput), rel=1e-9)
    assert state.utilization == pytest.approx(float(throughput * service_time / servers), rel=1e-9)
    assert state.demand_s == pytest.approx(float(service_time), rel=1e-12)
    assert state.churn_weight == 0.0


@pytest.mark.parametrize("callers", [10, 1000, 5000])
@pytest.mark.parametrize("load", [0.1, 0.9, 1.0, 1.5, 20.0])
def test_many_callers_are_the_finite_source_of_the_package(callers, load):
    demand_s = load * 2.0 / callers
    state = loop(callers, 1.0, demand_s)
    exact = queueing.finite_source(population=callers, think_time=1.0, service_time=demand_s, servers=2)
    assert state.throughput_per_s == pytest.approx(exact.throughput, rel=1e-8)
    assert state.response_time_s == pytest.approx(exact.response_time, rel=1e-7)
    assert state.utilization == pytest.approx(exact.utilization, rel=1e-8)


@QUICK
@given(
    callers=st.integers(1, 300),
    think_time_s=st.floats(0.01, 10.0),
    demand_s=st.floats(1e-5, 1.0),
    extra_s=st.floats(0.0, 1.0),
    constant=st.floats(1.0, 1e4),
    churn_s=st.sampled_from([0.0, 0.001, 0.1]),
    cores=st.integers(1, 8),
)
def test_laws_of_any_closed_loop(callers, think_time_s, demand_s, extra_s, constant, churn_s, cores):
    def demand(rate: float) -> float:
        return demand_s + extra_s * math.exp(-rate / constant)

    state = loop(callers, think_time_s, demand, float(cores), churn_s=churn_s)
    rate = state.throughput_per_s
    # Little's law for the loop and for the host, the utilization law, and the asymptotic bounds.
    assert rate * (think_time_s + state.response_time_s) == pytest.approx(callers, rel=1e-6)
    assert rate * state.response_time_s == pytest.approx(state.in_flight, rel=1e-9)
    assert state.utilization == pytest.approx(rate * state.demand_s / cores, rel=1e-6)
    assert 0.0 < state.utilization <= 1.0 + 1e-12
    assert rate <= min(callers / think_time_s, cores / demand_s) * (1.0 + 1e-9)
    assert state.response_time_s >= state.demand_s * (1.0 - 1e-6)
    # The demand is that of the throughput itself.
    assert state.demand_s == pytest.approx(demand(rate) + churn_s * state.churn_weight, rel=1e-5)
    assert 0.0 <= state.churn_weight < 1.0


@QUICK
@given(callers=st.integers(1, 200), demand_s=st.floats(1e-4, 0.1), more=st.floats(1.01, 2.0))
def test_a_dearer_operation_is_done_less_often_and_answered_later(callers, demand_s, more):
    one, other = loop(callers, 1.0, demand_s), loop(callers, 1.0, demand_s * more)
    assert other.throughput_per_s < one.throughput_per_s
    assert other.response_time_s > one.response_time_s
    assert other.utilization > one.utilization * (1.0 - 1e-9)


@pytest.mark.parametrize(("callers", "share"), [(1, 1 / 1.5), (2, 2 / 2.5), (8, 8 / 8.5)])
def test_callers_without_pause_leave_a_share_of_the_host_idle(callers, share):
    state = loop(callers, 0.0, 0.01, cores=2.0, idle_constant=0.5)
    assert state.utilization == pytest.approx(share)
    assert state.in_flight == callers
    assert state.throughput_per_s == pytest.approx(share * 2.0 / 0.01)
    assert state.response_time_s == pytest.approx(callers / state.throughput_per_s)


def test_connections_churn_only_beyond_two_in_flight():
    quiet = loop(2, 0.0, 0.01, churn_s=0.1)
    assert quiet.churn_weight == 0.0
    assert quiet.demand_s == pytest.approx(0.01)
    busy = loop(20, 0.0, 0.01, churn_s=0.1, half_saturation=10.0)
    assert busy.churn_weight == pytest.approx(spire.churn(20.0, 10.0))
    assert busy.demand_s == pytest.approx(0.01 + 0.1 * spire.churn(20.0, 10.0))
    assert busy.throughput_per_s < loop(20, 0.0, 0.01).throughput_per_s


def test_churn_makes_a_loop_collapse():
    """v0.9.3 on PostgreSQL collapses near 30 syncs a second: more agents, fewer syncs."""
    rates = [loop(callers, 1.0, 0.02, churn_s=0.2).throughput_per_s for callers in (10, 20, 60, 400)]
    assert rates[1] > rates[0]
    assert rates[2] < rates[1]
    assert rates[3] < rates[2]
    assert rates[3] == pytest.approx(2.0 / 0.22, rel=0.1)


@pytest.mark.parametrize(
    "changes",
    [{"callers": 0}, {"think_time_s": -1.0}, {"cores": 0.0}, {"churn_s": -0.1}],
)
def test_a_loop_that_cannot_be(changes):
    values = {"callers": 1, "think_time_s": 1.0, "demand_s": 0.1} | changes
    with pytest.raises(ValueError, match="expected at least one caller, some cores and no negative time"):
        loop(**values)


# The loop of many callers, with the response times of real servers


@pytest.mark.parametrize("cores", [1, 2, 4])
@pytest.mark.parametrize("load", [0.05, 0.5, 0.8, 0.9])
def test_without_interference_many_callers_are_the_exact_loop(cores, load):
    """The open waiting that stands for the closed one is off by less than 2 % of the answer with 5000 callers."""
    callers = 5000
    demand_s = load * cores / callers
    state = fleet(callers, 1.0, demand_s, float(cores))
    exact = queueing.finite_source(population=callers, think_time=1.0, service_time=demand_s, servers=cores)
    assert state.throughput_per_s == pytest.approx(exact.throughput, rel=1e-4)
    assert state.response_time_s == pytest.approx(exact.response_time, rel=0.02)
    assert state.utilization == pytest.approx(exact.utilization, rel=1e-4)


@pytest.mark.parametrize("overload", [1.2, 3.0, 50.0])
def test_a_host_that_is_full_answers_when_its_queue_allows(overload):
    callers, cores = 1000, 2.0
    demand_s = overload * cores / callers
    state = fleet(callers, 1.0, demand_s, cores)
    assert state.throughput_per_s == pytest.approx(cores / demand_s, rel=0.01)
    assert state.response_time_s == pytest.approx(callers * demand_s / cores - 1.0, rel=0.05)
    assert state.utilization <= 1.0


def test_a_host_at_rest_answers_after_the_critical_share_and_the_delay():
    state = fleet(10, 1000.0, 0.01, critical_share=0.6, delay_s=lambda rate: 0.25)
    assert state.response_time_s == pytest.approx(0.25 + 0.006, rel=1e-3)
    assert state.throughput_per_s == pytest.approx(10 / 1000.256, rel=1e-6)


@QUICK
@given(
    callers=st.floats(1.0, 5000.0),
    think_time_s=st.floats(0.0, 10.0),
    demand_s=st.floats(1e-5, 0.5),
    extra_s=st.floats(0.0, 0.5),
    delay_s=st.floats(0.0, 1.0),
    churn_s=st.sampled_from([0.0, 0.001, 0.1]),
    critical_share=st.floats(0.1, 1.0),
    interference=st.floats(0.0, 5.0),
    cores=st.integers(1, 8),
)
def test_laws_of_any_fleet(
    callers, think_time_s, demand_s, extra_s, delay_s, churn_s, critical_share, interference, cores
):
    state = fleet(
        callers,
        think_time_s,
        lambda rate: demand_s + extra_s / (1.0 + rate),
        float(cores),
        delay_s=lambda rate: delay_s,
        churn_s=churn_s,
        critical_share=critical_share,
        interference=interference,
    )
    assert all(math.isfinite(value) for value in state)
    assert state.throughput_per_s * (think_time_s + state.response_time_s) == pytest.approx(callers, rel=1e-6)
    assert state.in_flight == pytest.approx(callers - state.throughput_per_s * think_time_s, rel=1e-6, abs=1e-6)
    assert 0.0 < state.utilization <= 1.0 + 1e-9
    assert state.utilization == pytest.approx(state.throughput_per_s * state.demand_s / cores, rel=1e-9)
    assert state.response_time_s >= delay_s * (1.0 - 1e-9)


@pytest.mark.parametrize("interference", [0.0, 1.0, 4.0])
def test_interference_delays_answers_but_makes_no_work(interference):
    plain, state = fleet(1000, 1.0, 0.0016), fleet(1000, 1.0, 0.0016, interference=interference)
    assert state.response_time_s >= plain.response_time_s
    assert state.throughput_per_s <= plain.throughput_per_s
    assert state.demand_s == plain.demand_s


def test_answers_take_longer_with_every_caller():
    answers = [fleet(callers, 1.0, 0.002, interference=1.0).response_time_s for callers in range(100, 3000, 100)]
    assert np.all(np.diff(answers) > 0.0)
