"""The page "When do agents start to wait?": its chart is the package's model at whatever a reader sets."""

import csv
import io
import json
import math
from pathlib import Path

import pytest
import translate
from conftest import AT_REST

from capmodel import loop, queueing, spire

FUNCTIONS = ("finite_source", "asymptote", "open_queue", "knee", "curve", "marks", "sentence", "headline")
PAUSE = spire.SYNC_INTERVAL_S
SERIES = """(series) => [...document.querySelectorAll("figure.capchart")]
    .find((figure) => figure.chart.tables.closed_loop).chart.result.view.data("closed_loop")
    .filter((row) => row.kind === "curve" && row.series === series)
    .map((row) => [row.agents, row.response_s, row.utilization])"""
ID = """() => [...document.querySelectorAll("figure.capchart")]
    .find((figure) => figure.chart.tables.closed_loop).id"""
KINDS = """() => [...new Set([...document.querySelectorAll("figure.capchart")]
    .find((figure) => figure.chart.tables.closed_loop).chart.result.view.data("closed_loop")
    .map((row) => row.kind))].sort()"""


@pytest.fixture(scope="module")
def open_page(browser, site):
    """Return a function that opens the page with a query and gives it with what it complained about."""
    contexts = []

    def start(query=""):
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}, offline=True))
        page = contexts[-1].new_page()
        complaints = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(f"{(site / 'queueing.html').as_uri()}{query}")
        page.wait_for_selector("#loop[data-ready]", state="attached")
        return page, complaints

    yield start
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def kept(open_page):
    """Return a page that the tests of single controls share, with its complaints."""
    return open_page()


@pytest.fixture
def shared(kept):
    """Return the shared page in its first state, with its complaints."""
    page, complaints = kept
    page.evaluate(
        """() => { for (const field of document.querySelectorAll("#loop input[name]")) {
            field.value = field.defaultValue; field.dispatchEvent(new Event("input")); } }"""
    )
    first = page.locator("#loop input[name]").evaluate_all("(fields) => fields.map((field) => Number(field.value))")
    wait_for_setting(page, int(first[0]), int(first[1]), first[2])
    page.wait_for_function("() => location.search === ''")
    return page, complaints


def set_field(page, name, value):
    page.locator(f"#loop-{name}").fill(value)


def wait_for_setting(page, agents, cores, demand_ms):
    setting = f"{agents} {PAUSE:g} {demand_ms / 1000!r} {cores}"
    page.wait_for_function(
        "(setting) => document.querySelector(`figure.capchart[data-setting='${setting}']`)", arg=setting
    )
    page.evaluate(AT_REST)


def assert_is_the_model(page, agents, cores, demand_ms):
    """Compare every curve that is drawn with the array functions of the package."""
    shared = {"think_time": PAUSE, "service_time": demand_ms / 1000, "servers": cores}
    drawn = page.evaluate(SERIES, "closed loop")
    assert len(drawn) > 50
    numbers, responses, shares = zip(*drawn, strict=True)
    exact = queueing.finite_source(population=numbers, think_time=PAUSE, service_time=demand_ms / 1000, servers=cores)
    assert responses == pytest.approx(exact.response_time.tolist(), rel=1e-9)
    assert shares == pytest.approx(exact.utilization.tolist(), rel=1e-9)
    numbers, responses, _ = zip(*page.evaluate(SERIES, "bounds"), strict=True)
    lowest = queueing.asymptotic_bounds(
        population=numbers, think_time=PAUSE, demands=[demand_ms / 1000], servers=cores
    ).response_low
    assert responses == pytest.approx(lowest.tolist(), rel=1e-9, abs=1e-12)
    numbers, responses, _ = zip(*page.evaluate(SERIES, "open queue"), strict=True)
    rates = [number / PAUSE for number in numbers if number / PAUSE * demand_ms / 1000 < 0.999 * cores]
    free = queueing.mmc(arrival_rate=rates, service_time=demand_ms / 1000, servers=cores).response_time
    assert responses[: len(rates)] == pytest.approx(free.tolist(), rel=1e-9)
    said = page.locator("#loop [data-out='sentence']").inner_text().replace("\u00a0", " ")
    assert said == loop.sentence(agents, shared["think_time"], shared["service_time"], cores)
    title = page.locator(f"#{page.evaluate(ID)} figcaption strong").inner_text()
    assert title == loop.headline(agents, shared["think_time"], shared["service_time"], cores)


def test_the_translation_equals_the_package_on_a_grid(browser):
    sources = translate.package_sources() | {"loop": Path(loop.__file__).read_text(encoding="utf-8")}
    page = browser.new_page()
    page.add_script_tag(content=translate.script(sources, {"loop": FUNCTIONS}, {}))
    grid = [
        (population, PAUSE, demand, servers)
        for population in (1, 2, 7, 100, 999, 5000, 16_395, 100_000, 1_000_000)
        for demand in (0.00005, 0.00061, 0.004, 0.02)
        for servers in (1, 2, 5, 16, 64)
    ]
    found = page.evaluate(
        """(grid) => grid.map((setting) => { const state = capmodel.loop.finite_source(...setting);
            return [state.throughput, state.response_time, state.utilization, state.in_system]; })""",
        grid,
    )
    population, think, service, servers = zip(*grid, strict=True)
    exact = queueing.finite_source(population=population, think_time=think, service_time=service, servers=servers)
    for place, quantity in enumerate(exact):
        assert [state[place] for state in found] == pytest.approx(quantity.tolist(), rel=1e-9)
    for setting in grid[::17]:
        for name in ("sentence", "headline"):
            assert page.evaluate(f"(setting) => capmodel.loop.{name}(...setting)", setting) == getattr(loop, name)(
                *setting
            )
    message = page.evaluate(
        "() => { try { capmodel.loop.finite_source(0, 5, 1, 2) } catch (error) { return error.message } }"
    )
    assert message == "population: got 0, expected a finite number of at least 1"
    page.close()


