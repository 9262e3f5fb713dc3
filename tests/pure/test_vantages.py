"""Is it really dead? Judged from made-up views of a lost primary, and how it would be fenced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pgha_helpers.facts.vantages import heard_sql, heard_tcp, parse_reach
from pgha_helpers.judgement.checks import judge
from pgha_helpers.judgement.checks.identity import one_node_is_writable
from pgha_helpers.judgement.plans import promotion_plan
from pgha_helpers.model import (
    HERE as US,
)
from pgha_helpers.model import (
    Fence,
    Heard,
    Hung,
    Lsn,
    Pair,
    Silent,
    Slot,
    Snapshot,
    Ssh,
    Vantage,
    Witness,
)
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.model.pair import Commands

from .pictures import EARLIER, HERE, disk, healthy, pair, primary, seen, standby, stopped

SILENT = Silent("db0", "no route to host; ssh: timed out")
NO, YES = (
    Heard("no", "no response (pg_isready)"),
    Heard("yes", "accepting connections (pg_isready)"),
)
UNKNOWN = Heard("unknown", "ssh: gate does not answer")
OFF = Fence(("bmc", "off"), ("bmc", "is-off"))


def view(place: str, sql: Heard = NO, tcp: Heard = NO) -> Vantage:
    return Vantage(place, "db0", sql, tcp)


def lost(old: Any = SILENT, *vantages: Vantage, **changes: Any) -> Snapshot:
    receiver = {"receiver": None} if isinstance(old, Silent) else {}
    return replace(seen(old, standby(**receiver), **changes), vantages=vantages)


def with_fence(fence: Fence = OFF) -> tuple[Any, ...]:
    plain: Pair = pair()
    return replace(plain["db0"], fence=fence), plain["db1"]


@pytest.mark.parametrize("place", [US, "db1", "gate", "db0 itself"])
@pytest.mark.parametrize(
    "old", [SILENT, Hung("db0", "no answer", disk()), stopped("db0", "in production")]
)
@pytest.mark.parametrize("fenced_by", ["", "Ann pulled its plug"])
def test_a_primary_that_answers_sql_to_anybody_is_not_failed_over(
    place: str, old: Any, fenced_by: str
) -> None:
    others = [view(name) for name in (US, "db1", "gate") if name != place]
    with pytest.raises(NotSafe, match="db0 is alive: it answers SQL to") as refused:
        promotion_plan(lost(old, view(place, YES, YES), *others), "failover", fenced_by=fenced_by)
    assert f"answers SQL to {place} (accepting connections" in str(refused.value)
    assert "occasion=switchover" in str(refused.value)


REFUSED = Heard("no", "Connection refused (nc)")
GATE = (Witness("gate", Ssh("10.0.0.9")),)


def test_a_witness_that_may_be_wrong_is_contradicted_by_name_and_still_obeyed() -> None:
    """Its pg_isready says yes, its own TCP is refused, and ssh sees that nothing runs: which server
    answers it?
    """
    down = stopped("db0", "in production")
    now = lost(down, view(US, NO, REFUSED), view("db1"), view("gate", YES, REFUSED), witnesses=GATE)
    with pytest.raises(NotSafe, match="answers SQL to gate") as refused:
        promotion_plan(now, "failover", fenced_by="Ann pulled its plug")
    told = str(refused.value)
    assert "BUT ssh finds no process there that has /var/lib/postgresql/18/main open" in told
    assert "gate itself gets no TCP connection (Connection refused (nc))" in told
    assert "Only if it is not db0: take gate out of witnesses: in the pair file" in told


def test_one_that_nothing_contradicts_is_not_doubted() -> None:
    now = lost(SILENT, view("db1", YES, YES), view("gate", YES, YES), witnesses=GATE)
    with pytest.raises(NotSafe) as refused:
        promotion_plan(now, "failover")
    assert "BUT" not in str(refused.value) and "witnesses:" not in str(refused.value)


def test_the_other_nodes_way_there_may_be_wrong_too() -> None:
    now = lost(stopped("db0", "in production"), view(US, NO, REFUSED), view("db1", YES, YES))
    with pytest.raises(NotSafe, match=r"Only if it is not db0: mend nodes\.db0\.peer_host"):
        promotion_plan(now, "failover")


def test_who_took_over_its_address_keeps_a_word_from_being_taken_and_is_named() -> None:
    now = lost(SILENT, view(US, NO, REFUSED), view("gate", NO, Heard("yes", "nc")), witnesses=GATE)
    with pytest.raises(
        NotSafe, match=r"but its port takes connections from gate\. BUT this machine gets no"
    ) as no:
        promotion_plan(now, "failover", fenced_by="Ann pulled its plug")
    assert "Only if it is not db0: take gate out" in str(no.value)


def test_views_of_the_other_node_are_no_sign_of_life() -> None:
    alive = Vantage("gate", "db1", YES, YES)
    assert (
        promotion_plan(lost(SILENT, view(US), alive), "failover", fenced_by="Ann").kind
        == "failover"
    )


def test_a_port_that_takes_connections_is_not_off_whatever_is_typed() -> None:
    """A server that was stopped with SIGSTOP still takes TCP connections: its kernel does."""
    now = lost(SILENT, view(US), view("gate", NO, Heard("yes", "nc")))
    with pytest.raises(NotSafe, match="but its port takes connections from gate"):
        promotion_plan(now, "failover", fenced_by="Ann pulled its plug")
    with pytest.raises(
        NotSafe, match="silence does not prove that it is off, and its port takes connections from"
    ):
        promotion_plan(now, "failover")


def test_a_word_that_nothing_contradicts_is_taken() -> None:
    plan = promotion_plan(
        lost(SILENT, view(US), view("gate", UNKNOWN, UNKNOWN)), "failover", fenced_by="Ann, BMC"
    )
    assert "on the word of: Ann, BMC" in plan.steps[0]
    assert "gate cannot tell whether db0 answers: ssh: gate does not answer" in str(plan)


def test_a_fence_command_comes_before_a_word_and_needs_none() -> None:
    plan = promotion_plan(lost(SILENT, view(US), nodes=with_fence()), "failover")
    assert (
        "by its fence command (bmc off, on this machine), believed only if its check agrees"
        in plan.steps[0]
    )
    plan = promotion_plan(lost(SILENT, view(US), nodes=with_fence()), "failover", fenced_by="Ann")
    assert "if that fails, take it as fenced on the word of: Ann" in plan.steps[0]


def test_a_hung_machine_that_takes_connections_may_be_fenced_by_its_command() -> None:
    now = lost(SILENT, view(US, NO, Heard("yes")), nodes=with_fence(replace(OFF, witness="gate")))
    assert "on gate" in promotion_plan(now, "failover").steps[0]
    with pytest.raises(NotSafe, match="Leave fenced_by out"):
        promotion_plan(now, "failover", fenced_by="Ann thinks so")


def test_a_shell_that_answers_is_used_first() -> None:
    nodes = (
        replace(with_fence()[0], service=Commands(("up",), ("down",), ("mask",), ("unmask",))),
        pair()["db1"],
    )
    plan = promotion_plan(lost(stopped("db0", "in production"), view(US), nodes=nodes), "failover")
    assert plan.steps[0].startswith(
        "Fence db0 over ssh: standby definition in place, its service disabled, every"
    )
    assert "if its shell is lost meanwhile, by its fence command" in plan.steps[0]


@pytest.mark.parametrize(
    ("old", "words"),
    [
        (
            Hung("db0", "x", disk(halted=(100, 101))),
            "2 of its 2 processes are stopped by a signal (SIGSTOP)",
        ),
        (Hung("db0", "x", disk(halted=(100,))), "the others go on, and may commit"),
        (Hung("db0", "x", disk(free_bytes=4096)), "no room on its disk"),
        (Hung("db0", "x", disk(), "the database system is starting up"), "it is starting"),
        (
            Hung("db0", "SQL: db0 gave no answer within 3 s", disk()),
            "2 processes, and no answer: SQL: db0 gave no",
        ),
    ],
)
def test_a_hung_primary_is_told_from_a_dead_one(old: Hung, words: str) -> None:
    told = str(promotion_plan(lost(old, view(US, NO, Heard("yes"))), "failover"))
    assert "db0 is not down, it hangs" in told and words in told
    assert "every process of its data directory ended" in told


def test_a_dead_primary_is_not_said_to_hang() -> None:
    told = str(promotion_plan(lost(stopped("db0", "in production"), view(US)), "failover"))
    assert "hangs" not in told and "is full" not in told


def test_a_full_disk_is_told_of_a_dead_primary_too() -> None:
    full = replace(stopped("db0", "in production"), disk=disk(processes=(), free_bytes=0))
    assert "The disk of db0 is full: 0 B free" in str(promotion_plan(lost(full), "failover"))


def test_one_without_a_connection_left_is_alive() -> None:
    full = Hung("db0", "SQL: FATAL", disk(), "sorry, too many clients already")
    with pytest.raises(NotSafe, match="it has no connection left for us"):
        promotion_plan(lost(full, view(US, YES, YES)), "failover", fenced_by="Ann")


def test_two_looks_at_the_same_thing_make_equal_plans() -> None:
    """The gate's second look takes other seconds, and finds other words for the same silence."""
    once = promotion_plan(lost(SILENT, view(US)), "failover", fenced_by="Ann")
    again = lost(
        SILENT,
        replace(view(US), seconds=2.5, tcp=Heard("no", "timed out")),
        view("gate", UNKNOWN, UNKNOWN),
    )
    roles = promotion_plan(again, "failover", fenced_by="Ann")
    assert once == roles


