"""Run pages in copies of one process that has imported what they need: most of a page's time was its imports.

A page that fails is left to Sphinx, which runs it in a kernel of its own and says what is wrong with it; so are all
pages where processes cannot be copied.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import pkgutil
import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing import connection, forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import drawing
import standing

#: Whether processes can be copied that have loaded the libraries of pages: elsewhere some of these do not bear it.
POSSIBLE = sys.platform == "linux"

#: Pages that are run at the same time: more than there are cores, as one often waits for a fit that another makes.
AT_ONCE = 4

#: Fewer pages are run sooner than everything is imported.
WORTH_IT = 3

_CONTEXT = multiprocessing.get_context("forkserver")


def prepare() -> None:
    """Start the process that kernels will be copies of; it ends with the one that calls this."""
    before = os.environ.get("PYTHONPATH")
    here = str(Path(__file__).resolve().parent)
    os.environ["PYTHONPATH"] = here if before is None else os.pathsep.join([here, before])
    try:
        _CONTEXT.set_forkserver_preload(["preloaded"])
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def load_package() -> None:
    """Import every module of the package, for all processes that will be copies of this one."""
    package = importlib.import_module("capmodel")
    for module in pkgutil.walk_packages(package.__path__, "capmodel."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def prepare_drawing() -> None:
    """Start the process that draws for all kernels; they find it by their environment."""
    secret = os.environ[drawing.SECRET] = secrets.token_hex()
    waiting, started = _CONTEXT.Pipe(duplex=False)
    _copied(drawing.serve, secret, started)
    started.close()
    connection.wait([waiting])


class Call:
    """A function that runs in a process of its own.

    Parameters
    ----------
    function : callable
        Of a module that the process finds.
    *arguments : object
        What it is given.
    """

    def __init__(self, function: Callable[..., None], *arguments: Any) -> None:
        self._call = (function, arguments)
        self._process = _copied(_quietly, *self._call)

    def wait(self) -> None:
        """Wait for its end; if it failed, call it here, where it says what is wrong."""
        self._process.join()
        if self._process.exitcode:
            function, arguments = self._call
            function(*arguments)


def _quietly(function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    try:
        function(*arguments)
    except Exception:
        os._exit(1)


def _copied(function: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Start a function in a copy of the prepared process."""
    process = _CONTEXT.Process(target=_run, args=(function, arguments))
    process.start()
    return process


