"""Who makes a loser a standby again: by hand with bare programs, or the runbook's verbs."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from pgha_helpers import look
from pgha_helpers.changes import plan_rebuild
from pgha_helpers.model import Pair
from pgha_helpers.model.configuration import standby_settings, with_settings
from pgha_helpers.model.conninfo import primary_conninfo
from pgha_helpers.model.major import Major
from pgha_helpers.records.making.folder import record_folders
from pgha_helpers.run.journal import JOURNAL, read
from pgha_helpers.run.parameters.pair_file import load_pair

from ...embedded import Lab
from ...lab.peer_ssh import ssh_pair
from ...lab.runs import carry_out, running
from ..commands import Ran, pgha
from ..switchover.nodes import PROGRAMS, Nodes, ask
from .loser import Streaming, as_owner

_MAJOR = Major(15)
_OWN = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf", "postgresql.auto.conf")
_WIRE = re.compile(r"([\d.]+) (kB|MB|GB) in all")
# from round to round, in what is the same deed
_VARIES = re.compile(r"/\S+|\b(?:pgha_)?(?:db)?\d[\d.]*( [kMGT]?B)?")
_UNITS = {"kB": 2**10, "MB": 2**20, "GB": 2**30}
ALONE = "the bare programs alone"
_SAME_WORK = ("recover it from its crash", "rewound it from")  # what the bare pg_rewind does, too


@dataclass(frozen=True)
class Rebuilt:
    """Seconds from the decision until the node streams, the method, bytes moved (None: not told),
    seconds by deed.
    """

    seconds: float
    method: str
    moved: float | None = None
    deeds: tuple[tuple[str, float], ...] = ()

    @property
    def alone(self) -> float:
        """Seconds of pg_rewind and the recovery before it, without what goes before and after
        them.
        """
        return sum(seconds for did, seconds in self.deeds if did.startswith((ALONE, *_SAME_WORK)))


class Contender(Protocol):
    """Somebody who can bring a loser back."""

    name: str

    def rebuild(self, lab: Lab, loser: str) -> Rebuilt: ...


class ByHand:
    """What a careful hand does with bare programs, typed in advance: the clock runs from its first
    command.
    """

    def __init__(self, method: str) -> None:
        self.method = method
        self.name = {"clone": "pg_basebackup, pg_verifybackup", "rewind": "pg_rewind"}[
            method
        ] + " by hand"

    def rebuild(self, lab: Lab, loser: str) -> Rebuilt:
        nodes, pair = Nodes.of(lab), load_pair(str(lab.pair_file))
        primary = pair.other(loser).name
        with Streaming(nodes, primary, loser) as streaming:
            began = time.time()
            alone = self._rebuild(lab, pair, loser)
            return Rebuilt(streaming.at() - began, self.method, deeds=((ALONE, alone),))

    def _rebuild(self, lab: Lab, pair: Pair, loser: str) -> float:
        """Seconds of the bare program; the server was started after it."""
        nodes, primary = Nodes.of(lab), pair.other(loser).name
        with nodes.session(primary) as session:
            slot = pair[loser].slot
            if not ask(
                session,
                f"select exists (select from pg_replication_slots where slot_name = '{slot}')",
            ):
                ask(session, f"select pg_create_physical_replication_slot('{slot}', true)")
            if self.method == "rewind":
                ask(session, "checkpoint")
        alone = {"clone": _clone, "rewind": _rewind}[self.method](lab, pair, loser)
        data, log = lab.node(loser).data_directory, lab.node(loser).home / "by-hand.log"
        (data / "postmaster.pid").unlink(missing_ok=True)
        as_owner(lab, loser, PROGRAMS / "pg_ctl", "start", "-s", "-W", "-D", data, "-l", log)
        return alone


def _clone(lab: Lab, pair: Pair, loser: str) -> float:
    data = lab.node(loser).data_directory
    kept = data.rename(data.with_name(f"{data.name}.by-hand"))
    source = ("-d", primary_conninfo(pair, pair[loser], _MAJOR, "by_hand"), "-S", pair[loser].slot)
    options = ("-X", "stream", "-c", "fast", "--no-password", "-P")
    began = time.monotonic()
    as_owner(lab, loser, PROGRAMS / "pg_basebackup", "-D", data, *source, *options)
    as_owner(lab, loser, PROGRAMS / "pg_verifybackup", "-q", data)
    took = time.monotonic() - began
    _own_configuration(lab, pair, loser, kept)
    return took


def _rewind(lab: Lab, pair: Pair, loser: str) -> float:
    data = lab.node(loser).data_directory
    kept = data.with_name(f"{data.name}.by-hand")
    as_owner(lab, loser, "mkdir", kept)
    as_owner(lab, loser, "cp", "-p", *(data / file for file in _OWN), kept)
    # it was killed, and the server believes what a crash has left
    (data / "postmaster.pid").unlink(missing_ok=True)
    road = primary_conninfo(pair, pair[loser], _MAJOR, "by_hand")
    source = f"--source-server={road} dbname={pair.database}"
    began = time.monotonic()
    # from 13 on it recovers a crashed one itself
    as_owner(lab, loser, PROGRAMS / "pg_rewind", "-D", data, source)
    took = time.monotonic() - began
    for slot in (data / "pg_replslot").iterdir():
        shutil.rmtree(slot)
    _own_configuration(lab, pair, loser, kept)
    return took


def _own_configuration(lab: Lab, pair: Pair, loser: str, kept: Path) -> None:
    """The node's own files, and what makes it a standby."""
    data, auto = lab.node(loser).data_directory, kept / "postgresql.auto.conf"
    auto.write_text(with_settings(auto.read_text(), standby_settings(pair, pair[loser], _MAJOR)))
    as_owner(lab, loser, "cp", "-p", *(kept / file for file in _OWN), data)
    as_owner(lab, loser, "touch", data / "standby.signal")
    as_owner(lab, loser, "sync", data)


