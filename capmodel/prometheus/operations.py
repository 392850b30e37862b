"""Which operations a server's counters show, and what the fitted costs say each took of its CPU."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from capmodel import spire
from capmodel.prometheus.scrapes import Samples, counter, total
from capmodel.prometheus.windows import Window

if TYPE_CHECKING:
    from capmodel.costs import CostResults

#: Operation of each call counter, by the counter's name behind the prefix. An RPC's counter is its service and method
#: in snake case. v1.15.3 pkg/common/api/middleware/names.go:85-135, v0.10.2 pkg/common/telemetry/server/node_api.go
CALLS = {
    "rpc_entry_v1_entry_sync_authorized_entries": "sync_entries",
    "rpc_entry_v1_entry_get_authorized_entries": "get_entries",
    "rpc_bundle_v1_bundle_get_bundle": "get_bundle",
    "rpc_bundle_v1_bundle_get_federated_bundle": "get_federated_bundle",
    "rpc_svid_v1_svid_batch_new_x509svid": "sign_x509",
    "rpc_svid_v1_svid_new_jwtsvid": "sign_jwt",
    "rpc_svid_v1_svid_new_downstream_x509ca": "sign_ca",
    "rpc_agent_v1_agent_attest_agent": "attest",
    "rpc_agent_v1_agent_renew_agent": "renew_agent",
    "rpc_agent_v1_agent_post_status": "post_status",
    "rpc_agent_v1_agent_create_join_token": "create_join_token",
    "rpc_entry_v1_entry_batch_create_entry": "create_entry",
    "rpc_entry_v1_entry_batch_update_entry": "update_entry",
    "rpc_entry_v1_entry_batch_delete_entry": "delete_entry",
    "rpc_entry_v1_entry_list_entries": "list_entries",
    "node_api_x509_svid_fetch": "sync",
    "node_api_jwt_svid_fetch": "sign_jwt",
    "node_api_x509_ca_svid_fetch": "sign_ca",
    "node_api_fetch_bundle_fetch": "get_bundle",
    "node_api_attest": "attest",
    "registration_api_entry_create": "create_entry",
    "registration_api_entry_create_if_not_exists": "create_entry",
    "registration_api_entry_update": "update_entry",
    "registration_api_entry_delete": "delete_entry",
    "registration_api_entry_list": "list_entries",
    "registration_api_join_token_create": "create_join_token",
    "entry_cache_reload": "reload",
    "datastore_registration_entry_event_list": "poll_events",
}
#: What an interface's call counters begin with; the other counters show what happened inside.
INTERFACES = ("rpc_", "node_api_", "registration_api_")
#: These count every call a second time, beside the call's own counter.
_AGAIN = ("node_api_authorize_call", "registration_api_authorize_call")
#: Counters of the items in calls that carry several.
_ITEMS = {
    "create_entry": "datastore_registration_entry_create",
    "update_entry": "datastore_registration_entry_update",
    "delete_entry": "datastore_registration_entry_delete",
}
#: Entries in one answer to a call that lists them, at most. v1.15.3 pkg/server/api/entry/v1/service.go
_LISTED = 500
#: Share of calls that the edges of a window may cut, beside two whole calls.
_EDGE = 0.01
#: Share of a window's calls that may have failed or be of a kind without a price.
NEGLIGIBLE_CALLS = 0.01
#: Share of a window's CPU that operations other than the row's may have taken.
NEGLIGIBLE_CPU = 0.02
_FRACTION = 0.02


class Amount(NamedTuple):
    """How much of one operation a window holds.

    Attributes
    ----------
    number : float
        Operations completed without an error.
    seconds : float
        Mean time that the server took for one; NaN if its metrics do not tell.
    batch_size : float
        Mean number of items in one.
    federated_domains : float
        Mean number of federated bundles fetched in one.
    """

    number: float
    seconds: float = math.nan
    batch_size: float = 1.0
    federated_domains: float = 0.0


class Activity(NamedTuple):
    """What a server did in a window.

    Attributes
    ----------
    amounts : dict of str to Amount
        By operation.
    failed, unpriced : float
        Calls that ended with an error; calls of kinds that no operation stands for.
    """

    amounts: dict[str, Amount]
    failed: float
    unpriced: float


def sync_mode(samples: Samples, prefix: str, spire_version: str | None) -> str | None:
    """Tell how a server finds an agent's entries.

    Parameters
    ----------
    samples : dict
        What the server exposes.
    prefix : str
        What SPIRE's metric names begin with.
    spire_version : str or None
        The release, if known.

    Returns
    -------
    str or None
        A name in :data:`capmodel.spire.SYNC_MODES`; None if the metrics show no mode.
    """
    cached = bool(counter(samples, f"{prefix}_entry_cache_reload"))
    events = bool(counter(samples, f"{prefix}_datastore_registration_entry_event_list"))
    if cached != events:
        return "full_cache" if cached else "events_cache"
    if not any(counter(samples, f"{prefix}_{name}") for name in CALLS if name.startswith("node_api_")):
        return None
    if spire_version:
        cached_crawl = numbers(spire_version) >= numbers(spire.MODE_RELEASES["crawl"][1])
    else:
        # v0.10.1 began to count authorised calls. v0.10.0 looks like v0.9.
        cached_crawl = bool(counter(samples, f"{prefix}_node_api_authorize_call"))
    return "crawl_cached" if cached_crawl else "crawl"


def numbers(spire_version: str) -> tuple[int, int, int]:
    """Return a release's numbers, without what a build appends to them."""
    return spire.version_tuple(re.split("[-+]", spire_version)[0])


