"""Sphinx extension of the book: everything a page loads lies beside it, and no cell outlives the data it was run on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.config import Config

from capsite import assets
from capsite.inputs import EXECUTION, digest

#: Browsers refuse what this does not name: no address but the site's own, and no code made from text.
#: ``file:`` is there because not every browser counts a page on disk as its own origin.
POLICY = "; ".join(
    [
        "default-src 'self' file:",
        "script-src 'self' file: 'unsafe-inline'",
        "style-src 'self' file: 'unsafe-inline'",
        "img-src 'self' file: data: blob:",
        "font-src 'self' file: data:",
        "connect-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self' file:",
    ]
)


def root_of(app: Sphinx) -> Path:
    """Return the checkout's top folder."""
    return Path(app.srcdir).parent


def _key_cache(app: Sphinx, config: Config) -> None:
    """Let the notebook cache of this build be that of its inputs.

    The cache alone looks at the source of the cells, and would publish old numbers after the data or a model changed.
    """
    cache = Path(app.outdir).parent / "cache"
    key = digest(root_of(app), EXECUTION)[:16]
    config.nb_execution_cache_path = str(cache / key)
    # Made here, because two processes that read pages at the same time would both make its tables, and one would fail.
    database = get_cache(cache / key)
    database.list_cache_records()
    database.db.dispose()
    for other in cache.glob("*"):
        if other.name != key:
            shutil.rmtree(other, ignore_errors=True)


def _add_assets(app: Sphinx) -> None:
    if app.builder.format == "html":
        folder = Path(app.outdir).parent / "assets"
        assets.write(folder)
        app.config.html_static_path += [str(folder), str(root_of(app) / "book" / "assets")]
        app.add_css_file("book.css")


def _finish_page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    context["metatags"] = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n' + context.get(
        "metatags", ""
    )
    if 'class="capchart"' in (context.get("body") or ""):
        app.add_js_file("charts.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension."""
    # It numbers the entries of tables of contents, of which this book has none, and does not say that pages may be read
    # in parallel.
    numbering = app.extensions.get("sphinx_multitoc_numbering")
    if numbering is not None:
        numbering.parallel_read_safe = True
    app.connect("config-inited", _key_cache, priority=100)
    app.connect("builder-inited", _add_assets)
    app.connect("html-page-context", _finish_page)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"version": python, "parallel_read_safe": True, "parallel_write_safe": True}
