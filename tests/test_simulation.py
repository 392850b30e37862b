"""The simulation against exact cases, theory within its own intervals, and another algorithm on the same draws."""

import math
import sys
from itertools import product
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib._parallel_backends import ThreadingBackend
from scipy import stats

from capmodel import queueing
from capmodel.simulation import (
    Bursts,
    Distribution,
    Estimate,
    closed_loop,
    mser5,
    open_queue,
    replicate,
)
from capmodel.simulation.closed_system import _SLICES
from capmodel.simulation.estimates import ratio_interval
from capmodel.simulation.open_system import _waits, _waits_for_numba, _waits_in_python

HYPEREXPONENTIAL = Distribution("hyperexponential", 4.0)
SHAPES = [
    Distribution("deterministic"),
    Distribution("uniform"),
    Distribution("uniform", 0.25),
    Distribution("exponential"),
    Distribution("gamma", 0.25),
    Distribution("gamma", 3.0),
    HYPEREXPONENTIAL,
]


def holds(interval, truth):
    return bool(np.all((interval.lower <= truth) & (truth <= interval.upper)))


def loop(**arguments):
    """Run a closed loop and check what holds on every path: Little's law, and who is not in a station thinks."""
    arguments = {"think_time": 1.0, "seed": 1, "level": 0.99, "window": arguments["duration"] / 50} | arguments
    run = closed_loop(**arguments)
    measured = arguments["duration"] - run.warmup
    # A request that lies across an edge of the measured time counts with one part in one sum and with none or all in
    # the other; no more than the population can.
    edge = 2.0 * arguments["population"] * np.nanmax(run.windows.longest_response_time) / measured
    in_system = run.in_system.estimate.sum()
    assert abs(run.throughput.estimate * run.response_time.estimate - in_system) <= edge
    np.testing.assert_allclose(run.residence_times.estimate * run.throughput.estimate, run.in_system.estimate)
    assert run.utilizations.estimate.max() <= 1.0 + 1e-12
    assert np.all(np.diff(run.response_quantiles.estimate) >= 0.0)
    for interval in run:
        if isinstance(interval, Estimate):
            assert holds(interval, interval.estimate)
    return run


class TestDistribution:
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_draws_have_the_moments_they_are_named_for(self, shape):
        draws = shape.draw(np.random.default_rng(1), 2.0, 400_000)
        assert draws.min() > 0.0
        assert draws.mean() == pytest.approx(2.0, rel=0.01)
        assert draws.var() / 4.0 == pytest.approx(shape.squared_cv, rel=0.03)

    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_what_is_left_of_a_time_follows_the_equilibrium_distribution(self, shape):
        # Its mean is (1 + squared_cv) / 2 of the mean, and P(left > t) = E[max(time - t, 0)] / mean.
        left = shape.draw_residual(np.random.default_rng(1), 2.0, 400_000)
        times = shape.draw(np.random.default_rng(2), 2.0, 400_000)
        assert left.mean() == pytest.approx(1.0 + shape.squared_cv, rel=0.02)
        for moment in (0.3, 1.0, 1.9, 3.0):
            longer = np.maximum(times - moment, 0.0) / 2.0
            error = math.sqrt((0.25 + longer.var()) / 400_000)
            assert np.mean(left > moment) == pytest.approx(longer.mean(), abs=4.0 * error)

    def test_a_stream_is_the_same_draws_one_at_a_time(self):
        stream = HYPEREXPONENTIAL.stream(np.random.default_rng(1), 3.0)
        generator = np.random.default_rng(1)
        draws = np.concatenate([HYPEREXPONENTIAL.draw(generator, 3.0, 4096) for _ in range(2)])
        assert [next(stream) for _ in range(5000)] == draws[:5000].tolist()

    @pytest.mark.parametrize(
        ("shape", "squared_cv", "message"),
        [
            ("normal", None, "distribution: got 'normal', expected one of deterministic, uniform, exponential"),
            ("gamma", None, "squared_cv: got None, expected more than 0"),
            ("gamma", 0.0, "squared_cv: got 0.0, expected more than 0"),
            ("gamma", math.nan, "squared_cv: got nan, expected more than 0"),
            ("gamma", math.inf, "squared_cv: got inf, expected more than 0"),
            ("uniform", 0.5, "squared_cv: got 0.5, expected more than 0 and at most 0.333333"),
            ("hyperexponential", 1.0, "squared_cv: got 1.0, expected more than 1"),
            ("exponential", 2.0, "squared_cv: got 2.0, expected 1 for exponential"),
            ("deterministic", 1.0, "squared_cv: got 1.0, expected 0 for deterministic"),
        ],
    )
    def test_impossible_ones_are_refused(self, shape, squared_cv, message):
        with pytest.raises(ValueError) as raised:
            Distribution(shape, squared_cv)
        assert str(raised.value).startswith(message)


