"""The public statement table agrees with the code that made it, and a table that does not is found out."""

import re

import pandas as pd
import pytest
from fitted import costs

import capmodel as cm
from capmodel import issue_1351

TABLE = cm.load_issue_1351()
COUNT = TABLE.set_index("statement")["count_in_window"].astype(float)
WINDOW_S = 4_062_095 / 47_048


def changed(statement: str, factor: float) -> pd.DataFrame:
    """Return the table with one count changed, and its rate with it: the window is what it was."""
    table = TABLE.astype({"count_in_window": float})
    table.loc[table["statement"] == statement, ["count_in_window", "rate_per_s"]] *= factor
    return table


def test_every_identity_holds_within_one_percent() -> None:
    found = issue_1351.identities(TABLE)
    assert len(found) >= 6
    assert (found["relative_difference"].abs() < 0.01).all()


def test_identities_of_counts_alone_hold_within_a_quarter_of_a_percent() -> None:
    alone = issue_1351.identities(TABLE).iloc[:-1]
    assert (alone["relative_difference"].abs() < 0.0025).all()


@pytest.mark.parametrize("statement", [*issue_1351.STATEMENTS, "total"])
@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_a_count_that_is_off_by_two_percent_breaks_an_identity(statement: str, factor: float) -> None:
    found = issue_1351.identities(changed(statement, factor))
    assert (found["relative_difference"].abs() > 0.01).any()


def test_every_identity_names_its_lines_in_the_release_that_was_counted() -> None:
    for source in issue_1351.identities(TABLE)["source"]:
        for part in source.split("; "):
            assert re.fullmatch(r"v0\.9\.2 pkg/[\w/]+\.go:\d+(-\d+)?(,\d+(-\d+)?)*", part), part


def test_the_totals_are_those_of_the_code() -> None:
    found = issue_1351.identities(TABLE).set_index("identity")
    total = found[found.index.str.startswith("total =")].iloc[0]
    queries = 589_593 + 589_836 + 51_336 + 53_001
    assert total["left"] == 4_062_095
    assert total["right"] == 3 * queries + 2 * (51_336 + 53_001)


def test_a_missing_statement_is_named() -> None:
    with pytest.raises(ValueError, match="'prepare'"):
        issue_1351.identities(TABLE[TABLE["statement"] != "prepare"])


def test_three_counts_give_all_others() -> None:
    calls = COUNT["fetch_attested_node"] / WINDOW_S
    rates = issue_1351.statement_rates(
        calls,
        COUNT["list_registration_entries"] / COUNT["fetch_attested_node"],
        COUNT["fetch_bundle"] / WINDOW_S - calls,
    )
    for statement, rate in rates.items():
        assert rate * WINDOW_S == pytest.approx(COUNT[statement], rel=8e-4), statement


def test_an_agent_without_entries_costs_two_transactions_and_two_queries() -> None:
    # BEGIN, PREPARE, EXECUTE, CLOSE and ROLLBACK twice, and PREPARE, EXECUTE and CLOSE twice.
    assert issue_1351.statement_rates(1.0, 1.0, 0.0)["total"] == 2 * 5 + 2 * 3


def test_the_window_is_that_of_the_total() -> None:
    assert issue_1351.window_s(TABLE) == pytest.approx(86.339, abs=0.001)


def test_the_load_is_predicted_from_agents_and_workloads() -> None:
    found = issue_1351.datastore_load(costs()).set_index("quantity")
    calls, ids, sent = (found.loc[name] for name in ("calls that crawl", "ids visited in a crawl", "statements"))
    # 3500 agents every 5 s and one signing call and one renewal an agent every 1797.5 s, less what answers take.
    assert 3500 / 5.1 + 2 * 3500 / 1800 < calls["predicted"] < 3500 / 5 + 2 * 3500 / 1797
    assert ids["predicted"] == pytest.approx(1 + 31_000 / 3500)
    handshakes = 3500 / 180 + 3500 / 1797.5
    by_hand = calls["predicted"] * (6 * ids["predicted"] + 10) + 5 * handshakes
    assert sent["predicted"] == pytest.approx(by_hand, rel=1e-4)
    assert calls["counted"] == pytest.approx(51_336 / WINDOW_S)
    assert sent["counted"] == pytest.approx(47_048)
    # Rate times mean time of each kind, by hand: 7.66 statements at a time, 4.69 of them neither prepare nor close.
    assert found.loc["datastore, all statements", "counted"] == pytest.approx(7.66, abs=0.01)
    assert found.loc["datastore, statements prepared once", "counted"] == pytest.approx(4.69, abs=0.01)


def test_intervals_hold_their_estimates_and_widen_with_their_level() -> None:
    narrow, wide = (issue_1351.datastore_load(costs(), level=level) for level in (0.5, 0.95))
    for found in (narrow, wide):
        assert (found["lower"] <= found["predicted"]).all()
        assert (found["predicted"] <= found["upper"]).all()
    assert (wide["lower"] <= narrow["lower"]).all()
    assert (wide["upper"] >= narrow["upper"]).all()
    assert (wide["upper"] > narrow["upper"]).sum() >= 3


def test_twice_the_fleet_sends_twice_the_statements() -> None:
    one, two = (
        issue_1351.crawl(costs(), agents, 9 * agents, shape=(8, 8, 32)).statements["total"][0] for agents in (500, 1000)
    )
    assert two == pytest.approx(2 * one, rel=0.01)
