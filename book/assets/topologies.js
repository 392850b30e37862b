/* The page on topologies, for the reader's fleet. All numbers and words come from window.capmodel, which is the package's own
   code, translated; fleet.js reads the fleet from the address and carries it on. A classic script, so that it runs from disk. */
(function () {
  "use strict";
  const root = document.getElementById("topologies"), model = window.capmodel, fleet = model?.fleet;
  if (!root || !fleet || !model.side_by_side) return;
  const place = (name) => document.querySelector('[data-out="' + name + '"]');
  const say = function (name, text) {
    const words = fleet.kept(text);
    if (place(name).textContent !== words) place(name).textContent = words;
  };
  const figure = [...document.querySelectorAll("figure.capchart")].find((one) =>
    one.querySelector("script[type='application/json']").textContent.includes('"topologies"'));
  const form = root.querySelector("form");
  const fields = Object.fromEntries([...form.querySelectorAll("[name]")].map((field) => [field.name, field]));
  const sliders = [...form.querySelectorAll("[data-for]")];
  const texts = fleet.texts();

  // What the page shows

  function row_of(side) {
    const row = { topology: side.topology, part: side.part };
    if (side.federates) row.federates = side.federates;
    Object.assign(row, { clusters: side.clusters, count: side.number, start: side.start, drawn: side.drawn, agents_each: side.fleet.agents });
    const values = { server: side.server, datastore: side.datastore, datastore_cores: side.work };
    if (side.fleet.datastore === "sqlite") delete values.datastore;
    for (const [name, value] of Object.entries(values))
      Object.assign(row, { [name]: value.estimate, [name + "_lower"]: value.lower, [name + "_upper"]: value.upper });
    return Object.assign(row, { response_ms: 1000 * side.response_s.estimate });
  }

  let chart = null;
  async function draw() {
    if (!chart || !figure?.dataset.drawn || figure.dataset.fleet === chart.fleet) return;
    const { rows, title, description } = chart;
    figure.dataset.fleet = chart.fleet;
    await figure.chart.show("topologies", rows, title, description);
  }

  function solve({ inputs, limits, unit, store, level, prices }) {
    const words = model.side_by_side, clusters = Math.min(Number(texts.clusters), inputs.agents);
    const { shape, holds } = model.whole.size(inputs, unit, limits, "single", 1, prices)[0].choice;
    const found = words.sides(inputs, unit, shape, clusters, limits.quantile);
    say("sentence", words.sentence(found, holds, store));
    say("level", (100 * level).toFixed(0) + " %");
    say("about", words.about(found, shape, holds));
    say("difference", words.difference(found));
    chart = {
      rows: found.map(row_of), title: words.title(found), description: words.description(found),
      fleet: fleet.name(texts),
    };
    if (figure) delete figure.dataset.fleet;
    draw();
    // Three answers take longer than a slider's step.
    clearTimeout(wait);
    delete place("shapes").dataset.fleet;
    wait = setTimeout(function () {
      const each = model.side_by_side.answers(inputs, unit, limits, clusters, prices);
      advise({ inputs, unit, limits, store }, shape, clusters, each);
      shapes(each, chart.fleet);
    }, 150);
  }

  const cell = (kind, text, scope) => Object.assign(document.createElement(kind), { textContent: fleet.kept(text) }, scope ? { scope } : {});
  const row = (cells) => { const made = document.createElement("tr"); made.append(...cells); return made; };

  /* Says what decides between the topologies. */
  function advise({ inputs, unit, limits, store }, shape, clusters, each) {
    const { advice } = model, nested = each.find((one) => one.topology === "nested").parts;
    const fill = (name, rows) => place(name).replaceChildren(...rows.map((texts) =>
      row(texts.map((text, k) => k ? cell("td", text) : cell("th", text, "row")))));
    say("availability", advice.availability(inputs, unit, shape.servers, limits.quantile, store));
    say("geography", advice.geography(inputs, unit, shape, clusters, limits.quantile));
    for (const name of ["nested", "federated"]) say(name, name + " in " + clusters.toLocaleString("en-US"));
    place("helm").replaceChildren(...(fleet.command({ ...texts, topology: "nested" }) + " --format helm").split(/ (?=--)/)
      .flatMap((words, k) => [k ? " " : "", cell("span", words)]));
    fill("failures", advice.failures(inputs, clusters));
    fill("rules", advice.rules(inputs, unit, limits, shape, nested));
  }

  let wait = 0;
  /* Fills the table of shapes: a row a quantity, a column for clusters that are alike. */
  function shapes(found, name) {
    const columns = model.side_by_side.columns(found), table = place("shapes");
    table.tHead.replaceChildren(row(columns.map((column) => column.name ? cell("th", column.name, "col") : cell("td", ""))));
    table.tBodies[0].replaceChildren(...columns[0].cells.map((_, k) =>
      row(columns.map((column, j) => j ? cell("td", column.cells[k]) : cell("th", column.cells[k], "row")))));
    say("totals", model.side_by_side.totals(found));
    table.dataset.fleet = name;
  }

  // Controls

  const place_slider = (slider) => fleet.slide(slider, Number(texts[slider.dataset.for]), fields[slider.dataset.for].dataset.unit);

  let touched = false;
  function update() {
    const bad = Object.fromEntries(Object.values(fields).map((field) => [field.name, field.validity.badInput]));
    const { faults, ...found } = fleet.read(texts, bad);
    for (const field of Object.values(fields)) {
      const at = document.getElementById(field.id + "-error");
      if (!at) continue;
      field.setAttribute("aria-invalid", String(Boolean(faults[field.name])));
      at.textContent = faults[field.name] ?? "";
    }
    document.getElementById("topologies-fault").textContent =
      Object.keys(faults).filter((name) => !fields[name]).map((name) => faults[name]).join(". ");
    if (Object.keys(faults).length) return;
    solve(found);
    if (touched) fleet.remember(texts);
  }
  let frame = 0;
  const soon = () => { touched = true; frame ||= requestAnimationFrame(() => { frame = 0; update(); }); };

  for (const slider of sliders) {
    slider.addEventListener("input", function () {
      const name = slider.dataset.for;
      texts[name] = fields[name].value = String(fleet.slid(slider));
      fleet.voice(slider, Number(texts[name]), fields[name].dataset.unit);
      soon();
    });
  }
  for (const field of Object.values(fields)) {
    field.value = texts[field.name];
    field.addEventListener("input", function () {
      texts[field.name] = field.value.trim();
      for (const slider of sliders) if (slider.dataset.for === field.name) place_slider(slider);
      soon();
    });
  }
  sliders.forEach(place_slider);
  form.addEventListener("submit", (event) => event.preventDefault());

  // The page is made for the fleet that no address changes.
  if (JSON.stringify(fleet.texts("")) !== JSON.stringify(texts)) update();
  if (figure) new MutationObserver(draw).observe(figure, { attributes: true, attributeFilter: ["data-drawn"] });
  root.dataset.ready = "true";
})();
