"""Deployments: which are refused and why, and how often each operation happens."""

import copy
import json
import math
import pickle
import re
from dataclasses import FrozenInstanceError, fields, replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from capmodel import Deployment, spire
from capmodel.deployment import FORMULAS, cached_share, classes_of, operation_rates

#: Smallest and largest value of each number, and whether the smallest itself is allowed: as the class documents them.
NUMBERS = {
    "agents": (1, 10_000_000, True),
    "workloads": (0, 100_000_000, True),
    "selectors_per_entry": (1, 100, True),
    "dns_names_per_entry": (0, 100, True),
    "node_selectors_per_agent": (0, 1000, True),
    "sync_interval_s": (0, 86_400, False),
    "reload_interval_s": (0, 86_400, False),
    "x509_ttl_s": (60, 31_536_000, True),
    "agent_ttl_s": (60, 31_536_000, True),
    "jwt_per_s": (0, 1_000_000, True),
    "changes_per_s": (0, 100_000, True),
    "federated_domains": (0, 10_000, True),
    "datastore_round_trip_time_s": (0, 10, True),
    "machine_speed": (0, 100, False),
    "datastore_speed": (0, 100, False),
    "zipf_exponent": (0, 5, True),
    "jwt_pairs_per_agent": (0, 100_000, True),
    "jwt_requests_per_pair_s": (0, 1_000_000, True),
    "jwt_ttl_s": (60, 31_536_000, True),
    "updates_per_s": (0, 100_000, True),
    "ca_ttl_s": (3600, 315_360_000, True),
    "cores_taken": (0, 1000, True),
    "downstream_servers": (0, 1_000_000, True),
    "federated_peers": (0, 10_000, True),
}
CHOICES = {
    "datastore": ("sqlite", "postgresql", "mariadb", "mysql"),
    "sync_mode": ("crawl", "crawl_cached", "full_cache", "events_cache"),
    "ca_key_type": ("ec-p256", "ec-p384", "rsa-2048", "rsa-4096"),
}
FLEET = Deployment(agents=5000, workloads=10_000)


def fleet(**changes: object) -> Deployment:
    return Deployment(**({"agents": 5000, "workloads": 10_000} | changes))


# What is refused


def test_every_field_is_checked():
    others = {"spire_version", "entries_per_agent", "entries_by_agent", "reattests"}
    assert {field.name for field in fields(Deployment)} == set(NUMBERS) | set(CHOICES) | others


@pytest.mark.parametrize("name", NUMBERS)
def test_bounds_are_allowed_and_what_lies_beyond_is_refused_by_name_and_bound(name):
    low, high, closed = NUMBERS[name]
    step = 1 if name in ("agents", "workloads") else 1e-6
    above = high + 1 if step == 1 else math.nextafter(high, math.inf)
    allowed = [high, low if closed else low + step]
    for value in allowed:
        assert getattr(fleet(**{name: value}), name) == value
    for value in [above, low - step, -1e9, 1e99, *([] if closed else [low])]:
        with pytest.raises(ValueError) as caught:
            fleet(**{name: int(value) if step == 1 else value})
        message = str(caught.value)
        assert message.startswith(f"{name}: got ")
        assert message.endswith(f", expected {'at least' if closed else 'more than'} {low:g} and at most {high:g}")


@pytest.mark.parametrize("name", [*NUMBERS, "entries_per_agent"])
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 10**400, -(10**400)], ids=["nan", "inf", "-inf", "huge", "-huge"]
)
def test_a_number_without_a_size_is_refused_in_a_short_message(name, value):
    with pytest.raises(ValueError, match=rf"^{name}: got .*, expected ") as caught:
        fleet(**{name: value})
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("name", [*NUMBERS, "entries_per_agent"])
@pytest.mark.parametrize("value", ["5", True, [5], 5j, Decimal(5), np.array([1.0, 2.0]), np.True_], ids=repr)
def test_what_is_no_number_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"^{name}: got .*, expected a number"):
        fleet(**{name: value})


