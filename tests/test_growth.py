"""How far a shape carries a growing fleet: to where it still holds, and what the title says of it."""

import re
from types import SimpleNamespace

import pytest
from fitted import costs

import capmodel as cm
from capmodel import growth, shapes

LIMITS = shapes.Limits(0.6, 1.0, 1.645, 1)
SMALL = shapes.Shape(2, 2, 1)


def inputs(agents):
    return cm.Deployment(agents=agents, workloads=2 * agents).inputs()


@pytest.mark.parametrize("agents", [50, 3000])
def test_a_shape_carries_what_it_is_said_to_and_hardly_more(agents):
    fleet = inputs(agents)
    most = growth.capacity(fleet, costs().unit_costs("postgresql"), LIMITS, SMALL)
    assert most >= agents
    assert growth.carries(growth.times(fleet, most / agents), costs().unit_costs("postgresql"), LIMITS, SMALL)
    assert not growth.carries(
        growth.times(fleet, 1.02 * most / agents), costs().unit_costs("postgresql"), LIMITS, SMALL
    )


def test_a_shape_that_does_not_carry_the_fleet_carries_nobody():
    assert growth.capacity(inputs(1_000_000), costs().unit_costs("postgresql"), LIMITS, SMALL) == 0.0
    told = growth.room(inputs(1_000_000), LIMITS, SimpleNamespace(holds=False, shape=SMALL), 0.0)
    assert told == "The largest shape that was tried does not carry this fleet"


@pytest.mark.parametrize("agents", [1, 40, 5000])
def test_the_curve_begins_at_a_tenth_of_the_fleet_or_one_agent(agents):
    points = growth.curve(inputs(agents), costs().unit_costs("postgresql"), LIMITS, SMALL)
    counts = [point.agents for point in points]
    assert counts == sorted(counts)
    assert [point.agents for point in points if point.here] == [agents]
    assert max(1.0, 0.1 * agents) <= counts[0] <= max(1.0, 0.2 * agents)
    used = [point.server.estimate for point in points]
    assert used == sorted(used)


@pytest.mark.parametrize(("agents", "most"), [(5000, 12_345.0), (5000, 5001.0), (5000, 5099.0), (77, 99.0)])
def test_the_title_promises_no_more_than_was_computed_and_no_less_than_the_fleet(agents, most):
    told = growth.room(inputs(agents), LIMITS, SimpleNamespace(holds=True, shape=SMALL), most)
    number = float(re.search(r"up to about ([\d,  ]+)", told).group(1).replace(",", "").replace(" ", "").strip())
    assert agents <= number <= most
    assert number >= 0.9 * most
    assert told.startswith("These servers carry ")
