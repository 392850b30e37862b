"""Discrete-event simulation of the systems that :mod:`capmodel.queueing` has formulas for, to check those formulas."""

from capmodel.simulation.closed_system import Bursts, ClosedLoop, Windows, closed_loop
from capmodel.simulation.distributions import Distribution
from capmodel.simulation.estimates import Estimate, mser5
from capmodel.simulation.open_system import OpenQueue, open_queue
from capmodel.simulation.replications import Replications, replicate

__all__ = [
    "Bursts",
    "ClosedLoop",
    "Distribution",
    "Estimate",
    "OpenQueue",
    "Replications",
    "Windows",
    "closed_loop",
    "mser5",
    "open_queue",
    "replicate",
]
