"""Pack the built site into one file, the same bytes for the same site: ``python scripts/archive.py OUT.zip [SITE]``."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

SITE = Path(__file__).resolve().parent.parent / "_build" / "html"


def pack(site: Path, out: Path) -> int:
    """Write an archive that unpacks into one folder.

    Parameters
    ----------
    site : Path
        Folder of the built pages.
    out : Path
        The archive; its name without ``.zip`` is the folder's.

    Returns
    -------
    int
        Number of files.

    Raises
    ------
    ValueError
        If the folder holds no ``index.html``.
    """
    if not (site / "index.html").is_file():
        raise ValueError(f"site: got {site} without index.html, expected a built site; run `make book`")
    paths = sorted((path for path in site.rglob("*") if path.is_file()), key=lambda path: path.as_posix())
    out.parent.mkdir(parents=True, exist_ok=True)
    new = out.with_suffix(".new")
    with zipfile.ZipFile(new, "w") as archive:
        for path in paths:
            # The time of a build and the rights of its files say nothing about the site.
            entry = zipfile.ZipInfo(f"{out.stem}/{path.relative_to(site).as_posix()}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    new.replace(out)
    return len(paths)


def main(arguments: list[str]) -> int:
    """Pack what the command line names."""
    if len(arguments) not in (1, 2):
        print("usage: python scripts/archive.py OUT.zip [SITE]", file=sys.stderr)
        return 2
    out = Path(arguments[0])
    try:
        count = pack(Path(arguments[1]) if len(arguments) == 2 else SITE, out)
    except ValueError as error:
        print(f"archive: {error}", file=sys.stderr)
        return 1
    print(f"{out}: {count} files, {out.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
