"""With which probability a shape holds: against draws from the distributions that the intervals state."""

import math

import numpy as np
import pytest
from fitted import costs as fitted
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate
from scipy.stats import norm

import capmodel as cm
from capmodel import cluster, probability, shapes

FLEETS = {
    "servers bind": ({"agents": 5000, "workloads": 10_000}, {}, (2, 2, 1)),
    "both bind": ({"agents": 20_000, "workloads": 100_000, "datastore": "mariadb"}, {}, (4, 4, 4)),
    "the response time binds": (
        {"agents": 20_000, "workloads": 100_000, "datastore": "mariadb"},
        {"max_utilization": 0.7, "max_response_time_s": 0.003},
        (3, 4, 4),
    ),
    "memory binds": ({"agents": 3000, "workloads": 530_000, "datastore": "sqlite"}, {}, (1, 8, 1)),
    "connections churn": ({"agents": 2000, "workloads": 6000, "sync_mode": "crawl"}, {}, (3, 2, 16)),
}


def limits_of(fleet, *, max_utilization=0.6, max_response_time_s=1.0):
    spare = 0 if fleet.datastore == "sqlite" else 1
    return shapes.Limits(max_utilization, max_response_time_s, 1.645, spare)


@given(z=st.floats(-36, 9))
def test_the_normal_distribution_is_scipys(z):
    assert probability.normal_cdf(z) == pytest.approx(norm.cdf(z), rel=2e-8, abs=1e-300)
    assert abs(probability.normal_cdf(z) - norm.cdf(z)) < 1e-15


@pytest.mark.parametrize("name", FLEETS)
def test_limits_hold_as_often_as_said_when_demands_are_drawn(name):
    """Drawn as stated: five independent errors, every limit asked of the same state. 2000 draws know it to 1 %."""
    fields, limited, shape = FLEETS[name]
    fleet = cm.Deployment(**fields)
    inputs, unit = fleet.inputs(), fitted().unit_costs(fleet.datastore)
    limits, shape = limits_of(fleet, **limited), shapes.Shape(*shape)
    memory_gb = 2
    said = probability.chances(inputs, unit, limits, shape, memory_gb)
    left = shape.servers - limits.spare_servers
    basis = cluster.basis_of(inputs, unit, left, shape.cores, shape.datastore_cores)
    memory = cluster.memory_of(inputs, unit, left, 1.0)
    draws = np.random.default_rng(20).standard_normal((2000, 5))
    kept = 0
    for server, datastore, interference, scatter, bytes_ in draws:
        load = cluster.with_errors(
            basis.load,
            math.exp(server * basis.server_error),
            math.exp(datastore * basis.datastore_error),
            max(unit.interference + interference * unit.interference_error, 0.0),
        )
        state = cluster.solve(inputs, load, unit.half_saturation, left, shape.cores, shape.datastore_cores)
        response_s = state.response_time_s * math.exp(scatter * math.sqrt(unit.response_dispersion))
        used = memory.estimate * (memory.upper / memory.estimate) ** bytes_
        kept += (
            state.server_utilization <= limits.max_utilization
            and state.datastore_utilization <= limits.max_utilization
            and response_s <= limits.max_response_time_s
            and used <= shapes.MEMORY_FILL * memory_gb * shapes.GB
        )
    share = kept / len(draws)
    error = math.sqrt(max(said.every * (1.0 - said.every), 1e-4) / len(draws))
    assert 0.05 < said.every < 0.995, "the case decides nothing"
    # The quadrature adds half a per cent to the sampling error.
    assert abs(share - said.every) <= 3.0 * error + 0.005


@given(most=st.floats(-3.0, 6.0), slope=st.floats(0.1, 1.5), middle=st.floats(-3.0, 3.0))
def test_the_values_that_stand_for_a_demand_integrate_smooth_functions(most, slope, middle):
    def chance(z):
        return norm.cdf((middle - slope * z) / 1.0)

    exact, _ = integrate.quad(lambda z: chance(z) * norm.pdf(z), -9.0, min(most, 9.0), epsabs=1e-10)
    found = sum(cell.weight * chance(cell.z) for cell in probability.cells(most, 1.0))
    assert found == pytest.approx(exact / norm.cdf(most), abs=0.03)
    assert sum(cell.weight for cell in probability.cells(most, 1.0)) == pytest.approx(1.0)


