"""The package's rooms: who may import whom, and that the picture of them shows what the files say."""

import html
import re
from itertools import pairwise

import pytest
import rooms

HOUSE = rooms.rooms()

#: Each step of a number's way, and rooms that have their place there: none may need one of a later step.
STEPS = (
    {"spire", "schemas", "spread", "waking"},
    {"tables", "datasets", "pooling", "deployment"},
    {"topology", "work", "regression", "ladder"},
    {"sizing", "memory", "demands"},
    {"steady"},
    {"cluster"},
    {"costs", "search"},
    {"plan", "validation", "cross_validation"},
    {"cli"},
)


def test_every_step_is_of_rooms_that_there_are():
    assert set().union(*STEPS) <= set(HOUSE)


@pytest.mark.parametrize("step", range(len(STEPS)), ids=lambda step: "+".join(sorted(STEPS[step])))
def test_no_room_needs_one_of_a_later_step(step):
    later = set().union(*STEPS[step + 1 :])
    assert {name: rooms.needs(HOUSE, name) & later for name in STEPS[step] if rooms.needs(HOUSE, name) & later} == {}


@pytest.mark.parametrize(
    ("name", "never"),
    [
        ("spire", set(HOUSE)),
        ("queueing", set(HOUSE)),
        ("simulation", set(HOUSE)),
        ("words", set(HOUSE)),
        ("charts", set(HOUSE) - {"words"}),
        ("tables", set(HOUSE) - {"schemas"}),
        ("datasets", set(HOUSE) - {"schemas", "pooling", "tables"}),
        ("sizing", {"queueing", "cluster", "costs", "spire"}),
        ("topology", {"costs", "cluster", "datasets"}),
        ("percentiles", {"spire", "datasets", "cluster"}),
        ("prometheus", {"costs", "plan", "cluster", "queueing"}),
        ("costs", {"cluster", "queueing", "simulation", "search", "choice", "topology"}),
        ("validation", {"plan", "charts", "simulation"}),
    ],
)
def test_some_rooms_never_need_others(name, never):
    assert rooms.needs(HOUSE, name) & never == set()


def test_nothing_needs_the_command_line_and_it_needs_no_simulation():
    assert [name for name, room in HOUSE.items() if "cli" in room.imports] == []
    assert {"plan", "validation", "datasets", "prometheus"} <= rooms.needs(HOUSE, "cli")
    assert not rooms.needs(HOUSE, "cli") & {"charts", "simulation"}


def test_rooms_stand_above_what_they_import():
    level = rooms.floors(HOUSE)
    assert all(level[name] > level[other] for name, room in HOUSE.items() for other in room.imports)
    below = [level[name] for name in rooms.ordered(HOUSE)]
    assert all(one >= other for one, other in pairwise(below))


def test_every_room_says_what_it_is_for_in_a_sentence():
    assert [name for name, room in HOUSE.items() if not room.purpose.endswith((".", ":"))] == []


# Reading.


@pytest.fixture
def package(tmp_path):
    """Return a function that writes files of a package and reads its rooms."""

    def write(**files):
        folder = tmp_path / "house"
        for name, text in {"__init__": "", **files}.items():
            path = folder / f"{name.replace('__of__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return rooms.rooms(folder)

    return write


@pytest.mark.parametrize(
    ("text", "imports"),
    [
        ("import house.low", {"low"}),
        ("from house import low, high", {"low"}),
        ("from house.low import x", {"low"}),
        ("def f():\n    from house.low import x", {"low"}),
        ("import house as h\nh.low.x()", {"low"}),
        ("import house\nprint(house.answer)", {"low"}),
        ("from house import answer", {"low"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.low import x", set()),
        ("import os\nfrom json import low", set()),
        ("import other as h\nh.low", set()),
    ],
)
def test_imports_are_read_wherever_they_stand(package, text, imports):
    house = package(__init__='_HOME = {"answer": "low"}', low='"""Low."""\nx = 1', high=f'"""High."""\n{text}\n')
    assert house["high"].imports == imports
    assert house["low"].imports == frozenset()


def test_a_folder_is_one_room(package):
    house = package(
        low="",
        wing__of____init__='"""Wing: all of it."""\nfrom house.wing.a import x',
        wing__of__a="import house.low\n",
    )
    assert house["wing"] == rooms.Room("wing", "Wing: all of it.", 3, 2, frozenset({"low"}))


def test_a_circle_is_named(package):
    house = package(a="import house.b", b="import house.c", c="import house.a", d="import house.a")
    with pytest.raises(ValueError, match=r"got the circle a -> b -> c -> a, expected none"):
        rooms.floors(house)


def test_only_arrows_that_say_something_are_drawn(package):
    house = package(a="", b="import house.a", c="import house.a\nimport house.b")
    assert rooms.direct(house, "c") == {"b"}
    assert rooms.needs(house, "c") == {"a", "b"}


# The picture.


def test_the_picture_has_every_room_and_every_arrow():
    drawn = rooms.picture(HOUSE, "#123456")
    names = re.findall(r">([\w]+)</text>", drawn)
    assert set(HOUSE) <= set(names)
    arrows = re.findall(r"<title>(\w+) builds on (\w+)</title>", drawn)
    assert set(arrows) == {(name, other) for name in HOUSE for other in rooms.direct(HOUSE, name)}
    # All arrows lead down.
    for start, end in re.findall(r'd="M132 ([\d.]+)C.*? 132 ([\d.]+)" fill', drawn):
        assert float(end) > float(start)
    label = html.unescape(re.search(r'aria-label="([^"]*)"', drawn).group(1))
    assert all(f"{name} builds on" in label for name in HOUSE)
    assert drawn == rooms.picture(rooms.rooms(), "#123456")


def test_the_page_says_what_the_files_say(site):
    text = (site / "architecture.html").read_text(encoding="utf-8")
    assert all(f"<td>{room.lines:,}</td>" in text for room in HOUSE.values())
