"""The page "What do TTLs, distribution, JWTs, churn and neighbours change?": the package's answer for any fleet."""

import math

import fitted
import pytest
import translate
from hypothesis import given
from hypothesis import strategies as st

import capmodel as cm
from capmodel import cluster, effects, factors, spire
from capmodel.shapes import Shape

QUANTILE = 1.6448536269514722
SHAPE = Shape(servers=4, cores=2, datastore_cores=2)
FLEETS = {
    "first": {"agents": 5000, "workloads": 10_000},
    "maria": {"agents": 300, "workloads": 90_000, "datastore": "mariadb", "jwt_per_s": 30.0, "federated_domains": 2},
    "sqlite": {"agents": 7, "workloads": 3, "datastore": "sqlite", "sync_mode": "events_cache", "zipf_exponent": 0.7},
    "crawl": {"agents": 900, "workloads": 4000, "sync_mode": "crawl", "updates_per_s": 0.4, "cores_taken": 0.3},
}


def inputs_of(name):
    fleet = cm.Deployment(**FLEETS[name])
    shape = SHAPE._replace(servers=1) if fleet.datastore == "sqlite" else SHAPE
    return fleet, fleet.inputs(), fitted.costs().unit_costs(fleet.datastore), shape


@pytest.mark.parametrize("name", FLEETS)
def test_bars_are_the_tornado_of_a_notebook(name):
    fleet, inputs, unit, shape = inputs_of(name)
    sizes = {"servers": shape.servers, "cores": shape.cores, "datastore_cores": shape.datastore_cores}
    table = cm.tornado(fleet, fitted.costs(), **sizes).set_index("input")
    found = effects.bars(inputs, unit, shape, 0.1, QUANTILE)
    drawn = {bar.input for bar in found}
    expected = table[(table["step"] != "absolute") & (table["effect"] > 1e-4)].index
    assert drawn == set(expected)
    for bar in found:
        row, column = table.loc[bar.input], f"{bar.component}_utilization"
        assert bar.lower == pytest.approx(row[f"{column}_low"] / row[column] - 1, abs=1e-6)
        assert bar.higher == pytest.approx(row[f"{column}_high"] / row[column] - 1, abs=1e-6)
    sizes_of = [abs(table.loc[bar.input, "effect"]) for bar in found]
    assert sizes_of == sorted(sizes_of, reverse=True)


@pytest.mark.parametrize("name", FLEETS)
def test_every_factor_has_the_fleet_itself_once_and_rising_values(name):
    _, inputs, unit, shape = inputs_of(name)
    found = factors.points(inputs, unit, shape, QUANTILE)
    now = effects.demanded(inputs, unit, shape.servers, QUANTILE)
    for factor in {point.factor for point in found}:
        own = [point for point in found if point.factor == factor]
        here = [point for point in own if point.here]
        assert len(here) == 1
        assert here[0].server == now.server
        assert here[0].datastore == now.datastore
        values = [point.x for point in own]
        assert values == sorted(values)
        assert factor == "ca_key_type" or len(set(values)) == len(values)
    expected = set(factors.TITLES) - ({"datastore_round_trip_time_s"} if inputs.datastore == "sqlite" else set())
    assert {point.factor for point in found} == expected


def test_neighbours_and_distance_cost_time_rather_than_cores():
    _, inputs, unit, shape = inputs_of("first")
    far = [
        point for point in factors.points(inputs, unit, shape, QUANTILE) if point.factor.startswith("datastore_round")
    ]
    assert len({point.server.estimate for point in far}) == 1
    # A tenth of a second there and back, at least four times a sync.
    assert far[-1].response_s.estimate - far[0].response_s.estimate > spire.TRANSACTION_ROUND_TRIPS * 0.1 * 0.99


@given(agents=st.integers(1, 50_000), each=st.integers(0, 40), store=st.sampled_from(["postgresql", "mariadb"]))
def test_changes_add_what_the_changed_fleet_needs_more(agents, each, store):
    inputs = cm.Deployment(agents=agents, workloads=agents * each, datastore=store).inputs()
    unit = fitted.costs().unit_costs(store)
    found = {change.label: change for change in factors.changes(inputs, unit, 3, QUANTILE)}
    taken = found["neighbours take a quarter of a core on each server"]
    assert taken.server == pytest.approx(0.75)
    assert taken.datastore == 0.0
    assert found["agents sync twice as often"].server > 0
    assert found["the cache reloads six times less often"].datastore < 0
    order = [change.server + change.datastore for change in found.values()]
    assert order == sorted(order, reverse=True)


