"""Topologies of SPIRE: one trust domain, nested clusters, federated trust domains.

Each topology yields its clusters, a deployment each: servers that share one datastore, with the load that the topology
adds. What a load costs is the matter of :mod:`capmodel.plan`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from capmodel import division
from capmodel.deployment import Deployment, Inputs


@dataclass(frozen=True)
class Cluster:
    """Servers that share one datastore.

    Attributes
    ----------
    name : str
        Unique within the topology.
    deployment : Deployment
        Its fleet, with what the topology adds.
    tier : int
        0 for a cluster that has none above it.
    above : str or None
        Name of the cluster that signs its servers' intermediate CA.

    Examples
    --------
    >>> root, first, *_ = Nested.split(Deployment(agents=100, workloads=200), into=2).clusters()
    >>> first.name, first.tier, first.above, first.deployment.agents
    ('cluster 1', 1, 'root', 50)
    """

    name: str
    deployment: Deployment
    tier: int = 0
    above: str | None = None


class Outage(NamedTuple):
    """How long clusters go on without the one above: shortest, mean and longest, seconds.

    Examples
    --------
    >>> Nested.split(Deployment(agents=100, workloads=200), into=2).outage()
    Outage(shortest_s=43200.0, mean_s=64800.0, longest_s=86400.0)
    """

    shortest_s: float
    mean_s: float
    longest_s: float


@dataclass(frozen=True)
class SingleTrustDomain:
    """One trust domain whose servers share one datastore.

    Parameters
    ----------
    fleet : Deployment
        All agents and workloads.

    Examples
    --------
    >>> [cluster.name for cluster in SingleTrustDomain(Deployment(agents=5000, workloads=10_000)).clusters()]
    ['cluster']
    """

    fleet: Deployment

    @property
    def name(self) -> str:
        """What the topology is called."""
        return "single trust domain"

    def clusters(self, servers: Mapping[str, int] | None = None) -> tuple[Cluster, ...]:
        """Return the cluster.

        Parameters
        ----------
        servers : mapping of str to int, optional
            Servers of each cluster; nothing depends on them here.

        Returns
        -------
        tuple of Cluster
            One.
        """
        return (Cluster("cluster", self.fleet),)


@dataclass(frozen=True)
class Nested:
    """Clusters below a root cluster: one trust domain with a datastore for each cluster.

    A downstream server asks the cluster above for its intermediate CA. For that it stands beside an agent of the
    cluster above, which therefore serves one agent and holds one entry for each server below it, sends each the trust
    bundle every 5 s, and signs each a CA twice in a CA's lifetime.

    Parameters
    ----------
    children : tuple of Deployment or Nested
        What stands below: fleets, or nested topologies of their own, to any depth.
    root : Deployment, optional
        The root cluster's own agents, workloads and settings. By default it serves downstream servers alone, with the
        settings of the first fleet below it.
    servers : int
        Servers of each cluster below, where :meth:`clusters` is not told.

    Raises
    ------
    ValueError
        If there is no child or less than one server.

    Notes
    -----
    Source: v1.15.3 pkg/server/plugin/upstreamauthority/spire/spire.go:31,313-347 (bundle),
    pkg/server/api/svid/v1/service.go:603-662 (CA). That the bundle grows with every server's JWT keys costs network,
    not CPU that the runs could show, and is left out.

    Examples
    --------
    >>> nested = Nested.split(Deployment(agents=5000, workloads=10_000), into=5)
    >>> [(cluster.name, cluster.deployment.agents) for cluster in nested.clusters()][:2]
    [('root', 10), ('cluster 1', 1000)]
    """

    children: tuple[Deployment | Nested, ...]
    root: Deployment | None = None
    servers: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "children", tuple(self.children))
        if not self.children:
            raise ValueError("children: got none, expected at least one fleet")
        if self.servers != int(self.servers) or self.servers < 1:
            raise ValueError(f"servers: got {self.servers!r}, expected a whole number of at least 1")

    @classmethod
    def split(cls, fleet: Deployment, into: int, *, servers: int = 2) -> Nested:
        """Split one fleet into clusters below a root.

        Parameters
        ----------
        fleet : Deployment
            The fleet.
        into : int
            Clusters; at most one an agent.
        servers : int
            Servers of each, for what the root has to serve.

        Returns
        -------
        Nested
            See :func:`divided`.
        """
        return cls(children=divided(fleet, into), servers=servers)

    @property
    def name(self) -> str:
        """What the topology is called."""
        return "nested"

    def clusters(self, servers: Mapping[str, int] | None = None) -> tuple[Cluster, ...]:
        """Return the clusters.

        Parameters
        ----------
        servers : mapping of str to int, optional
            Servers of clusters by name, where they are known.

        Returns
        -------
        tuple of Cluster
            Each cluster before those below it; ``"root"``, ``"cluster 1"``, ``"cluster 1.1"`` and so on.
        """
        return self._clusters("root", "cluster ", 0, None, servers or {})

    def _clusters(
        self, name: str, prefix: str, tier: int, above: str | None, servers: Mapping[str, int]
    ) -> tuple[Cluster, ...]:
        below: list[Cluster] = []
        downstream = 0
        for number, child in enumerate(self.children, start=1):
            own = f"{prefix}{number}"
            downstream += servers.get(own, self.servers)
            if isinstance(child, Nested):
                below.extend(child._clusters(own, f"{own}.", tier + 1, name, servers))
            else:
                below.append(Cluster(own, child, tier + 1, name))
        return (Cluster(name, self._serving(downstream), tier, above), *below)

    def _serving(self, downstream: int) -> Deployment:
        """Return the upper cluster's fleet with an agent and an entry for each server below."""
        if self.root is not None:
            return _changed(self.root, division.root_beside(self.root.inputs(), downstream), None)
        first: Deployment | Nested = self.children[0]
        while isinstance(first, Nested):
            first = first.children[0]
        return _changed(first, division.root_alone(first.inputs(), downstream), None)

    def outage(self) -> Outage:
        """Return how long the clusters below go on issuing SVIDs when the root is down.

        Returns
        -------
        Outage
            From half of a CA's lifetime, when the root fails just before a CA is due, to the whole of it.

        Notes
        -----
        A server prepares its next CA when half of the lifetime is left (v1.15.3 pkg/server/ca/manager/manager.go:40-46,
        slot.go:640-650).

        Examples
        --------
        CAs that live a day carry the clusters below for 12 to 24 hours:

        >>> nested = Nested.split(Deployment(agents=100, workloads=200), into=2)
        >>> [seconds / 3600 for seconds in nested.outage()]
        [12.0, 18.0, 24.0]
        """
        lifetime_s = self.clusters()[0].deployment.ca_ttl_s
        return Outage(shortest_s=lifetime_s / 2.0, mean_s=0.75 * lifetime_s, longest_s=lifetime_s)


