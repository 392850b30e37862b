"""What one step changes in an answer: more agents, shorter lifetimes, another datastore, and so on.

The functions are scalar and use plain arithmetic only: the site's calculator is translated from them.
"""

from __future__ import annotations

from typing import NamedTuple

from capmodel import answer, growth, whole
from capmodel.cluster import UnitCosts
from capmodel.deployment import Inputs
from capmodel.prices import UNPRICED, PerHour
from capmodel.shapes import SERVER_RUNGS, Limits
from capmodel.whole import Sized

#: JWT-SVIDs that each agent has signed a second in the step towards them.
JWT_PER_AGENT_S = 0.1


class Step(NamedTuple):
    """One change of a fleet.

    Attributes
    ----------
    label : str
        The change, for readers.
    fleet : Inputs
        The fleet after it.
    limits : Limits
        What must hold after it.
    """

    label: str
    fleet: Inputs
    limits: Limits


class Change(NamedTuple):
    """What a step changes.

    Attributes
    ----------
    label : str
        The change, for readers.
    servers, datastore : str
        Servers and datastore after it, of each cluster where there are several; the root is left out.
    verdict : str
        Against the answer before it.
    """

    label: str
    servers: str
    datastore: str
    verdict: str


def steps(fleet: Inputs, limits: Limits) -> list[Step]:
    """List the changes.

    Parameters
    ----------
    fleet : Inputs
        The fleet.
    limits : Limits
        What must hold.

    Returns
    -------
    list of Step
        Those that are possible for this fleet.
    """
    twice = growth.times(fleet, 2.0)
    found = [
        Step("Twice the agents, with their workloads", twice, limits),
        Step(
            "X509-SVIDs that live " + answer.duration(fleet.x509_ttl_s / 2.0),
            fleet._replace(x509_ttl_s=fleet.x509_ttl_s / 2.0),
            limits,
        ),
        Step(
            f"{JWT_PER_AGENT_S:g} JWT-SVIDs more for each agent a second",
            fleet._replace(jwt_per_s=fleet.jwt_per_s + JWT_PER_AGENT_S * fleet.agents),
            limits,
        ),
    ]
    if fleet.sync_mode == "events_cache":
        found.append(Step("Full cache instead of events", fleet._replace(sync_mode="full_cache"), limits))
    elif fleet.sync_mode == "full_cache" and not fleet.jittered:
        found.append(Step("SPIRE v1.8.3 or later", fleet._replace(jittered=True), limits))
    elif fleet.sync_mode == "full_cache":
        found.append(Step("Events-based cache", fleet._replace(sync_mode="events_cache"), limits))
    else:
        found.append(Step("SPIRE v1.8.3 or later", fleet._replace(sync_mode="full_cache", jittered=True), limits))
    if fleet.datastore == "postgresql":
        found.append(Step("MariaDB or MySQL", fleet._replace(datastore="mariadb"), limits))
    else:
        found.append(Step("PostgreSQL", fleet._replace(datastore="postgresql"), limits))
    if fleet.datastore != "sqlite" and limits.spare_servers + 1 < SERVER_RUNGS[-1]:
        found.append(Step("One more server to spare", fleet, limits._replace(spare_servers=limits.spare_servers + 1)))
    return found


def change(
    step: Step, unit: UnitCosts, before: list[Sized], topology: str, clusters: float, prices: PerHour = UNPRICED
) -> Change:
    """Say what a step changes.

    Parameters
    ----------
    step : Step
        The step.
    unit : UnitCosts
        Unit costs of the datastore after it.
    before : list of Sized
        The answer before it.
    topology : {"single", "nested", "federated"}
        How the fleet is divided.
    clusters : float
        Into how many.
    prices : PerHour
        Prices.

    Returns
    -------
    Change
        See there.
    """
    after = whole.size(step.fleet, unit, step.limits, topology, clusters, prices)
    if not whole.holds(after):
        return Change(label=step.label, servers="", datastore="", verdict="nothing that was tried carries it")
    servers: list[str] = []
    datastores: list[str] = []
    for part in whole.grouped(after):
        # The root serves servers, which change little.
        if part.name != "root":
            shape = part.choice.shape
            each = "each " if part.number > 1.0 else ""
            servers.append(each + f"{shape.servers:,.0f} × " + answer.count(shape.cores, "core"))
            alone = "in the server" if part.fleet.datastore == "sqlite" else ""
            datastores.append(each + answer.count(shape.datastore_cores, "core") if alone == "" else alone)
    verdict = compared("server core", server_cores(before), server_cores(after))
    if not whole.holds(before):
        verdict = "this holds"
    else:
        other = compared("datastore core", datastore_cores(before), datastore_cores(after))
        if verdict == "":
            verdict = other
        elif other != "":
            verdict = verdict + ", " + other
        if verdict == "":
            verdict = "the same" if alike(before, after) else "as many cores"
    return Change(
        label=step.label,
        servers=", ".join(servers),
        datastore=", ".join(datastores),
        verdict=verdict,
    )


def compared(noun: str, before: float, after: float) -> str:
    """Compare two numbers of things.

    Parameters
    ----------
    noun : str
        What they are, in the singular.
    before, after : float
        How many.

    Returns
    -------
    str
        Nothing where they are equal.

    Examples
    --------
    >>> compared("core", 2, 6), compared("core", 2, 1), compared("core", 2, 2)
    ('4 more cores', '1 fewer core', '')
    """
    if after == before:
        return ""
    if after > before:
        return answer.count(after - before, "more " + noun)
    return answer.count(before - after, "fewer " + noun)


def server_cores(parts: list[Sized]) -> float:
    """Add up the cores of all servers.

    Parameters
    ----------
    parts : list of Sized
        All clusters.

    Returns
    -------
    float
        Cores.
    """
    total = 0.0
    for part in parts:
        total = total + part.number * part.choice.shape.servers * part.choice.shape.cores
    return total


def datastore_cores(parts: list[Sized]) -> float:
    """Add up the cores of all datastores.

    Parameters
    ----------
    parts : list of Sized
        All clusters.

    Returns
    -------
    float
        Cores; 0 for SQLite, which has none of its own.
    """
    total = 0.0
    for part in parts:
        if part.fleet.datastore != "sqlite":
            total = total + part.number * part.choice.shape.datastore_cores
    return total


def alike(before: list[Sized], after: list[Sized]) -> bool:
    """Tell whether two answers have the same shapes.

    Parameters
    ----------
    before, after : list of Sized
        All clusters of each.

    Returns
    -------
    bool
        Memory included.
    """
    if len(before) != len(after):
        return False
    for k in range(len(before)):
        one = before[k].choice
        other = after[k].choice
        if one.shape.servers != other.shape.servers or one.memory_gb != other.memory_gb:
            return False
    return True