def test_more_servers_lost_leave_the_rest_fuller():
    _, inputs, unit, shape = inputs_of("maria")
    found = factors.losses(inputs, unit, shape, QUANTILE)
    assert [state.servers_lost for state in found] == [0, 1, 2, 3]
    for lost, state in enumerate(found):
        again = cluster.forecast(inputs, unit, shape.servers - lost, shape.cores, shape.datastore_cores, QUANTILE)
        assert state.utilization == again.server_utilization
    fullest = [state.utilization.estimate for state in found]
    assert fullest == sorted(fullest)
    assert factors.losses_title(found, shape, 1e-6).startswith("4 servers do not keep below 0 %")
    assert "with one server left" in factors.losses_title(found, shape, 1.0)


def test_numbers_of_inputs_that_are_no_input_are_refused():
    inputs = cm.Deployment(agents=1, workloads=1).inputs()
    for call in (lambda: effects.value_of(inputs, "datastore"), lambda: effects.changed(inputs, "datastore", 1.0)):
        with pytest.raises(ValueError, match="name: got datastore, expected a numeric input"):
            call()


def test_the_browser_answers_like_the_package(browser):
    exports = {
        "deployment": ("Inputs",),
        "shapes": ("Shape",),
        "effects": ("demanded", "bars", "bars_title"),
        "factors": ("about", "amount", "changes", "losses", "losses_title", "points", "points_title", "sentence"),
    }
    page = browser.new_page()
    data = {"unit_costs": {name: fitted.costs().unit_costs(name) for name in spire.DATASTORES}}
    page.add_script_tag(content=translate.script(translate.package_sources(exports), exports, data))
    script = """([given, size, q]) => {
        const { effects, factors, deployment, shapes } = capmodel;
        const fleet = deployment.Inputs(given), shape = shapes.Shape(size);
        const unit = capmodel.unit_costs[fleet.datastore], bars = effects.bars(fleet, unit, shape, 0.1, q);
        const points = factors.points(fleet, unit, shape, q), lost = factors.losses(fleet, unit, shape, q);
        const changes = factors.changes(fleet, unit, shape.servers, q);
        const now = effects.demanded(fleet, unit, shape.servers, q);
        return {
            bars: bars.map((bar) => [bar.input, bar.component, bar.lower, bar.higher]),
            points: points.map((at) =>
                [at.factor, at.x, at.name, at.server.estimate, at.datastore.upper, at.response_s.lower, at.here]),
            changes: changes.map((change) => [change.label, change.server, change.datastore]),
            lost: lost.map((state) => [state.servers_lost, state.utilization.upper, state.response_s.estimate]),
            words: [effects.bars_title(bars), factors.points_title(points), factors.losses_title(lost, shape, 0.6),
                factors.about(fleet, shape, "X"), factors.sentence(fleet, now, changes, "X")],
        };
    }"""
    for name in FLEETS:
        _, inputs, unit, shape = inputs_of(name)
        there = page.evaluate(script, [translate.plain(inputs), shape._asdict(), QUANTILE])
        bars = effects.bars(inputs, unit, shape, 0.1, QUANTILE)
        points = factors.points(inputs, unit, shape, QUANTILE)
        lost = factors.losses(inputs, unit, shape, QUANTILE)
        changes = factors.changes(inputs, unit, shape.servers, QUANTILE)
        now = effects.demanded(inputs, unit, shape.servers, QUANTILE)
        here = {
            "bars": [list(bar) for bar in bars],
            "points": [
                [at.factor, at.x, at.name, at.server.estimate, at.datastore.upper, at.response_s.lower, at.here]
                for at in points
            ],
            "changes": [list(change) for change in changes],
            "lost": [[state.servers_lost, state.utilization.upper, state.response_s.estimate] for state in lost],
            "words": [
                effects.bars_title(bars),
                factors.points_title(points),
                factors.losses_title(lost, shape, 0.6),
                factors.about(inputs, shape, "X"),
                factors.sentence(inputs, now, changes, "X"),
            ],
        }
        assert there.pop("words") == here.pop("words")
        for part, rows in here.items():
            assert len(there[part]) == len(rows)
            for row, other in zip(rows, there[part], strict=True):
                for mine, theirs in zip(row, other, strict=True):
                    if isinstance(mine, float) and math.isfinite(mine):
                        assert theirs == pytest.approx(mine, rel=1e-9, abs=1e-12)
                    elif not isinstance(mine, float):
                        assert theirs == mine
    page.close()
