/* The page on factors, for the reader's fleet. All numbers and words come from window.capmodel, which is the package's own
   code, translated; fleet.js reads the fleet from the address and carries it on. A classic script, so that it runs from disk. */
(function () {
  "use strict";
  const root = document.getElementById("factors"), model = window.capmodel, fleet = model?.fleet;
  if (!root || !fleet || !model.factors) return;
  const CONTROLS = { agents: "Agents", workloads: "Workloads", datastore: "Datastore", spire: "SPIRE" };
  const place = (name) => document.querySelector('[data-out="' + name + '"]');
  const say = function (name, text) {
    const words = fleet.kept(text);
    if (place(name).textContent !== words) place(name).textContent = words;
  };
  const element = (name, attributes, ...inside) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    made.append(...inside);
    return made;
  };
  const figures = Object.fromEntries(["factors", "tornado", "servers_lost"].map((name) => [name,
    [...document.querySelectorAll("figure.capchart")].find((figure) =>
      figure.querySelector("script[type='application/json']").textContent.includes('"' + name + '"'))]));
  const texts = fleet.texts();
  const first = JSON.stringify(texts);

  // Rows of the charts

  const finite = (value) => value.lower > 0 && Number.isFinite(value.upper);
  function rows_of(point) {
    const at = point.name ? { factor: point.factor, name: point.name } : { factor: point.factor, x: point.x };
    const parts = [["cores", "server", point.server], ["cores", "datastore", point.datastore], ["time", "sync", point.response_s]];
    return parts.filter(([, , value]) => finite(value)).map(([quantity, component, value]) =>
      ({ ...at, quantity, component, value: value.estimate, lower: value.lower, upper: value.upper, here: point.here }));
  }

  async function draw(name, rows, title, description) {
    const figure = figures[name];
    if (!figure?.dataset.drawn) return;
    const asked = drawn;
    await figure.chart.show(name, rows, title, description);
    figure.dataset.fleet = asked;
  }

  let drawn = "";
  let charts = null;
  /* Computes what the charts show; they take it when they are there. */
  function solve({ inputs, limits, prices, unit, store }) {
    const { factors, effects } = model;
    const { shape } = model.whole.size(inputs, unit, limits, "single", 1, prices)[0].choice, quantile = limits.quantile;
    const changes = factors.changes(inputs, unit, shape.servers, quantile);
    const now = effects.demanded(inputs, unit, shape.servers, quantile);
    const about = factors.about(inputs, shape, store), sentence = factors.sentence(inputs, now, changes, store);
    say("sentence", sentence);
    say("about", about);
    place("changes").replaceChildren(...changes.map((change) => element("tr", null,
      element("td", null, change.label), element("td", null, factors.amount(change.server)), element("td", null, factors.amount(change.datastore)))));
    const points = factors.points(inputs, unit, shape, quantile), bars = effects.bars(inputs, unit, shape, 0.1, quantile);
    const lost = factors.losses(inputs, unit, shape, quantile), { written } = model.answer;
    const left = lost.map(({ servers_lost, utilization, response_s }) => ({
      lost: servers_lost ? servers_lost + " lost" : "all up", utilization: Math.min(utilization.estimate, 1),
      lower: Math.min(utilization.lower, 1), upper: Math.min(utilization.upper, 1),
      label: written(utilization.estimate, "share") + ", a sync takes " + written(response_s.estimate, "s"),
    }));
    const points_title = factors.points_title(points), bars_title = effects.bars_title(bars);
    const lost_title = factors.losses_title(lost, shape, limits.max_utilization);
    const signed = (share) => (share < 0 ? "−" : "+") + Math.abs(100 * share).toFixed(1) + "\u00a0%";
    charts = {
      factors: [points.flatMap(rows_of), points_title, points_title + ". " + sentence],
      tornado: [bars.map((bar) => ({ ...bar, input: effects.LABELS[bar.input] })), bars_title, bars_title + ". " + bars.map((bar) =>
        effects.LABELS[bar.input] + ", " + bar.component + ": " + signed(bar.lower) + " and " + signed(bar.higher)).join("; ") + "."],
      servers_lost: [left, lost_title, lost_title + ". " + left.map((row) => row.lost + ": " + row.label).join("; ") + "."],
    };
    drawn = fleet.name(texts);
    for (const [name, words] of Object.entries(charts)) draw(name, ...words);
  }

  // Controls

  const fields = {};
  let touched = false;
  function update() {
    const { faults, ...found } = fleet.read(texts);
    for (const [name, field] of Object.entries(fields)) {
      field.setAttribute("aria-invalid", String(Boolean(faults[name])));
      document.getElementById("factors-" + name + "-error").textContent = faults[name] || "";
    }
    const elsewhere = Object.keys(faults).filter((name) => !fields[name]);
    document.getElementById("factors-fault").textContent = elsewhere.map((name) => faults[name]).join(". ");
    if (Object.keys(faults).length) return;
    solve(found);
    if (touched) fleet.remember(texts);
  }
  let frame = 0;
  const soon = () => { touched = true; frame ||= requestAnimationFrame(() => { frame = 0; update(); }); };

  function control(name, label) {
    const own = fleet.named[name], id = "factors-" + name;
    let field;
    if (own.options) {
      field = element("select", { id, name, autocomplete: "off" }, ...Object.entries(own.options).map(([value, option]) =>
        element("option", { value }, option.label)));
    } else {
      field = element("input", { id, name, type: "number", min: own.low, max: own.high, step: "any", autocomplete: "off",
        inputmode: own.whole ? "numeric" : "decimal" });
    }
    field.setAttribute("aria-describedby", id + "-error");
    field.value = texts[name];
    field.addEventListener("input", function () { texts[name] = field.value.trim(); soon(); });
    fields[name] = field;
    return element("div", { class: "calc-field" }, element("label", { for: id }, label), field,
      element("p", { class: "calc-error", id: id + "-error" }));
  }
  const form = element("form", { class: "calc-controls factors-controls", novalidate: "" },
    ...Object.entries(CONTROLS).map(([name, label]) => control(name, label)));
  form.addEventListener("submit", (event) => event.preventDefault());
  place("controls").append(form, element("p", { class: "calc-error", id: "factors-fault", role: "status" }));

  // The page is made for the fleet that no address changes.
  const standard = JSON.stringify(fleet.texts("")) === first;
  if (!standard) update();
  for (const [name, figure] of Object.entries(figures)) {
    if (figure) new MutationObserver(() => { if (charts && figure.dataset.fleet !== drawn) draw(name, ...charts[name]); })
      .observe(figure, { attributes: true, attributeFilter: ["data-drawn"] });
  }
  root.dataset.ready = "true";
})();
