"""Time how long `capmodel.size` takes: the first answer of a fresh process, and random fleets in every topology.

Run by ``make bench``. Importing and fitting are timed apart; an answer is timed with nothing kept from an earlier one
but the fitted costs.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

import capmodel as cm
from capmodel.tables import write_csv

HERE = Path(__file__).resolve().parent

#: The fleet of the published table that the topologies are compared for, and how it is split.
FLEET = {"agents": 5000, "workloads": 10_000}
TOPOLOGIES = {
    "single": "fleet",
    "nested in 5": "cm.Nested.split(fleet, into=5)",
    "federated in 2": "cm.Federated.split(fleet, into=2)",
}
#: What a fresh process does: seconds of importing, of fitting, of the first and of the second answer.
FRESH = """
import time
times = [time.perf_counter()]
import capmodel as cm
import capmodel.plan, capmodel.costs
times.append(time.perf_counter())
costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
times.append(time.perf_counter())
fleet = cm.Deployment(**{fleet})
for _ in range(2):
    cm.size({topology}, costs)
    times.append(time.perf_counter())
print(*(after - before for before, after in zip(times, times[1:])))
"""


def fresh(topology: str, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each step of fresh processes."""
    steps: dict[str, list[float]] = {"import": [], "fit": [], "first answer": [], "second answer": []}
    code = FRESH.replace("{fleet}", repr(FLEET)).replace("{topology}", topology)
    for _ in range(rounds):
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for step, seconds in zip(steps, ran.stdout.split(), strict=True):
            steps[step].append(float(seconds))
    return steps


def random_fleet(rng: random.Random) -> Any:
    """Draw a fleet in a topology: sizes evenly by their logarithm, settings as operators have them and beyond."""
    datastore = rng.choice(["postgresql", "mariadb", "sqlite"])
    fleet = cm.Deployment(
        agents=int(10 ** rng.uniform(1.0, 5.0)),
        workloads=int(10 ** rng.uniform(1.0, 5.5)),
        datastore=datastore,
        sync_mode=rng.choice(["full_cache", "full_cache", "events_cache", "crawl", "crawl_cached"]),
        x509_ttl_s=rng.choice([600.0, 3600.0, 86_400.0]),
        jwt_per_s=rng.choice([0.0, 0.0, 200.0]),
        changes_per_s=rng.choice([0.0, 1.0]),
        zipf_exponent=rng.choice([0.0, 0.0, 1.0]),
        cores_taken=rng.choice([0.0, 0.2]),
        datastore_round_trip_time_s=0.0 if datastore == "sqlite" else rng.choice([0.0, 0.002]),
    )
    kind = rng.choice(["single", "nested", "federated"])
    if kind == "nested":
        return cm.Nested.split(fleet, into=rng.randint(2, 10))
    return cm.Federated.split(fleet, into=rng.randint(2, 5)) if kind == "federated" else fleet


def main() -> None:
    """Time answers and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes for each topology")
    parser.add_argument("--fleets", type=int, default=200, help="random fleets")
    parser.add_argument("--out", type=Path, default=HERE / "size.csv", help="where to write the results")
    arguments = parser.parse_args()
    facts = {"cores": os.cpu_count(), "python": platform.python_version()}
    rows: list[dict[str, Any]] = []

    def add(question: str, step: str, seconds: list[float]) -> None:
        ordered = sorted(seconds)
        row = {
            "question": question,
            "step": step,
            "count": len(ordered),
            "median_s": f"{statistics.median(ordered):.3g}",
            "p95_s": f"{ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)]:.3g}",
            "max_s": f"{ordered[-1]:.3g}",
        }
        rows.append({**row, **facts})
        print(
            f"{question:34} {step:14} {row['count']:4} median {row['median_s']:>7} s, 95 % {row['p95_s']:>7} s, ",
            end="",
        )
        print(f"longest {row['max_s']:>7} s")

    for name, topology in TOPOLOGIES.items():
        for step, seconds in fresh(topology, arguments.rounds).items():
            add(f"5000 agents, 10 000 workloads, {name}", step, seconds)
    costs = cm.OperationCosts(cm.load_sync_runs(paths=())).fit()
    rng = random.Random(7)
    seconds, cpu = [], []
    for _ in range(arguments.fleets):
        fleet = random_fleet(rng)
        began, began_cpu = time.perf_counter(), time.process_time()
        cm.size(fleet, costs)
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - began_cpu)
    add("random fleets in random topologies", "answer", seconds)
    # A busy neighbor lengthens the first, hardly the second.
    add("random fleets in random topologies", "answer, CPU", cpu)
    write_csv(pd.DataFrame(rows), arguments.out)
    print(f"\n{arguments.out}")


if __name__ == "__main__":
    main()
