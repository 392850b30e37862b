"""What decides between topologies for one fleet: another server, a far datastore, who is hit by a failure, what holds.

The functions are scalar and use plain arithmetic only: the site's page on topologies is translated from them, so that
it can answer for the fleet of its reader.
"""

from __future__ import annotations

import math

from capmodel import cluster, division, growth, spire, steady
from capmodel.answer import count, fleet_words, shape_words, span, written
from capmodel.cluster import UnitCosts
from capmodel.deployment import Inputs
from capmodel.effects import demanded
from capmodel.factors import amount
from capmodel.shapes import Limits, Shape
from capmodel.whole import Sized

#: Round trip of the example of geography, between continents.
FAR_S = 0.1
#: Sizes of a datastore that the table of rules names.
SIZES = (1.0, 8.0, 16.0)


def another_server(fleet: Inputs, unit: UnitCosts, servers: float, quantile: float) -> float:
    """Return what one more server costs the datastore, agents and entries as they are.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    servers : float
        Servers now.
    quantile : float
        Of a standard normal, for the intervals.

    Returns
    -------
    float
        Cores of a busy host: what its cache's reloads or polls need.
    """
    more = demanded(fleet, unit, servers + 1.0, quantile).datastore.estimate
    return more - demanded(fleet, unit, servers, quantile).datastore.estimate


def even(fleet: Inputs, unit: UnitCosts, servers: float, quantile: float) -> float:
    """Return with how many servers their caches cost the datastore as much as everything else.

    Parameters
    ----------
    fleet, unit, servers, quantile
        As in :func:`another_server`.

    Returns
    -------
    float
        Not whole; infinite where a server costs the datastore nothing.
    """
    each = another_server(fleet, unit, servers, quantile)
    if each <= 0.0:
        return math.inf
    return demanded(fleet, unit, servers, quantile).datastore.estimate / each - servers


def availability(fleet: Inputs, unit: UnitCosts, servers: float, quantile: float, datastore: str) -> str:
    """Say what one more server costs the datastore.

    Parameters
    ----------
    fleet, unit, servers, quantile
        As in :func:`another_server`.
    datastore : str
        Name of the datastore for readers.

    Returns
    -------
    str
        A sentence or two.
    """
    if fleet.datastore == "sqlite":
        return "SQLite serves one server alone, so this fleet can have no other."
    each = another_server(fleet, unit, servers, quantile)
    said = "For " + fleet_words(fleet, datastore) + " one more server costs the datastore " + amount(each) + " cores"
    most = even(fleet, unit, servers, quantile)
    if most > 1000.0:
        return said + "."
    return said + f"; with about {max(most, 1.0):.0f} servers their caches cost it as much as everything else."


def distance(fleet: Inputs, servers: float, limit_s: float) -> float:
    """Return the round trip to the datastore at which waiting for it alone takes so long.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    servers : float
        Servers that share its agents.
    limit_s : float
        Mean wait of a sync, in seconds.

    Returns
    -------
    float
        Seconds there and back.
    """
    each_per_s = fleet.agents / fleet.sync_interval_s / servers
    low = 0.0
    high = limit_s
    for _ in range(40):
        middle = (low + high) / 2.0
        if steady.network_wait(fleet._replace(datastore_round_trip_time_s=middle), each_per_s) < limit_s:
            low = middle
        else:
            high = middle
    return high


