"""Topologies: what each cluster is, what the topology adds to it, and that nothing is lost."""

from dataclasses import replace

import pytest
from fitted import costs
from hypothesis import given, settings
from hypothesis import strategies as st

import capmodel as cm
from capmodel import Deployment, Federated, Nested, SingleTrustDomain
from capmodel.topology import divided, topology_of

FLEET = Deployment(agents=5000, workloads=10_000)

fleets = st.builds(
    Deployment,
    agents=st.integers(1, 20_000),
    workloads=st.integers(0, 200_000),
    jwt_per_s=st.floats(0, 100),
    changes_per_s=st.floats(0, 100),
    updates_per_s=st.floats(0, 100),
)
few = settings(derandomize=True, max_examples=60, deadline=None)


def rates(deployment: Deployment) -> dict[str, float]:
    table = deployment.rates(servers=1)
    return dict(zip(table["operation"], table["rate_per_s"], strict=True))


# Splitting


@few
@given(fleet=fleets, into=st.integers(1, 40))
def test_dividing_a_fleet_loses_nothing_and_adds_nothing(fleet: Deployment, into: int) -> None:
    into = min(into, fleet.agents)
    parts = divided(fleet, into)
    assert len(parts) == into
    for name in ("agents", "workloads"):
        sizes = [getattr(part, name) for part in parts]
        assert sum(sizes) == getattr(fleet, name)
        assert max(sizes) - min(sizes) <= 1
    for name in ("jwt_per_s", "changes_per_s", "updates_per_s"):
        assert sum(getattr(part, name) for part in parts) == pytest.approx(getattr(fleet, name))


def test_entries_known_one_by_one_go_with_their_agents() -> None:
    fleet = Deployment(agents=5, workloads=100, entries_by_agent=[9, 1, 2, 3, 4])
    assert [part.entries_by_agent for part in divided(fleet, 2)] == [(9, 1, 2), (3, 4)]


@few
@given(fleet=fleets, into=st.integers(1, 12))
def test_clusters_below_do_what_the_whole_fleet_did(fleet: Deployment, into: int) -> None:
    into = min(into, fleet.agents)
    root, *below = Nested.split(fleet, into).clusters()
    whole, parts = rates(fleet), [rates(cluster.deployment) for cluster in below]
    for operation in ("sync", "connect", "renew_agent", "create_entry", "sign_jwt"):
        assert sum(part[operation] for part in parts) == pytest.approx(whole[operation])
    # What the topology adds is the root's: an agent, an entry and a poll for each server below.
    assert root.deployment.agents == root.deployment.workloads == 2 * into
    assert rates(root.deployment)["get_bundle"] == pytest.approx(2 * into / 5)


@pytest.mark.parametrize("into", [0, -1, 5001, 1.5])
def test_a_fleet_cannot_be_cut_into_more_parts_than_agents(into: float) -> None:
    with pytest.raises(ValueError, match=r"^into: got .*, expected a whole number from 1 to .* agents \(5000\)"):
        Nested.split(FLEET, into)  # type: ignore[arg-type]


# Nested


def test_a_tree_of_any_depth_names_each_cluster_and_who_stands_above() -> None:
    tree = Nested(children=(Nested(children=(FLEET, FLEET)), FLEET), servers=3)
    found = [(part.name, part.tier, part.above, part.deployment.agents) for part in tree.clusters()]
    assert found == [
        ("root", 0, None, 6),
        ("cluster 1", 1, "root", 4),
        ("cluster 1.1", 2, "cluster 1", 5000),
        ("cluster 1.2", 2, "cluster 1", 5000),
        ("cluster 2", 1, "root", 5000),
    ]


def test_the_root_serves_the_servers_that_there_are() -> None:
    root = Nested(children=(FLEET, FLEET)).clusters({"cluster 1": 7, "cluster 2": 4})[0].deployment
    assert (root.agents, root.workloads, root.downstream_servers) == (11, 11, 11)


def test_a_root_may_have_agents_of_its_own() -> None:
    own = Deployment(agents=20, workloads=60, datastore="mariadb", changes_per_s=2)
    root = Nested(children=(FLEET,), root=own).clusters()[0].deployment
    assert (root.agents, root.workloads, root.datastore, root.changes_per_s) == (22, 62, "mariadb", 2)


def test_a_root_without_workloads_changes_and_signs_nothing_for_them() -> None:
    busy = replace(FLEET, jwt_per_s=50, changes_per_s=20, updates_per_s=5, zipf_exponent=1)
    root = Nested(children=(busy,)).clusters()[0].deployment
    assert (root.jwt_per_s, root.changes_per_s, root.updates_per_s, root.zipf_exponent) == (0, 0, 0, 0)


