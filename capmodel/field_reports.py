"""Public figures on SPIRE at scale, each held against what the model says of the same quantity.

A figure of ``field_reports.csv`` is text as it was published. :func:`parse` makes a range of it, a rule of
:mod:`capmodel.field_predictions` predicts it from what its report says of the fleet, and it counts as inside when the
two ranges overlap.
"""

from __future__ import annotations

import functools
import math
import re
from typing import TYPE_CHECKING

import pandas as pd

from capmodel import issue_1351
from capmodel.field_predictions import NO_FIGURE, NOTHING, RULES, Model, Report, Span
from capmodel.held_out_cells import reference_cells
from capmodel.not_comparable import NOT_COMPARABLE
from capmodel.regression import normal_quantile

if TYPE_CHECKING:
    from capmodel.costs import CostResults

VERDICTS = ("inside", "outside", "not comparable")

_NUMBER = r"\d+(?:\.\d+)?"
_WORDS = {
    "hundreds": Span(100.0, 900.0),
    "thousands": Span(1000.0, 9000.0),
    "hundreds of thousands": Span(1e5, 9e5),
    "few hundred thousand": Span(2e5, 9e5),
    "low single-digit": Span(1.0, 4.0),
}


def parse(text: str) -> Span:
    """Read a published figure as a range.

    Parameters
    ----------
    text : str
        A number; a range (``"10-14"``); a bound (``">600"``, ``"<=131"``, ``"3+"``); an approximate number
        (``"~307"``); two values (``"7 / 3"``, ``"44.9 -> 23.3"``, ``"10 or 30"``); or words (``"thousands"``).

    Returns
    -------
    Span
        Of an approximate number all that round to it at its last digit that is not zero; of two values the range
        between them; of a lower bound all above, of an upper bound all from 0. NaN where there is no figure.

    Examples
    --------
    >>> parse("10-14"), parse("<1"), parse("~307")
    (Span(low=10.0, high=14.0), Span(low=0.0, high=1.0), Span(low=306.5, high=307.5))
    """
    text = text.strip()
    if text in _WORDS:
        return _WORDS[text]
    if found := re.fullmatch(rf"(>=?|<=?)\s*({_NUMBER})", text):
        value = float(found[2])
        return Span(value, math.inf) if found[1].startswith(">") else Span(0.0, value)
    if found := re.fullmatch(rf"(~?)({_NUMBER})(?:\s*(?:-|/|->|or)\s*({_NUMBER}))?(\+?)", text):
        digits = [found[2], found[3] or found[2]]
        if not found[3] or float(digits[0]) <= float(digits[1]):
            low, high = digits
        else:
            high, low = digits
        about = bool(found[1])
        end = math.inf if found[4] else float(high) + about * _rounding(high)
        return Span(float(low) - about * _rounding(low), end)
    return NO_FIGURE


def _rounding(digits: str) -> float:
    """Return half a unit of the last digit that is not zero."""
    if "." in digits:
        return 0.5 * 10.0 ** -len(digits.split(".")[1].rstrip("0"))
    return 0.5 * 10.0 ** (len(digits) - len(digits.rstrip("0")))


def _count(text: str) -> Span:
    """Read the first figure of a column that also holds words, such as ``"~20000 entries, ~50000 selectors"``."""
    if text.startswith("unknown"):
        return NO_FIGURE
    found = re.search(rf"(?<![\w.])(?:[~<>]=?)?{_NUMBER}(?:-{_NUMBER})?", text)
    return parse(found[0]) if found else NO_FIGURE


_WHY_NOT = {quantity: reason for reason, quantities in NOT_COMPARABLE.items() for quantity in quantities.split()}
UNKNOWN_QUANTITY = "the model has no quantity of this name"
NOT_SAID = "the report does not say enough of the fleet to predict it"
NOT_READ = "no figure is given"