@pytest.mark.parametrize("name", ["agents", "workloads"])
@pytest.mark.parametrize("value", [5.5, np.float64(1.5), Fraction(7, 2)])
def test_agents_and_workloads_are_whole(name, value):
    with pytest.raises(ValueError, match=rf"^{name}: got {value}, expected a whole number$"):
        fleet(**{name: value})


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("value", ["", "POSTGRESQL", "oracle", None, 5, ["sqlite"]], ids=repr)
def test_what_is_no_choice_is_refused_and_the_choices_are_listed(name, value):
    with pytest.raises(ValueError) as caught:
        fleet(**{name: value})
    assert str(caught.value) == f"{name}: got {value!r}, expected one of {', '.join(CHOICES[name])}"


@pytest.mark.parametrize("value", [-1, 10_001, math.nan, math.inf])
def test_an_agent_cannot_have_more_entries_than_there_are(value):
    with pytest.raises(ValueError, match=r"^entries_per_agent: got .* at least 0 and at most workloads \(10000\)"):
        fleet(entries_per_agent=value)


@pytest.mark.parametrize("value", [0, 0.5, 10_000])
def test_an_agent_can_have_no_entry_a_part_of_one_or_all(value):
    assert fleet(entries_per_agent=value).entries_of_agent == value
    listed = Deployment(agents=2, workloads=10_000, entries_by_agent=[value, value])
    assert listed.entries_of_agent == value


@pytest.mark.parametrize("value", [0, 1, None, "yes"])
def test_whether_agents_attest_anew_is_true_or_false(value):
    with pytest.raises(ValueError, match=rf"^reattests: got {value!r}, expected True or False$"):
        fleet(reattests=value)


@pytest.mark.parametrize(
    ("sync_mode", "version", "bound"),
    [
        ("crawl", "v0.10.0", "from v0.0.0 and before v0.10.0"),
        ("crawl", "v1.15.3", "from v0.0.0 and before v0.10.0"),
        ("crawl_cached", "v0.9.3", "from v0.10.0 and before v0.12.0"),
        ("full_cache", "v0.11.3", "from v0.12.0,"),
        ("events_cache", "v1.8.6", "from v1.8.7"),
    ],
)
def test_a_release_that_never_had_the_mode_is_refused(sync_mode, version, bound):
    with pytest.raises(
        ValueError, match=rf"^spire_version: got '{version}', expected a release {bound}.*'{sync_mode}'"
    ):
        fleet(sync_mode=sync_mode, spire_version=version)


@pytest.mark.parametrize(
    ("sync_mode", "version"),
    [
        ("crawl", "v0.9.2"),
        ("crawl_cached", "v0.10.2"),
        ("full_cache", "v0.12.3"),
        ("full_cache", "v0.12.0"),
        ("events_cache", "1.15.3"),
        ("full_cache", "v2.0.0"),
    ],
)
def test_releases_that_have_the_mode(sync_mode, version):
    assert fleet(sync_mode=sync_mode, spire_version=version).spire_version == version


@pytest.mark.parametrize("mode", CHOICES["sync_mode"])
def test_the_release_that_a_mode_stands_for_has_it(mode):
    assert fleet(sync_mode=mode, spire_version=spire.MODE_VERSIONS[mode])


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.complex_numbers(),
    st.binary(max_size=3), st.lists(st.integers(), max_size=2), st.fractions(), st.decimals(allow_nan=True),
)  # fmt: skip


@settings(derandomize=True, max_examples=300)
@given(name=st.sampled_from([field.name for field in fields(Deployment)]), value=anything)
def test_any_value_is_either_kept_or_refused_by_name(name, value):
    refusal = None
    try:
        deployment = fleet(**{name: value})
    except ValueError as error:
        refusal = str(error)
    if refusal is None:
        kept = getattr(deployment, name)
        assert kept == (float(value) if isinstance(value, Fraction) else value)
        assert deployment.inputs()
    else:
        assert refusal.startswith(f"{name}: got ")
        assert ", expected " in refusal


# What a deployment is


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.float64, np.float32, float, Fraction])
def test_numbers_of_a_data_frame_become_plain(kind):
    deployment = Deployment(agents=kind(200), workloads=kind(100), jwt_per_s=kind(3), entries_per_agent=kind(2))
    assert (deployment.agents, deployment.workloads) == (200, 100)
    assert type(deployment.agents) is int
    assert type(deployment.jwt_per_s) is type(deployment.entries_per_agent) is float
    assert json.dumps(deployment.inputs()._asdict())


def test_the_order_of_values_means_nothing_so_none_is_given_by_its_place():
    with pytest.raises(TypeError):
        Deployment(5000, 10_000)  # type: ignore[misc]


