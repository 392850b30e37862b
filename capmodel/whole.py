"""The answer for a fleet as a whole: one cluster, clusters below a root, or federated trust domains.

Clusters that are alike are sized once. The functions are scalar and use plain arithmetic only: the site's calculator
is translated from them.
"""

from __future__ import annotations

from typing import NamedTuple

from capmodel import answer, division, probability, reach
from capmodel.answer import count
from capmodel.choice import Choice, servers_lost
from capmodel.cluster import Interval, UnitCosts
from capmodel.deployment import Inputs
from capmodel.division import Part
from capmodel.prices import HOURS_A_YEAR, UNPRICED, PerHour, choose_least, cost_of
from capmodel.reach import Measured
from capmodel.shapes import Limits


class Sized(NamedTuple):
    """Clusters that are alike, and the shape of each.

    Attributes
    ----------
    name : str
        ``"cluster"``, ``"root"`` or ``"trust domain"``.
    number : float
        How many there are.
    fleet : Inputs
        What each serves.
    limits : Limits
        What must hold in it.
    choice : Choice
        Its answer.
    """

    name: str
    number: float
    fleet: Inputs
    limits: Limits
    choice: Choice


class Row(NamedTuple):
    """Clusters that are alike, for a reader.

    Attributes
    ----------
    name : str
        What they are, and what each serves.
    servers, datastore : str
        The shape of each.
    fullest : str
        The fuller of its two parts with the spare servers lost, up to the upper end of the interval.
    binds : bool
        Whether one of them is the fullest of all.
    """

    name: str
    servers: str
    datastore: str
    fullest: str
    binds: bool


def size(
    fleet: Inputs, unit: UnitCosts, limits: Limits, topology: str, clusters: float, prices: PerHour = UNPRICED
) -> list[Sized]:
    """Find the smallest shape of each cluster.

    Parameters
    ----------
    fleet : Inputs
        The fleet as a whole.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold in each cluster.
    topology : {"single", "nested", "federated"}
        How the fleet is divided.
    clusters : float
        Into how many clusters or trust domains; nothing depends on it where the topology is single.
    prices : PerHour
        What cores and memory cost: the cheapest shape is then the smallest.

    Returns
    -------
    list of Sized
        The root first, which serves the servers that were chosen below it.
    """
    if topology == "nested":
        below = [sized(part, unit, limits, prices) for part in division.divided(fleet, clusters, "cluster")]
        servers = 0.0
        for part in below:
            servers = servers + part.number * part.choice.shape.servers
        root = Part(name="root", number=1.0, fleet=division.root_alone(below[0].fleet, servers))
        found = [sized(root, unit, limits, prices)]
        found.extend(below)
        return found
    if topology == "federated":
        return [
            sized(part._replace(fleet=division.federated(part.fleet, clusters - 1.0, True)), unit, limits, prices)
            for part in division.divided(fleet, clusters, "trust domain")
        ]
    return [sized(Part(name="cluster", number=1.0, fleet=fleet), unit, limits, prices)]


def sized(part: Part, unit: UnitCosts, limits: Limits, prices: PerHour = UNPRICED) -> Sized:
    """Find the smallest shape of clusters that are alike.

    Parameters
    ----------
    part : Part
        The clusters.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold; SQLite can spare no server.
    prices : PerHour
        Prices.

    Returns
    -------
    Sized
        See there.
    """
    own = limits._replace(spare_servers=0) if part.fleet.datastore == "sqlite" else limits
    choice = choose_least(part.fleet, unit, own, prices)
    return Sized(name=part.name, number=part.number, fleet=part.fleet, limits=own, choice=choice)


def fullness(part: Sized) -> float:
    """Return the higher of both utilizations at its upper end, with the spare servers lost.

    Parameters
    ----------
    part : Sized
        Clusters.

    Returns
    -------
    float
        Share of the cores in use.
    """
    state = part.choice.degraded
    return max(state.server_utilization.upper, state.datastore_utilization.upper)


