"""Looking: both nodes at the same time, SQL and shell, into one Snapshot."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..judgement.checks import Check
from ..model import (
    Hung,
    Running,
    Sighting,
    Snapshot,
    Vantage,
)
from ..model.errors import (
    NotAchieved,
    NotSeen,
)
from ..model.show import span, utc
from ..model.survey import Survey
from ..run.events import SEEN
from ..run.run import Run
from .connection import SettingsByNode
from .server_log import ServerLog
from .sighting import sight, sight_and_words
from .survey import survey
from .vantages import look_around


def look(
    run: Run,
    journal: bool = True,
    closely: bool = False,
    around: bool = False,
    patiently: bool = False,
) -> Snapshot:
    """What is seen now, of both nodes at once.

    A node that does not answer is a sighting, not an error. `closely` adds a survey of each node
    that runs, and of the clients: all that the checks before a switchover lean on. `around` adds
    how each node is seen from everywhere else: what a failover leans on. `patiently` waits for a
    server that is starting or shutting down, up to timeouts.start s.
    """
    began = time.time()
    vantages: tuple[Vantage, ...] = ()
    if around:
        seen, vantages = look_around(run, sight_and_words)
    else:
        began, seen = _sights(run, run.timeouts.start if patiently else 0)
    surveys = {}
    if closely:
        surveys = _survey(run, {sighting.node: sighting for sighting in seen})
    seconds = round(time.time() - began, 4)
    now = Snapshot(run.pair, seen, utc(began), seconds, surveys, vantages=vantages)
    if closely:
        clients = run.clients.look(run, now)
        drilled = run.history.seconds_since_drill()
        seconds = round(time.time() - began, 4)
        now = replace(now, clients=clients, drilled=drilled, seconds=seconds)
    if journal:
        _journal(run, now, around)
    return now


def _sights(run: Run, patience: float) -> tuple[float, tuple[Sighting, Sighting]]:
    """When they were looked at, and both nodes. A server on its way up or down is looked at again
    for so many s: a run that died a moment ago may have sent it there.
    """
    deadline, told = time.monotonic() + patience, False
    while True:
        began = time.time()
        seen = run.both(lambda name: sight(run.doors[name]))
        moving = [each for each in seen if isinstance(each, Hung) and each.moving]
        if not moving or time.monotonic() >= deadline:
            return began, seen
        if not told:
            words = " and ".join(f"{each.node}: {each.answer}" for each in moving)
            print(f"{words}. Waiting up to {span(patience)} for it", flush=True)
            told = True
        time.sleep(0.2)


def _journal(run: Run, now: Snapshot, around: bool) -> None:
    seen = now.sightings
    nodes = {
        each.node: {"as": type(each).__name__, "role": each.role, "words": str(each)}
        for each in seen
    }
    more = {"vantages": now.vantages} if around else {}
    run.journal.write(SEEN, nodes=nodes, facts=seen, **more)


def _survey(run: Run, seen: Mapping[str, Sighting]) -> dict[str, Survey | str]:
    if why_not := _too_close(seen.values()):
        return dict.fromkeys(seen, why_not)

    told = SettingsByNode(run, [n for n, s in seen.items() if isinstance(s, Running)])

    def closely(name: str) -> Survey | str:
        found = seen[name]
        if not isinstance(found, Running):
            return str(found)
        with run.doors[name].turn:
            return survey(run, found, told)

    surveys = run.both(closely)
    return dict(zip(run.pair.names, surveys, strict=True))


def _too_close(seen: Iterable[Sighting]) -> str:
    """Why nobody may look closely, or nothing.

    A replication connection that is tried has the postmaster look, too.
    """
    for node in seen:
        if not isinstance(node, Running) or not node.in_recovery or not node.disk:
            continue
        if triggers := " and ".join(node.disk.triggers):
            return f"not looked at closely: {node.node} has {triggers}, and a look may promote it"
    return ""


def until(
    run: Run, *checks: Check, within: float, journal: bool = True, log: ServerLog | None = None
) -> Snapshot:
    """Look again and again until every check says yes.

    Raises NotAchieved with the last reasons after `within` s. With a `log` it says what the server
    complains of and what to do about it, and does not wait for what waiting cannot heal.
    """
    began = time.monotonic()
    while True:
        now = look(run, journal=False)
        reasons = _reasons(checks, now)
        if not reasons or time.monotonic() > began + within or (log and log.is_final()):
            break
        time.sleep(0.05)
    took = time.monotonic() - began
    if journal:
        look(run)
    if reasons:
        complaint, remedy = "", "look at the server's log on that node"
        if log:
            complaint, remedy = log.words()
        raise NotAchieved(f"after {span(took)} still: {'; '.join(reasons)}{complaint}", remedy)
    return now


def _reasons(checks: Iterable[Check], now: Snapshot) -> list[str]:
    """Why not, of each check that does not say yes."""
    reasons = []
    for check in checks:
        try:
            reason = check(now)
        except (NotSeen, ValueError, KeyError) as silence:
            reason = str(silence)
        if reason:
            reasons.append(reason)
    return reasons
