"""Keep results of long computations from one page and one build to the next.

The kernels that run pages load this file at their start (:func:`startup`). The functions named here then look for what
they gave before to the same arguments, code and shipped data, so that the pages share one fit, and a new file of
measurements makes nothing again that does not depend on it. Pages are written, and can be run, without it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import importlib.abc
import importlib.machinery
import os
import pickle
import shutil
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

#: Names the folder in which results are kept.
FOLDER = "CAPMODEL_REMEMBERED"

#: What is kept: for each module the functions and methods.
REMEMBERED = {
    "capmodel.charts._page": ("figure",),
    "capmodel.costs": ("OperationCosts.fit",),
    "capmodel.cross_validation": ("cross_validate",),
    "capmodel.datasets": ("load_sync_runs",),
    "capmodel.machine": ("speed_precision",),
    "capmodel.sizing": ("SizingRegression.fit",),
    "capmodel.sizing_results": (
        "SizingResults.compare",
        "SizingResults.coverage",
        "SizingResults.leave_one_out",
        "SizingResults.jackknife_plus",
        "SizingResults.conf_int",
        "SizingResults.predict",
        "SizingResults.probabilities",
    ),
    "capmodel.simulation.replications": ("replicate",),
    "capmodel.validation": ("check",),
}


def startup(folder: Path) -> str:
    """Return the lines that a kernel runs at its start.

    Parameters
    ----------
    folder : Path
        Where results are kept; its name holds the digest of code and shipped data.

    Returns
    -------
    str
        Python.
    """
    here = str(Path(__file__).resolve().parent)
    return f"import sys\nsys.path.insert(0, {here!r})\nimport remember\nremember.install({str(folder)!r})\n"


def prepare(base: Path, key: str) -> Path:
    """Return the folder of this code and shipped data; remove those of others, and what nobody asked for of late.

    Parameters
    ----------
    base : Path
        Where such folders lie.
    key : str
        Digest.

    Returns
    -------
    Path
        The folder, made if need be.
    """
    folder = base / key[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for other in base.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    # Each set of the reader's own runs leaves results of its own.
    for result in folder.iterdir():
        if result.stat().st_mtime < time.time() - _KEPT_S:
            result.unlink()
    return folder


#: Seconds after which a result that nobody asked for goes.
_KEPT_S = 7 * 86400.0


def remembered(function: Callable[..., Any], name: str, folder: Path) -> Callable[..., Any]:
    """Return a function that keeps what it returned to each set of arguments.

    Parameters
    ----------
    function : callable
        A function of its arguments alone.
    name : str
        Its name, part of the key.
    folder : Path
        Where results are kept.

    Returns
    -------
    callable
        Arguments that cannot be told apart (functions written in a page) are computed anew.
    """

    @functools.wraps(function)
    def looked_up(*arguments: Any, **options: Any) -> Any:
        import joblib

        # Who is told how far it has come changes nothing about it.
        asked = {word: one for word, one in options.items() if word != "progress"}
        try:
            read = _files(*arguments, **asked) if name == "capmodel.datasets.load_sync_runs" else ()
            given = ([_named(one) for one in arguments], sorted((word, _named(one)) for word, one in asked.items()))
            key = joblib.hash((name, read, given))
        except (pickle.PicklingError, AttributeError, TypeError):
            return function(*arguments, **options)
        path = folder / f"{key}.pickle"
        # Pages run side by side: the second to ask waits for the first.
        with _alone(folder / f"{key}.lock"):
            if found := kept(path):
                return _known(found[0], key)
            result = function(*arguments, **options)
            # What is read back is what the next to ask gets, so that what they ask of it has the same key.
            return _known(written(path, result), key)

    return looked_up


#: Names of objects that do not change, by their identity while they live.
_names: dict[int, tuple[weakref.ref[Any], str]] = {}


def _known(one: Any, name: str) -> Any:
    """Give an object a name, if it cannot change: what is asked of it is then found without looking at all of it."""
    if dataclasses.is_dataclass(one) and type(one).__dataclass_params__.frozen:  # type: ignore[attr-defined]
        _names[id(one)] = (weakref.ref(one), name)
    return one


def _named(one: Any) -> Any:
    """Return the name of an object that has one or can have one, others as they are."""
    import joblib

    reference, name = _names.get(id(one), (None, ""))
    if reference is None or reference() is not one:
        _known(one, joblib.hash(one) if dataclasses.is_dataclass(one) else "")
        reference, name = _names.get(id(one), (None, ""))
    return one if reference is None or reference() is not one else (type(one).__qualname__, name)


def _files(paths: Any = None, **_: Any) -> tuple[tuple[str, str], ...]:
    """Return the files that runs are loaded from, and digests of what is in them."""
    given = Path(__file__).resolve().parents[2] / "data" / "measurements" if paths is None else paths
    read = [Path(path) for path in ([given] if isinstance(given, str | os.PathLike) else given)]
    files = [file for path in read for file in (sorted(path.glob("*.csv")) if path.is_dir() else [path])]
    return tuple((str(file), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files if file.is_file())


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def kept(path: Path) -> Sequence[Any]:
    """Return what was written to a path.

    Parameters
    ----------
    path : Path
        Where.

    Returns
    -------
    sequence
        The result alone, which counts as asked for now; empty if there is none that can be read.
    """
    try:
        found = pickle.loads(path.read_bytes())
        path.touch()
    except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError):
        return ()
    return (found,)


def written(path: Path, result: Any) -> Any:
    """Write a result, whole or not at all, and return it as it is read; what cannot be written is made again.

    Parameters
    ----------
    path : Path
        Where.
    result : object
        What can be pickled.

    Returns
    -------
    object
        An equal one.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".new")
    try:
        with open(descriptor, "wb") as stream:
            pickle.dump(result, stream)
        os.replace(name, path)
        return pickle.loads(path.read_bytes())
    except (OSError, pickle.PicklingError, AttributeError, TypeError):
        Path(name).unlink(missing_ok=True)
        return result


class _Loader(importlib.abc.Loader):
    """Wrap the functions of a module once it is loaded."""

    def __init__(self, loader: Any, folder: Path) -> None:
        self.loader, self.folder = loader, folder

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Create the module as ever."""
        found: ModuleType | None = self.loader.create_module(spec)
        return found

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then wrap what is to be kept."""
        self.loader.exec_module(module)
        for name in REMEMBERED[module.__name__]:
            owner: Any = module
            *parents, last = name.split(".")
            for parent in parents:
                owner = getattr(owner, parent)
            setattr(owner, last, remembered(getattr(owner, last), f"{module.__name__}.{name}", self.folder))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find the modules whose functions are kept; others are none of ours."""
        if name not in REMEMBERED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self.folder)
        return spec


def install(folder: str) -> None:
    """Keep results from now on, of modules that are not imported yet; a second time it does nothing.

    Parameters
    ----------
    folder : str
        Where.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(Path(folder)))
