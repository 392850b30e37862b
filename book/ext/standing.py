"""Keep what pages gave that did not look at the reader's own runs: it stands when only these change."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import remember
from inputs import MEASUREMENTS

#: What a process started elsewhere looks at is not seen here.
_ELSEWHERE = ("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen")
_LOOKS = ("open", "os.listdir", "os.scandir")


def watch(root: Path, tell: Callable[[], None]) -> None:
    """Tell, once, when this process looks at what a reader may have changed, or starts another that might.

    Parameters
    ----------
    root : Path
        Top folder of the checkout: of ``data/``, only the shipped tables and scrapes are no one's own.
    tell : callable
        Is called at the first look.
    """
    data, scrapes = root / "data", root / "data" / "scrapes"
    given = os.environ.get(MEASUREMENTS)
    own = Path(given).absolute() if given else None
    told = False

    def looks(path: Any) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        at = Path(os.path.abspath(os.fsdecode(path)))
        shipped = at.is_relative_to(scrapes) or (at.parent == data and at.suffix == ".csv")
        return (at.is_relative_to(data) and not shipped) or (own is not None and at.is_relative_to(own))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal told
        if not told and (event in _ELSEWHERE or (event in _LOOKS and looks(arguments[0]))):
            told = True
            tell()

    sys.addaudithook(hook)


def _path(key: str) -> Path | None:
    folder = os.environ.get(remember.FOLDER)
    return Path(folder) / f"{key}.page" if folder else None


def find(key: str) -> tuple[Any, float] | None:
    """Return a page's notebook and the seconds it took, if it is kept.

    Parameters
    ----------
    key : str
        Digest of its cells.

    Returns
    -------
    tuple or None
        Of the notebook with its outputs and the seconds.
    """
    path = _path(key)
    found = remember.kept(path) if path is not None else ()
    return found[0] if found else None


def keep(key: str, notebook: Any, seconds: float) -> None:
    """Keep what a page gave.

    Parameters
    ----------
    key : str
        Digest of its cells.
    notebook : NotebookNode
        With its outputs.
    seconds : float
        What it took.
    """
    path = _path(key)
    if path is not None:
        remember.written(path, (notebook, seconds))
