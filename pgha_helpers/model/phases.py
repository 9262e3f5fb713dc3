"""How far a server's shutdown has come, told from its control file and the titles of its processes.

A fast shutdown has an order (PostgreSQL's postmaster.c and xlog.c, 10 to 18): sessions are ended;
walsenders send what there is and come to a halt; the shutdown checkpoint is written; walsenders
send that, too, while the archiver archives what is ready; then the last processes go.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

#: `postgres: db0/main: walsender replicator 10.0.0.2(4711) streaming 0/3000148`, with or without
#: the cluster's name.
_TITLE = re.compile(r"postgres: (?:[^ :]+: )?(?P<words>.*)", re.DOTALL)
#: The names of phases that something decides by.
STOPPED = "stopped"
CHECKPOINT_IS_WRITTEN = "the shutdown checkpoint is written"

_KINDS = {
    "walsender": ("walsender", "wal sender process"),
    "archiver": ("archiver",),
    "checkpointer": ("checkpointer",),
    "helper": (
        *(
            "background writer",
            "writer process",
            "walwriter",
            "wal writer",
            "walreceiver",
            "wal receiver",
            "startup",
        ),
        *(
            "autovacuum launcher",
            "logical replication launcher",
            "bgworker: logical replication launcher",
        ),
        *("logger", "stats collector", "io worker", "slotsync worker", "walsummarizer"),
    ),
}


@dataclass(frozen=True)
class Process:
    """A process that has the data directory open, and its title: its command line, as PostgreSQL
    words it.
    """

    pid: int
    title: str

    @property
    def words(self) -> str:
        """The title without `postgres:` and the cluster's name."""
        found = _TITLE.fullmatch(self.title)
        return found["words"].strip() if found else self.title

    @property
    def kind(self) -> str:
        """`postmaster`, `walsender`, `archiver`, `checkpointer`, `helper`, or `session` for what
        works for somebody.

        >>> Process(1, "postgres: db0: walsender replicator 10.0.0.2(4711) "
        ... "streaming 0/3000148").kind
        'walsender'
        >>> Process(2, "postgres: alice shop 10.0.0.9(80) idle in transaction").kind
        'session'
        """
        if not _TITLE.fullmatch(self.title):
            return "postmaster"
        return next(
            (kind for kind, names in _KINDS.items() if self.words.startswith(names)), "session"
        )

    def __str__(self) -> str:
        return f"pid {self.pid} ({self.words})"


@dataclass(frozen=True)
class Phase:
    """A phase of a shutdown, and the processes that it waits for."""

    name: str
    waits_for: tuple[Process, ...] = ()

    def __str__(self) -> str:
        if self.waits_for:
            return f"{self.name}: {'; '.join(map(str, self.waits_for))}"
        return self.name


def phase_of(state: str, processes: Collection[Process]) -> Phase:
    """The phase of a server that was told to stop fast. `state` is its control file's.

    >>> str(phase_of("in production", [Process(7, "postgres: alice shop [local] idle")]))
    'its sessions end: pid 7 (alice shop [local] idle)'
    >>> str(phase_of("shut down", []))
    'stopped'
    """
    by_kind = {
        kind: tuple(p for p in processes if p.kind == kind)
        for kind in ("session", "walsender", "archiver")
    }
    if not processes:
        return Phase(STOPPED)
    if state.startswith("shutting down"):
        return Phase(
            CHECKPOINT_IS_WRITTEN,
            tuple(p for p in processes if p.kind == "checkpointer"),
        )
    if state.startswith("shut down"):
        for kind, name in (
            ("walsender", "walsenders send the rest"),
            ("archiver", "the archiver archives the rest"),
        ):
            if by_kind[kind]:
                return Phase(name, by_kind[kind])
        return Phase("the last processes go", tuple(processes))
    if by_kind["session"]:
        return Phase("its sessions end", by_kind["session"])
    if by_kind["walsender"]:
        return Phase("walsenders come to a halt", by_kind["walsender"])
    return Phase(
        "it has not begun to shut down", tuple(p for p in processes if p.kind == "postmaster")
    )