def activity(window: Window, prefix: str) -> Activity:
    """Count a window's operations.

    Parameters
    ----------
    window : Window
        Of one server.
    prefix : str
        What SPIRE's metric names begin with.

    Returns
    -------
    Activity
        Calls put together as agents make them: entries and bundle are one sync.
    """
    amounts: dict[str, Amount] = {}
    failed = unpriced = 0.0
    # Releases between the two generations answer agents of both; a sync is then that of the newer one.
    both = window.count(f"{prefix}_rpc_entry_v1_entry_get_authorized_entries") > 0.0
    for name, series in window.increases.items():
        key = name.removeprefix(f"{prefix}_").removesuffix("_total")
        if key in _AGAIN or not (key in CALLS or key.startswith(INTERFACES)) or "_elapsed_time" in key:
            continue
        good = sum(rise for labels, rise in series.items() if dict(labels).get("status", "OK") == "OK")
        failed += total(series) - good
        if key not in CALLS or (CALLS[key] == "sync" and both):
            unpriced += good
        elif good > 0.0:
            operation = CALLS[key]
            found = Amount(good, _seconds(window, f"{prefix}_{key}"))
            amounts[operation] = _sum(amounts[operation], found) if operation in amounts else found
    for operation, items in _ITEMS.items():
        if operation in amounts:
            amounts[operation] = _batched(amounts[operation], window.count(f"{prefix}_{items}"))
    if "sign_x509" in amounts:
        others = sum(amounts[name].number for name in ("renew_agent", "attest") if name in amounts)
        signed = window.count(f"{prefix}_server_ca_sign_x509_svid") - others - window.count(f"{prefix}_svid_rotate")
        amounts["sign_x509"] = _batched(amounts["sign_x509"], signed)
    elif "sync" in amounts:
        # Before v0.12 a sync with signing requests is counted as a sync, and its signatures one series an identity.
        signed = window.count(f"{prefix}_server_ca_sign_x509_svid")
        if signed > 0.0:
            amounts["sign_x509"] = Amount(1.0, batch_size=signed)
    return Activity(_joined(amounts), failed, unpriced)


def _seconds(window: Window, name: str) -> float:
    """Return the server's mean time for a call; SPIRE measures milliseconds (v1.15.3 pkg/common/telemetry/call.go)."""
    number = total(window.increases.get(f"{name}_elapsed_time_count", {}))
    milliseconds = total(window.increases.get(f"{name}_elapsed_time_sum", {}))
    return milliseconds / number / 1e3 if number > 0.0 else math.nan


def _sum(one: Amount, other: Amount) -> Amount:
    count = one.number + other.number
    return Amount(count, (one.number * one.seconds + other.number * other.seconds) / count)


def _batched(amount: Amount, items: float) -> Amount:
    return amount._replace(batch_size=max(items / amount.number, 1.0))


