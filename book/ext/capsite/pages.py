"""Pages are run while Sphinx gets ready, several at a time; it then finds what their cells gave in its cache."""

from __future__ import annotations

import sys
from pathlib import Path

import kernels
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx_external_toc.parsing import parse_toc_yaml

from capmodel.cli import progress


def _cached(cache: JupyterCacheAbstract, notebook: object) -> bool:
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    return True


class Pages:
    """The pages of one build that are not in its cache."""

    def __init__(self) -> None:
        self._runs: kernels.Runs | None = None

    def start(self, app: Sphinx, config: Config) -> None:
        """Begin to run them, unless Sphinx does it as well."""
        if not kernels.POSSIBLE:
            return
        cache = get_cache(config.nb_execution_cache_path)
        listed = [Path(app.srcdir) / f"{name}.md" for name in parse_toc_yaml(config.external_toc_path)]
        pages = kernels.notebooks([path for path in listed if path.is_file()])
        pages = {path: notebook for path, notebook in pages.items() if not _cached(cache, notebook)}
        cache.db.dispose()
        if len(pages) >= kernels.WORTH_IT:
            kernels.prepare()
            self._runs = kernels.Runs(pages, config.nb_execution_timeout)

    def collect(self, app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
        """Put what they gave where Sphinx looks for it."""
        if self._runs is None:
            return
        cache = get_cache(app.config.nb_execution_cache_path)
        with progress(sys.stdout, "book") as show:
            for done, run in enumerate(self._runs, 1):
                show(f"ran {run.path.stem}, {done} of {len(self._runs)} pages", done / len(self._runs))
                self._keep(cache, run)
        cache.db.dispose()

    def _keep(self, cache: JupyterCacheAbstract, run: kernels.Run) -> None:
        if run.seconds is not None:
            bundle = CacheBundleIn(run.notebook, str(run.path), data={"execution_seconds": run.seconds})
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def setup(app: Sphinx) -> None:
    """Connect both ends of the run."""
    pages = Pages()
    app.connect("config-inited", pages.start, priority=200)
    app.connect("env-before-read-docs", pages.collect)
