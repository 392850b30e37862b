"""Time what new measurements cost: building the book with them, and reading a million rows.

Run by ``make bench``. The book is built in a folder of its own: all of it, then with one new file of ten rows after
another, then with a file of a million rows; writes ``bench/measurements.csv``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import capmodel as cm
from capmodel.tables import write_csv

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

#: What a machine decides; an own file has these as a slower machine would give them.
MEASURED = [f"{part}_cpu_s_per_op" for part in ("server", "datastore", "client")]

#: Runs a command and says its seconds, those of processors, and the most memory that it held.
TIMED = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([time.perf_counter() - began, used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss]))
"""

LOAD = "import sys, capmodel as cm; cm.load_sync_runs(sys.argv[1])"


def own_rows(count: int, slower: float, seed: int) -> pd.DataFrame:
    """Return measurements of a machine so many times slower: shipped windows, again and again, each a little off."""
    shipped = cm.load_sync_runs(paths=()).drop(columns="source")
    rng = np.random.default_rng(seed)
    rows = shipped.iloc[rng.integers(0, len(shipped), count)].reset_index(drop=True)
    off = slower * rng.lognormal(0.0, 0.05, count)
    return rows.assign(run_id=[f"own-{k}" for k in range(count)], **{name: rows[name] * off for name in MEASURED})


def timed(command: list[str], **environment: str) -> tuple[float, float, float]:
    """Return a command's seconds, processor seconds and bytes."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CAPMODEL_")}
    ran = subprocess.run(
        [sys.executable, "-c", TIMED, *command],
        env={**clean, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(f"bench: {' '.join(command)} failed\n{ran.stderr}")
    seconds, used, held = json.loads(ran.stdout)
    return seconds, used, held


def main() -> None:
    """Time builds and loads and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="new files, and loads of the large one")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the large one")
    parser.add_argument("--out", type=Path, default=HERE / "measurements.csv", help="where to write the results")
    arguments = parser.parse_args()
    facts = {"cores": os.cpu_count(), "python": platform.python_version()}
    rows: list[dict[str, Any]] = []

    def add(question: str, runs: list[tuple[float, float, float]], one_process: bool = False) -> None:
        seconds, used, held = ([run[place] for run in runs] for place in range(3))
        row = {
            "question": question,
            "count": len(runs),
            "min_s": f"{min(seconds):.3g}",
            "median_s": f"{statistics.median(seconds):.3g}",
            "max_s": f"{max(seconds):.3g}",
            # Of a build, most work is done by copies that the system does not count here.
            "median_cpu_s": f"{statistics.median(used):.3g}" if one_process else "",
            "max_memory_bytes": f"{max(held):.0f}" if one_process else "",
        }
        rows.append({**row, **facts})
        print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)

    with tempfile.TemporaryDirectory() as folder:
        build, given = str(Path(folder, "build")), Path(folder, "own.csv")
        book = [sys.executable, "-m", "capmodel", "book"]
        add("the whole book", [timed(book, CAPMODEL_BUILD=build)])
        add("nothing new", [timed(book, CAPMODEL_BUILD=build)])
        runs = []
        for seed in range(arguments.rounds):
            own_rows(10, 2.0, seed).to_csv(given, index=False)
            runs.append(timed(book, CAPMODEL_BUILD=build, CAPMODEL_MEASUREMENTS=str(given)))
        add("a new file of ten rows", runs)
        own_rows(arguments.rows, 2.0, 0).to_csv(given, index=False)
        load = [sys.executable, "-c", LOAD, str(given)]
        add(f"reading {arguments.rows} rows", [timed(load) for _ in range(arguments.rounds)], one_process=True)
        add(
            f"a new file of {arguments.rows} rows",
            [timed(book, CAPMODEL_BUILD=build, CAPMODEL_MEASUREMENTS=str(given))],
        )
        largest = max(Path(build, "html").glob("*.html"), key=lambda page: page.stat().st_size)
        print(f"largest page then: {largest.name}, {largest.stat().st_size} bytes")
    write_csv(pd.DataFrame(rows), arguments.out)
    print(f"\n{arguments.out}")


if __name__ == "__main__":
    main()
