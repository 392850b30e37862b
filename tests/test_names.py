"""Every datastore, sync mode and operation is known wherever one is named: what a new one needs is what fails here."""

import controls
import pytest

from capmodel import charts, deployment, field_reports, helm, pool, schemas, spire, steps, work
from capmodel.prometheus import operations


@pytest.mark.parametrize("name", schemas.DATASTORES)
def test_a_datastore_has_a_chart_value_and_a_button(name):
    assert name in helm._DATABASE_TYPES
    assert name in controls.STORES


@pytest.mark.parametrize("name", spire.DATASTORES)
def test_a_datastore_with_prices_has_looks_and_public_figures(name):
    assert name in schemas.DATASTORES
    assert name in charts.COLORS
    assert name in charts.LABELS
    assert name in field_reports._NAMES
    assert name in work.MEMBERS
    assert name == "sqlite" or name in pool.DATASTORE_DEFAULTS


@pytest.mark.parametrize("name", spire.SYNC_MODES)
def test_a_sync_mode_has_releases_looks_and_steps(name):
    assert name in schemas.SYNC_MODES
    assert name in charts.COLORS
    assert name in charts.LABELS
    assert name in spire.MODE_VERSIONS
    assert name in spire.MODE_RELEASES
    assert steps.sync_steps(name, 10)
    assert (spire.upkeep(name) == "") == (spire.family(name, "sync") == "crawl")


def test_what_a_fleet_does_and_what_is_imported_is_an_operation():
    known = {operation.name for operation in spire.OPERATIONS}
    assert set(deployment.FORMULAS) <= known
    assert set(schemas.OPERATIONS) <= known
    assert {name for name in operations.CALLS.values() if name in schemas.OPERATIONS} <= known
