"""Alert rules: metrics that exist, limits of the answer, a reason for each, and alerts that fire when they must."""

import csv
import json
import re
import shutil
import subprocess
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from fitted import costs

import capmodel as cm
from capmodel import alerts, helm

ROOT = Path(__file__).parent.parent
FLEET = cm.Deployment(agents=5000, workloads=10_000)
FLEETS = {
    "single": FLEET,
    "sqlite": cm.Deployment(agents=50, workloads=500, datastore="sqlite"),
    "events": cm.Deployment(agents=900, workloads=4000, datastore="mysql", sync_mode="events_cache", cores_taken=0.25),
    "older": cm.Deployment(agents=900, workloads=4000, spire_version="v1.9.0"),
    "crawl": cm.Deployment(agents=300, workloads=600, datastore="mariadb", sync_mode="crawl"),
    "large": cm.Deployment(agents=2000, workloads=1_000_000, entries_per_agent=20),
    "nested": cm.Nested.split(FLEET, into=2),
    "federated": cm.Federated.split(FLEET, into=2),
}
PROMTOOL = shutil.which("promtool")


@cache
def sized(name):
    return cm.size(FLEETS[name], costs())


@cache
def text(name):
    return alerts.rules(sized(name), costs())


def groups(name):
    return yaml.safe_load(text(name))["groups"]


def rule(name, alert):
    return next(found for found in groups(name)[0]["rules"] if found.get("alert") == alert)


def limit(name, alert):
    return float(re.search(r"[<>] ([\d.e+]+)", rule(name, alert)["expr"])[1])


@cache
def known_metrics():
    """Return every metric in the scrapes of real servers, and those in the list with their source."""
    found = set()
    for path in (ROOT / "data" / "scrapes").glob("*.prom"):
        found |= set(re.findall(r"^([a-z]\w*)[{ ]", path.read_text(), re.MULTILINE))
    with (ROOT / "tests" / "reference" / "alert_metrics.csv").open() as file:
        return found | {row["metric"] for row in csv.DictReader(file)}


def metrics_of(expression):
    without = re.sub(r'"[^"]*"|\{|\}|\[[^]]*\]', " ", re.sub(r'\w+=("(\\.|[^"\\])*")', " ", expression))
    words = set(re.findall(r"[a-z][\w:]*", without))
    return words - {
        "sum", "by", "job", "instance", "rate", "and", "on", "or", "absent", "count", "min", "max", "avg", "time",
        "predict_linear", "e",
    }  # fmt: skip


@pytest.mark.parametrize("name", FLEETS)
def test_every_metric_exists(name):
    expressions = re.findall(r'expr: (".*")', text(name))
    assert len(expressions) >= 12
    for expression in expressions:
        for metric in metrics_of(json.loads(expression)) - {alerts.AGENTS}:
            base = re.sub(r"_elapsed_time_(sum|count)$", "", metric)
            assert metric in known_metrics() or base in known_metrics(), expression


def test_spires_counters_have_no_total():
    for name in FLEETS:
        assert not re.search(r"spire_server\w*_total", text(name))


@pytest.mark.parametrize("name", FLEETS)
def test_every_rule_is_whole(name):
    answer = sized(name)
    assert [group["name"] for group in groups(name)] == [f"capmodel {part.name}" for part in answer.clusters]
    for group, part in zip(groups(name), answer.clusters, strict=True):
        alerting = [found for found in group["rules"] if "alert" in found]
        assert len({found["alert"] for found in alerting}) == len(alerting) >= 10
        for found in alerting:
            assert found["labels"]["severity"] in ("critical", "warning", "info")
            assert re.fullmatch(r"\d+[mh]", found["for"])
            assert found["annotations"]["summary"]
        if len(answer.clusters) > 1:
            for found in group["rules"]:
                assert found["labels"]["cluster"] == part.name
                assert f'cluster="{part.name}"' in found["expr"]
                assert len(re.findall(r'cluster="', found["expr"])) == found["expr"].count("{")


@pytest.mark.parametrize("name", FLEETS)
def test_every_rule_has_its_reason(name):
    lines = text(name).splitlines()
    for before, line in pairwise(lines):
        if re.match(r" *(# )?- (alert|record|name): ", line):
            assert before.lstrip().startswith("# "), line


def test_what_the_reader_names_is_said_once_and_where_it_is_used():
    (part,) = sized("single").clusters
    found = alerts.rules_of(part, costs().unit_costs(part.deployment.datastore), {})
    named = {rule.name: rule.reason.count("databaseName") for rule in found if "databaseName" in rule.reason}
    assert named == {"SpireDatastoreConnections": 1}
    assert [rule.name for rule in found if "datname" in rule.expression] == ["SpireDatastoreConnections"]


