"""What only a node has goes into the record before anything of the node is overwritten or renamed."""

from __future__ import annotations

from ..actions.losses import keep_list, keep_wal
from ..errors import NotAchieved, Refusal
from ..facts.disk import read_disk
from ..run import Run


def keep_what_it_had(run: Run, node: str, overwritten: bool) -> None:
    """Put the diverged WAL and the list of its transactions into the record. `node` is stopped.

    Raises Failure where that cannot be done and the node is to be `overwritten`; else its directory keeps all of it.
    """
    had = run.had
    if had is None or had.node != node or not (had.count or had.undecided or had.unread):
        return
    with run.deed(node, "keep what only it has in the record") as deed:
        deed.changed = False
        control = read_disk(run.doors[node]).control
        if control is None:
            raise NotAchieved(f"the control file of {node} cannot be read any more", "run this notebook again")
        listed = keep_list(run, had, control.segment)
        try:
            count = len(keep_wal(run, node, had.fork, had.end, control.segment))
            kept = f"{count} file{'' if count == 1 else 's'} of its WAL"
        except Refusal as why_not:
            if overwritten:
                raise
            kept = f"none of its WAL, which its directory keeps ({why_not.what})"
        deed.say(f"kept what only it has in the record: {had.sentence}; {listed} and {kept}")
