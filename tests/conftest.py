"""What the tests share: the built site, a browser, and draws that are the same every time."""

import importlib.util
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


def load_script(path):
    """Import a file that is not part of a package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
