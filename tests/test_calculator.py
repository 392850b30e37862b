"""The calculator of the first page, as readers use it: each answer is word by word what the package says."""

import ast
import functools
import json
import shlex
import urllib.parse

import controls
import pytest
from conftest import AT_REST
from fitted import costs
from typer.testing import CliRunner

import capmodel as cm
from capmodel import Deployment, answer, cli, growth, plan, shapes, what_if, whole
from capmodel.prices import UNPRICED, PerHour
from capmodel.regression import normal_quantile

VERSIONS = {
    "full_cache": {"sync_mode": "full_cache"},
    "events_cache": {"sync_mode": "events_cache"},
    "full_cache-v1.8.2": {"sync_mode": "full_cache", "spire_version": "v1.8.2"},
    "crawl_cached": {"sync_mode": "crawl_cached"},
    "crawl": {"sync_mode": "crawl"},
}
CONTROLS = [control.name for group in controls.GROUPS.values() for control in group]
SCREEN = {"width": 1280, "height": 900}
DRAWN = "() => document.querySelector('figure.capchart')?.dataset.fleet"
#: The chart is that of the fleet in the controls; it follows them once they rest.
FOLLOWED = """() => document.querySelector("figure.capchart").dataset.fleet
    === document.querySelector("[data-out=command]").textContent"""


@pytest.fixture
def visit(browser, site):
    """Return a function that opens the first page, with what it complained about in `page.complaints`."""
    contexts = []

    def start(query="", **options):
        contexts.append(browser.new_context(**{"viewport": SCREEN, "offline": True, **options}))
        page = contexts[-1].new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto((site / "index.html").as_uri() + query)
        if options.get("java_script_enabled", True):
            page.wait_for_function(DRAWN)
        return page

    yield start
    for context in contexts:
        for page in context.pages:
            assert getattr(page, "complaints", []) == []
        context.close()


@pytest.fixture(scope="module")
def shared(browser, site):
    """Return a page that the tests of single controls share; each sets it to the defaults first."""
    context = browser.new_context(viewport=SCREEN, offline=True)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    page.wait_for_function(DRAWN)
    unfold(page)
    yield page
    context.close()


def unfold(page):
    page.eval_on_selector_all("#calculator details", "(all) => all.forEach((one) => { one.open = true; })")