class TestIntervals:
    def test_equal_weights_give_students_interval(self):
        values = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0])
        interval = ratio_interval(values * 7.0, np.full(6, 7.0), 0.9)
        expected = stats.t.interval(0.9, 5, loc=values.mean(), scale=stats.sem(values))
        np.testing.assert_allclose([interval.lower, interval.upper], expected)

    def test_a_constant_ratio_has_no_width_however_the_batches_differ(self):
        weights = np.array([1.0, 10.0, 3.0])
        np.testing.assert_allclose(ratio_interval(2.5 * weights, weights, 0.99), 2.5)

    @given(st.lists(st.floats(-100, 100), min_size=50, max_size=120))
    @settings(derandomize=True, max_examples=60, deadline=None)
    def test_the_warmup_is_the_cut_with_the_smallest_standard_error(self, values):
        fives = [sum(values[i : i + 5]) / 5 for i in range(0, len(values) - 4, 5)]
        errors = [np.var(fives[cut:]) / (len(fives) - cut) for cut in range(len(fives) // 2 + 1)]
        best = min(errors)
        if errors[-1] > best * (1 + 1e-6) + 1e-9:
            assert errors[mser5(np.array(values)) // 5] == pytest.approx(best, rel=1e-6, abs=1e-9)
        elif min(errors[:-1]) > best * (1 + 1e-6) + 1e-9:
            with pytest.raises(ValueError, match="the run is too short"):
                mser5(np.array(values))

    def test_a_series_that_never_settles_is_refused(self):
        with pytest.raises(ValueError, match="the run is too short"):
            mser5(np.arange(1000.0))
        with pytest.raises(ValueError, match="got 49 values, expected at least 50"):
            mser5(np.zeros(49))


class TestOpenQueue:
    @given(
        st.integers(1, 9),
        st.lists(st.tuples(st.floats(0, 3), st.floats(0, 9)), min_size=1, max_size=60),
    )
    @settings(derandomize=True, max_examples=100, deadline=None)
    def test_both_loops_equal_the_sorted_workload_of_the_servers(self, servers, customers):
        arrivals = np.cumsum([gap for gap, _ in customers])
        services = np.array([service for _, service in customers])
        free, waits = [0.0] * servers, []
        for arrival, service in zip(arrivals, services, strict=True):
            begin = max(free[0], arrival)
            waits.append(begin - arrival)
            free = sorted([begin + service, *free[1:]])
        assert _waits_in_python(arrivals, services, servers).tolist() == waits
        assert _waits_for_numba(arrivals, services, servers).tolist() == waits

    @pytest.mark.parametrize(
        ("servers", "utilization", "service", "mean_wait"),
        [
            # Pollaczek-Khinchine: rho (1 + squared_cv) / (2 (1 - rho)).
            (1, 0.5, "exponential", 1.0),
            (1, 0.7, Distribution("gamma", 3.0), 0.7 * 4.0 / 0.6),
            (1, 0.8, "deterministic", 2.0),
            # Erlang C: 1.0787 service times is Trueman 1977, Table 12.2 p. 512; the second is 2048/2747.
            (3, 0.8, "exponential", 96 / 89),
            (4, 0.8, "exponential", 2048 / 2747),
            # M/D/c by Crommelin's method, as computed by LINE.
            (4, 0.8, "deterministic", 0.386095),
            (16, 0.9, "deterministic", 0.192467),
        ],
    )
    def test_waits_are_what_theory_says(self, servers, utilization, service, mean_wait):
        run = open_queue(
            arrival_rate=servers * utilization / 2.0,
            service_time=2.0,
            servers=servers,
            customers=250_000,
            service_distribution=service,
            seed=3,
            level=0.99,
        )
        assert holds(run.mean_wait, 2.0 * mean_wait)
        assert holds(run.response_time, 2.0 * (mean_wait + 1.0))
        assert holds(run.utilization, utilization)
        assert holds(run.in_system, servers * utilization * (mean_wait + 1.0))
        assert run.mean_wait.upper - run.mean_wait.lower < 0.4 * run.mean_wait.estimate
        if service == "exponential":
            theory = queueing.mmc(arrival_rate=servers * utilization / 2.0, service_time=2.0, servers=servers)
            assert holds(run.wait_probability, theory.wait_probability)

    @pytest.mark.parametrize("warmup", [0.0, 0.2, "mser5"])
    def test_littles_law_and_the_utilization_law(self, warmup):
        run = open_queue(
            arrival_rate=9.0, service_time=0.5, servers=6, customers=50_000, seed=5, warmup=warmup, batches=10
        )
        assert run.customers + run.warmup == 50_000
        # Without an estimate of the arrival rate in the result: both laws give it.
        by_little = run.in_system.estimate / run.response_time.estimate
        by_utilization = run.utilization.estimate * 6 / 0.5
        assert by_little == pytest.approx(by_utilization, rel=0.02)
        assert by_little == pytest.approx(9.0, rel=0.02)

    def test_intervals_hold_as_often_as_they_say(self):
        missed = {0.9: 0, 0.99: 0}
        for seed, level in product(range(200), missed):
            run = open_queue(
                arrival_rate=1.4, service_time=1.0, servers=2, customers=5000, seed=seed, level=level, batches=10
            )
            missed[level] += not holds(
                run.mean_wait, queueing.mmc(arrival_rate=1.4, service_time=1.0, servers=2).mean_wait
            )
        for level, count in missed.items():
            low, high = stats.binom.interval(0.999, 200, 1.0 - level)
            assert low <= count <= high, (level, count)

    def test_a_regular_stream_never_waits(self):
        run = open_queue(
            arrival_rate=1.0,
            service_time=1.9,
            servers=2,
            customers=1000,
            arrival_distribution="deterministic",
            service_distribution="deterministic",
            seed=1,
        )
        assert run.mean_wait.estimate == 0.0
        assert run.wait_probability.upper == 0.0
        assert run.utilization.estimate == pytest.approx(0.95)
        assert run.in_system.estimate == pytest.approx(1.9)

    def test_numba_is_used_where_it_is_installed_and_changes_nothing(self, monkeypatch):
        arguments = {"arrival_rate": 3.0, "service_time": 1.0, "servers": 4, "customers": 5000, "seed": 1}
        compiled = []

        def njit(function):
            compiled.append(function)
            return function

        runs = []
        for module in (None, SimpleNamespace(njit=njit)):
            monkeypatch.setitem(sys.modules, "numba", module)
            _waits.cache_clear()
            runs.append(open_queue(**arguments))
        _waits.cache_clear()
        assert compiled == [_waits_for_numba]
        assert runs[0] == runs[1]

    def test_same_seed_same_numbers(self):
        arguments = {"arrival_rate": 3.0, "service_time": 1.0, "servers": 4, "customers": 5000}
        sequence = np.random.SeedSequence(1)
        runs = [open_queue(seed=seed, **arguments) for seed in (1, 1, sequence, sequence, 2)]
        assert runs[0] == runs[1] == runs[2] == runs[3] != runs[4]

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"arrival_rate": 0.0}, "arrival_rate: got 0.0, expected more than 0"),
            ({"arrival_rate": "3"}, "arrival_rate: got '3', expected a number"),
            ({"service_time": math.nan}, "service_time: got nan, expected more than 0"),
            ({"servers": 0}, "servers: got 0, expected at least 1"),
            ({"servers": 2.5}, "servers: got 2.5, expected a whole number"),
            ({"servers": True}, "servers: got True, expected a whole number"),
            ({"servers": 3}, "servers: got 3, expected more than the load (3)"),
            ({"customers": 199}, "customers: got 199, expected at least 200"),
            ({"batches": 1}, "batches: got 1, expected at least 2"),
            ({"level": 1.0}, "level: got 1.0, expected more than 0 and less than 1"),
            ({"warmup": 1.0}, "warmup: got 1.0, expected at least 0 and less than 1"),
            ({"warmup": "mser"}, "warmup: got 'mser', expected a number"),
            ({"warmup": 0.999}, "warmup: got 0.999, expected to leave at least a customer in each of 20 batches"),
            ({"seed": -1}, "seed: got -1, expected at least 0"),
            ({"seed": None}, "seed: got None, expected a whole number"),
            ({"service_distribution": "gamma"}, "squared_cv: got None, expected more than 0"),
        ],
    )
    def test_bad_input_is_named(self, wrong, message):
        arguments = {"arrival_rate": 3.0, "service_time": 1.0, "servers": 4, "customers": 1000, "seed": 1}
        with pytest.raises(ValueError) as raised:
            open_queue(**(arguments | wrong))
        assert str(raised.value).startswith(message)


