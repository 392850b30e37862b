"""Memory of a server: recovered from made servers, against slopes by hand, and right about its own errors."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from fitted import costs

import capmodel as cm
from capmodel import spire
from capmodel.memory import TERMS, ServerMemory

KNOWN = pd.Series([8.0e7, 1500.0, 300.0, 900.0, 9.0e4], index=TERMS)


def servers(**values: object) -> pd.DataFrame:
    return pd.DataFrame({"entries": [0], "agents": [1], "connections": [0], "selectors_per_entry": [2]} | values)


@cache
def shipped() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return cm.load_sync_runs(paths=()), cm.load_reload_runs(), cm.load_connection_memory_runs()


def made_servers(seed: int, noise: float) -> ServerMemory:
    """Return the shipped servers with the memory that the known costs give them, term by term, and noise."""
    random = np.random.default_rng(seed)
    runs, reloads, connections = shipped()
    frames = []
    for frame, count in ((runs, runs["concurrency"]), (reloads, 0.0), (connections, connections["connections"])):
        details = frame.get("selectors_per_entry", 2) + frame.get("dns_names_per_entry", 0)
        parts = [1.0, frame["entries"], frame["entries"] * details, frame["agents"], count]
        held = sum(cost * amount for cost, amount in zip(KNOWN, parts, strict=True))
        frames.append(frame.assign(server_memory_bytes=held * np.exp(random.normal(0.0, noise, len(frame)))))
    return ServerMemory(*frames)


def test_known_bytes_are_recovered_exactly_without_noise():
    found = made_servers(0, 0.0).fit()
    assert found.params.to_numpy() == pytest.approx(KNOWN.to_numpy(), rel=1e-6)
    assert found.dispersion < 1e-12


def test_known_bytes_lie_in_their_intervals():
    errors = []
    for seed in range(40):
        found = made_servers(seed, 0.1).fit()
        errors.append(((found.params - KNOWN) / found.bse).to_numpy())
        assert np.sqrt(found.dispersion) == pytest.approx(0.1, rel=0.25)
    inside = (np.abs(errors) <= 1.645).mean()
    assert inside == pytest.approx(0.9, abs=4 * np.sqrt(0.9 * 0.1 / np.size(errors)))


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_hold_as_often_as_they_say(level):
    inside = []
    for seed in range(10):
        others = made_servers(1000 + seed, 0.1).rows
        table = made_servers(seed, 0.1).fit().predict(others, level=level)
        inside.append(others["server_memory_bytes"].between(table["lower_bytes"], table["upper_bytes"]).mean())
    assert np.mean(inside) == pytest.approx(level, abs=0.03)


def test_the_shipped_estimates_are_not_negative_and_have_errors():
    found = costs().memory
    assert list(found.params.index) == list(TERMS)
    assert (found.params >= 0.0).all()
    assert (found.bse >= 0.0).all()
    assert (found.covariance.to_numpy() == found.covariance.to_numpy().T).all()
    assert found.rows > 100


def test_a_connection_holds_what_the_measured_ones_did():
    """Servers with 1 to many connections and the same entries: bytes for one more."""
    runs = cm.load_connection_memory_runs().sort_values("connections")
    by_hand = np.polyfit(runs["connections"], runs["server_memory_bytes"], 1)[0]
    assert costs().memory.params["connection"] == pytest.approx(by_hand, rel=0.2)


def test_an_entry_holds_what_larger_caches_hold_more():
    runs = cm.load_reload_runs().query(
        "operation == 'reload' and spire_version == 'v1.15.3' and agents == 1000 and node_selectors_per_agent == 0 "
        "and selectors_per_entry == 2 and dns_names_per_entry == 0"
    )
    means = runs.groupby("entries")["server_memory_bytes"].mean()
    by_hand = (means[120_000] - means[1000]) / 119_000
    params = costs().memory.params
    assert params["entry"] + 2 * params["entry_detail"] == pytest.approx(by_hand, rel=0.3)


@pytest.mark.parametrize(
    ("values", "term", "times"),
    [
        ({"entries": [1000], "selectors_per_entry": [0]}, "entry", 1000),
        ({"agents": [1001]}, "agent", 1000),
        ({"connections": [50]}, "connection", 50),
    ],
)
def test_a_prediction_is_the_sum_of_its_terms(values, term, times):
    found = costs().memory
    one, other = (found.predict(servers(**part))["estimate_bytes"][0] for part in ({}, values))
    assert other - one == pytest.approx(times * found.params[term], rel=1e-9, abs=1e-3)


def test_details_are_selectors_and_dns_names():
    found = costs().memory
    two = found.predict(servers(entries=[10_000], selectors_per_entry=[3]))
    mixed = found.predict(servers(entries=[10_000], selectors_per_entry=[1], dns_names_per_entry=[2]))
    pd.testing.assert_frame_equal(two, mixed)
    empty = found.predict(servers(entries=[10_000], selectors_per_entry=[3], dns_names_per_entry=[np.nan]))
    pd.testing.assert_frame_equal(two, empty)


def test_intervals_hold_the_estimate_grow_with_the_level_and_keep_labels():
    frame = pd.concat([servers(), servers(entries=[10**6], agents=[10**5], connections=[10**4])]).set_axis(["a", "b"])
    narrow, wide = (costs().memory.predict(frame, level=level) for level in (0.5, 0.95))
    assert list(narrow.index) == ["a", "b"]
    assert (wide["lower_bytes"] < narrow["lower_bytes"]).all()
    assert (narrow["lower_bytes"] < narrow["estimate_bytes"]).all()
    assert (narrow["estimate_bytes"] < narrow["upper_bytes"]).all()
    assert (narrow["upper_bytes"] < wide["upper_bytes"]).all()
    assert (wide["lower_bytes"] > 0.0).all()


@pytest.mark.parametrize("level", [0.0, 1.0, 2.0])
def test_a_level_that_is_none(level):
    with pytest.raises(ValueError, match=r"level: got .*, expected more than 0 and less than 1"):
        costs().memory.predict(servers(), level=level)


def test_no_server_that_caches_entries():
    runs = cm.load_sync_runs(paths=()).query("sync_mode == 'crawl'")
    nothing = (cm.load_reload_runs().iloc[:0], cm.load_connection_memory_runs().iloc[:0])
    with pytest.raises(ValueError, match=r"runs: got no row with the memory of a server"):
        ServerMemory(runs, *nothing)


def test_servers_that_crawl_and_old_ones_take_no_part():
    runs, reloads = cm.load_sync_runs(paths=()), cm.load_reload_runs()
    rows = ServerMemory(runs, reloads).rows
    assert all(spire.family(mode, "sync") != "crawl" for mode in set(rows["sync_mode"]))
    assert "v0.12.3" not in set(rows["spire_version"])
