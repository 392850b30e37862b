"""Every chart of the book, and the look that they share: data frame in, Altair chart out.

A chart's title states what it shows and its description says the same in words and numbers; both are made from the
data, so that neither can outlive it. Call :func:`enable` once before the first chart.

Colours of text and lines are those of the page (``currentColor``), and colours of marks hold on white and on black, so
one drawing serves the light and the dark theme.
"""

try:
    import altair as alt
except ImportError:
    raise ImportError("capmodel.charts draws with altair: pip install 'capmodel[charts]'") from None

from capmodel.charts._look import (
    BAND,
    BLUE,
    COLORS,
    GREEN,
    GREY,
    LABELS,
    LIMIT,
    MEASURED,
    MODEL,
    OWN,
    PURPLE,
    VERMILION,
    enable,
    number,
    percent,
)
from capmodel.charts._page import figure
from capmodel.charts.change import DURATION_LABEL, cold_start, factors, servers_lost, tornado
from capmodel.charts.clusters import datastore_distance, shared_datastore, topologies
from capmodel.charts.cost import statement_counts, sync_cost
from capmodel.charts.growth import size_curve
from capmodel.charts.held_out import field_figures, held_out_costs, interval_coverage, unseen_runs
from capmodel.charts.loops import closed_loop, restart, saturation, started_together
from capmodel.charts.modes import AGAINST, event_gaps, sync_modes
from capmodel.charts.reference import reference_map, table_generosity
from capmodel.charts.speed import own_runs, speed_precision

alt.renderers.register("site", figure)

__all__ = [
    "AGAINST",
    "BAND",
    "BLUE",
    "COLORS",
    "DURATION_LABEL",
    "GREEN",
    "GREY",
    "LABELS",
    "LIMIT",
    "MEASURED",
    "MODEL",
    "OWN",
    "PURPLE",
    "VERMILION",
    "closed_loop",
    "cold_start",
    "datastore_distance",
    "enable",
    "event_gaps",
    "factors",
    "field_figures",
    "held_out_costs",
    "interval_coverage",
    "number",
    "own_runs",
    "percent",
    "reference_map",
    "restart",
    "saturation",
    "servers_lost",
    "shared_datastore",
    "size_curve",
    "speed_precision",
    "started_together",
    "statement_counts",
    "sync_cost",
    "sync_modes",
    "table_generosity",
    "topologies",
    "tornado",
    "unseen_runs",
]
