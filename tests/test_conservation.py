"""What no answer may do: shrink as a fleet grows, lose agents or work in a split, or be no number."""

import math
from dataclasses import replace

import pytest
from fitted import costs as fitted
from hypothesis import given, settings
from hypothesis import strategies as st

import capmodel as cm
from capmodel import cluster, topology
from capmodel.deployment import operation_rates

few = settings(max_examples=8)
datastores = st.sampled_from(["postgresql", "mariadb", "sqlite"])
modes = st.sampled_from(["full_cache", "events_cache", "crawl", "crawl_cached"])


def work_of(fleet, servers):
    """Return CPU seconds a second on busy hosts: on all servers together, and on the datastore."""
    inputs, unit = fleet.inputs(), fitted().unit_costs(fleet.datastore)
    rates = operation_rates(inputs, servers, 0.0, 0.0)
    load = cluster.load_of(inputs, unit, rates, servers)
    sync_per_s = fleet.agents / fleet.sync_interval_s
    server = sync_per_s * load.sync_server.busy_s + servers * load.other_server.busy_s
    return server, sync_per_s * load.sync_datastore.busy_s + load.other_datastore.busy_s


def reloads_of(fleet, servers):
    """Return the part of it that reloads and polls take: each server does all of it."""
    inputs, unit = fleet.inputs(), fitted().unit_costs(fleet.datastore)
    found = [0.0, 0.0]
    for rate in operation_rates(inputs, servers, 0.0, 0.0):
        if rate.operation in ("reload", "poll_events"):
            family = cm.spire.family(fleet.sync_mode, rate.operation)
            work = cluster.work_of(inputs, rate.operation, rate.batch_size)
            for k, blocks in enumerate((unit.server, unit.datastore)):
                found[k] += rate.rate_per_s * cluster.demand_of(blocks, family, work).busy_s
    return found


@given(
    agents=st.integers(2, 10_000_000),
    workloads=st.integers(0, 10_000_000),
    into=st.integers(1, 50),
    spread=st.booleans(),
)
def test_a_split_loses_no_agent_no_workload_and_nothing_that_happens(agents, workloads, into, spread):
    fleet = cm.Deployment(
        agents=agents, workloads=workloads, jwt_per_s=7.0, changes_per_s=3.0, updates_per_s=2.0,
        zipf_exponent=1.0 if spread else 0.0,
    )  # fmt: skip
    parts = topology.divided(fleet, min(into, agents))
    assert sum(part.agents for part in parts) == agents
    assert sum(part.workloads for part in parts) == workloads
    for name in ("jwt_per_s", "changes_per_s", "updates_per_s"):
        assert sum(getattr(part, name) for part in parts) == pytest.approx(getattr(fleet, name))
    nested = cm.Nested(children=parts)
    below = [part for part in nested.clusters() if part.tier == 1]
    assert sum(part.deployment.agents for part in below) == agents
    assert nested.clusters()[0].deployment.agents == 2 * len(parts)
    if len(parts) > 1:
        assert sum(part.deployment.agents for part in cm.Federated(fleets=parts).clusters()) == agents


@few
@given(
    agents=st.sampled_from([60, 6000, 60_000]),
    each=st.sampled_from([1, 5, 40]),
    into=st.sampled_from([2, 3, 6]),
    mode=modes,
)
def test_the_work_of_all_clusters_is_that_of_the_whole_and_of_their_reloads(agents, each, into, mode):
    """A split adds the upper cluster, and takes or adds reloads: each server reloads its own cluster's entries only."""
    fleet = cm.Deployment(agents=agents, workloads=each * agents, sync_mode=mode, jwt_per_s=20.0, updates_per_s=1.0)
    servers = 2
    parts = topology.divided(fleet, into)
    whole, whole_reloads = work_of(fleet, servers), reloads_of(fleet, servers)
    split = [work_of(part, servers) for part in parts]
    split_reloads = [reloads_of(part, servers) for part in parts]
    for k in range(2):
        together = sum(part[k] for part in split) - sum(part[k] for part in split_reloads)
        assert together == pytest.approx(whole[k] - whole_reloads[k], rel=1e-9)
    root = cm.Nested(children=parts).clusters()[0].deployment
    assert root.downstream_servers == servers * into
    assert all(value > 0.0 for value in work_of(root, servers))


