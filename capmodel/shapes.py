"""Which shapes of servers and datastore there are, what one must keep, and the published table's shape for a fleet.

The functions are scalar and use plain arithmetic only: the site's calculator is translated from them, so that page and
package cannot differ.
"""

from __future__ import annotations

from typing import NamedTuple

from capmodel.deployment import Inputs

#: Shapes that are tried: servers, cores of each, memory of each in GB, cores of the datastore.
SERVER_RUNGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
CORE_RUNGS = (1, 2, 4, 8, 16, 32)
MEMORY_RUNGS_GB = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
DATASTORE_CORE_RUNGS = (1, 2, 4, 8, 16, 32, 64, 128)
#: Share of a server's memory that its resident set may fill: Go's collector lets the heap grow before it collects.
MEMORY_FILL = 0.8
GB = 1e9


class Limits(NamedTuple):
    """What a shape must keep.

    Attributes
    ----------
    max_utilization : float
        Largest share of the cores in use, of servers and of the datastore.
    max_response_time_s : float
        Longest mean response time of a sync, seconds.
    quantile : float
        Normal quantile of the intervals' upper bound; a limit holds when the upper bound keeps it.
    spare_servers : int
        Servers that may be lost without a limit being broken.
    """

    max_utilization: float
    max_response_time_s: float
    quantile: float
    spare_servers: int


class Shape(NamedTuple):
    """Servers, cores of each, and cores of the datastore (1 for SQLite, which has none of its own)."""

    servers: int
    cores: int
    datastore_cores: int


class ReferenceCell(NamedTuple):
    """One cell of the published table (data/reference_sizing.csv)."""

    agents: int
    workloads: int
    servers: int
    cores_per_server: int
    memory_gb_per_server: int


def server_rungs(fleet: Inputs, spare_servers: int) -> list[int]:
    """List the numbers of servers that leave at least one when the spare ones are lost.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    spare_servers : int
        Servers that may be lost.

    Returns
    -------
    list of int
        One server for SQLite, which lives inside it.

    Examples
    --------
    >>> from capmodel import Deployment
    >>> server_rungs(Deployment(agents=10, workloads=100).inputs(), 1)[:3]
    [2, 3, 4]
    """
    if fleet.datastore == "sqlite":
        return [1]
    return [count for count in SERVER_RUNGS if count > spare_servers]


def datastore_rungs(fleet: Inputs) -> list[int]:
    """List the sizes of the datastore that are tried.

    Parameters
    ----------
    fleet : Inputs
        The deployment.

    Returns
    -------
    list of int
        Cores; 1 for SQLite, which has none of its own.

    Examples
    --------
    >>> from capmodel import Deployment
    >>> datastore_rungs(Deployment(agents=10, workloads=100, datastore="sqlite").inputs())
    [1]
    """
    if fleet.datastore == "sqlite":
        return [1]
    return list(DATASTORE_CORE_RUNGS)


def server_shapes(fleet: Inputs, spare_servers: int) -> list[Shape]:
    """List servers and cores from small to large.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    spare_servers : int
        Servers that may be lost.

    Returns
    -------
    list of Shape
        By cores in all, then by servers; the datastore is at its largest.
    """
    counts = server_rungs(fleet, spare_servers)
    largest_datastore = datastore_rungs(fleet)[-1]
    shapes: list[Shape] = []
    total = 0
    while True:
        # The next larger number of cores in all that some shape has.
        following = 0
        for servers in counts:
            for cores in CORE_RUNGS:
                if servers * cores > total and (following == 0 or servers * cores < following):
                    following = servers * cores
        if following == 0:
            return shapes
        total = following
        for servers in counts:
            shapes.extend(
                [
                    Shape(servers=servers, cores=cores, datastore_cores=largest_datastore)
                    for cores in CORE_RUNGS
                    if servers * cores == total
                ]
            )


def by_size(fleet: Inputs, spare_servers: int) -> list[Shape]:
    """List all shapes from small to large.

    Parameters
    ----------
    fleet : Inputs
        The deployment.
    spare_servers : int
        Servers that may be lost.

    Returns
    -------
    list of Shape
        By cores of all servers, then by servers, then by cores of the datastore.

    Examples
    --------
    >>> from capmodel import Deployment
    >>> by_size(Deployment(agents=10, workloads=100).inputs(), 1)[0]
    Shape(servers=2, cores=1, datastore_cores=1)
    """
    rungs = datastore_rungs(fleet)
    shapes: list[Shape] = []
    for shape in server_shapes(fleet, spare_servers):
        shapes.extend([Shape(servers=shape.servers, cores=shape.cores, datastore_cores=cores) for cores in rungs])
    return shapes


def memory_rung(resident_bytes: float) -> int:
    """Return the smallest size of memory that leaves room beside the resident set.

    Parameters
    ----------
    resident_bytes : float
        Resident set of a server.

    Returns
    -------
    int
        GB; the largest where none is large enough.

    Examples
    --------
    >>> memory_rung(0.5e9), memory_rung(0.9e9)
    (1, 2)
    """
    for rung in MEMORY_RUNGS_GB:
        if resident_bytes <= MEMORY_FILL * rung * GB:
            return rung
    return MEMORY_RUNGS_GB[-1]


def covering_cell(table: list[ReferenceCell], agents: float, workloads: float) -> ReferenceCell | None:
    """Return the published table's cell for a fleet.

    Parameters
    ----------
    table : list of ReferenceCell
        The table.
    agents, workloads : float
        The fleet.

    Returns
    -------
    ReferenceCell or None
        The smallest cell with at least as many agents and workloads; None beyond the table.

    Examples
    --------
    >>> table = [ReferenceCell(100, 1000, 2, 1, 2), ReferenceCell(1000, 1000, 2, 4, 4)]
    >>> covering_cell(table, 500, 10).agents, covering_cell(table, 5000, 10)
    (1000, None)
    """
    best: ReferenceCell | None = None
    for cell in table:
        if cell.agents < agents or cell.workloads < workloads:
            continue
        fewer = best is None or cell.agents < best.agents
        if fewer or (best is not None and cell.agents == best.agents and cell.workloads < best.workloads):
            best = cell
    return best
