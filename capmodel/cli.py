"""The command line. Only this module prints; what it prints comes from the package's public functions."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from typer.core import TyperCommand

import capmodel as cm
from capmodel import spire
from capmodel.words import percent

if TYPE_CHECKING:
    from capmodel.costs import CostResults
    from capmodel.deployment import Deployment
    from capmodel.outcome import ClusterSizing, Sizing
    from capmodel.prices import Prices
    from capmodel.prometheus import Imported
    from capmodel.topology import Topology
    from capmodel.validation import CheckResults

_TOPOLOGIES = ("single", "nested", "federated")
_FORMATS = ("table", "json", "helm", "rules")

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Capacity of SPIRE deployments.")


def main() -> None:
    """Run the command line; a wrong input or a missing package ends with one sentence and exit status 2."""
    try:
        app()
    except (ValueError, OSError, ImportError) as error:
        typer.echo(f"capmodel: {error}", err=True)
        sys.exit(2)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"capmodel {cm.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Capacity of SPIRE deployments."""


def _fit(measurements: Path | None = None) -> CostResults:
    """Fit the costs to the shipped runs and, where given, the reader's own."""
    with progress(sys.stderr) as told:
        runs = cm.load_sync_runs(() if measurements is None else [measurements], told)
    return cm.OperationCosts(runs).fit()


@contextlib.contextmanager
def progress(stream: TextIO, label: str = "") -> Iterator[Callable[[str, float], None]]:
    """Show how far something has come: on a terminal by a bar that goes away once it is done.

    Parameters
    ----------
    stream : text stream
        Where to.
    label : str
        If given, what is being done is printed after it, a line for each step, where `stream` is no terminal.

    Yields
    ------
    callable
        Takes what is being done and the share of it that is done, between 0 and 1.
    """
    if not stream.isatty():
        last = ""

        def line(doing: str, share: float) -> None:
            nonlocal last
            if label and doing != last:
                print(f"{label}: {doing}", file=stream, flush=True)
            last = doing

        yield line
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=stream, force_jupyter=False), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda doing, share: bar.update(task, description=doing, completed=share)


