"""Open stations and the finite source: textbook values, exact arithmetic, properties, bad input."""

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import queueing_exact as exact
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaincc

from capmodel import queueing
from capmodel.queueing import stations

REFERENCE = Path(__file__).parent / "reference" / "queueing.csv"

properties = settings(derandomize=True, deadline=None, max_examples=60)
loads = st.floats(0.01, 0.98)
times = st.floats(1e-3, 1e3)
counts = st.integers(1, 200)


def reference_rows():
    with REFERENCE.open(newline="") as stream:
        source = ""
        for row in csv.DictReader(stream):
            source = row["source"] if row["source"] != "same" else source
            yield pytest.param(row, id=f"{row['function']}({row['arguments']}) {row['quantity']}")
            assert source


def numbers(text):
    values = [float(Fraction(part)) for part in text.split()]
    return values if len(values) > 1 else values[0]


@pytest.mark.parametrize("row", list(reference_rows()))
def test_published_value(row):
    arguments = {name: numbers(text) for name, text in (part.split("=") for part in row["arguments"].split(";"))}
    found = getattr(queueing, row["function"])(**arguments)
    if row["quantity"]:
        found = getattr(found, row["quantity"])
    np.testing.assert_allclose(found, numbers(row["value"]), rtol=float(row["tolerance"] or 1e-13))


# Exactness


@pytest.mark.parametrize("servers", [1, 2, 7, 16, 64, 128, 129, 300, 1000, 5000])
def test_erlang_formulas_against_50_digits(servers):
    utilization = np.array([1e-3, 0.3, 0.5, 0.8, 0.95, 0.999, 1.0, 1.001, 1.05, 1.0999, 1.1001, 1.5, 3.0, 100.0])
    load = utilization * servers
    reference = [exact.erlang_b(exact.exact(a), servers) for a in load]
    # What is smaller than the smallest float is 0.
    keep = np.array([b > 1e-300 for b in reference])
    reference = [b for b, kept in zip(reference, keep, strict=True) if kept]
    found = queueing.erlang_b(offered_load=load[keep], servers=servers)
    errors = [exact.worst_error([f], [r]) for f, r in zip(found, reference, strict=True)]
    assert (np.array(errors) <= 1e-15 * np.maximum(20.0, np.abs(np.log(found)))).all()

    stable = load[keep] < servers
    a = [exact.exact(value) for value in load[keep][stable]]
    delay = [servers * b / (servers - x + x * b) for b, x in zip(reference, a, strict=False)]
    assert exact.worst_error(queueing.erlang_c(offered_load=load[keep][stable], servers=servers), delay) < 1e-12
    assert (queueing.erlang_c(offered_load=load[keep][~stable], servers=servers) == 1.0).all()


def test_mmc_on_a_random_grid():
    rng = np.random.default_rng(7)
    servers = rng.integers(1, 65, 300)
    time = rng.uniform(1e-3, 10.0, 300)
    rate = rng.uniform(0.05, 0.98, 300) * servers / time
    reference = [
        exact.mmc(exact.exact(x), exact.exact(s), c) for x, s, c in zip(rate, time, servers.tolist(), strict=True)
    ]
    found = queueing.mmc(arrival_rate=rate, service_time=time, servers=servers)
    # Rounding of the offered load alone moves a wait at utilization 0.98 by 50 times the rounding.
    assert exact.worst_error(np.transpose(found), reference) < 5e-14


@pytest.mark.parametrize("population", [1, 2, 17, 400, 5000])
@pytest.mark.parametrize("servers", [1, 16, 100, 5000])
def test_finite_source_against_50_digits(population, servers):
    think = 5.0
    # Utilizations asked for, were nobody ever to wait: idle, moderate, 0.8, critical, saturated, far beyond.
    service = np.array([1e-7, 0.3, 0.8, 1.0, 1.1, 30.0]) * servers * think / population
    reference = [exact.finite_source(population, exact.exact(think), exact.exact(s), servers) for s in service]
    found = queueing.finite_source(population=population, think_time=think, service_time=service, servers=servers)
    assert exact.worst_error(np.transpose(found), reference) < 1e-14


