"""Moving every control of a page, by keyboard, and reading back what each changed.

`move_all` finds the controls of a page, moves each by the rule for its kind, and returns how many there were of each
kind. A control that no rule knows is an error, and so is one that changes nothing.
"""

from collections import Counter

#: Everything that a reader can work; what leads elsewhere is a link, and no control.
FIND = """(kinds) => [...document.querySelectorAll(
    "input, select, textarea, button, summary, [role=button], [role=slider], [role=checkbox], [contenteditable]")]
    .filter((one) => one.closest("article") && !one.matches("[data-guess][data-ready] details:not([open]) summary"))
    .map((one, at) => {
        one.dataset.control = at;
        return Object.keys(kinds).find((kind) => one.matches(kinds[kind]));
    })"""

#: Kinds, the first that matches.
KINDS = {
    "choices of charts": ".capchart-controls [type=radio]",
    "tables of charts": "details.capchart-table > summary",
    "guesses": "[data-guess] [type=number]",
    "sliders of guesses": "[data-guess] [type=range]",
    "buttons of guesses": "[data-guess] form button",
    "sync modes of steps": "[data-walk] [type=radio]",
    "buttons of steps": "[data-walk] button",
    "examples": "button[data-preset]",
    "buttons that copy": "button:is([data-copy], .copy)",
    "number fields": ":is(.calc-controls, #loop) [type=number]",
    "sliders": ":is(.calc-controls, #loop) [type=range]",
    "lists": ".calc-controls select",
    "folds": "details > summary",
}

#: What a page says of its reader's choice, but for words that repeat the choice itself and what comes a while later.
SAID = """() => JSON.stringify([
    [...document.querySelectorAll("article [data-out], .calc-bar-words")]
        .filter((one) => !["command", "python", "link", "copied", "changes", "surety", "shapes", "totals"]
            .includes(one.dataset.out))
        .map((one) => one.dataset.out === "csv" ? one.href : one.textContent),
    document.getElementById("calculator") ? [] : [...document.querySelectorAll("figure.capchart")]
        .map(({ chart }) => [chart.description, chart.tables]),
])"""

#: Keep what a page says, in the page: it may be long; return its number.
KEEP = f"() => (window.kept ??= []).push(({SAID})()) - 1"

#: Tell whether what a page says is, or is no longer, what it said before.
CHANGES = f"""async ([before, same]) => {{
    for (const end = Date.now() + 15000; Date.now() < end; await new Promise(requestAnimationFrame))
        if ((({SAID})() === window.kept[before]) === same) return true;
    return false;
}}"""

#: What the drawing of a chart shows, in any order: it draws what comes back after what stayed.
MARKS = """(figure) => [...figure.querySelectorAll("svg.marks .role-mark :is(path, text, line, rect)")]
    .map((mark) => ["d", "transform", "opacity", "x2", "width"].map((name) => mark.getAttribute(name)) + mark.innerHTML)
    .sort().join()"""

#: What a chart shows once it has followed its control, and whether the control's value has reached it.
FOLLOWED = f"""async (figure, name) => {{
    const view = figure.chart.result.view;
    await view.runAsync();
    return [String(view.signal(name)) === document.activeElement.value, ({MARKS})(figure)];
}}"""


#: Values to try where twice what is there would change nothing.
VALUES = {"max-response-time": 0.002}


