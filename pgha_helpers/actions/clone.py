"""A copy of the primary beside the old data directory, and the swap. Nothing is deleted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from tqdm import tqdm

from .. import dialect
from ..conninfo import primary_conninfo
from ..errors import NotAchieved, Refusal
from ..facts.disk import read_disk
from ..facts.queries import query
from ..model import Running
from ..plans.setup import NEED_RESTART
from ..run import Run
from ..show import size
from ..wire.attended import attend
from ..wire.doors import Door
from .access import hba_method
from .configuration import hba_block, recovery_conf, standby_settings, with_hba, with_settings
from .files import read_file, swap_in, why_not_renamed, write_file

_OWN_FILES = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf", "postgresql.auto.conf")
_PROGRESS = re.compile(r"(\d+)/(\d+) kB")


def copy_beside(run: Run, name: str, primary: Running) -> str:
    """Copy the primary with pg_basebackup into a fresh directory beside; gives its path, ready to be moved in."""
    door = run.doors[name]
    target = real_path(door, run.pair[name].data_directory)
    copy = f"{target}.clone-{run.id}"
    with run.deed(name, f"copy {primary.node} into {copy}") as deed:
        total = run.doors[primary.node].sql.read(query("size"))[0]["size"]
        require_room(door, target, total)
        _base_backup(run, door, copy)
        if dialect.has("verify_backup", primary.version // 10000):
            door.run(door.binary("pg_verifybackup"), "-q", copy, within=run.timeouts.clone)
        configure(run, door, copy, primary, own_files(door, target))
        deed.say(f"copied {primary.node} ({size(total)}) into {copy}")
    return copy


def real_path(door: Door, path: str) -> str:
    """The data directory itself where the pair file names a symbolic link: of a link, the target is renamed."""
    return door.run("readlink", "-m", "--", path).text


def require_room(door: Door, target: str, needed: int) -> None:
    answer = door.script(
        'mkdir -p "$(dirname "$1")" && df -Pk "$(dirname "$1")" | awk "NR == 2 { print \\$4 }"', target
    )
    if why_not := why_not_renamed(door, target):
        raise Refusal(
            f"{target} on {door.node.name} {why_not}, so a copy could not be moved in",
            "make the data directory a directory below the mount point, and say so in the pair file",
        )
    free = int(answer.text) * 1024
    if free < needed * 1.1:
        raise Refusal(
            f"the copy needs {size(needed * 1.1)} beside {target} on {door.node.name}, where {size(free)} are free",
            "make room; the old data directory is not deleted for it",
        )


def _base_backup(run: Run, door: Door, copy: str) -> None:
    # a name of its own: whoever looks at the primary meanwhile must not take the copy for the standby
    source = primary_conninfo(run.pair, door.node, f"pgha_clone_{door.node.name}")
    argv = [door.binary("pg_basebackup"), "-D", copy, "-d", source]
    argv += ["-X", "stream", "-S", door.node.slot, "-c", "fast", "--no-password", "-P"]
    said: list[str] = []
    with tqdm(unit="B", unit_scale=True, unit_divisor=1024, desc=f"{door.node.name}", mininterval=0.5) as bar:

        def on_line(line: str) -> None:
            if match := _PROGRESS.search(line):
                bar.total = int(match[2]) * 1024
                bar.update(int(match[1]) * 1024 - bar.n)
            else:
                said.append(line)

        status = attend(door, argv, on_line, run.timeouts.clone)
    if status:
        raise NotAchieved(
            f"pg_basebackup on {door.node.name} ended with status {status}: {'; '.join(said[-3:])}",
            "the old data directory was not touched; mend the cause and run this notebook again",
        )


def own_files(door: Door, target: str) -> dict[str, str]:
    """The texts of a node's own configuration, by file; empty where there is no cluster."""
    return {f: read_file(door, f"{target}/{f}") for f in _OWN_FILES} if _is_cluster(door, target) else {}


def configure(run: Run, door: Door, copy: str, primary: Running, own: Mapping[str, str]) -> None:
    """Give the copy the node's own configuration (it belongs to the node) and our standby definition."""
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
    lacking = settings_to_raise(_own_settings(door, copy, major), primary.settings, major)
    write_file(door, auto, with_settings(read_file(door, auto), lacking))


def _is_cluster(door: Door, directory: str) -> bool:
    return bool(read_file(door, f"{directory}/PG_VERSION"))


def _addresses(run: Run, name: str, primary: Running) -> dict[str, str | None]:
    """Port and listen_addresses of a node that has no configuration of its own and gets the primary's."""
    node, theirs = run.pair[name], run.pair[primary.node]
    listen = primary.settings["listen_addresses"].replace(theirs.host, node.host)
    return {"port": str(node.port), "listen_addresses": listen}


def _own_settings(door: Door, copy: str, major: int) -> dict[str, str]:
    """What the copy would start with, as `postgres -C` tells it."""
    config = door.node.config_directory or copy
    names = [*dialect.parity(major), *sorted(NEED_RESTART - {"max_wal_senders"})]
    script = 'postgres=$1; config=$2; shift 2; for name; do echo "$name $("$postgres" -D "$config" -C "$name")"; done'
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


def swap(run: Run, name: str, copy: str) -> None:
    """Rename the old data directory aside and move the copy in. Raises Refusal while a process has the old one open."""
    door = run.doors[name]
    target = real_path(door, run.pair[name].data_directory)
    aside = f"{target}.aside-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{run.id}"
    with run.deed(name, f"move the copy into {target}") as deed:
        if read_disk(door).processes:
            raise Refusal(
                f"{target} on {name} is still open by PostgreSQL", "run this notebook again: it stops it first"
            )
        kept = f"; the old directory is kept as {aside}" if swap_in(door, copy, target, aside) else ""
        deed.say(f"moved the copy into {target}{kept}")
