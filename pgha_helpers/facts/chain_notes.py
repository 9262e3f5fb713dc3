"""What a node has noted of the runs that changed its system.

A line each time one began, ended, or was completed. The file `chain-<system identifier>` lies in
the node's state directory, beside the lock; each line is a Note as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Note, Pair
from ..model.errors import HaError
from ..wire.doors import Door
from ..wire.scripts import script_file

_READ = script_file(__file__, "chain_notes.sh")


@dataclass(frozen=True)
class Ledger:
    """One node's notes in the order in which they were written, and lines that are none."""

    notes: tuple[Note, ...] = ()
    torn: tuple[str, ...] = ()


def read_ledger(door: Door, system_id: str = "*") -> Ledger:
    """What a node has noted of one system, or of all. Raises as a command does."""
    answer = door.script(_READ, door.node.state_directory, system_id)
    notes, torn = [], []
    for line in answer.lines:
        note = Note.parse(line)
        if note:
            notes.append(note)
        elif line.strip():
            torn.append(line)
    return Ledger(tuple(notes), tuple(torn))


def read_ledgers(pair: Pair) -> tuple[dict[str, Ledger], list[str]]:
    """What each node has noted of every system, and why another did not answer."""
    found, silent = {}, []
    for node in pair:
        door = Door(node, pair)
        try:
            found[node.name] = read_ledger(door)
        except HaError as error:
            silent.append(error.what)
        finally:
            door.close()
    return found, silent
