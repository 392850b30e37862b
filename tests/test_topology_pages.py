"""The pages on topologies, on what changes the answer and on sync modes: their controls, links and data."""

import pytest

from capmodel import spire

ROWS = """(name) => { const figure = [...document.querySelectorAll("figure.capchart")]
    .find((one) => name in one.chart.tables);
    return Object.values(figure.chart.tables).flat(); }"""


@pytest.fixture
def open_page(browser, site):
    """Return a function that opens a page with a query, and the list of what it complained about."""
    contexts = []

    def start(name, query="", **options):
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "offline": True, **options}))
        page = contexts[-1].new_page()
        complaints = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(f"{(site / name).as_uri()}.html{query}")
        page.wait_for_function(
            "() => [...document.querySelectorAll('figure.capchart')].every((figure) => figure.dataset.drawn)"
        )
        return page, complaints

    yield start
    for context in contexts:
        context.close()


def drawn(page, place=0):
    """Return the words in the picture of a chart."""
    return page.locator("figure.capchart").nth(place).locator("svg.marks text").all_text_contents()


def test_the_slider_of_clusters_draws_as_many_as_it_says(open_page):
    page, complaints = open_page("topologies")
    assert "Nested: 5 clusters of 1,000 agents below a root" in drawn(page)
    # Servers and datastore of one trust domain, of five clusters and their root, and of five trust domains.
    assert len([words for words in drawn(page) if words.endswith("%")]) == 3 + 2 + 12 + 10
    page.locator("input[type='range'][name='clusters']").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => location.search.includes('clusters=6')")
    assert "Federated: 6 trust domains of 834 agents" in drawn(page)
    assert len([words for words in drawn(page) if words.endswith("%")]) == 3 + 2 + 14 + 12
    assert complaints == []


def test_a_link_opens_the_topologies_of_its_sender(open_page):
    page, complaints = open_page(
        "topologies", "?agents=20000&clusters=4&federates=none", viewport={"width": 390, "height": 844}
    )
    assert "Nested: 4 clusters of 5,000 agents below a root" in drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []


def test_more_clusters_leave_each_datastore_less_and_federation_more(open_page):
    page, _ = open_page("topologies")
    rows = page.evaluate(ROWS, "topologies")
    of = {(row["topology"], row.get("agents"), row.get("clusters"), row.get("federates")): row for row in rows
          if row["part"] == "cluster"}  # fmt: skip
    single = of["single trust domain", 5000, None, None]["datastore_cores"]
    nested = [of["nested", 5000, k, None]["datastore_cores"] for k in range(2, 9)]
    assert nested == sorted(nested, reverse=True)
    assert nested[0] < single
    for k in range(2, 9):
        every, none = (of["federated", 5000, k, which]["datastore_cores"] for which in ("all", "none"))
        assert every > single > none


def test_every_factor_has_a_panel_with_the_fleet_in_it(open_page):
    page, complaints = open_page("factors")
    rows = page.evaluate(ROWS, "factors")
    factors = {row["factor"] for row in rows}
    assert len(factors) == 12
    for factor in factors:
        here = {row["component"] for row in rows if row["factor"] == factor and row["here"]}
        assert here == {"server", "datastore"}, factor
    # What is the fleet's own is the same wherever it is drawn.
    own = {(row["component"], row["cores"], row["lower"], row["upper"]) for row in rows if row["here"]}
    assert len(own) == 2
    assert {"ec-p256", "rsa-4096", "lifetime of X509-SVIDs", "7 d"} <= set(drawn(page))
    assert complaints == []


def test_a_cold_start_is_bound_by_the_highest_limit(open_page):
    page, _ = open_page("factors")
    rows = page.evaluate(ROWS, "cold_start")
    for addresses in {row["addresses"] for row in rows}:
        limits = [row for row in rows if row["addresses"] == addresses]
        assert max(limits, key=lambda row: row["seconds"])["binds"]


def test_diamonds_lie_where_two_modes_cost_the_same(open_page):
    page, complaints = open_page("sync_modes", "?against=workloads&store=mariadb")
    assert page.evaluate("document.querySelector(\"[name='against']:checked\").value") == "workloads"
    rows = page.evaluate(ROWS, "sync_modes")
    crossings = [row for row in rows if row.get("crossing")]
    assert crossings
    names = {"crawl": "crawl", "full cache": "full_cache", "events cache": "events_cache"}
    for row in crossings:
        one, other = (names[name] for name in row["crossing"].split(" and "))
        same = ("against", "datastore", "component")
        curves = [
            sorted((part["x"], part["cores"]) for part in rows
                   if part.get("sync_mode") == mode and all(part[key] == row[key] for key in same))
            for mode in (one, other)
        ]  # fmt: skip
        below, above = (
            [first[1] - second[1] for first, second in zip(*curves, strict=True) if (first[0] > row["x"]) is side]
            for side in (False, True)
        )
        # Which of the two is dearer changes at the diamond.
        assert below[-1] * above[0] < 0, row
    assert complaints == []


@pytest.mark.parametrize("name", ["topologies", "factors", "sync_modes"])
def test_a_page_is_light(site, name):
    assert len((site / f"{name}.html").read_bytes()) < 300_000


def test_the_root_is_missed_after_half_a_lifetime(site):
    hours = spire.CA_TTL_S / 2 / 3600
    assert f"clusters go on for {hours:.0f} h to {2 * hours:.0f} h" in (site / "topologies.html").read_text()
