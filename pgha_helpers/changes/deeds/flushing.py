"""Getting a long copy onto the disk.

It is written out while it comes, and synced when it is whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ...wire.scripts import script_file

_MEANWHILE = script_file(__file__, "meanwhile.sh")


@cache
def flush() -> str:
    """The shell functions `flush_meanwhile DIRECTORY` and `sync_all DIRECTORY...`.

    The first goes on until it is killed.
    """
    return Path(__file__).with_name("flush.sh").read_text("utf-8")


def flushing(directory: str, argv: Sequence[str]) -> list[str]:
    """The words of a program that copies into `directory`, written out while it comes."""
    return ["sh", "-c", flush() + _MEANWHILE, "sh", directory, *argv]
