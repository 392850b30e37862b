"""What SPIRE's code fixes, against measured counts, public figures and simulations of its rules."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import capmodel as cm
from capmodel import schemas, spire

COUNTED = (
    "operation",
    "sync_mode",
    "batch_size",
    "federated_domains",
    "entries_per_agent",
    "selectors_per_entry",
    "node_selectors_per_agent",
)
#: A read of the trust bundle: BEGIN, SELECT, ROLLBACK. A server keeps the bundle for 1 s (spire.OPERATIONS).
BUNDLE_READ = 3.0
#: A server lists its federation relationships every 10 s, in a transaction of three statements
#: (v1.15.3 pkg/server/bundle/client/manager.go:29).
BACKGROUND_PER_S = 3.0 / 10.0
READS_THE_BUNDLE = ("sync", "sync_federated", "connect_and_sync", "get_bundle")


def statements(row: pd.Series) -> float:
    return spire.datastore_statements(**{name: row[name] for name in COUNTED})


def bundle_reads(rate_per_s: float) -> float:
    """Reads of the bundle a second by one server: a read, 1 s of rest, then the next sync reads again."""
    return rate_per_s / (1.0 + rate_per_s)


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    frame = cm.load_sync_runs(paths=())
    frame["statements"] = frame.apply(statements, axis=1)
    frame["counted"] = frame["datastore_queries_per_op"] * frame["operations"]
    return frame


def surplus(rows: pd.DataFrame, per_operation: pd.Series, counted: pd.Series, per_read: float) -> pd.Series:
    """Return how much a window counted beyond what its operations and the reads of the bundle explain.

    The load stops after whole seconds, the counters are read up to 5 % later: agents may go on meanwhile.
    """
    rate = rows["operations"] / rows["window_s"]
    reads = bundle_reads(rate).where(rows["operation"].isin(READS_THE_BUNDLE), 0.0) * rows["window_s"]
    least = per_operation * rows["operations"] + per_read * reads
    most = least + per_operation * rows["operations"] * (rows["window_s"] / np.floor(rows["window_s"]) - 1.0)
    return (counted - most).clip(lower=0.0) - (least - counted).clip(lower=0.0)


def allowance(rows: pd.DataFrame, per_operation: pd.Series, callers: pd.Series | int = 1) -> pd.Series:
    """1 %, an operation of each caller at the edges, and a transaction that the server makes for itself."""
    return 0.01 * per_operation * rows["operations"] + per_operation * callers + 2 * BUNDLE_READ


# Statements


def test_statements_are_those_that_postgresql_counted(runs):
    rows = runs[(runs["datastore"] == "postgresql") & runs["statements"].notna()]
    assert len(rows) >= 80
    excess = surplus(rows, rows["statements"], rows["counted"], BUNDLE_READ).abs()
    allowed = allowance(rows, rows["statements"], rows["concurrency"])
    assert rows["run_id"][excess > allowed].tolist() == []


def test_statements_of_one_caller_agree_within_one_operation_a_window(runs):
    rows = runs[(runs["datastore"] == "postgresql") & (runs["concurrency"] == 1)]
    assert len(rows) >= 15
    excess = surplus(rows, rows["statements"], rows["counted"], BUNDLE_READ).abs()
    assert rows["run_id"][excess > allowance(rows, rows["statements"])].tolist() == []


@pytest.mark.parametrize(
    "operation",
    ["sync", "sync_entries", "get_entries", "sync_federated", "connect_and_sync", "sign_x509", "create_join_token",
     "create_join_token_and_attest", "create_and_delete_entry", "update_entry"],
)  # fmt: skip
@pytest.mark.parametrize("wrong", [-1, 1])
def test_the_measured_counts_would_betray_one_statement_more_or_less(runs, operation, wrong):
    rows = runs[(runs["datastore"] == "postgresql") & (runs["operation"] == operation)]
    claimed = rows["statements"] + wrong * rows["batch_size"]
    excess = surplus(rows, claimed, rows["counted"], BUNDLE_READ).abs()
    assert (excess > allowance(rows, claimed, rows["concurrency"])).any()


def test_questions_of_mariadb_are_the_same_statements(runs):
    """MariaDB leaves prepares and closes out; a connection that is opened anew asks for its settings besides."""
    rows = runs[(runs["datastore"] == "mariadb") & runs["statements"].notna()]
    opens = rows["sync_mode"].isin(["crawl", "crawl_cached"]) & (
        rows["datastore_prepares_per_op"] > 1.02 * rows["datastore_transactions_per_op"]
    )
    excess = surplus(rows, rows["statements"], rows["counted"], BUNDLE_READ)
    allowed = allowance(rows, rows["statements"], rows["concurrency"])
    assert (~opens).sum() >= 60
    assert opens.sum() >= 20
    assert rows["run_id"][~opens & (excess.abs() > allowed)].tolist() == []
    assert (excess[opens] > -allowed[opens]).all()


def test_transactions_are_those_that_mariadb_counted(runs):
    """Read transactions as the work says, and one for each write."""
    writes = {
        "renew_agent": 1, "post_status": 1, "create_join_token": 1, "create_join_token_and_attest": 5,
        "create_entry": 1, "update_entry": 1, "create_and_delete_entry": 2,
    }  # fmt: skip
    rows = runs[(runs["datastore"] == "mariadb") & (runs["operation"] != "list_entries")]
    works = [spire_work(row) for _, row in rows.iterrows()]
    reads = pd.Series([work.get("transaction", work.get("crawl", 0.0)) for work in works], index=rows.index)
    transactions = reads + rows["operation"].map(writes).fillna(0.0) * rows["batch_size"]
    counted = rows["datastore_transactions_per_op"] * rows["operations"]
    excess = surplus(rows, transactions, counted, 1.0).abs()
    assert rows["run_id"][excess > allowance(rows, transactions, rows["concurrency"])].tolist() == []


def spire_work(row: pd.Series, **changes: object) -> dict[str, float]:
    names = ("agents", "entries", "selectors_per_entry", "ca_key_type", *COUNTED)
    values = {name: row[name] for name in names} | {"dns_names_per_entry": row.get("dns_names_per_entry", 0.0)}
    return spire.work(**(values | changes))


TYPICAL = pd.Series(
    {
        "operation": "sync", "sync_mode": "full_cache", "batch_size": 1, "federated_domains": 0,
        "entries_per_agent": 10,
        "agents": 1000, "entries": 10_000, "selectors_per_entry": 2, "node_selectors_per_agent": 0,
        "ca_key_type": "ec-p256",
    }
)  # fmt: skip


@pytest.mark.parametrize("sync_mode", spire.SYNC_MODES)
@pytest.mark.parametrize("operation", [operation.name for operation in spire.OPERATIONS])
@pytest.mark.parametrize("sizes", [(1, 0, 0, 0, 1), (7, 3, 12, 4, 5), (500, 20, 900, 0, 2)])
def test_statements_are_the_work_spelled_out(operation, sync_mode, sizes):
    """A transaction is BEGIN, a query and ROLLBACK; a visited id is two queries; the rest is counted one by one."""
    batch_size, federated_domains, entries, node_selectors, selectors = sizes
    row = TYPICAL.copy()
    row["operation"], row["sync_mode"], row["batch_size"] = operation, sync_mode, batch_size
    row["federated_domains"], row["entries_per_agent"] = federated_domains, entries
    row["node_selectors_per_agent"], row["selectors_per_entry"] = node_selectors, selectors
    counted = statements(row)
    if operation in ("list_entries", "reload", "poll_events"):
        assert math.isnan(counted)
        return
    if operation == "sync_federated" and sync_mode.startswith("crawl"):
        return  # a crawl answers with every bundle at once: there is no such operation
    weights = {
        "transaction": 3, "crawl": 3, "visit": 2, "selector_list": 1, "entry_list": 1,
        "write_statement": 1, "entry_write_statement": 1,
    }  # fmt: skip
    work = spire_work(row)
    assert counted == sum(weights.get(item, 0) * amount for item, amount in work.items())


@pytest.mark.parametrize("rows", [("postgresql", 3), ("mariadb", 3)], ids=lambda rows: rows[0])
def test_statements_of_reloads_and_polls(rows):
    """Since v1.9.0 a reload is its pages, an empty page and a list of selectors; a poll asks two tables of events."""
    datastore, allowed = rows
    runs = cm.load_reload_runs().query("datastore == @datastore and spire_version == 'v1.15.3'")
    reloads, polls = runs[runs["operation"] == "reload"], runs[runs["operation"] == "poll_events"]
    counted = (reloads["datastore_queries_per_op"] * reloads["operations"]).to_numpy()
    expected = np.array([spire.reload_statements(entries) for entries in reloads["entries"]]) * reloads["operations"]
    # What else the server asks follows from the polls: MariaDB's driver asks more than PostgreSQL's.
    polled = polls["datastore_queries_per_op"] * polls["operations"] - 2 * polls["operations"]
    background = (polled / polls["window_s"]).mean()
    if datastore == "postgresql":
        assert background == pytest.approx(BACKGROUND_PER_S, rel=0.01)
    excess = counted - expected.to_numpy() - background * reloads["window_s"].to_numpy()
    # One statement of background transactions, or a whole one at the edges: 3 statements, or 6 where it comes twice.
    assert np.abs(excess).max() <= 2 * allowed
    assert abs(excess.mean()) <= allowed
    # One page more or less a reload would be three statements a window.
    assert np.abs(excess).max() < reloads["operations"].max() * 3


@pytest.mark.parametrize(("entries", "pages"), [(0, 0), (1, 1), (9_999, 1), (10_000, 1), (10_001, 2), (120_000, 12)])
def test_pages_of_a_reload(entries, pages):
    assert spire.reload_statements(entries) == pages + 1 + 1


@pytest.mark.parametrize("datastore", ["postgresql", "mariadb"])
def test_statements_of_several_servers_on_one_datastore(datastore):
    """Each server reloads, reads its bundle and lists its federation relationships; a sync is three statements."""
    runs = cm.load_shared_datastore_runs().query("datastore == @datastore")
    reload = spire.reload_statements(12_000)
    for _, run in runs.iterrows():
        own = reload / (run["reload_interval_s"] + 0.1) + BACKGROUND_PER_S
        own += BUNDLE_READ * bundle_reads(run["sync_per_s"] / run["servers"])
        sync = statements(TYPICAL)
        expected = run["sync_per_s"] * sync + run["servers"] * own
        few = run["load"] == "none"
        # MariaDB's driver asks more in the background; where nothing else is asked that is a fifth.
        allowed = (0.03 if datastore == "postgresql" else 0.25) if few else 0.015
        assert run["datastore_queries_per_s"] == pytest.approx(expected, rel=allowed)


# The only public table of statements


@pytest.fixture(scope="module")
def issue_1351() -> pd.Series:
    return cm.load_issue_1351().set_index("statement")["count_in_window"].astype(float)


def test_a_crawl_asks_for_selectors_of_every_id_that_it_lists(issue_1351):
    """One list and one node-selector query a visited id (research on v0.9.2: equal within 0.04 %)."""
    assert issue_1351["list_registration_entries"] == pytest.approx(issue_1351["fetch_node_selectors"], rel=1e-3)


def test_v092_prepares_and_closes_every_statement_but_begin_and_rollback(issue_1351):
    queries = issue_1351[
        ["list_registration_entries", "fetch_node_selectors", "fetch_bundle", "fetch_attested_node"]
    ].sum()
    assert issue_1351["prepare"] == pytest.approx(queries, rel=1e-3)
    assert issue_1351["close_statement"] == pytest.approx(queries, rel=1e-3)
    transactions = issue_1351[["fetch_bundle", "fetch_attested_node"]].sum()
    assert issue_1351["total"] == pytest.approx(3 * queries + 2 * transactions, rel=1e-3)


def test_bundles_beyond_the_syncs_are_the_connections_that_age_out(issue_1351):
    """Each connection of 3500 agents lives 180 s, and its handshake reads the bundle."""
    window_s = issue_1351["total"] / 47_048
    handshakes_per_s = (issue_1351["fetch_bundle"] - issue_1351["fetch_attested_node"]) / window_s
    assert handshakes_per_s == pytest.approx(3500 / spire.CONNECTION_AGE_S, rel=0.02)
    fleet = cm.Deployment(agents=3500, workloads=31_000, datastore="mysql", sync_mode="crawl", spire_version="v0.9.2")
    rates = fleet.rates().set_index("operation")["rate_per_s"]
    assert handshakes_per_s == pytest.approx(rates["connect"] - rates["renew_agent"], rel=0.02)


def test_syncs_of_the_issue_are_a_closed_loop(issue_1351):
    """595 syncs a second of 3500 agents: they waited 0.84 to 0.89 s for an answer, an open loop would make 700."""
    window_s = issue_1351["total"] / 47_048
    sync_per_s = issue_1351["fetch_attested_node"] / window_s
    response_s = 3500 / sync_per_s - spire.SYNC_INTERVAL_S
    assert 0.8 < response_s < 0.95
    visits = issue_1351["list_registration_entries"] / issue_1351["fetch_attested_node"]
    entries = visits - 1
    work = spire.sync_work("crawl", entries, 0)
    assert work["visit"] * sync_per_s == pytest.approx(issue_1351["list_registration_entries"] / window_s)
    # 31 000 workloads on 3500 agents are 8.9 an agent; the table says 10.5 (the issue's figure is approximate).
    assert entries == pytest.approx(31_000 / 3500, rel=0.2)


# Work, as research on SPIRE's code lists it


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"rpc": 2, "transaction": 1, "entry_sent": 10}),
        ({"entries_per_agent": 0}, {"rpc": 2, "transaction": 1, "entry_sent": 0}),
        ({"entries_per_agent": 500}, {"rpc": 2, "transaction": 1, "entry_sent": 500}),
        ({"entries_per_agent": 501}, {"rpc": 2, "transaction": 1, "revision_sent": 501}),
        ({"sync_mode": "events_cache"}, {"rpc": 2, "transaction": 1, "entry_sent": 10}),
        ({"sync_mode": "crawl"}, {"crawl": 1, "visit": 11}),
        ({"sync_mode": "crawl_cached"}, {"crawl": 1, "visit": 11}),
        ({"sync_mode": "crawl", "entries_per_agent": 0}, {"crawl": 1, "visit": 1}),
        ({"sync_mode": "crawl", "node_selectors_per_agent": 4}, {"crawl": 1, "visit": 11, "selector_list": 1}),
        ({"operation": "sync_entries"}, {"rpc": 1, "transaction": 1, "entry_sent": 10}),
        ({"operation": "get_entries"}, {"rpc": 1, "transaction": 1, "entry_sent": 10}),
        ({"operation": "get_bundle"}, {"rpc": 1}),
        (
            {"operation": "sync_federated", "federated_domains": 5},
            {"rpc": 2 + 5, "transaction": 1 + 2 * 5, "entry_list": 5, "entry_sent": 10},
        ),
        ({"operation": "connect"}, {"handshake": 1}),
        ({"operation": "connect_and_sync"}, {"handshake": 1, "rpc": 2, "transaction": 1, "entry_sent": 10}),
        ({"operation": "sign_x509", "batch_size": 500}, {"rpc": 1, "transaction": 1, "x509_signature:ec-p256": 500}),
        (
            {"operation": "sign_jwt", "ca_key_type": "rsa-4096"},
            {"rpc": 1, "transaction": 1, "jwt_signature:rsa-4096": 1},
        ),
        (
            {"operation": "reload", "node_selectors_per_agent": 4},
            {
                "reload": 1,
                "entry_read": 10_000,
                "entry_detail_read": 20_000,
                "agent_read": 1000,
                "node_selector_read": 4000,
            },
        ),
        ({"operation": "poll_events"}, {"poll": 1}),
        ({"operation": "list_entries", "entries": 1001}, {"rpc": 3, "entry_listed": 1001}),
    ],
)
def test_work_of_an_operation(changes, expected):
    assert spire_work(TYPICAL, **changes) == expected


@pytest.mark.parametrize(
    ("selectors", "dns_names", "expected"), [(2, 0, 7 + 2 + 0 + 2), (1, 3, 7 + 1 + 3 + 2), (5, 0, 7 + 5 + 0 + 2)]
)
def test_a_created_entry_is_seven_statements_and_its_rows_in_a_transaction(selectors, dns_names, expected):
    """7 + selectors + DNS names, and BEGIN and COMMIT."""
    assert spire.created_statements(selectors, dns_names) == expected
    work = spire_work(TYPICAL, operation="create_entry", selectors_per_entry=selectors, dns_names_per_entry=dns_names)
    assert work["entry_write_statement"] == expected


def test_a_deleted_entry_is_nine_statements_in_a_transaction():
    assert spire_work(TYPICAL, operation="delete_entry")["entry_write_statement"] == 9 + 2


def test_an_operation_that_spire_does_not_know():
    with pytest.raises(ValueError, match=r"operation: got reboot, expected a name in spire\.OPERATIONS"):
        spire_work(TYPICAL, operation="reboot")


def test_every_measured_operation_has_work_and_a_source():
    known = {operation.name: operation for operation in spire.OPERATIONS}
    assert set(schemas.OPERATIONS) <= set(known)
    assert all(operation.source and operation.does for operation in known.values())
    assert spire.SYNC_MODES == schemas.SYNC_MODES
    assert (*spire.DATASTORES, "mysql") == schemas.DATASTORES


@pytest.mark.parametrize(
    ("sync_mode", "operation", "family"),
    [
        ("crawl", "sync", "crawl"),
        ("crawl_cached", "connect_and_sync", "crawl"),
        ("crawl", "sign_x509", "cache"),
        ("events_cache", "sync", "cache"),
        ("full_cache", "reload", "reload"),
        ("events_cache", "poll_events", "poll"),
    ],
)
def test_family(sync_mode, operation, family):
    assert spire.family(sync_mode, operation) == family


# Renewal


def simulated_renewals(
    ttl_s: float, check_s: float, svids: int, agents: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return when each SVID is renewed and how many checks of an agent renew something, by the rule of v1.8.3.

    All SVIDs of an agent are signed together. At each check, 0.9 to 1.1 intervals after the one before, an SVID is
    renewed if its remaining life is at most a half-life drawn anew within 10 %.
    """
    random = np.random.default_rng(seed)
    half_life = (ttl_s + 10.0) / 2.0
    checks = int(1.1 * ttl_s / check_s / 0.9)
    times = np.cumsum(random.uniform(0.9, 1.1, (agents, checks)) * check_s, axis=1)
    # Nothing can be due before 1.1 half-lives are left, and everything is due once 0.9 are.
    first = int(np.searchsorted(times.max(axis=0), ttl_s - 1.1 * half_life))
    last = int(np.searchsorted(times.min(axis=0), ttl_s - 0.9 * half_life)) + 1
    times = times[:, first:last]
    drawn = random.uniform(0.9, 1.1, (*times.shape, svids)) * half_life
    due = (ttl_s - times)[:, :, None] <= drawn
    assert due.any(axis=1).all()
    place = due.argmax(axis=1)
    renewed = np.take_along_axis(times, place, axis=1)
    calls = np.array([len(np.unique(row)) for row in place])
    return renewed, calls