def _joined(amounts: dict[str, Amount]) -> dict[str, Amount]:
    """Put the calls of a sync together: the entries, the bundle, and the federated bundles where there are any."""
    parts = [amounts[name] for name in ("sync_entries", "get_entries") if name in amounts]
    bundles, federated = amounts.get("get_bundle"), amounts.get("get_federated_bundle")
    if not parts or bundles is None:
        return amounts
    entries = parts[0] if len(parts) == 1 else _sum(*parts)
    count = entries.number
    if abs(bundles.number - count) > 2.0 + _EDGE * count:
        count = min(bundles.number, count)
    kept = {name: amount for name, amount in amounts.items() if name not in ("sync_entries", "get_entries")}
    for name, amount in (("sync_entries", entries), ("get_bundle", bundles)):
        kept.pop(name, None)
        rest = amount.number - count
        if rest > 2.0 + _EDGE * count:
            kept[name] = amount._replace(number=rest)
    seconds = entries.seconds + bundles.seconds
    if federated is None:
        return {"sync": Amount(count, seconds), **kept}
    del kept["get_federated_bundle"]
    domains = federated.number / count
    # An agent fetches some at a time. v1.15.3 pkg/agent/client/client.go:35
    seconds += math.ceil(domains / spire.FEDERATED_WORKERS) * federated.seconds
    return {"sync_federated": Amount(count, seconds, federated_domains=domains), **kept}


def whole(value: float) -> int | None:
    """Return the whole number that a mean is within edges of a window, or None."""
    return round(value) if abs(value - round(value)) <= _FRACTION * max(value, 1.0) else None


def shares(
    done: Activity, known: Mapping[str, object], costs: Callable[[], CostResults] | None, seconds: float
) -> dict[str, float]:
    """Say what share of a server's CPU each operation took, by the fitted costs.

    Parameters
    ----------
    done : Activity
        The operations.
    known : mapping
        Cells of the row that are known, by column; what is missing takes the default of
        :data:`capmodel.work.WORK_COLUMNS`.
    costs : callable or None
        Returns fitted costs; not called for a single operation.
    seconds : float
        Length of the window.

    Returns
    -------
    dict of str to float
        Share by operation, summing to 1.

    Raises
    ------
    ValueError
        If there are several operations and their costs cannot be told; the message says what is missing.
    """
    amounts = done.amounts
    if len(amounts) == 1:
        return dict.fromkeys(amounts, 1.0)
    needed = ["datastore"]
    if amounts.keys() & {"sync", "sync_entries", "get_entries", "sync_federated"}:
        needed.append("entries_per_agent")
    if amounts.keys() & {"reload", "list_entries"}:
        needed += ["agents", "entries"]
    missing = [name for name in needed if known.get(name) is None]
    kinds = ", ".join(f"{amount.number:.0f} {operation}" for operation, amount in amounts.items())
    if missing or costs is None:
        what = " and ".join(missing) if missing else "fitted costs"
        raise ValueError(f"the window holds {kinds}; without {what} their shares of the CPU cannot be told")
    frame = pd.DataFrame(
        [
            {
                **{name: value for name, value in known.items() if value is not None},
                "operation": "sync_federated" if operation == "get_federated_bundle" else operation,
                "sync_mode": "full_cache" if operation == "reload" else known.get("sync_mode") or "full_cache",
                "batch_size": amount.batch_size,
                "federated_domains": 1.0 if operation == "get_federated_bundle" else amount.federated_domains,
                "entries": _listed(operation, known),
                # Whatever comes keeps the cores awake for the rest.
                "rate_per_core_s": sum(part.number for part in amounts.values())
                / seconds
                / _number(known, "cores", 1.0),
            }
            for operation, amount in amounts.items()
        ]
    )
    table = costs().predict(frame)
    each = table.loc[table["component"] == "server", "estimate_s"].to_numpy(float)
    cpu_s = {operation: amount.number * price for (operation, amount), price in zip(amounts.items(), each, strict=True)}
    unknown = [operation for operation, value in cpu_s.items() if not value >= 0.0]
    if unknown:
        raise ValueError(f"the window holds {kinds}; no measured run has the price of {', '.join(unknown)}")
    whole_s = sum(cpu_s.values())
    return {operation: value / whole_s for operation, value in cpu_s.items()}


def _listed(operation: str, known: Mapping[str, object]) -> float:
    """Return the entries that the operation reads: a call that lists them gets a page of them."""
    entries = _number(known, "entries", 0.0)
    return min(entries, float(_LISTED)) if operation == "list_entries" else entries


def _number(known: Mapping[str, object], column: str, otherwise: float) -> float:
    value = known.get(column)
    return otherwise if value is None else float(str(value))
