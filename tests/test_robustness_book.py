"""The book where things go wrong: killed at any moment, built twice at once, in odd or read-only folders."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT
from test_book import PAGE, TOC, Book

#: Without these rights root is stopped by permissions, as anyone is; elsewhere the tests run without rights as it is.
WITHOUT_RIGHTS = [
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Build a small book in a folder whose name has spaces, letters that are no ASCII, and marks with a meaning."""
    root = tmp_path_factory.mktemp("odd") / "ä b & 50 % (é)"
    root.mkdir()
    book = Book(root)
    status, _, err = book.build()
    assert (status, err) == (0, "")
    return book


def published(book):
    folder = book.root / "_build/html"
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_book_in_an_odd_folder_is_whole(book):
    assert "The answer is 99.9." in book.page
    assert (book.root / "_build/html/_static/book.css").is_file()
    assert not [path for path, text in published(book).items() if b"50 %" in text or b"50%20%25" in text]


def test_whenever_it_is_killed_readers_keep_a_whole_site_and_the_next_run_repairs_it(book):
    draws = random.Random(1)
    whole = published(book)
    assert "The answer is 99.9." in book.page
    book.write("data/value.csv", "55.5\n")
    for kind in (signal.SIGKILL, signal.SIGTERM):
        process = book.start()
        time.sleep(draws.uniform(0.05, 5.0))
        os.killpg(process.pid, kind)
        process.communicate()
        # What readers see is the old site or the new one, never a mixture.
        assert published(book) == whole or "The answer is 55.5." in book.page
    status, _, err = book.build()
    assert (status, err) == (0, "")
    assert "The answer is 55.5." in book.page
    assert not (book.root / "_build/work/running").exists()
    # It is the site that a build would make that was never killed.
    repaired = published(book)
    shutil.rmtree(book.root / "_build")
    assert book.build()[0] == 0
    assert published(book) == repaired


def test_two_builds_at_once_give_the_site_of_one(book):
    book.write("book/index.md", PAGE + "\nA sentence that is new.\n")
    both = [book.start(), book.start()]
    ends = [(process.communicate(timeout=240), process.returncode) for process in both]
    assert [status for _, status in ends] == [0, 0]
    assert [err for (_, err), _ in ends] == ["", ""]
    # One built, the other one waited and found it done.
    assert sorted("nothing has changed" in out for (out, _), _ in ends) == [False, True]
    assert "A sentence that is new." in book.page


def _cannot_write(folder):
    """Return the start of a command that may not write into a folder, or None where that cannot be had."""
    if os.geteuid() != 0:
        return []
    tried = subprocess.run(
        [*WITHOUT_RIGHTS, "touch", str(folder / "x")], capture_output=True, check=False
    ) if shutil.which("setpriv") else None  # fmt: skip
    (folder / "x").unlink(missing_ok=True)
    return WITHOUT_RIGHTS if tried is not None and tried.returncode else None


