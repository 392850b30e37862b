"""What the tests share: the built site, a browser, and draws that are the same every time."""

import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "ext"))

settings.register_profile("capmodel", derandomize=True, deadline=None, database=None)
settings.load_profile("capmodel")

#: What scripts of the theme report about themselves.
CHATTER = re.compile(r"\[PST\]|\[togglebutton\]")

#: A browser that asks nobody for anything.
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


#: All charts of a page are drawn, have the width of the page, and show what they were told last.
AT_REST = """async () => {
    const figures = [...document.querySelectorAll("figure.capchart")];
    const wide = (figure) =>
        figure.dataset.drawn && figure.chart.width === figure.querySelector(".capchart-view").clientWidth;
    for (const end = Date.now() + 30000; !figures.every(wide) && Date.now() < end;)
        await new Promise((done) => setTimeout(done, 20));
    for (let twice = 0; twice < 2; twice++) for (const figure of figures) await figure.chart.result.view.runAsync();
    if (!figures.every(wide)) throw new Error("a chart has not the width of its page");
}"""

#: Files whose tests take longest, which start first: a file is one worker's, and the last ones should be short.
LONG = [
    "test_accessibility",
    "test_calculator",
    "test_translate",
    "test_robustness_book",
    "test_book",
    "test_cli",
    "test_site",
    "test_sources",
    "test_sizing",
]


def pytest_xdist_auto_num_workers(config):
    """Start three workers on two cores: a third of the time they wait, for a browser or a process."""
    return max(1, 3 * (os.cpu_count() or 1) // 2)


def pytest_collection_modifyitems(items):
    """Put the long files first, in the order of LONG, without a change inside a file."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


def load_script(path):
    """Import a file that is not part of a package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def ended(monkeypatch, capsys):
    """Return a function that runs a command and gives exit status, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["capmodel", *map(str, arguments)])
        from capmodel import cli

        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


@pytest.fixture(scope="session")
def site():
    """Return the folder of the built site."""
    folder = ROOT / "_build" / "html"
    assert (folder / "index.html").is_file(), "the book is not built: run `make book`"
    return folder


@pytest.fixture(scope="session")
def browser():
    """Start a browser; its absence is a failure, since a skipped test would say nothing about the site."""
    from playwright.sync_api import sync_playwright

    path = load_script(ROOT / "scripts" / "browser.py").find()
    assert path, "no browser: run `python scripts/browser.py`, which finds or fetches one"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=BROWSER_ARGUMENTS)
        yield started
        started.close()
