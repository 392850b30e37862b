"""What the site's pages hold of a chart: a compiled drawing, its data, its controls and a still picture.

The site compiles every chart when it is built, so that browsers need no Vega-Lite. What depends on the width of a
screen stays a signal of the drawing.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import html
import json
import re
from typing import Any, NamedTuple

import altair as alt

from capmodel.charts._look import _theme
from capmodel.charts._packed import lean, shared, short, table

#: Width in pixels of a chart's still picture; on a page a chart has what there is.
STILL_WIDTH = 640

#: Width that a phone leaves for a chart.
PHONE_WIDTH = 350

#: Panels stand side by side where each has this many pixels; the script of the page reads it from each chart.
NARROWEST_PANEL = 260

#: Pixels that axes and gaps take beside a panel, until a drawing tells.
_AXES = 50.0

#: A picture is as wide as it should be if it is off by no more than this share: pages stretch it to what there is.
_NEAR = 0.05

#: Stands for the width of a panel until a browser knows it; no other number of a drawing may be the same.
_UNKNOWN = 333.0625

#: Gives a panel's picture its place in the row or below the one before.
_COLUMNS = "panels_in_a_row"

#: What a picture repeats on every mark and the page says once.
_REPEATED = re.compile(
    r' (?:font-family|aria-hidden|aria-roledescription|role|pointer-events|stroke-miterlimit)="[^"]*"|'
    r' opacity="1"| stroke-width="1"|<path class="(?:fore|back)ground"[^>]*/>'
)

#: A name that Vega counts up, where it is used; and where it is used or given.
_USED = re.compile(r"url\(#((?:clip|gradient_)\d+)\)")
_COUNTED = re.compile(r'(?:(?<=id=")|(?<=url\(#))(?:clip|gradient_)\d+')

_CLIPS = re.compile(r"(?:<clipPath .*?</clipPath>){2,}")

_INPUTS = ("radio", "range", "number", "checkbox", "select")


class Drawing(NamedTuple):
    """A chart as Vega draws it."""

    spec: dict[str, Any]
    #: Signals that hold the width of a panel.
    widths: list[str]
    #: Panels that may stand side by side.
    side: int
    #: Whether Vega makes room for axes within the width, as it does for a chart of one panel.
    fits: bool


def _set_width(spec: Any) -> None:
    """Give the width that is not known yet to every view that is as wide as its container."""
    if isinstance(spec, list):
        for part in spec:
            _set_width(part)
    elif isinstance(spec, dict):
        if spec.get("width") == "container":
            spec["width"] = _UNKNOWN
        for key in ("spec", "vconcat", "hconcat", "concat", "layer"):
            _set_width(spec.get(key))


def _vega_lite() -> str:
    """Return the version of Vega-Lite that Altair writes, as major.minor."""
    return ".".join(alt.VEGALITE_VERSION.lstrip("v").split(".")[:2])


def compiled(spec: dict[str, Any]) -> Drawing:
    """Compile a chart.

    Parameters
    ----------
    spec : dict
        Vega-Lite, without a title.

    Returns
    -------
    Drawing
        Vega, with its data, and without controls of its own.

    Raises
    ------
    ValueError
        If the chart's width is neither fixed nor that of its container everywhere, or if it repeats a view by a field.
    """
    import vl_convert

    if "facet" in spec or "repeat" in spec:
        raise ValueError("chart: got facets or repeated views, expected panels that are concatenated")
    source = copy.deepcopy(spec)
    several = next((key for key in ("hconcat", "concat", "vconcat") if key in source), None)
    side = {"hconcat": lambda: len(source["hconcat"]), "concat": lambda: source.get("columns", len(source["concat"]))}
    panels = side[several]() if several in side else 1
    fits = several is None and source.get("width") == "container"
    if fits:
        source["autosize"] = {"type": "fit-x", "contains": "padding"}
    _set_width(source)
    # The picture has one description as a whole, and its data as a table: a label on each mark would say the same.
    source.setdefault("config", {})["aria"] = False
    vega = vl_convert.vegalite_to_vega(source, vl_version=_vega_lite())
    for name in ("$schema", "description", "usermeta"):
        vega.pop(name, None)
    widths = ["width"] if vega.get("width") == _UNKNOWN else []
    widths += [signal["name"] for signal in vega.get("signals", []) if signal.get("value") == _UNKNOWN]
    if json.dumps(vega).count(str(_UNKNOWN)) != len(widths):
        raise ValueError("chart: got a width that is not a panel's own, expected each panel as wide as its container")
    for signal in vega.get("signals", []):
        signal.pop("bind", None)
    for legend in vega.get("legends", []):
        # Vega-Lite joins all that tells the same things apart; lines are told by their dashes.
        if legend.get("symbolType") == "stroke":
            legend.pop("shape", None)
    lean(vega)
    if panels > 1:
        vega["layout"]["columns"] = {"signal": _COLUMNS}
        vega.setdefault("signals", []).insert(0, {"name": _COLUMNS, "value": panels})
    return Drawing(vega, widths, panels, fits)


@functools.cache
def look() -> dict[str, Any]:
    """Return what every drawing would say of the theme, which the site says once for all."""
    import vl_convert

    # What depends on the data stays with the chart.
    chart = {"mark": "point", "data": {"values": []}, "config": {**_theme()["config"], "aria": False}}
    config: dict[str, Any] = vl_convert.vegalite_to_vega(chart, vl_version=_vega_lite())["config"]
    return config


def sized(drawing: Drawing, width: float, side: int = 1) -> dict[str, Any]:
    """Return a copy of a drawing whose panels have a width, so many of them side by side."""
    vega: dict[str, Any] = {key: value for key, value in drawing.spec.items() if key != "signals"}
    if "width" in drawing.widths and "width" in vega:
        vega["width"] = width
    own = {**dict.fromkeys(drawing.widths, width), _COLUMNS: side}
    vega["signals"] = [
        {**signal, "value": own[signal["name"]]} if signal["name"] in own else signal
        for signal in drawing.spec.get("signals", [])
    ]
    return vega


class Picture(NamedTuple):
    """A drawing at one width."""

    svg: str
    width: float
    height: float
    #: Pixels that axes and gaps take beside the panels.
    spare: float


def _abreast(drawing: Drawing, room: int) -> int:
    """Return how many panels stand side by side in so many pixels."""
    return max(1, min(drawing.side, room // NARROWEST_PANEL))


def drawn(drawing: Drawing, room: int, axes: float = _AXES) -> Picture:
    """Draw a chart in about so many pixels.

    Parameters
    ----------
    drawing : Drawing
        The chart.
    room : int
        Pixels.
    axes : float
        What axes and gaps take beside each panel, about; the chart is drawn once more if that is far from what they do.

    Returns
    -------
    Picture
        The drawing.

    Raises
    ------
    ValueError
        If the picture does not say its size.
    """
    import vl_convert

    side = _abreast(drawing, room)
    width = float(room if drawing.fits else room // side - axes)
    for _ in range(2):
        svg = vl_convert.vega_to_svg(sized(drawing, max(80.0, width), side))
        size = re.search(r'<svg [^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
        if size is None:
            raise ValueError(f"chart: got a picture that begins {svg[:80]!r}, expected an SVG with a size")
        across, down = float(size.group(1)), float(size.group(2))
        spare = across - side * max(80.0, width)
        if drawing.fits or not drawing.widths or abs(across - room) < _NEAR * room:
            break
        width = float((room - spare) // side)
    return Picture(_numbered(svg), across, down, 0.0 if drawing.fits else spare)


def _numbered(svg: str) -> str:
    """Count a picture's clips and gradients from one: Vega counts on from one picture to the next."""
    used = dict.fromkeys(_USED.findall(svg))
    numbers = {name: f"{name.rstrip('0123456789')}{place}" for place, name in enumerate(used, 1)}
    svg = _COUNTED.sub(lambda found: numbers.get(found.group(), found.group()), svg)
    # Vega defines them in the order of their names.
    return _CLIPS.sub(lambda found: "".join(sorted(re.split(r"(?<=</clipPath>)(?=<)", found.group()))), svg)


