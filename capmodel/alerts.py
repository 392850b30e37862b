"""An answer as Prometheus alert rules at its predicted limits, each with its reason."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NamedTuple

from capmodel import cluster, growth, shapes, spire
from capmodel.answer import written
from capmodel.deployment import operation_rates
from capmodel.helm import comment, counted, duration, lost, spanned

if TYPE_CHECKING:
    from capmodel.cluster import UnitCosts
    from capmodel.costs import CostResults
    from capmodel.deployment import Inputs
    from capmodel.outcome import ClusterSizing, Sizing

#: A metric that every server has had in every release: what tells its process from others.
SERVER = "spire_server_runtime_num_goroutines"
#: Recorded: agents by the rate of their syncs.
AGENTS = "spire:agents:estimate"
#: Days that growth is looked ahead.
DAYS_AHEAD = 14
#: Share of a predicted limit at which an alert fires.
SHARE = 0.9


class Rule(NamedTuple):
    """One rule.

    Attributes
    ----------
    name : str
        Of the alert, or of the recorded series.
    expression : str
        PromQL.
    reason : str
        Why it stands at this value.
    severity : str
        ``"critical"``, ``"warning"`` or ``"info"``; empty for a recorded series.
    wait : str
        How long the expression must be true.
    summary : str
        What the alert says; ``{{ $value }}`` is the expression's value.
    usable : bool
        False where the reader must fill in labels first: the rule is written as a comment.

    Examples
    --------
    >>> rule = Rule("Busy", "cpu > 2", "two of four cores", "warning", "15m", "{{ $value }} cores in use")
    >>> rule.severity, rule.wait, rule.usable
    ('warning', '15m', True)
    """

    name: str
    expression: str
    reason: str
    severity: str = ""
    wait: str = ""
    summary: str = ""
    usable: bool = True


class Room(NamedTuple):
    """How far a fleet may grow on its shape.

    Attributes
    ----------
    agents : int
        Agents up to which every limit holds, with workloads, tokens, changes and servers below growing alike.
    knee_per_s : float
        Syncs a second that fill the cores of the servers that are left, or of the datastore, at the upper end of the
        demand: the knee of the closed loop.

    Examples
    --------
    A fleet that holds up to 9000 agents, and whose agents begin to wait for each other at 4000 syncs a second:

    >>> left = Room(agents=9000, knee_per_s=4000.0)
    >>> left.agents - 5000
    4000
    """

    agents: int
    knee_per_s: float


def rules(answer: Sizing, costs: CostResults) -> str:
    """Write alert rules at the limits of an answer.

    Parameters
    ----------
    answer : Sizing
        From :func:`capmodel.plan.size`.
    costs : CostResults
        The costs that it was made with.

    Returns
    -------
    str
        A Prometheus rules file, one group a cluster. The reason of each rule stands in the comment above it.

    Raises
    ------
    ValueError
        If no shape tried holds.

    Notes
    -----
    With several clusters each expression asks for a label ``cluster`` with the cluster's name, which the reader's
    scrape configuration must set.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> print(rules(cm.size(cm.Deployment(agents=500, workloads=1000), costs), costs).splitlines()[0])
    # Prometheus alert rules at the limits that capmodel predicts; figures are estimates with their 90 %
    """
    lines = comment(
        f"Prometheus alert rules at the limits that capmodel predicts; figures are estimates with their "
        f"{written(answer.level, 'share')} intervals."
    )
    lines += comment("SPIRE counts milliseconds in *_elapsed_time, and its counters have no _total.")
    several = len(answer.clusters) > 1
    if several:
        lines += comment('Clusters are told apart by a label "cluster": give each scrape its cluster\'s name.')
    lines.append("groups:")
    for part in answer.clusters:
        lines += comment(
            f"{part.name}: {part.agents} agents, {part.workloads} workloads: {counted(part.servers, 'server')} with "
            f"{counted(part.cores_per_server, 'core')} and {part.memory_gb_per_server} GB each",
            "  ",
        )
        lines += [f"  - name: {json.dumps('capmodel ' + part.name)}", "    rules:"]
        labels = {"cluster": part.name} if several else {}
        for rule in rules_of(part, costs.unit_costs(part.deployment.datastore), labels):
            lines += _written(rule, labels)
    return "\n".join(lines) + "\n"


def _written(rule: Rule, labels: dict[str, str]) -> list[str]:
    """Write one rule, or only its comments where it cannot be used as it is."""
    kind = "alert" if rule.severity else "record"
    written = [f"- {kind}: {rule.name}", f"  expr: {json.dumps(rule.expression)}"]
    if rule.wait:
        written.append(f"  for: {rule.wait}")
    found = ({"severity": rule.severity} if rule.severity else {}) | labels
    if found:
        written += ["  labels:", *(f"    {name}: {json.dumps(value)}" for name, value in found.items())]
    if rule.summary:
        written += ["  annotations:", f"    summary: {json.dumps(rule.summary)}"]
    before = " " * 6 if rule.usable else " " * 6 + "# "
    return [*comment(rule.reason, " " * 6), *(before + line for line in written)]


def room(fleet: Inputs, unit: UnitCosts, part: ClusterSizing) -> Room:
    """Tell how far a cluster's fleet may grow on its shape.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    unit : UnitCosts
        Unit costs.
    part : ClusterSizing
        The cluster's answer.

    Returns
    -------
    Room
        At the upper end of the demand, with the spare servers lost.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> (part,) = cm.size(cm.Deployment(agents=5000, workloads=10_000), costs).clusters
    >>> left = room(part.deployment.inputs(), costs.unit_costs("postgresql"), part)
    >>> round(left.agents, -3), round(left.knee_per_s, -2)
    (6000, 3700.0)
    """
    limits, shape = part.limits, part.choice.shape
    left = shape.servers - limits.spare_servers

    def grown(agents: int) -> Inputs:
        factor = agents / fleet.agents
        more = growth.times(fleet, factor)
        return more._replace(agents=agents, downstream_servers=fleet.downstream_servers * factor)

    def holds(agents: int) -> bool:
        state = cluster.forecast(grown(agents), unit, left, shape.cores, shape.datastore_cores, limits.quantile)
        return (
            state.server_utilization.upper <= limits.max_utilization
            and state.datastore_utilization.upper <= limits.max_utilization
            and state.response_time_s.upper <= limits.max_response_time_s
            and state.memory_bytes.upper <= shapes.MEMORY_FILL * part.memory_gb_per_server * shapes.GB
        )

    low, high = int(fleet.agents), 2 * int(fleet.agents)
    while holds(high) and high < 1000 * fleet.agents:
        low, high = high, 2 * high
    while high - low > max(low // 1000, 1):
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    rates = operation_rates(fleet, left, part.degraded.response_time_s.estimate, cluster.reload_duration(fleet, unit))
    load = cluster.load_of(fleet, unit, rates, left)
    knees = []
    for blocks, sync, other, cores, times in (
        (unit.server, load.sync_server, load.other_server, shape.cores - fleet.cores_taken, left),
        (unit.datastore, load.sync_datastore, load.other_datastore, shape.datastore_cores, 1),
    ):
        # No request finds a core to wake where all are busy.
        spread = math.exp(limits.quantile * math.sqrt(cluster.relative_variance(fleet, blocks, rates, 0.0, 1.0)))
        demand_s = spread * (sync.busy_s + sync.churn_s)
        if demand_s > 0.0:
            knees.append(times * max(cores - spread * other.busy_s, 0.0) / demand_s)
    return Room(agents=low, knee_per_s=min(knees))


def rules_of(part: ClusterSizing, unit: UnitCosts, labels: dict[str, str]) -> list[Rule]:
    """List the rules of one cluster.

    Parameters
    ----------
    part : ClusterSizing
        The cluster's answer.
    unit : UnitCosts
        Unit costs of its datastore.
    labels : dict of str to str
        Labels that tell its series from those of other clusters.

    Returns
    -------
    list of Rule
        Growth first, then servers, datastore, cache, answers and certificates.

    Raises
    ------
    ValueError
        If no shape tried holds.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> (part,) = cm.size(cm.Deployment(agents=500, workloads=1000), costs).clusters
    >>> found = rules_of(part, costs.unit_costs("postgresql"), {"cluster": "east"})
    >>> [rule.name for rule in found][:2], found[1].severity
    (['spire:agents:estimate', 'SpireSyncsNearKnee'], 'critical')
    """
    if not part.holds:
        raise ValueError(f"{part.name}: got a fleet that no shape tried can carry, expected one that holds")
    series = _Series(labels)
    return [
        *_growth(part, unit, series),
        *_servers(part, series),
        *_datastore(part, series),
        *_cache(part, unit, series),
        *_answers(part, series),
    ]


class _Series:
    """Writes selectors of one cluster's series."""

    def __init__(self, labels: dict[str, str]) -> None:
        self.labels = labels

    def __call__(self, metric: str, **labels: str) -> str:
        matchers = ",".join(f"{name}={json.dumps(value)}" for name, value in (self.labels | labels).items())
        return f"{metric}{{{matchers}}}" if matchers else metric

    def mean_ms(self, call: str) -> str:
        """Return the mean milliseconds of a call on each server."""
        total, count = self(f"{call}_elapsed_time_sum"), self(f"{call}_elapsed_time_count")
        return f"sum by (job, instance) (rate({total}[5m])) / sum by (job, instance) (rate({count}[5m]))"

    def of_servers(self, condition: str) -> str:
        """Keep the series of SPIRE servers, which share the names of their process with every other process."""
        return f"({condition}) and on (job, instance) {self(SERVER)}"


