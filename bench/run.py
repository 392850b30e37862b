"""Time capmodel's queueing functions against packages and expressions that answer the same question.

Run by ``make bench``. Contenders take turns, so that a change of the machine's speed meets all of them, and every
answer is compared with the exact one. Peers are installed into ``.venv/bench``, unless the extra ``bench`` brought
them; one that cannot be is reported as absent.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import importlib
import importlib.metadata
import importlib.util
import io
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pandas as pd
import scipy.special
import scipy.stats

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".venv" / "bench"
sys.path.insert(0, str(HERE.parent / "tests"))
sys.path.append(str(PEERS))  # last, so that numpy and scipy are those of the package

import queueing_exact as exact  # noqa: E402

from capmodel import queueing  # noqa: E402
from capmodel.tables import write_csv  # noqa: E402

#: What to compare with, as Python calls it.
MODULES = ("ciw", "line_solver", "pyqueueing", "pyworkforce", "simpy")
#: Customers of the simulated queue.
CUSTOMERS = 1_000_000

Answer = Any


class Contender(NamedTuple):
    """One way to an answer: the distribution it comes from, a call, how often to time it, and what to know of it."""

    name: str
    package: str
    call: Callable[[], Answer]
    rounds: int
    remark: str = ""


class Problem(NamedTuple):
    """One question: its letter, the question, its exact answer and the contenders."""

    letter: str
    question: str
    error: Callable[[Answer], float]
    contenders: list[Contender]


def install_peers() -> None:
    """Install the packages to compare with, unless they (or the extra ``bench``) are there, or no network."""
    if PEERS.is_dir() or all(importlib.util.find_spec(name) for name in MODULES):
        return
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    everything = [*command, "--require-hashes", "--target", str(PEERS), "-r", str(HERE / "requirements.txt")]
    subprocess.run(everything, check=False)


def peer(module: str) -> Any:
    """Return a peer's module, or None where it is absent."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except Exception as error:  # a peer may fail to import in any way of its own
        print(f"{module} is absent: {error}", file=sys.stderr)
        return None


def relative_error(reference: Sequence[Any]) -> Callable[[Answer], float]:
    """Return a function that gives the largest relative error against exact numbers."""
    return lambda answer: exact.worst_error(answer, list(reference))


# A. M/M/c, many points


def many_points() -> Problem:
    """Mean waits of 100,000 random M/M/c queues."""
    rng = np.random.default_rng(1)
    servers = rng.integers(1, 65, 100_000)
    rate = rng.uniform(0.05, 0.98, servers.size) * servers
    sample = np.arange(0, servers.size, 500)
    reference = [exact.mmc(exact.exact(rate[i]), mpmath.mpf(1), int(servers[i]))[2] for i in sample]
    pairs = list(zip(rate.tolist(), servers.tolist(), strict=True))

    def wait(blocking: np.ndarray) -> np.ndarray:
        delayed = servers * blocking / (servers - rate + rate * blocking)
        return delayed / (servers - rate)

    def special() -> np.ndarray:
        log_term = servers * np.log(rate) - rate - scipy.special.gammaln(servers + 1)
        return wait(np.exp(log_term) / scipy.special.gammaincc(servers + 1, rate))

    def distribution() -> np.ndarray:
        return wait(scipy.stats.poisson.pmf(servers, rate) / scipy.stats.poisson.cdf(servers, rate))

    def recurrence() -> np.ndarray:
        blocking = np.ones(servers.size)
        for k in range(1, 65):
            blocking = np.where(k <= servers, rate * blocking / (k + rate * blocking), blocking)
        return wait(blocking)

    contenders = [
        Contender(
            "queueing.mmc",
            "capmodel",
            lambda: queueing.mmc(arrival_rate=rate, service_time=1.0, servers=servers).mean_wait,
            30,
            "and four more quantities",
        ),
        Contender("gammaln and gammaincc", "scipy", special, 30),
        Contender("poisson.pmf / poisson.cdf", "scipy", distribution, 30),
        Contender("recurrence with where", "numpy", recurrence, 30),
    ]
    if workforce := peer("pyworkforce.queuing"):
        contenders.append(
            Contender(
                "ErlangC.waiting_probability, a loop",
                "pyworkforce",
                lambda: [
                    workforce.ErlangC(transactions=x, aht=1, asa=1, interval=1).waiting_probability(c) / (c - x)
                    for x, c in pairs
                ],
                5,
            )
        )
    if line := peer("line_solver.api.qsys"):
        contenders.append(
            Contender("qsys_mmk, a loop", "line-solver", lambda: [line.qsys_mmk(x, 1.0, c)["Wq"] for x, c in pairs], 5)
        )
    if classes := peer("pyqueueing"):
        contenders.append(
            Contender(
                "MMC.mean_wait, a loop",
                "pyqueueing",
                lambda: [classes.MMC(arrival_rate=x, service_rate=1.0, servers=c).mean_wait() for x, c in pairs],
                3,
            )
        )

    def error(answer: Answer) -> float:
        return exact.worst_error(np.asarray(answer)[sample], reference)

    return Problem("A", "mean wait of 100,000 M/M/c queues, 1 to 64 servers", error, contenders)