@dataclass(frozen=True)
class Federated:
    """Trust domains side by side, each with servers and a datastore of its own, that exchange bundles.

    Parameters
    ----------
    fleets : tuple of Deployment
        One for each trust domain.
    federates : bool
        Whether the agents' entries federate with all the other trust domains. Each federated domain costs datastore
        work in every sync; without it the servers exchange bundles that no agent fetches.

    Raises
    ------
    ValueError
        If there are less than two trust domains.

    Notes
    -----
    Source: v1.15.3 pkg/server/bundle/client/manager.go:24-34 (polls); pkg/server/api/bundle/v1/service.go:259 and
    pkg/server/api/middleware/authorization_opa.go:80-108 (an agent's fetch).

    Examples
    --------
    >>> federated = Federated.split(Deployment(agents=5000, workloads=10_000), into=2)
    >>> [(cluster.name, cluster.deployment.federated_domains) for cluster in federated.clusters()]
    [('domain 1', 1.0), ('domain 2', 1.0)]
    """

    fleets: tuple[Deployment, ...]
    federates: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "fleets", tuple(self.fleets))
        if len(self.fleets) < 2:
            raise ValueError(f"fleets: got {len(self.fleets)}, expected at least 2 trust domains")

    @classmethod
    def split(cls, fleet: Deployment, into: int, *, federates: bool = True) -> Federated:
        """Split one fleet into federated trust domains.

        Parameters
        ----------
        fleet : Deployment
            The fleet.
        into : int
            Trust domains, at least 2; at most one an agent.
        federates : bool
            Whether entries federate with the other trust domains.

        Returns
        -------
        Federated
            See :func:`divided`.
        """
        return cls(fleets=divided(fleet, into), federates=federates)

    @property
    def name(self) -> str:
        """What the topology is called."""
        return "federated"

    def clusters(self, servers: Mapping[str, int] | None = None) -> tuple[Cluster, ...]:
        """Return the clusters.

        Parameters
        ----------
        servers : mapping of str to int, optional
            Servers of each cluster; nothing depends on them here.

        Returns
        -------
        tuple of Cluster
            One a trust domain.
        """
        others = float(len(self.fleets) - 1)
        return tuple(
            Cluster(
                f"domain {number}",
                _changed(
                    fleet,
                    division.federated(fleet.inputs(), others, self.federates),
                    fleet.entries_per_agent,
                    fleet.entries_by_agent,
                ),
            )
            for number, fleet in enumerate(self.fleets, start=1)
        )


