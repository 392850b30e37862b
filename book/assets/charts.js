/* Draws every chart of a page from the drawing beside it, which the build has compiled for Vega. A classic script on purpose:
   a page that is opened from disk may neither import modules nor fetch files. Nothing here calls eval.

   - A chart is as wide as its container and follows it; panels beside each other go below each other where it is narrow.
   - Values of controls come from the address (?name=value) and are written back to it, so that a link shows what its
     sender saw.
   - Colours of text are those of the page; a change of theme needs no new drawing.
   - Other scripts of a page find a chart at figure.chart: tables by name, result.view (Vega's), and show(), which gives a
     table other rows. */
(function () {
  "use strict";

  // Data

  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const place = (at) => (typeof at === "string" ? DIGITS.indexOf(at) : at);

  /* Returns the rows of a table that the build wrote by columns. */
  function rows_of(table) {
    const rows = Array.from({ length: table.rows }, () => ({}));
    for (const [name, column] of table.columns) {
      const at = Array.isArray(column) ? (row) => column[row] : "all" in column ? () => column.all : (row) => column.of[place(column.at[row])];
      rows.forEach(function (row, number) { if (at(number) !== null) row[name] = at(number); });
    }
    return rows;
  }

  /* Returns a drawing with all that the build wrote once and meant several times. */
  function unpacked({ parts, whole }) {
    const made = [];
    const expand = function (part) {
      if (Array.isArray(part)) return part.map(expand);
      if (part === null || typeof part !== "object") return part;
      if (Number.isInteger(part.$)) return structuredClone(made[part.$]);
      return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, expand(inner)]));
    };
    for (const part of parts) made.push(expand(part));
    return expand(whole);
  }

  const columns_of = (rows) => [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value) => (value === null || value === undefined ? "" : String(value));
  const quote = (text) => (/[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);
  function csv(rows) {
    const columns = columns_of(rows);
    return [columns, ...rows.map((row) => columns.map((name) => cell(row[name])))].map((line) => line.map(quote).join(",") + "\n").join("");
  }

  // Controls

  /* Returns the text as a value that the control can have, or nothing. */
  function read(control, text) {
    if (control.input === "checkbox") return text === "true" ? true : text === "false" ? false : undefined;
    if (control.options) return control.options.find((option) => String(option) === text);
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value)) return undefined;
    return Math.min(Math.max(value, control.min ?? -Infinity), control.max ?? Infinity);
  }

  /* Makes the control on the page say its value. */
  function say(form, control) {
    for (const field of form.querySelectorAll('[name="' + CSS.escape(control.name) + '"]')) {
      if (field.type === "radio") field.checked = field.value === String(control.value);
      else if (field.type === "checkbox") field.checked = control.value;
      else if (field !== document.activeElement || field.type !== "number") field.value = String(control.value);
      const output = field.parentElement.querySelector("output");
      if (output) output.textContent = String(control.value);
    }
  }

  let pending = {};
  let timer = 0;
  /* Writes a value to the address once its control rests; browsers allow few such changes a second. */
  function remember(control) {
    pending[control.name] = control.value === control.original ? null : control.value;
    clearTimeout(timer);
    timer = setTimeout(function () {
      const address = new URL(location.href);
      for (const [name, value] of Object.entries(pending)) {
        if (value === null) address.searchParams.delete(name);
        else address.searchParams.set(name, String(value));
      }
      pending = {};
      try { history.replaceState(history.state, "", address); } catch { /* some browsers forbid it on disk */ }
    }, 150);
  }

  function connect(figure) {
    const { chart } = figure, form = figure.querySelector(".capchart-controls");
    if (!form) return;
    const query = new URLSearchParams(location.search);
    for (const control of chart.controls) {
      control.original = control.value;
      const value = query.has(control.name) ? read(control, query.get(control.name)) : undefined;
      if (value !== undefined) control.value = value;
      say(form, control);
      chart.vega.signals.find((signal) => signal.name === control.name).value = control.value;
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", function (event) {
      const field = event.target, control = chart.controls.find((one) => one.name === field.name);
      const value = control && read(control, field.type === "checkbox" ? String(field.checked) : field.value);
      if (value === undefined || value === control.value) return;
      control.value = value;
      say(form, control);
      remember(control);
      chart.result?.view.signal(control.name, value).runAsync();
    });
    form.addEventListener("change", () => chart.controls.forEach((control) => say(form, control)));
  }

  // Drawing

  /* Gives each panel its width, and finds anew what axes take beside the panels where that was not known. */
  async function fit(figure) {
    const { chart } = figure, view = chart.result.view, box = figure.querySelector(".capchart-view");
    const room = box.clientWidth, side = Math.max(1, Math.min(chart.side, Math.floor(room / chart.narrowest)));
    chart.width = room;
    if (!room || !chart.widths.length) return view.runAsync();
    const set = async function () {
      const width = Math.max(80, Math.floor((room - (chart.spare[side] ?? 0)) / side));
      for (const name of chart.widths) view.signal(name, width);
      if (chart.side > 1) view.signal("panels_in_a_row", side);
      await view.runAsync();
      return width;
    };
    const width = await set();
    if (chart.fits) return;
    const over = Number(box.querySelector("svg").getAttribute("width")) - side * width;
    if (Math.abs(over - (chart.spare[side] ?? 0)) < 1) return;
    chart.spare[side] = over;
    await set();
  }

  let tip = null;
  function hint(handler, event, item, value) {
    tip ||= document.body.appendChild(Object.assign(document.createElement("div"), { id: "capchart-tip" }));
    const empty = value === null || value === undefined || value === "";
    tip.hidden = empty;
    if (empty) return;
    const lines = typeof value === "object" ? Object.entries(value) : [["", value]];
    const spaced = (said) => String(said).replace(/(\d)%/g, "$1\u00a0%");
    tip.replaceChildren(...lines.map(function ([name, said]) {
      const line = document.createElement("p"), key = document.createElement("span");
      key.textContent = name;
      line.append(...(name ? [key, " "] : []), spaced(said));
      return line;
    }));
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(event.clientX + 12, innerWidth - width - 4)) + "px";
    tip.style.top = (event.clientY + height + 16 < innerHeight ? event.clientY + 12 : event.clientY - height - 8) + "px";
  }

  function name_picture(figure) {
    const box = figure.querySelector(".capchart-view"), picture = box.querySelector("svg");
    const said = { role: "graphics-document", "aria-roledescription": "chart", "aria-label": figure.chart.description };
    for (const [name, value] of Object.entries(said)) {
      box.removeAttribute(name);
      picture?.setAttribute(name, value);
    }
  }

  async function draw(figure) {
    const { chart } = figure;
    for (const data of chart.vega.data ?? []) if (chart.tables[data.name]) data.values = structuredClone(chart.tables[data.name]);
    // The picture has one description as a whole; marks without one of their own would only say that they are there.
    (function quiet(marks) { for (const mark of marks ?? []) { mark.aria = false; quiet(mark.marks); } })(chart.vega.marks);
    const view = new vega.View(vega.parse(chart.vega, vega.look, { ast: true }), { renderer: "svg", expr: vega.expressionInterpreter, hover: true });
    // Where nothing has a bound a panel stays empty, which is no news.
    view.logLevel(1).tooltip(hint).initialize(figure.querySelector(".capchart-view"));
    chart.result = { view };
    await fit(figure);
    name_picture(figure);
    figure.dataset.drawn = "true";
  }

  function fail(figure, error) {
    const line = document.createElement("p");
    line.className = "capchart-error";
    line.textContent = "This chart could not be drawn: " + error.message;
    figure.appendChild(line);
    console.error(error);
  }

  /* Gives a table of a chart other rows, and the chart other words. */
  async function show(figure, name, rows, title, description) {
    const { chart } = figure;
    chart.tables[name] = rows;
    chart.description = description;
    if (title) figure.querySelector("figcaption strong").textContent = title;
    const table = figure.querySelector(".capchart-table");
    if (table?.open) fill(figure, table);
    if (!chart.result) return;
    await chart.result.view.data(name, structuredClone(rows)).runAsync();
    name_picture(figure);
  }

  // What a chart shows, for other uses

  function fill(figure, details) {
    const made = Object.entries(figure.chart.tables).filter(([name]) => !name.startsWith("guide")).map(function ([name, rows]) {
      const table = document.createElement("table"), columns = columns_of(rows), head = table.createTHead().insertRow();
      for (const column of columns) head.append(Object.assign(document.createElement("th"), { scope: "col", textContent: column }));
      const body = table.createTBody();
      for (const row of rows) {
        const line = body.insertRow();
        for (const column of columns) line.insertCell().textContent = cell(row[column]);
      }
      const box = Object.assign(document.createElement("div"), { tabIndex: 0, ariaLabel: "Data: " + name.replaceAll("_", " ") });
      box.setAttribute("role", "region");
      box.append(table);
      return box;
    });
    // The summary stays where it is: moved, it would lose the focus.
    while (details.lastChild.localName !== "summary") details.lastChild.remove();
    details.append(...made);
  }

  function offer(figure) {
    for (const link of figure.querySelectorAll(".capchart-links a")) {
      link.addEventListener("click", async function (event) {
        event.preventDefault();
        const { table } = link.dataset, { chart } = figure;
        const file = URL.createObjectURL(table === undefined ?
          new Blob([await chart.result.view.toSVG()], { type: "image/svg+xml" }) : new Blob([csv(chart.tables[table])], { type: "text/csv" }));
        Object.assign(document.createElement("a"), { href: file, download: link.download }).click();
        setTimeout(() => URL.revokeObjectURL(file), 10000);
      });
    }
    const details = figure.querySelector(".capchart-table");
    details?.addEventListener("toggle", () => { if (details.open) fill(figure, details); });
  }

  /* Draws first what a reader sees, then the rest, while the page has nothing else to do or as soon as it is scrolled to. */
  async function run() {
    const follow = new ResizeObserver(function (changes) {
      for (const { target } of changes) {
        const figure = target.closest("figure.capchart");
        clearTimeout(figure.chart.wait);
        figure.chart.wait = setTimeout(async function () {
          if (target.clientWidth === figure.chart.width) return;
          await fit(figure).catch((error) => fail(figure, error));
          if (figure.dataset.drawn !== "true") figure.dataset.drawn = "true";
        }, 100);
      }
    });
    const waiting = new Set(document.querySelectorAll("figure.capchart"));
    const begin = async function (figure) {
      if (!waiting.delete(figure)) return;
      seen.unobserve(figure);
      try {
        const chart = figure.chart = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
        chart.vega = unpacked(chart.vega);
        for (const name of Object.keys(chart.tables)) chart.tables[name] = rows_of(chart.tables[name]);
        chart.show = (name, rows, title, description) => show(figure, name, rows, title, description);
        connect(figure);
        offer(figure);
        await draw(figure);
        follow.observe(figure.querySelector(".capchart-view"));
      } catch (error) {
        fail(figure, error);
      }
    };
    const seen = new IntersectionObserver((changes) =>
      changes.forEach(({ isIntersecting, target }) => { if (isIntersecting) begin(target); }), { rootMargin: "25%" });
    const in_sight = [...waiting].filter(function (figure) {
      const { top, bottom } = figure.getBoundingClientRect();
      return top < innerHeight && bottom > 0;
    });
    for (const figure of in_sight) await begin(figure);
    waiting.forEach((figure) => seen.observe(figure));
    addEventListener("beforeprint", () => waiting.forEach(begin));
    // The page answers its reader between one chart and the next.
    const pause = (done) => (window.requestIdleCallback ? requestIdleCallback(done, { timeout: 300 }) : setTimeout(done));
    while (waiting.size) {
      await new Promise(pause);
      const [next] = waiting;
      if (next) await begin(next);
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run);
  else run();
})();