@app.command()
def size(
    agents: Annotated[int, typer.Option(help="SPIRE agents, one a node.")],
    workloads: Annotated[int, typer.Option(help="Registration entries of workloads.")],
    datastore: Annotated[str, typer.Option(help="sqlite, postgresql, mariadb or mysql.")] = "postgresql",
    sync_mode: Annotated[str, typer.Option(help=", ".join(spire.SYNC_MODES) + ".")] = "full_cache",
    spire_version: Annotated[str | None, typer.Option(help="A release such as v1.15.3.")] = None,
    entries_per_agent: Annotated[
        float | None, typer.Option(help="Entries of one agent; workloads / agents if absent.")
    ] = None,
    entries_by_agent: Annotated[
        Path | None, typer.Option(help="How many entries each agent has: a file with a number a line.")
    ] = None,
    zipf_exponent: Annotated[
        float, typer.Option(help="How unevenly entries spread over agents: 0 evenly, 1 by Zipf's law.")
    ] = 0.0,
    selectors_per_entry: Annotated[float, typer.Option(help="Selectors of an entry.")] = 2.0,
    dns_names_per_entry: Annotated[float, typer.Option(help="DNS names of an entry.")] = 0.0,
    node_selectors_per_agent: Annotated[float, typer.Option(help="Selectors of an agent's node.")] = 0.0,
    sync_interval: Annotated[float, typer.Option(help="Pause between an agent's syncs, s.")] = spire.SYNC_INTERVAL_S,
    reload_interval: Annotated[float, typer.Option(help="Pause between cache reloads, s.")] = spire.RELOAD_INTERVAL_S,
    x509_ttl: Annotated[float, typer.Option(help="Lifetime of a workload's X509-SVID, s.")] = spire.X509_TTL_S,
    agent_ttl: Annotated[float, typer.Option(help="Lifetime of an agent's SVID, s.")] = spire.AGENT_TTL_S,
    reattests: Annotated[bool, typer.Option("--reattests", help="Agents attest anew instead of renewing.")] = False,
    ca_ttl: Annotated[float, typer.Option(help="Lifetime of a CA, s.")] = spire.CA_TTL_S,
    jwt_per_s: Annotated[float, typer.Option(help="JWT-SVIDs signed a second.")] = 0.0,
    jwt_pairs_per_agent: Annotated[
        float, typer.Option(help="Pairs of identity and audience that an agent's workloads ask tokens for.")
    ] = 0.0,
    jwt_requests_per_pair: Annotated[float, typer.Option(help="Requests a second for each pair.")] = 0.0,
    jwt_ttl: Annotated[float, typer.Option(help="Lifetime of a JWT-SVID, s.")] = spire.JWT_TTL_S,
    changes_per_s: Annotated[float, typer.Option(help="Registration writes a second, half creations.")] = 0.0,
    updates_per_s: Annotated[float, typer.Option(help="Changes of existing entries a second.")] = 0.0,
    federated_domains: Annotated[float, typer.Option(help="Trust domains that entries federate with.")] = 0.0,
    ca_key_type: Annotated[str, typer.Option(help=", ".join(spire.CA_KEY_TYPES) + ".")] = "ec-p256",
    datastore_round_trip_time: Annotated[float, typer.Option(help="Network round trip to the datastore, s.")] = 0.0,
    machine_speed: Annotated[float, typer.Option(help="Speed of a server's core, 1 the measured machine's.")] = 1.0,
    datastore_speed: Annotated[
        float | None, typer.Option(help="Speed of a core of the datastore's host; machine-speed if absent.")
    ] = None,
    cores_taken: Annotated[float, typer.Option(help="Cores of each server's host that others use.")] = 0.0,
    downstream_servers: Annotated[float, typer.Option(help="Servers below, whose CA these sign.")] = 0.0,
    federated_peers: Annotated[float, typer.Option(help="Trust domains whose bundles the servers poll.")] = 0.0,
    topology: Annotated[
        str, typer.Option(help="single; nested: clusters below a root; federated: trust domains side by side.")
    ] = "single",
    clusters: Annotated[
        int,
        typer.Option(help="Clusters below the root, or trust domains, that the fleet is split into."),
    ] = 2,
    max_utilization: Annotated[float, typer.Option(help="Largest share of the cores in use.")] = 0.6,
    max_response_time: Annotated[float, typer.Option(help="Longest mean response time of a sync, s.")] = 1.0,
    level: Annotated[float, typer.Option(help="Coverage of the intervals.")] = 0.9,
    spare_servers: Annotated[int, typer.Option(help="Servers that may be lost.")] = 1,
    price_core: Annotated[
        float | None,
        typer.Option(help="Price of a server's core an hour; with it the cheapest shape is chosen, in any currency."),
    ] = None,
    price_gb: Annotated[float | None, typer.Option(help="Price of a GB of a server's memory an hour.")] = None,
    price_datastore_core: Annotated[
        float | None, typer.Option(help="Price of a core of the datastore an hour, with its memory and storage.")
    ] = None,
    price_server: Annotated[float | None, typer.Option(help="Price of a server whatever its size, an hour.")] = None,
    measurements: Annotated[Path | None, typer.Option(help="Your own runs: a CSV or a folder.")] = None,
    output: Annotated[
        str,
        typer.Option(
            "--format",
            help="table; json; helm: values of the hardened SPIRE Helm chart; rules: Prometheus alert rules at the "
            "predicted limits.",
        ),
    ] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as --format json does.")] = False,
) -> None:
    """Say how many servers, cores and how much memory a deployment needs."""
    if output not in _FORMATS:
        raise ValueError(f"format: got {output!r}, expected one of {', '.join(_FORMATS)}")
    if as_json and output not in ("table", "json"):
        raise ValueError(f"json: got it with --format {output}, expected one of the two")
    if topology not in _TOPOLOGIES:
        raise ValueError(f"topology: got {topology!r}, expected one of {', '.join(_TOPOLOGIES)}")
    deployment = cm.Deployment(
        agents=agents,
        workloads=workloads,
        datastore=datastore,
        sync_mode=sync_mode,
        spire_version=spire_version,
        entries_per_agent=entries_per_agent,
        entries_by_agent=None if entries_by_agent is None else cm.datasets.read_entries_by_agent(entries_by_agent),
        zipf_exponent=zipf_exponent,
        selectors_per_entry=selectors_per_entry,
        dns_names_per_entry=dns_names_per_entry,
        node_selectors_per_agent=node_selectors_per_agent,
        sync_interval_s=sync_interval,
        reload_interval_s=reload_interval,
        x509_ttl_s=x509_ttl,
        agent_ttl_s=agent_ttl,
        reattests=reattests,
        ca_ttl_s=ca_ttl,
        jwt_per_s=jwt_per_s,
        jwt_pairs_per_agent=jwt_pairs_per_agent,
        jwt_requests_per_pair_s=jwt_requests_per_pair,
        jwt_ttl_s=jwt_ttl,
        changes_per_s=changes_per_s,
        updates_per_s=updates_per_s,
        federated_domains=federated_domains,
        ca_key_type=ca_key_type,
        datastore_round_trip_time_s=datastore_round_trip_time,
        machine_speed=machine_speed,
        datastore_speed=machine_speed if datastore_speed is None else datastore_speed,
        cores_taken=cores_taken,
        downstream_servers=downstream_servers,
        federated_peers=federated_peers,
    )
    if topology == "single":
        fleet: Deployment | Topology = deployment
    elif not 2 <= clusters <= agents:
        raise ValueError(f"clusters: got {clusters}, expected at least 2 and at most the number of agents ({agents})")
    else:
        fleet = (cm.Nested if topology == "nested" else cm.Federated).split(deployment, into=clusters)
    prices = _prices(price_core, price_gb, price_datastore_core, price_server)
    costs = _fit(measurements)
    answer = cm.size(
        fleet,
        costs,
        max_utilization=max_utilization,
        max_response_time_s=max_response_time,
        level=level,
        spare_servers=spare_servers,
        prices=prices,
    )
    if as_json or output == "json":
        _print_json(answer.to_dict())
    elif output == "helm":
        typer.echo(cm.helm.values(answer), nl=False)
    elif output == "rules":
        typer.echo(cm.alerts.rules(answer, costs), nl=False)
    else:
        _print_sizing(answer)


