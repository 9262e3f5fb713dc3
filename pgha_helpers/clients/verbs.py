"""What a hand-over does for the clients, step by step.

Every verb may be said again after a run that died.

In the window, from `pause` to `redirect`, nothing is opened or prepared; what is not ready then is
made ready, slowly.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ..facts.queries import query
from ..judgement.plans import Plan
from ..model import DeedKind
from ..model.errors import HaError, NotAchieved
from ..model.show import plural, span
from ..run.interrupts import uninterrupted
from ..run.run import Run
from .bouncer import Bouncer
from .held import ClientEntry, entries_of
from .move import Move


def prepare(run: Run, plan: Plan) -> None:
    """While clients still work: make ready what moves them.

    Sessions and shells are opened, files staged, watchdogs started, the canary's table is made. In
    a failover nobody can make that table yet: `redirect` makes it.
    """
    move = Move.of(run.pair, plan)
    for entry in entries_of(run):
        if entry.way.acts:
            words = "prepare to move its clients"
            with run.deed(entry.name, words, DeedKind.PREPARE_CLIENTS) as deed:
                deed.say(entry.way.prepare(move))
        if entry.road and not plan.lost:
            words = "see that its role may write the canary row"
            with run.deed(entry.name, words, DeedKind.PROVE_CONNECTION) as deed:
                made = entry.road.prepare(run, plan.peer)
                if made:
                    deed.say(made)
                else:
                    deed.already("its role may write the canary row")


def pause(run: Run, plan: Plan) -> None:
    """The first step of the outage: hold the clients where a pooler can, all poolers at once.

    Raises NotAchieved where a transaction does not end; then every client was let go on.
    """
    bouncers = [entry.way for entry in entries_of(run) if isinstance(entry.way, Bouncer)]
    if not bouncers:
        return
    with run.deed("clients", "pause", DeedKind.PAUSE_CLIENTS) as deed:
        with ThreadPoolExecutor(len(bouncers), "pgha-pause") as pool:
            outcomes = list(pool.map(_paused, bouncers))
        if troubles := [outcome for outcome in outcomes if isinstance(outcome, HaError)]:
            for bouncer in bouncers:
                bouncer.let_go_on()
            raise _together("clients could not be paused", troubles)
        deed.say("; ".join(map(str, outcomes)))


def point(run: Run, plan: Plan) -> None:
    """While the promotion goes on: point poolers at the new primary.

    What fails is mended by `redirect`.
    """
    move = Move.of(run.pair, plan)
    for entry in entries_of(run):
        if isinstance(entry.way, Bouncer):
            words = f"point its clients at {plan.node}"
            with (
                contextlib.suppress(HaError),
                run.deed(entry.name, words, DeedKind.POINT_CLIENTS) as deed,
            ):
                said = entry.way.point(move)
                if said:
                    deed.say(said)
                else:
                    deed.already("its clients are not held")


def redirect(run: Run, plan: Plan) -> None:
    """After the promotion: lead every client to the new primary, and let it go on.

    Then a row is written through its own road. Every client is tried. Raises NotAchieved that names
    each that failed.
    """
    move = Move.of(run.pair, plan)
    with uninterrupted():
        troubles = _each(
            run,
            entries_of(run),
            f"redirect its clients to {plan.node}",
            DeedKind.REDIRECT_CLIENTS,
            lambda entry: entry.way.redirect(move),
        )
    for entry in entries_of(run):
        troubles += _write_through(run, entry, plan.node)
    _settle(run)
    if troubles:
        raise _together(f"{plan.node} is primary, but not every client was led there", troubles)


def take_clients_back(run: Run, plan: Plan) -> None:
    """The abort: lead every client back to the old primary in reverse order, whatever happens.

    It is let go on there. Raises NotAchieved that names each that failed.
    """
    move = Move.of(run.pair, plan).back
    with uninterrupted():
        troubles = _each(
            run,
            entries_of(run)[::-1],
            f"let its clients go on with {plan.peer}",
            DeedKind.TAKE_CLIENTS_BACK,
            lambda entry: entry.way.take_back(move),
        )
        _settle(run)
    if troubles:
        raise _together(f"not every client was led back to {plan.peer}", troubles)


def lead_readers(run: Run, plan: Plan) -> None:
    """Once the old primary streams as a standby: point poolers' read-only databases at it.

    Raises NotAchieved.
    """
    move = Move.of(run.pair, plan)
    readers = []
    for entry in entries_of(run):
        if isinstance(entry.way, Bouncer) and entry.way.client.readers:
            readers.append(entry)
    troubles = _each(
        run,
        readers,
        f"lead its readers to {plan.peer}",
        DeedKind.LEAD_READERS,
        lambda entry: entry.way.lead_readers(move),
    )
    if troubles:
        raise _together(f"readers were not led to {plan.peer}", troubles)


def left_behind(run: Run, old: str) -> int:
    """Show and end the sessions of clients that are still on the old node; gives their number.

    Those of a pooler's readers belong there, and our own and the standby's are no clients.
    """
    sql = run.doors[old].sql
    words = "look for sessions of clients that are left behind"
    with run.deed(old, words, DeedKind.END_SESSION) as deed:
        rows = sql.read(query("sessions of clients"))
        readers = _readers(run) if rows else set()
        found = [row for row in rows if (row["address"], row["port"]) not in readers]
        if not found:
            deed.already("no client was left behind")
            return 0
        told = []
        for row in found:
            sql.do("select pg_terminate_backend(%s)", [row["pid"]])
            program = row["application"] or "-"
            told.append(f"{row['pid']} {row['role']} {program} from {row['address']}")
        ended = plural(len(found), "session that was", "sessions that were")
        deed.say(f"ended {ended} left behind: {'; '.join(told)}")
        return len(found)


def _readers(run: Run) -> set[tuple[str, int]]:
    """Where the sessions of poolers' read-only databases come from."""
    found: set[tuple[str, int]] = set()
    for entry in entries_of(run):
        way = entry.way
        if isinstance(way, Bouncer):
            found |= way.console.server_addresses(way.client.readers)
    return found


