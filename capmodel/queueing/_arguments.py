"""What the queueing functions ask of their arguments: numbers within bounds, NaN where a value is unknown.

Every check takes arguments by the name that its error message gives them and returns them as float arrays, in order.
Counts are floats too, so that NaN can stand for an unknown count.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_Rule = tuple[Callable[[Floats], NDArray[np.bool_]], str]

_FINITE: _Rule = (np.isinf, "a finite number")
_WHOLE: _Rule = (lambda values: np.floor(values) < values, "a whole number")


def _checked(arguments: dict[str, ArrayLike], *rules: _Rule) -> list[Floats]:
    """Return the arguments as arrays, or raise ValueError with the first value that breaks a rule."""
    arrays = []
    for name, value in arguments.items():
        try:
            given = np.asarray(value)
            values = given.astype(np.float64, copy=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: got {value!r}, expected numbers") from error
        # Integers are finite and whole: only their size is in question.
        for breaks, expected in rules[:1] if given.dtype.kind in "iu" else rules:
            broken = breaks(values)
            if broken.any() if broken.ndim else broken:
                raise ValueError(f"{name}: got {values[broken].flat[0]:.16g}, expected {expected}")
        arrays.append(values)
    return arrays


def flattened(*arrays: Floats) -> tuple[tuple[int, ...], list[Floats]]:
    """Return the common shape of arrays that broadcast, and the arrays in one dimension."""
    if not any(array.ndim for array in arrays):
        return (), [array.reshape(1) for array in arrays]  # a fifth of the time of broadcasting
    wide = np.broadcast_arrays(*arrays)
    return wide[0].shape, [array.ravel() for array in wide]


def non_negative(**arguments: ArrayLike) -> list[Floats]:
    """Return arguments that are finite and at least 0."""
    return _checked(arguments, (lambda values: values < 0.0, "at least 0"), _FINITE)


def positive(**arguments: ArrayLike) -> list[Floats]:
    """Return arguments that are finite and more than 0."""
    return _checked(arguments, (lambda values: values <= 0.0, "more than 0"), _FINITE)


def whole(least: int, **arguments: ArrayLike) -> list[Floats]:
    """Return arguments that are whole numbers of at least `least`."""
    return _checked(arguments, (lambda values: values < least, f"at least {least}"), _FINITE, _WHOLE)


def probabilities(**arguments: ArrayLike) -> list[Floats]:
    """Return arguments that are at least 0 and less than 1."""
    return _checked(
        arguments, (lambda values: values < 0.0, "at least 0"), (lambda values: values >= 1.0, "less than 1")
    )


def positive_probabilities(**arguments: ArrayLike) -> list[Floats]:
    """Return arguments that are more than 0 and less than 1."""
    return _checked(
        arguments, (lambda values: values <= 0.0, "more than 0"), (lambda values: values >= 1.0, "less than 1")
    )