def test_a_fleet_does_and_has_by_default_what_every_fleet_does_and_nothing_more():
    """SPIRE's own intervals and lifetimes, the measured machine, two selectors; whatever else is asked is said."""
    usual = {
        "selectors_per_entry": 2.0, "sync_interval_s": 5.0, "reload_interval_s": 5.0, "x509_ttl_s": 3600.0,
        "agent_ttl_s": 3600.0, "jwt_ttl_s": 300.0, "ca_ttl_s": 86_400.0, "machine_speed": 1.0, "datastore_speed": 1.0,
    }  # fmt: skip
    for name in NUMBERS.keys() - {"agents", "workloads"}:
        assert getattr(FLEET, name) == usual.get(name, 0.0), name
    assert FLEET.reattests is False
    assert FLEET.inputs().listed == []


def test_rates_are_of_two_servers_that_answer_at_once_unless_told():
    told = FLEET.rates(servers=2, response_time_s=0.0, reload_duration_s=0.0)
    assert FLEET.rates().equals(told)
    assert rate(FLEET, "reload", servers=1) == 0.2


def test_a_deployment_does_not_change_and_can_be_copied():
    with pytest.raises(FrozenInstanceError):
        FLEET.agents = 3  # type: ignore[misc]
    for twin in (copy.deepcopy(FLEET), pickle.loads(pickle.dumps(FLEET)), replace(FLEET)):
        assert twin == FLEET
        assert hash(twin) == hash(FLEET)
    with pytest.raises(ValueError, match=r"^agents: got 0"):
        replace(FLEET, agents=0)


def test_entries_of_an_agent_are_spread_evenly_unless_given():
    assert FLEET.entries_of_agent == 2.0
    assert fleet(entries_per_agent=40).entries_of_agent == 40.0
    assert fleet(workloads=0).entries_of_agent == 0.0


def test_mysql_is_answered_with_mariadb():
    assert fleet(datastore="mysql").fitted_datastore == "mariadb"
    assert fleet(datastore="mysql").inputs().datastore == "mariadb"
    assert fleet(datastore="sqlite").fitted_datastore == "sqlite"


def test_inputs_hold_every_value_and_the_defaults_filled_in():
    inputs = fleet(spire_version="v1.8.2").inputs()
    assert inputs.entries_per_agent == 2.0
    assert inputs.jittered is False
    for name in set(inputs._fields) - {"datastore", "entries_per_agent", "jittered", "listed"}:
        assert getattr(inputs, name) == getattr(FLEET, name)


# Rates


def rate(deployment: Deployment, operation: str, **state: float) -> float:
    rates = deployment.rates(**state).set_index("operation")["rate_per_s"]
    return float(rates.get(operation, 0.0))


@pytest.mark.parametrize("response_s", [0.0, 0.86, 30.0])
def test_agents_sync_in_a_closed_loop(response_s):
    assert rate(FLEET, "sync", response_time_s=response_s) == pytest.approx(5000 / (5.0 + response_s), rel=1e-12)
    federated = fleet(federated_domains=3)
    assert rate(federated, "sync") == 0.0
    assert rate(federated, "sync_federated", response_time_s=response_s) == pytest.approx(5000 / (5.0 + response_s))


def test_connections_live_three_minutes_and_end_with_an_agents_renewal():
    assert rate(FLEET, "connect") == pytest.approx(5000 / 180.0 + rate(FLEET, "renew_agent"), rel=1e-12)


@pytest.mark.parametrize("response_s", [0.0, 2.0])
def test_renewals_follow_from_the_lifetimes(response_s):
    deployment = fleet(x509_ttl_s=7200, agent_ttl_s=1800)
    renewed = 5000 / spire.renewal_period(1800, 5.0 + response_s, True)
    assert rate(deployment, "renew_agent", response_time_s=response_s) == pytest.approx(renewed, rel=1e-12)
    rates = deployment.rates(response_time_s=response_s).set_index("operation")
    signed = rates.loc["sign_x509", "rate_per_s"] * rates.loc["sign_x509", "batch_size"]
    assert signed == pytest.approx(10_000 / spire.renewal_period(7200, 5.0 + response_s, True), rel=1e-12)


