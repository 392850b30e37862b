"""What happened between two snapshots of one process: counters that reset, vanish or run backwards."""

from __future__ import annotations

from dataclasses import dataclass, field

from capmodel.prometheus.scrapes import CPU, Labels, Samples, Snapshot, counter, total, written

#: First release whose series never expire; before it, one that rests for 60 s vanishes and comes back from 0.
#: v0.12.3 pkg/common/telemetry/prometheus.go against v0.10.2 pkg/common/telemetry/prometheus.go:33
FIRST_WITHOUT_EXPIRY = (0, 12, 3)

START = "process_start_time_seconds"
COLLECTION = "go_memstats_last_gc_time_seconds"
#: A start time is computed from the host's boot time, which a clock correction moves a little.
_SAME_START_S = 2.0
#: SPIRE's uptime moves in steps of 10 s. v1.15.3 pkg/common/telemetry/uptime.go
_UPTIME_STEP_S = 10.0
#: Go collects its garbage at least every two minutes.
_GARBAGE_S = 120.0
#: Difference of two clocks that is worth a word.
_SKEW_S = 60.0
_CORES_TOLERANCE = 1.5
#: Cores that no host has, for scrapes that do not tell how many it has.
_MOST_CORES = 4096.0


@dataclass(frozen=True)
class Window:
    """What one process did between two snapshots.

    Attributes
    ----------
    start_s, end_s : float
        Unix seconds; after a restart, the start of the new process.
    increases : dict
        What each counter and each sum of a summary rose by, by name and labels.
    samples : dict
        Values at the end.
    remarks : list of str
        What a reader of the figures should know.
    """

    start_s: float
    end_s: float
    increases: Samples
    samples: Samples
    remarks: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Length of the window; microseconds are all that a number of unix seconds can hold."""
        return round(self.end_s - self.start_s, 6)

    @property
    def cpu_s(self) -> float:
        """CPU seconds that the process used."""
        return total(self.increases[CPU])

    def count(self, name: str) -> float:
        """Return what a counter rose by, over all its labels."""
        return total(counter(self.increases, name))


def between(before: Snapshot, after: Snapshot, prefix: str, *, expires: bool, cores: float | None = None) -> Window:
    """Work out what one process did between two snapshots.

    Parameters
    ----------
    before, after : Snapshot
        Of the same target.
    prefix : str
        What SPIRE's metric names begin with, such as ``"spire_server"``.
    expires : bool
        Whether series that rest vanish (:data:`FIRST_WITHOUT_EXPIRY`).
    cores : float, optional
        Cores of the host, if known.

    Returns
    -------
    Window
        With the values since the restart where the process restarted.

    Raises
    ------
    ValueError
        If the snapshots are equal or in the wrong order, one is cut off, a counter ran backwards, or the times cannot
        be those of the snapshots.
    """
    restarted = _restarted(before, after, prefix)
    remarks = []
    start_s = before.time_s
    if restarted:
        start_s, remark = _start_of(before, after)
        remarks.append(remark)
        increases = {name: dict(series) for name, series in after.samples.items() if _grows(name, prefix)}
    else:
        _check_complete(before, after, prefix)
        _check_clock(before, after, prefix)
        increases, lost = _rises(before.samples, after.samples, prefix, expires)
        if lost:
            remarks.append(
                f"{lost} series vanished or began anew, as they do in this release after 60 s without a change: "
                "their counts are lower bounds"
            )
    window = Window(start_s, after.time_s, increases, after.samples, remarks)
    remarks += _skew(after, prefix)
    if not window.cpu_s > 0:
        raise ValueError(
            f"times: {CPU} did not rise in a window: the same scrape twice, or a step shorter than the scrape interval?"
        )
    _check_cores(window, cores)
    return window


def _value(samples: Samples, name: str) -> float | None:
    series = samples.get(name)
    return total(series) if series else None


def _restarted(before: Snapshot, after: Snapshot, prefix: str) -> bool:
    """Tell a restart from one process going on; raise if time went backwards."""
    started = [_value(part.samples, START) for part in (before, after)]
    up_ms = [_value(part.samples, f"{prefix}_uptime_in_ms") for part in (before, after)]
    cpu_s = [_value(part.samples, CPU) or 0.0 for part in (before, after)]
    backwards = "times: the scrapes are in the wrong order: "
    if started[0] is not None and started[1] is not None:
        if started[1] < started[0] - _SAME_START_S:
            raise ValueError(
                f"{backwards}the process of the later one started at {started[1]:.0f}, before the other's, which "
                f"started at {started[0]:.0f}"
            )
        if started[1] > started[0] + _SAME_START_S:
            return True
    elif up_ms[0] is not None and up_ms[1] is not None and up_ms[1] < up_ms[0]:
        if up_ms[1] / 1e3 <= after.time_s - before.time_s + _UPTIME_STEP_S:
            return True
        raise ValueError(f"{backwards}the server had been up for {up_ms[0]:.0f} ms, and later for {up_ms[1]:.0f} ms")
    if cpu_s[1] < cpu_s[0]:
        raise ValueError(f"{backwards}{CPU} fell from {cpu_s[0]:g} to {cpu_s[1]:g} and the process did not restart")
    return False


def _start_of(before: Snapshot, after: Snapshot) -> tuple[float, str]:
    """Return when the new process started, as far as it can be told, and what to say of it."""
    started = _value(after.samples, START)
    remark = "the server restarted: the figures are those since, and contain its start"
    if started is not None and before.time_s < started < after.time_s:
        return started, remark
    return before.time_s, remark + "; the time that it was down is in the window"


def _grows(name: str, prefix: str) -> bool:
    """Tell whether a series counts what this process did."""
    if name == CPU:
        return True
    return name.startswith(f"{prefix}_") and name.endswith(("_total", "_elapsed_time_sum", "_elapsed_time_count"))


def _check_complete(before: Snapshot, after: Snapshot, prefix: str) -> None:
    """Raise if one snapshot lacks what every answer of a process has."""
    always = [
        {name for name in part.samples if name.startswith(("go_", "process_", f"{prefix}_runtime_"))}
        for part in (before, after)
    ]
    for which, missing in (("later", always[0] - always[1]), ("earlier", always[1] - always[0])):
        if missing:
            raise ValueError(f"the {which} scrape is cut off: it has no {min(missing)}, which the other one has")


def _check_clock(before: Snapshot, after: Snapshot, prefix: str) -> None:
    """Raise if the server's own clocks show that the times are not those of the snapshots."""
    seconds = after.time_s - before.time_s
    for name, unit_s, slack_s, word in (
        (f"{prefix}_uptime_in_ms", 1e-3, 1.1 * _UPTIME_STEP_S, "the server's uptime rose by"),
        (COLLECTION, 1.0, _GARBAGE_S, "the last garbage collections lie apart by"),
    ):
        values = [_value(part.samples, name) for part in (before, after)]
        if values[0] is None or values[1] is None:
            continue
        own_s = (values[1] - values[0]) * unit_s
        if abs(own_s - seconds) > slack_s + 0.02 * seconds:
            raise ValueError(
                f"times: {seconds:g} s lie between two scrapes, but {word} {own_s:g} s (milliseconds, times of other "
                "scrapes, or two clocks?)"
            )


