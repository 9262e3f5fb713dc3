"""Who may replicate: the role, and pg_hba lines in both directions."""

from __future__ import annotations

import os
import re
import stat
import tempfile
import time
from pathlib import Path

from ...facts.access import (
    hba_is_missing,
    hba_lines,
    login_to_copy,
    password_of,
    role_is_missing,
)
from ...facts.files import read_file
from ...facts.queries import query
from ...facts.server_log import ServerLog
from ...facts.wal.rewinding import is_granted
from ...judgement.checks.complaints import last_lines
from ...model import DeedKind, dialect, passfile
from ...model.configuration import with_hba
from ...model.errors import QueryFailed
from ...model.grants import REWIND_FUNCTIONS
from ...model.major import Major
from ...run.run import Run
from ...wire.doors import Door
from ...wire.sql import Identifier
from .files import write_file

_NOT_LOADED = re.compile(r"pg_hba\.conf (?:was )?not reloaded")
_LOADED, _SAID = 2.0, 0.3  # seconds until a reload is logged, and then what came of it


def ensure_rewinding(run: Run, name: str) -> bool:
    """Let the replication role call what pg_rewind calls.

    It could copy every file of this server before, too. False where it was so when the plan was
    made: then the connection was tried, too.
    """
    door = run.doors[name]
    user = run.pair.replication_user
    words = f"let {user} read files over SQL, for pg_rewind"
    with run.deed(name, words, DeedKind.GRANT) as deed:
        if is_granted(door, run.pair):
            deed.already(f"{user} could read files over SQL")
            return False
        functions = ", ".join(REWIND_FUNCTIONS)
        door.sql.do(f"grant execute on function {functions} to %s", [Identifier(user)])
        return True


def ensure_role(run: Run, name: str) -> None:
    """Make sure that the replication role exists.

    Its password comes from the operator's passfile, as a verifier.
    """
    door = run.doors[name]
    user = run.pair.replication_user
    with run.deed(name, f"create role {user} with REPLICATION", DeedKind.CREATE_ROLE) as deed:
        missing = role_is_missing(run, name)
        if not missing:
            deed.already(f"role {user} was there")
            return
        password = password_of(run.pair, name)
        if missing == "give":
            door.sql.do("alter role %s login replication", [Identifier(user)])
            deed.say(f"gave role {user} REPLICATION; its password is as it was")
        elif password:
            verifier = door.sql.encrypted(password, user)
            door.sql.do(
                "create role %s login replication password %s", [Identifier(user), verifier]
            )
            deed.say(
                f"created role {user} with REPLICATION, with the password of this machine's "
                "passfile"
            )
        else:
            door.sql.do("create role %s login replication", [Identifier(user)])
            deed.say(
                f"created role {user} with REPLICATION, without a password: the passfile has "
                "none for it"
            )


def ensure_login(run: Run, name: str, keep: str) -> None:
    """Let this machine log in to a copy of `keep` as it does there, before the copy starts.

    Only lines are added to the operator's passfile, and libpq takes the first that fits.
    """
    if not (lines := login_to_copy(run.pair, keep)):
        return
    user, place = run.pair.user, passfile.passfile_place(run.pair.passfile)
    words = f"put the password of {user} on {keep} first for {name}, too, in {place}"
    with run.deed(name, words, DeedKind.WRITE_PASSFILE):
        _put_first(place, f"# {name} is a copy of {keep}: by pgha\n{lines}")


def ensure_hba(run: Run, name: str) -> None:
    """Make sure that this running server lets both nodes replicate from it."""
    door = run.doors[name]
    with run.deed(name, "let the nodes replicate: pg_hba.conf", DeedKind.EDIT_HBA) as deed:
        if not hba_is_missing(run, name):
            # a run that was killed may have written it, and told nobody
            door.sql.do("select pg_reload_conf()")
            deed.already("pg_hba.conf lets the nodes replicate")
            return
        path = door.sql.read("select current_setting('hba_file') as path")[0]["path"]
        before = read_file(door, path)
        log = ServerLog(door, run.pair.other(name).name)
        write_file(door, path, with_hba(before, hba_lines(run, name)))
        door.sql.do("select pg_reload_conf()")
        if wrong := _not_loaded(door, log):
            write_file(door, path, before)
            door.sql.do("select pg_reload_conf()")
            raise QueryFailed(
                f"{path} on {name} was not loaded, and is as it was: {wrong}",
                "mend that line, reload that server, and run this notebook again",
            )


def _not_loaded(door: Door, log: ServerLog) -> str:
    """What is wrong in pg_hba.conf, so that the server goes on with the old one. Before 10 its log
    alone tells: empty where that tells nothing.
    """
    if dialect.has("hba_rules", Major.of(door.sql.version)):
        rows = door.sql.read(query("hba errors"))
        return f"line {rows[0]['line_number']}: {rows[0]['error']}" if rows else ""
    until = time.monotonic() + _LOADED
    while not (found := _NOT_LOADED.search(log.text)) and time.monotonic() < until:
        time.sleep(0.05)
        log.read()
        if "SIGHUP" in log.text and until - time.monotonic() > _SAID:
            until = time.monotonic() + _SAID  # it reads the file right after it has said so
    return last_lines(log.text[: found.start()]) if found else ""


def _put_first(file: Path, lines: str) -> None:
    """Write lines before all others, in one step; owner and mode stay."""
    file = file.resolve()  # a link stays one
    told = file.stat()
    number, name = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    beside = Path(name)
    try:
        os.fchown(number, told.st_uid, told.st_gid)
        os.fchmod(number, stat.S_IMODE(told.st_mode))
        with os.fdopen(number, "wb") as written:
            written.write(lines.encode("utf-8", "surrogateescape") + file.read_bytes())
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
