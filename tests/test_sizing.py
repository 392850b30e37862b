"""The ladder regression: against an independent study, against simulated tables, and what must always hold."""

import warnings

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmodel.datasets import load_reference_sizing
from capmodel.ladder import (
    FAMILIES,
    Censored,
    _hessian,
    _value_and_gradient,
    fit_ladder,
    log_cell_probability,
)
from capmodel.posterior import latent_quantile, log_rung_probabilities, rung_probabilities
from capmodel.sizing import DISTRIBUTIONS, SizingRegression, monotone_bounds, shape_of_rung

TABLE = load_reference_sizing()
FITS = {name: SizingRegression(TABLE, name).fit() for name in FAMILIES}
LOG_LINEAR = FITS["log-linear"]
COMPARISON = LOG_LINEAR.compare("plug-in").set_index("family")

quick = settings(max_examples=25, deadline=None, derandomize=True)
fleets = st.lists(
    st.tuples(st.floats(1, 1e7, allow_nan=False), st.floats(1, 1e7, allow_nan=False)), min_size=1, max_size=6
)

# A study of the table that shares no code with this package: Nelder-Mead, then BFGS, sigma clipped at exp(-2.3); the
# last column but one sums log densities of held-out cells at the other 15 cells' maximum likelihood.
STUDY = pd.DataFrame(
    [
        ("log-linear", 4, -14.17, 40.0, 10, 9, 16, -20.9),
        ("interaction", 5, -9.51, 35.0, 14, 11, 16, -50.5),
        ("additive linear", 4, -16.72, 45.1, 6, 6, 16, -22.4),
        ("additive power", 5, -9.03, 34.1, 11, 8, 16, -20.7),
        ("scaled power", 4, -10.83, 33.3, 11, 5, 16, -17.9),
    ],
    columns=["family", "k", "llf", "aicc", "in_sample_exact", "loo_exact", "loo_within_one", "loo_elpd"],
).set_index("family")


@pytest.mark.parametrize("family", STUDY.index)
def test_families_agree_with_an_independent_study(family):
    found, expected = COMPARISON.loc[family], STUDY.loc[family]
    for count in ("k", "in_sample_exact", "loo_exact", "loo_within_one"):
        assert found[count] == expected[count], count
    assert found["llf"] == pytest.approx(expected["llf"], abs=0.006)
    assert found["aicc"] == pytest.approx(expected["aicc"], abs=0.06)
    assert found["loo_elpd"] == pytest.approx(expected["loo_elpd"], abs=0.06)


def test_slopes_and_intervals_agree_with_an_independent_study():
    slopes = ["agents", "workloads"]
    assert LOG_LINEAR.params[slopes].tolist() == pytest.approx([0.733, 1.336], abs=0.001)
    wald = LOG_LINEAR.conf_int(method="wald").loc[slopes].to_numpy().ravel()
    assert wald.tolist() == pytest.approx([0.440, 1.026, 1.067, 1.606], abs=0.001)
    profile = LOG_LINEAR.conf_int().loc[slopes].to_numpy().ravel()
    assert profile.tolist() == pytest.approx([0.427, 1.056, 1.054, 1.629], abs=0.001)
    # The slope per decade of the accelerated-failure-time fit of lifelines 0.30.3, whose first cell is (0, 1] rungs.
    assert (LOG_LINEAR.params[slopes] * np.log(2)).tolist() == pytest.approx([0.501, 0.920], abs=0.01)


