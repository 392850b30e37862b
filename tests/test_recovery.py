"""A cold start, against sums done by hand from round unit costs."""

import math

import fitted
import pytest
from hypothesis import given
from hypothesis import strategies as st
from round_costs import round_costs

import capmodel as cm
from capmodel.recovery import operations, recover

#: Little happens on an ordinary day, so that the start itself is all that there is to do.
QUIET = {"sync_interval_s": 86_400.0, "agent_ttl_s": 1e6, "x509_ttl_s": 1e6, "sync_mode": "events_cache"}
SHAPE = {"servers": 2, "cores": 5, "datastore_cores": 4}


def counted(**fleet):
    return {part.operation: (part.rate_per_s, part.batch_size) for part in operations(cm.Deployment(**fleet).inputs())}


def test_what_a_start_asks_for():
    assert counted(agents=10, workloads=20) == {
        "sync": (10, 1),
        "attest": (10, 1),
        "connect": (10, 1),
        "post_status": (10, 1),
        "sign_x509": (10, 2),
    }
    # 1200 entries: an agent keeps 1000 SVIDs signed, 500 a call.
    assert counted(agents=10, workloads=12_000)["sign_x509"] == (20, 500)
    # Before, it had all of them signed in three calls, each of which crawled again.
    crawl = counted(agents=10, workloads=12_000, sync_mode="crawl")
    assert (crawl["sign_x509"], crawl["sync"]) == ((30, 400), (40, 1))
    assert "post_status" not in crawl
    assert "sign_x509" not in counted(agents=10, workloads=0)
    assert "sync_federated" in counted(agents=10, workloads=0, federated_domains=1)


def test_agents_behind_few_addresses_wait_for_their_turn():
    # 1000 agents, 10 addresses, 2 servers: 20 at once, then 20 a second. 600 SVIDs each: 10 000 a second.
    fleet = cm.Deployment(agents=1000, workloads=600_000)
    limits = recover(fleet, round_costs(), servers=2, cores=5, datastore_cores=4, addresses=10).limits
    assert set(limits["attestations an address"]) == {49.0}
    assert set(limits["signatures an address"]) == {59.0}
    alone = recover(fleet, round_costs(), servers=2, cores=5, datastore_cores=4).limits
    assert alone["attestations an address"].estimate == alone["signatures an address"].estimate == 0.0


def test_the_work_of_a_start_by_hand():
    # Server, ms: attestation 1 + 3 + 2 + 1.5 + 4, handshake 3, sync 4, report 1 + 2 + 0.5, signing 1 + 2 + 8: 33.
    # Datastore, ms: attestation 1 + 7.5, sync 1, report 1 + 2.5, signing 1: 14.
    fleet = cm.Deployment(agents=1000, workloads=2000, **QUIET)
    found = recover(fleet, round_costs(), **SHAPE)
    # On an ordinary day connections are made anew every 180 s: 1000 / 180 x 3 ms.
    usual = 1000 / 180 * 0.003
    assert found.limits["server cores"].estimate == pytest.approx(33 / (10 - usual / 2), rel=1e-3)
    assert found.limits["datastore cores"].estimate == pytest.approx(14 / 4, rel=1e-2)
    assert (found.binds, found.seconds) == ("datastore cores", found.limits["datastore cores"])
    factor = math.exp(1.6449 * 0.2)
    assert found.limits["datastore cores"].upper == pytest.approx(factor * 14 / 4, rel=1e-2)
    assert found.to_frame().set_index("limit")["binds"].sum() == 1


def test_agents_that_are_back_take_their_share():
    # 1000 agents a second of 4 ms keep 4 of 10 cores busy, half of it on average while they come back.
    fleet = cm.Deployment(agents=5000, workloads=0, agent_ttl_s=1e6, sync_mode="events_cache")
    found = recover(fleet, round_costs(), servers=2, cores=5, datastore_cores=8).limits["server cores"]
    usual = 4.0 + 5000 / 180 * 0.003
    assert found.estimate == pytest.approx(5 * 22 / (10 - usual / 2), rel=1e-3)


def test_a_fleet_too_large_for_its_cores_never_comes_back():
    fleet = cm.Deployment(agents=50_000, workloads=0, sync_mode="events_cache")
    found = recover(fleet, round_costs(), servers=2, cores=5, datastore_cores=16)
    assert found.seconds.estimate == math.inf
    assert found.binds == "server cores"


def test_sqlite_has_no_datastore_to_wait_for():
    fleet = cm.Deployment(agents=100, workloads=200, datastore="sqlite")
    found = recover(fleet, fitted.costs(), servers=1, cores=2, datastore_cores=1)
    assert "datastore cores" not in found.limits
    assert found.datastore_cores == 0
    with pytest.raises(ValueError, match="servers: got 2, expected 1: SQLite lives inside one server"):
        recover(fleet, fitted.costs(), servers=2, cores=2, datastore_cores=1)


@given(
    agents=st.integers(2, 20_000),
    entries=st.integers(0, 2000),
    mode=st.sampled_from(["crawl", "full_cache", "events_cache"]),
    exponent=st.sampled_from([0.0, 1.0]),
)
def test_more_cores_and_addresses_never_take_longer(agents, entries, mode, exponent):
    fleet = cm.Deployment(agents=agents, workloads=agents * entries, sync_mode=mode, zipf_exponent=exponent)
    few = recover(fleet, fitted.costs(), servers=2, cores=2, datastore_cores=2, addresses=1)
    more = recover(fleet, fitted.costs(), servers=3, cores=4, datastore_cores=4, addresses=2)
    for found in (few, more):
        assert found.seconds.lower <= found.seconds.estimate <= found.seconds.upper
        assert found.seconds.estimate == max(value.estimate for value in found.limits.values())
    for name in few.limits:
        assert more.limits[name].estimate <= few.limits[name].estimate * 1.3  # each server reloads for itself


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"servers": 0}, "servers: got 0, expected a whole number of at least 1"),
        ({"datastore_cores": 1.5}, "datastore_cores: got 1.5, expected a whole number of at least 1"),
        ({"addresses": 0}, "addresses: got 0, expected a whole number of at least 1"),
        ({"addresses": 11}, r"addresses: got 11, expected at most one an agent \(10\)"),
        ({"level": 0}, "level: got 0, expected more than 0 and less than 1"),
    ],
)
def test_bad_input_is_named(given, message):
    with pytest.raises(ValueError, match=message):
        recover(cm.Deployment(agents=10, workloads=10), round_costs(), **{**SHAPE, **given})
