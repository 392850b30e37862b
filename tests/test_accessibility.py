"""Everyone can read and work every page: axe finds nothing serious, the keyboard reaches and changes what there is."""

import functools
import http.server
import threading

import pytest
from axe_playwright_python.base import AXE_SCRIPT as AXE
from conftest import ROOT

NAMES = sorted({"genindex", "search", *(path.stem for path in (ROOT / "book").glob("*.md"))})
SCREEN, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
DRAWN = "() => [...document.querySelectorAll('figure.capchart')].every((figure) => figure.dataset.drawn)"
#: Pages that list names, all made alike and without charts; what charts do is not asked of them.
LISTINGS = {name for name in NAMES if name.startswith("api_")} | {"genindex"}
TELLING = [name for name in NAMES if name not in LISTINGS]
#: Of the listings the longest and one of another kind stand for all.
LOOKED_AT = [*TELLING, "api_queueing", "genindex"]
#: Pages that are laid out otherwise on a wide screen; what else differs there is the frame that all pages share.
WIDE = {"index", "factors", "topologies"}
TAGS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
#: The rules whose outcome a theme can change.
OF_COLORS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}

#: What a chart shows, in any order: it draws what comes back after what stayed.
MARKS = """(figure) => [...figure.querySelectorAll("svg.marks .role-mark :is(path, text, line, rect)")]
    .map((mark) => ["d", "transform", "opacity", "x2", "width"].map((name) => mark.getAttribute(name)) + mark.innerHTML)
    .sort().join()"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


#: The same without places, which follow the room that labels leave when a chart is drawn first.
KINDS = """(figure) => [...figure.querySelectorAll("svg.marks .role-mark :is(path, text, line, rect)")]
    .map((mark) => mark.tagName + mark.getAttribute("fill") + mark.getAttribute("stroke") + mark.innerHTML
        + (mark.getAttribute("d") ?? "").replaceAll(/[-\\d.]+/g, "")).sort().join()"""


CHOSEN = "[...document.querySelectorAll('.capchart-controls :is(:checked, [type=range])')].map((one) => one.value)"


@pytest.fixture(scope="module")
def server(site):
    """Serve the site from this machine, as a web server would, and return its address."""
    handler = functools.partial(_Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


@pytest.fixture
def open_page(browser, site):
    """Return a function that opens a page in a context of its own."""
    contexts = []

    def start(name, base=None, **options):
        contexts.append(browser.new_context(**{"viewport": SCREEN, **options}))
        page = contexts[-1].new_page()
        page.complaints, page.remote = [], []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: page.remote.append(request.url))
        page.goto(f"{base or site.as_uri()}/{name}.html")
        page.wait_for_function(DRAWN)
        return page

    yield start
    for context in contexts:
        context.close()


#: Return what is serious, and not what passed, which is a hundred times as much.
SERIOUS = """(only) => axe.run({ runOnly: only, resultTypes: ["violations"], preload: false })
    .then((result) => result.violations
    .filter((problem) => ["serious", "critical"].includes(problem.impact))
    .map((problem) => [problem.id, problem.nodes.slice(0, 3).map((node) => node.html.slice(0, 120))]))"""


@pytest.mark.parametrize("name", LOOKED_AT)
def test_axe_finds_nothing_serious(open_page, name):
    # axe is put into the page, which the page's own policy forbids.
    page = open_page(name, color_scheme="light", bypass_csp=True, reduced_motion="reduce")
    page.evaluate(AXE)
    found = []
    if name in WIDE:
        found += [("light", "wide", problem) for problem in page.evaluate(SERIOUS, TAGS)]
    if name not in LISTINGS:
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        page.wait_for_function(DRAWN)
        found += [("dark", "wide", problem) for problem in page.evaluate(SERIOUS, OF_COLORS)]
        page.emulate_media(color_scheme="light")
        page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    page.set_viewport_size(PHONE)
    page.wait_for_timeout(500)  # the theme looks again for what scrolls 300 ms after a change of size
    page.wait_for_function(DRAWN)
    found += [("light", "narrow", problem) for problem in page.evaluate(SERIOUS, TAGS)]
    assert found == []


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_page_works_from_a_server(open_page, server, name):
    page = open_page(name, base=server)
    assert page.locator(".capchart-error").count() == 0
    assert page.complaints == []
    assert [url for url in page.remote if not url.startswith((server, "data:", "blob:"))] == []


def _controls(page):
    """Return each control of the charts of a page once: radio buttons of one name are one control."""
    return page.evaluate(
        """() => [...document.querySelectorAll("figure.capchart")].flatMap((figure, at) =>
            [...new Set([...figure.querySelectorAll(".capchart-controls [name]")].map((field) => field.name))]
                .map((name) => [at, name]))"""
    )


@pytest.mark.parametrize("name", TELLING)
def test_the_keyboard_changes_every_control_of_every_chart(open_page, name):
    page = open_page(name)
    for at, control in _controls(page):
        figure = page.locator("figure.capchart").nth(at)
        fields = figure.locator(f".capchart-controls [name='{control}']")
        states = {figure.evaluate(MARKS)}
        steps = min(fields.count(), 6) - 1 if fields.count() > 1 else 1
        focused = figure.locator(f".capchart-controls [name='{control}']:checked")
        (focused if focused.count() else fields).first.focus()
        for _ in range(steps):
            page.keyboard.press("ArrowRight")
            assert page.evaluate("document.activeElement.name") == control
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", "the focus cannot be seen"
            page.wait_for_timeout(80)
            states.add(figure.evaluate(MARKS))
        value = page.evaluate("document.activeElement.value")
        signal = figure.evaluate("(figure, name) => String(figure.chart.result.view.signal(name))", control)
        assert signal == value
        assert len(states) > 1, f"{control} changes nothing"
        page.wait_for_function("(name) => location.search.includes(name + '=')", arg=control)
        # A link to what is shown shows it again.
        shown = figure.evaluate(KINDS)
        again = page.context.new_page()
        again.goto(page.url)
        again.wait_for_function(DRAWN)
        assert again.locator("figure.capchart").nth(at).evaluate(KINDS) == shown
        assert again.evaluate(CHOSEN) == page.evaluate(CHOSEN)
        again.close()
    assert page.complaints == []


@pytest.mark.parametrize("name", TELLING)
def test_every_chart_has_its_data_as_a_table(open_page, name):
    page = open_page(name)
    for figure in page.locator("figure.capchart").all():
        details = figure.locator("details.capchart-table")
        details.locator("summary").press("Enter")
        rows = figure.evaluate(
            """(figure) => Object.entries(figure.chart.tables).filter(([name]) => !name.startsWith("guide"))
                .reduce((sum, [, rows]) => sum + rows.length, 0)"""
        )
        details.locator("table").first.wait_for()
        assert details.locator("tbody tr").count() == rows > 0


@pytest.mark.parametrize("name", TELLING)
def test_nothing_moves_when_charts_come(browser, site, name):
    context = browser.new_context(viewport=SCREEN)
    context.add_init_script(
        """window.moved = 0;
        new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.moved += entry.value; })
            .observe({ type: "layout-shift", buffered: true });"""
    )
    page = context.new_page()
    page.goto(f"{site.as_uri()}/{name}.html")
    page.wait_for_function(DRAWN)
    page.wait_for_timeout(200)
    assert page.evaluate("window.moved") < 0.02
    context.close()


@pytest.mark.parametrize("name", TELLING)
def test_without_scripts_every_page_has_its_answer_and_pictures(open_page, site, browser, name):
    context = browser.new_context(viewport=SCREEN, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.as_uri()}/{name}.html")
    assert page.locator("main h1:visible").first.inner_text().strip()
    stills = page.locator("figure.capchart img.capchart-still")
    assert stills.count() == page.locator("figure.capchart").count()
    for still in stills.all():
        still.scroll_into_view_if_needed()
        assert still.bounding_box()["height"] > 100
        assert (site / still.get_attribute("src")).read_text().startswith("<svg")
    context.close()


@pytest.mark.parametrize("name", TELLING)
def test_a_page_prints(open_page, name):
    page = open_page(name, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.pdf(format="A4")[:5] == b"%PDF-"
    for unwanted in (".capchart-controls", ".capchart-links", ".bd-sidebar-primary", ".bd-header-article"):
        assert not page.locator(unwanted).first.is_visible() if page.locator(unwanted).count() else True
