"""One fleet undivided, nested and federated, every cluster with the shape that the undivided fleet needs.

The functions are scalar and use plain arithmetic only: the site's page on topologies is translated from them, so that
it can answer for the fleet of its reader.
"""

from __future__ import annotations

from typing import NamedTuple

from capmodel import cluster, division, what_if, whole
from capmodel.answer import count, fleet_words, quantities, shape_words, span, written
from capmodel.cluster import Interval, UnitCosts
from capmodel.deployment import Inputs
from capmodel.division import Part
from capmodel.effects import demanded
from capmodel.factors import amount, cores_words
from capmodel.prices import UNPRICED, PerHour
from capmodel.shapes import Limits, Shape
from capmodel.whole import Sized

#: More clusters than this are not drawn one by one.
DRAWN = 8.0


class Side(NamedTuple):
    """Clusters of one topology that are alike.

    Attributes
    ----------
    topology : str
        ``"single trust domain"``, ``"nested"`` or ``"federated"``.
    part : str
        ``"cluster"``, ``"root"`` or ``"trust domain"``.
    federates : str
        ``"all"`` or ``"none"``: the domains that the entries of a federated one federate with; empty for others.
    clusters : float
        Clusters or trust domains of the topology, the root left out.
    number : float
        How many of them are like this.
    start, drawn : float
        Place of the first in a drawing, and how many are drawn.
    fleet : Inputs
        What each serves.
    server, datastore : Interval
        Shares of the cores in use, 0 to 1.
    work : Interval
        Cores of datastore work on a busy host; for SQLite, which runs inside the server, of the server's work.
    response_s : Interval
        Mean response time of a sync.
    """

    topology: str
    part: str
    federates: str
    clusters: float
    number: float
    start: float
    drawn: float
    fleet: Inputs
    server: Interval
    datastore: Interval
    work: Interval
    response_s: Interval


def sides(fleet: Inputs, unit: UnitCosts, shape: Shape, clusters: float, quantile: float) -> list[Side]:
    """Return a fleet's three topologies on one shape.

    Parameters
    ----------
    fleet : Inputs
        The fleet as a whole.
    unit : UnitCosts
        Unit costs.
    shape : Shape
        Of every cluster.
    clusters : float
        Clusters or trust domains, at most one an agent.
    quantile : float
        Normal quantile of the intervals' upper bound.

    Returns
    -------
    list of Side
        The undivided fleet first, then root and clusters, then trust domains that federate with all others and with
        none; of a topology's clusters the largest first.
    """
    whole = [Part(name="cluster", number=1.0, fleet=fleet)]
    below = division.divided(fleet, clusters, "cluster")
    beside = division.divided(fleet, clusters, "trust domain")
    root = [Part(name="root", number=1.0, fleet=division.root_alone(below[0].fleet, clusters * shape.servers))]
    every = [part._replace(fleet=division.federated(part.fleet, clusters - 1.0, True)) for part in beside]
    none = [part._replace(fleet=division.federated(part.fleet, clusters - 1.0, False)) for part in beside]
    found = placed(whole, unit, shape, quantile, "single trust domain", "", 1.0)
    found.extend(placed(root, unit, shape, quantile, "nested", "", clusters))
    found.extend(placed(below, unit, shape, quantile, "nested", "", clusters))
    found.extend(placed(every, unit, shape, quantile, "federated", "all", clusters))
    found.extend(placed(none, unit, shape, quantile, "federated", "none", clusters))
    return found


def placed(
    parts: list[Part], unit: UnitCosts, shape: Shape, quantile: float, topology: str, federates: str, clusters: float
) -> list[Side]:
    """Work out clusters, and give each its place in a drawing.

    Parameters
    ----------
    parts : list of Part
        The clusters.
    unit : UnitCosts
        Unit costs.
    shape : Shape
        Of every cluster.
    quantile : float
        Normal quantile of the intervals' upper bound.
    topology, federates, clusters
        See :class:`Side`.

    Returns
    -------
    list of Side
        One a part.
    """
    found = []
    start = 0.0
    for part in parts:
        state = cluster.forecast(part.fleet, unit, shape.servers, shape.cores, shape.datastore_cores, quantile)
        busy = demanded(part.fleet, unit, shape.servers, quantile)
        drawn = max(min(part.number, DRAWN - start), 0.0)
        found.append(
            Side(
                topology=topology,
                part=part.name,
                federates=federates,
                clusters=clusters,
                number=part.number,
                start=start,
                drawn=drawn,
                fleet=part.fleet,
                server=state.server_utilization,
                datastore=state.datastore_utilization,
                work=busy.server if part.fleet.datastore == "sqlite" else busy.datastore,
                response_s=state.response_time_s,
            )
        )
        start = start + drawn
    return found


