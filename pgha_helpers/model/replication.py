"""What a server says of its streaming: walsenders, the walreceiver, replication slots."""

from __future__ import annotations

from dataclasses import dataclass

from .positions import Lsn


@dataclass(frozen=True)
class Sender:
    """One row of pg_stat_replication: a walsender, and the position of whoever it feeds.

    Who replays nothing, as pg_receivewal, has replayed to 0/0. `replay_lag` is in seconds; before
    10 no server tells it, and it is None. `kind` is that of the slot: physical, logical or none.
    """

    pid: int
    application: str
    user: str
    address: str
    state: str
    sent: Lsn
    written: Lsn
    flushed: Lsn
    replayed: Lsn
    replay_lag: float | None
    sync_state: str
    slot: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Receiver:
    """The walreceiver: where a standby gets its WAL from. One that is `connecting` (19; before, it
    was not shown yet) and those up to 10 name no host.
    """

    status: str
    sender_host: str
    sender_port: int
    slot: str

    @property
    def source(self) -> str:
        """Who feeds it; what it says of itself where it does not tell.

        >>> Receiver("streaming", "db0", 5432, "").source, Receiver("connecting", "", 0, "").source
        ('db0:5432', 'connecting')
        """
        return f"{self.sender_host}:{self.sender_port}" if self.sender_host else self.status


@dataclass(frozen=True)
class Slot:
    """A replication slot; `restart` is the oldest WAL that it keeps, or None when it keeps nothing.

    `database` is that of a logical slot. One that is `synced` is a copy, made and removed by the
    server itself, of one that is to survive a `failover`.
    """

    name: str
    kind: str
    active: bool
    restart: Lsn | None
    wal_status: str
    temporary: bool = False
    database: str = ""
    synced: bool = False
    failover: bool = False
