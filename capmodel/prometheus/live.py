"""Rows of measured runs from a server with Prometheus' HTTP API."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from capmodel.prometheus import datastore
from capmodel.prometheus.api import MOST_SERIES, Api, Series, too_many
from capmodel.prometheus.imports import PREFIX, Imported, Source, build, canonical, check_asked, names_of
from capmodel.prometheus.rows import CORES, Setup
from capmodel.prometheus.scrapes import CPU, Labels, Samples, Snapshot, parse_time, targets, total
from capmodel.prometheus.windows import COLLECTION, START

if TYPE_CHECKING:
    from capmodel.costs import CostResults

#: SPIRE's metrics that are read, behind the prefix, as a regular expression.
_SPIRE = (
    "rpc_.+|node_api_.+|registration_api_.+|entry_cache_reload.*|"
    "datastore_registration_entry_(create|update|delete|list|event_list)(_total)?|"
    "datastore_node_selectors_fetch(_total)?|server_ca_sign_x509_svid(_total)?|svid_rotate(_total)?|started|"
    "uptime_in_ms|node_agents_by_id_cache_count|entry_entries_by_entryid_cache_count"
)
_PROCESS = (CPU, START, "process_resident_memory_bytes", CORES, COLLECTION)
_MOST_WINDOWS = 10_000
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
#: What parts the useful series of these counters from those that would be counted on top.
_NEEDED = {
    "node_cpu_seconds_total": ("mode", 'mode!~"idle|iowait", since idle cores are counted too'),
    "container_cpu_usage_seconds_total": ("container", 'container="...", since the pod\'s sum is counted too'),
}


def parse_duration(text: str | float) -> float:
    """Read a duration.

    Parameters
    ----------
    text : str or float
        Seconds, or a number with a unit as Prometheus writes it: ``30s``, ``5m``, ``1h30m``.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    ValueError
        If it is neither, or not more than 0.

    Examples
    --------
    >>> parse_duration("1h30m"), parse_duration(15)
    (5400.0, 15.0)
    """
    try:
        seconds = float(text)
    except ValueError:
        parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhdw])", str(text))
        whole = "".join(number + unit for number, unit in parts)
        seconds = sum(float(number) * _UNITS_S[unit] for number, unit in parts) if whole == str(text) else -1.0
    if not 0.0 < seconds < float("inf"):
        raise ValueError(f"step: got {text!r}, expected seconds or a duration such as 5m, more than 0")
    return seconds


def import_api(
    url: str | Api,
    start: str | float,
    end: str | float,
    setup: Setup | None = None,
    *,
    step: str | float | None = None,
    selector: str = "",
    datastore_metrics: str = "",
    datastore_cpu: str = "",
    shape: str = "auto",
    costs: Callable[[], CostResults] | None = None,
    prefix: str = PREFIX,
) -> Imported:
    """Make rows of measured runs from what a server with Prometheus' HTTP API has stored.

    Parameters
    ----------
    url : str or Api
        Address of the server; credentials come from the environment (:class:`capmodel.prometheus.api.Api`).
    start, end : str or float
        Unix seconds or ISO 8601.
    setup : Setup, optional
        What the metrics do not tell.
    step : str or float, optional
        Length of a window, seconds or a duration such as ``5m``; by default one window from start to end.
    selector : str, optional
        Label matchers of the SPIRE servers, such as ``job="spire-server"``: those of one datastore.
    datastore_metrics : str, optional
        Label matchers of the datastore's postgres_exporter or mysqld_exporter.
    datastore_cpu : str, optional
        Selector of counters of the datastore's CPU seconds, such as
        ``node_cpu_seconds_total{instance="db:9100",mode!~"idle|iowait"}``.
    shape, costs, prefix
        As in :func:`capmodel.prometheus.import_scrapes`.

    Returns
    -------
    Imported
        At least one row. Windows lie between true scrape times, which the server knows.

    Raises
    ------
    ConnectionError, TimeoutError, PermissionError
        If the server cannot be reached, or wants credentials.
    ValueError
        If it has no such metrics or too many, or no window makes a row.

    Examples
    --------
    Windows of five minutes from the servers of one datastore; here nothing answers at the address:

    >>> hour = ("2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z")
    >>> import_api("http://127.0.0.1:9", *hour, step="5m", selector='job="spire-server"')  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ConnectionError: 127.0.0.1:9: ...
    """
    check_asked(shape, prefix)
    api = url if isinstance(url, Api) else Api(url)
    times = _times(parse_time(start), parse_time(end), step)
    own = _matchers(selector)
    servers, remarks = _servers(api, times, own, prefix)
    databases: list[Snapshot | None] = [None] * len(times)
    if datastore_metrics:
        databases = _summed(
            api, times, f"{{{_named(datastore.NAMES)}{_matchers(datastore_metrics)}}}", "datastore_metrics"
        )
    cpu: list[Snapshot | None] = [None] * len(times)
    if datastore_cpu:
        for name, (label, words) in _NEEDED.items():
            if datastore_cpu.strip().startswith(name) and not re.search(rf"\b{label}\s*[=!]", datastore_cpu):
                raise ValueError(f"datastore_cpu: got {datastore_cpu!r}, expected a matcher {words}")
        cpu = _summed(api, times, datastore_cpu, "datastore_cpu")
    source = Source(servers, databases, cpu, remarks)
    return build(source, setup or Setup(), shape=shape, costs=costs, prefix=prefix, strict=False)


def _times(start_s: float, end_s: float, step: str | float | None) -> list[float]:
    if end_s <= start_s:
        raise ValueError(f"end: got {end_s:.3f}, expected later than the start at {start_s:.3f}")
    step_s = end_s - start_s if step is None else parse_duration(step)
    windows = int((end_s - start_s) / step_s + 1e-6)
    if windows < 1:
        raise ValueError(f"step: got {step_s:g} s, expected at most the {end_s - start_s:g} s between start and end")
    if windows > _MOST_WINDOWS:
        raise ValueError(f"step: got {step_s:g} s, which makes {windows} windows, expected at most {_MOST_WINDOWS}")
    return [start_s + step_s * number for number in range(windows + 1)]


def _matchers(selector: str) -> str:
    """Return label matchers to go behind others."""
    inside = selector.strip().removeprefix("{").removesuffix("}").strip().strip(",")
    return f",{inside}" if inside else ""


def _named(names: Sequence[str]) -> str:
    return f'__name__=~"{"|".join(names)}"'


def _servers(api: Api, times: list[float], own: str, prefix: str) -> tuple[dict[str, list[Snapshot | None]], list[str]]:
    """Return what each server exposed at each time, and what to say of it."""
    spire = f'{{__name__=~"{prefix}_({_SPIRE})",quantile=""{own}}}'
    counted = api.query(f"count({spire})", times[-1])
    if counted and counted[0].points[0][1] > MOST_SERIES:
        raise too_many(counted[0].points[0][1])
    found = api.query_range(spire, times)
    if not found:
        raise ValueError(
            f"prometheus: no series begins with {prefix}_ at these times, expected those of a SPIRE server (another "
            "tenant, selector, prefix or time?)"
        )
    instances = {series.labels.get("instance") for series in found}
    where = own
    if None not in instances:
        where += ',instance=~"{}"'.format("|".join(sorted(_quoted(str(name)) for name in instances)))
    found += api.query_range(f"{{{_named(_PROCESS)}{where}}}", times)
    scraped = api.query_range(f"timestamp({CPU}{{{where.lstrip(',')}}})", times)
    clock = {frozenset(series.labels.items()): _by_index(series, times) for series in scraped}
    at_times = _at_times(found, times)
    parts = [_with_spire(targets(canonical(samples, prefix)), prefix) for samples in at_times]
    _check_once(parts)
    every = {target for part in parts for target in part}
    if not every:
        raise ValueError(f"prometheus: no {CPU} with the labels of SPIRE's series, expected it from the same scrape")
    names = names_of(every)
    servers: dict[str, list[Snapshot | None]] = {}
    for target, name in names.items():
        servers[name] = [
            Snapshot(clock.get(target, {}).get(number, time_s), part[target]) if target in part else None
            for number, (time_s, part) in enumerate(zip(times, parts, strict=True))
        ]
    remarks = [] if clock else ["the server does not tell when it scraped: windows may be off by a scrape at each end"]
    return servers, remarks


def _quoted(name: str) -> str:
    """Return a label's value as a regular expression inside a quoted string."""
    return re.escape(name).replace("\\", "\\\\").replace('"', '\\"')