def largest(found: list[Side], topology: str, federates: str) -> Side:
    """Return the largest cluster of a topology.

    Parameters
    ----------
    found : list of Side
        From :func:`sides`.
    topology, federates : str
        See :class:`Side`.

    Returns
    -------
    Side
        The first that is no root.
    """
    own = [side for side in found if side.topology == topology and side.federates == federates and side.part != "root"]
    return own[0]


def noun(fleet: Inputs) -> str:
    """Name what a topology relieves.

    Parameters
    ----------
    fleet : Inputs
        The fleet.

    Returns
    -------
    str
        The server where SQLite runs inside it, else the datastore.
    """
    return "server" if fleet.datastore == "sqlite" else "datastore"


def sentence(found: list[Side], holds: bool, datastore: str) -> str:
    """Say whether one trust domain carries a fleet, and what each topology does to its datastore.

    Parameters
    ----------
    found : list of Side
        From :func:`sides`.
    holds : bool
        Whether the shape carries the undivided fleet.
    datastore : str
        Name of the datastore for readers.

    Returns
    -------
    str
        Three sentences, intervals in parentheses.
    """
    one = largest(found, "single trust domain", "")
    nested = largest(found, "nested", "")
    every = largest(found, "federated", "all")
    none = largest(found, "federated", "none")
    store = noun(one.fleet)
    words = "One trust domain carries " if holds else "No shape that was tried carries undivided "
    words = words + fleet_words(one.fleet, datastore) + ": its " + store + (" has " if holds else " would have ")
    words = words + cores_words(one.work) + f" cores of work. Nested in {nested.clusters:,.0f}, each " + store + " has "
    words = words + cores_words(nested.work) + " at most. "
    more = every.work.estimate > one.work.estimate
    words = words + f"Federated in {every.clusters:,.0f}, each has " + cores_words(every.work) + ", "
    words = words + ("more" if more else "less") + " than the undivided one, as every agent asks for the bundles of "
    words = words + count(every.clusters - 1.0, "other domain") + " in every sync; if no entry federates, "
    return words + cores_words(none.work) + "."


def about(found: list[Side], shape: Shape, holds: bool) -> str:
    """Say what is drawn.

    Parameters
    ----------
    found : list of Side
        From :func:`sides`.
    shape : Shape
        Of every cluster.
    holds : bool
        Whether it carries the undivided fleet; it is the largest that was tried otherwise.

    Returns
    -------
    str
        A sentence or two.
    """
    one = largest(found, "single trust domain", "")
    which = "shape that the undivided fleet needs" if holds else "largest shape that was tried"
    words = "Every cluster of the drawing has the " + which + ": " + shape_words(one.fleet, shape, 0.0) + "."
    if one.fleet.datastore == "sqlite":
        words = words + " SQLite runs inside the server, so that work is the server's."
    clusters = found[1].clusters
    if clusters > DRAWN:
        words = words + f" Of the {clusters:,.0f} clusters {DRAWN:.0f} are drawn."
    return words


def difference(found: list[Side]) -> str:
    """Say what nesting and federation leave of a datastore's work, and why.

    Parameters
    ----------
    found : list of Side
        From :func:`sides`.

    Returns
    -------
    str
        Two sentences.
    """
    one = largest(found, "single trust domain", "")
    every = largest(found, "federated", "all")
    times = every.work.estimate / one.work.estimate
    store = noun(one.fleet)
    words = "Nesting divides the syncs, and the reloads shrink with the entries of a cluster. Federation divides the "
    words = (
        words
        + "agents as well, but "
        + count(every.clusters, "domain")
        + " that all federate with each other leave every "
    )
    words = words + store + " " + amount(every.work.estimate) + " cores of work, " + amount(times) + " times what one "
    words = words + "undivided " + store + " has for the whole fleet: each further domain costs two reads of the "
    return words + "agent's row and a list of entries in every sync."