# B. Finite source


def textbook_recursion(population: int, think: float, demands: list[float], servers: list[int]) -> list[float]:
    """Return the response time by the load-dependent mean-value recursion of textbooks, p0 = 1 - sum."""
    marginal = [np.zeros(population + 1) for _ in demands]
    for p in marginal:
        p[0] = 1.0
    speeds = [np.minimum(np.arange(1, population + 1), c) for c in servers]
    index = np.arange(1, population + 1)
    response = 0.0
    for n in range(1, population + 1):
        residence = [
            demand * ((index[:n] / speed[:n]) @ p[:n])
            for demand, p, speed in zip(demands, marginal, speeds, strict=True)
        ]
        response = sum(residence)
        throughput = n / (think + response)
        for demand, p, speed in zip(demands, marginal, speeds, strict=True):
            p[1 : n + 1] = throughput * demand / speed[:n] * p[:n]
            p[0] = 1.0 - p[1 : n + 1].sum()
    return [response]


def line_network(line: Any, solver: str, population: int, think: float, demands: Any, servers: Any) -> list[float]:
    """Return the response time by one of LINE's solvers."""
    with contextlib.redirect_stdout(io.StringIO()):
        model = line.Network("network")
        delay = line.Delay(model, "think")
        customers = line.ClosedClass(model, "customers", population, delay, 0)
        delay.set_service(customers, line.Exp.fit_mean(think))
        stations = []
        for k, (demand, count) in enumerate(zip(demands, servers, strict=True)):
            station = line.Queue(model, f"station{k}", line.SchedStrategy.FCFS)
            station.set_service(customers, line.Exp.fit_mean(demand))
            station.set_number_of_servers(count)
            stations.append(station)
        model.link(line.Network.serial_routing(delay, *stations))
        table = getattr(line, solver)(model).avg_table().data
    return [float(table["RespT"].iloc[1:].sum())]


def finite_source(letter: str, service: float, with_recursion: bool) -> Problem:
    """Response time of 5000 customers at 16 servers."""
    population, think, servers = 5000, 5.0, 16
    reference = exact.finite_source(population, exact.exact(think), exact.exact(service), servers)[1]

    def logarithms() -> list[float]:
        n = np.arange(population + 1)
        busy = np.minimum(n, servers)
        beta = scipy.special.gammaln(busy + 1) + (n - busy) * np.log(servers)
        log_p = n * np.log(service / think) - scipy.special.gammaln(population - n + 1) - beta
        p = np.exp(log_p - log_p.max())
        return [(n @ p) / (busy @ p) * service]

    contenders = [
        Contender(
            "queueing.finite_source",
            "capmodel",
            lambda: [
                queueing.finite_source(
                    population=population, think_time=think, service_time=service, servers=servers
                ).response_time
            ],
            200,
        ),
        Contender("gammaln of all states", "scipy", logarithms, 200),
    ]
    if with_recursion:
        contenders.append(
            Contender(
                "textbook mean-value recursion",
                "numpy",
                lambda: textbook_recursion(population, think, [service], [servers]),
                5,
            )
        )
    if line := peer("line_solver"):
        arguments = (population, think, [service], [servers])
        contenders += [
            Contender("MVA(model)", "line-solver", lambda: line_network(line, "MVA", *arguments), 5),
            Contender("NC(model)", "line-solver", lambda: line_network(line, "NC", *arguments), 5),
        ]
        if with_recursion:
            pfqn = importlib.import_module("line_solver.api.pfqn")

            def exact_recursion() -> list[float]:
                zero, number = np.array([0.0]), np.array([population])
                found = pfqn.pfqn_mvams(zero, np.array([[service]]), number, np.array([think]), S=np.array([servers]))
                return [float(np.sum(found[3]))]

            contenders.append(Contender("pfqn_mvams", "line-solver", exact_recursion, 1, "run once"))
    question = f"response time of 5,000 customers at 16 servers, service {service * 1e3:g} ms, think time 5 s"
    return Problem(letter, question, relative_error([reference]), contenders)


