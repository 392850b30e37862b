"""A SPIRE deployment, and how often it does each operation."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Real
from typing import TYPE_CHECKING, NamedTuple, cast

from capmodel import spire

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
    "changes_per_s": (0, 100_000, True),
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
    jwt_per_s : float
        JWT-SVIDs that the servers sign a second, all agents together (an agent's cached tokens do not count).
    changes_per_s : float
        Registration writes a second, half creations and half deletions.
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
    def jittered_renewal(self) -> bool:
        """Whether this version draws an SVID's renewal point anew at every check."""
        return spire.jittered_renewal(self.spire_version or spire.MODE_VERSIONS[self.sync_mode])

    @property
    def fitted_datastore(self) -> str:
        """The datastore whose costs stand for this one."""
        return "mariadb" if self.datastore == "mysql" else self.datastore

    def inputs(self) -> Inputs:
        """Return the deployment as plain values, every default filled in.

        Returns
        -------
        Inputs
            What the formulas of this module and of :mod:`capmodel.plan` read.
        """
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name in Inputs._fields}
        values.update(
            datastore=self.fitted_datastore,
            entries_per_agent=self.entries_of_agent,
            jittered=self.jittered_renewal,
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
    """A deployment as plain values; see :class:`Deployment` for their meaning."""

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


class Rate(NamedTuple):
    """How often a deployment does one operation, and how many requests each holds."""

    operation: str
    rate_per_s: float
    batch_size: float


#: Formula of each rate. N agents, Z sync interval, R response time, P renewal period, S servers, B reload duration,
#: calls: :func:`capmodel.spire.signing_calls`. Until v0.10 each call that signs is a sync too.
FORMULAS = {
    "sync": "N / (Z + R)",
    "sync_federated": "N / (Z + R)",
    "connect": "N / 180 s + N / P(agent TTL)",
    "sign_x509": "N x calls / P(X.509 TTL) + changes / 2",
    "sign_jwt": "as given",
    "renew_agent": "N / P(agent TTL)",
    "create_entry": "changes / 2",
    "delete_entry": "changes / 2",
    "reload": "S / (reload interval + B)",
    "poll_events": "S / reload interval",
}


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
    """
    check_s = fleet.sync_interval_s + response_time_s
    crawls = fleet.sync_mode == "crawl" or fleet.sync_mode == "crawl_cached"
    svids = fleet.entries_per_agent if crawls else min(fleet.entries_per_agent, spire.SVID_CACHE_SIZE)
    period_s = spire.renewal_period(fleet.x509_ttl_s, check_s, fleet.jittered)
    calls = spire.signing_calls(svids, fleet.x509_ttl_s, check_s, fleet.jittered)
    calls_per_s = fleet.agents * calls / period_s
    created_per_s = fleet.changes_per_s / 2.0
    signed_per_s = fleet.agents * svids / period_s + created_per_s
    signing_per_s = calls_per_s + created_per_s
    renewed_per_s = fleet.agents / spire.renewal_period(fleet.agent_ttl_s, check_s, fleet.jittered)
    sync_per_s = fleet.agents / check_s
    if crawls:
        sync_per_s = sync_per_s + signing_per_s
    name = "sync_federated" if fleet.federated_domains > 0 and not crawls else "sync"
    rates = [Rate(operation=name, rate_per_s=sync_per_s, batch_size=1.0)]
    rates.append(
        Rate(operation="connect", rate_per_s=fleet.agents / spire.CONNECTION_AGE_S + renewed_per_s, batch_size=1.0)
    )
    if signing_per_s > 0:
        rates.append(Rate(operation="sign_x509", rate_per_s=signing_per_s, batch_size=signed_per_s / signing_per_s))
    rates.append(Rate(operation="renew_agent", rate_per_s=renewed_per_s, batch_size=1.0))
    rates.append(Rate(operation="sign_jwt", rate_per_s=fleet.jwt_per_s, batch_size=1.0))
    rates.append(Rate(operation="create_entry", rate_per_s=created_per_s, batch_size=1.0))
    rates.append(Rate(operation="delete_entry", rate_per_s=created_per_s, batch_size=1.0))
    if fleet.sync_mode == "full_cache":
        rates.append(
            Rate(
                operation="reload",
                rate_per_s=servers / (fleet.reload_interval_s + reload_duration_s),
                batch_size=1.0,
            )
        )
    if fleet.sync_mode == "events_cache":
        rates.append(Rate(operation="poll_events", rate_per_s=servers / fleet.reload_interval_s, batch_size=1.0))
    return rates
