"""The subtree cache of v0.10 and v0.11: which queries it saves, against agents and a cache that are played through."""

import heapq

import numpy as np
import pytest
from fitted import costs as fitted
from hypothesis import given
from hypothesis import strategies as st

import capmodel as cm
from capmodel import cluster, reach, shapes, spire
from capmodel.deployment import cached_share, operation_rates


def played(holders, seconds, seed=3):
    """Let agents that share one id sync by the clock against a cache with a lifetime of 1 s; return its hits."""
    rng = np.random.default_rng(seed)
    due = [(start, agent) for agent, start in enumerate(rng.uniform(0.0, 5.0, holders))]
    heapq.heapify(due)
    expires, asked, hits = -1.0, 0, 0
    while due[0][0] < seconds:
        now, agent = heapq.heappop(due)
        if now > 10.0:
            asked += 1
            hits += now <= expires
        if now > expires:
            expires = now + 1.0
        heapq.heappush(due, (now + rng.uniform(4.5, 5.5), agent))
    return hits / asked


@pytest.mark.parametrize("holders", [1, 2, 5, 20, 100])
def test_hits_are_those_of_agents_that_sync_at_random(holders):
    """Agents stay in step with each other for minutes, so a few of them need long to mix."""
    found = np.mean([played(holders, 3000.0 if holders < 10 else 600.0, seed) for seed in range(12)])
    said = spire.subtree_hits((holders - 1) / 5.0)
    assert said == pytest.approx(found, abs=0.05)


@given(rate=st.floats(0.0, 1e6))
def test_an_id_is_read_once_a_second_at_the_most(rate):
    hits = spire.subtree_hits(rate)
    assert 0.0 <= hits < 1.0 or rate > 1e5
    assert rate * (1.0 - hits) <= 1.0 + 1e-6


def fleet_of(holders, **fields):
    """1000 agents with 6 entries each, every entry shared by a number of them."""
    return cm.Deployment(
        agents=1000, workloads=6000 // holders, entries_per_agent=6, sync_mode="crawl_cached", **fields
    )


def test_ids_of_one_agent_alone_cost_what_the_crawl_costs():
    alone = fleet_of(1)
    crawl = cm.Deployment(agents=1000, workloads=6000, sync_mode="crawl")
    assert cached_share(alone.inputs(), 100.0) == 0.0
    for name in ("sync_per_s", "server_cores_used", "datastore_cores_used", "response_time_s"):
        one, other = (
            getattr(cluster.forecast(fleet.inputs(), fitted().unit_costs("postgresql"), 2, 4, 16, 1.645), name).estimate
            for fleet in (alone, crawl)
        )
        # Only a call that signs is spared: it follows a sync.
        assert one == pytest.approx(other, rel=0.01)
        assert one <= other or not name.endswith("_cores_used")


def test_shared_ids_save_queries_and_cores():
    def datastore(fleet):
        return cluster.forecast(
            fleet.inputs(), fitted().unit_costs("postgresql"), 2, 4, 32, 1.645
        ).datastore_cores_used.estimate

    used = [datastore(fleet_of(holders)) for holders in (1, 10, 100, 1000)]
    assert used == sorted(used, reverse=True)
    assert used[-1] < 0.5 * used[0]
    # On more servers each id is read more often.
    shared = fleet_of(100).inputs()
    hits = [operation_rates(shared, servers, 0.0, 0.0)[0].cached_share for servers in (1, 2, 8)]
    assert hits == sorted(hits, reverse=True)


def test_the_agents_own_id_is_read_at_every_sync():
    count = {"operation": "sync", "batch_size": 1, "federated_domains": 0, "selectors_per_entry": 2}
    least = spire.datastore_statements(
        **count, sync_mode="crawl_cached", entries_per_agent=50, node_selectors_per_agent=0, cached_share=1.0
    )
    assert least == 2.0 + 3.0
    assert spire.sync_work("crawl_cached", 50, 0, 1.0) == {"crawl": 1.0, "visit": 1.0}
    assert cluster.round_trips("crawl_cached", 50, 0, 1.0) == 4 + 2


def test_what_the_cache_saves_is_said_to_be_unmeasured():
    measured = cm.plan.measured(fitted())
    shape = shapes.Shape(2, 2, 2)
    told = reach.extrapolations(fleet_of(100).inputs(), measured, shape)
    assert any(line.startswith("ids that the subtree cache saves") for line in told)
    assert not any("subtree" in line for line in reach.extrapolations(fleet_of(1).inputs(), measured, shape))
