"""What is done to pages on their way out: still pictures into files, a policy for browsers, no script without a use."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

#: Scripts that every page has, and that the page of search has; the theme's templates name others.
_EVERYWHERE = ("documentation_options.js", "site.js")
_SEARCH = ("doctools.js", "sphinx_highlight.js")
_CHARTS = ("vega.js", "look.js", "charts.js")

_STILL = re.compile(
    r'<div class="capchart-still" data-width="(\d+)" data-height="(\d+)" role="img" aria-label="([^"]*)">(.*?)</div>',
    re.S,
)
_FIGURE = re.compile(r'<figure class="capchart[^"]*" id="(chart-[0-9a-f]+)".*?</figure>', re.S)
#: Names, punctuation and spaces of code have the colour of text.
_PLAIN = re.compile(r'<span class="(?:n|nn|p|w)">([^<]*)</span>')
#: Marks inside the names that pages about the package list: each word of code, and every comma between types.
_SIGNED = '<dt class="sig '
_WORD = re.compile(r'<span class="pre">([^<]*)</span>')
#: What the lists of names say of themselves over and over: of what kind a mark is, where it leads, that a colon is one.
_REPEATED = {
    re.compile(r'(<a class="headerlink" href="[^"]*") title="Link to this definition"'): r"\1",
    re.compile(r'(<a class="reference internal" href="[^"]*") title="[^"]*"'): r"\1",
    re.compile(r'<span class="(?:sig-prename descclassname|sig-paren|colon|o)">([^<]*)</span>'): r"\1",
    re.compile(r' class="field-(?:odd|even)"'): "",
    re.compile(r'"sig sig-object py"'): '"sig"',
    re.compile(r'"sig-name descname"'): '"sig-name"',
    re.compile(r'<code class="(?:xref py py-\w+ )?docutils literal notranslate">'): '<code class="literal">',
    re.compile(r'(<em class="sig-param">)(.*?)</em>'): lambda found: f"{found[1]}{_MARK.sub('', found[2])}</em>",
    re.compile(r'</em>, <em class="sig-param">'): ", ",
}  # fmt: skip
#: Browsers know formulas by their element.
_NAMESPACE = '<math xmlns="http://www.w3.org/1998/Math/MathML"'
#: What is no running text, as a whole; else a tag; else text.
_TEXT = re.compile(
    r"<(script|style|pre|code|svg|noscript|math)\b.*?</\1>|<[^>]*>|[^<]+",
    re.S,
)
_UNIT = re.compile(r"(?<=\d) (?=(?:ms|s|min|h|d|kB|MB|GB)\b|%)")
_MARK = re.compile(r"</?span[^>]*>")
_LINKED = re.compile(r'<a class="headerlink" href="[^"]*" title="Link to this definition">#</a>')
_INLINE = re.compile(r"<script(?![^>]*\b(?:src=|type=.application/json))[^>]*>(.*?)</script>", re.S)


def with_stills_in_files(body: str, folder: Path, address: str) -> str:
    """Move the still pictures of a page's charts into files.

    Parameters
    ----------
    body : str
        The page.
    folder : Path
        Where the files go.
    address : str
        Address of that folder, as seen from the page.

    Returns
    -------
    str
        The page, with images that load when a reader without scripts comes to them.
    """

    def moved(chart: re.Match[str]) -> str:
        def image(still: re.Match[str]) -> str:
            width, height, words, svg = still.groups()
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{chart.group(1)}.svg").write_text(svg, encoding="utf-8")
            return (
                f'<img class="capchart-still" src="{address}/{chart.group(1)}.svg" width="{width}" height="{height}" '
                f'loading="lazy" alt="{words}">'
            )

        return _STILL.sub(image, chart.group(0))

    return _FIGURE.sub(moved, body)


def with_light_code(body: str) -> str:
    """Take the marks off words of code that look like text anyway: half of what code weighs.

    Parameters
    ----------
    body : str
        The page.

    Returns
    -------
    str
        The page, looking the same.
    """
    if _SIGNED in body:
        body = _WORD.sub(r"\1", body).replace("</em><em>", "")
    return _PLAIN.sub(r"\1", body).replace(_NAMESPACE, "<math")


def with_units_kept(body: str) -> str:
    """Let no line end between a number and its unit.

    Parameters
    ----------
    body : str
        The page.

    Returns
    -------
    str
        The page; code is as it was. Scripts that write words anew keep them in the same way.
    """
    return _TEXT.sub(lambda found: found[0] if found[0][0] == "<" else _UNIT.sub("\u00a0", found[0]), body)


def with_light_names(body: str, linked: bool = True) -> str:
    """Take off the marks that a list of names repeats with each name, which is a third of its weight.

    Parameters
    ----------
    body : str
        The page; one that lists no names is returned as it is.
    linked : bool
        Whether names keep the links to themselves that a reader may copy.

    Returns
    -------
    str
        The page, looking the same but for the colour of defaults.
    """
    if _SIGNED not in body:
        return body
    if not linked:
        body = _LINKED.sub("", body)
    for repeated, shorter in _REPEATED.items():
        body = repeated.sub(shorter, body)
    return body


def policy(body: str) -> str:
    """Return what a browser may do for a page: nothing but load the site's own files.

    Browsers make no code from text, and run no script in a page but those that were there when it was built, which are
    known by their digests. ``file:`` is there because not every browser counts a page on disk as its own origin.

    Parameters
    ----------
    body : str
        The page.

    Returns
    -------
    str
        A content security policy.
    """
    digests = dict.fromkeys(
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in _INLINE.findall(body)
    )
    scripts = " ".join(["'self'", "file:", *(f"'sha256-{digest}'" for digest in digests)])
    return "; ".join(
        [
            "default-src 'self' file:",
            f"script-src {scripts}",
            "style-src 'self' file: 'unsafe-inline'",
            "img-src 'self' file: data: blob:",
            "font-src 'self' file: data:",
            "connect-src 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self' file:",
        ]
    )


def scripts(page: str, body: str) -> tuple[str, ...]:
    """Return the names of the scripts that a page needs, in order.

    Parameters
    ----------
    page : str
        Its name.
    body : str
        The page.

    Returns
    -------
    tuple of str
        Names of files in ``_static``.
    """
    charts = _CHARTS if _FIGURE.search(body) else ()
    return (_SEARCH if page == "search" else ()) + _EVERYWHERE + charts


def drop_unused_scripts(site: Path) -> None:
    """Delete the scripts that no page loads.

    Parameters
    ----------
    site : Path
        Folder of the built pages.
    """
    used = {
        name
        for page in site.rglob("*.html")
        if "_static" not in page.relative_to(site).parts
        for name in re.findall(r'<script[^>]*\bsrc="(?:[^"]*/)?([^"/?]+\.js)', page.read_text(encoding="utf-8"))
    }
    for path in site.rglob("*.js"):
        if path.name not in used:
            path.unlink()


def ordered(files: list[Any], names: tuple[str, ...]) -> list[Any]:
    """Return those of a page's script files that are wanted, in the order of their names."""
    found = {Path(str(getattr(file, "filename", "") or "")).name: file for file in files}
    return [found[name] for name in names if name in found]