class Moves:
    """The controls of one page, and what was seen of them."""

    def __init__(self, page):
        self.page = page
        self.counts = Counter()
        self.states = 0

    def all(self):
        """Move every control and return how many there are of each kind."""
        self.page.mouse.click(0, 0)
        todo = dict(enumerate(self.page.evaluate(FIND, KINDS)))
        unknown = [
            self._one(at).evaluate("(one) => one.outerHTML.slice(0, 200)") for at, kind in todo.items() if not kind
        ]
        assert not unknown, f"no rule moves {unknown}"
        # What is folded away is reached by unfolding it; what sets everything comes last.
        first = [at for at, kind in todo.items() if kind == "folds"]
        last = [at for at, kind in todo.items() if kind == "examples"]
        self._prime([self._one(at) for at, kind in todo.items() if kind == "number fields"][:1])
        for at in [*first, *(at for at in todo if at not in {*first, *last}), *last]:
            self.counts[todo[at]] += 1
            getattr(self, RULES[todo[at]])(self._one(at))
        for at in first:
            if self._one(at).evaluate("(one) => one.parentElement.open"):
                self._press(self._one(at), "Enter")
        return self.counts

    def _one(self, at):
        return self.page.locator(f"[data-control='{at}']")

    def _press(self, control, *keys):
        """Press keys on a control, which the keyboard must reach and the focus must show."""
        reached, outline = control.evaluate("""(one) => { one.focus();
            return [document.activeElement === one, getComputedStyle(one).outlineStyle]; }""")
        assert reached, "the keyboard does not reach it"
        assert outline != "none", "the focus cannot be seen"
        for key in keys:
            self.page.keyboard.press(key)

    def _prime(self, fields):
        """Let the page's script say what the build has said, in more digits."""
        for field in fields:
            text, before = field.input_value(), self._said()
            self._type(field, str(int(text) + 1))
            self._must(field, before)
            before = self._said()
            self._type(field, text)
            self._must(field, before)

    def _said(self):
        return self.page.evaluate(KEEP)

    def _must(self, control, before, same=False):
        self.states += 1
        if not self.page.evaluate(CHANGES, [before, same]):
            name = control.evaluate("(one) => one.name || one.dataset.for || one.textContent")
            raise AssertionError(f"{name} " + ("does not bring back what was shown" if same else "changes nothing"))

    def _type(self, control, text):
        self._press(control, "Control+a")
        if text:
            self.page.keyboard.insert_text(text)
        else:
            self.page.keyboard.press("Delete")

    def _fold(self, summary):
        box = summary.locator("xpath=..")
        was = box.evaluate("(box) => box.open")
        self._press(summary, "Enter")
        assert box.evaluate("(box) => box.open") is not was
        if was:
            self.page.keyboard.press("Enter")
        assert box.evaluate(
            "(box) => [...box.children].some((one) => one.localName !== 'summary' && one.checkVisibility())"
        )

    def _table(self, summary):
        self._press(summary, "Enter")
        box = summary.locator("xpath=..")
        box.locator("table").first.wait_for()
        rows = box.evaluate("""(box) => [box.querySelectorAll("tbody tr").length, Object.entries(
            box.closest("figure").chart.tables).filter(([name]) => !name.startsWith("guide"))
            .reduce((sum, [, rows]) => sum + rows.length, 0)]""")
        assert rows[0] == rows[1] > 0
        self.page.keyboard.press("Enter")
        assert box.get_attribute("open") is None

    def _choice(self, control):
        """Walk through the options from the first on; a group of radio buttons is walked once."""
        name = control.get_attribute("name")
        figure = control.locator("xpath=ancestor::figure")
        group = figure.locator(f".capchart-controls [name='{name}']")
        if group.first.get_attribute("data-control") != control.get_attribute("data-control"):
            return
        start = figure.locator(f".capchart-controls [name='{name}']:checked")
        first = start.input_value()
        states = {figure.evaluate(MARKS)}
        self._press(start)
        for _ in range(group.count() - 1):
            self.page.keyboard.press("ArrowRight")
            assert self.page.evaluate("document.activeElement.name") == name
            reached, state = figure.evaluate(FOLLOWED, name)
            assert reached, f"{name} does not reach its chart"
            states.add(state)
            self.states += 1
        assert len(states) > 1, f"{name} changes nothing"
        self.page.wait_for_function("(name) => location.search.includes(name + '=')", arg=name)
        self.page.keyboard.press("ArrowRight")
        assert self.page.evaluate("document.activeElement.value") == first
        assert figure.evaluate(FOLLOWED, name)[1] in states

    def _slider(self, control):
        name, place, most = control.evaluate("(one) => [one.dataset.for, one.value, one.max]")
        field = self.page.locator(f"article [name='{name}']")
        before, text = self._said(), field.input_value()
        key = "Home" if name in VALUES else "ArrowLeft" if place == most else "ArrowRight"
        # A step of a slider may be less than a whole number.
        for _ in range(20):
            self._press(control, key)
            value = field.input_value()
            if value != text:
                break
        assert value != text, f"{name}: the slider does not reach its field"
        assert control.get_attribute("aria-valuetext").replace(",", "").startswith(value)
        self._must(control, before)
        self._type(field, text)
        self._must(control, before, same=True)
        assert control.input_value() == place, "the slider does not follow its field"

    def _number(self, control):
        before = self._said()
        name, text, low, high, whole = control.evaluate(
            "(one) => [one.name, one.value, +one.min, +one.max, one.inputMode === 'numeric' || 'whole' in one.dataset]"
        )
        value = 2 * float(text or 0) or 3
        value = VALUES.get(name, max(low, value if value <= high else float(text) / 2))
        self._type(control, f"{value:.0f}" if whole else f"{value:.12g}")
        self._must(control, before)
        assert control.get_attribute("aria-invalid") != "true"
        self._type(control, text)
        self._must(control, before, same=True)

    def _list(self, control):
        options, at = control.evaluate("(one) => [one.options.length, one.selectedIndex]")
        assert options > 1
        first = before = self._said()
        for key, steps in (("ArrowDown", options - 1 - at), ("ArrowUp", options - 1)):
            for _ in range(steps):
                self._press(control, key)
                self._must(control, before)
                before = self._said()
        for _ in range(at):
            self._press(control, "ArrowDown")
        self._must(control, first, same=True)

    def _example(self, button):
        before, field = self._said(), self.page.locator("#calc-agents")
        self._press(button, "Enter")
        self._must(button, before)
        assert (
            f'"agents": {field.input_value()}' in button.get_attribute("data-preset") or field.input_value() == "5000"
        )

    def _copy(self, button):
        told = (
            "[data-out=copied]"
            if button.get_attribute("data-copy")
            else f"[data-control='{button.get_attribute('data-control')}']"
        )
        self._press(button, "Enter")
        self.page.wait_for_function(
            "(where) => /^(Copied|Selected)/.test(document.querySelector(where).textContent)", arg=told
        )
        self.states += 1

    def _guess(self, field):
        root = field.locator("xpath=ancestor::*[@data-guess]")
        self._type(field, "20")
        self._press(field, "Enter")
        said = root.locator(".guess-said")
        assert said.inner_text().startswith("You guessed 20 ")
        mark = root.locator(".guess-mark").get_attribute("d")
        self._type(field, "40")
        assert said.inner_text().startswith("You guessed 40 ")
        assert root.locator(".guess-mark").get_attribute("d") != mark
        self.page.wait_for_function("(name) => location.search.includes(name + '=40')", arg=field.get_attribute("id"))
        self.states += 2

    def _guess_slider(self, slider):
        field = slider.locator("xpath=ancestor::form").locator("[type=number]")
        before = field.input_value()
        self._press(slider, "ArrowRight")
        assert field.input_value() != before
        assert field.input_value() in slider.get_attribute("aria-valuetext")
        self.states += 1

    def _guess_button(self, button):
        root = button.locator("xpath=ancestor::*[@data-guess]")
        root.locator("details").evaluate("(answer) => { answer.open = false; }")
        self._press(button, "Enter")
        assert root.locator("details").get_attribute("open") is not None
        self.states += 1

    def _walked(self, control):
        return control.evaluate("""(one) => { const root = one.closest("[data-walk]");
            return [root.querySelector(".walk-status").textContent,
                root.querySelectorAll(":scope section:not([hidden]) li:not(.walk-later)").length,
                root.querySelector(":scope section:not([hidden]) .walk-title").textContent]; }""")

    def _walk_mode(self, radio):
        if not radio.is_checked():
            return
        group = radio.locator("xpath=ancestor::fieldset").locator("[type=radio]")
        seen = {tuple(self._walked(radio))}
        self._press(radio)
        for _ in range(group.count() - 1):
            self.page.keyboard.press("ArrowRight")
            seen.add(tuple(self._walked(radio)))
            self.states += 1
        assert len(seen) == group.count(), f"two modes are told alike: {seen}"

    def _walk_button(self, button):
        root = button.locator("xpath=ancestor::*[@data-walk]")
        if button.is_disabled():
            self._press(root.get_by_role("button", name="From the start"), "Enter", "Enter")
        before = self._walked(button)
        self._press(button, "Enter")
        after = self._walked(button)
        assert abs(after[1] - before[1]) >= 1
        assert after[0] != before[0]
        self.states += 1


RULES = {
    "choices of charts": "_choice",
    "tables of charts": "_table",
    "guesses": "_guess",
    "sliders of guesses": "_guess_slider",
    "buttons of guesses": "_guess_button",
    "sync modes of steps": "_walk_mode",
    "buttons of steps": "_walk_button",
    "examples": "_example",
    "buttons that copy": "_copy",
    "number fields": "_number",
    "sliders": "_slider",
    "lists": "_list",
    "folds": "_fold",
}
