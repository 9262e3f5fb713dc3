"""The log of a server through a real shell: only what was written since, rotated or cut meanwhile,
wherever it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers.facts.server_log import ServerLog
from pgha_helpers.model import Node, Pair
from pgha_helpers.wire.doors import Door

OLD = (
    "LOG:  starting PostgreSQL 18.6\nFATAL:  requested timeline 2 is not a child of this "
    "server's history\n"
)
NEW = (
    "LOG:  starting PostgreSQL 18.6\nFATAL:  recovery aborted because of insufficient "
    "parameter settings\n"
)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """A node of this machine, on which no PostgreSQL is installed."""
    nodes = [
        Node(
            n,
            "localhost",
            f"{tmp_path}/the data",
            f"{tmp_path}/bin",
            state_directory=f"{tmp_path}/its state",
        )
        for n in ("db0", "db1")
    ]
    for folder in ("the data", "its state"):
        (tmp_path / folder).mkdir()
    found = Door(nodes[1], Pair("p", (nodes[0], nodes[1])))
    yield found
    found.close()


def told(log: ServerLog) -> list[str]:
    return [str(complaint) for complaint in log.read()]


ABORTED = ["FATAL: recovery aborted because of insufficient parameter settings"]


def test_only_what_was_written_since_is_read(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "its state" / "server.log"
    file.write_text(OLD)
    log = ServerLog(door, "db0")
    assert told(log) == [] and "is not known, or it wrote nothing" in log.words()[0]
    with file.open("a") as more:
        more.write(NEW)
    assert told(log) == ABORTED and log.words()[1].startswith(
        "raise what the detail names in db1's"
    )


@pytest.mark.parametrize("way", ["renamed", "cut", "copied"])
def test_a_log_that_is_rotated_meanwhile_is_read_on(door: Door, tmp_path: Path, way: str) -> None:
    file = tmp_path / "its state" / "server.log"
    file.write_text(OLD * 20)
    log = ServerLog(door, "db0")
    if way == "renamed":  # the server goes on writing into the file that it has open
        with file.open("a") as still_open:
            file.rename(file.with_name("server.log.1"))
            still_open.write(NEW)
        file.write_text("")
    else:
        if way == "copied":
            file.with_name("server.log.1").write_text(OLD * 20 + NEW)
        file.write_text(NEW)
    assert told(log) == ABORTED


def test_the_collectors_file_is_found_however_it_is_called(door: Door, tmp_path: Path) -> None:
    folder = tmp_path / "the data" / "some logs"
    folder.mkdir()
    (folder / "postgresql-Mon.log").write_text(OLD)
    os.utime(folder / "postgresql-Mon.log", (1, 1))
    log = ServerLog(door, "db0")
    (folder / "postgresql-Tue.log").write_text(OLD + NEW)
    (folder.parent / "current_logfiles").write_text("stderr some logs/postgresql-Tue.log\n")
    assert told(log) == ABORTED, (
        "of a file that was not seen before, what stands before the last start is old"
    )
