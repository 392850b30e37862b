"""An answer as values of the hardened SPIRE Helm chart, each with its reason."""

from __future__ import annotations

import json
import math
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

from capmodel import reach, shapes, spire
from capmodel.answer import written
from capmodel.choice import servers_lost
from capmodel.deployment import operation_rates

if TYPE_CHECKING:
    from capmodel.cluster import Interval
    from capmodel.outcome import ClusterSizing, Sizing

#: Version of the charts spire and spire-nested whose keys are written, and the release of SPIRE that they install.
#: github.com/spiffe/helm-charts-hardened charts/spire/Chart.yaml, charts/spire-nested/Chart.yaml
CHART_VERSION = "0.30.0"
CHART_RELEASE = "v1.15.3"

#: Seconds after which a connection to the datastore is replaced.
CONNECTION_LIFETIME_S = 3600.0

#: What the chart calls the datastores.
_DATABASE_TYPES = {"sqlite": "sqlite3", "postgresql": "postgres", "mariadb": "mysql", "mysql": "mysql"}


class Setting(NamedTuple):
    """One value of a chart.

    Attributes
    ----------
    path : tuple of str
        Its keys, from the outermost.
    value : object
        A string, number, truth value, list or mapping.
    reason : str
        Why it has this value.

    Examples
    --------
    >>> setting = Setting(("spire-server", "caTTL"), "24h", "a new CA every half of it")
    >>> ".".join(setting.path), setting.value
    ('spire-server.caTTL', '24h')
    """

    path: tuple[str, ...]
    value: Any
    reason: str


def values(answer: Sizing) -> str:
    """Write an answer as values files of the hardened SPIRE Helm chart.

    Parameters
    ----------
    answer : Sizing
        From :func:`capmodel.plan.size`.

    Returns
    -------
    str
        YAML, one document a cluster. The reason of each value stands in the comment above it.

    Raises
    ------
    ValueError
        If a cluster's sync mode is older than the chart, or no shape tried holds.

    Notes
    -----
    One trust domain and federated ones are values of the chart ``spire``; nested clusters are values of the chart
    ``spire-nested``.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> print(values(cm.size(cm.Deployment(agents=500, workloads=1000), costs)).splitlines()[0])
    # Values of the chart spire 0.30.0 (SPIRE v1.15.3, github.com/spiffe/helm-charts-hardened).
    """
    documents = []
    for part in answer.clusters:
        lines = _heading(part, answer)
        shown: tuple[str, ...] = ()
        for setting in settings(part, answer.topology):
            *parents, key = setting.path
            common = 0
            while common < min(len(parents), len(shown)) and parents[common] == shown[common]:
                common += 1
            lines += [f"{'  ' * depth}{parents[depth]}:" for depth in range(common, len(parents))]
            indent = "  " * len(parents)
            lines += [*comment(setting.reason, indent), f"{indent}{key}: {json.dumps(setting.value)}"]
            shown = tuple(parents)
        documents.append("\n".join(lines) + "\n")
    return "---\n".join(documents)


def chart_of(topology: str) -> str:
    """Return the chart that a topology is installed with.

    Parameters
    ----------
    topology : str
        Name of the topology.

    Returns
    -------
    str
        ``"spire-nested"`` or ``"spire"``.

    Examples
    --------
    >>> chart_of("nested"), chart_of("single trust domain")
    ('spire-nested', 'spire')
    """
    return "spire-nested" if topology == "nested" else "spire"


def settings(part: ClusterSizing, topology: str) -> list[Setting]:
    """List the values of one cluster.

    Parameters
    ----------
    part : ClusterSizing
        The cluster's answer.
    topology : str
        Name of the topology.

    Returns
    -------
    list of Setting
        In the order in which they are written: keys that share a parent stand together.

    Raises
    ------
    ValueError
        If the cluster's sync mode is older than the chart, or no shape tried holds.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> answer = cm.size(cm.Deployment(agents=500, workloads=1000, x509_ttl_s=7200), costs)
    >>> found = settings(answer.clusters[0], answer.topology)
    >>> [setting.value for setting in found if setting.path[-1] == "defaultX509SvidTTL"]
    ['2h']
    """
    fleet = part.deployment
    if fleet.sync_mode not in ("full_cache", "events_cache"):
        raise ValueError(
            f"sync_mode: got {fleet.sync_mode!r}, expected full_cache or events_cache: the chart installs SPIRE "
            f"{CHART_RELEASE}"
        )
    if not part.holds:
        raise ValueError(f"{part.name}: got a fleet that no shape tried can carry, expected one that holds")
    server, agent, found = "spire-server", "spire-agent", []
    if topology == "nested":
        server, agent = "internal-spire-server", "downstream-spire-agent-full"
        tag, reason = "nestedChildFull", f"a cluster below {part.above}, whose servers sign its CA"
        if part.above is None:
            server, agent = "root-spire-server", "upstream-spire-agent"
            tag, reason = "nestedRoot", f"the root: it signs the CA of {fleet.downstream_servers:g} servers below"
        found.append(Setting(("tags", tag), True, reason))
    for path, value, reason in (*_shape(part, server), *_datastore(part), *_lifetimes(part), *_features(part)):
        found.append(Setting((server, *path), value, reason))
    if fleet.sync_interval_s != spire.SYNC_INTERVAL_S:
        reason = f"seconds between an agent's syncs that were counted with, not the default {spire.SYNC_INTERVAL_S:g}"
        found.append(Setting((agent, "experimental", "enabled"), True, "the next key is read only with this"))
        found.append(Setting((agent, "experimental", "syncInterval"), duration(fleet.sync_interval_s), reason))
    return found


