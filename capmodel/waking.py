"""How the extra cost of waking a host fades as requests come quicker.

The functions are scalar and use plain arithmetic only: the site's calculators are translated from them.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Waking(NamedTuple):
    """How the extra of waking fades on one component and datastore.

    Attributes
    ----------
    constant_per_s : float
        Wakes a second and core over which the extra falls to 1/e.
    busiest_per_s : float
        Wakes a second and core of the busiest measured host. There nothing is left of the extra: beyond it a cost is
        taken to stay what it was there.

    Examples
    --------
    At half of the busiest measured host's requests a small part of the extra is left:

    >>> round(waking_share(1000.0, Waking(constant_per_s=700.0, busiest_per_s=2000.0)), 2)
    0.19
    """

    constant_per_s: float
    busiest_per_s: float


def waking_share(wakes_per_s: float, waking: Waking) -> float:
    """Return which share of the extra of waking is left.

    Parameters
    ----------
    wakes_per_s : float
        Wakes a second and core.
    waking : Waking
        Fitted constants.

    Returns
    -------
    float
        1 at rest, 0 from the busiest measured host on.

    Examples
    --------
    >>> waking_share(0.0, Waking(700.0, 2000.0)), waking_share(2500.0, Waking(700.0, 2000.0))
    (1.0, 0.0)
    """
    if not wakes_per_s < waking.busiest_per_s:
        return 0.0
    last = math.exp(-waking.busiest_per_s / waking.constant_per_s)
    return (math.exp(-wakes_per_s / waking.constant_per_s) - last) / (1.0 - last)


def at_speed(waking: Waking, speed: float) -> Waking:
    """Return how the extra of waking fades on a faster or slower machine.

    Parameters
    ----------
    waking : Waking
        On the measured machine.
    speed : float
        Speed of the machine, 1 the measured one's.

    Returns
    -------
    Waking
        A machine half as fast is as busy at half the requests, and finds its cores as warm.

    Examples
    --------
    >>> at_speed(Waking(700.0, 2000.0), 0.5)
    Waking(constant_per_s=350.0, busiest_per_s=1000.0)
    """
    return Waking(constant_per_s=waking.constant_per_s * speed, busiest_per_s=waking.busiest_per_s * speed)
