"""Script libraries that the site serves itself, taken from pinned packages: Vega and MathJax."""

from __future__ import annotations

import importlib.util
import shutil
from importlib.metadata import version
from pathlib import Path


def vega_lite_version() -> str:
    """Return the version of Vega-Lite that Altair writes, as major.minor."""
    import altair

    return ".".join(altair.VEGALITE_VERSION.lstrip("v").split(".")[:2])


def vega_bundle() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one classic script.

    Returns
    -------
    str
        JavaScript that sets ``vegaEmbed`` and no other name.

    Raises
    ------
    ValueError
        If the bundler has no such version of Vega-Lite.
    """
    import vl_convert

    wanted, offered = vega_lite_version(), vl_convert.get_vegalite_versions()
    if wanted not in offered:
        raise ValueError(f"vega_bundle: got Vega-Lite {wanted} from altair, expected one of {', '.join(offered)}")
    # The bundle declares hundreds of one-letter constants, which would meet those of Sphinx's own scripts.
    bundle = vl_convert.javascript_bundle("window.vegaEmbed=vegaEmbed;", vl_version=wanted)
    return "(()=>{" + bundle + "})();\n"


def mathjax_folder() -> Path:
    """Return where the MathJax package keeps its files; its name is no Python identifier."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise ValueError("mathjax_folder: got nothing, expected the package sphinx-mathjax-offline installed")
    return Path(spec.origin).parent / "static" / "mathjax"


def write(folder: Path) -> None:
    """Write the libraries into a folder, unless they are there already.

    Parameters
    ----------
    folder : Path
        Receives ``vega/vega.js`` and ``mathjax/``.
    """
    wanted = " ".join(f"{name}-{version(name)}" for name in ("altair", "vl-convert-python", "sphinx-mathjax-offline"))
    mark = folder.parent / "assets.txt"
    if mark.is_file() and mark.read_text() == wanted and folder.is_dir():
        return
    mark.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "vega").mkdir(parents=True)
    (folder / "vega" / "vega.js").write_text(vega_bundle(), encoding="utf-8")
    mathjax, fonts = mathjax_folder(), "output/chtml/fonts/woff-v2"
    shutil.copytree(mathjax / fonts, folder / "mathjax" / fonts)
    shutil.copy(mathjax / "tex-chtml.js", folder / "mathjax")
    mark.write_text(wanted)
