"""What the shell tells of the machine of a node that is looked at closely."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ..model import ForNow, Running, SetAside
from ..model.errors import CommandFailed, TooSlow, Unreachable
from ..model.foreign import Told
from ..model.host import Host, Manager, Restore, Start
from ..model.pair import Commands
from ..model.survey import (
    Archiver,
    Survey,
)
from ..run.run import Run
from ..wire.doors import Door
from ..wire.scripts import script_file
from .connection import SettingsByNode, read_keys, try_connection
from .set_aside import read_set_aside
from .starting import read_start

_SCRIPT = script_file(__file__, "survey.sh")


@dataclass(frozen=True)
class HostTold:
    """What a node's shell has said: the lines of survey.sh, and what was asked beside."""

    lines: list[str]
    refused: tuple[str, ...]
    start: Start
    restore: Restore | None
    connection: str
    aside: tuple[SetAside, ...]


def ask_host(
    run: Run, seen: Running, settings: Mapping[str, str], told: SettingsByNode
) -> HostTold | str:
    """What the node's shell says, or why it says nothing; `settings` are those of its server."""
    door = run.doors[seen.node]
    node = run.pair[seen.node]
    starter = ""
    if isinstance(node.service, str) and node.service.startswith("pg_ctlcluster"):
        starter = "pg_ctlcluster"
    certificate = ""
    if settings.get("ssl") == "on":
        certificate = settings.get("ssl_cert_file", "")
    asked = (
        node.data_directory,
        node.bin_directory,
        node.state_directory,
        starter,
        node.configuration,
        certificate,
    )
    try:
        start = read_start(door, runs=True)
        lines = door.script(_SCRIPT, *asked, start.version).lines
        refused = _refused(door)
        restore = _ask_archive(door, settings.get("restore_command", ""), seen.timeline)
        connection = ""
        if run.pair.other(seen.node).name in told.up:  # else nobody judges it, and psql would wait
            keys = read_keys(run, seen.node, told)
            connection = try_connection(door, run.pair, seen.system_id, keys)
        aside = read_set_aside(door, sized=False)
    except (Unreachable, TooSlow, CommandFailed) as silence:
        return silence.what
    return HostTold(lines, refused, start, restore, connection, aside)


def with_host(found: Survey, told: HostTold | str) -> Survey:
    """Add it to what SQL has said."""
    if isinstance(told, str):
        return replace(found, host_unseen=told)
    seen = parse_host(found, told.lines, told.refused, told.connection, told.aside)
    assert seen.host is not None, "parse_host has just made it"
    return replace(seen, host=replace(seen.host, start=told.start, restore=told.restore))


_RESTORE = script_file(__file__, "restore.sh")


@cache  # of a slow one the first look tells
def _ask_archive(door: Door, command: str, timeline: int) -> Restore | None:
    """How restore_command says that it has not a file; None where there is no command.

    It is asked for the next timeline's history, as a promotion asks it, and nothing of the node's
    is written.
    """
    if not command:
        return None
    place = f"/tmp/pgha-restore-{secrets.token_hex(8)}"
    words = {"%f": f"{timeline + 1:08X}.history", "%p": place, "%r": "0" * 24, "%%": "%"}
    asked = re.sub("%[fpr%]", lambda found: words[found[0]], command)
    began = time.monotonic()
    answer = door.script(_RESTORE, door.node.data_directory, asked, place, within=door.patience)
    seconds = time.monotonic() - began
    status = int(answer.text) if answer.text.isdigit() else 1
    return Restore(seconds, status)


def parse_host(
    found: Survey,
    lines: list[str],
    refused: tuple[str, ...] = (),
    connection: str = "",
    kept: tuple[SetAside, ...] = (),
) -> Survey:
    """Put the answer of survey.sh beside what SQL said.

    >>> bare = Survey("db0", Archiver("on", "", "", False))
    >>> parse_host(bare, ["oldest 2.5", "waiting 3", "segment 0.4", "segment 0.6",
    ... "manager ours x (pid 7)"]).archiver # doctest: +NORMALIZE_WHITESPACE
    Archiver(mode='on', last_archived='', last_failed='', failing=False, waiting=3, oldest=2.5,
    segment=0.6, unread='')
    """
    words = Told(lines)
    changed = []
    for line in words.all("fornow"):
        if setting := ForNow.parse(found.node, line):
            changed.append(setting)
    host = Host(
        tuple(_manager(text) for text in words.all("manager")),
        (*words.all("refused"), *refused),
        connection,
        kept,
        tuple(changed),
        unit=words.one("unit"),
        options=" ".join(words.all("options")),
        fixed=words.one("fixed"),
        expired=words.one("expired"),
        lacks=words.all("lacks"),
        others=words.all("other"),
        libc=words.one("libc"),
    )
    return replace(found, archiver=_archiver(found.archiver, words), host=host)


def _archiver(found: Archiver, words: Told) -> Archiver:
    """The same with what waits; why that is not known, where the node's find cannot tell."""
    try:
        waiting = words.wholes("waiting")
        oldest = words.numbers("oldest")
        took = sorted(max(0.0, seconds) for seconds in words.numbers("segment"))
    except ValueError as odd:
        return replace(found, unread=str(odd))
    return replace(
        found,
        waiting=waiting[0] if waiting else 0,
        oldest=max(0.0, oldest[0]) if oldest else 0.0,
        segment=took[len(took) // 2] if took else None,
        unread=words.one("unarchived"),
    )


def _manager(text: str) -> Manager:
    how, _, words = text.partition(" ")
    name = words.partition(" ")[0] if how in ("ours", "unread") else how
    return Manager(name, words, how == "ours")


def _refused(door: Door) -> tuple[str, ...]:
    """What the ssh user may not do of all that a run does as that user.

    What its owner may not do, survey.sh tells.
    """
    service = door.node.service
    if not isinstance(service, Commands):
        return ()
    reasons = []
    for argv in (service.start, service.stop, service.disable, service.enable):
        if argv and not _may_run(door, argv):
            reasons.append(f"{' '.join(argv)} is not allowed, or there is no such program")
    return (*reasons, *_masked(door, service.start))


def _masked(door: Door, start: tuple[str, ...]) -> tuple[str, ...]:
    """Why systemd would not start the unit, if it is systemd that is told to."""
    program = next((word for word in start if Path(word).name == "systemctl"), "")
    if not program:
        return ()
    argv = (program, "show", "-p", "LoadState", start[-1])
    answer = door.login.run(*argv, okay=range(256))
    state = answer.text.partition("=")[2]
    if state not in ("masked", "not-found"):
        return ()
    return (f"systemd would not start {start[-1]}: it is {state}",)


def _may_run(door: Door, argv: tuple[str, ...]) -> bool:
    """Whether the ssh user may run this, asked of sudo where the command begins with it.

    It is not run.
    """
    if Path(argv[0]).name != "sudo":
        answer = door.login.script('command -v "$1"', argv[0], okay=range(256))
        return answer.status == 0
    asked = [word for word in argv[1:] if word not in ("-n", "--non-interactive")]
    answer = door.login.run(argv[0], "-n", "-l", *asked, okay=range(256))
    return answer.status == 0
