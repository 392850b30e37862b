"""Every public figure is judged once, by numbers that can be worked out by hand."""

import functools
import math

import numpy as np
import pandas as pd
import pytest
from fitted import costs
from hypothesis import given, settings
from hypothesis import strategies as st

import capmodel as cm
from capmodel import field_reports
from capmodel.field_predictions import RULES, Span
from capmodel.field_reports import parse, predict_field_reports
from capmodel.held_out_cells import reference_cells
from capmodel.not_comparable import NOT_COMPARABLE

REPORTS = cm.load_field_reports()
#: The sizing table's cells take most of the time.
OTHERS = REPORTS[~REPORTS["quantity"].str.startswith("doc_")]
PREDICTED = [
    figure
    for figure, quantity, unit in zip(OTHERS["id"], OTHERS["quantity"], OTHERS["unit"], strict=True)
    if (quantity, unit) in RULES
]
#: Those that need no fleet to be sized, and one that does.
QUICK = ["F014", *(figure for figure in PREDICTED if figure > "F025")]


@functools.cache
def judged() -> pd.DataFrame:
    return predict_field_reports(REPORTS, costs())


def one(figure: str) -> pd.Series:
    return judged().set_index("id").loc[figure]


def altered(figure: str, **columns: str) -> pd.Series:
    """Return the answer for a figure whose report says something else."""
    row = REPORTS[REPORTS["id"] == figure].assign(**columns)
    rest = REPORTS[(REPORTS["id"] != figure) & (REPORTS["source_url"] == row["source_url"].item())]
    return predict_field_reports(pd.concat([row, rest]), costs()).iloc[0]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("3500", 3500, 3500),
        ("0.17", 0.17, 0.17),
        ("10-14", 10, 14),
        (">600", 600, math.inf),
        (">=512", 512, math.inf),
        ("<1", 0, 1),
        ("<=131", 0, 131),
        ("~307", 306.5, 307.5),
        ("~0.2", 0.15, 0.25),
        ("~90", 85, 95),
        ("~1000", 500, 1500),
        ("~4400-4500", 4350, 4550),
        ("300-400+", 300, math.inf),
        ("3+", 3, math.inf),
        ("665 / 551", 551, 665),
        ("7 / 3", 3, 7),
        ("44.9 -> 23.3", 23.3, 44.9),
        ("10 or 30", 10, 30),
        ("few hundred thousand", 200_000, 900_000),
        ("thousands", 1000, 9000),
    ],
)
def test_published_figures_are_read_as_ranges(text: str, low: float, high: float) -> None:
    assert parse(text) == Span(pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize("text", ["", "unknown", "N*100", "all", "2 vCPU / 4096 MB", "200m / 256Mi", "server OOM", "-"])
def test_what_is_no_figure_is_no_range(text: str) -> None:
    assert all(math.isnan(end) for end in parse(text))


@given(low=st.integers(0, 10**6), more=st.integers(0, 10**6))
@settings(derandomize=True, max_examples=50)
def test_ranges_are_read_whatever_their_numbers(low: int, more: int) -> None:
    assert parse(f"{low}-{low + more}") == (low, low + more)
    about = parse(f"~{low}")
    assert about.low <= low <= about.high


def test_every_figure_is_judged_once_and_in_order() -> None:
    assert judged()["id"].tolist() == REPORTS["id"].tolist()
    assert len(judged()) == 280
    assert judged()["id"].is_unique
    assert judged()["value"].tolist() == REPORTS["value"].tolist()


def test_every_figure_has_a_verdict_and_a_reason_of_its_own_kind() -> None:
    assert set(judged()["verdict"]) == set(field_reports.VERDICTS)
    assert judged()["reason"].str.len().min() > 10
    assert not judged()["reason"].eq(field_reports.UNKNOWN_QUANTITY).any()
    compared = judged()["verdict"] != "not comparable"
    assert set(judged().loc[compared, "kind"]) == {"code", "costs", "table"}
    assert (judged().loc[~compared, "kind"] == "").all()


def test_verdicts_are_what_the_numbers_say() -> None:
    numbers = judged()[["predicted", "lower", "upper"]]
    compared = judged()["verdict"] != "not comparable"
    assert (numbers.notna().all(axis=1) == compared).all()
    assert numbers[~compared].isna().all(axis=None)
    found = judged()[compared]
    assert (found["lower"] <= found["predicted"] * (1 + 1e-12)).all()
    assert (found["predicted"] <= found["upper"] * (1 + 1e-12)).all()
    apart = (found["low"] > found["upper"] * (1 + 1e-9)) | (found["high"] < found["lower"] * (1 - 1e-9))
    assert (apart == (found["verdict"] == "outside")).all()


def test_what_is_outside_says_what_the_prediction_does_not_know() -> None:
    said = judged()["reason"].str.contains("it does not know", regex=False)
    assert (said == (judged()["verdict"] == "outside")).all()


def test_figures_a_thousand_times_as_large_are_outside() -> None:
    inside = judged().loc[judged()["verdict"] == "inside", "id"]
    # Where more of the same report enters, it stays what it was.
    larger = OTHERS.copy()
    changed = larger["id"].isin(inside) & ~larger["quantity"].isin(["workloads_per_node", "selectors_per_agent"])
    # A bound below is met by anything above it.
    changed &= ~larger["value"].str.startswith(">")
    larger.loc[changed, "value"] = [
        f"{1000 * max(parse(value).high, 1e-3):.6f}" for value in larger.loc[changed, "value"]
    ]
    found = predict_field_reports(larger, costs()).loc[changed]
    assert len(found) > 30
    assert (found["verdict"] == "outside").all()


def test_no_quantity_is_both_predicted_and_excused() -> None:
    excused = {name for names in NOT_COMPARABLE.values() for name in names.split()}
    assert not excused & {quantity for quantity, _ in RULES}
    listed = [name for names in NOT_COMPARABLE.values() for name in names.split()]
    assert len(listed) == len(excused)
    assert excused <= set(REPORTS["quantity"])
    assert set(RULES) <= set(zip(REPORTS["quantity"], REPORTS["unit"], strict=True))


def test_a_quantity_that_nobody_knows_is_not_compared() -> None:
    found = altered("F001", quantity="phase_of_the_moon")
    assert (found["verdict"], found["reason"]) == ("not comparable", field_reports.UNKNOWN_QUANTITY)


def test_a_report_that_says_too_little_is_not_compared() -> None:
    # The file knows the selectors of an agent only from the rows that it would predict.
    assert one("F035")["reason"] == field_reports.NOT_SAID
    assert altered("F014", agents="")["reason"] == field_reports.NOT_SAID
    assert altered("F177", servers="unknown")["reason"] == field_reports.NOT_SAID
    assert altered("F176", agents="unknown")["reason"] == field_reports.NOT_SAID
    assert altered("F045", servers="several")["reason"] == field_reports.NOT_SAID
    # A cell that the published table does not have is none that it could be held against.
    assert altered("F234", agents="77")["reason"] == field_reports.NOT_SAID


def test_a_value_that_cannot_be_read_is_not_compared() -> None:
    assert altered("F031", value="a while")["reason"] == field_reports.NOT_READ


# Predictions worked out by hand.


def test_a_constant_is_compared_in_the_unit_of_its_report() -> None:
    assert one("F048")["predicted"] == 3.0
    assert one("F048")["verdict"] == "inside"
    assert altered("F048", value="4")["verdict"] == "outside"


def test_a_renewal_comes_at_the_first_check_past_half_of_the_lifetime() -> None:
    # (3600 + 10) / 2 s before the end, and up to one sync interval later.
    assert one("F056")[["lower", "upper"]].tolist() == pytest.approx([1795 / 60, 1800 / 60])


def test_a_burst_is_agents_times_entries() -> None:
    assert one("F054")["predicted"] == 1000 * 100
    assert one("F055")["predicted"] == 1000 * 100 / 5


def test_recovery_takes_nine_doublings() -> None:
    # 1, 2, 4, 8, 16, 32, 64, 128, 256 and then 500 requests a call, 5 s apart.
    assert one("F078")["predicted"] == 45.0
    assert one("F078")["verdict"] == "outside"


def test_each_server_leaves_four_to_four_and_a_half_keys() -> None:
    # Two days, and up to 6 h more, in lives of a day that begin 12 h apart.
    assert one("F195")[["lower", "upper"]].tolist() == [30 * 4, 30 * 4.5]


def test_propagation_is_at_most_two_intervals() -> None:
    assert one("F092")[["predicted", "upper"]].tolist() == [10.0, 10.5]
    # The sum of two waits of up to 5 s: 5 % of triangles lie below sqrt(0.1 x 25).
    assert one("F159")[["lower", "upper"]].tolist() == pytest.approx([math.sqrt(2.5), 10 - math.sqrt(2.5)])
    # Before v0.12 there is no reload, and subtrees are cached for 1 s.
    assert one("F160")[["predicted", "upper"]].tolist() == [5.0, 6.5]


def test_a_bundle_is_read_at_each_sync_and_each_handshake() -> None:
    row = one("F013")
    # A call every 5 s, two more an hour-long SVID's renewal, and a handshake every 3 minutes and at each renewal.
    most = 3500 / 5 + 2 * 3500 / 1797.5 + 3500 / 180 + 3500 / 1797.5
    assert row["predicted"] == pytest.approx(most, rel=0.005)
    assert row["predicted"] < most


def test_a_crawl_sends_three_statements_for_each_query() -> None:
    ids = 1 + 31_000 / 3500
    assert one("F022")["predicted"] == pytest.approx(ids)
    calls = one("F014")["predicted"]
    connections = 3500 / 180 + 3500 / 1797.5
    assert one("F020")["predicted"] == pytest.approx(6 * ids + 10 + 5 * connections / calls, rel=1e-4)
    # Half a hundred agents more or less: "approximately 3500".
    assert one("F022")[["lower", "upper"]].tolist() == pytest.approx([1 + 31_000 / 3550, 1 + 31_000 / 3450])


def test_a_reload_is_the_sum_of_what_it_reads() -> None:
    price = costs().params
    seconds = {}
    for datastore in ("postgresql", "mariadb"):
        total = 0.0
        for component, agent in (("server", "all"), ("datastore", datastore)):
            total += price["reload", component, "reload", datastore]
            total += 300_000 * price["reload", component, "agent_read", agent]
            total += 3_000_000 * price["reload", component, "node_selector_read", agent]
        seconds[datastore] = total
    assert one("F031")["predicted"] == pytest.approx(np.mean(list(seconds.values())))
    assert one("F032")["predicted"] == pytest.approx(one("F031")["predicted"] / 0.3)
    assert one("F033")["predicted"] == pytest.approx(3e6 / one("F031")["predicted"])


def test_entries_are_listed_at_the_datastores_own_costs() -> None:
    price = costs().fits["reload", "datastore"].params
    by_hand = (
        price["reload", "postgresql"]
        + 20_000 * price["entry_read", "postgresql"]
        + 50_000 * price["entry_detail_read", "postgresql"]
    )
    assert one("F095")["predicted"] == pytest.approx(1e3 * by_hand)
    assert one("F096")["predicted"] == pytest.approx(1e6 * by_hand / 20_000)
    assert one("F097")["predicted"] == pytest.approx(1e6 * by_hand / 70_000)


def test_memory_is_that_of_connections_and_entries() -> None:
    each = costs().memory.params
    assert one("F046")["predicted"] == pytest.approx(each["connection"] / 1e3)
    ends = []
    for entries in (0, 1_500_000):
        server = each["base"] + entries * (each["entry"] + 2 * each["entry_detail"]) + 100_000 * each["agent"]
        ends.append(4 * (server + 100_000 * each["connection"]) / 1e9)
    assert one("F043")["predicted"] == pytest.approx(math.sqrt(ends[0] * ends[1]))
    assert one("F043")["lower"] < ends[0]
    assert one("F043")["upper"] > ends[1]


def test_fewer_connections_save_their_handshakes_alone() -> None:
    # With no handshake to pay for there is nothing to save.
    assert 0 < one("F045")["lower"] <= one("F045")["predicted"] <= one("F045")["upper"] < 25


def test_a_wider_interval_excludes_nothing_that_a_narrower_one_holds() -> None:
    few = OTHERS[OTHERS["id"].isin(["F004", "F021", "F031", "F043", "F046", "F095", "F106", "F107", "F159", "F176"])]
    few = pd.concat([few, OTHERS[OTHERS["id"].isin(["F029", "F042"])]])
    narrow, wide = (predict_field_reports(few, costs(), level) for level in (0.3, 0.99))
    compared = narrow["verdict"] != "not comparable"
    assert compared.sum() >= 10
    assert (wide["lower"] < narrow["lower"])[compared].all()
    assert (wide["upper"] > narrow["upper"])[compared].all()
    assert (wide["verdict"] == "inside")[narrow["verdict"] == "inside"].all()


@pytest.mark.parametrize("level", [0.0, 1.0, 2.0])
def test_an_impossible_level_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        predict_field_reports(REPORTS.head(1), costs(), level)


@given(
    row=st.sampled_from(QUICK),
    agents=st.sampled_from(["", "unknown", "0", "~1000", ">20"]),
    entries=st.sampled_from(["", "unknown", "0", "~100 entries, ~200 selectors", "0 entries, 0 selectors"]),
    servers=st.sampled_from(["", "0", "1", "3"]),
    db=st.sampled_from(["", "PostgreSQL", "MySQL 5.7", "sqlite", "unknown SQL"]),
)
@settings(derandomize=True, max_examples=40, deadline=None)
def test_whatever_a_report_leaves_out_it_gets_a_verdict(
    row: str, agents: str, entries: str, servers: str, db: str
) -> None:
    found = altered(row, agents=agents, entries=entries, servers=servers, db=db)
    assert found["verdict"] in field_reports.VERDICTS


# The sizing table.


@functools.cache
def cells() -> pd.DataFrame:
    return reference_cells(costs())


def test_each_cell_is_predicted_without_itself() -> None:
    printed = judged()[judged()["quantity"] == "doc_cpu_per_server"]
    assert len(printed) == 16
    # In sample the ladder hits every cell; held out it cannot.
    assert (printed["predicted"] != printed["low"]).sum() >= 2
    table = cm.load_reference_sizing()
    without = (
        cm.SizingRegression(table.drop(index=5))
        .fit()
        .predict(table["agents"].iloc[5], table["workloads"].iloc[5], distribution="bounded")
    )
    cell = cells()[
        (cells()["agents"] == table["agents"].iloc[5]) & (cells()["workloads"] == table["workloads"].iloc[5])
    ]
    assert (cell["servers_estimate"] * cell["cores_per_server_estimate"]).item() == without["rung"].item()


def test_cells_are_powers_of_two_within_their_intervals() -> None:
    for column in ("servers", "cores_per_server"):
        for end in ("estimate", "lower", "upper"):
            assert (np.log2(cells()[f"{column}_{end}"].astype(float)) % 1 == 0).all()
        assert (cells()[f"{column}_lower"] <= cells()[f"{column}_estimate"]).all()
        assert (cells()[f"{column}_estimate"] <= cells()[f"{column}_upper"]).all()


def test_what_a_cell_needs_is_what_the_plan_says() -> None:
    cell = cells().iloc[-1]
    answer = cm.size(cm.Deployment(agents=int(cell["agents"]), workloads=int(cell["workloads"])), costs()).clusters[0]
    assert cell["needed_servers"] == answer.servers
    assert cell["needed_cores_per_server"] == answer.cores_per_server