def sync_call(part: ClusterSizing) -> str:
    """Return the metric that counts the syncs of a cluster's agents.

    Parameters
    ----------
    part : ClusterSizing
        The cluster's answer.

    Returns
    -------
    str
        Of the calls that its release's agents make: v0.10.2 pkg/agent/manager/sync.go:29-33, v0.12.3
        pkg/agent/client/client.go:311, and since v1.12.0 cmd/spire-agent/cli/run/run.go:637-643 (v1.15.3).

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> (part,) = cm.size(cm.Deployment(agents=500, workloads=1000), costs).clusters
    >>> sync_call(part)
    'spire_server_rpc_entry_v1_entry_sync_authorized_entries'
    """
    fleet = part.deployment
    if spire.family(fleet.sync_mode, "sync") == "crawl":
        return "spire_server_node_api_x509_svid_fetch"
    older = _release(part) < (1, 12, 0)
    return "spire_server_rpc_entry_v1_entry_" + ("get_authorized_entries" if older else "sync_authorized_entries")


def _release(part: ClusterSizing) -> tuple[int, int, int]:
    fleet = part.deployment
    return spire.version_tuple(fleet.spire_version or spire.MODE_VERSIONS[fleet.sync_mode])


def _growth(part: ClusterSizing, unit: UnitCosts, series: _Series) -> list[Rule]:
    """Watch agents and their syncs against what the shape carries."""
    fleet, left = part.deployment, room(part.deployment.inputs(), unit, part)
    syncs, agents = f"sum(rate({series(sync_call(part))}[10m]))", series(AGENTS)
    pace = f"an agent syncs every {fleet.sync_interval_s:g} s and its answer"
    ahead = DAYS_AHEAD * 86_400
    return [
        Rule(AGENTS, f"{syncs} * {fleet.sync_interval_s:g}", f"agents by their syncs: {pace}; {part.agents} expected"),
        Rule(
            "SpireSyncsNearKnee",
            f"{syncs} > {SHARE * left.knee_per_s:.4g}",
            f"predicted {spanned(part.evaluation.throughput_per_s)} a second; {left.knee_per_s:.0f} fill the "
            f"cores{lost(part)}, at the upper end of the demand, and from there on agents wait for each other; this "
            f"is {written(SHARE, 'share')} of it",
            "critical",
            "10m",
            "{{ $value | humanize }} syncs a second: agents begin to wait for each other",
        ),
        Rule(
            "SpireAgentsNearLimit",
            f"{agents} > {(part.agents + left.agents) // 2}",
            f"up to {left.agents} agents every limit holds{lost(part)}, if entries, tokens and changes grow alike; "
            f"here half of the room above {part.agents} is gone",
            "warning",
            "30m",
            "{{ $value | humanize }} agents are close to what these servers were sized for: size anew",
        ),
        Rule(
            "SpireAgentsGrowToLimit",
            f"predict_linear({agents}[1d], {ahead}) > {left.agents}",
            f"the growth of a day, drawn on for {DAYS_AHEAD} days, against the same {left.agents} agents",
            "info",
            "6h",
            f"{{{{ $value | humanize }}}} agents expected in {DAYS_AHEAD} days, more than these servers were sized for",
        ),
    ]


