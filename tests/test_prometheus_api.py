"""Prometheus' HTTP API to rows: the same as from text; and however a server fails to answer, one sentence says so."""

import base64
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from contextlib import suppress
from email.utils import formatdate

import pandas as pd
import pytest
from fitted import costs
from prometheus_pages import FULL, SCRAPES, T0, Store, given_for, page, pair, serve, success, syncs, times

from capmodel.prometheus import Setup, import_api, import_scrapes
from capmodel.prometheus import api as api_module
from capmodel.prometheus.api import Api
from capmodel.prometheus.live import parse_duration

TARGET = {"instance": "10.0.0.1:9988", "job": "spire-server"}


def two_pages(target=None, **options):
    """Return a store with a target's pages a minute apart."""
    return (
        Store()
        .add(T0 - 7.0, target or TARGET, page(syncs(100), at=0.0, **options))
        .add(T0 + 53.0, target or TARGET, page(syncs(1100), **options))
    )


def ask(answer, *, start=T0, end=T0 + 60.0, setup=FULL, environment=None, **options):
    """Import from a server that answers so; return what was made, and how long it waited between attempts."""
    waited = []
    with serve(answer) as url:
        api = Api(url, environment=environment or {}, timeout_s=options.pop("timeout_s", 10.0), pause=waited.append)
        return import_api(api, start, end, setup, **options), waited


def in_turn(store, *answers):
    """Give these answers first, then those of the store."""
    left = list(answers)

    def answer(path, question, headers):
        return left.pop(0) if left else store(path, question, headers)

    return answer


# The same rows.


@pytest.mark.parametrize("row", SCRAPES, ids=lambda row: row["name"])
def test_the_api_gives_the_rows_of_the_text(row):
    before, after = (path.read_text() for path in pair(row["name"]))
    store = Store().add(times(row)[0], TARGET, before).add(times(row)[1], TARGET, after)
    text = import_scrapes(pair(row["name"]), times(row), given_for(row))
    # A scrape interval later than the scrapes: what counts is when they were made.
    made, _ = ask(store, start=times(row)[0] + 1.0, end=times(row)[1] + 1.5, setup=given_for(row))
    pd.testing.assert_frame_equal(made.frame.drop(columns="run_id"), text.frame.drop(columns="run_id"))
    assert made.frame["run_id"].item().startswith("10.0.0.1:9988-")


def test_windows_are_as_long_as_the_scrapes_lie_apart():
    store = Store()
    for number, at in enumerate((0.0, 29.0, 61.0, 90.0)):
        store.add(T0 + at, TARGET, page(syncs(100 + 500 * number), at=at))
    made, _ = ask(store, start=T0 + 1.0, end=T0 + 91.0, step="30s")
    assert made.frame["window_s"].tolist() == [29.0, 32.0, 29.0]
    assert made.frame["operations"].tolist() == [500, 500, 500]
    assert made.frame["run_id"].is_unique


def test_a_step_shorter_than_the_scrape_interval_says_so():
    made, _ = ask(two_pages(), step=20.0)
    assert len(made.frame) == 1
    assert made.refused["reason"].str.contains("step shorter than the scrape interval").all()


def test_a_restart_between_scrapes_is_seen():
    store = Store().add(T0 - 7.0, TARGET, page(syncs(100), at=0.0))
    store.add(T0 + 53.0, TARGET, page(syncs(900) | {"entry_cache_reload": 0}, cpu_s=9.0, started=T0 + 13.0))
    made, _ = ask(store)
    assert (made.frame["operations"].item(), made.frame["window_s"].item()) == (900, 40.0)


def test_counters_may_end_in_total():
    store = two_pages()
    store.points = [
        (
            at,
            {**labels, "__name__": labels["__name__"] + "_total"}
            if "rpc" in labels["__name__"][:20] and "elapsed" not in labels["__name__"]
            else labels,
            value,
        )
        for at, labels, value in store.points
    ]
    made, _ = ask(store)
    assert made.frame["operations"].item() == 1000


