"""What is noted on a node of settings that runs have changed for a while.

A file of each, in its state directory.
"""

from __future__ import annotations

from ..model import ForNow
from ..model.errors import CommandFailed, TooSlow, Unreachable
from ..run.run import Run
from ..wire.doors import Door
from ..wire.scripts import script_file

_READ = script_file(__file__, "for_now.sh")


def read_for_now(door: Door) -> tuple[ForNow, ...]:
    """The settings of this node that are changed for now. Raises as a command does."""
    answer = door.script(_READ, door.node.state_directory)
    found = [ForNow.parse(door.node.name, line) for line in answer.lines]
    return tuple(setting for setting in found if setting)


def read_all_for_now(run: Run) -> tuple[ForNow, ...]:
    """Those of the nodes that this run has locked, or of both before it has.

    Nothing of one that does not answer.
    """
    names = run.lock.held or run.pair.names

    def ask(name: str) -> tuple[ForNow, ...]:
        if name not in names:
            return ()
        try:
            return read_for_now(run.doors[name])
        except (Unreachable, TooSlow, CommandFailed):
            return ()

    first, second = run.both(ask)
    return (*first, *second)
