"""The lines of sudoers that a pair file needs: what each host's ssh user has to run as others."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..clients.client_host import door_to
from ..clients.move import Move
from ..model import Command, Node, Pair, Pgbouncer
from ..model.pair import Commands


def sudoers(pair: Pair) -> dict[str, list[str]]:
    """Lines by host; a program that is named without its directory is taken to be in /usr/bin."""
    found: dict[str, list[str]] = {}
    for place, line in _wanted(pair):
        lines = found.setdefault(place.ssh.host if place.ssh else "this machine", [])
        if line and line not in lines:
            lines.append(line)
    return {host: lines for host, lines in found.items() if lines}


def _wanted(pair: Pair) -> Iterator[tuple[Node, str]]:
    """A place and a line for it, for all that a run has done there; empty where that needs none."""
    for node in pair:
        yield node, _shell(node)
        if isinstance(service := node.service, Commands):
            for argv in (service.start, service.stop, service.disable, service.enable):
                yield node, _line(_login(node), argv)
        if fence := node.fence:
            witness = next((it.ssh for it in pair.witnesses if it.name == fence.witness), fence.ssh)
            place = Node(node.name, "", "", "", ssh=witness)
            for argv in (fence.command, fence.check):
                yield place, _line(_login(place), argv)
    for client in pair.clients:
        if isinstance(client, Pgbouncer | Command):
            place = door_to(client, pair).node
            yield place, _shell(place)
            if isinstance(client, Command):
                yield from ((place, line) for line in _moving(client, place, pair))


def _shell(place: Node) -> str:
    """For the shell of the server's owner. A line for `sh` alone would only seem to be narrower."""
    return f"{_login(place)} ALL=({place.owner}) NOPASSWD: ALL" if place.owner else ""


def _moving(client: Command, place: Node, pair: Pair) -> Iterator[str]:
    """For what a client's program is told, whichever node is the primary."""
    there = Move(pair, *pair.names)
    for argv in (client.redirect, client.check, client.undo):
        for move in (there, there.back):
            yield _line(place.owner or _login(place), move.filled(argv))


def _login(place: Node) -> str:
    return (place.ssh.user if place.ssh else "") or getpass.getuser()


def _line(user: str, argv: Sequence[str]) -> str:
    """The line that lets this user type this; empty for what is not asked of sudo.

    >>> print(_line("ops", ("sudo", "-n", "systemctl", "stop", "postgresql@15-main")))
    ops ALL=(root) NOPASSWD: /usr/bin/systemctl stop postgresql@15-main
    >>> print(_line("ops", ("/usr/bin/sudo", "-n", "-u", "dns", "--", "/sbin/point", "a=b")))
    ops ALL=(dns) NOPASSWD: /sbin/point a\\=b
    """
    left = list(argv)
    if not left or Path(left.pop(0)).name != "sudo":
        return ""
    run_as = "root"
    while left and left[0].startswith("-"):
        option = left.pop(0)
        if option in ("-u", "--user") and left:
            run_as = left.pop(0)
        if option == "--":
            break
    if not left:
        return ""
    path = left[0] if left[0].startswith("/") else f"/usr/bin/{left[0]}"
    # without arguments, any would be allowed
    arguments = [_escaped(word) for word in left[1:]] or ['""']
    return f"{user} ALL=({run_as}) NOPASSWD: {' '.join([_escaped(path), *arguments])}"


def _escaped(word: str) -> str:
    """A word as sudoers(5) wants it: what means something there loses its meaning."""
    return re.sub(r"([\\,:= *?\[\]!()])", r"\\\1", word)