# Several servers.


def two_servers(other=None, **options):
    store = two_pages()
    store.points += two_pages(other or {**TARGET, "instance": "10.0.0.2:9988"}, started=T0 - 500.0, **options).points
    return store


def test_each_server_has_its_rows():
    made, _ = ask(two_servers())
    assert made.frame["operations"].tolist() == [1000, 1000]
    # 83 agents on two servers.
    assert made.frame["concurrency"].tolist() == [42, 42]
    assert made.frame["run_id"].is_unique


def test_a_fleet_is_the_sum_of_its_servers():
    made, _ = ask(two_servers(), shape="fleet", setup=Setup(**{**vars(FULL), "reload_interval_s": 5.0}))
    cells = made.frame.iloc[0]
    assert made.to_fill == []
    assert (cells["servers"], cells["servers_memory_bytes"]) == (2, 2.4e8)
    assert cells["sync_per_s"] == pytest.approx(2000 / 60)
    assert cells["server_cpu_cores"] == pytest.approx(1.0)


def test_servers_of_the_same_address_in_two_clusters_keep_apart():
    made, _ = ask(two_servers({**TARGET, "cluster": "west"}))
    assert made.frame["run_id"].is_unique


def test_names_that_would_be_the_same_are_refused():
    store = two_servers({"instance": "10.0.0.1:9988", "job": "spire server"})
    store.points = [
        (at, {**labels, "job": labels["job"].replace("-", "=")}, value) for at, labels, value in store.points
    ]
    with pytest.raises(ValueError, match="run_id: got two servers"):
        ask(store)


def test_a_process_that_is_stored_twice_is_not_counted_twice():
    store = two_pages({**TARGET, "prometheus_replica": "a"})
    store.points += two_pages({**TARGET, "prometheus_replica": "b"}).points
    with pytest.raises(ValueError, match="there twice, with different values of prometheus_replica"):
        ask(store)
    made, _ = ask(store, selector='prometheus_replica="b"')
    assert made.frame["operations"].item() == 1000


def test_a_server_that_comes_or_goes_makes_no_row_of_the_fleet():
    store = two_pages().add(T0 + 53.0, {**TARGET, "instance": "10.0.0.2:9988"}, page(syncs(70), started=T0 + 5.0))
    made, _ = ask(store)
    assert len(made.frame) == 1
    assert made.refused["reason"].tolist() == ["seen at one of its edges only"]
    with pytest.raises(ValueError, match="no window makes a row"):
        ask(store, shape="fleet")


def test_a_selector_picks_servers():
    made, _ = ask(two_servers(), selector='{instance="10.0.0.2:9988"}')
    assert made.frame["run_id"].str.startswith("10.0.0.2:9988").all()


# The datastore.


def with_database(store, *pages, instance="db:9187"):
    for at, text in zip((T0 - 4.0, T0 + 56.0), pages, strict=True):
        store.add(at, {"instance": instance}, text)
    return store


def test_postgres_exporter_tells_statements():
    calls = 'pg_stat_statements_calls_total{{datname="spire",queryid="{}"}} {}\n'
    store = with_database(
        two_pages(),
        calls.format(1, 500) + calls.format(2, 1000) + 'pg_stat_database_xact_commit{datname="spire"} 5\n',
        # The third appears in the list of the most frequent, which says nothing of when it was called.
        calls.format(1, 2000)
        + calls.format(2, 2500)
        + calls.format(3, 10**6)
        + 'pg_stat_database_xact_commit{datname="spire"} 9\n',
    )
    setup = Setup(**{**vars(FULL), "datastore": None})
    made, _ = ask(store, setup=setup, datastore_metrics='instance="db:9187"')
    cells = made.frame.iloc[0]
    assert (cells["datastore"], cells["datastore_queries_per_op"]) == ("postgresql", 3.0)
    assert pd.isna(cells["datastore_transactions_per_op"])


