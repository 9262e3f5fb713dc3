"""Is the old primary really dead, and how is it made so? Judged from every place that looked at it.

Silence proves nothing: a primary that does not answer us may serve its clients. What counts is an
answer that somebody got, a fence that was verified, or somebody's word that nothing contradicts.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from ...model import Blank, Disk, Fence, Hung, Running, Silent, Snapshot, Stopped, Vantage
from ...model.errors import NotSafe
from ...model.pair import Commands
from ...model.show import plural, size
from ...model.sightings import disk_of

LostPrimary = Stopped | Hung | Blank | Silent


def refuse_a_living_primary(
    now: Snapshot, target: Running, old: LostPrimary, fenced_by: str = ""
) -> None:
    """Raises NotSafe where something says that the old primary is alive, although it does not
    answer us.
    """
    if isinstance(old, Hung) and old.refuses:
        why = "it refuses us"
        if "too many clients" in old.answer:
            why = "it has no connection left for us"
        raise NotSafe(
            f"{old.node} is alive and refuses us, and may be serving others: {old.answer}",
            f"{why}: mend that and use occasion=switchover, or stop it there",
        )
    if told := [v for v in now.looked_at(old.node) if v.sql.says == "yes"]:
        raise NotSafe(
            f"{old.node} is alive: {_answered(told)}. Seen from here it "
            f"{old}{_but(now, old, told)}",
            "a primary that answers is moved with occasion=switchover: mend the way from here to "
            f"{old.node} first, or stop it there{_or_else(now, old, told)}",
        )
    if isinstance(old, Silent):
        _refuse_the_silent(now, target, old, fenced_by)


def _refuse_the_silent(now: Snapshot, target: Running, old: Silent, fenced_by: str) -> None:
    if target.receiver and target.receiver.status == "streaming":
        raise NotSafe(
            f"{old.node} still streams to {target.node}: it is alive, or has been dead for less "
            "than a minute",
            f"look from {target.node} whether it is; a walreceiver gives up after "
            "wal_receiver_timeout",
        )
    takers, told = _takers(now, old), _accepted(now, old)
    if told and fenced_by.strip():
        other = ""
        if now.pair[old.node].fence:
            other = " Leave fenced_by out: its fence command is used then"
        raise NotSafe(
            f"fenced_by says that {old.node} is off ({fenced_by.strip()}), but "
            f"{told}{_but(now, old, takers)}",
            "make sure that it cannot take writes, then run this "
            f"again.{other}{_or_else(now, old, takers)}",
        )


def _answered(vantages: Iterable[Vantage]) -> str:
    told = [f"it answers SQL to {v.place} ({v.sql.words})" for v in vantages]
    return "; ".join(told)


def _takers(now: Snapshot, old: LostPrimary) -> list[Vantage]:
    return [v for v in now.looked_at(old.node) if v.tcp.says == "yes"]


def _but(now: Snapshot, old: LostPrimary, told: Iterable[Vantage]) -> str:
    """Whatever contradicts those who are `told` that it is alive: one of them may be wrong, or
    about another server.
    """
    alive = {v.place for v in told}
    found = []
    if isinstance(old, Stopped):
        found.append(
            f"ssh finds no process there that has {now.pair[old.node].data_directory} open"
        )
    for view in now.looked_at(old.node):
        if view.tcp.says == "no":
            itself = " itself" if view.place in alive else ""
            found.append(f"{view.place}{itself} gets no TCP connection ({view.tcp.words})")
    return f". BUT {'; '.join(found)}" if found else ""


def _or_else(now: Snapshot, old: LostPrimary, told: Iterable[Vantage]) -> str:
    """How to go on where whoever is `told` so is wrong. Nothing is promoted before: it may be
    another server's answer.

    Who has no process to show on its own machine may still be served by another one, under the same
    address.
    """
    if not _but(now, old, told):
        return ""
    node, places = now.pair[old.node], {v.place for v in told}
    witnesses = [witness.name for witness in now.pair.witnesses if witness.name in places]
    ways = []
    if witnesses:
        ways.append(f"take {' and '.join(witnesses)} out of witnesses: in the pair file")
    if now.pair.other(old.node).name in places:
        ways.append(f"mend nodes.{old.node}.peer_host and peer_port there")
    if not ways:
        return ""
    asked = (
        f'psql -h {node.host} -p {node.port} -c "select system_identifier from pg_control_system()"'
    )
    return (
        ". If it was stopped this very moment, run this again. If what answers may be another "
        f"server, or nobody: ask there which one it is ({asked}). Only if it is not {old.node}: "
        f"{', and '.join(ways)}, then run this again"
    )


def _accepted(now: Snapshot, old: LostPrimary) -> str:
    """Who still gets a TCP connection: that is not SQL yet, and it is not off."""
    places = [v.place for v in _takers(now, old)]
    return f"its port takes connections from {' and '.join(places)}" if places else ""


def fence_step(now: Snapshot, old: LostPrimary, fenced_by: str = "") -> str:
    """How the old primary is made unable to write, as a step of the plan. Raises NotSafe where
    nothing would do it.
    """
    node, word = now.pair[old.node], fenced_by.strip()
    if not isinstance(old, Silent):
        service = isinstance(node.service, Commands) and node.service.disable
        disabled = " its service disabled," if service and not isinstance(old, Blank) else ""
        lost = f"; if its shell is lost meanwhile, {_by_command(node.fence)}" if node.fence else ""
        return (
            f"Fence {old.node} over ssh: standby definition in place,{disabled} every process of "
            f"its data directory ended{lost}"
        )
    if node.fence:
        told = f"; if that fails, take it as fenced on the word of: {word}" if word else ""
        return f"Fence {old.node} {_by_command(node.fence)}{told}"
    if word:
        return f"Take {old.node} as fenced, on the word of: {word}"
    hangs = _accepted(now, old)
    raise NotSafe(
        f"{old.node} {old}: silence does not prove that it is "
        f"off{', and ' if hangs else ''}{hangs}",
        'make sure that it cannot take writes, then say who did and how: fenced_by="who and how"; '
        f"or give it a fence command (nodes.{old.node}.fence in the pair file)",
    )


def _by_command(fence: Fence) -> str:
    return (
        f"by its fence command ({shlex.join(fence.command)}, on {place_of(fence)}), believed "
        "only if its check agrees"
    )


def place_of(fence: Fence) -> str:
    """Where a fence's programs run, in words."""
    return fence.witness or (fence.ssh.host if fence.ssh else "this machine")