def test_the_first_setting_is_the_model_and_shows_what_was_simulated(shared):
    page, complaints = shared
    values = {name: page.locator(f"#loop-{name}").input_value() for name in ("agents", "cores", "demand_ms")}
    assert_is_the_model(page, int(values["agents"]), int(values["cores"]), float(values["demand_ms"]))
    assert page.evaluate(KINDS) == ["curve", "mark", "simulated", "whole"]
    assert complaints == []


def test_numbers_change_curve_words_and_address(shared):
    page, complaints = shared
    set_field(page, "agents", "700")
    set_field(page, "cores", "4")
    set_field(page, "demand_ms", "12")
    wait_for_setting(page, 700, 4, 12)
    assert_is_the_model(page, 700, 4, 12.0)
    # Simulated points and the whole model belong to the first setting.
    assert page.evaluate(KINDS) == ["curve", "mark"]
    page.wait_for_function("() => location.search.includes('demand_ms=12')")
    assert set(page.evaluate("location.search").removeprefix("?").split("&")) == {
        "agents=700",
        "cores=4",
        "demand_ms=12",
    }
    assert complaints == []


def test_a_link_shows_what_its_sender_saw_also_on_a_turned_phone(open_page):
    page, complaints = open_page("?agents=20000&cores=8&demand_ms=0.25")
    wait_for_setting(page, 20000, 8, 0.25)
    assert_is_the_model(page, 20000, 8, 0.25)
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate(AT_REST)
    assert_is_the_model(page, 20000, 8, 0.25)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []


def test_sliders_move_with_the_keyboard_and_follow_the_numbers(shared):
    page, complaints = shared
    slider = page.get_by_role("slider", name="Agents, slider")
    before = int(slider.input_value())
    slider.focus()
    slider.press("ArrowRight")
    agents = int(page.locator("#loop-agents").input_value())
    assert agents > 5000
    assert slider.get_attribute("aria-valuetext") == str(agents)
    page.wait_for_function(
        "(words) => document.querySelector('#loop [data-out]').textContent.startsWith(words)", arg=f"{agents:,}"
    )
    set_field(page, "agents", "5000")
    assert int(slider.input_value()) == before
    set_field(page, "cores", "64")
    cores = page.get_by_role("slider", name="Cores, slider")
    assert cores.input_value() == cores.get_attribute("max")
    assert complaints == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("agents", "0", "Agents: got 0, expected a whole number from 100 to 1,000,000"),
        ("agents", "5000.5", "Agents: got 5,000.5, expected a whole number from 100 to 1,000,000"),
        ("cores", "", "Cores: got no number, expected a whole number from 1 to 64"),
        ("demand_ms", "1e9", "CPU of a sync: got 1,000,000,000, expected a number from 0.05 to 20"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(shared, name, value, message):
    page, complaints = shared
    before = page.evaluate(SERIES, "closed loop")
    set_field(page, name, value)
    field = page.locator(f"#loop-{name}")
    page.wait_for_selector(f"#loop-{name}[aria-invalid='true']")
    assert page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text() == message
    page.wait_for_timeout(200)
    assert page.evaluate(SERIES, "closed loop") == before
    assert page.evaluate("location.search") == ""
    assert complaints == []


@pytest.mark.parametrize("query", ["?agents=many&cores=1.5&demand_ms=-1", "?agents=&demand_ms=<script>"])
def test_a_wrong_link_shows_the_first_setting(open_page, query):
    page, complaints = open_page(query)
    values = page.locator("#loop input[name]").evaluate_all(
        "(fields) => fields.map((field) => field.value === field.defaultValue)"
    )
    assert values == [True, True, True]
    assert page.locator("#loop [aria-invalid]").count() == 0
    assert complaints == []


def test_the_data_of_the_chart_are_those_of_the_setting(shared, tmp_path):
    page, _ = shared
    set_field(page, "cores", "4")
    set_field(page, "demand_ms", "12")
    wait_for_setting(page, 5000, 4, 12)
    with page.expect_download() as download:
        page.locator(f"#{page.evaluate(ID)}").get_by_text("Data (CSV)").click()
    download.value.save_as(tmp_path / "closed_loop.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "closed_loop.csv").read_text())))
    closed = [row for row in rows if row["series"] == "closed loop"]
    assert [float(row["response_s"]) for row in closed] == pytest.approx(
        [loop.finite_source(float(row["agents"]), PAUSE, 0.012, 4).response_time for row in closed], rel=1e-9
    )


def test_the_answer_stands_without_scripts(site):
    text = (site / "queueing.html").read_text(encoding="utf-8")
    # Without scripts the words say what the chart shows.
    assert loop.sentence(5000, PAUSE, json_demand(text), 2) in text.replace("\u00a0", " ")
    for part in ("agents do not wait", "longer than 0.1\xa0s", "90\xa0% intervals"):
        assert part in text


def json_demand(text):
    """Return the CPU seconds of a sync that the page starts with."""
    value = text.split('id="loop-demand_ms" name="demand_ms" value="')[1].split('"')[0]
    assert math.isfinite(float(value))
    return float(json.loads(value)) / 1000