def test_baselines_agree_with_an_independent_study():
    ordered, bounds, uniform = (COMPARISON.loc[name] for name in ("ordered probit", "monotone bounds", "uniform guess"))
    assert (ordered["k"], ordered["in_sample_exact"], ordered["loo_exact"], ordered["loo_within_one"]) == (8, 10, 6, 15)
    assert ordered["llf"] == pytest.approx(-8.99, abs=0.006)
    # With the only cell of a rung held out, the ordered model has no such rung: no floor is invented for it.
    assert ordered["loo_elpd"] == -np.inf
    assert uniform["loo_elpd"] == pytest.approx(-31.1, abs=0.05)
    assert COMPARISON["usable"].to_dict() == {
        "log-linear": True,
        "interaction": False,
        "additive power": True,
        "additive linear": True,
        "scaled power": True,
        "ordered probit": False,
        "monotone bounds": True,
        "uniform guess": False,
    }
    widths, contained = [], 0
    for cell in range(16):
        row = TABLE.loc[cell]
        found = monotone_bounds(TABLE.drop(index=cell), row["agents"], row["workloads"]).loc[0]
        lower, upper = max(found["lower"], 2), min(found["upper"], 128)
        contained += lower <= row["servers"] * row["cores_per_server"] <= upper
        widths.append(np.log2(upper / lower))
    assert contained == 16
    assert np.mean(widths) == pytest.approx(1.4, abs=0.05)
    # Sum of the logarithms of how many rungs those bounds leave.
    assert bounds["loo_elpd"] == pytest.approx(-np.log(np.array(widths) + 1).sum())


def test_default_held_out_hits():
    score = LOG_LINEAR.held_out()
    assert (score.cells, score.exact, score.within_one) == (16, 9, 16)
    assert LOG_LINEAR.leave_one_out()["log_density"].sum() == score.elpd


@pytest.mark.parametrize("family", FAMILIES)
def test_averaging_over_parameters_and_bounds_improve_held_out_density(family):
    scores = {kind: FITS[family].held_out(kind).elpd for kind in DISTRIBUTIONS}
    assert scores["bounded"] > scores["posterior"] > scores["plug-in"]
    assert FITS[family].beats_uniform() == (scores["posterior"] > 16 * np.log(1 / 7))


def test_a_family_worse_than_a_guess_is_named_in_the_summary():
    assert not FITS["interaction"].beats_uniform("plug-in")
    assert "Do not use 'plug-in'" in FITS["interaction"].summary().as_text()
    text = LOG_LINEAR.summary().as_text()
    assert "Do not use" not in text
    assert "-14.17" in text
    assert "1.336" in text


def log_likelihood(params, family, cells):
    """Add up the logarithms of the cells' probabilities, without the derivatives that the fit takes along."""
    mean = family.mean(params, cells.agents, cells.workloads)
    return float(log_cell_probability(cells.lower, cells.upper, mean, params[-1]).sum())


@pytest.mark.parametrize("family", FAMILIES)
def test_maximum_is_a_maximum(family):
    fit = FITS[family]
    family_, cells, params = fit.model.family, fit.model.cells, fit.params.to_numpy()
    assert fit.llf == pytest.approx(log_likelihood(params, family_, cells))
    _, gradient = _value_and_gradient(params, family_, cells)
    assert np.abs(gradient).max() < 1e-5
    assert np.linalg.eigvalsh(_hessian(params, family_, cells)).max() < 0
    rng = np.random.default_rng(1)
    for _ in range(200):
        nearby = params * (1 + 0.05 * rng.standard_normal(len(params)))
        assert log_likelihood(nearby, family_, cells) <= fit.llf


@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_is_the_derivative(family):
    fit = FITS[family]
    params = fit.params.to_numpy() * 1.07
    _, gradient = _value_and_gradient(params, fit.model.family, fit.model.cells)
    for index in range(len(params)):
        shift = np.zeros(len(params))
        shift[index] = 1e-6
        ahead, behind = (
            log_likelihood(params + sign * shift, fit.model.family, fit.model.cells) for sign in (1.0, -1.0)
        )
        assert gradient[index] == pytest.approx((ahead - behind) / 2e-6, rel=1e-5, abs=1e-6)


def test_cell_probability_against_fifty_digits():
    with mpmath.workdps(50):
        for low, high in ((-1.0, 0.5), (3.0, 4.0), (-9.0, -8.0), (20.0, 21.0), (-40.0, -39.5), (7.9, 8.0)):
            far, near = sorted((abs(low), abs(high)), reverse=True) if low * high > 0 else (-low, -high)
            exact = mpmath.log(abs(mpmath.ncdf(-mpmath.mpf(near)) - mpmath.ncdf(-mpmath.mpf(far))))
            assert float(log_cell_probability(low, high, 0.0, 1.0)) == pytest.approx(float(exact), rel=1e-12)