def test_clusters_go_on_for_half_to_all_of_a_cas_lifetime_without_their_root() -> None:
    nested = Nested.split(replace(FLEET, ca_ttl_s=48 * 3600), into=2)
    assert nested.outage() == (24 * 3600, 36 * 3600, 48 * 3600)


@pytest.mark.parametrize(("changes", "message"), [({"children": ()}, "children"), ({"servers": 0}, "servers")])
def test_a_root_above_nothing_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=rf"^{message}: got .*, expected "):
        Nested(**({"children": (FLEET,)} | changes))  # type: ignore[arg-type]


# Federated


def test_every_trust_domain_polls_and_every_sync_fetches_all_others() -> None:
    for part in Federated.split(FLEET, into=4).clusters():
        assert (part.deployment.federated_peers, part.deployment.federated_domains) == (3, 3)
        assert "sync_federated" in rates(part.deployment)


def test_bundles_that_no_entry_names_are_exchanged_by_servers_alone() -> None:
    for part in Federated.split(FLEET, into=4, federates=False).clusters():
        assert (part.deployment.federated_peers, part.deployment.federated_domains) == (3, 0)


def test_one_trust_domain_federates_with_nobody() -> None:
    with pytest.raises(ValueError, match=r"^fleets: got 1, expected at least 2"):
        Federated(fleets=(FLEET,))


# The plan


def test_a_deployment_is_one_trust_domain() -> None:
    assert topology_of(FLEET) == SingleTrustDomain(FLEET)
    single, plain = cm.size(SingleTrustDomain(FLEET), costs()), cm.size(FLEET, costs())
    assert single.to_dict() == plain.to_dict()
    assert cm.evaluate(SingleTrustDomain(FLEET), costs()) == cm.evaluate(FLEET, costs())


def test_what_is_no_topology_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^fleet: got 5000, expected a Deployment, SingleTrustDomain"):
        cm.size(5000, costs())  # type: ignore[arg-type]


def test_the_root_is_sized_for_the_servers_that_were_chosen_below() -> None:
    answer = cm.size(Nested(children=(FLEET, replace(FLEET, agents=20_000))), costs())
    root, *below = answer.clusters
    assert root.agents == sum(part.servers for part in below)
    assert [part["name"] for part in answer.to_dict()["clusters"]] == ["root", "cluster 1", "cluster 2"]
    assert answer.binding in below


def test_a_nested_cluster_asks_less_of_its_datastore_and_a_federated_one_more() -> None:
    """The reasons the scaling guide gives for nesting, and the price of federating that it does not give."""
    shape = {"servers": 2, "cores": 4, "datastore_cores": 4}
    single = cm.evaluate(FLEET, costs(), **shape).utilization["datastore"].estimate
    nested = cm.evaluate(Nested.split(FLEET, into=5), costs(), **shape)
    federated = cm.evaluate(Federated.split(FLEET, into=2), costs(), **shape)
    below = [part.utilization["datastore"].estimate for name, part in nested.clusters.items() if name != "root"]
    assert max(below) < single / 3
    assert min(part.utilization["datastore"].estimate for part in federated.clusters.values()) > single
    assert nested.binding != "root"


def test_more_clusters_never_make_one_of_them_busier() -> None:
    used = [
        max(
            part.utilization["datastore"].estimate
            for part in cm.evaluate(Nested.split(FLEET, into=count), costs(), servers=2, cores=2).clusters.values()
        )
        for count in (1, 2, 3, 5, 8, 13)
    ]
    assert used == sorted(used, reverse=True)


def test_frames_have_a_row_a_cluster_and_one_that_binds() -> None:
    frame = cm.size(Nested.split(FLEET, into=3), costs()).to_frame()
    assert list(frame["name"]) == ["root", "cluster 1", "cluster 2", "cluster 3"]
    assert frame["binding"].sum() == 1
    for name in ("server_utilization", "datastore_utilization", "response_time_s", "staleness_s"):
        assert (frame[f"{name}_lower"] <= frame[name]).all()
        assert (frame[name] <= frame[f"{name}_upper"]).all()
    evaluated = cm.evaluate(Federated.split(FLEET, into=3), costs(), servers=2, cores=2).to_frame()
    assert list(evaluated["name"]) == ["domain 1", "domain 2", "domain 3"]


def test_sqlite_serves_one_server_in_every_cluster() -> None:
    small = Deployment(agents=100, workloads=500, datastore="sqlite")
    assert {part.servers for part in cm.size(Nested.split(small, into=2), costs()).clusters} == {1}
    with pytest.raises(ValueError, match=r"^servers: got 2, expected 1"):
        cm.evaluate(Nested.split(small, into=2), costs(), servers=2)