def binding(parts: list[Sized]) -> int:
    """Return which clusters have the least room.

    Parameters
    ----------
    parts : list of Sized
        All clusters.

    Returns
    -------
    int
        Place in the list.
    """
    place = 0
    for k in range(len(parts)):
        if fullness(parts[k]) > fullness(parts[place]):
            place = k
    return place


def holds(parts: list[Sized]) -> bool:
    """Tell whether every cluster holds.

    Parameters
    ----------
    parts : list of Sized
        All clusters.

    Returns
    -------
    bool
        False if the largest shape that was tried does not carry one of them.
    """
    return len([part for part in parts if not part.choice.holds]) == 0


def named(part: Sized) -> str:
    """Name clusters that are alike.

    Parameters
    ----------
    part : Sized
        The clusters.

    Returns
    -------
    str
        Such as ``"5 clusters of 1,000 agents"``.
    """
    if part.name == "root":
        return "root, serving " + count(part.fleet.agents, "server")
    return count(part.number, part.name) + " of " + count(part.fleet.agents, "agent")


def grouped(parts: list[Sized]) -> list[Sized]:
    """Put clusters of the same shape together: those of a divided fleet differ by one agent or entry.

    Parameters
    ----------
    parts : list of Sized
        All clusters.

    Returns
    -------
    list of Sized
        Each with the fleet and the answer of its fullest cluster.
    """
    found: list[Sized] = []
    for part in parts:
        place = -1
        for k in range(len(found)):
            if found[k].name == part.name and shape_words(found[k]) == shape_words(part):
                place = k
        if place < 0:
            found.append(part)
        else:
            other = found[place]
            fullest = part if fullness(part) > fullness(other) else other
            found[place] = fullest._replace(number=other.number + part.number)
    return found


def shape_words(part: Sized) -> str:
    """Put the shape of a cluster into words.

    Parameters
    ----------
    part : Sized
        The cluster.

    Returns
    -------
    str
        A part of a sentence.
    """
    shape = part.choice.shape
    words = count(shape.servers, "server") + " with " + count(shape.cores, "core")
    words = words + f" and {part.choice.memory_gb:,.0f} GB of memory" + (" each" if shape.servers > 1 else "")
    if part.fleet.datastore != "sqlite":
        words = words + " and a datastore of " + count(shape.datastore_cores, "core")
    return words


def sentence(fleet: Inputs, parts: list[Sized], topology: str, datastore: str) -> str:
    """Say the answer.

    Parameters
    ----------
    fleet : Inputs
        The fleet as a whole.
    parts : list of Sized
        Its clusters.
    topology : {"single", "nested", "federated"}
        How it is divided.
    datastore : str
        Name of the datastore for readers.

    Returns
    -------
    str
        One sentence.
    """
    if topology == "single":
        return answer.sentence(fleet, parts[0].choice, datastore)
    if not holds(parts):
        broken = [part for part in parts if not part.choice.holds]
        least = broken[0]
        each = answer.shape_words(least.fleet, least.choice.shape, 0)
        carries = "a root, serving " + count(least.fleet.agents, "server")
        if least.name != "root":
            carries = "a " + least.name + " of " + count(least.fleet.agents, "agent") + " on " + datastore
        return "Nothing that was tried carries " + carries + ", up to " + each + "."
    shown = [
        count(part.number, part.name) + " of " + shape_words(part) for part in grouped(parts) if part.name != "root"
    ]
    said = answer.fleet_words(fleet, datastore) + " need " + " and ".join(shown)
    if topology == "nested":
        said = said + ", below a root of " + shape_words(parts[0])
    return said + "."


def condition(parts: list[Sized], limits: Limits, level: float) -> str:
    """Say under which condition the answer holds, or why nothing does.

    Parameters
    ----------
    parts : list of Sized
        All clusters.
    limits : Limits
        What must hold.
    level : float
        Coverage of the intervals.

    Returns
    -------
    str
        One or two sentences.
    """
    if len(parts) == 1 and parts[0].number == 1.0:
        return answer.condition(parts[0].limits, parts[0].choice, level)
    if not holds(parts):
        broken = [part for part in parts if not part.choice.holds]
        return "Limits that it breaks: " + "; ".join(broken[0].choice.reasons) + "."
    lost = ""
    if parts[0].limits.spare_servers > 0:
        lost = " with " + count(limits.spare_servers, "server") + " of each lost"
    return f"Every limit is kept at the upper end of the {100.0 * level:.0f} % intervals" + lost + ". " + totals(parts)


