"""A SPIRE deployment, and how often it does each operation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import TYPE_CHECKING, NamedTuple, cast

from capmodel import spire
from capmodel.spread import EntryClass, listed_classes, zipf_classes

if TYPE_CHECKING:
    import pandas as pd

#: Field: (smallest, largest, whether the smallest itself is allowed).
_BOUNDS: dict[str, tuple[float, float, bool]] = {
    "agents": (1, 10_000_000, True),
    "workloads": (0, 100_000_000, True),
    "selectors_per_entry": (1, 100, True),
    "dns_names_per_entry": (0, 100, True),
    "node_selectors_per_agent": (0, 1000, True),
    "sync_interval_s": (0, 86_400, False),
    "reload_interval_s": (0, 86_400, False),
    "x509_ttl_s": (60, 31_536_000, True),
    "agent_ttl_s": (60, 31_536_000, True),
    "jwt_per_s": (0, 1_000_000, True),
    "jwt_pairs_per_agent": (0, 100_000, True),
    "jwt_requests_per_pair_s": (0, 1_000_000, True),
    "jwt_ttl_s": (60, 31_536_000, True),
    "changes_per_s": (0, 100_000, True),
    "updates_per_s": (0, 100_000, True),
    "zipf_exponent": (0, 5, True),
    "ca_ttl_s": (3600, 315_360_000, True),
    "cores_taken": (0, 1000, True),
    "downstream_servers": (0, 1_000_000, True),
    "federated_peers": (0, 10_000, True),
    "federated_domains": (0, 10_000, True),
    "datastore_round_trip_time_s": (0, 10, True),
    "machine_speed": (0, 100, False),
    "datastore_speed": (0, 100, False),
}


def _number(name: str, value: object) -> float:
    """Return a field's value if it is a number, numpy's own included."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name}: got {value!r}, expected a number")
    return cast(float, value)


