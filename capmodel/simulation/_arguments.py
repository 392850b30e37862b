"""What the simulations accept: checks that name the argument, what it was and what it may be."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np


def whole(name: str, value: Any, least: int) -> int:
    """Return a whole number that is large enough.

    Parameters
    ----------
    name : str
        Argument to name in the message.
    value : int
    least : int
        Smallest value allowed.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is no whole number or too small.

    Examples
    --------
    >>> whole("servers", 0, 1)
    Traceback (most recent call last):
    ValueError: servers: got 0, expected at least 1
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ValueError(f"{name}: got {value!r}, expected a whole number")
    if value < least:
        raise ValueError(f"{name}: got {value}, expected at least {least}")
    return int(value)


def real(
    name: str, value: Any, *, least: float = -math.inf, above: float = -math.inf, below: float = math.inf
) -> float:
    """Return a finite number within bounds.

    Parameters
    ----------
    name : str
        Argument to name in the message.
    value : float
    least, above, below : float
        Smallest value allowed, and what it has to exceed and to stay under.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is no finite number or out of bounds.

    Examples
    --------
    >>> real("level", 1.0, above=0.0, below=1.0)
    Traceback (most recent call last):
    ValueError: level: got 1.0, expected more than 0 and less than 1
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ValueError(f"{name}: got {value!r}, expected a number")
    number = float(value)
    if not (math.isfinite(number) and number >= least and above < number < below):
        bounds = [
            f"{words} {bound:g}"
            for words, bound in (("at least", least), ("more than", above), ("less than", below))
            if math.isfinite(bound)
        ]
        raise ValueError(f"{name}: got {value!r}, expected {' and '.join(bounds) or 'a finite number'}")
    return number


def seed_sequence(seed: Any) -> np.random.SeedSequence:
    """Return the seed sequence that a seed names, unused.

    Parameters
    ----------
    seed : int or numpy.random.SeedSequence

    Returns
    -------
    numpy.random.SeedSequence
        A copy, so that spawning from it leaves the caller's sequence, and a second run, as they were.

    Raises
    ------
    ValueError
        If it is neither a sequence nor a whole number of at least 0.

    Examples
    --------
    >>> seed_sequence(7).entropy
    7
    """
    if isinstance(seed, np.random.SeedSequence):
        return np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key, pool_size=seed.pool_size)
    return np.random.SeedSequence(whole("seed", seed, 0))