def geography(fleet: Inputs, unit: UnitCosts, shape: Shape, clusters: float, quantile: float) -> str:
    """Say what a far datastore costs a sync, and what clusters with their own gain.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    shape : Shape
        Of the undivided fleet and of each cluster.
    clusters : float
        Nested clusters.
    quantile : float
        Of a standard normal, for the intervals.

    Returns
    -------
    str
        A paragraph.
    """
    if fleet.datastore == "sqlite":
        return "SQLite lies on its server's own disk, so no sync of this fleet waits for a network."
    trips = steady.round_trips(fleet.sync_mode, fleet.entries_per_agent, fleet.federated_domains)
    own = division.divided(fleet, clusters, "cluster")[0].fleet._replace(datastore_round_trip_time_s=0.0)
    far = cluster.forecast(
        fleet._replace(datastore_round_trip_time_s=FAR_S), unit, shape.servers, shape.cores, shape.datastore_cores,
        quantile,
    )  # fmt: skip
    hand = fleet._replace(datastore_round_trip_time_s=0.0)
    here = cluster.forecast(hand, unit, shape.servers, shape.cores, shape.datastore_cores, quantile)
    near = cluster.forecast(own, unit, shape.servers, shape.cores, shape.datastore_cores, quantile)
    less = 1.0 - far.sync_per_s.estimate / here.sync_per_s.estimate
    words = (
        f"A sync of your fleet waits for {trips:,.0f} round trips, and for {spire.TRANSACTION_ROUND_TRIPS:.0f} more "
        + "when the trust bundle is due. With "
        + written(FAR_S, "s")
        + " to the datastore and back it takes "
        + written(far.response_time_s.estimate, "s")
        + " ("
        + span(far.response_time_s, "s")
        + "); in a nested cluster with its datastore at hand "
        + written(near.response_time_s.estimate, "s")
        + " ("
        + span(near.response_time_s, "s")
        + ")."
    )
    if less >= 0.0:
        words = words + " Agents throttle themselves, so the load falls by only " + written(less, "share") + "."
    return (
        words
        + " Syncs wait "
        + written(0.1, "s")
        + " and more for a datastore "
        + written(distance(fleet, shape.servers, 0.1), "s")
        + " away, and "
        + written(1.0, "s")
        + " and more for one "
        + written(distance(fleet, shape.servers, 1.0), "s")
        + " away."
    )


def lasts(seconds: float) -> str:
    """Write how long something goes on.

    Parameters
    ----------
    seconds : float
        A time.

    Returns
    -------
    str
        Whole minutes, hours or days.

    Examples
    --------
    >>> lasts(1934.8), lasts(43_200.0), lasts(604_800.0)
    ('32 min', '12 h', '7 d')
    """
    if seconds < 7200.0:
        return f"{seconds / 60.0:.0f} min"
    if seconds < 172_800.0:
        return f"{seconds / 3600.0:.0f} h"
    return f"{seconds / 86_400.0:.0f} d"


def lives(fleet: Inputs) -> str:
    """Say how long SVIDs in use last when nothing renews them.

    Parameters
    ----------
    fleet : Inputs
        The deployment.

    Returns
    -------
    str
        From what is left when they are due to their whole lifetime.
    """
    renewed = spire.renewal_period(fleet.x509_ttl_s, fleet.sync_interval_s, fleet.jittered)
    return lasts(fleet.x509_ttl_s - renewed) + " to " + lasts(fleet.x509_ttl_s)


def failures(fleet: Inputs, clusters: float) -> list[list[str]]:
    """List who is hit when something fails.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    clusters : float
        Clusters or trust domains.

    Returns
    -------
    list of list of str
        What fails, then who is hit in one trust domain, in nested clusters and in federated domains.
    """
    everyone = "all " + count(fleet.agents, "agent")
    largest = division.divided(fleet, clusters, "cluster")[0].fleet.agents
    some = ("up to " if largest * clusters > fleet.agents else "") + count(largest, "agent")
    half = lasts(fleet.ca_ttl_s / 2.0)
    return [
        ["one server", "agents reconnect to the others, which are sized for it", "the same, in its cluster",
         "the same, in its domain"],
        ["a datastore", everyone + ": no sync, no new SVID; SVIDs in use last " + lives(fleet),
         some + " of its cluster; the others notice nothing", some + " of its domain; others keep its last bundle"],
        ["all servers of a cluster", everyone + ", as above", some + ", as above", some + ", as above"],
        ["the root cluster", "there is none",
         "nobody at once; clusters go on for " + half + " to " + lasts(fleet.ca_ttl_s) + ", "
         + lasts(0.75 * fleet.ca_ttl_s) + " on average, then " + everyone, "there is none"],
        ["a CA key is stolen", "the whole trust domain", "the whole trust domain",
         "one trust domain, and whoever trusts it"],
    ]  # fmt: skip