class Ours:
    """The notebook's verbs over ssh. The clock runs from the gate until the primary streams to the
    node.
    """

    def __init__(self, method: str, over_ssh: bool = False) -> None:
        self.method, self.over_ssh = method, over_ssh
        self.name = f"pgha, method={method}" if method else "pgha, its own choice"
        if over_ssh:
            self.name += ", over ssh"

    def rebuild(self, lab: Lab, loser: str) -> Rebuilt:
        pair = ssh_pair(lab, lab.folder, *lab.nodes) if self.over_ssh else lab.pair_file
        consent = rehearsed(pair, self.method)
        with (
            _quiet(),
            Streaming(Nodes.of(lab), load_pair(str(pair)).other(loser).name, loser) as streaming,
        ):
            carry_out(pair, "rebuild", consent, method=self.method)
            at = streaming.at()
        # by its time, and not by its name: the rehearsal may have begun in the same second
        return told(
            max(
                record_folders(lab.folder / "records"),
                key=lambda it: (it / JOURNAL).stat().st_mtime,
            ),
            at,
        )


def as_typed(lab: Lab, method: str) -> Ran:
    """The command, with a kernel and a record: what it weighs."""
    words = (f"confirm={rehearsed(lab.pair_file, method)}", f"method={method}")
    return pgha(
        "run",
        "rebuild",
        str(lab.pair_file),
        *(part for word in words for part in ("-p", word)),
        weigh=True,
    )


def rehearsed(pair: Path, method: str) -> str:
    """The words of consent."""
    with _quiet(), running(pair, "rebuild", method=method) as run:
        return plan_rebuild(run, look(run)).consent


def told(record: Path, streaming: float) -> Rebuilt:
    """What the journal tells of a rebuild after which the primary was `streaming` to the node at
    that moment.
    """
    events = read(record).events
    gate = next(event["at"] for event in events if event["event"] == "gate passed")
    done = [event for event in events if event["event"] == "deed ended"]
    method = next(event["plan"]["kind"] for event in events if event["event"] == "planned")
    moved: float | None = sum(event["bytes"] for event in events if event["event"] == "throughput")
    for deed in done:
        if match := _WIRE.search(deed["did"]):
            moved = float(match[1]) * _UNITS[match[2]]
    began = datetime.fromisoformat(gate).timestamp()
    return Rebuilt(streaming - began, method, moved or None, _spans(began, done))


def _spans(began: float, done: list[dict[str, Any]]) -> tuple[tuple[str, float], ...]:
    """Seconds by deed, and between deeds by what came before."""
    found, last = [], began
    for deed in done:
        did = _VARIES.sub("…", deed["did"])[:60]
        # some are done beside another one
        found.append((f"before: {did}", max(0.0, deed["began"] - last)))
        found.append((did, deed["seconds"]))
        last = deed["began"] + deed["seconds"]
    return tuple(found)


@contextlib.contextmanager
def _quiet() -> Any:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