def shared_in_small_steps(population, think, think_time, services, cores, duration, seed):
    """Simulate one station with a list of remaining work, all of it reduced at every event; the same draws."""
    thinking, serving = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    back = sorted(think.draw_residual(thinking, think_time, population).tolist())
    pauses, works = think.stream(thinking, think_time), services.stream(serving, 1.0)
    time, jobs, done = 0.0, [], []
    while True:
        rate = min(1.0, cores / len(jobs)) if jobs else 1.0
        ends = time + min(work for work, _ in jobs) / rate if jobs else math.inf
        moment = min(ends, back[0] if back else math.inf)
        if moment > duration:
            return np.array(done)
        jobs = [(work - rate * (moment - time), began) for work, began in jobs]
        time = moment
        if ends == moment:
            leaving = min(range(len(jobs)), key=lambda i: jobs[i][0])
            done.append((time, time - jobs.pop(leaving)[1]))
            back = sorted([*back, time + next(pauses)])
        else:
            jobs.append((next(works), back.pop(0)))


class TestClosedLoop:
    @pytest.mark.parametrize(
        ("population", "think_time", "cores", "service"),
        [(7, 5.0, 1, "exponential"), (30, 9.0, 3, "hyperexponential"), (12, 2.0, 4, "uniform"), (5, 1.0, 1.5, "gamma")],
    )
    def test_another_algorithm_finds_the_same_completions(self, population, think_time, cores, service):
        shape = Distribution(service, {"hyperexponential": 4.0, "gamma": 0.3}.get(service))
        think = Distribution("gamma", 0.5)
        run = closed_loop(
            population=population,
            think_time=think_time,
            demands=1.0,
            servers=cores,
            duration=400.0,
            think_distribution=think,
            service_distribution=shape,
            warmup=0.25,
            batches=5,
            window=20.0,
            seed=3,
        )
        done = shared_in_small_steps(population, think, think_time, shape, cores, 400.0, 3)
        when, responses = done.T
        kept = responses[when > 100.0]
        assert run.completions == len(kept)
        assert run.response_time.estimate == pytest.approx(kept.mean(), rel=1e-9)
        np.testing.assert_allclose(run.response_quantiles.estimate, np.quantile(kept, run.probabilities), rtol=1e-9)
        np.testing.assert_allclose(run.windows.throughput, np.histogram(when, np.arange(0, 401, 20))[0] / 20)
        sums = np.histogram(when, np.arange(0, 401, 20), weights=responses)[0]
        np.testing.assert_allclose(run.windows.response_time * run.windows.throughput * 20, sums, rtol=1e-9)

    def test_two_customers_together_by_hand(self):
        # Both bring one unit of work to one core at 0, leave at 2, think for 1 and come back at 3.
        run = loop(
            population=2,
            demands=1.0,
            servers=1,
            think_distribution="deterministic",
            service_distribution="deterministic",
            start="together",
            duration=3000.0,
            warmup=0.0,
            batches=10,
        )
        np.testing.assert_allclose(run.response_time, 2.0)
        np.testing.assert_allclose(run.throughput.estimate, 2 / 3)
        np.testing.assert_allclose(run.in_system.estimate, [4 / 3])
        np.testing.assert_allclose(run.utilizations.estimate, [2 / 3])

    def test_without_pauses_the_slowest_station_is_always_busy(self):
        run = loop(population=60, think_time=0.0, demands=[0.1, 1.0, 0.2], servers=[1, 2, 1], duration=5000.0)
        assert holds(run.throughput, 2.0)
        np.testing.assert_allclose(run.utilizations.estimate[1], 1.0, rtol=1e-6)
        np.testing.assert_allclose(run.in_system.estimate.sum(), 60.0, rtol=1e-6)
        assert holds(run.response_time, 30.0)

    @pytest.mark.parametrize("service", ["deterministic", "uniform"])
    def test_the_utilization_law_counts_work(self, service):
        run = loop(population=40, demands=[0.02, 0.05], servers=[1, 3], service_distribution=service, duration=500.0)
        # Exact but for the work at the edges, and for uniform work its spread of 6 % over the root of the number.
        error = 40 / run.completions + (service == "uniform") * 5 * 0.0578 / math.sqrt(run.completions)
        worked = run.utilizations.estimate * [1, 3] / run.throughput.estimate
        np.testing.assert_allclose(worked, [0.02, 0.05], rtol=error)

    @pytest.mark.parametrize(
        ("population", "think_time", "demand", "cores"),
        [(1, 1.0, 0.5, 1), (5, 30.0, 3.0, 2), (20, 1.0, 0.08, 2), (300, 5.0, 0.05, 4), (60, 1.0, 0.08, 3)],
    )
    def test_one_station_is_the_finite_source(self, population, think_time, demand, cores):
        theory = queueing.finite_source(
            population=population, think_time=think_time, service_time=demand, servers=cores
        )
        run = loop(
            population=population,
            think_time=think_time,
            demands=demand,
            servers=cores,
            think_distribution="exponential",
            duration=60_000 / float(theory.throughput),
        )
        assert holds(run.throughput, theory.throughput)
        assert holds(run.response_time, theory.response_time)
        assert holds(run.utilizations, theory.utilization)
        assert holds(run.in_system, theory.in_system)
        assert run.response_time.upper - run.response_time.lower < 0.1 * run.response_time.estimate

    @pytest.mark.parametrize(
        ("population", "demands", "cores"),
        [(3, [0.605, 2.1, 1.35], [1, 1, 1]), (40, [0.9, 0.8], [2, 1]), (60, [0.5, 1.2], [1, 4])],
    )
    def test_stations_in_series_are_the_closed_network(self, population, demands, cores):
        theory = queueing.closed_network(population=population, think_time=15.0, demands=demands, servers=cores)
        run = loop(
            population=population,
            think_time=15.0,
            demands=demands,
            servers=cores,
            think_distribution="exponential",
            duration=50_000 / float(theory.throughput),
        )
        assert holds(run.throughput, theory.throughput)
        assert holds(run.response_time, theory.response_time)
        assert holds(run.residence_times, theory.residence_times)
        assert holds(run.utilizations, theory.utilizations)

    @pytest.mark.parametrize("service", ["deterministic", "exponential", HYPEREXPONENTIAL], ids=str)
    @pytest.mark.parametrize("think", ["uniform", "exponential", HYPEREXPONENTIAL], ids=str)
    def test_means_do_not_depend_on_the_distributions(self, service, think):
        theory = queueing.closed_network(population=30, think_time=1.0, demands=[0.03, 0.05], servers=[1, 2])
        runs = replicate(
            closed_loop,
            16,
            seed=11,
            level=0.99,
            population=30,
            think_time=1.0,
            demands=[0.03, 0.05],
            servers=[1, 2],
            service_distribution=service,
            think_distribution=think,
            duration=400.0,
        )
        assert holds(runs.estimate("throughput"), theory.throughput)
        assert holds(runs.estimate("response_time"), theory.response_time)
        for station in range(2):
            assert holds(runs.estimate(f"residence_times[{station}]"), theory.residence_times[station])
        width = runs.estimate("response_time")
        assert width.upper - width.lower < 0.1 * width.estimate

    def test_response_times_themselves_do_depend_on_them(self):
        tails = [
            loop(population=30, demands=0.05, servers=2, service_distribution=service, duration=600.0)
            for service in ("deterministic", "exponential", HYPEREXPONENTIAL)
        ]
        highest = [run.response_quantiles.estimate[-1] for run in tails]
        assert highest[0] < 0.8 * highest[1] < 0.8 * 0.8 * highest[2]

    def test_intervals_of_random_systems_hold_as_often_as_they_say(self):
        systems, generator = 250, np.random.default_rng(20)
        missed = {level: np.zeros(4, dtype=int) for level in (0.9, 0.99)}
        for seed in range(systems):
            population, cores = int(generator.integers(2, 30)), int(generator.integers(1, 5))
            demand = cores / population * generator.uniform(0.2, 1.5)
            theory = queueing.finite_source(population=population, think_time=1.0, service_time=demand, servers=cores)
            run = loop(
                population=population,
                demands=demand,
                servers=cores,
                think_distribution="exponential",
                duration=4000 / float(theory.throughput),
                seed=seed,
            )
            truths = (theory.throughput, theory.response_time, theory.in_system, theory.utilization)
            for level, counts in missed.items():
                # Student's interval of another level is the same one, scaled.
                scale = stats.t.ppf(0.5 + level / 2, 19) / stats.t.ppf(0.995, 19)
                found = (run.throughput, run.response_time, run.in_system, run.utilizations)
                for index, (interval, truth) in enumerate(zip(found, truths, strict=True)):
                    half = scale * (interval.upper - interval.estimate)
                    counts[index] += bool(np.any(np.abs(interval.estimate - truth) > half))
        for level, counts in missed.items():
            low, high = stats.binom.interval(0.999, systems, 1.0 - level)
            assert np.all((low <= counts) & (counts <= high)), (level, counts)

    def test_quantile_intervals_hold_as_often_as_they_say(self):
        # A customer alone waits for its own work only: the quantiles are those of the work.
        truth = -np.log1p(-np.array([0.5, 0.9, 0.95, 0.99]))
        missed = np.zeros(4, dtype=int)
        for seed in range(200):
            run = loop(population=1, demands=1.0, servers=1, duration=8000.0, seed=seed, level=0.9)
            interval = run.response_quantiles
            missed += (interval.lower > truth) | (truth > interval.upper)
        low, high = stats.binom.interval(0.999, 200, 0.1)
        assert np.all((low <= missed) & (missed <= high)), missed

    def test_correlated_batches_are_reported(self):
        # Near saturation a queue of about 30 comes and goes over many services: longer than a short batch has.
        arguments = {"population": 1000, "demands": 0.001, "servers": 1, "think_distribution": "exponential"}
        short, long = (loop(duration=duration, **arguments) for duration in (3.0, 200.0))
        assert short.correlation > 0.45 > abs(long.correlation)

    def test_two_batches_are_enough_for_an_interval(self):
        run = loop(population=5, demands=0.1, servers=1, duration=200.0, batches=2)
        assert run.correlation == pytest.approx(-0.5)
        assert np.isfinite(run.response_time).all()


