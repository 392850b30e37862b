"""What a site says of itself where its address is known: a sitemap, and a summary and a picture for links to it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

#: Where the site will be; without it the build says nothing of the kind.
VARIABLE = "CAPMODEL_SITE_URL"

CARD = "_static/card.png"
_SIZE = (1200, 630)


def of_site(environment: Mapping[str, str] = os.environ) -> str:
    """Return the address of the site, which ends with a slash, or nothing.

    Raises
    ------
    ValueError
        If `VARIABLE` is no address.
    """
    address = environment.get(VARIABLE, "").strip()
    if address and not re.fullmatch(r"https?://[^\s\"'<>]+", address):
        raise ValueError(f"{VARIABLE}: got {address!r}, expected an address that begins with https://")
    return f"{address.rstrip('/')}/" if address else ""


def setup(app: Sphinx) -> None:
    """Let libraries write what needs the address, if there is one."""
    if of_site():
        app.setup_extension("sphinx_sitemap")
        app.setup_extension("sphinxext.opengraph")
        app.connect("config-inited", _configure, priority=50)


def _configure(app: Sphinx, config: Config) -> None:
    config.html_baseurl = config.ogp_site_url = of_site()
    config.sitemap_url_scheme = "{link}"
    config.sitemap_excludes = ["search.html", "genindex.html"]
    # A picture of the first chart; the library's own would need another library for drawing.
    config.ogp_social_cards = {"enable": False}
    config.ogp_image = of_site() + CARD
    config.ogp_site_name = name(config)


def name(config: Config) -> str:
    """Return what the site is called: its title, as the project has no other name."""
    return str(config.html_title or config.project)


def card(site: Path, title: str) -> bytes:
    """Draw the picture that links to the site show: its title and the first chart of its first page.

    Parameters
    ----------
    site : Path
        Folder of the built pages.
    title : str
        Said above the chart.

    Returns
    -------
    bytes
        A PNG, in fonts that the drawing library brings along.

    Raises
    ------
    ValueError
        If the first page has no chart.
    """
    import vl_convert

    found = re.search(
        r'src="(?:\./)?(_static/charts/chart-[0-9a-f]+\.svg)"', (site / "index.html").read_text(encoding="utf-8")
    )
    if found is None:
        raise ValueError(f"site: got {site / 'index.html'} without a chart, expected one to draw")
    chart = re.sub(r"<style>.*?</style>", "", (site / found.group(1)).read_text(encoding="utf-8"), flags=re.S)
    chart = chart.replace("currentColor", "#222222")
    width, height = _SIZE
    chart = re.sub(
        r"<svg ([^>]*?)\bwidth=\"[\d.]+\" height=\"[\d.]+\"",
        rf'<svg x="60" y="140" font-family="sans-serif" \1width="{width - 120}" height="{height - 160}"',
        chart.replace('class="marks"', ""),
        count=1,
    )
    return vl_convert.svg_to_png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
        f'<text x="60" y="90" font-family="sans-serif" font-size="44" font-weight="bold" fill="#222222">{title}</text>'
        f"{chart}</svg>"
    )
