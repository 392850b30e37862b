"""Response times: constants recovered from made latencies."""

import numpy as np
import pytest
from fitted import costs
from hypothesis import given, settings
from hypothesis import strategies as st

from capmodel.response import fit_response, stretch

SHARES = {"cache": 0.7, "crawl": 0.85}
INTERFERENCE = 1.5


def made(seed: int, rows: int, noise: float, outliers: int = 0):
    """Return family, demand, waiting and latency of rows made of known constants."""
    random = np.random.default_rng(seed)
    family = np.where(np.arange(rows) % 2 == 0, "cache", "crawl").astype(object)
    demand_s = random.uniform(0.001, 0.02, rows)
    waiting = random.exponential(0.5, rows)
    share = np.array([SHARES[name] for name in family])
    latency_s = demand_s * (share + waiting + INTERFERENCE * waiting**2) * np.exp(random.normal(0.0, noise, rows))
    latency_s[:outliers] *= 5.0
    return family, demand_s, waiting, latency_s


def test_known_constants_are_recovered_exactly_without_noise():
    found = fit_response(*made(0, 40, 0.0))
    assert found.critical_share == pytest.approx(SHARES, rel=1e-5)
    assert found.interference == pytest.approx(INTERFERENCE, rel=1e-5)
    assert found.dispersion < 1e-9
    assert found.rows == 40


def test_known_constants_lie_in_their_intervals():
    errors = []
    for seed in range(80):
        found = fit_response(*made(seed, 40, 0.2))
        errors.append((found.interference - INTERFERENCE) / found.interference_error)
        assert np.sqrt(found.dispersion) == pytest.approx(0.2, rel=0.5)
    assert abs(np.mean(errors)) < 0.5
    assert 0.8 <= np.mean(np.abs(errors) <= 1.645) <= 1.0


def test_a_few_outliers_move_little():
    found = fit_response(*made(3, 60, 0.1, outliers=3))
    assert found.critical_share == pytest.approx(SHARES, rel=0.2)
    assert found.interference == pytest.approx(INTERFERENCE, rel=0.3)


def test_neither_constant_is_negative():
    family, demand_s, waiting, latency_s = made(5, 40, 0.0)
    quicker = fit_response(family, demand_s, waiting, demand_s * (0.5 + 0.1 * waiting))
    assert quicker.interference >= 0.0
    assert quicker.interference < 1e-3
    assert all(share > 0.0 for share in quicker.critical_share.values())
    assert fit_response(family, demand_s, waiting, latency_s).interference > 1.0


def test_one_family_and_few_rows():
    found = fit_response(np.array(["cache"], dtype=object), np.array([0.01]), np.array([0.1]), np.array([0.009]))
    assert list(found.critical_share) == ["cache"]
    assert found.rows == 1
    assert np.isfinite(found.interference)


@settings(derandomize=True, max_examples=100)
@given(
    wait=st.floats(0.0, 100.0), more=st.floats(0.0, 10.0), share=st.floats(0.01, 1.0), interference=st.floats(0.0, 5.0)
)
def test_an_answer_takes_at_least_its_critical_share_and_grows_with_waiting(wait, more, share, interference):
    here = stretch(wait, share, interference)
    assert here >= share
    assert stretch(wait + more, share, interference) >= here
    assert stretch(np.array([0.0, wait]), share, interference).tolist() == pytest.approx([share, here])
    # Processor sharing without interference: service and waiting.
    assert stretch(wait, 1.0, 0.0) == 1.0 + wait


def test_the_shipped_constants_are_those_of_both_families():
    found = costs().response
    assert set(found.critical_share) == {"cache", "crawl"}
    assert all(0.0 < share <= 1.5 for share in found.critical_share.values())
    assert found.interference >= 0.0
    assert found.interference_error >= 0.0
    assert 0.0 < found.dispersion < 1.0
    assert found.rows > 20
