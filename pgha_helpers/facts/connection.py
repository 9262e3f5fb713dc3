"""The very connection that a node uses as a standby, tried from there and as the same user."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Mapping

from ..model import Pair
from ..model.configuration import ARCHIVE_WORDS, standby_settings
from ..model.conninfo import PROOF, further_parameters, primary_conninfo, source_conninfo
from ..model.dialect import NEWEST, has
from ..model.errors import CommandFailed, HaError, TooSlow, Unreachable
from ..model.major import Major
from ..run.run import Run
from ..wire.doors import Door
from ..wire.scripts import script_file, shell_functions
from ..wire.shell import Answer
from .configured import configured_settings
from .node_config import home_of
from .queries import query


class SettingsByNode:
    """What the files of each node say, as it is told to a look: read once, whoever asks for it.

    `up` are the nodes that have just answered SQL: to ask another one again costs a time-out.
    """

    def __init__(self, run: Run, up: Collection[str] = ()) -> None:
        self.up = up or run.pair.names
        self._doors = run.doors
        self._told: dict[str, Mapping[str, str]] = {}
        self._locks = {name: threading.Lock() for name in run.pair.names}

    def __getitem__(self, name: str) -> Mapping[str, str]:
        with self._locks[name]:
            if name not in self._told:
                self._told[name] = _settings(self._doors[name])
            return self._told[name]


def keys_of(run: Run, name: str) -> Mapping[str, str]:
    """What the node's standby definition goes on to say.

    As it was read last in this run, else as it is read now.
    """
    if name in run.seen.connection_keys:
        return run.seen.connection_keys[name]
    return read_keys(run, name)


def read_keys(run: Run, name: str, told: SettingsByNode | None = None) -> Mapping[str, str]:
    """The same, read anew, or as the files of the nodes were `told` just now. A node that does not
    answer says nothing.

    It needs a dbname for the copying of logical slots (from 17 on).
    """
    told = told or SettingsByNode(run)
    ours, theirs = told[name], told[run.pair.other(name).name]
    copies = [each.get("sync_replication_slots", "") for each in (ours, theirs)]
    copied = any(value in ("on", "true", "yes", "1") for value in copies)
    dbname = ""
    if copied or _has_failover_slots(run, name, told.up):
        dbname = run.pair.database
    own = ours.get("primary_conninfo", "")
    other = theirs.get("primary_conninfo", "")
    run.seen.connection_keys[name] = further_parameters(own, other, dbname)
    run.seen.archive_words[name] = {word: ours[word] for word in ARCHIVE_WORDS if ours.get(word)}
    return run.seen.connection_keys[name]


def definition(run: Run, name: str, major: Major) -> dict[str, str | None]:
    """The node's standby definition, with what it goes on to say."""
    keys = keys_of(run, name)
    words = run.seen.archive_words.get(name, {})
    return standby_settings(run.pair, run.doors[name].node, major, keys, words)


def _settings(door: Door) -> Mapping[str, str]:
    node = door.node
    outside = node.config_directory
    try:
        if found := configured_settings(door, node.data_directory, outside):
            return found
        return configured_settings(door, home_of(door) or node.data_directory, outside)
    except (Unreachable, TooSlow, CommandFailed):
        return {}


def _has_failover_slots(run: Run, name: str, up: Collection[str]) -> bool:
    """Whether the primary has logical slots that are to survive a move.

    The other node is asked first.
    """
    for each in filter(up.__contains__, (run.pair.other(name).name, name)):
        with contextlib.suppress(HaError):
            row = run.doors[each].sql.read(query("failover slots"))[0]
            if row["there"] or row["surely"]:
                return bool(row["there"])
    return False


_PASSFILE = script_file(__file__, "passfile.sh")


def why_no_passfile(door: Door) -> str:
    """Why the passfile of the pair file would not be used on the node, by PostgreSQL's user.

    Empty where it would.
    """
    if not door.node.passfile:
        return ""
    named = has("passfile_word", door.programs() or NEWEST)
    return door.script(_PASSFILE, door.node.passfile, "" if named else "home").text


_FEEDS_NOBODY = "recovery is still in progress"
#: A walsender reads it before it looks whether its server is a standby, and after whoever asks was
#: let in: then the sentence comes in English, or this role may not set it, whatever the language.
_IN_ENGLISH = "lc_messages"


def try_connection(door: Door, pair: Pair, system_id: str, keys: Mapping[str, str]) -> str:
    """Why this node cannot replicate from the other one, which is `system_id`; empty where it can,
    and where there is no psql to try it with: see `untried`.

    `keys` are those of its definition that we do not write. The connection names a passfile on the
    node and never a password.
    """
    major = door.programs() or NEWEST
    conninfo = primary_conninfo(pair, door.node, major, PROOF, keys)
    conninfo += " dbname=replication replication=true"
    answer = _psql(door, "IDENTIFY_SYSTEM", conninfo)
    if answer.status == _NO_PSQL:
        return ""
    if answer.status and not has("cascading", major) and _is_sent_away(door, conninfo):
        return ""
    if answer.status:
        return _why_psql_failed(answer)
    if answer.text.split("|")[0] == system_id:
        return ""
    other = pair.other(door.node.name).name
    return f"another system than {other} answers: {answer.text}"


def _is_sent_away(door: Door, conninfo: str) -> bool:
    """Whether it is let in, and sent away as a standby sends everybody away."""
    told = _psql(door, "IDENTIFY_SYSTEM", f"{conninfo} options='-c {_IN_ENGLISH}=C'").complaint
    return _FEEDS_NOBODY in told or _IN_ENGLISH in told


def untried(door: Door) -> str:
    """Why the node's connection cannot be tried before it is used; empty where it can."""
    return "there is no psql to try it with" if "psql" in door.lacking() else ""


def try_source(door: Door, pair: Pair, keys: Mapping[str, str]) -> str:
    """Why pg_rewind on this node could not read the other one's files; empty where it can."""
    asked = "select length(pg_read_binary_file('global/pg_control'))"
    source = source_conninfo(pair, door.node, door.programs() or NEWEST, further=keys)
    answer = _psql(door, asked, source)
    return _why_psql_failed(answer) if answer.status else ""


_NO_PSQL = 69
_PSQL = (
    shell_functions("psql.sh")
    + f'''psql=$(psql_of "$1"); shift; [ -n "$psql" ] || exit {_NO_PSQL}; exec "$psql" "$@"'''
)


def _psql(door: Door, command: str, conninfo: str) -> Answer:
    """What psql on the node answers, which asks for no password. _NO_PSQL where there is none."""
    argv = ("-w", "-X", "-A", "-t", "-c", command, conninfo)
    return door.script(_PSQL, door.node.bin_directory, *argv, okay=range(256))


def _why_psql_failed(answer: Answer) -> str:
    _, refused, words = answer.complaint.rpartition("failed: FATAL:")
    if refused:
        return f"FATAL:{words}"
    bare = answer.complaint.removeprefix("psql: error: ")
    return bare or f"psql ended with status {answer.status}"
