"""How a fleet divides into clusters or trust domains, and what a topology adds to each.

The functions are scalar and use plain arithmetic only: the site's calculator is translated from them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from capmodel.deployment import Inputs


class Part(NamedTuple):
    """Clusters of a divided fleet that are alike.

    Attributes
    ----------
    name : str
        ``"cluster"``, ``"root"`` or ``"trust domain"``.
    number : float
        How many there are.
    fleet : Inputs
        What each serves.
    """

    name: str
    number: float
    fleet: Inputs


def divided(fleet: Inputs, into: float, name: str) -> list[Part]:
    """Divide a fleet into parts.

    Parameters
    ----------
    fleet : Inputs
        The fleet. Each entry goes to one part; one that agents of several parts hold would be registered in each.
    into : float
        Parts, a whole number of at least 1 and at most one an agent.
    name : str
        What a part is called.

    Returns
    -------
    list of Part
        Agents and workloads as even as whole numbers allow, and what happens a second in proportion to the agents:
        nothing is lost or added. At most three kinds, the largest first. Where the entries of each agent are listed,
        every part keeps the spread of the whole.
    """
    each_agents = math.floor(fleet.agents / into)
    each_workloads = math.floor(fleet.workloads / into)
    # So many parts have one more.
    more_agents = fleet.agents - each_agents * into
    more_workloads = fleet.workloads - each_workloads * into
    starts = [0.0, min(more_agents, more_workloads), max(more_agents, more_workloads)]
    ends = [starts[1], starts[2], into]
    found = []
    for k in range(3):
        if ends[k] > starts[k]:
            agents = each_agents + (1.0 if starts[k] < more_agents else 0.0)
            workloads = each_workloads + (1.0 if starts[k] < more_workloads else 0.0)
            found.append(Part(name=name, number=ends[k] - starts[k], fleet=portion(fleet, agents, workloads)))
    return found


def portion(fleet: Inputs, agents: float, workloads: float) -> Inputs:
    """Return a part of a fleet.

    Parameters
    ----------
    fleet : Inputs
        The fleet.
    agents, workloads : float
        The part's.

    Returns
    -------
    Inputs
        An agent keeps its entries, as far as the part has as many; what happens a second is shared by agents.
    """
    share = agents / fleet.agents
    entries = min(fleet.entries_per_agent, workloads)
    if fleet.entries_per_agent == fleet.workloads / fleet.agents:
        entries = workloads / agents
    return fleet._replace(
        agents=agents,
        workloads=workloads,
        entries_per_agent=entries,
        jwt_per_s=fleet.jwt_per_s * share,
        changes_per_s=fleet.changes_per_s * share,
        updates_per_s=fleet.updates_per_s * share,
    )


def root_alone(below: Inputs, servers: float) -> Inputs:
    """Return what a root cluster serves that has no agents of its own.

    A downstream server stands beside an agent of the root, which therefore has an agent and an entry for each.

    Parameters
    ----------
    below : Inputs
        A fleet below it, whose settings it takes.
    servers : float
        Servers of all clusters below.

    Returns
    -------
    Inputs
        It signs no JWT-SVIDs, and nothing is registered or changed there.
    """
    return below._replace(
        agents=servers,
        workloads=servers,
        downstream_servers=servers,
        entries_per_agent=1.0,
        listed=[],
        zipf_exponent=0.0,
        jwt_per_s=0.0,
        jwt_pairs_per_agent=0.0,
        changes_per_s=0.0,
        updates_per_s=0.0,
    )


def root_beside(own: Inputs, servers: float) -> Inputs:
    """Return what a root cluster serves that has agents of its own.

    Parameters
    ----------
    own : Inputs
        Its own fleet.
    servers : float
        Servers of all clusters below.

    Returns
    -------
    Inputs
        One agent and one entry more for each server, spread evenly.
    """
    agents = own.agents + servers
    workloads = own.workloads + servers
    return own._replace(
        agents=agents,
        workloads=workloads,
        downstream_servers=servers,
        entries_per_agent=workloads / agents,
        listed=[],
    )


def federated(fleet: Inputs, others: float, federates: bool) -> Inputs:
    """Return a trust domain that federates with others.

    Parameters
    ----------
    fleet : Inputs
        Its own fleet.
    others : float
        Other trust domains.
    federates : bool
        Whether its entries federate with all of them; the servers fetch the bundles either way.

    Returns
    -------
    Inputs
        With the polls, and with what each of its agents' syncs reads.
    """
    return fleet._replace(
        federated_peers=fleet.federated_peers + others,
        federated_domains=fleet.federated_domains + (others if federates else 0.0),
    )
