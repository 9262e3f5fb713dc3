"""How each version of PostgreSQL says what we say: its names, settings and files, by the table of
features.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from .errors import NotSafe
from .features import FEATURES as FEATURES
from .features import NEWEST as NEWEST
from .features import OLDEST as OLDEST
from .features import has as has
from .features import instead as instead
from .features import mended as mended
from .major import Major
from .positions import GappySegment

#: What stands in the place of something before a version: names in SQL (what is not there tells
#: nothing, so that one statement does for all), in the shell, and among
#: programs and their options. `a` is pg_stat_activity, `r` pg_stat_replication, `s` another view.
_BEFORE: Mapping[str, Mapping[str, str]] = {
    "9.1": {
        "pg_is_wal_replay_paused()": "false",
        "pg_stat_replication r": "(select 0 as procpid, ''::text as application_name, ''::text "
        "as usename, null::inet as client_addr, ''::text as state, ''::text as sent_location, "
        "''::text as write_location, ''::text as flush_location, ''::text as replay_location, "
        "''::text as sync_state where false) r",
        "pg_last_xact_replay_timestamp()": "null::timestamptz",
        # who knows no times knows not even that nothing is waiting
        "coalesce(pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn(), true)": "false",
        "coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()), 0)": (
            "null"
        ),
        "c.relpersistence = 'u'": "false",
        "login replication": "login superuser",
        "rolreplication": "rolsuper",
    },
    "9.2": {
        "a.pid": "a.procpid",
        "r.pid": "r.procpid",
        "a.query": "a.current_query",
        "a.state": "case a.current_query when '<IDLE> in transaction' "
        "then 'idle in transaction' else 'active' end",
    },
    "9.4": {
        "a.backend_xmin": "null::xid",
        "(select max(age(backend_xmin)) from pg_stat_replication)": "0",
        "(select max(age(xmin)) from pg_replication_slots)": "0",
        "postgresql.auto.conf": "postgresql.pgha.conf",
    },
    "9.5": {
        "s.pending_restart": "false",
        "left join pg_replication_slots s on s.active_pid = r.pid": (
            "cross join (select ''::text as slot_name, ''::text as slot_type) s"
        ),
        "pg_file_settings f": "(select ''::text as name, ''::text as setting, false as applied "
        "where false) f",
        "pg_read_binary_file(%s, %s, %s, true)": (
            "(select null::bytea where (%s, %s, %s) is not null)"
        ),
    },
    "9.6": {
        "pg_control_checkpoint() c": "(select 0 as timeline_id) c",
        "pg_control_recovery() r": "(select 0 as min_recovery_end_timeline) r",
        "(select received_tli from pg_stat_wal_receiver where status <> 'connecting')": "0",
        "(select system_identifier::text from pg_control_system())": "''",
        "(select system_identifier from pg_catalog.pg_control_system())": "''",
        "pg_create_physical_replication_slot(%s, %s)": (
            "pg_create_physical_replication_slot(%s) where %s is not null"
        ),
        "pg_start_backup(%s, true, false)": "pg_start_backup(%s, true)",
        "labelfile from pg_stop_backup(false)": "'' as labelfile, pg_stop_backup()",
    },
    "10": {
        "a.backend_type": "'client backend'",
        "coalesce(extract(epoch from r.replay_lag), 0)": "null",
        "s.temporary": "false",
        "pg_has_role('pg_read_all_stats', 'usage')": "current_setting('is_superuser') = 'on'",
        "current_setting('server_version_num')::int / 10000": "substr(version(), 12, 3)",
        "pg_control_system() c": "(select (array[201008051, 201105231, 201204301, 201306121, "
        "201409291, 201510051, 201608131])[substr(version(), 14, 1)::int + 1] "
        "as catalog_version_no) c",
        "pg_ls_waldir() w": "(select (pg_stat_file('pg_xlog/' || file)).size "
        "from pg_ls_dir('pg_xlog') as file) w",
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
    },
}


@lru_cache(256)  # a look sends the same scripts to each node
def spelled(text: str, major: Major) -> str:
    """A text of ours as this major version spells it: SQL, a script, a name of a file.

    >>> spelled("select pg_current_wal_lsn(), r.pid", Major.parse("9.6"))
    'select pg_current_xlog_location(), r.pid'
    """
    names, pattern = _names(major)
    return pattern.sub(lambda found: names[found[0]], text) if names else text


@cache
def _names(major: Major) -> tuple[Mapping[str, str], re.Pattern[str]]:
    """What is spelled otherwise in this version, and what finds it: the longest first."""
    names: dict[str, str] = {}
    for version, before in _BEFORE.items():
        names |= before if major < Major.parse(version) else {}
    longest = sorted(map(re.escape, names), key=len, reverse=True)
    return names, re.compile(rf"(?<![\w-])(?:{'|'.join(longest)})(?!\w)")


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


#: What a server has where its files say nothing: of one that is stopped only `postgres -C` tells.
UNSAID: Mapping[str, str] = {
    "max_connections": "100",
    "max_prepared_transactions": "0",
    "max_locks_per_transaction": "64",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "hot_standby": "off",
    "logging_collector": "off",
    "port": "5432",
    "listen_addresses": "localhost",
}


_ON = ("on", "true", "yes", "1")  # or how they begin


def as_shown(name: str, written: str) -> str:
    """A setting as it is written in a file, as pg_settings shows it, where its case or one of the
    words for on and off may differ.

    >>> as_shown("hot_standby", "Yes"), as_shown("wal_level", "HOT_STANDBY"), as_shown("port", "1")
    ('on', 'hot_standby', '1')
    """
    value = written.lower()
    if UNSAID.get(name) == "off":
        return "on" if any(word.startswith(value) for word in _ON) and value != "o" else "off"
    return value if name == "wal_level" else written


#: Settings of which a node needs no less than the other one, to replay its WAL and then to take its
#: place. All of them take a restart.
CHANGES_PLACES = (
    *(*_PARITY, "max_worker_processes"),
    *("max_wal_senders", "max_replication_slots", "wal_level", "hot_standby", "wal_log_hints"),
)


#: Whether titles of processes tell what those do, which no view tells before 10 of all of them. Its
#: default is on.
TITLES = "update_process_title"


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


def page_headers(major: Major) -> tuple[int, int, int]:
    """Bytes of the header of a page of WAL, of a segment's first page, and of what is put before
    the rest of a record there.
    """
    return (24, 40, 0) if has("page_of_24", major) else (16, 32, 4)


def segments(size: int, major: Major) -> int:
    """Bytes of one file of the WAL, which know whether one is left out in each 4 GB."""
    return size if has("last_segment_of_4_gb", major) else GappySegment(size)


#: The versions of a control file that are of such a server: 9.0 and 9.1, 9.2.
CONTROL_OF_GAPPY = ("903", "922")


def trigger_file(major: Major) -> str:
    """The file by which our own definition has a standby promoted where no program does it: in the
    data directory, by the name of the one that pg_ctl makes later. Empty where one does.
    """
    return "" if has("ctl_promote", major) else "promote"


def definition_file(major: Major) -> str:
    """The file in which a standby's definition stands."""
    return "postgresql.auto.conf" if has("standby_signal", major) else "recovery.conf"


def standby_file(major: Major) -> str:
    """The file whose presence makes a server start as a standby."""
    return "standby.signal" if has("standby_signal", major) else "recovery.conf"
