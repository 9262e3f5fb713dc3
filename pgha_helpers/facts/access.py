"""Who may replicate from a node: the role, pg_hba.conf, and the password that this machine has."""

from __future__ import annotations

import os
from collections.abc import Sequence

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
    return any(door.sql.read(query("hba"), wanted)[0]["lines"] == 0 for wanted in asked)


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


def refuse_two_passwords(pair: Pair, keep: str) -> None:
    """Refuse a setup after which nobody could log in to what it has made. Raises NotSafe.

    The copy has the roles of the kept cluster: with a line of its own for the other node, the run
    waited for a minute and failed, although the standby streamed all along (seen).
    """
    if os.environ.get("PGPASSWORD"):
        return
    words = [
        passfile.password(pair.passfile, node.host, str(node.port), pair.database, pair.user)
        for node in pair
    ]
    if len(set(filter(None, words))) < len(words):
        return
    other = pair.other(keep).name
    raise NotSafe(
        f"the passfile has another password of {pair.user} for {other} than for {keep}, and after "
        f"setup {other} is a copy of {keep}, with its roles: no session could be opened there",
        f"give {pair.user} on {other} the password of {keep} (psql's \\password), and write it "
        "into both lines",
    )