def _heading(part: ClusterSizing, answer: Sizing) -> list[str]:
    """Say what the values are for, what they rest on, and what they leave to the reader."""
    chart, fleet = chart_of(answer.topology), part.deployment
    datastore = ""
    if part.datastore_cores:
        datastore = f", {counted(part.datastore_cores, 'core')} for {fleet.datastore}"
    lines = [
        f"Values of the chart {chart} {CHART_VERSION} (SPIRE {CHART_RELEASE}, github.com/spiffe/helm-charts-hardened).",
        f"{part.name}: {part.agents} agents, {part.workloads} workloads: {counted(part.servers, 'server')} with "
        f"{counted(part.cores_per_server, 'core')} and {part.memory_gb_per_server} GB each{datastore}.",
        f"Figures are estimates with their {written(answer.level, 'share')} intervals. Every limit holds with "
        f"probability {part.chances.every:.2f}{lost(part)}.",
    ]
    if part.cost_per_hour is not None:
        lines.append(f"Costs {part.cost_per_hour.estimate:.4g} an hour, the least at the prices given.")
    if part.datastore_connections is not None:
        pool = part.datastore_connections
        used = part.degraded.utilization["datastore"]
        smaller = part.next_smaller_datastore or {}
        lines += [
            f"The datastore is not part of the chart. Give it {counted(part.datastore_cores, 'core')} of its own: "
            f"utilization {spanned(used)}{lost(part)}, limit {part.limits.max_utilization:.2f}.",
            f"Its max_connections must be at least {pool.datastore_limit}: {part.servers} x {pool.per_server} and a "
            f"reserve of {pool.datastore_limit - pool.all_servers}; {fleet.datastore} accepts {pool.datastore_default} "
            "unless told otherwise.",
        ]
        if "datastore_cores" in smaller:
            lines.append(f"With {counted(smaller['datastore_cores'], 'core')}: {smaller['fails_because']}.")
    lines += [f"Assumes: {line}" for line in reach.assumptions(fleet.inputs(), part.limits, fleet.datastore)]
    lines += [f"Extrapolated: {line}" for line in part.evaluation.extrapolated_because]
    if answer.topology == "nested" and part.above is None:
        lines.append(
            "nestedRoot also installs internal-spire-server and external-spire-server, for workloads beside the root: "
            "they are no part of this answer."
        )
    left = "cluster name, trust domain, CA subject"
    if fleet.datastore != "sqlite":
        left += ", host and credentials of the datastore (dataStore.sql)"
    if part.above is not None:
        left += ", address of the servers above (global.spire.upstreamSpireAddress)"
    if fleet.federated_peers > 0:
        left += ", the other trust domains (controllerManager.identities.clusterFederatedTrustDomains)"
    lines.append(f"Yours to add: {left}.")
    return [shown for line in lines for shown in comment(line)]


