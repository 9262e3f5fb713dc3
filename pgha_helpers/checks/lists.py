"""Checklists: tuples that you can read aloud."""

from __future__ import annotations

from collections.abc import Mapping

from .check import Check
from .identity import (
    a_rewind_would_be_possible,
    both_nodes_answer,
    both_shells_answer,
    no_commit_would_wait_for_a_missing_standby,
    one_node_is_writable,
    the_clocks_agree,
    the_preferred_node_is_primary,
    the_primary_is_not_armed,
    the_standby_can_replay_its_settings,
    the_standby_is_as_addressed,
    there_is_disk_space,
    they_are_as_addressed,
    they_are_one_system,
    they_run_one_major_version,
    whatever_can_be_read_is_one_system,
    whatever_runs_is_on_one_timeline,
)
from .streaming import (
    a_promotion_would_not_oversleep,
    no_idle_slot_hoards_wal,
    replay_is_not_delayed,
    replay_is_not_paused,
    the_primary_feeds_the_standby,
    the_standby_has_its_slot,
    the_standby_is_close_in_bytes,
    the_standby_is_close_in_time,
    the_standby_is_fed_by_the_primary,
    they_are_on_one_timeline,
)

_A_PAIR = (both_shells_answer, they_are_as_addressed, they_are_one_system, they_run_one_major_version)

_ATTACHED = (
    one_node_is_writable,
    the_primary_feeds_the_standby,
    the_standby_is_fed_by_the_primary,
    they_are_on_one_timeline,
    the_standby_has_its_slot,
)

_SWITCHOVER = (
    both_nodes_answer,
    *_A_PAIR,
    *_ATTACHED,
    the_standby_is_close_in_bytes,
    the_standby_is_close_in_time,
    replay_is_not_paused,
    replay_is_not_delayed,
    the_standby_can_replay_its_settings,
    no_commit_would_wait_for_a_missing_standby,
)

#: What must hold before each kind of change. A kind that finishes what another run began asks only for what it needs.
BEFORE: Mapping[str, tuple[Check, ...]] = {
    "setup": (both_shells_answer, they_are_as_addressed, they_run_one_major_version),
    "switchover": _SWITCHOVER,
    "resume": (both_shells_answer, they_are_as_addressed, they_are_one_system, whatever_runs_is_on_one_timeline),
    "reopen": (both_shells_answer, they_are_as_addressed, they_are_one_system),
    "return": (both_shells_answer, they_are_as_addressed, they_are_one_system, one_node_is_writable),
    "failover": (
        the_standby_is_as_addressed,
        whatever_can_be_read_is_one_system,
        no_commit_would_wait_for_a_missing_standby,
    ),
    "follow": (*_A_PAIR, one_node_is_writable, the_primary_is_not_armed),
    "clone": (*_A_PAIR, one_node_is_writable, the_primary_is_not_armed),
}

#: What holds on a pair that needs nothing. Its first no that is not a warning is what keeps you from failing over.
HEALTHY = (
    *_SWITCHOVER,
    the_primary_is_not_armed,
    no_idle_slot_hoards_wal,
    a_promotion_would_not_oversleep,
    a_rewind_would_be_possible,
    there_is_disk_space,
    the_clocks_agree,
    the_preferred_node_is_primary,
)

#: What must hold when a change claims that the pair is whole.
AFTER = (both_nodes_answer, *_A_PAIR, *_ATTACHED, the_primary_is_not_armed)