def symptoms(now: Snapshot, old: LostPrimary) -> Iterator[str]:
    """What is known of a node that does not answer SQL, and which places cannot tell: a hung one is
    not a dead one.
    """
    disk = disk_of(old)
    if isinstance(old, Hung):
        itself = [v.sql.words for v in now.looked_at(old.node) if v.own]
        asked = f". Asked on its own machine: {itself[0]}" if itself else ""
        yield f"{old.node} is not down, it hangs: {_why_it_hangs(old)}{asked}"
    if disk and disk.control and _is_full(disk):
        yield f"The disk of {old.node} is full: {size(disk.free_bytes or 0)} free"
    for vantage in now.looked_at(old.node):
        if vantage.sql.says == vantage.tcp.says == "unknown" and not vantage.own:
            yield f"{vantage.place} cannot tell whether {old.node} answers: {vantage.sql.words}"


def _why_it_hangs(old: Hung) -> str:
    processes, halted = old.disk.processes, len(old.disk.halted)
    if halted:
        rest = "; the others go on, and may commit for sessions that they have"
        if halted == len(processes):
            rest = ""
        return f"{halted} of its {len(processes)} processes are stopped by a signal (SIGSTOP){rest}"
    if old.starting:
        return f"it is starting: {old.answer}"
    alive = plural(len(processes), "process", "processes")
    if _is_full(old.disk):
        return f"{alive}, and no room on its disk"
    return f"{alive}, and no answer: {old.answer or old.why}"


def _is_full(disk: Disk) -> bool:
    """Less than one WAL segment is free, as far as that is known."""
    return disk.free_bytes is not None and disk.free_bytes < (
        disk.control.segment if disk.control else 16 * 1024 * 1024
    )
