"""What hypothesis draws from: deployments, topologies of them, and tables of measured runs."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

import capmodel as cm
from capmodel import datasets, spire
from capmodel.schemas import RUN_KINDS, SCHEMAS, kind


def _numbers(low: float, high: float, *, positive: bool = False) -> st.SearchStrategy[float]:
    """Draw from a range, ends and whole orders of magnitude included."""
    inside = st.floats(low, high, exclude_min=positive, allow_subnormal=False)
    orders = [value for value in (0.0, 1e-3, 0.1, 1.0, 10.0, 1e3, 1e5) if low < value <= high]
    return inside | st.sampled_from([*orders, high] if positive else [low, *orders, high])


@st.composite
def deployments(draw: st.DrawFn, largest: int = 10_000_000) -> cm.Deployment:
    """Draw any deployment that may be asked about."""
    agents = draw(st.integers(1, min(largest, 100)) | st.integers(1, largest))
    workloads = draw(st.integers(0, 100) | st.integers(0, min(10 * largest, 100_000_000)))
    rates = {
        name: draw(st.just(0.0) | _numbers(0.0, high))
        for name, high in {
            "jwt_per_s": 1e4, "changes_per_s": 1e3, "updates_per_s": 1e3, "jwt_pairs_per_agent": 1e3,
            "jwt_requests_per_pair_s": 1e3, "federated_domains": 100.0, "federated_peers": 100.0,
            "downstream_servers": 1e3, "cores_taken": 8.0, "zipf_exponent": 5.0, "node_selectors_per_agent": 100.0,
            "dns_names_per_entry": 10.0, "datastore_round_trip_time_s": 1.0,
        }.items()
    }  # fmt: skip
    lifetimes = {
        name: draw(_numbers(60.0, 31_536_000.0)) for name in ("x509_ttl_s", "agent_ttl_s", "jwt_ttl_s")
    }  # fmt: skip
    listed = None
    if agents <= 50 and draw(st.booleans()):
        listed = draw(st.lists(st.floats(0, workloads), min_size=agents, max_size=agents))
    return cm.Deployment(
        agents=agents,
        workloads=workloads,
        datastore=draw(st.sampled_from((*spire.DATASTORES, "mysql"))),
        sync_mode=draw(st.sampled_from(spire.SYNC_MODES)),
        entries_per_agent=None if listed else draw(st.none() | st.floats(0, workloads)),
        entries_by_agent=listed,
        selectors_per_entry=draw(_numbers(1.0, 100.0)),
        sync_interval_s=draw(_numbers(0.1, 3600.0)),
        reload_interval_s=draw(_numbers(0.1, 3600.0)),
        ca_ttl_s=draw(_numbers(3600.0, 315_360_000.0)),
        ca_key_type=draw(st.sampled_from(spire.CA_KEY_TYPES)),
        reattests=draw(st.booleans()),
        machine_speed=draw(_numbers(0.1, 10.0)),
        datastore_speed=draw(_numbers(0.1, 10.0)),
        **rates,
        **lifetimes,
    )


def topologies(largest: int = 100_000) -> st.SearchStrategy[cm.SingleTrustDomain | cm.Nested | cm.Federated]:
    """Draw any topology of deployments, nested to some depth."""
    fleets = deployments(largest)
    parts = st.lists(fleets, min_size=1, max_size=3).map(tuple)
    nested = st.builds(cm.Nested, children=parts, root=st.none() | fleets, servers=st.integers(1, 4))
    deep = st.builds(cm.Nested, children=st.tuples(fleets | nested, fleets | nested), servers=st.integers(1, 4))
    federated = st.builds(
        cm.Federated, fleets=st.lists(fleets, min_size=2, max_size=4).map(tuple), federates=st.booleans()
    )
    return st.builds(cm.SingleTrustDomain, fleet=fleets) | nested | deep | federated


@st.composite
def runs(draw: st.DrawFn, names: tuple[str, ...] = RUN_KINDS) -> tuple[str, pd.DataFrame]:
    """Draw a kind of runs and a valid table of it.

    Rows are shipped ones in any order, measured CPU stretched by as much as machines differ, some cells left out that
    may be.
    """
    name = draw(st.sampled_from(names))
    shipped = getattr(cm, f"load_{name}")(**({"paths": ()} if name == "sync_runs" else {}))
    rows = draw(st.lists(st.integers(0, len(shipped) - 1), min_size=1, max_size=6, unique=True))
    frame = shipped.iloc[rows].reset_index(drop=True)
    factors = draw(st.lists(st.floats(0.8, 1.25), min_size=len(frame), max_size=len(frame)))
    for column in ("server_cpu_s_per_op", "datastore_cpu_s_per_op"):
        if column in frame:
            frame[column] *= factors
    for column, rule in SCHEMAS[name].columns.items():
        if rule.nullable and kind(rule) == "number" and draw(st.booleans()):
            frame.loc[frame.index[draw(st.integers(0, len(frame) - 1))], column] = np.nan
    return name, frame


def header(name: str) -> list[str]:
    """Return the columns that a file of a kind has."""
    with open(datasets.data_path(f"{name}.csv"), encoding="utf-8") as file:
        return file.readline().strip().split(",")
