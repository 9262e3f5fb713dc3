"""The very connection that a node uses as a standby, tried from there and as the same user."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from ..model import Pair
from ..model.conninfo import PROOF, further_parameters, primary_conninfo, source_conninfo
from ..model.errors import CommandFailed, HaError, TooSlow, Unreachable
from ..run.run import Run
from ..wire.doors import Door
from .configured import configuration
from .node_config import home_of
from .queries import query


def keys_of(run: Run, name: str) -> Mapping[str, str]:
    """What the node's standby definition goes on to say.

    As it was read last in this run, else as it is read now.
    """
    known = run.seen.connection_keys
    return known[name] if name in known else read_keys(run, name)


def read_keys(run: Run, name: str) -> Mapping[str, str]:
    """The same, read anew. A node that does not answer says nothing.

    It needs a dbname for the copying of logical slots (from 17 on).
    """
    settings = [_settings(run.doors[each]) for each in (name, run.pair.other(name).name)]
    own, other = (told.get("primary_conninfo", "") for told in settings)
    copied = any(
        told.get("sync_replication_slots", "") in ("on", "true", "yes", "1") for told in settings
    )
    dbname = run.pair.database if copied or _has_failover_slots(run, name) else ""
    found = run.seen.connection_keys[name] = further_parameters(own, other, dbname)
    return found


def _settings(door: Door) -> Mapping[str, str]:
    try:
        outside = door.node.config_directory
        found = configuration(door, door.node.data_directory, outside).settings
        return (
            found
            or configuration(door, home_of(door) or door.node.data_directory, outside).settings
        )
    except (Unreachable, TooSlow, CommandFailed):
        return {}


def _has_failover_slots(run: Run, name: str) -> bool:
    """Whether the primary has logical slots that are to survive a move.

    The other node is asked first.
    """
    for each in (run.pair.other(name).name, name):
        with contextlib.suppress(HaError):
            told = run.doors[each].sql.read(query("failover slots"))[0]
            if told["there"] or told["surely"]:
                return bool(told["there"])
    return False


#: $1 a passfile. Why libpq would not use it, in words; nothing where it would, or there is none,
#: which may be meant.
_PASSFILE = """
[ -e "$1" ] || exit 0
[ -f "$1" ] || { echo "$1 is not a file"; exit 0; }
[ -r "$1" ] || { echo "$1 cannot be read by $(id -un)"; exit 0; }
mode=$(stat -L -c %a -- "$1")
case $mode in
  *00) ;;
  *) echo "$1 is ignored, because others may read it (mode 0$mode): chmod 600 $1";;
esac
"""


def why_no_passfile(door: Door) -> str:
    """Why the passfile of the pair file would not be used on the node, by PostgreSQL's user.

    Empty where it would.
    """
    return door.script(_PASSFILE, door.node.passfile).text if door.node.passfile else ""


def try_connection(door: Door, pair: Pair, system_id: str, keys: Mapping[str, str]) -> str:
    """Why this node cannot replicate from the other one, which is `system_id`; empty where it can.

    `keys` are those of its definition that we do not write. The connection names a passfile on the
    node and never a password.
    """
    told = f"{primary_conninfo(pair, door.node, PROOF, keys)} dbname=replication replication=true"
    answer = door.run(
        *(door.binary("psql"), "-w", "-X", "-A", "-t", "-c", "IDENTIFY_SYSTEM", told),
        okay=range(256),
    )
    if answer.status:
        return answer.complaint or f"psql ended with status {answer.status}"
    other = pair.other(door.node.name).name
    if answer.text.split("|")[0] == system_id:
        return ""
    return f"another system than {other} answers: {answer.text}"


def try_source(door: Door, pair: Pair, keys: Mapping[str, str]) -> str:
    """Why pg_rewind on this node could not read the other one's files; empty where it can."""
    asked = "select length(pg_read_binary_file('global/pg_control'))"
    argv = ("-w", "-X", "-A", "-t", "-c", asked, source_conninfo(pair, door.node, further=keys))
    answer = door.run(door.binary("psql"), *argv, okay=range(256))
    return answer.complaint or f"psql ended with status {answer.status}" if answer.status else ""
