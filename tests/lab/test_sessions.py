"""What somebody sets for a server, a database or a role is for clients, not for our sessions."""

from __future__ import annotations

from pgha_helpers import HEALTHY, judged, look
from pgha_helpers.changes import plan_setup

from ..embedded import Lab
from .cycles import against
from .looks import holds_up_replay
from .runs import carry_out, running
from .servers import ask, writable


def test_a_query_that_holds_up_replay_is_told_before_a_move(own_pair: Lab) -> None:
    """A switchover was ready ("0 ms behind"), and was aborted after 30 s without a primary."""
    holds_up_replay(own_pair)


def test_sessions_of_ours_write_and_are_answered_whatever_clients_begin_with(empty: Lab) -> None:
    """No role was made ("in a read-only transaction"), and a standby answered nothing ("cannot use
    serializable mode in a hot standby").
    """
    ask(empty, "db0", "alter role postgres set default_transaction_isolation = serializable")
    ask(empty, "db0", "alter system set default_transaction_read_only = on")
    ask(empty, "db0", "select pg_reload_conf()")
    with running(empty, "setup") as rehearsed:
        consent = plan_setup(rehearsed, look(rehearsed)).consent
    carry_out(empty, "setup", consent)
    assert against(empty) == []
    carry_out(empty, "promote", "promote db1")
    assert writable(empty) == ["db1"] and against(empty) == []
    # what others begin with is told all the same
    ask(empty, "db1", "alter system reset default_transaction_read_only")
    ask(empty, "db1", "select pg_reload_conf()")
    with running(empty, "verify", light=True) as run:
        verdicts = judged(run, HEALTHY, look(run, closely=True))
    assert "default_transaction_read_only is on on db0" in [one.reason for one in verdicts]
