"""Checklists: tuples that you can read aloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .activity import (
    every_database_was_looked_into,
    failover_slots_are_synchronised,
    no_base_backup_is_running,
    no_logical_slot_would_be_left_behind,
    no_transaction_is_long,
    no_transaction_is_prepared,
    no_unlogged_table_would_be_emptied,
    nobody_else_who_reads_wal_would_be_left_behind,
    the_archiver_would_not_hold_the_shutdown,
)
from .check import Check
from .clients import the_clients_can_be_moved
from .identity import (
    both_nodes_answer,
    both_shells_answer,
    one_node_is_writable,
    the_preferred_node_is_primary,
    the_primary_is_not_armed,
    the_standby_is_as_addressed,
    they_are_as_addressed,
    they_are_one_system,
    they_run_one_major_version,
    whatever_can_be_read_is_one_system,
    whatever_runs_is_on_one_timeline,
)
from .lag import (
    replay_is_not_delayed,
    replay_is_not_paused,
    the_lag_does_not_grow,
    the_standby_is_close_in_bytes,
    the_standby_is_close_in_time,
)
from .machines import (
    the_clocks_agree,
    the_primary_has_room_to_stop,
    the_standby_has_room_to_be_primary,
    there_is_disk_space,
)
from .reads import nobody_holds_up_replay
from .recovery import no_file_waits_to_promote_the_standby, the_standby_recovers_as_it_must
from .rights import (
    who_changes_has_the_rights_for_it,
    who_changes_has_the_rights_for_more,
    who_changes_is_a_superuser,
    who_changes_may_back_up,
    who_changes_may_end_sessions,
    who_changes_may_promote,
)
from .serving import (
    both_nodes_sort_alike,
    clients_could_write_on_the_standby,
    clients_would_be_let_in_on_the_standby,
    wal_would_be_archived_on_the_standby,
)
from .settings import (
    a_promotion_would_not_oversleep,
    a_rewind_would_be_possible,
    commits_would_go_on_after_the_move,
    no_commit_waits_for_a_missing_standby,
    the_settings_agree,
    the_standby_can_replay_its_settings,
    the_standby_has_a_free_slot,
    the_standby_has_a_free_walsender,
    the_standby_has_every_extension,
    titles_tell_what_processes_do,
    what_is_acknowledged_is_on_the_disk,
)
from .starting import (
    each_could_replay_after_a_restart,
    each_server_would_start_again,
    nothing_waits_for_a_restart,
    settings_can_be_written,
    settings_can_be_written_on_the_standby,
    the_primary_comes_back_where_it_is,
    what_restores_from_an_archive_can_be_run,
    what_was_given_at_its_start_comes_again,
)
from .streaming import (
    a_promotion_would_not_wait_for_an_archive,
    no_idle_slot_hoards_wal,
    the_primary_feeds_the_standby,
    the_standby_has_its_slot,
    the_standby_is_fed_by_the_primary,
    they_are_on_one_timeline,
    they_tell_one_history,
)
from .surroundings import (
    each_can_replicate_from_the_other,
    every_command_is_allowed,
    every_program_is_installed,
    no_cluster_manager_rules_here,
    no_removal_was_left_half_done,
    no_setting_is_changed_for_now,
    nobody_else_restarts_postgresql,
    the_last_drill_is_recent,
)

_A_PAIR = (
    both_shells_answer,
    they_are_as_addressed,
    they_are_one_system,
    they_run_one_major_version,
)

_ATTACHED = (
    one_node_is_writable,
    titles_tell_what_processes_do,  # before what nobody can see without them
    the_primary_feeds_the_standby,
    the_standby_is_fed_by_the_primary,
    they_are_on_one_timeline,
    the_standby_has_its_slot,
    no_file_waits_to_promote_the_standby,
)

_FIRST = (both_nodes_answer, *_A_PAIR)

_READY = (
    they_tell_one_history,
    # before the lag that follows from it: the first sentence tells the cause
    replay_is_not_paused,
    replay_is_not_delayed,
    nobody_holds_up_replay,
    the_standby_is_close_in_bytes,
    the_standby_is_close_in_time,
    the_lag_does_not_grow,
    the_standby_can_replay_its_settings,
    the_standby_has_a_free_walsender,
    the_standby_has_a_free_slot,
    every_command_is_allowed,
    who_changes_has_the_rights_for_it,
    who_changes_may_end_sessions,
    who_changes_has_the_rights_for_more,
    every_program_is_installed,
    each_server_would_start_again,
    what_was_given_at_its_start_comes_again,
    the_primary_comes_back_where_it_is,
    settings_can_be_written,
    commits_would_go_on_after_the_move,
    clients_could_write_on_the_standby,
    what_restores_from_an_archive_can_be_run,
    the_clients_can_be_moved,
    no_transaction_is_prepared,
    no_transaction_is_long,
    no_base_backup_is_running,
    the_archiver_would_not_hold_the_shutdown,
    no_cluster_manager_rules_here,
    failover_slots_are_synchronised,
    no_logical_slot_would_be_left_behind,
    nobody_else_who_reads_wal_would_be_left_behind,
    no_unlogged_table_would_be_emptied,
    nobody_else_restarts_postgresql,
    each_could_replay_after_a_restart,
    nothing_waits_for_a_restart,
    settings_can_be_written_on_the_standby,
    the_settings_agree,
    clients_would_be_let_in_on_the_standby,
    wal_would_be_archived_on_the_standby,
    both_nodes_sort_alike,
    the_standby_has_every_extension,
    every_database_was_looked_into,
    a_promotion_would_not_oversleep,
    a_promotion_would_not_wait_for_an_archive,
    a_rewind_would_be_possible,
    the_standby_has_room_to_be_primary,
    the_primary_has_room_to_stop,
    there_is_disk_space,
    the_clocks_agree,
)

#: Every gate of a planned move; those about what goes on now lean on a close look.
_SWITCHOVER = (
    *_FIRST,
    *_ATTACHED,
    no_commit_waits_for_a_missing_standby,
    each_can_replicate_from_the_other,
    *_READY,
)

#: What must hold when a change claims that the pair is whole.
AFTER = (
    both_nodes_answer,
    *_A_PAIR,
    *_ATTACHED,
    replay_is_not_paused,
    the_standby_recovers_as_it_must,
    the_primary_is_not_armed,
)

#: What a rebuild writes down for a standby. One that streams, but not as these say, is not "already
#: so".
DEFINED = (
    the_standby_is_fed_by_the_primary,
    the_standby_has_its_slot,
    the_standby_recovers_as_it_must,
)

_REBUILD = (
    *_A_PAIR,
    one_node_is_writable,
    the_primary_is_not_armed,
    who_changes_has_the_rights_for_it,
)

#: What must hold before each kind of change. A kind that finishes what another run began asks only
#: for what it needs.
BEFORE: Mapping[str, tuple[Check, ...]] = {
    "setup": (
        both_shells_answer,
        they_are_as_addressed,
        they_run_one_major_version,
        who_changes_is_a_superuser,
    ),
    "tidy": AFTER,
    "switchover": _SWITCHOVER,
    "resume": (
        both_shells_answer,
        they_are_as_addressed,
        they_are_one_system,
        whatever_runs_is_on_one_timeline,
    ),
    "reopen": (both_shells_answer, they_are_as_addressed, they_are_one_system),
    "return": (
        both_shells_answer,
        they_are_as_addressed,
        they_are_one_system,
        one_node_is_writable,
    ),
    "promoted": (whatever_can_be_read_is_one_system, one_node_is_writable),
    "failover": (
        the_standby_is_as_addressed,
        whatever_can_be_read_is_one_system,
        who_changes_may_promote,
    ),
    **dict.fromkeys(("follow", "rewind", "clone", "put back"), _REBUILD),
    **dict.fromkeys(("rsync", "rsync beside"), (*_REBUILD, who_changes_may_back_up)),
    "give up": _A_PAIR,  # two are writable, and one of them is named
}

#: What holds on a pair that needs nothing. Its first no that is not a warning is what keeps you
#: from failing over.
HEALTHY = (
    *_FIRST,
    # what may be the cause of the rest comes before it
    no_commit_waits_for_a_missing_standby,
    the_standby_recovers_as_it_must,
    each_can_replicate_from_the_other,
    *_ATTACHED,
    *_READY,
    the_primary_is_not_armed,
    what_is_acknowledged_is_on_the_disk,
    no_idle_slot_hoards_wal,
    no_removal_was_left_half_done,
    no_setting_is_changed_for_now,
    the_preferred_node_is_primary,
    the_last_drill_is_recent,
)


def before(kind: str, drain: bool = False, sorted_otherwise: bool = False) -> tuple[Check, ...]:
    """What must hold before this kind of change. With a drain, long transactions are told and do
    not refuse it, and sessions may have to be ended. That nodes sort otherwise is told where the
    consent names it.
    """
    levels = {}
    if drain:
        levels = {no_transaction_is_long: "warning", who_changes_may_end_sessions: "critical"}
    if sorted_otherwise:
        levels[both_nodes_sort_alike] = "warning"
    return tuple(
        replace(check, level=levels[check]) if check in levels else check for check in BEFORE[kind]
    )
