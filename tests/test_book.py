"""What the build promises: no old number is published, no build is half done, nothing on the site leads nowhere."""

import html
import json
import math
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from html.parser import HTMLParser

import altair as alt
import inputs
import pandas as pd
import pytest
import vl_convert
from capsite import assets, check, names
from conftest import ROOT, load_script
from drawings import unpacked
from hypothesis import given
from hypothesis import strategies as st

from capmodel import charts
from capmodel.charts import _packed, _page

build = load_script(ROOT / "book" / "ext" / "build.py")
PAGES = sorted((ROOT / "book").glob("*.md"))


# The digests.


@pytest.fixture
def checkout(tmp_path):
    """Make a tree with a file of each kind that the book is made from."""
    for name, text in {
        "data/runs.csv": "a,b\n1,2\n",
        "data/scrapes/one.prom": "up 1\n",
        "capmodel/costs.py": "COST = 1\n",
        "book/index.md": "# How much?\n",
        "book/assets/book.css": "a {}\n",
        "book/ext/capsite/__init__.py": "",
        "_config.yml": "title: x\n",
        "requirements.lock": "altair==1\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "is_of_execution"),
    [
        ("data/runs.csv", True),
        ("data/scrapes/one.prom", True),
        ("capmodel/costs.py", True),
        ("book/ext/capsite/__init__.py", True),
        ("requirements.lock", True),
        ("book/index.md", False),
        ("book/assets/book.css", False),
        ("_config.yml", False),
    ],
)
def test_one_byte_changes_the_digests_that_it_should(checkout, name, is_of_execution):
    def digests():
        return [inputs.digest(checkout, patterns, {}) for patterns in (inputs.EXECUTION, ALL)]

    before = digests()
    assert digests() == before
    path = checkout / name
    path.write_bytes(path.read_bytes() + b" ")
    execution, everything = digests()
    assert (execution != before[0]) is is_of_execution
    assert everything != before[1]


ALL = inputs.EXECUTION + inputs.PRESENTATION


def test_a_renamed_file_and_a_moved_byte_change_the_digest(checkout):
    before = inputs.digest(checkout, ALL, {})
    (checkout / "data/runs.csv").rename(checkout / "data/walks.csv")
    renamed = inputs.digest(checkout, ALL, {})
    (checkout / "data/walks.csv").write_text("a,b\n1,2")
    (checkout / "data/scrapes/one.prom").write_text("\nup 1\n")
    assert len({before, renamed, inputs.digest(checkout, ALL, {})}) == 3


def test_compiled_python_is_no_input(checkout):
    before = inputs.digest(checkout, ALL, {})
    (checkout / "book/ext/__pycache__").mkdir()
    (checkout / "book/ext/__pycache__/x.py").write_text("x")
    assert inputs.digest(checkout, ALL, {}) == before


def test_the_readers_own_runs_are_an_input(checkout, tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    without = inputs.digest(checkout, inputs.EXECUTION, {})
    (folder / "mine.csv").write_text("a\n1\n")
    environment = {"CAPMODEL_MEASUREMENTS": str(folder)}
    one = inputs.digest(checkout, inputs.EXECUTION, environment)
    (folder / "mine.csv").write_text("a\n2\n")
    assert len({without, one, inputs.digest(checkout, inputs.EXECUTION, environment)}) == 3


# The stamp, and how a site takes the place of another.


@pytest.fixture
def folders(tmp_path):
    folders = build.Folders(tmp_path)
    folders.output.mkdir(parents=True)
    (folders.output / "index.html").write_text("new")
    (folders.output / "charts.js.map").write_text("source")
    return folders


def test_the_stamp_holds_for_the_same_inputs_and_the_same_site_only(folders):
    assert not build.up_to_date(folders, "a")
    build.publish(folders)
    assert not build.up_to_date(folders, "a")
    build.write_stamp(folders, "a")
    assert build.up_to_date(folders, "a")
    assert not build.up_to_date(folders, "b")
    (folders.site / "index.html").write_text("neW")
    assert not build.up_to_date(folders, "a")
    (folders.site / "index.html").write_text("new")
    assert build.up_to_date(folders, "a")
    (folders.site / "more.html").write_text("")
    assert not build.up_to_date(folders, "a")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"inputs": "a"}'])
