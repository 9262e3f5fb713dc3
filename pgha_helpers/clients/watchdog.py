"""The watchdog of a pause: a shell on the pooler's host that resumes it when nobody else does.

It is started while clients still work, and sleeps. Told `pause`, it waits for `over`: at most as
long as a pause may last, and no longer than the connection lives. Whatever ends that wait, it
resumes, and ends. If the run's machine is lost, or sleeps, it goes on resuming once per expiry for
as long as the connection stands, because a run that wakes up could pause again; after 60 times it
ends.
"""

from __future__ import annotations

import contextlib
import shlex
import time

from ..model import Pgbouncer
from ..model.errors import HaError, Refusal, Unreachable
from ..model.foreign import identifier, text_of
from ..wire.doors import Door
from ..wire.pipes import Pipes
from ..wire.shell import as_user
from .client_host import program

# The password comes over stdin: on a command line everybody on that host could read it.
_WATCH = """
trap '' HUP PIPE
psql=$1 expiry=$2; shift 2
IFS= read -r PGPASSWORD || exit
if [ -n "$PGPASSWORD" ]; then export PGPASSWORD; else unset PGPASSWORD; fi
export PGHOST="$1" PGPORT="$2" PGUSER="$3" PGDATABASE=pgbouncer PGCONNECT_TIMEOUT=2
unset PGOPTIONS PGSERVICE
shift 3
told=$("$psql" -X -w -q -A -t -c 'SHOW VERSION' 2>&1 </dev/null) || {
  printf 'pgha cannot: %s\\n' "$told"
  exit
}
echo 'pgha watching'
IFS= read -r word && [ "$word" = pause ] || exit
round=0
while [ $round -lt 60 ]; do
  word=$(timeout "$expiry" head -n 1); why=$?
  [ "$word" = over ] && exit
  for try in 1 2 3; do
    for statement; do "$psql" -X -w -q -c "$statement" </dev/null >/dev/null 2>&1; failed=$?; done
    [ $failed -eq 2 ] || break
    sleep 1
  done
  [ $why -eq 124 ] || exit
  round=$((round + 1))
done
"""


class Watchdog:
    """One pause is watched by one shell: a new one is started for the next."""

    def __init__(self, door: Door, client: Pgbouncer, password: str) -> None:
        self._door = door
        self._client = client
        self._password = password
        self._pipes: Pipes | None = None
        self._paused_at = 0.0

    def why_not(self) -> str:
        """Why there could be none: empty if it can be started. Nothing is left running."""
        try:
            self.start([])
        except HaError as trouble:
            return trouble.what
        self.close()
        return ""

    def start(self, databases: list[str]) -> None:
        """Start it, for a pause that is still to come.

        Raises Refusal where it cannot reach the console itself.
        """
        self.close()
        client = self._client
        resume = [f"RESUME {identifier(name)}" for name in databases]
        words = (
            program(self._door, "psql"),
            f"{client.pause:g}",
            client.host,
            str(client.port),
            client.user,
            *resume,
        )
        command = shlex.join(as_user(self._door.node.owner, "sh", "-c", _WATCH, "sh", *words))
        pipes = self._door.pipes("exec " + command)
        pipes.send(self._password.encode() + b"\n")
        if (said := _first_line(pipes)) != "pgha watching":
            pipes.close()
            raise Refusal(
                "the watchdog cannot reach the admin console from its host: "
                f"{said.removeprefix('pgha cannot: ')}",
                "psql must be there, and may need bin_directory; the console must answer there "
                "as it does here",
            )
        self._pipes = pipes

    def pause_begins(self) -> None:
        """From now on it counts.

        Raises Unreachable if it is not there: then nothing may be paused.
        """
        try:
            if self._pipes is None:
                raise OSError("it was not started")
            self._pipes.receive(0)
            self._pipes.send(b"pause\n")
        except (OSError, EOFError) as lost:
            raise Unreachable(
                f"{self._client.name}: the watchdog is gone: {lost or type(lost).__name__}"
            ) from None
        self._paused_at = time.monotonic()

    @property
    def expired(self) -> bool:
        """Whether it may have resumed by now."""
        return time.monotonic() - self._paused_at >= self._client.pause

    def over(self) -> None:
        """The pause is over: it has nothing to do."""
        if self._pipes is not None:
            with contextlib.suppress(OSError, EOFError):
                self._pipes.send(b"over\n")
        self.close()

    def close(self) -> None:
        """Let it go; in a pause that was not told to be over, it resumes now."""
        if self._pipes is not None:
            self._pipes.close()
        self._pipes = None


def _first_line(pipes: Pipes) -> str:
    out, err, deadline = b"", b"", time.monotonic() + 5
    try:
        while time.monotonic() < deadline:
            more_out, more_err = pipes.receive(0.5)
            out, err = out + more_out, err + more_err
            lines = [line for line in text_of(out).split("\n")[:-1] if line.startswith("pgha ")]
            if lines:
                return lines[0]
    except (EOFError, OSError):
        pass
    complaint = " ".join(text_of(err).split())
    return complaint or "it said nothing"