@settings(max_examples=12)
@given(
    agents=st.sampled_from([30, 3000, 50_000]),
    workloads=st.sampled_from([10, 50_000]),
    datastore=st.sampled_from(["postgresql", "mariadb", "sqlite"]),
    mode=st.sampled_from(["full_cache", "events_cache", "crawl"]),
    level=st.sampled_from([0.5, 0.9, 0.98]),
)
def test_an_answer_keeps_each_limit_as_surely_as_its_level_says(agents, workloads, datastore, mode, level):
    """A limit that the upper bound keeps is kept with probability (1 + level) / 2 at least."""
    fleet = cm.Deployment(agents=agents, workloads=workloads, datastore=datastore, sync_mode=mode)
    part = cm.size(fleet, fitted(), level=level).clusters[0]
    if part.holds:
        one_sided = 0.5 + level / 2.0
        assert min(part.chances[:4]) >= one_sided - 0.005
        assert part.chances.every >= 1.0 - 4.0 * (1.0 - one_sided) - 0.01
        assert part.chances.every == pytest.approx(math.prod(part.chances[:4]))
        smaller = part.next_smaller.get("probability_holds", 0.0)
        assert smaller <= part.chances.every + 1e-9
        # One limit is broken at the upper bound: with less than the one-sided probability it is kept.
        assert smaller <= one_sided + 0.005


def test_a_larger_shape_holds_more_surely():
    fleet = cm.Deployment(agents=20_000, workloads=100_000)
    inputs, unit = fleet.inputs(), fitted().unit_costs("postgresql")
    sure = [
        probability.chances(inputs, unit, limits_of(fleet), shapes.Shape(servers, 4, 4), 4).every
        for servers in (1, 2, 3, 4, 6)
    ]
    assert sure == sorted(sure)
    assert sure[0] == 0.0
    assert sure[-1] > 0.99


def test_cores_that_are_taken_leave_no_chance():
    fleet = cm.Deployment(agents=100, workloads=100, cores_taken=0.7)
    chances = probability.chances(
        fleet.inputs(), fitted().unit_costs("postgresql"), limits_of(fleet), shapes.Shape(3, 1, 1), 1
    )
    assert chances.server_utilization == chances.every == 0.0
    assert chances.datastore_utilization > 0.9


def test_the_answer_says_how_surely_it_holds():
    answer = cm.size(cm.Deployment(agents=5000, workloads=10_000), fitted())
    told = answer.to_dict()["clusters"][0]
    assert told["probability_holds"] == answer.clusters[0].chances.every
    assert set(told["probability_by_limit"]) == {
        "server_utilization", "datastore_utilization", "response_time", "memory",
    }  # fmt: skip
    assert 0.0 <= told["next_smaller"]["probability_holds"] < told["probability_holds"]
    assert answer.to_frame()["probability_holds"].tolist() == [told["probability_holds"]]


@pytest.mark.parametrize(
    ("used", "taken", "limit", "error", "expected"),
    [
        (0.3, 0.3, 0.6, 0.2, math.inf),  # the demand is nothing: it may grow for ever
        (0.7, 0.7, 0.6, 0.2, -math.inf),  # other work alone breaks the limit
        (0.8, 0.65, 0.6, 0.2, -math.inf),  # no demand is small enough beside it
        (0.5, 0.1, 0.6, 0.0, math.inf),  # known for certain, and it fits
        (0.7, 0.1, 0.6, 0.0, -math.inf),
        (0.5, 0.2, 0.6, 0.25, math.log(4 / 3) / 0.25),  # (0.6 - 0.2) / (0.5 - 0.2), in standard deviations
        (0.8, 0.2, 0.6, 0.25, math.log(2 / 3) / 0.25),
    ],
)
def test_how_far_a_demand_is_from_its_limit(used, taken, limit, error, expected):
    found = probability.reach(lambda factor: taken + factor * (used - taken), limit, taken, error)
    assert found == pytest.approx(expected, rel=1e-9)