def settle(page):
    """Wait until the page has shown what its controls say."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def fill(page, **values):
    for name, value in values.items():
        field = page.locator(f"#calc-{name.replace('_', '-')}")
        if field.evaluate("(field) => field.tagName") == "SELECT":
            field.select_option(str(value))
        else:
            field.fill(str(value))
    settle(page)


def preset(page, name):
    page.get_by_role("button", name=name, exact=True).click()
    settle(page)


def cells(page, name):
    return page.eval_on_selector_all(
        f"[data-out={name}] tr",
        "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent.replaceAll('\\u00a0', ' ')))",
    )


def shown(page):
    """Return everything that the page says of an answer."""
    return page.evaluate(
        """() => {
            const all = (selector) => [...document.querySelectorAll(selector)];
            const said = (one) => one.textContent.replaceAll("\\u00a0", " ");
            const texts = (selector) => all(selector).map(said);
            const words = ["sentence", "condition", "about", "cost", "binding", "comparison"];
            const tables = ["clusters", "table"], lists = ["smaller", "extrapolations", "assumptions"];
            return Object.fromEntries([
                ...words.map((name) => [name, texts(`[data-out=${name}]`).join()]),
                ...tables.map((name) => [name, all(`[data-out=${name}] tr`)
                    .map((row) => [...row.cells].map(said))]),
                ...lists.map((name) => [name, texts(`[data-out=${name}] li`)]),
                ["bars", texts("[data-bar]:not([hidden]) .calc-bar-words")],
            ]);
        }"""
    )


def limits_of(fleet, max_utilization=0.6, max_response_time_s=1.0, spare_servers=1, level=0.9):
    return shapes.Limits(max_utilization, max_response_time_s, normal_quantile(level), spare_servers)


def parts_of(fleet, topology="single", clusters=1, prices=UNPRICED, **limits):
    """Return the clusters that the package finds for a fleet."""
    return sized(fleet, topology, clusters, prices, limits_of(fleet, **limits))


@functools.cache
def sized(fleet, topology, clusters, prices, limits):
    """Find the clusters of a fleet; several tests ask about the same."""
    return whole.size(fleet.inputs(), costs().unit_costs(fleet.datastore), limits, topology, clusters, prices)


def expected(fleet, topology="single", clusters=1, prices=UNPRICED, **limits):
    """Return what the package says of the same fleet."""
    parts = parts_of(fleet, topology, clusters, prices, **limits)
    least, inputs = parts[whole.binding(parts)], fleet.inputs()
    own, choice, level = least.fleet, least.choice, limits.get("level", 0.9)
    stations = [choice.degraded.server_utilization, choice.degraded.datastore_utilization]
    asked = limits_of(fleet, **limits)
    return {
        "sentence": whole.sentence(inputs, parts, topology, controls.STORES[fleet.datastore]),
        "condition": whole.condition(parts, asked, level),
        "about": whole.about(parts, topology),
        "cost": whole.priced(parts, prices),
        "clusters": []
        if topology == "single"
        else [
            [row.name, row.servers, row.datastore, row.fullest + (", binds" if row.binds else "")]
            for row in whole.rows(parts)
        ],
        "table": [
            [item.label, answer.written(item.value.estimate, item.unit), answer.span(item.value, item.unit)]
            for item in answer.quantities(own, choice)
        ],
        "binding": answer.binding(own, least.limits, choice),
        "bars": [
            answer.bar(used, least.limits.max_utilization)
            for used in stations[: 1 if fleet.datastore == "sqlite" else 2]
        ],
        "smaller": answer.smaller(own, choice),
        "comparison": answer.comparison(plan.reference_table(), own, choice),
        "extrapolations": whole.extrapolations(parts, plan.measured(costs())),
        "assumptions": whole.assumptions(inputs, asked, topology, fleet.datastore),
    }


def expected_changes(fleet, topology="single", clusters=1, **limits):
    """Return what the package says of single steps from a fleet."""
    parts = parts_of(fleet, topology, clusters, **limits)
    return [
        list(what_if.change(step, costs().unit_costs(step.fleet.datastore), parts, topology, clusters))
        for step in what_if.steps(fleet.inputs(), limits_of(fleet, **limits))
    ]


def priced(core, gb=0.0, datastore_core=0.0, server=0.0):
    return PerHour(core, gb, datastore_core, server)


def fleet_of(**changes):
    return cm.Deployment(**{"agents": 5000, "workloads": 10_000, **changes})


# The answer


def test_the_page_opens_with_the_packages_answer(visit):
    page = visit()
    assert shown(page) == expected(fleet_of())
    part = cm.size(fleet_of(), costs()).clusters[0]
    first = page.locator("[data-out=sentence]").text_content()
    assert f"need {part.servers} server" in first
    assert page.locator("strong[data-out=sentence]").count() == 1


def test_the_script_says_of_the_default_fleet_what_the_page_was_built_with(visit):
    page = visit()
    # In any order: a chart draws what comes back after what stayed.
    words = lambda: sorted(page.locator("article").inner_text().split())  # noqa: E731
    before = words()
    preset(page, "laptop")
    assert words() != before
    preset(page, "5,000 nodes")
    page.wait_for_function("() => !location.search")
    assert words() == before


@pytest.mark.parametrize(
    ("field", "value", "change", "limits"),
    [
        ("agents", 123, {"agents": 123}, {}),
        ("agents", 1_000_000, {"agents": 1_000_000}, {}),
        ("workloads", 0, {"workloads": 0}, {}),
        ("workloads", 777_777, {"workloads": 777_777}, {}),
        ("datastore", "sqlite", {"datastore": "sqlite"}, {}),
        ("datastore", "mariadb", {"datastore": "mariadb"}, {}),
        ("datastore", "mysql", {"datastore": "mysql"}, {}),
        *[("spire", name, change, {}) for name, change in VERSIONS.items()],
        ("topology", "nested", {}, {"topology": "nested", "clusters": 5}),
        ("clusters", 3, {}, {"topology": "federated", "clusters": 3}),
        ("entries_per_agent", 40, {"entries_per_agent": 40.0}, {}),
        ("zipf_exponent", 1.1, {"zipf_exponent": 1.1}, {}),
        ("selectors_per_entry", 6, {"selectors_per_entry": 6.0}, {}),
        ("dns_names_per_entry", 2, {"dns_names_per_entry": 2.0, "changes_per_s": 5.0}, {}),
        ("node_selectors_per_agent", 12, {"node_selectors_per_agent": 12.0}, {}),
        ("x509_ttl", 300, {"x509_ttl_s": 300.0}, {}),
        ("agent_ttl", 600, {"agent_ttl_s": 600.0}, {}),
        ("reattests", "yes", {"reattests": True}, {}),
        ("ca_ttl", 7200, {"ca_ttl_s": 7200.0, "downstream_servers": 5000.0}, {}),
        ("sync_interval", 1.5, {"sync_interval_s": 1.5}, {}),
        ("reload_interval", 60, {"reload_interval_s": 60.0}, {}),
        ("jwt_per_s", 2500, {"jwt_per_s": 2500.0}, {}),
        ("jwt_pairs_per_agent", 3, {"jwt_pairs_per_agent": 3.0, "jwt_requests_per_pair_s": 0.5}, {}),
        ("jwt_requests_per_pair", 0.2, {"jwt_pairs_per_agent": 4.0, "jwt_requests_per_pair_s": 0.2}, {}),
        (
            "jwt_ttl",
            120,
            {"jwt_ttl_s": 120.0, "jwt_pairs_per_agent": 4.0, "jwt_requests_per_pair_s": 0.5},
            {},
        ),
        ("changes_per_s", 12.5, {"changes_per_s": 12.5}, {}),
        ("updates_per_s", 20, {"updates_per_s": 20.0}, {}),
        ("federated_domains", 3, {"federated_domains": 3.0}, {}),
        ("federated_peers", 40, {"federated_peers": 40.0}, {}),
        ("downstream_servers", 900, {"downstream_servers": 900.0}, {}),
        ("datastore_round_trip_time", 25, {"datastore_round_trip_time_s": 0.025}, {}),
        ("machine_speed", 2, {"machine_speed": 2.0, "datastore_speed": 2.0}, {}),
        ("datastore_speed", 0.5, {"datastore_speed": 0.5}, {}),
        ("cores_taken", 0.5, {"cores_taken": 0.5}, {}),
        ("ca_key_type", "rsa-4096", {"ca_key_type": "rsa-4096"}, {}),
        ("max_utilization", 35, {}, {"max_utilization": 0.35}),
        ("max_response_time", 0.012, {}, {"max_response_time_s": 0.012}),
        ("spare_servers", 2, {}, {"spare_servers": 2}),
        ("level", "0.99", {}, {"level": 0.99}),
        ("price_core", 0.03, {}, {"prices": priced(core=0.03)}),
        ("price_gb", 5, {}, {"prices": priced(core=0.03, gb=5.0)}),
        ("price_datastore_core", 0.2, {}, {"prices": priced(core=0.03, datastore_core=0.2)}),
        ("price_server", 1, {}, {"prices": priced(core=0.03, server=1.0)}),
    ],
)
def test_every_control_changes_the_answer_as_the_package_does(shared, field, value, change, limits):
    preset(shared, "5,000 nodes")
    before = shown(shared)
    # What the control has no effect without.
    fill(shared, **said_with(field, change, limits))
    fill(shared, **{field: value})
    assert shown(shared) == expected(fleet_of(**change), **limits)
    assert shown(shared) != before or field in ("datastore", "spire") or value == 5


def said_with(field, change, limits):
    """Return the controls that a case sets beside its own."""
    sets = {control.sets[0]: control.name.replace("-", "_") for group in controls.GROUPS.values()
            for control in group if isinstance(control, controls.Number)}  # fmt: skip
    found = {sets[name]: value for name, value in change.items() if name in sets and sets[name] != field}
    if field == "machine_speed":
        del found["datastore_speed"]
    if field == "clusters":
        found["topology"] = limits["topology"]
    if "prices" in limits and field != "price_core":
        found["price_core"] = limits["prices"].core_per_hour
    return found


def test_every_control_is_in_that_table():
    """A control that is added without a test of what it does would go unnoticed."""
    (mark,) = test_every_control_changes_the_answer_as_the_package_does.pytestmark
    tried = {case[0].replace("_", "-") for case in mark.args[1]}
    assert tried == set(CONTROLS)


def test_the_page_has_these_controls(shared):
    names = shared.eval_on_selector_all("#calculator form [name]", "(fields) => fields.map((field) => field.name)")
    assert names == CONTROLS


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("laptop", {"agents": 1, "workloads": 10, "datastore": "sqlite"}),
        ("100 nodes", {"agents": 100, "workloads": 1000}),
        ("1,000 nodes", {"agents": 1000, "workloads": 10_000}),
        ("5,000 nodes", {}),
        ("100,000 nodes, nested", {"agents": 100_000, "workloads": 200_000}),
    ],
)
def test_an_example_sets_everything(shared, name, change):
    fill(shared, jwt_per_s=500, spare_servers=3)
    preset(shared, name)
    whole_of = {"topology": "nested", "clusters": 20} if "nested" in name else {}
    assert shown(shared) == expected(fleet_of(**change), **whole_of)
    shared.wait_for_function("() => document.querySelector('[data-out=changes]').dataset.fleet !== undefined")
    assert cells(shared, "changes") == expected_changes(fleet_of(**change), **whole_of)


def test_a_fleet_that_nothing_carries_is_answered_so(shared):
    preset(shared, "5,000 nodes")
    fill(shared, agents=1_000_000, workloads=1_000_000, spire="crawl")
    said = shown(shared)
    assert said == expected(fleet_of(agents=1_000_000, workloads=1_000_000, sync_mode="crawl"))
    assert said["sentence"].startswith("Nothing that was tried carries")


# Links, command, file


FIRST = {"agents": 30_000, "workloads": 45_000, "datastore": "mariadb", "jwt_per_s": 120}
MIXED, MIXED_FLEET = {**FIRST, "spire": "full_cache-v1.8.2"}, {**FIRST, "spire_version": "v1.8.2"}
SMALL = {"agents": 60, "workloads": 600, "ca_key_type": "rsa-2048", "entries_per_agent": 20}


def test_a_link_shows_what_its_sender_saw(visit):
    page = visit()
    unfold(page)
    fill(page, **MIXED, max_utilization=45)
    page.wait_for_function("() => location.search.includes('max-utilization=45')")
    link = page.get_by_role("link", name="Link to this answer").get_attribute("href")
    assert link == page.url
    other = visit("?" + link.partition("?")[2])
    assert shown(other) == shown(page) == expected(fleet_of(**MIXED_FLEET), max_utilization=0.45)
    assert other.locator("#calc-jwt-per-s").is_visible()


def test_the_address_holds_what_differs_from_the_default_and_leaves_the_rest(visit):
    page = visit("?theme=mine&agents=5000&workloads=70#how-sure-is-this")
    fill(page, workloads=80)
    page.wait_for_function("() => location.search === '?theme=mine&workloads=80'")
    assert page.url.endswith("#how-sure-is-this")
    fill(page, workloads=10_000)
    page.wait_for_function("() => location.search === '?theme=mine'")


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("?agents=abc", ["agents"]),
        ("?agents=-3&x509-ttl=1e99", ["agents", "x509-ttl"]),
        ("?workloads=%00", ["workloads"]),
        ("?datastore=oracle&spire=&unknown=1", []),
    ],
)
def test_a_broken_link_marks_the_field_or_leaves_the_default(visit, query, marked):
    page = visit(query)
    names = page.eval_on_selector_all("[aria-invalid=true]", "(fields) => fields.map((field) => field.name)")
    assert names == marked
    assert page.locator("[data-out=stale]").is_visible() == bool(marked)
    assert shown(page) == expected(fleet_of())
    unfold(page)
    fill(page, agents=100, workloads=100, x509_ttl=3600)
    assert shown(page) == expected(fleet_of(agents=100, workloads=100))


SAID = [
    ({}, {}, {}),
    (MIXED, MIXED_FLEET, {}),
    (
        {"datastore_round_trip_time": 2.5, "max_utilization": 55, "spare_servers": 0, "machine_speed": 1.5},
        {"datastore_round_trip_time_s": 0.0025, "machine_speed": 1.5, "datastore_speed": 1.5},
        {"max_utilization": 0.55, "spare_servers": 0},
    ),
    ({**SMALL, "spire": "crawl"}, {**SMALL, "sync_mode": "crawl"}, {}),
    ({"topology": "nested", "agents": 7001}, {"agents": 7001}, {"topology": "nested", "clusters": 5}),
    (
        {"topology": "federated", "clusters": 3, "jwt_per_s": 40, "level": "0.95"},
        {"jwt_per_s": 40.0},
        {"topology": "federated", "clusters": 3, "level": 0.95},
    ),
]


def answered(change, limits):
    """Return what the package answers for a fleet, divided or not."""
    limits = dict(limits)
    topology, clusters = limits.pop("topology", "single"), limits.pop("clusters", 1)
    fleet = fleet_of(**change)
    split = {"nested": cm.Nested, "federated": cm.Federated}
    divided = split[topology].split(fleet, into=clusters) if topology in split else fleet
    return json.loads(json.dumps(cm.size(divided, costs(), **limits).to_dict()))


@pytest.mark.parametrize(("values", "change", "limits"), SAID)
def test_the_command_gives_the_answer_that_the_page_shows(shared, monkeypatch, values, change, limits):
    preset(shared, "5,000 nodes")
    fill(shared, **values)
    words = shlex.split(shared.locator("[data-out=command]").text_content())
    assert words[:2] == ["capmodel", "size"]
    monkeypatch.setattr(cli, "_fit", lambda *_: costs())
    done = CliRunner().invoke(cli.app, [*words[1:], "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == answered(change, limits)
    assert shown(shared) == expected(fleet_of(**change), **limits)


#: What a line that fits has given; one fit stands for all that are written alike.
FITTED = {}


@pytest.mark.parametrize(("values", "change", "limits"), SAID)
def test_the_python_text_gives_the_answer_that_the_page_shows(shared, monkeypatch, values, change, limits):
    preset(shared, "5,000 nodes")
    fill(shared, **values)
    lines = ast.parse(shared.locator("[data-out=python]").text_content()).body
    assert isinstance(lines[-1], ast.Expr)
    # The page is built from the shipped runs, whatever a reader's own environment adds.
    monkeypatch.delenv("CAPMODEL_MEASUREMENTS", raising=False)
    names = {}
    for line in lines[:-1]:
        written = ast.unparse(line)
        if written in FITTED:
            names["costs"] = FITTED[written]
            continue
        exec(compile(ast.Module([line], []), "copied", "exec"), names)
        if "OperationCosts" in written:
            FITTED[written] = names["costs"]
    found = eval(compile(ast.Expression(lines[-1].value), "copied", "eval"), names)
    given = answered(change, limits)
    assert close(json.loads(json.dumps(found.to_dict())), given)
    assert shown(shared) == expected(fleet_of(**change), **limits)


def close(one, other):
    """Tell whether two answers are the same but for the rounding of another fit of the same runs."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(close, one, other))
    return one == pytest.approx(other, rel=1e-9) if isinstance(one, float) else one == other


