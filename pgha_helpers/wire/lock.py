"""One change at a time: a lock on every node that answers, which dies with the run that holds it.

It is a file in the node's state directory, held by `flock` in a shell of its own. That shell ends
when its connection does, and by itself when it has heard no heartbeat for 30 s: a dead operator
machine must not hold a lock. It is not the shell that commands run in, so a server that is started
under the lock cannot inherit the descriptor and hold it.
"""

from __future__ import annotations

import contextlib
import shlex
import threading
import time
from collections.abc import Iterable

from ..model.errors import HaError, Locked, Refusal, Unreachable
from ..model.foreign import text_of
from .doors import Door
from .pipes import Pipes
from .scripts import shell_functions
from .shell import as_user

BEAT, SILENCE = 5, 30  # seconds between heartbeats, and without one until the remote shell lets go

_EXPANDED = shell_functions("expanded.sh")
#: $1 the state directory, $2 how long to wait, $3 who holds it, $4 the silence after which it is
#: let go, $5 not empty: only if nobody else has held it meanwhile.
_HOLD = (
    _EXPANDED
    + """
umask 077
set -- "$(expanded "$1")" "$2" "$3" "$4" "$5"
mkdir -p -- "$1" || exit 73
exec 9>>"$1/lock" || exit 73
flock -n 9 || {
  before=$(cat "$1/holder" 2>/dev/null)
  flock -w "$2" 9 || { printf 'pgha held %s\\n' "$(cat "$1/holder" 2>/dev/null)"; exit 75; }
}
if [ -n "$5" ] && [ "$(cat "$1/holder" 2>/dev/null)" != "$3" ]; then
  printf 'pgha held meanwhile by %s\\n' "$(cat "$1/holder" 2>/dev/null)"; exit 75
fi
printf '%s\\n' "$3" > "$1/holder"
echo "pgha mine $before"
while beat=$(timeout "$4" head -n 1 9>&-) && [ -n "$beat" ]; do :; done
"""
)

_WHO = (
    _EXPANDED
    + """
set -- "$(expanded "$1")"
test -e "$1/lock" || exit 0
exec 9<"$1/lock"; flock -n 9 || cat "$1/holder"
"""
)


class Lock:
    """The lock of a pair, on each node that answers."""

    def __init__(self, doors: Iterable[Door], holder: str, wait: float) -> None:
        self._doors = list(doors)
        self._holder = holder
        self._wait = wait
        self._pipes: dict[str, Pipes] = {}
        self._lost: set[str] = set()
        self.waited_for = ""  # who held it when it was asked for, and let it go meanwhile
        self._stop = threading.Event()
        self._stop.set()

    @property
    def held(self) -> tuple[str, ...]:
        """Nodes on which it is held."""
        return tuple(self._pipes)

    def take(self, may_fail: str = "") -> dict[str, str]:
        """Take it on each node that answers, always in the same order; nodes that do not, with the
        reason.

        `may_fail` names a lost node whose disk may be too broken to hold a lock. Raises Locked,
        with who holds it and since when, after waiting for a holder that may be dying.
        """
        self._drop_lost()
        self._lost.clear()
        silent = {}
        for door in self._doors:
            name = door.node.name
            if name in self._pipes:
                continue
            try:
                self._pipes[name] = self._hold(door)
            except Refusal as error:
                if isinstance(error, Locked) or not (
                    isinstance(error, Unreachable) or name == may_fail
                ):
                    self.release()
                    raise
                silent[name] = error.what
        if self._stop.is_set():
            self._stop = threading.Event()
            threading.Thread(
                target=self._beat, args=(self._stop,), name="pgha-lock", daemon=True
            ).start()
        return silent

    def check(self, name: str) -> None:
        """Raises Refusal if the lock of this node was taken, is held no longer and cannot be had
        again.

        A connection that blinked is no reason to leave a hand-over half done, so the lock is taken
        once more: but never after somebody else had it meanwhile, because then nothing is as this
        run saw it.
        """
        self._drop_lost()
        if name in self._lost:
            door = next(door for door in self._doors if door.node.name == name)
            self._pipes[name] = self._hold(door, again=True)
            self._lost.discard(name)

    def forget(self, name: str) -> None:
        """Go on without the lock of a node whose shell is gone: it is being cut off, and nobody can
        hold it there.
        """
        self._drop_lost()
        self._lost.discard(name)

    def somebody_else(self) -> str:
        """Who holds it now, other than this run, on any node that answers; an empty string if
        nobody does.
        """
        for door in self._doors:
            with contextlib.suppress(HaError):
                holder = door.script(_WHO, door.node.state_directory).text
                if holder and holder != self._holder:
                    return holder
        return ""

    def _drop_lost(self) -> None:
        """Let go of locks whose shell has ended, and remember their nodes."""
        for name, pipes in list(self._pipes.items()):
            try:
                pipes.receive(0)
            except (OSError, EOFError):
                self._pipes.pop(name).close()
                self._lost.add(name)

    def release(self) -> None:
        """Let go on every node."""
        self._stop.set()
        for pipes in self._pipes.values():
            pipes.close()
        self._pipes = {}
        self._lost.clear()

    def _hold(self, door: Door, again: bool = False) -> Pipes:
        node = door.node
        told = (str(int(self._wait)), self._holder, str(SILENCE), "again" if again else "")
        words = ("sh", "-c", _HOLD, "sh", node.state_directory, *told)
        pipes = door.pipes("exec " + shlex.join(as_user(node.owner, *words)))
        heard, complaint = self._listen(pipes)
        if heard.startswith("pgha mine"):
            self.waited_for = heard[9:].strip() or self.waited_for
            return pipes
        pipes.close()
        if heard.startswith("pgha held"):
            raise Locked(
                f"{node.name} is being changed by another run: {heard[10:].strip() or 'unknown'}",
                "wait for it; `pgha records list` shows it. A dead one lets go within 30 s",
            )
        raise Refusal(
            f"no lock could be taken on {node.name} in {node.state_directory}: "
            f"{complaint or heard or 'no words'}",
            "state_directory must be writable by the owner of PostgreSQL, outside the data "
            "directory",
        )

    def _listen(self, pipes: Pipes) -> tuple[str, str]:
        """Our own line of what the shell says (start-up files of the account may say more), and its
        complaints.
        """
        out, err, deadline = b"", b"", time.monotonic() + self._wait + 5
        ours: list[str] = []
        try:
            while not ours and time.monotonic() < deadline:
                more_out, more_err = pipes.receive(0.5)
                out, err = out + more_out, err + more_err
                lines = text_of(out).split("\n")[:-1]
                ours = [line for line in lines if line.startswith("pgha ")]
        except (EOFError, OSError):
            pass
        return ours[0] if ours else "", text_of(err).strip()

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT):
            for pipes in list(self._pipes.values()):
                with contextlib.suppress(OSError, EOFError):  # the next deed sees that it is lost
                    pipes.send(b"beat\n")