def _with_spire(parts: dict[Labels, Samples], prefix: str) -> dict[Labels, Samples]:
    return {
        target: samples for target, samples in parts.items() if any(name.startswith(f"{prefix}_") for name in samples)
    }


def _check_once(parts: Sequence[dict[Labels, Samples]]) -> None:
    """Raise if a process is there twice, as when two Prometheus servers scrape it: its work would count double."""
    for part in parts:
        seen: dict[tuple[str, float], Labels] = {}
        for target, samples in part.items():
            if START not in samples:
                continue
            key = (dict(target).get("instance", ""), total(samples[START]))
            if key in seen:
                labels = sorted({name for name, _ in target ^ seen[key]})
                raise ValueError(
                    f"prometheus: a process of {key[0] or 'one host'} is there twice, with different values of "
                    f"{', '.join(labels)}, expected once (select one value)"
                )
            seen[key] = target


def _summed(api: Api, times: list[float], selector: str, argument: str) -> list[Snapshot | None]:
    """Return the samples of a selector at each time, with the time of their scrape."""
    found = api.query_range(selector, times)
    if not found:
        raise ValueError(f"{argument}: no series match {selector}, expected some")
    # Of several names, one tells when they were read.
    name = found[0].labels.get("__name__", "")
    one = f"{name}{{{selector.split('{', 1)[1]}" if selector.startswith("{") else selector
    scraped = api.query_range(f"max(timestamp({one}))", times)
    clock = _by_index(scraped[0], times) if scraped else {}
    return [
        Snapshot(clock.get(number, time_s), samples) if samples else None
        for number, (time_s, samples) in enumerate(zip(times, _at_times(found, times), strict=True))
    ]


def _by_index(series: Series, times: list[float]) -> dict[int, float]:
    """Return a series' values by the number of the time."""
    step_s = times[1] - times[0]
    return {round((time_s - times[0]) / step_s): value for time_s, value in series.points}


def _at_times(found: Sequence[Series], times: list[float]) -> list[Samples]:
    """Lay out series by time, name and labels."""
    parts: list[Samples] = [{} for _ in times]
    for series in found:
        labels = frozenset((name, value) for name, value in series.labels.items() if name != "__name__")
        for number, value in _by_index(series, times).items():
            if 0 <= number < len(parts):
                parts[number].setdefault(series.labels.get("__name__", ""), {})[labels] = value
    return parts
