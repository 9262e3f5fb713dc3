"""The nodes as they are seen from everywhere, all at once.

This machine, each other, and the witnesses. Nobody's view is believed alone: a primary that cannot
be reached from here may well serve its clients.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from ..model import HERE, Heard, Hung, Node, Running, Sighting, Vantage, Witness
from ..model.conninfo import further_parameters
from ..model.errors import HaError
from ..model.foreign import lines_of
from ..model.vantage import UNTRIED, own_place
from ..run.run import Run
from ..wire.doors import Door
from .connection import try_connection

#: A node as this machine sees it, and what SQL and ssh had to say.
Looked = tuple[Sighting, Heard, Heard]


def look_around(
    run: Run, ask: Callable[[Door], Looked]
) -> tuple[tuple[Sighting, Sighting], tuple[Vantage, ...]]:
    """Both sightings, and each node from every place. `ask` looks at one node from this machine.

    Each place has a thread and deadlines of its own. A place that cannot be asked, or that cannot
    tell, says so.
    """
    with ThreadPoolExecutor(
        len(run.pair.nodes) * 2 + len(run.pair.witnesses), "pgha-vantage"
    ) as pool:
        knocks = [pool.submit(_knock, node, run.timeouts.connect) for node in run.pair]
        views = [pool.submit(_one, run, node, ask) for node in run.pair]
        others = [pool.submit(_witness, run, witness) for witness in run.pair.witnesses]
        found, around = [], list[Vantage]()
        for node, knock, view in zip(run.pair, knocks, views, strict=True):
            (seen, sql, ssh), seconds, more = view.result()
            tcp, waited = knock.result()
            found.append(seen)
            around += [Vantage(HERE, node.name, sql, tcp, ssh, seconds=max(seconds, waited)), *more]
        around += [vantage for other in others for vantage in other.result()]
    return (found[0], found[1]), tuple(sorted(around, key=lambda v: run.pair.names.index(v.node)))


def _one(
    run: Run, node: Node, ask: Callable[[Door], Looked]
) -> tuple[Looked, float, list[Vantage]]:
    """A node from this machine, in how many seconds; and what the node itself can tell then."""
    began, door = time.monotonic(), run.doors[node.name]
    told = ask(door)
    seconds, seen = _since(began), told[0]
    if isinstance(seen, Hung):
        return told, seconds, [_within(run, door)]
    if isinstance(seen, Running) and seen.in_recovery and seen.disk:
        return told, seconds, [_peer(run, door, seen)]
    return told, seconds, []


def reached(run: Run, name: str) -> tuple[Vantage, ...]:
    """One node as this machine's TCP, the other node and the witnesses see it now.

    Nothing is asked of itself.
    """
    node, other = run.pair[name], run.doors[run.pair.other(name).name]
    with ThreadPoolExecutor(2 + len(run.pair.witnesses), "pgha-vantage") as pool:
        knock = pool.submit(_knock, node, run.timeouts.connect)
        peer = pool.submit(_reach, run, other, other.node.name, {name: node.seen_by_peer})
        others = [pool.submit(_witness, run, witness) for witness in run.pair.witnesses]
        tcp, seconds = knock.result()
        around = [
            *peer.result(),
            *(v for witness in others for v in witness.result() if v.node == name),
        ]
    return Vantage(HERE, name, tcp=tcp, seconds=seconds), *around


def _knock(node: Node, timeout: float) -> tuple[Heard, float]:
    """Whether a TCP connection from this machine is taken.

    The kernel does that for a server that hangs, too.
    """
    began = time.monotonic()
    if node.host.startswith("/"):
        return Heard("unknown", "a Unix socket"), 0.0
    try:
        socket.create_connection((node.host, node.port), timeout).close()
    except socket.gaierror as error:
        return Heard("unknown", f"{node.host}: {error.strerror}"), _since(began)
    except UnicodeError:
        return Heard("unknown", f"{node.host} is no name of a host"), _since(began)
    except OSError as error:
        return Heard("no", (error.strerror or str(error)).lower()), _since(began)
    return Heard("yes"), _since(began)


def _within(run: Run, door: Door) -> Vantage:
    """A server that does not answer us, asked on its own machine over its own socket."""
    began, name = time.monotonic(), door.node.name
    patience = _patience(run)
    argv = (door.node.data_directory, door.binary("pg_isready"), str(patience))
    try:
        answer = door.script(_text("within.sh"), *argv, okay=range(256), within=patience + 1)
        sql = heard_sql("pg_isready", answer.status, answer.text or answer.complaint)
    except HaError as trouble:
        sql = Heard("unknown", trouble.what)
    return Vantage(own_place(name), name, sql, seconds=_since(began))


def _peer(run: Run, door: Door, seen: Running) -> Vantage:
    """The other node as a standby sees it.

    By its walreceiver, and by the very connection that it would use.
    """
    other = run.pair.other(door.node.name)
    (vantage,) = _reach(run, door, door.node.name, {other.name: other.seen_by_peer})
    if vantage.sql.says == "yes":
        began, why_not = time.monotonic(), _replication(door, run, seen)
        words = "its replication connection works"
        if why_not:
            words = f"its replication connection fails: {why_not}"
        sql, more = Heard("yes", f"{vantage.sql.words}; {words}"), _since(began)
        vantage = Vantage(
            vantage.place, other.name, sql, vantage.tcp, seconds=vantage.seconds + more
        )
    receiver = "it has no walreceiver"
    if seen.receiver:
        receiver = f"its walreceiver says {seen.receiver.status}"
    return Vantage(
        vantage.place, other.name, vantage.sql, vantage.tcp, UNTRIED, receiver, vantage.seconds
    )


def _replication(door: Door, run: Run, seen: Running) -> str:
    # nobody waits here for the other one to tell its own
    own = further_parameters(seen.settings.get("primary_conninfo", ""))
    try:
        return try_connection(door, run.pair, seen.system_id, own)
    except HaError as trouble:
        return trouble.what


def _witness(run: Run, witness: Witness) -> tuple[Vantage, ...]:
    door = run.elsewhere(witness.name, witness.ssh, witness.bin_directory)
    return _reach(run, door, witness.name, {node.name: (node.host, node.port) for node in run.pair})


def _reach(
    run: Run, door: Door, place: str, targets: Mapping[str, tuple[str, int]]
) -> tuple[Vantage, ...]:
    """Nodes as the host behind this door sees them: by pg_isready, and by a TCP connection."""
    began, patience = time.monotonic(), _patience(run)
    where = [word for name, (host, port) in targets.items() for word in (name, host, str(port))]
    directory = door.node.bin_directory
    try:
        text = door.script(
            _text("reach.sh"), directory, str(patience), *where, within=patience + 2
        ).text
        told = parse_reach(text, list(targets))
    except HaError as silence:
        told = {name: (Heard("unknown", silence.what), UNTRIED) for name in targets}
    return tuple(
        Vantage(place, name, *heard, seconds=_since(began)) for name, heard in told.items()
    )


def parse_reach(text: str, names: list[str]) -> dict[str, tuple[Heard, Heard]]:
    """The answers of reach.sh by node, SQL and TCP; what is missing is unknown.

    >>> parse_reach("db0 sql pg_isready 2 h:1 - no response\\n"
    ... "db0 tcp nc 1 Connection refused\\n", ["db0"]) # doctest: +NORMALIZE_WHITESPACE
    {'db0': (Heard(says='no', words='no response (pg_isready)'), Heard(says='no', words='Connection
    refused (nc)'))}
    """
    found: dict[tuple[str, str], Heard] = {}
    for line in lines_of(text):
        for name in names:  # a node's name may hold spaces
            if line.startswith((f"{name} sql ", f"{name} tcp ")):
                kind, tool, status, words = [*line[len(name) + 1 :].split(" ", 3), "", ""][:4]
                ask = heard_sql if kind == "sql" else heard_tcp
                if status.isdecimal():
                    found[name, kind] = ask(tool, int(status), words)
    none = Heard("unknown", "it said nothing")
    return {name: (_sql(found, name), found.get((name, "tcp"), none)) for name in names}


def _sql(found: Mapping[tuple[str, str], Heard], name: str) -> Heard:
    return found.get((name, "sql"), Heard("unknown", "it said nothing"))


def heard_sql(tool: str, status: int, words: str) -> Heard:
    """What pg_isready says.

    A server without a connection left for us is one that takes them: it is alive.

    >>> heard_sql("pg_isready", 0, "10.0.0.1:5432 - accepting connections").says
    'yes'
    >>> heard_sql("none", 3, "there is no pg_isready here")
    Heard(says='unknown', words='there is no pg_isready here')
    """
    said = words.strip().rpartition(" - ")[2]
    if status in (0, 1, 2):
        return Heard("yes" if status == 0 else "no", f"{said} ({tool})")
    return Heard("no" if status == 4 else "unknown", said)


def heard_tcp(tool: str, status: int, words: str) -> Heard:
    """What a program says that opens a TCP connection."""
    if tool == "none":
        return Heard("unknown", words.strip())
    if status == 0:
        return Heard("yes", tool)
    return Heard("no", f"{words.strip().rpartition(': ')[2]} ({tool})")


@cache
def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


def _patience(run: Run) -> int:
    """Whole seconds: pg_isready takes no others."""
    return max(1, math.ceil(run.timeouts.connect))


def _since(began: float) -> float:
    return round(time.monotonic() - began, 4)