def test_an_agent_of_today_signs_at_most_a_thousand_ahead_and_one_of_old_every_entry():
    today = fleet(workloads=10_000_000, entries_per_agent=5000)
    rates = today.rates().set_index("operation").loc["sign_x509"]
    period_s = spire.renewal_period(3600, 5.0, True)
    assert rates["rate_per_s"] * rates["batch_size"] == pytest.approx(5000 * 1000 / period_s, rel=1e-9)
    assert rates["batch_size"] <= 500
    old = replace(today, sync_mode="crawl")
    rates = old.rates().set_index("operation").loc["sign_x509"]
    period_s = spire.renewal_period(3600, 5.0, False)
    assert rates["rate_per_s"] * rates["batch_size"] == pytest.approx(5000 * 5000 / period_s, rel=1e-9)
    assert rates["batch_size"] == pytest.approx(500)


def test_a_change_is_half_a_creation_and_half_a_deletion_and_a_creation_is_signed():
    changing = fleet(changes_per_s=8)
    assert rate(changing, "create_entry") == rate(changing, "delete_entry") == 4.0
    assert rate(changing, "sign_x509") == pytest.approx(rate(FLEET, "sign_x509") + 4.0)


def test_every_agent_that_holds_an_entry_signs_its_changes():
    shared = fleet(entries_per_agent=20, changes_per_s=8, updates_per_s=3)
    assert rate(shared, "update_entry") == 3.0
    held_by = 5000 * 20 / 10_000
    assert rate(shared, "sign_x509") == pytest.approx(rate(fleet(entries_per_agent=20), "sign_x509") + held_by * 7.0)


def test_a_token_asked_for_all_the_time_is_signed_once_a_renewal_period():
    busy = fleet(jwt_pairs_per_agent=2, jwt_requests_per_pair_s=1000.0)
    asked_rarely = fleet(jwt_pairs_per_agent=2, jwt_requests_per_pair_s=1e-5)
    period_s = spire.renewal_period(300, 0.001, True)
    assert rate(busy, "sign_jwt") == pytest.approx(5000 * 2 / period_s, rel=1e-3)
    assert rate(asked_rarely, "sign_jwt") == pytest.approx(5000 * 2 * 1e-5, rel=0.01)


def test_a_token_asked_for_less_often_than_agents_check_is_renewed_when_it_is_asked_for():
    often = fleet(jwt_pairs_per_agent=1, jwt_requests_per_pair_s=0.5)
    assert rate(often, "sign_jwt") == pytest.approx(5000 / (spire.renewal_period(300, 2.0, True) + 2.0))


def test_few_agents_may_ask_for_a_token_and_seldom():
    rare = fleet(jwt_pairs_per_agent=0.05, jwt_requests_per_pair_s=0.05)
    assert rate(rare, "sign_jwt") == pytest.approx(250 / (spire.renewal_period(300, 5.0, True) + 20.0))


@pytest.mark.parametrize("unused", [{"jwt_requests_per_pair_s": 0.5}, {"jwt_pairs_per_agent": 2}])
def test_tokens_that_nobody_asks_for_are_not_signed(unused):
    assert rate(fleet(jwt_per_s=12.5, **unused), "sign_jwt") == 12.5


def test_only_a_cache_of_subtrees_spares_a_crawl_what_another_agent_read_within_the_second():
    shared = fleet(agents=1000, workloads=60, entries_per_agent=6, sync_mode="crawl_cached")
    # Each entry has 100 holders; each syncs as often as every other agent of the server's.
    assert cached_share(shared.inputs(), 200.0) == spire.subtree_hits(99 * 200.0 / 1000)
    one = fleet(agents=1000, workloads=1, entries_per_agent=1, sync_mode="crawl_cached")
    assert cached_share(one.inputs(), 200.0) == spire.subtree_hits(999 * 200.0 / 1000)
    alone = fleet(sync_mode="crawl_cached")
    for other in (alone, replace(shared, sync_mode="crawl"), fleet(workloads=0, sync_mode="crawl_cached")):
        assert cached_share(other.inputs(), 200.0) == 0.0


def test_a_crawl_finds_what_the_agents_of_its_own_server_read():
    shared = fleet(agents=1000, workloads=60, entries_per_agent=6, sync_mode="crawl_cached").inputs()
    sync, *others = operation_rates(shared, 4.0, 5.0, 0.0)
    # 1000 agents come every 10 s, 25 a second to each server.
    assert sync.cached_share == pytest.approx(cached_share(shared, 25.0))
    assert {other.cached_share for other in others} == {0.0}


