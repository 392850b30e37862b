/* The calculator of the first page. All numbers and words come from window.capmodel, which is the package's own code,
   translated, and what a link means is known to fleet.js; this script shows what they say, and keeps the address in step.
   A classic script, so that it runs from disk. */
(function () {
  "use strict";
  const root = document.getElementById("calculator");
  const model = window.capmodel, fleet = model?.fleet;
  if (!root || !fleet) return;
  const fields = [...root.querySelectorAll("form [name]")];
  const named = Object.fromEntries(fields.map((field) => [field.name, field]));
  const sliders = [...root.querySelectorAll("form [data-for]")];
  const groups = [...root.querySelectorAll("form details")];
  const place = (name) => document.querySelector('[data-out="' + name + '"]');
  const show = function (name, text) {
    const at = place(name), words = fleet.kept(text);
    if (at && at.textContent !== words) at.textContent = words;
  };
  const standard = (field) => fleet.named[field.name].start;
  const texts = () => Object.fromEntries(fields.map((field) => [field.name, field.value.trim()]));

  // Reading

  function mark(field, message) {
    const at = document.getElementById(field.id + "-error");
    if (!at) return;
    if (at.textContent !== message) at.textContent = message;
    field.setAttribute("aria-invalid", message ? "true" : "false");
  }

  /* Returns what the controls say, or null while one of them is wrong. */
  function read() {
    const bad = Object.fromEntries(fields.map((field) => [field.name, field.validity.badInput]));
    const found = fleet.read(texts(), bad);
    for (const field of fields) mark(field, found.faults[field.name] ?? "");
    return Object.keys(found.faults).length ? null : found;
  }

  // Showing

  function element(name, text, attributes) {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    return made;
  }

  function list(name, lines) {
    place(name)?.replaceChildren(...lines.map((line) => element("li", fleet.kept(line))));
  }

  /* Fills a table; the first cell names its row, and a row may be marked. */
  function table(name, rows, marked = -1) {
    place(name).replaceChildren(...rows.map(function (texts, number) {
      const row = document.createElement("tr");
      row.append(...texts.map((text, k) => k ? element("td", fleet.kept(text)) : element("th", text, { scope: "row" })));
      if (number === marked) row.className = "calc-binds";
      return row;
    }));
  }

  function bars(state, limit, sqlite) {
    for (const name of ["server", "datastore"]) {
      const row = document.querySelector('[data-bar="' + name + '"]'), used = state[name + "_utilization"];
      row.hidden = name === "datastore" && sqlite;
      row.querySelector(".calc-bar-words").textContent = fleet.kept(model.answer.bar(used, limit));
      const ends = { ...used, limit }, style = row.querySelector(".calc-bar").style;
      for (const key of Object.keys(ends)) style.setProperty("--" + key, (100 * Math.min(ends[key], 1)).toFixed(2) + "%");
    }
  }

  /* Shows the field of clusters where there are any, and says of each group of controls how many differ from the default. */
  function arrange() {
    named.clusters.closest(".calc-field").hidden = named.topology.value === "single";
    for (const group of groups) {
      const count = [...group.querySelectorAll("[name]")].filter((field) => field.value.trim() !== standard(field)).length;
      group.querySelector(".calc-changed").textContent = count ? count + " changed" : "";
    }
  }

  let current = null;
  let parts = null;
  let least = null;

  function solve() {
    const { inputs, unit, limits, topology, clusters, prices } = current;
    parts = model.whole.size(inputs, unit, limits, topology, clusters, prices);
    least = parts[model.whole.binding(parts)];
  }

  function update() {
    arrange();
    const found = read();
    root.toggleAttribute("data-stale", found === null);
    show("stale", found === null ? "A marked field needs another value; what is shown is for the last one that fitted." : "");
    if (found === null) return;
    current = found;
    solve();
    const { inputs, limits, topology, store } = current, { answer, whole } = model, { fleet: own, choice } = least;
    show("sentence", whole.sentence(inputs, parts, topology, store));
    show("condition", whole.condition(parts, limits, current.level));
    show("about", whole.about(parts, topology));
    show("cost", whole.priced(parts, current.prices));
    place("clusters").closest("table").hidden = topology === "single";
    const rows = topology === "single" ? [] : whole.rows(parts);
    table("clusters", rows.map((row) => [row.name, row.servers, row.datastore, row.fullest + (row.binds ? ", binds" : "")]),
      rows.findIndex((row) => row.binds));
    table("table", answer.quantities(own, choice).map((item) =>
      [item.label, answer.written(item.value.estimate, item.unit), answer.span(item.value, item.unit)]));
    place("table").closest("table").querySelector("thead th:last-child").textContent = (100 * current.level).toFixed(0) + "\u00a0% interval";
    show("binding", answer.binding(own, least.limits, choice));
    bars(choice.degraded, limits.max_utilization, inputs.datastore === "sqlite");
    list("smaller", answer.smaller(own, choice));
    show("comparison", answer.comparison(model.reference_table, own, choice));
    const beyond = whole.extrapolations(parts, model.measured), words = place("reach");
    show("reach", beyond.length ? words.dataset.outside : words.dataset.inside);
    list("extrapolations", beyond);
    list("assumptions", whole.assumptions(inputs, limits, topology, current.datastore));
    // An option and its value stay on one line.
    place("command").replaceChildren(...fleet.command(texts()).split(/ (?=--)/).flatMap((words, k) =>
      (k ? [" "] : []).concat(element("span", words))));
    show("python", fleet.python(texts()));
    show("copied", "");
    place("csv").href = "data:text/csv;charset=utf-8," + encodeURIComponent(whole.csv(parts, current.prices));
    remember();
    later();
  }

  let frame = 0;
  const soon = () => { frame ||= requestAnimationFrame(() => { frame = 0; update(); }); };

  // What may wait until the controls rest: the chart, and what single steps change, which takes as many answers more.

  let wait = 0;
  const later = () => { delete place("changes").dataset.fleet; clearTimeout(wait); wait = setTimeout(() => { chart(); changes(); }, 150); };

  function remember() {
    fleet.remember(texts());
    place("link").href = fleet.address(texts()).href;
  }

  function changes() {
    const { inputs, unit, limits, topology, clusters, prices } = current;
    table("changes", model.what_if.steps(inputs, limits).map(function (step) {
      const found = model.what_if.change(step, model.unit_costs[step.fleet.datastore], parts, topology, clusters, prices);
      return [found.label, found.servers, found.datastore, found.verdict];
    }));
    show("surety", model.whole.surety(parts, unit));
    place("changes").dataset.fleet = fleet.address(texts()).search;
  }

  function restore() {
    const found = fleet.texts();
    for (const field of fields) {
      if (found[field.name] === field.value) continue;
      field.value = found[field.name];
      const group = field.closest("details");
      if (group) group.open = true;
    }
  }

  function row(point, limits, sqlite) {
    const made = { agents: point.agents, here: point.here, max_utilization: limits.max_utilization };
    made.max_response_s = limits.max_response_time_s;
    for (const name of sqlite ? ["server", "response_s"] : ["server", "datastore", "response_s"]) {
      for (const [key, end] of [["estimate", name], ["lower", name + "_lower"], ["upper", name + "_upper"]])
        if (Number.isFinite(point[name][key])) made[end] = point[name][key];
    }
    return made;
  }

  async function chart() {
    const figure = document.querySelector("figure.capchart"), view = figure?.chart?.result?.view;
    if (!figure?.dataset.drawn || !view || !least) return;
    const asked = fleet.command(texts());
    const { fleet: inputs, limits, choice: chosen } = least, unit = model.unit_costs[inputs.datastore];
    const rows = model.growth.curve(inputs, unit, limits, chosen.shape)
      .map((point) => row(point, limits, inputs.datastore === "sqlite"));
    const title = model.growth.room(inputs, limits, chosen, model.growth.capacity(inputs, unit, limits, chosen.shape));
    await figure.chart.show("size_curve", rows, title, title + ". " + model.answer.binding(inputs, limits, chosen));
    figure.dataset.fleet = asked;
  }

  // Controls

  function place_slider(slider) {
    const field = named[slider.dataset.for];
    fleet.slide(slider, Number(field.value), field.dataset.unit);
  }

  for (const slider of sliders) {
    slider.addEventListener("input", function () {
      const field = named[slider.dataset.for];
      field.value = String(fleet.slid(slider));
      fleet.voice(slider, Number(field.value), field.dataset.unit);
      soon();
    });
  }
  for (const field of fields) {
    field.addEventListener("input", function () {
      for (const slider of sliders) if (slider.dataset.for === field.name) place_slider(slider);
      soon();
    });
  }
  root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  for (const button of root.querySelectorAll("[data-preset]")) {
    button.addEventListener("click", function () {
      const values = JSON.parse(button.dataset.preset);
      for (const field of fields) field.value = field.name in values ? values[field.name] : standard(field);
      sliders.forEach(place_slider);
      update();
    });
  }
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async function () {
      const source = place(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
        show("copied", "Copied");
      } catch {
        getSelection().selectAllChildren(source);
        show("copied", "Selected; copy it with your keyboard");
      }
    });
  }

  restore();
  sliders.forEach(place_slider);
  arrange();
  if (fields.some((field) => field.value.trim() !== standard(field))) update();
  // What was built is for the defaults; while a link's values are wrong it stays.
  if (current === null) {
    current = fleet.read(fleet.texts(""));
    solve();
  }
  place("link").href = fleet.address(texts()).href;
  const figure = document.querySelector("figure.capchart");
  if (figure) new MutationObserver(chart).observe(figure, { attributes: true, attributeFilter: ["data-drawn"] });
  // The chart may have been first.
  chart();
  root.dataset.ready = "true";
})();