def test_the_table_can_be_saved(shared):
    preset(shared, "1,000 nodes")
    fleet = fleet_of(agents=1000, workloads=10_000)
    link = shared.get_by_role("link", name="Table (CSV)")
    kind, _, body = link.get_attribute("href").partition(",")
    assert kind == "data:text/csv;charset=utf-8"
    assert urllib.parse.unquote(body) == whole.csv(parts_of(fleet))
    fill(shared, price_core=0.04, price_datastore_core=0.1)
    prices = priced(core=0.04, datastore_core=0.1)
    body = link.get_attribute("href").partition(",")[2]
    assert urllib.parse.unquote(body) == whole.csv(parts_of(fleet, prices=prices), prices)
    assert ",cost,an hour," in urllib.parse.unquote(body)
    preset(shared, "1,000 nodes")
    with shared.expect_download() as caught:
        link.click()
    assert caught.value.suggested_filename == "capmodel-size.csv"


# Wrong input


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("agents", "0", "Agents: got 0, expected a whole number from 1 to 10,000,000"),
        ("agents", "2.5", "Agents: got 2.5, expected a whole number from 1 to 10,000,000"),
        ("agents", "", "Agents: got nothing, expected a whole number from 1 to 10,000,000"),
        ("workloads", "-1", "Workloads: got -1, expected a whole number from 0 to 100,000,000"),
        ("x509-ttl", "59", "X509-SVID lifetime: got 59, expected a number from 60 to 31,536,000"),
        ("max-utilization", "100", "Utilization, at most: got 100, expected a number from 1 to 99"),
        ("spare-servers", "64", "Servers to spare: got 64, expected a whole number from 0 to 63"),
        ("entries-per-agent", "10001", "Entries of one agent: got 10,001, expected at most the workloads, 10,000"),
    ],
)
def test_a_value_out_of_bounds_is_named_beside_its_field(shared, field, value, message):
    preset(shared, "5,000 nodes")
    before = shown(shared)
    fill(shared, **{field: value})
    entry = shared.locator(f"#calc-{field}")
    assert entry.get_attribute("aria-invalid") == "true"
    described = entry.get_attribute("aria-describedby").split()
    assert shared.locator("#" + described[-1]).text_content() == message
    assert shared.locator("[data-out=stale]").is_visible()
    assert shown(shared) == before
    preset(shared, "5,000 nodes")
    assert entry.get_attribute("aria-invalid") == "false"
    assert not shared.locator("[data-out=stale]").is_visible()


