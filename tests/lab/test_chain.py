"""The notes of the nodes stand in nobody's way: a lost node need not take them, and a torn line
spoils no other.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pgha_helpers import gate, look, plan_promotion
from pgha_helpers.facts.chain_notes import read_ledger, read_ledgers
from pgha_helpers.model.errors import HaError, Refusal
from pgha_helpers.records.making.numbering import own_sequence
from pgha_helpers.records.reading.verification import verify
from pgha_helpers.run.journal import read
from pgha_helpers.run.parameters.pair_file import load_pair

from ..conftest import pgha
from ..embedded import Lab
from .runs import carry_out, running, to_promote
from .servers import records, standby_of, writable


def notes_file(lab: Lab, node: str) -> Path:
    (found,) = (lab.node(node).data_directory.parent / "state").glob("chain-*")
    return found


def test_a_lost_node_that_takes_no_note_stops_no_failover(own_pair: Lab) -> None:
    """A disk that takes nothing may be why it is lost."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to take a file away from the node's user")
    notes = notes_file(own_pair, "db0")
    os.chown(notes, 0, 0)
    notes.chmod(0o644)
    own_pair.kill("db0")
    words = ("-p", "occasion=failover", "-p", "confirm=promote db1")
    done = pgha("run", "promote", str(own_pair.pair_file), *words)
    # promoted, and without a standby
    assert done.returncode == 5 and writable(own_pair) == ["db1"], done.stdout
    story = read(list(records(own_pair))[-1])
    assert story.first("not noted")["node"] == "db0" and story.first("chained")["number"] == 2
    assert "Permission denied" in done.stdout, "what could not be noted is said"
    found = load_pair(str(own_pair.pair_file))
    assert pgha("records", "list", str(own_pair.pair_file)).returncode == 0
    assert verify(found, read_ledgers(found)[0]).findings == []


def test_a_run_that_could_not_be_noted_passes_no_gate(own_pair: Lab) -> None:
    """Nor when its gate is tried again, and the disk takes notes by then."""
    notes = notes_file(own_pair, "db1")
    notes.unlink()
    notes.mkdir()
    with running(own_pair, "promote", confirm="promote db1") as run:
        now = look(run, closely=True)
        plan = plan_promotion(run, now)
        with pytest.raises(HaError, match="chain-"):
            gate(run, plan)
        assert read_ledger(run.doors["db0"]).notes[-1].run == run.id, (
            "nothing is left at work on the other node"
        )
        notes.rmdir()
        with pytest.raises(Refusal, match="could not be noted"):
            gate(run, plan)
    assert writable(own_pair) == ["db0"]


def test_a_torn_line_stops_no_change_and_spoils_no_other(pair: Lab) -> None:
    target = standby_of(pair)
    with notes_file(pair, "db0").open("a") as file:
        file.write('{"number": 2, "run": "dead')
    carry_out(pair, "promote", to_promote(target))
    story = read(list(records(pair))[-1])
    assert story.first("chained")["torn"] == ["db0"] and story.first("chained")["number"] == 2
    ledgers, silent = read_ledgers(load_pair(str(pair.pair_file)))
    assert not silent and ledgers["db0"].torn == ('{"number": 2, "run": "dead',)
    assert [note.what for note in ledgers["db0"].notes if note.number == 2] == ["begun", "ended"]


def test_a_node_that_has_lost_its_notes_gets_them_again(pair: Lab) -> None:
    target = standby_of(pair)
    notes_file(pair, "db1").unlink()
    carry_out(pair, "promote", to_promote(target))
    ledgers, _ = read_ledgers(load_pair(str(pair.pair_file)))
    runs = {name: {note.run for note in ledger.notes} for name, ledger in ledgers.items()}
    assert runs["db0"] == runs["db1"] and len(runs["db1"]) == 3


def test_a_run_does_not_write_over_what_tells_that_records_were_removed(pair: Lab) -> None:
    """Else whoever removes the newest, with their lines, only has to wait for cron."""
    words = ("run", "verify", str(pair.pair_file), "-p", "light=true")
    assert pgha(*words).returncode == 0
    removed = list(records(pair))[-1]
    own = own_sequence(load_pair(str(pair.pair_file)))
    before = own.path.read_text()
    shutil.rmtree(removed)
    kept = before.splitlines(keepends=True)
    first = next(n for n, line in enumerate(kept) if removed.name in line)
    own.path.write_text("".join(kept[:first]))
    for _ in range(2):  # it says so each time, and the second time it holds both
        done = pgha(*words)
        assert done.returncode == 0 and "does not stand here" in done.stdout, done.stdout
    said = pgha("records", "verify", str(pair.pair_file), "--nodes")
    assert said.returncode == 2 and "removed and gone on after" in said.stdout, said.stdout
    assert "until then nothing was changed" in said.stdout, "and the newest line, too"


def test_thousands_of_notes_are_no_argument_list(pair: Lab) -> None:
    """A node that has lost its notes after many changes gets them all at once."""
    target = standby_of(pair)
    file = notes_file(pair, "db0")
    line = file.read_text().splitlines()[0]
    file.write_text(
        "".join(line.replace('"number": 1,', f'"number": {n},') + "\n" for n in range(1, 3001))
    )
    notes_file(pair, "db1").unlink()
    carry_out(pair, "promote", to_promote(target))
    assert len(notes_file(pair, "db1").read_text().splitlines()) >= 3001 - 2
