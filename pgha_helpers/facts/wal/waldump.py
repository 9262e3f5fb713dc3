"""The program that reads WAL on a node: pg_waldump, or ours where its package has none."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ...model.dialect import NEWEST, has
from ...wire.doors import Door


def waldump(door: Door) -> tuple[str, ...]:
    """The program and its first words, for pg_waldump's options. Raises as a command does.

    What stands in for it needs perl. It tells what the runbook reads of a record, for versions 9.0
    to 18, ten megabytes a second; and of what was prepared no more than that, as versions up to 12.
    """
    if "pg_waldump" in door.lacking() or not has("waldump", door.programs() or NEWEST):
        return "perl", "-e", _program(), "--"
    return (door.binary("pg_waldump"),)


@cache
def _program() -> str:
    return Path(__file__).with_name("waldump.pl").read_text("utf-8")