def totals(parts: list[Sized]) -> str:
    """Add up the clusters.

    Parameters
    ----------
    parts : list of Sized
        All clusters.

    Returns
    -------
    str
        One sentence.
    """
    servers = 0.0
    cores = 0.0
    datastores = 0.0
    datastore_cores = 0.0
    for part in parts:
        shape = part.choice.shape
        servers = servers + part.number * shape.servers
        cores = cores + part.number * shape.servers * shape.cores
        if part.fleet.datastore != "sqlite":
            datastores = datastores + part.number
            datastore_cores = datastore_cores + part.number * shape.datastore_cores
    words = "In all " + count(servers, "server") + " with " + count(cores, "core")
    if datastores > 0.0:
        words = words + " and " + count(datastores, "datastore") + " with " + count(datastore_cores, "core")
    return words + "."


def rows(parts: list[Sized]) -> list[Row]:
    """Return a table of the clusters.

    Parameters
    ----------
    parts : list of Sized
        All clusters.

    Returns
    -------
    list of Row
        One for those that are alike.
    """
    groups = grouped(parts)
    least = binding(groups)
    found = []
    for k in range(len(groups)):
        part = groups[k]
        shape = part.choice.shape
        state = part.choice.degraded
        server_first = state.server_utilization.upper >= state.datastore_utilization.upper
        fullest = "servers " if server_first else "datastore "
        found.append(
            Row(
                name=named(part),
                servers=f"{shape.servers:,.0f} × " + count(shape.cores, "core") + f", {part.choice.memory_gb:,.0f} GB",
                datastore="in the server" if part.fleet.datastore == "sqlite" else count(shape.datastore_cores, "core"),
                fullest=fullest + answer.written(fullness(part), "share"),
                binds=k == least,
            )
        )
    return found


def about(parts: list[Sized], topology: str) -> str:
    """Say which clusters the rest of a page is about.

    Parameters
    ----------
    parts : list of Sized
        All clusters.
    topology : {"single", "nested", "federated"}
        How the fleet is divided.

    Returns
    -------
    str
        Nothing where there is but one cluster.
    """
    if topology == "single":
        return ""
    part = parts[binding(parts)]
    if part.name == "root":
        return "Of all clusters the root has the least room; what follows is about it."
    return (
        "Of all clusters a " + part.name + " of " + count(part.fleet.agents, "agent") + " with "
        + count(part.fleet.workloads, "workload") + " has the least room; what follows is about it."
    )  # fmt: skip


def surety(parts: list[Sized], unit: UnitCosts) -> str:
    """Say with which probability the fullest cluster keeps its limits.

    Parameters
    ----------
    parts : list of Sized
        All clusters.
    unit : UnitCosts
        Unit costs.

    Returns
    -------
    str
        One sentence; the largest probability that is said is 99.9 %.
    """
    part = parts[binding(parts)]
    found = probability.chances(part.fleet, unit, part.limits, part.choice.shape, part.choice.memory_gb).every
    share = "more than 99.9 %" if found > 0.999 else f"{100.0 * found:.3g} %"
    whose = "this shape" if len(parts) == 1 and part.number == 1.0 else "the fullest cluster"
    lost = servers_lost(part.limits, part.choice.shape.servers)
    return "The probability that " + whose + " keeps all limits together" + lost + " is " + share + "."


def extrapolations(parts: list[Sized], measured: Measured) -> list[str]:
    """Name every input outside the measured runs.

    Parameters
    ----------
    parts : list of Sized
        All clusters.
    measured : Measured
        What the runs cover.

    Returns
    -------
    list of str
        Those of all clusters, each once.
    """
    found: list[str] = []
    for part in parts:
        for line in reach.extrapolations(part.fleet, measured, part.choice.shape):
            if line not in found:
                found.append(line)
    return found


