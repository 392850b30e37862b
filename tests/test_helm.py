"""Values of the Helm chart: keys that the chart has, values that the answer has, and a reason for each."""

import csv
import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from fitted import costs
from hypothesis import given, settings
from hypothesis import strategies as st

import capmodel as cm
from capmodel import helm

KEYS = Path(__file__).parent / "reference" / "helm_chart_keys.csv"
FLEET = cm.Deployment(agents=5000, workloads=10_000)
EVENTS = cm.Deployment(
    agents=900, workloads=4000, datastore="mysql", sync_mode="events_cache", spire_version="v1.14.0",
    sync_interval_s=7.5, reload_interval_s=10.0, cores_taken=0.25, jwt_per_s=3.0, x509_ttl_s=7200.0, reattests=True,
    ca_key_type="rsa-4096", agent_ttl_s=5400.0,
)  # fmt: skip
FLEETS = {
    "single": FLEET,
    "sqlite": cm.Deployment(agents=50, workloads=500, datastore="sqlite"),
    "events": EVENTS,
    "nested": cm.Nested.split(FLEET, into=2),
    "federated": cm.Federated.split(FLEET, into=3),
}


@cache
def sized(name):
    return cm.size(FLEETS[name], costs())


@cache
def chart_keys():
    """Return the charts' keys: for each chart its paths with their defaults, and the charts that it nests by key."""
    with KEYS.open() as file:
        rows = list(csv.DictReader(file))
    paths, nested = {}, {}
    for row in rows:
        if row["default"].startswith("chart "):
            nested.setdefault(row["chart"], {})[row["path"]] = row["default"].removeprefix("chart ")
        else:
            paths.setdefault(row["chart"], {})[row["path"]] = json.loads(row["default"])
    return paths, nested, {row["chart"]: row["version"] for row in rows}


def leaves(value, path=()):
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from leaves(part, (*path, key))
    else:
        yield path, value


def unknown_keys(document, chart):
    """Name the keys of a document that the chart does not have, and those whose type is another."""
    paths, nested, _ = chart_keys()
    found = []
    for path, value in leaves(document):
        keys, rest = paths.get(chart, {}), ".".join(path)
        if path[0] in nested[chart]:
            keys, rest = paths[nested[chart][path[0]]], ".".join(path[1:])
        # Below an empty mapping or list of the chart's the keys are Kubernetes' own.
        free = [key for key, default in keys.items() if default in ({}, []) and (rest + ".").startswith(key + ".")]
        if free:
            continue
        if rest not in keys:
            found.append(f"{rest}: unknown")
        elif type(keys[rest]) is not type(value) and keys[rest] not in ("", 0):
            found.append(f"{rest}: {value!r} instead of {keys[rest]!r}")
    return found


def documents(name):
    return list(yaml.safe_load_all(helm.values(sized(name))))


@pytest.mark.parametrize("name", FLEETS)
def test_the_chart_has_every_key(name):
    answer = sized(name)
    chart = helm.chart_of(answer.topology)
    found = documents(name)
    assert len(found) == len(answer.clusters)
    for document in found:
        assert unknown_keys(document, chart) == []


def test_a_key_that_the_chart_has_not_is_found():
    """The check itself can fail: on a wrong name, on a wrong place, on a wrong type."""
    wrong = {"spire-server": {"replicas": 2, "dataStore": {"maxOpenConns": 5}, "replicaCount": "2"}}
    assert len(unknown_keys(wrong, "spire")) == 3


def test_the_keys_are_those_of_the_version_that_is_named():
    assert chart_keys()[2]["spire"] == chart_keys()[2]["spire-nested"] == helm.CHART_VERSION
    assert f"chart spire {helm.CHART_VERSION} " in helm.values(sized("single"))


@pytest.mark.parametrize("name", FLEETS)
def test_the_values_are_the_answers(name):
    answer = sized(name)
    for part, document in zip(answer.clusters, documents(name), strict=True):
        key = "spire-server"
        if answer.topology == "nested":
            key = "root-spire-server" if part.above is None else "internal-spire-server"
            assert document["tags"] == {"nestedRoot" if part.above is None else "nestedChildFull": True}
        server, fleet, pool = document[key], part.deployment, part.datastore_connections
        assert server["replicaCount"] == part.servers
        resources = server["resources"]
        cores = part.cores_per_server - fleet.cores_taken
        assert int(resources["requests"]["cpu"].removesuffix("m")) == round(1000 * cores)
        assert "cpu" not in resources["limits"]
        # G is 10^9 bytes to Kubernetes, and GB is to the answer.
        assert resources["limits"]["memory"] == resources["requests"]["memory"] == f"{part.memory_gb_per_server}G"
        assert server.get("podDisruptionBudget", {}).get("maxUnavailable", 0) == part.limits.spare_servers
        sql = server["dataStore"]["sql"]
        kinds = {"sqlite": "sqlite3", "postgresql": "postgres", "mysql": "mysql"}
        assert sql["databaseType"] == kinds[fleet.datastore]
        if pool is None:
            assert "maxOpenConns" not in sql
        else:
            assert sql["maxOpenConns"] == sql["maxIdleConns"] == pool.per_server
        assert server["caKeyType"] == fleet.ca_key_type
        for setting, seconds in {
            "caTTL": fleet.ca_ttl_s, "agentTTL": fleet.agent_ttl_s, "defaultX509SvidTTL": fleet.x509_ttl_s,
            "defaultJwtSvidTTL": fleet.jwt_ttl_s,
        }.items():  # fmt: skip
            assert in_seconds(server[setting]) == seconds
        assert server.get("experimental", {}).get("eventsBasedCache", False) == (fleet.sync_mode == "events_cache")
        assert server.get("federation", {}).get("enabled", False) == (fleet.federated_peers > 0)
        assert server["telemetry"]["prometheus"]["enabled"] is True


