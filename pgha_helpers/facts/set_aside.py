"""Which directories were renamed aside on a node, and how large they are."""

from __future__ import annotations

from dataclasses import replace

from ..model import SetAside
from ..model.errors import CommandFailed, TooSlow, Unreachable
from ..run.run import Run
from ..wire.doors import Door
from ..wire.scripts import script_file

_LIST = script_file(__file__, "set_aside.sh")

_USE = script_file(__file__, "in_use.sh")

_PATIENCE = 5  # seconds for counting one directory


def read_set_aside(door: Door, sized: bool = True) -> tuple[SetAside, ...]:
    """What was renamed aside on this node, the oldest first. Raises as a command does."""
    node = door.node
    seconds = str(_PATIENCE) if sized else ""
    answer = door.script(_LIST, node.data_directory, seconds, within=door.patience)
    found = []
    for line in dict.fromkeys(answer.lines):  # two links may lead to one place
        kilobytes, _, path = line.partition(" ")
        size = int(kilobytes) * 1024 if kilobytes.isdecimal() else None
        if directory := SetAside.parse(node.name, path, size):
            found.append(directory)
    found.sort(key=lambda directory: (directory.stamp, directory.path))
    return tuple(found)


def read_all_set_aside(run: Run, sized: bool = True) -> tuple[SetAside, ...]:
    """What was renamed aside on both nodes.

    Of a node whose shell does not answer, nothing is known. To count sizes may take seconds a
    directory.
    """

    def ask(name: str) -> tuple[SetAside, ...]:
        try:
            return read_set_aside(run.doors[name], sized)
        except (Unreachable, TooSlow, CommandFailed):
            return ()

    first, second = run.both(ask)
    return (*first, *second)


def with_use(door: Door, kept: SetAside) -> SetAside:
    """It again, with its owner, and why it stays where something uses it.

    Raises as a command does.
    """
    script = door.script(_USE, kept.path, door.node.data_directory, within=door.patience)
    owner, *why_not = script.lines
    return replace(kept, owner=owner, stays=" ".join(why_not))
