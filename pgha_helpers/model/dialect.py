"""What changed when: one table of PostgreSQL's dialects, so that no version ladder stands anywhere
else.

Sources: the release notes of each major version, and postgresql.org/docs/<version>/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .errors import NotSafe

OLDEST, NEWEST = 10, 18

SINCE: Mapping[str, int] = {
    "sender_host": 11,  # pg_stat_wal_receiver.sender_host
    "standby_signal": 12,  # before: recovery.conf, which 12 refuses to start with
    "promote_trigger_file": 12,  # before: trigger_file in recovery.conf
    "pg_promote": 12,  # before: pg_ctl promote
    # max_wal_senders joins the settings that a standby must not have lower
    "parity_wal_senders": 12,
    "rewind_no_sync": 12,  # pg_rewind --no-sync
    "reload_conninfo": 13,  # primary_conninfo and primary_slot_name by reload, before by restart
    "wal_keep_size": 13,  # before: wal_keep_segments
    "wal_status": 13,  # pg_replication_slots.wal_status
    "file_grants": 11,  # what reads files, as pg_rewind does, can be granted, before: superuser
    # pg_rewind -c, and --no-ensure-shutdown: before, it never recovered a node by itself
    "restore_target_wal": 13,
    "rewind_config_file": 15,  # pg_rewind --config-file
    "verify_backup": 13,  # pg_verifybackup
    "prefer_standby": 14,  # libpq's target_session_attrs=prefer-standby
    "idle_session_timeout": 14,
    "reload_restore_command": 14,  # before by restart
    "alter_system_grants": 15,  # ALTER SYSTEM and CHECKPOINT can be granted, before: superuser
    "pg_backup_start": 15,  # before: pg_start_backup, here never the exclusive one
    "failover_slots": 17,  # pg_replication_slots.failover and synced
}

_PARITY = (
    "max_connections",
    "max_prepared_transactions",
    "max_locks_per_transaction",
    "max_worker_processes",
)


UNTIL: Mapping[str, int] = {
    "promote_trigger_file": 15,
}


def has(feature: str, major: int) -> bool:
    """Whether this major version has the feature.

    >>> has("standby_signal", 11), has("standby_signal", 12)
    (False, True)
    """
    return SINCE[feature] <= major <= UNTIL.get(feature, NEWEST)


def spoken(version: int, node: str) -> int:
    """The major version of `server_version_num`. Raises NotSafe, by name, where we do not speak
    it.
    """
    major = version // 10000
    if not OLDEST <= major <= NEWEST:
        raise NotSafe(
            f"{node} runs PostgreSQL {version // 10000}.{version // 100 % 100}, which this "
            "release does not speak",
            f"it speaks {OLDEST} to {NEWEST}",
        )
    return major


def hot_standby_settings(major: int) -> tuple[str, ...]:
    """Settings that must not be lower on a standby than on its primary, or replay stops."""
    return (*_PARITY, "max_wal_senders") if has("parity_wal_senders", major) else _PARITY


_LEVELS = ("off", "minimal", "archive", "hot_standby", "replica", "logical", "on")


def lower(own: Mapping[str, str], other: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Those of these settings that `own` has lower than `other`, with the other's value; what one
    lacks is left out.

    >>> lower({"max_connections": "50", "wal_level": "logical", "hot_standby": "off"},
    ...     {"max_connections": "100", "wal_level": "replica", "hot_standby": "on", "port": "1"},
    ...     ("max_connections", "wal_level", "hot_standby", "port"))
    {'max_connections': '100', 'hot_standby': 'on'}
    """
    both = [name for name in names if name in own and name in other]
    return {name: other[name] for name in both if _rank(own[name]) < _rank(other[name])}


def _rank(value: str) -> int:
    return int(value) if value.lstrip("-").isdigit() else _LEVELS.index(value)


#: Settings of which a node needs no less than the other one, to replay its WAL and then to take its
#: place. All of them take a restart.
CHANGES_PLACES = (
    *_PARITY,
    *("max_wal_senders", "max_replication_slots", "wal_level", "hot_standby", "wal_log_hints"),
)


def wal_keep(major: int, size: int, segment: int) -> tuple[str, str]:
    """Name and value of the setting that keeps `size` bytes of WAL.

    >>> wal_keep(18, 512 * 1024 * 1024, 16 * 1024 * 1024)
    ('wal_keep_size', '512MB')
    >>> wal_keep(12, 512 * 1024 * 1024, 16 * 1024 * 1024)
    ('wal_keep_segments', '32')
    """
    if has("wal_keep_size", major):
        return "wal_keep_size", f"{size // (1024 * 1024)}MB"
    return "wal_keep_segments", str(-(-size // segment))


def standby_file(major: int) -> str:
    """The file whose presence makes a server start as a standby."""
    return "standby.signal" if has("standby_signal", major) else "recovery.conf"