def test_the_bounds_are_those_of_the_package(shared):
    """What the page lets through the package must take, and what it stops the package must refuse."""
    fields = shared.eval_on_selector_all(
        "#calculator form input[type=number]",
        "(all) => all.map((one) => { const control = capmodel.fleet.named[one.name];"
        " return [control.sets.join(' '), control.factor, one.min, one.max].map(String); })",
    )
    whole = {"agents", "workloads"}
    checked = 0
    for sets, factor, low, high in fields:
        name = sets.split()[0]
        if name not in Deployment.__dataclass_fields__ or name == "entries_per_agent":
            continue
        for text in (low, high):
            value = float(text) * float(factor)
            fleet_of(**{"workloads": 100_000_000, name: int(value) if name in whole else value})
            checked += 1
    assert checked == 48


# The chart


def test_the_chart_follows_the_fleet(visit):
    page = visit()
    fill(page, agents=800, workloads=8000, datastore="mariadb")
    page.wait_for_function(FOLLOWED)
    fleet = fleet_of(agents=800, workloads=8000, datastore="mariadb")
    part = cm.size(fleet, costs()).clusters[0]
    arguments = (fleet.inputs(), costs().unit_costs("mariadb"), part.limits, part.choice.shape)
    rows = page.evaluate("() => document.querySelector('figure.capchart').chart.result.view.data('size_curve')")
    points = growth.curve(*arguments)
    assert [row["agents"] for row in rows] == pytest.approx([point.agents for point in points])
    assert [row["server_upper"] for row in rows] == pytest.approx([point.server.upper for point in points])
    assert [row["agents"] for row in rows if row["here"]] == [800]
    title = growth.room(fleet.inputs(), part.limits, part.choice, growth.capacity(*arguments))
    assert page.locator("figure.capchart figcaption strong").text_content() == title
    assert title in page.locator("figure.capchart svg.marks").get_attribute("aria-label")
    # A page that changes its width draws anew, and keeps the reader's fleet.
    page.set_viewport_size({"width": 500, "height": 900})
    page.evaluate(AT_REST)
    again = page.evaluate("() => document.querySelector('figure.capchart').chart.result.view.data('size_curve')")
    assert [row["agents"] for row in again] == [row["agents"] for row in rows]


