"""What a small change of each input does to a fleet, and the cores that it keeps busy.

The functions are scalar and use plain arithmetic only: the site's page on factors is translated from them, so that it
can answer for the fleet of its reader. :mod:`capmodel.sensitivity` gives the same as data frames.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel import cluster, spire
from capmodel.cluster import Interval, UnitCosts
from capmodel.deployment import Inputs, operation_rates
from capmodel.shapes import Shape

#: Numeric inputs: the fleet, its pace, what it asks for, and what it shares or stands on.
INPUTS = (
    "agents",
    "workloads",
    "selectors_per_entry",
    "dns_names_per_entry",
    "node_selectors_per_agent",
    "zipf_exponent",
    "sync_interval_s",
    "reload_interval_s",
    "x509_ttl_s",
    "agent_ttl_s",
    "ca_ttl_s",
    "jwt_per_s",
    "jwt_pairs_per_agent",
    "jwt_requests_per_pair_s",
    "jwt_ttl_s",
    "changes_per_s",
    "updates_per_s",
    "cores_taken",
    "federated_domains",
    "federated_peers",
    "downstream_servers",
    "datastore_round_trip_time_s",
    "machine_speed",
    "datastore_speed",
)

#: Inputs that a relative change of nothing would not move: the change that is made instead.
ABSOLUTE_STEPS = {
    "node_selectors_per_agent": 1.0,
    "dns_names_per_entry": 1.0,
    "zipf_exponent": 0.1,
    "jwt_per_s": 10.0,
    "changes_per_s": 1.0,
    "updates_per_s": 1.0,
    "cores_taken": 0.1,
    "federated_domains": 1.0,
    "federated_peers": 1.0,
    "downstream_servers": 1.0,
    "datastore_round_trip_time_s": 0.001,
}

#: Least value of inputs that may not fall below.
LEAST = {"agents": 1.0, "selectors_per_entry": 1.0, "x509_ttl_s": 60.0, "agent_ttl_s": 60.0, "jwt_ttl_s": 60.0}

#: Names of the inputs for readers.
LABELS = {
    "fitted costs": "fitted costs",
    "agents": "agents",
    "workloads": "workloads",
    "selectors_per_entry": "selectors an entry",
    "dns_names_per_entry": "DNS names an entry",
    "node_selectors_per_agent": "selectors a node",
    "zipf_exponent": "unevenness of workloads",
    "sync_interval_s": "sync interval",
    "reload_interval_s": "reload interval",
    "x509_ttl_s": "X509-SVID lifetime",
    "agent_ttl_s": "agent SVID lifetime",
    "ca_ttl_s": "CA lifetime",
    "jwt_per_s": "JWT-SVIDs a second",
    "jwt_pairs_per_agent": "JWT pairs of an agent",
    "jwt_requests_per_pair_s": "requests for a JWT pair",
    "jwt_ttl_s": "JWT-SVID lifetime",
    "changes_per_s": "entries created or deleted",
    "updates_per_s": "entries updated",
    "cores_taken": "cores taken by neighbours",
    "federated_domains": "federated trust domains",
    "federated_peers": "peer domains polled",
    "downstream_servers": "downstream servers",
    "datastore_round_trip_time_s": "distance of the datastore",
    "machine_speed": "speed of the servers",
    "datastore_speed": "speed of the datastore",
}


class Cores(NamedTuple):
    """Cores that a fleet keeps busy, on all servers together and on the datastore.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> cores = demanded(fleet, costs.unit_costs("postgresql"), servers=2, quantile=1.645)
    >>> [round(value, 1) for value in cores.server]
    [0.6, 0.5, 0.8]
    """

    server: Interval
    datastore: Interval


class Bar(NamedTuple):
    """What a small change of an input does to the utilization of one component.

    Attributes
    ----------
    input : str
        A name of `LABELS`.
    component : str
        ``"server"`` or ``"datastore"``.
    lower, higher : float
        Relative change of the utilization when the input is lower and higher.
    """

    input: str
    component: str
    lower: float
    higher: float


def demanded(fleet: Inputs, unit: UnitCosts, servers: float, quantile: float) -> Cores:
    """Return how many cores a fleet keeps busy, whatever shape it runs on; see :func:`capmodel.sensitivity.demand`.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs on its datastore.
    servers : float
        Servers.
    quantile : float
        Normal quantile of the intervals' upper bound.

    Returns
    -------
    Cores
        See :func:`capmodel.sensitivity.demand`.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    >>> cores = demanded(fleet, costs.unit_costs("postgresql"), servers=2, quantile=1.645)
    >>> round(cores.server.estimate, 1), round(cores.datastore.estimate, 1)
    (0.6, 0.2)
    """
    rates = operation_rates(fleet, servers, 0.0, cluster.reload_duration(fleet, unit))
    load = cluster.load_of(fleet, unit, rates, servers)
    sync_per_s = rates[0].rate_per_s
    weight = 0.0
    for _ in range(200):
        response_s = cluster.service_time(load.sync_server, 0.0, 0.0)
        response_s = response_s + cluster.service_time(load.sync_datastore, 0.0, weight)
        last = weight
        weight = spire.churn(sync_per_s * response_s / servers, unit.half_saturation)
        if load.sync_datastore.churn_s <= 0.0 or abs(weight - last) < 1e-12:
            break
    if load.sync_datastore.churn_s <= 0.0:
        weight = 0.0
    server = sync_per_s * load.sync_server.busy_s + servers * load.other_server.busy_s
    datastore = sync_per_s * cluster.service_time(load.sync_datastore, 0.0, weight) + load.other_datastore.busy_s
    server_sd = 0.0
    datastore_sd = 0.0
    if quantile != 0.0:  # without a width most of the work is spared
        server_sd = math.sqrt(cluster.relative_variance(fleet, unit.server, rates, 0.0, 0.0))
        datastore_sd = math.sqrt(cluster.relative_variance(fleet, unit.datastore, rates, 0.0, weight))
    return Cores(
        server=spread(server, quantile * server_sd, servers * fleet.cores_taken),
        datastore=spread(datastore, quantile * datastore_sd, 0.0),
    )


def spread(value: float, width: float, beside: float) -> Interval:
    """Return a value with its interval on the scale of logarithms, and what is known added to both.

    Parameters
    ----------
    value : float
        Estimate, at least 0.
    width : float
        Half of the interval's width in logarithms.
    beside : float
        Added to estimate and bounds.

    Returns
    -------
    Interval
        Estimate and bounds.

    Examples
    --------
    >>> spread(2.0, 0.0, 1.0)
    Interval(estimate=3.0, lower=3.0, upper=3.0)
    """
    return Interval(
        estimate=value + beside, lower=value * math.exp(-width) + beside, upper=value * math.exp(width) + beside
    )


def value_of(fleet: Inputs, name: str) -> float:
    """Return a numeric input.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    name : str
        One of `INPUTS`.

    Returns
    -------
    float
        Its value.

    Raises
    ------
    ValueError
        If there is no such input.
    """
    if name == "agents":
        return fleet.agents
    if name == "workloads":
        return fleet.workloads
    if name == "selectors_per_entry":
        return fleet.selectors_per_entry
    if name == "dns_names_per_entry":
        return fleet.dns_names_per_entry
    if name == "node_selectors_per_agent":
        return fleet.node_selectors_per_agent
    if name == "zipf_exponent":
        return fleet.zipf_exponent
    if name == "sync_interval_s":
        return fleet.sync_interval_s
    if name == "reload_interval_s":
        return fleet.reload_interval_s
    if name == "x509_ttl_s":
        return fleet.x509_ttl_s
    if name == "agent_ttl_s":
        return fleet.agent_ttl_s
    if name == "ca_ttl_s":
        return fleet.ca_ttl_s
    if name == "jwt_per_s":
        return fleet.jwt_per_s
    if name == "jwt_pairs_per_agent":
        return fleet.jwt_pairs_per_agent
    if name == "jwt_requests_per_pair_s":
        return fleet.jwt_requests_per_pair_s
    if name == "jwt_ttl_s":
        return fleet.jwt_ttl_s
    if name == "changes_per_s":
        return fleet.changes_per_s
    if name == "updates_per_s":
        return fleet.updates_per_s
    if name == "cores_taken":
        return fleet.cores_taken
    if name == "federated_domains":
        return fleet.federated_domains
    if name == "federated_peers":
        return fleet.federated_peers
    if name == "downstream_servers":
        return fleet.downstream_servers
    if name == "datastore_round_trip_time_s":
        return fleet.datastore_round_trip_time_s
    if name == "machine_speed":
        return fleet.machine_speed
    if name == "datastore_speed":
        return fleet.datastore_speed
    raise ValueError("name: got " + name + ", expected a numeric input of a deployment")


def changed(fleet: Inputs, name: str, value: float) -> Inputs:
    """Return a fleet with one input changed; what cannot stay beside it follows.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    name : str
        One of `INPUTS`.
    value : float
        The new value.

    Returns
    -------
    Inputs
        Entries of an agent stay the share of the workloads that they are; where agents share no entries, more agents
        mean fewer entries for each.

    Raises
    ------
    ValueError
        If there is no such input.
    """
    if name == "agents":
        shared = fleet.agents * fleet.entries_per_agent
        alone = abs(shared - fleet.workloads) <= 1e-9 * fleet.workloads
        return fleet._replace(
            agents=value, entries_per_agent=fleet.workloads / value if alone else fleet.entries_per_agent
        )
    if name == "workloads":
        entries = fleet.entries_per_agent * value / fleet.workloads if fleet.workloads > 0 else value / fleet.agents
        return fleet._replace(workloads=value, entries_per_agent=entries)
    if name == "selectors_per_entry":
        return fleet._replace(selectors_per_entry=value)
    if name == "dns_names_per_entry":
        return fleet._replace(dns_names_per_entry=value)
    if name == "node_selectors_per_agent":
        return fleet._replace(node_selectors_per_agent=value)
    if name == "zipf_exponent":
        return fleet._replace(zipf_exponent=value)
    if name == "sync_interval_s":
        return fleet._replace(sync_interval_s=value)
    if name == "reload_interval_s":
        return fleet._replace(reload_interval_s=value)
    if name == "x509_ttl_s":
        return fleet._replace(x509_ttl_s=value)
    if name == "agent_ttl_s":
        return fleet._replace(agent_ttl_s=value)
    if name == "ca_ttl_s":
        return fleet._replace(ca_ttl_s=value)
    if name == "jwt_per_s":
        return fleet._replace(jwt_per_s=value)
    if name == "jwt_pairs_per_agent":
        return fleet._replace(jwt_pairs_per_agent=value)
    if name == "jwt_requests_per_pair_s":
        return fleet._replace(jwt_requests_per_pair_s=value)
    if name == "jwt_ttl_s":
        return fleet._replace(jwt_ttl_s=value)
    if name == "changes_per_s":
        return fleet._replace(changes_per_s=value)
    if name == "updates_per_s":
        return fleet._replace(updates_per_s=value)
    if name == "cores_taken":
        return fleet._replace(cores_taken=value)
    if name == "federated_domains":
        return fleet._replace(federated_domains=value)
    if name == "federated_peers":
        return fleet._replace(federated_peers=value)
    if name == "downstream_servers":
        return fleet._replace(downstream_servers=value)
    if name == "datastore_round_trip_time_s":
        return fleet._replace(datastore_round_trip_time_s=value)
    if name == "machine_speed":
        return fleet._replace(machine_speed=value)
    if name == "datastore_speed":
        return fleet._replace(datastore_speed=value)
    raise ValueError("name: got " + name + ", expected a numeric input of a deployment")


def fixed(fleet: Inputs, name: str) -> str:
    """Say why an input cannot be changed by itself.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    name : str
        One of `INPUTS`.

    Returns
    -------
    str
        The reason; empty where it can.
    """
    if len(fleet.listed) > 0 and name in ("agents", "workloads", "zipf_exponent"):
        return "the entries of each agent are given one by one"
    if fleet.datastore == "sqlite" and name in ("datastore_round_trip_time_s", "datastore_speed"):
        return "SQLite runs inside the server"
    if name in ("jwt_pairs_per_agent", "jwt_requests_per_pair_s") and value_of(fleet, name) == 0.0:
        return "acts only with the pairs of an agent and their requests together"
    if name == "workloads" and fleet.workloads == 0:
        return "there are none"
    return ""


def low_and_high(fleet: Inputs, name: str, change: float) -> list[float]:
    """Return the values at which an input is tried.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    name : str
        One of `INPUTS`.
    change : float
        Relative change, both ways.

    Returns
    -------
    list of float
        Two values; an input of 0 rises by its `ABSOLUTE_STEPS`, agents and workloads are whole.
    """
    value = value_of(fleet, name)
    low = value * (1.0 - change)
    high = value * (1.0 + change)
    if value <= 0.0:
        high = ABSOLUTE_STEPS[name]
    if name in LEAST:
        low = max(low, LEAST[name])
    if name in ("agents", "workloads"):
        low = math.floor(low + 0.5) * 1.0
        high = max(math.floor(high + 0.5) * 1.0, value + 1.0)
    return [low, high]


def bars(fleet: Inputs, unit: UnitCosts, shape: Shape, change: float, quantile: float) -> list[Bar]:
    """Change each input that is not 0 by so much, and tell what becomes of the utilization of a shape.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    shape : Shape
        What it runs on.
    change : float
        Relative change: 0.1 for 10 %.
    quantile : float
        Normal quantile of the interval in the bars of ``"fitted costs"``.

    Returns
    -------
    list of Bar
        Two an input, one with SQLite; the largest effect first, in the order of `INPUTS` where effects are equal.
        Inputs that change nothing are left out.
    """
    now = cluster.forecast(fleet, unit, shape.servers, shape.cores, shape.datastore_cores, quantile)
    server = now.server_utilization
    datastore = now.datastore_utilization
    names = ["fitted costs"]
    lowers = [[server.lower, datastore.lower]]
    uppers = [[server.upper, datastore.upper]]
    for name in INPUTS:
        if value_of(fleet, name) > 0.0 and fixed(fleet, name) == "":
            ends = low_and_high(fleet, name, change)
            low = changed(fleet, name, ends[0])
            high = changed(fleet, name, ends[1])
            one = cluster.forecast(low, unit, shape.servers, shape.cores, shape.datastore_cores, quantile)
            other = cluster.forecast(high, unit, shape.servers, shape.cores, shape.datastore_cores, quantile)
            names.append(name)
            lowers.append([one.server_utilization.estimate, one.datastore_utilization.estimate])
            uppers.append([other.server_utilization.estimate, other.datastore_utilization.estimate])
    effects = []
    for k in range(len(names)):
        effect = abs(uppers[k][0] - lowers[k][0]) / server.estimate
        if datastore.estimate > 0.0:
            effect = max(effect, abs(uppers[k][1] - lowers[k][1]) / datastore.estimate)
        effects.append(effect)
    found: list[Bar] = []
    left = [k for k in range(len(names)) if effects[k] > 1e-4]
    while len(left) > 0:
        first = left[0]
        for k in left:
            if effects[k] > effects[first]:
                first = k
        left = [k for k in left if k != first]
        found.append(
            Bar(
                input=names[first],
                component="server",
                lower=lowers[first][0] / server.estimate - 1.0,
                higher=uppers[first][0] / server.estimate - 1.0,
            )
        )
        if datastore.estimate > 0.0:
            found.append(
                Bar(
                    input=names[first],
                    component="datastore",
                    lower=lowers[first][1] / datastore.estimate - 1.0,
                    higher=uppers[first][1] / datastore.estimate - 1.0,
                )
            )
    return found


def bars_title(found: list[Bar]) -> str:
    """Say which input matters most.

    Parameters
    ----------
    found : list of Bar
        From :func:`bars`.

    Returns
    -------
    str
        A title, for readers.
    """
    largest = ""
    effect = 0.0
    unknown = 0.0
    for bar in found:
        size = abs(bar.higher - bar.lower)
        if bar.input == "fitted costs":
            unknown = max(unknown, size)
        elif size > effect:
            largest = bar.input
            effect = size
    more = "more" if effect > unknown else "less"
    return "Of the inputs, " + LABELS[largest] + " matters most, and " + more + " than what is not known of the costs"
