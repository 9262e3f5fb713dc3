"""Who may replicate from a node: the role, pg_hba.conf, and the password that this machine has."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from ..judgement.plans import Plan
from ..model import Pair, passfile
from ..model.configuration import hba_address, hba_block
from ..model.errors import NotSafe
from ..run.run import Run
from .configured import configuration
from .files import why_not_written
from .node_config import home_of
from .queries import query


def role_is_missing(run: Run, name: str) -> str:
    """What the replication role wants: "create", "give" (the right to replicate), or nothing."""
    rows = run.doors[name].sql.read(query("role"), [run.pair.replication_user])
    if not rows:
        return "create"
    return "" if rows[0]["replication"] else "give"


def hba_is_missing(run: Run, name: str) -> bool:
    """Whether this server's pg_hba.conf lacks a line of ours."""
    door = run.doors[name]
    user = run.pair.replication_user
    hosts = {hba_address(node.seen_by_peer[0])[1] for node in run.pair}
    asked = [
        [database, user, host] for database in ("replication", run.pair.database) for host in hosts
    ]
    found = [door.sql.read(query("hba"), wanted)[0]["lines"] for wanted in asked]
    if any(lines is None for lines in found):
        node = door.node
        read = configuration(door, node.data_directory, node.config_directory)
        return not lets_in(read.access, run.pair)
    return any(lines == 0 for lines in found)


def lets_in(lines: Sequence[Sequence[str]], pair: Pair) -> bool:
    """Whether lines of a pg_hba.conf, as words, have each of ours.

    By the same measure as `hba_is_missing`.
    """
    hosts = {hba_address(node.seen_by_peer[0]) for node in pair}
    asked = [(database, names) for database in ("replication", pair.database) for names in hosts]
    return all(
        any(
            {database, pair.replication_user} <= {*line}
            and {*names} & {*line}
            and "reject" not in line
            for line in lines
        )
        for database, names in asked
    )


def refuse_unwritable(run: Run, name: str, missing: bool) -> None:
    """Raises NotSafe where a node's pg_hba.conf lacks our lines and may not be written.

    It says which lines to write by hand. `missing` is what a running server has said; else the file
    is read, because a copy that the node gets keeps it.
    """
    door = run.doors[name]
    home = home_of(run.doors[name])
    if not home and not door.node.config_directory:
        return
    found = configuration(door, home or door.node.data_directory, door.node.config_directory)
    if (not missing and lets_in(found.access, run.pair)) or not (
        why := why_not_written(door, found.hba)
    ):
        return
    block = hba_block(run.pair, "scram-sha-256")
    raise NotSafe(
        f"pg_hba.conf of {name} must let both nodes replicate, and cannot be written: {why}",
        f"put this on top of {found.hba} and reload, then run this notebook again:\n{block}",
    )


def password_of(pair: Pair, name: str) -> str:
    """The replication role's password in the operator's passfile, or empty.

    There is none with certificates, trust or peer.
    """
    node = pair[name]
    return passfile.password(
        pair.passfile, node.host, str(node.port), "replication", pair.replication_user
    )


def hba_lines(run: Run, name: str) -> str:
    """Our lines, as this running server lets others in.

    Passwords as it stores them, and TLS alone where nobody is let in over a network without.
    """
    told = run.doors[name].sql.read(query("how others come in"), [run.pair.replication_user])[0]
    method = "scram-sha-256" if told["stored"] == "scram-sha-256" else "md5"
    return hba_block(run.pair, method, "hostssl" if told["only_tls"] else "host")


def login_to_copy(pair: Pair, keep: str) -> str:
    """Lines that the passfile lacks for the other node once that is a copy of `keep`.

    The copy has the roles of `keep`. Empty where one password opens both, or none is needed.
    """
    if os.environ.get("PGPASSWORD"):
        return ""
    places = [(node.host, str(node.port)) for node in (pair[keep], pair.other(keep))]
    kept, other = (
        passfile.password(pair.passfile, *place, pair.database, pair.user) for place in places
    )
    if kept in ("", other):
        return ""
    there, here = places
    return passfile.lines_as_of(pair.passfile, there, here, pair.user)


def with_login(pair: Pair, plan: Plan) -> Plan:
    """The plan of a copy, with what its node's login asks of the passfile.

    Raises NotSafe where that cannot be written. Without it a setup waited for a minute and failed,
    although the standby streamed all along (seen).
    """
    if plan.already or not login_to_copy(pair, plan.peer):
        return plan
    place = passfile.passfile_place(pair.passfile)
    if not (os.access(place, os.W_OK) and os.access(place.parent, os.W_OK)):
        raise NotSafe(
            f"{plan.node} becomes a copy of {plan.peer}, with its roles: {pair.user} has another "
            f"password for it in {place}, which may not be written",
            f"let this user write {place} and its folder, or give {pair.user} on {plan.node} the "
            f"password of {plan.peer} (psql's \\password), and write it into both lines",
        )
    step = f"Put the password of {pair.user} on {plan.peer} first for {plan.node}, too, in {place}"
    return replace(plan, steps=(*plan.steps, step))
