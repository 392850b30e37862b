"""Named distributions of positive times: a shape, drawn with any mean."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Shape: smallest and largest squared coefficient of variation, and the one taken when none is given.
SHAPES: dict[str, tuple[float, float, float | None]] = {
    "deterministic": (0.0, 0.0, 0.0),
    "uniform": (0.0, 1.0 / 3.0, 0.1**2 / 3.0),
    "exponential": (1.0, 1.0, 1.0),
    "gamma": (0.0, math.inf, None),
    "hyperexponential": (1.0, math.inf, None),
}

#: Draws made at a time: large enough to hide the cost of a call, small enough to waste little.
_CHUNK = 4096


@dataclass(frozen=True)
class Distribution:
    """Shape of the distribution of a positive time; the mean is given where it is drawn.

    Parameters
    ----------
    shape : {"deterministic", "uniform", "exponential", "gamma", "hyperexponential"}
        ``uniform`` is symmetric about the mean; ``hyperexponential`` mixes two exponentials that carry half of the
        mean each.
    squared_cv : float, optional
        Variance over squared mean. Fixed for ``deterministic`` (0) and ``exponential`` (1); 0.1 ** 2 / 3 by default
        for ``uniform`` (0.9 to 1.1 of the mean) and at most 1/3; needed for ``gamma`` (more than 0) and
        ``hyperexponential`` (more than 1).

    Raises
    ------
    ValueError
        If the shape is unknown or the squared coefficient of variation impossible for it.

    Examples
    --------
    >>> Distribution("exponential").squared_cv
    1.0
    >>> Distribution("gamma", 0.25).draw(np.random.default_rng(1), 2.0, 3).round(2)
    array([2.18, 2.17, 2.84])
    """

    shape: str
    squared_cv: float | None = None

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise ValueError(f"distribution: got {self.shape!r}, expected one of {', '.join(SHAPES)}")
        low, high, usual = SHAPES[self.shape]
        value = usual if self.squared_cv is None else self.squared_cv
        wanted = f"{low:g}" if low == high else f"more than {low:g} and at most {high:g}"
        if value is None or not (low == value == high or low < value <= high) or math.isinf(value):
            raise ValueError(f"squared_cv: got {self.squared_cv!r}, expected {wanted} for {self.shape}")
        object.__setattr__(self, "squared_cv", float(value))

    @property
    def _cv2(self) -> float:
        assert self.squared_cv is not None
        return self.squared_cv

    def draw(self, generator: np.random.Generator, mean: float, size: int) -> NDArray[np.float64]:
        """Draw independent times.

        Parameters
        ----------
        generator : numpy.random.Generator
            Source of the draws.
        mean : float
            Mean of the distribution.
        size : int
            Number of draws.

        Returns
        -------
        ndarray, shape (size,)
        """
        if self.shape == "deterministic":
            return np.full(size, float(mean))
        if self.shape == "uniform":
            half = math.sqrt(3.0 * self._cv2)
            return mean * generator.uniform(1.0 - half, 1.0 + half, size)
        if self.shape == "exponential":
            return generator.exponential(mean, size)
        if self.shape == "gamma":
            return generator.gamma(1.0 / self._cv2, mean * self._cv2, size)
        short, _ = self._branches()
        scale = np.where(generator.random(size) < short, 0.5 / short, 0.5 / (1.0 - short))
        return mean * scale * generator.exponential(1.0, size)

    def draw_residual(self, generator: np.random.Generator, mean: float, size: int) -> NDArray[np.float64]:
        """Draw what is left of a time that is under way when it is looked at, at a moment without meaning to it.

        Parameters
        ----------
        generator, mean, size
            As for :meth:`draw`.

        Returns
        -------
        ndarray, shape (size,)
            Draws of the equilibrium distribution, density P(time > t) / mean: a uniform share of a time that is
            itself drawn in proportion to its length.

        Examples
        --------
        What is left of an exponential time is as long as a new one; what is left of a fixed time is half of it:

        >>> generator = np.random.default_rng(1)
        >>> [round(float(Distribution(shape).draw_residual(generator, 2.0, 100_000).mean()), 1)
        ...  for shape in ("exponential", "deterministic")]
        [2.0, 1.0]
        """
        share = generator.random(size)
        if self.shape == "uniform":
            half = math.sqrt(3.0 * self._cv2)
            low, high = (1.0 - half) ** 2, (1.0 + half) ** 2
            return mean * share * np.sqrt(generator.uniform(low, high, size))
        if self.shape == "exponential":
            return generator.exponential(mean, size)
        if self.shape == "gamma":
            return share * generator.gamma(1.0 / self._cv2 + 1.0, mean * self._cv2, size)
        if self.shape == "hyperexponential":
            short, _ = self._branches()
            scale = np.where(generator.random(size) < 0.5, 0.5 / short, 0.5 / (1.0 - short))
            return mean * scale * generator.exponential(1.0, size)
        return mean * share

    def stream(self, generator: np.random.Generator, mean: float) -> Iterator[float]:
        """Yield draws one at a time, without end.

        Parameters
        ----------
        generator, mean
            As for :meth:`draw`.

        Yields
        ------
        float

        Examples
        --------
        >>> times = Distribution("deterministic").stream(np.random.default_rng(1), 2.0)
        >>> next(times), next(times)
        (2.0, 2.0)
        """
        while True:
            yield from self.draw(generator, mean, _CHUNK).tolist()

    def _branches(self) -> tuple[float, float]:
        """Return the probabilities of the short and the long branch of a hyperexponential with balanced means."""
        short = 0.5 * (1.0 + math.sqrt((self._cv2 - 1.0) / (self._cv2 + 1.0)))
        return short, 1.0 - short


def named(value: Any) -> Distribution:
    """Return a distribution from its name or itself.

    Parameters
    ----------
    value : str or Distribution

    Returns
    -------
    Distribution

    Raises
    ------
    ValueError
        If the name is unknown, or needs a squared coefficient of variation beside it.

    Examples
    --------
    >>> named("exponential")
    Distribution(shape='exponential', squared_cv=1.0)
    """
    return value if isinstance(value, Distribution) else Distribution(value)