def _run(function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    function(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _read(paths: str | None, told: Connection) -> None:
    """Read the reader's own runs, tell how far that is and what is wrong with them, then fit all costs to them."""
    from capmodel.costs import OperationCosts
    from capmodel.datasets import DataError, load_sync_runs

    try:
        runs = load_sync_runs(paths, progress=lambda doing, share: told.send((doing, share)))
        told.send(None)
    except DataError as error:
        told.send(str(error))
        return
    # Almost every page begins with this fit; one that cannot be made is for the pages to explain.
    with contextlib.suppress(Exception):
        OperationCosts(runs).fit()


def read_measurements(paths: str | None, progress: Callable[[str, float], None]) -> str:
    """Read the reader's own runs before any page does, which then find what was read.

    Parameters
    ----------
    paths : str or None
        As pages give it to ``load_sync_runs``.
    progress : callable
        Is told what is being done and the share that is done.

    Returns
    -------
    str
        What is wrong with them, if anything.
    """
    listener, told = _CONTEXT.Pipe(duplex=False)
    process = _copied(_read, paths, told)
    told.close()
    try:
        while message := listener.recv():
            if isinstance(message, str):
                return message
            progress(*message)
    except EOFError:
        process.join()
        return f"measurements: got a process that ended with status {process.exitcode} while it read them"
    return ""


def _serve(arguments: list[str], folder: str, environment: dict[str, str], looked: Connection) -> None:
    """Be a kernel; what a kernel's process has of its own is set as its launcher does."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["ipykernel_launcher", *arguments]
    drawing.install()
    standing.watch(Path(__file__).resolve().parents[2], lambda: looked.send(None))
    from ipykernel.kernelapp import IPKernelApp

    # A kernel that knows who started it does not explain how to end it by hand.
    IPKernelApp.launch_instance(argv=[*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])


class _Process:
    """A copied process, with the methods of ``subprocess.Popen`` that Jupyter calls."""

    stdin = stdout = stderr = None

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self.pid = process.pid
        self.kill, self.terminate = process.kill, process.terminate

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Return the exit status once it has ended."""
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None and self.pid is not None:
            os.kill(self.pid, number)


def _manager(looked: Connection) -> type:
    """Return the class of a kernel manager whose kernel is a copy; Jupyter is imported where it is needed.

    The connection is the kernel's: it says so there when it looks at the reader's own runs.
    """
    from jupyter_client.connect import KernelConnectionInfo
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_client.provisioning import LocalProvisioner

    class Copied(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
            # The command is: python -m ipykernel_launcher ARGUMENTS.
            folder, environment = str(kwargs.get("cwd") or Path.cwd()), dict(kwargs.get("env") or os.environ)
            process = _copied(_serve, cmd[3:], folder, environment, looked)
            looked.close()
            self.process = _Process(process)
            self.pid = self.pgid = process.pid
            self.cwd = folder
            return self.connection_info

    class Manager(AsyncKernelManager):
        async def _async_pre_start_kernel(self, **kwargs: Any) -> Any:
            if self.provisioner is None:
                self.provisioner = Copied(kernel_id="", kernel_spec=self.kernel_spec, parent=self)
            return await super()._async_pre_start_kernel(**kwargs)

        pre_start_kernel = _async_pre_start_kernel

    return Manager


class Run(NamedTuple):
    """A page that was run: its path, its notebook, the seconds it took, None if it failed, and whether it stands.

    It stands, whatever the reader measured, if it did not look at that.
    """

    path: Path
    notebook: Any
    seconds: float | None
    stands: bool


def notebooks(pages: Sequence[Path]) -> dict[Path, Any]:
    """Return the pages with cells, read as Sphinx reads them, the longest first."""
    from myst_nb.core.read import is_myst_markdown_notebook, myst_nb_reader_plugin

    longest = sorted(pages, key=lambda path: path.stat().st_size, reverse=True)
    return {
        path: myst_nb_reader_plugin(str(path))
        for path in longest
        if is_myst_markdown_notebook(path.read_text(encoding="utf-8"))
    }


def _silent(told: Connection) -> bool:
    """Tell whether the other end was closed and never used."""
    try:
        if told.poll(1.0):
            told.recv()
    except EOFError:
        return True
    return False


class Runs:
    """Pages that are being run.

    Parameters
    ----------
    pages : dict of Path to NotebookNode
        See :func:`notebooks`.
    timeout : int
        Seconds that a cell may take.
    """

    def __init__(self, pages: dict[Path, Any], timeout: int) -> None:
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(AT_ONCE)
        self._runs = [self._threads.submit(self._run, path, notebook) for path, notebook in pages.items()]
        _started.append(self)

    def _run(self, path: Path, notebook: Any) -> Run:
        from jupyter_cache.executors.utils import single_nb_execution

        looks, looked = _CONTEXT.Pipe(duplex=False)
        # In a thread, where nbclient leaves the signals alone that end a build.
        try:
            result = single_nb_execution(
                notebook,
                cwd=str(path.parent),
                timeout=self._timeout,
                allow_errors=False,
                kernel_manager_class=_manager(looked),
            )
        except Exception:  # whatever it is, Sphinx meets it again and says so
            return Run(path, notebook, None, stands=False)
        if result.err:
            return Run(path, notebook, None, stands=False)
        return Run(path, notebook, result.time, stands=_silent(looks))

    def __iter__(self) -> Iterator[Run]:
        """Give each page as it ends."""
        for run in as_completed(self._runs):
            yield run.result()

    def __len__(self) -> int:
        """Return how many pages there are."""
        return len(self._runs)

    def stop(self) -> None:
        """Begin no other page."""
        self._threads.shutdown(wait=False, cancel_futures=True)


_started: list[Runs] = []


def stop() -> None:
    """End the kernels that still run, and begin no other: a build that is interrupted ends at once."""
    for runs in _started:
        runs.stop()
    for process in multiprocessing.active_children():
        process.kill()
