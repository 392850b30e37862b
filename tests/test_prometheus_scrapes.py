"""Text scrapes to rows: known work comes out, and scrapes that cannot be trusted are refused with a reason."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from fitted import costs
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_pages import FULL, SCRAPES, T0, given_for, page, pair, syncs, times

import capmodel as cm
from capmodel.datasets import DataError, read_runs, write_csv
from capmodel.prometheus import Setup, import_scrapes, operations
from capmodel.prometheus.rows import safe_name
from capmodel.prometheus.scrapes import parse_time, read_scrape


@pytest.fixture
def scrape(tmp_path):
    """Return a function that imports pages written to files, a minute apart."""

    def run(*pages, seconds=60.0, **options):
        paths = []
        for number, text in enumerate(pages):
            paths.append(tmp_path / f"{number}.prom")
            paths[-1].write_text(text)
        at = options.pop("times", [T0 + seconds * number for number in range(len(pages))])
        return import_scrapes(paths, at, options.pop("setup", FULL), **options)

    return run


def window(before=None, after=None, **options):
    """Return two pages: 100 and 1100 syncs, with what else is given."""
    return (
        page(syncs(100) | (before or {}), at=0.0, **options),
        page(syncs(1100) | (after or {}), **options),
    )


# Known work.


@pytest.mark.parametrize("row", SCRAPES, ids=lambda row: row["name"])
def test_known_work_comes_out_within_five_percent(row):
    made = import_scrapes(pair(row["name"]), times(row), given_for(row))
    cells = made.frame.iloc[0]
    assert made.kind == "sync_runs"
    assert made.to_fill == []
    assert cells["operation"] == "sync"
    assert cells["operations"] / cells["window_s"] == pytest.approx(row["sync_per_s"], rel=0.05)
    cores = cells["server_cpu_s_per_op"] * cells["operations"] / cells["window_s"]
    assert cores == pytest.approx(row["server_cpu_cores"], rel=0.05)
    assert cells["window_s"] == pytest.approx(row["seconds"], abs=0.002)


@pytest.mark.parametrize("row", SCRAPES, ids=lambda row: row["name"])
def test_mode_and_version_and_entries_are_told_by_the_metrics_where_they_can_be(row):
    cells = import_scrapes(pair(row["name"]), times(row)).frame.iloc[0]
    assert cells["sync_mode"] == ("crawl" if row["name"].startswith("crawl") else "full_cache")
    # An old server drops the series with its version after a minute: one of the two has it no more.
    assert (
        pd.isna(cells["spire_version"])
        if row["name"] == "crawl_mariadb_e1"
        else cells["spire_version"] == row["spire_version"]
    )
    if row["name"].startswith("crawl"):
        assert cells["entries_per_agent"] == row["entries_per_agent"]
        assert cells["node_selectors_per_agent"] == 0
    else:
        assert cells["cores"] == 2


def test_what_neither_metrics_nor_options_tell_stays_empty_with_a_reason():
    row = SCRAPES[2]
    made = import_scrapes(pair(row["name"]), times(row))
    cells = made.frame.iloc[0]
    empty = set(cells.index[cells.isna()])
    assert {"datastore", "agents", "entries", "concurrency", "datastore_cpu_s_per_op", "latency_p95_s"} <= empty
    noted = made.notes[made.notes["empty"]]
    assert set(noted["column"]) == empty
    assert (noted["reason"].str.len() > 10).all()
    assert {"datastore", "agents", "think_time_s"} <= set(made.to_fill) < empty


@pytest.mark.parametrize("row", SCRAPES, ids=lambda row: row["name"])
def test_rows_pass_the_loaders_and_are_scored(row, tmp_path):
    write_csv(import_scrapes(pair(row["name"]), times(row), given_for(row)).frame, tmp_path / "mine.csv")
    read = read_runs(tmp_path / "mine.csv")
    assert read.kind == "sync_runs"
    result = cm.check(read.frame, costs())
    assert len(result.predictions) == 1
    assert set(result.unscored["reason"]) == {"not measured"}
    assert len(cm.load_sync_runs([tmp_path / "mine.csv"])) == len(cm.load_sync_runs(())) + 1


def test_several_scrapes_make_windows_that_add_up(scrape):
    pages = [page(syncs(count), at=at) for count, at in ((100, 0.0), (400, 20.0), (1100, 60.0))]
    both = scrape(*pages, seconds=30.0).frame
    whole = scrape(pages[0], pages[2]).frame.iloc[0]
    assert both["operations"].tolist() == [300, 700]
    assert whole["operations"] == 1000
    cpu_s = both["server_cpu_s_per_op"] * both["operations"]
    assert cpu_s.tolist() == pytest.approx([10.0, 20.0])
    assert whole["server_cpu_s_per_op"] == pytest.approx(0.03)
    assert both["run_id"].is_unique


@settings(max_examples=40)
@given(parts=st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
def test_counts_add_up_over_labels_and_windows(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("labels")
    name = "spire_server_rpc_entry_v1_entry_sync_authorized_entries"
    paths = []
    for number, counts in enumerate(([0] * len(parts), parts)):
        extra = f"# TYPE {name} counter\n" + "".join(
            f'{name}{{host="a",status="OK",part="{k}"}} {count}\n' for k, count in enumerate(counts)
        )
        paths.append(folder / f"{number}.prom")
        paths[-1].write_text(page({"rpc_bundle_v1_bundle_get_bundle": 0}, at=60.0 * number, extra=extra))
    if sum(parts) == 0:
        with pytest.raises(ValueError, match="no call of an agent"):
            import_scrapes(paths, [T0, T0 + 60.0], FULL, shape="sync")
        return
    assert import_scrapes(paths, [T0, T0 + 60.0], FULL).frame["operations"].item() == sum(parts)


# What a window holds.


def test_milliseconds_of_summaries_become_seconds(scrape):
    made = scrape(page(syncs(100, 3.0), at=0.0), page(syncs(1100, 3.0)))
    assert made.frame["latency_mean_s"].item() == pytest.approx(0.006)


def test_counters_whose_names_end_in_count_are_not_parts_of_summaries(scrape):
    name = "datastore_node_count"
    made = scrape(*window({name: 50}, {name: 70}))
    assert made.frame["operations"].item() == 1000
    assert made.frame["latency_mean_s"].item() == pytest.approx(0.004)


def test_hidden_labels_do_not_matter(scrape):
    made = scrape(
        *(text.replace(',status="OK"', "").replace('host="a",', "").replace('{host="a"}', "") for text in window())
    )
    assert made.frame["operations"].item() == 1000
    assert made.frame["run_id"].item().startswith("server-")


def test_a_page_without_types_reads_the_same(scrape):
    bare = ["\n".join(line for line in text.splitlines() if "# " not in line) + "\n" for text in window()]
    pd.testing.assert_frame_equal(scrape(*bare).frame, scrape(*window()).frame)


def test_hidden_rpc_metrics_are_named(scrape):
    bare = [
        "\n".join(line for line in text.splitlines() if "_rpc_" not in line and "reload" not in line) + "\n"
        for text in window()
    ]
    with pytest.raises(ValueError, match="telemetry that blocks"):
        scrape(*bare, shape="sync")


def test_another_prefix_can_be_given(scrape):
    pages = [text.replace("spire_server_", "prod_spire_") for text in window()]
    with pytest.raises(ValueError, match="MetricPrefix"):
        scrape(*pages)
    assert scrape(*pages, prefix="prod_spire").frame["operations"].item() == 1000


@pytest.mark.parametrize("prefix", ["", "spire-server", "spire_server{", ".*"])
def test_a_prefix_that_no_metric_can_have_is_refused(scrape, prefix):
    with pytest.raises(ValueError, match=r"^prefix: got .*, expected what names of metrics begin with"):
        scrape(*window(), prefix=prefix)


def test_rows_of_an_unknown_kind_are_refused(scrape):
    with pytest.raises(ValueError, match=r"^shape: got 'table', expected one of auto, sync, fleet$"):
        scrape(*window(), shape="table")


def test_a_build_of_its_own_can_be_named(scrape):
    crawl = "node_api_x509_svid_fetch"
    setup = Setup(**{**vars(FULL), "spire_version": "v0.10.2-dev.1"})
    pages = page({crawl: 100}, at=0.0, version=None), page({crawl: 1100}, version=None)
    cells = scrape(*pages, setup=setup).frame.iloc[0]
    assert (cells["spire_version"], cells["sync_mode"]) == ("v0.10.2-dev.1", "crawl_cached")


def test_agents_metrics_are_not_taken_for_the_servers(scrape):
    with pytest.raises(ValueError, match="not an agent's"):
        scrape(*(text.replace("spire_server_", "spire_agent_") for text in window()))


@pytest.mark.parametrize(
    ("counters", "version", "mode"),
    [
        (("entry_cache_reload", "rpc_entry_v1_entry_get_authorized_entries"), "0_12_3", "full_cache"),
        (("datastore_registration_entry_event_list", "rpc_bundle_v1_bundle_get_bundle"), "1_15_3", "events_cache"),
        (("node_api_x509_svid_fetch",), "0_9_3", "crawl"),
        (("node_api_x509_svid_fetch",), "0_10_0", "crawl_cached"),
        (("node_api_x509_svid_fetch",), None, "crawl"),
        (("node_api_x509_svid_fetch", "node_api_authorize_call"), None, "crawl_cached"),
    ],
)
def test_the_mode_is_told_by_what_is_counted(scrape, counters, version, mode):
    made = scrape(
        page(dict.fromkeys(counters, 100), at=0.0, version=version),
        page({name: 100 if "cache" in name or "event" in name else 1100 for name in counters}, version=version),
    )
    assert made.frame["sync_mode"].item() == mode


@pytest.mark.parametrize(
    ("label", "version"), [("1_15_3", "v1.15.3"), ("1_15_3_dev_unk", "v1.15.3"), ("1.8.7", "v1.8.7"), ("unknown", None)]
)
def test_the_version_is_read_from_its_label(scrape, label, version):
    read = scrape(*window(version=label)).frame["spire_version"].item()
    assert pd.isna(read) if version is None else read == version


def test_gauges_of_the_events_cache_tell_agents_and_entries(scrape):
    gauges = (
        "# TYPE spire_server_node_agents_by_id_cache_count gauge\n"
        'spire_server_node_agents_by_id_cache_count{host="a"} 70\n'
        "# TYPE spire_server_entry_entries_by_entryid_cache_count gauge\n"
        'spire_server_entry_entries_by_entryid_cache_count{host="a"} 900\n'
    )
    cells = scrape(*window(extra=gauges), setup=Setup()).frame.iloc[0]
    assert (cells["agents"], cells["entries"]) == (70, 900)


def test_agents_with_their_interval_are_the_callers(scrape):
    cells = scrape(*window()).frame.iloc[0]
    assert (cells["concurrency"], cells["think_time_s"], cells["think_distribution"]) == (83, 5.0, "uniform")


def test_bundles_of_other_trust_domains_make_it_a_federated_sync(scrape):
    name = "rpc_bundle_v1_bundle_get_federated_bundle"
    cells = scrape(*window({name: 300}, {name: 3300})).frame.iloc[0]
    assert (cells["operation"], cells["federated_domains"]) == ("sync_federated", 3)
    with pytest.raises(ValueError, match=r"0\.40 federated bundles"):
        scrape(*window({name: 300}, {name: 700}), shape="sync", costs=costs)


def test_a_window_of_signatures_is_one_of_them(scrape):
    calls = {"rpc_svid_v1_svid_batch_new_x509svid": (10, 50.0), "server_ca_sign_x509_svid": 200}
    later = {"rpc_svid_v1_svid_batch_new_x509svid": (110, 950.0), "server_ca_sign_x509_svid": 2200}
    idle = {"entry_cache_reload": 10}
    cells = scrape(page(calls | idle, at=0.0), page(later | idle)).frame.iloc[0]
    assert (cells["operation"], cells["batch_size"], cells["operations"]) == ("sign_x509", 20, 100)
    assert cells["latency_mean_s"] == pytest.approx(0.009)


def test_created_entries_are_counted_by_the_datastore(scrape):
    """A call carries several entries."""
    name, created = "rpc_entry_v1_entry_batch_create_entry", "datastore_registration_entry_create"
    idle = {"entry_cache_reload": 10}
    setup = Setup(**{**vars(FULL), "sync_interval_s": None})
    pages = page({name: 0, created: 0} | idle, at=0.0), page({name: 10, created: 250} | idle)
    cells = scrape(*pages, setup=setup).frame.iloc[0]
    assert (cells["operation"], cells["operations"], cells["batch_size"]) == ("create_entry", 10, 25)


def test_a_window_of_lists_makes_no_row_of_an_operation(scrape):
    name = "rpc_entry_v1_entry_list_entries"
    idle = {"entry_cache_reload": 10}
    with pytest.raises(ValueError, match="the window is one of lists, and the metrics do not tell how many pages"):
        scrape(page({name: 0} | idle, at=0.0), page({name: 10} | idle), shape="sync")


def test_work_that_no_measured_run_holds_has_no_share(scrape):
    setup = Setup(**{**vars(FULL), "sync_mode": "full_cache"})
    few = cm.load_sync_runs(paths=()).query("operation == 'sync' and sync_mode == 'full_cache'")
    name = "rpc_svid_v1_svid_new_jwtsvid"
    with pytest.raises(ValueError, match=r"the window holds .*; no measured run has the price of sign_jwt$"):
        scrape(*window({name: 0}, {name: 500}), setup=setup, shape="sync", costs=cm.OperationCosts(few).fit)


# Mixed windows: the CPU of a process is not parted by operation.


def test_a_reload_that_matters_makes_a_row_of_the_whole_fleet(scrape, tmp_path):
    setup = Setup(**{**vars(FULL), "entries": 20_000, "agents": 200})
    pages = window(after={"entry_cache_reload": (22, 20_000.0)})
    with pytest.raises(ValueError, match=r"beside sync, other operations took more than 2 %.*reload"):
        scrape(*pages, shape="sync", setup=setup, costs=costs)
    made = scrape(*pages, setup=setup, costs=costs)
    assert made.kind == "shared_datastore_runs"
    cells = made.frame.iloc[0]
    assert cells["sync_per_s"] == pytest.approx(1000 / 60)
    assert cells["server_cpu_cores"] == pytest.approx(0.5)
    # 12 reloads in 60 s, of (20 000 - 20) ms / 12 each, and a pause between them.
    assert cells["reload_interval_s"] == pytest.approx(60 / 12 - 19.98 / 12)
    assert made.refused.empty
    write_csv(made.frame, tmp_path / "fleet.csv")
    result = cm.check(read_runs(tmp_path / "fleet.csv").frame, costs())
    assert set(result.predictions["quantity"]) >= {"server_cpu_cores", "sync_per_s"}


def test_a_reload_that_does_not_matter_is_let_pass(scrape):
    setup = Setup(
        **{**vars(FULL), "entries": 10, "agents": 4, "entries_per_agent": 500, "concurrency": 8, "think_time_s": 0.0}
    )
    pages = page(syncs(100), at=0.0), page(syncs(60_100) | {"entry_cache_reload": 11})
    made = scrape(*pages, setup=setup, costs=costs)
    assert (made.kind, made.frame["operations"].item()) == ("sync_runs", 60_000)


@pytest.mark.parametrize("bundles", [998, 1000, 1002, 1010])
def test_a_sync_cut_by_the_windows_edge_is_counted_by_its_entries(scrape, bundles):
    name = "rpc_bundle_v1_bundle_get_bundle"
    cells = scrape(*window({name: 100}, {name: 100 + bundles})).frame.iloc[0]
    assert (cells["operation"], cells["operations"]) == ("sync", 1000)


def test_bundles_that_no_sync_asked_for_are_work_of_their_own(scrape):
    name = "rpc_bundle_v1_bundle_get_bundle"
    with pytest.raises(ValueError, match=r"beside get_bundle, .*sync \d+ %"):
        scrape(*window({name: 100}, {name: 4100}), shape="sync", costs=costs)


def test_a_reload_of_more_entries_takes_a_larger_share_and_a_list_of_them_a_page():
    done = operations.Activity({"sync": operations.Amount(1000.0), "reload": operations.Amount(12.0)}, 0.0, 0.0)
    lists = done._replace(amounts={"sync": operations.Amount(1000.0), "list_entries": operations.Amount(12.0)})

    def share(done, entries):
        known = {**vars(FULL), "sync_mode": "full_cache", "entries": entries}
        found = operations.shares(done, known, costs, 60.0)
        assert sum(found.values()) == pytest.approx(1.0)
        return next(part for name, part in found.items() if name != "sync")

    few, more, many = (share(done, entries) for entries in (0, 1000, 100_000))
    # The price of a reload is linear in entries: so are the odds of its share.
    odds = [part / (1 - part) for part in (few, more, many)]
    assert (odds[2] - odds[0]) / (odds[1] - odds[0]) == pytest.approx(100.0)
    assert share(lists, 100) < share(lists, 500) == share(lists, 100_000)


def test_shares_that_cannot_be_told_are_not_guessed(scrape):
    pages = window(after={"entry_cache_reload": 22})
    with pytest.raises(ValueError, match=r"without datastore and entries_per_agent and agents and entries"):
        scrape(*pages, shape="sync", setup=Setup(), costs=costs)
    with pytest.raises(ValueError, match="without fitted costs"):
        scrape(*pages, shape="sync")
    made = scrape(*pages, setup=Setup())
    assert (made.kind, made.frame["agents"].isna().all()) == ("shared_datastore_runs", True)


@pytest.mark.parametrize("status", ["Internal", "PermissionDenied"])
def test_failed_calls_are_not_syncs(scrape, status):
    name = "spire_server_rpc_entry_v1_entry_sync_authorized_entries"

    def pages(failed):
        counts = zip(window(), (0, failed), strict=True)
        return [
            f'{text}# TYPE {name} counter\n{name}{{host="a",status="{status}"}} {count}\n' for text, count in counts
        ]

    assert scrape(*pages(5)).frame["operations"].item() == 1000
    with pytest.raises(ValueError, match="400 calls failed"):
        scrape(*pages(400), shape="sync")


def test_calls_without_a_price_are_let_pass_only_if_few(scrape):
    name = "rpc_logger_v1_logger_get_logger"
    assert scrape(*window({name: 1}, {name: 4})).frame["operations"].item() == 1000
    with pytest.raises(ValueError, match="500 were of a kind without a price"):
        scrape(*window({name: 1}, {name: 501}), shape="sync")


def test_an_idle_server_makes_a_row_without_load(scrape):
    cells = scrape(*(page({"entry_cache_reload": 10 + 12 * k}, at=60.0 * k) for k in (0, 1))).frame.iloc[0]
    assert (cells["load"], cells["sync_per_s"]) == ("none", 0.0)


# Counters that begin anew.


def test_a_restart_counts_from_the_start(scrape):
    started = T0 + 20.0
    made = scrape(
        page(syncs(5000), at=0.0, cpu_s=700.0),
        page(syncs(800) | {"entry_cache_reload": 0}, cpu_s=8.0, started=started),
    )
    cells = made.frame.iloc[0]
    assert (cells["operations"], cells["window_s"]) == (800, 40.0)
    assert cells["server_cpu_s_per_op"] == pytest.approx(0.01)
    assert made.notes.loc[made.notes["column"] == "row", "reason"].str.contains("restarted").any()


def test_a_restart_is_seen_without_a_fall(scrape):
    later = page(syncs(900) | {"entry_cache_reload": 0}, cpu_s=9.0, started=T0 + 10.0)
    made = scrape(page(syncs(100), at=0.0, cpu_s=5.0), later)
    assert made.frame["operations"].item() == 900
    assert made.frame["server_cpu_s_per_op"].item() == pytest.approx(0.01)


def uptime(milliseconds):
    return f"# TYPE spire_server_uptime_in_ms gauge\nspire_server_uptime_in_ms {milliseconds}\n"


def test_a_restart_is_told_by_the_uptime_where_nothing_tells_the_start(scrape):
    made = scrape(
        page(syncs(5000), at=0.0, cpu_s=700.0, started=None, extra=uptime(900_000)),
        page(syncs(800) | {"entry_cache_reload": 0}, cpu_s=8.0, started=None, extra=uptime(40_000)),
    )
    assert (made.frame["operations"].item(), made.frame["window_s"].item()) == (800, 60.0)
    remark = made.notes.loc[made.notes["column"] == "row", "reason"].item()
    assert remark.endswith("the time that it was down is in the window")


def test_an_uptime_that_fell_though_there_was_no_time_to_restart_is_the_wrong_order(scrape):
    pages = [page(syncs(count), started=None, extra=uptime(up)) for count, up in ((1100, 900_000), (100, 840_000))]
    with pytest.raises(ValueError, match=r"wrong order: the server had been up for 900000 ms, and later for 840000 ms"):
        scrape(*pages)


def test_series_of_old_releases_may_vanish_and_come_back(scrape):
    crawls = ("node_api_x509_svid_fetch", "datastore_node_selectors_fetch")
    old = {"version": None, "started": T0 - 1000.0}
    made = scrape(
        page(dict.fromkeys(crawls, 9000) | {"node_api_attest": 3}, at=0.0, **old),
        page({crawls[0]: 500, crawls[1]: 1500}, **old),
        setup=Setup(**{**vars(FULL), "spire_version": "v0.9.3", "entries_per_agent": None}),
    )
    cells = made.frame.iloc[0]
    assert (cells["operations"], cells["entries_per_agent"]) == (500, 2)
    assert made.notes.loc[made.notes["column"] == "row", "reason"].str.contains("lower bounds").any()


def test_a_counter_that_runs_backwards_is_refused(scrape):
    name = "datastore_node_fetch"
    with pytest.raises(ValueError, match=r"spire_server_datastore_node_fetch.*fell from 500 to 20 although"):
        scrape(*window({name: 500}, {name: 20}))


def test_a_counter_that_vanishes_while_its_process_runs_is_refused(scrape):
    """Half of a page that was cut and pasted: all else is there."""
    with pytest.raises(ValueError, match=r"datastore_node_fetch.*is in the earlier scrape and not in the later"):
        scrape(*window({"datastore_node_fetch": 500}, {}))


# Scrapes that do not fit together.


@pytest.mark.parametrize("row", SCRAPES, ids=lambda row: row["name"])
def test_the_wrong_order_is_refused(row):
    before, after = pair(row["name"])
    with pytest.raises(ValueError, match="wrong order"):
        import_scrapes([after, before], times(row), given_for(row))


def test_the_wrong_order_across_a_restart_is_refused(scrape):
    pages = page(syncs(5000), at=0.0), page(syncs(800), cpu_s=8.0, started=T0 + 20.0)
    with pytest.raises(ValueError, match="wrong order"):
        scrape(*pages[::-1])


def test_one_scrape_is_no_window(scrape):
    with pytest.raises(ValueError, match=r"^scrapes: got 1, expected at least two$"):
        scrape(window()[0])


def test_windows_that_begin_in_the_same_millisecond_would_have_one_name(scrape):
    pages = [page(syncs(100 * k), at=1e-4 * k, cpu_s=100.0 + 0.01 * k) for k in range(3)]
    with pytest.raises(ValueError, match=r"^run_id: got '.*' twice, expected an identifier for each row$"):
        scrape(*pages, seconds=1e-4, setup=Setup(**{**vars(FULL), "cores": None, "sync_interval_s": None}))


def test_a_server_without_memory_is_none(scrape):
    pages = [text.replace("memory_bytes 1.2e+08", "memory_bytes 0") for text in window()]
    with pytest.raises(ValueError, match=r"^server_memory_bytes: got 0\.0, expected a number \(bytes\), 1e\+06 to"):
        scrape(*pages)


def test_a_window_too_short_for_the_steps_of_its_counter_says_so(scrape):
    made = scrape(page(syncs(100), at=0.0, cpu_s=5.0), page(syncs(1100), cpu_s=5.2))
    assert made.notes.loc[made.notes["column"] == "row", "reason"].str.contains("rose by 0.20 s in steps of").any()


def test_two_servers_are_not_one(scrape):
    one, other = window()
    with pytest.raises(ValueError, match="those of one server"):
        scrape(one, other.replace('host="a"', 'host="b"'))


def test_the_same_scrape_twice_is_refused(scrape):
    with pytest.raises(ValueError, match="the same scrape twice"):
        scrape(window()[0], window()[0])


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ([T0 + 60.0, T0], "each later than the one before"),
        ([T0, T0], "each later than the one before"),
        ([T0], "got 1, expected one for each of the 2 scrapes"),
        ([T0 * 1000, (T0 + 60) * 1000], "milliseconds"),
        ([T0, "soon"], "unix seconds or ISO 8601"),
        ([T0, float("nan")], "unix seconds"),
        ([T0, T0 + 0.06], "takes 500 cores"),
    ],
)
def test_impossible_times_are_refused(scrape, at, message):
    with pytest.raises(ValueError, match=message):
        scrape(*window(), times=at)


@pytest.mark.parametrize("factor", [1e-3, 30.0, 1e3])
def test_times_that_the_servers_own_clock_contradicts_are_refused(factor):
    row = SCRAPES[3]
    start = row["before_unix_s"]
    with pytest.raises(ValueError, match=r"uptime rose by 0 s|takes \d+ cores"):
        import_scrapes(pair(row["name"]), [start, start + factor * row["seconds"]], given_for(row))


@pytest.mark.parametrize("ahead_s", [-3600.0, 3600.0])
def test_a_clock_that_is_off_is_said_and_only_the_difference_used(ahead_s):
    row = SCRAPES[2]
    right = import_scrapes(pair(row["name"]), times(row), given_for(row))
    made = import_scrapes(pair(row["name"]), [time_s + ahead_s for time_s in times(row)], given_for(row))
    said = made.notes.loc[made.notes["column"] == "row", "reason"].str.cat()
    assert ("behind" if ahead_s > 0 else "ahead") in said
    same = ["operations", "window_s", "server_cpu_s_per_op"]
    pd.testing.assert_frame_equal(made.frame[same], right.frame[same])


# Files that are no scrapes.


def cuts():
    text = pair("full_cache_postgresql_e100")[1].read_text()
    at = text.index("spire_server_rpc_bundle_v1_bundle_get_bundle{")
    line = text.index("\n", at)
    return {
        "in a name": text[: at + 20],
        "in a value": text[: line - 2],
        "in a label": text[: text.index("status", at) + 3],
        "at a line": text[: line + 1],
        "of processes": text[: text.index("# HELP process_resident")],
        "of nothing": "",
    }


@pytest.mark.parametrize("name", cuts())
@pytest.mark.parametrize("edge", [0, 1])
def test_a_scrape_that_is_cut_off_is_refused(tmp_path, name, edge):
    row = SCRAPES[2]
    paths = pair(row["name"])
    paths[edge] = tmp_path / "cut.prom"
    paths[edge].write_text(cuts()[name])
    with pytest.raises(
        ValueError, match=r"cut off|not an empty file|in the earlier scrape and not|begin with spire_server"
    ):
        import_scrapes(paths, times(row), given_for(row))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html><body>Log in</body></html>\n", "not a web page"),
        (b'{"status": "success"}\n', "not JSON"),
        (b"\x1f\x8b\x08\x00\xff\xff", "plain text"),
        (b"this is no metric\n", "text format"),
        (b"a 1\na 2\n", "each series once"),
        (b"up 1\n", "begin with spire_server_"),
        (b"# TYPE\n", "text format|begin with"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "page.prom"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        import_scrapes([path, path], [T0, T0 + 60.0], FULL)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.prom"):
        import_scrapes([tmp_path / "absent.prom"] * 2, [T0, T0 + 60.0])


def test_a_hundred_thousand_series_are_added_up(scrape):
    # Before v0.12 there is one series for each identity that was signed.
    name = "spire_server_server_ca_sign_x509_svid"
    count = 100_000
    many = f"# TYPE {name} counter\n" + "".join(
        f'{name}{{host="a",spiffe_id="spiffe://example.org/w{k}"}} 1\n' for k in range(count)
    )
    crawls = {"node_api_x509_svid_fetch": 100}, {"node_api_x509_svid_fetch": 1100}
    pages = page(crawls[0], at=0.0, version=None), page(crawls[1], version=None, extra=many)
    setup = Setup(**{**vars(FULL), "spire_version": "v0.9.3"})
    with pytest.raises(ValueError, match="sign_x509"):
        scrape(*pages, shape="sync", setup=setup, costs=costs)


# What others wrote into labels.


@pytest.mark.parametrize(
    "host", ["</script><script>alert(1)</script>", "=cmd|'/C calc'!A0", "+1", "@SUM(A1)", "-2", "\t=1", ""]
)
def test_labels_bring_no_formula_and_no_markup(scrape, tmp_path, host):
    escaped = host.replace("\t", "\\t")
    made = scrape(*(text.replace('host="a"', f'host="{escaped}"') for text in window(version="1_15_3</script>")))
    write_csv(made.frame, tmp_path / "mine.csv")
    written = (tmp_path / "mine.csv").read_text() + made.notes.to_csv() + made.refused.to_csv()
    assert "<" not in written
    assert ">" not in written
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in made.frame["run_id"])


@given(text=st.text(max_size=80))
def test_safe_names_are_safe(text):
    name = safe_name(text)
    assert name
    assert name[0].isascii()
    assert name[0].isalnum()
    assert not set(name) & set("<>&\"'=,;\n\r\t|`$(){} ")


# Options.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("agents", 0),
        ("agents", 2.5),
        ("datastore", "oracle"),
        ("think_time_s", -1.0),
        ("cores", True),
        ("spire_version", "new"),
    ],
)
def test_a_wrong_option_is_named(name, value):
    with pytest.raises(ValueError, match=rf"{name}: got .*, expected"):
        Setup(**{name: value})


def test_an_interval_in_milliseconds_is_refused(scrape):
    setup = Setup(**{**vars(FULL), "sync_interval_s": 5000.0})
    with pytest.raises(ValueError, match="milliseconds"):
        scrape(*window(), setup=setup)


def test_more_cpu_than_the_host_has_is_refused(scrape):
    with pytest.raises(ValueError, match="takes 10 cores"):
        scrape(page(syncs(100), at=0.0, cpu_s=1.0), page(syncs(1100), cpu_s=601.0))


@given(
    moment=st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)),
)
def test_times_are_read_alike_in_both_forms(moment):
    at = moment.replace(tzinfo=UTC)
    assert parse_time(at.isoformat()) == parse_time(repr(at.timestamp())) == at.timestamp()
    assert parse_time(moment.isoformat()) == at.timestamp()


def test_nan_and_infinity_are_read(tmp_path):
    path = tmp_path / "page.prom"
    path.write_text('a{q="0.5"} NaN\nb +Inf\n')
    samples = read_scrape(path)
    assert np.isnan(samples["a"][frozenset({("q", "0.5")})])
    assert samples["b"][frozenset()] == np.inf


# The command.


def test_the_command_writes_a_row_and_says_what_is_empty(ended, tmp_path):
    row, out = SCRAPES[2], tmp_path / "runs.csv"
    iso = [datetime.fromtimestamp(time_s, UTC).isoformat() for time_s in times(row)]
    status, printed, complaint = ended("import", *pair(row["name"]), "--times", *iso, "--out", out)
    assert status == 0, complaint
    assert "1 row of sync_runs.csv" in printed
    assert "fill in by option or by hand: datastore" in printed
    cells = pd.read_csv(out).iloc[0]
    assert cells["operations"] / cells["window_s"] == pytest.approx(row["sync_per_s"], rel=0.05)
    assert np.isnan(cells["agents"])


def test_a_failed_command_leaves_no_file_and_keeps_the_old_one(ended, tmp_path):
    row, out = SCRAPES[2], tmp_path / "runs.csv"
    before, after = pair(row["name"])
    status, _, complaint = ended("import", "--times", *times(row), "--out", out, after, before)
    assert (status, out.exists()) == (2, False)
    assert "wrong order" in complaint
    assert len(complaint.splitlines()) == 1
    out.write_text("mine\n")
    assert ended("import", before, "--times", *times(row), "--out", out)[0] == 2
    assert out.read_text() == "mine\n"
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]