def test_profile_interval_ends_where_the_likelihood_has_dropped():
    interval = LOG_LINEAR.conf_int(0.9)
    for name, ends in interval.iterrows():
        drop = LOG_LINEAR.llf - LOG_LINEAR.profile(name, ends.to_numpy())
        assert drop.tolist() == pytest.approx([2.705543 / 2] * 2, abs=1e-5)  # chi-squared, 1 degree, 90 %


def test_profile_interval_stops_at_a_bound():
    fit = SizingRegression(TABLE, "scaled power", workloads_are="per_agent").fit()
    assert fit.solution.at_bound.tolist() == [False, True, False, False]
    assert np.isnan(fit.bse["workload_share"])
    lower, upper = fit.conf_int().loc["workload_share"]
    assert upper == 1.0
    assert 0.0 < lower < 1.0


def test_intervals_cover_on_simulated_tables():
    tables = 120
    found = LOG_LINEAR.coverage(0.9, tables, seed=7).loc[["agents", "workloads"]].mean()
    # 240 draws at 90 % have a standard error of 2 %; the chi-squared limit is known to be short with 16 cells.
    assert 0.80 < found["profile"] < 0.94
    assert found["profile"] < found["profile-f"] < 0.96
    assert 0.85 < found["posterior"] < 0.95


def test_estimates_recover_the_parameters_of_simulated_tables():
    rng = np.random.default_rng(7)
    family = FAMILIES["additive power"]
    agents, workloads = (axis.ravel() for axis in np.meshgrid([10.0, 100, 1000, 5000], [10.0, 100, 1000, 10_000]))
    true = np.array([5.0, 0.65, 14.0, 0.6, 0.3])
    estimates = []
    for _ in range(60):
        upper = np.maximum(np.ceil(family.mean(true, agents, workloads) + 0.3 * rng.standard_normal(16)), 1.0)
        cells = Censored(agents, workloads, np.where(upper == 1.0, -np.inf, upper - 1.0), upper)
        estimates.append(fit_ladder(family, cells).params)
    assert np.median(estimates, axis=0)[:4] == pytest.approx(true[:4], rel=0.1)


def test_profile_f_is_wider_by_the_ratio_of_its_quantile():
    for name, ends in LOG_LINEAR.conf_int(0.9, "profile-f").iterrows():
        drop = LOG_LINEAR.llf - LOG_LINEAR.profile(name, ends.to_numpy())
        assert drop.tolist() == pytest.approx([8 * np.log1p(3.1362 / 13)] * 2, abs=1e-4)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("family", FAMILIES)
@given(fleets=fleets)
@settings(quick, max_examples=4)
def test_probabilities_sum_to_one_and_arrays_agree_with_scalars(family, distribution, fleets):
    fit = FITS[family]
    agents, workloads = np.array(fleets).T
    together = fit.probabilities(agents, workloads, distribution)
    assert (together.to_numpy() >= 0).all()
    assert together.sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-12)
    predicted = fit.predict(agents, workloads, distribution=distribution)
    for row, (a, w) in enumerate(fleets):
        alone = fit.probabilities(a, w, distribution)
        assert alone.iloc[0].reindex(together.columns, fill_value=0.0).to_numpy() == pytest.approx(
            together.iloc[row].to_numpy(), abs=3e-6
        )
        single = fit.predict(a, w, distribution=distribution).iloc[0]
        assert single["estimate"] == pytest.approx(predicted["estimate"].iloc[row], rel=1e-6)
        assert single["lower"] <= single["estimate"] <= single["upper"]
        assert single["probability"] == pytest.approx(alone.iloc[0].get(single["rung"]), abs=3e-6)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.monotone])
