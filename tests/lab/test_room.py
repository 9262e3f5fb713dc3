"""A disk without room: a gate where it can be known, and no dead end where it cannot."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pgha_helpers import look, plan_promotion
from pgha_helpers.changes.deeds import wal_copy
from pgha_helpers.changes.deeds.chain_notes import note_on
from pgha_helpers.judgement.plans import Plan
from pgha_helpers.model import Note
from pgha_helpers.model.errors import Failure, NoRoom, NotSafe
from pgha_helpers.run.journal import read

from ..conftest import pgha
from ..embedded import Lab
from .disks import as_seen_by, give_disk, place
from .runs import carry_out, changed_pair, running, to_promote
from .servers import ask, records, wait_for_answer, writable, write_kilobytes
from .stopped import deaf

MB = 2**20


@dataclass(frozen=True)
class Small:
    """A pair whose db1 has all that is its own on a small disk: its data directory, and the notes
    of the runs.
    """

    pair: Lab
    path: Path
    disk: Path

    def fill(self, leave: int = 0) -> None:
        """Take all the room but so many bytes; what was taken before is given back first."""
        self.make_room()
        left = os.statvfs(self.disk)
        count = left.f_bavail * left.f_frsize - leave
        with contextlib.suppress(OSError), (self.disk / "ballast").open("wb", buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, count)

    def make_room(self) -> None:
        (self.disk / "ballast").unlink(missing_ok=True)

    def failover(self, **parameters: str) -> Plan:
        """What a failover would do."""
        with running(self.path, "promote", occasion="failover", **parameters) as run:
            return plan_promotion(run, look(run, around=True))


@pytest.fixture
def small(empty: Lab, need: Callable[..., None], tmp_path: Path) -> Iterator[Small]:
    with place(empty, need, "pgha disk ") as folder:
        give_disk(empty, "db1", folder, "400m")
        seen, owner = as_seen_by(empty, "db1", folder), empty.node("db0").home.stat()
        for name in ("data", "state"):
            (seen / name).mkdir(mode=0o700)
            os.chown(seen / name, owner.st_uid, owner.st_gid)
        empty.node("db1").data_directory.symlink_to(folder / "data")
        path = changed_pair(empty, tmp_path, db1={"state_directory": str(folder / "state")})
        carry_out(path, "setup", "setup db1")
        yield Small(empty, path, as_seen_by(empty, "db1", folder))
        for node in empty.nodes:
            empty.kill(node)


def test_a_salvage_for_which_there_is_no_room_is_refused_before_the_gate(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate said that nothing is lost; past it the disk was full, nobody was writable, and the
    advice was to run it again."""
    pair, data = small.pair, small.pair.node("db0").data_directory
    ask(pair, "db0", "create table t (n text)")
    wait_for_answer(pair, "db1", "select to_regclass('t') is not null", True)
    with deaf(pair):
        write_kilobytes(pair, "db0", "t", 60000)
        pair.kill("db0")
    small.fill(leave=100 * MB)
    with pytest.raises(
        NotSafe, match=r"MB are needed on db1 for its WAL, .* MB are free"
    ) as refused:
        carry_out(small.path, "promote", "promote db1", occasion="failover")
    assert "make room there" in str(refused.value) and "-p salvage=none" in str(refused.value)
    assert not (data / "standby.signal").exists(), "nothing was done yet"
    assert "WILL BE MISSING" in str(small.failover(salvage="none"))
    small.fill(leave=20 * MB)
    with pytest.raises(
        NotSafe, match=r"db1 has .* MB free for its WAL, and needs 32 MB to be primary"
    ):
        small.failover(salvage="none")
    small.make_room()
    monkeypatch.setattr(wal_copy, "_WRITE", "echo 'dd: No space left on device' >&2; exit 1%.0s\n")
    with pytest.raises(Failure, match="No space left on device") as failed:
        carry_out(small.path, "promote", "promote db1", occasion="failover")
    monkeypatch.undo()
    assert "make room there" in str(failed.value) and "-p salvage=none" in str(failed.value)
    assert not list((small.disk / "data" / "pg_wal").glob("pgha-salvage.*"))
    carry_out(small.path, "promote", "promote db1", occasion="failover")
    assert ask(pair, "db1", "select count(*) from t") == [(60000,)]


def test_who_has_no_room_is_not_moved_to_and_a_note_that_is_not_taken_keeps_nobody(
    small: Small,
) -> None:
    """The first checkpoint of the one crashed it; then the note of the run, on its disk, kept
    everybody there.
    """
    pair, notes = small.pair, small.disk / "state"
    small.fill(leave=50 * MB)
    with pytest.raises(NotSafe, match=r"db1 has .* MB free, and needs 64 MB"):
        carry_out(small.path, "promote", "promote db1")
    assert writable(pair) == ["db0"]
    small.make_room()
    carry_out(small.path, "promote", "promote db1")
    small.fill()
    with pytest.raises(NotSafe, match="db1 has 0 B free, and needs 1 MB"):
        carry_out(small.path, "promote", to_promote("db0"))
    with running(small.path, "verify") as run, pytest.raises(NoRoom):
        note_on(
            run.doors["db1"],
            "1",
            [Note(n, "r", "begun", "0" * 64, "p", "h", "t") for n in range(100)],
        )
    assert not (notes / "chain-1").read_text(), "no torn line is left"
    small.make_room()
    for chain in notes.glob("chain-*"):
        chain.chmod(0o400)
    carry_out(small.path, "promote", to_promote("db0"))
    assert (
        writable(pair) == ["db0"]
        and read(list(records(pair))[-1]).last("not noted")["node"] == "db1"
    )
    for chain in notes.glob("chain-*"):
        chain.chmod(0o600)
    carry_out(small.path, "promote", to_promote("db1"))
    checked = pgha("records", "verify", str(small.path), "--nodes")
    assert checked.returncode == 0, checked.stdout + checked.stderr