@pytest.mark.parametrize(("digits", "shown"), [(40, "1" + 39 * "0"), (41, "1" + 39 * "0" + "...")])
def test_a_message_shows_a_number_up_to_forty_signs(digits, shown):
    with pytest.raises(ValueError, match=f"^agents: got {re.escape(shown)}, expected"):
        Deployment(agents=10 ** (digits - 1), workloads=1)


def test_an_uneven_spread_keeps_the_agents_and_their_entries():
    uneven = classes_of(fleet(entries_per_agent=20, zipf_exponent=1.0).inputs())
    assert len(uneven) > 1
    assert sum(part.share for part in uneven) == pytest.approx(1.0)
    assert sum(part.share * part.entries for part in uneven) == pytest.approx(20.0)
    assert max(part.entries for part in uneven) > 20.0


@pytest.mark.parametrize("mode", spire.SYNC_MODES)
def test_only_svids_of_workloads_are_signed_several_in_a_call(mode):
    table = fleet(
        sync_mode=mode, entries_per_agent=20, changes_per_s=6, updates_per_s=2, jwt_per_s=7,
        federated_domains=3, federated_peers=4, downstream_servers=2,
    ).rates(servers=2)  # fmt: skip
    several = table.set_index("operation")["batch_size"]
    assert several.drop("sign_x509").tolist() == [1.0] * (len(table) - 1)
    assert several["sign_x509"] >= 1.0


def test_what_a_fleet_never_does_is_not_listed():
    idle = {"update_entry", "poll_events", "poll_peer", "list_peers", "sign_ca", "get_bundle"}
    assert not idle & set(FLEET.rates()["operation"])
    assert "sign_x509" not in set(fleet(workloads=0).rates()["operation"])


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("updates_per_s", {"update_entry"}),
        ("downstream_servers", {"get_bundle", "sign_ca"}),
        ("federated_peers", {"poll_peer", "list_peers"}),
        ("federated_domains", {"sync_federated"}),
    ],
)
def test_what_a_fleet_does_seldom_is_listed(name, operations):
    more = set(fleet(**{name: 0.5}).rates()["operation"]) - set(FLEET.rates()["operation"])
    assert more == operations


def test_an_agent_that_attests_anew_does_not_renew():
    fleets = [fleet(reattests=reattests) for reattests in (False, True)]
    renewed, attested = ([rate(one, name) for one in fleets] for name in ("renew_agent", "reattest"))
    assert renewed == attested[::-1] == [renewed[0], 0.0]
    assert renewed[0] > 0.0


def test_the_entry_of_one_agent_is_signed_once_when_it_changes():
    alone = Deployment(agents=1, workloads=1, changes_per_s=6, updates_per_s=2)
    assert rate(alone, "sign_x509") - rate(replace(alone, changes_per_s=0, updates_per_s=0), "sign_x509") == (
        pytest.approx(3 + 2)
    )


def test_entries_known_one_by_one_go_before_a_law():
    alike = Deployment(agents=3, workloads=6, entries_by_agent=[2, 2, 2], zipf_exponent=1.0)
    assert [part.entries for part in classes_of(alike.inputs())] == [2.0]


def test_a_server_signs_a_downstream_servers_ca_twice_in_its_life_and_sends_the_bundle_every_five_seconds():
    above = fleet(downstream_servers=40)
    assert rate(above, "get_bundle") == 8.0
    assert rate(above, "sign_ca") == pytest.approx(40 / 43_200)


def test_each_server_polls_each_peer():
    federated = fleet(federated_peers=5)
    assert rate(federated, "poll_peer", servers=3) == pytest.approx(3 * 5 / 75)
    assert rate(federated, "list_peers", servers=3) == pytest.approx(0.3)


# How entries spread


@pytest.mark.parametrize("exponent", [0.3, 1.0, 1.5])
def test_a_heavy_tail_keeps_agents_and_entries(exponent):
    classes = fleet(workloads=100_000, zipf_exponent=exponent).entry_classes
    assert sum(part.share for part in classes) == pytest.approx(1.0)
    assert sum(part.share * part.entries for part in classes) == pytest.approx(20.0)
    sizes = [part.entries for part in classes]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5])