@pytest.mark.parametrize("ratio", [0.8, 1.1])
def test_finite_source_of_fifty_thousand(ratio):
    population, think, servers = 50_000, 5.0, 16
    service = ratio * servers * think / population
    reference = exact.finite_source(population, exact.exact(think), exact.exact(service), servers)
    found = queueing.finite_source(population=population, think_time=think, service_time=service, servers=servers)
    assert exact.worst_error(found, [reference]) < 1e-13


@pytest.mark.parametrize("ratio", [0.5, 0.8, 0.999, 1.0, 1.001, 1.1, 20.0])
def test_finite_source_of_a_million(ratio):
    """With all servers busy the number thinking is a Poisson variable, so 50 digits take no sum over a million."""
    population, think, servers = 1_000_000, 5.0, 16
    service = ratio * servers * think / population
    z, s = exact.exact(think), exact.exact(service)
    crowd = z * servers / s
    left = population - servers
    # From `servers` on: p_n / p_c sums to 1/B(left, crowd), and the number thinking is crowd (1 - B) on average.
    b = 1 / (exact.mpmath.gammainc(left + 1, crowd) * exact.mpmath.exp(crowd - left * exact.mpmath.log(crowd)))
    total = 1 / b
    number = total * servers + total * (left - crowd * (1 - b))
    busy = total * servers
    term = exact.mpmath.mpf(1)
    for n in range(servers, 0, -1):
        term = term * z * n / ((population - n + 1) * s)
        total, number, busy = total + term, number + (n - 1) * term, busy + (n - 1) * term
    throughput = busy / total / s
    reference = (throughput, number / total / throughput, busy / total / servers, number / total)
    found = queueing.finite_source(population=population, think_time=think, service_time=service, servers=servers)
    assert exact.worst_error(found, [reference]) < 1e-12


def test_rows_of_very_different_size_do_not_disturb_each_other():
    population = np.array([3, 1_000_000, 0, 40, 5000, 2])
    service = np.array([1.0, 1e-4, 1.0, 0.3, 0.0128, 2.0])
    together = queueing.finite_source(population=population, think_time=5.0, service_time=service, servers=16)
    for i, (n, s) in enumerate(zip(population, service, strict=True)):
        alone = queueing.finite_source(population=n, think_time=5.0, service_time=s, servers=16)
        np.testing.assert_allclose([part[i] for part in together], alone, rtol=1e-13)


def test_few_and_many_servers_do_not_disturb_each_other():
    load, servers = np.array([3.0, 99_000.0, 250.0, 0.5]), np.array([4, 100_000, 200, 129])
    for function in (queueing.erlang_b, queueing.erlang_c):
        together = function(offered_load=load, servers=servers)
        alone = [function(offered_load=a, servers=c) for a, c in zip(load, servers, strict=True)]
        np.testing.assert_array_equal(together, alone)


def test_finite_source_distribution_is_the_stationary_one():
    population, think, service, servers = 40, 3.0, 0.5, 4
    p = queueing.finite_source_distribution(
        population=population, think_time=think, service_time=service, servers=servers
    )
    n = np.arange(population + 1)
    up, down = (population - n) / think, np.minimum(n, servers) / service
    np.testing.assert_allclose(p[:-1] * up[:-1], p[1:] * down[1:], rtol=1e-12)  # detailed balance
    assert p.sum() == pytest.approx(1.0, rel=1e-14)


def test_arrivals_see_the_system_without_themselves():
    arguments = {"think_time": 3.0, "service_time": 0.5, "servers": 4}
    seen = queueing.finite_source_seen_on_arrival(population=np.array([40, 7]), **arguments)
    without = queueing.finite_source_distribution(population=np.array([39, 6]), **arguments)
    np.testing.assert_array_equal(seen, without)
    # Who finds n customers stays for (n + 1 - c) services at rate c/S and one of their own: the mean response time.
    n = np.arange(40)
    wait = seen @ (np.maximum(n + 1 - 4, 0) * 0.5 / 4)
    response = queueing.finite_source(population=np.array([40, 7]), **arguments).response_time
    np.testing.assert_allclose(wait + 0.5, response, rtol=1e-13)