def predict_field_reports(reports: pd.DataFrame, costs: CostResults, level: float = 0.9) -> pd.DataFrame:
    """Predict every public figure that the model has a quantity for.

    Parameters
    ----------
    reports : DataFrame
        Rows of ``field_reports.csv`` (:func:`capmodel.datasets.load_field_reports`).
    costs : CostResults
        Fitted costs.
    level : float
        Coverage of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame
        One row a figure, in their order: id, quantity, value (as published), low, high (the value as a range), unit,
        predicted, lower, upper, verdict (one of `VERDICTS`), reason, kind (what a prediction rests on, see
        :class:`capmodel.field_predictions.Rule`; empty where there is none). A figure is inside when its range and the
        prediction's interval overlap. The reason says what a prediction is made of, what it does not know where the
        figure is outside, or why there is none.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.

    Notes
    -----
    Predictions use what a report says of its fleet (agents, entries, servers, selectors, datastore), never another
    figure that was measured there. Where the datastore is not named, all behind a connection are possible. Inside is no
    proof: where a report says little, intervals are wide.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> reports = cm.load_field_reports()
    >>> predict_field_reports(reports[reports["id"] == "F046"], costs)["verdict"].item() in VERDICTS
    True
    """
    normal_quantile(level)
    shapes: dict[tuple[float, float], tuple[int, int, int]] = {}

    @functools.cache
    def crawl(agents: float, workloads: float, at_agents: float, at_workloads: float) -> issue_1351.Crawl:
        shape = shapes.get((agents, workloads))
        found = issue_1351.crawl(costs, at_agents, at_workloads, level, shape)
        shapes.setdefault((agents, workloads), found.shape)
        return found

    model = Model(costs, level, crawl, functools.cache(lambda: reference_cells(costs, level)))
    facts = _facts(reports)
    words = reports.astype(object).where(reports.notna(), "")
    rows = [_judge(row, facts, model) for _, row in words.iterrows()]
    columns = ["id", "quantity", "value", "low", "high", "unit", "predicted", "lower", "upper", "verdict", "reason"]
    columns.append("kind")
    return pd.DataFrame(rows, columns=columns, index=reports.index)


def _facts(reports: pd.DataFrame) -> dict[str, dict[str, Span]]:
    """Return what each source states in so many words, by source and quantity."""
    facts: dict[str, dict[str, Span]] = {}
    for source, quantity, value, confidence in zip(
        reports["source_url"], reports["quantity"], reports["value"], reports["confidence"], strict=True
    ):
        if confidence == "stated":
            facts.setdefault(_source(source), {})[quantity] = parse(value)
    return facts


def _source(url: str) -> str:
    return url.split("#")[0]


def _report(row: pd.Series, facts: dict[str, dict[str, Span]]) -> Report:
    """Read one row; a figure is no fact about itself."""
    named = [name for name, word in _NAMES.items() if word in row["db"].lower()]
    selectors = re.search(rf"~?{_NUMBER} selectors", row["entries"])
    stated = facts.get(_source(row["source_url"]), {})
    return Report(
        quantity=row["quantity"],
        unit=row["unit"],
        published=parse(row["value"]),
        agents=_count(row["agents"]),
        entries=_count(row["entries"]),
        selectors=parse(selectors[0].removesuffix(" selectors")) if selectors else NO_FIGURE,
        servers=_count(row["servers"]),
        spire_version=row["spire_version"],
        datastores=tuple(named) or tuple(_NAMES)[:2],
        stated={name: span for name, span in stated.items() if name != row["quantity"]},
    )


#: What the file calls each datastore; those behind a connection first.
_NAMES = {"postgresql": "postgres", "mariadb": "mysql", "sqlite": "sqlite"}


def _judge(row: pd.Series, facts: dict[str, dict[str, Span]], model: Model) -> tuple[object, ...]:
    """Return a row of the answer."""
    report = _report(row, facts)
    rule = RULES.get((report.quantity, report.unit))
    found = rule.predict(report, model) if rule else NOTHING
    low, high = report.published
    if rule is None:
        verdict, reason = "not comparable", _WHY_NOT.get(report.quantity, UNKNOWN_QUANTITY)
    elif math.isnan(low):
        verdict, reason = "not comparable", NOT_READ
    elif not math.isfinite(found.estimate):
        verdict, reason = "not comparable", NOT_SAID
    else:
        inside = _overlap(report.published, Span(found.lower, found.upper))
        verdict = "inside" if inside else "outside"
        reason = f"predicted from {rule.made_of}" + ("" if inside else f"; it does not know {rule.unknown}")
        reason += f"; {found.note}" if found.note else ""
    compared = rule is not None and verdict != "not comparable"
    numbers = (found.estimate, found.lower, found.upper) if compared else NOTHING[:3]
    kind = rule.kind if rule and compared else ""
    return (row["id"], row["quantity"], row["value"], low, high, row["unit"], *numbers, verdict, reason, kind)


def _overlap(one: Span, other: Span) -> bool:
    """Tell whether two ranges share a value, up to rounding."""
    slack = 1e-9 * max(abs(other.low), abs(other.high))
    return one.low <= other.high + slack and other.low <= one.high + slack
