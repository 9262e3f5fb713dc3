"""A program is waited for as long as something moves: on a busy machine nobody knows how long that
is.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence

from . import processes

_EACH = 15.0  # seconds after which something is told of a step that has not ended
_IDLE = 0.004  # of a processor: what only asks again and again takes less
_POLL = 0.5


def attended(
    command: Sequence[str], name: str, patience: float = 120.0, each: float = _EACH
) -> tuple[int, str]:
    """Run a program to its end; gives its exit code, and what it said on both channels.

    It is ended with all that it has started, and the code is 1, once it has neither said anything
    nor used the processor for `patience` seconds. Every `each` seconds a line tells the last that
    it said.
    """
    # a session of its own: what it starts is found by it, and Ctrl-C is ours to hear
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
        errors="replace",
    )
    lines: list[str] = []
    reader = threading.Thread(target=_listen, args=(process, lines), daemon=True)
    reader.start()
    try:
        _attend(process, name, lines, patience, each)
    finally:
        if process.poll() is None:
            processes.end_all(lambda: processes.of_session(process.pid), signal.SIGTERM, 10.0)
            processes.kill_all(lambda: processes.of_session(process.pid))
        reader.join(5.0)
        if process.stdout and not reader.is_alive():
            process.stdout.close()
    return process.wait(), "".join(lines)


def _listen(process: "subprocess.Popen[str]", lines: list[str]) -> None:
    for line in process.stdout or ():
        lines.append(line)


def _attend(
    process: "subprocess.Popen[str]", name: str, lines: list[str], patience: float, each: float
) -> None:
    began = moved = told = time.monotonic()
    heard, used = 0, 0.0
    while _goes_on(process):
        now = time.monotonic()
        by_now = processes.seconds_of_processor(process.pid)
        if len(lines) > heard or by_now - used > _IDLE * patience:
            moved, heard, used = now, len(lines), by_now
        if now - moved > patience:
            lines.append(f"Given up: for {patience:.0f} s it said nothing and did nothing.\n")
            return
        if now - told > each:
            told = now
            print(f"  {name}: {now - began:.0f} s; {_last(lines)}", flush=True)


def _goes_on(process: "subprocess.Popen[str]") -> bool:
    try:
        process.wait(_POLL)
    except subprocess.TimeoutExpired:
        return True
    return False


def _last(lines: list[str]) -> str:
    said = next((line for line in reversed(lines) if line.strip()), "")
    busy = f"a load of {os.getloadavg()[0]:.0f} on {os.cpu_count()} processors"
    return f"last: {said.strip()[:100]}" if said else f"nothing said yet ({busy})"
