"""A copy of the primary beside the old data directory.

Nothing is deleted but what dead copies have left.
"""

from __future__ import annotations

from ...facts.connection import keys_of
from ...facts.node_config import read_node_configs
from ...judgement.plans.copying import Copying, Half, refuse_copy
from ...model import DeedKind, Running, dialect
from ...model.conninfo import primary_conninfo
from ...model.errors import NotAchieved, Refusal
from ...model.major import Major
from ...model.show import size
from ...run.run import Run
from ...wire.attended import attend
from ...wire.doors import Door
from ...wire.scripts import script_file
from .flushing import flush, flushing
from .node_config import bring_node_config, configure
from .progress import Progress

#: Nothing that was ever started: a control file first, so that what a death in the middle leaves is
#: a half copy again.
_REMOVE = 'rm -f -- "$1/global/pg_control" && rm -rf --one-file-system -- "$1" && [ ! -e "$1" ]'

_WHOLE = script_file(__file__, "whole.sh")


def remove_halves(run: Run, name: str, halves: tuple[Half, ...]) -> bool:
    """Remove what copies that died have left.

    Never started, never moved in, open by nobody, without WAL of its own. False where there was
    nothing.
    """
    with run.deed(name, "remove what copies that died have left", DeedKind.REMOVE_HALVES) as deed:
        for half in halves:
            run.doors[name].script(_REMOVE, half.path, within=run.timeouts.clone)
        if halves:
            deed.say("removed " + ", ".join(f"{half.path} ({size(half.bytes)})" for half in halves))
        else:
            deed.already("nothing is left of a copy that was cut short")
    return bool(halves)


def clone_beside(run: Run, name: str, primary: Running, copying: Copying) -> str:
    """Copy the primary with pg_basebackup into fresh directories beside.

    Gives the one that is ready to be moved in. Raises NotSafe, inside the deed, where there is no
    room or something is in the way.
    """
    door = run.doors[name]
    with run.deed(name, f"copy {primary.node}", DeedKind.CLONE) as deed:
        refuse_copy(copying)
        copy = f"{copying.data.path}.clone-{run.id}"
        make_tablespaces(run, door, copying, primary)
        _base_backup(run, door, primary.major, copying)
        verify = ""
        known = dialect.has("verify_backup", primary.major)
        if known and "pg_verifybackup" not in door.lacking():
            verify = door.binary("pg_verifybackup")
        made = [f"{part.beside}.clone-{run.id}" for part in copying.parts]  # the copy itself first
        door.script(flush() + _WHOLE, verify, *made, within=run.timeouts.clone)
        configure(
            run,
            door,
            copy,
            primary,
            bring_node_config(run, name, copy, read_node_configs(run, name)),
        )
        deed.say(f"copied {primary.node} ({size(copying.bytes)}) into {copy}")
    return copy


def make_tablespaces(run: Run, door: Door, copying: Copying, primary: Running) -> None:
    """Make the directories for the tablespaces, and see that the primary does not see them.

    On shared storage, or on one machine, a place may be the very one that the primary works in:
    moving the copy in would rename the primary's own tablespace.
    """
    for part in copying.tablespaces:
        fresh = f"{part.beside}.clone-{run.id}"
        door.script('mkdir -p -m 700 -- "$(dirname -- "$1")" && mkdir -m 700 -- "$1"', fresh)
        theirs = f"{part.source}/{fresh.rsplit('/', 1)[-1]}"
        if run.doors[primary.node].script('[ -e "$1" ]', theirs, okay=(0, 1)).status == 0:
            door.run("rmdir", "--", fresh)
            raise Refusal(
                f"{part.path} on {door.node.name} is the very directory that {primary.node} has "
                f"its {part.what} in",
                "a node needs a disk of its own: mount one there",
            )


def _base_backup(run: Run, door: Door, major: Major, copying: Copying) -> None:
    # a name of its own: whoever looks at the primary meanwhile must not take the copy for the
    # standby
    name = door.node.name
    source = primary_conninfo(run.pair, door.node, major, f"pgha_clone_{name}", keys_of(run, name))
    argv = [door.binary("pg_basebackup"), "-D", f"{copying.data.path}.clone-{run.id}", "-d", source]
    argv += ["-X", "stream", "-c", "fast", "--no-password", "-P"]
    if dialect.has("backup_slot", major):
        argv += ["-S", door.node.slot]
    if dialect.has("backup_no_sync", major):
        argv.append("--no-sync")
    if copying.wal:
        argv.append(f"{door.spelled('--waldir')}={copying.wal.beside}.clone-{run.id}")
    for part in copying.tablespaces:
        argv += [
            "-T",
            "=".join(
                path.replace("=", "\\=") for path in (part.source, f"{part.beside}.clone-{run.id}")
            ),
        ]
    with Progress(run, f"copy to {door.node.name}") as progress:
        status = attend(
            door,
            flushing(f"{copying.data.path}.clone-{run.id}", argv),
            progress.hear,
            run.timeouts.clone,
        )
    if status:
        raise NotAchieved(
            f"pg_basebackup on {door.node.name} ended with status {status}: "
            f"{'; '.join(progress.said[-3:])}",
            "the old data directory was not touched; mend the cause and run this notebook again",
        )