def test_a_damaged_stamp_means_another_build(folders, text):
    build.publish(folders)
    folders.stamp.write_text(text)
    assert not build.up_to_date(folders, "a")


def test_a_site_is_replaced_whole(folders):
    folders.site.mkdir()
    (folders.site / "gone.html").write_text("old")
    build.publish(folders)
    assert [path.name for path in folders.site.iterdir()] == ["index.html"]
    assert (folders.site / "index.html").read_text() == "new"


def test_the_old_site_stays_when_the_new_one_cannot_be_written(folders, monkeypatch):
    folders.site.mkdir()
    (folders.site / "index.html").write_text("old")

    def full(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr(build.shutil, "copytree", full)
    with pytest.raises(OSError, match="no space"):
        build.publish(folders)
    assert (folders.site / "index.html").read_text() == "old"


def test_a_second_build_waits_for_the_first(folders, capsys):
    order = []
    with build.alone(folders):
        second = threading.Thread(target=lambda: [order.append("second") for _ in [0] if _enter(folders)])
        second.start()
        while "another build is running" not in capsys.readouterr().out:
            assert second.is_alive()
            time.sleep(0.01)
        order.append("first")
    second.join()
    assert order == ["first", "second"]


def _enter(folders):
    with build.alone(folders):
        return True


# Whole builds, of a book with one page.

PAGE = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {name: python3, display_name: Python 3}
---
# How much?

```{code-cell} ipython3
from pathlib import Path

import altair as alt
import pandas as pd
from IPython.display import Markdown

from capmodel import charts

charts.enable("site")
value = float(Path("../data/value.csv").read_text())
Markdown(f"**The answer is {value:.1f}.**")
```

```{code-cell} ipython3
alt.Chart(pd.DataFrame({"x": [0.0, value]}), description=f"up to {value}").mark_point().encode(x="x:Q")
```
"""


TOC = """format: jb-book
root: index
parts:
  - caption: Look up
    chapters:
      - file: references
"""


class Book:
    """A checkout with one page."""

    def __init__(self, root):
        self.root = root
        shutil.copytree(ROOT / "book/ext", root / "book/ext", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "book/assets", root / "book/assets")
        for name in ("_config.yml", "requirements.lock", "book/references.bib"):
            shutil.copy(ROOT / name, root / name)
        self.write("book/_toc.yml", TOC)
        self.write("book/index.md", PAGE)
        self.write("book/references.md", "# Where from?\n\n```{bibliography}\n:all:\n```\n")
        self.write("capmodel/model.py", "")
        self.write("data/value.csv", "99.9\n")

    def write(self, name, text):
        (self.root / name).parent.mkdir(exist_ok=True)
        (self.root / name).write_text(text)

    def start(self):
        return subprocess.Popen(
            [sys.executable, str(self.root / "book/ext/build.py")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.root,
            start_new_session=True,
            # Tests that run in the background inherit that the interrupt is ignored, and would hand this on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def build(self):
        process = self.start()
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    @property
    def page(self):
        return (self.root / "_build/html/index.html").read_text()


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    book = Book(tmp_path_factory.mktemp("book"))
    status, out, err = book.build()
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == str(book.root / "_build/html/index.html")
    return book


def test_a_site_that_is_up_to_date_is_left_alone(book):
    before = (book.root / "_build/html/index.html").stat().st_mtime_ns
    status, out, err = book.build()
    assert (status, err) == (0, "")
    assert "nothing has changed" in out
    assert out.splitlines()[-1].endswith("_build/html/index.html")
    assert (book.root / "_build/html/index.html").stat().st_mtime_ns == before


def test_a_changed_file_changes_the_page_and_failures_leave_the_last_good_site(book):
    # The page's source is the same, so a cache that looks at cells alone would show the old answer.
    assert "The answer is 99.9." in book.page
    book.write("data/value.csv", "55.5\n")
    assert book.build()[0] == 0
    assert "The answer is 55.5." in book.page
    assert "99.9" not in book.page

    book.write("data/value.csv", "no number\n")
    book.write("book/index.md", PAGE + "\n[elsewhere](nowhere.md)\n")
    status, _, err = book.build()
    assert status == 1
    assert "could not convert string to float" in err
    assert "nowhere" in err
    assert "The answer is 55.5." in book.page


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_a_killed_build_left_is_not_trusted(book):
    # A record without its file, and half a library: what a kill at the wrong moment can leave.
    book.write("data/value.csv", "55.5\n")
    book.write("book/index.md", PAGE)
    assert book.build()[0] == 0
    work = book.root / "_build/work"
    whole = (work / "assets/vega.js").read_bytes()
    (work / "assets/vega.js").write_bytes(whole[:1000])
    cached = list((work / "cache").rglob("*.ipynb"))
    assert cached
    for path in cached:
        path.unlink()
    (work / "running").touch()
    book.write("book/index.md", PAGE + "\nOne sentence more.\n")
    status, _, err = book.build()
    assert (status, err) == (0, "")
    assert "One sentence more." in book.page
    assert (book.root / "_build/html/_static/vega.js").read_bytes() == whole
    assert not (work / "running").exists()


def test_no_file_of_the_site_names_this_machine(book, site):
    for folder, root in ((book.root / "_build/html", book.root), (site, ROOT)):
        for path in _files(folder):
            assert f"{root}/".encode() not in path.read_bytes(), path
            assert path.suffix != ".map"


# The checker of a site.

GOOD = """
<html><head><link rel="stylesheet" href="a.css"></head><body><h1 id="top">x</h1>
<a href="#top">x</a><a href="b.html#there">x</a><a href="https://example.org">x</a><img src="a.png" alt="x">
<figure class="capchart"><script type="application/json">{"description": "a <\\/b> b"}</script></figure>
</body></html>"""


@pytest.fixture
def pages(tmp_path):
    for name in ("a.css", "a.png"):
        (tmp_path / name).write_text("")
    (tmp_path / "index.html").write_text(GOOD)
    (tmp_path / "b.html").write_text('<p id="there">')
    return tmp_path


def test_the_checker_passes_a_good_site(pages):
    assert check.problems(pages) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("#top", "#bottom", "no such place: #bottom"),
        ("b.html#there", "b.html#where", "no such place: b.html#where"),
        ("b.html", "c.html", "no such file: c.html#there"),
        ("a.css", "c.css", "no such file: c.css"),
        ('href="a.css"', 'href="https://cdn.example.org/a.css"', "loaded from elsewhere: https://cdn"),
        ('src="a.png"', 'src="//cdn.example.org/a.png"', "loaded from elsewhere: //cdn"),
        ("<h1", '<script src="http://example.org/a.js"></script><h1', "loaded from elsewhere: http://"),
        (' alt="x"', "", "picture without alt text: a.png"),
        ('"description": "a <\\/b> b"', '"description": ""', "chart without a description"),
        ('{"description"', "{description", "chart whose specification is not JSON"),
        ("<h1", '<p id="top"><h1', "two elements with the id top"),
    ],
)
def test_the_checker_finds(pages, old, new, problem):
    assert old in GOOD
    (pages / "index.html").write_text(GOOD.replace(old, new))
    found = check.problems(pages)
    assert len(found) == 1
    assert found[0].startswith(f"index.html: {problem}")


def test_an_empty_site_is_a_problem(tmp_path):
    assert check.problems(tmp_path)


def test_the_built_site_has_no_problems(site):
    assert check.problems(site) == []


# The library, and what else the site weighs.


def test_the_bundle_is_of_altairs_version():
    import vl_convert

    assert assets.vega_lite_version() in vl_convert.get_vegalite_versions()
    assert alt.SCHEMA_VERSION.lstrip("v").startswith(assets.vega_lite_version())


def test_the_site_serves_its_libraries_with_their_licences(site):
    bundle = (site / "_static/vega.js").read_text()
    assert bundle.startswith("(()=>{")
    notice = (site / "_static/third-party.txt").read_text()
    for name in ("Vega", "d3", "sphinx-book-theme", "BSD-3-Clause", "MIT"):
        assert name in notice


def test_attributes_that_are_named_together_have_their_type_each():
    found = names.apart([":ivar low, high: Bounds.", "", ":vartype low, high: float", "", "More."])
    assert found == [
        ":ivar low: Bounds.", "", ":vartype low: float", ":ivar high: Bounds.", "", ":vartype high: float", "", "More.",
    ]  # fmt: skip


def test_names_that_share_a_description_are_said_once(site):
    text = (site / "api_answers.html").read_text(encoding="utf-8")
    assert "<strong>servers</strong>, <strong>cores</strong>, <strong>datastore_cores</strong> (<em>int</em>)" in text


def test_constants_are_described_in_their_own_words(site):
    """What stands before a colon is no type, and numbers are shown."""
    text = (site / "api_spire.html").read_text(encoding="utf-8")
    plain = " ".join(html.unescape(re.sub("<[^>]*>", "", text)).split())
    assert "PEER_POLL_S = 75.0# Seconds between two requests for a peer’s bundle: a quarter of" in plain
    assert "Type:" not in plain


def test_the_index_has_a_line_for_each_module(site):
    text = (site / "genindex.html").read_text(encoding="utf-8")
    assert ">capmodel.plan (module)</a>" in text
    assert ">module</a>" not in text


#: Pages with a point for each of hundreds of runs.
MANY_POINTS = {"validation.html"}


def test_the_site_is_light(site):
    """All scripts together, those inside pages included, and each page without them."""
    total = sum(path.stat().st_size for path in site.rglob("*.js"))
    weights = {}
    for path in site.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        inside = sum(len(one.encode()) for one in re.findall(
            r"<script(?![^>]*(?:src=|json))[^>]*>(.*?)</script>", text, re.S
        ))  # fmt: skip
        total += inside
        weights[path.name] = len(text.encode()) - inside
    too_heavy = {
        name: weight for name, weight in weights.items() if weight > (300_000 if name in MANY_POINTS else 100_000)
    }
    assert too_heavy == {}
    assert total <= 950_000


def test_no_script_is_left_that_no_page_loads(site):
    pages = "".join(path.read_text() for path in site.glob("*.html"))
    assert [path.name for path in site.rglob("*.js") if f"/{path.name}" not in pages.replace('="', '="/')] == []


# What a chart is on a page.


class Figure(HTMLParser):
    """The parts of a figure, as a browser reads them."""

    def __init__(self, text):
        super().__init__()
        self.texts = {}
        self.path = []
        self.labels = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.path.append(tag)
        self.labels += [value for name, value in attrs if name == "aria-label"]

    def handle_endtag(self, tag):
        while self.path and self.path.pop() != tag:
            pass

    def handle_data(self, data):
        for tag in self.path:
            self.texts[tag] = self.texts.get(tag, "") + data


@pytest.fixture
def drawn():
    """Return a function that writes a chart as the book does, with the settings of other tests untouched."""
    theme, renderer = alt.theme.active, alt.renderers.active
    charts.enable("site")
    yield lambda chart: alt.renderers.get()(chart.to_dict())["text/html"]
    alt.theme.enable(theme)
    alt.renderers.enable(renderer)


def points(words, **properties):
    return alt.Chart(pd.DataFrame({"x": [1.0, 2.0], "word": words}), **properties).mark_point().encode(x="x:Q")


def test_words_that_look_like_markup_stay_words(drawn):
    hostile = '</script><script>alert(1)</script><!--"&'
    figure = Figure(drawn(points([hostile, "b"], description=hostile, title=hostile)))
    spec = json.loads(figure.texts["script"])
    assert spec["description"] == hostile
    assert dict(next(iter(spec["tables"].values()))["columns"])["word"] == [hostile, "b"]
    assert figure.texts["figcaption"] == hostile
    assert "title" not in whole(spec)
    assert hostile in figure.labels


def test_a_chart_needs_a_description(drawn):
    with pytest.raises(ValueError, match="description"):
        drawn(points(["a", "b"]))


def test_a_picture_keeps_the_digits_that_readers_read(drawn):
    chart = alt.Chart(pd.DataFrame({"x": [0.00123]}), description="d").mark_text().encode(x="x:Q", text="x:Q")
    assert "0.00123" in drawn(chart).partition("<noscript>")[2]


def test_a_chart_is_written_alike_every_time(drawn):
    assert drawn(points(["a", "b"], description="d")) == drawn(points(["a", "b"], description="d"))


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([1.5, 2.5, 3.5], [1.5, 2.5, 3.5]),
        (["a", "a", "a"], {"all": "a"}),
        ([None, None], {"all": None}),
        (["crawl", "full cache"] * 5, {"of": ["crawl", "full cache"], "at": "AB" * 5}),
        # More values than there are characters.
        ([f"run {k % 65}" for k in range(130)], {"of": [f"run {k}" for k in range(65)], "at": [*range(65)] * 2}),
        ([1, True, 1.0, None], [1, True, 1.0, None]),
    ],
)
def test_columns_are_written_short_and_lose_nothing(values, written):
    assert _packed.column(values) == written


def whole(spec):
    """Return a chart's drawing as the script of the page reads it."""
    return unpacked(spec["vega"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda name: name != "$"), inner),
    ).flatmap(lambda part: st.lists(st.just(part), min_size=1, max_size=3))
)
def test_what_is_written_once_is_read_as_it_was(value):
    packed = json.loads(_packed.short(_packed.shared(value)))
    assert _packed.short(whole({"vega": packed})) == _packed.short(value)