def test_every_view_is_a_row_of_the_table() -> None:
    table = str(
        lost(SILENT, view(US), replace(view("db1"), receiver="it has no walreceiver", seconds=0.25))
    )
    assert "from this machine" in table and "it has no walreceiver" in table and "250 ms" in table


# What the programs on a witness say


def test_a_witness_without_any_program_cannot_tell() -> None:
    text = (
        "db0 sql none 3 there is no pg_isready here\ndb0 tcp none 3 there is no nc, bash or "
        "python3 here\n"
    )
    sql, tcp = parse_reach(text, ["db0"])["db0"]
    assert (sql.says, tcp.says) == ("unknown", "unknown") and "no nc" in tcp.words


def test_names_with_spaces_are_told_apart() -> None:
    text = (
        "db 0 sql pg_isready 0 h:1 - accepting connections\ndb sql pg_isready 2 h:2 - no response\n"
    )
    told = parse_reach(text, ["db", "db 0"])
    assert (told["db"][0].says, told["db 0"][0].says) == ("no", "yes")


@pytest.mark.parametrize(
    ("status", "says"), [(0, "yes"), (1, "no"), (2, "no"), (3, "unknown"), (127, "unknown")]
)
def test_pg_isready_is_read_by_its_status(status: int, says: str) -> None:
    assert heard_sql("pg_isready", status, "10.0.0.1:5432 - whatever").says == says


