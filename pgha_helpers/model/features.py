"""Since when PostgreSQL has what we use, and what stands in its place before: one table, so that no
version ladder stands anywhere else.

Sources: the release notes of each major version, postgresql.org/docs/<version>/, and the trials of
docs/versions.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .major import Major, order, written


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


#: Where the table begins, and where it ends.
OLDEST, NEWEST = Major.parse("9.0"), Major.parse("19")

FEATURES: Mapping[str, Feature] = {
    # who streams to whom
    "stat_replication": Feature("9.1", "the titles of the walsenders' processes"),
    "stat_receiver": Feature("9.6", "the title of the walreceiver's process"),
    "backend_type": Feature("10", "the titles of processes"),  # of pg_stat_activity
    "sender_host": Feature("11", "the standby's own definition"),
    "cascading": Feature("9.2", "a standby feeds nobody"),
    "slots": Feature("9.4", "wal_keep_segments alone keeps WAL for a standby"),
    "wal_status": Feature("13", "sizes and positions"),  # pg_replication_slots.wal_status
    "failover_slots": Feature("17", "nothing: logical slots stay behind"),
    "replication_role": Feature("9.1", "a superuser"),
    # what a node says of itself
    "control_functions": Feature("9.6", "pg_controldata, by the shell"),
    "pause": Feature("9.1", "nothing: replay never pauses"),
    "hba_rules": Feature("10", "the proof by a connection"),
    "file_settings": Feature("9.5", "a start"),
    "monitor_roles": Feature("10", "a superuser"),
    # how it is told what it is
    "standby_signal": Feature("12", "recovery.conf, with which 12 refuses to start"),
    "restored_kept": Feature("9.2", "its control file tells of a checkpoint that came by archive"),
    "recovery_escapes": Feature("9.1", "a backslash in recovery.conf is one"),
    "promote_trigger_file": Feature("12", "trigger_file in recovery.conf", until="15"),
    "alter_system": Feature("9.4", "a file of ours that postgresql.conf includes"),
    "reload_conninfo": Feature("13", "a restart"),  # primary_conninfo and primary_slot_name
    "reload_restore_command": Feature("14", "a restart"),
    "wal_keep_size": Feature("13", "wal_keep_segments"),
    "level_replica": Feature("9.6", "hot_standby"),  # of wal_level
    "wal_log_hints": Feature("9.4", "checksums, or no rewind"),
    "retry_interval": Feature("9.5", "5 s, from which a signal wakes it"),
    "postgres_c": Feature("9.2", "the files themselves: no start is rehearsed"),  # postgres -C
    "jit": Feature("11", "nothing"),
    "idle_session_timeout": Feature("14", "nothing"),
    # max_wal_senders joins the settings that a standby must not have lower
    "parity_wal_senders": Feature("12", "it may be lower"),
    "parity_workers": Feature("9.4", "there are none"),
    # how it is promoted
    "pg_promote": Feature("12", "pg_ctl promote"),
    "ctl_promote": Feature("9.1", "the trigger file"),
    "follows_by_streaming": Feature("9.3", "the new timeline's history and WAL, copied"),
    "history_positions": Feature("9.3", "the WAL in which a timeline begins"),
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
    "wal_by_bytes": Feature("9.5", "from its next page on"),
    # in the words that we read; 9.3 and 9.4 have a pg_xlogdump with others
    "waldump": Feature("9.5", "a reader of our own, in perl"),
    "last_segment_of_4_gb": Feature("9.3", "255 segments for each 4 GB"),
    "page_of_24": Feature("9.3", "shorter headers of pages"),
    # what is given to whom
    "file_grants": Feature("11", "a superuser"),  # what reads files, as pg_rewind does
    "alter_system_grants": Feature("15", "a superuser"),  # ALTER SYSTEM and CHECKPOINT
    "application_name": Feature("9.1", "nothing: a walsender of 9.0 takes no name"),
    "passfile_word": Feature("10", "~/.pgpass of the server's user"),  # in primary_conninfo
    "scram": Feature("10", "md5"),
    # unix_socket_directories, and before unix_socket_directory
    "socket_directories": Feature("9.3", "one directory"),
    "canary": Feature("10", "the sampler alone: no client of ours writes"),
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
    same = [text for text in MENDED[fault] if Major.parse(text) == Major.of(version)]
    fixed = same or [max(MENDED[fault], key=order)]
    return order(written(version)) >= order(fixed[0])
