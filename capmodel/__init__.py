"""Capacity models of SPIRE: servers, cores, memory and datastore of a deployment.

>>> import capmodel as cm
>>> fleet = cm.Deployment(agents=5000, workloads=10_000)
>>> fleet.datastore
'postgresql'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

#: Public name: module that defines it. Modules are imported on first use, so that ``import capmodel`` is light.
_HOME = {
    "CostResults": "costs",
    "DataError": "datasets",
    "Deployment": "deployment",
    "Evaluation": "outcome",
    "Federated": "topology",
    "Nested": "topology",
    "OperationCosts": "costs",
    "Prices": "prices",
    "Sizing": "outcome",
    "SingleTrustDomain": "topology",
    "SizingRegression": "sizing",
    "SizingResults": "sizing",
    "check": "validation",
    "compare": "alternatives",
    "cross_validate": "cross_validation",
    "demand": "sensitivity",
    "dictionary": "datasets",
    "evaluate": "plan",
    "load_connection_memory_runs": "datasets",
    "load_datastore_distance_runs": "datasets",
    "load_event_write_runs": "datasets",
    "load_field_reports": "datasets",
    "load_fleet_runs": "datasets",
    "load_issue_1351": "datasets",
    "load_reference_sizing": "datasets",
    "load_reload_runs": "datasets",
    "load_saturation_runs": "datasets",
    "load_scrape_index": "datasets",
    "load_shared_datastore_runs": "datasets",
    "load_sync_runs": "datasets",
    "machine_speed": "machine",
    "recover": "recovery",
    "size": "plan",
    "tornado": "sensitivity",
}
_MODULES = (
    "alerts",
    "charts",
    "cluster",
    "costs",
    "datasets",
    "deployment",
    "helm",
    "loop",
    "percentiles",
    "plan",
    "prometheus",
    "queueing",
    "recovery",
    "sensitivity",
    "simulation",
    "sizing",
    "spire",
    "topology",
    "validation",
)

__all__ = ["__version__", *_HOME, *_MODULES]

if TYPE_CHECKING:
    from capmodel import (
        alerts,
        charts,
        cluster,
        costs,
        datasets,
        deployment,
        helm,
        loop,
        percentiles,
        plan,
        prometheus,
        queueing,
        recovery,
        sensitivity,
        simulation,
        sizing,
        spire,
        topology,
        validation,
    )
    from capmodel.alternatives import compare
    from capmodel.costs import CostResults, OperationCosts
    from capmodel.cross_validation import cross_validate
    from capmodel.datasets import (
        DataError,
        dictionary,
        load_connection_memory_runs,
        load_datastore_distance_runs,
        load_event_write_runs,
        load_field_reports,
        load_fleet_runs,
        load_issue_1351,
        load_reference_sizing,
        load_reload_runs,
        load_saturation_runs,
        load_scrape_index,
        load_shared_datastore_runs,
        load_sync_runs,
    )
    from capmodel.deployment import Deployment
    from capmodel.machine import machine_speed
    from capmodel.outcome import Evaluation, Sizing
    from capmodel.plan import evaluate, size
    from capmodel.prices import Prices
    from capmodel.recovery import recover
    from capmodel.sensitivity import demand, tornado
    from capmodel.sizing import SizingRegression, SizingResults
    from capmodel.topology import Federated, Nested, SingleTrustDomain
    from capmodel.validation import check


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name in _MODULES:
        return importlib.import_module(f"capmodel.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'capmodel' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"capmodel.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