def _small(svg: str) -> str:
    """Leave out of a picture what nobody sees, and let it be light by night."""
    # Places and sizes stand in tags; digits between them are what a reader reads.
    svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d\.\d{2})\d+", r"\1", tag.group()), svg)
    svg = _REPEATED.sub("", svg)
    style = (
        "<style>svg{color:#222;font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}"
        "@media(prefers-color-scheme:dark){svg{color:#ced6dd}}</style>"
    )
    return re.sub(r"(<svg [^>]*>)", lambda found: found.group(1) + style, svg, count=1)


def tables(vega: dict[str, Any]) -> dict[str, Any]:
    """Take the data out of a drawing.

    Parameters
    ----------
    vega : dict
        The drawing; its data lose their rows.

    Returns
    -------
    dict
        By name, as the page's script reads them.
    """
    found = {}
    for data in vega.get("data", []):
        if not isinstance(data.get("values"), list):
            continue
        rows = data["values"]
        if rows and all(isinstance(row, dict) for row in rows):
            found[data["name"]] = table(data.pop("values"))
    return found


def _option(control: dict[str, Any], value: Any, label: str) -> str:
    text = "true" if value is True else "false" if value is False else str(value)
    chosen = value == control["value"]
    if control["input"] == "select":
        return f'<option value="{html.escape(text)}"{" selected" if chosen else ""}>{html.escape(label)}</option>'
    return (
        f'<label><input type="radio" name="{control["name"]}" value="{html.escape(text)}"'
        f"{' checked' if chosen else ''}> {html.escape(label)}</label>"
    )


