"""Telling how long clients had no primary, once they have one again."""

from __future__ import annotations

from ..model import Outage
from ..run.events import OUTAGE
from ..run.run import Run


def tell_outage(run: Run) -> Outage | None:
    """Write the outage of this change into the journal and say it.

    It names every run that had a part in it. A run that died before it could tell leaves that to
    the next one. None where there was none, or it is told; and for a setup of servers of which
    nobody knows that they had ever been in use.
    """
    found = run.history.outage(run.journal.events)
    if found is not None and found.earliest is None and run.notebook == "setup":
        return None
    if found is not None:
        run.journal.write(OUTAGE, **found.facts, words=str(found))
        run.say(f"Outage: {found}.")
    return found