def finite_source_grid() -> Problem:
    """Response times at a thousand service times."""
    population, think, servers = 5000, 5.0, 16
    service = np.linspace(0.004, 0.032, 1000)
    sample = np.arange(0, service.size, 100)
    reference = [
        exact.finite_source(population, exact.exact(think), exact.exact(service[i]), servers)[1] for i in sample
    ]

    def logarithms() -> np.ndarray:
        n = np.arange(1, population + 1)
        busy = np.minimum(n, servers)
        log_p = np.cumsum(np.log((population - n + 1) / (think * busy))) + n * np.log(service)[:, None]
        p = np.exp(log_p - np.maximum(log_p.max(axis=1), 0.0)[:, None])
        return (p @ n) / (p @ busy) * service

    contenders = [
        Contender(
            "queueing.finite_source",
            "capmodel",
            lambda: (
                queueing.finite_source(
                    population=population, think_time=think, service_time=service, servers=servers
                ).response_time
            ),
            20,
        ),
        Contender("cumulative logarithms of all states", "numpy", logarithms, 10),
    ]
    return Problem(
        "B grid",
        "the same at 1,000 service times",
        lambda answer: exact.worst_error(np.asarray(answer)[sample], reference),
        contenders,
    )


# C. Closed network of single servers


def mean_value_analysis(population: int, think: float, demands: np.ndarray) -> np.ndarray:
    """Return response times by mean-value analysis, all points at once."""
    queue = np.zeros_like(demands)
    residence = demands
    for n in range(1, population + 1):
        residence = demands * (1.0 + queue)
        queue = residence * (n / (think + residence.sum(axis=-1, keepdims=True)))
    return residence.sum(axis=-1)


def bard_schweitzer(population: int, think: float, demands: np.ndarray) -> list[float]:
    """Return the response time by the fixed point of Bard and Schweitzer."""
    queue = np.full(len(demands), population / len(demands))
    while True:
        residence = demands * (1.0 + queue * (population - 1) / population)
        updated = residence * (population / (think + residence.sum()))
        if np.abs(updated - queue).max() < 1e-9:
            return [residence.sum()]
        queue = updated


def closed_network(letter: str, demands: list[float]) -> Problem:
    """Response time of 5000 customers at three single servers."""
    population, think = 5000, 5.0
    array = np.array(demands)
    _, residence = exact.mean_value_analysis(population, exact.exact(think), [exact.exact(d) for d in demands])
    contenders = [
        Contender(
            "queueing.closed_network",
            "capmodel",
            lambda: [queueing.closed_network(population=population, think_time=think, demands=demands).response_time],
            50,
        ),
        Contender(
            "mean-value analysis, lists",
            "Python",
            lambda: [sum(exact.mean_value_analysis(population, think, demands)[1])],
            20,
        ),
        Contender("mean-value analysis, arrays", "numpy", lambda: [mean_value_analysis(population, think, array)], 20),
        Contender("Bard-Schweitzer", "numpy", lambda: bard_schweitzer(population, think, array), 20, "approximation"),
    ]
    if line := peer("line_solver"):
        pfqn = importlib.import_module("line_solver.api.pfqn")

        def single_class() -> list[float]:
            return [float(np.sum(pfqn.pfqn_mva_single_class(population, array, think)["R"]))]

        arguments = (population, think, demands, [1] * len(demands))
        contenders += [
            Contender("pfqn_mva_single_class", "line-solver", single_class, 20),
            Contender("MVA(model)", "line-solver", lambda: line_network(line, "MVA", *arguments), 5),
            Contender("NC(model)", "line-solver", lambda: line_network(line, "NC", *arguments), 5),
        ]
    *others, last = [f"{demand * 1e3:g}" for demand in demands]
    question = f"response time of 5,000 customers at single servers of {', '.join(others)} and {last} ms"
    return Problem(letter, question, relative_error([sum(residence)]), contenders)


