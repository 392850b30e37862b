"""Everyone can read and work every page: axe finds nothing serious, the keyboard reaches and changes what there is.

Each page is opened once from a server, once from disk and once without scripts; the tests of a page share what is open
and leave it as they found it, all but the keyboard's, which comes last.
"""

import functools
import http.server
import json
import threading

import moves
import pytest
from axe_playwright_python.base import AXE_SCRIPT as AXE
from conftest import AT_REST, CHATTER, ROOT
from drawings import drawings

NAMES = sorted({"genindex", "search", *(path.stem for path in (ROOT / "book").glob("*.md"))})
SCREEN, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
DRAWN = "() => [...document.querySelectorAll('figure.capchart')].every((figure) => figure.dataset.drawn)"
#: The theme has looked again for what scrolls, which it does a while after a change of size.
STOPS = """() => [...document.querySelectorAll("pre, .cell_output > .output")].every((box) => box.tabIndex ===
    (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight ? 0 : -1))"""
#: Pages that list names, all made alike and without charts; what charts do is not asked of them.
LISTINGS = {name for name in NAMES if name.startswith("api_")} | {"genindex"}
TELLING = [name for name in NAMES if name not in LISTINGS]
#: Of the listings the longest and one of another kind stand for all.
LOOKED_AT = [*TELLING, "api_queueing", "genindex"]
#: Pages that are laid out otherwise on a wide screen; what else differs there is the frame that all pages share.
WIDE = {"index", "factors", "topologies"}
TAGS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
#: The rule beside contrast whose outcome a theme can change.
LINKS = {"type": "rule", "values": ["link-in-text-block"]}

#: What charts show, in any order; without places, which follow the room that labels leave at first.
KINDS = """() => [...document.querySelectorAll("figure.capchart")].map((figure) =>
    [...figure.querySelectorAll("svg.marks .role-mark :is(path, text, line, rect)")]
        .map((mark) => mark.tagName + mark.getAttribute("fill") + mark.getAttribute("stroke") + mark.innerHTML
            + (mark.getAttribute("d") ?? "").replaceAll(/[-\\d.]+/g, "")).sort().join())"""

