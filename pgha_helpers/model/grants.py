"""What each role of a pair is given, and what for: all that `pgha grants` prints of it, and what an
error names where it is lacking.

Tried on 10 to 18: with TO_WATCH's, each query of `facts` tells what it tells a superuser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import dialect
from .foreign import identifier
from .major import Major


@dataclass(frozen=True)
class Grant:
    """What is given, in the words of GRANT, and what for.

    `feature` says in which versions there is such a thing to give. What is not `everywhere` is
    given once, in the database that the pair file names; the rest in each database. Without what is
    `spared` most changes are made all the same. An `attribute` is given by ALTER ROLE.
    """

    given: tuple[str, ...]
    why: str
    feature: str = ""
    everywhere: bool = False
    spared: bool = False
    attribute: bool = False

    def there_is(self, major: Major) -> bool:
        """Whether this major version has it."""
        return not self.feature or dialect.has(self.feature, major)

    def to(self, role: str) -> tuple[str, ...]:
        """The statements."""
        if self.attribute:
            return tuple(f"alter role {identifier(role)} {it};" for it in self.given)
        return tuple(f"grant {it} to {identifier(role)};" for it in self.given)

    @property
    def is_membership(self) -> bool:
        """Whether it is a role, which is the same in every database."""
        return " " not in self.given[0]

    def remedy(self, role: str, database: str) -> str:
        """Where a superuser types the statements, and these; the pair's is this `database`."""
        place = (
            "on the primary" if self.is_membership else f"on the primary, in database {database}"
        )
        return f"{place}: {' '.join(self.to(role))}"

    @property
    def names(self) -> set[str]:
        """By what an error of the server's names it, in whatever language."""
        told = {word for it in self.given for word in re.findall(r"\w+", it.partition("(")[0])}
        return told - _WORDS | set(WITH.get(self.given[0], ()))


_WORDS = {"select", "execute", "alter", "system", "on", "function", "parameter"}
#: One GRANT of these may name several.
ALTER = "alter system on parameter "
#: Roles in which somebody is by being in another one: an error names these.
WITH = {"pg_monitor": ("pg_read_all_settings", "pg_read_all_stats")}


def _call(*functions: str) -> tuple[str, ...]:
    return tuple(f"execute on function {it}" for it in functions)


TO_WATCH = (
    Grant(("pg_monitor",), "settings, and what sessions and replication do", "monitor_roles"),
    Grant(
        ("select on pg_file_settings", *_call("pg_show_all_file_settings()")),
        "what a start would take from the files",
        "file_settings",
    ),
    Grant(
        ("select on pg_hba_file_rules", *_call("pg_hba_file_rules()")), "who is let in", "hba_rules"
    ),
    Grant(
        _call("pg_stat_file(text, boolean)"),
        "the size of unlogged tables, which a move would empty",
        "file_grants",
        everywhere=True,
        spared=True,
    ),
)

#: What pg_rewind calls on its source.
REWIND_FUNCTIONS = (
    "pg_ls_dir(text, boolean, boolean)",
    "pg_stat_file(text, boolean)",
    "pg_read_binary_file(text)",
    "pg_read_binary_file(text, bigint, bigint, boolean)",
)

TO_REWIND = (
    Grant(_call(*REWIND_FUNCTIONS), "pg_rewind reads the other node's files", "file_grants"),
)

#: What ALTER SYSTEM is called for by a promotion, and by a rebuild.
_SETTINGS = (
    *("primary_conninfo", "primary_slot_name", "recovery_min_apply_delay", "restore_command"),
    *("recovery_target", "recovery_target_lsn", "recovery_target_name", "recovery_target_time"),
    *("recovery_target_timeline", "recovery_target_xid", "synchronous_standby_names"),
    *dialect.CHANGES_PLACES,
)

TO_END_SESSIONS = Grant(
    ("pg_signal_backend",), "end sessions that are in the way, but for superusers'", spared=True
)
TO_BACK_UP = Grant(
    _call("pg_backup_start(text, boolean)", "pg_backup_stop(boolean)"),
    "a rebuild by rsync",
    "pg_backup_start",
    spared=True,
)

#: Tried: a switchover, on 18.
TO_CHANGE = (
    *TO_WATCH,
    TO_END_SESSIONS,
    Grant(("pg_checkpoint",), "CHECKPOINT before the stop", "alter_system_grants"),
    Grant(
        (f"{ALTER}{', '.join(_SETTINGS)}",),
        "a node's standby definition, what is set for now, and what a standby needs as much of",
        "alter_system_grants",
    ),
    Grant(
        (f"{ALTER}promote_trigger_file",),
        "the same",
        "promote_trigger_file",
    ),
    Grant(_call("pg_reload_conf()", "pg_wal_replay_resume()"), "let these take effect; replay"),
    Grant(_call("pg_promote(boolean, integer)"), "the promotion", "pg_promote"),
    Grant(
        _call("pg_read_binary_file(text, bigint, bigint, boolean)"),
        "the proof in WAL, by its bytes: else pg_waldump tells it, which takes longer",
        "file_grants",
        spared=True,
    ),
    TO_BACK_UP,
)

#: What the role that changes has by itself.
BY_ITSELF = (
    Grant(("login",), "its sessions", attribute=True),
    Grant(("replication",), "slots are made and dropped", attribute=True),
)


def grant_for(error: str, role: str, database: str = "") -> str:
    """What would give this role what the server's error says that it lacks.

    What is given for one `database` is said to be.

    >>> print(grant_for("permission denied for function pg_reload_conf", "ann", "app"))
    ... # doctest: +NORMALIZE_WHITESPACE
    on the primary, in database app: grant execute on function pg_reload_conf() to "ann";
    grant execute on function pg_wal_replay_resume() to "ann";
    """
    words = set(re.findall(r"\w+", error))
    found = next((it for it in (*TO_CHANGE, *TO_REWIND) if it.names & words), None)
    if found is None:
        return "grant that role what it lacks: `pgha grants PAIR` prints it"
    return found.remedy(role, database)
