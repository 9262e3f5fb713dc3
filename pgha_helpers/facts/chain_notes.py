"""What a node has noted of the runs that changed its system.

A line each time one began, ended, or was completed. The file `chain-<system identifier>` lies in
the node's state directory, beside the lock; each line is a Note as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..model import Head, Note, Pair
from ..model.errors import HaError
from ..run.verbose import tell_of
from ..wire.doors import Door
from ..wire.scripts import script_file

_READ = script_file(__file__, "chain_notes.sh")
_OF = "# chain-"  # before the notes of each system
_HEADS = script_file(__file__, "heads.sh")


@dataclass(frozen=True)
class Ledger:
    """One node's notes in the order in which they were written, and lines that are none.

    `systems` tells of which system a run's notes are. `heads` are the newest lines of the sequences
    of operators' machines.
    """

    notes: tuple[Note, ...] = ()
    torn: tuple[str, ...] = ()
    systems: Mapping[str, str] = field(default_factory=dict)
    heads: tuple[Head, ...] = ()

    def system_of(self, run: str) -> str:
        """The system whose chain a run is part of; empty where that is not told."""
        return self.systems.get(run, "")


def read_ledger(door: Door, system_id: str = "*") -> Ledger:
    """What a node has noted of one system, or of all. Raises as a command does."""
    answer = door.script(_READ, door.node.state_directory, system_id)
    notes, torn, systems, system = [], [], {}, system_id
    for line in answer.lines:
        note = Note.parse(line)
        if note:
            notes.append(note)
            systems[note.run] = system
        elif line.startswith(_OF):
            system = line.removeprefix(_OF)
        elif line.strip():
            torn.append(line)
    return Ledger(tuple(notes), tuple(torn), systems)


def read_heads(door: Door) -> tuple[Head, ...]:
    """The lines of sequences that a node holds. Raises as a command does."""
    return tuple(Head.parse_all(door.script(_HEADS, door.node.state_directory).text))


def read_ledgers(pair: Pair) -> tuple[dict[str, Ledger], list[str]]:
    """What each node has noted of every system, and why another did not answer."""
    found, silent = {}, []
    for node in pair:
        tell_of(pair)
        door = Door(node, pair)
        try:
            found[node.name] = replace(read_ledger(door), heads=read_heads(door))
        except HaError as error:
            silent.append(error.what)
        finally:
            door.close()
    return found, silent
