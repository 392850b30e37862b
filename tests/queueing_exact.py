"""Slow, independent answers to compare the package with: exact rationals, states counted one by one, 50 digits.

Nothing here comes from capmodel. `Fraction` arguments give rationals, `mpmath.mpf` ones 50 digits.
"""

import itertools

import mpmath
import numpy as np

mpmath.mp.dps = 50


def exact(number):
    """Return a float as the number with 50 digits that it stands for."""
    return mpmath.mpf(float(number))


def erlang_b(load, servers):
    """Return a^c/c! over the sum of a^k/k!, term by term."""
    term = total = load**0
    for k in range(1, servers + 1):
        term = term * load / k
        total += term
    return term / total


def mmc(rate, time, servers):
    """Return utilization, wait probability, mean wait, response time and number from the birth-death probabilities."""
    load = rate * time
    term = below = load**0
    for k in range(1, servers):
        term = term * load / k
        below += term
    full = term * load / servers  # probability of `servers` customers, up to the same factor
    tail = full / (1 - load / servers)
    probability = tail / (below + tail)
    queue = probability * load / (servers - load)
    wait = queue / rate
    return load / servers, probability, wait, wait + time, queue + load


def finite_source(population, think, service, servers):
    """Return throughput, response time, utilization and number of the machine-repair model, state by state."""
    term = total = service**0
    number = busy = 0 * service
    for n in range(1, population + 1):
        term = term * (population - n + 1) * service / (think * min(n, servers))
        total += term
        number += n * term
        busy += min(n, servers) * term
    throughput = busy / total / service
    return throughput, number / total / throughput, busy / total / servers, number / total


def network_by_states(population, think, demands, servers):
    """Return throughput and residence times of a closed network by summing over all its states."""
    stations = len(demands)

    def constant(customers):
        total = 0
        held = [0] * stations
        for state in itertools.product(range(customers + 1), repeat=stations):
            thinking = customers - sum(state)
            if thinking < 0:
                continue
            weight = think**0
            for i in range(thinking):
                weight = weight * think / (i + 1)
            for k, n in enumerate(state):
                for i in range(1, n + 1):
                    weight = weight * demands[k] / min(i, servers[k])
            total += weight
            held = [h + n * weight for h, n in zip(held, state, strict=True)]
        return total, [h / total for h in held]

    with_all, held = constant(population)
    throughput = constant(population - 1)[0] / with_all
    return throughput, [h / throughput for h in held]


def network(population, think, demands, servers):
    """Return throughput and residence times of a closed network: convolution with 50 digits, each station left out."""

    def with_station(constants, demand, count):
        head, term = [], mpmath.mpf(1)
        for n in range(count):
            head.append(term * (count - n) / count)
            term = term * demand / (n + 1)
        result, last = [], mpmath.mpf(0)
        for n in range(len(constants)):
            last = last * demand / count + sum(head[i] * constants[n - i] for i in range(min(count, n + 1)))
            result.append(last)
        return result

    thinking = [mpmath.mpf(1)]
    for n in range(1, population + 1):
        thinking.append(thinking[-1] * think / n)
    whole = thinking
    for demand, count in zip(demands, servers, strict=True):
        whole = with_station(whole, demand, count)
    throughput = whole[-2] / whole[-1]
    residence = []
    for k, (demand, count) in enumerate(zip(demands, servers, strict=True)):
        others = thinking
        for j, (other, other_count) in enumerate(zip(demands, servers, strict=True)):
            if j != k:
                others = with_station(others, other, other_count)
        term, held = mpmath.mpf(1), mpmath.mpf(0)
        for n in range(1, population + 1):
            term = term * demand / min(n, count)
            held += n * term * others[population - n]
        residence.append(held / whole[-1] / throughput)
    return throughput, residence


def mean_value_analysis(population, think, demands):
    """Return throughput and residence times of single-server stations by exact mean-value analysis."""
    queue = [0 * demand for demand in demands]
    throughput, residence = 0 * think, list(demands)
    for n in range(1, population + 1):
        residence = [demand * (1 + q) for demand, q in zip(demands, queue, strict=True)]
        throughput = n / (think + sum(residence))
        queue = [throughput * r for r in residence]
    return throughput, residence


