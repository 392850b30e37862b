"""Where sync modes cost the same, against round unit costs whose crossing can be worked out by hand."""

import fitted
import pytest
from round_costs import round_costs

import capmodel as cm
from capmodel.crossings import crossing
from capmodel.effects import demanded


def fleets(mode):
    return lambda agents: cm.Deployment(agents=round(agents), workloads=2 * round(agents), sync_mode=mode).inputs()


def test_at_the_crossing_both_cost_the_same():
    unit = fitted.costs().unit_costs("postgresql")
    found = crossing(fleets("crawl"), fleets("full_cache"), unit, "datastore", servers=2, ends=(1, 5000), draws=40)
    assert found.lower < found.estimate < found.upper
    here = [demanded(fleets(mode)(found.estimate), unit, 2, 0.0).datastore.estimate for mode in ("crawl", "full_cache")]
    # Agents are whole, so the crossing lies between two of them.
    assert here[0] == pytest.approx(here[1], rel=0.08)


def test_what_both_share_does_not_widen_the_interval():
    # One more JWT-SVID a second costs what it costs: the other way round at the same place, whatever a sync costs.
    unit = round_costs().unit_costs("postgresql")

    def with_tokens(x):
        return cm.Deployment(agents=1000, workloads=0, sync_mode="events_cache", jwt_per_s=x).inputs()

    def fixed(_):
        return cm.Deployment(agents=1000, workloads=0, sync_mode="events_cache", jwt_per_s=10.0).inputs()

    found = crossing(with_tokens, fixed, unit, "server", servers=2, ends=(1, 100), draws=30)
    assert found.estimate == pytest.approx(10, rel=0.05)
    assert found.upper / found.lower < 1.05


def test_what_never_meets_has_no_crossing():
    unit = fitted.costs().unit_costs("postgresql")
    assert crossing(fleets("crawl"), fleets("full_cache"), unit, "server", servers=2, ends=(100, 5000)) is None
    with pytest.raises(ValueError, match="component: got 'client', expected 'server' or 'datastore'"):
        crossing(fleets("crawl"), fleets("full_cache"), unit, "client", servers=2, ends=(1, 10))