class TestStarts:
    def amplitude(self, run, start, stop, cycle=1.0):
        """Return the first harmonic of the completions between two times, relative to their mean."""
        windows = run.windows
        chosen = (windows.start >= start - 1e-9) & (windows.start < stop - 1e-9)
        phase = np.exp(2j * np.pi * windows.start[chosen] / cycle)
        return 2.0 * abs(windows.throughput[chosen] @ phase) / windows.throughput[chosen].sum()

    def test_the_wave_of_a_common_start_dissolves_as_fast_as_pauses_differ(self):
        # Work that takes next to no time: a customer's k-th request comes after k pauses, whose characteristic
        # function at one turn a cycle is sin(0.2 pi) / (0.2 pi).
        population = 8000
        run = closed_loop(
            population=population,
            think_time=1.0,
            demands=1e-6,
            servers=8,
            start="together",
            duration=121.0,
            warmup=0.5,
            window=0.05,
            seed=1,
        )
        factor = math.sin(0.2 * math.pi) / (0.2 * math.pi)
        noise = 2.0 / math.sqrt(population)
        for cycle in (10, 20, 35, 50):
            expected = 2.0 * factor**cycle
            found = self.amplitude(run, cycle - 0.5, cycle + 0.5)
            assert found == pytest.approx(expected, abs=3.0 * noise)
            assert found > noise
        assert 2.0 * factor**50 > 0.07  # still visible after 50 cycles
        assert self.amplitude(run, 110.5, 120.5) < 2.0 * noise
        assert 2.0 * factor**110 < 0.002

    def test_together_waits_longer_than_spread_until_the_wave_is_gone(self):
        arguments = {
            "population": 1000,
            "demands": 0.0016,
            "servers": 2,
            "service_distribution": "deterministic",
            "duration": 160.0,
            "warmup": 0.7,
            "seed": 2,
        }
        stationary = queueing.finite_source(population=1000, think_time=1.0, service_time=0.0016, servers=2)
        together, spread = (loop(start=start, window=10.0, **arguments) for start in ("together", "spread"))
        assert together.windows.response_time[0] > 50 * stationary.response_time
        assert together.windows.response_time[1] > 1.5 * spread.windows.response_time[1]
        for run in (together, spread):
            assert run.response_time.estimate == pytest.approx(float(stationary.response_time), rel=0.1)
        assert spread.windows.response_time[0] == pytest.approx(float(stationary.response_time), rel=0.3)

    def test_a_warmup_by_rule_drops_the_wave(self):
        arguments = {"population": 400, "demands": 0.004, "servers": 2, "start": "together", "duration": 400.0}
        run = loop(think_distribution="exponential", warmup="mser5", **arguments)
        naive = loop(think_distribution="exponential", warmup=0.0, **arguments)
        theory = queueing.finite_source(population=400, think_time=1.0, service_time=0.004, servers=2)
        assert 0.5 < run.warmup < 200.0
        assert holds(run.response_time, theory.response_time)
        assert naive.response_time.estimate > run.response_time.estimate