def _servers(part: ClusterSizing, series: _Series) -> list[Rule]:
    """Watch cores, memory and number of servers."""
    limits, held, taken = part.limits, part.degraded, part.deployment.cores_taken
    cpu = f"rate({series('process_cpu_seconds_total')}[5m])"
    most = limits.max_utilization * part.cores_per_server - taken
    upper = held.cores_used["server"].upper / held.servers - taken
    count = f"count({series(SERVER)})"
    resident = series("process_resident_memory_bytes")
    fill = shapes.MEMORY_FILL * part.memory_gb_per_server
    found = [
        Rule(
            "SpireServerBusy",
            series.of_servers(f"{cpu} > {most:.4g}"),
            f"cores of one server: utilization {limits.max_utilization:.2f} of {part.cores_per_server}"
            + (f", less {taken:g} that others use" if taken else "")
            + f"; predicted utilization {spanned(part.evaluation.utilization['server'])}, "
            f"{spanned(held.utilization['server'])}{lost(part)}",
            "warning",
            "15m",
            "{{ $labels.instance }} uses {{ $value | humanize }} cores, its limit",
        ),
        Rule(
            "SpireServerBusierThanPredicted",
            series.of_servers(f"{cpu} > {min(upper, most):.4g}"),
            f"cores of one server at the upper end of what is predicted{lost(part)}: beyond it the fleet is not the "
            "one that was sized, or the prediction is wrong here; capmodel import and check tell which",
            "info",
            "1h",
            "{{ $labels.instance }} uses {{ $value | humanize }} cores, more than predicted",
        ),
        Rule(
            "SpireServerMemory",
            series.of_servers(f"{resident} > {fill * shapes.GB:.4g}"),
            f"{written(shapes.MEMORY_FILL, 'share')} of {part.memory_gb_per_server} GB: garbage collection needs the "
            f"rest; predicted {spanned(held.memory_gb_per_server, ' GB')}{lost(part)}",
            "warning",
            "15m",
            "{{ $labels.instance }} holds {{ $value | humanize }}B",
        ),
    ]
    if limits.spare_servers:
        found.append(
            Rule(
                "SpireServerLost",
                f"{count} < {part.servers}",
                f"{counted(limits.spare_servers, 'server')} of {part.servers} may be lost and every limit holds: "
                "bring it back before another goes",
                "warning",
                "10m",
                f"{{{{ $value }}}} of {part.servers} servers serve",
            )
        )
    least = part.servers - limits.spare_servers
    found.append(
        Rule(
            "SpireServersTooFew",
            f"{count} < {least} or absent({series(SERVER)})",
            f"with fewer than {least} of {part.servers} servers no limit is promised",
            "critical",
            "5m",
            f"fewer than {least} of {part.servers} servers serve",
        )
    )
    return found


