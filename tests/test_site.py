"""What a reader gets: every page from disk, without a network, on a screen or a phone, by day or by night."""

import csv
import io
import re

import altair as alt
import pytest
from conftest import CHATTER

from capmodel import charts

SCREEN = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}

DRAWN = """() => [...document.querySelectorAll("figure.capchart")].every(
    (figure) => figure.dataset.drawn || figure.querySelector(".capchart-error"))"""


class Visit:
    """A page in a browser of its own, and everything that it asked for or complained about."""

    def __init__(self, context, site):
        self.site = site
        self.page = context.new_page()
        self.remote, self.complaints = [], []
        context.route("**/*", self._route)
        self.page.on("request", self._note)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"{request.failure}: {request.url}"))

    def _note(self, request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.remote.append(request.url)

    def _route(self, route):
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            route.abort()

    def _hear(self, message):
        if message.type in ("error", "warning") and not CHATTER.search(message.text):
            self.complaints.append(message.text)

    def open(self, name, query=""):
        self.page.goto(f"{(self.site / name).as_uri()}.html{query}")
        self.page.wait_for_function(DRAWN)
        return self.page


@pytest.fixture
def visit(browser, site):
    """Return a function that opens a page, in a new browser context with the options given."""
    contexts = []

    def start(name, query="", **options):
        contexts.append(browser.new_context(**{"viewport": SCREEN, "offline": True, **options}))
        visit = Visit(contexts[-1], site)
        visit.open(name, query)
        return visit

    yield start
    for context in contexts:
        context.close()


def checked(page, name):
    return page.evaluate("(name) => document.querySelector(`.capchart-controls [name='${name}']:checked`)?.value", name)


def shown(page):
    """Return the shapes that the first chart shows."""
    return page.evaluate(
        """() => [...document.querySelectorAll("figure.capchart")][0].querySelectorAll("svg.marks path[d]")
                 .values().map((path) => path.getAttribute("d")).toArray().join()"""
    )


def test_a_page_opened_on_a_phone_fits(visit):
    page = visit("sync_cost", viewport=PHONE).page
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    # Panels that stand side by side on a screen stand below each other.
    tops = (
        page.locator("figure.capchart")
        .first.locator("g.concat_0_group, g.concat_1_group")
        .evaluate_all("(panels) => panels.map((panel) => Math.round(panel.getBoundingClientRect().top))")
    )
    assert len(set(tops)) == 2


@pytest.mark.parametrize("query", ["?datastore=oracle", "?datastore=", "?nothing=1", "?load=<script>"])
def test_a_wrong_link_shows_the_first_state(visit, query):
    visited = visit("sync_cost", query)
    assert (checked(visited.page, "datastore"), checked(visited.page, "load")) == ("postgresql", "busy")
    assert visited.complaints == []


def test_the_theme_changes_colours_and_keeps_values(visit):
    visited = visit("sync_cost")
    page = visited.page
    page.get_by_role("radio", name="MariaDB").check()
    page.wait_for_function("() => location.search === '?datastore=mariadb'")
    label = page.locator("figure.capchart svg.marks text").first

    def brightness(color):
        return sum(map(int, re.findall(r"\d+", color)[:3])) / 3

    def ink():
        return brightness(label.evaluate("(text) => getComputedStyle(text).fill"))

    def paper():
        return brightness(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    seen, before = {}, shown(page)
    for _ in range(3):
        page.locator("button.theme-switch-button").first.click()
        theme = page.evaluate("document.documentElement.dataset.theme")
        seen[theme] = (ink(), paper())
        assert abs(ink() - paper()) > 120, "labels cannot be read on this background"
        assert checked(page, "datastore") == "mariadb"
        assert shown(page) == before
    assert seen["dark"][1] < 60
    assert seen["light"][1] > 200
    assert visited.complaints == []


def test_a_first_visit_by_night_is_dark(visit):
    page = visit("sync_cost", color_scheme="dark").page
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    card = page.locator("div.text_html:has(figure.capchart)").first
    assert card.evaluate("(card) => getComputedStyle(card).backgroundColor") == "rgba(0, 0, 0, 0)"


def test_data_and_picture_of_a_chart_can_be_had(visit, tmp_path):
    page = visit("sync_cost", accept_downloads=True).page
    figure = page.locator("figure.capchart").first
    carried = figure.evaluate("(figure) => figure.chart.tables.sync_cost")
    with page.expect_download() as download:
        figure.get_by_text("Data (CSV)").click()
    assert download.value.suggested_filename == "sync_cost.csv"
    download.value.save_as(tmp_path / "sync_cost.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "sync_cost.csv").read_text())))
    assert len(rows) == len(carried)
    for row, original in zip(rows, carried, strict=True):
        texts = {key: value if isinstance(value, str) else f"{value:.12g}" for key, value in original.items()}
        assert {key: value for key, value in row.items() if value} == texts
    with page.expect_download() as download:
        figure.get_by_text("Picture (SVG)").click()
    download.value.save_as(tmp_path / "chart.svg")
    assert (tmp_path / "chart.svg").read_text().startswith("<svg")


def test_without_scripts_the_answer_is_there(visit, browser, site):
    context = browser.new_context(viewport=SCREEN, java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "sync_cost.html").as_uri())
    figure = page.locator("figure.capchart").first
    assert figure.locator("figcaption").inner_text()
    still = figure.locator("img.capchart-still")
    assert still.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 300
    assert still.get_attribute("alt").startswith("CPU of one sync")
    for control in (".capchart-controls", ".capchart-links", ".theme-switch-button"):
        assert not page.locator(control).first.is_visible()
    context.close()


def test_pages_run_no_text_and_ask_nobody(visit, tmp_path):
    """A script put into a page is refused, and one of the site's own makes no code from text and loads nothing."""
    (tmp_path / "own.js").write_text(
        """try { eval("1"); window.ran = true } catch { window.ran = false }
        setTimeout(() => {
            const image = document.createElement("img");
            image.src = "https://example.org/picture.png";
            document.body.append(image);
        });"""
    )
    visited = visit("sync_cost")
    page = visited.page
    page.evaluate(
        """() => { const script = document.createElement("script"); script.textContent = "window.came = true";
                   document.head.append(script); }"""
    )
    with page.expect_event("requestfailed"):
        page.add_script_tag(url=(tmp_path / "own.js").as_uri())
    assert page.evaluate("[window.came, window.ran]") == [None, False]
    assert "csp: https://example.org/picture.png" in visited.complaints


def test_search_finds_pages(visit):
    visited = visit("search", "?q=datastore")
    visited.page.wait_for_selector("#search-results li a")
    assert visited.page.locator("#search-results li a[href^='sync_cost.html']").count() > 0
    assert visited.complaints == []


def test_reduced_motion_is_respected(visit):
    page = visit("sync_cost", reduced_motion="reduce").page
    moving = page.evaluate(
        """[...document.querySelectorAll("*")].filter(
            (element) => parseFloat(getComputedStyle(element).transitionDuration) > 0).length"""
    )
    assert moving == 0


# The page's script on its own, with controls of every kind.

SLIDER = alt.param("n", value=3, bind=alt.binding_range(min=0, max=10, step=1, name="n "))
TYPED = alt.param("m", value=5, bind=alt.binding(input="number", name="m "))
BOX = alt.param("on", value=True, bind=alt.binding_checkbox(name="on "))
CHOICE = alt.param("which", value=2, bind=alt.binding_select(options=[1, 2], name="which "))


def controlled(function="toNumber"):
    """Return a chart of two panels whose one text is what the controls say."""
    text = f"'' + {function}(n) + ' ' + {function}(m) + ' ' + on + ' ' + which"
    base = alt.Chart(alt.sequence(1)).transform_calculate(said=text)
    panel = base.mark_text().encode(text="said:N").properties(width="container")
    return alt.hconcat(panel, panel).add_params(SLIDER, TYPED, BOX, CHOICE).properties(description="d", title="t")


@pytest.fixture
def alone(browser, site, tmp_path):
    """Return a function that opens a page with one chart and nothing else."""
    contexts, theme, renderer = [], alt.theme.active, alt.renderers.active
    charts.enable("site")

    def start(chart, query="", edit=lambda figure: figure):
        figure = edit(alt.renderers.get()(chart.to_dict())["text/html"])
        names = ("vega.js", "look.js", "charts.js")
        scripts = "".join(f'<script defer src="{(site / "_static" / name).as_uri()}"></script>' for name in names)
        (tmp_path / "page.html").write_text(f'<meta charset="utf-8">{scripts}{figure}')
        contexts.append(browser.new_context(viewport=SCREEN, offline=True))
        visit = Visit(contexts[-1], tmp_path)
        visit.open("page", query)
        return visit

    yield start
    alt.theme.enable(theme)
    alt.renderers.enable(renderer)
    for context in contexts:
        context.close()


def said(page):
    return page.locator("figure.capchart svg.marks text").first.text_content()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "3 5 true 2"),
        ("?n=7&m=12.5&on=false&which=1", "7 12.5 false 1"),
        ("?n=99", "10 5 true 2"),
        ("?n=-1", "0 5 true 2"),
        ("?n=&m=abc&on=maybe&which=3", "3 5 true 2"),
        ("?n=NaN&m=Infinity", "3 5 true 2"),
    ],
)
def test_a_link_sets_controls_of_every_kind(alone, query, expected):
    visited = alone(controlled(), query)
    assert said(visited.page) == expected
    assert visited.complaints == []


def test_values_outlive_a_turned_phone_and_reach_the_address(alone):
    visited = alone(controlled())
    page = visited.page
    page.get_by_role("slider").press("ArrowRight")
    page.get_by_role("spinbutton").fill("8")
    page.get_by_role("checkbox").uncheck()
    page.get_by_role("combobox").select_option("1")
    page.wait_for_function("() => location.search === '?n=4&m=8&on=false&which=1'")
    assert said(page) == "4 8 false 1"
    page.evaluate("document.querySelector('figure.capchart').dataset.drawn = ''")
    page.set_viewport_size(PHONE)
    page.wait_for_function(DRAWN)
    assert said(page) == "4 8 false 1"
    assert page.get_by_role("slider").input_value() == "4"
    page.get_by_role("slider").press("ArrowLeft")
    page.wait_for_function("() => !location.search.includes('n=4')")
    assert said(page) == "3 8 false 1"
    assert visited.complaints == []


def test_a_chart_that_fails_says_so(alone):
    visited = alone(controlled(), edit=lambda figure: figure.replace("toNumber(n)", "nothing(n)"))
    assert "nothing" in visited.page.locator(".capchart-error").text_content()
    assert visited.complaints
