"""The script library that the site serves itself, taken from a pinned package: Vega without what no chart needs."""

from __future__ import annotations

import hashlib
import shutil
from importlib.metadata import version
from pathlib import Path

import capmodel

#: Version of Vega in the bundler, and of the parts of it that charts need; Vega-Lite is compiled away in the build.
VEGA = "6.2"
_PARTS = {
    "vega-dataflow": "6.1.0",
    "vega-encode": "5.1.0",
    "vega-interpreter": "2.0.0",
    "vega-parser": "7.1.0",
    "vega-transforms": "5.1.0",
    "vega-view": "6.1.0",
    "vega-view-transforms": "5.1.0",
}

_WRITTEN = ("vega.js", "look.js")

#: Maps, forces, trees, word clouds and the like stay out, a third of Vega. The interpreter evaluates expressions
#: without making code from text.
_SNIPPET = """
import * as flow from "{vega-transforms}";
import * as views from "{vega-view-transforms}";
import * as encoders from "{vega-encode}";
import {{ transforms }} from "{vega-dataflow}";
import {{ parse as parseSpec }} from "{vega-parser}";
import {{ View as ChartView }} from "{vega-view}";
import {{ expressionInterpreter as interpret }} from "{vega-interpreter}";
Object.assign(transforms, flow, views, encoders);
window.vega = {{ parse: parseSpec, View: ChartView, expressionInterpreter: interpret }};
"""


def vega_lite_version() -> str:
    """Return the version of Vega-Lite that Altair writes, as major.minor."""
    import altair

    return ".".join(altair.VEGALITE_VERSION.lstrip("v").split(".")[:2])


def vega_bundle() -> str:
    """Return the parts of Vega that charts need as one classic script.

    Returns
    -------
    str
        JavaScript that sets ``vega``, with ``parse``, ``View`` and ``expressionInterpreter``, and no other name.

    Raises
    ------
    ValueError
        If the bundler has another version of Vega, or no such version of Vega-Lite.
    """
    import vl_convert

    wanted, offered = vega_lite_version(), vl_convert.get_vegalite_versions()
    if wanted not in offered:
        raise ValueError(f"vega_bundle: got Vega-Lite {wanted} from altair, expected one of {', '.join(offered)}")
    held = ".".join(vl_convert.get_vega_version().split(".")[:2])
    if held != VEGA:
        raise ValueError(f"vega_bundle: got Vega {held} from vl-convert, expected {VEGA}, whose parts are named here")
    # The bundler holds these addresses and what is behind them; nothing is fetched.
    places = {name: f"https://cdn.jsdelivr.net/npm/{name}@{number}/+esm" for name, number in _PARTS.items()}
    bundle = vl_convert.javascript_bundle(_SNIPPET.format(**places), vl_version=wanted)
    # The bundle declares hundreds of one-letter constants, which would meet those of other scripts.
    return "(()=>{" + bundle + "})();\n"


def write(folder: Path) -> None:
    """Write the library and the look of all charts into a folder, unless they are there already.

    Parameters
    ----------
    folder : Path
        Receives ``vega.js`` and ``look.js``.
    """
    charts = sorted((Path(capmodel.__file__).parent / "charts").glob("*.py"))
    themed = hashlib.sha256(b"".join(path.read_bytes() for path in charts)).hexdigest()
    wanted = " ".join([*(f"{name}-{version(name)}" for name in ("altair", "vl-convert-python")), f"look-{themed}"])
    mark = folder.parent / "assets.txt"
    if mark.is_file() and mark.read_text() == wanted and all((folder / name).is_file() for name in _WRITTEN):
        return
    from capmodel.charts import _packed, _page

    mark.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in zip(_WRITTEN, (vega_bundle(), f"vega.look = {_packed.short(_page.look())};\n"), strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    mark.write_text(wanted)
