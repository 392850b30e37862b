"""One process draws the charts of all pages: getting ready to draw took each page longer than most of its charts.

A page whose process cannot reach that one fails, and is left to Sphinx, whose kernels draw by themselves.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

#: Holds the secret that the process that draws shares with those that ask it.
SECRET = "CAPMODEL_DRAWING"

#: What is asked of it: functions of ``vl_convert``.
ASKED = ("vegalite_to_vega", "vega_to_svg")

_one_at_a_time = threading.Lock()


def _address(secret: str) -> str:
    # A name of Linux's own, which leaves no file behind when a build is killed.
    return "\0capmodel-" + hashlib.sha256(secret.encode()).hexdigest()[:32]


def serve(secret: str, started: Connection) -> None:
    """Draw for whoever knows the secret, for ever.

    Parameters
    ----------
    secret : str
        What those who ask have to know.
    started : Connection
        Is closed once they can ask.
    """
    with Listener(_address(secret), "AF_UNIX", backlog=64, authkey=secret.encode()) as listener:
        started.close()
        while True:
            with contextlib.suppress(AuthenticationError, OSError, EOFError):
                threading.Thread(target=_answer, args=(listener.accept(),), daemon=True).start()


def _answer(asking: Connection) -> None:
    import vl_convert

    with asking:
        while True:
            try:
                name, arguments, options = asking.recv()
            except EOFError:
                return
            try:
                with _one_at_a_time:
                    answer = getattr(vl_convert, name)(*arguments, **options)
                asking.send((answer, None))
            except Exception as error:  # whatever it is, it is the asking page's
                asking.send((None, str(error)))


def install() -> None:
    """Let this process ask for its drawings from now on, if there is one to ask."""
    secret = os.environ.get(SECRET)
    if secret:
        import vl_convert

        asking = _Asking(secret)
        for name in ASKED:
            setattr(vl_convert, name, functools.partial(asking, name))


class _Asking:
    """A connection, made when it is first needed."""

    def __init__(self, secret: str) -> None:
        self._secret, self._connection = secret, None

    def __call__(self, name: str, *arguments: Any, **options: Any) -> Any:
        if self._connection is None:
            self._connection = Client(_address(self._secret), "AF_UNIX", authkey=self._secret.encode())
        self._connection.send((name, arguments, options))
        answer, wrong = self._connection.recv()
        if wrong is not None:
            raise ValueError(wrong)
        return answer
