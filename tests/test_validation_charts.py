"""The charts of the validation page say what their data say, and draw what they were given."""

import numpy as np
import pandas as pd
import pytest

from capmodel import charts
from capmodel.charts import _look


def values(chart: object, name: str) -> list[dict]:
    """Return the rows that a chart carries under a name."""
    found = []

    def walk(part: object) -> None:
        if isinstance(part, dict):
            data = part.get("data")
            if isinstance(data, dict) and data.get("name") == name:
                found.append(data["values"])
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(chart.to_dict())
    assert len(found) == 1, f"{name} is carried {len(found)} times"
    return found[0]


def costs(predicted: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run_id": ["a", "b", "c", "d"],
            "sync_mode": ["crawl", "crawl", "full_cache", "full_cache"],
            "datastore": "postgresql",
            "operation": ["sync", "sync", "sync", "sign_x509"],
            "group": ["crawl", "crawl", "cached read", "signing"],
            "component": ["server", "datastore", "server", "server"],
            "predicted_ms": predicted,
            "measured_ms": [1.0, 2.0, 4.0, 8.0],
            "inside": [True, True, True, False],
        }
    )


def test_left_out_costs_are_summed_up_from_the_data() -> None:
    # Errors of 10, 20, 40 and 60 %: half of them are within 30 %.
    chart = charts.held_out_costs(costs([1.1, 1.6, 5.6, 12.8]))
    title = chart.to_dict()["title"]["text"]
    assert "within 30\xa0%" in title
    assert "75\xa0% lie" in title
    assert "datastore: 1 values, median error 20\xa0%, 100\xa0% inside" in chart.to_dict()["description"]
    assert len(values(chart, "held_out_costs")) == 4


def test_every_operation_of_the_left_out_costs_finds_its_group() -> None:
    frame = costs([1.0, 2.0, 4.0, 8.0])
    chart = charts.held_out_costs(frame)
    groups = {row["key"]: row["group"] for row in values(chart, "guide_groups")}
    keys = frame["sync_mode"] + " " + frame["operation"]
    assert [groups[key] for key in keys] == frame["group"].tolist()


def test_groups_with_too_few_inside_are_counted_out() -> None:
    frame = pd.DataFrame(
        {
            "group": ["sync", "sync", "write", "write"],
            "component": "server",
            "rows": 100,
            "level": [0.9, 0.5, 0.9, 0.5],
            "share": [0.91, 0.5, 0.6, 0.3],
            "likely_low": [0.85, 0.42, 0.85, 0.42],
            "likely_high": [0.95, 0.58, 0.95, 0.58],
        }
    )
    chart = charts.interval_coverage(frame).to_dict()
    assert chart["title"]["text"].startswith("In 1 of 2 groups")
    assert "write, server: 60\xa0% of 100" in chart["description"]
    assert chart["params"][0]["value"] == 0.9


def test_runs_that_no_fit_used_are_counted_by_kind() -> None:
    frame = pd.DataFrame(
        {
            "kind": ["fleets", "fleets", "far"],
            "label": ["a|1", "b|2", "c|3"],
            "quantity": ["cores", "syncs", "cores"],
            "measured": [1.0, 3.0, 1.0],
            "predicted": 1.0,
            "lower": 0.5,
            "upper": 2.0,
            "run_id": ["r", "s", "t"],
        }
    )
    chart = charts.unseen_runs(frame, {"fleets": "whole fleets", "far": "a distant datastore"})
    assert "67\xa0% lie" in chart.to_dict()["title"]["text"]
    assert "whole fleets: 1 of 2; a distant datastore: 1 of 1" in chart.to_dict()["description"]
    assert len(values(chart, "unseen_runs")) == 3


def test_public_figures_outside_are_named() -> None:
    frame = pd.DataFrame(
        {
            "id": ["F1", "F2"],
            "quantity": ["reload_time", "server_cpu"],
            "unit": "s",
            "value": ["10-14", "3"],
            "low": [10.0, 3.0],
            "high": [14.0, 3.0],
            "predicted": [12.0, 30.0],
            "lower": [9.0, 20.0],
            "upper": [15.0, 40.0],
            "verdict": ["inside", "outside"],
        }
    )
    chart = charts.field_figures(frame)
    assert chart.to_dict()["title"]["text"].startswith("1 of 2")
    assert chart.to_dict()["description"].endswith("Outside: server cpu.")
    drawn = values(chart, "field_figures")[1]
    assert drawn["middle"] == pytest.approx(0.1)
    assert (drawn["least"], drawn["most"]) == (pytest.approx(0.6667, rel=1e-3), pytest.approx(1.333, rel=1e-3))


def test_logarithmic_axes_have_round_steps_within_their_ends() -> None:
    steps = _look.steps([0.04, 7.0])
    assert steps == pytest.approx([0.05, 0.1, 0.2, 0.5, 1, 2, 5])
    assert np.all(np.diff(steps) > 0)