@pytest.mark.parametrize("ttl_s", [300.0, 1800.0, 3600.0, 14_400.0])
@pytest.mark.parametrize("check_s", [5.0, 8.0])
def test_renewal_period_is_that_of_the_simulated_rule(ttl_s, check_s):
    renewed, _ = simulated_renewals(ttl_s, check_s, svids=1, agents=3000, seed=1)
    sampling = 4.0 * renewed.std() / math.sqrt(renewed.size)
    assert spire.renewal_period(ttl_s, check_s, True) == pytest.approx(renewed.mean(), abs=sampling + 0.005 * ttl_s)


def test_the_mean_of_the_one_hour_renewal_is_known_to_a_second():
    """1665.6 s with a standard deviation of 26.0 s."""
    renewed, _ = simulated_renewals(3600.0, 5.0, svids=1, agents=20_000, seed=2)
    assert renewed.mean() == pytest.approx(1665.6, abs=1.0)
    assert renewed.std() == pytest.approx(26.0, abs=0.7)
    assert spire.renewal_period(3600.0, 5.0, True) == pytest.approx(renewed.mean(), abs=1.0)


@pytest.mark.parametrize(("svids", "agents"), [(2, 2000), (10, 500), (60, 200), (500, 50)])
@pytest.mark.parametrize("ttl_s", [300.0, 3600.0])
def test_calls_that_renew_an_agents_svids(ttl_s, svids, agents):
    _, calls = simulated_renewals(ttl_s, 5.0, svids=svids, agents=agents, seed=3)
    sampling = 4.0 * calls.std() / math.sqrt(agents)
    assert spire.signing_calls(svids, ttl_s, 5.0, True) == pytest.approx(calls.mean(), abs=sampling, rel=0.03)


