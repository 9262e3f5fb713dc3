"""A node's standby definition.

Written by us, armed before a stop, and never taken from a node in recovery.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...facts.connection import definition, keys_of, try_connection, untried
from ...facts.disk import read_disk
from ...facts.files import read_file
from ...facts.sighting import sight, writable
from ...model import DeedKind, Running, dialect
from ...model.configuration import with_definition, with_settings
from ...model.errors import Failure, Refusal
from ...model.major import Major
from ...model.show import plural
from ...model.sightings import system_id_of
from ...run.run import Run
from ...wire.doors import Door
from ...wire.sql import Identifier
from .files import include_settings, remove_standby_file, write_file

_STAGED = "recovery.conf.pgha"
_ENDED_AS_PRIMARY = ("shut down", "shutting down", "in production")

#: Arming is one rename or one empty file, because everything else was written while clients still
#: worked. A file `promote` is left where a promotion was asked for twice. Only a new postmaster
#: removes it, not one that begins again after a backend has crashed: an armed primary would come
#: back as a standby and promote itself. One script, because each is a round trip in the outage; and
#: no program for what is not there. The disk is waited for at its end, so that it is flushed while
#: a look goes round.
_BEFORE = """
set -e
cd "$1"
if [ -e recovery.signal ]; then echo foreign; exit 0; fi
if [ -e standby.signal ] && [ "$2" = standby.signal ]; then echo was; else
  echo is
  if [ -e promote ] || [ -e fallback_promote ]; then rm -f promote fallback_promote; fi
