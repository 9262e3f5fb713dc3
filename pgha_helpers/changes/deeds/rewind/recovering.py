"""A crashed node is recovered by a single-user server.

pg_rewind takes only what was shut down cleanly.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ....facts.disk import read_disk
from ....facts.files import real_path
from ....model import DeedKind, dialect
from ....model.errors import HaError, NotAchieved
from ....model.major import Major
from ....run.run import Run
from ....wire.attended import attend
from ....wire.doors import Door
from .overwriting import CLONE, refuse_a_running_server


def _script(*names: str) -> str:
    return "".join(Path(__file__).with_name(name).read_text("utf-8") for name in names)


@contextlib.contextmanager
def recovered(
    run: Run, name: str, clean: bool, major: Major, links: Sequence[str] = ()
) -> Iterator[str]:
    """Recover a node whose control file this run has saved, unless it ended `clean`.

    Gives where its directory lies. `links` of its own are files there, because pg_rewind takes
    none.

    A single-user server cannot be a standby, so the definition is away meanwhile, and so is the
    directory: it has another name, under which nothing starts it. No WAL is removed by the
    checkpoint at the end. Nothing waits for the disk, because a rewind that follows syncs
    everything: if the block fails before that, the directory comes back with the control file of
    the crash, from which it recovers again. So it does in a run after one that was killed.
    """
    door = run.doors[name]
    data = real_path(door, door.node.data_directory)
    aside = f"{data}.recovering-{run.id}"
    try:
        in_place = clean and not links
        if not in_place:
            _recover(
                run,
                door,
                data,
                aside,
                major,
                links,
                _single_user(door, aside, major) if not clean else [],
            )
        yield data if in_place else aside
    except BaseException:
        with contextlib.suppress(HaError):
            if read_disk(door).unfinished == aside:
                put_back(run, name, aside, major)
        raise


def _recover(
    run: Run,
    door: Door,
    data: str,
    aside: str,
    major: Major,
    links: Sequence[str],
    single_user: list[str],
) -> None:
    name = door.node.name
    if single_user:
        did = "recover it from its crash"
    else:
        did = f"set it aside, without its links ({', '.join(links)})"
    with run.deed(name, did, DeedKind.RECOVER):
        refuse_a_running_server(door)
        own = (
            data,
            aside,
            dialect.standby_file(major),
            door.binary("pg_controldata"),
            "\n".join(links),
        )
        said: list[str] = []
        argv = ["sh", "-c", _script("back.sh", "recover.sh"), "sh", *own, *single_user]
        if status := attend(door, argv, said.append, run.timeouts.clone):
            raise NotAchieved(
                f"{name} could not recover (status {status}): {'; '.join(said[-3:])}", CLONE
            )


def _single_user(door: Door, data: str, major: Major) -> list[str]:
    """The server, and the settings by which it keeps all of its WAL and asks nobody for more."""
    keep, terabyte = dialect.wal_keep(major, 2**40, 2**20)
    settings = {"archive_mode": "on", "archive_command": "false", keep: terabyte}
    if dialect.has("standby_signal", major):
        settings["restore_command"] = ""
    argv = [door.binary("postgres"), "--single", "-F", "-D", door.node.config_directory or data]
    for setting, value in {"data_directory": data, "external_pid_file": "", **settings}.items():
        argv += ["-c", f"{setting}={value}"]
    return [*argv, "template1"]


def put_back(run: Run, name: str, aside: str, major: Major) -> None:
    """Move a directory back that was set aside for its recovery, as the standby that crashed."""
    door = run.doors[name]
    data = real_path(door, door.node.data_directory)
    with run.deed(name, f"move {aside} back", DeedKind.MOVE_BACK) as deed:
        if read_disk(door).unfinished != aside:
            deed.already("it was moved back")
            return
        door.script(_script("back.sh") + "back\n", data, aside, dialect.standby_file(major))