def test_postgres_exporter_without_statements_says_what_to_start_it_with():
    text = 'pg_stat_database_xact_commit{datname="spire"} 5\n'
    made, _ = ask(with_database(two_pages(), text, text), datastore_metrics='instance="db:9187"')
    assert pd.isna(made.frame["datastore_queries_per_op"].item())
    reason = made.notes.set_index("column")["reason"]["datastore_queries_per_op"]
    assert reason == "postgres_exporter was started without --collector.stat_statements"


def test_sqlite_has_no_host_of_its_own():
    store = with_database(two_pages(), "node_cpu_seconds_total 10\n", "node_cpu_seconds_total 20\n")
    setup = Setup(**{**vars(FULL), "datastore": "sqlite"})
    made, _ = ask(store, setup=setup, datastore_cpu='node_cpu_seconds_total{instance="db:9187",mode!="idle"}')
    assert pd.isna(made.frame["datastore_cpu_s_per_op"].item())
    assert "counted there" in made.notes.set_index("column")["reason"]["datastore_cpu_s_per_op"]


@pytest.mark.parametrize(("version", "datastore"), [("10.11.6-MariaDB", "mariadb"), ("8.4.0", "mysql")])
def test_mysqld_exporter_tells_questions_prepares_and_transactions(version, datastore):
    def text(factor):
        command = 'mysql_global_status_commands_total{{command="{}"}} {}\n'
        return (
            f'mysql_version_info{{version="{version}"}} 1\nmysql_global_status_questions {4000 * factor}\n'
            + command.format("stmt_prepare", 1000 * factor)
            + command.format("commit", 300 * factor)
            + command.format("rollback", 700 * factor)
            + command.format("select", 90_000 * factor)
        )

    store = with_database(two_pages(), text(1), text(2))
    made, _ = ask(store, setup=Setup(**{**vars(FULL), "datastore": None}), datastore_metrics='instance="db:9187"')
    cells = made.frame.iloc[0]
    names = ["datastore_queries_per_op", "datastore_prepares_per_op", "datastore_transactions_per_op"]
    assert cells["datastore"] == datastore
    assert cells[names].tolist() == [4.0, 1.0, 1.0]


def test_a_counter_of_cpu_seconds_tells_the_datastores_cpu():
    def text(user, idle):
        mode = 'node_cpu_seconds_total{{cpu="{}",mode="{}"}} {}\n'
        return "".join(mode.format(cpu, "user", user) + mode.format(cpu, "idle", idle) for cpu in (0, 1))

    store = with_database(two_pages(), text(10.0, 50.0), text(25.0, 95.0), instance="db:9100")
    made, _ = ask(store, datastore_cpu='node_cpu_seconds_total{instance="db:9100",mode!~"idle|iowait"}')
    # 2 x 15 s in 60 s are half a core, for 1000 syncs a minute.
    assert made.frame["datastore_cpu_s_per_op"].item() == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ('node_cpu_seconds_total{instance="db:9100"}', "idle cores are counted too"),
        ('container_cpu_usage_seconds_total{pod="db-0"}', "the pod's sum is counted too"),
        ('node_cpu_seconds_total{instance="absent",mode="user"}', "no series match"),
    ],
)
def test_a_selector_that_counts_the_wrong_cpu_is_refused(selector, message):
    with pytest.raises(ValueError, match=message):
        ask(two_pages(), datastore_cpu=selector)


def test_the_datastore_of_servers_that_do_different_things_is_not_parted():
    store = two_pages()
    other = {**TARGET, "instance": "10.0.0.2:9988"}
    calls = {"rpc_svid_v1_svid_new_jwtsvid": 0, "entry_cache_reload": 3}
    store.add(T0 - 7.0, other, page(calls, at=0.0, started=T0 - 500.0))
    store.add(T0 + 53.0, other, page(calls | {"rpc_svid_v1_svid_new_jwtsvid": 500}, started=T0 - 500.0))
    store = with_database(store, "mysql_global_status_questions 0\n", "mysql_global_status_questions 9000\n")
    made, _ = ask(store, datastore_metrics='instance="db:9187"', setup=Setup(**{**vars(FULL), "datastore": "mariadb"}))
    assert made.frame["operation"].tolist() == ["sync", "sign_jwt"]
    assert made.frame["datastore_queries_per_op"].isna().all()
    assert made.notes["reason"].str.contains("another server of this datastore did something else").any()