# For everyone


def test_everything_is_labelled_and_the_answer_is_announced(shared):
    unnamed = shared.eval_on_selector_all(
        "#calculator :is(input, select)",
        "(all) => all.filter((one) => !one.labels?.length && !one.getAttribute('aria-label')).map((one) => one.name)",
    )
    assert unnamed == []
    assert (
        shared.locator("#calculator fieldset > legend").count() == shared.locator("#calculator fieldset").count() == 1
    )
    live = shared.locator("[aria-live=polite]:has([data-out=sentence])")
    assert live.count() == 1
    assert shared.locator("#calculator table caption").count() == 2


def test_the_whole_calculator_is_reached_with_the_tab_key(shared):
    names = shared.evaluate(
        """() => [...document.querySelectorAll("#calculator :is(input, select, button, summary, a)")]
            .filter((one) => one.tabIndex >= 0 && one.checkVisibility()).length"""
    )
    shared.locator("#calc-agents").focus()
    seen = set()
    for _ in range(names):
        told, outline = shared.evaluate(
            """() => { const one = document.activeElement;
                return [one.outerHTML.slice(0, 120), getComputedStyle(one).outlineStyle]; }"""
        )
        seen.add(told)
        assert outline != "none"
        shared.keyboard.press("Tab")
    assert len(seen) == names


def test_the_answer_stands_without_scripts(visit):
    page = visit(java_script_enabled=False)
    assert shown(page) == expected(fleet_of())
    assert not page.locator("#calculator form").is_visible()
    assert page.locator("[data-out=table]").is_visible()
    assert page.locator("figure.capchart img.capchart-still").count() == 1
    href = page.get_by_role("link", name="Table (CSV)").get_attribute("href")
    assert urllib.parse.unquote(href.partition(",")[2]) == whole.csv(parts_of(fleet_of()))


def test_a_phone_shows_all_of_it(visit):
    page = visit("?agents=1000000&workloads=10000000&jwt-per-s=5", viewport={"width": 390, "height": 844})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    wide = page.eval_on_selector_all(
        "#calculator *, .calc-bars *",
        "(all) => all.filter((one) => one.getBoundingClientRect().right > 391).map((one) => one.outerHTML)",
    )
    assert wide == []


def test_paper_shows_the_answer_and_no_controls(visit):
    page = visit()
    page.emulate_media(media="print")
    assert not page.locator("#calculator form").is_visible()
    assert page.locator("[data-out=sentence]").is_visible()
    assert page.locator("[data-out=table]").is_visible()
