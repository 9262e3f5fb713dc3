"""Our replication slots: one per standby, on the node that feeds it, and none left behind."""

from __future__ import annotations

from ...facts.queries import query
from ...judgement.plans.leftovers import on_node
from ...model import DeedKind, dialect
from ...model.errors import NotAchieved, Refusal
from ...model.major import Major
from ...run.run import Run
from ...wire.sql import Session
from .servers import wait


def ensure_slot(run: Run, on: str, for_node: str, reserve: bool) -> None:
    """Make sure that `on` has the slot of `for_node`. With `reserve` it keeps WAL from now on.

    A slot of ours that has lost its WAL and that nobody uses is made anew.
    """
    name = run.pair[for_node].slot
    sql = run.doors[on].sql
    if not _has_slots(sql):
        return
    with run.deed(on, f"make slot {name}", DeedKind.MAKE_SLOT) as deed:
        found = [row for row in sql.read(query("slots")) if row["name"] == name]
        if found and not found[0]["active"] and found[0]["wal_status"] == "lost":
            sql.do("select pg_drop_replication_slot(%s)", [name])
            found = []
        if found and (found[0]["restart"] or not reserve):
            deed.already(f"slot {name} was there")
            return
        if found and not found[0]["active"]:
            sql.do("select pg_drop_replication_slot(%s)", [name])
        sql.do(query("make a slot"), [name, reserve])


def _has_slots(sql: Session) -> bool:
    return dialect.has("slots", Major.of(sql.version))


def wait_until_free(run: Run, on: str, for_node: str) -> None:
    """Wait until nobody uses the slot.

    The walsender of a copy whose runbook was killed takes a moment to notice.
    """
    name = run.pair[for_node].slot
    sql = run.doors[on].sql
    if not _has_slots(sql):
        return

    def free() -> bool | None:
        return (
            sql.read(
                "select not active as free from pg_replication_slots where slot_name = %s", [name]
            )[0]["free"]
            or None
        )

    wait(
        free,
        run.timeouts.attach,
        lambda: NotAchieved(f"slot {name} on {on} is in use", "end who uses it"),
        0.1,
    )


def drop_own_slot(run: Run, on: str, for_node: str) -> None:
    """Drop the slot that this node kept for the other one: unused, it would keep WAL for ever."""
    name = run.pair[for_node].slot
    sql = run.doors[on].sql
    if not _has_slots(sql):
        return
    words = f"drop slot {name}: nothing streams from {on} any more"
    with run.deed(on, words, DeedKind.DROP_SLOT) as deed:
        found = sql.read("select active from pg_replication_slots where slot_name = %s", [name])
        if not found:
            deed.already(f"slot {name} was not there")
        elif found[0]["active"]:
            deed.already(f"slot {name} is in use and stays")
        else:
            sql.do("select pg_drop_replication_slot(%s)", [name])


def drop_slot(run: Run, asked: str) -> None:
    """Drop a slot that somebody has named, on whichever node is meant and has it.

    One in use by now stays.
    """
    node, name = on_node(asked)
    for on in (node,) if node else run.pair.names:
        sql = run.doors[on].sql
        found = sql.read("select active from pg_replication_slots where slot_name = %s", [name])
        if not found:
            continue
        with run.deed(on, f"drop slot {name}: the consent names it", DeedKind.DROP_SLOT):
            if found[0]["active"]:
                raise Refusal(
                    f"slot {name} on {on} has come into use",
                    "end who uses it, or leave it out of drop_slots",
                )
            sql.do("select pg_drop_replication_slot(%s)", [name])
