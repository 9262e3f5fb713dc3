"""One change at a time: a lock on every node that answers, which dies with the run that holds it.

It is a file in the node's state directory, held by `flock` in a shell of its own. That shell ends when its connection
does, and by itself when it has heard no heartbeat for 30 s: a dead operator machine must not hold a lock. It is not
the shell that commands run in, so a server that is started under the lock cannot inherit the descriptor and hold it.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Iterable

from .errors import Locked, Refusal, Unreachable
from .wire.doors import Door
from .wire.pipes import Pipes

BEAT, SILENCE = 5, 30  # seconds between heartbeats, and without one until the remote shell lets go

_HOLD = """
umask 077
case "$1" in "~"*) set -- "$(getent passwd "$(id -un)" | cut -d: -f6)${1#\\~}" "$2" "$3" "$4";; esac
mkdir -p -- "$1" || exit 73
exec 9>>"$1/lock" || exit 73
flock -w "$2" 9 || { printf 'held %s\\n' "$(cat "$1/holder" 2>/dev/null)"; exit 75; }
printf '%s\\n' "$3" > "$1/holder"
echo mine
while beat=$(timeout "$4" head -n 1 9>&-) && [ -n "$beat" ]; do :; done
"""


class Lock:
    """The lock of a pair, on each node that answers."""

    def __init__(self, doors: Iterable[Door], holder: str, wait: float) -> None:
        self._doors = list(doors)
        self._holder = holder
        self._wait = wait
        self._pipes: dict[str, Pipes] = {}
        self._stop = threading.Event()

    @property
    def held(self) -> tuple[str, ...]:
        """Nodes on which it is held."""
        return tuple(self._pipes)

    def take(self) -> dict[str, str]:
        """Take it on each node that answers, always in the same order; nodes that do not, with the reason.

        Raises Locked, with who holds it and since when, after waiting for a holder that may be dying.
        """
        silent = {}
        for door in self._doors:
            if door.node.name in self._pipes:
                continue
            try:
                self._pipes[door.node.name] = self._hold(door)
            except Unreachable as error:
                silent[door.node.name] = error.what
            except Refusal:
                self.release()
                raise
        self._stop.clear()
        threading.Thread(target=self._beat, name="pgha-lock", daemon=True).start()
        return silent

    def check(self) -> None:
        """Raises Refusal if a lock that was taken is held no longer."""
        for name, pipes in self._pipes.items():
            try:
                pipes.receive(0)
            except (OSError, EOFError):
                raise Refusal(f"the lock on {name} was lost", "run the gate's cell again") from None

    def release(self) -> None:
        """Let go on every node."""
        self._stop.set()
        for pipes in self._pipes.values():
            pipes.close()
        self._pipes = {}

    def _hold(self, door: Door) -> Pipes:
        node = door.node
        sudo = ["sudo", "-n", "-u", node.owner, "--"] if node.owner else []
        words = [*sudo, "sh", "-c", _HOLD, "sh", node.state_directory, str(int(self._wait)), self._holder, str(SILENCE)]
        pipes = door.pipes("exec " + shlex.join(words))
        heard, complaint = self._listen(pipes)
        if heard.strip() == "mine":
            return pipes
        pipes.close()
        if heard.startswith("held"):
            raise Locked(
                f"{node.name} is being changed by another run: {heard[5:].strip() or 'unknown'}",
                "wait for it; `pgha records list` shows it. A dead one lets go within 30 s",
            )
        raise Refusal(
            f"no lock could be taken on {node.name} in {node.state_directory}: {complaint or heard or 'no words'}",
            "state_directory must be writable by the owner of PostgreSQL, outside the data directory",
        )

    def _listen(self, pipes: Pipes) -> tuple[str, str]:
        out, err, deadline = b"", b"", time.monotonic() + self._wait + 5
        try:
            while not out.endswith(b"\n") and time.monotonic() < deadline:
                more_out, more_err = pipes.receive(0.5)
                out, err = out + more_out, err + more_err
        except (EOFError, OSError):
            pass
        return out.decode("utf-8", "replace"), err.decode("utf-8", "replace").strip()

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            for pipes in list(self._pipes.values()):
                try:
                    pipes.send(b"beat\n")
                except (OSError, EOFError):
                    return
