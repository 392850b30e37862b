"""Damage to files, as transfers, spreadsheets and hands do it: bytes in, bytes out, the same for the same draws."""

import csv
import io
from collections.abc import Callable
from random import Random

#: What stands in a cell where a number or a name should.
CELLS = (
    "", " ", "nan", "NaN", "inf", "-inf", "1e999", "-1e999", "1e308", "9" * 400, "-1", "0", "-0.0", "1e-320", "0x10",
    "1_000", "1,5", "1.5.2", "True", "None", "null", "N/A", "#REF!", "=1+1", "١٢٣", "５", "½", "∞", "\u202e1", "a\tb",
    "two\nlines", 'quo"te', "'", ";", "é", "e\u0301", "\ufeff", "\U0001f600", "x" * 10_000, "2024-01-01", "1e5 ", "+7",
    "9007199254740993", "1e18", "-9223372036854775809", "1.0000000000000001", "{}", "[]", "../../etc/passwd", "%s%n",
)  # fmt: skip
#: Single bytes and short runs that mean something to some reader.
BYTES = (
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b'"', b",", b";", b"\x1a", b"\x85",
    b"\xc2\x85", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x0b", b"\x0c", b"\t", b"\\", b"{", b"}",
    b"#", b" ", b"e",
)  # fmt: skip
ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "cp037", "latin-1")

Mutation = Callable[[bytes, Random], bytes]


