"""Queueing: open stations, finite sources and closed networks, exact, on grids of points as on one.

Arguments are keywords: scalars, or arrays that broadcast as in numpy. Results are named tuples of floats for scalar
arguments and of arrays for others. Times share one unit. An open queue whose load reaches its servers has infinite
waits; NaN in gives NaN out; an impossible argument raises ValueError.
"""

from capmodel.queueing.bounds import (
    Bounds,
    asymptotic_bounds,
    balanced_job_bounds,
    halfin_whitt_wait_probability,
    knee,
    square_root_staffing,
)
from capmodel.queueing.erlang import (
    erlang_b,
    erlang_c,
    servers_for_blocking,
    servers_for_mean_wait,
    servers_for_wait_probability,
)
from capmodel.queueing.finite import (
    FiniteSource,
    finite_source,
    finite_source_distribution,
    finite_source_seen_on_arrival,
)
from capmodel.queueing.networks import ClosedNetwork, OpenNetwork, closed_network, open_network
from capmodel.queueing.stations import (
    OpenQueue,
    SharedProcessor,
    mgc,
    mmc,
    mmc_response_quantile,
    mmc_response_tail,
    mmc_wait_quantile,
    mmc_wait_tail,
    processor_sharing,
)

__all__ = [
    "Bounds",
    "ClosedNetwork",
    "FiniteSource",
    "OpenNetwork",
    "OpenQueue",
    "SharedProcessor",
    "asymptotic_bounds",
    "balanced_job_bounds",
    "closed_network",
    "erlang_b",
    "erlang_c",
    "finite_source",
    "finite_source_distribution",
    "finite_source_seen_on_arrival",
    "halfin_whitt_wait_probability",
    "knee",
    "mgc",
    "mmc",
    "mmc_response_quantile",
    "mmc_response_tail",
    "mmc_wait_quantile",
    "mmc_wait_tail",
    "open_network",
    "processor_sharing",
    "servers_for_blocking",
    "servers_for_mean_wait",
    "servers_for_wait_probability",
    "square_root_staffing",
]