def _prices(core: float | None, gb: float | None, datastore_core: float | None, server: float | None) -> Prices | None:
    """Return the prices, none where none was given; what was not given costs nothing."""
    if core is None:
        if gb is not None or datastore_core is not None or server is not None:
            raise ValueError("price-core: got none, expected one with the other prices")
        return None
    return cm.Prices(
        core_per_hour=core,
        gb_per_hour=gb or 0.0,
        datastore_core_per_hour=datastore_core or 0.0,
        server_per_hour=server or 0.0,
    )


@app.command()
def check(
    runs: Annotated[Path, typer.Argument(metavar="RUNS.csv", help="Measured runs.")],
    level: Annotated[float, typer.Option(help="Coverage of the intervals.")] = 0.9,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Write one row a scored quantity to this CSV; its column row counts those of RUNS.csv from 0."
        ),
    ] = None,
) -> None:
    """Score the shipped fits against measured rows that they were not fitted to."""
    from capmodel.datasets import read_runs, write_csv
    from capmodel.pooling import POOLED_FROM, pool_windows

    if not 0.0 < level < 1.0:
        raise ValueError(f"level: got {level!r}, expected more than 0 and less than 1")
    if predictions is not None and not predictions.resolve().parent.is_dir():
        raise ValueError(f"predictions: got '{predictions}', expected a file in a folder that exists")
    with progress(sys.stderr) as told:
        measured = read_runs(runs, told)
    if measured.kind == "sync_runs" and len(measured.frame) > POOLED_FROM:
        pooled = pool_windows(measured.frame)
        typer.echo(f"{len(measured.frame)} windows pooled by configuration and rate into {len(pooled)} rows", err=True)
        measured = measured._replace(frame=pooled)
    result = cm.check(measured.frame, _fit(), level=level)
    if predictions is not None:
        columns = ["row", "quantity", "measured", "predicted", "lower", "upper"]
        write_csv(result.predictions[columns], predictions)
    if as_json:
        _print_json(result.to_dict())
    else:
        _print_check(result)


