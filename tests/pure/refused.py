"""Made-up pairs at which a gate says no, each with its words and its level."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pgha_helpers.model import Lsn, Snapshot
from pgha_helpers.model.host import Manager, Restore, Start
from pgha_helpers.model.pair import Commands
from pgha_helpers.model.survey import (
    Archiver,
    BaseBackup,
    Database,
    LogicalSlot,
    PreparedTransaction,
    Transaction,
    WalReading,
)

from .pictures import (
    HERE,
    SETTINGS,
    disk,
    pair,
    primary,
    seen,
    standby,
    survey,
)
from .pictures import host as shell

MB = 1024**2


APP = Transaction(77, "app", "billing", "shop", "idle in transaction", 3600.0, 12)


HISTORY = "1\t0/4000000\tno recovery target specified"


def close(
    db0: dict[str, Any] | None = None, db1: dict[str, Any] | None = None, **changes: Any
) -> Snapshot:
    """A healthy pair, but for these fields of the surveys."""
    surveys = {"db0": survey("db0", **(db0 or {})), "db1": survey("db1", **(db1 or {}))}
    return seen(primary(), standby(), surveys, **changes)


def on_timeline_two(ours: str, theirs: str) -> Snapshot:
    """A pair whose history files of timeline 2 say this."""
    first = primary(timeline=2, disk=disk(histories={2: ours}))
    return seen(first, standby(timeline=2, disk=disk(histories={2: theirs} if theirs else {})))


def lags(first: int, last: int) -> Snapshot:
    """A pair whose standby was so many bytes behind at the two readings, with 16 MB allowed."""
    ours = (WalReading(1.0, HERE), WalReading(1.25, Lsn(HERE + last)))
    theirs = (WalReading(1.0, Lsn(HERE - first)), WalReading(1.25, HERE))
    return close({"readings": ours}, {"readings": theirs})


def archiver(**changes: Any) -> Snapshot:
    told = {"mode": "on", "last_archived": "0A", "last_failed": "", "failing": False, **changes}
    return close({"archiver": Archiver(**told)})


def starts(
    refused: tuple[str, ...] = (), given: dict[str, str] | None = None, **settings: str
) -> Snapshot:
    """A pair whose primary would start with these settings, and was given these at its last
    start.
    """
    return close(
        {"host": shell(start=Start(refused, {**SETTINGS, **settings})), "given": given or {}}
    )


def served(service: str | Commands, options: str = "", unit: str = "") -> Snapshot:
    """A pair whose primary was given a port at its start, and is started by this service."""
    node = replace(pair().nodes[0], service=service)
    told = {"host": shell(options=options, unit=unit), "given": {"port": "5544"}}
    return close(told, nodes=(node, pair().nodes[1]))


def host(**changes: Any) -> Snapshot:
    return close({"host": shell(**changes)})


FIXED = {**SETTINGS, "allow_alter_system": "off"}


ARCHIVES = {"archive_mode": "on", "archive_command": "cp %p /archive/%f"}


NO = [
    (
        on_timeline_two(HISTORY, HISTORY.replace("4000000", "4000100")),
        "00000002.history ends with",
        "critical",
    ),
    (on_timeline_two(HISTORY, ""), "db1 has no 00000002.history", "unknown"),
    (lags(5 * MB, 6 * MB), "db1 falls behind: 6 MB, growing by 4 MB a second", "critical"),
    (
        seen(primary(), standby(replay_paused=True)),
        "somebody called pg_wal_replay_pause()",
        "critical",
    ),
    (close(db1={"pause": "pause requested"}), "replay is asked to pause on db1", "critical"),
    (
        seen(primary(), standby(replay_paused=True, settings={**SETTINGS, "max_wal_senders": "5"})),
        "replay is paused on db1 at 0/05000000: max_wal_senders is 5 on db1, 10 on db0",
        "critical",
    ),
    (
        seen(primary(), standby(settings={**SETTINGS, "max_wal_senders": "0"})),
        "all 0 walsenders of db1",
        "critical",
    ),
    (
        seen(primary(), standby(settings={**SETTINGS, "max_replication_slots": "0"})),
        "all 0 replication slots of db1",
        "critical",
    ),
    (
        host(connection="FATAL: no pg_hba.conf entry"),
        "db0 cannot replicate from db1: FATAL: no pg_hba",
        "critical",
    ),
    (
        host(refused=("sudo -n -u postgres /x/pg_ctl is not allowed",)),
        "db0: sudo -n -u postgres /x/pg_ctl",
        "critical",
    ),
    (
        close({"prepared": (PreparedTransaction("tx 1", "app", "shop", 90000.0),)}),
        "prepared on db0: 'tx 1' of app in shop, 25 h old",
        "critical",
    ),
    (
        close({"transactions": (APP,)}),
        "pid 77 (app, billing, idle in transaction) for 60 min, holds xmin back by 12",
        "critical",
    ),
    (close({"transactions": (APP,) * 5}), "and 2 more", "critical"),
    (
        close({"backups": (BaseBackup(5, "pg_basebackup", "streaming"),)}),
        "pid 5 (pg_basebackup, str",
        "critical",
    ),
    (close(db1={"backups": (BaseBackup(5, "", "streaming"),)}), "streaming) on db1", "critical"),
    (
        archiver(failing=True, last_failed="0B", waiting=2),
        "archiving fails on db0, last of 0B; 2 segments",
        "critical",
    ),
    (archiver(waiting=1, oldest=60.0, segment=0.1), "a segment has waited 60 s", "critical"),
    (
        archiver(waiting=30, oldest=5.0, segment=0.5),
        "the archiver of db0 needs about 15.5 s, 10 s allowed",
        "critical",
    ),
    (archiver(waiting=3), "3 segments wait, and nothing tells how long one takes", "unknown"),
    (
        host(managers=(Manager("repmgrd", "repmgrd (pid 9)", True),)),
        "repmgrd (pid 9) on db0",
        "critical",
    ),
    (
        host(managers=(Manager("repmgrd", "repmgrd (pid 9)", False),)),
        "repmgrd (pid 9) on db0",
        "warning",
    ),
    (
        host(managers=(Manager("cron", "cron: @daily pg_ctl stop", False),)),
        "cron: @daily pg_ctl stop",
        "warning",
    ),
    (
        close({"logical_slots": (LogicalSlot("sub", "pgoutput", "shop", True),)}),
        "sub (pgoutput in shop",
        "warning",
    ),
    (
        starts(('invalid value for parameter "x": "1"',)),
        'db0: invalid value for parameter "x": "1"',
        "critical",
    ),
    (
        close(
            {
                "host": shell(start=Start(('bad "shared_buffers"',), {})),
                "misset": {
                    "shared_buffers": "/etc/a.conf line 7",
                    "work_mem": "/etc/a.conf line 9",
                },
            }
        ),
        'db0: bad "shared_buffers" (/etc/a.conf line 7)',
        "critical",
    ),
    (
        close(db1={"host": shell(start=Start(("no",), {}))}),
        "what db1 would start with is not known: no",
        "unknown",
    ),
    (
        starts(given={"port": "5544"}),
        "with what its service does not give: port is 5544, and would be 5432",
        "critical",
    ),
    (
        served("pg_ctlcluster 15 main", "'-o \"-c work_mem=7MB\"'"),
        "port is 5544, and would be 5432",
        "critical",
    ),
    (
        served(Commands(("sudo", "systemctl", "start", "pg"), ("true",))),
        "port is 5544, and would be 5432",
        "critical",
    ),
    (
        starts(given={"max_connections": "50"}, max_connections="50"),
        "the command line of db0 cannot be overruled: max_connections is lower than on db1 (100)",
        "critical",
    ),
    (starts(port="5433"), "after a restart of db0 port is 5432, and would be 5433", "critical"),
    (
        starts(listen_addresses="10.0.0.10"),
        "listen_addresses is '*', and would be '10.0.0.10'",
        "critical",
    ),
    (
        starts(max_connections="50"),
        "db0 would start with max_connections = 50, db1 has 100",
        "warning",
    ),
    (starts(hot_standby="off"), "db0 would start with hot_standby = off, db1 has on", "warning"),
    (starts(recovery_min_apply_delay="3600000"), "db0 would replay 60 min late", "warning"),
    (
        close(db1={"host": shell(start=Start((), {**SETTINGS, "max_wal_senders": "5"}))}),
        "db1 would start with max_wal_senders = 5, db0 has 10",
        "warning",
    ),
    (close(db1={"waiting": ("shared_buffers",)}), "shared_buffers on db1", "warning"),
    (
        close({"host": shell(restore=Restore(0.0, 127))}),
        "cannot be run: on db0 it ends with status 127",
        "critical",
    ),
    (
        close({"collations": {"shop": "2.36"}}, {"collations": {"shop": "2.41"}}),
        "shop: 2.36 on db0, 2.41 on db1",
        "critical",
    ),
    (
        close(
            {"collations": {"shop": "of its libc"}, "host": shell(libc="glibc 2.36")},
            {"collations": {"shop": "of its libc"}, "host": shell(libc="glibc 2.41")},
        ),
        "shop: glibc 2.36 on db0, glibc 2.41 on db1",
        "critical",
    ),
    (
        close(db1={"host": shell(start=Start((), SETTINGS, "18.7"))}),
        "db1 runs 18.6 and would start as 18.7",
        "warning",
    ),
    (
        seen(primary(settings=SETTINGS | {"data_checksums": "inprogress-on"}), standby()),
        "data checksums are being enabled on db0: that begins anew",
        "warning",
    ),
    (
        close(db1={"settings": {"default_transaction_read_only": "on"}}),
        "read_only is on on db1",
        "critical",
    ),
    (
        close(
            {"let_in": ("host all app samenet md5", "local all all peer")},
            {"let_in": ("local all all peer",)},
        ),
        "pg_hba.conf of db1 lacks host all app samenet md5",
        "warning",
    ),
    (close({"let_in": tuple("abcde")}), "lacks a; b; c and 2 more", "warning"),
    (
        close({"settings": {"ssl": "on"}}, {"settings": {"ssl": "off"}}),
        "ssl is off on db1",
        "warning",
    ),
    (
        close(db1={"host": shell(expired="Nov  1 00:00:00 2026 GMT")}),
        "certificate of db1 ends Nov  1",
        "warning",
    ),
    (
        close({"settings": ARCHIVES}, {"settings": {**ARCHIVES, "archive_mode": "off"}}),
        "db0 archives its WAL, and db1 would not",
        "warning",
    ),
    (
        close(db1={"host": shell(restore=Restore(1.0))}),
        "restore_command on db1 takes 1 s to say that it has not a file, and a promotion asks "
        "about 5 times: 5 s",
        "warning",
    ),
    (
        close(db1={"host": shell(restore=Restore(5.1, 137))}),
        "about 5 times: at least 25.5 s",
        "warning",
    ),
    (
        close(db1={"settings": {"recovery_end_command": "slow"}}),
        "db1 waits for its recovery_end_command",
        "warning",
    ),
    (seen(primary(settings=FIXED), standby()), "allow_alter_system is off on db0", "critical"),
    (seen(primary(), standby(settings=FIXED)), "allow_alter_system is off on db1", "warning"),
    (
        seen(primary(disk=disk(standby_files=("recovery.signal",))), standby()),
        "db0: recovery.signal would",
        "critical",
    ),
    (
        host(fixed="it is mounted there"),
        "postgresql.auto.conf of db0: it is mounted there",
        "critical",
    ),
    (
        close({"logical_slots": (LogicalSlot("sub", "pgoutput", "shop", True, failover=True),)}),
        "not yet on db1: sub",
        "critical",
    ),
    (
        close(
            {"logical_slots": (LogicalSlot("sub", "pgoutput", "shop", True, failover=True),)},
            {"logical_slots": (LogicalSlot("sub", "pgoutput", "shop", False, failover=True),)},
        ),
        "sub (db1 has a slot of its own of that name, from when it was primary: db1.sub)",
        "critical",
    ),
    (
        close({"databases": (Database("shop", {"public.cache": None}, sizes_unseen="grant it"),)}),
        "public.cache in shop (of unknown size). To know the size: grant it",
        "warning",
    ),
    (
        close({"databases": (Database("shop", {"public.cache": 8192}),)}),
        "public.cache in shop (8 kB)",
        "warning",
    ),
    (
        close({"databases": (Database("shop", unseen="no pg_hba.conf entry"),)}),
        "db0: shop: no pg_hba",
        "warning",
    ),
    (
        close(db1={"databases": (Database("shop", extensions_missing=("postgis 3.4",)),)}),
        "db1 lacks the files of postgis 3.4 in shop",
        "warning",
    ),
]
