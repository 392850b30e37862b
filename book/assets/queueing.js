/* The controls of the closed loop's chart. Curves and words come from window.capmodel.loop, which is the package's own code,
   translated; this script reads the controls, gives the chart its rows, and keeps the address in step. A classic script, so
   that it runs from disk. */
(function () {
  "use strict";
  const root = document.getElementById("loop");
  const loop = window.capmodel?.loop;
  if (!root || !loop) return;
  const pause = Number(root.dataset.thinkTime);
  const fields = [...root.querySelectorAll("input[name]")];
  const sliders = [...root.querySelectorAll("[data-for]")];
  const named = Object.fromEntries(fields.map((field) => [field.name, field]));
  const figure = [...document.querySelectorAll("figure.capchart")]
    .find((one) => one.querySelector("script[type='application/json']").textContent.includes('"closed_loop"'));
  const words = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 6 });

  /* Says what is wrong with a field, or nothing. */
  function fault(field) {
    const whole = field.hasAttribute("data-whole"), kind = whole ? "a whole number" : "a number";
    const text = field.value.trim(), value = Number(text), low = Number(field.min), high = Number(field.max);
    const got = text === "" ? "no number" : words(value);
    if (text !== "" && value >= low && value <= high && (!whole || Number.isInteger(value))) return "";
    return field.dataset.label + ": got " + got + ", expected " + kind + " from " + words(low) + " to " + words(high);
  }

  /* Returns what the controls say, or null, and says beside each field what is wrong with it. */
  function read() {
    let right = true;
    for (const field of fields) {
      const message = fault(field);
      if (message) { right = false; field.setAttribute("aria-invalid", "true"); } else field.removeAttribute("aria-invalid");
      document.getElementById(field.getAttribute("aria-describedby")).textContent = message;
    }
    return right ? [Number(named.agents.value), pause, Number(named.demand_ms.value) / 1000, Number(named.cores.value)] : null;
  }

  const untouched = (field) => field.value.trim() === field.defaultValue;

  let original = null;
  let drawn = "";

  /* Gives the chart the rows of a setting; what was simulated belongs to the first one only. */
  async function chart(setting) {
    const drawing = figure?.chart;
    if (!drawing) return;
    original ||= {
      rows: drawing.tables.closed_loop.filter((row) => row.kind === "simulated" || row.kind === "whole"),
      description: drawing.description,
    };
    const [agents, think, service, cores] = setting;
    const rows = loop.curve(think, service, cores).map((point) => ({ kind: "curve", ...point }));
    rows.push(...loop.marks(agents, think, service, cores).map((mark) => ({ kind: "mark", ...mark })));
    if (fields.every((field) => field.name === "agents" || untouched(field))) rows.push(...original.rows);
    const title = loop.headline(agents, think, service, cores);
    const description = fields.every(untouched) ? original.description :
      title + ". " + loop.sentence(agents, think, service, cores);
    figure.dataset.setting = setting.join(" ");
    await drawing.show("closed_loop", rows, title, description);
  }

  let wait = 0;
  /* Browsers allow few changes of the address a second; by then a reader may be in the middle of another number. */
  function remember() {
    clearTimeout(wait);
    wait = setTimeout(function () {
      if (fields.some(fault)) return;
      const url = new URL(location.href);
      for (const field of fields) {
        if (untouched(field)) url.searchParams.delete(field.name);
        else url.searchParams.set(field.name, field.value.trim());
      }
      try { history.replaceState(history.state, "", url); } catch { /* some browsers forbid it on disk */ }
    }, 150);
  }

  function update() {
    const setting = read();
    if (setting === null) return;
    remember();
    if (setting.join(" ") === drawn) return;
    drawn = setting.join(" ");
    root.querySelector("[data-out='sentence']").textContent =
      loop.sentence(...setting).replace(/(\d) (?=m?s\b|%)/g, "$1\u00a0");
    chart(setting);
  }

  let frame = 0;
  const soon = () => { frame ||= requestAnimationFrame(() => { frame = 0; update(); }); };

  // Sliders are logarithmic: a step is the same factor everywhere.

  function place(slider) {
    const field = named[slider.dataset.for], low = Number(field.min), high = Number(field.max);
    const share = Math.log(Number(field.value) / low) / Math.log(high / low);
    slider.value = Number.isFinite(share) ? Math.round(share * slider.max) : 0;
    slider.setAttribute("aria-valuetext", field.value);
  }

  for (const slider of sliders) {
    slider.addEventListener("input", function () {
      const field = named[slider.dataset.for], low = Number(field.min), high = Number(field.max);
      const value = Number((low * (high / low) ** (slider.value / slider.max)).toPrecision(2));
      field.value = String(field.hasAttribute("data-whole") ? Math.round(value) : value);
      slider.setAttribute("aria-valuetext", field.value);
      soon();
    });
  }
  for (const field of fields) {
    field.addEventListener("input", function () {
      sliders.filter((slider) => slider.dataset.for === field.name).forEach(place);
      soon();
    });
  }
  root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());

  const query = new URLSearchParams(location.search);
  for (const field of fields) {
    if (query.has(field.name)) field.value = query.get(field.name);
    // A link may say anything; what is no number leaves the first state.
    if (fault(field)) field.value = field.defaultValue;
  }
  sliders.forEach(place);
  update();
  if (figure) {
    // The chart is drawn after this script runs, from rows with the few digits that a picture needs.
    const ready = async function () {
      const now = read();
      if (now) await chart(now);
      root.dataset.ready = "true";
    };
    const watch = new MutationObserver(() => { watch.disconnect(); ready(); });
    if (figure.dataset.drawn) ready();
    else watch.observe(figure, { attributes: true, attributeFilter: ["data-drawn"] });
  }
})();