@given(fleet=st.tuples(st.floats(1, 1e6), st.floats(1, 1e6)), more=st.tuples(st.floats(1, 100), st.floats(1, 100)))
@settings(quick, max_examples=15)
def test_a_larger_fleet_never_needs_less(family, distribution, fleet, more):
    both = np.array([fleet, np.multiply(fleet, more)])
    fit = FITS[family]
    found = fit.predict(*both.T, distribution=distribution)
    for column in ("rung", "estimate", "lower", "upper"):
        assert found[column].iloc[1] >= found[column].iloc[0] * (1 - 1e-6)
    below = fit.probabilities(*both.T, distribution).cumsum(axis=1)
    assert (below.iloc[1].to_numpy() <= below.iloc[0].to_numpy() + 1e-9).all()


@given(fleets=fleets)
@quick
def test_rungs_are_powers_of_two_and_split_into_servers(fleets):
    found = LOG_LINEAR.predict(*np.array(fleets).T)
    rungs = found["rung"].to_numpy()
    assert (rungs & (rungs - 1) == 0).all()
    assert (rungs >= 2).all()
    assert (found["servers"] * found["cores_per_server"]).tolist() == rungs.tolist()
    assert (found["cores_per_server"] <= 16).all()


def test_split_agrees_with_every_printed_cell():
    split = shape_of_rung(TABLE, TABLE["servers"] * TABLE["cores_per_server"])
    assert split["servers"].tolist() == TABLE["servers"].tolist()
    assert split["cores_per_server"].tolist() == TABLE["cores_per_server"].tolist()


@pytest.mark.parametrize("response", ["cores", "memory", "servers"])
def test_bounded_prediction_returns_every_printed_cell(response):
    fit = SizingRegression(TABLE, "additive power", response).fit()
    found = fit.predict(TABLE["agents"], TABLE["workloads"], distribution="bounded")
    assert found["rung"].tolist() == fit.in_sample("bounded")["printed"].tolist()
    assert found["probability"].tolist() == pytest.approx([1.0] * 15 + [found["probability"].iloc[15]])


@given(agents=st.floats(10, 5000), workloads=st.floats(10, 10_000))
@quick
def test_bounded_prediction_keeps_to_its_neighbours(agents, workloads):
    bounds = monotone_bounds(TABLE, agents, workloads).iloc[0]
    found = LOG_LINEAR.predict(agents, workloads, distribution="bounded").iloc[0]
    assert bounds["lower"] <= found["rung"] <= bounds["upper"]
    assert bounds["lower"] == 2 or found["lower"] >= bounds["lower"] / 2 * (1 - 1e-6)
    assert found["upper"] <= bounds["upper"] * (1 + 1e-6)


def test_extrapolation_is_flagged_outside_the_table_only():
    edge = LOG_LINEAR.predict([10, 10, 5000, 5000, 316], [10, 10_000, 10, 10_000, 316])
    assert not edge["extrapolated"].any()
    beyond = LOG_LINEAR.predict([9.9, 5050, 100, 100, 3500], [100, 100, 9.9, 10_100, 31_000])
    assert beyond["extrapolated"].all()


def test_the_other_reading_asks_for_registered_workloads_too():
    fit = SizingRegression(TABLE, workloads_are="per_agent").fit()
    # 5000 agents with 10 000 workloads each are 50 million, inside the table on this reading and outside on the other.
    assert not fit.predict(5000, 50_000_000)["extrapolated"].iloc[0]
    assert LOG_LINEAR.predict(5000, 50_000_000)["extrapolated"].iloc[0]
    # More agents at the same registrations would need less, were that allowed; so the slope is at its bound.
    assert fit.params["agents"] == 0.0
    assert fit.llf < LOG_LINEAR.llf - 3