def title(found: list[Side]) -> str:
    """Say what the drawing shows.

    Parameters
    ----------
    found : list of Side
        From :func:`sides`.

    Returns
    -------
    str
        Without a full stop.
    """
    one = largest(found, "single trust domain", "")
    nested = largest(found, "nested", "")
    share = written(nested.work.estimate / one.work.estimate, "share")
    verb = " leaves each " if one.fleet.agents == 1 else " leave each "
    agents = count(one.fleet.agents, "agent")
    return f"Nested in {nested.clusters:,.0f}, " + agents + verb + noun(one.fleet) + " " + share + " of the work"


def description(found: list[Side]) -> str:
    """Describe the drawing for those who do not see it.

    Parameters
    ----------
    found : list of Side
        From :func:`sides`.

    Returns
    -------
    str
        A few sentences; federated entries federate with all other domains.
    """
    one = largest(found, "single trust domain", "")
    words = "Topologies of " + count(one.fleet.agents, "agent")
    words = words + f", nested and federated in {found[1].clusters:,.0f}."
    said = []
    for side in found:
        if side.start == 0.0 and side.federates != "none":
            name = "root of the nested clusters" if side.part == "root" else side.topology
            line = name + ": servers at " + written(side.server.estimate, "share")
            if side.fleet.datastore != "sqlite":
                line = line + ", each datastore at " + written(side.datastore.estimate, "share")
            said.append(line + " with " + amount(side.work.estimate) + " cores of work")
    return words + " " + "; ".join(said) + "."


class Answer(NamedTuple):
    """The answer for one topology.

    Attributes
    ----------
    topology : str
        ``"one trust domain"``, ``"nested"`` or ``"federated"``.
    parts : list of Sized
        Its clusters, each with a shape of its own.
    """

    topology: str
    parts: list[Sized]


class Column(NamedTuple):
    """A column of the table of shapes."""

    name: str
    cells: list[str]


def answers(
    fleet: Inputs, unit: UnitCosts, limits: Limits, clusters: float, prices: PerHour = UNPRICED
) -> list[Answer]:
    """Size a fleet undivided, nested and federated.

    Parameters
    ----------
    fleet : Inputs
        The fleet as a whole.
    unit : UnitCosts
        Unit costs.
    limits : Limits
        What must hold in each cluster.
    clusters : float
        Clusters below the root, or trust domains, from 2 to the number of agents.
    prices : PerHour
        Prices.

    Returns
    -------
    list of Answer
        In that order; where federated, every entry federates with all other domains.
    """
    return [
        Answer(topology=name, parts=whole.size(fleet, unit, limits, topology, clusters, prices))
        for name, topology in [("one trust domain", "single"), ("nested", "nested"), ("federated", "federated")]
    ]


def columns(found: list[Answer]) -> list[Column]:
    """Lay the shapes of all clusters side by side.

    Parameters
    ----------
    found : list of Answer
        From :func:`answers`.

    Returns
    -------
    list of Column
        What the rows are, then a column for clusters that are alike.
    """
    first = found[0].parts[0]
    made = [Column(name="", cells=[item.label for item in quantities(first.fleet, first.choice)])]
    for answer in found:
        for part in whole.grouped(answer.parts):
            name = answer.topology
            if len(answer.parts) > 1 or part.number > 1.0:
                name = name + ": " + whole.named(part)
            if not part.choice.holds:
                name = name + " (nothing that was tried holds)"
            cells = []
            for item in quantities(part.fleet, part.choice):
                text = written(item.value.estimate, item.unit)
                between = span(item.value, item.unit)
                cells.append(text if between == text else text + " (" + between + ")")
            made.append(Column(name=name, cells=cells))
    return made


def totals(found: list[Answer]) -> str:
    """Say what each topology needs in all.

    Parameters
    ----------
    found : list of Answer
        From :func:`answers`.

    Returns
    -------
    str
        One sentence.
    """
    said = []
    for answer in found:
        cores = f", {what_if.server_cores(answer.parts):,.0f} for servers"
        stores = what_if.datastore_cores(answer.parts)
        if stores > 0.0:
            cores = cores + f" and {stores:,.0f} for datastores"
        said.append(answer.topology + cores)
    return "Cores in all: " + "; ".join(said) + "."