"""
_ARM = {
    "standby.signal": _BEFORE
    + ": >> standby.signal; sync standby.signal . & flushing=$!; fi; set +e\n",
    "recovery.conf": _BEFORE
    + (
        f"[ ! -e {_STAGED} ] || mv -f {_STAGED} recovery.conf; sync recovery.conf . & flushing=$!; "
        "fi; set +e\n"
    ),
}
_FLUSHED = '\n[ -z "$flushing" ] || wait "$flushing"\n'


_TRIGGERS = """
cd "$1" || exit
found=$(for f in promote fallback_promote; do [ ! -e "$f" ] || echo "$f"; done)
"""


def define(
    run: Run, name: str, major: Major, raised: Mapping[str, str] | None = None
) -> Mapping[str, str]:
    """Write down how this node would follow the other one, without making it a standby yet.

    Settings that are to be `raised`, see too_low, are written with it: they have effect with its
    next start, which is the one as a standby. Gives every setting that it would start with then.
    """
    door = run.doors[name]
    node = run.doors[name].node
    raised = raised or {}
    settings: dict[str, str | None] = {**raised}
    with run.deed(name, "write its standby definition", DeedKind.DEFINE_STANDBY) as deed:
        defined = definition(run, name, major)
        changed = False
        if dialect.has("standby_signal", major):
            settings |= defined
        else:
            text = with_definition("", defined, major)
            changed = write_file(door, f"{node.data_directory}/{_STAGED}", text)
        changed = (bool(settings) and alter_settings(door, settings)) or changed
        if not changed:
            deed.already("its standby definition was written")
        elif raised:
            told = ", ".join(f"{setting} = {value}" for setting, value in raised.items())
            deed.say(
                f"wrote its standby definition, with what {run.pair.other(name).name} has: {told}"
            )
    return {setting: value for setting, value in settings.items() if value is not None}


def alter_settings(door: Door, settings: Mapping[str, str | None]) -> bool:
    """Set or remove settings, by ALTER SYSTEM, or in the file of a stopped server."""
    major = door.programs() or dialect.NEWEST
    path = f"{door.node.data_directory}/{door.spelled('postgresql.auto.conf')}"
    before = read_file(door, path)
    after = with_settings(before, settings)
    same = sorted(after.splitlines()) == sorted(before.splitlines())
    running = isinstance(sight(door), Running)
    if running and dialect.has("alter_system", major):
        stood = [name for name in settings if f"\n{name} " in f"\n{before}"]
        new = {name: it for name, it in settings.items() if name in stood or it is not None}
        # what is the same may never have been loaded: a run died, or a hand forgot
        alter_system(door, {} if same else new)
        return not same
    changed = not same and write_file(door, path, after)
    if not dialect.has("alter_system", major):
        changed = include_settings(door, door.node.config_directory) or changed
    if running:
        door.sql.do("select pg_reload_conf()")
    return changed


def alter_system(door: Door, settings: Mapping[str, str | None]) -> None:
    """Set or reset settings of a running server that has ALTER SYSTEM, and load them."""
    for setting, value in settings.items():
        if value is None:
            door.sql.do("alter system reset %s", [Identifier(setting)])
        else:
            door.sql.do("alter system set %s = %s", [Identifier(setting), value])
    door.sql.do("select pg_reload_conf()")


def arm(run: Run, name: str, major: Major, look: str = "") -> str:
    """Make sure that whatever starts this node next, it comes up as a standby.

    Gives what a `look` after it says.
    """
    with run.deed(name, "arm: the next start makes it a standby", DeedKind.ARM) as deed:
        file = dialect.standby_file(major)
        answer = (
            run.doors[name]
            .script(_ARM[file] + look + _FLUSHED, run.doors[name].node.data_directory, file)
            .text
        )
        found, _, said = answer.partition("\n")
        if found == "foreign":
            raise Refusal(
                f"{name} has a recovery.signal: it would recover from an archive, then open "
                "for writes",
                f"find out whose it is, and remove it from {run.pair[name].data_directory}",
            )
        if found == "was":
            deed.already("it was armed")
        return said


def remove_triggers(run: Run, name: str) -> None:
    """Take away what would promote a node that is in recovery, or would once it is.

    See Disk.triggers.
    """
    door = run.doors[name]
    if not (found := door.script(f"{_TRIGGERS}echo $found", door.node.data_directory).text):
        return
    with run.deed(name, f"remove what asks for a promotion: {found}", DeedKind.REMOVE_TRIGGERS):
        door.script(f"{_TRIGGERS}rm -f -- $found && sync .", door.node.data_directory)


def disarm(run: Run, name: str) -> None:
    """Take the standby definition from a node that is writable, or ended as a primary.

    A node that ended in recovery is never disarmed: it would open writable, on the same timeline
    and without a history file. Raises Refusal for it, and for one whose processes do not answer as
    a primary.
    """
    door = run.doors[name]
    with run.deed(name, "disarm: it may start as a primary again", DeedKind.DISARM) as deed:
        disk = read_disk(door)
        if not disk.standby_files:
            deed.already("it was not armed")
            return
        state = disk.control.state if disk.control else "unreadable"
        if not writable(door) and (disk.processes or state not in _ENDED_AS_PRIMARY):
            alive = plural(len(disk.processes), "process", "processes")
            raise Refusal(
                f"{name} may not be disarmed: {alive}, control file says {state!r}",
                "only a node that ended as a primary may open as one",
            )
        for file in {"standby.signal", "recovery.conf"} & set(disk.standby_files):
            remove_standby_file(door, file)


def prove_connection(run: Run, name: str) -> None:
    """Try the very connection that this node will use as a standby, from there, as that user."""
    other = run.pair.other(name).name
    words = f"prove that it can replicate from {other}"
    with run.deed(name, words, DeedKind.PROVE_CONNECTION) as deed:
        why_not = try_connection(
            run.doors[name], run.pair, system_id_of(sight(run.doors[other])), keys_of(run, name)
        )
        if why_not:
            raise Failure(
                f"{name} cannot replicate from {other}: {why_not}",
                f"check pg_hba.conf on {other}, peer_host, the passfile of PostgreSQL's user on "
                f"{name}, and what else its primary_conninfo names there",
            )
        deed.changed = False
        if why := untried(run.doors[name]):
            deed.say(f"its connection to {other} is not proved: {why}")
