"""The controls of the calculator: what a reader can say of a fleet, by the names that links carry.

The pages draw them, ``fleet.js`` reads links with them, and both get them from this one list.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from capmodel import shapes, spire
from capmodel.regression import normal_quantile
from capmodel.words import percent

STORES = {"postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB", "sqlite": "SQLite"}
LEVELS = (0.8, 0.9, 0.95, 0.99)


class Number(NamedTuple):
    """A number that a reader may give.

    Attributes
    ----------
    name : str
        In links, and as an option of ``capmodel size``.
    label, unit, help : str
        What readers see.
    start : float or None
        Default; None where an empty field means that the package works the value out.
    low, high : float
        Bounds.
    sets : tuple of str
        Fields of `Deployment`, `Limits` or `Prices` that get the value.
    factor : float
        From the reader's unit to the package's.
    whole : bool
        Whether only whole numbers will do.
    slider : tuple or None
        From, to, ``"log"`` or ``"linear"``, and steps.
    empty : str
        What an empty field says.
    """

    name: str
    label: str
    unit: str
    help: str
    start: float | None
    low: float
    high: float
    sets: tuple[str, ...]
    factor: float = 1
    whole: bool = False
    slider: tuple[float, float, str, int] | None = None
    empty: str = ""


class Option(NamedTuple):
    """One choice of a list.

    Attributes
    ----------
    label : str
        What readers see.
    inputs : dict
        Fields of `Inputs` or `Limits`, or of the answer as a whole, that it sets.
    deployment : dict
        Arguments of `Deployment` that say the same.
    command : str
        Words of ``capmodel size`` that say the same.
    """

    label: str
    inputs: dict[str, Any]
    deployment: dict[str, Any]
    command: str


class Choice(NamedTuple):
    """A list to choose from; the first option is the default."""

    name: str
    label: str
    help: str
    options: dict[str, Option]


def _version(mode: str, release: str | None, label: str) -> Option:
    jittered = spire.jittered_renewal(release or spire.MODE_VERSIONS[mode])
    given = {"sync_mode": mode} if mode != "full_cache" else {}
    words = [f"--sync-mode {mode}"] if given else []
    if release:
        given["spire_version"] = release
        words.append(f"--spire-version {release}")
    return Option(label, {"sync_mode": mode, "jittered": jittered}, given, " ".join(words))


_DAY, _WEEK, _YEAR = 86_400, 604_800, 31_536_000

GROUPS: dict[str, list[Number | Choice]] = {
    "Fleet": [
        Number("agents", "Agents", "one a node", "", 5000, 1, 10_000_000, ("agents",),
               whole=True, slider=(1, 1_000_000, "log", 120)),
        Number("workloads", "Workloads", "entries", "", 10_000, 0,
               100_000_000, ("workloads",), whole=True, slider=(1, 10_000_000, "log", 140)),
        Choice("datastore", "Datastore", "", {
            name: Option(label, {"datastore": "mariadb" if name == "mysql" else name}, {"datastore": name},
                         f"--datastore {name}")
            for name, label in STORES.items()
        }),
        Choice("spire", "SPIRE", "", {
            "full_cache": _version("full_cache", None, "v1.8.3 and later"),
            "events_cache": _version("events_cache", None, "v1.8.7 and later, events-based cache"),
            "full_cache-v1.8.2": _version("full_cache", "v1.8.2", "v0.12 to v1.8.2"),
            "crawl_cached": _version("crawl_cached", None, "v0.10 and v0.11"),
            "crawl": _version("crawl", None, "before v0.10"),
        }),
        Choice("topology", "Topology", "", {
            "single": Option("one trust domain", {"topology": "single"}, {}, ""),
            "nested": Option("nested below a root", {"topology": "nested"}, {}, "--topology nested"),
            "federated": Option("federated trust domains", {"topology": "federated"}, {}, "--topology federated"),
        }),
        Number("clusters", "Clusters or domains", "", "", 5, 2, 1000,
               ("clusters",), whole=True, slider=(2, 100, "log", 60)),
    ],
    "Entries": [
        Number("entries-per-agent", "Entries of one agent", "", "More than its share where agents hold the same "
               "entries. A list of all agents: capmodel size --entries-by-agent.", None, 0, 100_000_000,
               ("entries_per_agent",), empty="workloads / agents"),
        Number("zipf-exponent", "Unevenness over agents", "Zipf exponent", "0: all agents hold as many; 1: a few "
               "hold most.", 0, 0, 5, ("zipf_exponent",), slider=(0, 2, "linear", 40)),
        Number("selectors-per-entry", "Selectors of an entry", "", "Such as k8s:ns and k8s:sa.", 2, 1, 100,
               ("selectors_per_entry",)),
        Number("dns-names-per-entry", "DNS names of an entry", "", "Names in the SVID beside the SPIFFE ID.", 0, 0, 100,
               ("dns_names_per_entry",)),
        Number("node-selectors-per-agent", "Selectors of a node", "", "What node attestation says of an agent.", 0, 0,
               1000, ("node_selectors_per_agent",)),
    ],
    "Lifetimes and intervals": [
        Number("x509-ttl", "X509-SVID lifetime", "s", "Agents renew at about half of it.", spire.X509_TTL_S, 60, _YEAR,
               ("x509_ttl_s",), slider=(300, _WEEK, "log", 120)),
        Number("agent-ttl", "Agent SVID lifetime", "s", "Each agent renews its own at about half of it.",
               spire.AGENT_TTL_S, 60, _YEAR, ("agent_ttl_s",), slider=(300, _WEEK, "log", 120)),
        Choice("reattests", "Agents renew by", "Some attestors, such as k8s_psat since v1.9, attest anew.", {
            "no": Option("a new SVID for the old one", {"reattests": False}, {}, ""),
            "yes": Option("attesting anew", {"reattests": True}, {"reattests": True}, "--reattests"),
        }),
        Number("ca-ttl", "CA lifetime", "s", "A nested server has its CA signed twice in it.", spire.CA_TTL_S, 3600,
               315_360_000, ("ca_ttl_s",), slider=(3600, _YEAR, "log", 120)),
        Number("sync-interval", "Sync interval", "s", "Pause between two syncs of an agent.", spire.SYNC_INTERVAL_S,
               0.1, _DAY, ("sync_interval_s",), slider=(1, 60, "log", 60)),
        Number("reload-interval", "Cache reload interval", "s", "Pause between two reloads of a server's cache.",
               spire.RELOAD_INTERVAL_S, 0.1, _DAY, ("reload_interval_s",), slider=(1, 60, "log", 60)),
    ],
    "JWT-SVIDs": [
        Number("jwt-per-s", "JWT-SVIDs signed", "a second", "By all servers together, tokens from caches left out.", 0,
               0, 1_000_000, ("jwt_per_s",), slider=(0.1, 10_000, "log", 100)),
        Number("jwt-pairs-per-agent", "Identities and audiences", "pairs an agent", "If you know requests rather than "
               "signatures.", 0, 0, 100_000, ("jwt_pairs_per_agent",)),
        Number("jwt-requests-per-pair", "Requests for each pair", "a second", "One signature answers many.", 0,
               0, 1_000_000, ("jwt_requests_per_pair_s",)),
        Number("jwt-ttl", "JWT-SVID lifetime", "s", "An agent keeps a token for about half of it.", spire.JWT_TTL_S, 60,
               _YEAR, ("jwt_ttl_s",)),
    ],
    "Changes": [
        Number("changes-per-s", "Entries created or deleted", "a second", "Half of each.", 0, 0, 100_000,
               ("changes_per_s",), slider=(0.01, 1000, "log", 100)),
        Number("updates-per-s", "Entries changed", "a second", "Each agent that holds one has its SVID signed anew.", 0,
               0, 100_000, ("updates_per_s",), slider=(0.01, 1000, "log", 100)),
    ],
    "Other trust domains and servers": [
        Number("federated-domains", "Federated trust domains", "", "That an agent's entries federate with.", 0, 0,
               10_000, ("federated_domains",), whole=True),
        Number("federated-peers", "Bundle endpoints polled", "", "Trust domains whose bundles the servers fetch.", 0, 0,
               10_000, ("federated_peers",), whole=True),
        Number("downstream-servers", "Servers below", "", "Nested servers whose CA these servers sign.", 0, 0,
               1_000_000, ("downstream_servers",), whole=True),
    ],
    "Machines and network": [
        Number("datastore-round-trip-time", "Round trip to the datastore", "ms", "A sync waits for several of them.", 0,
               0, 10_000, ("datastore_round_trip_time_s",), factor=0.001, slider=(0, 100, "linear", 100)),
        Number("machine-speed", "Speed of a server's core", "measured = 1", "Against the machine of the measured runs.",
               1, 0.1, 10, ("machine_speed",), slider=(0.25, 4, "log", 80)),
        Number("datastore-speed", "Speed of the datastore's core", "measured = 1", "As the servers' if empty.", None,
               0.1, 10, ("datastore_speed",), empty="as the servers'"),
        Number("cores-taken", "Cores taken by others", "on each server's host", "What other processes there use.", 0, 0,
               1000, ("cores_taken",)),
        Choice("ca-key-type", "CA key", "RSA signs more slowly than elliptic curves.", {
            name: Option(name, {"ca_key_type": name}, {"ca_key_type": name}, f"--ca-key-type {name}")
            for name in spire.CA_KEY_TYPES
        }),
    ],
    "Limits": [
        Number("max-utilization", "Utilization, at most", "% of the cores", "Of servers and of the datastore.", 60, 1,
               99, ("max_utilization",), factor=0.01, slider=(5, 95, "linear", 90)),
        Number("max-response-time", "Response time, at most", "s", "Mean of a sync.", 1, 0.001, 3600,
               ("max_response_time_s",), slider=(0.01, 10, "log", 60)),
        Number("spare-servers", "Servers to spare", "", "May be lost without a limit being broken; SQLite has none.", 1,
               0, shapes.SERVER_RUNGS[-1] - 1, ("spare_servers",), whole=True),
        Choice("level", "Intervals", "A limit must hold at the upper end of this interval.", {
            f"{level:g}": Option(percent(level),
                                 {"level": level, "quantile": normal_quantile(level)}, {}, f"--level {level:g}")
            for level in sorted(LEVELS, key=lambda level: level != 0.9)
        }),
    ],
    "Prices": [
        Number("price-core", "Core of a server", "an hour", "With it the cheapest shape is chosen, in any currency.",
               None, 1e-6, 1_000_000, ("core_per_hour",), empty="none"),
        Number("price-gb", "GB of a server's memory", "an hour", "", None, 0, 1_000_000, ("gb_per_hour",),
               empty="none"),
        Number("price-datastore-core", "Core of the datastore", "an hour", "With its memory, storage and any standby.",
               None, 0, 1_000_000, ("datastore_core_per_hour",), empty="none"),
        Number("price-server", "Server of any size", "an hour", "Such as its disk, or what its upkeep is worth.", None,
               0, 1_000_000, ("server_per_hour",), empty="none"),
    ],
}  # fmt: skip

#: Examples: what each control says that differs from its default.
PRESETS: dict[str, dict[str, Any]] = {
    "laptop": {"agents": 1, "workloads": 10, "datastore": "sqlite"},
    "100 nodes": {"agents": 100, "workloads": 1000},
    "1,000 nodes": {"agents": 1000, "workloads": 10_000},
    "5,000 nodes": {},
    "100,000 nodes, nested": {"agents": 100_000, "workloads": 200_000, "topology": "nested", "clusters": 20},
}


def listed() -> list[dict[str, Any]]:
    """Return the controls as plain values, for ``fleet.js``."""
    found: list[dict[str, Any]] = []
    for control in (item for group in GROUPS.values() for item in group):
        if isinstance(control, Number):
            found.append({
                "name": control.name, "label": control.label, "start": started(control),
                "low": control.low, "high": control.high, "whole": control.whole, "factor": control.factor,
                "sets": list(control.sets),
            })  # fmt: skip
        else:
            options = {name: option._asdict() for name, option in control.options.items()}
            found.append({"name": control.name, "start": next(iter(options)), "options": options})
    return found


def started(control: Number) -> str:
    """Write the default of a number as its field holds it."""
    return "" if control.start is None else f"{control.start:.15g}"
