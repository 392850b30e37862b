"""The costs fitted to the shipped runs, once for all tests of a process."""

from functools import cache

from capmodel import CostResults, OperationCosts, load_sync_runs


@cache
def costs() -> CostResults:
    """Return the costs that the shipped runs give; nobody may change them."""
    return OperationCosts(load_sync_runs(paths=())).fit()
