/* Steps of a sync and guesses. Everything that is shown stands in the page already; this script hides and shows it, and
   keeps the address in step. A classic script, so that it runs from disk. */
(function () {
  "use strict";
  const made = (name, attributes, text) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    if (text) element.textContent = text;
    return element;
  };
  const query = new URLSearchParams(location.search);
  let wait = 0;
  const waiting = {};
  /* Browsers allow few changes of the address a second. */
  function remember(key, value) {
    waiting[key] = value;
    clearTimeout(wait);
    wait = setTimeout(function () {
      const url = new URL(location.href);
      for (const [name, text] of Object.entries(waiting)) {
        if (text) url.searchParams.set(name, text); else url.searchParams.delete(name);
      }
      try { history.replaceState(history.state, "", url); } catch { /* some browsers forbid it on disk */ }
    }, 150);
  }

  // Steps

  function walk(root) {
    const name = root.dataset.walk, sections = [...root.querySelectorAll("section")];
    const modes = sections.map((section) => section.dataset.mode);
    const counts = sections.map((section) => section.dataset.statements.split(" ").map(Number));
    let shown = 0, step = counts[0].length;

    const controls = made("div", { class: "walk-controls" }), choices = made("fieldset"), buttons = made("span");
    choices.append(made("legend", null, "Sync mode"));
    sections.forEach(function (section, place) {
      const label = made("label"), radio = made("input", { type: "radio", name, value: section.dataset.mode, autocomplete: "off" });
      radio.checked = place === 0;
      radio.addEventListener("change", function () { shown = place; step = counts[place].length; show(); keep(); });
      label.append(radio, section.dataset.label);
      choices.append(label);
    });
    const back = made("button", { type: "button" }, "Back"), next = made("button", { type: "button" }, "Next step");
    const status = made("p", { role: "status", class: "walk-status" });
    buttons.append(back, next);
    if (sections.length > 1) controls.append(choices);
    controls.append(buttons);
    root.prepend(controls, status);

    /* Shows the steps so far of one mode; all of them at first. */
    function show() {
      const count = counts[shown], total = count.slice(0, step).reduce((sum, one) => sum + one, 0);
      sections.forEach((section, place) => { section.hidden = place !== shown; });
      for (const group of sections[shown].querySelectorAll("[data-step]"))
        group.classList.toggle("walk-later", Number(group.dataset.step) > step);
      [...sections[shown].querySelectorAll("li")].forEach(function (item, place) {
        item.classList.toggle("walk-later", place >= step);
        item.classList.toggle("walk-now", step < count.length && place === step - 1);
      });
      back.disabled = step === 1;
      next.textContent = step === count.length ? "From the start" : "Next step";
      const told = total.toLocaleString("en-US") + (total === 1 ? " statement" : " statements");
      status.textContent = step === count.length ? "All " + step + " steps: " + told + "." :
        "Step " + step + " of " + count.length + ": " + told + " so far.";
      for (const radio of choices.querySelectorAll("input")) radio.checked = radio.value === modes[shown];
    }
    const keep = () => remember(name, shown === 0 && step === counts[0].length ? "" : modes[shown] + "." + step);
    next.addEventListener("click", function () { step = step === counts[shown].length ? 1 : step + 1; show(); keep(); });
    back.addEventListener("click", function () { step = Math.max(step - 1, 1); show(); keep(); });

    // A link may say anything; what names no mode and no step leaves the first state.
    const [mode, number] = (query.get(name) || "").split(".");
    if (modes.includes(mode) && Number.isInteger(+number) && +number >= 1 && +number <= counts[modes.indexOf(mode)].length) {
      shown = modes.indexOf(mode);
      step = +number;
    }
    show();
    root.dataset.ready = "true";
  }

  // Guesses

  function guess(root) {
    const form = root.querySelector("form"), details = root.querySelector("details");
    const field = form.querySelector("[type='number']"), slider = form.querySelector("[type='range']");
    const said = root.querySelector(".guess-said"), error = root.querySelector(".guess-error");
    const low = +field.min, high = +field.max, key = field.id;
    const truth = +root.dataset.truth, lower = +root.dataset.lower, upper = +root.dataset.upper;
    const words = (value) => value.toLocaleString("en-US", { maximumSignificantDigits: 2 });
    const share = (value) => Math.log(value / low) / Math.log(high / low);
    const read = () => field.value.trim() === "" ? NaN : Number(field.value);
    const right = (value) => value >= low && value <= high;

    const place = () => {
      if (right(read())) slider.value = Math.round(100 * share(read()));
      slider.setAttribute("aria-valuetext", field.value ? field.value + " " + root.dataset.unit : "no guess yet");
    };
    function tell() {
      const value = read();
      const wrong = !right(value);
      field.setAttribute("aria-invalid", String(wrong));
      error.textContent = wrong ? "Your guess: got " + (Number.isNaN(value) ? "no number" : words(value)) +
        ", expected a number from " + words(low) + " to " + words(high) : "";
      if (wrong) return false;
      const off = value > truth ? value / truth : truth / value;
      said.textContent = "You guessed " + words(value) + " " + root.dataset.unit + ": " +
        (value >= lower && value <= upper ? "inside the interval of the answer." :
          words(off) + " times too " + (value > truth ? "high." : "low."));
      const [from, to] = root.querySelector(".guess-axis").getAttribute("d").match(/\d+/g).filter((_, k) => k !== 1).map(Number);
      const x = from + (to - from) * share(value);
      root.querySelector(".guess-mark").setAttribute("d", "M" + x + " 14l-5 -10h10z");
      return true;
    }
    slider.addEventListener("input", function () {
      field.value = String(Number((low * (high / low) ** (slider.value / 100)).toPrecision(2)));
      slider.setAttribute("aria-valuetext", field.value + " " + root.dataset.unit);
      if (details.open && tell()) remember(key, field.value);
    });
    field.addEventListener("input", function () { place(); if (details.open && tell()) remember(key, field.value.trim()); });
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      if (!tell()) { field.focus(); return; }
      details.open = true;
      remember(key, field.value.trim());
    });
    if (right(Number(query.get(key) || NaN))) {
      field.value = query.get(key);
      tell();
      details.open = true;
    }
    place();
    form.hidden = false;
    root.dataset.ready = "true";
  }

  for (const root of document.querySelectorAll("[data-walk]")) walk(root);
  for (const root of document.querySelectorAll("[data-guess]")) guess(root);
})();
