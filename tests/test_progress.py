"""How far a build or a command has come: a bar for who watches, lines for who reads them later."""

import io

from capmodel.cli import progress


class Terminal(io.StringIO):
    """Text that goes to a person."""

    def isatty(self):
        return True


def told(stream, label="book"):
    with progress(stream, label) as show:
        for share in (0.1, 0.2, 0.6):
            show("reading mine.csv" if share < 0.5 else "ran index, 1 of 2 pages", share)
    return stream.getvalue()


def test_a_file_gets_one_line_for_each_step():
    assert told(io.StringIO()) == "book: reading mine.csv\nbook: ran index, 1 of 2 pages\n"


def test_where_nobody_watches_and_nothing_is_asked_for_nothing_is_said():
    assert told(io.StringIO(), label="") == ""


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    text = told(Terminal())
    assert "ran index, 1 of 2 pages" in text
    assert "60%" in text
    assert text.rstrip().endswith("\x1b[2K")