def test_limits_are_the_answers():
    part = sized("single").clusters[0]
    pool = part.datastore_connections
    assert limit("single", "SpireServerBusy") == pytest.approx(part.limits.max_utilization * part.cores_per_server)
    used = part.degraded.cores_used["server"].upper / part.degraded.servers
    assert limit("single", "SpireServerBusierThanPredicted") == pytest.approx(used, rel=1e-3)
    assert limit("single", "SpireServerMemory") == 0.8e9 * part.memory_gb_per_server
    assert limit("single", "SpireServerLost") == part.servers
    assert limit("single", "SpireServersTooFew") == part.servers - 1
    assert limit("single", "SpireSyncsSlow") == 1000.0 * part.limits.max_response_time_s
    assert limit("single", "SpireDatastoreSlow") == pytest.approx(1000 * part.degraded.response_time_s.upper, rel=1e-3)
    assert limit("single", "SpireCacheReloadSlow") == 5000.0
    assert limit("single", "SpireDatastoreAcceptsTooFew") == pool.datastore_limit
    assert limit("single", "SpireDatastoreConnections") < pool.all_servers
    # v1.15.3 pkg/server/ca/manager/slot.go:640-650: the next CA is taken into use with a sixth of its life left.
    assert limit("single", "SpireCAExpires") == 86_400 / 6 / 2


def test_cores_that_others_use_are_not_the_servers():
    part = sized("events").clusters[0]
    assert limit("events", "SpireServerBusy") == pytest.approx(0.6 * part.cores_per_server - 0.25)


def test_a_reload_that_must_be_slow_is_no_alarm():
    """A million entries take longer than the pause: only what is twice the prediction is alarming."""
    unit = costs().unit_costs("postgresql")
    expected_s = cm.cluster.reload_duration(FLEETS["large"].inputs(), unit)
    assert limit("large", "SpireCacheReloadSlow") == pytest.approx(1000 * max(5.0, 2.0 * expected_s), rel=1e-3)


@pytest.mark.parametrize("name", ["single", "events", "crawl"])
def test_every_limit_holds_up_to_the_agents_that_are_named(name):
    part, fleet = sized(name).clusters[0], FLEETS[name]
    unit, shape, limits = costs().unit_costs(fleet.datastore), part.choice.shape, part.limits
    found = alerts.room(fleet.inputs(), unit, part)
    assert found.agents >= fleet.agents

    def holds(agents):
        inputs = fleet.inputs()
        more = inputs._replace(agents=agents, workloads=inputs.workloads * agents / inputs.agents)
        state = cm.cluster.forecast(more, unit, shape.servers - 1, shape.cores, shape.datastore_cores, limits.quantile)
        return (
            max(state.server_utilization.upper, state.datastore_utilization.upper) <= limits.max_utilization
            and state.response_time_s.upper <= limits.max_response_time_s
            and state.memory_bytes.upper <= 0.8e9 * part.memory_gb_per_server
        )

    assert holds(found.agents)
    assert not holds(round(found.agents * 1.01) + 1)


@pytest.mark.parametrize("name", ["single", "events", "crawl"])
def test_the_knee_is_beyond_what_every_limit_allows(name):
    """At the knee cores are full; the limits keep some of them free."""
    part, fleet = sized(name).clusters[0], FLEETS[name]
    found = alerts.room(fleet.inputs(), costs().unit_costs(fleet.datastore), part)
    assert found.knee_per_s > found.agents / fleet.sync_interval_s
    assert found.knee_per_s > part.evaluation.throughput_per_s.upper


def test_the_calls_are_those_of_the_release():
    assert alerts.sync_call(sized("single").clusters[0]).endswith("sync_authorized_entries")
    assert alerts.sync_call(sized("older").clusters[0]).endswith("get_authorized_entries")
    assert alerts.sync_call(sized("crawl").clusters[0]).endswith("node_api_x509_svid_fetch")
    named = {name: {found.get("alert") for found in groups(name)[0]["rules"]} for name in FLEETS}
    assert "SpireCAExpires" in named["single"]
    assert "SpireCAExpires" not in named["older"]
    assert "SpireCacheNotReloaded" in named["older"]
    assert "SpireEventsNotRead" in named["events"]
    assert "SpireServerLost" not in named["sqlite"]
    assert "SpireDatastoreConnections" not in named["sqlite"]