class _TimesCommand(TyperCommand):
    """A command whose option ``--times`` takes all the times that follow it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write ``--times A B`` as ``--times A --times B``, which the parser knows."""
        spread: list[str] = []
        inside = False
        for word in args:
            if inside and not word.startswith("-") and spread[-1] != "--times" and _is_time(word):
                spread.append("--times")
            elif word == "--times" or word.startswith("--"):
                inside = word == "--times"
            spread.append(word)
        return super().parse_args(ctx, spread)


def _is_time(word: str) -> bool:
    from capmodel.prometheus.scrapes import parse_time

    # A time in milliseconds is refused as a time, not taken for the name of a file.
    if word.replace(".", "", 1).isdigit():
        return True
    try:
        parse_time(word)
    except ValueError:
        return False
    return True


@app.command("import", cls=_TimesCommand)
def import_(
    out: Annotated[Path, typer.Option(help="The CSV to write; nothing is written if the import fails.")],
    scrapes: Annotated[
        list[Path] | None, typer.Argument(help="Text scrapes of one server, as its metrics page answered, in order.")
    ] = None,
    times: Annotated[
        list[str] | None, typer.Option(help="When each was taken: unix seconds or ISO 8601 (UTC without an offset).")
    ] = None,
    prometheus: Annotated[
        str | None,
        typer.Option(
            help="Instead of scrapes, the address of a server with Prometheus' HTTP API. Credentials come from "
            "CAPMODEL_PROMETHEUS_TOKEN, or _USER and _PASSWORD."
        ),
    ] = None,
    start: Annotated[str | None, typer.Option(help="Begin of the first window, as in --times.")] = None,
    end: Annotated[str | None, typer.Option(help="End of the last window.")] = None,
    step: Annotated[str | None, typer.Option(help="Length of a window: seconds, or 5m. All at once if absent.")] = None,
    selector: Annotated[str, typer.Option(help='Labels of the SPIRE servers, such as job="spire-server".')] = "",
    datastore_metrics: Annotated[
        str, typer.Option(help="Labels of the datastore's postgres_exporter or mysqld_exporter.")
    ] = "",
    datastore_cpu: Annotated[
        str,
        typer.Option(
            help="Selector of the datastore's CPU seconds, such as "
            'node_cpu_seconds_total{instance="db:9100",mode!~"idle|iowait"}.'
        ),
    ] = "",
    rows: Annotated[
        str,
        typer.Option(
            help="sync: rows of sync_runs.csv, for windows of one operation. fleet: rows of shared_datastore_runs.csv, "
            "for whatever happened. auto: the first where there is any."
        ),
    ] = "auto",
    spire_version: Annotated[str | None, typer.Option(help="Release, where the metrics do not tell.")] = None,
    sync_mode: Annotated[str | None, typer.Option(help=", ".join(spire.SYNC_MODES) + "; else from metrics.")] = None,
    datastore: Annotated[str | None, typer.Option(help="sqlite, postgresql, mariadb or mysql.")] = None,
    agents: Annotated[int | None, typer.Option(help="Attested agents in the datastore.")] = None,
    entries: Annotated[int | None, typer.Option(help="Registration entries in the datastore.")] = None,
    entries_per_agent: Annotated[int | None, typer.Option(help="Entries of a calling agent.")] = None,
    selectors_per_entry: Annotated[int | None, typer.Option(help="Selectors of an entry.")] = None,
    node_selectors_per_agent: Annotated[int | None, typer.Option(help="Selectors of an agent's node.")] = None,
    ca_key_type: Annotated[str | None, typer.Option(help=", ".join(spire.CA_KEY_TYPES) + ".")] = None,
    sync_interval: Annotated[
        float | None, typer.Option(help="For real agents, their sync interval, s: they are the callers.")
    ] = None,
    concurrency: Annotated[int | None, typer.Option(help="For a load client, its callers of one server.")] = None,
    think_time: Annotated[float | None, typer.Option(help="Their mean pause, s.")] = None,
    think_distribution: Annotated[str | None, typer.Option(help="none, uniform or exponential.")] = None,
    client_cpu: Annotated[
        float | None, typer.Option(help="CPU seconds an operation of a load client on the server's host.")
    ] = None,
    reload_interval: Annotated[float | None, typer.Option(help="Pause between cache reloads, s.")] = None,
    cores: Annotated[int | None, typer.Option(help="Cores of a server's host, where the metrics do not tell.")] = None,
    metric_prefix: Annotated[str, typer.Option(help="MetricPrefix of the server's telemetry.")] = "spire_server",
) -> None:
    """Turn SPIRE's metrics into rows of measured runs."""
    from capmodel.datasets import write_csv
    from capmodel.prometheus import Setup, import_api, import_scrapes

    setup = Setup(
        spire_version=spire_version,
        sync_mode=sync_mode,
        datastore=datastore,
        agents=agents,
        entries=entries,
        entries_per_agent=entries_per_agent,
        selectors_per_entry=selectors_per_entry,
        node_selectors_per_agent=node_selectors_per_agent,
        ca_key_type=ca_key_type,
        sync_interval_s=sync_interval,
        concurrency=concurrency,
        think_time_s=think_time,
        think_distribution=think_distribution,
        client_cpu_s_per_op=client_cpu,
        reload_interval_s=reload_interval,
        cores=cores,
    )
    if not out.resolve().parent.is_dir():
        raise ValueError(f"out: got '{out}', expected a file in a folder that exists")
    if (prometheus is None) == (not scrapes):
        raise ValueError("import: expected either scrapes with --times or --prometheus with --start and --end")
    if prometheus is None:
        made = import_scrapes(scrapes or [], times or [], setup, shape=rows, costs=_fit, prefix=metric_prefix)
    elif start is None or end is None:
        raise ValueError("prometheus: expected --start and --end with it")
    else:
        made = import_api(
            prometheus,
            start,
            end,
            setup,
            step=step,
            selector=selector,
            datastore_metrics=datastore_metrics,
            datastore_cpu=datastore_cpu,
            shape=rows,
            costs=_fit,
            prefix=metric_prefix,
        )
    write_csv(made.frame, out)
    _print_import(made, out)