def test_jackknife_plus_against_its_definition():
    level = 0.8
    found = LOG_LINEAR.jackknife_plus([700, 90], [3000, 40], level)
    mean = LOG_LINEAR.model.family.mean
    lower, upper = [], []
    for cell in range(16):
        rest = LOG_LINEAR.model.without(cell)
        params = rest.fit().params.to_numpy()
        row = TABLE.loc[[cell]]
        printed = np.log2(row["servers"] * row["cores_per_server"]).iloc[0] - 0.5
        error = abs(printed - mean(params, row["agents"].to_numpy(float), row["workloads"].to_numpy(float))[0])
        at = mean(params, np.array([700.0, 90]), np.array([3000.0, 40]))
        lower.append(at - error)
        upper.append(at + error)
    # ceil(0.8 * 17) = 14: the 14th smallest upper end, the 14th largest lower end.
    assert found["lower"].tolist() == pytest.approx((2 ** np.sort(lower, axis=0)[2]).tolist(), rel=1e-6)
    assert found["upper"].tolist() == pytest.approx((2 ** np.sort(upper, axis=0)[13]).tolist(), rel=1e-6)
    assert np.isinf(LOG_LINEAR.jackknife_plus(700, 3000, 0.99)["upper"].iloc[0])


def test_an_interval_of_the_posterior_leaves_as_many_draws_on_either_side():
    draws, interval = LOG_LINEAR.posterior.draws, LOG_LINEAR.conf_int(0.8, "posterior")
    assert (draws < interval["lower"].to_numpy()).mean(axis=0) == pytest.approx(0.1, abs=2.0 / len(draws))
    assert (draws > interval["upper"].to_numpy()).mean(axis=0) == pytest.approx(0.1, abs=2.0 / len(draws))


def test_posterior_against_a_grid():
    # Likelihood times prior summed over a plain grid of all four parameters; its steps are a third of a deviation.
    draws = LOG_LINEAR.posterior.draws
    assert LOG_LINEAR.posterior.effective > 500
    family, cells = LOG_LINEAR.model.family, LOG_LINEAR.model.cells
    axes = [np.linspace(-5, 2, 27), np.linspace(0.05, 1.55, 25), np.linspace(0.6, 2.1, 25), np.linspace(0.12, 2.4, 29)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 4)
    llf = np.empty(len(grid))
    for start in range(0, len(grid), 100_000):
        part = grid[start : start + 100_000]
        mean = family.mean(part, cells.agents, cells.workloads)
        llf[start : start + 100_000] = log_cell_probability(cells.lower, cells.upper, mean, part[:, -1:]).sum(axis=1)
    weight = np.exp(llf - llf.max() - 0.5 * grid[:, -1] ** 2)
    weight /= weight.sum()
    exact_mean = weight @ grid
    exact_sd = np.sqrt(weight @ (grid - exact_mean) ** 2)
    # 500 draws leave a twentieth of a standard deviation.
    assert np.abs(draws.mean(axis=0) - exact_mean).max() < 0.15 * exact_sd.max()
    assert draws.std(axis=0) == pytest.approx(exact_sd, rel=0.12)


def test_fast_and_accurate_rung_probabilities_agree():
    rng = np.random.default_rng(3)
    mean, sigma = rng.normal(4, 3, (50, 7)), rng.uniform(0.2, 2, (50, 1))
    edges = np.arange(1.0, 12.0)
    assert rung_probabilities(mean, sigma, edges) == pytest.approx(
        np.exp(log_rung_probabilities(mean, sigma, edges)), abs=1e-14
    )


def test_latent_quantile_of_one_draw_is_the_normal_quantile():
    mean, sigma = np.array([[3.0, 5.0]]), np.array([[0.5]])
    assert latent_quantile(mean, sigma, 0.95) == pytest.approx(mean[0] + 0.5 * 1.6448536, abs=1e-6)
    # A normal cut at its mean: the median is the lower quartile of the whole.
    cut = latent_quantile(mean, sigma, 0.5, np.array([-np.inf] * 2), mean[0])
    assert cut == pytest.approx(mean[0] - 0.5 * 0.6744898, abs=1e-6)


def test_the_fit_is_the_same_every_time_and_whatever_the_order():
    shuffled = SizingRegression(TABLE.sample(frac=1.0, random_state=3)).fit()
    assert shuffled.params.to_numpy() == pytest.approx(LOG_LINEAR.params.to_numpy(), abs=1e-7)
    again = SizingRegression(TABLE).fit().predict([55, 4000], [77, 2222])
    pd.testing.assert_frame_equal(again, LOG_LINEAR.predict([55, 4000], [77, 2222]))


