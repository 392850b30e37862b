"""What a shape costs, and the cheapest that holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import NamedTuple

from capmodel import cluster
from capmodel.choice import Choice, Smaller, broken, choose, explained, servers_lost
from capmodel.cluster import Interval, UnitCosts
from capmodel.deployment import Inputs
from capmodel.search import Found, at_end, first_that_holds
from capmodel.shapes import Limits, Shape, by_size, memory_rung

#: Hours of a year, on the average.
HOURS_A_YEAR = 8766.0


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices by the hour, all in one currency.

    Parameters
    ----------
    core_per_hour : float
        A core of a server.
    gb_per_hour : float
        10^9 bytes of memory of a server.
    datastore_core_per_hour : float
        A core of the datastore, with its memory, storage and any standby.
    server_per_hour : float
        A server whatever its size, for instance its disk or what its upkeep is worth.

    Raises
    ------
    ValueError
        If a price is negative or not finite, or cores of servers cost nothing.

    Examples
    --------
    >>> Prices(core_per_hour=0.03, gb_per_hour=0.004, datastore_core_per_hour=0.1).server_per_hour
    0.0
    """

    core_per_hour: float
    gb_per_hour: float
    datastore_core_per_hour: float
    server_per_hour: float = 0.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < math.inf:
                raise ValueError(f"{item.name}: got {value!r}, expected a finite number of at least 0")
        if self.core_per_hour == 0.0:
            raise ValueError("core_per_hour: got 0, expected more than 0: without it any number of cores would do")

    def of(self, shape: Shape, memory_gb: float, own_datastore: bool) -> float:
        """Return what a shape costs.

        Parameters
        ----------
        shape, memory_gb, own_datastore
            See :func:`price_of`.

        Returns
        -------
        float
            Cost an hour.

        Examples
        --------
        Two servers of 4 cores and 8 GB, and 2 cores of the datastore:

        >>> prices = Prices(core_per_hour=0.03, gb_per_hour=0.004, datastore_core_per_hour=0.1)
        >>> round(prices.of(Shape(2, 4, 2), 8, own_datastore=True), 3)
        0.504
        """
        return price_of(self.per_hour(), shape, memory_gb, own_datastore)

    def per_hour(self) -> PerHour:
        """Return the prices as the search reads them.

        Returns
        -------
        PerHour
            The same prices.

        Examples
        --------
        >>> prices = Prices(core_per_hour=0.03, gb_per_hour=0.004, datastore_core_per_hour=0.1)
        >>> prices.per_hour().gb_per_hour
        0.004
        """
        return PerHour(
            core_per_hour=self.core_per_hour,
            gb_per_hour=self.gb_per_hour,
            datastore_core_per_hour=self.datastore_core_per_hour,
            server_per_hour=self.server_per_hour,
        )


class PerHour(NamedTuple):
    """Prices as plain numbers, each as in :class:`Prices`; cores that cost nothing mean that nothing has a price.

    Examples
    --------
    >>> prices = Prices(core_per_hour=0.03, gb_per_hour=0.004, datastore_core_per_hour=0.1).per_hour()
    >>> prices.core_per_hour, prices.server_per_hour
    (0.03, 0.0)
    """

    core_per_hour: float
    gb_per_hour: float
    datastore_core_per_hour: float
    server_per_hour: float


#: Nothing has a price: the shape with the fewest cores is chosen.
UNPRICED = PerHour(core_per_hour=0.0, gb_per_hour=0.0, datastore_core_per_hour=0.0, server_per_hour=0.0)


class Priced(NamedTuple):
    """A shape and what it costs an hour.

    Examples
    --------
    >>> listed = [Priced(0.5, Shape(2, 4, 2)), Priced(0.4, Shape(4, 2, 1))]
    >>> min(listed).shape
    Shape(servers=4, cores=2, datastore_cores=1)
    """

    cost: float
    shape: Shape


def price_of(prices: PerHour, shape: Shape, memory_gb: float, own_datastore: bool) -> float:
    """Return what a shape costs.

    Parameters
    ----------
    prices : PerHour
        Prices.
    shape : Shape
        Servers, their cores, cores of the datastore.
    memory_gb : float
        Memory of each server.
    own_datastore : bool
        False for SQLite, which lives inside the server.

    Returns
    -------
    float
        Cost an hour.

    Examples
    --------
    Two servers of 4 cores and 8 GB, and 2 cores of the datastore:

    >>> prices = Prices(core_per_hour=0.03, gb_per_hour=0.004, datastore_core_per_hour=0.1).per_hour()
    >>> round(price_of(prices, Shape(2, 4, 2), 8, own_datastore=True), 3)
    0.504
    """
    server = prices.server_per_hour + prices.core_per_hour * shape.cores + prices.gb_per_hour * memory_gb
    return shape.servers * server + (prices.datastore_core_per_hour * shape.datastore_cores if own_datastore else 0.0)


