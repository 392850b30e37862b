/* The calculator of the first page. All numbers and words come from window.capmodel, which is the package's own code,
   translated; this script reads the controls, shows what it says, and keeps the address in step. A classic script, so that
   it runs from disk. */
(function () {
  "use strict";
  const root = document.getElementById("calculator");
  const model = window.capmodel;
  if (!root || !model?.answer) return;
  const constant = JSON.parse(root.dataset.constant);
  const fields = [...root.querySelectorAll("form [name]")];
  const named = Object.fromEntries(fields.map((field) => [field.name, field]));
  const sliders = [...root.querySelectorAll("form [data-for]")];
  const place = (name) => document.querySelector('[data-out="' + name + '"]');
  const show = (name, text) => { const at = place(name); if (at && at.textContent !== text) at.textContent = text; };
  const standard = (field) => field.tagName === "SELECT" ? [...field.options].find((option) => option.defaultSelected).value :
    field.defaultValue;
  const shown = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 6 });

  // Reading

  /* Says what is wrong with a field, or nothing. */
  function fault(field) {
    if (field.tagName === "SELECT") return "";
    const text = field.value.trim(), low = +field.min, high = +field.max, label = field.dataset.label;
    const kind = field.hasAttribute("data-whole") ? "a whole number" : "a number";
    const wanted = ", expected " + kind + " from " + shown(low) + " to " + shown(high);
    if (text === "" && !field.validity.badInput) return field.required ? label + ": got nothing" + wanted : "";
    const value = Number(text);
    if (text === "" || !Number.isFinite(value)) return label + ": got no number" + wanted;
    if (value < low || value > high || (kind === "a whole number" && !Number.isInteger(value)))
      return label + ": got " + shown(value) + wanted;
    if (field.name === "entries-per-agent" && value > Number(named.workloads.value))
      return label + ": got " + shown(value) + ", expected at most the workloads, " + shown(Number(named.workloads.value));
    return "";
  }

  function mark(field, message) {
    const at = document.getElementById(field.id + "-error");
    if (!at) return;
    if (at.textContent !== message) at.textContent = message;
    field.setAttribute("aria-invalid", message ? "true" : "false");
  }

  /* Returns what the controls say, or null while one of them is wrong. */
  function read() {
    let right = true;
    for (const field of fields) {
      const message = fault(field);
      mark(field, message);
      if (message) right = false;
    }
    if (!right) return null;
    const inputs = { ...constant.inputs }, limits = { ...constant.limits };
    for (const field of fields) {
      if (field.tagName === "SELECT" || field.value.trim() === "") continue;
      const value = Number(field.value) * Number(field.dataset.factor);
      for (const name of field.dataset.sets.split(" ")) (name in limits ? limits : inputs)[name] = value;
    }
    const option = (name) => named[name].selectedOptions[0];
    inputs.datastore = named.datastore.value === "mysql" ? "mariadb" : named.datastore.value;
    inputs.sync_mode = option("spire").dataset.mode;
    inputs.jittered = option("spire").dataset.jittered === "true";
    inputs.ca_key_type = named["ca-key-type"].value;
    if (named["entries-per-agent"].value.trim() === "") inputs.entries_per_agent = inputs.workloads / inputs.agents;
    if (inputs.datastore === "sqlite") limits.spare_servers = 0;
    return {
      inputs: model.deployment.Inputs(inputs), limits: model.shapes.Limits(limits), unit: model.unit_costs[inputs.datastore],
      datastore: named.datastore.value, store: option("datastore").textContent,
    };
  }

  // Showing

  function element(name, text, attributes) {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    return made;
  }

  function list(name, lines) {
    place(name)?.replaceChildren(...lines.map((line) => element("li", line)));
  }

  function table(quantities) {
    place("table").replaceChildren(...quantities.map(function (item) {
      const row = document.createElement("tr");
      row.append(
        element("th", item.label, { scope: "row" }),
        element("td", model.answer.written(item.value.estimate, item.unit)),
        element("td", model.answer.span(item.value, item.unit)),
      );
      return row;
    }));
  }

  function bars(state, limit, sqlite) {
    for (const name of ["server", "datastore"]) {
      const row = document.querySelector('[data-bar="' + name + '"]'), used = state[name + "_utilization"];
      row.hidden = name === "datastore" && sqlite;
      row.querySelector(".calc-bar-words").textContent = model.answer.bar(used, limit);
      const ends = { ...used, limit }, style = row.querySelector(".calc-bar").style;
      for (const key of Object.keys(ends)) style.setProperty("--" + key, (100 * Math.min(ends[key], 1)).toFixed(2) + "%");
    }
  }

  /* The words of the command line for what differs from the defaults. */
  function command() {
    const words = ["capmodel size"];
    for (const field of fields) {
      const always = ["agents", "workloads", "datastore"].includes(field.name);
      if (!always && field.value.trim() === standard(field)) continue;
      if (field.tagName === "SELECT") words.push(field.selectedOptions[0].dataset.command);
      else words.push("--" + field.name + " " + Number((Number(field.value) * Number(field.dataset.factor)).toPrecision(12)));
    }
    return words.join(" ");
  }

  let current = null;
  let chosen = null;

  function update() {
    current = read();
    root.toggleAttribute("data-stale", current === null);
    show("stale", current === null ? "A marked field needs another value; what is shown is for the last one that fitted." : "");
    if (current === null) return;
    const { inputs, limits, unit } = current, answer = model.answer;
    chosen = model.shapes.choose(inputs, unit, limits);
    show("sentence", answer.sentence(inputs, chosen, current.store));
    show("condition", answer.condition(limits, chosen, constant.level));
    table(answer.quantities(inputs, chosen));
    show("binding", answer.binding(inputs, limits, chosen));
    bars(chosen.degraded, limits.max_utilization, inputs.datastore === "sqlite");
    list("smaller", answer.smaller(inputs, chosen));
    show("comparison", answer.comparison(model.reference_table, inputs, chosen));
    const beyond = model.reach.extrapolations(inputs, model.measured, chosen.shape), words = place("reach");
    show("reach", beyond.length ? words.dataset.outside : words.dataset.inside);
    list("extrapolations", beyond);
    list("assumptions", model.reach.assumptions(inputs, limits, current.datastore));
    show("command", command());
    show("copied", "");
    place("csv").href = "data:text/csv;charset=utf-8," + encodeURIComponent(answer.csv(inputs, chosen));
    later();
  }

  let frame = 0;
  const soon = () => { frame ||= requestAnimationFrame(() => { frame = 0; update(); }); };

  // What may wait until the controls rest: the address, which browsers let change a few times a second, and the chart.

  let wait = 0;
  const later = () => { clearTimeout(wait); wait = setTimeout(() => { remember(); chart(); }, 150); };

  function address() {
    const url = new URL(location.href);
    for (const field of fields) {
      if (field.value.trim() === standard(field)) url.searchParams.delete(field.name);
      else url.searchParams.set(field.name, field.value.trim());
    }
    return url;
  }

  function remember() {
    const url = address();
    place("link").href = url.href;
    try { history.replaceState(history.state, "", url); } catch { /* some browsers forbid it on disk */ }
  }

  function restore() {
    const query = new URLSearchParams(location.search);
    for (const field of fields) {
      const text = query.get(field.name);
      if (text === null) continue;
      if (field.tagName !== "SELECT") field.value = text;
      else if ([...field.options].some((option) => option.value === text)) field.value = text;
      const hidden = field.closest("details");
      if (hidden) hidden.open = true;
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
    if (!figure?.dataset.drawn || !view || !chosen) return;
    const { inputs, limits, unit } = current ?? {};
    if (!inputs) return;
    const rows = model.answer.curve(inputs, unit, limits, chosen.shape)
      .map((point) => row(point, limits, inputs.datastore === "sqlite"));
    const title = model.answer.room(inputs, limits, chosen, model.answer.capacity(inputs, unit, limits, chosen.shape));
    await figure.chart.show("size_curve", rows, title, title + ". " + model.answer.binding(inputs, limits, chosen));
    figure.dataset.fleet = current.inputs.agents + " " + current.inputs.workloads;
  }

  // Controls

  const scales = {
    log: { forth: (share, from, to) => from * (to / from) ** share, back: (x, from, to) => Math.log(x / from) / Math.log(to / from) },
    linear: { forth: (share, from, to) => from + share * (to - from), back: (x, from, to) => (x - from) / (to - from) },
  };

  function place_slider(slider) {
    const field = named[slider.dataset.for], value = Number(field.value);
    const share = scales[slider.dataset.scale].back(value, +slider.dataset.from, +slider.dataset.to);
    slider.value = Number.isFinite(share) ? Math.round(share * slider.max) : share > 0 ? slider.max : 0;
    slider.setAttribute("aria-valuetext", shown(value) + (field.dataset.unit ? " " + field.dataset.unit : ""));
  }

  for (const slider of sliders) {
    slider.addEventListener("input", function () {
      const field = named[slider.dataset.for], share = slider.value / slider.max;
      const value = scales[slider.dataset.scale].forth(share, +slider.dataset.from, +slider.dataset.to);
      field.value = String(Number(value.toPrecision(2)));
      slider.setAttribute("aria-valuetext", shown(Number(field.value)) + (field.dataset.unit ? " " + field.dataset.unit : ""));
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
  if (fields.some((field) => field.value.trim() !== standard(field))) update();
  else current = read();
  if (current !== null && chosen === null) chosen = model.shapes.choose(current.inputs, current.unit, current.limits);
  place("link").href = address().href;
  const figure = document.querySelector("figure.capchart");
  if (figure) new MutationObserver(chart).observe(figure, { attributes: true, attributeFilter: ["data-drawn"] });
  root.dataset.ready = "true";
})();
