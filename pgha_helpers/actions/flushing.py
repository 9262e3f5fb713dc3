"""Getting a long copy onto the disk: it is written out while it comes, and synced when it is whole."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

#: Everything in these directories, file by file: a sync of the file system would wait for what others write there, too.
#: What PostgreSQL's user cannot read was not written by it. Who writes a small file meanwhile syncs it, see files.py.
SYNC = 'find -H "$@" \\( -type d -o -type f -readable ! -name "*.pgha-new" \\) -exec sync -- {} +'

#: $1 the directory, then the program.
_MEANWHILE = """
directory=$1; shift
"$@" &
program=$!
flush_meanwhile "$directory" &
flusher=$!
wait "$program"
status=$?
kill "$flusher"
exit "$status"
"""


@cache
def flush() -> str:
    """The shell function `flush_meanwhile DIRECTORY`, which goes on until it is killed."""
    return Path(__file__).with_name("flush.sh").read_text()


def flushing(directory: str, argv: Sequence[str]) -> list[str]:
    """The words of a program that copies into `directory`, whose work is written out while it comes."""
    return ["sh", "-c", flush() + _MEANWHILE, "sh", directory, *argv]
