"""Pages are run while Sphinx gets ready, several at a time; it then finds what their cells gave in its cache.

The script that all pages share is written beside them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import kernels
import standing
import translate
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx_external_toc.parsing import parse_toc_yaml

from capmodel.cli import progress


def model_of(app: Sphinx) -> Path:
    """Return the folder of the script that pages share: the package's own arithmetic, which their scripts call."""
    return Path(app.outdir).parent / "model"


def _found(cache: JupyterCacheAbstract, path: Path, notebook: Any) -> bool:
    """Tell whether a page is in the cache, where one that stands is put."""
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        found = standing.find(_key(cache, notebook))
        if found is None:
            return False
        _cache(cache, path, *found)
    return True


def _key(cache: JupyterCacheAbstract, notebook: Any) -> str:
    key: str = cache.create_hashed_notebook(notebook)[1]
    return key


def _cache(cache: JupyterCacheAbstract, path: Path, notebook: Any, seconds: float) -> None:
    bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


class Pages:
    """The pages of one build that are not in its cache."""

    def __init__(self) -> None:
        self._runs: kernels.Runs | None = None
        self._script: kernels.Call | None = None

    def start(self, app: Sphinx, config: Config) -> None:
        """Begin to run them, unless Sphinx does it as well."""
        if not kernels.POSSIBLE:
            return
        cache = get_cache(config.nb_execution_cache_path)
        listed = [Path(app.srcdir) / f"{name}.md" for name in parse_toc_yaml(config.external_toc_path)]
        pages = kernels.notebooks([path for path in listed if path.is_file()])
        pages = {path: notebook for path, notebook in pages.items() if not _found(cache, path, notebook)}
        cache.db.dispose()
        if len(pages) >= kernels.WORTH_IT:
            kernels.prepare()
            kernels.prepare_drawing()
            self._script = kernels.Call(translate.write, model_of(app))
            self._runs = kernels.Runs(pages, config.nb_execution_timeout)

    def share(self, app: Sphinx) -> None:
        """Write the script that pages share, unless it is being written."""
        if app.builder.format == "html":
            if self._script is None:
                translate.write(model_of(app))
            app.config.html_static_path.append(str(model_of(app)))

    def collect(self, app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
        """Put what they gave where Sphinx looks for it."""
        if self._runs is None:
            return
        # The pages about the package are read in copies of this process, each of which would load it.
        kernels.load_package()
        cache = get_cache(app.config.nb_execution_cache_path)
        with progress(sys.stdout, "book") as show:
            for done, run in enumerate(self._runs, 1):
                show(f"ran {run.path.stem}, {done} of {len(self._runs)} pages", done / len(self._runs))
                self._keep(cache, run)
        cache.db.dispose()
        if self._script is not None:
            self._script.wait()

    def _keep(self, cache: JupyterCacheAbstract, run: kernels.Run) -> None:
        if run.seconds is not None:
            _cache(cache, run.path, run.notebook, run.seconds)
            if run.stands:
                standing.keep(_key(cache, run.notebook), run.notebook, run.seconds)


def setup(app: Sphinx) -> None:
    """Connect both ends of the run."""
    pages = Pages()
    app.connect("config-inited", pages.start, priority=200)
    app.connect("builder-inited", pages.share)
    app.connect("env-before-read-docs", pages.collect)