def _paused(bouncer: Bouncer) -> str | HaError:
    try:
        return bouncer.pause()
    except HaError as trouble:
        return trouble


def _each(
    run: Run,
    entries: Iterable[ClientEntry],
    did: str,
    kind: DeedKind,
    act: Callable[[ClientEntry], str],
) -> list[HaError]:
    """Do it for every client that needs it; what went wrong."""
    troubles = []
    for entry in entries:
        if not entry.way.acts:
            continue
        try:
            with run.deed(entry.name, did, kind) as deed:
                said = act(entry)
                if said:
                    deed.say(said)
                else:
                    deed.already(f"nothing to do: {did}")
        except HaError as trouble:
            troubles.append(trouble)
    return troubles


def _write_through(run: Run, entry: ClientEntry, primary: str) -> list[HaError]:
    if entry.road is None:
        return []
    try:
        with run.deed(entry.name, "write a row through its own dsn", DeedKind.WRITE_ROW) as deed:
            seconds = entry.road.write(run, primary)
            deed.say(f"wrote a row through its own dsn after {span(seconds)}")
    except HaError as trouble:
        return [trouble]
    return []


def _settle(run: Run) -> None:
    """Nobody waits for this, and a client that it fails for has been told already."""
    for entry in entries_of(run):
        with contextlib.suppress(HaError):
            entry.way.settle()


def _together(what: str, troubles: Sequence[HaError]) -> NotAchieved:
    words = "; ".join(trouble.what for trouble in troubles)
    remedies = dict.fromkeys(trouble.remedy for trouble in troubles if trouble.remedy)
    return NotAchieved(f"{what}: {words}", "; ".join(remedies))
