/* Chooses light or dark before the page is drawn. Runs first, and so says only what the theme's own script reads later. */
for (const [name, kept] of [["mode", "mode"], ["theme", "theme"]]) {
  let value = null;
  try { value = localStorage.getItem(kept); } catch { /* some browsers keep nothing for pages on disk */ }
  document.documentElement.dataset[name] = value || "auto";
}
