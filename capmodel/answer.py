"""What a reader is told of one cluster's answer: its sentence and table, what binds, and what fails.

The functions are scalar and use plain arithmetic only: the site's calculator is translated from them, so that a page
says word by word what the package says.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel import shapes
from capmodel.choice import Choice, servers_lost
from capmodel.cluster import Interval
from capmodel.deployment import Inputs
from capmodel.shapes import Limits, ReferenceCell, Shape


class Quantity(NamedTuple):
    """One row of the answer's table.

    Attributes
    ----------
    key : str
        Short name.
    label : str
        Name for readers.
    unit : str
        ``"servers"``, ``"cores"``, ``"GB"``, ``"share"`` (of the cores) or ``"s"``.
    value : Interval
        Estimate and bounds; of a part of the shape, what both ends of the demand need.
    """

    key: str
    label: str
    unit: str
    value: Interval


def count(number: float, noun: str) -> str:
    """Write a number of things.

    Parameters
    ----------
    number : float
        How many, a whole number.
    noun : str
        What, in the singular.

    Returns
    -------
    str
        Number and noun.

    Examples
    --------
    >>> count(1, "core"), count(5000, "agent")
    ('1 core', '5,000 agents')
    """
    return f"{number:,.0f} " + noun + ("" if number == 1 else "s")


def in_parts(value: float, unit: str) -> list[str]:
    """Write a value and its unit.

    Parameters
    ----------
    value : float
        The value.
    unit : str
        See :class:`Quantity`.

    Returns
    -------
    list of str
        Number, and unit with the space before it; two digits where the value is an estimate.

    Examples
    --------
    >>> in_parts(0.3875, "share"), in_parts(0.276, "GB"), in_parts(4, "servers")
    (['39', ' %'], ['0.28', ' GB'], ['4', ''])
    >>> in_parts(0.0035, "s"), in_parts(0.123, "s"), in_parts(5.26, "s"), in_parts(1234.0, "s")
    (['3.5', ' ms'], ['123', ' ms'], ['5.3', ' s'], ['1,234', ' s'])
    """
    if value == math.inf:
        return ["without bound", ""]
    if unit == "share":
        # As words.percent: what is translated cannot call it, since a computed format has no translation.
        return [f"{100.0 * value:.0f}", " %"]
    if unit == "GB":
        return [f"{value:.2g}" if value < 99.5 else f"{value:,.0f}", " GB"]
    if unit == "s":
        if value < 0.9995:
            return [f"{1000.0 * value:.2g}" if value < 0.0995 else f"{1000.0 * value:.0f}", " ms"]
        return [f"{value:.2g}" if value < 99.5 else f"{value:,.0f}", " s"]
    return [f"{value:,.0f}", ""]


def duration(seconds: float) -> str:
    """Write a lifetime.

    Parameters
    ----------
    seconds : float
        The lifetime.

    Returns
    -------
    str
        In days, hours, minutes or seconds.

    Examples
    --------
    >>> duration(1800.0), duration(5400.0), duration(302400.0), duration(45.0)
    ('30 min', '1.5 h', '3.5 d', '45 s')
    """
    if seconds >= 86400.0:
        return f"{seconds / 86400.0:.3g} d"
    if seconds >= 3600.0:
        return f"{seconds / 3600.0:.3g} h"
    if seconds >= 60.0:
        return f"{seconds / 60.0:.3g} min"
    return f"{seconds:.3g} s"


def written(value: float, unit: str) -> str:
    """Write a value with its unit.

    Parameters
    ----------
    value : float
        The value.
    unit : str
        See :class:`Quantity`.

    Returns
    -------
    str
        Servers and cores are bare numbers.

    Examples
    --------
    >>> written(0.3875, "share"), written(0.0035, "s")
    ('39 %', '3.5 ms')
    """
    return "".join(in_parts(value, unit))


def span(value: Interval, unit: str) -> str:
    """Write the bounds of a quantity.

    Parameters
    ----------
    value : Interval
        Estimate and bounds.
    unit : str
        See :class:`Quantity`.

    Returns
    -------
    str
        One value where both ends read alike.

    Examples
    --------
    >>> span(Interval(0.4, 0.3, 0.55), "share"), span(Interval(0.1, 0.02, 1.5), "s"), span(Interval(4, 4, 4), "cores")
    ('30 to 55 %', '20 ms to 1.5 s', '4')
    """
    low = in_parts(value.lower, unit)
    high = in_parts(value.upper, unit)
    if low[1] != high[1]:
        return "".join(low) + " to " + "".join(high)
    return "".join(high) if low[0] == high[0] else low[0] + " to " + "".join(high)


def quantities(fleet: Inputs, choice: Choice) -> list[Quantity]:
    """Return the table of an answer.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    choice : Choice
        The answer.

    Returns
    -------
    list of Quantity
        The shape, then its state with all servers up.
    """
    shape = choice.shape
    low = choice.low_shape
    state = choice.whole
    memory = state.memory_bytes
    found = [
        Quantity("servers", "Servers", "servers", both(shape.servers, low.servers)),
        Quantity("cores_per_server", "Cores of each", "cores", both(shape.cores, low.cores)),
        Quantity("memory_gb_per_server", "Memory of each", "GB", both(choice.memory_gb, choice.low_memory_gb)),
    ]
    if fleet.datastore != "sqlite":
        cores = both(shape.datastore_cores, low.datastore_cores)
        found.append(Quantity("datastore_cores", "Datastore cores", "cores", cores))
    found.append(Quantity("server_utilization", "Servers in use", "share", state.server_utilization))
    if fleet.datastore != "sqlite":
        found.append(Quantity("datastore_utilization", "Datastore in use", "share", state.datastore_utilization))
    found.append(Quantity("response_time", "Response time", "s", state.response_time_s))
    found.append(Quantity("staleness", "Age of agents' view", "s", state.staleness_s))
    in_use = Interval(
        estimate=memory.estimate / shapes.GB, lower=memory.lower / shapes.GB, upper=memory.upper / shapes.GB
    )
    found.append(Quantity("memory", "Memory in use", "GB", in_use))
    return found


def both(chosen: float, low: float) -> Interval:
    """Return a part of the shape with what both ends of the demand need.

    Parameters
    ----------
    chosen, low : float
        At the upper and at the lower end of the demand.

    Returns
    -------
    Interval
        The chosen value is the estimate.
    """
    return Interval(estimate=chosen, lower=min(chosen, low), upper=max(chosen, low))


def shape_words(fleet: Inputs, shape: Shape, memory_gb: float) -> str:
    """Name a shape.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    shape : Shape
        Servers, their cores, cores of the datastore.
    memory_gb : float
        Memory of each server; 0 to leave it out.

    Returns
    -------
    str
        A part of a sentence.
    """
    words = count(shape.servers, "server") + " with " + count(shape.cores, "core")
    if memory_gb > 0:
        words = words + f" and {memory_gb:,.0f} GB of memory"
    if shape.servers > 1:
        words = words + " each"
    if fleet.datastore != "sqlite":
        words = words + ", and " + count(shape.datastore_cores, "core") + " for the datastore"
    return words


def fleet_words(fleet: Inputs, datastore: str) -> str:
    """Name a fleet.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    datastore : str
        Name of the datastore for readers.

    Returns
    -------
    str
        A part of a sentence.
    """
    return count(fleet.agents, "agent") + " with " + count(fleet.workloads, "workload") + " on " + datastore


def sentence(fleet: Inputs, choice: Choice, datastore: str) -> str:
    """Say the answer.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    choice : Choice
        The answer.
    datastore : str
        Name of the datastore for readers.

    Returns
    -------
    str
        One sentence.
    """
    words = fleet_words(fleet, datastore)
    if choice.holds:
        verb = " needs " if fleet.agents == 1 else " need "
        return words + verb + shape_words(fleet, choice.shape, choice.memory_gb) + "."
    return "Nothing that was tried carries " + words + ", up to " + shape_words(fleet, choice.shape, 0) + "."


def condition(limits: Limits, choice: Choice, level: float) -> str:
    """Say under which condition the answer holds, or why nothing does.

    Parameters
    ----------
    limits : Limits
        What must hold.
    choice : Choice
        The answer.
    level : float
        Coverage of the intervals.

    Returns
    -------
    str
        One sentence.
    """
    if not choice.holds:
        return "Limits that it breaks: " + "; ".join(choice.reasons) + "."
    lost = servers_lost(limits, choice.shape.servers)
    return f"Every limit is kept at the upper end of the {100.0 * level:.0f} % intervals" + lost + "."


def binding(fleet: Inputs, limits: Limits, choice: Choice) -> str:
    """Say what binds.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    limits : Limits
        What must hold.
    choice : Choice
        The answer.

    Returns
    -------
    str
        One sentence about the upper ends of the intervals.
    """
    state = choice.degraded
    server = written(state.server_utilization.upper, "share")
    datastore = written(state.datastore_utilization.upper, "share")
    limit = "; the limit is " + written(limits.max_utilization, "share") + "."
    if fleet.datastore == "sqlite":
        return "The server, with SQLite inside it, uses up to " + server + " of its cores" + limit
    lost = servers_lost(limits, choice.shape.servers)
    servers = "the server uses" if choice.shape.servers - limits.spare_servers == 1 else "the servers use"
    whose = " of its cores" if servers == "the server uses" else " of their cores"
    server = servers + " up to " + server + whose + lost
    if state.datastore_utilization.upper > state.server_utilization.upper:
        return "The datastore binds: it uses up to " + datastore + " of its cores, " + server + limit
    return "The servers bind: " + server + ", the datastore up to " + datastore + limit


def bar(used: Interval, limit: float) -> str:
    """Say what a bar of utilization shows.

    Parameters
    ----------
    used : Interval
        Share of the cores in use.
    limit : float
        The largest that is allowed.

    Returns
    -------
    str
        Estimate, interval and limit.

    Examples
    --------
    >>> bar(Interval(0.4, 0.3, 0.55), 0.6)
    '40 % (30 to 55 %), limit 60 %'
    """
    return written(used.estimate, "share") + " (" + span(used, "share") + "), limit " + written(limit, "share")


def smaller(fleet: Inputs, choice: Choice) -> list[str]:
    """Say which smaller shapes fail, and why.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    choice : Choice
        The answer.

    Returns
    -------
    list of str
        One sentence each; the servers first, then the datastore.
    """
    if not choice.smaller.exists:
        return ["Nothing smaller was tried."]
    found = [
        "Next smaller is "
        + shape_words(fleet, choice.smaller.shape, 0)
        + "; it fails: "
        + choice.smaller.fails_because
        + "."
    ]
    other = choice.smaller_datastore
    if other.exists and other.shape.datastore_cores < choice.smaller.shape.datastore_cores:
        cores = count(other.shape.datastore_cores, "core")
        found.append("A datastore with " + cores + " fails: " + other.fails_because + ".")
    return found


def comparison(table: list[ReferenceCell], fleet: Inputs, choice: Choice) -> str:
    """Compare the answer with the published table.

    Parameters
    ----------
    table : list of ReferenceCell
        The table.
    fleet : Inputs
        The deployment.
    choice : Choice
        The answer.

    Returns
    -------
    str
        Two or three sentences.
    """
    cell = shapes.covering_cell(table, fleet.agents, fleet.workloads)
    if cell is None:
        agents = 0.0
        workloads = 0.0
        for other in table:
            agents = max(agents, other.agents)
            workloads = max(workloads, other.workloads)
        return (
            "SPIRE's published table has no cell for this fleet: it ends at "
            + count(agents, "agent")
            + " and "
            + count(workloads, "workload")
            + "."
        )
    exact = cell.agents == fleet.agents and cell.workloads == fleet.workloads
    total = cell.servers * cell.cores_per_server
    words = (
        "SPIRE's published table has "
        + count(cell.servers, "server")
        + " with "
        + count(cell.cores_per_server, "core")
        + f" and {cell.memory_gb_per_server:g} GB each for "
    )
    if exact:
        words = words + "this fleet: "
    else:
        words = words + count(cell.agents, "agent") + " with " + count(cell.workloads, "workload") + ", its next cell: "
    words = words + count(total, "core") + " in all"
    if choice.holds:
        own = choice.shape.servers * choice.shape.cores
        if total > own:
            words = words + f", {total / own:.3g} times the {own:g} of this answer"
        elif total < own:
            words = words + f"; this answer has {own:g}, {own / total:.3g} times as many"
        else:
            words = words + ", as many as this answer"
    return words + ". The table calls itself an order of magnitude and says nothing of the datastore."
