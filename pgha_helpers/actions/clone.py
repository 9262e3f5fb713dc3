"""A copy of the primary beside the old data directory. Nothing is deleted but what dead copies have left."""

from __future__ import annotations

from collections.abc import Mapping

from .. import dialect
from ..conninfo import primary_conninfo
from ..errors import NotAchieved, Refusal
from ..model import Running
from ..plans.copying import Copying, Half, refuse_copy
from ..plans.setup import NEED_RESTART
from ..run import Run
from ..show import size
from ..wire.attended import attend
from ..wire.doors import Door
from .access import hba_method
from .configuration import hba_block, recovery_conf, standby_settings, with_hba, with_settings
from .files import read_file, write_file
from .flushing import SYNC, flushing
from .progress import Progress

_OWN_FILES = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf", "postgresql.auto.conf")

#: Nothing that was ever started: a control file first, so that what a death in the middle leaves is a half copy again.
_REMOVE = 'rm -f -- "$1/global/pg_control" && rm -rf --one-file-system -- "$1" && [ ! -e "$1" ]'

#: $1 pg_verifybackup or nothing, then the directories, the copy first: verified and synced side by side, one of which
#: works the processor and the other the disk.
_WHOLE = f"""
program=$1; shift
if [ -n "$program" ]; then "$program" -q "$1" & else : & fi
verified=$!
{SYNC} && sync -- "$(dirname -- "$1")"
synced=$?
wait "$verified" || exit
exit "$synced"
"""


def remove_halves(run: Run, name: str, halves: tuple[Half, ...]) -> bool:
    """Remove what copies that died have left: never started, never moved in, open by nobody, without WAL of its own.

    False where there was nothing.
    """
    with run.deed(name, "remove what copies that died have left") as deed:
        for half in halves:
            run.doors[name].script(_REMOVE, half.path, within=run.timeouts.clone)
        if halves:
            deed.say("removed " + ", ".join(f"{half.path} ({size(half.bytes)})" for half in halves))
        else:
            deed.already("no copy that died has left anything")
    return bool(halves)