def test_the_largest_agent_of_a_heavy_tail_is_that_of_the_exact_sum(exponent):
    exact = 100_000 / sum(rank**-exponent for rank in range(1, 5001))
    largest = fleet(workloads=100_000, zipf_exponent=exponent).entry_classes[0]
    assert largest.share == pytest.approx(1 / 5000)
    assert largest.entries == pytest.approx(exact, rel=0.03)


def test_entries_known_one_by_one_are_grouped_without_loss():
    entries = np.random.default_rng(1).zipf(2.0, 300).clip(max=1000)
    deployment = Deployment(agents=300, workloads=100_000, entries_by_agent=entries)
    classes = deployment.entry_classes
    assert len(classes) <= 24
    assert sum(part.share for part in classes) == pytest.approx(1.0)
    assert sum(part.share * part.entries for part in classes) == pytest.approx(entries.mean())
    assert deployment.entries_of_agent == pytest.approx(entries.mean())
    assert classes[0].entries == entries.max()
    assert hash(deployment) == hash(replace(deployment))


def test_agents_with_more_than_a_thousand_entries_sign_a_thousand():
    even = Deployment(agents=2, workloads=4000, entries_by_agent=[1000, 1000])
    skewed = Deployment(agents=2, workloads=4000, entries_by_agent=[1900, 100])
    signed = [
        float((table := item.rates().set_index("operation").loc["sign_x509"])["rate_per_s"] * table["batch_size"])
        for item in (even, skewed)
    ]
    assert signed[1] / signed[0] == pytest.approx(1100 / 2000)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1.0], "got 1 numbers, expected one for each of the agents (2)"),
        ([1.0, -1.0], "got -1.0, expected at least 0 and at most workloads (10)"),
        ([1.0, 11], "got 11, expected at least 0 and at most workloads (10)"),
        ([math.nan, 1], "got nan, expected at least 0 and at most workloads (10)"),
        (
            [1, 10**400],
            "got 1000000000000000000000000000000000000000..., expected at least 0 and at most workloads (10)",
        ),
        ([1.0, "x"], "got 'x', expected a number"),
        ("12", "got '12', expected a number for each agent"),
        (b"12", "got b'12', expected a number for each agent"),
        (5, "got 5, expected a number for each agent"),
        ({1: 3.0, 2: 4.0}, "got {1: 3.0, 2: 4.0}, expected a number for each agent"),
    ],
    ids=str,
)
def test_entries_that_no_agents_can_have_are_refused(value, message):
    with pytest.raises(ValueError) as caught:
        Deployment(agents=2, workloads=10, entries_by_agent=value)
    assert str(caught.value) == f"entries_by_agent: {message}"


def test_a_long_list_of_entries_is_kept_as_plain_numbers_and_not_printed():
    deployment = Deployment(agents=300, workloads=300, entries_by_agent=np.full(300, 200, np.uint8))
    assert deployment.entries_of_agent == 200.0
    assert deployment.entries_by_agent == (200.0,) * 300
    assert all(type(value) is float for value in deployment.entries_by_agent)
    assert len(repr(deployment)) < 1000


# How often


def test_tokens_are_signed_as_often_as_told():
    assert rate(fleet(jwt_per_s=12.5), "sign_jwt") == 12.5
    assert rate(FLEET, "sign_jwt") == 0.0


@pytest.mark.parametrize("mode", CHOICES["sync_mode"])
def test_each_server_reloads_after_a_pause_or_polls(mode):
    deployment = fleet(sync_mode=mode, reload_interval_s=4.0)
    reloads = rate(deployment, "reload", servers=3, reload_duration_s=2.0)
    polls = rate(deployment, "poll_events", servers=3, reload_duration_s=2.0)
    assert reloads == (3 / (4.0 + 2.0) if mode == "full_cache" else 0.0)
    assert polls == (3 / 4.0 if mode == "events_cache" else 0.0)


def test_signing_in_a_crawl_crawls_again():
    old = fleet(sync_mode="crawl")
    assert rate(old, "sync") == pytest.approx(1000.0 + rate(old, "sign_x509"), rel=1e-12)