@few
@given(
    agents=st.sampled_from([1, 50, 2000, 30_000]), workloads=st.sampled_from([40, 5000, 200_000]), datastore=datastores,
    mode=modes,
)  # fmt: skip
def test_more_agents_or_entries_never_need_less(agents, workloads, datastore, mode):
    """Entries of an agent are held, so that more agents are more work; more entries an agent are too."""
    each = max(workloads / agents, 1.0)

    def needs(number, entries):
        fleet = cm.Deployment(
            agents=number, workloads=round(number * entries), entries_per_agent=entries, datastore=datastore,
            sync_mode=mode,
        )  # fmt: skip
        part = cm.size(fleet, fitted()).clusters[0]
        return math.inf if not part.holds else part.servers * part.cores_per_server, part.datastore_cores

    once = needs(agents, each)
    for more in (needs(3 * agents, each), needs(agents, 3.0 * each)):
        assert more[0] >= once[0]
        assert more[1] >= once[1] or more[0] == math.inf


@few
@given(
    agents=st.sampled_from([10, 700, 9000]), workloads=st.sampled_from([0, 400, 60_000]), datastore=datastores,
    kind=st.sampled_from(["single", "nested", "federated"]),
)  # fmt: skip
def test_every_cluster_holds_and_its_next_smaller_does_not(agents, workloads, datastore, kind):
    fleet = cm.Deployment(agents=agents, workloads=workloads, datastore=datastore)
    split = {"single": fleet, "nested": cm.Nested.split(fleet, 3), "federated": cm.Federated.split(fleet, 2)}[kind]
    for part in cm.size(split, fitted()).clusters:
        assert part.holds
        for chance in part.chances[:4]:
            assert chance >= 0.945
        if "servers" in part.next_smaller:
            assert part.next_smaller["fails_because"]
            assert part.next_smaller["probability_holds"] < 0.955


EXTREMES = {
    "one agent": {"agents": 1, "workloads": 1},
    "one agent without workloads": {"agents": 1, "workloads": 0},
    "a million agents": {"agents": 1_000_000, "workloads": 1_000_000},
    "a million workloads of one agent": {"agents": 1, "workloads": 1_000_000},
    "shortest lifetimes": {
        "agents": 500,
        "workloads": 5000,
        "x509_ttl_s": 60.0,
        "agent_ttl_s": 60.0,
        "jwt_ttl_s": 60.0,
    },
    "hardly a pause": {"agents": 100, "workloads": 100, "sync_interval_s": 0.001, "reload_interval_s": 0.001},
    "a slow machine": {"agents": 100, "workloads": 100, "machine_speed": 1e-3, "datastore_speed": 1e-3},
    "a distant datastore": {"agents": 100, "workloads": 100, "datastore_round_trip_time_s": 10.0},
    "no core left": {"agents": 100, "workloads": 100, "cores_taken": 1000.0},
}


def numbers(value):
    if isinstance(value, dict):
        return [item for part in value.values() for item in numbers(part)]
    if isinstance(value, list):
        return [item for part in value for item in numbers(part)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("mode", ["full_cache", "events_cache", "crawl_cached"])
@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_fleets_get_an_answer_of_numbers(name, mode):
    fleet = cm.Deployment(**EXTREMES[name], sync_mode=mode)
    answer = cm.size(fleet, fitted())
    assert not any(math.isnan(value) for value in numbers(answer.to_dict()))
    assert not any(
        math.isnan(value) for part in answer.clusters for interval in part.choice.whole for value in interval
    )
    (part,) = answer.clusters
    assert 0.0 <= part.chances.every <= 1.0
    if not part.holds:
        assert part.reasons


@few
@given(datastore=datastores, mode=modes, agents=st.integers(1, 200_000), ttl=st.floats(60.0, 1e6))
def test_a_single_server_on_sqlite_or_any_datastore_answers(datastore, mode, agents, ttl):
    fleet = cm.Deployment(agents=agents, workloads=agents, datastore=datastore, sync_mode=mode, x509_ttl_s=ttl)
    part = cm.size(fleet, fitted(), spare_servers=0).clusters[0]
    assert part.servers >= 1
    assert (part.datastore_cores == 0) == (datastore == "sqlite")
    again = cm.size(replace(fleet), fitted(), spare_servers=0).clusters[0]
    assert again == part
