"""What can be done on which version of PostgreSQL, by the table of dialects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..model.dialect import has, instead
from ..model.major import Major

#: What a way leans on, by its name in the table of dialects, in words.
_NAMES: Mapping[str, str] = {
    "alter_system": "no ALTER SYSTEM",
    "backup_maps": "pg_basebackup maps no tablespaces",
    "backup_slot": "pg_basebackup takes no slot",
    "canary": "no canary",
    "control_functions": "no pg_control_checkpoint()",
    "ctl_promote": "no pg_ctl promote",
    "failover_slots": "no failover slots",
    "file_grants": "only a superuser may be rewound from",
    "file_settings": "no pg_file_settings",
    "follows_by_streaming": "no change of timeline over streaming",
    "hba_rules": "no pg_hba_file_rules",
    "monitor_roles": "no pg_monitor",
    "non_exclusive_backup": "no non-exclusive backup",
    "pg_basebackup": "no pg_basebackup that streams WAL and takes -d",
    "pg_rewind": "no pg_rewind",
    "replication_role": "no REPLICATION of a role",
    "restore_target_wal": "pg_rewind neither recovers nor restores",
    "rewind_config_file": "no pg_rewind --config-file",
    "slots": "no slots",
    "stat_receiver": "no pg_stat_wal_receiver",
    "stat_replication": "no pg_stat_replication",
    "tells_diverged": "the server does not refuse a standby that has diverged",
    "verify_backup": "no pg_verifybackup",
    "wal_by_bytes": "no record is found behind a damaged one in the same 8 kB of WAL",
    "waldump": "no pg_waldump of today's words",
}


@dataclass(frozen=True)
class Method:
    """A notebook by one of its methods: without what it `needs` it cannot be, and what `limits` it
    has something else in its place.
    """

    notebook: str
    method: str
    needs: tuple[str, ...] = ()
    limits: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return " ".join(filter(None, (self.notebook, self.method)))


_ROLES = ("slots", "alter_system", "replication_role")
_COPY = ("backup_slot", "backup_maps", "verify_backup")
WAYS = (
    Method("setup", "basebackup", ("pg_basebackup",), (*_ROLES, *_COPY)),
    Method("setup", "rsync", (), (*_ROLES, "non_exclusive_backup")),
    Method(
        "verify",
        "",
        (),
        (
            *("stat_replication", "stat_receiver", "control_functions"),
            *("hba_rules", "file_settings", "monitor_roles"),
        ),
    ),
    Method(
        "promote",
        "switchover",
        (),
        ("ctl_promote", "follows_by_streaming", "failover_slots", "canary"),
    ),
    Method("promote", "failover", (), ("ctl_promote", "waldump", "wal_by_bytes", "canary")),
    Method("rebuild", "follow", (), ("slots", "follows_by_streaming", "tells_diverged")),
    Method(
        "rebuild",
        "rewind",
        ("pg_rewind", "file_grants"),
        ("restore_target_wal", "rewind_config_file"),
    ),
    Method("rebuild", "rsync", (), ("slots", "non_exclusive_backup")),
    Method("rebuild", "clone", ("pg_basebackup",), ("slots", *_COPY)),
)

Extent = Literal["full", "with limits", "not possible"]


@dataclass(frozen=True)
class Support:
    """What one major version allows of a way. `because` are what it lacks, each with what stands in
    its place.
    """

    way: Method
    kind: Extent
    because: tuple[str, ...] = ()


def supported(way: Method, major: Major) -> Support:
    """By the table of dialects alone.

    >>> supported(WAYS[-1], Major.parse("9.0")).because
    ('no pg_basebackup that streams WAL and takes -d (instead: rsync)',)
    """
    lacking = [name for name in way.needs if not has(name, major)]
    if lacking:
        return Support(way, "not possible", tuple(_words(name, major) for name in lacking))
    limits = tuple(_words(name, major) for name in way.limits if not has(name, major))
    return Support(way, "with limits" if limits else "full", limits)


def _words(name: str, major: Major) -> str:
    other = instead(name, major)
    if name == "file_grants":
        other = "rsync or a clone"
    return f"{_NAMES[name]} (instead: {other})" if other else _NAMES[name]
