"""What a data directory would start with, whatever runs there now or ran there last."""

from __future__ import annotations

from .. import dialect
from ..plans.setup import NEED_RESTART
from ..wire.doors import Door

#: A program for each name, because -C takes only one: side by side, or they cost a tenth of a second.
_ASK = """
postgres=$1; config=$2; shift 2
for name; do echo "$name $("$postgres" -D "$config" -C "$name")" & done; wait
"""


def starts_with(door: Door, directory: str, major: int) -> dict[str, str]:
    """Settings by name, as `postgres -C` tells them: its log directory, and what a standby must not have too low.

    A setting that cannot be told is left out.
    """
    names = [*dialect.parity(major), *sorted(NEED_RESTART - {"max_wal_senders"}), "log_directory"]
    told = door.script(_ASK, door.binary("postgres"), door.node.config_directory or directory, *names).text
    return dict(line.split(" ", 1) for line in told.splitlines() if " " in line)
