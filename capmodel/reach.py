"""How far an answer reaches: which inputs lie outside the measured runs, and what the answer rests on.

The functions are scalar and use plain arithmetic only: the site's calculator is translated from them.
"""

from __future__ import annotations

from typing import NamedTuple

from capmodel import spire
from capmodel.deployment import Inputs, cached_share, classes_of
from capmodel.shapes import Limits, Shape

#: Largest values that the runs contain beside those in :class:`Measured`: cores of a host (data/README.md), servers on
#: one datastore (data/shared_datastore_runs.csv), round trip to it (data/datastore_distance_runs.csv).
MEASURED_CORES = 2
MEASURED_SERVERS = 3
MEASURED_ROUND_TRIP_TIME_S = 0.04


class Measured(NamedTuple):
    """What the fitted runs cover.

    Attributes
    ----------
    ranges : dict of str to dict of str to list of float
        For each family and column the smallest and the largest measured value.
    highest_rate_per_s : float
        Most syncs a second in a measured window.
    """

    ranges: dict[str, dict[str, list[float]]]
    highest_rate_per_s: float


def extrapolations(fleet: Inputs, measured: Measured, shape: Shape) -> list[str]:
    """Name every input outside the measured runs.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    measured : Measured
        What the runs cover.
    shape : Shape
        Servers that serve, cores of each, cores of the datastore.

    Returns
    -------
    list of str
        Each with its value and the measured range; empty where all lie inside.
    """
    sync = spire.family(fleet.sync_mode, "sync")
    # What grows with the whole deployment: the reload or the poll, and until v0.11 the datastore that a sync walks.
    background = spire.upkeep(fleet.sync_mode)
    if background == "":
        background = sync
    label = "entries per agent" if len(classes_of(fleet)) == 1 else "entries of the largest agents"
    found = outside(measured, sync, "entries_per_agent", label, largest_agent(fleet))
    found.extend(outside(measured, sync, "selectors_per_entry", "selectors per entry", fleet.selectors_per_entry))
    found.extend(outside(measured, sync, "federated_domains", "federated trust domains", fleet.federated_domains))
    found.extend(outside(measured, background, "entries", "registration entries", fleet.workloads))
    found.extend(outside(measured, background, "agents", "agents in the datastore", fleet.agents))
    if shape.servers > MEASURED_SERVERS:
        found.append(
            f"servers: {shape.servers:g}, measured up to {MEASURED_SERVERS:g} on one datastore; "
            "each is taken to load it alike"
        )
    if shape.cores > MEASURED_CORES:
        found.append(f"cores per server: {shape.cores:g}, measured {MEASURED_CORES:g}; cores are taken to add up")
    if fleet.datastore != "sqlite" and shape.datastore_cores > MEASURED_CORES:
        found.append(
            f"cores of the datastore: {shape.datastore_cores:g}, measured {MEASURED_CORES:g}; cores are taken to add up"
        )
    shared = cached_share(fleet, fleet.agents / fleet.sync_interval_s / shape.servers)
    if shared > 0.0:
        found.append(
            f"ids that the subtree cache saves: {shared:.2g} of them, measured 0; what each saves is SPIRE's source, "
            "how often is reckoned from syncs at random"
        )
    rate = fleet.agents / fleet.sync_interval_s
    if rate > measured.highest_rate_per_s:
        found.append(f"syncs per second: {amount(rate)}, measured up to {measured.highest_rate_per_s:,.0f}")
    if fleet.datastore_round_trip_time_s > MEASURED_ROUND_TRIP_TIME_S:
        found.append(
            f"round trip to the datastore: {fleet.datastore_round_trip_time_s:g} s, "
            f"measured up to {MEASURED_ROUND_TRIP_TIME_S:g} s"
        )
    return found


def largest_agent(fleet: Inputs) -> float:
    """Return the entries of an agent in the class that holds the most.

    Parameters
    ----------
    fleet : Inputs
        The deployment.

    Returns
    -------
    float
        The mean where entries spread evenly.
    """
    most = 0.0
    for part in classes_of(fleet):
        most = max(most, part.entries)
    return most


def amount(value: float) -> str:
    """Write a number as readers do: thousands apart, never as a power of ten.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    str
        Whole from a thousand on.

    Examples
    --------
    >>> amount(0.25), amount(1_000_000.0)
    ('0.25', '1,000,000')
    """
    return f"{value:,.0f}" if value >= 1000.0 else f"{value:g}"


def outside(measured: Measured, family: str, column: str, label: str, value: float) -> list[str]:
    """Say whether a value lies outside the measured range.

    Parameters
    ----------
    measured : Measured
        What the runs cover.
    family, column : str
        Where to look.
    label : str
        Name of the input.
    value : float
        Its value.

    Returns
    -------
    list of str
        One line, or none. Fewer than measured costs less than measured, except that no entry has no selector.
    """
    if family not in measured.ranges or column not in measured.ranges[family]:
        return [f"{label}: {amount(value)}, not measured in this mode"]
    low = measured.ranges[family][column][0]
    high = measured.ranges[family][column][1]
    if value > high or (value < low and column == "selectors_per_entry"):
        return [f"{label}: {amount(value)}, measured {amount(low)} to {amount(high)}"]
    return []


def assumptions(fleet: Inputs, limits: Limits, datastore: str) -> list[str]:
    """State what the answer rests on.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    limits : Limits
        What must hold.
    datastore : str
        The datastore by the name that the reader gave.

    Returns
    -------
    list of str
        One sentence each.
    """
    spread = "." if len(classes_of(fleet)) == 1 else f" on average, {largest_agent(fleet):.3g} on the largest."
    found = [
        f"{fleet.workloads:,.0f} workloads are {fleet.workloads:,.0f} registration entries, "
        f"{fleet.entries_per_agent:.3g} an agent" + spread,
        "Agents spread evenly over the servers.",
        f"A core is worth {fleet.machine_speed:g} of the measured machine's.",
    ]
    share = f"Utilization stays under {100.0 * limits.max_utilization:.3g} %"
    if limits.spare_servers == 0:
        found.append(share + "; no server is spare.")
    else:
        noun = "server" if limits.spare_servers == 1 else "servers"
        found.append(share + f" with {limits.spare_servers:g} " + noun + " lost.")
    if datastore == "sqlite":
        found.append("SQLite lives inside one server: there is no second server to fail over to.")
    else:
        found.append("Servers and the datastore have hosts of their own.")
        found.append("What servers and the datastore use at rest comes on top: the measured costs leave it out.")
    if fleet.cores_taken > 0:
        found.append(f"Other processes use {fleet.cores_taken:g} cores of each server's host.")
    if datastore == "mysql":
        found.append("MySQL is answered with MariaDB's measured costs.")
    if spire.family(fleet.sync_mode, "sync") == "crawl":
        found.append("Signing, renewal and writes cost what they cost in v1.15.3; only the sync was measured here.")
    return found