CHOSEN = "[...document.querySelectorAll('.capchart-controls :is(:checked, [type=range])')].map((one) => one.value)"
MOVED = """window.moved = 0;
new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.moved += entry.value; })
    .observe({ type: "layout-shift", buffered: true });"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server(site):
    """Serve the site from this machine, as a web server would, and return its address."""
    handler = functools.partial(_Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def _opened(context, address):
    """Open a page that notes what it asked for and complained about."""
    page = context.new_page()
    page.complaints, page.asked = [], []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda message: page.complaints.append(message.text) if _matters(message) else None)
    page.on("requestfailed", lambda request: page.complaints.append(f"{request.failure}: {request.url}"))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(address)
    page.wait_for_function(DRAWN)
    return page


def _matters(message):
    return message.type in ("error", "warning") and not CHATTER.search(message.text)


@pytest.fixture(scope="module")
def served(request, browser, server):
    """Open a page from the server, wide and by day."""
    context = browser.new_context(viewport=SCREEN, color_scheme="light")
    context.add_init_script(MOVED)
    yield _opened(context, f"{server}/{request.param}.html")
    context.close()


@pytest.fixture(scope="module")
def from_disk(request, browser, site):
    """Open a page from disk, without a network."""
    context = browser.new_context(viewport=SCREEN, color_scheme="light", offline=True)
    yield _opened(context, (site / f"{request.param}.html").as_uri())
    context.close()


def of_pages(fixture, names):
    """Run a test on pages opened by a fixture; the test gets the page and, if it asks for it, the name."""
    return pytest.mark.parametrize(fixture, names, indirect=True)


# Once from a server


@of_pages("served", LOOKED_AT)
def test_a_page_works_from_a_server(served, server):
    assert served.locator(".capchart-error").count() == 0
    assert served.complaints == []
    assert [url for url in served.asked if not url.startswith((server, "data:", "blob:"))] == []


@of_pages("served", TELLING)
def test_nothing_moves_when_charts_come(served):
    served.evaluate(AT_REST)
    served.wait_for_timeout(50)
    assert served.evaluate("window.moved") < 0.02


#: Return what is serious, and not what passed, which is a hundred times as much. Contrast, which takes a hundred times
#: the time of another rule, is asked of one of the elements that are written and coloured alike: what covers one of
#: them is nothing that axe counts as serious.
SERIOUS = """async (only) => {
    const LOOKS = ["color", "fill", "opacity", "fontSize", "fontWeight", "textShadow", "backgroundColor",
        "backgroundImage"];
    const chains = new Map([[document, ""]]), alike = new Map();
    const chain = (one) => {
        if (!chains.has(one)) {
            const looks = getComputedStyle(one);
            chains.set(one, [chain(one.parentNode), one.localName, one.getAttribute("class"), one.getAttribute("style"),
                ...LOOKS.map((name) => looks[name])].join("|"));
        }
        return chains.get(one);
    };
    for (const one of document.body.querySelectorAll("*")) {
        const said = [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
        if ((said || one.matches("input, select, textarea")) && one.checkVisibility() && !alike.has(chain(one)))
            alike.set(chain(one), one);
    }
    const options = { resultTypes: ["violations"], preload: false };
    const found = [
        await axe.run(document, { ...options, runOnly: only, rules: { "color-contrast": { enabled: false } } }),
        await axe.run([...alike.values()], { ...options, runOnly: { type: "rule", values: ["color-contrast"] } }),
    ];
    return found.flatMap((result) => result.violations)
        .filter((problem) => ["serious", "critical"].includes(problem.impact))
        .map((problem) => [problem.id, problem.nodes.slice(0, 3).map((node) => node.html.slice(0, 120))]);
}"""


def _wear(page, theme):
    """Change to a theme at once; what moves has a colour between two."""
    page.emulate_media(reduced_motion="reduce", color_scheme=theme)
    page.wait_for_function("(theme) => document.documentElement.dataset.theme === theme", arg=theme)


@of_pages("served", TELLING)
def test_axe_finds_nothing_serious_on_a_screen(served):
    _wear(served, "dark")
    served.evaluate(AXE)
    assert served.evaluate(SERIOUS, LINKS) == []
    _wear(served, "light")
    if served.url.split("/")[-1].partition(".html")[0] in WIDE:
        assert served.evaluate(SERIOUS, TAGS) == []


@of_pages("served", TELLING)
def test_a_page_prints(served):
    _wear(served, "dark")
    served.emulate_media(media="print", color_scheme="dark")
    # Paper is white, whatever the screen is.
    served.wait_for_function("() => getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)'")
    assert served.pdf(format="A4")[:5] == b"%PDF-"
    for unwanted in (".capchart-controls", ".capchart-links", ".bd-sidebar-primary", ".bd-header-article"):
        assert not served.locator(unwanted).first.is_visible() if served.locator(unwanted).count() else True
    served.emulate_media(media="screen", color_scheme="dark")
    served.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
    _wear(served, "light")


#: What lies around the text of a page and can be worked.
FRAME = [
    ".search-button-field", ".search-button", "[type=search][name=q]", ".theme-switch-button",
    ".sidebar-toggle.primary-toggle", ".sidebar-toggle.secondary-toggle",
]  # fmt: skip
#: A fleet in which every control of the first page matters.
MATTERS = (
    "?topology=federated&clusters=2&jwt-pairs-per-agent=3&jwt-requests-per-pair=0.5&changes-per-s=5"
    "&updates-per-s=1&federated-domains=2&federated-peers=2&downstream-servers=5000&price-core=0.03"
)


@of_pages("served", TELLING)
def test_the_keyboard_moves_every_control_and_what_is_shown_follows(served):
    page, name = served, served.url.rpartition("/")[2].partition(".html")[0]
    if name == "index":
        page.goto(page.url.partition("?")[0] + MATTERS)
        page.wait_for_selector("#calculator[data-ready]", state="attached")
        page.wait_for_function(DRAWN)
    moved = moves.Moves(page)
    counts = moved.all()
    around = page.locator("body :is(input, select, textarea, button, summary, [role=button]):not(article *)")
    known = around.and_(page.locator(",".join(FRAME)))
    assert known.count() == around.count()
    print(f"{name}: {sum(counts.values())} controls, {moved.states} states:", dict(counts))
    # A link to what is shown shows it again.
    chosen = page.locator(".capchart-controls :checked")
    page.wait_for_function("""() => [...document.querySelectorAll(".capchart-controls [name]")].every(
        ({ name }) => !new URLSearchParams(location.search).has(name))""")
    for at in range(chosen.count()):
        chosen.nth(at).focus()
        page.keyboard.press("ArrowLeft")
        page.wait_for_function("() => location.search.includes(document.activeElement.name + '=')")
    if chosen.count():
        again = _opened(page.context, page.url)
        page.evaluate(AT_REST)
        assert again.evaluate(KINDS) == page.evaluate(KINDS)
        assert again.evaluate(CHOSEN) == page.evaluate(CHOSEN)
        assert again.complaints == []
        again.close()
    assert page.complaints == []


def _press(page, control, key="Enter"):
    control.focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press(key)


@of_pages("served", ["data"])
def test_the_keyboard_works_what_lies_around_a_page(served):
    page = served
    found = {name: page.locator(name).first for name in FRAME}
    for _ in range(3):
        before = page.evaluate("document.documentElement.dataset.mode")
        _press(page, found[".theme-switch-button"])
        assert page.evaluate("document.documentElement.dataset.mode") != before
    # The sidebar stays where there is room for it, and needs no button.
    assert page.locator(".bd-sidebar-primary").first.is_visible()
    assert not found[".sidebar-toggle.primary-toggle"].is_visible()
    page.set_viewport_size(PHONE)
    for name, opened in ((".sidebar-toggle.primary-toggle", "#pst-primary-sidebar-modal"),
                         (".sidebar-toggle.secondary-toggle", "#pst-secondary-sidebar-modal"),
                         (".search-button", "#pst-search-dialog")):  # fmt: skip
        _press(page, found[name])
        page.locator(f"{opened}[open]").wait_for()
        page.keyboard.press("Escape")
        page.locator(f"{opened}:not([open])").wait_for(state="attached")
    page.set_viewport_size(SCREEN)
    _press(page, found[".search-button-field"])
    page.keyboard.insert_text("datastore")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=datastore*")
    page.locator("#search-results li a").first.wait_for()
    assert page.complaints == []


# Once from disk


def _turn_to_phone(page):
    page.set_viewport_size(PHONE)
    page.wait_for_function(STOPS)
    page.evaluate(AT_REST)


@of_pages("from_disk", NAMES)
def test_a_page_is_whole(from_disk, site):
    page = from_disk
    assert page.title()
    figures = page.locator("figure.capchart")
    text = (site / page.url.rpartition("/")[2]).read_text()
    assert figures.count() == text.count('<figure class="capchart')
    assert page.locator(".capchart-error").count() == 0
    for figure in figures.all():
        spec = json.loads(figure.locator("script[type='application/json']").text_content())
        picture = figure.locator("svg.marks").first
        assert picture.locator("path, text, rect, line, circle").count() > 0
        label = figure.locator("[role='graphics-document']").first.get_attribute("aria-label")
        # A page's own script may have said it anew, for the reader's fleet.
        assert label == figure.evaluate("(figure) => figure.chart.description")
        assert spec["description"]
    assert (
        page.locator(".capchart-controls :is(input, select)").evaluate_all(
            "(all) => all.filter((control) => control.labels.length !== 1).map((control) => control.name)"
        )
        == []
    )
    assert (
        page.locator(".math").evaluate_all(
            "(all) => all.filter((one) => !(one.querySelector('math')?.getBoundingClientRect().width > 0)).length"
        )
        == 0
    )
    _turn_to_phone(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for figure in figures.all():
        view = figure.locator(".capchart-view")
        assert view.evaluate("(view) => view.scrollWidth - view.clientWidth") <= 0, "a chart is wider than the phone"
    assert [url for url in page.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert page.complaints == []


@of_pages("from_disk", LOOKED_AT)
def test_axe_finds_nothing_serious_on_a_phone(from_disk):
    from_disk.emulate_media(reduced_motion="reduce")
    _turn_to_phone(from_disk)
    from_disk.evaluate(AXE)
    assert from_disk.evaluate(SERIOUS, TAGS) == []


# Once without scripts


@pytest.fixture(scope="module")
def plain(browser):
    """Return a page that runs no scripts."""
    context = browser.new_context(viewport=SCREEN, java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", TELLING)
def test_without_scripts_every_page_has_its_answer_and_pictures(plain, site, name):
    plain.goto((site / f"{name}.html").as_uri())
    assert plain.locator("main h1:visible").first.inner_text().strip()
    stills = plain.locator("figure.capchart img.capchart-still")
    assert stills.count() == plain.locator("figure.capchart").count()
    for still in stills.all():
        still.scroll_into_view_if_needed()
        assert still.bounding_box()["height"] > 100
        assert (site / still.get_attribute("src")).read_text().startswith("<svg")


# Colour


def _marks(group):
    """Return all marks below a group that are not groups."""
    found = []
    for mark in group.get("marks", []):
        found += _marks(mark) if mark.get("type") == "group" else [mark]
    return found


def _channels(mark, names):
    """Return the fields that some channels of a mark show through a scale."""
    update = mark.get("encode", {}).get("update", {})
    rules = [rule for name in names for rule in _listed(update.get(name, []))]
    return {rule["field"] for rule in rules if isinstance(rule.get("field"), str) and "scale" in rule}


def _listed(rules):
    return rules if isinstance(rules, list) else [rules]


def told_by_colour_alone(drawing):
    """Return the fields that a panel of a drawing tells apart by colour and by nothing else."""
    panels = [mark for mark in drawing["marks"] if mark.get("type") == "group" and "axes" in mark] or [drawing]
    found = set()
    for panel in panels:
        marks = _marks(panel)
        coloured = set().union(*(_channels(mark, ["fill", "stroke"]) for mark in marks if mark["type"] != "text"))
        otherwise = set().union(*(_channels(mark, ["shape", "strokeDash", "fillOpacity"]) for mark in marks))
        written = [json.dumps(mark["encode"]["update"]) for mark in marks if mark["type"] == "text"]
        # Names wear the colour of what they stand at; numbers stand in the tiles that they colour.
        named = {field for field in coloured if any(field in text or "label" in text for text in written)}
        found |= coloured - otherwise - named
    return found


@pytest.mark.parametrize("name", TELLING)
def test_no_chart_tells_things_apart_by_colour_alone(site, name):
    for title, drawing in drawings(site / f"{name}.html"):
        assert not told_by_colour_alone(drawing), title


def test_a_chart_that_tells_by_colour_alone_is_found():
    hue = {"scale": "color", "field": "component"}
    dash = {"scale": "strokeDash", "field": "component"}
    lines = [{"type": "line", "encode": {"update": {"stroke": hue}}}]
    assert told_by_colour_alone({"marks": lines}) == {"component"}
    assert not told_by_colour_alone(
        {"marks": [{"type": "line", "encode": {"update": {"stroke": hue, "strokeDash": dash}}}]}
    )