def closed_network_grid() -> Problem:
    """Response times at a thousand sets of demands."""
    population, think = 5000, 5.0
    demands = np.array([0.8e-3, 0.5e-3, 0.3e-3]) * np.linspace(0.2, 2.0, 1000)[:, None]
    sample = np.arange(0, 1000, 200)
    reference = [
        sum(exact.mean_value_analysis(population, exact.exact(think), [exact.exact(d) for d in demands[i]])[1])
        for i in sample
    ]
    contenders = [
        Contender(
            "queueing.closed_network",
            "capmodel",
            lambda: queueing.closed_network(population=population, think_time=think, demands=demands).response_time,
            5,
        ),
        Contender("mean-value analysis, arrays", "numpy", lambda: mean_value_analysis(population, think, demands), 5),
    ]
    return Problem(
        "C grid",
        "the same at 1,000 sets of demands",
        lambda answer: exact.worst_error(np.asarray(answer)[sample], reference),
        contenders,
    )


def multi_server_network(letter: str, demands: list[float]) -> Problem:
    """Response time of 5000 customers at stations of 16 and 8 servers."""
    population, think, servers = 5000, 5.0, [16, 8]
    _, residence = exact.network(population, exact.exact(think), [exact.exact(d) for d in demands], servers)
    arguments = (population, think, demands, servers)
    contenders = [
        Contender(
            "queueing.closed_network",
            "capmodel",
            lambda: [
                queueing.closed_network(
                    population=population, think_time=think, demands=demands, servers=servers
                ).response_time
            ],
            50,
        ),
        Contender("textbook mean-value recursion", "numpy", lambda: textbook_recursion(*arguments), 5),
    ]
    if line := peer("line_solver"):
        contenders += [
            Contender("MVA(model)", "line-solver", lambda: line_network(line, "MVA", *arguments), 5),
            Contender("NC(model)", "line-solver", lambda: line_network(line, "NC", *arguments), 5),
        ]
    question = (
        f"response time of 5,000 customers at 16 servers of {demands[0] * 1e3:g} ms and 8 of {demands[1] * 1e3:g} ms"
    )
    return Problem(letter, question, relative_error([sum(residence)]), contenders)


# D. Simulation


def simulation() -> Problem:
    """Mean wait of a simulated M/M/4 queue."""
    rate, servers = 3.2, 4

    def heap() -> list[float]:
        rng = np.random.default_rng(1)
        arrivals = np.cumsum(rng.exponential(1.0 / rate, CUSTOMERS)).tolist()
        services = rng.exponential(1.0, CUSTOMERS).tolist()
        free = [0.0] * servers
        total = 0.0
        for arrival, service in zip(arrivals, services, strict=True):
            start = max(free[0], arrival)
            total += start - arrival
            heapq.heapreplace(free, start + service)
        return [total / CUSTOMERS]

    contenders = [Contender("heapq.heapreplace", "Python", heap, 3)]
    if module := peer("capmodel.simulation"):

        def own() -> list[float]:
            found = module.open_queue(
                arrival_rate=rate, service_time=1.0, servers=servers, customers=CUSTOMERS, seed=1
            ).mean_wait
            return [float(getattr(found, "estimate", found))]

        contenders.insert(0, Contender("simulation.open_queue", "capmodel", own, 5, "with an interval"))
    if simpy := peer("simpy"):

        def processes() -> list[float]:
            rng = np.random.default_rng(1)
            gaps = rng.exponential(1.0 / rate, CUSTOMERS).tolist()
            services = rng.exponential(1.0, CUSTOMERS).tolist()
            environment = simpy.Environment()
            resource = simpy.Resource(environment, capacity=servers)
            waits = []

            def customer(service: float) -> Any:
                arrived = environment.now
                with resource.request() as request:
                    yield request
                    waits.append(environment.now - arrived)
                    yield environment.timeout(service)

            def source() -> Any:
                for gap, service in zip(gaps, services, strict=True):
                    yield environment.timeout(gap)
                    environment.process(customer(service))

            environment.process(source())
            environment.run()
            return [sum(waits) / len(waits)]

        contenders.append(Contender("Resource", "simpy", processes, 1, "run once"))
    if ciw := peer("ciw"):

        def records() -> list[float]:
            ciw.seed(1)
            network = ciw.create_network(
                arrival_distributions=[ciw.dists.Exponential(rate=rate)],
                service_distributions=[ciw.dists.Exponential(rate=1.0)],
                number_of_servers=[servers],
            )
            run = ciw.Simulation(network)
            run.simulate_until_max_customers(CUSTOMERS)
            waits = [record.waiting_time for record in run.get_all_records()]
            return [sum(waits) / len(waits)]

        contenders.append(Contender("simulate_until_max_customers", "ciw", records, 1, "run once"))
    reference = exact.mmc(mpmath.mpf("3.2"), mpmath.mpf(1), servers)[2]
    question = "mean wait of 1,000,000 simulated customers of M/M/4; errors are chance, 2 to 3 % is usual"
    return Problem("D", question, relative_error([reference]), contenders)


