"""How registration entries spread over agents.

The functions are scalar and use plain arithmetic only: the site's calculators are translated from them.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class EntryClass(NamedTuple):
    """Agents that hold about as many entries as each other.

    Attributes
    ----------
    share : float
        Share of all agents, 0 to 1.
    entries : float
        Entries of each.
    """

    share: float
    entries: float


#: Classes that a heavy-tailed spread is cut into.
CLASSES = 24


def zipf_classes(agents: float, mean_entries: float, exponent: float) -> list[EntryClass]:
    """Spread entries over agents so that the agent of rank r holds a share in proportion to r to the minus `exponent`.

    Parameters
    ----------
    agents : float
        Agents.
    mean_entries : float
        Entries of a mean agent; the classes keep it.
    exponent : float
        0 for an even spread, 1 for Zipf's law.

    Returns
    -------
    list of EntryClass
        The largest agent first, alone in its class; further classes widen with the rank, and hold the sums of their
        ranks by the midpoint rule.

    Examples
    --------
    >>> zipf_classes(1000, 20.0, 0.0)
    [EntryClass(share=1.0, entries=20.0)]
    >>> round(zipf_classes(1000, 20.0, 1.0)[0].entries)
    2666
    """
    if exponent <= 0.0 or agents <= 1.0:
        return [EntryClass(share=1.0, entries=mean_entries)]
    growth = math.log((agents + 0.5) / 1.5) / (CLASSES - 1)
    edges = [0.5]
    edges.extend([1.5 * math.exp(growth * k) for k in range(CLASSES)])
    weights = []
    total = 0.0
    for k in range(len(edges) - 1):
        weight = _power_integral(edges[k], edges[k + 1], exponent)
        if k == 0:
            weight = 1.0
        weights.append(weight)
        total = total + weight
    classes = []
    for k in range(len(weights)):
        width = edges[k + 1] - edges[k]
        classes.append(EntryClass(share=width / agents, entries=mean_entries * agents * weights[k] / (total * width)))
    return classes


def _power_integral(low: float, high: float, exponent: float) -> float:
    """Return the integral of x to the minus `exponent`."""
    if abs(exponent - 1.0) < 1e-9:
        return math.log(high / low)
    power = 1.0 - exponent
    return (math.exp(power * math.log(high)) - math.exp(power * math.log(low))) / power


def listed_classes(entries: list[float]) -> list[EntryClass]:
    """Group agents whose entries are known one by one.

    Parameters
    ----------
    entries : list of float
        Entries of each agent.

    Returns
    -------
    list of EntryClass
        At most `CLASSES`, the largest agents first; agents of a class are taken to hold its mean.

    Examples
    --------
    >>> listed_classes([1.0, 5.0, 1.0, 1.0])
    [EntryClass(share=0.25, entries=5.0), EntryClass(share=0.75, entries=1.0)]
    """
    ordered = sorted(entries, reverse=True)
    values = sorted(set(ordered), reverse=True)
    if len(values) <= CLASSES:
        return [EntryClass(share=ordered.count(value) / len(ordered), entries=value) for value in values]
    classes = [EntryClass(share=1.0 / len(ordered), entries=ordered[0])]
    rest = ordered[1:]
    for k in range(CLASSES - 1):
        part = rest[len(rest) * k // (CLASSES - 1) : len(rest) * (k + 1) // (CLASSES - 1)]
        if part:
            classes.append(EntryClass(share=len(part) / len(ordered), entries=sum(part) / len(part)))
    return classes
