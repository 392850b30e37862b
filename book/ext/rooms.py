"""Read the package's rooms from its source, and draw which import which.

A room is a module, or a folder of modules that belong together. Nothing is imported: what the picture shows is what the
files say. ``python book/ext/rooms.py`` prints the drawing.
"""

from __future__ import annotations

import ast
import html
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[2] / "capmodel"

#: A line of the drawing, and where its columns begin, in the units of its view box: a phone is 390 wide.
_STEP, _ARCS, _NAMES, _BARS, _WIDTH = 18, 132, 140, 272, 372


class Room(NamedTuple):
    """A module, or a folder of modules.

    Attributes
    ----------
    name : str
        As it is imported, without ``capmodel.``.
    purpose : str
        The first sentence of its description.
    lines : int
        Lines of its files.
    files : int
        How many there are.
    imports : frozenset of str
        Other rooms that code of this one imports, wherever in a file. What only type checkers read does not count.
    """

    name: str
    purpose: str
    lines: int
    files: int
    imports: frozenset[str]


def rooms(package: Path = PACKAGE) -> dict[str, Room]:
    """Read the rooms of a package.

    Parameters
    ----------
    package : Path
        Its folder.

    Returns
    -------
    dict of str to Room
        By name; ``__init__.py`` and ``__main__.py`` of the package itself are its doors, not rooms.
    """
    files: dict[str, list[Path]] = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).parts
        if len(parts) > 1 or not path.stem.startswith("__"):
            files.setdefault(parts[0].removesuffix(".py"), []).append(path)
    offered = _offered(package / "__init__.py")
    found = {}
    for name, paths in files.items():
        trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
        head = next((tree for path, tree in trees.items() if path.stem in (name, "__init__")), None)
        said = ast.get_docstring(head) if head else None
        used = {part for tree in trees.values() for part in _imported(tree, package.name, offered)}
        found[name] = Room(
            name=name,
            purpose=(said or "").split("\n\n")[0].replace("\n", " "),
            lines=sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths),
            files=len(paths),
            imports=frozenset(used & set(files) - {name}),
        )
    return found


def _offered(doors: Path) -> dict[str, str]:
    """Return the home of each name that the package itself gives."""
    for node in ast.walk(ast.parse(doors.read_text(encoding="utf-8"))) if doors.is_file() else ():
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_HOME":
            homes: dict[str, str] = ast.literal_eval(node.value)
            return homes
    return {}