@pytest.mark.parametrize(("load", "servers"), [(0.5, 1), (2.4, 3), (3.2, 4), (14.4, 16), (0.1, 2), (63.0, 64)])
def test_quantiles_and_tails_agree(load, servers):
    queue = {"arrival_rate": load / 0.7, "service_time": 0.7, "servers": servers}
    share = np.array([0.0, 0.1, 0.5, 0.9, 0.99, 0.999999])
    response = queueing.mmc_response_quantile(**queue, probability=share)
    np.testing.assert_allclose(queueing.mmc_response_tail(**queue, time=response), 1.0 - share, rtol=1e-12)
    wait = queueing.mmc_wait_quantile(**queue, probability=share)
    tail = queueing.mmc_wait_tail(**queue, time=wait)
    np.testing.assert_allclose(tail, np.minimum(1.0 - share, queueing.mmc(**queue).wait_probability), rtol=1e-12)
    # The tails integrate to the means.
    t = np.linspace(0.0, 40.0 * 0.7 * (1.0 + 1.0 / (servers - load)), 200_001)
    found = queueing.mmc(**queue)
    assert np.trapezoid(queueing.mmc_wait_tail(**queue, time=t), t) == pytest.approx(found.mean_wait, rel=1e-5)
    assert np.trapezoid(queueing.mmc_response_tail(**queue, time=t), t) == pytest.approx(found.response_time, rel=1e-5)


def test_response_tail_where_waiting_and_service_end_at_one_rate():
    # servers - load = 1: the hypoexponential formula of textbooks divides by 0 here; Erlang's distribution takes over.
    queue = {"arrival_rate": 1.0, "service_time": 1.0, "servers": 2}
    delayed = 1.0 / 3.0
    t = np.array([0.0, 0.5, 3.0, 20.0])
    expected = (1.0 - delayed) * np.exp(-t) + delayed * gammaincc(2.0, t)
    np.testing.assert_allclose(queueing.mmc_response_tail(**queue, time=t), expected, rtol=1e-14)
    nearby = queueing.mmc_response_tail(arrival_rate=1.0 + 1e-9, service_time=1.0, servers=2, time=t)
    np.testing.assert_allclose(nearby, expected, rtol=1e-7)


# M/G/c


@pytest.mark.parametrize(
    ("servers", "utilizations", "tolerance"),
    [(range(1, 5), [0.5, 0.7, 0.8, 0.9, 0.99], 0.006), (range(5, 65, 8), [0.8, 0.9, 0.95, 0.99], 0.03)],
)
def test_mgc_against_exact_constant_service(servers, utilizations, tolerance):
    """The bounds that the docstring states."""
    for c in servers:
        for utilization in utilizations:
            reference = exact.mdc_wait(utilization * c, c)
            found = queueing.mgc(arrival_rate=utilization * c, service_time=1.0, servers=c, squared_cv=0.0).mean_wait
            assert exact.worst_error([found], [reference]) < tolerance


def balanced_hyperexponential(squared_cv):
    start = 0.5 * (1.0 + np.sqrt((squared_cv - 1.0) / (squared_cv + 1.0)))
    return start, (2.0 * start, 2.0 * (1.0 - start)), 0.0


