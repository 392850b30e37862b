"""Percentiles against exact chains, known special cases, and simulation within the errors that the docstring states."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.linalg import expm
from scipy.sparse.linalg import expm_multiply

from capmodel import percentiles, queueing
from capmodel.percentiles import closed_response_quantile, closed_response_tail
from capmodel.simulation import Distribution, closed_loop

ASKED = np.array([0.5, 0.9, 0.95, 0.99])

#: What the docstring promises, as shares.
STATED = {"one station": 0.1, "exponential": 0.05, "several stations": 0.2}


def exact_tail(times, population, think_time, demands, servers):
    """Return P(R > t) by brute force: a customer's way through two stations, with where all others are."""
    others = population - 1
    states = [(place, a, b) for place in range(2) for a in range(others + 1) for b in range(others + 1 - a)]
    index = {state: i for i, state in enumerate(states)}
    generator = np.zeros((len(states), len(states)))
    for place, a, b in states:
        each = [min(1.0, servers[k] / max(here, 1)) / demands[k] for k, here in enumerate((a + 1 - place, b + place))]
        steps = [
            ((place, a + 1, b), (others - a - b) / think_time),
            ((place, a - 1, b + 1), a * each[0]),
            ((place, a, b - 1), b * each[1]),
            ((1, a, b) if place == 0 else None, each[place]),
        ]
        for target, rate in steps:
            if rate > 0.0:
                generator[index[place, a, b], index[place, a, b]] -= rate
                if target is not None:
                    generator[index[place, a, b], index[target]] += rate
    found = np.zeros(len(states))
    for _, a, b in states[: len(states) // 2]:
        weight = think_time ** (others - a - b) / math.factorial(others - a - b)
        for count, demand, cores in zip((a, b), demands, servers, strict=True):
            weight *= math.prod(demand / min(i, cores) for i in range(1, count + 1))
        found[index[0, a, b]] = weight
    found /= found.sum()
    tails, before = np.empty(len(times)), 0.0
    for i in np.argsort(times):
        found = expm_multiply(generator.T * (times[i] - before), found)
        tails[i], before = found.sum(), times[i]
    return tails


def mean_and_variance(**system):
    """Integrate the tail on cells that grow with time."""
    mean = queueing.closed_network(
        population=system["population"],
        think_time=system["think_time"],
        demands=np.atleast_1d(system["demands"]),
        servers=system.get("servers", 1),
    ).response_time
    times = float(mean) * 80.0 * np.linspace(0.0, 1.0, 1501) ** 2
    tail = closed_response_tail(times=times, **system)
    first, second = np.trapezoid(tail, times), np.trapezoid(2.0 * times * tail, times)
    return float(mean), first, second - first**2


class TestExactCases:
    @pytest.mark.parametrize("squared_cv", [0.0, 0.25, 1.0, 4.0])
    def test_a_customer_alone_waits_for_its_own_work(self, squared_cv):
        found = closed_response_quantile(population=1, think_time=3.0, demands=2.0, squared_cv=squared_cv)
        work = stats.gamma(1 / squared_cv, scale=2.0 * squared_cv) if squared_cv else stats.uniform(2.0, 0.0)
        expected = work.ppf(ASKED) if squared_cv else 2.0
        np.testing.assert_allclose(found, expected, rtol=1e-4)

    def test_two_stations_add_up(self):
        found = closed_response_quantile(population=1, think_time=3.0, demands=[2.0, 2.0])
        np.testing.assert_allclose(found, stats.gamma(2, scale=2.0).ppf(ASKED), rtol=2e-4)
        # 1 - (5 exp(-t/5) - exp(-t)) / 4 for means 5 and 1.
        tail = closed_response_tail(times=[1.0, 10.0], population=1, think_time=3.0, demands=[5.0, 1.0])
        np.testing.assert_allclose(tail, [(5 * math.exp(-t / 5) - math.exp(-t)) / 4 for t in (1, 10)], rtol=1e-3)

    @pytest.mark.parametrize("squared_cv", [0.0, 0.25, 1.0])
    def test_without_pauses_all_others_are_always_there(self, squared_cv):
        found = closed_response_quantile(population=12, think_time=0.0, demands=1.0, servers=3, squared_cv=squared_cv)
        alone = closed_response_quantile(population=1, think_time=1.0, demands=4.0, squared_cv=squared_cv)
        np.testing.assert_allclose(found, alone, rtol=1e-3)

    @pytest.mark.parametrize(
        ("population", "think_time", "demand", "cores"),
        [(2, 1.0, 1.0, 1), (6, 1.0, 0.3, 1), (9, 1.0, 0.3, 3), (12, 2.0, 0.9, 2), (5, 0.1, 1.0, 4)],
    )
    def test_one_station_equals_the_chain_of_all_customers(self, population, think_time, demand, cores):
        others = np.arange(population)
        share = np.minimum(1.0, cores / (others + 1)) / demand
        generator = np.diag((others[::-1] / think_time)[:-1], 1) + np.diag((others * share)[1:], -1)
        generator -= np.diag(generator.sum(axis=1) + share)
        seen = queueing.finite_source_seen_on_arrival(
            population=population, think_time=think_time, service_time=demand, servers=cores
        )
        times = demand * np.array([0.3, 1.0, 3.0, 8.0])
        expected = [(seen @ expm(generator * time)).sum() for time in times]
        system = {"population": population, "think_time": think_time, "demands": demand, "servers": cores}
        np.testing.assert_allclose(closed_response_tail(times=times, **system), expected, rtol=1e-9)

    @pytest.mark.parametrize("utilization", [0.5, 0.8])
    def test_a_large_population_makes_an_open_queue(self, utilization):
        # M/M/1 under processor sharing: mean D / (1 - rho), variance over its square (2 + rho) / (2 - rho)
        # (Coffman, Muntz, Trotter 1970).
        mean, first, variance = mean_and_variance(population=300_000, think_time=300_000 / utilization, demands=1.0)
        assert first == pytest.approx(mean, rel=1e-4)
        assert first == pytest.approx(1.0 / (1.0 - utilization), rel=1e-3)
        assert variance / first**2 == pytest.approx((2.0 + utilization) / (2.0 - utilization), rel=2e-3)

    @pytest.mark.parametrize("squared_cv", [0.0, 0.5, 1.0, 3.0])
    @pytest.mark.parametrize(
        ("population", "demands", "cores"), [(10, 0.2, 2), (800, 0.006, 4), (800, 0.003, 2), (40, [0.02, 0.05], [1, 3])]
    )
    def test_the_mean_is_the_exact_mean(self, population, demands, cores, squared_cv):
        mean, first, _ = mean_and_variance(
            population=population, think_time=1.0, demands=demands, servers=cores, squared_cv=squared_cv
        )
        assert first == pytest.approx(mean, rel=0.005)

    def test_far_into_saturation_everybody_is_slowed_alike(self):
        # Of 4000 customers all but the 1000 or so that think are there, give or take 30.
        system = {"population": 4000, "think_time": 1.0, "demands": 0.004, "servers": 4}
        mean = 4000 / 1000 - 1.0
        np.testing.assert_allclose(closed_response_quantile(**system), -mean * np.log1p(-ASKED), rtol=2e-3)
        constant = closed_response_quantile(**system, squared_cv=0.0)
        np.testing.assert_allclose(constant[0], mean, rtol=2e-3)
        assert constant[-1] < 1.04 * mean

    def test_long_chains_are_thinned_without_harm(self, monkeypatch):
        system = {"population": 5000, "think_time": 5.0, "demands": 0.0176, "servers": 16}
        thinned = [closed_response_quantile(**system, squared_cv=variation) for variation in (0.0, 1.0)]
        coarse = []
        for states in (10_000, 100):
            monkeypatch.setattr(percentiles, "_STATES", states)
            coarse.append([closed_response_quantile(**system, squared_cv=variation) for variation in (0.0, 1.0)])
        np.testing.assert_allclose(thinned[1], coarse[0][1], rtol=1e-5)
        np.testing.assert_allclose(thinned[0], coarse[0][0], rtol=1e-3)
        np.testing.assert_allclose(coarse[1][1], coarse[0][1], rtol=1e-3)


class TestProperties:
    systems = st.fixed_dictionaries(
        {
            "population": st.integers(1, 300),
            "think_time": st.floats(0.1, 10.0),
            "demands": st.lists(st.floats(0.01, 0.5), min_size=1, max_size=2),
            "servers": st.integers(1, 8),
            "squared_cv": st.sampled_from([0.0, 0.2, 1.0, 2.5]),
        }
    )

    @given(systems)
    @settings(derandomize=True, max_examples=25, deadline=None)
    def test_quantile_and_tail_invert_each_other(self, system):
        quantiles = closed_response_quantile(probabilities=ASKED, **system)
        assert np.all(np.diff(quantiles) >= 0.0)
        longer = closed_response_tail(times=quantiles * (1 + 1e-3), **system)
        sooner = closed_response_tail(times=quantiles * (1 - 1e-3), **system)
        assert np.all(longer <= 1 - ASKED + 1e-6)
        assert np.all(sooner >= 1 - ASKED - 1e-6)
        if system["squared_cv"] == 0.0:
            assert quantiles[0] >= 0.999 * sum(system["demands"])

    @given(systems, st.sampled_from([1e-3, 60.0]))
    @settings(derandomize=True, max_examples=10, deadline=None)
    def test_the_unit_of_time_does_not_matter(self, system, unit):
        scaled = system | {
            "think_time": unit * system["think_time"],
            "demands": [unit * demand for demand in system["demands"]],
        }
        np.testing.assert_allclose(
            closed_response_quantile(**scaled), unit * closed_response_quantile(**system), rtol=1e-6
        )

    def test_the_mixture_is_near_the_exact_answer_at_exponential_work(self):
        for population, cores, load in ((5, 1, 0.8), (200, 1, 0.97), (200, 4, 1.1), (2000, 16, 0.9)):
            system = {
                "population": population,
                "think_time": 1.0,
                "demands": cores * load / population,
                "servers": cores,
            }
            exact = closed_response_quantile(**system)
            np.testing.assert_allclose(closed_response_quantile(**system, squared_cv=1 + 1e-9), exact, rtol=0.02)

    def test_a_million_agents_are_answered(self):
        # The pool of a saturated tier: N / X - Z with X = 64 / 0.001, and exponential work.
        found = closed_response_quantile(population=10**6, think_time=5.0, demands=[0.001, 1e-5], servers=[64, 4])
        np.testing.assert_allclose(found, -(10**6 / 64_000 - 5.0) * np.log1p(-ASKED), rtol=5e-3)


class TestStatedErrors:
    def test_the_docstring_states_what_is_tested(self):
        text = closed_response_quantile.__doc__
        assert f"within {STATED['one station']:.0%}".replace("%", " %") in text
        assert f"within {STATED['exponential']:.0%}".replace("%", " %") in text
        assert f"within {STATED['several stations']:.0%}".replace("%", " %") in text

    @pytest.mark.parametrize("load", [0.6, 0.9, 1.1])
    @pytest.mark.parametrize(("population", "cores"), [(20, 1), (20, 4), (200, 4)])
    def test_one_station_against_simulation(self, population, cores, load):
        system = {
            "population": population,
            "think_time": 1.0,
            "demands": cores * load / population,
            "servers": cores,
        }
        rate = float(
            queueing.finite_source(
                population=population, think_time=1.0, service_time=system["demands"], servers=cores
            ).throughput
        )
        for work in (Distribution("deterministic"), Distribution("gamma", 0.25), Distribution("gamma", 4.0)):
            run = closed_loop(
                **system,
                service_distribution=work,
                duration=75_000 / rate,
                seed=8,
                level=0.99,
                think_distribution="exponential",
            )
            found = closed_response_quantile(**system, squared_cv=work.squared_cv)
            within(found, run.response_quantiles, STATED["one station"])

    @pytest.mark.parametrize("population", [3, 7, 12])
    @pytest.mark.parametrize(
        ("demands", "cores"), [([1.0, 1.0], [1, 1]), ([1.0, 0.3], [1, 1]), ([1.0, 0.5], [4, 1]), ([1.0, 0.25], [4, 1])]
    )
    def test_two_stations_with_exponential_work_against_the_exact_chain(self, population, demands, cores):
        for load in (0.5, 0.9, 1.3):
            scaled = np.array(demands) * load / population / np.max(np.divide(demands, cores))
            quantiles = closed_response_quantile(population=population, think_time=1.0, demands=scaled, servers=cores)
            # The true tail at 5 % less and more lies on either side of what was asked for.
            stated = STATED["exponential"]
            sooner = exact_tail(quantiles / (1 + stated), population, 1.0, scaled, cores)
            later = exact_tail(quantiles / (1 - stated), population, 1.0, scaled, cores)
            assert np.all(sooner >= 1 - ASKED), (load, sooner)
            assert np.all(later <= 1 - ASKED), (load, later)

    @pytest.mark.parametrize(("demands", "cores"), [([1.0, 1.0], [1, 1]), ([1.0, 0.5], [4, 1]), ([1.0, 0.25], [4, 1])])
    def test_two_stations_against_simulation(self, demands, cores):
        for load in (0.6, 0.9):
            scaled = np.array(demands) * load / 60 / np.max(np.divide(demands, cores))
            system = {"population": 60, "think_time": 1.0, "demands": scaled, "servers": cores}
            rate = float(queueing.closed_network(**system).throughput)
            for work in (Distribution("deterministic"), Distribution("gamma", 4.0)):
                run = closed_loop(
                    **system,
                    service_distribution=work,
                    duration=50_000 / rate,
                    seed=8,
                    level=0.99,
                    think_distribution="exponential",
                )
                found = closed_response_quantile(**system, squared_cv=work.squared_cv)
                within(found, run.response_quantiles, STATED["several stations"])

    def test_pauses_of_agents_are_nearly_as_good_as_exponential_ones(self):
        system = {"population": 100, "think_time": 1.0, "demands": 0.036, "servers": 4}
        run = closed_loop(**system, duration=3000.0, seed=8, level=0.99)
        within(closed_response_quantile(**system), run.response_quantiles, STATED["exponential"])


def within(found, simulated, stated):
    """Check that quantiles are as near the truth as stated, the truth being anywhere in the simulation's interval."""
    assert np.all(found >= simulated.lower * (1 - stated)), (found, simulated)
    assert np.all(found <= simulated.upper * (1 + stated)), (found, simulated)
    assert np.all(simulated.upper - simulated.lower < 0.35 * simulated.estimate)


class TestArguments:
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"population": 0}, "population: got 0, expected a finite number of at least 1"),
            ({"population": 2.5}, "population: got 2.5, expected a whole number"),
            ({"population": math.nan}, "population: got nan, expected a finite number of at least 1"),
            ({"think_time": -1.0}, "think_time: got -1.0, expected a finite number of at least 0"),
            ({"demands": 0.0}, "demands: got 0.0, expected finite numbers of more than 0"),
            ({"demands": [1.0, math.inf]}, "demands: got [1.0, inf], expected finite numbers of more than 0"),
            ({"servers": 0}, "servers: got 0, expected at least 1"),
            ({"servers": math.nan}, "servers: got nan, expected numbers of at least 1"),
            ({"squared_cv": -0.1}, "squared_cv: got -0.1, expected finite numbers of at least 0"),
            ({"probabilities": [0.5, 1.0]}, "probabilities: got 1.0, expected more than 0 and less than 1"),
            ({"probabilities": math.nan}, "probabilities: got nan, expected more than 0 and less than 1"),
        ],
    )
    def test_bad_input_is_named(self, wrong, message):
        with pytest.raises(ValueError) as raised:
            closed_response_quantile(**({"population": 10, "think_time": 1.0, "demands": 0.1} | wrong))
        assert str(raised.value).startswith(message)

    def test_bad_times_are_named(self):
        with pytest.raises(ValueError, match=r"times: got -1.0, expected at least 0"):
            closed_response_tail(times=[1.0, -1.0], population=10, think_time=1.0, demands=0.1)

    def test_shapes_follow_the_first_argument(self):
        system = {"population": 10, "think_time": 1.0, "demands": 0.1}
        assert closed_response_quantile(probabilities=0.5, **system).shape == ()
        assert closed_response_tail(times=np.ones((2, 3)), **system).shape == (2, 3)
        assert closed_response_tail(times=[0.0, math.inf], **system).tolist() == pytest.approx([1.0, 0.0])
