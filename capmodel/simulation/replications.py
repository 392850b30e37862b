"""Independent replications of a simulation, in parallel."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed

from capmodel.simulation._arguments import real, seed_sequence, whole
from capmodel.simulation.estimates import Array, Estimate, student_interval

if TYPE_CHECKING:
    import pandas as pd


class Replications(NamedTuple):
    """Result of :func:`replicate`.

    Attributes
    ----------
    names : tuple of str
        The quantities: fields of the replicated function's result, entries of arrays as ``"in_system[0]"``.
    values : ndarray, shape (replications, quantities)
        What each replication found, in the order of its seed.
    level : float
        Level of the intervals.
    results : list
        What the function returned, a result a replication.

    Examples
    --------
    >>> from capmodel.simulation import open_queue
    >>> runs = replicate(open_queue, 10, seed=1, arrival_rate=0.5, service_time=1.0, servers=1, customers=20_000)
    >>> runs.values.shape, round(float(runs.estimate("utilization").estimate), 1)
    ((10, 7), 0.5)
    >>> runs.frame()["quantity"].tolist()
    ['mean_wait', 'response_time', 'wait_probability', 'utilization', 'in_system', 'customers', 'warmup']
    """

    names: tuple[str, ...]
    values: Array
    level: float
    results: list[Any]

    def estimate(self, name: str) -> Estimate:
        """Return the mean of a quantity and its interval.

        Parameters
        ----------
        name : str
            One of `names`.

        Returns
        -------
        Estimate
            Student's interval across the replications.

        Raises
        ------
        ValueError
            If there is no such quantity.
        """
        if name not in self.names:
            raise ValueError(f"name: got {name!r}, expected one of {', '.join(self.names)}")
        return self._interval(self.values[:, self.names.index(name)])

    def frame(self) -> pd.DataFrame:
        """Return the intervals as a table.

        Returns
        -------
        DataFrame
            A row a quantity: ``quantity``, ``estimate``, ``lower``, ``upper``, ``standard_deviation`` (of one
            replication), ``replications``.
        """
        import pandas as pd

        interval = self._interval(self.values)
        return pd.DataFrame(
            {
                "quantity": self.names,
                **interval._asdict(),
                "standard_deviation": self.values.std(axis=0, ddof=1),
                "replications": len(self.values),
            }
        )

    def _interval(self, values: Array) -> Estimate:
        return student_interval(values.mean(axis=0), values.std(axis=0, ddof=1), len(values), self.level)


def replicate(
    function: Callable[..., Any],
    replications: int,
    seed: int | np.random.SeedSequence,
    *,
    n_jobs: int | None = None,
    level: float = 0.95,
    **arguments: Any,
) -> Replications:
    """Run a simulation several times with independent seeds and put intervals around the means.

    Parameters
    ----------
    function : callable
        A simulation that takes `seed` and returns a named tuple or a mapping of numbers, arrays and
        :class:`Estimate`, such as :func:`open_queue` and :func:`closed_loop`.
    replications : int
        How many runs.
    seed : int or numpy.random.SeedSequence
        Each run gets a child of it, so that results depend neither on `n_jobs` nor on the backend.
    n_jobs : int, optional
        Runs at a time, as joblib understands it: -1 is one a core; None, the default, is one, or what the surrounding
        ``joblib.parallel_config`` says.
    level : float
        Probability that an interval across the replications holds the truth; not passed on.
    **arguments
        Passed to the function.

    Returns
    -------
    Replications
        Of an :class:`Estimate` only the estimate enters: the intervals here rest on the replications alone, hence
        hold even where a single run is correlated throughout. Other fields are left out.

    Raises
    ------
    ValueError
        If there are fewer than two replications, or `level` is out of bounds.

    Notes
    -----
    Any backend registered with joblib is a drop-in. On a Dask cluster, for instance (Ray has its own registration,
    ``ray.util.joblib.register_ray()``, and is then ``"ray"``)::

        from dask.distributed import Client
        client = Client("scheduler:8786")
        with joblib.parallel_config(backend="dask"):
            replicate(closed_loop, 100, seed=1, population=5000, ...)

    Examples
    --------
    >>> from capmodel.simulation import open_queue
    >>> runs = replicate(open_queue, 10, seed=1, arrival_rate=0.5, service_time=1.0, servers=1, customers=20_000)
    >>> interval = runs.estimate("mean_wait")
    >>> bool(interval.lower < 1.0 < interval.upper)
    True
    """
    whole("replications", replications, 2)
    real("level", level, above=0.0, below=1.0)
    children = seed_sequence(seed).spawn(replications)
    results = list(Parallel(n_jobs=n_jobs)(delayed(function)(seed=child, **arguments) for child in children))
    rows = [dict(_numbers(result)) for result in results]
    names = tuple(name for name in rows[0] if all(name in row for row in rows))
    values = np.array([[row[name] for name in names] for row in rows], dtype=float)
    return Replications(names, values, level, results)


def _numbers(result: Any) -> Iterator[tuple[str, float]]:
    """Yield the numbers of a result with their names."""
    fields = result if isinstance(result, Mapping) else result._asdict()
    for name, value in fields.items():
        found = value.estimate if isinstance(value, Estimate) else value
        if isinstance(found, np.ndarray) and found.ndim == 1:
            yield from ((f"{name}[{index}]", float(entry)) for index, entry in enumerate(found))
        elif isinstance(found, numbers.Real):
            yield name, float(found)
