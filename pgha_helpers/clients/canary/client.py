"""The process that writes: a row per transaction, and a line on stdout for each attempt.

The transactions come one after the other. It is told what to do by one line of JSON on stdin, and
ends when stdin does: also when whoever holds the other end was killed with -9. Nothing is told on
the command line, which everybody on this machine can read.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ...model.errors import QueryFailed, TooSlow, Unreachable
from ...wire.sql import Session

# no operator, no function: nobody's search_path counts
_INSERT = "insert into pgha.canary (run, seq) values (%s, %s)"
# seconds: a fiftieth of the outage so far, and never less or more; a password takes 4 ms of work
_BACK_OFF = 0.02, 0.1
# seconds for which a host that gave no answer is not asked again while there is another
_PASSED_OVER = 3.0
_GRACE = 1.0  # seconds for the attempt under way once nobody listens any more


@dataclass(frozen=True)
class Errand:
    """What a canary is to do.

    `hosts` are libpq's settings, one for each host; times are in seconds. `connect` is the deadline
    of a connection, `statement` of a commit, `think` the pause after one; the canary ends by itself
    after `longest` seconds or `rows` attempts.
    """

    run: str
    hosts: tuple[dict[str, Any], ...]
    think: float = 0.005
    connect: float = 1.0
    statement: float = 5.0
    longest: float = 1200.0
    rows: int = 120_000

    @property
    def line(self) -> str:
        """For the canary's stdin."""
        return json.dumps(asdict(self)) + "\n"


class WritingClient:
    """Tries the hosts one by one, beginning with the one that took the last row."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._sessions = []
        for settings in errand.hosts:
            session = Session("the road", settings, errand.connect, errand.statement)
            self._sessions.append(session)
        self._silent_until = [0.0] * len(self._sessions)
        self._at = 0
        self._seq = 0
        # the wall clock may be set while the canary runs
        self._zero = time.time() - time.monotonic()

    def write(self, stopping: threading.Event, tell: Callable[[dict[str, Any]], None]) -> str:
        """Write until it is stopped or a limit is reached; gives why it ended."""
        began = lately = time.monotonic()
        for _ in range(self._errand.rows):
            attempt = self._attempt()
            tell(attempt)
            now = time.monotonic()
            lately = now if attempt["code"] == "ok" else lately
            least, most = _BACK_OFF
            if lately == now:
                pause = self._errand.think
            else:
                pause = min(most, max(least, (now - lately) / 50))
            if stopping.wait(pause):
                return "asked"
            if now - began > self._errand.longest:
                return f"after {self._errand.longest:g} s, its limit"
        return f"after {self._errand.rows} attempts, its limit"

    def _attempt(self) -> dict[str, Any]:
        began, said = self._now(), ""
        for number in self._order():
            session, asked = self._sessions[number], time.monotonic()
            try:
                session.connect()
            except Unreachable as error:
                said = error.what
                if time.monotonic() - asked > 0.9 * self._errand.connect:
                    self._silent_until[number] = time.monotonic() + _PASSED_OVER
                continue
            return self._insert(number, session, began)
        return {
            "seq": 0,
            "began": began,
            "sent": began,
            "done": self._now(),
            "code": "refused",
            "said": said,
        }

    def _insert(self, number: int, session: Session, began: float) -> dict[str, Any]:
        self._seq += 1
        self._at, sent, code, said = number, self._now(), "ok", ""
        try:
            session.do(_INSERT, (self._errand.run, self._seq))
        except QueryFailed as error:  # the server says that it did not: a standby, or no room
            code, said = "refused", error.what
        except (Unreachable, TooSlow) as error:
            code, said = "unanswered", error.what
        if code != "ok":
            session.close()
            self._at = (number + 1) % len(self._sessions)
        return {
            "seq": self._seq,
            "began": began,
            "sent": sent,
            "done": self._now(),
            "code": code,
            "said": said,
        }

    def _order(self) -> Iterator[int]:
        order = [(self._at + step) % len(self._sessions) for step in range(len(self._sessions))]
        now = time.monotonic()
        awake = [number for number in order if self._silent_until[number] <= now]
        yield from awake or order

    def _now(self) -> float:
        return self._zero + time.monotonic()


def main() -> None:
    """Do the errand that stdin tells."""
    # Ctrl-C is the run's to hear; it closes stdin when it ends
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told = json.loads(sys.stdin.buffer.readline())
    stopping = threading.Event()
    threading.Thread(target=_listen, args=(stopping,), daemon=True).start()
    why = WritingClient(Errand(**{**told, "hosts": tuple(told["hosts"])})).write(stopping, _tell)
    _tell({"ended": why})


def _tell(line: dict[str, Any]) -> None:
    os.write(sys.stdout.fileno(), json.dumps(line).encode() + b"\n")


def _listen(stopping: threading.Event) -> None:
    """Wait for the end of stdin; an attempt that hangs then is left."""
    sys.stdin.buffer.read()
    stopping.set()
    time.sleep(_GRACE)
    os._exit(0)


if __name__ == "__main__":
    main()
