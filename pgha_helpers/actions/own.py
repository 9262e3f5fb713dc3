"""A node's own configuration: it stays the node's, whatever copy it gets, and what a standby needs is changed in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .. import dialect
from ..facts.connection import keys_of
from ..facts.starting import read_start
from ..model import Running
from ..run import Run
from ..wire.doors import Door
from .access import hba_method
from .configuration import hba_block, recovery_conf, standby_settings, with_hba, with_settings
from .files import read_file, write_file

_FILES = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf", "postgresql.auto.conf")


@dataclass(frozen=True)
class Own:
    """What a node brings of its own to a copy.

    `files` are texts to be written into it, by name. Of a configuration that `stays` where it is, `has` is what it
    would start with, by name. Without either the source's configuration is taken.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    stays: bool = False
    has: Mapping[str, str] = field(default_factory=dict)


def files_of(run: Run, name: str, target: str) -> Own:
    """The texts of a node's own configuration; none where there is no cluster."""
    door = run.doors[name]
    if not read_file(door, f"{target}/PG_VERSION"):
        return Own()
    return Own(files={file: read_file(door, f"{target}/{file}") for file in _FILES}, has=_known(run))


def what_stays(run: Run, name: str, directory: str, major: int) -> Own:
    """What a data directory that keeps its configuration would start with."""
    return Own(stays=True, has=_known(run) or read_start(run.doors[name], directory).settings)


def _known(run: Run) -> Mapping[str, str]:
    """What the node's configuration was found to be at the gate: to ask again would take as long as it did there."""
    start = run.found[1].start if run.found else None
    return start.settings if start else {}


def configure(run: Run, door: Door, copy: str, primary: Running, own: Own) -> None:
    """Give the copy the node's own configuration (it belongs to the node) and our standby definition."""
    node, major = door.node, primary.version // 10000
    for file, text in own.files.items():
        if text:
            write_file(door, f"{copy}/{file}", text)
    auto, hba = f"{copy}/postgresql.auto.conf", f"{node.config_directory or copy}/pg_hba.conf"
    write_file(door, hba, with_hba(read_file(door, hba), hba_block(run.pair, hba_method(run, primary.node))))
    text = read_file(door, auto)
    if not (own.files or own.stays or node.config_directory):
        text = with_settings(text, _addresses(run, node.name, primary))
    if dialect.has("standby_signal", major):
        text = with_settings(text, standby_settings(run.pair, node, major, keys_of(run, node.name)))
        write_file(door, f"{copy}/standby.signal", "")
    else:
        write_file(door, f"{copy}/recovery.conf", recovery_conf(run.pair, node, keys_of(run, node.name)))
    lacking = settings_to_raise(own.has or read_start(door, copy).settings, primary.settings, major)
    write_file(door, auto, with_settings(text, lacking))


def _addresses(run: Run, name: str, primary: Running) -> dict[str, str | None]:
    """Port and listen_addresses of a node that has no configuration of its own and gets the primary's."""
    node, theirs = run.pair[name], run.pair[primary.node]
    listen = primary.settings["listen_addresses"].replace(theirs.host, node.host)
    return {"port": str(node.port), "listen_addresses": listen}


def settings_to_raise(own: Mapping[str, str], primary: Mapping[str, str], major: int) -> dict[str, str | None]:
    """Settings in which the copy must not be below the primary, to replay its WAL and to take its place later.

    >>> settings_to_raise({"max_connections": "50", "wal_level": "minimal"}, {"max_connections": "100",
    ... "wal_level": "replica", "wal_keep_size": "512", "wal_retrieve_retry_interval": "100"}, 18)
    {'max_connections': '100', 'wal_level': 'replica', 'wal_keep_size': '512', 'wal_retrieve_retry_interval': '100'}
    """
    keep = "wal_keep_size" if dialect.has("wal_keep_size", major) else "wal_keep_segments"
    raised = dialect.lower(own, primary, dialect.CHANGES_PLACES)
    return {**raised, **{name: primary[name] for name in (keep, "wal_retrieve_retry_interval")}}