def _shown(value: float) -> str:
    """Write a number short enough for a message."""
    text = str(value)
    return text if len(text) <= 40 else text[:40] + "..."


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What a fleet is and how it is used.

    Parameters
    ----------
    agents : int
        SPIRE agents, one a node.
    workloads : int
        Registration entries of workloads in the deployment.
    datastore : {"sqlite", "postgresql", "mariadb", "mysql"}
        Where the servers keep their data. MySQL is answered with MariaDB's costs.
    sync_mode : {"crawl", "crawl_cached", "full_cache", "events_cache"}
        How a server authorises entries; ``full_cache`` is the default of every release since v0.12.
    spire_version : str, optional
        A release such as ``"v1.15.3"``; the one the mode was measured on by default.
    entries_per_agent : float, optional
        Entries of one agent, ``workloads / agents`` by default. More where entries are shared between agents.
    selectors_per_entry, dns_names_per_entry, node_selectors_per_agent : float
        What hangs on an entry and on a node.
    sync_interval_s, reload_interval_s : float
        Mean pause between an agent's syncs and between a server's cache reloads, seconds.
    x509_ttl_s, agent_ttl_s : float
        Lifetimes of workload and agent X509-SVIDs, seconds.
    entries_by_agent : sequence of float, optional
        Entries of each agent where they are known: one number an agent. Their mean takes the place of
        `entries_per_agent`.
    zipf_exponent : float
        How unevenly entries spread over agents: 0 for even, 1 for Zipf's law.
    jwt_per_s : float
        JWT-SVIDs that the servers sign a second, all agents together (an agent's cached tokens do not count).
    jwt_pairs_per_agent, jwt_requests_per_pair_s, jwt_ttl_s : float
        Where signatures are not known but requests are: pairs of identity and audience that an agent's workloads ask
        for, requests a second for each pair, and lifetime of a token, seconds. An agent keeps a token for about half
        its lifetime; the signatures add to `jwt_per_s`.
    changes_per_s : float
        Registration writes a second, half creations and half deletions.
    updates_per_s : float
        Changes of existing entries a second. Each agent that holds the entry has its SVID signed anew.
    ca_ttl_s : float
        Lifetime of a CA, seconds.
    reattests : bool
        Whether agents attest anew instead of renewing, as with k8s_psat or x509pop since v1.9.
    cores_taken : float
        Cores of each server's host that other processes use.
    downstream_servers : float
        Servers of nested clusters whose CA this one signs; see :class:`capmodel.topology.Nested`.
    federated_peers : float
        Trust domains whose bundle endpoints the servers poll; see :class:`capmodel.topology.Federated`.
    federated_domains : float
        Trust domains that each agent's entries federate with.
    ca_key_type : {"ec-p256", "ec-p384", "rsa-2048", "rsa-4096"}
        Key type of the servers' CA and JWT keys.
    datastore_round_trip_time_s : float
        Network round trip from server to datastore, seconds.
    machine_speed, datastore_speed : float
        Speed of a core of the reader's servers and of the datastore's host, 1 being the measured machine's.

    Raises
    ------
    ValueError
        If a value is impossible; the message names the field and the bound.

    Examples
    --------
    >>> fleet = Deployment(agents=5000, workloads=10_000)
    >>> fleet.entries_of_agent
    2.0
    """

    agents: int
    workloads: int
    datastore: str = "postgresql"
    sync_mode: str = "full_cache"
    spire_version: str | None = None
    entries_per_agent: float | None = None
    selectors_per_entry: float = 2.0
    dns_names_per_entry: float = 0.0
    node_selectors_per_agent: float = 0.0
    sync_interval_s: float = spire.SYNC_INTERVAL_S
    reload_interval_s: float = spire.RELOAD_INTERVAL_S
    x509_ttl_s: float = spire.X509_TTL_S
    agent_ttl_s: float = spire.AGENT_TTL_S
    jwt_per_s: float = 0.0
    changes_per_s: float = 0.0
    federated_domains: float = 0.0
    ca_key_type: str = "ec-p256"
    datastore_round_trip_time_s: float = 0.0
    machine_speed: float = 1.0
    datastore_speed: float = 1.0
    entries_by_agent: Sequence[float] | None = field(default=None, repr=False)
    zipf_exponent: float = 0.0
    jwt_pairs_per_agent: float = 0.0
    jwt_requests_per_pair_s: float = 0.0
    jwt_ttl_s: float = spire.JWT_TTL_S
    updates_per_s: float = 0.0
    ca_ttl_s: float = spire.CA_TTL_S
    reattests: bool = False
    cores_taken: float = 0.0
    downstream_servers: float = 0.0
    federated_peers: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high, closed) in _BOUNDS.items():
            value = _number(name, getattr(self, name))
            if not low <= value <= high or (value == low and not closed):
                bound = "at least" if closed else "more than"
                raise ValueError(f"{name}: got {_shown(value)}, expected {bound} {low:g} and at most {high:g}")
            whole = name in ("agents", "workloads")
            if whole and value != int(value):
                raise ValueError(f"{name}: got {_shown(value)}, expected a whole number")
            # Plain Python numbers: numpy's would overflow, and JSON knows none of them.
            object.__setattr__(self, name, int(value) if whole else float(value))
        choices = {
            "datastore": (*spire.DATASTORES, "mysql"),
            "sync_mode": spire.SYNC_MODES,
            "ca_key_type": spire.CA_KEY_TYPES,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}: got {getattr(self, name)!r}, expected one of {', '.join(allowed)}")
        if self.entries_per_agent is not None:
            entries = _number("entries_per_agent", self.entries_per_agent)
            if not 0 <= entries <= self.workloads:
                raise ValueError(
                    f"entries_per_agent: got {_shown(entries)}, expected at least 0 and at most workloads "
                    f"({self.workloads})"
                )
            object.__setattr__(self, "entries_per_agent", float(entries))
        if not isinstance(self.reattests, bool):
            raise ValueError(f"reattests: got {self.reattests!r}, expected True or False")
        if self.entries_by_agent is not None:
            # A mapping may mean entries by agent's name or agents by number of entries: its owner knows, we do not.
            given = self.entries_by_agent
            if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
                raise ValueError(f"entries_by_agent: got {given!r:.40}, expected a number for each agent")
            listed = tuple(_number("entries_by_agent", value) for value in self.entries_by_agent)
            if len(listed) != self.agents:
                raise ValueError(
                    f"entries_by_agent: got {len(listed)} numbers, expected one for each of the agents ({self.agents})"
                )
            for value in listed:
                if not 0 <= value <= self.workloads:
                    raise ValueError(
                        f"entries_by_agent: got {_shown(value)}, expected at least 0 and at most workloads "
                        f"({self.workloads})"
                    )
            entries_by_agent = tuple(map(float, listed))
            object.__setattr__(self, "entries_by_agent", entries_by_agent)
            object.__setattr__(self, "entries_per_agent", sum(entries_by_agent) / len(entries_by_agent))
        if self.spire_version is not None:
            version = spire.version_tuple(self.spire_version)
            first, end = spire.MODE_RELEASES[self.sync_mode]
            if version < spire.version_tuple(first) or (end and version >= spire.version_tuple(end)):
                bound = f"from {first}" + (f" and before {end}" if end else "")
                raise ValueError(
                    f"spire_version: got {self.spire_version!r}, expected a release {bound}, as sync_mode is "
                    f"{self.sync_mode!r}"
                )

    @property
    def entries_of_agent(self) -> float:
        """Entries of a mean agent."""
        return self.workloads / self.agents if self.entries_per_agent is None else self.entries_per_agent

    @property
    def entry_classes(self) -> list[EntryClass]:
        """Agents in classes that hold about as many entries as each other, the largest agent first.

        Examples
        --------
        The agent with the most entries, and the two after it:

        >>> fleet = Deployment(agents=100, workloads=1000, zipf_exponent=1.0)
        >>> [round(part.entries, 1) for part in fleet.entry_classes][:3]
        [192.1, 116.7, 97.2]
        """
        if self.entries_by_agent is not None:
            return listed_classes(list(self.entries_by_agent))
        return zipf_classes(self.agents, self.entries_of_agent, self.zipf_exponent)

    @property
    def jittered_renewal(self) -> bool:
        """Whether this version draws an SVID's renewal point anew at every check.

        Examples
        --------
        >>> releases = ("v1.0.0", "v1.15.3")
        >>> [Deployment(agents=1, workloads=1, spire_version=release).jittered_renewal for release in releases]
        [False, True]
        """
        return spire.jittered_renewal(self.spire_version or spire.MODE_VERSIONS[self.sync_mode])

    @property
    def fitted_datastore(self) -> str:
        """The datastore whose costs stand for this one.

        Examples
        --------
        >>> Deployment(agents=1, workloads=1, datastore="mysql").fitted_datastore
        'mariadb'
        """
        return "mariadb" if self.datastore == "mysql" else self.datastore

    def inputs(self) -> Inputs:
        """Return the deployment as plain values, every default filled in.

        Returns
        -------
        Inputs
            What the formulas of this module and of :mod:`capmodel.plan` read.

        Examples
        --------
        >>> Deployment(agents=5000, workloads=10_000).inputs().entries_per_agent
        2.0
        """
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name in Inputs._fields}
        values.update(
            datastore=self.fitted_datastore,
            entries_per_agent=self.entries_of_agent,
            jittered=self.jittered_renewal,
            listed=[] if self.entries_by_agent is None else self.entry_classes,
        )
        return Inputs(**values)

    def rates(self, *, servers: int = 2, response_time_s: float = 0.0, reload_duration_s: float = 0.0) -> pd.DataFrame:
        """Return how often the deployment does each operation.

        Parameters
        ----------
        servers : int
            Servers that share the datastore.
        response_time_s : float
            Mean response time of a sync, seconds.
        reload_duration_s : float
            Time one cache reload takes, seconds.

        Returns
        -------
        DataFrame
            operation, rate_per_s (of the whole deployment), batch_size, formula, source.

        Raises
        ------
        ValueError
            If there is no server or a time is negative or infinite.

        Examples
        --------
        >>> rates = Deployment(agents=5000, workloads=10_000).rates()
        >>> float(rates.set_index("operation").rate_per_s["sync"])
        1000.0
        """
        import pandas as pd

        if not servers >= 1:
            raise ValueError(f"servers: got {servers!r}, expected at least 1")
        for name, value in {"response_time_s": response_time_s, "reload_duration_s": reload_duration_s}.items():
            if not 0.0 <= value < math.inf:
                raise ValueError(f"{name}: got {value!r}, expected a finite number of at least 0 seconds")
        frame = pd.DataFrame(operation_rates(self.inputs(), servers, response_time_s, reload_duration_s))
        frame["formula"] = frame["operation"].map(FORMULAS)
        if self.sync_mode.startswith("crawl"):
            frame.loc[frame["operation"] == "sync", "formula"] += " + sign_x509"
        sources = {operation.name: operation.source for operation in spire.OPERATIONS}
        frame["source"] = frame["operation"].map(sources)
        return frame


class Inputs(NamedTuple):
    """A deployment as plain values; see :class:`Deployment` for their meaning.

    Examples
    --------
    >>> inputs = Deployment(agents=5000, workloads=10_000, datastore="mysql").inputs()
    >>> inputs.datastore, inputs.entries_per_agent, inputs.x509_ttl_s
    ('mariadb', 2.0, 3600.0)
    """

    agents: float
    workloads: float
    datastore: str
    sync_mode: str
    entries_per_agent: float
    selectors_per_entry: float
    dns_names_per_entry: float
    node_selectors_per_agent: float
    sync_interval_s: float
    reload_interval_s: float
    x509_ttl_s: float
    agent_ttl_s: float
    jwt_per_s: float
    changes_per_s: float
    federated_domains: float
    ca_key_type: str
    datastore_round_trip_time_s: float
    machine_speed: float
    datastore_speed: float
    jittered: bool
    zipf_exponent: float
    listed: list[EntryClass]
    jwt_pairs_per_agent: float
    jwt_requests_per_pair_s: float
    jwt_ttl_s: float
    updates_per_s: float
    ca_ttl_s: float
    reattests: bool
    cores_taken: float
    downstream_servers: float
    federated_peers: float


class Rate(NamedTuple):
    """How often a deployment does one operation, how many requests each holds, and what a crawl finds in the cache.

    Examples
    --------
    >>> Rate(operation="sign_x509", rate_per_s=2.0, batch_size=5.0)
    Rate(operation='sign_x509', rate_per_s=2.0, batch_size=5.0, cached_share=0.0)
    """

    operation: str
    rate_per_s: float
    batch_size: float
    cached_share: float = 0.0


#: Formula of each rate. N agents, Z sync interval, R response time, P renewal period, S servers, B reload duration,
#: calls: :func:`capmodel.spire.signing_calls`, K: agents that hold an entry. Until v0.10 each call that signs is a sync
#: too.
FORMULAS = {
    "sync": "N / (Z + R)",
    "sync_federated": "N / (Z + R)",
    "connect": "N / 180 s + N / P(agent TTL)",
    "sign_x509": "N x calls / P(X.509 TTL) + K x (changes / 2 + updates)",
    "sign_jwt": "as given + N x pairs / (P(JWT TTL) + 1 / requests)",
    "renew_agent": "N / P(agent TTL)",
    "reattest": "N / P(agent TTL)",
    "create_entry": "changes / 2",
    "delete_entry": "changes / 2",
    "update_entry": "updates",
    "reload": "S / (reload interval + B)",
    "poll_events": "S / reload interval",
    "get_bundle": "downstream servers / 5 s",
    "sign_ca": "2 x downstream servers / CA TTL",
    "poll_peer": "S x peers / 75 s",
    "list_peers": "S / 10 s",
}


def classes_of(fleet: Inputs) -> list[EntryClass]:
    """Return the classes of agents by their entries.

    Parameters
    ----------
    fleet : Inputs
        The deployment.

    Returns
    -------
    list of EntryClass
        One where entries spread evenly.

    Examples
    --------
    >>> [part.entries for part in classes_of(Deployment(agents=100, workloads=1000).inputs())]
    [10.0]
    """
    if len(fleet.listed) > 0:
        return fleet.listed
    return zipf_classes(fleet.agents, fleet.entries_per_agent, fleet.zipf_exponent)


def jwt_signatures(fleet: Inputs, check_s: float) -> float:
    """Return how many JWT-SVIDs the servers sign a second.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    check_s : float
        Time from one check of an agent to the next, seconds.

    Returns
    -------
    float
        Those given, and for each pair of identity and audience one signature a renewal period and a wait for the next
        request (v1.15.3 pkg/agent/manager/manager.go:307-348).

    Examples
    --------
    Each of 100 agents keeps tokens for two audiences that are asked for all the time:

    >>> fleet = Deployment(agents=100, workloads=100, jwt_pairs_per_agent=2, jwt_requests_per_pair_s=10)
    >>> round(jwt_signatures(fleet.inputs(), 5.0), 2)
    1.52
    """
    requests_per_s = fleet.jwt_requests_per_pair_s
    if fleet.jwt_pairs_per_agent <= 0.0 or requests_per_s <= 0.0:
        return fleet.jwt_per_s
    # A token is checked when it is asked for, not at every sync.
    period_s = spire.renewal_period(fleet.jwt_ttl_s, min(1.0 / requests_per_s, check_s), fleet.jittered)
    return fleet.jwt_per_s + fleet.agents * fleet.jwt_pairs_per_agent / (period_s + 1.0 / requests_per_s)


def cached_share(fleet: Inputs, sync_per_s: float) -> float:
    """Return which share of its entries' ids a crawl finds in the server's cache of subtrees.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    sync_per_s : float
        Syncs of one server a second.

    Returns
    -------
    float
        0 but for ``crawl_cached``, and there where no entry belongs to several agents. An entry belongs to
        agents x entries of an agent / entries of all, see :func:`capmodel.spire.subtree_hits`.

    Examples
    --------
    Two agents hold each entry, so a crawl finds some of them in the cache:

    >>> fleet = Deployment(agents=100, workloads=1000, entries_per_agent=20, sync_mode="crawl_cached")
    >>> round(cached_share(fleet.inputs(), 20.0), 2)
    0.17
    """
    if fleet.sync_mode != "crawl_cached" or fleet.workloads <= 0.0:
        return 0.0
    holders = fleet.agents * fleet.entries_per_agent / fleet.workloads
    return spire.subtree_hits(max(holders - 1.0, 0.0) * sync_per_s / fleet.agents)


def operation_rates(fleet: Inputs, servers: float, response_time_s: float, reload_duration_s: float) -> list[Rate]:
    """List the operations of a deployment with their rates.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    servers : float
        Servers that share the datastore.
    response_time_s, reload_duration_s : float
        Mean response time of a sync and duration of a reload, seconds.

    Returns
    -------
    list of Rate
        The sync first. Until v0.10 an agent that has SVIDs signed crawls again, so each signing call is a sync too.

    Examples
    --------
    >>> fleet = Deployment(agents=100, workloads=1000).inputs()
    >>> sync = operation_rates(fleet, 2.0, 0.0, 0.0)[0]
    >>> sync.operation, sync.rate_per_s
    ('sync', 20.0)
    """
    check_s = fleet.sync_interval_s + response_time_s
    crawls = spire.family(fleet.sync_mode, "sync") == "crawl"
    period_s = spire.renewal_period(fleet.x509_ttl_s, check_s, fleet.jittered)
    calls = 0.0
    svids = 0.0
    for part in classes_of(fleet):
        kept = part.entries if crawls else min(part.entries, spire.SVID_CACHE_SIZE)
        svids = svids + part.share * kept
        calls = calls + part.share * spire.signing_calls(kept, fleet.x509_ttl_s, check_s, fleet.jittered)
    created_per_s = fleet.changes_per_s / 2.0
    holders = fleet.agents * fleet.entries_per_agent / max(fleet.workloads, 1.0)
    resigned_per_s = holders * (created_per_s + fleet.updates_per_s)
    signed_per_s = fleet.agents * svids / period_s + resigned_per_s
    signing_per_s = fleet.agents * calls / period_s + resigned_per_s
    renewed_per_s = fleet.agents / spire.renewal_period(fleet.agent_ttl_s, check_s, fleet.jittered)
    sync_per_s = fleet.agents / check_s
    if crawls:
        sync_per_s = sync_per_s + signing_per_s
    name = "sync_federated" if fleet.federated_domains > 0 and not crawls else "sync"
    found = cached_share(fleet, fleet.agents / check_s / servers)
    rates = [Rate(operation=name, rate_per_s=sync_per_s, batch_size=1.0, cached_share=found)]
    rates.append(
        Rate(operation="connect", rate_per_s=fleet.agents / spire.CONNECTION_AGE_S + renewed_per_s, batch_size=1.0)
    )
    if signing_per_s > 0:
        rates.append(Rate(operation="sign_x509", rate_per_s=signing_per_s, batch_size=signed_per_s / signing_per_s))
    renewal = "reattest" if fleet.reattests else "renew_agent"
    rates.append(Rate(operation=renewal, rate_per_s=renewed_per_s, batch_size=1.0))
    rates.append(Rate(operation="sign_jwt", rate_per_s=jwt_signatures(fleet, check_s), batch_size=1.0))
    rates.append(Rate(operation="create_entry", rate_per_s=created_per_s, batch_size=1.0))
    rates.append(Rate(operation="delete_entry", rate_per_s=created_per_s, batch_size=1.0))
    if fleet.updates_per_s > 0:
        rates.append(Rate(operation="update_entry", rate_per_s=fleet.updates_per_s, batch_size=1.0))
    upkeep = spire.upkeep(fleet.sync_mode)
    if upkeep == "reload":
        rates.append(
            Rate(
                operation="reload",
                rate_per_s=servers / (fleet.reload_interval_s + reload_duration_s),
                batch_size=1.0,
            )
        )
    if upkeep == "poll":
        rates.append(Rate(operation="poll_events", rate_per_s=servers / fleet.reload_interval_s, batch_size=1.0))
    if fleet.downstream_servers > 0:
        polled_per_s = fleet.downstream_servers / spire.DOWNSTREAM_POLL_S
        rates.append(Rate(operation="get_bundle", rate_per_s=polled_per_s, batch_size=1.0))
        signed_cas_per_s = 2.0 * fleet.downstream_servers / fleet.ca_ttl_s
        rates.append(Rate(operation="sign_ca", rate_per_s=signed_cas_per_s, batch_size=1.0))
    if fleet.federated_peers > 0:
        polls_per_s = servers * fleet.federated_peers / spire.PEER_POLL_S
        rates.append(Rate(operation="poll_peer", rate_per_s=polls_per_s, batch_size=1.0))
        rates.append(Rate(operation="list_peers", rate_per_s=servers / spire.PEER_LIST_S, batch_size=1.0))
    return rates