def _rises(before: Samples, after: Samples, prefix: str, expires: bool) -> tuple[Samples, int]:
    """Return what each counter rose by, and how many series had expired in between."""
    increases: Samples = {}
    lost = 0
    for name in sorted(before.keys() | after.keys()):
        if not _grows(name, prefix):
            continue
        old, new = before.get(name, {}), after.get(name, {})
        rises: dict[Labels, float] = {}
        for labels, value in new.items():
            start = old.get(labels, 0.0)
            if value < start:
                if not expires:
                    raise ValueError(
                        f"{written(name, labels)}: fell from {start:g} to {value:g} although the process did not "
                        "restart, expected a counter (scrapes of two servers, or in the wrong order?)"
                    )
                lost, start = lost + 1, 0.0
            rises[labels] = value - start
        gone = [labels for labels in old if labels not in new]
        if gone and not expires:
            raise ValueError(
                f"{written(name, gone[0])}: is in the earlier scrape and not in the later one, expected both of one "
                "process, and whole"
            )
        lost += len(gone)
        increases[name] = rises
    return increases, lost


def _skew(after: Snapshot, prefix: str) -> list[str]:
    """Say so if the server's clock is not the one that the times are from."""
    started = _value(after.samples, START)
    up_ms = _value(after.samples, f"{prefix}_uptime_in_ms")
    collected = _value(after.samples, COLLECTION)
    known = [value - after.time_s for value in (started, collected) if value is not None]
    if started is not None and up_ms is not None:
        known.append(started + up_ms / 1e3 - after.time_s)
        behind_s = -known[-1] - _UPTIME_STEP_S
        if behind_s > _SKEW_S:
            return [f"the server's clock is {behind_s:.0f} s behind the times given; only their difference is used"]
    ahead_s = max(known, default=0.0)
    if ahead_s > _SKEW_S:
        return [f"the server's clock is {ahead_s:.0f} s ahead of the times given; only their difference is used"]
    return []


def _check_cores(window: Window, cores: float | None) -> None:
    """Raise if the process used more cores than the host has."""
    most = _CORES_TOLERANCE * cores if cores else _MOST_CORES
    used = window.cpu_s / window.seconds
    if used > most:
        raise ValueError(
            f"times: {CPU} rose by {window.cpu_s:g} s in {window.seconds:g} s, which takes {used:.0f} cores, "
            f"expected at most {most:g} (milliseconds, or times of other scrapes?)"
        )