class TestBackground:
    def test_a_burst_takes_cores_for_its_time(self):
        # Two customers without pause keep two cores busy; a burst takes one of them for 30 % of the time.
        run = loop(
            population=2,
            think_time=0.0,
            demands=0.01,
            servers=2,
            service_distribution="deterministic",
            background=Bursts(interval=1.0, duration=0.3),
            duration=400.0,
        )
        assert run.throughput.estimate == pytest.approx(170.0, rel=1e-3)
        np.testing.assert_allclose(run.utilizations.estimate, [0.85], rtol=1e-3)

    def test_a_burst_may_stop_a_station(self):
        run = loop(
            population=1,
            think_time=0.0,
            demands=[0.01, 0.01],
            servers=1,
            service_distribution="deterministic",
            background=[Bursts(interval=1.0, duration=0.5, station=1, first=0.25)],
            duration=400.0,
        )
        # The customer is at the stopped station after at most one visit to the other.
        assert run.throughput.estimate == pytest.approx(25.0, rel=0.05)
        assert np.nanmax(run.windows.longest_response_time) == pytest.approx(0.52, abs=0.011)

    def test_bursts_raise_response_times(self):
        arguments = {"population": 100, "demands": 0.014, "servers": 2, "duration": 300.0}
        alone = loop(**arguments)
        bursts = loop(background=Bursts(interval=5.0, duration=0.5), **arguments)
        none = loop(background=Bursts(interval=5.0, duration=0.0), **arguments)
        assert bursts.response_time.lower > alone.response_time.upper
        assert bursts.response_quantiles.estimate[-1] > 2 * alone.response_quantiles.estimate[-1]
        assert none.response_time.estimate == pytest.approx(alone.response_time.estimate, rel=1e-9)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"interval": 0.0}, "interval: got 0.0, expected more than 0"),
            ({"duration": 6.0}, "duration: got 6.0, expected at most interval (5.0)"),
            ({"duration": -1.0}, "duration: got -1.0, expected at least 0"),
            ({"cores": -1.0}, "cores: got -1.0, expected at least 0"),
            ({"first": -1.0}, "first: got -1.0, expected at least 0"),
            ({"station": -1}, "station: got -1, expected at least 0"),
            ({"station": 1}, "station: got 1, expected less than the 1 stations"),
            ({"cores": 3.0}, "cores: got 3 for bursts of station 0, expected at most its 2"),
        ],
    )
    def test_bad_input_is_named(self, wrong, message):
        with pytest.raises(ValueError) as raised:
            loop(
                population=10,
                demands=0.1,
                servers=2,
                duration=100.0,
                background=[Bursts(**({"interval": 5.0, "duration": 1.0} | wrong))],
            )
        assert str(raised.value).startswith(message)


