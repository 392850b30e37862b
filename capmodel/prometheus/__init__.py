"""New measurements: from a running SPIRE server's metrics to rows of measured runs.

:func:`import_scrapes` reads text scrapes, :func:`import_api` asks a server with Prometheus' HTTP API. A column is
filled from the metrics or from :class:`Setup`, which says what metrics do not tell; what neither has stays empty, with
a reason in ``Imported.notes``.
"""

from capmodel.prometheus.imports import Imported, import_scrapes
from capmodel.prometheus.live import import_api
from capmodel.prometheus.rows import Setup

__all__ = ["Imported", "Setup", "import_api", "import_scrapes"]
