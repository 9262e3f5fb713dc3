"""A cluster that nobody needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pgha_helpers.changes.deeds.files import write_file
from pgha_helpers.facts.files import read_file
from pgha_helpers.model import Pair
from pgha_helpers.wire.doors import Door

from ..embedded import Lab
from .runs import running


@contextlib.contextmanager
def scratch(
    lab: Lab, programs: Path | None = None, made: bool = True
) -> Iterator[tuple[Door, str, Pair]]:
    """A cluster that nobody needs, or a directory for one, by the way that leads to db0."""
    with running(lab, "verify") as run:
        door = Door(
            replace(run.pair["db0"], **({"bin_directory": str(programs)} if programs else {})),
            run.pair,
        )
        data = door.script("mktemp -d").text
        try:
            if not made:
                yield door, data, run.pair
                return
            door.run(door.binary("initdb"), "-D", data, "-N", "-A", "trust", within=60)
            plain = "listen_addresses = ''\nunix_socket_directories = '/tmp'\n"
            write_file(
                door, f"{data}/postgresql.conf", read_file(door, f"{data}/postgresql.conf") + plain
            )
            yield door, data, run.pair
        finally:
            door.run("rm", "-rf", data, f"{data}.bin")
            door.close()