@pytest.mark.parametrize("shape", ["lines", "bars"])
def test_what_draws_nothing_is_left_out_and_the_picture_stays(monkeypatch, shape):
    source = pd.DataFrame({"x": [1.0, 10.0, 100.0], "y": [2.0, 1.0, 3.0], "part": ["server", "datastore", "server"]})
    axis = alt.Axis(grid=True, values=[1, 10, 100])
    panel = alt.Chart(source).encode(alt.X("x:Q", axis=axis), alt.Y("y:Q", axis=alt.Axis(grid=True)), color="part:N")
    part = panel.transform_filter("datum.x > 1")
    panels = [panel.mark_line() + part.mark_point(), panel.mark_point()]
    if shape == "bars":
        # A bar is as wide as its band: an expression names its scale.
        panels = [panel.mark_rect().encode(x="part:O", y="x:O").properties(width=99, height=99) for _ in range(2)]
    spec = alt.hconcat(*panels).resolve_scale(x="independent", y="independent").properties(description="d").to_dict()
    lean = _page.compiled(spec).spec
    monkeypatch.setattr(_page, "lean", lambda vega: None)
    full = _page.compiled(spec).spec
    assert len(json.dumps(lean)) < (0.9 if shape == "lines" else 1) * len(json.dumps(full))
    # The same marks at the same places, in whichever order the grid comes.
    drawn = re.compile(r"<(?:line|path|text|rect) (?!class=\"(?:back|fore)ground)[^>]*>[^<]*")
    marks = [sorted(drawn.findall(vl_convert.vega_to_svg(vega))) for vega in (lean, full)]
    assert len(marks[0]) > 20
    assert marks[0] == marks[1]