@pytest.mark.parametrize(
    ("squared_cv", "phases", "servers", "utilization", "low", "high"),
    [
        (0.5, (1.0, (0.0, 2.0), 2.0), 4, 0.5, -0.01, 0.01),
        (0.5, (1.0, (0.0, 2.0), 2.0), 16, 0.8, -0.01, 0.01),
        (4.0, balanced_hyperexponential(4.0), 1, 0.8, -1e-9, 1e-9),
        (4.0, balanced_hyperexponential(4.0), 2, 0.8, 0.0, 0.03),
        (4.0, balanced_hyperexponential(4.0), 16, 0.8, 0.0, 0.18),
        (4.0, balanced_hyperexponential(4.0), 16, 0.95, 0.0, 0.04),
    ],
)
def test_mgc_against_exact_phase_type_service(squared_cv, phases, servers, utilization, low, high):
    """The bounds that the docstring states: close below variability 1, on the safe side above."""
    rate = utilization * servers
    reference = exact.phase_type_wait(rate, servers, *phases)
    found = queueing.mgc(arrival_rate=rate, service_time=1.0, servers=servers, squared_cv=squared_cv).mean_wait
    assert low <= found / reference - 1.0 <= high


def test_phase_type_reference_is_right_where_the_answer_is_known():
    assert exact.phase_type_wait(3.2, 4, 0.3, (1.0, 1.0), 0.0) == pytest.approx(2048 / 2747, rel=1e-12)
    assert exact.phase_type_wait(0.8, 1, 1.0, (0.0, 2.0), 2.0) == pytest.approx(3.0, rel=1e-12)  # Pollaczek-Khinchine


# Inverses


@properties
@given(load=st.floats(0.0, 3000.0), share=st.floats(1e-6, 0.999))
def test_servers_for_a_target_are_the_fewest(load, share):
    blocking = queueing.servers_for_blocking(offered_load=load, probability=share)
    assert queueing.erlang_b(offered_load=load, servers=blocking) <= share
    assert blocking == 1 or queueing.erlang_b(offered_load=load, servers=blocking - 1) > share
    delay = queueing.servers_for_wait_probability(offered_load=load, probability=share)
    assert queueing.erlang_c(offered_load=load, servers=delay) <= share
    assert delay == 1 or queueing.erlang_c(offered_load=load, servers=delay - 1) > share
    wait = queueing.servers_for_mean_wait(arrival_rate=load / 0.3, service_time=0.3, mean_wait=share)
    queue = {"arrival_rate": load / 0.3, "service_time": 0.3}
    assert queueing.mmc(**queue, servers=wait).mean_wait <= share * (1 + 1e-12)
    assert wait == 1 or queueing.mmc(**queue, servers=wait - 1).mean_wait > share * (1 - 1e-12)


def test_inverses_broadcast_and_pass_nan_on():
    found = queueing.servers_for_wait_probability(
        offered_load=np.array([[0.0], [10.0], [np.nan]]), probability=[0.5, 0.1]
    )
    assert found.shape == (3, 2)
    assert found[0].tolist() == [1.0, 1.0]
    assert np.isnan(found[2]).all()
    assert queueing.servers_for_mean_wait(arrival_rate=5.0, service_time=0.0, mean_wait=1e-9) == 1.0


# Properties


@properties
@given(utilization=loads, time=times, servers=counts)
def test_laws_of_an_open_queue(utilization, time, servers):
    rate = utilization * servers / time
    queue = {"arrival_rate": rate, "service_time": time, "servers": servers}
    found = queueing.mmc(**queue)
    assert found.in_system == pytest.approx(rate * found.response_time, rel=1e-12)  # Little
    assert found.utilization == pytest.approx(rate * time / servers, rel=1e-12)
    assert found.wait_probability <= found.utilization * (1 + 1e-12)
    assert queueing.mmc(**{**queue, "servers": servers + 1}).mean_wait <= found.mean_wait
    assert queueing.mmc(**{**queue, "arrival_rate": rate * 1.01}).mean_wait >= found.mean_wait
    general = queueing.mgc(**queue, squared_cv=1.0)
    np.testing.assert_allclose(general, found, rtol=1e-15)
    constant = queueing.mgc(**queue, squared_cv=0.0).mean_wait
    assert 0.5 * found.mean_wait * (1 - 1e-12) <= constant <= 0.62 * found.mean_wait * (1 + 1e-12)
    shared = queueing.processor_sharing(**queue)
    assert shared.in_system == pytest.approx(found.in_system, rel=1e-12)
    assert shared.response_time == pytest.approx(shared.stretch * time, rel=1e-14)


