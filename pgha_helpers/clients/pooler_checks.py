"""What is seen of a PgBouncer, and every reason why its clients could not be moved now.

It changes nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from ..model.errors import CommandFailed, HaError
from . import ini
from .console import PooledDatabase
from .file import StagedFile
from .move import node_at
from .pooler import Pooler


def outlook(bouncer: Pooler, primary: str) -> tuple[str, list[str]]:
    """What it is, in words, and every reason against it. `primary` is empty where there is none."""
    client = bouncer.client
    words = f"{client.host}:{client.port}"
    try:
        words = f"{bouncer.console.open()} at {words}"
        known = bouncer.console.databases()
        for name, database in known.items():
            words += f", {name} to {bouncer.at(database.target)}"
        settings = bouncer.console.settings()
    except HaError as silence:
        return words, [silence.what]
    against = list(_console_says_no(bouncer, known, settings, primary))
    try:
        against += _file_says_no(bouncer, known, settings.get("conffile", ""))
    except HaError as silence:
        return words, [*against, silence.what]
    unwatched = bouncer.watchdog.why_not()
    if unwatched:
        against.append(unwatched)
    return words, against


def _console_says_no(
    bouncer: Pooler, known: Mapping[str, PooledDatabase], settings: Mapping[str, str], primary: str
) -> Iterator[str]:
    admins = [name.strip() for name in settings["admin_users"].split(",")]
    if bouncer.client.user not in admins:
        yield f"{bouncer.client.user} is not one of its admin_users, so it may not PAUSE"
    following = bouncer.following(known)
    if not following:
        yield f"none of its databases points at {' or '.join(bouncer.pair.names)}"
    for name in (*following, *bouncer.client.readers):
        if name not in known:
            yield f"it has no database {name}; it has {', '.join(known) or 'none'}"
        elif (node := node_at(bouncer.pair, known[name].target)) is None:
            yield (
                f"database {name} points at {bouncer.at(known[name].target)}, which is no node "
                "of the pair"
            )
        elif name in following:
            yield from _cannot_pause(known[name], node.name, primary, settings["pool_mode"])


def _cannot_pause(
    database: PooledDatabase, at: str, primary: str, default_mode: str
) -> Iterator[str]:
    name = database.name
    if primary and at != primary:
        yield f"database {name} points at {at}, but the primary is {primary}"
    if database.paused:
        yield f"database {name} is paused: RESUME {name}, if nobody knows why"
    if database.disabled:
        yield f"database {name} is disabled"
    if (database.pool_mode or default_mode) == "session":
        yield (
            f"database {name} has pool_mode session: a PAUSE would wait until every client has gone"
        )


def _file_says_no(bouncer: Pooler, known: Mapping[str, PooledDatabase], main: str) -> Iterator[str]:
    file = bouncer.file
    if reasons := list(file.why_not()):
        yield from reasons
        return
    try:
        lines = ini.read_ini(file.read())
    except ValueError as error:
        yield f"{file.path}: {error}"
        return
    ours = (*bouncer.following(known), *bouncer.client.readers)
    for name in ours:
        if name not in lines:
            yield f"{file.path} has no line for database {name}"
        elif name in known and lines[name].target != known[name].target:
            yield (
                f"{file.path} points {name} at {bouncer.at(lines[name].target)}, but pgbouncer "
                f"points it at {bouncer.at(known[name].target)}: RELOAD, or mend the file"
            )
    for name in lines:
        if name not in ours:
            yield (
                f"{file.path} has a line for database {name}, which follows neither the primary "
                "nor the standby: move that line to pgbouncer.ini"
            )
    yield from _not_included(bouncer, main)


def _not_included(bouncer: Pooler, main: str) -> Iterator[str]:
    """The file must be one that a RELOAD reads.

    That is said only where pgbouncer's own configuration tells.
    """
    path = bouncer.file.path
    if main.startswith("/"):
        with contextlib.suppress(CommandFailed):
            if path not in ini.includes(StagedFile(bouncer.door, main).read()):
                yield (
                    f"{main} does not %include {path}, so a RELOAD would not read it: write that "
                    "line under [databases]"
                )