def test_only_what_pages_can_show_is_drawn(drawn):
    chart = points(["a", "b"], description="d")
    with pytest.raises(ValueError, match="facets"):
        drawn(chart.facet("word:N").properties(description="d"))
    knob = alt.param("x", value="#fff", bind=alt.binding(input="color"))
    with pytest.raises(ValueError, match="got a control 'color', expected one of radio, range"):
        drawn(chart.add_params(knob))


def test_the_width_of_a_panel_stays_open(drawn):
    panel = points(["a", "b"]).properties(width="container")
    spec = json.loads(Figure(drawn(alt.hconcat(panel, panel).properties(description="d"))).texts["script"])
    assert (spec["side"], spec["fits"], spec["widths"]) == (2, False, ["childWidth"])
    assert whole(spec)["layout"]["columns"] == {"signal": "panels_in_a_row"}
    spec = json.loads(Figure(drawn(panel.properties(description="d"))).texts["script"])
    assert (spec["side"], spec["fits"], spec["widths"]) == (1, True, ["width"])


def test_only_known_renderers():
    with pytest.raises(ValueError, match="renderer: got 'canvas', expected 'default' or 'site'"):
        charts.enable("canvas")


def luminance(color):
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("color", sorted({*charts.COLORS.values(), charts.GREY}))
@pytest.mark.parametrize("background", ["#ffffff", "#121212"])
def test_marks_have_contrast_on_both_backgrounds(color, background):
    lighter, darker = sorted([luminance(color), luminance(background)], reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 3.0  # WCAG 2.2, 1.4.11


def sync_frame(scale=1.0):
    rows = [
        {
            "sync_mode": mode,
            "datastore": "postgresql",
            "load": "busy",
            "component": component,
            "kind": "model",
            "entries_per_agent": entries,
            "cpu_ms": scale * (1.0 + slope * entries),
            "lower_ms": 0.5,
            "upper_ms": 9.0,
        }
        for mode, slope in (("crawl", 1.0), ("full_cache", 0.0))
        for component in ("server", "datastore")
        for entries in (10, 30, 100)
    ]
    return pd.DataFrame(rows)


def test_what_a_chart_says_follows_its_data():
    spec = charts.sync_cost(sync_frame()).to_dict()
    # 101 ms against 11 ms, and no growth at all.
    assert spec["title"]["text"] == "From 10 to 100 entries a crawl grows 9.2-fold, a sync from the full cache 1.0-fold"
    assert "crawl: 11 ms of server and 11 ms of datastore CPU with 10 entries" in spec["description"]
    assert "crawl: 22 ms of server" in charts.sync_cost(sync_frame(2.0)).to_dict()["description"]


def test_a_bound_that_there_is_not_ends_the_band_of_a_closed_loop(drawn):
    rows = [
        {"kind": "whole", "agents": agents, "response_s": 1.0, "utilization": 0.5, "lower_s": 0.5, "upper_s": upper}
        for agents, upper in ((100.0, 2.0), (1000.0, math.inf))
    ]
    mark = {"kind": "mark", "name": "knee", "label": "x", "agents": 500.0, "response_s": 1.0, "utilization": 1.0}
    frame = pd.DataFrame([*rows, mark, mark | {"name": "fleet"}]).assign(series=None)
    tables = json.loads(Figure(drawn(charts.closed_loop(frame, "loops"))).texts["script"])["tables"]
    (columns,) = [dict(one["columns"]) for one in tables.values() if "upper_s" in dict(one["columns"])]
    assert columns["upper_s"][:2] == [2.0, None]


def test_statement_counts_say_how_far_off_the_median_is():
    frame = pd.DataFrame(
        {
            "run_id": ["a", "b", "c"],
            "operation": ["sync", "sync", "sign_jwt"],
            "sync_mode": "crawl",
            "expected": [10.0, 100.0, 3.0],
            "counted": [10.1, 102.0, 3.0],
            "operations": [5, 6, 7],
        }
    )
    assert "the median window is 1.0\xa0% off" in charts.statement_counts(frame).to_dict()["title"]["text"]


# The pages.


def prose(text):
    """Return a page without its header, comments and code."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    text = re.sub(r"^(`{3,}|:{3,}|~{3,})\{code-cell\}.*?^\1\s*$", "", text, flags=re.S | re.M)
    return re.sub(r"^%.*$", "", text, flags=re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_asks_a_question_and_types_no_result(page):
    text = prose(page.read_text())
    title = re.search(r"^# (.*)$", text, flags=re.M).group(1)
    assert title.endswith("?"), title
    typed = re.findall(r"\d[\d.,]*(?: | )?(?:ms|µs|us|cores?|GB|MB|syncs|fold|times)\b", text)
    assert not typed, "a number that code should have computed"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_reads_the_readers_own_runs(page):
    # What stands in quotes is shown to readers, not run.
    calls = re.findall(r"^[^\"`\n]*load_sync_runs\(([^\n]*)", page.read_text(), flags=re.M)
    assert not [call for call in calls if call.startswith(")")], "load_sync_runs() leaves CAPMODEL_MEASUREMENTS out"


def test_every_page_is_in_the_table_of_contents():
    contents = (ROOT / "book/_toc.yml").read_text()
    listed = set(re.findall(r"(?:file|root): (\w+)", contents))
    assert {page.stem for page in PAGES} <= listed