def test_arrays_broadcast():
    found = LOG_LINEAR.predict(np.array([[10], [100]]), np.array([10, 100, 1000]))
    assert found["agents"].tolist() == [10, 10, 10, 100, 100, 100]
    assert found["workloads"].tolist() == [10, 100, 1000, 10, 100, 1000]
    assert len(LOG_LINEAR.predict([], [])) == 0
    assert len(LOG_LINEAR.probabilities([], [])) == 0


def test_the_hull_has_the_corners_of_the_table():
    corners = {(row.agents, row.workloads) for row in LOG_LINEAR.model.hull().itertuples()}
    assert corners == {(10, 10), (10, 10_000), (5000, 10), (5000, 10_000)}


def test_far_extrapolation_stays_finite():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for fit in FITS.values():
            found = fit.predict([1, 1e12], [1e12, 1e12])
            assert np.isfinite(found[["estimate", "lower", "upper", "probability"]].to_numpy()).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LOG_LINEAR.predict(0, 10), "agents: got 0, expected at least 1"),
        (lambda: LOG_LINEAR.predict(10, -5), "workloads: got -5, expected at least 1"),
        (lambda: LOG_LINEAR.predict(float("nan"), 10), "agents: got nan"),
        (lambda: LOG_LINEAR.predict(10, float("inf")), "workloads: got inf"),
        (lambda: LOG_LINEAR.predict("many", 10), "agents: got 'many', expected numbers"),
        (lambda: LOG_LINEAR.predict([1, 2], [1, 2, 3]), "expected shapes that broadcast"),
        (lambda: LOG_LINEAR.predict(10, 10, level=1.0), "level: got 1.0"),
        (lambda: LOG_LINEAR.predict(10, 10, distribution="map"), "distribution: got 'map', expected one of"),
        (lambda: LOG_LINEAR.probabilities(0.5, 10), "agents: got 0.5"),
        (lambda: LOG_LINEAR.conf_int(0), "level: got 0"),
        (lambda: LOG_LINEAR.conf_int(method="bootstrap"), "method: got 'bootstrap'"),
        (lambda: LOG_LINEAR.coverage(tables=0), "tables: got 0"),
        (lambda: LOG_LINEAR.profile("slope", 1.0), "parameter: got 'slope'"),
        (lambda: LOG_LINEAR.profile("agents", -1.0), "values: got -1, expected 0 to inf"),
        (lambda: LOG_LINEAR.leave_one_out("map"), "distribution: got 'map'"),
        (lambda: LOG_LINEAR.compare("map"), "distribution: got 'map'"),
        (lambda: LOG_LINEAR.jackknife_plus(10, 10, 1.5), "level: got 1.5"),
        (lambda: SizingRegression(TABLE, "quadratic"), "family: got 'quadratic'"),
        (lambda: SizingRegression(TABLE, response="disk"), "response: got 'disk'"),
        (lambda: SizingRegression(TABLE, workloads_are="both"), "workloads_are: got 'both'"),
        (lambda: SizingRegression(TABLE.drop(columns="agents")), "table: got no column 'agents'"),
        (lambda: SizingRegression(TABLE.assign(servers=3)), "expected a power of two"),
        (lambda: SizingRegression(TABLE.assign(agents=0)), "in agents, expected a number above 0"),
        (lambda: SizingRegression(TABLE.head(5)), "table: got 5 cells, expected at least 6"),
        (lambda: SizingRegression(TABLE.assign(agents=TABLE["workloads"])), "expected agents and workloads that vary"),
        (lambda: shape_of_rung(TABLE, 48), "cores: got 48"),
        (lambda: monotone_bounds(TABLE, 0, 1), "agents: got 0"),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError) as raised:
        call()
    assert message in str(raised.value)


def test_a_table_that_does_not_rise_cannot_bound():
    falling = TABLE.assign(servers=TABLE["servers"].where(TABLE.index != 0, 256))
    fit = SizingRegression(falling).fit()
    with pytest.raises(ValueError, match="totals rise in both directions"):
        fit.predict(100, 100, distribution="bounded")
    assert fit.predict(100, 100)["rung"].iloc[0] >= 2