def test_the_program_that_was_used_is_said() -> None:
    assert heard_tcp("bash", 1, "bash: connect: Connection refused") == Heard(
        "no", "Connection refused (bash)"
    )
    assert heard_tcp("python3", 0, "") == Heard("yes", "python3")


# What is at stake when both are writable

PARTED = "1\t0/4FF0000\tno recovery target specified\n"


def reason(now: Snapshot) -> str:
    (verdict,) = judge([one_node_is_writable], now)
    assert verdict.level == "critical"
    return verdict.reason


def test_two_timelines_tell_where_they_parted() -> None:
    there = primary(
        "db1", timeline=2, written=Lsn(EARLIER + 1024), disk=disk(histories={2: PARTED})
    )
    told = reason(seen(primary(), there))
    assert "both db0 and db1 are writable" in told and "they parted at 0/04FF0000;" in told
    assert "db0 64 kB of WAL and db1 1 kB of WAL" in told


def test_two_promotions_to_one_timeline_number_part_at_the_earlier_one() -> None:
    later = f"1\t{HERE}\tno recovery target specified\n"
    here = primary(timeline=2, written=Lsn(HERE + 10), disk=disk(histories={2: later}))
    there = primary("db1", timeline=2, disk=disk(histories={2: PARTED}))
    assert "they parted at 0/04FF0000; written since" in reason(seen(here, there))


def test_one_timeline_is_bounded_by_the_slot() -> None:
    """A standby that lost its signal file opens on the same timeline and leaves no history."""
    kept = Slot("pgha_db1", "physical", False, EARLIER, "reserved")
    told = reason(seen(primary(slots=(kept,)), primary("db1", slots=())))
    assert "at 0/04FF0000 or later" in told and "db0 at most 64 kB of WAL" in told


def test_where_nothing_tells_it_is_unknown() -> None:
    told = reason(seen(primary(slots=()), primary("db1", slots=())))
    assert "cannot be told from here" in told and "db0 is at 0/05000000 on timeline 1" in told
    unread = primary("db1", timeline=2, slots=(), disk=None, shell_silent="ssh")
    assert "cannot be told from here" in reason(seen(primary(), unread))


def test_two_systems_have_no_fork() -> None:
    assert "parted" not in reason(seen(primary(), primary("db1", system_id="7")))


def test_a_healthy_pair_has_none() -> None:
    assert judge([one_node_is_writable], healthy()).worst == "ok"
