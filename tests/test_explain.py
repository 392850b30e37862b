"""Steps of a sync and guesses: what is drawn is what the package counts, and a keyboard walks and guesses."""

import re

import explain
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmodel import charts, spire
from capmodel.steps import refresh_step, sync_steps

KEYBOARD_PAGE = "sync_cost"


def counted(mode, entries):
    return spire.datastore_statements(
        operation="sync",
        sync_mode=mode,
        batch_size=1,
        federated_domains=0,
        entries_per_agent=entries,
        selectors_per_entry=2,
        node_selectors_per_agent=0,
    )


@given(st.sampled_from(spire.SYNC_MODES), st.integers(0, 5000))
def test_the_statements_of_the_steps_are_those_of_the_model(mode, entries):
    assert sum(step.statements for step in sync_steps(mode, entries)) == counted(mode, entries)


@given(st.sampled_from(spire.SYNC_MODES), st.integers(0, 5000))
def test_steps_begin_and_end_with_the_agent(mode, entries):
    steps = sync_steps(mode, entries)
    assert (steps[0].asks, steps[-1].asked) == ("agent", "agent")
    # Only the server asks the datastore, and nothing else costs statements.
    assert all((step.statements > 0) <= (step.asked == "datastore" and step.asks == "server") for step in steps)


def test_measured_windows_execute_the_statements_of_the_steps():
    import capmodel as cm

    runs = cm.load_sync_runs(paths=())
    kept = (runs["operation"] == "sync") & (runs["datastore"] == "postgresql") & (runs["node_selectors_per_agent"] == 0)
    kept &= runs["sync_mode"].isin(["crawl", "full_cache"]) & (runs["operations"] > 2000)
    found = runs[kept & runs["datastore_queries_per_op"].notna()]
    assert len(found) > 10
    gaps = []
    for row in found.itertuples():
        steps = sum(step.statements for step in sync_steps(row.sync_mode, int(row.entries_per_agent)))
        # The bundle is read once a second for all agents: three statements more.
        read = 3 * row.window_s / row.operations
        gaps.append(abs(row.datastore_queries_per_op / (steps + read) - 1))
    assert sorted(gaps)[len(gaps) // 2] < 0.005
    assert max(gaps) < 0.05


def test_only_caches_refresh():
    assert refresh_step("crawl", 10) is None
    assert refresh_step("crawl_cached", 10) is None
    assert refresh_step("full_cache", 25_000).statements == spire.reload_statements(25_000)
    assert refresh_step("events_cache", 25_000).statements == 2


def test_what_cannot_be_walked_is_refused():
    with pytest.raises(ValueError, match="sync_mode: got 'push', expected one of crawl"):
        sync_steps("push", 1)
    with pytest.raises(ValueError, match="entries_per_agent: got -1, expected at least 0"):
        sync_steps("crawl", -1)
    with pytest.raises(ValueError, match="got 200 statements in a step, expected at most 60"):
        explain.drawing(sync_steps("crawl", 100), "too many")


@pytest.mark.parametrize("mode", spire.SYNC_MODES)
def test_a_drawing_has_a_square_for_each_statement(mode):
    text = explain.drawing(sync_steps(mode, 10), "a sync")
    assert text.count("<rect") == counted(mode, 10)
    # Each step is a group, in order.
    numbers = [int(number) for number in re.findall(r'data-step="(\d+)">', text)]
    assert sorted(set(numbers)) == list(range(1, len(sync_steps(mode, 10)) + 1))


def test_a_guess_needs_a_scale_that_holds_its_answer():
    with pytest.raises(ValueError, match="ends: got 1 to 100, expected some that hold 50 to 200"):
        explain.guess("x", "?", "!", truth=(80, 50, 200), ends=(1, 100))


@pytest.fixture(scope="module")
def visited(browser, site):
    """Return a function that opens a page with a query, and everything that it complained about."""
    contexts = []

    def start(query="", name=KEYBOARD_PAGE, **options):
        contexts.append(browser.new_context(viewport={"width": 390, "height": 844}, offline=True, **options))
        page = contexts[-1].new_page()
        complaints = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(f"{(site / name).as_uri()}.html{query}")
        if options.get("java_script_enabled", True):
            page.wait_for_selector(".guess[data-ready]")
        return page, complaints

    yield start
    for context in contexts:
        context.close()


def test_a_reader_walks_through_a_sync_with_the_keyboard(visited):
    page, complaints = visited()
    walk = page.locator("[data-walk='steps']")
    status = walk.locator(".walk-status")
    everything = counted("crawl", 10)
    assert status.inner_text() == f"All 5 steps: {everything:.0f} statements."
    step = walk.get_by_role("button", name="From the start")
    step.focus()
    step.press("Enter")
    steps = sync_steps("crawl", 10)
    for number in range(1, len(steps)):
        so_far = sum(one.statements for one in steps[:number])
        words = f"{so_far:.0f} statement{'' if so_far == 1 else 's'}"
        assert status.inner_text() == f"Step {number} of {len(steps)}: {words} so far."
        assert walk.locator("section:visible li:visible").count() == number
        page.keyboard.press("Enter")
    assert status.inner_text().startswith("All 5 steps")
    radio = walk.get_by_role("radio", name=charts.LABELS["crawl"])
    radio.focus()
    radio.press("ArrowRight")
    assert walk.locator("section:visible").get_attribute("data-mode") == "full_cache"
    assert status.inner_text() == f"All 6 steps: {counted('full_cache', 10):.0f} statements."
    page.wait_for_function("() => location.search === '?steps=full_cache.6'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []


def test_a_guess_is_compared_with_the_answer_and_kept_in_the_link(visited):
    page, complaints = visited()
    guess = page.locator("[data-guess='crawl']")
    truth, upper = (float(guess.get_attribute(f"data-{name}")) for name in ("truth", "upper"))
    answer = guess.locator("details > p").last
    assert not answer.is_visible()
    guess.get_by_role("button").click()
    assert "got no number, expected a number from 1 to 10,000" in guess.locator(".guess-error").inner_text()
    assert not answer.is_visible()
    slider = guess.get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    assert float(guess.get_by_role("spinbutton").input_value()) > 100
    guess.get_by_role("spinbutton").fill(f"{10 * upper:.0f}")
    guess.get_by_role("spinbutton").press("Enter")
    assert answer.is_visible()
    said = guess.locator(".guess-said").inner_text()
    factor = float(re.search(r": ([\d.,]+) times too high\.", said)[1].replace(",", ""))
    assert factor == pytest.approx(10 * upper / truth, rel=0.06)
    page.wait_for_function("() => location.search.startsWith('?guess-crawl=')")
    again, more = visited(page.evaluate("location.search") + "&steps=full_cache.2")
    assert again.locator("[data-guess='crawl'] .guess-said").inner_text() == said
    assert again.locator("[data-walk='steps'] .walk-status").inner_text() == "Step 2 of 6: 3 statements so far."
    assert complaints == more == []


@pytest.mark.parametrize("query", ["?guess-crawl=many&steps=crawl.99", "?guess-crawl=-3&steps=push.1", "?steps="])
def test_a_wrong_link_shows_the_first_state(visited, query):
    page, complaints = visited(query)
    assert not page.locator("[data-guess='crawl'] details").get_attribute("open")
    assert page.locator("[data-walk='steps'] .walk-status").inner_text().startswith("All 5 steps")
    assert complaints == []


def test_without_scripts_all_steps_and_the_answer_are_there(visited):
    page, _ = visited(java_script_enabled=False)
    assert page.locator("[data-walk='steps'] section:visible").count() == 2
    guess = page.locator("[data-guess='crawl']")
    assert not guess.locator("form").is_visible()
    guess.locator("summary").click()
    assert guess.locator("details > p").last.is_visible()