def _control(control: dict[str, Any]) -> str:
    """Write one control as HTML."""
    kind, name, label = control["input"], control["name"], html.escape(control["label"])
    if "options" in control:
        options = "".join(
            _option(control, value, text) for value, text in zip(control["options"], control["labels"], strict=True)
        )
        if kind == "select":
            return (
                f'<div class="capchart-control"><label>{label} <select name="{name}">{options}</select></label></div>'
            )
        return f'<fieldset class="capchart-control"><legend>{label}</legend>{options}</fieldset>'
    limits = "".join(f' {key}="{control[key]}"' for key in ("min", "max", "step") if key in control)
    if kind == "checkbox":
        state = " checked" if control["value"] else ""
        return (
            f'<div class="capchart-control"><label><input type="checkbox" name="{name}"{state}> {label}</label></div>'
        )
    shown = f"<output>{control['value']}</output>" if kind == "range" else ""
    return (
        f'<div class="capchart-control"><label>{label} '
        f'<input type="{kind}" name="{name}" value="{control["value"]}"{limits}>{shown}</label></div>'
    )


def controls(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the controls of a chart.

    Parameters
    ----------
    spec : dict
        Vega-Lite.

    Returns
    -------
    list of dict
        ``name``, ``input``, ``value``, ``label``, and what else its kind needs.

    Raises
    ------
    ValueError
        If a control is of a kind that pages do not have.
    """
    found = []
    for param in spec.get("params", []):
        bind = param.get("bind")
        if not isinstance(bind, dict):
            continue
        if bind.get("input") not in _INPUTS:
            raise ValueError(f"chart: got a control {bind.get('input')!r}, expected one of {', '.join(_INPUTS)}")
        control = {key: bind[key] for key in ("input", "min", "max", "step") if key in bind}
        control |= {"name": param["name"], "value": param["value"], "label": bind.get("name", param["name"]).strip()}
        if "options" in bind:
            control["options"] = bind["options"]
            control["labels"] = bind.get("labels") or [str(option) for option in bind["options"]]
        found.append(control)
    return found


def _caption(spec: dict[str, Any]) -> str:
    """Take the title out of a chart and return it as text that wraps on a narrow screen."""
    title = spec.get("title")
    lines = {"text": title} if isinstance(title, str | list) else title
    if not isinstance(lines, dict) or not isinstance(lines.get("text"), str | list):
        return ""
    del spec["title"]

    def joined(key: str) -> str:
        value = lines.get(key) or ""
        text = " ".join(value) if isinstance(value, list) else value
        return html.escape(text.replace(" %", "\u00a0%"))  # a line that wraps keeps a number and its percent together

    below = joined("subtitle")
    return f"<figcaption><strong>{joined('text')}</strong>{f'<br>{below}' if below else ''}</figcaption>"


def _links(name: str, names: list[str]) -> str:
    """Write the links to what a chart shows; names of tables that begin with ``guide`` are the chart's own."""
    offered = [one for one in names if not one.startswith("guide")]
    links = []
    for number, one in enumerate(offered, 1):
        named = not one.startswith(("data-", "source"))
        which = "" if len(offered) < 2 else f": {one.replace('_', ' ')}" if named else f" {number}"
        file = one if named else f"chart-{name}{which.strip()}"
        links.append(f'<a href="#chart-{name}" download="{file}.csv" data-table="{one}">Data{which} (CSV)</a>')
    links.append(f'<a href="#chart-{name}" download="chart-{name}.svg">Picture (SVG)</a>')
    below = '<details class="capchart-table pst-js-only"><summary>Data as a table</summary></details>'
    return f'<p class="capchart-links pst-js-only">{"".join(links)}</p>{below if offered else ""}'


def figure(spec: dict[str, Any], **_: Any) -> dict[str, str]:
    """Write a chart as a figure of the book.

    Parameters
    ----------
    spec : dict
        Vega-Lite.
    **_ : object
        What Altair passes to any renderer.

    Returns
    -------
    dict of str to str
        ``text/html`` and ``text/plain``. The picture for readers without scripts stands in the page; the book's
        extension moves it to a file.

    Raises
    ------
    ValueError
        If the chart has no description, or has what pages cannot show.
    """
    description = spec.get("description")
    if not description:
        raise ValueError("chart: got no description, expected one made from the data")
    body = copy.deepcopy(spec)
    caption = _caption(body)
    name = hashlib.sha256(short(spec).encode()).hexdigest()[:12]
    drawing = compiled(body)
    wide = drawn(drawing, STILL_WIDTH)
    narrow = drawn(drawing, PHONE_WIDTH, wide.spare / _abreast(drawing, STILL_WIDTH))
    inputs = controls(body)
    rows = tables(drawing.spec)
    chart = {
        "description": description,
        "vega": shared({key: value for key, value in drawing.spec.items() if (key, value) != ("config", look())}),
        "tables": rows,
        "controls": inputs,
        "widths": drawing.widths,
        "side": drawing.side,
        "narrowest": NARROWEST_PANEL,
        "fits": drawing.fits,
        "spare": {str(_abreast(drawing, STILL_WIDTH)): wide.spare, "1": narrow.spare},
    }
    form = "".join(_control(control) for control in inputs)
    if form:
        form = f'<form class="capchart-controls pst-js-only" autocomplete="off">{form}</form>'
    words = html.escape(description)
    still = (
        f'<noscript><div class="capchart-still" data-width="{wide.width:.0f}" data-height="{wide.height:.0f}" '
        f'role="img" aria-label="{words}">{_small(wide.svg)}</div></noscript>'
    )
    one = "" if drawing.side > 1 else " capchart-one"
    written = (
        f'<figure class="capchart{one}" id="chart-{name}" style="--wide:{wide.height:.0f}px;'
        f'--narrow:{narrow.height:.0f}px">{caption}{form}<div class="capchart-view pst-js-only"></div>'
        f'<script type="application/json">{short(chart)}</script>{still}{_links(name, list(rows))}</figure>'
    )
    return {"text/html": written, "text/plain": f"<chart: {description}>"}