def _shape(part: ClusterSizing, server: str) -> list[Setting]:
    """Servers, their cores and memory, and what keeps them apart."""
    limits, fleet, held = part.limits, part.deployment, part.degraded
    used, smaller = held.utilization["server"], part.next_smaller
    reason = (
        f"utilization {spanned(part.evaluation.utilization['server'])}, {spanned(used)}{lost(part)}; limit "
        f"{limits.max_utilization:.2f}; the {part.evaluation.bottleneck} binds"
    )
    if "servers" in smaller and (smaller["servers"], smaller["cores_per_server"]) != (
        part.servers,
        part.cores_per_server,
    ):
        cores = counted(smaller["cores_per_server"], "core")
        reason += f"; {smaller['servers']} with {cores}: {smaller['fails_because']}"
    found = [Setting(("replicaCount",), part.servers, reason)]
    if limits.spare_servers:
        found += [
            Setting(("podDisruptionBudget", "enabled"), True, "evictions take no more servers than are spare"),
            Setting(
                ("podDisruptionBudget", "maxUnavailable"),
                limits.spare_servers,
                f"every limit holds with {counted(limits.spare_servers, 'server')} lost, not with more",
            ),
        ]
    if part.servers > 1:
        name = {"root-spire-server": "root-server", "internal-spire-server": "internal-server"}.get(server, "server")
        spread = {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": name}},
        }
        reason = "servers are counted with hosts of their own, of which the spare ones may be lost"
        found.append(Setting(("topologySpreadConstraints",), [spread], reason))
    own_cores = part.cores_per_server - fleet.cores_taken
    reason = f"{counted(part.cores_per_server, 'core')} a server"
    if fleet.cores_taken > 0:
        reason += f", less {fleet.cores_taken:g} that other processes on its host use"
    each = held.cores_used["server"]
    mean = type(each)(*(max(value / held.servers - fleet.cores_taken, 0.0) for value in each))
    reason += (
        f": it uses {spanned(mean)}{lost(part)}, and bursts need the rest. No limit: one would stop the server for the "
        "rest of each tenth of a second, which no prediction contains"
    )
    most = held.memory_gb_per_server
    memory = f"{part.memory_gb_per_server}G"
    return [
        *found,
        Setting(("resources", "requests", "cpu"), f"{round(1000 * own_cores)}m", reason),
        Setting(("resources", "requests", "memory"), memory, "as much as the limit, so that the server is not evicted"),
        Setting(
            ("resources", "limits", "memory"),
            memory,
            f"{spanned(most, ' GB')}{lost(part)} for {part.workloads} entries, {part.agents} agents and "
            f"{math.ceil(part.agents / held.servers)} connections; the upper end fills "
            f"{written(most.upper / part.memory_gb_per_server, 'share')} of it, limit "
            f"{written(shapes.MEMORY_FILL, 'share')}",
        ),
    ]


def _datastore(part: ClusterSizing) -> list[Setting]:
    """Kind of datastore, and the connections to it."""
    fleet, pool = part.deployment, part.datastore_connections
    sql = ("dataStore", "sql")
    reason = f"the answer is for {fleet.datastore}"
    found = [Setting((*sql, "databaseType"), _DATABASE_TYPES[fleet.datastore], reason)]
    if pool is None:
        return found
    return [
        *found,
        Setting(
            (*sql, "maxOpenConns"),
            pool.per_server,
            f"requests hold {spanned(pool.in_use)} connections of a server on average{lost(part)}, "
            f"{pool.in_use_most} are enough in 999 of 1000 moments, twice the mean lets a fleet catch up, and its own "
            f"loops hold {pool.background}. The chart's 100 could ask the datastore for {100 * part.servers}",
        ),
        Setting(
            (*sql, "maxIdleConns"),
            pool.per_server,
            "as many as may open. The chart keeps 2: the others would be opened and closed all the time, each with its "
            "statements prepared again",
        ),
        Setting(
            (*sql, "connMaxLifetime"),
            duration(CONNECTION_LIFETIME_S),
            f"opens {pool.all_servers / CONNECTION_LIFETIME_S:.2g} connections a second at most, and frees statements "
            "that a connection has prepared, which the server never closes",
        ),
    ]


def _lifetimes(part: ClusterSizing) -> list[Setting]:
    """Lifetimes and key type that the rates of signing were counted with."""
    fleet = part.deployment
    rates = operation_rates(fleet.inputs(), part.servers, part.evaluation.response_time_s.estimate, 0.0)
    per_s = {rate.operation: rate.rate_per_s * rate.batch_size for rate in rates}
    renewed = per_s.get("renew_agent", 0.0) + per_s.get("reattest", 0.0)
    return [
        Setting(("caKeyType",), fleet.ca_key_type, "signatures were counted with this type; the chart's is rsa-2048"),
        Setting(("caTTL",), duration(fleet.ca_ttl_s), "a new CA every half of it; SVIDs end with their CA"),
        Setting(("agentTTL",), duration(fleet.agent_ttl_s), f"{renewed:.3g} agents a second renew"),
        Setting(
            ("defaultX509SvidTTL",),
            duration(fleet.x509_ttl_s),
            f"{per_s.get('sign_x509', 0.0):.3g} X509-SVIDs a second are signed; the chart's is 4h",
        ),
        Setting(
            ("defaultJwtSvidTTL",),
            duration(fleet.jwt_ttl_s),
            f"{per_s.get('sign_jwt', 0.0):.3g} JWT-SVIDs a second are signed; the chart's is 1h",
        ),
    ]