def assumptions(fleet: Inputs, limits: Limits, topology: str, datastore: str) -> list[str]:
    """State what the answer rests on.

    Parameters
    ----------
    fleet : Inputs
        The fleet as a whole.
    limits : Limits
        What must hold.
    topology : {"single", "nested", "federated"}
        How the fleet is divided.
    datastore : str
        The datastore by the name that the reader gave.

    Returns
    -------
    list of str
        One sentence each.
    """
    own = limits._replace(spare_servers=0) if fleet.datastore == "sqlite" else limits
    found = reach.assumptions(fleet, own, datastore)
    if topology == "single":
        return found
    noun = "clusters" if topology == "nested" else "trust domains"
    found.append(
        "Agents, entries and what happens a second are split evenly over the " + noun + "; an entry that agents of "
        "several hold would be registered in each, which is not added."
    )
    if topology == "nested":
        found.append("The root serves the servers below it and no agents of its own.")
    else:
        found.append("Every entry federates with all other trust domains, the dearest case.")
    return found


def cost(parts: list[Sized], prices: PerHour) -> Interval:
    """Add up what all clusters cost.

    Parameters
    ----------
    parts : list of Sized
        All clusters.
    prices : PerHour
        Prices.

    Returns
    -------
    Interval
        An hour; see :func:`capmodel.prices.cost_of`.
    """
    estimate = 0.0
    lower = 0.0
    for part in parts:
        one = cost_of(part.fleet, part.choice, prices)
        estimate = estimate + part.number * one.estimate
        lower = lower + part.number * one.lower
    return Interval(estimate=estimate, lower=lower, upper=estimate)


def priced(parts: list[Sized], prices: PerHour) -> str:
    """Say what all clusters cost.

    Parameters
    ----------
    parts : list of Sized
        All clusters.
    prices : PerHour
        Prices.

    Returns
    -------
    str
        One sentence; nothing where nothing has a price.
    """
    if prices.core_per_hour <= 0.0:
        return ""
    found = cost(parts, prices)
    words = amount(found.estimate) + " an hour, " + amount(HOURS_A_YEAR * found.estimate) + " a year"
    if found.lower < found.estimate:
        words = words + " (" + amount(found.lower) + " an hour at the lower end of the demand)"
    what = "Nothing that was tried holds; the largest shape" if not holds(parts) else "The cheapest that holds"
    return what + " costs " + words + ", at the prices given."


def amount(value: float) -> str:
    """Write an amount of money.

    Parameters
    ----------
    value : float
        In the reader's currency.

    Returns
    -------
    str
        Three digits, or whole units.

    Examples
    --------
    >>> amount(0.1234), amount(3.4567), amount(12_345.6)
    ('0.123', '3.46', '12,346')
    """
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.3g}"


def csv(parts: list[Sized], prices: PerHour = UNPRICED) -> str:
    """Write the answer as comma-separated values.

    Parameters
    ----------
    parts : list of Sized
        All clusters.
    prices : PerHour
        Prices.

    Returns
    -------
    str
        Lines of clusters, count, agents, workloads, quantity, unit, estimate, lower, upper; six digits, ``inf`` where
        there is no bound. What a cluster costs an hour is the last of its lines, if anything has a price.
    """
    lines = ["clusters,count,agents,workloads,quantity,unit,estimate,lower,upper"]
    for part in parts:
        head = part.name + f",{part.number:.0f},{part.fleet.agents:.0f},{part.fleet.workloads:.0f},"
        for quantity in answer.quantities(part.fleet, part.choice):
            value = quantity.value
            numbers = f"{value.estimate:.6g},{value.lower:.6g},{value.upper:.6g}"
            lines.append(head + quantity.key + "," + quantity.unit + "," + numbers)
        if prices.core_per_hour > 0.0:
            found = cost_of(part.fleet, part.choice, prices)
            lines.append(head + f"cost,an hour,{found.estimate:.6g},{found.lower:.6g},{found.upper:.6g}")
    return "\n".join(lines) + "\n"