PROBLEMS: dict[str, list[Callable[[], Problem]]] = {
    "A": [many_points],
    "B": [
        lambda: finite_source("B light", 0.0128, with_recursion=True),
        lambda: finite_source("B saturated", 0.0176, with_recursion=False),
        finite_source_grid,
    ],
    "C": [
        lambda: closed_network("C light", [0.8e-3, 0.5e-3, 0.3e-3]),
        lambda: closed_network("C saturated", [1.1e-3, 0.5e-3, 0.3e-3]),
        closed_network_grid,
        lambda: multi_server_network("C multi-server light", [0.0128, 0.0064]),
        lambda: multi_server_network("C multi-server saturated", [0.0176, 0.0088]),
    ],
    "D": [simulation],
}


def timed(problem: Problem) -> list[dict[str, object]]:
    """Return a row for each contender; they take turns, the first to go changing every round."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in problem.contenders}
    errors: dict[str, float | None] = dict.fromkeys(seconds)
    remarks = {contender.name: contender.remark for contender in problem.contenders}

    def run(contender: Contender, keep: bool) -> None:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                began = time.perf_counter()
                answer = contender.call()
                took = time.perf_counter() - began
            errors[contender.name] = problem.error(answer)
            if keep:
                seconds[contender.name].append(took)
        except Exception as error:  # a peer may fail in any way of its own, and that is a finding
            remarks[contender.name] = f"fails: {type(error).__name__}: {error}"

    for contender in problem.contenders:
        if contender.rounds > 1:
            run(contender, keep=False)
    for turn in range(max(contender.rounds for contender in problem.contenders)):
        shift = turn % len(problem.contenders)
        for contender in problem.contenders[shift:] + problem.contenders[:shift]:
            if turn < contender.rounds:
                run(contender, keep=True)

    rows = []
    for contender in problem.contenders:
        times = [1e3 * s for s in seconds[contender.name]]
        error = errors[contender.name]
        rows.append(
            {
                "problem": problem.letter,
                "question": problem.question,
                "package": contender.package,
                "version": version(contender.package),
                "call": contender.name,
                "rounds": len(times),
                "min_ms": f"{min(times):.4g}" if times else "",
                "median_ms": f"{statistics.median(times):.4g}" if times else "",
                "max_ms": f"{max(times):.4g}" if times else "",
                "worst_relative_error": f"{error:.1e}" if error is not None else "",
                "remark": remarks[contender.name],
            }
        )
    return rows


def version(package: str) -> str:
    """Return the version of a distribution, or of Python for what comes with it."""
    return platform.python_version() if package == "Python" else importlib.metadata.version(package)


def processor() -> str:
    """Return the name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def main() -> None:
    """Run the problems and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=sorted(PROBLEMS), default=sorted(PROBLEMS), metavar="LETTER")
    parser.add_argument("--out", type=Path, default=HERE / "results.csv", help="where to write the results")
    arguments = parser.parse_args()
    install_peers()
    facts = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }
    rows = []
    for letter in arguments.only:
        for make in PROBLEMS[letter]:
            problem = make()
            print(f"\n{problem.letter}: {problem.question}")
            for row in timed(problem):
                rows.append({**row, **facts})
                print(
                    f"  {row['package']:12} {row['call']:36} min {row['min_ms']:>9} median {row['median_ms']:>9}"
                    f" max {row['max_ms']:>9} ms  error {row['worst_relative_error']:>8}  {row['remark']}"
                )
    found = {str(row["package"]) for row in rows}
    expected = {name.replace("_", "-") for name in MODULES} if arguments.only == sorted(PROBLEMS) else set()
    absent = "absent: could not be installed or imported"
    rows += [{"package": name, "remark": absent, **facts} for name in sorted(expected - found)]
    frame = pd.DataFrame(rows)
    write_csv(frame.astype({"rounds": "Int64"}), arguments.out)  # whole, also where an absent peer leaves a gap
    print(f"\n{arguments.out}")


if __name__ == "__main__":
    main()