@pytest.mark.parametrize("mode", CHOICES["sync_mode"])
@pytest.mark.parametrize("domains", [0, 3])
def test_the_printed_formula_gives_the_printed_rate(mode, domains):
    """The formula of each row, read as arithmetic, is the rate beside it."""
    deployment = fleet(
        sync_mode=mode, federated_domains=domains, changes_per_s=6, jwt_per_s=7, x509_ttl_s=1800, workloads=50_000,
        updates_per_s=2, entries_per_agent=20, jwt_pairs_per_agent=3, jwt_requests_per_pair_s=0.01,
        downstream_servers=9, federated_peers=4, reattests=domains > 0,
    )  # fmt: skip
    response_s, reload_s, servers = 0.5, 1.5, 3
    table = deployment.rates(servers=servers, response_time_s=response_s, reload_duration_s=reload_s)
    check_s = deployment.sync_interval_s + response_s
    rates = table.set_index("operation")["rate_per_s"]

    def period(ttl_s: float) -> float:
        return spire.renewal_period(ttl_s, check_s, deployment.jittered_renewal)

    values = {
        "N": deployment.agents, "Z": deployment.sync_interval_s, "R": response_s, "S": servers, "B": reload_s,
        "P": period, "calls": spire.signing_calls(20, 1800, check_s, deployment.jittered_renewal),
        "changes": 6, "given": 7, "agent_ttl": 3600, "x509_ttl": 1800, "reload_interval": deployment.reload_interval_s,
        "sign_x509": rates["sign_x509"], "K": 2, "updates": 2, "pairs": 3, "requests": 0.01,
        "downstream": 9, "peers": 4, "jwt_ttl": 300, "ca_ttl": deployment.ca_ttl_s,
    }  # fmt: skip
    words = {
        "downstream servers": "downstream", "JWT TTL": "jwt_ttl", "CA TTL": "ca_ttl", "as given": "given", " x ": " * ",
        "agent TTL": "agent_ttl", "X.509 TTL": "x509_ttl", "reload interval": "reload_interval",
    }  # fmt: skip
    for _, row in table.iterrows():
        formula = re.sub(r"(\d+) s\b", r"\1", row["formula"])
        for word, sign in words.items():
            formula = formula.replace(word, sign)
        assert row["rate_per_s"] == pytest.approx(eval(formula, {"__builtins__": {}}, values), rel=1e-12), row[
            "formula"
        ]
    assert set(table["operation"]) <= set(FORMULAS)
    assert table["source"].notna().all()
    assert table["source"].str.contains("v").all()


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    agents=st.integers(1, 100_000),
    entries=st.floats(0.0, 50.0),
    mode=st.sampled_from(CHOICES["sync_mode"]),
    ttl_s=st.floats(120.0, 1e6),
    interval_s=st.floats(0.5, 60.0),
    response_s=st.floats(0.0, 30.0),
    times=st.integers(2, 50),
)
def test_what_agents_do_is_proportional_to_their_number(agents, entries, mode, ttl_s, interval_s, response_s, times):
    assume(ttl_s > 4 * (interval_s + response_s))
    one = Deployment(
        agents=agents, workloads=100_000_000, entries_per_agent=entries, sync_mode=mode, x509_ttl_s=ttl_s,
        sync_interval_s=interval_s,
    )  # fmt: skip
    few, many = (
        deployment.rates(response_time_s=response_s).set_index("operation")["rate_per_s"]
        for deployment in (one, replace(one, agents=agents * times))
    )
    assert list(few.index) == list(many.index)
    assert (few >= 0.0).all()
    for operation in few.index.difference(["reload", "poll_events", "sign_jwt", "create_entry", "delete_entry"]):
        assert many[operation] == pytest.approx(times * few[operation], rel=1e-9)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"servers": 0}, "servers: got 0, expected at least 1"),
        ({"servers": math.nan}, "servers: got nan, expected at least 1"),
        ({"response_time_s": -5.0}, "response_time_s: got -5.0, expected a finite number of at least 0 seconds"),
        ({"response_time_s": math.inf}, "response_time_s: got inf, expected a finite number of at least 0 seconds"),
        ({"reload_duration_s": math.nan}, "reload_duration_s: got nan, expected a finite number of at least 0 seconds"),
    ],
)
def test_a_state_that_cannot_be_is_refused(state, message):
    with pytest.raises(ValueError) as caught:
        FLEET.rates(**state)
    assert str(caught.value) == message
