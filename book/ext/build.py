"""Build the book: ``_build/html/index.html``, whole or not at all. ``capmodel book`` and ``make book`` run this file.

Authors may name pages, as in ``python book/ext/build.py queueing factors``: then these alone are built, below
``_build/draft``. ``CAPMODEL_BUILD`` names another folder than ``_build``: a checkout that cannot be written to needs
one.

The site is made beside the one that is published and takes its place in one step, so that a build that fails or is
killed leaves the last good site. A stamp, written last, holds the digests of what went in and of what came out: when
both still agree there is nothing to do.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import shutil
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import kernels
import remember
from inputs import EXECUTION, MEASUREMENTS, PRESENTATION, SHIPPED, digest, site_address, tree_digest

#: Not for readers: sources of minified scripts, the theme's translations, what Sphinx remembers for its next run.
UNPUBLISHED = ("*.map", ".buildinfo", ".buildinfo.bak", ".nojekyll", "locales")
#: More than there are cores: pages are read and written in as many parts, of which one may hold most of the work.
JOBS = 4
#: Names the folder to build in; a relative one is taken from the checkout's top.
BUILD = "CAPMODEL_BUILD"


class Folders:
    """Where the parts of a build lie."""

    def __init__(self, root: Path, below: str = "_build") -> None:
        self.root = root
        self.base = root / below
        self.site = self.base / "html"
        self.work = self.base / "work"
        #: Sphinx's output; the notebook cache and the script libraries lie beside it.
        self.output = self.work / "html"
        self.stamp = self.work / "stamp.json"
        #: There while a build runs: what a killed build leaves half-written cannot be told from the rest.
        self.running = self.work / "running"


@contextlib.contextmanager
def alone(folders: Folders) -> Iterator[None]:
    """Hold the lock of this checkout's builds; the system releases it when the process ends, however it ends."""
    folders.base.mkdir(parents=True, exist_ok=True)
    with open(folders.base / "lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("book: another build is running; waiting for it", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def up_to_date(folders: Folders, inputs: str) -> bool:
    """Tell whether the published site was made from these inputs and is complete."""
    try:
        stamp = json.loads(folders.stamp.read_text())
    except (OSError, ValueError):
        return False
    return (
        isinstance(stamp, dict)
        and stamp.get("inputs") == inputs
        and (folders.site / "index.html").is_file()
        and stamp.get("output") == tree_digest(folders.site)
    )


def write_stamp(folders: Folders, inputs: str) -> None:
    """Record what the published site was made from, and what it is."""
    text = json.dumps({"inputs": inputs, "output": tree_digest(folders.site)})
    new = folders.stamp.with_suffix(".new")
    new.write_text(text)
    new.replace(folders.stamp)


def table_of_contents(folders: Folders, pages: Collection[str]) -> Path:
    """Write the table of contents, of the pages that are asked for if any are, and return where."""
    import yaml

    contents = yaml.safe_load((folders.root / "book" / "_toc.yml").read_text())
    for part in contents["parts"]:
        part["chapters"] = [chapter for chapter in part["chapters"] if not pages or chapter["file"] in pages]
    contents["parts"] = [part for part in contents["parts"] if part["chapters"]]
    path = folders.work / "_toc.yml"
    path.write_text(yaml.safe_dump(contents, sort_keys=False))
    return path


def prepare_kernels(folders: Folders) -> None:
    """Let cells run alike for everyone: in this environment, without anyone's own settings of IPython."""
    profile = folders.base / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    # Kernels warn that their loopback connection is not encrypted.
    (profile / "ipython_kernel_config.py").write_text("c = get_config()\nc.IPKernelApp.log_level = 40\n")
    kept = remember.prepare(folders.base / "remembered", digest(folders.root, SHIPPED, {}))
    (profile / "startup").mkdir(exist_ok=True)
    (profile / "startup" / "remember.py").write_text(remember.startup(kept))
    os.environ.update(
        {remember.FOLDER: str(kept)},
        IPYTHONDIR=str(profile.parent),
        JUPYTER_PREFER_ENV_PATH="1",
        PYTHONHASHSEED="0",
        PYTHONWARNINGS="default",
    )
    os.environ.pop("PYTHONSTARTUP", None)


def measurements_read(folders: Folders, pages: Collection[str]) -> bool:
    """Read the reader's own runs before any page does, and say what is wrong with them, once."""
    own = folders.root / "data" / "measurements"
    given = os.environ.get(MEASUREMENTS)
    few = 0 < len(pages) < kernels.WORTH_IT
    if not kernels.POSSIBLE or few or not (given or any(path.name != "template.csv" for path in own.glob("*.csv"))):
        return True
    kernels.prepare()
    # Loaded while the other process loads what pages need.
    import jupyter_book.sphinx  # noqa: F401

    kernels.load_package()
    from capmodel.cli import progress

    with progress(sys.stdout, "book") as show:
        wrong = kernels.read_measurements(given, show)
    if wrong:
        print(f"book: {wrong}", file=sys.stderr)
    return not wrong


def make(folders: Folders, pages: Collection[str] = ()) -> bool:
    """Run Jupyter Book strictly and return whether it had nothing to complain about.

    Only executed cells are kept from one build to the next; everything else is made again, so that a site never depends
    on the ones before it.
    """
    from jupyter_book.sphinx import build_sphinx
    from sphinx.util.console import nocolor

    # Documents are full of cycles, and needed to the end: looking for what could go took a fifth of Sphinx's time.
    gc.disable()
    if not sys.stderr.isatty():
        nocolor()
    if folders.running.exists():
        shutil.rmtree(folders.work)
    folders.work.mkdir(parents=True, exist_ok=True)
    folders.running.touch()
    folders.stamp.unlink(missing_ok=True)
    for leftover in (folders.output, folders.work / ".doctrees"):
        shutil.rmtree(leftover, ignore_errors=True)
    result = build_sphinx(
        folders.root / "book",
        folders.output,
        path_config=folders.root / "_config.yml",
        noconfig=True,
        confoverrides={
            "external_toc_path": str(table_of_contents(folders, pages)),
            "latex_individualpages": False,
            "nitpicky": True,
            # A draft has links to pages that it does not have.
            "suppress_warnings": ["myst.domains", *(["myst.xref_missing"] if pages else [])],
        },
        doctreedir=folders.work / ".doctrees",
        warningiserror=True,
        keep_going=True,
        quiet=True,
        jobs=JOBS,
    )
    kernels.stop()
    # Jupyter Book hands back what it stopped at, an interruption as well: then nobody knows what is half-written.
    if isinstance(result, int):
        folders.running.unlink()
    return result == 0 and (folders.output / "index.html").is_file()


def publish(folders: Folders) -> None:
    """Put the new site in the place of the old one."""
    new, old = folders.work / "new", folders.work / "old"
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(folders.output, new, ignore=shutil.ignore_patterns(*UNPUBLISHED))
    if folders.site.exists():
        folders.site.rename(old)
    new.rename(folders.site)
    shutil.rmtree(old, ignore_errors=True)


def build(root: Path, pages: Collection[str] = ()) -> int:
    """Build the book of a checkout, or a draft of some pages, unless it is built, and return an exit status."""
    from_ = time.monotonic()
    base = os.environ.get(BUILD) or "_build"
    folders = Folders(root, f"{base}/draft" if pages else base)
    try:
        folders.work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"book: cannot write into {folders.base} ({error.strerror}): name a folder with --build", file=sys.stderr)
        return 2
    with alone(folders):
        inputs = " ".join([digest(root, EXECUTION + PRESENTATION), site_address(), *sorted(pages)])
        if up_to_date(folders, inputs):
            print(f"book: nothing has changed\n{folders.site / 'index.html'}")
            return 0
        print("book: running and checking every page (a minute or two when the data or the code changed)", flush=True)
        prepare_kernels(folders)
        if not (measurements_read(folders, pages) and make(folders, pages)):
            print("book: not published; the messages above say why", file=sys.stderr)
            return 1
        from capsite.check import problems

        found = problems(folders.output)
        for problem in found:
            print(f"book: {problem}", file=sys.stderr)
        if found:
            print("book: not published; the site has the problems above", file=sys.stderr)
            return 1
        publish(folders)
        if inputs.startswith(digest(root, EXECUTION + PRESENTATION)):
            write_stamp(folders, inputs)
        else:
            # Pages may come from before the change or after it, under one and the same key.
            shutil.rmtree(folders.work / "cache", ignore_errors=True)
            print("book: something changed while it was built; run it again", file=sys.stderr)
        print(f"book: built in {time.monotonic() - from_:.0f} s\n{folders.site / 'index.html'}")
        return 0


if __name__ == "__main__":
    status = build(Path(__file__).resolve().parents[2], sys.argv[1:])
    # Else the interpreter looks through all of Sphinx's documents before it ends.
    gc.freeze()
    sys.exit(status)