@properties
@given(utilization=loads, time=times, squared_cv=st.floats(0.0, 20.0))
def test_one_server_is_pollaczek_khinchine(utilization, time, squared_cv):
    found = queueing.mgc(arrival_rate=utilization / time, service_time=time, servers=1, squared_cv=squared_cv)
    wait = utilization / (1.0 - utilization) * (1.0 + squared_cv) / 2.0 * time
    assert found.mean_wait == pytest.approx(wait, rel=1e-12)
    shared = queueing.processor_sharing(arrival_rate=utilization / time, service_time=time)
    assert shared.stretch == pytest.approx(1.0 / (1.0 - utilization), rel=1e-12)


@properties
@given(population=st.integers(1, 3000), think=times, ratio=st.floats(1e-3, 30.0), servers=st.integers(1, 70))
def test_laws_of_a_finite_source(population, think, ratio, servers):
    service = ratio * servers * think / population
    station = {"population": population, "think_time": think, "service_time": service, "servers": servers}
    found = queueing.finite_source(**station)
    assert found.throughput * (think + found.response_time) == pytest.approx(population, rel=1e-12)  # Little, cycle
    assert found.in_system == pytest.approx(found.throughput * found.response_time, rel=1e-12)  # Little, station
    assert found.utilization == pytest.approx(found.throughput * service / servers, rel=1e-12)  # utilization law
    assert found.throughput <= min(servers / service, population / (think + service)) * (1 + 1e-12)
    assert found.response_time >= service * (1 - 1e-12)
    more = queueing.finite_source(**{**station, "population": population + 1})
    assert more.throughput >= found.throughput * (1 - 1e-12)
    assert more.response_time >= found.response_time * (1 - 1e-12)
    wider = queueing.finite_source(**{**station, "servers": servers + 1})
    assert wider.response_time <= found.response_time * (1 + 1e-12)


@properties
@given(utilization=st.floats(0.05, 0.9), servers=st.integers(1, 30))
def test_a_finite_source_tends_to_the_infinite_one(utilization, servers):
    errors = []
    for population in (10_000, 1_000_000):
        open_queue = queueing.mmc(arrival_rate=utilization * servers, service_time=1.0, servers=servers)
        think = population / (utilization * servers)
        closed = queueing.finite_source(population=population, think_time=think, service_time=1.0, servers=servers)
        errors.append(abs(closed.response_time / open_queue.response_time - 1.0))
    assert errors[1] < 1e-3
    assert errors[1] <= errors[0] / 50.0 + 1e-12  # the difference falls as 1/population


# Arguments

OPEN = {"arrival_rate": 1.0, "service_time": 1.0, "servers": 2}
FINITE = {"population": 10, "think_time": 1.0, "service_time": 1.0, "servers": 2}
CALLS = {
    "erlang_b": {"offered_load": 1.0, "servers": 2},
    "erlang_c": {"offered_load": 1.0, "servers": 2},
    "mmc": OPEN,
    "mgc": {**OPEN, "squared_cv": 1.0},
    "processor_sharing": OPEN,
    "mmc_wait_tail": {**OPEN, "time": 1.0},
    "mmc_response_tail": {**OPEN, "time": 1.0},
    "mmc_wait_quantile": {**OPEN, "probability": 0.9},
    "mmc_response_quantile": {**OPEN, "probability": 0.9},
    "servers_for_blocking": {"offered_load": 1.0, "probability": 0.1},
    "servers_for_wait_probability": {"offered_load": 1.0, "probability": 0.1},
    "servers_for_mean_wait": {"arrival_rate": 1.0, "service_time": 1.0, "mean_wait": 0.1},
    "finite_source": FINITE,
}
PADDED = {"finite_source_distribution": FINITE, "finite_source_seen_on_arrival": FINITE}
BAD = {
    "servers": [0, -1, 2.5, np.inf],
    "population": [-1, 2.5, np.inf],
    "probability": [-0.1, 1.0, 1.5],
    "mean_wait": [0.0, -1.0, np.inf],
}