def _imported(tree: ast.Module, package: str, offered: Mapping[str, str]) -> Iterator[str]:
    """Yield the rooms that a file imports or reaches by the package's own name."""
    for_types = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for part in ast.walk(node)
    }
    alias = None
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name == package:
                    alias = name.asname or name.name
                elif name.name.startswith(f"{package}."):
                    yield name.name.split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            yield from (offered.get(name.name, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"{package}."):
            yield str(node.module).split(".")[1]
    for node in ast.walk(tree):
        if alias and isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == alias:
            yield offered.get(node.attr, node.attr)


def floors(house: Mapping[str, Room]) -> dict[str, int]:
    """Return each room's floor: 0 where it imports no other, else one above the highest that it imports.

    Parameters
    ----------
    house : dict of str to Room
        The rooms.

    Returns
    -------
    dict of str to int
        By name.

    Raises
    ------
    ValueError
        If rooms import each other in a circle, which leaves none of them a floor.
    """
    found: dict[str, int] = {}

    def floor(name: str, above: tuple[str, ...]) -> int:
        if name in above:
            raise ValueError(f"rooms: got the circle {' -> '.join((*above[above.index(name) :], name))}, expected none")
        if name not in found:
            below = [floor(other, (*above, name)) for other in sorted(house[name].imports)]
            found[name] = 1 + max(below, default=-1)
        return found[name]

    for name in sorted(house):
        floor(name, ())
    return found


def needs(house: Mapping[str, Room], name: str) -> frozenset[str]:
    """Return every room that one needs, directly or through others.

    Parameters
    ----------
    house : dict of str to Room
        The rooms, without circles.
    name : str
        One of them.

    Returns
    -------
    frozenset of str
        Names, its own left out.
    """

    @cache
    def below(room: str) -> frozenset[str]:
        return house[room].imports.union(*(below(other) for other in house[room].imports))

    return below(name)


def direct(house: Mapping[str, Room], name: str) -> frozenset[str]:
    """Return the rooms that one imports and that nothing else that it imports needs."""
    return house[name].imports.difference(*(needs(house, other) for other in house[name].imports))


def ordered(house: Mapping[str, Room]) -> list[str]:
    """Return the rooms from the top floor down, on each floor by name."""
    level = floors(house)
    return sorted(house, key=lambda name: (-level[name], name))


def picture(house: Mapping[str, Room], color: str) -> str:
    """Draw the rooms from the top floor down, with an arrow from each to those that it builds on.

    Parameters
    ----------
    house : dict of str to Room
        The rooms.
    color : str
        Of the bars that show sizes; arrows and names have the page's own.

    Returns
    -------
    str
        An SVG element that follows the width and the theme of the page, with a description made from the rooms.
    """
    level, names = floors(house), ordered(house)
    row = {name: 24 + _STEP * position + 10 * (level[names[0]] - level[name]) for position, name in enumerate(names)}
    height = row[names[-1]] + _STEP
    largest = max(room.lines for room in house.values())
    parts = []
    for floor in sorted(set(level.values())):
        on = [row[name] for name in names if level[name] == floor]
        top, bottom = min(on) - _STEP / 2 - 3, max(on) + _STEP / 2 + 3
        parts.append(
            f'<rect x="{_ARCS + 2}" y="{top:g}" width="{_WIDTH - _ARCS - 4}" height="{bottom - top:g}" rx="4" '
            'fill="currentColor" opacity=".06"/>'
        )
    for name in names:
        for other in sorted(direct(house, name), key=row.__getitem__):
            start, end = row[name] + 3, row[other] - 3
            out = _ARCS - 12 - 110 * min((end - start) / height, 1.0) ** 0.5
            parts.append(
                f'<path d="M{_ARCS} {start:g}C{out:.1f} {start:g} {out:.1f} {end:g} {_ARCS} {end:g}" fill="none" '
                f'stroke="currentColor" marker-end="url(#room-arrow)" class="room-arc">'
                f"<title>{html.escape(name)} builds on {html.escape(other)}</title></path>"
            )
    for name in names:
        room, y = house[name], row[name]
        width = (_WIDTH - _BARS - 44) * room.lines / largest
        parts.append(
            f"<g><title>{html.escape(room.purpose)}</title>"
            f'<text x="{_NAMES}" y="{y}" dominant-baseline="central" fill="currentColor">{name}</text>'
            f'<rect x="{_BARS}" y="{y - 4}" width="{width:.1f}" height="8" rx="1" fill="{color}"/>'
            f'<text x="{_BARS + width + 5:.1f}" y="{y}" dominant-baseline="central" fill="currentColor" '
            f'class="room-lines">{room.lines:,}</text></g>'
        )
    said = (
        f"{len(house)} rooms of the package on {max(level.values()) + 1} floors, the command line on top: "
        + "; ".join(f"{name} builds on {', '.join(sorted(direct(house, name))) or 'none'}" for name in names)
    )
    return (
        f'<svg class="rooms" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{html.escape(said)}" '
        'xmlns="http://www.w3.org/2000/svg"><defs><marker id="room-arrow" viewBox="0 0 6 6" refX="5.5" refY="3" '
        'markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z" fill="currentColor" fill-opacity=".5"/>'
        "</marker></defs>"
        f'<text x="{_NAMES}" y="6" class="room-lines" dominant-baseline="central" fill="currentColor">room</text>'
        f'<text x="{_BARS}" y="6" class="room-lines" dominant-baseline="central" fill="currentColor">lines</text>'
        f"{''.join(parts)}</svg>"
    )


if __name__ == "__main__":
    print(picture(rooms(), "#777"))
