"""What each factor of SPIRE's scaling guide does to a fleet over its range, and what is left when servers are lost.

The functions are scalar and use plain arithmetic only: the site's page on factors is translated from them, so that it
can answer for the fleet of its reader.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel import cluster, spire
from capmodel.answer import count, shape_words
from capmodel.cluster import Interval, UnitCosts
from capmodel.deployment import Inputs
from capmodel.effects import Cores, changed, demanded, fixed, value_of
from capmodel.shapes import Shape

#: Values that each factor is drawn at; the fleet's own is added to them.
TTLS = (300.0, 600.0, 1200.0, 3600.0, 14_400.0, 86_400.0, 604_800.0)
RATES = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
VALUES = {
    "x509_ttl_s": TTLS,
    "agent_ttl_s": TTLS,
    "ca_ttl_s": (3600.0, 14_400.0, 86_400.0, 604_800.0, 2_592_000.0),
    "workloads": (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0),
    "zipf_exponent": (0.0, 0.5, 1.0, 1.5),
    "jwt_per_s": (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0),
    "changes_per_s": RATES,
    "updates_per_s": RATES,
    "cores_taken": (0.0, 0.1, 0.25, 0.5, 0.75, 1.0),
    "federated_domains": (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0),
    "sync_interval_s": (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 20.0, 30.0, 60.0),
    "reload_interval_s": (1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0),
    "datastore_round_trip_time_s": (0.0, 0.001, 0.003, 0.01, 0.03, 0.1),
}


#: What readers call each factor.
TITLES = {
    "x509_ttl_s": "lifetime of X509-SVIDs",
    "agent_ttl_s": "lifetime of agents' SVIDs",
    "ca_ttl_s": "lifetime of the root (CA)",
    "workloads": "workloads a node",
    "zipf_exponent": "unevenness of workloads (0 even, 1 Zipf)",
    "jwt_per_s": "JWT-SVIDs signed a second",
    "changes_per_s": "entries created or deleted a second",
    "updates_per_s": "entries updated a second",
    "cores_taken": "cores that neighbours take on each server",
    "federated_domains": "trust domains that entries federate with",
    "sync_interval_s": "sync interval",
    "reload_interval_s": "reload interval",
    "datastore_round_trip_time_s": "distance of the datastore, round trip",
    "ca_key_type": "key type of the CA",
}


class Point(NamedTuple):
    """One value of a factor.

    Attributes
    ----------
    factor : str
        A name of `VALUES`, or ``"ca_key_type"``.
    x : float
        The value; workloads are those of a node. 0 for a key type.
    name : str
        The key type; empty for the others.
    server, datastore : Interval
        Cores that all servers and the datastore keep busy.
    response_s : Interval
        Time of a sync on the given shape, seconds.
    here : bool
        Whether it is the fleet's own value.
    """

    factor: str
    x: float
    name: str
    server: Interval
    datastore: Interval
    response_s: Interval
    here: bool


class Change(NamedTuple):
    """A change that readers may plan, and the cores that it adds."""

    label: str
    server: float
    datastore: float


class Lost(NamedTuple):
    """State with so many servers lost."""

    servers_lost: int
    utilization: Interval
    response_s: Interval


def points(fleet: Inputs, unit: UnitCosts, shape: Shape, quantile: float) -> list[Point]:
    """Change each factor over its range, the others as they are.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    shape : Shape
        What it runs on; cores kept busy depend on its servers alone.
    quantile : float
        Normal quantile of the intervals' upper bound.

    Returns
    -------
    list of Point
        In the order of `VALUES`, each factor's values rising and the fleet's own among them; then the key types.
    """
    found: list[Point] = []
    for factor in VALUES:
        if fixed(fleet, factor) == "":
            own = fleet.workloads / fleet.agents if factor == "workloads" else value_of(fleet, factor)
            placed = False
            for value in VALUES[factor]:
                if not placed and own <= value:
                    found.append(point_at(fleet, fleet, unit, shape, quantile, factor, own, True))
                    placed = True
                if value != own:
                    amount = value
                    if factor == "workloads":
                        amount = max(math.floor(value * fleet.agents + 0.5) * 1.0, 1.0)
                    other = changed(fleet, factor, amount)
                    found.append(point_at(fleet, other, unit, shape, quantile, factor, value, False))
            if not placed:
                found.append(point_at(fleet, fleet, unit, shape, quantile, factor, own, True))
    for name in spire.CA_KEY_TYPES:
        other = fleet._replace(ca_key_type=name)
        point = point_at(fleet, other, unit, shape, quantile, "ca_key_type", 0.0, name == fleet.ca_key_type)
        found.append(point._replace(name=name))
    return found


def point_at(
    fleet: Inputs, other: Inputs, unit: UnitCosts, shape: Shape, quantile: float, factor: str, x: float, here: bool
) -> Point:
    """Return one point of a factor.

    Parameters
    ----------
    fleet, other : Inputs
        The fleet, and the fleet with the factor changed.
    unit : UnitCosts
        Unit costs.
    shape : Shape
        What it runs on.
    quantile : float
        Normal quantile of the intervals' upper bound.
    factor : str
        Name of the factor.
    x : float
        Its value.
    here : bool
        Whether it is the fleet's own value.

    Returns
    -------
    Point
        See there.
    """
    cores = demanded(other, unit, shape.servers, quantile)
    state = cluster.forecast(other, unit, shape.servers, shape.cores, shape.datastore_cores, quantile)
    return Point(
        factor=factor,
        x=x,
        name="",
        server=cores.server,
        datastore=cores.datastore,
        response_s=state.response_time_s,
        here=here,
    )


def points_title(found: list[Point]) -> str:
    """Say which factors matter most over their ranges.

    Parameters
    ----------
    found : list of Point
        From :func:`points`.

    Returns
    -------
    str
        A title, for readers.
    """
    factors: list[str] = []
    for point in found:
        if point.factor not in factors:
            factors.append(point.factor)
    server = factors[0]
    datastore = factors[0]
    most_server = 0.0
    most_datastore = 0.0
    for factor in factors:
        low = math.inf
        high = 0.0
        least = math.inf
        most = 0.0
        for point in found:
            if point.factor == factor:
                low = min(low, point.server.estimate)
                high = max(high, point.server.estimate)
                least = min(least, point.datastore.estimate)
                most = max(most, point.datastore.estimate)
        if high / low > most_server:
            most_server = high / low
            server = factor
        if least > 0.0 and most / least > most_datastore:
            most_datastore = most / least
            datastore = factor
    words = f"Of {len(factors):.0f} factors, “" + TITLES[server] + "” changes the servers' load most"
    return words if most_datastore <= 0.0 else words + ", “" + TITLES[datastore] + "” the datastore's"


def changes(fleet: Inputs, unit: UnitCosts, servers: float, quantile: float) -> list[Change]:
    """List changes that readers may plan, and the cores that each adds.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    servers : float
        Servers.
    quantile : float
        Normal quantile of the intervals' upper bound.

    Returns
    -------
    list of Change
        The dearest first.
    """
    labels = [
        "one more trust domain for every entry to federate with",
        "agents sync twice as often",
        "ten times the workloads on each node",
        "100 JWT-SVIDs a second more",
        "10 entries a second more updated",
        "10 entries a second more created or deleted",
        "agents' SVIDs live a sixth as long",
        "X509-SVIDs live a sixth as long",
        "a CA key of type rsa-4096",
        "workloads spread by Zipf's law",
        "neighbours take a quarter of a core on each server",
        "the cache reloads six times less often",
    ]
    fleets = [
        fleet._replace(federated_domains=fleet.federated_domains + 1.0),
        fleet._replace(sync_interval_s=fleet.sync_interval_s / 2.0),
        fleet._replace(workloads=10.0 * fleet.workloads, entries_per_agent=10.0 * fleet.entries_per_agent),
        fleet._replace(jwt_per_s=fleet.jwt_per_s + 100.0),
        fleet._replace(updates_per_s=fleet.updates_per_s + 10.0),
        fleet._replace(changes_per_s=fleet.changes_per_s + 10.0),
        fleet._replace(agent_ttl_s=max(fleet.agent_ttl_s / 6.0, 60.0)),
        fleet._replace(x509_ttl_s=max(fleet.x509_ttl_s / 6.0, 60.0)),
        fleet._replace(ca_key_type="rsa-4096"),
        fleet._replace(zipf_exponent=1.0),
        fleet._replace(cores_taken=fleet.cores_taken + 0.25),
        fleet._replace(reload_interval_s=6.0 * fleet.reload_interval_s),
    ]
    now = demanded(fleet, unit, servers, quantile)
    found: list[Change] = []
    for k in range(len(labels)):
        then = demanded(fleets[k], unit, servers, quantile)
        found.append(
            Change(
                label=labels[k],
                server=then.server.estimate - now.server.estimate,
                datastore=then.datastore.estimate - now.datastore.estimate,
            )
        )
    ordered: list[Change] = []
    left: list[int] = []
    for k in range(len(found)):
        left.append(k)  # noqa: PERF402
    while len(left) > 0:
        first = left[0]
        for k in left:
            if found[k].server + found[k].datastore > found[first].server + found[first].datastore:
                first = k
        left = [k for k in left if k != first]
        ordered.append(found[first])
    return ordered


def losses(fleet: Inputs, unit: UnitCosts, shape: Shape, quantile: float) -> list[Lost]:
    """Lose servers one by one.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    shape : Shape
        What it runs on.
    quantile : float
        Normal quantile of the intervals' upper bound.

    Returns
    -------
    list of Lost
        From none lost to one left, five at most.
    """
    found: list[Lost] = []
    for lost in range(5):
        if lost < shape.servers:
            left = shape.servers - lost
            state = cluster.forecast(fleet, unit, left, shape.cores, shape.datastore_cores, quantile)
            found.append(
                Lost(servers_lost=lost, utilization=state.server_utilization, response_s=state.response_time_s)
            )
    return found


def losses_title(found: list[Lost], shape: Shape, limit: float) -> str:
    """Say how many servers a shape can lose.

    Parameters
    ----------
    found : list of Lost
        From :func:`losses`.
    shape : Shape
        What the fleet runs on.
    limit : float
        Utilization that is not to be exceeded.

    Returns
    -------
    str
        A title, for readers.
    """
    spare = -1
    for state in found:
        if state.utilization.upper <= limit and spare == state.servers_lost - 1:
            spare = state.servers_lost
    if spare < 0:
        return f"{count(shape.servers, 'server')} do not keep below {100.0 * limit:.0f} % even with all up"
    if spare == 0:
        return (
            "No server of "
            + count(shape.servers, "server")
            + f" may be lost: the rest would pass {100.0 * limit:.0f} %"
        )
    rest = "with one server left" if spare + 1 == shape.servers else "with " + count(spare, "server") + " lost"
    return "Even " + rest + f" the others keep below {100.0 * limit:.0f} % of their cores"


def amount(value: float) -> str:
    """Write a number of cores.

    Parameters
    ----------
    value : float
        Cores, also fewer than none.

    Returns
    -------
    str
        Two digits; what is below a thousandth is said to be.

    Examples
    --------
    >>> amount(1.284), amount(0.0007), amount(-0.054), amount(1234.0)
    ('1.3', 'less than 0.001', '−0.054', '1,234')
    """
    size = abs(value)
    if size < 0.001:
        return "0" if size < 1e-9 else "less than 0.001"
    return ("−" if value < 0.0 else "") + (f"{size:.2g}" if size < 99.5 else f"{size:,.0f}")


def cores_words(value: Interval) -> str:
    """Write cores with their interval.

    Parameters
    ----------
    value : Interval
        Cores.

    Returns
    -------
    str
        Estimate, and bounds in parentheses.
    """
    return amount(value.estimate) + " (" + amount(value.lower) + " to " + amount(value.upper) + ")"


def sentence(fleet: Inputs, now: Cores, found: list[Change], datastore: str) -> str:
    """Say what a fleet keeps busy, and which change weighs most.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    now : Cores
        What it keeps busy.
    found : list of Change
        From :func:`changes`.
    datastore : str
        Name of the datastore for readers.

    Returns
    -------
    str
        Two sentences.
    """
    words = count(fleet.agents, "agent") + " with " + count(fleet.workloads, "workload") + " on " + datastore
    words = words + (" keeps " if fleet.agents == 1 else " keep ") + cores_words(now.server) + " server"
    apart = now.datastore.estimate > 0.0
    if apart:
        words = words + " and " + cores_words(now.datastore) + " datastore"
    most = found[0]
    words = (
        words + " cores busy. Of the changes below, “" + most.label + "” adds most: " + amount(most.server) + " server"
    )
    return words + (" and " + amount(most.datastore) + " datastore" if apart else "") + " cores."


def about(fleet: Inputs, shape: Shape, datastore: str) -> str:
    """Name the fleet that the page answers for.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    shape : Shape
        What it runs on.
    datastore : str
        Name of the datastore for readers.

    Returns
    -------
    str
        A sentence.
    """
    words = count(fleet.agents, "agent") + " with " + count(fleet.workloads, "workload") + " on " + datastore
    return words + ", run by " + shape_words(fleet, shape, 0.0) + "."
