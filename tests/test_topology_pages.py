"""The pages on topologies, on what changes the answer and on sync modes: their controls, links and data."""

import re

import controls
import pytest
from conftest import AT_REST
from fitted import costs
from hypothesis import given
from hypothesis import strategies as st

import capmodel as cm
from capmodel import advice, factors, side_by_side, spire, whole
from capmodel.effects import demanded
from capmodel.regression import normal_quantile
from capmodel.shapes import Limits, Shape

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


def shares(page):
    """Return the shares of the cores that are written in the drawing's marks."""
    words = page.locator("figure.capchart").first.locator("svg.marks .role-mark text").all_text_contents()
    return [word for word in words if re.fullmatch(r"\d+\xa0%", word)]


SHOWN = "() => document.querySelector('figure.capchart').dataset.fleet"


def named(**values):
    """Return the name that the page gives a fleet: what differs from the defaults."""
    first = {"agents": 5000, "clusters": 5}
    return "&".join(f"{name}={value}" for name, value in values.items() if value != first[name])


def told(page, name):
    """Return what the page says in a place; it keeps numbers and units together."""
    return page.locator(f"[data-out={name}]").text_content().replace("\u00a0", " ")


def package(fleet, clusters):
    """Return what the package says of a fleet's topologies on the shape of the undivided fleet."""
    unit, quantile = costs().unit_costs(fleet.datastore), normal_quantile(0.9)
    limits = Limits(max_utilization=0.6, max_response_time_s=1.0, quantile=quantile, spare_servers=1)
    choice = whole.size(fleet.inputs(), unit, limits, "single", 1)[0].choice
    found = side_by_side.sides(fleet.inputs(), unit, choice.shape, clusters, quantile)
    words = {
        "sentence": side_by_side.sentence(found, choice.holds, controls.STORES[fleet.datastore]),
        "about": side_by_side.about(found, choice.shape, choice.holds),
        "difference": side_by_side.difference(found),
    }
    return choice.shape, words, side_by_side.title(found), side_by_side.description(found)


SIZED = """() => document.querySelector("[data-out=shapes]").dataset.fleet
    === document.querySelector("figure.capchart").dataset.fleet"""
#: The table of shapes by columns, as the package gives it.
COLUMNS = """() => {
    const rows = [...document.querySelector("[data-out=shapes]").rows]
        .map((row) => [...row.cells].map((cell) => cell.textContent.replaceAll("\\u00a0", " ")));
    return rows[0].map((name, k) => [name, rows.slice(1).map((row) => row[k])]);
}"""


def check_shapes(page, fleet, clusters):
    """Compare the table of shapes with the package's, and its first answer with what `size` says."""
    quantile = normal_quantile(0.9)
    limits = Limits(max_utilization=0.6, max_response_time_s=1.0, quantile=quantile, spare_servers=1)
    found = side_by_side.answers(fleet.inputs(), costs().unit_costs(fleet.datastore), limits, clusters)
    assert page.evaluate(COLUMNS) == [list(column) for column in side_by_side.columns(found)]
    assert told(page, "totals") == side_by_side.totals(found)
    check_advice(page, fleet.inputs(), found, limits, clusters)
    nested = cm.size(cm.Nested.split(fleet, into=clusters), costs()).clusters
    servers = sum(part.servers * part.cores_per_server for part in nested)
    assert f"nested, {servers:,} for servers" in side_by_side.totals(found)


