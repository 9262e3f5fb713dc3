"""What only a node has goes into the record before anything of it is overwritten or renamed."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from threading import Event

from ..judgement.plans import Plan
from ..model import DeedKind
from ..model.errors import NotAchieved, NotSafe, Refusal
from ..model.losses import Losses
from ..model.show import plural, size
from ..run.run import Run
from .deeds.losses import keep_list, keep_wal


def refuse_without_room(run: Run, plan: Plan) -> None:
    """Refuse to overwrite what a node had where the record has no room for its WAL.

    Raises NotSafe.
    """
    had = run.seen.losses
    if had is None or had.node != plan.node or plan.kind not in ("rewind", "rsync"):
        return
    needed = had.end.lsn - had.fork.lsn + 2 * had.segment  # whole files are kept
    free = shutil.disk_usage(run.folder).free
    if free < needed * 1.1:
        raise NotSafe(
            f"{plan.kind} overwrites what only {plan.node} has: its WAL, about {size(needed)}, is "
            f"kept first in {run.folder}, which has {size(free)} free",
            "make room there; method=clone keeps the whole directory on the node",
        )


def keep_what_it_had(run: Run, node: str, overwritten: bool) -> None:
    """Put the diverged WAL and the list of its transactions into the record. `node` is stopped.

    Raises Failure where that cannot be done and the node is to be `overwritten`; else its directory
    keeps all of it.
    """
    with keeping_beside(run, node, overwritten) as kept:
        kept()


@contextlib.contextmanager
def keeping_beside(
    run: Run, node: str, overwritten: bool, wal: str = ""
) -> Iterator[Callable[[], None]]:
    """The same beside what the block does: what it gets waits, tells and raises.

    That is to be called before anything of the node is overwritten. The list is written at once;
    WAL comes over the network meanwhile, from the folder `wal` where the block does not leave the
    node's own as it is.
    """
    had = run.seen.losses
    if had is None or had.node != node or not _has_own(had):
        yield lambda: None
        return
    listed = keep_list(run, had)
    over = Event()

    def still() -> None:
        if over.is_set():
            raise NotAchieved(
                f"what {node} had was not kept, because what needed it failed",
                "mend what failed first",
            )

    coming = run.aside(lambda: _keep_wal(run, had, overwritten, wal, still))

    def kept() -> None:
        with run.deed(node, "keep what only it has in the record", DeedKind.KEEP_DIVERGED) as deed:
            deed.changed = False
            files = coming.result()
            deed.say(f"kept what only it has in the record: {had.sentence}; {listed} and {files}")

    try:
        yield kept
    finally:  # whatever went wrong meanwhile: nothing is written into a record that has ended
        over.set()
        wait([coming])


def _has_own(had: Losses) -> bool:
    """Whether there is, or may be, a transaction that only this node has."""
    return bool(had.count or had.undecided or had.unread)


def _keep_wal(run: Run, had: Losses, overwritten: bool, wal: str, still: Callable[[], None]) -> str:
    """Do it; gives what was kept, in words."""
    try:
        kept = keep_wal(run, had, wal, still)
    except Refusal as why_not:
        if overwritten:
            raise
        return f"none of its WAL, which its directory keeps ({why_not.what})"
    count = len(kept)
    files = plural(count, "file")
    return f"{files} of its WAL"
