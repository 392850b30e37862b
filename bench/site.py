"""Time how soon each page of the built site shows its first chart, and weigh the site; writes ``bench/site.csv``.

Five visits a page, each in a browser that knows nothing of the last one: unthrottled, and with a processor slowed down
to a quarter. ``moved`` is the cumulative layout shift.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import statistics
from pathlib import Path

import pandas as pd
from playwright.sync_api import Browser, sync_playwright

from capmodel.tables import write_csv

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
VISITS = 5
SLOWER = 4

WATCH = """
window.firstChart = 0; window.moved = 0;
new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.moved += entry.value; })
    .observe({ type: "layout-shift", buffered: true });
new MutationObserver(() => {
    if (document.querySelector("figure.capchart[data-drawn]")) window.firstChart ||= performance.now();
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-drawn"] });
"""


def visit(browser: Browser, page: Path, slower: int) -> tuple[float, float]:
    """Return the milliseconds until a page's first chart is drawn, and how far the page moved."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    context.add_init_script(WATCH)
    opened = context.new_page()
    context.new_cdp_session(opened).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    opened.goto(page.as_uri())
    opened.wait_for_function(
        "() => [...document.querySelectorAll('figure.capchart')].every((one) => one.dataset.drawn)"
    )
    first, moved = opened.evaluate("[window.firstChart, window.moved]")
    context.close()
    return float(first), float(moved)


def chromium() -> str:
    """Return the path of a browser."""
    spec = importlib.util.spec_from_file_location("browser", ROOT / "scripts" / "browser.py")
    if spec is None or spec.loader is None:
        raise SystemExit("bench: scripts/browser.py is missing")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    path = script.find()
    if path is None:
        raise SystemExit("bench: no browser; run `python scripts/browser.py`")
    return str(path)


def main() -> None:
    """Visit every page that has charts and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "site.csv", help="where to write the results")
    out = parser.parse_args().out
    if not (SITE / "index.html").is_file():
        raise SystemExit("bench: the book is not built; run `make book`")
    scripts = sum(path.stat().st_size for path in SITE.rglob("*.js"))
    rows = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        for page in sorted(SITE.glob("*.html")):
            text = page.read_text(encoding="utf-8")
            inside = sum(map(len, re.findall(r"<script(?![^>]*(?:src=|json))[^>]*>(.*?)</script>", text, re.S)))
            scripts += inside
            row: dict[str, object] = {"page": page.stem, "html_bytes": page.stat().st_size - inside}
            if '<figure class="capchart' in text:
                for slower in (1, SLOWER):
                    times, moved = zip(*(visit(browser, page, slower) for _ in range(VISITS)), strict=True)
                    kind = "" if slower == 1 else f"_{slower}x_slower"
                    for name, of in (("min", min), ("median", statistics.median), ("max", max)):
                        row[f"first_chart{kind}_{name}_ms"] = round(of(times))
                    row["moved"] = round(max(*moved, float(str(row.get("moved", 0)))), 4)
            rows.append(row)
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        browser.close()
    rows.append({"page": "all scripts", "html_bytes": scripts})
    print(f"all scripts {scripts} bytes")
    frame = pd.DataFrame(rows)
    # Whole milliseconds, also where pages without charts leave a gap.
    write_csv(frame.astype({name: "Int64" for name in frame if str(name).endswith("_ms")}), out)
    print(out)


if __name__ == "__main__":
    main()