def _datastore(part: ClusterSizing, series: _Series) -> list[Rule]:
    """Watch the datastore as the servers and its exporter see it."""
    pool, limits = part.datastore_connections, part.limits
    upper_ms = 1000.0 * part.degraded.response_time_s.upper
    mean = series.mean_ms("spire_server_datastore_node_fetch")
    found = [
        Rule(
            "SpireDatastoreSlow",
            f"{mean} > {upper_ms:.4g}",
            f"each sync reads its agent's record in one transaction. A whole sync is predicted to take at most "
            f"{upper_ms:.3g} ms{lost(part)}: when the transaction alone takes longer, the datastore is fuller than "
            "predicted, or requests wait for a connection, which SPIRE counts nowhere else",
            "warning",
            "15m",
            "{{ $labels.instance }} waits {{ $value | humanize }} ms for a transaction",
        )
    ]
    if pool is None:
        return found
    postgresql = part.deployment.datastore == "postgresql"
    idle = series("node_cpu_seconds_total", instance="YOUR-DATASTORE:9100", mode="idle")
    open_ = (
        f"sum({series('pg_stat_database_numbackends', datname='spire')})"
        if postgresql
        else f"max({series('mysql_global_status_threads_connected')})"
    )
    setting = "pg_settings_max_connections" if postgresql else "mysql_global_variables_max_connections"
    exporter = "postgres_exporter" if postgresql else "mysqld_exporter"
    return [
        *found,
        Rule(
            "SpireDatastoreBusy",
            f"1 - avg(rate({idle}[5m])) > {limits.max_utilization:g}",
            f"share of the datastore's {counted(part.datastore_cores, 'core')} in use: predicted "
            f"{spanned(part.degraded.utilization['datastore'])}{lost(part)}. A comment, because its host is yours to "
            "name: from node_exporter, or container_cpu_usage_seconds_total over the cores of its container",
            "warning",
            "15m",
            "the datastore uses {{ $value | humanizePercentage }} of its cores",
            usable=False,
        ),
        Rule(
            "SpireDatastoreConnections",
            f"{open_} > {math.floor(SHARE * pool.all_servers)}",
            f"from {exporter}"
            + (", datname as the chart's databaseName" if postgresql else "")
            + f": {part.servers} servers open at most {pool.per_server} connections each; requests use "
            f"{spanned(pool.in_use)} of a server's on average. This is {written(SHARE, 'share')} of "
            f"{pool.all_servers}: at all of them requests wait",
            "warning",
            "10m",
            "{{ $value }} connections to the datastore are open",
        ),
        Rule(
            "SpireDatastoreAcceptsTooFew",
            f"min({series(setting)}) < {pool.datastore_limit}",
            f"from {exporter}: {pool.all_servers} connections of the servers and a reserve of "
            f"{pool.datastore_limit - pool.all_servers} for people, backups and exporters",
            "warning",
            "15m",
            f"max_connections is {{{{ $value }}}}, less than {pool.datastore_limit}: servers may be turned away",
        ),
    ]


