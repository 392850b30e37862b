"""One fleet under several topologies, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from capmodel.plan import size
from capmodel.topology import Federated, Nested, SingleTrustDomain

if TYPE_CHECKING:
    from capmodel.cluster import Interval
    from capmodel.costs import CostResults
    from capmodel.deployment import Deployment
    from capmodel.outcome import ClusterSizing, Sizing
    from capmodel.prices import Prices
    from capmodel.topology import Topology


def alternatives_of(
    fleet: Deployment, *, nested: Sequence[int] = (5,), federated: Sequence[int] = (2,)
) -> dict[str, Topology]:
    """Return the topologies that one fleet can have.

    Parameters
    ----------
    fleet : Deployment
        The fleet.
    nested, federated : sequence of int
        Into how many clusters below a root, and into how many federated trust domains, it is split; more than the
        fleet has agents are left out.

    Returns
    -------
    dict of str to Topology
        By name, one trust domain first.

    Examples
    --------
    >>> from capmodel import Deployment
    >>> list(alternatives_of(Deployment(agents=5000, workloads=10_000), nested=(2, 5)))
    ['single trust domain', 'nested in 2', 'nested in 5', 'federated in 2']
    """
    found: dict[str, Topology] = {"single trust domain": SingleTrustDomain(fleet)}
    found |= {f"nested in {parts}": Nested.split(fleet, parts) for parts in nested if parts <= fleet.agents}
    found |= {f"federated in {parts}": Federated.split(fleet, parts) for parts in federated if parts <= fleet.agents}
    return found


def compare(
    fleet: Deployment | Mapping[str, Deployment | Topology],
    costs: CostResults,
    *,
    prices: Prices | None = None,
    max_utilization: float = 0.6,
    max_response_time_s: float = 1.0,
    level: float = 0.9,
    spare_servers: int = 1,
) -> pd.DataFrame:
    """Size several topologies of one fleet and lay them side by side.

    Parameters
    ----------
    fleet : Deployment or mapping of str to Deployment or Topology
        The fleet, which then stands in one trust domain, nested in 5 and federated in 2
        (:func:`alternatives_of`); or topologies by name.
    costs : CostResults
        Fitted costs.
    prices : Prices, optional
        See :func:`capmodel.plan.size`.
    max_utilization, max_response_time_s, level, spare_servers : float
        See :func:`capmodel.plan.size`.

    Returns
    -------
    DataFrame
        One row a topology: topology, clusters, holds; servers, server_cores, memory_gb, datastore_cores and
        cost_per_hour of all clusters together, each with ``_lower`` and ``_upper``; datastores;
        server_utilization, datastore_utilization, response_time_s and staleness_s of the cluster where each is highest,
        with its bounds; fullest, the cluster with the least room; probability_holds, that every cluster keeps every
        limit; extrapolated. The upper bound of a sum is the shape itself, its lower bound the sum at the lower end of
        the demand. Where clusters rest on the same costs they err together, and hold together more often than
        `probability_holds`, which is the product over the clusters, says.

    Raises
    ------
    ValueError
        If there is nothing to compare or a limit is impossible.

    Examples
    --------
    >>> import capmodel as cm
    >>> costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    >>> frame = cm.compare(cm.Deployment(agents=5000, workloads=10_000), costs)
    >>> frame["topology"].tolist()
    ['single trust domain', 'nested in 5', 'federated in 2']
    """
    named = fleet if isinstance(fleet, Mapping) else alternatives_of(fleet)
    if not named:
        raise ValueError("fleet: got no topology, expected at least one")
    rows = []
    for name, topology in named.items():
        sizing = size(
            topology,
            costs,
            max_utilization=max_utilization,
            max_response_time_s=max_response_time_s,
            level=level,
            spare_servers=spare_servers,
            prices=prices,
        )
        rows.append({"topology": name, **_row(sizing)})
    return pd.DataFrame(rows)


def _row(sizing: Sizing) -> dict[str, Any]:
    """Add the clusters of an answer up."""
    parts = sizing.clusters
    row: dict[str, Any] = {"clusters": len(parts), "holds": all(part.holds for part in parts)}
    row["datastores"] = sum(part.datastore_cores > 0 for part in parts)
    for name, amounts in {
        "servers": [(part.servers, part.choice.low_shape.servers) for part in parts],
        "server_cores": [_cores(part) for part in parts],
        "memory_gb": [
            (part.servers * part.memory_gb_per_server, part.choice.low_shape.servers * part.choice.low_memory_gb)
            for part in parts
        ],
        "datastore_cores": [(part.datastore_cores, part.interval["datastore_cores"]["lower"]) for part in parts],
    }.items():
        chosen, low = sum(amount[0] for amount in amounts), sum(min(amount) for amount in amounts)
        row |= {name: chosen, f"{name}_lower": low, f"{name}_upper": sum(max(amount) for amount in amounts)}
    priced = [part.cost_per_hour for part in parts if part.cost_per_hour is not None]
    if priced:
        for suffix, values in zip(("", "_lower", "_upper"), zip(*priced, strict=True), strict=True):
            row["cost_per_hour" + suffix] = sum(values)
    for name in ("server_utilization", "datastore_utilization", "response_time_s", "staleness_s"):
        highest = max((_quantity(part, name) for part in parts), key=lambda value: value.upper)
        row |= {name: highest.estimate, f"{name}_lower": highest.lower, f"{name}_upper": highest.upper}
    row["fullest"] = sizing.binding.name
    row["probability_holds"] = math.prod(part.chances.every for part in parts)
    row["extrapolated"] = any(part.evaluation.extrapolated for part in parts)
    return row


def _cores(part: ClusterSizing) -> tuple[int, int]:
    low = part.choice.low_shape
    return part.servers * part.cores_per_server, low.servers * low.cores


def _quantity(part: ClusterSizing, name: str) -> Interval:
    """Return a quantity with all servers up."""
    if name.endswith("_utilization"):
        return part.evaluation.utilization[name.removesuffix("_utilization")]
    found: Interval = getattr(part.evaluation, name)
    return found
