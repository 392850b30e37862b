"""What every page with measured points says of the reader's own runs."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from IPython.display import HTML, Markdown, display

import capmodel as cm
from capmodel import charts
from capmodel.charts import number, percent
from capmodel.schemas import SCHEMAS
from capmodel.sources import SHIPPED, sources_of
from capmodel.tables import plain_text

if TYPE_CHECKING:
    from capmodel.costs import CostResults

#: Points of a chart beyond which every n-th is drawn: a page stays small whatever was measured.
_MOST_POINTS = 300

_NONE = (
    "There are none yet: this page has the shipped runs alone. [Put yours in](measurements.md), from a CSV, from two "
    "scrapes or from Prometheus; `make book` then fits them and shows them here."
)


def rows_of(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are not the shipped ones; their names go into files that readers open elsewhere."""
    own = runs[sources_of(runs) != SHIPPED]
    return own.assign(run_id=plain_text(own["run_id"]))


def show(
    runs: pd.DataFrame,
    costs: CostResults,
    *,
    quantity: str = "cpu",
    operations: tuple[str, ...] = (),
    level: float = 0.9,
) -> None:
    """Display the section "Your measurements" of a page.

    Parameters
    ----------
    runs : DataFrame
        All rows of the fit.
    costs : CostResults
        Fitted to them.
    quantity : {"cpu", "loops"}
        CPU seconds an operation; or throughput and response time of callers that pause, as agents do.
    operations : tuple of str
        Those that the page is about; all if empty.
    level : float
        Coverage of the intervals.
    """
    own = rows_of(runs)
    if own.empty:
        display(Markdown(_NONE))
        return
    display(Markdown(_speeds(own, costs, level)))
    asked = own[own["operation"].isin(operations)] if operations else own
    asked = asked.reset_index(drop=True)
    checked = _loops(asked, costs, level) if quantity == "loops" else cm.check(asked, costs, level).predictions
    if checked.empty:
        display(Markdown("None of them is of the kind that this page is about."))
        return
    inside = checked["measured"].between(checked["lower"], checked["upper"])
    checked = checked.assign(run_id=asked["run_id"].reindex(checked["row"]).to_numpy(), inside=inside)
    step = -(-len(checked) // _MOST_POINTS)
    display(charts.own_runs(checked.iloc[::step], "CPU of one operation" if quantity == "cpu" else "Callers in a loop"))
    display(HTML(_table(checked)))


def _speeds(own: pd.DataFrame, costs: CostResults, level: float) -> str:
    """Say of each source how many rows it has and how fast its machine is."""
    lines = []
    for name, part in costs.sources(level).groupby("source", sort=False):
        rows = int((sources_of(own) == name).sum())
        speeds = "; ".join(_speed(line) for _, line in part.iterrows())
        lines.append(f"- {_name(str(name))}: {rows} rows. Speed of a core: {speeds}.")
    shipped = costs.source == costs.reference
    machine = "the machine of the shipped runs" if shipped else f"the machine of {_name(costs.source)}"
    return "\n".join(lines) + (
        f"\n\nA speed of 1 is the machine of the shipped runs; in parentheses {percent(level)} intervals. Answers here "
        f"are for {machine}."
    )


def _speed(line: pd.Series) -> str:
    """Write the speed of one component."""
    ends = f"{number(line['lower'])} to {number(line['upper'])}"
    told = "not measured, so that of the other"
    if line["rows"]:
        told = f"{line['rows']} rows, half of them within {percent(line['residual_error'])} of the model at that speed"
    return f"{line['component']} {number(line['speed'])} ({ends}; {told})"


def _name(source: str) -> str:
    """Write a file's name, which is anyone's text, so that nothing in it is taken for markup."""
    return f"`` {html.escape(source).replace('`', '')} ``"


def _loops(own: pd.DataFrame, costs: CostResults, level: float) -> pd.DataFrame:
    """Predict throughput and response time of syncs by callers that pause."""
    pausing = own[(own["operation"] == "sync") & (own["think_time_s"] > 0.0)]
    if pausing.empty:
        return pd.DataFrame(columns=["row", "measured"])
    as_loops = pausing.assign(
        population=pausing["concurrency"],
        throughput_per_s=pausing["operations"] / pausing["window_s"],
        response_time_mean_s=pausing["latency_mean_s"],
        start="spread",
    ).reindex(columns=list(SCHEMAS["saturation_runs"].columns))
    found = cm.check(as_loops, costs, level).predictions
    return found.assign(row=pausing.index.to_numpy()[found["row"].to_numpy(int)])


def _table(checked: pd.DataFrame) -> str:
    """Return predicted beside measured, a line for each operation and quantity."""
    keys = ["operation", "sync_mode", "datastore", "component"]
    lines = []
    for key, part in checked.groupby(keys, sort=False, observed=True):
        error = np.abs(part["predicted"] / part["measured"] - 1.0)
        lines.append(
            dict(zip(["operation", "sync mode", "datastore", "of"], (_words(str(word)) for word in key), strict=True))
            | {
                "rows": len(part),
                "measured, median": _value(part["measured"].median(), str(part["quantity"].iloc[0])),
                "predicted, median": _value(part["predicted"].median(), str(part["quantity"].iloc[0])),
                "median error": percent(error.median()),
                "inside the interval": f"{int(part['inside'].sum())} of {len(part)}",
            }
        )
    return pd.DataFrame(lines).to_html(index=False, border=0)


def _words(name: str) -> str:
    own = {"throughput_per_s": "throughput", "response_time_mean_s": "response time"}
    return own.get(name, charts.LABELS.get(name, name))


def _value(value: float, quantity: str) -> str:
    return f"{number(value, 3)} a second" if quantity == "throughput_per_s" else f"{number(1e3 * value, 3)} ms"