def check_advice(page, inputs, found, limits, clusters):
    """Compare what the page says of other servers, distances, failures and rules with the package's words."""
    unit, shape, store = costs().unit_costs(inputs.datastore), found[0].parts[0].choice.shape, inputs.datastore
    said = {name: told(page, name) for name in ("availability", "geography")}
    assert said == {
        "availability": advice.availability(inputs, unit, shape.servers, limits.quantile, controls.STORES[store]),
        "geography": advice.geography(inputs, unit, shape, clusters, limits.quantile),
    }
    rows = {
        "failures": advice.failures(inputs, clusters),
        "rules": advice.rules(inputs, unit, limits, shape, found[1].parts),
    }
    for name, lines in rows.items():
        assert page.locator(f"[data-out={name}] tr").evaluate_all(
            "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent.replaceAll('\\u00a0', ' ')))"
        ) == lines  # fmt: skip
    assert page.locator("[data-out=federated]").text_content() == f"federated in {clusters:,}"
    command = page.locator("[data-out=helm]").text_content()
    assert command.endswith(f" --datastore {store} --topology nested --clusters {clusters} --format helm")
    assert f" --agents {inputs.agents:.0f} " in command


def headline(page):
    """Return the headline of the first chart; the build keeps numbers and units together."""
    return page.locator("figure.capchart figcaption strong").first.text_content().replace("\u00a0", " ")


def check_topologies(page, fleet, clusters, rel=1e-9):
    """Compare every row of the drawing with an evaluation of the same topology, and every sentence with the package."""
    shape, words, title, description = package(fleet, clusters)
    assert {name: told(page, name) for name in words} == words
    assert headline(page) == title
    assert page.locator("figure.capchart svg.marks").first.get_attribute("aria-label") == description
    rows = page.evaluate(ROWS, "topologies")
    sizes = {"servers": shape.servers, "cores": shape.cores, "datastore_cores": shape.datastore_cores}
    kinds = {
        ("single trust domain", None): cm.SingleTrustDomain(fleet),
        ("nested", None): cm.Nested.split(fleet, into=clusters, servers=shape.servers),
        ("federated", "all"): cm.Federated.split(fleet, into=clusters),
        ("federated", "none"): cm.Federated.split(fleet, into=clusters, federates=False),
    }
    for (topology, federates), split in kinds.items():
        found = cm.evaluate(split, costs(), **sizes)
        states = {"cluster": found} if topology.startswith("single") else found.clusters
        parts = split.clusters(dict.fromkeys((part.name for part in split.clusters()), shape.servers))
        ours = [row for row in rows if (row["topology"], row.get("federates")) == (topology, federates)]
        # A row stands for so many clusters that are alike; the package names each.
        assert sum(row["count"] for row in ours) == len(parts)
        for row in ours:
            alike = [
                part for part in parts
                if part.deployment.agents == row["agents_each"] and (part.name == "root") == (row["part"] == "root")
            ]  # fmt: skip
            assert alike
            near = min((states[part.name] for part in alike), key=lambda state: abs(
                state.utilization["server"].estimate - row["server"]))  # fmt: skip
            for name in ("server", "datastore"):
                if name == "datastore" and fleet.datastore == "sqlite":
                    assert name not in row
                    continue
                value = near.utilization[name]
                for key in ("estimate", "lower", "upper"):
                    at = name if key == "estimate" else f"{name}_{key}"
                    assert row[at] == pytest.approx(getattr(value, key), rel=rel)
            assert row["response_ms"] == pytest.approx(1e3 * near.response_time_s.estimate, rel=rel)
            unit = costs().unit_costs(fleet.datastore)
            busy = [demanded(part.deployment.inputs(), unit, shape.servers, normal_quantile(0.9)) for part in alike]
            name = "server" if fleet.datastore == "sqlite" else "datastore"
            works = [getattr(work, name).estimate for work in busy]
            assert min(abs(row["datastore_cores"] / work - 1) for work in works) < rel