def by_cost(fleet: Inputs, unit: UnitCosts, limits: Limits, prices: PerHour, end: str) -> list[Priced]:
    """List every shape with its cost, the cheapest first.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    prices : PerHour
        Prices.
    end : {"lower", "upper"}
        End of the interval of a server's memory.

    Returns
    -------
    list of Priced
        Each server has the memory that it needs with the spare ones lost. Of two that cost the same the one with fewer
        cores comes first, then the one with fewer servers, then the one with the smaller datastore.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> from capmodel.shapes import Limits
    >>> limits = Limits(max_utilization=0.6, max_response_time_s=1.0, quantile=1.645, spare_servers=1)
    >>> prices = Prices(core_per_hour=0.03, gb_per_hour=0.004, datastore_core_per_hour=0.1).per_hour()
    >>> by_cost(fleet, unit, limits, prices, "upper")[0].shape
    Shape(servers=2, cores=1, datastore_cores=1)
    """
    own = fleet.datastore != "sqlite"
    found: list[Priced] = []
    for shape in by_size(fleet, limits.spare_servers):
        memory = cluster.memory_of(fleet, unit, shape.servers - limits.spare_servers, limits.quantile)
        found.append(Priced(cost=price_of(prices, shape, memory_rung(at_end(memory, end)), own), shape=shape))
    # What costs the same stays in the order of its size.
    return sorted(found, key=lambda item: item.cost)


def cheapest(fleet: Inputs, unit: UnitCosts, limits: Limits, prices: PerHour, end: str) -> tuple[Found, Shape | None]:
    """Find the cheapest shape that holds.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    prices : PerHour
        Prices.
    end : {"lower", "upper"}
        End of the intervals at which it must hold.

    Returns
    -------
    found : Found
        The largest shape where none holds.
    before : Shape or None
        The shape that costs least below it; nothing that costs less holds.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> from capmodel.shapes import Limits
    >>> limits = Limits(max_utilization=0.6, max_response_time_s=1.0, quantile=1.645, spare_servers=1)
    >>> prices = Prices(core_per_hour=0.03, gb_per_hour=0.004, datastore_core_per_hour=0.1).per_hour()
    >>> found, before = cheapest(fleet, unit, limits, prices, "upper")
    >>> found.shape, before
    (Shape(servers=4, cores=1, datastore_cores=1), Shape(servers=2, cores=2, datastore_cores=1))
    """
    listed = [priced.shape for priced in by_cost(fleet, unit, limits, prices, end)]
    place = first_that_holds(fleet, unit, limits, listed, end)
    if place == len(listed):
        return Found(holds=False, shape=by_size(fleet, limits.spare_servers)[-1]), None
    return Found(holds=True, shape=listed[place]), listed[place - 1] if place > 0 else None


def choose_cheapest(fleet: Inputs, unit: UnitCosts, limits: Limits, prices: PerHour) -> Choice:
    """Find the cheapest shape that holds, and say why.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    prices : PerHour
        Prices.

    Returns
    -------
    Choice
        `smaller` is the shape that costs least below the chosen one.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> from capmodel.shapes import Limits
    >>> limits = Limits(max_utilization=0.6, max_response_time_s=1.0, quantile=1.645, spare_servers=1)
    >>> prices = Prices(core_per_hour=0.03, gb_per_hour=0.004, datastore_core_per_hour=0.1).per_hour()
    >>> choice = choose_cheapest(fleet, unit, limits, prices)
    >>> choice.shape, choice.memory_gb
    (Shape(servers=4, cores=1, datastore_cores=1), 1)
    """
    found, before = cheapest(fleet, unit, limits, prices, "upper")
    low = cheapest(fleet, unit, limits, prices, "lower")[0].shape
    choice = explained(fleet, unit, limits, found, low)
    if before is None:
        return choice
    reasons = "; ".join(broken(fleet, unit, limits, before)) + servers_lost(limits, before.servers)
    return choice._replace(smaller=Smaller(exists=True, shape=before, fails_because=reasons))


def choose_least(fleet: Inputs, unit: UnitCosts, limits: Limits, prices: PerHour) -> Choice:
    """Find the cheapest shape that holds, or the smallest where nothing has a price, and say why.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    prices : PerHour
        Prices.

    Returns
    -------
    Choice
        See :func:`choose_cheapest` and :func:`capmodel.choice.choose`.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> from capmodel.shapes import Limits
    >>> limits = Limits(max_utilization=0.6, max_response_time_s=1.0, quantile=1.645, spare_servers=1)
    >>> choose_least(fleet, unit, limits, UNPRICED).shape
    Shape(servers=4, cores=1, datastore_cores=1)
    """
    if prices.core_per_hour > 0.0:
        return choose_cheapest(fleet, unit, limits, prices)
    return choose(fleet, unit, limits)


def cost_of(fleet: Inputs, choice: Choice, prices: PerHour) -> Interval:
    """Return what an answer costs.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    choice : Choice
        The answer.
    prices : PerHour
        Prices.

    Returns
    -------
    Interval
        An hour; the chosen shape is the estimate and the upper bound, since it is made for the upper end of the demand.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> unit = costs.unit_costs("postgresql")
    >>> from capmodel.shapes import Limits
    >>> limits = Limits(max_utilization=0.6, max_response_time_s=1.0, quantile=1.645, spare_servers=1)
    >>> prices = Prices(core_per_hour=0.03, gb_per_hour=0.004, datastore_core_per_hour=0.1).per_hour()
    >>> cost = cost_of(fleet, choose_cheapest(fleet, unit, limits, prices), prices)
    >>> [round(value, 2) for value in cost]
    [0.24, 0.17, 0.24]
    """
    own = fleet.datastore != "sqlite"
    chosen = price_of(prices, choice.shape, choice.memory_gb, own)
    low = price_of(prices, choice.low_shape, choice.low_memory_gb, own)
    return Interval(estimate=chosen, lower=min(low, chosen), upper=chosen)
