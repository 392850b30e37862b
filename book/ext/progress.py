"""How far a build has come: a bar on a terminal, a line for each step elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

#: Called with what is being done and the share of it that is done, between 0 and 1.
Progress = Callable[[str, float], None]


@contextlib.contextmanager
def shown(stream: Any = None) -> Iterator[Progress]:
    """Show how far something has come.

    Parameters
    ----------
    stream : text stream, optional
        Standard output if absent. On a terminal a bar comes and goes; elsewhere a line is printed whenever what is
        being done changes.

    Yields
    ------
    callable
        See `Progress`.
    """
    stream = sys.stdout if stream is None else stream
    if not stream.isatty():
        last = ""

        def line(doing: str, share: float) -> None:
            nonlocal last
            if doing != last:
                print(f"book: {doing}", file=stream, flush=True)
            last = doing

        yield line
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(file=stream, force_jupyter=False), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda doing, share: bar.update(task, description=doing, completed=share)
