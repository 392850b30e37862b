"""Sphinx extension of the book: everything a page loads lies beside it, and no cell outlives the data it was run on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from inputs import EXECUTION, digest, site_address
from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.config import Config

from capsite import address, assets, finish, formulas, names, pages


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


def _add_templates(app: Sphinx, config: Config) -> None:
    config.templates_path = [str(Path(__file__).parent / "templates"), *config.templates_path]


def _add_assets(app: Sphinx) -> None:
    if app.builder.format == "html":
        folder = Path(app.outdir).parent / "assets"
        assets.write(folder)
        app.config.html_static_path += [str(folder), str(root_of(app) / "book" / "assets")]
        app.add_css_file("book.css")
        for name in ("site.js", "vega.js", "look.js", "charts.js"):
            app.add_js_file(name, loading_method="defer")


def _finish_page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    body = finish.with_light_code(context.get("body") or "")
    body = finish.with_light_names(body, linked=page != "api_inside")
    body = finish.with_units_kept(body)
    charts = context["content_root"] + "_static/charts"
    body = finish.with_stills_in_files(body, Path(app.outdir) / "_static" / "charts", charts)
    if "body" in context:
        context["body"] = body
    policy = f'<meta http-equiv="Content-Security-Policy" content="{finish.policy(body)}">'
    tags = context.get("metatags", "")
    context["metatags"] = policy + "\n" + (address.with_answer(tags, body) if site_address() else tags)
    context["script_files"] = finish.ordered(context["script_files"], finish.scripts(page, body))


def _tidy(app: Sphinx, failure: Exception | None) -> None:
    if failure is None and app.builder.format == "html":
        site = Path(app.outdir)
        finish.drop_unused_scripts(site)
        if site_address():
            (site / address.CARD).write_bytes(address.card(site, address.name(app.config)))


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension."""
    # It numbers the entries of tables of contents, of which this book has none, and does not say that pages may be read
    # in parallel.
    numbering = app.extensions.get("sphinx_multitoc_numbering")
    if numbering is not None:
        numbering.parallel_read_safe = True
    formulas.setup(app)
    names.setup(app)
    address.setup(app)
    app.connect("config-inited", _key_cache, priority=100)
    pages.setup(app)
    app.connect("config-inited", _add_templates, priority=100)
    app.connect("builder-inited", _add_assets)
    # After the theme, which adds scripts page by page.
    app.connect("html-page-context", _finish_page, priority=900)
    app.connect("build-finished", _tidy)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"version": python, "parallel_read_safe": True, "parallel_write_safe": True}