def _cache(part: ClusterSizing, unit: UnitCosts, series: _Series) -> list[Rule]:
    """Watch reloads, or polls of the event tables."""
    fleet, staleness = part.deployment, spanned(part.evaluation.staleness_s, " s")
    late = f"an agent's view is {staleness} old on average while they come every {fleet.reload_interval_s:g} s"
    wait = duration(60.0 * math.ceil(max(fleet.reload_interval_s / 10.0, 5.0)))
    upkeep = spire.upkeep(fleet.sync_mode)
    if upkeep == "poll":
        polls = series("spire_server_datastore_registration_entry_event_list")
        return [
            Rule(
                "SpireEventsNotRead",
                f"rate({polls}[{wait}]) == 0",
                f"every server asks the event tables for changes; {late}",
                "critical",
                wait,
                "{{ $labels.instance }} has not asked for changes: its entries grow old",
            )
        ]
    if upkeep != "reload":
        return []
    reload_s = cluster.reload_duration(fleet.inputs(), unit)
    most_s = max(fleet.reload_interval_s, 2.0 * reload_s)
    done = series("spire_server_entry_cache_reload", status="OK")
    return [
        Rule(
            "SpireCacheReloadSlow",
            f"{series.mean_ms('spire_server_entry_cache_reload')} > {1000.0 * most_s:.4g}",
            f"predicted {1000.0 * reload_s:.3g} ms on an idle cluster. At {1000.0 * most_s:.4g} ms "
            + (
                "it takes as long as the pause between two, and servers and datastore read all the time"
                if most_s == fleet.reload_interval_s
                else "it takes twice what is predicted"
            ),
            "warning",
            "15m",
            "{{ $labels.instance }} takes {{ $value | humanize }} ms to read its entries again",
        ),
        Rule(
            "SpireCacheNotReloaded",
            f"rate({done}[{wait}]) == 0",
            f"every server reads its entries again; {late}",
            "critical",
            wait,
            "{{ $labels.instance }} has not read its entries again: they grow old",
        ),
    ]


def _answers(part: ClusterSizing, series: _Series) -> list[Rule]:
    """Watch what agents wait for, and how long the CA lasts."""
    limits, fleet = part.limits, part.deployment
    mean = series.mean_ms(sync_call(part))
    if spire.family(fleet.sync_mode, "sync") != "crawl":
        mean = f"({mean}) + ({series.mean_ms('spire_server_rpc_bundle_v1_bundle_get_bundle')})"
    found = [
        Rule(
            "SpireSyncsSlow",
            f"{mean} > {1000.0 * limits.max_response_time_s:.4g}",
            f"mean of a sync, its entries and the bundle: predicted {spanned(part.evaluation.response_time_s, ' s')}, "
            f"{spanned(part.degraded.response_time_s, ' s')}{lost(part)}; limit {limits.max_response_time_s:g} s. The "
            "way between agent and server counts here and not in the prediction",
            "critical",
            "10m",
            "{{ $labels.instance }} takes {{ $value | humanize }} ms to answer a sync",
        )
    ]
    # The gauge of the expiry is new in v1.14.0 (pkg/common/telemetry/server/ca_manager.go:42-52).
    if _release(part) >= (1, 14, 0):
        swap_s = min(fleet.ca_ttl_s / 6.0, 7.0 * 86_400.0)
        expiry = series("spire_server_manager_x509_ca_rotate_expiration")
        found.append(
            Rule(
                "SpireCAExpires",
                f"{expiry} - time() < {0.5 * swap_s:.0f}",
                f"a server takes its next CA into use {swap_s:.0f} s before the end of the present one, of "
                f"{fleet.ca_ttl_s:.0f} s; half of that is left here, and it has not"
                + ("" if part.above is None else f": ask the servers of {part.above}, which sign it"),
                "critical",
                "5m",
                "the CA of {{ $labels.instance }} ends in {{ $value | humanizeDuration }}",
            )
        )
    return found
