"""Rows of several sources: each machine's speed is found, and the shipped structure stays."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from fitted import costs

import capmodel as cm
from capmodel import costs as cost_estimation
from capmodel import sources
from capmodel.work import COMPONENTS, OperatingPoint, configurations

RUNS = cm.load_sync_runs(paths=())
TIMES = [f"{name}_cpu_s_per_op" for name in ("server", "datastore", "client")] + ["latency_mean_s", "window_s"]


def as_own(rows, factor=2.0, name="mine"):
    """Return rows as a machine would have given them on which everything takes ``factor`` as long."""
    slowed = rows.assign(**{column: rows[column] * factor for column in TIMES})
    return slowed.assign(source=name, run_id=[f"{name}-{k}" for k in range(len(rows))])


@cache
def ten():
    """Return the fit to the shipped rows without ten configurations, and ten rows of these from a slower machine."""
    configuration = configurations(RUNS)
    picked = np.random.default_rng(3).choice(len(RUNS), 10, replace=False)
    rest = RUNS[~np.isin(configuration, configuration[picked])]
    own = as_own(RUNS.iloc[picked])
    return cm.OperationCosts(pd.concat([rest, own], ignore_index=True)).fit(), own


def test_ten_rows_from_a_machine_half_as_fast_move_its_speed_to_a_half():
    fitted, own = ten()
    table = fitted.sources().set_index("component")
    assert table["rows"].to_dict() == {"server": 10, "datastore": int((own["datastore"] != "sqlite").sum())}
    for component in COMPONENTS:
        speed = table.loc[component]
        assert speed.lower < 0.5 < speed.upper < 0.75
        assert speed.lower < speed.speed < speed.upper


def test_the_shipped_structure_stays_though_a_tenth_of_the_rows_is_twice_as_dear():
    fitted, _ = ten()
    busy = RUNS.assign(rate_per_core_s=np.inf, in_flight=1.0)
    both = [part.predict(busy)["estimate_s"].to_numpy() for part in (fitted, costs())]
    ratio = both[0][both[1] > 0] / both[1][both[1] > 0]
    assert np.nanmedian(np.abs(ratio - 1.0)) < 0.05


def test_what_the_readers_rows_do_not_contain_follows_their_machine():
    fitted, _ = ten()
    signing = pd.DataFrame([{"datastore": "postgresql", "operation": "sign_x509", "ca_key_type": "rsa-4096"}])
    here, there = (part.predict(signing) for part in (fitted, fitted.for_source("shipped")))
    speed = fitted.sources().set_index("component")["speed"]
    ratio = (there["estimate_s"] / here["estimate_s"]).to_numpy()
    assert ratio == pytest.approx([speed["server"], speed["datastore"]], rel=1e-9)
    # The speed is not known exactly, so the interval of the reader's machine is wider.
    wide, narrow = (np.log(part["upper_s"] / part["lower_s"]) for part in (here, there))
    assert (wide > narrow).all()


def test_rows_are_predicted_on_the_machine_of_their_source():
    fitted, own = ten()
    at_home = fitted.predict(own)
    named = fitted.for_source("shipped").predict(own)
    unnamed = fitted.predict(own.drop(columns="source"))
    pd.testing.assert_frame_equal(at_home, named)
    pd.testing.assert_frame_equal(at_home, unnamed)
    off = at_home["estimate_s"].to_numpy() / np.concatenate([own[f"{name}_cpu_s_per_op"] for name in COMPONENTS]) - 1
    assert np.nanmedian(np.abs(off)) < 0.3


def test_plans_are_made_for_the_one_machine_beside_the_shipped_one():
    fitted, _ = ten()
    fleet = cm.Deployment(agents=5000, workloads=10_000)
    assert fitted.source == "mine"
    used = {
        name: cm.evaluate(fleet, fitted.for_source(name), servers=2, cores=4).cores_used["datastore"].estimate
        for name in ("mine", "shipped")
    }
    assert used["mine"] > 1.3 * used["shipped"]
    # A deployment's own speed multiplies on top: twice as fast as half as fast is as fast as the shipped machine.
    speed = fitted.sources().set_index("component")["speed"]
    back = cm.Deployment(
        agents=5000, workloads=10_000, machine_speed=1 / speed["server"], datastore_speed=1 / speed["datastore"]
    )
    again = cm.evaluate(back, fitted, servers=2, cores=4)
    whole = cm.evaluate(fleet, fitted.for_source("shipped"), servers=2, cores=4)
    for part in ("server", "datastore"):
        assert again.cores_used[part].estimate == pytest.approx(whole.cores_used[part].estimate, rel=1e-6)


def test_measured_rows_keep_their_distance_to_the_model_on_another_machine():
    fitted, own = ten()
    rows = pd.concat([RUNS.head(20), own], ignore_index=True)
    moved = fitted.as_on_source(rows)
    assert set(moved["source"]) == {"mine"}
    pd.testing.assert_frame_equal(moved.tail(10).drop(columns="source"), rows.tail(10).drop(columns="source"))
    before = cm.check(rows, fitted).predictions
    after = cm.check(moved, fitted).predictions
    assert (after["measured"] / after["predicted"]).to_numpy() == pytest.approx(
        (before["measured"] / before["predicted"]).to_numpy()
    )
    assert costs().as_on_source(RUNS) is RUNS


def test_several_sources_each_have_a_speed_and_none_is_taken_for_the_readers():
    picked = RUNS.iloc[::12]
    fitted = cm.OperationCosts(
        pd.concat([RUNS, as_own(picked, 2.0, "slow"), as_own(picked, 0.5, "fast")], ignore_index=True)
    ).fit()
    table = fitted.sources().set_index(["source", "component"])
    assert (fitted.reference, fitted.source) == ("shipped", "shipped")
    assert table.loc[("slow", "server"), "speed"] == pytest.approx(0.5, rel=0.12)
    assert table.loc[("fast", "server"), "speed"] == pytest.approx(2.0, rel=0.12)
    assert "fast" in str(fitted.summary())
    assert "fast" not in str(costs().summary())
    with pytest.raises(ValueError, match="name: got 'other', expected a source in the fit: shipped, slow, fast"):
        fitted.for_source("other")
    with pytest.raises(ValueError, match="2 sources beside shipped"):
        cm.OperationCosts(pd.concat([RUNS, as_own(picked, name="a"), as_own(picked, name="b")], ignore_index=True)).fit(
            "own"
        )


def test_machine_speed_compares_with_the_shipped_machine_whether_the_rows_were_fitted_or_not():
    fitted, own = ten()
    assert cm.machine_speed(own, fitted).estimate == pytest.approx(cm.machine_speed(own, costs()).estimate, rel=0.05)


# Fits to the reader's rows alone


def test_many_rows_can_be_fitted_alone(monkeypatch):
    every, parts = [], []
    alone, fit_families = cost_estimation._alone, cost_estimation.fit_families
    monkeypatch.setattr(cost_estimation, "_alone", lambda *given: every.append(given[0]) or alone(*given))
    monkeypatch.setattr(
        cost_estimation,
        "fit_families",
        lambda *given, **named: parts.append(fit_families(*given, **named)) or parts[-1],
    )
    rows = RUNS[(RUNS["operation"] == "sync") & (RUNS["sync_mode"] != "crawl_cached")]
    # A machine on which crawls take thrice as long, and all else twice: no one speed says so.
    own = as_own(rows, np.where(rows["sync_mode"] == "crawl", 3.0, 2.0))
    fitted = cm.OperationCosts(pd.concat([RUNS, own], ignore_index=True)).fit("own")
    # How waking fades and connections churn is the structure's, which all rows give: costs fitted to these rows at
    # constants of their own would not fit the constants that they are used with.
    assert parts[-1].keys() >= {("crawl", "server"), ("cache", "server")}
    assert all(part.shape == every[0].fits[key].shape for key, part in parts[-1].items())
    assert (fitted.reference, fitted.source) == ("mine", "mine")
    # What the rows tell alone is what they tell among the shipped ones, as often as they took it.
    busy = rows.drop(columns="source").assign(rate_per_core_s=np.inf, in_flight=1.0)
    ratio = fitted.predict(busy)["estimate_s"] / costs().predict(busy)["estimate_s"]
    crawls = np.tile(busy["sync_mode"] == "crawl", 2)
    assert np.nanmedian(ratio[~crawls]) == pytest.approx(2.0, rel=0.1)
    assert np.nanmedian(ratio[crawls]) == pytest.approx(3.0, rel=0.1)
    # Their intervals are held against configurations left out, as those of a fit to all rows are.
    for key in (("crawl", "server"), ("cache", "server")):
        assert fitted.fits[key].held_out["estimate"].notna().mean() > 0.9
    # Signing was not among them, and has a price.
    signing = pd.DataFrame([{"datastore": "postgresql", "operation": "sign_x509", "ca_key_type": "rsa-4096"}])
    signed = fitted.predict(signing)["estimate_s"] / costs().predict(signing)["estimate_s"]
    assert ((signed > 1.6) & (signed < 3.4)).all()


def test_too_few_rows_are_refused_with_the_number_that_it_takes():
    _, own = ten()
    with pytest.raises(
        ValueError,
        match=r"^sources: got \d+ configurations of mine with the (server|datastore)'s CPU of the (cache|crawl) "
        r"family, expected at least \d+ to fit its \d+ unit costs alone \(fit to all sources instead\)$",
    ):
        cm.OperationCosts(pd.concat([RUNS, own], ignore_index=True)).fit("own")
    with pytest.raises(ValueError, match=r"^sources: got 'own' with 0 sources beside shipped, expected exactly one$"):
        cm.OperationCosts(RUNS).fit("own")
    with pytest.raises(ValueError, match=r"^sources: got 'some', expected 'all' or 'own'$"):
        cm.OperationCosts(RUNS).fit("some")


# The arithmetic of speeds, with speeds that were not fitted


MADE_UP = {
    "slow": {
        "server": sources.SourceSpeed(np.log(0.5), 0.3, 7, 5, 0.25),
        "datastore": sources.SourceSpeed(np.log(0.8), 0.2, 0, 0, np.nan),
    },
    "fast": {
        "server": sources.SourceSpeed(np.log(4.0), 0.1, 3, 2, 0.1),
        "datastore": sources.SourceSpeed(np.log(2.0), 0.4, 3, 2, 0.1),
    },
}
SYNCS = RUNS[(RUNS["operation"] == "sync") & (RUNS["datastore"] == "postgresql")].iloc[::9]


def made_up(source="slow"):
    """Return the shipped costs with machines of known speeds beside them."""
    return replace(costs(), speeds=MADE_UP, source=source)


def at(rate_per_core_s, frame):
    return OperatingPoint(np.full(len(frame), rate_per_core_s), np.full(len(frame), 3.0))


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("source", ["slow", "fast"])
def test_a_machine_half_as_fast_takes_twice_as_long_at_half_the_rate(source, component):
    """Its mean is divided by the speed, variances by its square, and what is not known of the speed comes on top."""
    speed, error = MADE_UP[source][component].speed, MADE_UP[source][component].log_error
    rows = SYNCS.assign(source=source)
    mean, variance, scatter = made_up().linear_predictor(rows, component, at(30.0 * speed, rows))
    shipped = SYNCS.drop(columns="source")
    theirs = costs().linear_predictor(shipped, component, at(30.0, shipped))
    assert mean == pytest.approx(theirs[0] / speed, rel=1e-12)
    assert variance == pytest.approx(theirs[1] / speed**2, rel=1e-12)
    assert scatter == pytest.approx(theirs[2] / speed**2 + (error * theirs[0] / speed) ** 2, rel=1e-12)
    # Rows that name no source, or one that is not known, are on the machine that was chosen.
    for rows in (shipped, shipped.assign(source="new")):
        assert made_up(source).linear_predictor(rows, component, at(30.0 * speed, rows))[0] == pytest.approx(mean)


def test_each_row_is_of_its_own_machine():
    rows = pd.concat([SYNCS.head(3).assign(source=name) for name in ("shipped", "slow", "fast")], ignore_index=True)
    for component in COMPONENTS:
        together = made_up().linear_predictor(rows, component, at(20.0, rows))
        for place, name in enumerate(("shipped", "slow", "fast")):
            part = rows.iloc[3 * place : 3 * place + 3]
            alone = made_up(name).linear_predictor(part.drop(columns="source"), component, at(20.0, part))
            for one, other in zip(together, alone, strict=True):
                assert one[3 * place : 3 * place + 3] == pytest.approx(other, rel=1e-12)


@pytest.mark.parametrize("source", ["slow", "fast"])
def test_unit_costs_and_their_errors_are_those_of_the_machine(source):
    here, there = made_up(source), costs()
    for key, fit in there.fits.items():
        found, speed = here.at_source(*key), MADE_UP[source][key[1]]
        assert found.params.to_numpy() == pytest.approx(fit.params.to_numpy() / speed.speed, rel=1e-12)
        assert found.covariance.to_numpy() == pytest.approx(fit.covariance.to_numpy() / speed.speed**2, rel=1e-12)
        assert found.dispersion == pytest.approx({k: v + speed.log_error**2 for k, v in fit.dispersion.items()})
        busiest = {name: waking.busiest_per_s for name, waking in found.shape.waking.items()}
        assert busiest == pytest.approx({k: v.busiest_per_s * speed.speed for k, v in fit.shape.waking.items()})
    speeds = np.array([MADE_UP[source][key[1]].speed for key in there.params.index])
    assert (here.params / there.params).dropna().to_numpy() == pytest.approx(1 / speeds[there.params > 0], rel=1e-12)
    assert (here.bse / there.bse).dropna().to_numpy() == pytest.approx(1 / speeds[there.params > 0], rel=1e-12)
    assert made_up("shipped").params.equals(there.params)


@pytest.mark.parametrize("source", ["slow", "fast"])
def test_the_parts_of_a_demand_add_up_to_the_prediction(source):
    """A closed loop asks for the cost at a throughput in parts; the prediction gives it in one."""
    rows = SYNCS.drop(columns="source")
    parts = made_up(source).demand_parts(rows)
    cores, rate = 2.0, 40.0
    point = OperatingPoint(np.full(len(rows), rate / cores), np.zeros(len(rows)))
    means = [made_up(source).linear_predictor(rows, component, point)[0] for component in COMPONENTS]
    for row in range(len(rows)):
        expected = 0.003 + np.nansum([mean[row] for mean in means])
        assert parts.demand_at(row, cores, 0.003)(rate) == pytest.approx(expected, rel=1e-9)
    # In full churn nothing else changes.
    full = point._replace(in_flight=np.full(len(rows), 1e12))
    churned = [made_up(source).linear_predictor(rows, component, full)[0] for component in COMPONENTS]
    for place, mean in enumerate(churned):
        assert mean - means[place] == pytest.approx(np.nan_to_num(parts.churn_s[place]), rel=1e-6, abs=1e-12)


def test_the_report_of_sources_says_what_each_tells():
    table = made_up().sources().set_index(["source", "component"])
    assert list(table.index) == [(name, part) for name in ("slow", "fast") for part in COMPONENTS]
    line = table.loc[("slow", "server")]
    assert (line["rows"], line["configurations"], line["residual_error"]) == (7, 5, 0.25)
    assert line["speed"] == pytest.approx(0.5)
    # 90 % of a normal variable lie within 1.645 standard deviations, half within 0.674.
    assert np.log(line["upper"] / line["speed"]) == pytest.approx(1.644854 * 0.3, rel=1e-6)
    assert np.log(line["speed"] / line["lower"]) == pytest.approx(1.644854 * 0.3, rel=1e-6)
    half = made_up().sources(0.5).set_index(["source", "component"])
    assert np.log(half["upper"] / half["speed"])["slow", "server"] == pytest.approx(0.674490 * 0.3, rel=1e-6)
    assert list(costs().sources().columns) == list(made_up().sources().columns)
    assert len(costs().sources()) == 0


def test_the_summary_of_several_sources_prints_speeds_and_what_the_costs_are_of():
    text = str(made_up().summary())
    lines = [line.strip() for line in text.splitlines()]
    assert "Speed of each source's machine, 1 for shipped; the costs above are those on slow" in lines
    words = " ".join(text.split())
    assert "source component rows speed 90 % interval median error" in [" ".join(line.split()) for line in lines]
    assert "slow server 7 0.5 0.305 to 0.819 25 %" in words
    assert "slow datastore 0 0.8 0.576 to 1.11 " in words
    key = ("cache", "server", "x509_signature:ec-p256", "all")
    value, error = 1e6 * made_up().params[key], 1e6 * made_up().bse[key]
    assert f"{key[2]} all {value:.4g} {error:.3g}" in words
    fit = costs().fits["cache", "datastore"]
    (datastore, writing), variance = next(iter(fit.dispersion.items()))
    said = f"cache, datastore: {fit.rows} runs, dispersion {datastore}{' writes' if writing else ''} "
    assert said + f"{100 * np.sqrt(variance):.0f} %" in str(costs().summary())


def test_a_source_is_asked_for_by_its_name():
    assert made_up("slow").for_source("fast").source == "fast"
    with pytest.raises(ValueError) as caught:
        made_up().for_source("other")
    assert str(caught.value) == "name: got 'other', expected a source in the fit: shipped, slow, fast"


def test_a_row_moved_to_another_machine_and_back_is_the_row():
    there = SYNCS.assign(source="fast")
    here = made_up("slow").as_on_source(there)
    assert set(here["source"]) == {"slow"}
    back = made_up("fast").as_on_source(here)
    for column in ("server_cpu_s_per_op", "datastore_cpu_s_per_op"):
        assert (here[column] / there[column] > 1.5).all()
        assert back[column].to_numpy() == pytest.approx(there[column].to_numpy(), rel=1e-9)
    # Rows of a source that the fit does not know stay as they are.
    new = SYNCS.assign(source="new")
    assert made_up("slow").as_on_source(new) is new


def test_rows_that_name_no_source_are_the_shipped_ones():
    assert sources.sources_of(RUNS.drop(columns="source")).tolist() == ["shipped"] * len(RUNS)
    assert sources.sources_of(pd.DataFrame({"source": ["mine", None]})).tolist() == ["mine", "shipped"]


# The estimator itself, against its definition


def told(rows, log_speed, scatter, seed=0):
    """Return what a fit would predict for rows that a machine of known speed gave with known scatter."""
    noise = np.random.default_rng(seed).normal(0.0, scatter, (2, len(rows)))
    predicted = {}
    for component, errors in zip(COMPONENTS, noise, strict=True):
        mean = rows[f"{component}_cpu_s_per_op"].to_numpy(float) * np.exp(log_speed + errors)
        predicted[component] = (mean, np.zeros(len(rows)), (scatter * mean) ** 2)
    return predicted


def test_intervals_hold_as_often_as_they_say():
    rows = RUNS[RUNS["datastore"] == "postgresql"].drop_duplicates("entries_per_agent")
    for count in (1, 3, len(rows)):
        part = rows[:count]
        windows = configurations(part)
        inside = []
        for seed in range(300):
            predicted = told(part, np.log(0.5), 0.12, seed)
            for found in sources.estimate_speeds(part, predicted, windows).values():
                low, high = found.interval(0.9)
                inside.append(low < 0.5 < high)
        assert np.mean(inside) >= 0.9 - 3.0 * np.sqrt(0.09 / 300)


def test_without_rows_of_the_datastore_its_speed_is_the_servers_and_less_certain():
    rows = RUNS[RUNS["datastore"] == "sqlite"].head(8)
    found = sources.estimate_speeds(rows, told(rows, np.log(0.5), 0.12))
    assert found["datastore"].rows == 0
    assert found["datastore"].log_speed == pytest.approx(found["server"].log_speed, rel=1e-9)
    assert found["datastore"].log_error > sources.PRIOR_DIFFERENCE
    assert np.isnan(found["datastore"].residual_error)


def test_without_any_row_that_tells_the_prior_is_all_there_is():
    rows = RUNS.head(4)
    nothing = {name: (np.full(4, np.nan),) * 3 for name in COMPONENTS}
    found = sources.estimate_speeds(rows, nothing)
    assert found["server"].speed == 1.0
    assert found["server"].log_error == pytest.approx(sources.PRIOR_SPEED)