def mdc_wait(load, servers):
    """Return the mean wait of M/D/c in service times by Crommelin's roots.

    The number in system one service time later is what was beyond the servers plus the arrivals, so its generating
    function has the zeros of z^c = exp(-a (1 - z)) inside the unit circle.
    """
    load, c = mpmath.mpf(load), servers
    roots = [
        -(c / load) * mpmath.lambertw(-(load / c) * mpmath.exp(2j * mpmath.pi * k / c - load / c)) for k in range(1, c)
    ]
    queue = mpmath.fsum(1 / (1 - z) for z in roots).real + (load**2 - c * (c - 1)) / (2 * (c - load))
    return queue / load


def worst_error(found, reference):
    """Return the largest relative error of floats against a nested sequence of exact numbers of the same layout."""
    found = np.ravel(np.asarray(found, dtype=float))
    reference = [value for part in reference for value in (part if isinstance(part, list | tuple) else [part])]
    assert len(found) == len(reference)
    return max(
        float(abs(exact(f) - r) / abs(r)) if r else float(f != 0.0) for f, r in zip(found, reference, strict=True)
    )


def phase_type_wait(rate, servers, start, finish, move):
    """Return the mean wait of M/PH/c with two phases of service, from its Markov chain (matrix-geometric, floats).

    `start` is the probability to start in the first phase, `finish` the rates at which service ends in each phase,
    `move` the rate from the first phase to the second.
    """

    def blocks(busy, queued):
        # states: number of busy servers in the first phase
        local = np.zeros((busy + 1, busy + 1))
        down = np.zeros((busy + 1, busy + 1)) if queued else np.zeros((busy + 1, busy))
        for first in range(busy + 1):
            second = busy - first
            if first:
                local[first, first - 1] += first * move
            for leaving, speed in ((1, first * finish[0]), (0, second * finish[1])):
                if speed == 0.0:
                    continue
                if queued:  # the next in line starts at once
                    down[first, first - leaving + 1] += speed * start if first - leaving + 1 <= busy else 0.0
                    down[first, first - leaving] += speed * (1.0 - start)
                else:
                    down[first, first - leaving] += speed
            local[first, first] -= first * (move + finish[0]) + second * finish[1] + rate
        return local, down

    def up(busy):
        matrix = np.zeros((busy + 1, busy + 2))
        for first in range(busy + 1):
            matrix[first, first + 1] += rate * start
            matrix[first, first] += rate * (1.0 - start)
        return matrix

    local, down = blocks(servers, queued=True)
    arrive = rate * np.eye(servers + 1)
    # R, the matrix by which probabilities shrink from one queue length to the next, by cyclic reduction of G.
    high, low = np.linalg.solve(-local, arrive), np.linalg.solve(-local, down)
    g, step = low.copy(), high.copy()
    for _ in range(60):
        both = high @ low + low @ high
        high, low = (np.linalg.solve(np.eye(servers + 1) - both, m @ m) for m in (high, low))
        g += step @ low
        step = step @ high
        if step.max() < 1e-17:
            break
    r = arrive @ np.linalg.inv(-(local + arrive @ g))
    # Levels 0 ... servers by elimination from the bottom: p_(n+1) carries everything below it.
    carried = -np.full((1, 1), -rate)
    factors = []
    below = -carried
    for busy in range(servers):
        factor = up(busy)
        factors.append((below, factor))
        level, departures = blocks(busy + 1, queued=False)
        below = level + departures @ np.linalg.solve(-below, factor)
    final = below + r @ down
    values, vectors = np.linalg.eig(final.T)
    top = np.real(vectors[:, np.argmin(np.abs(values))])
    probabilities, levels = top, [top]
    for busy in range(servers - 1, -1, -1):
        inverse, _ = factors[busy]
        _, departures = blocks(busy + 1, queued=False)
        probabilities = probabilities @ departures @ np.linalg.inv(-inverse)
        levels.append(probabilities)
    tail = top @ np.linalg.inv(np.eye(servers + 1) - r)
    total = tail.sum() + sum(level.sum() for level in levels[1:])
    queue = (tail @ np.linalg.inv(np.eye(servers + 1) - r)).sum() - tail.sum()
    return queue / total / rate