def copy_beside(run: Run, name: str, primary: Running, copying: Copying) -> str:
    """Copy the primary with pg_basebackup into fresh directories beside; gives the one that is ready to be moved in.

    Raises NotSafe, inside the deed, where there is no room or something is in the way.
    """
    door = run.doors[name]
    with run.deed(name, f"copy {primary.node}") as deed:
        refuse_copy(copying)
        copy = f"{copying.data.path}.clone-{run.id}"
        _make_tablespaces(run, door, copying, primary)
        _base_backup(run, door, copying)
        verify = door.binary("pg_verifybackup") if dialect.has("verify_backup", primary.version // 10000) else ""
        made = [f"{part.beside}.clone-{run.id}" for part in copying.parts]  # the copy itself first
        door.script(_WHOLE, verify, *made, within=run.timeouts.clone)
        configure(run, door, copy, primary, own_files(door, copying.data.path))
        deed.say(f"copied {primary.node} ({size(copying.bytes)}) into {copy}")
    return copy


def _make_tablespaces(run: Run, door: Door, copying: Copying, primary: Running) -> None:
    """Make the directories that the tablespaces are copied into, and see that the primary does not see them.

    On shared storage, or on one machine, a place may be the very one that the primary works in: moving the copy in
    would rename the primary's own tablespace.
    """
    for part in copying.tablespaces:
        fresh = f"{part.beside}.clone-{run.id}"
        door.script('mkdir -p -m 700 -- "$(dirname -- "$1")" && mkdir -m 700 -- "$1"', fresh)
        theirs = f"{part.source}/{fresh.rsplit('/', 1)[-1]}"
        if run.doors[primary.node].script('[ -e "$1" ]', theirs, okay=(0, 1)).status == 0:
            door.run("rmdir", "--", fresh)
            raise Refusal(
                f"{part.path} on {door.node.name} is the very directory that {primary.node} has its {part.what} in",
                "a node needs a disk of its own: mount one there",
            )


def _base_backup(run: Run, door: Door, copying: Copying) -> None:
    # a name of its own: whoever looks at the primary meanwhile must not take the copy for the standby
    source = primary_conninfo(run.pair, door.node, f"pgha_clone_{door.node.name}")
    argv = [door.binary("pg_basebackup"), "-D", f"{copying.data.path}.clone-{run.id}", "-d", source]
    argv += ["-X", "stream", "-S", door.node.slot, "-c", "fast", "--no-password", "-P", "--no-sync"]
    if copying.wal:
        argv.append(f"--waldir={copying.wal.beside}.clone-{run.id}")
    for part in copying.tablespaces:
        argv += ["-T", "=".join(path.replace("=", "\\=") for path in (part.source, f"{part.beside}.clone-{run.id}"))]
    with Progress(run, f"copy to {door.node.name}") as progress:
        status = attend(door, flushing(f"{copying.data.path}.clone-{run.id}", argv), progress.hear, run.timeouts.clone)
    if status:
        raise NotAchieved(
            f"pg_basebackup on {door.node.name} ended with status {status}: {'; '.join(progress.said[-3:])}",
            "the old data directory was not touched; mend the cause and run this notebook again",
        )


def own_files(door: Door, target: str) -> dict[str, str]:
    """The texts of a node's own configuration, by file; empty where there is no cluster."""
    return {f: read_file(door, f"{target}/{f}") for f in _OWN_FILES} if _is_cluster(door, target) else {}


def configure(
    run: Run, door: Door, copy: str, primary: Running, own: Mapping[str, str], has: Mapping[str, str] | None = None
) -> None:
    """Give the copy the node's own configuration (it belongs to the node) and our standby definition.

    `has` is what `own_settings` has told of it, if that was asked before.
    """
    node, major = door.node, primary.version // 10000
    for file, text in own.items():
        if text:
            write_file(door, f"{copy}/{file}", text)
    auto, hba = f"{copy}/postgresql.auto.conf", f"{node.config_directory or copy}/pg_hba.conf"
    write_file(door, hba, with_hba(read_file(door, hba), hba_block(run.pair, hba_method(run, primary.node))))
    text = read_file(door, auto)
    if not (own or node.config_directory):
        text = with_settings(text, _addresses(run, node.name, primary))
    if dialect.has("standby_signal", major):
        write_file(door, auto, with_settings(text, standby_settings(run.pair, node, major)))
        write_file(door, f"{copy}/standby.signal", "")
    else:
        write_file(door, auto, text)
        write_file(door, f"{copy}/recovery.conf", recovery_conf(run.pair, node))
    lacking = settings_to_raise(has or own_settings(door, copy, major), primary.settings, major)
    write_file(door, auto, with_settings(read_file(door, auto), lacking))


def _is_cluster(door: Door, directory: str) -> bool:
    return bool(read_file(door, f"{directory}/PG_VERSION"))


def _addresses(run: Run, name: str, primary: Running) -> dict[str, str | None]:
    """Port and listen_addresses of a node that has no configuration of its own and gets the primary's."""
    node, theirs = run.pair[name], run.pair[primary.node]
    listen = primary.settings["listen_addresses"].replace(theirs.host, node.host)
    return {"port": str(node.port), "listen_addresses": listen}


def own_settings(door: Door, directory: str, major: int) -> dict[str, str]:
    """What a data directory would start with, as `postgres -C` tells it."""
    config = door.node.config_directory or directory
    names = [*dialect.parity(major), *sorted(NEED_RESTART - {"max_wal_senders"})]
    # a program for each name, because -C takes only one: side by side, or they cost a tenth of a second
    each = 'for name; do echo "$name $("$postgres" -D "$config" -C "$name")" & done; wait'
    script = f"postgres=$1; config=$2; shift 2; {each}"
    told = door.script(script, door.binary("postgres"), config, *dict.fromkeys(names)).text
    return dict(line.split(" ", 1) for line in told.splitlines() if " " in line)


def settings_to_raise(own: Mapping[str, str], primary: Mapping[str, str], major: int) -> dict[str, str | None]:
    """Settings in which the copy must not be below the primary, to replay its WAL and to take its place later.

    >>> settings_to_raise({"max_connections": "50", "wal_level": "minimal"}, {"max_connections": "100",
    ... "wal_level": "replica", "wal_keep_size": "512", "wal_retrieve_retry_interval": "100"}, 18)
    {'max_connections': '100', 'wal_level': 'replica', 'wal_keep_size': '512', 'wal_retrieve_retry_interval': '100'}
    """
    keep = "wal_keep_size" if dialect.has("wal_keep_size", major) else "wal_keep_segments"
    raised: dict[str, str | None] = {}
    for name, value in own.items():
        lower = int(value) < int(primary[name]) if value.isdigit() else value != primary[name]
        if lower:
            raised[name] = primary[name]
    return raised | {name: primary[name] for name in (keep, "wal_retrieve_retry_interval")}
