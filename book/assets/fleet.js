/* The reader's fleet, carried from page to page by links: ?agents=800&topology=nested&clusters=4 and so on.

   How a page uses it. It loads _static/capmodel.js, then this file, then its own script, all with `defer`, and calls

     const fleet = window.capmodel.fleet;
     const texts = fleet.texts();          what the address says, as texts by name of control; defaults for the rest
     const found = fleet.read(texts);      { faults } where a text is wrong, else also
                                           { inputs, limits, prices, unit, level, topology, clusters, datastore, store }
     fleet.name(texts);                    what differs from the defaults, as one text; charts of a fleet are marked with it
     fleet.remember(texts);                write what differs from the defaults to the address, and carry it on
     fleet.kept(words);                    the words, with numbers and their units on one line

   `inputs`, `limits` and `unit` are what the translated functions of the package take, such as
   window.capmodel.choice.choose(inputs, unit, limits). Names, bounds and defaults of the controls are those of
   book/ext/controls.py (window.capmodel.controls). Parameters of the address that are no control's stay as they are.
   Links marked data-carry, and all links of the page's text to index.html, topologies.html and factors.html, get the
   fleet's parameters added. A classic script, so that it runs from disk. */
(function () {
  "use strict";
  const model = window.capmodel;
  if (!model?.controls) return;
  const controls = model.controls;
  const named = Object.fromEntries(controls.map((control) => [control.name, control]));
  const PAGES = /(^|\/)(index|topologies|factors)\.html$/;
  const prices = controls.filter((control) => model.fields.PerHour.includes(control.sets?.[0])).map((control) => control.name);
  const words = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 6 });
  /* No line ends between a number and its unit, as the build has it. */
  const kept = (text) => text.replace(/(\d) (?=(?:ms|s|min|h|d|kB|MB|GB)\b|%)/g, "$1\u00a0");

  /* Says what is wrong with the text of a control, or nothing; `bad` is true where a browser could make no number of it. */
  function fault(control, text, texts, bad) {
    if (control.options) return text in control.options ? "" : "no such choice";
    if (control.name === "price-core" && text === "" && !bad && prices.some((name) => Number(texts[name]) > 0))
      return control.label + ": got none, expected one with the other prices";
    const kind = control.whole ? "a whole number" : "a number", label = control.label;
    const wanted = ", expected " + kind + " from " + words(control.low) + " to " + words(control.high);
    if (text === "" && !bad) return control.start === "" ? "" : label + ": got nothing" + wanted;
    const value = Number(text);
    if (text === "" || !Number.isFinite(value)) return label + ": got no number" + wanted;
    if (value < control.low || value > control.high || (control.whole && !Number.isInteger(value)))
      return label + ": got " + words(value) + wanted;
    if (control.name === "entries-per-agent" && value > Number(texts.workloads))
      return label + ": got " + words(value) + ", expected at most the workloads, " + words(Number(texts.workloads));
    if (control.name === "clusters" && texts.topology !== "single" && value > Number(texts.agents))
      return label + ": got " + words(value) + ", expected at most the agents, " + words(Number(texts.agents));
    return "";
  }

  /* Returns the texts that an address holds, by name of control; what it does not name, or names no choice of, is the default. */
  function texts(search = location.search) {
    const query = new URLSearchParams(search), found = {};
    for (const control of controls) {
      const text = query.get(control.name)?.trim();
      found[control.name] = text === undefined || (control.options && !(text in control.options)) ? control.start : text;
    }
    return found;
  }

  /* Returns the value of a number in the package's units, without the digits that a product of decimals adds. */
  const value = (control, text) => Number((Number(text) * control.factor).toPrecision(12));

  /* Returns what texts mean, or what is wrong with them by name of control. */
  function read(given, bad = {}) {
    const faults = {};
    for (const control of controls) {
      const message = fault(control, given[control.name], given, bad[control.name]);
      if (message) faults[control.name] = message;
    }
    if (Object.keys(faults).length) return { faults };
    const values = {};
    for (const control of controls) {
      const text = given[control.name];
      if (control.options) Object.assign(values, control.options[text].inputs);
      else if (text !== "") for (const name of control.sets) values[name] = value(control, text);
    }
    values.entries_per_agent ??= values.workloads / values.agents;
    values.datastore_speed ??= values.machine_speed;
    const pick = (fields) => Object.fromEntries(fields.map((name) => [name, values[name]]));
    return {
      faults,
      inputs: model.deployment.Inputs({ ...pick(model.fields.Inputs), listed: [] }),
      limits: model.shapes.Limits(pick(model.fields.Limits)),
      prices: model.prices.PerHour(Object.fromEntries(model.fields.PerHour.map((name) => [name, values[name] ?? 0]))),
      unit: model.unit_costs[values.datastore],
      level: values.level,
      topology: values.topology,
      clusters: values.topology === "single" ? 1 : values.clusters,
      datastore: given.datastore,
      store: named.datastore.options[given.datastore].label,
    };
  }

  /* Returns the controls that differ from their defaults. */
  const changed = (given) => controls.filter((control) => given[control.name] !== control.start);

  /* Returns a fleet's name: what differs from the defaults, as an address says it. */
  const name = (given) => new URLSearchParams(changed(given).map((control) => [control.name, given[control.name]])).toString();

  /* Returns the words of the command line that ask for the same. */
  function command(given) {
    const said = ["capmodel size"], always = ["agents", "workloads", "datastore"];
    for (const control of controls) {
      const text = given[control.name];
      if (!always.includes(control.name) && text === control.start) continue;
      if (control.options) said.push(control.options[text].command);
      else if (control.name !== "clusters" || given.topology !== "single") said.push("--" + control.name + " " + value(control, text));
    }
    if (given.topology !== "single" && given.clusters === named.clusters.start) said.push("--clusters " + given.clusters);
    return said.filter((word) => word).join(" ");
  }

  /* Returns the lines of Python that ask for the same. */
  function python(given) {
    const written = (item) => item.python ? item.python : item === true ? "True" : typeof item === "string" ? JSON.stringify(item) : String(item);
    const fleet = {}, limits = {}, hourly = {};
    for (const control of controls) {
      const text = given[control.name], always = ["agents", "workloads", "datastore"].includes(control.name);
      if (!always && text === control.start) continue;
      if (control.name === "level") limits.level = Number(text);
      else if (control.options) Object.assign(fleet, control.options[text].deployment);
      else if (text !== "") {
        for (const name of control.sets) {
          if (model.fields.PerHour.includes(name)) hourly[name] = value(control, text);
          else if (model.fields.Limits.includes(name)) limits[name] = value(control, text);
          else if (name !== "clusters") fleet[name] = value(control, text);
        }
      }
    }
    if ("machine_speed" in fleet) fleet.datastore_speed ??= fleet.machine_speed;
    const list = (items) => Object.entries(items).map(([name, item]) => name + "=" + written(item)).join(", ");
    if (hourly.core_per_hour) {
      const all = { ...Object.fromEntries(model.fields.required_prices.map((name) => [name, 0])), ...hourly };
      limits.prices = { python: "cm.Prices(" + list(all) + ")" };
    }
    const split = { single: "fleet", nested: "cm.Nested.split(fleet, into=" + given.clusters + ")",
      federated: "cm.Federated.split(fleet, into=" + given.clusters + ")" }[given.topology];
    return [
      "import capmodel as cm", "",
      "costs = cm.OperationCosts(cm.load_sync_runs()).fit()",
      "fleet = cm.Deployment(" + list(fleet) + ")",
      "cm.size(" + [split, "costs", list(limits)].filter((part) => part).join(", ") + ")",
    ].join("\n");
  }

  /* Returns the address with the fleet's parameters, and those of others as they were. */
  function address(given, from = location.href) {
    const url = new URL(from, location.href);
    for (const control of controls) url.searchParams.delete(control.name);
    for (const control of changed(given)) url.searchParams.set(control.name, given[control.name]);
    return url;
  }

  /* Lets links to the pages that take a fleet carry this one. */
  function carry(given) {
    for (const link of document.querySelectorAll("article a[href], [data-carry]")) {
      const url = new URL(link.href, location.href);
      if (link.hasAttribute("data-out") || !(link.hasAttribute("data-carry") || PAGES.test(url.pathname))) continue;
      if (url.pathname === location.pathname && url.hash) continue;
      link.href = address(given, url.href).href;
    }
  }

  let wait = 0;
  /* Writes the fleet to the address once the controls rest: browsers allow few such changes a second. */
  function remember(given) {
    clearTimeout(wait);
    wait = setTimeout(function () {
      try { history.replaceState(history.state, "", address(given)); } catch { /* some browsers forbid it on disk */ }
      carry(given);
    }, 150);
  }

  // Sliders

  const scales = {
    log: { forth: (share, from, to) => from * (to / from) ** share, back: (x, from, to) => Math.log(x / from) / Math.log(to / from) },
    linear: { forth: (share, from, to) => from + share * (to - from), back: (x, from, to) => (x - from) / (to - from) },
  };

  /* Says a slider's value with its unit to those who do not see where it stands. */
  const voice = (slider, value, unit) => slider.setAttribute("aria-valuetext", words(value) + (unit ? " " + unit : ""));

  /* Puts a slider where it stands for a value. */
  function slide(slider, value, unit) {
    const share = scales[slider.dataset.scale].back(value, +slider.dataset.from, +slider.dataset.to);
    slider.value = Number.isFinite(share) ? Math.round(share * slider.max) : share > 0 ? slider.max : 0;
    voice(slider, value, unit);
  }

  /* Returns the value, of two digits, that a slider stands for; between two whole numbers it stays on the nearer one. */
  function slid(slider) {
    const share = slider.value / slider.max, value = scales[slider.dataset.scale].forth(share, +slider.dataset.from, +slider.dataset.to);
    const short = Number(value.toPrecision(2));
    return named[slider.dataset.for].whole ? Math.round(short) : short;
  }

  model.fleet = { controls, named, texts, fault, read, changed, name, command, python, address, carry, remember, words, kept, slide, slid, voice };
  const first = texts();
  if (!Object.keys(read(first).faults).length) carry(first);
})();
