/* Draws every chart of a page from the specification beside it. A classic script on purpose: a page that is opened from
   disk may neither import modules nor fetch files. Nothing here calls eval.

   - A chart that is as wide as its container follows the container; panels beside each other go below each other where
     the screen is narrow.
   - Values of controls come from the address (?name=value) and are written back to it, so that a link shows what its
     sender saw.
   - A chart may name scripts beside this one (usermeta.capmodel.scripts); what they put into window.capmodel.functions can
     be called in its expressions.
   - Colours of text are those of the page; a change of theme needs no new drawing. */
(function () {
  "use strict";
  const base = document.currentScript.src.replace(/[^/]*$/, "");
  const NARROWEST_PANEL = 260;
  const loaded = {};

  function load(name) {
    loaded[name] ||= new Promise(function (resolve, reject) {
      const script = document.createElement("script");
      script.src = base + name;
      script.onload = resolve;
      script.onerror = () => reject(new Error("cannot load " + name));
      document.head.appendChild(script);
    });
    return loaded[name];
  }

  /* Parameters that a reader can set: those with a control of their own. */
  const controls = (spec) => (spec.params || []).filter((p) => p.bind && p.bind.input && !p.select);

  /* Returns the text as a value that the control can have, or nothing. */
  function read(param, text) {
    const bind = param.bind;
    if (bind.input === "checkbox") return text === "true" ? true : text === "false" ? false : undefined;
    if (bind.options) return bind.options.find((option) => String(option) === text);
    if (bind.input === "range" || bind.input === "number" || typeof param.value === "number") {
      const value = Number(text);
      if (text.trim() === "" || !Number.isFinite(value)) return undefined;
      return Math.min(Math.max(value, bind.min ?? -Infinity), bind.max ?? Infinity);
    }
    return text;
  }

  function restore(spec) {
    const query = new URLSearchParams(location.search);
    for (const param of controls(spec)) {
      const value = query.has(param.name) ? read(param, query.get(param.name)) : undefined;
      if (value !== undefined) param.value = value;
    }
  }

  let pending = {};
  let timer = 0;
  /* Writes a value to the address once its control rests; browsers allow few such changes a second. */
  function remember(param, value) {
    pending[param.name] = value === param.original ? null : value;
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

  /* Gives each panel of a chart its width; returns how many stand side by side, 0 where Vega follows the container. */
  function arrange(spec, room, correction) {
    const several = ["vconcat", "hconcat", "concat"].find((key) => spec[key]);
    if (!several && !spec.spec) return 0;
    let side = 1;
    if (spec.hconcat) {
      if (room / spec.hconcat.length >= NARROWEST_PANEL) side = spec.hconcat.length;
      else { spec.vconcat = spec.hconcat; delete spec.hconcat; }
    } else if (spec.concat || (spec.facet && !spec.facet.row && !spec.facet.column)) {
      side = Math.max(1, Math.min(spec.columns || 2, Math.floor(room / NARROWEST_PANEL)));
      spec.columns = side;
    } else if (spec.facet && spec.facet.column && !spec.facet.row && room / 2 < NARROWEST_PANEL) {
      spec.facet = { row: spec.facet.column };
    }
    const width = Math.max(80, Math.floor(room / side - 60 + correction / side));
    (function set(part) {
      if (Array.isArray(part)) return part.forEach(set);
      if (!part || typeof part !== "object") return;
      if (part.width === "container") part.width = width;
      for (const key of ["vconcat", "hconcat", "concat", "spec", "layer"]) set(part[key]);
    })(spec.vconcat || spec.hconcat || spec.concat || spec.spec);
    return side;
  }

  async function draw(figure) {
    const view = figure.querySelector(".capchart-view");
    const inputs = figure.querySelector(".capchart-controls");
    const spec = structuredClone(figure.chart.spec);
    const focus = inputs.contains(document.activeElement) ? document.activeElement.name : null;
    const embed = async function (correction) {
      const sized = structuredClone(spec);
      const side = arrange(sized, view.clientWidth, correction);
      if (figure.chart.result) figure.chart.result.finalize();
      inputs.replaceChildren();
      figure.chart.result = await vegaEmbed(view, sized, {
        ast: true, actions: false, renderer: "svg", bind: inputs, expressionFunctions: window.capmodel?.functions || {},
      });
      return side;
    };
    figure.chart.width = view.clientWidth;
    const side = await embed(0);
    if (side) {
      const picture = view.querySelector("svg");
      const spare = view.clientWidth - picture.getBoundingClientRect().width;
      if (spare < 0 || spare > 24) await embed(Math.floor(spare) - 2);
    }
    for (const param of controls(figure.chart.spec)) {
      figure.chart.result.view.addSignalListener(param.name, function (name, value) {
        param.value = value;
        remember(param, value);
      });
    }
    if (focus) inputs.querySelector('[name="' + CSS.escape(focus) + '"]')?.focus();
    figure.dataset.drawn = "true";
  }

  function fail(figure, error) {
    const line = document.createElement("p");
    line.className = "capchart-error";
    line.textContent = "This chart could not be drawn: " + error.message;
    figure.appendChild(line);
    console.error(error);
  }

  const quote = (cell) => (/[",\n\r]/.test(cell) ? '"' + cell.replaceAll('"', '""') + '"' : cell);
  function csv(rows) {
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const line = (row) => columns.map((name) => quote(row[name] === null || row[name] === undefined ? "" : String(row[name])));
    return [columns.map(quote), ...rows.map(line)].map((cells) => cells.join(",") + "\n").join("");
  }

  /* Returns the tables that a chart carries, by name. */
  function datasets(spec) {
    const found = { ...spec.datasets };
    (function collect(part) {
      if (Array.isArray(part)) return part.forEach(collect);
      if (!part || typeof part !== "object") return;
      if (Array.isArray(part.data?.values)) found[part.data.name || "data-" + Object.keys(found).length] = part.data.values;
      for (const key of ["vconcat", "hconcat", "concat", "spec", "layer"]) collect(part[key]);
    })(spec);
    return found;
  }

  /* Offers what the chart shows: its data as CSV, and the picture in its present state. */
  function offer(figure) {
    const links = document.createElement("p");
    links.className = "capchart-links";
    const add = function (label, name, content) {
      const link = document.createElement("a");
      link.textContent = label;
      link.download = name;
      link.href = "#" + figure.id;
      link.addEventListener("click", async function (event) {
        event.preventDefault();
        const file = URL.createObjectURL(await content());
        const hidden = Object.assign(document.createElement("a"), { href: file, download: name });
        hidden.click();
        setTimeout(() => URL.revokeObjectURL(file), 10000);
      });
      links.append(link);
    };
    const tables = Object.entries(datasets(figure.chart.spec)).filter(([name]) => !name.startsWith("guide"));
    tables.forEach(function ([name, rows], number) {
      const named = !name.startsWith("data-");
      const which = tables.length < 2 ? "" : " " + (named ? name.replaceAll("_", " ") : number + 1);
      add("Data" + which + " (CSV)", (named ? name : figure.id + which.trim()) + ".csv", () => new Blob([csv(rows)], { type: "text/csv" }));
    });
    add("Picture (SVG)", figure.id + ".svg", async function () {
      return new Blob([await figure.chart.result.view.toSVG()], { type: "image/svg+xml" });
    });
    figure.append(links);
  }

  async function start(figure) {
    const spec = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    for (const param of controls(spec)) param.original = param.value;
    restore(spec);
    figure.chart = { spec };
    await load("vega/vega.js");
    for (const script of spec.usermeta?.capmodel?.scripts || []) await load(script);
    await draw(figure);
    offer(figure);
  }

  async function run() {
    const figures = [...document.querySelectorAll("figure.capchart")];
    for (const figure of figures) await start(figure).catch((error) => fail(figure, error));
    let wait = 0;
    addEventListener("resize", function () {
      clearTimeout(wait);
      wait = setTimeout(async function () {
        for (const figure of figures) {
          const several = ["vconcat", "hconcat", "concat", "spec"].some((key) => figure.chart?.spec[key]);
          const width = figure.querySelector(".capchart-view").clientWidth;
          if (several && figure.chart.result && width !== figure.chart.width) await draw(figure).catch((error) => fail(figure, error));
        }
      }, 200);
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run);
  else run();
})();