def flip(data: bytes, random: Random) -> bytes:
    """Change some bits."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8, 64))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def insert(data: bytes, random: Random) -> bytes:
    """Put in bytes that mean something."""
    for _ in range(random.choice((1, 1, 3))):
        at = random.randrange(len(data) + 1)
        data = data[:at] + random.choice(BYTES) + data[at:]
    return data


def cut(data: bytes, random: Random) -> bytes:
    """Leave the end out, or the beginning."""
    at = random.randrange(len(data))
    return data[:at] if random.random() < 0.8 else data[at:]


def splice(data: bytes, random: Random) -> bytes:
    """Leave a piece out, write it twice, or move it."""
    first, last = sorted(random.randrange(len(data) + 1) for _ in range(2))
    last = min(last, first + random.choice((1, 20, 2000)))
    piece, rest = data[first:last], data[:first] + data[last:]
    at = random.randrange(len(rest) + 1)
    return random.choice((rest, data[:first] + piece + data[first:], rest[:at] + piece + rest[at:]))


def encode(data: bytes, random: Random) -> bytes:
    """Save the file in another encoding."""
    return data.decode("utf-8").encode(random.choice(ENCODINGS), errors="replace")


def newlines(data: bytes, random: Random) -> bytes:
    """End lines as other systems do."""
    return data.replace(b"\n", random.choice((b"\r\n", b"\r", b"\n\n", b"\n\r", b"", b"\xe2\x80\xa8")))


def lines(data: bytes, random: Random) -> bytes:
    """Repeat, drop or reorder lines."""
    parts = data.splitlines(keepends=True)
    kind = random.randrange(4)
    if kind == 0:
        parts.insert(random.randrange(len(parts) + 1), random.choice(parts))
    elif kind == 1:
        del parts[random.randrange(len(parts))]
    elif kind == 2:
        random.shuffle(parts)
    else:
        parts = parts[: random.randrange(3)]
    return b"".join(parts)


def _rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


def _written(rows: list[list[str]], **style: object) -> bytes:
    text = io.StringIO()
    csv.writer(text, **{"lineterminator": "\n", **style}).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode("utf-8")


def cell(data: bytes, random: Random) -> bytes:
    """Write something else into some cells."""
    rows = _rows(data)
    for _ in range(random.choice((1, 1, 1, 5))):
        row = rows[random.randrange(1, len(rows))]
        row[random.randrange(len(row))] = random.choice(CELLS)
    return _written(rows)


def column(data: bytes, random: Random) -> bytes:
    """Fill a whole column with one thing, or with another column."""
    rows = _rows(data)
    at, source, thing = random.randrange(len(rows[0])), random.randrange(len(rows[0])), random.choice((None, *CELLS))
    for row in rows[1:]:
        row[at] = row[source] if thing is None else thing
    return _written(rows)


def scale(data: bytes, random: Random) -> bytes:
    """Multiply a column of numbers, as a wrong unit does."""
    rows = _rows(data)
    at, factor = random.randrange(len(rows[0])), random.choice((1e-9, 1e-3, 1e3, 1e9, 1e300, -1.0))
    for row in rows[1:]:
        try:
            row[at] = repr(float(row[at]) * factor)
        except ValueError:
            break
    return _written(rows)


def header(data: bytes, random: Random) -> bytes:
    """Rename, repeat, drop, swap or add a column."""
    rows = _rows(data)
    at, other = random.randrange(len(rows[0])), random.randrange(len(rows[0]))
    kind = random.randrange(6)
    if kind == 0:
        rows[0][at] = random.choice((*CELLS, rows[0][at].upper(), f" {rows[0][at]} ", rows[0][at][:-1]))
    elif kind == 1:
        rows[0][at] = rows[0][other]
    elif kind == 2:
        rows = [row[:at] + row[at + 1 :] for row in rows]
    elif kind == 3:
        rows[0][at], rows[0][other] = rows[0][other], rows[0][at]
    elif kind == 4:
        rows = [[*row, row[at]] for row in rows]
    else:
        rows = rows[1:]
    return _written(rows)


def style(data: bytes, random: Random) -> bytes:
    """Write the same table as other programs do."""
    rows = _rows(data)
    return _written(
        rows,
        delimiter=random.choice((",", ";", "\t", "|")),
        quotechar=random.choice(('"', "'")),
        quoting=random.choice((csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC)),
        lineterminator=random.choice(("\n", "\r\n", "\r")),
    )


def value(data: bytes, random: Random) -> bytes:
    """Change the number at the end of some line, as in a metrics page."""
    parts = data.decode("utf-8").split("\n")
    for _ in range(random.choice((1, 1, 5, 50))):
        at = random.randrange(len(parts))
        head, _, _ = parts[at].rpartition(" ")
        parts[at] = f"{head} {random.choice(CELLS)}"
    return "\n".join(parts).encode("utf-8")


def label(data: bytes, random: Random) -> bytes:
    """Change a name or a label of some series."""
    parts = data.decode("utf-8").split("\n")
    old, new = random.choice(
        (("{", ""), ("}", ""), ('"', ""), ('="', "="), ("_total", ""), ("_count", "_sum"), ("spire_server", "spire"),
         ("le=", "LE="), ("counter", "gauge"), ("TYPE", "type"), ("# ", ""), ("status", "status,status"),
         ("{", '{a="",'))
    )  # fmt: skip
    for _ in range(random.choice((1, 5, 500))):
        at = random.randrange(len(parts))
        parts[at] = parts[at].replace(old, new, 1)
    return "\n".join(parts).encode("utf-8")


ANY: tuple[Mutation, ...] = (flip, insert, cut, splice, encode, newlines, lines)
CSV: tuple[Mutation, ...] = (*ANY, cell, cell, column, scale, header, header, style)
SCRAPE: tuple[Mutation, ...] = (*ANY, value, value, label, label)


def mutated(data: bytes, random: Random, mutations: tuple[Mutation, ...]) -> tuple[str, bytes]:
    """Damage a file once, or sometimes twice.

    Returns what was done, and the bytes.
    """
    chosen = [random.choice(mutations)]
    if random.random() < 0.2:
        chosen.append(random.choice(ANY))
    for mutation in chosen:
        try:
            data = mutation(data, random)
        except (UnicodeDecodeError, ValueError, IndexError):
            break  # the first mutation left nothing that the second could read
    return "+".join(mutation.__name__ for mutation in chosen), data