def test_before_v183_renewal_is_at_the_first_check_past_half_of_the_life():
    random = np.random.default_rng(4)
    phase = random.uniform(0.0, 5.0, 100_000)
    half = 3600.0 - (3600.0 + 10.0) / 2.0
    first = phase + np.ceil((half - phase) / 5.0) * 5.0
    assert spire.renewal_period(3600.0, 5.0, False) == pytest.approx(first.mean(), abs=0.05)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    ttl_s=st.floats(60.0, 1e7),
    check_s=st.floats(0.01, 1e5),
    jittered=st.booleans(),
    svids=st.floats(0.0, 1000.0),
    more=st.floats(0.0, 100.0),
)
def test_renewal_is_possible_and_grows_with_what_is_renewed(ttl_s, check_s, jittered, svids, more):
    period_s = spire.renewal_period(ttl_s, check_s, jittered)
    assert check_s <= period_s
    assert period_s <= max(0.55 * ttl_s + check_s, check_s)
    calls = spire.signing_calls(svids, ttl_s, check_s, jittered)
    assert min(svids, math.ceil(svids / 500)) <= calls <= svids * 1.005
    assert spire.signing_calls(svids + more, ttl_s, check_s, jittered) >= calls * (1.0 - 1e-9)


@pytest.mark.parametrize(
    ("version", "jittered"),
    [("v0.9.2", False), ("v1.8.2", False), ("v1.8.3", True), ("1.10.0", True), ("v2.0.0", True)],
)
def test_jitter_came_with_v183(version, jittered):
    assert spire.jittered_renewal(version) is jittered


