"""What the book is made from, and the digests that tell whether it has changed. Only the standard library is used."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

#: Decides what a page's cells print: data, models, this extension, timings, versions of all packages.
EXECUTION = ("data/**/*", "capmodel/**/*.py", "book/ext/**/*.py", "bench/results.csv", "requirements.lock")
#: The part of it that a reader's own runs leave alone.
SHIPPED = ("data/*.csv", "data/scrapes/*", *EXECUTION[1:])
#: Decides everything else on the site.
PRESENTATION = ("book/**/*", "_config.yml")
#: Names the folder of the reader's own runs; those in data/measurements are used without it.
MEASUREMENTS = "CAPMODEL_MEASUREMENTS"
#: Where the site will be; without it pages say nothing of the kind.
SITE = "CAPMODEL_SITE_URL"


def files(root: Path, patterns: Iterable[str]) -> Iterator[Path]:
    """Yield the files that the patterns name, each once, in order; compiled Python is left out."""
    found = {path for pattern in patterns for path in root.glob(pattern)}
    return (path for path in sorted(found) if path.is_file() and "__pycache__" not in path.parts)


def _measured(environment: Mapping[str, str]) -> list[Path]:
    given = environment.get(MEASUREMENTS)
    if not given:
        return []
    path = Path(given)
    return sorted(path.glob("*.csv")) if path.is_dir() else [path]


def digest(root: Path, patterns: Iterable[str], environment: Mapping[str, str] = os.environ) -> str:
    """Return a digest of names and contents.

    Parameters
    ----------
    root : Path
        Top folder of the checkout.
    patterns : iterable of str
        `EXECUTION`, or that and `PRESENTATION`.
    environment : mapping
        Where `MEASUREMENTS` is looked up.

    Returns
    -------
    str
        64 hexadecimal digits. Python's version is part of it, and so are the reader's own runs.
    """
    total = hashlib.sha256(sys.version.encode())
    for path in files(root, patterns):
        _add(total, path.relative_to(root).as_posix(), path)
    for path in _measured(environment):
        _add(total, f"{MEASUREMENTS}/{path.name}", path)
    return total.hexdigest()


def tree_digest(folder: Path) -> str:
    """Return a digest of every file below a folder."""
    total = hashlib.sha256()
    for path in files(folder, ["**/*"]):
        _add(total, path.relative_to(folder).as_posix(), path)
    return total.hexdigest()


def _add(total: hashlib._Hash, name: str, path: Path) -> None:
    # Name and length delimit each file, so that no other set of files can give the same bytes.
    content = path.read_bytes() if path.is_file() else b""
    total.update(f"{name}\0{len(content)}\0".encode())
    total.update(content)


def site_address(environment: Mapping[str, str] = os.environ) -> str:
    """Return the address of the site, which ends with a slash, or nothing.

    Raises
    ------
    ValueError
        If `SITE` is no address.
    """
    address = environment.get(SITE, "").strip()
    if address and not re.fullmatch(r"https?://[^\s\"'<>]+", address):
        raise ValueError(f"{SITE}: got {address!r}, expected an address that begins with https://")
    return f"{address.rstrip('/')}/" if address else ""
