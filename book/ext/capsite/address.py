"""What a site says of itself where its address is known: a sitemap, and a summary and a picture for links to it."""

from __future__ import annotations

import html
import re
import textwrap
from pathlib import Path

from inputs import site_address
from sphinx.application import Sphinx
from sphinx.config import Config

CARD = "_static/card.png"
_SIZE = (1200, 630)
#: Where its chart begins.
_LEFT = 600
#: Characters of a description that those who show links have room for.
_LONGEST = 300


def setup(app: Sphinx) -> None:
    """Let libraries write what needs the address, if there is one."""
    if site_address():
        app.setup_extension("sphinx_sitemap")
        app.setup_extension("sphinxext.opengraph")
        app.connect("config-inited", _configure, priority=50)


def _configure(app: Sphinx, config: Config) -> None:
    config.html_baseurl = config.ogp_site_url = site_address()
    config.sitemap_url_scheme = "{link}"
    config.sitemap_excludes = ["search.html", "genindex.html", "py-modindex.html"]
    # A picture of the first chart; the library's own would need another library for drawing.
    config.ogp_social_cards = {"enable": False}
    config.ogp_image = site_address() + CARD
    config.ogp_image_alt = (
        "The answer for the fleet that the first page starts with, and what it uses with fewer and with more agents"
    )
    config.ogp_custom_meta_tags = ['<meta name="twitter:card" content="summary_large_image" />']
    config.ogp_site_name = name(config)


def name(config: Config) -> str:
    """Return what the site is called: its title, as the project has no other name."""
    return str(config.html_title or config.project)


def answer(body: str) -> str:
    """Return what a page answers: what it says in bold first, cut between words where it is long.

    Parameters
    ----------
    body : str
        The page.

    Returns
    -------
    str
        Text without marks; empty where nothing is bold.

    Examples
    --------
    >>> answer("<h1>How many?</h1><p><strong>Four, of <em>one</em> core.</strong> Or more.</p>")
    'Four, of one core.'
    """
    found = re.search(r"<strong[^>]*>(.*?)</strong>", body.partition("</h1>")[2], re.S)
    text = " ".join(html.unescape(re.sub(r"<[^>]*>", "", found[1])).split()) if found else ""
    return textwrap.shorten(text, _LONGEST, placeholder=" …")


def with_answer(tags: str, body: str) -> str:
    """Let what is written for links to a page say what the page answers.

    Parameters
    ----------
    tags : str
        The page's ``meta`` elements, whose descriptions are the first words of its text.
    body : str
        The page.

    Returns
    -------
    str
        The same with the answer, if the page has one.
    """
    said = html.escape(answer(body))
    if not said:
        return tags
    written = r'(<meta (?:property="og:description"|name="description") content=")[^"]*'
    return re.sub(written, lambda found: found[1] + said, tags)


def card(site: Path, title: str) -> bytes:
    """Draw the picture that links to the site show: its title, and answer and first chart of its first page.

    Parameters
    ----------
    site : Path
        Folder of the built pages.
    title : str
        Said first.

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

    page = (site / "index.html").read_text(encoding="utf-8")
    found = re.search(r'src="(?:\./)?(_static/charts/chart-[0-9a-f]+\.svg)"', page)
    if found is None:
        raise ValueError(f"site: got {site / 'index.html'} without a chart, expected one to draw")
    chart = re.sub(r"<style>.*?</style>", "", (site / found.group(1)).read_text(encoding="utf-8"), flags=re.S)
    chart = chart.replace("currentColor", "#222222")
    width, height = _SIZE
    # Words to the left of the chart; it keeps its proportions in the room that it gets.
    chart = re.sub(
        r"<svg ([^>]*?)\bwidth=\"[\d.]+\" height=\"[\d.]+\"",
        rf'<svg x="{_LEFT}" y="40" font-family="sans-serif" \1width="{width - _LEFT - 40}" height="{height - 80}"',
        chart.replace('class="marks"', ""),
        count=1,
    )
    question = re.search(r"<h1>([^<]*)", page)
    asked = textwrap.wrap(html.unescape(question[1]) if question else "", 24)
    lines = [(title, 26, 400, "#555555"), *((line, 40, 700, "#222222") for line in asked)]
    lines += [(line, 26, 400, "#222222") for line in textwrap.wrap(answer(page), 36)]
    words, y = [], 60.0
    for (text, size, weight, color), before in zip(lines, [26, *(size for _, size, *_ in lines)], strict=False):
        y += 1.3 * size + (24 if size != before else 0)
        words.append(
            f'<text x="60" y="{y:.0f}" font-family="sans-serif" font-size="{size}" font-weight="{weight}" '
            f'fill="{color}">{html.escape(text)}</text>'
        )
    return vl_convert.svg_to_png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>{"".join(words)}{chart}</svg>'
    )
