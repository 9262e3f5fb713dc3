"""What a rewind overwrites is saved beside it first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ....facts.connection import definition
from ....facts.files import read_file, real_path
from ....model import DeedKind, Position, dialect
from ....model.configuration import with_definition
from ....model.major import Major
from ....model.node_config import NodeConfig
from ....model.positions import segment_name
from ....model.set_aside import STAMP
from ....run.run import Run


def save(run: Run, name: str, fork: Position, segment: int, major: Major, mine: NodeConfig) -> str:
    """Save what a rewind overwrites, in a directory beside.

    Control file, configuration, WAL from the fork on. Gives its path; its folder `own` holds the
    node's configuration as it is to be afterwards, and what that names: `mine` tells it. `segment`:
    bytes of one of its WAL files. It need not be on the disk yet: the rewind waits for that before
    it overwrites anything.
    """
    door = run.doors[name]
    data = real_path(door, door.node.data_directory)
    saved = f"{data}.before-rewind.aside-{datetime.now(UTC):{STAMP}}-{run.id}"
    words = f"save control file, configuration and WAL in {saved}"
    with run.deed(name, words, DeedKind.SAVE) as deed:
        script = Path(__file__).with_name("save.sh").read_text("utf-8")
        file = dialect.definition_file(major)
        before = read_file(door, f"{door.node.data_directory}/{file}")
        text = with_definition(before, definition(run, name, major), major)
        argv = (data, saved, segment_name(fork, segment)[8:], file, "\n".join(mine.named))
        stdin = text.encode("utf-8", "surrogateescape")
        count = door.script(script, *argv, stdin=stdin, within=run.timeouts.clone).text
        deed.say(
            f"saved control file, configuration and {count} of its WAL files, from {fork} on, "
            f"in {saved}"
        )
    return saved