@pytest.mark.parametrize("name", [*CALLS, *PADDED])
def test_bad_arguments_are_named(name):
    arguments = {**CALLS, **PADDED}[name]
    for argument in arguments:
        for value in BAD.get(argument, [-1e-9, np.inf]):
            for bad in (value, np.array([arguments[argument], value])):
                with pytest.raises(ValueError, match=rf"^{argument}: got "):
                    getattr(queueing, name)(**{**arguments, argument: bad})
        with pytest.raises(ValueError, match=rf"^{argument}: got 'many'"):
            getattr(queueing, name)(**{**arguments, argument: "many"})


def test_messages_give_value_and_bound():
    with pytest.raises(ValueError, match=r"^servers: got 0, expected at least 1$"):
        queueing.mmc(arrival_rate=1.0, service_time=1.0, servers=0)
    with pytest.raises(ValueError, match=r"^servers: got 2\.5, expected a whole number$"):
        queueing.erlang_b(offered_load=1.0, servers=[1, 2.5])
    with pytest.raises(ValueError, match=r"^population: got 0, expected at least 1$"):
        queueing.finite_source_seen_on_arrival(population=0, think_time=1.0, service_time=1.0, servers=1)


def parts(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", CALLS)
def test_scalars_arrays_empty_arrays_and_nan(name):
    function, arguments = getattr(queueing, name), CALLS[name]
    scalar = parts(function(**arguments))
    assert all(isinstance(value, np.float64) for value in scalar)
    for argument, value in arguments.items():
        column = np.array([[value], [np.nan]])
        for result, alone in zip(parts(function(**{**arguments, argument: column})), scalar, strict=True):
            assert result.shape == (2, 1)
            assert result[0, 0] == alone
            assert np.isnan(result[1, 0]) or (argument in ("squared_cv", "service_time", "arrival_rate", "servers"))
        if argument in ("offered_load", "population", "think_time"):
            assert all(np.isnan(result[1, 0]) for result in parts(function(**{**arguments, argument: column})))
        for result in parts(function(**{**arguments, argument: np.empty((0, 3))})):
            assert result.shape == (0, 3)
    wide = {argument: np.full((3, 1, 2), value) for argument, value in arguments.items()}
    assert all(result.shape == (3, 1, 2) for result in parts(function(**wide)))


@pytest.mark.parametrize("argument", ["arrival_rate", "service_time", "servers"])
def test_nan_reaches_every_part_of_an_open_queue(argument):
    for name in ("mmc", "processor_sharing"):
        result = getattr(queueing, name)(**{**OPEN, argument: np.nan})
        assert np.isnan(result.response_time)
        assert np.isnan(result.utilization)
        assert np.isnan(result.in_system)


@pytest.mark.parametrize("rate", [2.0, 2.5])
def test_an_unstable_queue_waits_for_ever(rate):
    arguments = {"arrival_rate": np.array([rate, 1.0]), "service_time": 1.0, "servers": 2}
    found = queueing.mmc(**arguments)
    assert found.utilization[0] == rate / 2.0
    assert found.wait_probability[0] == 1.0
    assert np.isinf([found.mean_wait[0], found.response_time[0], found.in_system[0]]).all()
    assert np.isfinite([part[1] for part in found]).all()
    assert np.isinf(queueing.mgc(**arguments, squared_cv=0.0).mean_wait[0])
    assert np.isinf(queueing.processor_sharing(**arguments).stretch[0])
    assert np.isinf(queueing.mmc_response_quantile(**arguments, probability=0.5)[0])
    assert np.isinf(queueing.mmc_wait_quantile(**arguments, probability=0.0)[0])
    assert queueing.mmc_response_tail(**arguments, time=1e9)[0] == 1.0
    assert queueing.mmc_wait_tail(**arguments, time=1e9)[0] == 1.0


def test_nothing_to_do_takes_no_time():
    idle = queueing.mmc(arrival_rate=0.0, service_time=2.0, servers=3)
    assert idle == (0.0, 0.0, 0.0, 2.0, 0.0)
    instant = queueing.mmc(arrival_rate=7.0, service_time=0.0, servers=3)
    assert instant == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert queueing.mgc(arrival_rate=0.0, service_time=2.0, servers=1, squared_cv=3.0).mean_wait == 0.0
    assert queueing.mmc_response_tail(arrival_rate=7.0, service_time=0.0, servers=1, time=[0.0, 1.0]).tolist() == [1, 0]
    finite = {"population": 10, "servers": 3}
    assert queueing.finite_source(**finite, think_time=2.0, service_time=0.0) == (5.0, 0.0, 0.0, 0.0)
    assert queueing.finite_source(**finite, think_time=0.0, service_time=2.0) == (1.5, 20.0 / 3.0, 1.0, 10.0)
    assert queueing.finite_source(population=0, think_time=1.0, service_time=2.0, servers=1) == (0.0, 2.0, 0.0, 0.0)
    assert queueing.finite_source(**finite, think_time=0.0, service_time=0.0).throughput == np.inf


def test_distributions_where_nobody_comes_thinks_or_is_served():
    """Rows of one call: nobody, no service, no thinking, no think and service time, an ordinary one, three unknown."""
    station = {
        "population": np.array([0, 3, 3, 2, 3, 3, 3, 3, np.nan]),
        "think_time": np.array([1.0, 1.0, 0.0, 0.0, 1.0, np.nan, 1.0, 1.0, 1.0]),
        "service_time": np.array([1.0, 0.0, 2.0, 0.0, 1.0, 1.0, np.nan, 1.0, 1.0]),
        "servers": np.array([1, 1, 1, 2, 1, 1, 1, np.nan, 1]),
    }
    found = queueing.finite_source_distribution(**station)
    weights = np.array([1.0, 3.0, 6.0, 6.0])  # of 0 to 3 with one server: 3 2 1 ways to come, each as likely as to go
    expected = [[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0], weights / weights.sum()]
    np.testing.assert_allclose(found[:5], expected, rtol=1e-14)
    assert np.isnan(found[5:]).all()
    assert queueing.finite_source_distribution(
        population=np.empty(0), think_time=1.0, service_time=1.0, servers=1
    ).shape == (0, 1)
    alone = queueing.finite_source_distribution(population=1, think_time=0.0, service_time=0.5, servers=4)
    assert alone.tolist() == [0.0, 1.0]
    assert queueing.finite_source_distribution(population=0, think_time=0.0, service_time=0.5, servers=4) == [1.0]


def test_unknown_arguments_make_unknown_means_where_nobody_waits_or_thinks():
    for name in ("population", "think_time", "service_time", "servers"):
        for special in ({"population": 0}, {"think_time": 0.0}, {"service_time": 0.0}):
            station = {"population": 3, "think_time": 1.0, "service_time": 1.0, "servers": 2} | special
            assert np.isnan(queueing.finite_source(**(station | {name: np.nan}))).all()


def test_one_customer_without_thinking_or_service_is_served_at_once():
    found = queueing.finite_source(population=1, think_time=4.0, service_time=0.0, servers=2)
    assert found == (0.25, 0.0, 0.0, 0.0)
    found = queueing.finite_source(population=1, think_time=0.0, service_time=4.0, servers=2)
    assert found == (0.25, 4.0, 0.5, 1.0)


def test_nobody_asks_for_nothing_and_does_not_do_so_for_ever():
    """Without think and service time a customer would go round at once: of none, nothing is heard."""
    station = {"think_time": 0.0, "service_time": 0.0, "servers": 2}
    assert queueing.finite_source(population=0, **station) == (0.0, 0.0, 0.0, 0.0)
    assert queueing.finite_source(population=1, **station).throughput == np.inf


@properties
@given(utilization=st.floats(0.05, 0.95), time=times, servers=st.integers(2, 40))
def test_utilization_is_the_share_of_busy_servers(utilization, time, servers):
    queue = {"arrival_rate": utilization * servers / time, "service_time": time, "servers": servers}
    assert queueing.mgc(**queue, squared_cv=2.0).utilization == pytest.approx(utilization, rel=1e-12)
    assert queueing.processor_sharing(**queue).utilization == pytest.approx(utilization, rel=1e-12)


@properties
@given(utilization=st.floats(0.05, 0.95), unit=st.sampled_from([1e-3, 0.25, 60.0]), servers=st.integers(2, 40))
def test_another_unit_of_time_changes_only_times(utilization, unit, servers):
    queue = {"arrival_rate": utilization * servers, "service_time": 1.0, "servers": servers}
    other = {"arrival_rate": utilization * servers / unit, "service_time": unit, "servers": servers}
    for squared_cv in (0.0, 0.5, 3.0):
        wait = queueing.mgc(**queue, squared_cv=squared_cv).mean_wait
        assert queueing.mgc(**other, squared_cv=squared_cv).mean_wait == pytest.approx(wait * unit, rel=1e-12)


@pytest.mark.parametrize("name", ["mmc_wait_quantile", "mmc_response_quantile"])
def test_probabilities_are_from_zero_to_below_one(name):
    queue = {"arrival_rate": 1.0, "service_time": 1.0, "servers": 2}
    with pytest.raises(ValueError, match=r"^probability: got -0\.1, expected at least 0$"):
        getattr(queueing, name)(**queue, probability=-0.1)
    with pytest.raises(ValueError, match=r"^probability: got 1, expected less than 1$"):
        getattr(queueing, name)(**queue, probability=1.0)
    with pytest.raises(ValueError, match=r"^probability: got 0, expected more than 0$"):
        queueing.servers_for_wait_probability(offered_load=1.0, probability=0.0)


def test_tails_and_quantiles_at_the_ends():
    """An idle system, one without service time, and one just at its limit, in one call."""
    queue = {"arrival_rate": np.array([0.0, 5.0, 2.0]), "service_time": np.array([1.0, 0.0, 1.0]), "servers": 2}
    wait = queueing.mmc_wait_tail(**queue, time=np.array([[0.0], [1.0], [1e12]]))
    assert wait.tolist() == [[0.0, 0.0, 1.0]] * 3
    response = queueing.mmc_response_tail(**queue, time=np.array([[0.0], [1.0], [1e12]]))
    np.testing.assert_allclose(response, [[1, 1, 1], [np.exp(-1), 0, 1], [0, 0, 1]], rtol=1e-13)
    quantile = queueing.mmc_wait_quantile(**queue, probability=0.5)
    assert quantile.tolist() == [0.0, 0.0, np.inf]
    quantile = queueing.mmc_response_quantile(**queue, probability=0.5)
    np.testing.assert_allclose(quantile, [np.log(2.0), 0.0, np.inf], rtol=1e-14)


def test_newtons_steps_use_the_slope_of_the_tail():
    """Where the steps went the wrong way the bracket alone would still end at the quantile, only later."""
    time, step = np.array([0.1, 1.0, 5.0]), 1e-6
    delayed, spare = np.full(3, 0.5964), np.full(3, 0.8)
    value, slope = stations._log_response_tail(time, delayed, spare)
    ahead, _ = stations._log_response_tail(time + step, delayed, spare)
    behind, _ = stations._log_response_tail(time - step, delayed, spare)
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-7)
    assert (value < 0.0).all()


def test_arguments_are_left_alone():
    load = np.array([1.0, 2.0, 3.0])
    queueing.erlang_c(offered_load=load, servers=np.array([4, 4, 4]))
    queueing.mmc(arrival_rate=load, service_time=1.0, servers=4)
    queueing.finite_source(population=load, think_time=load, service_time=load, servers=load)
    assert load.tolist() == [1.0, 2.0, 3.0]