# Getting an answer.


def test_a_busy_server_is_asked_again_when_it_says_so():
    date = formatdate(time.time() + 20.0, usegmt=True)
    busy = [(429, {"Retry-After": "3"}, "busy"), (503, {}, "busy"), (503, {"Retry-After": date}, "")]
    made, waited = ask(in_turn(two_pages(), *busy))
    assert len(made.frame) == 1
    assert waited[:2] == [3.0, 1.0]
    assert 15.0 < waited[2] <= 20.0


def test_a_server_that_stays_busy_ends_in_an_error():
    with pytest.raises(ConnectionError, match="answered 503 4 times"):
        ask(lambda *_: (503, {}, "busy"))


@pytest.mark.parametrize("header", ["1e9", "-5", "nan", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_no_server_can_make_it_wait_long(header):
    _, waited = ask(in_turn(two_pages(), (429, {"Retry-After": header}, "")))
    assert 0.0 <= waited[0] <= 60.0


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ((401, {}, "no"), PermissionError, "answered 401.*CAPMODEL_PROMETHEUS_TOKEN"),
        ((403, {}, '{"status":"error","error":"no org id"}'), PermissionError, "403: no org id"),
        ((404, {}, "404 page not found"), ValueError, "a path before /api/v1"),
        ((302, {"Location": "https://login.example.org/?next=x"}, ""), ValueError, "redirects to login.example.org"),
        ((400, {}, '{"status":"error","errorType":"bad_data","error":"parse error"}'), ValueError, "400: parse error"),
        ((422, {}, "too many samples"), ValueError, "answered 422"),
        ((200, {"Content-Type": "text/html"}, "<html>Log in</html>"), ValueError, "a web page, expected JSON"),
        ((200, {}, "up 1\n"), ValueError, "expected JSON"),
        ((200, {}, "[]"), ValueError, "expected a JSON object"),
        ((200, {}, ""), ValueError, "expected JSON"),
        (
            (200, {}, '{"status":"error","errorType":"timeout","error":"query timed out"}'),
            ValueError,
            "query timed out",
        ),
        ((200, {}, '{"status":"success"}'), ValueError, "as Prometheus' HTTP API has it"),
        ((200, {}, '{"status":"success","data":{"resultType":"scalar","result":[0,"1"]}}'), ValueError, "'scalar'"),
        (
            (200, {}, '{"status":"success","data":{"resultType":"vector","result":[{"metric":{}}]}}'),
            ValueError,
            "has it",
        ),
    ],
)
def test_other_answers_end_in_one_sentence(answer, error, message):
    with pytest.raises(error, match=message):
        ask(lambda *_: answer)


def test_an_answer_that_is_cut_off_is_asked_for_again():
    whole = two_pages()
    made, waited = ask(in_turn(whole, (200, {"Content-Length": "5000"}, '{"status":')), timeout_s=0.3)
    assert (len(made.frame), len(waited)) == (1, 1)


def test_an_empty_result_is_explained():
    with pytest.raises(ValueError, match="no series begins with spire_server_"):
        ask(Store())


def test_scrapes_of_other_processes_are_explained():
    store = two_pages()
    store.points = [point for point in store.points if point[1]["__name__"] != "process_cpu_seconds_total"]
    with pytest.raises(ValueError, match="no process_cpu_seconds_total"):
        ask(store)


def test_a_hundred_thousand_series_are_refused_before_they_are_sent():
    asked = []

    def answer(path, question, headers):
        asked.append(question["query"])
        return success([{"metric": {}, "value": [T0, "100001"]}])

    with pytest.raises(ValueError, match=r"100001 series match, expected at most 100000.*selector"):
        ask(answer)
    assert len(asked) == 1
    assert asked[0].startswith("count(")


