"""One sync, step by step: who asks whom, and how many statements the datastore executes for it.

The counts are those of :mod:`capmodel.spire`, so a drawing of the steps and the model of their cost cannot differ.
"""

from __future__ import annotations

from typing import NamedTuple

from capmodel import spire


class Step(NamedTuple):
    """One message, or one look at what a server holds in memory.

    Attributes
    ----------
    asks, asked : str
        ``"agent"``, ``"server"`` or ``"datastore"``; the same twice for work that a server does by itself.
    short : str
        What passes, in a word or two.
    says : str
        What happens, in a sentence.
    statements : float
        Statements that the datastore executes for it.
    """

    asks: str
    asked: str
    short: str
    says: str
    statements: float


#: Statements of a read transaction: BEGIN, the query, ROLLBACK.
#: v1.15.3 pkg/server/datastore/sqlstore/sqlstore.go:614-648
TRANSACTION_STATEMENTS = 3.0

#: Statements of a visited id: the entries below it, and its node selectors.
#: v0.10.2 pkg/server/util/regentryutil/fetch.go:49-78
VISIT_STATEMENTS = 2.0


def sync_steps(sync_mode: str, entries_per_agent: int) -> list[Step]:
    """Lay out one sync of an agent whose node has no selectors.

    Parameters
    ----------
    sync_mode : str
        One of `spire.SYNC_MODES`.
    entries_per_agent : int
        Entries of the agent, at least 0.

    Returns
    -------
    list of Step
        In the order in which they happen; the statements add up to those of :func:`spire.datastore_statements`.

    Raises
    ------
    ValueError
        If the mode is unknown or there are fewer than no entries.

    Notes
    -----
    Source: v0.10.2 pkg/server/endpoints/node/handler.go:291-339, 568-576, pkg/server/util/regentryutil/fetch.go:49-148;
    v1.15.3 pkg/agent/client/client.go:222, pkg/server/endpoints/middleware.go:61-126,
    pkg/server/api/entry/v1/service.go:454-488, pkg/server/api/bundle/v1/service.go:84.

    Examples
    --------
    >>> [step.statements for step in sync_steps("full_cache", 10)]
    [0.0, 3.0, 0.0, 0.0, 0.0, 0.0]
    >>> sum(step.statements for step in sync_steps("crawl", 10))
    25.0
    """
    if sync_mode not in spire.SYNC_MODES:
        raise ValueError(f"sync_mode: got {sync_mode!r}, expected one of {', '.join(spire.SYNC_MODES)}")
    if entries_per_agent < 0:
        raise ValueError(f"entries_per_agent: got {entries_per_agent}, expected at least 0")
    who = Step(
        "server",
        "datastore",
        "who asks?",
        "The server reads the row of the agent, to see that it is attested and not banned: one transaction.",
        TRANSACTION_STATEMENTS,
    )
    if spire.family(sync_mode, "sync") == "crawl":
        kept = (
            " An agent that asked for the same ids less than a second ago saves these; ids of one agent alone never do."
            if sync_mode == "crawl_cached"
            else ""
        )
        return [
            Step("agent", "server", "my entries?", "The agent asks for its entries and the trust bundle.", 0.0),
            who,
            Step(
                "server",
                "datastore",
                "below the agent?",
                "The crawl begins at the agent's own id: which entries lie below it, and which selectors has its node?",
                VISIT_STATEMENTS,
            ),
            Step(
                "server",
                "datastore",
                "below each entry?",
                f"It asks the same for the id of each of the {entries_per_agent} entries, since an entry may have "
                f"others below it. Most have none, and the answer is empty.{kept}",
                VISIT_STATEMENTS * entries_per_agent,
            ),
            Step("server", "agent", "entries, bundle", "All entries go back, with the bundle from memory.", 0.0),
        ]
    sent = "all of them" if entries_per_agent <= spire.ENTRY_PAGE_SIZE else "ids and revisions, as there are so many"
    return [
        Step("agent", "server", "my entries?", "The agent asks for its entries.", 0.0),
        who,
        Step(
            "server",
            "server",
            "look in memory",
            "The server finds the agent's entries in the cache that it keeps of all entries.",
            0.0,
        ),
        Step("server", "agent", "entries", f"The entries go back: {sent}.", 0.0),
        Step("agent", "server", "bundle?", "The agent asks for the trust bundle.", 0.0),
        Step("server", "agent", "bundle", "It comes from memory; the server reads it once a second for all.", 0.0),
    ]


def refresh_step(sync_mode: str, entries: int) -> Step | None:
    """Return how a server keeps its cache up to date, once an interval for all agents.

    Parameters
    ----------
    sync_mode : str
        One of `spire.SYNC_MODES`.
    entries : int
        Registration entries in the datastore.

    Returns
    -------
    Step or None
        Nothing where there is no cache of all entries. A poll of events is two reads, and one more for each change.

    Notes
    -----
    Source: :func:`spire.reload_statements`; v1.15.3
    pkg/server/endpoints/authorized_entryfetcher_registration_entries.go:46-136.

    Examples
    --------
    >>> refresh_step("full_cache", 10_000).statements
    3.0
    """
    upkeep = spire.upkeep(sync_mode)
    if upkeep == "reload":
        return Step(
            "server",
            "datastore",
            "all entries",
            f"Meanwhile, every {spire.RELOAD_INTERVAL_S:g} s each server reads all {entries:,} entries and all agents "
            "anew, whoever asks.",
            spire.reload_statements(entries),
        )
    if upkeep == "poll":
        return Step(
            "server",
            "datastore",
            "what changed?",
            f"Meanwhile, every {spire.RELOAD_INTERVAL_S:g} s each server asks two event tables what has changed, and "
            "reads only that.",
            2.0,
        )
    return None
