"""Unit costs in round numbers, for sums that can be done by hand."""

from types import SimpleNamespace

from capmodel.cluster import Block, UnitCosts
from capmodel.waking import Waking


def _block(busy_ms, churn_ms=None):
    """Return costs in milliseconds a unit; every run scatters by a fifth."""
    both = [("busy", busy_ms), ("churn", churn_ms or {})]
    items = [item for _, costs in both for item in costs]
    return Block(
        items=items,
        kinds=[kind for kind, costs in both for _ in costs],
        costs_s=[cost / 1000 for _, costs in both for cost in costs.values()],
        covariance=[[0.0] * len(items) for _ in items],
        dispersion=0.04,
        write_dispersion=0.04,
        waking=Waking(*[1.0] * len(Waking._fields)),
    )


def round_costs():
    """Return something that answers as fitted costs do, the same for every datastore."""
    signature = "x509_signature:ec-p256"
    unit = UnitCosts(
        server={
            "cache": _block({"rpc": 1, "transaction": 2, "handshake": 3, "write_statement": 0.1, signature: 4}),
            "crawl": _block({"crawl": 10}),
        },
        datastore={
            "cache": _block({"transaction": 1, "write_statement": 0.5}),
            "crawl": _block({"crawl": 10}, {"crawl": 100}),
        },
        half_saturation=10.0,
        memory_bytes=[1.0] * 5,
        memory_covariance=[[0.0] * 5 for _ in range(5)],
        memory_dispersion=0.0,
        critical_share={"cache": 1.0, "crawl": 1.0},
        interference=0.0,
        interference_error=0.0,
        response_dispersion=0.0,
    )
    return SimpleNamespace(unit_costs=lambda datastore: unit)