def test_both_sliders_draw_what_the_package_says(open_page):
    page, complaints = open_page("topologies")
    assert "Nested: 5 clusters of 1,000 agents" in drawn(page)
    # Servers and datastore of one trust domain, of five clusters and their root, and of five trust domains.
    assert len(shares(page)) == 2 + 12 + 10
    # What the build wrote has few digits.
    check_topologies(page, cm.Deployment(agents=5000, workloads=10_000), 5, rel=1e-3)
    check_shapes(page, cm.Deployment(agents=5000, workloads=10_000), 5)
    for name, key, steps in (("clusters", "ArrowRight", 6), ("agents", "ArrowLeft", 5)):
        slider = page.locator(f"input[type='range'][data-for='{name}']")
        slider.focus()
        for _ in range(steps):
            page.keyboard.press(key)
        agents, clusters = (int(page.locator(f"#calc-{field}").input_value()) for field in ("agents", "clusters"))
        # A slider's first steps may be drawn while the last ones are still to come.
        page.wait_for_function(f"(fleet) => ({SHOWN})() === fleet", arg=named(agents=agents, clusters=clusters))
        value = {"agents": agents, "clusters": clusters}[name]
        page.wait_for_function("(words) => location.search.includes(words)", arg=f"{name}={value}")
        page.evaluate(AT_REST)
        check_topologies(page, cm.Deployment(agents=agents, workloads=10_000), clusters)
    assert agents < 5000
    assert clusters > 5
    for target in ("index", "factors"):
        links = page.locator(f"article a[href*='{target}.html']")
        assert links.count()
        assert all(f"agents={agents}" in link.get_attribute("href") for link in links.all())
        assert all(f"clusters={clusters}" in link.get_attribute("href") for link in links.all())
    assert complaints == []


@pytest.mark.parametrize(
    ("fleet", "clusters"),
    [
        ({"agents": 40_000, "workloads": 800_000}, 5),
        ({"agents": 7001, "workloads": 90_003, "datastore": "mariadb"}, 60),
        ({"agents": 7, "workloads": 30, "datastore": "sqlite"}, 2),
        ({"agents": 9_000_000, "workloads": 90_000_000}, 3),
    ],
)
def test_a_link_draws_the_topologies_of_its_fleet(open_page, fleet, clusters):
    query = "&".join(f"{name}={value}" for name, value in {**fleet, "clusters": clusters}.items())
    page, complaints = open_page("topologies", f"?{query}")
    page.wait_for_function(SHOWN)
    page.evaluate(AT_REST)
    check_topologies(page, cm.Deployment(**fleet), clusters)
    page.wait_for_function(SIZED)
    check_shapes(page, cm.Deployment(**fleet), clusters)
    heads = [words for words in drawn(page) if words.startswith("Nested: ")]
    assert len(heads) == 1
    assert f"Nested: {clusters} clusters of" in heads[0]
    marks = 1 if fleet.get("datastore") == "sqlite" else 2
    # However many clusters there are, no more than eight are drawn one by one.
    assert len(shares(page)) == marks * (2 + 2 * min(clusters, 8))
    assert complaints == []


def test_a_link_opens_the_topologies_of_its_sender_on_a_phone(open_page):
    page, complaints = open_page(
        "topologies", "?agents=200001&clusters=4&federates=none", viewport={"width": 390, "height": 844}
    )
    page.wait_for_function(SHOWN)
    page.evaluate(AT_REST)
    assert "Nested: 4 clusters of up to 50,001 agents" in drawn(page)
    assert page.locator("[name='federates']:checked").get_attribute("value") == "none"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    cut = page.evaluate(
        """() => [...document.querySelector("figure.capchart svg.marks").querySelectorAll("text")].filter((one) =>
            one.getBoundingClientRect().right > one.ownerSVGElement.getBoundingClientRect().right + 1)
            .map((one) => one.textContent)"""
    )
    assert cut == []
    assert complaints == []


def test_one_agent_is_not_divided(open_page):
    page, complaints = open_page("topologies", "?agents=1&workloads=10&datastore=sqlite")
    page.wait_for_function(SHOWN)
    page.evaluate(AT_REST)
    _, words, title, _ = package(cm.Deployment(agents=1, workloads=10, datastore="sqlite"), 1)
    assert {name: told(page, name) for name in words} == words
    assert headline(page) == title
    assert complaints == []