def test_too_many_series_are_refused_when_they_come(monkeypatch):
    monkeypatch.setattr(api_module, "MOST_SERIES", 100)
    body = success([{"metric": {"n": str(number)}, "value": [T0, "1"]} for number in range(101)])
    with serve(lambda *_: body) as url, pytest.raises(ValueError, match="101 series match, expected at most 100 "):
        Api(url, environment={}).query("up", T0)


def test_an_answer_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(api_module, "_MOST_BYTES", 100)
    with pytest.raises(ValueError, match="the answer is too long, expected fewer series"):
        ask(two_pages())


@pytest.mark.parametrize(
    ("asked", "message"), [({"prefix": 'up"} or {x="'}, "^prefix: got "), ({"shape": "table"}, "^shape: got 'table'")]
)
def test_what_cannot_be_asked_is_refused_before_anything_is(asked, message):
    def nobody(*_):
        raise AssertionError

    with pytest.raises(ValueError, match=message):
        ask(nobody, **asked)


def test_only_this_machine_is_asked_past_the_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")

    def proxied(url):
        return any(
            isinstance(each, urllib.request.ProxyHandler) for each in Api(url, environment={})._opener().handlers
        )

    assert proxied("http://prometheus.example.org")
    assert not proxied("http://127.0.0.1:9090")
    assert not proxied("http://localhost:9090")


def test_silence_ends_after_the_time_out(monkeypatch):
    waited, given = [], []
    ask_on = urllib.request.OpenerDirector.open

    def noted(opener, request, timeout=None):
        given.append(timeout)
        return ask_on(opener, request, timeout=0.05)  # whatever was given, the test ends

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", noted)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        api = Api(f"http://127.0.0.1:{silent.getsockname()[1]}", environment={}, timeout_s=0.05, pause=waited.append)
        with pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"):
            import_api(api, T0, T0 + 60.0)
    assert len(waited) == 3
    assert given == [0.05] * 4


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionError, match=f"127.0.0.1:{port}"):
        import_api(Api(f"http://127.0.0.1:{port}", environment={}, pause=lambda _: None), T0, T0 + 60.0)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl, which is not here")
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=127.0.0.1"
    words += f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    subprocess.run(words.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def accept(listening):
        with suppress(ssl.SSLError):
            listening.accept()

    with context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True) as listening:
        thread = threading.Thread(target=accept, args=[listening])
        thread.start()
        with pytest.raises(ConnectionError, match="certificate is not accepted"):
            Api(f"https://127.0.0.1:{listening.getsockname()[1]}", environment={}).query("up", T0)
        thread.join()


# Credentials.


@pytest.mark.parametrize(
    ("environment", "header"),
    [
        ({"CAPMODEL_PROMETHEUS_TOKEN": "abc"}, "Bearer abc"),
        (
            {"CAPMODEL_PROMETHEUS_USER": "me", "CAPMODEL_PROMETHEUS_PASSWORD": "påss:word"},
            "Basic " + base64.b64encode("me:påss:word".encode()).decode(),
        ),
        ({"CAPMODEL_PROMETHEUS_PASSWORD": "alone"}, None),
    ],
)
def test_credentials_come_from_the_environment(environment, header):
    store, seen = two_pages(), set()

    def answer(path, question, headers):
        seen.add(headers.get("Authorization"))
        return store(path, question, headers)

    ask(answer, environment=environment)
    assert seen == {header}


def test_credentials_do_not_follow_a_redirect():
    seen = []
    with serve(lambda path, question, headers: seen.append(headers) or (200, {}, "{}")) as elsewhere:
        answer = (302, {"Location": elsewhere}, "")
        with pytest.raises(ValueError, match="redirects"):
            ask(lambda *_: answer, environment={"CAPMODEL_PROMETHEUS_TOKEN": "abc"})
    assert seen == []