def held(fleet: Inputs, unit: UnitCosts, limits: Limits, servers: float, cores: float) -> float:
    """Return how many agents of the fleet's kind a datastore carries.

    Parameters
    ----------
    fleet : Inputs
        The deployment; workloads grow with the agents.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        The utilization that must hold, at the upper end of the intervals.
    servers : float
        Servers, at least two.
    cores : float
        Cores of the datastore.

    Returns
    -------
    float
        Agents, to about 1 %.
    """
    low = 1.0 / fleet.agents
    high = 1e8 / fleet.agents
    for _ in range(14):
        middle = math.sqrt(low * high)
        work = demanded(growth.times(fleet, middle), unit, max(servers, 2.0), limits.quantile).datastore.upper
        if work <= limits.max_utilization * cores:
            low = middle
        else:
            high = middle
    return low * fleet.agents


def rules(fleet: Inputs, unit: UnitCosts, limits: Limits, shape: Shape, nested: list[Sized]) -> list[list[str]]:
    """List what speaks for each topology.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold.
    shape : Shape
        Of the undivided fleet.
    nested : list of Sized
        The nested answer's clusters, the root first.

    Returns
    -------
    list of list of str
        If, then, because.
    """
    servers = shape.servers
    found = []
    far = "servers far from their datastore"
    if fleet.datastore != "sqlite":
        sizes = ""
        for cores in SIZES:
            agents = held(fleet, unit, limits, servers, cores)
            step = 1.0
            while agents >= 100.0 * step:
                step = 10.0 * step
            sizes = sizes + (", " if sizes != "" else "") + f"{math.floor(agents / step) * step:,.0f} agents on "
            sizes = sizes + count(cores, "core")
        found.append(["One datastore holds your kind of fleet: up to " + sizes, "one trust domain",
                      "fewest parts, and no federation to pay for"])  # fmt: skip
        far = "servers more than " + written(distance(fleet, servers, 0.1), "s") + " from the datastore"
    found.append(["More agents than that, or " + far,
                  "nested, a cluster for each region or for each such number of agents",
                  "a datastore's work falls with the number of clusters; the root needs "
                  + shape_words(nested[0].fleet, nested[0].choice.shape, nested[0].choice.memory_gb)])  # fmt: skip
    half = lasts(fleet.ca_ttl_s / 2.0)
    found.append(["A lost datastore must not stop everyone, and " + half + " without the root are enough to repair it",
                  "nested", "a cluster's failure hits its own agents"])  # fmt: skip
    border = "each domain has roots of its own"
    now = demanded(fleet, unit, servers, limits.quantile).datastore.estimate
    more = fleet._replace(federated_domains=fleet.federated_domains + 1.0)
    if fleet.datastore != "sqlite":
        each = demanded(more, unit, servers, limits.quantile).datastore.estimate - now
        border = border + "; every domain that entries federate with costs " + amount(each) + " datastore cores"
        border = border + f", {each / now:.2g} times all other work of the datastore"
    found.append(["Parts are run by different people, or a stolen key must stop at a border", "federated", border])
    most = even(fleet, unit, servers, limits.quantile)
    if fleet.datastore != "sqlite" and fleet.sync_mode == "full_cache" and most < 1000.0:
        found.append([f"About {max(most, 1.0):.0f} servers or more on one datastore", "events cache, or nested",
                      "reloads cost the datastore as much as everything else there"])  # fmt: skip
    return found
