"""What SPIRE's code fixes: modes, intervals, limits, and the work in each operation.

Nothing here is fitted. Every constant names the line of SPIRE's source that sets it, as ``tag path:line``. What the
work costs on a machine is estimated in :mod:`capmodel.costs`.

The functions are scalar and use plain arithmetic only, because the site's calculators are translated from them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

#: Seconds between the end of one agent sync and the start of the next, mean of uniform 0.9 to 1.1 of it.
#: v1.15.3 pkg/agent/manager/config.go:63-65, jitter pkg/common/backoff/backoff.go:14-46
SYNC_INTERVAL_S = 5.0
#: Seconds between the end of one cache reload and the start of the next. v1.15.3 pkg/server/endpoints/endpoints.go:55
RELOAD_INTERVAL_S = 5.0
#: Age at which the server closes an agent's connection, still so today. v0.9.2 pkg/server/endpoints/endpoints.go:36
CONNECTION_AGE_S = 180.0
#: Most signing requests in one call of an agent. v1.15.3 pkg/server/api/limits/limits.go
SIGNING_BATCH_LIMIT = 500
#: Entries an agent may hold before a sync carries ids and revisions only. v1.15.3 pkg/server/api/entry/v1/service.go:26
ENTRY_PAGE_SIZE = 500
#: Entries in a page of a cache reload since v1.9.0. v1.15.3 pkg/server/cache/entrycache/fullcache_ds.go:22
RELOAD_PAGE_SIZE = 10_000
#: X509-SVIDs that an agent keeps signed ahead since v1.9.0. v1.15.3 pkg/agent/manager/cache/lru_cache.go:24
SVID_CACHE_SIZE = 1000
#: Seconds by which a certificate is dated back. v1.15.3 pkg/server/credtemplate/builder.go:27-47
BACKDATE_S = 10.0
#: Default lifetimes. v1.15.3 pkg/server/credtemplate/builder.go:27-47
X509_TTL_S = 3600.0
JWT_TTL_S = 300.0
AGENT_TTL_S = 3600.0
CA_TTL_S = 86_400.0
#: Seconds between two bundle requests of a downstream server.
#: v1.15.3 pkg/server/plugin/upstreamauthority/spire/spire.go:31,313-347
DOWNSTREAM_POLL_S = 5.0
#: Seconds between two requests for a peer's bundle: a quarter of the endpoint's default hint of 5 min.
#: v1.15.3 pkg/server/bundle/client/manager.go:24-34, pkg/common/bundleutil/refreshhint.go:15
PEER_POLL_S = 75.0
#: Seconds between two reads of the federation relationships. v1.15.3 pkg/server/bundle/client/manager.go:29
PEER_LIST_S = 10.0
#: Attestations a second from one address that one server accepts. v1.15.3 pkg/server/api/limits/limits.go
ATTESTATIONS_PER_S = 1.0
#: Signatures a second for one address that one server makes. v1.15.3 pkg/server/api/limits/limits.go
SIGNATURES_PER_S = 500.0
#: Idle datastore connections that a server keeps: Go's default of 2 until v1.11, 100 from v1.12.0 (pull request 5802).
#: v1.15.3 pkg/server/datastore/sqlstore/sqlstore.go:1146-1157
IDLE_CONNECTIONS_BEFORE_V1_12 = 2
#: Datastore connections that a server opens at most since v1.8.7 (pull request 4656; no limit before), and keeps idle
#: since v1.12.0. v1.15.3 pkg/server/datastore/sqlstore/sqlstore.go:1147-1157
OPEN_CONNECTIONS = 100
#: Round trips to the datastore that the one attested-node transaction of a request waits for (BEGIN, PREPARE, EXECUTE,
#: ROLLBACK). v1.15.3 pkg/server/datastore/sqlstore/sqlstore.go:614-648 in v0.9.2's numbering
TRANSACTION_ROUND_TRIPS = 4

#: How long a server of v0.10 and v0.11 keeps what lies below an id that it has crawled.
#: v0.10.2 pkg/server/util/regentryutil/fetch.go:14,73-76; v0.11.3 pkg/server/util/regentryutil/fetch.go:16,76-78
SUBTREE_CACHE_S = 1.0

#: Federated bundles that an agent fetches at a time. v1.15.3 pkg/agent/client/client.go:35,709-760
FEDERATED_WORKERS = 10

#: How a server tells which entries an agent may have, in the order in which releases brought it.
SYNC_MODES = ("crawl", "crawl_cached", "full_cache", "events_cache")
DATASTORES = ("sqlite", "postgresql", "mariadb")
CA_KEY_TYPES = ("ec-p256", "ec-p384", "rsa-2048", "rsa-4096")

#: Version that the runs of each mode were measured on, and so the one a mode stands for when none is given.
MODE_VERSIONS = {"crawl": "v0.9.3", "crawl_cached": "v0.10.2", "full_cache": "v1.15.3", "events_cache": "v1.15.3"}

#: Releases that have each mode: the first one, and the first one without it. The entry cache replaced the crawl
#: between v0.11 and v0.12: v0.11.3 pkg/server/endpoints/node/handler.go:288 still crawls. v1.8.7
#: cmd/spire-server/cli/run/run.go (flag of the events cache)
MODE_RELEASES = {
    "crawl": ("v0.0.0", "v0.10.0"),
    "crawl_cached": ("v0.10.0", "v0.12.0"),
    "full_cache": ("v0.12.0", ""),
    "events_cache": ("v1.8.7", ""),
}


class Operation(NamedTuple):
    """One kind of request or background task, and whether a datastore waits on it.

    Examples
    --------
    >>> [operation.name for operation in OPERATIONS][:3]
    ['sync', 'sync_entries', 'get_entries']
    >>> OPERATIONS[0].does
    'an agent fetches its entries and the bundle'
    """

    name: str
    does: str
    source: str


#: The operations that a deployment runs, each with the line that gives its work.
OPERATIONS = (
    Operation(
        "sync",
        "an agent fetches its entries and the bundle",
        "v1.15.3 pkg/agent/client/client.go:222; v0.9.2 pkg/agent/manager/sync.go:29-33",
    ),
    Operation("sync_entries", "the entries alone", "v1.15.3 pkg/server/api/entry/v1/service.go:454-460"),
    Operation("get_entries", "the entries alone, by the older call", "v0.12.3 pkg/agent/client/client.go:311"),
    Operation("get_bundle", "the trust bundle, cached for 1 s", "v1.15.3 pkg/server/api/bundle/v1/service.go:84"),
    Operation(
        "sync_federated",
        "a sync and the bundle of each federated trust domain",
        "v1.15.3 pkg/server/api/middleware/authorization_opa.go:80-108",
    ),
    Operation("connect", "a TLS handshake", "v1.15.3 pkg/server/endpoints/bundle/cache.go:19-78"),
    Operation("connect_and_sync", "a TLS handshake, then a sync", "v1.15.3 pkg/server/endpoints/endpoints.go"),
    Operation("sign_x509", "a batch of X509-SVIDs", "v1.15.3 pkg/agent/manager/sync.go:171-205"),
    Operation("sign_jwt", "a JWT-SVID", "v1.15.3 pkg/server/ca/ca.go:365-393"),
    Operation("renew_agent", "an agent's own SVID", "v1.15.3 pkg/server/api/agent/v1/service.go:294-420"),
    Operation("post_status", "an agent's report at its start", "v1.15.3 pkg/agent/manager/manager.go:211"),
    Operation("create_join_token", "a join token", "v1.15.3 pkg/server/datastore/sqlstore/sqlstore.go"),
    Operation(
        "create_join_token_and_attest",
        "a join token, then a new agent's attestation",
        "v1.15.3 pkg/server/api/agent/v1/service.go:294-420",
    ),
    Operation(
        "create_entry",
        "a batch of new registration entries",
        "v1.15.3 pkg/server/datastore/sqlstore/sqlstore.go:510-538,2634-2701",
    ),
    Operation(
        "update_entry", "a batch of changed entries", "v1.15.3 pkg/server/datastore/sqlstore/sqlstore.go:4095-4205"
    ),
    Operation(
        "delete_entry", "a batch of deleted entries", "v1.15.3 pkg/server/datastore/sqlstore/sqlstore.go:4207-4246"
    ),
    Operation("create_and_delete_entry", "a batch created, then deleted", "the two above"),
    Operation("list_entries", "all entries, in pages of 500", "v1.15.3 pkg/server/api/entry/v1/service.go"),
    Operation("reload", "the whole entry set read again", "v1.15.3 pkg/server/endpoints/entryfetcher.go:64-85"),
    Operation(
        "poll_events",
        "the event tables asked for changes",
        "v1.15.3 pkg/server/endpoints/authorized_entryfetcher_registration_entries.go:46-136",
    ),
    Operation("attest", "a new agent's attestation", "v1.15.3 pkg/server/api/agent/v1/service.go:294-420"),
    Operation(
        "reattest",
        "an agent's attestation anew instead of a renewal",
        "v1.15.3 pkg/server/api/agent/v1/service.go:294-420, pkg/server/datastore/sqlstore/sqlstore.go:387-470",
    ),
    Operation("sign_ca", "a downstream server's intermediate CA", "v1.15.3 pkg/server/api/svid/v1/service.go:603-662"),
    Operation(
        "poll_peer", "another trust domain's bundle asked for", "v1.15.3 pkg/server/bundle/client/manager.go:24-34"
    ),
    Operation(
        "list_peers",
        "the federation relationships read with their bundles",
        "v1.15.3 pkg/server/bundle/client/manager.go:29, pkg/server/datastore/sqlstore/sqlstore.go:4469-4508",
    ),
)


def family(sync_mode: str, operation: str) -> str:
    """Return the group of operations that share one set of unit costs.

    Parameters
    ----------
    sync_mode : str
        One of `SYNC_MODES`.
    operation : str
        Name of an operation.

    Returns
    -------
    str
        ``"crawl"`` (a sync that walks the datastore), ``"cache"`` (every other request), ``"reload"`` or ``"poll"``.

    Examples
    --------
    >>> family("full_cache", "sync")
    'cache'
    """
    if operation == "reload":
        return "reload"
    if operation == "poll_events":
        return "poll"
    crawls = sync_mode == "crawl" or sync_mode == "crawl_cached"
    if crawls and (operation == "sync" or operation == "connect_and_sync"):
        return "crawl"
    return "cache"


def upkeep(sync_mode: str) -> str:
    """Return how a server keeps its cache of all entries up to date, beside the syncs.

    Parameters
    ----------
    sync_mode : str
        One of `SYNC_MODES`.

    Returns
    -------
    str
        ``"reload"`` (all is read anew), ``"poll"`` (the event tables tell what changed), each a :func:`family` of its
        own, or nothing where no cache of all entries is kept: a crawl asks the datastore.

    Notes
    -----
    Source: v1.15.3 pkg/server/endpoints/endpoints.go:55, pkg/server/endpoints/entryfetcher.go:64-85,
    pkg/server/endpoints/authorized_entryfetcher_registration_entries.go:46-136.

    Examples
    --------
    >>> [upkeep(mode) for mode in SYNC_MODES]
    ['', '', 'reload', 'poll']
    """
    if sync_mode == "full_cache":
        return "reload"
    if sync_mode == "events_cache":
        return "poll"
    return ""


def writes(operation: str) -> bool:
    """Tell whether an operation changes what the datastore holds.

    Parameters
    ----------
    operation : str
        Name of an operation in `OPERATIONS`.

    Returns
    -------
    bool
        True for registration, join tokens, attestation, renewal and status.

    Notes
    -----
    Source: the statements counted in :func:`work`; v1.15.3 pkg/server/datastore/sqlstore/sqlstore.go:510-1013.

    Examples
    --------
    >>> writes("sync"), writes("create_entry")
    (False, True)
    """
    registration = operation in ("create_entry", "update_entry", "delete_entry", "create_and_delete_entry")
    agent = operation in (
        "create_join_token",
        "create_join_token_and_attest",
        "renew_agent",
        "post_status",
        "attest",
        "reattest",
    )
    return registration or agent


def subtree_hits(asked_per_s: float) -> float:
    """Return with which probability a server still knows what lies below an id.

    Parameters
    ----------
    asked_per_s : float
        How often other agents ask that server for the id.

    Returns
    -------
    float
        0 where no other agent does: an agent's own answer is too old when it asks again.

    Notes
    -----
    An answer is kept for :data:`SUBTREE_CACHE_S` from when it was read, and not renewed by being used, so with requests
    at random it is there for T of every T + 1 / rate seconds: rate T / (1 + rate T). However many agents ask, an id is
    read once in T at the most. Requests that come while it is read miss too, which is left out: a read takes a small
    part of a second. The agent's own id is never kept (v0.10.2 pkg/server/util/regentryutil/fetch.go:49-77,
    cache.go:41-60). The hit is arithmetic from the source; no measured run has agents that share ids.

    Examples
    --------
    >>> subtree_hits(0.0), subtree_hits(3.0)
    (0.0, 0.75)
    """
    expected = asked_per_s * SUBTREE_CACHE_S
    return expected / (1.0 + expected)


def sync_work(
    sync_mode: str, entries_per_agent: float, node_selectors_per_agent: float, cached_share: float = 0.0
) -> dict[str, float]:
    """Count the work in one sync.

    A crawl visits the agent's id and each entry's id, one list and one node-selector query each; an agent with node
    selectors adds one list by selectors. A cached sync is two calls, one of which reads the attested node.

    Parameters
    ----------
    sync_mode : str
        One of `SYNC_MODES`.
    entries_per_agent : float
        Registration entries whose parent is the agent.
    node_selectors_per_agent : float
        Selectors of the agent's node.
    cached_share : float
        Share of the entries' ids that a crawl finds in the server's cache, see :func:`subtree_hits`.

    Returns
    -------
    dict of str to float
        Work items and how many of each, in the family's own units.

    Notes
    -----
    Source: v0.10.2 pkg/server/util/regentryutil/fetch.go:49-78; v1.15.3 pkg/server/endpoints/middleware.go:61-126,
    pkg/server/api/entry/v1/service.go:454-488.

    Examples
    --------
    >>> sync_work("full_cache", 10, 0)
    {'rpc': 2.0, 'transaction': 1.0, 'entry_sent': 10.0}
    """
    if family(sync_mode, "sync") == "crawl":
        visits = 1.0 + entries_per_agent * (1.0 - cached_share)
        work = {"crawl": 1.0, "visit": visits}
        if node_selectors_per_agent > 0:
            work["selector_list"] = 1.0
        return work
    work = {"rpc": 2.0, "transaction": 1.0}
    if entries_per_agent > ENTRY_PAGE_SIZE:
        work["revision_sent"] = entries_per_agent * 1.0
    else:
        work["entry_sent"] = entries_per_agent * 1.0
    return work


def work(
    *,
    operation: str,
    sync_mode: str,
    batch_size: float,
    federated_domains: float,
    entries_per_agent: float,
    agents: float,
    entries: float,
    selectors_per_entry: float,
    node_selectors_per_agent: float,
    dns_names_per_entry: float,
    ca_key_type: str,
    cached_share: float = 0.0,
) -> dict[str, float]:
    """Count the work in one operation.

    Parameters
    ----------
    operation : str
        Name of an operation in `OPERATIONS`.
    sync_mode : str
        One of `SYNC_MODES`.
    batch_size : float
        Requests in one call, for signing and for writes.
    federated_domains : float
        Federated bundles fetched in one operation.
    entries_per_agent, agents, entries : float
        Entries of the calling agent; attested agents and registration entries in the datastore.
    selectors_per_entry, node_selectors_per_agent, dns_names_per_entry : float
        Rows that hang on an entry or an agent.
    ca_key_type : str
        Key type of the server's CA and JWT keys.
    cached_share : float
        As in :func:`sync_work`.

    Returns
    -------
    dict of str to float
        Work items and how many of each.

    Raises
    ------
    ValueError
        If the operation is unknown.

    Notes
    -----
    An RPC authorised for an agent reads its attested node in one transaction (v1.15.3
    pkg/server/endpoints/middleware.go:61-126); a federated bundle adds two transactions and a list by SPIFFE id
    (pkg/server/api/middleware/authorization_opa.go:80-108, pkg/server/api/bundle/v1/service.go:259). Statements of a
    write: pkg/server/datastore/sqlstore/sqlstore.go:510-538, 4095-4246.

    Examples
    --------
    >>> work(operation="sign_x509", sync_mode="full_cache", batch_size=10, federated_domains=0, entries_per_agent=10,
    ...      agents=1, entries=10, selectors_per_entry=2, node_selectors_per_agent=0, dns_names_per_entry=0,
    ...      ca_key_type="ec-p256")
    {'rpc': 1.0, 'transaction': 1.0, 'x509_signature:ec-p256': 10.0}
    """
    if operation == "sync" or operation == "sync_federated" or operation == "connect_and_sync":
        items = sync_work(sync_mode, entries_per_agent, node_selectors_per_agent, cached_share)
        if operation == "sync_federated":
            items = sync_work("full_cache", entries_per_agent, node_selectors_per_agent)
            items["rpc"] = items["rpc"] + federated_domains
            items["transaction"] = items["transaction"] + 2.0 * federated_domains
            items["entry_list"] = federated_domains * 1.0
        if operation == "connect_and_sync":
            items["handshake"] = 1.0
        return items
    if operation == "connect":
        return {"handshake": 1.0}
    if operation == "sync_entries" or operation == "get_entries":
        items = sync_work("full_cache", entries_per_agent, node_selectors_per_agent)
        items["rpc"] = 1.0
        return items
    if operation == "get_bundle":
        return {"rpc": 1.0}
    if operation == "sign_x509":
        return {"rpc": 1.0, "transaction": 1.0, "x509_signature:" + ca_key_type: batch_size * 1.0}
    if operation == "sign_jwt":
        return {"rpc": 1.0, "transaction": 1.0, "jwt_signature:" + ca_key_type: 1.0}
    if operation == "renew_agent":
        return {"rpc": 1.0, "transaction": 2.0, "write_statement": 5.0, "x509_signature:" + ca_key_type: 1.0}
    if operation == "post_status":
        return {"rpc": 1.0, "transaction": 1.0, "write_statement": 5.0}
    if operation == "create_join_token":
        return {"rpc": 1.0, "write_statement": 3.0}
    if operation == "create_join_token_and_attest":
        return {
            "rpc": 2.0,
            "handshake": 1.0,
            "transaction": 1.0,
            "write_statement": 18.0,
            "x509_signature:" + ca_key_type: 1.0,
        }
    if operation == "create_entry":
        return {
            "rpc": 1.0,
            "entry_write_statement": created_statements(selectors_per_entry, dns_names_per_entry) * batch_size,
            "entry_created": batch_size * 1.0,
        }
    if operation == "update_entry":
        return {"rpc": 1.0, "entry_write_statement": 8.0 * batch_size, "entry_updated": batch_size * 1.0}
    if operation == "delete_entry":
        return {"rpc": 1.0, "entry_write_statement": 11.0 * batch_size, "entry_deleted": batch_size * 1.0}
    if operation == "create_and_delete_entry":
        statements = created_statements(selectors_per_entry, dns_names_per_entry) + 11.0
        return {
            "rpc": 2.0,
            "entry_write_statement": statements * batch_size,
            "entry_created": batch_size * 1.0,
            "entry_deleted": batch_size * 1.0,
        }
    if operation == "list_entries":
        return {"rpc": math.ceil(entries / 500) * 1.0, "entry_listed": entries * 1.0}
    if operation == "reload":
        return {
            "reload": 1.0,
            "entry_read": entries * 1.0,
            "entry_detail_read": entries * (selectors_per_entry + dns_names_per_entry),
            "agent_read": agents * 1.0,
            "node_selector_read": agents * node_selectors_per_agent,
        }
    if operation == "poll_events":
        return {"poll": 1.0}
    if operation == "attest":
        return {
            "rpc": 1.0,
            "handshake": 1.0,
            "transaction": 1.0,
            "write_statement": 15.0,
            "x509_signature:" + ca_key_type: 1.0,
        }
    if operation == "reattest":
        return {
            "rpc": 1.0,
            "transaction": 1.0,
            "write_statement": 10.0 + node_selectors_per_agent,
            "x509_signature:" + ca_key_type: 1.0,
        }
    if operation == "sign_ca":
        return {"rpc": 1.0, "transaction": 1.0, "entry_list": 1.0, "x509_signature:" + ca_key_type: 1.0}
    if operation == "poll_peer":
        return {"handshake": 1.0, "transaction": 1.0}
    if operation == "list_peers":
        return {"transaction": 1.0 + federated_domains / 3.0}
    raise ValueError("operation: got " + operation + ", expected a name in spire.OPERATIONS")


def created_statements(selectors_per_entry: float, dns_names_per_entry: float) -> float:
    """Count the statements of creating one entry on PostgreSQL, BEGIN and COMMIT among them.

    Parameters
    ----------
    selectors_per_entry, dns_names_per_entry : float
        Rows written beside the entry.

    Returns
    -------
    float
        9 + selectors + DNS names: 11 for an entry with two selectors.

    Notes
    -----
    Source: v1.15.3 pkg/server/datastore/sqlstore/sqlstore.go:510-538, 2634-2701, 4965-4986.

    Examples
    --------
    >>> created_statements(2, 0)
    11.0
    """
    return 9.0 + selectors_per_entry + dns_names_per_entry


def datastore_statements(
    *,
    operation: str,
    sync_mode: str,
    batch_size: float,
    federated_domains: float,
    entries_per_agent: float,
    selectors_per_entry: float,
    node_selectors_per_agent: float,
    cached_share: float = 0.0,
) -> float:
    """Count the statements that PostgreSQL executes for one operation.

    Parameters
    ----------
    operation, sync_mode : str
        As in :func:`work`.
    batch_size, federated_domains, entries_per_agent, selectors_per_entry, node_selectors_per_agent : float
        As in :func:`work`.
    cached_share : float
        As in :func:`sync_work`.

    Returns
    -------
    float
        BEGIN and COMMIT or ROLLBACK are counted, a prepare is not; ``nan`` where SPIRE's code does not fix the number
        for one operation alone (a list of all entries, a reload: see :func:`reload_statements`).

    Notes
    -----
    A read transaction is 3 statements. A crawl is 2 statements a visited id plus one transaction (v0.9.3; the bundle
    is cached for 1 s). A federated bundle is two transactions and one list.

    Examples
    --------
    >>> datastore_statements(operation="sync", sync_mode="crawl", batch_size=1, federated_domains=0,
    ...                      entries_per_agent=10, selectors_per_entry=2, node_selectors_per_agent=0)
    25.0
    """
    transaction = 3.0
    if operation == "sync" or operation == "connect_and_sync" or operation == "sync_federated":
        if family(sync_mode, "sync") == "crawl":
            statements = 2.0 * (1.0 + entries_per_agent * (1.0 - cached_share)) + transaction
            if node_selectors_per_agent > 0:
                statements = statements + 1.0
            return statements
        return transaction + 7.0 * federated_domains if operation == "sync_federated" else transaction
    if operation == "get_bundle" or operation == "connect":
        return 0.0
    if operation in ("sync_entries", "get_entries", "sign_x509", "sign_jwt"):
        return transaction
    if operation == "renew_agent":
        return 11.0
    if operation == "post_status":
        return 8.0
    if operation == "create_join_token":
        return 3.0
    if operation == "create_join_token_and_attest":
        return 21.0
    if operation == "attest":
        return 18.0
    if operation == "reattest":
        return 13.0 + node_selectors_per_agent
    if operation == "sign_ca":
        return transaction + 1.0
    if operation == "poll_peer":
        return transaction
    if operation == "list_peers":
        return transaction + federated_domains
    if operation == "create_entry":
        return created_statements(selectors_per_entry, 0.0) * batch_size
    if operation == "update_entry":
        return 8.0 * batch_size
    if operation == "delete_entry":
        return 11.0 * batch_size
    if operation == "create_and_delete_entry":
        return (created_statements(selectors_per_entry, 0.0) + 11.0) * batch_size
    return math.nan


def renewal_period(ttl_s: float, check_interval_s: float, jittered: bool) -> float:
    """Return the mean time from one signature of an SVID to the next.

    Parameters
    ----------
    ttl_s : float
        Lifetime asked for, in seconds.
    check_interval_s : float
        Time from one check to the next (think time plus response time of a sync), in seconds.
    jittered : bool
        Whether the half-life is drawn anew within 10 % at every check, as since v1.8.3.

    Returns
    -------
    float
        Seconds; never less than one check interval.

    Notes
    -----
    With h = (ttl + 10) / 2, delta = h / 10 and s the check interval the jittered period is
    ttl - 1.1 h + sqrt(pi delta s) - s / 2, about 0.46 of the lifetime (v1.15.3
    pkg/common/rotationutil/rotationutil.go:90-132). Before, an SVID was renewed at the first check past half its
    lifetime: ttl / 2 - 5 + s / 2 (v0.10.2 pkg/common/rotationutil/rotationutil.go:39-43).

    Examples
    --------
    >>> round(renewal_period(3600, 5, True), 1)
    1665.2
    """
    half_life = (ttl_s + BACKDATE_S) / 2.0
    if jittered:
        delta = half_life / 10.0
        period = ttl_s - 1.1 * half_life + math.sqrt(math.pi * delta * check_interval_s) - check_interval_s / 2.0
    else:
        period = ttl_s - half_life + check_interval_s / 2.0
    return max(period, check_interval_s)


def signing_calls(svids: float, ttl_s: float, check_interval_s: float, jittered: bool) -> float:
    """Return how many calls an agent makes to renew all its SVIDs once.

    Parameters
    ----------
    svids : float
        SVIDs that the agent keeps.
    ttl_s, check_interval_s : float
        As in :func:`renewal_period`.
    jittered : bool
        As in :func:`renewal_period`.

    Returns
    -------
    float
        Expected number of checks at which at least one SVID is due, at least `svids` / 500.

    Notes
    -----
    SVIDs of one agent that were signed together are due apart: x checks after the first at which one can be due, the
    chance is x s / (2 delta). Before v1.8.3 they stay together. Calls hold at most 500 requests.

    Examples
    --------
    >>> signing_calls(10, 3600, 5, False)
    1.0
    """
    fewest = math.ceil(svids / SIGNING_BATCH_LIMIT) * 1.0
    if not jittered or svids <= 1.0:
        return min(svids, fewest)
    delta = (ttl_s + BACKDATE_S) / 20.0
    checks = 2.0 * delta / check_interval_s
    # Checks are taken one by one, or in groups of `step` where there are many; within a group the chance is even.
    step = max(math.sqrt(checks) / 16.0, 1.0)
    calls = 0.0
    left = 1.0
    passed = 0.5
    for _ in range(200):
        if left <= 1e-9:
            break
        due = left * (1.0 - (1.0 - min((passed + 0.5 * (step - 1.0)) / checks, 1.0)) ** step)
        calls = calls + step * (1.0 - (1.0 - due / step) ** svids)
        left = left - due
        passed = passed + step
    return max(calls, fewest)


def jittered_renewal(spire_version: str) -> bool:
    """Tell whether a version draws its renewal point anew at every check.

    Parameters
    ----------
    spire_version : str
        A release such as ``"v1.15.3"``.

    Returns
    -------
    bool
        True since v1.8.3.

    Examples
    --------
    >>> jittered_renewal("v1.8.2"), jittered_renewal("v1.10.0")
    (False, True)
    """
    return version_tuple(spire_version) >= (1, 8, 3)


def version_tuple(spire_version: str) -> tuple[int, int, int]:
    """Split a release name into numbers.

    Parameters
    ----------
    spire_version : str
        ``"v1.15.3"`` or ``"1.15.3"``.

    Returns
    -------
    tuple of int
        Three numbers.

    Raises
    ------
    ValueError
        If the name is not of that form.

    Examples
    --------
    >>> version_tuple("v1.15.3")
    (1, 15, 3)
    """
    parts = str(spire_version).removeprefix("v").split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"spire_version: got {spire_version!r}, expected a release such as 'v1.15.3'")
    return int(parts[0]), int(parts[1]), int(parts[2])


def reload_statements(entries: float) -> float:
    """Count the statements of one full reload on PostgreSQL since v1.9.0.

    Parameters
    ----------
    entries : float
        Registration entries in the datastore.

    Returns
    -------
    float
        Pages of 10 000 entries, one empty page, and one node-selector list.

    Notes
    -----
    Source: v1.15.3 pkg/server/cache/entrycache/fullcache_ds.go:22,50,149.

    Examples
    --------
    >>> reload_statements(120_000)
    14.0
    """
    return math.ceil(entries / RELOAD_PAGE_SIZE) + 2.0


def churn(in_flight: float, half_saturation: float) -> float:
    """Return the weight of connection churn with a pool that keeps two idle connections.

    Parameters
    ----------
    in_flight : float
        Syncs being served by one server at a time.
    half_saturation : float
        Syncs beyond two at which half of the full effect is reached, less two.

    Returns
    -------
    float
        0 up to two in flight, towards 1 beyond.

    Notes
    -----
    A query that finds no idle connection opens one, and a connection returned while two are idle is closed
    (v0.10.2 pkg/server/plugin/datastore/sql/sql.go:679-690; Go's ``database/sql`` keeps two).

    Examples
    --------
    >>> churn(2.0, 6.0), churn(8.0, 6.0)
    (0.0, 0.42857142857142855)
    """
    if in_flight <= IDLE_CONNECTIONS_BEFORE_V1_12:
        return 0.0
    return (in_flight - IDLE_CONNECTIONS_BEFORE_V1_12) / (in_flight + half_saturation)
