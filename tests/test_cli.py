"""The command line: what it prints, what it writes, and how it ends when something is wrong."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest
import typer
from fitted import costs
from typer.testing import CliRunner

import capmodel as cm
from capmodel import cli
from capmodel.datasets import data_path

PREDICTIONS = ["row", "quantity", "measured", "predicted", "lower", "upper"]
FLEET = ["--agents", "5000", "--workloads", "10000"]


def stop() -> None:
    raise ValueError("enough")


@pytest.fixture
def fitted(monkeypatch):
    """Let the commands use costs that are fitted already."""
    monkeypatch.setattr(cli, "_fit", lambda measurements=None: costs())


def refused(result: tuple[int, str, str]) -> str:
    """Return the sentence that a refused command ends with; check that it is one, and all."""
    status, out, err = result
    assert status == 2
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("capmodel: ")
    assert "Traceback" not in err
    return lines[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "import: expected either scrapes with --times or --prometheus with --start and --end"),
        (
            ("a.prom", "--prometheus", "http://127.0.0.1:9"),
            "import: expected either scrapes with --times or --prometheus with --start and --end",
        ),
        (("--prometheus", "http://127.0.0.1:9", "--start", "5"), "prometheus: expected --start and --end with it"),
    ],
)
def test_an_import_from_nowhere_or_two_places_is_refused(ended, tmp_path, words, message):
    assert refused(ended("import", *words, "--out", str(tmp_path / "runs.csv"))) == f"capmodel: {message}"
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_a_folder_that_is_not_there_is_refused_before_anything_is_read(ended, tmp_path):
    out = tmp_path / "absent" / "runs.csv"
    told = refused(ended("import", "--prometheus", "http://127.0.0.1:9", "--out", str(out)))
    assert told == f"capmodel: out: got '{out}', expected a file in a folder that exists"


def in_a_process(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "capmodel", *arguments],
        capture_output=True, text=True, cwd=cwd, env=os.environ | environment, check=False,
    )  # fmt: skip


# size


def test_size_prints_the_agreed_json(fitted, ended):
    status, out, err = ended("size", *FLEET, "--json")
    assert (status, err) == (0, "")
    answer = json.loads(out)
    assert {"topology", "level", "clusters", "reference_cell", "assumptions"} <= set(answer)
    keys = {
        "name", "agents", "workloads", "servers", "cores_per_server", "memory_gb_per_server", "datastore_cores",
        "utilization", "response_time_s", "staleness_s", "bottleneck", "next_smaller", "extrapolated",
        "extrapolated_because",
    }  # fmt: skip
    (part,) = answer["clusters"]
    assert keys <= set(part)
    for interval in (part["utilization"]["server"], part["utilization"]["datastore"], part["response_time_s"]):
        assert set(interval) == {"estimate", "lower", "upper"}
        assert interval["lower"] <= interval["estimate"] <= interval["upper"]
    assert set(part["staleness_s"]) == {"estimate", "lower", "upper"}
    assert part["bottleneck"] in ("server", "datastore")
    assert part["next_smaller"]["fails_because"]
    assert isinstance(part["extrapolated_because"], list)
    assert part["extrapolated"] == bool(part["extrapolated_because"])
    # The published table's cell for 5000 agents and 10 000 workloads.
    cell = answer["reference_cell"]
    assert (cell["servers"], cell["cores_per_server"], cell["memory_gb_per_server"]) == (8, 16, 16)
    assert answer["assumptions"]


def test_json_is_one_of_the_formats(fitted, ended):
    asked = ended("size", *FLEET, "--format", "json")
    assert asked == ended("size", *FLEET, "--json")
    assert asked == ended("size", *FLEET, "--json", "--format", "json")
    assert ended("size", *FLEET) == ended("size", *FLEET, "--format", "table")
    (part,) = json.loads(asked[1])["clusters"]
    assert part["datastore_connections"]["datastore_limit"] > part["datastore_connections"]["all_servers"]


@pytest.mark.parametrize("topology", ["single", "nested", "federated"])
def test_size_prints_what_operators_apply(fitted, ended, topology):
    fleet = deployment = cm.Deployment(agents=5000, workloads=10_000)
    if topology != "single":
        fleet = (cm.Nested if topology == "nested" else cm.Federated).split(deployment, 2)
    answer = cm.size(fleet, costs())
    arguments = ["size", *FLEET, "--topology", topology, "--format"]
    assert ended(*arguments, "helm") == (0, cm.helm.values(answer), "")
    assert ended(*arguments, "rules") == (0, cm.alerts.rules(answer, costs()), "")


def test_what_cannot_be_applied_is_refused(fitted, ended):
    assert "format: got 'yaml', expected one of table, json, helm, rules" in refused(
        ended("size", *FLEET, "--format", "yaml")
    )
    assert "json: got it with --format helm" in refused(ended("size", *FLEET, "--format", "helm", "--json"))
    assert "sync_mode: got 'crawl'" in refused(ended("size", *FLEET, "--sync-mode", "crawl", "--format", "helm"))
    beyond = ["size", "--agents", "10000000", "--workloads", "100000000", "--format"]
    assert "no shape tried can carry" in refused(ended(*beyond, "helm"))
    assert "no shape tried can carry" in refused(ended(*beyond, "rules"))


def test_the_entries_of_each_agent_are_read_from_a_file(fitted, ended, tmp_path):
    path, listed = tmp_path / "entries.csv", [0.0, 3.0, 40.0, 900.0]
    path.write_text("entries\n0\n3\n\n40\n900\n", encoding="utf-8")
    fleet = ["size", "--agents", "4", "--workloads", "1000", "--entries-by-agent", str(path)]
    _, out, _ = ended(*fleet, "--json")
    found = cm.size(cm.Deployment(agents=4, workloads=1000, entries_by_agent=listed), costs()).to_dict()
    assert json.loads(out) == json.loads(json.dumps(found))
    path.write_text("0\n3\nmany\n900\n", encoding="utf-8")
    assert "entries.csv, line 3: found 'many', expected a number of at least 0" in refused(ended(*fleet))
    path.write_text("0\n3\n", encoding="utf-8")
    assert "entries_by_agent: got 2 numbers, expected one for each of the agents (4)" in refused(ended(*fleet))
    path.write_text("", encoding="utf-8")
    assert "entries.csv, line 1: expected a number" in refused(ended(*fleet))
    path.unlink()
    assert "expected a readable file of text (No such file or directory)" in refused(ended(*fleet))


def test_prices_choose_the_cheapest_shape(fitted, ended):
    prices = cm.Prices(core_per_hour=0.04, gb_per_hour=0.005, datastore_core_per_hour=0.1, server_per_hour=0.5)
    options = ["--price-core", "0.04", "--price-gb", "0.005", "--price-datastore-core", "0.1", "--price-server", "0.5"]
    answer = cm.size(cm.Deployment(agents=5000, workloads=10_000), costs(), prices=prices)
    _, out, _ = ended("size", *FLEET, *options, "--json")
    assert json.loads(out) == json.loads(json.dumps(answer.to_dict()))
    _, text, _ = ended("size", *FLEET, *options)
    assert f"Costs {answer.clusters[0].cost_per_hour.estimate:.4g} an hour" in text
    assert "Every limit holds with probability " in text
    free = cm.Prices(core_per_hour=0.04, gb_per_hour=0.0, datastore_core_per_hour=0.0)
    _, out, _ = ended("size", *FLEET, "--price-core", "0.04", "--json")
    found = cm.size(cm.Deployment(agents=5000, workloads=10_000), costs(), prices=free).to_dict()
    assert json.loads(out) == json.loads(json.dumps(found))


@pytest.mark.parametrize("option", ["--price-gb", "--price-datastore-core", "--price-server"])
def test_prices_need_that_of_a_core(fitted, ended, option):
    assert "price-core: got none" in refused(ended("size", *FLEET, option, "0.1"))


def test_every_option_of_size_is_described():
    command = typer.main.get_command(cli.app).commands["size"]
    for option in command.params:
        if option.name != "help":
            assert len(option.help or "") > 5, option.name


def test_size_is_the_packages_answer(fitted, ended):
    _, out, _ = ended("size", *FLEET, "--level", "0.8", "--max-utilization", "0.5", "--json")
    answer = cm.size(cm.Deployment(agents=5000, workloads=10_000), costs(), level=0.8, max_utilization=0.5)
    assert json.loads(out) == json.loads(json.dumps(answer.to_dict()))
    assert json.loads(out)["level"] == 0.8


@pytest.mark.parametrize(
    "options",
    [
        ["--datastore", "sqlite"],
        ["--datastore", "mysql", "--sync-mode", "events_cache", "--spare-servers", "2"],
        ["--sync-mode", "crawl", "--datastore", "mariadb"],
        ["--jwt-per-s", "100000", "--ca-key-type", "rsa-4096"],
    ],
    ids=" ".join,
)
def test_size_prints_numbers_that_json_has(fitted, ended, options):
    status, out, err = ended("size", *FLEET, *options, "--json")
    assert (status, err) == (0, "")

    def none(word: str) -> float:
        raise AssertionError(f"{word} is no JSON")

    (part,) = json.loads(out, parse_constant=none)["clusters"]
    assert part["servers"] >= 1


def test_a_fleet_beyond_every_shape_is_said_not_to_hold(fitted, ended):
    status, out, _ = ended("size", "--agents", "10000000", "--workloads", "100000000", "--json")
    answer = json.loads(out)
    assert status == 0
    assert answer["reference_cell"] is None
    assert answer["clusters"][0]["holds"] is False
    _, text, _ = ended("size", "--agents", "10000000", "--workloads", "100000000")
    assert "it does not hold" in text
    assert "Does not hold: " in text
    assert "nan" not in text


def test_size_for_people(fitted, ended):
    status, out, err = ended("size", *FLEET)
    assert (status, err) == (0, "")
    part = cm.size(cm.Deployment(agents=5000, workloads=10_000), costs()).clusters[0]
    first = out.splitlines()[0]
    assert first.startswith(f"5000 agents, 10000 workloads: {part.servers} server")
    assert f"{part.memory_gb_per_server} GB each" in first
    for start in ("Holds because: ", "Next smaller: ", "Published table: 8 servers x 16 cores", "Assumes: "):
        assert any(line.startswith(start) for line in out.splitlines())
    assert f"{part.evaluation.utilization['server'].estimate:.4g}" in out
    for quantity in part.evaluation.to_frame()["quantity"]:
        assert quantity in out
    assert "…" not in out


@pytest.mark.parametrize(
    ("topology", "names"),
    [("nested", ["root", "cluster 1", "cluster 2", "cluster 3"]), ("federated", ["domain 1", "domain 2", "domain 3"])],
)
def test_a_fleet_is_split_into_clusters_that_are_sized_each(fitted, ended, topology, names):
    arguments = ["size", *FLEET, "--topology", topology, "--clusters", "3"]
    status, out, err = ended(*arguments, "--json")
    assert (status, err) == (0, "")
    answer = json.loads(out)
    assert answer["topology"] == topology
    assert answer["reference_cell"] is None
    assert [part["name"] for part in answer["clusters"]] == names
    split = (cm.Nested if topology == "nested" else cm.Federated).split(cm.Deployment(agents=5000, workloads=10_000), 3)
    assert answer == json.loads(json.dumps(cm.size(split, costs()).to_dict()))
    _, text, _ = ended(*arguments)
    for part in answer["clusters"]:
        assert f"{part['name']}: {part['agents']} agents, " in text


def test_every_field_of_a_deployment_is_an_option(fitted, monkeypatch, ended):
    asked = []
    monkeypatch.setattr(cm, "size", lambda deployment, *_, **__: asked.append(deployment) or stop())
    values = {
        "agents": 30, "workloads": 600, "datastore": "mariadb", "sync_mode": "events_cache", "spire_version": "v1.9.0",
        "entries_per_agent": 7.0, "selectors_per_entry": 3.0, "dns_names_per_entry": 1.0,
        "node_selectors_per_agent": 4.0, "sync_interval_s": 6.0, "reload_interval_s": 7.0, "x509_ttl_s": 7200.0,
        "agent_ttl_s": 1800.0, "jwt_per_s": 2.0, "changes_per_s": 3.0, "federated_domains": 5.0,
        "ca_key_type": "rsa-2048", "datastore_round_trip_time_s": 0.01, "machine_speed": 2.0, "datastore_speed": 3.0,
        "zipf_exponent": 0.5, "jwt_pairs_per_agent": 6.0, "jwt_requests_per_pair_s": 0.25, "jwt_ttl_s": 600.0,
        "updates_per_s": 1.5, "ca_ttl_s": 43_200.0, "reattests": True, "cores_taken": 0.5, "downstream_servers": 8.0,
        "federated_peers": 9.0,
    }  # fmt: skip
    # Entries of each single agent are a list, which a notebook has and a command line has not.
    assert set(values) | {"entries_by_agent"} == {field.name for field in fields(cm.Deployment)}
    arguments = []
    for name, value in values.items():
        arguments.append("--" + re.sub(r"(?<!per)_s$", "", name).replace("_", "-"))
        arguments += [] if value is True else [str(value)]
    refused(ended("size", *arguments))
    assert asked == [cm.Deployment(**values)]


def test_a_datastore_is_as_quick_as_the_servers_unless_told(fitted, monkeypatch, ended):
    asked = []
    monkeypatch.setattr(cm, "size", lambda deployment, *_, **__: asked.append(deployment) or stop())
    refused(ended("size", *FLEET, "--machine-speed", "2"))
    assert (asked[0].machine_speed, asked[0].datastore_speed) == (2.0, 2.0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--agents", "0", "--workloads", "5"], "agents: got 0, expected at least 1 and at most 1e+07"),
        (["--agents", "5", "--workloads", "-1"], "workloads: got -1, expected at least 0"),
        ([*FLEET, "--topology", "ring"], "topology: got 'ring', expected one of single, nested, federated"),
        ([*FLEET, "--topology", "nested", "--clusters", "1"], "clusters: got 1, expected at least 2"),
        ([*FLEET, "--topology", "federated", "--clusters", "5001"], "clusters: got 5001, expected at least 2 and"),
        ([*FLEET, "--datastore", "oracle"], "datastore: got 'oracle', expected one of sqlite, postgresql"),
        ([*FLEET, "--sync-mode", "crawl", "--spire-version", "v1.15.3"], "spire_version: got 'v1.15.3', expected"),
        ([*FLEET, "--x509-ttl", "nan"], "x509_ttl_s: got nan, expected at least 60"),
        ([*FLEET, "--max-utilization", "1.5"], "max_utilization: got 1.5, expected more than 0 and less than 1"),
        ([*FLEET, "--max-response-time", "0"], "max_response_time_s: got 0.0, expected more than 0 seconds"),
        ([*FLEET, "--level", "1"], "level: got 1.0, expected more than 0 and less than 1"),
        ([*FLEET, "--spare-servers", "-1"], "spare_servers: got -1, expected a whole number of at least 0"),
    ],
)  # fmt: skip
def test_a_deployment_that_cannot_be_is_refused_in_one_sentence(fitted, ended, options, sentence):
    assert refused(ended("size", *options)).startswith(f"capmodel: {sentence}")


def test_own_measurements_enter_the_fit(monkeypatch, tmp_path, ended):
    own = cm.load_sync_runs(paths=()).head(3).drop(columns="source").assign(run_id=["a1", "a2", "a3"])
    own.to_csv(tmp_path / "mine.csv", index=False)
    fitted_to = []
    monkeypatch.setattr(cm, "OperationCosts", lambda runs: fitted_to.append(runs) or stop())
    refused(ended("size", *FLEET, "--measurements", str(tmp_path)))
    assert fitted_to[0]["source"].value_counts().to_dict() == {"shipped": len(fitted_to[0]) - 3, "mine": 3}
    refused(ended("size", *FLEET))
    assert set(fitted_to[1]["source"]) == {"shipped"}


# check


def test_check_prints_the_agreed_json(fitted, ended):
    status, out, err = ended("check", str(data_path("fleet_runs.csv")), "--json")
    assert (status, err) == (0, "")
    result = json.loads(out)
    assert {"rows", "scored", "level", "median_abs_relative_error", "coverage", "groups"} <= set(result)
    group_keys = {"sync_mode", "datastore", "operation", "component", "rows", "median_abs_relative_error", "coverage"}
    assert result["groups"]
    assert all(set(group) == group_keys for group in result["groups"])
    assert result == json.loads(json.dumps(cm.check(cm.load_fleet_runs(), costs()).to_dict()))
    assert (result["rows"], result["level"]) == (9, 0.9)


def test_check_takes_the_level(fitted, ended):
    path = str(data_path("fleet_runs.csv"))
    results = [json.loads(ended("check", path, "--level", level, "--json")[1]) for level in ("0.5", "0.99")]
    assert [result["level"] for result in results] == [0.5, 0.99]
    assert results[0]["coverage"] < results[1]["coverage"]


def test_predictions_have_the_agreed_columns_and_say_which_row(fitted, ended, tmp_path):
    source, target = data_path("shared_datastore_runs.csv"), tmp_path / "predictions.csv"
    status, _, _ = ended("check", str(source), "--predictions", str(target))
    assert status == 0
    with target.open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert list(table[0]) == PREDICTIONS
    with source.open(newline="") as stream:
        runs = list(csv.DictReader(stream))
    for line in table:
        # `row` counts the rows of the file from 0: the measured value is that row's cell.
        assert float(line["measured"]) == float(runs[int(line["row"])][line["quantity"]])
        assert float(line["lower"]) <= float(line["predicted"]) <= float(line["upper"])
    written = cm.check(cm.load_shared_datastore_runs(), costs()).predictions
    pd.testing.assert_frame_equal(pd.read_csv(target), written[PREDICTIONS], check_dtype=False)
    assert (
        "counts those of RUNS.csv from 0"
        in CliRunner().invoke(cli.app, ["check", "--help"], env={"COLUMNS": "200"}).output
    )


def test_predictions_of_rows_that_cannot_be_scored_are_a_header_alone(fitted, ended, tmp_path):
    runs = cm.load_saturation_runs()
    runs[runs["start"] == "together"].head(2).drop(columns="source").to_csv(tmp_path / "runs.csv", index=False)
    status, out, _ = ended("check", str(tmp_path / "runs.csv"), "--predictions", str(tmp_path / "out.csv"), "--json")
    assert status == 0
    assert (tmp_path / "out.csv").read_text().split() == [",".join(PREDICTIONS)]
    result = json.loads(out)
    assert (result["rows"], result["scored"], result["median_abs_relative_error"], result["coverage"]) == (
        2,
        0,
        None,
        None,
    )
    status, text, _ = ended("check", str(tmp_path / "runs.csv"))
    assert status == 0
    assert "2 rows of saturation_runs, 0 quantities scored" in text
    assert "Not scored, 4: agents that started together are not in a stationary state" in text


def test_check_for_people(fitted, ended):
    status, out, err = ended("check", str(data_path("sync_runs.csv")))
    assert (status, err) == (0, "")
    result = cm.check(cm.load_sync_runs(paths=()), costs())
    printed = result.to_dict()
    assert f"{printed['rows']} rows of sync_runs, {printed['scored']} quantities scored" in out
    assert f"{100 * printed['median_abs_relative_error']:.1f} %" in out
    # Every group on a line of its own, every name whole.
    for group in printed["groups"]:
        words = [group[name] for name in ("sync_mode", "datastore", "operation", "component")]
        assert any(line.split()[:5] == [*words, str(group["rows"])] for line in out.splitlines())
    assert "…" not in out


def runs_file(folder: Path, **changes: object) -> Path:
    """Write three good rows of sync_runs.csv with changed cells."""
    rows = cm.load_sync_runs(paths=()).query("datastore == 'postgresql'").head(3).drop(columns=["source", "cores"])
    rows = rows.astype(object)
    for column, value in changes.items():
        rows.loc[rows.index[1], column] = value
    path = folder / "runs.csv"
    rows.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"server_cpu_s_per_op": -0.001}, "line 3, column server_cpu_s_per_op: found '-0.001', expected"),
        ({"server_cpu_s_per_op": "NaN"}, "line 3, column server_cpu_s_per_op: found 'NaN', expected"),
        ({"server_cpu_s_per_op": ""}, "line 3, column server_cpu_s_per_op: found an empty cell, expected"),
        ({"server_cpu_s_per_op": "quick"}, "line 3, column server_cpu_s_per_op: found 'quick', expected"),
        ({"agents": "many"}, "line 3, column agents: found 'many', expected"),
        ({"datastore": "oracle"}, "line 3, column datastore: found 'oracle', expected"),
        ({"operation": "reboot"}, "line 3, column operation: found 'reboot', expected"),
    ],
)
def test_a_wrong_cell_is_refused_in_one_sentence_that_names_it(ended, tmp_path, changes, sentence):
    path = runs_file(tmp_path, **changes)
    assert refused(ended("check", str(path))).startswith(f"capmodel: {path}, {sentence}")


def test_a_repeated_identifier_is_refused(ended, tmp_path):
    path = runs_file(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[1]]) + "\n")
    assert "line 5, column run_id: found" in refused(ended("check", str(path)))


def test_a_missing_column_is_refused(ended, tmp_path):
    path = runs_file(tmp_path)
    pd.read_csv(path).drop(columns="window_s").to_csv(path, index=False)
    assert "column window_s" in refused(ended("check", str(path)))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not an empty file"),
        (b"a,b\n1,2\n", "these are missing: "),
        (b"\x00\x01\x02", "expected text in UTF-8"),
        (b"\xff\xfe\xfa", "expected text in UTF-8"),
    ],
    ids=["empty", "other columns", "nul", "latin"],
)
def test_a_file_that_is_no_table_of_runs_is_refused(ended, tmp_path, content, sentence):
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    assert sentence in refused(ended("check", str(path)))


def test_a_file_without_rows_is_refused(ended, tmp_path):
    path = runs_file(tmp_path)
    path.write_text(path.read_text().splitlines()[0] + "\n")
    assert "expected at least one row below the header" in refused(ended("check", str(path)))


def test_a_file_or_folder_that_cannot_be_read_is_refused(ended, tmp_path):
    assert "expected a readable file" in refused(ended("check", str(tmp_path / "none.csv")))
    assert "expected a readable file" in refused(ended("check", str(tmp_path)))


@pytest.mark.parametrize(("encoding", "newline"), [("utf-8-sig", "\n"), ("utf-8", "\r\n"), ("utf-8-sig", "\r\n")])
def test_marks_and_line_ends_of_a_spreadsheet_make_no_difference(fitted, ended, tmp_path, encoding, newline):
    path = runs_file(tmp_path)
    plain = ended("check", str(path), "--json")
    path.write_bytes(path.read_text().replace("\n", newline).encode(encoding))
    assert ended("check", str(path), "--json") == plain
    assert plain[0] == 0


@pytest.mark.parametrize("level", ["0", "1", "-1", "nan"])
def test_a_level_that_is_none_is_refused_before_the_fit(monkeypatch, ended, level):
    monkeypatch.setattr(cli, "_fit", lambda: pytest.fail("fitted"))
    assert "level: got" in refused(ended("check", str(data_path("fleet_runs.csv")), "--level", level))


# What is left behind


def test_nothing_is_written_into_a_folder_that_is_not_there(monkeypatch, ended, tmp_path):
    monkeypatch.setattr(cli, "_fit", lambda: pytest.fail("fitted"))
    target = tmp_path / "missing" / "out.csv"
    sentence = refused(ended("check", str(data_path("fleet_runs.csv")), "--predictions", str(target)))
    assert str(target) in sentence
    assert ".tmp" not in sentence
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_when_the_runs_are_refused(ended, tmp_path):
    path, target = runs_file(tmp_path, datastore="oracle"), tmp_path / "out.csv"
    target.write_text("before")
    refused(ended("check", str(path), "--predictions", str(target)))
    assert target.read_text() == "before"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["out.csv", "runs.csv"]


def test_a_folder_in_place_of_the_predictions_is_refused(fitted, ended, tmp_path):
    refused(ended("check", str(data_path("fleet_runs.csv")), "--predictions", str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


# The command itself


def test_commands_explain_themselves():
    runner = CliRunner()
    for command in ([], ["size"], ["check"], ["book"]):
        result = runner.invoke(cli.app, [*command, "--help"], env={"COLUMNS": "200"})
        assert result.exit_code == 0
        assert "Usage:" in result.output
    help_ = runner.invoke(cli.app, ["size", "--help"], env={"COLUMNS": "200"}).output
    for name in ("--agents", "--workloads", "--json", "--x509-ttl", "--topology"):
        assert name in help_


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["size", "--agents", "many", "--workloads", "5"], "--agents"),
        (["size", "--agents", "5"], "--workloads"),
        (["check"], "RUNS.csv"),
        (["reboot"], "reboot"),
        (["size", *FLEET, "--no-such-option"], "--no-such-option"),
    ],
)
def test_a_wrong_call_ends_with_status_2(arguments, words):
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def test_the_version():
    result = CliRunner().invoke(cli.app, ["--version"])
    assert (result.exit_code, result.output.strip()) == (0, f"capmodel {cm.__version__}")


def test_a_fault_of_the_program_is_not_passed_off_as_one_of_the_reader(monkeypatch):
    monkeypatch.setattr(cli, "_fit", lambda measurements=None: {}["nothing"])
    result = CliRunner().invoke(cli.app, ["size", *FLEET])
    assert isinstance(result.exception, KeyError)


def test_importing_the_entry_point_runs_nothing():
    assert typer.Typer is type(cli.app)
    code = "import capmodel.__main__, sys; print('typer' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "True\n"


# In processes of their own


def test_a_process_prints_the_version():
    result = in_a_process("--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"capmodel {cm.__version__}\n", "")


def test_a_process_sizes(tmp_path):
    """From any folder, with nothing else on standard output and nothing on standard error."""
    result = in_a_process("size", *FLEET, "--json", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    answer = cm.size(cm.Deployment(agents=5000, workloads=10_000), costs()).to_dict()
    assert json.loads(result.stdout)["clusters"][0]["servers"] == answer["clusters"][0]["servers"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check", "none.csv"], "capmodel: none.csv: expected a readable file (No such file or directory).\n"),
        (
            ["size", "--agents", "0", "--workloads", "1"],
            "capmodel: agents: got 0, expected at least 1 and at most 1e+07\n",
        ),
    ],
)
def test_a_process_is_refused(tmp_path, arguments, sentence):
    result = in_a_process(*arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", sentence)


def test_an_installed_package_has_no_book(tmp_path):
    installed = tmp_path / "lib"
    shutil.copytree(Path(cm.__file__).parent, installed / "capmodel", ignore=shutil.ignore_patterns("__pycache__"))
    result = in_a_process("book", cwd=tmp_path, PYTHONPATH=str(installed))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("capmodel: book: expected a checkout of the project")
