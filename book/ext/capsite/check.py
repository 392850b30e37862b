"""Checks of a built site: links and fragments lead somewhere, nothing is loaded from elsewhere, pictures have words."""

from __future__ import annotations

import json
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
_LINKED = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "manifest", "shortcut icon"}


class Page(HTMLParser):
    """What the checks need to know of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.undescribed: list[str] = []
        self.charts = 0
        self.specs: list[str] = []
        self._in_spec = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element is, links to and loads."""
        values = {name: value or "" for name, value in attrs}
        if values.get("id"):
            self.ids.append(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if values.get(_LOADED.get(tag, "")):
            self.loaded.append(values[_LOADED[tag]])
        if tag == "link" and values.get("rel") in _LINKED:
            self.loaded.append(values.get("href", ""))
        if tag == "img" and "alt" not in values:
            self.undescribed.append(values.get("src", "")[:80])
        if tag == "figure" and "capchart" in values.get("class", "").split():
            self.charts += 1
        if tag == "script" and values.get("type") == "application/json":
            self._in_spec = True
            self.specs.append("")

    def handle_data(self, data: str) -> None:
        """Collect the specification of a chart."""
        if self._in_spec:
            self.specs[-1] += data

    def handle_endtag(self, tag: str) -> None:
        """Leave the specification of a chart."""
        if tag == "script":
            self._in_spec = False


def _undescribed_charts(page: Page) -> list[str]:
    found = []
    for text in page.specs:
        try:
            description = json.loads(text).get("description")
        except ValueError:
            found.append("chart whose specification is not JSON")
        else:
            if not description:
                found.append("chart without a description")
    if len(page.specs) != page.charts:
        found.append(f"{page.charts} charts but {len(page.specs)} specifications")
    return found


def problems(site: Path) -> list[str]:
    """Return what is wrong with a site.

    Parameters
    ----------
    site : Path
        Folder of the built pages.

    Returns
    -------
    list of str
        One line a problem; empty if there is none.
    """
    site = site.resolve()
    pages = {
        path: Page(path.read_text(encoding="utf-8"))
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.relative_to(site).parts
    }
    if not pages:
        return [f"{site}: no pages"]
    found = []
    for path, page in pages.items():
        lines = _undescribed_charts(page)
        lines += [f"picture without alt text: {source}" for source in page.undescribed]
        lines += [f"two elements with the id {name}" for name, count in Counter(page.ids).items() if count > 1]
        lines += [
            f"loaded from elsewhere: {address}"
            for address in page.loaded
            if urlsplit(address).scheme in ("http", "https") or address.startswith("//")
        ]
        for address in page.links + page.loaded:
            why = _broken(address, path, pages)
            lines += [f"{why}: {address}"] if why else []
        found += [f"{path.relative_to(site).as_posix()}: {line}" for line in lines]
    return found


def _broken(address: str, path: Path, pages: dict[Path, Page]) -> str:
    """Return why a local address leads nowhere, or nothing."""
    parts = urlsplit(address)
    if parts.scheme or address.startswith("//"):
        return ""
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target = target / "index.html"
    if not target.exists():
        return "no such file"
    fragment = unquote(parts.fragment)
    return "no such place" if fragment and target in pages and fragment not in pages[target].ids else ""


def main() -> int:
    """Check the site that the command line names."""
    found = problems(Path(sys.argv[1]))
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