@app.command()
def book(
    measurements: Annotated[Path | None, typer.Option(help="Folder of your own runs.")] = None,
    build: Annotated[Path | None, typer.Option(help="Folder to build in; _build of the checkout if absent.")] = None,
) -> None:
    """Rebuild the site from a checkout."""
    import os
    import subprocess

    root = Path(__file__).resolve().parent.parent
    script = root / "book" / "ext" / "build.py"
    if not script.is_file():
        raise ValueError(
            "book: expected a checkout of the project with its book/ folder; the installed package has none"
        )
    environment = dict(os.environ)
    if measurements is not None:
        environment["CAPMODEL_MEASUREMENTS"] = str(measurements.resolve())
    if build is not None:
        environment["CAPMODEL_BUILD"] = str(build.resolve())
    raise typer.Exit(subprocess.run([sys.executable, str(script)], cwd=root, env=environment, check=False).returncode)


def _print_json(values: dict[str, Any]) -> None:
    typer.echo(json.dumps(values, indent=2, allow_nan=False))


def _console() -> Any:
    from rich.console import Console

    # Into a pipe or file every name goes whole, whatever the width of the screen that it came from.
    width = None if sys.stdout.isatty() else 200
    # A command writes to its output, even where it is run inside a notebook.
    return Console(width=width, soft_wrap=True, highlight=False, markup=False, emoji=False, force_jupyter=False)