Topology = SingleTrustDomain | Nested | Federated


def topology_of(fleet: Deployment | Topology) -> Topology:
    """Return a topology; a plain deployment is one trust domain.

    Parameters
    ----------
    fleet : Deployment, SingleTrustDomain, Nested or Federated
        What is asked about.

    Returns
    -------
    SingleTrustDomain, Nested or Federated
        The same, or the deployment as one trust domain.

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> topology_of(Deployment(agents=100, workloads=200)).name
    'single trust domain'
    """
    if isinstance(fleet, Deployment):
        return SingleTrustDomain(fleet)
    if isinstance(fleet, SingleTrustDomain | Nested | Federated):
        return fleet
    raise ValueError(f"fleet: got {fleet!r}, expected a Deployment, SingleTrustDomain, Nested or Federated")


def divided(fleet: Deployment, into: int) -> tuple[Deployment, ...]:
    """Divide a fleet into parts.

    Parameters
    ----------
    fleet : Deployment
        The fleet. Each entry goes to one part; one that agents of several parts hold would be registered in each.
    into : int
        Parts; at most one an agent.

    Returns
    -------
    tuple of Deployment
        Agents and workloads as even as whole numbers allow, and what happens a second in proportion to the agents:
        nothing is lost or added.

    Raises
    ------
    ValueError
        If `into` is not a whole number from 1 to the number of agents.

    Examples
    --------
    >>> [part.agents for part in divided(Deployment(agents=10, workloads=20), 3)]
    [4, 3, 3]
    """
    if into != int(into) or not 1 <= into <= fleet.agents:
        raise ValueError(f"into: got {into!r}, expected a whole number from 1 to the number of agents ({fleet.agents})")
    parts: list[Deployment] = []
    start = 0
    for kind in division.divided(fleet.inputs(), int(into), "cluster"):
        for _ in range(int(kind.number)):
            count, entries = int(kind.fleet.agents), int(kind.fleet.workloads)
            listed = None
            if fleet.entries_by_agent is not None:
                listed = [min(value, entries) for value in fleet.entries_by_agent[start : start + count]]
            given = None if fleet.entries_per_agent is None else kind.fleet.entries_per_agent
            parts.append(_changed(fleet, kind.fleet, given, listed))
            start += count
    return tuple(parts)


def _changed(
    fleet: Deployment, inputs: Inputs, entries_per_agent: float | None, entries_by_agent: Sequence[float] | None = None
) -> Deployment:
    """Return a deployment with what these inputs say otherwise; entries of agents are given apart."""
    before = fleet.inputs()
    apart = ("datastore", "entries_per_agent", "jittered", "listed")
    changes = {
        name: value for name, value in inputs._asdict().items() if name not in apart and value != getattr(before, name)
    }
    return replace(fleet, **changes, entries_per_agent=entries_per_agent, entries_by_agent=entries_by_agent)
