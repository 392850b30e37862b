/* Puts a button on every block of code that copies it, lets the keyboard reach what is wider than the page, and prints by day. */
(function () {
  "use strict";
  for (const block of document.querySelectorAll("div.highlight > pre")) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "copy", textContent: "Copy" });
    button.addEventListener("click", async function () {
      try {
        await navigator.clipboard.writeText(block.textContent.replace(/\n$/, ""));
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    block.after(button);
  }
  // What scrolls sideways can be reached with the keyboard.
  const reach = function () {
    for (const one of document.querySelectorAll("div.math, div.cell_output")) {
      const scrolls = one.scrollWidth > one.clientWidth && getComputedStyle(one).overflowX === "auto";
      if (scrolls) one.tabIndex = 0; else one.removeAttribute("tabindex");
    }
  };
  reach();
  addEventListener("resize", reach);
  // Paper is white: printed by night, text would be light grey on it.
  const top = document.documentElement;
  const day = function () {
    if (!top.dataset.screen) Object.assign(top.dataset, { screen: top.dataset.theme, theme: "light" });
  };
  const back = function () {
    if (top.dataset.screen) top.dataset.theme = top.dataset.screen;
    delete top.dataset.screen;
  };
  addEventListener("beforeprint", day);
  addEventListener("afterprint", back);
  matchMedia("print").addEventListener("change", ({ matches }) => (matches ? day : back)());
  document.querySelector(".bd-search-container input[type='search']")?.focus();
})();
