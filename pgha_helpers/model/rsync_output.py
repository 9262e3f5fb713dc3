"""What rsync says while it works, and at its end."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .show import size

_PROGRESS = re.compile(r"^([\d,]+)\s+\d+%\s")
_FIELDS = {
    "Total bytes sent": "sent",
    "Total bytes received": "received",
    "Literal data": "literal",
    "Number of regular files transferred": "files",
}
_STATISTIC = re.compile(rf"^({'|'.join(_FIELDS)}): *([\d,]+)")


@dataclass(frozen=True)
class Moved:
    """Bytes of one or more transfers.

    Over the wire in both directions, and of file contents that were new.
    """

    sent: int = 0
    received: int = 0
    literal: int = 0
    files: int = 0

    def __add__(self, other: Moved) -> Moved:
        return Moved(
            self.sent + other.sent,
            self.received + other.received,
            self.literal + other.literal,
            self.files + other.files,
        )

    @property
    def wire(self) -> int:
        """Bytes that went from one rsync to the other, and back."""
        return self.sent + self.received

    def __str__(self) -> str:
        return (
            f"{self.files} files were new or different, {size(self.literal)} of them sent, "
            f"{size(self.wire)} in all"
        )


def progress(line: str) -> int | None:
    """Bytes done, of a line of --info=progress2; None for another line.

    >>> progress("1,238,099 100%  146.38kB/s    0:00:08  (xfr#5, to-chk=169/396)")
    1238099
    >>> progress("rsync: opendir failed")
    """
    match = _PROGRESS.match(line.strip())
    return int(match[1].replace(",", "")) if match else None


def with_statistic(moved: Moved, line: str) -> Moved | None:
    """The sum with what a line of --stats says; None for another line.

    >>> with_statistic(Moved(), "Literal data: 8,192 bytes")
    Moved(sent=0, received=0, literal=8192, files=0)
    """
    match = _STATISTIC.match(line.strip())
    if not match:
        return None
    return replace(moved, **{_FIELDS[match[1]]: int(match[2].replace(",", ""))})
