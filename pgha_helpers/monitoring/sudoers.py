"""The lines of sudoers that a pair file needs: what each host's ssh user has to run as others."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..clients.client_host import door_to
from ..clients.move import Move
from ..model import Command, Node, Pair, Pgbouncer
from ..model.pair import Commands
from ..wire.shell import as_user


def sudoers(pair: Pair) -> dict[str, list[str]]:
    """Lines by host; a program that is named without its directory is taken to be in /usr/bin."""
    found: dict[str, list[str]] = {}
    for place, user, argv in _wanted(pair):
        line = _line(user, argv)
        lines = found.setdefault(place.ssh.host if place.ssh else "this machine", [])
        if line and line not in lines:
            lines.append(line)
    return {host: lines for host, lines in found.items() if lines}


_Wanted = tuple[Node, str, Sequence[str]]


def _wanted(pair: Pair) -> Iterator[_Wanted]:
    """Every command that a run has to give: where, as whose shell, and its words."""
    for node in pair:
        yield from _as_owner(node)
        if isinstance(node.service, Commands):
            for argv in (*_parts(node.service), ()):
                yield node, _login(node), argv
        if fence := node.fence:
            witness = next((it.ssh for it in pair.witnesses if it.name == fence.witness), fence.ssh)
            place = Node(node.name, "", "", "", ssh=witness)
            yield from ((place, _login(place), argv) for argv in (fence.command, fence.check))
    for client in pair.clients:
        if isinstance(client, Pgbouncer | Command):
            place = door_to(client, pair).node
            yield from _as_owner(place)
            if isinstance(client, Command):
                yield from _moving(client, place, pair)


def _as_owner(place: Node) -> Iterator[_Wanted]:
    yield place, _login(place), as_user(place.owner, "sh")


def _moving(client: Command, place: Node, pair: Pair) -> Iterator[_Wanted]:
    """What a client's program is told, whichever node is the primary."""
    there = Move(pair, *pair.names)
    for argv in (client.redirect, client.check, client.undo):
        for move in (there, there.back):
            yield place, place.owner or _login(place), move.filled(argv)


def _parts(service: Commands) -> Iterable[tuple[str, ...]]:
    return service.start, service.stop, service.disable, service.enable


def _login(place: Node) -> str:
    return (place.ssh.user if place.ssh else "") or getpass.getuser()


def _line(user: str, argv: Sequence[str]) -> str:
    """The line that lets this user type this; empty for what is not asked of sudo.

    >>> print(_line("ops", ("sudo", "-n", "-u", "postgres", "--", "env", "LC_ALL=C", "sh")))
    ops ALL=(postgres) NOPASSWD: /usr/bin/env LC_ALL\\=C sh
    >>> print(_line("ops", ("sudo", "-n", "systemctl", "stop", "postgresql@15-main")))
    ops ALL=(root) NOPASSWD: /usr/bin/systemctl stop postgresql@15-main
    """
    left = list(argv)
    if not left or Path(left.pop(0)).name != "sudo":
        return ""
    run_as = "root"
    while left and left[0].startswith("-"):
        option = left.pop(0)
        if option in ("-u", "--user"):
            run_as = left.pop(0)
        if option == "--":
            break
    if not left:
        return ""
    program, *arguments = left
    path = program if program.startswith("/") else f"/usr/bin/{program}"
    command = " ".join(map(_escaped, (path, *arguments)))
    # without arguments it would be allowed with any
    return f"{user} ALL=({run_as}) NOPASSWD: {command}{'' if arguments else ' ' + chr(34) * 2}"


def _escaped(word: str) -> str:
    """A word as sudoers(5) wants it: what means something there loses its meaning."""
    return re.sub(r"([\\,:= *?\[\]!()])", r"\\\1", word)