def test_no_rules_where_nothing_holds():
    answer = cm.size(cm.Deployment(agents=10_000_000, workloads=100_000_000), costs())
    with pytest.raises(ValueError, match="no shape tried can carry"):
        alerts.rules(answer, costs())


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
@pytest.mark.parametrize("name", FLEETS)
def test_prometheus_accepts_the_rules(name, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(text(name))
    done = subprocess.run([PROMTOOL, "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def made_series(part, *, agents, cores, servers, reload_ms, expiry_s):
    """Return what servers that are so busy expose, a sample a minute for two hours."""
    syncs = agents / 5.0 / servers
    call = alerts.sync_call(part)
    made = []
    for number in range(servers):
        labels = f'{{job="spire",instance="server-{number}"}}'
        values = {
            call: f"0+{60 * syncs:g}x120",
            f"{call}_elapsed_time_sum": f"0+{60 * syncs * 2.0:g}x120",
            f"{call}_elapsed_time_count": f"0+{60 * syncs:g}x120",
            "spire_server_rpc_bundle_v1_bundle_get_bundle_elapsed_time_sum": f"0+{60 * syncs:g}x120",
            "spire_server_rpc_bundle_v1_bundle_get_bundle_elapsed_time_count": f"0+{60 * syncs:g}x120",
            "spire_server_datastore_node_fetch_elapsed_time_sum": f"0+{60 * syncs:g}x120",
            "spire_server_datastore_node_fetch_elapsed_time_count": f"0+{60 * syncs:g}x120",
            "spire_server_entry_cache_reload_elapsed_time_sum": f"0+{11 * reload_ms:g}x120",
            "spire_server_entry_cache_reload_elapsed_time_count": "0+11x120",
            "process_cpu_seconds_total": f"0+{60 * cores:g}x120",
            "process_resident_memory_bytes": "300000000x120",
            "spire_server_runtime_num_goroutines": "900x120",
            "spire_server_manager_x509_ca_rotate_expiration": f"{7200 + expiry_s}x120",
        }
        made += [{"series": metric + labels, "values": shown} for metric, shown in values.items()]
        reloads = f'spire_server_entry_cache_reload{{job="spire",instance="server-{number}",status="OK"}}'
        made.append({"series": reloads, "values": "0+11x120"})
    # Another process on the machines, which no rule may take for a server.
    made.append({"series": 'process_cpu_seconds_total{job="other",instance="busy"}', "values": "0+6000x120"})
    made.append({"series": 'process_resident_memory_bytes{job="other",instance="busy"}', "values": "900000000000x120"})
    return made


HEALTHY = {"agents": 5000, "cores": 0.39, "servers": 4, "reload_ms": 170.0, "expiry_s": 60_000}
TROUBLE = {
    "SpireSyncsNearKnee": {"agents": 18_000},
    "SpireAgentsNearLimit": {"agents": 6100},
    "SpireServerBusy": {"cores": 0.7},
    "SpireServerBusierThanPredicted": {"cores": 0.58},
    "SpireServerLost": {"servers": 3},
    "SpireServersTooFew": {"servers": 2},
    "SpireCacheReloadSlow": {"reload_ms": 5500.0},
    "SpireCAExpires": {"expiry_s": 5000},
}


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_alerts_fire_in_trouble_and_not_else(tmp_path):
    """Prometheus itself evaluates the rules on made series: a fleet as sized, and each kind of trouble."""
    (part,) = sized("single").clusters
    assert part.servers == HEALTHY["servers"]
    (tmp_path / "rules.yaml").write_text(text("single"))
    summaries = {found["alert"]: found for found in groups("single")[0]["rules"] if "alert" in found}
    cases = []
    for fires, change in {"": {}, **TROUBLE}.items():
        cases.append(
            {
                "interval": "1m",
                "input_series": made_series(part, **(HEALTHY | change)),
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) > bool 0',
                        "eval_time": "2h",
                        "exp_samples": [{"labels": "{}", "value": 1}] if name == fires else [],
                    }
                    for name in ([fires] if fires else summaries)
                ],
            }
        )
    path = tmp_path / "tests.yaml"
    path.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": cases}))
    done = subprocess.run([PROMTOOL, "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_room_is_shown_with_the_prediction():
    part = sized("single").clusters[0]
    found = alerts.room(FLEET.inputs(), costs().unit_costs("postgresql"), part)
    flat = re.sub(r"\n +# +", " ", text("single"))
    assert f"up to {found.agents} agents" in flat
    assert helm.spanned(part.evaluation.throughput_per_s) in flat