def test_a_wrong_number_is_named_and_leaves_the_drawing(open_page):
    page, complaints = open_page("topologies")
    before = page.evaluate(ROWS, "topologies")
    page.locator("#calc-clusters").fill("1")
    page.wait_for_function("() => document.querySelector('#calc-clusters').getAttribute('aria-invalid') === 'true'")
    said = page.locator("#calc-clusters-error").text_content()
    assert said == "Clusters or domains: got 1, expected a whole number from 2 to 1,000"
    assert page.evaluate(ROWS, "topologies") == before
    assert complaints == []


def test_the_topologies_stand_without_scripts(open_page, browser, site):
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto((site / "topologies.html").as_uri())
    _, words, title, _ = package(cm.Deployment(agents=5000, workloads=10_000), 5)
    assert {name: told(page, name) for name in words} == words
    assert headline(page) == title
    assert not page.locator("#topologies form").is_visible()
    context.close()


@pytest.mark.parametrize("clusters", [2, 3, 5, 8])
def test_more_clusters_leave_each_datastore_less_and_federation_more(clusters):
    fleet = cm.Deployment(agents=5000, workloads=10_000).inputs()
    unit, shape = costs().unit_costs("postgresql"), Shape(servers=2, cores=2, datastore_cores=2)
    fewer, more = (side_by_side.sides(fleet, unit, shape, number, 1.645) for number in (clusters, clusters + 1))
    work = [side.work.estimate for side in (
        side_by_side.largest(more, "nested", ""), side_by_side.largest(fewer, "nested", ""),
        side_by_side.largest(fewer, "single trust domain", ""), side_by_side.largest(fewer, "federated", "all"),
        side_by_side.largest(more, "federated", "all"),
    )]  # fmt: skip
    assert work == sorted(work)
    assert side_by_side.largest(fewer, "federated", "none").work.estimate < work[2]


@given(agents=st.integers(1, 2_000_000), each=st.integers(0, 30), clusters=st.integers(1, 1000))
def test_clusters_add_up_to_the_fleet(agents, each, clusters):
    clusters = min(agents, clusters)
    fleet = cm.Deployment(agents=agents, workloads=agents * each).inputs()
    unit, shape = costs().unit_costs("postgresql"), Shape(servers=2, cores=2, datastore_cores=2)
    found = side_by_side.sides(fleet, unit, shape, clusters, 1.645)
    for topology, federates in (("nested", ""), ("federated", "all"), ("federated", "none")):
        own = [side for side in found if (side.topology, side.federates) == (topology, federates)]
        own = [side for side in own if side.part != "root"]
        assert sum(side.number for side in own) == clusters
        assert sum(side.number * side.fleet.agents for side in own) == agents
        assert sum(side.number * side.fleet.workloads for side in own) == agents * each
        # Drawn side by side, without a gap.
        places = [place for side in own for place in range(int(side.start), int(side.start + side.drawn))]
        assert places == list(range(min(clusters, 8)))


def test_every_factor_has_a_panel_with_the_fleet_in_it(open_page):
    page, complaints = open_page("factors")
    rows = page.evaluate(ROWS, "factors")
    found = {row["factor"] for row in rows}
    assert found == set(factors.TITLES)
    for factor in found:
        here = {row["component"] for row in rows if row["factor"] == factor and row["here"]}
        assert here == {"server", "datastore", "sync"}, factor
    # What is the fleet's own is the same wherever it is drawn.
    own = {(row["component"], row["value"], row["lower"], row["upper"]) for row in rows if row["here"]}
    assert len(own) == 3
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


def test_the_root_is_missed_after_half_a_lifetime(site):
    hours = spire.CA_TTL_S / 2 / 3600
    assert f"clusters go on for {hours:.0f} h to {2 * hours:.0f} h" in (site / "topologies.html").read_text().replace(
        "\u00a0", " "
    )
