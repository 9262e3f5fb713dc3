"""Hearing signals while a notebook runs.

The cell that runs is interrupted at once, and nothing else is begun.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_GRACE = 10.0  # seconds that the work gets after the second signal


class SignalReceived(SystemExit):
    """The run was ended by a signal. Its exit status is 128 and the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


@contextlib.contextmanager
def stopping() -> Iterator[None]:
    """Make the signals that end a program raise SignalReceived.

    One that was ignored from the start (nohup) stays ignored.
    """

    def stop(number: int, _: FrameType | None) -> None:
        raise SignalReceived(number)

    with _handled(stop):
        yield


@contextlib.contextmanager
def deferring() -> Iterator[None]:
    """Hear nothing of the signals that end a program.

    What is under way is short, and worse half done.
    """
    with _handled(lambda number, _: print("Still completing the record; wait for it.", flush=True)):
        yield


def attended(
    work: Callable[[], None], interrupt: Callable[[], None], changes: Callable[[], bool]
) -> None:
    """Do the work in a thread and hear signals here.

    Raises SignalReceived after one, and whatever the work raises.

    `interrupt` is called again and again until the work is done, because a kernel does not listen
    between two cells. SIGHUP is not heard while `changes` says so: nobody meant anything by a
    terminal that went away, and half a hand-over is worse than one that nobody watches.
    In another thread than the main one no signals can be heard, so the work is simply done.
    """
    if threading.current_thread() is not threading.main_thread():
        work()
        return
    heard: list[int] = []
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    def hear(number: int, _: FrameType | None) -> None:
        if number != signal.SIGHUP or not changes():
            heard.append(number)

    worker = threading.Thread(target=guarded, name="papermill", daemon=True)
    with _handled(hear):
        worker.start()
        _wait(worker, heard, interrupt)
    if heard:
        raise SignalReceived(heard[0])
    if failed:
        raise failed[0]


def _wait(worker: threading.Thread, heard: list[int], interrupt: Callable[[], None]) -> None:
    leave = float("inf")
    while worker.is_alive() and time.monotonic() < leave:
        worker.join(0.3 if heard else 0.05)
        if heard:
            interrupt()
        # asked twice: whoever asks is not willing to wait for a kernel that does not listen
        if len(heard) > 1:
            leave = min(leave, time.monotonic() + _GRACE)


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    mine = [number for number in ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in mine}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
