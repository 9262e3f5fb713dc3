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
from dataclasses import replace

from ..model import HERE, Heard, Hung, Node, Running, Sighting, Vantage, Witness
from ..model.conninfo import further_parameters
from ..model.errors import HaError
from ..model.foreign import lines_of
from ..model.vantage import UNTRIED, own_place
from ..run.run import Run
from ..wire.doors import Door
from ..wire.scripts import script_file
from .connection import try_connection, untried

_WITHIN = script_file(__file__, "within.sh")
_REACH = script_file(__file__, "reach.sh")

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
        found = []
        around = list[Vantage]()
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
    began = time.monotonic()
    door = run.doors[node.name]
    told = ask(door)
    seconds = _since(began)
    seen = told[0]
    if isinstance(seen, Hung):
        return told, seconds, [_within(run, door)]
    if isinstance(seen, Running) and seen.in_recovery and seen.disk:
        return told, seconds, [_peer(run, door, seen)]
    return told, seconds, []


def reached(run: Run, name: str) -> tuple[Vantage, ...]:
    """One node as this machine's TCP, the other node and the witnesses see it now.

    Nothing is asked of itself.
    """
    node = run.pair[name]
    other = run.doors[run.pair.other(name).name]
    target = {name: node.seen_by_peer}
    with ThreadPoolExecutor(2 + len(run.pair.witnesses), "pgha-vantage") as pool:
        knock = pool.submit(_knock, node, run.timeouts.connect)
        peer = pool.submit(_reach, run, other, other.node.name, target)
        others = [pool.submit(_witness, run, witness) for witness in run.pair.witnesses]
        tcp, seconds = knock.result()
        around = list(peer.result())
        for witness in others:
            around += [vantage for vantage in witness.result() if vantage.node == name]
    return Vantage(HERE, name, tcp=tcp, seconds=seconds), *around


def _knock(node: Node, timeout: float) -> tuple[Heard, float]:
    """Whether a TCP connection from this machine is taken.

    The kernel does that for a server that hangs, too.
    """
    began = time.monotonic()
    if node.host.startswith("/"):
        return Heard("unknown", "a Unix socket"), 0.0
    heard = Heard("yes")
    try:
        socket.create_connection((node.host, node.port), timeout).close()
    except socket.gaierror as error:
        heard = Heard("unknown", f"{node.host}: {error.strerror}")
    except UnicodeError:
        heard = Heard("unknown", f"{node.host} is no name of a host")
    except OSError as error:
        words = error.strerror or str(error)
        heard = Heard("no", words.lower())
    return heard, _since(began)


def _within(run: Run, door: Door) -> Vantage:
    """A server that does not answer us, asked on its own machine over its own socket."""
    name = door.node.name
    began = time.monotonic()
    patience = _patience(run)
    argv = (door.node.data_directory, door.binary("pg_isready"), str(patience))
    try:
        answer = door.script(_WITHIN, *argv, okay=range(256), within=patience + 1)
        words = answer.text or answer.complaint
        sql = heard_sql("pg_isready", answer.status, words)
    except HaError as trouble:
        sql = Heard("unknown", trouble.what)
    return Vantage(own_place(name), name, sql, seconds=_since(began))


def _peer(run: Run, door: Door, seen: Running) -> Vantage:
    """The other node as a standby sees it.

    By its walreceiver, and by the very connection that it would use.
    """
    other = run.pair.other(door.node.name)
    began = time.monotonic()
    (vantage,) = _reach(run, door, door.node.name, {other.name: other.seen_by_peer})
    sql = vantage.sql
    if sql.says == "yes":
        words = untried(door) or "its replication connection works"
        if why_not := _replication(door, run, seen):
            words = f"its replication connection fails: {why_not}"
        sql = Heard("yes", f"{sql.words}; {words}")
    receiver = "it has no walreceiver"
    if seen.receiver:
        receiver = f"its walreceiver says {seen.receiver.status}"
    return replace(vantage, sql=sql, ssh=UNTRIED, receiver=receiver, seconds=_since(began))


def _replication(door: Door, run: Run, seen: Running) -> str:
    # nobody waits here for the other one to tell its own
    own = further_parameters(seen.settings.get("primary_conninfo", ""))
    try:
        return try_connection(door, run.pair, seen.system_id, own)
    except HaError as trouble:
        return trouble.what


def _witness(run: Run, witness: Witness) -> tuple[Vantage, ...]:
    door = run.elsewhere(witness.name, witness.ssh, witness.bin_directory)
    targets = {node.name: (node.host, node.port) for node in run.pair}
    return _reach(run, door, witness.name, targets)


def _reach(
    run: Run, door: Door, place: str, targets: Mapping[str, tuple[str, int]]
) -> tuple[Vantage, ...]:
    """Nodes as the host behind this door sees them: by pg_isready, and by a TCP connection."""
    began = time.monotonic()
    patience = _patience(run)
    asked = [door.node.bin_directory, str(patience)]
    for name, (host, port) in targets.items():
        asked += [name, host, str(port)]
    try:
        answer = door.script(_REACH, *asked, within=patience + 2)
        heard = parse_reach(answer.text, list(targets))
    except HaError as silence:
        unknown = Heard("unknown", silence.what)
        heard = dict.fromkeys(targets, (unknown, UNTRIED))
    seconds = _since(began)
    return tuple(Vantage(place, name, *each, seconds=seconds) for name, each in heard.items())


def parse_reach(text: str, names: list[str]) -> dict[str, tuple[Heard, Heard]]:
    """The answers of reach.sh by node, SQL and TCP; what is missing is unknown.

    >>> parse_reach("db0 sql pg_isready 2 h:1 - no response\\n"
    ... "db0 tcp nc 1 Connection refused\\n", ["db0"]) # doctest: +NORMALIZE_WHITESPACE
    {'db0': (Heard(says='no', words='no response (pg_isready)'), Heard(says='no', words='Connection
    refused (nc)'))}
    """
    nothing = Heard("unknown", "it said nothing")
    sql = dict.fromkeys(names, nothing)
    tcp = dict.fromkeys(names, nothing)
    for line in lines_of(text):
        for name in names:  # a node's name may hold spaces
            if not line.startswith((f"{name} sql ", f"{name} tcp ")):
                continue
            rest = line[len(name) + 1 :].split(" ", 3)
            kind, tool, status, words = [*rest, "", ""][:4]
            if not status.isdecimal():
                continue
            if kind == "sql":
                sql[name] = heard_sql(tool, int(status), words)
            else:
                tcp[name] = heard_tcp(tool, int(status), words)
    return {name: (sql[name], tcp[name]) for name in names}


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
    said = words.strip().rpartition(": ")[2]
    return Heard("no", f"{said} ({tool})")


def _patience(run: Run) -> int:
    """Whole seconds: pg_isready takes no others."""
    return max(1, math.ceil(run.timeouts.connect))


def _since(began: float) -> float:
    return round(time.monotonic() - began, 4)
