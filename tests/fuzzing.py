"""Feed damaged files to every loader and to the importer, and tell what came of it.

``python tests/fuzzing.py 400`` runs that many mutations of each of 16 files (five minutes, and as long for the fits);
the tests run a few. Only `ValueError`, of which `DataError` is one, may come out, within a minute of CPU time, and
nothing half-written may be left.
"""

import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import mutations
import pandas as pd
from fitted import costs
from prometheus_pages import SCRAPES, given_for, pair, times

import capmodel as cm
from capmodel import datasets
from capmodel.prometheus import import_scrapes
from capmodel.schemas import RUN_KINDS, SCHEMAS

PACKAGE = Path(cm.__file__).parent
#: Longest CPU time of one file in the long run; the slowest takes a second, a fit two.
LIMIT_S = 60.0


class Outcome(NamedTuple):
    """What came of one damaged file: ``accepted``, ``refused``, or the fault."""

    file: str
    mutation: str
    seed: int
    what: str


def loads(name: str, path: Path) -> pd.DataFrame:
    """Load a file in the place of the shipped one of that name."""
    original = datasets.data_path
    datasets.data_path = lambda _="": path
    try:
        return getattr(cm, "load_" + {"scrapes/index": "scrape_index"}.get(name, name))(
            **({"paths": ()} if name == "sync_runs" else {})
        )
    finally:
        datasets.data_path = original


def csv_files(rows: int = 12) -> dict[str, bytes]:
    """Return the head of every shipped table: short, so that a mutation hits a different place each time."""
    found = {}
    for name in SCHEMAS:
        text = datasets.data_path(f"{name}.csv").read_text(encoding="utf-8")
        kept = mutations._rows(text.encode())[: rows + 1]
        found[name] = mutations._written(kept)
    return found


def tried(action: Callable[[], object]) -> str:
    """Return what came of an action: accepted, refused, or the fault that may not be."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            action()
    except Exception as error:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        # An error of the package's own: raised by it on purpose, in one line, not by a library that it called.
        own = isinstance(error, ValueError) and Path(frame.f_code.co_filename).is_relative_to(PACKAGE)
        return "refused" if own and "\n" not in str(error) else f"fault: {type(error).__name__}: {error}"
    return "accepted"


def used(name: str, path: Path) -> Callable[[], object]:
    """Return the whole way of a table: load it, find it valid, write it, and score it where it is one of runs."""

    def action() -> None:
        frame = loads(name, path)
        SCHEMAS[name].validate(frame)
        if name in RUN_KINDS:
            kind, same = datasets.read_runs(path)
            # Files of two kinds can have the same columns; a kind that has lost some is another kind.
            assert len(same) == len(frame) or kind != name
            cm.check(frame, costs()).to_dict()

    return action


def tables(number: int, folder: Path, seed: int = 0) -> Iterator[Outcome]:
    """Damage each table that many times."""
    for name, data in csv_files().items():
        for draw in range(seed, seed + number):
            random = Random(f"{name} {draw}")
            mutation, damaged = mutations.mutated(data, random, mutations.CSV)
            path = folder / "damaged.csv"
            path.write_bytes(damaged)
            yield Outcome(name, mutation, draw, tried(used(name, path)))


def scrapes(number: int, folder: Path, seed: int = 0) -> Iterator[Outcome]:
    """Damage one page or both of each shipped pair, and import it."""
    out = folder / "out" / "runs.csv"
    out.parent.mkdir()
    for row in SCRAPES:
        pages = [path.read_bytes() for path in pair(row["name"])]
        for draw in range(seed, seed + number):
            random = Random(f"{row['name']} {draw}")
            chosen = random.choice(((0,), (1,), (0, 1)))
            paths, names = [], []
            for number_of_page, data in enumerate(pages):
                if number_of_page in chosen:
                    mutation, data = mutations.mutated(data, random, mutations.SCRAPE)
                    names.append(mutation)
                paths.append(folder / f"{number_of_page}.prom")
                paths[-1].write_bytes(data)

            def action(paths: list[Path] = paths, row: dict = row) -> None:
                made = import_scrapes(paths, times(row), given_for(row))
                datasets.write_csv(made.frame, out)
                if not made.to_fill:
                    datasets.read_runs(out)

            what = tried(action)
            left = sorted(path.name for path in out.parent.iterdir())
            if left not in ([], ["runs.csv"]):
                what = f"fault: left {left}"
            out.unlink(missing_ok=True)
            yield Outcome(row["name"], "+".join(names), draw, what)


def fits(number: int, folder: Path, seed: int = 0) -> Iterator[Outcome]:
    """Damage cells of the reader's own runs and fit the costs to those that load."""
    data = csv_files(rows=100)["sync_runs"].replace(b"\n", b"\nmine-").rsplit(b"mine-", 1)[0]
    draw = seed - 1
    while number > 0:
        draw += 1
        random = Random(f"fit {draw}")
        mutation = random.choice((mutations.cell, mutations.column, mutations.scale, mutations.lines))
        path = folder / "mine.csv"
        path.write_bytes(mutation(data, random))
        if tried(lambda path=path: cm.load_sync_runs([path])) == "accepted":
            number -= 1
            what = tried(
                lambda path=path: cm.OperationCosts(cm.load_sync_runs([path])).fit().predict(cm.load_fleet_runs())
            )
            yield Outcome("mine.csv", mutation.__name__, draw, what)


def _late(*_: object) -> None:
    raise TimeoutError(f"not done within {LIMIT_S:g} s of CPU time")


def main(number: int) -> int:
    """Run it for long, and print counts and faults."""
    signal.signal(signal.SIGPROF, _late)
    counts: Counter[tuple[str, str]] = Counter()
    faults: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for campaign, tries in ((tables, number), (scrapes, number), (fits, number // 20)):
            signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
            for outcome in campaign(tries, Path(folder)):
                signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
                counts[campaign.__name__, outcome.what.split(":")[0]] += 1
                if outcome.what.startswith("fault"):
                    faults[outcome.what[:200]] += 1
                    if faults[outcome.what[:200]] <= 2:
                        print(outcome, flush=True)
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    for (campaign_name, what), count in sorted(counts.items()):
        print(f"{campaign_name}: {what}: {count}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
