"""What changed when: one table of PostgreSQL's dialects, so that no version ladder stands anywhere
else.

Sources: the release notes of each major version, postgresql.org/docs/<version>/, and the trials of
docs/versions.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from .errors import NotSafe
from .major import Major


@dataclass(frozen=True)
class Feature:
    """Since which major version there is something, and until which; `instead` is what stands in
    its place before.
    """

    since: str
    instead: str = ""
    until: str = ""

    def has(self, major: Major) -> bool:
        """Whether it is there in this one."""
        return Major.parse(self.since) <= major and not (
            self.until and Major.parse(self.until) < major
        )


OLDEST, NEWEST = Major.parse("9.3"), Major.parse("18")
#: Where the table begins.
EARLIEST = Major.parse("9.0")

FEATURES: Mapping[str, Feature] = {
    # who streams to whom
    "stat_replication": Feature("9.1", "the titles of the walsenders' processes"),
    "stat_receiver": Feature("9.6", "the title of the walreceiver's process"),
    "sender_host": Feature("11", "the standby's own definition"),
    "sender_pid": Feature("9.2", "procpid"),
    "slots": Feature("9.4", "wal_keep_segments alone keeps WAL for a standby"),
    "wal_status": Feature("13", "sizes and positions"),  # pg_replication_slots.wal_status
    "failover_slots": Feature("17", "nothing: logical slots stay behind"),
    "replication_role": Feature("9.1", "a superuser"),
    "sync_replication": Feature("9.1", "nothing: it is always asynchronous"),
    # what a node says of itself
    "control_functions": Feature("9.6", "pg_controldata, by the shell"),
    "pause": Feature("9.1", "nothing: replay never pauses"),
    "hba_rules": Feature("10", "the proof by a connection"),
    "file_settings": Feature("9.5", "a start"),
    "monitor_roles": Feature("10", "a superuser"),
    # how it is told what it is
    "standby_signal": Feature("12", "recovery.conf, with which 12 refuses to start"),
    "promote_trigger_file": Feature("12", "trigger_file in recovery.conf", until="15"),
    "alter_system": Feature("9.4", "a file of ours that postgresql.conf includes"),
    "reload_conninfo": Feature("13", "a restart"),  # primary_conninfo and primary_slot_name
    "reload_restore_command": Feature("14", "a restart"),
    "wal_keep_size": Feature("13", "wal_keep_segments"),
    "level_replica": Feature("9.6", "hot_standby"),  # of wal_level
    "checkpoint_size": Feature("9.5", "checkpoint_segments"),
    "wal_log_hints": Feature("9.4", "checksums, or no rewind"),
    "retry_interval": Feature("9.5", "5 s, from which a signal wakes it"),
    "apply_delay": Feature("9.4", "nothing: replay is never delayed"),
    "jit": Feature("11", "nothing"),
    "idle_session_timeout": Feature("14", "nothing"),
    # max_wal_senders joins the settings that a standby must not have lower
    "parity_wal_senders": Feature("12", "it may be lower"),
    "parity_workers": Feature("9.4", "there are none"),
    # how it is promoted
    "pg_promote": Feature("12", "pg_ctl promote"),
    "ctl_promote": Feature("9.1", "the trigger file"),
    "follows_by_streaming": Feature("9.3", "the new timeline's history and WAL, copied"),
    "tells_diverged": Feature("9.3", "our own proof by bytes"),
    # copies
    "pg_basebackup": Feature("9.3", "rsync"),  # -d; -X stream is of 9.2
    "backup_slot": Feature("9.6", "wal_keep_segments"),  # pg_basebackup -S
    "backup_maps": Feature("9.4", "rsync where there are tablespaces"),
    "verify_backup": Feature("13", "nothing"),  # pg_verifybackup
    "backup_no_sync": Feature("10", "always synced"),
    "non_exclusive_backup": Feature("9.6", "an exclusive one"),
    "pg_backup_start": Feature("15", "pg_start_backup"),
    # rewinding
    "pg_rewind": Feature("9.5", "rsync or a clone"),
    "rewind_no_sync": Feature("12", "always synced"),
    # pg_rewind -c, and --no-ensure-shutdown: before, it never recovered a node by itself
    "restore_target_wal": Feature("13", "the runbook recovers it"),
    "rewind_config_file": Feature("15", "a clone where the configuration lies elsewhere"),
    # reading WAL
    "wal_by_bytes": Feature("9.5", "a reader of our own, in perl"),
    # in the words that we read; 9.3 and 9.4 have a pg_xlogdump with others
    "waldump": Feature("9.5", "a reader of our own, in perl"),
    "page_of_24": Feature("9.3", "shorter headers of pages"),
    # what is given to whom
    "file_grants": Feature("11", "a superuser"),  # what reads files, as pg_rewind does
    "alter_system_grants": Feature("15", "a superuser"),  # ALTER SYSTEM and CHECKPOINT
    # sessions
    "synchronous_local": Feature("9.1", "on, which is the same there"),  # synchronous_commit=local
    "application_name": Feature("9.1", "nothing: a walsender of 9.0 takes no name"),
    "passfile_word": Feature("10", "~/.pgpass of the server's user"),  # in primary_conninfo
    "scram": Feature("10", "md5"),
    "prefer_standby": Feature("14", "read-only"),  # libpq's target_session_attrs=prefer-standby
    # unix_socket_directories, and before unix_socket_directory
    "socket_directories": Feature("9.3", "one directory"),
    "canary": Feature("10", "the sampler alone: no client of ours writes"),
    "wait_for_lsn": Feature("19", "asking until it is so"),
}

#: Faults of single minor versions: from which minor of each major version on they are mended.
MENDED: Mapping[str, tuple[str, ...]] = {
    # A clean stop waits until a standby has flushed all of it. Before, nothing is promised: with a
    # hung walreceiver 121 to 190 rows were missing (3 of 4 stops of 9.0.0). Commit 985bd7d497.
    "stop_waits_for_flush": ("9.1.10", "9.2.5", "9.3.0"),
    # The segment in which a timeline ends can be read again by whoever follows. Before, rows were
    # lost at the next switchover unless the segment was left at once. Commit 875d3f3039.
    "rereads_switch_segment": ("9.0.11", "9.1.7", "9.2.2", "9.3.0"),
}


def has(feature: str, major: Major) -> bool:
    """Whether this major version has the feature.

    >>> has("standby_signal", Major.parse("11")), has("standby_signal", Major.parse("12"))
    (False, True)
    """
    return FEATURES[feature].has(major)


def instead(feature: str, major: Major) -> str:
    """What stands in a feature's place in this major version; empty where it is there.

    >>> instead("slots", Major.parse("9.0"))
    'wal_keep_segments alone keeps WAL for a standby'
    """
    return "" if has(feature, major) else FEATURES[feature].instead


def mended(fault: str, version: int) -> bool:
    """Whether this `server_version_num` no longer has one of the faults in MENDED.

    >>> mended("stop_waits_for_flush", 90109), mended("stop_waits_for_flush", 90110)
    (False, True)
    >>> mended("stop_waits_for_flush", 90023), mended("stop_waits_for_flush", 180000)
    (False, True)
    """
    fixed = [_number(text) for text in MENDED[fault]]
    same = [number for number in fixed if Major.of(number) == Major.of(version)]
    return version >= (same or [max(fixed)])[0]


def _number(text: str) -> int:
    first, second, third = (int(part) for part in text.split("."))
    return first * 10000 + second * 100 + third


#: What had another name before 10, in SQL, in the shell, and among programs and their options.
_BEFORE_10: Mapping[str, str] = {
    "pg_current_wal_insert_lsn": "pg_current_xlog_insert_location",
    "pg_current_wal_lsn": "pg_current_xlog_location",
    "pg_last_wal_receive_lsn": "pg_last_xlog_receive_location",
    "pg_last_wal_replay_lsn": "pg_last_xlog_replay_location",
    "pg_is_wal_replay_paused": "pg_is_xlog_replay_paused",
    "pg_wal_replay_pause": "pg_xlog_replay_pause",
    "pg_wal_replay_resume": "pg_xlog_replay_resume",
    "pg_walfile_name": "pg_xlogfile_name",
    "pg_switch_wal": "pg_switch_xlog",
    "sent_lsn": "sent_location",
    "write_lsn": "write_location",
    "flush_lsn": "flush_location",
    "replay_lsn": "replay_location",
    "redo_lsn": "redo_location",
    "pg_wal": "pg_xlog",
    "pg_xact": "pg_clog",
    "pg_waldump": "pg_xlogdump",
    "--waldir": "--xlogdir",
    "--wal-method": "--xlog-method",
}
_NEW_NAMES = re.compile("|".join(rf"(?<![\w-]){name}(?!\w)" for name in _BEFORE_10))


def spelled(text: str, major: Major) -> str:
    """A text of ours as this major version spells it: SQL, a script, a name of a file.

    >>> spelled("select pg_current_wal_lsn()", Major.parse("9.6"))
    'select pg_current_xlog_location()'
    """
    if major >= Major.parse("10"):
        return text
    return _NEW_NAMES.sub(lambda found: _BEFORE_10[found[0]], text)


def spoken(version: int, node: str) -> Major:
    """The major version of `server_version_num`. Raises NotSafe, by name, where we do not speak
    it.
    """
    major = Major.of(version)
    if not OLDEST <= major <= NEWEST:
        raise NotSafe(
            f"{node} runs PostgreSQL {major}, which this release does not speak",
            f"it speaks {OLDEST} to {NEWEST}",
        )
    return major


class Variants:
    """A statement in the words of each dialect, by the major version since which they hold."""

    def __init__(self, name: str, texts: Mapping[str, str]) -> None:
        self.name = name
        self._texts = {Major.parse(since): text for since, text in texts.items()}
        self._of = cache(self._chosen)

    def text(self, major: Major) -> str:
        """The newest that is not too new, as this version spells it."""
        return self._of(major)

    def _chosen(self, major: Major) -> str:
        since = max(each for each in self._texts if each <= major)
        return spelled(self._texts[since], major)


_PARITY = ("max_connections", "max_prepared_transactions", "max_locks_per_transaction")


def hot_standby_settings(major: Major) -> tuple[str, ...]:
    """Settings that must not be lower on a standby than on its primary, or replay stops."""
    later = {"max_worker_processes": "parity_workers", "max_wal_senders": "parity_wal_senders"}
    return (*_PARITY, *(name for name, feature in later.items() if has(feature, major)))


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
    *(*_PARITY, "max_worker_processes"),
    *("max_wal_senders", "max_replication_slots", "wal_level", "hot_standby", "wal_log_hints"),
)


def wal_keep(major: Major, size: int, segment: int) -> tuple[str, str]:
    """Name and value of the setting that keeps `size` bytes of WAL.

    >>> wal_keep(Major.parse("18"), 512 * 1024 * 1024, 16 * 1024 * 1024)
    ('wal_keep_size', '512MB')
    >>> wal_keep(Major.parse("12"), 512 * 1024 * 1024, 16 * 1024 * 1024)
    ('wal_keep_segments', '32')
    """
    if has("wal_keep_size", major):
        return "wal_keep_size", f"{size // (1024 * 1024)}MB"
    return "wal_keep_segments", str(-(-size // segment))


def wal_level(major: Major) -> str:
    """The least wal_level with which a standby answers queries."""
    return "replica" if has("level_replica", major) else "hot_standby"


def replication_attributes(major: Major) -> str:
    """What CREATE ROLE says of a role that may replicate."""
    return "login replication" if has("replication_role", major) else "login superuser"


def settings_file(major: Major) -> str:
    """The file in the data directory in which we change settings."""
    return "postgresql.auto.conf" if has("alter_system", major) else "postgresql.pgha.conf"


def page_headers(major: Major) -> tuple[int, int, int]:
    """Bytes of the header of a page of WAL, of a segment's first page, and of what is put before
    the rest of a record there.
    """
    return (24, 40, 0) if has("page_of_24", major) else (16, 32, 4)


def standby_file(major: Major) -> str:
    """The file whose presence makes a server start as a standby."""
    return "standby.signal" if has("standby_signal", major) else "recovery.conf"
