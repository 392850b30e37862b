"""What pages import, imported once: the processes that run pages are copies of one that has loaded this file."""

from __future__ import annotations

import gc
import importlib
import os
import platform

import kernels
import remember

#: Imported by every kernel, or by the package's functions when they are first called.
_LIBRARIES = (
    "altair",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "joblib",
    "pandera.pandas",
    "scipy.optimize",
    "scipy.stats",
    "statsmodels.miscmodels.ordinal_model",
    "vl_convert",
)

if remember.FOLDER in os.environ:
    # Before the package, whose functions it wraps as they are loaded.
    remember.install(os.environ[remember.FOLDER])

for _name in _LIBRARIES:
    importlib.import_module(_name)

# A chart is held against Vega-Lite's schema once, as a whole, and not each of its parts before it: a page that fails is
# run again without this file, and then told which part is wrong.
importlib.import_module("altair.utils.schemapi").disable_debug_mode()

# It starts a program to tell, once for all copies.
platform.processor()

kernels.load_package()

# Shipped tables are read once for all copies; whose runs are fitted is for each build to say.
_datasets = importlib.import_module("capmodel.datasets")
for _name in _datasets.__all__:
    if _name.startswith("load_") and _name != "load_sync_runs":
        getattr(_datasets, _name)()

# Nothing of all this goes: copies need not look through it for what could.
gc.freeze()