def test_a_checkout_that_cannot_be_written_to_says_so_and_builds_elsewhere(book, tmp_path):
    shutil.rmtree(book.root / "_build")
    folders = [book.root, *(path for path in book.root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        start = _cannot_write(book.root)
        if start is None:
            pytest.skip("root may write everywhere here")
        command = [*start, sys.executable, str(book.root / "book/ext/build.py")]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1
        assert "name a folder with --build" in refused.stderr
        elsewhere = os.environ | {"CAPMODEL_BUILD": str(tmp_path / "else where")}
        built = subprocess.run(command, capture_output=True, text=True, check=False, env=elsewhere)
        assert (built.returncode, built.stderr) == (0, "")
        assert "The answer is" in (tmp_path / "else where/html/index.html").read_text()
        assert not (book.root / "_build").exists()
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_the_command_passes_the_folder_on(monkeypatch, tmp_path):
    from typer.testing import CliRunner

    from capmodel import cli

    seen = {}

    def run(command, *, env, **_):
        seen.update(env)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    result = CliRunner().invoke(cli.app, ["book", "--build", str(tmp_path / "there")])
    assert result.exit_code == 0
    assert seen["CAPMODEL_BUILD"] == str(tmp_path / "there")
    assert (ROOT / "book/ext/build.py").is_file()


# Several pages are run in copies of one process that has imported what they need.


@pytest.fixture
def several(tmp_path):
    """Return a function that makes a book of three pages more, each with one cell."""

    def make(cell):
        book = Book(tmp_path)
        names = [f"page{number}" for number in range(3)]
        book.write("book/_toc.yml", TOC + "".join(f"      - file: {name}\n" for name in names))
        head = PAGE.partition("# How much?")[0]
        for name in names:
            book.write(f"book/{name}.md", f"{head}# What is {name}?\n\n```{{code-cell}} ipython3\n{cell(name)}\n```\n")
        return book

    return make


def test_pages_are_run_in_copies_and_one_that_fails_is_run_alone_and_reported(several):
    def cell(name):
        where = f"import sys\nwith open({name!r}, 'a') as told:\n    print('preloaded' in sys.modules, file=told)"
        return where + ("\nraise ValueError('no page')" if name == "page1" else "")

    book = several(cell)
    status, _, err = book.build()
    assert status == 1
    assert err.count("Executing notebook failed") == 1
    assert "page1.md" in err
    assert "no page" in err
    told = {name: (book.root / "book" / name).read_text().split() for name in ("page0", "page1", "page2")}
    assert told == {"page0": ["True"], "page1": ["True", "False"], "page2": ["True"]}


def _runs(process):
    """Tell whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_is_killed_takes_its_kernels_along(several, kind):
    cell = "import os, time\nfrom pathlib import Path\nPath('{}').write_text(str(os.getpid()))\ntime.sleep(99)"
    book = several(cell.format)
    process = book.start()
    written = [book.root / "book" / f"page{number}" for number in range(3)]
    while not all(path.is_file() and path.read_text() for path in written):
        assert process.poll() is None
        time.sleep(0.05)
    kernels = [int(path.read_text().split()[0]) for path in written]
    assert all(map(_runs, kernels))
    process.send_signal(kind)
    process.communicate(timeout=60)
    until = time.monotonic() + 30.0
    while any(map(_runs, kernels)):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_measurements_that_break_a_rule_are_named_once_and_the_old_book_stands(book, tmp_path, monkeypatch):
    if not (book.root / "_build/html/index.html").is_file():
        assert book.build()[0] == 0
    before = published(book)
    own = tmp_path / "mine.csv"
    own.write_text("run_id,spire_version\na,b\n")
    monkeypatch.setenv("CAPMODEL_MEASUREMENTS", str(own))
    status, _, err = book.build()
    assert status == 1
    assert err.count("mine.csv") == 1
    assert err.endswith("book: not published; the messages above say why\n")
    assert published(book) == before


def test_pages_that_look_at_no_runs_of_the_reader_stand_when_these_change(several):
    looks = {
        "page0": "sorted(Path('../data/measurements').glob('*'))",
        "page1": "Path('../data/value.csv').read_text()",
    }
    looks["page2"] = "subprocess.run(['true']).returncode"

    def cell(name):
        return f"import subprocess, time\nfrom pathlib import Path\n{looks[name]}\nprint('ran at', time.time_ns())"

    book = several(cell)
    book.write("capmodel/datasets.py", "")
    (book.root / "data/measurements").mkdir()

    def told():
        status, _, err = book.build()
        assert (status, err) == (0, "")
        pages = {name: (book.root / f"_build/html/{name}.html").read_text() for name in looks}
        return {name: re.search(r"ran at (\d+)", page).group(1) for name, page in pages.items()}

    before = told()
    book.write("data/measurements/README.md", "Mine.\n")
    after = told()
    assert after["page1"] == before["page1"]
    assert after["page0"] != before["page0"]
    assert after["page2"] != before["page2"]
    book.write("data/value.csv", "99.8\n")
    assert told()["page1"] != before["page1"]
