"""Text scrapes: what a metrics page said at one moment, and the processes that are in it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from capmodel.datasets import DataError

Labels = frozenset[tuple[str, str]]
Samples = dict[str, dict[Labels, float]]

#: Every process has this series once, and it has no label of its own: its labels are those of the scraped target.
CPU = "process_cpu_seconds_total"

#: Unix seconds beyond this are the year 5138: milliseconds, most likely.
_LATEST_S = 1e11


class Snapshot(NamedTuple):
    """What one target's metrics were at one time.

    Attributes
    ----------
    time_s : float
        When they were read, unix seconds.
    samples : dict
        Value of each series, by name and then by labels.
    """

    time_s: float
    samples: Samples


def read_scrape(path: str | os.PathLike[str]) -> Samples:
    """Read one scrape in the text format.

    Parameters
    ----------
    path : path-like
        What a metrics page answered, saved as it came.

    Returns
    -------
    dict
        Value of each series, by name and then by labels. Counters end in ``_total``, which SPIRE leaves out.

    Raises
    ------
    DataError
        If the file cannot be read, is cut off, is no text format, or holds a series twice.
    ImportError
        If prometheus-client, which knows the format, is not installed.

    Notes
    -----
    Format: https://prometheus.io/docs/instrumenting/exposition_formats/

    Examples
    --------
    >>> from capmodel.datasets import data_path
    >>> scrape = read_scrape(data_path("scrapes/crawl_mariadb_e1.after.prom"))
    >>> scrape["process_cpu_seconds_total"]
    {frozenset(): 79.34}
    """
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError:
        raise ImportError("reading scrapes needs prometheus-client: pip install 'capmodel[prometheus]'") from None
    text = _text(path)
    samples: Samples = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                series = samples.setdefault(sample.name, {})
                labels = frozenset(sample.labels.items())
                if labels in series:
                    raise DataError(path, "each series once", value=written(sample.name, labels))
                series[labels] = float(sample.value)
    except DataError:
        raise
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        raise DataError(path, f"lines of Prometheus' text format ({error or 'a line that is none'})") from None
    return samples


def _text(path: str | os.PathLike[str]) -> str:
    """Return the text of a file that can be a whole scrape."""
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise DataError(path, f"a readable file ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise DataError(path, "metrics as plain text (save a compressed answer unpacked)") from None
    start = text.lstrip()[:200]
    if not start:
        raise DataError(path, "metrics, not an empty file")
    if start.startswith(("<", "{", "[")):
        kind = "a web page" if start.startswith("<") else "JSON"
        raise DataError(
            path, f"metrics in Prometheus' text format, not {kind}", row=1, value=start.splitlines()[0].strip()
        )
    if not text.endswith("\n"):
        lines = text.splitlines()
        raise DataError(path, "a line that ends; the scrape is cut off", row=len(lines), value=lines[-1])
    return text


def targets(samples: Samples) -> dict[Labels, Samples]:
    """Part samples by the processes that they came from.

    Parameters
    ----------
    samples : dict
        Series of one or several targets at one time.

    Returns
    -------
    dict
        By the labels of each target (empty for a plain scrape): its samples. A target is where
        ``process_cpu_seconds_total`` came from, and a series is of the target whose labels it has.

    Examples
    --------
    >>> one, two = frozenset({("instance", "a")}), frozenset({("instance", "b")})
    >>> parts = targets({CPU: {one: 1.0, two: 2.0}, "up": {one: 1.0}})
    >>> parts[one]
    {'process_cpu_seconds_total': {frozenset({('instance', 'a')}): 1.0}, 'up': {frozenset({('instance', 'a')}): 1.0}}
    """
    found = list(samples.get(CPU, {}))
    parts: dict[Labels, Samples] = {target: {} for target in found}
    # A series has few labels: looking up their subsets that are targets costs less than trying every target.
    names = {frozenset(name for name, _ in target) for target in found}
    for metric, series in samples.items():
        for labels, value in series.items():
            for keys in names:
                target = frozenset(pair for pair in labels if pair[0] in keys)
                if target in parts:
                    parts[target].setdefault(metric, {})[labels] = value
    return parts


def counter(samples: Samples, name: str) -> dict[Labels, float]:
    """Return the series of a counter, which some exporters write with ``_total`` at its end and SPIRE does not."""
    return samples.get(f"{name}_total") or samples.get(name) or {}


def total(series: Mapping[Labels, float]) -> float:
    """Return the sum of series over their labels; 0 without any."""
    return sum(series.values())


def written(name: str, labels: Iterable[tuple[str, str]]) -> str:
    """Write a series as the text format does."""
    inside = ",".join(f'{key}="{value}"' for key, value in sorted(labels))
    return f"{name}{{{inside}}}" if inside else name


def parse_time(text: str | float) -> float:
    """Read a time.

    Parameters
    ----------
    text : str or float
        Unix seconds, or ISO 8601; without an offset it is taken as UTC.

    Returns
    -------
    float
        Unix seconds.

    Raises
    ------
    ValueError
        If it is neither, or so large that it must be milliseconds.

    Examples
    --------
    >>> parse_time("2026-11-23T12:31:22.645Z"), parse_time("1795437082.645")
    (1795437082.645, 1795437082.645)
    """
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(str(text))
        except ValueError:
            raise ValueError(f"times: got {text!r}, expected unix seconds or ISO 8601") from None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not 0.0 <= seconds <= _LATEST_S:
        raise ValueError(f"times: got {text!r}, expected unix seconds of at least 0 and at most 1e11 (milliseconds?)")
    return seconds