CLOSED = {"population": 10, "think_time": 1.0, "demands": [0.1, 0.05], "servers": 2, "duration": 300.0, "seed": 1}


class TestClosedLoopArguments:
    def test_same_seed_same_numbers(self):
        runs = [closed_loop(**(CLOSED | {"seed": seed})) for seed in (1, np.random.SeedSequence(1), 2)]
        assert repr(runs[0]) == repr(runs[1]) != repr(runs[2])

    def test_a_station_can_have_its_own_distribution(self):
        run = closed_loop(**CLOSED, service_distribution=["deterministic", HYPEREXPONENTIAL])
        assert run.response_time.estimate > 0.15

    def test_batches_share_the_slices(self):
        run = closed_loop(**CLOSED, warmup=0.31, batches=7)
        assert run.warmup == pytest.approx(300.0 * (_SLICES - 7 * (_SLICES * 69 // 100 // 7)) / _SLICES)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"population": 0}, "population: got 0, expected at least 1"),
            ({"population": 1.5}, "population: got 1.5, expected a whole number"),
            ({"think_time": -1.0}, "think_time: got -1.0, expected at least 0"),
            ({"demands": [0.1, 0.0]}, "demands: got 0.0, expected more than 0"),
            ({"servers": [2, 0]}, "servers: got 0.0, expected at least 1"),
            ({"duration": 0.0}, "duration: got 0.0, expected more than 0"),
            ({"duration": 5.0}, "duration: got 5.0, expected longer: "),
            ({"start": "late"}, "start: got 'late', expected spread or together"),
            ({"think_distribution": "normal"}, "distribution: got 'normal', expected one of"),
            ({"service_distribution": ["uniform"] * 3}, "service_distribution: got 3 of them, expected one or 2"),
            ({"warmup": 0.8}, "warmup: got 0.8, expected at least 0 and less than 0.8"),
            ({"warmup": 0.79, "batches": 100}, "warmup: got 0.79, expected to leave a slice of the run to each of 100"),
            ({"window": 0.0}, "window: got 0.0, expected more than 0"),
            ({"probabilities": [0.5, 1.0]}, "probabilities: got 1.0, expected more than 0 and less than 1"),
            ({"level": 0.0}, "level: got 0.0, expected more than 0 and less than 1"),
            ({"batches": 1}, "batches: got 1, expected at least 2"),
            ({"batches": 101}, "batches: got 101, expected at most 100"),
            ({"seed": 1.5}, "seed: got 1.5, expected a whole number"),
        ],
    )
    def test_bad_input_is_named(self, wrong, message):
        with pytest.raises(ValueError) as raised:
            closed_loop(**(CLOSED | wrong))
        assert str(raised.value).startswith(message)


class CountingBackend(ThreadingBackend):
    """A backend as a cluster library would register one."""

    submitted = 0

    def submit(self, func, callback=None):
        type(self).submitted += 1
        return super().submit(func, callback)


OPEN = {"arrival_rate": 1.5, "service_time": 1.0, "servers": 2, "customers": 2000}


@pytest.fixture(scope="module")
def alone():
    """Six replications, one after the other."""
    return replicate(open_queue, 6, seed=4, **OPEN)


class TestReplications:
    def test_two_processes_find_the_same_numbers(self, alone):
        both = replicate(open_queue, 6, seed=4, n_jobs=2, **OPEN)
        np.testing.assert_array_equal(both.values, alone.values)

    @pytest.mark.parametrize("backend", ["threading", "counting"])
    def test_any_registered_backend_is_a_drop_in(self, alone, backend):
        joblib.register_parallel_backend("counting", CountingBackend)
        CountingBackend.submitted = 0
        with joblib.parallel_config(backend=backend, n_jobs=2):
            runs = replicate(open_queue, 6, seed=4, **OPEN)
        np.testing.assert_array_equal(runs.values, alone.values)
        assert (CountingBackend.submitted > 0) == (backend == "counting")

    def test_seeds_are_children_of_the_seed(self, alone):
        children = np.random.SeedSequence(4).spawn(6)
        assert alone.results == [open_queue(seed=child, **OPEN) for child in children]
        assert len({result.mean_wait.estimate for result in alone.results}) == 6
        more = replicate(open_queue, 8, seed=4, **OPEN)
        np.testing.assert_array_equal(more.values[:6], alone.values)

    def test_the_table_is_tidy_and_its_intervals_are_students(self, alone):
        table = alone.frame().set_index("quantity")
        waits = [result.mean_wait.estimate for result in alone.results]
        row = table.loc["mean_wait"]
        assert row["estimate"] == pytest.approx(np.mean(waits))
        expected = stats.t.interval(0.95, 5, loc=np.mean(waits), scale=stats.sem(waits))
        np.testing.assert_allclose([row["lower"], row["upper"]], expected)
        assert row["standard_deviation"] == pytest.approx(np.std(waits, ddof=1))
        assert set(table["replications"]) == {6}
        assert alone.estimate("mean_wait").lower == pytest.approx(row["lower"])

    def test_entries_of_arrays_are_named_by_station(self):
        runs = replicate(
            closed_loop, 2, seed=1, population=5, think_time=1.0, demands=[0.1, 0.2], servers=1, duration=200.0
        )
        assert {"throughput", "in_system[0]", "in_system[1]", "response_quantiles[3]"} <= set(runs.names)
        assert not any("windows" in name for name in runs.names)

    def test_any_function_of_a_seed_can_be_replicated(self):
        def normal(*, seed, mean):
            return {"value": np.random.default_rng(seed).normal(mean), "note": "ignored"}

        runs = replicate(normal, 400, seed=1, mean=5.0, level=0.99)
        assert runs.names == ("value",)
        assert holds(runs.estimate("value"), 5.0)
        assert runs.values.std() == pytest.approx(1.0, rel=0.15)

    def test_bad_input_is_named(self, alone):
        for wrong, message in (
            ({"replications": 1}, "replications: got 1, expected at least 2"),
            ({"level": 1.0}, "level: got 1.0, expected more than 0 and less than 1"),
        ):
            with pytest.raises(ValueError) as raised:
                replicate(open_queue, **({"replications": 2, "seed": 1} | wrong), **OPEN)
            assert str(raised.value).startswith(message)
        with pytest.raises(ValueError, match="name: got 'wait', expected one of mean_wait, "):
            alone.estimate("wait")
