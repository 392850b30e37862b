"""Find a Chromium for the browser tests, or fetch one: installed, else Playwright's, else the distribution's.

``python scripts/browser.py`` prints what it found in one line, and exits with 1 and the reason when there is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MACOS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def version(path: str) -> str | None:
    """Return what a browser says of itself, or None where it does not start.

    Some distributions put a stub on the path that only tells how to install a browser, and a download can lack the
    libraries that it needs: a file that exists is not yet a browser.
    """
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.strip()
    return words if done.returncode == 0 and any(character.isdigit() for character in words) else None


def _playwright_path() -> str | None:
    """Return where Playwright keeps its own browser, whether or not it is there."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _candidates() -> Iterator[str]:
    for name in NAMES:
        path = shutil.which(name)
        if path:
            yield path
    if os.path.exists(MACOS):
        yield MACOS
    path = _playwright_path()
    if path and os.path.exists(path):
        yield path


def find() -> str | None:
    """Return the path of a browser that starts: the one that CHROME names, or the first installed one.

    Returns
    -------
    str or None
        Path of the program; None where there is none.

    Raises
    ------
    ValueError
        If CHROME names something that does not start. To test in another browser than the one asked for would be worse
        than not to test.
    """
    asked = os.environ.get("CHROME")
    if asked:
        path = shutil.which(asked)
        if path is None or version(path) is None:
            raise ValueError(f"CHROME: got {asked!r}, expected a Chromium or Chrome that starts")
        return path
    return next((path for path in _candidates() if version(path)), None)


def _run(*command: str, seconds: float) -> str:
    """Run a command and return why it failed, or nothing."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environment, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    if done.returncode == 0:
        return ""
    told = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
    return told.strip() or f"exit status {done.returncode}"


def fetch() -> tuple[str | None, list[str]]:
    """Fetch a browser.

    Returns
    -------
    path : str or None
        Path of the program, or None.
    failed : list of str
        What was tried and why it did not help.
    """
    failed = []
    why = _run(sys.executable, "-m", "playwright", "install", "chromium", seconds=600)
    path = find()
    if path:
        return path, failed
    failed.append(f"playwright install chromium: {why or 'it does not start here'}")
    if shutil.which("apt-get") is None:
        failed.append("apt-get: not on this system")
    elif os.geteuid() != 0:
        failed.append("apt-get install chromium: needs root")
    else:
        why = _run("apt-get", "update", seconds=600) or _run(
            "apt-get", "install", "-y", "--no-install-recommends", "chromium", seconds=1800
        )
        path = find()
        if path:
            return path, failed
        failed.append(f"apt-get install chromium: {why or 'it does not start here'}")
    return None, failed


def main() -> int:
    """Print the browser that the tests will use; fetch one if there is none."""
    try:
        path, failed = find(), []
    except ValueError as error:
        print(f"browser: {error}", file=sys.stderr)
        return 1
    if path is None:
        print("browser: none installed, fetching one", file=sys.stderr)
        path, failed = fetch()
    if path is None:
        print("browser: none found; install Chromium or Chrome, or name one in CHROME", file=sys.stderr)
        for line in failed:
            print(f"browser: tried {line}", file=sys.stderr)
        return 1
    print(f"browser: {path} ({version(path)})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
