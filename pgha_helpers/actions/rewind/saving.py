"""What a rewind overwrites is saved beside it first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ... import dialect
from ...model import Position
from ...model.kept import STAMP
from ...model.positions import segment_name
from ...run import Run
from ...wire.doors import Door
from ..configuration import recovery_conf, standby_settings, with_settings
from ..files import read_file, real_path, write_file


def save(run: Run, name: str, fork: Position, segment: int, major: int) -> str:
    """Save what a rewind overwrites, in a directory beside: control file, configuration, WAL from the fork on.

    Gives its path; its folder `own` holds the node's configuration as it is to be afterwards. `segment`: bytes of one
    of its WAL files.
    """
    door = run.doors[name]
    data = real_path(door, door.node.data_directory)
    saved = f"{data}.before-rewind.aside-{datetime.now(UTC):{STAMP}}-{run.id}"
    with run.deed(name, f"save control file, configuration and WAL in {saved}") as deed:
        first = segment_name(fork, segment)[8:]
        count = door.script(
            Path(__file__).with_name("save.sh").read_text(), data, saved, first, within=run.timeouts.clone
        ).text
        _own_definition(run, door, saved, major)
        deed.say(f"saved control file, configuration and {count} of its WAL files, from {fork} on, in {saved}")
    return saved


def _own_definition(run: Run, door: Door, saved: str, major: int) -> None:
    auto = f"{saved}/own/postgresql.auto.conf"
    if dialect.has("standby_signal", major):
        write_file(door, auto, with_settings(read_file(door, auto), standby_settings(run.pair, door.node, major)))
        write_file(door, f"{saved}/own/standby.signal", "")
    else:
        write_file(door, f"{saved}/own/recovery.conf", recovery_conf(run.pair, door.node))
