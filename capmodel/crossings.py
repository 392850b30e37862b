"""Where two sync modes cost a component the same, and how well that is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from capmodel.cluster import Interval
from capmodel.effects import demanded

if TYPE_CHECKING:
    from capmodel.cluster import Block, UnitCosts
    from capmodel.deployment import Inputs

#: The first crossing is looked for in so many steps of the range, each of which has so many values of the quantity:
#: two crossings within a step are not told from none.
_STEPS, _LEAP = 10, 4


def crossing(
    one: Callable[[float], Inputs],
    other: Callable[[float], Inputs],
    unit: UnitCosts,
    component: str,
    *,
    servers: float,
    ends: tuple[float, float],
    level: float = 0.9,
    draws: int = 100,
    seed: int = 0,
) -> Interval | None:
    """Find where two fleets keep a component equally busy.

    Parameters
    ----------
    one, other : callable
        A quantity's value to a fleet, such as agents to a fleet that crawls and to one with a full cache.
    unit : UnitCosts
        Unit costs on their datastore.
    component : {"server", "datastore"}
        Which cores are compared.
    servers : float
        Servers of both.
    ends : tuple of float
        The quantity's least and largest value, above 0.
    level : float
        Coverage of the interval.
    draws : int
        Sets of unit costs that the interval is made from.
    seed : int
        Of the draws.

    Returns
    -------
    Interval or None
        Nothing where they do not cross. A bound is the end of the range where more than the draws left out by the
        level cross beyond it or not at all.

    Raises
    ------
    ValueError
        If there is no such component.

    Notes
    -----
    Each draw has one set of unit costs for both fleets, normal with the covariance of the fit and not below 0, each
    family times one log-normal factor of run-to-run dispersion: what both fleets share cancels.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> def fleet(mode):
    ...     return lambda n: cm.Deployment(agents=round(n), workloads=2 * round(n), sync_mode=mode).inputs()
    >>> found = crossing(fleet("crawl"), fleet("full_cache"), costs.unit_costs("postgresql"), "datastore",
    ...                  servers=2, ends=(1, 5000), draws=20)
    >>> found.lower <= found.estimate <= found.upper
    True
    """
    if component not in ("server", "datastore"):
        raise ValueError(f"component: got {component!r}, expected 'server' or 'datastore'")
    grid = np.geomspace(*ends, _STEPS * _LEAP + 1)
    fleets = [(one(x), other(x)) for x in grid]

    def gap(k: int, costs: UnitCosts) -> float:
        ours, theirs = (getattr(demanded(fleet, costs, servers, 0.0), component).estimate for fleet in fleets[k])
        return math.log(ours / theirs)

    def place(costs: UnitCosts) -> float:
        first = before = gap(0, costs)
        for k in range(0, len(grid) - 1, _LEAP):
            after = gap(k + _LEAP, costs)
            if np.sign(before) != np.sign(after):
                return within(k, k + _LEAP, before, after, costs)
            before = after
        # They never meet: the crossing lies beyond the end at which they are closer.
        return 0.0 if abs(first) < abs(before) else math.inf

    def within(low: int, high: int, before: float, after: float, costs: UnitCosts) -> float:
        while high - low > 1:
            middle = (low + high) // 2
            between = gap(middle, costs)
            if np.sign(between) == np.sign(before):
                low, before = middle, between
            else:
                high, after = middle, between
        share = before / (before - after)
        return float(np.exp(np.log(grid[low]) + share * np.log(grid[high] / grid[low])))

    estimate = place(unit)
    if not 0.0 < estimate < math.inf:
        return None
    generator = np.random.default_rng(seed)
    places = [place(_drawn(unit, generator)) for _ in range(draws)]
    tail = 0.5 - level / 2.0
    low, high = np.quantile(places, [tail, 1.0 - tail], method="nearest")
    return Interval(estimate, max(min(float(low), estimate), ends[0]), min(max(float(high), estimate), ends[1]))


def _drawn(unit: UnitCosts, generator: np.random.Generator) -> UnitCosts:
    """Return unit costs drawn around the estimates."""

    def block(one: Block) -> Block:
        costs = generator.multivariate_normal(one.costs_s, one.covariance, check_valid="ignore", method="eigh")
        factor = math.exp(generator.normal(0.0, math.sqrt(one.dispersion)))
        return one._replace(costs_s=[factor * max(cost, 0.0) for cost in costs.tolist()])

    return unit._replace(
        server={name: block(one) for name, one in unit.server.items()},
        datastore={name: block(one) for name, one in unit.datastore.items()},
    )