def test_no_secret_is_shown():
    api = Api("http://127.0.0.1:1", environment={"CAPMODEL_PROMETHEUS_TOKEN": "abc"}, pause=lambda _: None)
    assert "abc" not in repr(api)
    with pytest.raises(ValueError, match="without credentials") as caught:
        Api("https://me:secret@prometheus.example.org")
    assert "secret" not in str(caught.value)


# Questions.


@pytest.mark.parametrize(
    "url", ["prometheus.example.org", "ftp://prometheus.example.org", "file:///etc/passwd", "http://", ""]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="prometheus: got"):
        import_api(url, T0, T0 + 60.0)


@pytest.mark.parametrize(
    ("start", "end", "step", "message"),
    [
        (T0, T0, None, "later than the start"),
        (T0 * 1000, T0 * 1000 + 1, None, "milliseconds"),
        (T0, T0 + 60.0, "2m", "at most the 60 s"),
        (T0, T0 + 60.0, "0", "more than 0"),
        (T0, T0 + 60.0, "5 minutes", "a duration such as 5m"),
        (T0, T0 + 1e6, "1s", "1000000 windows, expected at most 10000"),
    ],
)
def test_impossible_times_are_refused(start, end, step, message):
    with pytest.raises(ValueError, match=message):
        import_api("http://127.0.0.1:1", start, end, step=step)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("1m30s", 90.0), ("500ms", 0.5), ("1d", 86_400.0), (15, 15.0)]
)
def test_durations_are_read_as_prometheus_writes_them(text, seconds):
    assert parse_duration(text) == seconds


def test_long_questions_go_in_the_body_and_long_spans_in_parts():
    asked = []

    def answer(path, question, headers):
        asked.append(headers.get("Content-Type"))
        start, end, step = (float(question[key]) for key in ("start", "end", "step"))
        points = [[start + step * number, "1"] for number in range(int((end - start) / step + 1e-9) + 1)]
        return success([{"metric": {"job": "a"}, "values": points}], "matrix")

    span = [T0 + 15.0 * number for number in range(7000)]
    with serve(answer) as url:
        found = Api(url, environment={}).query_range(f'up{{job!~"{"x" * 5000}"}}', span)
    assert asked == ["application/x-www-form-urlencoded"] * 2
    assert [time_s for time_s, _ in found[0].points] == span


def test_labels_with_markup_or_a_formula_stay_harmless(tmp_path):
    target = {"instance": "=cmd()</script>", "job": "x"}
    made, _ = ask(two_pages(target))
    assert made.frame["run_id"].item().startswith("cmd_script-")


def test_the_command_asks_and_writes_or_leaves_nothing(ended, tmp_path):
    out = tmp_path / "runs.csv"
    words = ["import", "--start", T0, "--end", T0 + 60.0, "--out", out]
    with serve(two_pages()) as url:
        status, _, complaint = ended(*words, "--prometheus", url)
        assert status == 0, complaint
        assert pd.read_csv(out)["operations"].item() == 1000
    out.unlink()
    with serve(lambda *_: (401, {}, json.dumps({"error": "who?"}))) as url:
        status, printed, complaint = ended(*words, "--prometheus", url)
    assert (status, printed, list(tmp_path.iterdir())) == (2, "", [])
    assert complaint.startswith("capmodel: 127.0.0.1")
    assert len(complaint.splitlines()) == 1


def test_a_mixed_fleet_is_priced_with_the_fitted_costs():
    store = two_pages()
    for at, count in ((T0 - 7.0, 0), (T0 + 53.0, 400)):
        store.add(at, TARGET, f'spire_server_rpc_svid_v1_svid_new_jwtsvid{{host="a",status="OK"}} {count}\n')
    made, _ = ask(store, costs=costs)
    assert made.kind == "shared_datastore_runs"
    with pytest.raises(ValueError, match=r"beside sync.*sign_jwt \d+ %"):
        ask(store, costs=costs, shape="sync")
