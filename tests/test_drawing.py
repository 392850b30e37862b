"""The process that draws for all pages gives what each would draw by itself."""

from __future__ import annotations

import multiprocessing
import secrets
import sys
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path

import altair as alt
import pytest
import vl_convert

from capmodel.charts import figure

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "book" / "ext"))
import drawing
import kernels

pytestmark = pytest.mark.skipif(not kernels.POSSIBLE, reason="pages are run by Sphinx elsewhere")

_POINTS = [{"a": k, "b": k * k, "c": k % 3} for k in range(9)]
_LINES = {
    "data": {"values": _POINTS},
    "mark": {"type": "line", "clip": True},
    "encoding": {"x": {"field": "a"}, "y": {"field": "b"}, "color": {"field": "c", "type": "nominal"}},
}
_VERSION = ".".join(alt.VEGALITE_VERSION.lstrip("v").split(".")[:2])


@pytest.fixture(scope="module")
def drawer():
    secret, context = secrets.token_hex(), multiprocessing.get_context("spawn")
    waiting, started = context.Pipe(duplex=False)
    process = context.Process(target=drawing.serve, args=(secret, started), daemon=True)
    process.start()
    started.close()
    multiprocessing.connection.wait([waiting], timeout=60)
    yield secret
    process.kill()
    process.join()


def test_it_draws_what_a_page_would(drawer, monkeypatch):
    alone = vl_convert.vegalite_to_vega(_LINES, vl_version=_VERSION)
    for name in drawing.ASKED:
        monkeypatch.setattr(vl_convert, name, getattr(vl_convert, name))
    monkeypatch.setenv(drawing.SECRET, drawer)
    drawing.install()
    assert vl_convert.vegalite_to_vega(_LINES, vl_version=_VERSION) == alone
    assert vl_convert.vega_to_svg(alone).startswith("<svg")
    with pytest.raises(ValueError, match="conversion failed"):
        vl_convert.vegalite_to_vega({"data": {"values": []}, "mark": "no such mark"}, vl_version=_VERSION)
    # What one asks in vain does not keep it from the next.
    assert vl_convert.vegalite_to_vega(_LINES, vl_version=_VERSION) == alone


def test_it_answers_nobody_without_the_secret(drawer):
    with pytest.raises((AuthenticationError, EOFError, ConnectionError)):
        Client(drawing._address(drawer), "AF_UNIX", authkey=b"another")
    with Client(drawing._address(drawer), "AF_UNIX", authkey=drawer.encode()) as asking:
        asking.send(("vega_to_svg", ({"marks": []},), {}))
        assert asking.recv()[1] is None


def test_without_one_a_page_draws_by_itself(monkeypatch):
    monkeypatch.delenv(drawing.SECRET, raising=False)
    before = vl_convert.vega_to_svg
    drawing.install()
    assert vl_convert.vega_to_svg is before


def test_a_chart_looks_the_same_whatever_was_drawn_before():
    spec = {**_LINES, "description": "three lines", "width": "container"}
    first = figure(spec)["text/html"]
    assert "url(#clip1)" in first  # Vega itself counts on
    assert figure(spec)["text/html"] == first
