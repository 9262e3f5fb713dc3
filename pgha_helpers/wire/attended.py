"""Long programs on a node, which end when nobody attends to them any more.

A `pg_basebackup` whose runbook was killed would go on writing into a directory that the rerun
wants. So the program runs beside a reader of its stdin: when the connection goes, that sees the end
of it and ends the program, with the processes that it has started: the one that streams WAL for
`pg_basebackup` outlives it, and keeps the slot (tried).
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable

from ..model.errors import TooSlow, Unreachable
from ..model.foreign import text_of
from .doors import Door
from .shell import as_user

_STATUS = re.compile("pgha-status ([0-9]{1,3})")
_ATTENDED = """
exec 3<&0
setsid "$@" 3<&- </dev/null 2>&1 &
program=$!
( cat <&3 >/dev/null 2>&1; kill -- "-$program" 2>/dev/null ) >/dev/null 2>&1 &
reader=$!
wait "$program"
status=$?
kill "$reader" 2>/dev/null
printf '\\npgha-status %d\\n' "$status"
"""


def attend(door: Door, argv: list[str], on_line: Callable[[str], None], within: float) -> int:
    """Run a program as PostgreSQL's user, hand on each line that it writes, and give its exit
    status.

    Raises TooSlow after `within` seconds (the program is ended), Unreachable when the connection is
    lost.
    """
    command = shlex.join(as_user(door.node.owner, "sh", "-c", _ATTENDED, "sh", *argv))
    pipes, deadline, rest = door.pipes("exec " + command), time.monotonic() + within, b""
    try:
        while time.monotonic() < deadline:
            out, err = pipes.receive(1.0)
            *lines, rest = (rest + out + err).replace(b"\r", b"\n").split(b"\n")
            for line in lines:
                text = text_of(line).strip()
                if found := _STATUS.fullmatch(text):
                    return int(found[1])
                if text:
                    on_line(text)
        raise TooSlow(f"{door.node.name}: {argv[0]} did not end within {within:g} s, and was ended")
    except TooSlow:
        raise
    except (EOFError, OSError) as error:
        raise Unreachable(
            f"{door.node.name}: the connection was lost while {argv[0]} ran: {error}"
        ) from None
    finally:
        pipes.close()