def _table(*headings: str) -> Any:
    """Return a table whose cells fold on a narrow screen; none loses a digit."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _print_sizing(answer: Sizing) -> None:
    """Print the answer as tables."""
    from capmodel.choice import servers_lost

    console = _console()
    for part in answer.clusters:
        console.print(f"{part.name}: {_sentence(part)}" if len(answer.clusters) > 1 else _sentence(part))
        table = _table("", "estimate", "lower", "upper", "unit")
        for row in part.evaluation.to_frame().to_dict("records"):
            values = [_number(row[column]) for column in ("estimate", "lower", "upper")]
            table.add_row(row["quantity"], *values, row["unit"])
        console.print(table)
        console.print(
            f"Every limit holds with probability {part.chances.every:.2f}{servers_lost(part.limits, part.servers)}"
        )
        if part.cost_per_hour is not None:
            lower, cost = _number(part.cost_per_hour.lower), _number(part.cost_per_hour.estimate)
            console.print(f"Costs {cost} an hour; {lower} would do at the lower end of the demand")
        pool = part.datastore_connections
        if pool is not None:
            console.print(
                f"Datastore connections: {pool.per_server} a server, {pool.all_servers} in all; the datastore must "
                f"accept {pool.datastore_limit} (its default: {pool.datastore_default})"
            )
        for label, lines in {
            "Holds because": part.reasons if part.holds else (),
            "Does not hold": () if part.holds else part.reasons,
            "Extrapolated": part.evaluation.extrapolated_because,
        }.items():
            for line in lines:
                console.print(f"{label}: {line}")
        smaller = part.next_smaller
        shape = f"{smaller['servers']} x {smaller['cores_per_server']} cores" if "servers" in smaller else "nothing"
        console.print(f"Next smaller: {shape}: {smaller['fails_because']}")
        smaller = part.next_smaller_datastore or {}
        if "datastore_cores" in smaller:
            console.print(f"Next smaller datastore: {smaller['datastore_cores']} cores: {smaller['fails_because']}")
    cell = answer.reference_cell
    if cell:
        console.print(
            f"Published table: {cell['servers']} servers x {cell['cores_per_server']} cores, "
            f"{cell['memory_gb_per_server']} GB each, for {cell['agents']} agents and {cell['workloads']} workloads"
        )
    for line in answer.assumptions:
        console.print(f"Assumes: {line}")


def _sentence(part: ClusterSizing) -> str:
    from capmodel.answer import count

    servers, cores = count(part.servers, "server"), count(part.cores_per_server, "core")
    datastore = f", {count(part.datastore_cores, 'datastore core')}" if part.datastore_cores else ""
    verdict = "" if part.holds else " (the largest tried, and it does not hold)"
    return (
        f"{part.agents} agents, {part.workloads} workloads: {servers} with {cores} and {part.memory_gb_per_server} GB "
        f"each{datastore}{verdict}. The {part.evaluation.bottleneck} binds."
    )


def _print_check(result: CheckResults) -> None:
    """Print the scores as a table."""
    console = _console()
    summary = result.to_dict()
    console.print(f"{summary['rows']} rows of {result.kind}, {summary['scored']} quantities scored")
    if summary["scored"]:
        console.print(
            f"Median absolute relative error {percent(summary['median_abs_relative_error'], '.1f')}; "
            f"{percent(summary['coverage'], '.1f')} inside the {percent(result.level)} intervals"
        )
    table = _table("sync mode", "datastore", "operation", "component", "rows", "median error", "coverage")
    for row in result.groups().to_dict("records"):
        error, coverage = percent(row["median_abs_relative_error"], ".1f"), percent(row["coverage"])
        names = [row[column] for column in ("sync_mode", "datastore", "operation", "component")]
        table.add_row(*names, str(row["rows"]), error, coverage)
    console.print(table)
    for group in summary["unscored"]:
        console.print(f"Not scored, {group['rows']}: {group['reason']}")


def _print_import(made: Imported, out: Path) -> None:
    """Print what was written, and why what is empty or refused is so."""
    console = _console()
    console.print(f"{out}: {len(made.frame)} {'row' if len(made.frame) == 1 else 'rows'} of {made.kind}.csv")
    table = _table("column", "rows", "", "reason")
    for (column, empty, reason), group in made.notes.groupby(["column", "empty", "reason"], sort=False):
        table.add_row(str(column), str(len(group)), "empty" if empty else "", str(reason))
    console.print(table)
    for reason, group in made.refused.groupby("reason", sort=False):
        console.print(f"No row, {len(group)} {'window' if len(group) == 1 else 'windows'}: {reason!s}")
    if made.to_fill:
        columns = ", ".join(made.to_fill)
        console.print(f"Before the rows can be used, fill in by option or by hand: {columns}")


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "unbounded"