def in_seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}[unit]


def test_what_is_not_the_default_is_written():
    (document,) = documents("events")
    server = document["spire-server"]
    assert server["image"]["tag"] == "1.14.0"
    assert server["experimental"] == {"enabled": True, "cacheReloadInterval": "10s", "eventsBasedCache": True}
    assert document["spire-agent"]["experimental"] == {"enabled": True, "syncInterval": "7500ms"}
    (plain,) = documents("single")
    assert "experimental" not in plain["spire-server"]
    assert "spire-agent" not in plain


@pytest.mark.parametrize("name", FLEETS)
def test_every_value_has_its_reason(name):
    lines = helm.values(sized(name)).splitlines()
    for before, line in pairwise(lines):
        if re.match(r" *[\w-]+: .", line):
            assert before.lstrip().startswith("# "), line
    assert all(len(line) <= 120 or "topologySpread" in line for line in lines)


def test_reasons_carry_the_predictions():
    part = sized("single").clusters[0]
    found = {setting.path[1:]: setting.reason for setting in helm.settings(part, "single")}
    assert helm.spanned(part.degraded.utilization["server"]) in found["replicaCount",]
    assert helm.spanned(part.degraded.memory_gb_per_server, " GB") in found["resources", "limits", "memory"]
    assert helm.spanned(part.datastore_connections.in_use) in found["dataStore", "sql", "maxOpenConns"]
    text = re.sub(r"\n# +", " ", helm.values(sized("single")))
    assert f"at least {part.datastore_connections.datastore_limit}" in text
    assert f"Every limit holds with probability {part.chances.every:.2f}" in text
    for line in (*sized("single").assumptions, *part.evaluation.extrapolated_because):
        assert line in text


def test_what_is_left_to_the_reader_is_named():
    heads = [re.sub(r"\n# +", " ", text) for text in helm.values(sized("nested")).split("---\n")]
    assert "external-spire-server, for workloads beside the root: they are no part of this answer" in heads[0]
    for head in heads[1:]:
        assert "no part of this answer" not in head
        assert "address of the servers above" in head
    assert "the other trust domains" in helm.values(sized("federated"))
    assert "credentials of the datastore" not in helm.values(sized("sqlite"))


def test_the_least_cost_is_told_where_prices_are_given():
    priced = cm.size(
        FLEETS["sqlite"], costs(), prices=cm.Prices(core_per_hour=0.25, gb_per_hour=0.0, datastore_core_per_hour=0.0)
    )
    (part,) = priced.clusters
    assert f"# Costs {0.25 * part.servers * part.cores_per_server:.4g} an hour, the least at" in helm.values(priced)
    assert "an hour" not in helm.values(sized("sqlite"))


def test_the_chart_churns_connections_unless_told():
    """The chart's own limit of idle connections is what releases before v1.12 had."""
    defaults = chart_keys()[0]["spire-server"]
    assert defaults["dataStore.sql.maxIdleConns"] == cm.spire.IDLE_CONNECTIONS_BEFORE_V1_12
    assert defaults["dataStore.sql.maxOpenConns"] == cm.spire.OPEN_CONNECTIONS


def test_no_values_for_releases_older_than_the_chart():
    answer = cm.size(cm.Deployment(agents=50, workloads=100, sync_mode="crawl"), costs())
    with pytest.raises(ValueError, match=r"sync_mode: got 'crawl', expected full_cache or events_cache"):
        helm.values(answer)


def test_no_values_where_nothing_holds():
    answer = cm.size(cm.Deployment(agents=10_000_000, workloads=100_000_000), costs())
    with pytest.raises(ValueError, match="no shape tried can carry"):
        helm.values(answer)


@given(seconds=st.integers(1, 10**7))
def test_durations_are_read_back(seconds):
    assert in_seconds(helm.duration(float(seconds))) == seconds


@settings(max_examples=20)
@given(text=st.text(alphabet="ab #:{}\"'", min_size=1, max_size=400))
def test_comments_stay_comments(text):
    assert yaml.safe_load("\n".join(helm.comment("x" + text, "  "))) is None