def _features(part: ClusterSizing) -> list[Setting]:
    """Release, cache, federation and metrics."""
    fleet, found = part.deployment, []
    if fleet.spire_version is not None and spire.version_tuple(fleet.spire_version) != spire.version_tuple(
        CHART_RELEASE
    ):
        tag = fleet.spire_version.removeprefix("v")
        reason = f"the release that was asked for; the chart is made for {CHART_RELEASE}"
        found.append(Setting(("image", "tag"), tag, reason))
    events = fleet.sync_mode == "events_cache"
    if events or fleet.reload_interval_s != spire.RELOAD_INTERVAL_S:
        interval = "event tables are asked" if events else "the whole cache is read again"
        found += [
            Setting(("experimental", "enabled"), True, "the keys below are read only with this"),
            Setting(
                ("experimental", "cacheReloadInterval"),
                duration(fleet.reload_interval_s),
                f"seconds between two times that {interval}; an agent's view is "
                f"{spanned(part.evaluation.staleness_s, ' s')} old on average",
            ),
            Setting(
                ("experimental", "eventsBasedCache"),
                events,
                "the answer is for the events cache" if events else "the answer is for the full cache",
            ),
        ]
    if fleet.federated_peers > 0:
        found += [
            Setting(("federation", "enabled"), True, f"for {counted(fleet.federated_peers, 'other trust domain')}"),
            Setting(
                ("federation", "bundleEndpoint", "refreshHint"),
                duration(4.0 * spire.PEER_POLL_S),
                f"each of their servers asks every {spire.PEER_POLL_S:g} s, a quarter of it",
            ),
        ]
    reason = "capmodel size --format rules writes alerts on these metrics"
    return [*found, Setting(("telemetry", "prometheus", "enabled"), True, reason)]


def comment(text: str, indent: str = "") -> list[str]:
    """Write a comment in lines that fit a screen.

    Parameters
    ----------
    text : str
        One sentence or more.
    indent : str
        Spaces before it.

    Returns
    -------
    list of str
        Lines of at most 110 characters; those after the first stand two further in.

    Examples
    --------
    >>> comment("why", "  ")
    ['  # why']
    """
    return textwrap.wrap(text, 110, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ")


def lost(part: ClusterSizing) -> str:
    """Say how many servers are lost where a value counts with it.

    Parameters
    ----------
    part : ClusterSizing
        The cluster's answer.

    Returns
    -------
    str
        Nothing where none is spare.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> answer = cm.size(cm.Deployment(agents=500, workloads=1000), costs)
    >>> lost(answer.clusters[0])
    ' with 1 of 2 servers lost'
    """
    return servers_lost(part.limits, part.servers)


def counted(number: float, noun: str) -> str:
    """Write a number with its noun.

    Parameters
    ----------
    number : float
        How many.
    noun : str
        Of what, one.

    Returns
    -------
    str
        The noun with an s unless it is one.

    Examples
    --------
    >>> counted(1, "core"), counted(2, "core")
    ('1 core', '2 cores')
    """
    return f"{number:g} {noun}{'' if number == 1 else 's'}"


def spanned(interval: Interval, unit: str = "") -> str:
    """Write an estimate with its interval.

    Parameters
    ----------
    interval : Interval
        Estimate and bounds.
    unit : str
        Written after it.

    Returns
    -------
    str
        Three digits each, or as many as a whole number has.

    Examples
    --------
    >>> from capmodel.cluster import Interval
    >>> spanned(Interval(0.3, 0.25, 0.4), " GB")
    '0.3 (0.25 to 0.4) GB'
    """
    estimate, lower, upper = (f"{value:.3g}" if abs(value) < 999.5 else f"{value:.0f}" for value in interval)
    return f"{estimate} ({lower} to {upper}){unit}"


def duration(seconds: float) -> str:
    """Write seconds as Go and Prometheus read them.

    Parameters
    ----------
    seconds : float
        More than 0.

    Returns
    -------
    str
        In the largest unit that it is a whole number of; milliseconds are rounded.

    Examples
    --------
    >>> duration(86_400.0), duration(90.0), duration(0.5)
    ('24h', '90s', '500ms')
    """
    for unit, length in (("h", 3600.0), ("m", 60.0), ("s", 1.0)):
        if seconds % length == 0.0:
            return f"{seconds / length:.0f}{unit}"
    return f"{1000.0 * seconds:.0f}ms"
