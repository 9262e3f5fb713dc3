"""What works beside a run, in threads and processes of its own: a canary, who watches the lag."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from ..model.errors import HaError

_T = TypeVar("_T")


class Held(Protocol):
    """Something that a run holds open."""

    def close(self) -> None:
        """Let it go."""


@dataclass
class Beside:
    """All of it. Whatever asks a server takes its `turn` for a moment; the outage window takes it
    for as long as it lasts.

    What is to `leave` is called as a window begins, so that a server which stops has less to end.
    """

    turn: threading.Lock = field(default_factory=threading.Lock)
    leave: list[Callable[[], None]] = field(default_factory=list)
    _held: list[Held] = field(default_factory=list)

    def attend(self, held: Held) -> None:
        """From now on this works, too. It is closed, and tells what it has to, before the run's
        last line.
        """
        self._held.append(held)

    def attended(self, kind: type[_T]) -> _T | None:
        """The newest of that kind that works, or has worked."""
        return next((held for held in reversed(self._held) if isinstance(held, kind)), None)

    def close(self) -> None:
        """The run ends."""
        for held in reversed(self._held):
            with contextlib.suppress(HaError, OSError):
                held.close()
