"""What keeps a node from being started as it is, with its own files."""

from __future__ import annotations

from ....model import Running, Snapshot
from ....model.errors import NotSafe
from ....model.strays import strays
from ..plan import Option
from .history import Loser


def refuse_what_cannot_be_written(loser: Loser, chosen: Option) -> None:
    """A server that runs is defined by ALTER SYSTEM; in one that is stopped, or a copy, we write
    the file.
    """
    runs = (
        isinstance(loser, Running) and not loser.writable and chosen.method in ("follow", "rewind")
    )
    if (
        runs
        and isinstance(loser, Running)
        and loser.settings.get("allow_alter_system", "on") != "on"
    ):
        raise NotSafe(
            f"allow_alter_system is off on {loser.node}, which runs: its standby definition "
            "cannot be written",
            "set it on in its configuration and reload; or stop that server: then the file "
            "is written",
        )


def refuse_strays(now: Snapshot, loser: Loser, chosen: Option) -> None:
    """A node that starts from its own directory starts with what somebody has left there. Whoever
    copies or rewinds it leaves that behind.
    """
    found = strays(loser.disk) if loser.disk and chosen.method == "follow" else ()
    if not found:
        return
    told = " and ".join(map(str, found))
    moves = "; ".join(f"mv {stray.file} {stray.file}.old" for stray in found)
    raise NotSafe(
        f"{loser.node} would not start as a standby: {told}",
        f"if that is left over, in {now.pair[loser.node].data_directory} there: {moves}; then run "
        "this again. A copy (-p method=clone or rsync) leaves it behind",
    )