@pytest.mark.parametrize("version", ["", "v1", "v1.2", "1.2.3.4", "v1.2.x", "latest", "v1.8.²", "v-1.2.3", None, 1.15])
def test_a_version_that_is_none_is_refused(version):
    with pytest.raises(ValueError, match=r"spire_version: got .*, expected a release such as 'v1\.15\.3'"):
        spire.version_tuple(version)


def test_every_sync_mode_stands_for_a_measured_version():
    measured = cm.load_sync_runs(paths=()).groupby("sync_mode", observed=True)["spire_version"].agg(set)
    for mode, version in spire.MODE_VERSIONS.items():
        assert version in measured[mode]


# Churn


@settings(derandomize=True, max_examples=200)
@given(in_flight=st.floats(0.0, 1e6), more=st.floats(0.0, 1e3), half=st.floats(0.1, 1e3))
def test_churn_grows_from_nothing_at_two_in_flight_towards_one(in_flight, more, half):
    weight = spire.churn(in_flight, half)
    assert 0.0 <= weight < 1.0
    assert (weight == 0.0) == (in_flight <= spire.IDLE_CONNECTIONS_BEFORE_V1_12)
    assert spire.churn(in_flight + more, half) >= weight


@given(half=st.floats(0.1, 1e3))
@settings(derandomize=True, max_examples=50)
def test_half_of_the_effect_is_reached_where_the_constant_says(half):
    """`half + 2` syncs beyond the two idle connections."""
    assert spire.churn(2.0 + half + 2.0, half) == pytest.approx(0.5)
