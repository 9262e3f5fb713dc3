"""A crashed node is recovered by a single-user server: pg_rewind takes only what was shut down cleanly."""

from __future__ import annotations

from pathlib import Path

from ... import dialect
from ...errors import NotAchieved
from ...facts.disk import read_disk
from ...run import Run
from ...wire.attended import attend
from ..files import real_path
from .overwriting import CLONE, refuse_the_living


def _script(*names: str) -> str:
    return "".join(Path(__file__).with_name(name).read_text() for name in names)


def recover(run: Run, name: str, major: int) -> None:
    """Recover a crashed node by a single-user server: pg_rewind takes only what was shut down cleanly.

    A single-user server cannot be a standby, so the definition is away meanwhile, and so is the directory: it has
    another name, under which nothing starts it. No WAL is removed by the checkpoint at the end.
    """
    door = run.doors[name]
    data = real_path(door, door.node.data_directory)
    aside = f"{data}.recovering-{run.id}"
    with run.deed(name, "recover it from its crash") as deed:
        control = read_disk(door).control
        if control and control.state.startswith("shut down"):
            deed.already("it was shut down cleanly")
            return
        refuse_the_living(door)
        keep = ("wal_keep_size", "1048576") if dialect.has("wal_keep_size", major) else ("wal_keep_segments", "1000000")
        settings = {"archive_mode": "on", "archive_command": "false", keep[0]: keep[1], "restore_command": ""}
        if not dialect.has("standby_signal", major):
            del settings["restore_command"]
        argv = [door.binary("postgres"), "--single", "-D", door.node.config_directory or aside]
        for setting, value in {"data_directory": aside, "external_pid_file": "", **settings}.items():
            argv += ["-c", f"{setting}={value}"]
        said: list[str] = []
        words = [
            "sh",
            "-c",
            _script("back.sh", "recover.sh"),
            "sh",
            data,
            aside,
            dialect.standby_file(major),
            *argv,
            "template1",
        ]
        status = attend(door, words, said.append, run.timeouts.clone)
        control = read_disk(door).control
        if status or not (control and control.state.startswith("shut down")):
            raise NotAchieved(f"{name} could not recover (status {status}): {'; '.join(said[-3:])}", CLONE)


def put_back(run: Run, name: str, aside: str, major: int) -> None:
    """Move a directory back that a crash recovery had set aside, as a standby."""
    door = run.doors[name]
    data = real_path(door, door.node.data_directory)
    with run.deed(name, f"move {aside} back") as deed:
        if read_disk(door).unfinished != aside:
            deed.already("it was moved back")
            return
        door.script(_script("back.sh") + "back\n", data, aside, dialect.standby_file(major))
